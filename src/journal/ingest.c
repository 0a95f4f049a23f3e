/* journal/ingest.c - see ingest.h.
 *
 * DESIGN. Events are gathered in a batch, judged together by the sequence engine, and those that are new
 * are encoded straight into the journal's write buffers. One write is under way to the disk while the next
 * is gathered (journal_write, then journal_flush of the write before). Per event nothing is allocated: the
 * batch, its raw bytes and all buffers are reused.
 */
#include "journal/ingest_int.h"

#include "journal/checkpoint.h"
#include "journal/passed.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH = 8192,
    DEFAULT_BATCH_BYTES = 256 << 10,
    CHECKPOINT_EVERY = 4000000,  /* events without an ingest_flush */
    COMMITS_CHECKPOINT = 500000, /* events, or the time below, between those of ingest_commit */
    MOST_STRING_BYTES = 4 << 20  /* what fits a cache: more makes interning slow */
};

#define COMMITS_CHECKPOINT_NS (10 * K2_NS_PER_SEC)
#define MARKS_NS K2_NS_PER_SEC

/* --- appending --- */

static K2_RC add_route(struct ingest *g, enum k2_kind_id kind, uint32_t exchange,
                       struct route **out, struct k2_err *err) {
    struct route r = {.kind = kind, .exchange = exchange};
    struct k2_buf name = {0};
    k2_topic_name(k2_kind(kind), k2_interned(g->interner, exchange), &name);
    int rc = journal_topic_newest(g->journal, k2_buf_view(&name), true, &r.topic, err);
    if (rc == K2_OK) {
        k2_buf_str(&name, "-value");
        rc = k2_registry_register(journal_registry(g->journal), k2_buf_view(&name),
                                  k2_sv_of(k2_kind(kind)->avro_schema), &r.schema, err);
    }
    k2_buf_free(&name);
    K2_TRY(rc);
    g->routes = k2_realloc(g->routes, (g->route_count + 1) * sizeof *g->routes);
    g->routes[g->route_count] = r;
    *out = &g->routes[g->route_count++];
    return K2_OK;
}

static K2_RC find_route(struct ingest *g, enum k2_kind_id kind, uint32_t exchange,
                        struct route **out, struct k2_err *err) {
    for (size_t i = 0; i < g->route_count; i++) {
        if (g->routes[i].kind == kind && g->routes[i].exchange == exchange) {
            *out = &g->routes[i];
            return K2_OK;
        }
    }
    return add_route(g, kind, exchange, out, err);
}

void ingest_exchange_and_time(const struct k2_event *e, uint32_t *exchange, int64_t *ns) {
    *exchange = e->head.exchange;
    *ns = e->head.exchange_timestamp_ns;
}

int ingest_append(struct ingest *g, const struct k2_event *e, struct k2_err *err) {
    uint32_t exchange;
    int64_t ns;
    ingest_exchange_and_time(e, &exchange, &ns);
    struct route *r = NULL;
    K2_TRY(find_route(g, e->kind, exchange, &r, err));
    g->key.n = 0;
    k2_event_key(e, g->interner, &g->key);
    struct k2_sv key = k2_buf_view(&g->key);
    int32_t partition = journal_partition(&r->topic, key);
    struct k2_buf *out = journal_record_begin(g->journal, r->topic.id, partition, key);
    int rc = k2_avro_encode(e, g->interner, r->schema, out, err);
    if (rc == K2_OK)
        g->appended = (struct journal_span){.topic = r->topic.id,
                                            .partition = partition,
                                            .from = journal_record_end(g->journal, ns)};
    else
        journal_record_abort(g->journal);
    return rc;
}

/* Writes what is gathered once it is large enough. Once enough is written, which on Kafka may be much more, it waits for
 * all but the last write: so there the client sends while the next events are decoded. */
static K2_RC write_if_full(struct ingest *g, struct k2_err *err) {
    size_t pending = journal_pending_bytes(g->journal);
    size_t enough = journal_batch_bytes(g->journal, g->options.batch_bytes);
    if (pending < g->options.batch_bytes)
        return K2_OK;
    int64_t before = g->written;
    K2_TRY(journal_write(g->journal, &g->written, err));
    g->unflushed += pending;
    if (!before || g->unflushed < enough)
        return K2_OK;
    g->unflushed = 0;
    return journal_flush(g->journal, before, err);
}

/* --- quarantine --- */

static K2_RC put_in_quarantine(struct ingest *g, const struct quarantine_record *r,
                               struct k2_err *err) {
    bool stored;
    K2_TRY(quarantine_add(g->quarantine, r, k2_now_ns(), &stored, err));
    g->stats.requarantined += !stored;
    return write_if_full(g, err);
}

static struct quarantine_record record_of(struct ingest *g, const struct waiting *w,
                                          const struct seq_item *i) {
    return (struct quarantine_record){
        .exchange = i->exchange,
        .symbol = k2_interned(g->interner, w->event.head.symbol),
        .kind = k2_sv_of(k2_kind(w->event.kind)->name),
        .trade_date = i->trade_date,
        .channel = i->channel,
        .sequence = i->sequence,
        .epoch = i->epoch,
        .shared = i->kind == SEQ_SHARED,
        .spans = i->span == INT64_MAX,
        .source = w->source ? k2_interned(g->names, w->source) : i->channel,
        .position = w->position,
        .offset = k2_event_raw_offset(&w->event),
        .raw = {(const char *)g->raw.p + w->raw_at, w->raw_n},
    };
}

static K2_RC quarantine_conflict(struct ingest *g, const struct waiting *w,
                                 const struct seq_item *i, struct k2_err *err) {
    struct quarantine_record r = record_of(g, w, i);
    struct k2_buf first = {0};
    k2_message_id(&w->event, g->interner, &first);
    r.reason = K2_SV("CONFLICT");
    r.detail = K2_SV("the number was used before by an event with other content");
    r.conflicts_with = k2_buf_view(&first);
    int rc = put_in_quarantine(g, &r, err);
    k2_buf_free(&first);
    return rc;
}

static void count_conflict(struct ingest *g, const struct waiting *w, const struct seq_item *i) {
    bool same = g->stats.conflicts > 0 && w->source == g->conflict_source &&
                w->position == g->conflict_position && w->position != K2_NULL_LONG;
    g->stats.conflicts++;
    g->stats.conflict_records += !same;
    g->stats.by_place += k2_intern_find(g->counted, i->channel) != 0;
    g->conflict_source = w->source;
    g->conflict_position = w->position;
}

/* A decoder let through what the event model cannot hold: refused here, with the codec's words. */
static K2_RC quarantine_unstorable(struct ingest *g, const struct waiting *w,
                                   const struct seq_item *i, const struct k2_err *why,
                                   struct k2_err *err) {
    struct quarantine_record r = record_of(g, w, i);
    r.reason = k2_sv_of(k2_status_name(why->status));
    r.detail = k2_sv_of(why->msg);
    return put_in_quarantine(g, &r, err);
}

/* --- judging --- */

static K2_RC accept(struct ingest *g, const struct waiting *w, const struct seq_item *i,
                    struct k2_err *err) {
    struct k2_err why = {0};
    int rc = ingest_append(g, &w->event, &why);
    if (rc == K2_E_RANGE || rc == K2_E_INVALID) {
        g->stats.quarantined++;
        return quarantine_unstorable(g, w, i, &why, err);
    }
    if (rc != K2_OK) {
        if (err)
            *err = why;
        return rc;
    }
    g->stats.accepted++;
    g->stats.out_of_order += i->verdict == SEQ_OUT_OF_ORDER;
    g->stats.resets += i->verdict == SEQ_RESET;
    g->since_checkpoint++;
    return write_if_full(g, err);
}

static K2_RC act_on(struct ingest *g, const struct waiting *w, const struct seq_item *i,
                    struct k2_err *err) {
    if (i->consumed_only)
        return K2_OK; /* its bytes are in quarantine already */
    if (i->verdict == SEQ_DUPLICATE) {
        g->stats.duplicates++;
        return K2_OK;
    }
    if (i->verdict == SEQ_HALTED) {
        g->stats.halted++;
        ingest_hold(g, w->source);
        return K2_OK;
    }
    if (i->verdict == SEQ_CONFLICT) {
        count_conflict(g, w, i);
        return quarantine_conflict(g, w, i, err);
    }
    return accept(g, w, i, err);
}

static K2_RC act_on_all(struct ingest *g, struct k2_err *err) {
    seq_engine_set_time(g->engine, k2_now_ns());
    K2_TRY(seq_judge(g->engine, g->items, g->count, err));
    int rc = K2_OK;
    for (size_t from = 0, to; rc == K2_OK && from < g->count; from = to) {
        struct k2_sv exchange = g->items[from].exchange;
        struct ingest_stats before = g->stats;
        for (to = from; rc == K2_OK && to < g->count && g->items[to].exchange.p == exchange.p; to++)
            rc = act_on(g, &g->waiting[to], &g->items[to], err);
        tally_judged(g->tally, exchange, &before, &g->stats);
        snprintf(g->exchange, sizeof g->exchange, "%.*s", K2_SV_ARG(exchange));
    }
    if (rc == K2_OK && g->any_passed)
        rc = passed_append(g->journal, g->items, g->count, err);
    return rc == K2_OK ? ingest_store_steps(g, "engine", NULL, err) : rc;
}

int ingest_health(const struct ingest *g, struct k2_err *err) {
    return g->failed.status == K2_OK ? K2_OK : k2_fail(err, g->failed.status, "%s", g->failed.msg);
}

/* After a failure the engine knows numbers that the log does not hold: it must judge no more, and no
 * checkpoint may say what it knows. */
int ingest_spent(struct ingest *g, int rc, const struct k2_err *why, struct k2_err *err) {
    if (rc == K2_OK)
        return K2_OK;
    if (g->failed.status == K2_OK)
        g->failed = *why;
    return ingest_health(g, err);
}

int ingest_judge(struct ingest *g, struct k2_err *err) {
    struct k2_err why = {0};
    K2_TRY(ingest_health(g, err));
    tally_filtered(g->tally, g->stats.filtered);
    K2_TRY(ingest_spent(g, act_on_all(g, &why), &why, err));
    g->count = 0;
    g->any_passed = false;
    g->raw.n = 0;
    return K2_OK;
}

int ingest_forget_strings(struct ingest *g, struct k2_err *err) {
    if (k2_interner_used(g->interner) < MOST_STRING_BYTES)
        return K2_OK;
    K2_TRY(ingest_judge(g, err));
    k2_interner_reset(g->interner);
    g->route_count = 0;
    g->wants_symbol = 0;
    free(g->wanted_on);
    g->wanted_on = NULL;
    g->wanted_on_cap = 0;
    return K2_OK;
}

static K2_RC judge_if_full(struct ingest *g, struct k2_err *err) {
    return g->count == BATCH ? ingest_judge(g, err) : K2_OK;
}

static struct waiting *next_waiting(struct ingest *g, const struct k2_event *e,
                                    struct seq_item **item) {
    *item = &g->items[g->count];
    struct waiting *w = &g->waiting[g->count++];
    w->event = *e;
    **item = seq_item_of(e, g->interner);
    (*item)->time_ns = e->head.exchange_timestamp_ns;
    (*item)->raw_offset = k2_event_raw_offset(e);
    (*item)->source = k2_interned(g->names, g->source);
    (*item)->halts = g->source ? g->source_halts : g->options.halt_others;
    return w;
}

/* --- what nobody asked for --- */

/* Decoders are given no list of symbols: only here it is known whether a number counts for others too. */
static bool is_wanted(struct ingest *g, uint32_t symbol) {
    if (!g->wants)
        return true;
    if (g->wants_symbol != symbol || symbol == 0) {
        g->wants_symbol = symbol;
        g->wants_it = g->wants(g->wants_ctx, k2_interned(g->interner, symbol));
    }
    return g->wants_it;
}

static struct wanted_on *wanted_on(struct ingest *g, const struct k2_event *e) {
    size_t channel = e->head.channel;
    if (channel >= g->wanted_on_cap) {
        size_t cap = 2 * channel + 64, all = K2_KIND_COUNT * sizeof *g->wanted_on;
        g->wanted_on = k2_realloc(g->wanted_on, cap * all);
        memset(g->wanted_on + g->wanted_on_cap * K2_KIND_COUNT, 0, (cap - g->wanted_on_cap) * all);
        g->wanted_on_cap = cap;
    }
    return &g->wanted_on[channel * K2_KIND_COUNT + e->kind];
}

/* A channel of its own for each symbol has nothing to do with what is wanted. Before the first event that is, numbers
 * need not be known: a channel begins where it begins. */
static bool counts_for_wanted(struct ingest *g, const struct k2_event *e, enum k2_kind_id kind) {
    if (kind == SEQ_SHARED)
        return true;
    const struct k2_head *h = &e->head;
    struct wanted_on *w = wanted_on(g, e);
    if (w->yes || (w->exchange == h->exchange && w->date == h->trade_date))
        return w->yes;
    w->exchange = h->exchange;
    w->date = h->trade_date;
    w->yes = seq_engine_high(g->engine, k2_interned(g->interner, h->exchange), h->trade_date,
                             k2_interned(g->interner, h->channel), kind) != 0;
    return w->yes;
}

/* The next number behind, or another part of the same message: one range. */
static bool join(struct ingest *g, const struct k2_event *e) {
    struct seq_item *last = g->count ? &g->items[g->count - 1] : NULL;
    const struct k2_head *a = &e->head;
    if (!last || !last->passed)
        return false;
    const struct k2_head *b = &g->waiting[g->count - 1].event.head;
    if ((last->kind != SEQ_SHARED && last->kind != e->kind) || a->channel != b->channel ||
        a->exchange != b->exchange || a->trade_date != b->trade_date || a->epoch != b->epoch ||
        a->exchange_sequence_number < last->sequence ||
        a->exchange_sequence_number - last->sequence > 1)
        return false;
    last->span += a->exchange_sequence_number - last->sequence;
    last->sequence = a->exchange_sequence_number;
    return true;
}

/* Its number must not look like a gap where the channel counts all symbols. */
static K2_RC pass_by(struct ingest *g, const struct k2_event *e, struct k2_err *err) {
    struct seq_item *item;
    g->stats.read++;
    g->stats.filtered++;
    if (join(g, e))
        return K2_OK;
    next_waiting(g, e, &item);
    if (item->span > 0 || !counts_for_wanted(g, e, item->kind)) {
        g->count--;
        return K2_OK;
    }
    item->consumed_only = item->passed = g->any_passed = true;
    return judge_if_full(g, err);
}

/* --- what a decoder sends --- */

/* It is known by its id and not by a number: it is judged at once, and not by the engine. */
static K2_RC take_execution(struct ingest *g, const struct waiting *w, struct k2_err *err) {
    struct seq_item i = seq_item_of(&w->event, g->interner);
    struct execution_known known = {.place.topic = -1};
    struct ingest_stats before = g->stats;
    K2_TRY(ingest_execution_judge(g, &w->event, &i, &known, err));
    K2_TRY(act_on(g, w, &i, err));
    bool stored = g->stats.accepted > before.accepted;
    if (stored)
        ingest_execution_stored(g, &w->event, &i, &known);
    tally_judged(g->tally, i.exchange, &before, &g->stats);
    snprintf(g->exchange, sizeof g->exchange, "%.*s", K2_SV_ARG(i.exchange));
    ingest_execution_answer(g, &w->event, &i, stored, &known, w->position);
    return K2_OK;
}

static K2_RC on_execution(struct ingest *g, const struct k2_event *e, struct k2_sv raw,
                          int64_t position, struct k2_err *err) {
    const struct waiting w = {
        .event = *e, .raw_at = g->raw.n, .raw_n = raw.n, .position = position, .source = g->source};
    struct k2_err why = {0};
    k2_buf_sv(&g->raw, raw);
    g->stats.read++;
    int rc = take_execution(g, &w, &why);
    g->raw.n = w.raw_at;
    return ingest_spent(g, rc, &why, err);
}

static K2_RC on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                      struct k2_err *err) {
    struct ingest *g = ctx;
    struct seq_item *item;
    K2_TRY(ingest_health(g, err));
    if (e->kind == K2_KIND_EXECUTION)
        return on_execution(g, e, raw, position, err);
    if (!is_wanted(g, e->head.symbol))
        return pass_by(g, e, err);
    struct waiting *w = next_waiting(g, e, &item);
    if (g->wants && item->kind != SEQ_SHARED)
        wanted_on(g, e)->yes = true;
    w->raw_at = g->raw.n;
    w->raw_n = raw.n;
    w->position = position;
    w->source = g->source;
    k2_buf_sv(&g->raw, raw);
    g->stats.read++;
    return judge_if_full(g, err);
}

/* The number that a refused record used up must not look like a gap. */
static K2_RC consume_number(struct ingest *g, const struct k2_event *partial, struct k2_err *err) {
    struct seq_item *item;
    next_waiting(g, partial, &item);
    item->consumed_only = true;
    item->span = item->span == INT64_MAX ? INT64_MAX : 0; /* what quarantine says of it */
    return judge_if_full(g, err);
}

static struct quarantine_record record_of_reject(struct ingest *g, const struct feed_reject *f) {
    struct quarantine_record r = {.trade_date = INT32_MIN,
                                  .source = k2_interned(g->names, g->source),
                                  .position = f->position,
                                  .offset = (int64_t)f->offset,
                                  .reason = k2_sv_of(f->reason),
                                  .detail = k2_sv_of(f->detail),
                                  .raw = f->raw};
    if (!f->partial)
        return r;
    const struct k2_head *h = &f->partial->head;
    r.exchange = k2_interned(g->interner, h->exchange);
    r.symbol = k2_interned(g->interner, h->symbol);
    r.kind = k2_sv_of(k2_kind(f->partial->kind)->name);
    r.trade_date = h->trade_date ? h->trade_date : INT32_MIN;
    if (f->numbered) {
        r.channel = k2_interned(g->interner, h->channel);
        r.sequence = h->exchange_sequence_number;
        r.epoch = h->epoch;
        struct seq_item item = seq_item_of(f->partial, g->interner);
        r.shared = item.kind == SEQ_SHARED;
        r.spans = item.span == INT64_MAX;
    }
    return r;
}

static K2_RC refuse_unwanted(struct ingest *g, const struct feed_reject *f, struct k2_err *err) {
    if (f->numbered)
        return pass_by(g, f->partial, err);
    g->stats.read++;
    g->stats.filtered++;
    return K2_OK;
}

static K2_RC on_reject(void *ctx, const struct feed_reject *f, struct k2_err *err) {
    struct ingest *g = ctx;
    struct k2_err why = {0};
    K2_TRY(ingest_health(g, err));
    if (f->partial && f->partial->head.symbol && !is_wanted(g, f->partial->head.symbol))
        return refuse_unwanted(g, f, err);
    struct quarantine_record r = record_of_reject(g, f);
    K2_TRY(ingest_spent(g, put_in_quarantine(g, &r, &why), &why, err));
    g->stats.read++;
    g->stats.quarantined++;
    tally_refused(g->tally, r.exchange);
    return f->numbered && f->partial ? consume_number(g, f->partial, err) : K2_OK;
}

static K2_RC on_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct ingest *g = ctx;
    (void)why;
    (void)err;
    g->stats.read++;
    g->stats.filtered++;
    return K2_OK;
}

struct feed_sink ingest_sink(struct ingest *g) {
    return (struct feed_sink){g, on_event, on_reject, on_filtered};
}

/* --- the calls --- */

int ingest_open(struct journal *j, const struct ingest_options *o, struct ingest **out,
                struct k2_err *err) {
    struct ingest *g = k2_zalloc(sizeof *g);
    g->journal = j;
    if (o)
        g->options = *o;
    if (g->options.batch_bytes == 0)
        g->options.batch_bytes = DEFAULT_BATCH_BYTES;
    g->interner = k2_interner_new();
    g->names = k2_interner_new();
    g->counted = k2_interner_new();
    g->checkpoint_ns = g->marks_ns = k2_monotonic_ns();
    g->history = history_new(j, g->options.archive);
    g->engine = seq_engine_new(history_source(g->history));
    for (size_t i = 0; i < g->options.policy_count; i++)
        seq_engine_set_policy(g->engine, g->options.policies[i].exchange,
                              &g->options.policies[i].policy);
    g->quarantine = quarantine_new(j, g->options.archive);
    g->tally = tally_new();
    g->waiting = k2_alloc(BATCH * sizeof *g->waiting);
    g->items = k2_alloc(BATCH * sizeof *g->items);
    int rc = checkpoint_restore(j, g->engine, err);
    if (rc != K2_OK) {
        ingest_close(g);
        return k2_err_context(err, rc, "restoring the sequence state");
    }
    if (g->options.archive.load)
        seq_engine_ask_unknown(g->engine);
    seq_engine_age_gaps(g->engine);
    *out = g;
    return K2_OK;
}

void ingest_close(struct ingest *g) {
    if (!g)
        return;
    seq_engine_free(g->engine);
    history_free(g->history);
    quarantine_free(g->quarantine);
    tally_free(g->tally);
    marks_close(g->marks);
    execution_index_close(g->executions);
    ingest_derive_close(g);
    k2_interner_free(g->interner);
    k2_interner_free(g->names);
    k2_interner_free(g->counted);
    k2_buf_free(&g->raw);
    k2_buf_free(&g->key);
    free(g->waiting);
    free(g->items);
    free(g->routes);
    free(g->wanted_on);
    free(g);
}

/* Everything given so far is durable. The marks come first: they are in the log behind what they speak of,
 * and are synced together with the checkpoint. */
static K2_RC save_state(struct ingest *g, bool marks, bool checkpoint, struct k2_err *err) {
    int64_t now = k2_monotonic_ns();
    if (marks && g->marks) {
        ingest_collect_marks(g);
        K2_TRY(marks_save(g->marks, err));
        g->marks_ns = now;
    }
    if (!checkpoint)
        return journal_commit(g->journal, err);
    g->since_checkpoint = 0;
    g->checkpoint_ns = now;
    return checkpoint_save(g->journal, g->engine, err);
}

static K2_RC make_durable(struct ingest *g, struct k2_err *err) {
    struct k2_err why = {0};
    K2_TRY(ingest_judge(g, err));
    K2_TRY(ingest_spent(g, journal_commit(g->journal, &why), &why, err));
    g->written = 0;
    g->unflushed = 0;
    return K2_OK;
}

int ingest_flush(struct ingest *g, struct k2_err *err) {
    K2_TRY(ingest_settle(g, err));
    K2_TRY(make_durable(g, err));
    return save_state(g, true, g->since_checkpoint > 0, err);
}

int ingest_grow(struct ingest *g, struct k2_sv topic, int32_t partitions, struct journal_grown *out,
                struct k2_err *err) {
    struct k2_err why = {0};
    K2_TRY(make_durable(g, err));
    g->route_count = 0; /* they name the version of before */
    int rc = journal_grow(g->journal, topic, partitions, out, &why);
    bool refused =
        rc == K2_E_INVALID || rc == K2_E_RANGE || rc == K2_E_NOTFOUND || rc == K2_E_CONFLICT;
    return refused ? k2_fail(err, rc, "%s", why.msg) : ingest_spent(g, rc, &why, err);
}

int ingest_commit(struct ingest *g, struct k2_err *err) {
    int64_t now = k2_monotonic_ns();
    K2_TRY(make_durable(g, err));
    bool checkpoint = g->since_checkpoint >= COMMITS_CHECKPOINT ||
                      (g->since_checkpoint > 0 && now - g->checkpoint_ns >= COMMITS_CHECKPOINT_NS);
    bool marks = now - g->marks_ns >= MARKS_NS;
    return marks || checkpoint ? save_state(g, marks, checkpoint, err) : K2_OK;
}

int ingest_event(struct ingest *g, const struct k2_event *e, struct k2_err *err) {
    if (g->since_checkpoint >= CHECKPOINT_EVERY) {
        K2_TRY(make_durable(g, err));
        K2_TRY(save_state(g, true, true, err));
    }
    K2_TRY(on_event(g, e, (struct k2_sv){0}, e->trade.exchange_sequence_number, err));
    return ingest_forget_strings(g, err);
}

struct k2_interner *ingest_interner(struct ingest *g) {
    return g->interner;
}

struct ingest_stats ingest_stats(const struct ingest *g) {
    return g->stats;
}

struct k2_sv ingest_exchange(const struct ingest *g) {
    return k2_sv_of(g->exchange);
}

void ingest_stats_add(struct ingest_stats *sum, const struct ingest_stats *more, int times) {
    enum { COUNTS = sizeof *sum / sizeof(int64_t) }; /* it holds nothing but counts */
    int64_t to[COUNTS], from[COUNTS];
    memcpy(to, sum, sizeof to);
    memcpy(from, more, sizeof from);
    for (size_t i = 0; i < COUNTS; i++) {
        if (__builtin_add_overflow(to[i], times * from[i], &to[i]))
            to[i] = INT64_MAX; /* missing numbers may be that many */
    }
    memcpy(sum, to, sizeof to);
}

const struct seq_engine *ingest_sequence(const struct ingest *g) {
    return g->engine;
}
