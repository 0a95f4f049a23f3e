/* journal/ingest.c - see ingest.h.
 *
 * DESIGN. Events are gathered in a batch, judged together by the sequence engine, and those that are new
 * are encoded straight into the journal's write buffers. One write is under way to the disk while the next
 * is gathered (journal_write, then journal_flush of the write before). Per event nothing is allocated: the
 * batch, its raw bytes and all buffers are reused.
 */
#include "journal/checkpoint.h"
#include "journal/history.h"
#include "journal/quarantine.h"
#include "journal/source.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
    BATCH = 8192,
    DEFAULT_BATCH_BYTES = 256 << 10,
    CHECKPOINT_EVERY = 4000000,
    MOST_STRING_BYTES = 64 << 20
};

/* An event that waits for its verdict. */
struct waiting {
    struct k2_event event;
    size_t raw_at, raw_n; /* in g->raw */
    int64_t position;
};

/* Where events of one kind and exchange go. */
struct route {
    enum k2_kind_id kind;
    uint32_t exchange; /* interned */
    uint32_t schema;
    struct journal_topic topic;
};

struct ingest {
    struct journal *journal;
    struct ingest_options options;
    struct ingest_stats stats;
    struct k2_interner *interner;
    struct seq_engine *engine;
    struct history *history;
    struct quarantine *quarantine;
    struct waiting *waiting;
    struct seq_item *items;
    size_t count;
    struct k2_buf raw, key;
    struct route *routes;
    size_t route_count;
    int64_t written; /* log position of the last write, being synced */
    int64_t since_checkpoint;
    struct k2_err failed; /* of a callback that cannot fail itself */
    struct k2_sv source;  /* of the file being read */
    int64_t file_bytes;   /* of it, read so far */
};

/* --- appending --- */

static K2_RC add_route(struct ingest *g, enum k2_kind_id kind, uint32_t exchange,
                       struct route **out, struct k2_err *err) {
    struct route r = {.kind = kind, .exchange = exchange};
    struct k2_buf name = {0};
    k2_topic_name(k2_kind(kind), k2_interned(g->interner, exchange), &name);
    int rc = journal_topic(g->journal, k2_buf_view(&name), true, &r.topic, err);
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

/* Exchange and time of an event, wherever they stand in its kind. */
static void exchange_and_time(const struct k2_event *e, uint32_t *exchange, int64_t *ns) {
    bool quote = e->kind == K2_KIND_QUOTE;
    *exchange = quote ? e->quote.exchange : e->trade.exchange;
    *ns = quote ? e->quote.exchange_timestamp_ns : e->trade.exchange_timestamp_ns;
}

/* K2_E_RANGE or K2_E_INVALID: the event itself cannot be stored, and nothing was appended. */
static K2_RC append(struct ingest *g, const struct k2_event *e, struct k2_err *err) {
    uint32_t exchange;
    int64_t ns;
    exchange_and_time(e, &exchange, &ns);
    struct route *r = NULL;
    K2_TRY(find_route(g, e->kind, exchange, &r, err));
    g->key.n = 0;
    k2_event_key(e, g->interner, &g->key);
    struct k2_sv key = k2_buf_view(&g->key);
    struct k2_buf *out =
        journal_record_begin(g->journal, r->topic.id, journal_partition(&r->topic, key), key);
    int rc = k2_avro_encode(e, g->interner, r->schema, out, err);
    if (rc == K2_OK)
        journal_record_end(g->journal, ns);
    else
        journal_record_abort(g->journal);
    return rc;
}

/* Writes what is gathered once it is large enough; waits only for the write before it. */
static K2_RC write_if_full(struct ingest *g, struct k2_err *err) {
    if (journal_pending_bytes(g->journal) < g->options.batch_bytes)
        return K2_OK;
    int64_t before = g->written;
    K2_TRY(journal_write(g->journal, &g->written, err));
    return before ? journal_flush(g->journal, before, err) : K2_OK;
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
    bool quote = w->event.kind == K2_KIND_QUOTE;
    return (struct quarantine_record){
        .exchange = i->exchange,
        .symbol = k2_interned(g->interner, quote ? w->event.quote.symbol : w->event.trade.symbol),
        .kind = k2_sv_of(k2_kind(w->event.kind)->name),
        .trade_date = i->trade_date,
        .channel = i->channel,
        .sequence = i->sequence,
        .source = g->source.n ? g->source : i->channel,
        .position = w->position,
        .offset = quote ? w->event.quote.raw_offset : w->event.trade.raw_offset,
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

static void count_gap(struct ingest *g, const struct seq_item *i) {
    if (i->verdict != SEQ_GAP)
        return;
    g->stats.gaps++;
    g->stats.missing += i->gap_to - i->gap_from + 1;
}

static K2_RC accept(struct ingest *g, const struct waiting *w, const struct seq_item *i,
                    struct k2_err *err) {
    struct k2_err why = {0};
    int rc = append(g, &w->event, &why);
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
    count_gap(g, i);
    if (i->consumed_only)
        return K2_OK; /* its bytes are in quarantine already */
    if (i->verdict == SEQ_DUPLICATE) {
        g->stats.duplicates++;
        return K2_OK;
    }
    if (i->verdict == SEQ_CONFLICT) {
        g->stats.conflicts++;
        return quarantine_conflict(g, w, i, err);
    }
    return accept(g, w, i, err);
}

/* Between batches nothing of ours holds ids, and decoders check theirs (feed.h): strings that come only
 * once, such as order ids, must not fill the memory. */
static void forget_strings(struct ingest *g) {
    if (k2_interner_bytes(g->interner) < MOST_STRING_BYTES)
        return;
    k2_interner_reset(g->interner);
    g->route_count = 0;
}

static K2_RC judge(struct ingest *g, struct k2_err *err) {
    if (g->failed.status != K2_OK)
        return k2_fail(err, g->failed.status, "%s", g->failed.msg);
    K2_TRY(seq_judge(g->engine, g->items, g->count, err));
    for (size_t i = 0; i < g->count; i++)
        K2_TRY(act_on(g, &g->waiting[i], &g->items[i], err));
    g->count = 0;
    g->raw.n = 0;
    forget_strings(g);
    return K2_OK;
}

/* Only after an event was taken: its strings may be forgotten then. */
static K2_RC judge_if_full(struct ingest *g, struct k2_err *err) {
    return g->count == BATCH ? judge(g, err) : K2_OK;
}

static struct waiting *next_waiting(struct ingest *g, const struct k2_event *e,
                                    struct seq_item **item) {
    *item = &g->items[g->count];
    struct waiting *w = &g->waiting[g->count++];
    w->event = *e;
    **item = seq_item_of(e, g->interner);
    return w;
}

/* --- what a decoder sends --- */

static K2_RC on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                      struct k2_err *err) {
    struct ingest *g = ctx;
    struct seq_item *item;
    struct waiting *w = next_waiting(g, e, &item);
    w->raw_at = g->raw.n;
    w->raw_n = raw.n;
    w->position = position;
    k2_buf_sv(&g->raw, raw);
    g->stats.read++;
    return judge_if_full(g, err);
}

/* The number that a refused record used up must not look like a gap. */
static K2_RC consume_number(struct ingest *g, const struct k2_event *partial, struct k2_err *err) {
    struct seq_item *item;
    next_waiting(g, partial, &item);
    item->consumed_only = true;
    return judge_if_full(g, err);
}

static struct quarantine_record record_of_reject(struct ingest *g, const struct feed_reject *f) {
    struct quarantine_record r = {.trade_date = INT32_MIN,
                                  .source = g->source,
                                  .position = f->position,
                                  .offset = (int64_t)f->offset,
                                  .reason = k2_sv_of(f->reason),
                                  .detail = k2_sv_of(f->detail),
                                  .raw = f->raw};
    if (!f->partial)
        return r;
    bool quote = f->partial->kind == K2_KIND_QUOTE;
    const struct k2_trade *t = &f->partial->trade;
    const struct k2_quote *q = &f->partial->quote;
    int32_t date = quote ? q->trade_date : t->trade_date;
    r.exchange = k2_interned(g->interner, quote ? q->exchange : t->exchange);
    r.symbol = k2_interned(g->interner, quote ? q->symbol : t->symbol);
    r.kind = k2_sv_of(k2_kind(f->partial->kind)->name);
    r.trade_date = date ? date : INT32_MIN;
    if (f->numbered) {
        r.channel = k2_interned(g->interner, quote ? q->channel : t->channel);
        r.sequence = quote ? q->exchange_sequence_number : t->exchange_sequence_number;
    }
    return r;
}

static K2_RC on_reject(void *ctx, const struct feed_reject *f, struct k2_err *err) {
    struct ingest *g = ctx;
    struct quarantine_record r = record_of_reject(g, f);
    K2_TRY(put_in_quarantine(g, &r, err));
    g->stats.read++;
    g->stats.quarantined++;
    return f->numbered ? consume_number(g, f->partial, err) : K2_OK;
}

static K2_RC on_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct ingest *g = ctx;
    (void)why;
    (void)err;
    g->stats.read++;
    g->stats.filtered++;
    return K2_OK;
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
    g->history = history_new(j, g->options.archive);
    g->engine = seq_engine_new(history_source(g->history));
    g->quarantine = quarantine_new(j, g->options.archive);
    g->waiting = k2_alloc(BATCH * sizeof *g->waiting);
    g->items = k2_alloc(BATCH * sizeof *g->items);
    int rc = checkpoint_restore(j, g->engine, err);
    if (rc != K2_OK) {
        ingest_close(g);
        return k2_err_context(err, rc, "restoring the sequence state");
    }
    if (g->options.archive.load)
        seq_engine_ask_unknown(g->engine);
    *out = g;
    return K2_OK;
}

void ingest_close(struct ingest *g) {
    if (!g)
        return;
    seq_engine_free(g->engine);
    history_free(g->history);
    quarantine_free(g->quarantine);
    k2_interner_free(g->interner);
    k2_buf_free(&g->raw);
    k2_buf_free(&g->key);
    free(g->waiting);
    free(g->items);
    free(g->routes);
    free(g);
}

int ingest_flush(struct ingest *g, struct k2_err *err) {
    K2_TRY(judge(g, err));
    K2_TRY(journal_commit(g->journal, err));
    g->written = 0;
    if (g->since_checkpoint == 0)
        return K2_OK;
    g->since_checkpoint = 0;
    return checkpoint_save(g->journal, g->engine, err);
}

int ingest_event(struct ingest *g, const struct k2_event *e, struct k2_err *err) {
    if (g->since_checkpoint >= CHECKPOINT_EVERY)
        K2_TRY(ingest_flush(g, err));
    return on_event(g, e, (struct k2_sv){0}, e->trade.exchange_sequence_number, err);
}

struct k2_interner *ingest_interner(struct ingest *g) {
    return g->interner;
}

struct ingest_stats ingest_stats(const struct ingest *g) {
    return g->stats;
}

const struct seq_engine *ingest_sequence(const struct ingest *g) {
    return g->engine;
}

/* --- files --- */

static void take_highest(void *ctx, const struct seq_known *known) {
    int64_t *high = ctx;
    *high = known->sequence > *high ? known->sequence : *high;
}

/* The engine knows the newest session dates; older ones are looked up. A failure is told by the next call
 * that can fail. */
static int64_t counted(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date) {
    struct ingest *g = ctx;
    int64_t high = seq_engine_high(g->engine, exchange, date, channel, kind);
    struct seq_history h = history_source(g->history);
    if (high == 0 && g->failed.status == K2_OK)
        (void)!h.load(h.ctx, exchange, date, channel, kind, INT64_MIN, INT64_MAX, take_highest,
                      &high, &g->failed);
    return high;
}

static void on_progress(void *ctx, int64_t done, int64_t all) {
    struct ingest *g = ctx;
    g->stats.bytes += done - g->file_bytes;
    g->file_bytes = done;
    if (g->options.progress)
        g->options.progress(g->options.progress_ctx, done, all);
}

static K2_RC decode_file(struct ingest *g, const char *path, const struct feed_ops *feed,
                         const struct feed_options *o, struct k2_err *err) {
    const struct feed_sink sink = {g, on_event, on_reject, on_filtered};
    void *state = k2_zalloc(feed->state_size);
    int rc = feed->init(state, o, g->interner, err);
    g->file_bytes = 0;
    if (rc == K2_OK)
        rc = feed_file(path, feed, state, &sink, on_progress, g, err);
    feed->fini(state);
    free(state);
    return rc;
}

/* What was whole before a failure is kept all the same; the failure is what is told. */
static K2_RC finish_file(struct ingest *g, const char *path, const struct feed_ops *feed,
                         const struct ingest_stats *before, struct k2_err *err) {
    K2_TRY(judge(g, err));
    if (g->stats.read > before->read)
        K2_TRY(source_add(g->journal, path, feed->name, g->stats.read - before->read,
                          g->stats.accepted - before->accepted, err));
    return ingest_flush(g, err);
}

int ingest_file(struct ingest *g, const char *path, const struct feed_ops *feed,
                const struct feed_options *o, bool keep_counting, struct k2_err *err) {
    struct feed_options options = *o;
    struct ingest_stats before = g->stats;
    struct k2_err second;
    if (keep_counting) {
        options.counted = counted;
        options.counted_ctx = g;
    }
    g->source = o->source.n ? o->source : k2_sv_of(path);
    int rc = decode_file(g, path, feed, &options, err);
    int finished = finish_file(g, path, feed, &before, rc == K2_OK ? err : &second);
    g->source = (struct k2_sv){0};
    return rc == K2_OK ? finished : rc;
}
