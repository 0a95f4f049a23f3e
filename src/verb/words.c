/* verb/words.c - see words.h. */
#include "verb/words.h"

#include <stdlib.h>

static int64_t suffix_factor(struct k2_sv *text) {
    if (text->n == 0)
        return 1;
    int64_t factor = 1;
    switch (text->p[text->n - 1]) {
    case 'K':
    case 'k':
        factor = 1000;
        break;
    case 'M':
        factor = 1000000;
        break;
    case 'G':
        factor = 1000000000;
        break;
    default:
        return 1;
    }
    text->n--;
    return factor;
}

int words_count(const char *option, const char *text, int64_t least, int64_t *out,
                struct k2_err *err) {
    struct k2_sv digits = k2_sv_of(text);
    int64_t factor = suffix_factor(&digits);
    int64_t n;
    if (!k2_sv_i64(digits, &n) || __builtin_mul_overflow(n, factor, &n))
        return k2_fail(err, K2_E_USAGE, "--%s takes a whole number such as 500 or 50K, not '%s'",
                       option, text);
    if (n < least)
        return k2_fail(err, K2_E_USAGE, "--%s must be at least %lld, not '%s'", option,
                       (long long)least, text);
    *out = n;
    return K2_OK;
}

/* digits[.digits] and nothing else: strtod alone would take "nan", "0x1" and "1e400". */
static bool parse_real(struct k2_sv text, double *out) {
    int digits = 0, points = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] >= '0' && text.p[i] <= '9')
            digits++;
        else if (text.p[i] == '.')
            points++;
        else
            return false;
    }
    if (digits == 0 || digits > 18 || points > 1)
        return false;
    char copy[24];
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    *out = strtod(copy, NULL);
    return true;
}

int words_real(const char *option, const char *text, double *out, struct k2_err *err) {
    struct k2_sv digits = k2_sv_of(text);
    double factor = (double)suffix_factor(&digits);
    if (!parse_real(digits, out))
        return k2_fail(err, K2_E_USAGE, "--%s takes a number such as 0.5, 500 or 50K, not '%s'",
                       option, text);
    *out *= factor;
    return K2_OK;
}

int words_probability(const char *option, const char *text, double *out, struct k2_err *err) {
    struct k2_sv digits = k2_sv_of(text);
    bool percent = k2_sv_ends(digits, K2_SV("%"));
    digits.n -= percent;
    bool good = parse_real(digits, out);
    if (percent)
        *out /= 100;
    if (!good || *out > 1)
        return k2_fail(err, K2_E_USAGE, "--%s takes a probability from 0 to 1, or 5%%, not '%s'",
                       option, text);
    return K2_OK;
}

int words_bytes(const char *option, const char *text, int64_t *out, struct k2_err *err) {
    static const struct {
        struct k2_sv name;
        int shift;
    } units[] = {{K2_SV("KB"), 10},
                 {K2_SV("MB"), 20},
                 {K2_SV("GB"), 30},
                 {K2_SV("TB"), 40},
                 {K2_SV("B"), 0}};
    struct k2_sv digits = k2_sv_of(text);
    int shift = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (k2_sv_ends(digits, units[i].name)) {
            digits.n -= units[i].name.n;
            shift = units[i].shift;
            break;
        }
    }
    int64_t n;
    if (!k2_sv_i64(digits, &n) || n <= 0 || __builtin_mul_overflow(n, INT64_C(1) << shift, out))
        return k2_fail(err, K2_E_USAGE, "--%s takes a size such as 512MB or 4GB, not '%s'", option,
                       text);
    return K2_OK;
}

int words_span(const char *option, const char *text, int64_t *ns, struct k2_err *err) {
    if (k2_span_parse(k2_sv_of(text), ns, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE,
                       "--%s takes a span of time such as 500ms, 30s or 5m, not '%s'", option,
                       text);
    return K2_OK;
}

static bool is_exchange(const char *word) {
    for (const char *const *e = feed_exchanges(); *e; e++) {
        if (strcmp(*e, word) == 0)
            return true;
    }
    return false;
}

void words_note_exchange(const struct verb_context *c, const char *exchange) {
    int n = 0;
    const char *const *codes = feed_exchanges();
    if (!exchange || is_exchange(exchange))
        return;
    while (codes[n])
        n++;
    const char *best = k2_nearest(exchange, codes, n);
    verb_note(c, "there is no exchange %s%s%s%s", exchange,
              best ? "; did you mean " : "; k2 coverage lists what there is", best ? best : "",
              best ? "?" : "");
}

static int parse_at(const struct verb_context *c, const char *option, const char *text,
                    const struct k2_zone *zone, int64_t *ns, struct k2_err *err) {
    struct k2_err why = {0};
    if (k2_time_parse(k2_sv_of(text), c->now_ns, zone, ns, &why) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--%s: %s", option, why.msg);
    return K2_OK;
}

int words_time(const struct verb_context *c, const char *option, const char *text, const char *tz,
               int64_t *ns, struct k2_err *err) {
    if (!tz)
        return parse_at(c, option, text, NULL, ns, err);
    if (is_exchange(tz)) {
        const struct feed_calendar *calendar;
        K2_TRY(feed_calendar_find(k2_sv_of(tz), NULL, &calendar, err));
        return parse_at(c, option, text, feed_calendar_zone(calendar), ns, err);
    }
    struct k2_zone *zone;
    struct k2_err why = {0};
    if (k2_zone_load(tz, &zone, &why) != K2_OK)
        return k2_fail(err, K2_E_USAGE,
                       "--tz takes a zone such as Australia/Sydney or an exchange such as ASX: %s",
                       why.msg);
    int rc = parse_at(c, option, text, zone, ns, err);
    k2_zone_free(zone);
    return rc;
}
