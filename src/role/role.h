/* role/role.h - a running platform: what `k2 up` runs, and how other commands reach it.
 *
 * A platform is a set of agents (agent.h): the feeder with its feeds, the sink, the maintenance. Threads
 * drive them, or a test does, step by step. Only one platform runs in a data directory (run/up.lock).
 * A writer is what a command appends with: the journal itself, or the platform that holds it.
 * Thread-safety: a platform and a writer belong to one thread each; role_views may be called from any.
 */
#ifndef K2_ROLE_ROLE_H
#define K2_ROLE_ROLE_H

#include "base/config.h"
#include "query/query.h"
#include "role/agent.h"
#include "role/executions.h"
#include "role/live_words.h"
#include "role/request.h"

/* --- the platform --- */

struct role_platform;

/* What in the sections [feed.NAME] would keep a feed from ever working and can be told without opening its source;
 * feeds that are not enabled are passed over. Tells each in words; gives their number. */
int role_platform_check(const struct k2_config *config, void (*tell)(void *ctx, const char *text),
                        void *ctx);
/* Takes run/up.lock and the journal, makes the tables if they are missing. Nothing runs yet. */
K2_RC role_platform_open(const char *data, const struct k2_config *config,
                         struct role_platform **out, struct k2_err *err);
/* Starts a thread for each agent, and answers other commands. */
K2_RC role_platform_start(struct role_platform *p, struct k2_err *err);
/* Stops the threads, makes everything durable, brings the tables up to the journal, and frees. The error is
 * that of the last commit; everything is freed all the same. NULL is fine. */
K2_RC role_platform_close(struct role_platform *p, struct k2_err *err);
/* What can change while it runs: feeds, sink.*, maintain.*. */
void role_platform_reload(struct role_platform *p, const struct k2_config *config);
/* The state of every role and feed; gives their number, at most max. */
int role_platform_views(struct role_platform *p, struct agent_view *out, int max);
/* Told to other commands that ask for the status. Borrowed; before role_platform_start. */
void role_platform_set_address(struct role_platform *p, const char *http);

/* For tests: the agents in order (ingest, sink, maintenance, alerts, recovery, derivations), not started; NULL behind the last. */
struct agent *role_platform_agent(struct role_platform *p, int index);

/* Whether one runs in the directory. */
bool role_runs(const char *data);
/* What a running platform of the directory says of itself: {"pid":..,"http":..,"roles":[..]}. K2_E_NOTFOUND:
 * none runs. Gives a tree. */
K2_RC role_status(const char *data, struct k2_json **out, struct k2_err *err);

/* A role of the running platform that failed or stopped itself is tried again at once. K2_E_NOTFOUND: no such
 * role, or none runs. */
K2_RC role_resume(const char *data, const char *role, struct k2_err *err);

/* --- the writer --- */

struct role_writer;

struct role_writer_options {
    const char *command; /* for the lock file */
    bool halt;           /* gaps of files halt their channels */
    void (*progress)(void *ctx, const struct job_report *so_far);
    void *progress_ctx;
    bool (*stop)(void *ctx); /* asked while a live source is read; true ends it. NULL = never */
    void *stop_ctx;
};

/* Opens the journal for writing, or, when `k2 up` holds it, a line to that. */
K2_RC role_writer_open(const char *data, const struct k2_config *config,
                       const struct role_writer_options *o, struct role_writer **out,
                       struct k2_err *err);
void role_writer_close(struct role_writer *w); /* NULL is fine */
bool role_writer_is_remote(const struct role_writer *w);

/* Reads one file (path "-" is standard input) until its end, or a live source until its time is over or it is stopped,
 * and waits until it is durable. On failure what was whole before it is kept. */
K2_RC role_writer_file(struct role_writer *w, const struct request_ingest *file,
                       struct k2_err *err);
K2_RC role_writer_simulate(struct role_writer *w, const struct sim_options *o, struct k2_err *err);
/* A person's step in the life of a gap (ingest_mark), durable when it returns. */
K2_RC role_writer_mark(struct role_writer *w, const struct request_mark *mark, bool *again,
                       struct k2_err *err);
/* ingest_retry; durable with the next role_writer_flush at the latest. */
K2_RC role_writer_retry(struct role_writer *w, const struct request_retry *r,
                        enum ingest_retried *outcome, struct k2_buf *why, struct k2_err *err);
/* A group of executions, in journal and table when it returns (executions.h). *answers, an array, may be replaced by
 * another one. K2_E_INVALID: it has no header. */
K2_RC role_writer_executions(struct role_writer *w, const struct role_executions *group,
                             struct k2_json **answers, struct k2_err *err);
/* ingest_derive until nothing is new. */
K2_RC role_writer_derive(struct role_writer *w, enum derive_what what, struct derive_report *report,
                         struct k2_err *err);
/* journal_grow, durable when it returns. A running k2 up goes on with the new version. */
K2_RC role_writer_grow(struct role_writer *w, const char *topic, int32_t partitions,
                       struct journal_grown *out, struct k2_err *err);
K2_RC role_writer_flush(struct role_writer *w, struct k2_err *err);
struct ingest_stats role_writer_stats(const struct role_writer *w); /* of all calls so far */
/* For the gaps that are open; NULL when the journal is another process's. */
const struct seq_engine *role_writer_sequence(const struct role_writer *w);

/* --- upkeep --- */

struct role_retention {
    const char *command; /* for the lock file */
    int64_t older_than_ns;
    bool dry_run;
};

/* query/retain.h, also while `k2 up` holds the journal. */
K2_RC role_retain(const char *data, const struct role_retention *o, struct retain_report *out,
                  struct k2_err *err);

#endif
