/* role/sinker.c - see sinker.h. */
#include "role/sinker.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* The first rows after a quiet time gather for so long; then a first look finds them. */
#define GATHER (K2_NS_PER_SEC / 2)
/* Between two tries: who is away, a broker or a registry, is noticed soon when it is back. */
#define LONGEST_PAUSE (10 * K2_NS_PER_SEC)
#define LOCK_RETRY (200 * K2_NS_PER_MS)
#define LONGEST_WAIT (60 * K2_NS_PER_SEC) /* at the end, for the lock of another sink */

struct sinker {
    char *data;
    struct agent *agent;
    _Atomic int64_t interval_ns, commit_rows, workers;
    _Atomic int64_t waiting, first_ns; /* rows not yet in the tables; wall clock of the first */
    bool looked;                       /* whatever an earlier run left is in the tables */
    int64_t committed_ns;              /* wall clock, of the last commit; 0 = none in this run */
    int64_t rows, commits;
};

static K2_RC with_lake(struct sinker *s, struct journal *j, struct sink_totals *totals,
                       struct k2_err *err) {
    struct lake *l;
    K2_TRY(lake_open(s->data, true, &l, err));
    struct sink_options o = {.commit_rows = atomic_load(&s->commit_rows),
                             .workers = sink_workers(atomic_load(&s->workers))};
    int rc = sink_run(j, l, s->data, &o, totals, err);
    lake_close(l);
    return rc;
}

/* Journal and lake are opened anew each time: between two rounds nothing is held. */
static K2_RC sink_now(struct sinker *s, struct k2_err *err) {
    struct journal *j;
    struct sink_totals totals = {0};
    int64_t waiting = atomic_load(&s->waiting);
    K2_TRY(journal_open(s->data, JOURNAL_READ, NULL, &j, err));
    int rc = with_lake(s, j, &totals, err);
    journal_close(j);
    K2_TRY(rc);
    atomic_fetch_sub(&s->waiting, waiting); /* those that came meanwhile wait on */
    s->looked = true;
    s->rows += totals.rows;
    s->commits += totals.commits;
    return K2_OK;
}

static int64_t due_in(const struct sinker *s, int64_t now_ns) {
    int64_t waiting = atomic_load(&s->waiting);
    if (!s->looked || waiting >= atomic_load(&s->commit_rows))
        return 0;
    if (waiting == 0)
        return AGENT_FOREVER;
    int64_t interval = atomic_load(&s->interval_ns), first = atomic_load(&s->first_ns);
    if (s->committed_ns > now_ns || first > now_ns + GATHER)
        return 0; /* the clock was set back: these times say nothing */
    int64_t due = first + (interval < GATHER ? interval : GATHER);
    if (due < s->committed_ns + interval)
        due = s->committed_ns + interval;
    return due > now_ns ? due - now_ns : 0;
}

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct sinker *s = self;
    *rest = due_in(s, now_ns);
    if (*rest > 0)
        return K2_OK;
    int64_t rows = s->rows;
    int rc = sink_now(s, err);
    if (rc == K2_E_LOCKED) { /* by a k2 sink beside us, which brings the same rows: no failure */
        *rest = LOCK_RETRY;
        return K2_OK;
    }
    K2_TRY(rc);
    if (s->rows > rows)
        s->committed_ns = now_ns;
    agent_tell(s->agent, "%" PRId64 " %s in %" PRId64 " %s", s->rows, s->rows == 1 ? "row" : "rows",
               s->commits, s->commits == 1 ? "commit" : "commits");
    *rest = due_in(s, now_ns);
    return K2_OK;
}

struct sinker *sinker_new(const char *data, const struct k2_config *config) {
    static const struct agent_ops ops = {work, NULL, LONGEST_PAUSE};
    struct sinker *s = k2_zalloc(sizeof *s);
    s->data = k2_strdup(data);
    s->agent = agent_new("sink", &ops, s);
    sinker_reload(s, config);
    return s;
}

void sinker_free(struct sinker *s) {
    if (!s)
        return;
    agent_free(s->agent);
    free(s->data);
    free(s);
}

struct agent *sinker_agent(struct sinker *s) {
    return s->agent;
}

void sinker_reload(struct sinker *s, const struct k2_config *config) {
    atomic_store(&s->interval_ns, k2_config_int(config, K2_CONFIG_sink_interval));
    atomic_store(&s->commit_rows, k2_config_int(config, K2_CONFIG_sink_commit_rows));
    atomic_store(&s->workers, k2_config_int(config, K2_CONFIG_sink_workers));
    agent_wake(s->agent);
}

/* The agent sleeps until its next commit; it need know only of the first row and of too many. */
void sinker_note(struct sinker *s, int64_t rows) {
    if (atomic_load(&s->waiting) == 0)
        atomic_store(&s->first_ns, k2_now_ns());
    int64_t before = atomic_fetch_add(&s->waiting, rows);
    if (before == 0 || before + rows >= atomic_load(&s->commit_rows))
        agent_wake(s->agent);
}

int sinker_finish(struct sinker *s, struct k2_err *err) {
    const struct timespec pause = {0, LOCK_RETRY};
    int64_t start = k2_monotonic_ns();
    for (;;) {
        int rc = sink_now(s, err);
        if (rc != K2_E_LOCKED || k2_monotonic_ns() - start >= LONGEST_WAIT)
            return rc;
        nanosleep(&pause, NULL);
    }
}
