/* query/k2api.c - the public C API (include/k2/k2.h) over this room. */
#include "k2/k2.h"

#include "base/clock.h"
#include "base/config.h"
#include "journal/journal.h"
#include "query/arrow.h"
#include "query/query.h"

#include <stdio.h>
#include <stdlib.h>

struct k2_handle {
    struct query_engine *engine;
};

/* Public numbers are fixed, those of enum k2_status are not. */
static int public_status(int rc) {
    switch (rc) {
    case K2_OK:
        return 0;
    case K2_E_INVALID:
    case K2_E_RANGE:
    case K2_E_USAGE:
        return K2_ERR_INVALID;
    case K2_E_NOTFOUND:
        return K2_ERR_NOTFOUND;
    case K2_E_UNSUPPORTED:
        return K2_ERR_UNSUPPORTED;
    case K2_E_CANCELLED:
        return K2_ERR_CANCELLED;
    case K2_E_NOMEM:
        return K2_ERR_NOMEM;
    case K2_E_CORRUPT:
        return K2_ERR_CORRUPT;
    default:
        return K2_ERR_FAILED;
    }
}

static int answer(int rc, const struct k2_err *err, char *error, size_t error_size) {
    if (error && error_size)
        snprintf(error, error_size, "%s", rc == K2_OK ? "" : err->msg);
    return public_status(rc);
}

/* What a variable of the environment says, or what it refers to; to be freed. */
static int setting(const char *name, char **out, struct k2_err *err) {
    const char *text = getenv(name);
    K2_TRY_CTX(k2_config_resolve(text ? text : "", out, err), err, "%s", name);
    if (!*out)
        *out = k2_strdup(text ? text : "");
    return K2_OK;
}

/* Under the names that the configuration keys have in the environment. */
static int use_keys(struct k2_err *err) {
    char *key = NULL, *old = NULL;
    int rc = setting("K2_JOURNAL_ENCRYPTION_KEY", &key, err);
    if (rc == K2_OK)
        rc = setting("K2_JOURNAL_ENCRYPTION_OLD_KEYS", &old, err);
    if (rc == K2_OK)
        rc = journal_use_keys(key, old, err);
    free(key);
    free(old);
    return rc;
}

K2_API int k2_open(const char *data, k2_handle **out, char *error, size_t error_size) {
    struct k2_err err = {0};
    struct query_engine *engine = NULL;
    *out = NULL;
    if (!data)
        data = getenv("K2_DATA");
    const char *journal = getenv("K2_JOURNAL_URL");
    int rc = journal && *journal ? journal_use(journal, &err) : K2_OK;
    if (rc == K2_OK)
        rc = use_keys(&err);
    if (rc == K2_OK)
        rc = query_open(data && *data ? data : "./k2-data", NULL, &engine, &err);
    if (rc == K2_OK) {
        *out = k2_zalloc(sizeof **out);
        (*out)->engine = engine;
    }
    return answer(rc, &err, error, error_size);
}

/* "trades@123": a table at a snapshot; anything else is a time. */
static int parse_as_of(const char *text, struct query_as_of *out, char **table,
                       struct k2_err *err) {
    *out = (struct query_as_of){0};
    if (!text)
        return K2_OK;
    out->set = true;
    const char *at = strchr(text, '@');
    if (!at) {
        K2_TRY(k2_time_parse(k2_sv_of(text), k2_now_ns(), NULL, &out->ns, err));
        K2_TRY_CTX(query_as_of_check(out->ns, err), err, "as of %s", text);
        return K2_OK;
    }
    if (at == text || !k2_sv_i64(k2_sv_of(at + 1), &out->snapshot))
        return k2_fail(err, K2_E_INVALID, "as of %s: write table@snapshot-id, as trades@123", text);
    *table = k2_sv_dup((struct k2_sv){text, (size_t)(at - text)});
    out->table = *table;
    return K2_OK;
}

static int run(k2_handle *k2, const struct query_request *request, struct ArrowArrayStream *out,
               struct k2_err *err) {
    struct query_result *result;
    K2_TRY(query_run(k2->engine, request, &result, err));
    int rc = query_to_arrow(result, out, err);
    if (rc != K2_OK)
        query_result_free(result);
    return rc;
}

K2_API int k2_query_arrow(k2_handle *k2, const char *sql, const struct k2_param *params,
                          int param_count, const char *as_of, struct ArrowArrayStream *out,
                          char *error, size_t error_size) {
    struct k2_err err = {0};
    char *table = NULL;
    size_t room = param_count > 0 ? (size_t)param_count : 1;
    struct query_param *own = k2_zalloc(room * sizeof *own);
    struct query_request request = {.sql = k2_sv_of(sql), .params = own};
    for (; request.param_count < param_count; request.param_count++)
        own[request.param_count] = (struct query_param){params[request.param_count].name,
                                                        params[request.param_count].value};
    memset(out, 0, sizeof *out);
    int rc = parse_as_of(as_of, &request.as_of, &table, &err);
    if (rc == K2_OK)
        rc = run(k2, &request, out, &err);
    free(table);
    free(own);
    return answer(rc, &err, error, error_size);
}

K2_API void k2_cancel(k2_handle *k2) {
    query_cancel(k2->engine);
}

K2_API void k2_close(k2_handle *k2) {
    if (!k2)
        return;
    query_close(k2->engine);
    free(k2);
}

K2_API const char *k2_version(void) {
    return K2_VERSION;
}
