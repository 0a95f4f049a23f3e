/* journal/history.c - see history.h.
 *
 * DESIGN. When a file is read again, every event repeats a number. The engine asks per channel and batch for
 * a range; we answer from a window: all events of (exchange, session date, kind) in a range of sequences,
 * of all channels, read from the log in one pass and kept until another window is asked for. Sealed
 * segments whose digests show that they hold nothing of it are skipped, so a long day is read once, not
 * once per window. The window is bounded, so memory is too.
 */
#include "journal/history.h"

#include <stdlib.h>

/* How far beyond the range asked for a window reaches: re-reads ask for the next range next. */
enum { WINDOW = 1 << 20 };

struct entry {
    uint32_t channel; /* id in h->interner */
    struct seq_known known;
};

struct history {
    struct journal *journal;
    struct seq_history archive;
    struct k2_interner *interner;
    /* the window */
    struct k2_buf exchange;
    int32_t date;
    enum k2_kind_id kind;
    int64_t lo, hi; /* lo > hi: no window */
    int64_t *ends;  /* durable ends of the topic that were read */
    int32_t partitions;
    struct entry *entries; /* sorted by channel, sequence */
    size_t count, cap;
};

struct history *history_new(struct journal *j, struct seq_history archive) {
    struct history *h = k2_zalloc(sizeof *h);
    h->journal = j;
    h->archive = archive;
    h->interner = k2_interner_new();
    h->lo = 1;
    return h;
}

void history_free(struct history *h) {
    if (!h)
        return;
    k2_interner_free(h->interner);
    k2_buf_free(&h->exchange);
    free(h->ends);
    free(h->entries);
    free(h);
}

static int compare_entries(const void *pa, const void *pb) {
    const struct entry *a = pa, *b = pb;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    return (a->known.sequence > b->known.sequence) - (a->known.sequence < b->known.sequence);
}

static void add(struct history *h, uint32_t channel, struct seq_known known) {
    if (h->count == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 1024;
        h->entries = k2_realloc(h->entries, h->cap * sizeof *h->entries);
    }
    h->entries[h->count++] = (struct entry){channel, known};
}

static K2_RC read_records(struct history *h, struct journal_reader *r, struct k2_decoder *d,
                          struct k2_err *err) {
    struct journal_batch b;
    int got;
    while ((got = journal_next(r, &b, err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct k2_event e;
            K2_TRY(k2_decode(d, record.value, &e, err));
            struct seq_item i = seq_item_of(&e, h->interner);
            if (i.trade_date == h->date && i.sequence >= h->lo && i.sequence <= h->hi)
                add(h, k2_intern(h->interner, i.channel),
                    (struct seq_known){i.sequence, i.epoch, i.part, i.payload});
        }
    }
    return got;
}

static K2_RC read_span(struct history *h, struct journal_span span, struct k2_err *err) {
    struct journal_reader *r;
    K2_TRY(journal_read(h->journal, &span, 1, &r, err));
    struct k2_decoder *d = k2_decoder_new(k2_kind(h->kind), h->interner,
                                          k2_registry_source(journal_registry(h->journal)));
    int rc = read_records(h, r, d, err);
    k2_decoder_free(d);
    journal_reader_close(r);
    return rc;
}

/* Whether a sealed segment's digests rule out that it holds anything of the window. */
static bool may_hold(const struct history *h, const struct journal_segment_info *s) {
    if (!s->sealed)
        return true;
    for (int i = 0; i < s->digest_count; i++) {
        const struct journal_digest *d = &s->digests[i];
        if (d->kind == h->kind && d->trade_date == h->date && d->max_sequence >= h->lo &&
            d->min_sequence <= h->hi && k2_sv_eq(k2_sv_of(d->exchange), k2_buf_view(&h->exchange)))
            return true;
    }
    return false;
}

static K2_RC read_segment(struct history *h, int32_t topic, const int64_t *from,
                          const struct journal_segment_info *s, struct k2_err *err) {
    for (int i = 0; i < s->span_count; i++) {
        struct journal_span span = s->spans[i];
        if (span.topic != topic)
            continue;
        if (span.from < from[span.partition])
            span.from = from[span.partition];
        if (span.to > h->ends[span.partition])
            span.to = h->ends[span.partition];
        if (span.from < span.to)
            K2_TRY(read_span(h, span, err));
    }
    return K2_OK;
}

/* Reads [from, ends) of the topic into the window; h->ends is what the journal holds now. */
static K2_RC read_log(struct history *h, int32_t topic, const int64_t *from, struct k2_err *err) {
    for (int i = 0; i < journal_segment_count(h->journal); i++) {
        struct journal_segment_info s;
        K2_TRY(journal_segment(h->journal, i, &s, err));
        if (may_hold(h, &s))
            K2_TRY(read_segment(h, topic, from, &s, err));
    }
    if (h->count)
        qsort(h->entries, h->count, sizeof *h->entries, compare_entries);
    return K2_OK;
}

static bool same_window(const struct history *h, struct k2_sv exchange, int32_t date,
                        enum k2_kind_id kind, int64_t lo, int64_t hi) {
    return h->lo <= lo && hi <= h->hi && h->date == date && h->kind == kind &&
           k2_sv_eq(exchange, k2_buf_view(&h->exchange));
}

static void start_window(struct history *h, struct k2_sv exchange, int32_t date,
                         enum k2_kind_id kind, int64_t lo, int64_t hi) {
    h->exchange.n = 0;
    k2_buf_sv(&h->exchange, exchange);
    h->date = date;
    h->kind = kind;
    h->lo = lo;
    h->hi = hi > INT64_MAX - WINDOW ? INT64_MAX : hi + WINDOW;
    h->count = 0;
    k2_interner_reset(h->interner);
}

static K2_RC find_topic(struct history *h, struct k2_sv exchange, enum k2_kind_id kind,
                        struct journal_topic *topic, struct k2_err *err) {
    struct k2_buf name = {0};
    k2_topic_name(k2_kind(kind), exchange, &name);
    int rc = journal_topic(h->journal, k2_buf_view(&name), false, topic, err);
    k2_buf_free(&name);
    return rc;
}

/* Brings the window up to what the journal holds now. */
static K2_RC extend(struct history *h, const struct journal_topic *topic, bool fresh,
                    struct k2_err *err) {
    size_t size = (size_t)topic->partitions * sizeof(int64_t);
    int64_t *from = k2_zalloc(size);
    if (!fresh)
        memcpy(from, h->ends, size);
    h->ends = k2_realloc(h->ends, size);
    int rc = journal_ends(h->journal, topic->id, h->ends, err);
    if (rc == K2_OK && (fresh || memcmp(from, h->ends, size) != 0))
        rc = read_log(h, topic->id, from, err);
    free(from);
    return rc;
}

static void give(const struct history *h, uint32_t channel, int64_t lo, int64_t hi,
                 void (*put)(void *ctx, const struct seq_known *known), void *put_ctx) {
    size_t from = 0, to = h->count;
    struct entry key = {channel, {.sequence = lo}};
    while (from < to) { /* the first entry that is not before the key */
        size_t middle = from + (to - from) / 2;
        if (compare_entries(&h->entries[middle], &key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    for (; from < h->count && h->entries[from].channel == channel; from++) {
        if (h->entries[from].known.sequence > hi)
            break;
        put(put_ctx, &h->entries[from].known);
    }
}

static K2_RC load_live(struct history *h, struct k2_sv exchange, int32_t date, enum k2_kind_id kind,
                       int64_t lo, int64_t hi, struct k2_err *err) {
    struct journal_topic topic;
    int rc = find_topic(h, exchange, kind, &topic, err);
    bool fresh = !same_window(h, exchange, date, kind, lo, hi);
    if (fresh)
        start_window(h, exchange, date, kind, lo, hi);
    if (rc == K2_E_NOTFOUND)
        return K2_OK; /* nothing of this exchange is in this journal */
    K2_TRY(rc);
    K2_TRY(journal_commit(h->journal, err)); /* what is only gathered could not be read */
    return extend(h, &topic, fresh, err);
}

static K2_RC load(void *ctx, struct k2_sv exchange, int32_t date, struct k2_sv channel,
                  enum k2_kind_id kind, int64_t lo, int64_t hi,
                  void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                  struct k2_err *err) {
    struct history *h = ctx;
    K2_TRY(load_live(h, exchange, date, kind, lo, hi, err));
    give(h, k2_intern(h->interner, channel), lo, hi, put, put_ctx);
    if (!h->archive.load)
        return K2_OK;
    return h->archive.load(h->archive.ctx, exchange, date, channel, kind, lo, hi, put, put_ctx,
                           err);
}

struct seq_history history_source(struct history *h) {
    return (struct seq_history){h, load};
}
