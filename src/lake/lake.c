/* A lake in a data directory: catalog.db and warehouse/<namespace>/<table>/{data,metadata}.
 *
 * Iceberg metadata names every file by its absolute location, as a URI "file://" + path without any
 * escaping: that is what pyiceberg and DuckDB both open. So a path that a URI reader would cut or
 * change ('?', '#', '%', control characters, bytes that are not UTF-8) is refused when the lake is
 * opened, and after a data directory was moved its tables' metadata are rewritten (relocate.c). */
#include "base/datadir.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "lake/lake_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>

/* --- locations --- */

K2_RC lake_location_path(struct k2_sv location, char **path, struct k2_err *err) {
    struct k2_sv rest = location;
    if (k2_sv_starts(rest, K2_SV("file://")))
        rest = (struct k2_sv){rest.p + 7, rest.n - 7};
    else if (k2_sv_starts(rest, K2_SV("file:/")))
        rest = (struct k2_sv){rest.p + 5, rest.n - 5};
    if (rest.n == 0 || rest.p[0] != '/' || memchr(rest.p, 0, rest.n))
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "location %.*s is not a file of this machine (file:///absolute/path)",
                       K2_SV_ARG(location));
    *path = k2_sv_dup(rest);
    return K2_OK;
}

char *lake_location_of(const char *path) {
    struct k2_buf b = {0};
    k2_buf_printf(&b, "file://%s", path);
    char *location = k2_strdup(k2_buf_cstr(&b));
    k2_buf_free(&b);
    return location;
}

K2_RC lake_path_check(const char *path, struct k2_err *err) {
    struct k2_json *text = k2_json_cstring(path);
    struct k2_sv kept = {0};
    bool plain = k2_json_as_string(text, &kept) && k2_sv_eq(kept, k2_sv_of(path));
    k2_json_free(text);
    for (const char *p = path; *p; p++)
        plain = plain && (uint8_t)*p >= ' ' && *p != 0x7f && !strchr("?#%", *p);
    if (plain)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "the data directory %s cannot hold tables: '?', '#', '%%', control characters "
                   "and bytes that are not UTF-8 break the file URIs in Iceberg metadata; choose "
                   "another path",
                   path);
}

/* --- ids --- */

static void random_bytes(void *out, size_t n) {
    ssize_t got = getrandom(out, n, 0);
    K2_ASSERT(got == (ssize_t)n); /* up to 256 bytes never come short */
}

/* RFC 9562: the version and variant bits are set in place. */
static void uuid_text(uint8_t b[16], int version, char out[LAKE_UUID_TEXT]) {
    static const char hex[] = "0123456789abcdef";
    b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[b[i] >> 4];
        *p++ = hex[b[i] & 15];
    }
    *p = 0;
}

void lake_uuid(char out[LAKE_UUID_TEXT]) {
    uint8_t b[16];
    random_bytes(b, sizeof b);
    uuid_text(b, 4, out);
}

void lake_content_uuid(struct k2_sv content, char out[LAKE_UUID_TEXT]) {
    struct k2_h128 h = k2_hash128(content.p, content.n);
    uint8_t b[16];
    memcpy(b, &h.hi, 8);
    memcpy(b + 8, &h.lo, 8);
    uuid_text(b, 8, out);
}

int64_t lake_random_id(void) {
    uint64_t v = 0;
    while (v == 0) {
        random_bytes(&v, sizeof v);
        v >>= 1;
    }
    return (int64_t)v;
}

/* --- files --- */

K2_RC lake_file_write(const char *path, struct k2_sv bytes, struct k2_err *err) {
    int fd;
    K2_TRY(k2_fs_open(path, O_WRONLY | O_CREAT | O_EXCL, &fd, err));
    int rc = k2_fs_pwrite(fd, bytes.p, bytes.n, 0, path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync(fd, path, err);
    int closed = k2_fs_close(fd, path, rc == K2_OK ? err : NULL);
    if (rc == K2_OK)
        rc = closed;
    if (rc != K2_OK)
        lake_file_remove(path);
    return rc;
}

K2_RC lake_file_read(const char *location, struct k2_buf *out, struct k2_err *err) {
    char *path;
    K2_TRY(lake_location_path(k2_sv_of(location), &path, err));
    int rc = k2_fs_read(path, out, err);
    free(path);
    if (rc == K2_E_NOTFOUND)
        return k2_fail(err, K2_E_CORRUPT, "the file is missing");
    return rc;
}

void lake_file_remove(const char *path) {
    struct k2_err err = {0};
    if (k2_fs_unlink(path, &err) != K2_OK)
        k2_log(K2_LOG_WARN, "lake_garbage_left", "file", path, "why", err.msg, NULL);
}

void lake_files_discard(const struct lake_file *files, int n) {
    for (int i = 0; i < n; i++)
        lake_file_remove(files[i].path);
}

void lake_file_free(struct lake_file *f) {
    free(f->path);
    free(f->metrics);
    free(f->splits);
    *f = (struct lake_file){0};
}

void lake_files_free(struct lake_file *files, int n) {
    for (int i = 0; i < n; i++)
        lake_file_free(&files[i]);
    free(files);
}

/* --- opening --- */

static K2_RC open_in(struct lake *l, bool create, struct k2_err *err) {
    K2_TRY(lake_path_check(l->data, err));
    if (create)
        K2_TRY(k2_fs_mkdirs(l->warehouse, err));
    char *path = k2_path(l->data, "catalog.db");
    int rc = lake_catalog_open(path, create, &l->catalog, err);
    free(path);
    return rc;
}

K2_RC lake_open_anywhere(const char *data, bool create, struct lake **out, struct k2_err *err) {
    struct lake *l = k2_zalloc(sizeof *l);
    int rc = k2_fs_absolute(data, &l->data, err);
    if (rc == K2_OK) {
        l->warehouse = k2_path(l->data, "warehouse");
        rc = open_in(l, create, err);
    }
    if (rc != K2_OK) {
        lake_close(l);
        return k2_err_context(err, rc, "open the tables in %s", data);
    }
    *out = l;
    return K2_OK;
}

static K2_RC check_directory(const char *data, bool create, struct k2_err *err) {
    if (create) {
        K2_TRY(k2_fs_mkdirs(data, err));
        return k2_datadir_mark(data, err);
    }
    if (!k2_fs_exists(data))
        return k2_fail(err, K2_E_NOTFOUND, "there is no data directory %s", data);
    return k2_datadir_check(data, err);
}

K2_RC lake_open(const char *data, bool create, struct lake **out, struct k2_err *err) {
    struct lake *l = NULL;
    K2_TRY(check_directory(data, create, err));
    K2_TRY(lake_open_anywhere(data, create, &l, err));
    int rc = lake_check_home(l, err);
    if (rc != K2_OK) {
        lake_close(l);
        return k2_err_context(err, rc, "open the tables in %s", data);
    }
    *out = l;
    return K2_OK;
}

void lake_close(struct lake *l) {
    if (!l)
        return;
    lake_catalog_close(l->catalog);
    free(l->data);
    free(l->warehouse);
    free(l);
}

K2_RC lake_catalog_verify(struct lake *l, void (*finding)(void *ctx, const char *text), void *ctx,
                          struct k2_err *err) {
    return lake_catalog_check(l->catalog, finding, ctx, err);
}
