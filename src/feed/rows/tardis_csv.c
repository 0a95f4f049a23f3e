/* feed/rows/tardis_csv.c - the CSV files of Tardis.dev ("Downloadable CSV files": CSV format details, Data types).
 *
 * Comma, LF, no quotes; times in microseconds since 1970 UTC (18 and more digits are nanoseconds, as tools that keep
 * such files write them). Line 1 names the columns and so tells the data type, in whatever order they stand; all begin
 *   exchange,symbol,timestamp,local_timestamp
 *   timestamp        exchange_timestamp_ns; local_timestamp where it is empty
 *   local_timestamp  "message arrival timestamp": receive_timestamp_ns
 *   trades               id,side,price,amount                      side: buy, sell, unknown
 *   liquidations         the same columns: what the file's name says decides; messages
 *   quotes, book_ticker  ask_amount,ask_price,bid_price,bid_amount the file's name decides
 *   incremental_book_L2  is_snapshot,side,price,amount             levels; amount 0 takes the level away. "If last update
 *                        was not a snapshot and current one is, then existing order book state must be discarded": CLEAR
 *   book_snapshot_N      asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,...  the book each time
 *   derivative_ticker    funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,
 *                        mark_price                                figures
 *   options_chain        type,strike_price,expiration,..., the best quote and figures
 * A column without a place of its own goes to extra under its name.
 *
 * Exchange and symbol as tardis-json has them: stored under TARDIS, or the exchange of --exchange. The files number
 * nothing. Channel: SYMBOL@EXCHANGE.TYPE; the number is the row's place in it on its session date, from 1, and a row
 * that gives several events counts once.
 */
#include "feed/rows/rows.h"

#include <stdlib.h>

#define COLUMNS_MAX 1024
#define WORD_MAX 128
#define EXTRA_MAX 65536 /* bytes of a field that goes to extra */
#define NS_DIGITS 18    /* of a time: microseconds have 16 until the year 2286 */

enum role { /* the first ones are cells of the row */
            EXCHANGE,
            SYMBOL,
            TIME,
            LOCAL,
            SNAPSHOT,
            SIDE,
            PRICE,
            AMOUNT,
            BID_PRICE,
            BID_AMOUNT,
            ASK_PRICE,
            ASK_AMOUNT,
            CELLS,
            EXTRA = CELLS,
            FIGURE,
            FIGURE_SIZE,
            LEVEL
};

struct named { /* a column */
    const char *name;
    enum role role;
    const char *as; /* statistic, or key of extra */
};

struct tardis;
struct type {
    const char *name, *file; /* what the file's name says, where others have the same columns */
    const struct named *columns;
    size_t n;
    enum k2_kind_id kind;
    bool shared; /* a row may give events of several kinds */
    int (*read)(struct tardis *t, struct feed_row *row, struct feed_fault *f);
};

struct column {
    struct k2_sv name, key; /* key: in extra; both of the header, or static */
    enum role role;
    const char *statistic;
    bool extra; /* in this row */
};

struct book { /* whether the last row of a book was one of a snapshot */
    struct k2_h128 key;
    bool used, snapshot;
};

struct tardis {
    struct feed_rows rows; /* first: feed_rows_decode */
    char *source;
    const struct type *type;
    struct k2_buf header, suffix, channel;
    struct column *columns;
    size_t *order; /* columns by key */
    size_t n, levels;
    struct k2_sv *field;
    size_t (*place)[CELLS]; /* of a level: its columns */
    struct k2_sv cell[CELLS];
    size_t at[CELLS]; /* their columns */
    struct book *books;
    size_t n_books, n_slots;
    uint32_t word_id[4];
};

/* --- the values of a row --- */

static int read_number(struct k2_sv text, bool price, k2_i128 *out, struct feed_fault *f) {
    if (text.n == 0)
        return feed_fault_set(f, "MALFORMED",
                              price ? "the price is missing" : "the amount is missing", text);
    if (price ? feed_price(text, 0, out, f) : feed_quantity(text, 0, out, f))
        return -1;
    return price || *out >= 0 ? 0 : feed_fault_set(f, "MALFORMED", "the amount is below 0", text);
}

static int read_time(struct k2_sv text, int64_t *ns, struct feed_fault *f) {
    int64_t value;
    if (!k2_sv_i64(text, &value) || value < 0)
        return feed_fault_set(f, "MALFORMED", "the time is no whole number", text);
    if (__builtin_mul_overflow(value, text.n >= NS_DIGITS ? 1 : K2_NS_PER_US, ns))
        return feed_fault_set(f, "RANGE", "the time is out of range", text);
    return 0;
}

static int read_sell(struct k2_sv text, const char *buy, const char *sell, bool *out,
                     struct feed_fault *f) {
    *out = k2_sv_eq(text, k2_sv_of(sell));
    return *out || k2_sv_eq(text, k2_sv_of(buy))
               ? 0
               : feed_fault_set(f, "MALFORMED", "the side is none of this type's", text);
}

static uint32_t word(struct tardis *t, size_t memo, const char *text) {
    return feed_intern(t->rows.in, &t->word_id[memo], k2_sv_of(text));
}

static uint32_t side_id(struct tardis *t, bool sell) {
    return word(t, sell, sell ? "SELL" : "BUY");
}

static int read_trade(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    struct k2_trade *trade = &feed_rows_event(&t->rows, row, K2_KIND_TRADE)->trade;
    bool sell;
    if (t->cell[SIDE].n && !k2_sv_eq(t->cell[SIDE], K2_SV("unknown"))) {
        if (read_sell(t->cell[SIDE], "buy", "sell", &sell, f))
            return -1;
        trade->side = side_id(t, sell);
    }
    if (read_number(t->cell[PRICE], true, &trade->price, f))
        return -1;
    if (trade->price == 0)
        trade->price = K2_NULL_DECIMAL;
    return read_number(t->cell[AMOUNT], false, &trade->quantity, f);
}

static int read_message(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    (void)f;
    feed_rows_event(&t->rows, row, K2_KIND_MESSAGE)->message.message_type =
        word(t, 2, t->type->name);
    return 0;
}

/* The amount of a side that has no price is kept as extra. */
static void keep_amount(struct tardis *t, enum role amount) {
    t->columns[t->at[amount]].extra = true;
}

/* One side of a quote; nobody is on it when its price is missing, or price and amount are 0. */
static int read_best(struct tardis *t, enum role price, k2_i128 *out_price, k2_i128 *out_size,
                     struct feed_fault *f) {
    struct k2_sv size = t->cell[price + 1];
    if (t->cell[price].n == 0) {
        keep_amount(t, price + 1);
        return 0;
    }
    if (read_number(t->cell[price], true, out_price, f) ||
        (size.n && read_number(size, false, out_size, f)))
        return -1;
    if (*out_price == 0 && *out_size == 0)
        *out_price = *out_size = K2_NULL_DECIMAL;
    return 0;
}

static int read_quote(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    struct k2_quote *q = &feed_rows_event(&t->rows, row, K2_KIND_QUOTE)->quote;
    if (read_best(t, BID_PRICE, &q->bid_price, &q->bid_quantity, f))
        return -1;
    return read_best(t, ASK_PRICE, &q->ask_price, &q->ask_quantity, f);
}

/* A figure that does not fit its column is kept as it was written. */
static int read_figures(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    for (size_t i = 0; i < t->n; i++) {
        struct column *c = &t->columns[i];
        struct feed_fault fault;
        k2_i128 value;
        bool size = c->role == FIGURE_SIZE;
        if ((c->role != FIGURE && !size) || t->field[i].n == 0)
            continue;
        int bad = size ? feed_quantity(t->field[i], 0, &value, &fault)
                       : feed_price(t->field[i], 0, &value, &fault);
        if (bad && strcmp(fault.reason, "RANGE") != 0) {
            *f = fault;
            return -1;
        }
        c->extra = bad;
        if (bad)
            continue;
        struct k2_statistic *s = &feed_rows_event(&t->rows, row, K2_KIND_STATISTIC)->statistic;
        s->statistic = k2_intern(t->rows.in, k2_sv_of(c->statistic));
        *(size ? &s->quantity : &s->price) = value;
    }
    return t->rows.n ? 0 : read_message(t, row, f);
}

static int read_option(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    bool quote = t->cell[BID_PRICE].n || t->cell[ASK_PRICE].n;
    if (!quote) {
        keep_amount(t, BID_AMOUNT);
        keep_amount(t, ASK_AMOUNT);
    }
    return quote && read_quote(t, row, f) ? -1 : read_figures(t, row, f);
}

/* --- books --- */

static struct k2_book_event *add_change(struct tardis *t, const struct feed_row *row,
                                        const char *action, bool snapshot) {
    struct k2_book_event *b = &feed_rows_event(&t->rows, row, K2_KIND_BOOK_EVENT)->book_event;
    b->action = word(t, 3, action);
    b->flags |= snapshot ? K2_FLAG_SNAPSHOT : 0;
    return b;
}

static struct book *probe(const struct tardis *t, struct k2_h128 key) {
    size_t at = key.lo & (t->n_slots - 1);
    while (t->books[at].used && k2_h128_cmp(t->books[at].key, key) != 0)
        at = (at + 1) & (t->n_slots - 1);
    return &t->books[at];
}

static struct book *book_of(struct tardis *t, struct k2_h128 key) {
    if (2 * (t->n_books + 1) > t->n_slots) {
        struct book *old = t->books;
        size_t n = t->n_slots;
        t->n_slots = n ? 2 * n : 16;
        t->books = k2_zalloc(t->n_slots * sizeof *t->books);
        for (size_t i = 0; i < n; i++)
            if (old[i].used)
                *probe(t, old[i].key) = old[i];
        free(old);
    }
    struct book *b = probe(t, key);
    t->n_books += !b->used;
    b->key = key;
    b->used = true;
    return b;
}

static int read_change(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    bool sell, snapshot = k2_sv_eq(t->cell[SNAPSHOT], K2_SV("true"));
    k2_i128 price, amount;
    if (!snapshot && !k2_sv_eq(t->cell[SNAPSHOT], K2_SV("false")))
        return feed_fault_set(f, "MALFORMED", "is_snapshot is neither true nor false",
                              t->cell[SNAPSHOT]);
    if (read_sell(t->cell[SIDE], "bid", "ask", &sell, f) ||
        read_number(t->cell[PRICE], true, &price, f) ||
        read_number(t->cell[AMOUNT], false, &amount, f))
        return -1;
    struct book *book = book_of(t, k2_hash128(row->channel.p, row->channel.n));
    if (snapshot && !book->snapshot)
        (void)add_change(t, row, "CLEAR", true);
    book->snapshot = snapshot;
    struct k2_book_event *b = add_change(t, row, amount ? "SET" : "DELETE", snapshot);
    b->side = side_id(t, sell);
    b->price = price;
    b->quantity = amount ? amount : K2_NULL_DECIMAL;
    return 0;
}

/* A level that nobody is on is empty. */
static int read_level(struct tardis *t, const struct feed_row *row, size_t level, bool sell,
                      struct feed_fault *f) {
    const size_t *place = t->place[level];
    struct k2_sv price = t->field[place[sell ? ASK_PRICE : BID_PRICE]],
                 amount = t->field[place[sell ? ASK_AMOUNT : BID_AMOUNT]];
    if (price.n == 0 && amount.n == 0)
        return 0;
    struct k2_book_event *b = add_change(t, row, "SET", true);
    b->side = side_id(t, sell);
    b->level = (int64_t)level + 1;
    return read_number(price, true, &b->price, f) ? -1
                                                  : read_number(amount, false, &b->quantity, f);
}

static int read_whole_book(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    (void)add_change(t, row, "CLEAR", true);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < t->levels; i++)
            if (read_level(t, row, i, side == 1, f))
                return -1;
    return 0;
}

/* --- the types --- */

static const struct named common[] = {{"exchange", EXCHANGE, NULL},
                                      {"symbol", SYMBOL, NULL},
                                      {"timestamp", TIME, NULL},
                                      {"local_timestamp", LOCAL, NULL}};
#define COMMON (sizeof common / sizeof *common)

static const struct named trade_columns[] = {{"side", SIDE, NULL},
                                             {"price", PRICE, NULL},
                                             {"amount", AMOUNT, NULL},
                                             {"id", EXTRA, "trade_id"}};
static const struct named liquidation_columns[] = {{"side", EXTRA, NULL},
                                                   {"price", EXTRA, NULL},
                                                   {"amount", EXTRA, NULL},
                                                   {"id", EXTRA, "trade_id"}};
static const struct named quote_columns[] = {{"bid_price", BID_PRICE, NULL},
                                             {"bid_amount", BID_AMOUNT, NULL},
                                             {"ask_price", ASK_PRICE, NULL},
                                             {"ask_amount", ASK_AMOUNT, NULL}};
static const struct named change_columns[] = {{"is_snapshot", SNAPSHOT, NULL},
                                              {"side", SIDE, NULL},
                                              {"price", PRICE, NULL},
                                              {"amount", AMOUNT, NULL}};
static const struct named ticker_columns[] = {
    {"funding_rate", FIGURE, "FUNDING_RATE"},
    {"predicted_funding_rate", FIGURE, "NEXT_FUNDING_RATE"},
    {"open_interest", FIGURE_SIZE, "OPEN_INTEREST"},
    {"last_price", FIGURE, "LAST"},
    {"index_price", FIGURE, "INDEX_PRICE"},
    {"mark_price", FIGURE, "MARK_PRICE"},
    {"funding_timestamp", EXTRA, NULL}};
static const struct named option_columns[] = {
    {"bid_price", BID_PRICE, NULL},
    {"bid_amount", BID_AMOUNT, NULL},
    {"ask_price", ASK_PRICE, NULL},
    {"ask_amount", ASK_AMOUNT, NULL},
    {"open_interest", FIGURE_SIZE, "OPEN_INTEREST"},
    {"last_price", FIGURE, "LAST"},
    {"mark_price", FIGURE, "MARK_PRICE"},
    {"underlying_price", FIGURE, "UNDERLYING_PRICE"},
    {"strike_price", EXTRA, NULL},
    {"expiration", EXTRA, NULL},
};

#define TYPE(name, file, columns, kind, shared, read)                                              \
    { name, file, columns, sizeof(columns) / sizeof *(columns), K2_KIND_##kind, shared, read }

/* The first whose columns are there and, where it has one, whose word is in the file's name. */
static const struct type types[] = {
    TYPE("liquidations", "liquidations", liquidation_columns, MESSAGE, false, read_message),
    TYPE("incremental_book_L2", NULL, change_columns, BOOK_EVENT, false, read_change),
    TYPE("trades", NULL, trade_columns, TRADE, false, read_trade),
    TYPE("options_chain", NULL, option_columns, QUOTE, true, read_option),
    TYPE("book_ticker", "book_ticker", quote_columns, QUOTE, false, read_quote),
    TYPE("quotes", NULL, quote_columns, QUOTE, false, read_quote),
    TYPE("derivative_ticker", NULL, ticker_columns, STATISTIC, true, read_figures),
};
#define TYPES (sizeof types / sizeof *types)
static const struct type book_snapshot = {"book_snapshot_",   NULL,  NULL,           0,
                                          K2_KIND_BOOK_EVENT, false, read_whole_book};

/* --- the header --- */

/* "asks[3].price" */
static bool is_level(struct k2_sv name, size_t *level, enum role *part) {
    bool ask = k2_sv_starts(name, K2_SV("asks["));
    int64_t number;
    if (!ask && !k2_sv_starts(name, K2_SV("bids[")))
        return false;
    struct k2_sv rest = {name.p + 5, name.n - 5}, digits = k2_sv_split(&rest, ']');
    bool price = k2_sv_eq(rest, K2_SV(".price"));
    if (!k2_sv_i64(digits, &number) || number < 0 || number >= COLUMNS_MAX ||
        (!price && !k2_sv_eq(rest, K2_SV(".amount"))))
        return false;
    *level = (size_t)number;
    *part = ask ? price ? ASK_PRICE : ASK_AMOUNT : price ? BID_PRICE : BID_AMOUNT;
    return true;
}

static struct column *find_column(const struct tardis *t, const char *name) {
    for (size_t i = 0; i < t->n; i++)
        if (k2_sv_eq(t->columns[i].name, k2_sv_of(name)))
            return &t->columns[i];
    return NULL;
}

static bool has_columns(const struct tardis *t, const struct named *wanted, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!find_column(t, wanted[i].name))
            return false;
    return true;
}

static void set_roles(struct tardis *t, const struct named *named, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct column *c = find_column(t, named[i].name);
        c->role = named[i].role;
        if (c->role == EXTRA && named[i].as)
            c->key = k2_sv_of(named[i].as);
        c->statistic = named[i].as;
    }
}

/* Of a path the last part, or else all of it: DIR/liquidations/2020-01-01_X.csv.gz. */
static bool file_says(struct k2_sv path, const char *said) {
    struct k2_sv base = feed_base_name(path);
    if (base.n && memmem(base.p, base.n, said, strlen(said)))
        return true;
    for (size_t i = 0; i < TYPES; i++)
        if (base.n && memmem(base.p, base.n, types[i].name, strlen(types[i].name)))
            return false;
    return path.n && memmem(path.p, path.n, said, strlen(said));
}

/* Every level has its four columns, and there is one at least. */
static bool find_levels(struct tardis *t) {
    enum role part;
    size_t level, n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += is_level(t->columns[i].name, &level, &part);
    if (n == 0 || n % 4 != 0)
        return false;
    t->levels = n / 4;
    t->place = k2_alloc(t->levels * sizeof *t->place);
    memset(t->place, 0xff, t->levels * sizeof *t->place);
    for (size_t i = 0; i < t->n; i++) {
        if (!is_level(t->columns[i].name, &level, &part))
            continue;
        if (level >= t->levels || t->place[level][part] != SIZE_MAX)
            return false;
        t->place[level][part] = i;
        t->columns[i].role = LEVEL;
    }
    return true;
}

static const struct type *find_type(struct tardis *t) {
    if (!has_columns(t, common, COMMON))
        return NULL;
    for (size_t i = 0; i < TYPES; i++)
        if (has_columns(t, types[i].columns, types[i].n) &&
            (!types[i].file || file_says(k2_sv_of(t->source), types[i].file)))
            return &types[i];
    return find_levels(t) ? &book_snapshot : NULL;
}

/* Columns by key; false: two have the same. */
static bool sort_columns(struct tardis *t) {
    for (size_t i = 0; i < t->n; i++) {
        size_t at = i;
        int order = 1;
        while (at > 0 &&
               (order = k2_sv_cmp(t->columns[i].key, t->columns[t->order[at - 1]].key)) < 0) {
            t->order[at] = t->order[at - 1];
            at--;
        }
        t->order[at] = i;
        if (order == 0)
            return false;
    }
    return true;
}

static bool split_header(struct tardis *t, struct k2_sv line) {
    k2_buf_sv(&t->header, line);
    line = k2_buf_view(&t->header);
    t->n = feed_fields(line, ',', NULL, 0);
    if (t->n > COLUMNS_MAX)
        return false;
    t->columns = k2_zalloc(t->n * sizeof *t->columns);
    t->order = k2_zalloc(t->n * sizeof *t->order);
    t->field = k2_zalloc(t->n * sizeof *t->field);
    (void)feed_fields(line, ',', t->field, t->n);
    for (size_t i = 0; i < t->n; i++) {
        if (t->field[i].n == 0 || !feed_text_ok(t->field[i], WORD_MAX))
            return false;
        t->columns[i] = (struct column){.name = t->field[i], .key = t->field[i], .role = EXTRA};
    }
    return true;
}

/* The type that the header tells; false: it is none of Tardis. */
static bool read_header(struct tardis *t, struct k2_sv line) {
    const struct type *type = split_header(t, line) ? find_type(t) : NULL;
    if (!type)
        return false;
    set_roles(t, common, COMMON);
    set_roles(t, type->columns, type->n);
    k2_buf_printf(&t->suffix, ".%s", type->name);
    if (type == &book_snapshot)
        k2_buf_printf(&t->suffix, "%zu", t->levels);
    t->rows.kind = type->kind;
    t->rows.shared = type->shared;
    return sort_columns(t) && (t->type = type);
}

static bool take_header(void *state, struct k2_sv line) {
    return read_header(state, line);
}

static void forget_header(struct tardis *t) {
    free(t->columns);
    free(t->order);
    free(t->field);
    free(t->place);
    k2_buf_free(&t->header);
    k2_buf_free(&t->suffix);
}

/* --- rows --- */

static int read_word(struct k2_sv text, const char *what, struct feed_fault *f) {
    return text.n && feed_text_ok(text, WORD_MAX) ? 0 : feed_fault_set(f, "MALFORMED", what, text);
}

static int identify(struct tardis *t, struct feed_row *row, struct feed_fault *f) {
    int64_t ns = K2_NULL_LONG;
    if (read_word(t->cell[EXCHANGE], "the exchange is missing or no plain text", f) ||
        read_word(t->cell[SYMBOL], "the symbol is missing or no plain text", f))
        return -1;
    t->channel.n = 0;
    k2_buf_sv(&t->channel, t->cell[SYMBOL]);
    k2_buf_byte(&t->channel, '@');
    k2_buf_sv(&t->channel, t->cell[EXCHANGE]);
    k2_buf_sv(&t->channel, k2_buf_view(&t->suffix));
    row->symbol = t->cell[SYMBOL];
    row->channel = k2_buf_view(&t->channel);
    if (t->cell[LOCAL].n && read_time(t->cell[LOCAL], &row->receive_ns, f))
        return -1;
    ns = row->receive_ns;
    if ((t->cell[TIME].n || ns == K2_NULL_LONG) && read_time(t->cell[TIME], &ns, f))
        return -1;
    feed_rows_moment_utc(&t->rows, row, ns);
    return 0;
}

static void keep_rest(struct tardis *t) {
    for (size_t i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[t->order[i]];
        struct k2_sv value = t->field[t->order[i]];
        if ((c->role == EXTRA || c->role == EXCHANGE || c->extra) && value.n)
            feed_map_add(&t->rows, c->key, value);
    }
    feed_rows_extra(&t->rows);
}

/* Before the row changes what is known of its book. */
static int check_text(const struct tardis *t, struct feed_fault *f) {
    for (size_t i = 0; i < t->n; i++)
        if (!feed_text_ok(t->field[i], EXTRA_MAX))
            return feed_fault_set(f, "MALFORMED", "a field is no plain text", t->field[i]);
    return 0;
}

static int read_row(void *state, struct feed_rows *r, struct feed_row *row, struct feed_fault *f) {
    struct tardis *t = state;
    (void)r;
    if (!t->type)
        return feed_fault_set(f, "MALFORMED", "line 1 is no header of a CSV file of Tardis.dev",
                              row->raw);
    size_t found = feed_fields(row->raw, ',', t->field, t->n);
    if (found != t->n)
        return feed_fault_columns(f, found, "the header names another number of them");
    for (size_t i = 0; i < t->n; i++) {
        t->columns[i].extra = false;
        if (t->columns[i].role < CELLS) {
            t->cell[t->columns[i].role] = t->field[i];
            t->at[t->columns[i].role] = i;
        }
    }
    if (identify(t, row, f) || check_text(t, f) || t->type->read(t, row, f))
        return -1;
    keep_rest(t);
    return 0;
}

/* --- the feed --- */

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct tardis *t = state;
    (void)self;
    feed_rows_init(&t->rows, o, in);
    t->rows.exchange = k2_sv_dup(o->exchange.n ? o->exchange : K2_SV("TARDIS"));
    t->source = k2_sv_dup(o->source);
    return feed_calendar_find(k2_sv_of(t->rows.exchange), o->calendar, &t->rows.calendar, err);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    return feed_rows_decode(state, bytes, last, consumed, sink, read_row, take_header, err);
}

static void fini(void *state) {
    struct tardis *t = state;
    feed_rows_fini(&t->rows);
    forget_header(t);
    free(t->source);
    free(t->books);
    k2_buf_free(&t->channel);
    *t = (struct tardis){0};
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    struct tardis t = {.source = k2_sv_dup(file_name)};
    struct k2_sv line = k2_sv_split(&head, '\n');
    (void)self;
    bool good = read_header(&t, k2_sv_trim(line));
    forget_header(&t);
    free(t.source);
    *why = "the columns of a CSV file of Tardis.dev";
    return good ? 97 : 0;
}

static const struct feed_fact facts[] = {
    {"specification", "document", "docs.tardis.dev: Downloadable CSV files, Data types"},
    {"file name", "any",
     "EXCHANGE_TYPE_DATE_SYMBOL.csv.gz: liquidations and book_ticker are told by it alone"},
    {"all", "exchange", "TARDIS, or that of --exchange; part of the channel, and in extra"},
    {"all", "timestamp, local_timestamp",
     "microseconds, or of 18 and more digits nanoseconds; receive_timestamp_ns is the latter"},
    {"trade", "trades", "channel SYMBOL@EXCHANGE.trades; extra: trade_id"},
    {"quote", "quotes, book_ticker", "a side may be missing"},
    {"book_event", "incremental_book_L2", "SET and DELETE; CLEAR where a snapshot begins"},
    {"book_event", "book_snapshot_N", "CLEAR, then SET of each level"},
    {"statistic", "derivative_ticker", "FUNDING_RATE, OPEN_INTEREST, MARK_PRICE ..."},
    {"statistic", "options_chain", "with a quote where it has one; extra: strike_price, delta ..."},
    {"message", "liquidations", "its fields are in extra"},
    {"other", "a row that is not as its header says", "goes to quarantine"},
    {0},
};

const struct feed_ops feed_tardis_csv = {
    .name = "tardis-csv",
    .title = "Tardis.dev: trades, quotes, books and figures of any crypto exchange, CSV files",
    .numbering = "the row's place in its channel and date, from 1: the files have no numbers",
    .facts = facts,
    .ordinal = true,
    .state_size = sizeof(struct tardis),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
};
