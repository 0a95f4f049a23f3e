/* lobster and lobster-book: rows by hand, bad ones, every cut, names. */
#include "feed_helper.h"

#define NAME "AAPL_2012-06-21_34200000_57600000_message_10.csv"
#define BOOK "AAPL_2012-06-21_34200000_57600000_orderbook_2.csv"
#define ADD "34200.004241176,1,16113575,18,5853300,1\n"
#define RUN "34200.190226476,4,16113584,10,5853200,1\n"
#define HIDDEN "34200.275016084,5,0,1,5858000,-1\n"

static void decode(const char *format, const char *name, const char *text, size_t step,
                   struct gathered *g) {
    struct feed_options o = plain_options(name);
    gather_init(g);
    decode_text(format, &o, k2_sv_of(text), step, g);
}

static struct k2_sv pair(const struct gathered *g, uint32_t map, const char *key) {
    struct k2_sv blob = k2_interned(g->in, map), k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key)))
            return v;
    return (struct k2_sv){NULL, 0};
}

static void a_new_order_is_added_to_the_book(void **state) {
    (void)state;
    struct gathered g;
    decode("lobster", NAME, ADD, 0, &g);
    assert_int_equal(g.n, 1);
    const struct k2_book_event *b = &g.all[0].event.book_event;
    assert_int_equal(g.all[0].event.kind, K2_KIND_BOOK_EVENT);
    assert_string_equal(text_of(&g, b->exchange), "XNAS");
    assert_string_equal(text_of(&g, b->symbol), "AAPL");
    assert_string_equal(text_of(&g, b->channel), "AAPL.message_10.34200000");
    assert_string_equal(text_of(&g, b->action), "ADD");
    assert_string_equal(text_of(&g, b->order_id), "16113575");
    assert_string_equal(text_of(&g, b->side), "BUY");
    assert_true(b->price == (k2_i128)585330000000);
    assert_true(b->quantity == (k2_i128)180000000000);
    /* 2012-06-21 was at UTC-4 in New York */
    assert_true(b->exchange_timestamp_ns == INT64_C(1340285400004241176));
    assert_int_equal(b->flags, K2_FLAG_LAST | K2_FLAG_SHARED);
    assert_int_equal(b->exchange_sequence_number, 1);
    gather_free(&g);
}

static void an_execution_is_an_event_of_the_book_and_a_trade_of_the_other_side(void **state) {
    (void)state;
    struct gathered g;
    decode("lobster", NAME, ADD RUN, 0, &g);
    assert_int_equal(g.n, 3);
    const struct k2_book_event *b = &g.all[1].event.book_event;
    const struct k2_trade *t = &g.all[2].event.trade;
    assert_string_equal(text_of(&g, b->action), "EXECUTE");
    assert_int_equal(b->flags, K2_FLAG_SHARED);
    assert_int_equal(t->flags, K2_FLAG_LAST | K2_FLAG_SHARED);
    assert_string_equal(text_of(&g, b->side), "BUY");
    assert_string_equal(text_of(&g, t->side), "SELL");
    assert_true(b->exchange_sequence_number == 2 && t->exchange_sequence_number == 2);
    assert_true(b->part == 0 && t->part == 1);
    assert_true(k2_sv_eq(pair(&g, t->extra, "order_id"), K2_SV("16113584")));
    gather_free(&g);
}

static void a_hidden_execution_and_a_cross_are_trades_only(void **state) {
    (void)state;
    struct gathered g;
    decode("lobster", NAME, HIDDEN "57600.5,6,-1,4000,5777000,-1\n", 0, &g);
    assert_int_equal(g.n, 2);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_int_equal(g.all[0].event.kind, K2_KIND_TRADE);
    assert_string_equal(text_of(&g, t->side), "BUY");
    struct k2_sv blob = k2_interned(g.in, t->conditions), code;
    assert_true(k2_blob_next(&blob, &code) && k2_sv_eq(code, K2_SV("5")));
    assert_int_equal(t->extra, 0);
    t = &g.all[1].event.trade;
    assert_int_equal(t->side, 0);
    assert_true(k2_sv_eq(pair(&g, t->extra, "direction"), K2_SV("-1")));
    gather_free(&g);
}

static void halts_and_resumptions_are_states_of_trading(void **state) {
    (void)state;
    static const char *const words[] = {"HALTED", "QUOTE_ONLY", "OPEN", "OTHER"};
    struct gathered g;
    decode("lobster", NAME,
           "36023,7,0,0,-1,-1\n36323,7,0,0,0,-1\n36723,7,0,0,1,-1\n36724,7,0,0,2,-1\n", 0, &g);
    assert_int_equal(g.events, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(text_of(&g, g.all[i].event.trading_status.status), words[i]);
    gather_free(&g);
}

static void a_bad_row_is_refused_once_and_uses_up_its_number(void **state) {
    (void)state;
    static const char *const rows[] = {
        "34200,9,1,18,5853300,1\n",         "34200,1,1,18,5853300\n", "x,1,1,18,5853300,1\n",
        "34200,1,1,-18,5853300,1\n",        "34200,1,1,18,58x,1\n",   "34200,1,1,18,5853300,0\n",
        "34200,1,,18,5853300,1\n",          "86400,1,1,1,1,1\n",      "34200,1,1,1.5,1,1\n",
        "34200.1234567891,1,1,18,58533,1\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gathered g;
        struct k2_buf text = {0};
        k2_buf_str(&text, ADD);
        k2_buf_str(&text, rows[i]);
        k2_buf_str(&text, ADD);
        decode("lobster", NAME, k2_buf_cstr(&text), 0, &g);
        assert_true(g.events == 2 && g.rejects == 1 && g.all[1].rejected);
        assert_true(g.all[1].numbered && g.all[1].position == 2);
        assert_int_equal(g.all[1].event.head.exchange_sequence_number, 2);
        assert_int_equal(g.all[2].event.head.exchange_sequence_number, 3);
        k2_buf_free(&text);
        gather_free(&g);
    }
}

static void a_price_beyond_the_column_is_out_of_range(void **state) {
    (void)state;
    struct gathered g;
    decode("lobster", NAME, "34200,1,1,18,12345678901234567,1\n", 0, &g);
    assert_string_equal(g.all[0].reason, "RANGE");
    gather_free(&g);
}

static void levels_that_changed_and_the_best_come_out_of_a_book_row(void **state) {
    (void)state;
    struct gathered g;
    decode("lobster-book", BOOK,
           "101,5,100,7,102,6,9999999999,0\n"
           "101,5,100,7,102,6,9999999999,0\n"
           "102,6,100,8,9999999999,0,-9999999999,0\n",
           0, &g);
    /* quote, 3 levels; quote; quote, asks 1 and 2 and bid 1 */
    assert_int_equal(g.events, 4 + 1 + 4);
    assert_int_equal(g.rejects, 0);
    const struct k2_book_event *b = &g.all[1].event.book_event;
    assert_int_equal(b->flags, K2_FLAG_SHARED | K2_FLAG_SNAPSHOT);
    assert_int_equal(b->level, 1);
    assert_int_equal(g.all[4].event.kind, K2_KIND_QUOTE);
    assert_int_equal(g.all[4].event.quote.exchange_sequence_number, 2);
    const struct k2_quote *q = &g.all[5].event.quote;
    assert_true(q->ask_price == (k2_i128)10200000 && q->bid_quantity == (k2_i128)80000000000);
    b = &g.all[8].event.book_event;
    assert_string_equal(text_of(&g, b->action), "DELETE");
    assert_true(b->level == 2 && b->price == (k2_i128)10200000 && b->quantity == K2_NULL_DECIMAL);
    gather_free(&g);
}

static void a_book_row_has_the_time_of_the_message_pasted_in_front(void **state) {
    (void)state;
    struct gathered g;
    decode("lobster-book", BOOK, "34201.5,1,16113575,18,5853300,1,101,5,100,7\n", 0, &g);
    assert_true(g.all[0].event.quote.exchange_timestamp_ns == INT64_C(1340285401500000000));
    assert_true(k2_sv_eq(pair(&g, g.all[0].event.quote.extra, "type"), K2_SV("1")));
    gather_free(&g);
    decode("lobster-book", BOOK, "101,5,100,7\n101,5,100\n101,5,100,7,1,1,1,1\n101,x,1,1\n", 0, &g);
    assert_true(g.all[0].event.quote.exchange_timestamp_ns == INT64_C(1340285400000000000));
    assert_int_equal(g.rejects, 3);
    gather_free(&g);
}

static void a_book_without_a_time_is_refused_and_none_is_made_up(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t ns; /* of the day in UTC; -1 = refused */
    } files[] = {
        {"AMZN_2012-06-21_orderbook_1.csv", -1},
        {"AMZN_2012-06-21_orderbook_1_first998.csv", -1},
        {"AMZN_2012-06-21_orderbook_1_2460-2470.csv", -1},
        {"AMZN_2012-06-21_orderbook_1_09301230.csv", -1},
        {"AMZN_2012-06-21_orderbook_1_0930-1230.csv.gz", INT64_C(48600000000000)},
        {"AMZN_2012-06-21_34200000_57600000_orderbook_1.csv", INT64_C(48600000000000)},
    };
    const struct feed_ops *ops = feed_find(K2_SV("lobster-book"));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct gathered g;
        struct k2_err err = {0};
        size_t consumed;
        struct feed_options o = plain_options(files[i].name);
        void *memory = calloc(1, ops->state_size);
        gather_init(&g);
        CHECK_OK(ops->init(ops, memory, &o, g.in, &err), &err);
        int rc = ops->decode(memory, K2_SV("101,5,100,7\n"), true, &consumed, &g.sink, &err);
        if (files[i].ns < 0) {
            assert_int_equal(rc, K2_E_INVALID);
            assert_non_null(strstr(err.msg, "neither the rows nor the file's name say a time"));
            assert_int_equal(g.n, 0);
        } else {
            CHECK_OK(rc, &err);
            assert_true(g.all[0].event.head.exchange_timestamp_ns % K2_NS_PER_DAY == files[i].ns);
        }
        ops->fini(memory);
        free(memory);
        gather_free(&g);
    }
}

static void every_cut_gives_the_same(void **state) {
    (void)state;
    static const char text[] = "time,type,order_id,size,price,direction\r\n" ADD RUN
                               "\r\nnonsense\r\n" HIDDEN "36023,7,0,0,-1,-1";
    struct gathered whole;
    decode("lobster", NAME, text, 0, &whole);
    assert_true(whole.events == 5 && whole.rejects == 1);
    for (size_t step = 1; step < 60; step++) {
        struct gathered g;
        decode("lobster", NAME, text, step, &g);
        assert_int_equal(g.n, whole.n);
        for (size_t i = 0; i < g.n; i++) {
            assert_int_equal(g.all[i].position, whole.all[i].position);
            assert_int_equal(g.all[i].event.head.exchange_sequence_number,
                             whole.all[i].event.head.exchange_sequence_number);
        }
        gather_free(&g);
    }
    gather_free(&whole);
}

static void the_name_or_the_options_say_symbol_and_date(void **state) {
    (void)state;
    const struct feed_ops *ops = feed_find(K2_SV("lobster"));
    struct gathered g;
    struct k2_err err = {0};
    void *memory = calloc(1, ops->state_size);
    struct feed_options o = plain_options("messages.csv");
    gather_init(&g);
    assert_int_equal(ops->init(ops, memory, &o, g.in, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "--symbol and --date"));
    ops->fini(memory);
    free(memory);
    o.symbol = K2_SV("MSFT");
    assert_int_equal(k2_date_parse(K2_SV("2012-06-21"), &o.date, NULL), K2_OK);
    decode_text("lobster", &o, K2_SV(ADD), 0, &g);
    assert_string_equal(text_of(&g, g.all[0].event.book_event.channel), "MSFT.message");
    gather_free(&g);
}

static void files_are_told_by_name_and_shape(void **state) {
    (void)state;
    assert_ptr_equal(feed_detect(K2_SV(NAME), K2_SV(ADD)), feed_find(K2_SV("lobster")));
    assert_ptr_equal(feed_detect(K2_SV("x.csv"), K2_SV(ADD)), feed_find(K2_SV("lobster")));
    assert_ptr_equal(feed_detect(K2_SV(BOOK), K2_SV("101,5,100,7,102,6,99,1\n")),
                     feed_find(K2_SV("lobster-book")));
    assert_null(feed_detect(K2_SV("x.csv"), K2_SV("101,5,100,7,102,6,99,1\n")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_order_is_added_to_the_book),
        cmocka_unit_test(an_execution_is_an_event_of_the_book_and_a_trade_of_the_other_side),
        cmocka_unit_test(a_hidden_execution_and_a_cross_are_trades_only),
        cmocka_unit_test(halts_and_resumptions_are_states_of_trading),
        cmocka_unit_test(a_bad_row_is_refused_once_and_uses_up_its_number),
        cmocka_unit_test(a_price_beyond_the_column_is_out_of_range),
        cmocka_unit_test(levels_that_changed_and_the_best_come_out_of_a_book_row),
        cmocka_unit_test(a_book_row_has_the_time_of_the_message_pasted_in_front),
        cmocka_unit_test(a_book_without_a_time_is_refused_and_none_is_made_up),
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(the_name_or_the_options_say_symbol_and_date),
        cmocka_unit_test(files_are_told_by_name_and_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
