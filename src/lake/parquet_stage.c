/* lake/parquet_stage.c - keeps rows, column by column, until their row group is full.
 *
 * Text and decimals become dictionary indices at once. An interner id costs one look into an array
 * (struct parquet_remap); only an id's first occurrence in a call is hashed, so the interner may be
 * reset between calls. A blob is taken apart only when it is new in the row group.
 */
#include "lake/parquet_writer.h"

#include "lake/parquet_bound.h"

#include <stdlib.h>

/* Longer strings would not fit the 32-bit sizes of a page with what else is in it. */
#define STRING_MOST ((size_t)1 << 30)

static enum parquet_form form_of(const struct parquet_column *c) {
    switch (c->type) {
    case PARQUET_LIST:
    case PARQUET_MAP:
        return PARQUET_NESTED;
    case PARQUET_STRING:
    case PARQUET_BINARY:
        return PARQUET_INDEXED;
    case PARQUET_DECIMAL:
        return c->encoding == PARQUET_PLAIN ? PARQUET_WIDES : PARQUET_INDEXED;
    case PARQUET_INT32:
    case PARQUET_DATE:
        return c->encoding == PARQUET_DICTIONARY ? PARQUET_INDEXED : PARQUET_INTS;
    default:
        return c->encoding == PARQUET_DICTIONARY ? PARQUET_INDEXED : PARQUET_LONGS;
    }
}

void parquet_store_init(struct parquet_store *s, const struct parquet_column *column) {
    s->column = column;
    s->form = form_of(column);
    parquet_store_reset(s);
}

void parquet_store_free(struct parquet_store *s) {
    free(s->index);
    free(s->own);
    parquet_numbers_free(&s->numbers);
    parquet_strings_free(&s->strings);
    for (int k = 0; k < 2; k++) {
        parquet_strings_free(&s->nested.items[k]);
        free(s->nested.refs[k]);
    }
    free(s->nested.spans);
}

void parquet_store_reset(struct parquet_store *s) {
    parquet_numbers_reset(&s->numbers);
    parquet_strings_reset(&s->strings);
    parquet_strings_reset(&s->nested.items[0]);
    parquet_strings_reset(&s->nested.items[1]);
    s->nested.ref_n = 0;
}

static int refuse_null(const struct parquet_store *s, size_t row, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID, "column %s is required but row %zu of the batch has no value",
                   s->column->name, s->first + row);
}

static int check_text(const struct parquet_store *s, struct k2_sv text, size_t row,
                      struct k2_err *err) {
    if (text.n > STRING_MOST)
        return k2_fail(err, K2_E_RANGE,
                       "column %s, row %zu of the batch: a string of %zu bytes is too long (%zu)",
                       s->column->name, s->first + row, text.n, STRING_MOST);
    if (s->column->type != PARQUET_BINARY && !parquet_utf8_valid(text))
        return k2_fail(err, K2_E_INVALID,
                       "column %s, row %zu of the batch: a string of %zu bytes is not UTF-8; "
                       "readers would refuse the file",
                       s->column->name, s->first + row, text.n);
    return K2_OK;
}

static void add_ref(struct parquet_nested *x, int k, size_t at, uint32_t index) {
    if (at == x->ref_cap) {
        x->ref_cap = x->ref_cap ? x->ref_cap * 2 : 256;
        for (int i = 0; i < 2; i++)
            x->refs[i] = k2_realloc(x->refs[i], x->ref_cap * sizeof *x->refs[i]);
    }
    x->refs[k][at] = index;
}

/* Takes the blob apart that has just become the last entry of s->strings. */
static int expand_blob(struct parquet_store *s, struct k2_sv blob, size_t row, struct k2_err *err) {
    struct parquet_nested *x = &s->nested;
    uint32_t b = s->strings.count - 1;
    if (b >= x->span_cap) {
        x->span_cap = x->span_cap ? x->span_cap * 2 : 256;
        x->spans = k2_realloc(x->spans, x->span_cap * sizeof *x->spans);
    }
    size_t start = x->ref_n;
    struct k2_sv item;
    for (bool more = k2_blob_next(&blob, &item); more; more = k2_blob_next(&blob, &item)) {
        for (int k = 0; k < s->leaves; k++) {
            if (k > 0 && !k2_blob_next(&blob, &item))
                return k2_fail(err, K2_E_INVALID,
                               "column %s, row %zu of the batch: a map's last key has no value",
                               s->column->name, s->first + row);
            K2_TRY(check_text(s, item, row, err));
            add_ref(x, k, x->ref_n, parquet_strings_index(&x->items[k], item));
        }
        x->ref_n++;
    }
    x->spans[b] = (struct parquet_span){start, (uint32_t)(x->ref_n - start)};
    return K2_OK;
}

/* The first time that these rows have this id. */
static int index_string(struct parquet_store *s, uint32_t id, size_t row,
                        const struct k2_interner *in, uint32_t *index, struct k2_err *err) {
    if (id == 0)
        return refuse_null(s, row, err);
    struct k2_sv text = k2_interned(in, id);
    if (s->form != PARQUET_NESTED)
        K2_TRY(check_text(s, text, row, err));
    uint32_t known = s->strings.count;
    *index = parquet_strings_index(&s->strings, text);
    parquet_remap_set(&s->strings, id, *index);
    return s->form == PARQUET_NESTED && *index == known ? expand_blob(s, text, row, err) : K2_OK;
}

static int stage_ids(struct parquet_store *s, const uint32_t *ids, size_t n,
                     const struct k2_interner *in, uint32_t *out, struct k2_err *err) {
    parquet_remap_begin(&s->strings, in, s->column->optional);
    for (size_t i = 0; i < n; i++) {
        K2_ASSERT(ids[i] < s->strings.ids);
        out[i] = parquet_remap_find(&s->strings, ids[i]);
        if (out[i] == PARQUET_UNKNOWN)
            K2_TRY(index_string(s, ids[i], i, in, &out[i], err));
    }
    return K2_OK;
}

static int refuse_decimal(const struct parquet_store *s, k2_i128 v, size_t row,
                          struct k2_err *err) {
    if (v == K2_NULL_DECIMAL)
        return refuse_null(s, row, err);
    char text[K2_DECIMAL_TEXT];
    k2_decimal_format(v, s->column->scale, text);
    return k2_fail(err, K2_E_RANGE,
                   "column %s, row %zu of the batch: %s does not fit decimal(%d,%d)",
                   s->column->name, s->first + row, text, s->column->precision, s->column->scale);
}

static int stage_decimals(struct parquet_store *s, const k2_i128 *v, size_t n, uint32_t *out,
                          struct k2_err *err) {
    k2_i128 limit = k2_pow10(s->column->precision);
    for (size_t i = 0; i < n; i++) {
        if (v[i] == K2_NULL_DECIMAL && s->column->optional) {
            out[i] = PARQUET_NONE;
            continue;
        }
        if (v[i] >= limit || v[i] <= -limit)
            return refuse_decimal(s, v[i], i, err);
        out[i] = parquet_numbers_index(&s->numbers, v[i]);
    }
    return K2_OK;
}

static void stage_integers(struct parquet_store *s, const void *data, size_t n, uint32_t *out) {
    bool narrow = s->column->type == PARQUET_INT32 || s->column->type == PARQUET_DATE;
    const int32_t *ints = data;
    const int64_t *longs = data;
    for (size_t i = 0; i < n; i++) {
        int64_t v = narrow ? ints[i] : longs[i];
        bool null = s->column->optional && v == (narrow ? K2_NULL_INT : K2_NULL_LONG);
        out[i] = null ? PARQUET_NONE : parquet_numbers_index(&s->numbers, v);
    }
}

static int check_decimals(const struct parquet_store *s, const k2_i128 *v, size_t n,
                          struct k2_err *err) {
    k2_i128 limit = k2_pow10(s->column->precision);
    for (size_t i = 0; i < n; i++) {
        bool null = v[i] == K2_NULL_DECIMAL && s->column->optional;
        if (!null && (v[i] >= limit || v[i] <= -limit))
            return refuse_decimal(s, v[i], i, err);
    }
    return K2_OK;
}

static size_t value_size(enum parquet_type type) {
    switch (type) {
    case PARQUET_DECIMAL:
        return sizeof(k2_i128);
    case PARQUET_INT64:
    case PARQUET_TIMESTAMP_US:
        return sizeof(int64_t);
    default:
        return sizeof(int32_t); /* and ids */
    }
}

/* A row group that one call fills is encoded from the caller's array. */
static int stage_values(const struct parquet_writer *w, struct parquet_store *s, const void *data,
                        size_t n, size_t size, struct k2_err *err) {
    if (s->form == PARQUET_WIDES)
        K2_TRY(check_decimals(s, data, n, err));
    if (n == w->group_rows) {
        s->values = data;
        return K2_OK;
    }
    if (!s->own)
        s->own = k2_alloc(w->group_rows * size);
    memcpy((char *)s->own + w->staged * size, data, n * size);
    s->values = s->own;
    return K2_OK;
}

static int stage_indices(const struct parquet_writer *w, struct parquet_store *s, const void *data,
                         size_t n, const struct k2_interner *in, struct k2_err *err) {
    if (!s->index)
        s->index = k2_alloc(w->group_rows * sizeof *s->index);
    uint32_t *out = s->index + w->staged;
    switch (s->column->type) {
    case PARQUET_DECIMAL:
        return stage_decimals(s, data, n, out, err);
    case PARQUET_INT32:
    case PARQUET_DATE:
    case PARQUET_INT64:
    case PARQUET_TIMESTAMP_US:
        stage_integers(s, data, n, out);
        return K2_OK;
    default:
        return stage_ids(s, data, n, in, out, err);
    }
}

K2_RC parquet_stage(const struct parquet_writer *w, struct parquet_store *s, const void *data,
                    size_t at, size_t n, const struct k2_interner *in, struct k2_err *err) {
    size_t size = value_size(s->column->type);
    s->first = at;
    const char *from = (const char *)data + at * size;
    if (s->form == PARQUET_INDEXED || s->form == PARQUET_NESTED)
        return stage_indices(w, s, from, n, in, err);
    return stage_values(w, s, from, n, size, err);
}
