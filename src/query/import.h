/* query/import.h - a Parquet file as the CSV that a mapping reads.
 *
 * Included by query.h, the room's face. Thread-safety: none.
 */
#ifndef K2_QUERY_IMPORT_H
#define K2_QUERY_IMPORT_H

#include "base/err.h"

struct query_import {
    char *csv;       /* absolute path */
    char *directory; /* that it is in */
};

/* Writes the file's rows, in their order and with its names as header, to a new CSV file: decimals as they are, times
 * in UTC, null as an empty field. */
K2_RC query_import_parquet(const char *data, const char *path, struct query_import *out,
                           struct k2_err *err);
void query_import_end(struct query_import *i); /* removes the file; safe on zeros, and again */

#endif
