/* verb/ingest.c - `k2 ingest`: files into the journal. */
#include "role/role.h"
#include "verb/executions.h"
#include "verb/listing.h"
#include "verb/mapping.h"
#include "verb/progress.h"
#include "verb/signals.h"
#include "verb/source_words.h"
#include "verb/summary.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/fs.h"

#include <stdlib.h>

struct run {
    struct verb_context *c;
    struct role_writer *writer;
    struct request_ingest request;     /* what is the same for every file */
    struct k2_buf symbols;             /* its list, with what the files in it hold */
    struct k2_buf mapping;             /* the text of --mapping */
    struct k2_buf urls, send, headers; /* of a live source, as lists */
    bool slow;                         /* a live source, or a file at a pace: signals end it well */
    struct sources sources;
    struct progress progress;
    const char *current; /* file being read, for the progress line */
    int64_t failed;
    int64_t foreign;    /* files in which nothing was of their format */
    struct k2_err last; /* of the last file that failed */
};

/* --- the words --- */

/* Here and not by who reads the source: another process does not have our working directory. */
static K2_RC read_symbols(struct run *r, const char *list, struct k2_err *err) {
    struct symbols *parsed;
    K2_TRY(symbols_parse(list, &parsed, err));
    symbols_text(parsed, &r->symbols);
    symbols_free(parsed);
    r->request.symbols = k2_buf_cstr(&r->symbols);
    return K2_OK;
}

static int read_options(struct run *r, struct k2_err *err) {
    const char *date = verb_value(r->c, "date");
    const char *symbols = verb_value(r->c, "symbols");
    struct request_ingest *q = &r->request;
    *q = (struct request_ingest){.exchange = verb_value(r->c, "exchange"),
                                 .symbol = verb_value(r->c, "symbol"),
                                 .calendar = verb_value(r->c, "calendar"),
                                 .date = INT32_MIN,
                                 .keep_counting = verb_flag(r->c, "continue"),
                                 .halt = verb_flag(r->c, "halt")};
    if (q->exchange && !k2_exchange_ok(k2_sv_of(q->exchange)))
        return k2_fail(err, K2_E_USAGE,
                       "--exchange %s: a code has 1 to 31 of the characters A-Z 0-9 _ -",
                       q->exchange);
    if (date && k2_date_parse(k2_sv_of(date), &q->date, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--date takes a session date such as 2014-03-10, not '%s'",
                       date);
    if (q->calendar) { /* once, and not for every file */
        const struct feed_calendar *calendar;
        K2_TRY_CTX(feed_calendar_find((struct k2_sv){0}, q->calendar, &calendar, err), err,
                   "--calendar");
    }
    return symbols ? read_symbols(r, symbols, err) : K2_OK;
}

/* Several URLs are ways to one source. */
static int read_live(struct run *r, struct k2_err *err) {
    const char *seconds = verb_value(r->c, "seconds"), *word;
    struct request_ingest *q = &r->request;
    double s = 0;
    for (size_t i = 0; i < r->sources.n; i++) {
        if (!feed_is_live(r->sources.at[i].path))
            return k2_fail(err, K2_E_USAGE, "live sources and files cannot be read together");
        live_words_join(&r->urls, r->sources.at[i].path);
    }
    if (!q->exchange)
        return k2_fail(err, K2_E_USAGE,
                       "a live source needs --exchange: it names the topic of its raw bytes");
    for (int i = 0; (word = verb_value_at(r->c, "send", i)) != NULL; i++)
        K2_TRY(live_words_read(word, &r->send, err));
    for (int i = 0; (word = verb_value_at(r->c, "header", i)) != NULL; i++)
        K2_TRY(live_words_header(word, &r->headers, err));
    if (seconds)
        K2_TRY(words_real("seconds", seconds, &s, err));
    if (seconds && (s <= 0 || s > 1e9))
        return k2_fail(err, K2_E_USAGE, "--seconds is above 0 and at most 10^9, not %s", seconds);
    q->urls = k2_buf_cstr(&r->urls);
    q->send = k2_buf_cstr(&r->send);
    q->headers = k2_buf_cstr(&r->headers);
    q->ca_file = verb_value(r->c, "ca-file");
    q->most_ns = (int64_t)(s * 1e9);
    while (r->sources.n > 1)
        free(r->sources.at[--r->sources.n].path);
    return K2_OK;
}

static int find_sources(struct run *r, struct k2_err *err) {
    K2_TRY(source_words_read(r->c, &r->mapping, &r->sources, err));
    r->request.mapping = k2_buf_cstr(&r->mapping);
    bool live = false;
    for (size_t i = 0; i < r->sources.n; i++) {
        live |= feed_is_live(r->sources.at[i].path);
        r->slow |= live || r->sources.at[i].speed > 0;
    }
    if (r->slow)
        signals_hold();
    return live ? read_live(r, err) : K2_OK;
}

/* --- the work --- */

static void show_progress(void *ctx, const struct job_report *so_far) {
    struct run *r = ctx;
    if (!progress_due(&r->progress))
        return;
    char rows[HUMAN_TEXT];
    human_count(so_far->stats.read, rows);
    if (so_far->all > 0)
        progress_show(&r->progress, "%s %d %%, %s rows", r->current,
                      (int)(so_far->done * 100 / so_far->all), rows);
    else
        progress_show(&r->progress, "%s, %s rows", r->current, rows);
}

static void fail_source(struct run *r, const struct source_file *s, const struct k2_err *why) {
    progress_end(&r->progress);
    struct k2_err shown = *why;
    if (!strstr(shown.msg, s->path))
        (void)k2_err_context(&shown, shown.status, "%s", s->path);
    verb_complain(r->c, &shown);
    r->failed++;
    r->last = shown;
}

/* The path that quarantine records name: absolute, so that it means the same from everywhere. */
static char *source_name(const char *path) {
    char *full;
    if (strcmp(path, "-") == 0 || feed_is_live(path))
        return k2_strdup(path);
    return feed_file_absolute(path, &full, NULL) == K2_OK ? full : k2_strdup(path);
}

/* Everything in it was passed over or refused: most likely it is something else than what it was taken for. */
static void check_foreign(struct run *r, const struct source_file *s,
                          const struct ingest_stats *before) {
    struct ingest_stats now = role_writer_stats(r->writer);
    int64_t read = now.read - before->read, filtered = now.filtered - before->filtered;
    struct k2_err why;
    struct k2_buf what = {0};
    if (read == 0 || filtered + now.quarantined - before->quarantined != read)
        return;
    if (filtered == read && feed_is_live(s->path))
        return; /* it was quiet: its connections are all there was */
    progress_end(&r->progress);
    r->foreign++;
    if (filtered == read)
        k2_buf_printf(&what, "all %lld records were filtered", (long long)read);
    else if (filtered == 0)
        k2_buf_printf(&what, "all %lld records were refused; k2 quarantine list shows why",
                      (long long)read);
    else
        k2_buf_printf(&what,
                      "%lld records were filtered and %lld refused; k2 quarantine list shows why",
                      (long long)filtered, (long long)(read - filtered));
    (void)k2_fail(&why, K2_E_DATA, "%s: %s of %s%s%s: %s (k2 feed show %s)",
                  strcmp(s->path, "-") == 0 ? "standard input" : s->path,
                  filtered == 0 ? "no event" : "nothing in it is an event", s->feed->name,
                  r->request.symbols ? " with a symbol of --symbols" : "",
                  filtered == 0 ? " could be stored" : ", so nothing of it is kept",
                  k2_buf_cstr(&what), s->feed->name);
    k2_buf_free(&what);
    verb_complain(r->c, &why);
}

static int read_file(struct run *r, const struct source_file *s, struct k2_err *err) {
    struct query_import rows = {0};
    char *name = source_name(s->path);
    struct request_ingest q = r->request;
    q.path = s->path;
    q.speed = s->speed;
    q.source = name;
    q.format = s->feed->name;
    r->current = s->path;
    int rc = K2_OK;
    if (verb_mapping_is_parquet(s->path, s->feed)) {
        rc = query_import_parquet(r->c->data, s->path, &rows, err);
        q.path = rows.csv;
    }
    if (rc == K2_OK)
        rc = role_writer_file(r->writer, &q, err);
    query_import_end(&rows);
    free(name);
    return rc;
}

/* Damage in one file stops that file only; K2_E_IO of the journal itself comes back from all. */
static void read_source(struct run *r, const struct source_file *s) {
    struct k2_err why = s->why;
    if (s->feed) {
        struct ingest_stats before = role_writer_stats(r->writer);
        if (read_file(r, s, &why) == K2_OK) {
            check_foreign(r, s, &before);
            return;
        }
    }
    fail_source(r, s, &why);
}

/* Another part of a day from a venue without numbers begins to count where the first part began. */
static int fail_conflicts(const struct run *r, const struct ingest_stats *t, struct k2_err *err) {
    const char *why = t->by_place == 0 ? ""
                      : r->request.keep_counting
                          ? "; these rows have no numbers of their own, but a place"
                          : "; these rows have no numbers of their own, but a place, counted from "
                            "1: of another part of the day --continue counts on";
    return k2_fail(err, K2_E_DATA,
                   "identity conflicts: %lld %s, kept in quarantine as %lld %s (k2 quarantine "
                   "list)%s",
                   (long long)t->conflicts, human_word(t->conflicts, "event", "events"),
                   (long long)t->conflict_records,
                   human_word(t->conflict_records, "record", "records"), why);
}

static int verdict(const struct run *r, const struct ingest_stats *t, struct k2_err *err) {
    if (t->conflicts > 0)
        return fail_conflicts(r, t, err);
    if (r->failed == 1 && r->sources.n == 1)
        return k2_fail(err, K2_E_FAILED, "the source was not read to its end");
    if (r->failed > 0)
        return k2_fail(err, K2_E_FAILED, "%lld of %zu sources were not read to their end",
                       (long long)r->failed, r->sources.n);
    if (verb_flag(r->c, "strict") && t->gaps + t->quarantined + r->foreign > 0)
        return k2_fail(err, K2_E_DATA,
                       "--strict: gaps %lld, rows in quarantine %lld, files with no event %lld",
                       (long long)t->gaps, (long long)t->quarantined, (long long)r->foreign);
    return K2_OK;
}

/* Also when the run then fails for its data: what was accepted is kept all the same. */
static void note_what_became(const struct run *r, const struct ingest_stats *t) {
    if (t->filtered > 0 && r->foreign == 0)
        verb_note(
            r->c,
            "filtered: whole, but of a kind or symbol that is not kept (k2 feed show FORMAT)");
    if (t->quarantined > 0 && r->foreign == 0)
        verb_note(r->c, "quarantined: refused, and kept with their bytes (k2 quarantine list)");
    if (t->halted > 0)
        verb_note(r->c,
                  "halted: beyond a large gap of their channel, so not stored (k2 halt list); "
                  "when the gap is filled or given up, read the file again");
    if (t->accepted > 0)
        verb_note(r->c, role_writer_is_remote(r->writer)
                            ? "durable in the journal of the running k2 up, which fills the tables"
                            : "durable in the journal; into the tables: k2 sink --once");
}

static int read_sources(struct run *r, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    progress_start(&r->progress, r->c);
    for (size_t i = 0; i < r->sources.n; i++)
        read_source(r, &r->sources.at[i]);
    int rc = role_writer_flush(r->writer, err);
    progress_end(&r->progress);
    K2_TRY(rc);
    struct summary s = {.stats = role_writer_stats(r->writer),
                        .sources = (int64_t)r->sources.n,
                        .failed = r->failed,
                        .took_ns = k2_monotonic_ns() - start,
                        .sequence = role_writer_sequence(r->writer)};
    K2_TRY(summary_print(r->c, &s, err));
    note_what_became(r, &s.stats);
    return verdict(r, &s.stats, err);
}

static int all_is_lost(const struct run *r, struct k2_err *err) {
    for (size_t i = 0; i < r->sources.n; i++) {
        if (r->sources.at[i].feed)
            return K2_OK;
    }
    if (r->sources.n > 1)
        return K2_OK; /* each is reported on its own */
    *err = r->sources.at[0].why;
    return err->status;
}

static bool is_stopped(void *ctx) {
    const struct run *r = ctx;
    return r->slow && signals_sleep(0);
}

static int run_all(struct run *r, struct k2_err *err) {
    const struct role_writer_options o = {
        .command = r->c->name,
        .halt = verb_flag(r->c, "halt"),
        .progress = show_progress,
        .progress_ctx = r,
        .stop = is_stopped,
        .stop_ctx = r,
    };
    K2_TRY(read_options(r, err));
    K2_TRY(find_sources(r, err));
    if (verb_executions_wanted(&r->sources))
        return verb_executions_run(r->c, &r->sources, err);
    K2_TRY(all_is_lost(r, err));
    K2_TRY(verb_journal_known(r->c, err));
    K2_TRY(role_writer_open(r->c->data, r->c->config, &o, &r->writer, err));
    return read_sources(r, err);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    int rc = run_all(&r, err);
    role_writer_close(r.writer);
    k2_buf_free(&r.symbols);
    k2_buf_free(&r.mapping);
    k2_buf_free(&r.urls);
    k2_buf_free(&r.send);
    k2_buf_free(&r.headers);
    sources_free(&r.sources);
    return rc;
}

static const struct verb_option options[] = {
    {"exchange", "CODE", NULL, "where the format does not say it", NULL, 0},
    {"symbol", "SYMBOL", NULL, "where neither format nor file name says it", NULL, 0},
    {"date", "DATE", NULL, "session date, where the format does not say it", NULL, 0},
    {"symbols", "LIST", NULL, "keep only these: BHP,CBA or B* or @file", NULL, 0},
    {"calendar", "NAME", NULL, "session dates by this exchange's calendar, or utc", NULL, 0},
    VERB_MAPPING,
    {"continue", NULL, NULL, "rows without numbers: go on counting after the journal", NULL, 0},
    {"halt", NULL, NULL, "a large gap halts its channel (k2 halt), as in the feeds of k2 up", NULL,
     0},
    {"seconds", "S", NULL, "a live source: end after so long; else SIGINT ends it", NULL, 0},
    {"send", "TEXT", NULL, "a live source: say this after connecting; @FILE: each of its lines",
     NULL, 0},
    {"header", "NAME:VALUE", NULL,
     "a WebSocket: a header of the handshake; VALUE may be env:NAME or file:PATH", NULL, 0},
    {"ca-file", "FILE", NULL, "a live source: certificates to trust beside the system's", NULL, 0},
    {"strict", NULL, NULL, "exit with 3 also for gaps, refused rows, files without an event", NULL,
     0},
    VERB_FORMAT,
    {0}};

static const char *const examples[] = {
    "k2 ingest 7078_BHP_20140310.csv.gz",
    "k2 ingest asx-csv --symbols 'B*' trades/ quotes/",
    "k2 simulate --print binance-json --symbols 1 --seconds 5 | k2 ingest binance-json -",
    "k2 ingest executions fills.csv",
    "k2 ingest binance-json udp://127.0.0.1:26400 --exchange BINANCE --seconds 0.2",
    NULL,
};

const struct verb verb_ingest = {
    .name = "ingest",
    .summary = "read files into the journal",
    .usage = "[FORMAT] SOURCE...",
    .about =
        "A SOURCE is a file (plain, or packed by gzip, zstd or xz), a directory (its files of\n"
        "known formats, also below it), a zip archive (as a directory; ARCHIVE.zip/MEMBER is\n"
        "one of its files), - for standard input, or a live source: tcp://, soupbintcp://, "
        "udp://,\n"
        "ws://, wss:// (k2 capture --help), whose raw bytes are kept in topic\n"
        "market.raw.EXCHANGE, or pcap:FILE?speed=10x: a file ten times as fast as it happened\n"
        "(1x, max).\n"
        "FORMAT is auto, a name from k2 feed list, or a file that ends in .mapping or .layout;\n"
        "left out it is told from each file's name and first bytes, which live sources do not\n"
        "have.\n"
        "\n"
        "It returns when all is durable. What was read before is recognised and dropped; what\n"
        "cannot be read goes to quarantine with its bytes. The summary adds up:\n"
        "  read = accepted + duplicates + conflicts + quarantined + filtered + halted\n"
        "A file that is missing or damaged is reported, and the others go on.\n"
        "\n"
        "Executions of our own orders (FORMAT executions) are answered row by row: one JSON\n"
        "line on stdout for each, when the journal and the table both hold it.",
    .options = options,
    .examples = examples,
    .data_exit = "an event has the number of another one (conflict); --strict: gaps,\n  refused "
                 "rows, a file in which nothing is of its format",
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
