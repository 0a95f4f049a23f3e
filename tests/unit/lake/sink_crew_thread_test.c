#include "k2test.h"

#include "base/clock.h"
#include "base/fs.h"
#include "lake/sink_worker.h"

#include <stdlib.h>

enum { EXCHANGES = 3, TRADES = 4000, SYMBOLS = 11 };

struct fixture {
    char *dir;
    struct journal *journal;
    struct lake *lake;
    struct sink_schemas schemas;
    struct sink_plan plan;
    struct journal_span spans[EXCHANGES * 8];
    int span_count;
    uint32_t schema[EXCHANGES];
    struct k2_err err;
};

static void append(struct fixture *f, struct k2_interner *in, int exchange, int64_t number) {
    char name[16], symbol[16];
    snprintf(name, sizeof name, "X%d", exchange);
    snprintf(symbol, sizeof symbol, "S%d", (int)(number % SYMBOLS));
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, k2_sv_of(name));
    e.trade.symbol = k2_intern(in, k2_sv_of(symbol));
    e.trade.channel = k2_intern(in, K2_SV("c"));
    e.trade.trade_date = 20000 + (int32_t)(number % 2);
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    e.trade.exchange_sequence_number = number;
    struct k2_buf topic_name = {0}, key = {0};
    struct journal_topic t;
    k2_topic_name(f->plan.kind, k2_sv_of(name), &topic_name);
    k2_event_key(&e, in, &key);
    CHECK_OK(journal_topic(f->journal, k2_buf_view(&topic_name), true, &t, &f->err), &f->err);
    k2_buf_str(&topic_name, "-value");
    if (f->schema[exchange] == 0)
        CHECK_OK(k2_registry_register(journal_registry(f->journal), k2_buf_view(&topic_name),
                                      k2_sv_of(f->plan.kind->avro_schema), &f->schema[exchange],
                                      &f->err),
                 &f->err);
    struct k2_buf *value = journal_record_begin(
        f->journal, t.id, journal_partition(&t, k2_buf_view(&key)), k2_buf_view(&key));
    CHECK_OK(k2_avro_encode(&e, in, f->schema[exchange], value, &f->err), &f->err);
    journal_record_end(f->journal, number);
    k2_buf_free(&topic_name);
    k2_buf_free(&key);
}

/* A record that no schema can read, at the end of one partition. */
static void append_damage(struct fixture *f) {
    struct journal_topic t = journal_topic_at(f->journal, 0);
    k2_buf_str(journal_record_begin(f->journal, t.id, 0, K2_SV("X0.S0")), "no wire format");
    journal_record_end(f->journal, 0);
    CHECK_OK(journal_commit(f->journal, &f->err), &f->err);
}

static void find_spans(struct fixture *f) {
    f->span_count = 0;
    for (int i = 0; i < journal_topic_count(f->journal); i++) {
        struct journal_topic t = journal_topic_at(f->journal, i);
        int64_t ends[8];
        CHECK_OK(journal_ends(f->journal, t.id, ends, &f->err), &f->err);
        for (int32_t p = 0; p < t.partitions; p++)
            f->spans[f->span_count++] = (struct journal_span){t.id, p, 0, ends[p]};
    }
}

static void setup(struct fixture *f) {
    struct journal_options o = {.partitions = 3};
    struct k2_interner *in = k2_interner_new();
    *f = (struct fixture){.dir = k2test_dir()};
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    CHECK_OK(lake_open(f->dir, true, &f->lake, &f->err), &f->err);
    CHECK_OK(lake_table_ensure(f->lake, kind, &f->err), &f->err);
    CHECK_OK(journal_open(f->dir, JOURNAL_WRITE, &o, &f->journal, &f->err), &f->err);
    f->plan = (struct sink_plan){
        .journal = f->journal, .kind = kind, .schemas = &f->schemas, .rows = 500};
    CHECK_OK(lake_table_load(f->lake, k2_sv_of(kind->table), &f->plan.table, &f->err), &f->err);
    for (int64_t i = 1; i <= TRADES; i++)
        for (int x = 0; x < EXCHANGES; x++)
            append(f, in, x, i);
    CHECK_OK(journal_commit(f->journal, &f->err), &f->err);
    f->schemas.source = k2_registry_source(journal_registry(f->journal));
    pthread_mutex_init(&f->schemas.mutex, NULL);
    find_spans(f);
    k2_interner_free(in);
}

static void teardown(struct fixture *f) {
    pthread_mutex_destroy(&f->schemas.mutex);
    lake_table_free(f->plan.table);
    lake_close(f->lake);
    journal_close(f->journal);
    k2test_rmdir(f->dir);
}

static int count_files(struct fixture *f) {
    int n = 0;
    char *root = k2_path(f->dir, "warehouse"), command[512];
    snprintf(command, sizeof command, "find '%s' -name '*.parquet' | wc -l", root);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_int_equal(fscanf(p, "%d", &n), 1);
    pclose(p);
    free(root);
    return n;
}

static int64_t rows_of(const struct sink_set *set) {
    int64_t rows = 0;
    for (int i = 0; i < set->file_count; i++)
        rows += set->files[i].rows;
    return rows;
}

static void ends_only_grow(const struct lake_offsets *before, const struct lake_offsets *after) {
    for (int i = 0; i < after->n; i++)
        assert_true(after->at[i].end >=
                    lake_offsets_get(before, after->at[i].topic, after->at[i].partition));
}

/* All sets of a crew, which together must be the journal, each partition from its start to its end. */
static void take_all(struct fixture *f, int workers) {
    struct sink_crew *c;
    struct lake_offsets reached = {.journal_id = journal_id(f->journal)};
    int64_t rows = 0;
    int more = 1, sets = 0;
    CHECK_OK(sink_crew_new(&f->plan, f->spans, f->span_count, workers, &c, &f->err), &f->err);
    for (; more > 0; sets++) {
        struct sink_set set;
        more = sink_crew_next(c, &set, &f->err);
        assert_true(more >= 0);
        assert_int_equal(rows_of(&set), set.rows);
        assert_true(set.rows <= (int64_t)f->plan.rows * workers);
        ends_only_grow(&reached, &set.ends);
        for (int i = 0; i < set.ends.n; i++)
            lake_offsets_set(&reached, set.ends.at[i].topic, set.ends.at[i].partition,
                             set.ends.at[i].end);
        rows += set.rows;
        int64_t before = 0;
        for (int i = 0; i < reached.n; i++)
            before += reached.at[i].end;
        assert_int_equal(before, rows); /* the local journal's offsets are dense */
        sink_set_discard(&set);
    }
    assert_int_equal(rows, EXCHANGES * TRADES);
    assert_true(sets > 1);
    lake_offsets_free(&reached);
    sink_crew_free(c);
    assert_int_equal(count_files(f), 0);
}

static void any_number_of_workers_gives_every_row_once(void **state) {
    (void)state;
    struct fixture f;
    setup(&f);
    for (int workers = 1; workers <= 12; workers += workers < 4 ? 1 : 4)
        take_all(&f, workers);
    teardown(&f);
}

static void one_bad_record_stops_all_and_leaves_no_file(void **state) {
    (void)state;
    for (int workers = 1; workers <= 3; workers++) {
        struct fixture f;
        struct sink_crew *c;
        struct sink_set set;
        int more = 1;
        setup(&f);
        append_damage(&f);
        find_spans(&f);
        CHECK_OK(sink_crew_new(&f.plan, f.spans, f.span_count, workers, &c, &f.err), &f.err);
        while (more > 0 && (more = sink_crew_next(c, &set, &f.err)) >= 0)
            sink_set_discard(&set);
        assert_int_equal(more, K2_E_CORRUPT);
        assert_non_null(strstr(f.err.msg, "topic market.ticks.x0 partition 0 offset"));
        sink_crew_free(c);
        assert_int_equal(count_files(&f), 0);
        teardown(&f);
    }
}

static void a_crew_that_is_left_early_takes_its_files_with_it(void **state) {
    (void)state;
    struct fixture f;
    struct sink_crew *c;
    struct sink_set set;
    setup(&f);
    CHECK_OK(sink_crew_new(&f.plan, f.spans, f.span_count, 3, &c, &f.err), &f.err);
    assert_int_equal(sink_crew_next(c, &set, &f.err), 1);
    sink_set_discard(&set);
    sink_crew_free(c);
    assert_int_equal(count_files(&f), 0);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_workers_gives_every_row_once),
        cmocka_unit_test(one_bad_record_stops_all_and_leaves_no_file),
        cmocka_unit_test(a_crew_that_is_left_early_takes_its_files_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
