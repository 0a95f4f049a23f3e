/* verb/coverage.c - `k2 coverage`: what there is of every exchange, symbol and kind, and what lacks. */
#include "verb/listing.h"
#include "verb/verbs.h"
#include "verb/words.h"

#define DATES_SHOWN 3 /* of missing sessions, for people; programs get all */

struct run {
    struct verb_context *c;
    struct coverage_request request;
    struct symbols *symbols;
    struct query_engine *engine;
    struct journal *journal; /* NULL: there is none */
};

static bool wants(void *ctx, struct k2_sv exchange, struct k2_sv symbol) {
    return symbols_match(ctx, exchange, symbol);
}

static int read_options(struct run *r, struct k2_err *err) {
    const char *exchange = verb_value(r->c, "exchange"), *symbols = verb_value(r->c, "symbols");
    const char *from = verb_value(r->c, "from"), *to = verb_value(r->c, "to");
    const char *tz = verb_value(r->c, "tz");
    r->request = (struct coverage_request){
        .exchange = k2_sv_of(exchange), .from_ns = INT64_MIN, .to_ns = INT64_MAX};
    if (from)
        K2_TRY(words_time(r->c, "from", from, tz, &r->request.from_ns, err));
    if (to)
        K2_TRY(words_time(r->c, "to", to, tz, &r->request.to_ns, err));
    if (symbols) {
        K2_TRY(symbols_parse(symbols, &r->symbols, err));
        r->request.wants = wants;
        r->request.wants_ctx = r->symbols;
    }
    return K2_OK;
}

/* --- printing --- */

static void put_dates(struct listing *l, const struct coverage_line *line) {
    int shown = listing_for_people(l) && line->lacking_count > DATES_SHOWN ? DATES_SHOWN
                                                                           : line->lacking_count;
    struct k2_buf text = {0};
    for (int i = 0; i < shown; i++) {
        char date[K2_DATE_TEXT];
        k2_date_format(line->lacking[i], date);
        k2_buf_printf(&text, "%s%s", i ? " " : "", date);
    }
    if (shown < line->lacking_count)
        k2_buf_printf(&text, " and %d more", line->lacking_count - shown);
    if (line->lacking_count > 0)
        listing_text(l, k2_buf_view(&text));
    else
        listing_null(l);
    k2_buf_free(&text);
}

static void put_line(struct listing *l, const struct coverage_line *line) {
    listing_cstring(l, line->exchange);
    listing_cstring(l, line->symbol);
    listing_cstring(l, line->kind->name);
    listing_time(l, line->first_ns);
    listing_time(l, line->last_ns);
    listing_count(l, line->rows);
    listing_count(l, line->gaps);
    listing_count(l, line->missing);
    listing_count(l, line->session_count);
    if (line->lacking_count < 0)
        listing_null(l);
    else
        listing_count(l, line->lacking_count);
    put_dates(l, line);
}

static int print_report(const struct run *r, const struct coverage_report *report,
                        struct k2_err *err) {
    static const struct listing_column columns[] = {{"exchange", NULL},
                                                    {"symbol", NULL},
                                                    {"kind", NULL},
                                                    {"first", "first (UTC)"},
                                                    {"last", "last (UTC)"},
                                                    {"rows", NULL},
                                                    {"open_gaps", "gaps"},
                                                    {"numbers_missing", "numbers missing"},
                                                    {"sessions", NULL},
                                                    {"sessions_missing", "missing"},
                                                    {"missing_dates", "missing sessions"}};
    struct listing *l;
    K2_TRY(listing_open(r->c, columns, 11, &l, err));
    for (int i = 0; i < report->line_count; i++)
        put_line(l, &report->lines[i]);
    return listing_close(l, err);
}

/* Rows that the journal holds and no table are not covered: it is said. */
static void note_lag(const struct run *r) {
    struct query_lag lag[K2_KIND_COUNT];
    char rows[HUMAN_TEXT];
    int n;
    if (query_lag(r->c->data, lag, K2_KIND_COUNT, &n, NULL) != K2_OK)
        return;
    for (int i = 0; i < n; i++) {
        if (lag[i].rows > 0)
            verb_note(r->c, "%s lacks %s rows that the journal holds; %s brings them", lag[i].table,
                      human_count(lag[i].rows, rows), verb_bringer(r->c));
    }
}

/* Codes are in the letters of the venue, and an empty table does not say which of them is none. */
static void note_nothing(const struct run *r) {
    const char *symbols = verb_value(r->c, "symbols");
    words_note_exchange(r->c, verb_value(r->c, "exchange"));
    if (symbols)
        verb_note(r->c, "nothing is of %s in these bounds; symbols are written as the venue does",
                  symbols);
}

/* --- the work --- */

static int cover(struct run *r, struct k2_err *err) {
    struct coverage_report report;
    K2_TRY(coverage_run(r->engine, r->journal, &r->request, &report, err));
    int rc = print_report(r, &report, err);
    if (rc == K2_OK && report.line_count == 0)
        note_nothing(r);
    if (rc == K2_OK)
        note_lag(r);
    coverage_free(&report);
    return rc;
}

static int open_all(struct run *r, struct k2_err *err) {
    struct query_options o = {
        .threads = (int)k2_config_int(r->c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(r->c->config, K2_CONFIG_query_memory_limit),
    };
    int rc = query_open(r->c->data, &o, &r->engine, err);
    if (rc == K2_E_NOTFOUND)
        return k2_fail(err, rc, "%s holds no tables; k2 init or k2 sink --once makes them",
                       r->c->data);
    K2_TRY(rc);
    rc = verb_journal(r->c, JOURNAL_READ, &r->journal, err);
    if (rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err); /* tables alone can be covered too */
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    int rc = read_options(&r, err);
    if (rc == K2_OK)
        rc = open_all(&r, err);
    if (rc == K2_OK)
        rc = cover(&r, err);
    query_close(r.engine);
    journal_close(r.journal);
    symbols_free(r.symbols);
    return rc;
}

static const struct verb_option options[] = {
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"symbols", "LIST", NULL, "only these: BHP,CBA, globs such as B*, @FILE", NULL, 0},
    {"from", "TIME", NULL, "rows from this venue time on", NULL, 0},
    {"to", "TIME", NULL, "rows before this venue time", NULL, 0},
    {"tz", "ZONE", NULL, "zone of TIME: a name, or an exchange's code [UTC]", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {"k2 coverage", "k2 coverage --exchange SIM --symbols 'A*'",
                                       "k2 coverage --from -7d --format csv", NULL};

const struct verb verb_coverage = {
    .name = "coverage",
    .summary = "what there is of every symbol, and which sessions it lacks",
    .usage = "[--exchange CODE] [--symbols LIST]",
    .about =
        "Rows, first and last are those of the tables. Gaps are the open ones of the channels "
        "that\n"
        "carry the symbol; where a channel carries several symbols, a missing number may be of "
        "any\n"
        "of them.\n"
        "\n"
        "A session is missing when the exchange's calendar has one between the symbol's first and\n"
        "last and there is no row of it. The calendars know the holidays of\n"
        "Sydney, New York, Chicago, London and Tokyo; elsewhere Monday to Friday counts, and in\n"
        "UTC every day. Nothing is said of exchanges that have no calendar of their own. A symbol\n"
        "that just did not trade on a day lacks that session too.",
    .options = options,
    .examples = examples,
    .run = run,
};
