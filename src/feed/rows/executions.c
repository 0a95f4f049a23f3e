/* feed/rows/executions.c - fills of our own orders, as CSV with a header or as
 * JSON lines.
 *
 *   execution_id,symbol,exchange,side,price,quantity,transact_time[,account,order_id,client_order_id,strategy,
 *   trader,fee,fee_currency,liquidity,counterparty,order_type,venue]
 *
 * in any order, and in JSON as members of these names. transact_time is RFC
 * 3339, transact_time_ns in its place counts ns since 1970. What has another
 * name is kept in extra. So the mapping of mapping.h is made here from the
 * first line: it names the columns that are there.
 *
 * NUMBERS. Executions have a name and no place in a row: a source may send them
 * in any order, and again. So the number of an execution is made of its
 * execution id: an id of up to 18 digits without a leading zero is its own
 * number, with part 0; of any other the number is the low 62 bits of its
 * 128-bit hash, and the part the 30 bits above them and 1. The channel is the
 * account, or "-" without one. That the ids themselves are compared is the
 * journal's part (journal/execution.h).
 */
#include "feed/feed_int.h"

#include <ctype.h>
#include <stdlib.h>

#define NO_ACCOUNT K2_SV("-")
#define LONGEST_NUMBER 18 /* digits that always fit an int64 */

struct executions {
    void *mapped; /* the state of the format "mapped"; NULL until the first line
                   is whole */
    struct feed_options options;
    struct k2_interner *in;
    struct k2_buf mapping;
    uint32_t no_account;
};

static const char *const columns[] = {
    "execution_id", "order_id",  "client_order_id", "account",    "strategy",
    "trader",       "side",      "price",           "quantity",   "fee",
    "fee_currency", "liquidity", "counterparty",    "order_type", "venue"};
#define COLUMNS (sizeof columns / sizeof *columns)

/* --- the mapping --- */

static bool has_member(struct k2_sv line, const char *name) {
    struct k2_buf quoted = {0};
    k2_buf_printf(&quoted, "\"%s\"", name);
    bool found = memmem(line.p, line.n, quoted.p, quoted.n) != NULL;
    k2_buf_free(&quoted);
    return found;
}

/* Whether the first line names it: a cell of a header, or a member of an
 * object. */
static bool names(struct k2_sv line, const char *name, bool json) {
    if (json)
        return has_member(line, name);
    while (line.n > 0) {
        struct k2_sv cell = k2_sv_trim(k2_sv_split(&line, ','));
        if (cell.n >= 2 && cell.p[0] == '"' && cell.p[cell.n - 1] == '"')
            cell = (struct k2_sv){cell.p + 1, cell.n - 2};
        if (k2_sv_eq(cell, k2_sv_of(name)))
            return true;
    }
    return false;
}

/* A member that the first object lacks may be in the next one, a column may
 * not. */
static void make_mapping(struct k2_sv line, bool json, struct k2_buf *out) {
    bool ns = names(line, "transact_time_ns", json);
    k2_buf_printf(out, "format = %s\nkind = execution\n", json ? "jsonl" : "csv");
    if (json || names(line, "exchange", json))
        k2_buf_str(out, "exchange = exchange\n");
    k2_buf_str(out, "symbol = symbol\n");
    k2_buf_str(out, ns ? "time = transact_time_ns ns\n" : "time = transact_time iso\n");
    for (size_t i = 0; i < COLUMNS; i++)
        if (json || names(line, columns[i], json))
            k2_buf_printf(out, "%s = %s\n", columns[i], columns[i]);
    k2_buf_str(out, "[liquidity]\nMAKER = MAKER\nTAKER = TAKER\nmaker = "
                    "MAKER\ntaker = TAKER\n");
}

static int begin(struct executions *x, struct k2_sv bytes, bool last, struct k2_err *err) {
    const char *lf = bytes.n ? memchr(bytes.p, '\n', bytes.n) : NULL;
    struct k2_sv line = {bytes.p, lf ? (size_t)(lf - bytes.p) : bytes.n};
    if (!lf && (!last || line.n == 0))
        return K2_OK;
    size_t mark = feed_byte_order_mark(line);
    line = k2_sv_trim((struct k2_sv){line.p + mark, line.n - mark});
    bool json = line.n > 0 && line.p[0] == '{';
    if (!json && !names(line, "execution_id", false))
        return k2_fail(err, K2_E_INVALID,
                       "executions: the first line is neither a JSON object nor a header with a "
                       "column execution_id, columns parted by commas; it begins with \"%.*s\"",
                       line.n < 40 ? (int)line.n : 40, line.p);
    if (x->options.exchange.n > 0 && names(line, "exchange", json))
        return k2_fail(err, K2_E_INVALID,
                       "executions: the rows say their exchange themselves; leave --exchange out");
    make_mapping(line, json, &x->mapping);
    x->options.mapping = k2_buf_view(&x->mapping);
    x->mapped = k2_zalloc(feed_mapped.state_size);
    return feed_mapped.init(&feed_mapped, x->mapped, &x->options, x->in, err);
}

/* --- numbers --- */

static bool is_number(struct k2_sv id, int64_t *out) {
    if (id.n == 0 || id.n > LONGEST_NUMBER || (id.p[0] == '0' && id.n > 1))
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] < '0' || id.p[i] > '9')
            return false;
    return k2_sv_i64(id, out);
}

static void number(struct k2_head *h, struct k2_sv id) {
    struct k2_h128 hash = k2_hash128(id.p, id.n);
    h->part = 0;
    if (is_number(id, &h->exchange_sequence_number))
        return;
    h->exchange_sequence_number = (int64_t)(hash.lo & (((uint64_t)1 << 62) - 1));
    h->part = (int32_t)(hash.hi & (((uint32_t)1 << 30) - 1)) + 1;
}

/* --- events --- */

struct tap {
    struct executions *x;
    const struct feed_sink *to;
};

/* Sums of fees are written beside their currencies, as words. */
static bool is_word(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !strchr("._-", s.p[i]))
            return false;
    return s.n > 0;
}

static const char *what_lacks(const struct k2_execution *e, const struct k2_interner *in) {
    if (e->price == K2_NULL_DECIMAL)
        return "the price is missing";
    if (e->quantity == K2_NULL_DECIMAL || e->quantity <= 0)
        return "the quantity is missing, or not above 0";
    if (e->fee != K2_NULL_DECIMAL && e->fee_currency == 0)
        return "a fee needs its fee_currency";
    if (e->fee_currency != 0 && !is_word(k2_interned(in, e->fee_currency)))
        return "the fee_currency is no word of letters, digits, '.', '_' and '-'";
    return NULL;
}

static int on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                    struct k2_err *err) {
    struct tap *t = ctx;
    struct k2_event out = *e;
    struct k2_execution *x = &out.execution;
    const char *lacks = what_lacks(x, t->x->in);
    x->channel = x->account ? x->account : feed_intern(t->x->in, &t->x->no_account, NO_ACCOUNT);
    number(&out.head, k2_interned(t->x->in, x->execution_id));
    if (!lacks)
        return t->to->event(t->to->ctx, &out, raw, position, err);
    const struct feed_reject r = {.reason = "INVALID",
                                  .detail = lacks,
                                  .raw = raw,
                                  .position = position,
                                  .offset = (uint64_t)x->raw_offset,
                                  .partial = &out};
    return t->to->reject(t->to->ctx, &r, err);
}

/* The number that rows have by their place is none of an execution. */
static int on_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    struct tap *t = ctx;
    struct feed_reject out = *r;
    out.numbered = false;
    return t->to->reject(t->to->ctx, &out, err);
}

static int on_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct tap *t = ctx;
    return t->to->filtered(t->to->ctx, why, err);
}

/* --- the decoder --- */

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct executions *x = state;
    (void)self;
    (void)err;
    x->options = *o;
    if (o->exchange.n)
        x->options.exchange = (struct k2_sv){k2_sv_dup(o->exchange), o->exchange.n};
    x->options.calendar = o->calendar ? k2_strdup(o->calendar) : NULL;
    x->options.symbol = x->options.source = (struct k2_sv){0};
    x->in = in;
    return K2_OK;
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct executions *x = state;
    struct tap tap = {x, sink};
    const struct feed_sink to = {&tap, on_event, on_reject, on_filtered};
    *consumed = 0;
    if (!x->mapped)
        K2_TRY(begin(x, bytes, last, err));
    return x->mapped ? feed_mapped.decode(x->mapped, bytes, last, consumed, &to, err) : K2_OK;
}

static void fini(void *state) {
    struct executions *x = state;
    if (x->mapped)
        feed_mapped.fini(x->mapped);
    free(x->mapped);
    if (x->options.exchange.n)
        free((char *)(uintptr_t)x->options.exchange.p);
    free((char *)(uintptr_t)x->options.calendar);
    k2_buf_free(&x->mapping);
    *x = (struct executions){0};
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    struct k2_sv line = k2_sv_trim(k2_sv_split(&head, '\n'));
    bool json = line.n > 0 && line.p[0] == '{';
    (void)self;
    (void)file_name;
    if (!names(line, "execution_id", json) ||
        (!names(line, "transact_time", json) && !names(line, "transact_time_ns", json)))
        return 0;
    *why = "it has execution_id and transact_time";
    return 97;
}

static const struct feed_fact facts[] = {
    {"specification", "document", "K2, docs/executions.md"},
    {"specification", "version", "1"},
    {"file name", "any", "CSV with a header, or JSON lines; docs/executions.md"},
    {"line", "execution_id,symbol,exchange,side,price,quantity,transact_time", "a fill"},
    {"execution", "execution_id", "execution_id; the number is made of it"},
    {"execution", "account", "account, channel; - without one"},
    {"execution", "transact_time, transact_time_ns", "exchange_timestamp_ns, session date"},
    {"execution",
     "order_id, client_order_id, strategy, trader, side, price, quantity, fee, "
     "fee_currency, "
     "liquidity, counterparty, order_type, venue",
     "the columns of these names"},
    {"execution", "every other column", "extra, as it was sent"},
    {"other", "a row without id, symbol, side, price, quantity or time", "goes to quarantine"},
    {0},
};

const struct feed_ops feed_executions = {
    .name = "executions",
    .title = "Executions of our own orders, CSV or JSON lines",
    .numbering = "made of the execution id",
    .facts = facts,
    .state_size = sizeof(struct executions),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
};
