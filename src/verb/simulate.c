/* verb/simulate.c - `k2 simulate`: a market that looks real, into the journal or as a venue's lines. */
#include "role/role.h"
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/summary.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "verb/signals.h"

#define MOST_EVENTS 1e12

struct run {
    struct verb_context *c;
    struct sim_options sim;
    struct progress progress;
};

/* --- the words --- */

static int read_shape(const struct verb_context *c, struct sim_options *o, struct k2_err *err) {
    int64_t n;
    K2_TRY(words_count("symbols", verb_value(c, "symbols"), 1, &n, err));
    if (n > 10000)
        return k2_fail(err, K2_E_USAGE, "--symbols is at most 10000, not %lld", (long long)n);
    o->symbols = (int)n;
    K2_TRY(words_count("seed", verb_value(c, "seed"), 0, &n, err));
    o->seed = (uint64_t)n;
    K2_TRY(words_real("rate", verb_value(c, "rate"), &o->rate, err));
    K2_TRY(words_real("seconds", verb_value(c, "seconds"), &o->seconds, err));
    if (o->rate <= 0 || o->seconds <= 0 || o->rate * o->seconds > MOST_EVENTS)
        return k2_fail(err, K2_E_USAGE,
                       "--rate and --seconds are above 0 and make at most 10^12 events");
    o->quotes = verb_flag(c, "quotes");
    return K2_OK;
}

static int read_faults(const struct verb_context *c, struct sim_options *o, struct k2_err *err) {
    K2_TRY(words_probability("gaps", verb_value(c, "gaps"), &o->gaps, err));
    K2_TRY(words_probability("duplicates", verb_value(c, "duplicates"), &o->duplicates, err));
    return words_probability("out-of-order", verb_value(c, "out-of-order"), &o->out_of_order, err);
}

/* By default the last event is about now, on a whole second: "the last hour" then holds all. */
static int read_start(const struct verb_context *c, struct sim_options *o, struct k2_err *err) {
    const char *start = verb_value(c, "start");
    if (start)
        return words_time(c, "start", start, verb_value(c, "tz"), &o->start_ns, err);
    int64_t second = c->now_ns / K2_NS_PER_SEC;
    int64_t length = (int64_t)o->seconds + (o->seconds > (double)(int64_t)o->seconds);
    if (length > second)
        return k2_fail(err, K2_E_USAGE, "--seconds is too long without --start");
    o->start_ns = (second - length) * K2_NS_PER_SEC;
    return K2_OK;
}

static int read_options(const struct verb_context *c, struct sim_options *o, struct k2_err *err) {
    K2_TRY(read_shape(c, o, err));
    K2_TRY(read_faults(c, o, err));
    K2_TRY(read_start(c, o, err));
    const char *format = verb_value(c, "print");
    if (format && !feed_can_print(k2_sv_of(format)))
        return k2_fail(err, K2_E_USAGE,
                       "--print cannot write '%s'; it knows asx-csv and binance-json", format);
    return K2_OK;
}

/* --- as a venue's lines --- */

/* Venues whose lines we write number each symbol for itself; the simulator's channel runs over all. */
static void number_by_symbol(struct k2_event *e, int64_t number) {
    e->head.exchange_sequence_number = number;
}

static int print_lines(struct run *r, struct k2_sv format, struct k2_err *err) {
    struct k2_interner *in = k2_interner_new();
    struct sim *s = NULL;
    struct k2_buf lines = {0};
    struct k2_event e;
    int rc = sim_open(&r->sim, in, &s, err);
    while (rc == K2_OK && sim_next(s, &e) && !signals_pipe_closed()) {
        number_by_symbol(&e, sim_symbol_number(s));
        feed_print_event(format, &e, in, &lines);
        if (lines.n > 1 << 16) {
            fwrite(lines.p, 1, lines.n, stdout);
            lines.n = 0;
        }
    }
    fwrite(lines.p, 1, lines.n, stdout);
    k2_buf_free(&lines);
    sim_close(s);
    k2_interner_free(in);
    return rc;
}

/* --- into the journal --- */

static void show_progress(void *ctx, const struct job_report *so_far) {
    struct run *r = ctx;
    if (!progress_due(&r->progress) || so_far->all <= 0)
        return;
    char events[HUMAN_TEXT];
    progress_show(&r->progress, "%d %%, %s events", (int)(so_far->done * 100 / so_far->all),
                  human_count(so_far->stats.read, events));
}

static int store(struct run *r, struct role_writer *w, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    progress_start(&r->progress, r->c);
    int rc = role_writer_simulate(w, &r->sim, err);
    progress_end(&r->progress);
    K2_TRY(rc);
    struct summary s = {.stats = role_writer_stats(w),
                        .took_ns = k2_monotonic_ns() - start,
                        .sequence = role_writer_sequence(w)};
    K2_TRY(summary_print(r->c, &s, err));
    char text[K2_TIME_TEXT];
    k2_time_format(r->sim.start_ns, text);
    verb_note(r->c, "the same again: --seed %llu --start %s%s", (unsigned long long)r->sim.seed,
              text, role_writer_is_remote(w) ? "" : "; into the tables: k2 sink --once");
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    K2_TRY(read_options(c, &r.sim, err));
    const char *format = verb_value(c, "print");
    if (format)
        return print_lines(&r, k2_sv_of(format), err);
    struct role_writer *w;
    const struct role_writer_options o = {
        .command = c->name, .progress = show_progress, .progress_ctx = &r};
    K2_TRY(verb_journal_known(c, err));
    K2_TRY(role_writer_open(c->data, c->config, &o, &w, err));
    int rc = store(&r, w, err);
    role_writer_close(w);
    return rc;
}

static const struct verb_option options[] = {
    {"symbols", "N", "20", "how many; AAPL is always among them", NULL, 0},
    {"rate", "R", "1000", "events a second of simulated time; 50K is 50000", NULL, 0},
    {"seconds", "S", "60", "simulated time", NULL, 0},
    {"seed", "X", "1", "another seed, another market", NULL, 0},
    {"start", "TIME", NULL, "first moment; by default so that the events end now", NULL, 0},
    {"tz", "NAME", NULL, "zone of --start: Australia/Sydney, or an exchange: ASX", NULL, 0},
    {"gaps", "P", "0", "probability that an event is never sent", NULL, 0},
    {"duplicates", "P", "0", "probability that an event is sent twice", NULL, 0},
    {"out-of-order", "P", "0", "probability that an event is sent late", NULL, 0},
    {"quotes", NULL, NULL, "quotes beside the trades", NULL, 0},
    {"print", "FORMAT", NULL, "print lines as asx-csv or binance-json, store nothing", NULL, 0},
    VERB_FORMAT,
    {0}};

static const char *const examples[] = {
    "k2 simulate",
    "k2 simulate --symbols 100 --rate 50K --seconds 10 --quotes",
    "k2 simulate --start 2026-03-02T10:00:00Z --seconds 5 --gaps 0.001 --duplicates 1%",
    "k2 simulate --print binance-json --seconds 1",
    NULL,
};

const struct verb verb_simulate = {
    .name = "simulate",
    .summary = "a market that looks real, into the journal",
    .usage = "[OPTIONS]",
    .about =
        "The same options, seed and start give the same events to the bit, so a second run adds\n"
        "nothing. Without --start the events end now, and a query over the last hour finds them.\n"
        "What --print writes is numbered from 1 in each run.\n"
        "Simulated events are of exchange SIM and never mix with real ones.",
    .options = options,
    .examples = examples,
    .run = run,
};
