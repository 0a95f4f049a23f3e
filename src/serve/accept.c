/* serve/accept.c - see accept.h. */
#include "serve/accept.h"

#include <strings.h>

enum { NOT_NAMED = -1 };

static bool same(struct k2_sv a, struct k2_sv b) {
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

/* "1", "0.75", ".5" in thousandths; what is no number counts as 1. */
static int weight_of(struct k2_sv text) {
    int64_t whole = 0, part = 0;
    struct k2_sv digits = text, first = k2_sv_split(&digits, '.');
    size_t n = digits.n < 3 ? digits.n : 3;
    if ((first.n && !k2_sv_i64(first, &whole)) ||
        (n && !k2_sv_i64((struct k2_sv){digits.p, n}, &part)) || whole < 0 || part < 0)
        return 1000;
    for (size_t i = n; i < 3; i++)
        part *= 10;
    return whole > 0 ? 1000 : (int)part;
}

/* What follows the type: ";level=1;q=0.5". */
static int weight(struct k2_sv parameters) {
    while (parameters.n) {
        struct k2_sv one = k2_sv_trim(k2_sv_split(&parameters, ';'));
        struct k2_sv name = k2_sv_trim(k2_sv_split(&one, '='));
        if (same(name, K2_SV("q")))
            return weight_of(k2_sv_trim(one));
    }
    return 1000;
}

/* How closely the range names the offer: 3 the type itself, 2 text / *, 1 all; 0 not at all. */
static int closeness(struct k2_sv range, struct k2_sv offer) {
    if (same(range, offer))
        return 3;
    struct k2_sv subtype = range, type = k2_sv_split(&subtype, '/');
    struct k2_sv offered = k2_sv_split(&offer, '/');
    if (!k2_sv_eq(subtype, K2_SV("*")))
        return 0;
    if (same(type, offered))
        return 2;
    return k2_sv_eq(type, K2_SV("*"));
}

/* The weight by the range that names the offer most closely. */
static int wish(struct k2_sv header, struct k2_sv offer) {
    int best = 0, found = NOT_NAMED;
    while (header.n) {
        struct k2_sv parameters = k2_sv_split(&header, ',');
        struct k2_sv range = k2_sv_trim(k2_sv_split(&parameters, ';'));
        int close = closeness(range, offer);
        if (close > best) {
            best = close;
            found = weight(parameters);
        }
    }
    return found;
}

int accept_best(struct k2_sv header, const char *const *offers, int n) {
    int best = 0, most = 0;
    for (int i = 0; i < n; i++) {
        int w = wish(header, k2_sv_of(offers[i]));
        if (w > most) {
            most = w;
            best = i;
        }
    }
    return best;
}
