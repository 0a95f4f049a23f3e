/* Totals as rows say them, whatever the order and however often the derivation begins anew. */
#include "journal/derive_int.h"

#include "k2test.h"

#include <stdlib.h>

static struct k2_interner *in;

static k2_i128 number(const char *text, int scale) {
    k2_i128 v;
    assert_int_equal(k2_decimal_parse(k2_sv_of(text), 38, scale, &v, NULL), K2_OK);
    return v;
}

static struct k2_event execution(const char *side, const char *quantity, const char *price) {
    struct k2_event e;
    k2_event_blank(&e, K2_KIND_EXECUTION);
    e.kind = K2_KIND_EXECUTION;
    e.execution.side = k2_intern(in, k2_sv_of(side));
    e.execution.quantity = number(quantity, K2_QUANTITY_SCALE);
    e.execution.price = number(price, K2_PRICE_SCALE);
    return e;
}

static struct total new_pnl(void) {
    char *symbol = k2_strdup("S"), *account = k2_strdup("A");
    return (struct total){.symbol = symbol, .account = account};
}

static void end_pnl(struct total *t) {
    pnl_free(&t->pnl);
    free(t->symbol);
    free(t->account);
}

static struct k2_pnl row_of(const struct total *t) {
    struct k2_event e;
    k2_event_blank(&e, K2_KIND_PNL);
    e.kind = K2_KIND_PNL;
    pnl_row(t, in, &e);
    return e.pnl;
}

static void check_text(uint32_t id, const char *want) {
    struct k2_sv s = k2_interned(in, id);
    char text[300];
    snprintf(text, sizeof text, "%.*s", K2_SV_ARG(s));
    assert_string_equal(text, want);
}

static void take(struct total *t, const char *side, const char *quantity, const char *price) {
    struct k2_event e = execution(side, quantity, price);
    assert_int_equal(pnl_apply(t, &e, in, NULL), K2_OK);
}

static void what_closes_is_matched_with_the_oldest_lot(void **state) {
    (void)state;
    struct total t = new_pnl();
    take(&t, "BUY", "100", "10");
    take(&t, "BUY", "50", "12");
    take(&t, "SELL", "120", "15");
    struct k2_pnl row = row_of(&t);
    check_text(row.realised, "560"); /* 100 * 5 + 20 * 3 */
    check_text(row.lots, "30@12");
    check_text(row.open_cost, "360");
    end_pnl(&t);
}

static void a_position_turns_round(void **state) {
    (void)state;
    struct total t = new_pnl();
    take(&t, "BUY", "10", "1.5");
    take(&t, "SELL", "25", "2");
    struct k2_pnl row = row_of(&t);
    check_text(row.realised, "5");
    check_text(row.lots, "15@2");
    check_text(row.open_cost, "-30");
    assert_true(row.position == -number("15", K2_QUANTITY_SCALE));
    take(&t, "BUY", "15", "1");
    row = row_of(&t);
    check_text(row.realised, "20");
    assert_int_equal(row.lots, 0);
    check_text(row.open_cost, "0");
    end_pnl(&t);
}

/* The same numbers in every run. */
static int draw(void) {
    static uint32_t x = 7;
    x = x * 1664525u + 1013904223u;
    return (int)(x >> 8 & 0xffff);
}

/* Every state comes back from its row, and goes on as if nothing had been. */
static void a_row_holds_the_whole_state(void **state) {
    (void)state;
    struct total through = new_pnl(), again = new_pnl();
    for (int i = 0; i < 2000; i++) {
        char quantity[32], price[32];
        snprintf(quantity, sizeof quantity, "%d.%d", 1 + draw() % 90, draw() % 10);
        snprintf(price, sizeof price, "%d.%03d", draw() % 50, draw() % 1000);
        const char *side = draw() % 2 ? "BUY" : "SELL";
        take(&through, side, quantity, price);
        take(&again, side, quantity, price);
        struct k2_event e;
        k2_event_blank(&e, K2_KIND_PNL);
        e.kind = K2_KIND_PNL;
        pnl_row(&again, in, &e);
        struct total next = new_pnl();
        assert_int_equal(pnl_restore(&next, &e, in, NULL), K2_OK);
        end_pnl(&again);
        again = next;
        struct k2_pnl a = row_of(&through), b = row_of(&again);
        assert_memory_equal(&a, &b, sizeof a);
        k2_interner_reset(in);
    }
    end_pnl(&through);
    end_pnl(&again);
}

/* --- volume --- */

static struct k2_event trade(const char *quantity, const char *price) {
    struct k2_event e;
    k2_event_blank(&e, K2_KIND_TRADE);
    e.kind = K2_KIND_TRADE;
    e.trade.quantity = number(quantity, K2_QUANTITY_SCALE);
    e.trade.price = number(price, K2_PRICE_SCALE);
    return e;
}

static struct k2_event correction(const char *action) {
    struct k2_event e;
    k2_event_blank(&e, K2_KIND_CORRECTION);
    e.kind = K2_KIND_CORRECTION;
    e.correction.action = k2_intern(in, k2_sv_of(action));
    return e;
}

static void check_volume(const struct total *t, int64_t trades, const char *quantity,
                         const char *notional) {
    struct k2_event e;
    k2_event_blank(&e, K2_KIND_VOLUME);
    e.kind = K2_KIND_VOLUME;
    volume_row(t, in, &e);
    assert_int_equal(e.volume.trade_count, trades);
    assert_true(e.volume.quantity == number(quantity, K2_QUANTITY_SCALE));
    check_text(e.volume.notional, notional);
}

static void busts_and_corrections_are_taken_off_in_any_order(void **state) {
    (void)state;
    struct k2_event events[4] = {trade("100", "10"), trade("7", "2.5"), correction("BUST"),
                                 correction("CORRECT")};
    struct k2_correction *bust = &events[2].correction, *mend = &events[3].correction;
    bust->original_price = number("2.5", K2_PRICE_SCALE);
    bust->original_quantity = number("7", K2_QUANTITY_SCALE);
    mend->original_price = number("10", K2_PRICE_SCALE);
    mend->original_quantity = number("100", K2_QUANTITY_SCALE);
    mend->price = number("11", K2_PRICE_SCALE);
    for (int first = 0; first < 4; first++) {
        struct total t = {.symbol = NULL};
        for (int i = 0; i < 4; i++)
            assert_int_equal(volume_apply(&t, &events[(first + i) % 4], in, NULL), K2_OK);
        check_volume(&t, 1, "100", "1100");
        assert_int_equal(t.volume.busted, 2);
        assert_int_equal(t.volume.unresolved, 0);
    }
}

static void a_bust_that_does_not_say_of_what_is_counted_and_not_subtracted(void **state) {
    (void)state;
    struct total t = {.symbol = NULL};
    struct k2_event a = trade("1", "3"), b = correction("BUST");
    assert_int_equal(volume_apply(&t, &a, in, NULL), K2_OK);
    assert_int_equal(volume_apply(&t, &b, in, NULL), K2_OK);
    check_volume(&t, 1, "1", "3");
    assert_int_equal(t.volume.unresolved, 1);
}

static void a_sum_that_no_column_holds_is_an_error(void **state) {
    (void)state;
    struct total t = {.symbol = NULL};
    struct k2_event e = trade("600000000000000000", "1");
    assert_int_equal(volume_apply(&t, &e, in, NULL), K2_OK);
    assert_int_equal(volume_apply(&t, &e, in, NULL), K2_E_RANGE);
}

static int set_up(void **state) {
    (void)state;
    in = k2_interner_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    k2_interner_free(in);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_closes_is_matched_with_the_oldest_lot),
        cmocka_unit_test(a_position_turns_round),
        cmocka_unit_test(a_row_holds_the_whole_state),
        cmocka_unit_test(busts_and_corrections_are_taken_off_in_any_order),
        cmocka_unit_test(a_bust_that_does_not_say_of_what_is_counted_and_not_subtracted),
        cmocka_unit_test(a_sum_that_no_column_holds_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
