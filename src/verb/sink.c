/* verb/sink.c - `k2 sink`: from the journal into the tables, once or for ever. */
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/signals.h"
#include "verb/verbs.h"

#include "base/log.h"

#include <inttypes.h>
#include <time.h>

#define RETRY_NS K2_NS_PER_SEC
/* --once: for the lock of another sink */
#define LOCK_RETRY_NS (50 * K2_NS_PER_MS)
#define TELL_AFTER K2_NS_PER_SEC
#define LONGEST_WAIT (60 * K2_NS_PER_SEC)

static void show_progress(void *ctx, const char *table, int64_t rows, int64_t all) {
    struct progress *p = ctx;
    if (!progress_due(p))
        return;
    char a[HUMAN_TEXT], b[HUMAN_TEXT];
    progress_show(p, "%s: %s of %s rows", table, human_count(rows, a), human_count(all, b));
}

static int with_lake(struct verb_context *c, struct journal *j, struct sink_totals *totals,
                     struct k2_err *err) {
    struct lake *l;
    struct progress p;
    K2_TRY(lake_open(c->data, true, &l, err));
    progress_start(&p, c);
    struct sink_options o = {
        .commit_rows = k2_config_int(c->config, K2_CONFIG_sink_commit_rows),
        .workers = sink_workers(k2_config_int(c->config, K2_CONFIG_sink_workers)),
        .progress = show_progress,
        .progress_ctx = &p,
    };
    int rc = sink_run(j, l, c->data, &o, totals, err);
    progress_end(&p);
    lake_close(l);
    return rc;
}

/* Opened anew each time: between two rounds nothing is held, and a new journal is found. */
static int sink_round(struct verb_context *c, struct sink_totals *totals, int64_t *took,
                      struct k2_err *err) {
    struct journal *j;
    int64_t start = k2_monotonic_ns();
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = with_lake(c, j, totals, err);
    journal_close(j);
    *took = k2_monotonic_ns() - start;
    return rc;
}

static int64_t per_second(const struct sink_totals *t, int64_t took) {
    return took > 0 ? (int64_t)((k2_i128)t->rows * K2_NS_PER_SEC / took) : 0;
}

static void print_sentence(const struct sink_totals *t, int64_t took) {
    char rows[HUMAN_TEXT], bytes[HUMAN_TEXT], span[HUMAN_TEXT], rate[HUMAN_TEXT];
    if (t->rows == 0) {
        puts("the tables hold everything already");
        return;
    }
    printf("%s %s in %" PRId64 " %s (%s) and %" PRId64 " %s, took %s, %s rows a second\n",
           human_count(t->rows, rows), human_word(t->rows, "row", "rows"), t->files,
           human_word(t->files, "file", "files"), human_bytes(t->bytes, bytes), t->commits,
           human_word(t->commits, "commit", "commits"), human_span(took, span),
           human_count(per_second(t, took), rate));
}

static int print_totals(struct verb_context *c, const struct sink_totals *t, int64_t took,
                        struct k2_err *err) {
    static const struct listing_column columns[] = {{"rows", NULL},    {"files", NULL},
                                                    {"commits", NULL}, {"bytes", NULL},
                                                    {"took_ns", NULL}, {"rows_per_second", NULL}};
    if (strcmp(verb_value(c, "format"), "table") == 0) {
        print_sentence(t, took);
        return K2_OK;
    }
    const int64_t cells[] = {t->rows, t->files, t->commits, t->bytes, took, per_second(t, took)};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 6, &l, err));
    for (int i = 0; i < 6; i++)
        listing_number(l, cells[i]);
    return listing_close(l, err);
}

/* Another sink, such as that of k2 up, holds its lock only while it commits. */
static int round_in_turn(struct verb_context *c, struct sink_totals *totals, int64_t *took,
                         struct k2_err *err) {
    const int64_t start = k2_monotonic_ns();
    const struct timespec pause = {0, LOCK_RETRY_NS};
    for (bool told = false;;) {
        *totals = (struct sink_totals){0};
        int rc = sink_round(c, totals, took, err);
        int64_t waited = k2_monotonic_ns() - start;
        if (rc != K2_E_LOCKED || waited >= LONGEST_WAIT)
            return rc;
        if (!told && waited >= TELL_AFTER) {
            verb_note(c, "waiting for another sink: %s", err->msg);
            told = true;
        }
        k2_err_clear(err);
        nanosleep(&pause, NULL);
    }
}

static int run_once(struct verb_context *c, struct k2_err *err) {
    struct sink_totals totals;
    int64_t took = 0;
    K2_TRY(round_in_turn(c, &totals, &took, err));
    return print_totals(c, &totals, took, err);
}

static void log_round(const struct verb_context *c, const struct sink_totals *t, int64_t took) {
    char rows[HUMAN_TEXT], files[HUMAN_TEXT], span[HUMAN_TEXT];
    if (t->rows == 0 || c->quiet)
        return;
    snprintf(rows, sizeof rows, "%" PRId64, t->rows);
    snprintf(files, sizeof files, "%" PRId64, t->files);
    k2_log(K2_LOG_INFO, "sink", "rows", rows, "files", files, "took", human_span(took, span), NULL);
}

/* What may be better soon: another sink at work, a faster writer, a journal that is not there yet. */
static bool may_pass(int rc, const struct k2_err *err) {
    return err->retriable || rc == K2_E_NOTFOUND;
}

static int run_loop(struct verb_context *c, struct k2_err *err) {
    int64_t interval = k2_config_int(c->config, K2_CONFIG_sink_interval);
    k2_log_setup(c->quiet ? K2_LOG_WARN : K2_LOG_INFO, c->json_logs);
    signals_hold();
    for (;;) {
        struct sink_totals totals = {0};
        int64_t took = 0;
        k2_err_clear(err);
        int rc = sink_round(c, &totals, &took, err);
        if (rc != K2_OK && !may_pass(rc, err))
            return rc;
        if (rc != K2_OK)
            k2_log(K2_LOG_WARN, "sink waits", "why", err->msg, NULL);
        else
            log_round(c, &totals, took);
        if (signals_sleep(interval > 0 ? interval : RETRY_NS)) {
            verb_note(c, "stopped; everything committed so far is in the tables");
            return K2_OK;
        }
    }
}

static int run(struct verb_context *c, struct k2_err *err) {
    return verb_flag(c, "once") ? run_once(c, err) : run_loop(c, err);
}

static const struct verb_option options[] = {
    {"once", NULL, NULL, "up to what the journal holds now, then end", NULL, 0}, VERB_FORMAT, {0}};
static const char *const examples[] = {
    "k2 sink --once", "K2_SINK_INTERVAL=1s timeout --preserve-status 3 k2 sink", NULL};

const struct verb verb_sink = {
    .name = "sink",
    .summary = "bring the tables up to the journal, exactly once",
    .usage = "[--once]",
    .about = "Without --once it goes on, with a commit each sink.interval (k2 config show), until\n"
             "SIGINT or SIGTERM; it then ends after the round under way. Killed at any moment it\n"
             "neither loses nor doubles a row. While another sink commits, --once waits, for 60 s\n"
             "at most.",
    .options = options,
    .examples = examples,
    .run = run,
};
