/* feed/layout/flat_run.c - plain messages of a file without numbers, one behind the other (feed_run_fn).
 *
 * What is the same for all of them is looked at once: the channel, the session date, midnight. A message that is not
 * plain, a new minute and the end of what is whole end the run: the next frame goes the usual way, behind which another
 * run may begin. Nothing is answered of the message that ends it.
 */
#include "feed/layout/flat_event.h"

struct run {
    struct layout_state *s;
    struct layout_channel *channel;
    const struct feed_sink *sink;
    struct k2_err *err;
    int64_t midnight;
    int32_t date;
    uint32_t channel_id;
    const char *p, *end; /* of the bytes */
    uint64_t offset;     /* of the source at p */
};

/* False: the next frame has to go the usual way. */
static bool begin(struct run *r, struct feed_frame *next) {
    struct layout_state *s = r->s;
    const struct layout_root *root = s->root;
    if (!s->walk.flat || s->wants || !root || !root->ordinal || !s->in_stream || !s->stream ||
        s->l->restarts || s->midnight_date == INT32_MIN || next->time_ns != s->midnight_frame_ns)
        return false;
    r->channel = &s->channels[s->stream - 1];
    s->channel = r->channel;
    s->counted = true;
    r->midnight = s->midnight;
    r->date = s->minute_date;
    return r->channel->begun && r->date != INT32_MIN && r->channel->date >= r->date;
}

/* The message that is the whole next frame; NULL: it is not plain or not all there. */
static inline const struct flat_message *next_message(const struct run *r,
                                                      const struct flat_stream *f) {
    size_t left = (size_t)(r->end - r->p);
    if (left < 2 + 8)
        return NULL;
    size_t length = __builtin_bswap16(k2_get_u16(r->p));
    const struct flat_message *m = f->by_key[(uint8_t)r->p[2 + f->at]];
    return m && m->size == length && length <= left - 2 ? m : NULL;
}

static inline void tell(struct run *r, const struct flat_event *v, struct k2_event *e, int64_t ns,
                        int64_t sequence) {
    const int32_t flags = v->line_flags | K2_FLAG_LAST | K2_FLAG_SHARED;
    const int64_t offset = (int64_t)r->offset + 2;
    e->head.trade_date = r->date;
    e->head.exchange_timestamp = (int64_t)((uint64_t)ns / 1000);
    e->head.exchange_timestamp_ns = ns;
    e->head.receive_timestamp_ns = K2_NULL_LONG;
    e->head.exchange_sequence_number = sequence;
    e->head.channel = r->channel_id;
    e->head.epoch = r->channel->epoch;
    e->head.part = 0;
    memcpy((char *)e + v->flags, &flags, sizeof flags);
    memcpy((char *)e + v->raw_offset, &offset, sizeof offset);
}

/* Ids are others since the interner was emptied. */
static void renew(struct run *r) {
    struct layout_state *s = r->s;
    if (s->flat->round != k2_interner_round(s->in))
        flat_renew(s);
    r->channel_id = layout_channel_id(s);
}

/* The way of its shape, in which all counts are known. */
static inline __attribute__((always_inline)) bool make(struct layout_state *s, uint8_t shape,
                                                       const struct flat_event *v,
                                                       struct flat_made *made,
                                                       const uint8_t *unit) {
    switch ((enum flat_shape)shape) {
    case FLAT_SHAPE_ADD:
        return flat_make(s, v, made, unit, &flat_shapes[FLAT_SHAPE_ADD]);
    case FLAT_SHAPE_EXECUTE:
        return flat_make(s, v, made, unit, &flat_shapes[FLAT_SHAPE_EXECUTE]);
    case FLAT_SHAPE_CANCEL:
        return flat_make(s, v, made, unit, &flat_shapes[FLAT_SHAPE_CANCEL]);
    case FLAT_SHAPE_DELETE:
        return flat_make(s, v, made, unit, &flat_shapes[FLAT_SHAPE_DELETE]);
    case FLAT_SHAPE_REPLACE:
        return flat_make(s, v, made, unit, &flat_shapes[FLAT_SHAPE_REPLACE]);
    case FLAT_SHAPE_OTHER:
        break;
    }
    return flat_make(s, v, made, unit, NULL);
}

/* Gives how many were answered. */
static int64_t run(struct run *r, const struct flat_stream *f, int *rc) {
    struct layout_state *s = r->s;
    const struct flat_message *m;
    int64_t n = 0;
    *rc = K2_OK;
    renew(r);
    while (*rc == K2_OK && (m = next_message(r, f)) != NULL) {
        const struct k2_sv raw = {r->p + 2, m->size};
        const uint8_t *unit = (const uint8_t *)raw.p;
        int64_t ns = r->midnight + (int64_t)flat_load_plain(&m->time[0], unit);
        if ((uint64_t)ns - (uint64_t)s->minute >= (uint64_t)LAYOUT_MINUTE || ns <= 0)
            break;
        if (s->flat->round != k2_interner_round(s->in))
            renew(r);
        struct flat_made *made = s->flat->made + m->events;
        if (!make(s, f->shape[unit[f->at]], m->event, made, unit))
            break;
        n++;
        s->position++;
        r->channel->last = ++r->channel->ordinal;
        tell(r, m->event, &made->event, ns, r->channel->ordinal);
        *rc = r->sink->event(r->sink->ctx, &made->event, raw, s->position, r->err);
        r->p += 2 + raw.n;
        r->offset += 2 + raw.n;
    }
    return n;
}

int layout_flat_run(void *state, struct k2_sv bytes, struct feed_frame *next,
                    const struct feed_sink *sink, struct k2_err *err) {
    struct layout_state *s = state;
    struct run r = {.s = s,
                    .sink = sink,
                    .err = err,
                    .p = bytes.p,
                    .end = bytes.p + bytes.n,
                    .offset = next->offset - 2};
    int rc;
    if (!begin(&r, next))
        return K2_OK;
    const struct flat_stream *f = s->l->flat->stream[s->root == &s->l->root[1]];
    if (!f)
        return K2_OK;
    int64_t n = run(&r, f, &rc);
    s->flat_units += n;
    s->answered = s->position;
    next->number += n;
    next->offset = r.offset + 2;
    return rc;
}
