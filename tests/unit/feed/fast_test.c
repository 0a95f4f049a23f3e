/* FAST 1.1: the examples of the specification's section 10.6 and of its appendix on operators, byte by byte, and what it
 * calls an error. */
#include "feed/fast/fast.h"
#include "k2test.h"

#define ONE(field) "<templates><template name='T' id='1'>" field "</template></templates>"

struct bench {
    struct fast_templates *t;
    struct fast_decoder d;
    char text[1024];
};

static void open_bench(struct bench *b, const char *xml) {
    struct k2_err err = {0};
    CHECK_OK(fast_templates_parse(k2_sv_of(xml), &b->t, &err), &err);
    fast_decoder_init(&b->d, b->t);
}

static void close_bench(struct bench *b) {
    fast_decoder_free(&b->d);
    fast_templates_free(b->t);
}

static size_t bytes_of(const char *hex, uint8_t out[256]) {
    size_t n = 0;
    for (; *hex; hex += 2) {
        while (*hex == ' ')
            hex++;
        unsigned v;
        assert_int_equal(sscanf(hex, "%2x", &v), 1);
        out[n++] = (uint8_t)v;
    }
    return n;
}

static void print_cell(const struct bench *b, const struct fast_cell *c, struct k2_buf *out) {
    const struct fast_field *f = &b->t->fields[c->field];
    const struct fast_value *v = &c->value;
    struct k2_sv text = fast_text(&b->d, v);
    char number[K2_DECIMAL_TEXT];
    if (c->is == FAST_OPEN)
        k2_buf_printf(out, "%s{", f->name);
    else if (c->is == FAST_CLOSE)
        k2_buf_str(out, "} ");
    else if (v->there != FAST_ASSIGNED)
        k2_buf_printf(out, "%s=null ", f->name);
    else if (v->type > FAST_DECIMAL)
        k2_buf_printf(out, "%s=\"%.*s\" ", f->name, K2_SV_ARG(text));
    else if (k2_decimal_format_short(v->number, 0, number) && v->type == FAST_DECIMAL)
        k2_buf_printf(out, "%s=%se%d ", f->name, number, v->exponent);
    else
        k2_buf_printf(out, "%s=%s ", f->name, number);
}

/* The message as text, or the fault. */
static const char *decode(struct bench *b, const char *hex) {
    uint8_t bytes[256];
    struct k2_buf out = {0};
    size_t n = bytes_of(hex, bytes), size = fast_decode(&b->d, bytes, n);
    if (!size) {
        k2_buf_str(&out, b->d.more ? "more" : b->d.why);
    } else {
        assert_int_equal(size, n);
        for (size_t i = 0; i < b->d.n; i++)
            print_cell(b, &b->d.cells[i], &out);
    }
    snprintf(b->text, sizeof b->text, "%s", k2_buf_cstr(&out));
    k2_buf_free(&out);
    return b->text;
}

struct step {
    const char *hex, *says;
};

static void check(const char *xml, const struct step *steps, size_t n) {
    struct bench b;
    open_bench(&b, xml);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(decode(&b, steps[i].hex), steps[i].says);
    close_bench(&b);
}
#define CHECK_STEPS(xml, ...)                                                                      \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        check(xml, steps_, sizeof steps_ / sizeof *steps_);                                        \
    } while (0)

static void integers_are_those_of_the_specification(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<int32 name='v' presence='optional'/>"), {"c0 81 39 45 a4", "v=942755 "},
                {"80 46 3a dd", "v=-942755 "}, {"80 80", "v=null "});
    CHECK_STEPS(ONE("<int32 name='v'/>"), {"c0 81 39 45 a3", "v=942755 "},
                {"80 7c 1b 1b 9d", "v=-7942755 "}, {"80 00 40 81", "v=8193 "},
                {"80 7f 3f ff", "v=-8193 "});
    CHECK_STEPS(ONE("<uInt32 name='v' presence='optional'/>"), {"c0 81 81", "v=0 "},
                {"80 82", "v=1 "}, {"80 39 45 a4", "v=942755 "}, {"80 80", "v=null "});
    CHECK_STEPS(ONE("<uInt64 name='v' presence='optional'/>"),
                {"c0 81 02 00 00 00 00 00 00 00 00 80", "v=18446744073709551615 "});
    CHECK_STEPS(ONE("<uInt64 name='v'/>"),
                {"c0 81 01 7f 7f 7f 7f 7f 7f 7f 7f ff", "v=18446744073709551615 "},
                {"80 02 00 00 00 00 00 00 00 00 80", "D2: an integer is larger than its type"});
    CHECK_STEPS(ONE("<int64 name='v'/>"),
                {"c0 81 7f 00 00 00 00 00 00 00 00 80", "v=-9223372036854775808 "});
}

static void integers_out_of_their_range_are_faults(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<uInt32 name='v'/>"), {"c0 81 0f 7f 7f 7f ff", "v=4294967295 "},
                {"80 10 00 00 00 80", "D2: an integer is larger than its type"},
                {"80 01 01 01 01 01 01 01 01 01 01 81", "D2: an integer has too many bytes"},
                {"80 00 81", "R6: an integer is longer than it needs to be"});
    CHECK_STEPS(ONE("<int32 name='v'/>"),
                {"c0 81 08 00 00 00 80", "D2: an integer is larger than its type"},
                {"c0 81 00 81", "R6: an integer is longer than it needs to be"},
                {"c0 81 7f ff", "R6: an integer is longer than it needs to be"});
}

static void strings_are_those_of_the_specification(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<string name='v' presence='optional'/>"), {"c0 81 41 42 c3", "v=\"ABC\" "},
                {"80 80", "v=null "}, {"80 00 80", "v=\"\" "},
                {"80 00 00 c1", "R9: a string is longer than it needs to be"});
    CHECK_STEPS(ONE("<string name='v'/>"), {"c0 81 41 42 c3", "v=\"ABC\" "}, {"80 80", "v=\"\" "},
                {"80 00 c1", "R9: a string is longer than it needs to be"});
    CHECK_STEPS(ONE("<byteVector name='v' presence='optional'/>"),
                {"c0 81 84 41 42 43", "v=\"ABC\" "}, {"80 80", "v=null "}, {"80 81", "v=\"\" "});
    CHECK_STEPS(ONE("<string name='v' charset='unicode'/>"), {"c0 81 82 c3 a9", "v=\"\xc3\xa9\" "},
                {"80 82 c3 41", "R2: a string is no UTF-8"}, {"80 82 c3", "more"});
}

static void decimals_are_those_of_the_specification(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<decimal name='v'/>"), {"c0 81 82 39 45 a3", "v=942755e2 "},
                {"80 fe 39 45 a3", "v=942755e-2 "}, {"80 fe 46 3a dd", "v=-942755e-2 "},
                {"80 00 c0 81", "R1: the exponent of a decimal is not -63 to 63"});
    CHECK_STEPS(ONE("<decimal name='v' presence='optional'/>"),
                {"c0 81 83 39 45 a3", "v=942755e2 "}, {"80 80", "v=null "});
    CHECK_STEPS(ONE("<decimal name='v'><exponent><copy/></exponent><mantissa><delta/></mantissa>"
                    "</decimal>"),
                {"e0 81 fe 39 45 a3", "v=942755e-2 "}, {"80 81", "v=942756e-2 "},
                {"80 ff", "v=942755e-2 "});
    CHECK_STEPS(ONE("<decimal name='v' presence='optional'><exponent><copy/></exponent>"
                    "<mantissa><copy/></mantissa></decimal>"),
                {"f0 81 fe 85", "v=5e-2 "}, {"80", "v=5e-2 "}, {"a0 80", "v=null "},
                {"80", "v=null "});
}

static void a_constant_takes_no_byte(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<uInt32 name='v'><constant value='7'/></uInt32>"), {"c0 81", "v=7 "});
    CHECK_STEPS(ONE("<string name='v' presence='optional'><constant value='X'/></string>"),
                {"e0 81", "v=\"X\" "}, {"80", "v=null "});
}

static void a_default_is_taken_where_the_bit_is_not_set(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<uInt32 name='v'><default value='0'/></uInt32>"), {"c0 81", "v=0 "},
                {"a0 81", "v=1 "}, {"80", "v=0 "});
    CHECK_STEPS(ONE("<uInt32 name='v' presence='optional'><default/></uInt32>"),
                {"c0 81", "v=null "}, {"a0 82", "v=1 "}, {"a0 80", "v=null "});
}

static void a_copy_repeats_the_previous_value(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<string name='v'><copy/></string>"), {"e0 81 43 4d c5", "v=\"CME\" "},
                {"80", "v=\"CME\" "}, {"a0 49 53 c5", "v=\"ISE\" "}, {"80", "v=\"ISE\" "});
    CHECK_STEPS(ONE("<uInt32 name='v'><copy/></uInt32>"),
                {"c0 81", "D5: there is neither a previous nor an initial value"});
    CHECK_STEPS(ONE("<uInt32 name='v' presence='optional'><copy value='5'/></uInt32>"),
                {"c0 81", "v=5 "}, {"a0 80", "v=null "}, {"80", "v=null "});
}

static void an_increment_adds_one_and_wraps(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<uInt32 name='v'><increment value='1'/></uInt32>"), {"c0 81", "v=1 "},
                {"80", "v=2 "}, {"80", "v=3 "}, {"a0 81", "v=1 "}, {"80", "v=2 "},
                {"a0 0f 7f 7f 7f ff", "v=4294967295 "}, {"80", "v=0 "});
}

static void a_delta_is_added_to_the_previous_value(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<int32 name='v'><delta/></int32>"), {"c0 81 39 45 a3", "v=942755 "},
                {"80 fb", "v=942750 "}, {"80 80", "v=942750 "});
    CHECK_STEPS(ONE("<decimal name='v'><delta/></decimal>"), {"c0 81 fe 09 b9", "v=1209e-2 "},
                {"80 80 86", "v=1215e-2 "});
    CHECK_STEPS(ONE("<uInt32 name='v' presence='optional'><delta/></uInt32>"), {"c0 81 82", "v=1 "},
                {"80 80", "v=null "}, {"80 82", "v=2 "},
                {"80 fd", "D2: an integer is larger than its type"});
}

static void a_delta_of_a_string_cuts_either_end(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<string name='v'><delta/></string>"), {"c0 81 80 47 45 48 b6", "v=\"GEH6\" "},
                {"80 82 4d b6", "v=\"GEM6\" "}, {"80 fd 45 c4", "v=\"EDM6\" "},
                {"80 ff c1", "v=\"AEDM6\" "},
                {"80 86 c1", "D7: more is cut off a string than it has"});
}

static void a_tail_replaces_the_end(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<string name='v'><tail/></string>"), {"e0 81 47 45 48 b6", "v=\"GEH6\" "},
                {"a0 4d b6", "v=\"GEM6\" "}, {"80", "v=\"GEM6\" "},
                {"a0 41 42 43 44 c5", "v=\"ABCDE\" "});
}

static void sequences_have_a_map_for_each_element_that_needs_one(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<sequence name='S'><length name='N'/><uInt32 name='a'><copy/></uInt32>"
                    "</sequence>"),
                {"c0 81 82 c0 85 80", "N=2 S{a=5 } S{a=5 } "}, {"80 80", "N=0 "});
    CHECK_STEPS(ONE("<sequence name='S' presence='optional'><length name='N'/><uInt32 name='a'/>"
                    "</sequence>"),
                {"c0 81 83 81 82", "N=2 S{a=1 } S{a=2 } "}, {"80 80", "N=null S=null "},
                {"80 81", "N=0 "});
    CHECK_STEPS(
        ONE("<sequence name='S'><uInt32 name='a'><constant value='1'/></uInt32></sequence>"),
        {"c0 81 0f 7f 7f 7f ff", "a sequence is longer than a message can be"});
}

static void groups_and_messages_inside_messages(void **state) {
    (void)state;
    CHECK_STEPS(
        ONE("<group name='G' presence='optional'><uInt32 name='a'><copy/></uInt32></group>"),
        {"e0 81 c0 82", "G{a=2 } "}, {"80", "G=null "});
    static const char two[] =
        "<templates><template name='Head'><uInt32 name='h'/></template>"
        "<template name='Body' id='2'><uInt32 name='b'/></template>"
        "<template name='T' id='1'><templateRef name='Head'/><templateRef/></template></templates>";
    CHECK_STEPS(two, {"c0 81 85 c0 82 86", "h=5 templateRef{b=6 } "},
                {"c0 81 85 c0 87 86", "D9: there is no template of its number"});
}

static void dictionaries_share_values_by_their_names(void **state) {
    (void)state;
    static const char shared[] =
        "<templates><template name='A' id='1'><uInt32 name='v'><copy/></uInt32></template>"
        "<template name='B' id='2'><uInt32 name='v'><copy/></uInt32></template></templates>";
    CHECK_STEPS(shared, {"e0 81 85", "v=5 "}, {"c0 82", "v=5 "});
    static const char own[] = "<templates dictionary='template'><template name='A' id='1'><uInt32 "
                              "name='v'><copy/></uInt32>"
                              "</template><template name='B' id='2'><uInt32 name='v'><copy "
                              "value='9'/></uInt32></template>"
                              "</templates>";
    CHECK_STEPS(own, {"e0 81 85", "v=5 "}, {"c0 82", "v=9 "});
    static const char typed[] =
        "<templates><template name='A' id='1'><typeRef name='X'/><uInt32 name='v'>"
        "<copy dictionary='type'/></uInt32></template><template name='B' id='2'><typeRef name='X'/>"
        "<uInt32 name='v'><copy dictionary='type'/></uInt32></template><template name='C' id='3'>"
        "<uInt32 name='v'><copy dictionary='type' value='1'/></uInt32></template></templates>";
    CHECK_STEPS(typed, {"e0 81 85", "v=5 "}, {"c0 82", "v=5 "}, {"c0 83", "v=1 "});
    static const char mixed[] =
        "<templates><template name='A' id='1'><uInt32 name='v'><copy key='k'/></uInt32>"
        "<string name='w'><copy key='k' value='x'/></string></template></templates>";
    CHECK_STEPS(mixed, {"e0 81 85", "D4: the previous value is of another type"});
}

static void a_reset_forgets_every_previous_value(void **state) {
    (void)state;
    static const char xml[] = ONE("<uInt32 name='v'><copy value='1'/></uInt32>");
    CHECK_STEPS(xml, {"e0 81 85", "v=5 "}, {"80", "v=5 "}, {"c0 f8", ""}, {"c0 81", "v=1 "});
}

static void the_first_message_says_its_template(void **state) {
    (void)state;
    CHECK_STEPS(ONE("<uInt32 name='v'/>"),
                {"80 81", "D5: it says no template, and no message before it does"},
                {"c0 81 81", "v=1 "}, {"80 82", "v=2 "});
}

static void presence_maps_of_more_bits_than_fields_are_faults(void **state) {
    (void)state;
    static const char xml[] = ONE("<uInt32 name='v'><copy value='1'/></uInt32>");
    CHECK_STEPS(xml, {"d0 81", "R8: a presence map has bits that no field asks for"},
                {"40 80 81", "R7: a presence map is longer than it needs to be"},
                {"c0 81", "v=1 "});
}

static void a_message_that_is_not_whole_changes_nothing(void **state) {
    (void)state;
    static const char xml[] = ONE("<uInt32 name='v'><increment/></uInt32><string "
                                  "name='s'><tail/></string><uInt32 name='w'/>");
    CHECK_STEPS(xml, {"f0 81 81 41 c2 81", "v=1 s=\"AB\" w=1 "}, {"90 c3", "more"},
                {"90 c3 81", "v=2 s=\"AC\" w=1 "}, {"80 01", "more"},
                {"80 82", "v=3 s=\"AC\" w=2 "});
}

/* Texts that no previous value holds are given up from time to time; those that one holds are not. */
static void previous_texts_outlive_many_messages(void **state) {
    struct bench b;
    (void)state;
    open_bench(&b, ONE("<string name='v'><copy/></string><string name='c'><constant "
                       "value='a text of some forty characters or so...'/></string>"));
    (void)decode(&b, "e0 81 41 c2");
    for (int i = 0; i < 5000; i++)
        assert_string_equal(decode(&b, "80"),
                            "v=\"AB\" c=\"a text of some forty characters or so...\" ");
    assert_true(b.d.texts.n < 80000);
    close_bench(&b);
}

static void templates_that_break_the_rules_are_refused(void **state) {
    (void)state;
    static const struct step wrong[] = {
        {"<templates>", "line 1: this is no XML document: no element found"},
        {"<!DOCTYPE t [<!ENTITY a 'b'>]><templates/>",
         "line 1: this is no XML document: it has a document type"},
        {"<x/>", "line 1: <x>: a file of templates begins with <templates>"},
        {"<templates/>", "there is no template with an id in it"},
        {ONE("<float name='v'/>"), "line 1: <float v>: S1: there is no such instruction"},
        {ONE("<string name='v'><increment/></string>"),
         "line 1: <increment>: S2: increment is an operator of integers"},
        {ONE("<uInt32 name='v'><tail/></uInt32>"),
         "line 1: <tail>: S2: tail is an operator of strings and byte vectors"},
        {ONE("<uInt32 name='v'><copy value='x'/></uInt32>"),
         "line 1: <copy>: S3: the value is none of the field's type"},
        {ONE("<uInt32 name='v'><constant/></uInt32>"),
         "line 1: <constant>: S4: a constant needs a value"},
        {ONE("<uInt32 name='v'><default/></uInt32>"),
         "line 1: <default>: S5: the default of a mandatory field needs a value"},
        {ONE("<templateRef name='U'/>"), "line 1: <templateRef U>: D8: there is no such template"},
        {ONE("<templateRef name='T'/>"),
         "line 1: <templateRef T>: templates refer to each other without end"},
        {ONE("<uInt32/>"), "line 1: <uInt32>: it needs a name"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fast_templates *t;
        struct k2_err err = {0};
        assert_int_equal(fast_templates_parse(k2_sv_of(wrong[i].hex), &t, &err), K2_E_INVALID);
        assert_string_equal(err.msg, wrong[i].says);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_the_specification),
        cmocka_unit_test(integers_out_of_their_range_are_faults),
        cmocka_unit_test(strings_are_those_of_the_specification),
        cmocka_unit_test(decimals_are_those_of_the_specification),
        cmocka_unit_test(a_constant_takes_no_byte),
        cmocka_unit_test(a_default_is_taken_where_the_bit_is_not_set),
        cmocka_unit_test(a_copy_repeats_the_previous_value),
        cmocka_unit_test(an_increment_adds_one_and_wraps),
        cmocka_unit_test(a_delta_is_added_to_the_previous_value),
        cmocka_unit_test(a_delta_of_a_string_cuts_either_end),
        cmocka_unit_test(a_tail_replaces_the_end),
        cmocka_unit_test(sequences_have_a_map_for_each_element_that_needs_one),
        cmocka_unit_test(groups_and_messages_inside_messages),
        cmocka_unit_test(dictionaries_share_values_by_their_names),
        cmocka_unit_test(a_reset_forgets_every_previous_value),
        cmocka_unit_test(the_first_message_says_its_template),
        cmocka_unit_test(presence_maps_of_more_bits_than_fields_are_faults),
        cmocka_unit_test(a_message_that_is_not_whole_changes_nothing),
        cmocka_unit_test(previous_texts_outlive_many_messages),
        cmocka_unit_test(templates_that_break_the_rules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
