/* feed/rows/rows.c - see rows.h. */
#include "feed/rows/rows.h"

#include <stdio.h>
#include <stdlib.h>

#define BAD_DATE INT32_MIN

/* --- numbers by place --- */

static struct k2_h128 key_of(struct feed_rows *r, const struct feed_row *row, enum k2_kind_id kind,
                             int32_t date) {
    r->blob.n = 0;
    k2_blob_add(&r->blob, row->exchange);
    k2_blob_add(&r->blob, row->channel);
    uint8_t *tail = k2_buf_need(&r->blob, 8);
    k2_put_u32(tail, (uint32_t)kind);
    k2_put_u32(tail + 4, (uint32_t)date);
    struct k2_h128 key = k2_hash128(r->blob.p, r->blob.n + 8);
    r->blob.n = 0;
    return key;
}

static struct feed_ordinal *probe(const struct feed_ordinals *o, struct k2_h128 key) {
    size_t at = key.lo & (o->n_slots - 1);
    while (o->slots[at].last >= 0 && k2_h128_cmp(o->slots[at].key, key) != 0)
        at = (at + 1) & (o->n_slots - 1);
    return &o->slots[at];
}

static void grow(struct feed_ordinals *o) {
    struct feed_ordinals old = *o;
    o->n_slots = old.n_slots ? 2 * old.n_slots : 16;
    o->slots = k2_alloc(o->n_slots * sizeof *o->slots);
    for (size_t i = 0; i < o->n_slots; i++)
        o->slots[i] = (struct feed_ordinal){.last = -1};
    for (size_t i = 0; i < old.n_slots; i++)
        if (old.slots[i].last >= 0)
            *probe(o, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

/* A free one is taken, and begins at `start`. */
static struct feed_ordinal *slot_of(struct feed_ordinals *o, struct k2_h128 key, bool *fresh) {
    if (2 * (o->n + 1) > o->n_slots)
        grow(o);
    struct feed_ordinal *slot = probe(o, key);
    *fresh = slot->last < 0;
    if (*fresh) {
        *slot = (struct feed_ordinal){.key = key};
        o->n++;
    }
    return slot;
}

static int64_t next_number(struct feed_rows *r, const struct feed_row *row, enum k2_kind_id kind,
                           int32_t date) {
    bool fresh;
    if (r->shared)
        kind = SEQ_SHARED;
    struct feed_ordinal *slot = slot_of(&r->ordinals, key_of(r, row, kind, date), &fresh);
    if (fresh && r->counted)
        slot->last = r->counted(r->counted_ctx, row->exchange, row->channel, kind, date);
    return ++slot->last;
}

/* --- time --- */

int64_t feed_clock_utc(struct feed_clock *c, int32_t day, int64_t of_day) {
    int64_t local = day * K2_NS_PER_DAY + of_day;
    if (!c->zone)
        return local;
    if (!c->day_cached || c->day != day) {
        int64_t start = day * K2_NS_PER_DAY, end = start + K2_NS_PER_DAY - 1;
        c->day_offset = start - k2_zone_to_utc(c->zone, start);
        c->day_regular = end - k2_zone_to_utc(c->zone, end) == c->day_offset;
        c->day = day;
        c->day_cached = true;
    }
    return c->day_regular ? local - c->day_offset : k2_zone_to_utc(c->zone, local);
}

bool feed_digits(const char *p, size_t n, int *out) {
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

bool feed_date8(struct k2_sv text, int32_t *day) {
    int year, month, dom, y, m, d;
    if (text.n != 8 || !feed_digits(text.p, 4, &year) || !feed_digits(text.p + 4, 2, &month) ||
        !feed_digits(text.p + 6, 2, &dom))
        return false;
    if (year < 1700 || year > 2200 || month < 1 || month > 12 || dom < 1 || dom > 31)
        return false;
    *day = k2_days_from_civil(year, month, dom);
    k2_civil_from_days(*day, &y, &m, &d);
    return m == month; /* that month has such a day */
}

/* --- fields --- */

size_t feed_fields(struct k2_sv row, char separator, struct k2_sv *field, size_t most) {
    size_t n = 0;
    for (;; n++) {
        const char *cut = row.n ? memchr(row.p, separator, row.n) : NULL;
        size_t here = cut ? (size_t)(cut - row.p) : row.n;
        if (n < most)
            field[n] = (struct k2_sv){row.p, here};
        if (!cut)
            return n + 1;
        row.p += here + 1;
        row.n -= here + 1;
    }
}

/* mantissa * 10^scale, which may be below 1: then the digits cut off must be zeros. */
static int parse_scaled(struct k2_sv mantissa, int64_t scale, int precision, k2_i128 *out) {
    if (scale < -38)
        scale = -38; /* no mantissa of 38 digits has so many zeros but 0 itself */
    bool too_fine = scale > 38;
    int rc = k2_decimal_parse(mantissa, 38, scale < 0 ? 0 : too_fine ? 0 : (int)scale, out, NULL);
    if (rc != K2_OK)
        return rc;
    if (too_fine && *out != 0)
        return K2_E_RANGE;
    if (scale < 0) {
        k2_i128 unit = k2_pow10((int)-scale);
        if (*out % unit != 0)
            return K2_E_RANGE;
        *out /= unit;
    }
    return k2_decimal_fits(*out, precision) ? K2_OK : K2_E_RANGE;
}

/* Cuts "e-05" off; false when what is there is no exponent. */
static bool take_exponent(struct k2_sv *text, int64_t *exponent) {
    *exponent = 0;
    for (size_t i = 1; i < text->n; i++) {
        if (text->p[i] != 'e' && text->p[i] != 'E')
            continue;
        struct k2_sv rest = {text->p + i + 1, text->n - i - 1};
        (void)k2_sv_take(&rest, '+');
        text->n = i;
        return rest.n <= 6 && k2_sv_i64(rest, exponent);
    }
    return true;
}

static int parse_number(struct k2_sv text, int shift, int precision, int scale, k2_i128 *out) {
    int at = scale - shift;
    int rc = at >= 0 && at <= precision ? k2_decimal_parse(text, precision, at, out, NULL)
                                        : K2_E_INVALID;
    if (rc == K2_OK)
        return rc;
    struct k2_sv mantissa = text;
    int64_t exponent;
    if (!take_exponent(&mantissa, &exponent))
        return K2_E_INVALID;
    return mantissa.n == text.n && rc == K2_E_RANGE
               ? rc
               : parse_scaled(mantissa, at + exponent, precision, out);
}

static int number_fault(int rc, struct k2_sv text, struct feed_fault *f) {
    if (rc == K2_E_RANGE)
        return feed_fault_set(f, "RANGE", "the number has more digits than the table holds", text);
    return rc == K2_OK ? 0 : feed_fault_set(f, "MALFORMED", "not a number", text);
}

int feed_price(struct k2_sv text, int shift, k2_i128 *out, struct feed_fault *f) {
    return number_fault(parse_number(text, shift, K2_PRICE_PRECISION, K2_PRICE_SCALE, out), text,
                        f);
}

int feed_quantity(struct k2_sv text, int shift, k2_i128 *out, struct feed_fault *f) {
    return number_fault(parse_number(text, shift, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, out),
                        text, f);
}

int feed_fault_columns(struct feed_fault *f, size_t found, const char *wanted) {
    f->reason = "MALFORMED";
    snprintf(f->detail, sizeof f->detail, "the row has %zu column%s; %s", found,
             found == 1 ? "" : "s", wanted);
    return -1;
}

void feed_map_add(struct feed_rows *r, struct k2_sv key, struct k2_sv value) {
    k2_blob_add(&r->blob, key);
    k2_blob_add(&r->blob, value);
}

static uint32_t take_blob(struct feed_rows *r, uint32_t *memo) {
    uint32_t id = r->blob.n ? feed_intern(r->in, memo, k2_buf_view(&r->blob)) : 0;
    r->blob.n = 0;
    return id;
}

uint32_t feed_map_take(struct feed_rows *r) {
    return take_blob(r, &r->map_id);
}

void feed_rows_extra(struct feed_rows *r) {
    uint32_t id = feed_map_take(r);
    struct k2_event *e = &r->events[0];
    const struct k2_kind *kind = k2_kind(e->kind);
    int i = k2_field_by_name(kind, K2_SV("extra"));
    memcpy((char *)k2_event_fields(e) + kind->fields[i].offset, &id, sizeof id);
}

void feed_list_add(struct feed_rows *r, struct k2_sv text) {
    k2_blob_add(&r->blob, text);
}

uint32_t feed_list_take(struct feed_rows *r) {
    return take_blob(r, &r->list_id);
}

struct k2_sv feed_base_name(struct k2_sv path) {
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/')
            return (struct k2_sv){path.p + i, path.n - i};
    return path;
}

/* --- rows --- */

void feed_rows_init(struct feed_rows *r, const struct feed_options *o, struct k2_interner *in) {
    *r = (struct feed_rows){.in = in,
                            .wants = o->wants,
                            .wants_ctx = o->wants_ctx,
                            .counted = o->counted,
                            .counted_ctx = o->counted_ctx,
                            .date = BAD_DATE,
                            .kind = K2_KIND_COUNT};
}

void feed_rows_fini(struct feed_rows *r) {
    free(r->exchange);
    free(r->symbol);
    free(r->channel);
    free(r->ordinals.slots);
    free(r->events);
    k2_buf_free(&r->blob);
    *r = (struct feed_rows){0};
}

void feed_rows_moment_utc(struct feed_rows *r, struct feed_row *row, int64_t ns) {
    row->ns = ns;
    row->date = feed_session_date(r->calendar, ns);
    row->dated = true;
}

void feed_rows_moment(struct feed_rows *r, struct feed_row *row, int32_t day, int64_t of_day) {
    feed_rows_moment_utc(r, row, feed_clock_utc(&r->clock, day, of_day));
}

static void start(struct feed_rows *r, const struct feed_row *row, enum k2_kind_id kind,
                  struct k2_event *e) {
    struct feed_head head = {.trade_date = row->date,
                             .ns = row->ns,
                             .receive_ns = row->receive_ns,
                             .raw_offset = (int64_t)r->lines.offset};
    if (row->exchange.n)
        head.exchange = feed_intern(r->in, &r->exchange_id, row->exchange);
    if (row->symbol.n)
        head.symbol = feed_intern(r->in, &r->symbol_id, row->symbol);
    if (row->channel.n)
        head.channel = feed_intern(r->in, &r->channel_id, row->channel);
    feed_event_start(e, kind, &head);
}

struct k2_event *feed_rows_event(struct feed_rows *r, const struct feed_row *row,
                                 enum k2_kind_id kind) {
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 4;
        r->events = k2_realloc(r->events, r->cap * sizeof *r->events);
    }
    struct k2_event *e = &r->events[r->n++];
    start(r, row, kind, e);
    return e;
}

/* flags, which has the same name in every kind of a market. */
static int32_t *flags_of(struct k2_event *e) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)
#define K2_MARKET_KIND(name, NAME, table, topic, meaning)                                          \
    case K2_KIND_##NAME:                                                                           \
        return &e->name.flags;
#include "codec/kinds.def"
#undef K2_KIND
#undef K2_MARKET_KIND
    case K2_KIND_QUARANTINE:
    case K2_KIND_COUNT:
    default:
        K2_ASSERT(!"a market's kind");
    }
    return NULL;
}

static int give(struct feed_rows *r, const struct feed_row *row, const struct feed_sink *sink,
                struct k2_err *err) {
    for (size_t i = 0; i < r->n; i++) {
        struct k2_event *e = &r->events[i];
        int32_t *flags = flags_of(e);
        e->head.exchange_sequence_number = row->number;
        e->head.part = (int32_t)i;
        if (i + 1 < r->n)
            *flags &= ~K2_FLAG_LAST;
        if (r->shared)
            *flags |= K2_FLAG_SHARED;
        K2_TRY(sink->event(sink->ctx, e, row->raw, r->lines.position, err));
    }
    return K2_OK;
}

static bool wanted(const struct feed_rows *r, const struct feed_row *row) {
    return !r->wants || row->symbol.n == 0 || r->wants(r->wants_ctx, row->symbol);
}

/* Uses up the number of a bad row: the numbering rule of the header. */
static void consume(struct feed_rows *r, struct feed_row *row) {
    if (row->numbered || row->date == BAD_DATE || row->kind == K2_KIND_COUNT || !row->channel.n)
        return;
    row->number = next_number(r, row, row->kind, row->date);
    row->numbered = true;
}

static int refuse(struct feed_rows *r, struct feed_row *row, const struct feed_fault *f,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event partial;
    if (!row->dated)
        row->date = r->date;
    consume(r, row);
    if (!wanted(r, row))
        return sink->filtered(sink->ctx, "symbol not wanted", err);
    start(r, row, row->kind == K2_KIND_COUNT ? K2_KIND_MESSAGE : row->kind, &partial);
    partial.head.exchange_sequence_number = row->number;
    if (r->shared)
        *flags_of(&partial) |= K2_FLAG_SHARED;
    struct feed_reject reject = {
        .reason = f->reason,
        .detail = f->detail,
        .raw = row->raw,
        .position = r->lines.position,
        .offset = r->lines.offset,
        .partial = row->exchange.n ? &partial : NULL,
        .numbered = row->numbered && row->exchange.n && row->date != BAD_DATE,
    };
    return sink->reject(sink->ctx, &reject, err);
}

static int take_row(void *state, struct feed_row *row, const struct feed_sink *sink,
                    feed_row_fn *read, struct k2_err *err) {
    struct feed_rows *r = state;
    struct feed_fault f;
    r->n = r->blob.n = 0;
    int bad = read(state, r, row, &f);
    r->blob.n = 0;
    if (row->dated)
        r->date = row->date;
    if (bad)
        return refuse(r, row, &f, sink, err);
    K2_ASSERT(r->n > 0 && row->dated);
    if (!r->shared)
        row->kind = r->events[0].kind;
    r->kind = row->kind;
    if (!row->numbered)
        row->number = next_number(r, row, row->kind, row->date);
    if (!wanted(r, row))
        return sink->filtered(sink->ctx, "symbol not wanted", err);
    return give(r, row, sink, err);
}

static int take_line(void *state, struct k2_sv line, enum feed_line whole,
                     const struct feed_sink *sink, feed_row_fn *read,
                     bool (*header)(void *state, struct k2_sv line), struct k2_err *err) {
    struct feed_rows *r = state;
    struct feed_row row = {.raw = line,
                           .exchange = k2_sv_of(r->exchange),
                           .symbol = k2_sv_of(r->symbol),
                           .channel = k2_sv_of(r->channel),
                           .kind = r->kind,
                           .date = BAD_DATE,
                           .receive_ns = K2_NULL_LONG};
    if (whole == FEED_LINE_TOO_LONG) {
        struct feed_fault f;
        (void)feed_fault_too_long(&f);
        return refuse(r, &row, &f, sink, err);
    }
    if (row.raw.n && row.raw.p[row.raw.n - 1] == '\r')
        row.raw.n--;
    if (k2_sv_trim(row.raw).n == 0 || (r->comment && row.raw.p[0] == r->comment) ||
        (header && r->lines.position == 1 && header(state, row.raw)))
        return K2_OK;
    return take_row(state, &row, sink, read, err);
}

int feed_rows_decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                     const struct feed_sink *sink, feed_row_fn *read,
                     bool (*header)(void *state, struct k2_sv line), struct k2_err *err) {
    struct feed_rows *r = state;
    struct k2_sv rest = bytes, line;
    enum feed_line found;
    int rc = K2_OK;
    while (rc == K2_OK && (found = feed_line_next(&r->lines, &rest, last, &line)) != FEED_LINE_MORE)
        rc = take_line(state, line, found, sink, read, header, err);
    *consumed = bytes.n - rest.n;
    return rc;
}

/* --- the state as bytes: Avro longs, and the counts as 16 bytes of key and a long --- */

void feed_rows_save(const struct feed_rows *r, struct k2_buf *out) {
    feed_lines_save(&r->lines, out);
    k2_avro_put_long(out, r->date);
    k2_avro_put_long(out, (int64_t)r->kind);
    k2_avro_put_long(out, (int64_t)r->ordinals.n);
    for (size_t i = 0; i < r->ordinals.n_slots; i++) {
        const struct feed_ordinal *slot = &r->ordinals.slots[i];
        if (slot->last < 0)
            continue;
        uint8_t *key = k2_buf_need(out, 16);
        k2_put_u64(key, slot->key.lo);
        k2_put_u64(key + 8, slot->key.hi);
        out->n += 16;
        k2_avro_put_long(out, slot->last);
    }
}

static bool get_ordinal(struct feed_ordinals *o, struct k2_sv *in) {
    if (in->n < 16)
        return false;
    struct k2_h128 key = {.lo = k2_get_u64(in->p), .hi = k2_get_u64(in->p + 8)};
    bool fresh;
    int64_t last;
    in->p += 16;
    in->n -= 16;
    if (!k2_avro_get_long(in, &last) || last < 0 || last > INT64_MAX / 2)
        return false;
    slot_of(o, key, &fresh)->last = last;
    return fresh;
}

static bool get_state(struct feed_rows *r, struct k2_sv *in) {
    int64_t date, kind, n;
    if (!feed_lines_restore(&r->lines, in) || !k2_avro_get_long(in, &date) ||
        !k2_avro_get_long(in, &kind) || !k2_avro_get_long(in, &n) || date < INT32_MIN ||
        date > INT32_MAX || kind < 0 || kind > K2_KIND_COUNT || kind == K2_KIND_QUARANTINE)
        return false;
    r->date = (int32_t)date;
    r->kind = (enum k2_kind_id)kind;
    for (; n > 0; n--)
        if (!get_ordinal(&r->ordinals, in))
            return false;
    return n == 0;
}

bool feed_rows_restore(struct feed_rows *r, struct k2_sv saved) {
    struct feed_rows fresh = *r;
    if (get_state(r, &saved) && saved.n == 0)
        return true;
    free(r->ordinals.slots);
    *r = fresh;
    r->ordinals = (struct feed_ordinals){0};
    return false;
}
