/* tests/crash/cut.c - see cut.h. */
#include "crash/cut.h"

#include "k2test.h"

struct run {
    struct pipeline *p;
    const struct mutation *mutation;
};

static void begin(void *ctx, const char *step) {
    struct run *r = ctx;
    const struct mutation *m = r->mutation;
    disk_heal(r->p->disk);
    if (m && !m->synchronous && (!m->step || strcmp(m->step, step) == 0))
        disk_ignore(r->p->disk, m->op, m->pattern, 0);
}

bool cut_run_until(struct pipeline *p, const struct mutation *m, int64_t cut_at) {
    struct run r = {p, m};
    struct k2_err err = {0};
    if (cut_at > 0)
        disk_power_off_at(p->disk, cut_at);
    bool complete = pipeline_run(p, begin, &r, &err) == K2_OK;
    if (!complete && cut_at == 0)
        fail_msg("%s", err.msg);
    return complete;
}

/* A cut at an operation, and by seed another one while going on after it. */
static bool recovers(struct pipeline *p, uint64_t seed) {
    struct k2_err err = {0};
    if (!pipeline_check(p))
        return false;
    if (seed) {
        uint64_t rng = seed ^ 1;
        disk_power_off_at(p->disk, (int64_t)(1 + k2test_random(&rng) % 150));
        if (pipeline_ingest(p, 0, PIPELINE_EVENTS, &err) == K2_OK)
            (void)!pipeline_sink(p, &err);
        pipeline_cut(p, seed + 2);
        if (!pipeline_check(p))
            return false;
    }
    return pipeline_finish(p);
}

enum outcome cut_run_once(const struct mutation *m, int64_t cut_at, uint64_t seed, char *why) {
    struct pipeline *p = pipeline_new();
    bool complete = cut_run_until(p, m, cut_at);
    pipeline_cut(p, seed);
    bool held = m ? pipeline_check(p) && pipeline_finish(p) : recovers(p, seed);
    if (held && !m && (cut_at % 16 == 0 || complete))
        held = pipeline_reconcile(p);
    memcpy(why, p->why, sizeof p->why);
    pipeline_free(p);
    return !held ? LOST : complete ? COMPLETE : HELD;
}
