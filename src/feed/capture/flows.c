/* feed/capture/flows.c - the conversations in a capture: their numbers, their names, and the state of those by TCP.
 *
 * A UDP flow is all that is sent to one address and port; a TCP flow is one direction of one connection. At most
 * FLOWS_MAX are known; for a new one the one that rested longest is forgotten, and has another number if it
 * turns up again. A connection of a raw capture is a flow too: its number is its address, and it is named by its URL.
 */
#include "feed/capture/frames_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#define URL_MOST 1024 /* bytes of a name that are kept */

struct flow_key {
    struct address from, to; /* from: TCP only */
    uint16_t from_port, to_port;
    uint8_t protocol, unused;
};

struct flow {
    struct flow_key key;
    uint32_t id;
    uint64_t used; /* turn of the last use */
    char *name;
    struct tcp tcp;
    UT_hash_handle hh;
};

struct flows {
    struct flow *table, *last; /* last: the one found last */
    uint32_t next_id;
    uint64_t turn;
    size_t waiting_bytes; /* of all TCP flows */
};

struct flows *flows_new(void) {
    return k2_zalloc(sizeof(struct flows));
}

static void flow_free(struct flow *w) {
    tcp_free(&w->tcp);
    free(w->name);
    free(w);
}

void flows_free(struct flows *s) {
    if (!s)
        return;
    struct flow *w = s->table;
    HASH_CLEAR(hh, s->table);
    for (struct flow *next; w; w = next) {
        next = w->hh.next;
        flow_free(w);
    }
    free(s);
}

static struct flow_name name_of(const struct flow *w) {
    return (struct flow_name){w->id, k2_sv_of(w->name)};
}

/* --- names --- */

static void put_address(struct k2_buf *out, const struct address *a, uint16_t port) {
    char text[INET6_ADDRSTRLEN] = "";
    bool six = a->version == 6;
    (void)inet_ntop(six ? AF_INET6 : AF_INET, a->at, text, sizeof text);
    k2_buf_printf(out, six ? "[%s]:%u" : "%s:%u", text, port);
}

static char *make_name(const struct flow_key *k) {
    struct k2_buf out = {0};
    k2_buf_str(&out, k->protocol == PROTOCOL_TCP ? "tcp://" : "udp://");
    if (k->protocol == PROTOCOL_TCP) {
        put_address(&out, &k->from, k->from_port);
        k2_buf_byte(&out, '>');
    }
    put_address(&out, &k->to, k->to_port);
    char *name = k2_strdup(k2_buf_cstr(&out));
    k2_buf_free(&out);
    return name;
}

/* --- the table --- */

static struct flow_key key_of(const struct ip *ip, const struct transport *t) {
    struct flow_key k;
    memset(&k, 0, sizeof k); /* also what lies between its members: it is hashed as bytes */
    k.to = ip->to;
    k.to_port = t->to_port;
    k.protocol = t->protocol;
    if (t->protocol == PROTOCOL_TCP) {
        k.from = ip->from;
        k.from_port = t->from_port;
    }
    return k;
}

static struct flow *look_up(struct flows *s, const struct flow_key *k) {
    struct flow *w = s->last;
    if (!w || memcmp(&w->key, k, sizeof *k) != 0)
        HASH_FIND(hh, s->table, k, sizeof *k, w);
    if (w)
        w->used = ++s->turn;
    s->last = w;
    return w;
}

/* Takes the name. */
static struct flow *add(struct flows *s, const struct flow_key *k, char *name) {
    struct flow *w = k2_zalloc(sizeof *w);
    w->key = *k;
    w->id = s->next_id++;
    w->name = name;
    w->used = ++s->turn;
    w->tcp.waiting_all = &s->waiting_bytes;
    HASH_ADD(hh, s->table, key, sizeof w->key, w);
    s->last = w;
    return w;
}

/* Takes the one out that rested longest, if there are too many; the caller frees it. */
static struct flow *take_rested(struct flows *s) {
    struct flow *w, *next, *best = NULL;
    if (HASH_COUNT(s->table) < FLOWS_MAX)
        return NULL;
    HASH_ITER(hh, s->table, w, next) {
        if (!best || w->used < best->used)
            best = w;
    }
    HASH_DEL(s->table, best);
    K2_ASSERT(s->table != best); /* the analyser does not see it */
    s->last = NULL;
    return best;
}

static int end_flow(struct flow *w, struct feed_frames *f, struct k2_err *err) {
    return w->key.protocol == PROTOCOL_TCP ? tcp_end(&w->tcp, f, name_of(w), err) : K2_OK;
}

static int make_room(struct flows *s, struct feed_frames *f, struct k2_err *err) {
    struct flow *rested = take_rested(s);
    if (!rested)
        return K2_OK;
    int rc = end_flow(rested, f, err);
    flow_free(rested);
    return rc;
}

int flows_datagram(struct flows *s, struct feed_frames *f, const struct ip *ip,
                   const struct transport *t, struct flow_name *name, struct k2_err *err) {
    struct flow_key k = key_of(ip, t);
    struct flow *w = look_up(s, &k);
    if (!w) {
        K2_TRY(make_room(s, f, err));
        w = add(s, &k, make_name(&k));
    }
    *name = name_of(w);
    return K2_OK;
}

/* Between the same ports another connection begins: a conversation of its own. */
static void renew(struct flows *s, struct flow *w) {
    tcp_free(&w->tcp);
    w->tcp.waiting_all = &s->waiting_bytes;
    w->id = s->next_id++;
}

int flows_segment(struct flows *s, struct feed_frames *f, const struct packet *p,
                  const struct ip *ip, const struct transport *t, struct k2_err *err) {
    struct flow_key k = key_of(ip, t);
    struct flow *w = look_up(s, &k);
    if (w && tcp_is_new(&w->tcp, t)) {
        K2_TRY(end_flow(w, f, err));
        renew(s, w);
    }
    if (!w) {
        K2_TRY(make_room(s, f, err));
        w = add(s, &k, make_name(&k));
    }
    return tcp_segment(&w->tcp, f, name_of(w), p, t, err);
}

/* --- connections of a raw capture --- */

static struct flow_key key_of_connection(int64_t connection) {
    struct flow_key k;
    memset(&k, 0, sizeof k);
    k2_put_u64(k.from.at, (uint64_t)connection);
    k.protocol = PROTOCOL_TCP;
    return k;
}

static int find_connection(struct flows *s, struct feed_frames *f, int64_t connection,
                           struct k2_sv url, struct flow **out, struct k2_err *err) {
    struct flow_key k = key_of_connection(connection);
    struct flow *w = look_up(s, &k);
    if (!w) {
        K2_TRY(make_room(s, f, err));
        w = add(s, &k, k2_sv_dup(front(url, URL_MOST)));
    }
    *out = w;
    return K2_OK;
}

int flows_connection(struct flows *s, struct feed_frames *f, int64_t connection, struct k2_sv url,
                     struct flow_name *name, struct k2_err *err) {
    struct flow *w = NULL;
    K2_TRY(find_connection(s, f, connection, url, &w, err));
    *name = name_of(w);
    return K2_OK;
}

int flows_stream(struct flows *s, struct feed_frames *f, int64_t connection, const struct place *at,
                 struct k2_sv bytes, struct k2_err *err) {
    struct flow *w = NULL;
    K2_TRY(find_connection(s, f, connection, K2_SV(""), &w, err));
    return tcp_bytes(&w->tcp, f, name_of(w), at, bytes, err);
}

int flows_disconnect(struct flows *s, struct feed_frames *f, int64_t connection,
                     struct k2_err *err) {
    struct flow_key k = key_of_connection(connection);
    struct flow *w = look_up(s, &k);
    if (!w)
        return K2_OK;
    int rc = end_flow(w, f, err);
    HASH_DEL(s->table, w);
    s->last = NULL;
    flow_free(w);
    return rc;
}

int flows_end(struct flows *s, struct feed_frames *f, struct k2_err *err) {
    struct flow *w, *next;
    HASH_ITER(hh, s->table, w, next) {
        K2_TRY(end_flow(w, f, err));
    }
    return K2_OK;
}
