/* verb/redecode_source.c - what is kept raw: a raw topic's source, or files that k2 ingest read; see redecode.h. */
#include "verb/redecode.h"

#include "verb/listing.h"
#include "verb/mapping.h"
#include "verb/source_words.h"

#include "base/fs.h"

#include <ctype.h>
#include <stdlib.h>

#define TOPIC "market.raw."
#define PIECE ((size_t)1 << 20)
#define MOST_STRINGS ((size_t)64 << 20)

/* --- a topic --- */

/* BINANCE, binance or market.raw.binance; else false, and exchange is empty. */
static bool read_exchange(const char *word, char exchange[32]) {
    bool topic = strncmp(word, TOPIC, strlen(TOPIC)) == 0;
    const char *name = topic ? word + strlen(TOPIC) : word;
    size_t n = strlen(name);
    if (n == 0 || n > 31 || (!topic && k2_fs_exists(word)))
        return false;
    for (size_t i = 0; i <= n; i++)
        exchange[i] = (char)toupper((unsigned char)name[i]);
    bool good = k2_exchange_ok(k2_sv_of(exchange));
    struct k2_sv code = good ? feed_exchange_code(k2_sv_of(exchange)) : K2_SV("");
    if (!good ||
        (!topic && code.p != exchange)) { /* NASDAQ is kept as XNAS; "" where it is no code */
        memcpy(exchange, code.p, code.n);
        exchange[code.n] = 0;
    }
    return good;
}

static K2_RC no_topic(const struct redecode *r, struct k2_err *err) {
    struct k2_buf there = {0};
    for (int32_t i = 0; i < journal_topic_count(r->journal); i++) {
        struct journal_topic t = journal_topic_at(r->journal, i);
        if (strncmp(t.name, TOPIC, strlen(TOPIC)) == 0)
            k2_buf_printf(&there, "%s%s", there.n ? ", " : "", t.name);
    }
    int rc = k2_fail(err, K2_E_NOTFOUND,
                     "there is neither a file %s nor a raw topic of exchange %s; raw topics: %s",
                     r->c->args[r->c->arg_count - 1], r->exchange,
                     there.n ? k2_buf_cstr(&there) : "none, as no live source was received");
    k2_buf_free(&there);
    return rc;
}

static const char *short_name(const char *key) {
    return strncmp(key, "feed:", 5) == 0 ? key + 5 : key;
}

static K2_RC choose(struct redecode *r, struct k2_err *err) {
    const char *word = verb_value(r->c, "source");
    struct k2_buf names = {0};
    for (size_t i = 0; i < r->kept_n; i++) {
        const struct raw_source *s = &r->all_kept[i];
        k2_buf_printf(&names, "%s%s", i ? ", " : "", short_name(s->key));
        if (word ? strcmp(word, s->key) == 0 || strcmp(word, short_name(s->key)) == 0
                 : r->kept_n == 1)
            r->kept = s;
    }
    int rc = K2_OK;
    if (r->kept_n == 0)
        rc =
            k2_fail(err, K2_E_NOTFOUND, "the raw topic of %s holds no frame any more", r->exchange);
    else if (!r->kept && word)
        rc = k2_fail(err, K2_E_USAGE, "the raw topic of %s has no source '%s'; it has %s",
                     r->exchange, word, k2_buf_cstr(&names));
    else if (!r->kept)
        rc = k2_fail(err, K2_E_USAGE,
                     "the raw topic of %s holds several sources; --source takes "
                     "one of %s",
                     r->exchange, k2_buf_cstr(&names));
    k2_buf_free(&names);
    return rc;
}

/* What the section [feed.NAME] of the source says, where the command line does not. */
static K2_RC ask_section(struct redecode *r, struct k2_err *err) {
    const struct k2_config *c = r->c->config;
    for (int i = 0; i < k2_config_named_count(c, "feed"); i++) {
        if (strncmp(r->kept->key, "feed:", 5) != 0 ||
            strcmp(r->kept->key + 5, k2_config_named_name(c, "feed", i)) != 0)
            continue;
        const char *format = k2_config_named_string(c, K2_CONFIG_feed_format, i);
        const char *mapping = k2_config_named_string(c, K2_CONFIG_feed_mapping, i);
        const char *calendar = k2_config_named_string(c, K2_CONFIG_feed_calendar, i);
        const struct feed_ops *of_mapping;
        if (strcmp(format, "auto") != 0)
            K2_TRY(feed_load(k2_sv_of(format), &r->feed, err));
        if (mapping[0])
            K2_TRY(verb_mapping_read(mapping, &r->mapping, &of_mapping, err));
        if (calendar[0] && !r->options.calendar)
            r->options.calendar = calendar;
    }
    return K2_OK;
}

static K2_RC find_kept(struct redecode *r, struct k2_err *err) {
    int first = 0;
    int rc = raw_sources(r->journal, k2_sv_of(r->exchange), &r->all_kept, &r->kept_n, err);
    if (rc == K2_E_NOTFOUND)
        return no_topic(r, err);
    K2_TRY(rc);
    K2_TRY(choose(r, err));
    if (r->c->arg_count > 1 || verb_value(r->c, "mapping"))
        K2_TRY(source_words_format(r->c, &r->mapping, &r->feed, &first, err));
    else
        K2_TRY(ask_section(r, err));
    if (!r->feed)
        return k2_fail(err, K2_E_USAGE,
                       "a raw topic does not say its format: k2 redecode FORMAT %s (k2 feed list)",
                       r->exchange);
    r->options.exchange = k2_sv_of(r->exchange);
    return K2_OK;
}

/* --- files --- */

struct last_record {
    struct k2_sv path;
    struct k2_buf value;         /* sha256, xxh128, format, counted_from, NUL behind each */
    struct source_record record; /* borrows from value; without path */
    bool found;
};

/* The same bytes read again for nothing: what was stored of them is of an earlier time. */
static bool brought_nothing(const struct last_record *l, const struct source_record *s) {
    return l->found && s->accepted == 0 && l->record.accepted > 0 &&
           k2_sv_eq(l->record.xxh128, s->xxh128);
}

static void keep_last(void *ctx, const struct source_record *s, int64_t append_ns) {
    struct last_record *l = ctx;
    (void)append_ns;
    if (!k2_sv_eq(s->path, l->path) || brought_nothing(l, s))
        return;
    const struct k2_sv texts[] = {s->sha256, s->xxh128, s->format, s->counted_from};
    struct k2_sv kept[4];
    l->found = true;
    l->value.n = 0;
    for (size_t i = 0; i < 4; i++) {
        k2_buf_sv(&l->value, texts[i]);
        k2_buf_byte(&l->value, 0);
    }
    const char *at = (const char *)l->value.p;
    for (size_t i = 0; i < 4; at += kept[i].n + 1, i++)
        kept[i] = (struct k2_sv){at, texts[i].n};
    l->record = (struct source_record){.sha256 = kept[0],
                                       .xxh128 = kept[1],
                                       .format = kept[2],
                                       .counted_from = kept[3],
                                       .accepted = s->accepted,
                                       .time_us = s->time_us};
}

static bool needs_mapping(const struct redecode *r, const struct feed_ops *feed) {
    return r->mapping.n == 0 && strcmp(feed->name, "mapped") == 0;
}

/* The file must be what was read then; its format is that of then, where none is said. */
static K2_RC check_file(struct redecode *r, size_t i, bool told, struct k2_err *err) {
    struct source_file *s = &r->sources.at[i];
    char *absolute;
    K2_TRY(feed_file_absolute(s->path, &absolute, err));
    struct last_record l = {.path = k2_sv_of(absolute)};
    int rc = source_records(r->journal, keep_last, &l, err);
    if (rc == K2_OK && !l.found)
        rc =
            k2_fail(err, K2_E_NOTFOUND,
                    "%s was never read by k2 ingest under this name, so nothing is known of it; k2 "
                    "ingest reads it",
                    s->path);
    if (rc == K2_OK) {
        rc = source_check(s->path, &l.record, err);
        const struct feed_ops *then = feed_find(l.record.format);
        if (!told && then)
            s->feed = then;
    }
    if (rc == K2_OK)
        rc = k2_err_context(err, counted_parse(l.record.counted_from, &r->counted[i], err), "%s",
                            s->path);
    if (rc == K2_OK && s->feed && needs_mapping(r, s->feed))
        rc = k2_fail(err, K2_E_USAGE,
                     "%s was read by a mapping, which its record does not keep: k2 redecode "
                     "FILE.mapping %s",
                     s->path, s->path);
    if (rc == K2_OK && !s->feed) {
        *err = s->why;
        rc = err->status;
    }
    k2_buf_free(&l.value);
    free(absolute);
    return rc;
}

static K2_RC find_files(struct redecode *r, struct k2_err *err) {
    int first;
    if (verb_value(r->c, "from") || verb_value(r->c, "to") || verb_value(r->c, "source"))
        return k2_fail(err, K2_E_USAGE,
                       "--from, --to and --source are of raw topics; a file is decoded as a whole");
    K2_TRY(source_words_format(r->c, &r->mapping, &r->feed, &first, err));
    r->sources.mapping = k2_buf_view(&r->mapping);
    r->sources.parquet = true;
    for (int i = first; i < r->c->arg_count; i++)
        sources_add(&r->sources, r->c->args[i], r->feed);
    if (r->sources.n == 0)
        return k2_fail(err, K2_E_INVALID, "%s holds no file of that format", r->c->args[first]);
    r->counted = k2_zalloc(r->sources.n * sizeof *r->counted);
    for (size_t i = 0; i < r->sources.n; i++)
        K2_TRY(check_file(r, i, r->feed != NULL, err));
    return K2_OK;
}

int redecode_find(struct redecode *r, struct k2_err *err) {
    const char *word = r->c->args[r->c->arg_count - 1];
    int rc = read_exchange(word, r->exchange) ? find_kept(r, err) : find_files(r, err);
    r->options.mapping = k2_buf_view(&r->mapping);
    return rc;
}

/* --- decoding --- */

/* Between pieces decoders hold no strings that they do not check (feed.h): what comes only once must not fill the memory. */
static void forget_strings(struct redecode *r) {
    if (k2_interner_used(r->in) > MOST_STRINGS)
        k2_interner_reset(r->in);
}

static void show_progress(struct redecode *r, const char *doing, int64_t done, int64_t all) {
    if (progress_due(&r->progress) && all > 0)
        progress_show(&r->progress, "%s %d %%", doing, (int)(100 * done / all));
}

static K2_RC decode_topic(struct redecode *r, const struct feed_sink *sink, const char *doing,
                          struct k2_err *err) {
    const struct raw_decode_options o = {.source = r->kept->key,
                                         .from_ns = r->from_ns,
                                         .to_ns = r->to_ns,
                                         .feed = r->feed,
                                         .options = r->options};
    struct raw_decode *d;
    bool ended = false;
    K2_TRY(raw_decode_open(r->journal, &o, r->in, &d, err));
    int rc = K2_OK;
    while (rc == K2_OK && !ended) {
        rc = raw_decode_step(d, sink, &ended, err);
        struct raw_decode_state s = raw_decode_state(d);
        forget_strings(r);
        show_progress(r, doing, s.done, s.all);
    }
    raw_decode_close(d);
    return rc;
}

static K2_RC decode_tail(struct redecode *r, const struct source_file *s, const char *path,
                         const struct feed_sink *sink, const char *doing, struct k2_err *err) {
    struct feed_tail_options o = {.ops = s->feed, .feed = r->options};
    struct feed_tail *tail;
    bool idle;
    o.feed.source = k2_sv_of(s->path);
    o.feed.counted = counted_find;
    o.feed.counted_ctx = r->counted[s - r->sources.at];
    K2_TRY(feed_tail_open(path, &o, r->in, &tail, err));
    int rc = K2_OK;
    while (rc == K2_OK && !feed_tail_state(tail).ended) {
        rc = feed_tail_step(tail, PIECE, sink, &idle, err);
        forget_strings(r);
        show_progress(r, doing, feed_tail_state(tail).done, feed_tail_state(tail).all);
    }
    feed_tail_close(tail);
    return rc;
}

static K2_RC decode_file(struct redecode *r, const struct source_file *s,
                         const struct feed_sink *sink, const char *doing, struct k2_err *err) {
    struct query_import rows = {0};
    bool parquet = verb_mapping_is_parquet(s->path, s->feed);
    if (parquet)
        K2_TRY(query_import_parquet(r->c->data, s->path, &rows, err));
    int rc = decode_tail(r, s, parquet ? rows.csv : s->path, sink, doing, err);
    query_import_end(&rows);
    return rc;
}

int redecode_decode(struct redecode *r, const struct feed_sink *sink, const char *doing,
                    struct k2_err *err) {
    if (r->kept)
        return decode_topic(r, sink, doing, err);
    for (size_t i = 0; i < r->sources.n; i++)
        K2_TRY(decode_file(r, &r->sources.at[i], sink, doing, err));
    return K2_OK;
}

/* --- storing --- */

static struct request_ingest request_of(const struct redecode *r) {
    return (struct request_ingest){.exchange = r->options.exchange.n ? r->options.exchange.p : NULL,
                                   .symbol = verb_value(r->c, "symbol"),
                                   .calendar = r->options.calendar,
                                   .symbols = r->symbols ? k2_buf_view(&r->symbol_list).p : NULL,
                                   .mapping = r->mapping.n ? r->options.mapping.p : NULL,
                                   .date = r->options.date};
}

static K2_RC ingest_topic(struct redecode *r, struct role_writer *w, struct k2_err *err) {
    struct request_ingest q = request_of(r);
    q.path = r->kept->url[0] ? r->kept->url : r->kept->key;
    q.source = q.path;
    q.format = r->feed->name;
    q.raw_source = r->kept->key;
    q.raw_from_ns = r->from_ns;
    q.raw_to_ns = r->to_ns;
    return role_writer_file(w, &q, err);
}

static K2_RC ingest_file_again(struct redecode *r, struct role_writer *w,
                               const struct source_file *s, struct k2_err *err) {
    struct request_ingest q = request_of(r);
    struct query_import rows = {0};
    struct k2_buf counted = {0};
    char *name;
    K2_TRY(feed_file_absolute(s->path, &name, err));
    counted_put(r->counted[s - r->sources.at], &counted);
    q.counted_from = counted.n ? k2_buf_cstr(&counted) : NULL;
    q.path = s->path;
    q.source = name;
    q.format = s->feed->name;
    int rc = K2_OK;
    if (verb_mapping_is_parquet(s->path, s->feed)) {
        rc = query_import_parquet(r->c->data, s->path, &rows, err);
        q.path = rows.csv;
    }
    if (rc == K2_OK)
        rc = role_writer_file(w, &q, err);
    query_import_end(&rows);
    k2_buf_free(&counted);
    free(name);
    return rc;
}

int redecode_ingest(struct redecode *r, struct role_writer *w, struct k2_err *err) {
    if (r->kept)
        K2_TRY(ingest_topic(r, w, err));
    for (size_t i = 0; i < r->sources.n; i++)
        K2_TRY(ingest_file_again(r, w, &r->sources.at[i], err));
    return role_writer_flush(w, err);
}
