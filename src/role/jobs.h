/* role/jobs.h - the jobs that other commands have the feeder do: read a file, simulate, retain.
 *
 * Each runs to its end before it returns, on the caller's thread as far as waiting goes and on the feeder's
 * as far as work goes. `watch` as for feeder_run.
 * Thread-safety: any thread.
 */
#ifndef K2_ROLE_JOBS_H
#define K2_ROLE_JOBS_H

#include "role/feeder.h"
#include "role/request.h"

typedef bool jobs_watch(void *ctx, const struct job_report *so_far);

/* fd: what to read instead of r->path (a pipe), or -1; it stays the caller's. */
K2_RC jobs_ingest(struct feeder *f, const struct request_ingest *r, int fd, jobs_watch *watch,
                  void *watch_ctx, struct job_report *out, struct k2_err *err);
K2_RC jobs_simulate(struct feeder *f, const struct sim_options *o, jobs_watch *watch,
                    void *watch_ctx, struct job_report *out, struct k2_err *err);
/* ingest_mark, durable when it returns. */
K2_RC jobs_mark(struct feeder *f, const struct request_mark *m, bool *again, struct k2_err *err);
/* ingest_grow; it goes on with what came before and comes after. */
K2_RC jobs_grow(struct feeder *f, struct k2_sv topic, int32_t partitions, struct journal_grown *out,
                struct k2_err *err);
/* Removes the segments up to number `last`, which were proven to be in the tables (query/retain.h), as far as
 * they are older and every consumer group has read them. Gives how many went. */
K2_RC jobs_retain(struct feeder *f, int64_t older_than_ns, int64_t last, int *removed,
                  struct k2_err *err);

/* ingest_retry, durable when it returns. */
K2_RC jobs_retry(struct feeder *f, const struct ingest_retry *r, enum ingest_retried *outcome,
                 struct k2_buf *why, struct k2_err *err);

#endif
