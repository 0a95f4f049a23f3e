/* verb/summary.c - see summary.h. */
#include "verb/summary.h"

#include "verb/listing.h"

#include <inttypes.h>

#define GAPS_SHOWN 5

static int64_t per_second(int64_t n, int64_t ns) {
    return ns > 0 ? (int64_t)((k2_i128)n * K2_NS_PER_SEC / ns) : 0;
}

struct gap_lines {
    FILE *to;
    int64_t shown, open;
};

static void print_gap(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                      enum k2_kind_id kind, int32_t epoch, int64_t from, int64_t to) {
    struct gap_lines *g = ctx;
    g->open++;
    if (g->shown == GAPS_SHOWN)
        return;
    g->shown++;
    char date[K2_DATE_TEXT];
    k2_date_format(trade_date, date);
    fprintf(g->to, "  missing %.*s/%s/%.*s/%s epoch %d: %" PRId64, K2_SV_ARG(exchange), date,
            K2_SV_ARG(channel), seq_kind_name(kind), epoch, from);
    if (to > from)
        fprintf(g->to, " to %" PRId64, to);
    fputc('\n', g->to);
}

/* Those of this run that are still open: a later file may have filled one. */
static void print_gaps(const struct summary *s, FILE *to) {
    struct gap_lines g = {.to = to};
    if (!s->sequence) { /* it is the running k2 up that knows */
        if (s->stats.gaps > 0)
            fputs("  k2 status and k2 coverage tell what is missing\n", to);
        return;
    }
    seq_engine_new_gaps(s->sequence, print_gap, &g);
    if (g.open > g.shown)
        fprintf(to, "  and %" PRId64 " more %s\n", g.open - g.shown,
                human_word(g.open - g.shown, "open gap", "open gaps"));
    int64_t older = seq_engine_older_gaps(s->sequence);
    if (older > 0)
        fprintf(to, "  %" PRId64 " %s from before\n", older,
                human_word(older, "gap is open", "gaps are open"));
}

static void print_sentences(const struct summary *s, FILE *to) {
    const struct ingest_stats *t = &s->stats;
    char a[HUMAN_TEXT], b[HUMAN_TEXT], c[HUMAN_TEXT];
    fprintf(to,
            "read %" PRId64 " = accepted %" PRId64 " + duplicates %" PRId64 " + conflicts %" PRId64
            " + quarantined %" PRId64 " + filtered %" PRId64,
            t->read, t->accepted, t->duplicates, t->conflicts, t->quarantined, t->filtered);
    if (t->halted > 0)
        fprintf(to, " + halted %" PRId64, t->halted);
    fputc('\n', to);
    fprintf(to,
            "gaps %" PRId64 " (%" PRId64 " %s missing), out of order %" PRId64 ", resets %" PRId64
            "\n",
            t->gaps, t->missing, human_word(t->missing, "number", "numbers"), t->out_of_order,
            t->resets);
    print_gaps(s, to);
    fprintf(to, "took %s, %s a second", human_span(s->took_ns, a),
            human_count(per_second(t->read, s->took_ns), b));
    if (s->sources > 0)
        fprintf(to, ", %s in %" PRId64 " %s", human_bytes(t->bytes, c), s->sources,
                human_word(s->sources, "file", "files"));
    if (s->failed > 0)
        fprintf(to, ", %" PRId64 " failed", s->failed);
    fputc('\n', to);
}

static int print_row(const struct verb_context *c, const struct summary *s, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"read", NULL},         {"accepted", NULL}, {"duplicates", NULL}, {"conflicts", NULL},
        {"quarantined", NULL},  {"filtered", NULL}, {"gaps", NULL},       {"missing", NULL},
        {"out_of_order", NULL}, {"resets", NULL},   {"files", NULL},      {"failed", NULL},
        {"bytes", NULL},        {"took_ns", NULL},  {"per_second", NULL}, {"halted", NULL}};
    const struct ingest_stats *t = &s->stats;
    const int64_t cells[] = {
        t->read,     t->accepted, t->duplicates, t->conflicts,    t->quarantined,
        t->filtered, t->gaps,     t->missing,    t->out_of_order, t->resets,
        s->sources,  s->failed,   t->bytes,      s->took_ns,      per_second(t->read, s->took_ns),
        t->halted};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 16, &l, err));
    for (int i = 0; i < 16; i++)
        listing_number(l, cells[i]);
    return listing_close(l, err);
}

int summary_print(const struct verb_context *c, const struct summary *s, struct k2_err *err) {
    if (strcmp(verb_value(c, "format"), "table") != 0)
        return print_row(c, s, err);
    print_sentences(s, stdout);
    return K2_OK;
}
