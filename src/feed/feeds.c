/* feed/feeds.c - the table of feeds. A new one is its folder or file and a line here. */
#include "feed/feed_int.h"

static const struct feed_ops *const feeds[] = {
    &feed_asx_csv,
    &feed_binance_json,
};
#define FEEDS ((int)(sizeof feeds / sizeof *feeds))
/* A lower score is a guess, and a wrong decoder quarantines a whole file. */
#define SURE_ENOUGH 50

static const struct {
    const char *format;
    void (*print)(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);
} printers[] = {
    {"asx-csv", feed_asx_print},
    {"binance-json", feed_binance_print},
};
#define PRINTERS (sizeof printers / sizeof *printers)

int feed_count(void) {
    return FEEDS;
}

const struct feed_ops *feed_at(int index) {
    return feeds[index];
}

const struct feed_ops *feed_find(struct k2_sv name) {
    for (int i = 0; i < FEEDS; i++)
        if (k2_sv_eq(name, k2_sv_of(feeds[i]->name)))
            return feeds[i];
    return NULL;
}

const struct feed_ops *feed_detect_why(struct k2_sv file_name, struct k2_sv head, int *sure,
                                       const char **why) {
    const struct feed_ops *best = NULL;
    int score = SURE_ENOUGH - 1;
    *why = head.n ? "its first lines are in none of the known formats" : "it is empty";
    for (int i = 0; i < FEEDS; i++) {
        const char *reason = NULL;
        int found = feeds[i]->detect(feeds[i], file_name, head, &reason);
        if (found > score) {
            best = feeds[i];
            score = found;
            *why = reason;
        }
    }
    *sure = best ? score : 0;
    return best;
}

const struct feed_ops *feed_detect(struct k2_sv file_name, struct k2_sv head) {
    int sure;
    const char *why;
    return feed_detect_why(file_name, head, &sure, &why);
}

bool feed_can_print(struct k2_sv format) {
    for (size_t i = 0; i < PRINTERS; i++)
        if (k2_sv_eq(format, k2_sv_of(printers[i].format)))
            return true;
    return false;
}

void feed_print_event(struct k2_sv format, const struct k2_event *e, const struct k2_interner *in,
                      struct k2_buf *out) {
    for (size_t i = 0; i < PRINTERS; i++)
        if (k2_sv_eq(format, k2_sv_of(printers[i].format)))
            printers[i].print(e, in, out);
}
