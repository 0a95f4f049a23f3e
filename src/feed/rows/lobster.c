/* feed/rows/lobster.c - LOBSTER's files of one symbol and day (https://lobsterdata.com, "Output Structure").
 *
 *   SYMBOL_YYYY-MM-DD_START_END_message_LEVEL.csv     format lobster
 *     time,type,order id,size,price,direction
 *     time       seconds after midnight in New York, up to 9 decimals
 *     type       1 new limit order, 2 partial cancellation, 3 deletion, 4 execution of a visible order,
 *                5 execution of a hidden order, 6 cross trade, 7 trading halt
 *     price      dollars * 10000; of type 7: -1 halted, 0 quoting resumes, 1 trading resumes
 *     direction  1 buy, -1 sell: of the order that waited; the trade was begun by the other side
 *   SYMBOL_YYYY-MM-DD_START_END_orderbook_LEVEL.csv   format lobster-book
 *     ask price 1,ask size 1,bid price 1,bid size 1,ask price 2,...: the book behind message n is row n
 *     +-9999999999 with size 0: no such level
 *
 * A book row has no time. Alone, all rows have the time at which the file's window starts and row n belongs to
 * the message with the number n; in rows of `paste -d, message.csv orderbook.csv` it is the message's time. The
 * window is START, or HHMM-HHMM behind LEVEL (..._orderbook_1_0930-1230.csv). Where neither says a time the file is
 * refused: none is made up.
 *
 * Numbering: the row's place in its file. Files of other levels or windows hold other messages, so the
 * channel is SYMBOL.message_LEVEL.START; all kinds share its numbers. A book row gives a quote and, as
 * book events, the levels that are not what the row before said: all of them, to the deepest, at the
 * first row. So nothing is said twice, and the last event of a level is what stands there.
 */
#include "feed/rows/rows.h"

#include <stdlib.h>

#define MESSAGE_COLUMNS 6
#define LEVELS_MAX 200
#define COLUMNS_MAX (MESSAGE_COLUMNS + 4 * LEVELS_MAX)
#define PRICE_SHIFT 4 /* dollars * 10000 */
#define SECONDS_PRECISION 15
#define SECONDS_SCALE 9
#define SIDES 2

enum side { ASK, BID };

struct level {
    k2_i128 price, size; /* K2_NULL_DECIMAL: there is none */
};

struct lobster {
    struct feed_rows rows; /* first: feed_rows_decode */
    int32_t day;           /* of the name or the options */
    int64_t window;        /* of day, in ns: where the file begins; -1 = its name does not say */
    bool book;             /* lobster-book */
    bool timed;            /* a book whose rows have a time, from themselves or the window */
    uint32_t side_id[SIDES], action_id[8], order_id, extra_id;
    size_t levels; /* of the book, told by its first row; 0 = none yet */
    struct level *level;
    struct k2_sv field[COLUMNS_MAX];
};

/* --- the file's name --- */

struct name {
    struct k2_sv symbol, level, start;
    int32_t day;    /* INT32_MIN = not said */
    int64_t window; /* of day, in ns; -1 = not said */
};

static bool all_digits(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* START is milliseconds; a window behind LEVEL is "_HHMM-HHMM" and then no digit. */
static int64_t parse_window(struct k2_sv start, struct k2_sv behind) {
    int64_t ms, hhmm;
    if (start.n)
        return k2_sv_i64(start, &ms) && ms < 86400000 ? ms * K2_NS_PER_MS : -1;
    bool shaped = behind.n >= 10 && behind.p[0] == '_' && behind.p[5] == '-' &&
                  all_digits((struct k2_sv){behind.p + 1, 4}) &&
                  all_digits((struct k2_sv){behind.p + 6, 4}) &&
                  (behind.n == 10 || behind.p[10] < '0' || behind.p[10] > '9');
    if (!shaped || !k2_sv_i64((struct k2_sv){behind.p + 1, 4}, &hhmm) || hhmm >= 2400 ||
        hhmm % 100 >= 60)
        return -1;
    return (hhmm / 100 * 60 + hhmm % 100) * 60 * K2_NS_PER_SEC;
}

/* SYMBOL_DATE[_START_END]_<what>_LEVEL[_HHMM-HHMM]...; what else is behind the digits of LEVEL is not looked at. */
static bool parse_name(struct k2_sv path, struct k2_sv what, struct name *n) {
    struct k2_sv rest = feed_base_name(path), word;
    *n = (struct name){.day = INT32_MIN, .window = -1};
    n->symbol = k2_sv_split(&rest, '_');
    if (n->symbol.n == 0 || k2_date_parse(k2_sv_split(&rest, '_'), &n->day, NULL) != K2_OK)
        return false;
    word = k2_sv_split(&rest, '_');
    if (all_digits(word)) {
        n->start = word;
        if (!all_digits(k2_sv_split(&rest, '_')))
            return false;
        word = k2_sv_split(&rest, '_');
    }
    while (n->level.n < rest.n && rest.p[n->level.n] >= '0' && rest.p[n->level.n] <= '9')
        n->level.n++;
    n->level.p = rest.p;
    struct k2_sv behind = {"", 0};
    if (n->level.n < rest.n)
        behind = (struct k2_sv){rest.p + n->level.n, rest.n - n->level.n};
    n->window = parse_window(n->start, behind);
    return k2_sv_eq(word, what) && n->level.n > 0;
}

/* --- fields --- */

static int parse_time(struct k2_sv text, int64_t *of_day, struct feed_fault *f) {
    k2_i128 ns;
    if (k2_decimal_parse(text, SECONDS_PRECISION, SECONDS_SCALE, &ns, NULL) != K2_OK || ns < 0 ||
        ns >= K2_NS_PER_DAY)
        return feed_fault_set(f, "MALFORMED", "the time is not seconds after midnight", text);
    *of_day = (int64_t)ns;
    return 0;
}

static int parse_side(struct k2_sv text, enum side *side, struct feed_fault *f) {
    if (!k2_sv_eq(text, K2_SV("1")) && !k2_sv_eq(text, K2_SV("-1")))
        return feed_fault_set(f, "MALFORMED", "the direction is neither 1 nor -1", text);
    *side = text.n == 1 ? BID : ASK;
    return 0;
}

static int parse_size(struct k2_sv text, k2_i128 *size, struct feed_fault *f) {
    if (feed_quantity(text, 0, size, f))
        return -1;
    return *size >= 0 ? 0 : feed_fault_set(f, "MALFORMED", "the size is negative", text);
}

static uint32_t side_text(struct lobster *l, enum side side) {
    return feed_intern(l->rows.in, &l->side_id[side], side == BID ? K2_SV("BUY") : K2_SV("SELL"));
}

static uint32_t action_text(struct lobster *l, int type) {
    static const struct k2_sv actions[] = {[0] = {"", 0},
                                           [1] = {"ADD", 3},
                                           [2] = {"CANCEL", 6},
                                           [3] = {"DELETE", 6},
                                           [4] = {"EXECUTE", 7}};
    return feed_intern(l->rows.in, &l->action_id[type], actions[type]);
}

/* --- messages --- */

struct message {
    int type;
    struct k2_sv type_text, order;
    k2_i128 size, price;
    enum side side;
};

static void give_order(struct lobster *l, const struct feed_row *row, const struct message *m) {
    struct k2_book_event *b = &feed_rows_event(&l->rows, row, K2_KIND_BOOK_EVENT)->book_event;
    b->action = action_text(l, m->type);
    b->order_id = feed_intern(l->rows.in, &l->order_id, m->order);
    b->side = side_text(l, m->side);
    b->price = m->price;
    b->quantity = m->size;
}

/* The type is the trade's condition; it is the other side that came and took. A cross trade has no side. */
static void give_trade(struct lobster *l, const struct feed_row *row, const struct message *m) {
    struct k2_trade *t = &feed_rows_event(&l->rows, row, K2_KIND_TRADE)->trade;
    t->price = m->price;
    t->quantity = m->size;
    if (m->type != 6)
        t->side = side_text(l, m->side == BID ? ASK : BID);
    feed_list_add(&l->rows, m->type_text);
    t->conditions = feed_list_take(&l->rows);
    if (m->type == 6)
        feed_map_add(&l->rows, K2_SV("direction"), l->field[5]);
    if (!k2_sv_eq(m->order, K2_SV("0")))
        feed_map_add(&l->rows, K2_SV("order_id"), m->order);
    t->extra = feed_map_take(&l->rows);
}

static void give_status(struct lobster *l, const struct feed_row *row) {
    struct k2_trading_status *t =
        &feed_rows_event(&l->rows, row, K2_KIND_TRADING_STATUS)->trading_status;
    struct k2_sv code = l->field[4];
    struct k2_sv word = k2_sv_eq(code, K2_SV("-1"))  ? K2_SV("HALTED")
                        : k2_sv_eq(code, K2_SV("0")) ? K2_SV("QUOTE_ONLY")
                        : k2_sv_eq(code, K2_SV("1")) ? K2_SV("OPEN")
                                                     : K2_SV("OTHER");
    t->status = k2_intern(l->rows.in, word);
    t->code = k2_intern(l->rows.in, code);
    feed_map_add(&l->rows, K2_SV("direction"), l->field[5]);
    feed_map_add(&l->rows, K2_SV("order_id"), l->field[2]);
    feed_map_add(&l->rows, K2_SV("size"), l->field[3]);
    t->extra = feed_map_take(&l->rows);
}

static int parse_type(struct k2_sv text, int *type, struct feed_fault *f) {
    if (text.n != 1 || text.p[0] < '1' || text.p[0] > '7')
        return feed_fault_set(f, "MALFORMED", "the type is not one of 1 to 7", text);
    *type = text.p[0] - '0';
    return 0;
}

static int check_integers(const struct lobster *l, struct feed_fault *f) {
    for (int i = 2; i < MESSAGE_COLUMNS; i++) {
        struct k2_sv digits = l->field[i];
        (void)k2_sv_take(&digits, '-');
        if (!all_digits(digits) || digits.n > 20)
            return feed_fault_set(f, "MALFORMED", "not a whole number", l->field[i]);
    }
    return 0;
}

static int read_message(struct lobster *l, struct feed_row *row, struct feed_fault *f) {
    struct message m = {.type_text = l->field[1], .order = l->field[2]};
    int64_t of_day = 0;
    if (parse_time(l->field[0], &of_day, f))
        return -1;
    feed_rows_moment(&l->rows, row, l->day, of_day);
    if (parse_type(m.type_text, &m.type, f) || check_integers(l, f))
        return -1;
    if (m.type == 7) {
        give_status(l, row);
        return 0;
    }
    if (parse_size(l->field[3], &m.size, f) || feed_price(l->field[4], PRICE_SHIFT, &m.price, f) ||
        (m.type != 6 && parse_side(l->field[5], &m.side, f)))
        return -1;
    if (m.type <= 4)
        give_order(l, row, &m);
    if (m.type >= 4)
        give_trade(l, row, &m);
    return 0;
}

/* --- books --- */

static int read_level(const struct k2_sv *field, struct level *out, struct feed_fault *f) {
    static const struct k2_sv none[] = {{"9999999999", 10}, {"-9999999999", 11}};
    if (feed_price(field[0], PRICE_SHIFT, &out->price, f) || parse_size(field[1], &out->size, f))
        return -1;
    if (out->size == 0 || k2_sv_eq(field[0], none[0]) || k2_sv_eq(field[0], none[1]))
        *out = (struct level){K2_NULL_DECIMAL, K2_NULL_DECIMAL};
    return 0;
}

static int check_levels(struct lobster *l, size_t columns, struct feed_fault *f) {
    size_t levels = columns / 4;
    if (columns % 4 != 0 || levels == 0 || levels > LEVELS_MAX)
        return feed_fault_columns(f, columns,
                                  "a book has 4 for each of its levels, up to 200 of them");
    if (l->levels && levels != l->levels)
        return feed_fault_columns(f, columns, "the rows before have another number of levels");
    return 0;
}

/* Levels as they were at first: none stands. */
static void begin_book(struct lobster *l, size_t levels) {
    l->level = k2_realloc(l->level, (size_t)2 * SIDES * levels * sizeof *l->level);
    l->levels = levels;
    for (size_t i = 0; i < SIDES * levels; i++)
        l->level[i] = (struct level){K2_NULL_DECIMAL, K2_NULL_DECIMAL};
}

static void give_level(struct lobster *l, const struct feed_row *row, size_t i, bool first) {
    const struct level *now = &l->level[SIDES * l->levels + i];
    struct k2_book_event *b = &feed_rows_event(&l->rows, row, K2_KIND_BOOK_EVENT)->book_event;
    bool gone = now->price == K2_NULL_DECIMAL;
    b->action = k2_intern(l->rows.in, gone ? K2_SV("DELETE") : K2_SV("SET"));
    b->side = side_text(l, i % SIDES == ASK ? ASK : BID);
    b->level = (int64_t)(i / SIDES) + 1;
    b->price = gone ? l->level[i].price : now->price;
    b->quantity = now->size;
    if (first)
        b->flags |= K2_FLAG_SNAPSHOT;
}

static bool same_level(const struct level *a, const struct level *b) {
    return a->price == b->price && a->size == b->size;
}

/* What stands beside the time of a pasted row. */
static uint32_t message_of(struct lobster *l) {
    static const struct k2_sv names[] = {
        {"direction", 9}, {"order_id", 8}, {"price", 5}, {"size", 4}, {"type", 4}};
    static const int columns[] = {5, 2, 4, 3, 1};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        feed_map_add(&l->rows, names[i], l->field[columns[i]]);
    return feed_map_take(&l->rows);
}

static void give_book(struct lobster *l, const struct feed_row *row, bool first, bool pasted) {
    struct level *now = l->level + SIDES * l->levels;
    struct k2_quote *q = &feed_rows_event(&l->rows, row, K2_KIND_QUOTE)->quote;
    q->ask_price = now[ASK].price;
    q->ask_quantity = now[ASK].size;
    q->bid_price = now[BID].price;
    q->bid_quantity = now[BID].size;
    if (pasted)
        q->extra = message_of(l);
    for (size_t i = 0; i < SIDES * l->levels; i++)
        if (!same_level(&l->level[i], &now[i]))
            give_level(l, row, i, first);
    memcpy(l->level, now, SIDES * l->levels * sizeof *now);
}

static bool is_pasted(size_t columns) {
    return columns % 4 == MESSAGE_COLUMNS % 4 && columns > MESSAGE_COLUMNS;
}

static int read_book(struct lobster *l, struct feed_row *row, size_t columns,
                     struct feed_fault *f) {
    bool pasted = is_pasted(columns);
    size_t at = pasted ? MESSAGE_COLUMNS : 0;
    int64_t of_day = l->window;
    bool first = l->levels == 0;
    if (pasted && (parse_time(l->field[0], &of_day, f) || check_integers(l, f)))
        return -1;
    if (of_day < 0)
        return feed_fault_columns(f, columns,
                                  "the rows before have their message's time in front of them");
    feed_rows_moment(&l->rows, row, l->day, of_day);
    if (check_levels(l, columns - at, f))
        return -1;
    if (first)
        begin_book(l, (columns - at) / 4);
    for (size_t i = 0; i < SIDES * l->levels; i++)
        if (read_level(&l->field[at + 2 * i], &l->level[SIDES * l->levels + i], f)) {
            l->levels = first ? 0 : l->levels; /* a bad row says nothing of the book */
            return -1;
        }
    give_book(l, row, first, pasted);
    return 0;
}

/* --- the decoder --- */

static int read_row(void *state, struct feed_rows *r, struct feed_row *row, struct feed_fault *f) {
    struct lobster *l = state;
    (void)r;
    size_t columns = feed_fields(row->raw, ',', l->field, COLUMNS_MAX);
    if (columns > COLUMNS_MAX)
        return feed_fault_columns(f, columns, "a message has 6 and a book 4 for each level");
    if (l->book)
        return read_book(l, row, columns, f);
    return columns == MESSAGE_COLUMNS
               ? read_message(l, row, f)
               : feed_fault_columns(f, columns,
                                    "a message has 6: time, type, order id, size, "
                                    "price, direction");
}

/* Names of columns, which some put in front: as many as a row has, the first of letters only. */
static bool is_header(void *state, struct k2_sv line) {
    struct k2_sv rest = line, first = k2_sv_trim(k2_sv_split(&rest, ','));
    size_t letters = 0;
    (void)state;
    while (letters < first.n &&
           (((first.p[letters] | 32) >= 'a' && (first.p[letters] | 32) <= 'z') ||
            first.p[letters] == ' ' || first.p[letters] == '_'))
        letters++;
    return letters > 0 && letters == first.n && feed_fields(line, ',', NULL, 0) >= 4;
}

/* Once, at the first row of a book: whether there is a time to give it. */
static int check_time(struct lobster *l, struct k2_sv bytes, bool last, struct k2_err *err) {
    struct k2_sv rest = bytes, line = k2_sv_trim(k2_sv_split(&rest, '\n'));
    while (rest.n > 0 && (line.n == 0 || is_header(l, line)))
        line = k2_sv_trim(k2_sv_split(&rest, '\n'));
    bool whole = rest.n > 0 || last || (bytes.n > 0 && bytes.p[bytes.n - 1] == '\n');
    if (!whole || line.n == 0)
        return K2_OK;
    l->timed = l->window >= 0 || is_pasted(feed_fields(line, ',', NULL, 0));
    return l->timed
               ? K2_OK
               : k2_fail(err, K2_E_INVALID,
                         "%s: neither the rows nor the file's name say a time; name it "
                         "SYMBOL_YYYY-MM-DD_START_END_orderbook_LEVEL.csv (START: milliseconds "
                         "after midnight), or put its messages in front: paste -d, MESSAGE "
                         "ORDERBOOK",
                         feed_lobster_book.name);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct lobster *l = state;
    *consumed = 0;
    if (l->book && !l->timed)
        K2_TRY(check_time(l, bytes, last, err));
    return feed_rows_decode(state, bytes, last, consumed, sink, read_row, is_header, err);
}

/* --- setting up --- */

static struct k2_sv what_of(const struct feed_ops *self) {
    return self == &feed_lobster_book ? K2_SV("orderbook") : K2_SV("message");
}

static char *channel_of(struct k2_sv symbol, struct k2_sv what, const struct name *n) {
    struct k2_buf out = {0};
    k2_buf_sv(&out, symbol);
    k2_buf_byte(&out, '.');
    k2_buf_sv(&out, what);
    if (n->level.n)
        k2_buf_printf(&out, "_%.*s", K2_SV_ARG(n->level));
    if (n->start.n)
        k2_buf_printf(&out, ".%.*s", K2_SV_ARG(n->start));
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct lobster *l = state;
    struct name n;
    bool named = parse_name(o->source, what_of(self), &n);
    struct k2_sv symbol = o->symbol.n ? o->symbol : named ? n.symbol : (struct k2_sv){NULL, 0};
    l->day = o->date != INT32_MIN ? o->date : named ? n.day : INT32_MIN;
    if (symbol.n == 0 || l->day == INT32_MIN || !feed_text_ok(symbol, 64))
        return k2_fail(err, K2_E_INVALID,
                       "%s: the name \"%.*s\" does not say symbol and date; name the file "
                       "SYMBOL_YYYY-MM-DD_START_END_%.*s_LEVEL.csv or give --symbol and --date",
                       self->name, K2_SV_ARG(o->source), K2_SV_ARG(what_of(self)));
    feed_rows_init(&l->rows, o, in);
    l->rows.exchange = k2_sv_dup(o->exchange.n ? o->exchange : K2_SV("XNAS"));
    l->rows.symbol = k2_sv_dup(symbol);
    l->rows.channel = channel_of(symbol, what_of(self), named ? &n : &(struct name){0});
    l->rows.shared = true;
    l->rows.kind = K2_KIND_BOOK_EVENT;
    l->book = self == &feed_lobster_book;
    l->window = named ? n.window : -1;
    K2_TRY(feed_calendar_find(k2_sv_of(l->rows.exchange), o->calendar, &l->rows.calendar, err));
    const struct feed_calendar *new_york;
    K2_TRY(feed_calendar_find(K2_SV("XNAS"), NULL, &new_york, err));
    l->rows.clock.zone = feed_calendar_zone(new_york);
    return K2_OK;
}

static void fini(void *state) {
    struct lobster *l = state;
    feed_rows_fini(&l->rows);
    free(l->level);
    l->level = NULL;
}

static void save(const void *state, struct k2_buf *out) {
    const struct lobster *l = state;
    feed_rows_save(&l->rows, out);
}

static bool restore(void *state, struct k2_sv saved) {
    struct lobster *l = state;
    return feed_rows_restore(&l->rows, saved);
}

/* --- whose file it is --- */

static bool is_message(struct k2_sv line) {
    struct k2_sv field[MESSAGE_COLUMNS];
    struct feed_fault f;
    int64_t of_day;
    int type;
    enum side side;
    return feed_fields(line, ',', field, MESSAGE_COLUMNS) == MESSAGE_COLUMNS &&
           !parse_time(field[0], &of_day, &f) && !parse_type(field[1], &type, &f) &&
           all_digits(field[2]) && !parse_side(field[5], &side, &f);
}

static bool is_book(struct k2_sv line) {
    struct k2_sv field[COLUMNS_MAX];
    struct level level[SIDES];
    struct feed_fault f;
    size_t n = feed_fields(line, ',', field, COLUMNS_MAX);
    return n >= 4 && n % 4 == 0 && n <= COLUMNS_MAX && !read_level(field, &level[ASK], &f) &&
           !read_level(field + 2, &level[BID], &f);
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    struct name n;
    struct k2_sv line = k2_sv_trim(k2_sv_split(&head, '\n'));
    bool named = parse_name(file_name, what_of(self), &n);
    bool book = self == &feed_lobster_book;
    if (line.n && is_header(NULL, line))
        line = k2_sv_trim(k2_sv_split(&head, '\n'));
    if (!(book ? named && is_book(line) : is_message(line)))
        return 0;
    *why = book    ? "a LOBSTER orderbook file by its name, and rows of levels"
           : named ? "a LOBSTER message file by its name, and rows of messages"
                   : "rows of LOBSTER messages; the file's name does not say symbol and date";
    return named ? 96 : 60;
}

static const struct feed_fact facts[] = {
    {"specification", "document", "LOBSTER Output Structure: message file; it has no version"},
    {"file name", "SYMBOL_YYYY-MM-DD_START_END_message_LEVEL.csv",
     "symbol and date, unless they are given; LEVEL and START are part of the channel"},
    {"line", "new order", "34200.004241176,1,16113575,18,5853300,1"},
    {"line", "halt", "36023.000000000,7,0,0,-1,-1"},
    {"all", "time", "exchange_timestamp_ns: seconds after midnight in New York"},
    {"all", "size, price", "quantity, price: dollars * 10000"},
    {"book_event", "type 1, 2, 3, 4", "action ADD, CANCEL, DELETE, EXECUTE"},
    {"book_event", "direction", "side: 1 = BUY, -1 = SELL"},
    {"trade", "type 4, 5, 6", "conditions; side is the other one than direction, of 6 none"},
    {"trade", "order id", "extra: order_id, unless 0"},
    {"trading_status", "type 7", "status by price: -1 HALTED, 0 QUOTE_ONLY, 1 OPEN; code"},
    {"other", "every other row", "goes to quarantine and uses up its number"},
    {0},
};

static const struct feed_fact book_facts[] = {
    {"specification", "document", "LOBSTER Output Structure: orderbook file; it has no version"},
    {"file name", "SYMBOL_YYYY-MM-DD_START_END_orderbook_LEVEL.csv",
     "symbol and date, unless they are given; LEVEL and START are part of the channel"},
    {"line", "2 levels", "5859400,200,5853300,18,5859800,200,5853000,150"},
    {"line", "with its message",
     "34200.004241176,1,16113575,18,5853300,1,5859400,200,5853300,18: of paste -d, MESSAGE "
     "ORDERBOOK"},
    {"all", "time",
     "the message's where it is there, else START, or HHMM of LEVEL_HHMM-HHMM, for all rows; a "
     "file "
     "without any of them is refused; row n is the book behind message n"},
    {"quote", "level 1", "ask_price, ask_quantity, bid_price, bid_quantity"},
    {"book_event", "levels that changed", "SET or DELETE with side, level, price, quantity"},
    {"other", "every other row", "goes to quarantine and uses up its number"},
    {0},
};

const struct feed_ops feed_lobster = {
    .name = "lobster",
    .title = "LOBSTER message files, NASDAQ order by order",
    .numbering = "the row's place in its file, from 1, for all kinds together",
    .facts = facts,
    .ordinal = true,
    .state_size = sizeof(struct lobster),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .save = save,
    .restore = restore,
};

const struct feed_ops feed_lobster_book = {
    .name = "lobster-book",
    .title = "LOBSTER orderbook files, the book behind every message",
    .numbering = "the row's place in its file, from 1: that of its message",
    .facts = book_facts,
    .ordinal = true,
    .state_size = sizeof(struct lobster),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
};
