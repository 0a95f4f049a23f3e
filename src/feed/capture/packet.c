/* feed/capture/packet.c - the headers of a packet, from the link down to UDP and TCP.
 *
 *   link   Ethernet II with any number of VLAN tags (802.1Q, 802.1ad), Linux cooked v1 and v2, BSD loopback,
 *          raw IP: LINKTYPE_ numbers as tcpdump.org/linktypes.html has them
 *   IP     RFC 791, RFC 8200 with its extension headers
 *   UDP    RFC 768; TCP: RFC 9293
 * Checksums are not looked at: captures on the sending machine have none yet, and publishers who take out
 * addresses leave the old ones. A length of 0 in IP or UDP, which segmentation offload and publishers leave, stands
 * for all that is there. Bytes behind the IP datagram (Ethernet's padding, a frame check sequence) are no payload.
 */
#include "feed/capture/frames_int.h"

#define ETHER_IP4 0x0800
#define ETHER_IP6 0x86dd
#define TAG_CUSTOMER 0x8100
#define TAG_SERVICE 0x88a8
#define TAG_OLD 0x9100
#define TAGS_MAX 4
#define EXTENSIONS_MAX 16

enum link {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW_BSD = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_COOKED = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_COOKED2 = 276
};

static const char not_ip[] = "a packet that is not IP";
static const char too_short[] = "the packet is shorter than its headers";

struct inside { /* what is left of a packet, header by header */
    struct k2_sv rest;
    bool cut; /* it was longer on the wire */
};

/* Too few bytes for a header: by the capture's doing, or wrong. */
static enum seen lacks(const struct inside *in, const char **why) {
    *why = too_short;
    return in->cut ? SEEN_CUT : SEEN_BAD;
}

static enum seen other(const char *what, const char **why) {
    *why = what;
    return SEEN_OTHER;
}

/* --- link --- */

/* The EtherType is at byte `type_at`, what it tells of begins at `payload_at`: tags, then IP. */
static enum seen typed(struct inside *in, size_t type_at, size_t payload_at, const char **why) {
    if (in->rest.n < payload_at)
        return lacks(in, why);
    uint16_t type = be16(in->rest.p + type_at);
    in->rest = behind(in->rest, payload_at);
    for (int tags = 0; type == TAG_CUSTOMER || type == TAG_SERVICE || type == TAG_OLD; tags++) {
        if (tags == TAGS_MAX)
            return other("a packet with more VLAN tags than are read", why);
        if (in->rest.n < 4)
            return lacks(in, why);
        type = be16(in->rest.p + 2);
        in->rest = behind(in->rest, 4);
    }
    return type == ETHER_IP4 || type == ETHER_IP6 ? SEEN_WHOLE : other(not_ip, why);
}

/* Address families: 2 is IPv4 everywhere, IPv6 is 24, 28 or 30, or Linux's 10; in either byte order. */
static enum seen loopback(struct inside *in, const char **why) {
    if (in->rest.n < 4)
        return lacks(in, why);
    uint32_t family = k2_get_u32(in->rest.p);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    in->rest = behind(in->rest, 4);
    bool ip = family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
    return ip ? SEEN_WHOLE : other(not_ip, why);
}

static enum seen skip_link(uint32_t link, struct inside *in, const char **why) {
    switch ((enum link)link) {
    case LINK_ETHERNET:
        return typed(in, 12, 14, why);
    case LINK_COOKED:
        return typed(in, 14, 16, why);
    case LINK_COOKED2:
        return typed(in, 0, 20, why);
    case LINK_NULL:
    case LINK_LOOP:
        return loopback(in, why);
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_RAW:
    case LINK_IPV4:
    case LINK_IPV6:
        return SEEN_WHOLE;
    }
    *why = "the capture's link type is not one that is read";
    return SEEN_BAD;
}

/* --- IP --- */

/* Cuts the payload to what the header says; that it says more than there is, is wrong or cut. */
static enum seen limit(struct inside *in, size_t said, struct ip *ip, const char **why) {
    ip->said = said ? said : in->rest.n;
    ip->payload = front(in->rest, ip->said);
    if (ip->payload.n == ip->said)
        return SEEN_WHOLE;
    *why = "the IP header says more bytes than the packet has";
    return in->cut ? SEEN_CUT : SEEN_BAD;
}

static enum seen read_ip4(struct inside *in, struct ip *ip, const char **why) {
    const uint8_t *h = (const uint8_t *)in->rest.p;
    if (in->rest.n < 20)
        return lacks(in, why);
    size_t header = (size_t)(h[0] & 15) * 4, total = be16(h + 2);
    if (header < 20 || (total && total < header)) {
        *why = "the IP header has a length that cannot be";
        return SEEN_BAD;
    }
    if (in->rest.n < header)
        return lacks(in, why);
    uint16_t fragment = be16(h + 6);
    ip->from.version = ip->to.version = 4;
    memcpy(ip->from.at, h + 12, 4);
    memcpy(ip->to.at, h + 16, 4);
    ip->protocol = h[9];
    ip->fragment_id = be16(h + 4);
    ip->fragment_at = (size_t)(fragment & 0x1fff) * 8;
    ip->more_fragments = (fragment & 0x2000) != 0;
    ip->fragment = ip->more_fragments || ip->fragment_at > 0;
    in->rest = behind(in->rest, header);
    if (total == header) { /* nothing in it, which is not the 0 that stands for all */
        in->rest.n = 0;
        total = 0;
    }
    return limit(in, total ? total - header : 0, ip, why);
}

static void read_fragment_header(struct ip *ip, const uint8_t *h) {
    uint16_t fragment = be16(h + 2);
    ip->fragment_id = be32(h + 4);
    ip->fragment_at = fragment & 0xfff8;
    ip->more_fragments = fragment & 1;
    ip->fragment = ip->more_fragments || ip->fragment_at > 0;
}

/* Takes one extension header off the payload; false when what comes next is none. */
static bool skip_extension(struct ip *ip, enum seen *seen, const char **why) {
    enum { HOPS = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60 };
    const uint8_t *h = (const uint8_t *)ip->payload.p;
    uint8_t kind = ip->protocol;
    if (kind != HOPS && kind != ROUTING && kind != FRAGMENT && kind != AUTHENTICATION &&
        kind != DESTINATION)
        return false;
    bool cut = ip->payload.n < ip->said;
    size_t n = ip->payload.n < 8        ? 8
               : kind == FRAGMENT       ? 8
               : kind == AUTHENTICATION ? ((size_t)h[1] + 2) * 4
                                        : ((size_t)h[1] + 1) * 8;
    if (ip->payload.n < n) {
        *why = too_short;
        *seen = cut ? SEEN_CUT : SEEN_BAD;
        return false;
    }
    ip->protocol = h[0];
    if (kind == FRAGMENT)
        read_fragment_header(ip, h);
    ip->payload = behind(ip->payload, n);
    ip->said -= n;
    return !ip->fragment;
}

static enum seen read_ip6(struct inside *in, struct ip *ip, const char **why) {
    const uint8_t *h = (const uint8_t *)in->rest.p;
    if (in->rest.n < 40)
        return lacks(in, why);
    ip->from.version = ip->to.version = 6;
    memcpy(ip->from.at, h + 8, 16);
    memcpy(ip->to.at, h + 24, 16);
    ip->protocol = h[6];
    in->rest = behind(in->rest, 40);
    enum seen seen = limit(in, be16(h + 4), ip, why);
    for (int i = 0; i < EXTENSIONS_MAX && seen != SEEN_BAD && skip_extension(ip, &seen, why); i++)
        ;
    return seen;
}

enum seen packet_ip(const struct packet *p, struct ip *ip, const char **why) {
    struct inside in = {p->bytes, p->bytes.n < p->size};
    *ip = (struct ip){0};
    enum seen seen = skip_link(p->link, &in, why);
    if (seen != SEEN_WHOLE)
        return seen;
    if (in.rest.n == 0)
        return lacks(&in, why);
    int version = (uint8_t)in.rest.p[0] >> 4;
    if (version == 4)
        seen = read_ip4(&in, ip, why);
    else if (version == 6)
        seen = read_ip6(&in, ip, why);
    else
        return other(not_ip, why);
    if (ip->payload.p)
        ip->offset = p->offset + (uint64_t)(ip->payload.p - p->bytes.p);
    return seen;
}

/* --- UDP and TCP --- */

static enum seen read_udp(const struct ip *ip, struct transport *t, const char **why) {
    const char *h = ip->payload.p;
    size_t length = be16(h + 4);
    t->from_port = be16(h);
    t->to_port = be16(h + 2);
    t->said = ip->said - 8;
    if (length >= 8 && length <= ip->said)
        t->said = length - 8;
    else if (length != 0) {
        *why = "the UDP header has a length that cannot be";
        return SEEN_BAD;
    }
    t->payload = front(behind(ip->payload, 8), t->said);
    return SEEN_WHOLE;
}

static enum seen read_tcp(const struct ip *ip, struct transport *t, const char **why) {
    const uint8_t *h = (const uint8_t *)ip->payload.p;
    size_t header = (size_t)(h[12] >> 4) * 4;
    if (header < 20 || header > ip->said) {
        *why = "the TCP header has a length that cannot be";
        return SEEN_BAD;
    }
    t->from_port = be16(h);
    t->to_port = be16(h + 2);
    t->sequence = be32(h + 4);
    t->fin = h[13] & 1;
    t->syn = h[13] & 2;
    t->rst = h[13] & 4;
    t->said = ip->said - header;
    header = header < ip->payload.n ? header : ip->payload.n;
    t->payload = behind(ip->payload, header);
    return SEEN_WHOLE;
}

enum seen packet_transport(const struct ip *ip, struct transport *t, const char **why) {
    size_t least = ip->protocol == PROTOCOL_UDP ? 8 : 20;
    *t = (struct transport){.protocol = ip->protocol};
    if (ip->protocol != PROTOCOL_UDP && ip->protocol != PROTOCOL_TCP)
        return other("a packet that is neither UDP nor TCP", why);
    if (ip->payload.n < least) {
        *why = too_short;
        return ip->said >= least ? SEEN_CUT : SEEN_BAD;
    }
    enum seen seen = ip->protocol == PROTOCOL_UDP ? read_udp(ip, t, why) : read_tcp(ip, t, why);
    if (seen != SEEN_WHOLE)
        return seen;
    t->offset = ip->offset + (uint64_t)(t->payload.p - ip->payload.p);
    return t->payload.n < t->said ? SEEN_CUT : SEEN_WHOLE;
}
