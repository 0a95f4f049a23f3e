/* query/trace.c - see trace.h: reading an id, and the order of the questions. */
#include "query/trace.h"

#include "query/text.h"
#include "query/trace_int.h"

#include "base/clock.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

/* --- ids --- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What k2_message_id escaped, as it was; NULL when an escape is malformed. */
static char *unescape(struct k2_sv s) {
    char *out = k2_sv_dup(s), *to = out;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            *to++ = s.p[i];
            continue;
        }
        bool room = s.n - i > 2;
        int high = room ? hex_digit(s.p[i + 1]) : -1;
        int low = room ? hex_digit(s.p[i + 2]) : -1;
        if (high < 0 || low < 0) {
            free(out);
            return NULL;
        }
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *to = 0;
    return out;
}

static const struct k2_kind *kind_named(struct k2_sv name) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        if (k2_sv_eq(name, k2_sv_of(kind->name)))
            return kind;
    }
    return NULL;
}

static bool take_int(struct k2_sv text, int32_t *out) {
    int64_t n;
    if (!k2_sv_i64(text, &n) || n < INT32_MIN || n > INT32_MAX)
        return false;
    *out = (int32_t)n;
    return true;
}

static bool parse_whole(struct k2_sv text, struct trace_id *id) {
    id->exchange = unescape(k2_sv_split(&text, '/'));
    bool good = k2_date_parse(k2_sv_split(&text, '/'), &id->trade_date, NULL) == K2_OK;
    id->channel = unescape(k2_sv_split(&text, '/'));
    id->kind = kind_named(k2_sv_split(&text, '/'));
    good &= take_int(k2_sv_split(&text, '/'), &id->epoch);
    good &= k2_sv_i64(k2_sv_split(&text, '/'), &id->sequence);
    good &= take_int(text, &id->part);
    return good && id->exchange && id->channel && id->kind;
}

/* EXCHANGE.SYMBOL.SEQUENCE: codes have no dots, symbols may (BRK.B). */
static bool parse_short(struct k2_sv text, struct trace_id *id) {
    struct k2_sv exchange = k2_sv_split(&text, '.');
    size_t n = text.n;
    while (n > 0 && text.p[n - 1] != '.')
        n--;
    if (n < 2 || exchange.n == 0)
        return false;
    id->exchange = k2_sv_dup(exchange);
    id->symbol = k2_sv_dup((struct k2_sv){text.p, n - 1});
    return k2_sv_i64((struct k2_sv){text.p + n, text.n - n}, &id->sequence);
}

int trace_parse(const char *text, struct trace_id *out, struct k2_err *err) {
    struct k2_sv s = k2_sv_of(text);
    *out = (struct trace_id){0};
    if (strchr(text, '/') ? parse_whole(s, out) : parse_short(s, out))
        return K2_OK;
    trace_id_free(out);
    return k2_fail(err, K2_E_USAGE,
                   "'%.200s' is no message id: EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQUENCE/PART as "
                   "the column message_id has it, or EXCHANGE.SYMBOL.SEQUENCE",
                   text);
}

void trace_id_free(struct trace_id *id) {
    free(id->exchange);
    free(id->channel);
    free(id->symbol);
    *id = (struct trace_id){0};
}

/* --- what every kind has --- */

#define FACTS(e, in)                                                                               \
    ((struct trace_facts){k2_interned(in, (e)->exchange), k2_interned(in, (e)->symbol),            \
                          k2_interned(in, (e)->channel), (e)->trade_date, (e)->epoch, (e)->part,   \
                          (e)->exchange_sequence_number, (e)->journal_id, (e)->journal_partition,  \
                          (e)->journal_offset, (e)->ingest_timestamp})

struct trace_facts trace_facts_of(const struct k2_event *e, const struct k2_interner *in) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return FACTS(&e->name, in);
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(false);
    return (struct trace_facts){0};
}

/* --- quarantined records that name the row --- */

struct linking {
    struct trace *trace;
    struct k2_sv id; /* the row's printed identity */
};

static bool names_row(void *ctx, const struct k2_event *e, const struct k2_interner *in) {
    const struct linking *l = ctx;
    return k2_sv_eq(k2_interned(in, e->quarantine.conflicts_with), l->id);
}

static void add_link(void *ctx, const struct k2_event *e) {
    struct trace_report *r = ((struct linking *)ctx)->trace->report;
    const struct k2_quarantine *q = &e->quarantine;
    r->links = k2_realloc(r->links, (size_t)(r->link_count + 1) * sizeof *r->links);
    struct trace_link *link = &r->links[r->link_count++];
    *link = (struct trace_link){.reason = k2_sv_dup(k2_interned(r->in, q->reason)),
                                .detail = k2_sv_dup(k2_interned(r->in, q->detail)),
                                .time_ns = q->exchange_timestamp_ns};
    snprintf(link->id, sizeof link->id, "%.*s/%d/%" PRId64,
             K2_SV_ARG(k2_sv_shown(k2_interned(r->in, q->exchange))), q->journal_partition,
             q->journal_offset);
}

static int find_links(struct trace *t, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind(K2_KIND_QUARANTINE);
    struct k2_buf id = {0}, where = {0};
    int rc = K2_OK;
    k2_message_id(&t->report->rows[0].event, t->report->in, &id);
    struct linking l = {t, k2_buf_view(&id)};
    if (t->engine) {
        k2_buf_str(&where, "conflicts_with = ");
        query_text_literal(&where, l.id);
        rc = trace_each_row(t, kind, k2_buf_cstr(&where), TRACE_ROWS, add_link, &l, err);
    }
    if (rc == K2_OK && t->journal)
        rc = trace_each_record(t, kind, NULL, names_row, add_link, &l, err);
    k2_buf_free(&id);
    k2_buf_free(&where);
    return k2_err_context(err, rc, "looking for quarantined records that name it");
}

/* --- all of it --- */

static int fill(struct trace *t, struct k2_err *err) {
    K2_TRY(trace_find(t, err));
    if (t->report->row_count != 1)
        return K2_OK;
    K2_TRY(trace_place_record(t, err));
    K2_TRY(trace_place_row(t, err));
    K2_TRY(trace_find_source(t, err));
    return find_links(t, err);
}

static K2_RC report(struct query_engine *q, struct journal *j, const struct trace_id *id,
                    K2_RC (*ask)(struct trace *t, struct k2_err *err), struct trace_report *out,
                    struct k2_err *err) {
    *out = (struct trace_report){.in = k2_interner_new()};
    struct trace t = {q, j, id, out};
    int rc = ask(&t, err);
    if (rc != K2_OK)
        trace_free(out);
    return rc;
}

int trace_run(struct query_engine *q, struct journal *j, const struct trace_id *id,
              struct trace_report *out, struct k2_err *err) {
    return report(q, j, id, fill, out, err);
}

int trace_look(struct query_engine *q, struct journal *j, const struct trace_id *id,
               struct trace_report *out, struct k2_err *err) {
    return report(q, j, id, trace_find, out, err);
}

void trace_free(struct trace_report *r) {
    for (int i = 0; i < r->link_count; i++) {
        free(r->links[i].reason);
        free(r->links[i].detail);
    }
    free(r->links);
    free(r->rows);
    free(r->table.file);
    free(r->source.path);
    free(r->source.format);
    free(r->source.hash);
    free(r->source.sha256);
    free(r->source.counted_from);
    for (int i = 0; i < r->other_count; i++)
        free(r->others[i]);
    free(r->others);
    raw_frame_free(&r->frame);
    k2_buf_free(&r->source.raw);
    if (r->in)
        k2_interner_free(r->in);
    *r = (struct trace_report){0};
}
