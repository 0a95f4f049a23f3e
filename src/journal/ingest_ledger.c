/* journal/ingest_ledger.c - the steps of gaps, from the sequence engine into the log; see ledger.h and ingest.h. */
#include "journal/ingest_int.h"
#include "journal/ledger.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINES = 20 }; /* of large gaps, in the log for one batch */

/* --- telling people --- */

static void tell(const struct seq_step *s) {
    struct k2_buf channel = {0};
    char date[K2_DATE_TEXT], from[24], to[24], missing[24];
    k2_date_format(s->trade_date, date);
    k2_buf_printf(&channel, "%.*s/%s/%.*s/%s epoch %d", K2_SV_ARG(s->exchange), date,
                  K2_SV_ARG(s->channel), seq_kind_name(s->kind), s->epoch);
    snprintf(from, sizeof from, "%" PRId64, s->from);
    snprintf(to, sizeof to, "%" PRId64, s->to);
    snprintf(missing, sizeof missing, "%" PRId64, s->missing);
    const char *what = s->state == SEQ_REQUESTED ? "gap is to be recovered"
                       : s->halts                ? "gap halts its channel"
                                                 : "gap";
    bool grave = s->state == SEQ_REQUESTED || s->halts;
    k2_log(grave ? K2_LOG_ERROR : K2_LOG_WARN, what, "channel", k2_buf_cstr(&channel), "from", from,
           "to", to, "missing", missing, NULL);
    k2_buf_free(&channel);
}

static void tell_outage(const struct seq_step *s) {
    struct k2_buf name = {0}, why = {0};
    char date[K2_DATE_TEXT];
    k2_date_format(s->trade_date, date);
    k2_buf_printf(&name, "%.*s/%s/%.*s/%s", K2_SV_ARG(s->exchange), date, K2_SV_ARG(s->channel),
                  seq_step_word(s));
    k2_buf_sv(&why, s->why);
    bool opened = s->state == SEQ_OPENED;
    k2_log(opened ? K2_LOG_ERROR : K2_LOG_WARN, opened ? "a feed is out" : "a feed is back",
           "entry", k2_buf_cstr(&name), "why", k2_buf_cstr(&why), NULL);
    k2_buf_free(&name);
    k2_buf_free(&why);
}

static bool is_grave(const struct seq_step *s) {
    return s->state == SEQ_REQUESTED || (s->state == SEQ_OPENED && s->halts);
}

/* A lossy source opens gaps by the thousand: the small ones of a batch are one line. */
static void tell_small(const struct seq_step *steps, size_t n) {
    const struct seq_step *first = NULL;
    int64_t gaps = 0, missing = 0;
    for (size_t i = 0; i < n; i++) {
        bool asked = i + 1 < n && steps[i + 1].state == SEQ_REQUESTED;
        if (steps[i].cause != SEQ_NUMBERS || steps[i].state != SEQ_OPENED || steps[i].halts ||
            asked)
            continue;
        first = first ? first : &steps[i];
        missing = seq_missing_add(missing, 1, steps[i].missing);
        gaps++;
    }
    char gaps_text[24], missing_text[24];
    snprintf(gaps_text, sizeof gaps_text, "%" PRId64, gaps);
    snprintf(missing_text, sizeof missing_text, "%" PRId64, missing);
    if (gaps == 1)
        tell(first);
    else if (gaps > 1)
        k2_log(K2_LOG_WARN, "gaps", "gaps", gaps_text, "missing", missing_text, "list", "k2 gaps",
               NULL);
}

static void tell_all(const struct seq_step *steps, size_t n) {
    size_t told = 0;
    tell_small(steps, n);
    for (size_t i = 0; i < n && told < LINES; i++) {
        bool outage = steps[i].cause != SEQ_NUMBERS;
        if (outage && (steps[i].state == SEQ_OPENED || steps[i].state == SEQ_FILLED))
            tell_outage(&steps[i]);
        if (outage || !is_grave(&steps[i]))
            continue;
        tell(&steps[i]);
        told++;
    }
}

/* --- storing --- */

static void count(struct ingest *g, const struct seq_step *s) {
    struct ingest_stats before = g->stats;
    g->stats.ledger++;
    g->since_checkpoint++;
    if (g->options.step)
        g->options.step(g->options.step_ctx, s);
    if (s->cause != SEQ_NUMBERS) {
        if (s->state == SEQ_OPENED)
            tally_outage(s->exchange, s->cause);
        return;
    }
    if (s->state == SEQ_OPENED) {
        g->stats.gaps++;
        if (__builtin_add_overflow(g->stats.missing, s->missing, &g->stats.missing))
            g->stats.missing = INT64_MAX;
    }
    tally_judged(g->tally, s->exchange, &before, &g->stats);
    if (s->state == SEQ_REQUESTED)
        tally_gap(g->tally, s->exchange, false);
    if (s->state == SEQ_OPENED && s->halts)
        tally_gap(g->tally, s->exchange, true);
}

int ingest_store_steps(struct ingest *g, const char *actor, const char *note, struct k2_err *err) {
    const struct seq_step *steps;
    size_t n = seq_engine_steps(g->engine, &steps);
    if (n == 0)
        return K2_OK;
    tell_all(steps, n);
    for (size_t i = 0; i < n; i++) {
        struct k2_event e = ledger_event(&steps[i], actor, note, k2_now_ns(), g->interner);
        K2_TRY(ingest_append(g, &e, err));
        count(g, &steps[i]);
    }
    seq_engine_steps_taken(g->engine);
    return K2_OK;
}

/* --- the calls --- */

int ingest_settle(struct ingest *g, struct k2_err *err) {
    struct k2_err why = {0};
    K2_TRY(ingest_judge(g, err));
    seq_engine_settle(g->engine);
    return ingest_spent(g, ingest_store_steps(g, "engine", NULL, &why), &why, err);
}

int ingest_mark(struct ingest *g, const struct seq_step *which, const char *actor, const char *note,
                bool *again, struct k2_err *err) {
    struct k2_err why = {0};
    K2_TRY(ingest_judge(g, err));
    if (!seq_engine_mark(g->engine, which, again))
        return k2_fail(err, K2_E_NOTFOUND,
                       "no gap that is open there holds number %" PRId64 "; k2 gaps lists them",
                       which->from);
    return ingest_spent(g, ingest_store_steps(g, actor, note, &why), &why, err);
}
