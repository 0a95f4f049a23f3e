/* base/decimal.c - see decimal.h.
 *
 * Digits are gathered and given out in runs that fit 64 bits; 128-bit work is done once a run, not
 * once a digit, because a 128-bit division is some fifty times dearer than a 64-bit one.
 */
#include "base/decimal.h"

#define RUN 19 /* the most digits that always fit 64 bits */

static const uint64_t pow10_u64[RUN + 1] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

k2_i128 k2_pow10(int exponent) {
    K2_ASSERT(exponent >= 0 && exponent <= 2 * RUN);
    if (exponent <= RUN)
        return pow10_u64[exponent];
    return (k2_i128)pow10_u64[RUN] * pow10_u64[exponent - RUN];
}

static k2_u128 magnitude(k2_i128 value) {
    return value < 0 ? -(k2_u128)value : (k2_u128)value;
}

bool k2_decimal_fits(k2_i128 value, int precision) {
    return magnitude(value) < (k2_u128)k2_pow10(precision);
}

static struct k2_sv take_digits(struct k2_sv *s) {
    struct k2_sv digits = {s->p, 0};
    while (digits.n < s->n && s->p[digits.n] >= '0' && s->p[digits.n] <= '9')
        digits.n++;
    s->p += digits.n;
    s->n -= digits.n;
    return digits;
}

/* The digits put behind those of value; the caller knows that 38 are not exceeded. */
static k2_u128 append_digits(k2_u128 value, struct k2_sv digits) {
    while (digits.n) {
        size_t n = digits.n < RUN ? digits.n : RUN;
        uint64_t run = 0;
        for (size_t i = 0; i < n; i++)
            run = run * 10 + (uint64_t)(digits.p[i] - '0');
        value = value * pow10_u64[n] + run;
        digits.p += n;
        digits.n -= n;
    }
    return value;
}

/* Cuts the zeros beyond the scale; false if anything else is there. */
static bool cut_to_scale(struct k2_sv *fraction, size_t scale) {
    while (fraction->n > scale) {
        if (fraction->p[fraction->n - 1] != '0')
            return false;
        fraction->n--;
    }
    return true;
}

static int invalid(struct k2_sv text, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID, "\"%.*s\" is not a decimal number; write digits as in -12.34",
                   K2_SV_ARG(k2_sv_shown(text)));
}

static int does_not_fit(struct k2_sv text, int precision, int scale, struct k2_err *err) {
    return k2_fail(
        err, K2_E_RANGE,
        "%.*s does not fit decimal(%d,%d): at most %d digits, %d of them after the point",
        K2_SV_ARG(k2_sv_shown(text)), precision, scale, precision, scale);
}

int k2_decimal_parse(struct k2_sv text, int precision, int scale, k2_i128 *out,
                     struct k2_err *err) {
    K2_ASSERT(precision <= 2 * RUN && scale >= 0 && scale <= precision);
    struct k2_sv rest = text, fraction = {NULL, 0};
    bool negative = k2_sv_take(&rest, '-');
    if (!negative)
        (void)k2_sv_take(&rest, '+');
    struct k2_sv whole = take_digits(&rest);
    if (k2_sv_take(&rest, '.'))
        fraction = take_digits(&rest);
    if (rest.n || whole.n + fraction.n == 0)
        return invalid(text, err);
    while (k2_sv_take(&whole, '0'))
        ;
    if (whole.n > (size_t)(precision - scale) || !cut_to_scale(&fraction, (size_t)scale))
        return does_not_fit(text, precision, scale, err);
    k2_u128 value = append_digits(append_digits(0, whole), fraction);
    value *= (k2_u128)k2_pow10(scale - (int)fraction.n);
    *out = negative ? -(k2_i128)value : (k2_i128)value;
    return K2_OK;
}

/* Writes the digits of value that end before `end`, at least `least` of them; returns the first. */
static char *put_digits(char *end, k2_u128 value, int least) {
    char *at = end;
    while (value) {
        uint64_t run = (uint64_t)value;
        int digits = 0; /* how many this run must give: all RUN unless it is the last */
        if (value >> 64) {
            run = (uint64_t)(value % pow10_u64[RUN]);
            value /= pow10_u64[RUN];
            digits = RUN;
        } else {
            value = 0;
        }
        for (char *stop = at - digits; run || at > stop; run /= 10)
            *--at = (char)('0' + run % 10);
    }
    while (end - at < least)
        *--at = '0';
    return at;
}

size_t k2_decimal_format(k2_i128 value, int scale, char out[K2_DECIMAL_TEXT]) {
    K2_ASSERT(scale >= 0 && scale <= 2 * RUN);
    char text[K2_DECIMAL_TEXT], *end = text + sizeof text;
    char *digits = put_digits(end, magnitude(value), scale + 1);
    size_t fraction = (size_t)scale, whole = (size_t)(end - digits) - fraction, n = 0;
    if (value < 0)
        out[n++] = '-';
    memcpy(out + n, digits, whole);
    n += whole;
    if (fraction) {
        out[n++] = '.';
        memcpy(out + n, digits + whole, fraction);
        n += fraction;
    }
    out[n] = 0;
    return n;
}

size_t k2_decimal_format_short(k2_i128 value, int scale, char out[K2_DECIMAL_TEXT]) {
    size_t n = k2_decimal_format(value, scale, out);
    if (scale == 0)
        return n;
    while (out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = 0;
    return n;
}

static size_t wide_to_be(k2_i128 value, uint8_t out[16]) {
    k2_u128 bits = (k2_u128)value;
    uint64_t high = (uint64_t)((value < 0 ? ~bits : bits) >> 64);
    size_t n = high ? (size_t)(64 - __builtin_clzll(high)) / 8 + 9 : 9;
    for (size_t i = n; i-- > 0; bits >>= 8)
        out[i] = (uint8_t)bits;
    return n;
}

size_t k2_decimal_to_be(k2_i128 value, uint8_t out[16]) {
    int64_t narrow = (int64_t)value;
    if (narrow != value)
        return wide_to_be(value, out);
    uint64_t bits = (uint64_t)(narrow ^ narrow >> 63); /* those that are not the sign */
    size_t n = (size_t)(64 - __builtin_clzll(bits | 1)) / 8 + 1;
    uint64_t big_endian = __builtin_bswap64((uint64_t)narrow << (64 - 8 * n));
    memcpy(out, &big_endian, sizeof big_endian);
    return n;
}

bool k2_decimal_from_be(const uint8_t *bytes, size_t n, k2_i128 *out) {
    if (n == 0 || n > 16)
        return false;
    k2_u128 v = bytes[0] & 0x80 ? ~(k2_u128)0 : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | bytes[i];
    *out = (k2_i128)v;
    return true;
}
