/* feed/dbn/dbn.c - Databento Binary Encoding (DBN), versions 1 to 3: cutting the bytes into metadata and
 * records, and what belongs to each record; the layout of both is in dbn.h, layout.c and meta.c.
 *
 * A stream without metadata (a fragment) is told by its first record. Metadata may follow records: then
 * files were put behind one another. A record whose length cannot be (below the header's 16 bytes) leaves
 * no place to go on from: it is refused, and what is behind it is part of that refusal.
 */
#include "feed/dbn/dbn.h"

#include <stdio.h>
#include <stdlib.h>

#define RAW_MOST ((size_t)4096) /* kept of bytes that are refused as a whole */

static K2_RC refuse_bytes(struct dbn *d, struct k2_sv raw, const struct feed_fault *c,
                          const struct feed_sink *sink, struct k2_err *err) {
    const struct feed_reject reject = {
        .reason = c->reason,
        .detail = c->detail,
        .raw = {raw.p, raw.n < RAW_MOST ? raw.n : RAW_MOST},
        .position = ++d->position,
        .offset = d->offset,
    };
    return sink->reject(sink->ctx, &reject, err);
}

/* --- metadata --- */

static K2_RC take_metadata(struct dbn *d, struct k2_sv bytes, const struct feed_sink *sink,
                           struct k2_err *err) {
    struct feed_fault c;
    d->generation++;
    if (dbn_meta_read(bytes, &d->meta, &d->symbols, &c) == 0)
        return K2_OK;
    d->meta = (struct dbn_meta){0};
    dbn_symbols_free(&d->symbols);
    return refuse_bytes(d, bytes, &c, sink, err);
}

/* --- records --- */

static const uint8_t *field_at(const struct dbn_record *r, const char *name) {
    size_t at = r->layout ? dbn_field_at(r->layout, name) : 0;
    return at ? r->p + at : NULL;
}

/* Where ts_recv lies in the record; 0: it has none. */
static size_t at_ts_recv(const struct dbn_layout *l) {
    switch (l->rtype) {
    case DBN_MBO:
        return 40;
    case DBN_MBP_0:
    case DBN_MBP_1:
    case DBN_MBP_10:
    case DBN_CMBP_1:
    case DBN_TCBBO:
    case DBN_CBBO_1S:
    case DBN_CBBO_1M:
    case DBN_BBO_1S:
    case DBN_BBO_1M:
        return 32;
    case DBN_STATUS:
    case DBN_INSTRUMENT_DEF:
    case DBN_IMBALANCE:
    case DBN_STATISTICS:
        return 16;
    default:
        return 0;
    }
}

static int64_t time_at(const uint8_t *at) { /* below 0: beyond what i64 holds */
    uint64_t ns = k2_get_u64(at);
    return ns == DBN_NO_TIME ? K2_NULL_LONG : ns > INT64_MAX ? -1 : (int64_t)ns;
}

/* The venue's time, or the receiver's where the venue gave none (intervals without a trade). */
static int read_times(struct dbn_record *r, struct feed_fault *c) {
    size_t at = r->layout ? at_ts_recv(r->layout) : 0;
    r->receive_ns = at ? time_at(r->p + at) : K2_NULL_LONG;
    r->ns = time_at(r->p + 8);
    if (r->ns == K2_NULL_LONG)
        r->ns = r->receive_ns;
    if (r->ns == K2_NULL_LONG)
        return feed_fault_set(c, "INVALID", "the record has no time", K2_SV("ts_event"));
    if (r->ns >= 0 && (r->receive_ns >= 0 || r->receive_ns == K2_NULL_LONG))
        return 0;
    return feed_fault_set(c, "RANGE", "a time of the record is out of range",
                          r->ns < 0 ? K2_SV("ts_event") : K2_SV("ts_recv"));
}

static int read_layout(struct dbn_record *r, struct feed_fault *c) {
    r->layout = dbn_layout_find(r->p[1], r->raw.n, &r->ts_out);
    const char *name = r->layout ? NULL : dbn_rtype_name(r->p[1]);
    if (!name) /* also of an rtype that is not known */
        return 0;
    c->reason = "MALFORMED";
    snprintf(c->detail, sizeof c->detail, "no %s record has %zu bytes", name, r->raw.n);
    return -1;
}

/* A symbol mapping names its instrument from now on. */
static void learn_symbol(struct dbn *d, const struct dbn_record *r) {
    const uint8_t *at = field_at(r, "stype_out_symbol");
    if (!at)
        return;
    struct k2_sv symbol = dbn_text(at, r->layout->size == 80 ? 22 : DBN_SYMBOL_MAX);
    if (symbol.n && feed_text_ok(symbol, DBN_SYMBOL_MAX) &&
        dbn_symbol_set(&d->symbols, k2_get_u32(r->p + 4), symbol))
        d->generation++;
}

/* The session date goes by the time that files are cut by: a snapshot's orders are older than it. */
static K2_RC find_stream(struct dbn *d, struct dbn_record *r, struct k2_err *err) {
    int64_t index = r->receive_ns == K2_NULL_LONG ? r->ns : r->receive_ns;
    K2_TRY(dbn_stream_find(d, r->p, index, &r->stream, err));
    r->date =
        d->options.date != INT32_MIN ? d->options.date : dbn_session_date(r->stream->market, index);
    return K2_OK;
}

static K2_RC take_record(struct dbn *d, struct k2_sv raw, const struct feed_sink *sink,
                         struct k2_err *err) {
    struct dbn_record r = {.p = (const uint8_t *)raw.p, .raw = raw};
    struct feed_fault c;
    if (read_layout(&r, &c) || read_times(&r, &c))
        return refuse_bytes(d, raw, &c, sink, err);
    d->position++;
    if (r.p[1] == DBN_SYMBOL_MAPPING)
        learn_symbol(d, &r);
    K2_TRY(find_stream(d, &r, err));
    if (!r.stream->wanted)
        return sink->filtered(sink->ctx, "symbol not wanted", err);
    return dbn_take_record(d, &r, sink, err);
}

/* --- cutting --- */

enum cut {
    CUT_MORE, /* not whole yet */
    CUT_METADATA,
    CUT_RECORD,
    CUT_LOST /* nothing that could be either */
};

/* Metadata of a version that is not known has a record's length byte too (68 words of "DBN"): it is none. */
static enum cut cut_next(struct k2_sv bytes, size_t *size) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    *size = 4;
    if (bytes.n < 4)
        return CUT_MORE;
    if (memcmp(p, "DBN", 3) == 0) {
        *size = DBN_META_PREFIX;
        if (!dbn_meta_begins(bytes))
            return CUT_LOST;
        if (bytes.n >= DBN_META_PREFIX)
            *size = dbn_meta_size(bytes);
        return *size > DBN_META_MOST ? CUT_LOST : bytes.n < *size ? CUT_MORE : CUT_METADATA;
    }
    *size = (size_t)p[0] * 4;
    if (*size < DBN_HEADER)
        return CUT_LOST;
    return bytes.n < *size ? CUT_MORE : CUT_RECORD;
}

static K2_RC lose(struct dbn *d, struct k2_sv rest, const struct feed_sink *sink,
                  struct k2_err *err) {
    struct feed_fault c = {.reason = "MALFORMED"};
    bool metadata = rest.n >= 4 && memcmp(rest.p, "DBN", 3) == 0;
    snprintf(c.detail, sizeof c.detail,
             metadata ? "metadata of a version or length that is not known (version %u); "
                        "nothing behind it can be read"
                      : "a record cannot be %u bytes long; nothing behind it can be read",
             metadata ? (unsigned)(uint8_t)rest.p[3] : 4 * (unsigned)(uint8_t)rest.p[0]);
    d->lost = true;
    return refuse_bytes(d, rest, &c, sink, err);
}

static K2_RC take_end(struct dbn *d, struct k2_sv rest, size_t size, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct feed_fault c = {.reason = "MALFORMED"};
    snprintf(c.detail, sizeof c.detail, "the stream ends after %zu of %zu bytes of a record",
             rest.n, size);
    return refuse_bytes(d, rest, &c, sink, err);
}

static K2_RC take_piece(struct dbn *d, enum cut cut, struct k2_sv piece,
                        const struct feed_sink *sink, struct k2_err *err) {
    return cut == CUT_METADATA ? take_metadata(d, piece, sink, err)
                               : take_record(d, piece, sink, err);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct dbn *d = state;
    struct k2_sv rest = bytes;
    int rc = K2_OK;
    while (rc == K2_OK && rest.n && !d->lost) {
        size_t size;
        enum cut cut = cut_next(rest, &size);
        if (!last && (cut == CUT_MORE || (cut == CUT_LOST && rest.n < RAW_MOST)))
            break; /* what is refused is the same however the bytes are cut */
        if (cut == CUT_LOST)
            rc = lose(d, rest, sink, err);
        else if (cut == CUT_MORE)
            rc = take_end(d, rest, size, sink, err);
        else
            rc = take_piece(d, cut, (struct k2_sv){rest.p, size}, sink, err);
        size = cut == CUT_LOST || cut == CUT_MORE ? rest.n : size;
        rest = (struct k2_sv){rest.p + size, rest.n - size};
        d->offset += size;
    }
    *consumed = d->lost ? bytes.n : bytes.n - rest.n;
    return rc;
}

/* --- every field --- */

static size_t cut(const struct feed_ops *self, struct k2_sv bytes) {
    (void)self;
    size_t size;
    enum cut found = cut_next(bytes, &size);
    bool told = bytes.n >= DBN_META_PREFIX || (bytes.n >= 4 && bytes.p[0] != 'D');
    return found == CUT_LOST ? SIZE_MAX : told ? size : 0;
}

static size_t tell_fields(const struct feed_visit *v, const uint8_t *record,
                          const struct dbn_field *f, size_t at) {
    char number[DBN_NUMBER_TEXT];
    for (; f->name; at += dbn_field_size(f++)) {
        size_t size = dbn_field_size(f);
        struct k2_sv text = {number, 0};
        if (f->type == DBN_TEXT || f->type == DBN_CHAR)
            text = dbn_text(record + at, size);
        else
            text.n = dbn_number_text(f->type, record + at, number);
        v->field(v->ctx, f->name, text, f->type == DBN_PAD, at, size);
    }
    return at;
}

static const struct dbn_field header[] = {
    {"length", DBN_U8, 0, false},        {"rtype", DBN_U8, 0, false},
    {"publisher_id", DBN_U16, 0, false}, {"instrument_id", DBN_U32, 0, false},
    {"ts_event", DBN_STAMP, 0, false},   {NULL, DBN_PAD, 0, false}};

static K2_RC tell_body(const struct feed_visit *v, const uint8_t *record, size_t n,
                       struct k2_err *err) {
    static const struct dbn_field ts_out_field[] = {{"ts_out", DBN_STAMP, 0, false},
                                                    {NULL, DBN_PAD, 0, false}};
    bool ts_out;
    const struct dbn_layout *l = dbn_layout_find(record[1], n, &ts_out);
    if (!l && dbn_rtype_name(record[1]))
        return k2_fail(err, K2_E_INVALID, "no %s record has %zu bytes", dbn_rtype_name(record[1]),
                       n);
    if (!l)
        return K2_OK;
    size_t at = tell_fields(v, record, l->fields, DBN_HEADER);
    for (int i = 0; i < l->levels; i++) {
        v->open(v->ctx, "levels", i, at);
        at = tell_fields(v, record, l->level, at);
        v->close(v->ctx);
    }
    if (ts_out)
        tell_fields(v, record, ts_out_field, at);
    return K2_OK;
}

static int dissect(const struct feed_ops *self, void *state, const struct feed_frame *frame,
                   const struct feed_visit *v, struct k2_err *err) {
    (void)self;
    (void)state;
    const uint8_t *p = (const uint8_t *)frame->bytes.p;
    size_t n = frame->bytes.n, size;
    enum cut cut = cut_next(frame->bytes, &size);
    if (cut == CUT_METADATA && size == n)
        return dbn_meta_dissect(frame->bytes, v, err);
    if (cut != CUT_RECORD || size != n)
        return k2_fail(err, K2_E_INVALID, "%zu bytes that are neither metadata nor a record", n);
    v->open(v->ctx, "hd", -1, 0);
    tell_fields(v, p, header, 0);
    v->close(v->ctx);
    return tell_body(v, p, n, err);
}

/* --- setting up --- */

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    (void)self;
    struct dbn *d = state;
    const struct feed_calendar *calendar;
    d->in = in;
    d->options = *o;
    d->exchange = o->exchange.n ? k2_sv_dup(o->exchange) : NULL;
    d->calendar = o->calendar ? k2_strdup(o->calendar) : NULL;
    dbn_plans_make(d->plans);
    if (!d->exchange && !d->calendar)
        return K2_OK;
    return feed_calendar_find(d->exchange ? k2_sv_of(d->exchange) : K2_SV("DBN"), d->calendar,
                              &calendar, err);
}

static void fini(void *state) {
    struct dbn *d = state;
    free(d->exchange);
    free(d->calendar);
    dbn_plans_free(d->plans);
    dbn_streams_free(d);
    dbn_symbols_free(&d->symbols);
    k2_buf_free(&d->blob);
    *d = (struct dbn){0};
}

/* Whether the head is whole records of known layouts, and how many. */
static int count_records(struct k2_sv head) {
    int n = 0;
    size_t size;
    bool ts_out;
    while (cut_next(head, &size) == CUT_RECORD) {
        if (!dbn_layout_find((uint8_t)head.p[1], size, &ts_out))
            return 0;
        head = (struct k2_sv){head.p + size, head.n - size};
        n++;
    }
    return n;
}

static bool named_dbn(struct k2_sv name) {
    for (size_t i = 0; i + 4 <= name.n; i++)
        if (memcmp(name.p + i, ".dbn", 4) == 0)
            return true;
    return false;
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    (void)self;
    *why = "it begins with \"DBN\" and a version";
    if (head.n >= 4 && memcmp(head.p, "DBN", 3) == 0 && head.p[3] >= 1 && head.p[3] < 32)
        return dbn_meta_begins(head) ? 100 : 60;
    int records = count_records(head);
    *why = "its name has .dbn in it, and it begins with a record of DBN";
    if (records >= 1 && named_dbn(file_name))
        return 90;
    *why = "it begins with records of DBN";
    return records >= 3 ? 55 : 0;
}

static const struct feed_fact facts[] = {
    {"specification", "document", "Databento Binary Encoding, versions 1, 2 and 3"},
    {"file name", "any", "a fragment without metadata is known by .dbn in its name"},
    {"exchange", "publisher_id",
     "the dataset's venue: GLBX of GLBX.MDP3; venue where it is another"},
    {"symbol", "instrument_id",
     "by the metadata's mappings and symbol mapping records, else the id"},
    {"session date", "ts_recv", "of the time that files are cut by; ts_event where there is none"},
    {"all", "ts_event", "exchange_timestamp_ns; ts_recv where there is none"},
    {"all", "ts_recv", "receive_timestamp_ns"},
    {"all", "everything else", "extra, by the name of the field"},
    {"book_event", "mbo", "A = ADD, M = MODIFY, C = CANCEL, R = CLEAR"},
    {"book_event", "mbp-10", "SET or DELETE of the levels that changed"},
    {"trade", "mbo, mbp-0, mbp-1, ...", "where the action is T"},
    {"quote", "mbp-1, tbbo, cmbp-1, tcbbo, bbo, cbbo", "the best level"},
    {"bar", "ohlcv-1s, -1m, -1h, -1d", "open, high, low, close, volume"},
    {"instrument", "definition", "the price fields as decimals"},
    {"trading_status", "status", "code: the number of the action"},
    {"statistic", "statistics", "statistic: the name of stat_type"},
    {"auction", "imbalance", "imbalance_quantity: total_imbalance_qty"},
    {"message", "error, symbol-mapping, system, mbo F and N", "and every rtype that is not known"},
    {0},
};

const struct feed_ops feed_dbn = {
    .name = "dbn",
    .title = "Databento Binary Encoding (DBN), versions 1 to 3, and fragments of it",
    .numbering = "by place: the records of one rtype, publisher and instrument on one UTC day",
    .facts = facts,
    .ordinal = true,
    .state_size = sizeof(struct dbn),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .dissect = dissect,
    .framing = FEED_FRAMING_OWN,
    .cut = cut,
};
