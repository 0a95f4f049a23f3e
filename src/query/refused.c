/* query/refused.c - see refused.h. */
#include "query/query.h"

#include <stdlib.h>
#include <strings.h>

enum { ROWS = 1024 };

struct look {
    const struct k2_kind *kind; /* quarantine or gap */
    struct journal *journal;    /* may be NULL */
    const struct refused_filter *filter;
    struct lake_offsets held; /* what the table has of this journal */
    bool table_there, table_filled;
    struct k2_interner *in;
    K2_RC (*visit)(void *ctx, const struct refused *r, bool *stop, struct k2_err *err);
    void *ctx;
    bool stop;
};

/* The columns that both kinds have, wherever they stand in them. */
struct place {
    uint32_t exchange;
    int32_t journal, partition;
    int64_t offset;
};

static struct place place_of(const struct k2_event *e) {
    const struct k2_gap *g = &e->gap;
    const struct k2_quarantine *q = &e->quarantine;
    if (e->kind == K2_KIND_GAP)
        return (struct place){g->exchange, g->journal_id, g->journal_partition, g->journal_offset};
    return (struct place){q->exchange, q->journal_id, q->journal_partition, q->journal_offset};
}

static int32_t present(const struct look *l) {
    return l->journal ? journal_id(l->journal) : 0;
}

/* Exclusive end of what is read from the table. */
static int64_t held_to(const struct look *l, struct k2_sv exchange, int32_t partition) {
    struct k2_buf name = {0};
    struct journal_topic t;
    k2_topic_name(l->kind, exchange, &name);
    bool ours = l->journal && journal_place(l->journal, k2_buf_view(&name), partition, &t,
                                            &partition, NULL) == K2_OK;
    int64_t end = lake_offsets_get(&l->held, ours ? t.name : k2_buf_cstr(&name), partition);
    k2_buf_free(&name);
    return end;
}

static bool is_wanted(const struct look *l, const struct refused *r) {
    const struct refused_filter *f = l->filter;
    struct k2_sv exchange = k2_interned(r->in, place_of(r->event).exchange);
    if (f->exchange && (strlen(f->exchange) != exchange.n ||
                        strncasecmp(f->exchange, exchange.p, exchange.n) != 0))
        return false;
    return !f->one || (r->partition == f->partition && r->offset == f->offset &&
                       r->journal == (f->journal ? f->journal : present(l)));
}

static int give(struct look *l, const struct refused *r, struct k2_err *err) {
    return is_wanted(l, r) ? l->visit(l->ctx, r, &l->stop, err) : K2_OK;
}

/* --- the table --- */

/* Its offsets first, its rows later: rows that a sink adds in between are left to the journal. */
static int look_at_table(struct look *l, const char *data, struct k2_err *err) {
    struct lake *lake;
    struct lake_table *t;
    struct k2_err why = {0};
    if (lake_open(data, false, &lake, &why) == K2_E_NOTFOUND)
        return K2_OK;
    if (why.status != K2_OK)
        return k2_fail(err, why.status, "%s", why.msg);
    int rc = lake_table_load(lake, k2_sv_of(l->kind->table), &t, err);
    if (rc == K2_OK) {
        l->table_there = true;
        l->table_filled = lake_table_info(t).current_snapshot != 0;
        rc = lake_table_offsets(t, &l->held, err);
        lake_table_free(t);
    } else if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        rc = K2_OK;
    }
    lake_close(lake);
    if (rc == K2_OK && l->held.journal_id != present(l))
        lake_offsets_free(&l->held);
    return rc;
}

static int give_row(struct look *l, const struct k2_columns *c, size_t row, struct k2_err *err) {
    struct k2_event e;
    memset(&e, 0, sizeof e);
    k2_columns_get(c, row, &e);
    struct place at = place_of(&e);
    struct refused r = {at.journal, at.partition, at.offset, &e, l->in};
    if (at.journal == present(l) &&
        at.offset >= held_to(l, k2_interned(l->in, at.exchange), at.partition))
        return K2_OK; /* sunk a moment ago: the journal gives it */
    return give(l, &r, err);
}

static int give_rows(struct look *l, struct query_rows *rows, struct k2_err *err) {
    struct k2_columns c;
    k2_columns_init(&c, l->kind, ROWS);
    int rc;
    while ((rc = query_rows_next(rows, &c, err)) == K2_OK && c.n && !l->stop) {
        for (size_t i = 0; rc == K2_OK && i < c.n && !l->stop; i++)
            rc = give_row(l, &c, i, err);
        if (rc != K2_OK)
            break;
        k2_interner_reset(l->in);
    }
    k2_columns_free(&c);
    return rc;
}

static void put_where(const struct look *l, struct k2_buf *where) {
    const struct refused_filter *f = l->filter;
    if (f->one)
        k2_buf_printf(where, "journal_id = %d AND journal_partition = %d AND journal_offset = %lld",
                      f->journal ? f->journal : present(l), f->partition, (long long)f->offset);
}

static int read_table(struct look *l, const char *data, const struct query_options *o,
                      struct k2_err *err) {
    struct query_engine *q;
    struct query_rows *rows;
    struct k2_buf where = {0};
    K2_TRY(query_open(data, o, &q, err));
    put_where(l, &where);
    int rc = query_rows_open(q, l->kind, "time", where.n ? k2_buf_cstr(&where) : NULL, l->in, &rows,
                             err);
    if (rc == K2_OK) {
        rc = give_rows(l, rows, err);
        query_rows_close(rows);
    }
    k2_buf_free(&where);
    query_close(q);
    return rc;
}

/* --- the journal behind it --- */

static int give_batch(struct look *l, struct k2_decoder *d, const struct journal_batch *b,
                      struct k2_err *err) {
    struct journal_record record;
    for (size_t cursor = 0; !l->stop && journal_batch_next(b, &cursor, &record);) {
        struct k2_event e;
        memset(&e, 0, sizeof e);
        struct refused r = {present(l), b->row_partition, record.offset, &e, l->in};
        K2_TRY_CTX(k2_decode(d, record.value, &e, err), err, "partition %d offset %lld",
                   b->partition, (long long)record.offset);
        K2_TRY(give(l, &r, err));
    }
    k2_interner_reset(l->in);
    return K2_OK;
}

static int read_spans(struct look *l, const struct journal_span *spans, int n, struct k2_err *err) {
    struct journal_reader *reader;
    struct journal_batch b;
    K2_TRY(journal_read(l->journal, spans, n, &reader, err));
    struct k2_decoder *d =
        k2_decoder_new(l->kind, l->in, k2_registry_source(journal_registry(l->journal)));
    int rc = K2_OK;
    while (rc == K2_OK && !l->stop) {
        int got = journal_next(reader, &b, err);
        if (got <= 0) {
            rc = got;
            break;
        }
        rc = give_batch(l, d, &b, err);
    }
    k2_decoder_free(d);
    journal_reader_close(reader);
    return rc;
}

/* The part of a partition that the table does not hold, and that the filter asks for. */
static struct journal_span tail_of(const struct look *l, const struct journal_topic *t, int32_t p,
                                   int64_t start) {
    const struct refused_filter *f = l->filter;
    int64_t held = lake_offsets_get(&l->held, t->name, p);
    struct journal_span s = {t->id, p, held > start ? held : start, INT64_MAX};
    if (f->one && (t->first + p != f->partition || f->offset < s.from ||
                   (f->journal && f->journal != present(l))))
        s.to = s.from;
    else if (f->one)
        s = (struct journal_span){t->id, p, f->offset, f->offset + 1};
    return s;
}

static int read_topic(struct look *l, const struct journal_topic *t, struct k2_err *err) {
    size_t n = (size_t)t->partitions;
    int64_t *starts = k2_zalloc(n * sizeof *starts);
    struct journal_span *spans = k2_zalloc(n * sizeof *spans);
    int rc = journal_starts(l->journal, t->id, starts, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++)
        spans[p] = tail_of(l, t, p, starts[p]);
    if (rc == K2_OK)
        rc = read_spans(l, spans, t->partitions, err);
    free(spans);
    free(starts);
    return k2_err_context(err, rc, "topic %s", t->name);
}

static int read_journal(struct look *l, struct k2_err *err) {
    for (int32_t i = 0; l->journal && !l->stop && i < journal_topic_count(l->journal); i++) {
        struct journal_topic t = journal_topic_at(l->journal, i);
        if (k2_kind_by_topic(k2_sv_of(t.name)) == l->kind)
            K2_TRY(read_topic(l, &t, err));
    }
    return K2_OK;
}

/* --- both --- */

static int look(struct look *l, const char *data, const struct query_options *o,
                struct k2_err *err) {
    K2_TRY(look_at_table(l, data, err));
    if (!l->journal && !l->table_there)
        return k2_fail(err, K2_E_NOTFOUND,
                       "%s holds no journal; k2 ingest or k2 simulate makes one", data);
    if (l->table_filled)
        K2_TRY(read_table(l, data, o, err));
    return read_journal(l, err);
}

static int pin_and_look(struct look *l, const char *data, const struct query_options *o,
                        struct k2_err *err) {
    struct journal *j = l->journal;
    struct journal_pin *pin = NULL;
    if (j) /* what the offsets do not cover must stay until it was read */
        K2_TRY(journal_pin(j, &pin, err));
    l->in = k2_interner_new();
    int rc = look(l, data, o, err);
    lake_offsets_free(&l->held);
    k2_interner_free(l->in);
    journal_unpin(pin);
    return rc;
}

int refused_visit(const char *data, struct journal *j, const struct query_options *o,
                  const struct refused_filter *filter,
                  K2_RC (*visit)(void *ctx, const struct refused *r, bool *stop,
                                 struct k2_err *err),
                  void *ctx, struct k2_err *err) {
    struct look l = {.kind = k2_kind(K2_KIND_QUARANTINE),
                     .journal = j,
                     .filter = filter,
                     .visit = visit,
                     .ctx = ctx};
    return pin_and_look(&l, data, o, err);
}

int refused_visit_gaps(const char *data, struct journal *j, const struct query_options *o,
                       const char *exchange,
                       K2_RC (*visit)(void *ctx, const struct refused *r, bool *stop,
                                      struct k2_err *err),
                       void *ctx, struct k2_err *err) {
    const struct refused_filter filter = {.exchange = exchange};
    struct look l = {
        .kind = k2_kind(K2_KIND_GAP), .journal = j, .filter = &filter, .visit = visit, .ctx = ctx};
    return pin_and_look(&l, data, o, err);
}
