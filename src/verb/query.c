/* verb/query.c - `k2 query`: SQL over the tables. */
#include "verb/listing.h"
#include "verb/meter.h"
#include "verb/shell.h"
#include "verb/signals.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/fs.h"

#include <stdlib.h>
#include <unistd.h>

#define TERMINAL_ROWS 1000 /* shown of a table on a terminal */
#define PARAMS 64

struct run {
    struct verb_context *c;
    struct k2_buf sql;
    struct query_options options;
    struct query_request request;
    struct query_param params[PARAMS];
    char *names; /* of the params, each followed by a NUL */
    char *as_of_table;
    struct out_file out;
    struct query_engine *engine;
    bool shell; /* there is no SQL: it will be typed */
    struct meter *meter;
};

/* --- the words --- */

static int read_stdin(struct k2_buf *out, struct k2_err *err) {
    for (;;) {
        ssize_t got = read(STDIN_FILENO, k2_buf_need(out, 1 << 16), 1 << 16);
        if (got == 0)
            return K2_OK;
        if (got < 0)
            return k2_fail_errno(err, "standard input cannot be read");
        out->n += (size_t)got;
    }
}

static int ask_for_shell(struct run *r, struct k2_err *err) {
    if (verb_value(r->c, "out") || verb_flag(r->c, "explain"))
        return k2_fail(err, K2_E_USAGE, "the SQL is missing: k2 query \"SELECT ...\" --%s",
                       verb_value(r->c, "out") ? "out FILE" : "explain");
    r->shell = true;
    return K2_OK;
}

static int read_sql(struct run *r, struct k2_err *err) {
    const struct verb_context *c = r->c;
    const char *file = verb_value(c, "file");
    const char *word = c->arg_count > 0 ? c->args[0] : NULL;
    if (file && word)
        return k2_fail(err, K2_E_USAGE, "give the SQL or -f FILE, not both");
    if (!file && word && strcmp(word, "-") != 0)
        k2_buf_str(&r->sql, word);
    else if (file && strcmp(file, "-") != 0)
        K2_TRY(k2_fs_read(file, &r->sql, err));
    else if (!file && !word && isatty(STDIN_FILENO))
        return ask_for_shell(r, err);
    else
        K2_TRY(read_stdin(&r->sql, err));
    r->request.sql = k2_buf_view(&r->sql);
    if (!r->shell && k2_sv_trim(r->request.sql).n == 0)
        return k2_fail(err, K2_E_USAGE, "the SQL is empty");
    return K2_OK;
}

static int read_params(struct run *r, struct k2_err *err) {
    struct k2_buf names = {0};
    int n = 0;
    const char *given;
    for (; (given = verb_value_at(r->c, "param", n)) && n < PARAMS; n++) {
        const char *equals = strchr(given, '=');
        if (!equals || equals == given) {
            k2_buf_free(&names);
            return k2_fail(err, K2_E_USAGE, "--param takes name=value, not '%s'", given);
        }
        k2_buf_put(&names, given, (size_t)(equals - given));
        k2_buf_byte(&names, 0);
        r->params[n].value = equals + 1;
    }
    r->names = (char *)names.p; /* taken over; the places are known now that it grows no more */
    char *name = r->names;
    for (int i = 0; i < n; i++) {
        r->params[i].name = name;
        name += strlen(name) + 1;
    }
    r->request.params = r->params;
    r->request.param_count = n;
    if (given)
        return k2_fail(err, K2_E_USAGE, "more than %d params", PARAMS);
    return K2_OK;
}

K2_RC query_read_as_of(const struct verb_context *c, const char *text, struct query_as_of *a,
                       char **table, struct k2_err *err) {
    a->set = true;
    const char *at = strchr(text, '@');
    if (!at) {
        K2_TRY(words_time(c, "as-of", text, verb_value(c, "tz"), &a->ns, err));
        K2_TRY_CTX(query_as_of_check(a->ns, err), err, "--as-of %s", text);
        return K2_OK;
    }
    if (at == text || !k2_sv_i64(k2_sv_of(at + 1), &a->snapshot))
        return k2_fail(err, K2_E_USAGE,
                       "--as-of takes a TIME or table@snapshot (k2 table snapshots), not '%s'",
                       text);
    *table = k2_sv_dup((struct k2_sv){text, (size_t)(at - text)});
    a->table = *table;
    return K2_OK;
}

static int read_as_of(struct run *r, struct k2_err *err) {
    const char *text = verb_value(r->c, "as-of");
    return text ? query_read_as_of(r->c, text, &r->request.as_of, &r->as_of_table, err) : K2_OK;
}

static int read_options(struct run *r, struct k2_err *err) {
    const char *timeout = verb_value(r->c, "timeout");
    const char *memory = verb_value(r->c, "memory-limit");
    r->options.threads = (int)k2_config_int(r->c->config, K2_CONFIG_query_threads);
    r->options.memory_limit = k2_config_int(r->c->config, K2_CONFIG_query_memory_limit);
    if (timeout)
        K2_TRY(words_span("timeout", timeout, &r->options.timeout_ns, err));
    if (memory)
        K2_TRY(words_bytes("memory-limit", memory, &r->options.memory_limit, err));
    K2_TRY(read_params(r, err));
    K2_TRY(read_as_of(r, err));
    K2_TRY(read_sql(r, err));
    /* The plan is a list, which opens --out itself. */
    r->request.row_groups = verb_flag(r->c, "explain");
    return r->request.row_groups || r->shell ? K2_OK : out_open(r->c, &r->out, err);
}

/* --- what it tells --- */

/* The tables of the query, or all of them when no result says which. */
static bool concerns(const struct query_stats *s, const char *table) {
    bool here = s == NULL;
    for (int i = 0; s && i < s->scan_count; i++)
        here |= strcmp(s->scans[i].table, table) == 0;
    return here;
}

/* Who asks for an instant of the market gets nothing, because K2 knew nothing yet. */
static void note_too_early(const struct verb_context *c, const struct query_as_of *as_of) {
    int64_t first;
    char from[K2_TIME_TEXT], then[K2_TIME_TEXT];
    if (!as_of->set || query_first_append(c->data, &first, NULL) != K2_OK || first == 0 ||
        as_of->ns > first)
        return;
    (void)k2_time_format(first, from);
    (void)k2_time_format(as_of->ns, then);
    verb_note(c,
              "nothing was durable before %s; --as-of is when K2 knew it, for venue time use "
              "WHERE exchange_timestamp < '%s'",
              from, then);
}

/* Who asks for now gets less than there is, because a clock was ahead when the last of it came. */
static void note_to_come(const struct verb_context *c, const struct query_as_of *as_of) {
    int64_t last;
    char text[K2_TIME_TEXT];
    if (!as_of->set || query_last_append(c->data, &last, NULL) != K2_OK || last < k2_now_ns())
        return;
    (void)k2_time_format(last, text);
    verb_note(c,
              "the journal's last records are of %s, which is still to come: a clock was ahead; "
              "without --as-of they are read",
              text);
}

/* Not knowing is no reason to fail a query. */
void query_note_lag(const struct verb_context *c, const struct query_stats *s,
                    const struct query_as_of *as_of, unsigned *told) {
    struct query_lag lag[K2_KIND_COUNT];
    int n = 0;
    if (c->quiet || as_of->table ||
        query_lag_before(c->data, as_of->set ? as_of->ns : 0, lag, K2_KIND_COUNT, &n, NULL) !=
            K2_OK)
        return;
    note_too_early(c, as_of);
    note_to_come(c, as_of);
    for (int i = 0; i < n; i++) {
        char rows[HUMAN_TEXT];
        if (lag[i].rows <= 0 || !concerns(s, lag[i].table) || (told && *told >> i & 1))
            continue;
        verb_note(c, "%s lacks %s %s that the journal holds%s; %s brings %s", lag[i].table,
                  human_count(lag[i].rows, rows), human_word(lag[i].rows, "row", "rows"),
                  as_of->set ? " from before that instant: the answer is not final" : "",
                  verb_bringer(c), human_word(lag[i].rows, "it", "them"));
        if (told)
            *told |= 1U << i;
    }
}

static void note_lag(const struct run *r, const struct query_stats *s) {
    query_note_lag(r->c, s, &r->request.as_of, NULL);
}

static int print_scans(const struct run *r, const struct query_stats *s, struct k2_err *err) {
    static const struct listing_column columns[] = {{"table", NULL},
                                                    {"snapshot", NULL},
                                                    {"files_total", "files"},
                                                    {"files_read", "files read"},
                                                    {"row_groups_total", "row groups"},
                                                    {"row_groups_read", "groups read"},
                                                    {"bytes_total", "bytes"},
                                                    {"bytes_read", "bytes read"},
                                                    {"pruned_by", "pruned by"},
                                                    {"offsets", "journal offsets"}};
    struct listing *l;
    K2_TRY(listing_open(r->c, columns, 10, &l, err));
    for (int i = 0; i < s->scan_count; i++) {
        const struct query_scan *q = &s->scans[i];
        listing_cstring(l, q->table);
        listing_number(l, q->snapshot);
        listing_count(l, q->files_total);
        listing_count(l, q->files_read);
        listing_count(l, q->row_groups_total);
        listing_count(l, q->row_groups_read);
        listing_bytes(l, q->bytes_total);
        listing_bytes(l, q->bytes_read);
        listing_cstring(l, q->filters);
        listing_cstring(l, q->offsets);
    }
    K2_TRY(listing_close(l, err));
    char plan[HUMAN_TEXT];
    verb_note(r->c, "planned in %s", human_span(s->plan_ns, plan));
    return K2_OK;
}

/* --- the work --- */

static int explain(struct run *r, struct k2_err *err) {
    struct query_result *result;
    K2_TRY(query_run(r->engine, &r->request, &result, err));
    meter_hide(r->meter);
    struct query_stats s = query_result_stats(result);
    int rc = print_scans(r, &s, err);
    note_lag(r, &s);
    query_result_free(result);
    return rc;
}

static int print_rows(struct run *r, struct query_result *result, struct k2_err *err) {
    struct query_look look = {.format = r->out.format};
    if (r->out.to == stdout) {
        meter_hide(r->meter);
        look = query_screen(r->out.format);
        look.max_rows = look.width ? TERMINAL_ROWS : 0;
        look.more_rows = "--format csv gives all";
        look.more_columns = "k2 query without SQL and \\x shows all";
    }
    return query_show(result, &look, r->out.to, &r->out.rows, err);
}

/* A statement that another follows: a file holds the last one's rows only. */
static int print_each(void *ctx, struct query_result *result, struct k2_err *err) {
    struct run *r = ctx;
    return r->out.to == stdout ? print_rows(r, result, err) : K2_OK;
}

static int print_result(struct run *r, struct k2_err *err) {
    struct query_result *result;
    r->request.each = print_each;
    r->request.each_ctx = r;
    K2_TRY(query_run(r->engine, &r->request, &result, err));
    int rc = print_rows(r, result, err);
    struct query_stats s = query_result_stats(result);
    if (rc == K2_OK)
        note_lag(r, &s);
    query_result_free(result);
    return rc;
}

static int write_parquet(struct run *r, const char *path, struct k2_err *err) {
    int64_t rows;
    char text[HUMAN_TEXT];
    K2_TRY(query_to_parquet(r->engine, &r->request, path, &rows, err));
    verb_note(r->c, "%s %s in %s", human_count(rows, text), human_word(rows, "row", "rows"), path);
    note_lag(r, NULL);
    return K2_OK;
}

static int print_or_write(struct run *r, struct k2_err *err) {
    if (verb_flag(r->c, "explain"))
        return explain(r, err);
    return r->out.parquet ? write_parquet(r, r->out.path, err) : print_result(r, err);
}

static int with_engine(struct run *r, struct k2_err *err) {
    if (r->shell)
        edit_hold();
    signals_hold(); /* before the engine's threads: one that does not hold them would take them */
    K2_TRY(query_open(r->c->data, &r->options, &r->engine, err));
    int rc;
    if (r->shell) {
        rc = shell_run(r->c, r->engine, &r->request, out_stdout(r->c).format, err);
    } else {
        r->meter = meter_start(r->c, r->engine);
        rc = print_or_write(r, err);
        meter_stop(r->meter);
    }
    if (rc == K2_E_NOTFOUND)
        note_lag(r, NULL);
    query_close(r->engine);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    int rc = read_options(&r, err);
    if (rc == K2_OK)
        rc = with_engine(&r, err);
    if (rc == K2_OK && !r.shell)
        rc = out_close(&r.out, err);
    out_drop(&r.out);
    k2_buf_free(&r.sql);
    free(r.names);
    free(r.as_of_table);
    return rc;
}

static const char *const cuts[] = {"historical", NULL};

static const struct verb_option options[] = {
    {"file", "FILE", NULL, "read the SQL from a file; - is standard input", NULL, 'f'},
    {"param", "NAME=VALUE", NULL, "the value of $NAME in the SQL; may be repeated", NULL, 'p'},
    {"as-of", "WHEN", NULL, "a TIME, or table@snapshot", NULL, 0},
    {"tz", "NAME", NULL, "zone of --as-of: Australia/Sydney, or an exchange: ASX", NULL, 0},
    {"cut", "CUT", "historical", "which rows: historical, those that the tables hold", cuts, 0},
    {"timeout", "SPAN", NULL, "give up after this time: 30s, 5m", NULL, 0},
    {"memory-limit", "SIZE", NULL, "[query.memory_limit]", NULL, 0},
    {"explain", NULL, NULL, "instead of rows: files, row groups and bytes read, and the cut", NULL,
     0},
    VERB_FORMAT,
    {"out", "FILE", NULL, "x.parquet, x.csv, x.json, x.ndjson or x.md", NULL, 0},
    {0}};

static const char *const examples[] = {
    "k2 query \"SELECT symbol, count(*), k2_vwap(price, quantity) FROM trades GROUP BY ALL\"",
    ("k2 query \"SELECT timestamp, symbol, price, volume FROM market_data.ticks"
     " WHERE symbol = 'AAPL' AND timestamp >= NOW() - INTERVAL '1 hour'"
     " ORDER BY timestamp DESC LIMIT 1000\""),
    "k2 query 'SELECT * FROM trades WHERE symbol = $s' --param s=AAPL --out aapl.parquet",
    "k2 query 'SELECT count(*) FROM trades' --as-of -1s --format json",
    "echo 'SELECT max(price) FROM trades' | k2 query - --explain",
    "echo 'SHOW TABLES; SUMMARIZE trades' | k2 query -f - --timeout 5m",
    NULL,
};

const struct verb verb_query = {
    .name = "query",
    .summary = "SQL over the tables",
    .usage = "[SQL|-]",
    .about =
        "The dialect is DuckDB's. trades is market_data.trades; ticks is the view of trades with\n"
        "timestamp, symbol, price, volume. All tables are read as of one moment. Exact where\n"
        "SQL turns to floating point: k2_vwap(price, quantity), k2_avg(x).\n"
        "WHEN: 2026-03-02, 2026-03-02T10:00:00.5Z, now, -1h, yesterday, or trades@SNAPSHOT.\n"
        "Several statements, separated by semicolons, print one result after the other.\n"
        "Ctrl-C cancels. Without SQL, on a terminal, it is a shell; \\? in it tells its commands.",
    .options = options,
    .examples = examples,
    .max_args = 1,
    .run = run,
};
