/* feed/rows/lean.c - the CSV files of QuantConnect LEAN (github.com/QuantConnect/Lean, Data/<security>/readme.md).
 *
 *   trade ticks  time,price,quantity[,exchange,conditions,suspicious]
 *   quote ticks  time,bid,ask
 *                time,bid,bid size,ask,ask size[,exchange[,conditions],suspicious]
 *   trade bars   time,open,high,low,close,volume
 *   quote bars   time,bid open,high,low,close,last bid size,ask open,high,low,close,last ask size
 *   open interest time,contracts
 *   map files    date,ticker[,exchange]                     until that date the ticker was this one
 *   factor files date,price factor,split factor,close       until that date the factors are these
 *
 * What a row is follows from the path (lean_path.h), the variant from its number of columns. time is ms since
 * midnight of the day in the path, with decimals, or "YYYYMMDD HH:MM" in hour and daily files: on the clock of
 * the data (New York for US equities, UTC for most others). Prices of equities are dollars * 10000.
 * conditions is a hexadecimal number, one condition a bit: each bit that is set becomes one code.
 *
 * A row of a map or factor file holds up to its date and from the day behind the row before: that day is its
 * event's, so that none is dated by the 2050-12-31 which stands for "until now"; extra `until` is its date.
 *
 * Numbering: the row's place among the rows of its file and session date. A file ends at midnight of its
 * clock, which may lie inside a session, so the channel is the file: DATE_SYMBOL_RESOLUTION_TYPE_CONTRACT.
 */
#include "feed/rows/lean_path.h"
#include "feed/rows/rows.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MAX 11
#define TRADE_BAR_COLUMNS 6
#define QUOTE_BAR_COLUMNS 11
#define WORD_MAX 64
#define PRICE_SHIFT 4

struct lean {
    struct feed_rows rows; /* first: feed_rows_decode */
    enum lean_resolution resolution;
    enum lean_type type;
    int32_t day;          /* of the file; INT32_MIN = its rows say it */
    int shift;            /* of prices */
    int32_t until;        /* date of the map or factor row before; INT32_MIN = none yet */
    int64_t table_rows;   /* map and factor rows so far */
    struct k2_zone *zone; /* of the data */
    uint32_t side_id[2], venue_id, name_id;
    struct k2_sv field[COLUMNS_MAX];
    size_t columns;
};

/* --- time --- */

/* Milliseconds since midnight, with a fraction. */
static int read_of_day(struct k2_sv text, int64_t *of_day, struct feed_fault *f) {
    k2_i128 ns;
    if (k2_decimal_parse(text, 15, 6, &ns, NULL) != K2_OK || ns < 0 || ns >= K2_NS_PER_DAY)
        return feed_fault_set(f, "MALFORMED", "the time is not milliseconds since midnight", text);
    *of_day = (int64_t)ns;
    return 0;
}

/* YYYYMMDD HH:MM */
static int read_date_time(struct k2_sv text, int32_t *day, int64_t *of_day, struct feed_fault *f) {
    int hour, minute;
    if (text.n != 14 || !feed_date8((struct k2_sv){text.p, 8}, day) || text.p[8] != ' ' ||
        text.p[11] != ':' || !feed_digits(text.p + 9, 2, &hour) ||
        !feed_digits(text.p + 12, 2, &minute) || hour > 23 || minute > 59)
        return feed_fault_set(f, "MALFORMED", "the time is not YYYYMMDD HH:MM", text);
    *of_day = (int64_t)(hour * 60 + minute) * 60 * K2_NS_PER_SEC;
    return 0;
}

static int read_moment(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    int32_t day = l->day;
    int64_t of_day = 0;
    bool dated = l->resolution >= LEAN_HOUR;
    if (dated ? read_date_time(l->field[0], &day, &of_day, f)
              : read_of_day(l->field[0], &of_day, f))
        return -1;
    feed_rows_moment(&l->rows, row, day, of_day);
    return 0;
}

/* --- fields --- */

static int read_word(struct k2_sv text, struct feed_fault *f) {
    return feed_text_ok(text, WORD_MAX)
               ? 0
               : feed_fault_set(f, "MALFORMED", "the text is not plain UTF-8 or too long", text);
}

static int read_size(struct k2_sv text, k2_i128 *out, struct feed_fault *f) {
    if (feed_quantity(text, 0, out, f))
        return -1;
    return *out >= 0 ? 0 : feed_fault_set(f, "MALFORMED", "the number is negative", text);
}

static bool hex_digits(struct k2_sv text, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        int v = c >= '0' && c <= '9'                 ? c - '0'
                : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87
                                                     : -1;
        if (v < 0)
            return false;
        *out = *out << 4 | (uint64_t)v;
    }
    return text.n > 0 && text.n <= 16;
}

/* Each bit as a hexadecimal number; letters of files before 2007 that are no such number as they stand. */
static uint32_t conditions(struct lean *l, struct k2_sv text) {
    uint64_t bits;
    if (!hex_digits(text, &bits)) {
        if (text.n)
            feed_list_add(&l->rows, text);
        return feed_list_take(&l->rows);
    }
    for (uint64_t left = bits; left; left &= left - 1) {
        char code[20];
        int n = snprintf(code, sizeof code, "%llX", (unsigned long long)(left & -left));
        feed_list_add(&l->rows, (struct k2_sv){code, (size_t)n});
    }
    return feed_list_take(&l->rows);
}

/* The columns behind prices and sizes. exchange, conditions, suspicious: 1, 2 or 3 of them. */
static int read_tail(struct lean *l, size_t at, uint32_t *venue, uint32_t *codes, uint32_t *extra,
                     struct feed_fault *f) {
    size_t n = l->columns - at;
    struct k2_sv exchange = l->field[at],
                 suspicious = n > 1 ? l->field[l->columns - 1] : K2_SV("0");
    struct k2_sv code = n > 2 ? l->field[at + 1] : K2_SV("");
    if (read_word(exchange, f) || read_word(code, f) || read_word(suspicious, f))
        return -1;
    if (exchange.n)
        *venue = feed_intern(l->rows.in, &l->venue_id, exchange);
    *codes = conditions(l, code);
    if (suspicious.n && !k2_sv_eq(suspicious, K2_SV("0")))
        feed_map_add(&l->rows, K2_SV("suspicious"), suspicious);
    *extra = feed_map_take(&l->rows);
    return 0;
}

/* --- ticks --- */

static int read_trade(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    if (l->columns != 3 && l->columns != 6)
        return feed_fault_columns(f, l->columns, "a trade tick has 3 or 6");
    struct k2_trade *t = &feed_rows_event(&l->rows, row, K2_KIND_TRADE)->trade;
    if (feed_price(l->field[1], l->shift, &t->price, f) || read_size(l->field[2], &t->quantity, f))
        return -1;
    return l->columns == 3 ? 0 : read_tail(l, 3, &t->venue, &t->conditions, &t->extra, f);
}

/* A price of 0 without a size says that this side is not told of. */
static int read_side(struct lean *l, size_t at, bool sized, k2_i128 *price, k2_i128 *size,
                     struct feed_fault *f) {
    if (l->field[at].n == 0 && (!sized || l->field[at + 1].n == 0))
        return 0;
    if (feed_price(l->field[at], l->shift, price, f) ||
        (sized && read_size(l->field[at + 1], size, f)))
        return -1;
    if (*price == 0 && (!sized || *size == 0))
        *price = *size = K2_NULL_DECIMAL;
    return 0;
}

static int read_quote(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    bool sized = l->columns >= 5;
    if (l->columns != 3 && (l->columns < 5 || l->columns > 8))
        return feed_fault_columns(f, l->columns, "a quote tick has 3 or 5 to 8");
    struct k2_quote *q = &feed_rows_event(&l->rows, row, K2_KIND_QUOTE)->quote;
    if (read_side(l, 1, sized, &q->bid_price, &q->bid_quantity, f) ||
        read_side(l, sized ? 3 : 2, sized, &q->ask_price, &q->ask_quantity, f))
        return -1;
    return l->columns <= 5 ? 0 : read_tail(l, 5, &q->venue, &q->conditions, &q->extra, f);
}

static int read_open_interest(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    if (l->columns != 2)
        return feed_fault_columns(f, l->columns, "open interest has 2");
    struct k2_statistic *s = &feed_rows_event(&l->rows, row, K2_KIND_STATISTIC)->statistic;
    s->statistic = feed_intern(l->rows.in, &l->name_id, K2_SV("OPEN_INTEREST"));
    return read_size(l->field[1], &s->quantity, f);
}

/* --- bars --- */

static int read_prices(struct lean *l, size_t at, struct k2_bar *b, struct feed_fault *f) {
    k2_i128 *const price[] = {&b->open, &b->high, &b->low, &b->close};
    b->interval_ns = lean_interval_ns(l->resolution);
    for (size_t i = 0; i < 4; i++)
        if (feed_price(l->field[at + i], l->shift, price[i], f))
            return -1;
    return 0;
}

static int read_trade_bar(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    struct k2_bar *b = &feed_rows_event(&l->rows, row, K2_KIND_BAR)->bar;
    return read_prices(l, 1, b, f) || read_size(l->field[5], &b->volume, f) ? -1 : 0;
}

/* One side of a quote bar. Without prices there was no quote of it. */
static int read_side_bar(struct lean *l, struct feed_row *row, size_t at, bool ask,
                         struct feed_fault *f) {
    k2_i128 size;
    struct k2_sv last = l->field[at + 4];
    bool empty = true;
    for (size_t i = 0; i < 4; i++)
        empty &= l->field[at + i].n == 0;
    if (last.n && read_size(last, &size, f))
        return -1;
    if (empty)
        return 0;
    struct k2_bar *b = &feed_rows_event(&l->rows, row, K2_KIND_BAR)->bar;
    b->side = feed_intern(l->rows.in, &l->side_id[ask], ask ? K2_SV("ASK") : K2_SV("BID"));
    if (last.n)
        feed_map_add(&l->rows, K2_SV("last_size"), last);
    b->extra = feed_map_take(&l->rows);
    return read_prices(l, at, b, f);
}

static int read_quote_bar(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    if (read_side_bar(l, row, 1, false, f) || read_side_bar(l, row, 6, true, f))
        return -1;
    return l->rows.n
               ? 0
               : feed_fault_set(f, "INVALID", "the bar has neither bid nor ask prices", row->raw);
}

static int read_bar(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    bool trade = l->type == LEAN_TRADE || (!l->type && l->columns == TRADE_BAR_COLUMNS);
    if (trade && l->columns == TRADE_BAR_COLUMNS)
        return read_trade_bar(l, row, f);
    if (!trade && l->columns == QUOTE_BAR_COLUMNS)
        return read_quote_bar(l, row, f);
    return feed_fault_columns(
        f, l->columns, trade ? "a bar of trades has 6" : "a bar of quotes has 11, of trades 6");
}

/* --- map and factor files --- */

static int read_until(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    int32_t until, from;
    if (!feed_date8(l->field[0], &until))
        return feed_fault_set(f, "MALFORMED", "the date is not YYYYMMDD", l->field[0]);
    from = l->until == INT32_MIN ? until : l->until + (l->table_rows > 1);
    feed_rows_moment(&l->rows, row, from, 0);
    l->until = until;
    l->table_rows++;
    return 0;
}

static void add_until(struct lean *l) {
    char text[K2_DATE_TEXT];
    size_t n = k2_date_format(l->until, text);
    feed_map_add(&l->rows, K2_SV("until"), (struct k2_sv){text, n});
}

static int read_map(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    if (l->columns != 2 && l->columns != 3)
        return feed_fault_columns(f, l->columns, "a map file has 2 or 3");
    if (read_until(l, row, f) || read_word(l->field[1], f) ||
        (l->columns == 3 && read_word(l->field[2], f)))
        return -1;
    if (l->field[1].n == 0)
        return feed_fault_set(f, "INVALID", "the ticker is missing", row->raw);
    struct k2_instrument *i = &feed_rows_event(&l->rows, row, K2_KIND_INSTRUMENT)->instrument;
    i->action = k2_intern(l->rows.in, l->table_rows == 1 ? K2_SV("DEFINE") : K2_SV("MODIFY"));
    if (l->columns == 3 && l->field[2].n)
        i->venue = feed_intern(l->rows.in, &l->venue_id, l->field[2]);
    feed_map_add(&l->rows, K2_SV("ticker"), l->field[1]);
    add_until(l);
    i->extra = feed_map_take(&l->rows);
    return 0;
}

static int read_factor(struct lean *l, struct feed_row *row, struct feed_fault *f) {
    static const struct k2_sv names[] = {
        {"PRICE_FACTOR", 12}, {"SPLIT_FACTOR", 12}, {"REFERENCE_CLOSE", 15}};
    if (l->columns != 4)
        return feed_fault_columns(f, l->columns, "a factor file has 4");
    if (read_until(l, row, f))
        return -1;
    add_until(l);
    uint32_t extra = feed_map_take(&l->rows);
    for (size_t i = 0; i < 3; i++) {
        struct k2_statistic *s = &feed_rows_event(&l->rows, row, K2_KIND_STATISTIC)->statistic;
        s->statistic = k2_intern(l->rows.in, names[i]);
        s->extra = extra;
        if (feed_price(l->field[i + 1], 0, &s->price, f))
            return -1;
    }
    return 0;
}

/* --- the decoder --- */

static int read_row(void *state, struct feed_rows *r, struct feed_row *row, struct feed_fault *f) {
    struct lean *l = state;
    (void)r;
    l->columns = feed_fields(row->raw, ',', l->field, COLUMNS_MAX);
    if (l->columns > COLUMNS_MAX)
        return feed_fault_columns(f, l->columns, "no row of LEAN has more than 11");
    if (l->type == LEAN_MAP)
        return read_map(l, row, f);
    if (l->type == LEAN_FACTOR)
        return read_factor(l, row, f);
    if (read_moment(l, row, f))
        return -1;
    if (l->type == LEAN_OPEN_INTEREST)
        return read_open_interest(l, row, f);
    if (l->resolution != LEAN_TICK)
        return read_bar(l, row, f);
    return l->type == LEAN_TRADE ? read_trade(l, row, f) : read_quote(l, row, f);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    return feed_rows_decode(state, bytes, last, consumed, sink, read_row, NULL, err);
}

/* --- setting up --- */

static void put_capitals(struct k2_buf *out, struct k2_sv text) {
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        k2_buf_byte(out, (uint8_t)(c >= 'a' && c <= 'z' ? c - 32 : c));
    }
}

static char *symbol_of(const struct feed_options *o, const struct lean_path *p) {
    struct k2_buf out = {0};
    if (o->symbol.n)
        return k2_sv_dup(o->symbol);
    put_capitals(&out, p->symbol);
    if (p->contract.n) {
        k2_buf_byte(&out, '_');
        put_capitals(&out, p->contract);
    }
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

/* The file's name, in one form for all that name the same. */
static char *channel_of(const struct lean *l, const struct lean_path *p) {
    struct k2_buf out = {0};
    int year, month, day;
    if (l->day != INT32_MIN) {
        k2_civil_from_days(l->day, &year, &month, &day);
        k2_buf_printf(&out, "%04d%02d%02d_", year, month, day);
    }
    k2_buf_sv(&out, p->symbol);
    if (l->resolution)
        k2_buf_printf(&out, "_%s", lean_resolution_name(l->resolution));
    if (l->type)
        k2_buf_printf(&out, "_%s", lean_type_name(l->type));
    if (p->contract.n)
        k2_buf_printf(&out, "_%.*s", K2_SV_ARG(p->contract));
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

static int check_path(const struct lean *l, const struct feed_options *o, const struct lean_path *p,
                      struct k2_err *err) {
    bool table = l->type == LEAN_MAP || l->type == LEAN_FACTOR;
    const char *lacks = NULL;
    if (!table && l->resolution == LEAN_NO_RESOLUTION)
        lacks = "the resolution (tick, second, minute, hour or daily)";
    else if (!table && l->type == LEAN_NO_TYPE && l->resolution < LEAN_HOUR)
        lacks = "what the rows are (trade, quote or openinterest)";
    else if (!table && l->resolution < LEAN_HOUR && l->day == INT32_MIN)
        lacks = "the day; give --date";
    else if (!o->exchange.n && !p->market.n)
        lacks = "the market, the directory above the resolution; give --exchange (US-EQUITY, "
                "OANDA, COMEX, COINBASE)";
    if (lacks)
        return k2_fail(err, K2_E_INVALID, "lean: the path \"%.*s\" does not say %s",
                       K2_SV_ARG(o->source), lacks);
    if (!feed_text_ok(k2_sv_of(l->rows.symbol), WORD_MAX) || !l->rows.symbol[0])
        return k2_fail(err, K2_E_INVALID, "lean: the symbol of \"%.*s\" is not plain text",
                       K2_SV_ARG(o->source));
    return K2_OK;
}

static char *exchange_of(const struct feed_options *o, const struct lean_path *p) {
    struct k2_buf out = {0};
    if (o->exchange.n)
        return k2_sv_dup(o->exchange);
    lean_exchange(p->market, &out);
    char *text = k2_sv_dup(feed_exchange_code(k2_buf_view(&out)));
    k2_buf_free(&out);
    return text;
}

static enum k2_kind_id kind_of(const struct lean *l) {
    if (l->type == LEAN_MAP)
        return K2_KIND_INSTRUMENT;
    if (l->type == LEAN_FACTOR || l->type == LEAN_OPEN_INTEREST)
        return K2_KIND_STATISTIC;
    if (l->resolution != LEAN_TICK)
        return K2_KIND_BAR;
    return l->type == LEAN_TRADE ? K2_KIND_TRADE : K2_KIND_QUOTE;
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct lean *l = state;
    struct lean_path p;
    (void)self;
    if (!lean_path_parse(o->source, &p))
        return k2_fail(err, K2_E_INVALID,
                       "lean: \"%.*s\" is not named as LEAN names its files, such as "
                       "equity/usa/minute/spy/20131007_trade.zip/20131007_spy_minute_trade.csv",
                       K2_SV_ARG(o->source));
    feed_rows_init(&l->rows, o, in);
    l->resolution = p.resolution;
    l->type = p.type;
    l->day = p.resolution >= LEAN_HOUR ? INT32_MIN : p.day != INT32_MIN ? p.day : o->date;
    l->until = INT32_MIN;
    l->rows.symbol = symbol_of(o, &p);
    K2_TRY(check_path(l, o, &p, err));
    l->rows.exchange = exchange_of(o, &p);
    l->rows.channel = channel_of(l, &p);
    l->rows.kind = kind_of(l);
    struct k2_sv exchange = k2_sv_of(l->rows.exchange);
    l->shift = p.scaled || (!p.market.n && lean_scaled_exchange(exchange)) ? PRICE_SHIFT : 0;
    K2_TRY(feed_calendar_find(exchange, o->calendar, &l->rows.calendar, err));
    const char *zone = lean_zone(&p, exchange);
    if (zone)
        K2_TRY(k2_zone_load(zone, &l->zone, err));
    l->rows.clock.zone = l->zone;
    return K2_OK;
}

static void fini(void *state) {
    struct lean *l = state;
    feed_rows_fini(&l->rows);
    k2_zone_free(l->zone);
    *l = (struct lean){0};
}

static void save(const void *state, struct k2_buf *out) {
    const struct lean *l = state;
    k2_avro_put_long(out, l->until);
    k2_avro_put_long(out, l->table_rows);
    feed_rows_save(&l->rows, out);
}

static bool restore(void *state, struct k2_sv saved) {
    struct lean *l = state;
    int64_t until, rows;
    if (!k2_avro_get_long(&saved, &until) || !k2_avro_get_long(&saved, &rows) ||
        until < INT32_MIN || until > INT32_MAX / 2 || rows < 0 || rows > INT64_MAX / 2 ||
        !feed_rows_restore(&l->rows, saved))
        return false;
    l->until = (int32_t)until;
    l->table_rows = rows;
    return true;
}

/* --- whose file it is --- */

enum shape { NO_SHAPE, OF_DAY, DATED, TABLE };

/* What the first row looks like. */
static enum shape shape_of(struct k2_sv line) {
    struct k2_sv field[COLUMNS_MAX], word;
    struct feed_fault f;
    int64_t of_day;
    int32_t day;
    k2_i128 number;
    size_t n = feed_fields(line, ',', field, COLUMNS_MAX);
    if (n < 2 || n > COLUMNS_MAX)
        return NO_SHAPE;
    if (!read_date_time(field[0], &day, &of_day, &f))
        return n == 2 || n == TRADE_BAR_COLUMNS || n == QUOTE_BAR_COLUMNS ? DATED : NO_SHAPE;
    if (feed_date8(field[0], &day)) {
        word = field[1];
        bool letters = word.n && (word.p[0] | 32) >= 'a' && (word.p[0] | 32) <= 'z';
        if (n == 4 ? !feed_price(field[1], 0, &number, &f) && !feed_price(field[3], 0, &number, &f)
                   : n <= 3 && letters)
            return TABLE;
    }
    return read_of_day(field[0], &of_day, &f) ? NO_SHAPE : OF_DAY;
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    struct lean_path p;
    (void)self;
    if (!lean_path_parse(file_name, &p))
        return 0;
    bool named = p.day != INT32_MIN;
    switch (shape_of(k2_sv_trim(k2_sv_split(&head, '\n')))) {
    case OF_DAY:
        *why = "a LEAN file by its name, and rows that begin with a time of day";
        return named ? 94 : 0;
    case DATED:
        *why = "rows of LEAN's hour and daily bars";
        return named ? 0 : 85;
    case TABLE:
        *why = "rows of a LEAN map or factor file";
        return named ? 0 : p.type == LEAN_MAP || p.type == LEAN_FACTOR ? 94 : 60;
    case NO_SHAPE:
        break;
    }
    return 0;
}

static const struct feed_fact facts[] = {
    {"specification", "document",
     "QuantConnect LEAN, Data/DATA_TYPE/readme.md: the LEAN data format; it has no version"},
    {"file name", "MARKET/minute/SYMBOL/YYYYMMDD_TYPE.zip",
     "as LEAN lays it out: exchange, symbol, day and what the rows are come from the path"},
    {"file name", "MARKET/daily/SYMBOL.zip", "hour and daily bars"},
    {"file name", "MARKET/map_files/SYMBOL.csv", "also factor_files"},
    {"line", "trade tick", "14430270,1815200,283,P,20002020,0"},
    {"line", "quote bar", "0,1.38676,1.38686,1.38669,1.38686,0,1.38686,1.38697,1.38680,1.38697,0"},
    {"all", "market",
     "exchange: usa = US-EQUITY, gdax = COINBASE, any other in capitals (OANDA, COMEX)"},
    {"all", "symbol, contract", "symbol in capitals: SPY, GC_201312"},
    {"all", "time",
     "exchange_timestamp_ns: ms since midnight, or YYYYMMDD HH:MM, on the data's clock"},
    {"all", "price", "of equities and their options dollars * 10000"},
    {"trade, quote", "exchange", "venue"},
    {"trade, quote", "conditions", "conditions: one hexadecimal number for each bit"},
    {"trade, quote", "suspicious", "extra: suspicious, unless 0"},
    {"quote", "price 0, size 0", "nothing is said of that side"},
    {"bar", "trade bar", "interval_ns by the name, open, high, low, close, volume"},
    {"bar", "quote bar", "two bars, side BID and ASK; extra: last_size"},
    {"statistic", "open interest", "OPEN_INTEREST"},
    {"statistic", "factor file",
     "PRICE_FACTOR, SPLIT_FACTOR, REFERENCE_CLOSE from that day on; extra: until"},
    {"instrument", "map file", "extra: ticker from that day on, until; venue"},
    {"other", "every other row", "goes to quarantine and uses up its number"},
    {0},
};

const struct feed_ops feed_lean = {
    .name = "lean",
    .title = "QuantConnect LEAN ticks, bars, open interest, map and factor files",
    .numbering = "the row's place among the rows of its file and session date, from 1",
    .facts = facts,
    .ordinal = true,
    .state_size = sizeof(struct lean),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .save = save,
    .restore = restore,
};
