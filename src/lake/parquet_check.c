/* lake/parquet_check.c - the checksum of a whole Parquet file, kept in its own footer.
 *
 * Parquet lets a page carry a checksum, but has none for page headers, page index and footer: a
 * flipped bit there can give a wrong answer without an error. So our files carry one over all bytes,
 * as a key-value entry of FileMetaData, which other readers pass over:
 *   key            "k2.checksum"
 *   value          "crc32c:" and 8 hex digits, lower case
 * The digits are the CRC-32C of the file's bytes from the first to the last, with the digits
 * themselves taken as "00000000".
 *
 * Validity: the file begins and ends with "PAR1", and the digits are right. The entry is looked for
 * by its bytes in the last 64 KB and not by way of footer length and Thrift, which may be what is
 * damaged; behind it come only created_by and the column orders. A file without it is valid without
 * proof, unless its created_by says that we wrote it: two marks, so that no single damaged place
 * turns a checked file into an unchecked one.
 * Recovery: none here. k2 reconcile shows which rows are affected.
 */
#include "base/fs.h"
#include "base/hash.h"
#include "lake/parquet_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TAIL_BYTES ((size_t)64 << 10)
#define PIECE_BYTES ((size_t)1 << 20)
#define MARK PARQUET_CHECKSUM_KEY "\x18\x0f" PARQUET_CHECKSUM_FORM /* 0x18: field 2, a binary */

_Static_assert(sizeof PARQUET_CHECKSUM_FORM - 1 + PARQUET_CHECKSUM_DIGITS == 0x0f,
               "the length of the value, in the mark");

struct checking {
    const char *path;
    int fd;
    size_t size;
    uint8_t *piece; /* PIECE_BYTES */
    size_t digits;  /* their place in the file */
};

void parquet_seal(uint32_t crc, uint8_t *digits) {
    static const char hex[] = "0123456789abcdef";
    for (size_t i = PARQUET_CHECKSUM_DIGITS; i-- > 0; crc >>= 4)
        digits[i] = (uint8_t)hex[crc & 15];
}

static K2_RC damaged(const struct checking *c, const char *what, struct k2_err *err) {
    return k2_fail(err, K2_E_CORRUPT, "data file %s %s", c->path, what);
}

static K2_RC read_at(const struct checking *c, size_t at, size_t n, struct k2_err *err) {
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(c->fd, c->piece + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return k2_fail_errno(err, "read data file %s", c->path);
        if (got == 0)
            return damaged(c, "became shorter while it was read", err);
        done += (size_t)got;
    }
    return K2_OK;
}

/* The last occurrence of a text in the piece; NULL without one. */
static const uint8_t *find_last(const struct checking *c, size_t n, struct k2_sv text) {
    for (size_t at = n < text.n ? 0 : n - text.n + 1; at-- > 0;)
        if (memcmp(c->piece + at, text.p, text.n) == 0)
            return c->piece + at;
    return NULL;
}

/* Sets c->digits; *found = false: the file does not claim to have a checksum. */
static K2_RC find_digits(struct checking *c, bool *found, struct k2_err *err) {
    static const struct k2_sv magic = {"PAR1", 4}, mark = {MARK, sizeof MARK - 1};
    size_t n = c->size < TAIL_BYTES ? c->size : TAIL_BYTES;
    if (c->size < 12)
        return damaged(c, "is too short to be one", err);
    K2_TRY(read_at(c, 0, 4, err));
    bool whole = memcmp(c->piece, magic.p, 4) == 0;
    K2_TRY(read_at(c, c->size - n, n, err));
    if (!whole || memcmp(c->piece + n - 4, magic.p, 4) != 0)
        return damaged(c, "does not begin and end as Parquet", err);
    const uint8_t *at = find_last(c, n, mark);
    *found = at != NULL;
    if (!at)
        return find_last(c, n, K2_SV(PARQUET_CREATOR))
                   ? damaged(c, "lacks the checksum that k2 wrote into its footer", err)
                   : K2_OK;
    c->digits = c->size - n + (size_t)(at - c->piece) + mark.n;
    return K2_OK;
}

/* Blanks what of the digits lies in the piece of n bytes from `from` on, keeping it in `kept`. */
static void blank(const struct checking *c, size_t from, size_t n, uint8_t *kept) {
    for (size_t i = 0; i < PARQUET_CHECKSUM_DIGITS; i++) {
        size_t at = c->digits + i;
        if (at < from || at >= from + n)
            continue;
        kept[i] = c->piece[at - from];
        c->piece[at - from] = (uint8_t)PARQUET_CHECKSUM_BLANK[i];
    }
}

static K2_RC compare(const struct checking *c, struct k2_err *err) {
    uint8_t said[PARQUET_CHECKSUM_DIGITS] = {0}, right[PARQUET_CHECKSUM_DIGITS];
    uint32_t crc = 0;
    for (size_t at = 0, n; at < c->size; at += n) {
        n = c->size - at < PIECE_BYTES ? c->size - at : PIECE_BYTES;
        K2_TRY(read_at(c, at, n, err));
        blank(c, at, n, said);
        crc = k2_crc32c(crc, c->piece, n);
    }
    parquet_seal(crc, right);
    if (memcmp(said, right, sizeof right) != 0)
        return damaged(c, "has other bytes than were written", err);
    return K2_OK;
}

static K2_RC check(struct checking *c, bool *checked, struct k2_err *err) {
    off_t size = lseek(c->fd, 0, SEEK_END);
    if (size < 0)
        return k2_fail_errno(err, "read data file %s", c->path);
    c->size = (size_t)size;
    K2_TRY(find_digits(c, checked, err));
    return *checked ? compare(c, err) : K2_OK;
}

K2_RC parquet_check(const char *path, bool *checked, struct k2_err *err) {
    struct checking c = {.path = path};
    *checked = false;
    if (!k2_fs_exists(path))
        return k2_fail(err, K2_E_NOTFOUND, "data file %s is missing", path);
    K2_TRY(k2_fs_open(path, O_RDONLY, &c.fd, err));
    c.piece = k2_alloc(PIECE_BYTES);
    int rc = check(&c, checked, err);
    free(c.piece);
    (void)!k2_fs_close(c.fd, path, NULL); /* only read */
    return rc;
}
