/* query/archive.c - see archive.h. */
#include "query/query_int.h"

#include "base/clock.h"

#include <stdlib.h>

enum { ROWS = 16384 };

struct archive {
    char *data;
    struct query_engine *engine; /* NULL until the first question */
    struct k2_interner *interner;
};

/* --- is there anything to ask for --- */

/* Whether some snapshot of the table was committed from another journal. */
static K2_RC has_other_journal(const struct lake_table *t, int32_t id, bool *yes,
                               struct k2_err *err) {
    for (int i = 0; i < lake_table_info(t).snapshot_count && !*yes; i++) {
        struct lake_offsets o;
        K2_TRY(lake_snapshot_offsets(t, lake_snapshot_at(t, i).id, &o, err));
        *yes = o.journal_id != 0 && o.journal_id != id;
        lake_offsets_free(&o);
    }
    return K2_OK;
}

static K2_RC look(struct lake *l, int32_t id, bool *yes, struct k2_err *err) {
    for (int i = 0; i < K2_KIND_COUNT && !*yes; i++) {
        struct lake_table *t;
        int rc = lake_table_load(l, k2_sv_of(k2_kind((enum k2_kind_id)i)->table), &t, err);
        if (rc == K2_E_NOTFOUND)
            continue;
        K2_TRY(rc);
        rc = has_other_journal(t, id, yes, err);
        lake_table_free(t);
        K2_TRY(rc);
    }
    return K2_OK;
}

static K2_RC is_needed(struct journal *j, const char *data, bool *yes, struct k2_err *err) {
    struct lake *l;
    *yes = false;
    int rc = lake_open(data, false, &l, err);
    if (rc == K2_E_NOTFOUND)
        return K2_OK; /* no tables */
    K2_TRY(rc);
    *yes = journal_removed_count(j) > 0;
    rc = look(l, journal_id(j), yes, err);
    lake_close(l);
    return rc;
}

/* --- asking --- */

static void put_text(struct k2_buf *b, struct k2_sv s) {
    k2_buf_byte(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            k2_buf_byte(b, '\'');
        k2_buf_byte(b, (uint8_t)s.p[i]);
    }
    k2_buf_byte(b, '\'');
}

static void put_condition(struct k2_buf *b, struct k2_sv exchange, int32_t trade_date,
                          struct k2_sv channel, int64_t lo, int64_t hi) {
    char date[K2_DATE_TEXT];
    k2_date_format(trade_date, date);
    k2_buf_printf(b, "trade_date = DATE '%s' AND exchange = ", date);
    put_text(b, exchange);
    k2_buf_str(b, " AND channel = ");
    put_text(b, channel);
    k2_buf_printf(b, " AND exchange_sequence_number BETWEEN %lld AND %lld", (long long)lo,
                  (long long)hi);
}

/* Of the rows those of a channel that all kinds share, or only the others. */
static K2_RC give_rows(struct archive *a, struct query_rows *rows, const struct k2_kind *kind,
                       bool shared, void (*put)(void *ctx, const struct seq_known *known),
                       void *put_ctx, struct k2_err *err) {
    struct k2_columns c;
    k2_columns_init(&c, kind, ROWS);
    int rc;
    while ((rc = query_rows_next(rows, &c, err)) == K2_OK && c.n) {
        for (size_t row = 0; row < c.n; row++) {
            struct k2_event e;
            k2_columns_get(&c, row, &e);
            struct seq_item i = seq_item_of(&e, a->interner);
            if ((i.kind == SEQ_SHARED) == shared)
                put(put_ctx, &(struct seq_known){i.sequence, i.epoch, i.part, i.payload});
        }
        k2_interner_reset(a->interner);
    }
    k2_columns_free(&c);
    return rc;
}

/* Whether the table may hold rows: there is one, and it has a snapshot. */
static bool is_filled(const struct archive *a, const struct k2_kind *kind) {
    struct lake_table *t;
    if (lake_table_load(a->engine->lake, k2_sv_of(kind->table), &t, NULL) != K2_OK)
        return false;
    bool yes = lake_table_info(t).current_snapshot != 0;
    lake_table_free(t);
    return yes;
}

static bool is_asked(enum k2_kind_id asked, enum k2_kind_id kind) {
    bool market = kind != K2_KIND_QUARANTINE && kind != K2_KIND_GAP && seq_judges(kind);
    return asked == SEQ_SHARED ? market : asked == kind;
}

static K2_RC load_kind(struct archive *a, const struct k2_kind *kind, bool shared,
                       const char *where, void (*put)(void *put_ctx, const struct seq_known *known),
                       void *put_ctx, struct k2_err *err) {
    struct query_rows *rows;
    int rc = query_rows_open(a->engine, kind, NULL, where, a->interner, &rows, err);
    if (rc == K2_OK) {
        rc = give_rows(a, rows, kind, shared, put, put_ctx, err);
        query_rows_close(rows);
    }
    return k2_err_context(err, rc, "looking for earlier events in table %s", kind->table);
}

static K2_RC load(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                  enum k2_kind_id kind, int64_t lo, int64_t hi,
                  void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                  struct k2_err *err) {
    struct archive *a = ctx;
    struct k2_buf where = {0};
    int rc = K2_OK;
    if (!a->engine)
        K2_TRY(query_open(a->data, NULL, &a->engine, err));
    put_condition(&where, exchange, trade_date, channel, lo, hi);
    for (int i = 0; rc == K2_OK && i < K2_KIND_COUNT; i++) {
        const struct k2_kind *k = k2_kind((enum k2_kind_id)i);
        if (is_asked(kind, k->id) && is_filled(a, k))
            rc = load_kind(a, k, kind == SEQ_SHARED, k2_buf_cstr(&where), put, put_ctx, err);
    }
    k2_buf_free(&where);
    return rc;
}

/* --- the calls --- */

int archive_open(struct journal *j, const char *data, struct archive **out, struct k2_err *err) {
    bool needed = false;
    *out = NULL;
    K2_TRY(is_needed(j, data, &needed, err));
    if (!needed)
        return K2_OK;
    struct archive *a = k2_zalloc(sizeof *a);
    a->data = k2_strdup(data);
    a->interner = k2_interner_new();
    *out = a;
    return K2_OK;
}

void archive_close(struct archive *a) {
    if (!a)
        return;
    query_close(a->engine);
    k2_interner_free(a->interner);
    free(a->data);
    free(a);
}

struct seq_history archive_history(struct archive *a) {
    return (struct seq_history){.ctx = a, .load = a ? load : NULL};
}
