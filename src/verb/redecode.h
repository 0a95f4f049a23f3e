/* verb/redecode.h - what the files of `k2 redecode` share: the words and the work (redecode.c), what is kept and how it is
 * decoded (redecode_source.c), what is shown (redecode_show.c). */
#ifndef K2_VERB_REDECODE_H
#define K2_VERB_REDECODE_H

#include "role/role.h"
#include "verb/progress.h"
#include "verb/verb.h"

struct redecode_example {
    struct compare_row row; /* its strings are owned */
    struct k2_buf id, symbol, what;
    int64_t raw_offset;
};

struct redecode {
    struct verb_context *c;
    struct journal *journal;
    struct k2_interner *in;
    struct progress progress;

    /* What is decoded: the raw topic of an exchange, or files. */
    char exchange[32];           /* of the topic; empty: files */
    struct raw_source *all_kept; /* the topic's */
    size_t kept_n;
    const struct raw_source *kept; /* the one that is meant */
    int64_t from_ns, to_ns;
    struct sources sources;
    struct counted **counted; /* of each: where its rows began to count */
    const struct feed_ops *feed;
    struct feed_options options;
    struct symbols *symbols; /* NULL: all */
    struct k2_buf symbol_list;
    struct k2_buf mapping;

    /* What came of it. */
    int64_t decoded[K2_KIND_COUNT], rejects, filtered, repeated;
    int64_t counts[K2_KIND_COUNT + 1][COMPARE_CHANGES]; /* behind the kinds: SEQ_SHARED */
    int64_t most;                                       /* examples of each change */
    struct redecode_example *examples;
    size_t example_n;
};

/* --- redecode_source.c --- */

/* The SOURCE, and the format it is decoded with. */
K2_RC redecode_find(struct redecode *r, struct k2_err *err);
/* All of it, once; any number of times. */
K2_RC redecode_decode(struct redecode *r, const struct feed_sink *sink, const char *doing,
                      struct k2_err *err);
/* Through the ordinary ingest. */
K2_RC redecode_ingest(struct redecode *r, struct role_writer *w, struct k2_err *err);

/* --- redecode_show.c --- */

void redecode_keep_example(struct redecode *r, const struct compare_row *row);
/* Finds what the examples say; decodes once more for it. */
K2_RC redecode_fill_examples(struct redecode *r, struct k2_err *err);
K2_RC redecode_show(struct redecode *r, struct k2_err *err);
int64_t redecode_total(const struct redecode *r, enum compare_change change);

#endif
