/* verb/feed.c - `k2 feed list`, `show` and `detect`: the formats. */
#include "verb/listing.h"
#include "verb/verbs.h"

#include <stdlib.h>

#define HEAD (64 << 10)

/* What reads a format: files alone, or what connections send too. */
static const char *read_from(const struct feed_ops *f) {
    return f->captures ? "files, live" : "files";
}

/* Appends to out, and gives its text. */
static const char *told_by(const struct feed_ops *f, struct k2_buf *out) {
    if (!f->captures)
        return "no connection sends it";
    k2_buf_str(out, "also captures and logs of it; k2 ingest FORMAT ");
    feed_live_schemes(f, out);
    return k2_buf_cstr(out);
}

/* For people what fits a line: k2 feed show tells the rest. */
static int list_for_people(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"format", NULL}, {"read_from", "read from"}, {"title", NULL}};
    struct listing *l = listing_on_stdout(c, columns, 3);
    for (int i = 0; i < feed_count(); i++) {
        listing_cstring(l, feed_at(i)->name);
        listing_cstring(l, read_from(feed_at(i)));
        listing_cstring(l, feed_at(i)->title);
    }
    return listing_close(l, err);
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"format", NULL}, {"title", NULL}, {"numbering", NULL}, {"read_from", "read from"}};
    struct listing *l;
    if (!verb_value(c, "out") && strcmp(verb_value(c, "format"), "table") == 0)
        return list_for_people(c, err);
    K2_TRY(listing_open(c, columns, 4, &l, err));
    for (int i = 0; i < feed_count(); i++) {
        listing_cstring(l, feed_at(i)->name);
        listing_cstring(l, feed_at(i)->title);
        listing_cstring(l, feed_at(i)->numbering);
        listing_cstring(l, read_from(feed_at(i)));
    }
    return listing_close(l, err);
}

static int unknown_feed(const char *word, struct k2_err *err) {
    int n = feed_count();
    const char **names = k2_alloc((size_t)n * sizeof *names);
    for (int i = 0; i < n; i++)
        names[i] = feed_at(i)->name;
    const char *best = k2_nearest(word, names, n);
    free(names);
    return k2_fail(err, K2_E_USAGE, "there is no format '%s'%s%s%s", word,
                   best ? "; did you mean " : "; k2 feed list names them", best ? best : "",
                   best ? "?" : "");
}

/* --- show --- */

static void put_fact(struct listing *l, const char *what, const char *name, const char *text) {
    listing_cstring(l, what);
    listing_cstring(l, name);
    listing_cstring(l, text);
}

static void say_fact(FILE *to, const char *what, const char *name, const char *text) {
    fprintf(to, "%-13s %-32s%s%s\n", what, name, strlen(name) > 31 ? " " : "", text);
}

/* Two messages of a venue may become the same: once is enough. */
static bool is_repeated(const struct feed_fact *all, const struct feed_fact *fact) {
    for (; all < fact; all++)
        if (strcmp(all->what, fact->what) == 0 && strcmp(all->name, fact->name) == 0 &&
            strcmp(all->text, fact->text) == 0)
            return true;
    return false;
}

/* Venues whose channels are counted are not `ordinal`: their rows need not stand in one file. */
static const char *numbered(const struct feed_ops *f) {
    bool place =
        f->ordinal || k2_sv_starts(k2_sv_of(f->numbering), K2_SV("the place in its channel:"));
    return place ? "by place" : "by the venue";
}

/* For people whole lines, also where a table would be cut. */
static int say_facts(const struct feed_ops *f, struct out_file *out, struct k2_err *err) {
    say_fact(out->to, "format", f->name, f->title);
    say_fact(out->to, "numbering", numbered(f), f->numbering);
    struct k2_buf told = {0};
    say_fact(out->to, "read from", read_from(f), told_by(f, &told));
    k2_buf_free(&told);
    for (const struct feed_fact *fact = f->facts; fact->what; fact++)
        if (!is_repeated(f->facts, fact))
            say_fact(out->to, fact->what, fact->name, fact->text);
    return out_close(out, err);
}

static int list_facts(const struct verb_context *c, const struct feed_ops *f, struct k2_err *err) {
    static const struct listing_column facts[] = {{"what", NULL}, {"name", NULL}, {"text", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, facts, 3, &l, err));
    put_fact(l, "format", f->name, f->title);
    put_fact(l, "numbering", numbered(f), f->numbering);
    struct k2_buf told = {0};
    put_fact(l, "read from", read_from(f), told_by(f, &told));
    k2_buf_free(&told);
    for (const struct feed_fact *fact = f->facts; fact->what; fact++)
        if (!is_repeated(f->facts, fact))
            put_fact(l, fact->what, fact->name, fact->text);
    return listing_close(l, err);
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    const struct feed_ops *f = feed_find(k2_sv_of(c->args[0]));
    if (!f)
        return unknown_feed(c->args[0], err);
    struct out_file out;
    if (verb_value(c, "out") || strcmp(verb_value(c, "format"), "table") != 0)
        return list_facts(c, f, err);
    out = out_stdout(c);
    return say_facts(f, &out, err);
}

/* --- detect --- */

struct found { /* what a file's first event would be stored as */
    char why[1024];
    const struct feed_ops *feed;
    int sure;
    struct k2_buf exchange, symbol;
    int32_t date; /* 0 = not known */
    const struct k2_interner *strings;
};

static K2_RC take_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                        struct k2_err *err) {
    struct found *f = ctx;
    (void)raw;
    (void)position;
    k2_buf_sv(&f->exchange, k2_interned(f->strings, e->head.exchange));
    k2_buf_sv(&f->symbol, k2_interned(f->strings, e->head.symbol));
    f->date = e->head.trade_date;
    return k2_fail(err, K2_E_CANCELLED, "one is enough");
}

/* Decodes the head, up to the first event. What the decoder lacks is told in its words. */
static void try_decoder(struct found *f, const char *path, struct k2_sv head) {
    const struct feed_sink sink = {f, take_event, feed_nobody.reject, feed_nobody.filtered};
    const struct feed_options o = {.date = INT32_MIN, .source = k2_sv_of(path)};
    struct k2_interner *in = k2_interner_new();
    void *state = k2_zalloc(f->feed->state_size);
    struct k2_err err = {0};
    size_t consumed;
    f->strings = in;
    int rc = f->feed->init(f->feed, state, &o, in, &err);
    if (rc == K2_OK)
        rc = f->feed->decode(state, head, false, &consumed, &sink, &err);
    if (rc != K2_OK && rc != K2_E_CANCELLED)
        snprintf(f->why, sizeof f->why, "%s", err.msg);
    f->feed->fini(state);
    free(state);
    k2_interner_free(in);
}

static K2_RC look_at(const char *path, struct found *f, struct k2_err *err) {
    const char *why;
    struct k2_buf head = {0};
    K2_TRY(feed_file_head(path, HEAD, &head, err));
    f->feed = feed_detect_why(feed_telling_name(path), k2_buf_view(&head), &f->sure, &why);
    snprintf(f->why, sizeof f->why, "%s", why);
    if (f->feed)
        try_decoder(f, path, k2_buf_view(&head));
    k2_buf_free(&head);
    return K2_OK;
}

static void put_text(struct listing *l, const struct k2_buf *text) {
    if (text->n)
        listing_text(l, k2_buf_view(text));
    else
        listing_null(l);
}

static void put_found(struct listing *l, const char *path, const struct found *f) {
    char date[K2_DATE_TEXT] = "";
    listing_cstring(l, path);
    listing_cstring(l, f->feed ? f->feed->name : NULL);
    listing_number(l, f->sure);
    put_text(l, &f->exchange);
    put_text(l, &f->symbol);
    if (f->date)
        k2_date_format(f->date, date);
    listing_cstring(l, f->date ? date : NULL);
    listing_cstring(l, f->why);
}

struct detected {
    int files, unknown, unread;
};

static void detect_file(const struct verb_context *c, struct listing *l, const char *path,
                        struct detected *n) {
    struct found f = {0};
    struct k2_err why = {0};
    if (look_at(path, &f, &why) != K2_OK)
        snprintf(f.why, sizeof f.why, "%s", why.msg);
    if (why.status != K2_OK)
        verb_complain(c, &why);
    put_found(l, path, &f);
    n->files++;
    n->unread += why.status != K2_OK;
    n->unknown += why.status == K2_OK && !f.feed;
    k2_buf_free(&f.exchange);
    k2_buf_free(&f.symbol);
}

/* Of a directory the files in it and below it, of an archive its members: each that is no format of ours is a row too. */
static void detect_word(const struct verb_context *c, struct listing *l, const char *word,
                        struct detected *all) {
    struct sources found = {.all = true};
    sources_add(&found, word, NULL);
    for (size_t i = 0; i < found.n; i++)
        detect_file(c, l, found.at[i].path, all);
    if (found.n == 0) {
        struct k2_err why = {0};
        (void)k2_fail(&why, K2_E_NOTFOUND, "%s holds no file", word);
        verb_complain(c, &why);
        all->files++;
        all->unread++;
    }
    sources_free(&found);
}

static int run_detect(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column found[] = {
        {"file", NULL},   {"format", NULL},       {"sure", "sure %"}, {"exchange", NULL},
        {"symbol", NULL}, {"trade_date", "date"}, {"why", NULL}};
    struct listing *l;
    struct detected n = {0};
    K2_TRY(listing_open(c, found, 7, &l, err));
    for (int i = 0; i < c->arg_count; i++)
        detect_word(c, l, c->args[i], &n);
    K2_TRY(listing_close(l, err));
    if (n.unread > 0)
        return k2_fail(err, K2_E_FAILED, "%d of %d %s could not be read", n.unread, n.files,
                       human_word(n.files, "file", "files"));
    if (n.unknown > 0)
        return k2_fail(err, K2_E_FAILED, "%d of %d %s in no known format; k2 feed list", n.unknown,
                       n.files, human_word(n.files, "file is", "files are"));
    return K2_OK;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const list_examples[] = {"k2 feed list", NULL};
static const char *const show_examples[] = {"k2 feed show asx-csv", NULL};
static const char *const detect_examples[] = {"k2 feed detect 7078_BHP_20140310.csv.gz", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the formats that k2 ingest reads",
    .usage = "",
    .options = options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb show = {
    .name = "show",
    .summary = "one format: its fields, lines as they come, file names, numbering",
    .usage = "FORMAT",
    .options = options,
    .examples = show_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

static const struct verb detect = {
    .name = "detect",
    .summary = "tell the format of files",
    .usage = "FILE...",
    .about =
        "A FILE can be a directory (the files in it and below it) or a zip archive (its members).\n"
        "From each file's name and first bytes: the format, how sure that is and why, and the\n"
        "exchange, symbol and session date that its first event would be stored under.\n"
        "Nothing is stored.",
    .options = options,
    .examples = detect_examples,
    .min_args = 1,
    .max_args = -1,
    .run = run_detect,
};

static const struct verb *const subs[] = {&list, &show, &detect, NULL};

const struct verb verb_feed = {
    .name = "feed",
    .summary = "the formats that k2 ingest reads",
    .usage = "list|show|detect",
    .options = options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
