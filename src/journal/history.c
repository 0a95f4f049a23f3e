/* journal/history.c - see history.h.
 *
 * DESIGN. When a file is read again, every event repeats a number. The engine asks per channel and batch for
 * a range; we answer from a window: all events of (exchange, session date, kind) in a range of sequences,
 * of all channels, read from the log in one pass and kept until another window of that kind is asked for; so
 * a long day is read about once, not once per batch and channel.
 *
 * A channel that all kinds share has its events in the topics of all of them: each is looked at in a window of
 * its own.
 *
 * Where the channels of a session date ended is learned for all of them in one pass, of which only the ends
 * are kept.
 *
 * A file of daily bars has thousands of session dates with a row or two of each. So one pass reads a stretch of
 * dates, which doubles as long as the dates that are asked for move on in small steps and little is found: the log
 * is read about log2(dates) times, not once per date.
 */
#include "journal/history.h"

#include "journal/history_scan.h"

#include <stdlib.h>

/* How far beyond the range asked for a window reaches: re-reads ask for the next range next. */
enum { WINDOW = 1 << 20 };
/* A stretch of dates grows while it holds fewer events than FEW, up to DAYS; a step over weekend and holidays is
 * small. */
enum { FEW = 1 << 17, DAYS = 1 << 14, STEP = 8 };

struct entry {
    uint32_t channel; /* and session date: the scan's key */
    struct seq_known known;
};

struct window {
    struct history_scan scan;
    struct entry *entries; /* sorted by channel, sequence */
    size_t count, cap;
};

struct last { /* of a channel */
    bool known;
    struct seq_known event;
};

struct lasts { /* of an exchange, session date and kind */
    struct history_scan scan;
    struct last *of; /* by the scan's key */
    size_t n;
    size_t count; /* events seen */
};

struct history {
    struct seq_history archive;
    struct window windows[2][K2_KIND_COUNT]; /* [shared][kind]: a batch may hold several */
    struct lasts lasts[2][K2_KIND_COUNT];
};

/* Whether the topic of kind i holds events of a channel of that kind. */
static bool holds(enum k2_kind_id channel, int i) {
    bool market = i != K2_KIND_QUARANTINE && i != K2_KIND_GAP && seq_judges((enum k2_kind_id)i);
    return channel == SEQ_SHARED ? market : (int)channel == i;
}

/* --- stretches of dates --- */

/* Starts a scan that holds the date: of it alone, or of twice as many dates as before. `found`: events of the
 * stretch before. */
static void start(struct history_scan *s, struct k2_sv exchange, int32_t date, size_t found,
                  int64_t lo, int64_t hi) {
    int32_t days = s->ends ? s->last - s->first + 1 : 0;
    bool same = s->ends && k2_sv_eq(exchange, k2_buf_view(&s->exchange));
    bool after = same && date > s->last && date - s->last <= days + STEP;
    bool before = same && date < s->first && s->first - date <= days + STEP;
    if (!(after || before) || found >= FEW)
        days = 1;
    else if (days < DAYS)
        days *= 2;
    int32_t first = before ? date - days + 1 : date;
    history_scan_start(s, exchange, first, first + days - 1, lo, hi);
}

/* --- windows --- */

static int compare_entries(const void *pa, const void *pb) {
    const struct entry *a = pa, *b = pb;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    return (a->known.sequence > b->known.sequence) - (a->known.sequence < b->known.sequence);
}

static void add(void *ctx, uint32_t channel, const struct seq_known *known) {
    struct window *w = ctx;
    if (w->count == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 1024;
        w->entries = k2_realloc(w->entries, w->cap * sizeof *w->entries);
    }
    w->entries[w->count++] = (struct entry){channel, *known};
}

static K2_RC read_window(struct window *w, struct k2_sv exchange, int32_t date, int64_t lo,
                         int64_t hi, struct k2_err *err) {
    struct history_scan *s = &w->scan;
    if (!history_scan_is_of(s, exchange, date) || lo < s->lo || hi > s->hi) {
        start(s, exchange, date, w->count, lo, hi > INT64_MAX - WINDOW ? INT64_MAX : hi + WINDOW);
        w->count = 0;
    }
    size_t before = w->count;
    K2_TRY(history_scan_run(s, err));
    if (w->count != before)
        qsort(w->entries, w->count, sizeof *w->entries, compare_entries);
    return K2_OK;
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

static K2_RC load(void *ctx, struct k2_sv exchange, int32_t date, struct k2_sv channel,
                  enum k2_kind_id kind, int64_t lo, int64_t hi,
                  void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                  struct k2_err *err) {
    struct history *h = ctx;
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        struct window *w = &h->windows[kind == SEQ_SHARED][i];
        if (!holds(kind, i))
            continue;
        K2_TRY(read_window(w, exchange, date, lo, hi, err));
        give(w, history_scan_key(&w->scan, date, channel), lo, hi, put, put_ctx);
    }
    if (!h->archive.load)
        return K2_OK;
    return h->archive.load(h->archive.ctx, exchange, date, channel, kind, lo, hi, put, put_ctx,
                           err);
}

/* --- ends --- */

static void take_later(struct last *l, const struct seq_known *known) {
    if (!l->known || seq_known_cmp(&l->event, known) < 0)
        *l = (struct last){true, *known};
}

static void note_last(void *ctx, uint32_t channel, const struct seq_known *known) {
    struct lasts *l = ctx;
    l->count++;
    if (channel >= l->n) {
        size_t n = 2 * (size_t)channel + 64;
        l->of = k2_realloc(l->of, n * sizeof *l->of);
        memset(l->of + l->n, 0, (n - l->n) * sizeof *l->of);
        l->n = n;
    }
    take_later(&l->of[channel], known);
}

static K2_RC read_lasts(struct lasts *l, struct k2_sv exchange, int32_t date, struct k2_err *err) {
    if (!history_scan_is_of(&l->scan, exchange, date)) {
        start(&l->scan, exchange, date, l->count, INT64_MIN, INT64_MAX);
        l->count = 0;
        if (l->n)
            memset(l->of, 0, l->n * sizeof *l->of);
    }
    return history_scan_run(&l->scan, err);
}

static void put_later(void *ctx, const struct seq_known *known) {
    take_later(ctx, known);
}

/* The archive is asked for all numbers of the channel, one row at a time. */
static K2_RC last_of(void *ctx, struct k2_sv exchange, int32_t date, struct k2_sv channel,
                     enum k2_kind_id kind, struct seq_known *out, bool *found, struct k2_err *err) {
    struct history *h = ctx;
    struct last last = {0};
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        struct lasts *l = &h->lasts[kind == SEQ_SHARED][i];
        if (!holds(kind, i))
            continue;
        K2_TRY(read_lasts(l, exchange, date, err));
        uint32_t id = history_scan_key(&l->scan, date, channel);
        if (id && id < l->n && l->of[id].known)
            take_later(&last, &l->of[id].event);
    }
    if (h->archive.load)
        K2_TRY(h->archive.load(h->archive.ctx, exchange, date, channel, kind, INT64_MIN, INT64_MAX,
                               put_later, &last, err));
    *out = last.event;
    *found = last.known;
    return K2_OK;
}

/* --- the calls --- */

struct history *history_new(struct journal *j, struct seq_history archive) {
    struct history *h = k2_zalloc(sizeof *h);
    h->archive = archive;
    for (int i = 0; i < 2 * K2_KIND_COUNT; i++) {
        bool shared = i >= K2_KIND_COUNT;
        struct window *w = &h->windows[shared][i % K2_KIND_COUNT];
        struct lasts *l = &h->lasts[shared][i % K2_KIND_COUNT];
        struct history_scan scan = {
            .journal = j, .kind = (enum k2_kind_id)(i % K2_KIND_COUNT), .shared = shared};
        w->scan = l->scan = scan;
        w->scan.take = add;
        w->scan.ctx = w;
        l->scan.take = note_last;
        l->scan.ctx = l;
        history_scan_init(&w->scan);
        history_scan_init(&l->scan);
    }
    return h;
}

void history_free(struct history *h) {
    if (!h)
        return;
    for (int i = 0; i < 2 * K2_KIND_COUNT; i++) {
        struct window *w = &h->windows[i / K2_KIND_COUNT][i % K2_KIND_COUNT];
        struct lasts *l = &h->lasts[i / K2_KIND_COUNT][i % K2_KIND_COUNT];
        history_scan_fini(&w->scan);
        history_scan_fini(&l->scan);
        free(w->entries);
        free(l->of);
    }
    free(h);
}

struct seq_history history_source(struct history *h) {
    return (struct seq_history){h, load, last_of};
}
