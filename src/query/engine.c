/* query/engine.c - an engine: one in-memory DuckDB over one data directory, shut in a sandbox.
 *
 * The sandbox, from the outside in: only statements that read are accepted (run.c); table functions
 * that touch files or settings are refused from the plan (prune.c); DuckDB itself may open files below
 * warehouse/ only (allowed_directories, enable_external_access=false, neither of which can be changed
 * once set), loads no extension, and its configuration is locked but for disabled_optimizers, which
 * run.c sets while it plans. Data files are never written again under the same name, so their
 * metadata is cached without looking again.
 */
#include "query/query_int.h"
#include "query/text.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_MEMORY (INT64_C(4) << 30)

static void put_directory(struct k2_buf *sql, const char *dir) {
    struct k2_buf path = {0};
    k2_buf_printf(&path, "%s/warehouse/", dir);
    query_text_literal(sql, k2_buf_view(&path));
    k2_buf_free(&path);
}

/* Names of data files begin with the directory as it was given or as it resolves: both are allowed. */
static void put_sandbox(struct k2_buf *sql, const char *data, const char *writable) {
    char *real = realpath(data, NULL);
    char cwd[PATH_MAX];
    k2_buf_str(sql, "SET allowed_directories=[");
    put_directory(sql, real ? real : data);
    if (data[0] == '/') {
        k2_buf_str(sql, ", ");
        put_directory(sql, data);
    } else if (getcwd(cwd, sizeof cwd)) {
        struct k2_buf joined = {0};
        k2_buf_printf(&joined, "%s/%s", cwd, data);
        k2_buf_str(sql, ", ");
        put_directory(sql, k2_buf_cstr(&joined));
        k2_buf_free(&joined);
    }
    k2_buf_str(sql, "];");
    if (writable) {
        k2_buf_str(sql, "SET allowed_paths=[");
        query_text_literal(sql, k2_sv_of(writable));
        k2_buf_str(sql, "];");
    }
    free(real);
}

static int set_up(struct query_engine *q, const char *writable, struct k2_err *err) {
    struct k2_buf sql = {0};
    k2_buf_str(&sql, "SET TimeZone='UTC';"
                     "SET parquet_metadata_cache=true;"
                     "SET validate_external_file_cache='NO_VALIDATION';"
                     "SET enable_progress_bar=true;" /* measured, and not printed by DuckDB */
                     "SET enable_progress_bar_print=false;"
                     "CREATE SCHEMA " QUERY_PLAN_SCHEMA ";"
                     "CREATE SCHEMA " LAKE_NAMESPACE ";"
                     "SET search_path='" LAKE_NAMESPACE ",main';");
    put_sandbox(&sql, q->data, writable);
    k2_buf_str(&sql, query_rewrite_views);
    k2_buf_str(&sql, "SET enable_external_access=false;"
                     "SET allowed_configs=['disabled_optimizers'];"
                     "SET lock_configuration=true");
    int rc = query_macros_install(q->duck, err);
    if (rc == K2_OK)
        rc = duck_exec(q->duck, k2_buf_cstr(&sql), err);
    k2_buf_free(&sql);
    return rc;
}

static int open_duck(struct query_engine *q, struct k2_err *err) {
    char threads[16], memory[32];
    int64_t limit = q->options.memory_limit ? q->options.memory_limit : DEFAULT_MEMORY;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int n = q->options.threads > 0 ? q->options.threads : cores > 0 ? (int)cores : 1;
    q->temp = query_temp_make(q->data);
    snprintf(threads, sizeof threads, "%d", n);
    snprintf(memory, sizeof memory, "%lldB", (long long)limit);
    const struct duck_setting settings[] = {
        {"threads", threads},
        {"memory_limit", memory},
        {"temp_directory", q->temp ? q->temp : ""},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_persistent_secrets", "false"},
    };
    return duck_open(settings, sizeof settings / sizeof *settings, &q->duck, err);
}

K2_RC query_open_for(const char *data, const struct query_options *o, const char *writable,
                     struct query_engine **out, struct k2_err *err) {
    struct query_engine *q = k2_zalloc(sizeof *q);
    q->data = k2_strdup(data);
    if (o)
        q->options = *o;
    int rc = lake_open(data, false, &q->lake, err);
    if (rc == K2_OK)
        rc = open_duck(q, err);
    if (rc == K2_OK)
        rc = set_up(q, writable, err);
    if (rc == K2_OK)
        *out = q;
    else
        query_close(q);
    return rc;
}

K2_RC query_open(const char *data, const struct query_options *o, struct query_engine **out,
                 struct k2_err *err) {
    return query_open_for(data, o, NULL, out, err);
}

void query_close(struct query_engine *q) {
    if (!q)
        return;
    if (q->current)
        query_result_end(q->current);
    duck_close(q->duck);
    lake_close(q->lake);
    query_temp_remove(q->temp);
    for (int i = 0; i < q->known_count; i++) {
        free(q->known[i].name);
        free(q->known[i].shape);
    }
    free(q->known);
    free(q->data);
    free(q);
}

double query_progress(struct query_engine *q) {
    return duck_progress(q->duck);
}

void query_cancel(struct query_engine *q) {
    atomic_store(&q->cancelled, true);
    duck_interrupt(q->duck);
}
