/* feed/dbn/extra.c - what a record says beyond the columns of its event, as a map; see dbn.h.
 *
 * Keys are the names of the fields. Prices are decimals, everything else is as in the record. A field that
 * says that there is nothing (no price, no time, an empty text, of a leg where there are none) is not in the
 * map.
 */
#include "feed/dbn/dbn.h"

#include <stdlib.h>

#define STEPS_MAX 96
#define VALUE_TEXT 24 /* bytes of any number */

/* --- making the plans --- */

static void add_step(struct dbn_plan *p, const char *name, enum dbn_type type, size_t at,
                     size_t size) {
    int i = p->n++;
    while (i > 0 && strcmp(p->steps[i - 1].name, name) > 0) {
        p->steps[i] = p->steps[i - 1];
        i--;
    }
    size_t key_n = strlen(name);
    K2_ASSERT(4 + key_n <= DBN_KEY);
    struct dbn_step *step = &p->steps[i];
    *step = (struct dbn_step){.at = (uint16_t)at,
                              .size = (uint16_t)size,
                              .type = (uint8_t)type,
                              .name = name,
                              .key_n = (uint8_t)(4 + key_n)};
    k2_put_u32(step->key, (uint32_t)key_n);
    memcpy(step->key + 4, name, key_n);
    p->most += DBN_KEY + 4 + (size > VALUE_TEXT ? size : VALUE_TEXT);
}

enum part { REST, TRADE, ALL }; /* of dbn_plans */

static bool is_trade_column(const char *name) {
    static const char *const names[] = {"price", "size", "action", "side", "ts_recv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool belongs(const struct dbn_field *f, enum part part) {
    if (f->type == DBN_PAD)
        return false;
    return part == ALL || (part == REST ? !f->column : !is_trade_column(f->name));
}

static size_t add_fields(struct dbn_plan *p, const struct dbn_field *f, size_t at, enum part part) {
    for (; f->name; at += dbn_field_size(f++))
        if (belongs(f, part))
            add_step(p, f->name, f->type, at, dbn_field_size(f));
    return at;
}

static void make_plan(const struct dbn_layout *l, struct dbn_plan *p, enum part part) {
    p->steps = k2_alloc(STEPS_MAX * sizeof *p->steps);
    p->n = 0;
    p->most = 0;
    add_step(p, "publisher_id", DBN_U16, 2, 2);
    add_step(p, "instrument_id", DBN_U32, 4, 4);
    size_t at = add_fields(p, l->fields, DBN_HEADER, part);
    if (l->levels == 1 && part != TRADE)
        add_fields(p, l->level, at, part);
    add_step(p, "ts_out", DBN_STAMP, l->size, DBN_TS_OUT);
    p->at_legs = (uint16_t)dbn_field_at(l, "leg_count");
    for (int i = 0; i < p->n; i++) {
        p->steps[i].is_ts_out = p->steps[i].at == l->size;
        p->steps[i].is_leg = strncmp(p->steps[i].name, "leg_", 4) == 0;
    }
}

void dbn_plans_make(struct dbn_plans plans[DBN_LAYOUTS]) {
    for (int i = 0; i < DBN_LAYOUTS; i++) {
        make_plan(dbn_layout_at(i), &plans[i].rest, REST);
        make_plan(dbn_layout_at(i), &plans[i].trade, TRADE);
        make_plan(dbn_layout_at(i), &plans[i].all, ALL);
    }
}

void dbn_plans_free(struct dbn_plans plans[DBN_LAYOUTS]) {
    for (int i = 0; i < DBN_LAYOUTS; i++) {
        free(plans[i].rest.steps);
        free(plans[i].trade.steps);
        free(plans[i].all.steps);
    }
}

/* --- using them --- */

static size_t price_text(int64_t v, char *out) {
    uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, fraction = size % 1000000000;
    size_t n = 0;
    if (v < 0)
        out[n++] = '-';
    n += dbn_u64_text(size / 1000000000, out + n);
    if (!fraction)
        return n;
    out[n++] = '.';
    for (uint64_t unit = 100000000; fraction; fraction %= unit, unit /= 10)
        out[n++] = (char)('0' + fraction / unit);
    return n;
}

static bool is_greatest(enum dbn_type type, const uint8_t *at) {
    switch (type) {
    case DBN_U8:
        return *at == UINT8_MAX;
    case DBN_I8:
        return *at == INT8_MAX;
    case DBN_U16:
        return k2_get_u16(at) == UINT16_MAX;
    case DBN_I16:
        return k2_get_u16(at) == INT16_MAX;
    case DBN_U32:
        return k2_get_u32(at) == UINT32_MAX;
    case DBN_I32:
        return k2_get_u32(at) == INT32_MAX;
    case DBN_U64:
    case DBN_STAMP:
        return k2_get_u64(at) == UINT64_MAX;
    case DBN_I64:
    case DBN_PRICE:
        return k2_get_u64(at) == INT64_MAX;
    case DBN_CHAR:
    case DBN_TEXT:
    case DBN_PAD:
        break;
    }
    return false;
}

static bool says_nothing(const struct dbn_step *s, const uint8_t *at, bool max_is_none) {
    if (s->type == DBN_CHAR || s->type == DBN_TEXT)
        return *at == 0;
    if (s->type == DBN_PRICE || s->type == DBN_STAMP || max_is_none)
        return is_greatest(s->type, at);
    return false;
}

/* Appends at *out, where there is room. */
static void put_number(const struct dbn_step *s, const uint8_t *at, uint8_t **out) {
    char *text = (char *)*out + 4;
    size_t n = s->type == DBN_PRICE ? price_text((int64_t)k2_get_u64(at), text)
                                    : dbn_number_text(s->type, at, text);
    k2_put_u32(*out, (uint32_t)n);
    *out += 4 + n;
}

static int put_text(const struct dbn_step *s, const uint8_t *at, uint8_t **out,
                    struct feed_fault *c) {
    struct k2_sv text = dbn_text(at, s->size);
    if (!feed_text_ok(text, s->size))
        return feed_fault_set(c, "MALFORMED", s->name, text);
    k2_put_u32(*out, (uint32_t)text.n);
    memcpy(*out + 4, text.p, text.n);
    *out += 4 + text.n;
    return 0;
}

int dbn_extra_blob(const struct dbn_layout *l, const struct dbn_plan *plan, const uint8_t *record,
                   bool ts_out, struct k2_buf *blob, struct feed_fault *c) {
    bool legs = plan->at_legs && k2_get_u16(record + plan->at_legs) > 0;
    blob->n = 0;
    uint8_t *start = k2_buf_need(blob, plan->most), *out = start;
    for (const struct dbn_step *s = plan->steps, *end = s + plan->n; s < end; s++) {
        const uint8_t *at = record + s->at;
        if ((s->is_ts_out && !ts_out) || (s->is_leg && !legs) ||
            says_nothing(s, at, l->max_is_none))
            continue;
        memcpy(out, s->key, DBN_KEY);
        out += s->key_n;
        if (s->type != DBN_CHAR && s->type != DBN_TEXT)
            put_number(s, at, &out);
        else if (put_text(s, at, &out, c))
            return -1;
    }
    blob->n = (size_t)(out - start);
    return 0;
}
