/* verb/decode.c - `k2 decode`: what is in a source, every field of it; nothing is stored. */
#include "verb/decode.h"
#include "verb/mapping.h"
#include "verb/source_words.h"
#include "verb/verbs.h"

#include "base/fs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#define PIECE ((size_t)1 << 20)

struct run {
    struct verb_context *c;
    struct decode_printer printer;
    struct feed_options feed;
    struct symbols *symbols;
    struct sources sources;
    struct k2_buf mapping; /* the text of --mapping */
    bool events;           /* also of formats that have frames */
    int64_t failed;
};

/* --- the words --- */

/* --where kind=trade: the option's value as its place in the options. */
static int read_condition(struct decode_options *o, const char *word, struct k2_err *err) {
    const struct {
        const char *name;
        const char **to;
    } keys[] = {{"kind=", &o->kind},
                {"exchange=", &o->exchange},
                {"symbol=", &o->symbol},
                {"message=", &o->message}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t n = strlen(keys[i].name);
        if (strncasecmp(word, keys[i].name, n) == 0 && word[n]) {
            *keys[i].to = word + n;
            return K2_OK;
        }
    }
    return k2_fail(err, K2_E_USAGE,
                   "--where takes kind=, exchange=, symbol= or message= and a value, not '%s'",
                   word);
}

static int check_kind(const char *kind, struct k2_err *err) {
    const char *names[K2_KIND_COUNT + 2] = {"reject", "filtered"};
    int n = 2;
    if (!kind)
        return K2_OK;
    for (int k = 0; k < K2_KIND_COUNT; k++) {
        names[n++] = k2_kind((enum k2_kind_id)k)->name;
        if (strcasecmp(kind, k2_kind((enum k2_kind_id)k)->table) == 0)
            return K2_OK;
    }
    for (int i = 0; i < n; i++)
        if (strcasecmp(kind, names[i]) == 0)
            return K2_OK;
    const char *best = k2_nearest(kind, names, n);
    return k2_fail(err, K2_E_USAGE, "there is no kind of events '%s'%s%s", kind,
                   best ? "; did you mean " : "", best ? best : "");
}

static int read_conditions(struct run *r, struct k2_err *err) {
    struct decode_options *o = &r->printer.o;
    const char *word;
    for (int i = 0; (word = verb_value_at(r->c, "where", i)) != NULL; i++)
        K2_TRY(read_condition(o, word, err));
    K2_TRY(check_kind(o->kind, err));
    /* Only events have these. */
    r->events = verb_flag(r->c, "events") || o->kind || o->exchange || o->symbol || r->symbols;
    return K2_OK;
}

static bool wants(void *ctx, struct k2_sv symbol) {
    const struct run *r = ctx;
    return symbols_match(r->symbols, r->feed.exchange, symbol);
}

static int read_options(struct run *r, struct k2_err *err) {
    const char *date = verb_value(r->c, "date"), *symbols = verb_value(r->c, "symbols");
    const char *limit = verb_value(r->c, "limit"), *exchange = verb_value(r->c, "exchange");
    struct decode_options *o = &r->printer.o;
    *o = (struct decode_options){.limit = -1, .offsets = !verb_flag(r->c, "no-offsets")};
    r->feed = (struct feed_options){.exchange = k2_sv_of(exchange),
                                    .symbol = k2_sv_of(verb_value(r->c, "symbol")),
                                    .date = INT32_MIN,
                                    .calendar = verb_value(r->c, "calendar")};
    if (exchange && !k2_exchange_ok(r->feed.exchange))
        return k2_fail(err, K2_E_USAGE,
                       "--exchange %s: a code has 1 to 31 of the characters A-Z 0-9 _ -", exchange);
    if (date && k2_date_parse(k2_sv_of(date), &r->feed.date, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--date takes a session date such as 2014-03-10, not '%s'",
                       date);
    if (limit && (!k2_sv_i64(k2_sv_of(limit), &o->limit) || o->limit < 1))
        return k2_fail(err, K2_E_USAGE, "--limit takes a number from 1 on, not '%s'", limit);
    if (symbols) {
        K2_TRY(symbols_parse(symbols, &r->symbols, err));
        r->feed.wants = wants;
        r->feed.wants_ctx = r;
    }
    return read_conditions(r, err);
}

/* --- the sources --- */

static int find_sources(struct run *r, struct k2_err *err) {
    K2_TRY(source_words_read(r->c, &r->mapping, &r->sources, err));
    r->feed.mapping = k2_buf_view(&r->mapping);
    if (r->sources.n == 1 && !r->sources.at[0].feed) {
        *err = r->sources.at[0].why;
        return err->status;
    }
    return K2_OK;
}

/* A list of rows has one set of columns. */
static bool all_have_frames(const struct run *r) {
    for (size_t i = 0; i < r->sources.n; i++)
        if (r->sources.at[i].feed && !r->sources.at[i].feed->dissect)
            return false;
    return true;
}

/* --- the work --- */

/* `path`: the file's bytes, which were made from the source where that is Parquet. */
static int read_tail(struct run *r, const char *source, const char *path,
                     const struct feed_ops *ops, struct k2_err *err) {
    struct feed_tail_options o = {.ops = ops, .feed = r->feed};
    struct feed_tail *tail;
    bool idle;
    int rc = K2_OK;
    o.feed.source = k2_sv_of(source);
    K2_TRY(feed_tail_open(path, &o, r->printer.in, &tail, err));
    while (rc == K2_OK && !feed_tail_state(tail).ended)
        rc = feed_tail_step(tail, PIECE, &r->printer.sink, &idle, err);
    feed_tail_close(tail);
    return rc;
}

static int read_parquet(struct run *r, const struct source_file *s, struct k2_err *err) {
    struct query_import rows;
    K2_TRY(query_import_parquet(r->c->data, s->path, &rows, err));
    int rc = read_tail(r, s->path, rows.csv, s->feed, err);
    query_import_end(&rows);
    return rc;
}

static int read_source(struct run *r, const struct source_file *s, struct k2_err *err) {
    r->printer.feed = s->feed->name;
    if (verb_mapping_is_parquet(s->path, s->feed))
        return read_parquet(r, s, err);
    if (r->events || !s->feed->dissect)
        return read_tail(r, s->path, s->path, s->feed, err);
    struct feed_dissector d;
    feed_dissector_init(&d, s->feed, &r->printer.tree.visit, decode_printer_frame, &r->printer);
    return read_tail(r, s->path, s->path, &d.ops, err);
}

/* Damage in one file stops that file only. */
static void read_or_complain(struct run *r, const struct source_file *s) {
    struct k2_err why = s->why;
    if (s->feed && (read_source(r, s, &why) == K2_OK || r->printer.enough))
        return;
    if (!strstr(why.msg, s->path))
        (void)k2_err_context(&why, why.status, "%s", s->path);
    verb_complain(r->c, &why);
    r->failed++;
}

static void note_totals(const struct run *r, int64_t took_ns) {
    const struct decode_totals *t = &r->printer.totals;
    struct k2_buf text = {0};
    char span[HUMAN_TEXT];
    if (t->frames > 0)
        k2_buf_printf(&text, "frames %" PRId64 ", ", t->frames);
    for (int k = 0; k < K2_KIND_COUNT; k++)
        if (t->events[k] > 0)
            k2_buf_printf(&text, "%s %" PRId64 ", ", k2_kind((enum k2_kind_id)k)->name,
                          t->events[k]);
    if (r->printer.left_out > 0)
        k2_buf_printf(&text, "not in dbn %" PRId64 ", ", r->printer.left_out);
    k2_buf_printf(&text, "rejects %" PRId64 ", filtered %" PRId64 ", took %s", t->rejects,
                  t->filtered, human_span(took_ns, span));
    verb_note(r->c, "%s", k2_buf_cstr(&text));
    k2_buf_free(&text);
}

static int verdict(const struct run *r, struct k2_err *err) {
    if (r->failed > 0)
        return k2_fail(err, K2_E_FAILED, "%" PRId64 " of %zu %s not read to the end", r->failed,
                       r->sources.n, human_word((int64_t)r->sources.n, "file was", "files were"));
    if (verb_flag(r->c, "strict") && r->printer.totals.rejects > 0)
        return k2_fail(err, K2_E_DATA, "--strict: rejects %" PRId64, r->printer.totals.rejects);
    return K2_OK;
}

/* Only frames have messages with names; rows and JSON have kinds. */
static int check_message(const struct run *r, struct k2_err *err) {
    for (size_t i = 0; r->printer.o.message && i < r->sources.n; i++) {
        const struct feed_ops *f = r->sources.at[i].feed;
        if (f && !f->dissect)
            return k2_fail(err, K2_E_USAGE,
                           "--where message= is about formats of frames, and %s (%s) is none; "
                           "--where kind= takes the kinds of its events",
                           r->sources.at[i].path, f->name);
    }
    return K2_OK;
}

static int print_all(struct run *r, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    r->events |= strcmp(verb_value(r->c, "format"), "dbn") == 0;
    bool frames = !r->events && all_have_frames(r);
    K2_TRY(check_message(r, err));
    K2_TRY(decode_printer_open(&r->printer, frames, err));
    r->events |= r->printer.rows && !frames;
    for (size_t i = 0; i < r->sources.n && !r->printer.enough; i++)
        read_or_complain(r, &r->sources.at[i]);
    if (r->printer.o.message && r->printer.totals.printed == 0 && r->failed == 0)
        decode_printer_note_names(&r->printer);
    K2_TRY(decode_printer_close(&r->printer, err));
    note_totals(r, k2_monotonic_ns() - start);
    return verdict(r, err);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c,
                    .printer = {.c = c, .in = k2_interner_new(), .names = k2_interner_new()}};
    int rc = read_options(&r, err);
    if (rc == K2_OK)
        rc = find_sources(&r, err);
    if (rc == K2_OK)
        rc = print_all(&r, err);
    symbols_free(r.symbols);
    sources_free(&r.sources);
    k2_buf_free(&r.mapping);
    k2_interner_free(r.printer.in);
    k2_interner_free(r.printer.names);
    return rc;
}

static const char *const decode_formats[] = {"ndjson",   "json", "csv", "table",
                                             "markdown", "dbn",  NULL};

static const struct verb_option options[] = {
    {"format", "FORMAT", "ndjson", "ndjson, json, csv, table, markdown or dbn", decode_formats, 0},
    {"limit", "N", NULL, "end after so many", NULL, 0},
    {"where", "KEY=VALUE", NULL, "only these: kind=trade, exchange=, symbol=, message=", NULL, 0},
    {"events", NULL, NULL, "the events, also of formats that have frames", NULL, 0},
    {"no-offsets", NULL, NULL, "frames: without the place of each field", NULL, 0},
    {"exchange", "CODE", NULL, "where the format does not say it", NULL, 0},
    {"symbol", "SYMBOL", NULL, "where neither format nor file name says it", NULL, 0},
    {"date", "DATE", NULL, "session date, where the format does not say it", NULL, 0},
    {"symbols", "LIST", NULL, "only these: BHP,CBA or B* or @file", NULL, 0},
    VERB_MAPPING,
    {"calendar", "NAME", NULL, "session dates by this exchange's calendar, or utc", NULL, 0},
    {"strict", NULL, NULL, "exit with 3 when something is refused", NULL, 0},
    {0}};

static const char *const examples[] = {
    "k2 decode 7078_BHP_20140310.csv.gz --limit 3",
    "k2 decode trades/ --where kind=trade --format csv",
    "k2 simulate --print binance-json --symbols 1 --seconds 5 | k2 decode binance-json -",
    NULL,
};

const struct verb verb_decode = {
    .name = "decode",
    .summary = "show every field of a source; store nothing",
    .usage = "[FORMAT] SOURCE...",
    .about = "A SOURCE is what k2 ingest reads: files, plain or packed, captures (pcap, pcapng),\n"
             "directories, zip archives, - for standard input. FORMAT is auto, a name from\n"
             "k2 feed list, or a file that ends in .mapping or .layout.\n"
             "\n"
             "Formats of frames (datagrams, framed messages) are shown frame by frame, each field\n"
             "as the venue sent it, with its place in the frame: [byte, bytes]. All others, and\n"
             "with --events or --where kind=, exchange= or symbol= these too, are shown as the\n"
             "events that k2 ingest would store, beside what it would refuse. csv and table have\n"
             "a row for each field. dbn: trades, quotes and orders as DBN, with --where kind= of\n"
             "one schema. The counts are on standard error.",
    .options = options,
    .examples = examples,
    .data_exit = "--strict: something was refused",
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
