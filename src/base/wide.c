/* base/wide.c - see wide.h. */
#include "base/wide.h"

#include <string.h>

enum { WORDS = 4, MOST_DIGITS = 76 };

struct k2_wide k2_wide_add(struct k2_wide a, struct k2_wide b) {
    struct k2_wide sum;
    k2_u128 carry = 0;
    for (int i = 0; i < WORDS; i++) {
        carry += (k2_u128)a.word[i] + b.word[i];
        sum.word[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return sum;
}

static struct k2_wide negated(struct k2_wide a) {
    for (int i = 0; i < WORDS; i++)
        a.word[i] = ~a.word[i];
    return k2_wide_add(a, (struct k2_wide){{1, 0, 0, 0}});
}

struct k2_wide k2_wide_sub(struct k2_wide a, struct k2_wide b) {
    return k2_wide_add(a, negated(b));
}

bool k2_wide_equal(struct k2_wide a, struct k2_wide b) {
    return memcmp(a.word, b.word, sizeof a.word) == 0;
}

int k2_wide_sign(struct k2_wide a) {
    if (a.word[WORDS - 1] >> 63)
        return -1;
    return (a.word[0] | a.word[1] | a.word[2] | a.word[3]) != 0;
}

/* a * factor + more, of a value that is not negative. */
static struct k2_wide scaled(struct k2_wide a, uint64_t factor, uint64_t more) {
    k2_u128 carry = more;
    for (int i = 0; i < WORDS; i++) {
        carry += (k2_u128)a.word[i] * factor;
        a.word[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return a;
}

struct k2_wide k2_wide_product(k2_i128 a, k2_i128 b) {
    k2_u128 x = a < 0 ? -(k2_u128)a : (k2_u128)a, y = b < 0 ? -(k2_u128)b : (k2_u128)b;
    const struct k2_wide wide = {{(uint64_t)x, (uint64_t)(x >> 64), 0, 0}};
    struct k2_wide low = scaled(wide, (uint64_t)y, 0);
    struct k2_wide high = scaled(wide, (uint64_t)(y >> 64), 0);
    const struct k2_wide shifted = {{0, high.word[0], high.word[1], high.word[2]}};
    struct k2_wide product = k2_wide_add(low, shifted);
    return (a < 0) != (b < 0) ? negated(product) : product;
}

/* Divides a value that is not negative by 10; gives the rest. */
static unsigned next_digit(struct k2_wide *a) {
    k2_u128 rest = 0;
    for (int i = WORDS - 1; i >= 0; i--) {
        rest = rest << 64 | a->word[i];
        a->word[i] = (uint64_t)(rest / 10);
        rest %= 10;
    }
    return (unsigned)rest;
}

size_t k2_wide_format(struct k2_wide value, int scale, char out[K2_WIDE_TEXT]) {
    char digits[K2_WIDE_TEXT]; /* from the last one on */
    bool negative = k2_wide_sign(value) < 0;
    int n = 0, last = 0;
    size_t at = 0;
    if (negative)
        value = negated(value);
    while (n <= scale || k2_wide_sign(value) != 0)
        digits[n++] = (char)('0' + next_digit(&value));
    while (last < scale && digits[last] == '0')
        last++;
    if (negative)
        out[at++] = '-';
    for (int i = n - 1; i >= last; i--) {
        if (i == scale - 1)
            out[at++] = '.';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return at;
}

int k2_wide_parse(struct k2_sv text, int scale, struct k2_wide *out, struct k2_err *err) {
    size_t i = text.n > 0 && text.p[0] == '-';
    bool negative = i == 1, point = false;
    int digits = 0, decimals = 0;
    *out = (struct k2_wide){{0}};
    for (; i < text.n && digits <= MOST_DIGITS && decimals <= scale; i++) {
        char c = text.p[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        *out = scaled(*out, 10, (uint64_t)(c - '0'));
        digits++;
        decimals += point;
    }
    if (i < text.n || digits == 0 || digits > MOST_DIGITS || decimals > scale)
        return k2_fail(err, K2_E_INVALID, "\"%.*s\" is no decimal with %d decimals",
                       (int)(text.n > 80 ? 80 : text.n), text.n ? text.p : "", scale);
    for (; decimals < scale; decimals++)
        *out = scaled(*out, 10, 0);
    if (negative)
        *out = negated(*out);
    return K2_OK;
}
