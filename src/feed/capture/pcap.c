/* feed/capture/pcap.c - records of a classic pcap file (libpcap's savefile format, pcap-savefile(5)).
 *
 *   0  u32  magic: a1b2c3d4 microseconds, a1b23c4d nanoseconds; its byte order is that of the file
 *   4  u16  major version, u16 minor version
 *   8  i32  time zone, u32 accuracy: not used by anybody
 *  16  u32  most bytes of a packet that are kept
 *  20  u32  link type in the low 16 bits, on top of it what is kept of the frame check sequence
 *  24  records: u32 seconds, u32 fraction, u32 bytes captured, u32 bytes on the wire, the bytes
 */
#include "feed/capture/frames_int.h"

#include <stdio.h>

#define HEADER 24
#define RECORD 16
#define MAGIC_US 0xa1b2c3d4u
#define MAGIC_NS 0xa1b23c4du
#define DAY_S 86400u

struct record {
    uint32_t s, fraction, captured, size;
};

static bool is_magic(uint32_t m) {
    return m == MAGIC_US || m == MAGIC_NS;
}

bool pcap_begins(struct k2_sv head) {
    return is_magic(k2_get_u32(head.p)) || is_magic(be32(head.p));
}

static void read_header(struct capture *c, const char *at) {
    c->swapped = is_magic(be32(at));
    c->tick_ns = capture_u32(c, at) == MAGIC_NS ? 1 : (uint32_t)K2_NS_PER_US;
    c->link = capture_u32(c, at + 20) & 0xffff;
    c->begun = true;
}

static struct record record_of(const struct capture *c, const char *at) {
    return (struct record){capture_u32(c, at), capture_u32(c, at + 4), capture_u32(c, at + 8),
                           capture_u32(c, at + 12)};
}

static enum found read_record(struct capture *c, struct k2_sv bytes, struct finding *f) {
    struct record r = record_of(c, bytes.p);
    if (r.captured > FRAME_MAX) {
        snprintf(f->what, sizeof f->what, "a packet of %u bytes cannot be", r.captured);
        return FOUND_DAMAGE;
    }
    f->size = RECORD + r.captured;
    if (bytes.n < f->size)
        return FOUND_MORE;
    c->last_s = r.s;
    f->packet = (struct packet){.bytes = {bytes.p + RECORD, r.captured},
                                .size = r.size,
                                .time_ns = (int64_t)r.s * K2_NS_PER_SEC +
                                           (int64_t)r.fraction * (int64_t)c->tick_ns,
                                .offset = RECORD,
                                .link = c->link};
    return FOUND_PACKET;
}

enum found pcap_next(struct capture *c, struct k2_sv bytes, struct finding *f) {
    if (bytes.n < (c->begun ? RECORD : HEADER))
        return FOUND_MORE;
    if (c->begun)
        return read_record(c, bytes, f);
    read_header(c, bytes.p);
    f->size = HEADER;
    return FOUND_OTHER;
}

/* As packets of the same capture are: of the same days, and no longer than they were. */
static bool is_likely(const struct capture *c, const struct record *r) {
    uint32_t apart = r->s > c->last_s ? r->s - c->last_s : c->last_s - r->s;
    uint32_t second = (uint32_t)(K2_NS_PER_SEC / (int64_t)c->tick_ns);
    return r->captured > 0 && r->captured <= r->size && r->size <= FRAME_MAX &&
           r->fraction < second && (c->last_s == 0 || apart <= DAY_S);
}

enum sound pcap_sound(const struct capture *c, struct k2_sv bytes, bool last) {
    if (bytes.n < RECORD)
        return last ? SOUND_NO : SOUND_MORE;
    struct record r = record_of(c, bytes.p);
    size_t size = RECORD + (size_t)r.captured;
    if (!is_likely(c, &r))
        return SOUND_NO;
    if (bytes.n < size + RECORD)
        return !last ? SOUND_MORE : bytes.n == size ? SOUND_YES : SOUND_NO;
    struct record next = record_of(c, bytes.p + size);
    return is_likely(c, &next) ? SOUND_YES : SOUND_NO;
}
