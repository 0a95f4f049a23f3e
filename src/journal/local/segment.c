/* journal/local/segment.c - the bytes of a segment file.
 *
 * THE CHAIN. The log is one sequence of bytes, cut into files. A log position counts those bytes
 * from the journal's creation. A file is named by the log position of its first byte: journal/<20
 * digits>.seg. Each file begins where the one before it ends, so a missing or shortened file shows.
 * Only the last file is written to; the others are sealed and never change.
 *
 * FRAME. A file is a sequence of frames without gaps, nothing before or between them. A frame is
 * one batch of records of one partition. All integers are little-endian.
 *
 *    0  4  magic "K2B1"
 *    4  4  crc32c of bytes 8 .. length
 *    8  4  length of the frame, this header included (80 .. 2^30)
 *   12  2  frame version: 1 (a change of it raises the version in journal/meta too)
 *   14  2  flags: 1 = the records are encrypted, else 0
 *   16  4  topic id (journal/meta)           20  4  partition
 *   24  4  number of records, >= 1           28  4  incarnation of the journal
 *   32  8  offset of the first record        40  8  append time, ns; never falls along the log
 *   48  8  least event time, ns              56  8  greatest event time, ns
 *   64  8  log position of this frame
 *   72  8  log position known durable when the frame was written
 *   80     the records, each: u32 length of the value, u32 length of the key, key, value; of an encrypted
 *          frame: envelope, ciphertext of the records, tag (cipher.c)
 *
 * ENCRYPTION. All frames of a file are encrypted under the same master key, or none is. The checksum is that of the bytes
 * in the file, so whether a frame is whole, and where the log ends, is found out without a key.
 *
 * VALIDITY. A frame is valid iff magic, version, incarnation and position are right, its length
 * fits the file, the checksum matches, its records fill it exactly, and its offset is the next one
 * of its partition. That the position is part of it means that bytes left over from another place
 * or another time are never taken for a frame.
 *
 * ZERO TAIL. Zeros from the last frame to the end of the file are a clean end, so a file may be
 * longer than its frames while it is the last one.
 *
 * RECOVERY. The log ends before the first invalid frame of the last file. What follows is
 *   - nothing or zeros: a clean end;
 *   - damage, if a valid frame behind it says (72) that this place had been durable, or if the
 * shared end (end.c) of the same boot says so: K2_E_CORRUPT, nothing is touched;
 *   - else a torn tail: it was never acknowledged and is cut.
 * In every other file anything but valid frames up to the next file's number is damage.
 *
 * DECISION: no zeroing ahead. Measured (ext4, virtio disk, zeros in 1 MB steps by the writer, two
 * rounds): 4 KB commits 4,400-5,900 -> 7,600-9,500 syncs/s, 64 KB 4,500-5,400 -> 4,700-5,800, 256
 * KB (the default batch) 4,460-4,550 -> 3,970-4,240; in 16 MB steps 256 KB falls to 2,550-3,090. A
 * growing file is the faster one where throughput matters, and writes each byte once. Readers
 * accept the zero tail nevertheless, so that a later version may zero ahead.
 */
#include "journal/local/segment.h"

#include "journal/backend.h"
#include "journal/local/cipher.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_VERSION 1
#define ENCRYPTED 1 /* in the flags */
#define WINDOW (1 << 20)

static const char magic[4] = {'K', '2', 'B', '1'};

/* --- frames --- */

void journal_frame_head(uint8_t *bytes, const struct frame *f, int32_t incarnation) {
    memcpy(bytes, magic, sizeof magic);
    k2_put_u32(bytes + 8, f->length);
    k2_put_u16(bytes + 12, FRAME_VERSION);
    k2_put_u16(bytes + 14, f->key ? ENCRYPTED : 0);
    k2_put_u32(bytes + 16, (uint32_t)f->topic);
    k2_put_u32(bytes + 20, (uint32_t)f->partition);
    k2_put_u32(bytes + 24, (uint32_t)f->count);
    k2_put_u32(bytes + 28, (uint32_t)incarnation);
    k2_put_u64(bytes + 32, (uint64_t)f->base_offset);
    k2_put_u64(bytes + 40, (uint64_t)f->append_ns);
    k2_put_u64(bytes + 48, (uint64_t)f->min_event_ns);
    k2_put_u64(bytes + 56, (uint64_t)f->max_event_ns);
    k2_put_u64(bytes + 64, (uint64_t)f->position);
    k2_put_u64(bytes + 72, (uint64_t)f->synced);
}

void journal_frame_seal(uint8_t *bytes, const struct frame *f) {
    k2_put_u32(bytes + 4, k2_crc32c(0, bytes + 8, f->length - 8));
}

static void get_fields(const uint8_t *bytes, struct frame *f) {
    f->length = k2_get_u32(bytes + 8);
    f->topic = (int32_t)k2_get_u32(bytes + 16);
    f->partition = (int32_t)k2_get_u32(bytes + 20);
    f->count = (int32_t)k2_get_u32(bytes + 24);
    f->base_offset = (int64_t)k2_get_u64(bytes + 32);
    f->append_ns = (int64_t)k2_get_u64(bytes + 40);
    f->min_event_ns = (int64_t)k2_get_u64(bytes + 48);
    f->max_event_ns = (int64_t)k2_get_u64(bytes + 56);
    f->position = (int64_t)k2_get_u64(bytes + 64);
    f->synced = (int64_t)k2_get_u64(bytes + 72);
    f->key = 0;
}

/* Flags, and which key they speak of; false if neither is of a frame. */
static bool get_key(const uint8_t *bytes, size_t n, struct frame *f) {
    if (k2_get_u16(bytes + 14) != ENCRYPTED)
        return k2_get_u16(bytes + 14) == 0;
    if (n < FRAME_KEYED || f->length <= FRAME_HEADER + CIPHER_MORE)
        return false;
    f->key = journal_cipher_key(bytes + FRAME_HEADER);
    return f->key != 0;
}

bool journal_frame_parse(const uint8_t *bytes, size_t n, int32_t incarnation, int64_t position,
                         struct frame *out) {
    if (n < FRAME_HEADER || memcmp(bytes, magic, sizeof magic) != 0)
        return false;
    if (k2_get_u16(bytes + 12) != FRAME_VERSION)
        return false;
    get_fields(bytes, out);
    return get_key(bytes, n, out) && k2_get_u32(bytes + 28) == (uint32_t)incarnation &&
           out->position == position && out->length > FRAME_HEADER && out->length <= FRAME_MAX &&
           out->topic >= 0 && out->partition >= 0 && out->count > 0 && out->base_offset >= 0 &&
           out->base_offset <= INT64_MAX - out->count && out->synced <= position;
}

bool journal_records_fill(const uint8_t *records, size_t n, int32_t count) {
    size_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        size_t size = journal_record_size(records + at, n - at);
        if (size == 0)
            return false;
        at += size;
    }
    return at == n;
}

bool journal_frame_intact(const uint8_t *bytes, const struct frame *f) {
    if (k2_crc32c(0, bytes + 8, f->length - 8) != k2_get_u32(bytes + 4))
        return false;
    return f->key || journal_records_fill(bytes + FRAME_HEADER, f->length - FRAME_HEADER, f->count);
}

/* --- names --- */

char *journal_segment_path(const char *dir, int64_t number, const char *suffix) {
    struct k2_buf path = {0};
    k2_buf_printf(&path, "%s/%020" PRId64 "%s", dir, number, suffix);
    k2_buf_byte(&path, 0);
    return (char *)path.p;
}

bool journal_segment_name(const char *name, const char *suffix, int64_t *number) {
    struct k2_sv s = k2_sv_of(name), end = k2_sv_of(suffix);
    if (s.n != 20 + end.n || !k2_sv_ends(s, end) || s.p[0] == '-')
        return false;
    return k2_sv_i64((struct k2_sv){s.p, 20}, number);
}

/* --- reading a file that may end anywhere ---
 * By pread and not by mmap: another process may cut the torn tail meanwhile, which would be SIGBUS.
 */

struct window {
    const struct segment_file *file;
    struct k2_buf bytes;
    int64_t at; /* position in the file of bytes.p[0] */
};

/* Makes up to n bytes from file position `at` on present; gives how many there are. */
static int see(struct window *w, int64_t at, size_t n, const uint8_t **bytes, size_t *got,
               struct k2_err *err) {
    int64_t inside = at - w->at;
    if (inside < 0 || (size_t)inside > w->bytes.n || w->bytes.n - (size_t)inside < n) {
        size_t ask = n > WINDOW ? n : WINDOW;
        w->bytes.n = 0;
        w->at = at;
        inside = 0;
        k2_buf_need(&w->bytes, ask);
        while (w->bytes.n < ask) {
            ssize_t r = pread(w->file->fd, w->bytes.p + w->bytes.n, ask - w->bytes.n,
                              at + (int64_t)w->bytes.n);
            if (r < 0)
                return k2_fail_errno(err, "cannot read %s", w->file->path);
            if (r == 0)
                break;
            w->bytes.n += (size_t)r;
        }
    }
    *bytes = w->bytes.p + inside;
    *got = w->bytes.n - (size_t)inside;
    if (*got > n)
        *got = n;
    return K2_OK;
}

/* The valid frame at log position `at`; *found false if there is none. */
static int frame_at(struct window *w, int64_t at, struct frame *f, const uint8_t **bytes,
                    bool *found, struct k2_err *err) {
    size_t got;
    *found = false;
    K2_TRY(see(w, at - w->file->number, FRAME_KEYED, bytes, &got, err));
    if (!journal_frame_parse(*bytes, got, w->file->incarnation, at, f))
        return K2_OK;
    K2_TRY(see(w, at - w->file->number, f->length, bytes, &got, err));
    *found = got == f->length && journal_frame_intact(*bytes, f);
    return K2_OK;
}

static int64_t size_of(const struct segment_file *file) {
    struct stat st;
    return fstat(file->fd, &st) == 0 ? st.st_size : 0;
}

/* The next log position >= at where the magic stands, or -1. */
static int next_magic(struct window *w, int64_t *at, struct k2_err *err) {
    int64_t end = w->file->number + size_of(w->file);
    while (*at < end) {
        const uint8_t *bytes;
        size_t got;
        K2_TRY(see(w, *at - w->file->number, 1 << 16, &bytes, &got, err));
        const uint8_t *hit = memmem(bytes, got, magic, sizeof magic);
        if (hit) {
            *at += hit - bytes;
            return K2_OK;
        }
        if (got < sizeof magic)
            break;
        *at += (int64_t)(got - sizeof magic + 1);
    }
    *at = -1;
    return K2_OK;
}

static int resync(struct window *w, int64_t at, struct frame *out, bool *found,
                  struct k2_err *err) {
    *found = false;
    for (;;) {
        const uint8_t *bytes;
        K2_TRY(next_magic(w, &at, err));
        if (at < 0)
            return K2_OK;
        K2_TRY(frame_at(w, at, out, &bytes, found, err));
        if (*found)
            return K2_OK;
        at++;
    }
}

static int is_zero(struct window *w, int64_t at, bool *zero, struct k2_err *err) {
    *zero = true;
    for (;;) {
        const uint8_t *bytes;
        size_t got;
        K2_TRY(see(w, at - w->file->number, 1 << 16, &bytes, &got, err));
        if (got == 0)
            return K2_OK;
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, got - 1) != 0) {
            *zero = false;
            return K2_OK;
        }
        at += (int64_t)got;
    }
}

/* Tells a torn tail at `at` from damage below what was durable. */
static int judge_tail(struct window *w, int64_t at, enum segment_tail *tail, struct k2_err *err) {
    bool zero, found;
    K2_TRY(is_zero(w, at, &zero, err));
    *tail = zero ? SEGMENT_CLEAN : SEGMENT_TORN;
    struct frame f;
    for (int64_t next = at + 1; !zero; next = f.position + 1) {
        K2_TRY(resync(w, next, &f, &found, err));
        if (!found)
            return K2_OK;
        if (f.synced > at)
            return k2_fail(
                err, K2_E_CORRUPT,
                "%s is damaged at byte %" PRId64 ", which had been durable: the frame at "
                "byte %" PRId64 " says so; nothing was cut, restore the file from a copy",
                w->file->path, at - w->file->number, f.position - w->file->number);
    }
    return K2_OK;
}

static int scan(struct window *w, int64_t *at, enum segment_tail *tail,
                const struct segment_visitor *visitor, struct k2_err *err) {
    for (;;) {
        struct frame f;
        const uint8_t *bytes;
        bool found;
        K2_TRY(frame_at(w, *at, &f, &bytes, &found, err));
        if (!found)
            return judge_tail(w, *at, tail, err);
        K2_TRY_CTX(visitor->frame(visitor->ctx, &f, bytes, err), err, "%s, byte %" PRId64,
                   w->file->path, *at - w->file->number);
        *at += f.length;
    }
}

int journal_segment_scan(const struct segment_file *file, int64_t *at, enum segment_tail *tail,
                         const struct segment_visitor *visitor, struct k2_err *err) {
    struct window w = {.file = file};
    int rc = scan(&w, at, tail, visitor, err);
    k2_buf_free(&w.bytes);
    return rc;
}

int journal_segment_walk(const struct segment_file *file, int64_t *at, int64_t limit,
                         const struct segment_visitor *visitor, struct k2_err *err) {
    while (*at < limit) {
        uint8_t header[FRAME_KEYED];
        struct frame f;
        ssize_t got = pread(file->fd, header, sizeof header, *at - file->number);
        if (got < 0)
            return k2_fail_errno(err, "cannot read %s", file->path);
        if (!journal_frame_parse(header, (size_t)got, file->incarnation, *at, &f))
            return K2_OK;
        K2_TRY_CTX(visitor->frame(visitor->ctx, &f, NULL, err), err, "%s, byte %" PRId64,
                   file->path, *at - file->number);
        *at += f.length;
    }
    return K2_OK;
}

int journal_segment_resync(const struct segment_file *file, int64_t at, struct frame *out,
                           bool *found, struct k2_err *err) {
    struct window w = {.file = file};
    int rc = resync(&w, at, out, found, err);
    k2_buf_free(&w.bytes);
    return rc;
}
