/* feed/file.c - the bytes of a file, plain or packed, told apart by its first bytes; see feed_int.h.
 *
 * A member of a zip archive is a file whose bytes libzip gives. An archive that is named itself is its only
 * member. */
#include "feed/feed_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)
#define MAGIC ((size_t)6) /* bytes that tell every packing */

/* /dev/fd/N of a pipe or socket is the descriptor itself, as on other systems: opened anew by its name a
 * pipe may wait for a writer, and a socket cannot be. */
static int open_path(const char *path) {
    struct k2_sv name = k2_sv_of(path);
    struct stat st;
    int64_t n;
    bool piped = k2_sv_starts(name, K2_SV("/dev/fd/")) &&
                 k2_sv_i64((struct k2_sv){name.p + 8, name.n - 8}, &n) && n >= 0 && n <= INT_MAX &&
                 fstat((int)n, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
    return piped ? fcntl((int)n, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
}

int feed_bytes_open_member(struct feed_bytes *b, struct k2_archive *archive, size_t i,
                           const char *path, struct k2_err *err) {
    *b = (struct feed_bytes){.name = path, .fd = -1, .all = k2_archive_size(archive, i)};
    K2_TRY(k2_member_open(archive, i, &b->member, err));
    b->raw = k2_alloc(CHUNK);
    return K2_OK;
}

static int open_in_archive(struct feed_bytes *b, const char *path, struct k2_err *err) {
    struct k2_archive *archive;
    size_t n = feed_archive_part(path), i;
    char *name = k2_sv_dup((struct k2_sv){path, n});
    int rc = k2_archive_open(name, &archive, err);
    free(name);
    if (rc != K2_OK)
        return rc;
    rc = k2_archive_find(archive, k2_sv_of(path + n + 1), &i, err);
    if (rc == K2_OK)
        rc = feed_bytes_open_member(b, archive, i, path, err);
    b->archive = archive;
    return rc;
}

int feed_bytes_open(struct feed_bytes *b, const char *path, struct k2_err *err) {
    *b = (struct feed_bytes){.name = path, .all = -1, .is_stdin = strcmp(path, "-") == 0};
    struct stat st;
    if (b->is_stdin)
        b->name = "standard input";
    b->fd = b->is_stdin ? STDIN_FILENO : open_path(path);
    if (b->fd < 0 && errno == ENOTDIR && feed_is_member(path))
        return open_in_archive(b, path, err);
    if (b->fd < 0 && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND, "there is no file %s", path);
    if (b->fd < 0)
        return k2_fail_errno(err, "open %s", path);
    if (fstat(b->fd, &st) == 0 && S_ISREG(st.st_mode))
        b->all = st.st_size;
    b->raw = k2_alloc(CHUNK);
    return K2_OK;
}

void feed_bytes_close(struct feed_bytes *b) {
    k2_unpack_free(b->unpack);
    k2_member_close(b->member);
    k2_archive_close(b->archive);
    free(b->raw);
    if (b->fd >= 0 && !b->is_stdin)
        close(b->fd);
    *b = (struct feed_bytes){.fd = -1};
}

static void remember(struct feed_bytes *b, const uint8_t *piece, size_t piece_n) {
    struct feed_edge *h = &b->head, *t = &b->trail;
    size_t n = piece_n < FEED_EDGE - h->n ? piece_n : FEED_EDGE - h->n;
    memcpy(h->at + h->n, piece, n);
    h->n += n;
    n = piece_n < FEED_EDGE ? piece_n : FEED_EDGE;
    size_t keep = t->n < FEED_EDGE - n ? t->n : FEED_EDGE - n;
    memmove(t->at, t->at + t->n - keep, keep);
    memcpy(t->at + keep, piece + piece_n - n, n);
    t->n = keep + n;
}

bool feed_edge_read(int fd, int64_t end, struct feed_edge *e) {
    size_t want = end < FEED_EDGE ? (size_t)end : FEED_EDGE;
    e->n = 0;
    while (e->n < want) {
        ssize_t got = pread(fd, e->at + e->n, want - e->n, end - (int64_t)(want - e->n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        e->n += (size_t)got;
    }
    return true;
}

/* *got 0 = the end. */
static int read_some(struct feed_bytes *b, uint8_t *out, size_t cap, size_t *got,
                     struct k2_err *err) {
    ssize_t n;
    if (b->member)
        return k2_member_read(b->member, out, cap, got, err);
    do
        n = read(b->fd, out, cap);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return k2_fail_errno(err, "read %s at byte %lld", b->name, (long long)b->done);
    *got = (size_t)n;
    return K2_OK;
}

/* Reads until `least` bytes are unread, of `most`, or the file ends. */
static int read_raw(struct feed_bytes *b, size_t least, size_t most, struct k2_err *err) {
    if (b->unread.n)
        memmove(b->raw, b->unread.p, b->unread.n);
    b->unread.p = (const char *)b->raw;
    b->at_end = false;
    while (b->unread.n < least && !b->at_end) {
        size_t got;
        K2_TRY(read_some(b, b->raw + b->unread.n, most - b->unread.n, &got, err));
        b->at_end = got == 0;
        remember(b, b->raw + b->unread.n, got);
        if (b->sum)
            k2_content_add(b->sum, (struct k2_sv){(const char *)b->raw + b->unread.n, got});
        b->unread.n += got;
        b->done += (int64_t)got;
    }
    return K2_OK;
}

/* An archive that was named itself: its member, if there is only one. */
static int open_only_member(struct feed_bytes *b, struct k2_err *err) {
    struct k2_archive *archive;
    const char *path = b->name;
    if (b->is_stdin || b->all < 0 || b->member)
        return k2_fail(err, K2_E_INVALID,
                       "%s is a zip archive, which can only be read from a file of its own", path);
    K2_TRY(k2_archive_open(path, &archive, err));
    size_t n = k2_archive_count(archive);
    feed_bytes_close(b);
    int rc =
        n == 1 ? feed_bytes_open_member(b, archive, 0, path, err)
               : k2_fail(err, K2_E_INVALID,
                         "%s is a zip archive of %zu files: name one as %s/MEMBER", path, n, path);
    b->name = path;
    b->archive = archive;
    return rc;
}

static int tell_packing(struct feed_bytes *b, size_t most, struct k2_err *err) {
    K2_TRY(read_raw(b, MAGIC, most < MAGIC ? MAGIC : most, err));
    enum k2_packing p =
        k2_packing_of(b->unread, k2_sv_of(b->name), b->unread.n >= MAGIC || !b->grows);
    if (p == K2_PACKING_ZIP && b->member && b->archive && !feed_is_member(b->name))
        p = K2_PACKING_NONE; /* the name is the archive's */
    if (p == K2_PACKING_ZIP) {
        K2_TRY(open_only_member(b, err));
        return tell_packing(b, most, err);
    }
    b->told = p != K2_PACKING_UNTOLD;
    if (b->told && p != K2_PACKING_NONE)
        b->unpack = k2_unpack_new(p);
    return K2_OK;
}

static int next_plain(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                      struct k2_err *err) {
    if (b->unread.n == 0)
        K2_TRY(read_raw(b, 1, most, err));
    k2_buf_sv(out, b->unread);
    b->unread.n = 0;
    *end = b->at_end;
    b->whole = b->member && b->at_end;
    return K2_OK;
}

static int next_unpacked(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                         struct k2_err *err) {
    size_t made;
    if (b->unread.n == 0)
        K2_TRY(read_raw(b, 1, CHUNK, err));
    int rc = k2_unpack_some(b->unpack, &b->unread, k2_buf_need(out, most), most, &made, err);
    out->n += made;
    *end = b->at_end && made < most && b->unread.n == 0;
    if (rc != K2_OK || !*end)
        return rc;
    b->whole = k2_unpack_end(b->unpack, NULL) == K2_OK;
    return b->whole || b->grows ? K2_OK : k2_unpack_end(b->unpack, err);
}

int feed_bytes_next(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                    struct k2_err *err) {
    if (most == 0 || most > CHUNK)
        most = CHUNK;
    if (!b->told)
        K2_TRY(tell_packing(b, most, err));
    *end = !b->told;
    if (!b->told)
        return K2_OK;
    return b->unpack ? next_unpacked(b, most, out, end, err) : next_plain(b, most, out, end, err);
}

/* One byte of a file called .gz does not tell yet that it is one. */
int feed_bytes_check_end(const struct feed_bytes *b, struct k2_err *err) {
    if (b->unpack)
        return k2_unpack_end(b->unpack, err);
    enum k2_packing p =
        b->told ? K2_PACKING_NONE : k2_packing_of((struct k2_sv){0}, k2_sv_of(b->name), true);
    if (p == K2_PACKING_NONE)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT, "the %s data is cut off at byte %lld", k2_packing_name(p),
                   (long long)b->done);
}

int feed_bytes_head(struct feed_bytes *b, size_t n, struct k2_buf *out, struct k2_err *err) {
    size_t before = out->n;
    bool end = false;
    int rc = K2_OK;
    while (rc == K2_OK && !end && out->n - before < n)
        rc = feed_bytes_next(b, CHUNK, out, &end, err);
    feed_bytes_close(b);
    if (out->n - before > n)
        out->n = before + n;
    /* Damage behind the head is the decoder's to report. */
    return out->n > before && rc == K2_E_CORRUPT ? K2_OK : rc;
}

int feed_file_head(const char *path, size_t n, struct k2_buf *out, struct k2_err *err) {
    struct feed_bytes b;
    int rc = feed_bytes_open(&b, path, err);
    if (rc != K2_OK) {
        feed_bytes_close(&b);
        return rc;
    }
    return feed_bytes_head(&b, n, out, err);
}
