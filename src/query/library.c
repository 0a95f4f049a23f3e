/* query/library.c - which SQL engine was found, without opening a data directory. */
#include "query/duck.h"
#include "query/query.h"

static K2_RC read_version(struct duck *d, char *version, size_t n, struct k2_err *err) {
    struct duck_stmt *s;
    struct duck_result *r = NULL;
    uint64_t rows = 0;
    const struct duck_vector *columns;
    K2_TRY(duck_prepare(d, "SELECT version()", &s, err));
    int rc = duck_execute(s, &r, err);
    if (rc == K2_OK)
        rc = duck_next(r, &rows, &columns, err);
    if (rc == K2_OK && rows > 0) {
        struct k2_sv text = duck_string(&columns[0], 0);
        (void)snprintf(version, n, "%.*s", K2_SV_ARG(text));
    }
    duck_result_free(r);
    duck_stmt_free(s);
    return rc;
}

int query_library(char *version, size_t n, struct k2_err *err) {
    static const struct duck_setting settings[] = {{"threads", "1"}};
    struct duck *d;
    version[0] = 0;
    K2_TRY(duck_open(settings, 1, &d, err));
    int rc = read_version(d, version, n, err);
    duck_close(d);
    return rc;
}
