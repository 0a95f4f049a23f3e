/* Trace: the ids it takes, and where it says a row stands, against what the test put there. */
#include "world.h"

static struct world w;
static struct k2_err err;

static int set_up(void **state) {
    (void)state;
    world_open(&w);
    for (int i = 0; i < 6; i++) { /* MOEX.BRK.B: 1, 3, 5; MOEX.SBER: 2, 4, 6 */
        struct k2_event e = world_trade(&w, "MOEX", i % 2 ? "SBER" : "BRK.B",
                                        world_time("2014-03-10") + i * K2_NS_PER_SEC, 7, 9);
        world_append(&w, &e);
        world_commit(&w);
        if (i == 1 || i == 3)
            world_sink(&w); /* two snapshots of two rows; the last two rows stay in the journal */
    }
    world_engine(&w);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_close(&w);
    return 0;
}

static void parse(const char *text, struct trace_id *id) {
    CHECK_OK(trace_parse(text, id, &err), &err);
}

static void an_identity_is_read_back_with_its_escapes(void **state) {
    (void)state;
    struct trace_id id;
    parse("MOEX/2014-03-10/a%2Fb%25/quote/1/-7/3", &id);
    assert_string_equal(id.exchange, "MOEX");
    assert_string_equal(id.channel, "a/b%");
    assert_int_equal(id.trade_date, k2_days_from_civil(2014, 3, 10));
    assert_ptr_equal(id.kind, k2_kind(K2_KIND_QUOTE));
    assert_int_equal(id.epoch, 1);
    assert_int_equal(id.sequence, -7);
    assert_int_equal(id.part, 3);
    trace_id_free(&id);
}

static void the_printed_identity_of_an_event_names_it(void **state) {
    (void)state;
    struct k2_event e = world_trade(&w, "MOEX", "SBER", world_time("2014-03-11"), 1, 1);
    struct k2_buf text = {0};
    struct trace_id id;
    k2_message_id(&e, w.in, &text);
    parse(k2_buf_cstr(&text), &id);
    assert_string_equal(id.channel, "main/1%");
    assert_int_equal(id.sequence, e.trade.exchange_sequence_number);
    trace_id_free(&id);
    k2_buf_free(&text);
}

static void the_short_form_keeps_the_dots_of_a_symbol(void **state) {
    (void)state;
    struct trace_id id;
    parse("MOEX.BRK.B.12", &id);
    assert_string_equal(id.exchange, "MOEX");
    assert_string_equal(id.symbol, "BRK.B");
    assert_int_equal(id.sequence, 12);
    assert_null(id.channel);
    trace_id_free(&id);
}

static void what_is_no_id_is_wrong_usage(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "x",
                                        "A.B",
                                        "A.B.",
                                        "A..1",
                                        ".B.1",
                                        "A.B.x",
                                        "A.B.99999999999999999999",
                                        "A/2014-03-10/c/trade/0/1",
                                        "A/2014-02-30/c/trade/0/1/0",
                                        "A/2014-03-10/c/trades/0/1/0",
                                        "A/2014-03-10/c%2/trade/0/1/0",
                                        "A/2014-03-10/c%zz/trade/0/1/0",
                                        "A/2014-03-10/c/trade/0/1/0/0",
                                        "A/2014-03-10/c/trade/99999999999/1/0",
                                        "%"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct trace_id id;
        if (trace_parse(wrong[i], &id, &err) != K2_E_USAGE)
            fail_msg("'%s' was taken", wrong[i]);
    }
}

static void run(const char *text, struct trace_report *r) {
    struct trace_id id;
    parse(text, &id);
    CHECK_OK(trace_run(w.engine, w.journal, &id, r, &err), &err);
    trace_id_free(&id);
}

static void a_row_of_the_table_is_placed_and_equal_to_its_record(void **state) {
    (void)state;
    struct trace_report r;
    run("MOEX.BRK.B.3", &r);
    assert_int_equal(r.row_count, 1);
    assert_true(r.rows[0].in_table);
    assert_int_equal(r.journal.state, TRACE_KEPT);
    assert_string_equal(r.journal.topic, "market.ticks.moex");
    assert_true(r.journal.compared);
    assert_true(r.journal.same);
    assert_int_equal(r.journal.segment, 0);
    assert_true(r.journal.bytes > 0);
    assert_non_null(r.table.file);
    assert_int_equal(r.table.file_rows, 2);
    assert_int_equal(r.table.row, 0); /* sorted by time: 3 before 4 */
    assert_int_equal(r.table.row_group, 0);
    assert_int_equal(r.table.row_groups, 1);
    trace_free(&r);
}

static void the_snapshot_that_brought_it_is_the_first_that_covers_it(void **state) {
    (void)state;
    struct trace_report first, second;
    run("MOEX.SBER.2", &first);
    run("MOEX.SBER.4", &second);
    assert_int_equal(first.table.snapshots, 2);
    assert_int_equal(first.table.holding, 2);
    assert_int_equal(second.table.holding, 1);
    assert_int_equal(second.table.brought, second.table.current);
    assert_true(first.table.brought != second.table.brought);
    assert_false(first.table.older_gone);
    trace_free(&first);
    trace_free(&second);
}

static void a_row_that_no_table_holds_is_found_in_the_journal(void **state) {
    (void)state;
    struct trace_report r;
    run("MOEX.SBER.6", &r);
    assert_int_equal(r.row_count, 1);
    assert_false(r.rows[0].in_table);
    assert_int_equal(r.looked_at, 2); /* only what the table lacks */
    assert_false(r.journal.compared);
    assert_null(r.table.file);
    trace_free(&r);
}

static void an_unknown_id_finds_nothing_and_says_how_much_was_read(void **state) {
    (void)state;
    struct trace_report r;
    run("MOEX.SBER.5", &r); /* 5 is BRK.B's */
    assert_int_equal(r.row_count, 0);
    assert_int_equal(r.looked_at, 2);
    trace_free(&r);
    run("MOEX/2014-03-10/other/trade/0/2/0", &r);
    assert_int_equal(r.row_count, 0);
    trace_free(&r);
}

static void without_tables_the_whole_journal_is_searched(void **state) {
    (void)state;
    struct trace_report r;
    struct trace_id id;
    parse("MOEX.SBER.2", &id);
    CHECK_OK(trace_run(NULL, w.journal, &id, &r, &err), &err);
    assert_int_equal(r.row_count, 1);
    assert_int_equal(r.looked_at, 6);
    trace_free(&r);
    CHECK_OK(trace_run(w.engine, NULL, &id, &r, &err), &err); /* and tables alone */
    assert_int_equal(r.row_count, 1);
    assert_int_equal(r.journal.state, TRACE_FOREIGN);
    trace_free(&r);
    trace_id_free(&id);
}

static void sealed_segments_that_cannot_hold_it_are_passed_over(void **state) {
    (void)state;
    struct trace_report r;
    CHECK_OK(journal_seal(w.journal, &err), &err);
    run("MOEX.SBER.6", &r); /* the highest number of the segment */
    assert_int_equal(r.row_count, 1);
    assert_true(r.journal.sealed);
    assert_true(r.journal.digested);
    assert_int_equal(r.journal.digest.count, 3);
    assert_int_equal(r.journal.digest.max_sequence, 6);
    trace_free(&r);
    run("MOEX.SBER.7", &r);
    assert_int_equal(r.row_count, 0);
    assert_int_equal(r.looked_at, 0);
    trace_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_is_read_back_with_its_escapes),
        cmocka_unit_test(the_printed_identity_of_an_event_names_it),
        cmocka_unit_test(the_short_form_keeps_the_dots_of_a_symbol),
        cmocka_unit_test(what_is_no_id_is_wrong_usage),
        cmocka_unit_test(a_row_of_the_table_is_placed_and_equal_to_its_record),
        cmocka_unit_test(the_snapshot_that_brought_it_is_the_first_that_covers_it),
        cmocka_unit_test(a_row_that_no_table_holds_is_found_in_the_journal),
        cmocka_unit_test(an_unknown_id_finds_nothing_and_says_how_much_was_read),
        cmocka_unit_test(without_tables_the_whole_journal_is_searched),
        cmocka_unit_test(sealed_segments_that_cannot_hold_it_are_passed_over),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
