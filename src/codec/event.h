/* codec/event.h - the event model.
 *
 * Each kind of event is defined once, in <kind>.def; everything else follows from that table through
 * the preprocessor: the struct here, the Avro schema and codec (avro.c), the field descriptors that
 * the lake and the query engine read, and the hashes. Adding a field is one line there.
 *
 * Strings, lists and maps are ids of a struct k2_interner (base/intern.h): id 0 is null. Optional
 * longs and decimals use K2_NULL_LONG and K2_NULL_DECIMAL. BYTES are interned like strings.
 */
#ifndef K2_CODEC_EVENT_H
#define K2_CODEC_EVENT_H

#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/intern.h"

enum k2_type {
    K2_STR,
    K2_LIST,
    K2_MAP,
    K2_LONG,
    K2_INT,
    K2_DATE,
    K2_STAMP,
    K2_PRICE,
    K2_QUANTITY,
    K2_BYTES
};
enum k2_need { K2_REQ, K2_OPT };
enum k2_class { K2_IDENTITY, K2_PAYLOAD, K2_RECEIVED, K2_ORIGIN, K2_DERIVED, K2_JOURNAL };

typedef uint32_t k2_c_STR, k2_c_LIST, k2_c_MAP, k2_c_BYTES;
typedef int64_t k2_c_LONG, k2_c_STAMP;
typedef int32_t k2_c_INT, k2_c_DATE;
typedef k2_i128 k2_c_PRICE, k2_c_QUANTITY;

#define K2_PASTE2(a, b) a##b
#define K2_PASTE(a, b) K2_PASTE2(a, b)

#define K2_FIELD(id, name, type, need, cls, meaning) k2_c_##type name;
struct k2_head { /* what every kind but quarantine begins with */
#include "codec/head.def"
};
#define KIND_TEMPLATE "codec/event_struct.inc"
#include "codec/each_kind.inc" /* struct k2_trade, struct k2_quote, ... */
#undef K2_FIELD

/* Position of a field in its kind's table: K2_TRADE_price, K2_QUOTE_bid_price, ... */
#define K2_FIELD(id, name, type, need, cls, meaning) K2_PASTE(K2_PASTE(K2_, KIND_NAME), _##name),
#define KIND_TEMPLATE "codec/event_enum.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

enum k2_kind_id {
#define K2_KIND(name, NAME, table, topic, meaning) K2_KIND_##NAME,
#include "codec/kinds.def"
#undef K2_KIND
    K2_KIND_COUNT
};

/* The kinds below it have a table in every data directory, the others from their first row on. */
#define K2_KINDS_FROM_THE_START ((int)K2_KIND_QUARANTINE + 1)

#define K2_MAX_FIELDS 64 /* of any kind, with those that were found (codec/added.h) */
/* Ids of fields that were added after a kind was first written; from K2_FOUND_ID on, of columns that were made for a
 * field of somebody else's schema which says none. Below K2_END_ID, as all ids of ours. */
#define K2_LATE_ID 50
#define K2_FOUND_ID 150
#define K2_END_ID 200

/* flags, a column of every kind but quarantine */
#define K2_FLAG_LAST 1 /* last event of its message */
#define K2_FLAG_SNAPSHOT                                                                           \
    2 /* tells what stands already, nothing happened: part of a snapshot or refresh */
#define K2_FLAG_SHARED                                                                             \
    4 /* the channel's numbers are shared by all kinds: one message, one number */
#define K2_FLAG_SPAN                                                                               \
    8 /* the message is also for the numbers before its own: from "first_sequence" of extra on, and      \
       * without one from the channel's start: then its numbers rise with holes that mean nothing */

/* One event of any kind. `kind` says which member is valid. */
struct k2_event {
    enum k2_kind_id kind;
    uint32_t
        added; /* interned: values of fields that this build does not know (codec/added.h); 0 = none */
    union {
        struct k2_head head; /* of any kind but quarantine */
#define K2_KIND(name, NAME, table, topic, meaning) struct k2_##name name;
#include "codec/kinds.def"
#undef K2_KIND
    };
};

struct k2_field {
    int id; /* Iceberg field id; element or key id is 200 + id, value id is 400 + id */
    const char *name;
    enum k2_type type;
    enum k2_need need;
    enum k2_class cls;
    const char *meaning;
    size_t offset; /* in the kind's struct */
};

struct k2_kind {
    enum k2_kind_id id;
    const char *name;         /* "trade" */
    const char *table;        /* "trades" */
    const char *topic_prefix; /* "market.ticks" */
    const char *meaning;
    const struct k2_field *fields;
    int field_count;
    size_t size; /* of the struct */
    /* JSON text of the record: fields whose class is not DERIVED or JOURNAL. */
    const char *avro_schema;
    int found; /* how many of the fields, the last ones, this build does not know (codec/added.h) */
};

/* The fields that events of this build have: without those that were found. */
static inline int k2_own_fields(const struct k2_kind *kind) {
    return kind->field_count - kind->found;
}
/* Never NULL for a valid id. */
const struct k2_kind *k2_kind(enum k2_kind_id id);
const struct k2_kind *k2_kind_by_name(struct k2_sv name);   /* NULL if there is none */
const struct k2_kind *k2_kind_by_table(struct k2_sv table); /* NULL if there is none */
const struct k2_kind *k2_kind_by_topic(struct k2_sv topic); /* "market.ticks.asx"; NULL if none */
/* Index in kind->fields or -1. */
int k2_field_by_name(const struct k2_kind *kind, struct k2_sv name);
int k2_field_by_id(const struct k2_kind *kind, int id);
static inline bool k2_field_in_record(const struct k2_field *f) {
    return f->cls != K2_DERIVED && f->cls != K2_JOURNAL;
}
size_t k2_type_size(enum k2_type type); /* bytes of one value in memory */
bool k2_type_is_interned(enum k2_type type);
/* The struct inside the event union. */
static inline void *k2_event_fields(struct k2_event *e) {
    return &e->trade;
}
static inline const void *k2_event_fields_const(const struct k2_event *e) {
    return &e->trade;
}

/* raw_offset, of any kind. */
int64_t k2_event_raw_offset(const struct k2_event *e);
void k2_event_set_raw_offset(struct k2_event *e, int64_t offset);

/* An event of the kind (not quarantine) in which nothing is said: optional columns are null, all others 0. */
void k2_event_blank(struct k2_event *e, enum k2_kind_id kind);

/* Whether text can be an exchange code: 1 to 31 of A-Z 0-9 _ - */
bool k2_exchange_ok(struct k2_sv text);
/* "market.ticks.asx" into buf. The exchange is a valid code. */
void k2_topic_name(const struct k2_kind *kind, struct k2_sv exchange, struct k2_buf *out);
/* The partition key "ASX.BHP". */
void k2_event_key(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);
/* The printed identity EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQ/PART, '%' and '/' inside values
 * percent-escaped, "." of dates as in 2014-03-10. */
void k2_message_id(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);

/* Hash of (field id, value) of every non-null IDENTITY and PAYLOAD field: equal identity and equal
 * payload hash = duplicate, other hash = conflict. Position in source or journal never enters, nor do fields that this
 * build does not know: it judges by what it knows. */
struct k2_h128 k2_payload_hash(const struct k2_event *e, const struct k2_interner *in);
/* The same over IDENTITY, PAYLOAD, RECEIVED and what was added: what replay and digests sum. */
struct k2_h128 k2_row_hash(const struct k2_event *e, const struct k2_interner *in);
/* The same over every column of the table: what reconcile compares row by row. */
struct k2_h128 k2_full_hash(const struct k2_event *e, const struct k2_interner *in);

/* Events as columns: col[i] is an array of kind->fields[i]'s C type with room for cap values, or NULL
 * if that column was dropped. */
struct k2_columns {
    const struct k2_kind *kind;
    size_t n, cap;
    void *col[K2_MAX_FIELDS];
    uint32_t *added; /* k2_event.added of each row; NULL: of none */
};

void k2_columns_init(struct k2_columns *c, const struct k2_kind *kind, size_t cap);
void k2_columns_free(struct k2_columns *c);
void k2_columns_grow(struct k2_columns *c, size_t cap);
/* Makes room for k2_event.added, 0 in each row. */
void k2_columns_add(struct k2_columns *c);
/* Gives up the column of a field that is not wanted: decoders skip its values. */
void k2_columns_drop(struct k2_columns *c, int field);
/* Copies row `row` into the event, and the event into row `row` (row < cap; n is the caller's). No
 * column may be missing. */
void k2_columns_get(const struct k2_columns *c, size_t row, struct k2_event *e);
void k2_columns_set(struct k2_columns *c, size_t row, const struct k2_event *e);
/* The same for the fields that a record holds, as far as their columns are there. */
void k2_columns_set_record(struct k2_columns *c, size_t row, const struct k2_event *e);

/* The reasons for quarantine (reasons.def), NULL-terminated. */
extern const char *const k2_reasons[];

#endif
