/* journal/execution.c - see execution.h. */
#include "journal/execution_index.h"
#include "journal/ingest_int.h"

#include <stdlib.h>

/* --- the decoder's answers, as receipts --- */

struct call {
    struct ingest *ingest;
    const struct ingest_executions_options *options;
};

static int on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                    struct k2_err *err) {
    const struct call *c = ctx;
    const struct feed_sink to = ingest_sink(c->ingest);
    struct k2_event moved = *e;
    k2_event_set_raw_offset(&moved, k2_event_raw_offset(e) + c->options->offset);
    return to.event(to.ctx, &moved, raw, position + c->options->position, err);
}

static int on_reject(void *ctx, const struct feed_reject *f, struct k2_err *err) {
    const struct call *c = ctx;
    const struct feed_sink to = ingest_sink(c->ingest);
    struct feed_reject moved = *f;
    moved.position += c->options->position;
    moved.offset += (uint64_t)c->options->offset;
    K2_TRY(to.reject(to.ctx, &moved, err));
    struct ingest_receipt r = {.kind = RECEIPT_REFUSED,
                               .position = moved.position,
                               .reason = k2_sv_of(f->reason),
                               .detail = k2_sv_of(f->detail)};
    if (f->partial && f->partial->kind == K2_KIND_EXECUTION)
        r.execution_id = k2_interned(c->ingest->interner, f->partial->execution.execution_id);
    c->options->receipt(c->options->ctx, &r);
    return K2_OK;
}

static int on_filtered(void *ctx, const char *why, struct k2_err *err) {
    const struct call *c = ctx;
    const struct feed_sink to = ingest_sink(c->ingest);
    const struct ingest_receipt r = {.kind = RECEIPT_FILTERED, .detail = k2_sv_of(why)};
    K2_TRY(to.filtered(to.ctx, why, err));
    c->options->receipt(c->options->ctx, &r);
    return K2_OK;
}

/* --- judging --- */

int ingest_execution_judge(struct ingest *g, const struct k2_event *e, struct seq_item *i,
                           struct execution_known *known, struct k2_err *err) {
    bool found;
    if (!g->executions)
        K2_TRY(execution_index_open(g->journal, g->options.archive, &g->executions, err));
    K2_TRY(execution_index_find(g->executions, e, g->interner, known, &found, err));
    i->verdict = SEQ_NEW;
    if (found)
        i->verdict = k2_h128_cmp(known->payload, i->payload) == 0 ? SEQ_DUPLICATE : SEQ_CONFLICT;
    return K2_OK;
}

void ingest_execution_stored(struct ingest *g, const struct k2_event *e, const struct seq_item *i,
                             struct execution_known *known) {
    *known = (struct execution_known){i->payload,
                                      {g->appended.topic, g->appended.partition, g->appended.from}};
    execution_index_add(g->executions, e, g->interner, known);
}

static enum ingest_receipt_kind kind_of(const struct seq_item *i, bool stored) {
    if (i->verdict == SEQ_CONFLICT)
        return RECEIPT_CONFLICT;
    if (i->verdict == SEQ_DUPLICATE)
        return RECEIPT_KNOWN;
    return stored ? RECEIPT_STORED : RECEIPT_REFUSED;
}

static void say_where(const struct ingest *g, const struct execution_place *place,
                      struct ingest_receipt *r) {
    if (r->kind == RECEIPT_CONFLICT) {
        r->reason = K2_SV("CONFLICT");
        r->detail = K2_SV("its execution id was used before by an execution with other content");
    } else if (r->kind == RECEIPT_REFUSED) {
        r->reason = K2_SV("RANGE");
        r->detail = K2_SV("a value has more digits than its column holds");
    } else if (place->topic >= 0) {
        const struct journal_topic t = journal_topic_at(g->journal, place->topic);
        r->topic = k2_sv_of(t.name);
        r->partition = t.first + place->partition;
        r->offset = place->offset;
    }
}

void ingest_execution_answer(struct ingest *g, const struct k2_event *e, const struct seq_item *i,
                             bool stored, const struct execution_known *known, int64_t position) {
    const struct ingest_executions_options *o = g->receipts;
    struct k2_buf id = {0};
    if (!o)
        return;
    struct ingest_receipt r = {.kind = kind_of(i, stored),
                               .position = position,
                               .execution_id = k2_interned(g->interner, e->execution.execution_id)};
    k2_message_id(e, g->interner, &id);
    r.message_id = k2_buf_view(&id);
    say_where(g, &known->place, &r);
    o->receipt(o->ctx, &r);
    k2_buf_free(&id);
}

/* --- the call --- */

static K2_RC decode(struct ingest *g, const struct feed_ops *feed, void *state, struct k2_sv text,
                    const struct ingest_executions_options *o, struct k2_err *err) {
    struct call c = {.ingest = g, .options = o};
    const struct feed_sink sink = {&c, on_event, on_reject, on_filtered};
    size_t consumed;
    K2_TRY(feed->init(feed, state, &o->feed, g->interner, err));
    return feed->decode(state, text, true, &consumed, &sink, err);
}

int ingest_executions(struct ingest *g, struct k2_sv text,
                      const struct ingest_executions_options *o, struct k2_err *err) {
    const struct feed_ops *feed = feed_find(K2_SV("executions"));
    K2_ASSERT(feed);
    void *state = k2_zalloc(feed->state_size);
    uint32_t before = g->source;
    g->source = o->feed.source.n ? k2_intern(g->names, o->feed.source) : 0;
    g->receipts = o;
    int rc = decode(g, feed, state, text, o, err);
    g->receipts = NULL;
    g->source = before;
    feed->fini(state);
    free(state);
    return rc == K2_OK ? ingest_forget_strings(g, err) : rc;
}
