/* lake/relocate.h - data directories that were moved or copied.
 *
 * Iceberg metadata names files by absolute locations, so after a move every table of the directory
 * names the old place. lake_open finds that out by the catalog's rows alone and refuses: the old
 * place may still be there (a copy), and reading it by accident would be worse than an error.
 * Included by lake.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_LAKE_RELOCATE_H
#define K2_LAKE_RELOCATE_H

#include "base/err.h"

#include <stdint.h>

struct lake_relocate_options {
    bool dry_run; /* tell which tables were moved, write nothing */
    /* Also the tables that are at home get metadata without a log of older versions: what a restore
     * needs, which has no older ones. */
    bool all;
    /* Or NULL: for each table that was moved (or is to be), before it is worked on. */
    void (*table)(void *ctx, const char *table, const char *from);
    void *ctx;
};

struct lake_relocation {
    int tables;    /* that were moved */
    int64_t files; /* metadata files, manifest lists and manifests written */
};

/* Makes the tables of a moved directory be at home in it: metadata, manifest lists and manifests are
 * written anew beside the old ones, of every snapshot that is kept; Parquet files stay as they are.
 * Then one catalog transaction names all of them, and the old ones are removed. Killed in between,
 * the old state is found and the call may be repeated. A directory that was not moved: K2_OK and no
 * tables. */
K2_RC lake_relocate(const char *data, const struct lake_relocate_options *o,
                    struct lake_relocation *out, struct k2_err *err);

#endif
