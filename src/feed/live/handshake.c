/* feed/live/handshake.c - the beginning of a WebSocket; see live_int.h.
 *
 * RFC 6455 section 4.1: the client sends a GET with a random key; the server's answer is 101 and proves with
 * Sec-WebSocket-Accept = base64(SHA-1(key + GUID)) that it is a WebSocket server and no cache that repeats an old answer.
 * Nothing is offered (no extension, no subprotocol), so the answer may name none. SHA-1 (RFC 3174) is here because of
 * this only: nothing is kept secret or safe by it.
 */
#include "feed/live/live_int.h"

#include <stdio.h>
#include <strings.h>
#include <sys/random.h>

enum { MOST_HEAD = 16 << 10, SHA1_BYTES = 20, SHA1_BLOCK = 64 };

/* --- SHA-1 and base64 --- */

static uint32_t roll(uint32_t x, int by) {
    return x << by | x >> (32 - by);
}

/* RFC 3174 section 5: f(t) and K(t). */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20)
        return ((b & c) | (~b & d)) + 0x5a827999U;
    if (t < 40)
        return (b ^ c ^ d) + 0x6ed9eba1U;
    if (t < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcU;
    return (b ^ c ^ d) + 0xca62c1d6U;
}

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void add_block(uint32_t h[5], const uint8_t block[SHA1_BLOCK]) {
    uint32_t w[80], v[5];
    for (size_t t = 0; t < 16; t++)
        w[t] = big_endian(block + 4 * t);
    for (int t = 16; t < 80; t++)
        w[t] = roll(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(v, h, sizeof v);
    for (int t = 0; t < 80; t++) {
        uint32_t next = roll(v[0], 5) + mix(t, v[1], v[2], v[3]) + v[4] + w[t];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = roll(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (int i = 0; i < 5; i++)
        h[i] += v[i];
}

static void sha1(struct k2_sv text, uint8_t out[SHA1_BYTES]) {
    uint32_t h[5] = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
    uint8_t block[SHA1_BLOCK] = {0};
    size_t whole = text.n / SHA1_BLOCK, rest = text.n % SHA1_BLOCK;
    for (size_t i = 0; i < whole; i++)
        add_block(h, (const uint8_t *)text.p + i * SHA1_BLOCK);
    memcpy(block, text.p + whole * SHA1_BLOCK, rest);
    block[rest] = 0x80;
    if (rest >= SHA1_BLOCK - 8) {
        add_block(h, block);
        memset(block, 0, sizeof block);
    }
    for (int i = 0; i < 8; i++)
        block[SHA1_BLOCK - 1 - i] = (uint8_t)((uint64_t)text.n * 8 >> 8 * i);
    add_block(h, block);
    for (int i = 0; i < SHA1_BYTES; i++)
        out[i] = (uint8_t)(h[i / 4] >> 8 * (3 - i % 4));
}

static void base64(const uint8_t *bytes, size_t n, char *out) {
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0U) |
                         (i + 2 < n ? bytes[i + 2] : 0U);
        *out++ = digits[three >> 18];
        *out++ = digits[three >> 12 & 63];
        *out++ = digits[i + 1 < n ? three >> 6 & 63 : 64];
        *out++ = digits[i + 2 < n ? three & 63 : 64];
    }
    *out = 0;
}

/* --- the request --- */

static bool same(struct k2_sv a, const char *b) {
    return a.n == strlen(b) && strncasecmp(a.p, b, a.n) == 0;
}

void live_handshake_key(char key[LIVE_KEY_TEXT]) {
    uint8_t bytes[16];
    K2_ASSERT(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
    base64(bytes, sizeof bytes, key);
}

void live_handshake_accept(const char *key, char out[29]) {
    char text[LIVE_KEY_TEXT + 40];
    uint8_t hash[SHA1_BYTES];
    snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(k2_sv_of(text), hash);
    base64(hash, sizeof hash, out);
}

/* RFC 7230 section 3.2.6: the characters of a token. */
static size_t name_length(const char *header) {
    return strspn(header, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                          "!#$%&'*+-.^_`|~");
}

static bool is_named(const char *header, const char *name) {
    return same((struct k2_sv){header, name_length(header)}, name);
}

void live_handshake_request(const struct live_url *u, const char *key, char *const *headers,
                            struct k2_buf *out) {
    k2_buf_printf(out,
                  "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n",
                  u->path, u->host, key);
    bool named = false;
    for (; headers && *headers; headers++) {
        named |= is_named(*headers, "user-agent");
        k2_buf_printf(out, "%s\r\n", *headers);
    }
    k2_buf_str(out, named ? "\r\n" : "User-Agent: k2/" K2_VERSION "\r\n\r\n");
}

int live_handshake_header(const char *header, struct k2_err *err) {
    static const char *const ours[] = {"host", "upgrade", "connection", "content-length",
                                       "transfer-encoding"};
    size_t n = name_length(header);
    const char *value = header + n + (header[n] == ':');
    if (n == 0 || header[n] != ':' || value[strspn(value, " \t")] == 0)
        return k2_fail(err, K2_E_INVALID, "a header is NAME: VALUE, such as X-Api-Key: 1234");
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return k2_fail(err, K2_E_INVALID, "the value of header %.*s is one line of plain text",
                           (int)n, header);
    bool taken = strncasecmp(header, "sec-websocket-", strlen("sec-websocket-")) == 0;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        taken |= is_named(header, ours[i]);
    if (taken)
        return k2_fail(err, K2_E_INVALID, "header %.*s is one of the handshake's own", (int)n,
                       header);
    return K2_OK;
}

/* --- the answer --- */

/* One of the words between commas. */
static bool has_word(struct k2_sv list, const char *word) {
    while (list.p)
        if (same(k2_sv_trim(k2_sv_split(&list, ',')), word))
            return true;
    return false;
}

/* Where the empty line ends; 0 = it is not there yet. */
static size_t end_of_head(struct k2_sv bytes) {
    const char *at = bytes.n ? memmem(bytes.p, bytes.n, "\r\n\r\n", 4) : NULL;
    return at ? (size_t)(at - bytes.p) + 4 : 0;
}

static int no_websocket(const char *what, struct k2_sv shown, struct k2_err *err) {
    struct k2_buf text = {0};
    k2_buf_visible(&text, k2_sv_shown(shown), false);
    int rc = k2_fail(err, K2_E_INVALID, "the server does not speak WebSocket (RFC 6455): %s%s%s%s",
                     what, shown.n ? " '" : "", k2_buf_cstr(&text), shown.n ? "'" : "");
    k2_buf_free(&text);
    return rc;
}

/* Answers other than 101: what the venue says, since it is the reason to be read ("429 Too Many Requests"). */
static int refused(struct k2_sv status, struct k2_sv location, struct k2_err *err) {
    struct k2_buf text = {0};
    k2_buf_visible(&text, k2_sv_shown(status), false);
    if (location.n) {
        k2_buf_str(&text, ", which has moved to ");
        k2_buf_visible(&text, k2_sv_shown(location), false);
        k2_buf_str(&text, ": use that URL");
    }
    k2_fail_(err, K2_E_IO, "the server refuses the WebSocket: %s", k2_buf_cstr(&text));
    if (err)
        err->retriable = true;
    k2_buf_free(&text);
    return K2_E_IO;
}

struct headers {
    struct k2_sv upgrade, connection, accept, extension, protocol, location;
};

static int read_headers(struct k2_sv head, struct headers *h, struct k2_err *err) {
    while (head.p) {
        struct k2_sv value = k2_sv_trim(k2_sv_split(&head, '\n')), line = value;
        if (line.n == 0)
            continue;
        struct k2_sv name = k2_sv_split(&value, ':');
        if (!value.p || name.n == 0)
            return no_websocket("this is no header:", line, err);
        value = k2_sv_trim(value);
        if (same(name, "upgrade"))
            h->upgrade = value;
        else if (same(name, "connection"))
            h->connection = value;
        else if (same(name, "sec-websocket-accept"))
            h->accept = value;
        else if (same(name, "sec-websocket-extensions"))
            h->extension = value;
        else if (same(name, "sec-websocket-protocol"))
            h->protocol = value;
        else if (same(name, "location"))
            h->location = value;
    }
    return K2_OK;
}

static int check_headers(const struct headers *h, const char *key, struct k2_err *err) {
    char accept[29];
    live_handshake_accept(key, accept);
    if (!has_word(h->upgrade, "websocket"))
        return no_websocket("its Upgrade header is", h->upgrade, err);
    if (!has_word(h->connection, "upgrade"))
        return no_websocket("its Connection header is", h->connection, err);
    if (!k2_sv_eq(h->accept, k2_sv_of(accept)))
        return no_websocket("its Sec-WebSocket-Accept does not answer our key:", h->accept, err);
    if (h->extension.n)
        return no_websocket("it uses an extension that was not offered:", h->extension, err);
    if (h->protocol.n)
        return no_websocket("it uses a subprotocol that was not offered:", h->protocol, err);
    return K2_OK;
}

int live_handshake_answer(struct k2_sv bytes, const char *key, size_t *head, struct k2_err *err) {
    struct k2_sv start = {bytes.p, bytes.n < 5 ? bytes.n : 5};
    *head = 0;
    if (!k2_sv_starts(K2_SV("HTTP/"), start))
        return no_websocket("its answer begins with", bytes, err);
    size_t n = end_of_head(bytes);
    if (n > MOST_HEAD || (n == 0 && bytes.n > MOST_HEAD))
        return no_websocket("the head of its answer is longer than 16 KB", (struct k2_sv){0}, err);
    if (n == 0)
        return K2_OK;
    struct k2_sv rest = {bytes.p, n}, line = k2_sv_trim(k2_sv_split(&rest, '\n')), status = line;
    struct k2_sv version = k2_sv_split(&status, ' ');
    struct headers h = {0};
    K2_TRY(read_headers(rest, &h, err));
    if (!k2_sv_eq(version, K2_SV("HTTP/1.1")) || !status.p || status.n < 3)
        return no_websocket("its answer is", line, err);
    if (!k2_sv_starts(status, K2_SV("101")) || (status.n > 3 && status.p[3] != ' '))
        return refused(status, h.location, err);
    K2_TRY(check_headers(&h, key, err));
    *head = n;
    return K2_OK;
}
