/* role/intake_count.c - see intake_count.h. */
#include "role/intake_count.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

#define LOG_EVERY (10 * K2_NS_PER_SEC)

void intake_count_begin(struct intake_count *c) {
    c->source = (struct ingest_stats){0};
}

void intake_count_add(struct intake_count *c, const struct ingest_stats *before,
                      const struct ingest_stats *after) {
    struct ingest_stats n = *after;
    ingest_stats_add(&n, before, -1);
    ingest_stats_add(&c->all, &n, 1);
    ingest_stats_add(&c->source, &n, 1);
    c->unheard.quarantined += n.quarantined;
    c->unheard.conflicts += n.conflicts;
    c->unheard.requarantined += n.requarantined;
}

/* --- the log --- */

struct number {
    char text[24];
};

static struct number number(int64_t n) {
    struct number out;
    snprintf(out.text, sizeof out.text, "%" PRId64, n);
    return out;
}

/* What is in quarantine already was told when it came there. */
void intake_count_log(struct intake_count *c, const char *feed, const char *path, int64_t now_ns,
                      bool last) {
    const struct ingest_stats *n = &c->unheard;
    bool due = c->logged_ns == 0 || now_ns - c->logged_ns >= LOG_EVERY || now_ns < c->logged_ns;
    if (n->quarantined + n->conflicts - n->requarantined <= 0 || (!due && !last))
        return;
    k2_log(K2_LOG_WARN, "records of a feed went to quarantine; k2 quarantine list shows them",
           "feed", feed, "file", path, "refused", number(n->quarantined).text, "conflicts",
           number(n->conflicts).text, NULL);
    c->unheard = (struct ingest_stats){0};
    c->logged_ns = now_ns;
}

void intake_count_check(struct intake_count *c, const struct ingest_stats *n, const char *feed,
                        const char *path) {
    if (c->nothing_told || n->read == 0 || n->filtered + n->quarantined < n->read)
        return;
    c->nothing_told = true;
    k2_log(K2_LOG_WARN, "nothing that a feed has read is kept: look at its format and symbols",
           "feed", feed, "source", path, "read", number(n->read).text, "filtered",
           number(n->filtered).text, "quarantined", number(n->quarantined).text, NULL);
}

/* --- words --- */

static void put(struct k2_buf *out, int64_t n, const char *word) {
    if (n > 0)
        k2_buf_printf(out, ", %" PRId64 " %s", n, word);
}

void intake_count_text(const struct intake_count *c, struct k2_buf *out) {
    if (c->all.read == 0) {
        k2_buf_str(out, "nothing new since the start");
        return;
    }
    k2_buf_printf(out, "%" PRId64 " read, %" PRId64 " kept", c->all.read, c->all.accepted);
    put(out, c->all.duplicates, "duplicates");
    put(out, c->all.conflicts, "conflicts");
    put(out, c->all.quarantined, "quarantined");
    put(out, c->all.filtered, "filtered");
    put(out, c->all.halted, "halted");
    k2_buf_str(out, " since the start");
}
