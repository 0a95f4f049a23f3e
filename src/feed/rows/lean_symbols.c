/* feed/rows/lean_symbols.c - the reference tables of QuantConnect LEAN (github.com/QuantConnect/Lean,
 * Data/symbol-properties): what can be traded, in which steps; and which ids a security has.
 *
 *   symbol-properties-database.csv, with a header:
 *     market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size
 *     [,market_ticker[,minimum_order_size[,price_magnifier[,strike_multiplier]]]]
 *     symbol [*]: what holds for all of the market and type that have no row of their own
 *   security-database.csv, without one:
 *     SYMBOL ID,CUSIP,composite FIGI,SEDOL,ISIN,CIK         any but the first may be empty
 *
 * Lines that begin with # are comments. A row says no date: its definition holds from the date given from outside
 * on, else from 1970-01-01, which stands for "always".
 *
 * Numbering: the row's place among the rows of the same exchange, symbol and type, so a table that grew by some
 * lines is recognised row by row, and a row that says something else by now is a conflict unless it has a date.
 */
#include "feed/rows/lean_path.h"
#include "feed/rows/rows.h"

#include "base/clock.h"

#define COLUMNS_MAX 12
#define SECURITY_COLUMNS 6
#define LEAST_COLUMNS 8
#define WORD_MAX 200
#define HEADER "market,symbol,type,description,quote_currency,"

struct symbols_table {
    struct feed_rows rows; /* first: feed_rows_decode */
    bool given;            /* the exchange, from outside */
    int32_t date;
    struct k2_buf exchange, channel;
    uint32_t type_id, currency_id, action_id;
    struct k2_sv field[COLUMNS_MAX];
    size_t columns;
};

static const struct {
    const char *lean, *type;
} types[] = {
    {"equity", "EQUITY"},
    {"future", "FUTURE"},
    {"option", "OPTION"},
    {"crypto", "CRYPTO"},
    {"forex", "FOREX"},
    {"index", "INDEX"},
    {"cfd", "CFD"},
    {"cryptofuture", "CRYPTO_FUTURE"},
    {"futureoption", "FUTURE_OPTION"},
    {"indexoption", "INDEX_OPTION"},
};

static struct k2_sv type_of(struct k2_sv lean) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(lean, k2_sv_of(types[i].lean)))
            return k2_sv_of(types[i].type);
    return lean;
}

/* --- what both tables have --- */

static int check_words(const struct symbols_table *t, struct feed_fault *f) {
    for (size_t i = 0; i < t->columns; i++)
        if (!feed_text_ok(t->field[i], WORD_MAX))
            return feed_fault_set(f, "MALFORMED", "the text is not plain UTF-8 or too long",
                                  t->field[i]);
    return 0;
}

static struct k2_instrument *define(struct symbols_table *t, struct feed_row *row,
                                    struct k2_sv symbol, struct k2_sv type) {
    row->symbol = symbol;
    row->date = t->date;
    row->ns = t->date * K2_NS_PER_DAY;
    row->dated = true;
    t->channel.n = 0;
    k2_buf_printf(&t->channel, "%.*s/%.*s", K2_SV_ARG(type), K2_SV_ARG(symbol));
    row->channel = k2_buf_view(&t->channel);
    struct k2_event *e = feed_rows_event(&t->rows, row, K2_KIND_INSTRUMENT);
    e->instrument.action = feed_intern(t->rows.in, &t->action_id, K2_SV("DEFINE"));
    return &e->instrument;
}

static void add(struct symbols_table *t, const char *key, struct k2_sv value) {
    if (value.n)
        feed_map_add(&t->rows, k2_sv_of(key), value);
}

/* --- symbol properties --- */

static int read_exchange(struct symbols_table *t, struct feed_row *row, struct feed_fault *f) {
    if (t->given)
        return 0;
    t->exchange.n = 0;
    lean_exchange(t->field[0], &t->exchange);
    row->exchange = feed_exchange_code(k2_buf_view(&t->exchange));
    return k2_exchange_ok(row->exchange)
               ? 0
               : feed_fault_set(f, "MALFORMED", "not the name of a market", t->field[0]);
}

static int read_steps(const struct symbols_table *t, struct k2_instrument *i,
                      struct feed_fault *f) {
    k2_i128 *const quantity[] = {&i->multiplier, &i->lot_size};
    static const size_t at[] = {5, 7};
    for (size_t k = 0; k < 2; k++)
        if (t->field[at[k]].n && feed_quantity(t->field[at[k]], 0, quantity[k], f))
            return -1;
    return t->field[6].n ? feed_price(t->field[6], 0, &i->tick_size, f) : 0;
}

static int read_properties(struct symbols_table *t, struct feed_row *row, struct feed_fault *f) {
    static const char *const more[] = {"market_ticker", "minimum_order_size", "price_magnifier",
                                       "strike_multiplier"};
    if (t->columns < LEAST_COLUMNS || t->columns > COLUMNS_MAX)
        return feed_fault_columns(f, t->columns, "symbol properties have 8 to 12");
    if (check_words(t, f) || read_exchange(t, row, f))
        return -1;
    if (t->field[1].n == 0)
        return feed_fault_set(f, "INVALID", "the symbol is missing", row->raw);
    bool all = k2_sv_eq(t->field[1], K2_SV("[*]"));
    struct k2_instrument *i = define(t, row, all ? K2_SV("*") : t->field[1], t->field[2]);
    i->instrument_type = feed_intern(t->rows.in, &t->type_id, type_of(t->field[2]));
    if (t->field[3].n)
        i->name = k2_intern(t->rows.in, t->field[3]);
    if (t->field[4].n)
        i->currency = feed_intern(t->rows.in, &t->currency_id, t->field[4]);
    if (read_steps(t, i, f))
        return -1;
    for (size_t k = LEAST_COLUMNS; k < t->columns; k++)
        add(t, more[k - LEAST_COLUMNS], t->field[k]);
    i->extra = feed_map_take(&t->rows);
    return 0;
}

/* --- securities --- */

static int read_security(struct symbols_table *t, struct feed_row *row, struct feed_fault *f) {
    if (t->columns != SECURITY_COLUMNS)
        return feed_fault_columns(f, t->columns, "a security has 6");
    if (check_words(t, f))
        return -1;
    struct k2_sv id = t->field[0], symbol = k2_sv_split(&id, ' ');
    if (symbol.n == 0)
        return feed_fault_set(f, "INVALID", "the symbol is missing", row->raw);
    struct k2_instrument *i = define(t, row, symbol, K2_SV("security"));
    add(t, "cik", t->field[5]);
    add(t, "cusip", t->field[1]);
    add(t, "figi", t->field[2]);
    add(t, "isin", t->field[4]);
    add(t, "lean_id", k2_sv_trim(id));
    add(t, "sedol", t->field[3]);
    i->extra = feed_map_take(&t->rows);
    return 0;
}

/* --- the decoder --- */

static bool is_header(struct k2_sv line) {
    return k2_sv_starts(line, K2_SV(HEADER));
}

static int read_properties_row(void *state, struct feed_rows *r, struct feed_row *row,
                               struct feed_fault *f) {
    struct symbols_table *t = state;
    (void)r;
    t->columns = feed_fields(row->raw, ',', t->field, COLUMNS_MAX);
    return read_properties(t, row, f);
}

static int read_security_row(void *state, struct feed_rows *r, struct feed_row *row,
                             struct feed_fault *f) {
    struct symbols_table *t = state;
    (void)r;
    t->columns = feed_fields(row->raw, ',', t->field, COLUMNS_MAX);
    return read_security(t, row, f);
}

static bool skip_header(void *state, struct k2_sv line) {
    (void)state;
    return is_header(line);
}

static int decode_properties(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                             const struct feed_sink *sink, struct k2_err *err) {
    return feed_rows_decode(state, bytes, last, consumed, sink, read_properties_row, skip_header,
                            err);
}

static int decode_securities(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                             const struct feed_sink *sink, struct k2_err *err) {
    return feed_rows_decode(state, bytes, last, consumed, sink, read_security_row, NULL, err);
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct symbols_table *t = state;
    (void)err;
    feed_rows_init(&t->rows, o, in);
    t->rows.comment = '#';
    t->rows.kind = K2_KIND_INSTRUMENT;
    t->given = o->exchange.n > 0;
    t->date = o->date == INT32_MIN ? 0 : o->date;
    if (t->given)
        t->rows.exchange = k2_sv_dup(o->exchange);
    else if (self == &feed_lean_securities)
        t->rows.exchange = k2_strdup("US-EQUITY");
    return K2_OK;
}

static void fini(void *state) {
    struct symbols_table *t = state;
    feed_rows_fini(&t->rows);
    k2_buf_free(&t->exchange);
    k2_buf_free(&t->channel);
    *t = (struct symbols_table){0};
}

static void save(const void *state, struct k2_buf *out) {
    const struct symbols_table *t = state;
    feed_rows_save(&t->rows, out);
}

static bool restore(void *state, struct k2_sv saved) {
    struct symbols_table *t = state;
    return feed_rows_restore(&t->rows, saved);
}

static int detect_properties(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                             const char **why) {
    (void)self;
    (void)file_name;
    *why = "the header of LEAN's symbol properties";
    return is_header(head) ? 98 : 0;
}

/* Two letters, nine letters or digits, one digit (ISO 6166). */
static bool is_isin(struct k2_sv text) {
    for (size_t i = 0; i < text.n; i++) {
        bool letter = text.p[i] >= 'A' && text.p[i] <= 'Z';
        bool digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (i < 2 ? !letter : i == 11 ? !digit : !letter && !digit)
            return false;
    }
    return text.n == 12;
}

static int detect_securities(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                             const char **why) {
    struct k2_sv field[SECURITY_COLUMNS], line = {"", 0};
    (void)self;
    (void)file_name;
    while (head.n && (line.n == 0 || line.p[0] == '#'))
        line = k2_sv_trim(k2_sv_split(&head, '\n'));
    *why = "rows of LEAN's security database: an id, then CUSIP, FIGI, SEDOL, ISIN, CIK";
    return feed_fields(line, ',', field, SECURITY_COLUMNS) == SECURITY_COLUMNS &&
                   memchr(line.p, ' ', field[0].n) && is_isin(field[4])
               ? 90
               : 0;
}

static const struct feed_fact properties_facts[] = {
    {"specification", "document", "QuantConnect LEAN, Data/symbol-properties"},
    {"file name", "any", "LEAN's is symbol-properties-database.csv"},
    {"line", "symbol properties", "cme,ES,future,E-mini S&P 500 Futures,USD,50,0.25,1,,1"},
    {"instrument", "market", "exchange, as of the format lean: usa = US-EQUITY, else in capitals"},
    {"instrument", "symbol", "symbol; [*] becomes *: all others of the market and type"},
    {"instrument", "type", "instrument_type"},
    {"instrument", "description", "name"},
    {"instrument", "quote_currency", "currency"},
    {"instrument", "contract_multiplier, minimum_price_variation, lot_size",
     "multiplier, tick_size, lot_size"},
    {"instrument", "every other column", "extra"},
    {"all", "no date", "from --date on, else from 1970-01-01: always"},
    {"other", "every other row", "goes to quarantine and uses up its number"},
    {0},
};

static const struct feed_fact securities_facts[] = {
    {"specification", "document", "QuantConnect LEAN, Data/symbol-properties"},
    {"file name", "any", "LEAN's is security-database.csv"},
    {"line", "security", "IBM R735QTJ8XC9X,459200101,BBG000BLNNH6,2005973,US4592001014,51143"},
    {"instrument", "id", "symbol, and extra: lean_id"},
    {"instrument", "CUSIP, FIGI, SEDOL, ISIN, CIK", "extra: cusip, figi, sedol, isin, cik"},
    {"all", "no exchange", "US-EQUITY, unless --exchange says another one"},
    {"all", "no date", "from --date on, else from 1970-01-01: always"},
    {"other", "every other row", "goes to quarantine and uses up its number"},
    {0},
};

#define NUMBERING "the row's place among the rows of its exchange, symbol and type, from 1"

const struct feed_ops feed_lean_symbols = {
    .name = "lean-symbols",
    .title = "QuantConnect LEAN symbol properties: tick and lot sizes",
    .numbering = NUMBERING,
    .facts = properties_facts,
    .ordinal = true,
    .state_size = sizeof(struct symbols_table),
    .detect = detect_properties,
    .init = init,
    .decode = decode_properties,
    .fini = fini,
    .save = save,
    .restore = restore,
};

const struct feed_ops feed_lean_securities = {
    .name = "lean-securities",
    .title = "QuantConnect LEAN security database: ISIN, FIGI, CUSIP, SEDOL",
    .numbering = NUMBERING,
    .facts = securities_facts,
    .ordinal = true,
    .state_size = sizeof(struct symbols_table),
    .detect = detect_securities,
    .init = init,
    .decode = decode_securities,
    .fini = fini,
    .save = save,
    .restore = restore,
};
