/* query/rows.c - whole rows of a table as the events they were.
 *
 * The statement is an ordinary one of this engine, so files are pruned by `where` like any other's.
 * Strings, lists and maps are interned as the codec interns them: a list as its strings, a map as keys
 * and values by key order. A column that the table lacks (it is older than the kind) is null. Columns that the sink made
 * for fields that this build does not know go into k2_event.added, as the decoder puts them there. */
#include "codec/added.h"
#include "query/query_int.h"
#include "query/text.h"

#include <stdlib.h>

struct query_rows {
    const struct k2_kind *kind;
    struct k2_interner *in;
    struct query_result *result; /* of a request; NULL: the rows of a file, by the next three */
    struct duck *duck;
    struct duck_stmt *stmt;
    struct duck_result *file;
    bool ended;                        /* the file's rows are all handed out */
    const struct duck_vector *columns; /* the chunk being handed out */
    uint64_t n, at;
    int source[K2_MAX_FIELDS]; /* column of the result per field; -1 = the table lacks it */
    struct k2_kind
        *wide; /* with the columns of fields that the kind lacks, which are read with it */
    struct k2_buf blob;
    struct k2_sv *pairs; /* of a map, to be sorted */
    size_t pair_room;
};

/* --- values --- */

static uint32_t intern_list(struct query_rows *r, const struct duck_vector *v, uint64_t row) {
    struct duck_span span = ((const struct duck_span *)v->data)[row];
    r->blob.n = 0;
    for (uint64_t i = span.offset; i < span.offset + span.length; i++)
        k2_blob_add(&r->blob, duck_is_null(&v->children[0], i) ? (struct k2_sv){NULL, 0}
                                                               : duck_string(&v->children[0], i));
    return k2_intern(r->in, k2_buf_view(&r->blob));
}

static int by_key(const void *a, const void *b) {
    return k2_sv_cmp(*(const struct k2_sv *)a, *(const struct k2_sv *)b);
}

static uint32_t intern_map(struct query_rows *r, const struct duck_vector *v, uint64_t row) {
    struct duck_span span = ((const struct duck_span *)v->data)[row];
    if (r->pair_room < span.length) {
        r->pair_room = span.length;
        r->pairs = k2_realloc(r->pairs, r->pair_room * 2 * sizeof *r->pairs);
    }
    for (uint64_t i = 0; i < span.length; i++)
        for (int side = 0; side < 2; side++) {
            const struct duck_vector *child = &v->children[side];
            bool null = duck_is_null(child, span.offset + i);
            r->pairs[2 * i + (uint64_t)side] =
                null ? (struct k2_sv){NULL, 0} : duck_string(child, span.offset + i);
        }
    if (span.length > 1)
        qsort(r->pairs, span.length, 2 * sizeof *r->pairs, by_key);
    r->blob.n = 0;
    for (uint64_t i = 0; i < 2 * span.length; i++)
        k2_blob_add(&r->blob, r->pairs[i]);
    return k2_intern(r->in, k2_buf_view(&r->blob));
}

static uint32_t intern_value(struct query_rows *r, enum k2_type type, const struct duck_vector *v,
                             uint64_t row) {
    if (duck_is_null(v, row))
        return 0;
    if (type == K2_LIST)
        return intern_list(r, v, row);
    if (type == K2_MAP)
        return intern_map(r, v, row);
    return k2_intern(r->in, duck_string(v, row));
}

/* Strings mostly repeat from row to row: the one before is compared before it is looked up. */
static void copy_interned(struct query_rows *r, enum k2_type type, const struct duck_vector *v,
                          uint32_t *to, uint64_t n) {
    struct k2_sv last = {NULL, 0};
    uint32_t last_id = 0;
    bool plain = type == K2_STR || type == K2_BYTES;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = r->at + i;
        if (plain && last_id && !duck_is_null(v, row) && k2_sv_eq(duck_string(v, row), last)) {
            to[i] = last_id;
            continue;
        }
        to[i] = intern_value(r, type, v, row);
        last_id = plain ? to[i] : 0;
        last = last_id ? duck_string(v, row) : last;
    }
}

static void copy_numbers(const struct query_rows *r, const struct k2_field *f,
                         const struct duck_vector *v, char *to, uint64_t n) {
    size_t size = k2_type_size(f->type);
    k2_i128 null = 0;
    if (f->need == K2_OPT)
        k2_value_set_null(f->type, &null);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = r->at + i;
        k2_i128 value = !v || duck_is_null(v, row) ? null : query_value_integer(v, row);
        memcpy(to + i * size, &value, size);
    }
}

/* One value of a column that is not the kind's, put into the row's blob. */
static void add_value(struct query_rows *r, const struct k2_field *f, const struct duck_vector *v,
                      uint64_t row, struct k2_buf *blob) {
    k2_i128 value = 0;
    if (duck_is_null(v, row))
        return;
    if (k2_type_is_interned(f->type)) {
        uint32_t id = intern_value(r, f->type, v, row);
        memcpy(&value, &id, sizeof id);
    } else {
        value = query_value_integer(v, row);
    }
    k2_added_put(blob, k2_sv_of(f->name), f->type, &value, r->in);
}

static void copy_added(struct query_rows *r, struct k2_columns *c, uint64_t n) {
    struct k2_buf blob = {0};
    k2_columns_add(c);
    for (uint64_t i = 0; i < n; i++) {
        blob.n = 0;
        for (int f = r->kind->field_count; f < r->wide->field_count; f++)
            if (r->source[f] >= 0)
                add_value(r, &r->wide->fields[f], &r->columns[r->source[f]], r->at + i, &blob);
        c->added[c->n + i] = blob.n ? k2_intern(r->in, k2_buf_view(&blob)) : 0;
    }
    k2_buf_free(&blob);
}

static void copy_field(struct query_rows *r, int field, struct k2_columns *c, uint64_t n) {
    const struct k2_field *f = &r->kind->fields[field];
    const struct duck_vector *v = r->source[field] < 0 ? NULL : &r->columns[r->source[field]];
    char *to = (char *)c->col[field] + c->n * k2_type_size(f->type);
    if (!k2_type_is_interned(f->type))
        copy_numbers(r, f, v, to, n);
    else if (v)
        copy_interned(r, f->type, v, (uint32_t *)(void *)to, n);
    else
        memset(to, 0, n * sizeof(uint32_t));
}

/* --- the statement --- */

static void put_statement(struct k2_buf *sql, const struct k2_kind *kind, const char *order,
                          const char *where) {
    k2_buf_str(sql, "SELECT * EXCLUDE (message_id) FROM " LAKE_NAMESPACE ".");
    query_text_name(sql, kind->table);
    if (where)
        k2_buf_printf(sql, " WHERE %s", where);
    if (order && strcmp(order, "journal") == 0)
        k2_buf_str(sql, " ORDER BY journal_partition, journal_offset");
    if (order && strcmp(order, "time") == 0)
        k2_buf_str(sql, " ORDER BY exchange_timestamp_ns, journal_id, exchange, journal_partition, "
                        "journal_offset");
}

static enum duck_type_id wanted(enum k2_type type) {
    switch (type) {
    case K2_STR:
        return DUCK_VARCHAR;
    case K2_BYTES:
        return DUCK_BLOB;
    case K2_LIST:
        return DUCK_LIST;
    case K2_MAP:
        return DUCK_MAP;
    case K2_LONG:
        return DUCK_INT64;
    case K2_INT:
        return DUCK_INT32;
    case K2_DATE:
        return DUCK_DATE;
    case K2_STAMP:
        return DUCK_TIMESTAMPTZ;
    case K2_PRICE:
    case K2_QUANTITY:
        break;
    }
    return DUCK_DECIMAL;
}

static bool fits(const struct k2_field *f, const struct duck_type *t) {
    if (t->id != wanted(f->type))
        return false;
    if (f->type == K2_LIST)
        return t->children[0].id == DUCK_VARCHAR;
    if (f->type == K2_MAP)
        return t->children[0].id == DUCK_VARCHAR && t->children[1].id == DUCK_VARCHAR;
    return t->id != DUCK_DECIMAL ||
           t->scale == (f->type == K2_PRICE ? K2_PRICE_SCALE : K2_QUANTITY_SCALE);
}

/* *t: the table that the rows are of. */
static int map_columns(struct query_rows *r, const struct lake_table *t,
                       const struct duck_result *rows, struct k2_err *err) {
    K2_TRY(lake_table_kind(t, r->kind, &r->wide, err));
    for (int i = 0; i < r->wide->field_count; i++)
        r->source[i] = -1;
    for (int c = 0; c < duck_columns(rows); c++) {
        int field = k2_field_by_name(r->wide, k2_sv_of(duck_column_name(rows, c)));
        if (field < 0)
            continue;
        if (!fits(&r->wide->fields[field], duck_column_type(rows, c)))
            return k2_fail(err, K2_E_UNSUPPORTED,
                           "table %s: column %s has another type than this build knows",
                           r->kind->table, duck_column_name(rows, c));
        r->source[field] = c;
    }
    return K2_OK;
}

static int map_table(struct query_rows *r, struct query_engine *q, struct k2_err *err) {
    struct lake_table *t;
    K2_TRY(lake_table_load(q->lake, k2_sv_of(r->kind->table), &t, err));
    int rc = map_columns(r, t, r->result->rows, err);
    lake_table_free(t);
    return rc;
}

K2_RC query_rows_open(struct query_engine *q, const struct k2_kind *kind, const char *order,
                      const char *where, struct k2_interner *in, struct query_rows **out,
                      struct k2_err *err) {
    struct query_rows *r = k2_zalloc(sizeof *r);
    struct k2_buf sql = {0};
    r->kind = kind;
    r->in = in;
    put_statement(&sql, kind, order, where);
    struct query_request request = {.sql = k2_buf_view(&sql)};
    int rc = query_run(q, &request, &r->result, err);
    k2_buf_free(&sql);
    if (rc == K2_OK)
        rc = map_table(r, q, err);
    if (rc == K2_OK)
        *out = r;
    else
        query_rows_close(r);
    return rc;
}

static int start_file(struct query_rows *r, struct query_engine *q, const struct query_source *s,
                      const struct lake_file *file, struct k2_err *err) {
    struct k2_buf sql = {0};
    k2_buf_str(&sql, "SELECT * FROM ");
    int rc = query_put_files(&sql, s, &file, 1, err);
    if (rc == K2_OK)
        rc = duck_connect(q->duck, &r->duck, err);
    if (rc == K2_OK)
        rc = duck_prepare(r->duck, k2_buf_cstr(&sql), &r->stmt, err);
    if (rc == K2_OK)
        rc = duck_execute(r->stmt, &r->file, err);
    k2_buf_free(&sql);
    return rc == K2_OK ? map_columns(r, s->table, r->file, err) : rc;
}

K2_RC query_rows_of_file(struct query_engine *q, const struct query_source *s,
                         const struct lake_file *file, struct k2_interner *in,
                         struct query_rows **out, struct k2_err *err) {
    struct query_rows *r = k2_zalloc(sizeof *r);
    r->kind = s->kind;
    r->in = in;
    int rc = start_file(r, q, s, file, err);
    if (rc == K2_OK)
        *out = r;
    else
        query_rows_close(r);
    return rc;
}

void query_rows_use(struct query_rows *r, struct k2_interner *in) {
    r->in = in;
}

static K2_RC next_chunk(struct query_rows *r, struct k2_err *err) {
    r->at = r->n = 0;
    if (r->ended)
        return K2_OK;
    if (r->file) {
        K2_TRY(duck_next(r->file, &r->n, &r->columns, err));
        r->ended = r->n == 0; /* and must not be asked again */
        return K2_OK;
    }
    return r->result->engine ? query_result_next(r->result, &r->n, &r->columns, err) : K2_OK;
}

K2_RC query_rows_next(struct query_rows *r, struct k2_columns *c, struct k2_err *err) {
    c->n = 0;
    while (c->n < c->cap) {
        if (r->at == r->n) {
            K2_TRY(next_chunk(r, err));
            if (r->n == 0)
                break;
        }
        uint64_t n = r->n - r->at;
        if (n > c->cap - c->n)
            n = c->cap - c->n;
        for (int i = 0; i < r->kind->field_count; i++)
            copy_field(r, i, c, n);
        if (r->wide->field_count > r->kind->field_count)
            copy_added(r, c, n);
        c->n += n;
        r->at += n;
    }
    return K2_OK;
}

void query_rows_close(struct query_rows *r) {
    if (!r)
        return;
    query_result_free(r->result);
    duck_result_free(r->file);
    duck_stmt_free(r->stmt);
    duck_close(r->duck);
    k2_kind_narrow(r->wide);
    k2_buf_free(&r->blob);
    free(r->pairs);
    free(r);
}

static K2_RC read_count(struct query_result *r, int64_t *rows, struct k2_err *err) {
    const struct duck_vector *columns;
    uint64_t n = 0;
    *rows = 0;
    if (!r->engine)
        return K2_OK; /* a table without data */
    K2_TRY(query_result_next(r, &n, &columns, err));
    if (n)
        *rows = (int64_t)query_value_integer(&columns[0], 0);
    return K2_OK;
}

K2_RC query_rows_count(struct query_engine *q, const struct k2_kind *kind, const char *where,
                       int64_t *rows, struct k2_err *err) {
    struct k2_buf sql = {0};
    struct query_result *result;
    k2_buf_str(&sql, "SELECT count(*) FROM " LAKE_NAMESPACE ".");
    query_text_name(&sql, kind->table);
    k2_buf_printf(&sql, " WHERE %s", where);
    struct query_request request = {.sql = k2_buf_view(&sql)};
    int rc = query_run(q, &request, &result, err);
    k2_buf_free(&sql);
    K2_TRY(rc);
    rc = read_count(result, rows, err);
    query_result_free(result);
    return rc;
}
