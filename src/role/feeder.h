/* role/feeder.h - the one writer of a running platform's journal: every feed and every job, in turn.
 *
 * One thread owns the journal, the sequence engine and the decoders. A step of work gives each feed that is
 * due a piece of work, then each job, and makes what came of it durable; so a long job delays a feed by one piece,
 * and no feed can starve another. Only a job that counts on after the journal has all that counts to itself.
 * A feed that fails is tried again by itself; a journal that fails is closed, and opened and recovered anew.
 * Thread-safety: feeder_agent's driver does the work; all else may be called from any thread.
 */
#ifndef K2_ROLE_FEEDER_H
#define K2_ROLE_FEEDER_H

#include "base/config.h"
#include "journal/journal.h"
#include "role/agent.h"

struct feeder;

struct feeder_hooks {
    void *ctx;
    void (*committed)(void *ctx, int64_t rows); /* so many more rows are durable; never waits */
    /* A step of the ledger was appended; never waits. NULL = nobody. */
    void (*step)(void *ctx, const struct seq_step *step);
};

/* Opens the journal, so that its lock is held from now on. What a reload cannot change (partitions, segment and
 * batch sizes) is as this configuration says. */
K2_RC feeder_new(const char *data, const struct k2_config *config, const struct feeder_hooks *hooks,
                 struct feeder **out, struct k2_err *err);
/* Flushes and saves the sequence checkpoint; failures are logged. NULL is fine. */
void feeder_free(struct feeder *f);
struct agent *feeder_agent(struct feeder *f);

/* Takes the feeds of another configuration: those that did not change go on undisturbed. */
void feeder_reload(struct feeder *f, const struct k2_config *config);
/* A feed that failed or stopped itself is tried again at once; false: there is none of that name ("feed.asx"). */
bool feeder_resume(struct feeder *f, const char *name);
/* The state of each feed; gives their number, at most max. */
int feeder_views(struct feeder *f, struct agent_view *out, int max);

/* Packets that were asked for, as a raw capture: the live feed takes them as if its connection had brought them. Returns
 * when what came of them is durable. */
K2_RC feeder_give(struct feeder *f, const char *feed, struct k2_sv capture, struct k2_err *err);

/* --- jobs: work that needs the writer, asked for by other threads --- */

struct job_report { /* what a job has done so far */
    struct ingest_stats stats;
    int64_t done, all; /* how far it is, in bytes or events; all -1 = not known */
};

/* Where the numbers of its rows come from. */
enum job_numbers {
    JOB_NUMBERED, /* they bring them; or the job adds no rows */
    JOB_COUNTED,  /* the format numbers nothing: counted from 1 */
    JOB_COUNTED_ON /* counted on from the journal's last number, which nobody else may count past meanwhile: it
                    * begins when the jobs before it that count are done and the feeds that count are at rest,
                    * and those that come later wait for its end */
};

struct job_ops {
    enum job_numbers numbers;
    /* One piece. *done: it is finished; *idle: there is nothing to do at the moment. */
    K2_RC(*step)
    (void *self, struct journal *j, struct ingest *g, struct job_report *report, bool *done,
     bool *idle, struct k2_err *err);
    /* Called once after the last step, on the feeder's thread, while g is open; also after a failure. Not called
     * when there was no step. */
    void (*end)(void *self, struct ingest *g);
};

/* Runs a job to its end, and waits for it. While the journal fails it is not begun: K2_E_FAILED. `watch`, called several times a second while it runs, may tell
 * the progress and ends the job by giving false (K2_E_CANCELLED; what it has done stays). */
K2_RC feeder_run(struct feeder *f, const struct job_ops *ops, void *self,
                 bool (*watch)(void *ctx, const struct job_report *so_far), void *watch_ctx,
                 struct job_report *out, struct k2_err *err);

#endif
