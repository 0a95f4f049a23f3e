/* lake/backup_store.c - the content of a backup.
 *
 * DIRECTORY. DEST/
 *   format             "k2 backup, format 1"
 *   lock               held by the process that writes (base/fs.h)
 *   objects/<2>/<32>   content, named by its XXH3-128 in hex; <2> are the first two digits
 *   tmp/               content that is being copied
 *   cuts/<id>.json     backup_cut.c
 *
 * VALIDITY. An object has the size that its cut says and the checksum that is its name. Nothing is
 * ever changed; an object that no cut names (a killed backup) is taken up by the next that needs it.
 *
 * RECOVERY. Content is synced under its temporary name, then renamed; the directories are synced
 * before the cut is written. What lies in tmp/ when a backup begins is removed.
 */
#include "lake/backup_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FORMAT_LINE "k2 backup, format "
#define FORMAT 1
#define PIECE ((size_t)1 << 20)

/* --- the directory --- */

static K2_RC check_line(const char *dest, struct k2_sv line, struct k2_err *err) {
    int64_t found;
    size_t n = sizeof FORMAT_LINE - 1;
    if (!k2_sv_starts(line, K2_SV(FORMAT_LINE)) ||
        !k2_sv_i64((struct k2_sv){line.p + n, line.n - n}, &found) || found < 1)
        return k2_fail(err, K2_E_INVALID, "%s is no backup: its file `format` is of something else",
                       dest);
    if (found > FORMAT)
        return k2_fail(err, K2_E_VERSION,
                       "backup %s has format version %lld, this build knows %d: use a newer k2",
                       dest, (long long)found, FORMAT);
    return K2_OK;
}

int backup_store_check(const char *dest, struct k2_err *err) {
    char *path = k2_path(dest, "format");
    struct k2_buf text = {0};
    int rc = k2_fs_read(path, &text, err);
    free(path);
    if (rc == K2_E_NOTFOUND)
        rc = k2_fail(err, rc, "%s is no backup: it has no file `format`", dest);
    if (rc == K2_OK)
        rc = check_line(dest, k2_sv_trim(k2_buf_view(&text)), err);
    k2_buf_free(&text);
    return rc;
}

/* A directory with other things in it is not ours to fill. */
static K2_RC check_empty(const char *dest, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(k2_fs_list(dest, &names, &n, err));
    k2_fs_names_free(names, n);
    if (n == 0)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "%s is not empty and no backup: name a new directory", dest);
}

static K2_RC make_below(const char *dest, const char *name, struct k2_err *err) {
    char *path = k2_path(dest, name);
    int rc = k2_fs_mkdirs(path, err);
    free(path);
    return rc;
}

static K2_RC make(const char *dest, struct k2_err *err) {
    K2_TRY(k2_fs_mkdirs(dest, err));
    char *path = k2_path(dest, "format");
    int rc = K2_OK;
    if (k2_fs_exists(path)) {
        rc = backup_store_check(dest, err);
    } else if ((rc = check_empty(dest, err)) == K2_OK) {
        char line[40];
        (void)snprintf(line, sizeof line, FORMAT_LINE "%d\n", FORMAT);
        rc = k2_fs_replace(path, k2_sv_of(line), err);
    }
    free(path);
    K2_TRY(rc);
    K2_TRY(make_below(dest, "objects", err));
    K2_TRY(make_below(dest, "tmp", err));
    return make_below(dest, "cuts", err);
}

static K2_RC sweep(const char *dest, struct k2_err *err) {
    char *dir = k2_path(dest, "tmp"), **names;
    size_t n;
    int rc = k2_fs_list(dir, &names, &n, err);
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        char *path = k2_path(dir, names[i]);
        rc = k2_fs_unlink(path, err);
        free(path);
    }
    if (rc == K2_OK)
        k2_fs_names_free(names, n);
    free(dir);
    return rc;
}

int backup_store_open(const char *dest, bool dry_run, struct backup_store *out,
                      struct k2_err *err) {
    *out = (struct backup_store){.dest = k2_strdup(dest), .dry_run = dry_run};
    if (dry_run)
        return k2_fs_exists(dest) ? backup_store_check(dest, err) : K2_OK;
    K2_TRY(make(dest, err));
    char *path = k2_path(dest, "lock");
    int rc = k2_lock_take(path, "k2 backup", &out->lock, err);
    free(path);
    return rc == K2_OK ? sweep(dest, err) : rc;
}

void backup_store_close(struct backup_store *s) {
    k2_lock_release(s->lock);
    free(s->dest);
    *s = (struct backup_store){0};
}

/* --- objects --- */

static char *object_path(const char *dest, const struct backup_part *p) {
    char hex[33], name[64];
    k2_h128_hex(p->sum, hex);
    (void)snprintf(name, sizeof name, "objects/%.2s/%s", hex, hex);
    return k2_path(dest, name);
}

bool backup_store_has(const char *dest, const struct backup_part *p) {
    char *path = object_path(dest, p);
    bool has = k2_fs_size(path) == p->bytes;
    free(path);
    return has;
}

static K2_RC object_directory(struct backup_store *s, const struct backup_part *p, char **out,
                              struct k2_err *err) {
    unsigned at = (unsigned)(p->sum.hi >> 56);
    char name[16];
    (void)snprintf(name, sizeof name, "objects/%02x", at);
    *out = k2_path(s->dest, name);
    int rc = s->touched[at] ? K2_OK : k2_fs_mkdirs(*out, err);
    s->touched[at] = true;
    if (rc != K2_OK)
        free(*out);
    return rc;
}

/* Takes the synced temporary file to its place. */
static K2_RC adopt(struct backup_store *s, const char *temporary, const struct backup_part *p,
                   bool *fresh, struct k2_err *err) {
    char *dir;
    int rc = object_directory(s, p, &dir, err);
    if (rc == K2_OK) {
        char *path = object_path(s->dest, p);
        *fresh = k2_fs_size(path) != p->bytes;
        rc = *fresh ? k2_fs_rename(temporary, path, err) : k2_fs_unlink(temporary, err);
        free(path);
        free(dir);
    }
    return rc;
}

/* --- copying --- */

struct source { /* bytes of memory, or of a file from `at` on */
    struct k2_sv bytes;
    int fd;
    const char *path;
    int64_t at, left;
};

/* The next piece; of a file into `room`. */
static K2_RC next_piece(struct source *in, uint8_t *room, struct k2_sv *out, struct k2_err *err) {
    size_t want = in->left < (int64_t)PIECE ? (size_t)in->left : PIECE;
    if (in->fd < 0) {
        *out = (struct k2_sv){in->bytes.p + in->at, want};
    } else {
        ssize_t got;
        do
            got = pread(in->fd, room, want, in->at);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return k2_fail_errno(err, "cannot read %s", in->path);
        if (got == 0)
            return k2_fail(err, K2_E_CORRUPT,
                           "%s ends at byte %lld, and %lld bytes more were said: k2 verify tells "
                           "more",
                           in->path, (long long)in->at, (long long)in->left);
        *out = (struct k2_sv){(const char *)room, (size_t)got};
    }
    in->at += (int64_t)out->n;
    in->left -= (int64_t)out->n;
    return K2_OK;
}

static K2_RC pour(struct source *in, int fd, const char *path, struct backup_part *out,
                  struct k2_err *err) {
    struct k2_hasher *h = k2_hasher_new();
    uint8_t *room = k2_alloc(PIECE);
    int rc = K2_OK;
    out->bytes = 0;
    while (rc == K2_OK && in->left > 0) {
        struct k2_sv piece;
        rc = next_piece(in, room, &piece, err);
        if (rc != K2_OK)
            break;
        k2_hasher_add(h, piece.p, piece.n);
        if (fd >= 0)
            rc = k2_fs_pwrite(fd, piece.p, piece.n, out->bytes, path, err);
        out->bytes += (int64_t)piece.n;
    }
    free(room);
    out->sum = k2_hasher_end(h);
    return rc;
}

static K2_RC pour_synced(struct source *in, const char *path, struct backup_part *out,
                         struct k2_err *err) {
    int fd;
    K2_TRY(k2_fs_open(path, O_WRONLY | O_CREAT | O_TRUNC, &fd, err));
    int rc = pour(in, fd, path, out, err);
    if (rc == K2_OK)
        rc = k2_fs_sync(fd, path, err);
    int closed = k2_fs_close(fd, path, rc == K2_OK ? err : NULL);
    return rc == K2_OK ? closed : rc;
}

static K2_RC keep(struct backup_store *s, struct source *in, struct backup_part *out, bool *fresh,
                  struct k2_err *err) {
    if (s->dry_run) {
        out->bytes = in->left;
        *fresh = true;
        return K2_OK;
    }
    char *path = k2_path(s->dest, "tmp/copy");
    int rc = pour_synced(in, path, out, err);
    if (rc == K2_OK)
        rc = adopt(s, path, out, fresh, err);
    if (rc != K2_OK)
        (void)!k2_fs_unlink(path, NULL); /* the next backup removes it else */
    free(path);
    return rc;
}

int backup_store_put(struct backup_store *s, struct k2_sv bytes, struct backup_part *out,
                     bool *fresh, struct k2_err *err) {
    *out = (struct backup_part){k2_hash128(bytes.p, bytes.n), (int64_t)bytes.n};
    *fresh = false;
    if (backup_store_has(s->dest, out)) { /* its name may not be durable: a killed backup's */
        s->touched[out->sum.hi >> 56] = true;
        return K2_OK;
    }
    struct source in = {.bytes = bytes, .fd = -1, .left = (int64_t)bytes.n};
    return keep(s, &in, out, fresh, err);
}

int backup_store_copy(struct backup_store *s, const char *path, int64_t from, int64_t to,
                      struct backup_part *out, bool *fresh, struct k2_err *err) {
    struct source in = {.path = path, .at = from, .left = to - from};
    in.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in.fd < 0 && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND, "%s has gone", path);
    if (in.fd < 0)
        return k2_fail_errno(err, "cannot open %s", path);
    int rc = keep(s, &in, out, fresh, err);
    close(in.fd);
    return rc;
}

int backup_store_match(const char *path, const struct backup_part *parts, int n, int *same,
                       struct k2_err *err) {
    struct source in = {.path = path};
    *same = 0;
    in.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in.fd < 0 && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND, "%s has gone", path);
    if (in.fd < 0)
        return k2_fail_errno(err, "cannot open %s", path);
    int rc = K2_OK;
    for (; *same < n; ++*same) {
        struct backup_part is;
        in.left = parts[*same].bytes;
        rc = pour(&in, -1, NULL, &is, err);
        if (rc != K2_OK || k2_h128_cmp(is.sum, parts[*same].sum) != 0)
            break;
    }
    close(in.fd);
    return rc;
}

int backup_store_sync(struct backup_store *s, struct k2_err *err) {
    for (unsigned i = 0; i < 256; i++) {
        char name[16];
        if (!s->touched[i])
            continue;
        (void)snprintf(name, sizeof name, "objects/%02x", i);
        char *dir = k2_path(s->dest, name);
        int rc = k2_fs_sync_dir(dir, err);
        free(dir);
        K2_TRY(rc);
    }
    char *objects = k2_path(s->dest, "objects");
    int rc = k2_fs_sync_dir(objects, err);
    free(objects);
    return rc;
}

/* --- reading --- */

static K2_RC read_pieces(struct source *in, struct k2_hasher *h, backup_piece_fn fn, void *ctx,
                         struct k2_err *err) {
    uint8_t *room = k2_alloc(PIECE);
    int rc = K2_OK;
    while (rc == K2_OK && in->left > 0) {
        struct k2_sv piece;
        rc = next_piece(in, room, &piece, err);
        if (rc == K2_OK)
            k2_hasher_add(h, piece.p, piece.n);
        if (rc == K2_OK && fn)
            rc = fn(ctx, piece.p, piece.n, err);
    }
    free(room);
    return rc;
}

static K2_RC read_object(const char *path, const struct backup_part *p, backup_piece_fn fn,
                         void *ctx, struct k2_err *err) {
    struct source in = {.path = path, .left = p->bytes};
    int64_t size = k2_fs_size(path);
    if (size < 0)
        return k2_fail(err, K2_E_CORRUPT, "%s is missing", path);
    if (size != p->bytes)
        return k2_fail(err, K2_E_CORRUPT, "%s has %lld bytes instead of %lld", path,
                       (long long)size, (long long)p->bytes);
    K2_TRY(k2_fs_open(path, O_RDONLY, &in.fd, err));
    struct k2_hasher *h = k2_hasher_new();
    int rc = read_pieces(&in, h, fn, ctx, err);
    struct k2_h128 sum = k2_hasher_end(h);
    (void)!k2_fs_close(in.fd, path, NULL); /* it was only read */
    if (rc == K2_OK && k2_h128_cmp(sum, p->sum) != 0)
        rc = k2_fail(err, K2_E_CORRUPT, "%s has other bytes than were written", path);
    return rc;
}

int backup_store_read(const char *dest, const struct backup_part *p, backup_piece_fn fn, void *ctx,
                      struct k2_err *err) {
    char *path = object_path(dest, p);
    int rc = read_object(path, p, fn, ctx, err);
    free(path);
    return rc;
}
