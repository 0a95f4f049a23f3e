/* lake/kept.h - the set of files that tables name, which nothing may remove.
 *
 * Files are known by device and inode and not by their names: whatever way a writer spelled a
 * location, the file that is there is the one that is kept. For the same reason a file that is named
 * and not there is K2_E_CORRUPT: it may be there under a name that we do not understand, and then
 * removing what seems to be named by nobody would remove it. Thread-safety: none; one owner.
 */
#ifndef K2_LAKE_KEPT_H
#define K2_LAKE_KEPT_H

#include "lake/manifest.h"

struct lake_kept {
    struct k2_interner *files;  /* device and inode */
    struct k2_interner *opened; /* manifests whose data files are in the set */
    struct lake_manifest_reader reader;
};

void lake_kept_init(struct lake_kept *k);
void lake_kept_free(struct lake_kept *k);
bool lake_kept_has(const struct lake_kept *k,
                   const char *path); /* false if there is no such file */
/* Adds everything but data files: the metadata file and its log, statistics, and of the snapshots
 * their lists and manifests. wanted: by index in t->snapshots; NULL = all. */
K2_RC lake_kept_metadata(struct lake_kept *k, const struct lake_table *t, const bool *wanted,
                         struct k2_err *err);
/* Adds the data files of a snapshot. */
K2_RC lake_kept_data(struct lake_kept *k, const struct lake_table *t, const struct lake_snapshot *s,
                     struct k2_err *err);

#endif
