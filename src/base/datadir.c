/* base/datadir.c - the file <data>/format.
 *
 * FILE. One line of text, replaced as a whole and durably (base/fs.h):
 *   k2 data directory, format 1
 * or, while k2 restore fills the directory,
 *   k2 data directory, restore under way
 *
 * VALIDITY. The line is one of these; a number above ours is a newer format. Directories that were
 * made before the file existed have none: they are format 1. The parts (journal/meta, catalog.db,
 * segments ...) carry format versions of their own; this number rises when what lies where changes.
 *
 * RECOVERY. None: the file is written before anything else, and a power cut leaves it whole or not
 * there.
 */
#include "base/datadir.h"

#include "base/fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "format"
#define RESTORING "restore under way"

static const struct k2_sv head = {"k2 data directory, ", 19};

static K2_RC check_line(const char *data, struct k2_sv line, struct k2_err *err) {
    int64_t found;
    if (!k2_sv_starts(line, head))
        return k2_fail(err, K2_E_CORRUPT, "%s/" NAME " does not begin with \"%.*s\"", data,
                       K2_SV_ARG(head));
    line = (struct k2_sv){line.p + head.n, line.n - head.n};
    if (k2_sv_eq(line, K2_SV(RESTORING)))
        return k2_fail(err, K2_E_INVALID,
                       "a restore into %s did not end: remove the directory and restore again",
                       data);
    if (!k2_sv_starts(line, K2_SV("format ")) ||
        !k2_sv_i64((struct k2_sv){line.p + 7, line.n - 7}, &found) || found < 1)
        return k2_fail(err, K2_E_CORRUPT, "%s/" NAME " names no format version", data);
    if (found > K2_DATADIR_FORMAT)
        return k2_fail(err, K2_E_VERSION,
                       "%s has format version %lld, this build knows %d: use a newer k2", data,
                       (long long)found, K2_DATADIR_FORMAT);
    return K2_OK;
}

K2_RC k2_datadir_check(const char *data, struct k2_err *err) {
    char *path = k2_path(data, NAME);
    struct k2_buf text = {0};
    struct k2_err why = {0};
    int rc = k2_fs_read(path, &text, &why);
    if (rc == K2_OK)
        rc = check_line(data, k2_sv_trim(k2_buf_view(&text)), err);
    else if (rc == K2_E_NOTFOUND)
        rc = K2_OK;
    else if (err)
        *err = why;
    k2_buf_free(&text);
    free(path);
    return rc;
}

static K2_RC write_line(const char *data, const char *what, struct k2_err *err) {
    char *path = k2_path(data, NAME);
    struct k2_buf text = {0};
    k2_buf_printf(&text, "%.*s%s\n", K2_SV_ARG(head), what);
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    free(path);
    return rc;
}

static K2_RC write_format(const char *data, struct k2_err *err) {
    char what[32];
    (void)snprintf(what, sizeof what, "format %d", K2_DATADIR_FORMAT);
    return write_line(data, what, err);
}

/* --- is it ours to take --- */

static bool has(const char *data, const char *name) {
    char *path = k2_path(data, name);
    bool there = k2_fs_exists(path);
    free(path);
    return there;
}

static bool is_foreign(const char *name) {
    static const char *const ours[] = {"run", "journal", "kafka", "warehouse", "raw", "lost+found"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (strcmp(name, ours[i]) == 0)
            return false;
    }
    return name[0] != '.' && !k2_sv_starts(k2_sv_of(name), K2_SV("catalog.db")) &&
           !k2_sv_starts(k2_sv_of(name), K2_SV(NAME));
}

/* A directory that somebody uses for something else is not made a data directory by a slip of the keyboard. One
 * of ours from before the file existed is known by its journal or catalog. */
static K2_RC check_vacant(const char *data, struct k2_err *err) {
    char **names;
    size_t n;
    int rc = K2_OK;
    if (has(data, "journal/meta") || has(data, "catalog.db"))
        return K2_OK;
    K2_TRY(k2_fs_list(data, &names, &n, err));
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        if (is_foreign(names[i]))
            rc = k2_fail(err, K2_E_EXISTS,
                         "%s is no K2 data directory and holds %s: choose another directory, or an "
                         "empty one",
                         data, names[i]);
    }
    k2_fs_names_free(names, n);
    return rc;
}

static K2_RC tell_what_it_is(const char *data, struct k2_err *err) {
    char **names;
    size_t n;
    const char *other = NULL;
    K2_TRY(k2_fs_list(data, &names, &n, err));
    for (size_t i = 0; i < n && !other; i++)
        other = is_foreign(names[i]) ? names[i] : NULL;
    int rc = other ? k2_fail(err, K2_E_INVALID,
                             "%s is no K2 data directory: it holds %s; check --data", data, other)
                   : k2_fail(err, K2_E_NOTFOUND,
                             "%s is empty, so it is no K2 data directory yet; check --data, or "
                             "k2 init makes it one",
                             data);
    k2_fs_names_free(names, n);
    return rc;
}

int k2_datadir_expect(const char *data, struct k2_err *err) {
    struct stat st;
    if (stat(data, &st) != 0 && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND,
                       "there is no data directory %s; k2 init, k2 ingest or k2 simulate makes one",
                       data);
    if (stat(data, &st) != 0)
        return k2_fail_errno(err, "cannot look into %s", data);
    if (!S_ISDIR(st.st_mode))
        return k2_fail(err, K2_E_INVALID, "%s is a file, no K2 data directory; check --data", data);
    if (access(data, R_OK | X_OK) != 0)
        return k2_fail_errno(err, "cannot look into %s", data);
    if (has(data, NAME) || has(data, "journal/meta") || has(data, "catalog.db"))
        return K2_OK;
    return tell_what_it_is(data, err);
}

K2_RC k2_datadir_mark(const char *data, struct k2_err *err) {
    char *path = k2_path(data, NAME);
    bool there = k2_fs_exists(path);
    free(path);
    if (there)
        return k2_datadir_check(data, err);
    K2_TRY(check_vacant(data, err));
    return write_format(data, err);
}

K2_RC k2_datadir_restoring(const char *data, struct k2_err *err) {
    return write_line(data, RESTORING, err);
}

K2_RC k2_datadir_restored(const char *data, struct k2_err *err) {
    return write_format(data, err);
}
