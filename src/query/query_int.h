/* query/query_int.h - what the files of this room share; nothing outside includes it.
 *
 * The way of a request (run.c): the tables that its text mentions are loaded from the catalog
 * (names.c), and their snapshot is chosen (asof.c). DuckDB holds for each an empty stand-in table of
 * the same columns in the schema k2_plan, and a view market_data.NAME over it. In one transaction, so
 * that NOW() is one instant: the statement is planned over the stand-ins, the plan gives each scan's
 * filters (prune.c), the lake gives the files that may match (files.c), the views are replaced by ones
 * that read those files, and the statement runs. The transaction is rolled back when the result ends,
 * which brings the stand-ins back.
 */
#ifndef K2_QUERY_INT_H
#define K2_QUERY_INT_H

#include "query/damage.h"
#include "query/duck.h"
#include "query/prune.h"
#include "query/query.h"

#include <pthread.h>
#include <stdatomic.h>

#define QUERY_PLAN_SCHEMA "k2_plan"

struct query_known { /* a table that DuckDB has a stand-in for */
    char *name;
    char *shape; /* the column list the stand-in was made with */
};

struct query_engine {
    char *data, *temp; /* temp: see temp.c; may be NULL */
    struct lake *lake;
    struct duck *duck;
    struct query_options options;
    struct query_known *known;
    int known_count;
    struct query_result *current; /* the one whose rows are being read; at most one */
    atomic_bool cancelled;
};

/* --- watch.c: a thread that interrupts what runs too long --- */

struct query_watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int64_t timeout_ns;
    bool running, stop;
    atomic_bool fired;
    struct duck *duck;
};

/* timeout_ns 0: does nothing. */
K2_RC query_watch_start(struct query_watch *w, struct duck *d, int64_t timeout_ns,
                        struct k2_err *err);
/* Ends the thread; true when it has interrupted. Again: the same answer. */
bool query_watch_stop(struct query_watch *w);

/* --- names.c --- */

struct query_source { /* a table that a request may read */
    char *name;
    struct lake_table *table;
    const struct k2_kind *kind; /* NULL: not one of ours */
    int64_t snapshot;           /* 0 = the table has none */
    char *row_filter;           /* SQL condition of an as-of, or NULL */
};

struct query_sources {
    int n;
    bool all; /* every table of the catalog is here */
    struct query_source *at;
};

/* Loads the tables that sql mentions (`all`: every one), and makes their stand-ins. */
K2_RC query_sources_load(struct query_engine *q, struct k2_sv sql, bool all,
                         struct query_sources *out, struct k2_err *err);
void query_sources_free(struct query_sources *s);
struct query_source *query_source_find(const struct query_sources *s, const char *name);
/* Points the view of a table at these files of it. */
K2_RC query_view_files(struct query_engine *q, const struct query_source *s,
                       const struct lake_file *const *files, int n, struct k2_err *err);
/* Appends the table function that reads these files, at least one, with the table's columns. */
K2_RC query_put_files(struct k2_buf *sql, const struct query_source *s,
                      const struct lake_file *const *files, int n, struct k2_err *err);
/* DuckDB's type for an Iceberg type text. */
K2_RC query_sql_type(struct k2_sv iceberg, struct k2_buf *out, struct k2_err *err);

/* --- derived.c --- */

/* Whether a view that the text mentions reads the table. */
bool query_derived_reads(struct k2_sv sql, const char *table);
/* Makes the views that the text mentions, of the tables that are loaded. */
K2_RC query_derived_make(struct query_engine *q, struct k2_sv sql,
                         const struct query_sources *sources, struct k2_err *err);

/* --- asof.c --- */

/* Chooses the snapshot of every source, and the condition on its rows. */
K2_RC query_sources_pin(struct query_engine *q, const struct query_as_of *as_of,
                        struct query_sources *s, struct k2_err *err);

/* --- files.c --- */

/* The files that one table's scans may match, as a view, and what was pruned; adds them to reads.
 * `groups`: tells row groups and offsets too. */
K2_RC query_files_apply(struct query_engine *q, const struct query_source *source,
                        const struct prune_plan *plan, bool groups, struct query_scan *scan,
                        struct query_reads *reads, struct k2_err *err);

/* --- groups.c --- */

/* How many row groups the files have, and how many of them the filters of the plan's scans leave, by the
 * minima and maxima in the files. */
K2_RC query_groups_count(struct query_engine *q, const struct query_source *source,
                         const struct prune_plan *plan, const struct lake_file *const *files, int n,
                         struct query_scan *scan, struct k2_err *err);

/* --- rewrite.c --- */

extern const char query_rewrite_views[]; /* SQL that makes what rewritten statements read */
/* The statement in words that DuckDB has. */
void query_rewrite(struct k2_sv statement, struct k2_buf *out);

/* --- dialect.c --- */

/* What to write instead of a statement that begins so and is refused; NULL: nothing is known. `alone`:
 * it is that word only. */
const char *query_dialect_instead(struct k2_sv word, bool alone);
/* Puts the way on behind an error of the statement, if it is known. err may be NULL. */
void query_dialect_advise(struct k2_sv sql, struct k2_err *err);

/* --- fit.c --- */

struct query_fit { /* a column of a table on a terminal */
    int width;     /* what it takes; what it gets */
    bool whole;    /* never cut: half a number is a wrong number */
    bool hidden;   /* left out */
};
/* Makes n columns fit into `room` characters, two between columns: texts are cut, the widest first, then
 * columns are left out from the middle, where one more column then says "...". Gives how many are. */
int query_fit(struct query_fit *columns, int n, int room);

/* --- rows.c --- */

/* As query_rows_open, for the rows of one data file of the source in their order, beside whatever else the
 * engine does: on a connection of their own. */
K2_RC query_rows_of_file(struct query_engine *q, const struct query_source *s,
                         const struct lake_file *file, struct k2_interner *in,
                         struct query_rows **out, struct k2_err *err);
/* Strings of the rows that come go into this interner. */
void query_rows_use(struct query_rows *r, struct k2_interner *in);

/* --- run.c --- */

struct query_result {
    struct query_engine *engine; /* NULL once the rows have ended */
    struct duck_stmt *stmt;
    struct duck_result *rows;
    struct query_watch watch;
    bool in_transaction;
    bool more; /* another statement of the request follows: its end is not the request's */
    int columns;
    char **names;
    struct query_stats stats;
    struct query_scan *scans;
    struct query_reads reads;
    int64_t began_ns, started_ns; /* of the request, of the last statement's run */
    int failed;                   /* status it ended with, for the metrics */
};

/* As query_run; `copy_to` not NULL: the last statement is COPY (statement) TO that Parquet file. */
K2_RC query_run_to(struct query_engine *q, const struct query_request *r, const char *copy_to,
                   struct query_result **out, struct k2_err *err);
/* The next rows of the result; *n = 0 at the end, which ends the result. */
K2_RC query_result_next(struct query_result *r, uint64_t *n, const struct duck_vector **columns,
                        struct k2_err *err);
/* Gives up statement, transaction and watch; columns and stats stay. Idempotent. */
void query_result_end(struct query_result *r);
/* The error of a failed call, in terms of cancelling and time limits where it was interrupted, and
 * of damaged files where those are the cause. */
int query_result_fail(struct query_result *r, int rc, struct k2_err *err);

/* --- lag.c --- */

/* Records of a kind that its table lacks, and when the oldest of them was appended (0 = none; not
 * looked for when oldest_ns is NULL). l NULL: there are no tables. before_ns: of those appended before, 0 = all. */
K2_RC query_lag_of(struct journal *j, struct lake *l, const struct k2_kind *kind, int64_t before_ns,
                   int64_t *rows, int64_t *oldest_ns, struct k2_err *err);

/* --- engine.c --- */

/* As query_open; `writable` not NULL: the one file outside of the warehouse that may be written. */
K2_RC query_open_for(const char *data, const struct query_options *o, const char *writable,
                     struct query_engine **out, struct k2_err *err);

/* --- temp.c --- */

/* A directory to spill into, not made yet; NULL when the data directory cannot be written. */
char *query_temp_make(const char *data);
void query_temp_remove(char *path); /* and frees the path; NULL is fine */

/* --- macros.c --- */

K2_RC query_macros_install(struct duck *d, struct k2_err *err);

/* --- value.c --- */

/* Appends a value as people read it, and as JSON. NULL is "NULL" and null. */
void query_value_text(struct k2_buf *out, const struct duck_vector *v, uint64_t row);
void query_value_json(struct k2_buf *out, const struct duck_vector *v, uint64_t row);
void query_json_string(struct k2_buf *out, struct k2_sv s);
/* Integer value of an integer, decimal or enum vector. */
k2_i128 query_value_integer(const struct duck_vector *v, uint64_t row);
/* K2_E_UNSUPPORTED, naming the column, when a column's type cannot be printed. */
K2_RC query_value_check(const char *column, const struct duck_type *t, struct k2_err *err);

#endif
