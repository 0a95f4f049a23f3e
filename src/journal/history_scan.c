/* journal/history_scan.c - see history_scan.h. */
#include "journal/history_scan.h"

#include "journal/backend.h"

#include <stdlib.h>

void history_scan_init(struct history_scan *s) {
    s->interner = k2_interner_new();
}

void history_scan_fini(struct history_scan *s) {
    k2_interner_free(s->interner);
    k2_buf_free(&s->exchange);
    k2_buf_free(&s->key);
    free(s->ends);
}

void history_scan_start(struct history_scan *s, struct k2_sv exchange, int32_t first, int32_t last,
                        int64_t lo, int64_t hi) {
    s->exchange.n = 0;
    k2_buf_sv(&s->exchange, exchange);
    s->first = first;
    s->last = last;
    s->lo = lo;
    s->hi = hi;
    k2_interner_reset(s->interner);
    free(s->ends);
    s->ends = NULL;
}

bool history_scan_is_of(const struct history_scan *s, struct k2_sv exchange, int32_t date) {
    return s->ends && date >= s->first && date <= s->last &&
           k2_sv_eq(exchange, k2_buf_view(&s->exchange));
}

static struct k2_sv key_of(struct history_scan *s, int32_t date, struct k2_sv channel) {
    s->key.n = 0;
    k2_buf_put(&s->key, &date, sizeof date);
    k2_buf_sv(&s->key, channel);
    return k2_buf_view(&s->key);
}

uint32_t history_scan_key(struct history_scan *s, int32_t date, struct k2_sv channel) {
    return k2_intern_find(s->interner, key_of(s, date, channel));
}

static K2_RC read_records(struct history_scan *s, struct journal_reader *r, struct k2_decoder *d,
                          struct k2_err *err) {
    struct journal_batch b;
    int got;
    while ((got = journal_next(r, &b, err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct k2_event e;
            K2_TRY(k2_decode(d, record.value, &e, err));
            struct seq_item i = seq_item_of(&e, s->interner);
            if ((i.kind == SEQ_SHARED) == s->shared && i.trade_date >= s->first &&
                i.trade_date <= s->last && i.sequence >= s->lo && i.sequence <= s->hi)
                s->take(s->ctx, k2_intern(s->interner, key_of(s, i.trade_date, i.channel)),
                        &(struct seq_known){i.sequence, i.epoch, i.part, i.payload});
        }
    }
    return got;
}

static K2_RC read_span(struct history_scan *s, struct journal_span span, struct k2_err *err) {
    struct journal_reader *r;
    K2_TRY(journal_read(s->journal, &span, 1, &r, err));
    struct k2_decoder *d = k2_decoder_new(k2_kind(s->kind), s->interner,
                                          k2_registry_source(journal_registry(s->journal)));
    int rc = read_records(s, r, d, err);
    k2_decoder_free(d);
    journal_reader_close(r);
    return rc;
}

/* Whether a sealed segment's digests rule out that it holds anything of it. */
static bool may_hold(const struct history_scan *s, const struct journal_segment_info *segment) {
    if (!segment->sealed)
        return true;
    for (int i = 0; i < segment->digest_count; i++) {
        const struct journal_digest *d = &segment->digests[i];
        if (d->kind == s->kind && d->trade_date >= s->first && d->trade_date <= s->last &&
            d->max_sequence >= s->lo && d->min_sequence <= s->hi &&
            k2_sv_eq(k2_sv_of(d->exchange), k2_buf_view(&s->exchange)))
            return true;
    }
    return false;
}

/* from and s->ends: of all versions of the topic, numbered through. */
static K2_RC read_segment(struct history_scan *s, const struct journal_topic *t,
                          const int64_t *from, const struct journal_segment_info *segment,
                          struct k2_err *err) {
    for (int i = 0; i < segment->span_count; i++) {
        struct journal_span span = segment->spans[i];
        if (span.topic != t->id)
            continue;
        int32_t at = t->first + span.partition;
        if (span.from < from[at])
            span.from = from[at];
        if (span.to > s->ends[at])
            span.to = s->ends[at];
        if (span.from < span.to)
            K2_TRY(read_span(s, span, err));
    }
    return K2_OK;
}

/* Reads [from, s->ends) of the topic. */
static K2_RC read_log(struct history_scan *s, const struct journal_topic *t, const int64_t *from,
                      struct k2_err *err) {
    for (int i = 0; i < journal_segment_count(s->journal); i++) {
        struct journal_segment_info segment;
        K2_TRY(journal_segment(s->journal, i, &segment, err));
        if (may_hold(s, &segment))
            K2_TRY(read_segment(s, t, from, &segment, err));
    }
    return K2_OK;
}

static K2_RC read_versions(struct history_scan *s, const struct journal_topic *all, int n,
                           const int64_t *from, struct k2_err *err) {
    for (int i = 0; i < n; i++)
        K2_TRY(journal_ends(s->journal, all[i].id, s->ends + all[i].first, err));
    for (int i = 0; i < n; i++)
        if (memcmp(from + all[i].first, s->ends + all[i].first,
                   (size_t)all[i].partitions * sizeof *from) != 0)
            K2_TRY(read_log(s, &all[i], from, err));
    return K2_OK;
}

/* What was read before is not read again; of a version that was made since, nothing was. */
static K2_RC read_topic(struct history_scan *s, const struct journal_topic *all, int n,
                        struct k2_err *err) {
    size_t count = (size_t)all[n - 1].first + (size_t)all[n - 1].partitions;
    int64_t *from = k2_zalloc(count * sizeof *from);
    if (s->ends)
        memcpy(from, s->ends, (s->count < count ? s->count : count) * sizeof *from);
    free(s->ends);
    s->ends = k2_zalloc(count * sizeof *s->ends);
    s->count = count;
    int rc = read_versions(s, all, n, from, err);
    free(from);
    if (rc != K2_OK) {
        free(s->ends);
        s->ends = NULL; /* some of it was given: only a new start is right */
    }
    return rc;
}

int history_scan_run(struct history_scan *s, struct k2_err *err) {
    struct journal_topic *all;
    struct k2_err why = {0};
    struct k2_buf name = {0};
    int n;
    k2_topic_name(k2_kind(s->kind), k2_buf_view(&s->exchange), &name);
    int rc = journal_versions(s->journal, k2_buf_view(&name), &all, &n, &why);
    k2_buf_free(&name);
    if (rc == K2_E_NOTFOUND)
        return K2_OK; /* nothing of this exchange is in this journal yet */
    if (rc != K2_OK) {
        if (err)
            *err = why;
        return rc;
    }
    if (s->journal->mode == JOURNAL_WRITE)
        rc = journal_commit(s->journal, err);
    if (rc == K2_OK)
        rc = read_topic(s, all, n, err);
    free(all);
    return rc;
}
