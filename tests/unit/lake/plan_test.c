/* Planning never prunes a file that holds a matching row, and does prune. */
#include "lake/filter.h"
#include "lake_fixture.h"

enum { COLUMNS = 4, ROWS = 6, FILES = 60 };

struct column {
    int id;
    const char *type;
    bool is_string;
    int max_bytes; /* of a decimal's value */
};

static const struct column columns[COLUMNS] = {{2, "string", true, 0},
                                               {9, "long", false, 8},
                                               {13, "decimal(20, 9)", false, 9},
                                               {4, "date", false, 4}};

struct value {
    bool null;
    k2_i128 number;
    char text[32];
};

struct model {
    struct value at[FILES][ROWS][COLUMNS];
    struct lake_file files[FILES];
};

static k2_i128 random_number(uint64_t *r, int column) {
    if (column == 3)
        return (k2_i128)(16000 + k2test_random(r) % 5); /* few dates */
    k2_i128 small = (k2_i128)(k2test_random(r) % 40) - 20;
    if (k2test_random(r) % 4)
        return small;
    int64_t wide = (int64_t)k2test_random(r);
    return column == 2 ? (k2_i128)wide * 5 + small : wide;
}

static void random_text(uint64_t *r, char out[32]) {
    int n = (int)(k2test_random(r) % 24);
    for (int i = 0; i < n; i++) /* long common prefixes, so that cut bounds matter */
        out[i] = (char)(i < 14 && k2test_random(r) % 8 ? 'A' : 'A' + k2test_random(r) % 4);
    out[n] = 0;
}

static void random_value(uint64_t *r, int column, struct value *v) {
    *v = (struct value){.null = column != 3 && k2test_random(r) % 5 == 0};
    if (columns[column].is_string)
        random_text(r, v->text);
    else
        v->number = random_number(r, column);
}

static int compare(int column, const struct value *a, const struct value *b) {
    if (columns[column].is_string)
        return k2_sv_cmp(k2_sv_of(a->text), k2_sv_of(b->text));
    return (a->number > b->number) - (a->number < b->number);
}

static int put_bound(int column, const struct value *v, bool upper, uint8_t out[PARQUET_BOUND]) {
    if (columns[column].is_string) {
        size_t n = strlen(v->text) > 16 ? 16 : strlen(v->text);
        memcpy(out, v->text, n);
        if (upper && strlen(v->text) > 16)
            out[15]++;
        return (int)n;
    }
    if (column == 2)
        return (int)k2_decimal_to_be(v->number, out);
    int64_t wide = (int64_t)v->number;
    memcpy(out, &wide, (size_t)columns[column].max_bytes);
    return columns[column].max_bytes;
}

/* Bounds as a writer would give them; now and then it says less. */
static void measure(struct model *m, int file, int column, uint64_t *r) {
    struct parquet_metrics *x = &m->files[file].metrics[column];
    *x = (struct parquet_metrics){.field_id = columns[column].id,
                                  .column_size = 1,
                                  .value_count = ROWS,
                                  .lower_n = -1,
                                  .upper_n = -1};
    const struct value *low = NULL, *high = NULL;
    for (int i = 0; i < ROWS; i++) {
        const struct value *v = &m->at[file][i][column];
        x->null_count += v->null;
        if (v->null)
            continue;
        low = !low || compare(column, v, low) < 0 ? v : low;
        high = !high || compare(column, v, high) > 0 ? v : high;
    }
    if (low && k2test_random(r) % 8)
        x->lower_n = put_bound(column, low, false, x->lower);
    if (high && k2test_random(r) % 8)
        x->upper_n = put_bound(column, high, true, x->upper);
    if (k2test_random(r) % 10 == 0)
        x->value_count = x->null_count = -1;
}

static void make_file(struct fixture *f, struct model *m, int file, uint64_t *r) {
    for (int i = 0; i < ROWS; i++)
        for (int c = 0; c < COLUMNS; c++)
            random_value(r, c, &m->at[file][i][c]);
    bool all_null = k2test_random(r) % 6 == 0;
    for (int i = 0; i < ROWS; i++) { /* one date a file; sometimes a column of nulls */
        m->at[file][i][3] = m->at[file][0][3];
        m->at[file][i][2].null |= all_null;
    }
    m->files[file] = fixture_file(f, (int32_t)m->at[file][0][3].number, 0, 0);
    m->files[file].rows = ROWS;
    m->files[file].metrics =
        k2_realloc(m->files[file].metrics, COLUMNS * sizeof *m->files[file].metrics);
    m->files[file].metric_count = COLUMNS;
    for (int c = 0; c < COLUMNS; c++)
        measure(m, file, c, r);
    if (k2test_random(r) % 8 == 0)
        m->files[file].metric_count = (int)(k2test_random(r) % COLUMNS);
}

static void make_table(struct fixture *f, struct model *m, uint64_t *r) {
    struct k2_err err = {0};
    for (int i = 0; i < FILES; i++)
        make_file(f, m, i, r);
    for (int i = 0, step = 0; i < FILES; i += 6, step++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", step);
        CHECK_OK(fixture_try(f, f->lake, &m->files[i], 6, step, step + 1, id, NULL, &err), &err);
    }
}

/* --- filters --- */

enum { MOST = 3 };

struct question {
    int column;
    enum lake_op op;
    int count;
    struct value values[MOST];
    k2_i128 numbers[MOST];
    struct k2_sv strings[MOST];
};

static void ask(struct model *m, struct question *q, uint64_t *r) {
    q->column = (int)(k2test_random(r) % COLUMNS);
    q->op = (enum lake_op)(k2test_random(r) % (LAKE_IN + 1));
    q->count = q->op == LAKE_IN ? (int)(k2test_random(r) % (MOST + 1)) : 1;
    for (int i = 0; i < q->count; i++) {
        random_value(r, q->column, &q->values[i]);
        if (k2test_random(r) % 2) /* a value that is there */
            q->values[i] = m->at[k2test_random(r) % FILES][k2test_random(r) % ROWS][q->column];
        q->numbers[i] = q->values[i].number;
        q->strings[i] = k2_sv_of(q->values[i].text);
    }
}

static bool holds(const struct question *q, const struct value *v) {
    if (v->null)
        return false;
    for (int i = 0; i < q->count; i++) {
        int c = compare(q->column, v, &q->values[i]);
        if ((q->op == LAKE_EQ || q->op == LAKE_IN) && c == 0)
            return true;
        if ((q->op == LAKE_LT && c < 0) || (q->op == LAKE_LE && c <= 0) ||
            (q->op == LAKE_GT && c > 0) || (q->op == LAKE_GE && c >= 0))
            return true;
    }
    return false;
}

static bool file_matches(const struct model *m, int file, const struct question *q, int n) {
    for (int i = 0; i < ROWS; i++) {
        int held = 0;
        for (int k = 0; k < n; k++)
            held += holds(&q[k], &m->at[file][i][q[k].column]);
        if (held == n)
            return true;
    }
    return false;
}

static bool planned(const struct lake_plan *plan, const char *path) {
    for (int i = 0; i < plan->file_count; i++)
        if (strcmp(plan->files[i].path, path) == 0)
            return true;
    return false;
}

static void a_file_with_a_matching_row_is_never_pruned(void **state) {
    (void)state;
    uint64_t seed = k2test_seed(), r = seed;
    struct k2_err err = {0};
    struct fixture f = fixture_new();
    struct model *m = k2_zalloc(sizeof *m);
    make_table(&f, m, &r);
    struct lake_table *t = fixture_load(&f);
    int64_t pruned = 0, prunable = 0, skipped_manifests = 0;
    for (int round = 0; round < 1500; round++) {
        struct question q[2];
        struct lake_filter filters[2];
        int n = 1 + (int)(k2test_random(&r) % 2);
        for (int i = 0; i < n; i++) {
            ask(m, &q[i], &r);
            filters[i] = (struct lake_filter){.field_id = columns[q[i].column].id,
                                              .op = q[i].op,
                                              .is_string = columns[q[i].column].is_string,
                                              .numbers = q[i].numbers,
                                              .strings = q[i].strings,
                                              .count = q[i].count};
        }
        struct lake_plan plan;
        CHECK_OK(lake_plan(t, 0, filters, n, &plan, &err), &err);
        assert_int_equal(plan.files_total, FILES);
        skipped_manifests += plan.manifests_total - plan.manifests_read;
        for (int i = 0; i < FILES; i++) {
            bool match = file_matches(m, i, q, n), kept = planned(&plan, m->files[i].path);
            if (match && !kept)
                fail_msg("K2_SEED=%llu round %d prunes file %d that matches (column %d op %d)",
                         (unsigned long long)seed, round, i, q[0].column, (int)q[0].op);
            prunable += !match;
            pruned += !kept;
        }
        lake_plan_free(&plan);
    }
    assert_true(pruned * 10 > prunable * 4); /* and it is of use */
    assert_true(skipped_manifests > 100);
    for (int i = 0; i < FILES; i++)
        lake_file_free(&m->files[i]);
    free(m);
    lake_table_free(t);
    fixture_free(&f);
}

static int count_with(const struct lake_table *t, struct lake_filter filter) {
    struct k2_err err = {0};
    struct lake_plan plan;
    CHECK_OK(lake_plan(t, 0, &filter, 1, &plan, &err), &err);
    int n = plan.file_count;
    lake_plan_free(&plan);
    return n;
}

static void filters_that_cannot_be_judged_prune_nothing(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    (void)fixture_commit(&f, 16139, 1, 2);
    struct lake_table *t = fixture_load(&f);
    k2_i128 far = 1000;
    struct k2_sv text = K2_SV("ZZZ");
    struct lake_filter unknown = {.field_id = 99, .op = LAKE_EQ, .numbers = &far, .count = 1};
    assert_int_equal(count_with(t, unknown), 1);
    struct lake_filter wrong_kind = {.field_id = 2, .op = LAKE_EQ, .numbers = &far, .count = 1};
    assert_int_equal(count_with(t, wrong_kind), 1);
    struct lake_filter list = {
        .field_id = 16, .op = LAKE_EQ, .is_string = true, .strings = &text, .count = 1};
    assert_int_equal(count_with(t, list), 1);
    struct lake_filter real = {
        .field_id = 2, .op = LAKE_EQ, .is_string = true, .strings = &text, .count = 1};
    assert_int_equal(count_with(t, real), 0);
    struct lake_filter none = {.field_id = 9, .op = LAKE_IN, .numbers = &far, .count = 0};
    assert_int_equal(count_with(t, none), 0);
    lake_table_free(t);
    fixture_free(&f);
}

static void bounds_that_do_not_fit_their_type_are_no_bounds(void **state) {
    (void)state;
    static const uint8_t bytes[24] = {0x7f};
    assert_int_equal(lake_bound_decode("long", bytes, 3).kind, LAKE_BOUND_NONE);
    assert_int_equal(lake_bound_decode("long", bytes, -1).kind, LAKE_BOUND_NONE);
    assert_int_equal(lake_bound_decode("decimal(20, 9)", bytes, 0).kind, LAKE_BOUND_NONE);
    assert_int_equal(lake_bound_decode("decimal(20, 9)", bytes, 17).kind, LAKE_BOUND_NONE);
    assert_int_equal(lake_bound_decode("double", bytes, 8).kind, LAKE_BOUND_NONE);
    struct lake_bound promoted = lake_bound_decode("long", bytes, 4); /* was an int column */
    assert_int_equal(promoted.kind, LAKE_BOUND_NUMBER);
    assert_true(promoted.number == 0x7f);
    assert_int_equal(lake_bound_decode("string", bytes, 0).kind, LAKE_BOUND_STRING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_a_matching_row_is_never_pruned),
        cmocka_unit_test(filters_that_cannot_be_judged_prune_nothing),
        cmocka_unit_test(bounds_that_do_not_fit_their_type_are_no_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
