/* codec/fingerprint.c - hashes of events.
 *
 * The bytes that are hashed (XXH3, 128 bit) are, for each non-null field of the classes asked for, in the
 * order of the kind's table: field id (u16 LE), then the value: LONG INT DATE STAMP as i64 LE; PRICE
 * QUANTITY as i128 LE of the unscaled value; STR BYTES as u32 LE length and bytes; LIST MAP as u32 LE
 * length and the interned blob. A null field adds nothing, so an added column changes no hash of rows that
 * lack it. To their hash is added, mod 2^128, that of each field that came later (codec/added.h), known to this build or
 * not. Journal position and raw offset enter only k2_full_hash. These bytes are a promise: replay hashes and stored
 * digests depend on them.
 */
#include "codec/added.h"

/* Enough for any event without long strings; longer ones (quarantined bytes) take the heap. */
enum { SMALL = 1024 };

struct bytes {
    uint8_t *p, *end;
    uint8_t small[SMALL];
    struct k2_buf large;
    struct k2_h128 late;
};

static void reserve(struct bytes *b, size_t n) {
    if ((size_t)(b->end - b->p) >= n)
        return;
    uint8_t *start = b->large.p ? b->large.p : b->small;
    size_t used = (size_t)(b->p - start);
    if (!b->large.p)
        k2_buf_put(&b->large, b->small, used);
    b->large.n = used;
    k2_buf_need(&b->large, n);
    b->p = b->large.p + used;
    b->end = b->large.p + b->large.cap;
}

static inline void put_id(struct bytes *b, int id) {
    k2_put_u16(b->p, (uint16_t)id);
    b->p += 2;
}

static inline void put_i64(struct bytes *b, int id, int64_t v) {
    reserve(b, 10);
    put_id(b, id);
    k2_put_u64(b->p, (uint64_t)v);
    b->p += 8;
}

static inline void put_i128(struct bytes *b, int id, k2_i128 v) {
    reserve(b, 18);
    put_id(b, id);
    memcpy(b->p, &v, 16);
    b->p += 16;
}

static inline void put_interned(struct bytes *b, int id, uint32_t v, const struct k2_interner *in) {
    if (v == 0)
        return;
    struct k2_sv s = k2_interned(in, v);
    reserve(b, 6 + s.n);
    put_id(b, id);
    k2_put_u32(b->p, (uint32_t)s.n);
    if (s.n)
        memcpy(b->p + 4, s.p, s.n);
    b->p += 4 + s.n;
}

#define PUT_STR(id, v) put_interned(b, id, v, in)
#define PUT_LIST(id, v) put_interned(b, id, v, in)
#define PUT_MAP(id, v) put_interned(b, id, v, in)
#define PUT_BYTES(id, v) put_interned(b, id, v, in)
#define PUT_LONG(id, v)                                                                            \
    if ((v) != K2_NULL_LONG)                                                                       \
    put_i64(b, id, v)
#define PUT_STAMP(id, v) PUT_LONG(id, v)
#define PUT_INT(id, v)                                                                             \
    if ((v) != K2_NULL_INT)                                                                        \
    put_i64(b, id, v)
#define PUT_DATE(id, v) PUT_INT(id, v)
#define PUT_PRICE(id, v)                                                                           \
    if ((v) != K2_NULL_DECIMAL)                                                                    \
    put_i128(b, id, v)
#define PUT_QUANTITY(id, v) PUT_PRICE(id, v)

/* A field that was added later has its share by its name: older programs know no id of it. */
static void put_late(struct bytes *b, const char *name, enum k2_type type, const void *value,
                     const struct k2_interner *in) {
    struct k2_buf blob = {0};
    if (k2_value_is_null(type, value))
        return;
    k2_added_put(&blob, k2_sv_of(name), type, value, in);
    b->late = k2_h128_add(b->late, k2_added_sum(k2_buf_view(&blob)));
    k2_buf_free(&blob);
}

/* classes is a constant at each call site: after inlining only the wanted fields' code remains. */
#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    if (classes & (1u << K2_##cls)) {                                                              \
        if ((id) < K2_LATE_ID) {                                                                   \
            PUT_##type(id, e->name);                                                               \
        } else {                                                                                   \
            put_late(b, #name, K2_##type, &e->name, in);                                           \
        }                                                                                          \
    }
#define KIND_TEMPLATE "codec/fingerprint_kind.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

static inline struct k2_h128 hash_classes(const struct k2_event *e, const struct k2_interner *in,
                                          unsigned classes) {
    struct bytes b;
    b.p = b.small;
    b.end = b.small + SMALL;
    b.large = (struct k2_buf){0};
    b.late = (struct k2_h128){0};
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        put_##name(&b, &e->name, in, classes);                                                     \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        K2_ASSERT(!"known kind");
    }
    const uint8_t *start = b.large.p ? b.large.p : b.small;
    struct k2_h128 h = k2_h128_add(k2_hash128(start, (size_t)(b.p - start)), b.late);
    k2_buf_free(&b.large);
    return h;
}

enum {
    PAYLOAD_CLASSES = 1u << K2_IDENTITY | 1u << K2_PAYLOAD,
    ROW_CLASSES = PAYLOAD_CLASSES | 1u << K2_RECEIVED,
    ALL_CLASSES = ROW_CLASSES | 1u << K2_ORIGIN | 1u << K2_DERIVED | 1u << K2_JOURNAL
};

struct k2_h128 k2_payload_hash(const struct k2_event *e, const struct k2_interner *in) {
    return hash_classes(e, in, PAYLOAD_CLASSES);
}

static struct k2_h128 with_added(struct k2_h128 h, const struct k2_event *e,
                                 const struct k2_interner *in) {
    return e->added ? k2_h128_add(h, k2_added_sum(k2_interned(in, e->added))) : h;
}

struct k2_h128 k2_row_hash(const struct k2_event *e, const struct k2_interner *in) {
    return with_added(hash_classes(e, in, ROW_CLASSES), e, in);
}

struct k2_h128 k2_full_hash(const struct k2_event *e, const struct k2_interner *in) {
    return with_added(hash_classes(e, in, ALL_CLASSES), e, in);
}
