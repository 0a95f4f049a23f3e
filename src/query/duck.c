/* query/duck.c - the only file that knows DuckDB.
 *
 * The library is opened with dlopen: linking it would cost every verb 20 ms at start-up. The functions
 * used are listed once, in DUCK_API; their types come from duckdb.h, so a prototype that changes is a
 * compile error. The handle is never closed: DuckDB keeps threads and thread-local state of its own.
 *
 * A result is read as a stream of chunks. For each chunk the vectors are described by struct
 * duck_vector, a tree in the shape of the column's type, whose buffers are those of the chunk.
 */
#include "query/duck.h"

#include "base/library.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The header declares functions without parameters as f(), which we do not. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <duckdb.h>
#pragma GCC diagnostic pop

/* clang-format off */
#define DUCK_API(X)                                                                                \
    X(duckdb_create_config) X(duckdb_set_config) X(duckdb_destroy_config)                          \
    X(duckdb_open_ext) X(duckdb_close) X(duckdb_connect)  X(duckdb_disconnect) X(duckdb_interrupt)  \
    X(duckdb_query_progress) X(duckdb_free) X(duckdb_query)                                                                 \
    X(duckdb_extract_statements) X(duckdb_extract_statements_error) X(duckdb_destroy_extracted)    \
    X(duckdb_prepare) X(duckdb_prepare_error) X(duckdb_destroy_prepare)                            \
    X(duckdb_prepared_statement_type) X(duckdb_bind_parameter_index) X(duckdb_bind_varchar)        \
    X(duckdb_pending_prepared_streaming) X(duckdb_pending_error) X(duckdb_destroy_pending)         \
    X(duckdb_execute_pending) X(duckdb_destroy_result) X(duckdb_result_error)                      \
    X(duckdb_column_count) X(duckdb_column_name) X(duckdb_column_logical_type)                     \
    X(duckdb_fetch_chunk) X(duckdb_destroy_data_chunk) X(duckdb_data_chunk_get_size)               \
    X(duckdb_data_chunk_get_vector) X(duckdb_vector_get_data) X(duckdb_vector_get_validity)        \
    X(duckdb_list_vector_get_child) X(duckdb_struct_vector_get_child)                              \
    X(duckdb_array_vector_get_child)                                                               \
    X(duckdb_get_type_id) X(duckdb_destroy_logical_type)                                           \
    X(duckdb_decimal_width) X(duckdb_decimal_scale) X(duckdb_decimal_internal_type)                \
    X(duckdb_enum_internal_type) X(duckdb_enum_dictionary_size) X(duckdb_enum_dictionary_value)    \
    X(duckdb_list_type_child_type) X(duckdb_array_type_child_type) X(duckdb_array_type_array_size) \
    X(duckdb_map_type_key_type) X(duckdb_map_type_value_type)                                      \
    X(duckdb_struct_type_child_count) X(duckdb_struct_type_child_name)                             \
    X(duckdb_struct_type_child_type)                                                               \
    X(duckdb_connection_get_arrow_options) X(duckdb_destroy_arrow_options)                         \
    X(duckdb_to_arrow_schema) X(duckdb_data_chunk_to_arrow) X(duckdb_error_data_has_error)         \
    X(duckdb_error_data_message) X(duckdb_destroy_error_data)
/* clang-format on */

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the name is declared here */
#define DUCK_POINTER(name) __typeof__(&name) name;
static struct { DUCK_API(DUCK_POINTER) } api;
#undef DUCK_POINTER

struct duck {
    duckdb_database db;
    duckdb_connection con;
    bool shared; /* the database is another's */
};

struct duck_stmt {
    struct duck *duck;
    duckdb_prepared_statement prepared;
};

struct duck_result {
    struct duck *duck;
    duckdb_result result;
    duckdb_data_chunk chunk; /* the one that vectors[] describe */
    int columns;
    struct duck_type *types;
    struct duck_vector *vectors;
    duckdb_arrow_options arrow; /* NULL until asked for */
};

/* --- loading --- */

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;

static int bind_symbols(void *handle, struct k2_err *err) {
#define DUCK_SYMBOL(name)                                                                          \
    *(void **)&api.name = dlsym(handle, #name);                                                    \
    if (!api.name)                                                                                 \
        return k2_fail(err, K2_E_VERSION,                                                          \
                       "libduckdb lacks %s: another version than 1.5 was found; set K2_DUCKDB to " \
                       "the right one",                                                            \
                       #name);
    DUCK_API(DUCK_SYMBOL)
#undef DUCK_SYMBOL
    return K2_OK;
}

#ifdef K2_DUCKDB_DIR
#define BUILT_WITH K2_DUCKDB_DIR
#else
#define BUILT_WITH NULL
#endif

static int load_locked(struct k2_err *err) {
    void *handle;
    if (loaded)
        return K2_OK;
    K2_TRY(k2_library_open("libduckdb.so", "K2_DUCKDB", BUILT_WITH, &handle, err));
    K2_TRY(bind_symbols(handle, err));
    loaded = true;
    return K2_OK;
}

static int load(struct k2_err *err) {
    pthread_mutex_lock(&load_lock);
    int rc = load_locked(err);
    pthread_mutex_unlock(&load_lock);
    return rc;
}

/* --- errors --- */

static const struct {
    const char *prefix; /* how DuckDB's messages of a kind begin */
    int status;
} error_kinds[] = {
    {"INTERRUPT Error", K2_E_CANCELLED},
    {"Out of Memory Error", K2_E_NOMEM},
    {"Permission Error", K2_E_UNSUPPORTED},
    {"Catalog Error", K2_E_NOTFOUND},
    {"Not implemented Error", K2_E_UNSUPPORTED},
    {"IO Error", K2_E_IO},
    {"Out of Range Error", K2_E_RANGE},
    {"Conversion Error", K2_E_INVALID},
    {"Invalid Error", K2_E_FAILED},
    {"INTERNAL Error", K2_E_FAILED},
    {"Serialization Error", K2_E_FAILED},
};

static int fail(struct k2_err *err, const char *message) {
    int status = K2_E_INVALID;
    message = message ? message : "the SQL engine gave no reason";
    for (size_t i = 0; i < sizeof error_kinds / sizeof *error_kinds; i++)
        if (strncmp(message, error_kinds[i].prefix, strlen(error_kinds[i].prefix)) == 0)
            status = error_kinds[i].status;
    if (strncmp(message, "Permission Error", 16) == 0)
        return k2_fail(err, status,
                       "SQL here reads K2's tables only, not files or other databases: %s",
                       message);
    return k2_fail(err, status, "%s", message);
}

static int fail_data(struct k2_err *err, duckdb_error_data data) {
    int rc = api.duckdb_error_data_has_error(data) ? fail(err, api.duckdb_error_data_message(data))
                                                   : K2_OK;
    api.duckdb_destroy_error_data(&data);
    return rc;
}

/* --- database --- */

static int configure(duckdb_config config, const struct duck_setting *settings, int n,
                     struct k2_err *err) {
    for (int i = 0; i < n; i++)
        if (api.duckdb_set_config(config, settings[i].name, settings[i].value) == DuckDBError)
            return k2_fail(err, K2_E_INVALID, "DuckDB does not know the setting %s = %s",
                           settings[i].name, settings[i].value);
    return K2_OK;
}

static int open_configured(struct duck *d, const struct duck_setting *settings, int n,
                           struct k2_err *err) {
    duckdb_config config = NULL;
    if (api.duckdb_create_config(&config) == DuckDBError)
        return k2_fail(err, K2_E_NOMEM, "no memory for DuckDB's configuration");
    int rc = configure(config, settings, n, err);
    char *message = NULL;
    if (rc == K2_OK && api.duckdb_open_ext(NULL, &d->db, config, &message) == DuckDBError) {
        rc = fail(err, message);
        api.duckdb_free(message);
    }
    api.duckdb_destroy_config(&config);
    if (rc == K2_OK && api.duckdb_connect(d->db, &d->con) == DuckDBError)
        rc = k2_fail(err, K2_E_FAILED, "DuckDB refused a connection");
    return rc;
}

K2_RC duck_open(const struct duck_setting *settings, int n, struct duck **out, struct k2_err *err) {
    K2_TRY(load(err));
    struct duck *d = k2_zalloc(sizeof *d);
    int rc = open_configured(d, settings, n, err);
    if (rc == K2_OK)
        *out = d;
    else
        duck_close(d);
    return rc;
}

K2_RC duck_connect(struct duck *d, struct duck **out, struct k2_err *err) {
    struct duck *other = k2_zalloc(sizeof *other);
    other->db = d->db;
    other->shared = true;
    if (api.duckdb_connect(other->db, &other->con) == DuckDBError) {
        duck_close(other);
        return k2_fail(err, K2_E_FAILED, "DuckDB refused another connection");
    }
    *out = other;
    return K2_OK;
}

void duck_close(struct duck *d) {
    if (!d)
        return;
    if (d->con)
        api.duckdb_disconnect(&d->con);
    if (d->db && !d->shared)
        api.duckdb_close(&d->db);
    free(d);
}

void duck_interrupt(struct duck *d) {
    api.duckdb_interrupt(d->con);
}

double duck_progress(struct duck *d) {
    return api.duckdb_query_progress(d->con).percentage;
}

K2_RC duck_exec(struct duck *d, const char *sql, struct k2_err *err) {
    duckdb_result result;
    int rc = K2_OK;
    if (api.duckdb_query(d->con, sql, &result) == DuckDBError)
        rc = fail(err, api.duckdb_result_error(&result));
    api.duckdb_destroy_result(&result);
    return rc;
}

K2_RC duck_statements(struct duck *d, const char *sql, int *n, struct k2_err *err) {
    duckdb_extracted_statements extracted = NULL;
    *n = (int)api.duckdb_extract_statements(d->con, sql, &extracted);
    const char *message = *n ? NULL : api.duckdb_extract_statements_error(extracted);
    int rc = message ? fail(err, message) : K2_OK;
    api.duckdb_destroy_extracted(&extracted);
    return rc;
}

/* --- prepared statements --- */

K2_RC duck_prepare(struct duck *d, const char *sql, struct duck_stmt **out, struct k2_err *err) {
    struct duck_stmt *s = k2_zalloc(sizeof *s);
    s->duck = d;
    if (api.duckdb_prepare(d->con, sql, &s->prepared) == DuckDBError) {
        int rc = fail(err, api.duckdb_prepare_error(s->prepared));
        duck_stmt_free(s);
        return rc;
    }
    *out = s;
    return K2_OK;
}

void duck_stmt_free(struct duck_stmt *s) {
    if (!s)
        return;
    api.duckdb_destroy_prepare(&s->prepared);
    free(s);
}

enum duck_stmt_kind duck_stmt_kind(const struct duck_stmt *s) {
    switch (api.duckdb_prepared_statement_type(s->prepared)) {
    case DUCKDB_STATEMENT_TYPE_SELECT:
        return DUCK_SELECT;
    case DUCKDB_STATEMENT_TYPE_EXPLAIN:
        return DUCK_EXPLAIN;
    case DUCKDB_STATEMENT_TYPE_COPY:
        return DUCK_COPY;
    default:
        return DUCK_OTHER;
    }
}

K2_RC duck_bind(struct duck_stmt *s, const char *name, const char *value, bool *found,
                struct k2_err *err) {
    idx_t index;
    *found = api.duckdb_bind_parameter_index(s->prepared, &index, name) == DuckDBSuccess;
    if (*found && api.duckdb_bind_varchar(s->prepared, index, value) == DuckDBError)
        return k2_fail(err, K2_E_INVALID, "parameter $%s: the value cannot be bound (not UTF-8?)",
                       name);
    return K2_OK;
}

/* --- types --- */

static void read_type(duckdb_logical_type type, struct duck_type *out);

static int bytes_of(duckdb_type id) {
    switch (id) {
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_TINYINT:
        return 1;
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_SMALLINT:
        return 2;
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_INTEGER:
        return 4;
    case DUCKDB_TYPE_BIGINT:
        return 8;
    default:
        return 16;
    }
}

static const enum duck_type_id type_ids[] = {
    [DUCKDB_TYPE_BOOLEAN] = DUCK_BOOL,
    [DUCKDB_TYPE_TINYINT] = DUCK_INT8,
    [DUCKDB_TYPE_SMALLINT] = DUCK_INT16,
    [DUCKDB_TYPE_INTEGER] = DUCK_INT32,
    [DUCKDB_TYPE_BIGINT] = DUCK_INT64,
    [DUCKDB_TYPE_UTINYINT] = DUCK_UINT8,
    [DUCKDB_TYPE_USMALLINT] = DUCK_UINT16,
    [DUCKDB_TYPE_UINTEGER] = DUCK_UINT32,
    [DUCKDB_TYPE_UBIGINT] = DUCK_UINT64,
    [DUCKDB_TYPE_FLOAT] = DUCK_FLOAT,
    [DUCKDB_TYPE_DOUBLE] = DUCK_DOUBLE,
    [DUCKDB_TYPE_TIMESTAMP] = DUCK_TIMESTAMP,
    [DUCKDB_TYPE_DATE] = DUCK_DATE,
    [DUCKDB_TYPE_TIME] = DUCK_TIME,
    [DUCKDB_TYPE_INTERVAL] = DUCK_INTERVAL,
    [DUCKDB_TYPE_HUGEINT] = DUCK_HUGEINT,
    [DUCKDB_TYPE_UHUGEINT] = DUCK_UHUGEINT,
    [DUCKDB_TYPE_VARCHAR] = DUCK_VARCHAR,
    [DUCKDB_TYPE_BLOB] = DUCK_BLOB,
    [DUCKDB_TYPE_DECIMAL] = DUCK_DECIMAL,
    [DUCKDB_TYPE_TIMESTAMP_S] = DUCK_TIMESTAMP_S,
    [DUCKDB_TYPE_TIMESTAMP_MS] = DUCK_TIMESTAMP_MS,
    [DUCKDB_TYPE_TIMESTAMP_NS] = DUCK_TIMESTAMP_NS,
    [DUCKDB_TYPE_TIMESTAMP_TZ] = DUCK_TIMESTAMPTZ,
    [DUCKDB_TYPE_ENUM] = DUCK_ENUM,
    [DUCKDB_TYPE_LIST] = DUCK_LIST,
    [DUCKDB_TYPE_STRUCT] = DUCK_STRUCT,
    [DUCKDB_TYPE_MAP] = DUCK_MAP,
    [DUCKDB_TYPE_ARRAY] = DUCK_ARRAY,
    [DUCKDB_TYPE_UUID] = DUCK_UUID,
    [DUCKDB_TYPE_SQLNULL] = DUCK_NULL,
};

static enum duck_type_id type_id(duckdb_type id) {
    /* Index 0 of the table is DuckDB's "invalid"; a hole in it is a type we do not read. */
    bool known = id > 0 && (size_t)id < sizeof type_ids / sizeof *type_ids &&
                 (type_ids[id] != DUCK_BOOL || id == DUCKDB_TYPE_BOOLEAN);
    return known ? type_ids[id] : DUCK_UNKNOWN;
}

static void add_child(struct duck_type *out, int i, duckdb_logical_type child) {
    read_type(child, &out->children[i]);
    api.duckdb_destroy_logical_type(&child);
}

static char *take_name(char *name) {
    char *own = k2_strdup(name ? name : "");
    api.duckdb_free(name);
    return own;
}

static void make_room(struct duck_type *out, int count, bool names, bool children) {
    out->count = count;
    size_t n = count ? (size_t)count : 1;
    if (names)
        out->names = k2_zalloc(n * sizeof *out->names);
    if (children)
        out->children = k2_zalloc(n * sizeof *out->children);
}

static void read_struct(duckdb_logical_type type, struct duck_type *out) {
    make_room(out, (int)api.duckdb_struct_type_child_count(type), true, true);
    for (int i = 0; i < out->count; i++) {
        out->names[i] = take_name(api.duckdb_struct_type_child_name(type, (idx_t)i));
        add_child(out, i, api.duckdb_struct_type_child_type(type, (idx_t)i));
    }
}

static void read_enum(duckdb_logical_type type, struct duck_type *out) {
    out->width = bytes_of(api.duckdb_enum_internal_type(type));
    make_room(out, (int)api.duckdb_enum_dictionary_size(type), true, false);
    for (int i = 0; i < out->count; i++)
        out->names[i] = take_name(api.duckdb_enum_dictionary_value(type, (idx_t)i));
}

static void read_type(duckdb_logical_type type, struct duck_type *out) {
    out->id = type_id(api.duckdb_get_type_id(type));
    switch (out->id) {
    case DUCK_DECIMAL:
        out->precision = api.duckdb_decimal_width(type);
        out->scale = api.duckdb_decimal_scale(type);
        out->width = bytes_of(api.duckdb_decimal_internal_type(type));
        break;
    case DUCK_ENUM:
        read_enum(type, out);
        break;
    case DUCK_LIST:
        make_room(out, 1, false, true);
        add_child(out, 0, api.duckdb_list_type_child_type(type));
        break;
    case DUCK_ARRAY:
        make_room(out, 1, false, true);
        out->array_size = (int64_t)api.duckdb_array_type_array_size(type);
        add_child(out, 0, api.duckdb_array_type_child_type(type));
        break;
    case DUCK_MAP:
        make_room(out, 2, false, true);
        add_child(out, 0, api.duckdb_map_type_key_type(type));
        add_child(out, 1, api.duckdb_map_type_value_type(type));
        break;
    case DUCK_STRUCT:
        read_struct(type, out);
        break;
    default:
        break;
    }
}

static void free_type(struct duck_type *t) {
    for (int i = 0; i < t->count; i++) {
        if (t->names)
            free(t->names[i]);
        if (t->children)
            free_type(&t->children[i]);
    }
    free(t->names);
    free(t->children);
}

/* --- vectors --- */

static void plant_vector(const struct duck_type *type, struct duck_vector *v) {
    v->type = type;
    if (!type->children)
        return;
    v->children = k2_zalloc((size_t)(type->count ? type->count : 1) * sizeof *v->children);
    for (int i = 0; i < type->count; i++)
        plant_vector(&type->children[i], &v->children[i]);
}

static void free_vector(struct duck_vector *v) {
    for (int i = 0; v->children && i < v->type->count; i++)
        free_vector(&v->children[i]);
    free(v->children);
}

static void describe(duckdb_vector from, struct duck_vector *v) {
    v->data = api.duckdb_vector_get_data(from);
    v->valid = api.duckdb_vector_get_validity(from);
    switch (v->type->id) {
    case DUCK_LIST:
        describe(api.duckdb_list_vector_get_child(from), &v->children[0]);
        break;
    case DUCK_ARRAY:
        describe(api.duckdb_array_vector_get_child(from), &v->children[0]);
        break;
    case DUCK_MAP: {
        duckdb_vector entry = api.duckdb_list_vector_get_child(from);
        for (int i = 0; i < 2; i++)
            describe(api.duckdb_struct_vector_get_child(entry, (idx_t)i), &v->children[i]);
        break;
    }
    case DUCK_STRUCT:
        for (int i = 0; i < v->type->count; i++)
            describe(api.duckdb_struct_vector_get_child(from, (idx_t)i), &v->children[i]);
        break;
    default:
        break;
    }
}

struct k2_sv duck_string(const struct duck_vector *v, uint64_t row) {
    const duckdb_string_t *s = (const duckdb_string_t *)v->data + row;
    uint32_t n = s->value.inlined.length;
    bool inlined = n <= sizeof s->value.inlined.inlined;
    return (struct k2_sv){inlined ? s->value.inlined.inlined : s->value.pointer.ptr, n};
}

/* --- results --- */

static void read_columns(struct duck_result *r) {
    r->columns = (int)api.duckdb_column_count(&r->result);
    size_t n = r->columns ? (size_t)r->columns : 1;
    r->types = k2_zalloc(n * sizeof *r->types);
    r->vectors = k2_zalloc(n * sizeof *r->vectors);
    for (int i = 0; i < r->columns; i++) {
        duckdb_logical_type type = api.duckdb_column_logical_type(&r->result, (idx_t)i);
        read_type(type, &r->types[i]);
        api.duckdb_destroy_logical_type(&type);
        plant_vector(&r->types[i], &r->vectors[i]);
    }
}

K2_RC duck_execute(struct duck_stmt *s, struct duck_result **out, struct k2_err *err) {
    duckdb_pending_result pending = NULL;
    struct duck_result *r = k2_zalloc(sizeof *r);
    r->duck = s->duck;
    int rc = K2_OK;
    if (api.duckdb_pending_prepared_streaming(s->prepared, &pending) == DuckDBError)
        rc = fail(err, api.duckdb_pending_error(pending));
    else if (api.duckdb_execute_pending(pending, &r->result) == DuckDBError)
        rc = fail(err, api.duckdb_result_error(&r->result));
    api.duckdb_destroy_pending(&pending);
    if (rc != K2_OK) {
        duck_result_free(r);
        return rc;
    }
    read_columns(r);
    *out = r;
    return K2_OK;
}

static void drop_chunk(struct duck_result *r) {
    if (r->chunk)
        api.duckdb_destroy_data_chunk(&r->chunk);
    r->chunk = NULL;
}

void duck_result_free(struct duck_result *r) {
    if (!r)
        return;
    drop_chunk(r);
    for (int i = 0; i < r->columns; i++) {
        free_vector(&r->vectors[i]);
        free_type(&r->types[i]);
    }
    free(r->types);
    free(r->vectors);
    if (r->arrow)
        api.duckdb_destroy_arrow_options(&r->arrow);
    api.duckdb_destroy_result(&r->result);
    free(r);
}

int duck_columns(const struct duck_result *r) {
    return r->columns;
}

const char *duck_column_name(const struct duck_result *r, int column) {
    duckdb_result copy = r->result; /* the API wants a non-const pointer, but only reads */
    return api.duckdb_column_name(&copy, (idx_t)column);
}

const struct duck_type *duck_column_type(const struct duck_result *r, int column) {
    return &r->types[column];
}

/* The next chunk that has rows; r->chunk is NULL at the end. */
static int fetch(struct duck_result *r, struct k2_err *err) {
    do {
        drop_chunk(r);
        r->chunk = api.duckdb_fetch_chunk(r->result);
    } while (r->chunk && api.duckdb_data_chunk_get_size(r->chunk) == 0);
    const char *message = r->chunk ? NULL : api.duckdb_result_error(&r->result);
    return message && *message ? fail(err, message) : K2_OK;
}

K2_RC duck_next(struct duck_result *r, uint64_t *rows, const struct duck_vector **vectors,
                struct k2_err *err) {
    K2_TRY(fetch(r, err));
    *rows = r->chunk ? api.duckdb_data_chunk_get_size(r->chunk) : 0;
    for (int i = 0; r->chunk && i < r->columns; i++)
        describe(api.duckdb_data_chunk_get_vector(r->chunk, (idx_t)i), &r->vectors[i]);
    *vectors = r->vectors;
    return K2_OK;
}

/* --- Arrow --- */

static duckdb_arrow_options arrow_options(struct duck_result *r) {
    if (!r->arrow)
        api.duckdb_connection_get_arrow_options(r->duck->con, &r->arrow);
    return r->arrow;
}

K2_RC duck_arrow_schema(struct duck_result *r, struct ArrowSchema *out, struct k2_err *err) {
    size_t n = r->columns ? (size_t)r->columns : 1;
    duckdb_logical_type *types = k2_zalloc(n * sizeof *types);
    const char **names = k2_zalloc(n * sizeof *names);
    for (int i = 0; i < r->columns; i++) {
        types[i] = api.duckdb_column_logical_type(&r->result, (idx_t)i);
        names[i] = api.duckdb_column_name(&r->result, (idx_t)i);
    }
    int rc = fail_data(
        err, api.duckdb_to_arrow_schema(arrow_options(r), types, names, (idx_t)r->columns, out));
    for (int i = 0; i < r->columns; i++)
        api.duckdb_destroy_logical_type(&types[i]);
    free(types);
    free(names);
    return rc;
}

K2_RC duck_arrow_next(struct duck_result *r, struct ArrowArray *out, struct k2_err *err) {
    memset(out, 0, sizeof *out);
    K2_TRY(fetch(r, err));
    if (!r->chunk)
        return K2_OK;
    return fail_data(err, api.duckdb_data_chunk_to_arrow(arrow_options(r), r->chunk, out));
}
