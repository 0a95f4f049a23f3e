/* feed/sequence/outages.c - what a feed did not send and no number tells: silence, a session without data, the end
 * of a connection.
 *
 * An outage is an entry of the ledger as a gap is, with the same steps, but it has times instead of numbers: `from`
 * is when it began and `to` when it ended, ns since 1970. It is open until what it waits for has come. Whoever notices it says so; the engine
 * only remembers which ones are open, so that none is there twice and a restart neither forgets nor invents one.
 */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

const char *seq_cause_name(enum seq_cause cause) {
    static const char *const names[] = {"SEQUENCE", "SILENCE", "SESSION", "DISCONNECT"};
    return names[cause];
}

static const char *word_of(enum seq_cause cause) {
    static const char *const words[] = {NULL, "silence", "session", "disconnect"};
    return words[cause];
}

const char *seq_step_word(const struct seq_step *s) {
    return s->cause == SEQ_NUMBERS ? seq_kind_name(s->kind) : word_of(s->cause);
}

bool seq_step_read_word(struct k2_sv word, struct seq_step *out) {
    const struct k2_kind *kind = k2_kind_by_name(word);
    out->kind = kind ? kind->id : SEQ_SHARED;
    out->cause = SEQ_NUMBERS;
    if (kind || k2_sv_eq(word, k2_sv_of(seq_kind_name(SEQ_SHARED))))
        return true;
    for (int i = SEQ_NUMBERS + 1; i < SEQ_CAUSES; i++) {
        if (k2_sv_eq(word, k2_sv_of(word_of((enum seq_cause)i)))) {
            out->cause = (enum seq_cause)i;
            return true;
        }
    }
    return false;
}

/* --- the list --- */

static void free_outage(struct seq_outage *o) {
    free(o->exchange);
    free(o->channel);
    free(o->source);
    free(o->why);
}

void seq_outages_free(struct seq_outages *all) {
    for (size_t i = 0; i < all->n; i++)
        free_outage(&all->all[i]);
    free(all->all);
    *all = (struct seq_outages){0};
}

static void drop(struct seq_outages *all, size_t at) {
    free_outage(&all->all[at]);
    all->n--;
    memmove(all->all + at, all->all + at + 1, (all->n - at) * sizeof *all->all);
}

void seq_outages_tidy(struct seq_outages *all) {
    for (size_t i = all->n; i > 0; i--)
        if (all->all[i - 1].over)
            drop(all, i - 1);
}

/* Sessions are many at a time, of the others a feed has one. */
static bool is_same(const struct seq_outage *o, const struct seq_step *s) {
    return o->cause == s->cause && (s->cause != SEQ_SESSION || o->trade_date == s->trade_date) &&
           k2_sv_eq(k2_sv_of(o->channel), s->channel) &&
           k2_sv_eq(k2_sv_of(o->exchange), s->exchange);
}

struct seq_outage *seq_outages_find(const struct seq_outages *all, const struct seq_step *s) {
    for (size_t i = 0; i < all->n; i++)
        if (!all->all[i].over && is_same(&all->all[i], s))
            return &all->all[i];
    return NULL;
}

static char *text_of(struct k2_sv s) {
    return k2_sv_dup((struct k2_sv){s.p, s.n < SEQ_LONGEST_TEXT ? s.n : SEQ_LONGEST_TEXT});
}

struct seq_outage *seq_outages_add(struct seq_outages *all, const struct seq_step *s) {
    if (all->n == all->cap) {
        all->cap = all->cap ? 2 * all->cap : 4;
        all->all = k2_realloc(all->all, all->cap * sizeof *all->all);
    }
    struct seq_outage *o = &all->all[all->n++];
    *o = (struct seq_outage){.cause = s->cause,
                             .exchange = k2_sv_dup(s->exchange),
                             .channel = k2_sv_dup(s->channel),
                             .source = text_of(s->source),
                             .why = text_of(s->why),
                             .trade_date = s->trade_date,
                             .from = s->from,
                             .opened_ns = s->opened_ns};
    return o;
}

/* Strings are borrowed from the outage. */
static struct seq_step step_of(const struct seq_outage *o, enum seq_state state) {
    return (struct seq_step){.cause = o->cause,
                             .exchange = k2_sv_of(o->exchange),
                             .channel = k2_sv_of(o->channel),
                             .kind = SEQ_SHARED,
                             .trade_date = o->trade_date,
                             .from = o->from,
                             .to = K2_NULL_LONG,
                             .missing = K2_NULL_LONG,
                             .state = state,
                             .time_ns = o->from,
                             .opened_ns = o->opened_ns,
                             .raw_offset = K2_NULL_LONG,
                             .source = k2_sv_of(o->source),
                             .why = k2_sv_of(o->why)};
}

/* --- the calls --- */

bool seq_engine_outage(struct seq_engine *s, const struct seq_step *which) {
    if (seq_outages_find(&s->outages, which))
        return false;
    struct seq_outage *o = seq_outages_add(&s->outages, which);
    struct seq_step step = step_of(o, SEQ_OPENED);
    seq_ledger_queue(s, &step);
    return true;
}

bool seq_engine_outage_over(struct seq_engine *s, const struct seq_step *which) {
    struct seq_outage *o = seq_outages_find(&s->outages, which);
    if (!o)
        return false;
    struct seq_step step = step_of(o, SEQ_FILLED);
    step.to = which->to > o->from ? which->to : o->from;
    o->over = true; /* it goes when its step is taken, whose strings are its */
    seq_ledger_queue(s, &step);
    return true;
}

bool seq_engine_is_out(const struct seq_engine *s, const struct seq_step *which) {
    return seq_outages_find(&s->outages, which) != NULL;
}

bool seq_outages_mark(struct seq_engine *s, const struct seq_step *which, bool *again) {
    struct seq_outage *o = seq_outages_find(&s->outages, which);
    if (!o || o->from != which->from)
        return false;
    bool *mark = which->state == SEQ_ACKNOWLEDGED ? &o->acknowledged : &o->given_up;
    *again = *mark;
    *mark = true;
    struct seq_step step = step_of(o, which->state);
    if (!*again)
        seq_ledger_queue(s, &step);
    return true;
}

void seq_outages_told(struct seq_engine *s, const struct seq_step *step) {
    struct seq_outage *o = seq_outages_find(&s->outages, step);
    if (step->state == SEQ_OPENED && !o)
        seq_outages_add(&s->outages, step);
    else if (step->state == SEQ_FILLED && o)
        drop(&s->outages, (size_t)(o - s->outages.all));
    else if (step->state == SEQ_ACKNOWLEDGED && o)
        o->acknowledged = true;
    else if (step->state == SEQ_GIVEN_UP && o)
        o->given_up = true;
}

void seq_outages_visit(const struct seq_outages *all,
                       void (*gap)(void *ctx, const struct seq_step *gap), void *ctx) {
    for (size_t i = 0; i < all->n; i++) {
        const struct seq_outage *o = &all->all[i];
        struct seq_step step = step_of(o, o->acknowledged ? SEQ_ACKNOWLEDGED
                                          : o->given_up   ? SEQ_GIVEN_UP
                                                          : SEQ_OPENED);
        if (!o->over)
            gap(ctx, &step);
    }
}
