/* feed/file.c - the bytes of a file: plain or gzip, told apart by its first two; see feed_int.h. */
#include "feed/feed_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)

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

int feed_bytes_open(struct feed_bytes *b, const char *path, struct k2_err *err) {
    *b = (struct feed_bytes){.name = path, .all = -1, .is_stdin = strcmp(path, "-") == 0};
    struct stat st;
    if (b->is_stdin)
        b->name = "standard input";
    b->fd = b->is_stdin ? STDIN_FILENO : open_path(path);
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
    k2_gunzip_free(b->unzip);
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

/* Reads until `least` bytes are unread, of `most`, or the file ends. */
static int read_raw(struct feed_bytes *b, size_t least, size_t most, struct k2_err *err) {
    if (b->unread.n)
        memmove(b->raw, b->unread.p, b->unread.n);
    b->unread.p = (const char *)b->raw;
    b->at_end = false;
    while (b->unread.n < least && !b->at_end) {
        ssize_t got = read(b->fd, b->raw + b->unread.n, most - b->unread.n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return k2_fail_errno(err, "read %s at byte %lld", b->name, (long long)b->done);
        b->at_end = got == 0;
        remember(b, b->raw + b->unread.n, (size_t)got);
        b->unread.n += (size_t)got;
        b->done += got;
    }
    return K2_OK;
}

/* Looks at the first bytes. A file called .gz is gzip even if they are damaged: its bytes would
 * make no sense to a decoder. */
static int tell_format(struct feed_bytes *b, size_t most, struct k2_err *err) {
    K2_TRY(read_raw(b, 2, most < 2 ? 2 : most, err));
    b->told = b->unread.n >= 2 || !b->grows;
    if (b->told && (k2_gzip_magic(b->unread) || k2_sv_ends(k2_sv_of(b->name), K2_SV(".gz"))))
        b->unzip = k2_gunzip_new();
    return K2_OK;
}

static int next_plain(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                      struct k2_err *err) {
    if (b->unread.n == 0)
        K2_TRY(read_raw(b, 1, most, err));
    k2_buf_sv(out, b->unread);
    b->unread.n = 0;
    *end = b->at_end;
    return K2_OK;
}

static int next_unpacked(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                         struct k2_err *err) {
    size_t made;
    if (b->unread.n == 0)
        K2_TRY(read_raw(b, 1, CHUNK, err));
    int rc = k2_gunzip_some(b->unzip, &b->unread, k2_buf_need(out, most), most, &made, err);
    out->n += made;
    *end = b->at_end && made < most && b->unread.n == 0;
    if (rc != K2_OK || !*end)
        return rc;
    b->whole = k2_gunzip_end(b->unzip, NULL) == K2_OK;
    return b->whole || b->grows ? K2_OK : k2_gunzip_end(b->unzip, err);
}

int feed_bytes_next(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                    struct k2_err *err) {
    if (most == 0 || most > CHUNK)
        most = CHUNK;
    if (!b->told)
        K2_TRY(tell_format(b, most, err));
    *end = !b->told;
    if (!b->told)
        return K2_OK;
    return b->unzip ? next_unpacked(b, most, out, end, err) : next_plain(b, most, out, end, err);
}

int feed_file_head(const char *path, size_t n, struct k2_buf *out, struct k2_err *err) {
    struct feed_bytes b;
    size_t before = out->n;
    bool end = false;
    int rc = feed_bytes_open(&b, path, err);
    while (rc == K2_OK && !end && out->n - before < n)
        rc = feed_bytes_next(&b, CHUNK, out, &end, err);
    feed_bytes_close(&b);
    if (out->n - before > n)
        out->n = before + n;
    /* Damage behind the head is the decoder's to report. */
    return out->n > before && rc == K2_E_CORRUPT ? K2_OK : rc;
}
