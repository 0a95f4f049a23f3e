/* feed/archive.c - paths into zip archives: ARCHIVE.zip/MEMBER. */
#include "feed/feed_int.h"

#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

/* What stands before a slash is a file: then the path as a whole cannot be one, which is why this needs no mark in
 * the path. */
size_t feed_archive_part(const char *path) {
    char *part = k2_strdup(path);
    size_t found = 0;
    for (size_t n = 1; path[n - 1] && path[n] && !found; n++) {
        struct stat st;
        if (path[n] != '/')
            continue;
        part[n] = 0;
        if (stat(part, &st) != 0)
            break;
        if (S_ISREG(st.st_mode))
            found = n;
        part[n] = '/';
    }
    free(part);
    return found;
}

bool feed_is_member(const char *path) {
    return feed_archive_part(path) > 0;
}

bool feed_is_archive(const char *path) {
    char head[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, head, sizeof head, 0);
    close(fd);
    return n > 0 &&
           k2_packing_of((struct k2_sv){head, (size_t)n}, k2_sv_of(path), true) == K2_PACKING_ZIP;
}

bool feed_is_packed(const char *path) {
    struct k2_sv name = k2_sv_of(path);
    return k2_packing_stem(name).n < name.n || feed_is_member(path);
}

int feed_file_absolute(const char *path, char **out, struct k2_err *err) {
    size_t n = feed_archive_part(path);
    if (n == 0)
        return k2_fs_absolute(path, out, err);
    char *part = k2_sv_dup((struct k2_sv){path, n}), *full;
    int rc = k2_fs_absolute(part, &full, err);
    free(part);
    if (rc != K2_OK)
        return rc;
    *out = k2_path(full, path + n + 1);
    free(full);
    return K2_OK;
}

static K2_RC each_piece(struct k2_member *m, void (*take)(void *ctx, struct k2_sv piece), void *ctx,
                        struct k2_err *err) {
    uint8_t *piece = k2_alloc(PIECE);
    size_t n;
    int rc;
    while ((rc = k2_member_read(m, piece, PIECE, &n, err)) == K2_OK && n > 0)
        take(ctx, (struct k2_sv){(char *)piece, n});
    free(piece);
    return rc;
}

int feed_member_each(const char *path, void (*take)(void *ctx, struct k2_sv piece), void *ctx,
                     struct k2_err *err) {
    size_t n = feed_archive_part(path), i;
    if (n == 0)
        return k2_fail(err, K2_E_NOTFOUND, "%s is no file of a zip archive", path);
    char *name = k2_sv_dup((struct k2_sv){path, n});
    struct k2_archive *archive = NULL;
    struct k2_member *member = NULL;
    int rc = k2_archive_open(name, &archive, err);
    free(name);
    if (rc == K2_OK)
        rc = k2_archive_find(archive, k2_sv_of(path + n + 1), &i, err);
    if (rc == K2_OK)
        rc = k2_member_open(archive, i, &member, err);
    if (rc == K2_OK)
        rc = each_piece(member, take, ctx, err);
    k2_member_close(member);
    k2_archive_close(archive);
    return rc;
}

static int64_t member_size(const char *archive, const char *member) {
    struct k2_archive *a;
    size_t i;
    if (k2_archive_open(archive, &a, NULL) != K2_OK)
        return -1;
    int64_t size =
        k2_archive_find(a, k2_sv_of(member), &i, NULL) == K2_OK ? k2_archive_size(a, i) : -1;
    k2_archive_close(a);
    return size;
}

bool feed_file_stat(const char *path, struct stat *st) {
    size_t n = feed_archive_part(path);
    if (n == 0)
        return stat(path, st) == 0;
    char *archive = k2_sv_dup((struct k2_sv){path, n});
    bool there = stat(archive, st) == 0;
    st->st_size = there ? member_size(archive, path + n + 1) : -1;
    free(archive);
    return there && st->st_size >= 0;
}
