/* The interner against a list that is searched from its start, and blobs. */
#include "base/intern.h"
#include "k2test.h"

static struct k2_sv random_string(uint64_t *seed, char out[80], uint64_t most) {
    size_t n = k2test_random(seed) % most;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('a' + k2test_random(seed) % 3);
    return (struct k2_sv){out, n};
}

/* The model: strings in the order of their ids. */
struct model {
    char *text[4096];
    size_t n[4096];
    uint32_t count;
};

static uint32_t model_find(const struct model *m, struct k2_sv s) {
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->n[i] == s.n && memcmp(m->text[i], s.p, s.n) == 0)
            return i + 1;
    }
    return 0;
}

static uint32_t model_intern(struct model *m, struct k2_sv s) {
    uint32_t id = model_find(m, s);
    if (id)
        return id;
    m->text[m->count] = k2_sv_dup(s);
    m->n[m->count] = s.n;
    return ++m->count;
}

static void model_reset(struct model *m) {
    while (m->count)
        free(m->text[--m->count]);
}

static void a_plain_list_agrees_on_every_id(void **state) {
    (void)state;
    static struct model model;
    uint64_t seed = k2test_seed();
    char text[80];
    struct k2_interner *in = k2_interner_new();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4000; i++) {
            struct k2_sv s = random_string(&seed, text, 1 + k2test_random(&seed) % 70);
            assert_int_equal(k2_intern_find(in, s), model_find(&model, s));
            assert_int_equal(k2_intern(in, s), model_intern(&model, s));
            assert_int_equal(k2_intern_find(in, s), model_find(&model, s));
        }
        assert_int_equal(k2_interner_count(in), model.count);
        for (uint32_t id = 1; id <= model.count; id++) {
            struct k2_sv s = k2_interned(in, id);
            assert_int_equal(s.n, model.n[id - 1]);
            assert_memory_equal(s.p, model.text[id - 1], s.n);
        }
        k2_interner_reset(in);
        model_reset(&model);
    }
    k2_interner_free(in);
}

/* Both ways to intern give one id: with the bytes that stand behind a short string in sight, and
 * without any. */
static void what_stands_behind_a_short_string_does_not_matter(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    for (int i = 0; i < 20000; i++) {
        char around[2 * K2_INTERN_SHORT];
        for (size_t k = 0; k < sizeof around; k++)
            around[k] = (char)(k2test_random(&seed) % 3); /* zeros too: they are not padding */
        size_t n = k2test_random(&seed) % (K2_INTERN_SHORT + 1);
        char *exact = malloc(n + 1);
        memcpy(exact + 1, around, n);
        struct k2_sv alone = {exact + 1, n}, amid = {around, n};
        uint32_t before = k2_intern_find(in, alone);
        uint32_t id = i % 2 ? k2_intern(in, alone) : k2_intern_short(in, amid);
        assert_true(before == 0 || before == id);
        assert_int_equal(k2_intern(in, alone), id);
        assert_int_equal(k2_intern_short(in, amid), id);
        assert_true(k2_sv_eq(k2_interned(in, id), alone));
        free(exact);
    }
    k2_interner_free(in);
}

/* Half of the strings that come are kept sooner or later: ids are those that were promised from the next round on, and
 * equal strings have one id in every round, short and long, kept before or behind their first coming. */
static void a_kept_string_has_its_id_in_all_rounds(void **state) {
    (void)state;
    static char text[3000][80];
    static uint32_t kept[3000], id[3000];
    static size_t n[3000];
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    for (int i = 0; i < 3000; i++)
        n[i] = (size_t)snprintf(text[i], sizeof text[i], "%c%.*s%d", "1S\x80"[i % 3],
                                (int)(k2test_random(&seed) % 3 * 20),
                                "sixty bytes of text, that is what is meant to be here, or so", i);
    uint32_t promised = 0;
    for (int round = 0; round < 40; round++) {
        uint32_t good = k2_interner_count(in), next = good;
        assert_int_equal(good, promised);
        memset(id, 0, sizeof id);
        for (int i = 0; i < 4000; i++) {
            uint64_t at = k2test_random(&seed) % (uint64_t)(round % 4 == 3 ? 3000 : 300);
            struct k2_sv s = {text[at], n[at]};
            bool is_kept = k2_intern_is_kept(in, kept[at]);
            assert_int_equal(is_kept, kept[at] != 0 && kept[at] <= good);
            uint32_t expect = is_kept ? kept[at] : id[at] ? id[at] : ++next;
            assert_int_equal(k2_intern_find(in, s), is_kept || id[at] ? expect : 0);
            id[at] = k2_intern(in, s);
            assert_int_equal(id[at], expect);
            assert_true(k2_sv_eq(k2_interned(in, id[at]), s));
            if (at % 2 && k2test_random(&seed) % 20 == 0) {
                uint32_t promise = k2_intern_keep(in, k2_interned(in, id[at]));
                assert_int_equal(promise, kept[at] ? kept[at] : ++promised);
                kept[at] = promise;
            }
        }
        assert_int_equal(k2_interner_count(in), next);
        k2_interner_reset(in);
    }
    assert_true(promised > 300);
    k2_interner_free(in);
}

static void there_is_an_end_to_what_is_kept(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    static char large[K2_INTERN_KEPT_TEXT + 1];
    char text[32];
    assert_int_equal(k2_intern_keep(in, (struct k2_sv){large, sizeof large}), 0);
    assert_int_equal(k2_intern_keep(in, (struct k2_sv){large, sizeof large - 1}), 1);
    for (uint32_t i = 2; i <= K2_INTERN_KEPT + 2; i++) {
        size_t n = (size_t)snprintf(text, sizeof text, "symbol %u", i);
        assert_int_equal(k2_intern_keep(in, (struct k2_sv){text, n}), i <= K2_INTERN_KEPT ? i : 0);
    }
    k2_interner_reset(in);
    assert_int_equal(k2_intern(in, K2_SV("symbol 2")), 2);
    assert_int_equal(k2_intern(in, K2_SV("another one")), K2_INTERN_KEPT + 1);
    k2_interner_free(in);
}

static void null_and_the_empty_string_are_different(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    assert_int_equal(k2_intern_find(in, K2_SV("")), 0);
    uint32_t id = k2_intern(in, K2_SV(""));
    assert_int_equal(id, 1);
    assert_int_equal(k2_intern(in, (struct k2_sv){NULL, 0}), id);
    assert_null(k2_interned(in, 0).p);
    assert_int_equal(k2_interned(in, 0).n, 0);
    assert_int_equal(k2_interned(in, id).n, 0);
    assert_int_equal(k2_intern(in, (struct k2_sv){"\0", 1}), 2);
    k2_interner_free(in);
}

static void what_is_borrowed_stays_while_the_interner_grows(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct k2_sv first = k2_interned(in, k2_intern(in, K2_SV("AAPL")));
    char text[32];
    for (int i = 0; i < 300000; i++) {
        int n = snprintf(text, sizeof text, "symbol %d", i);
        assert_int_equal(k2_intern(in, (struct k2_sv){text, (size_t)n}), i + 2);
    }
    assert_ptr_equal(k2_interned(in, 1).p, first.p);
    assert_true(k2_sv_eq(first, K2_SV("AAPL")));
    for (int i = 0; i < 300000; i++) {
        int n = snprintf(text, sizeof text, "symbol %d", i);
        assert_int_equal(k2_intern_find(in, (struct k2_sv){text, (size_t)n}), i + 2);
    }
    k2_interner_free(in);
}

static void a_reset_keeps_the_memory_and_reuses_it(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    static char large[200000];
    size_t bytes = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 50000; i++) {
            char text[32];
            int n = snprintf(text, sizeof text, "order-%d-%d", round, i);
            k2_intern(in, (struct k2_sv){text, (size_t)n});
            if (i % 10000 == 0)
                k2_intern(in, (struct k2_sv){large, sizeof large - (size_t)i});
        }
        /* The lengths are those of the first round, so nothing more may be needed. */
        assert_true(round == 0 || k2_interner_bytes(in) == bytes);
        assert_true(k2_interner_used(in) > 0 && k2_interner_used(in) <= k2_interner_bytes(in));
        bytes = k2_interner_bytes(in);
        assert_true(bytes > 50000 * 10 + 5 * sizeof large - 100000);
        k2_interner_reset(in);
        assert_int_equal(k2_interner_count(in), 0);
        assert_int_equal(k2_interner_used(in), 0);
        assert_int_equal(k2_interner_bytes(in), bytes);
        assert_int_equal(k2_intern_find(in, K2_SV("order-0-0")), 0);
    }
    k2_interner_free(in);
}

static void a_blob_gives_back_its_strings_in_order(void **state) {
    (void)state;
    struct k2_buf blob = {0};
    k2_blob_add(&blob, K2_SV("condition"));
    k2_blob_add(&blob, K2_SV(""));
    k2_blob_add(&blob, (struct k2_sv){"a\0b", 3});
    assert_int_equal(blob.n, 3 * 4 + 9 + 3);
    struct k2_sv rest = k2_buf_view(&blob), s;
    assert_true(k2_blob_next(&rest, &s) && k2_sv_eq(s, K2_SV("condition")));
    assert_true(k2_blob_next(&rest, &s) && s.n == 0);
    assert_true(k2_blob_next(&rest, &s) && k2_sv_eq(s, (struct k2_sv){"a\0b", 3}));
    assert_false(k2_blob_next(&rest, &s));
    rest = (struct k2_sv){NULL, 0};
    assert_false(k2_blob_next(&rest, &s));
    k2_buf_free(&blob);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_list_agrees_on_every_id),
        cmocka_unit_test(what_stands_behind_a_short_string_does_not_matter),
        cmocka_unit_test(a_kept_string_has_its_id_in_all_rounds),
        cmocka_unit_test(there_is_an_end_to_what_is_kept),
        cmocka_unit_test(null_and_the_empty_string_are_different),
        cmocka_unit_test(what_is_borrowed_stays_while_the_interner_grows),
        cmocka_unit_test(a_reset_keeps_the_memory_and_reuses_it),
        cmocka_unit_test(a_blob_gives_back_its_strings_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
