/* query/query.h - SQL over the tables, on the embedded DuckDB.
 *
 * Names in the SQL (trades, market_data.trades, ticks ...) resolve to one snapshot of each table, fixed
 * before the first row is read. Files are pruned by trade_date and time (Iceberg manifests) before
 * DuckDB opens them: the query is planned on views, the filters of each scan are read from DuckDB's own
 * EXPLAIN (json), and it is run with the pruned file lists. A filter that cannot be read prunes nothing.
 *
 * libduckdb is loaded at run time (query/duck.c), searched in $K2_DUCKDB, else beside the binary (../lib)
 * and then in the build's dependency directory.
 * An engine has one result at a time: query_run and query_close end the rows of the one before it.
 * Thread-safety: an engine belongs to one thread, except query_cancel and query_progress, which any
 * thread may call while the engine is open; the former stops what runs at that moment.
 */
#ifndef K2_QUERY_QUERY_H
#define K2_QUERY_QUERY_H

#include "lake/lake.h"

#include <stdio.h>

struct query_engine;

struct query_options {
    int threads;          /* 0 = one per core */
    int64_t memory_limit; /* bytes; 0 = 4 GB */
    int64_t timeout_ns;   /* 0 = none; K2_E_CANCELLED when it passes */
};

K2_RC query_open(const char *data, const struct query_options *o, struct query_engine **out,
                 struct k2_err *err);
void query_close(struct query_engine *q);
void query_cancel(struct query_engine *q);
/* How much of the running statement is done, in percent; below 0 when that cannot be told. */
double query_progress(struct query_engine *q);

struct query_param {          /* $name in the SQL */
    const char *name, *value; /* bound as text; DuckDB casts by context */
};

struct query_as_of {
    bool set;
    int64_t ns;        /* an instant: rows durable in the journal before it, row-exact */
    const char *table; /* table@snapshot: that one table at that snapshot; NULL otherwise */
    int64_t snapshot;
};

/* K2_E_USAGE when an instant is still to come: what is durable before it is not settled, so the answer would change. */
K2_RC query_as_of_check(int64_t ns, struct k2_err *err);

struct query_result;

struct query_request {
    struct k2_sv sql;
    const struct query_param *params;
    int param_count;
    struct query_as_of as_of;
    bool row_groups; /* count those too, for query_scan: opens the files */
    /* Called with the rows of every statement but the last, which it may print; it must not use the
     * engine otherwise. NULL: they are forgotten. */
    int (*each)(void *ctx, struct query_result *result, struct k2_err *err);
    void *each_ctx;
};

/* Runs one or more statements; the result is the last one's. Reading files, COPY TO, ATTACH, INSTALL and
 * writes to the market_data tables are refused: the engine is a reader. */
K2_RC query_run(struct query_engine *q, const struct query_request *r, struct query_result **out,
                struct k2_err *err);
void query_result_free(struct query_result *r);

struct query_scan { /* what was pruned, per table of the query */
    const char *table;
    int64_t snapshot;
    int files_total, files_read;
    int64_t bytes_total, bytes_read;
    char filters[256]; /* those that pruned, for people */
    /* Only for a request with row_groups: */
    int64_t row_groups_total, row_groups_read; /* of the files read; after minima and maxima */
    const char *offsets; /* what the snapshot covers of the journal, as JSON; NULL = not known */
};

struct query_stats {
    int scan_count;
    const struct query_scan *scans; /* borrowed */
    int64_t plan_ns, run_ns;
};
struct query_stats query_result_stats(const struct query_result *r);
int query_result_columns(const struct query_result *r);
const char *query_result_name(const struct query_result *r, int column);

enum query_format { QUERY_TABLE, QUERY_CSV, QUERY_JSON, QUERY_NDJSON, QUERY_MARKDOWN };
/* Writes all rows. JSON: one array of objects; decimals, and longs beyond 2^53, as strings; times as
 * RFC 3339 UTC. CSV: RFC 4180 with a header. TABLE: aligned, at most max_rows (0 = all), with a closing
 * count (what was left out is counted for half a second). Gives the number of rows. A result is read once. */
K2_RC query_print(struct query_result *r, enum query_format f, int64_t max_rows, FILE *out,
                  int64_t *rows, struct k2_err *err);

/* How results look on a terminal. */
struct query_look {
    enum query_format format;
    /* Of QUERY_TABLE: */
    bool lines;       /* a line "name = value" for each column, a block for each row */
    int64_t max_rows; /* 0 = all */
    int width;        /* of the terminal: columns are cut or left out to fit; 0 = any width */
    /* The closing line says these behind what was left out; NULL = nothing. */
    const char *more_rows, *more_columns;
};
K2_RC query_show(struct query_result *r, const struct query_look *look, FILE *out, int64_t *rows,
                 struct k2_err *err);
/* Writes the result of a request as one Parquet file (zstd), replacing `path`. */
K2_RC query_to_parquet(struct query_engine *q, const struct query_request *r, const char *path,
                       int64_t *rows, struct k2_err *err);

/* The Arrow C data interface (arrow.apache.org/docs/format/CDataInterface.html). Consumes the result:
 * the stream owns it and frees it on release. */
struct ArrowArrayStream;
K2_RC query_to_arrow(struct query_result *r, struct ArrowArrayStream *out, struct k2_err *err);

/* Journal rows that no table holds yet, for the notice on stderr: per kind, durable ends minus committed
 * offsets (0 when the journal is missing). */
struct query_lag {
    const char *table;
    int64_t rows;
};
K2_RC query_lag(const char *data, struct query_lag *lag, int max, int *n, struct k2_err *err);
/* Of those that were appended before an instant: while there are any, an answer as of it is not final. */
K2_RC query_lag_before(const char *data, int64_t before_ns, struct query_lag *lag, int max, int *n,
                       struct k2_err *err);

/* When the journal's first record was appended, also if it is removed by now; 0 = there is none. */
K2_RC query_first_append(const char *data, int64_t *ns, struct k2_err *err);
/* The last of those that it holds; 0 = there is none. Later than now when the clock was ahead once: append times
 * never go back. */
K2_RC query_last_append(const char *data, int64_t *ns, struct k2_err *err);

/* Loads the SQL engine's library and gives its version, "v1.5.4"; the error tells where it was searched. */
K2_RC query_library(char *version, size_t n, struct k2_err *err);

/* --- whole rows of a table as events, for reconcile, verify and the sequence engine's history --- */

struct query_rows;
/* Rows of a kind's table at its current snapshot, every column, ordered as asked: "journal" = (partition,
 * offset), "time" = the event's, then the place in the journal, or NULL = none. where: extra SQL condition or NULL (ours, never a user's). */
K2_RC query_rows_open(struct query_engine *q, const struct k2_kind *kind, const char *order,
                      const char *where, struct k2_interner *in, struct query_rows **out,
                      struct k2_err *err);
/* Fills columns from row 0 (c->n = rows got, at most c->cap); 0 rows = the end. */
K2_RC query_rows_next(struct query_rows *r, struct k2_columns *c, struct k2_err *err);
void query_rows_close(struct query_rows *r);
/* How many there are. */
K2_RC query_rows_count(struct query_engine *q, const struct k2_kind *kind, const char *where,
                       int64_t *rows, struct k2_err *err);

#include "query/archive.h"
#include "query/compact.h"
#include "query/coverage.h"
#include "query/health.h"
#include "query/import.h"
#include "query/past.h"
#include "query/reconcile.h"
#include "query/refused.h"
#include "query/retain.h"
#include "query/symbol.h"
#include "query/text.h"
#include "query/trace.h"

#endif
