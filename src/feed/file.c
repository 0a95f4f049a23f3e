/* feed/file.c - files as a source: plain or gzip, told apart by their first bytes.
 *
 * One buffer holds what the decoder has not taken yet. It grows while a decoder takes nothing (a
 * line longer than the buffer); decoders give up on a line before that becomes large.
 */
#include "feed/feed.h"

#include "base/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)

struct source {
    const char *name; /* for messages */
    int fd;
    bool is_stdin, at_end;
    int64_t done, all;       /* bytes read of the file, and its size or -1 */
    uint8_t *raw;            /* CHUNK bytes as they are in the file */
    struct k2_sv unread;     /* part of raw that was not handed on yet */
    struct k2_gunzip *unzip; /* NULL: plain */
};

static int open_source(const char *path, struct source *s, struct k2_err *err) {
    *s = (struct source){.name = path, .all = -1, .is_stdin = strcmp(path, "-") == 0};
    struct stat st;
    if (s->is_stdin)
        s->name = "standard input";
    s->fd = s->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 && errno == ENOENT)
        return k2_fail(err, K2_E_NOTFOUND, "there is no file %s", path);
    if (s->fd < 0)
        return k2_fail_errno(err, "open %s", path);
    if (fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode))
        s->all = st.st_size;
    s->raw = k2_alloc(CHUNK);
    return K2_OK;
}

static void close_source(struct source *s) {
    k2_gunzip_free(s->unzip);
    free(s->raw);
    if (s->fd >= 0 && !s->is_stdin)
        close(s->fd);
}

/* Reads until `least` bytes are unread or the file ends. */
static int read_raw(struct source *s, size_t least, struct k2_err *err) {
    if (s->unread.n)
        memmove(s->raw, s->unread.p, s->unread.n);
    s->unread.p = (const char *)s->raw;
    while (s->unread.n < least && !s->at_end) {
        ssize_t got = read(s->fd, s->raw + s->unread.n, CHUNK - s->unread.n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return k2_fail_errno(err, "read %s at byte %lld", s->name, (long long)s->done);
        s->at_end = got == 0;
        s->unread.n += (size_t)got;
        s->done += got;
    }
    return K2_OK;
}

/* Looks at the first bytes. A file called .gz is gzip even if they are damaged: its bytes would
 * make no sense to a decoder. */
static int tell_format(struct source *s, struct k2_err *err) {
    K2_TRY(read_raw(s, 2, err));
    if (k2_gzip_magic(s->unread) || k2_sv_ends(k2_sv_of(s->name), K2_SV(".gz")))
        s->unzip = k2_gunzip_new();
    return K2_OK;
}

/* Appends the next piece, unpacked, to out; *end when there is no more. On failure what was good of
 * the piece is in out. */
static int next_piece(struct source *s, struct k2_buf *out, bool *end, struct k2_err *err) {
    *end = false;
    if (s->unread.n == 0)
        K2_TRY(read_raw(s, 1, err));
    if (!s->unzip) {
        k2_buf_sv(out, s->unread);
        s->unread.n = 0;
        *end = s->at_end;
        return K2_OK;
    }
    size_t made;
    int rc = k2_gunzip_some(s->unzip, &s->unread, k2_buf_need(out, CHUNK), CHUNK, &made, err);
    out->n += made;
    *end = s->at_end && made < CHUNK && s->unread.n == 0;
    if (rc == K2_OK && *end)
        rc = k2_gunzip_end(s->unzip, err);
    return rc;
}

static int decode_some(const struct feed_ops *ops, void *state, struct k2_buf *held, bool last,
                       const struct feed_sink *sink, struct k2_err *err) {
    size_t consumed = 0;
    int rc = ops->decode(state, k2_buf_view(held), last, &consumed, sink, err);
    K2_ASSERT(consumed <= held->n);
    if (consumed)
        memmove(held->p, held->p + consumed, held->n - consumed);
    held->n -= consumed;
    return rc;
}

static int feed_source(struct source *s, const struct feed_ops *ops, void *state,
                       const struct feed_sink *sink,
                       void (*progress)(void *ctx, int64_t done, int64_t all), void *progress_ctx,
                       struct k2_err *err) {
    struct k2_buf held = {0};
    bool end = false;
    int rc = K2_OK;
    while (rc == K2_OK && !end) {
        struct k2_err damage = {0};
        int damaged = next_piece(s, &held, &end, &damage);
        /* Behind damage nothing is "last": half a line is not a line. */
        rc = decode_some(ops, state, &held, end && damaged == K2_OK, sink, err);
        if (rc == K2_OK && damaged != K2_OK) {
            if (err)
                *err = damage;
            rc = k2_err_context(err, damaged, "%s", s->name);
        }
        if (progress)
            progress(progress_ctx, s->done, s->all);
    }
    k2_buf_free(&held);
    return rc;
}

int feed_file(const char *path, const struct feed_ops *ops, void *state,
              const struct feed_sink *sink, void (*progress)(void *ctx, int64_t done, int64_t all),
              void *progress_ctx, struct k2_err *err) {
    struct source s;
    int rc = open_source(path, &s, err);
    if (rc == K2_OK)
        rc = tell_format(&s, err);
    if (rc == K2_OK)
        rc = feed_source(&s, ops, state, sink, progress, progress_ctx, err);
    close_source(&s);
    return rc;
}

int feed_file_head(const char *path, size_t n, struct k2_buf *out, struct k2_err *err) {
    struct source s;
    size_t before = out->n;
    bool end = false;
    int rc = open_source(path, &s, err);
    if (rc == K2_OK)
        rc = tell_format(&s, err);
    while (rc == K2_OK && !end && out->n - before < n)
        rc = next_piece(&s, out, &end, err);
    close_source(&s);
    if (out->n - before > n)
        out->n = before + n;
    /* Damage behind the head is the decoder's to report. */
    return out->n > before && rc == K2_E_CORRUPT ? K2_OK : rc;
}
