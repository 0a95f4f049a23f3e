/* role/feeder.c - see feeder.h. */
#include "role/feeder.h"

#include "base/fs.h"
#include "base/log.h"
#include "query/query.h"
#include "role/intake.h"
#include "role/orphans.h"
#include "role/policies.h"
#include "role/watch.h"

#include <pthread.h>
#include <stdlib.h>

/* While there is work, what was read becomes durable this often. */
#define COMMIT_EVERY (20 * K2_NS_PER_MS)
#define GAPS_EVERY (100 * K2_NS_PER_MS) /* while missing numbers wait for what comes late */
#define WATCH_EVERY (200 * K2_NS_PER_MS)

struct job {
    const struct job_ops *ops;
    void *self;
    struct job_report before, report; /* before: the ingest's counts when the step began */
    bool begun;                       /* of the feeder's thread */
    bool cancelled, finished;
    struct k2_err err;
    struct job *next;
};

struct feeder {
    char *data;
    struct feeder_hooks hooks;
    struct agent *agent;

    /* Of the feeder's thread. */
    struct journal_options journal_options;
    struct k2_lock
        *lock; /* of the journal: also while it is opened anew, nobody else writes to it */
    size_t batch_bytes;
    struct policies policies;
    struct journal *journal;
    struct archive *archive;
    int removed; /* segments that were gone when the archive was opened */
    struct ingest *ingest;
    struct job *jobs;     /* at work */
    int64_t appended;     /* of the ingest, at the last commit */
    int64_t committed_ns; /* monotonic */

    pthread_mutex_t mutex; /* guards what follows, and finished and report of jobs */
    pthread_cond_t change;
    struct job *asked;         /* not yet at work */
    struct intake_plan *plans; /* of a reload that is not done yet */
    int plan_count;
    bool reload;
    char resume[64];       /* the feed that is to be tried again; "" = none */
    struct intake **feeds; /* changed by the feeder's thread alone */
    int feed_count;
    struct watch **watches; /* of the feeds, by place; of the feeder's thread, as the next two */
    bool *passed_over; /* by place: some of it was not stored, because its channel was halted */
    bool resumed;      /* a channel goes on: what was passed over is read again */
};

/* --- opening and closing --- */

/* Retention may remove segments while the ingest is open: whatever archive there is at the moment is asked. */
static K2_RC ask_archive(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                         enum k2_kind_id kind, int64_t lo, int64_t hi,
                         void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                         struct k2_err *err) {
    struct seq_history h = archive_history(((struct feeder *)ctx)->archive);
    return h.load ? h.load(h.ctx, exchange, trade_date, channel, kind, lo, hi, put, put_ctx, err)
                  : K2_OK;
}

static K2_RC open_archive(struct feeder *f, struct k2_err *err) {
    f->removed = journal_removed_count(f->journal);
    return archive_open(f->journal, f->data, &f->archive, err);
}

static K2_RC renew_archive(struct feeder *f, struct k2_err *err) {
    if (journal_removed_count(f->journal) == f->removed)
        return K2_OK;
    archive_close(f->archive);
    f->archive = NULL;
    return open_archive(f, err);
}

/* That a file goes on where it was is as it should be; all else is worth a line. */
static void log_note(void *ctx, const char *path, const char *text) {
    (void)ctx;
    bool usual = strncmp(text, "goes on", strlen("goes on")) == 0;
    k2_log(usual ? K2_LOG_DEBUG : K2_LOG_WARN, "file of a feed", "file", path, "what", text, NULL);
}

/* What was read of a channel while it was halted can be stored once it goes on. */
static void see_step(void *ctx, const struct seq_step *step) {
    struct feeder *f = ctx;
    f->resumed |= step->cause == SEQ_NUMBERS &&
                  ((step->state == SEQ_FILLED && step->halts) || step->state == SEQ_GIVEN_UP);
    if (f->hooks.step)
        f->hooks.step(f->hooks.ctx, step);
}

static K2_RC open_ingest(struct feeder *f, struct k2_err *err) {
    K2_TRY(open_archive(f, err));
    struct ingest_options o = {
        .archive = {.ctx = f, .load = ask_archive},
        .batch_bytes = f->batch_bytes,
        .policies = f->policies.all,
        .policy_count = f->policies.n,
        .halt_followed = f->policies.halt_feeds,
        .halt_others = f->policies.halt_files,
        .note = log_note,
        .step = see_step,
        .step_ctx = f,
    };
    K2_TRY(ingest_open(f->journal, &o, &f->ingest, err));
    f->appended = 0;
    f->committed_ns = k2_monotonic_ns();
    return K2_OK;
}

static void close_ingest(struct feeder *f) {
    for (int i = 0; i < f->feed_count; i++)
        intake_detach(f->feeds[i]);
    ingest_close(f->ingest);
    archive_close(f->archive);
    f->ingest = NULL;
    f->archive = NULL;
}

static K2_RC open_all(struct feeder *f, struct k2_err *err) {
    if (!f->journal)
        K2_TRY(journal_open(f->data, JOURNAL_WRITE, &f->journal_options, &f->journal, err));
    return f->ingest ? K2_OK : open_ingest(f, err);
}

/* --- feeds --- */

static int find_feed(struct intake *const *feeds, int n, const char *name) {
    for (int i = 0; i < n; i++) {
        if (feeds[i] && strcmp(intake_plan(feeds[i])->name, name) == 0)
            return i;
    }
    return -1;
}

/* The feed of the plan: the one at work if nothing of it changed, else a new one. Takes the plan.
 * Mutex held: who asks for the views must not meet the hole. */
static struct intake *keep_or_make(struct feeder *f, struct intake_plan *plan) {
    int old = find_feed(f->feeds, f->feed_count, plan->name);
    if (old < 0 || !intake_plan_equal(intake_plan(f->feeds[old]), plan))
        return intake_new(plan);
    struct intake *kept = f->feeds[old];
    f->feeds[old] = NULL;
    intake_plan_free(plan);
    intake_hurry(kept);
    return kept;
}

/* Mutex held. */
static void replace_feeds(struct feeder *f, struct intake **feeds, int n) {
    for (int i = 0; i < f->feed_count; i++) {
        watch_free(f->watches[i]);
        intake_free(f->feeds[i]);
    }
    free(f->watches);
    f->watches = k2_zalloc(((size_t)n + 1) * sizeof *f->watches);
    free(f->passed_over);
    f->passed_over = k2_zalloc(((size_t)n + 1) * sizeof *f->passed_over);
    free(f->feeds);
    f->feeds = feeds;
    f->feed_count = n;
}

/* Takes the plans. */
static void change_feeds(struct feeder *f, struct intake_plan *plans, int n) {
    struct intake **feeds = k2_zalloc(((size_t)n + 1) * sizeof *feeds);
    int kept = 0;
    pthread_mutex_lock(&f->mutex);
    for (int i = 0; i < n; i++) {
        if (plans[i].enabled)
            feeds[kept++] = keep_or_make(f, &plans[i]);
        else
            intake_plan_free(&plans[i]);
    }
    replace_feeds(f, feeds, kept);
    pthread_mutex_unlock(&f->mutex);
    free(plans);
}

static bool is_fed(void *ctx, const char *feed) {
    const struct feeder *f = ctx;
    return find_feed(f->feeds, f->feed_count, feed) >= 0;
}

static K2_RC reload_if_asked(struct feeder *f, struct k2_err *err) {
    pthread_mutex_lock(&f->mutex);
    struct intake_plan *plans = f->plans;
    int n = f->plan_count;
    bool asked = f->reload;
    f->reload = false;
    f->plans = NULL;
    pthread_mutex_unlock(&f->mutex);
    if (!asked)
        return K2_OK;
    change_feeds(f, plans, n);
    return orphans_give_up(f->ingest, is_fed, f, err);
}

static void resume_if_asked(struct feeder *f) {
    char name[sizeof f->resume];
    pthread_mutex_lock(&f->mutex);
    memcpy(name, f->resume, sizeof name);
    f->resume[0] = 0;
    pthread_mutex_unlock(&f->mutex);
    for (int i = 0; name[0] && i < f->feed_count; i++) {
        if (strcmp(agent_view(intake_agent(f->feeds[i])).name, name) == 0)
            intake_hurry(f->feeds[i]);
    }
}

/* While a job counts on after the journal, nothing else may use its numbers. */
static bool is_counting_on(const struct feeder *f) {
    for (const struct job *j = f->jobs; j; j = j->next) {
        if (j->begun && j->ops->numbers == JOB_COUNTED_ON)
            return true;
    }
    return false;
}

static bool counting_feeds_rest(const struct feeder *f, int64_t now_ns) {
    for (int i = 0; i < f->feed_count; i++) {
        if (intake_counts(f->feeds[i]) && intake_due(f->feeds[i]) <= now_ns)
            return false;
    }
    return true;
}

static void see_halt(void *ctx, const struct seq_step *gap) {
    *(bool *)ctx |= gap->halts;
}

/* In an earlier run any feed may have passed over what is of a channel that is halted still. */
static void begin_watch(struct feeder *f, int i, int64_t now_ns) {
    f->watches[i] = watch_new(intake_plan(f->feeds[i]), now_ns);
    seq_engine_ledger(ingest_sequence(f->ingest), see_halt, &f->passed_over[i]);
}

/* One feed, and whether it sends what it should. */
static K2_RC step_feed(struct feeder *f, int i, int64_t now_ns, struct k2_err *err) {
    struct ingest_stats before = ingest_stats(f->ingest);
    int64_t received = intake_received(f->feeds[i]);
    if (!f->watches[i])
        begin_watch(f, i, now_ns);
    intake_step(f->feeds[i], f->ingest, now_ns);
    K2_TRY(ingest_health(f->ingest, err));
    struct ingest_stats after = ingest_stats(f->ingest);
    f->passed_over[i] |= after.halted > before.halted;
    /* That a connection begins or ends is a record too, but breaks no silence. */
    bool came = received < 0 ? after.read > before.read : intake_received(f->feeds[i]) > received;
    return watch_step(f->watches[i], f->ingest, came, now_ns, err);
}

static void reread_if_resumed(struct feeder *f) {
    for (int i = 0; f->resumed && i < f->feed_count; i++) {
        if (!f->passed_over[i])
            continue;
        intake_reread(f->feeds[i]);
        f->passed_over[i] = false;
    }
    f->resumed = false;
}

static K2_RC step_feeds(struct feeder *f, int64_t now_ns, int64_t *out, struct k2_err *err) {
    int64_t rest = AGENT_FOREVER;
    bool held = is_counting_on(f);
    for (int i = 0; i < f->feed_count; i++) {
        if (held && intake_counts(f->feeds[i]))
            continue;
        K2_TRY(step_feed(f, i, now_ns, err));
        int64_t watched = watch_rest(f->watches[i], now_ns);
        rest = watched < rest ? watched : rest;
        int64_t due = intake_due(f->feeds[i]);
        int64_t until = due <= now_ns ? 0 : due == INT64_MAX ? AGENT_FOREVER : due - now_ns;
        rest = until < rest ? until : rest;
    }
    *out = rest;
    return K2_OK;
}

/* --- durable --- */

/* What came into topics that tables are made of: the quarantine has one too. */
static int64_t appended(const struct ingest *g) {
    struct ingest_stats s = ingest_stats(g);
    return s.accepted + s.quarantined + s.conflicts - s.requarantined + s.ledger;
}

static K2_RC make_durable(struct feeder *f, struct k2_err *err) {
    K2_TRY(ingest_commit(f->ingest, err));
    f->committed_ns = k2_monotonic_ns();
    int64_t now = appended(f->ingest), rows = now - f->appended;
    f->appended = now;
    if (rows > 0 && f->hooks.committed)
        f->hooks.committed(f->hooks.ctx, rows);
    return K2_OK;
}

/* At once when it is quiet, else a few dozen times a second: one sync serves all that was read. */
static K2_RC make_durable_if_due(struct feeder *f, bool quiet, struct k2_err *err) {
    bool due = quiet || k2_monotonic_ns() - f->committed_ns >= COMMIT_EVERY;
    return due ? make_durable(f, err) : K2_OK;
}

/* --- jobs --- */

static void take_asked(struct feeder *f) {
    pthread_mutex_lock(&f->mutex);
    struct job **end = &f->jobs;
    while (*end)
        end = &(*end)->next;
    *end = f->asked;
    f->asked = NULL;
    pthread_mutex_unlock(&f->mutex);
}

static bool is_cancelled(struct feeder *f, const struct job *j) {
    pthread_mutex_lock(&f->mutex);
    bool yes = j->cancelled;
    pthread_mutex_unlock(&f->mutex);
    return yes;
}

static void show(struct feeder *f, struct job *j, const struct job_report *now) {
    pthread_mutex_lock(&f->mutex);
    j->report = *now;
    pthread_mutex_unlock(&f->mutex);
}

static void finish(struct feeder *f, struct job *j, int rc, const struct k2_err *why) {
    j->ops->end(j->self, f->ingest);
    pthread_mutex_lock(&f->mutex);
    if (why)
        j->err = *why;
    j->err.status = rc;
    j->finished = true;
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->mutex);
}

static bool must_wait(const struct feeder *f, const struct job *j, int64_t now_ns) {
    enum job_numbers mine = j->ops->numbers;
    if (mine == JOB_NUMBERED || j->begun)
        return false;
    for (const struct job *before = f->jobs; before != j; before = before->next) {
        enum job_numbers theirs = before->ops->numbers;
        if (theirs == JOB_COUNTED_ON || (theirs == JOB_COUNTED && mine == JOB_COUNTED_ON))
            return true;
    }
    return mine == JOB_COUNTED_ON && !counting_feeds_rest(f, now_ns);
}

/* One piece of a job. Gives false when it is finished: *rc is then its outcome. */
static bool step_job(struct feeder *f, struct job *j, int64_t now_ns, bool *idle, int *rc,
                     struct k2_err *err) {
    struct job_report report = j->report;
    bool done = false;
    if (is_cancelled(f, j)) {
        *rc = k2_fail(err, K2_E_CANCELLED, "stopped before its end; what was read is kept");
        return false;
    }
    if (must_wait(f, j, now_ns)) {
        *idle = true;
        return true;
    }
    j->begun = true;
    *rc = j->ops->step(j->self, f->journal, f->ingest, &report, &done, idle, err);
    show(f, j, &report);
    return *rc == K2_OK && !done;
}

/* The outcome is told only once everything before it is durable. Who waited for a job that is done goes on at
 * once. */
static K2_RC step_jobs(struct feeder *f, int64_t now_ns, bool *quiet, struct k2_err *err) {
    struct job **at = &f->jobs;
    while (*at) {
        struct job *j = *at;
        struct k2_err why = {0};
        bool idle = false;
        int rc = K2_OK;
        if (step_job(f, j, now_ns, &idle, &rc, &why)) {
            *quiet &= idle;
            at = &j->next;
            continue;
        }
        *quiet = false;
        int durable = renew_archive(f, err);
        if (durable == K2_OK)
            durable = make_durable(f, err);
        *at = j->next;
        finish(f, j, durable != K2_OK ? durable : rc, durable != K2_OK ? err : &why);
        K2_TRY(durable);
    }
    return K2_OK;
}

static void fail_jobs(struct feeder *f, const struct k2_err *why) {
    take_asked(f);
    while (f->jobs) {
        struct job *j = f->jobs;
        f->jobs = j->next;
        finish(f, j, why->status, why);
    }
}

static void ask(struct feeder *f, struct job *j) {
    pthread_mutex_lock(&f->mutex);
    struct job **end = &f->asked;
    while (*end)
        end = &(*end)->next;
    *end = j;
    pthread_mutex_unlock(&f->mutex);
    agent_wake(f->agent);
}

/* Mutex held. False: the job is at work already, and the feeder ends it. */
static bool take_back(struct feeder *f, const struct job *j) {
    struct job **at = &f->asked;
    while (*at && *at != j)
        at = &(*at)->next;
    if (!*at)
        return false;
    *at = j->next;
    return true;
}

/* Mutex held. A writer that fails may do so for long: who waits for its turn is told. */
static void take_back_if_hopeless(struct feeder *f, struct job *j) {
    struct agent_view v = agent_view(f->agent);
    bool fails = v.state == AGENT_DEGRADED || v.state == AGENT_DOWN;
    if ((!fails && !j->cancelled) || !take_back(f, j))
        return;
    j->finished = true;
    if (!fails) {
        (void)k2_fail(&j->err, K2_E_CANCELLED, "stopped before it began");
        return;
    }
    (void)k2_fail(&j->err, K2_E_FAILED, "the journal of the running k2 up fails: %s", v.why);
    j->err.retriable = v.state == AGENT_DEGRADED;
}

/* Mutex held. */
static void wait_for_change(struct feeder *f) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WATCH_EVERY;
    until.tv_sec += until.tv_nsec / K2_NS_PER_SEC;
    until.tv_nsec %= K2_NS_PER_SEC;
    pthread_cond_timedwait(&f->change, &f->mutex, &until);
}

int feeder_run(struct feeder *f, const struct job_ops *ops, void *self,
               bool (*watch)(void *ctx, const struct job_report *so_far), void *watch_ctx,
               struct job_report *out, struct k2_err *err) {
    struct job j = {.ops = ops, .self = self, .report.all = -1};
    ask(f, &j);
    pthread_mutex_lock(&f->mutex);
    while (!j.finished) {
        wait_for_change(f);
        struct job_report so_far = j.report;
        pthread_mutex_unlock(&f->mutex);
        bool go_on = !watch || watch(watch_ctx, &so_far);
        pthread_mutex_lock(&f->mutex);
        j.cancelled |= !go_on;
        if (!j.finished)
            take_back_if_hopeless(f, &j);
    }
    pthread_mutex_unlock(&f->mutex);
    *out = j.report;
    if (err)
        *err = j.err;
    return j.err.status;
}

/* --- what was asked for --- */

struct give_job {
    struct feeder *feeder;
    const char *feed;
    struct k2_sv capture;
};

static K2_RC step_give(void *self, struct journal *journal, struct ingest *g,
                       struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    const struct give_job *j = self;
    int i = find_feed(j->feeder->feeds, j->feeder->feed_count, j->feed);
    (void)journal;
    (void)g;
    (void)report;
    (void)idle;
    *done = true;
    return i >= 0 ? intake_give(j->feeder->feeds[i], j->capture, err)
                  : k2_fail(err, K2_E_NOTFOUND, "there is no feed %s any more", j->feed);
}

static void end_give(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int feeder_give(struct feeder *f, const char *feed, struct k2_sv capture, struct k2_err *err) {
    static const struct job_ops ops = {.step = step_give, .end = end_give};
    struct give_job j = {f, feed, capture};
    struct job_report report;
    return feeder_run(f, &ops, &j, NULL, NULL, &report, err);
}

/* --- the agent --- */

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct feeder *f = self;
    K2_TRY(open_all(f, err));
    K2_TRY(reload_if_asked(f, err));
    resume_if_asked(f);
    take_asked(f);
    reread_if_resumed(f);
    K2_TRY(step_feeds(f, now_ns, rest, err));
    bool jobs_quiet = true;
    K2_TRY(step_jobs(f, now_ns, &jobs_quiet, err));
    if (!jobs_quiet || f->resumed)
        *rest = 0;
    else if (f->jobs && *rest > COMMIT_EVERY)
        *rest = COMMIT_EVERY; /* a job that waits for its source, such as a pipe */
    K2_TRY(make_durable_if_due(f, *rest > 0, err));
    if (*rest > GAPS_EVERY && seq_engine_waits(ingest_sequence(f->ingest)))
        *rest = GAPS_EVERY; /* what is missing becomes a gap also while nothing comes */
    return K2_OK;
}

/* The journal failed: nothing that was not durable counts, and all starts anew from what is. */
static void reset(void *self) {
    struct feeder *f = self;
    struct k2_err why;
    (void)k2_fail(&why, K2_E_FAILED, "the journal of %s failed; k2 status says why", f->data);
    fail_jobs(f, &why);
    close_ingest(f);
    journal_close(f->journal);
    f->journal = NULL;
}

/* --- the calls --- */

static struct intake_plan *plans_of(const struct k2_config *config, int *n) {
    int feeds = k2_config_named_count(config, "feed");
    struct intake_plan *plans = k2_zalloc((2 * (size_t)feeds + 1) * sizeof *plans);
    *n = 0;
    for (int i = 0; i < feeds; i++) {
        intake_plan_read(config, i, &plans[(*n)++]);
        *n += intake_plan_recovery(config, i, &plans[*n]);
    }
    return plans;
}

static void free_plans(struct intake_plan *plans, int n) {
    for (int i = 0; plans && i < n; i++)
        intake_plan_free(&plans[i]);
    free(plans);
}

static void init_monitor(struct feeder *f) {
    pthread_condattr_t clock;
    pthread_mutex_init(&f->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&f->change, &clock);
    pthread_condattr_destroy(&clock);
}

int feeder_new(const char *data, const struct k2_config *config, const struct feeder_hooks *hooks,
               struct feeder **out, struct k2_err *err) {
    static const struct agent_ops ops = {work, reset, 0};
    struct feeder *f = k2_zalloc(sizeof *f);
    f->data = k2_strdup(data);
    f->journal_options = (struct journal_options){
        .segment_bytes = k2_config_int(config, K2_CONFIG_journal_segment_bytes),
        .partitions = journal_profile_asked(config),
        .command = "k2 up",
        .lock = &f->lock,
    };
    f->batch_bytes = (size_t)k2_config_int(config, K2_CONFIG_ingest_batch_bytes);
    f->hooks = *hooks;
    f->agent = agent_new("ingest", &ops, f);
    init_monitor(f);
    int rc = policies_read(config, &f->policies, err);
    if (rc == K2_OK)
        rc = open_all(f, err);
    if (rc != K2_OK) {
        feeder_free(f);
        return rc;
    }
    feeder_reload(f, config);
    *out = f;
    return K2_OK;
}

void feeder_free(struct feeder *f) {
    if (!f)
        return;
    struct k2_err err = {0};
    if (f->ingest && ingest_flush(f->ingest, &err) != K2_OK)
        k2_log(K2_LOG_ERROR, "the last rows are not durable", "why", err.msg, NULL);
    (void)k2_fail(&err, K2_E_CANCELLED, "k2 up is ending; try again");
    fail_jobs(f, &err);
    close_ingest(f);
    pthread_mutex_lock(&f->mutex);
    replace_feeds(f, NULL, 0);
    pthread_mutex_unlock(&f->mutex);
    free_plans(f->plans, f->plan_count);
    journal_close(f->journal);
    k2_lock_release(f->lock);
    free(f->watches);
    free(f->passed_over);
    policies_free(&f->policies);
    agent_free(f->agent);
    pthread_cond_destroy(&f->change);
    pthread_mutex_destroy(&f->mutex);
    free(f->data);
    free(f);
}

struct agent *feeder_agent(struct feeder *f) {
    return f->agent;
}

void feeder_reload(struct feeder *f, const struct k2_config *config) {
    int n;
    struct intake_plan *plans = plans_of(config, &n);
    pthread_mutex_lock(&f->mutex);
    free_plans(f->plans, f->plan_count); /* of a reload that was not done yet */
    f->plans = plans;
    f->plan_count = n;
    f->reload = true;
    pthread_mutex_unlock(&f->mutex);
    agent_wake(f->agent);
}

bool feeder_resume(struct feeder *f, const char *name) {
    bool found = false;
    pthread_mutex_lock(&f->mutex);
    for (int i = 0; !found && i < f->feed_count; i++)
        found = strcmp(agent_view(intake_agent(f->feeds[i])).name, name) == 0;
    if (found)
        snprintf(f->resume, sizeof f->resume, "%s", name);
    pthread_mutex_unlock(&f->mutex);
    if (found)
        agent_wake(f->agent);
    return found;
}

int feeder_views(struct feeder *f, struct agent_view *out, int max) {
    pthread_mutex_lock(&f->mutex);
    int n = f->feed_count < max ? f->feed_count : max;
    for (int i = 0; i < n; i++)
        out[i] = agent_view(intake_agent(f->feeds[i]));
    pthread_mutex_unlock(&f->mutex);
    return n;
}
