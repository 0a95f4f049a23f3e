/* The sequence engine: each verdict by hand, then against a model that remembers everything. */
#include "feed/feed.h"
#include "k2test.h"

#define DAY 20000

static struct seq_item item(const char *channel, int32_t epoch, int64_t sequence, int32_t part,
                            uint64_t payload) {
    return (struct seq_item){
        .exchange = K2_SV("X"),
        .channel = k2_sv_of(channel),
        .kind = K2_KIND_TRADE,
        .trade_date = DAY,
        .epoch = epoch,
        .part = part,
        .sequence = sequence,
        .payload = {payload, 0},
    };
}

static enum seq_verdict judge_item(struct seq_engine *s, struct seq_item *i) {
    struct k2_err err = {0};
    CHECK_OK(seq_judge(s, i, 1, &err), &err);
    return i->verdict;
}

static enum seq_verdict judge(struct seq_engine *s, int32_t epoch, int64_t sequence, int32_t part,
                              uint64_t payload) {
    struct seq_item i = item("a", epoch, sequence, part, payload);
    return judge_item(s, &i);
}

static enum seq_verdict consume(struct seq_engine *s, int32_t epoch, int64_t sequence) {
    struct seq_item i = item("a", epoch, sequence, 0, 0);
    i.consumed_only = true;
    return judge_item(s, &i);
}

static struct seq_engine *fresh(void) {
    return seq_engine_new((struct seq_history){0});
}

static void the_first_event_starts_its_channel_without_a_gap(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    assert_int_equal(judge(s, 0, 500, 0, 1), SEQ_NEW);
    assert_int_equal(judge(s, 0, 501, 0, 2), SEQ_NEW);
    assert_int_equal(judge(s, 0, 499, 0, 3), SEQ_NEW); /* from before, in no gap */
    assert_int_equal(seq_engine_stats(s).gaps_open, 0);
    assert_int_equal(seq_engine_high(s, K2_SV("X"), DAY, K2_SV("a"), K2_KIND_TRADE), 501);
    assert_int_equal(seq_engine_high(s, K2_SV("X"), DAY, K2_SV("a"), K2_KIND_QUOTE), 0);
    seq_engine_free(s);
}

static void more_missing_numbers_than_63_bits_hold_are_as_many_as_they_hold(void **state) {
    (void)state;
    assert_int_equal(seq_missing_add(5, 3, 3), 6);
    assert_int_equal(seq_missing_add(0, 1, INT64_MAX), INT64_MAX);
    assert_int_equal(seq_missing_add(0, 2, INT64_MAX), INT64_MAX - 1);
    assert_int_equal(seq_missing_add(1, 2, INT64_MAX), INT64_MAX);
    assert_int_equal(seq_missing_add(2, 2, INT64_MAX), INT64_MAX);
    assert_int_equal(seq_missing_add(INT64_MAX, 7, 9), INT64_MAX);
    assert_int_equal(seq_missing_add(0, INT64_MIN, INT64_MAX), INT64_MAX);
    assert_int_equal(seq_missing_add(0, -4, 4), 9);
}

static void a_gap_is_told_with_its_numbers_and_closed_from_any_side(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    judge(s, 0, 1, 0, 1);
    struct seq_item i = item("a", 0, 6, 0, 6);
    assert_int_equal(judge_item(s, &i), SEQ_GAP);
    assert_int_equal(i.gap_from, 2);
    assert_int_equal(i.gap_to, 5);
    assert_int_equal(seq_engine_stats(s).missing, 4);
    assert_int_equal(judge(s, 0, 4, 0, 4), SEQ_OUT_OF_ORDER);
    assert_int_equal(seq_engine_stats(s).gaps_open, 2);
    assert_int_equal(judge(s, 0, 2, 0, 2), SEQ_OUT_OF_ORDER);
    assert_int_equal(judge(s, 0, 5, 0, 5), SEQ_OUT_OF_ORDER);
    assert_int_equal(judge(s, 0, 4, 0, 4), SEQ_DUPLICATE);
    assert_int_equal(seq_engine_stats(s).missing, 1);
    assert_int_equal(judge(s, 0, 3, 0, 3), SEQ_OUT_OF_ORDER);
    assert_int_equal(seq_engine_stats(s).gaps_open, 0);
    seq_engine_free(s);
}

static void equal_identity_is_a_duplicate_or_a_conflict_and_the_first_one_stays(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    judge(s, 0, 1, 0, 1);
    assert_int_equal(judge(s, 0, 1, 0, 1), SEQ_DUPLICATE);
    assert_int_equal(judge(s, 0, 1, 0, 2), SEQ_CONFLICT);
    assert_int_equal(judge(s, 0, 1, 0, 2), SEQ_CONFLICT);
    assert_int_equal(judge(s, 0, 1, 0, 1), SEQ_DUPLICATE);
    assert_int_equal(seq_engine_stats(s).verdicts[SEQ_CONFLICT], 2);
    seq_engine_free(s);
}

static void parts_of_one_message_are_all_new(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    judge(s, 0, 1, 0, 1);
    for (int part = 0; part < 5; part++)
        assert_int_equal(judge(s, 0, 2, part, 7), SEQ_NEW);
    assert_int_equal(judge(s, 0, 2, 3, 7), SEQ_DUPLICATE);
    assert_int_equal(judge(s, 0, 5, 0, 9), SEQ_GAP);
    assert_int_equal(judge(s, 0, 3, 0, 9), SEQ_OUT_OF_ORDER);
    assert_int_equal(judge(s, 0, 3, 1, 9), SEQ_NEW); /* the same late message */
    seq_engine_free(s);
}

static void a_later_epoch_is_a_reset_and_gaps_of_the_earlier_one_stay_open(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    judge(s, 0, 1, 0, 1);
    judge(s, 0, 3, 0, 3);
    assert_int_equal(judge(s, 1, 1, 0, 1), SEQ_RESET);
    assert_int_equal(judge(s, 1, 2, 0, 2), SEQ_NEW);
    assert_int_equal(seq_engine_stats(s).missing, 1);
    assert_int_equal(judge(s, 0, 2, 0, 2), SEQ_OUT_OF_ORDER);
    assert_int_equal(judge(s, 0, 3, 0, 3), SEQ_DUPLICATE);
    assert_int_equal(seq_engine_high(s, K2_SV("X"), DAY, K2_SV("a"), K2_KIND_TRADE), 2);
    seq_engine_free(s);
}

static void a_used_up_number_opens_no_gap_and_conflicts_with_nothing(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    judge(s, 0, 1, 0, 1);
    assert_int_equal(consume(s, 0, 2), SEQ_NEW);
    assert_int_equal(judge(s, 0, 3, 0, 3), SEQ_NEW);
    assert_int_equal(consume(s, 0, 2), SEQ_DUPLICATE);
    assert_int_equal(judge(s, 0, 2, 0, 9), SEQ_NEW); /* the decoder learned to read it */
    assert_int_equal(judge(s, 0, 2, 0, 9), SEQ_DUPLICATE);
    assert_int_equal(consume(s, 0, 6), SEQ_GAP);
    assert_int_equal(consume(s, 0, 4), SEQ_OUT_OF_ORDER);
    assert_int_equal(seq_engine_stats(s).missing, 1);
    struct seq_stats stats = seq_engine_stats(s);
    int64_t all = 0;
    for (int v = 0; v < SEQ_VERDICTS; v++)
        all += stats.verdicts[v];
    assert_int_equal(all, 4);
    seq_engine_free(s);
}

static void channels_kinds_dates_and_exchanges_count_apart(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    struct seq_item base = item("a", 0, 1, 0, 1), other[5];
    judge_item(s, &base);
    for (int i = 0; i < 5; i++)
        other[i] = item("a", 0, 10, 0, 1);
    other[0].channel = K2_SV("ab");
    other[1].kind = K2_KIND_QUOTE;
    other[2].trade_date++;
    other[3].exchange = K2_SV("Y");
    other[4].exchange = K2_SV("Xa"); /* Xa + "" is not X + a */
    other[4].channel = K2_SV("");
    for (int i = 0; i < 5; i++)
        assert_int_equal(judge_item(s, &other[i]), SEQ_NEW);
    seq_engine_free(s);
}

static void items_of_one_batch_see_each_other_however_large_it_is(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct seq_engine *s = fresh();
    size_t n = 40000;
    struct seq_item *items = calloc(2 * n, sizeof *items);
    for (size_t i = 0; i < 2 * n; i++)
        items[i] = item("a", 0, (int64_t)(i % n), 0, i % n);
    CHECK_OK(seq_judge(s, items, 2 * n, &err), &err);
    for (size_t i = 0; i < 2 * n; i++)
        assert_int_equal(items[i].verdict, i < n ? SEQ_NEW : SEQ_DUPLICATE);
    free(items);
    seq_engine_free(s);
}

/* --- the model: everything that was accepted or used up, as plain lists --- */

#define CHANNELS 3
#define SEQS 40000
#define EPOCHS 3
#define PARTS 3

struct model_channel {
    bool started;
    int32_t epoch;
    int64_t high;
    uint64_t payload[EPOCHS][PARTS][SEQS]; /* 0 = not accepted */
    bool missing[EPOCHS][SEQS];
    bool begun[EPOCHS];
    int64_t first[EPOCHS], last[EPOCHS];
};

struct model {
    struct model_channel channel[CHANNELS];
    int loads, lasts;
    int64_t rows; /* put, in all */
    bool in_load_fails;
    uint64_t loaded_mask; /* channels asked in this batch */
};

static enum seq_verdict model_verdict(struct model_channel *c, const struct seq_item *i,
                                      int64_t *gap_from, int64_t *gap_to) {
    *gap_from = *gap_to = 0;
    uint64_t known = c->payload[i->epoch][i->part][i->sequence];
    if (!i->consumed_only && known)
        return known == i->payload.lo ? SEQ_DUPLICATE : SEQ_CONFLICT;
    int32_t e = i->epoch;
    bool was_missing = c->missing[e][i->sequence];
    bool inside = c->begun[e] && i->sequence >= c->first[e] && i->sequence <= c->last[e];
    if (i->consumed_only && inside && !was_missing)
        return SEQ_DUPLICATE;
    c->missing[e][i->sequence] = false;
    if (!i->consumed_only)
        c->payload[e][i->part][i->sequence] = i->payload.lo;
    enum seq_verdict v = was_missing                  ? SEQ_OUT_OF_ORDER
                         : c->started && e > c->epoch ? SEQ_RESET
                                                      : SEQ_NEW;
    if (c->begun[e] && i->sequence > c->last[e] + 1) {
        v = SEQ_GAP;
        *gap_from = c->last[e] + 1;
        *gap_to = i->sequence - 1;
    } else if (c->begun[e] && i->sequence < c->first[e] - 1) {
        v = SEQ_GAP;
        *gap_from = i->sequence + 1;
        *gap_to = c->first[e] - 1;
    }
    for (int64_t k = *gap_from; v == SEQ_GAP && k <= *gap_to; k++)
        c->missing[e][k] = true;
    c->first[e] = c->begun[e] && c->first[e] < i->sequence ? c->first[e] : i->sequence;
    c->last[e] = c->begun[e] && c->last[e] > i->sequence ? c->last[e] : i->sequence;
    c->begun[e] = true;
    if (!c->started || e > c->epoch)
        c->epoch = e;
    c->started = true;
    c->high = c->last[c->epoch];
    return v;
}

static const char *const names[CHANNELS] = {"a", "b", "a longer name"};

static int channel_index(struct k2_sv name) {
    int c = 0;
    while (c < CHANNELS && !k2_sv_eq(name, k2_sv_of(names[c])))
        c++;
    K2_ASSERT(c < CHANNELS);
    return c;
}

static int load_from_model(void *ctx, struct k2_sv exchange, int32_t trade_date,
                           struct k2_sv channel, enum k2_kind_id kind, int64_t lo, int64_t hi,
                           void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                           struct k2_err *err) {
    struct model *m = ctx;
    assert_true(k2_sv_eq(exchange, K2_SV("X")) && trade_date == DAY && kind == K2_KIND_TRADE);
    int c = channel_index(channel);
    if (m->in_load_fails) { /* half way through */
        struct seq_known known = {lo < 0 ? 1 : lo, 0, 0, {7, 0}};
        put(put_ctx, &known);
        return k2_fail(err, K2_E_IO, "the disk is gone");
    }
    bool all = lo == INT64_MIN && hi == INT64_MAX;
    if (!all && m->loaded_mask & (1u << c))
        fail_msg("channel %d was asked for twice in a batch", c);
    m->loaded_mask |= all ? 0 : 1u << c;
    m->loads++;
    lo = lo < 0 ? 0 : lo;
    hi = hi >= SEQS ? SEQS - 1 : hi;
    for (int64_t k = hi; k >= lo; k--) /* any order */
        for (int32_t e = 0; e < EPOCHS; e++)
            for (int32_t p = 0; p < PARTS; p++)
                if (m->channel[c].payload[e][p][k]) {
                    struct seq_known known = {k, e, p, {m->channel[c].payload[e][p][k], 0}};
                    put(put_ctx, &known);
                    m->rows++;
                }
    return K2_OK;
}

static int last_of_model(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                         enum k2_kind_id kind, struct seq_known *last, bool *found,
                         struct k2_err *err) {
    struct model *m = ctx;
    const struct model_channel *c = &m->channel[channel_index(channel)];
    (void)exchange, (void)trade_date, (void)kind;
    *found = false;
    if (m->in_load_fails)
        return k2_fail(err, K2_E_IO, "the disk is gone");
    m->lasts++;
    for (int32_t e = 0; e < EPOCHS; e++)
        for (int64_t k = 0; k < SEQS; k++)
            for (int32_t p = 0; p < PARTS; p++)
                if (c->payload[e][p][k]) {
                    *last = (struct seq_known){k, e, p, {c->payload[e][p][k], 0}};
                    *found = true;
                }
    return K2_OK;
}

static struct seq_history history_of(struct model *m) {
    return (struct seq_history){m, load_from_model, last_of_model};
}

/* Mostly the next number; repeats near and far, jumps, late ones, other parts, resets, bad records. */
static struct seq_item random_item(const struct model *m, uint64_t *seed) {
    int c = (int)(k2test_random(seed) % CHANNELS);
    const struct model_channel *ch = &m->channel[c];
    uint64_t dice = k2test_random(seed) % 100, r = k2test_random(seed);
    int64_t next = ch->started ? ch->high + 1 : 100, sequence = next;
    int32_t epoch = ch->epoch, part = 0;
    if (dice < 15)
        sequence = next - 1 - (int64_t)(r % 10);
    else if (dice < 20)
        sequence = (int64_t)(r % (uint64_t)next);
    else if (dice < 28)
        sequence = next + (int64_t)(r % 12);
    else if (dice < 38)
        sequence = next - 1, part = (int32_t)(r % PARTS);
    else if (dice < 39 && r % 40 == 0 && epoch + 1 < EPOCHS)
        epoch++, sequence = (int64_t)(r % 50);
    else if (dice < 41)
        epoch = (int32_t)(r % (uint64_t)(epoch + 1)), sequence = (int64_t)(r / 7 % (uint64_t)next);
    sequence = sequence < 0 ? 0 : sequence >= SEQS ? SEQS - 1 : sequence;
    struct seq_item i = item(names[c], epoch, sequence, part, 1 + k2test_random(seed) % 3);
    if (k2test_random(seed) % 3) /* most repeats are honest */
        i.payload.lo = 1 + (uint64_t)(sequence + part) % 2;
    i.consumed_only = k2test_random(seed) % 25 == 0;
    return i;
}

static struct model_channel *channel_of(struct model *m, const struct seq_item *i) {
    return &m->channel[channel_index(i->channel)];
}

struct total {
    int64_t gaps, missing;
};

static void count_gap(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                      enum k2_kind_id kind, int32_t epoch, int64_t from, int64_t to) {
    struct {
        struct model *m;
        struct total t;
    } *w = ctx;
    struct seq_item i = {.channel = channel};
    (void)exchange, (void)trade_date, (void)kind;
    for (int64_t k = from; k <= to; k++)
        assert_true(channel_of(w->m, &i)->missing[epoch][k]);
    w->t.gaps++;
    w->t.missing += to - from + 1;
}

static void check_gaps(struct seq_engine *s, struct model *m) {
    struct {
        struct model *m;
        struct total t;
    } w = {m, {0, 0}};
    int64_t missing = 0;
    for (int c = 0; c < CHANNELS; c++)
        for (int e = 0; e < EPOCHS; e++)
            for (int k = 0; k < SEQS; k++)
                missing += m->channel[c].missing[e][k];
    seq_engine_gaps(s, count_gap, &w);
    struct seq_stats stats = seq_engine_stats(s);
    assert_int_equal(w.t.missing, missing);
    assert_int_equal(stats.missing, missing);
    assert_int_equal(stats.gaps_open, w.t.gaps);
}

/* Through a checkpoint into a new engine: the history answers what it does not carry. */
static struct seq_engine *restarted(struct seq_engine *s, struct model *m) {
    struct k2_err err = {0};
    struct k2_buf bytes = {0};
    seq_engine_save(s, 0, &bytes);
    seq_engine_free(s);
    s = seq_engine_new(history_of(m));
    CHECK_OK(seq_engine_restore(s, k2_buf_view(&bytes), &err), &err);
    k2_buf_free(&bytes);
    return s;
}

static void verdicts_equal_those_of_a_model_that_keeps_everything(void **state) {
    (void)state;
    uint64_t seed = k2test_seed(), first = seed;
    struct model *m = calloc(1, sizeof *m);
    struct seq_engine *s = seq_engine_new(history_of(m));
    struct k2_err err = {0};
    int seen[SEQ_VERDICTS] = {0}, failures = 0;
    for (int batch = 0; batch < 1500; batch++) {
        static struct seq_item items[200];
        static struct seq_item expected[200];
        size_t n = k2test_random(&seed) % 120;
        for (size_t i = 0; i < n; i++) {
            items[i] = random_item(m, &seed);
            if (i > 0 && k2test_random(&seed) % 2) { /* go on from the one before in the batch */
                items[i] = items[i - 1];
                items[i].consumed_only = false;
                items[i].sequence += (int64_t)(k2test_random(&seed) % 3);
                if (items[i].sequence >= SEQS)
                    items[i].sequence = SEQS - 1;
            }
        }
        m->loaded_mask = 0;
        m->in_load_fails = batch % 97 == 96;
        int rc = seq_judge(s, items, n, &err);
        if (m->in_load_fails && rc != K2_OK) { /* the same batch again must go as if nothing was */
            failures++;
            assert_int_equal(rc, K2_E_IO);
            m->in_load_fails = false;
            m->loaded_mask = 0;
            rc = seq_judge(s, items, n, &err);
        }
        CHECK_OK(rc, &err);
        for (size_t i = 0; i < n; i++) {
            int64_t from, to;
            expected[i].verdict = model_verdict(channel_of(m, &items[i]), &items[i], &from, &to);
            seen[items[i].verdict]++;
            if (items[i].verdict != expected[i].verdict || items[i].gap_from != from ||
                items[i].gap_to != to)
                fail_msg("seed %llu batch %d item %zu: %.*s epoch %d seq %lld part %d: verdict %d, "
                         "model %d",
                         (unsigned long long)first, batch, i, K2_SV_ARG(items[i].channel),
                         items[i].epoch, (long long)items[i].sequence, items[i].part,
                         items[i].verdict, expected[i].verdict);
        }
        if (batch % 100 == 99)
            check_gaps(s, m);
        if (batch % 250 == 249)
            s = restarted(s, m);
    }
    check_gaps(s, m);
    for (int v = 0; v < SEQ_HALTED; v++)
        assert_true(seen[v] > 3);
    assert_true(m->loads > 10 && failures > 0);
    seq_engine_free(s);
    free(m);
}

static void what_left_the_window_is_asked_of_the_history_once_a_batch(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct model *m = calloc(1, sizeof *m);
    struct seq_engine *s = seq_engine_new(history_of(m));
    size_t n = 1000;
    struct seq_item *items = calloc(n, sizeof *items);
    for (int64_t from = 0; from < 30000; from += (int64_t)n) {
        for (size_t i = 0; i < n; i++) {
            int64_t from_model, to;
            items[i] = item("a", 0, from + (int64_t)i, 0, 7);
            (void)model_verdict(&m->channel[0], &items[i], &from_model, &to);
        }
        m->loaded_mask = 0;
        CHECK_OK(seq_judge(s, items, n, &err), &err);
    }
    assert_int_equal(m->loads, 0);
    for (size_t i = 0; i < n; i++)
        items[i] = item("a", 0, (int64_t)i * 3, 0, i % 2 ? 7 : 8);
    m->loaded_mask = 0;
    CHECK_OK(seq_judge(s, items, n, &err), &err);
    assert_int_equal(m->loads, 1);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(items[i].verdict, i % 2 ? SEQ_DUPLICATE : SEQ_CONFLICT);
    for (size_t i = 0; i < n; i++) /* the last ones are remembered */
        items[i] = item("a", 0, 29000 + (int64_t)i, 0, 7);
    CHECK_OK(seq_judge(s, items, n, &err), &err);
    assert_int_equal(m->loads, 1);
    assert_int_equal(items[0].verdict, SEQ_DUPLICATE);
    free(items);
    free(m);
    seq_engine_free(s);
}

/* Five days of `n` events each, of which the checkpoint keeps two; the first is then read again. */
static void read_a_left_out_date_again(struct model *m, struct seq_history history, int64_t n) {
    struct k2_err err = {0};
    struct k2_buf bytes = {0};
    struct seq_engine *s = seq_engine_new(history);
    for (int32_t day = DAY; day < DAY + 5; day++)
        for (int64_t k = 1; k <= n; k++) {
            int64_t from, to;
            struct seq_item i = item("a", 0, k, 0, 7);
            i.trade_date = day;
            if (day == DAY)
                (void)model_verdict(&m->channel[0], &i, &from, &to);
            assert_int_equal(judge_item(s, &i), SEQ_NEW);
        }
    seq_engine_save(s, 2, &bytes);
    seq_engine_free(s);
    s = seq_engine_new(history);
    CHECK_OK(seq_engine_restore(s, k2_buf_view(&bytes), &err), &err);
    assert_int_equal(seq_engine_high(s, K2_SV("X"), DAY + 3, K2_SV("a"), K2_KIND_TRADE), n);
    assert_int_equal(seq_engine_high(s, K2_SV("X"), DAY + 2, K2_SV("a"), K2_KIND_TRADE), 0);
    assert_int_equal(seq_engine_high(s, K2_SV("X"), DAY, K2_SV("a"), K2_KIND_TRADE), 0);
    struct seq_item bad = item("a", 0, 3, 0, 7);
    bad.consumed_only = true;
    m->in_load_fails = true;
    CHECK_STATUS(seq_judge(s, &bad, 1, &err), K2_E_IO);
    m->in_load_fails = false;
    assert_int_equal(judge_item(s, &bad), SEQ_DUPLICATE);
    assert_int_equal(judge(s, 0, 5, 0, 7), (m->loaded_mask = 0, SEQ_DUPLICATE));
    m->loaded_mask = 0;
    assert_int_equal(judge(s, 0, 6, 0, 8), SEQ_CONFLICT);
    assert_int_equal(judge(s, 0, n + 2, 0, 7), SEQ_GAP);
    struct seq_item fresh_day = item("a", 0, 1, 0, 7); /* newer than the floor: no question */
    fresh_day.trade_date = DAY + 9;
    assert_int_equal(judge_item(s, &fresh_day), SEQ_NEW);
    k2_buf_free(&bytes);
    seq_engine_free(s);
}

static void a_date_that_a_checkpoint_left_out_is_learned_without_its_events(void **state) {
    (void)state;
    struct model *m = calloc(1, sizeof *m);
    read_a_left_out_date_again(m, history_of(m), 30000);
    assert_int_equal(m->lasts, 1);
    assert_int_equal(m->loads, 2); /* numbers 5 and 6: */
    assert_int_equal(m->rows, 2);  /* nothing else was asked for */
    memset(m, 0, sizeof *m);
    read_a_left_out_date_again(m, (struct seq_history){.ctx = m, .load = load_from_model}, 30000);
    assert_int_equal(m->loads, 3);
    assert_int_equal(m->rows, 30002); /* put one by one, and not kept */
    free(m);
}

static void a_checkpoint_remembers_the_parts_of_the_last_message(void **state) {
    (void)state;
    struct model *m = calloc(1, sizeof *m);
    struct seq_engine *s = seq_engine_new(history_of(m));
    for (int part = 0; part < 2; part++) {
        int64_t from, to;
        struct seq_item i = item("a", 0, 9, part, 7);
        assert_int_equal(model_verdict(&m->channel[0], &i, &from, &to), judge_item(s, &i));
    }
    s = restarted(s, m);
    assert_int_equal(judge(s, 0, 9, 1, 7), SEQ_DUPLICATE);
    assert_int_equal(judge(s, 0, 9, 2, 7), SEQ_NEW);
    seq_engine_free(s);
    free(m);
}

/* Without a history, what is remembered must be found and what is not is new. */
static void the_last_events_of_a_channel_are_remembered_while_it_grows(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    for (int64_t k = 1; k <= 30000; k++) {
        assert_int_equal(judge(s, 0, k, 0, (uint64_t)k), SEQ_NEW);
        if (k % 500 == 0)
            for (int64_t back = 0; back < 4096 && back < k; back += 37)
                assert_int_equal(judge(s, 0, k - back, 0, (uint64_t)(k - back)), SEQ_DUPLICATE);
    }
    assert_int_equal(judge(s, 0, 1, 0, 1), SEQ_NEW);
    seq_engine_free(s);
}

static void many_channels_give_their_memory_back_but_not_those_in_use(void **state) {
    (void)state;
    enum { MANY = 400, EACH = 4000 };
    struct k2_err err = {0};
    struct seq_engine *s = fresh();
    struct seq_item *items = calloc(EACH, sizeof *items);
    char name[16];
    for (int c = 0; c < MANY; c++) {
        snprintf(name, sizeof name, "c%d", c);
        for (int i = 0; i < EACH; i++)
            items[i] = item(name, 0, i, 0, 7);
        CHECK_OK(seq_judge(s, items, EACH, &err), &err);
    }
    struct seq_item first = item("c0", 0, 5, 0, 7);
    CHECK_OK(seq_judge(s, items, EACH, &err), &err);
    for (int i = 0; i < EACH; i++)
        assert_int_equal(items[i].verdict, SEQ_DUPLICATE);
    int forgotten = 0;
    for (int c = 0; c < MANY; c++) {
        snprintf(name, sizeof name, "c%d", c);
        first.channel = k2_sv_of(name);
        forgotten += judge_item(s, &first) == SEQ_NEW;
    }
    assert_in_range(forgotten, 130, 150); /* 1.6 M events, and 1 M may stay */
    free(items);
    seq_engine_free(s);
}

static void a_damaged_checkpoint_is_refused_and_changes_nothing(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct k2_buf bytes = {0};
    struct seq_engine *s = fresh();
    judge(s, 0, 1, 0, 1);
    judge(s, 0, 5, 0, 1);
    judge(s, 1, 5, 0, 1);
    seq_engine_save(s, 1, &bytes);
    for (size_t n = 0; n < bytes.n; n++)
        CHECK_STATUS(seq_engine_restore(s, (struct k2_sv){(char *)bytes.p, n}, &err), K2_E_CORRUPT);
    for (size_t i = 0; i < bytes.n; i++) {
        bytes.p[i] ^= 0x40;
        int rc = seq_engine_restore(s, k2_buf_view(&bytes), &err);
        assert_true(rc == K2_E_CORRUPT || rc == K2_E_VERSION);
        bytes.p[i] ^= 0x40;
    }
    assert_int_equal(seq_engine_stats(s).missing, 3);
    CHECK_OK(seq_engine_restore(s, k2_buf_view(&bytes), &err), &err);
    assert_int_equal(seq_engine_stats(s).missing, 3);
    k2_buf_free(&bytes);
    seq_engine_free(s);
}

struct seen_gaps {
    int64_t n, first, last;
};

static void see_gap(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                    enum k2_kind_id kind, int32_t epoch, int64_t from, int64_t to) {
    struct seen_gaps *g = ctx;
    (void)exchange, (void)trade_date, (void)channel, (void)kind, (void)epoch;
    g->first = g->n++ == 0 ? from : g->first;
    g->last = to;
}

static void gaps_from_before_are_told_apart_from_new_ones_also_when_they_are_split(void **state) {
    (void)state;
    struct seq_engine *s = fresh();
    struct seen_gaps all = {0}, new = {0};
    assert_int_equal(judge(s, 0, 1, 0, 7), SEQ_NEW);
    assert_int_equal(judge(s, 0, 10, 0, 7), SEQ_GAP); /* 2 to 9 */
    seq_engine_age_gaps(s);
    assert_int_equal(seq_engine_older_gaps(s), 1);
    assert_int_equal(judge(s, 0, 5, 0, 7), SEQ_OUT_OF_ORDER);
    assert_int_equal(judge(s, 0, 20, 0, 7), SEQ_GAP); /* 11 to 19 */
    assert_int_equal(seq_engine_older_gaps(s), 2);
    seq_engine_gaps(s, see_gap, &all);
    seq_engine_new_gaps(s, see_gap, &new);
    assert_int_equal(all.n, 3);
    assert_int_equal(new.n, 1);
    assert_int_equal(new.first, 11);
    assert_int_equal(new.last, 19);
    seq_engine_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_event_starts_its_channel_without_a_gap),
        cmocka_unit_test(more_missing_numbers_than_63_bits_hold_are_as_many_as_they_hold),
        cmocka_unit_test(a_gap_is_told_with_its_numbers_and_closed_from_any_side),
        cmocka_unit_test(equal_identity_is_a_duplicate_or_a_conflict_and_the_first_one_stays),
        cmocka_unit_test(parts_of_one_message_are_all_new),
        cmocka_unit_test(a_later_epoch_is_a_reset_and_gaps_of_the_earlier_one_stay_open),
        cmocka_unit_test(a_used_up_number_opens_no_gap_and_conflicts_with_nothing),
        cmocka_unit_test(channels_kinds_dates_and_exchanges_count_apart),
        cmocka_unit_test(items_of_one_batch_see_each_other_however_large_it_is),
        cmocka_unit_test(gaps_from_before_are_told_apart_from_new_ones_also_when_they_are_split),
        cmocka_unit_test(what_left_the_window_is_asked_of_the_history_once_a_batch),
        cmocka_unit_test(verdicts_equal_those_of_a_model_that_keeps_everything),
        cmocka_unit_test(a_date_that_a_checkpoint_left_out_is_learned_without_its_events),
        cmocka_unit_test(a_checkpoint_remembers_the_parts_of_the_last_message),
        cmocka_unit_test(the_last_events_of_a_channel_are_remembered_while_it_grows),
        cmocka_unit_test(many_channels_give_their_memory_back_but_not_those_in_use),
        cmocka_unit_test(a_damaged_checkpoint_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
