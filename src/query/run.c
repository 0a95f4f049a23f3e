/* query/run.c - a request from its text to its rows; query/query_int.h tells the way.
 *
 * While a statement is planned, optimizers that look at statistics are off: the stand-ins are empty,
 * and a plan that knew it would be empty too. So is late materialisation, which reads a table twice and
 * would leave one of the two scans without its filters.
 */
#include "query/query_int.h"
#include "query/text.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#define PLAN_OPTIMIZERS "SET disabled_optimizers='statistics_propagation,late_materialization'"
#define RUN_OPTIMIZERS "SET disabled_optimizers=''"

struct run { /* one request under way */
    struct query_engine *q;
    const struct query_request *request;
    struct query_sources sources;
    struct query_result *result;
    const char *copy_to;
    bool *used; /* per parameter: some statement has it */
};

/* --- what may run --- */

static int check_word(struct k2_sv statement, struct k2_err *err) {
    static const char *const words[] = {"SELECT", "WITH",     "FROM", "VALUES",    "TABLE",
                                        "(",      "DESCRIBE", "DESC", "SUMMARIZE", "SHOW"};
    struct k2_sv inner;
    query_text_explained(statement, &inner);
    struct k2_sv word = query_text_word(inner);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word.n == strlen(words[i]) && strncasecmp(word.p, words[i], word.n) == 0)
            return K2_OK;
    const char *behind = word.p + word.n;
    struct k2_sv rest = {behind, (size_t)(inner.p + inner.n - behind)};
    const char *instead = query_dialect_instead(word, query_text_word(rest).n == 0);
    if (instead)
        return k2_fail(err, K2_E_UNSUPPORTED, "%.*s is refused: SQL here only reads; %s",
                       K2_SV_ARG(word), instead);
    return k2_fail(err, K2_E_UNSUPPORTED,
                   "%.*s is refused: SQL here only reads. Statements may begin with SELECT, WITH, "
                   "FROM, VALUES, TABLE, EXPLAIN, DESCRIBE, SUMMARIZE or SHOW",
                   K2_SV_ARG(word));
}

static int check_statement(struct query_engine *q, const char *sql, struct k2_err *err) {
    int n;
    K2_TRY(duck_statements(q->duck, sql, &n, err));
    if (n != 1)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "this statement stands for %d others, and not all of them only read: write "
                       "it as a SELECT (PIVOT with its IN list, inside of FROM)",
                       n);
    return K2_OK;
}

static int check_functions(const struct prune_plan *plan, struct k2_err *err) {
    if (!plan->function)
        return K2_OK;
    return k2_fail(
        err, K2_E_UNSUPPORTED,
        "the table function %s is refused: SQL here reads K2's tables only, not files or "
        "the engine's state",
        plan->function);
}

static int check_cancelled(const struct run *r, struct k2_err *err) {
    if (!atomic_load(&r->q->cancelled) && !atomic_load(&r->result->watch.fired))
        return K2_OK;
    return k2_fail(err, K2_E_CANCELLED, "interrupted");
}

/* --- the transaction --- */

static int enter(struct run *r, struct k2_err *err) {
    r->result->in_transaction = true; /* even if it fails: a cancelled BEGIN may have begun */
    return duck_exec(r->q->duck, "BEGIN", err);
}

/* Ends the transaction, which brings the stand-ins back. A cancel may hit the ROLLBACK itself: once more
 * then. It fails otherwise only when there is no transaction. */
static void leave(struct query_result *result) {
    while (result->in_transaction)
        result->in_transaction =
            duck_exec(result->engine->duck, "ROLLBACK", NULL) == K2_E_CANCELLED;
}

/* --- statements --- */

static int bind(struct run *r, struct duck_stmt *s, struct k2_err *err) {
    for (int i = 0; i < r->request->param_count; i++) {
        const struct query_param *p = &r->request->params[i];
        bool found;
        K2_TRY(duck_bind(s, p->name, p->value, &found, err));
        r->used[i] |= found;
    }
    return K2_OK;
}

/* Prepares over the stand-ins: errors come out in the words of the user's own text. */
static int check_kind(struct run *r, const char *sql, enum duck_stmt_kind wanted,
                      struct k2_err *err) {
    struct duck_stmt *s;
    int rc = duck_prepare(r->q->duck, sql, &s, err);
    if (rc != K2_OK)
        return rc;
    if (duck_stmt_kind(s) != wanted)
        rc = k2_fail(err, K2_E_UNSUPPORTED, "the statement is refused: SQL here only reads");
    duck_stmt_free(s);
    return rc;
}

/* What EXPLAIN explains must be a SELECT too: with ANALYZE it runs. */
static int prepare_checked(struct run *r, const char *sql, struct k2_err *err) {
    struct k2_sv inner;
    bool explained = query_text_explained(k2_sv_of(sql), &inner);
    K2_TRY(check_kind(r, sql, explained ? DUCK_EXPLAIN : DUCK_SELECT, err));
    return explained ? check_kind(r, inner.p, DUCK_SELECT, err) : K2_OK;
}

/* The same; a name that is not known makes us look at every table before it is an error. Stand-ins are
 * made outside of the transaction: they are to stay. */
static int check_names(struct run *r, const char *sql, struct k2_err *err) {
    int rc = prepare_checked(r, sql, err);
    if (rc != K2_E_NOTFOUND || r->sources.all)
        return rc;
    struct query_sources all;
    leave(r->result);
    K2_TRY(query_sources_load(r->q, r->request->sql, true, &all, err));
    query_sources_free(&r->sources);
    r->sources = all;
    K2_TRY(query_sources_pin(r->q, &r->request->as_of, &r->sources, err));
    K2_TRY(enter(r, err));
    return prepare_checked(r, sql, err);
}

/* --- planning --- */

static int read_plan_row(struct duck_result *rows, struct prune_plan *plan, struct k2_err *err) {
    uint64_t n;
    const struct duck_vector *columns;
    K2_TRY(duck_next(rows, &n, &columns, err));
    if (n == 0 || duck_columns(rows) < 2 || columns[1].type->id != DUCK_VARCHAR)
        return k2_fail(err, K2_E_FAILED, "DuckDB's EXPLAIN gave no plan");
    return prune_plan_read(duck_string(&columns[1], 0), QUERY_PLAN_SCHEMA, plan, err);
}

static int explain(struct run *r, struct k2_sv statement, struct prune_plan *plan,
                   struct k2_err *err) {
    struct k2_buf sql = {0};
    struct duck_stmt *s = NULL;
    struct duck_result *rows = NULL;
    k2_buf_printf(&sql, "EXPLAIN (FORMAT json) %.*s", K2_SV_ARG(statement));
    int rc = duck_prepare(r->q->duck, k2_buf_cstr(&sql), &s, err);
    if (rc == K2_OK)
        rc = bind(r, s, err);
    if (rc == K2_OK)
        rc = duck_execute(s, &rows, err);
    if (rc == K2_OK)
        rc = read_plan_row(rows, plan, err);
    duck_result_free(rows);
    duck_stmt_free(s);
    k2_buf_free(&sql);
    return rc;
}

static int plan_statement(struct run *r, struct k2_sv statement, struct prune_plan *plan,
                          struct k2_err *err) {
    struct k2_sv inner;
    query_text_explained(statement, &inner);
    K2_TRY(duck_exec(r->q->duck, PLAN_OPTIMIZERS, err));
    int rc = explain(r, inner, plan, err);
    int reset = duck_exec(r->q->duck, RUN_OPTIMIZERS, rc == K2_OK ? err : NULL);
    return rc == K2_OK ? reset : rc;
}

static bool is_scanned(const struct prune_plan *plan, const char *table) {
    for (int i = 0; i < plan->scan_count; i++)
        if (strcmp(plan->scans[i].table, table) == 0)
            return true;
    return false;
}

static struct query_scan *add_scan(struct query_result *result, const char *table) {
    size_t n = (size_t)result->stats.scan_count + 1;
    result->scans = k2_realloc(result->scans, n * sizeof *result->scans);
    result->stats.scans = result->scans;
    struct query_scan *scan = &result->scans[result->stats.scan_count++];
    *scan = (struct query_scan){.table = k2_strdup(table)};
    return scan;
}

/* A table without a scan in the plan keeps its empty stand-in: the answer does not depend on it. */
static int choose_files(struct run *r, const struct prune_plan *plan, struct k2_err *err) {
    for (int i = 0; i < r->sources.n; i++) {
        const struct query_source *s = &r->sources.at[i];
        if (is_scanned(plan, s->name))
            K2_TRY(query_files_apply(r->q, s, plan, r->request->row_groups,
                                     add_scan(r->result, s->name), &r->result->reads, err));
    }
    return K2_OK;
}

static int plan_and_choose(struct run *r, struct k2_sv statement, struct k2_err *err) {
    struct prune_plan plan = {0};
    int rc = plan_statement(r, statement, &plan, err);
    if (rc == K2_OK)
        rc = check_functions(&plan, err);
    if (rc == K2_OK)
        rc = choose_files(r, &plan, err);
    prune_plan_free(&plan);
    return rc;
}

/* --- running --- */

static void forget_scans(struct query_result *result) {
    for (int i = 0; i < result->stats.scan_count; i++) {
        free((char *)result->scans[i].table);
        free((char *)result->scans[i].offsets);
    }
    free(result->scans);
    result->scans = NULL;
    result->stats.scan_count = 0;
    result->stats.scans = NULL;
    query_reads_free(&result->reads);
}

static int start(struct run *r, const char *sql, struct k2_err *err) {
    struct query_result *result = r->result;
    K2_TRY(duck_prepare(r->q->duck, sql, &result->stmt, err));
    K2_TRY(bind(r, result->stmt, err));
    return duck_execute(result->stmt, &result->rows, err);
}

/* Plans, opens and starts one statement inside of its transaction. */
static int start_statement(struct run *r, struct k2_sv statement, bool last, struct k2_err *err) {
    struct k2_buf sql = {0};
    k2_buf_sv(&sql, statement);
    int64_t began = k2_monotonic_ns();
    int rc = check_names(r, k2_buf_cstr(&sql), err);
    if (rc == K2_OK)
        rc = plan_and_choose(r, statement, err);
    if (rc == K2_OK)
        rc = check_cancelled(r, err);
    r->result->started_ns = k2_monotonic_ns();
    r->result->stats.plan_ns += r->result->started_ns - began;
    if (rc == K2_OK && last && r->copy_to) {
        sql.n = 0;
        k2_buf_printf(&sql, "COPY (%.*s) TO ", K2_SV_ARG(statement));
        query_text_literal(&sql, k2_sv_of(r->copy_to));
        k2_buf_str(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    }
    if (rc == K2_OK)
        rc = start(r, k2_buf_cstr(&sql), err);
    k2_buf_free(&sql);
    return rc;
}

static void drop_statement(struct query_result *result) {
    duck_result_free(result->rows);
    duck_stmt_free(result->stmt);
    result->rows = NULL;
    result->stmt = NULL;
}

static int drain(struct query_result *result, struct k2_err *err) {
    uint64_t n = 1;
    const struct duck_vector *columns;
    while (n)
        K2_TRY(duck_next(result->rows, &n, &columns, err));
    return K2_OK;
}

static void forget_names(struct query_result *result) {
    for (int i = 0; i < result->columns; i++)
        free(result->names[i]);
    free(result->names);
    result->names = NULL;
    result->columns = 0;
}

static void copy_names(struct query_result *result) {
    forget_names(result);
    result->columns = duck_columns(result->rows);
    result->names = k2_zalloc((size_t)(result->columns + 1) * sizeof *result->names);
    for (int i = 0; i < result->columns; i++)
        result->names[i] = k2_strdup(duck_column_name(result->rows, i));
}

/* The rows of a statement that is not the last. */
static int pass_on(struct run *r, struct k2_err *err) {
    K2_TRY(r->request->each ? r->request->each(r->request->each_ctx, r->result, err)
                            : drain(r->result, err));
    query_result_end(r->result);
    return K2_OK;
}

static int run_rewritten(struct run *r, struct k2_sv statement, const char *sql,
                         struct k2_err *err) {
    K2_TRY(check_word(statement, err));
    K2_TRY(check_statement(r->q, sql, err));
    forget_scans(r->result);
    K2_TRY(enter(r, err));
    K2_TRY(start_statement(r, statement, !r->result->more, err));
    copy_names(r->result);
    /* The transaction of the last one ends with the result, as it does after a failure. */
    return r->result->more ? pass_on(r, err) : K2_OK;
}

static int run_statement(struct run *r, struct k2_sv statement, bool last, struct k2_err *err) {
    struct k2_buf sql = {0};
    query_rewrite(statement, &sql);
    const char *text = k2_buf_cstr(&sql);
    r->result->more = !last;
    int rc = run_rewritten(r, k2_buf_view(&sql), text, err);
    if (rc != K2_OK)
        query_dialect_advise(statement, err);
    k2_buf_free(&sql);
    return rc;
}

static int check_params_used(const struct run *r, struct k2_err *err) {
    for (int i = 0; i < r->request->param_count; i++)
        if (!r->used[i])
            return k2_fail(err, K2_E_INVALID, "the SQL has no parameter $%s",
                           r->request->params[i].name);
    return K2_OK;
}

static int run_all(struct run *r, struct k2_err *err) {
    struct k2_sv rest = r->request->sql, statement, next;
    if (memchr(rest.p ? rest.p : "", 0, rest.n))
        return k2_fail(err, K2_E_INVALID, "the SQL holds a NUL byte");
    if (!query_text_next(&rest, &statement))
        return k2_fail(err, K2_E_INVALID, "there is no SQL statement");
    for (bool last = false; !last; statement = next) {
        last = !query_text_next(&rest, &next);
        K2_TRY(check_cancelled(r, err));
        K2_TRY(run_statement(r, statement, last, err));
    }
    return check_params_used(r, err);
}

K2_RC query_run_to(struct query_engine *q, const struct query_request *request, const char *copy_to,
                   struct query_result **out, struct k2_err *err) {
    if (q->current)
        query_result_end(q->current);
    atomic_store(&q->cancelled, false);
    struct query_result *result = k2_zalloc(sizeof *result);
    size_t params = (size_t)request->param_count + 1;
    struct run r = {.q = q, .request = request, .result = result, .copy_to = copy_to};
    r.used = k2_zalloc(params * sizeof *r.used);
    result->engine = q;
    result->began_ns = k2_monotonic_ns();
    q->current = result;
    int rc = query_watch_start(&result->watch, q->duck, q->options.timeout_ns, err);
    if (rc == K2_OK)
        rc = query_sources_load(q, request->sql, false, &r.sources, err);
    if (rc == K2_OK)
        rc = query_sources_pin(q, &request->as_of, &r.sources, err);
    if (rc == K2_OK)
        rc = run_all(&r, err);
    query_sources_free(&r.sources);
    free(r.used);
    if (rc != K2_OK) {
        result->more = false;
        rc = query_result_fail(result, rc, err);
        query_result_free(result);
        return rc;
    }
    *out = result;
    return K2_OK;
}

K2_RC query_run(struct query_engine *q, const struct query_request *r, struct query_result **out,
                struct k2_err *err) {
    return query_run_to(q, r, NULL, out, err);
}

/* --- the result --- */

static void count(const struct query_result *r) {
    const char *outcome = r->failed == K2_OK            ? "ok"
                          : r->failed == K2_E_CANCELLED ? "cancelled"
                                                        : "error";
    int64_t opened = 0, pruned = 0, bytes = 0;
    for (int i = 0; i < r->stats.scan_count; i++) {
        opened += r->scans[i].files_read;
        pruned += r->scans[i].files_total - r->scans[i].files_read;
        bytes += r->scans[i].bytes_read;
    }
    k2_metric_add(k2_metric(K2_METRIC_query_requests, outcome, NULL), 1);
    k2_metric_record(k2_metric(K2_METRIC_query_seconds, NULL), k2_monotonic_ns() - r->began_ns);
    k2_metric_add(k2_metric(K2_METRIC_query_files_opened, NULL), opened);
    k2_metric_add(k2_metric(K2_METRIC_query_files_pruned, NULL), pruned > 0 ? pruned : 0);
    k2_metric_add(k2_metric(K2_METRIC_query_opened_bytes, NULL), bytes);
}

void query_result_end(struct query_result *r) {
    if (!r->engine)
        return;
    struct query_engine *q = r->engine;
    if (!r->more)
        query_watch_stop(&r->watch);
    drop_statement(r);
    leave(r);
    if (r->more)
        return;
    if (r->started_ns)
        r->stats.run_ns = k2_monotonic_ns() - r->started_ns;
    count(r);
    r->engine = NULL;
    q->current = NULL;
}

int query_result_fail(struct query_result *r, int rc, struct k2_err *err) {
    r->failed = rc;
    if (rc != K2_E_CANCELLED)
        return r->engine ? query_reads_blame(&r->reads, rc, &r->engine->cancelled, err) : rc;
    int64_t limit = r->engine ? r->engine->options.timeout_ns : 0;
    if (query_watch_stop(&r->watch))
        return k2_fail(err, rc,
                       "the query was stopped at its time limit of %" PRId64 ".%03" PRId64 " s",
                       limit / K2_NS_PER_SEC, limit % K2_NS_PER_SEC / K2_NS_PER_MS);
    return k2_fail(err, rc, "the query was cancelled");
}

K2_RC query_result_next(struct query_result *r, uint64_t *n, const struct duck_vector **columns,
                        struct k2_err *err) {
    if (!r->rows)
        return k2_fail(err, K2_E_INVALID,
                       "the rows of this result are gone: they were read, or another query ran");
    int rc = duck_next(r->rows, n, columns, err);
    if (rc != K2_OK)
        rc = query_result_fail(r, rc, err);
    if (rc != K2_OK || *n == 0)
        query_result_end(r);
    return rc;
}

void query_result_free(struct query_result *r) {
    if (!r)
        return;
    query_result_end(r);
    forget_scans(r);
    forget_names(r);
    free(r);
}

struct query_stats query_result_stats(const struct query_result *r) {
    return r->stats;
}

int query_result_columns(const struct query_result *r) {
    return r->columns;
}

const char *query_result_name(const struct query_result *r, int column) {
    return r->names[column];
}
