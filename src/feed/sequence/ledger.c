/* feed/sequence/ledger.c - what becomes of gaps: waiting for what comes late, opened, asked for, filled; halts.
 *
 * Numbers that are found missing wait as a hole. What does not come in time is opened: the first step of a gap.
 * Steps are queued for the caller, who stores them with the events that made them, so that a restart finds both
 * or neither.
 *
 * A restart judges the log behind the checkpoint again. Within one write the log does not say in which order
 * events were judged, so holes may be found with other ends than then. The stored step names the gap: its hole is
 * cut out of them. What is left when all is told was never stored, and goes on as it would
 * have: holes wait, and a gap that was filled without its step gets it now.
 */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

const char *seq_state_name(enum seq_state state) {
    static const char *const names[] = {"OPENED", "REQUESTED", "FILLED", "GIVEN_UP",
                                        "ACKNOWLEDGED"};
    return names[state];
}

/* --- policies --- */

static const struct seq_policy *policy_of(const struct seq_engine *s, struct k2_sv exchange) {
    static const struct seq_policy otherwise = SEQ_POLICY;
    const struct seq_policy *found = &otherwise;
    for (size_t i = 0; i < s->n_policies; i++) {
        struct k2_sv name = k2_sv_of(s->policies[i].exchange);
        if (k2_sv_eq(name, exchange))
            return &s->policies[i].policy;
        if (name.n == 0)
            found = &s->policies[i].policy;
    }
    return found;
}

void seq_engine_set_policy(struct seq_engine *s, struct k2_sv exchange,
                           const struct seq_policy *policy) {
    s->policies = k2_realloc(s->policies, (s->n_policies + 1) * sizeof *s->policies);
    s->policies[s->n_policies].exchange = k2_sv_dup(exchange);
    s->policies[s->n_policies++].policy = *policy;
}

/* --- steps --- */

static void clear_steps(struct seq_engine *s) {
    for (size_t i = 0; i < s->n_steps; i++)
        if (s->steps[i].cause == SEQ_NUMBERS)
            free((char *)s->steps[i].source.p);
    s->n_steps = 0;
    seq_outages_tidy(&s->outages);
}

void seq_ledger_free(struct seq_engine *s) {
    clear_steps(s);
    free(s->steps);
    for (size_t i = 0; i < s->n_policies; i++)
        free(s->policies[i].exchange);
    free(s->policies);
    seq_outages_free(&s->outages);
}

/* Strings are borrowed from channel and hole. */
static struct seq_step step_of(const struct seq_channel *c, const struct seq_hole *h,
                               enum seq_state state) {
    return (struct seq_step){.exchange = seq_channel_exchange(c),
                             .channel = seq_channel_name(c),
                             .kind = c->kind,
                             .trade_date = c->trade_date,
                             .epoch = h->epoch,
                             .from = h->from,
                             .to = h->to,
                             .missing = h->missing,
                             .state = state,
                             .halts = h->halts,
                             .time_ns = h->time_ns,
                             .opened_ns = h->opened_ns,
                             .raw_offset = h->raw_offset,
                             .source = k2_sv_of(h->source)};
}

void seq_ledger_queue(struct seq_engine *s, const struct seq_step *step) {
    if (s->n_steps == s->cap_steps) {
        s->cap_steps = s->cap_steps ? s->cap_steps * 2 : 16;
        s->steps = k2_realloc(s->steps, s->cap_steps * sizeof *s->steps);
    }
    s->steps[s->n_steps++] = *step;
}

static void queue(struct seq_engine *s, struct seq_step step) {
    bool named =
        step.state == SEQ_OPENED && step.source.n > 0; /* the hole may go before the step */
    step.source = named ? (struct k2_sv){k2_sv_dup(step.source), step.source.n} : (struct k2_sv){0};
    seq_ledger_queue(s, &step);
}

size_t seq_engine_steps(const struct seq_engine *s, const struct seq_step **steps) {
    *steps = s->steps;
    return s->n_steps;
}

void seq_engine_steps_taken(struct seq_engine *s) {
    clear_steps(s);
}

/* --- halts --- */

static void update_halt(struct seq_channel *c) {
    bool halted = false;
    for (size_t i = 0; i < c->holes.n; i++)
        halted |= c->holes.all[i].missing > 0 && c->holes.all[i].halts;
    c->resumed = c->halted && !halted;
    c->halted = halted;
}

/* --- waiting --- */

static void put_in_queue(struct seq_engine *s, struct seq_channel *c, const struct seq_hole *h) {
    struct seq_queue *q = &c->queue;
    if (q->head > q->n / 2) {
        memmove(q->all, q->all + q->head, (q->n - q->head) * sizeof *q->all);
        q->n -= q->head;
        q->head = 0;
    }
    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 16;
        q->all = k2_realloc(q->all, q->cap * sizeof *q->all);
    }
    q->all[q->n++] = (struct seq_wait){h->epoch, h->from, c->judged, s->now_ns};
    s->waiting++;
    if (q->n - q->head == 1)
        c->due = c->judged + (uint64_t)policy_of(s, seq_channel_exchange(c))->wait_events;
}

/* The hole that has waited longest, out of the queue; NULL when it was filled. */
static struct seq_hole *take_from_queue(struct seq_engine *s, struct seq_channel *c) {
    const struct seq_wait *w = &c->queue.all[c->queue.head++];
    struct seq_hole *h = seq_holes_find(&c->holes, w->epoch, w->from);
    s->waiting--;
    return h && h->from == w->from && !h->opened ? h : NULL;
}

void seq_ledger_wait_anew(struct seq_engine *s) {
    s->waiting = 0;
    for (size_t i = 0; i < s->channels.n; i++) {
        struct seq_channel *c = s->channels.all[i];
        c->queue.head = c->queue.n = 0;
        c->due = UINT64_MAX;
        for (size_t k = 0; k < c->holes.n; k++)
            if (c->holes.all[k].missing > 0 && !c->holes.all[k].opened)
                put_in_queue(s, c, &c->holes.all[k]);
    }
}

/* --- the life of a hole --- */

void seq_ledger_found(struct seq_engine *s, struct seq_channel *c, const struct seq_item *i,
                      int64_t from, int64_t to, bool may_halt) {
    const struct seq_hole hole = {.epoch = i->epoch,
                                  .from = from,
                                  .to = to,
                                  .missing = seq_missing_add(0, from, to),
                                  .time_ns = i->time_ns,
                                  .raw_offset = i->raw_offset,
                                  .source = i->source.n ? k2_sv_dup(i->source) : NULL,
                                  .may_halt = may_halt};
    put_in_queue(s, c, seq_holes_add(&c->holes, &hole));
}

static void open_hole(struct seq_engine *s, struct seq_channel *c, struct seq_hole *h) {
    const struct seq_policy *p = policy_of(s, seq_channel_exchange(c));
    h->opened = true;
    h->opened_ns = s->now_ns;
    h->halts = h->may_halt && h->missing > p->halt_above;
    c->halted |= h->halts;
    queue(s, step_of(c, h, SEQ_OPENED));
    h->requested = h->missing >= p->log_below && h->missing <= p->halt_above;
    if (h->requested)
        queue(s, step_of(c, h, SEQ_REQUESTED));
}

/* Opens what has waited for so many events or so long. */
static void open_due(struct seq_engine *s, struct seq_channel *c, int64_t events, int64_t ns) {
    struct seq_queue *q = &c->queue;
    for (; q->head < q->n;) {
        const struct seq_wait *w = &q->all[q->head];
        if ((int64_t)(c->judged - w->found_at) < events && s->now_ns - w->found_ns < ns)
            break;
        struct seq_hole *h = take_from_queue(s, c);
        if (h)
            open_hole(s, c, h);
    }
    c->due = q->head < q->n ? q->all[q->head].found_at + (uint64_t)events : UINT64_MAX;
}

void seq_ledger_due(struct seq_engine *s, struct seq_channel *c) {
    const struct seq_policy *p = policy_of(s, seq_channel_exchange(c));
    if (s->replays)
        c->due = UINT64_MAX; /* seq_engine_replay sets it anew */
    else
        open_due(s, c, p->wait_events, p->wait_ns);
}

static void fill(struct seq_engine *s, struct seq_channel *c, struct seq_hole *h) {
    bool halted = h->halts;
    h->missing = 0;
    if (h->opened)
        queue(s, step_of(c, h, SEQ_FILLED));
    seq_holes_remove(&c->holes, h);
    if (halted)
        update_halt(c);
}

void seq_ledger_filled(struct seq_engine *s, struct seq_channel *c, const struct seq_item *i) {
    struct seq_hole *h = seq_holes_find(&c->holes, i->epoch, i->sequence);
    K2_ASSERT(h && h->missing > 0);
    if (--h->missing == 0)
        fill(s, c, h);
}

void seq_ledger_covered(struct seq_engine *s, struct seq_channel *c, int32_t epoch, int64_t from,
                        int64_t to) {
    struct seq_hole *h;
    while ((h = seq_holes_find_in(&c->holes, epoch, from, to))) {
        int64_t start = h->from;
        h->missing = seq_gaps_count(&c->gaps, epoch, h->from, h->to);
        if (h->missing == 0)
            fill(s, c, h);
        if (start <= from)
            return;
        to = start - 1;
    }
}

static void open_waiting(struct seq_engine *s, bool all) {
    for (size_t i = 0; s->waiting > 0 && i < s->channels.n; i++) {
        struct seq_channel *c = s->channels.all[i];
        const struct seq_policy *p = policy_of(s, seq_channel_exchange(c));
        open_due(s, c, all ? 0 : p->wait_events, all ? INT64_MIN : p->wait_ns);
    }
}

void seq_engine_set_time(struct seq_engine *s, int64_t now_ns) {
    s->now_ns = now_ns;
    if (s->waiting > 0)
        open_waiting(s, false);
}

bool seq_engine_waits(const struct seq_engine *s) {
    return s->waiting > 0;
}

void seq_engine_settle(struct seq_engine *s) {
    open_waiting(s, true);
}

/* --- steps of people --- */

static struct seq_channel *channel_of(const struct seq_engine *s, const struct seq_step *step) {
    struct seq_key key = {step->exchange, step->channel, step->kind, step->trade_date};
    return seq_channels_find(&s->channels, &key);
}

/* Gives whether that is new. */
static bool set_state(struct seq_channel *c, struct seq_hole *h, enum seq_state state) {
    bool *mark = state == SEQ_ACKNOWLEDGED ? &h->acknowledged : &h->given_up;
    bool before = *mark;
    *mark = true;
    if (state == SEQ_GIVEN_UP && h->halts) {
        h->halts = false;
        update_halt(c);
    }
    return !before;
}

bool seq_engine_mark(struct seq_engine *s, const struct seq_step *which, bool *again) {
    if (which->cause != SEQ_NUMBERS)
        return seq_outages_mark(s, which, again);
    struct seq_channel *c = channel_of(s, which);
    struct seq_hole *h = c ? seq_holes_find(&c->holes, which->epoch, which->from) : NULL;
    if (!h)
        return false;
    if (!h->opened)
        open_hole(s, c, h);
    *again = !set_state(c, h, which->state);
    if (!*again)
        queue(s, step_of(c, h, which->state));
    return true;
}

/* --- after a restart --- */

void seq_engine_replay(struct seq_engine *s, bool on) {
    s->replays = on;
    if (!on)
        seq_ledger_wait_anew(s);
}

/* What lies in [from, to] of a hole that was found with other ends. */
static void keep_rest(struct seq_channel *c, const struct seq_hole *h, int64_t from, int64_t to) {
    struct seq_hole rest = *h;
    rest.from = from;
    rest.to = to;
    rest.source = h->source ? k2_strdup(h->source) : NULL;
    rest.missing = from <= to ? seq_gaps_count(&c->gaps, h->epoch, from, to) : 0;
    if (rest.missing > 0)
        seq_holes_add(&c->holes, &rest);
    else
        free(rest.source);
}

/* No hole reaches into the gap any more. */
static void cut_out(struct seq_channel *c, const struct seq_step *step) {
    struct seq_hole *found;
    while ((found = seq_holes_find_in(&c->holes, step->epoch, step->from, step->to))) {
        struct seq_hole h = *found;
        found->source = NULL;
        seq_holes_remove(&c->holes, found);
        seq_holes_tidy(&c->holes);
        if (h.from < step->from)
            keep_rest(c, &h, h.from, step->from - 1);
        if (h.to > step->to)
            keep_rest(c, &h, step->to + 1, h.to);
        free(h.source);
    }
}

/* The hole was found with the same ends, as most are: nothing has to be moved. */
static bool told_same(struct seq_channel *c, const struct seq_hole *whole, struct k2_sv source) {
    struct seq_hole *h = seq_holes_find(&c->holes, whole->epoch, whole->from);
    if (!h || h->from != whole->from || h->to != whole->to || whole->missing == 0)
        return false;
    free(h->source);
    *h = *whole;
    h->source = source.n ? k2_sv_dup(source) : NULL;
    c->halted |= h->halts;
    return true;
}

static void told_opened(struct seq_engine *s, struct seq_channel *c, const struct seq_step *step) {
    struct seq_hole whole = {.epoch = step->epoch,
                             .from = step->from,
                             .to = step->to,
                             .time_ns = step->time_ns,
                             .raw_offset = step->raw_offset,
                             .opened_ns = step->opened_ns,
                             .opened = true,
                             .halts = step->halts};
    whole.missing = seq_gaps_count(&c->gaps, step->epoch, step->from, step->to);
    if (told_same(c, &whole, step->source))
        return;
    cut_out(c, step);
    if (whole.missing > 0) {
        whole.source = step->source.n ? k2_sv_dup(step->source) : NULL;
        c->halted |= seq_holes_add(&c->holes, &whole)->halts;
    } else { /* filled in the same write: its step may be the next one */
        queue(s, step_of(c, &whole, SEQ_FILLED));
    }
}

static bool is_same_gap(const struct seq_step *a, const struct seq_step *b) {
    return a->cause == b->cause && a->from == b->from && a->epoch == b->epoch &&
           a->trade_date == b->trade_date && a->kind == b->kind &&
           k2_sv_eq(a->channel, b->channel) && k2_sv_eq(a->exchange, b->exchange);
}

static void forget_step(struct seq_engine *s, const struct seq_step *step) {
    for (size_t i = 0; i < s->n_steps; i++) {
        if (s->steps[i].state != step->state || !is_same_gap(&s->steps[i], step))
            continue;
        free((char *)s->steps[i].source.p);
        memmove(&s->steps[i], &s->steps[i + 1], (s->n_steps - i - 1) * sizeof *s->steps);
        s->n_steps--;
        return;
    }
}

void seq_engine_told(struct seq_engine *s, const struct seq_step *step) {
    if (step->cause != SEQ_NUMBERS) {
        seq_outages_told(s, step);
        return;
    }
    struct seq_channel *c = channel_of(s, step);
    if (!c)
        return;
    if (step->state == SEQ_OPENED) {
        told_opened(s, c, step);
        return;
    }
    if (step->state == SEQ_FILLED) {
        forget_step(s, step);
        return;
    }
    struct seq_hole *h = seq_holes_find(&c->holes, step->epoch, step->from);
    if (h && step->state == SEQ_REQUESTED)
        h->requested = true;
    else if (h)
        (void)set_state(c, h, step->state);
}

/* --- what it knows --- */

static enum seq_state state_of(const struct seq_hole *h) {
    return h->acknowledged ? SEQ_ACKNOWLEDGED
           : h->given_up   ? SEQ_GIVEN_UP
           : h->requested  ? SEQ_REQUESTED
                           : SEQ_OPENED;
}

void seq_engine_ledger(const struct seq_engine *s,
                       void (*gap)(void *ctx, const struct seq_step *gap), void *ctx) {
    for (size_t i = 0; i < s->channels.n; i++) {
        const struct seq_channel *c = s->channels.all[i];
        for (size_t k = 0; k < c->holes.n; k++) {
            const struct seq_hole *h = &c->holes.all[k];
            struct seq_step step = step_of(c, h, state_of(h));
            if (h->opened && h->missing > 0)
                gap(ctx, &step);
        }
    }
    seq_outages_visit(&s->outages, gap, ctx);
}
