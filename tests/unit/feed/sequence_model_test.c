/* Random histories of a venue, with crashes and restarts anywhere, against a model that only keeps what came: which
 * numbers, with which content. Whatever the order, the engine's verdicts, its gaps and its ledger are those that
 * follow from the model. Seed in K2_SEED. */
#include "feed/feed.h"

#include "k2test.h"

#ifdef __SANITIZE_ADDRESS__
#define HISTORIES 60000
#else
#define HISTORIES 1000000
#endif

enum {
    DAY = 16139,
    SPACES = 3,
    EPOCHS = 3,
    NUMBERS = 40,
    PARTS = 2,
    MOST = 60,
    WAIT = 4,
    HALT = 3
};

/* Number spaces: trades and quotes of a channel by themselves, and a channel of all kinds. */
static const enum k2_kind_id kinds[SPACES] = {K2_KIND_TRADE, K2_KIND_QUOTE, SEQ_SHARED};
static const char *const channels[SPACES] = {"a", "a", "u"};

/* --- the model --- */

struct space {
    bool seen[EPOCHS][NUMBERS]; /* the number was used */
    uint8_t content[EPOCHS][NUMBERS][PARTS];
    int lowest[EPOCHS], highest[EPOCHS]; /* 0: the epoch has not begun */
    int epoch;                           /* -1: nothing yet */
};

static bool is_missing(const struct space *s, int e, int n) {
    return !s->seen[e][n] && s->lowest[e] && n > s->lowest[e] && n < s->highest[e];
}

static bool is_beyond(const struct space *s, const struct seq_item *i) {
    return s->epoch >= 0 &&
           (i->epoch > s->epoch || (i->epoch == s->epoch && i->sequence > s->highest[s->epoch]));
}

static enum seq_verdict take(struct space *s, const struct seq_item *i) {
    int e = i->epoch, n = (int)i->sequence;
    uint8_t *content = &s->content[e][n][i->part];
    bool inside = s->lowest[e] && n >= s->lowest[e] && n <= s->highest[e];
    bool fills = is_missing(s, e, n), above = inside ? false : n > s->highest[e];
    if (!i->consumed_only && *content)
        return *content == i->payload.lo ? SEQ_DUPLICATE : SEQ_CONFLICT;
    enum seq_verdict v = s->epoch >= 0 && e > s->epoch ? SEQ_RESET
                         : fills                       ? SEQ_OUT_OF_ORDER
                                                       : SEQ_NEW;
    if (s->lowest[e] && above && n - i->span > s->highest[e] + 1)
        v = SEQ_GAP;
    if (s->lowest[e] && !inside && !above && n != s->lowest[e] - 1)
        v = SEQ_GAP;
    if (i->consumed_only && inside && !fills)
        v = SEQ_DUPLICATE;
    if (!i->consumed_only)
        *content = (uint8_t)i->payload.lo;
    int low = i->span < n ? n - (int)i->span : 1;
    for (int k = low; k <= n; k++)
        s->seen[e][k] = true;
    s->lowest[e] = s->lowest[e] && s->lowest[e] < low ? s->lowest[e] : low;
    s->highest[e] = s->highest[e] > n ? s->highest[e] : n;
    s->epoch = e > s->epoch ? e : s->epoch;
    return v;
}

/* --- what is stored: writes of items and steps; a crash loses the last ones --- */

struct stored {
    bool is_step;
    int write;
    struct seq_item item;
    struct seq_step step;
};

struct world {
    struct space spaces[SPACES];
    struct stored log[20 * MOST];
    int n, write;
    struct seq_engine *engine;
    struct k2_buf checkpoint;
    int checkpoint_n;
    uint64_t seed, first;
};

static int space_of(struct k2_sv channel, enum k2_kind_id kind) {
    return k2_sv_eq(channel, K2_SV("u")) ? 2 : kind == K2_KIND_QUOTE ? 1 : 0;
}

static int load(void *ctx, struct k2_sv exchange, int32_t date, struct k2_sv channel,
                enum k2_kind_id kind, int64_t lo, int64_t hi,
                void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                struct k2_err *err) {
    const struct world *w = ctx;
    const struct space *s = &w->spaces[space_of(channel, kind)];
    (void)exchange, (void)date, (void)err;
    for (int32_t e = 0; e < EPOCHS; e++)
        for (int64_t n = lo < 0 ? 0 : lo; n <= hi && n < NUMBERS; n++)
            for (int32_t p = 0; p < PARTS; p++)
                if (s->content[e][n][p])
                    put(put_ctx, &(struct seq_known){n, e, p, {s->content[e][n][p], 0}});
    return K2_OK;
}

static void start_engine(struct world *w) {
    const struct seq_policy policy = {WAIT, INT64_MAX, 2, HALT};
    w->engine = seq_engine_new((struct seq_history){.ctx = w, .load = load});
    seq_engine_set_policy(w->engine, K2_SV(""), &policy);
}

static void store_steps(struct world *w) {
    const struct seq_step *steps;
    size_t n = seq_engine_steps(w->engine, &steps);
    for (size_t i = 0; i < n; i++) {
        struct stored s = {.is_step = true, .write = w->write, .step = steps[i]};
        int space = space_of(steps[i].channel, steps[i].kind); /* its strings go with the engine */
        s.step.exchange = K2_SV("X");
        s.step.channel = k2_sv_of(channels[space]);
        s.step.source = (struct k2_sv){0};
        assert_true(w->n < 20 * MOST);
        w->log[w->n++] = s;
    }
    seq_engine_steps_taken(w->engine);
}

/* --- what must hold --- */

/* Whether a gap that halts the space is open in the ledger. */
static bool is_halted(const struct world *w, int space) {
    for (int i = 0; i < w->n; i++) {
        const struct seq_step *o = &w->log[i].step;
        bool ends = !w->log[i].is_step || o->state != SEQ_OPENED || !o->halts ||
                    space_of(o->channel, o->kind) != space;
        for (int k = i + 1; !ends && k < w->n; k++) {
            const struct seq_step *s = &w->log[k].step;
            ends = w->log[k].is_step && (s->state == SEQ_FILLED || s->state == SEQ_GIVEN_UP) &&
                   space_of(s->channel, s->kind) == space && s->epoch == o->epoch &&
                   s->from == o->from;
        }
        if (!ends)
            return true;
    }
    return false;
}

/* Whether a gap of the space was filled in this write: what it halted may go on, and be halted anew. */
static bool filled_now(const struct world *w, int space) {
    for (int i = w->n; i > 0 && w->log[i - 1].write == w->write; i--) {
        const struct stored *s = &w->log[i - 1];
        if (s->is_step && s->step.state == SEQ_FILLED &&
            space_of(s->step.channel, s->step.kind) == space)
            return true;
    }
    return false;
}

static int missing_in(const struct space *s, int e, int64_t from, int64_t to) {
    int n = 0;
    for (int64_t i = from; i <= to; i++)
        n += is_missing(s, e, (int)i);
    return n;
}

static int count_steps(const struct world *w, const struct seq_step *like, enum seq_state state) {
    int n = 0;
    for (int i = 0; i < w->n; i++) {
        const struct seq_step *s = &w->log[i].step;
        n += w->log[i].is_step && s->state == state && s->epoch == like->epoch &&
             s->from == like->from &&
             space_of(s->channel, s->kind) == space_of(like->channel, like->kind);
    }
    return n;
}

/* Of a settled engine: the ledger says what the model lacks, each step once. */
static void check_ledger(const struct world *w) {
    int opened = 0, all = 0;
    for (int i = 0; i < w->n; i++) {
        const struct seq_step *s = &w->log[i].step;
        if (!w->log[i].is_step)
            continue;
        int missing =
            missing_in(&w->spaces[space_of(s->channel, s->kind)], s->epoch, s->from, s->to);
        if (count_steps(w, s, s->state) != 1)
            fail_msg("K2_SEED=%llu: a step is there twice", (unsigned long long)w->first);
        if (count_steps(w, s, SEQ_OPENED) != 1 || count_steps(w, s, SEQ_FILLED) != (missing == 0))
            fail_msg("K2_SEED=%llu: gap %d from %lld to %lld lacks %d, opened %d, filled %d",
                     (unsigned long long)w->first, s->epoch, (long long)s->from, (long long)s->to,
                     missing, count_steps(w, s, SEQ_OPENED), count_steps(w, s, SEQ_FILLED));
        opened += s->state == SEQ_OPENED ? missing : 0;
    }
    for (int s = 0; s < SPACES; s++)
        for (int e = 0; e < EPOCHS; e++)
            all += missing_in(&w->spaces[s], e, 0, NUMBERS - 1);
    if (opened != all || seq_engine_stats(w->engine).missing != all)
        fail_msg("K2_SEED=%llu: %d missing, in the ledger %d, in the engine %lld",
                 (unsigned long long)w->first, all, opened,
                 (long long)seq_engine_stats(w->engine).missing);
}

/* --- what happens --- */

static uint64_t draw(struct world *w, uint64_t n) {
    return k2test_random(&w->seed) % n;
}

static struct seq_item draw_item(struct world *w) {
    static const int64_t spans[10] = {[7] = 1, [8] = 3, [9] = INT64_MAX};
    int space = (int)draw(w, SPACES);
    const struct space *s = &w->spaces[space];
    int epoch = s->epoch < 0 ? 0 : s->epoch, next = s->highest[epoch] ? s->highest[epoch] + 1 : 12;
    uint64_t dice = draw(w, 100);
    if (dice < 20)
        next += (int)draw(w, 8);
    else if (dice < 45)
        next -= (int)draw(w, 12);
    else if (dice < 48)
        epoch = (int)draw(w, EPOCHS), next = 1 + (int)draw(w, NUMBERS - 1);
    next = next < 1 ? 1 : next >= NUMBERS ? NUMBERS - 1 : next;
    int part = draw(w, 8) == 0;
    bool consumed = draw(w, 12) == 0;
    return (struct seq_item){.exchange = K2_SV("X"),
                             .channel = k2_sv_of(channels[space]),
                             .kind = kinds[space],
                             .trade_date = DAY,
                             .epoch = epoch,
                             .part = part,
                             .sequence = next,
                             .span = spans[consumed ? 6 + 3 * draw(w, 2) : draw(w, 10)],
                             .payload = {1 + (draw(w, 10) == 0), 0},
                             .halts = draw(w, 3) == 0,
                             .time_ns = K2_NULL_LONG,
                             .raw_offset = K2_NULL_LONG,
                             .consumed_only = consumed};
}

static void judge_batch(struct world *w) {
    struct seq_item items[6];
    struct k2_err err = {0};
    bool halted[SPACES];
    int n = 1 + (int)draw(w, 6);
    for (int i = 0; i < n; i++)
        items[i] = draw_item(w);
    for (int s = 0; s < SPACES; s++)
        halted[s] = is_halted(w, s);
    w->write++;
    CHECK_OK(seq_judge(w->engine, items, (size_t)n, &err), &err);
    store_steps(w);
    for (int i = 0; i < n; i++) {
        int at = space_of(items[i].channel, items[i].kind);
        struct space *s = &w->spaces[at];
        if (items[i].verdict == SEQ_HALTED) {
            assert_true(is_beyond(s, &items[i]));
            continue;
        }
        assert_false(halted[at] && !filled_now(w, at) && is_beyond(s, &items[i]));
        enum seq_verdict v = take(s, &items[i]);
        if (v != items[i].verdict)
            fail_msg("K2_SEED=%llu: %s epoch %d number %lld part %d: %d instead of %d",
                     (unsigned long long)w->first, channels[at], items[i].epoch,
                     (long long)items[i].sequence, items[i].part, items[i].verdict, v);
        if (v < SEQ_DUPLICATE || items[i].consumed_only)
            w->log[w->n++] = (struct stored){.write = w->write, .item = items[i]};
    }
}

static int in_log_order(const void *pa, const void *pb) {
    const struct seq_item *a = pa, *b = pb;
    struct seq_known x = {a->sequence, a->epoch, a->part, {0, 0}};
    struct seq_known y = {b->sequence, b->epoch, b->part, {0, 0}};
    return seq_known_cmp(&x, &y);
}

/* One write of the log, as a restart sees it: items by number, then the steps. Gives where the next begins. */
static int replay_write(struct world *w, int from) {
    struct seq_item items[64];
    struct k2_err err = {0};
    int to = from, n = 0;
    for (; to < w->n && w->log[to].write == w->log[from].write; to++)
        if (!w->log[to].is_step)
            items[n++] = w->log[to].item;
    for (int i = 0; i < n; i++)
        items[i].halts = false;
    qsort(items, (size_t)n, sizeof *items, in_log_order);
    CHECK_OK(seq_judge(w->engine, items, (size_t)n, &err), &err);
    for (int i = from; i < to; i++)
        if (w->log[i].is_step)
            seq_engine_told(w->engine, &w->log[i].step);
    return to;
}

/* What the model knows is what is in the log. */
static void rebuild_model(struct world *w) {
    memset(w->spaces, 0, sizeof w->spaces);
    for (int s = 0; s < SPACES; s++)
        w->spaces[s].epoch = -1;
    for (int i = 0; i < w->n; i++)
        if (!w->log[i].is_step)
            take(&w->spaces[space_of(w->log[i].item.channel, w->log[i].item.kind)],
                 &w->log[i].item);
}

/* The last writes behind the checkpoint may be lost; the rest is judged again. */
static void restart(struct world *w) {
    struct k2_err err = {0};
    int lost = (int)draw(w, 3), kept = w->n;
    while (lost > 0 && kept > w->checkpoint_n) {
        int write = w->log[kept - 1].write;
        while (kept > w->checkpoint_n && w->log[kept - 1].write == write)
            kept--;
        lost--;
    }
    w->n = kept;
    rebuild_model(w);
    seq_engine_free(w->engine);
    start_engine(w);
    if (w->checkpoint.n)
        CHECK_OK(seq_engine_restore(w->engine, k2_buf_view(&w->checkpoint), &err), &err);
    seq_engine_replay(w->engine, true);
    for (int at = w->checkpoint_n; at < w->n;)
        at = replay_write(w, at);
    seq_engine_replay(w->engine, false);
    w->write++;
    store_steps(w);
}

static void save(struct world *w) {
    w->checkpoint.n = 0;
    seq_engine_save(w->engine, 0, &w->checkpoint);
    w->checkpoint_n = w->n;
}

static void give_up_something(struct world *w) {
    bool again;
    for (int i = 0; i < w->n; i++) {
        if (!w->log[i].is_step || !w->log[i].step.halts || draw(w, 2))
            continue;
        struct seq_step which = w->log[i].step;
        which.state = draw(w, 2) ? SEQ_GIVEN_UP : SEQ_ACKNOWLEDGED;
        w->write++;
        (void)seq_engine_mark(w->engine, &which, &again);
        store_steps(w);
        return;
    }
}

static void run_history(struct world *w) {
    w->n = w->write = w->checkpoint_n = 0;
    w->checkpoint.n = 0;
    rebuild_model(w);
    start_engine(w);
    for (int left = (int)draw(w, 12); left > 0; left--) {
        uint64_t dice = draw(w, 16);
        judge_batch(w);
        if (dice == 0)
            restart(w);
        else if (dice == 1)
            save(w);
        else if (dice == 2)
            give_up_something(w);
    }
    restart(w);
    w->write++;
    seq_engine_settle(w->engine);
    store_steps(w);
    check_ledger(w);
    seq_engine_free(w->engine);
}

static void any_history_with_any_restarts_is_what_the_model_says(void **state) {
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    uint64_t seed = k2test_seed();
    int halts = 0, fills = 0;
    for (int i = 0; i < HISTORIES; i++) {
        w->seed = w->first = seed + (uint64_t)i;
        run_history(w);
        for (int k = 0; k < w->n; k++) {
            halts += w->log[k].is_step && w->log[k].step.halts;
            fills += w->log[k].is_step && w->log[k].step.state == SEQ_FILLED;
        }
    }
    printf("%d halts, %d gaps filled\n", halts, fills);
    assert_true(halts > HISTORIES / 1000 && fills > HISTORIES / 100);
    k2_buf_free(&w->checkpoint);
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_with_any_restarts_is_what_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
