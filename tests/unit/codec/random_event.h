/* Random events of every kind: any value a field can hold, nulls where the table allows them. */
#ifndef RANDOM_EVENT_H
#define RANDOM_EVENT_H

#include "codec/codec.h"
#include "k2test.h"

static inline uint32_t random_string(uint64_t *seed, struct k2_interner *in) {
    char text[80];
    size_t n = k2test_random(seed) % (k2test_random(seed) % 8 ? 12 : sizeof text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('!' + k2test_random(seed) % 90);
    return k2_intern(in, (struct k2_sv){text, n});
}

static inline uint32_t random_blob(uint64_t *seed, struct k2_interner *in, bool pairs) {
    struct k2_buf blob = {0};
    uint64_t n = k2test_random(seed) % 4;
    for (uint64_t i = 0; i < n; i++) {
        if (pairs) /* keys of a map are distinct and sorted */
            k2_blob_add(&blob, (struct k2_sv){&"abc"[i], 1});
        k2_blob_add(&blob, k2_interned(in, random_string(seed, in)));
    }
    uint32_t id = k2_intern(in, k2_buf_view(&blob));
    k2_buf_free(&blob);
    return id;
}

static inline k2_i128 random_decimal(uint64_t *seed, int precision) {
    k2_i128 v = (k2_i128)((k2_u128)k2test_random(seed) << 64 | k2test_random(seed));
    v %= k2_pow10(1 + (int)(k2test_random(seed) % (uint64_t)precision));
    return v;
}

static inline void random_field(uint64_t *seed, struct k2_interner *in, const struct k2_field *f,
                                void *to) {
    bool null = f->need == K2_OPT && k2test_random(seed) % 3 == 0;
    int64_t n = (int64_t)(k2test_random(seed) >> (k2test_random(seed) % 64));
    switch (f->type) {
    case K2_STR:
    case K2_BYTES:
        *(uint32_t *)to = null ? 0 : random_string(seed, in);
        break;
    case K2_LIST:
        *(uint32_t *)to = null ? 0 : random_blob(seed, in, false);
        break;
    case K2_MAP:
        *(uint32_t *)to = null ? 0 : random_blob(seed, in, true);
        break;
    case K2_LONG:
    case K2_STAMP:
        *(int64_t *)to = null ? K2_NULL_LONG : n == INT64_MIN ? 0 : n;
        break;
    case K2_INT:
    case K2_DATE:
        *(int32_t *)to = (int32_t)n;
        break;
    case K2_PRICE:
        *(k2_i128 *)to = null ? K2_NULL_DECIMAL : random_decimal(seed, K2_PRICE_PRECISION);
        break;
    case K2_QUANTITY:
        *(k2_i128 *)to = null ? K2_NULL_DECIMAL : random_decimal(seed, K2_QUANTITY_PRECISION);
        break;
    }
}

static inline struct k2_event random_event(uint64_t *seed, struct k2_interner *in,
                                           enum k2_kind_id kind) {
    struct k2_event e;
    memset(&e, 0, sizeof e);
    e.kind = kind;
    const struct k2_kind *k = k2_kind(kind);
    for (int i = 0; i < k->field_count; i++)
        random_field(seed, in, &k->fields[i], (uint8_t *)k2_event_fields(&e) + k->fields[i].offset);
    return e;
}

#endif
