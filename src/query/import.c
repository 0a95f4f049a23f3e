/* query/import.c - see import.h.
 *
 * The engine of its own has no table and no way to the data directory: it reads one file and writes one. The rows are
 * streamed; memory does not grow with the file.
 */
#include "query/query_int.h"
#include "query/text.h"

#include "base/fs.h"

#include <stdlib.h>

static int copy(const char *parquet, const char *csv, struct k2_err *err) {
    static const struct duck_setting settings[] = {
        {"threads", "2"},
        {"memory_limit", "1GB"},
        {"temp_directory", ""},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
    };
    struct duck *duck;
    struct k2_buf sql = {0};
    K2_TRY(duck_open(settings, sizeof settings / sizeof *settings, &duck, err));
    k2_buf_str(&sql, "SET TimeZone='UTC'; COPY (SELECT * FROM read_parquet([");
    query_text_literal(&sql, k2_sv_of(parquet));
    k2_buf_str(&sql, "], hive_partitioning=false)) TO ");
    query_text_literal(&sql, k2_sv_of(csv));
    k2_buf_str(&sql, " (FORMAT csv, HEADER true)");
    int rc = duck_exec(duck, k2_buf_cstr(&sql), err);
    duck_close(duck);
    k2_buf_free(&sql);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "%s as rows", parquet);
}

/* A directory for the file: where queries spill, which is swept when a process was killed; else a new one. */
static char *make_directory(const char *data) {
    char *dir = query_temp_make(data);
    if (dir && k2_fs_mkdirs(dir, NULL) == K2_OK)
        return dir;
    free(dir);
    const char *tmp = getenv("TMPDIR");
    dir = k2_path(tmp && *tmp ? tmp : "/tmp", "k2-import-XXXXXX");
    if (mkdtemp(dir))
        return dir;
    free(dir);
    return NULL;
}

static int check_name(const char *path, struct k2_err *err) {
    if (!k2_fs_exists(path))
        return k2_fail(err, K2_E_NOTFOUND, "there is no file %s", path);
    if (strpbrk(path, "*?["))
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "%s: a Parquet file with *, ? or [ in its path cannot be read", path);
    return K2_OK;
}

K2_RC query_import_parquet(const char *data, const char *path, struct query_import *out,
                           struct k2_err *err) {
    *out = (struct query_import){0};
    K2_TRY(check_name(path, err));
    char *dir = make_directory(data);
    if (!dir)
        return k2_fail(err, K2_E_IO, "there is no directory for the rows of %s; set TMPDIR", path);
    int rc = k2_fs_absolute(dir, &out->directory, err);
    free(dir);
    K2_TRY(rc);
    out->csv = k2_path(out->directory, "rows.csv");
    rc = copy(path, out->csv, err);
    if (rc != K2_OK)
        query_import_end(out);
    return rc;
}

void query_import_end(struct query_import *i) {
    if (i->directory)
        query_temp_remove(i->directory);
    free(i->csv);
    *i = (struct query_import){0};
}
