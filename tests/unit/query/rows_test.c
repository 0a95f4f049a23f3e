/* Rows as events: what went into the journal comes back from the table, every field of every kind. */
#include "world.h"

static const char *const words[] = {"", "a", "it's", "x/y%", "\xc3\xa9", "0123456789abcdef0123"};

static uint32_t random_blob(struct world *w, uint64_t *seed, bool map) {
    static const char *const keys[] = {"alpha", "beta", "gamma"};
    struct k2_buf blob = {0};
    uint64_t n = k2test_random(seed) % 4;
    for (uint64_t i = 0; i < n; i++) {
        if (map)
            k2_blob_add(&blob, k2_sv_of(keys[i]));
        k2_blob_add(&blob, k2_sv_of(words[k2test_random(seed) % 6]));
    }
    uint32_t id = k2_intern(w->in, k2_buf_view(&blob));
    k2_buf_free(&blob);
    return id;
}

/* A random value of a field that is neither derived nor set by the caller. */
static void set_random(struct world *w, const struct k2_field *f, void *at, uint64_t *seed) {
    bool null = f->need == K2_OPT && k2test_random(seed) % 3 == 0;
    uint64_t r = k2test_random(seed);
    switch (f->type) {
    case K2_STR:
        *(uint32_t *)at = null ? 0 : world_str(w, words[r % 6]);
        break;
    case K2_BYTES:
        *(uint32_t *)at = k2_intern(w->in, (struct k2_sv){"\0\xff'\n", r % 5});
        break;
    case K2_LIST:
    case K2_MAP:
        *(uint32_t *)at = null ? 0 : random_blob(w, seed, f->type == K2_MAP);
        break;
    case K2_LONG:
        *(int64_t *)at = null ? K2_NULL_LONG : (int64_t)(r >> (r % 63)) - 1000;
        break;
    case K2_INT:
        *(int32_t *)at = (int32_t)(r % 1000);
        break;
    case K2_PRICE:
    case K2_QUANTITY: {
        k2_i128 v = (k2_i128)(int64_t)(r >> (r % 60)) * (f->type == K2_QUANTITY ? 1000000 : 1);
        v = null ? K2_NULL_DECIMAL : r % 2 ? -v : v;
        memcpy(at, &v, sizeof v);
        break;
    }
    case K2_DATE:
    case K2_STAMP:
        break;
    }
}

static struct k2_event random_event(struct world *w, enum k2_kind_id id, uint64_t *seed) {
    const struct k2_kind *kind = k2_kind(id);
    struct k2_event e = {.kind = id};
    char *base = k2_event_fields(&e);
    for (int i = 0; i < kind->field_count; i++)
        if (k2_field_in_record(&kind->fields[i]))
            set_random(w, &kind->fields[i], base + kind->fields[i].offset, seed);
    /* exchange, trade_date and the time stand in every kind; ASX is a code a topic can have */
    int64_t ns =
        world_time("2014-03-10") + (int64_t)(k2test_random(seed) % (3 * 86400)) * 1000000007;
    for (int i = 0; i < kind->field_count; i++) {
        char *at = base + kind->fields[i].offset;
        if (strcmp(kind->fields[i].name, "exchange") == 0)
            *(uint32_t *)(void *)at = world_str(w, "ASX");
        else if (strcmp(kind->fields[i].name, "trade_date") == 0)
            *(int32_t *)(void *)at = k2_date_of(ns);
        else if (strcmp(kind->fields[i].name, "exchange_timestamp_ns") == 0)
            *(int64_t *)(void *)at = ns;
        else if (strcmp(kind->fields[i].name, "exchange_sequence_number") == 0)
            *(int64_t *)(void *)at = ++w->sequence;
    }
    return e;
}

static void append_any(struct world *w, const struct k2_event *e) {
    struct k2_event keyed =
        *e; /* world_append takes the exchange of a trade: it is first in each kind */
    world_append(w, &keyed);
}

/* The hash over IDENTITY, PAYLOAD and RECEIVED fields is the same on both sides. */
static void check_kind(struct world *w, enum k2_kind_id id, int rows) {
    uint64_t seed = k2test_seed() + id;
    struct k2_h128 put = {0}, got = {0};
    for (int i = 0; i < rows; i++) {
        struct k2_event e = random_event(w, id, &seed);
        put = k2_h128_add(put, k2_row_hash(&e, w->in));
        append_any(w, &e);
    }
    world_commit(w);
    world_sink(w);
    struct k2_interner *in = k2_interner_new();
    struct query_rows *r;
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(id), 1000);
    CHECK_OK(query_rows_open(w->engine, k2_kind(id), "journal", NULL, in, &r, &w->err), &w->err);
    int n = 0;
    int64_t last = -1;
    do {
        CHECK_OK(query_rows_next(r, &c, &w->err), &w->err);
        for (size_t row = 0; row < c.n; row++, n++) {
            struct k2_event e;
            k2_columns_get(&c, row, &e);
            got = k2_h128_add(got, k2_row_hash(&e, in));
            const struct k2_kind *kind = k2_kind(id);
            const char *base = k2_event_fields_const(&e);
            int p = k2_field_by_name(kind, K2_SV("journal_partition"));
            int o = k2_field_by_name(kind, K2_SV("journal_offset"));
            int64_t at = (int64_t) * (const int32_t *)(const void *)(base + kind->fields[p].offset)
                             << 40 |
                         *(const int64_t *)(const void *)(base + kind->fields[o].offset);
            assert_true(at > last);
            last = at;
        }
    } while (c.n);
    assert_int_equal(n, rows);
    assert_int_equal(k2_h128_cmp(put, got), 0);
    query_rows_close(r);
    k2_columns_free(&c);
    k2_interner_free(in);
}

static int set_up(void **state) {
    static struct world w;
    world_open(&w);
    world_engine(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world_close(*state);
    return 0;
}

static void trades_come_back_as_they_went(void **state) {
    check_kind(*state, K2_KIND_TRADE, 5000);
}

static void quotes_come_back_as_they_went(void **state) {
    check_kind(*state, K2_KIND_QUOTE, 3000);
}

static void quarantined_records_come_back_as_they_went(void **state) {
    check_kind(*state, K2_KIND_QUARANTINE, 500);
}

static void a_condition_chooses_rows_and_prunes(void **state) {
    struct world *w = *state;
    struct query_rows *r;
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(K2_KIND_TRADE), 64);
    CHECK_OK(query_rows_open(w->engine, k2_kind(K2_KIND_TRADE), NULL,
                             "trade_date = DATE '2014-03-11' AND exchange = 'ASX'", w->in, &r,
                             &w->err),
             &w->err);
    CHECK_OK(query_rows_next(r, &c, &w->err), &w->err);
    assert_int_equal(c.n, 64);
    int date = k2_field_by_name(c.kind, K2_SV("trade_date"));
    for (size_t i = 0; i < c.n; i++)
        assert_int_equal(((int32_t *)c.col[date])[i], k2_days_from_civil(2014, 3, 11));
    query_rows_close(r); /* before the end */
    k2_columns_free(&c);
    world_expect(w, "select 1", "1\n");
}

static void an_empty_table_has_no_rows(void **state) {
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    struct query_rows *r;
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(K2_KIND_QUOTE), 10);
    CHECK_OK(query_rows_open(w.engine, k2_kind(K2_KIND_QUOTE), "journal", NULL, w.in, &r, &w.err),
             &w.err);
    CHECK_OK(query_rows_next(r, &c, &w.err), &w.err);
    assert_int_equal(c.n, 0);
    CHECK_OK(query_rows_next(r, &c, &w.err), &w.err);
    assert_int_equal(c.n, 0);
    query_rows_close(r);
    k2_columns_free(&c);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trades_come_back_as_they_went),
        cmocka_unit_test(quotes_come_back_as_they_went),
        cmocka_unit_test(quarantined_records_come_back_as_they_went),
        cmocka_unit_test(a_condition_chooses_rows_and_prunes),
        cmocka_unit_test(an_empty_table_has_no_rows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
