/* feed/layout/feed.c - a layout as a decoder (struct feed_ops): frames in, events or fields out. */
#include "feed/layout/flat.h"
#include "feed/layout/state.h"

#include <stdlib.h>

/* --- frames --- */

static bool is_tcp(struct k2_sv flow) {
    return k2_sv_starts(flow, K2_SV("tcp")) || k2_sv_starts(flow, K2_SV("soupbintcp"));
}

static unsigned root_of(const struct layout *l, const struct feed_frame *f) {
    bool tcp = f->flow_name.n ? is_tcp(f->flow_name) : !f->datagram;
    return l->root[tcp].node >= 0 ? tcp : !tcp;
}

static void aim(struct layout_walk *w, const struct feed_frame *f) {
    w->p = (const uint8_t *)f->bytes.p;
    w->n = f->bytes.n;
}

/* A frame that is one unit needs no walk to it. */
static inline int walk(struct layout_state *s, unsigned root, size_t *at) {
    uint32_t sole = s->l->flat->sole[root];
    if (sole && s->walk.flat) {
        s->walk.rc = K2_OK;
        int rc = layout_flat_unit(&s->walk, sole, at, s->walk.n);
        if (rc)
            return rc < 0 ? -1 : 0;
    }
    return layout_walk(&s->walk, s->root->node, at);
}

int layout_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                 struct k2_err *err) {
    struct layout_state *s = state;
    size_t at = 0;
    s->frame = f;
    s->sink = sink;
    s->err = err;
    unsigned root = root_of(s->l, f);
    s->root = &s->l->root[root];
    s->in_stream = s->root->ordinal && !f->message && !f->flow_name.n;
    s->units = 0;
    s->packet_part = 0;
    aim(&s->walk, f);
    if (walk(s, root, &at))
        return s->walk.rc != K2_OK ? s->walk.rc : layout_refuse(s);
    if (at < f->bytes.n) {
        s->walk.fault = "bytes follow that belong to no message";
        s->walk.fault_at = at;
        s->walk.in_unit = false;
        return layout_refuse(s);
    }
    return s->units == 0 && s->position == s->answered
               ? sink->filtered(sink->ctx, "a packet without messages", err)
               : (s->answered = s->position, K2_OK);
}

static size_t cut_frame(const struct feed_ops *self, struct k2_sv bytes) {
    const struct layout *l = self->table;
    uint64_t v = 0;
    size_t known = bytes.n < l->frame_begins_n ? bytes.n : l->frame_begins_n;
    if (memcmp(bytes.p, l->frame_begins, known) != 0)
        return SIZE_MAX;
    if (bytes.n < (size_t)l->frame_at + l->frame_size)
        return 0;
    const uint8_t *p = (const uint8_t *)bytes.p + l->frame_at;
    for (unsigned i = 0; i < l->frame_size; i++)
        v |= (uint64_t)p[l->frame_big ? l->frame_size - 1u - i : i] << (8 * i);
    int64_t n = (int64_t)v + l->frame_add;
    return v > (1 << 24) || n < (int64_t)l->frame_at + l->frame_size ? SIZE_MAX : (size_t)n;
}

static size_t cut(void *state, struct k2_sv bytes) {
    return cut_frame(&((struct layout_state *)state)->l->ops, bytes);
}

/* --- the decoder --- */

static void make_walk(struct layout_state *s) {
    if (s->walk.slot)
        return;
    s->walk.l = s->l;
    s->walk.slot = k2_zalloc(s->l->nodes_n * sizeof *s->walk.slot);
    for (int i = 0; i < LAYOUT_CLOCKS; i++)
        s->walk.clock[i] = K2_NULL_LONG;
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct layout_state *s = state;
    const struct layout *l = self->table;
    struct k2_sv exchange = o->exchange.n ? o->exchange : l->exchange;
    s->l = l;
    s->in = in;
    s->date = o->date;
    s->name_date = layout_name_date(o->source);
    s->minute_date = INT32_MIN;
    s->midnight_date = INT32_MIN;
    s->wants = o->wants;
    s->wants_ctx = o->wants_ctx;
    s->counted_before = o->counted;
    s->counted_ctx = o->counted_ctx;
    s->exchange = k2_sv_dup(exchange);
    K2_TRY(feed_calendar_find(exchange, o->calendar, &s->calendar, err));
    make_walk(s);
    s->memo = k2_zalloc((l->memos + 1) * sizeof *s->memo);
    s->taken = k2_zalloc(l->nodes_n * sizeof *s->taken);
    s->extra_id = k2_zalloc((l->events_n + 1) * sizeof *s->extra_id);
    s->walk.ctx = s;
    s->walk.unit = layout_unit;
    s->walk.flat = layout_flat_unit;
    s->flat = layout_flat_state_new(l->flat);
    s->walk.tracing = true;
    s->frames = feed_frames_new(&(struct feed_frames_options){.frame = layout_frame,
                                                              .run = layout_flat_run,
                                                              .state = s,
                                                              .framing = l->framing,
                                                              .cut = cut});
    return K2_OK;
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct layout_state *s = state;
    return feed_frames_decode(s->frames, bytes, last, consumed, sink, err);
}

static void fini(void *state) {
    struct layout_state *s = state;
    feed_frames_free(s->frames);
    for (int i = 0; i < LAYOUT_DIRECTORIES; i++)
        layout_ids_free(&s->ids[i]);
    layout_channels_free(s);
    free(s->exchange);
    free(s->memo);
    free(s->taken);
    free(s->extra_id);
    layout_flat_state_free(s->flat);
    free(s->walk.slot);
    free(s->walk.trace);
    free(s->out);
    k2_buf_free(&s->walk.spare);
    k2_buf_free(&s->blob);
    k2_buf_free(&s->text);
    k2_buf_free(&s->keys);
    *s = (struct layout_state){0};
}

/* --- showing --- */

static int dissect(const struct feed_ops *self, void *state, const struct feed_frame *frame,
                   const struct feed_visit *visit, struct k2_err *err) {
    struct layout_state *s = state;
    size_t at = 0;
    s->l = self->table;
    make_walk(s);
    struct layout_walk *w = &s->walk;
    int (*unit)(struct layout_walk *, int32_t, size_t, size_t) = w->unit;
    int (*flat)(struct layout_walk *, uint32_t, size_t *, size_t) = w->flat;
    w->unit = NULL;
    w->flat = NULL;
    w->visit = visit;
    aim(w, frame);
    int rc = layout_walk(w, s->l->root[root_of(s->l, frame)].node, &at);
    w->unit = unit;
    w->flat = flat;
    w->visit = NULL;
    if (rc)
        return k2_fail(err, K2_E_INVALID, "%s, at byte %zu of the frame", w->fault, w->fault_at);
    if (at < frame->bytes.n)
        return k2_fail(err, K2_E_INVALID, "%zu bytes follow that belong to no message",
                       frame->bytes.n - at);
    return K2_OK;
}

/* --- telling what a source is --- */

struct looked { /* what a frame was like */
    int64_t units, known;
    size_t rest;
};

static int look_unit(struct layout_walk *w, int32_t node, size_t at, size_t end) {
    struct looked *k = w->ctx;
    (void)node;
    (void)at;
    (void)end;
    k->units++;
    k->known += w->known;
    k->rest += w->rest_n;
    return 0;
}

/* Fields that are text must hold text, and those that are always the same that: what fits by its
 * lengths alone is often another protocol. *sure: there are such fields. */
static bool values_ok(const struct layout_walk *w, bool *sure) {
    for (uint32_t i = 0; i < w->l->nodes_n; i++) {
        const struct layout_slot *v = &w->slot[i];
        const struct layout_node *n = &w->l->nodes[i];
        if (!v->there)
            continue;
        if (n->is >= 0 && !layout_holds(w->l, w->slot, &w->l->conds[n->is]))
            return false;
        *sure = *sure || n->is >= 0;
        for (uint32_t k = 0; n->type == LAYOUT_TEXT && k < v->n; k++)
            if (w->p[v->at + k] < ' ' || w->p[v->at + k] > '~')
                return false;
    }
    return true;
}

/* Of one frame: 0, or how sure. */
static int look(const struct layout *l, const struct feed_frame *f) {
    struct looked k = {0};
    size_t at = 0;
    bool sure = false;
    struct layout_state *s = k2_zalloc(sizeof *s);
    s->l = l;
    make_walk(s);
    s->walk.ctx = &k;
    s->walk.unit = look_unit;
    aim(&s->walk, f);
    bool good = layout_walk(&s->walk, l->root[root_of(l, f)].node, &at) == 0 && at == f->bytes.n &&
                values_ok(&s->walk, &sure);
    fini(s);
    free(s);
    if (!good || k.known < k.units || k.rest || (!k.units && !sure))
        return 0;
    return (sure ? 75 : 58) + (f->bytes.n >= 60 ? 5 : 0);
}

struct looked_at { /* the frames at the start of a stream */
    const struct layout *l;
    int frames, score; /* the lowest */
};

#define LOOKED_MAX 20
#define ENOUGH 3 /* good ones behind each other */

static int look_next(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                     struct k2_err *err) {
    struct looked_at *k = state;
    int score = f->bytes.n ? look(k->l, f) : 0;
    (void)sink;
    if (score == 0)
        return k2_fail(err, K2_E_INVALID, "it is none");
    k->score = k->frames && k->score < score ? k->score : score;
    return ++k->frames == LOOKED_MAX ? k2_fail(err, K2_E_INVALID, "enough") : K2_OK;
}

static int look_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    (void)r;
    return k2_fail(err, K2_E_INVALID, "it is none");
}

static int look_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

static size_t look_cut(void *state, struct k2_sv bytes) {
    return cut_frame(&((const struct looked_at *)state)->l->ops, bytes);
}

/* One short message may be one by chance; several behind each other are not. */
static int look_stream(const struct layout *l, struct k2_sv head) {
    static const struct feed_sink sink = {.reject = look_reject, .filtered = look_filtered};
    struct looked_at k = {.l = l};
    size_t used;
    struct feed_frames *f = feed_frames_new(&(struct feed_frames_options){
        .frame = look_next, .state = &k, .framing = l->framing, .cut = look_cut});
    int rc = feed_frames_decode(f, head, false, &used, &sink, NULL);
    feed_frames_free(f);
    if (k.frames == 0 || (rc != K2_OK && k.frames < ENOUGH))
        return 0;
    return k.frames >= ENOUGH && k.score < 75 ? 75 : k.score;
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    const struct layout *l = self->table;
    struct feed_frame f = {0};
    (void)file_name;
    if (!feed_frames_first(head, l->framing, &f) || !f.bytes.n)
        return 0;
    *why = "its first packet is one of this layout, to the last byte";
    bool stream = !f.datagram && f.offset <= 64;
    if (!f.datagram && l->framing == FEED_FRAMING_OWN) {
        size_t n = cut_frame(self, f.bytes);
        if (n == 0 || n > f.bytes.n)
            return 0;
        f.bytes.n = n;
    }
    if (!stream || l->framing == FEED_FRAMING_SEGMENTS || l->framing == FEED_FRAMING_NONE)
        return look(l, &f);
    *why = "its first messages are some of this layout, to the last byte";
    return look_stream(l, head);
}

/* A unit that is one of the messages inside it, and what no message of its choice is. */
static bool is_wrapper(const struct layout *l, int32_t node) {
    const struct layout_node *n = &l->nodes[node];
    bool chosen = n->type == LAYOUT_CHOOSE;
    for (int32_t i = node; n->unit && !chosen && i < n->end; i++)
        chosen = l->nodes[i].type == LAYOUT_CHOOSE;
    return chosen && l->programs[n->program].event_count == 0;
}

static void tell_message(struct layout *l, const struct layout_program *g) {
    for (uint32_t k = 0; k < g->event_count; k++)
        *LAYOUT_ADD(l, facts) =
            (struct feed_fact){"message", g->name.p, k2_kind(l->events[g->events + k].kind)->name};
    if (g->event_count == 0)
        *LAYOUT_ADD(l, facts) = (struct feed_fact){
            "message", g->name.p, g->unnumbered ? "filtered" : "message, or what is inside it"};
}

/* What `k2 feed show` tells: the document, and of each message the kind of its events. */
static void make_facts(struct layout *l) {
    *LAYOUT_ADD(l, facts) = (struct feed_fact){"file name", "any", "a capture: pcap or pcapng"};
    if (l->spec.n)
        *LAYOUT_ADD(l, facts) = (struct feed_fact){"specification", "document", l->spec.p};
    for (uint32_t i = 0; i < l->nodes_n; i++)
        if (l->nodes[i].program >= 0 && !is_wrapper(l, (int32_t)i))
            tell_message(l, &l->programs[l->nodes[i].program]);
    (void)LAYOUT_ADD(l, facts); /* the end */
}

void layout_make_ops(struct layout *l) {
    make_facts(l);
    l->ops = (struct feed_ops){
        .name = l->name.p,
        .title = l->title.p,
        .numbering = l->numbering.n ? l->numbering.p : "none",
        .facts = l->facts,
        .table = l,
        .state_size = sizeof(struct layout_state),
        .detect = detect,
        .init = init,
        .decode = decode,
        .fini = fini,
        .dissect = dissect,
        .captures = true,
        .framing = l->framing,
        .cut = cut_frame,
    };
}
