/* journal/ingest_retry.c - a quarantined record decoded once more; see ingest.h.
 *
 * The record's bytes go through the decoder alone. What they do not say themselves is what they had then: the number
 * that they used up, so that the event gets the identity it would have had, and their place in the source. A decoder that needs more of
 * the source than that, such as a packet's header, refuses them still.
 *
 * Their session date is what the calendar of today says; only where the bytes do not tell it, it is that of then. A venue's
 * number goes with them to another date. One that was counted does not: which row of that date they are is not known.
 */
#include "journal/ingest_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

struct retry {
    struct ingest *ingest;
    const struct ingest_retry *record;
    struct feed_sink to;
    int32_t date; /* said to the decoder; INT32_MIN = the bytes are to tell it */
    bool counted; /* the decoder counts: what the number is, the bytes do not tell */
    int events;
    struct k2_buf *why; /* of the first refusal */
};

static K2_RC take_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                        struct k2_err *err) {
    struct retry *t = ctx;
    const struct ingest_retry *r = t->record;
    struct k2_event own = *e;
    (void)raw;
    (void)position;
    if (t->date != INT32_MIN)
        own.head.trade_date = t->date;
    t->events++;
    if (t->counted && r->date != INT32_MIN && own.head.trade_date != r->date) {
        char date[K2_DATE_TEXT];
        k2_date_format(own.head.trade_date, date);
        k2_buf_printf(t->why,
                      "it is of session date %s now, and which row of that it is was not counted; "
                      "k2 ingest the source again",
                      date);
        return K2_OK;
    }
    if (r->channel.n > 0) {
        own.head.channel = k2_intern(t->ingest->interner, r->channel);
        own.head.exchange_sequence_number = r->sequence;
        own.head.epoch = r->epoch;
    }
    return t->to.event(t->to.ctx, &own, r->raw, r->position, err);
}

static K2_RC take_reject(void *ctx, const struct feed_reject *f, struct k2_err *err) {
    struct retry *t = ctx;
    (void)err;
    if (t->why->n == 0)
        k2_buf_printf(t->why, "%s: %s", f->reason, f->detail);
    return K2_OK;
}

static K2_RC take_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct retry *t = ctx;
    (void)err;
    if (t->why->n == 0)
        k2_buf_str(t->why, why);
    return K2_OK;
}

static int64_t note_counting(void *ctx, struct k2_sv exchange, struct k2_sv channel,
                             enum k2_kind_id kind, int32_t date) {
    struct retry *t = ctx;
    (void)exchange;
    (void)channel;
    (void)kind;
    (void)date;
    t->counted = true;
    return 0;
}

static K2_RC decode(struct retry *t, void *state, struct k2_err *err) {
    const struct ingest_retry *r = t->record;
    const struct feed_sink sink = {t, take_event, take_reject, take_filtered};
    size_t consumed;
    if (r->header.n > 0) /* the lines that the format wants before any record */
        K2_TRY(r->feed->decode(state, r->header, false, &consumed, &feed_nobody, err));
    return r->feed->decode(state, r->raw, true, &consumed, &sink, err);
}

/* Afterwards nothing waits for its verdict. */
static K2_RC decode_and_judge(struct retry *t, struct k2_err *err) {
    const struct ingest_retry *r = t->record;
    struct ingest *g = t->ingest;
    const struct feed_options o = {
        .exchange = k2_sv_eq(r->exchange, K2_SV("UNKNOWN")) ? (struct k2_sv){NULL, 0} : r->exchange,
        .symbol = r->symbol,
        .date = t->date,
        .calendar = r->calendar,
        .source = r->source,
        .mapping = r->mapping,
        .counted = note_counting,
        .counted_ctx = t};
    struct k2_err why = {0};
    void *state = k2_zalloc(r->feed->state_size + 1);
    g->source = r->source.n ? k2_intern(g->names, r->source) : 0;
    g->source_halts = false;
    int rc = r->feed->init(r->feed, state, &o, g->interner, &why);
    if (rc == K2_OK)
        rc = decode(t, state, &why);
    g->source = 0;
    r->feed->fini(state);
    free(state);
    K2_TRY(ingest_health(g, err));
    if (rc != K2_OK && t->why->n == 0)
        k2_buf_str(t->why, why.msg);
    return ingest_judge(g, err);
}

/* What the log says of it from now on; the bytes stay where they are. */
static K2_RC mark_retried(struct ingest *g, const struct ingest_retry *r, const char *what,
                          struct k2_err *err) {
    bool stored;
    const struct quarantine_record mark = {.exchange = r->exchange,
                                           .symbol = r->symbol,
                                           .trade_date = r->date,
                                           .source = r->source,
                                           .position = r->position,
                                           .offset = r->offset,
                                           .reason = K2_SV("RETRIED"),
                                           .detail = k2_sv_of(what),
                                           .conflicts_with = r->id};
    return quarantine_add(g->quarantine, &mark, k2_now_ns(), &stored, err);
}

static enum ingest_retried outcome_of(const struct retry *t, const struct ingest_stats *before) {
    struct ingest_stats now = t->ingest->stats;
    if (t->events == 0 || t->why->n > 0)
        return INGEST_RETRY_REFUSED;
    if (now.conflicts > before->conflicts || now.quarantined > before->quarantined ||
        now.halted > before->halted)
        return INGEST_RETRY_REFUSED;
    return now.accepted > before->accepted ? INGEST_RETRY_ACCEPTED : INGEST_RETRY_KNOWN;
}

static const char *why_refused(const struct retry *t, const struct ingest_stats *before) {
    struct ingest_stats now = t->ingest->stats;
    return now.conflicts > before->conflicts ? "CONFLICT: its number has another event"
           : now.halted > before->halted     ? "its channel is halted"
           : t->events == 0 ? "its bytes alone are no record; k2 ingest its source again"
                            : "it cannot be stored";
}

int ingest_retry(struct ingest *g, const struct ingest_retry *r, enum ingest_retried *out,
                 struct k2_buf *why, struct k2_err *err) {
    struct retry t = {
        .ingest = g, .record = r, .to = ingest_sink(g), .date = INT32_MIN, .why = why};
    struct k2_err failed = {0};
    K2_TRY(ingest_judge(g, err));
    struct ingest_stats before = g->stats;
    why->n = 0;
    *out = INGEST_RETRY_REFUSED;
    if (r->feed->ordinal && r->channel.n == 0) {
        k2_buf_str(why, "which row of its source it is was not known; k2 ingest the source again");
        return K2_OK;
    }
    K2_TRY(decode_and_judge(&t, err));
    if (t.events == 0 && r->date != INT32_MIN) { /* the bytes do not tell it */
        t.date = r->date;
        why->n = 0;
        K2_TRY(decode_and_judge(&t, err));
    }
    *out = outcome_of(&t, &before);
    if (*out == INGEST_RETRY_REFUSED) {
        if (why->n == 0)
            k2_buf_str(why, why_refused(&t, &before));
        return K2_OK;
    }
    const char *what = *out == INGEST_RETRY_ACCEPTED ? "decoded again and accepted"
                                                     : "decoded again; the event was there already";
    return ingest_spent(g, mark_retried(g, r, what, &failed), &failed, err);
}
