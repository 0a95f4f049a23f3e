/* feed/capture/frames_int.h - what frames.c is made of: readers of captures, headers of packets, the putting
 * together of fragments and of TCP flows, and the cutting of streams into frames. */
#ifndef K2_FEED_FRAMES_INT_H
#define K2_FEED_FRAMES_INT_H

#include "feed/capture/frames.h"
#include "feed/capture/raw.h"

#define FRAME_MAX ((size_t)1 << 20)      /* no frame, packet or block that is read is longer */
#define FRAME_OWN_MAX ((size_t)16 << 20) /* of one that the decoder itself cuts */
#define FRAME_SHOWN ((size_t)1 << 16)    /* of refused bytes that are kept for quarantine */
#define FLOWS_MAX 1024 /* known at a time; the one that rested longest is forgotten */

static inline uint16_t be16(const void *at) {
    return __builtin_bswap16(k2_get_u16(at));
}
static inline uint32_t be32(const void *at) {
    return __builtin_bswap32(k2_get_u32(at));
}
static inline struct k2_sv behind(struct k2_sv s, size_t n) {
    return (struct k2_sv){s.p + n, s.n - n};
}
static inline struct k2_sv front(struct k2_sv s, size_t n) {
    return (struct k2_sv){s.p, s.n < n ? s.n : n};
}

/* --- captures: pcap.c, pcapng.c --- */

struct packet {
    struct k2_sv bytes; /* what was captured of it */
    size_t size;        /* what it was on the wire */
    int64_t time_ns, number;
    uint64_t offset; /* of bytes in the source */
    uint32_t link;   /* LINKTYPE_ of the capture's interface */
};

struct capture {
    bool swapped; /* its numbers are big-endian */
    bool begun;   /* its header was read */
    uint32_t link, tick_ns;
    uint32_t last_s;          /* time of the last packet: classic pcap, to know the next one by */
    struct k2_buf interfaces; /* of struct pcapng_interface, of the section */
};

enum found {
    FOUND_MORE,   /* it is not whole yet */
    FOUND_PACKET, /* of `size` bytes with all around it */
    FOUND_OTHER,  /* `size` bytes that hold no packet; they need not be here yet */
    FOUND_DAMAGE  /* `what` says it; `size` bytes are passed over, 0 = nobody knows where it ends */
};

struct finding {
    size_t size;
    struct packet packet; /* bytes, size, time, link; offset from the start of what was shown */
    char what[100];
};

enum sound { SOUND_NO, SOUND_YES, SOUND_MORE };

static inline uint32_t capture_u32(const struct capture *c, const void *at) {
    return c->swapped ? be32(at) : k2_get_u32(at);
}
static inline uint16_t capture_u16(const struct capture *c, const void *at) {
    return c->swapped ? be16(at) : k2_get_u16(at);
}

bool pcap_begins(struct k2_sv head); /* at least 4 bytes */
enum found pcap_next(struct capture *c, struct k2_sv bytes, struct finding *f);
/* Whether a record begins here that can be believed; `last`: there is nothing behind bytes. */
enum sound pcap_sound(const struct capture *c, struct k2_sv bytes, bool last);
bool pcapng_begins(struct k2_sv head);
enum found pcapng_next(struct capture *c, struct k2_sv bytes, struct finding *f);
enum sound pcapng_sound(const struct capture *c, struct k2_sv bytes, bool last);

/* --- headers: packet.c --- */

struct address {
    uint8_t version; /* 4 or 6 */
    uint8_t at[16];
};

struct ip {
    struct address from, to;
    uint8_t protocol;
    struct k2_sv payload; /* what is there of it */
    size_t said;          /* how long the header says it is */
    uint64_t offset;      /* of the payload in the source */
    bool fragment, more_fragments;
    uint32_t fragment_id;
    size_t fragment_at; /* place of this fragment in the datagram's payload */
};

struct transport {
    uint8_t protocol; /* PROTOCOL_UDP, PROTOCOL_TCP */
    uint16_t from_port, to_port;
    struct k2_sv payload;
    size_t said;
    uint64_t offset;
    uint32_t sequence; /* TCP */
    bool syn, fin, rst;
};

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

enum seen {
    SEEN_WHOLE,
    SEEN_CUT,   /* part of it was not captured; what is there is in the result where possible */
    SEEN_OTHER, /* something that is never a frame */
    SEEN_BAD    /* *why says what is wrong */
};

enum seen packet_ip(const struct packet *p, struct ip *ip, const char **why);
enum seen packet_transport(const struct ip *ip, struct transport *t, const char **why);

/* --- IP fragments: fragments.c --- */

struct fragments;
struct fragments *fragments_new(void);
void fragments_free(struct fragments *s);

struct fragment_lost { /* a datagram that was given up */
    struct k2_sv raw;  /* what was there, in the order of its bytes */
    uint64_t offset;   /* of its first fragment that came */
    int64_t number;    /* packet of that */
};
typedef K2_RC fragment_lost_fn(void *ctx, const struct fragment_lost *l, struct k2_err *err);

/* Adds the fragment ip of p; *whole: ip->payload, said and offset are those of the whole datagram now, the bytes
 * borrowed until the next call. Datagrams that are given up for it are told to lost. */
K2_RC fragments_add(struct fragments *s, const struct packet *p, struct ip *ip, bool *whole,
                    fragment_lost_fn *lost, void *ctx, struct k2_err *err);
/* Gives up all. */
K2_RC fragments_end(struct fragments *s, fragment_lost_fn *lost, void *ctx, struct k2_err *err);

/* --- frames of streams: framing.c --- */

enum cut {
    CUT_MORE,   /* it is not whole yet */
    CUT_FRAME,  /* of `size` bytes with what is around it */
    CUT_PASSED, /* `size` bytes that are no frame, `why` says it */
    CUT_NONE    /* no frame begins here */
};

struct piece {
    size_t size;
    struct k2_sv frame;
    const char *why;
    struct k2_sv login; /* SoupBinTCP: the payload of one that was accepted; else empty */
};

/* For a file that begins with `bytes`: NASDAQ becomes what it is, all others stay. */
enum feed_framing framing_tell(enum feed_framing framing, struct k2_sv bytes);
enum cut framing_cut(const struct feed_frames_options *o, struct k2_sv bytes, struct piece *out);

/* --- flows: flows.c, tcp.c --- */

struct flows;
struct flows *flows_new(void);
void flows_free(struct flows *s);

struct place { /* of bytes in the source */
    int64_t time_ns, number;
    uint64_t offset;
};

/* --- frames.c, for tcp.c --- */

/* Both answer by the sink of the call under way. */
K2_RC frames_give(struct feed_frames *f, struct k2_sv bytes, bool datagram, uint32_t flow,
                  struct k2_sv flow_name, const struct place *at, struct k2_err *err);
/* A message of a SoupBinTCP session, with its number in it. */
K2_RC frames_give_message(struct feed_frames *f, struct k2_sv bytes, uint32_t flow,
                          struct k2_sv flow_name, const struct place *at, struct k2_sv session,
                          int64_t message, struct k2_err *err);
K2_RC frames_refuse(struct feed_frames *f, const struct place *at, struct k2_sv raw,
                    struct k2_err *err, const char *detail, ...)
    __attribute__((format(printf, 5, 6)));
K2_RC frames_refuse_cut(struct feed_frames *f, const struct packet *p, struct k2_err *err);
K2_RC frames_pass(struct feed_frames *f, const char *why, struct k2_err *err);
const struct feed_frames_options *frames_options(const struct feed_frames *f);
int64_t frames_number(const struct feed_frames *f); /* of the last packet or frame */

struct flow_name {
    uint32_t id;
    struct k2_sv text;
};

/* The flow of a UDP datagram. */
K2_RC flows_datagram(struct flows *s, struct feed_frames *f, const struct ip *ip,
                     const struct transport *t, struct flow_name *name, struct k2_err *err);
/* Takes a TCP segment, also one of which not all bytes were captured; what becomes whole is given. */
K2_RC flows_segment(struct flows *s, struct feed_frames *f, const struct packet *p,
                    const struct ip *ip, const struct transport *t, struct k2_err *err);
/* The flow of a connection of a raw capture. url: its name where it turns up; empty = not known. */
K2_RC flows_connection(struct flows *s, struct feed_frames *f, int64_t connection, struct k2_sv url,
                       struct flow_name *name, struct k2_err *err);
/* The next bytes of it; what becomes whole is given. */
K2_RC flows_stream(struct flows *s, struct feed_frames *f, int64_t connection,
                   const struct place *at, struct k2_sv bytes, struct k2_err *err);
/* Nothing more comes on it. */
K2_RC flows_disconnect(struct flows *s, struct feed_frames *f, int64_t connection,
                       struct k2_err *err);
/* Nothing more comes: what waits for bytes is answered. */
K2_RC flows_end(struct flows *s, struct feed_frames *f, struct k2_err *err);

/* --- tcp.c --- */

struct tcp_held;
struct tcp {                  /* one direction of a connection */
    bool started;             /* next is known */
    bool synced;              /* a frame was cut: the next one begins where it ended */
    uint32_t next;            /* sequence number of the next byte */
    uint32_t syn;             /* that of its SYN */
    struct k2_buf held;       /* bytes in order that are no whole frame yet */
    struct k2_buf marks;      /* where they are in the source */
    struct tcp_held *waiting; /* segments behind a hole, by sequence number */
    size_t waiting_n, waiting_bytes;
    size_t *waiting_all; /* bytes of all flows together */
    char session[FEED_SOUP_SESSION + 1];
    int64_t message; /* number of its next message in the session; 0 = not known */
};

void tcp_free(struct tcp *t);
/* A SYN other than the one it began with: another connection with the same addresses. */
bool tcp_is_new(const struct tcp *t, const struct transport *s);
K2_RC tcp_segment(struct tcp *t, struct feed_frames *f, struct flow_name name,
                  const struct packet *p, const struct transport *s, struct k2_err *err);
K2_RC tcp_end(struct tcp *t, struct feed_frames *f, struct flow_name name, struct k2_err *err);
/* Bytes that are known to be the next ones, from the first of the connection on. */
K2_RC tcp_bytes(struct tcp *t, struct feed_frames *f, struct flow_name name, const struct place *at,
                struct k2_sv bytes, struct k2_err *err);

/* --- raw captures: raw_frames.c --- */

K2_RC raw_frames_take(struct feed_frames *f, struct flows *flows, enum raw_found found,
                      const struct raw_finding *r, struct k2_err *err);

#endif
