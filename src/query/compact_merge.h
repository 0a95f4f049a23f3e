/* query/compact_merge.h - one merge, from small files to proven large ones. Internal to the room. */
#ifndef K2_QUERY_COMPACT_MERGE_H
#define K2_QUERY_COMPACT_MERGE_H

#include "query/compact_choose.h"
#include "query/query_int.h"

struct compact_job {
    struct query_engine *engine;
    const struct lake_table *table;
    const struct k2_kind *kind;
    const struct compact_group *group;
    const struct compact_options *options;
    struct lake_file *added; /* owned by the caller: lake_files_free */
    int added_count;
};

/* Writes the group's rows as new files and proves that they hold the same rows; nothing is committed. A
 * failure removes what was written. */
K2_RC compact_write(struct compact_job *j, struct k2_err *err);

#endif
