/* role/maintainer.c - see maintainer.h.
 *
 * Retention is proven here, on a journal opened for reading, and done by the feeder, which owns the journal: to
 * prove a segment takes as long as reading it, and the feeds must not wait for that. Data files are merged in
 * bounded pieces, one a round, and at once another one while there is more to do.
 */
#include "role/maintainer.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"
#include "query/query.h"
#include "role/jobs.h"
#include "role/retain.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* A round of expiry writes the metadata anew, one of orphans reads every manifest. */
enum { LEAST_EXPIRED = 10, MOST_SEGMENTS = 4 };
#define OWN_MEMORY (INT64_C(256) << 20) /* of the engine that proves: feeds and queries go first */
#define ORPHANS_EVERY (3600 * K2_NS_PER_SEC)

struct maintainer {
    char *data;
    struct feeder *feeder;
    struct agent *agent;
    _Atomic int64_t interval_ns, retention_ns, orphan_age_ns, compact_target;
    atomic_bool compacts, gives_up;
    int64_t removed, expired, orphans; /* segments, snapshots and files so far */
    int64_t merged;                    /* how many data files became fewer */
    int64_t orphans_ns;                /* wall clock, of the last look for them */
    char stopped[256];                 /* why the next segment stays, as it was last told */
    char untiered[1024];               /* why segments do not go to the store, the same */
    int64_t tiered;                    /* segments so far */
    struct k2_err unmerged;            /* why data files are not merged, the same */
};

/* --- journal retention --- */

static K2_RC prove(struct maintainer *m, struct journal *j, int64_t older_than_ns,
                   struct retain_report *r, struct k2_err *err) {
    const struct query_options own = {.threads = 1, .memory_limit = OWN_MEMORY};
    struct query_engine *q;
    K2_TRY(query_open(m->data, &own, &q, err));
    int rc = retain_prove(j, m->data, q, older_than_ns, MOST_SEGMENTS, r, err);
    query_close(q);
    return rc;
}

/* The engine is opened only when something is old enough: a quiet platform stays small. */
static K2_RC find_candidates(struct journal *j, int64_t older_than_ns, struct retain_report *r,
                             struct k2_err *err) {
    const struct journal_retention rules = {.older_than_ns = older_than_ns, .dry_run = true};
    return journal_retain(j, &rules, &r->removed, r->stopped, err);
}

/* Where nothing is cut into segments, a cut that moved with the clock would remove a few records at a time, and each
 * time leave a note of it. */
static int64_t older_than(int64_t now_ns, int64_t retention_ns) {
    int64_t ns = now_ns - retention_ns;
    int64_t step = retention_ns >= 2 * K2_NS_PER_DAY ? K2_NS_PER_DAY : 60 * K2_NS_PER_SEC;
    return journal_is_local() || ns < 0 ? ns : ns - ns % step;
}

static K2_RC find_proven(struct maintainer *m, int64_t older_than_ns, struct retain_report *r,
                         struct k2_err *err) {
    struct journal *j;
    K2_TRY(journal_open(m->data, JOURNAL_READ, NULL, &j, err));
    int rc = find_candidates(j, older_than_ns, r, err);
    if (rc == K2_OK && r->removed > 0)
        rc = prove(m, j, older_than_ns, r, err);
    journal_close(j);
    return rc;
}

static void tell(struct maintainer *m, int removed, const char *stopped) {
    char n[32];
    m->removed += removed;
    snprintf(n, sizeof n, "%d", removed);
    if (removed > 0)
        k2_log(K2_LOG_INFO, "retention", "segments removed", n, NULL);
    if (stopped[0] && strcmp(stopped, m->stopped) != 0)
        k2_log(K2_LOG_INFO, "retention stops", "why", stopped, NULL);
    snprintf(m->stopped, sizeof m->stopped, "%s", stopped);
}

/* *more: there may be more to remove at once. */
static K2_RC retain_locked(struct maintainer *m, int64_t now_ns, bool *more, struct k2_err *err) {
    struct retain_report r = {0};
    int removed = 0;
    int64_t older_than_ns = older_than(now_ns, atomic_load(&m->retention_ns));
    K2_TRY(find_proven(m, older_than_ns, &r, err));
    if (r.removed > 0)
        K2_TRY(jobs_retain(m->feeder, older_than_ns, r.last, &removed, err));
    tell(m, removed, r.stopped);
    *more = removed == MOST_SEGMENTS;
    return K2_OK;
}

/* A retention by hand at this moment is no failure. */
static K2_RC retain(struct maintainer *m, int64_t now_ns, bool *more, struct k2_err *err) {
    struct k2_lock *lock = NULL;
    int rc = retain_lock(m->data, "k2 up", &lock, err);
    if (rc == K2_E_LOCKED) {
        k2_err_clear(err);
        return K2_OK;
    }
    K2_TRY(rc);
    rc = retain_locked(m, now_ns, more, err);
    k2_lock_release(lock);
    return rc;
}

/* --- the object store --- */

static bool gives_up(void *ctx) {
    const struct maintainer *m = ctx;
    return atomic_load(&m->gives_up);
}

/* Told once: a store that is away keeps the other upkeep from nothing, and segments stay until it is back. */
static void tell_untiered(struct maintainer *m, const char *why) {
    if (why[0] && strcmp(why, m->untiered) != 0)
        k2_log(K2_LOG_WARN, "tiering", "why", why, NULL);
    snprintf(m->untiered, sizeof m->untiered, "%s", why);
}

static void measure(struct journal *j) {
    struct journal_places p;
    if (journal_places(j, &p, NULL) != K2_OK)
        return;
    k2_metric_set(k2_metric(K2_METRIC_journal_local_bytes, NULL), p.local_bytes);
    k2_metric_set(k2_metric(K2_METRIC_journal_tiered_bytes, NULL), p.tiered_bytes);
}

static K2_RC tier(struct maintainer *m, int64_t now_ns, struct k2_err *err) {
    const struct journal_tier_options o = {.now_ns = now_ns, .stop = gives_up, .ctx = m};
    struct journal_tier_report r = {0};
    struct k2_err why = {0};
    struct journal *j;
    if (!journal_is_local())
        return K2_OK;
    K2_TRY(journal_open(m->data, JOURNAL_READ, NULL, &j, err));
    int rc = journal_tier(j, &o, &r, &why);
    measure(j);
    journal_close(j);
    m->tiered += r.segments;
    if (rc != K2_E_LOCKED) /* a k2 maintain at this moment is no failure */
        tell_untiered(m, rc == K2_OK ? r.stopped : why.msg);
    return K2_OK;
}

/* --- small data files --- */

/* Told once: what no trying mends must not keep the other upkeep from its work. */
static void tell_stopped(struct maintainer *m, const struct k2_err *why) {
    if (strcmp(m->unmerged.msg, why->msg) == 0)
        return;
    k2_log(K2_LOG_WARN, "data files are not merged", "why", why->msg, NULL);
    m->unmerged = *why;
}

/* A merge that ends because we end is no failure, and neither is one by hand at this moment. */
static K2_RC judge(struct maintainer *m, int rc, struct k2_err *err) {
    switch (rc) {
    case K2_E_DATA:
    case K2_E_CORRUPT:
    case K2_E_UNSUPPORTED:
        tell_stopped(m, err);
        break;
    case K2_E_CANCELLED:
    case K2_E_LOCKED:
        break;
    default:
        return rc;
    }
    k2_err_clear(err);
    return K2_OK;
}

/* *more: there is something left to merge. */
static K2_RC compact(struct maintainer *m, int64_t now_ns, bool *more, struct k2_err *err) {
    struct compact_report r = {0};
    int64_t target = atomic_load(&m->compact_target);
    const struct compact_options o = {.target_bytes = target,
                                      .max_bytes = 2 * target,
                                      .now_ns = now_ns,
                                      .stop = gives_up,
                                      .ctx = m};
    *more = false;
    if (!atomic_load(&m->compacts) || atomic_load(&m->gives_up))
        return K2_OK;
    int rc = compact_run(m->data, NULL, &o, &r, err);
    m->merged += r.files_before - r.files_after;
    *more = rc == K2_OK && r.more;
    return judge(m, rc, err);
}

/* --- the tables --- */

static K2_RC expire(struct maintainer *m, struct lake *l, const char *table, int64_t now_ns,
                    struct k2_err *err) {
    const struct lake_expire_options o = {.now_ns = now_ns, .least = LEAST_EXPIRED};
    struct lake_expired e = {0};
    int rc = lake_expire(l, table, &o, &e, err);
    m->expired += e.snapshots;
    if (rc != K2_E_UNSUPPORTED)
        return rc;
    k2_err_clear(err); /* a property of the table forbids it */
    return K2_OK;
}

static K2_RC expire_all(struct maintainer *m, struct lake *l, int64_t now_ns, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(lake_table_names(l, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = expire(m, l, names[i], now_ns, err);
    k2_fs_names_free(names, n);
    return rc;
}

static K2_RC remove_orphans(struct maintainer *m, struct lake *l, int64_t now_ns,
                            struct k2_err *err) {
    struct lake_orphan_options o = {.now_ns = now_ns, .age_ns = atomic_load(&m->orphan_age_ns)};
    struct lake_orphans out = {0};
    if (now_ns - m->orphans_ns < ORPHANS_EVERY)
        return K2_OK;
    K2_TRY(lake_remove_orphans(l, NULL, &o, &out, err));
    m->orphans_ns = now_ns;
    m->orphans += out.old;
    return K2_OK;
}

static K2_RC tidy_tables(struct maintainer *m, int64_t now_ns, struct k2_err *err) {
    struct lake *l;
    K2_TRY(lake_open(m->data, false, &l, err));
    int rc = expire_all(m, l, now_ns, err);
    if (rc == K2_OK)
        rc = remove_orphans(m, l, now_ns, err);
    lake_close(l);
    return rc;
}

/* --- the agent --- */

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct maintainer *m = self;
    bool more = false, merges = false;
    K2_TRY(retain(m, now_ns, &more, err));
    K2_TRY(tier(m, now_ns, err));
    K2_TRY(compact(m, now_ns, &merges, err));
    K2_TRY(tidy_tables(m, now_ns, err));
    agent_tell(m->agent,
               "removed %" PRId64 " journal segments, %" PRId64 " snapshots, %" PRId64
               " orphans, merged %" PRId64 " data files away, tiered %" PRId64 " segments",
               m->removed, m->expired, m->orphans, m->merged, m->tiered);
    *rest = more || merges ? 0 : atomic_load(&m->interval_ns);
    return K2_OK;
}

struct maintainer *maintainer_new(const char *data, const struct k2_config *config,
                                  struct feeder *feeder) {
    static const struct agent_ops ops = {work, NULL, 0};
    struct maintainer *m = k2_zalloc(sizeof *m);
    m->data = k2_strdup(data);
    m->feeder = feeder;
    m->agent = agent_new("maintenance", &ops, m);
    maintainer_reload(m, config);
    return m;
}

void maintainer_free(struct maintainer *m) {
    if (!m)
        return;
    agent_free(m->agent);
    free(m->data);
    free(m);
}

struct agent *maintainer_agent(struct maintainer *m) {
    return m->agent;
}

void maintainer_give_up(struct maintainer *m) {
    atomic_store(&m->gives_up, true);
}

void maintainer_reload(struct maintainer *m, const struct k2_config *config) {
    atomic_store(&m->interval_ns, k2_config_int(config, K2_CONFIG_maintain_interval));
    atomic_store(&m->retention_ns, k2_config_int(config, K2_CONFIG_journal_retention));
    atomic_store(&m->orphan_age_ns, k2_config_int(config, K2_CONFIG_maintain_orphan_age));
    atomic_store(&m->compacts, k2_config_int(config, K2_CONFIG_maintain_compact) != 0);
    atomic_store(&m->compact_target, k2_config_int(config, K2_CONFIG_maintain_compact_target));
    agent_wake(m->agent);
}
