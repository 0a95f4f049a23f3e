/* The engine on a real data directory: names, views, types, the sandbox, results in every format. */
#include "world.h"

static int set_up(void **state) {
    static struct world w;
    world_open(&w);
    const int64_t t0 = world_time("2014-03-10T10:00:00.123456789Z");
    for (int i = 0; i < 5; i++) {
        struct k2_event e = world_trade(&w, "ASX", i % 2 ? "BHP" : "AAPL", t0 + i * K2_NS_PER_SEC,
                                        INT64_C(12340000000) + i, INT64_C(100) * 10000000000);
        if (i == 2) {
            struct k2_buf blob = {0};
            k2_blob_add(&blob, K2_SV("XT"));
            k2_blob_add(&blob, K2_SV("a\"b"));
            e.trade.conditions = k2_intern(w.in, k2_buf_view(&blob));
            blob.n = 0;
            k2_blob_add(&blob, K2_SV("buyer"));
            k2_blob_add(&blob, K2_SV("7"));
            e.trade.extra = k2_intern(w.in, k2_buf_view(&blob));
            k2_buf_free(&blob);
            e.trade.side = world_str(&w, "BUY");
        }
        if (i == 4)
            e.trade.price = K2_NULL_DECIMAL;
        world_append(&w, &e);
    }
    world_commit(&w);
    world_sink(&w);
    world_engine(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world_close(*state);
    return 0;
}

static void names_resolve_with_and_without_schema(void **state) {
    world_expect(*state, "select count(*) from trades", "5\n");
    world_expect(*state, "select count(*) from market_data.trades", "5\n");
    world_expect(*state, "select count(*) from \"market_data\".\"TICKS\"", "5\n");
    world_expect(*state, "from quotes", "");
}

static void ticks_have_the_names_of_the_specification(void **state) {
    world_expect(*state,
                 "SELECT timestamp, symbol, price, volume FROM market_data.ticks "
                 "WHERE symbol = 'BHP' ORDER BY timestamp DESC LIMIT 1",
                 "2014-03-10T10:00:03.123456Z,BHP,12.340000003,100.0000000000\n");
}

static void message_id_is_the_printed_identity(void **state) {
    struct world *w = *state;
    struct k2_event e = world_trade(w, "ASX", "BHP", world_time("2014-03-10T10:00:01Z"), 1, 1);
    struct k2_buf id = {0};
    e.trade.exchange_sequence_number = 2;
    k2_message_id(&e, w->in, &id);
    k2_buf_byte(&id, '\n');
    world_expect(w, "select message_id from trades where exchange_sequence_number = 2",
                 k2_buf_cstr(&id));
    assert_non_null(strstr(k2_buf_cstr(&id), "/main%2F1%25/trade/0/2/0"));
    k2_buf_free(&id);
}

static void every_column_reads_back(void **state) {
    world_expect(
        *state,
        "select exchange, trade_date, exchange_timestamp_ns, receive_timestamp_ns, channel, "
        "price, quantity, side, conditions, extra, journal_offset is not null, raw_offset "
        "from trades where exchange_sequence_number in (3, 5) order by 3",
        "ASX,2014-03-10,1394445602123456789,,main/1%,12.340000002,100.0000000000,BUY,"
        "\"[\"\"XT\"\",\"\"a\\\"\"b\"\"]\",\"{\"\"buyer\"\":\"\"7\"\"}\",true,\n"
        "ASX,2014-03-10,1394445604123456789,,main/1%,,100.0000000000,,,,true,\n");
    world_expect(*state, "select extra['buyer'], conditions[2] from trades where side = 'BUY'",
                 "7,\"a\"\"b\"\n");
}

#define TABLES                                                                                     \
    "auctions\nbars\nbook_events\nchecked_quotes\nchecked_"                                        \
    "trades\ncorrections\ndefinitions\nexecutions\ngaps\n"                                         \
    "instruments\nmessages\npnl\nquarantine\nquotes\nstatistics\nstatus\nticks\ntrades\nvolumes\n"

static void show_and_describe_list_tables_and_columns(void **state) {
    world_expect(*state, "show tables", TABLES);
    char *text = world_csv(*state, "describe ticks");
    assert_non_null(strstr(text, "\ntimestamp,TIMESTAMP WITH TIME ZONE,"));
    assert_non_null(strstr(text, "\nprice,\"DECIMAL(20,9)\","));
    assert_non_null(strstr(text, "\nvolume,\"DECIMAL(28,10)\","));
    assert_non_null(strstr(text, "\nextra,\"MAP(VARCHAR, VARCHAR)\","));
    assert_non_null(strstr(text, "\nmessage_id,VARCHAR,"));
    free(text);
    world_expect(*state, "select count(*) from (summarize trades)", "24\n");
    text = world_csv(*state, "explain analyze select max(price) from trades");
    assert_non_null(strstr(text, "READ_PARQUET"));
    free(text);
}

static void other_words_for_the_same_are_understood(void **state) {
    char *described = world_csv(*state, "describe trades");
    char *shown = world_csv(*state, "show columns from market_data.trades");
    assert_string_equal(shown, described);
    free(shown);
    free(described);
    world_expect(*state, "SHOW ALL TABLES", TABLES);
    world_expect(*state, "describe", TABLES);
    world_expect(*state, "/* ; */ show /**/ columns -- x\n in ticks; select 1", "1\n");
    world_expect(*state, "select count(*) > 20, min(min) from (summarize trades)", "true,0\n");
}

static void the_information_schema_holds_k2s_tables_only(void **state) {
    const char *tables =
        "auctions,BASE TABLE\nbars,BASE TABLE\nbook_events,BASE TABLE\nchecked_quotes,VIEW\n"
        "checked_trades,VIEW\ncorrections,BASE TABLE\ndefinitions,VIEW\nexecutions,BASE TABLE\n"
        "gaps,BASE TABLE\ninstruments,BASE TABLE\n"
        "messages,BASE TABLE\npnl,BASE TABLE\nquarantine,BASE TABLE\nquotes,BASE "
        "TABLE\nstatistics,BASE TABLE\n"
        "status,BASE TABLE\nticks,VIEW\ntrades,BASE TABLE\nvolumes,BASE TABLE\n";
    world_expect(*state, "select table_name, table_type from information_schema.tables order by 1",
                 tables);
    world_expect(
        *state, "select table_name, table_type from \"INFORMATION_SCHEMA\" . \"tables\" order by 1",
        tables);
    world_expect(*state,
                 "select column_name, data_type from information_schema.columns "
                 "where table_name = 'trades' and column_name in ('price', 'trade_date', 'extra') "
                 "order by 1",
                 "extra,\"MAP(VARCHAR, VARCHAR)\"\nprice,\"DECIMAL(20,9)\"\ntrade_date,DATE\n");
    world_expect(*state, "select distinct table_schema from information_schema.columns",
                 "market_data\n");
    world_expect(*state, "select schema_name from information_schema.schemata", "market_data\n");
    world_expect(*state, "select 'information_schema.tables'", "information_schema.tables\n");
}

/* --- several statements --- */

static int keep_each(void *ctx, struct query_result *result, struct k2_err *err) {
    return query_print(result, QUERY_CSV, 0, ctx, NULL, err);
}

static void every_statement_of_a_request_gives_its_rows(void **state) {
    struct world *w = *state;
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct query_request request = {
        .sql = K2_SV("select 1 as a; select count(*) as b from trades; select 3 as c, 4 as d"),
        .each = keep_each,
        .each_ctx = out};
    struct query_result *result;
    CHECK_OK(query_run(w->engine, &request, &result, &w->err), &w->err);
    assert_int_equal(query_result_columns(result), 2);
    CHECK_OK(query_print(result, QUERY_CSV, 0, out, NULL, &w->err), &w->err);
    query_result_free(result);
    fclose(out);
    assert_string_equal(text, "a\n1\nb\n5\nc,d\n3,4\n");
    free(text);
}

static void the_first_statement_that_fails_ends_the_request(void **state) {
    struct world *w = *state;
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct query_request request = {.sql = K2_SV("select 1 as a; select nothing; select 3 as c"),
                                    .each = keep_each,
                                    .each_ctx = out};
    struct query_result *result;
    CHECK_STATUS(query_run(w->engine, &request, &result, &w->err), K2_E_INVALID);
    fclose(out);
    assert_string_equal(text, "a\n1\n");
    free(text);
    world_expect(w, "select 1", "1\n");
}

/* --- the sandbox --- */

static void refuse(struct world *w, const char *sql, int status) {
    struct query_request request = {.sql = k2_sv_of(sql)};
    struct query_result *result;
    w->err.msg[0] = 0;
    int rc = query_run(w->engine, &request, &result, &w->err);
    if (rc == K2_OK)
        query_result_free(result);
    if (rc != status)
        fail_msg("%s: got %s (%s), expected %s", sql, k2_status_name(rc), w->err.msg,
                 k2_status_name(status));
    assert_true(strlen(w->err.msg) > 20);
}

static void what_does_not_only_read_is_refused(void **state) {
    static const char *const refused[] = {
        "copy (select 1) to 'x.csv'",
        "copy trades from 'x.csv'",
        "attach ':memory:' as x",
        "install httpfs",
        "load httpfs",
        "set threads = 1",
        "set enable_external_access = true",
        "set disabled_optimizers = ''",
        "reset threads",
        "pragma threads = 1",
        "pragma database_list",
        "create table x (a int)",
        "create temp view trades as select 1",
        "drop view trades",
        "insert into k2_plan.trades default values",
        "update trades set price = 1",
        "delete from trades",
        "export database 'x'",
        "import database 'x'",
        "checkpoint",
        "call pragma_version()",
        "use main",
        "begin",
        "commit",
        "rollback",
        "vacuum",
        "prepare x as select 1",
        "execute x",
        "deallocate x",
        "detach memory",
        "alter view trades rename to x",
        "set variable x = 1",
        "set search_path = 'main'",
        "pivot trades on symbol using count(*)",
        "comment on view trades is 'x'",
        "analyze",
        "explain create table x (a int)",
        "explain analyze copy (select 1) to 'x.csv'",
        "show columns from trades; drop view trades",
        "create view information_schema.tables as select 1",
        "drop view information_schema.tables",
        "drop schema k2_information_schema cascade",
        "with x as (select 1) insert into k2_plan.trades(symbol) from x",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        refuse(*state, refused[i], K2_E_UNSUPPORTED);
}

static void files_cannot_be_read_from_sql(void **state) {
    struct world *w = *state;
    static const char *const refused[] = {
        "select * from read_parquet('/etc/passwd')",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/etc/*')",
        "select * from glob('/etc/*')",
        "select * from read_json('/etc/passwd')",
        "select * from parquet_metadata('/etc/passwd')",
        "select * from sniff_csv('/etc/passwd')",
        "select * from query('select * from read_text(''/etc/passwd'')')",
        "select * from duckdb_secrets()",
        "select * from enable_logging()",
        "select * from enable_profiling()",
        "select * from duckdb_logs()",
        "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
        "explain select * from read_text('/etc/passwd')",
        "select * from read_text('http://127.0.0.1/')",
        "select 1; select * from read_text('/etc/passwd')",
        "summarize select * from read_csv('/etc/passwd')",
        "describe select * from read_csv('/etc/passwd')",
        "from (describe select * from read_csv('/etc/passwd'))",
        "show columns from '/etc/passwd.csv'",
        "summarize '/etc/passwd.csv'",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        refuse(w, refused[i], K2_E_UNSUPPORTED);
    refuse(w, "select * from '/etc/passwd.parquet'", K2_E_UNSUPPORTED);
    refuse(w, "show columns from read_csv('/etc/passwd')", K2_E_INVALID);
    refuse(w, "select * from '/etc/passwd'", K2_E_NOTFOUND);
}

/* Our own files too: they are read by the views only, so that no rule on rows can be walked around. */
static void the_warehouse_cannot_be_read_past_the_views(void **state) {
    struct world *w = *state;
    static const char *const refused[] = {
        "select * from read_parquet('%s/warehouse/**/*.parquet')",
        "select * from glob('%s/warehouse/*')",
        "select * from '%s/warehouse/x.parquet'",
        "select * from query('select * from glob(''%s/warehouse/*'')')",
        "select * from parquet_metadata('%s/warehouse/**/*.parquet')",
        "select * from trades, glob('%s/warehouse/*')",
        "with x as (from glob('%s/warehouse/*')) select (select count(*) from x)",
        "summarize '%s/warehouse/market_data/trades/data/*/*.parquet'",
        "select * from information_schema.tables, glob('%s/warehouse/*')",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char sql[4200];
        snprintf(sql, sizeof sql, refused[i], w->dir);
        struct query_request request = {.sql = k2_sv_of(sql)};
        struct query_result *result;
        int rc = query_run(w->engine, &request, &result, &w->err);
        if (rc == K2_OK)
            fail_msg("%s ran", sql);
    }
}

/* An unknown name makes the engine look at all tables; what it made for them must last. */
static void an_unknown_name_first_does_not_hide_tables(void **state) {
    struct world *w = *state;
    struct query_engine *kept = w->engine;
    world_engine(w);
    refuse(w, "select * from nosuch", K2_E_NOTFOUND);
    world_expect(w, "select count(*) from trades", "5\n");
    world_expect(w, "select count(*) from ticks", "5\n");
    query_close(w->engine);
    w->engine = kept;
}

static void a_refused_statement_leaves_the_engine_usable(void **state) {
    refuse(*state, "select * from nosuch", K2_E_NOTFOUND);
    refuse(*state, "select nosuch from trades", K2_E_INVALID);
    refuse(*state, "selec 1", K2_E_UNSUPPORTED);
    refuse(*state, "select", K2_E_INVALID);
    refuse(*state, "select 1 +", K2_E_INVALID);
    refuse(*state, " -- nothing\n ; /* at all */ ;", K2_E_INVALID);
    refuse(*state, "select 'a", K2_E_INVALID);
    refuse(*state, "select error('mine')", K2_E_INVALID);
    refuse(*state, "select cast(symbol as int) from trades", K2_E_INVALID);
    world_expect(*state, "select count(*) from trades", "5\n");
}

/* --- statements and parameters --- */

static void the_last_of_several_statements_answers(void **state) {
    world_expect(*state, "select 1; -- ; not here\n select ';' as a, $$;$$ as b; ", ";,;\n");
}

static char *ask_with(struct world *w, const char *sql, const char *name, const char *value) {
    struct query_param param = {name, value};
    struct query_request request = {.sql = k2_sv_of(sql), .params = &param, .param_count = 1};
    return world_ask(w, &request, QUERY_CSV, NULL);
}

static void parameters_are_cast_by_context(void **state) {
    struct world *w = *state;
    static const struct {
        const char *sql, *value, *answer;
    } cases[] = {
        {"select count(*) as n from trades where symbol = $x", "BHP", "n\n2\n"},
        {"select count(*) as n from trades where symbol = $x", "B' OR 1=1 --", "n\n0\n"},
        {"select count(*) as n from trades where trade_date = $x", "2014-03-10", "n\n5\n"},
        {"select count(*) as n from trades where trade_date > $x", "2014-03-10", "n\n0\n"},
        {"select count(*) as n from trades where price > $x", "12.340000001", "n\n2\n"},
        {"select count(*) as n from trades where exchange_timestamp >= $x",
         "2014-03-10T10:00:03.123456Z", "n\n2\n"},
        {"select count(*) as n from trades where exchange_timestamp_ns = $x", "1394445601123456789",
         "n\n1\n"},
        {"select symbol from trades order by exchange_sequence_number limit $x", "1",
         "symbol\nAAPL\n"},
        {"select 1; select $x::int + 1 as n", "41", "n\n42\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = ask_with(w, cases[i].sql, "x", cases[i].value);
        if (!text)
            fail_msg("%s: %s", cases[i].sql, w->err.msg);
        assert_string_equal(text, cases[i].answer);
        free(text);
    }
    assert_null(ask_with(w, "select 1", "x", "1"));
    assert_non_null(strstr(w->err.msg, "no parameter $x"));
    assert_null(world_csv(w, "select $x"));
    assert_null(ask_with(w, "select count(*) from trades where price > $x", "x", "abc"));
}

/* --- formats --- */

static void every_type_prints_exactly(void **state) {
    world_expect(*state,
                 "select true, 127::tinyint, -9223372036854775808, "
                 "170141183460469231731687303715884105727::hugeint, "
                 "340282366920938463463374607431768211455::uhugeint, -0.5::decimal(3,2), "
                 "0.1::double, 1e300, 'nan'::float, 16777217::float, 100::double",
                 "true,127,-9223372036854775808,170141183460469231731687303715884105727,"
                 "340282366920938463463374607431768211455,-0.50,0.1,1e+300,nan,16777216.0,100.0\n");
    world_expect(*state,
                 "select date '1969-12-31', timestamptz '1969-12-31 23:59:59.999999+00', "
                 "timestamp '2014-03-10 10:00:00', timestamp_ns '2014-03-10 10:00:00.123456789', "
                 "timestamp_s '2014-03-10 10:00:00', timestamp_ms '2014-03-10 10:00:00.5', "
                 "time '10:00:00.5', interval '1 year 3 days 01:00:00', 'infinity'::timestamptz",
                 "1969-12-31,1969-12-31T23:59:59.999999Z,2014-03-10T10:00:00.000000,"
                 "2014-03-10T10:00:00.123456789,2014-03-10T10:00:00,2014-03-10T10:00:00.500,"
                 "10:00:00.500000,1 year 3 days 01:00:00,infinity\n");
    world_expect(
        *state,
        "select '\\x01\\xff'::blob, uuid '6ecd8c99-4036-403d-bf84-cf8400f67836', [1, null], "
        "{'a': 1, 'b': 'x'}, map {1: 2.5}, 'b'::enum('a', 'b'), null, '', [1,2]::int[2], "
        "[{'k': ['v']}]",
        "01ff,6ecd8c99-4036-403d-bf84-cf8400f67836,\"[1,null]\",\"{\"\"a\"\":1,\"\"b\"\":\"\"x\"\"}"
        "\","
        "\"{\"\"1\"\":\"\"2.5\"\"}\",b,,\"\",\"[1,2]\",\"[{\"\"k\"\":[\"\"v\"\"]}]\"\n");
}

static char *print_as(struct world *w, const char *sql, enum query_format f, int64_t max_rows,
                      int64_t *rows) {
    struct query_request request = {.sql = k2_sv_of(sql)};
    struct query_result *result;
    CHECK_OK(query_run(w->engine, &request, &result, &w->err), &w->err);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    CHECK_OK(query_print(result, f, max_rows, out, rows, &w->err), &w->err);
    fclose(out);
    query_result_free(result);
    return text;
}

static void check_print(struct world *w, const char *sql, enum query_format f, const char *expect) {
    char *text = print_as(w, sql, f, 0, NULL);
    assert_string_equal(text, expect);
    free(text);
}

static void formats_have_their_shape(void **state) {
    const char *sql = "select * from (values (1, 'x,\"y', 1.5), (-20, null, null)) v(n, s, d)";
    check_print(*state, sql, QUERY_TABLE,
                "  n  s        d\n---  ----  ----\n  1  x,\"y   1.5\n-20  NULL  NULL\n(2 rows)\n");
    check_print(*state, sql, QUERY_CSV, "n,s,d\n1,\"x,\"\"y\",1.5\n-20,,\n");
    check_print(*state, sql, QUERY_MARKDOWN,
                "|   n | s    |    d |\n|----:|------|-----:|\n|   1 | x,\"y |  1.5 |\n"
                "| -20 | NULL | NULL |\n");
    check_print(*state, "select 1 as a where false", QUERY_TABLE, "  a\n---\n(0 rows)\n");
}

static void json_keeps_what_readers_would_round(void **state) {
    check_print(*state,
                "select 9007199254740993 as a, 9007199254740992 as b, 1.5::decimal(4,1) as c, "
                "1.5::double as d, 'inf'::double as e, e'q\"\\\\\\n\\x01' as f, null as g, 1 as a, "
                "date '2014-03-10' as h",
                QUERY_NDJSON,
                "{\"a\":\"9007199254740993\",\"b\":9007199254740992,\"c\":\"1.5\",\"d\":1.5,"
                "\"e\":\"inf\",\"f\":\"q\\\"\\\\\\n\\u0001\",\"g\":null,\"a_2\":1,"
                "\"h\":\"2014-03-10\"}\n");
    check_print(*state, "select 1 as a union all select 2 order by 1", QUERY_JSON,
                "[\n{\"a\":1},\n{\"a\":2}\n]\n");
    check_print(*state, "select 1 as a where false", QUERY_JSON, "[]\n");
}

static void control_characters_cannot_steer_a_terminal(void **state) {
    check_print(*state, "select e'a\\x1b[2Jb\\n|' as \"x|\"", QUERY_MARKDOWN,
                "| x\\|           |\n|---------------|\n| a\\x1b[2Jb\\n\\| |\n");
}

static void a_table_stops_at_max_rows_and_says_so(void **state) {
    int64_t rows;
    char *text = print_as(*state, "select * from range(30000)", QUERY_TABLE, 3, &rows);
    assert_int_equal(rows, 3);
    assert_non_null(strstr(text, "(3 of 30000 rows)"));
    free(text);
    text = print_as(*state, "select * from range(30000)", QUERY_TABLE, 30000, &rows);
    assert_int_equal(rows, 30000);
    assert_non_null(strstr(text, "\n29999\n(30000 rows)\n"));
    free(text);
}

static void what_takes_long_to_count_is_not_counted(void **state) {
    int64_t rows;
    char *text = print_as(*state, "select * from range(1000000000000)", QUERY_TABLE, 2, &rows);
    assert_int_equal(rows, 2);
    assert_non_null(strstr(text, "\n    1\n(2 of more than "));
    free(text);
}

/* --- on a terminal --- */

static char *show(struct world *w, const char *sql, const struct query_look *look) {
    struct query_request request = {.sql = k2_sv_of(sql)};
    struct query_result *result;
    CHECK_OK(query_run(w->engine, &request, &result, &w->err), &w->err);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    CHECK_OK(query_show(result, look, out, NULL, &w->err), &w->err);
    fclose(out);
    query_result_free(result);
    return text;
}

static void check_show(struct world *w, const char *sql, const struct query_look *look,
                       const char *expect) {
    char *text = show(w, sql, look);
    assert_string_equal(text, expect);
    free(text);
}

static void a_wide_table_fits_the_terminal(void **state) {
    struct query_look look = {.width = 30, .more_columns = "\\x shows all"};
    check_show(*state, "select 'abc' as a, 12.5 as b", &look,
               "a       b\n---  ----\nabc  12.5\n(1 row)\n");
    check_show(*state, "select repeat('x', 40) as a, repeat('\u00e9', 13) as b", &look,
               "a                b\n---------------  -------------\n"
               "xxxxxxxxxxxxxx\u2026  \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
               "\u00e9\u00e9\u00e9\u00e9\n(1 row)\n");
    check_show(*state, "select 1234567890 as a, 2234567890 as b, 3234567890 as c, 4234567890 as d",
               &look,
               "         a  \u2026           d\n----------  -  ----------\n"
               "1234567890  \u2026  4234567890\n(1 row; 2 of 4 columns: \\x shows all)\n");
    look.width = 5; /* half a number would be a wrong number */
    check_show(*state, "select 1234567890 as a", &look,
               "         a\n----------\n1234567890\n(1 row)\n");
}

static void lines_show_every_column(void **state) {
    struct query_look look = {.lines = true, .width = 10, .max_rows = 1, .more_rows = "more"};
    check_show(*state, "select i as a, e'x\\ny' as bcd from range(2) t(i)", &look,
               "  a = 0\nbcd = x\\ny\n\n(1 of 2 rows: more)\n");
}

static void a_result_is_read_once(void **state) {
    struct world *w = *state;
    struct query_request request = {.sql = K2_SV("select 1 as a")};
    struct query_result *first, *second;
    CHECK_OK(query_run(w->engine, &request, &first, &w->err), &w->err);
    CHECK_OK(query_run(w->engine, &request, &second, &w->err), &w->err);
    CHECK_STATUS(query_print(first, QUERY_CSV, 0, stdout, NULL, &w->err), K2_E_INVALID);
    assert_string_equal(query_result_name(first, 0), "a");
    query_result_free(first);
    FILE *out = fopen("/dev/null", "w");
    CHECK_OK(query_print(second, QUERY_CSV, 0, out, NULL, &w->err), &w->err);
    CHECK_STATUS(query_print(second, QUERY_CSV, 0, out, NULL, &w->err), K2_E_INVALID);
    fclose(out);
    query_result_free(second);
}

/* --- exact companions --- */

static void exact_aggregates_round_half_to_even(void **state) {
    world_expect(*state, "select k2_avg(x) from (values (0.0000000001), (0.0000000002)) v(x)",
                 "0.0000000002\n");
    world_expect(*state, "select k2_avg(x) from (values (0.0000000002), (0.0000000003)) v(x)",
                 "0.0000000002\n");
    world_expect(*state, "select k2_avg(-x) from (values (0.0000000001), (0.0000000002)) v(x)",
                 "-0.0000000002\n");
    world_expect(*state, "select k2_avg(x) from (values (1), (null), (2)) v(x)", "1.5000000000\n");
    world_expect(*state, "select k2_avg(x), k2_vwap(x, x) from (select 1 x where false)", ",\n");
    world_expect(
        *state, "select k2_vwap(p, q) from (values (10, 1), (20, 2), (null, 5), (7, null)) v(p, q)",
        "16.666666667\n");
    world_expect(*state, "select k2_vwap(p, 0) from (values (10)) v(p)", "\n");
    world_expect(*state, "select k2_vwap(-p, q) from (values (10, 1), (20, 2)) v(p, q)",
                 "-16.666666667\n");
    world_expect(*state, "select k2_vwap(price, quantity) from trades where symbol = 'BHP'",
                 "12.340000002\n");
    /* beyond 10^19, where sum(price * quantity) overflows */
    world_expect(*state,
                 "select k2_vwap(99999999999::decimal(20,9), 999999999999999) from range(1000)",
                 "99999999999.000000000\n");
    assert_null(world_csv(*state, "select sum(99999999999::decimal(20,9) * "
                                  "999999999999999::decimal(28,10)) from range(1000)"));
}

/* n / d, d != 0, rounded half to even. */
static k2_i128 half_even(k2_i128 n, k2_i128 d) {
    k2_i128 q = n / d, r = n % d, twice = r < 0 ? -2 * r : 2 * r, size = d < 0 ? -d : d;
    bool up = twice > size || (twice == size && q % 2 != 0);
    return up ? q + ((n < 0) != (d < 0) ? -1 : 1) : q;
}

/* From a small number to one of 15 digits, of either sign; often 0. */
static int64_t any_units(uint64_t *seed) {
    static const int64_t sizes[] = {1, 3, 1000, INT64_C(1000000000), INT64_C(1000000000000000)};
    uint64_t r = k2test_random(seed);
    int64_t n = (int64_t)(r >> 8) % sizes[r % 5];
    return (r >> 5) % 3 == 0 ? -n : n;
}

static void put_units(struct k2_buf *out, k2_i128 units, int scale) {
    char text[K2_DECIMAL_TEXT];
    k2_decimal_format(units, scale, text);
    k2_buf_str(out, text);
}

/* A group of rows, and what k2_vwap and k2_avg are to give for it. */
static void put_group(int g, uint64_t *seed, struct k2_buf *sql, struct k2_buf *want) {
    int n = 1 + (int)(k2test_random(seed) % 5);
    k2_i128 turnover = 0, quantity = 0, prices = 0;
    for (int i = 0; i < n; i++) {
        int64_t p = any_units(seed), q = any_units(seed);
        turnover += (k2_i128)p * q;
        quantity += q;
        prices += p;
        k2_buf_printf(sql, "%s(%d, ", g + i > 0 ? ", " : "", g);
        put_units(sql, p, 9);
        k2_buf_str(sql, "::decimal(20,9), ");
        put_units(sql, q, 10);
        k2_buf_str(sql, "::decimal(28,10))");
    }
    k2_buf_printf(want, "%d,", g);
    if (quantity != 0)
        put_units(want, half_even(turnover, quantity), 9);
    k2_buf_byte(want, ',');
    put_units(want, half_even(10 * prices, n), 10);
    k2_buf_byte(want, '\n');
}

/* Corrections and shorts have quantities below 0, and so may their sum be. */
static void exact_aggregates_are_the_fractions_rounded_once_whatever_the_signs(void **state) {
    uint64_t seed = k2test_seed();
    struct k2_buf sql = {0}, want = {0};
    k2_buf_str(&sql, "select g, k2_vwap(p, q), k2_avg(p) from (values ");
    for (int g = 0; g < 400; g++)
        put_group(g, &seed, &sql, &want);
    k2_buf_str(&sql, ") v(g, p, q) group by g order by g");
    world_expect(*state, k2_buf_cstr(&sql), k2_buf_cstr(&want));
    k2_buf_free(&sql);
    k2_buf_free(&want);
}

/* --- Parquet --- */

static void a_result_becomes_a_parquet_file(void **state) {
    struct world *w = *state;
    char path[4200], sql[4300];
    int64_t rows;
    snprintf(path, sizeof path, "%s/out's.parquet", w->dir);
    struct query_param param = {"s", "BHP"};
    struct query_request request = {
        .sql = K2_SV("select message_id, price, conditions, extra from trades where symbol = $s"),
        .params = &param,
        .param_count = 1};
    CHECK_OK(query_to_parquet(w->engine, &request, path, &rows, &w->err), &w->err);
    assert_int_equal(rows, 2);
    snprintf(sql, sizeof sql, "ls -A '%s' | grep -c tmp >/dev/null", w->dir);
    assert_int_not_equal(system(sql), 0);
    request.sql = K2_SV("copy (select 1) to 'x'");
    CHECK_STATUS(query_to_parquet(w->engine, &request, path, &rows, &w->err), K2_E_UNSUPPORTED);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(access("x", F_OK), -1);
}

/* More than memory holds goes to run/tmp, which is gone when the engine is. */
static void what_does_not_fit_memory_is_spilled(void **state) {
    struct world *w = *state;
    struct query_engine *kept = w->engine;
    char command[4200];
    snprintf(command, sizeof command,
             "d='%s/run/tmp/query-999999999-0'; mkdir -p \"$d/x\" && touch -d '2 hours ago' \"$d\"",
             w->dir);
    assert_int_equal(system(command), 0); /* as a killed process leaves it */
    struct query_options options = {.threads = 2, .memory_limit = INT64_C(64) << 20};
    CHECK_OK(query_open(w->dir, &options, &w->engine, &w->err), &w->err);
    world_expect(w,
                 "select count(*), max(s) from (select distinct range, range::varchar || 'x' as s "
                 "from range(1500000))",
                 "1500000,9x\n");
    query_close(w->engine);
    w->engine = kept;
    snprintf(command, sizeof command, "ls -A '%s/run/tmp' | grep -q query", w->dir);
    assert_int_not_equal(system(command), 0);
}

static void a_directory_without_data_says_so(void **state) {
    (void)state;
    struct query_engine *engine;
    struct k2_err err = {0};
    CHECK_STATUS(query_open("/nonexistent/k2", NULL, &engine, &err), K2_E_NOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_resolve_with_and_without_schema),
        cmocka_unit_test(ticks_have_the_names_of_the_specification),
        cmocka_unit_test(message_id_is_the_printed_identity),
        cmocka_unit_test(every_column_reads_back),
        cmocka_unit_test(show_and_describe_list_tables_and_columns),
        cmocka_unit_test(other_words_for_the_same_are_understood),
        cmocka_unit_test(the_information_schema_holds_k2s_tables_only),
        cmocka_unit_test(every_statement_of_a_request_gives_its_rows),
        cmocka_unit_test(the_first_statement_that_fails_ends_the_request),
        cmocka_unit_test(what_does_not_only_read_is_refused),
        cmocka_unit_test(files_cannot_be_read_from_sql),
        cmocka_unit_test(the_warehouse_cannot_be_read_past_the_views),
        cmocka_unit_test(an_unknown_name_first_does_not_hide_tables),
        cmocka_unit_test(a_refused_statement_leaves_the_engine_usable),
        cmocka_unit_test(the_last_of_several_statements_answers),
        cmocka_unit_test(parameters_are_cast_by_context),
        cmocka_unit_test(every_type_prints_exactly),
        cmocka_unit_test(formats_have_their_shape),
        cmocka_unit_test(json_keeps_what_readers_would_round),
        cmocka_unit_test(control_characters_cannot_steer_a_terminal),
        cmocka_unit_test(a_table_stops_at_max_rows_and_says_so),
        cmocka_unit_test(what_takes_long_to_count_is_not_counted),
        cmocka_unit_test(a_wide_table_fits_the_terminal),
        cmocka_unit_test(lines_show_every_column),
        cmocka_unit_test(a_result_is_read_once),
        cmocka_unit_test(exact_aggregates_round_half_to_even),
        cmocka_unit_test(exact_aggregates_are_the_fractions_rounded_once_whatever_the_signs),
        cmocka_unit_test(a_result_becomes_a_parquet_file),
        cmocka_unit_test(what_does_not_fit_memory_is_spilled),
        cmocka_unit_test(a_directory_without_data_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
