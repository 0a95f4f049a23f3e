/* journal/history.c - see history.h.
 *
 * DESIGN. When a file is read again, every event repeats a number. The engine asks per channel and batch for
 * a range; we answer from a window: all events of (exchange, session date, kind) in a range of sequences,
 * of all channels, read from the log in one pass and kept until another window of that kind is asked for.
 * Sealed segments whose digests show that they hold nothing of it are skipped, so a long day is read
 * about once, not once per window. A window is as long as the range asked for and WINDOW; only the end
 * of a channel that was forgotten asks for a whole day.
 */
#include "journal/history.h"

#include <stdlib.h>

/* How far beyond the range asked for a window reaches: re-reads ask for the next range next. */
enum { WINDOW = 1 << 20 };

struct entry {
    uint32_t channel; /* id in the window's interner */
    struct seq_known known;
};

struct window {
    struct journal *journal;
    struct k2_interner *interner;
    struct k2_buf exchange;
    int32_t date;
    enum k2_kind_id kind;
    int64_t lo, hi;        /* lo > hi: no window */
    int64_t *ends;         /* durable ends of the topic that were read */
    struct entry *entries; /* sorted by channel, sequence */
    size_t count, cap;
};

struct history {
    struct seq_history archive;
    struct window windows[K2_KIND_COUNT]; /* one a kind: a batch may hold several kinds */
};

struct history *history_new(struct journal *j, struct seq_history archive) {
    struct history *h = k2_zalloc(sizeof *h);
    h->archive = archive;
    for (int i = 0; i < K2_KIND_COUNT; i++)
        h->windows[i] = (struct window){
            .journal = j, .interner = k2_interner_new(), .kind = (enum k2_kind_id)i, .lo = 1};
    return h;
}

void history_free(struct history *h) {
    if (!h)
        return;
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        struct window *w = &h->windows[i];
        k2_interner_free(w->interner);
        k2_buf_free(&w->exchange);
        free(w->ends);
        free(w->entries);
    }
    free(h);
}

static int compare_entries(const void *pa, const void *pb) {
    const struct entry *a = pa, *b = pb;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    return (a->known.sequence > b->known.sequence) - (a->known.sequence < b->known.sequence);
}

static void add(struct window *w, uint32_t channel, struct seq_known known) {
    if (w->count == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 1024;
        w->entries = k2_realloc(w->entries, w->cap * sizeof *w->entries);
    }
    w->entries[w->count++] = (struct entry){channel, known};
}

static K2_RC read_records(struct window *w, struct journal_reader *r, struct k2_decoder *d,
                          struct k2_err *err) {
    struct journal_batch b;
    int got;
    while ((got = journal_next(r, &b, err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct k2_event e;
            K2_TRY(k2_decode(d, record.value, &e, err));
            struct seq_item i = seq_item_of(&e, w->interner);
            if (i.trade_date == w->date && i.sequence >= w->lo && i.sequence <= w->hi)
                add(w, k2_intern(w->interner, i.channel),
                    (struct seq_known){i.sequence, i.epoch, i.part, i.payload});
        }
    }
    return got;
}

static K2_RC read_span(struct window *w, struct journal_span span, struct k2_err *err) {
    struct journal_reader *r;
    K2_TRY(journal_read(w->journal, &span, 1, &r, err));
    struct k2_decoder *d = k2_decoder_new(k2_kind(w->kind), w->interner,
                                          k2_registry_source(journal_registry(w->journal)));
    int rc = read_records(w, r, d, err);
    k2_decoder_free(d);
    journal_reader_close(r);
    return rc;
}

/* Whether a sealed segment's digests rule out that it holds anything of the window. */
static bool may_hold(const struct window *w, const struct journal_segment_info *s) {
    if (!s->sealed)
        return true;
    for (int i = 0; i < s->digest_count; i++) {
        const struct journal_digest *d = &s->digests[i];
        if (d->kind == w->kind && d->trade_date == w->date && d->max_sequence >= w->lo &&
            d->min_sequence <= w->hi && k2_sv_eq(k2_sv_of(d->exchange), k2_buf_view(&w->exchange)))
            return true;
    }
    return false;
}

static K2_RC read_segment(struct window *w, int32_t topic, const int64_t *from,
                          const struct journal_segment_info *s, struct k2_err *err) {
    for (int i = 0; i < s->span_count; i++) {
        struct journal_span span = s->spans[i];
        if (span.topic != topic)
            continue;
        if (span.from < from[span.partition])
            span.from = from[span.partition];
        if (span.to > w->ends[span.partition])
            span.to = w->ends[span.partition];
        if (span.from < span.to)
            K2_TRY(read_span(w, span, err));
    }
    return K2_OK;
}

/* Reads [from, ends) of the topic into the window; w->ends is what the journal holds now. */
static K2_RC read_log(struct window *w, int32_t topic, const int64_t *from, struct k2_err *err) {
    for (int i = 0; i < journal_segment_count(w->journal); i++) {
        struct journal_segment_info s;
        K2_TRY(journal_segment(w->journal, i, &s, err));
        if (may_hold(w, &s))
            K2_TRY(read_segment(w, topic, from, &s, err));
    }
    if (w->count)
        qsort(w->entries, w->count, sizeof *w->entries, compare_entries);
    return K2_OK;
}

static bool same_window(const struct window *w, struct k2_sv exchange, int32_t date, int64_t lo,
                        int64_t hi) {
    return w->lo <= lo && hi <= w->hi && w->date == date &&
           k2_sv_eq(exchange, k2_buf_view(&w->exchange));
}

static void start_window(struct window *w, struct k2_sv exchange, int32_t date, int64_t lo,
                         int64_t hi) {
    w->exchange.n = 0;
    k2_buf_sv(&w->exchange, exchange);
    w->date = date;
    w->lo = lo;
    w->hi = hi > INT64_MAX - WINDOW ? INT64_MAX : hi + WINDOW;
    w->count = 0;
    k2_interner_reset(w->interner);
}

static K2_RC find_topic(struct window *w, struct k2_sv exchange, struct journal_topic *topic,
                        struct k2_err *err) {
    struct k2_buf name = {0};
    k2_topic_name(k2_kind(w->kind), exchange, &name);
    int rc = journal_topic(w->journal, k2_buf_view(&name), false, topic, err);
    k2_buf_free(&name);
    return rc;
}

/* Brings the window up to what the journal holds now. */
static K2_RC extend(struct window *w, const struct journal_topic *topic, bool fresh,
                    struct k2_err *err) {
    size_t size = (size_t)topic->partitions * sizeof(int64_t);
    int64_t *from = k2_zalloc(size);
    if (!fresh)
        memcpy(from, w->ends, size);
    w->ends = k2_realloc(w->ends, size);
    int rc = journal_ends(w->journal, topic->id, w->ends, err);
    if (rc == K2_OK && (fresh || memcmp(from, w->ends, size) != 0))
        rc = read_log(w, topic->id, from, err);
    free(from);
    return rc;
}

static void give(const struct window *w, uint32_t channel, int64_t lo, int64_t hi,
                 void (*put)(void *ctx, const struct seq_known *known), void *put_ctx) {
    size_t from = 0, to = w->count;
    struct entry key = {channel, {.sequence = lo}};
    while (from < to) { /* the first entry that is not before the key */
        size_t middle = from + (to - from) / 2;
        if (compare_entries(&w->entries[middle], &key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    for (; from < w->count && w->entries[from].channel == channel; from++) {
        if (w->entries[from].known.sequence > hi)
            break;
        put(put_ctx, &w->entries[from].known);
    }
}

static K2_RC load_live(struct window *w, struct k2_sv exchange, int32_t date, int64_t lo,
                       int64_t hi, struct k2_err *err) {
    struct journal_topic topic;
    int rc = find_topic(w, exchange, &topic, err);
    bool fresh = !same_window(w, exchange, date, lo, hi);
    if (fresh)
        start_window(w, exchange, date, lo, hi);
    if (rc == K2_E_NOTFOUND)
        return K2_OK; /* nothing of this exchange is in this journal */
    K2_TRY(rc);
    K2_TRY(journal_commit(w->journal, err)); /* what is only gathered could not be read */
    return extend(w, &topic, fresh, err);
}

static K2_RC load(void *ctx, struct k2_sv exchange, int32_t date, struct k2_sv channel,
                  enum k2_kind_id kind, int64_t lo, int64_t hi,
                  void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                  struct k2_err *err) {
    struct history *h = ctx;
    struct window *w = &h->windows[kind];
    K2_TRY(load_live(w, exchange, date, lo, hi, err));
    give(w, k2_intern(w->interner, channel), lo, hi, put, put_ctx);
    if (!h->archive.load)
        return K2_OK;
    return h->archive.load(h->archive.ctx, exchange, date, channel, kind, lo, hi, put, put_ctx,
                           err);
}

struct seq_history history_source(struct history *h) {
    return (struct seq_history){h, load};
}
