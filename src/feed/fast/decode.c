/* feed/fast/decode.c - messages by their templates: operators (FAST 1.1, section 6.3), groups and sequences (6.2), and
 * the segments of a message (10.1). */
#include "feed/fast/fast.h"

#include <stdlib.h>

#define CELLS_MAX ((size_t)1 << 18) /* elements of no bytes could else be without end */
#define TEXTS_KEPT ((size_t)1 << 16)
#define DEEP 8 /* messages inside messages */

static bool decode_fields(struct fast_decoder *d, int32_t first, int32_t end, struct fast_map *map);
static bool decode_segment(struct fast_decoder *d);

static bool is_integer(unsigned type) {
    return type <= FAST_UINT64;
}

struct k2_sv fast_text(const struct fast_decoder *d, const struct fast_value *v) {
    return (struct k2_sv){(const char *)d->texts.p + v->at, v->n};
}

/* --- cells --- */

static struct fast_cell *add_cell(struct fast_decoder *d, enum fast_cell_is is, int32_t field,
                                  int32_t index) {
    if (d->n == CELLS_MAX) {
        (void)fast_fault(d, "it has more fields than a message can have");
        return NULL;
    }
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 512;
        d->cells = k2_realloc(d->cells, d->cap * sizeof *d->cells);
    }
    struct fast_cell *c = &d->cells[d->n++];
    *c = (struct fast_cell){
        .is = (uint8_t)is, .field = field, .index = index, .at = (uint32_t)d->at};
    return c;
}

/* --- values --- */

static bool in_range(struct fast_decoder *d, unsigned type, k2_i128 v) {
    static const struct {
        k2_i128 low, high;
    } ranges[] = {[FAST_INT32] = {INT32_MIN, INT32_MAX},
                  [FAST_UINT32] = {0, UINT32_MAX},
                  [FAST_INT64] = {INT64_MIN, INT64_MAX},
                  [FAST_UINT64] = {0, UINT64_MAX}};
    return (v >= ranges[type].low && v <= ranges[type].high) ||
           fast_fault(d, "D2: an integer is larger than its type");
}

static bool exponent_ok(struct fast_decoder *d, k2_i128 v) {
    return (v >= -63 && v <= 63) || fast_fault(d, "R1: the exponent of a decimal is not -63 to 63");
}

static bool read_decimal(struct fast_decoder *d, bool nullable, bool *null,
                         struct fast_value *out) {
    k2_i128 exponent = 0;
    bool no;
    if (!fast_read_int(d, nullable, null, &exponent) || *null)
        return !d->why && !d->more;
    if (!exponent_ok(d, exponent) || !fast_read_int(d, false, &no, &out->number))
        return false;
    out->exponent = (int32_t)exponent;
    return in_range(d, FAST_INT64, out->number);
}

/* UTF-8 as RFC 3629 has it; R2. */
static bool is_utf8(struct k2_sv s) {
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        unsigned more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : 3;
        if ((more == 3 && (*p < 0xf0 || *p > 0xf4)) || (size_t)(end - p) <= more)
            return false;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
            return false;
        for (p++; more; more--, p++)
            if ((*p & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* A value as the wire has it when no operator stands in between. */
static bool read_value(struct fast_decoder *d, const struct fast_field *f, struct fast_value *out) {
    bool null = false, read;
    *out = (struct fast_value){.type = f->type};
    if (f->type == FAST_DECIMAL)
        read = read_decimal(d, f->optional, &null, out);
    else if (f->type == FAST_ASCII)
        read = fast_read_ascii(d, f->optional, &null, out);
    else if (!is_integer(f->type))
        read = fast_read_bytes(d, f->optional, &null, out);
    else if (f->type == FAST_INT32 || f->type == FAST_INT64)
        read = fast_read_int(d, f->optional, &null, &out->number);
    else
        read = fast_read_uint(d, f->optional, &null, &out->number);
    out->there = null ? FAST_EMPTY : FAST_ASSIGNED;
    if (!read || null)
        return read;
    if (f->type == FAST_UNICODE && !is_utf8(fast_text(d, out)))
        return fast_fault(d, "R2: a string is no UTF-8");
    return !is_integer(f->type) || in_range(d, f->type, out->number);
}

/* The initial value; its text becomes the decoder's. */
static struct fast_value initial_of(struct fast_decoder *d, const struct fast_field *f) {
    struct fast_value v = f->initial;
    if (v.n) {
        v.at = (uint32_t)d->texts.n;
        k2_buf_put(&d->texts, d->t->texts.p + f->initial.at, v.n);
    }
    return v;
}

/* --- operators --- */

/* Of the previous value: false when it is of another type (D4). */
static bool previous_of(struct fast_decoder *d, const struct fast_field *f,
                        struct fast_value *out) {
    *out = d->slots[f->slot];
    return out->there != FAST_ASSIGNED || out->type == f->type ||
           fast_fault(d, "D4: the previous value is of another type");
}

static void increment(struct fast_value *v) {
    static const k2_i128 high[] = {INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    static const k2_i128 low[] = {INT32_MIN, 0, INT64_MIN, 0};
    v->number = v->number == high[v->type] ? low[v->type] : v->number + 1;
}

/* Copy, increment and tail without a value on the wire: 6.3.4 to 6.3.6. */
static bool repeat(struct fast_decoder *d, const struct fast_field *f, struct fast_value *out) {
    if (!previous_of(d, f, out))
        return false;
    if (out->there == FAST_ASSIGNED) {
        if (f->op == FAST_INCREMENT)
            increment(out);
    } else if (out->there == FAST_UNDEFINED && f->initial.there == FAST_ASSIGNED) {
        *out = initial_of(d, f);
    } else if (!f->optional) {
        return fast_fault(d, out->there == FAST_UNDEFINED
                                 ? "D5: there is neither a previous nor an initial value"
                                 : "D6: the previous value is empty");
    } else {
        *out = (struct fast_value){.there = FAST_EMPTY, .type = f->type};
    }
    d->slots[f->slot] = *out;
    return true;
}

/* What a delta or a tail is put to. */
static bool base_of(struct fast_decoder *d, const struct fast_field *f, struct fast_value *out) {
    if (!previous_of(d, f, out))
        return false;
    if (out->there == FAST_EMPTY && f->op == FAST_DELTA)
        return fast_fault(d, "D6: the previous value is empty");
    if (out->there != FAST_ASSIGNED)
        *out = f->initial.there == FAST_ASSIGNED
                   ? initial_of(d, f)
                   : (struct fast_value){.there = FAST_ASSIGNED, .type = f->type};
    return true;
}

/* left, then right, both in d->texts. */
static void join(struct fast_decoder *d, struct fast_value *out, uint32_t left, uint32_t left_n,
                 uint32_t right, uint32_t right_n) {
    uint8_t *p = k2_buf_need(&d->texts, (size_t)left_n + right_n);
    memcpy(p, d->texts.p + left, left_n);
    memcpy(p + left_n, d->texts.p + right, right_n);
    out->at = (uint32_t)d->texts.n;
    out->n = left_n + right_n;
    d->texts.n += out->n;
}

/* 6.3.7.3 and 6.3.7.4: how much is cut off the base, from its end or (negative, less one) from its start. */
static bool delta_text(struct fast_decoder *d, const struct fast_field *f, struct fast_value *v,
                       bool *null) {
    struct fast_value with = {0};
    k2_i128 cut = 0;
    bool no;
    if (!fast_read_int(d, f->optional, null, &cut) || *null)
        return !d->why && !d->more;
    if (!(f->type == FAST_ASCII ? fast_read_ascii(d, false, &no, &with)
                                : fast_read_bytes(d, false, &no, &with)))
        return false;
    k2_i128 size = cut < 0 ? -cut - 1 : cut;
    if (size > v->n)
        return fast_fault(d, "D7: more is cut off a string than it has");
    uint32_t left = v->n - (uint32_t)size;
    if (cut < 0)
        join(d, v, with.at, with.n, v->at + (uint32_t)size, left);
    else
        join(d, v, v->at, left, with.at, with.n);
    return f->type != FAST_UNICODE || is_utf8(fast_text(d, v)) ||
           fast_fault(d, "R2: a string is no UTF-8");
}

static bool delta_number(struct fast_decoder *d, const struct fast_field *f, struct fast_value *v,
                         bool *null) {
    k2_i128 by = 0, exponent = 0;
    bool no;
    if (f->type == FAST_DECIMAL) {
        if (!fast_read_int(d, f->optional, null, &exponent) || *null)
            return !d->why && !d->more;
        exponent += v->exponent;
        if (!exponent_ok(d, exponent) || !fast_read_int(d, false, &no, &by))
            return false;
        v->exponent = (int32_t)exponent;
    } else if (!fast_read_int(d, f->optional, null, &by) || *null) {
        return !d->why && !d->more;
    }
    v->number += by;
    return in_range(d, f->type == FAST_DECIMAL ? FAST_INT64 : f->type, v->number);
}

static bool decode_delta(struct fast_decoder *d, const struct fast_field *f,
                         struct fast_value *out) {
    bool null = false;
    if (!base_of(d, f, out))
        return false;
    if (!(f->type <= FAST_DECIMAL ? delta_number(d, f, out, &null) : delta_text(d, f, out, &null)))
        return false;
    if (null)
        *out = (struct fast_value){.there = FAST_EMPTY, .type = f->type};
    else
        d->slots[f->slot] = *out;
    return true;
}

static bool decode_tail(struct fast_decoder *d, const struct fast_field *f,
                        struct fast_value *out) {
    struct fast_value base;
    if (!read_value(d, f, out))
        return false;
    if (out->there == FAST_ASSIGNED) {
        if (!base_of(d, f, &base))
            return false;
        uint32_t kept = base.n > out->n ? base.n - out->n : 0;
        join(d, out, base.at, kept, out->at, out->n);
    }
    d->slots[f->slot] = *out;
    return true;
}

static bool decode_value(struct fast_decoder *d, const struct fast_field *f, struct fast_map *map,
                         struct fast_value *out) {
    switch ((enum fast_operator)f->op) {
    case FAST_NONE:
        return read_value(d, f, out);
    case FAST_DELTA:
        return decode_delta(d, f, out);
    case FAST_CONSTANT:
        *out = f->optional && !fast_map_next(d, map)
                   ? (struct fast_value){.there = FAST_EMPTY, .type = f->type}
                   : initial_of(d, f);
        return true;
    case FAST_DEFAULT:
        if (fast_map_next(d, map))
            return read_value(d, f, out);
        *out = initial_of(d, f);
        if (out->there == FAST_UNDEFINED)
            out->there = FAST_EMPTY;
        return true;
    case FAST_COPY:
    case FAST_INCREMENT:
        if (!fast_map_next(d, map))
            return repeat(d, f, out);
        if (!read_value(d, f, out))
            return false;
        d->slots[f->slot] = *out;
        return true;
    case FAST_TAIL:
        return fast_map_next(d, map) ? decode_tail(d, f, out) : repeat(d, f, out);
    }
    return false;
}

/* 6.3.1: a mantissa only follows where there is an exponent. */
static bool decode_apart(struct fast_decoder *d, int32_t i, struct fast_map *map,
                         struct fast_value *out) {
    const struct fast_field *f = &d->t->fields[i];
    struct fast_value exponent, mantissa = {0};
    *out = (struct fast_value){.there = FAST_EMPTY, .type = f->type};
    if (!decode_value(d, f + 1, map, &exponent))
        return false;
    if (exponent.there != FAST_ASSIGNED)
        return true;
    if (!exponent_ok(d, exponent.number) || !decode_value(d, f + 2, map, &mantissa))
        return false;
    out->there = FAST_ASSIGNED;
    out->exponent = (int32_t)exponent.number;
    out->number = mantissa.number;
    return true;
}

static bool decode_scalar(struct fast_decoder *d, int32_t i, struct fast_map *map) {
    const struct fast_field *f = &d->t->fields[i];
    struct fast_value v = {0};
    struct fast_cell *c = add_cell(d, FAST_FIELD, i, -1);
    if (!c)
        return false;
    if (!(f->apart ? decode_apart(d, i, map, &v) : decode_value(d, f, map, &v))) {
        d->n--;
        return false;
    }
    c->value = v;
    c->size = (uint32_t)d->at - c->at;
    return true;
}

/* --- groups and sequences, 6.2.4 and 6.2.5 --- */

static bool decode_group(struct fast_decoder *d, int32_t i, int32_t first, int32_t index,
                         struct fast_map *map) {
    const struct fast_field *f = &d->t->fields[i];
    struct fast_map own;
    if (!add_cell(d, FAST_OPEN, i, index))
        return false;
    if (f->has_map && !fast_read_map(d, &own))
        return false;
    if (!decode_fields(d, first, f->end, f->has_map ? &own : map))
        return false;
    if (f->has_map && !fast_map_done(d, &own))
        return false;
    return add_cell(d, FAST_CLOSE, i, index) != NULL;
}

static bool decode_absent(struct fast_decoder *d, int32_t i) {
    struct fast_cell *c = add_cell(d, FAST_FIELD, i, -1);
    if (c)
        c->value = (struct fast_value){.there = FAST_EMPTY, .type = d->t->fields[i].type};
    return c != NULL;
}

static bool decode_sequence(struct fast_decoder *d, int32_t i, struct fast_map *map) {
    int32_t length = i + 1;
    if (!decode_scalar(d, length, map))
        return false;
    struct fast_value v = d->cells[d->n - 1].value;
    if (v.there != FAST_ASSIGNED)
        return decode_absent(d, i);
    if (v.number > (k2_i128)FAST_MESSAGE_MAX)
        return fast_fault(d, "a sequence is longer than a message can be");
    for (int32_t k = 0; k < (int32_t)v.number; k++)
        if (!decode_group(d, i, length + 1, k, map))
            return false;
    return true;
}

static bool decode_message(struct fast_decoder *d, int32_t i) {
    const struct fast_template *outer = d->template;
    struct fast_cell *c = add_cell(d, FAST_OPEN, i, -1);
    size_t at = d->n - 1;
    if (!c)
        return false;
    if (d->depth == DEEP)
        return fast_fault(d, "messages are nested too deeply");
    d->depth++;
    bool good = decode_segment(d);
    d->depth--;
    if (good && d->template)
        d->cells[at].index = (int32_t)(d->template - d->t->all);
    d->template = outer;
    return good && add_cell(d, FAST_CLOSE, i, -1);
}

static bool decode_fields(struct fast_decoder *d, int32_t first, int32_t end,
                          struct fast_map *map) {
    bool good = true;
    for (int32_t i = first; i < end && good; i = d->t->fields[i].end) {
        const struct fast_field *f = &d->t->fields[i];
        if (f->type == FAST_SEQUENCE)
            good = decode_sequence(d, i, map);
        else if (f->type == FAST_MESSAGE)
            good = decode_message(d, i);
        else if (f->type != FAST_GROUP)
            good = decode_scalar(d, i, map);
        else if (f->optional && !fast_map_next(d, map))
            good = decode_absent(d, i);
        else
            good = decode_group(d, i, i + 1, -1, map);
    }
    return good;
}

/* --- messages --- */

/* 10.1: a presence map, whose first bit is that of the template identifier, which is copied. */
static bool decode_segment(struct fast_decoder *d) {
    struct fast_map map;
    k2_i128 id = d->last_template;
    bool no;
    if (!fast_read_map(d, &map))
        return false;
    if (fast_map_next(d, &map) && !fast_read_uint(d, false, &no, &id))
        return false;
    if (id < 0)
        return fast_fault(d, "D5: it says no template, and no message before it does");
    const struct fast_template *t = id > UINT32_MAX ? NULL : fast_template_of(d->t, (uint64_t)id);
    if (!t)
        return fast_fault(d, "D9: there is no template of its number");
    if (t->reset)
        fast_decoder_reset(d);
    d->last_template = t->id;
    d->template = t;
    return decode_fields(d, t->first, t->end, &map) && fast_map_done(d, &map);
}

/* Only texts of previous values are of use in the next message. */
static void compact(struct fast_decoder *d) {
    if (d->texts.n < TEXTS_KEPT)
        return;
    d->spare.n = 0;
    for (size_t i = 0; i < d->t->slots; i++) {
        struct fast_value *v = &d->slots[i];
        uint32_t at = (uint32_t)d->spare.n;
        k2_buf_put(&d->spare, d->texts.p + v->at, v->n);
        v->at = at;
    }
    d->texts.n = 0;
    k2_buf_put(&d->texts, d->spare.p, d->spare.n);
}

size_t fast_decode(struct fast_decoder *d, const uint8_t *bytes, size_t n) {
    compact(d);
    size_t texts = d->texts.n;
    if (d->t->slots)
        memcpy(d->before, d->slots, d->t->slots * sizeof *d->slots);
    d->template_before = d->last_template;
    d->bytes = bytes;
    d->size = n;
    d->at = d->n = 0;
    d->why = NULL;
    d->more = false;
    d->depth = 0;
    d->template = NULL;
    if (decode_segment(d))
        return d->at;
    if (d->t->slots)
        memcpy(d->slots, d->before, d->t->slots * sizeof *d->slots);
    d->last_template = d->template_before;
    if (d->more)
        d->texts.n = texts;
    return 0;
}

void fast_decoder_reset(struct fast_decoder *d) {
    if (d->t->slots)
        memset(d->slots, 0, d->t->slots * sizeof *d->slots);
    d->last_template = -1;
}

void fast_decoder_init(struct fast_decoder *d, const struct fast_templates *t) {
    *d = (struct fast_decoder){.t = t, .last_template = -1};
    d->slots = k2_zalloc((t->slots + 1) * sizeof *d->slots);
    d->before = k2_zalloc((t->slots + 1) * sizeof *d->before);
    (void)k2_buf_need(&d->texts, 1);
}

void fast_decoder_free(struct fast_decoder *d) {
    free(d->slots);
    free(d->before);
    free(d->cells);
    k2_buf_free(&d->texts);
    k2_buf_free(&d->spare);
    *d = (struct fast_decoder){0};
}
