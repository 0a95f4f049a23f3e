/* What is left out by a list of symbols, where one sequence counts the messages of all. */
#include "journal/journal.h"
#include "journal/passed.h"

#include "k2test.h"

enum { MESSAGES = 20000 };

/* NASDAQ TotalView-ITCH in BinaryFILE: Reg SHO messages, AAPL's and, three of four, MSFT's. */
static void put_file(const char *path) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 1; i <= MESSAGES; i++) {
        unsigned char m[22] = {0, 20, 'Y', 0, 1, 0, 0, 0, 0x1f, 0x1f, 0x1f, 0, 0};
        m[11] = (unsigned char)(i >> 8);
        m[12] = (unsigned char)i;
        memcpy(m + 13, i % 4 == 1 ? "AAPL    " : "MSFT    ", 8);
        m[21] = '0';
        fwrite(m, 1, sizeof m, f);
    }
    fclose(f);
}

static bool only_apple(void *ctx, struct k2_sv symbol) {
    (void)ctx;
    return k2_sv_eq(symbol, K2_SV("AAPL"));
}

static void start(const char *dir, struct journal **j, struct ingest **g) {
    struct k2_err err;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, j, &err), &err);
    CHECK_OK(ingest_open(*j, NULL, g, &err), &err);
}

static void end(struct journal *j, struct ingest *g) {
    ingest_close(g);
    journal_close(j);
}

/* flush: with a checkpoint at its end. */
static struct ingest_stats read_file(const char *dir, const char *path, bool filter, bool flush) {
    struct journal *j;
    struct ingest *g;
    struct ingest_source *s;
    struct k2_err err;
    struct ingest_source_options o = {
        .feed = feed_find(K2_SV("nasdaq-totalview-itch-5.0")),
        .options = {.date = 20514, .source = k2_sv_of(path), .wants = filter ? only_apple : NULL}};
    bool idle;
    start(dir, &j, &g);
    assert_non_null(o.feed);
    CHECK_OK(ingest_source_open(g, path, &o, &s, &err), &err);
    do
        CHECK_OK(ingest_source_step(s, 100000, &idle, &err), &err);
    while (!ingest_source_state(s).ended);
    CHECK_OK(flush ? ingest_flush(g, &err) : ingest_commit(g, &err), &err);
    struct ingest_stats stats = ingest_stats(g);
    ingest_source_close(s);
    end(j, g);
    return stats;
}

static int64_t open_gaps(const char *dir) {
    struct journal *j;
    struct ingest *g;
    start(dir, &j, &g);
    int64_t n = seq_engine_stats(ingest_sequence(g)).gaps_open;
    end(j, g);
    return n;
}

static void what_is_left_out_is_no_gap_nor_after_a_restart(void **state) {
    (void)state;
    for (int flush = 0; flush < 2; flush++) {
        char *dir = k2test_dir(), path[5000];
        snprintf(path, sizeof path, "%s.itch", dir);
        put_file(path);
        struct ingest_stats s = read_file(dir, path, true, flush);
        assert_int_equal(s.read, MESSAGES);
        assert_int_equal(s.accepted, MESSAGES / 4);
        assert_int_equal(s.filtered, MESSAGES - MESSAGES / 4);
        assert_int_equal(s.gaps, 0);
        assert_int_equal(open_gaps(dir), 0);
        s = read_file(dir, path, true, flush); /* again: nothing new */
        assert_int_equal(s.accepted, 0);
        assert_int_equal(s.gaps, 0);
        s = read_file(dir, path, false, flush); /* all of them now */
        assert_int_equal(s.accepted, MESSAGES - MESSAGES / 4);
        assert_int_equal(s.duplicates, MESSAGES / 4);
        assert_int_equal(s.conflicts, 0);
        assert_int_equal(open_gaps(dir), 0);
        remove(path);
        k2test_rmdir(dir);
    }
}

static void keep_item(void *ctx, const struct seq_item *item) {
    *(struct seq_item *)ctx = *item;
}

/* Header, exchange "A", channel "all", date 3, epoch 0, one range to 9 of span 2. */
#define RANGES                                                                                     \
    "\0\0\0\0\1"                                                                                   \
    "\2A"                                                                                          \
    "\6all"                                                                                        \
    "\6"                                                                                           \
    "\0"                                                                                           \
    "\2\x12\4\0"
#define READ(bytes)                                                                                \
    passed_read((struct k2_sv){(bytes), sizeof(bytes) - 1}, in, keep_item, &got, &err)

static void a_record_says_whose_numbers_it_has_and_older_ones_are_of_all_kinds(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct seq_item got = {0};
    struct k2_err err;
    CHECK_OK(READ(RANGES), &err);
    assert_int_equal(got.kind, SEQ_SHARED);
    assert_int_equal(got.sequence, 9);
    assert_int_equal(got.span, 2);
    assert_true(k2_sv_eq(got.channel, K2_SV("all")) && got.consumed_only);
    CHECK_OK(READ(RANGES "\x0a"
                         "trade"),
             &err);
    assert_int_equal(got.kind, K2_KIND_TRADE);
    CHECK_OK(READ(RANGES "\x0c"
                         "shared"),
             &err);
    assert_int_equal(got.kind, SEQ_SHARED);
    assert_int_equal(READ(RANGES "\x0a"
                                 "nobody"),
                     K2_E_CORRUPT);
    assert_int_equal(READ(RANGES "\x0c"
                                 "nobody"),
                     K2_E_CORRUPT);
    assert_int_equal(READ(RANGES "\x0e"
                                 "trade"),
                     K2_E_CORRUPT);
    k2_interner_free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_no_gap_nor_after_a_restart),
        cmocka_unit_test(a_record_says_whose_numbers_it_has_and_older_ones_are_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
