/* query/rewrite.c - statements that DuckDB has no words for, or would answer with our stand-ins.
 *
 *     SHOW COLUMNS FROM t         DESCRIBE t
 *     SHOW ALL TABLES, DESCRIBE   SHOW TABLES
 *     information_schema.tables   the same of K2's tables only (also columns and schemata)
 *
 * What comes out is checked like any other statement, so a mistake here can refuse a statement but never
 * let one through.
 */
#include "query/query_int.h"

#include <strings.h>

#define SCHEMA "k2_information_schema"
#define OF_DUCKDB " FROM system.information_schema."

const char query_rewrite_views[] =
    "CREATE SCHEMA " SCHEMA ";"
    "CREATE VIEW " SCHEMA ".tables AS SELECT * REPLACE "
    "(CASE WHEN table_name IN ('ticks', 'definitions', 'checked_trades', 'checked_quotes') "
    "THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type)" OF_DUCKDB
    "tables WHERE table_schema = '" LAKE_NAMESPACE "';"
    "CREATE VIEW " SCHEMA ".columns AS SELECT *" OF_DUCKDB
    "columns WHERE table_schema = '" LAKE_NAMESPACE "';"
    "CREATE VIEW " SCHEMA ".schemata AS SELECT *" OF_DUCKDB
    "schemata WHERE schema_name = '" LAKE_NAMESPACE "';";

static struct k2_sv drop(struct k2_sv s, size_t n) {
    return (struct k2_sv){s.p + n, s.n - n};
}

/* The next word or sign behind blanks and comments; empty at the end. */
static struct k2_sv take(struct k2_sv *s) {
    struct k2_sv word = query_text_word(*s);
    *s = (struct k2_sv){word.p + word.n, (size_t)(s->p + s->n - word.p) - word.n};
    return word;
}

static bool is(struct k2_sv word, const char *name) {
    return word.n == strlen(name) && strncasecmp(word.p, name, word.n) == 0;
}

/* As a name: bare, or in double quotes. */
static bool names(struct k2_sv word, const char *name) {
    if (word.n > 2 && word.p[0] == '"')
        word = (struct k2_sv){word.p + 1, word.n - 2};
    return is(word, name);
}

/* Does `rest` go on as a table that there is a view for? */
static bool is_answered_here(struct k2_sv rest) {
    if (!is(take(&rest), "."))
        return false;
    struct k2_sv table = take(&rest);
    return names(table, "tables") || names(table, "columns") || names(table, "schemata");
}

static void put_tokens(struct k2_sv s, struct k2_buf *out) {
    while (s.n) {
        struct k2_sv word = {s.p, query_text_token(s)};
        s = drop(s, word.n);
        if (names(word, "information_schema") && is_answered_here(s))
            k2_buf_str(out, SCHEMA);
        else
            k2_buf_sv(out, word);
    }
}

static bool is_show_all(struct k2_sv s) {
    struct k2_sv first = take(&s), second = take(&s), third = take(&s);
    if (second.n == 0)
        return is(first, "DESCRIBE") || is(first, "DESC") || is(first, "SHOW");
    return is(first, "SHOW") && is(second, "ALL") && is(third, "TABLES") && take(&s).n == 0;
}

static bool is_show_columns(struct k2_sv *s) {
    struct k2_sv rest = *s;
    if (!is(take(&rest), "SHOW") || !is(take(&rest), "COLUMNS"))
        return false;
    struct k2_sv from = take(&rest);
    if (!is(from, "FROM") && !is(from, "IN"))
        return false;
    *s = rest;
    return true;
}

void query_rewrite(struct k2_sv statement, struct k2_buf *out) {
    if (is_show_all(statement)) {
        k2_buf_str(out, "SHOW TABLES");
        return;
    }
    if (is_show_columns(&statement))
        k2_buf_str(out, "DESCRIBE");
    put_tokens(statement, out);
}
