/* journal/passed.c - see passed.h. */
#include "journal/passed.h"

#include "base/clock.h"

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"passed_numbers\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"exchange\",\"type\":\"string\"},{\"name\":\"channel\",\"type\":\"string\"},"
    "{\"name\":\"date\",\"type\":\"int\"},{\"name\":\"epoch\",\"type\":\"int\"},"
    "{\"name\":\"ranges\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
    "\"name\":\"range\",\"fields\":[{\"name\":\"to\",\"type\":\"long\"},"
    "{\"name\":\"span\",\"type\":\"long\"}]}}},"
    "{\"name\":\"kind\",\"type\":\"string\",\"default\":\"shared\"}]}";

static bool counts(const struct seq_item *i) {
    return i->passed && i->verdict < SEQ_DUPLICATE;
}

static bool is_of(const struct seq_item *a, const struct seq_item *b) {
    return a->kind == b->kind && a->trade_date == b->trade_date && a->epoch == b->epoch &&
           k2_sv_eq(a->channel, b->channel) && k2_sv_eq(a->exchange, b->exchange);
}

/* Those of the first item's channel up to the first that is of another one; gives how many items are done. */
static size_t put_run(const struct seq_item *items, size_t n, struct k2_buf *out) {
    size_t end = 0;
    int64_t ranges = 0;
    for (; end < n && (!counts(&items[end]) || is_of(&items[0], &items[end])); end++)
        ranges += counts(&items[end]);
    k2_avro_put_bytes(out, items[0].exchange);
    k2_avro_put_bytes(out, items[0].channel);
    k2_avro_put_long(out, items[0].trade_date);
    k2_avro_put_long(out, items[0].epoch);
    k2_avro_put_long(out, ranges);
    for (size_t i = 0; i < end; i++) {
        if (!counts(&items[i]))
            continue;
        k2_avro_put_long(out, items[i].sequence);
        k2_avro_put_long(out, items[i].span);
    }
    k2_avro_put_long(out, 0);
    k2_avro_put_bytes(out, k2_sv_of(seq_kind_name(items[0].kind)));
    return end;
}

int passed_append(struct journal *j, const struct seq_item *items, size_t n, struct k2_err *err) {
    struct journal_topic topic = {0};
    uint32_t id = 0;
    bool open = false;
    for (size_t i = 0; i < n;) {
        if (!counts(&items[i])) {
            i++;
            continue;
        }
        if (!open) {
            K2_TRY(journal_topic(j, K2_SV(PASSED_TOPIC), true, &topic, err));
            K2_TRY(k2_registry_register(journal_registry(j), K2_SV(PASSED_TOPIC "-value"),
                                        k2_sv_of(schema), &id, err));
            open = true;
        }
        struct k2_buf *out = journal_record_begin(j, topic.id, 0, items[i].channel);
        k2_wire_put_header(out, id);
        i += put_run(items + i, n - i, out);
        journal_record_end(j, k2_now_ns());
    }
    return K2_OK;
}

/* Takes the ranges off *in; put NULL: only that. */
static bool get_ranges(struct k2_sv *in, struct seq_item *item,
                       void (*put)(void *ctx, const struct seq_item *item), void *ctx) {
    int64_t left;
    while (k2_avro_get_long(in, &left) && left >= 0) {
        if (left == 0)
            return true;
        for (; left > 0; left--) {
            if (!k2_avro_get_long(in, &item->sequence) || !k2_avro_get_long(in, &item->span) ||
                item->span < 0)
                return false;
            if (put)
                put(ctx, item);
        }
    }
    return false;
}

/* Behind the ranges; records of before there was this field end there: SHARED. */
static bool get_kind(struct k2_sv in, enum k2_kind_id *kind) {
    struct seq_item item;
    struct seq_step step = {.kind = SEQ_SHARED};
    struct k2_sv word;
    if (!get_ranges(&in, &item, NULL, NULL))
        return false;
    bool good = in.n == 0 || (k2_avro_get_bytes(&in, &word) && in.n == 0 &&
                              seq_step_read_word(word, &step) && step.cause == SEQ_NUMBERS);
    *kind = step.kind;
    return good;
}

int passed_read(struct k2_sv value, struct k2_interner *in,
                void (*put)(void *ctx, const struct seq_item *item), void *ctx,
                struct k2_err *err) {
    uint32_t id;
    struct k2_sv exchange, channel;
    int64_t date, epoch;
    K2_TRY(k2_wire_schema_id(value, &id, err));
    struct k2_sv rest = {value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER};
    struct seq_item item = {
        .time_ns = K2_NULL_LONG, .raw_offset = K2_NULL_LONG, .consumed_only = true};
    if (k2_avro_get_bytes(&rest, &exchange) && k2_avro_get_bytes(&rest, &channel) &&
        k2_avro_get_long(&rest, &date) && k2_avro_get_long(&rest, &epoch) &&
        get_kind(rest, &item.kind)) {
        item.exchange = k2_interned(in, k2_intern(in, exchange));
        item.channel = k2_interned(in, k2_intern(in, channel));
        item.trade_date = (int32_t)date;
        item.epoch = (int32_t)epoch;
        if (get_ranges(&rest, &item, put, ctx))
            return K2_OK;
    }
    return k2_fail(err, K2_E_CORRUPT, "a record of topic " PASSED_TOPIC " breaks its schema");
}
