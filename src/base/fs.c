/* base/fs.c - see fs.h.
 *
 * Changes go through *ops and nothing else; reads call the system directly.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int system_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}

static int system_close(int fd) {
    int rc = close(fd);
    return rc < 0 && errno == EINTR ? 0 : rc; /* on Linux the descriptor is gone all the same */
}

static int system_sync_dir(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd), saved = errno;
    close(fd);
    errno = saved;
    return rc;
}

const struct k2_fs_ops k2_fs_system = {
    .open = system_open,
    .pwrite = pwrite,
    .truncate = ftruncate,
    .sync = fdatasync,
    .close = system_close,
    .rename = rename,
    .unlink = unlink,
    .mkdir = mkdir,
    .sync_dir = system_sync_dir,
};

static const struct k2_fs_ops *ops = &k2_fs_system;

void k2_fs_use(const struct k2_fs_ops *use) {
    ops = use ? use : &k2_fs_system;
}

int k2_fs_open(const char *path, int flags, int *fd, struct k2_err *err) {
    int got = ops->open(path, flags | O_CLOEXEC, 0666);
    if (got < 0)
        return k2_fail_errno(err, "cannot open %s", path);
    *fd = got;
    return K2_OK;
}

int k2_fs_pwrite(int fd, const void *bytes, size_t n, int64_t at, const char *path,
                 struct k2_err *err) {
    const uint8_t *p = bytes;
    while (n > 0) {
        ssize_t done = ops->pwrite(fd, p, n, at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done == 0)
            errno = ENOSPC; /* what a write of nothing means on a regular file */
        if (done <= 0)
            return k2_fail_errno(err, "cannot write %zu bytes to %s", n, path);
        p += done;
        n -= (size_t)done;
        at += done;
    }
    return K2_OK;
}

int k2_fs_truncate(int fd, int64_t size, const char *path, struct k2_err *err) {
    if (ops->truncate(fd, size) < 0)
        return k2_fail_errno(err, "cannot cut %s to %lld bytes", path, (long long)size);
    return K2_OK;
}

int k2_fs_sync(int fd, const char *path, struct k2_err *err) {
    if (ops->sync(fd) < 0)
        return k2_fail_errno(err, "cannot sync %s: bytes written since its last sync may be lost",
                             path);
    return K2_OK;
}

int k2_fs_close(int fd, const char *path, struct k2_err *err) {
    if (ops->close(fd) < 0)
        return k2_fail_errno(err, "cannot close %s", path);
    return K2_OK;
}

int k2_fs_rename(const char *from, const char *to, struct k2_err *err) {
    if (ops->rename(from, to) < 0)
        return k2_fail_errno(err, "cannot rename %s to %s", from, to);
    return K2_OK;
}

int k2_fs_unlink(const char *path, struct k2_err *err) {
    if (ops->unlink(path) < 0 && errno != ENOENT)
        return k2_fail_errno(err, "cannot remove %s", path);
    return K2_OK;
}

int k2_fs_sync_dir(const char *path, struct k2_err *err) {
    if (ops->sync_dir(path) < 0)
        return k2_fail_errno(err, "cannot sync the directory %s", path);
    return K2_OK;
}

/* The directory that holds path; gives heap memory. */
static char *parent_of(const char *path) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n ? k2_sv_dup((struct k2_sv){path, n}) : k2_strdup(".");
}

static int sync_parent(const char *path, struct k2_err *err) {
    char *parent = parent_of(path);
    int rc = k2_fs_sync_dir(parent, err);
    free(parent);
    return rc;
}

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Of a directory that is there: whoever made it may have been killed before its name was synced. A
 * parent that cannot be opened or synced (EACCES, EINVAL ...) is not ours: we would not have got by. */
static int sync_existing(const char *path, struct k2_err *err) {
    char *parent = parent_of(path);
    int rc = K2_OK;
    if (ops->sync_dir(parent) < 0 && errno == EIO)
        rc = k2_fail_errno(err, "cannot sync the directory %s", parent);
    free(parent);
    return rc;
}

int k2_fs_mkdirs(const char *path, struct k2_err *err) {
    if (is_directory(path))
        return sync_existing(path, err);
    char *parent = parent_of(path);
    int rc = strcmp(parent, path) == 0 ? K2_OK : k2_fs_mkdirs(parent, err);
    if (rc == K2_OK) {
        if (ops->mkdir(path, 0777) == 0)
            rc = k2_fs_sync_dir(parent, err);
        else if (errno != EEXIST || !is_directory(path)) /* another process may have been faster */
            rc = k2_fail_errno(err, "cannot make the directory %s", path);
    }
    free(parent);
    return rc;
}

/* Fills the new file fd with bytes, durably; closes it in any case. */
static int fill(int fd, const char *path, struct k2_sv bytes, struct k2_err *err) {
    int rc = k2_fs_pwrite(fd, bytes.p, bytes.n, 0, path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync(fd, path, err);
    int closed = k2_fs_close(fd, path, rc == K2_OK ? err : NULL);
    return rc == K2_OK ? closed : rc;
}

/* A name beside path that no other thread or process uses now. */
static char *temporary_name(const char *path) {
    static atomic_uint counter;
    struct k2_buf name = {0};
    k2_buf_printf(&name, "%s.%ld-%u.tmp", path, (long)getpid(), atomic_fetch_add(&counter, 1));
    k2_buf_byte(&name, 0);
    return (char *)name.p;
}

int k2_fs_replace(const char *path, struct k2_sv bytes, struct k2_err *err) {
    char *temporary = temporary_name(path);
    int fd = -1, rc = k2_fs_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, &fd, err);
    if (rc == K2_OK) {
        rc = fill(fd, temporary, bytes, err);
        if (rc == K2_OK)
            rc = k2_fs_rename(temporary, path, err);
        if (rc != K2_OK)
            ops->unlink(temporary); /* the first failure is the one to report */
    }
    free(temporary);
    return rc == K2_OK ? sync_parent(path, err) : rc;
}

int k2_fs_create(const char *path, struct k2_sv bytes, struct k2_err *err) {
    int fd = ops->open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return k2_fail(err, K2_E_EXISTS, "%s exists already; it was not touched", path);
    if (fd < 0)
        return k2_fail_errno(err, "cannot create %s", path);
    int rc = fill(fd, path, bytes, err);
    if (rc != K2_OK) {
        ops->unlink(path); /* the first failure is the one to report */
        return rc;
    }
    return sync_parent(path, err);
}

static int read_all(int fd, const char *path, struct k2_buf *out, struct k2_err *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return k2_fail_errno(err, "cannot read %s", path);
    size_t start = out->n;
    for (;;) {
        size_t have = out->n - start, size = (size_t)st.st_size;
        size_t ask = size > have ? size - have : 4096; /* beyond its size: it may have grown */
        ssize_t got = read(fd, k2_buf_need(out, ask), ask);
        if (got == 0)
            return K2_OK;
        if (got > 0)
            out->n += (size_t)got;
        else if (errno != EINTR)
            return k2_fail_errno(err, "cannot read %s", path);
    }
}

int k2_fs_read(const char *path, struct k2_buf *out, struct k2_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND, "there is no file %s", path);
    if (fd < 0)
        return k2_fail_errno(err, "cannot open %s", path);
    int rc = read_all(fd, path, out, err);
    close(fd);
    return rc;
}

bool k2_fs_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool k2_fs_is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t k2_fs_size(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Gathers the names; 0 or the errno of a failed read. */
static int read_names(DIR *dir, char ***names, size_t *n) {
    size_t cap = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry)
            return errno;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 16;
            *names = k2_realloc(*names, cap * sizeof **names);
        }
        (*names)[(*n)++] = k2_strdup(entry->d_name);
    }
}

int k2_fs_list(const char *path, char ***names, size_t *n, struct k2_err *err) {
    char **found = NULL;
    size_t count = 0;
    DIR *dir = opendir(path);
    if (!dir && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND, "there is no directory %s", path);
    if (!dir)
        return k2_fail_errno(err, "cannot list the directory %s", path);
    int failed = read_names(dir, &found, &count);
    closedir(dir);
    if (failed) {
        k2_fs_names_free(found, count);
        errno = failed;
        return k2_fail_errno(err, "cannot list the directory %s", path);
    }
    if (count)
        qsort(found, count, sizeof *found, by_name);
    *names = found;
    *n = count;
    return K2_OK;
}

void k2_fs_names_free(char **names, size_t n) {
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

char *k2_path(const char *dir, const char *name) {
    size_t n = strlen(dir), more = strlen(name);
    bool slash = n > 0 && dir[n - 1] != '/';
    char *path = k2_alloc(n + slash + more + 1);
    memcpy(path, dir, n);
    if (slash)
        path[n++] = '/';
    memcpy(path + n, name, more + 1);
    return path;
}

int k2_fs_absolute(const char *path, char **out, struct k2_err *err) {
    char resolved[PATH_MAX];
    if (!realpath(path, resolved)) {
        if (errno == ENOENT)
            return k2_fail(err, K2_E_NOTFOUND, "%s does not exist", path);
        return k2_fail_errno(err, "cannot resolve %s", path);
    }
    *out = k2_strdup(resolved);
    return K2_OK;
}
