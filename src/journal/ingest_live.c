/* journal/ingest_live.c - see ingest_live.h.
 *
 * DESIGN. The decoder is shown a raw capture that is made as frames come and has no end (raw_view.h).
 *
 * The frames are written to the log before the decoder sees them (not yet synced): in the log they stand before the
 * events that came of them, and no power cut leaves an event whose frame is not there.
 *
 * A mark, all Avro longs and bytes:
 *   version, 3
 *   the journal's incarnation
 *   raw offset from which on frames are to be decoded
 *   1 = the decoder's state follows, 0 = the decoder begins anew there
 *   bytes of the capture that the decoder has seen
 *   when the last frame was received
 *   raw offset from which on the decoder is listened to; not in version 1, which had no such frames
 *   the mark of before the first frame that was passed over, empty where none was; not in versions 1 and 2
 *   the decoder's state (feed_ops.save)
 * A decoder that cannot save its state begins anew and sees the frames up to the mark once more, but what it says of
 * them is not heard: it was stored before the mark was, and only what it learns of them counts. It begins with the
 * session date before that of the last frame, so that a whole one tells it what venues tell once a day; where bytes of a
 * stream begin the date, which may be inside a message, with the connection that they came on.
 *
 * A frame whose channel is halted is passed over: it is received and not stored. The mark of before the first of them is
 * held until they are decoded again, from there and with the decoder's state of then; over restarts it is inside the
 * newer mark, and a run that finds no channel halted any more begins with it.
 * A decoder that begins anew in a topic whose first frames retention has deleted cannot count what the venue does not
 * number (raw_whole.h): what it counts of a cut session date is dropped. If another run, or this one, counted it before,
 * its state is put back when the old frames are decoded; else counting goes on behind what the journal holds, so that
 * what was dropped is a gap.
 *
 * Retention asks consumer groups, and a source is one, named raw.EXCHANGE.HASH: it keeps the segments whose frames
 * would be decoded again, of the mark that is held where one is. Its position is behind the mark by design.
 */
#include "journal/ingest_live.h"

#include "journal/raw.h"
#include "journal/raw_view.h"
#include "journal/raw_whole.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES_AT_ONCE = 256, MARK_VERSION = 3 };
#define GROUP_EVERY (10 * K2_NS_PER_SEC)

struct ingest_live {
    struct ingest *ingest;
    char *url, *key, *feed_name;
    const struct feed_ops *ops;
    void *state;
    struct feed_options options; /* of the decoder; its strings are owned */
    const struct feed_calendar *calendar;
    struct raw_topic topic;
    struct feed_live *live;
    struct journal_reader *behind; /* frames of an earlier run that are not decoded yet */
    int64_t behind_from, behind_to;
    int64_t heard_from; /* raw offset: frames before it were decoded by an earlier run */
    bool unheard;       /* the decoder is being shown such frames */
    bool started;       /* what was behind is decoded */
    bool rewound;       /* and it is that of this run */
    bool anew;          /* the decoder's state is that of the topic's start */
    bool first_unseen;  /* the first frame of the topic tells which session date is cut */
    struct raw_whole whole;

    bool held;            /* a frame was passed over since `clean` */
    struct k2_buf clean;  /* a mark: the last one that no passed over frame is before */
    struct k2_buf before; /* a mark: of before the rewind, where the decoder can save its state */

    struct raw_view view;
    struct raw_days days;
    bool reached;          /* a connection was made, in this run or an earlier one */
    bool once;             /* k2 ingest: when it ends, nobody waits for it any more */
    bool counts_soup;      /* its streams are SoupBinTCP */
    struct feed_soup soup; /* then: which messages were received */

    int64_t next;        /* raw offset behind the last frame that was shown */
    int64_t received_ns; /* of the last frame */
    int64_t marked, grouped_ns, group_from;
    char group[64];
    struct k2_series *frames_metric, *bytes_metric, *dropped_metric, *twins_metric,
        *connections_metric;
    struct feed_live_state told; /* to the metrics */
};

/* --- frames --- */

static void count_messages(struct ingest_live *l, const struct feed_live_frame *f) {
    if (f->form == LIVE_CONNECTED)
        feed_soup_begin(&l->soup);
    else if (f->form == LIVE_STREAM && l->counts_soup)
        feed_soup_take(&l->soup, f->bytes);
}

static void show(struct ingest_live *l, const struct feed_live_frame *f, int64_t offset) {
    raw_view_show(&l->view, f, offset);
    raw_days_note(&l->days, l->calendar, f, offset);
    count_messages(l, f);
    l->reached |= f->form == LIVE_CONNECTED;
    l->next = offset + 1;
    l->received_ns = f->received_ns;
}

/* --- counting --- */

/* From where on the decoder counts; see DESIGN. */
static int64_t counted(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date) {
    struct ingest_live *l = ctx;
    if (date >= l->whole.from)
        return 0;
    if (!l->started)
        raw_whole_note(&l->whole, channel, kind, date);
    return ingest_counted(l->ingest, exchange, channel, kind, date);
}

static K2_RC whole_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                         struct k2_err *err) {
    struct ingest_live *l = ctx;
    const struct feed_sink to = ingest_sink(l->ingest);
    if (!raw_whole_lacks(&l->whole, e, l->ingest->interner))
        return to.event(to.ctx, e, raw, position, err);
    l->whole.dropped++;
    return K2_OK;
}

static K2_RC whole_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    const struct feed_sink to = ingest_sink(((struct ingest_live *)ctx)->ingest);
    return to.reject(to.ctx, r, err);
}

static K2_RC whole_filtered(void *ctx, const char *why, struct k2_err *err) {
    const struct feed_sink to = ingest_sink(((struct ingest_live *)ctx)->ingest);
    return to.filtered(to.ctx, why, err);
}

static struct feed_sink sink_of(struct ingest_live *l) {
    if (l->unheard)
        return feed_nobody;
    if (l->started || l->whole.from == INT32_MIN)
        return ingest_sink(l->ingest);
    return (struct feed_sink){l, whole_event, whole_reject, whole_filtered};
}

static void tell_dropped(struct ingest_live *l) {
    char events[24], date[K2_DATE_TEXT];
    if (l->whole.dropped == 0)
        return;
    k2_date_format(l->whole.from, date);
    snprintf(events, sizeof events, "%" PRId64, l->whole.dropped);
    k2_log(K2_LOG_WARN,
           "events without numbers of their own were not decoded again: retention has deleted the "
           "beginning of their session date, so their places are not known any more",
           "feed", l->feed_name, "events", events, "before", date, NULL);
    l->whole.dropped = 0;
}

static K2_RC decode(struct ingest_live *l, struct k2_err *err) {
    const struct feed_sink to = sink_of(l);
    int64_t twins = l->view.twins;
    int rc = raw_view_decode(&l->view, l->ops, l->state, &to, err);
    if (!l->unheard)
        k2_metric_add(l->twins_metric, l->view.twins - twins);
    else
        l->view.twins = twins;
    return rc;
}

/* The frames are in the log before what comes of them. */
static K2_RC store_and_decode(struct ingest_live *l, struct k2_err *err) {
    K2_TRY(journal_write(l->ingest->journal, &l->ingest->written, err));
    return decode(l, err);
}

static K2_RC show_new(struct ingest_live *l, const struct feed_live_frame *f, struct k2_err *err) {
    if (raw_view_is_full(&l->view))
        K2_TRY(store_and_decode(l, err));
    show(l, f, raw_topic_append(&l->topic, k2_sv_of(l->key), f));
    return K2_OK;
}

/* The ledger's entry for the time without a connection. */
static K2_RC note_connection(struct ingest_live *l, const struct feed_live_frame *f,
                             struct k2_err *err) {
    struct k2_sv exchange = k2_sv_of(l->topic.exchange), name = k2_sv_of(l->feed_name);
    if (f->form == LIVE_DISCONNECTED && l->once && !l->reached)
        return K2_OK; /* an address that was mistyped: no feed is out */
    if (f->form == LIVE_DISCONNECTED)
        return ingest_disconnect(l->ingest, exchange, name, k2_sv_of(l->url), f->bytes,
                                 f->received_ns, err);
    if (f->form == LIVE_CONNECTED)
        return ingest_connect(l->ingest, exchange, name, f->received_ns, err);
    return K2_OK;
}

static void count(struct ingest_live *l) {
    struct feed_live_state now = feed_live_state(l->live);
    k2_metric_add(l->frames_metric, now.frames - l->told.frames);
    k2_metric_add(l->bytes_metric, now.bytes - l->told.bytes);
    k2_metric_add(l->dropped_metric, now.dropped - l->told.dropped);
    k2_metric_add(l->connections_metric, now.connections - l->told.connections);
    l->told = now;
}

static K2_RC receive(struct ingest_live *l, size_t max_bytes, bool *idle, struct k2_err *err) {
    struct feed_live_frame frames[FRAMES_AT_ONCE];
    size_t n, bytes = 0;
    do {
        K2_TRY(feed_live_poll(l->live, 0, frames, FRAMES_AT_ONCE, &n, err));
        for (size_t i = 0; i < n; i++) {
            bytes += frames[i].bytes.n;
            K2_TRY(show_new(l, &frames[i], err));
            K2_TRY(note_connection(l, &frames[i], err));
        }
        if (n > 0)
            K2_TRY(journal_write(l->ingest->journal, &l->ingest->written, err));
        K2_TRY(decode(l, err));
    } while (n == FRAMES_AT_ONCE && bytes < max_bytes);
    count(l);
    *idle = n < FRAMES_AT_ONCE;
    return K2_OK;
}

int ingest_live_give(struct ingest_live *l, struct k2_sv capture, struct k2_err *err) {
    struct raw_reader reader = {0};
    struct raw_finding found;
    int rc = K2_OK;
    if (!l->started) {
        if (err)
            err->retriable = true;
        return k2_fail(err, K2_E_FAILED, "the feed is decoding what it received before");
    }
    while (rc == K2_OK && raw_next(&reader, &capture, true, &found) == RAW_FRAME) {
        found.frame.connection = l->told.connections;
        rc = show_new(l, &found.frame, err);
    }
    raw_reader_free(&reader);
    return rc == K2_OK ? store_and_decode(l, err) : rc;
}

/* --- marks --- */

struct mark {
    int64_t from, saved, shown, received, heard;
    struct k2_sv held;
};

static struct mark mark_of(const struct ingest_live *l) {
    bool saved = l->ops->save != NULL;
    return (struct mark){.from = saved || !l->days.any ? l->next : raw_days_begin(&l->days),
                         .saved = saved,
                         .shown = (int64_t)(l->view.shown - l->view.capture.n),
                         .received = l->received_ns,
                         .heard = l->next};
}

static void put_mark(const struct ingest_live *l, const struct mark *m, struct k2_buf *out) {
    k2_avro_put_long(out, MARK_VERSION);
    k2_avro_put_long(out, journal_id(l->topic.journal));
    k2_avro_put_long(out, m->from);
    k2_avro_put_long(out, m->saved);
    k2_avro_put_long(out, m->shown);
    k2_avro_put_long(out, m->received);
    k2_avro_put_long(out, m->heard);
    k2_avro_put_bytes(out, m->held);
    if (m->saved)
        l->ops->save(l->state, out);
}

/* Everything that was decoded is judged: what of it was passed over is known. */
void ingest_live_mark(struct ingest_live *l, struct k2_buf *out) {
    if (!l->started || l->next < 0)
        return;
    struct mark m = mark_of(l);
    if (l->held) {
        m.held = k2_buf_view(&l->clean);
        put_mark(l, &m, out);
        return;
    }
    l->marked = m.from;
    l->clean.n = 0;
    put_mark(l, &m, &l->clean);
    k2_buf_sv(out, k2_buf_view(&l->clean));
}

void ingest_live_hold(struct ingest_live *l) {
    l->held |= l->clean.n > 0;
}

/* *in becomes the decoder's state. */
static bool get_mark(const struct ingest_live *l, struct k2_sv *in, struct mark *m) {
    int64_t version, journal;
    if (!k2_avro_get_long(in, &version) || version < 1 || version > MARK_VERSION ||
        !k2_avro_get_long(in, &journal) || journal != journal_id(l->topic.journal) ||
        !k2_avro_get_long(in, &m->from) || m->from < 0 || !k2_avro_get_long(in, &m->saved) ||
        !k2_avro_get_long(in, &m->shown) || m->shown < 0 || !k2_avro_get_long(in, &m->received))
        return false;
    m->heard = m->from;
    m->held = (struct k2_sv){NULL, 0};
    if (version > 1 && (!k2_avro_get_long(in, &m->heard) || m->heard < m->from))
        return false;
    return version <= 2 || k2_avro_get_bytes(in, &m->held);
}

/* The decoder goes on as it was then; it is as init left it. */
static bool take_up(struct ingest_live *l, struct k2_sv mark, struct mark *m) {
    if (!get_mark(l, &mark, m))
        return false;
    if (m->saved && (!l->ops->restore || !l->ops->restore(l->state, mark)))
        return false;
    l->view.shown = m->saved ? (uint64_t)m->shown : 0;
    l->anew = false;
    return true;
}

/* From that mark on, with nothing held; false: it is not good. */
static bool begin_at(struct ingest_live *l, struct k2_sv mark) {
    struct mark m;
    if (!take_up(l, mark, &m))
        return false;
    l->behind_from = l->marked = l->group_from = m.from;
    l->next = l->heard_from = m.heard;
    l->unheard = m.heard > m.from;
    l->received_ns = m.received;
    return true;
}

static void see_halt(void *ctx, const struct seq_step *gap) {
    *(bool *)ctx |= gap->halts;
}

static bool any_halted(const struct ingest_live *l) {
    bool any = false;
    seq_engine_ledger(ingest_sequence(l->ingest), see_halt, &any);
    return any;
}

/* Frames that were passed over, and nothing is halted any more: with the state of before them. */
static bool begin_at_held(struct ingest_live *l, struct k2_sv held) {
    if (!begin_at(l, held))
        return false;
    k2_buf_sv(&l->clean, held);
    return true;
}

bool ingest_live_resume(struct ingest_live *l, struct k2_sv mark) {
    struct k2_sv rest = mark;
    struct mark m, held;
    if (!get_mark(l, &rest, &m))
        return false;
    if (m.held.n == 0)
        return begin_at_held(l, mark);
    rest = m.held;
    if (!any_halted(l) || !get_mark(l, &rest, &held))
        return begin_at_held(l, m.held);
    if (!begin_at(l, mark))
        return false;
    k2_buf_sv(&l->clean, m.held);
    l->held = true;
    l->marked = l->group_from = held.from;
    return true;
}

/* --- what an earlier run left behind --- */

/* The frames up to here were decoded before. */
static K2_RC listen(struct ingest_live *l, struct k2_err *err) {
    int rc = l->unheard ? decode(l, err) : K2_OK;
    l->unheard = false;
    return rc;
}

static K2_RC show_batch(struct ingest_live *l, const struct journal_batch *b, struct k2_err *err) {
    struct journal_record record;
    for (size_t cursor = 0; journal_batch_next(b, &cursor, &record);) {
        struct feed_live_frame f;
        struct k2_sv source;
        if (!raw_topic_frame(record.value, &source, &f))
            return k2_fail(err, K2_E_CORRUPT, "record %" PRId64 " of topic %s breaks its schema",
                           record.offset, l->topic.topic.name);
        if (l->first_unseen)
            l->whole.from = feed_session_date(l->calendar, f.received_ns) + 1;
        l->first_unseen = false;
        if (record.offset >= l->heard_from)
            K2_TRY(listen(l, err));
        if (!k2_sv_eq(source, k2_sv_of(l->key)))
            continue;
        if (raw_view_is_full(&l->view))
            K2_TRY(decode(l, err));
        show(l, &f, record.offset);
    }
    return K2_OK;
}

static K2_RC start_decoder(struct ingest_live *l, struct k2_err *err) {
    if (l->state)
        l->ops->fini(l->state);
    free(l->state);
    l->state = k2_zalloc(l->ops->state_size);
    l->anew = true;
    raw_whole_free(&l->whole);
    raw_view_restart(&l->view);
    return l->ops->init(l->ops, l->state, &l->options, l->ingest->interner, err);
}

/* Frames that were passed over are deleted: of others between them and what is kept it is not known how they counted. */
static K2_RC begin_cut(struct ingest_live *l, int64_t start, struct k2_err *err) {
    char from[24], kept[24];
    snprintf(from, sizeof from, "%" PRId64, l->behind_from);
    snprintf(kept, sizeof kept, "%" PRId64, start);
    k2_log(
        K2_LOG_ERROR,
        "retention has deleted frames that were passed over while their channel was halted: what "
        "they held is lost",
        "feed", l->feed_name, "from", from, "kept from", kept, NULL);
    return start_decoder(l, err);
}

/* What the first mark of a source will be measured by: nothing was decoded. */
static void note_origin(struct ingest_live *l) {
    int64_t from = l->behind_from >= 0 ? l->behind_from : l->marked;
    const struct mark m = {
        .from = from, .saved = l->ops->save != NULL, .received = l->received_ns, .heard = from};
    if (l->clean.n == 0)
        put_mark(l, &m, &l->clean);
}

static K2_RC open_behind(struct ingest_live *l, struct k2_err *err) {
    int64_t start;
    K2_TRY(raw_topic_range(&l->topic, &start, &l->behind_to, err));
    if (l->behind_from < start && l->rewound && !l->anew)
        K2_TRY(begin_cut(l, start, err));
    if (l->behind_from < start)
        l->behind_from = start;
    l->first_unseen = l->anew && start > 0;
    note_origin(l);
    struct journal_span span = {l->topic.topic.id, l->topic.partition, l->behind_from,
                                l->behind_to};
    return l->behind_from < l->behind_to ? journal_read(l->topic.journal, &span, 1, &l->behind, err)
                                         : K2_OK;
}

/* The time between the last frame of the earlier run and now, until a connection is made. */
static K2_RC note_absence(struct ingest_live *l, struct k2_err *err) {
    if (l->received_ns == 0 || l->rewound)
        return K2_OK;
    return ingest_disconnect(l->ingest, k2_sv_of(l->topic.exchange), k2_sv_of(l->feed_name),
                             k2_sv_of(l->url), K2_SV("k2 was not running"), l->received_ns, err);
}

/* The state of before the rewind is of the same frames, and of those that are deleted. */
static K2_RC put_back(struct ingest_live *l, struct k2_err *err) {
    struct mark m;
    tell_dropped(l);
    if (l->anew && l->before.n) {
        int32_t from = l->whole.from;
        K2_TRY(start_decoder(l, err));
        l->whole.from = from;
        if (!take_up(l, k2_buf_view(&l->before), &m))
            return k2_fail(err, K2_E_FAILED, "%s: the decoder does not take its own state", l->url);
    }
    l->before.n = 0;
    return K2_OK;
}

static K2_RC catch_up(struct ingest_live *l, struct k2_err *err) {
    if (!l->behind && l->behind_from >= 0)
        K2_TRY(open_behind(l, err));
    l->behind_from = -1;
    note_origin(l);
    struct journal_batch b;
    int got = l->behind ? journal_next(l->behind, &b, err) : 0;
    if (got < 0)
        return got;
    if (got > 0) {
        K2_TRY(show_batch(l, &b, err));
        return decode(l, err);
    }
    journal_reader_close(l->behind);
    l->behind = NULL;
    K2_TRY(put_back(l, err));
    l->started = true;
    if (!l->rewound)
        feed_live_go_on(l->live, &l->soup);
    l->unheard = false;
    return note_absence(l, err);
}

/* --- the calls --- */

static struct k2_sv own(struct k2_sv s) {
    return (struct k2_sv){k2_sv_dup(s), s.n};
}

/* They are needed again when the source is rewound. */
static void keep_options(struct ingest_live *l, const struct feed_options *o) {
    l->options = *o;
    l->options.wants = NULL; /* the ingest asks */
    l->options.counted = counted;
    l->options.counted_ctx = l;
    l->options.exchange = k2_sv_of(l->topic.exchange);
    l->options.symbol = own(o->symbol);
    l->options.source = own(o->source);
    l->options.mapping = own(o->mapping);
    l->options.calendar = o->calendar ? k2_strdup(o->calendar) : NULL;
}

static void free_options(struct ingest_live *l) {
    free((char *)l->options.symbol.p);
    free((char *)l->options.source.p);
    free((char *)l->options.mapping.p);
    free((char *)l->options.calendar);
}

/* A second rewind before the first one is done has the state of before that. */
static void keep_before(struct ingest_live *l) {
    if (!l->started || !l->ops->save || l->next < 0)
        return;
    const struct mark m = mark_of(l);
    l->before.n = 0;
    put_mark(l, &m, &l->before);
}

static K2_RC open_decoder(struct ingest_live *l, const struct ingest_source_options *o,
                          struct k2_err *err) {
    keep_options(l, &o->options);
    K2_TRY(feed_calendar_find(l->options.exchange, l->options.calendar, &l->calendar, err));
    return start_decoder(l, err);
}

int ingest_live_rewind(struct ingest_live *l, struct k2_err *err) {
    K2_TRY(ingest_commit(l->ingest, err)); /* only what is durable is read back */
    keep_before(l);
    K2_TRY(start_decoder(l, err));
    journal_reader_close(l->behind);
    l->behind = NULL;
    l->days = (struct raw_days){0};
    l->started = false;
    l->rewound = true;
    bool known = l->held && begin_at(l, k2_buf_view(&l->clean));
    l->held = false;
    if (known)
        return K2_OK;
    l->behind_from = l->heard_from = 0;
    l->unheard = false;
    return K2_OK;
}

/* Once in a while: a halt that ended without a word to this source. */
static K2_RC look_at_held(struct ingest_live *l, struct k2_err *err) {
    return l->held && l->started && !any_halted(l) ? ingest_live_rewind(l, err) : K2_OK;
}

static K2_RC save_group(struct ingest_live *l, struct k2_err *err) {
    int64_t now = k2_monotonic_ns();
    if (now - l->grouped_ns < GROUP_EVERY)
        return K2_OK;
    const struct journal_span at = {l->topic.topic.id, l->topic.partition, l->group_from, 0};
    l->grouped_ns = now;
    l->group_from = l->marked; /* durable by the next time */
    K2_TRY(journal_position_save(l->topic.journal, l->group, &at, 1, err));
    return look_at_held(l, err);
}

static K2_RC open_live(struct ingest_live *l, const struct ingest_source_options *o,
                       struct k2_err *err) {
    const char *one[] = {l->url, NULL};
    const struct feed_live_options live = {.urls = o->urls ? o->urls : one,
                                           .send = o->send,
                                           .headers = o->headers,
                                           .format = o->feed->name,
                                           .ca_file = o->ca_file};
    return feed_live_open(&live, &l->live, err);
}

/* Nothing that is received from now on may go before it is decoded. */
static K2_RC open_topic(struct ingest_live *l, struct k2_sv exchange, struct k2_err *err) {
    struct k2_buf name = {0};
    int64_t start;
    K2_TRY(raw_topic_open(l->ingest->journal, exchange, true, &l->topic, err));
    raw_topic_name(exchange, &name);
    snprintf(l->group, sizeof l->group, "%s.%08x", k2_buf_cstr(&name) + strlen("market."),
             (unsigned)k2_hash64(l->key, strlen(l->key)));
    k2_buf_free(&name);
    K2_TRY(raw_topic_range(&l->topic, &start, &l->marked, err));
    l->group_from = l->marked;
    return K2_OK;
}

static void open_metrics(struct ingest_live *l) {
    const char *exchange = l->topic.exchange;
    l->frames_metric = k2_metric(K2_METRIC_live_frames, exchange, NULL);
    l->bytes_metric = k2_metric(K2_METRIC_live_received_bytes, exchange, NULL);
    l->dropped_metric = k2_metric(K2_METRIC_live_dropped, exchange, NULL);
    l->twins_metric = k2_metric(K2_METRIC_live_twins, exchange, NULL);
    l->connections_metric = k2_metric(K2_METRIC_live_connections, exchange, NULL);
}

int ingest_live_open(struct ingest *g, const char *url, const char *key,
                     const struct ingest_source_options *o, struct ingest_live **out,
                     struct k2_err *err) {
    K2_TRY(feed_live_fits(o->feed, url, err));
    if (o->options.exchange.n == 0)
        return k2_fail(err, K2_E_INVALID,
                       "%s: the exchange of a live source must be given: it names the topic of its "
                       "raw bytes",
                       url);
    if (o->speed > 0)
        return k2_fail(err, K2_E_INVALID, "%s: a live source has its own pace", url);
    struct ingest_live *l = k2_zalloc(sizeof *l);
    l->ingest = g;
    l->url = k2_strdup(url);
    l->key = k2_strdup(key);
    l->once = !o->feed_name;
    l->feed_name = k2_strdup(o->feed_name ? o->feed_name : url);
    l->ops = o->feed;
    l->counts_soup = strncmp(url, "soupbintcp://", strlen("soupbintcp://")) == 0;
    l->next = -1;
    l->behind_from = o->resume ? 0 : -1;
    l->grouped_ns = k2_monotonic_ns() - GROUP_EVERY;
    int rc = open_topic(l, feed_exchange_code(o->options.exchange), err);
    if (rc == K2_OK)
        rc = open_decoder(l, o, err);
    if (rc == K2_OK)
        rc = open_live(l, o, err);
    if (rc != K2_OK) {
        ingest_live_close(l);
        return rc;
    }
    open_metrics(l);
    *out = l;
    return K2_OK;
}

void ingest_live_close(struct ingest_live *l) {
    if (!l)
        return;
    feed_live_close(l->live);
    journal_reader_close(l->behind);
    if (l->state)
        l->ops->fini(l->state);
    free(l->state);
    free_options(l);
    raw_view_free(&l->view);
    raw_whole_free(&l->whole);
    k2_buf_free(&l->clean);
    k2_buf_free(&l->before);
    free(l->feed_name);
    free(l->key);
    free(l->url);
    free(l);
}

int ingest_live_step(struct ingest_live *l, size_t max_bytes, bool *idle, struct k2_err *err) {
    *idle = false;
    K2_TRY(save_group(l, err));
    return l->started ? receive(l, max_bytes, idle, err) : catch_up(l, err);
}

int ingest_live_leave(struct ingest_live *l, struct k2_err *err) {
    struct journal *j = l->topic.journal;
    if (l->once && l->started)
        K2_TRY(ingest_connect(l->ingest, k2_sv_of(l->topic.exchange), k2_sv_of(l->feed_name),
                              k2_now_ns(), err));
    if (!l->started || l->held || journal_group_saved_ns(j, l->group) < 0)
        return K2_OK;
    return journal_group_remove(j, l->group, err);
}

struct ingest_live_state ingest_live_state(const struct ingest_live *l) {
    return (struct ingest_live_state){.live = feed_live_state(l->live),
                                      .twins = l->view.twins,
                                      .next = l->next,
                                      .behind = !l->started};
}

int ingest_live_fd(const struct ingest_live *l) {
    return feed_live_fd(l->live);
}
