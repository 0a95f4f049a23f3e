/* journal/raw.c - see raw.h. */
#include "journal/raw.h"

#include <ctype.h>
#include <stdlib.h>

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"raw_frame\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"source\",\"type\":\"string\"},{\"name\":\"connection\",\"type\":\"long\"},"
    "{\"name\":\"line\",\"type\":\"int\"},"
    "{\"name\":\"form\",\"type\":\"string\"},"
    "{\"name\":\"received_ns\",\"type\":\"long\"},{\"name\":\"bytes\",\"type\":\"bytes\"}]}";

static const char *const forms[] = {
    [LIVE_CONNECTED] = "CONNECTED", [LIVE_DISCONNECTED] = "DISCONNECTED",
    [LIVE_DATAGRAM] = "DATAGRAM",   [LIVE_STREAM] = "STREAM",
    [LIVE_TEXT] = "TEXT",           [LIVE_BINARY] = "BINARY",
};
#define FORMS (sizeof forms / sizeof *forms)

void raw_topic_name(struct k2_sv exchange, struct k2_buf *out) {
    k2_buf_str(out, "market.raw.");
    for (size_t i = 0; i < exchange.n; i++)
        k2_buf_byte(out, (uint8_t)tolower((unsigned char)exchange.p[i]));
}

int raw_topic_open(struct journal *j, struct k2_sv exchange, bool create, struct raw_topic *out,
                   struct k2_err *err) {
    struct k2_buf name = {0};
    *out = (struct raw_topic){.journal = j};
    if (exchange.n == 0 || exchange.n >= sizeof out->exchange)
        return k2_fail(err, K2_E_INVALID, "the exchange of a live source must be known");
    memcpy(out->exchange, exchange.p, exchange.n);
    raw_topic_name(exchange, &name);
    int rc = journal_topic(j, k2_buf_view(&name), create, &out->topic, err);
    k2_buf_str(&name, "-value");
    if (rc == K2_OK && create)
        rc = k2_registry_register(journal_registry(j), k2_buf_view(&name), k2_sv_of(schema),
                                  &out->schema, err);
    if (rc == K2_OK)
        out->partition = journal_partition(&out->topic, exchange);
    k2_buf_free(&name);
    return rc;
}

int64_t raw_topic_append(struct raw_topic *t, struct k2_sv source,
                         const struct feed_live_frame *f) {
    struct k2_buf *out =
        journal_record_begin(t->journal, t->topic.id, t->partition, k2_sv_of(t->exchange));
    k2_wire_put_header(out, t->schema);
    k2_avro_put_bytes(out, source);
    k2_avro_put_long(out, f->connection);
    k2_avro_put_long(out, f->line);
    k2_avro_put_bytes(out, k2_sv_of(forms[f->form]));
    k2_avro_put_long(out, f->received_ns);
    k2_avro_put_bytes(out, f->bytes);
    return journal_record_end(t->journal, f->received_ns);
}

int raw_topic_range(struct raw_topic *t, int64_t *start, int64_t *end, struct k2_err *err) {
    int64_t *all = k2_alloc((size_t)t->topic.partitions * sizeof *all);
    int rc = journal_starts(t->journal, t->topic.id, all, err);
    *start = rc == K2_OK ? all[t->partition] : 0;
    if (rc == K2_OK)
        rc = journal_ends(t->journal, t->topic.id, all, err);
    *end = rc == K2_OK ? all[t->partition] : 0;
    free(all);
    return rc;
}

const char *raw_form_name(enum feed_live_form form) {
    return forms[form];
}

static bool form_of(struct k2_sv name, enum feed_live_form *form) {
    for (size_t i = 0; i < FORMS; i++)
        if (k2_sv_eq(name, k2_sv_of(forms[i]))) {
            *form = (enum feed_live_form)i;
            return true;
        }
    return false;
}

bool raw_topic_frame(struct k2_sv value, struct k2_sv *source, struct feed_live_frame *f) {
    int64_t line;
    struct k2_sv form;
    if (value.n < K2_WIRE_HEADER)
        return false;
    struct k2_sv in = {value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER};
    *f = (struct feed_live_frame){0};
    if (!k2_avro_get_bytes(&in, source) || !k2_avro_get_long(&in, &f->connection) ||
        !k2_avro_get_long(&in, &line) || !k2_avro_get_bytes(&in, &form) ||
        !k2_avro_get_long(&in, &f->received_ns) || !k2_avro_get_bytes(&in, &f->bytes) ||
        f->bytes.n > FEED_RAW_MOST || !form_of(form, &f->form))
        return false;
    f->line = line != 0;
    return true;
}
