/* base/store_file.c - a store that is a directory, of this machine or mounted from another; see store.h.
 *
 * DIRECTORY. ROOT/
 *   k2-store           "k2 store, format 1"
 *   PREFIX/NAME        an object: its bytes and nothing else
 *   PREFIX/NAME.tmp    an object that is being put
 *
 * VALIDITY. ROOT is a store iff its file k2-store is there. Without it the directory may be what stays of a disk that is
 * not mounted: the store is away then, and nothing is written there, also when that happens while it is open.
 *
 * RECOVERY. An object is synced under its temporary name and then renamed, so it is whole or not there. What a killed
 * process left under a temporary name is listed, so that the owner of the prefix can remove it.
 */
#include "base/store.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "k2-store"
#define FORMAT_LINE "k2 store, format 1\n"
#define PIECE ((size_t)1 << 20)

struct file_store {
    struct k2_store base;
    char *root, *mark; /* paths */
    dev_t device;      /* of the mark, as it was opened */
    ino_t inode;
};

static struct file_store *file_of(struct k2_store *s) {
    return (struct file_store *)s; /* base is its first member */
}

/* Turns a failure into "the store is away". */
static int away(int rc, struct k2_err *err) {
    if (rc == K2_E_IO && err)
        err->retriable = true;
    return rc;
}

/* --- the directory --- */

static int file_check(const char *url, struct k2_sv place, struct k2_err *err) {
    if (k2_sv_starts(place, K2_SV("//")))
        place = (struct k2_sv){place.p + 2, place.n - 2};
    if (place.n < 2 || place.p[0] != '/')
        return k2_fail(err, K2_E_INVALID,
                       "\"%s\": a store's directory is named from the root on, as file:///DIR",
                       url);
    return K2_OK;
}

static char *root_of(struct k2_sv place) {
    if (k2_sv_starts(place, K2_SV("//")))
        place = (struct k2_sv){place.p + 2, place.n - 2};
    return k2_sv_dup(place);
}

static bool is_inside(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == 0 || strcmp(dir, "/") == 0);
}

static int file_outside(struct k2_sv place, const char *dir, struct k2_err *err) {
    char *root = root_of(place), *real = realpath(root, NULL), *real_dir = realpath(dir, NULL);
    int rc = K2_OK;
    if (real && real_dir && is_inside(real, real_dir))
        rc =
            k2_fail(err, K2_E_INVALID,
                    "%s is inside of the data directory %s; name a directory elsewhere", root, dir);
    free(root);
    free(real);
    free(real_dir);
    return rc;
}

static int check_mark(const char *path, struct k2_err *err) {
    struct k2_buf text = {0};
    int rc = k2_fs_read(path, &text, err);
    if (rc == K2_OK && !k2_sv_eq(k2_buf_view(&text), K2_SV(FORMAT_LINE)))
        rc = k2_fail(err, K2_E_VERSION, "%s is of a format that this k2 does not know", path);
    k2_buf_free(&text);
    return rc;
}

/* What a killed process left of the mark (base/fs.h). */
static bool is_half_a_mark(struct k2_sv name) {
    return k2_sv_starts(name, K2_SV(MARK ".")) && k2_sv_ends(name, K2_SV(".tmp"));
}

/* A directory with other things in it is not ours to fill. */
static int check_empty(const char *root, struct k2_err *err) {
    char **names;
    size_t n;
    int rc = K2_OK;
    K2_TRY(k2_fs_list(root, &names, &n, err));
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        if (strcmp(names[i], "lost+found") != 0 && !is_half_a_mark(k2_sv_of(names[i])))
            rc = k2_fail(err, K2_E_INVALID,
                         "%s is no store (it has no file " MARK ") and holds %s: name an empty "
                         "directory",
                         root, names[i]);
    k2_fs_names_free(names, n);
    return rc;
}

static int gone(const struct file_store *s, struct k2_err *err) {
    if (!k2_fs_is_directory(s->root))
        return away(
            k2_fail(err, K2_E_IO, "there is no directory %s: make it, or mount it", s->root), err);
    return away(k2_fail(err, K2_E_IO,
                        "%s is no store now, for its file " MARK " is not there: mount it",
                        s->root),
                err);
}

/* Whether it is still the directory that was opened. */
static int check_here(const struct file_store *s, struct k2_err *err) {
    struct stat st;
    if (stat(s->mark, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
        return K2_OK;
    return gone(s, err);
}

static int open_root(struct file_store *s, bool make, struct k2_err *err) {
    struct stat st;
    int rc = K2_OK;
    if (k2_fs_exists(s->mark))
        rc = check_mark(s->mark, err);
    else if (!make || !k2_fs_is_directory(s->root))
        return gone(s, err);
    else if ((rc = check_empty(s->root, err)) == K2_OK)
        rc = k2_fs_replace(s->mark, K2_SV(FORMAT_LINE), err);
    if (rc == K2_OK && stat(s->mark, &st) < 0)
        return gone(s, err);
    if (rc != K2_OK)
        return away(rc, err);
    s->device = st.st_dev;
    s->inode = st.st_ino;
    return K2_OK;
}

static int file_open(struct k2_sv place, bool make, struct k2_store **out, struct k2_err *err) {
    struct file_store *s = k2_zalloc(sizeof *s);
    s->base.ops = &k2_store_file;
    s->root = root_of(place);
    s->mark = k2_path(s->root, MARK);
    int rc = open_root(s, make, err);
    if (rc == K2_OK)
        *out = &s->base;
    else
        k2_store_close(&s->base);
    return rc;
}

static void file_close(struct k2_store *store) {
    struct file_store *s = file_of(store);
    free(s->root);
    free(s->mark);
    free(s);
}

/* --- objects --- */

/* Of open and stat: no such file is an answer of a store that is here; all else is its being away. */
static int failed(struct k2_store *s, const char *what, const char *path, struct k2_err *err) {
    if (errno != ENOENT)
        return away(k2_fail_errno(err, "cannot %s %s", what, path), err);
    K2_TRY(check_here(file_of(s), err));
    return k2_fail(err, K2_E_NOTFOUND, "there is no object %s", path);
}

static char *object_path(struct k2_store *s, const char *key) {
    return k2_path(file_of(s)->root, key);
}

static int copy(int from, int64_t bytes, int to, const char *path, struct k2_err *err) {
    uint8_t *room = k2_alloc(PIECE);
    int rc = K2_OK;
    for (int64_t at = 0; rc == K2_OK && at < bytes;) {
        size_t ask = bytes - at < (int64_t)PIECE ? (size_t)(bytes - at) : PIECE;
        ssize_t got = pread(from, room, ask, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = k2_fail_errno(err, "cannot read what is to be kept as %s", path);
        else if (got == 0)
            rc = k2_fail(err, K2_E_CORRUPT, "what is to be kept as %s ends too early", path);
        else
            rc = k2_fs_pwrite(to, room, (size_t)got, at, path, err);
        at += got;
    }
    free(room);
    return rc;
}

static int put_synced(const char *path, int from, int64_t bytes, struct k2_err *err) {
    int fd;
    K2_TRY(k2_fs_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, err));
    int rc = copy(from, bytes, fd, path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync(fd, path, err);
    int closed = k2_fs_close(fd, path, rc == K2_OK ? err : NULL);
    return rc == K2_OK ? closed : rc;
}

static int put_renamed(const char *dir, const char *path, int from, int64_t bytes,
                       struct k2_err *err) {
    struct k2_buf temporary = {0};
    k2_buf_printf(&temporary, "%s.tmp", path);
    const char *name = k2_buf_cstr(&temporary);
    int rc = put_synced(name, from, bytes, err);
    if (rc == K2_OK)
        rc = k2_fs_rename(name, path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync_dir(dir, err);
    else
        (void)!k2_fs_unlink(name, NULL); /* the owner of the prefix removes it else */
    k2_buf_free(&temporary);
    return rc;
}

static int file_put(struct k2_store *s, const char *key, int fd, int64_t bytes,
                    struct k2_err *err) {
    K2_TRY(check_here(file_of(s), err)); /* its directories are not made anew */
    char *path = object_path(s, key);
    struct k2_sv prefix = {path, (size_t)(strrchr(path, '/') - path)};
    char *dir = k2_sv_dup(prefix);
    int rc = k2_fs_mkdirs(dir, err);
    if (rc == K2_OK)
        rc = put_renamed(dir, path, fd, bytes, err);
    if (rc == K2_OK)
        rc = check_here(file_of(s), err);
    free(dir);
    free(path);
    return away(rc, err);
}

static int read_range(int fd, const char *path, int64_t at, uint8_t *to, size_t n,
                      struct k2_err *err) {
    while (n > 0) {
        ssize_t got = pread(fd, to, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return away(k2_fail_errno(err, "cannot read %s", path), err);
        if (got == 0)
            return k2_fail(err, K2_E_CORRUPT, "%s ends at byte %lld, too early", path,
                           (long long)at);
        to += got;
        at += got;
        n -= (size_t)got;
    }
    return K2_OK;
}

static int file_get(struct k2_store *s, const char *key, int64_t at, void *to, size_t n,
                    struct k2_err *err) {
    char *path = object_path(s, key);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? failed(s, "open", path, err) : read_range(fd, path, at, to, n, err);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

static int file_size(struct k2_store *s, const char *key, int64_t *bytes, struct k2_err *err) {
    struct stat st;
    char *path = object_path(s, key);
    int rc = stat(path, &st) < 0 ? failed(s, "look at", path, err) : K2_OK;
    if (rc == K2_OK)
        *bytes = st.st_size;
    free(path);
    return rc;
}

static int file_list(struct k2_store *s, const char *prefix, char ***names, size_t *n,
                     struct k2_err *err) {
    struct k2_err why = {0};
    char *path = object_path(s, prefix);
    int rc = k2_fs_list(path, names, n, &why);
    free(path);
    if (rc == K2_E_NOTFOUND) { /* nothing was put there yet */
        *names = NULL;
        *n = 0;
        return K2_OK;
    }
    if (rc != K2_OK && err)
        *err = why;
    return away(rc, err);
}

static int file_remove(struct k2_store *s, const char *key, struct k2_err *err) {
    char *path = object_path(s, key);
    int rc = k2_fs_unlink(path, err);
    free(path);
    return away(rc, err);
}

const struct k2_store_ops k2_store_file = {
    .scheme = "file:",
    .check = file_check,
    .outside = file_outside,
    .open = file_open,
    .close = file_close,
    .put = file_put,
    .get = file_get,
    .size = file_size,
    .list = file_list,
    .remove = file_remove,
};
