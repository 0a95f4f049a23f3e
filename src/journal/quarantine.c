/* journal/quarantine.c - see quarantine.h.
 *
 * Identity of a quarantined record: exchange, session date, source, position in it, fingerprint of its
 * bytes; where it has none, of the name of the record that it speaks of (RETRIED). What is there already is learned from the topic on the first refusal: a refusal is rare, and
 * most runs never pay for it.
 */
#include "journal/quarantine.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"

#include <stdlib.h>

struct quarantine {
    struct journal *journal;
    struct seq_history archive;
    struct k2_interner *interner; /* of one record at a time */
    struct k2_hset {
        struct k2_h128 *slots; /* open addressing; all-zero = free */
        size_t used, size;     /* size is a power of two */
    } known, asked,
        archived; /* in the topic; channels that the table was asked for; what it has of them */
    bool loaded;
    struct k2_buf counted_as; /* exchange and reason that `counted` is for, NUL after each */
    struct k2_series *counted;
};

/* --- the set of identities --- */

static bool is_free(struct k2_h128 h) {
    return h.lo == 0 && h.hi == 0;
}

static size_t slot_of(const struct k2_hset *s, struct k2_h128 h) {
    size_t i = h.lo & (s->size - 1);
    while (!is_free(s->slots[i]) && k2_h128_cmp(s->slots[i], h) != 0)
        i = (i + 1) & (s->size - 1);
    return i;
}

static void grow(struct k2_hset *s) {
    struct k2_hset bigger = {.size = s->size ? 2 * s->size : 1024};
    bigger.slots = k2_zalloc(bigger.size * sizeof *bigger.slots);
    for (size_t i = 0; i < s->size; i++)
        if (!is_free(s->slots[i]))
            bigger.slots[slot_of(&bigger, s->slots[i])] = s->slots[i];
    bigger.used = s->used;
    free(s->slots);
    *s = bigger;
}

/* False if it was there. */
static bool insert(struct k2_hset *s, struct k2_h128 h) {
    if (2 * s->used >= s->size)
        grow(s);
    size_t i = slot_of(s, h);
    if (!is_free(s->slots[i]))
        return false;
    s->slots[i] = h;
    s->used++;
    return true;
}

static bool has(const struct k2_hset *s, struct k2_h128 h) {
    return s->size > 0 && !is_free(s->slots[slot_of(s, h)]);
}

/* --- what is there already --- */

static struct k2_h128 identity_of(const struct k2_event *e, const struct k2_interner *in) {
    struct k2_buf id = {0};
    k2_message_id(e, in, &id);
    struct k2_h128 h = k2_hash128(id.p, id.n);
    k2_buf_free(&id);
    return h;
}

static K2_RC load_records(struct quarantine *q, struct journal_reader *r, struct k2_decoder *d,
                          struct k2_err *err) {
    struct journal_batch b;
    int got;
    while ((got = journal_next(r, &b, err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct k2_event e;
            K2_TRY(k2_decode(d, record.value, &e, err));
            insert(&q->known, identity_of(&e, q->interner));
            k2_interner_reset(q->interner);
        }
    }
    return got;
}

static K2_RC load_topic(struct quarantine *q, const struct journal_topic *t, struct k2_err *err) {
    int64_t *starts = k2_alloc((size_t)t->partitions * sizeof *starts);
    struct journal_span *spans = k2_alloc((size_t)t->partitions * sizeof *spans);
    int rc = journal_starts(q->journal, t->id, starts, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++)
        spans[p] = (struct journal_span){t->id, p, starts[p], INT64_MAX};
    struct journal_reader *r = NULL;
    if (rc == K2_OK)
        rc = journal_read(q->journal, spans, t->partitions, &r, err);
    if (rc == K2_OK) {
        struct k2_decoder *d = k2_decoder_new(k2_kind(K2_KIND_QUARANTINE), q->interner,
                                              k2_registry_source(journal_registry(q->journal)));
        rc = load_records(q, r, d, err);
        k2_decoder_free(d);
    }
    journal_reader_close(r);
    free(starts);
    free(spans);
    return rc;
}

static K2_RC load(struct quarantine *q, struct k2_err *err) {
    if (q->loaded)
        return K2_OK;
    q->loaded = true;
    for (int32_t i = 0; i < journal_topic_count(q->journal); i++) {
        struct journal_topic t = journal_topic_at(q->journal, i);
        if (k2_kind_by_topic(k2_sv_of(t.name)) == k2_kind(K2_KIND_QUARANTINE))
            K2_TRY(load_topic(q, &t, err));
    }
    return K2_OK;
}

/* --- adding --- */

/* Text columns hold UTF-8 only; a path or a symbol may be anything, and its bytes are in `raw` too. */
static uint32_t intern_text(struct k2_interner *in, struct k2_sv s) {
    struct k2_json *clean = k2_json_string(s);
    (void)k2_json_as_string(clean, &s);
    uint32_t id = k2_intern(in, s);
    k2_json_free(clean);
    return id;
}

static uint32_t optional(struct k2_interner *in, struct k2_sv s) {
    return s.n ? intern_text(in, s) : 0;
}

static int64_t flags_of(const struct quarantine_record *r) {
    int64_t flags = (r->shared ? K2_FLAG_SHARED : 0) | (r->spans ? K2_FLAG_SPAN : 0);
    return flags ? flags : K2_NULL_LONG;
}

static int32_t fingerprint(const struct quarantine_record *r) {
    struct k2_sv of = r->raw.n > 0 ? r->raw : r->conflicts_with;
    return (int32_t)(k2_hash64(of.p, of.n) & INT32_MAX);
}

static struct k2_event event_of(struct k2_interner *in, const struct quarantine_record *r,
                                int64_t now_ns) {
    struct k2_event e = {.kind = K2_KIND_QUARANTINE};
    e.quarantine = (struct k2_quarantine){
        .exchange = k2_intern(in, r->exchange.n ? r->exchange : K2_SV("UNKNOWN")),
        .symbol = optional(in, r->symbol),
        .trade_date = r->trade_date == INT32_MIN ? 0 : r->trade_date,
        .exchange_timestamp_ns = now_ns,
        .exchange_sequence_number = r->position,
        .channel = intern_text(in, r->source),
        .part = fingerprint(r),
        .event_kind = optional(in, r->kind),
        .reason = k2_intern(in, r->reason),
        .detail = intern_text(in, r->detail),
        .conflicts_with = optional(in, r->conflicts_with),
        .raw = k2_intern(in, r->raw),
        .raw_offset = r->offset,
        .event_channel = optional(in, r->channel),
        .event_sequence = r->channel.n ? r->sequence : K2_NULL_LONG,
        .event_epoch = r->channel.n ? r->epoch : K2_NULL_LONG,
        .event_flags = r->channel.n ? flags_of(r) : K2_NULL_LONG,
    };
    return e;
}

static K2_RC append(struct quarantine *q, const struct k2_event *e, struct k2_err *err) {
    struct k2_sv exchange = k2_interned(q->interner, e->quarantine.exchange);
    struct k2_buf name = {0}, key = {0};
    k2_topic_name(k2_kind(K2_KIND_QUARANTINE), exchange, &name);
    struct journal_topic t;
    uint32_t schema = 0;
    int rc = journal_topic_newest(q->journal, k2_buf_view(&name), true, &t, err);
    if (rc == K2_OK) {
        k2_buf_str(&name, "-value");
        rc = k2_registry_register(journal_registry(q->journal), k2_buf_view(&name),
                                  k2_sv_of(k2_kind(K2_KIND_QUARANTINE)->avro_schema), &schema, err);
    }
    if (rc == K2_OK) {
        k2_event_key(e, q->interner, &key);
        struct k2_buf *out = journal_record_begin(
            q->journal, t.id, journal_partition(&t, k2_buf_view(&key)), k2_buf_view(&key));
        rc = k2_avro_encode(e, q->interner, schema, out, err);
        if (rc == K2_OK)
            journal_record_end(q->journal, e->quarantine.exchange_timestamp_ns);
        else
            journal_record_abort(q->journal);
    }
    k2_buf_free(&name);
    k2_buf_free(&key);
    return rc;
}

/* The series is kept: a bad source is refused record by record, with one reason. */
static void count(struct quarantine *q, const struct k2_quarantine *r) {
    struct k2_buf name = {0};
    k2_buf_sv(&name, k2_interned(q->interner, r->exchange));
    k2_buf_byte(&name, 0);
    size_t reason = name.n;
    k2_buf_sv(&name, k2_interned(q->interner, r->reason));
    k2_buf_byte(&name, 0);
    if (!q->counted || !k2_sv_eq(k2_buf_view(&name), k2_buf_view(&q->counted_as))) {
        q->counted_as.n = 0;
        k2_buf_sv(&q->counted_as, k2_buf_view(&name));
        q->counted = k2_metric(K2_METRIC_quarantine_records, (const char *)name.p,
                               (const char *)name.p + reason, NULL);
    }
    k2_metric_add(q->counted, 1);
    k2_buf_free(&name);
}

/* --- what is in the table, from before --- */

struct archived { /* of one exchange, session date and channel */
    struct quarantine *q;
    struct k2_h128 channel;
};

static struct k2_h128 place_of(struct k2_h128 channel, int64_t sequence, int32_t part) {
    struct {
        struct k2_h128 channel;
        int64_t sequence, part;
    } place = {channel, sequence, part};
    return k2_hash128(&place, sizeof place);
}

static void take_archived(void *ctx, const struct seq_known *known) {
    const struct archived *a = ctx;
    insert(&a->q->archived, place_of(a->channel, known->sequence, known->part));
}

static struct k2_h128 channel_of(struct quarantine *q, const struct k2_quarantine *r) {
    struct k2_buf name = {0};
    k2_buf_sv(&name, k2_interned(q->interner, r->exchange));
    k2_buf_printf(&name, "/%d/", r->trade_date);
    k2_buf_sv(&name, k2_interned(q->interner, r->channel));
    struct k2_h128 h = k2_hash128(name.p, name.n);
    k2_buf_free(&name);
    return h;
}

/* Whether a record that the topic does not hold is in the table. The table is asked once for each channel, for all of
 * it: refusals come in thousands, and a question takes milliseconds. */
static K2_RC is_archived(struct quarantine *q, const struct k2_event *e, bool *yes,
                         struct k2_err *err) {
    const struct k2_quarantine *r = &e->quarantine;
    struct archived a = {q, channel_of(q, r)};
    if (q->archive.load && insert(&q->asked, a.channel))
        K2_TRY(q->archive.load(q->archive.ctx, k2_interned(q->interner, r->exchange), r->trade_date,
                               k2_interned(q->interner, r->channel), K2_KIND_QUARANTINE, INT64_MIN,
                               INT64_MAX, take_archived, &a, err));
    *yes = has(&q->archived, place_of(a.channel, r->exchange_sequence_number, r->part));
    return K2_OK;
}

int quarantine_add(struct quarantine *q, const struct quarantine_record *r, int64_t now_ns,
                   bool *stored, struct k2_err *err) {
    K2_TRY_CTX(load(q, err), err, "reading the quarantine topics");
    struct k2_event e = event_of(q->interner, r, now_ns);
    bool archived = false;
    *stored = insert(&q->known, identity_of(&e, q->interner));
    int rc = *stored ? is_archived(q, &e, &archived, err) : K2_OK;
    *stored &= !archived;
    if (rc == K2_OK && *stored)
        rc = append(q, &e, err);
    if (rc == K2_OK && *stored)
        count(q, &e.quarantine);
    k2_interner_reset(q->interner);
    return rc;
}

struct quarantine *quarantine_new(struct journal *j, struct seq_history archive) {
    struct quarantine *q = k2_zalloc(sizeof *q);
    q->journal = j;
    q->archive = archive;
    q->interner = k2_interner_new();
    return q;
}

void quarantine_free(struct quarantine *q) {
    if (!q)
        return;
    k2_interner_free(q->interner);
    k2_buf_free(&q->counted_as);
    free(q->known.slots);
    free(q->asked.slots);
    free(q->archived.slots);
    free(q);
}
