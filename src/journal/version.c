/* journal/version.c - see version.h. */
#include "journal/backend.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- names --- */

/* Exchange codes have no dot, so what follows one behind the exchange is the version. */
static size_t version_at(struct k2_sv name) {
    const struct k2_kind *kind = k2_kind_by_topic(name);
    const char *from = kind ? name.p + strlen(kind->topic_prefix) + 1 : NULL;
    const char *dot = from ? memchr(from, '.', (size_t)(name.p + name.n - from)) : NULL;
    return dot && dot > from ? (size_t)(dot - name.p) : name.n;
}

struct k2_sv journal_version_parse(struct k2_sv name, int32_t *version) {
    size_t at = version_at(name);
    struct k2_sv rest = {name.p + at, name.n - at};
    int64_t n = 0;
    *version = 1;
    bool good = rest.n > 2 && rest.p[1] == 'v' && rest.p[2] >= '1' && rest.p[2] <= '9' &&
                k2_sv_i64((struct k2_sv){rest.p + 2, rest.n - 2}, &n) && n >= 2 && n <= INT32_MAX;
    if (!good)
        return name;
    *version = (int32_t)n;
    return (struct k2_sv){name.p, at};
}

void journal_version_name(struct k2_sv of, int32_t version, struct k2_buf *out) {
    k2_buf_sv(out, of);
    if (version > 1)
        k2_buf_printf(out, ".v%" PRId32, version);
}

/* --- among the topics, mutex held --- */

static bool is_of(const struct topic *t, struct k2_sv of) {
    return t->of_n == of.n && memcmp(t->name, of.p, of.n) == 0;
}

/* Topics come in the order of their making or of their names, so an older version may come later. */
static void number_through(struct journal *j, struct k2_sv of) {
    for (int32_t i = 0; i < j->topic_count; i++) {
        struct topic *t = &j->topics[i];
        if (!is_of(t, of))
            continue;
        t->first = 0;
        for (int32_t k = 0; k < j->topic_count; k++)
            if (is_of(&j->topics[k], of) && j->topics[k].version < t->version)
                t->first += j->topics[k].partitions;
    }
}

void journal_version_place(struct journal *j, int32_t topic) {
    struct topic *t = &j->topics[topic];
    t->of_n = journal_version_parse(k2_sv_of(t->name), &t->version).n;
    const struct k2_sv of = {t->name, t->of_n};
    bool alone = true;
    for (int32_t i = 0; i < topic; i++)
        alone = alone && !is_of(&j->topics[i], of);
    if (!alone)
        number_through(j, of);
}

/* A copy of the topic in another journal has its records and no note. */
static bool in_use(const struct topic *t) {
    bool used = t->version == 1 || t->cut;
    for (int32_t p = 0; !used && p < t->partitions; p++)
        used = t->ends[p] > 0;
    return used;
}

static int32_t find_newest(const struct journal *j, struct k2_sv of, int32_t from) {
    int32_t newest = from;
    for (int32_t i = 0; i < j->topic_count; i++)
        if (is_of(&j->topics[i], of) && j->topics[i].version > j->topics[newest].version &&
            in_use(&j->topics[i]))
            newest = i;
    return newest;
}

/* --- the calls --- */

bool journal_version_chosen(struct journal *j, const char *name) {
    int32_t version;
    const struct k2_sv of = journal_version_parse(k2_sv_of(name), &version);
    pthread_mutex_lock(&j->mutex);
    bool chosen = version > 1;
    for (int32_t i = 0; i < j->topic_count; i++)
        chosen = chosen || (is_of(&j->topics[i], of) && j->topics[i].version > version &&
                            in_use(&j->topics[i]));
    pthread_mutex_unlock(&j->mutex);
    return chosen;
}

int journal_topic_newest(struct journal *j, struct k2_sv of, bool create, struct journal_topic *out,
                         struct k2_err *err) {
    int32_t version;
    of = journal_version_parse(of, &version);
    K2_TRY(journal_topic(j, of, create, out, err));
    pthread_mutex_lock(&j->mutex);
    *out = journal_topic_of(j, find_newest(j, of, out->id));
    pthread_mutex_unlock(&j->mutex);
    return K2_OK;
}

static int by_version(const void *pa, const void *pb) {
    const struct journal_topic *a = pa, *b = pb;
    return (a->version > b->version) - (a->version < b->version);
}

/* A reader may not have heard of a version that was made since; the writer makes them itself. */
static void look_for_more(struct journal *j, struct k2_sv of) {
    struct journal_topic t;
    struct k2_buf name = {0};
    struct k2_err none;
    bool found = j->mode == JOURNAL_READ;
    for (int32_t version = 2; found; version++) {
        name.n = 0;
        journal_version_name(of, version, &name);
        found = journal_topic(j, k2_buf_view(&name), false, &t, &none) == K2_OK;
    }
    k2_buf_free(&name);
}

int journal_versions(struct journal *j, struct k2_sv of, struct journal_topic **out, int *n,
                     struct k2_err *err) {
    struct journal_topic t;
    int32_t version;
    *out = NULL;
    *n = 0;
    of = journal_version_parse(of, &version);
    K2_TRY(journal_topic(j, of, false, &t, err));
    if (k2_kind_by_topic(of))
        look_for_more(j, of);
    pthread_mutex_lock(&j->mutex);
    struct journal_topic *all = k2_alloc((size_t)j->topic_count * sizeof *all);
    for (int32_t i = 0; i < j->topic_count; i++)
        if (is_of(&j->topics[i], of))
            all[(*n)++] = journal_topic_of(j, i);
    pthread_mutex_unlock(&j->mutex);
    qsort(all, (size_t)*n, sizeof *all, by_version);
    if (all[*n - 1].version == *n) {
        *out = all;
        return K2_OK;
    }
    version = all[*n - 1].version;
    free(all);
    *n = 0;
    return k2_fail(err, K2_E_CONFLICT,
                   "topic %.*s has a version %" PRId32 ", and one before it is gone: restore it, "
                   "or begin a new journal",
                   K2_SV_ARG(of), version);
}

static bool find_place(struct journal *j, struct k2_sv of, int32_t row_partition,
                       struct journal_topic *out) {
    bool found = false;
    pthread_mutex_lock(&j->mutex);
    for (int32_t i = 0; !found && i < j->topic_count; i++) {
        const struct topic *t = &j->topics[i];
        found =
            is_of(t, of) && row_partition >= t->first && row_partition - t->first < t->partitions;
        if (found)
            *out = journal_topic_of(j, i);
    }
    pthread_mutex_unlock(&j->mutex);
    return found;
}

int journal_place(struct journal *j, struct k2_sv of, int32_t row_partition,
                  struct journal_topic *out, int32_t *partition, struct k2_err *err) {
    struct journal_topic *all;
    int n;
    of = journal_version_parse(of, &n);
    if (!find_place(j, of, row_partition, out)) {
        K2_TRY(journal_versions(j, of, &all, &n, err)); /* a reader looks for newer ones */
        free(all);
        if (!find_place(j, of, row_partition, out))
            return k2_fail(err, K2_E_NOTFOUND, "topic %.*s has no partition %" PRId32,
                           K2_SV_ARG(of), row_partition);
    }
    *partition = row_partition - out->first;
    return K2_OK;
}

void journal_cut(struct journal *j, const struct journal_topic *t, int64_t **cut, int *n) {
    pthread_mutex_lock(&j->mutex);
    const struct topic *known = &j->topics[t->id];
    *n = known->cut ? known->cut_n : 0;
    *cut = k2_alloc((size_t)(*n + 1) * sizeof **cut);
    if (*n > 0)
        memcpy(*cut, known->cut, (size_t)*n * sizeof **cut);
    pthread_mutex_unlock(&j->mutex);
}

/* --- growing --- */

/* Who derives keeps its totals in one partition, and finds its place by it. */
static int check_growth(struct k2_sv of, int32_t partitions, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_topic(of);
    if (!kind || kind->id == K2_KIND_VOLUME || kind->id == K2_KIND_PNL)
        return k2_fail(err, K2_E_INVALID,
                       "topic %.*s cannot grow: its readers know its partitions; topics of events "
                       "can, market.ticks.EXCHANGE and the like",
                       K2_SV_ARG(of));
    if (partitions < 1 || partitions > JOURNAL_MAX_PARTITIONS)
        return k2_fail(err, K2_E_RANGE, "%" PRId32 " partitions: 1 to %d are possible", partitions,
                       JOURNAL_MAX_PARTITIONS);
    return K2_OK;
}

/* What an earlier call that was broken off has made is taken up, if it is what is wanted now. */
static int make_version(struct journal *j, struct k2_sv name, int32_t partitions,
                        struct journal_topic *out, struct k2_err *err) {
    int32_t usual = j->partitions;
    j->partitions = partitions;
    int rc = journal_topic(j, name, true, out, err);
    j->partitions = usual;
    K2_TRY(rc);
    if (out->partitions == partitions)
        return K2_OK;
    return k2_fail(err, K2_E_CONFLICT,
                   "an unfinished growth made %.*s with %" PRId32
                   " partitions; finish it: --partitions %" PRId32,
                   K2_SV_ARG(name), out->partitions, out->partitions);
}

/* The step that counts is the last one: until the cut is noted the version before is appended to. */
static int grow(struct journal *j, const struct journal_topic *old, int32_t partitions,
                struct journal_topic *now, struct k2_err *err) {
    struct k2_buf name = {0};
    journal_version_name(old->of, old->version + 1, &name);
    int rc = make_version(j, k2_buf_view(&name), partitions, now, err);
    k2_buf_free(&name);
    K2_TRY(rc);
    int64_t *cut = k2_alloc((size_t)old->partitions * sizeof *cut);
    rc = journal_ends(j, old->id, cut, err);
    if (rc == K2_OK)
        rc = j->ops->cut(j, now->id, cut, old->partitions, err);
    free(cut);
    return rc;
}

int journal_grow(struct journal *j, struct k2_sv of, int32_t partitions, struct journal_grown *out,
                 struct k2_err *err) {
    struct journal_topic old, now, *all;
    int n;
    K2_TRY(journal_versions(j, of, &all, &n, err));
    of = all[0].of;
    free(all);
    K2_TRY(check_growth(of, partitions, err));
    K2_TRY(journal_commit(j, err));
    K2_TRY(journal_topic_newest(j, of, false, &old, err));
    if (partitions < old.partitions)
        return k2_fail(err, K2_E_INVALID,
                       "topic %s has %" PRId32 " partitions, which are more than %" PRId32
                       ": a topic only grows",
                       old.name, old.partitions, partitions);
    now = old;
    if (partitions > old.partitions)
        K2_TRY_CTX(grow(j, &old, partitions, &now, err), err, "topic %.*s", K2_SV_ARG(of));
    *out = (struct journal_grown){now.version, now.partitions, now.first, now.id == old.id};
    return K2_OK;
}
