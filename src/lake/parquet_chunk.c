/* lake/parquet_chunk.c - a staged column as pages: levels, values, least and greatest value.
 *
 * Pages end at row boundaries, after page_rows rows or about PAGE_BYTES. Without nulls (or without
 * anything else) levels are one run and values are encoded where they lie; else they are gathered
 * into the writer's scratch arrays first. In lists and maps an entry is an item, or a row that has
 * none: definition level 0 null, then (one less when the column is required) 1 empty, 2 an item.
 */
#include "lake/parquet_writer.h"

#include "lake/parquet_bound.h"
#include "lake/parquet_encode.h"

#define PAGE_BYTES ((size_t)1 << 20)
#define DICTIONARY_BYTES ((size_t)1 << 20)
#define DICTIONARY_COUNT 65534
#define DICTIONARY_SMALL ((size_t)64 << 10) /* pays without looking */

/* One leaf of a column, with the dictionary of its values. */
struct source {
    const struct parquet_store *store;
    struct parquet_leaf *leaf;
    struct parquet_strings *strings; /* of text */
    const uint32_t *refs;            /* of nested columns */
    bool dictionary;
    unsigned bits; /* of a dictionary index */
};

/* What a page holds: n entries, `present` of them have a value. */
struct entries {
    size_t n, present;
    const uint32_t *index;
};

static struct parquet_span span_of(const struct source *s, size_t row) {
    uint32_t blob = s->store->index[row];
    return blob == PARQUET_NONE ? (struct parquet_span){0, 0} : s->store->nested.spans[blob];
}

static size_t count_nulls(const uint32_t *index, size_t n) {
    size_t nulls = 0;
    for (size_t i = 0; i < n; i++)
        nulls += index[i] == PARQUET_NONE;
    return nulls;
}

static size_t sum_sizes(const struct parquet_strings *d, const uint32_t *index, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += index[i] == PARQUET_NONE ? 0 : parquet_strings_size(d, index[i]);
    return sum;
}

/* Bytes of one row's text in a PLAIN page. */
static size_t row_text(const struct source *s, size_t row) {
    if (s->store->form != PARQUET_NESTED)
        return sum_sizes(s->strings, s->store->index + row, 1);
    struct parquet_span span = span_of(s, row);
    return sum_sizes(s->strings, s->refs + span.start, span.count);
}

static bool text_pays(const struct source *s, size_t rows) {
    size_t bytes = s->strings->bytes.n, plain = 0;
    if (bytes <= DICTIONARY_SMALL)
        return true;
    for (size_t row = 0; row < rows; row++)
        plain += row_text(s, row);
    return bytes + rows * s->bits / 8 < plain;
}

static bool numbers_pay(const struct source *s, size_t rows) {
    size_t present = rows - count_nulls(s->store->index, rows);
    size_t bytes = (size_t)s->store->numbers.count * s->leaf->width;
    return bytes + present * s->bits / 8 < present * s->leaf->width || bytes <= DICTIONARY_SMALL;
}

/* An empty dictionary (nothing but nulls) is none: some readers refuse it. */
static void choose_dictionary(struct source *s, size_t rows) {
    bool indexed = s->store->form == PARQUET_INDEXED || s->store->form == PARQUET_NESTED;
    if (!indexed || s->store->column->encoding == PARQUET_PLAIN)
        return;
    size_t count = s->leaf->text ? s->strings->count : s->store->numbers.count;
    size_t bytes = s->leaf->text ? s->strings->bytes.n : count * s->leaf->width;
    if (count == 0 || count > DICTIONARY_COUNT || bytes > DICTIONARY_BYTES)
        return;
    s->bits = parquet_bit_width(count - 1);
    s->dictionary = s->leaf->text ? text_pays(s, rows) : numbers_pay(s, rows);
}

static int encoding_of(const struct source *s) {
    bool integers = s->store->form == PARQUET_LONGS || s->store->form == PARQUET_INTS;
    if (s->dictionary)
        return PARQUET_CODE_DICTIONARY;
    return integers && s->store->column->encoding != PARQUET_PLAIN ? PARQUET_CODE_DELTA
                                                                   : PARQUET_CODE_PLAIN;
}

/* The row behind the page that begins with `row`. */
static size_t end_page(const struct parquet_writer *w, const struct source *s, size_t row) {
    size_t end = w->staged - row < w->page_rows ? w->staged : row + w->page_rows;
    bool nested = s->store->form == PARQUET_NESTED && s->store->strings.count > 0;
    bool plain = s->leaf->text && !s->dictionary && s->strings->count > 0;
    if (!nested && !plain)
        return end;
    size_t bytes = 0, at = row;
    while (at < end && bytes < PAGE_BYTES) {
        bytes += nested ? 4 + 4 * (size_t)span_of(s, at).count : 0;
        bytes += plain ? row_text(s, at) : 0;
        at++;
    }
    return at;
}

static void make_room(struct parquet_writer *w, size_t entries) {
    if (entries <= w->entry_cap)
        return;
    w->entry_cap = entries;
    w->rep = k2_realloc(w->rep, entries * sizeof *w->rep);
    w->def = k2_realloc(w->def, entries * sizeof *w->def);
    w->index = k2_realloc(w->index, entries * sizeof *w->index);
}

/* Levels carry their length in front; a leaf whose greatest level is 0 has none. */
static void put_levels(struct k2_buf *out, const uint32_t *levels, size_t n, unsigned most) {
    if (most == 0)
        return;
    size_t at = out->n;
    k2_buf_put(out, "\0\0\0\0", 4);
    parquet_put_hybrid(out, levels, n, parquet_bit_width(most));
    k2_put_u32(out->p + at, (uint32_t)(out->n - at - 4));
}

static void put_same_levels(struct k2_buf *out, uint32_t level, size_t n, unsigned most) {
    if (most == 0)
        return;
    size_t at = out->n;
    k2_buf_put(out, "\0\0\0\0", 4);
    parquet_put_run(out, level, n, parquet_bit_width(most));
    k2_put_u32(out->p + at, (uint32_t)(out->n - at - 4));
}

/* Rows row..row+n of an indexed column. */
static struct entries take_indices(struct parquet_writer *w, const struct source *s, size_t row,
                                   size_t n) {
    const uint32_t *index = s->store->index + row;
    size_t nulls = s->leaf->max_def ? count_nulls(index, n) : 0;
    if (nulls == 0 || nulls == n) {
        put_same_levels(&w->body, nulls == 0, n, s->leaf->max_def);
        return (struct entries){n, n - nulls, index};
    }
    make_room(w, n);
    size_t present = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t one = index[i] != PARQUET_NONE;
        w->def[i] = one;
        w->index[present] = index[i];
        present += one;
    }
    put_levels(&w->body, w->def, n, 1);
    return (struct entries){n, present, w->index};
}

static size_t count_items(const struct source *s, size_t row, size_t n) {
    size_t entries = 0;
    for (size_t i = row; i < row + n; i++) {
        uint32_t count = span_of(s, i).count;
        entries += count ? count : 1; /* a row without items is an entry too */
    }
    return entries;
}

/* The same for a list or map. */
static struct entries take_items(struct parquet_writer *w, const struct source *s, size_t row,
                                 size_t n) {
    unsigned most = s->leaf->max_def;
    if (s->store->strings.count == 0) { /* nothing but nulls in the row group */
        put_same_levels(&w->body, 0, n, s->leaf->max_rep);
        put_same_levels(&w->body, 0, n, most);
        return (struct entries){n, 0, w->index};
    }
    make_room(w, count_items(s, row, n));
    uint32_t *rep = w->rep, *def = w->def, *index = w->index;
    for (size_t i = row; i < row + n; i++) {
        struct parquet_span span = span_of(s, i);
        if (span.count == 0) {
            *rep++ = 0;
            *def++ = s->store->index[i] == PARQUET_NONE ? 0 : most - 1;
        }
        for (uint32_t k = 0; k < span.count; k++) {
            *rep++ = k > 0;
            *def++ = most;
            *index++ = s->refs[span.start + k];
        }
    }
    size_t entries = (size_t)(rep - w->rep);
    put_levels(&w->body, w->rep, entries, s->leaf->max_rep);
    put_levels(&w->body, w->def, entries, most);
    return (struct entries){entries, (size_t)(index - w->index), w->index};
}

static void put_indices(struct k2_buf *out, const struct source *s, const struct entries *e) {
    k2_buf_byte(out, (uint8_t)s->bits);
    parquet_put_hybrid(out, e->index, e->present, s->bits);
}

/* An entry is compared at its first occurrence in the page only. */
static void find_texts(struct parquet_range *r, struct parquet_strings *d,
                       const struct entries *e) {
    d->page++;
    for (size_t i = 0; i < e->present; i++) {
        if (d->seen[e->index[i]] == d->page)
            continue;
        d->seen[e->index[i]] = d->page;
        parquet_range_text(r, parquet_strings_get(d, e->index[i]));
    }
}

static void put_texts(struct parquet_writer *w, const struct source *s, const struct entries *e,
                      struct parquet_range *r) {
    find_texts(r, s->strings, e);
    if (s->dictionary) {
        put_indices(&w->body, s, e);
        return;
    }
    for (size_t i = 0; i < e->present; i++)
        k2_buf_put(&w->body, s->strings->bytes.p + s->strings->starts[e->index[i]],
                   parquet_strings_size(s->strings, e->index[i]));
}

static void find_numbers(struct parquet_range *r, const struct parquet_numbers *d,
                         const struct entries *e) {
    if (e->present == 0)
        return;
    if (d->wide) {
        for (size_t i = 0; i < e->present; i++)
            parquet_range_number(r, d->values[e->index[i]], d->values[e->index[i]]);
        return;
    }
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (size_t i = 0; i < e->present; i++) {
        int64_t v = (int64_t)d->values[e->index[i]];
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
    }
    parquet_range_number(r, lo, hi);
}

/* n numbers in w->numbers, as 16 or 8 bytes each, after the column's type. */
static void put_plain_numbers(struct parquet_writer *w, const struct source *s, const void *v,
                              size_t n) {
    if (s->leaf->physical == PARQUET_FIXED)
        parquet_put_fixed(&w->body, v, n, s->leaf->width);
    else
        parquet_put_plain(&w->body, v, n, s->leaf->width == 4);
}

/* Dictionary entries (index NULL: all in order) as PLAIN values. */
static void put_entries(struct parquet_writer *w, const struct source *s, const uint32_t *index,
                        size_t n) {
    const k2_i128 *values = s->store->numbers.values;
    bool fixed = s->leaf->physical == PARQUET_FIXED;
    w->numbers.n = 0;
    k2_i128 *wide = (void *)k2_buf_need(&w->numbers, n * sizeof *wide);
    int64_t *longs = (void *)wide;
    for (size_t i = 0; i < n; i++) {
        k2_i128 v = values[index ? index[i] : i];
        if (fixed)
            wide[i] = v;
        else
            longs[i] = (int64_t)v;
    }
    put_plain_numbers(w, s, wide, n);
}

static void put_numbers(struct parquet_writer *w, const struct source *s, const struct entries *e,
                        struct parquet_range *r) {
    find_numbers(r, &s->store->numbers, e);
    if (s->dictionary)
        put_indices(&w->body, s, e);
    else
        put_entries(w, s, e->index, e->present);
}

/* Gathers the values that are not null; levels go into the page. */
static const int64_t *take_present(struct parquet_writer *w, const struct source *s,
                                   const int64_t *v, struct entries *e) {
    size_t nulls = 0;
    for (size_t i = 0; s->leaf->max_def && i < e->n; i++)
        nulls += v[i] == K2_NULL_LONG;
    e->present = e->n - nulls;
    if (nulls == 0 || nulls == e->n) {
        put_same_levels(&w->body, nulls == 0, e->n, s->leaf->max_def);
        return v;
    }
    make_room(w, e->n);
    w->numbers.n = 0;
    int64_t *out = (void *)k2_buf_need(&w->numbers, e->n * sizeof *out);
    size_t present = 0;
    for (size_t i = 0; i < e->n; i++) {
        uint32_t one = v[i] != K2_NULL_LONG;
        w->def[i] = one;
        out[present] = v[i];
        present += one;
    }
    put_levels(&w->body, w->def, e->n, 1);
    return out;
}

static const int64_t *take_longs(struct parquet_writer *w, const struct source *s, size_t row,
                                 struct entries *e) {
    return take_present(w, s, (const int64_t *)s->store->values + row, e);
}

/* As longs, in the same place: one that is taken stands no further behind than where it was. */
static const int64_t *take_ints(struct parquet_writer *w, const struct source *s, size_t row,
                                struct entries *e) {
    const int32_t *v = (const int32_t *)s->store->values + row;
    w->numbers.n = 0;
    int64_t *out = (void *)k2_buf_need(&w->numbers, e->n * sizeof *out);
    for (size_t i = 0; i < e->n; i++)
        out[i] = s->leaf->max_def && v[i] == K2_NULL_INT ? K2_NULL_LONG : v[i];
    return take_present(w, s, out, e);
}

static void put_integers(struct parquet_writer *w, const struct source *s, size_t row,
                         struct entries *e, struct parquet_range *r) {
    bool ints = s->store->form == PARQUET_INTS;
    const int64_t *v = ints ? take_ints(w, s, row, e) : take_longs(w, s, row, e);
    struct parquet_extent x = s->store->column->encoding == PARQUET_PLAIN
                                  ? parquet_put_plain(&w->body, v, e->present, ints)
                                  : parquet_put_delta(&w->body, v, e->present, ints);
    if (e->present)
        parquet_range_number(r, x.lo, x.hi);
}

static void put_decimals(struct parquet_writer *w, const struct source *s, size_t row,
                         struct entries *e, struct parquet_range *r) {
    const k2_i128 *v = (const k2_i128 *)s->store->values + row;
    make_room(w, e->n);
    w->numbers.n = 0;
    k2_i128 *out = (void *)k2_buf_need(&w->numbers, e->n * sizeof *out);
    for (size_t i = 0; i < e->n; i++) {
        uint32_t one = v[i] != K2_NULL_DECIMAL;
        w->def[i] = one;
        out[e->present] = v[i];
        e->present += one;
        if (one)
            parquet_range_number(r, v[i], v[i]);
    }
    put_levels(&w->body, w->def, e->n, s->leaf->max_def);
    parquet_put_fixed(&w->body, out, e->present, s->leaf->width);
}

static int write_page(struct parquet_writer *w, struct parquet_chunk *c, const struct source *s,
                      size_t row, size_t n, struct k2_err *err) {
    struct parquet_page page = {.first_row = (int64_t)row};
    struct entries e = {.n = n};
    switch (s->store->form) {
    case PARQUET_NESTED:
        e = take_items(w, s, row, n);
        put_texts(w, s, &e, &page.range);
        break;
    case PARQUET_INDEXED:
        e = take_indices(w, s, row, n);
        if (s->leaf->text)
            put_texts(w, s, &e, &page.range);
        else
            put_numbers(w, s, &e, &page.range);
        break;
    case PARQUET_WIDES:
        put_decimals(w, s, row, &e, &page.range);
        break;
    default:
        put_integers(w, s, row, &e, &page.range);
        break;
    }
    page.nulls = (int64_t)(e.n - e.present);
    return parquet_page_data(w, c, page, e.n, err);
}

static int write_dictionary(struct parquet_writer *w, struct parquet_chunk *c,
                            const struct source *s, struct k2_err *err) {
    size_t count = s->leaf->text ? s->strings->count : s->store->numbers.count;
    if (s->leaf->text)
        k2_buf_sv(&w->body, k2_buf_view(&s->strings->bytes));
    else
        put_entries(w, s, NULL, count);
    return parquet_page_dictionary(w, c, count, err);
}

static struct source source_of(struct parquet_writer *w, struct parquet_store *store, int k) {
    bool nested = store->form == PARQUET_NESTED;
    struct source s = {
        .store = store,
        .leaf = &w->leaves[store->leaf + k],
        .strings = nested ? &store->nested.items[k] : &store->strings,
        .refs = store->nested.refs[k],
    };
    choose_dictionary(&s, w->staged);
    return s;
}

K2_RC parquet_chunk_write(struct parquet_writer *w, struct parquet_store *store,
                          struct k2_err *err) {
    for (int k = 0; k < store->leaves; k++) {
        struct source s = source_of(w, store, k);
        struct parquet_chunk *c = parquet_chunk_begin(w, store->leaf + k, encoding_of(&s));
        if (s.dictionary)
            K2_TRY(write_dictionary(w, c, &s, err));
        for (size_t row = 0, end; row < w->staged; row = end) {
            end = end_page(w, &s, row);
            K2_TRY(write_page(w, c, &s, row, end - row, err));
        }
        parquet_chunk_end(w, c, s.leaf);
    }
    return K2_OK;
}
