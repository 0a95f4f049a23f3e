/* The versions of a topic: their names, the place of a partition among all of them, and growing at random moments against
 * a model in memory. */
#include "base/log.h"
#include "journal/journal.h"
#include "journal/local/meta.h"
#include "k2test.h"

enum { KEYS = 9, MOST = 2000, PART_MOST = 64, ONE = 1000000000 };

static struct journal *open_as(const char *dir, enum journal_mode mode) {
    struct journal_options options = {.segment_bytes = 3000};
    struct journal *j;
    struct k2_err err = {0};
    CHECK_OK(journal_open(dir, mode, &options, &j, &err), &err);
    return j;
}

/* --- names --- */

static void check_name(const char *name, const char *of, int32_t version) {
    int32_t got = -1;
    struct k2_sv base = journal_version_parse(k2_sv_of(name), &got);
    if (!k2_sv_eq(base, k2_sv_of(of)) || got != version)
        fail_msg("%s: %.*s and %d", name, K2_SV_ARG(base), got);
}

static void only_a_number_behind_the_exchange_is_a_version(void **state) {
    (void)state;
    check_name("market.ticks.sim", "market.ticks.sim", 1);
    check_name("market.ticks.sim.v2", "market.ticks.sim", 2);
    check_name("market.ticks.sim.v37", "market.ticks.sim", 37);
    check_name("market.ticks.v2", "market.ticks.v2", 1); /* an exchange of that name */
    check_name("market.ticks.v2.v3", "market.ticks.v2", 3);
    check_name("market.ticks.sim.v1", "market.ticks.sim.v1", 1);
    check_name("market.ticks.sim.v0", "market.ticks.sim.v0", 1);
    check_name("market.ticks.sim.v02", "market.ticks.sim.v02", 1);
    check_name("market.ticks.sim.v", "market.ticks.sim.v", 1);
    check_name("market.ticks.sim.v2x", "market.ticks.sim.v2x", 1);
    check_name("market.ticks.sim.w2", "market.ticks.sim.w2", 1);
    check_name("market.ticks.sim.v99999999999", "market.ticks.sim.v99999999999", 1);
    check_name("market.ticks.sim.v2.v3", "market.ticks.sim.v2.v3", 1);
    check_name("k2.sequence.v2", "k2.sequence.v2", 1);
    check_name("", "", 1);
    struct k2_buf name = {0};
    journal_version_name(K2_SV("market.ticks.sim"), 1, &name);
    assert_string_equal(k2_buf_cstr(&name), "market.ticks.sim");
    name.n = 0;
    journal_version_name(K2_SV("market.ticks.sim"), 12, &name);
    assert_string_equal(k2_buf_cstr(&name), "market.ticks.sim.v12");
    k2_buf_free(&name);
}

/* --- against a model --- */

struct written {
    int key;
    int64_t sequence;
    int32_t version, partition; /* partition: as rows have it */
    int64_t offset;
};

struct model {
    struct written all[MOST]; /* in the order they were appended */
    int count;
    int32_t versions, partitions[32]; /* of each version */
    int64_t next[32][PART_MOST];
    int64_t cuts[32][PART_MOST]; /* of the version before */
};

static int32_t first_of(const struct model *m, int32_t version) {
    int32_t first = 0;
    for (int32_t v = 1; v < version; v++)
        first += m->partitions[v - 1];
    return first;
}

/* An event of the key's symbol, as the ingest appends it: to the newest version. */
static void append(struct journal *j, struct model *m, int key, struct k2_interner *in) {
    struct k2_err err = {0};
    struct journal_topic t;
    char symbol[8];
    struct k2_buf name = {0};
    uint32_t schema;
    struct k2_event e;
    if (m->count == MOST)
        return;
    snprintf(symbol, sizeof symbol, "S%d", key);
    CHECK_OK(journal_topic_newest(j, K2_SV("market.ticks.sim"), true, &t, &err), &err);
    assert_int_equal(t.version, m->versions);
    CHECK_OK(k2_registry_register(journal_registry(j), K2_SV("market.ticks.sim-value"),
                                  k2_sv_of(k2_kind(K2_KIND_TRADE)->avro_schema), &schema, &err),
             &err);
    k2_event_blank(&e, K2_KIND_TRADE);
    e.kind = K2_KIND_TRADE;
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, k2_sv_of(symbol));
    e.trade.channel = k2_intern(in, k2_sv_of(symbol));
    e.trade.trade_date = 20514;
    e.trade.exchange_sequence_number = m->count + 1;
    e.trade.price = ONE;
    e.trade.quantity = ONE;
    k2_event_key(&e, in, &name);
    int32_t p = journal_partition(&t, k2_buf_view(&name));
    struct k2_buf *out = journal_record_begin(j, t.id, p, k2_buf_view(&name));
    CHECK_OK(k2_avro_encode(&e, in, schema, out, &err), &err);
    int64_t offset = journal_record_end(j, 0);
    assert_int_equal(offset, m->next[t.version - 1][p]++);
    m->all[m->count++] =
        (struct written){key, e.trade.exchange_sequence_number, t.version, t.first + p, offset};
    k2_buf_free(&name);
}

static void grow(struct journal *j, struct model *m, int32_t partitions) {
    struct k2_err err = {0};
    struct journal_grown grown;
    CHECK_OK(journal_grow(j, K2_SV("market.ticks.sim"), partitions, &grown, &err), &err);
    bool wider = partitions > m->partitions[m->versions - 1];
    assert_int_equal(grown.already, !wider);
    if (wider) {
        memcpy(m->cuts[m->versions], m->next[m->versions - 1], sizeof m->cuts[0]);
        m->partitions[m->versions++] = partitions;
    }
    assert_int_equal(grown.version, m->versions);
    assert_int_equal(grown.partitions, m->partitions[m->versions - 1]);
    assert_int_equal(grown.first, first_of(m, m->versions));
}

static void check_versions(struct journal *j, const struct model *m) {
    struct k2_err err = {0};
    struct journal_topic *all;
    int n;
    CHECK_OK(journal_versions(j, K2_SV("market.ticks.sim.v2"), &all, &n, &err), &err);
    assert_int_equal(n, m->versions);
    for (int i = 0; i < n; i++) {
        int64_t *cut;
        int count;
        assert_int_equal(all[i].version, i + 1);
        assert_int_equal(all[i].partitions, m->partitions[i]);
        assert_int_equal(all[i].first, first_of(m, i + 1));
        journal_cut(j, &all[i], &cut, &count);
        assert_int_equal(count, i == 0 ? 0 : m->partitions[i - 1]);
        assert_memory_equal(cut, m->cuts[i], (size_t)count * sizeof *cut);
        free(cut);
        for (int32_t p = 0; p < all[i].partitions; p++) {
            struct journal_topic t;
            int32_t own;
            CHECK_OK(journal_place(j, all[i].of, all[i].first + p, &t, &own, &err), &err);
            assert_int_equal(t.id, all[i].id);
            assert_int_equal(own, p);
        }
    }
    struct journal_topic t;
    int32_t own;
    int32_t end = all[n - 1].first + all[n - 1].partitions;
    CHECK_STATUS(journal_place(j, K2_SV("market.ticks.sim"), end, &t, &own, &err), K2_E_NOTFOUND);
    CHECK_STATUS(journal_place(j, K2_SV("market.ticks.sim"), -1, &t, &own, &err), K2_E_NOTFOUND);
    free(all);
}

/* All of them in one pass: each at the place the model has, and each key's in the order they were appended in. */
static void check_records(struct journal *j, const struct model *m) {
    struct k2_err err = {0};
    struct journal_topic *all;
    struct journal_span spans[4096];
    struct journal_reader *r;
    struct journal_batch b;
    int n, count = 0, seen = 0, got, last[KEYS];
    bool found[MOST] = {false};
    for (int k = 0; k < KEYS; k++)
        last[k] = -1;
    CHECK_OK(journal_versions(j, K2_SV("market.ticks.sim"), &all, &n, &err), &err);
    for (int i = 0; i < n; i++)
        for (int32_t p = 0; p < all[i].partitions; p++)
            spans[count++] = (struct journal_span){all[i].id, p, 0, INT64_MAX};
    free(all);
    CHECK_OK(journal_read(j, spans, count, &r, &err), &err);
    while ((got = journal_next(r, &b, &err)) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); seen++) {
            int i = 0;
            while (i < m->count && (found[i] || m->all[i].partition != b.row_partition ||
                                    m->all[i].offset != record.offset))
                i++;
            assert_true(i < m->count);
            found[i] = true;
            assert_true(i > last[m->all[i].key]);
            last[m->all[i].key] = i;
        }
    }
    CHECK_OK(got, &err);
    journal_reader_close(r);
    assert_int_equal(seen, m->count);
}

static void check_proof(struct journal *j, const struct model *m) {
    struct k2_err err = {0};
    struct journal_version_proof *p;
    int n;
    int64_t records = 0;
    CHECK_OK(journal_versions_prove(j, K2_SV("market.ticks.sim"), NULL, NULL, &p, &n, &err), &err);
    assert_int_equal(n, m->versions);
    for (int i = 0; i < n; i++) {
        assert_int_equal(p[i].behind + p[i].misplaced + p[i].overtaken + p[i].late, 0);
        records += p[i].records;
    }
    assert_int_equal(records, m->count);
    free(p);
}

static void check_all(struct journal *j, const struct model *m) {
    check_versions(j, m);
    check_records(j, m);
    check_proof(j, m);
}

static void growing_at_any_moment_keeps_every_record_and_the_order_of_each_key(void **state) {
    (void)state;
    uint64_t rng = k2test_seed();
    struct k2_err err = {0};
    for (int round = 0; round < 3; round++) {
        char *dir = k2test_dir();
        struct model *m = calloc(1, sizeof *m);
        struct k2_interner *in = k2_interner_new();
        struct journal *j = open_as(dir, JOURNAL_WRITE);
        m->versions = 1;
        m->partitions[0] = 3;
        append(j, m, 0, in);
        for (int step = 0; step < 120; step++) {
            uint64_t what = k2test_random(&rng) % 12;
            for (uint64_t i = k2test_random(&rng) % 8; i > 0; i--)
                append(j, m, (int)(k2test_random(&rng) % KEYS), in);
            if (what == 0 && m->versions < 8)
                grow(j, m, m->partitions[m->versions - 1] + (int32_t)(k2test_random(&rng) % 4));
            if (what < 4)
                CHECK_OK(journal_commit(j, &err), &err);
            if (what == 1) {
                journal_close(j);
                j = open_as(dir, JOURNAL_WRITE);
            }
        }
        CHECK_OK(journal_commit(j, &err), &err);
        assert_true(m->versions > 2);
        check_all(j, m);
        struct journal *reader = open_as(dir, JOURNAL_READ);
        check_all(reader, m);
        grow(j, m, m->partitions[m->versions - 1] + 1); /* while somebody reads */
        append(j, m, 1, in);
        CHECK_OK(journal_commit(j, &err), &err);
        check_all(reader, m);
        journal_close(reader);
        journal_close(j);
        k2_interner_free(in);
        free(m);
        k2test_rmdir(dir);
    }
}

/* --- what is refused --- */

static void what_cannot_grow_is_refused_and_stays_as_it_is(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct journal_topic t;
    struct journal_grown g;
    char *dir = k2test_dir();
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    const char *const fixed[] = {"market.raw.sim", "k2.sequence", "market.derived.volume.sim"};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(journal_topic(j, k2_sv_of(fixed[i]), true, &t, &err), &err);
        CHECK_STATUS(journal_grow(j, k2_sv_of(fixed[i]), 9, &g, &err), K2_E_INVALID);
    }
    CHECK_STATUS(journal_grow(j, K2_SV("market.ticks.sim"), 9, &g, &err), K2_E_NOTFOUND);
    CHECK_OK(journal_topic(j, K2_SV("market.ticks.sim"), true, &t, &err), &err);
    CHECK_STATUS(journal_grow(j, K2_SV("market.ticks.sim"), 2, &g, &err), K2_E_INVALID);
    CHECK_STATUS(journal_grow(j, K2_SV("market.ticks.sim"), 1025, &g, &err), K2_E_RANGE);
    CHECK_STATUS(journal_grow(j, K2_SV("market.ticks.sim"), 0, &g, &err), K2_E_RANGE);
    assert_int_equal(journal_topic_count(j), 4);
    journal_close(j);
    k2test_rmdir(dir);
}

/* What is left when a process ends between the two steps: the topic is there, and its cut is not noted. */
static void an_unfinished_growth_is_not_appended_to_and_is_finished_later(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct journal_topic t;
    struct journal_grown g;
    struct journal_options four = {.partitions = 4};
    char *dir = k2test_dir();
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    CHECK_OK(journal_topic(j, K2_SV("market.ticks.sim"), true, &t, &err), &err);
    journal_close(j);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &four, &j, &err), &err);
    CHECK_OK(journal_topic(j, K2_SV("market.ticks.sim.v2"), true, &t, &err), &err);
    CHECK_OK(journal_topic_newest(j, K2_SV("market.ticks.sim"), false, &t, &err), &err);
    assert_int_equal(t.version, 1);
    CHECK_STATUS(journal_grow(j, K2_SV("market.ticks.sim"), 5, &g, &err), K2_E_CONFLICT);
    assert_non_null(strstr(err.msg, "--partitions 4"));
    CHECK_OK(journal_grow(j, K2_SV("market.ticks.sim"), 4, &g, &err), &err);
    assert_int_equal(g.version, 2);
    CHECK_OK(journal_topic_newest(j, K2_SV("market.ticks.sim"), false, &t, &err), &err);
    assert_int_equal(t.version, 2);
    journal_close(j);
    k2test_rmdir(dir);
}

/* --- the proof finds what is wrong --- */

static void put(struct journal *j, const struct journal_topic *t, int32_t p, const char *key) {
    struct k2_err err = {0};
    struct k2_interner *in = k2_interner_new();
    struct k2_event e;
    uint32_t schema;
    CHECK_OK(k2_registry_register(journal_registry(j), K2_SV("market.ticks.sim-value"),
                                  k2_sv_of(k2_kind(K2_KIND_TRADE)->avro_schema), &schema, &err),
             &err);
    k2_event_blank(&e, K2_KIND_TRADE);
    e.kind = K2_KIND_TRADE;
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = e.trade.channel = k2_intern(in, K2_SV("S"));
    e.trade.exchange_sequence_number = 5;
    e.trade.price = ONE;
    e.trade.quantity = ONE;
    struct k2_buf *out = journal_record_begin(j, t->id, p, k2_sv_of(key));
    CHECK_OK(k2_avro_encode(&e, in, schema, out, &err), &err);
    journal_record_end(j, 0);
    CHECK_OK(journal_commit(j, &err), &err);
    k2_interner_free(in);
}

static void the_proof_finds_what_went_to_a_version_that_has_ended(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct journal_topic old, now;
    struct journal_grown g;
    struct journal_version_proof *p;
    int n;
    char *dir = k2test_dir();
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    CHECK_OK(journal_topic(j, K2_SV("market.ticks.sim"), true, &old, &err), &err);
    put(j, &old, journal_partition(&old, K2_SV("SIM.A")), "SIM.A");
    CHECK_OK(journal_grow(j, K2_SV("market.ticks.sim"), 5, &g, &err), &err);
    CHECK_OK(journal_topic_newest(j, K2_SV("market.ticks.sim"), false, &now, &err), &err);
    put(j, &now, journal_partition(&now, K2_SV("SIM.A")), "SIM.A");
    put(j, &old, journal_partition(&old, K2_SV("SIM.A")), "SIM.A");
    put(j, &now, (journal_partition(&now, K2_SV("SIM.B")) + 1) % 5, "SIM.B");
    CHECK_OK(journal_versions_prove(j, K2_SV("market.ticks.sim"), NULL, NULL, &p, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(p[0].records, 2);
    assert_int_equal(p[0].keys, 1);
    assert_int_equal(p[0].behind, 1);
    assert_int_equal(p[0].overtaken, 1);
    assert_int_equal(p[0].misplaced, 0);
    assert_int_equal(p[1].records, 2);
    assert_int_equal(p[1].keys, 2);
    assert_int_equal(p[1].misplaced, 1);
    assert_int_equal(p[1].overtaken, 0);
    assert_int_equal(p[0].late + p[1].late, 2); /* the same number again */
    free(p);
    journal_close(j);
    k2test_rmdir(dir);
}

/* --- the note of a cut --- */

static void check_meta(const char *lines, int32_t status, const char *version) {
    struct k2_buf text = {0}, again = {0};
    struct meta m;
    struct k2_err err = {0};
    k2_buf_printf(&text, "k2-journal 3\nincarnation 7\nfirst 0\nkey none\n%s", lines);
    journal_text_close(&text);
    CHECK_STATUS(journal_meta_parse(k2_buf_view(&text), &m, &err), status);
    if (status == K2_OK) {
        journal_meta_format(&m, &again);
        assert_true(k2_sv_starts(k2_buf_view(&again), k2_sv_of(version)));
        assert_non_null(strstr(k2_buf_cstr(&again), lines));
        journal_meta_fini(&m);
    }
    k2_buf_free(&text);
    k2_buf_free(&again);
}

static void a_cut_is_kept_and_a_malformed_one_is_damage(void **state) {
    (void)state;
    check_meta("topic 2 market.ticks.sim 0 0\ntopic 3 market.ticks.sim.v2 0 0 0\ncut 4 7\n", K2_OK,
               "k2-journal 3\n");
    check_meta("topic 1 market.ticks.sim 0\n", K2_OK, "k2-journal 2\n");
    check_meta("cut 4\n", K2_E_CORRUPT, "");
    check_meta("topic 1 a 0\ncut \n", K2_E_CORRUPT, "");
    check_meta("topic 1 a 0\ncut -1\n", K2_E_CORRUPT, "");
    check_meta("topic 1 a 0\ncut 1 x\n", K2_E_CORRUPT, "");
    check_meta("topic 1 a 0\ncut 1\ncut 2\n", K2_E_CORRUPT, "");
    struct k2_buf many = {0};
    k2_buf_str(&many, "topic 1 a 0\ncut");
    for (int i = 0; i < 1025; i++)
        k2_buf_str(&many, " 1");
    k2_buf_str(&many, "\n");
    check_meta(k2_buf_cstr(&many), K2_E_CORRUPT, "");
    k2_buf_free(&many);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_number_behind_the_exchange_is_a_version),
        cmocka_unit_test(growing_at_any_moment_keeps_every_record_and_the_order_of_each_key),
        cmocka_unit_test(what_cannot_grow_is_refused_and_stays_as_it_is),
        cmocka_unit_test(an_unfinished_growth_is_not_appended_to_and_is_finished_later),
        cmocka_unit_test(a_cut_is_kept_and_a_malformed_one_is_damage),
        cmocka_unit_test(the_proof_finds_what_went_to_a_version_that_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
