/* feed/rows/lean_path.c - see lean_path.h. */
#include "feed/rows/lean_path.h"

#include "base/clock.h"
#include "feed/rows/rows.h"

#define WORDS_MAX 16

static const char *const resolutions[] = {"", "tick", "second", "minute", "hour", "daily"};
static const char *const types[] = {"", "trade", "quote", "openinterest", "map", "factor"};
static const char *const securities[] = {"equity", "forex",  "future",      "crypto",      "cfd",
                                         "index",  "option", "indexoption", "cryptofuture"};

/* Markets whose code is not their own name, that are not in UTC or that tell the security. */
static const struct market {
    const char *name, *exchange, *zone; /* exchange NULL: the name in capitals; zone NULL: UTC */
    bool scaled;                        /* of equities and their options */
} markets[] = {
    {"usa", "US-EQUITY", "America/New_York", true},
    {"india", NULL, "Asia/Kolkata", true},
    {"gdax", "COINBASE", NULL, false},
    {"fxcm", NULL, "Etc/GMT+5", false},
    {"eurex", NULL, "Europe/Berlin", false},
    {"hkfe", NULL, "Asia/Hong_Kong", false},
    {"krx", NULL, "Asia/Seoul", false},
    {"ose", NULL, "Asia/Tokyo", false},
};

static bool same_word(struct k2_sv a, const char *b) {
    size_t n = strlen(b);
    for (size_t i = 0; i < n && i < a.n; i++)
        if ((a.p[i] >= 'A' && a.p[i] <= 'Z' ? a.p[i] | 32 : a.p[i]) != b[i])
            return false;
    return a.n == n;
}

static int index_of(struct k2_sv word, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (words[i][0] && same_word(word, words[i]))
            return (int)i;
    return -1;
}

static enum lean_resolution resolution_of(struct k2_sv word) {
    int i = index_of(word, resolutions, sizeof resolutions / sizeof *resolutions);
    return i < 0 ? LEAN_NO_RESOLUTION : (enum lean_resolution)i;
}

static enum lean_type type_of(struct k2_sv word) {
    int i = index_of(word, types, LEAN_MAP);
    return i < 0 ? LEAN_NO_TYPE : (enum lean_type)i;
}

static const struct market *market_of(struct k2_sv name) {
    for (size_t i = 0; i < sizeof markets / sizeof *markets; i++)
        if (same_word(name, markets[i].name))
            return &markets[i];
    return NULL;
}

const char *lean_resolution_name(enum lean_resolution resolution) {
    return resolutions[resolution];
}

const char *lean_type_name(enum lean_type type) {
    return types[type];
}

int64_t lean_interval_ns(enum lean_resolution resolution) {
    static const int64_t seconds[] = {0, 0, 1, 60, 3600, 86400};
    return seconds[resolution] * K2_NS_PER_SEC;
}

/* --- the file's name --- */

static size_t split(struct k2_sv text, char separator, struct k2_sv *word, size_t most) {
    size_t n = feed_fields(text, separator, word, most);
    return n < most ? n : most;
}

/* What is behind word[from] in the text. */
static struct k2_sv rest_from(struct k2_sv text, const struct k2_sv *word, size_t n, size_t from) {
    if (from >= n)
        return (struct k2_sv){NULL, 0};
    return (struct k2_sv){word[from].p, (size_t)(text.p + text.n - word[from].p)};
}

/* YYYYMMDD_SYMBOL_RESOLUTION_TYPE[_CONTRACT], YYYYMMDD_SYMBOL_TYPE_Tick */
static bool parse_dated(struct k2_sv stem, const struct k2_sv *word, size_t n,
                        struct lean_path *p) {
    if (n < 4)
        return false;
    p->symbol = word[1];
    p->resolution = resolution_of(word[2]);
    p->type = type_of(word[3]);
    if (p->resolution == LEAN_NO_RESOLUTION) {
        p->type = type_of(word[2]);
        p->resolution = resolution_of(word[3]);
    }
    p->contract = rest_from(stem, word, n, 4);
    return p->symbol.n && p->type && p->resolution;
}

/* SYMBOL[_TYPE][_CONTRACT] */
static bool parse_undated(struct k2_sv stem, const struct k2_sv *word, size_t n,
                          struct lean_path *p) {
    p->symbol = word[0];
    p->type = n > 1 ? type_of(word[1]) : LEAN_NO_TYPE;
    p->contract = rest_from(stem, word, n, p->type ? 2 : 1);
    return p->symbol.n > 0;
}

static bool cut_end(struct k2_sv *s, struct k2_sv end) {
    if (!k2_sv_ends(*s, end))
        return false;
    s->n -= end.n;
    return true;
}

static bool parse_stem(struct k2_sv name, struct lean_path *p) {
    struct k2_sv word[WORDS_MAX];
    (void)cut_end(&name, K2_SV(".gz"));
    if (!cut_end(&name, K2_SV(".csv")))
        return false;
    size_t n = split(name, '_', word, WORDS_MAX);
    return feed_date8(word[0], &p->day) ? parse_dated(name, word, n, p)
                                        : parse_undated(name, word, n, p);
}

/* --- the directories --- */

static struct k2_sv parent(struct k2_sv *path) {
    size_t end = path->n;
    while (end > 0 && path->p[end - 1] == '/')
        end--;
    struct k2_sv whole = {path->p, end}, name = feed_base_name(whole);
    path->n = end - name.n;
    return name;
}

/* SYMBOL_TYPE.zip says the type of what is in it. */
static void read_archive(struct k2_sv name, struct lean_path *p) {
    struct k2_sv word[WORDS_MAX];
    if (!cut_end(&name, K2_SV(".zip")))
        return;
    size_t n = split(name, '_', word, WORDS_MAX);
    if (p->type == LEAN_NO_TYPE && n > 1)
        p->type = type_of(word[n - 1]);
}

static void read_security(struct k2_sv name, struct lean_path *p) {
    if (index_of(name, securities, sizeof securities / sizeof *securities) >= 0)
        p->security = name;
}

static void read_directories(struct k2_sv path, struct lean_path *p) {
    (void)parent(&path); /* the file itself */
    for (int up = 0; up < 4; up++) {
        struct k2_sv name = parent(&path);
        enum lean_resolution resolution = resolution_of(name);
        bool map = same_word(name, "map_files"), factor = same_word(name, "factor_files");
        read_archive(name, p);
        if (!resolution && !map && !factor)
            continue;
        if (p->resolution == LEAN_NO_RESOLUTION)
            p->resolution = resolution;
        if (map || factor)
            p->type = map ? LEAN_MAP : LEAN_FACTOR;
        p->market = parent(&path);
        read_security(parent(&path), p);
        return;
    }
}

bool lean_path_parse(struct k2_sv path, struct lean_path *out) {
    *out = (struct lean_path){.day = INT32_MIN};
    if (!parse_stem(feed_base_name(path), out))
        return false;
    read_directories(path, out);
    const struct market *m = market_of(out->market);
    bool other = out->security.n && !same_word(out->security, "equity") &&
                 !same_word(out->security, "option");
    out->scaled = m && m->scaled && !other;
    return true;
}

/* --- markets --- */

void lean_exchange(struct k2_sv market, struct k2_buf *out) {
    const struct market *m = market_of(market);
    if (m && m->exchange) {
        k2_buf_str(out, m->exchange);
        return;
    }
    for (size_t i = 0; i < market.n; i++) {
        char c = market.p[i];
        k2_buf_byte(out, (uint8_t)(c >= 'a' && c <= 'z' ? c - 32 : c));
    }
}

static const struct market *market_of_exchange(struct k2_sv exchange) {
    for (size_t i = 0; i < sizeof markets / sizeof *markets; i++)
        if (markets[i].exchange ? k2_sv_eq(exchange, k2_sv_of(markets[i].exchange))
                                : same_word(exchange, markets[i].name))
            return &markets[i];
    return NULL;
}

const char *lean_zone(const struct lean_path *p, struct k2_sv exchange) {
    const struct market *m = p->market.n ? market_of(p->market) : market_of_exchange(exchange);
    return m ? m->zone : NULL;
}

bool lean_scaled_exchange(struct k2_sv exchange) {
    const struct market *m = market_of_exchange(exchange);
    return m && m->scaled;
}
