/* journal/ingest_source.c - files and sources; see ingest.h.
 *
 * DESIGN. A source is a feed_tail whose events go to the ingest. A file that is read whole is a source stepped to its
 * end. With a speed, events come from the decoder a small piece early and are held, with strings of their own,
 * until they are due; the mark is then the one from before the piece, so that what is held is read again.
 */
#include "journal/ingest_live.h"
#include "journal/source.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP ((size_t)256 << 10)
#define PACED_PIECE ((size_t)4 << 10)
#define MOST_PACED_STRINGS ((size_t)4 << 20)

struct held {
    struct k2_event event; /* its strings are of the pace's interner */
    size_t raw_at, raw_n;
    int64_t position;
};

struct pace {
    double speed; /* 0 = none */
    struct k2_interner *interner;
    struct held *held;
    size_t n, cap, next; /* next: the first that was not given yet */
    struct k2_buf raw;
    bool anchored;
    int64_t event_ns, real_ns; /* of the first event */
    int64_t wait_ns;
};

struct ingest_source {
    struct ingest *ingest;
    struct ingest_source *next; /* in ingest->sources */
    struct feed_tail *tail;
    struct ingest_live *live; /* then there is no tail */
    struct raw_decode *raw;   /* nor then */
    int64_t end_ns;           /* monotonic: of live; INT64_MAX = never */
    char *path, *key;         /* key: the absolute path, of its mark */
    const struct feed_ops *feed;
    bool marked;
    uint32_t name;
    int64_t (*given)(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                     int32_t date); /* where its rows begin to count: feed_options.counted */
    void *given_ctx;
    struct counted *counted; /* what that said, as far as it is not 0 */
    bool halts;              /* its gaps may halt channels */
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    struct pace pace;
    struct k2_buf mark; /* paced: of before the piece whose events are held */
    int64_t read, bytes, restarts;
    bool ended; /* of raw */
};

/* --- marks --- */

static char *absolute(const char *path) {
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    struct k2_buf out = {0};
    if (here)
        k2_buf_printf(&out, "%s/", here);
    k2_buf_str(&out, path);
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    free(here);
    return text;
}

static int64_t bytes_done(const struct ingest_source *s) {
    if (s->live)
        return ingest_live_state(s->live).live.bytes;
    return s->tail ? feed_tail_state(s->tail).done : 0;
}

static bool holds_events(const struct ingest_source *s) {
    return s->pace.next < s->pace.n;
}

/* What an earlier run left stays until this one has read something: the file may be away for a while. */
static void collect_mark(struct ingest_source *s) {
    if (s->live) {
        s->mark.n = 0;
        ingest_live_mark(s->live, &s->mark);
        if (s->mark.n)
            marks_set(s->ingest->marks, s->key, s->feed->name, k2_buf_view(&s->mark));
        return;
    }
    struct feed_tail_state t = feed_tail_state(s->tail);
    if (t.done == 0 && t.restarts == 0)
        return;
    if (!holds_events(s)) {
        s->mark.n = 0;
        feed_tail_mark(s->tail, &s->mark);
    }
    marks_set(s->ingest->marks, s->key, s->feed->name, k2_buf_view(&s->mark));
}

void ingest_collect_marks(struct ingest *g) {
    for (struct ingest_source *s = g->sources; s; s = s->next)
        collect_mark(s);
}

void ingest_hold(struct ingest *g, uint32_t name) {
    for (struct ingest_source *s = g->sources; s; s = s->next) {
        if (s->live && s->name == name)
            ingest_live_hold(s->live);
    }
}

static void note_resumed(const struct ingest_source *s, bool good) {
    const struct ingest_options *o = &s->ingest->options;
    char text[96] = "the file is not what it was: read from its start";
    if (s->live)
        snprintf(text, sizeof text,
                 good ? "goes on at its mark" : "its raw bytes are decoded anew");
    else if (good)
        snprintf(text, sizeof text, "goes on at byte %lld",
                 (long long)feed_tail_state(s->tail).done);
    if (o->note)
        o->note(o->note_ctx, s->path, text);
}

static K2_RC resume(struct ingest_source *s, bool anew, struct k2_err *err) {
    struct ingest *g = s->ingest;
    if (!g->marks)
        K2_TRY(marks_open(g->journal, &g->marks, err));
    s->next = g->sources;
    g->sources = s;
    s->marked = true;
    struct k2_sv mark = anew ? (struct k2_sv){NULL, 0} : marks_get(g->marks, s->key, s->feed->name);
    bool good =
        s->live ? ingest_live_resume(s->live, mark) : mark.n > 0 && feed_tail_resume(s->tail, mark);
    if (mark.n > 0)
        note_resumed(s, good);
    return K2_OK;
}

static void unlink_source(struct ingest_source *s) {
    struct ingest_source **at = &s->ingest->sources;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
}

/* --- pacing --- */

/* The event with its strings in another interner. */
static void translate(struct k2_event *e, const struct k2_interner *from, struct k2_interner *to) {
    const struct k2_kind *kind = k2_kind(e->kind);
    uint8_t *fields = k2_event_fields(e);
    for (int i = 0; i < kind->field_count; i++) {
        const struct k2_field *f = &kind->fields[i];
        bool text =
            f->type == K2_STR || f->type == K2_LIST || f->type == K2_MAP || f->type == K2_BYTES;
        uint32_t id;
        if (!text)
            continue;
        memcpy(&id, fields + f->offset, sizeof id);
        if (id)
            id = k2_intern(to, k2_interned(from, id));
        memcpy(fields + f->offset, &id, sizeof id);
    }
}

static K2_RC hold_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                        struct k2_err *err) {
    struct ingest_source *s = ctx;
    struct pace *p = &s->pace;
    (void)err;
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->held = k2_realloc(p->held, p->cap * sizeof *p->held);
    }
    p->held[p->n++] = (struct held){*e, p->raw.n, raw.n, position};
    k2_buf_sv(&p->raw, raw);
    return K2_OK;
}

static K2_RC pass_reject(void *ctx, const struct feed_reject *f, struct k2_err *err) {
    struct ingest_source *s = ctx;
    struct feed_sink to = ingest_sink(s->ingest);
    struct feed_reject own = *f;
    struct k2_event partial;
    if (f->partial) {
        partial = *f->partial;
        translate(&partial, s->pace.interner, s->ingest->interner);
        own.partial = &partial;
    }
    return to.reject(to.ctx, &own, err);
}

static K2_RC pass_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct ingest_source *s = ctx;
    struct feed_sink to = ingest_sink(s->ingest);
    return to.filtered(to.ctx, why, err);
}

/* How long until an event of this time is due; what is earlier than the first is due at once. */
static int64_t until_due(struct pace *p, int64_t event_ns, int64_t now) {
    if (!p->anchored) {
        p->anchored = true;
        p->event_ns = event_ns;
        p->real_ns = now;
    }
    double after = ((double)event_ns - (double)p->event_ns) / p->speed;
    double left = after - (double)(now - p->real_ns);
    return left <= 0 ? 0 : left < 9e18 ? (int64_t)left : INT64_MAX;
}

/* Gives what is due; p->wait_ns is the time until the next one. */
static K2_RC give_due(struct ingest_source *s, struct k2_err *err) {
    struct pace *p = &s->pace;
    struct feed_sink to = ingest_sink(s->ingest);
    int64_t now = k2_monotonic_ns();
    p->wait_ns = 0;
    for (; holds_events(s); p->next++) {
        struct held *h = &p->held[p->next];
        uint32_t exchange;
        int64_t ns;
        ingest_exchange_and_time(&h->event, &exchange, &ns);
        p->wait_ns = until_due(p, ns, now);
        if (p->wait_ns > 0)
            return K2_OK;
        translate(&h->event, p->interner, s->ingest->interner);
        K2_TRY(to.event(to.ctx, &h->event, (struct k2_sv){(char *)p->raw.p + h->raw_at, h->raw_n},
                        h->position, err));
    }
    p->n = p->next = p->raw.n = 0;
    if (k2_interner_used(p->interner) > MOST_PACED_STRINGS)
        k2_interner_reset(p->interner);
    return K2_OK;
}

static K2_RC step_paced(struct ingest_source *s, size_t max_bytes, bool *idle, struct k2_err *err) {
    const struct feed_sink sink = {s, hold_event, pass_reject, pass_filtered};
    K2_TRY(give_due(s, err));
    if (holds_events(s)) {
        *idle = true;
        return K2_OK;
    }
    s->mark.n = 0;
    feed_tail_mark(s->tail, &s->mark);
    K2_TRY(feed_tail_step(s->tail, max_bytes < PACED_PIECE ? max_bytes : PACED_PIECE, &sink, idle,
                          err));
    K2_TRY(give_due(s, err));
    *idle |= holds_events(s);
    return K2_OK;
}

/* --- the calls --- */

/* The engine knows the newest session dates; older ones are looked up. A failure is told by the next call
 * that can fail. */
int64_t ingest_counted(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date) {
    struct ingest *g = ctx;
    int64_t high = seq_engine_high(g->engine, exchange, date, channel, kind);
    struct seq_history h = history_source(g->history);
    struct seq_known last;
    struct k2_err why = {0};
    bool found = false;
    if (high == 0 && g->failed.status == K2_OK &&
        h.last(h.ctx, exchange, date, channel, kind, &last, &found, &why) != K2_OK)
        g->failed = why;
    return found ? last.sequence : high;
}

/* Remembers the answers, for the record of the file, and that nobody but us gave these numbers. */
static int64_t begin_counting(void *ctx, struct k2_sv exchange, struct k2_sv channel,
                              enum k2_kind_id kind, int32_t date) {
    struct ingest_source *s = ctx;
    int64_t last = s->given ? s->given(s->given_ctx, exchange, channel, kind, date) : 0;
    (void)k2_intern(s->ingest->counted, channel);
    if (last > 0)
        counted_add(s->counted, exchange, channel, kind, date, last);
    return last;
}

static K2_RC tell_counting(struct ingest_source *s, const struct ingest_source_options *o,
                           struct feed_options *f, struct k2_err *err) {
    s->given = o->keep_counting ? ingest_counted : o->options.counted;
    s->given_ctx = o->keep_counting ? s->ingest : o->options.counted_ctx;
    s->counted = counted_new();
    f->counted = begin_counting;
    f->counted_ctx = s;
    return o->keep_counting ? ingest_judge(s->ingest, err) /* what waits is not counted yet */
                            : K2_OK;
}

static K2_RC open_tail(struct ingest_source *s, const struct ingest_source_options *o,
                       struct k2_err *err) {
    struct ingest *g = s->ingest;
    struct feed_tail_options t = {.ops = o->feed,
                                  .feed = o->options,
                                  .follow = o->follow,
                                  .selection = o->selection,
                                  .note = g->options.note,
                                  .note_ctx = g->options.note_ctx};
    t.feed.wants = NULL; /* the ingest asks, see there */
    if (t.feed.source.n == 0)
        t.feed.source = k2_sv_of(s->path);
    K2_TRY(tell_counting(s, o, &t.feed, err));
    s->name = k2_intern(g->names, t.feed.source);
    struct k2_interner *in = s->pace.interner ? s->pace.interner : g->interner;
    K2_TRY(feed_tail_open(s->path, &t, in, &s->tail, err));
    return o->resume ? resume(s, o->anew, err) : K2_OK;
}

static K2_RC open_live(struct ingest_source *s, const struct ingest_source_options *o,
                       struct k2_err *err) {
    if (o->keep_counting)
        return k2_fail(err, K2_E_INVALID, "%s: a live source counts on by itself", s->path);
    for (const struct ingest_source *other = s->ingest->sources; other; other = other->next) {
        if (other->live && strcmp(other->key, s->key) == 0)
            return k2_fail(err, K2_E_LOCKED, "%s is being read already", s->path);
    }
    s->name = k2_intern(s->ingest->names, k2_sv_of(s->path));
    K2_TRY(ingest_live_open(s->ingest, s->path, s->key, o, &s->live, err));
    return o->resume ? resume(s, o->anew, err) : K2_OK;
}

static K2_RC open_raw(struct ingest_source *s, const struct ingest_source_options *o,
                      struct k2_err *err) {
    struct ingest *g = s->ingest;
    const struct raw_decode_options r = {.source = o->raw_source,
                                         .from_ns = o->raw_from_ns,
                                         .to_ns = o->raw_to_ns,
                                         .feed = o->feed,
                                         .options = o->options};
    s->name = k2_intern(g->names, k2_sv_of(s->path));
    K2_TRY(ingest_commit(g, err)); /* only what is durable is read back */
    return raw_decode_open(g->journal, &r, g->interner, &s->raw, err);
}

/* What a live source is known by in marks, raw records and consumer groups: the feed's name, else its address and, as one
 * address may serve many, what is said to it. */
static char *live_key(const char *url, const struct ingest_source_options *o) {
    struct k2_buf key = {0}, said = {0};
    if (o->feed_name)
        k2_buf_printf(&key, "feed:%s", o->feed_name);
    else
        k2_buf_str(&key, url);
    for (const char *const *s = o->send; !o->feed_name && s && *s; s++)
        k2_buf_printf(&said, "%s\n", *s);
    if (said.n)
        k2_buf_printf(&key, "#%08x", (unsigned)k2_hash64(said.p, said.n));
    char *text = k2_sv_dup(k2_buf_view(&key));
    k2_buf_free(&key);
    k2_buf_free(&said);
    return text;
}

int ingest_source_open(struct ingest *g, const char *path, const struct ingest_source_options *o,
                       struct ingest_source **out, struct k2_err *err) {
    if (o->keep_counting && (o->follow || o->resume))
        return k2_fail(err, K2_E_INVALID,
                       "%s: counting on after the journal and following a file exclude each other: "
                       "what is read again would be counted again",
                       path);
    if (o->speed < 0 || o->speed > 1e9)
        return k2_fail(err, K2_E_INVALID, "%s: a speed is from 0 to 10^9, not %g", path, o->speed);
    struct ingest_source *s = k2_zalloc(sizeof *s);
    s->ingest = g;
    s->path = k2_strdup(path);
    bool live = !o->raw_source && feed_is_live(path);
    s->key = live ? live_key(path, o) : absolute(path);
    s->end_ns = o->most_ns > 0 ? k2_monotonic_ns() + o->most_ns : INT64_MAX;
    s->feed = o->feed;
    s->halts = o->halt || (o->follow || live ? g->options.halt_followed : g->options.halt_others);
    s->wants = o->options.wants;
    s->wants_ctx = o->options.wants_ctx;
    s->pace.speed = o->speed;
    if (o->speed > 0)
        s->pace.interner = k2_interner_new();
    int rc = o->raw_source ? open_raw(s, o, err)
             : live        ? open_live(s, o, err)
                           : open_tail(s, o, err);
    if (rc != K2_OK) {
        ingest_source_close(s);
        return rc;
    }
    s->bytes = bytes_done(s);
    *out = s;
    return K2_OK;
}

static void count_bytes(struct ingest_source *s) {
    int64_t restarts = s->tail ? feed_tail_state(s->tail).restarts : 0, done = bytes_done(s);
    if (restarts != s->restarts)
        s->bytes = 0;
    s->ingest->stats.bytes += done - s->bytes;
    s->bytes = done;
    s->restarts = restarts;
}

static K2_RC step(struct ingest_source *s, size_t max_bytes, bool *idle, struct k2_err *err) {
    const struct feed_sink sink = ingest_sink(s->ingest);
    if (s->live)
        return ingest_live_step(s->live, max_bytes, idle, err);
    if (s->raw) {
        *idle = false;
        return raw_decode_step(s->raw, &sink, &s->ended, err);
    }
    return s->pace.speed > 0 ? step_paced(s, max_bytes, idle, err)
                             : feed_tail_step(s->tail, max_bytes, &sink, idle, err);
}

/* What the decoder gives from now on is this source's. */
static K2_RC begin_turn(struct ingest_source *s, struct k2_err *err) {
    struct ingest *g = s->ingest;
    K2_TRY(ingest_health(g, err));
    g->source = s->name;
    g->source_halts = s->halts;
    g->wants = s->wants;
    g->wants_ctx = s->wants_ctx;
    g->wants_symbol = 0;
    return K2_OK;
}

static void end_turn(struct ingest_source *s, int64_t read_before) {
    struct ingest *g = s->ingest;
    g->source = 0;
    g->wants = NULL;
    s->read += g->stats.read - read_before;
    count_bytes(s);
}

int ingest_source_step(struct ingest_source *s, size_t max_bytes, bool *idle, struct k2_err *err) {
    int64_t before = s->ingest->stats.read;
    *idle = true;
    K2_TRY(begin_turn(s, err));
    int rc = step(s, max_bytes, idle, err);
    end_turn(s, before);
    return rc == K2_OK ? ingest_forget_strings(s->ingest, err) : rc;
}

int ingest_source_give(struct ingest_source *s, struct k2_sv capture, struct k2_err *err) {
    int64_t before = s->ingest->stats.read;
    if (!s->live)
        return k2_fail(err, K2_E_INVALID, "%s is no live source", s->path);
    K2_TRY(begin_turn(s, err));
    int rc = ingest_live_give(s->live, capture, err);
    end_turn(s, before);
    return rc == K2_OK ? ingest_forget_strings(s->ingest, err) : rc;
}

struct ingest_source_state ingest_source_state(const struct ingest_source *s) {
    if (s->live)
        return (struct ingest_source_state){.done = bytes_done(s),
                                            .all = -1,
                                            .read = s->read,
                                            .ended = k2_monotonic_ns() >= s->end_ns};
    if (s->raw) {
        struct raw_decode_state r = raw_decode_state(s->raw);
        return (struct ingest_source_state){
            .done = r.done, .all = r.all, .read = s->read, .ended = s->ended};
    }
    struct feed_tail_state t = feed_tail_state(s->tail);
    return (struct ingest_source_state){.done = t.done,
                                        .all = t.all,
                                        .read = s->read,
                                        .restarts = t.restarts,
                                        .wait_ns = s->pace.wait_ns,
                                        .ended = t.ended && !holds_events(s)};
}

bool ingest_source_live(const struct ingest_source *s, struct ingest_live_state *out) {
    if (s->live)
        *out = ingest_live_state(s->live);
    return s->live != NULL;
}

int ingest_source_fd(const struct ingest_source *s) {
    return s->live ? ingest_live_fd(s->live) : -1;
}

int ingest_source_check_end(const struct ingest_source *s, struct k2_err *err) {
    return s->tail ? feed_tail_check_end(s->tail, err) : K2_OK;
}

int ingest_source_rewind(struct ingest_source *s, struct k2_err *err) {
    return s->live ? ingest_live_rewind(s->live, err) : K2_OK;
}

int ingest_source_leave(struct ingest_source *s, struct k2_err *err) {
    return s->live ? ingest_live_leave(s->live, err) : K2_OK;
}

int ingest_source_check_reached(const struct ingest_source *s, struct k2_err *err) {
    if (!s->live)
        return K2_OK;
    struct feed_live_state l = ingest_live_state(s->live).live;
    if (l.connections > 0)
        return K2_OK;
    return k2_fail(err, K2_E_IO, "no connection was made%s%s", l.why[0] ? "; " : "", l.why);
}

int ingest_source_record(struct ingest_source *s, int64_t read, int64_t accepted,
                         struct k2_err *err) {
    if (read == 0 || !s->tail) /* the raw bytes of a live source are in its topic */
        return K2_OK;
    /* Not s->path: what was read may have been made from the source (Parquet), which is the raw data. */
    char *source = k2_sv_dup(k2_interned(s->ingest->names, s->name));
    struct k2_buf from = {0};
    counted_put(s->counted, &from);
    struct k2_content content;
    struct journal *j = s->ingest->journal;
    int rc = feed_tail_content(s->tail, &content)
                 ? source_add_content(j, source, &content, s->feed->name, read, accepted,
                                      k2_buf_view(&from), err)
                 : source_add(j, source, s->feed->name, read, accepted, k2_buf_view(&from), err);
    k2_buf_free(&from);
    free(source);
    return rc;
}

void ingest_source_close(struct ingest_source *s) {
    if (!s)
        return;
    if (s->marked) {
        collect_mark(s);
        unlink_source(s);
    }
    feed_tail_close(s->tail);
    ingest_live_close(s->live);
    raw_decode_close(s->raw);
    k2_interner_free(s->pace.interner);
    k2_buf_free(&s->pace.raw);
    k2_buf_free(&s->mark);
    counted_free(s->counted);
    free(s->pace.held);
    free(s->path);
    free(s->key);
    free(s);
}

/* --- whole files --- */

static K2_RC step_to_end(struct ingest *g, struct ingest_source *s, struct k2_err *err) {
    bool idle;
    int rc = K2_OK;
    struct ingest_source_state now = {0};
    while (rc == K2_OK && !now.ended) {
        rc = ingest_source_step(s, STEP, &idle, err);
        now = ingest_source_state(s);
        if (g->options.progress)
            g->options.progress(g->options.progress_ctx, now.done, now.all);
    }
    return rc;
}

/* What was whole before a failure is kept all the same; the failure is what is told. */
static K2_RC finish_file(struct ingest *g, struct ingest_source *s, int64_t accepted_before,
                         struct k2_err *err) {
    K2_TRY(ingest_judge(g, err));
    if (s)
        K2_TRY(ingest_source_record(s, s->read, g->stats.accepted - accepted_before, err));
    return ingest_flush(g, err);
}

int ingest_file(struct ingest *g, const char *path, const struct feed_ops *feed,
                const struct feed_options *o, bool keep_counting, struct k2_err *err) {
    const struct ingest_source_options so = {
        .feed = feed, .options = *o, .keep_counting = keep_counting};
    int64_t accepted = g->stats.accepted;
    struct ingest_source *s = NULL;
    struct k2_err second;
    int rc = ingest_source_open(g, path, &so, &s, err);
    if (rc == K2_OK)
        rc = step_to_end(g, s, err);
    int finished = finish_file(g, s, accepted, rc == K2_OK ? err : &second);
    ingest_source_close(s);
    return rc == K2_OK ? finished : rc;
}
