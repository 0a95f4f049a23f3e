/* codec/wire.h - Avro's binary primitives over a bounded cursor, shared by the generated codec
 * (avro.c) and the decoder by writer's schema (resolve.c). Avro 1.11 specification, "Binary Encoding".
 */
#ifndef K2_CODEC_WIRE_H
#define K2_CODEC_WIRE_H

#include "codec/avro.h"

/* Bytes still to be read; `bad` is set by the first read that fails and stays. */
struct wire_in {
    const uint8_t *p, *end;
    bool bad;
    struct k2_buf *scratch; /* for blobs of lists and maps */
};

static inline int64_t wire_long(struct wire_in *in) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->p == in->end)
            break;
        uint8_t byte = *in->p++;
        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
    }
    in->bad = true;
    return 0;
}

static inline int32_t wire_int(struct wire_in *in) {
    int64_t v = wire_long(in);
    if (v < INT32_MIN || v > INT32_MAX)
        in->bad = true;
    return (int32_t)v;
}

static inline struct k2_sv wire_bytes(struct wire_in *in) {
    int64_t n = wire_long(in);
    if (n < 0 || n > in->end - in->p) {
        in->bad = true;
        return (struct k2_sv){0};
    }
    struct k2_sv s = {(const char *)in->p, (size_t)n};
    in->p += n;
    return s;
}

static inline k2_i128 wire_decimal(struct wire_in *in) {
    struct k2_sv s = wire_bytes(in);
    k2_i128 v = 0;
    if (!in->bad && !k2_decimal_from_be((const uint8_t *)s.p, s.n, &v))
        in->bad = true;
    return v;
}

/* true when the branch of ["null", T] is T. */
static inline bool wire_some(struct wire_in *in) {
    int64_t branch = wire_long(in);
    if (branch != 0 && branch != 1)
        in->bad = true;
    return branch == 1;
}

/* Count of the next block of an array or map, 0 at its end; a byte size before it is skipped over. */
int64_t wire_block(struct wire_in *in);
/* Reads an array (pairs = false) or a map into the scratch blob. Borrowed until the next call. */
struct k2_sv wire_blob(struct wire_in *in, bool pairs);

/* A decoder's plan for one writer schema (resolve.c). */
struct wire_plan;
K2_RC wire_plan_make(const struct k2_kind *kind, struct k2_sv writer_schema, struct wire_plan **out,
                     struct k2_err *err);
void wire_plan_free(struct wire_plan *p);
/* Fills the fields that the record holds; the others were set to null by the caller. */
void wire_plan_run(const struct wire_plan *p, struct wire_in *in, struct k2_interner *interner,
                   struct k2_event *e);

#endif
