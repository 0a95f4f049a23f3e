/* lake/parquet_meta.c - the schema, the page index and the footer.
 *
 * All of it is Thrift, as apache/parquet-format's parquet.thrift names it: the field ids here are
 * the numbers there. Behind the last row group lie all ColumnIndex, then all OffsetIndex structs,
 * then FileMetaData, u32 its length, "PAR1".
 */
#include "lake/parquet_writer.h"

#include "lake/parquet_bound.h"
#include "lake/parquet_thrift.h"

enum { REQUIRED = 0, OPTIONAL = 1, REPEATED = 2 };
enum { AS_UTF8 = 0, AS_MAP = 1, AS_LIST = 3, AS_DECIMAL = 5, AS_DATE = 6, AS_MICROS = 10 };
enum {
    LOGICAL_STRING = 1,
    LOGICAL_MAP = 2,
    LOGICAL_LIST = 3,
    LOGICAL_DECIMAL = 5,
    LOGICAL_DATE = 6,
    LOGICAL_TIMESTAMP = 8
};

/* One SchemaElement. */
struct element {
    const char *name;
    int physical, width, repetition, children, field_id; /* physical 0: a group; field_id 0: none */
    int converted, logical;                              /* -1 and 0: none */
    const struct parquet_column *decimal;
};

static void put_empty(struct parquet_thrift *t, int id) {
    parquet_thrift_struct(t, id);
    parquet_thrift_end(t);
}

static void put_logical(struct parquet_thrift *t, const struct element *e) {
    parquet_thrift_struct(t, 10);
    parquet_thrift_struct(t, e->logical);
    if (e->logical == LOGICAL_DECIMAL) {
        parquet_thrift_i32(t, 1, e->decimal->scale);
        parquet_thrift_i32(t, 2, e->decimal->precision);
    } else if (e->logical == LOGICAL_TIMESTAMP) {
        parquet_thrift_bool(t, 1, true); /* adjusted to UTC */
        parquet_thrift_struct(t, 2);
        put_empty(t, 2); /* MICROS */
        parquet_thrift_end(t);
    }
    parquet_thrift_end(t);
    parquet_thrift_end(t);
}

static void put_element(struct parquet_thrift *t, const struct element *e) {
    parquet_thrift_each_struct(t);
    if (e->physical)
        parquet_thrift_i32(t, 1, e->physical);
    if (e->physical == PARQUET_FIXED)
        parquet_thrift_i32(t, 2, e->width);
    if (e->repetition >= 0)
        parquet_thrift_i32(t, 3, e->repetition);
    parquet_thrift_binary(t, 4, k2_sv_of(e->name));
    if (e->children)
        parquet_thrift_i32(t, 5, e->children);
    if (e->converted >= 0)
        parquet_thrift_i32(t, 6, e->converted);
    if (e->logical == LOGICAL_DECIMAL) {
        parquet_thrift_i32(t, 7, e->decimal->scale);
        parquet_thrift_i32(t, 8, e->decimal->precision);
    }
    if (e->field_id)
        parquet_thrift_i32(t, 9, e->field_id);
    if (e->logical)
        put_logical(t, e);
    parquet_thrift_end(t);
}

static void annotate(struct element *e, const struct parquet_column *c) {
    switch (c->type) {
    case PARQUET_STRING:
        e->converted = AS_UTF8;
        e->logical = LOGICAL_STRING;
        break;
    case PARQUET_DATE:
        e->converted = AS_DATE;
        e->logical = LOGICAL_DATE;
        break;
    case PARQUET_TIMESTAMP_US:
        e->converted = AS_MICROS;
        e->logical = LOGICAL_TIMESTAMP;
        break;
    case PARQUET_DECIMAL:
        e->converted = AS_DECIMAL;
        e->logical = LOGICAL_DECIMAL;
        e->decimal = c;
        break;
    default:
        break;
    }
}

static void put_flat(struct parquet_thrift *t, const struct parquet_leaf *leaf) {
    const struct parquet_column *c = leaf->column;
    struct element e = {.name = c->name,
                        .physical = leaf->physical,
                        .width = (int)leaf->width,
                        .repetition = c->optional ? OPTIONAL : REQUIRED,
                        .field_id = c->field_id,
                        .converted = -1};
    annotate(&e, c);
    put_element(t, &e);
}

/* A required string inside the repeated group of a list or map. */
static void put_item(struct parquet_thrift *t, const struct parquet_leaf *leaf) {
    struct element e = {.name = leaf->path[2],
                        .physical = PARQUET_BYTES,
                        .repetition = REQUIRED,
                        .field_id = leaf->field_id,
                        .converted = AS_UTF8,
                        .logical = LOGICAL_STRING};
    put_element(t, &e);
}

/* group NAME (LIST) { repeated group list { element } }, or (MAP) { key_value { key, value } }. */
static void put_nested(struct parquet_thrift *t, const struct parquet_leaf *leaf, int leaves) {
    const struct parquet_column *c = leaf->column;
    bool map = c->type == PARQUET_MAP;
    struct element outer = {.name = c->name,
                            .repetition = c->optional ? OPTIONAL : REQUIRED,
                            .children = 1,
                            .field_id = c->field_id,
                            .converted = map ? AS_MAP : AS_LIST,
                            .logical = map ? LOGICAL_MAP : LOGICAL_LIST};
    struct element inner = {
        .name = leaf->path[1], .repetition = REPEATED, .children = leaves, .converted = -1};
    put_element(t, &outer);
    put_element(t, &inner);
    for (int i = 0; i < leaves; i++)
        put_item(t, &leaf[i]);
}

static void put_schema(const struct parquet_writer *w, struct parquet_thrift *t) {
    size_t elements = 1;
    for (int i = 0; i < w->column_n; i++)
        elements += w->stores[i].form == PARQUET_NESTED ? 2 + (size_t)w->stores[i].leaves : 1;
    parquet_thrift_list(t, 2, PARQUET_THRIFT_STRUCT, elements);
    struct element root = {
        .name = "table", .repetition = -1, .children = w->column_n, .converted = -1};
    put_element(t, &root);
    for (int i = 0; i < w->column_n; i++) {
        const struct parquet_store *s = &w->stores[i];
        if (s->form == PARQUET_NESTED)
            put_nested(t, &w->leaves[s->leaf], s->leaves);
        else
            put_flat(t, &w->leaves[s->leaf]);
    }
}

enum { UNORDERED = 0, ASCENDING = 1, DESCENDING = 2 };

/* Pages without values are left out of the order. */
static int order_of(const struct parquet_writer *w, const struct parquet_leaf *leaf) {
    bool up = true, down = true;
    const struct parquet_range *before = NULL;
    for (size_t i = 0; i < w->page_n; i++) {
        const struct parquet_range *r = &w->pages[i].range;
        if (!r->any)
            continue;
        for (int side = PARQUET_LOWER; before && side <= PARQUET_UPPER; side++) {
            int c = parquet_range_compare(leaf, (enum parquet_side)side, before, r);
            up &= c <= 0;
            down &= c >= 0;
        }
        before = r;
    }
    return up ? ASCENDING : down ? DESCENDING : UNORDERED;
}

static void put_page_bounds(struct parquet_writer *w, const struct parquet_leaf *leaf,
                            struct parquet_thrift *t, int id, enum parquet_side side) {
    parquet_thrift_list(t, id, PARQUET_THRIFT_BINARY, w->page_n);
    for (size_t i = 0; i < w->page_n; i++) {
        bool exact;
        w->header.n = 0; /* no page is in work */
        if (w->pages[i].range.any)
            parquet_bound_plain(leaf, side, &w->pages[i].range, &w->header, &exact);
        parquet_thrift_each_binary(t, k2_buf_view(&w->header));
    }
}

void parquet_put_column_index(struct parquet_writer *w, const struct parquet_leaf *leaf,
                              struct k2_buf *out) {
    struct parquet_thrift t = {.out = out};
    parquet_thrift_list(&t, 1, PARQUET_THRIFT_TRUE, w->page_n);
    for (size_t i = 0; i < w->page_n; i++)
        parquet_thrift_each_bool(&t, !w->pages[i].range.any);
    put_page_bounds(w, leaf, &t, 2, PARQUET_LOWER);
    put_page_bounds(w, leaf, &t, 3, PARQUET_UPPER);
    parquet_thrift_i32(&t, 4, order_of(w, leaf));
    parquet_thrift_list(&t, 5, PARQUET_THRIFT_I64, w->page_n);
    for (size_t i = 0; i < w->page_n; i++)
        parquet_thrift_each_int(&t, w->pages[i].nulls);
    parquet_thrift_end(&t);
}

void parquet_put_offset_index(const struct parquet_writer *w, struct k2_buf *out) {
    struct parquet_thrift t = {.out = out};
    parquet_thrift_list(&t, 1, PARQUET_THRIFT_STRUCT, w->page_n);
    for (size_t i = 0; i < w->page_n; i++) {
        parquet_thrift_each_struct(&t);
        parquet_thrift_i64(&t, 1, w->pages[i].offset);
        parquet_thrift_i32(&t, 2, w->pages[i].size);
        parquet_thrift_i64(&t, 3, w->pages[i].first_row);
        parquet_thrift_end(&t);
    }
    parquet_thrift_end(&t);
}

static struct k2_sv slice_of(const struct k2_buf *b, struct parquet_slice s) {
    return (struct k2_sv){(const char *)b->p + s.at, (size_t)s.n};
}

static void put_statistics(const struct parquet_writer *w, const struct parquet_chunk *c,
                           struct parquet_thrift *t) {
    parquet_thrift_struct(t, 12);
    parquet_thrift_i64(t, 3, c->nulls);
    if (c->any) {
        parquet_thrift_binary(t, 5, slice_of(&w->bounds, c->high));
        parquet_thrift_binary(t, 6, slice_of(&w->bounds, c->low));
        parquet_thrift_bool(t, 7, c->high_exact);
        parquet_thrift_bool(t, 8, c->low_exact);
    }
    parquet_thrift_end(t);
}

static void put_page_counts(struct parquet_thrift *t, int type, int encoding, int32_t count) {
    parquet_thrift_each_struct(t);
    parquet_thrift_i32(t, 1, type);
    parquet_thrift_i32(t, 2, encoding);
    parquet_thrift_i32(t, 3, count);
    parquet_thrift_end(t);
}

static void put_encodings(struct parquet_thrift *t, const struct parquet_chunk *c) {
    parquet_thrift_list(t, 2, PARQUET_THRIFT_I32, c->dictionary ? 3 : 2);
    parquet_thrift_each_int(t, c->encoding);
    parquet_thrift_each_int(t, PARQUET_CODE_RLE); /* of the levels */
    if (c->dictionary)
        parquet_thrift_each_int(t, PARQUET_CODE_PLAIN);
}

static void put_column_metadata(const struct parquet_writer *w, const struct parquet_leaf *leaf,
                                const struct parquet_chunk *c, struct parquet_thrift *t) {
    parquet_thrift_struct(t, 3);
    parquet_thrift_i32(t, 1, leaf->physical);
    put_encodings(t, c);
    parquet_thrift_list(t, 3, PARQUET_THRIFT_BINARY, leaf->path_n);
    for (size_t i = 0; i < leaf->path_n; i++)
        parquet_thrift_each_binary(t, k2_sv_of(leaf->path[i]));
    parquet_thrift_i32(t, 4, PARQUET_CODEC_ZSTD);
    parquet_thrift_i64(t, 5, c->values);
    parquet_thrift_i64(t, 6, c->raw);
    parquet_thrift_i64(t, 7, c->packed);
    parquet_thrift_i64(t, 9, c->data);
    if (c->dictionary)
        parquet_thrift_i64(t, 11, c->dictionary);
    put_statistics(w, c, t);
    parquet_thrift_list(t, 13, PARQUET_THRIFT_STRUCT, c->dictionary ? 2 : 1);
    if (c->dictionary)
        put_page_counts(t, PARQUET_PAGE_DICTIONARY, PARQUET_CODE_PLAIN, 1);
    put_page_counts(t, PARQUET_PAGE_DATA, c->encoding, c->data_pages);
    parquet_thrift_end(t);
}

struct index_places { /* of the two halves of the page index, in the file */
    int64_t columns, offsets;
};

static void put_chunk(const struct parquet_writer *w, const struct parquet_leaf *leaf,
                      const struct parquet_chunk *c, struct index_places at,
                      struct parquet_thrift *t) {
    parquet_thrift_each_struct(t);
    parquet_thrift_i64(t, 2, c->start);
    put_column_metadata(w, leaf, c, t);
    parquet_thrift_i64(t, 4, at.offsets + (int64_t)c->offset_index.at);
    parquet_thrift_i32(t, 5, c->offset_index.n);
    parquet_thrift_i64(t, 6, at.columns + (int64_t)c->column_index.at);
    parquet_thrift_i32(t, 7, c->column_index.n);
    parquet_thrift_end(t);
}

static void put_group(const struct parquet_writer *w, int group, struct index_places at,
                      struct parquet_thrift *t) {
    const struct parquet_group *g = &w->groups[group];
    parquet_thrift_each_struct(t);
    parquet_thrift_list(t, 1, PARQUET_THRIFT_STRUCT, (size_t)w->leaf_n);
    for (int i = 0; i < w->leaf_n; i++)
        put_chunk(w, &w->leaves[i], &w->chunks[group * w->leaf_n + i], at, t);
    parquet_thrift_i64(t, 2, g->raw);
    parquet_thrift_i64(t, 3, g->rows);
    if (w->sort_n) {
        parquet_thrift_list(t, 4, PARQUET_THRIFT_STRUCT, (size_t)w->sort_n);
        for (int i = 0; i < w->sort_n; i++) {
            parquet_thrift_each_struct(t);
            parquet_thrift_i32(t, 1, w->sort_leaves[i]);
            parquet_thrift_bool(t, 2, false); /* not descending */
            parquet_thrift_bool(t, 3, true);  /* nulls first */
            parquet_thrift_end(t);
        }
    }
    parquet_thrift_i64(t, 5, g->start);
    parquet_thrift_i64(t, 6, g->packed);
    if (group <= INT16_MAX)
        parquet_thrift_i16(t, 7, (int16_t)group);
    parquet_thrift_end(t);
}

static void put_column_orders(const struct parquet_writer *w, struct parquet_thrift *t) {
    parquet_thrift_list(t, 7, PARQUET_THRIFT_STRUCT, (size_t)w->leaf_n);
    for (int i = 0; i < w->leaf_n; i++) {
        parquet_thrift_each_struct(t);
        put_empty(t, 1); /* TYPE_ORDER: signed numbers, unsigned bytes */
        parquet_thrift_end(t);
    }
}

/* Gives the place of the digits. */
static size_t put_checksum(struct parquet_thrift *t) {
    parquet_thrift_list(t, 5, PARQUET_THRIFT_STRUCT, 1);
    parquet_thrift_each_struct(t);
    parquet_thrift_binary(t, 1, K2_SV(PARQUET_CHECKSUM_KEY));
    parquet_thrift_binary(t, 2, K2_SV(PARQUET_CHECKSUM_FORM PARQUET_CHECKSUM_BLANK));
    size_t digits = t->out->n - PARQUET_CHECKSUM_DIGITS;
    parquet_thrift_end(t);
    return digits;
}

size_t parquet_put_footer(struct parquet_writer *w) {
    struct k2_buf *out = &w->out;
    struct index_places at = {parquet_position(w),
                              parquet_position(w) + (int64_t)w->column_index.n};
    k2_buf_sv(out, k2_buf_view(&w->column_index));
    k2_buf_sv(out, k2_buf_view(&w->offset_index));
    size_t start = out->n;
    struct parquet_thrift t = {.out = out};
    parquet_thrift_i32(&t, 1, 2); /* version */
    put_schema(w, &t);
    parquet_thrift_i64(&t, 3, w->rows);
    parquet_thrift_list(&t, 4, PARQUET_THRIFT_STRUCT, (size_t)w->group_n);
    for (int i = 0; i < w->group_n; i++)
        put_group(w, i, at, &t);
    size_t digits = put_checksum(&t);
    parquet_thrift_binary(&t, 6, k2_sv_of(w->created_by));
    put_column_orders(w, &t);
    parquet_thrift_end(&t);
    uint32_t length = (uint32_t)(out->n - start);
    k2_buf_put(out, &length, 4);
    k2_buf_sv(out, K2_SV("PAR1"));
    return digits;
}
