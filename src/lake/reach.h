/* lake/reach.h - every file that a table's metadata names. Internal to the room. Thread-safety: none. */
#ifndef K2_LAKE_REACH_H
#define K2_LAKE_REACH_H

#include "base/buf.h"
#include "base/err.h"

struct lake_reached {
    const char *path; /* absolute */
    int64_t bytes;    /* as the metadata says; -1 = it does not say */
    /* Metadata, manifest lists and manifests come with what was read of them; data files do not. */
    bool has_content;
    struct k2_sv content;
};

/* Called once a file; may be called for a file again when several snapshots name it. */
typedef int (*lake_reach_fn)(void *ctx, const struct lake_reached *file, struct k2_err *err);

/* The metadata file at this location, and of all its snapshots the manifest lists, the manifests, the
 * data and delete files that are live, the statistics files. Old versions of the metadata are not
 * among them. A file that is missing is K2_E_NOTFOUND: it may have gone since the metadata was read. */
K2_RC lake_reach(const char *location, lake_reach_fn fn, void *ctx, struct k2_err *err);

#endif
