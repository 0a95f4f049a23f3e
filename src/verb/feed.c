/* verb/feed.c - `k2 feed list`, `show` and `detect`: the formats. */
#include "verb/listing.h"
#include "verb/verbs.h"

#include <stdlib.h>

#define HEAD 4096

static void put_feed(struct listing *l, const struct feed_ops *f) {
    listing_cstring(l, f->name);
    listing_cstring(l, f->title);
    listing_cstring(l, f->numbering);
}

static const struct listing_column columns[] = {
    {"format", NULL}, {"title", NULL}, {"numbering", NULL}};

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct listing *l;
    K2_TRY(listing_open(c, columns, 3, &l, err));
    for (int i = 0; i < feed_count(); i++)
        put_feed(l, feed_at(i));
    return listing_close(l, err);
}

static int unknown_feed(const char *word, struct k2_err *err) {
    const char *names[32];
    int n = 0;
    for (; n < feed_count() && n < 32; n++)
        names[n] = feed_at(n)->name;
    const char *best = k2_nearest(word, names, n);
    return k2_fail(err, K2_E_USAGE, "there is no format '%s'%s%s%s", word,
                   best ? "; did you mean " : "; k2 feed list names them", best ? best : "",
                   best ? "?" : "");
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    const struct feed_ops *f = feed_find(k2_sv_of(c->args[0]));
    if (!f)
        return unknown_feed(c->args[0], err);
    struct listing *l;
    K2_TRY(listing_open(c, columns, 3, &l, err));
    put_feed(l, f);
    return listing_close(l, err);
}

static int run_detect(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column found[] = {{"file", NULL}, {"format", NULL}};
    struct listing *l;
    int unknown = 0;
    K2_TRY(listing_open(c, found, 2, &l, err));
    for (int i = 0; i < c->arg_count; i++) {
        const char *slash = strrchr(c->args[i], '/');
        struct k2_buf head = {0};
        int rc = feed_file_head(c->args[i], HEAD, &head, err);
        const struct feed_ops *f =
            feed_detect(k2_sv_of(slash ? slash + 1 : c->args[i]), k2_buf_view(&head));
        k2_buf_free(&head);
        if (rc != K2_OK) {
            listing_drop(l);
            return rc;
        }
        listing_cstring(l, c->args[i]);
        listing_cstring(l, f ? f->name : NULL);
        unknown += f == NULL;
    }
    K2_TRY(listing_close(l, err));
    if (unknown > 0)
        return k2_fail(err, K2_E_FAILED, "%d of %d files are in no known format; k2 feed list",
                       unknown, c->arg_count);
    return K2_OK;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const list_examples[] = {"k2 feed list", NULL};
static const char *const show_examples[] = {"k2 feed show asx-csv", NULL};
static const char *const detect_examples[] = {"k2 feed detect 7078_BHP_20140310.csv.gz", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the formats that k2 ingest reads",
    .usage = "",
    .options = options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb show = {
    .name = "show",
    .summary = "one format, and where its numbers come from",
    .usage = "FORMAT",
    .options = options,
    .examples = show_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

static const struct verb detect = {
    .name = "detect",
    .summary = "tell the format of files",
    .usage = "FILE...",
    .options = options,
    .examples = detect_examples,
    .min_args = 1,
    .max_args = -1,
    .run = run_detect,
};

static const struct verb *const subs[] = {&list, &show, &detect, NULL};

const struct verb verb_feed = {
    .name = "feed",
    .summary = "the formats that k2 ingest reads",
    .usage = "list|show|detect",
    .options = options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
