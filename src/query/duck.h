/* query/duck.h - what K2 needs of DuckDB, without its types.
 *
 * libduckdb is loaded on first use (70 MB: only the verbs that ask SQL pay for it). It is searched in
 * $K2_DUCKDB (a file or a directory), in ../lib beside the file that holds this code (the program or
 * libk2.so), and in the build's dependency directory; the error of a failed search names them all.
 *
 * Errors carry DuckDB's own words. Status: K2_E_CANCELLED when interrupted, K2_E_NOMEM over the memory
 * limit, K2_E_UNSUPPORTED for what the sandbox refuses, K2_E_NOTFOUND for unknown names, K2_E_IO for
 * files, else K2_E_INVALID.
 * Thread-safety: a struct duck and what hangs on it belong to one thread; duck_interrupt and
 * duck_progress may be called from any thread while the duck is open.
 */
#ifndef K2_QUERY_DUCK_H
#define K2_QUERY_DUCK_H

#include "base/buf.h"
#include "base/err.h"
#include "query/arrow.h"

struct duck; /* an in-memory database with a connection */

struct duck_setting {
    const char *name, *value;
};

/* Settings are those of DuckDB's configuration at start-up; an unknown one is an error. */
K2_RC duck_open(const struct duck_setting *settings, int n, struct duck **out, struct k2_err *err);
/* Another connection to the same database: for results beside each other. It is closed first. */
K2_RC duck_connect(struct duck *d, struct duck **out, struct k2_err *err);
void duck_close(struct duck *d); /* results and statements must be gone; NULL is fine */
void duck_interrupt(struct duck *d);
/* How much of the running statement is done, in percent; below 0 when that cannot be told. Any thread. */
double duck_progress(struct duck *d);

/* Runs statements of our own and forgets their results. */
K2_RC duck_exec(struct duck *d, const char *sql, struct k2_err *err);
/* The number of statements the parser finds. */
K2_RC duck_statements(struct duck *d, const char *sql, int *n, struct k2_err *err);

/* --- prepared statements --- */

struct duck_stmt;
enum duck_stmt_kind { DUCK_SELECT, DUCK_EXPLAIN, DUCK_COPY, DUCK_OTHER };

K2_RC duck_prepare(struct duck *d, const char *sql, struct duck_stmt **out, struct k2_err *err);
void duck_stmt_free(struct duck_stmt *s); /* NULL is fine */
enum duck_stmt_kind duck_stmt_kind(const struct duck_stmt *s);
/* Binds $name as text, which DuckDB casts by context. *found is false, and nothing is bound, when the
 * statement has no such parameter. */
K2_RC duck_bind(struct duck_stmt *s, const char *name, const char *value, bool *found,
                struct k2_err *err);

/* --- results --- */

enum duck_type_id {
    DUCK_BOOL,
    DUCK_INT8,
    DUCK_INT16,
    DUCK_INT32,
    DUCK_INT64,
    DUCK_HUGEINT,
    DUCK_UINT8,
    DUCK_UINT16,
    DUCK_UINT32,
    DUCK_UINT64,
    DUCK_UHUGEINT,
    DUCK_FLOAT,
    DUCK_DOUBLE,
    DUCK_DECIMAL, /* stored as int16, int32, int64 or int128 by `width` */
    DUCK_DATE,
    DUCK_TIME,
    DUCK_INTERVAL,
    DUCK_TIMESTAMP_S,
    DUCK_TIMESTAMP_MS,
    DUCK_TIMESTAMP,
    DUCK_TIMESTAMP_NS,
    DUCK_TIMESTAMPTZ,
    DUCK_VARCHAR,
    DUCK_BLOB,
    DUCK_UUID,
    DUCK_ENUM,
    DUCK_LIST,
    DUCK_ARRAY,
    DUCK_STRUCT,
    DUCK_MAP, /* map: a list of struct {key, value} */
    DUCK_NULL,
    DUCK_UNKNOWN /* a type we do not read: cast it in the SQL */
};

struct duck_type {
    enum duck_type_id id;
    int precision, scale; /* decimals */
    int width;            /* bytes of a stored decimal or enum index */
    int64_t array_size;
    int count;                  /* children, or labels of an enum */
    char **names;               /* fields of a struct, labels of an enum */
    struct duck_type *children; /* list and array: one; struct: count; map: key, value */
};

struct duck_vector {
    const struct duck_type *type;
    const void *data;      /* values; list and map: struct duck_span */
    const uint64_t *valid; /* bit per row; NULL = all valid */
    struct duck_vector *children;
};

struct duck_span {
    uint64_t offset, length;
};

static inline bool duck_is_null(const struct duck_vector *v, uint64_t row) {
    return v->valid && !(v->valid[row / 64] >> (row % 64) & 1);
}
/* Text or bytes of a VARCHAR or BLOB value; borrowed until the next chunk. */
struct k2_sv duck_string(const struct duck_vector *v, uint64_t row);

struct duck_result;
/* Runs the statement; rows come as they are made (streaming). */
K2_RC duck_execute(struct duck_stmt *s, struct duck_result **out, struct k2_err *err);
void duck_result_free(struct duck_result *r); /* NULL is fine */
int duck_columns(const struct duck_result *r);
const char *duck_column_name(const struct duck_result *r, int column);
const struct duck_type *duck_column_type(const struct duck_result *r, int column);
/* The next rows: *rows = 0 at the end. vectors[column] is borrowed until the next call. */
K2_RC duck_next(struct duck_result *r, uint64_t *rows, const struct duck_vector **vectors,
                struct k2_err *err);
K2_RC duck_arrow_schema(struct duck_result *r, struct ArrowSchema *out, struct k2_err *err);
/* The next rows as one record batch; out->release is NULL at the end. */
K2_RC duck_arrow_next(struct duck_result *r, struct ArrowArray *out, struct k2_err *err);

#endif
