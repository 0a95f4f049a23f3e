/* verb/gaps.c - `k2 gaps`: the ledger of what was not received, and filling and acknowledging it.
 *
 * Steps come from the table and, beyond what it holds, from the journal; the steps of a gap make one line, with the
 * state of the latest. How many numbers a gap lacks at this moment is known to the sequence engine.
 */
#include "role/role.h"
#include "verb/gap_id.h"
#include "verb/listing.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/fs.h"

#include <inttypes.h>
#include <stdlib.h>

struct line { /* a gap, or an outage */
    char *id;
    enum seq_cause cause;
    char *actor, *note; /* of the latest step */
    char *exchange, *source;
    enum seq_state state;
    bool halts;
    int64_t step_ns, opened_ns, time_ns, from, to, missing, raw_offset;
};

struct ledger {
    struct verb_context *c;
    struct line *all;
    size_t n, cap;
    struct k2_interner *ids; /* the number of an ID in it is that of the line, from 1 */
    const char *one;         /* only the steps of this gap are told, to `list` */
    struct listing *list;
    size_t steps;
};

static void free_lines(struct ledger *l) {
    for (size_t i = 0; i < l->n; i++) {
        free(l->all[i].id);
        free(l->all[i].actor);
        free(l->all[i].note);
        free(l->all[i].exchange);
        free(l->all[i].source);
    }
    free(l->all);
    k2_interner_free(l->ids);
    l->ids = NULL;
    l->all = NULL;
    l->n = l->cap = 0;
}

/* --- reading --- */

static struct k2_sv note_of(const struct k2_event *e, const struct k2_interner *in) {
    struct k2_sv extra = k2_interned(in, e->gap.extra), key, value;
    while (k2_blob_next(&extra, &key) && k2_blob_next(&extra, &value))
        if (k2_sv_eq(key, K2_SV("note")))
            return value;
    return (struct k2_sv){0};
}

static struct line *line_of(struct ledger *l, const char *id) {
    if (!l->ids)
        l->ids = k2_interner_new();
    uint32_t place = k2_intern(l->ids, k2_sv_of(id));
    if (place <= l->n)
        return &l->all[place - 1];
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->all = k2_realloc(l->all, l->cap * sizeof *l->all);
    }
    l->all[l->n] = (struct line){.id = k2_strdup(id), .step_ns = INT64_MIN, .missing = -1};
    return &l->all[l->n++];
}

static void set_text(char **to, struct k2_sv text) {
    free(*to);
    *to = text.n ? k2_sv_dup(text) : NULL;
}

static void take_step(struct line *g, const struct seq_step *s, const struct k2_event *e,
                      const struct k2_interner *in) {
    if (s->state == SEQ_OPENED) {
        g->halts = s->halts;
        g->raw_offset = s->raw_offset;
        set_text(&g->source, s->source);
    }
    if (e->gap.receive_timestamp_ns < g->step_ns)
        return;
    g->step_ns = e->gap.receive_timestamp_ns;
    g->cause = s->cause;
    g->state = s->state;
    g->opened_ns = s->opened_ns;
    g->time_ns = s->time_ns;
    g->from = s->from;
    g->to = s->to;
    g->missing = s->missing;
    set_text(&g->exchange, s->exchange);
    set_text(&g->actor, k2_interned(in, e->gap.actor));
    struct k2_sv note = note_of(e, in);
    set_text(&g->note, note.n ? note : s->why);
}

static void put_count(struct listing *l, int64_t n) {
    if (n == K2_NULL_LONG)
        listing_null(l);
    else
        listing_count(l, n);
}

static void put_step(struct ledger *l, const struct seq_step *s, const struct k2_event *e,
                     const struct k2_interner *in) {
    struct k2_sv note = note_of(e, in);
    if (note.n == 0)
        note = s->why;
    listing_time(l->list, e->gap.receive_timestamp_ns);
    listing_cstring(l->list, seq_state_name(s->state));
    put_count(l->list, s->missing);
    listing_text(l->list, k2_interned(in, e->gap.actor));
    if (note.n > 0)
        listing_text(l->list, note);
    else
        listing_null(l->list);
    l->steps++;
}

static int see_step(void *ctx, const struct refused *r, bool *stop, struct k2_err *err) {
    struct ledger *l = ctx;
    struct seq_step s;
    struct k2_buf id = {0};
    (void)stop;
    (void)err;
    if (!ledger_step(r->event, r->in, &s))
        return K2_OK;
    ledger_entry_name(&s, &id);
    const char *text = k2_buf_cstr(&id);
    if (l->list && strcmp(l->one, text) == 0)
        put_step(l, &s, r->event, r->in);
    else if (!l->list && (!l->one || strcmp(l->one, text) == 0))
        take_step(line_of(l, text), &s, r->event, r->in);
    k2_buf_free(&id);
    return K2_OK;
}

/* What the engine knows of an open gap is newer than its latest step. */
static void see_open(void *ctx, const struct seq_step *gap) {
    struct ledger *l = ctx;
    struct k2_buf id = {0};
    ledger_entry_name(gap, &id);
    uint32_t place = l->ids ? k2_intern_find(l->ids, k2_buf_view(&id)) : 0;
    if (place > 0)
        l->all[place - 1].missing = gap->missing;
    k2_buf_free(&id);
}

static K2_RC read_open(struct ledger *l, struct journal *j, struct k2_err *err) {
    struct seq_engine *engine = NULL;
    K2_TRY(journal_sequence(j, &engine, err));
    seq_engine_ledger(engine, see_open, l);
    seq_engine_free(engine);
    return K2_OK;
}

static K2_RC read_ledger(struct ledger *l, const char *exchange, struct k2_err *err) {
    struct journal *j = NULL;
    const struct query_options o = {
        .threads = (int)k2_config_int(l->c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(l->c->config, K2_CONFIG_query_memory_limit),
    };
    int rc = verb_journal(l->c, JOURNAL_READ, &j, err);
    if (rc == K2_E_NOTFOUND)
        k2_err_clear(err);
    else
        K2_TRY(rc);
    rc = refused_visit_gaps(l->c->data, j, &o, exchange, see_step, l, err);
    if (rc == K2_OK && j && !l->list)
        rc = read_open(l, j, err);
    journal_close(j);
    return rc;
}

/* --- list --- */

static bool is_open(const struct line *g) {
    return g->state == SEQ_OPENED || g->state == SEQ_REQUESTED;
}

static int64_t size_of(const struct line *g) {
    return g->cause == SEQ_NUMBERS ? seq_missing_add(0, g->from, g->to) : K2_NULL_LONG;
}

static void put_numbers(struct listing *list, const struct line *g) {
    if (g->cause != SEQ_NUMBERS) {
        listing_null(list);
        listing_null(list);
    } else {
        listing_number(list, g->from);
        listing_number(list, g->to);
    }
    put_count(list, size_of(g));
    put_count(list, g->missing);
}

static void put_line(struct listing *list, const struct line *g) {
    listing_cstring(list, g->id);
    listing_cstring(list, seq_state_name(g->state));
    listing_time(list, g->opened_ns);
    listing_time(list, g->time_ns);
    put_numbers(list, g);
    listing_bool(list, g->halts);
    listing_cstring(list, g->actor);
    listing_cstring(list, g->note);
    listing_cstring(list, seq_cause_name(g->cause));
    if (g->cause != SEQ_NUMBERS && g->state == SEQ_FILLED)
        listing_time(list, g->to);
    else
        listing_null(list);
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {{"id", NULL},
                                                    {"state", NULL},
                                                    {"opened", "opened (UTC)"},
                                                    {"time", "venue's time"},
                                                    {"from", NULL},
                                                    {"to", NULL},
                                                    {"numbers", NULL},
                                                    {"missing", "missing still"},
                                                    {"halts", NULL},
                                                    {"actor", NULL},
                                                    {"note", NULL},
                                                    {"cause", NULL},
                                                    {"ended", "ended (UTC)"}};
    struct ledger l = {.c = c};
    const char *since = verb_value(c, "since"), *least = verb_value(c, "min-size");
    int64_t since_ns = INT64_MIN, size = 1;
    if (since)
        K2_TRY(words_time(c, "since", since, NULL, &since_ns, err));
    if (least)
        K2_TRY(words_count("min-size", least, 1, &size, err));
    bool none = true;
    struct listing *list;
    int rc = read_ledger(&l, verb_value(c, "exchange"), err);
    if (rc == K2_OK)
        rc = listing_open(c, columns, 13, &list, err);
    for (size_t i = 0; rc == K2_OK && i < l.n; i++) {
        const struct line *g = &l.all[i];
        bool wanted = g->opened_ns >= since_ns && (is_open(g) || !verb_flag(c, "open")) &&
                      (!least || size_of(g) >= size);
        if (wanted)
            put_line(list, g);
        none &= !wanted;
    }
    free_lines(&l);
    if (rc == K2_OK && none)
        words_note_exchange(c, verb_value(c, "exchange"));
    return rc == K2_OK ? listing_close(list, err) : rc;
}

/* --- show --- */

static int run_show(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {{"made", "made (UTC)"},
                                                    {"state", NULL},
                                                    {"missing", NULL},
                                                    {"actor", NULL},
                                                    {"note", NULL}};
    struct ledger l = {.c = c, .one = c->args[0]};
    K2_TRY(listing_open(c, columns, 5, &l.list, err));
    int rc = read_ledger(&l, NULL, err);
    if (rc == K2_OK && l.steps == 0)
        rc = k2_fail(err, K2_E_NOTFOUND, "there is no gap %s; k2 gaps lists them", c->args[0]);
    if (rc == K2_OK)
        return listing_close(l.list, err);
    listing_drop(l.list);
    return rc;
}

/* --- fill --- */

static K2_RC look_at(struct verb_context *c, struct ledger *l, struct k2_err *err) {
    *l = (struct ledger){.c = c, .one = c->args[0]};
    K2_TRY(read_ledger(l, NULL, err));
    if (l->n == 1)
        return K2_OK;
    free_lines(l);
    return k2_fail(err, K2_E_NOTFOUND, "there is no gap %s; k2 gaps lists them", c->args[0]);
}

/* The feed of that exchange that says whom to ask; -1 = none does. */
static int feed_that_recovers(const struct k2_config *c, const char *exchange) {
    struct k2_sv code = feed_exchange_code(k2_sv_of(exchange));
    for (int i = 0; i < k2_config_named_count(c, "feed"); i++) {
        const char *of = k2_config_named_string(c, K2_CONFIG_feed_exchange, i);
        bool same = !of[0] || k2_sv_eq(feed_exchange_code(k2_sv_of(of)), code);
        if (same && k2_config_named_string(c, K2_CONFIG_feed_recover, i)[0])
            return i;
    }
    return -1;
}

static void explain_recovery(const struct verb_context *c, const struct line *g) {
    int feed = feed_that_recovers(c->config, g->exchange);
    if (feed < 0) {
        printf("No feed of %s says whom to ask for it (feed.NAME.recover).", g->exchange);
        return;
    }
    const char *name = k2_config_named_name(c->config, "feed", feed);
    const char *from = k2_config_named_string(c->config, K2_CONFIG_feed_recover, feed);
    if (strstr(from, "://"))
        printf("[feed.%s] asks %s while k2 up runs, for gaps of %" PRId64 " numbers or more.", name,
               from, k2_config_int(c->config, K2_CONFIG_sequence_log_below));
    else
        printf("[feed.%s] reads what appears in %s while k2 up runs.", name, from);
}

static void explain(const struct verb_context *c, const struct line *g) {
    if (g->cause != SEQ_NUMBERS) {
        printf("%s is a time without data, and has no numbers: it ends by itself when the feed "
               "sends again.\nWhat the venue has of that time is stored with k2 ingest FILE.\n",
               g->id);
        return;
    }
    printf("%s lacks %" PRId64 " of its numbers %" PRId64 " to %" PRId64 ".\n", g->id, g->missing,
           g->from, g->to);
    if (g->source)
        printf("The first event behind it came from %s.\n", g->source);
    explain_recovery(c, g);
    printf(" What fills it too is a file that has the\n"
           "numbers: k2 gaps fill %s FILE, or k2 ingest FILE, which takes options.\n",
           c->args[0]);
}

static K2_RC read_source(struct role_writer *w, const struct source_file *s, struct k2_err *err) {
    char *name = NULL;
    if (!s->feed) {
        *err = s->why;
        return err->status;
    }
    K2_TRY(k2_fs_absolute(s->path, &name, err));
    const struct request_ingest r = {
        .path = s->path, .source = name, .format = s->feed->name, .date = INT32_MIN};
    int rc = role_writer_file(w, &r, err);
    free(name);
    return rc;
}

static K2_RC read_sources(struct verb_context *c, struct sources *sources, struct k2_err *err) {
    const struct role_writer_options o = {.command = c->name};
    struct role_writer *w = NULL;
    int rc = role_writer_open(c->data, c->config, &o, &w, err);
    for (size_t i = 0; rc == K2_OK && i < sources->n; i++)
        rc = read_source(w, &sources->at[i], err);
    if (rc == K2_OK)
        rc = role_writer_flush(w, err);
    role_writer_close(w);
    return rc;
}

static K2_RC fill_from(struct verb_context *c, int64_t before, struct k2_err *err) {
    struct sources sources = {0};
    struct ledger l;
    const struct feed_ops *format = feed_find(k2_sv_of(c->args[1]));
    for (int i = format ? 2 : 1; i < c->arg_count; i++)
        sources_add(&sources, c->args[i], format);
    int rc = read_sources(c, &sources, err);
    sources_free(&sources);
    K2_TRY(rc);
    K2_TRY(look_at(c, &l, err));
    int64_t now = l.all[0].state == SEQ_FILLED ? 0 : l.all[0].missing;
    printf("%s: %" PRId64 " %s filled, %" PRId64 " missing still\n", c->args[0], before - now,
           human_word(before - now, "number", "numbers"), now);
    free_lines(&l);
    return K2_OK;
}

static int run_fill(struct verb_context *c, struct k2_err *err) {
    struct ledger l;
    K2_TRY(look_at(c, &l, err));
    int64_t before = l.all[0].missing;
    bool filled = l.all[0].state == SEQ_FILLED;
    if (filled)
        verb_note(c, "%s is filled already", c->args[0]);
    else if (c->arg_count == 1 || l.all[0].cause != SEQ_NUMBERS)
        explain(c, &l.all[0]);
    bool told = c->arg_count == 1 || l.all[0].cause != SEQ_NUMBERS;
    free_lines(&l);
    return filled || told ? K2_OK : fill_from(c, before, err);
}

/* --- ack --- */

static int run_ack(struct verb_context *c, struct k2_err *err) {
    return gap_id_mark(c, c->args[0], SEQ_ACKNOWLEDGED, verb_value(c, "note"), err);
}

static const struct verb_option list_options[] = {
    {"open", NULL, NULL, "only gaps that nobody has filled, given up or acknowledged", NULL, 0},
    {"since", "TIME", NULL, "only those that were opened from then on", NULL, 0},
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"min-size", "N", NULL, "only of at least so many numbers", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const struct verb_option show_options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const struct verb_option no_options[] = {{0}};
static const struct verb_option ack_options[] = {
    {"note", "TEXT", NULL, "why, for whoever looks later", NULL, 0}, {0}};
static const char *const list_examples[] = {"k2 gaps", "k2 gaps list --open --min-size 10",
                                            "k2 gaps list --since -1d --format csv", NULL};
#define LOSE "k2 simulate --seconds 1 --gaps 5%; "
#define FIRST "$(k2 gaps --format csv | sed -n '2s/,.*//p')"
static const char *const show_examples[] = {LOSE "k2 gaps show " FIRST, NULL};
static const char *const fill_examples[] = {LOSE "k2 gaps fill " FIRST, NULL};
static const char *const ack_examples[] = {LOSE "k2 gaps ack " FIRST, NULL};

static const struct verb list = {
    .name = "list",
    .summary = "what was not received, when, how much of it is missing still",
    .usage = "",
    .options = list_options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb show = {
    .name = "show",
    .summary = "the life of one gap, step by step",
    .usage = "ID",
    .options = show_options,
    .examples = show_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

static const struct verb fill = {
    .name = "fill",
    .summary = "what would fill a gap; with files: read them, and say what they filled",
    .usage = "ID [[FORMAT] SOURCE...]",
    .about = "FORMAT and SOURCE as k2 ingest takes them. Any file with the missing numbers fills a "
             "gap, however\n"
             "it is read: where a format needs options, use k2 ingest.",
    .options = no_options,
    .examples = fill_examples,
    .min_args = 1,
    .max_args = -1,
    .run = run_fill,
};

static const struct verb ack = {
    .name = "ack",
    .summary = "acknowledge a gap: it is known, and nobody needs to look any more",
    .usage = "ID",
    .options = ack_options,
    .examples = ack_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_ack,
};

static const struct verb *const subs[] = {&list, &show, &fill, &ack, NULL};

const struct verb verb_gaps = {
    .name = "gaps",
    .summary = "the ledger of what was not received",
    .usage = "list|show|fill|ack",
    .about =
        "Each gap has an ID: EXCHANGE/DATE/CHANNEL/KIND/EPOCH/NUMBER, the number being the first\n"
        "missing one. Times without data are entries too, by their cause: SILENCE, SESSION (a\n"
        "day of the calendar without data) and DISCONNECT (a connection ended); KIND is then\n"
        "that word, CHANNEL the feed, and NUMBER the beginning in ns.\n"
        "Its steps are rows of market_data.gaps: OPENED, REQUESTED (so large that it is to be\n"
        "recovered), FILLED, GIVEN_UP, ACKNOWLEDGED.",
    .options = list_options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
