/* lake/sort_merge.c - rows of several sorted sources in one order.
 *
 * DESIGN. A heap of the sources by the key of their next row. From the first one rows are copied as long as
 * they are not behind the next row of any other, column by column: files that follow each other in time, as
 * a commit each minute leaves them, are copied by the batch. A source that was not asked yet stands in the
 * heap with the time below which it has nothing; it is asked when it comes first. So no more of them hold
 * rows at a time than overlap.
 */
#include "lake/replace.h"

#include "lake/sort.h"

#include <stdlib.h>

enum { BATCH = 2048 };

struct key {
    int64_t time, sequence;
    uint32_t symbol, channel;
    int32_t epoch, part;
};

struct run {
    const struct lake_merge_source *source;
    int index; /* of the source: equal keys come in this order */
    struct k2_columns rows;
    size_t at;
    bool asked;            /* else only head.time is known, and it is a lower bound */
    struct key head, last; /* of the row at `at`, of the last row of the batch */
};

struct lake_merge {
    const struct k2_kind *kind;
    struct k2_interner *in;
    struct run *runs;
    struct run **heap; /* those with rows left; heap[0] is next */
    int run_count, n;
    int time, sequence, symbol, channel, epoch, part; /* columns */
};

/* --- keys --- */

static struct key key_at(const struct lake_merge *m, const struct k2_columns *c, size_t row) {
    return (struct key){
        ((const int64_t *)c->col[m->time])[row],    ((const int64_t *)c->col[m->sequence])[row],
        ((const uint32_t *)c->col[m->symbol])[row], ((const uint32_t *)c->col[m->channel])[row],
        ((const int32_t *)c->col[m->epoch])[row],   ((const int32_t *)c->col[m->part])[row]};
}

static int compare_text(const struct lake_merge *m, uint32_t a, uint32_t b) {
    return a == b ? 0 : k2_sv_cmp(k2_interned(m->in, a), k2_interned(m->in, b));
}

static int compare(const struct lake_merge *m, const struct key *a, const struct key *b) {
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    int c = compare_text(m, a->symbol, b->symbol);
    if (c == 0)
        c = compare_text(m, a->channel, b->channel);
    if (c == 0)
        c = (a->epoch > b->epoch) - (a->epoch < b->epoch);
    return c ? c : (a->part > b->part) - (a->part < b->part);
}

/* Whether a row of run a comes before the next one of run b. One that was not asked comes before all rows
 * of its time: any of them may be its own. */
static bool is_row_before(const struct lake_merge *m, const struct run *a, const struct key *row,
                          const struct run *b) {
    if (!a->asked || !b->asked) {
        if (row->time != b->head.time)
            return row->time < b->head.time;
        return a->asked == b->asked ? a->index < b->index : !a->asked;
    }
    int c = compare(m, row, &b->head);
    return c ? c < 0 : a->index < b->index;
}

static bool is_before(const struct lake_merge *m, const struct run *a, const struct run *b) {
    return is_row_before(m, a, &a->head, b);
}

/* --- the heap --- */

static void sift_down(struct lake_merge *m, int i) {
    struct run *moved = m->heap[i];
    for (;;) {
        int child = 2 * i + 1;
        if (child >= m->n)
            break;
        if (child + 1 < m->n && is_before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!is_before(m, m->heap[child], moved))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = moved;
}

static void make_heap(struct lake_merge *m) {
    for (int i = m->n / 2; i-- > 0;)
        sift_down(m, i);
}

/* The run that comes after heap[0]; NULL if there is none. */
static const struct run *second(const struct lake_merge *m) {
    if (m->n < 2)
        return NULL;
    return m->n > 2 && is_before(m, m->heap[2], m->heap[1]) ? m->heap[2] : m->heap[1];
}

/* --- a source's rows --- */

static K2_RC check_order(const struct lake_merge *m, struct run *r, struct k2_err *err) {
    struct key before = r->last;
    for (size_t i = 0; i < r->rows.n; i++) {
        struct key k = key_at(m, &r->rows, i);
        bool first = i == 0 && !r->asked;
        if (first ? k.time < r->source->least_us : compare(m, &before, &k) > 0)
            return k2_fail(err, K2_E_DATA, "the rows of %s are not in the order that it says",
                           r->source->name);
        before = k;
    }
    r->last = before;
    return K2_OK;
}

/* Asks the first run for rows; it leaves the heap at its end. */
static K2_RC refill(struct lake_merge *m, struct k2_err *err) {
    struct run *r = m->heap[0];
    if (!r->rows.kind)
        k2_columns_init(&r->rows, m->kind, BATCH);
    K2_TRY(r->source->next(r->source->ctx, &r->rows, err));
    K2_TRY(check_order(m, r, err));
    r->at = 0;
    r->asked = true;
    if (r->rows.n > 0) {
        r->head = key_at(m, &r->rows, 0);
    } else {
        k2_columns_free(&r->rows);
        m->heap[0] = m->heap[--m->n];
    }
    if (m->n > 0)
        sift_down(m, 0);
    return K2_OK;
}

/* How many rows of the first run come before every other run's; the first one does. */
static size_t count_next(const struct lake_merge *m, size_t most) {
    const struct run *r = m->heap[0], *other = second(m);
    size_t left = r->rows.n - r->at, n = 1;
    most = left < most ? left : most;
    if (!other)
        return most;
    for (; n < most; n++) {
        struct key next = key_at(m, &r->rows, r->at + n);
        if (!is_row_before(m, r, &next, other))
            break;
    }
    return n;
}

static void copy_rows(const struct lake_merge *m, const struct run *r, size_t n,
                      struct k2_columns *out) {
    for (int i = 0; i < m->kind->field_count; i++) {
        size_t size = k2_type_size(m->kind->fields[i].type);
        memcpy((uint8_t *)out->col[i] + out->n * size,
               (const uint8_t *)r->rows.col[i] + r->at * size, n * size);
    }
    out->n += n;
}

/* --- merging --- */

K2_RC lake_merge_next(struct lake_merge *m, struct k2_columns *out, struct k2_err *err) {
    out->n = 0;
    while (out->n < out->cap && m->n > 0) {
        struct run *r = m->heap[0];
        if (!r->asked || r->at == r->rows.n) {
            K2_TRY(refill(m, err));
            continue;
        }
        size_t n = count_next(m, out->cap - out->n);
        copy_rows(m, r, n, out);
        r->at += n;
        if (r->at < r->rows.n) {
            r->head = key_at(m, &r->rows, r->at);
            sift_down(m, 0);
        }
    }
    return K2_OK;
}

static void move_ids(const struct lake_merge *m, uint32_t *ids, size_t n, struct k2_interner *to) {
    for (size_t i = 0; i < n; i++)
        if (ids[i])
            ids[i] = k2_intern(to, k2_interned(m->in, ids[i]));
}

static void move_run(const struct lake_merge *m, struct run *r, struct k2_interner *to) {
    for (int i = 0; i < m->kind->field_count; i++)
        if (k2_type_is_interned(m->kind->fields[i].type))
            move_ids(m, (uint32_t *)r->rows.col[i] + r->at, r->rows.n - r->at, to);
    move_ids(m, &r->last.symbol, 1, to);
    move_ids(m, &r->last.channel, 1, to);
    move_ids(m, &r->head.symbol, 1, to);
    move_ids(m, &r->head.channel, 1, to);
}

void lake_merge_move(struct lake_merge *m, struct k2_interner *to) {
    for (int i = 0; i < m->run_count; i++)
        if (m->runs[i].rows.kind)
            move_run(m, &m->runs[i], to);
    m->in = to;
}

static int column(const struct k2_kind *kind, const char *name) {
    int i = k2_field_by_name(kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return i;
}

struct lake_merge *lake_merge_new(const struct k2_kind *kind,
                                  const struct lake_merge_source *sources, int n,
                                  struct k2_interner *in) {
    struct lake_merge *m = k2_zalloc(sizeof *m);
    *m = (struct lake_merge){.kind = kind,
                             .in = in,
                             .run_count = n,
                             .n = n,
                             .time = column(kind, "exchange_timestamp"),
                             .sequence = column(kind, "exchange_sequence_number"),
                             .symbol = column(kind, "symbol"),
                             .channel = column(kind, "channel"),
                             .epoch = column(kind, "epoch"),
                             .part = column(kind, "part")};
    m->runs = k2_zalloc(((size_t)n + 1) * sizeof *m->runs);
    m->heap = k2_zalloc(((size_t)n + 1) * sizeof(struct run *));
    for (int i = 0; i < n; i++) {
        m->runs[i] =
            (struct run){.source = &sources[i], .index = i, .head = {.time = sources[i].least_us}};
        m->heap[i] = &m->runs[i];
    }
    make_heap(m);
    return m;
}

void lake_merge_free(struct lake_merge *m) {
    if (!m)
        return;
    for (int i = 0; i < m->run_count; i++)
        k2_columns_free(&m->runs[i].rows);
    free(m->runs);
    free((void *)m->heap);
    free(m);
}
