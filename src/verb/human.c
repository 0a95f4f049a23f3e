/* verb/human.c - numbers as people read them. For programs nothing here is used. */
#include "verb/listing.h"

#include <inttypes.h>

#define MINUTE (60 * K2_NS_PER_SEC)

const char *human_count(int64_t n, char out[HUMAN_TEXT]) {
    char digits[HUMAN_TEXT];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
    char *to = out;
    if (n < 0)
        *to++ = '-';
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return out;
}

const char *human_word(int64_t n, const char *one, const char *many) {
    return n == 1 ? one : many;
}

/* One digit behind the point, cut and not rounded: tenths of `unit`. */
static void tenths(char out[HUMAN_TEXT], int64_t n, int64_t unit, const char *name) {
    snprintf(out, HUMAN_TEXT, "%" PRId64 ".%" PRId64 " %s", n / unit, n % unit * 10 / unit, name);
}

const char *human_bytes(int64_t n, char out[HUMAN_TEXT]) {
    static const char *const names[] = {"B", "KB", "MB", "GB", "TB"};
    int64_t unit = 1;
    int i = 0;
    while (i < 4 && n / unit >= 1024) {
        unit *= 1024;
        i++;
    }
    if (i == 0)
        snprintf(out, HUMAN_TEXT, "%" PRId64 " B", n);
    else
        tenths(out, n, unit, names[i]);
    return out;
}

const char *human_span(int64_t ns, char out[HUMAN_TEXT]) {
    if (ns < K2_NS_PER_MS)
        snprintf(out, HUMAN_TEXT, "%" PRId64 " us", ns / K2_NS_PER_US);
    else if (ns < K2_NS_PER_SEC)
        snprintf(out, HUMAN_TEXT, "%" PRId64 " ms", ns / K2_NS_PER_MS);
    else if (ns < 120 * K2_NS_PER_SEC)
        tenths(out, ns, K2_NS_PER_SEC, "s");
    else if (ns < 120 * MINUTE)
        snprintf(out, HUMAN_TEXT, "%" PRId64 " min", ns / MINUTE);
    else if (ns < 2 * K2_NS_PER_DAY)
        snprintf(out, HUMAN_TEXT, "%" PRId64 " h", ns / (60 * MINUTE));
    else
        snprintf(out, HUMAN_TEXT, "%" PRId64 " days", ns / K2_NS_PER_DAY);
    return out;
}
