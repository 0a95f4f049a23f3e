/* codec/wire.h - Avro's binary primitives over a bounded cursor, shared by the generated codec
 * (avro.c) and the decoder by writer's schema (resolve.c). Avro 1.11 specification, "Binary Encoding".
 */
#ifndef K2_CODEC_WIRE_H
#define K2_CODEC_WIRE_H

#include "codec/avro.h"

/* Bytes still to be read; `bad` is set by the first read that fails and stays.
 *
 * A kind's reader is one line of these reads. They are inlined, and what is not (wire_got_...) takes
 * and gives the place as a value: so nobody has the address of the reader's own struct wire_in, and
 * it stays in registers. That, and telling the compiler which byte is the usual one, makes decoding
 * a tenth faster. */
struct wire_in {
    const uint8_t *p, *end;
    bool bad;
    struct k2_buf *scratch; /* for blobs of lists and maps */
};

#define WIRE_READ static inline __attribute__((always_inline))

/* A long and the place behind it; p is NULL if there is none. */
struct wire_got {
    const uint8_t *p;
    int64_t v;
};

/* Of more than one byte, or malformed. */
struct wire_got wire_got_long(const uint8_t *p, const uint8_t *end);

WIRE_READ int64_t wire_long(struct wire_in *in) {
    if (__builtin_expect(in->p < in->end && *in->p < 0x80, 1)) {
        uint8_t byte = *in->p++;
        return (byte >> 1) ^ -(byte & 1);
    }
    struct wire_got got = wire_got_long(in->p, in->end);
    if (got.p)
        in->p = got.p;
    else
        in->bad = true;
    return got.v;
}

WIRE_READ int32_t wire_int(struct wire_in *in) {
    int64_t v = wire_long(in);
    if (v < INT32_MIN || v > INT32_MAX)
        in->bad = true;
    return (int32_t)v;
}

WIRE_READ struct k2_sv wire_bytes(struct wire_in *in) {
    int64_t n = wire_long(in);
    if (__builtin_expect(n < 0 || n > in->end - in->p, 0)) {
        in->bad = true;
        n = 0;
    }
    struct k2_sv s = {(const char *)in->p, (size_t)n};
    in->p += n;
    return s;
}

/* Whether n bytes from the start of s, which was read last, are input. */
WIRE_READ bool wire_reaches(const struct wire_in *in, struct k2_sv s, size_t n) {
    return (size_t)(in->end - in->p) + s.n >= n;
}

/* The id of a string. */
WIRE_READ uint32_t wire_text(struct wire_in *in, struct k2_interner *interner) {
    struct k2_sv s = wire_bytes(in);
    if (__builtin_expect(s.n <= K2_INTERN_SHORT && wire_reaches(in, s, K2_INTERN_SHORT), 1))
        return k2_intern_short(interner, s);
    return k2_intern(interner, s);
}

WIRE_READ k2_i128 wire_decimal(struct wire_in *in) {
    struct k2_sv s = wire_bytes(in);
    if (__builtin_expect(s.n >= 1 && s.n <= 8 && wire_reaches(in, s, 8), 1))
        return (int64_t)__builtin_bswap64(k2_get_u64(s.p)) >> (64 - 8 * s.n);
    k2_i128 v = 0;
    if (!in->bad && !k2_decimal_from_be((const uint8_t *)s.p, s.n, &v))
        in->bad = true;
    return v;
}

/* true when the branch of ["null", T] is T. */
WIRE_READ bool wire_some(struct wire_in *in) {
    if (__builtin_expect(in->p < in->end && (*in->p == 0 || *in->p == 2), 1))
        return *in->p++;
    int64_t branch = wire_long(in);
    if (branch != 0 && branch != 1)
        in->bad = true;
    return branch == 1;
}

/* Gathers an array (pairs = false) or a map in the scratch blob; gives the place behind it, or NULL. */
const uint8_t *wire_got_blob(const uint8_t *p, const uint8_t *end, bool pairs,
                             struct k2_buf *scratch);

/* Reads an array or a map into the scratch blob. Borrowed until the next call. */
WIRE_READ struct k2_sv wire_blob(struct wire_in *in, bool pairs) {
    const uint8_t *p = wire_got_blob(in->p, in->end, pairs, in->scratch);
    if (p)
        in->p = p;
    else
        in->bad = true;
    return k2_buf_view(in->scratch);
}

/* A decoder's plan for one writer schema (resolve.c). */
struct wire_plan;
K2_RC wire_plan_make(const struct k2_kind *kind, struct k2_sv writer_schema, struct wire_plan **out,
                     struct k2_err *err);
void wire_plan_free(struct wire_plan *p);
/* Fills the fields that the record holds; the others were set to null by the caller. Of those that are not this build's,
 * the ones that the plan's kind has go into row `row` of c (NULL: of no kind's columns), the others into e->added. */
void wire_plan_run(const struct wire_plan *p, struct wire_in *in, struct k2_interner *interner,
                   struct k2_event *e, struct k2_columns *c, size_t row);

#endif
