/* journal/execution_index.c - see execution_index.h.
 *
 * DESIGN. A hash table with two entries for each execution: one by its id, one
 * by its number. Keys are 128-bit hashes of the words; entries are never
 * removed.
 */
#include "journal/execution_index.h"

#include <stdlib.h>

struct entry {
    struct k2_h128 key; /* all zero: the slot is free */
    struct execution_known known;
};

struct day { /* of which segments were deleted */
    char exchange[32];
    int32_t date;
};

struct execution_index {
    struct journal *journal;
    struct seq_history archive;
    struct entry *slots; /* a power of two of them */
    size_t n, n_slots;
    struct k2_buf text;
    struct day *days;
    size_t day_count;
    bool unknown_days; /* something was deleted, and which days it was nobody says
                      */
};

/* --- keys --- */

static struct k2_h128 hash_of(const struct execution_index *x) {
    struct k2_h128 h = k2_hash128(x->text.p, x->text.n);
    h.lo |= h.lo == 0 && h.hi == 0;
    return h;
}

static void put_space(struct execution_index *x, char what, const struct k2_event *e,
                      const struct k2_interner *in) {
    x->text.n = 0;
    k2_buf_printf(&x->text, "%c%d/", what, (int)e->head.trade_date);
    k2_buf_sv(&x->text, k2_interned(in, e->head.exchange));
    k2_buf_byte(&x->text, 0);
    k2_buf_sv(&x->text, k2_interned(in, e->head.channel));
    k2_buf_byte(&x->text, 0);
}

static struct k2_h128 key_of_id(struct execution_index *x, const struct k2_event *e,
                                const struct k2_interner *in) {
    put_space(x, 'i', e, in);
    k2_buf_sv(&x->text, k2_interned(in, e->execution.execution_id));
    return hash_of(x);
}

static struct k2_h128 key_of_number(struct execution_index *x, const struct k2_event *e,
                                    const struct k2_interner *in) {
    put_space(x, 'n', e, in);
    k2_buf_printf(&x->text, "%lld/%d/%d", (long long)e->head.exchange_sequence_number,
                  (int)e->head.epoch, (int)e->head.part);
    return hash_of(x);
}

/* --- the table --- */

static bool is_free(const struct entry *e) {
    return e->key.lo == 0 && e->key.hi == 0;
}

/* The place of the key, or the free one where it belongs. */
static size_t place_of(const struct entry *slots, size_t n, struct k2_h128 key) {
    size_t at = (size_t)key.lo & (n - 1);
    while (!is_free(&slots[at]) && k2_h128_cmp(slots[at].key, key) != 0)
        at = (at + 1) & (n - 1);
    return at;
}

static void grow(struct execution_index *x) {
    size_t n = x->n_slots ? 2 * x->n_slots : 1024;
    struct entry *slots = k2_zalloc(n * sizeof *slots);
    for (size_t i = 0; i < x->n_slots; i++)
        if (!is_free(&x->slots[i]))
            slots[place_of(slots, n, x->slots[i].key)] = x->slots[i];
    free(x->slots);
    x->slots = slots;
    x->n_slots = n;
}

static void put(struct execution_index *x, struct k2_h128 key,
                const struct execution_known *known) {
    if (2 * (x->n + 1) > x->n_slots)
        grow(x);
    struct entry *e = &x->slots[place_of(x->slots, x->n_slots, key)];
    if (!is_free(e))
        return; /* the first one counts */
    *e = (struct entry){key, *known};
    x->n++;
}

static const struct entry *get(const struct execution_index *x, struct k2_h128 key) {
    if (x->n_slots == 0)
        return NULL;
    const struct entry *e = &x->slots[place_of(x->slots, x->n_slots, key)];
    return is_free(e) ? NULL : e;
}

void execution_index_add(struct execution_index *x, const struct k2_event *e,
                         const struct k2_interner *in, const struct execution_known *known) {
    put(x, key_of_id(x, e, in), known);
    put(x, key_of_number(x, e, in), known);
}

/* --- what was deleted --- */

static void note_day(struct execution_index *x, const struct journal_digest *d) {
    for (size_t i = 0; i < x->day_count; i++)
        if (x->days[i].date == d->trade_date && strcmp(x->days[i].exchange, d->exchange) == 0)
            return;
    x->days = k2_realloc(x->days, (x->day_count + 1) * sizeof *x->days);
    struct day *day = &x->days[x->day_count++];
    day->date = d->trade_date;
    memcpy(day->exchange, d->exchange, sizeof day->exchange);
}

static K2_RC note_removed(struct execution_index *x, struct k2_err *err) {
    for (int i = 0; i < journal_removed_count(x->journal); i++) {
        struct journal_segment_info s;
        K2_TRY(journal_removed(x->journal, i, &s, err));
        for (int k = 0; k < s.digest_count; k++)
            if (s.digests[k].kind == K2_KIND_EXECUTION)
                note_day(x, &s.digests[k]);
    }
    return K2_OK;
}

static bool may_be_deleted(const struct execution_index *x, struct k2_sv exchange, int32_t date) {
    for (size_t i = 0; i < x->day_count; i++)
        if (x->days[i].date == date && k2_sv_eq(exchange, k2_sv_of(x->days[i].exchange)))
            return true;
    return x->unknown_days;
}

/* --- reading the journal --- */

struct reading {
    struct execution_index *index;
    struct k2_interner *interner;
    struct k2_decoder *decoder;
};

static K2_RC read_batch(struct reading *r, const struct journal_batch *b, struct k2_err *err) {
    struct journal_record record;
    for (size_t cursor = 0; journal_batch_next(b, &cursor, &record);) {
        struct k2_event e;
        K2_TRY(k2_decode(r->decoder, record.value, &e, err));
        const struct execution_known known = {k2_payload_hash(&e, r->interner),
                                              {b->topic, b->partition, record.offset}};
        execution_index_add(r->index, &e, r->interner, &known);
    }
    k2_interner_reset(r->interner);
    return K2_OK;
}

static K2_RC read_spans(struct execution_index *x, const struct journal_span *spans, int n,
                        struct k2_err *err) {
    struct reading r = {.index = x, .interner = k2_interner_new()};
    r.decoder = k2_decoder_new(k2_kind(K2_KIND_EXECUTION), r.interner,
                               k2_registry_source(journal_registry(x->journal)));
    struct journal_reader *reader = NULL;
    struct journal_batch b;
    int rc = journal_read(x->journal, spans, n, &reader, err);
    while (rc == K2_OK && (rc = journal_next(reader, &b, err)) > 0)
        rc = read_batch(&r, &b, err);
    journal_reader_close(reader);
    k2_decoder_free(r.decoder);
    k2_interner_free(r.interner);
    return rc;
}

static K2_RC add_spans(struct execution_index *x, const struct journal_topic *t,
                       struct journal_span **spans, int *n, struct k2_err *err) {
    int64_t *starts = k2_alloc((size_t)t->partitions * sizeof *starts);
    int rc = journal_starts(x->journal, t->id, starts, err);
    *spans = k2_realloc(*spans, (size_t)(*n + t->partitions) * sizeof **spans);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++) {
        x->unknown_days |= starts[p] > 0 && x->day_count == 0;
        (*spans)[(*n)++] = (struct journal_span){t->id, p, starts[p], INT64_MAX};
    }
    free(starts);
    return rc;
}

static K2_RC read_all(struct execution_index *x, struct k2_err *err) {
    struct journal_span *spans = NULL;
    int n = 0, rc = K2_OK;
    for (int32_t i = 0; rc == K2_OK && i < journal_topic_count(x->journal); i++) {
        struct journal_topic t = journal_topic_at(x->journal, i);
        if (k2_kind_by_topic(k2_sv_of(t.name)) == k2_kind(K2_KIND_EXECUTION))
            rc = add_spans(x, &t, &spans, &n, err);
    }
    if (rc == K2_OK && n > 0)
        rc = read_spans(x, spans, n, err);
    free(spans);
    return rc;
}

/* --- the calls --- */

int execution_index_open(struct journal *j, struct seq_history archive,
                         struct execution_index **out, struct k2_err *err) {
    struct execution_index *x = k2_zalloc(sizeof *x);
    x->journal = j;
    x->archive = archive;
    int rc = note_removed(x, err);
    if (rc == K2_OK)
        rc = read_all(x, err);
    if (rc != K2_OK) {
        execution_index_close(x);
        return k2_err_context(err, rc, "reading the executions of the journal");
    }
    *out = x;
    return K2_OK;
}

void execution_index_close(struct execution_index *x) {
    if (!x)
        return;
    free(x->slots);
    free(x->days);
    k2_buf_free(&x->text);
    free(x);
}

struct wanted {
    int32_t epoch, part;
    struct execution_known known;
    bool found;
};

static void take(void *ctx, const struct seq_known *k) {
    struct wanted *w = ctx;
    if (k->epoch != w->epoch || k->part != w->part)
        return;
    w->known = (struct execution_known){k->payload, {-1, 0, 0}};
    w->found = true;
}

static K2_RC ask_archive(struct execution_index *x, const struct k2_event *e,
                         const struct k2_interner *in, struct wanted *w, struct k2_err *err) {
    const struct k2_head *h = &e->head;
    struct k2_sv exchange = k2_interned(in, h->exchange);
    if (!x->archive.load || !may_be_deleted(x, exchange, h->trade_date))
        return K2_OK;
    K2_TRY(x->archive.load(x->archive.ctx, exchange, h->trade_date, k2_interned(in, h->channel),
                           K2_KIND_EXECUTION, h->exchange_sequence_number,
                           h->exchange_sequence_number, take, w, err));
    if (w->found)
        execution_index_add(x, e, in, &w->known);
    return K2_OK;
}

int execution_index_find(struct execution_index *x, const struct k2_event *e,
                         const struct k2_interner *in, struct execution_known *out, bool *found,
                         struct k2_err *err) {
    const struct entry *known = get(x, key_of_id(x, e, in));
    if (!known)
        known = get(x, key_of_number(x, e, in));
    struct wanted w = {.epoch = e->head.epoch, .part = e->head.part};
    if (known)
        w = (struct wanted){.known = known->known, .found = true};
    else
        K2_TRY(ask_archive(x, e, in, &w, err));
    *found = w.found;
    *out = w.known;
    return K2_OK;
}
