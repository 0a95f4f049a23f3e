/* feed/rows/asx_csv.c - ASX trades and quotes as CSV rows, one symbol a file.
 *
 *   trade  date,time,price,volume,qualifier,venue,column 7
 *   quote  date,time,bid,ask,bid volume,ask volume
 *
 * date is MM/DD/YYYY, time HH:MM:SS.mmm on the exchange's wall clock. A header line is tolerated as
 * line 1, CR before LF everywhere. The symbol comes from the file's name,
 * <id>_<SYMBOL>[_<date>].csv.
 *
 * Numbering: rows carry no number, so each is numbered by its place among the rows of its (kind,
 * session date), from 1, bad rows included. The kind is told by the number of columns. A row whose
 * columns tell nothing counts as its predecessor's kind; if it has none, as both: only one of the
 * two will be used. A row whose date cannot be read counts in the date of its predecessor.
 */
#include "feed/feed_int.h"

#include <stdio.h>
#include <stdlib.h>

#define TRADE_COLUMNS 7
#define QUOTE_COLUMNS 6
#define WORD_MAX 64 /* bytes of a qualifier, venue or column 7 */
#define KIND_UNKNOWN K2_KIND_COUNT

struct counter { /* numbers used up of one session date */
    int32_t date;
    bool begun[2]; /* `counted` was asked */
    int64_t last[2];
};

struct asx {
    struct k2_interner *in;
    struct feed_lines lines;
    const struct feed_calendar *calendar;
    const struct k2_zone *wall_clock;
    char *exchange, *symbol;
    bool wanted;
    int64_t (*counted)(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date);
    void *counted_ctx;
    int32_t date;             /* session date of the last dated row; INT32_MIN = none yet */
    enum k2_kind_id kind;     /* of the last good row; KIND_UNKNOWN = none yet */
    struct counter *counters; /* ascending by date */
    size_t n_counters, cap_counters, current;
    int32_t day; /* local; the day for which day_offset holds */
    int64_t day_offset;
    bool day_cached, day_regular;                                      /* one offset all day */
    uint32_t exchange_id, symbol_id, qualifier_id, venue_id, extra_id; /* memos */
    struct k2_buf blob;
};

struct row {
    struct k2_sv raw;
    struct k2_sv field[TRADE_COLUMNS];
    int columns;
    bool dated;
    int32_t date; /* session date */
    int64_t ns;   /* UTC */
};

/* --- numbering --- */

static size_t find_counter(const struct asx *a, int32_t date) {
    size_t low = 0, high = a->n_counters;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (a->counters[middle].date < date)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct counter *counter_of(struct asx *a, int32_t date) {
    if (a->n_counters && a->counters[a->current].date == date)
        return &a->counters[a->current];
    size_t at = find_counter(a, date);
    if (at == a->n_counters || a->counters[at].date != date) {
        if (a->n_counters == a->cap_counters) {
            a->cap_counters = a->cap_counters ? a->cap_counters * 2 : 8;
            a->counters = k2_realloc(a->counters, a->cap_counters * sizeof *a->counters);
        }
        memmove(a->counters + at + 1, a->counters + at, (a->n_counters - at) * sizeof *a->counters);
        a->counters[at] = (struct counter){.date = date};
        a->n_counters++;
    }
    a->current = at;
    return &a->counters[at];
}

static int64_t next_number(struct asx *a, enum k2_kind_id kind, int32_t date) {
    struct counter *c = counter_of(a, date);
    int i = kind == K2_KIND_QUOTE;
    if (!c->begun[i] && a->counted)
        c->last[i] =
            a->counted(a->counted_ctx, k2_sv_of(a->exchange), k2_sv_of(a->symbol), kind, date);
    c->begun[i] = true;
    return ++c->last[i];
}

/* --- date and time --- */

static bool digits(const char *p, int n, int *out) {
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

static bool parse_date(struct k2_sv s, int32_t *day) {
    static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, dom, y, m, d;
    if (s.n != 10 || s.p[2] != '/' || s.p[5] != '/' || !digits(s.p, 2, &month) ||
        !digits(s.p + 3, 2, &dom) || !digits(s.p + 6, 4, &year))
        return false;
    if (year < 1700 || year > 2200 || month < 1 || month > 12 || dom < 1 ||
        dom > longest[month - 1])
        return false;
    *day = k2_days_from_civil(year, month, dom);
    k2_civil_from_days(*day, &y, &m, &d);
    return m == month; /* 29 February exists in that year */
}

/* HH:MM:SS, with a fraction of up to 9 digits: the venue sends three. */
static bool parse_time(struct k2_sv s, int64_t *ns) {
    int hour, minute, second;
    if (s.n < 8 || s.p[2] != ':' || s.p[5] != ':' || !digits(s.p, 2, &hour) ||
        !digits(s.p + 3, 2, &minute) || !digits(s.p + 6, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t unit = K2_NS_PER_SEC, fraction = 0;
    if (s.n > 8 && (s.p[8] != '.' || s.n == 9 || s.n > 18))
        return false;
    for (size_t i = 9; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        unit /= 10;
        fraction += unit * (s.p[i] - '0');
    }
    *ns = (hour * 3600 + minute * 60 + second) * K2_NS_PER_SEC + fraction;
    return true;
}

static int64_t to_utc(struct asx *a, int32_t day, int64_t of_day) {
    int64_t local = day * K2_NS_PER_DAY + of_day;
    if (!a->day_cached || a->day != day) {
        int64_t start = day * K2_NS_PER_DAY, end = start + K2_NS_PER_DAY - 1;
        a->day_offset = start - k2_zone_to_utc(a->wall_clock, start);
        a->day_regular = end - k2_zone_to_utc(a->wall_clock, end) == a->day_offset;
        a->day = day;
        a->day_cached = true;
    }
    return a->day_regular ? local - a->day_offset : k2_zone_to_utc(a->wall_clock, local);
}

/* --- one row --- */

static void split(struct row *r) {
    struct k2_sv rest = r->raw;
    if (rest.n && rest.p[rest.n - 1] == '\r')
        rest.n--;
    r->columns = 0;
    for (;;) {
        const char *comma = memchr(rest.p, ',', rest.n);
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        if (r->columns < TRADE_COLUMNS)
            r->field[r->columns] = (struct k2_sv){rest.p, n};
        r->columns++;
        if (!comma)
            return;
        rest.p += n + 1;
        rest.n -= n + 1;
    }
}

/* Date and time; dated also when only the date can be read. */
static int read_moment(struct asx *a, struct row *r, struct feed_fault *c) {
    int32_t day;
    int64_t of_day;
    if (!parse_date(r->field[0], &day))
        return feed_fault_set(c, "MALFORMED", "the date is not MM/DD/YYYY", r->field[0]);
    bool timed = r->columns > 1 && parse_time(r->field[1], &of_day);
    r->ns = to_utc(a, day, timed ? of_day : K2_NS_PER_DAY / 2);
    r->date = feed_session_date(a->calendar, r->ns);
    r->dated = true;
    if (r->columns < 2)
        return 0; /* the number of columns is the better complaint */
    return timed ? 0 : feed_fault_set(c, "MALFORMED", "the time is not HH:MM:SS.mmm", r->field[1]);
}

static int read_number(struct k2_sv text, int precision, int scale, k2_i128 *out,
                       struct feed_fault *c) {
    int rc = k2_decimal_parse(text, precision, scale, out, NULL);
    if (rc == K2_E_RANGE)
        return feed_fault_set(c, "RANGE", "the number has more digits than the table holds", text);
    if (rc != K2_OK)
        return feed_fault_set(c, "MALFORMED", "not a number", text);
    if (*out < 0)
        return feed_fault_set(c, "MALFORMED", "the number is negative", text);
    return 0;
}

static int read_price(struct k2_sv text, k2_i128 *out, struct feed_fault *c) {
    return read_number(text, K2_PRICE_PRECISION, K2_PRICE_SCALE, out, c);
}

static int read_quantity(struct k2_sv text, k2_i128 *out, struct feed_fault *c) {
    return read_number(text, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, out, c);
}

static int read_word(struct k2_sv text, struct feed_fault *c) {
    return feed_text_ok(text, WORD_MAX)
               ? 0
               : feed_fault_set(c, "MALFORMED", "the text is not plain UTF-8 or too long", text);
}

static uint32_t blob_id(struct asx *a, uint32_t *memo, struct k2_sv key, struct k2_sv value) {
    a->blob.n = 0;
    if (key.n)
        k2_blob_add(&a->blob, key);
    k2_blob_add(&a->blob, value);
    return feed_intern(a->in, memo, k2_buf_view(&a->blob));
}

static int read_trade(struct asx *a, const struct row *r, struct k2_event *e,
                      struct feed_fault *c) {
    struct k2_trade *t = &e->trade;
    const struct k2_sv *f = r->field;
    if (read_price(f[2], &t->price, c) || read_quantity(f[3], &t->quantity, c) ||
        read_word(f[4], c) || read_word(f[5], c) || read_word(f[6], c))
        return -1;
    if (t->price == 0)
        t->price = K2_NULL_DECIMAL;
    if (f[4].n)
        t->conditions = blob_id(a, &a->qualifier_id, (struct k2_sv){NULL, 0}, f[4]);
    if (f[5].n)
        t->venue = feed_intern(a->in, &a->venue_id, f[5]);
    if (f[6].n)
        t->extra = blob_id(a, &a->extra_id, K2_SV("column7"), f[6]);
    return 0;
}

/* A price of zero says that the side is absent. */
static int read_side(struct k2_sv price_text, struct k2_sv quantity_text, k2_i128 *price,
                     k2_i128 *quantity, struct feed_fault *c) {
    if (read_price(price_text, price, c) || read_quantity(quantity_text, quantity, c))
        return -1;
    if (*price == 0)
        *price = *quantity = K2_NULL_DECIMAL;
    return 0;
}

static int read_quote(const struct row *r, struct k2_event *e, struct feed_fault *c) {
    struct k2_quote *q = &e->quote;
    if (read_side(r->field[2], r->field[4], &q->bid_price, &q->bid_quantity, c))
        return -1;
    return read_side(r->field[3], r->field[5], &q->ask_price, &q->ask_quantity, c);
}

static void start_event(struct asx *a, const struct row *r, enum k2_kind_id kind,
                        struct k2_event *e) {
    uint32_t symbol = feed_intern(a->in, &a->symbol_id, k2_sv_of(a->symbol));
    struct feed_head head = {
        .exchange = feed_intern(a->in, &a->exchange_id, k2_sv_of(a->exchange)),
        .symbol = symbol,
        .channel = symbol,
        .trade_date = r->date,
        .ns = r->ns,
        .receive_ns = K2_NULL_LONG,
        .raw_offset = (int64_t)a->lines.offset,
    };
    feed_event_start(e, kind, &head);
}

static void set_number(struct k2_event *e, int64_t number) {
    if (e->kind == K2_KIND_QUOTE)
        e->quote.exchange_sequence_number = number;
    else
        e->trade.exchange_sequence_number = number;
}

static enum k2_kind_id kind_by_columns(int columns) {
    return columns == TRADE_COLUMNS   ? K2_KIND_TRADE
           : columns == QUOTE_COLUMNS ? K2_KIND_QUOTE
                                      : KIND_UNKNOWN;
}

static int read_row(struct asx *a, struct row *r, struct k2_event *e, struct feed_fault *c) {
    enum k2_kind_id kind = kind_by_columns(r->columns);
    if (read_moment(a, r, c))
        return -1;
    if (kind == KIND_UNKNOWN) {
        c->reason = "MALFORMED";
        snprintf(c->detail, sizeof c->detail,
                 "the row has %d columns; a trade has 7 and a quote has 6", r->columns);
        return -1;
    }
    start_event(a, r, kind, e);
    return kind == K2_KIND_TRADE ? read_trade(a, r, e, c) : read_quote(r, e, c);
}

/* Uses up the number of a bad row: the numbering rule of the head comment. False if it has none
 * that can be told. */
static bool consume(struct asx *a, const struct row *r, int64_t *number) {
    if (r->date == INT32_MIN)
        return false;
    if (a->kind != KIND_UNKNOWN) {
        *number = next_number(a, a->kind, r->date);
        return true;
    }
    (void)next_number(a, K2_KIND_TRADE, r->date);
    (void)next_number(a, K2_KIND_QUOTE, r->date);
    return false;
}

static int refuse(struct asx *a, struct row *r, const struct feed_fault *c,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event partial;
    int64_t number = 0;
    if (!r->dated)
        r->date = a->date;
    bool numbered = consume(a, r, &number);
    if (!a->wanted)
        return sink->filtered(sink->ctx, "symbol not wanted", err);
    enum k2_kind_id kind = a->kind != KIND_UNKNOWN       ? a->kind
                           : r->columns >= TRADE_COLUMNS ? K2_KIND_TRADE
                                                         : K2_KIND_QUOTE;
    start_event(a, r, kind, &partial);
    set_number(&partial, number);
    struct feed_reject reject = {
        .reason = c->reason,
        .detail = c->detail,
        .raw = r->raw,
        .position = a->lines.position,
        .offset = a->lines.offset,
        .partial = &partial,
        .numbered = numbered,
    };
    return sink->reject(sink->ctx, &reject, err);
}

static int take_row(struct asx *a, struct row *r, const struct feed_sink *sink,
                    struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    split(r);
    int bad = read_row(a, r, &e, &c);
    if (r->dated)
        a->date = r->date;
    if (bad)
        return refuse(a, r, &c, sink, err);
    a->kind = e.kind;
    set_number(&e, next_number(a, e.kind, r->date));
    if (!a->wanted)
        return sink->filtered(sink->ctx, "symbol not wanted", err);
    return sink->event(sink->ctx, &e, r->raw, a->lines.position, err);
}

static bool has_digit(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= '0' && s.p[i] <= '9')
            return true;
    return false;
}

/* Names of columns: two fields of words in front. A damaged row still has digits there. */
static bool is_header(struct k2_sv line) {
    struct k2_sv first = k2_sv_split(&line, ','), second = k2_sv_split(&line, ',');
    return first.n && second.n && line.n && !has_digit(first) && !has_digit(second);
}

static int take_line(struct asx *a, struct k2_sv line, enum feed_line whole,
                     const struct feed_sink *sink, struct k2_err *err) {
    struct row r = {.raw = line, .date = INT32_MIN};
    if (whole == FEED_LINE_TOO_LONG) {
        struct feed_fault c;
        (void)feed_fault_too_long(&c);
        return refuse(a, &r, &c, sink, err);
    }
    if (k2_sv_trim(r.raw).n == 0 || (a->lines.position == 1 && is_header(r.raw)))
        return K2_OK;
    return take_row(a, &r, sink, err);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct asx *a = state;
    struct k2_sv rest = bytes, line;
    enum feed_line found;
    int rc = K2_OK;
    while (rc == K2_OK && (found = feed_line_next(&a->lines, &rest, last, &line)) != FEED_LINE_MORE)
        rc = take_line(a, line, found, sink, err);
    *consumed = bytes.n - rest.n;
    return rc;
}

/* --- setting up --- */

static struct k2_sv base_name(struct k2_sv path) {
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/')
            return (struct k2_sv){path.p + i, path.n - i};
    return path;
}

static bool all_digits(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* The SYMBOL of <id>_<SYMBOL>[_<date>].csv[.gz]; empty if the name is not of that form. */
static struct k2_sv symbol_in(struct k2_sv path) {
    struct k2_sv name = base_name(path), none = {NULL, 0};
    if (k2_sv_ends(name, K2_SV(".gz")))
        name.n -= 3;
    if (!k2_sv_ends(name, K2_SV(".csv")))
        return none;
    name.n -= 4;
    struct k2_sv id = k2_sv_split(&name, '_'), symbol = k2_sv_split(&name, '_');
    bool dated = name.n == 0 || all_digits(name);
    return all_digits(id) && dated ? symbol : none;
}

static int find_calendars(struct asx *a, const struct feed_options *o, struct k2_err *err) {
    const struct feed_calendar *own;
    struct k2_sv exchange = k2_sv_of(a->exchange);
    K2_TRY(feed_calendar_find(exchange, o->calendar, &a->calendar, err));
    if (feed_calendar_find(exchange, NULL, &own, NULL) != K2_OK)
        own = a->calendar;
    a->wall_clock = feed_calendar_zone(own);
    return K2_OK;
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    (void)self;
    struct asx *a = state;
    struct k2_sv symbol = o->symbol.n ? o->symbol : symbol_in(o->source);
    if (symbol.n == 0)
        return k2_fail(err, K2_E_INVALID,
                       "asx-csv: the name \"%.*s\" does not say the symbol; name the file "
                       "<id>_<SYMBOL>[_<date>].csv or give the symbol",
                       K2_SV_ARG(o->source));
    if (!feed_text_ok(symbol, WORD_MAX))
        return k2_fail(err, K2_E_INVALID, "asx-csv: the symbol \"%.*s\" is not plain text",
                       K2_SV_ARG(symbol));
    a->in = in;
    a->exchange = k2_sv_dup(o->exchange.n ? o->exchange : K2_SV("ASX"));
    a->symbol = k2_sv_dup(symbol);
    a->wanted = !o->wants || o->wants(o->wants_ctx, symbol);
    a->counted = o->counted;
    a->counted_ctx = o->counted_ctx;
    a->date = o->date;
    a->kind = KIND_UNKNOWN;
    return find_calendars(a, o, err);
}

static void fini(void *state) {
    struct asx *a = state;
    free(a->exchange);
    free(a->symbol);
    free(a->counters);
    k2_buf_free(&a->blob);
    *a = (struct asx){0};
}

/* The lines, the date and kind that a bad row counts in, and the counters, as Avro longs. */
static void save(const void *state, struct k2_buf *out) {
    const struct asx *a = state;
    feed_lines_save(&a->lines, out);
    k2_avro_put_long(out, a->date);
    k2_avro_put_long(out, a->kind == KIND_UNKNOWN ? -1 : a->kind == K2_KIND_QUOTE);
    k2_avro_put_long(out, (int64_t)a->n_counters);
    for (size_t i = 0; i < a->n_counters; i++) {
        const struct counter *c = &a->counters[i];
        k2_avro_put_long(out, c->date);
        for (int kind = 0; kind < 2; kind++)
            k2_avro_put_long(out, c->begun[kind] ? c->last[kind] : -1);
    }
}

static bool get_date(struct k2_sv *in, int32_t *out) {
    int64_t date;
    if (!k2_avro_get_long(in, &date) || date < INT32_MIN || date > INT32_MAX)
        return false;
    *out = (int32_t)date;
    return true;
}

static bool get_counter(struct asx *a, struct k2_sv *in) {
    int32_t date;
    if (!get_date(in, &date) || (a->n_counters && a->counters[a->n_counters - 1].date >= date))
        return false;
    struct counter *c = counter_of(a, date);
    for (int kind = 0; kind < 2; kind++) {
        int64_t last;
        if (!k2_avro_get_long(in, &last) || last < -1 || last > INT64_MAX / 2)
            return false;
        c->begun[kind] = last >= 0;
        c->last[kind] = last < 0 ? 0 : last;
    }
    return true;
}

static bool get_state(struct asx *a, struct k2_sv *in) {
    int64_t kind, n;
    if (!feed_lines_restore(&a->lines, in) || !get_date(in, &a->date) ||
        !k2_avro_get_long(in, &kind) || kind < -1 || kind > 1 || !k2_avro_get_long(in, &n))
        return false;
    a->kind = kind < 0 ? KIND_UNKNOWN : kind ? K2_KIND_QUOTE : K2_KIND_TRADE;
    for (; n > 0; n--)
        if (!get_counter(a, in))
            return false;
    return n == 0 && in->n == 0;
}

static bool restore(void *state, struct k2_sv saved) {
    struct asx *a = state;
    int32_t date = a->date;
    if (get_state(a, &saved))
        return true;
    a->lines = (struct feed_lines){0};
    a->date = date;
    a->kind = KIND_UNKNOWN;
    a->n_counters = a->current = 0;
    return false;
}

/* Looks at the first line that may be a row. */
static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    (void)self;
    struct row r = {0};
    int32_t day;
    int64_t of_day;
    int score = 0;
    struct k2_sv rest = head;
    for (int i = 0; i < 2 && rest.n && score == 0; i++) {
        r.raw = k2_sv_split(&rest, '\n');
        split(&r);
        bool known = r.columns == TRADE_COLUMNS || r.columns == QUOTE_COLUMNS;
        if (known && parse_date(r.field[0], &day) && parse_time(r.field[1], &of_day))
            score = symbol_in(file_name).n ? 95 : 80;
    }
    *why = score == 95 ? "rows of a trade or quote, and the symbol in the file's name"
                       : "rows of a trade or quote; the file's name does not say the symbol";
    return score;
}

static const struct feed_fact facts[] = {
    {"specification", "document",
     "files of trades and quotes as k2-market-data-platform publishes them; they have no version"},
    {"file name", "<id>_<SYMBOL>[_<date>].csv[.gz]",
     "where the symbol comes from, unless it is given; the date in it is not used"},
    {"line", "trade", "03/10/2014,10:05:44.516,37.51,1200,3,X,"},
    {"line", "quote", "03/10/2014,10:05:44.516,37.5,37.52,1000,2500"},
    {"trade, quote", "date", "MM/DD/YYYY on the exchange's wall clock"},
    {"trade, quote", "time", "HH:MM:SS and up to 9 digits; with the date: exchange_timestamp_ns"},
    {"trade", "price", "price; 0 = none"},
    {"trade", "volume", "quantity"},
    {"trade", "qualifier", "conditions"},
    {"trade", "venue", "venue"},
    {"trade", "column 7", "extra: column7"},
    {"quote", "bid, ask", "bid_price, ask_price; 0 = that side is absent"},
    {"quote", "bid volume, ask volume", "bid_quantity, ask_quantity"},
    {"other", "a first line of words", "is a header and is passed over"},
    {"other", "every other row", "goes to quarantine and uses up its number"},
    {0},
};

const struct feed_ops feed_asx_csv = {
    .name = "asx-csv",
    .title = "ASX trades and quotes, CSV, one symbol a file",
    .numbering = "the row's place among the rows of its symbol, kind and session date, from 1",
    .facts = facts,
    .ordinal = true,
    .state_size = sizeof(struct asx),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .save = save,
    .restore = restore,
};
