/* query/symbol.c - see symbol.h. */
#include "query/query_int.h"
#include "query/text.h"

#include <stdlib.h>

enum { CANDIDATES = 8, CODES_MAX = 32 };
static const char *const tables[] = {"definitions", "trades", "quotes", "book_events"};
#define TABLES (sizeof tables / sizeof *tables)

/* --- conditions --- */

void symbol_exchange_condition(struct k2_sv exchange, struct k2_buf *sql) {
    if (exchange.n == 0) {
        k2_buf_str(sql, "true");
        return;
    }
    struct k2_sv code = feed_exchange_code(exchange);
    k2_buf_str(sql, "exchange IN (");
    query_text_literal(sql, code);
    for (const char *const *e = feed_exchanges(); *e; e++)
        if (!k2_sv_eq(code, k2_sv_of(*e)) && k2_sv_eq(code, feed_exchange_code(k2_sv_of(*e)))) {
            k2_buf_str(sql, ", ");
            query_text_literal(sql, k2_sv_of(*e));
        }
    k2_buf_str(sql, ")");
}

static void put_meaning(struct k2_buf *sql, struct k2_sv exchange, struct k2_sv pattern) {
    bool glob = memchr(pattern.p, '*', pattern.n) || memchr(pattern.p, '?', pattern.n) ||
                memchr(pattern.p, '[', pattern.n);
    k2_buf_str(sql, "(");
    symbol_exchange_condition(exchange, sql);
    k2_buf_str(sql, glob ? " AND symbol GLOB " : " AND symbol = ");
    query_text_literal(sql, pattern);
    k2_buf_str(sql, ")");
}

static void put_entry(struct k2_buf *sql, struct k2_sv exchange, struct k2_sv pattern) {
    struct k2_sv other, rest;
    put_meaning(sql, exchange, pattern);
    if (exchange.n == 0 && symbols_split_other(pattern, &other, &rest)) {
        k2_buf_str(sql, " OR ");
        put_meaning(sql, other, rest);
    }
}

void symbol_list_condition(const struct symbols *list, struct k2_buf *sql) {
    struct k2_sv exchange, pattern;
    k2_buf_str(sql, "(");
    for (size_t i = 0; symbols_at(list, i, &exchange, &pattern); i++) {
        k2_buf_str(sql, i ? " OR " : "");
        put_entry(sql, exchange, pattern);
    }
    k2_buf_str(sql, ")");
}

/* --- one symbol --- */

static bool is_there(struct query_engine *q, const char *name) {
    struct lake_table *t;
    if (strcmp(name, "definitions") == 0)
        return true;
    if (lake_table_load(q->lake, k2_sv_of(name), &t, NULL) != K2_OK)
        return false;
    lake_table_free(t);
    return true;
}

/* SELECT DISTINCT `what` of all tables that there are. */
static void put_all(struct query_engine *q, struct k2_buf *sql, const char *what,
                    struct k2_sv where) {
    bool first = true;
    for (size_t i = 0; i < TABLES; i++) {
        if (!is_there(q, tables[i]))
            continue;
        k2_buf_printf(sql, "%sSELECT %s FROM " LAKE_NAMESPACE ".%s WHERE %.*s",
                      first ? "" : " UNION ", what, tables[i], K2_SV_ARG(where));
        first = false;
    }
}

/* The texts of the only column, at most `most`; owned. */
static int read_texts(struct query_engine *q, struct k2_sv sql, char **text, size_t most, size_t *n,
                      struct k2_err *err) {
    const struct query_request request = {.sql = sql};
    struct query_result *result;
    *n = 0;
    K2_TRY(query_run(q, &request, &result, err));
    int rc = K2_OK;
    for (uint64_t rows = 1; rc == K2_OK && rows > 0;) {
        const struct duck_vector *v;
        rc = query_result_next(result, &rows, &v, err);
        for (uint64_t i = 0; rc == K2_OK && i < rows && *n < most; i++)
            text[(*n)++] = k2_sv_dup(duck_string(&v[0], i));
    }
    query_result_free(result);
    return rc;
}

static void free_texts(char **text, size_t n) {
    for (size_t i = 0; i < n; i++)
        free(text[i]);
}

static int none(struct query_engine *q, const char *text, struct k2_sv symbol, struct k2_err *err) {
    struct k2_buf sql = {0}, near = {0};
    char *names[3];
    size_t n;
    k2_buf_str(&sql, "FROM (");
    put_all(q, &sql, "DISTINCT exchange || '.' || symbol AS name, symbol", K2_SV("true"));
    k2_buf_str(&sql, ") SELECT name WHERE damerau_levenshtein(upper(symbol), upper(");
    query_text_literal(&sql, symbol);
    k2_buf_str(&sql, ")) <= greatest(1, length(symbol) // 4) ORDER BY damerau_levenshtein("
                     "upper(symbol), upper(");
    query_text_literal(&sql, symbol);
    k2_buf_str(&sql, ")), name LIMIT 3");
    int rc = read_texts(q, k2_buf_view(&sql), names, 3, &n, err);
    for (size_t i = 0; i < n; i++)
        k2_buf_printf(&near, "%s%s", i ? ", " : "; near it: ", names[i]);
    free_texts(names, n);
    if (rc == K2_OK)
        rc = k2_fail(err, K2_E_NOTFOUND, "no table knows the symbol %s%s (k2 symbol list)", text,
                     near.n ? k2_buf_cstr(&near) : "");
    k2_buf_free(&near);
    k2_buf_free(&sql);
    return rc;
}

static int several(const char *symbol, char *const *codes, size_t n, struct k2_err *err) {
    struct k2_buf all = {0};
    for (size_t i = 0; i < n && i < CANDIDATES; i++)
        k2_buf_printf(&all, "%s%s.%s", i ? ", " : "", codes[i], symbol);
    (void)k2_fail(err, K2_E_USAGE, "%s is a symbol of several exchanges; say which: %s%s", symbol,
                  k2_buf_cstr(&all), n > CANDIDATES ? ", ..." : "");
    k2_buf_free(&all);
    return K2_E_USAGE;
}

/* Codes of one exchange stand for one. */
static size_t merge_codes(char **codes, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct k2_sv code = feed_exchange_code(k2_sv_of(codes[i]));
        bool again = false;
        for (size_t k = 0; k < kept; k++)
            again |= k2_sv_eq(code, feed_exchange_code(k2_sv_of(codes[k])));
        if (again)
            free(codes[i]);
        else
            codes[kept++] = codes[i];
    }
    return kept;
}

/* The exchanges that the tables hold the symbol of; owned. */
static int find_codes(struct query_engine *q, struct k2_sv exchange, struct k2_sv symbol,
                      char *codes[CODES_MAX], size_t *n, struct k2_err *err) {
    struct k2_buf where = {0}, sql = {0};
    symbol_exchange_condition(exchange, &where);
    k2_buf_str(&where, " AND symbol = ");
    query_text_literal(&where, symbol);
    put_all(q, &sql, "DISTINCT exchange", k2_buf_view(&where));
    k2_buf_str(&sql, " ORDER BY 1");
    int rc = read_texts(q, k2_buf_view(&sql), codes, CODES_MAX, n, err);
    k2_buf_free(&sql);
    k2_buf_free(&where);
    *n = merge_codes(codes, *n);
    return rc;
}

K2_RC symbol_resolve(struct query_engine *q, const char *text, struct symbol_name *out,
                     struct k2_err *err) {
    struct k2_sv exchange, symbol, other, rest;
    char *codes[CODES_MAX] = {NULL};
    size_t n;
    symbols_split(k2_sv_of(text), &exchange, &symbol);
    *out = (struct symbol_name){0};
    int rc = find_codes(q, exchange, symbol, codes, &n, err);
    if (rc == K2_OK && n == 0 && exchange.n == 0 && symbols_split_other(symbol, &other, &rest)) {
        rc = find_codes(q, other, rest, codes, &n, err);
        symbol = n > 0 ? rest : symbol;
    }
    char *name = k2_sv_dup(symbol);
    if (rc == K2_OK && n == 0)
        rc = none(q, text, symbol, err);
    else if (rc == K2_OK && n > 1)
        rc = several(name, codes, n, err);
    if (rc == K2_OK)
        *out = (struct symbol_name){k2_sv_dup(feed_exchange_code(k2_sv_of(codes[0]))), name};
    else
        free(name);
    free_texts(codes, n);
    return rc;
}

void symbol_name_free(struct symbol_name *s) {
    free(s->exchange);
    free(s->symbol);
    *s = (struct symbol_name){0};
}
