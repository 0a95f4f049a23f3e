/* feed/dbn/meta.c - the metadata in front of a DBN stream, and the symbols it maps; see dbn.h.
 *
 *   0 "DBN", version u8 (1, 2, 3), length u32 of what follows; then, counted from byte 8:
 *   0 dataset char[16], schema u16 (65535 = several), start u64, end u64, limit u64
 *     version 1 only: record_count u64
 *     stype_in u8 (255 = several), stype_out u8, ts_out u8
 *     from version 2 on: symbol_cstr_len u16; in version 1 a symbol has 22 bytes
 *     reserved up to byte 100
 * 100 schema_definition u32 length and so many bytes
 *     symbols, partial, not_found: u32 count and so many symbols each
 *     mappings: u32 count; each a symbol (of stype_in), u32 count of intervals, each start_date u32 and
 *     end_date u32 (YYYYMMDD, exclusive) and a symbol (of stype_out)
 * and bytes without a meaning up to the length.
 */
#include "feed/dbn/dbn.h"

#include <stdio.h>
#include <stdlib.h>

#define VERSION_LAST 3
#define SYMBOL_V1 22
#define SYMBOL_LONGEST 1024 /* no version has symbols of more bytes */
#define STYPE_INSTRUMENT_ID 0

static const char *const schemas[] = {
    "mbo",      "mbp-1",    "mbp-10",     "tbbo",       "trades", "ohlcv-1s",  "ohlcv-1m",
    "ohlcv-1h", "ohlcv-1d", "definition", "statistics", "status", "imbalance", "ohlcv-eod",
    "cmbp-1",   "cbbo-1s",  "cbbo-1m",    "tcbbo",      "bbo-1s", "bbo-1m"};
static const char *const stypes[] = {
    "instrument_id", "raw_symbol", "smart",     "continuous",  "parent",          "nasdaq_symbol",
    "cms_symbol",    "isin",       "us_code",   "bbg_comp_id", "bbg_comp_ticker", "figi",
    "figi_ticker",   "listing_id", "issuer_id", "security_id"};

const char *dbn_schema_name(uint16_t schema) {
    return schema < sizeof schemas / sizeof *schemas ? schemas[schema] : NULL;
}

/* --- reading --- */

struct cursor { /* inside the metadata; what is read beyond its end is short */
    const uint8_t *start;
    size_t at, end, symbol;
    bool is_short;
};

static const uint8_t *take(struct cursor *c, size_t n) {
    if (c->end - c->at < n) {
        c->is_short = true;
        c->at = c->end;
        return NULL;
    }
    c->at += n;
    return c->start + c->at - n;
}

/* How many follow, of at least `size` bytes each. */
static uint32_t take_count(struct cursor *c, size_t size) {
    K2_ASSERT(size > 0);
    const uint8_t *p = take(c, 4);
    uint32_t n = p ? k2_get_u32(p) : 0;
    if (n > (c->end - c->at) / size) {
        c->is_short = true;
        n = 0;
    }
    return n;
}

static struct k2_sv take_symbol(struct cursor *c) {
    const uint8_t *p = take(c, c->symbol);
    return p ? dbn_text(p, c->symbol) : (struct k2_sv){NULL, 0};
}

bool dbn_meta_begins(struct k2_sv bytes) {
    return bytes.n >= 4 && memcmp(bytes.p, "DBN", 3) == 0 && bytes.p[3] >= 1 &&
           bytes.p[3] <= VERSION_LAST;
}

size_t dbn_meta_size(struct k2_sv bytes) {
    return DBN_META_PREFIX + (size_t)k2_get_u32(bytes.p + 4);
}

/* Where the fields lie behind `limit`, counted from the start of the bytes. */
static size_t at_stypes(uint8_t version) {
    return DBN_META_PREFIX + 42 + (version == 1 ? 8u : 0);
}

static int read_fixed(struct cursor *c, struct dbn_meta *m, struct feed_fault *f) {
    const uint8_t *p = c->start;
    *m = (struct dbn_meta){.version = p[3]};
    if (c->end < DBN_META_PREFIX + DBN_META_FIXED)
        return feed_fault_set(f, "MALFORMED", "the metadata ends in its fixed part",
                              (struct k2_sv){(const char *)p, c->end});
    const uint8_t *s = p + at_stypes(m->version);
    memcpy(m->dataset, p + DBN_META_PREFIX, 16);
    m->schema = k2_get_u16(p + 24);
    m->stype_in = s[0];
    m->stype_out = s[1];
    m->ts_out = s[2] != 0;
    c->symbol = m->version == 1 ? SYMBOL_V1 : k2_get_u16(s + 3);
    c->at = DBN_META_PREFIX + DBN_META_FIXED;
    if (c->symbol == 0 || c->symbol > SYMBOL_LONGEST)
        return feed_fault_set(f, "MALFORMED", "the length of symbols is out of range",
                              (struct k2_sv){(const char *)s + 3, 2});
    return feed_text_ok(k2_sv_of(m->dataset), 16)
               ? 0
               : feed_fault_set(f, "MALFORMED", "the dataset is no plain text",
                                k2_sv_of(m->dataset));
}

/* --- symbols --- */

/* YYYYMMDD as days since 1970; a date that is none is before or behind all others. */
static int32_t day_of(uint32_t date) {
    uint32_t year = date / 10000, month = date / 100 % 100, day = date % 100;
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31)
        return year < 1970 ? INT32_MIN : INT32_MAX;
    return k2_days_from_civil((int)year, (int)month, (int)day);
}

static bool number_of(struct k2_sv text, uint32_t *id) {
    int64_t v;
    if (!k2_sv_i64(text, &v) || v < 0 || v > UINT32_MAX)
        return false;
    *id = (uint32_t)v;
    return true;
}

static void add_interval(struct dbn_symbols *s, uint32_t instrument, int32_t from, int32_t to,
                         struct k2_sv symbol) {
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->all = k2_realloc(s->all, s->cap * sizeof *s->all);
    }
    s->all[s->n++] = (struct dbn_interval){.instrument = instrument,
                                           .from = from,
                                           .to = to,
                                           .symbol = (uint32_t)s->texts.n,
                                           .symbol_n = (uint8_t)symbol.n};
    k2_buf_sv(&s->texts, symbol);
}

static int compare(const void *a, const void *b) {
    const struct dbn_interval *x = a, *y = b;
    if (x->instrument != y->instrument)
        return x->instrument < y->instrument ? -1 : 1;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : 0;
}

/* A pair of which neither is an instrument id tells nothing that records could be named by. */
static int take_interval(struct cursor *c, const struct dbn_meta *m, struct k2_sv raw,
                         struct dbn_symbols *s, struct feed_fault *f) {
    const uint8_t *dates = take(c, 8);
    struct k2_sv mapped = take_symbol(c);
    bool by_id = m->stype_in == STYPE_INSTRUMENT_ID;
    struct k2_sv id = by_id ? raw : mapped, symbol = by_id ? mapped : raw;
    uint32_t instrument;
    if (c->is_short || !number_of(id, &instrument) || symbol.n == 0)
        return 0;
    if (!feed_text_ok(symbol, DBN_SYMBOL_MAX))
        return feed_fault_set(f, "MALFORMED", "a symbol of the metadata is no plain text", symbol);
    add_interval(s, instrument, day_of(k2_get_u32(dates)), day_of(k2_get_u32(dates + 4)), symbol);
    return 0;
}

static int read_mappings(struct cursor *c, const struct dbn_meta *m, struct dbn_symbols *s,
                         struct feed_fault *f) {
    uint32_t mappings = take_count(c, c->symbol + 4);
    for (uint32_t i = 0; i < mappings; i++) {
        struct k2_sv raw = take_symbol(c);
        uint32_t intervals = take_count(c, 8 + c->symbol);
        for (uint32_t j = 0; j < intervals; j++)
            if (take_interval(c, m, raw, s, f))
                return -1;
    }
    return 0;
}

int dbn_meta_read(struct k2_sv bytes, struct dbn_meta *m, struct dbn_symbols *s,
                  struct feed_fault *f) {
    struct cursor c = {.start = (const uint8_t *)bytes.p, .end = bytes.n};
    dbn_symbols_free(s);
    if (read_fixed(&c, m, f))
        return -1;
    take(&c, take_count(&c, 1));
    for (int list = 0; list < 3; list++)
        take(&c, (size_t)take_count(&c, c.symbol) * c.symbol);
    if (read_mappings(&c, m, s, f))
        return -1;
    if (c.is_short)
        return feed_fault_set(f, "MALFORMED", "the metadata is longer than it says",
                              (struct k2_sv){bytes.p, DBN_META_PREFIX});
    if (s->n)
        qsort(s->all, s->n, sizeof *s->all, compare);
    return 0;
}

/* The first interval that lies behind all of the instrument that begin by `day`. */
static size_t find_behind(const struct dbn_symbols *s, uint32_t instrument, int32_t day) {
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct dbn_interval *i = &s->all[middle];
        if (i->instrument < instrument || (i->instrument == instrument && i->from <= day))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The place of the instrument, or the free one where it would be. */
static struct dbn_named *find_named(const struct dbn_symbols *s, uint32_t instrument) {
    size_t mask = s->named_cap - 1, i = instrument * UINT64_C(0x9e3779b97f4a7c15) >> 32 & mask;
    while (s->named[i].symbol_n && s->named[i].instrument != instrument)
        i = (i + 1) & mask;
    return &s->named[i];
}

struct k2_sv dbn_symbol_find(const struct dbn_symbols *s, uint32_t instrument, int32_t day) {
    const struct dbn_named *named = s->n_named ? find_named(s, instrument) : NULL;
    if (named && named->symbol_n)
        return (struct k2_sv){(const char *)s->texts.p + named->symbol, named->symbol_n};
    for (size_t i = find_behind(s, instrument, day); i > 0; i--) {
        const struct dbn_interval *at = &s->all[i - 1];
        if (at->instrument != instrument)
            break;
        if (day < at->to)
            return (struct k2_sv){(const char *)s->texts.p + at->symbol, at->symbol_n};
    }
    return (struct k2_sv){NULL, 0};
}

static void grow_named(struct dbn_symbols *s) {
    struct dbn_symbols old = *s;
    s->named_cap = old.named_cap ? old.named_cap * 2 : 64;
    s->named = k2_zalloc(s->named_cap * sizeof *s->named);
    for (size_t i = 0; i < old.named_cap; i++)
        if (old.named[i].symbol_n)
            *find_named(s, old.named[i].instrument) = old.named[i];
    free(old.named);
}

bool dbn_symbol_set(struct dbn_symbols *s, uint32_t instrument, struct k2_sv symbol) {
    if (k2_sv_eq(symbol, dbn_symbol_find(s, instrument, INT32_MIN)))
        return false;
    if (s->n_named * 2 >= s->named_cap)
        grow_named(s);
    struct dbn_named *at = find_named(s, instrument);
    s->n_named += at->symbol_n == 0;
    *at = (struct dbn_named){instrument, (uint32_t)s->texts.n, (uint8_t)symbol.n};
    k2_buf_sv(&s->texts, symbol);
    return true;
}

void dbn_symbols_free(struct dbn_symbols *s) {
    free(s->all);
    free(s->named);
    k2_buf_free(&s->texts);
    *s = (struct dbn_symbols){0};
}

/* --- every field --- */

static void tell(const struct feed_visit *v, const char *name, struct k2_sv text, size_t at,
                 size_t size) {
    v->field(v->ctx, name, text, false, at, size);
}

static void tell_number(const struct feed_visit *v, const char *name, uint64_t value, size_t at,
                        size_t size) {
    char text[DBN_NUMBER_TEXT];
    tell(v, name, (struct k2_sv){text, dbn_u64_text(value, text)}, at, size);
}

static void tell_code(const struct feed_visit *v, const char *name, uint64_t code,
                      const char *const *names, size_t n, size_t at, size_t size) {
    if (code < n)
        tell(v, name, k2_sv_of(names[code]), at, size);
    else
        tell_number(v, name, code, at, size);
}

static void tell_fixed(const struct cursor *c, const struct feed_visit *v) {
    const uint8_t *p = c->start;
    const size_t n_stypes = sizeof stypes / sizeof *stypes;
    size_t at = at_stypes(p[3]);
    tell(v, "magic", (struct k2_sv){(const char *)p, 3}, 0, 3);
    tell_number(v, "version", p[3], 3, 1);
    tell_number(v, "length", k2_get_u32(p + 4), 4, 4);
    tell(v, "dataset", dbn_text(p + 8, 16), 8, 16);
    tell_code(v, "schema", k2_get_u16(p + 24), schemas, sizeof schemas / sizeof *schemas, 24, 2);
    tell_number(v, "start", k2_get_u64(p + 26), 26, 8);
    tell_number(v, "end", k2_get_u64(p + 34), 34, 8);
    tell_number(v, "limit", k2_get_u64(p + 42), 42, 8);
    if (p[3] == 1)
        tell_number(v, "record_count", k2_get_u64(p + 50), 50, 8);
    tell_code(v, "stype_in", p[at], stypes, n_stypes, at, 1);
    tell_code(v, "stype_out", p[at + 1], stypes, n_stypes, at + 1, 1);
    tell(v, "ts_out", p[at + 2] ? K2_SV("true") : K2_SV("false"), at + 2, 1);
    if (p[3] > 1)
        tell_number(v, "symbol_cstr_len", c->symbol, at + 3, 2);
}

static void tell_symbol(struct cursor *c, const struct feed_visit *v, const char *name) {
    size_t at = c->at;
    struct k2_sv text = take_symbol(c);
    if (text.p)
        tell(v, name, text, at, c->symbol);
}

static void tell_list(struct cursor *c, const struct feed_visit *v, const char *name) {
    uint32_t n = take_count(c, c->symbol);
    for (uint32_t i = 0; i < n; i++) {
        v->open(v->ctx, name, (int)i, c->at);
        tell_symbol(c, v, "symbol");
        v->close(v->ctx);
    }
}

static void tell_interval(struct cursor *c, const struct feed_visit *v, int index) {
    size_t at = c->at;
    const uint8_t *p = take(c, 8);
    if (!p)
        return;
    v->open(v->ctx, "intervals", index, at);
    tell_number(v, "start_date", k2_get_u32(p), at, 4);
    tell_number(v, "end_date", k2_get_u32(p + 4), at + 4, 4);
    tell_symbol(c, v, "symbol");
    v->close(v->ctx);
}

static void tell_mappings(struct cursor *c, const struct feed_visit *v) {
    uint32_t n = take_count(c, c->symbol + 4);
    for (uint32_t i = 0; i < n; i++) {
        v->open(v->ctx, "mappings", (int)i, c->at);
        tell_symbol(c, v, "raw_symbol");
        uint32_t intervals = take_count(c, 8 + c->symbol);
        for (uint32_t j = 0; j < intervals; j++)
            tell_interval(c, v, (int)j);
        v->close(v->ctx);
    }
}

int dbn_meta_dissect(struct k2_sv bytes, const struct feed_visit *v, struct k2_err *err) {
    struct cursor c = {.start = (const uint8_t *)bytes.p, .end = bytes.n};
    struct dbn_meta m;
    struct feed_fault f;
    if (read_fixed(&c, &m, &f))
        return k2_fail(err, K2_E_INVALID, "%s", f.detail);
    v->open(v->ctx, "_metadata", -1, 0);
    tell_fixed(&c, v);
    take(&c, take_count(&c, 1));
    tell_list(&c, v, "symbols");
    tell_list(&c, v, "partial");
    tell_list(&c, v, "not_found");
    tell_mappings(&c, v);
    v->close(v->ctx);
    return c.is_short ? k2_fail(err, K2_E_INVALID, "the metadata is longer than it says") : K2_OK;
}
