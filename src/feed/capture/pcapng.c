/* feed/capture/pcapng.c - blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng).
 *
 * A block: u32 type, u32 length of all of it, a body, padding to 4 bytes, u32 length again.
 *   section header (3.1, 0a0d0d0a)  its byte order magic 1a2b3c4d tells the byte order up to the next one
 *   interface description (4.2, 1)  u16 link type, u16, u32 most bytes kept, options: 9 if_tsresol, 14 if_tsoffset
 *   enhanced packet (4.3, 6)        u32 interface, u64 time (high half first), u32 captured, u32 on the wire, bytes
 *   simple packet (4.4, 3)          u32 on the wire, bytes; of interface 0, without a time
 *   packet (A, 2, obsolete)         as the enhanced one, with u16 interface and u16 drops
 * Every other block is passed over by its length.
 */
#include "feed/capture/frames_int.h"

#include <stdio.h>

#define FRAME_BYTES 12 /* of a block: type and both lengths */
#define BLOCK_MAX (FRAME_MAX + ((size_t)1 << 16))
#define SECTION 0x0a0d0d0au
#define ORDER_MAGIC 0x1a2b3c4du
#define INTERFACES_MAX 4096

enum block { INTERFACE = 1, PACKET_OLD = 2, PACKET_SIMPLE = 3, PACKET_ENHANCED = 6 };
enum option { OPTION_END = 0, OPTION_RESOLUTION = 9, OPTION_OFFSET = 14 };

struct pcapng_interface {
    uint32_t link, snap; /* snap 0 = no limit */
    uint8_t resolution;  /* as if_tsresol has it */
    int64_t offset_s;
};

bool pcapng_begins(struct k2_sv head) {
    return k2_get_u32(head.p) == SECTION;
}

static enum found damage(struct finding *f, size_t size, const char *what) {
    snprintf(f->what, sizeof f->what, "%s", what);
    f->size = size;
    return FOUND_DAMAGE;
}

/* --- interfaces and their clocks --- */

static void read_option(const struct capture *c, struct pcapng_interface *i, uint16_t code,
                        struct k2_sv value) {
    if (code == OPTION_RESOLUTION && value.n >= 1)
        i->resolution = (uint8_t)value.p[0];
    if (code == OPTION_OFFSET && value.n >= 8) {
        uint64_t v = k2_get_u64(value.p);
        i->offset_s = (int64_t)(c->swapped ? __builtin_bswap64(v) : v);
    }
}

static void read_options(const struct capture *c, struct pcapng_interface *i, struct k2_sv rest) {
    while (rest.n >= 4) {
        uint16_t code = capture_u16(c, rest.p), n = capture_u16(c, rest.p + 2);
        size_t padded = ((size_t)n + 3) & ~(size_t)3;
        rest = behind(rest, 4);
        if (code == OPTION_END || n > rest.n)
            return;
        read_option(c, i, code, front(rest, n));
        rest = behind(rest, padded < rest.n ? padded : rest.n);
    }
}

static enum found read_interface(struct capture *c, struct k2_sv body, struct finding *f) {
    if (body.n < 8)
        return damage(f, f->size, "an interface description without its fields");
    struct pcapng_interface i = {
        .link = capture_u16(c, body.p), .snap = capture_u32(c, body.p + 4), .resolution = 6};
    if (c->interfaces.n >= INTERFACES_MAX * sizeof i)
        return damage(f, f->size, "more interfaces in a section than are read (4096)");
    read_options(c, &i, behind(body, 8));
    k2_buf_put(&c->interfaces, &i, sizeof i);
    return FOUND_OTHER;
}

static bool interface_at(const struct capture *c, uint32_t index, struct pcapng_interface *i) {
    if (index >= c->interfaces.n / sizeof *i)
        return false;
    memcpy(i, c->interfaces.p + index * sizeof *i, sizeof *i);
    return true;
}

/* Exact as far as there are nanoseconds; what is finer is cut off. */
static unsigned __int128 ticks_to_ns(uint64_t ticks, uint8_t resolution) {
    unsigned __int128 ns = ticks;
    if (resolution & 0x80)
        return (ns * (uint64_t)K2_NS_PER_SEC) >> (resolution & 0x7f);
    for (int digits = resolution; digits < 9; digits++)
        ns *= 10;
    for (int digits = resolution; digits > 9 && ns > 0; digits--)
        ns /= 10;
    return ns;
}

static int64_t time_of(const struct pcapng_interface *i, uint64_t ticks) {
    k2_i128 ns = (k2_i128)ticks_to_ns(ticks, i->resolution) + (k2_i128)i->offset_s * K2_NS_PER_SEC;
    return ns > INT64_MAX || ns <= INT64_MIN ? K2_NULL_LONG : (int64_t)ns;
}

/* --- packets --- */

/* What both kinds of packets with a time have behind their interface. */
static enum found read_timed(const struct capture *c, uint32_t interface, struct k2_sv body,
                             struct finding *f) {
    struct pcapng_interface i;
    uint32_t captured = capture_u32(c, body.p + 12);
    if (captured > body.n - 20)
        return damage(f, f->size, "a packet that is longer than its block");
    if (!interface_at(c, interface, &i))
        return damage(f, f->size, "a packet of an interface that was not described");
    uint64_t high = capture_u32(c, body.p + 4);
    f->packet = (struct packet){.bytes = {body.p + 20, captured},
                                .size = capture_u32(c, body.p + 16),
                                .time_ns = time_of(&i, high << 32 | capture_u32(c, body.p + 8)),
                                .offset = 28,
                                .link = i.link};
    return FOUND_PACKET;
}

static enum found read_simple(const struct capture *c, struct k2_sv body, struct finding *f) {
    struct pcapng_interface i;
    if (!interface_at(c, 0, &i))
        return damage(f, f->size, "a packet of an interface that was not described");
    uint32_t size = capture_u32(c, body.p);
    uint32_t captured = i.snap && size > i.snap ? i.snap : size;
    if (captured > body.n - 4)
        return damage(f, f->size, "a packet that is longer than its block");
    f->packet = (struct packet){.bytes = {body.p + 4, captured},
                                .size = size,
                                .time_ns = K2_NULL_LONG,
                                .offset = 12,
                                .link = i.link};
    return FOUND_PACKET;
}

static enum found read_body(struct capture *c, uint32_t type, struct k2_sv body,
                            struct finding *f) {
    if (type == INTERFACE)
        return read_interface(c, body, f);
    if (body.n < (type == PACKET_SIMPLE ? 4u : 20u))
        return damage(f, f->size, "a packet block without its fields");
    if (type == PACKET_SIMPLE)
        return read_simple(c, body, f);
    return read_timed(c, type == PACKET_OLD ? capture_u16(c, body.p) : capture_u32(c, body.p), body,
                      f);
}

/* --- blocks --- */

static bool is_read(uint32_t type) {
    return type == INTERFACE || type == PACKET_OLD || type == PACKET_SIMPLE ||
           type == PACKET_ENHANCED;
}

static enum found read_section(struct capture *c, struct k2_sv bytes, struct finding *f) {
    bool same = k2_get_u32(bytes.p + 8) == ORDER_MAGIC;
    if (!same && be32(bytes.p + 8) != ORDER_MAGIC)
        return damage(f, 0, "a section without the byte order magic");
    c->swapped = !same;
    c->begun = true;
    c->interfaces.n = 0;
    uint32_t length = capture_u32(c, bytes.p + 4);
    if (length < 28 || length % 4)
        return damage(f, 0, "a section header of a length that cannot be");
    f->size = length;
    return FOUND_OTHER;
}

enum found pcapng_next(struct capture *c, struct k2_sv bytes, struct finding *f) {
    if (bytes.n < FRAME_BYTES)
        return FOUND_MORE;
    if (k2_get_u32(bytes.p) == SECTION)
        return read_section(c, bytes, f);
    uint32_t type = capture_u32(c, bytes.p), length = capture_u32(c, bytes.p + 4);
    if (length < FRAME_BYTES || length % 4 || (is_read(type) && length > BLOCK_MAX))
        return damage(f, 0, "a block of a length that cannot be");
    f->size = length;
    if (!is_read(type))
        return FOUND_OTHER;
    if (bytes.n < length)
        return FOUND_MORE;
    if (capture_u32(c, bytes.p + length - 4) != length)
        return damage(f, 0, "a block whose two lengths differ");
    return read_body(c, type, (struct k2_sv){bytes.p + 8, length - FRAME_BYTES}, f);
}

enum sound pcapng_sound(const struct capture *c, struct k2_sv bytes, bool last) {
    if (bytes.n < FRAME_BYTES)
        return last ? SOUND_NO : SOUND_MORE;
    if (k2_get_u32(bytes.p) == SECTION)
        return k2_get_u32(bytes.p + 8) == ORDER_MAGIC || be32(bytes.p + 8) == ORDER_MAGIC
                   ? SOUND_YES
                   : SOUND_NO;
    uint32_t length = capture_u32(c, bytes.p + 4);
    if (!is_read(capture_u32(c, bytes.p)) || length < FRAME_BYTES + 4 || length % 4 ||
        length > BLOCK_MAX)
        return SOUND_NO;
    if (bytes.n < length)
        return last ? SOUND_NO : SOUND_MORE;
    return capture_u32(c, bytes.p + length - 4) == length ? SOUND_YES : SOUND_NO;
}
