/* query/damage.h - whether a statement failed because a file that it read is damaged.
 *
 * DuckDB says neither which file it choked on nor that the file is to blame ("TProtocolException:
 * Invalid data"), and its words change with its versions. So the question is put to the files: a
 * run keeps the names of what it reads, and when it fails they are compared with what the manifests
 * and their own checksums say. Thread-safety: none; a list belongs to its result.
 */
#ifndef K2_QUERY_DAMAGE_H
#define K2_QUERY_DAMAGE_H

#include "lake/lake.h"

#include <stdatomic.h>

struct query_reads { /* the files that the statement at hand reads */
    int n, room;
    struct query_read {
        char *path; /* owned */
        int64_t bytes;
    } * at;
};

void query_reads_add(struct query_reads *r, const struct lake_file *const *files, int n);
void query_reads_free(struct query_reads *r); /* back to empty */

/* The status to report for a run over these files that failed with `rc`: K2_E_CORRUPT, and a message
 * that names the file, if one of them is damaged or missing; else rc, with the message as it was.
 * Looks for some seconds at most, and ends when *cancelled becomes true. */
int query_reads_blame(const struct query_reads *r, int rc, const atomic_bool *cancelled,
                      struct k2_err *err);

#endif
