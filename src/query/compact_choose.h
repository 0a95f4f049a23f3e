/* query/compact_choose.h - which files are to be merged next. Pure functions, internal to the room.
 *
 * In a partition that files still come to, those below a quarter of the target are in tiers, each eight times
 * as large as the one below (64 MB, 8 MB, 1 MB; all below 128 KB are one): eight files of a tier are merged,
 * with whatever is smaller. So a row is written at most once a tier, and a partition has less than eight
 * small files a tier. Where nothing came for an hour, two files below a quarter of the target are enough.
 * Files of other programs, which do not say our order, stay as they are.
 */
#ifndef K2_QUERY_COMPACT_CHOOSE_H
#define K2_QUERY_COMPACT_CHOOSE_H

#include "lake/lake.h"

struct compact_rule {
    int64_t target_bytes, max_bytes; /* max_bytes 0 = no limit */
    bool eager;                      /* any two files below three quarters of the target */
    bool has_date;
    int32_t trade_date;
    int time_field; /* id of exchange_timestamp */
    int64_t now_ns;
    const int32_t *left_out; /* partitions not to be looked at */
    int left_out_count;
};

struct compact_group {
    int32_t trade_date;
    int n, pieces; /* pieces: how many files they are to become */
    const struct lake_file *
        *files; /* by their first time; the array is owned, the files are the plan's */
    int64_t rows, bytes;
};

/* The merge to do next; out->n = 0: none. written_ns: when each file of the plan was written. */
void compact_choose(const struct lake_plan *plan, const int64_t *written_ns,
                    const struct compact_rule *rule, struct compact_group *out);
void compact_group_free(struct compact_group *g);
/* The times (us) of a file's first and last row, as far as its metrics say. */
void compact_times(const struct lake_file *f, int time_field, int64_t *first, int64_t *last);

#endif
