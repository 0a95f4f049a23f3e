/* journal/derive.c - see derive.h. */
#include "journal/derive_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/lanes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* Steps of fewer records than this are not worth a thread. */
#define WORTH_THREADS 20000
#define MOST_LANES 8

struct derive {
    struct journal *journal;
    enum derive_what what;
    char *exchange, *group;
    struct derive_past past;      /* load is NULL without one */
    struct k2_interner *interner; /* of one step, for what is written and restored */
    struct k2_decoder *decoder;   /* of the output */
    struct derive_lane *lanes;    /* by the key of symbols (lanes_of) */
    int lane_count;
    struct {
        int32_t topic, input;
    } * topics; /* of the inputs, all their versions, once they are there */
    int topic_count;
    struct journal_span *positions; /* of the input; `from` is the next offset */
    int position_count;
    bool failed; /* the totals hold what was not committed */
};

const char *derive_name(enum derive_what what) {
    return derive_rules[what].name;
}

const struct k2_kind *derive_kind(enum derive_what what) {
    return k2_kind(derive_rules[what].kind);
}

int derive_add(k2_i128 *sum, k2_i128 more, struct k2_err *err) {
    k2_i128 all = *sum + more;
    if (!k2_decimal_fits(all, K2_QUANTITY_PRECISION))
        return k2_fail(err, K2_E_RANGE, "a sum has more than %d digits", K2_QUANTITY_PRECISION);
    *sum = all;
    return K2_OK;
}

uint32_t derive_intern_wide(struct k2_interner *in, struct k2_wide v) {
    char text[K2_WIDE_TEXT];
    size_t n = k2_wide_format(v, K2_NOTIONAL_SCALE, text);
    return k2_intern(in, (struct k2_sv){text, n});
}

/* --- lanes --- */

static int lanes_wanted(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors < MOST_LANES ? (int)processors : MOST_LANES;
}

static void begin_lanes(struct derive *d, int count) {
    d->lane_count = count;
    d->lanes = k2_zalloc((size_t)count * sizeof *d->lanes);
    for (int i = 0; i < count; i++)
        derive_lane_init(&d->lanes[i], d->what, k2_registry_source(journal_registry(d->journal)));
}

static void end_lanes(struct derive *d) {
    for (int i = 0; i < d->lane_count; i++)
        derive_lane_fini(&d->lanes[i]);
    free(d->lanes);
    d->lanes = NULL;
    d->lane_count = 0;
}

/* --- positions --- */

static struct journal_span *position_of(struct derive *d, int32_t topic, int32_t partition) {
    for (int i = 0; i < d->position_count; i++)
        if (d->positions[i].topic == topic && d->positions[i].partition == partition)
            return &d->positions[i];
    d->positions = k2_realloc(d->positions, (size_t)(d->position_count + 1) * sizeof *d->positions);
    d->positions[d->position_count] = (struct journal_span){topic, partition, 0, 0};
    return &d->positions[d->position_count++];
}

static void put_positions(const struct derive *d, struct k2_buf *out) {
    for (int i = 0; i < d->position_count; i++) {
        const struct journal_span *p = &d->positions[i];
        k2_buf_printf(out, "%s%s/%" PRId32 "=%" PRId64, i > 0 ? " " : "",
                      journal_topic_at(d->journal, p->topic).name, p->partition, p->from);
    }
}

static K2_RC take_position(struct derive *d, struct k2_sv word, struct k2_err *err) {
    struct journal_topic t;
    int64_t partition, from;
    struct k2_sv name = k2_sv_split(&word, '/'), number = k2_sv_split(&word, '=');
    if (!k2_sv_i64(number, &partition) || !k2_sv_i64(word, &from) || partition < 0 ||
        partition > INT32_MAX || from < 0)
        return k2_fail(err, K2_E_CORRUPT, "the positions of a row are malformed");
    K2_TRY(journal_topic(d->journal, name, false, &t, err));
    position_of(d, t.id, (int32_t)partition)->from = from;
    return K2_OK;
}

static K2_RC take_positions(struct derive *d, struct k2_sv extra, struct k2_err *err) {
    struct k2_sv key, value;
    while (k2_blob_next(&extra, &key) && k2_blob_next(&extra, &value)) {
        if (!k2_sv_eq(key, K2_SV("positions")))
            continue;
        while (value.n > 0)
            K2_TRY(take_position(d, k2_sv_split(&value, ' '), err));
    }
    return K2_OK;
}

/* --- the state, from the output --- */

static uint32_t extra_of(const struct k2_event *e) {
    return e->kind == K2_KIND_VOLUME ? e->volume.extra : e->pnl.extra;
}

static struct derive_lane *lane_of(struct derive *d, const struct k2_event *e,
                                   const struct k2_interner *in) {
    struct k2_buf key = {0};
    k2_event_key(e, in, &key);
    int lane = lanes_of(k2_buf_view(&key), d->lane_count);
    k2_buf_free(&key);
    return &d->lanes[lane];
}

static K2_RC take_row(struct derive *d, const struct k2_event *e, const struct k2_interner *in,
                      struct k2_err *err) {
    struct total *t = derive_lane_total(lane_of(d, e, in), e, in);
    if (e->head.exchange_sequence_number > t->updates) {
        t->updates = e->head.exchange_sequence_number;
        t->trade_date = e->head.trade_date;
        t->ns = e->head.exchange_timestamp_ns;
        K2_TRY(derive_rules[d->what].restore(t, e, in, err));
    }
    return take_positions(d, k2_interned(in, extra_of(e)), err);
}

static K2_RC read_output(struct derive *d, const struct journal_span *span, struct k2_err *err) {
    struct journal_reader *reader;
    struct journal_batch b;
    int rc;
    K2_TRY(journal_read(d->journal, span, 1, &reader, err));
    while ((rc = journal_next(reader, &b, err)) > 0) {
        struct journal_record record;
        rc = K2_OK;
        for (size_t cursor = 0; rc == K2_OK && journal_batch_next(&b, &cursor, &record);) {
            struct k2_event e;
            rc = k2_decode(d->decoder, record.value, &e, err);
            if (rc == K2_OK)
                rc = take_row(d, &e, d->interner, err);
        }
        k2_interner_reset(d->interner);
        if (rc != K2_OK)
            break;
    }
    journal_reader_close(reader);
    return rc;
}

struct past {
    struct derive *derive;
    int64_t position_offset; /* of the row whose positions were taken */
    int rc;
    struct k2_err why;
};

/* Rows of the table come in any order: the positions are those of the last one that has some. */
static void take_past(void *ctx, const struct k2_event *e, const struct k2_interner *in) {
    struct past *p = ctx;
    int64_t offset = e->kind == K2_KIND_VOLUME ? e->volume.journal_offset : e->pnl.journal_offset;
    struct k2_event plain = *e;
    bool newest = extra_of(e) && offset > p->position_offset;
    if (!newest && plain.kind == K2_KIND_VOLUME)
        plain.volume.extra = 0;
    else if (!newest)
        plain.pnl.extra = 0;
    else
        p->position_offset = offset;
    if (p->rc == K2_OK)
        p->rc = take_row(p->derive, &plain, in, &p->why);
}

static K2_RC read_past(struct derive *d, int64_t before, struct k2_err *err) {
    struct past p = {.derive = d, .position_offset = -1};
    if (!d->past.load)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "the first rows of %s are not in the journal any more", d->group);
    K2_TRY(d->past.load(d->past.ctx, derive_kind(d->what), k2_sv_of(d->exchange), before, take_past,
                        &p, err));
    return p.rc == K2_OK ? K2_OK : k2_fail(err, p.rc, "%s", p.why.msg);
}

static K2_RC output_topic(struct derive *d, bool create, struct journal_topic *t,
                          struct k2_err *err) {
    struct k2_buf name = {0};
    k2_topic_name(derive_kind(d->what), k2_sv_of(d->exchange), &name);
    int rc = journal_topic(d->journal, k2_buf_view(&name), create, t, err);
    k2_buf_free(&name);
    return rc;
}

static K2_RC restore(struct derive *d, struct k2_err *err) {
    struct journal_topic t;
    struct k2_err none;
    if (output_topic(d, false, &t, &none) == K2_E_NOTFOUND)
        return K2_OK;
    int64_t *starts = k2_alloc((size_t)t.partitions * sizeof *starts);
    int rc = journal_starts(d->journal, t.id, starts, err);
    const struct journal_span span = {t.id, 0, rc == K2_OK ? starts[0] : 0, INT64_MAX};
    free(starts);
    K2_TRY(rc);
    if (span.from > 0)
        K2_TRY(read_past(d, span.from, err));
    return read_output(d, &span, err);
}

/* --- the input --- */

struct input {
    struct journal_span *spans;
    int n;
    bool more;
};

static K2_RC add_partition(struct derive *d, const struct journal_topic *t, int32_t p,
                           int64_t start, int64_t end, int64_t most, struct input *in,
                           struct k2_err *err) {
    struct journal_span *at = position_of(d, t->id, p);
    if (start > at->from)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "%s partition %" PRId32 " begins at offset %" PRId64 " and %" PRId64
                       " is to be read next: retention removed what was never derived",
                       t->name, p, start, at->from);
    if (end <= at->from)
        return K2_OK;
    int64_t to = end - at->from > most ? at->from + most : end;
    in->more |= to < end;
    in->spans = k2_realloc(in->spans, (size_t)(in->n + 1) * sizeof *in->spans);
    in->spans[in->n++] = (struct journal_span){t->id, p, at->from, to};
    return K2_OK;
}

static void note_topic(struct derive *d, int32_t topic, int input) {
    for (int i = 0; i < d->topic_count; i++)
        if (d->topics[i].topic == topic)
            return;
    d->topics = k2_realloc(d->topics, (size_t)(d->topic_count + 1) * sizeof *d->topics);
    d->topics[d->topic_count].topic = topic;
    d->topics[d->topic_count++].input = input;
}

static K2_RC add_version(struct derive *d, const struct journal_topic *t, int64_t most,
                         struct input *in, struct k2_err *err) {
    int64_t *ends = k2_alloc(2 * (size_t)t->partitions * sizeof *ends),
            *starts = ends + t->partitions;
    int rc = journal_ends(d->journal, t->id, ends, err);
    if (rc == K2_OK)
        rc = journal_starts(d->journal, t->id, starts, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++)
        rc = add_partition(d, t, p, starts[p], ends[p], most, in, err);
    free(ends);
    return rc;
}

/* A version of the topic is read when nothing is left of the one before it. */
static K2_RC add_versions(struct derive *d, const struct journal_topic *all, int n, int input,
                          int64_t most, struct input *in, struct k2_err *err) {
    bool before = in->more;
    int rc = K2_OK;
    in->more = false;
    for (int i = 0; rc == K2_OK && i < n && !in->more; i++) {
        note_topic(d, all[i].id, input);
        rc = add_version(d, &all[i], most, in, err);
    }
    in->more |= before;
    return rc;
}

static K2_RC add_topic(struct derive *d, int input, int64_t most, struct input *in,
                       struct k2_err *err) {
    struct journal_topic *all;
    struct k2_err why = {0};
    struct k2_buf name = {0};
    int n;
    k2_topic_name(k2_kind(derive_rules[d->what].inputs[input]), k2_sv_of(d->exchange), &name);
    int rc = journal_versions(d->journal, k2_buf_view(&name), &all, &n, &why);
    k2_buf_free(&name);
    if (rc == K2_E_NOTFOUND)
        return K2_OK;
    if (rc != K2_OK)
        return k2_fail(err, rc, "%s", why.msg);
    rc = add_versions(d, all, n, input, most, in, err);
    free(all);
    return rc;
}

static enum k2_kind_id kind_of(const struct derive *d, int32_t topic) {
    for (int i = 0; i < d->topic_count; i++)
        if (d->topics[i].topic == topic)
            return derive_rules[d->what].inputs[d->topics[i].input];
    K2_ASSERT(!"a topic that was asked for");
}

static int take_record(void *ctx, int lane, int32_t topic, const struct journal_record *record,
                       struct k2_err *err) {
    struct derive *d = ctx;
    return derive_lane_take(&d->lanes[lane], kind_of(d, topic), record, d->lane_count == 1, err);
}

static K2_RC give_all(struct derive *d, const struct input *in, struct lanes *lanes,
                      int64_t *records, struct k2_err *err) {
    struct journal_reader *reader;
    struct journal_batch b;
    int rc;
    K2_TRY(journal_read(d->journal, in->spans, in->n, &reader, err));
    while ((rc = journal_next(reader, &b, err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);)
            lanes_give(lanes, b.topic, &record);
        *records += b.count;
    }
    journal_reader_close(reader);
    return rc == K2_OK ? lanes_drain(lanes, err) : rc;
}

static K2_RC read_input(struct derive *d, const struct input *in, int64_t *records,
                        struct k2_err *err) {
    struct lanes *lanes;
    int64_t all = 0;
    for (int i = 0; i < in->n; i++)
        all += in->spans[i].to - in->spans[i].from;
    bool threads = d->lane_count > 1 && all >= WORTH_THREADS;
    K2_TRY(lanes_start(d->lane_count, threads, take_record, d, &lanes, err));
    int rc = give_all(d, in, lanes, records, err);
    lanes_stop(lanes);
    for (int i = 0; rc == K2_OK && i < in->n; i++)
        position_of(d, in->spans[i].topic, in->spans[i].partition)->from = in->spans[i].to;
    return rc;
}

/* --- the output --- */

static void make_row(struct derive *d, struct total *t, struct k2_event *e) {
    k2_event_blank(e, derive_rules[d->what].kind);
    e->kind = derive_rules[d->what].kind;
    e->head.exchange = k2_intern(d->interner, k2_sv_of(t->exchange));
    e->head.symbol = k2_intern(d->interner, k2_sv_of(t->symbol));
    e->head.instrument_id = e->head.receive_timestamp_ns = K2_NULL_LONG;
    e->head.trade_date = t->trade_date;
    e->head.exchange_timestamp_ns = t->ns;
    e->head.exchange_timestamp = k2_floor_us(t->ns);
    e->head.exchange_sequence_number = ++t->updates;
    k2_event_set_raw_offset(e, K2_NULL_LONG);
    derive_rules[d->what].row(t, d->interner, e);
    t->dirty = false;
}

static void set_positions(struct derive *d, struct k2_event *e) {
    struct k2_buf text = {0}, blob = {0};
    put_positions(d, &text);
    k2_blob_add(&blob, K2_SV("positions"));
    k2_blob_add(&blob, k2_buf_view(&text));
    uint32_t id = k2_intern(d->interner, k2_buf_view(&blob));
    if (e->kind == K2_KIND_VOLUME) {
        e->volume.extra = id;
        e->volume.flags = K2_FLAG_LAST;
    } else {
        e->pnl.extra = id;
        e->pnl.flags = K2_FLAG_LAST;
    }
    k2_buf_free(&text);
    k2_buf_free(&blob);
}

static K2_RC put_row(struct derive *d, const struct journal_topic *t, uint32_t schema,
                     const struct k2_event *e, struct k2_err *err) {
    struct k2_buf key = {0};
    k2_event_key(e, d->interner, &key);
    struct k2_buf *out = journal_record_begin(d->journal, t->id, 0, k2_buf_view(&key));
    k2_buf_free(&key);
    int rc = k2_avro_encode(e, d->interner, schema, out, err);
    if (rc == K2_OK)
        journal_record_end(d->journal, e->head.exchange_timestamp_ns);
    else
        journal_record_abort(d->journal);
    return rc;
}

/* The totals that changed, of all lanes; returns their number. */
static size_t dirty_totals(const struct derive *d, struct total **out) {
    size_t n = 0;
    for (int i = 0; i < d->lane_count; i++)
        for (size_t k = 0; k < d->lanes[i].n; k++)
            if (d->lanes[i].totals[k]->dirty)
                out[n++] = d->lanes[i].totals[k];
    return n;
}

static K2_RC put_each(struct derive *d, struct total *const *dirty, size_t n,
                      const struct journal_topic *t, uint32_t schema, struct k2_err *err) {
    for (size_t i = 0; i < n; i++) {
        struct k2_event e;
        make_row(d, dirty[i], &e);
        if (i + 1 == n)
            set_positions(d, &e);
        K2_TRY(put_row(d, t, schema, &e, err));
    }
    return K2_OK;
}

static K2_RC put_rows(struct derive *d, const struct journal_topic *t, uint32_t schema,
                      int64_t *rows, struct k2_err *err) {
    size_t all = 0;
    for (int i = 0; i < d->lane_count; i++)
        all += d->lanes[i].n;
    struct total **dirty = (struct total **)k2_alloc((all + 1) * sizeof(struct total *));
    size_t n = dirty_totals(d, dirty);
    int rc = put_each(d, dirty, n, t, schema, err);
    free((void *)dirty);
    *rows += rc == K2_OK ? (int64_t)n : 0;
    return rc;
}

static K2_RC write_output(struct derive *d, int64_t *rows, struct k2_err *err) {
    struct journal_topic t;
    struct k2_buf subject = {0};
    uint32_t schema;
    K2_TRY(output_topic(d, true, &t, err));
    k2_buf_printf(&subject, "%s-value", t.name);
    int rc = k2_registry_register(journal_registry(d->journal), k2_buf_view(&subject),
                                  k2_sv_of(derive_kind(d->what)->avro_schema), &schema, err);
    k2_buf_free(&subject);
    K2_TRY(rc);
    K2_TRY(put_rows(d, &t, schema, rows, err));
    return journal_commit_with(d->journal, d->group, d->positions, d->position_count, err);
}

static K2_RC find_input(struct derive *d, int64_t most, struct input *in, struct k2_err *err) {
    free(in->spans);
    *in = (struct input){0};
    for (int i = 0; i < derive_rules[d->what].input_count; i++)
        K2_TRY(add_topic(d, i, most, in, err));
    return K2_OK;
}

/* Somebody else wrote records whose keys are not their symbols': one lane takes all from here on. */
static K2_RC begin_with_one_lane(struct derive *d, struct k2_err *err) {
    k2_log(K2_LOG_WARN, "totals are derived by one thread: not every key is that of its symbol",
           "group", d->group, "why", err->msg, NULL);
    k2_err_clear(err);
    end_lanes(d);
    d->position_count = 0;
    begin_lanes(d, 1);
    return restore(d, err);
}

static K2_RC count_input(struct derive *d, struct input *in, int64_t most, int64_t *records,
                         struct k2_err *err) {
    int rc = read_input(d, in, records, err);
    if (rc != K2_E_CONFLICT || d->lane_count == 1)
        return rc;
    *records = 0;
    K2_TRY(begin_with_one_lane(d, err));
    K2_TRY(find_input(d, most, in, err));
    return read_input(d, in, records, err);
}

static K2_RC step(struct derive *d, struct input *in, int64_t most, struct derive_report *report,
                  struct k2_err *err) {
    K2_TRY(find_input(d, most, in, err));
    if (in->n == 0)
        return K2_OK;
    d->failed = true;
    K2_TRY(count_input(d, in, most, &report->records, err));
    K2_TRY(write_output(d, &report->rows, err));
    d->failed = false;
    return K2_OK;
}

int derive_step(struct derive *d, int64_t most, struct derive_report *report, bool *more,
                struct k2_err *err) {
    struct input in = {0};
    *report = (struct derive_report){0};
    if (d->failed)
        return k2_fail(err, K2_E_FAILED, "%s failed before; begin it anew", d->group);
    int rc = step(d, &in, most, report, err);
    *more = in.more;
    free(in.spans);
    k2_interner_reset(d->interner);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "%s", d->group);
}

/* --- the calls --- */

int derive_exchanges(struct journal *j, enum derive_what what,
                     void (*visit)(void *ctx, struct k2_sv exchange), void *ctx,
                     struct k2_err *err) {
    (void)err;
    const struct k2_kind *input = k2_kind(derive_rules[what].inputs[0]);
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        const struct journal_topic t = journal_topic_at(j, i);
        if (k2_kind_by_topic(t.of) != input || t.version > 1)
            continue;
        size_t skip = strlen(input->topic_prefix) + 1;
        visit(ctx, (struct k2_sv){t.of.p + skip, t.of.n - skip});
    }
    return K2_OK;
}

int derive_open(struct journal *j, enum derive_what what, struct k2_sv exchange,
                const struct derive_past *past, struct derive **out, struct k2_err *err) {
    struct derive *d = k2_zalloc(sizeof *d);
    struct k2_buf group = {0};
    d->journal = j;
    d->what = what;
    d->exchange = k2_sv_dup(exchange);
    if (past)
        d->past = *past;
    k2_buf_printf(&group, "derive.%s.%s", derive_name(what), d->exchange);
    d->group = k2_sv_dup(k2_buf_view(&group));
    k2_buf_free(&group);
    d->interner = k2_interner_new();
    d->decoder =
        k2_decoder_new(derive_kind(what), d->interner, k2_registry_source(journal_registry(j)));
    begin_lanes(d, lanes_wanted());
    int rc = restore(d, err);
    if (rc != K2_OK) {
        rc = k2_err_context(err, rc, "the totals of %s", d->group);
        derive_close(d);
        return rc;
    }
    *out = d;
    return K2_OK;
}

void derive_close(struct derive *d) {
    if (!d)
        return;
    end_lanes(d);
    k2_decoder_free(d->decoder);
    k2_interner_free(d->interner);
    free(d->positions);
    free(d->topics);
    free(d->exchange);
    free(d->group);
    free(d);
}

static void visit_total(const struct derive *d, const struct total *t, struct k2_interner *in,
                        void (*visit)(void *ctx, const struct k2_event *e,
                                      const struct k2_interner *in),
                        void *ctx) {
    struct k2_event e;
    k2_event_blank(&e, derive_rules[d->what].kind);
    e.kind = derive_rules[d->what].kind;
    e.head.exchange = k2_intern(in, k2_sv_of(t->exchange));
    e.head.symbol = k2_intern(in, k2_sv_of(t->symbol));
    e.head.trade_date = t->trade_date;
    e.head.exchange_sequence_number = t->updates;
    derive_rules[d->what].row(t, in, &e);
    visit(ctx, &e, in);
    k2_interner_reset(in);
}

void derive_totals(const struct derive *d,
                   void (*visit)(void *ctx, const struct k2_event *e, const struct k2_interner *in),
                   void *ctx) {
    struct k2_interner *in = k2_interner_new();
    for (int i = 0; i < d->lane_count; i++)
        for (size_t k = 0; k < d->lanes[i].n; k++)
            visit_total(d, d->lanes[i].totals[k], in, visit, ctx);
    k2_interner_free(in);
}

const struct journal_span *derive_positions(const struct derive *d, int *n) {
    *n = d->position_count;
    return d->positions;
}
