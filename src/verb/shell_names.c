/* verb/shell_names.c - tables and columns for TAB and \d; see shell.h.
 *
 * The engine is asked in SQL, so that views (ticks) and computed columns (message_id) are there as they
 * are in queries.
 */
#include "verb/shell.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define FRESH_NS (10 * K2_NS_PER_SEC)
#define MAX_TABLES 256

static const char *const keywords[] = {
    "all",       "and",         "any",         "as",
    "asc",       "between",     "by",          "case",
    "cast",      "count",       "cross",       "current_date",
    "date",      "desc",        "describe",    "distinct",
    "else",      "end",         "except",      "exclude",
    "exists",    "explain",     "false",       "filter",
    "first",     "from",        "full",        "group",
    "having",    "ilike",       "in",          "inner",
    "intersect", "interval",    "is",          "join",
    "last",      "left",        "like",        "limit",
    "max",       "median",      "min",         "not",
    "now",       "null",        "nulls",       "offset",
    "on",        "or",          "order",       "outer",
    "over",      "partition",   "qualify",     "quantile_cont",
    "right",     "round",       "rows",        "select",
    "show",      "sum",         "summarize",   "tables",
    "then",      "time_bucket", "timestamp",   "true",
    "union",     "unnest",      "using",       "values",
    "when",      "where",       "window",      "with",
    "avg",       "arg_max",     "arg_min",     "asof",
    "columns",   "date_trunc",  "k2_avg",      "k2_vwap",
    "lag",       "lead",        "market_data", "row_number",
};

static int ask(struct query_engine *engine, struct k2_buf *json, struct k2_err *err) {
    struct query_request request = {
        .sql = K2_SV("SELECT table_name, column_name, data_type FROM information_schema.columns "
                     "ORDER BY table_name, ordinal_position")};
    struct query_result *result;
    char *text = NULL;
    size_t n = 0;
    K2_TRY(query_run(engine, &request, &result, err));
    FILE *to = open_memstream(&text, &n);
    int rc = to ? query_print(result, QUERY_JSON, 0, to, NULL, err)
                : k2_fail_errno(err, "memory for the names of columns");
    if (to)
        fclose(to);
    if (rc == K2_OK)
        k2_buf_put(json, text, n);
    free(text);
    query_result_free(result);
    return rc;
}

K2_RC names_load(struct shell_names *n, struct query_engine *engine, struct k2_err *err) {
    int64_t now = k2_monotonic_ns();
    if (n->columns && now - n->asked_ns < FRESH_NS)
        return K2_OK;
    struct k2_buf json = {0};
    struct k2_json *columns = NULL;
    int rc = ask(engine, &json, err);
    if (rc == K2_OK)
        rc = k2_json_parse(k2_buf_view(&json), &columns, err);
    k2_buf_free(&json);
    K2_TRY(rc);
    names_free(n);
    *n = (struct shell_names){columns, now};
    return K2_OK;
}

void names_free(struct shell_names *n) {
    k2_json_free(n->columns);
    *n = (struct shell_names){0};
}

bool names_at(const struct shell_names *n, size_t i, struct name *out) {
    const struct k2_json *row = n->columns ? k2_json_at(n->columns, i) : NULL;
    return row && k2_json_as_string(k2_json_get(row, "table_name"), &out->table) &&
           k2_json_as_string(k2_json_get(row, "column_name"), &out->column) &&
           k2_json_as_string(k2_json_get(row, "data_type"), &out->type);
}

static bool same_name(struct k2_sv a, struct k2_sv b) {
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* Is this the first column of its table? */
static bool begins_table(const struct shell_names *n, size_t i, const struct name *at) {
    struct name before;
    return i == 0 || !names_at(n, i - 1, &before) || !k2_sv_eq(before.table, at->table);
}

static int unknown_table(const struct shell_names *n, struct k2_sv name, struct k2_err *err) {
    char *tables[MAX_TABLES], *wanted = k2_sv_dup(name);
    int count = 0;
    struct name at;
    for (size_t i = 0; names_at(n, i, &at) && count < MAX_TABLES; i++)
        if (begins_table(n, i, &at))
            tables[count++] = k2_sv_dup(at.table);
    const char *best = k2_nearest(wanted, (const char *const *)tables, count);
    int rc =
        k2_fail(err, K2_E_NOTFOUND, "there is no table '%s'%s%s%s", wanted,
                best ? "; did you mean " : "; \\dt lists them", best ? best : "", best ? "?" : "");
    for (int i = 0; i < count; i++)
        free(tables[i]);
    free(wanted);
    return rc;
}

K2_RC names_table(const struct shell_names *n, struct k2_sv name, struct k2_sv *table,
                  struct k2_err *err) {
    static const struct k2_sv schema = K2_SV(LAKE_NAMESPACE ".");
    struct name at;
    if (name.n > schema.n && strncasecmp(name.p, schema.p, schema.n) == 0)
        name = (struct k2_sv){name.p + schema.n, name.n - schema.n};
    for (size_t i = 0; names_at(n, i, &at); i++)
        if (same_name(at.table, name)) {
            *table = at.table;
            return K2_OK;
        }
    return unknown_table(n, name, err);
}

/* --- TAB --- */

struct asking {
    const struct shell_names *names;
    struct k2_sv line, word;
    void (*add)(void *to, const char *word);
    void *to;
};

static bool fits(const struct asking *a, struct k2_sv name) {
    return name.n >= a->word.n && strncasecmp(name.p, a->word.p, a->word.n) == 0;
}

static void offer(const struct asking *a, struct k2_sv name) {
    if (!fits(a, name))
        return;
    char *text = k2_sv_dup(name);
    a->add(a->to, text);
    free(text);
}

static void offer_tables(const struct asking *a) {
    struct name at;
    for (size_t i = 0; names_at(a->names, i, &at); i++)
        if (begins_table(a->names, i, &at))
            offer(a, at.table);
}

static bool is_mentioned(const struct asking *a, struct k2_sv table) {
    char *name = k2_sv_dup(table);
    bool found = query_text_mentions(a->line, name);
    free(name);
    return found;
}

/* Of the tables that the text names; when it names none yet, of all. */
static void offer_columns(const struct asking *a) {
    struct name at;
    bool any = false;
    for (size_t i = 0; !any && names_at(a->names, i, &at); i++)
        any = begins_table(a->names, i, &at) && is_mentioned(a, at.table);
    for (size_t i = 0; names_at(a->names, i, &at); i++)
        if (!any || is_mentioned(a, at.table))
            offer(a, at.column);
}

/* In the letters, small or large, that the word begins with. */
static void offer_keywords(const struct asking *a) {
    bool large = a->word.n && isupper((unsigned char)a->word.p[0]);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", keywords[i]);
        for (char *p = text; large && *p; p++)
            *p = (char)toupper((unsigned char)*p);
        offer(a, k2_sv_of(text));
    }
}

/* The word in front of the one to complete, and what stands directly before that: a point or not. */
static struct k2_sv word_before(struct k2_sv line, struct k2_sv word, bool *point) {
    line.n -= word.n;
    *point = line.n && line.p[line.n - 1] == '.';
    line.n -= *point;
    line = k2_sv_trim(line);
    size_t from = line.n;
    while (from > 0 && (isalnum((unsigned char)line.p[from - 1]) || line.p[from - 1] == '_'))
        from--;
    return (struct k2_sv){line.p + from, line.n - from};
}

static bool wants_table(struct k2_sv before) {
    static const char *const words[] = {"from",      "join",  "describe", "desc",
                                        "summarize", "table", "d",        "schema"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (same_name(before, k2_sv_of(words[i])))
            return true;
    return false;
}

void names_complete(const struct shell_names *n, struct k2_sv line, struct k2_sv word,
                    void (*add)(void *to, const char *word), void *to) {
    struct asking a = {n, line, word, add, to};
    bool point;
    struct k2_sv before = word_before(line, word, &point);
    if (wants_table(before) || (point && same_name(before, K2_SV(LAKE_NAMESPACE)))) {
        offer_tables(&a);
        if (!point)
            offer(&a, K2_SV(LAKE_NAMESPACE));
        return;
    }
    offer_columns(&a);
    if (point || word.n == 0)
        return;
    offer_tables(&a);
    offer_keywords(&a);
}
