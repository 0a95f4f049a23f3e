/* verb/reconcile.c - `k2 reconcile`: the proof that journal and tables hold the same events. */
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/verbs.h"

#include "base/fs.h"

#include <inttypes.h>
#include <strings.h>

static void show_progress(void *ctx, int64_t done, int64_t all) {
    struct progress *p = ctx;
    if (all > 0 && progress_due(p))
        progress_show(p, "%d %% of %" PRId64 " rows", (int)(done * 100 / all), all);
}

static void put_side(struct listing *l, const struct reconcile_side *s) {
    char hex[33];
    listing_count(l, s->rows);
    if (s->rows > 0) {
        listing_number(l, s->min_sequence);
        listing_number(l, s->max_sequence);
    } else {
        listing_null(l);
        listing_null(l);
    }
    k2_h128_hex(s->checksum, hex);
    listing_text(l, (struct k2_sv){hex, listing_for_people(l) ? 12 : 32});
}

static void put_line(struct listing *l, const struct reconcile_line *r) {
    char date[K2_DATE_TEXT];
    k2_date_format(r->trade_date, date);
    listing_cstring(l, r->kind->table);
    listing_cstring(l, r->exchange);
    listing_cstring(l, r->symbol);
    listing_cstring(l, date);
    put_side(l, &r->journal);
    put_side(l, &r->table);
    listing_count(l, r->missing);
    listing_count(l, r->extra);
    listing_count(l, r->changed);
    listing_bool(l, r->missing + r->extra + r->changed == 0);
}

static int print_lines(struct verb_context *c, const struct reconcile_report *r,
                       struct k2_err *err) {
    static const struct listing_column columns[] = {{"table", NULL},
                                                    {"exchange", NULL},
                                                    {"symbol", NULL},
                                                    {"trade_date", "date"},
                                                    {"journal_rows", "journal rows"},
                                                    {"journal_min_sequence", "journal from"},
                                                    {"journal_max_sequence", "journal to"},
                                                    {"journal_checksum", "journal checksum"},
                                                    {"table_rows", "table rows"},
                                                    {"table_min_sequence", "table from"},
                                                    {"table_max_sequence", "table to"},
                                                    {"table_checksum", "table checksum"},
                                                    {"missing", NULL},
                                                    {"extra", NULL},
                                                    {"changed", NULL},
                                                    {"equal", NULL}};
    struct listing *l = listing_on_stdout(c, columns, 16);
    for (int i = 0; i < r->line_count; i++)
        put_line(l, &r->lines[i]);
    return listing_close(l, err);
}

static int write_proof(const struct verb_context *c, const struct reconcile_report *r,
                       struct k2_err *err) {
    const char *path = verb_value(c, "out");
    if (!path)
        return K2_OK;
    struct k2_buf text = {0};
    reconcile_json(r, c->now_ns, &text);
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    K2_TRY(rc);
    verb_note(c, "the proof is in %s", path);
    return K2_OK;
}

static void note_rest(const struct verb_context *c, const struct reconcile_report *r) {
    char text[HUMAN_TEXT];
    if (r->lag > 0)
        verb_note(c, "%s journal %s in no table yet; %s brings %s", human_count(r->lag, text),
                  human_word(r->lag, "row is", "rows are"), verb_bringer(c),
                  human_word(r->lag, "it", "them"));
    if (r->by_digest > 0)
        verb_note(c, "%s %s compared by digest: removed by retention",
                  human_count(r->by_digest, text),
                  human_word(r->by_digest, "row was", "rows were"));
    if (r->other_journal > 0)
        verb_note(c, "%s table %s not compared, being of another journal",
                  human_count(r->other_journal, text),
                  human_word(r->other_journal, "row was", "rows were"));
}

static int verdict(const struct verb_context *c, const struct reconcile_report *r,
                   struct k2_err *err) {
    char text[HUMAN_TEXT];
    if (!reconcile_equal(r))
        return k2_fail(err, K2_E_DATA,
                       "journal and tables differ: %" PRId64 " %s missing, %" PRId64
                       " extra, %" PRId64 " changed; %s",
                       r->missing, human_word(r->missing, "row", "rows"), r->extra, r->changed,
                       r->first);
    verb_note(c, "journal and tables are equal: %s %s compared", human_count(r->compared, text),
              human_word(r->compared, "row", "rows"));
    return K2_OK;
}

static int report(struct verb_context *c, const struct reconcile_report *r, struct k2_err *err) {
    K2_TRY(print_lines(c, r, err));
    K2_TRY(write_proof(c, r, err));
    note_rest(c, r);
    return verdict(c, r, err);
}

static int with_engine(struct verb_context *c, struct query_engine *q, struct k2_err *err) {
    struct progress p;
    struct reconcile_report r = {0};
    progress_start(&p, c);
    int rc = reconcile_run(c->data, q, show_progress, &p, &r, err);
    progress_end(&p);
    if (rc == K2_OK)
        rc = report(c, &r, err);
    reconcile_free(&r);
    return rc;
}

/* Before all is read: the proof is JSON, and a name that says otherwise is a slip. */
static int check_out(const struct verb_context *c, struct k2_err *err) {
    const char *path = verb_value(c, "out");
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *dot = path ? strrchr(slash ? slash : path, '.') : NULL;
    if (dot && strcasecmp(dot, ".json") != 0)
        return k2_fail(err, K2_E_USAGE, "--out %s: the proof is JSON; name it .json", path);
    return path ? out_check_directory(path, err) : K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct query_engine *q;
    struct query_options o = {
        .threads = (int)k2_config_int(c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(c->config, K2_CONFIG_query_memory_limit),
    };
    K2_TRY(check_out(c, err));
    K2_TRY(query_open(c->data, &o, &q, err));
    int rc = with_engine(c, q, err);
    query_close(q);
    return rc;
}

static const struct verb_option options[] = {
    {"out", "FILE", NULL, "write the proof there too, as JSON", NULL, 0}, VERB_FORMAT, {0}};
static const char *const examples[] = {"k2 reconcile", "k2 reconcile --out proof.json --format csv",
                                       NULL};

const struct verb verb_reconcile = {
    .name = "reconcile",
    .summary = "prove that journal and tables hold the same events",
    .usage = "[--out proof.json]",
    .about =
        "Every row that the tables cover is compared in every column with its journal record.\n"
        "For each exchange, symbol and session date it shows, of journal and of table: rows,\n"
        "lowest and highest sequence, and a checksum over the rows that knows no order.",
    .options = options,
    .examples = examples,
    .data_exit = "they differ",
    .run = run,
};
