/* lake/sink_worker.h - the part of the sink that reads: spans of the journal become sets of data files.
 *
 * Internal to the room. A worker has a share of a table's partitions to itself and everything it needs to decode, sort
 * and write them, so any number of workers may run at once (sink_crew.c). What a worker gives is a set: files that no
 * table knows yet, and up to where they hold its partitions. Sets of one worker are in the order of its offsets; a set is
 * committed only behind all earlier ones of the same worker, which is what makes the vector of offsets true.
 * Thread-safety: a worker belongs to one thread at a time; the journal, the table and the schemas are shared.
 */
#ifndef K2_LAKE_SINK_WORKER_H
#define K2_LAKE_SINK_WORKER_H

#include "codec/added.h"
#include "lake/lake_int.h"

#include <pthread.h>

/* The schemas that all workers ask for, one at a time: a registry has one owner (codec/registry.h). Fields that they have
 * and the table lacks are gathered; a round that met some ends with K2_E_CONFLICT before the first such row. */
struct sink_schemas {
    struct k2_schema_source source;
    pthread_mutex_t mutex;
    struct k2_field_list found;
};

/* What all workers of a round share; it outlives them. */
struct sink_plan {
    struct journal *journal;
    struct lake_table *table;
    const struct k2_kind *kind; /* of the table: lake_table_kind */
    struct sink_schemas *schemas;
    size_t rows; /* of a set, at most */
    int zstd_level;
};

struct sink_set {
    struct lake_file *files; /* heap; synced */
    int file_count;
    struct lake_offsets ends; /* of the worker's partitions, as far as they were reached */
    int64_t rows, oldest_ns;  /* oldest_ns: append time of the oldest row; INT64_MAX without rows */
    int64_t decode_ns, sort_ns, write_ns;
};

struct sink_worker;
/* Opens a reader of the spans (borrowed for the call). Not while another worker is made or freed. */
K2_RC sink_worker_new(const struct sink_plan *plan, const struct journal_span *spans, int n,
                      struct sink_worker **out, struct k2_err *err);
/* 1 = a set; 0 = the last one, which may have rows too and says that the spans' ends are reached; negative = error, and
 * no set. */
int sink_worker_next(struct sink_worker *w, struct sink_set *out, struct k2_err *err);
void sink_worker_free(struct sink_worker *w); /* NULL is fine */

void sink_set_free(struct sink_set *set);    /* the files stay */
void sink_set_discard(struct sink_set *set); /* the files go: no table will have them */

/* --- sink_crew.c: workers on threads of their own --- */

struct sink_crew;
/* Shares the spans out to at most `workers` workers, about equally by records. With one worker there is no thread. */
K2_RC sink_crew_new(const struct sink_plan *plan, const struct journal_span *spans, int n,
                    int workers, struct sink_crew **out, struct k2_err *err);
/* One set of each worker that is not at its end, put together. 1 = a set, 0 = the last one, negative = error: the workers
 * have stopped, and what they had written is removed. */
int sink_crew_next(struct sink_crew *c, struct sink_set *out, struct k2_err *err);
/* Stops the workers and removes what was not taken. NULL is fine. */
void sink_crew_free(struct sink_crew *c);

#endif
