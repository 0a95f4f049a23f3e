/* serve/uri.c - see uri.h. */
#include "serve/uri.h"

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that stands at raw[*i], which is moved to its last character; -1 = a broken %XX. */
static int next_byte(struct k2_sv raw, size_t *i) {
    if (raw.p[*i] != '%')
        return (uint8_t)raw.p[*i];
    if (*i + 2 >= raw.n)
        return -1;
    int high = hex(raw.p[*i + 1]), low = hex(raw.p[*i + 2]);
    *i += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int uri_part(struct k2_sv raw, struct k2_buf *out, struct k2_err *err) {
    for (size_t i = 0; i < raw.n; i++) {
        int byte = next_byte(raw, &i);
        if (byte < 0)
            return k2_fail(err, K2_E_INVALID,
                           "a '%%' in the path is not followed by two hex digits");
        if (byte < ' ' || byte == 0x7f)
            return k2_fail(err, K2_E_INVALID, "the path holds a control character (%d)", byte);
        k2_buf_byte(out, (uint8_t)byte);
    }
    return K2_OK;
}

int uri_path(struct k2_sv raw, struct k2_buf *out, struct k2_err *err) {
    if (raw.n == 0 || raw.p[0] != '/')
        return k2_fail(err, K2_E_INVALID, "the path of a request begins with '/'");
    K2_TRY(uri_part(raw, out, err));
    k2_buf_cstr(out);
    return K2_OK;
}
