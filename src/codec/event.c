/* codec/event.c - the descriptors of every kind, and names made of an event's fields. See event.h. */
#include "codec/event.h"

#include "base/clock.h"

#include <pthread.h>

#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    {id,                                                                                           \
     #name,                                                                                        \
     K2_##type,                                                                                    \
     K2_##need,                                                                                    \
     K2_##cls,                                                                                     \
     meaning,                                                                                      \
     offsetof(struct K2_PASTE(k2_, KIND), name)},
#define KIND_TEMPLATE "codec/event_fields.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

/* struct k2_head is the beginning of every kind but quarantine. */
#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    _Static_assert(offsetof(struct k2_head, name) == offsetof(struct k2_trade, name), "head.def");
#include "codec/head.def"
#undef K2_FIELD

#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    _Static_assert(K2_##NAME##_FIELDS <= K2_MAX_FIELDS, "raise K2_MAX_FIELDS");
#include "codec/kinds.def"
#undef K2_KIND

static struct k2_kind kinds[K2_KIND_COUNT] = {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    {K2_KIND_##NAME,           #name, table, topic, meaning, name##_fields, K2_##NAME##_FIELDS,    \
     sizeof(struct k2_##name), NULL,  0},
#include "codec/kinds.def"
#undef K2_KIND
};

static const char *avro_type(enum k2_type type) {
    switch (type) {
    case K2_STR:
        return "\"string\"";
    case K2_LIST:
        return "{\"type\":\"array\",\"items\":\"string\"}";
    case K2_MAP:
        return "{\"type\":\"map\",\"values\":\"string\"}";
    case K2_LONG:
        return "\"long\"";
    case K2_INT:
        return "\"int\"";
    case K2_DATE:
        return "{\"type\":\"int\",\"logicalType\":\"date\"}";
    case K2_STAMP:
        return "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}";
    case K2_PRICE:
        return "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":20,\"scale\":9}";
    case K2_QUANTITY:
        return "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":28,\"scale\":10}";
    case K2_BYTES:
        return "\"bytes\"";
    }
    K2_ASSERT(!"known type");
}

static void schema_field(struct k2_buf *b, const struct k2_field *f) {
    k2_buf_printf(b, "{\"name\":\"%s\",\"type\":", f->name);
    if (f->need == K2_OPT)
        k2_buf_printf(b, "[\"null\",%s],\"default\":null", avro_type(f->type));
    else
        k2_buf_str(b, avro_type(f->type));
    k2_buf_printf(b, ",\"doc\":\"%s\",\"field-id\":%d}", f->meaning, f->id);
}

static const char *schema_text(const struct k2_kind *kind) {
    struct k2_buf b = {0};
    k2_buf_printf(&b,
                  "{\"type\":\"record\",\"name\":\"%s\",\"namespace\":\"k2.market\",\"doc\":\"%s\","
                  "\"fields\":[",
                  kind->name, kind->meaning);
    bool first = true;
    for (int i = 0; i < kind->field_count; i++) {
        if (!k2_field_in_record(&kind->fields[i]))
            continue;
        if (!first)
            k2_buf_byte(&b, ',');
        first = false;
        schema_field(&b, &kind->fields[i]);
    }
    k2_buf_str(&b, "]}");
    return k2_buf_cstr(&b); /* lives as long as the process */
}

static void make_schemas(void) {
    for (int i = 0; i < K2_KIND_COUNT; i++)
        kinds[i].avro_schema = schema_text(&kinds[i]);
}

const struct k2_kind *k2_kind(enum k2_kind_id id) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_schemas);
    K2_ASSERT((int)id >= 0 && id < K2_KIND_COUNT);
    return &kinds[id];
}

const struct k2_kind *k2_kind_by_name(struct k2_sv name) {
    for (int i = 0; i < K2_KIND_COUNT; i++)
        if (k2_sv_eq(name, k2_sv_of(kinds[i].name)))
            return k2_kind((enum k2_kind_id)i);
    return NULL;
}

const struct k2_kind *k2_kind_by_table(struct k2_sv table) {
    for (int i = 0; i < K2_KIND_COUNT; i++)
        if (k2_sv_eq(table, k2_sv_of(kinds[i].table)))
            return k2_kind((enum k2_kind_id)i);
    return NULL;
}

const struct k2_kind *k2_kind_by_topic(struct k2_sv topic) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        struct k2_sv prefix = k2_sv_of(kinds[i].topic_prefix);
        if (topic.n > prefix.n + 1 && k2_sv_starts(topic, prefix) && topic.p[prefix.n] == '.')
            return k2_kind((enum k2_kind_id)i);
    }
    return NULL;
}

int k2_field_by_name(const struct k2_kind *kind, struct k2_sv name) {
    for (int i = 0; i < kind->field_count; i++)
        if (k2_sv_eq(name, k2_sv_of(kind->fields[i].name)))
            return i;
    return -1;
}

int k2_field_by_id(const struct k2_kind *kind, int id) {
    for (int i = 0; i < kind->field_count; i++)
        if (kind->fields[i].id == id)
            return i;
    return -1;
}

size_t k2_type_size(enum k2_type type) {
    switch (type) {
    case K2_STR:
    case K2_LIST:
    case K2_MAP:
    case K2_BYTES:
        return sizeof(k2_c_STR);
    case K2_LONG:
    case K2_STAMP:
        return sizeof(k2_c_LONG);
    case K2_INT:
    case K2_DATE:
        return sizeof(k2_c_INT);
    case K2_PRICE:
    case K2_QUANTITY:
        return sizeof(k2_c_PRICE);
    }
    K2_ASSERT(!"known type");
}

bool k2_type_is_interned(enum k2_type type) {
    return type == K2_STR || type == K2_LIST || type == K2_MAP || type == K2_BYTES;
}

int64_t k2_event_raw_offset(const struct k2_event *e) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return e->name.raw_offset;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"known kind");
}

void k2_event_set_raw_offset(struct k2_event *e, int64_t offset) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        e->name.raw_offset = offset;                                                               \
        return;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"known kind");
}

bool k2_exchange_ok(struct k2_sv text) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (size_t i = 0; i < text.n; i++)
        if (!memchr(allowed, text.p[i], sizeof allowed - 1))
            return false;
    return text.n >= 1 && text.n <= 31;
}

void k2_topic_name(const struct k2_kind *kind, struct k2_sv exchange, struct k2_buf *out) {
    k2_buf_str(out, kind->topic_prefix);
    k2_buf_byte(out, '.');
    for (size_t i = 0; i < exchange.n; i++) {
        char c = exchange.p[i];
        k2_buf_byte(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
}

/* The fields that every kind has, wherever they stand in its struct. */
struct identity {
    struct k2_sv exchange, symbol, channel;
    int32_t date, epoch, part;
    int64_t sequence;
};

#define IDENTITY(e, in)                                                                            \
    ((struct identity){k2_interned(in, (e)->exchange), k2_interned(in, (e)->symbol),               \
                       k2_interned(in, (e)->channel), (e)->trade_date, (e)->epoch, (e)->part,      \
                       (e)->exchange_sequence_number})

static struct identity identity_of(const struct k2_event *e, const struct k2_interner *in) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return IDENTITY(&e->name, in);
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"known kind");
}

void k2_event_key(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out) {
    struct identity id = identity_of(e, in);
    k2_buf_sv(out, id.exchange);
    k2_buf_byte(out, '.');
    k2_buf_sv(out, id.symbol);
}

static void put_escaped(struct k2_buf *out, struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' || s.p[i] == '/')
            k2_buf_printf(out, "%%%02X", (unsigned)(unsigned char)s.p[i]);
        else
            k2_buf_byte(out, (uint8_t)s.p[i]);
    }
}

void k2_message_id(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out) {
    struct identity id = identity_of(e, in);
    char date[K2_DATE_TEXT];
    k2_date_format(id.date, date);
    put_escaped(out, id.exchange);
    k2_buf_printf(out, "/%s/", date);
    put_escaped(out, id.channel);
    k2_buf_printf(out, "/%s/%d/%lld/%d", k2_kind(e->kind)->name, id.epoch, (long long)id.sequence,
                  id.part);
}
