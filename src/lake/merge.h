/* lake/merge.h - keeping the number of manifests small. */
#ifndef K2_LAKE_MERGE_H
#define K2_LAKE_MERGE_H

#include "lake/manifest.h"

struct lake_paths { /* files that a commit wrote, to be removed if it fails */
    int n;
    char **at; /* owned */
};

void lake_paths_add(struct lake_paths *p, const char *path);
void lake_paths_free(struct lake_paths *p);
void lake_paths_remove(const struct lake_paths *p); /* the files */
/* "<directory>/<uuid>-m<n>.avro"; gives memory. */
char *lake_manifest_path(const char *directory, int n);

/* Replaces small manifests of the list by merged ones when there are as many as the table's
 * property commit.manifest.min-count-to-merge says. What is written is added to `written`. */
K2_RC lake_manifests_merge(const struct lake_table *t, const char *directory, int64_t snapshot,
                           struct lake_manifest_list *list, struct lake_paths *written,
                           struct k2_err *err);

#endif
