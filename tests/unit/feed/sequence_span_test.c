/* Messages that are for more than one number: what the sequence engine takes for missing. */
#include "feed/feed.h"
#include "k2test.h"

static enum seq_verdict judge(struct seq_engine *s, int64_t sequence, int64_t span,
                              struct seq_item *out) {
    struct k2_err err = {0};
    *out = (struct seq_item){.exchange = K2_SV("X"),
                             .channel = K2_SV("a"),
                             .kind = K2_KIND_BOOK_EVENT,
                             .sequence = sequence,
                             .span = span,
                             .payload = {(uint64_t)sequence, 0}};
    CHECK_OK(seq_judge(s, out, 1, &err), &err);
    return out->verdict;
}

static void numbers_that_a_message_is_for_are_not_missing(void **state) {
    (void)state;
    struct seq_engine *s = seq_engine_new((struct seq_history){0});
    struct seq_item i;
    assert_int_equal(judge(s, 10, 4, &i), SEQ_NEW);
    assert_int_equal(judge(s, 15, 4, &i), SEQ_NEW); /* 11 to 15 */
    assert_int_equal(judge(s, 20, 7, &i), SEQ_NEW); /* 13 to 20 overlaps */
    assert_int_equal(judge(s, 30, 6, &i), SEQ_GAP); /* 24 to 30: 21 to 23 are missing */
    assert_int_equal(i.gap_from, 21);
    assert_int_equal(i.gap_to, 23);
    assert_int_equal(seq_engine_stats(s).missing, 3);
    seq_engine_free(s);
}

static void a_late_message_fills_all_of_its_numbers(void **state) {
    (void)state;
    struct seq_engine *s = seq_engine_new((struct seq_history){0});
    struct seq_item i;
    assert_int_equal(judge(s, 10, 0, &i), SEQ_NEW);
    assert_int_equal(judge(s, 20, 0, &i), SEQ_GAP);          /* 11 to 19 */
    assert_int_equal(judge(s, 17, 3, &i), SEQ_OUT_OF_ORDER); /* 14 to 17 */
    assert_int_equal(seq_engine_stats(s).missing, 5);
    assert_int_equal(seq_engine_stats(s).gaps_open, 2);
    assert_int_equal(judge(s, 13, 9, &i), SEQ_OUT_OF_ORDER); /* 4 to 13 */
    assert_int_equal(seq_engine_stats(s).gaps_open, 1);
    assert_int_equal(judge(s, 25, 7, &i), SEQ_NEW); /* 18 to 25: what was missing of it came, too */
    assert_int_equal(seq_engine_stats(s).gaps_open, 0);
    seq_engine_free(s);
}

static void numbers_with_holes_that_mean_nothing_open_no_gap(void **state) {
    (void)state;
    struct seq_engine *s = seq_engine_new((struct seq_history){0});
    struct seq_item i;
    assert_int_equal(judge(s, 10, INT64_MAX, &i), SEQ_NEW);
    assert_int_equal(judge(s, 5000000000, INT64_MAX, &i), SEQ_NEW);
    assert_int_equal(seq_engine_stats(s).gaps_open, 0);
    seq_engine_free(s);
}

static void the_span_of_an_event_is_in_its_flags_and_extra(void **state) {
    (void)state;
    static const struct {
        const char *first;
        int32_t flags;
        int64_t span;
    } cases[] = {{"7", K2_FLAG_SPAN, 3},          {"7", 0, 0},
                 {NULL, K2_FLAG_SPAN, INT64_MAX}, {"x", K2_FLAG_SPAN, 0},
                 {"11", K2_FLAG_SPAN, 0},         {"10", K2_FLAG_SPAN, 0}};
    struct k2_interner *in = k2_interner_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct k2_event e;
        struct k2_buf blob = {0};
        k2_event_blank(&e, K2_KIND_BOOK_EVENT);
        e.head.exchange = e.head.channel = e.head.symbol = k2_intern(in, K2_SV("X"));
        e.head.exchange_sequence_number = 10;
        e.book_event.action = k2_intern(in, K2_SV("SET"));
        e.book_event.flags = cases[i].flags;
        k2_blob_add(&blob, K2_SV("a"));
        k2_blob_add(&blob, K2_SV("b"));
        if (cases[i].first) {
            k2_blob_add(&blob, K2_SV("first_sequence"));
            k2_blob_add(&blob, k2_sv_of(cases[i].first));
        }
        e.book_event.extra = k2_intern(in, k2_buf_view(&blob));
        assert_int_equal(seq_item_of(&e, in).span, cases[i].span);
        k2_buf_free(&blob);
    }
    k2_interner_free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_a_message_is_for_are_not_missing),
        cmocka_unit_test(a_late_message_fills_all_of_its_numbers),
        cmocka_unit_test(numbers_with_holes_that_mean_nothing_open_no_gap),
        cmocka_unit_test(the_span_of_an_event_is_in_its_flags_and_extra),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
