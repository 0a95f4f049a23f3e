/* feed/capture/raw.c - the bytes of a raw capture; see raw.h.
 *
 * Little-endian:
 *    0  8 bytes  "K2RAW\r\n" and the version, 1
 *    8  frames:
 *         0  u32  mark, the letters "K2fr"
 *         4  u32  n, the number of bytes received, at most 64 MB
 *         8  i64  when they were received, ns since 1970 UTC
 *        16  i64  connection of the source, from 1
 *        24  u8   form: 0 connected (the bytes are the URL), 1 disconnected (why), 2 datagram, 3 bytes of a stream,
 *                 4 text message, 5 binary message
 *        25  u8   line: 0 = A, 1 = B
 *        26  u16  0
 *        28  u32  CRC-32C of the n bytes
 *        32  u32  CRC-32C of the 32 bytes before
 *        36  n bytes
 * The eight bytes at the start may stand before any frame: captures can be put one behind the other.
 *
 * Validity: both checksums hold. A frame whose head is good and whose bytes are not is refused alone. Recovery where the
 * head is not good: one refusal of all bytes up to the next head whose checksum holds. A capture whose writer was
 * killed ends inside a frame, which is refused; what is before it is good.
 */
#include "feed/capture/raw.h"

#include "feed/capture/twins.h"
#include "feed/feed_int.h"

#include <stdio.h>

#define MAGIC "K2RAW\r\n"
#define MAGIC_SIZE ((size_t)8)
#define VERSION 1
#define HEAD FEED_RAW_HEAD
#define MARK 0x7266324bu             /* "K2fr" */
#define SHOWN_MOST ((size_t)1 << 16) /* of refused bytes, for quarantine */

const char feed_raw_twin[] = "the same datagram came on the other line";
const char feed_raw_connected[] = "a connection was made";
const char feed_raw_disconnected[] = "a connection ended";

/* --- writing --- */

void feed_raw_begin(struct k2_buf *out) {
    k2_buf_str(out, MAGIC);
    k2_buf_byte(out, VERSION);
}

void feed_raw_put(struct k2_buf *out, const struct feed_live_frame *f) {
    K2_ASSERT(f->bytes.n <= FEED_RAW_MOST);
    uint8_t *at = k2_buf_need(out, HEAD + f->bytes.n);
    k2_put_u32(at, MARK);
    k2_put_u32(at + 4, (uint32_t)f->bytes.n);
    k2_put_u64(at + 8, (uint64_t)f->received_ns);
    k2_put_u64(at + 16, (uint64_t)f->connection);
    at[24] = (uint8_t)f->form;
    at[25] = (uint8_t)f->line;
    k2_put_u16(at + 26, 0);
    k2_put_u32(at + 28, k2_crc32c(0, f->bytes.p, f->bytes.n));
    k2_put_u32(at + 32, k2_crc32c(0, at, HEAD - 4));
    out->n += HEAD;
    k2_buf_sv(out, f->bytes);
}

/* --- one frame --- */

bool feed_raw_is(struct k2_sv head) {
    return head.n >= MAGIC_SIZE && memcmp(head.p, MAGIC, MAGIC_SIZE - 1) == 0;
}

bool feed_raw_may_be(struct k2_sv head) {
    size_t n = head.n < MAGIC_SIZE - 1 ? head.n : MAGIC_SIZE - 1;
    return n > 0 && memcmp(head.p, MAGIC, n) == 0;
}

static uint8_t version_of(struct k2_sv magic) {
    return (uint8_t)magic.p[MAGIC_SIZE - 1];
}

int feed_raw_check_version(struct k2_sv head, struct k2_err *err) {
    if (!feed_raw_is(head) || version_of(head) == VERSION)
        return K2_OK;
    return k2_fail(err, K2_E_UNSUPPORTED, "a raw capture of version %u; this K2 reads version %d",
                   version_of(head), VERSION);
}

static bool is_head(const char *at) {
    return k2_get_u32(at) == MARK && k2_get_u32(at + 32) == k2_crc32c(0, at, HEAD - 4) &&
           k2_get_u32(at + 4) <= FEED_RAW_MOST && (uint8_t)at[24] <= LIVE_BINARY &&
           (uint8_t)at[25] <= 1;
}

static struct feed_live_frame read_head(const char *at) {
    return (struct feed_live_frame){.form = (enum feed_live_form)at[24],
                                    .bytes = {at + HEAD, k2_get_u32(at + 4)},
                                    .received_ns = (int64_t)k2_get_u64(at + 8),
                                    .line = at[25],
                                    .connection = (int64_t)k2_get_u64(at + 16)};
}

/* --- reading --- */

static void take(struct raw_reader *r, struct k2_sv *bytes, size_t n) {
    bytes->p += n;
    bytes->n -= n;
    r->at += n;
}

static void pass_over(struct raw_reader *r, struct k2_sv *bytes, size_t n) {
    size_t room = SHOWN_MOST - r->shown.n;
    k2_buf_put(&r->shown, bytes->p, n < room ? n : room);
    r->passed += n;
    take(r, bytes, n);
}

static void get_lost(struct raw_reader *r, const char *what) {
    snprintf(r->what, sizeof r->what, "%.*s", (int)sizeof r->what - 1, what);
    r->lost = true;
    r->passed = 0;
    r->shown.n = 0;
}

static enum raw_found damage(struct raw_reader *r, struct raw_finding *out, struct k2_sv bytes,
                             uint64_t offset) {
    *out = (struct raw_finding){
        .frame = {.bytes = bytes}, .number = ++r->number, .offset = offset, .what = r->what};
    return RAW_DAMAGE;
}

/* Something can be believed again, or the capture is at its end. */
static enum raw_found find_again(struct raw_reader *r, struct raw_finding *out) {
    size_t n = strlen(r->what);
    snprintf(r->what + n, sizeof r->what - n, "; %llu bytes are passed over",
             (unsigned long long)r->passed);
    r->lost = false;
    return damage(r, out, k2_buf_view(&r->shown), r->at - r->passed);
}

static bool can_begin(struct k2_sv bytes) {
    return bytes.n >= HEAD && (is_head(bytes.p) || feed_raw_is(bytes));
}

/* Gives MORE while it is lost still. */
static enum raw_found search(struct raw_reader *r, struct k2_sv *bytes, bool last,
                             struct raw_finding *out) {
    if (r->newer)
        pass_over(r, bytes, bytes->n);
    while (bytes->n >= HEAD && !can_begin(*bytes)) {
        const char *next = memchr(bytes->p + 1, 'K', bytes->n - HEAD);
        pass_over(r, bytes, next ? (size_t)(next - bytes->p) : bytes->n - HEAD + 1);
    }
    if (bytes->n >= HEAD)
        return find_again(r, out);
    if (!last)
        return RAW_MORE;
    pass_over(r, bytes, bytes->n);
    return find_again(r, out);
}

static enum raw_found read_frame(struct raw_reader *r, struct k2_sv *bytes, bool last,
                                 struct raw_finding *out) {
    struct feed_live_frame f = read_head(bytes->p);
    uint32_t crc = k2_get_u32(bytes->p + 28);
    uint64_t offset = r->at + HEAD;
    if (bytes->n - HEAD < f.bytes.n && !last)
        return RAW_MORE;
    if (bytes->n - HEAD < f.bytes.n) {
        f.bytes.n = bytes->n - HEAD;
        snprintf(r->what, sizeof r->what, "the capture ends inside a frame");
        take(r, bytes, bytes->n);
        return damage(r, out, f.bytes, offset);
    }
    take(r, bytes, HEAD + f.bytes.n);
    if (k2_crc32c(0, f.bytes.p, f.bytes.n) != crc) {
        snprintf(r->what, sizeof r->what, "the frame's bytes are not those of its checksum");
        return damage(r, out, f.bytes, offset);
    }
    *out = (struct raw_finding){.frame = f, .number = ++r->number, .offset = offset};
    if (f.form != LIVE_DATAGRAM)
        return RAW_FRAME;
    if (!r->twins)
        r->twins = raw_twins_new();
    return raw_twins_met(r->twins, f.line, f.bytes) ? RAW_TWIN : RAW_FRAME;
}

/* A capture's eight bytes. */
static void read_magic(struct raw_reader *r, struct k2_sv *bytes) {
    struct k2_err why;
    if (feed_raw_check_version(*bytes, &why) == K2_OK) {
        take(r, bytes, MAGIC_SIZE);
        return;
    }
    r->newer = true;
    get_lost(r, why.msg);
}

enum raw_found raw_next(struct raw_reader *r, struct k2_sv *bytes, bool last,
                        struct raw_finding *out) {
    for (;;) {
        if (bytes->n == 0 && !(last && r->lost))
            return RAW_MORE;
        if (r->lost)
            return search(r, bytes, last, out);
        if (feed_raw_is(*bytes))
            read_magic(r, bytes);
        else if (bytes->n < HEAD && !last)
            return RAW_MORE;
        else if (bytes->n < HEAD)
            get_lost(r, "the capture ends inside a frame");
        else if (is_head(bytes->p))
            return read_frame(r, bytes, last, out);
        else
            get_lost(r, "no frame begins here");
    }
}

void raw_reader_free(struct raw_reader *r) {
    k2_buf_free(&r->shown);
    raw_twins_free(r->twins);
    *r = (struct raw_reader){0};
}

/* Avro longs and bytes: minus the version, the members, the twins. The first version began with `at`, which is never
 * negative, and had no twins. */
enum { STATE_VERSION = 2 };

void raw_reader_save(const struct raw_reader *r, struct k2_buf *out) {
    k2_avro_put_long(out, -STATE_VERSION);
    k2_avro_put_long(out, (int64_t)r->at);
    k2_avro_put_long(out, r->number);
    k2_avro_put_long(out, r->lost);
    k2_avro_put_long(out, r->newer);
    k2_avro_put_long(out, (int64_t)r->passed);
    k2_avro_put_bytes(out, r->lost ? k2_sv_of(r->what) : (struct k2_sv){0});
    k2_avro_put_bytes(out, r->lost ? k2_buf_view(&r->shown) : (struct k2_sv){0});
    raw_twins_save(r->twins, out);
}

/* The version, and `at`. */
static bool get_start(struct k2_sv *in, int64_t *version, int64_t *at) {
    if (!k2_avro_get_long(in, at))
        return false;
    *version = *at == -STATE_VERSION ? STATE_VERSION : 1;
    return (*version == 1 || k2_avro_get_long(in, at)) && *at >= 0;
}

static bool restore_twins(struct raw_reader *r, struct k2_sv *in) {
    r->twins = raw_twins_new();
    return raw_twins_restore(r->twins, in);
}

bool raw_reader_restore(struct raw_reader *r, struct k2_sv *in) {
    int64_t version, at, number, lost, newer, passed;
    struct k2_sv what, shown;
    if (!get_start(in, &version, &at) || !k2_avro_get_long(in, &number) ||
        !k2_avro_get_long(in, &lost) || !k2_avro_get_long(in, &newer) ||
        !k2_avro_get_long(in, &passed) || !k2_avro_get_bytes(in, &what) ||
        !k2_avro_get_bytes(in, &shown) || shown.n > SHOWN_MOST || number < 0 ||
        number == INT64_MAX || passed < 0 || passed > at || what.n >= sizeof r->what)
        return false;
    raw_reader_free(r);
    r->at = (uint64_t)at;
    r->number = number;
    r->lost = lost != 0;
    r->newer = newer != 0;
    r->passed = (uint64_t)passed;
    if (what.n)
        memcpy(r->what, what.p, what.n);
    k2_buf_sv(&r->shown, shown);
    return version == 1 || restore_twins(r, in);
}
