/* role/backfill.c - see backfill.h.
 *
 * Binance spot REST API: GET /api/v3/historicalTrades?symbol=&fromId=&limit= answers
 *     [{"id":1,"price":"..","qty":"..","quoteQty":"..","time":ms,"isBuyerMaker":b,"isBestMatch":b},...]
 * and GET /api/v3/aggTrades the same as the stream says it: a, p, q, f, l, T, m, M. Both from an id on, ascending.
 */
#include "role/backfill.h"

#include "base/http.h"
#include "base/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#define AGGREGATE K2_SV("@aggTrade")
enum { MOST = 1000, TIMEOUT_MS = 5000 };
static const size_t most_page = (size_t)1
                                << 20; /* bytes of an answer: 1000 trades are about 200 KB */

struct endpoint {
    const char *path, *event, *id;   /* id: the member that is the number */
    const char *const (*renamed)[2]; /* REST's name, the stream's; ended by NULL */
};

static const char *const trade_names[][2] = {
    {"id", "t"},           {"price", "p"},       {"qty", "q"}, {"time", "T"},
    {"isBuyerMaker", "m"}, {"isBestMatch", "M"}, {NULL, NULL}};
static const char *const aggregate_names[][2] = {{"a", "a"}, {"p", "p"}, {"q", "q"},
                                                 {"f", "f"}, {"l", "l"}, {"T", "T"},
                                                 {"m", "m"}, {"M", "M"}, {NULL, NULL}};

static const struct endpoint trades = {"historicalTrades", "trade", "id", trade_names};
static const struct endpoint aggregates = {"aggTrades", "aggTrade", "a", aggregate_names};

static K2_RC symbol_of(struct k2_sv channel, const struct endpoint **which, struct k2_sv *symbol,
                       struct k2_err *err) {
    bool aggregate = k2_sv_ends(channel, AGGREGATE);
    *which = aggregate ? &aggregates : &trades;
    *symbol = (struct k2_sv){channel.p, channel.n - (aggregate ? AGGREGATE.n : 0)};
    bool good = symbol->n > 0;
    for (size_t i = 0; i < symbol->n; i++)
        good &= isalnum((unsigned char)symbol->p[i]) != 0 || symbol->p[i] == '_';
    return good ? K2_OK
                : k2_fail(err, K2_E_UNSUPPORTED, "the venue's REST API has no trades of %.*s",
                          K2_SV_ARG(channel));
}

static K2_RC ask(const char *url, const char *key, const struct endpoint *e, struct k2_sv symbol,
                 int64_t from, int64_t limit, struct k2_json **out, struct k2_err *err) {
    struct k2_buf full = {0}, header = {0}, answer = {0};
    int status = 0;
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    k2_buf_printf(&full, "%.*s/api/v3/%s?symbol=%.*s&fromId=%" PRId64 "&limit=%" PRId64, (int)n,
                  url, e->path, K2_SV_ARG(symbol), from, limit);
    k2_buf_printf(&header, "X-MBX-APIKEY: %s", key);
    const char *const headers[] = {k2_buf_cstr(&header), NULL};
    const struct k2_http_request r = {.url = k2_buf_cstr(&full),
                                      .headers = key[0] ? headers : NULL,
                                      .timeout_ms = TIMEOUT_MS,
                                      .max_answer = most_page};
    int rc = k2_http(&r, &status, &answer, err);
    if (rc == K2_OK && (status < 200 || status > 299))
        rc = k2_fail(err, K2_E_IO, "%s answered %d", e->path, status);
    if (rc == K2_OK)
        rc = k2_json_parse(k2_buf_view(&answer), out, err);
    k2_buf_free(&full);
    k2_buf_free(&header);
    k2_buf_free(&answer);
    return rc;
}

static void put_message(const struct endpoint *e, struct k2_sv symbol, const struct k2_json *trade,
                        struct k2_buf *out) {
    struct k2_json *m = k2_json_object();
    k2_json_set(m, "e", k2_json_cstring(e->event));
    k2_json_set(m, "s", k2_json_string(symbol));
    for (const char *const(*name)[2] = e->renamed; (*name)[0]; name++) {
        const struct k2_json *value = k2_json_get(trade, (*name)[0]);
        if (value)
            k2_json_set(m, (*name)[1], k2_json_copy(value));
    }
    k2_json_dump(m, out);
    k2_buf_byte(out, '\n');
    k2_json_free(m);
}

/* Gives the number behind the last one of the answer. */
static int64_t put_answer(const struct endpoint *e, struct k2_sv symbol,
                          const struct k2_json *answer, int64_t from, int64_t to,
                          struct k2_buf *out) {
    int64_t next = from;
    for (size_t i = 0; i < k2_json_count(answer); i++) {
        const struct k2_json *trade = k2_json_at(answer, i);
        int64_t id;
        if (!k2_json_as_int(k2_json_get(trade, e->id), &id) || id < next || id == INT64_MAX)
            continue;
        next = id + 1;
        if (id <= to)
            put_message(e, symbol, trade, out);
    }
    return next;
}

int backfill_trades(const char *url, const char *key, struct k2_sv channel, int64_t from,
                    int64_t to, size_t most, struct k2_buf *out, int64_t *through,
                    struct k2_err *err) {
    const struct endpoint *e;
    struct k2_sv symbol;
    *through = from - 1;
    K2_TRY(symbol_of(channel, &e, &symbol, err));
    while (from <= to && out->n < most) {
        struct k2_json *answer = NULL;
        int64_t limit = to - from < MOST ? to - from + 1 : MOST;
        K2_TRY(ask(url, key, e, symbol, from, limit, &answer, err));
        int64_t next = put_answer(e, symbol, answer, from, to, out);
        k2_json_free(answer);
        if (next == from)
            break; /* it has no more */
        from = next;
        *through = next <= to ? next - 1 : to;
    }
    return K2_OK;
}
