/* role/deriving.c - see deriving.h. */
#include "role/deriving.h"

#include "query/query.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EVERY K2_NS_PER_SEC

struct deriving {
    char *data;
    struct feeder *feeder;
    struct agent *agent;
    _Atomic bool wanted[DERIVE_COUNT], gives_up;
    int64_t rows;
};

/* --- as a job --- */

struct job {
    const char *data;
    enum derive_what what;
    struct derive_report sum;
};

static K2_RC step(void *self, struct journal *j, struct ingest *g, struct job_report *report,
                  bool *done, bool *idle, struct k2_err *err) {
    struct job *job = self;
    const struct derive_past past = query_past(job->data);
    struct derive_report one;
    bool more = false;
    (void)j;
    (void)report;
    (void)idle;
    K2_TRY(ingest_derive(g, job->what, &past, DERIVING_PIECE, &one, &more, err));
    job->sum.records += one.records;
    job->sum.rows += one.rows;
    *done = !more;
    return K2_OK;
}

static void end(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int deriving_run(struct feeder *f, const char *data, enum derive_what what,
                 bool (*watch)(void *ctx, const struct job_report *so_far), void *ctx,
                 struct derive_report *out, struct k2_err *err) {
    static const struct job_ops ops = {.step = step, .end = end};
    struct job job = {.data = data, .what = what};
    struct job_report report;
    int rc = feeder_run(f, &ops, &job, watch, ctx, &report, err);
    *out = job.sum;
    return rc;
}

/* --- as a role --- */

static bool goes_on(void *ctx, const struct job_report *so_far) {
    const struct deriving *d = ctx;
    (void)so_far;
    return !atomic_load(&d->gives_up);
}

/* A total that cannot be made cannot be made with the next try either, and each try costs the ingest its place: the role
 * ends until somebody resumes it. */
static int final_if_of_data(int what, int rc, struct k2_err *err) {
    if (rc == K2_E_RANGE || rc == K2_E_INVALID || rc == K2_E_NOTFOUND)
        return k2_err_context(err, K2_E_DATA, "derive %s", derive_name((enum derive_what)what));
    return rc;
}

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct deriving *d = self;
    bool any = false;
    (void)now_ns;
    for (int what = 0; what < DERIVE_COUNT; what++) {
        struct derive_report one;
        if (!atomic_load(&d->wanted[what]) || atomic_load(&d->gives_up))
            continue;
        any = true;
        int rc = deriving_run(d->feeder, d->data, (enum derive_what)what, goes_on, d, &one, err);
        K2_TRY(final_if_of_data(what, rc, err));
        d->rows += one.rows;
    }
    if (any)
        agent_tell(d->agent, "%" PRId64 " %s written", d->rows, d->rows == 1 ? "row" : "rows");
    else
        agent_tell(d->agent, "nothing is to be derived ([derive])");
    *rest = any ? EVERY : AGENT_FOREVER;
    return K2_OK;
}

struct deriving *deriving_new(const char *data, const struct k2_config *config, struct feeder *f) {
    static const struct agent_ops ops = {work, NULL, 0};
    struct deriving *d = k2_zalloc(sizeof *d);
    d->data = k2_strdup(data);
    d->feeder = f;
    d->agent = agent_new("derive", &ops, d);
    deriving_reload(d, config);
    return d;
}

void deriving_free(struct deriving *d) {
    if (!d)
        return;
    agent_free(d->agent);
    free(d->data);
    free(d);
}

struct agent *deriving_agent(struct deriving *d) {
    return d->agent;
}

void deriving_reload(struct deriving *d, const struct k2_config *config) {
    atomic_store(&d->wanted[DERIVE_VOLUME], k2_config_int(config, K2_CONFIG_derive_volume) != 0);
    atomic_store(&d->wanted[DERIVE_PNL], k2_config_int(config, K2_CONFIG_derive_pnl) != 0);
    agent_wake(d->agent);
}

void deriving_give_up(struct deriving *d) {
    atomic_store(&d->gives_up, true);
}
