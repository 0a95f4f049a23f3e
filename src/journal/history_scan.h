/* journal/history_scan.h - what the log holds of one exchange, one kind and a stretch of session dates: read in
 * one pass, and later what was appended since. Sealed segments whose digests rule it out are skipped. */
#ifndef K2_JOURNAL_HISTORY_SCAN_H
#define K2_JOURNAL_HISTORY_SCAN_H

#include "journal/journal.h"

struct history_scan {
    struct journal *journal;
    enum k2_kind_id kind; /* of the topic */
    bool shared; /* only events of channels that all kinds share; without, only the others */
    struct k2_buf exchange;
    int32_t first, last;          /* session dates */
    int64_t lo, hi;               /* of the sequences */
    struct k2_interner *interner; /* of the keys; kept until the next start */
    struct k2_buf key;
    int64_t
        *ends; /* of the topic's partitions, in all versions: what was read; NULL = nothing yet */
    size_t count; /* of the ends */
    void (*take)(void *ctx, uint32_t key, const struct seq_known *known);
    void *ctx;
};

/* journal, kind, shared, take and ctx are set by the caller; the rest is zero. */
void history_scan_init(struct history_scan *s);
void history_scan_fini(struct history_scan *s);
void history_scan_start(struct history_scan *s, struct k2_sv exchange, int32_t first, int32_t last,
                        int64_t lo, int64_t hi);
bool history_scan_is_of(const struct history_scan *s, struct k2_sv exchange, int32_t date);
/* The id by which `take` is told of a channel on a session date; 0 = nothing of it was read. */
uint32_t history_scan_key(struct history_scan *s, int32_t date, struct k2_sv channel);
/* Gives `take` everything that it was not given since the start. What is gathered is made durable first: it
 * could not be read otherwise. After a failure: start again. */
K2_RC history_scan_run(struct history_scan *s, struct k2_err *err);

#endif
