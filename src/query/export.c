/* query/export.c - results as Parquet files and as Arrow streams.
 *
 * A Parquet file is written by DuckDB's COPY from an engine of its own, whose sandbox opens for that
 * one temporary file; it is synced and renamed over the target, so that the target is the old file or
 * the whole new one. */
#include "query/query_int.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Parquet --- */

static void put_directory_of(const char *path, struct k2_buf *out) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        k2_buf_str(out, ".");
    else
        k2_buf_put(out, path, slash == path ? 1 : (size_t)(slash - path));
}

/* ".NAME.PID.tmp" in the target's directory, absolute. */
static int temporary_path(const char *path, char **directory, char **temporary,
                          struct k2_err *err) {
    struct k2_buf dir = {0}, name = {0};
    const char *slash = strrchr(path, '/');
    put_directory_of(path, &dir);
    int rc = k2_fs_absolute(k2_buf_cstr(&dir), directory, err);
    if (rc == K2_OK) {
        k2_buf_printf(&name, ".%s.%d.tmp", slash ? slash + 1 : path, (int)getpid());
        *temporary = k2_path(*directory, k2_buf_cstr(&name));
    }
    k2_buf_free(&dir);
    k2_buf_free(&name);
    return rc;
}

static int read_count(struct query_result *r, int64_t *rows, struct k2_err *err) {
    uint64_t n;
    const struct duck_vector *columns;
    *rows = 0;
    do {
        K2_TRY(query_result_next(r, &n, &columns, err));
        if (n)
            *rows = (int64_t)query_value_integer(&columns[0], 0);
    } while (n);
    return K2_OK;
}

static int copy(struct query_engine *q, const struct query_request *r, const char *temporary,
                int64_t *rows, struct k2_err *err) {
    struct query_engine *writer;
    struct query_result *result;
    K2_TRY(query_open_for(q->data, &q->options, temporary, &writer, err));
    int rc = query_run_to(writer, r, temporary, &result, err);
    if (rc == K2_OK) {
        rc = read_count(result, rows, err);
        query_result_free(result);
    }
    query_close(writer);
    return rc;
}

static int publish(const char *directory, const char *temporary, const char *path,
                   struct k2_err *err) {
    int fd;
    K2_TRY(k2_fs_open(temporary, O_RDWR, &fd, err));
    int rc = k2_fs_sync(fd, temporary, err);
    int closed = k2_fs_close(fd, temporary, rc == K2_OK ? err : NULL);
    if (rc == K2_OK)
        rc = closed;
    K2_TRY(rc);
    K2_TRY(k2_fs_rename(temporary, path, err));
    return k2_fs_sync_dir(directory, err);
}

K2_RC query_to_parquet(struct query_engine *q, const struct query_request *r, const char *path,
                       int64_t *rows, struct k2_err *err) {
    char *directory = NULL, *temporary = NULL;
    int64_t n = 0;
    int rc = temporary_path(path, &directory, &temporary, err);
    if (rc == K2_OK) {
        rc = copy(q, r, temporary, &n, err);
        if (rc == K2_OK)
            rc = publish(directory, temporary, path, err);
        if (rc != K2_OK)
            unlink(temporary);
    }
    if (rows)
        *rows = n;
    free(directory);
    free(temporary);
    return rc;
}

/* --- Arrow --- */

struct stream {
    struct query_result *result;
    struct k2_err err;
};

static int stream_rc(struct stream *s, int rc) {
    if (rc == K2_OK)
        return 0;
    s->err.status = rc;
    return rc == K2_E_NOMEM ? ENOMEM : rc == K2_E_CANCELLED ? ECANCELED : EIO;
}

static int require_rows(struct stream *s) {
    if (s->result->engine)
        return K2_OK;
    return k2_fail(&s->err, K2_E_INVALID,
                   "the rows of this result are gone: another query ran, or the engine was closed");
}

static int stream_schema(struct ArrowArrayStream *a, struct ArrowSchema *out) {
    struct stream *s = a->private_data;
    int rc = require_rows(s);
    if (rc == K2_OK)
        rc = duck_arrow_schema(s->result->rows, out, &s->err);
    return stream_rc(s, rc);
}

static int stream_next(struct ArrowArrayStream *a, struct ArrowArray *out) {
    struct stream *s = a->private_data;
    int rc = require_rows(s);
    if (rc == K2_OK)
        rc = duck_arrow_next(s->result->rows, out, &s->err);
    return stream_rc(s, query_result_fail(s->result, rc, &s->err));
}

static const char *stream_error(struct ArrowArrayStream *a) {
    struct stream *s = a->private_data;
    return s->err.status ? s->err.msg : NULL;
}

static void stream_release(struct ArrowArrayStream *a) {
    struct stream *s = a->private_data;
    query_result_free(s->result);
    free(s);
    a->release = NULL;
}

K2_RC query_to_arrow(struct query_result *r, struct ArrowArrayStream *out, struct k2_err *err) {
    if (!r->engine)
        return k2_fail(err, K2_E_INVALID, "the rows of this result are gone");
    struct stream *s = k2_zalloc(sizeof *s);
    s->result = r;
    *out = (struct ArrowArrayStream){
        .get_schema = stream_schema,
        .get_next = stream_next,
        .get_last_error = stream_error,
        .release = stream_release,
        .private_data = s,
    };
    return K2_OK;
}
