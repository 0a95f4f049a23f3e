/* feed/venue/json_packed.c - messages that came packed; see json_lines.h.
 *
 * Bytes as Python writes them (Language Reference, 2.4.1): b'...' or b"...", in which a backslash begins \\, \', \", \n,
 * \r, \t or \xHH; what repr() gives has no others. Gzip is RFC 1952.
 */
#include "feed/venue/json_lines.h"

#include <stdio.h>

#define UNPACK_STEP 65536

static bool bad(struct json_record *r, const char *why) {
    r->fault.reason = "MALFORMED";
    snprintf(r->fault.detail, sizeof r->fault.detail, "%.150s", why);
    return false;
}

static int hex_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 32);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* What stands behind a backslash, which is taken off; -1: nothing that may. */
static int take_escape(struct k2_sv *s) {
    static const char from[] = "\\'\"nrt", to[] = "\\'\"\n\r\t";
    if (s->n == 0)
        return -1;
    const char *plain = memchr(from, s->p[0], sizeof from - 1);
    if (plain) {
        *s = (struct k2_sv){s->p + 1, s->n - 1};
        return (unsigned char)to[plain - from];
    }
    if (s->n < 3 || s->p[0] != 'x' || hex_of(s->p[1]) < 0 || hex_of(s->p[2]) < 0)
        return -1;
    int byte = hex_of(s->p[1]) * 16 + hex_of(s->p[2]);
    *s = (struct k2_sv){s->p + 3, s->n - 3};
    return byte;
}

/* b'...' with its quotes taken off; false if it is none. */
static bool is_literal(struct k2_sv s, struct k2_sv *inside) {
    if (s.n < 3 || s.p[0] != 'b' || (s.p[1] != '\'' && s.p[1] != '"') || s.p[s.n - 1] != s.p[1])
        return false;
    *inside = (struct k2_sv){s.p + 2, s.n - 3};
    return true;
}

static bool read_literal(struct k2_buf *out, struct k2_sv s) {
    out->n = 0;
    k2_buf_need(out, s.n);
    while (s.n) {
        int byte = (unsigned char)s.p[0];
        s = (struct k2_sv){s.p + 1, s.n - 1};
        if (byte == '\\' && (byte = take_escape(&s)) < 0)
            return false;
        out->p[out->n++] = (uint8_t)byte;
    }
    return true;
}

static bool unpack(struct json_packed *p, struct k2_sv in, struct json_record *r) {
    struct k2_err err = {0};
    size_t made;
    if (!p->gunzip)
        p->gunzip = k2_gunzip_new();
    k2_gunzip_reset(p->gunzip);
    p->text.n = 0;
    do {
        uint8_t *to = k2_buf_need(&p->text, UNPACK_STEP);
        if (k2_gunzip_some(p->gunzip, &in, to, UNPACK_STEP, &made, &err) != K2_OK)
            return bad(r, err.msg);
        p->text.n += made;
        if (p->text.n > FEED_LINE_MAX)
            return bad(r, "the message is longer than a line may be once it is unpacked");
    } while (in.n || made == UNPACK_STEP);
    return k2_gunzip_end(p->gunzip, &err) == K2_OK || bad(r, err.msg);
}

bool json_unpack(struct json_packed *p, struct json_record *r) {
    struct k2_sv inside, text = r->text;
    if (is_literal(text, &inside)) {
        if (!read_literal(&p->bytes, inside))
            return bad(r, "the bytes of the message are not written as Python writes them");
        text = k2_buf_view(&p->bytes);
        r->packed = true;
    }
    if (k2_gzip_magic(text)) {
        if (!unpack(p, text, r))
            return false;
        text = k2_buf_view(&p->text);
        r->packed = true;
    }
    if (r->packed)
        r->text = k2_sv_trim(text);
    return true;
}

void json_packed_free(struct json_packed *p) {
    k2_buf_free(&p->bytes);
    k2_buf_free(&p->text);
    k2_gunzip_free(p->gunzip);
    p->gunzip = NULL;
}
