/* role/request.c - see request.h. */
#include "role/request.h"

#include <stdio.h>
#include <stdlib.h>

/* --- members --- */

static void put_text(struct k2_json *v, const char *key, const char *text) {
    if (text && text[0])
        k2_json_set(v, key, k2_json_cstring(text));
}

static void put_real(struct k2_json *v, const char *key, double x) {
    char text[40];
    snprintf(text, sizeof text, "%.17g", x);
    k2_json_set(v, key, k2_json_cstring(text));
}

/* Beyond 2^53 too. */
static void put_long(struct k2_json *v, const char *key, int64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    put_text(v, key, text);
}

static const char *get_text(const struct k2_json *v, const char *key) {
    struct k2_sv s;
    return k2_json_as_string(k2_json_get(v, key), &s) ? s.p : NULL;
}

static int64_t get_int(const struct k2_json *v, const char *key, int64_t otherwise) {
    int64_t n = otherwise;
    (void)k2_json_as_int(k2_json_get(v, key), &n);
    return n;
}

static bool get_bool(const struct k2_json *v, const char *key) {
    bool b = false;
    (void)k2_json_as_bool(k2_json_get(v, key), &b);
    return b;
}

static double get_real(const struct k2_json *v, const char *key) {
    const char *text = get_text(v, key);
    return text ? strtod(text, NULL) : 0;
}

static int64_t get_long(const struct k2_json *v, const char *key) {
    int64_t n = 0;
    const char *text = get_text(v, key);
    return text && k2_sv_i64(k2_sv_of(text), &n) ? n : 0;
}

/* --- requests --- */

struct k2_json *request_ingest_json(const struct request_ingest *r) {
    struct k2_json *v = k2_json_object();
    put_text(v, "do", "ingest");
    put_text(v, "path", r->path);
    put_text(v, "source", r->source);
    put_text(v, "format", r->format);
    put_text(v, "exchange", r->exchange);
    put_text(v, "symbol", r->symbol);
    put_text(v, "calendar", r->calendar);
    put_text(v, "symbols", r->symbols);
    put_text(v, "mapping", r->mapping);
    put_text(v, "counted_from", r->counted_from);
    put_text(v, "urls", r->urls);
    put_text(v, "send", r->send);
    put_text(v, "headers", r->headers);
    put_text(v, "ca_file", r->ca_file);
    put_text(v, "raw_source", r->raw_source);
    if (r->raw_source) {
        put_long(v, "raw_from_ns", r->raw_from_ns);
        put_long(v, "raw_to_ns", r->raw_to_ns);
    }
    if (r->speed > 0)
        put_real(v, "speed", r->speed);
    if (r->most_ns > 0)
        k2_json_set(v, "most_ns", k2_json_int(r->most_ns));
    if (r->date != INT32_MIN)
        k2_json_set(v, "date", k2_json_int(r->date));
    k2_json_set(v, "continue", k2_json_bool(r->keep_counting));
    k2_json_set(v, "halt", k2_json_bool(r->halt));
    return v;
}

int request_ingest_read(const struct k2_json *v, struct request_ingest *out, struct k2_err *err) {
    *out = (struct request_ingest){
        .path = get_text(v, "path"),
        .source = get_text(v, "source"),
        .format = get_text(v, "format"),
        .exchange = get_text(v, "exchange"),
        .symbol = get_text(v, "symbol"),
        .calendar = get_text(v, "calendar"),
        .symbols = get_text(v, "symbols"),
        .mapping = get_text(v, "mapping"),
        .counted_from = get_text(v, "counted_from"),
        .date = (int32_t)get_int(v, "date", INT32_MIN),
        .keep_counting = get_bool(v, "continue"),
        .halt = get_bool(v, "halt"),
        .urls = get_text(v, "urls"),
        .send = get_text(v, "send"),
        .headers = get_text(v, "headers"),
        .ca_file = get_text(v, "ca_file"),
        .most_ns = get_int(v, "most_ns", 0),
        .speed = get_real(v, "speed"),
        .raw_source = get_text(v, "raw_source"),
        .raw_from_ns = get_long(v, "raw_from_ns"),
        .raw_to_ns = get_long(v, "raw_to_ns"),
    };
    if (out->format && (out->path || out->source))
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "the request 'ingest' lacks its path or its format");
}

struct k2_json *request_sim_json(const struct sim_options *o) {
    struct k2_json *v = k2_json_object();
    put_text(v, "do", "simulate");
    k2_json_set(v, "symbols", k2_json_int(o->symbols));
    k2_json_set(v, "seed", k2_json_int((int64_t)o->seed));
    k2_json_set(v, "start_ns", k2_json_int(o->start_ns));
    k2_json_set(v, "quotes", k2_json_bool(o->quotes));
    put_real(v, "rate", o->rate);
    put_real(v, "seconds", o->seconds);
    put_real(v, "gaps", o->gaps);
    put_real(v, "duplicates", o->duplicates);
    put_real(v, "out_of_order", o->out_of_order);
    return v;
}

int request_sim_read(const struct k2_json *v, struct sim_options *out, struct k2_err *err) {
    *out = (struct sim_options){
        .symbols = (int)get_int(v, "symbols", 0),
        .seed = (uint64_t)get_int(v, "seed", 0),
        .start_ns = get_int(v, "start_ns", 0),
        .quotes = get_bool(v, "quotes"),
        .rate = get_real(v, "rate"),
        .seconds = get_real(v, "seconds"),
        .gaps = get_real(v, "gaps"),
        .duplicates = get_real(v, "duplicates"),
        .out_of_order = get_real(v, "out_of_order"),
    };
    if (out->symbols > 0 && out->rate > 0)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "the request 'simulate' lacks its symbols or its rate");
}

struct k2_json *request_mark_json(const struct request_mark *m) {
    struct k2_json *v = k2_json_object();
    char sequence[24];
    snprintf(sequence, sizeof sequence, "%lld", (long long)m->sequence);
    put_text(v, "do", "mark");
    k2_json_set(v, "state", k2_json_int(m->state));
    put_text(v, "exchange", m->exchange);
    put_text(v, "channel", m->channel);
    put_text(v, "kind", m->kind);
    k2_json_set(v, "date", k2_json_int(m->date));
    k2_json_set(v, "epoch", k2_json_int(m->epoch));
    put_text(v, "sequence", sequence); /* beyond 2^53 too */
    put_text(v, "actor", m->actor);
    put_text(v, "note", m->note);
    return v;
}

int request_mark_read(const struct k2_json *v, struct request_mark *out, struct k2_err *err) {
    const char *sequence = get_text(v, "sequence");
    int64_t state = get_int(v, "state", 0);
    *out = (struct request_mark){
        .state = (enum seq_state)state,
        .exchange = get_text(v, "exchange"),
        .channel = get_text(v, "channel"),
        .kind = get_text(v, "kind"),
        .date = (int32_t)get_int(v, "date", 0),
        .epoch = (int32_t)get_int(v, "epoch", 0),
        .actor = get_text(v, "actor"),
        .note = get_text(v, "note"),
    };
    if ((state == SEQ_GIVEN_UP || state == SEQ_ACKNOWLEDGED) && out->exchange && out->kind &&
        out->actor && sequence && k2_sv_i64(k2_sv_of(sequence), &out->sequence))
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "the request 'mark' lacks its gap or its step");
}

struct seq_step request_mark_step(const struct request_mark *m) {
    struct seq_step step = {.exchange = k2_sv_of(m->exchange),
                            .channel = k2_sv_of(m->channel),
                            .trade_date = m->date,
                            .epoch = m->epoch,
                            .from = m->sequence,
                            .state = m->state};
    (void)seq_step_read_word(k2_sv_of(m->kind), &step);
    return step;
}

/* --- a quarantined record --- */

/* Bytes that JSON has no place for. */
static void put_hex(struct k2_json *v, const char *key, struct k2_sv bytes) {
    struct k2_buf text = {0};
    for (size_t i = 0; i < bytes.n; i++)
        k2_buf_printf(&text, "%02x", (unsigned)(unsigned char)bytes.p[i]);
    if (bytes.n > 0)
        k2_json_set(v, key, k2_json_string(k2_buf_view(&text)));
    k2_buf_free(&text);
}

static void put_view(struct k2_json *v, const char *key, struct k2_sv text) {
    if (text.n > 0)
        k2_json_set(v, key, k2_json_string(text));
}

struct k2_json *request_retry_json(const struct request_retry *r) {
    const struct ingest_retry *q = &r->record;
    struct k2_json *v = k2_json_object();
    put_text(v, "do", "retry");
    put_text(v, "format", r->format);
    put_text(v, "calendar", q->calendar);
    put_view(v, "mapping", q->mapping);
    put_hex(v, "header", q->header);
    put_view(v, "id", q->id);
    put_view(v, "exchange", q->exchange);
    put_view(v, "symbol", q->symbol);
    put_view(v, "source", q->source);
    put_hex(v, "raw", q->raw);
    if (q->date != INT32_MIN)
        k2_json_set(v, "date", k2_json_int(q->date));
    put_long(v, "position", q->position);
    put_long(v, "offset", q->offset);
    put_view(v, "channel", q->channel);
    put_long(v, "sequence", q->sequence);
    k2_json_set(v, "epoch", k2_json_int(q->epoch));
    return v;
}

static unsigned hex_digit(char c) {
    return c <= '9' ? (unsigned)(c - '0') & 15 : (unsigned)(c - 'a' + 10) & 15;
}

static void get_hex(const struct k2_json *v, const char *key, struct k2_buf *out) {
    const char *text = get_text(v, key);
    for (; text && text[0] && text[1]; text += 2)
        k2_buf_byte(out, (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1])));
}

int request_retry_read(const struct k2_json *v, struct request_retry *out, struct k2_err *err) {
    *out = (struct request_retry){.format = get_text(v, "format")};
    get_hex(v, "raw", &out->raw);
    get_hex(v, "header", &out->header);
    out->record =
        (struct ingest_retry){.feed = out->format ? feed_find(k2_sv_of(out->format)) : NULL,
                              .calendar = get_text(v, "calendar"),
                              .mapping = k2_sv_of(get_text(v, "mapping")),
                              .header = k2_buf_view(&out->header),
                              .id = k2_sv_of(get_text(v, "id")),
                              .exchange = k2_sv_of(get_text(v, "exchange")),
                              .symbol = k2_sv_of(get_text(v, "symbol")),
                              .source = k2_sv_of(get_text(v, "source")),
                              .raw = k2_buf_view(&out->raw),
                              .date = (int32_t)get_int(v, "date", INT32_MIN),
                              .position = get_long(v, "position"),
                              .offset = get_long(v, "offset"),
                              .channel = k2_sv_of(get_text(v, "channel")),
                              .sequence = get_long(v, "sequence"),
                              .epoch = (int32_t)get_int(v, "epoch", 0)};
    if (out->record.feed && out->record.id.n > 0)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "the request 'retry' lacks its record, or its format '%s' is "
                   "not known",
                   out->format ? out->format : "");
}

/* --- answers --- */

/* Name and place of every count, for both directions. */
static const struct {
    const char *name;
    size_t at;
} counts[] = {
#define COUNT(member)                                                                              \
    { #member, offsetof(struct ingest_stats, member) }
    COUNT(read),      COUNT(accepted),      COUNT(duplicates),
    COUNT(conflicts), COUNT(quarantined),   COUNT(filtered),
    COUNT(gaps),      COUNT(missing),       COUNT(out_of_order),
    COUNT(resets),    COUNT(requarantined), COUNT(bytes),
    COUNT(halted),    COUNT(ledger),        COUNT(conflict_records),
    COUNT(by_place),
#undef COUNT
};

struct k2_json *request_report_json(const struct job_report *r) {
    struct k2_json *v = k2_json_object();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int64_t n;
        memcpy(&n, (const char *)&r->stats + counts[i].at, sizeof n);
        k2_json_set(v, counts[i].name, k2_json_int(n));
    }
    k2_json_set(v, "progress_done", k2_json_int(r->done));
    k2_json_set(v, "progress_all", k2_json_int(r->all));
    return v;
}

void request_report_read(const struct k2_json *v, struct job_report *out) {
    *out = (struct job_report){.done = get_int(v, "progress_done", 0),
                               .all = get_int(v, "progress_all", -1)};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int64_t n = get_int(v, counts[i].name, 0);
        memcpy((char *)&out->stats + counts[i].at, &n, sizeof n);
    }
}

struct k2_json *request_error_json(const struct k2_err *why) {
    struct k2_json *v = k2_json_object();
    put_text(v, "error", why->msg);
    k2_json_set(v, "status", k2_json_int(why->status));
    k2_json_set(v, "retriable", k2_json_bool(why->retriable));
    return v;
}

int request_error_read(const struct k2_json *v, struct k2_err *err) {
    const char *text = get_text(v, "error");
    if (!text)
        return K2_OK;
    int status = (int)get_int(v, "status", K2_E_FAILED);
    if (status >= 0)
        status = K2_E_FAILED;
    (void)k2_fail(err, status, "%s", text);
    if (err)
        err->retriable = get_bool(v, "retriable");
    return status;
}
