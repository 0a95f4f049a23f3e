/* query/dialect.c - SQL as other databases speak it, and what to write here instead.
 *
 * Statements that are refused and errors of the parser keep their words; a sentence is put behind them
 * where the way on is known. Nothing is rewritten: what runs is what was written.
 */
#include "query/query_int.h"

#include <strings.h>

struct advice {
    const char *of; /* words with a blank around each, or a part of a message */
    const char *instead;
};

static const struct advice first_words[] = {
    {" COPY EXPORT UNLOAD ",
     "k2 query \"SELECT ...\" --out FILE.parquet (or .csv) writes a result"},
    {" INSERT UPDATE DELETE MERGE TRUNCATE UPSERT ",
     "rows come by k2 ingest, and stay as they are"},
    {" CREATE DROP ALTER ", "a WITH clause names a result for one statement, --out FILE keeps it"},
    {" SET RESET PRAGMA ", "k2 query --help lists the options, k2 config show the settings"},
    {" USE ATTACH DETACH ", "there is one namespace, and SHOW TABLES lists its tables"},
    {" IMPORT LOAD INSTALL ", "k2 ingest FILE reads files"},
    {" VACUUM CHECKPOINT ANALYZE ", "k2 maintain --dry-run tells what can be tidied up"},
    {" BEGIN COMMIT ROLLBACK START ",
     "each request sees one snapshot of each table; --as-of chooses it"},
    {" \\ . ", "commands with \\ or . are the shell's (k2 query on a terminal, without SQL); "
               "as SQL there are SHOW TABLES and DESCRIBE TABLE"},
    {" HELP ? TABLES LS ", "SHOW TABLES, DESCRIBE trades and FROM trades LIMIT 10 are a beginning"},
};

/* A part of the statement that its parser could not read. */
static const struct advice clauses[] = {
    {"SAMPLE BY",
     "here: SELECT time_bucket(INTERVAL '1 minute', timestamp) AS t, ... GROUP BY ALL"},
    {"LATEST ON", "here: SELECT symbol, arg_max(price, timestamp) ... GROUP BY symbol"},
    {"LATEST BY", "here: SELECT symbol, arg_max(price, timestamp) ... GROUP BY symbol"},
    {"SHOW CREATE", "here: DESCRIBE TABLE, or k2 table describe TABLE"},
    {"SHOW COLUMNS", "here: DESCRIBE TABLE"},
    {" IN '", "here: timestamp >= '2026-03-01' AND timestamp < '2026-04-01'; IN takes a list: IN "
              "('a', 'b')"},
};

/* A part of the message. */
static const struct advice messages[] = {
    {"\"timestamp\"", "the time is timestamp in ticks, and exchange_timestamp in the tables"},
    {"\"exchange_timestamp\"",
     "the time is timestamp in ticks, and exchange_timestamp in the tables"},
    {"\"time\"", "the time is timestamp in ticks, and exchange_timestamp in the tables"},
    {"\"ts\"", "the time is timestamp in ticks, and exchange_timestamp in the tables"},
    {"\"volume\"", "it is volume in ticks, and quantity in trades"},
    {"\"quantity\"", "it is volume in ticks, and quantity in trades"},
    {"\"size\"", "it is volume in ticks, and quantity in trades"},
    {"\"qty\"", "it is volume in ticks, and quantity in trades"},
    {"Table with name", "SHOW TABLES lists what is there"},
};

static bool is_among(const char *words, struct k2_sv word) {
    for (const char *at = words; (at = strchr(at, ' ')) && at[1]; at++) {
        if (strcspn(at + 1, " ") == word.n && strncasecmp(at + 1, word.p, word.n) == 0)
            return true;
    }
    return false;
}

const char *query_dialect_instead(struct k2_sv word, bool alone) {
    for (size_t i = 0; i < sizeof first_words / sizeof *first_words; i++) {
        if (is_among(first_words[i].of, word))
            return first_words[i].instead;
    }
    return alone ? "if it is a table, write FROM in front of it; SHOW TABLES lists them" : NULL;
}

static void add(struct k2_err *err, const char *instead) {
    size_t n = strlen(err->msg);
    snprintf(err->msg + n, sizeof err->msg - n, "\n%s", instead);
}

/* symbol = "BHP": double quotes are for names. Texts are written with single ones. */
static bool advise_quotes(struct k2_sv sql, struct k2_err *err) {
    static const char before[] = "Referenced column \"";
    const char *at = strstr(err->msg, before), *end = at ? strchr(at + strlen(before), '"') : NULL;
    struct k2_buf quoted = {0}, text = {0};
    bool known = end && strstr(end, "not found in FROM clause");
    if (known) {
        struct k2_sv name = {at + strlen(before), (size_t)(end - at) - strlen(before)};
        k2_buf_printf(&quoted, "\"%.*s\"", K2_SV_ARG(name));
        k2_buf_printf(&text, "if a text is meant, it is in single quotes: '%.*s'", K2_SV_ARG(name));
        known = query_text_mentions(sql, k2_buf_cstr(&quoted));
    }
    if (known)
        add(err, k2_buf_cstr(&text));
    k2_buf_free(&quoted);
    k2_buf_free(&text);
    return known;
}

void query_dialect_advise(struct k2_sv sql, struct k2_err *err) {
    if (!err)
        return;
    if (strstr(err->msg, "Values were not provided for the following prepared statement")) {
        add(err, "k2 query gives them by --param NAME=VALUE, Python by params={...}");
        return;
    }
    if (advise_quotes(sql, err))
        return;
    bool parser = strstr(err->msg, "Parser Error") != NULL;
    bool unknown = strstr(err->msg, "not found in FROM clause") ||
                   strstr(err->msg, "does not have a column named") ||
                   strstr(err->msg, "Table with name");
    for (size_t i = 0; parser && i < sizeof clauses / sizeof *clauses; i++) {
        if (query_text_mentions(sql, clauses[i].of)) {
            add(err, clauses[i].instead);
            return;
        }
    }
    size_t line = strcspn(err->msg, "\n"); /* behind it the statement is quoted */
    for (size_t i = 0; unknown && i < sizeof messages / sizeof *messages; i++) {
        const char *at = strstr(err->msg, messages[i].of);
        if (at && (size_t)(at - err->msg) < line) {
            add(err, messages[i].instead);
            return;
        }
    }
}
