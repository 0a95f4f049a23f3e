/* verb/own_json.c - a record of our own topics (k2.sources, k2.sequence, ...) as JSON, by its schema. The
 * state of the sequence engine, which is bytes there, is taken apart too. */
#include "verb/records.h"

#include "base/json.h"

#include <inttypes.h>

static void add_common(struct k2_json *o, struct k2_sv exchange, int32_t trade_date,
                       struct k2_sv channel, enum k2_kind_id kind, int32_t epoch) {
    char date[K2_DATE_TEXT];
    k2_date_format(trade_date, date);
    k2_json_set(o, "exchange", k2_json_string(exchange));
    k2_json_set(o, "trade_date", k2_json_cstring(date));
    k2_json_set(o, "channel", k2_json_string(channel));
    k2_json_set(o, "kind", k2_json_cstring(seq_kind_name(kind)));
    k2_json_set(o, "epoch", k2_json_int(epoch));
}

/* As the record's own longs: beyond 2^53 as text. */
static void add_long(struct k2_json *o, const char *key, int64_t v) {
    char text[24];
    bool exact = v <= INT64_C(1) << 53 && v >= -(INT64_C(1) << 53);
    snprintf(text, sizeof text, "%" PRId64, v);
    k2_json_set(o, key, exact ? k2_json_int(v) : k2_json_cstring(text));
}

static void add_channel(void *list, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                        enum k2_kind_id kind, int32_t epoch, int64_t high) {
    struct k2_json *o = k2_json_object();
    add_common(o, exchange, trade_date, channel, kind, epoch);
    add_long(o, "highest", high);
    k2_json_append(list, o);
}

static void add_gap(void *list, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                    enum k2_kind_id kind, int32_t epoch, int64_t from, int64_t to) {
    struct k2_json *o = k2_json_object();
    add_common(o, exchange, trade_date, channel, kind, epoch);
    add_long(o, "from", from);
    add_long(o, "to", to);
    k2_json_append(list, o);
}

/* NULL: it is not the state of a sequence engine. */
static struct k2_json *sequence_json(struct k2_sv bytes) {
    struct seq_engine *engine = seq_engine_new((struct seq_history){0});
    struct k2_json *state = NULL;
    if (seq_engine_restore(engine, bytes, NULL) == K2_OK) {
        struct k2_json *channels = k2_json_array(), *gaps = k2_json_array();
        seq_engine_channels(engine, add_channel, channels);
        seq_engine_gaps(engine, add_gap, gaps);
        state = k2_json_object();
        k2_json_set(state, "channels", channels);
        k2_json_set(state, "gaps", gaps);
    }
    seq_engine_free(engine);
    return state;
}

int own_json(struct journal *j, struct k2_sv value, struct k2_buf *out, struct k2_err *err) {
    struct k2_sv schema;
    struct k2_json *json;
    uint32_t id;
    K2_TRY(k2_wire_schema_id(value, &id, err));
    K2_TRY(k2_registry_schema(journal_registry(j), id, &schema, err));
    struct k2_sv record = {value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER};
    K2_TRY(k2_avro_json(schema, record, sequence_json, &json, err));
    k2_json_dump(json, out);
    k2_json_free(json);
    return K2_OK;
}
