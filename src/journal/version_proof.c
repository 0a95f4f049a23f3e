/* journal/version_proof.c - the order of every key over the versions of a topic, read back (version.h).
 *
 * One pass over all records, in the order a consumer gets them. Of each key is kept what came last: its version, when it
 * was appended, and its number. Memory grows with the keys, not with the records.
 */
#include "journal/backend.h"

#include <stdlib.h>
#include <uthash.h>

enum { MOST_STRINGS = 4 << 20 }; /* bytes of strings before they are forgotten */

struct key {
    int32_t version; /* of its last record */
    int64_t append_ns;
    struct number { /* of it */
        struct k2_h128 space;
        int64_t sequence;
        int32_t part;
    } last;
    UT_hash_handle hh;
    char bytes[];
};

struct proving {
    struct journal *journal;
    const struct journal_topic *versions;
    struct journal_version_proof *proofs;
    int n;
    int64_t **cuts; /* of each version, NULL: none is noted */
    struct key *keys;
    struct k2_interner *interner;
    struct k2_decoder *decoder;
    struct k2_buf space;
    int64_t records;
};

/* --- one record --- */

static struct key *key_of(struct proving *v, struct k2_sv bytes) {
    struct key *k = NULL;
    HASH_FIND(hh, v->keys, bytes.p, bytes.n, k);
    if (k)
        return k;
    k = k2_zalloc(sizeof *k + bytes.n + 1);
    if (bytes.n > 0)
        memcpy(k->bytes, bytes.p, bytes.n);
    HASH_ADD_KEYPTR(hh, v->keys, k->bytes, bytes.n, k);
    return k;
}

/* The number of an event and what it counts in: kinds other than quarantine, whose numbers are places in sources. */
static struct number number_of(struct proving *v, const struct k2_event *e) {
    const struct k2_head *h = &e->head;
    v->space.n = 0;
    k2_buf_printf(&v->space, "%d/%d/", h->trade_date, h->epoch);
    k2_buf_sv(&v->space, k2_interned(v->interner, h->channel));
    return (struct number){k2_hash128(v->space.p, v->space.n), h->exchange_sequence_number,
                           h->part};
}

static bool falls(const struct number *a, const struct number *b) {
    return k2_h128_cmp(a->space, b->space) == 0 &&
           (b->sequence < a->sequence || (b->sequence == a->sequence && b->part <= a->part));
}

static K2_RC take_number(struct proving *v, struct journal_version_proof *p, struct key *k,
                         struct k2_sv value, struct k2_err *err) {
    struct k2_event e;
    K2_TRY(k2_decode(v->decoder, value, &e, err));
    if (!seq_judges(e.kind) || e.kind == K2_KIND_QUARANTINE)
        return K2_OK;
    struct number now = number_of(v, &e);
    p->late += k->version > 0 && falls(&k->last, &now);
    k->last = now;
    return K2_OK;
}

static K2_RC take_record(struct proving *v, int at, const struct journal_batch *b,
                         const struct journal_record *r, struct k2_err *err) {
    const struct journal_topic *t = &v->versions[at];
    struct journal_version_proof *p = &v->proofs[at];
    struct key *k = key_of(v, r->key);
    const int64_t *cut = at + 1 < v->n ? v->cuts[at + 1] : NULL;
    K2_TRY(take_number(v, p, k, r->value, err));
    p->records++;
    p->keys += k->version < t->version;
    p->behind += cut && r->offset >= cut[b->partition];
    p->misplaced += journal_partition(t, r->key) != b->partition;
    p->overtaken += k->version > t->version || b->append_ns < k->append_ns;
    if (k->version < t->version)
        k->version = t->version;
    if (k->append_ns < b->append_ns)
        k->append_ns = b->append_ns;
    return K2_OK;
}

/* --- all of them --- */

static int version_at(const struct proving *v, int32_t topic) {
    for (int i = 0; i < v->n; i++)
        if (v->versions[i].id == topic)
            return i;
    K2_ASSERT(!"a topic that was asked for");
}

static K2_RC take_batch(struct proving *v, const struct journal_batch *b, struct k2_err *err) {
    struct journal_record r;
    int at = version_at(v, b->topic);
    for (size_t cursor = 0; journal_batch_next(b, &cursor, &r);)
        K2_TRY_CTX(take_record(v, at, b, &r, err), err, "topic %s partition %d offset %lld",
                   v->versions[at].name, b->partition, (long long)r.offset);
    v->records += b->count;
    if (k2_interner_used(v->interner) > MOST_STRINGS)
        k2_interner_reset(v->interner);
    return K2_OK;
}

static K2_RC read_all(struct proving *v, const struct journal_span *spans, int n,
                      void (*progress)(void *ctx, int64_t records), void *ctx, struct k2_err *err) {
    struct journal_reader *r;
    struct journal_batch b;
    int got, rc = K2_OK;
    K2_TRY(journal_read(v->journal, spans, n, &r, err));
    while (rc == K2_OK && (got = journal_next(r, &b, err)) != 0) {
        rc = got < 0 ? got : take_batch(v, &b, err);
        if (progress)
            progress(ctx, v->records);
    }
    journal_reader_close(r);
    return rc;
}

static K2_RC prove(struct proving *v, void (*progress)(void *ctx, int64_t records), void *ctx,
                   struct k2_err *err) {
    const struct journal_topic *last = &v->versions[v->n - 1];
    size_t all = (size_t)last->first + (size_t)last->partitions;
    int64_t *starts = k2_zalloc(all * sizeof *starts);
    struct journal_span *spans = k2_zalloc(all * sizeof *spans);
    int n = 0, rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < v->n; i++) {
        const struct journal_topic *t = &v->versions[i];
        rc = journal_starts(v->journal, t->id, starts + t->first, err);
        for (int32_t p = 0; p < t->partitions; p++)
            spans[n++] = (struct journal_span){t->id, p, starts[t->first + p], INT64_MAX};
    }
    if (rc == K2_OK)
        rc = read_all(v, spans, n, progress, ctx, err);
    free(starts);
    free(spans);
    return rc;
}

/* A note of another length would be of another topic. */
static K2_RC load_cuts(struct proving *v, struct k2_err *err) {
    v->cuts = (int64_t **)k2_zalloc((size_t)v->n * sizeof *v->cuts);
    for (int i = 0; i < v->n; i++) {
        int n;
        v->proofs[i] = (struct journal_version_proof){.version = v->versions[i].version,
                                                      .partitions = v->versions[i].partitions,
                                                      .first = v->versions[i].first};
        journal_cut(v->journal, &v->versions[i], &v->cuts[i], &n);
        if (n > 0 && (i == 0 || n != v->versions[i - 1].partitions))
            return k2_fail(err, K2_E_CORRUPT,
                           "the cut before topic %s is noted for %d partitions: restore the "
                           "journal from a copy",
                           v->versions[i].name, n);
        if (n == 0) {
            free(v->cuts[i]);
            v->cuts[i] = NULL;
        }
    }
    return K2_OK;
}

static void end(struct proving *v) {
    struct key *k = v->keys;
    HASH_CLEAR(hh, v->keys);
    for (struct key *next; k; k = next) {
        next = k->hh.next;
        free(k);
    }
    for (int i = 0; v->cuts && i < v->n; i++)
        free(v->cuts[i]);
    free((void *)v->cuts);
    k2_buf_free(&v->space);
    k2_decoder_free(v->decoder);
    k2_interner_free(v->interner);
}

int journal_versions_prove(struct journal *j, struct k2_sv of,
                           void (*progress)(void *ctx, int64_t records), void *ctx,
                           struct journal_version_proof **out, int *n, struct k2_err *err) {
    struct journal_topic *all;
    struct journal_pin *pin;
    *out = NULL;
    K2_TRY(journal_versions(j, of, &all, n, err));
    const struct k2_kind *kind = k2_kind_by_topic(all[0].of);
    struct proving v = {.journal = j, .versions = all, .n = *n, .interner = k2_interner_new()};
    int rc = kind ? K2_OK
                  : k2_fail(err, K2_E_INVALID, "topic %s holds no events: it has no versions",
                            all[0].name);
    if (kind)
        v.decoder = k2_decoder_new(kind, v.interner, k2_registry_source(journal_registry(j)));
    v.proofs = k2_zalloc((size_t)*n * sizeof *v.proofs);
    if (rc == K2_OK)
        rc = journal_pin(j, &pin, err);
    if (rc == K2_OK) {
        rc = load_cuts(&v, err);
        if (rc == K2_OK)
            rc = prove(&v, progress, ctx, err);
        journal_unpin(pin);
    }
    end(&v);
    free(all);
    if (rc == K2_OK)
        *out = v.proofs;
    else
        free(v.proofs);
    return rc;
}
