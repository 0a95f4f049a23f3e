/* feed/dbn/stream.c - whose record it is, and its number; see dbn.h and docs/decisions/0072.
 *
 * A DBN file is a selection of what a venue sent, cut by time and by instruments, so the venue's sequence
 * has gaps that mean nothing and numbers that several records share. Records are counted instead: those of
 * one rtype, publisher and instrument are a stream, and each kind of event in it counts from 1 for each UTC
 * day and session date. The UTC day is in it because that is how Databento cuts its files.
 */
#include "feed/dbn/dbn.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE_NS (60 * K2_NS_PER_SEC)

/* --- markets --- */

/* "ABCD-FEED" of "ABCD.FEED"; empty where that is no exchange code. */
static void code_of_dataset(const char *dataset, char out[32]) {
    snprintf(out, 32, "%s", dataset);
    for (char *p = out; *p; p++)
        if (*p == '.')
            *p = '-';
    if (!k2_exchange_ok(k2_sv_of(out)))
        out[0] = 0;
}

/* The dataset's venue where its calendar is known, else the dataset; DBN where nothing is known. */
static void name_market(const struct dbn *d, struct dbn_market *m) {
    const struct dbn_publisher *p = dbn_publisher(m->publisher);
    snprintf(m->dataset, sizeof m->dataset, "%s", p ? p->dataset : d->meta.dataset);
    snprintf(m->exchange, sizeof m->exchange, "%.*s", (int)strcspn(m->dataset, "."), m->dataset);
    if (p && strcmp(p->venue, m->exchange) != 0)
        snprintf(m->venue, sizeof m->venue, "%s", p->venue);
    if (!p && feed_calendar_find(k2_sv_of(m->exchange), NULL, &m->calendar, NULL) != K2_OK)
        code_of_dataset(m->dataset, m->exchange);
    if (!m->exchange[0])
        snprintf(m->exchange, sizeof m->exchange, "DBN");
    if (d->exchange)
        snprintf(m->exchange, sizeof m->exchange, "%s", d->exchange);
}

static K2_RC add_market(struct dbn *d, uint16_t publisher, struct dbn_market **out,
                        struct k2_err *err) {
    struct dbn_market *m = k2_zalloc(sizeof *m);
    m->publisher = publisher;
    m->minute = INT64_MIN;
    name_market(d, m);
    int rc = feed_calendar_find(k2_sv_of(m->exchange), d->calendar, &m->calendar, err);
    if (rc != K2_OK) {
        free(m);
        return rc;
    }
    d->markets = k2_realloc(d->markets, (d->n_markets + 1) * sizeof(struct dbn_market *));
    d->markets[d->n_markets++] = *out = m;
    return K2_OK;
}

static K2_RC find_market(struct dbn *d, uint16_t publisher, struct dbn_market **out,
                         struct k2_err *err) {
    bool known = dbn_publisher(publisher) != NULL;
    for (size_t i = 0; i < d->n_markets; i++) {
        struct dbn_market *m = d->markets[i];
        if (m->publisher == publisher && (known || strcmp(m->dataset, d->meta.dataset) == 0)) {
            *out = m;
            return K2_OK;
        }
    }
    return add_market(d, publisher, out, err);
}

int32_t dbn_session_date(struct dbn_market *m, int64_t ns) {
    int64_t minute = k2_floor_div(ns, MINUTE_NS);
    if (minute != m->minute) { /* sessions begin on full minutes */
        m->minute = minute;
        m->date = feed_session_date(m->calendar, ns);
    }
    return m->date;
}

/* --- streams --- */

static uint64_t key_of(const uint8_t *header) {
    uint64_t publisher = k2_get_u16(header + 2), instrument = k2_get_u32(header + 4);
    return publisher << 48 | (uint64_t)header[1] << 32 | instrument;
}

static size_t place_of(const struct dbn *d, uint64_t key) {
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (d->cap - 1);
    while (d->table[i] && d->table[i]->key != key)
        i = (i + 1) & (d->cap - 1);
    return i;
}

static void grow(struct dbn *d) {
    struct dbn_stream **old = d->table;
    size_t cap = d->cap;
    d->cap = cap ? cap * 2 : 256;
    d->table = k2_zalloc(d->cap * sizeof(struct dbn_stream *));
    for (size_t i = 0; i < cap; i++)
        if (old[i])
            d->table[place_of(d, old[i]->key)] = old[i];
    free(old);
}

/* "GLBX.MDP3-mbo-5482-20231224", with a venue of its own "OPRA.PILLAR-XCBO-trades-..." */
static void name_channel(const struct dbn *d, struct dbn_stream *s) {
    const struct dbn_market *m = s->market;
    uint8_t rtype = (uint8_t)(s->key >> 32);
    const char *name = dbn_rtype_name(rtype);
    char number[16];
    int year, month, day;
    snprintf(number, sizeof number, "rtype%d", rtype);
    if (rtype == DBN_MBP_1 && d->meta.version && d->meta.schema == DBN_SCHEMA_TBBO)
        name = "tbbo";
    k2_civil_from_days(s->day, &year, &month, &day);
    int n = snprintf(s->channel, sizeof s->channel, "%s%s%s-%s-%lu-%04d%02d%02d",
                     m->dataset[0] ? m->dataset : "DBN", m->venue[0] ? "-" : "", m->venue,
                     name ? name : number, (unsigned long)(uint32_t)s->key, year, month, day);
    s->channel_n = (uint8_t)n;
}

static void name_symbol(struct dbn *d, struct dbn_stream *s) {
    uint32_t instrument = (uint32_t)s->key;
    struct k2_sv symbol = dbn_symbol_find(&d->symbols, instrument, s->day);
    char number[DBN_NUMBER_TEXT];
    if (!symbol.n)
        symbol = (struct k2_sv){number, dbn_u64_text(instrument, number)};
    memcpy(s->symbol, symbol.p, symbol.n);
    s->symbol_n = (uint8_t)symbol.n;
    s->wanted = !d->options.wants || d->options.wants(d->options.wants_ctx, symbol);
}

/* What depends on the day and on the metadata. */
static K2_RC turn(struct dbn *d, struct dbn_stream *s, int32_t day, struct k2_err *err) {
    K2_TRY(find_market(d, (uint16_t)(s->key >> 48), &s->market, err));
    s->day = day;
    s->generation = d->generation;
    name_channel(d, s);
    name_symbol(d, s);
    free(s->levels);
    s->levels = NULL;
    return K2_OK;
}

static K2_RC add_stream(struct dbn *d, uint64_t key, int32_t day, struct dbn_stream **out,
                        struct k2_err *err) {
    if (d->n_streams * 2 >= d->cap)
        grow(d);
    struct dbn_stream *s = k2_zalloc(sizeof *s);
    s->key = key;
    int rc = turn(d, s, day, err);
    if (rc != K2_OK) {
        free(s);
        return rc;
    }
    d->table[place_of(d, key)] = *out = s;
    d->n_streams++;
    return K2_OK;
}

int dbn_stream_find(struct dbn *d, const uint8_t *header, int64_t index_ns, struct dbn_stream **out,
                    struct k2_err *err) {
    int32_t day = k2_date_of(index_ns);
    uint64_t key = key_of(header);
    struct dbn_stream *s = d->last;
    if (!s || s->key != key)
        s = d->cap ? d->table[place_of(d, key)] : NULL;
    if (!s)
        K2_TRY(add_stream(d, key, day, &s, err));
    else if (s->day != day || s->generation != d->generation)
        K2_TRY(turn(d, s, day, err));
    d->last = *out = s;
    return K2_OK;
}

/* --- numbers --- */

static struct dbn_counter *add_counter(struct dbn *d, struct dbn_stream *s, enum k2_kind_id kind,
                                       int32_t date) {
    const struct feed_options *o = &d->options;
    struct k2_sv exchange = k2_sv_of(s->market->exchange), channel = {s->channel, s->channel_n};
    s->counters = k2_realloc(s->counters, (s->n_counters + 1) * sizeof *s->counters);
    struct dbn_counter *c = &s->counters[s->n_counters++];
    *c = (struct dbn_counter){.kind = kind, .day = s->day, .date = date};
    if (o->counted)
        c->last = o->counted(o->counted_ctx, exchange, channel, kind, date);
    return c;
}

int64_t dbn_next_number(struct dbn *d, struct dbn_stream *s, enum k2_kind_id kind, int32_t date) {
    for (uint32_t i = s->n_counters; i > 0; i--) {
        struct dbn_counter *c = &s->counters[i - 1];
        if (c->kind == kind && c->day == s->day && c->date == date)
            return ++c->last;
    }
    return ++add_counter(d, s, kind, date)->last;
}

void dbn_streams_free(struct dbn *d) {
    for (size_t i = 0; i < d->cap; i++)
        if (d->table[i]) {
            free(d->table[i]->counters);
            free(d->table[i]->levels);
            free(d->table[i]);
        }
    for (size_t i = 0; i < d->n_markets; i++)
        free(d->markets[i]);
    free(d->table);
    free(d->markets);
}
