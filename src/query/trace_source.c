/* query/trace_source.c - where a row was decoded from: a frame of a raw topic, or a file.
 *
 * A row says where, not in what. Of a live source it is the frame at its raw offset: the frame and the row were received at
 * the same nanosecond. Else it is a file. Its ingest appended the file's record to the topic k2.sources behind the file's
 * rows, so the records from the row's append time on are candidates, the first one most of all. It can be wrong: an
 * ingest that was killed left no record, and feeds of k2 up take turns. So the bytes
 * at the row's place are decoded again, alone or, where that tells nothing, behind all that is before them: the first
 * candidate that gives this very row is it. One that gives another row is not, so where all do the source is unknown. Of
 * standard input ("-") there are no bytes to look at: it is taken where no file is proven.
 */
#include "query/trace_int.h"

#include "base/clock.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE = 64 << 10, /* bytes of a file that are looked at for one record */
    UNPACK =
        256 << 20, /* how far into a compressed file we go for it, and how far one is decoded */
    PIECE = 1 << 20,
    CANDIDATES = 64
};

/* --- the records of files --- */

struct candidates {
    int64_t from_ns; /* when the row was appended */
    struct trace_source at[CANDIDATES];
    bool other[CANDIDATES]; /* the bytes at the row's place decode, and to something else */
    int n;
};

/* A file that brought nothing new brought no row. */
static void take_record(void *ctx, const struct source_record *r, int64_t append_ns) {
    struct candidates *c = ctx;
    if (append_ns < c->from_ns || r->accepted == 0 || c->n == CANDIDATES)
        return;
    c->at[c->n++] = (struct trace_source){.path = k2_sv_dup(r->path),
                                          .format = k2_sv_dup(r->format),
                                          .hash = k2_sv_dup(r->xxh128),
                                          .sha256 = k2_sv_dup(r->sha256),
                                          .counted_from = k2_sv_dup(r->counted_from),
                                          .bytes = r->bytes,
                                          .read = r->read,
                                          .accepted = r->accepted,
                                          .time_us = r->time_us};
}

static void free_source(struct trace_source *s) {
    free(s->path);
    free(s->format);
    free(s->hash);
    free(s->sha256);
    free(s->counted_from);
    k2_buf_free(&s->raw);
}

/* --- the bytes --- */

static void cut_line(struct k2_buf *raw) {
    const uint8_t *end = raw->n > 0 ? memchr(raw->p, '\n', raw->n) : NULL;
    if (end)
        raw->n = (size_t)(end - raw->p) + 1;
}

static void read_plain(const char *path, int64_t offset, struct k2_buf *raw) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = pread(fd, k2_buf_need(raw, LINE), LINE, offset);
    raw->n = n > 0 ? (size_t)n : 0;
    close(fd);
}

/* Offsets are in the text of a compressed file: it is unpacked from its begin. */
static void read_packed(const char *path, int64_t offset, struct k2_buf *raw) {
    struct k2_buf head = {0};
    size_t from = (size_t)offset;
    if (offset < UNPACK && feed_file_head(path, from + LINE, &head, NULL) == K2_OK && head.n > from)
        k2_buf_put(raw, head.p + from, head.n - from);
    k2_buf_free(&head);
}

static void read_raw(struct trace_source *s, int64_t offset) {
    struct stat st;
    s->there = strcmp(s->path, "-") != 0 && feed_file_stat(s->path, &st) && S_ISREG(st.st_mode) &&
               st.st_size == s->bytes;
    if (!s->there || offset < 0)
        return;
    if (feed_is_packed(s->path))
        read_packed(s->path, offset, &s->raw);
    else
        read_plain(s->path, offset, &s->raw);
    cut_line(&s->raw);
}

/* --- decoding them again --- */

struct again {
    const struct k2_event *row;
    const struct k2_interner *in;
    bool ordinal;            /* the number comes from counting, which one line cannot tell */
    struct counted *counted; /* where that began */
    int64_t offset;          /* of the row, where only events there count; K2_NULL_LONG: all */
    bool any, same;
};

static void set_number(struct k2_event *e, const struct k2_event *from) {
    e->head.exchange_sequence_number = from->head.exchange_sequence_number;
}

static int compare(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                   struct k2_err *err) {
    struct again *a = ctx;
    struct k2_event copy = *e;
    (void)raw;
    (void)position;
    (void)err;
    if (a->offset != K2_NULL_LONG && k2_event_raw_offset(e) != a->offset)
        return K2_OK;
    a->any = true;
    if (e->kind != a->row->kind)
        return K2_OK;
    if (a->ordinal)
        set_number(&copy, a->row);
    a->same |= k2_h128_cmp(k2_payload_hash(&copy, a->in), k2_payload_hash(a->row, a->in)) == 0;
    return K2_OK;
}

static struct feed_options options_of(const struct trace *t, const struct trace_source *s) {
    struct trace_facts f = trace_facts_of(&t->report->rows[0].event, t->report->in);
    return (struct feed_options){.exchange = f.exchange,
                                 .symbol = f.symbol,
                                 .date = f.trade_date,
                                 .source = k2_sv_of(s->path)};
}

/* Also of formats that number some of their messages. */
static int64_t note_counting(void *ctx, struct k2_sv exchange, struct k2_sv channel,
                             enum k2_kind_id kind, int32_t date) {
    struct again *a = ctx;
    (void)exchange;
    (void)channel;
    (void)kind;
    (void)date;
    a->ordinal = true;
    return 0;
}

/* The bytes at the row's place alone. */
static void decode_alone(const struct trace *t, const struct trace_source *s,
                         const struct feed_ops *feed, struct again *a) {
    const struct feed_sink sink = {a, compare, feed_nobody.reject, feed_nobody.filtered};
    struct feed_options options = options_of(t, s);
    void *state = k2_zalloc(feed->state_size + 1);
    size_t consumed;
    a->ordinal = feed->ordinal;
    options.counted = note_counting;
    options.counted_ctx = a;
    a->offset = K2_NULL_LONG;
    if (feed->init(feed, state, &options, t->report->in, NULL) == K2_OK &&
        feed->decode(state, k2_buf_view(&s->raw), true, &consumed, &sink, NULL) != K2_OK)
        a->any = a->same = false;
    feed->fini(state);
    free(state);
}

/* Behind all that is before them: for formats whose records need what came before. */
static void decode_all(const struct trace *t, const struct trace_source *s,
                       const struct feed_ops *feed, int64_t offset, struct again *a) {
    const struct feed_sink sink = {a, compare, feed_nobody.reject, feed_nobody.filtered};
    struct feed_tail_options o = {.ops = feed, .feed = options_of(t, s)};
    struct feed_tail *tail;
    bool idle;
    a->ordinal = false;
    a->offset = offset;
    o.feed.counted = counted_find;
    o.feed.counted_ctx = a->counted;
    if (s->bytes > UNPACK || feed_tail_open(s->path, &o, t->report->in, &tail, NULL) != K2_OK)
        return;
    while (!feed_tail_state(tail).ended && !a->any)
        if (feed_tail_step(tail, PIECE, &sink, &idle, NULL) != K2_OK)
            break;
    feed_tail_close(tail);
}

/* What cannot be decoded proves nothing, neither that it is the file nor that it is not. */
static void judge(const struct trace *t, struct trace_source *s, int64_t offset, bool *other) {
    const struct k2_event *row = &t->report->rows[0].event;
    const struct feed_ops *feed = feed_find(k2_sv_of(s->format));
    struct again a = {.row = row, .in = t->report->in};
    if (!feed || s->raw.n == 0 || row->kind == K2_KIND_QUARANTINE || row->kind == K2_KIND_GAP)
        return;
    if (counted_parse(k2_sv_of(s->counted_from), &a.counted, NULL) != K2_OK)
        return;
    decode_alone(t, s, feed, &a);
    if (!a.any)
        decode_all(t, s, feed, offset, &a);
    counted_free(a.counted);
    s->verified = a.same;
    *other = a.any && !a.same;
}

/* --- all of it --- */

/* The one that is proven; else the first that is not known to be another's; -1 = there is none. */
static int choose(const struct trace *t, struct candidates *c, int64_t offset) {
    int best = -1;
    for (int i = 0; i < c->n; i++) {
        read_raw(&c->at[i], offset);
        judge(t, &c->at[i], offset, &c->other[i]);
        if (c->at[i].verified)
            return i;
        if (best < 0 && !c->other[i])
            best = i;
    }
    return best;
}

/* Their paths, for who knows more. */
static void keep_others(struct trace_report *r, const struct candidates *c) {
    r->others = k2_alloc((size_t)c->n * sizeof(char *));
    for (; r->other_count < c->n; r->other_count++)
        r->others[r->other_count] = k2_strdup(c->at[r->other_count].path);
}

static K2_RC find_file(struct trace *t, int64_t offset, struct k2_err *err) {
    struct candidates c = {.from_ns = t->report->journal.append_ns};
    int rc = source_records(t->journal, take_record, &c, err);
    int chosen = rc == K2_OK ? choose(t, &c, offset) : -1;
    if (chosen < 0 && c.n > 0)
        keep_others(t->report, &c);
    for (int i = 0; i < c.n; i++) {
        if (i == chosen)
            t->report->source = c.at[i];
        else
            free_source(&c.at[i]);
    }
    return rc;
}

static int64_t received_of(const struct k2_event *e) {
    return e->kind == K2_KIND_QUARANTINE ? K2_NULL_LONG : e->head.receive_timestamp_ns;
}

int trace_find_source(struct trace *t, struct k2_err *err) {
    const struct k2_event *row = &t->report->rows[0].event;
    int64_t offset = k2_event_raw_offset(row), received = received_of(row);
    if (offset == K2_NULL_LONG || !t->journal || t->report->journal.state == TRACE_FOREIGN)
        return K2_OK;
    if (received != K2_NULL_LONG)
        K2_TRY(
            raw_frame_find(t->journal, offset, received, &t->report->frame, &t->report->live, err));
    return t->report->live ? K2_OK : find_file(t, offset, err);
}
