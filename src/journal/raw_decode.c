/* journal/raw_decode.c - see raw_decode.h. */
#include "journal/raw_decode.h"

#include "journal/journal.h"
#include "journal/raw.h"
#include "journal/raw_view.h"
#include "journal/raw_whole.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the topic --- */

static bool is_content(const struct feed_live_frame *f) {
    return f->form != LIVE_CONNECTED && f->form != LIVE_DISCONNECTED;
}

static K2_RC read_frame(const struct raw_topic *t, const struct journal_record *record,
                        struct k2_sv *source, struct feed_live_frame *f, struct k2_err *err) {
    if (raw_topic_frame(record->value, source, f))
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT, "record %" PRId64 " of topic %s breaks its schema",
                   record->offset, t->topic.name);
}

static K2_RC open_reader(struct raw_topic *t, struct journal_pin **pin, struct journal_span *span,
                         struct journal_reader **out, struct k2_err *err) {
    span->topic = t->topic.id;
    span->partition = t->partition;
    K2_TRY(journal_pin(t->journal, pin, err));
    K2_TRY(raw_topic_range(t, &span->from, &span->to, err));
    return span->from < span->to ? journal_read(t->journal, span, 1, out, err) : K2_OK;
}

/* --- its sources --- */

struct listing {
    const struct raw_topic *topic;
    struct raw_source *all;
    size_t n;
};

static struct raw_source *source_of(struct listing *l, struct k2_sv key) {
    for (size_t i = 0; i < l->n; i++)
        if (k2_sv_eq(key, k2_sv_of(l->all[i].key)))
            return &l->all[i];
    l->all = k2_realloc(l->all, (l->n + 1) * sizeof *l->all);
    l->all[l->n] = (struct raw_source){.key = k2_sv_dup(key), .url = k2_strdup("")};
    return &l->all[l->n++];
}

static void note_frame(struct raw_source *s, const struct feed_live_frame *f) {
    if (f->form == LIVE_CONNECTED) {
        free(s->url);
        s->url = k2_sv_dup(f->bytes);
    }
    if (!is_content(f))
        return;
    if (s->frames++ == 0)
        s->first_ns = f->received_ns;
    s->last_ns = f->received_ns;
    s->bytes += (int64_t)f->bytes.n;
}

static K2_RC list_batches(struct listing *l, struct journal_reader *r, struct k2_err *err) {
    struct journal_batch b;
    int got;
    while ((got = journal_next(r, &b, err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct feed_live_frame f;
            struct k2_sv key;
            K2_TRY(read_frame(l->topic, &record, &key, &f, err));
            note_frame(source_of(l, key), &f);
        }
    }
    return got;
}

int raw_sources(struct journal *j, struct k2_sv exchange, struct raw_source **out, size_t *n,
                struct k2_err *err) {
    struct raw_topic topic;
    struct journal_span span;
    struct journal_pin *pin = NULL;
    struct journal_reader *r = NULL;
    struct listing l = {.topic = &topic};
    K2_TRY(raw_topic_open(j, exchange, false, &topic, err));
    int rc = open_reader(&topic, &pin, &span, &r, err);
    if (rc == K2_OK && r)
        rc = list_batches(&l, r, err);
    journal_reader_close(r);
    journal_unpin(pin);
    if (rc != K2_OK) {
        raw_sources_free(l.all, l.n);
        return rc;
    }
    *out = l.all;
    *n = l.n;
    return K2_OK;
}

void raw_sources_free(struct raw_source *sources, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(sources[i].key);
        free(sources[i].url);
    }
    free(sources);
}

/* --- one frame --- */

static bool is_frame(struct k2_sv value, int64_t received_ns, struct raw_frame *out) {
    struct feed_live_frame f;
    struct k2_sv source;
    if (!raw_topic_frame(value, &source, &f) || f.received_ns != received_ns)
        return false;
    out->source = k2_sv_dup(source);
    out->received_ns = f.received_ns;
    out->connection = f.connection;
    out->line_b = f.line != 0;
    out->form = raw_form_name(f.form);
    k2_buf_sv(&out->bytes, f.bytes);
    return true;
}

static K2_RC look_at(struct journal *j, const struct journal_span *span, int64_t received_ns,
                     struct raw_frame *out, bool *found, struct k2_err *err) {
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_record record;
    size_t cursor = 0;
    K2_TRY(journal_read(j, span, 1, &r, err));
    int got = journal_next(r, &b, err);
    *found = got > 0 && journal_batch_next(&b, &cursor, &record) &&
             is_frame(record.value, received_ns, out);
    journal_reader_close(r);
    return got < 0 ? got : K2_OK;
}

static K2_RC look_into(struct journal *j, const struct journal_topic *t, int64_t offset,
                       int64_t received_ns, struct raw_frame *out, bool *found,
                       struct k2_err *err) {
    size_t size = (size_t)t->partitions * sizeof(int64_t);
    int64_t *starts = k2_zalloc(size), *ends = k2_zalloc(size);
    int rc = journal_starts(j, t->id, starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, t->id, ends, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions && !*found; p++) {
        const struct journal_span span = {t->id, p, offset, offset + 1};
        if (offset >= starts[p] && offset < ends[p])
            rc = look_at(j, &span, received_ns, out, found, err);
    }
    free(starts);
    free(ends);
    return rc;
}

int raw_frame_find(struct journal *j, int64_t offset, int64_t received_ns, struct raw_frame *out,
                   bool *found, struct k2_err *err) {
    *out = (struct raw_frame){.offset = offset};
    *found = false;
    for (int32_t i = 0; i < journal_topic_count(j) && !*found; i++) {
        struct journal_topic t = journal_topic_at(j, i);
        if (!k2_sv_starts(k2_sv_of(t.name), K2_SV("market.raw.")))
            continue;
        K2_TRY(look_into(j, &t, offset, received_ns, out, found, err));
        if (*found)
            snprintf(out->topic, sizeof out->topic, "%s", t.name);
    }
    return K2_OK;
}

void raw_frame_free(struct raw_frame *f) {
    free(f->source);
    k2_buf_free(&f->bytes);
    *f = (struct raw_frame){0};
}

/* --- decoding --- */

struct raw_decode {
    struct raw_topic topic;
    struct journal_pin *pin;
    struct journal_reader *reader; /* NULL: nothing is kept */
    struct journal_span span;
    char *source;
    int64_t from_ns, to_ns;
    const struct feed_ops *ops;
    struct feed_options options;
    void *state;
    const struct feed_calendar *calendar;
    struct raw_view view;
    struct raw_whole whole;
    const struct feed_sink *to; /* while it decodes */
    struct k2_interner *interner;
    bool late;   /* it begins behind the source's first frame: with a session date */
    bool inside; /* what is decoded now was received at from_ns or later */
    int64_t done, frames;
};

static int64_t counted(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date) {
    struct raw_decode *d = ctx;
    (void)exchange;
    raw_whole_note(&d->whole, channel, kind, date);
    return 0;
}

static K2_RC refuse(const struct raw_decode *d, const struct k2_event *e, struct k2_err *err) {
    char date[K2_DATE_TEXT], whole[K2_DATE_TEXT];
    k2_date_format(e->head.trade_date, date);
    k2_date_format(d->whole.from, whole);
    return k2_fail(err, K2_E_FAILED,
                   "%s of %.*s on session date %s have no numbers of their own but places, and the "
                   "raw topic does not keep that date from its beginning: their places are not "
                   "known any more; dates from %s on are whole (--from)",
                   k2_kind(e->kind)->name, K2_SV_ARG(k2_interned(d->interner, e->head.channel)),
                   date, whole);
}

static K2_RC on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                      struct k2_err *err) {
    struct raw_decode *d = ctx;
    if (raw_whole_lacks(&d->whole, e, d->interner))
        return refuse(d, e, err);
    return d->to->event(d->to->ctx, e, raw, position, err);
}

static K2_RC on_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    const struct feed_sink *to = ((struct raw_decode *)ctx)->to;
    return to->reject(to->ctx, r, err);
}

static K2_RC on_filtered(void *ctx, const char *why, struct k2_err *err) {
    const struct feed_sink *to = ((struct raw_decode *)ctx)->to;
    return to->filtered(to->ctx, why, err);
}

static K2_RC decode(struct raw_decode *d, const struct feed_sink *sink, struct k2_err *err) {
    const struct feed_sink own = {d, on_event, on_reject, on_filtered};
    d->to = sink;
    return raw_view_decode(&d->view, d->ops, d->state, d->inside ? &own : &feed_nobody, err);
}

static K2_RC take(struct raw_decode *d, const struct feed_live_frame *f, int64_t offset,
                  const struct feed_sink *sink, struct k2_err *err) {
    if (f->received_ns >= d->to_ns)
        return K2_OK;
    if (!d->inside && f->received_ns >= d->from_ns) {
        K2_TRY(decode(d, sink, err)); /* what is before it */
        d->inside = true;
    }
    if (d->late) {
        int32_t date = feed_session_date(d->calendar, f->received_ns);
        d->whole.from = date > d->whole.from ? date : d->whole.from;
        d->late = false;
    }
    if (raw_view_is_full(&d->view))
        K2_TRY(decode(d, sink, err));
    d->frames += d->inside && is_content(f);
    raw_view_show(&d->view, f, offset);
    return K2_OK;
}

int raw_decode_step(struct raw_decode *d, const struct feed_sink *sink, bool *ended,
                    struct k2_err *err) {
    struct journal_batch b;
    struct journal_record record;
    int got = d->reader ? journal_next(d->reader, &b, err) : 0;
    *ended = got <= 0;
    if (got <= 0)
        return got;
    for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
        struct feed_live_frame f;
        struct k2_sv key;
        K2_TRY(read_frame(&d->topic, &record, &key, &f, err));
        if (k2_sv_eq(key, k2_sv_of(d->source)))
            K2_TRY(take(d, &f, record.offset, sink, err));
        d->done = record.offset + 1;
    }
    return decode(d, sink, err);
}

struct raw_decode_state raw_decode_state(const struct raw_decode *d) {
    int64_t from = d->span.from;
    return (struct raw_decode_state){
        .done = d->done > from ? d->done - from : 0, .all = d->span.to - from, .frames = d->frames};
}

/* Where the decoder begins, so that it knows what is in force at from_ns: as one that begins anew after a restart. */
static K2_RC find_begin(struct raw_decode *d, struct k2_err *err) {
    struct raw_days days = {0};
    struct journal_batch b;
    struct journal_record record;
    int got = 0;
    bool reached = false;
    int64_t first = -1; /* of the source */
    while (!reached && (got = journal_next(d->reader, &b, err)) > 0) {
        for (size_t cursor = 0; !reached && journal_batch_next(&b, &cursor, &record);) {
            struct feed_live_frame f;
            struct k2_sv key;
            K2_TRY(read_frame(&d->topic, &record, &key, &f, err));
            if (!k2_sv_eq(key, k2_sv_of(d->source)))
                continue;
            first = first < 0 ? record.offset : first;
            raw_days_note(&days, d->calendar, &f, record.offset);
            reached = f.received_ns >= d->from_ns;
        }
    }
    if (got < 0)
        return got;
    journal_reader_close(d->reader);
    d->reader = NULL;
    d->span.from = reached ? raw_days_begin(&days) : d->span.to;
    d->late = d->span.from > first;
    return d->span.from < d->span.to ? journal_read(d->topic.journal, &d->span, 1, &d->reader, err)
                                     : K2_OK;
}

/* Of a topic whose first frames are deleted the session date of the first that is kept is cut. */
static K2_RC find_whole(struct raw_decode *d, struct k2_err *err) {
    const struct journal_span first = {d->span.topic, d->span.partition, d->span.from,
                                       d->span.from + 1};
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_record record;
    struct feed_live_frame f;
    struct k2_sv source;
    size_t cursor = 0;
    if (!d->reader || d->span.from == 0)
        return K2_OK;
    K2_TRY(journal_read(d->topic.journal, &first, 1, &r, err));
    int rc = journal_next(r, &b, err);
    if (rc > 0 && journal_batch_next(&b, &cursor, &record)) {
        rc = read_frame(&d->topic, &record, &source, &f, err);
        if (rc == K2_OK)
            d->whole.from = feed_session_date(d->calendar, f.received_ns) + 1;
    }
    journal_reader_close(r);
    return rc < 0 ? rc : K2_OK;
}

static K2_RC open_all(struct raw_decode *d, struct journal *j, struct k2_interner *in,
                      struct k2_err *err) {
    K2_TRY(raw_topic_open(j, d->options.exchange, false, &d->topic, err));
    d->options.exchange = k2_sv_of(d->topic.exchange);
    d->options.counted = counted;
    d->options.counted_ctx = d;
    d->interner = in;
    raw_whole_free(&d->whole);
    K2_TRY(feed_calendar_find(d->options.exchange, d->options.calendar, &d->calendar, err));
    d->inside = d->from_ns == INT64_MIN;
    d->state = k2_zalloc(d->ops->state_size + 1);
    K2_TRY(d->ops->init(d->ops, d->state, &d->options, in, err));
    K2_TRY(open_reader(&d->topic, &d->pin, &d->span, &d->reader, err));
    K2_TRY(find_whole(d, err));
    return d->reader && !d->inside ? find_begin(d, err) : K2_OK;
}

int raw_decode_open(struct journal *j, const struct raw_decode_options *o, struct k2_interner *in,
                    struct raw_decode **out, struct k2_err *err) {
    if (!o->feed->captures)
        return k2_fail(err, K2_E_INVALID,
                       "format %s is one of files: it does not read what connections send",
                       o->feed->name);
    struct raw_decode *d = k2_zalloc(sizeof *d);
    d->source = k2_strdup(o->source);
    d->from_ns = o->from_ns;
    d->to_ns = o->to_ns;
    d->ops = o->feed;
    d->options = o->options;
    int rc = open_all(d, j, in, err);
    if (rc == K2_OK)
        *out = d;
    else
        raw_decode_close(d);
    return rc;
}

void raw_decode_close(struct raw_decode *d) {
    if (!d)
        return;
    journal_reader_close(d->reader);
    journal_unpin(d->pin);
    if (d->state)
        d->ops->fini(d->state);
    free(d->state);
    raw_view_free(&d->view);
    raw_whole_free(&d->whole);
    free(d->source);
    free(d);
}
