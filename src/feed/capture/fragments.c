/* feed/capture/fragments.c - IP datagrams put together from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5).
 *
 * Bounded: at most PENDING_MAX datagrams of 64 KiB are waited for, each for WAIT_NS of the capture's time; then it
 * is given up. Which bytes are there is kept in units of 8, as the wire counts them; of bytes that come twice the
 * later ones count.
 */
#include "feed/capture/frames_int.h"

#include <stdlib.h>

#define PENDING_MAX 64
#define DATAGRAM_MAX ((size_t)65535)
#define UNITS ((DATAGRAM_MAX + 7) / 8)
#define WAIT_NS (30 * K2_NS_PER_SEC)

struct pending {
    bool used;
    struct address from, to;
    uint8_t protocol;
    uint32_t id;
    int64_t time_ns, number; /* of the packet that came first */
    uint64_t offset;         /* of the fragment at 0, before that of the one that came first */
    struct k2_buf bytes;
    uint8_t have[(UNITS + 7) / 8];
    size_t units; /* that are there */
    size_t end;   /* bytes of the whole; 0 = the last fragment did not come yet */
};

struct fragments {
    struct pending at[PENDING_MAX];
    int used;
    struct k2_buf whole; /* the last datagram that became it */
};

struct fragments *fragments_new(void) {
    return k2_zalloc(sizeof(struct fragments));
}

void fragments_free(struct fragments *s) {
    if (!s)
        return;
    for (int i = 0; i < PENDING_MAX; i++)
        k2_buf_free(&s->at[i].bytes);
    k2_buf_free(&s->whole);
    free(s);
}

static void forget(struct fragments *s, struct pending *d) {
    struct k2_buf kept = d->bytes; /* its room is used again */
    kept.n = 0;
    *d = (struct pending){.bytes = kept};
    s->used--;
}

static int give_up(struct fragments *s, struct pending *d, fragment_lost_fn *lost, void *ctx,
                   struct k2_err *err) {
    const struct fragment_lost l = {k2_buf_view(&d->bytes), d->offset, d->number};
    int rc = lost(ctx, &l, err);
    forget(s, d);
    return rc;
}

static int give_up_old(struct fragments *s, int64_t now_ns, fragment_lost_fn *lost, void *ctx,
                       struct k2_err *err) {
    for (int i = 0; i < PENDING_MAX && s->used > 0 && now_ns != K2_NULL_LONG; i++) {
        struct pending *d = &s->at[i];
        if (d->used && d->time_ns != K2_NULL_LONG && now_ns - d->time_ns > WAIT_NS)
            K2_TRY(give_up(s, d, lost, ctx, err));
    }
    return K2_OK;
}

static bool is_of(const struct pending *d, const struct ip *ip) {
    return d->used && d->id == ip->fragment_id && d->protocol == ip->protocol &&
           memcmp(&d->from, &ip->from, sizeof d->from) == 0 &&
           memcmp(&d->to, &ip->to, sizeof d->to) == 0;
}

static struct pending *oldest(struct fragments *s) {
    struct pending *best = &s->at[0];
    for (int i = 1; i < PENDING_MAX; i++)
        if (s->at[i].number < best->number)
            best = &s->at[i];
    return best;
}

static void begin(struct fragments *s, struct pending *d, const struct packet *p,
                  const struct ip *ip) {
    d->used = true;
    d->from = ip->from;
    d->to = ip->to;
    d->protocol = ip->protocol;
    d->id = ip->fragment_id;
    d->time_ns = p->time_ns;
    d->number = p->number;
    d->offset = ip->offset;
    s->used++;
}

/* The datagram of the fragment, a new one if need be. */
static int find(struct fragments *s, const struct packet *p, const struct ip *ip,
                struct pending **out, fragment_lost_fn *lost, void *ctx, struct k2_err *err) {
    struct pending *unused = NULL;
    for (int i = 0; i < PENDING_MAX; i++) {
        *out = &s->at[i];
        if (is_of(*out, ip))
            return K2_OK;
        if (!unused && !s->at[i].used)
            unused = &s->at[i];
    }
    int rc = K2_OK;
    if (!unused) {
        unused = oldest(s);
        rc = give_up(s, unused, lost, ctx, err);
    }
    begin(s, unused, p, ip);
    *out = unused;
    return rc;
}

static void add(struct pending *d, const struct ip *ip) {
    size_t end = ip->fragment_at + ip->payload.n;
    if (d->bytes.n < end) {
        size_t more = end - d->bytes.n;
        memset(k2_buf_need(&d->bytes, more), 0, more);
        d->bytes.n = end;
    }
    memcpy(d->bytes.p + ip->fragment_at, ip->payload.p, ip->payload.n);
    for (size_t u = ip->fragment_at / 8; u < (end + 7) / 8; u++) {
        uint8_t bit = (uint8_t)(1 << (u & 7));
        d->units += (d->have[u / 8] & bit) == 0;
        d->have[u / 8] |= bit;
    }
    if (ip->fragment_at == 0)
        d->offset = ip->offset;
    if (!ip->more_fragments)
        d->end = end;
}

/* Two ends that differ, or bytes behind the end, never become whole and are given up in the end. */
static bool is_whole(const struct pending *d) {
    return d->end > 0 && d->end == d->bytes.n && d->units == (d->end + 7) / 8;
}

int fragments_add(struct fragments *s, const struct packet *p, struct ip *ip, bool *whole,
                  fragment_lost_fn *lost, void *ctx, struct k2_err *err) {
    struct pending *d;
    *whole = false;
    K2_TRY(give_up_old(s, p->time_ns, lost, ctx, err));
    if (ip->payload.n == 0 || ip->fragment_at + ip->payload.n > DATAGRAM_MAX) {
        const struct fragment_lost l = {ip->payload, ip->offset, p->number};
        return lost(ctx, &l, err);
    }
    K2_TRY(find(s, p, ip, &d, lost, ctx, err));
    add(d, ip);
    if (!is_whole(d))
        return K2_OK;
    struct k2_buf swap = s->whole;
    s->whole = d->bytes;
    d->bytes = swap;
    ip->payload = k2_buf_view(&s->whole);
    ip->said = ip->payload.n;
    ip->offset = d->offset;
    ip->fragment = false;
    forget(s, d);
    *whole = true;
    return K2_OK;
}

int fragments_end(struct fragments *s, fragment_lost_fn *lost, void *ctx, struct k2_err *err) {
    int rc = K2_OK;
    for (int i = 0; i < PENDING_MAX && rc == K2_OK && s->used > 0; i++)
        if (s->at[i].used)
            rc = give_up(s, &s->at[i], lost, ctx, err);
    return rc;
}
