/* feed/layout/unit.c - the events of one unit (message) of a layout.
 *
 * The unit was read to its end and is good. Its events are gathered first, so that it is answered as a
 * whole: by its events, the last of them marked, or by one reject. Events of repeated structs are
 * made in a second walk over the message, item by item. What no event line takes becomes a `message`.
 */
#include "feed/layout/state.h"

#include <stdio.h>

uint32_t layout_exchange(struct layout_state *s) {
    return feed_intern(s->in, &s->exchange_id, k2_sv_of(s->exchange));
}

uint32_t layout_channel_id(struct layout_state *s) {
    struct layout_channel *c = s->channel;
    if (!s->counted)
        return feed_intern(s->in, &c->uncounted_memo, k2_sv_of(c->uncounted));
    if (c->memo_round != k2_interner_round(s->in)) {
        c->memo_round = k2_interner_round(s->in);
        c->memo = k2_intern(s->in, (struct k2_sv){c->name, c->name_n});
    }
    return c->memo;
}

/* --- numbers --- */

/* What `parts` of the layout name, of the packet or the unit in hand. */
void layout_find_channel(struct layout_state *s) {
    struct k2_buf *b = &s->text;
    if (s->root->ordinal && s->stream && s->frame->message == 0 && !s->frame->flow_name.n) {
        s->channel = &s->channels[s->stream - 1];
        return;
    }
    char room[LAYOUT_TEXT_MAX];
    b->n = 0;
    bool named = s->frame->message || s->frame->flow_name.n;
    if (s->root->ordinal)
        k2_buf_str(b, named ? "stream/" : "stream");
    for (uint32_t i = 0; i < s->root->part_count && !s->root->ordinal; i++) {
        const struct layout_part *part = &s->l->parts[s->root->parts + i];
        if (i)
            k2_buf_byte(b, '/');
        s->walk.spare.n = 0;
        if (part->node >= 0)
            k2_buf_sv(b, layout_print(&s->walk, part->node, &s->walk.slot[part->node], room));
        else
            k2_buf_sv(b, part->text.n ? part->text : s->frame->flow_name);
    }
    if (s->root->part_count == 0 || s->root->ordinal)
        k2_buf_sv(b,
                  s->root->ordinal && s->frame->message ? s->frame->session : s->frame->flow_name);
    if (b->n == 0 || !feed_text_ok(k2_buf_view(b), 200)) {
        b->n = 0;
        k2_buf_str(b, "all");
    }
    s->channel = layout_channel_of(s, k2_buf_view(b));
    if (s->root->ordinal && !named)
        s->stream = (uint32_t)(s->channel - s->channels) + 1;
}

bool layout_find_number(struct layout_state *s) {
    const struct layout *l = s->l;
    if (s->root->ordinal) {
        s->sequence = s->frame->message ? s->frame->message : ++s->channel->ordinal;
        return true;
    }
    if (l->counting == LAYOUT_COUNT_NOT || s->root->sequence < 0)
        return false;
    const struct layout_slot *v = &s->walk.slot[s->root->sequence];
    int64_t n = layout_signed(&l->nodes[s->root->sequence], v->raw);
    if (!v->there || v->null || n < 0 || n > INT64_MAX - UINT16_MAX ||
        (l->has_unless && n == l->unless))
        return false;
    s->sequence = n + (l->counting == LAYOUT_COUNT_MESSAGE ? s->units : 0);
    return true;
}

static void number_unit(struct layout_state *s) {
    if (s->units == 0 || s->l->counting == LAYOUT_COUNT_OWN)
        layout_find_channel(s);
    s->counted = layout_find_number(s);
}

/* Messages without a number are counted over all kinds, so the highest number of any kind is the last one. */
static int64_t counted_before(const struct layout_state *s, int32_t date) {
    int64_t most = 0;
    for (int kind = 0; s->counted_before && kind < K2_KIND_COUNT; kind++) {
        int64_t n = s->counted_before(s->counted_ctx, k2_sv_of(s->exchange),
                                      k2_sv_of(s->channel->uncounted), (enum k2_kind_id)kind, date);
        most = n > most ? n : most;
    }
    return most;
}

/* A new session date begins with epoch 0. */
void layout_place_in_epoch(struct layout_state *s, int32_t date) {
    struct layout_channel *c = s->channel;
    if (date > c->date) {
        c->date = date;
        c->epoch = 0;
        c->last = c->counted = 0;
        c->begun = false;
    }
    if (!s->counted) {
        if (c->counted == 0)
            c->counted = counted_before(s, date);
        s->sequence = ++c->counted;
        return;
    }
    if (s->l->restarts && s->sequence <= 1 && c->last > s->sequence + 1)
        c->epoch++;
    c->last = s->sequence;
    c->begun = true;
}

/* --- one event --- */

static struct k2_event *start(struct layout_state *s, enum k2_kind_id kind, int64_t ns) {
    struct feed_head head = {
        .exchange = layout_exchange(s),
        .channel = layout_channel_id(s),
        .trade_date = ns == s->unit_ns ? s->unit_date : layout_date_of(s, ns),
        .ns = ns,
        .receive_ns = s->frame->time_ns,
        .sequence = s->sequence,
        .raw_offset = (int64_t)s->frame->offset,
    };
    struct k2_event *e = LAYOUT_ADD(s, out);
    feed_event_start(e, kind, &head);
    e->head.epoch = s->counted ? s->channel->epoch : 0;
    return e;
}

/* An event that names no instrument is of the whole market. */
static void name_all(struct layout_state *s, struct k2_event *e) {
    if (!e->head.symbol)
        e->head.symbol = feed_intern(s->in, &s->all_id, K2_SV("*"));
}

static void *column_at(struct k2_event *e, const struct k2_field *f) {
    return (char *)k2_event_fields(e) + f->offset;
}

static int set_decimal(struct layout_state *s, const struct layout_assign *a, int precision,
                       int scale, k2_i128 *to) {
    k2_i128 v;
    int rc = layout_term_decimal(s, &s->l->terms[a->first], precision, scale, &v);
    if (rc == 0)
        *to = v;
    return rc;
}

static int set_long(struct layout_state *s, const struct layout_assign *a, int64_t *to) {
    int64_t v;
    int rc = layout_term_long(s, &s->l->terms[a->first], &v);
    if (rc == 0)
        *to = v;
    return rc;
}

int layout_set_column(struct layout_state *s, const struct layout_assign *a, struct k2_event *e) {
    const struct k2_field *f = a->column;
    void *to = column_at(e, f);
    uint32_t id;
    int rc;
    switch (f->type) {
    case K2_PRICE:
        return set_decimal(s, a, K2_PRICE_PRECISION, K2_PRICE_SCALE, to);
    case K2_QUANTITY:
        return set_decimal(s, a, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, to);
    case K2_LONG:
        return set_long(s, a, to);
    case K2_LIST:
        rc = layout_terms_list(s, a, &id);
        break;
    default:
        rc = layout_terms_intern(s, a, &id);
    }
    if (rc == 0)
        memcpy(to, &id, sizeof id);
    return rc;
}

/* 0 made, 1 a column that must be there is null, -1 refused. */
static int set_columns(struct layout_state *s, const struct layout_event *v, struct k2_event *e) {
    for (uint32_t i = 0; i < v->assign_count; i++) {
        const struct layout_assign *a = &s->l->assigns[v->assign + i];
        int rc = layout_set_column(s, a, e);
        if (rc < 0)
            return -1;
        if (rc && a->column->need == K2_REQ && column_at(e, a->column) != (void *)&e->head.symbol)
            return 1;
    }
    return 0;
}

static bool wanted(struct layout_state *s, const struct k2_event *e) {
    return !s->wants || s->wants(s->wants_ctx, k2_interned(s->in, e->head.symbol));
}

struct tail { /* columns of the event's end, which every kind has in a place of its own */
    int32_t *flags;
    uint32_t *extra;
};

static struct tail tail_of(struct k2_event *e) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)
#define K2_MARKET_KIND(name, NAME, table, topic, meaning)                                          \
    case K2_KIND_##NAME:                                                                           \
        return (struct tail){&e->name.flags, &e->name.extra};
#include "codec/kinds.def"
#undef K2_KIND
#undef K2_MARKET_KIND
    case K2_KIND_QUARANTINE:
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"a market's kind");
    return (struct tail){NULL, NULL};
}

/* What every event has at its end; one that is not wanted is taken back. */
static void finish(struct layout_state *s, struct k2_event *e, int flags, uint32_t first,
                   uint32_t count, uint32_t *memo) {
    name_all(s, e);
    if (!wanted(s, e)) {
        s->out_n--;
        s->not_wanted++;
        return;
    }
    *tail_of(e).extra = layout_extra(s, first, count, memo, !s->traced_told);
    s->traced_told = true;
    *tail_of(e).flags = flags | (s->counted ? K2_FLAG_SHARED : 0);
}

static bool all_hold(struct layout_state *s, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!layout_holds(s->l, s->walk.slot, &s->l->conds[first + i]))
            return false;
    return true;
}

/* An event that says no time of its own has the unit's, which is known. */
static int64_t time_of_event(struct layout_state *s, const struct layout_event *v) {
    if (v->each >= 0 || v->time_count != s->program->time_count)
        return layout_time_of(s, v->times, v->time_count);
    if (s->unit_told >= 0)
        layout_time_taken(s, v->times + (uint32_t)s->unit_told);
    return s->unit_ns;
}

/* Counts in *made when there is an event, or one that is not wanted. */
static int make_event(struct layout_state *s, uint32_t index, int *made) {
    const struct layout_event *v = &s->l->events[index];
    if (!all_hold(s, v->conds, v->cond_count))
        return 0;
    s->taking++;
    struct k2_event *e = start(s, v->kind, time_of_event(s, v));
    int rc = set_columns(s, v, e);
    if (rc) {
        s->out_n--;
        return rc < 0 ? -1 : 0;
    }
    ++*made;
    finish(s, e, v->flags, v->extra, v->extra_count, &s->extra_id[index]);
    return 0;
}

/* The key of a message that the layout does not know. */
static void unknown_type(struct layout_state *s, int32_t choose, struct k2_buf *out) {
    const struct layout_node *n = &s->l->nodes[choose];
    char room[LAYOUT_TEXT_MAX];
    k2_buf_str(out, "unknown");
    for (int i = 0; i < 2 && n->key[i] >= 0; i++) {
        const struct layout_slot *v = &s->walk.slot[n->key[i]];
        s->walk.spare.n = 0;
        struct k2_sv text = layout_print(&s->walk, n->key[i], v, room);
        if (text.n && feed_text_ok(text, 64))
            k2_buf_printf(out, " %.*s", K2_SV_ARG(text));
        else
            k2_buf_printf(out, " 0x%llx", (unsigned long long)v->raw);
    }
}

static void make_message(struct layout_state *s, uint32_t first, uint32_t count) {
    const struct layout_program *g = s->program;
    s->taking++;
    struct k2_event *e = start(s, K2_KIND_MESSAGE, layout_time_of(s, g->times, g->time_count));
    if (s->walk.known) {
        e->message.message_type = feed_intern(s->in, &s->memo[g->memo], g->name);
    } else {
        s->text.n = 0;
        unknown_type(s, s->walk.chosen[s->walk.choices - 1], &s->text);
        e->message.message_type = feed_intern(s->in, &s->memo[g->memo], k2_buf_view(&s->text));
    }
    finish(s, e, 0, first, count, &s->extra_id[s->l->events_n]);
}

/* --- items --- */

static int take_item(struct layout_walk *w, int32_t node, int index) {
    struct layout_state *s = w->ctx;
    const struct layout_program *g = s->program;
    int made = 0;
    uint32_t like = UINT32_MAX;
    (void)index;
    for (uint32_t i = g->events; i < g->events + g->event_count; i++) {
        if (s->l->events[i].each != node)
            continue;
        like = i;
        if (make_event(s, i, &made))
            return -1;
    }
    if (made == 0 && like != UINT32_MAX)
        make_message(s, s->l->events[like].extra, s->l->events[like].extra_count);
    s->item_events++;
    return 0;
}

static int take_items(struct layout_state *s) {
    struct layout_walk *w = &s->walk;
    int last = w->choices - 1;
    const struct feed_visit *visit = w->visit;
    size_t rest_n = w->rest_n;
    w->item = take_item;
    w->tracing = false;
    int rc = last < 0
                 ? layout_walk_again(w, s->unit_node, s->unit_at, s->unit_end)
                 : layout_walk_again(w, w->chosen[last], w->chosen_at[last], w->chosen_end[last]);
    w->item = NULL;
    w->tracing = true;
    w->visit = visit;
    w->rest_n = rest_n;
    return rc;
}

/* --- the unit --- */

static void fill_directory(struct layout_state *s, const struct layout_directory *d) {
    char room[LAYOUT_ROOM];
    struct k2_sv symbol = {NULL, 0};
    int64_t value;
    const struct layout_slot *id = &s->walk.slot[d->id];
    bool named = d->symbol != UINT32_MAX &&
                 layout_term_text(s, &s->l->terms[d->symbol], room, &symbol) == 0 &&
                 feed_text_ok(symbol, 255);
    struct layout_known *k = layout_ids_find(&s->ids[d->directory], id->raw);
    if (!k && d->symbol != UINT32_MAX && !named)
        return;
    k = layout_ids_add(&s->ids[d->directory], id->raw);
    if (named)
        layout_known_name(k, symbol);
    for (int i = 0; i < LAYOUT_COLUMNS; i++)
        if (d->column[i] != UINT32_MAX &&
            layout_term_long(s, &s->l->terms[d->column[i]], &value) == 0) {
            k->column[i] = value;
            k->set |= (uint8_t)(1 << i);
        }
}

void layout_apply_directories(struct layout_state *s, const struct layout_program *g, bool forget) {
    for (uint32_t i = g->directories; i < g->directories + g->directory_count; i++) {
        const struct layout_directory *d = &s->l->directories[i];
        const struct layout_slot *id = &s->walk.slot[d->id];
        if (d->forget != forget || !id->there || id->null || !all_hold(s, d->conds, d->cond_count))
            continue;
        if (forget)
            layout_ids_forget(&s->ids[d->directory], id->raw);
        else
            fill_directory(s, d);
        layout_flat_forget(s->flat, d->directory, id->raw);
    }
}

static void set_clocks(struct layout_state *s, const struct layout_program *g) {
    for (int i = 0; i < s->l->clocks; i++)
        if (g->clock_node[i] >= 0 && s->walk.slot[g->clock_node[i]].there)
            s->channel->clock[i] =
                layout_signed(&s->l->nodes[g->clock_node[i]], s->walk.slot[g->clock_node[i]].raw);
}

static const struct layout_program *program_of(struct layout_state *s, int32_t unit) {
    int32_t node = s->walk.choices ? s->walk.chosen[s->walk.choices - 1] : unit;
    return &s->l->programs[s->l->nodes[node].program];
}

/* The epoch ends behind it; a second line of the same data may say so once more. */
static void reset(struct layout_channel *c) {
    if (!c->begun)
        return;
    c->epoch++;
    c->begun = false;
    c->last = 0;
}

static int make_events(struct layout_state *s) {
    const struct layout_program *g = s->program;
    int made = 0;
    for (uint32_t i = g->events; i < g->events + g->event_count; i++)
        if (s->l->events[i].each < 0 && make_event(s, i, &made))
            return -1;
    s->item_events = 0;
    if (g->each && take_items(s))
        return -1;
    if (made == 0 && s->item_events == 0)
        make_message(s, g->extra, g->extra_count);
    return 0;
}

static struct k2_sv raw_of(const struct layout_state *s, size_t at, size_t end) {
    return (struct k2_sv){s->frame->bytes.p + at, end - at};
}

static int send_events(struct layout_state *s, struct k2_sv raw) {
    int rc = K2_OK;
    bool shared = s->counted && s->l->counting == LAYOUT_COUNT_PACKET;
    for (uint32_t i = 0; i < s->out_n && rc == K2_OK; i++) {
        struct k2_event *e = &s->out[i];
        e->head.part = shared ? s->packet_part++ : (int32_t)i;
        if (i + 1 == s->out_n)
            *tail_of(e).flags |= K2_FLAG_LAST;
        rc = s->sink->event(s->sink->ctx, e, raw, s->position, s->err);
    }
    for (int i = 0; i < s->not_wanted && rc == K2_OK; i++)
        rc = s->sink->filtered(s->sink->ctx, "symbol not wanted", s->err);
    return rc;
}

static int refuse_unit(struct layout_state *s, struct k2_sv raw) {
    struct k2_event partial;
    struct feed_reject reject = {
        .reason = s->fault.reason,
        .detail = s->fault.detail,
        .raw = raw,
        .position = s->position,
        .offset = s->frame->offset,
        .partial = &partial,
        .numbered = s->counted,
    };
    int64_t ns = s->frame->time_ns;
    s->out_n = 0;
    partial = *start(s, K2_KIND_MESSAGE, ns == K2_NULL_LONG ? 0 : ns);
    name_all(s, &partial);
    if (s->counted && s->l->counting == LAYOUT_COUNT_PACKET)
        partial.head.part = s->packet_part++;
    *tail_of(&partial).flags |= s->counted ? K2_FLAG_SHARED : 0;
    return s->sink->reject(s->sink->ctx, &reject, s->err);
}

static void begin_unit(struct layout_state *s) {
    s->position++;
    s->out_n = 0;
    s->not_wanted = 0;
    s->traced_told = false;
    s->unit_ns = K2_NULL_LONG;
}

int layout_unit(struct layout_walk *w, int32_t node, size_t at, size_t end) {
    struct layout_state *s = w->ctx;
    begin_unit(s);
    s->unit_node = node;
    s->unit_at = at;
    s->unit_end = end;
    s->program = program_of(s, node);
    if (s->program->unnumbered) {
        w->rc = s->sink->filtered(s->sink->ctx, "heartbeat", s->err);
        return w->rc == K2_OK ? 0 : -1;
    }
    number_unit(s);
    const struct layout_program *g = s->program;
    set_clocks(s, g);
    layout_apply_directories(s, g, false);
    int64_t ns = layout_time_of(s, g->times, g->time_count);
    if (ns == K2_NULL_LONG) {
        layout_place_in_epoch(s, s->date);
        (void)feed_fault_set(&s->fault, "INVALID",
                             "the message has no time, and the source has none either", g->name);
        w->rc = refuse_unit(s, raw_of(s, at, end));
    } else {
        s->unit_ns = ns;
        s->unit_told = s->time_told;
        s->unit_date = layout_date_of(s, ns);
        layout_place_in_epoch(s, s->unit_date);
        w->rc = make_events(s) ? refuse_unit(s, raw_of(s, at, end))
                               : send_events(s, raw_of(s, at, end));
    }
    layout_apply_directories(s, g, true);
    s->units++;
    if (g->reset)
        reset(s->channel);
    return w->rc == K2_OK ? 0 : -1;
}

/* The walk found damage: what was not answered of the frame is refused as one. */
int layout_refuse(struct layout_state *s) {
    struct layout_walk *w = &s->walk;
    begin_unit(s);
    s->fault.reason = "MALFORMED";
    snprintf(s->fault.detail, sizeof s->fault.detail, "%s, at byte %zu of the frame", w->fault,
             w->fault_at);
    s->counted = false;
    if (w->in_unit)
        number_unit(s);
    else if (s->units == 0)
        s->channel = layout_channel_of(s, K2_SV("damaged"));
    if (s->counted)
        layout_place_in_epoch(s, s->frame->time_ns == K2_NULL_LONG
                                     ? INT32_MIN
                                     : layout_date_of(s, s->frame->time_ns));
    return refuse_unit(s, raw_of(s, w->in_unit ? w->unit_at : 0, s->frame->bytes.n));
}
