/* tests/crash/pipeline.h - ingest and sink as the program runs them, on the disk that loses power, with
 * a model of what was promised.
 *
 * The feed is a simulated market of trades and quotes over midnight, with gaps, repeats and late events,
 * and one event that goes to quarantine. It is given in slices; a slice given again must change nothing.
 * Every step opens and closes what it needs, as `k2 ingest` and `k2 sink --once` do.
 *
 * Promises that pipeline_check holds against what it finds (false, and p->why in words):
 *  - what ingest made durable is in the journal;
 *  - what the catalog names exists, whole: every byte of every data file, every manifest and metadata;
 *  - each table holds exactly the rows below its offset vector, which never goes back behind what
 *    sink_run returned with, and the saved position "sink" is never ahead of it.
 */
#ifndef K2_TESTS_PIPELINE_H
#define K2_TESTS_PIPELINE_H

#include "crash/disk.h"
#include "lake/lake.h"

enum { PIPELINE_PARTITIONS = 2, PIPELINE_TOPICS = 8, PIPELINE_EVENTS = 90 };

struct pipeline {
    char *root, *data; /* data is <root>/k2 */
    struct disk *disk;
    char why[1200];
    struct { /* the model */
        int64_t durable[PIPELINE_TOPICS][PIPELINE_PARTITIONS];
        struct lake_offsets committed[K2_KIND_COUNT];
        bool made[K2_KIND_COUNT];
    } m;
    struct whole_file *files; /* what was written, by path, before the cut */
    size_t file_count;
};

struct pipeline *pipeline_new(void);
void pipeline_free(struct pipeline *p);

/* Events [from, to) of the feed; event 0 comes with the one for quarantine. */
int pipeline_ingest(struct pipeline *p, int from, int to, struct k2_err *err);
int pipeline_sink(struct pipeline *p, struct k2_err *err);
/* Makes the tables so that old metadata is deleted and manifests are merged after a few commits. */
int pipeline_tables(struct pipeline *p, struct k2_err *err);
/* The whole workload, step by step; stops at the first failure. `begin` (may be NULL) is called before
 * each step with its name. */
int pipeline_run(struct pipeline *p, void (*begin)(void *ctx, const char *step), void *ctx,
                 struct k2_err *err);

/* The power goes: disk_cut, after a look at every data file as it was written. */
void pipeline_cut(struct pipeline *p, uint64_t seed);
bool pipeline_check(struct pipeline *p);
/* Goes on to the end of the feed and the tables, and checks that each row is there once. */
bool pipeline_finish(struct pipeline *p);
/* pipeline_finish's result row by row, as DuckDB reads it. */
bool pipeline_reconcile(struct pipeline *p);

#endif
