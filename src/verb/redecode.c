/* verb/redecode.c - `k2 redecode`: what is kept raw through today's decoder, and what is known compared with it. */
#include "verb/redecode.h"

#include "verb/mapping.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- the words --- */

static K2_RC read_times(struct redecode *r, struct k2_err *err) {
    const char *from = verb_value(r->c, "from"), *to = verb_value(r->c, "to");
    r->from_ns = INT64_MIN;
    r->to_ns = INT64_MAX;
    if (from)
        K2_TRY(words_time(r->c, "from", from, NULL, &r->from_ns, err));
    if (to)
        K2_TRY(words_time(r->c, "to", to, NULL, &r->to_ns, err));
    if (r->from_ns >= r->to_ns)
        return k2_fail(err, K2_E_USAGE, "--from %s is not before --to %s", from, to);
    return K2_OK;
}

static bool wants(void *ctx, struct k2_sv symbol) {
    const struct redecode *r = ctx;
    return symbols_match(r->symbols, r->options.exchange, symbol);
}

static K2_RC read_symbols(struct redecode *r, struct k2_err *err) {
    const char *list = verb_value(r->c, "symbols");
    if (!list)
        return K2_OK;
    K2_TRY(symbols_parse(list, &r->symbols, err));
    symbols_text(r->symbols, &r->symbol_list);
    (void)k2_buf_cstr(&r->symbol_list);
    r->options.wants = wants;
    r->options.wants_ctx = r;
    return K2_OK;
}

static K2_RC read_words(struct redecode *r, struct k2_err *err) {
    const char *date = verb_value(r->c, "date"), *exchange = verb_value(r->c, "exchange");
    const char *limit = verb_value(r->c, "limit");
    r->options = (struct feed_options){.exchange = k2_sv_of(exchange),
                                       .symbol = k2_sv_of(verb_value(r->c, "symbol")),
                                       .date = INT32_MIN,
                                       .calendar = verb_value(r->c, "calendar")};
    r->most = verb_value(r->c, "rows") ? 20 : 3;
    if (limit)
        K2_TRY(words_count("limit", limit, 0, &r->most, err));
    if (exchange && !k2_exchange_ok(r->options.exchange))
        return k2_fail(err, K2_E_USAGE,
                       "--exchange %s: a code has 1 to 31 of the characters A-Z 0-9 _ -", exchange);
    if (date && k2_date_parse(k2_sv_of(date), &r->options.date, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--date takes a session date such as 2014-03-10, not '%s'",
                       date);
    K2_TRY(read_times(r, err));
    return read_symbols(r, err);
}

/* --- comparing --- */

struct gathering {
    struct redecode *r;
    struct compare *compare;
};

static K2_RC take_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                        struct k2_err *err) {
    struct gathering *g = ctx;
    (void)raw;
    (void)position;
    (void)err;
    g->r->decoded[e->kind]++;
    compare_add(g->compare, e, g->r->in);
    return K2_OK;
}

static K2_RC take_reject(void *ctx, const struct feed_reject *reject, struct k2_err *err) {
    struct gathering *g = ctx;
    (void)reject;
    (void)err;
    g->r->rejects++;
    return K2_OK;
}

static K2_RC take_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct gathering *g = ctx;
    (void)why;
    (void)err;
    g->r->filtered++;
    return K2_OK;
}

static void take_row(void *ctx, const struct compare_row *row) {
    struct redecode *r = ctx;
    r->counts[row->kind][row->change]++;
    redecode_keep_example(r, row);
}

static K2_RC gather(struct redecode *r, struct compare *compare, struct k2_err *err) {
    struct gathering g = {r, compare};
    const struct feed_sink sink = {&g, take_event, take_reject, take_filtered};
    K2_TRY(redecode_decode(r, &sink, "decoding", err));
    if (progress_due(&r->progress))
        progress_show(&r->progress, "comparing with what is known");
    return compare_run(compare, take_row, r, &r->repeated, err);
}

static K2_RC compare_all(struct redecode *r, struct k2_err *err) {
    struct archive *archive = NULL;
    K2_TRY(archive_open(r->journal, r->c->data, &archive, err));
    struct compare *compare = compare_new(r->journal, archive_history(archive));
    int rc = gather(r, compare, err);
    compare_free(compare);
    archive_close(archive);
    return rc == K2_OK ? redecode_fill_examples(r, err) : rc;
}

/* --- the end --- */

static void note_counts(const struct redecode *r) {
    struct k2_buf text = {0};
    k2_buf_printf(&text, "rejects %" PRId64 ", filtered %" PRId64, r->rejects, r->filtered);
    if (r->repeated > 0)
        k2_buf_printf(&text, ", repeated identities %" PRId64, r->repeated);
    verb_note(r->c, "%s", k2_buf_cstr(&text));
    k2_buf_free(&text);
    if (redecode_total(r, COMPARE_MISSING) > 0)
        verb_note(r->c, "missing: known, between the first and the last number that was decoded, "
                        "and not given by it: brought by another source, or no event for today's "
                        "decoder; they stay");
}

static K2_RC store(struct redecode *r, struct k2_err *err) {
    const struct role_writer_options o = {.command = r->c->name};
    struct role_writer *w = NULL;
    K2_TRY(verb_journal_known(r->c, err));
    int rc = role_writer_open(r->c->data, r->c->config, &o, &w, err);
    if (rc == K2_OK)
        rc = redecode_ingest(r, w, err);
    if (rc != K2_OK) {
        role_writer_close(w);
        return rc;
    }
    struct ingest_stats t = role_writer_stats(w);
    role_writer_close(w);
    verb_note(r->c,
              "committed: read %" PRId64 " = accepted %" PRId64 " + duplicates %" PRId64
              " + conflicts %" PRId64 " + quarantined %" PRId64 " + filtered %" PRId64
              " + halted %" PRId64,
              t.read, t.accepted, t.duplicates, t.conflicts, t.quarantined, t.filtered, t.halted);
    if (t.conflicts > 0)
        return k2_fail(err, K2_E_DATA,
                       "identity conflicts: %" PRId64 ", kept in quarantine (k2 quarantine list); "
                       "what is stored stays as it is",
                       t.conflicts);
    return K2_OK;
}

static K2_RC verdict(const struct redecode *r, struct k2_err *err) {
    int64_t added = redecode_total(r, COMPARE_ADDED), changed = redecode_total(r, COMPARE_CHANGED),
            missing = redecode_total(r, COMPARE_MISSING);
    if (added + changed + missing == 0)
        return K2_OK;
    return k2_fail(err, K2_E_DATA,
                   "what is known differs: added %" PRId64 ", changed %" PRId64 ", missing %" PRId64
                   "%s",
                   added, changed, missing,
                   added > 0 ? "; --commit stores what is added" : "; nothing is to be added");
}

static K2_RC work(struct redecode *r, struct k2_err *err) {
    K2_TRY(read_words(r, err));
    K2_TRY(verb_journal(r->c, JOURNAL_READ, &r->journal, err));
    K2_TRY(redecode_find(r, err));
    progress_start(&r->progress, r->c);
    int rc = compare_all(r, err);
    progress_end(&r->progress);
    K2_TRY(rc);
    K2_TRY(redecode_show(r, err));
    note_counts(r);
    return verb_flag(r->c, "commit") ? store(r, err) : verdict(r, err);
}

static void free_all(struct redecode *r) {
    for (size_t i = 0; i < r->example_n; i++) {
        struct redecode_example *x = &r->examples[i];
        free((char *)x->row.exchange.p);
        free((char *)x->row.channel.p);
        k2_buf_free(&x->id);
        k2_buf_free(&x->symbol);
        k2_buf_free(&x->what);
    }
    free(r->examples);
    raw_sources_free(r->all_kept, r->kept_n);
    for (size_t i = 0; r->counted && i < r->sources.n; i++)
        counted_free(r->counted[i]);
    free(r->counted);
    sources_free(&r->sources);
    symbols_free(r->symbols);
    k2_buf_free(&r->symbol_list);
    k2_buf_free(&r->mapping);
    k2_interner_free(r->in);
    journal_close(r->journal);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct redecode r = {.c = c, .in = k2_interner_new()};
    int rc = work(&r, err);
    free_all(&r);
    return rc;
}

static const char *const changes[] = {"added", "changed", "missing", "all", NULL};

static const struct verb_option options[] = {
    {"commit", NULL, NULL, "store what is added; what is changed goes to quarantine", NULL, 0},
    {"rows", "CHANGE", NULL, "list rows: added, changed, missing or all", changes, 0},
    {"limit", "N", NULL, "so many rows of each kind and change; default 20, examples 3", NULL, 0},
    {"from", "TIME", NULL, "a raw topic: what was received from then on", NULL, 0},
    {"to", "TIME", NULL, "and before then", NULL, 0},
    {"source", "NAME", NULL, "a raw topic with several sources: this feed, or address", NULL, 0},
    {"exchange", "CODE", NULL, "a file: as it was said to k2 ingest", NULL, 0},
    {"symbol", "SYMBOL", NULL, "the same", NULL, 0},
    {"date", "DATE", NULL, "the same: session date", NULL, 0},
    {"symbols", "LIST", NULL, "only these: BHP,CBA or B* or @file", NULL, 0},
    VERB_MAPPING,
    {"calendar", "NAME", NULL, "session dates by this exchange's calendar, or utc", NULL, 0},
    VERB_FORMAT,
    {0}};

static const char *const examples[] = {
    "k2 redecode 7078_BHP_20140310.csv.gz",
    NULL,
};

const struct verb verb_redecode = {
    .name = "redecode",
    .summary = "decode again what is kept raw, and show what differs",
    .usage = "[FORMAT] SOURCE",
    .about =
        "For when a decoder was mended, or a layout or mapping changed. A SOURCE is an exchange "
        "or\n"
        "its raw topic (BINANCE, market.raw.binance), with what live sources received, or a file\n"
        "that k2 ingest read: it must have the SHA-256 of then. FORMAT is a name from k2 feed\n"
        "list or a file that ends in .layout; left out it is that of the file's record, or of\n"
        "[feed.NAME] for a raw topic.\n"
        "\n"
        "Each event is looked for by its identity among those that are known:\n"
        "  same, added (not known), changed (known with another content), missing (known, and\n"
        "  not decoded).\n"
        "Nothing is stored without --commit. With it the source goes through the ordinary ingest,\n"
        "also beside a running k2 up: what is added is stored, what is the same is dropped, and\n"
        "what is changed is a conflict: quarantined, and what was stored before stays. A second\n"
        "run adds nothing.\n"
        "\n"
        "Of a raw topic whose beginning retention has deleted, rows that are numbered by their\n"
        "place are left out for the session dates that are not whole any more: they would be\n"
        "counted from another place.",
    .options = options,
    .examples = examples,
    .data_exit = "something differs; with --commit: there were conflicts",
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
