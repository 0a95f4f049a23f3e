/* verb/redecode_show.c - what `k2 redecode` found: counts by kind, and rows with what they say; see redecode.h. */
#include "verb/redecode.h"

#include "verb/listing.h"
#include "verb/records.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const words[] = {"same", "added", "changed", "missing"};

int64_t redecode_total(const struct redecode *r, enum compare_change change) {
    int64_t sum = 0;
    for (int k = 0; k <= K2_KIND_COUNT; k++)
        sum += r->counts[k][change];
    return sum;
}

/* --- examples --- */

static struct k2_sv own(struct k2_sv s) {
    return (struct k2_sv){k2_sv_dup(s), s.n};
}

static bool is_asked_for(const struct redecode *r, enum compare_change change) {
    const char *only = verb_value(r->c, "rows");
    return change != COMPARE_SAME &&
           (!only || strcmp(only, "all") == 0 || strcmp(only, words[change]) == 0);
}

void redecode_keep_example(struct redecode *r, const struct compare_row *row) {
    if (!is_asked_for(r, row->change) || r->counts[row->kind][row->change] > r->most)
        return;
    r->examples = k2_realloc(r->examples, (r->example_n + 1) * sizeof *r->examples);
    struct redecode_example *x = &r->examples[r->example_n++];
    *x = (struct redecode_example){.row = *row, .raw_offset = K2_NULL_LONG};
    x->row.exchange = own(row->exchange);
    x->row.channel = own(row->channel);
}

static struct trace_id id_of(const struct compare_row *row) {
    return (struct trace_id){.exchange = (char *)row->exchange.p,
                             .channel = (char *)row->channel.p,
                             .trade_date = row->trade_date,
                             .epoch = row->epoch,
                             .part = row->part,
                             .sequence = row->sequence};
}

/* Its kind is left open: another decoder may have made another one of it. */
static K2_RC look_up(struct redecode *r, struct query_engine *q, const struct redecode_example *x,
                     struct trace_report *out, struct k2_err *err) {
    const struct trace_id id = id_of(&x->row);
    return trace_look(q, r->journal, &id, out, err);
}

static void put_identity(struct redecode_example *x, const struct k2_event *e,
                         const struct k2_interner *in) {
    x->raw_offset = k2_event_raw_offset(e);
    k2_message_id(e, in, &x->id);
    k2_buf_sv(&x->symbol, k2_interned(in, e->head.symbol));
}

/* What the venue said, not who and where: the identity is told beside it. */
static bool is_told(const struct k2_field *f) {
    return f->cls == K2_PAYLOAD;
}

static void put_fields(struct k2_buf *out, const struct k2_event *e, const struct k2_interner *in) {
    const struct k2_kind *kind = k2_kind(e->kind);
    for (int i = 0; i < kind->field_count; i++) {
        struct k2_buf value = {0};
        if (is_told(&kind->fields[i]) && event_json_field(e, i, in, &value))
            k2_buf_printf(out, "%s%s %s", out->n ? ", " : "", kind->fields[i].name,
                          k2_buf_cstr(&value));
        k2_buf_free(&value);
    }
}

static void put_value(struct k2_buf *out, const struct k2_event *e, int field,
                      const struct k2_interner *in) {
    if (!event_json_field(e, field, in, out))
        k2_buf_str(out, "nothing");
}

static void put_difference(struct k2_buf *out, const struct k2_event *was,
                           const struct k2_interner *was_in, const struct k2_event *now,
                           const struct k2_interner *now_in) {
    const struct k2_kind *kind = k2_kind(now->kind);
    if (was->kind != now->kind) {
        k2_buf_printf(out, "%s -> %s", k2_kind(was->kind)->name, kind->name);
        return;
    }
    for (int i = 0; i < kind->field_count; i++) {
        struct k2_buf a = {0}, b = {0};
        put_value(&a, was, i, was_in);
        put_value(&b, now, i, now_in);
        enum k2_class cls = kind->fields[i].cls;
        if ((cls == K2_PAYLOAD || cls == K2_IDENTITY) &&
            !k2_sv_eq(k2_buf_view(&a), k2_buf_view(&b)))
            k2_buf_printf(out, "%s%s %s -> %s", out->n ? ", " : "", kind->fields[i].name,
                          k2_buf_cstr(&a), k2_buf_cstr(&b));
        k2_buf_free(&a);
        k2_buf_free(&b);
    }
}

struct filling {
    struct redecode *r;
    struct query_engine *engine; /* NULL: there are no tables */
    int64_t number;              /* of the next event */
    size_t next;                 /* example that is waited for */
};

static bool is_row(const struct trace_row *row, const struct redecode_example *x) {
    return x->row.kind == SEQ_SHARED || row->event.kind == x->row.kind;
}

static K2_RC fill_changed(struct filling *f, struct redecode_example *x, const struct k2_event *e,
                          struct k2_err *err) {
    struct trace_report was;
    K2_TRY(look_up(f->r, f->engine, x, &was, err));
    bool shared = seq_item_of(e, f->r->in).kind == SEQ_SHARED;
    for (int i = 0; i < was.row_count; i++)
        if ((shared || is_row(&was.rows[i], x)) && x->what.n == 0)
            put_difference(&x->what, &was.rows[i].event, was.in, e, f->r->in);
    trace_free(&was);
    return K2_OK;
}

static K2_RC fill_missing(struct filling *f, struct redecode_example *x, struct k2_err *err) {
    struct trace_report was;
    K2_TRY(look_up(f->r, f->engine, x, &was, err));
    for (int i = 0; i < was.row_count; i++) {
        if (!is_row(&was.rows[i], x) || x->id.n > 0)
            continue;
        put_identity(x, &was.rows[i].event, was.in);
        put_fields(&x->what, &was.rows[i].event, was.in);
    }
    trace_free(&was);
    return K2_OK;
}

static K2_RC fill_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                        struct k2_err *err) {
    struct filling *f = ctx;
    struct redecode *r = f->r;
    (void)raw;
    (void)position;
    if (f->next == r->example_n || r->examples[f->next].row.number != f->number++)
        return K2_OK;
    struct redecode_example *x = &r->examples[f->next++];
    put_identity(x, e, r->in);
    if (x->row.change == COMPARE_CHANGED)
        return fill_changed(f, x, e, err);
    put_fields(&x->what, e, r->in);
    return K2_OK;
}

/* Those that are missing first, then in the order of the source. */
static int by_number(const void *pa, const void *pb) {
    const struct redecode_example *a = pa, *b = pb;
    return (a->row.number > b->row.number) - (a->row.number < b->row.number);
}

/* Then as they are shown. */
static int by_change(const void *pa, const void *pb) {
    const struct redecode_example *a = pa, *b = pb;
    if (a->row.change != b->row.change)
        return a->row.change < b->row.change ? -1 : 1;
    return by_number(pa, pb);
}

static K2_RC fill(struct filling *f, struct k2_err *err) {
    struct redecode *r = f->r;
    const struct feed_sink sink = {f, fill_event, feed_nobody.reject, feed_nobody.filtered};
    for (; f->next < r->example_n && r->examples[f->next].row.number < 0; f->next++)
        K2_TRY(fill_missing(f, &r->examples[f->next], err));
    return f->next < r->example_n ? redecode_decode(r, &sink, "reading examples", err) : K2_OK;
}

int redecode_fill_examples(struct redecode *r, struct k2_err *err) {
    struct filling f = {.r = r};
    const struct query_options o = {
        .threads = (int)k2_config_int(r->c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(r->c->config, K2_CONFIG_query_memory_limit)};
    if (r->example_n == 0)
        return K2_OK;
    qsort(r->examples, r->example_n, sizeof *r->examples, by_number);
    int rc = query_open(r->c->data, &o, &f.engine, err);
    if (rc == K2_E_NOTFOUND) { /* no tables yet: the journal has them all */
        k2_err_clear(err);
        rc = K2_OK;
    }
    if (rc == K2_OK)
        rc = fill(&f, err);
    query_close(f.engine);
    qsort(r->examples, r->example_n, sizeof *r->examples, by_change);
    return rc;
}

/* --- on stdout --- */

static const char *kind_name(int kind) {
    return kind == K2_KIND_COUNT ? seq_kind_name(SEQ_SHARED) : k2_kind((enum k2_kind_id)kind)->name;
}

static K2_RC show_counts(const struct redecode *r, struct k2_err *err) {
    static const struct listing_column columns[] = {{"kind", NULL},    {"decoded", NULL},
                                                    {"same", NULL},    {"added", NULL},
                                                    {"changed", NULL}, {"missing", NULL}};
    struct listing *l = listing_on_stdout(r->c, columns, 6);
    for (int k = 0; k <= K2_KIND_COUNT; k++) {
        int64_t decoded = k < K2_KIND_COUNT ? r->decoded[k] : 0;
        if (decoded == 0 && r->counts[k][COMPARE_MISSING] == 0)
            continue;
        listing_cstring(l, kind_name(k));
        listing_count(l, decoded);
        for (int change = 0; change < COMPARE_CHANGES; change++)
            listing_count(l, r->counts[k][change]);
    }
    return listing_close(l, err);
}

static void put_text(struct listing *l, const struct k2_buf *text) {
    if (text->n > 0)
        listing_text(l, k2_buf_view(text));
    else
        listing_null(l);
}

static K2_RC show_rows(const struct redecode *r, struct k2_err *err) {
    static const struct listing_column columns[] = {{"change", NULL},
                                                    {"message_id", NULL},
                                                    {"symbol", NULL},
                                                    {"raw_offset", NULL},
                                                    {"what", NULL}};
    struct listing *l = listing_on_stdout(r->c, columns, 5);
    for (size_t i = 0; i < r->example_n; i++) {
        const struct redecode_example *x = &r->examples[i];
        listing_cstring(l, words[x->row.change]);
        put_text(l, &x->id);
        put_text(l, &x->symbol);
        if (x->raw_offset == K2_NULL_LONG)
            listing_null(l);
        else
            listing_number(l, x->raw_offset);
        put_text(l, &x->what);
    }
    return listing_close(l, err);
}

/* Programs get one list: the counts, or with --rows the rows. */
int redecode_show(struct redecode *r, struct k2_err *err) {
    if (verb_value(r->c, "rows"))
        return show_rows(r, err);
    K2_TRY(show_counts(r, err));
    if (strcmp(verb_value(r->c, "format"), "table") != 0 || r->example_n == 0)
        return K2_OK;
    putchar('\n');
    return show_rows(r, err);
}
