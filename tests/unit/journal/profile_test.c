/* Profiles: what topics of a journal in a directory are made like, and what of it differs later. */
#include "journal/journal.h"
#include "k2test.h"

#include <stdio.h>
#include <stdlib.h>

static struct journal *open_with(const char *dir, const char *profile, int32_t partitions) {
    struct journal *j;
    struct k2_err err = {0};
    const struct journal_options o = {.partitions = partitions};
    CHECK_OK(journal_use_profile(profile, &err), &err);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    return j;
}

static int32_t made(struct journal *j, const char *name) {
    struct journal_topic t;
    struct k2_err err = {0};
    CHECK_OK(journal_topic(j, k2_sv_of(name), true, &t, &err), &err);
    return t.partitions;
}

static void a_topic_is_made_with_the_partitions_of_the_profile(void **state) {
    static const struct {
        const char *profile;
        int32_t asked, want;
    } cases[] = {{"auto", 0, 3}, {"dev", 0, 3}, {"production", 0, 12}, {"production", 5, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = k2test_dir();
        struct journal *j = open_with(dir, cases[i].profile, cases[i].asked);
        assert_int_equal(made(j, "market.ticks.x"), cases[i].want);
        journal_close(j);
        k2test_rmdir(dir);
    }
    assert_int_equal(journal_use_profile(NULL, NULL), K2_OK);
}

struct seen {
    int fitting, fixed;
    char last[64];
};

static void see(void *ctx, const struct journal_property *p) {
    struct seen *s = ctx;
    s->fitting += p->fit == JOURNAL_FITS;
    s->fixed += p->fit == JOURNAL_FIXED;
    snprintf(s->last, sizeof s->last, "%s %s %s %s", p->topic, p->name, p->is, p->should);
}

static void partitions_that_differ_are_told_and_never_changed(void **state) {
    const struct journal_profile *production;
    struct seen s = {0};
    struct k2_err err = {0};
    (void)state;
    char *dir = k2test_dir();
    struct journal *j = open_with(dir, "dev", 0);
    assert_int_equal(made(j, "market.ticks.x"), 3);
    CHECK_OK(journal_profile_compare(j, journal_profile(j), NULL, false, see, &s, &err), &err);
    assert_int_equal(s.fitting, 1);
    assert_int_equal(s.fixed, 0);
    CHECK_OK(journal_profile_find("production", &production, &err), &err);
    CHECK_OK(journal_profile_compare(j, production, "market.ticks.x", true, see, &s, &err), &err);
    assert_int_equal(s.fixed, 1);
    assert_string_equal(s.last, "market.ticks.x partitions 3 12");
    assert_int_equal(made(j, "market.ticks.x"), 3);
    assert_int_equal(journal_profile_compare(j, production, "no.such", false, see, &s, &err),
                     K2_E_NOTFOUND);
    journal_close(j);
    k2test_rmdir(dir);
    assert_int_equal(journal_use_profile(NULL, NULL), K2_OK);
}

static void an_unknown_profile_is_refused_with_those_there_are(void **state) {
    struct k2_err err = {0};
    (void)state;
    assert_int_equal(journal_use_profile("staging", &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "auto, dev or production"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_is_made_with_the_partitions_of_the_profile),
        cmocka_unit_test(partitions_that_differ_are_told_and_never_changed),
        cmocka_unit_test(an_unknown_profile_is_refused_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
