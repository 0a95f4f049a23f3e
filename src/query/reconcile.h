/* query/reconcile.h - the proof that journal and tables hold the same events.
 *
 * Every record that the journal still holds and that a table's offsets cover is compared with the table's
 * row of the same journal position, in every column. Segments that retention deleted are compared by the
 * digests that were taken when they were sealed. Rows of another journal incarnation cannot be compared and
 * are counted apart. Journal records beyond a table's offsets are lag, not a difference.
 * The table is read by DuckDB, not by the code that wrote it.
 * Included by query.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_QUERY_RECONCILE_H
#define K2_QUERY_RECONCILE_H

#include "codec/codec.h"

struct query_engine;

struct reconcile_side {
    int64_t rows, min_sequence, max_sequence;
    struct k2_h128 checksum; /* sum of k2_row_hash mod 2^128 */
};

struct reconcile_line { /* one (table, exchange, symbol, session date) */
    const struct k2_kind *kind;
    char *exchange, *symbol; /* owned by the report */
    int32_t trade_date;
    struct reconcile_side journal, table;
    int64_t missing;   /* in the journal, not in the table */
    int64_t extra;     /* in the table, not in the journal, or twice */
    int64_t changed;   /* in both, some column differs */
    int64_t by_digest; /* of journal.rows: known by digest only */
};

struct reconcile_report {
    int32_t journal_id;
    int64_t compared, missing, extra, changed, by_digest;
    int64_t lag;           /* journal records that no table covers yet */
    int64_t other_journal; /* table rows of another incarnation: not comparable */
    int line_count;
    struct reconcile_line *lines; /* sorted by table, exchange, symbol, date */
    char first[512];              /* the first difference found, in words; "" = none */
};

static inline bool reconcile_equal(const struct reconcile_report *r) {
    return r->missing == 0 && r->extra == 0 && r->changed == 0;
}

/* A difference is not a failure: K2_OK and the report says it. */
K2_RC reconcile_run(const char *data, struct query_engine *q,
                    void (*progress)(void *ctx, int64_t done, int64_t all), void *progress_ctx,
                    struct reconcile_report *out, struct k2_err *err);
void reconcile_free(struct reconcile_report *r);
/* The report as JSON (proof.json): checksums in hex, counts as integers. */
void reconcile_json(const struct reconcile_report *r, int64_t now_ns, struct k2_buf *out);

#endif
