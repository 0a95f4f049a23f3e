/* query/trace_source.c - the file that a row was decoded from.
 *
 * A row does not name its file. Its ingest appended the file's record to the topic k2.sources right
 * behind the file's rows, so the first such record from the row's append time on is the candidate. It can
 * be wrong: standard input leaves no record, and an ingest that was killed neither. So the bytes at the
 * row's place in the file are decoded again: if they give this very row, it is proven.
 */
#include "query/trace_int.h"

#include "base/clock.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TOPIC K2_SV("k2.sources")

enum {
    LINE = 64 << 10,   /* bytes of a file that are looked at for one record */
    UNPACK = 256 << 20 /* how far into a compressed file we go for it */
};

/* --- the record of the file --- */

static bool take_fields(struct k2_sv in, struct trace_source *out) {
    struct k2_sv path, hash, format;
    if (!k2_avro_get_bytes(&in, &path) || !k2_avro_get_long(&in, &out->bytes) ||
        !k2_avro_get_bytes(&in, &hash) || !k2_avro_get_bytes(&in, &format) ||
        !k2_avro_get_long(&in, &out->read) || !k2_avro_get_long(&in, &out->accepted) ||
        !k2_avro_get_long(&in, &out->time_us))
        return false;
    out->path = k2_sv_dup(path);
    out->hash = k2_sv_dup(hash);
    out->format = k2_sv_dup(format);
    return true;
}

/* The first record of a partition from `from` on, if it was appended before *best_ns. */
static int take_first(struct trace *t, int32_t topic, int32_t partition, int64_t from,
                      int64_t *best_ns, struct k2_buf *best, struct k2_err *err) {
    const struct journal_span span = {topic, partition, from, from + 1};
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_record record;
    size_t cursor = 0;
    K2_TRY(journal_read(t->journal, &span, 1, &r, err));
    int got = journal_next(r, &b, err);
    if (got > 0 && b.append_ns < *best_ns && journal_batch_next(&b, &cursor, &record)) {
        *best_ns = b.append_ns;
        best->n = 0;
        k2_buf_sv(best, record.value);
    }
    journal_reader_close(r);
    return got < 0 ? got : K2_OK;
}

static int find_record(struct trace *t, const struct journal_topic *topic, struct k2_buf *best,
                       struct k2_err *err) {
    size_t size = (size_t)topic->partitions * sizeof(int64_t);
    int64_t *from = k2_zalloc(size), *starts = k2_zalloc(size), *ends = k2_zalloc(size);
    int64_t best_ns = INT64_MAX;
    int rc = journal_ends_at(t->journal, topic->id, t->report->journal.append_ns, from, err);
    if (rc == K2_OK)
        rc = journal_starts(t->journal, topic->id, starts, err);
    if (rc == K2_OK)
        rc = journal_ends(t->journal, topic->id, ends, err);
    for (int32_t p = 0; rc == K2_OK && p < topic->partitions; p++) {
        if (from[p] >= starts[p] && from[p] < ends[p])
            rc = take_first(t, topic->id, p, from[p], &best_ns, best, err);
    }
    free(from);
    free(starts);
    free(ends);
    return rc;
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
    s->there = feed_file_stat(s->path, &st) && st.st_size == s->bytes;
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
    bool ordinal; /* the number comes from counting, which one line cannot tell */
    bool same;
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
    if (e->kind != a->row->kind)
        return K2_OK;
    if (a->ordinal)
        set_number(&copy, a->row);
    a->same |= k2_h128_cmp(k2_payload_hash(&copy, a->in), k2_payload_hash(a->row, a->in)) == 0;
    return K2_OK;
}

static int pass_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    (void)r;
    (void)err;
    return K2_OK;
}

static int pass_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

/* Whether the raw bytes give the row. What cannot be decoded on its own proves nothing. */
static bool gives_row(const struct trace *t, const struct trace_source *s) {
    const struct k2_event *row = &t->report->rows[0].event;
    const struct feed_ops *feed = feed_find(k2_sv_of(s->format));
    struct trace_facts f = trace_facts_of(row, t->report->in);
    if (!feed || s->raw.n == 0 || row->kind == K2_KIND_QUARANTINE || row->kind == K2_KIND_GAP)
        return false;
    struct again a = {.row = row, .in = t->report->in, .ordinal = feed->ordinal};
    const struct feed_sink sink = {&a, compare, pass_reject, pass_filtered};
    const struct feed_options options = {.exchange = f.exchange,
                                         .symbol = f.symbol,
                                         .date = f.trade_date,
                                         .source = k2_sv_of(s->path)};
    void *state = k2_zalloc(feed->state_size);
    size_t consumed;
    int rc = feed->init(feed, state, &options, t->report->in, NULL);
    if (rc == K2_OK)
        rc = feed->decode(state, k2_buf_view(&s->raw), true, &consumed, &sink, NULL);
    feed->fini(state);
    free(state);
    return rc == K2_OK && a.same;
}

/* --- both --- */

static int64_t place_in_source(const struct k2_event *e) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return e->name.raw_offset;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    return K2_NULL_LONG;
}

int trace_find_source(struct trace *t, struct k2_err *err) {
    struct trace_source *out = &t->report->source;
    int64_t offset = place_in_source(&t->report->rows[0].event);
    struct journal_topic topic;
    struct k2_buf value = {0};
    if (offset == K2_NULL_LONG || !t->journal || t->report->journal.state == TRACE_FOREIGN ||
        journal_topic(t->journal, TOPIC, false, &topic, NULL) != K2_OK)
        return K2_OK;
    int rc = find_record(t, &topic, &value, err);
    if (rc == K2_OK && value.n > K2_WIRE_HEADER) {
        struct k2_sv fields = {(const char *)value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER};
        if (take_fields(fields, out)) {
            read_raw(out, offset);
            out->verified = gives_row(t, out);
        }
    }
    k2_buf_free(&value);
    return rc;
}
