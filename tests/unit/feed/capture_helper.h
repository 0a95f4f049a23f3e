/* Captures made by tests: pcap and pcapng files of packets, written header by header. */
#ifndef CAPTURE_HELPER_H
#define CAPTURE_HELPER_H

#include "base/buf.h"

#include <string.h>

struct maker {
    struct k2_buf out;
    bool big; /* the file's own numbers are big-endian */
    bool ng, nanos;
    uint32_t link;
    uint32_t time_s;
};

static inline void put16be(struct k2_buf *b, uint16_t v) {
    k2_buf_byte(b, (uint8_t)(v >> 8));
    k2_buf_byte(b, (uint8_t)v);
}

static inline void put32be(struct k2_buf *b, uint32_t v) {
    put16be(b, (uint16_t)(v >> 16));
    put16be(b, (uint16_t)v);
}

static inline void put16(struct maker *m, uint16_t v) {
    put16be(&m->out, m->big ? v : __builtin_bswap16(v));
}

static inline void put32(struct maker *m, uint32_t v) {
    put32be(&m->out, m->big ? v : __builtin_bswap32(v));
}

static inline void make_pcap(struct maker *m) {
    put32(m, m->nanos ? 0xa1b23c4d : 0xa1b2c3d4);
    put16(m, 2);
    put16(m, 4);
    put32(m, 0);
    put32(m, 0);
    put32(m, 65535);
    put32(m, m->link);
}

/* A block of pcapng around body. */
static inline void make_block(struct maker *m, uint32_t type, struct k2_sv body) {
    size_t padded = (body.n + 3) & ~(size_t)3;
    put32(m, type);
    put32(m, (uint32_t)padded + 12);
    k2_buf_sv(&m->out, body);
    for (size_t i = body.n; i < padded; i++)
        k2_buf_byte(&m->out, 0);
    put32(m, (uint32_t)padded + 12);
}

/* A body is made with the same byte order, as if it were a file. */
static inline void make_block_of(struct maker *m, uint32_t type, struct maker *body) {
    make_block(m, type, k2_buf_view(&body->out));
    k2_buf_free(&body->out);
}

static inline void make_section(struct maker *m) {
    struct maker b = {.big = m->big};
    put32(&b, 0x1a2b3c4d);
    put16(&b, 1);
    put16(&b, 0);
    put32(&b, 0xffffffff);
    put32(&b, 0xffffffff);
    make_block_of(m, 0x0a0d0d0a, &b);
}

/* resolution 6 is what stands for itself, so no option says it. */
static inline void make_interface(struct maker *m, uint8_t resolution, uint32_t snap) {
    struct maker b = {.big = m->big};
    put16(&b, (uint16_t)m->link);
    put16(&b, 0);
    put32(&b, snap);
    if (resolution != 6) {
        put16(&b, 9);
        put16(&b, 1);
        put32be(&b.out, (uint32_t)resolution << 24);
        put16(&b, 0);
        put16(&b, 0);
    }
    make_block_of(m, 1, &b);
}

static inline void make_start(struct maker *m) {
    if (m->ng) {
        make_section(m);
        make_interface(m, m->nanos ? 9 : 6, 0);
    } else {
        make_pcap(m);
    }
}

/* The packet, of which `lost` bytes at its end were not captured, one second after the last one. */
static inline void make_packet_cut(struct maker *m, struct k2_sv bytes, size_t lost) {
    uint32_t n = (uint32_t)(bytes.n - lost), s = m->time_s++;
    if (m->ng) {
        uint64_t ticks = (uint64_t)s * (m->nanos ? 1000000000 : 1000000) + 7;
        struct maker b = {.big = m->big};
        put32(&b, 0);
        put32(&b, (uint32_t)(ticks >> 32));
        put32(&b, (uint32_t)ticks);
        put32(&b, n);
        put32(&b, (uint32_t)bytes.n);
        k2_buf_put(&b.out, bytes.p, n);
        make_block_of(m, 6, &b);
        return;
    }
    put32(m, s);
    put32(m, 7);
    put32(m, n);
    put32(m, (uint32_t)bytes.n);
    k2_buf_put(&m->out, bytes.p, n);
}

static inline void make_packet(struct maker *m, struct k2_sv bytes) {
    make_packet_cut(m, bytes, 0);
}

/* --- packets: from the inside out, each put in front of what is in b --- */

static inline void wrap(struct k2_buf *b, struct k2_buf *header) {
    k2_buf_sv(header, k2_buf_view(b));
    k2_buf_free(b);
    *b = *header;
}

static inline void wrap_udp(struct k2_buf *b, uint16_t from, uint16_t to) {
    struct k2_buf h = {0};
    put16be(&h, from);
    put16be(&h, to);
    put16be(&h, (uint16_t)(8 + b->n));
    put16be(&h, 0);
    wrap(b, &h);
}

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4 };

static inline void wrap_tcp(struct k2_buf *b, uint16_t from, uint16_t to, uint32_t sequence,
                            uint8_t flags) {
    struct k2_buf h = {0};
    put16be(&h, from);
    put16be(&h, to);
    put32be(&h, sequence);
    put32be(&h, 0);
    k2_buf_byte(&h, 5 << 4);
    k2_buf_byte(&h, flags);
    put16be(&h, 1024);
    put32be(&h, 0);
    wrap(b, &h);
}

/* 10.0.0.1 to 239.1.2.3. fragment: offset in units of 8, 0x2000 = more. */
static inline void wrap_ip4(struct k2_buf *b, uint8_t protocol, uint16_t id, uint16_t fragment) {
    struct k2_buf h = {0};
    put16be(&h, 0x4500);
    put16be(&h, (uint16_t)(20 + b->n));
    put16be(&h, id);
    put16be(&h, fragment);
    k2_buf_byte(&h, 64);
    k2_buf_byte(&h, protocol);
    put16be(&h, 0);
    put32be(&h, 0x0a000001);
    put32be(&h, 0xef010203);
    wrap(b, &h);
}

/* 2001:db8::1 to ff02::5, with extension headers of 8 bytes each (0 hop by hop, 60 destination) in between. */
static inline void wrap_ip6(struct k2_buf *b, uint8_t protocol, bool extensions) {
    struct k2_buf h = {0};
    put32be(&h, 0x60000000);
    put16be(&h, (uint16_t)(b->n + (extensions ? 16 : 0)));
    k2_buf_byte(&h, extensions ? 0 : protocol);
    k2_buf_byte(&h, 1);
    put32be(&h, 0x20010db8);
    put32be(&h, 0);
    put32be(&h, 0);
    put32be(&h, 1);
    put32be(&h, 0xff020000);
    put32be(&h, 0);
    put32be(&h, 0);
    put32be(&h, 5);
    if (extensions) {
        put32be(&h, (uint32_t)60 << 24);
        put32be(&h, 0);
        put32be(&h, (uint32_t)protocol << 24);
        put32be(&h, 0);
    }
    wrap(b, &h);
}

static inline void wrap_ethernet(struct k2_buf *b, uint16_t type, int tags) {
    struct k2_buf h = {0};
    for (int i = 0; i < 12; i++)
        k2_buf_byte(&h, 0);
    for (int i = 0; i < tags; i++) {
        put16be(&h, i ? 0x8100 : 0x88a8);
        put16be(&h, 100);
    }
    put16be(&h, type);
    wrap(b, &h);
}

static inline void wrap_link(struct k2_buf *b, uint32_t link) {
    struct k2_buf h = {0};
    uint16_t type = (uint8_t)b->p[0] >> 4 == 6 ? 0x86dd : 0x0800;
    if (link == 1) {
        wrap_ethernet(b, type, 0);
        return;
    }
    for (int i = 0; link == 113 && i < 14; i++)
        k2_buf_byte(&h, 0);
    if (link == 113 || link == 276)
        put16be(&h, type);
    for (int i = 0; link == 276 && i < 18; i++)
        k2_buf_byte(&h, 0);
    if (link == 0)
        put32be(&h, type == 0x0800 ? 0x02000000 : 0x1e000000);
    if (link == 108)
        put32be(&h, type == 0x0800 ? 2 : 28);
    wrap(b, &h);
}

/* --- whole ones --- */

static inline void make_datagram(struct maker *m, struct k2_sv payload) {
    struct k2_buf b = {0};
    k2_buf_sv(&b, payload);
    wrap_udp(&b, 1000, 26400);
    wrap_ip4(&b, 17, 1, 0);
    wrap_link(&b, m->link);
    make_packet(m, k2_buf_view(&b));
    k2_buf_free(&b);
}

static inline void make_segment(struct maker *m, uint32_t sequence, uint8_t flags,
                                struct k2_sv payload) {
    struct k2_buf b = {0};
    k2_buf_sv(&b, payload);
    wrap_tcp(&b, 5000, 6000, sequence, flags);
    wrap_ip4(&b, 6, 1, 0);
    wrap_link(&b, m->link);
    make_packet(m, k2_buf_view(&b));
    k2_buf_free(&b);
}

#endif
