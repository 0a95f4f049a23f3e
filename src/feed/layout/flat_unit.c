/* feed/layout/flat_unit.c - the events of a unit that has the flat form (flat.h): which message it is, its time and its
 * number, and the answer. */
#include "feed/layout/flat_event.h"

/* --- which message --- */

/* By its keys alone; NULL: there is none, or it has no flat form, or it is not all there. */
static inline const struct flat_message *choose_message(const struct layout_flat *f,
                                                        const struct flat_unit *u,
                                                        const uint8_t *unit, size_t left) {
    int then = u->first;
    if (left < u->head)
        return NULL;
    while (then < 0) {
        const struct flat_choice *c = &f->choices[-then - 1];
        if ((size_t)c->at + c->size > left)
            return NULL;
        uint64_t key = c->size == 1 ? unit[c->at] : layout_number_at(unit + c->at, c->size, c->big);
        then = key < 256 ? c->then[key] : 0;
    }
    const struct flat_message *m = then ? &f->messages[then - 1] : NULL;
    return m && m->size <= left ? m : NULL;
}

/* NULL: the unit has no flat form, or not this time. */
static inline const struct flat_message *find_message(const struct layout_flat *f,
                                                      const struct flat_unit *u,
                                                      const uint8_t *unit, size_t left) {
    const struct flat_message *m = choose_message(f, u, unit, left);
    if (!m)
        return NULL;
    if (u->sized_rest)
        return m->size == left ? m : NULL;
    if (!u->sized_node)
        return m;
    int64_t told = (int64_t)layout_number_at(unit + u->sized_at, u->sized_size, u->sized_big);
    return told + u->sized_add == (int64_t)m->size ? m : NULL;
}

/* --- slots, where others look at them --- */

static bool fill_slots(struct layout_state *s, const struct flat_message *m, size_t at) {
    const int32_t *needed = s->l->flat->needed + m->needed;
    for (uint32_t i = 0; i < m->needed_count; i++)
        if (!layout_walk_flat(&s->walk, needed[i], at + s->l->nodes[needed[i]].flat_at))
            return false;
    return true;
}

/* --- events --- */

static bool holds(const struct layout_state *s, uint32_t index) {
    const struct layout_event *line = &s->l->events[index];
    for (uint32_t i = 0; i < line->cond_count; i++)
        if (!layout_holds(s->l, s->walk.slot, &s->l->conds[line->conds + i]))
            return false;
    return true;
}

static inline void end_event(struct layout_state *s, const struct flat_event *v, struct k2_event *e,
                             int32_t flags, int32_t part) {
    const struct layout_channel *c = s->channel;
    int64_t ns = s->unit_ns, offset = (int64_t)s->frame->offset;
    flags |= v->line_flags | (s->counted ? K2_FLAG_SHARED : 0);
    e->head.trade_date = s->unit_date;
    e->head.exchange_timestamp = ns > 0 ? (int64_t)((uint64_t)ns / 1000) : k2_floor_us(ns);
    e->head.exchange_timestamp_ns = ns;
    e->head.receive_timestamp_ns = s->frame->time_ns;
    e->head.exchange_sequence_number = s->sequence;
    e->head.channel =
        s->counted && c->memo_round == s->flat->round ? c->memo : layout_channel_id(s);
    e->head.epoch = s->counted ? c->epoch : 0;
    e->head.part = s->counted && s->l->counting == LAYOUT_COUNT_PACKET ? s->packet_part++ : part;
    memcpy((char *)e + v->flags, &flags, sizeof flags);
    memcpy((char *)e + v->raw_offset, &offset, sizeof offset);
}

static inline int send_event(struct layout_state *s, const struct flat_event *v,
                             struct flat_made *made, int32_t flags, int32_t part,
                             struct k2_sv raw) {
    end_event(s, v, &made->event, flags, part);
    return s->sink->event(s->sink->ctx, &made->event, raw, s->position, s->err);
}

struct picked { /* event lines whose conditions hold, and their events */
    const struct flat_event *line[LAYOUT_FLAT_EVENTS];
    struct flat_made *made[LAYOUT_FLAT_EVENTS];
    uint32_t n;
};

/* All of them, or false. */
static bool make_events(struct layout_state *s, const struct flat_message *m, const uint8_t *unit,
                        struct picked *picked) {
    const struct flat_event *v = m->event, *end = v + m->event_count;
    struct flat_made *made = s->flat->made + m->events;
    picked->n = 0;
    for (; v < end; v++, made++) {
        if (v->conds && !holds(s, v->index))
            continue;
        if (picked->n == LAYOUT_FLAT_EVENTS || !flat_make(s, v, made, unit, NULL))
            return false;
        picked->line[picked->n] = v;
        picked->made[picked->n++] = made;
    }
    return picked->n > 0;
}

static int send_events(struct layout_state *s, const struct picked *picked, struct k2_sv raw) {
    int rc = K2_OK;
    for (uint32_t i = 0; i < picked->n && rc == K2_OK; i++)
        rc = send_event(s, picked->line[i], picked->made[i], i + 1 == picked->n ? K2_FLAG_LAST : 0,
                        (int32_t)i, raw);
    return rc;
}

/* --- the unit --- */

static inline bool tell_time(struct layout_state *s, const struct flat_message *m,
                             const uint8_t *unit, int64_t *out) {
    int64_t sum = 0;
    if (m->midnight && !layout_midnight(s, &sum))
        return false;
    for (unsigned i = 0; i < m->time_terms; i++) {
        const struct flat_ref *r = &m->time[i];
        uint64_t raw = flat_load(r, unit);
        int64_t one = flat_signed(r, raw);
        if ((r->has_null && raw == r->null_raw) || (!r->is_signed && raw > INT64_MAX) ||
            __builtin_mul_overflow(one, m->time_unit[i], &one) ||
            __builtin_add_overflow(sum, one, &sum))
            return false;
    }
    *out = sum;
    return sum > 0;
}

static bool tell_any_time(struct layout_state *s, const struct flat_message *m, const uint8_t *unit,
                          int64_t *out) {
    if (m->fast_time)
        return tell_time(s, m, unit, out);
    *out = layout_time_of(s, m->program->times, m->program->time_count);
    return *out != K2_NULL_LONG && s->time_told == (m->program->time_count ? 0 : -1);
}

/* In a file without numbers each frame is a unit, and all are of the channel that the first one found. */
static inline void find_channel(struct layout_state *s) {
    if (s->in_stream && s->stream)
        s->channel = &s->channels[s->stream - 1];
    else if (s->l->counting == LAYOUT_COUNT_OWN || s->units == 0)
        layout_find_channel(s);
}

static bool make_unit(struct layout_state *s, const struct flat_message *m, size_t at,
                      struct picked *picked) {
    const uint8_t *unit = s->walk.p + at;
    if (m->needed_count && !fill_slots(s, m, at))
        return false;
    s->program = m->program;
    find_channel(s);
    if (m->program->directory_count)
        layout_apply_directories(s, m->program, false);
    return tell_any_time(s, m, unit, &s->unit_ns) && make_events(s, m, unit, picked);
}

/* Of a message that is quick. */
static inline bool make_quick(struct layout_state *s, const struct flat_message *m,
                              const uint8_t *unit) {
    find_channel(s);
    return tell_time(s, m, unit, &s->unit_ns) &&
           flat_make(s, m->event, &s->flat->made[m->events], unit, NULL);
}

/* Its number and its place in the epoch: mostly the next one of the day. */
static inline void place_unit(struct layout_state *s) {
    struct layout_channel *c = s->channel;
    if (s->in_stream && c->begun && c->date >= s->unit_date && !s->l->restarts) {
        s->sequence = c->last = ++c->ordinal;
        s->counted = true;
        return;
    }
    s->counted = layout_find_number(s);
    layout_place_in_epoch(s, s->unit_date);
}

static inline void begin_answer(struct layout_state *s) {
    s->flat_units++;
    s->position++;
    s->unit_date = layout_date_of(s, s->unit_ns);
    place_unit(s);
}

static __attribute__((noinline)) int
answer_unit(struct layout_state *s, const struct flat_message *m, size_t at, struct k2_sv raw) {
    struct picked picked;
    if (!make_unit(s, m, at, &picked))
        return 0;
    begin_answer(s);
    s->walk.rc = send_events(s, &picked, raw);
    if (m->program->directory_count)
        layout_apply_directories(s, m->program, true);
    return 1;
}

static inline int answer_quick(struct layout_state *s, const struct flat_message *m,
                               struct k2_sv raw) {
    if (!make_quick(s, m, (const uint8_t *)raw.p))
        return 0;
    begin_answer(s);
    s->walk.rc = send_event(s, m->event, &s->flat->made[m->events], K2_FLAG_LAST, 0, raw);
    return 1;
}

int layout_flat_unit(struct layout_walk *w, uint32_t unit, size_t *at, size_t end) {
    struct layout_state *s = w->ctx;
    const struct layout_flat *f = s->l->flat;
    const struct flat_message *m = find_message(f, &f->units[unit - 1], w->p + *at, end - *at);
    if (!m || s->wants)
        return 0;
    if (k2_interner_round(s->in) != s->flat->round)
        flat_renew(s);
    const struct k2_sv raw = {(const char *)w->p + *at, m->size};
    if (!(m->quick ? answer_quick(s, m, raw) : answer_unit(s, m, *at, raw)))
        return 0;
    s->units++;
    w->in_unit = false;
    *at += m->size;
    return w->rc == K2_OK ? 1 : -1;
}
