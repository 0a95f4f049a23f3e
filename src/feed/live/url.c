/* feed/live/url.c - the addresses of live sources, checked strictly; see live_int.h.
 *
 * An address that is wrong is told when it is given and not when connecting to it fails at night: each message names
 * what is wrong, and the form that is right. Names and passwords in a URL are refused, since URLs are logged; what a
 * venue wants to be told goes into what is sent after connecting.
 */
#include "feed/live/live_int.h"

#include "base/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { MOST_URL = 2048, MOST_HOST = 253, MOST_LABEL = 63 };

static const struct {
    const char *prefix, *form;
    enum live_scheme scheme;
} schemes[] = {
    {"tcp://", "tcp://HOST:PORT", LIVE_TCP},
    {"soupbintcp://", "soupbintcp://HOST:PORT", LIVE_SOUP},
    {"udp://", "udp://GROUP:PORT[,GROUP:PORT][@INTERFACE]", LIVE_UDP},
    {"ws://", "ws://HOST[:PORT]/PATH", LIVE_WS},
    {"wss://", "wss://HOST[:PORT]/PATH", LIVE_WSS},
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

static int scheme_of(const char *text) {
    for (int i = 0; text && i < SCHEMES; i++)
        if (strncasecmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            return i;
    return -1;
}

bool feed_is_live(const char *source) {
    return scheme_of(source) >= 0;
}

const char *live_scheme_at(int i, enum live_scheme *scheme) {
    if (i >= SCHEMES)
        return NULL;
    *scheme = schemes[i].scheme;
    return schemes[i].prefix;
}

static size_t scheme_length(const char *text) {
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    return n > 0 && strncmp(text + n, "://", 3) == 0 ? n + 3 : 0;
}

int feed_live_check_scheme(const char *source, struct k2_err *err) {
    const char *prefixes[SCHEMES];
    size_t n = scheme_length(source);
    if (n == 0 || feed_is_live(source))
        return K2_OK;
    struct k2_buf forms = {0};
    for (int i = 0; i < SCHEMES; i++) {
        prefixes[i] = schemes[i].prefix;
        k2_buf_printf(&forms, "%s%s", i ? ", " : "", schemes[i].form);
    }
    char *given = k2_sv_dup((struct k2_sv){source, n});
    const char *best = k2_nearest(given, prefixes, SCHEMES);
    int rc = k2_fail(err, K2_E_USAGE, "no source begins with %s%s%s%s: live sources are %s", given,
                     best ? "; did you mean " : "", best ? best : "", best ? "?" : "",
                     k2_buf_cstr(&forms));
    free(given);
    k2_buf_free(&forms);
    return rc;
}

/* --- parts --- */

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool good_label(struct k2_sv label) {
    if (label.n == 0 || label.n > MOST_LABEL || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
            return false;
    return true;
}

/* Four numbers with points between them; inet_pton knows. */
static bool ipv4(struct k2_sv text, struct in_addr *out) {
    char copy[INET_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", K2_SV_ARG(text));
    return inet_pton(AF_INET, copy, out) == 1;
}

static bool ipv6(struct k2_sv text) {
    struct in6_addr address;
    char copy[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", K2_SV_ARG(text));
    return inet_pton(AF_INET6, copy, &address) == 1;
}

static bool is_number(struct k2_sv label) {
    size_t n = 0;
    while (n < label.n && label.p[n] >= '0' && label.p[n] <= '9')
        n++;
    return n == label.n;
}

/* A name, or an IPv4 address: what ends in a number must be one (10.1.2 is no name). */
static bool good_host(struct k2_sv host) {
    struct k2_sv rest = host;
    struct in_addr address;
    bool number = false;
    if (host.n == 0 || host.n > MOST_HOST)
        return false;
    while (rest.p) {
        struct k2_sv label = k2_sv_split(&rest, '.');
        if (!good_label(label))
            return false;
        number = is_number(label);
    }
    return !number || ipv4(host, &address);
}

static int wrong(const char *what, struct k2_sv part, const char *form, struct k2_err *err) {
    struct k2_buf shown = {0};
    k2_buf_visible(&shown, k2_sv_shown(part), false);
    int rc = k2_fail(err, K2_E_INVALID, "'%s' %s; the form is %s", k2_buf_cstr(&shown), what, form);
    k2_buf_free(&shown);
    return rc;
}

static int parse_port(struct k2_sv text, const char *form, uint16_t *port, struct k2_err *err) {
    int64_t number = 0;
    bool digits = text.n > 0 && text.n <= 5;
    for (size_t i = 0; i < text.n; i++)
        digits = digits && text.p[i] >= '0' && text.p[i] <= '9';
    if (!digits || !k2_sv_i64(text, &number) || number < 1 || number > 65535)
        return wrong("is no port, which is a number from 1 to 65535", text, form, err);
    *port = (uint16_t)number;
    return K2_OK;
}

/* "HOST", "HOST:PORT", "[IPV6]:PORT"; no port: port->p is NULL. */
static int split_host(struct k2_sv place, const char *form, struct k2_sv *host, struct k2_sv *port,
                      struct k2_err *err) {
    struct k2_sv rest = place;
    if (memchr(place.p, '@', place.n))
        return k2_fail(err, K2_E_INVALID,
                       "a URL with a name or a password before the host is not taken (URLs are "
                       "logged): say them after connecting; the form is %s",
                       form);
    if (k2_sv_take(&rest, '[')) {
        *host = k2_sv_split(&rest, ']');
        if (!rest.p || !ipv6(*host) || (rest.n > 0 && rest.p[0] != ':'))
            return wrong("is no [IPv6 ADDRESS]:PORT", place, form, err);
        *port = rest.n ? (struct k2_sv){rest.p + 1, rest.n - 1} : (struct k2_sv){0};
        return K2_OK;
    }
    *host = k2_sv_split(&rest, ':');
    *port = rest;
    if (!good_host(*host))
        return wrong(host->n ? "is no host (letters, digits, '-' and '.'), nor an address"
                             : "names no host",
                     host->n ? *host : place, form, err);
    return K2_OK;
}

/* --- streams --- */

static char *print(const char *before, struct k2_sv host, const char *colon, unsigned port,
                   bool bracket) {
    struct k2_buf b = {0};
    k2_buf_printf(&b, bracket ? "%s[%.*s]" : "%s%.*s", before, K2_SV_ARG(host));
    if (port)
        k2_buf_printf(&b, "%s%u", colon, port);
    char *text = k2_sv_dup(k2_buf_view(&b));
    k2_buf_free(&b);
    return text;
}

/* The path and query of a WebSocket go into a line of a request: nothing that could end or break that line. */
static int check_path(struct k2_sv path, const char *form, struct k2_err *err) {
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '#')
            return wrong("has a fragment (#), which a WebSocket has not", path, form, err);
        if (path.p[i] <= ' ' || path.p[i] > '~')
            return wrong("has a blank or a character that a URL must write as %XX", path, form,
                         err);
    }
    return K2_OK;
}

static int parse_stream(struct k2_sv rest, const char *form, struct live_url *u,
                        struct k2_err *err) {
    bool tcp = u->scheme == LIVE_TCP || u->scheme == LIVE_SOUP;
    size_t n = 0;
    while (n < rest.n && !strchr("/?#", rest.p[n]))
        n++;
    struct k2_sv place = {rest.p, n}, path = {rest.p + n, rest.n - n}, host, port = {0};
    uint16_t number = 0;
    K2_TRY(split_host(place, form, &host, &port, err));
    if (tcp && !port.p)
        return wrong("names no port", place, form, err);
    if (tcp && path.n > 0)
        return wrong("is a path, which a TCP stream has not", path, form, err);
    K2_TRY(check_path(path, form, err));
    if (port.p)
        K2_TRY(parse_port(port, form, &number, err));
    bool bracket = place.p[0] == '[';
    const char *scheme = tcp ? "tcp://" : u->scheme == LIVE_WS ? "ws://" : "wss://";
    u->target = print(scheme, host, ":", number, bracket);
    u->host = print("", host, ":", number, bracket);
    u->path = k2_alloc(path.n + 2);
    snprintf(u->path, path.n + 2, "%s%.*s", path.n && path.p[0] == '/' ? "" : "/", K2_SV_ARG(path));
    return K2_OK;
}

/* --- udp --- */

static int parse_line(struct k2_sv text, const char *form, struct sockaddr_in *out,
                      struct k2_err *err) {
    struct k2_sv port = text, group = k2_sv_split(&port, ':');
    uint16_t number = 0;
    *out = (struct sockaddr_in){.sin_family = AF_INET};
    if (!ipv4(group, &out->sin_addr))
        return wrong("is no IPv4 address: a multicast group (224.0.0.0 to 239.255.255.255), or an "
                     "address of this machine",
                     group, form, err);
    if (!port.p)
        return wrong("names no port", text, form, err);
    K2_TRY(parse_port(port, form, &number, err));
    out->sin_port = htons(number);
    return K2_OK;
}

static int parse_interface(struct k2_sv text, const char *form, struct live_url *u,
                           struct k2_err *err) {
    bool good = text.n > 0 && text.n < sizeof u->interface;
    for (size_t i = 0; i < text.n; i++)
        good = good && text.p[i] > ' ' && text.p[i] <= '~' && text.p[i] != '/';
    if (!good)
        return wrong("is no interface, which is a name (eth0) or its IPv4 address", text, form,
                     err);
    snprintf(u->interface, sizeof u->interface, "%.*s", K2_SV_ARG(text));
    return K2_OK;
}

static int parse_udp(struct k2_sv rest, const char *form, struct live_url *u, struct k2_err *err) {
    struct k2_sv interface = rest, lines = k2_sv_split(&interface, '@');
    while (lines.p) {
        struct k2_sv line = k2_sv_split(&lines, ',');
        if (u->n_lines == LIVE_LINES)
            return wrong("is a third line; there are A and B", line, form, err);
        K2_TRY(parse_line(line, form, &u->lines[u->n_lines++], err));
    }
    if (u->n_lines == 2 && u->lines[0].sin_addr.s_addr == u->lines[1].sin_addr.s_addr &&
        u->lines[0].sin_port == u->lines[1].sin_port)
        return wrong("names the same line twice", rest, form, err);
    return interface.p ? parse_interface(interface, form, u, err) : K2_OK;
}

/* --- all of it --- */

int live_url_parse(const char *text, struct live_url *out, struct k2_err *err) {
    *out = (struct live_url){0};
    int i = scheme_of(text);
    size_t n = text ? strlen(text) : 0;
    if (i < 0)
        return wrong(
            "is no live source", k2_sv_of(text),
            "tcp://HOST:PORT, soupbintcp://HOST:PORT, "
            "udp://GROUP:PORT[,GROUP:PORT][@INTERFACE], ws://HOST[:PORT]/PATH or wss://...",
            err);
    if (n > MOST_URL)
        return wrong("goes on for more than 2048 bytes", k2_sv_of(text), schemes[i].form, err);
    out->scheme = schemes[i].scheme;
    struct k2_sv rest = k2_sv_of(text + strlen(schemes[i].prefix));
    int rc = out->scheme == LIVE_UDP ? parse_udp(rest, schemes[i].form, out, err)
                                     : parse_stream(rest, schemes[i].form, out, err);
    if (rc == K2_OK)
        out->text = k2_strdup(text);
    else
        live_url_free(out);
    return rc;
}

int live_place_parse(const char *text, const char *scheme, struct live_place *out,
                     struct k2_err *err) {
    char form[64];
    struct k2_sv rest = k2_sv_of(text + strlen(scheme)), host, port = {0};
    uint16_t number = 0;
    *out = (struct live_place){0};
    snprintf(form, sizeof form, "%sHOST:PORT", scheme);
    K2_TRY(split_host(rest, form, &host, &port, err));
    if (!port.p)
        return wrong("names no port", rest, form, err);
    K2_TRY(parse_port(port, form, &number, err));
    out->host = k2_sv_dup(host);
    snprintf(out->port, sizeof out->port, "%u", (unsigned)number);
    return K2_OK;
}

void live_place_free(struct live_place *p) {
    free(p->host);
    *p = (struct live_place){0};
}

void live_url_free(struct live_url *u) {
    free(u->text);
    free(u->target);
    free(u->host);
    free(u->path);
    *u = (struct live_url){0};
}
