/* codec/avro.c - the Avro codec of every kind, generated from the .def tables. See avro.h.
 *
 * Each kind's encoder and decoder are one straight line of inlined code per field (measured 13-25x
 * libavro, which is the test oracle). An encoder first bounds the size of the record, then writes without
 * further checks.
 */
#include "codec/added.h"
#include "codec/wire.h"

#include <stdlib.h>

/* --- primitives --- */

/* 56 bits as 8 groups of 7, each in a byte: halves, then pairs of pairs, then pairs. */
static inline uint64_t split7(uint64_t v) {
    v = (v & 0x0fffffff) | (v & 0x00fffffff0000000) << 4;
    v = (v & 0x00003fff00003fff) | (v & 0x0fffc0000fffc000) << 2;
    return (v & 0x007f007f007f007f) | (v & 0x3f803f803f803f80) << 1;
}

/* Every place where a long is put has room for 10 bytes, so its first 8 are stored at once. */
static uint8_t *put_wide(uint8_t *p, uint64_t z) {
    uint64_t rest = z >> 56, more = 0x8080808080808080;
    unsigned n = rest ? 8 : (unsigned)(63 - __builtin_clzll(z)) / 7 + 1;
    if (!rest)
        more &= (UINT64_C(1) << (8 * n - 8)) - 1; /* all but the last */
    k2_put_u64(p, split7(z) | more);
    for (p += n; rest; rest >>= 7)
        *p++ = (uint8_t)(rest >= 0x80 ? rest | 0x80 : rest);
    return p;
}

static inline uint8_t *put_long(uint8_t *p, int64_t v) {
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    if (z >= 0x80)
        return put_wide(p, z);
    *p = (uint8_t)z;
    return p + 1;
}

/* An interned string, or one of an interned blob: K2_INTERN_SHORT bytes of it can be read, and written
 * where the next field will stand, so most are copied without a call. */
static inline uint8_t *put_bytes(uint8_t *p, struct k2_sv s) {
    p = put_long(p, (int64_t)s.n);
    if (s.n <= K2_INTERN_SHORT)
        memcpy(p, s.p, K2_INTERN_SHORT);
    else
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static inline uint8_t *put_decimal(uint8_t *p, k2_i128 v) {
    size_t n = k2_decimal_to_be(v, p + 1); /* up to 16 bytes: the length takes one */
    *p = (uint8_t)(n << 1);
    return p + 1 + n;
}

static uint8_t *put_blob(uint8_t *p, struct k2_sv blob, int strings_per_item) {
    int64_t n = 0;
    struct k2_sv s;
    for (struct k2_sv rest = blob; k2_blob_next(&rest, &s);)
        n++;
    if (n) {
        p = put_long(p, n / strings_per_item);
        while (k2_blob_next(&blob, &s))
            p = put_bytes(p, s);
    }
    *p++ = 0;
    return p;
}

void k2_avro_put_long(struct k2_buf *b, int64_t v) {
    uint8_t *p = k2_buf_need(b, 10);
    b->n += (size_t)(put_long(p, v) - p);
}

void k2_avro_put_bytes(struct k2_buf *b, struct k2_sv s) {
    k2_avro_put_long(b, (int64_t)s.n);
    k2_buf_sv(b, s);
}

bool k2_avro_get_long(struct k2_sv *in, int64_t *v) {
    struct wire_in cursor = {(const uint8_t *)in->p, (const uint8_t *)in->p + in->n, false, NULL};
    *v = wire_long(&cursor);
    if (cursor.bad)
        return false;
    *in = (struct k2_sv){(const char *)cursor.p, (size_t)(cursor.end - cursor.p)};
    return true;
}

bool k2_avro_get_bytes(struct k2_sv *in, struct k2_sv *s) {
    int64_t n;
    if (!k2_avro_get_long(in, &n) || n < 0 || (uint64_t)n > in->n)
        return false;
    *s = (struct k2_sv){in->p, (size_t)n};
    *in = (struct k2_sv){in->p + n, in->n - (size_t)n};
    return true;
}

static int64_t unzigzag(uint64_t v) {
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Byte by byte: near the end of the input, and what is malformed. */
static struct wire_got got_bytes(const uint8_t *p, const uint8_t *end) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return (struct wire_got){p, unzigzag(v)};
    }
    return (struct wire_got){NULL, 0};
}

/* The low 7 bits of each of 8 bytes: pairs of them, pairs of pairs, halves. */
static uint64_t join7(uint64_t v) {
    v = (v & 0x007f007f007f007f) | (v & 0x7f007f007f007f00) >> 1;
    v = (v & 0x00003fff00003fff) | (v & 0x3fff00003fff0000) >> 2;
    return (v & 0x0fffffff) | (v & 0x0fffffff00000000) >> 4;
}

/* One load of 8 bytes takes most without a loop; a time in ns has a ninth. */
struct wire_got wire_got_long(const uint8_t *p, const uint8_t *end) {
    if (end - p < 9)
        return got_bytes(p, end);
    uint64_t word = k2_get_u64(p);
    uint64_t last = ~word & 0x8080808080808080; /* lowest bit set: in the last byte */
    if (last) {
        uint64_t v = join7(word & (last ^ (last - 1)));
        return (struct wire_got){p + (unsigned)__builtin_ctzll(last) / 8 + 1, unzigzag(v)};
    }
    if (p[8] & 0x80)
        return got_bytes(p, end);
    return (struct wire_got){p + 9, unzigzag(join7(word) | (uint64_t)p[8] << 56)};
}

/* Count of the next block of an array or map, 0 at its end; a byte size before it is skipped over. */
static int64_t block(struct wire_in *in) {
    int64_t n = wire_long(in);
    if (n < 0) { /* a negative count is followed by the block's size in bytes */
        wire_long(in);
        n = n == INT64_MIN ? INT64_MAX : -n;
    }
    /* Every item takes at least one byte, so a larger count is a lie that must not make us loop. */
    if (n > in->end - in->p)
        in->bad = true;
    return in->bad ? 0 : n;
}

const uint8_t *wire_got_blob(const uint8_t *p, const uint8_t *end, bool pairs,
                             struct k2_buf *scratch) {
    struct wire_in in = {p, end, false, scratch};
    scratch->n = 0;
    for (int64_t n; (n = block(&in)) != 0;)
        for (n *= pairs ? 2 : 1; n > 0 && !in.bad; n--)
            k2_blob_add(scratch, wire_bytes(&in));
    return in.bad ? NULL : in.p;
}

/* --- encoding --- */

/* What makes a value unencodable, found before the first byte is written. */
struct refusal {
    const char *field;
    const char *why;
    int status;
};

#define SIZE_LONG(v) 11 /* union branch and the longest varint */
#define SIZE_STAMP(v) 11
#define SIZE_INT(v) 11
#define SIZE_DATE(v) 11
#define SIZE_PRICE(v) 18
#define SIZE_QUANTITY(v) 18
#define SIZE_STR(v) (11 + K2_INTERN_SHORT + k2_interned(in, v).n)
#define SIZE_BYTES(v) SIZE_STR(v)
/* A blob's u32 lengths and count cover the varints, except one byte each of count and end. */
#define SIZE_LIST(v) (24 + K2_INTERN_SHORT + 2 * k2_interned(in, v).n)
#define SIZE_MAP(v) SIZE_LIST(v)

#define BAD_STR(v) ((v) == 0)
#define BAD_BYTES(v) ((v) == 0)
#define BAD_LIST(v) ((v) == 0)
#define BAD_MAP(v) ((v) == 0)
#define BAD_LONG(v) ((v) == K2_NULL_LONG)
#define BAD_STAMP(v) BAD_LONG(v)
#define BAD_INT(v) ((v) == K2_NULL_INT)
#define BAD_DATE(v) BAD_INT(v)
#define BAD_PRICE(v) ((v) == K2_NULL_DECIMAL)
#define BAD_QUANTITY(v) BAD_PRICE(v)

#define WIDE_STR(v) false
#define WIDE_BYTES(v) false
#define WIDE_LIST(v) false
#define WIDE_MAP(v) false
#define WIDE_LONG(v) false
#define WIDE_STAMP(v) false
#define WIDE_INT(v) false
#define WIDE_DATE(v) false
#define WIDE_PRICE(v) ((v) != K2_NULL_DECIMAL && !k2_decimal_fits(v, K2_PRICE_PRECISION))
#define WIDE_QUANTITY(v) ((v) != K2_NULL_DECIMAL && !k2_decimal_fits(v, K2_QUANTITY_PRECISION))

#define PUT_STR(v) p = put_bytes(p, k2_interned(in, v))
#define PUT_BYTES(v) PUT_STR(v)
#define PUT_LIST(v) p = put_blob(p, k2_interned(in, v), 1)
#define PUT_MAP(v) p = put_blob(p, k2_interned(in, v), 2)
#define PUT_LONG(v) p = put_long(p, v)
#define PUT_STAMP(v) p = put_long(p, v)
#define PUT_INT(v) p = put_long(p, v)
#define PUT_DATE(v) p = put_long(p, v)
#define PUT_PRICE(v) p = put_decimal(p, v)
#define PUT_QUANTITY(v) p = put_decimal(p, v)

#define IN_RECORD(cls) (K2_##cls != K2_DERIVED && K2_##cls != K2_JOURNAL)

#define CHECK_FIELD(id, name, type, need, cls, meaning)                                            \
    if (IN_RECORD(cls)) {                                                                          \
        if (K2_##need == K2_REQ && BAD_##type(e->name))                                            \
            return (struct refusal){#name, "is required and has no value", K2_E_INVALID};          \
        if (WIDE_##type(e->name))                                                                  \
            return (struct refusal){#name, "has more digits than its column", K2_E_RANGE};         \
        *size += SIZE_##type(e->name);                                                             \
    }

#define WRITE_FIELD(id, name, type, need, cls, meaning)                                            \
    if (IN_RECORD(cls)) {                                                                          \
        bool some_##name = true;                                                                   \
        if (K2_##need == K2_OPT)                                                                   \
            *p++ = (some_##name = !BAD_##type(e->name)) ? 2 : 0;                                   \
        if (some_##name)                                                                           \
            PUT_##type(e->name);                                                                   \
    }

#define K2_FIELD CHECK_FIELD
#define KIND_TEMPLATE "codec/avro_check.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

#define K2_FIELD WRITE_FIELD
#define KIND_TEMPLATE "codec/avro_write.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

static struct refusal check(const struct k2_event *e, const struct k2_interner *in, size_t *size) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return check_##name(&e->name, in, size);
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"known kind");
}

static uint8_t *write_record(const struct k2_event *e, const struct k2_interner *in, uint8_t *p) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return write_##name(&e->name, in, p);
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"known kind");
}

int k2_avro_encode(const struct k2_event *e, const struct k2_interner *in, uint32_t schema_id,
                   struct k2_buf *out, struct k2_err *err) {
    size_t size = K2_WIRE_HEADER;
    struct refusal no = check(e, in, &size);
    if (no.field)
        return k2_fail(err, no.status, "%s: %s %s", k2_kind(e->kind)->name, no.field, no.why);
    uint8_t *start = k2_buf_need(out, size);
    start[0] = 0;
    uint32_t big_endian = __builtin_bswap32(schema_id);
    memcpy(start + 1, &big_endian, 4);
    uint8_t *end = write_record(e, in, start + K2_WIRE_HEADER);
    K2_ASSERT((size_t)(end - start) <= size);
    out->n += (size_t)(end - start);
    return K2_OK;
}

/* --- decoding --- */

#define GET_STR wire_text(in, interner)
#define GET_BYTES GET_STR
#define GET_LIST k2_intern(interner, wire_blob(in, false))
#define GET_MAP k2_intern(interner, wire_blob(in, true))
#define GET_LONG wire_long(in)
#define GET_STAMP wire_long(in)
#define GET_INT wire_int(in)
#define GET_DATE wire_int(in)
#define GET_PRICE wire_decimal(in)
#define GET_QUANTITY wire_decimal(in)

#define NULL_STR 0
#define NULL_BYTES 0
#define NULL_LIST 0
#define NULL_MAP 0
#define NULL_LONG K2_NULL_LONG
#define NULL_STAMP K2_NULL_LONG
#define NULL_INT K2_NULL_INT
#define NULL_DATE K2_NULL_INT
#define NULL_PRICE K2_NULL_DECIMAL
#define NULL_QUANTITY K2_NULL_DECIMAL

#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    if (IN_RECORD(cls))                                                                            \
        e->name = K2_##need == K2_REQ || wire_some(in) ? GET_##type : NULL_##type;
#define KIND_TEMPLATE "codec/avro_read.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

static void read_record(struct wire_in *in, struct k2_interner *interner, struct k2_event *e) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        read_##name(in, interner, &e->name);                                                       \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        K2_ASSERT(!"known kind");
    }
}

#define SKIP_STR wire_bytes(in)
#define SKIP_BYTES wire_bytes(in)
#define SKIP_LIST wire_blob(in, false)
#define SKIP_MAP wire_blob(in, true)
#define SKIP_LONG wire_long(in)
#define SKIP_STAMP wire_long(in)
#define SKIP_INT wire_int(in)
#define SKIP_DATE wire_int(in)
#define SKIP_PRICE wire_decimal(in)
#define SKIP_QUANTITY wire_decimal(in)

/* The same into a row of columns; `col` walks along the kind's table. */
#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    if (IN_RECORD(cls)) {                                                                          \
        bool some = K2_##need == K2_REQ || wire_some(in);                                          \
        if (*col)                                                                                  \
            ((k2_c_##type *)*col)[row] = some ? GET_##type : NULL_##type;                          \
        else if (some)                                                                             \
            SKIP_##type;                                                                           \
    }                                                                                              \
    col++;
#define KIND_TEMPLATE "codec/avro_read_row.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

static void read_row(struct wire_in *in, struct k2_interner *interner, struct k2_columns *c,
                     size_t row) {
    switch (c->kind->id) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        read_##name##_row(in, interner, c->col, row);                                              \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        K2_ASSERT(!"known kind");
    }
}

/* Null for optional fields, 0 and id 0 for required ones, for the fields of a record. */
#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    if (IN_RECORD(cls))                                                                            \
        e->name = K2_##need == K2_OPT ? NULL_##type : 0;
#define KIND_TEMPLATE "codec/avro_blank.inc"
#include "codec/each_kind.inc"
#undef K2_FIELD

static void blank_record(struct k2_event *e) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        blank_##name(&e->name);                                                                    \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        K2_ASSERT(!"known kind");
    }
}

void k2_event_blank(struct k2_event *e, enum k2_kind_id kind) {
    *e = (struct k2_event){.kind = kind};
    blank_record(e);
}

/* What a decoder learned about one schema id: plan NULL = it is the current schema. */
struct known_schema {
    uint32_t id;
    struct wire_plan *plan;
};

struct k2_decoder {
    const struct k2_kind *kind;
    struct k2_interner *interner;
    struct k2_schema_source source;
    struct k2_buf scratch;
    struct known_schema *known;
    size_t known_count;
};

struct k2_decoder *k2_decoder_new(const struct k2_kind *kind, struct k2_interner *in,
                                  struct k2_schema_source source) {
    struct k2_decoder *d = k2_zalloc(sizeof *d);
    d->kind = kind;
    d->interner = in;
    d->source = source;
    return d;
}

void k2_decoder_free(struct k2_decoder *d) {
    if (!d)
        return;
    for (size_t i = 0; i < d->known_count; i++)
        wire_plan_free(d->known[i].plan);
    free(d->known);
    k2_buf_free(&d->scratch);
    free(d);
}

static K2_RC learn(struct k2_decoder *d, uint32_t id, struct known_schema **out,
                   struct k2_err *err) {
    struct k2_sv text;
    K2_TRY_CTX(d->source.find(d->source.ctx, id, &text, err), err, "schema id %u", id);
    struct known_schema s = {id, NULL};
    if (!k2_sv_eq(text, k2_sv_of(d->kind->avro_schema)))
        K2_TRY_CTX(wire_plan_make(d->kind, text, &s.plan, err), err, "schema id %u", id);
    d->known = k2_realloc(d->known, (d->known_count + 1) * sizeof *d->known);
    d->known[d->known_count] = s;
    *out = &d->known[d->known_count++];
    return K2_OK;
}

static K2_RC find_schema(struct k2_decoder *d, uint32_t id, struct known_schema **out,
                         struct k2_err *err) {
    for (size_t i = d->known_count; i-- > 0;) {
        if (d->known[i].id == id) {
            *out = &d->known[i];
            return K2_OK;
        }
    }
    return learn(d, id, out, err);
}

void k2_wire_put_header(struct k2_buf *b, uint32_t schema_id) {
    uint32_t big_endian = __builtin_bswap32(schema_id);
    k2_buf_byte(b, 0);
    k2_buf_put(b, &big_endian, 4);
}

int k2_wire_schema_id(struct k2_sv value, uint32_t *id, struct k2_err *err) {
    if (value.n < K2_WIRE_HEADER)
        return k2_fail(err, K2_E_CORRUPT, "a record of %zu bytes is too short for a schema id",
                       value.n);
    if (value.p[0] != 0)
        return k2_fail(err, K2_E_CORRUPT, "the record's first byte is %u, not the magic byte 0",
                       (unsigned)(uint8_t)value.p[0]);
    uint32_t big_endian;
    memcpy(&big_endian, value.p + 1, 4);
    *id = __builtin_bswap32(big_endian);
    return K2_OK;
}

/* A record of another schema. */
static void read_planned(struct k2_decoder *d, const struct wire_plan *plan, struct wire_in *in,
                         struct k2_event *e, struct k2_columns *c, size_t row) {
    blank_record(e);
    wire_plan_run(plan, in, d->interner, e, c, row);
}

/* What this build does not know is null in a record that does not say it. */
static void blank_found(struct k2_columns *c, size_t row) {
    for (int i = k2_own_fields(c->kind); i < c->kind->field_count; i++)
        k2_value_set_null(c->kind->fields[i].type,
                          (char *)c->col[i] + row * k2_type_size(c->kind->fields[i].type));
}

/* A value that would be lost is an error. */
static K2_RC keep_added(const struct k2_event *e, struct k2_columns *c, size_t row,
                        const struct known_schema *schema, struct k2_err *err) {
    if (c->added)
        c->added[row] = e->added;
    else if (e->added)
        return k2_fail(err, K2_E_CONFLICT, "schema id %u has a field that has no column",
                       schema->id);
    return K2_OK;
}

/* Points *in at the record behind the header and finds its schema. */
static K2_RC begin(struct k2_decoder *d, struct k2_sv value, struct wire_in *in,
                   struct known_schema **schema, struct k2_err *err) {
    uint32_t id;
    K2_TRY(k2_wire_schema_id(value, &id, err));
    K2_TRY(find_schema(d, id, schema, err));
    const uint8_t *start = (const uint8_t *)value.p;
    *in = (struct wire_in){start + K2_WIRE_HEADER, start + value.n, false, &d->scratch};
    return K2_OK;
}

/* Whether the record was sound and ends where the value ends. */
static K2_RC end(const struct k2_decoder *d, struct k2_sv value, const struct wire_in *in,
                 const struct known_schema *schema, struct k2_err *err) {
    if (in->bad)
        return k2_fail(err, K2_E_CORRUPT, "the %s record breaks its schema (id %u) near byte %td",
                       d->kind->name, schema->id, (const char *)in->p - value.p);
    if (in->p != in->end)
        return k2_fail(err, K2_E_CORRUPT, "the %s record has %td bytes behind its end",
                       d->kind->name, in->end - in->p);
    return K2_OK;
}

int k2_decode(struct k2_decoder *d, struct k2_sv value, struct k2_event *e, struct k2_err *err) {
    struct wire_in in;
    struct known_schema *schema = NULL;
    K2_TRY(begin(d, value, &in, &schema, err));
    e->kind = d->kind->id;
    e->added = 0;
    if (schema->plan)
        read_planned(d, schema->plan, &in, e, NULL, 0);
    else
        read_record(&in, d->interner, e);
    return end(d, value, &in, schema, err);
}

int k2_decode_row(struct k2_decoder *d, struct k2_sv value, struct k2_columns *c, size_t row,
                  struct k2_err *err) {
    struct wire_in in;
    struct known_schema *schema = NULL;
    K2_TRY(begin(d, value, &in, &schema, err));
    blank_found(c, row);
    if (schema->plan) {
        struct k2_event e = {.kind = d->kind->id};
        read_planned(d, schema->plan, &in, &e, c, row);
        k2_columns_set_record(c, row, &e);
        K2_TRY(keep_added(&e, c, row, schema, err));
    } else {
        read_row(&in, d->interner, c, row);
    }
    return end(d, value, &in, schema, err);
}
