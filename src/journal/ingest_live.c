/* journal/ingest_live.c - see ingest_live.h.
 *
 * DESIGN. The decoder is shown a raw capture that is made as frames come and has no end (raw_view.h).
 *
 * The frames are written to the log before the decoder sees them (not yet synced): in the log they stand before the
 * events that came of them, and no power cut leaves an event whose frame is not there.
 *
 * A mark, all Avro longs and bytes:
 *   version, 2
 *   the journal's incarnation
 *   raw offset from which on frames are to be decoded
 *   1 = the decoder's state follows, 0 = the decoder begins anew there
 *   bytes of the capture that the decoder has seen
 *   when the last frame was received
 *   raw offset from which on the decoder is listened to; not in version 1, which had no such frames
 *   the decoder's state (feed_ops.save)
 * A decoder that cannot save its state begins anew and sees the frames up to the mark once more, but what it says of
 * them is not heard: it was stored before the mark was, and only what it learns of them counts. It begins with the
 * session date before that of the last frame, so that a whole one tells it what venues tell once a day; where bytes of a
 * stream begin the date, which may be inside a message, with the connection that they came on.
 *
 * Retention asks consumer groups, and a source is one, named raw.EXCHANGE.HASH: it keeps the segments whose frames
 * would be decoded again. Its position is behind the mark by design.
 */
#include "journal/ingest_live.h"

#include "journal/raw.h"
#include "journal/raw_view.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES_AT_ONCE = 256, MARK_VERSION = 2 };
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

static K2_RC decode(struct ingest_live *l, struct k2_err *err) {
    const struct feed_sink to = l->unheard ? raw_view_nobody : ingest_sink(l->ingest);
    int64_t twins = l->view.twins;
    int rc = raw_view_decode(&l->view, l->ops, l->state, &to, err);
    if (!l->unheard)
        k2_metric_add(l->twins_metric, l->view.twins - twins);
    else
        l->view.twins = twins;
    return rc;
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
            show(l, &frames[i], raw_topic_append(&l->topic, k2_sv_of(l->key), &frames[i]));
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
    if (!l->started) {
        if (err)
            err->retriable = true;
        return k2_fail(err, K2_E_FAILED, "the feed is decoding what it received before");
    }
    while (raw_next(&reader, &capture, true, &found) == RAW_FRAME) {
        found.frame.connection = l->told.connections;
        show(l, &found.frame, raw_topic_append(&l->topic, k2_sv_of(l->key), &found.frame));
    }
    raw_reader_free(&reader);
    K2_TRY(journal_write(l->ingest->journal, &l->ingest->written, err));
    return decode(l, err);
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
        if (record.offset >= l->heard_from)
            K2_TRY(listen(l, err));
        if (k2_sv_eq(source, k2_sv_of(l->key)))
            show(l, &f, record.offset);
    }
    return K2_OK;
}

static K2_RC open_behind(struct ingest_live *l, struct k2_err *err) {
    int64_t start;
    K2_TRY(raw_topic_range(&l->topic, &start, &l->behind_to, err));
    if (l->behind_from < start)
        l->behind_from = start;
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

static K2_RC catch_up(struct ingest_live *l, struct k2_err *err) {
    if (!l->behind && l->behind_from >= 0)
        K2_TRY(open_behind(l, err));
    l->behind_from = -1;
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
    l->started = true;
    if (!l->rewound)
        feed_live_go_on(l->live, &l->soup);
    l->unheard = false;
    return note_absence(l, err);
}

/* --- marks --- */

static K2_RC save_group(struct ingest_live *l, struct k2_err *err) {
    int64_t now = k2_monotonic_ns();
    if (now - l->grouped_ns < GROUP_EVERY)
        return K2_OK;
    const struct journal_span at = {l->topic.topic.id, l->topic.partition, l->group_from, 0};
    l->grouped_ns = now;
    l->group_from = l->marked; /* durable by the next time */
    return journal_position_save(l->topic.journal, l->group, &at, 1, err);
}

void ingest_live_mark(struct ingest_live *l, struct k2_buf *out) {
    bool saved = l->ops->save != NULL;
    if (!l->started || l->next < 0)
        return;
    l->marked = saved ? l->next : raw_days_begin(&l->days);
    k2_avro_put_long(out, MARK_VERSION);
    k2_avro_put_long(out, journal_id(l->topic.journal));
    k2_avro_put_long(out, l->marked);
    k2_avro_put_long(out, saved);
    k2_avro_put_long(out, (int64_t)(l->view.shown - l->view.capture.n));
    k2_avro_put_long(out, l->received_ns);
    k2_avro_put_long(out, l->next);
    if (saved)
        l->ops->save(l->state, out);
}

struct mark {
    int64_t from, saved, shown, received, heard;
};

static bool get_mark(const struct ingest_live *l, struct k2_sv *in, struct mark *m) {
    int64_t version, journal;
    if (!k2_avro_get_long(in, &version) || version < 1 || version > MARK_VERSION ||
        !k2_avro_get_long(in, &journal) || journal != journal_id(l->topic.journal) ||
        !k2_avro_get_long(in, &m->from) || m->from < 0 || !k2_avro_get_long(in, &m->saved) ||
        !k2_avro_get_long(in, &m->shown) || m->shown < 0 || !k2_avro_get_long(in, &m->received))
        return false;
    m->heard = m->from;
    return version == 1 || (k2_avro_get_long(in, &m->heard) && m->heard >= m->from);
}

bool ingest_live_resume(struct ingest_live *l, struct k2_sv mark) {
    struct mark m;
    if (!get_mark(l, &mark, &m))
        return false;
    if (m.saved && (!l->ops->restore || !l->ops->restore(l->state, mark)))
        return false;
    l->view.shown = m.saved ? (uint64_t)m.shown : 0;
    l->behind_from = l->marked = l->group_from = m.from;
    l->next = l->heard_from = m.heard;
    l->unheard = m.heard > m.from;
    l->received_ns = m.received;
    return true;
}

/* --- the calls --- */

static struct k2_sv own(struct k2_sv s) {
    return (struct k2_sv){k2_sv_dup(s), s.n};
}

/* They are needed again when the source is rewound. */
static void keep_options(struct ingest_live *l, const struct feed_options *o) {
    l->options = *o;
    l->options.wants = NULL; /* the ingest asks */
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

static K2_RC start_decoder(struct ingest_live *l, struct k2_err *err) {
    if (l->state)
        l->ops->fini(l->state);
    free(l->state);
    l->state = k2_zalloc(l->ops->state_size);
    return l->ops->init(l->ops, l->state, &l->options, l->ingest->interner, err);
}

static K2_RC open_decoder(struct ingest_live *l, const struct ingest_source_options *o,
                          struct k2_err *err) {
    keep_options(l, &o->options);
    K2_TRY(feed_calendar_find(l->options.exchange, l->options.calendar, &l->calendar, err));
    return start_decoder(l, err);
}

int ingest_live_rewind(struct ingest_live *l, struct k2_err *err) {
    K2_TRY(ingest_commit(l->ingest, err)); /* only what is durable is read back */
    K2_TRY(start_decoder(l, err));
    journal_reader_close(l->behind);
    l->behind = NULL;
    l->behind_from = 0;
    raw_view_restart(&l->view);
    l->days = (struct raw_days){0};
    l->heard_from = 0;
    l->unheard = false;
    l->started = false;
    l->rewound = true;
    return K2_OK;
}

static K2_RC open_live(struct ingest_live *l, const struct ingest_source_options *o,
                       struct k2_err *err) {
    const char *one[] = {l->url, NULL};
    const struct feed_live_options live = {
        .urls = o->urls ? o->urls : one, .send = o->send, .ca_file = o->ca_file};
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
    if (!l->started || journal_group_saved_ns(j, l->group) < 0)
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
