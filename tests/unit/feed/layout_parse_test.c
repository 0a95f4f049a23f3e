/* The language of layouts: what is good, and what is wrong on which line. */
#include "feed/layout/layout.h"
#include "k2test.h"

#define HEAD "layout t-1.0\ntitle T\nexchange ASX\norder big\n"
#define BODY                                                                                       \
    "struct header\n  u16 length\n  char type\nstruct message sized=header.length\n  header\n"     \
    "  choose header.type\npacket\n  u64 number\n  message repeat=rest\n"

static void every_layout_of_the_program_is_good(void **state) {
    (void)state;
    int bad = 0;
    for (int i = 0; i < layout_text_count(); i++) {
        struct layout *l;
        struct k2_err err = {0};
        if (layout_from_text(&layout_texts[i], &l, &err) != K2_OK) {
            print_error("%s\n", err.msg);
            bad++;
            continue;
        }
        assert_string_equal(l->ops.name, layout_texts[i].name);
        assert_true(strlen(l->ops.title) > 0 && strlen(l->ops.numbering) > 0);
        assert_true(l->nodes_n > 5 && l->programs_n > 1);
        assert_ptr_not_equal(feed_find(k2_sv_of(l->ops.name)), NULL);
        layout_free(l);
    }
    if (bad)
        fail_msg("%d layouts in feeds/ are broken, see above", bad);
    assert_int_equal(layout_count(), layout_text_count());
    assert_null(layout_named(K2_SV("no-such-layout")));
    assert_null(layout_at(layout_count()));
}

static void a_broken_layout_of_the_program_is_passed_over(void **state) {
    (void)state;
    static const unsigned char broken[] = "layout x\ntitle T\n  nonsense\n",
                               fine[] = HEAD BODY "message 'A' one\n  u8 a\n";
    const struct layout_text texts[] = {
        {"x", broken, sizeof broken - 1}, {"t-1.0", fine, sizeof fine - 1}, {0}};
    struct layout_set *set = layout_set_new(texts);
    assert_int_equal(layout_set_count(set), 1);
    assert_string_equal(layout_set_at(set, 0)->ops.name, "t-1.0");
    assert_null(layout_set_at(set, 1));
    assert_null(layout_set_named(set, K2_SV("x")));
    assert_ptr_equal(layout_set_named(set, K2_SV("t-1.0")), layout_set_at(set, 0));
    layout_set_free(set);
}

static void versions_compare_as_numbers(void **state) {
    (void)state;
    static const char *const order[] = {"a-1.0", "a-1.9",      "a-1.10", "a-1.10b",
                                        "a-2.0", "a-plus-1.0", "b-0.1"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (size_t k = 0; k < sizeof order / sizeof *order; k++)
            assert_int_equal(layout_newer(k2_sv_of(order[i]), k2_sv_of(order[k])), i > k);
    assert_false(layout_newer(K2_SV("a-1.09"), K2_SV("a-1.9")));
}

static void a_mistake_is_told_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "t:1: a layout needs the lines layout, title and exchange"},
        {"title T\n", "t:1: the first line is: layout NAME: \"title\""},
        {"layout A\n", "t:1: a layout's name has only a-z 0-9 . -: \"A\""},
        {HEAD, "t:1: a layout needs a packet"},
        {HEAD "what is\n", "t:5: there is no such directive: \"what\""},
        {HEAD "  u8 a\n", "t:5: a field outside of a struct, packet or message: \"u8 a\""},
        {HEAD "packet\n  u9 a\n", "t:6: there is no type or struct: \"u9\""},
        {HEAD "packet\n  u8\n", "t:6: the field has no name (a-z 0-9 _): \"\""},
        {HEAD "packet\n  u8 A\n", "t:6: the field has no name (a-z 0-9 _): \"A\""},
        {HEAD "packet\n  text a\n", "t:6: how many bytes it has is not said: \"a\""},
        {HEAD "packet\n  u8 a # note\n  u8 b if=c=1\n", "t:7: there is no field: \"c\""},
        {HEAD "packet\n  u8 a what=1\n", "t:6: there is no such option: \"what=1\""},
        {HEAD "packet\n  bits8 a x:5 \\\n  y:4\n", "t:6: the flags have more bits than there are"},
        {HEAD "struct a\n  a\n", "t:6: there is no type or struct: \"a\""},
        {HEAD "packet\n  u8 a\n  choose a\n", "t:7: choose stands inside a unit"},
        {HEAD BODY "message 'A' one\n  u8 a\nmessage 'A' two\n",
         "two messages have the same key: \"two\""},
        {HEAD BODY "message A one\nmessage 12345678x two\n", "t:15: this is no key"},
        {HEAD BODY "message 'A' one\n  u8 a\n  event what a=a\n",
         "t:16: there is no kind of event: \"what\""},
        {HEAD BODY "message 'A' one\n  u8 a\n  event trade prise=a\n",
         "t:16: the kind has no such column: \"prise\""},
        {HEAD BODY "message 'A' one\n  u8 a\n  event trade price=b\n",
         "t:16: there is no field: \"b\""},
        {HEAD BODY "message 'A' one\n  u8 a\n  event book_event quantity=a\n",
         "t:16: the event needs the column: \"action\""},
        {HEAD BODY "message 'A' one\n  block 4\n  u8 a\n", "t:16: the last block has no end"},
        {HEAD "time noon\n" BODY "message 'A' one\n  u8 a\n", "t:5: a time is a sum of"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct layout *l;
        struct k2_err err = {0};
        assert_int_equal(layout_parse(k2_sv_of(bad[i].text), "t", &l, &err), K2_E_INVALID);
        assert_null(l);
        if (!strstr(err.msg, bad[i].why))
            fail_msg("of mistake %zu: \"%s\" and not \"%s\"", i, err.msg, bad[i].why);
    }
}

static void a_struct_is_copied_to_every_place_of_use(void **state) {
    (void)state;
    struct layout *l;
    struct k2_err err = {0};
    CHECK_OK(layout_parse(K2_SV(HEAD "struct pair\n  u8 a\n  u8 b\n" BODY
                                     "message 'A','B' one\n  pair first\n  pair second\n"),
                          "t", &l, &err),
             &err);
    int pairs = 0;
    for (uint32_t i = 0; i < l->nodes_n; i++)
        pairs += k2_sv_eq(l->nodes[i].name, K2_SV("a"));
    assert_int_equal(pairs, 2);
    assert_int_equal(l->cases_n, 2);
    assert_true(l->root[1].node < 0);
    layout_free(l);
}

/* A list that is empty has no address, to which nothing may be added: the sanitizers see it. */
static void what_has_nothing_in_it_is_read_too(void **state) {
    (void)state;
    struct layout *l;
    struct k2_err err = {0};
    assert_int_equal(layout_parse((struct k2_sv){NULL, 0}, "t", &l, &err), K2_E_INVALID);
    CHECK_OK(layout_parse(K2_SV(HEAD "struct message sized=rest\n  pad1 a\npacket\n  message\n"),
                          "t", &l, &err),
             &err);
    assert_int_equal(l->leaves_n, 0);
    layout_free(l);
    CHECK_OK(layout_parse(K2_SV(HEAD "struct message\n  u8 a\n  choose a\npacket\n  message\n"),
                          "t", &l, &err),
             &err);
    assert_int_equal(l->cases_n, 0);
    layout_free(l);
}

static void a_file_with_a_layout_is_a_format(void **state) {
    (void)state;
    const struct feed_ops *ops;
    struct k2_err err = {0};
    assert_int_equal(feed_load(K2_SV("no-such-feed"), &ops, &err), K2_E_NOTFOUND);
    assert_true(feed_load(K2_SV("/no/such/file.layout"), &ops, &err) != K2_OK);
    FILE *f = fopen("mine.layout", "w");
    fputs(HEAD BODY "message 'A' one\n  u8 a\n", f);
    fclose(f);
    CHECK_OK(feed_load(K2_SV("mine.layout"), &ops, &err), &err);
    assert_ptr_equal(feed_find(K2_SV("mine.layout")), ops);
    assert_string_equal(ops->title, "T");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_of_the_program_is_good),
        cmocka_unit_test(a_broken_layout_of_the_program_is_passed_over),
        cmocka_unit_test(versions_compare_as_numbers),
        cmocka_unit_test(a_mistake_is_told_with_its_line),
        cmocka_unit_test(a_struct_is_copied_to_every_place_of_use),
        cmocka_unit_test(what_has_nothing_in_it_is_read_too),
        cmocka_unit_test(a_file_with_a_layout_is_a_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
