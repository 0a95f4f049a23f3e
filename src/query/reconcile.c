/* query/reconcile.c - see reconcile.h.
 *
 * DESIGN. Partition by partition, in windows of offsets, so that memory is bounded: the journal's records of
 * the window give one hash over all columns per offset; the table's rows of the window, in any order, are
 * checked off against them. What is left unchecked is missing; what has no slot, or finds it checked off, is
 * extra; what differs is changed. A last pass reads the table rows that no window covers.
 *
 * A window's rows are looked for among those appended at its time, since the files are pruned by that and hardly by
 * offset: the offsets of a topic's partitions drift apart, and a file's bounds are over all of them. If then one is
 * missing, or a count finds more rows with these offsets, all is compared again without that.
 */
#include "query/query.h"

#include "base/clock.h"

#include <stdlib.h>
#include <uthash.h>

enum { WINDOW = 1 << 20, ROWS = 65536 };

struct group {
    struct group_key { /* zeroed before it is filled: hashed as bytes */
        uint32_t exchange, symbol;
        int32_t trade_date;
        enum k2_kind_id kind;
    } key;
    struct reconcile_line line;
    struct reconcile_side past_journal, past_table; /* of removed segments, and of their rows */
    UT_hash_handle hh;
};

enum slot_state { ABSENT, PRESENT, MATCHED };

struct slot { /* of one journal offset */
    struct k2_h128 hash;
    int64_t sequence;
    struct group *group;
    enum slot_state state;
};

struct
    window { /* floor of µs: the times at which the journal's records of a window were appended */
    int64_t first_us, last_us;
};

struct reconcile {
    struct journal *journal;
    struct query_engine *engine;
    struct reconcile_report *report;
    struct k2_interner *names;    /* of groups, for the whole run */
    struct k2_interner *interner; /* of rows, emptied window by window */
    struct group *groups, *last;
    struct slot *slots;
    void (*progress)(void *ctx, int64_t done, int64_t all);
    void *progress_ctx;
    int64_t done, all;
    /* the table being compared */
    const struct k2_kind *kind;
    struct k2_decoder *decoder;
    struct k2_columns rows;
    struct lake_offsets committed; /* what its table covered when the comparison began */
    struct lake_offsets newest;    /* what it covers now; journal_id 0 = not looked at yet */
    struct k2_buf covered;         /* SQL: the positions that windows account for */
    bool timed;                    /* rows are looked for by their time of appending */
    bool doubtful;                 /* and some are missing, or elsewhere */
    int64_t read;                  /* rows of the partition being compared that were read */
    struct lake *lake;
    struct journal_pin *pin; /* so that what is read row by row and what by digest stays one cut */
    int failed;              /* status of a look-up inside a callback */
};

/* --- groups --- */

/* What a line is keyed by and counts, wherever it stands in the kind's struct. */
struct facts {
    struct k2_sv exchange, symbol;
    int32_t trade_date;
    int64_t sequence, offset;
    int32_t journal, partition;
};

#define FACTS(e, in)                                                                               \
    ((struct facts){k2_interned(in, (e)->exchange), k2_interned(in, (e)->symbol), (e)->trade_date, \
                    (e)->exchange_sequence_number, (e)->journal_offset, (e)->journal_id,           \
                    (e)->journal_partition})

static struct facts facts_of(const struct k2_event *e, const struct k2_interner *in) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        return FACTS(&e->name, in);
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    K2_ASSERT(!"known kind");
}

static struct group *add_group(struct reconcile *r, const struct group_key *key) {
    struct group *g = k2_zalloc(sizeof *g);
    g->key = *key;
    g->line = (struct reconcile_line){.kind = r->kind,
                                      .exchange = k2_sv_dup(k2_interned(r->names, key->exchange)),
                                      .symbol = k2_sv_dup(k2_interned(r->names, key->symbol)),
                                      .trade_date = key->trade_date};
    HASH_ADD(hh, r->groups, key, sizeof g->key, g);
    return g;
}

static struct group *group_for(struct reconcile *r, struct k2_sv exchange, struct k2_sv symbol,
                               int32_t trade_date) {
    struct group_key key;
    memset(&key, 0, sizeof key);
    key.exchange = k2_intern(r->names, exchange);
    key.symbol = k2_intern(r->names, symbol);
    key.trade_date = trade_date;
    key.kind = r->kind->id;
    if (r->last && memcmp(&r->last->key, &key, sizeof key) == 0)
        return r->last;
    struct group *g = NULL;
    HASH_FIND(hh, r->groups, &key, sizeof key, g);
    r->last = g ? g : add_group(r, &key);
    return r->last;
}

static void account(struct reconcile_side *side, int64_t rows, int64_t lo, int64_t hi,
                    struct k2_h128 sum) {
    if (side->rows == 0 || lo < side->min_sequence)
        side->min_sequence = lo;
    if (side->rows == 0 || hi > side->max_sequence)
        side->max_sequence = hi;
    side->rows += rows;
    side->checksum = k2_h128_add(side->checksum, sum);
}

static void remember_first(struct reconcile *r, const char *what, const struct facts *f) {
    if (r->report->first[0])
        return;
    char date[K2_DATE_TEXT];
    k2_date_format(f->trade_date, date);
    snprintf(r->report->first, sizeof r->report->first,
             "%s: table %s, %.*s.%.*s, %s, sequence %lld, journal partition %d offset %lld", what,
             r->kind->table, K2_SV_ARG(f->exchange), K2_SV_ARG(f->symbol), date,
             (long long)f->sequence, f->partition, (long long)f->offset);
}

/* --- the journal's side of a window --- */

/* The columns that the sink adds, made again from the record's place in the journal. */
static void place(struct reconcile *r, const struct journal_batch *b, int64_t offset,
                  struct k2_event *e) {
#define PLACE(x)                                                                                   \
    (x)->exchange_timestamp = k2_floor_us((x)->exchange_timestamp_ns),                             \
    (x)->ingest_timestamp = k2_floor_us(b->append_ns), (x)->journal_id = journal_id(r->journal),   \
    (x)->journal_partition = b->row_partition, (x)->journal_offset = offset
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        PLACE(&e->name);                                                                           \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
#undef PLACE
}

static K2_RC take_record(struct reconcile *r, const struct journal_batch *b,
                         const struct journal_record *record, int64_t base, struct k2_err *err) {
    struct k2_event e;
    memset(&e, 0, sizeof e);
    K2_TRY_CTX(k2_decode(r->decoder, record->value, &e, err), err, "partition %d offset %lld",
               b->partition, (long long)record->offset);
    place(r, b, record->offset, &e);
    struct facts f = facts_of(&e, r->interner);
    struct group *g = group_for(r, f.exchange, f.symbol, f.trade_date);
    account(&g->line.journal, 1, f.sequence, f.sequence, k2_row_hash(&e, r->interner));
    r->slots[record->offset - base] =
        (struct slot){k2_full_hash(&e, r->interner), f.sequence, g, PRESENT};
    return K2_OK;
}

/* Append times never go back: the first batch and the last one say all. */
static void widen(struct window *w, int64_t append_us) {
    if (w->first_us > w->last_us)
        w->first_us = append_us;
    w->last_us = append_us;
}

static K2_RC read_journal(struct reconcile *r, struct journal_span span, struct window *times,
                          struct k2_err *err) {
    struct journal_reader *reader;
    *times = (struct window){0, -1};
    K2_TRY(journal_read(r->journal, &span, 1, &reader, err));
    struct journal_batch b;
    int got, rc = K2_OK;
    while (rc == K2_OK && (got = journal_next(reader, &b, err)) != 0) {
        if (got < 0) {
            rc = got;
            break;
        }
        struct journal_record record;
        widen(times, k2_floor_us(b.append_ns));
        for (size_t cursor = 0; rc == K2_OK && journal_batch_next(&b, &cursor, &record);)
            rc = take_record(r, &b, &record, span.from, err);
    }
    journal_reader_close(reader);
    return rc;
}

/* --- the table's side --- */

/* Counts a row of the table, in the line it belongs to. */
static struct group *count_row(struct reconcile *r, const struct k2_event *e,
                               const struct facts *f) {
    struct group *g = group_for(r, f->exchange, f->symbol, f->trade_date);
    account(&g->line.table, 1, f->sequence, f->sequence, k2_row_hash(e, r->interner));
    return g;
}

static void check_off(struct reconcile *r, const struct k2_event *e, const struct facts *f,
                      int64_t base) {
    struct group *g = count_row(r, e, f);
    struct slot *s = &r->slots[f->offset - base];
    r->read++;
    if (s->state != PRESENT) {
        g->line.extra++;
        remember_first(r, s->state == MATCHED ? "in the table twice" : "only in the table", f);
        return;
    }
    s->state = MATCHED;
    r->report->compared++;
    if (k2_h128_cmp(s->hash, k2_full_hash(e, r->interner)) != 0) {
        s->group->line.changed++;
        remember_first(r, "changed in the table", f);
    }
}

/* Reads table rows that fulfil `where`, each given to take with `base`. */
static K2_RC read_table(struct reconcile *r, const char *where,
                        void (*take)(struct reconcile *r, const struct k2_event *e,
                                     const struct facts *f, int64_t base),
                        int64_t base, struct k2_err *err) {
    struct query_rows *rows;
    K2_TRY(query_rows_open(r->engine, r->kind, NULL, where, r->interner, &rows, err));
    int rc;
    while ((rc = query_rows_next(rows, &r->rows, err)) == K2_OK && r->rows.n) {
        for (size_t i = 0; i < r->rows.n; i++) {
            struct k2_event e;
            memset(&e, 0, sizeof e);
            k2_columns_get(&r->rows, i, &e);
            struct facts f = facts_of(&e, r->interner);
            take(r, &e, &f, base);
        }
    }
    query_rows_close(rows);
    return rc;
}

static void count_missing(struct reconcile *r, const struct journal_span *span) {
    for (int64_t i = 0; i < span->to - span->from; i++) {
        const struct slot *s = &r->slots[i];
        if (s->state != PRESENT)
            continue;
        s->group->line.missing++;
        struct facts f = {.exchange = k2_sv_of(s->group->line.exchange),
                          .symbol = k2_sv_of(s->group->line.symbol),
                          .trade_date = s->group->line.trade_date,
                          .sequence = s->sequence,
                          .offset = span->from + i,
                          .partition =
                              journal_topic_at(r->journal, span->topic).first + span->partition};
        remember_first(r, "missing from the table", &f);
    }
}

/* SQL that holds for the table rows of a topic's partition in [from, to). Rows number partitions through all versions of
 * a topic. */
static void put_position(struct k2_buf *b, const struct reconcile *r, const char *exchange,
                         const struct journal_span *span) {
    k2_buf_printf(b,
                  "journal_id = %d AND exchange = '%s' AND journal_partition = %d AND "
                  "journal_offset >= %lld AND journal_offset < %lld",
                  journal_id(r->journal), exchange,
                  journal_topic_at(r->journal, span->topic).first + span->partition,
                  (long long)span->from, (long long)span->to);
}

static bool is_complete(const struct reconcile *r, const struct journal_span *span) {
    for (int64_t i = 0; i < span->to - span->from; i++) {
        if (r->slots[i].state == PRESENT)
            return false;
    }
    return true;
}

static K2_RC read_window(struct reconcile *r, const char *exchange, const struct journal_span *span,
                         const struct window *times, struct k2_err *err) {
    struct k2_buf where = {0};
    put_position(&where, r, exchange, span);
    if (r->timed)
        k2_buf_printf(&where,
                      " AND ingest_timestamp >= make_timestamptz(%lld) AND "
                      "ingest_timestamp <= make_timestamptz(%lld)",
                      (long long)times->first_us, (long long)times->last_us);
    int rc = read_table(r, k2_buf_cstr(&where), check_off, span->from, err);
    k2_buf_free(&where);
    return rc;
}

static K2_RC compare_window(struct reconcile *r, const char *exchange, struct journal_span span,
                            struct k2_err *err) {
    struct window times;
    memset(r->slots, 0, (size_t)(span.to - span.from) * sizeof *r->slots);
    k2_interner_reset(r->interner);
    K2_TRY(read_journal(r, span, &times, err));
    K2_TRY(read_window(r, exchange, &span, &times, err));
    r->doubtful |= !is_complete(r, &span);
    count_missing(r, &span);
    r->done += span.to - span.from;
    if (r->progress)
        r->progress(r->progress_ctx, r->done, r->all);
    return K2_OK;
}

/* What is accounted for, live or removed, so that the last pass finds the rest. */
static void cover(struct reconcile *r, const char *exchange, struct journal_span span) {
    k2_buf_str(&r->covered, r->covered.n ? " OR (" : "(");
    put_position(&r->covered, r, exchange, &span);
    k2_buf_byte(&r->covered, ')');
}

/* The rows with the partition's offsets, whatever their time and wherever they are. */
static K2_RC count_again(struct reconcile *r, const char *exchange, struct journal_span span,
                         struct k2_err *err) {
    struct k2_buf where = {0};
    int64_t rows = 0;
    put_position(&where, r, exchange, &span);
    int rc = query_rows_count(r->engine, r->kind, k2_buf_cstr(&where), &rows, err);
    k2_buf_free(&where);
    r->doubtful |= rows != r->read;
    return rc;
}

static K2_RC compare_partition(struct reconcile *r, const char *exchange, struct journal_span span,
                               struct k2_err *err) {
    r->read = 0;
    for (int64_t from = span.from; from < span.to; from += WINDOW) {
        int64_t to = span.to - from < WINDOW ? span.to : from + WINDOW;
        K2_TRY(compare_window(r, exchange,
                              (struct journal_span){span.topic, span.partition, from, to}, err));
    }
    return r->timed ? count_again(r, exchange, span, err) : K2_OK;
}

/* --- what retention removed: by digest --- */

static void take_past(struct reconcile *r, const struct k2_event *e, const struct facts *f,
                      int64_t base) {
    (void)base;
    struct group *g = count_row(r, e, f);
    account(&g->past_table, 1, f->sequence, f->sequence, k2_row_hash(e, r->interner));
}

/* The table's rows of a partition that no live segment holds any more. */
static K2_RC read_past(struct reconcile *r, const char *exchange, struct journal_span span,
                       struct k2_err *err) {
    struct k2_buf where = {0};
    put_position(&where, r, exchange, &span);
    k2_interner_reset(r->interner);
    int rc = read_table(r, k2_buf_cstr(&where), take_past, 0, err);
    k2_buf_free(&where);
    return rc;
}

static K2_RC add_digests(struct reconcile *r, struct k2_err *err) {
    for (int i = 0; i < journal_removed_count(r->journal); i++) {
        struct journal_segment_info s;
        K2_TRY(journal_removed(r->journal, i, &s, err));
        for (int d = 0; d < s.digest_count; d++) {
            const struct journal_digest *x = &s.digests[d];
            if (x->kind != r->kind->id)
                continue;
            struct group *g =
                group_for(r, k2_sv_of(x->exchange), k2_sv_of(x->symbol), x->trade_date);
            account(&g->past_journal, x->count, x->min_sequence, x->max_sequence, x->sum);
        }
    }
    return K2_OK;
}

static void compare_digest(struct reconcile *r, struct group *g) {
    const struct reconcile_side *j = &g->past_journal, *t = &g->past_table;
    if (j->rows)
        account(&g->line.journal, j->rows, j->min_sequence, j->max_sequence, j->checksum);
    g->line.by_digest += j->rows;
    if (j->rows == t->rows && k2_h128_cmp(j->checksum, t->checksum) == 0)
        return;
    struct facts f = {.exchange = k2_sv_of(g->line.exchange),
                      .symbol = k2_sv_of(g->line.symbol),
                      .trade_date = g->line.trade_date,
                      .sequence = j->min_sequence,
                      .offset = -1,
                      .partition = -1};
    if (t->rows < j->rows)
        g->line.missing += j->rows - t->rows;
    else if (t->rows > j->rows)
        g->line.extra += t->rows - j->rows;
    else
        g->line.changed++; /* at least one: a digest does not tell which */
    remember_first(r, "by the digest of a removed segment, differs in the table", &f);
}

/* Once per table, after all its rows were read. */
static K2_RC compare_digests(struct reconcile *r, struct k2_err *err) {
    K2_TRY(add_digests(r, err));
    for (struct group *g = r->groups; g; g = g->hh.next)
        if (g->key.kind == r->kind->id)
            compare_digest(r, g);
    return K2_OK;
}

/* --- topics and tables --- */

/* "market.ticks.binance-usdm" -> "BINANCE-USDM": exchange codes are upper case. */
static void exchange_of_topic(const struct k2_kind *kind, struct k2_sv topic, char out[64]) {
    size_t skip = strlen(kind->topic_prefix) + 1, i = 0;
    const char *p = topic.p + skip;
    for (; i < 63 && i < topic.n - skip; i++)
        out[i] = (char)(p[i] >= 'a' && p[i] <= 'z' ? p[i] - 'a' + 'A' : p[i]);
    out[i] = 0;
}

struct topic_ends {
    int64_t *starts, *ends;
};

static K2_RC compare_partition_to(struct reconcile *r, const char *exchange, int32_t topic,
                                  int32_t partition, int64_t start, int64_t to,
                                  struct k2_err *err) {
    if (to > 0)
        cover(r, exchange, (struct journal_span){topic, partition, 0, to});
    if (start > 0)
        K2_TRY(read_past(r, exchange, (struct journal_span){topic, partition, 0, start}, err));
    if (start < to)
        K2_TRY(compare_partition(r, exchange, (struct journal_span){topic, partition, start, to},
                                 err));
    return K2_OK;
}

static K2_RC compare_topic(struct reconcile *r, const struct journal_topic *t,
                           const struct lake_offsets *committed, struct k2_err *err) {
    char exchange[64];
    exchange_of_topic(r->kind, t->of, exchange);
    size_t size = (size_t)t->partitions * sizeof(int64_t);
    struct topic_ends e = {k2_alloc(size), k2_alloc(size)};
    int rc = journal_starts(r->journal, t->id, e.starts, err);
    if (rc == K2_OK)
        rc = journal_ends(r->journal, t->id, e.ends, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++) {
        int64_t to = lake_offsets_get(committed, t->name, p);
        if (to > e.ends[p])
            rc = k2_fail(err, K2_E_DATA,
                         "table %s covers %s partition %d to offset %lld, but the journal ends at "
                         "%lld: the journal lost records or is not the one the table was made from",
                         r->kind->table, t->name, p, (long long)to, (long long)e.ends[p]);
        else
            rc = compare_partition_to(r, exchange, t->id, p, e.starts[p], to, err);
    }
    free(e.starts);
    free(e.ends);
    return rc;
}

/* The vector that this journal's part of the table covers; empty when it is another journal's. */
static K2_RC table_offsets(struct reconcile *r, struct lake_offsets *out, struct k2_err *err) {
    struct lake_table *t;
    K2_TRY(lake_table_load(r->lake, k2_sv_of(r->kind->table), &t, err));
    lake_offsets_free(out);
    int rc = lake_table_offsets(t, out, err);
    lake_table_free(t);
    if (rc == K2_OK && out->journal_id != journal_id(r->journal))
        out->n = 0;
    return rc;
}

/* Whether a row came into the table by a commit made since the comparison began: neither covered by it
 * nor a difference. */
static bool is_newer(struct reconcile *r, const struct facts *f) {
    if (r->newest.journal_id == 0 && r->failed == K2_OK)
        r->failed = table_offsets(r, &r->newest, NULL);
    struct k2_buf name = {0};
    struct journal_topic t;
    int32_t p;
    k2_topic_name(r->kind, f->exchange, &name);
    int rc = journal_place(r->journal, k2_buf_view(&name), f->partition, &t, &p, NULL);
    k2_buf_free(&name);
    return rc == K2_OK && f->offset >= lake_offsets_get(&r->committed, t.name, p) &&
           f->offset < lake_offsets_get(&r->newest, t.name, p);
}

static void take_uncovered(struct reconcile *r, const struct k2_event *e, const struct facts *f,
                           int64_t base) {
    (void)base;
    if (f->journal != journal_id(r->journal)) {
        count_row(r, e, f);
        r->report->other_journal++;
    } else if (!is_newer(r, f)) {
        count_row(r, e, f)->line.extra++;
        remember_first(r, "only in the table", f);
    }
}

static K2_RC compare_uncovered(struct reconcile *r, struct k2_err *err) {
    struct k2_buf where = {0};
    if (r->covered.n)
        k2_buf_printf(&where, "NOT (%s)", k2_buf_cstr(&r->covered));
    k2_interner_reset(r->interner);
    int rc = read_table(r, where.n ? k2_buf_cstr(&where) : NULL, take_uncovered, 0, err);
    k2_buf_free(&where);
    K2_TRY(rc);
    return r->failed ? k2_fail(err, r->failed, "the offsets of table %s could not be read again",
                               r->kind->table)
                     : K2_OK;
}

static K2_RC compare_topics(struct reconcile *r, struct k2_err *err) {
    for (int32_t i = 0; i < journal_topic_count(r->journal); i++) {
        struct journal_topic t = journal_topic_at(r->journal, i);
        if (k2_kind_by_topic(k2_sv_of(t.name)) == r->kind)
            K2_TRY(compare_topic(r, &t, &r->committed, err));
    }
    K2_TRY(compare_uncovered(r, err));
    return compare_digests(r, err);
}

static K2_RC compare_table(struct reconcile *r, struct k2_err *err) {
    K2_TRY(table_offsets(r, &r->committed, err));
    r->decoder =
        k2_decoder_new(r->kind, r->interner, k2_registry_source(journal_registry(r->journal)));
    k2_columns_init(&r->rows, r->kind, ROWS);
    r->covered.n = 0;
    int rc = compare_topics(r, err);
    k2_columns_free(&r->rows);
    k2_decoder_free(r->decoder);
    lake_offsets_free(&r->committed);
    lake_offsets_free(&r->newest);
    return rc;
}

/* --- the report --- */

static int compare_lines(const void *pa, const void *pb) {
    const struct reconcile_line *a = pa, *b = pb;
    int c = strcmp(a->kind->table, b->kind->table);
    if (c == 0)
        c = strcmp(a->exchange, b->exchange);
    if (c == 0)
        c = strcmp(a->symbol, b->symbol);
    return c ? c : (a->trade_date > b->trade_date) - (a->trade_date < b->trade_date);
}

static void gather_lines(struct reconcile *r) {
    struct reconcile_report *out = r->report;
    out->lines = k2_alloc((HASH_COUNT(r->groups) + 1) * sizeof *out->lines);
    struct group *g = r->groups, *next;
    HASH_CLEAR(hh, r->groups);
    for (; g; g = next) {
        next = g->hh.next;
        out->lines[out->line_count++] = g->line;
        out->missing += g->line.missing;
        out->extra += g->line.extra;
        out->changed += g->line.changed;
        out->by_digest += g->line.by_digest;
        free(g);
    }
    qsort(out->lines, (size_t)out->line_count, sizeof *out->lines, compare_lines);
}

static K2_RC measure_lag(const char *data, struct reconcile_report *out, struct k2_err *err) {
    struct query_lag lag[K2_KIND_COUNT];
    int n = 0;
    K2_TRY(query_lag(data, lag, K2_KIND_COUNT, &n, err));
    for (int i = 0; i < n; i++)
        out->lag += lag[i].rows;
    return K2_OK;
}

static K2_RC compare_kinds(struct reconcile *r, struct k2_err *err) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        r->kind = k2_kind((enum k2_kind_id)i);
        K2_TRY_CTX(compare_table(r, err), err, "table %s", r->kind->table);
    }
    return K2_OK;
}

static void start_over(struct reconcile *r) {
    struct reconcile_report *out = r->report;
    const struct reconcile_report kept = {.journal_id = out->journal_id, .lag = out->lag};
    gather_lines(r);
    reconcile_free(out);
    *out = kept;
    r->last = NULL;
    r->done = 0;
    r->timed = false;
}

static K2_RC compare_all(struct reconcile *r, struct k2_err *err) {
    r->timed = true;
    K2_TRY(compare_kinds(r, err));
    if (!r->doubtful)
        return K2_OK;
    start_over(r);
    return compare_kinds(r, err);
}

int reconcile_run(const char *data, struct query_engine *q,
                  void (*progress)(void *ctx, int64_t done, int64_t all), void *progress_ctx,
                  struct reconcile_report *out, struct k2_err *err) {
    *out = (struct reconcile_report){0};
    struct reconcile r = {
        .engine = q, .report = out, .progress = progress, .progress_ctx = progress_ctx};
    K2_TRY(journal_open(data, JOURNAL_READ, NULL, &r.journal, err));
    out->journal_id = journal_id(r.journal);
    int rc = journal_pin(r.journal, &r.pin, err);
    if (rc == K2_OK)
        rc = lake_open(data, false, &r.lake, err);
    if (rc == K2_OK)
        rc = measure_lag(data, out, err);
    r.names = k2_interner_new();
    r.interner = k2_interner_new();
    r.slots = k2_alloc(WINDOW * sizeof *r.slots);
    if (rc == K2_OK)
        rc = compare_all(&r, err);
    gather_lines(&r);
    free(r.slots);
    k2_buf_free(&r.covered);
    k2_interner_free(r.names);
    k2_interner_free(r.interner);
    lake_close(r.lake);
    journal_unpin(r.pin);
    journal_close(r.journal);
    return rc;
}

void reconcile_free(struct reconcile_report *r) {
    for (int i = 0; i < r->line_count; i++) {
        free(r->lines[i].exchange);
        free(r->lines[i].symbol);
    }
    free(r->lines);
    *r = (struct reconcile_report){0};
}
