/* feed/sequence/sequence.c - the sequence engine: every event gets its verdict.
 *
 * Per channel (exchange, session date, channel, kind or shared) it holds the lowest and the highest number of
 * each epoch, the highest part of the last one, the open gaps (exactly the numbers between the lowest
 * and the highest that never came, per epoch) and the last events. With these:
 *
 *   later epoch                  reset       the first event of an epoch opens no gap
 *   number above the highest     new or gap; numbers that the message is for too are no gap (span)
 *   the highest, a higher part   new         parts of a message rise
 *   below the lowest, above the highest of an earlier epoch, of an earlier epoch never seen
 *                                new or gap  gaps depend on what came, never on its order: so they are
 *                                            the same when a restart judges the log again
 *   number in an open gap        out of order: it cannot have come before
 *   anything else                it may have come before: duplicate or conflict if it is remembered,
 *                                or else known to the history; else new (a number that was used up by
 *                                a bad record)
 *
 * While a gap halts a channel, what is above its highest number is not judged at all; what may fill the gap is.
 *
 * A batch goes in two steps. First the history is asked: where forgotten channels ended, and then,
 * once per channel, for the items that it may have to answer. These are the items of the last line
 * above that are not remembered, as things stood before the batch, because the history cannot know
 * the batch itself.
 * Then the items are judged in order. Nothing is forgotten during a batch, so its items see each
 * other; at its end each channel keeps its last SEQ_KEEP events, and channels that were not in the
 * batch give their memory back while all together hold more than SEQ_KEEP_ALL.
 */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

#define SEQ_KEEP ((size_t)4096)
#define SEQ_KEEP_ALL ((size_t)1 << 20) /* 32 MB */

struct seq_engine *seq_engine_new(struct seq_history history) {
    struct seq_engine *s = k2_zalloc(sizeof *s);
    s->history = history;
    return s;
}

void seq_engine_ask_unknown(struct seq_engine *s) {
    s->channels.ask_unknown = true;
}

void seq_engine_free(struct seq_engine *s) {
    if (!s)
        return;
    seq_channels_free(&s->channels);
    seq_ledger_free(s);
    free(s->of_item);
    free(s->touched);
    free(s);
}

/* --- first step: what to ask the history --- */

static void touch(struct seq_engine *s, struct seq_channel *c) {
    if (c->batch == s->batch)
        return;
    c->batch = s->batch;
    c->asks = false;
    c->ask_lo = INT64_MAX;
    c->ask_hi = INT64_MIN;
    if (s->n_touched == s->cap_touched) {
        s->cap_touched = s->cap_touched ? s->cap_touched * 2 : 16;
        s->touched = k2_realloc(s->touched, s->cap_touched * sizeof(struct seq_channel *));
    }
    s->touched[s->n_touched++] = c;
}

static bool beyond(const struct seq_channel *c, const struct seq_item *i) {
    return i->epoch > c->epoch || (i->epoch == c->epoch && i->sequence > c->high);
}

/* A later part of the message that is the highest. A bad record only uses up numbers. */
static bool continues(const struct seq_channel *c, const struct seq_item *i) {
    return !i->consumed_only && i->epoch == c->epoch && i->sequence == c->high &&
           i->part > c->high_part;
}

/* Not between the lowest and the highest number of its epoch; of the latest, below the lowest. */
static bool outside(const struct seq_channel *c, const struct seq_item *i) {
    if (i->epoch == c->epoch)
        return i->sequence < c->first;
    const struct seq_span *p = seq_spans_find(&c->past, i->epoch);
    return p ? i->sequence < p->first || i->sequence > p->high : !c->partial;
}

static bool history_may_know(struct seq_channel *c, const struct seq_item *i) {
    if (!c->started || i->consumed_only)
        return false;
    if (beyond(c, i) || continues(c, i) || outside(c, i) ||
        seq_gaps_have(&c->gaps, i->epoch, i->sequence))
        return false;
    return !seq_set_find(&c->recent, i->epoch, i->sequence, i->part);
}

static void find_channels(struct seq_engine *s, const struct seq_item *items, size_t n) {
    struct seq_channel *c = NULL;
    if (n > s->cap_items) {
        s->of_item = k2_realloc(s->of_item, n * sizeof(struct seq_channel *));
        s->cap_items = n;
    }
    for (size_t i = 0; i < n; i++) {
        const struct seq_item *item = &items[i];
        struct seq_key key = {item->exchange, item->channel, item->kind, item->trade_date};
        if (!c || !seq_channel_is(c, &key))
            c = seq_channels_get(&s->channels, &key);
        s->of_item[i] = c;
        touch(s, c);
    }
}

int seq_known_cmp(const struct seq_known *a, const struct seq_known *b) {
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return (a->part > b->part) - (a->part < b->part);
}

struct last {
    bool found;
    struct seq_known event;
};

static void put_later(void *ctx, const struct seq_known *k) {
    struct last *last = ctx;
    if (!last->found || seq_known_cmp(&last->event, k) < 0)
        *last = (struct last){true, *k};
}

/* A forgotten channel starts again where it ended. Its gaps stay forgotten: what fills one is new. */
static int learn_end(struct seq_engine *s, struct seq_channel *c, struct k2_err *err) {
    const struct seq_history *h = &s->history;
    struct k2_sv exchange = seq_channel_exchange(c), name = seq_channel_name(c);
    struct last last = {0};
    if (c->started || !c->forgotten || !h->load)
        return K2_OK;
    K2_TRY(h->last ? h->last(h->ctx, exchange, c->trade_date, name, c->kind, &last.event,
                             &last.found, err)
                   : h->load(h->ctx, exchange, c->trade_date, name, c->kind, INT64_MIN, INT64_MAX,
                             put_later, &last, err));
    c->forgotten = false;
    if (last.found) {
        c->started = c->partial = true;
        c->epoch = last.event.epoch;
        c->first = INT64_MIN;
        c->high = last.event.sequence;
        c->high_part = last.event.part;
    }
    return K2_OK;
}

/* What is judged again after a restart is known to the history, but was new then. */
static void find_questions(struct seq_engine *s, const struct seq_item *items, size_t n) {
    if (s->replays)
        return;
    for (size_t i = 0; i < n; i++) {
        struct seq_channel *c = s->of_item[i];
        if (!history_may_know(c, &items[i]))
            continue;
        c->asks = true;
        c->ask_lo = items[i].sequence < c->ask_lo ? items[i].sequence : c->ask_lo;
        c->ask_hi = items[i].sequence > c->ask_hi ? items[i].sequence : c->ask_hi;
    }
}

static void put_known(void *ctx, const struct seq_known *k) {
    struct seq_channel *c = ctx;
    if (!seq_set_find(&c->loaded, k->epoch, k->sequence, k->part))
        seq_set_add(&c->loaded, k);
}

static int ask_range(struct seq_engine *s, struct seq_channel *c, struct k2_err *err) {
    const struct seq_history *h = &s->history;
    if (!h->load || !c->asks)
        return K2_OK;
    return h->load(h->ctx, seq_channel_exchange(c), c->trade_date, seq_channel_name(c), c->kind,
                   c->ask_lo, c->ask_hi, put_known, c, err);
}

static int ask_history(struct seq_engine *s,
                       int (*ask)(struct seq_engine *, struct seq_channel *, struct k2_err *),
                       struct k2_err *err) {
    for (size_t i = 0; i < s->n_touched; i++) {
        const struct seq_channel *c = s->touched[i];
        K2_TRY_CTX(ask(s, s->touched[i], err), err, "known events of channel %.*s of %.*s",
                   K2_SV_ARG(seq_channel_name(c)), K2_SV_ARG(seq_channel_exchange(c)));
    }
    return K2_OK;
}

/* --- second step: verdicts --- */

static enum seq_verdict open_gap(struct seq_engine *s, struct seq_channel *c, struct seq_item *i,
                                 int64_t from, int64_t to, bool may_halt) {
    i->gap_from = from;
    i->gap_to = to;
    seq_gaps_open(&c->gaps, (struct seq_gap){.epoch = i->epoch, .from = from, .to = to});
    seq_ledger_found(s, c, i, from, to, may_halt);
    return SEQ_GAP;
}

/* The lowest number that the message is for; see K2_FLAG_SPAN. */
static int64_t lowest_of(const struct seq_item *i) {
    return i->span == INT64_MAX ? INT64_MIN : i->sequence - i->span;
}

/* What is missing between the number `high` and a message above it. */
static enum seq_verdict judge_above(struct seq_engine *s, struct seq_channel *c, struct seq_item *i,
                                    int64_t high, bool may_halt) {
    int64_t low = lowest_of(i);
    return low > high && low - 1 > high ? open_gap(s, c, i, high + 1, low - 1, may_halt) : SEQ_NEW;
}

static enum seq_verdict judge_beyond(struct seq_engine *s, struct seq_channel *c,
                                     struct seq_item *i) {
    enum seq_verdict v = SEQ_NEW;
    if (!c->started) {
        c->first = i->sequence;
    } else if (i->epoch > c->epoch) {
        v = SEQ_RESET;
        seq_spans_add(&c->past, (struct seq_span){c->epoch, c->first, c->high});
        c->first = i->sequence;
    } else {
        v = judge_above(s, c, i, c->high, i->halts && !c->resumed);
    }
    c->started = true;
    c->resumed = false;
    c->epoch = i->epoch;
    c->high = i->sequence;
    c->high_part = i->part;
    return v;
}

static enum seq_verdict judge_outside(struct seq_engine *s, struct seq_channel *c,
                                      struct seq_item *i) {
    struct seq_span *p = seq_spans_find(&c->past, i->epoch);
    int64_t *first = p ? &p->first : &c->first, before = *first;
    if (i->epoch != c->epoch && !p) {
        seq_spans_add(&c->past, (struct seq_span){i->epoch, i->sequence, i->sequence});
        return SEQ_NEW;
    }
    if (i->sequence > before) {
        int64_t high = p->high;
        p->high = i->sequence;
        return judge_above(s, c, i, high, false);
    }
    *first = i->sequence;
    bool joins = i->sequence + 1 == before;
    return joins ? SEQ_NEW : open_gap(s, c, i, i->sequence + 1, before - 1, false);
}

/* The numbers before its own that the message is for too have come with it. */
static void cover(struct seq_engine *s, struct seq_channel *c, const struct seq_item *i) {
    struct seq_span *p = seq_spans_find(&c->past, i->epoch);
    int64_t *first = i->epoch == c->epoch ? &c->first : p ? &p->first : NULL;
    int64_t low = lowest_of(i);
    if (first && low < *first)
        *first = low;
    if (c->gaps.n > 0 && low < i->sequence) {
        seq_gaps_fill_range(&c->gaps, i->epoch, low, i->sequence - 1);
        seq_ledger_covered(s, c, i->epoch, low, i->sequence - 1);
    }
}

/* Within what was seen, in no gap. */
static enum seq_verdict judge_repeat(struct seq_channel *c, const struct seq_item *i) {
    if (i->consumed_only)
        return SEQ_DUPLICATE;
    const struct seq_known *k = seq_set_find(&c->recent, i->epoch, i->sequence, i->part);
    if (!k)
        k = seq_set_find(&c->loaded, i->epoch, i->sequence, i->part);
    if (!k)
        return SEQ_NEW;
    return k2_h128_cmp(k->payload, i->payload) == 0 ? SEQ_DUPLICATE : SEQ_CONFLICT;
}

static enum seq_verdict place(struct seq_engine *s, struct seq_channel *c, struct seq_item *i) {
    if (!c->started || beyond(c, i))
        return c->halted ? SEQ_HALTED : judge_beyond(s, c, i);
    if (continues(c, i)) {
        c->high_part = i->part;
        return SEQ_NEW;
    }
    if (outside(c, i))
        return judge_outside(s, c, i);
    if (seq_gaps_fill(&c->gaps, i->epoch, i->sequence)) {
        seq_ledger_filled(s, c, i);
        return SEQ_OUT_OF_ORDER;
    }
    return judge_repeat(c, i);
}

/* Whether a range of numbers whose last one was seen before tells anything. */
static bool adds(const struct seq_channel *c, const struct seq_item *i) {
    return seq_gaps_count(&c->gaps, i->epoch, lowest_of(i), i->sequence) > 0 ||
           (i->epoch == c->epoch && lowest_of(i) < c->first);
}

static enum seq_verdict judge(struct seq_engine *s, struct seq_channel *c, struct seq_item *i) {
    enum seq_verdict v = place(s, c, i);
    if (i->passed && v == SEQ_DUPLICATE && adds(c, i))
        v = SEQ_OUT_OF_ORDER;
    if (i->span > 0 && (v < SEQ_DUPLICATE || (v == SEQ_DUPLICATE && i->consumed_only)))
        cover(s, c, i);
    return v;
}

static void remember(struct seq_engine *s, struct seq_channel *c, const struct seq_item *i) {
    struct seq_known k = {i->sequence, i->epoch, i->part, i->payload};
    seq_set_add(&c->recent, &k);
    s->remembered++;
}

static void judge_items(struct seq_engine *s, struct seq_item *items, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct seq_item *item = &items[i];
        struct seq_channel *c = s->of_item[i];
        item->gap_from = item->gap_to = 0;
        item->verdict = judge(s, c, item);
        if (++c->judged >= c->due)
            seq_ledger_due(s, c);
        if (item->consumed_only)
            continue;
        s->verdicts[item->verdict]++;
        if (item->verdict < SEQ_DUPLICATE)
            remember(s, c, item);
    }
}

/* --- memory --- */

static void forget_beyond(struct seq_engine *s, struct seq_channel *c, size_t keep) {
    size_t before = c->recent.n;
    if (keep == 0)
        seq_set_free(&c->recent);
    else
        seq_set_keep_last(&c->recent, keep);
    s->remembered -= before - c->recent.n;
}

/* One round over the channels at most; those of the last batch keep what they have. */
static void give_back(struct seq_engine *s) {
    for (size_t i = 0; i < s->channels.n && s->remembered > SEQ_KEEP_ALL; i++) {
        s->sweep = s->sweep + 1 < s->channels.n ? s->sweep + 1 : 0;
        struct seq_channel *c = s->channels.all[s->sweep];
        if (c->batch != s->batch)
            forget_beyond(s, c, 0);
    }
}

static void end_batch(struct seq_engine *s) {
    for (size_t i = 0; i < s->n_touched; i++) {
        struct seq_channel *c = s->touched[i];
        seq_set_free(&c->loaded);
        if (c->recent.n > 2 * SEQ_KEEP)
            forget_beyond(s, c, SEQ_KEEP);
    }
    give_back(s);
}

int seq_judge(struct seq_engine *s, struct seq_item *items, size_t n, struct k2_err *err) {
    s->batch++;
    s->n_touched = 0;
    find_channels(s, items, n);
    int rc = ask_history(s, learn_end, err);
    if (rc == K2_OK) {
        find_questions(s, items, n);
        rc = ask_history(s, ask_range, err);
    }
    if (rc == K2_OK)
        judge_items(s, items, n);
    end_batch(s);
    return rc;
}

/* --- what it knows --- */

/* All of them together are more than 63 bits hold. */
int64_t seq_missing_add(int64_t sum, int64_t from, int64_t to) {
    uint64_t less_one = (uint64_t)to - (uint64_t)from, room = (uint64_t)(INT64_MAX - sum);
    return less_one < room ? sum + (int64_t)less_one + 1 : INT64_MAX;
}

struct seq_stats seq_engine_stats(const struct seq_engine *s) {
    struct seq_stats stats = {.gaps_open = 0};
    memcpy(stats.verdicts, s->verdicts, sizeof stats.verdicts);
    for (size_t i = 0; i < s->channels.n; i++) {
        const struct seq_gaps *g = &s->channels.all[i]->gaps;
        stats.gaps_open += (int64_t)g->n;
        for (size_t k = 0; k < g->n; k++)
            stats.missing = seq_missing_add(stats.missing, g->all[k].from, g->all[k].to);
    }
    return stats;
}

int64_t seq_engine_high(const struct seq_engine *s, struct k2_sv exchange, int32_t trade_date,
                        struct k2_sv channel, enum k2_kind_id kind) {
    struct seq_key key = {exchange, channel, kind, trade_date};
    const struct seq_channel *c = seq_channels_find(&s->channels, &key);
    return c && c->started ? c->high : 0;
}

void seq_engine_age_gaps(struct seq_engine *s) {
    for (size_t i = 0; i < s->channels.n; i++) {
        struct seq_gaps *g = &s->channels.all[i]->gaps;
        for (size_t k = 0; k < g->n; k++)
            g->all[k].older = true;
    }
}

int64_t seq_engine_older_gaps(const struct seq_engine *s) {
    int64_t n = 0;
    for (size_t i = 0; i < s->channels.n; i++) {
        const struct seq_gaps *g = &s->channels.all[i]->gaps;
        for (size_t k = 0; k < g->n; k++)
            n += g->all[k].older;
    }
    return n;
}

static void visit_gaps(const struct seq_engine *s, bool older, seq_gap_visit *gap, void *ctx) {
    for (size_t i = 0; i < s->channels.n; i++) {
        const struct seq_channel *c = s->channels.all[i];
        for (size_t k = 0; k < c->gaps.n; k++) {
            const struct seq_gap *g = &c->gaps.all[k];
            if (older || !g->older)
                gap(ctx, seq_channel_exchange(c), c->trade_date, seq_channel_name(c), c->kind,
                    g->epoch, g->from, g->to);
        }
    }
}

void seq_engine_gaps(const struct seq_engine *s, seq_gap_visit *gap, void *ctx) {
    visit_gaps(s, true, gap, ctx);
}

void seq_engine_new_gaps(const struct seq_engine *s, seq_gap_visit *gap, void *ctx) {
    visit_gaps(s, false, gap, ctx);
}

void seq_engine_channels(const struct seq_engine *s,
                         void (*channel)(void *ctx, struct k2_sv exchange, int32_t trade_date,
                                         struct k2_sv channel, enum k2_kind_id kind, int32_t epoch,
                                         int64_t high),
                         void *ctx) {
    for (size_t i = 0; i < s->channels.n; i++) {
        const struct seq_channel *c = s->channels.all[i];
        if (c->started)
            channel(ctx, seq_channel_exchange(c), c->trade_date, seq_channel_name(c), c->kind,
                    c->epoch, c->high);
    }
}
