/* journal/copy.c - see copy.h. */
#include "journal/journal.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    MOST_PENDING = 4 << 20, /* bytes of one commit */
    MOST_STRINGS = 1 << 20, /* bytes of strings before they are forgotten */
    SCHEMAS = 256           /* of one topic */
};

/* The records of one partition, one after the other. */
struct tape {
    struct journal_reader *reader; /* NULL: there are none */
    struct journal_batch batch;
    size_t cursor;
    struct journal_record record;
};

struct copy {
    struct journal *from, *to;
    struct journal_topic source, target;
    struct k2_interner *interner;
    struct k2_decoder *decoder; /* NULL: the topic holds no events */
    struct {
        uint32_t from, to;
    } schemas[SCHEMAS];
    int schema_count;
    void (*progress)(void *ctx, int64_t records);
    void *ctx;
    struct journal_copied *out;
};

/* --- tapes --- */

/* bounds: [start, end) of the partition. */
static K2_RC open_tape(struct journal *j, const struct journal_topic *t, int32_t partition,
                       const int64_t bounds[2], struct tape *tape, struct k2_err *err) {
    struct journal_span span = {t->id, partition, bounds[0], bounds[1]};
    *tape = (struct tape){.reader = NULL};
    return bounds[0] < bounds[1] ? journal_read(j, &span, 1, &tape->reader, err) : K2_OK;
}

/* 1 = tape->record, valid until the next call; 0 = the end. */
static int wind(struct tape *tape, struct k2_err *err) {
    while (tape->reader) {
        if (tape->batch.count > 0 && journal_batch_next(&tape->batch, &tape->cursor, &tape->record))
            return 1;
        int got = journal_next(tape->reader, &tape->batch, err);
        if (got <= 0)
            return got;
        tape->cursor = 0;
    }
    return 0;
}

static K2_RC bounds_of(struct journal *j, const struct journal_topic *t, int32_t partition,
                       int64_t bounds[2], struct k2_err *err) {
    int64_t *all = k2_zalloc((size_t)t->partitions * sizeof *all);
    int rc = journal_starts(j, t->id, all, err);
    bounds[0] = all[partition];
    if (rc == K2_OK)
        rc = journal_ends(j, t->id, all, err);
    bounds[1] = all[partition];
    free(all);
    return rc;
}

/* --- schemas --- */

static K2_RC register_again(struct copy *c, uint32_t id, uint32_t *out, struct k2_err *err) {
    struct k2_sv schema;
    struct k2_buf subject = {0};
    K2_TRY(k2_registry_schema(journal_registry(c->from), id, &schema, err));
    k2_buf_printf(&subject, "%.*s-value", K2_SV_ARG(c->source.of));
    int rc = k2_registry_register(journal_registry(c->to), k2_buf_view(&subject), schema, out, err);
    k2_buf_free(&subject);
    return k2_err_context(err, rc, "schema %u of topic %s", id, c->source.name);
}

/* The id in the other journal of a schema of this one. */
static K2_RC map_schema(struct copy *c, uint32_t id, uint32_t *out, struct k2_err *err) {
    for (int i = 0; i < c->schema_count; i++)
        if (c->schemas[i].from == id) {
            *out = c->schemas[i].to;
            return K2_OK;
        }
    if (c->schema_count == SCHEMAS)
        return k2_fail(err, K2_E_UNSUPPORTED, "topic %s has records of more than %d schemas",
                       c->source.name, SCHEMAS);
    K2_TRY(register_again(c, id, out, err));
    c->schemas[c->schema_count].from = id;
    c->schemas[c->schema_count++].to = *out;
    return K2_OK;
}

/* The value as the other journal has it, in two parts: the head with its schema id, and the rest. */
struct mapped {
    struct k2_sv head, rest;
    uint8_t bytes[K2_WIRE_HEADER];
};

static K2_RC map_value(struct copy *c, const struct journal_record *r, struct mapped *m,
                       struct k2_err *err) {
    uint32_t id;
    K2_TRY_CTX(k2_wire_schema_id(r->value, &id, err), err, "topic %s offset %" PRId64,
               c->source.name, r->offset);
    K2_TRY(map_schema(c, id, &id, err));
    struct k2_buf head = {0};
    k2_wire_put_header(&head, id);
    memcpy(m->bytes, head.p, K2_WIRE_HEADER);
    k2_buf_free(&head);
    m->head = (struct k2_sv){(const char *)m->bytes, K2_WIRE_HEADER};
    m->rest = (struct k2_sv){r->value.p + K2_WIRE_HEADER, r->value.n - K2_WIRE_HEADER};
    return K2_OK;
}

/* --- what is there already --- */

/* 1 = equal, 0 = not, negative = error. */
static int is_equal(struct copy *c, const struct journal_record *ours,
                    const struct journal_record *theirs, struct k2_err *err) {
    struct mapped m;
    K2_TRY(map_value(c, ours, &m, err));
    const char *p = theirs->value.p;
    if (theirs->value.n != m.head.n + m.rest.n || !k2_sv_eq(ours->key, theirs->key))
        return 0;
    return memcmp(p, m.head.p, m.head.n) == 0 && memcmp(p + m.head.n, m.rest.p, m.rest.n) == 0;
}

static K2_RC differs(const struct copy *c, int32_t partition, int64_t there, int64_t here,
                     struct k2_err *err) {
    return k2_fail(err, K2_E_DATA,
                   "topic %s partition %" PRId32 ": offset %" PRId64 " there is not offset %" PRId64
                   " here; something else writes to the topic there, so it cannot be a copy",
                   c->source.name, partition, there, here);
}

/* What retention took here may be there still: goes to the record there that equals our first one. 1 = found. */
static int skip_removed(struct copy *c, struct tape *ours, struct tape *theirs,
                        struct k2_err *err) {
    int got, equal = 0;
    while ((got = wind(theirs, err)) > 0 &&
           (equal = is_equal(c, &ours->record, &theirs->record, err)) == 0)
        c->out->removed++;
    return got < 0 ? got : equal;
}

/* ours->record is the first one here, theirs->record the one there that equals it: goes on to the end of theirs, and to
 * the first of ours that is not there. *more: there is one. */
static K2_RC compare(struct copy *c, int32_t partition, struct tape *ours, struct tape *theirs,
                     bool *more, struct k2_err *err) {
    for (;;) {
        int here = wind(ours, err), there = here < 0 ? here : wind(theirs, err);
        c->out->equal++;
        if (here < 0 || there < 0)
            return here < 0 ? here : there;
        *more = here > 0;
        if (there == 0)
            return K2_OK;
        int equal = here ? is_equal(c, &ours->record, &theirs->record, err) : 0;
        if (equal < 0)
            return equal;
        if (!equal)
            return differs(c, partition, theirs->record.offset,
                           here ? ours->record.offset : ours->record.offset + 1, err);
    }
}

/* Leaves ours at the first record that the other journal lacks. */
static K2_RC find_place(struct copy *c, int32_t partition, bool whole, struct tape *ours,
                        struct tape *theirs, bool *more, struct k2_err *err) {
    int here = wind(ours, err);
    *more = here > 0;
    if (here <= 0 || !theirs->reader)
        return here < 0 ? here : K2_OK;
    int found = skip_removed(c, ours, theirs, err);
    if (found < 0)
        return found;
    if (found == 0 || (whole && c->out->removed > 0))
        return k2_fail(err, K2_E_DATA,
                       "topic %s partition %" PRId32 ": the first record here (offset %" PRId64
                       ") is not where it should be there: records between are gone, or something "
                       "else writes to the topic there",
                       c->source.name, partition, ours->record.offset);
    return compare(c, partition, ours, theirs, more, err);
}

/* --- appending --- */

static K2_RC event_time(struct copy *c, const struct tape *ours, int64_t *ns, struct k2_err *err) {
    struct k2_event e;
    *ns = ours->batch.append_ns;
    if (!c->decoder)
        return K2_OK;
    K2_TRY(k2_decode(c->decoder, ours->record.value, &e, err));
    if (e.kind != K2_KIND_QUARANTINE)
        *ns = e.trade.exchange_timestamp_ns;
    if (k2_interner_used(c->interner) > MOST_STRINGS)
        k2_interner_reset(c->interner);
    return K2_OK;
}

static K2_RC append(struct copy *c, int32_t partition, const struct tape *ours,
                    struct k2_err *err) {
    struct mapped m;
    int64_t ns;
    K2_TRY(map_value(c, &ours->record, &m, err));
    K2_TRY(event_time(c, ours, &ns, err));
    struct k2_buf *out = journal_record_begin(c->to, c->target.id, partition, ours->record.key);
    k2_buf_sv(out, m.head);
    k2_buf_sv(out, m.rest);
    journal_record_end(c->to, ns);
    return journal_pending_bytes(c->to) < MOST_PENDING ? K2_OK : journal_commit(c->to, err);
}

static K2_RC append_rest(struct copy *c, int32_t partition, struct tape *ours, struct k2_err *err) {
    for (int got = 1; got; c->out->copied++) {
        K2_TRY(append(c, partition, ours, err));
        got = wind(ours, err);
        if (got < 0)
            return got;
        if (c->progress)
            c->progress(c->ctx, c->out->equal + c->out->copied);
    }
    return K2_OK;
}

/* --- a topic --- */

bool journal_copy_makes_sense(struct k2_sv topic) {
    return !k2_sv_starts(topic, K2_SV("k2.")) && !k2_sv_starts(topic, K2_SV("market.derived."));
}

static K2_RC run_partition(struct copy *c, int32_t partition, struct tape *ours,
                           struct tape *theirs, struct k2_err *err) {
    int64_t here[2], there[2];
    bool more = false;
    K2_TRY(bounds_of(c->from, &c->source, partition, here, err));
    K2_TRY(bounds_of(c->to, &c->target, partition, there, err));
    K2_TRY(open_tape(c->from, &c->source, partition, here, ours, err));
    K2_TRY(open_tape(c->to, &c->target, partition, there, theirs, err));
    K2_TRY(find_place(c, partition, here[0] == 0, ours, theirs, &more, err));
    return more ? append_rest(c, partition, ours, err) : K2_OK;
}

static K2_RC copy_partition(struct copy *c, int32_t partition, struct k2_err *err) {
    struct tape ours = {.reader = NULL}, theirs = {.reader = NULL};
    int64_t removed = c->out->removed;
    c->out->removed = 0;
    int rc = run_partition(c, partition, &ours, &theirs, err);
    c->out->removed += removed;
    journal_reader_close(ours.reader);
    journal_reader_close(theirs.reader);
    return rc;
}

static K2_RC open_topics(struct copy *c, struct k2_sv name, struct k2_err *err) {
    K2_TRY(journal_topic(c->from, name, false, &c->source, err));
    c->out->partitions = c->source.partitions;
    K2_TRY(journal_topic(c->to, name, true, &c->target, err));
    if (c->target.partitions == c->source.partitions)
        return K2_OK;
    return k2_fail(err, K2_E_DATA,
                   "topic %s has %" PRId32 " partitions here and %" PRId32
                   " there: its records would change their places",
                   c->source.name, c->source.partitions, c->target.partitions);
}

static K2_RC copy_topic(struct copy *c, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(c->source.name));
    if (kind)
        c->decoder =
            k2_decoder_new(kind, c->interner, k2_registry_source(journal_registry(c->from)));
    for (int32_t p = 0; p < c->source.partitions; p++)
        K2_TRY(copy_partition(c, p, err));
    return journal_commit(c->to, err);
}

K2_RC journal_copy(struct journal *from, struct journal *to, struct k2_sv topic,
                   void (*progress)(void *ctx, int64_t records), void *ctx,
                   struct journal_copied *out, struct k2_err *err) {
    struct copy c = {.from = from, .to = to, .progress = progress, .ctx = ctx, .out = out};
    struct journal_pin *pin;
    *out = (struct journal_copied){0};
    if (!journal_copy_makes_sense(topic))
        return k2_fail(err, K2_E_INVALID,
                       "topic %.*s names places in this journal, which mean others there: k2 "
                       "derive, and k2 by itself, make it anew",
                       K2_SV_ARG(topic));
    K2_TRY(journal_pin(from, &pin, err));
    c.interner = k2_interner_new();
    int rc = open_topics(&c, topic, err);
    if (rc == K2_OK)
        rc = copy_topic(&c, err);
    k2_decoder_free(c.decoder);
    k2_interner_free(c.interner);
    journal_unpin(pin);
    return rc;
}
