/* Pruning: what is read from a plan, and that a pruned answer is the unpruned one. */
#include "world.h"

#include "query/prune.h"

/* --- terms --- */

static void check_terms(const char *text, const char *expected) {
    static const char *const ops[] = {"=", "<", "<=", ">", ">=", " in "};
    struct prune_scan scan = {0};
    struct k2_buf out = {0};
    prune_terms_read(k2_sv_of(text), &scan);
    for (int i = 0; i < scan.term_count; i++) {
        const struct prune_term *t = &scan.terms[i];
        k2_buf_printf(&out, "[%s%s", t->column, ops[t->op]);
        for (int k = 0; k < t->count; k++)
            k2_buf_printf(&out, "%s%s%s", k ? "," : "", t->literals[k].text,
                          t->literals[k].quoted ? "'" : "");
        k2_buf_byte(&out, ']');
    }
    assert_string_equal(k2_buf_cstr(&out), expected);
    k2_buf_free(&out);
    struct prune_plan plan = {.scan_count = 1, .scans = k2_alloc(sizeof scan)};
    plan.scans[0] = scan;
    prune_plan_free(&plan);
}

static void understood_terms_are_read(void **state) {
    (void)state;
    check_terms("symbol='AAPL'", "[symbol=AAPL']");
    check_terms("symbol='it''s AND x=1'", "[symbol=it's AND x=1']");
    check_terms("trade_date>='2014-03-10'::DATE AND trade_date<='2014-03-12'::DATE",
                "[trade_date>=2014-03-10'][trade_date<=2014-03-12']");
    check_terms("exchange_timestamp<'2014-03-10 10:00:00.5+00'::TIMESTAMP WITH TIME ZONE",
                "[exchange_timestamp<2014-03-10 10:00:00.5+00']");
    check_terms("optional: symbol IN ('a', 'o''b')", "[symbol in a',o'b']");
    check_terms("n!=7 AND n>4 AND optional: n IN (-3, 1, 2) AND (CAST(n AS DECIMAL(20,1)) < 1.5)",
                "[n>4][n in -3,1,2]");
    check_terms("symbol='A' AND (exchange IS NOT NULL)", "[symbol=A']");
    check_terms("optional: d='2014-03-10'::DATE OR d='2014-03-11'::DATE",
                "[d in 2014-03-10',2014-03-11']");
    check_terms("n=1 OR n IN (2, 3)", "[n in 1,2,3]");
}

static void everything_else_prunes_nothing(void **state) {
    (void)state;
    static const char *const texts[] = {
        "symbol='A' OR price>3.0",
        "symbol='A' OR exchange='B'",
        "n>1 OR n<5",
        "optional: n>1 OR n=2",
        "(symbol = 'a')",
        "(year(d) = 2014)",
        "NOT n=5",
        "symbol='x",
        "n=5'",
        "y'",
        "n=",
        "n=5x",
        "=5",
        "n IN ()",
        "n IN (1",
        "n IN (1, NULL)",
        "n=NULL",
        "n=5::HUGEINT",
        "a.b=5",
        "\"n\"=5",
        "n = 5",
        "n=5 AND m=6 OR symbol='x'",
        "optional: Dynamic Filter (n)",
        "n=5)",
        "(n=5",
        "",
        "n=-",
        "5=n",
        "n=5 IS NULL",
        "n==5",
        "n=>5",
        "n<>5",
        "n!=5",
        "length(symbol)>3",
        "symbol~'x'",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct prune_scan scan = {0};
        prune_terms_read(k2_sv_of(texts[i]), &scan);
        if (scan.term_count && strcmp(texts[i], "n=-") != 0)
            fail_msg("%s: a term was read", texts[i]);
        struct prune_plan plan = {.scan_count = 1, .scans = k2_alloc(sizeof scan)};
        plan.scans[0] = scan;
        prune_plan_free(&plan);
    }
}

static void check_plan(const char *json, int scans, int terms, const char *function) {
    struct prune_plan plan;
    struct k2_err err = {0};
    CHECK_OK(prune_plan_read(k2_sv_of(json), "k2_plan", &plan, &err), &err);
    int n = 0;
    for (int i = 0; i < plan.scan_count; i++)
        n += plan.scans[i].term_count;
    assert_int_equal(plan.scan_count, scans);
    assert_int_equal(n, terms);
    if (function)
        assert_string_equal(plan.function, function);
    else
        assert_null(plan.function);
    prune_plan_free(&plan);
}

static void plans_give_scans_of_our_tables_and_foreign_functions(void **state) {
    (void)state;
    check_plan(
        "[{\"name\":\"X\",\"children\":[{\"name\":\"SEQ_SCAN\",\"children\":[],\"extra_info\":"
        "{\"Table\":\"memory.k2_plan.trades\",\"Filters\":[\"a=1\",\"b='x'\"]}}]}]",
        1, 2, NULL);
    check_plan("[{\"extra_info\":{\"Table\":\"memory.main.trades\",\"Filters\":\"a=1\"}}]", 0, 0,
               NULL);
    check_plan(
        "[{\"extra_info\":{\"Function\":\"READ_TEXT\"}},{\"extra_info\":{\"Function\":\"RANGE\"}}]",
        0, 0, "READ_TEXT");
    check_plan("[{\"extra_info\":{\"Function\":\"DUCKDB_TABLES\"}}]", 0, 0, NULL);
    check_plan("[]", 0, 0, NULL);
    check_plan("{\"a\":[1]}", 0, 0, NULL);
}

static void a_table_whose_name_the_plan_quotes_is_found(void **state) {
    (void)state;
    struct prune_plan plan;
    struct k2_err err = {0};
    const char *json = "[{\"extra_info\":{\"Table\":\"memory.k2_plan.\\\"statistics\\\"\"}}]";
    CHECK_OK(prune_plan_read(k2_sv_of(json), "k2_plan", &plan, &err), &err);
    assert_int_equal(plan.scan_count, 1);
    assert_string_equal(plan.scans[0].table, "statistics");
    prune_plan_free(&plan);
}

/* symbol = E'x\nn=5\ny' comes in three pieces, and the middle one looks like a filter. */
static void a_literal_broken_at_newlines_prunes_nothing(void **state) {
    (void)state;
    check_plan("[{\"extra_info\":{\"Table\":\"memory.k2_plan.t\",\"Filters\":"
               "[\"symbol='x\",\"n=5\",\"y'\"]}}]",
               1, 0, NULL);
    check_plan("[{\"extra_info\":{\"Table\":\"memory.k2_plan.t\",\"Filters\":"
               "[\"symbol>='a\",\"b' AND symbol<'c\",\"d'\",\"n=5\"]}}]",
               1, 0, NULL);
}

/* --- on data --- */

#define DAYS 6
#define PER_DAY 40
static const char *const symbols[] = {"AAPL", "BHP", "O'Neil", "x\nexchange_timestamp_ns=5\ny", ""};

/* One file per day and sink run: two a day, so that bounds overlap. */
static void fill(struct world *w) {
    uint64_t seed = k2test_seed();
    int64_t day = world_time("2014-03-08");
    for (int d = 0; d < DAYS; d++, day += K2_NS_PER_DAY)
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < PER_DAY / 2; i++) {
                int64_t ns = day + half * 11 * 3600 * K2_NS_PER_SEC +
                             (int64_t)(k2test_random(&seed) % (13 * 3600)) * K2_NS_PER_SEC;
                const char *symbol = symbols[k2test_random(&seed) % (half ? 5 : 2)];
                struct k2_event e = world_trade(
                    w, k2test_random(&seed) % 2 ? "ASX" : "MOEX", symbol, ns,
                    (int64_t)(k2test_random(&seed) % 20) * 500000000, INT64_C(10000000000));
                if (k2test_random(&seed) % 8 == 0)
                    e.trade.price = K2_NULL_DECIMAL;
                world_append(w, &e);
            }
            world_commit(w);
            world_sink(w);
        }
}

static int set_up(void **state) {
    static struct world w;
    world_open(&w);
    fill(&w);
    world_engine(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world_close(*state);
    return 0;
}

static int files_read(struct world *w, const char *where, int *total) {
    char sql[1024];
    struct query_stats stats = {0};
    snprintf(sql, sizeof sql, "select count(*) from trades where %s", where);
    struct query_request request = {.sql = k2_sv_of(sql)};
    char *text = world_ask(w, &request, QUERY_CSV, &stats);
    if (!text)
        fail_msg("%s: %s", sql, w->err.msg);
    free(text);
    *total = stats.scan_count ? stats.scans[0].files_total : 0;
    return stats.scan_count ? stats.scans[0].files_read : 0;
}

static void dates_times_and_symbols_prune_files(void **state) {
    static const struct {
        const char *where;
        bool prunes;
    } cases[] = {
        {"trade_date = '2014-03-10'", true},
        {"trade_date between '2014-03-09' and '2014-03-10'", true},
        {"trade_date in ('2014-03-09', '2014-03-12')", true},
        {"exchange_timestamp >= '2014-03-12 10:00:00+00' and exchange_timestamp < '2014-03-12 "
         "11:00:00+00'",
         true},
        {"exchange_timestamp >= now() - interval '1 hour'", true},
        {"exchange_timestamp_ns < 1394323200000000000", true},
        {"symbol = 'NOSUCH'", true},
        {"symbol = 'O''Neil'", true},
        {"exchange = 'ZZZ'", true},
        {"price > 100", true},
        {"trade_date = '2014-03-10' and length(symbol) > 3", true},
        {"not (trade_date > '2014-03-08')", true},
        {"(trade_date = '2014-03-10' or symbol = 'AAPL')", false},
        {"year(trade_date) = 2014", false},
        {"symbol = e'x\\nexchange_timestamp_ns=5\\ny'", false},
        {"price is null", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int total, read = files_read(*state, cases[i].where, &total);
        assert_int_equal(total, 2 * DAYS);
        if ((read < total) != cases[i].prunes)
            fail_msg("%s: %d of %d files", cases[i].where, read, total);
    }
}

static void every_scan_of_a_table_keeps_its_files(void **state) {
    world_expect(*state,
                 "select (select count(*) from trades where trade_date = '2014-03-08') + "
                 "(select count(*) from trades where trade_date = '2014-03-09') as n",
                 "80\n");
    world_expect(*state,
                 "with x as (from trades where trade_date = '2014-03-08') "
                 "select count(*) from x a join trades b using (exchange_sequence_number)",
                 "40\n");
    world_expect(*state,
                 "select count(*) from trades a left join trades b on a.exchange_sequence_number = "
                 "b.exchange_sequence_number and b.trade_date = '2014-03-08'",
                 "240\n");
    world_expect(
        *state,
        "select count(*) from trades where trade_date = (select max(trade_date) from trades "
        "where trade_date < '2014-03-10')",
        "40\n");
    world_expect(*state,
                 "select count(*) from (from trades where trade_date = '2014-03-08' union all "
                 "from trades where 1 = 0)",
                 "40\n");
    world_expect(*state,
                 "select count(*) from (from ticks order by timestamp desc limit 50) where "
                 "trade_date = '2014-03-13'",
                 "40\n");
}

/* --- property: WHERE p over pruned files = WHERE (p or nothing that can be pruned) --- */

static void put_constant(struct k2_buf *out, int column, uint64_t r) {
    int day = 7 + (int)(r % 8);
    switch (column) {
    case 0:
        k2_buf_printf(out, "date '2014-03-%02d'", day);
        break;
    case 1:
        k2_buf_printf(out, "timestamptz '2014-03-%02d %02d:30:00.5+00'", day, (int)(r / 8 % 24));
        break;
    case 2:
        k2_buf_printf(out, "%lld", 1394200000000000000 + (long long)(r % 600) * 1000000000000);
        break;
    case 3:
        k2_buf_str(out,
                   (const char *[]){"'AAPL'", "'BHP'", "'O''Neil'", "''",
                                    "e'x\\nexchange_timestamp_ns=5\\ny'", "'B'", "'zz'"}[r % 7]);
        break;
    case 4:
        k2_buf_str(out, r % 3 ? "'ASX'" : "'MOEX'");
        break;
    default:
        k2_buf_printf(out, "%d.5", (int)(r % 12));
    }
}

static const char *const columns[] = {"trade_date", "exchange_timestamp", "exchange_timestamp_ns",
                                      "symbol",     "exchange",           "price"};

static void put_comparison(struct k2_buf *out, uint64_t *seed) {
    static const char *const ops[] = {"=", "<", "<=", ">", ">=", "<>", "is not distinct from"};
    int c = (int)(k2test_random(seed) % 6);
    uint64_t shape = k2test_random(seed) % 8;
    k2_buf_str(out, columns[c]);
    if (shape == 0) {
        k2_buf_str(out, " between ");
        put_constant(out, c, k2test_random(seed));
        k2_buf_str(out, " and ");
        put_constant(out, c, k2test_random(seed));
    } else if (shape <= 2) {
        k2_buf_str(out, shape == 1 ? " in (" : " not in (");
        for (uint64_t n = 1 + k2test_random(seed) % 8; n; n--) {
            put_constant(out, c, k2test_random(seed));
            k2_buf_str(out, n > 1 ? ", " : ")");
        }
    } else if (shape == 3) {
        k2_buf_str(out, k2test_random(seed) % 2 ? " is null" : " is not null");
    } else {
        k2_buf_printf(out, " %s ", ops[k2test_random(seed) % 7]);
        put_constant(out, c, k2test_random(seed));
    }
}

static void put_predicate(struct k2_buf *out, uint64_t *seed, int depth) {
    uint64_t shape = k2test_random(seed) % 10;
    if (depth == 0 || shape == 0) {
        put_comparison(out, seed);
        return;
    }
    k2_buf_str(out, shape == 9 ? "not (" : "(");
    put_predicate(out, seed, depth - 1);
    if (shape != 9) {
        k2_buf_str(out, shape <= 2 ? " or " : " and ");
        put_predicate(out, seed, depth - 1);
    }
    k2_buf_byte(out, ')');
}

static void a_pruned_answer_is_the_unpruned_one(void **state) {
    struct world *w = *state;
    uint64_t seed = k2test_seed();
    int pruned = 0;
    for (int i = 0; i < 100; i++) {
        struct k2_buf predicate = {0}, sql = {0};
        struct query_stats stats = {0}, all = {0};
        put_predicate(&predicate, &seed, 1 + i % 3);
        k2_buf_printf(&sql, "select count(*), sum(exchange_sequence_number) from trades where %s",
                      k2_buf_cstr(&predicate));
        struct query_request request = {.sql = k2_buf_view(&sql)};
        char *got = world_ask(w, &request, QUERY_CSV, &stats);
        pruned += stats.scan_count && stats.scans[0].files_read < stats.scans[0].files_total;
        /* The same with each row's truth computed in the select list: no filter reaches the scan. */
        sql.n = 0;
        k2_buf_printf(&sql,
                      "select count(*) filter (p), sum(n) filter (p) from (select (%s) as p, "
                      "exchange_sequence_number as n from trades)",
                      k2_buf_cstr(&predicate));
        request.sql = k2_buf_view(&sql);
        char *want = world_ask(w, &request, QUERY_CSV, &all);
        if (!got || !want)
            fail_msg("%s: %s", k2_buf_cstr(&predicate), w->err.msg);
        if (strcmp(strchr(got, '\n'), strchr(want, '\n')) != 0)
            fail_msg("seed %llu: %s: got %s want %s", (unsigned long long)k2test_seed(),
                     k2_buf_cstr(&predicate), got, want);
        assert_int_equal(all.scans[0].files_read, all.scans[0].files_total);
        free(got);
        free(want);
        k2_buf_free(&predicate);
        k2_buf_free(&sql);
    }
    assert_true(pruned > 12); /* else the property says little */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understood_terms_are_read),
        cmocka_unit_test(everything_else_prunes_nothing),
        cmocka_unit_test(plans_give_scans_of_our_tables_and_foreign_functions),
        cmocka_unit_test(a_table_whose_name_the_plan_quotes_is_found),
        cmocka_unit_test(a_literal_broken_at_newlines_prunes_nothing),
        cmocka_unit_test(dates_times_and_symbols_prune_files),
        cmocka_unit_test(every_scan_of_a_table_keeps_its_files),
        cmocka_unit_test(a_pruned_answer_is_the_unpruned_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
