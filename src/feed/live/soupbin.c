/* feed/live/soupbin.c - links that are SoupBinTCP sessions, version 4.1 of Nasdaq. See live_int.h.
 *
 * A packet is its length (2 bytes, big-endian, of what follows), its type (1 byte) and a payload. Text is left-aligned,
 * numbers are ASCII digits, right-aligned; both are padded with blanks.
 *
 *   2.3.1 L  login request      username 6, password 10, requested session 10 (blank = the one under way), requested
 *                               sequence number 20 (the first message wanted; 0 = only what is new)
 *   2.2.1 A  login accepted     session 10, number of the next sequenced message 20
 *   2.2.2 J  login rejected     reason 1: A not authorised, S there is no such session
 *   2.2.3 S  sequenced data     a message; it has the next number, which no packet says
 *   2.2.4 H  server heartbeat, 2.3.3 R client heartbeat: after a second without another packet; who hears nothing for
 *                               15 seconds ends the connection
 *   2.2.5 Z  end of session     2.3.4 O logout request
 *
 * A connection that is made again asks from the next message that was not received, so that nothing is missed while there
 * was none. When the session that it asks for is gone, the one under way is taken from its beginning.
 */
#include "feed/live/soupbin.h"

#include "feed/live/live_int.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    USER = 6,
    PASSWORD = 10,
    NUMBER = 20,
    LOGIN = 1 + USER + PASSWORD + FEED_SOUP_SESSION + NUMBER
};

struct live_soup {
    bool asked;
    struct k2_buf in; /* received before the login was accepted */
};

/* --- which numbers the bytes have --- */

bool feed_soup_accepted(struct k2_sv answer, char session[FEED_SOUP_SESSION + 1], int64_t *next) {
    if (answer.n != FEED_SOUP_ANSWER)
        return false;
    struct k2_sv name = k2_sv_trim((struct k2_sv){answer.p, FEED_SOUP_SESSION});
    struct k2_sv number = k2_sv_trim((struct k2_sv){answer.p + FEED_SOUP_SESSION, NUMBER});
    if (!k2_sv_i64(number, next) || *next < 1)
        return false;
    snprintf(session, FEED_SOUP_SESSION + 1, "%.*s", K2_SV_ARG(name));
    return true;
}

void feed_soup_begin(struct feed_soup *s) {
    s->accepted = s->ended = false;
    s->rejected = 0;
    s->head_n = s->left = s->answer_n = 0;
}

static void end_packet(struct feed_soup *s) {
    struct k2_sv answer = {s->answer, s->answer_n};
    switch (s->head[2]) {
    case 'A':
        s->accepted = feed_soup_accepted(answer, s->session, &s->next);
        break;
    case 'J':
        s->rejected = '?';
        if (answer.n)
            s->rejected = answer.p[0];
        break;
    case 'S':
        s->next += s->next > 0;
        break;
    case 'Z':
        s->ended = true;
        break;
    default:
        break;
    }
    s->head_n = s->answer_n = 0;
}

static size_t take_head(struct feed_soup *s, struct k2_sv bytes) {
    s->head[s->head_n++] = bytes.p[0];
    size_t length = (size_t)((uint8_t)s->head[0] << 8 | (uint8_t)s->head[1]);
    if (s->head_n == 2 && length == 0) /* no packet is empty: the decoder refuses it */
        s->head_n = 0;
    if (s->head_n < 3)
        return 1;
    s->left = length - 1;
    if (s->left == 0)
        end_packet(s);
    return 1;
}

static size_t take_payload(struct feed_soup *s, struct k2_sv bytes) {
    size_t n = bytes.n < s->left ? bytes.n : s->left;
    size_t room = sizeof s->answer - s->answer_n, kept = n < room ? n : room;
    memcpy(s->answer + s->answer_n, bytes.p, kept);
    s->answer_n += kept;
    s->left -= n;
    if (s->left == 0)
        end_packet(s);
    return n;
}

void feed_soup_take(struct feed_soup *s, struct k2_sv bytes) {
    for (size_t at = 0; at < bytes.n;) {
        struct k2_sv rest = {bytes.p + at, bytes.n - at};
        at += s->head_n < 3 ? take_head(s, rest) : take_payload(s, rest);
    }
}

/* --- the login --- */

static int wrong_login(const char *what, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID,
                   "what is said to a SoupBinTCP server is USER PASSWORD [SESSION [NUMBER]]: %s",
                   what);
}

/* It holds a password: no message shows it. */
int live_soup_login(const char *text, struct live_login *out, struct k2_err *err) {
    struct k2_sv rest = k2_sv_trim(k2_sv_of(text)), words[4] = {{0}};
    int n = 0;
    for (; rest.n && n < 4; n++) {
        words[n] = k2_sv_split(&rest, ' ');
        rest = k2_sv_trim(rest);
    }
    *out = (struct live_login){.number = 1};
    if (n < 2 || rest.n)
        return wrong_login("it has 2 to 4 words", err);
    if (words[0].n > USER || words[1].n > PASSWORD || words[2].n > FEED_SOUP_SESSION)
        return wrong_login("a user has at most 6 characters, a password 10, a session 10", err);
    if (n == 4 && (!k2_sv_i64(words[3], &out->number) || out->number < 0))
        return wrong_login("the number is that of the first message, or 0", err);
    snprintf(out->user, sizeof out->user, "%.*s", K2_SV_ARG(words[0]));
    snprintf(out->password, sizeof out->password, "%.*s", K2_SV_ARG(words[1]));
    snprintf(out->session, sizeof out->session, "%.*s", K2_SV_ARG(words[2]));
    return K2_OK;
}

static void put_login(const struct feed_live *l, struct k2_buf *out) {
    const struct live_login *g = &l->login;
    bool known = l->soup.next > 0 && (!g->session[0] || strcmp(g->session, l->soup.session) == 0);
    k2_buf_byte(out, 0);
    k2_buf_byte(out, LOGIN);
    k2_buf_printf(out, "L%-6s%-10s%-10s%20" PRId64, g->user, g->password,
                  known ? l->soup.session : g->session, known ? l->soup.next : g->number);
}

static int rejected(struct feed_live *l, struct k2_err *err) {
    char why = l->soup.rejected; /* see the head */
    bool remembered = why == 'S' && l->soup.next > 0;
    if (remembered) /* it is over, and so is what is known of it */
        l->soup.next = 0;
    k2_fail_(err, K2_E_IO, "the server rejects the login: %s",
             why == 'A'   ? "not authorised (user or password)"
             : remembered ? "the session that was received is over; the one under way is asked for"
             : why == 'S' ? "there is no such session"
                          : "it does not say why");
    if (err)
        err->retriable = true;
    return K2_E_IO;
}

static int hear_answer(struct live_link *k, struct k2_err *err) {
    struct live_soup *s = k->soup;
    struct feed_soup *soup = &k->live->soup;
    size_t n = 0;
    K2_TRY(live_stream_read(k, k2_buf_need(&s->in, LIVE_READ_BYTES), LIVE_READ_BYTES, &n, err));
    feed_soup_take(soup, (struct k2_sv){(char *)s->in.p + s->in.n, n});
    s->in.n += n;
    if (soup->rejected)
        return rejected(k->live, err);
    if (!soup->accepted && k2_monotonic_ns() > k->up_ns)
        return k2_fail(err, K2_E_IO, "the server did not answer the SoupBinTCP login in %d ms",
                       LIVE_CONNECT_MS);
    return K2_OK;
}

/* --- the link --- */

static int begin(struct live_link *k, struct k2_err *err) {
    k->soup = k2_zalloc(sizeof *k->soup);
    feed_soup_begin(&k->live->soup);
    k->up_ns = k2_monotonic_ns() + LIVE_CONNECT_MS * K2_NS_PER_MS; /* until it is up: its limit */
    return live_stream_begin(k, err);
}

static int step(struct live_link *k, bool *up, struct k2_err *err) {
    bool connected = false;
    *up = false;
    K2_TRY(live_stream_step(k, &connected, err));
    if (!connected)
        return K2_OK;
    if (!k->soup->asked)
        put_login(k->live, &k->out);
    k->soup->asked = true;
    K2_TRY(live_stream_flush(k, err));
    K2_TRY(hear_answer(k, err));
    *up = k->live->soup.accepted;
    return K2_OK;
}

static int read_some(struct live_link *k, size_t max, struct k2_err *err) {
    struct feed_soup *soup = &k->live->soup;
    char bytes[LIVE_READ_BYTES];
    size_t n = 1;
    if (k->soup->in.n > 0)
        live_push(k, LIVE_STREAM, k2_buf_view(&k->soup->in), k2_now_ns(), 0);
    k->soup->in.n = 0;
    while (n > 0 && !soup->ended && !live_queue_full(&k->live->queue, max)) {
        K2_TRY(live_stream_read(k, bytes, sizeof bytes, &n, err));
        feed_soup_take(soup, (struct k2_sv){bytes, n});
        if (n > 0)
            live_push(k, LIVE_STREAM, (struct k2_sv){bytes, n}, k2_now_ns(), 0);
    }
    return soup->ended ? k2_fail(err, K2_E_IO, "the venue ended the session %s", soup->session)
                       : K2_OK;
}

static void put_packet(struct live_link *k, char type) {
    k2_buf_byte(&k->out, 0);
    k2_buf_byte(&k->out, 1);
    k2_buf_byte(&k->out, (uint8_t)type);
}

static int beat(struct live_link *k, struct k2_err *err) {
    put_packet(k, 'R');
    return live_stream_flush(k, err);
}

static int64_t beat_ns(const struct live_link *k) {
    (void)k;
    return K2_NS_PER_SEC;
}

static void end(struct live_link *k, bool polite) {
    if (k->soup && polite && k->phase == LIVE_UP) {
        put_packet(k, 'O');
        (void)!live_stream_flush(k, NULL); /* it ends either way */
    }
    live_stream_end(k);
    if (k->soup)
        k2_buf_free(&k->soup->in);
    free(k->soup);
    k->soup = NULL;
}

const struct live_ops live_soupbin = {
    .begin = begin,
    .step = step,
    .read = read_some,
    .flush = live_stream_flush,
    .beat = beat,
    .beat_ns = beat_ns,
    .end = end,
    .silence_ns = 15 * K2_NS_PER_SEC,
};
