/* lake/commit.h - one commit of data files, whatever it is for. Internal to the room. */
#ifndef K2_LAKE_COMMIT_H
#define K2_LAKE_COMMIT_H

#include "lake/merge.h"

struct lake_commit {
    const struct lake_file *added; /* synced already */
    int added_count;
    const struct lake_file *removed; /* by path; none = an append */
    int removed_count;
    /* The vector before and after; NULL: it stays what it is. */
    const struct lake_offsets *from, *to;
    const char *commit_id; /* found again when a reply was lost */
    int64_t now_ns;
};

/* As lake_append and lake_replace say (lake.h, replace.h). */
K2_RC lake_commit(struct lake *l, const char *table, const struct lake_commit *what,
                  int64_t *snapshot_id, struct k2_err *err);

/* replace.c: writes the list's manifests anew as far as they hold files that go, and one with what this
 * commit adds and removes. K2_E_CONFLICT: one of them is not there any more. What is written is added to
 * `written`. */
K2_RC lake_manifests_replace(const struct lake_table *t, const char *directory, int64_t snapshot,
                             const struct lake_commit *what, struct lake_manifest_list *list,
                             struct lake_paths *written, struct k2_err *err);

#endif
