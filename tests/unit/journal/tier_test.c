/* Sealed segments in an object store: nobody who reads can tell, and nothing is ever lost on the way there. */
#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"
#include "journal/journal.h"
#include "k2test.h"

#include <sys/wait.h>

enum { PARTS = 3, MOST = 4000 };

static struct k2_err err;
static int64_t now, segment_bytes = 1 << 20;

static int64_t clock_of_the_test(void) {
    return now;
}

/* A data directory, and a store beside it. */
struct place {
    char *dir, *data, *store;
    int64_t next[PARTS], start[PARTS];
    int64_t times[PARTS][MOST];
};

static void settle_on(const char *store, int64_t cache_bytes) {
    const struct journal_tier_settings s = {.url = store, .cache_bytes = cache_bytes};
    CHECK_OK(journal_tier_use(&s, &err), &err);
}

static struct journal *open_as(const struct place *p, enum journal_mode mode) {
    const struct journal_options options = {
        .clock = clock_of_the_test, .segment_bytes = segment_bytes, .partitions = PARTS};
    struct journal *j;
    CHECK_OK(journal_open(p->data, mode, &options, &j, &err), &err);
    return j;
}

static struct place *new_place(void) {
    struct place *p = calloc(1, sizeof *p);
    struct journal_topic t;
    p->dir = k2test_dir();
    p->data = k2_path(p->dir, "data");
    p->store = k2_path(p->dir, "store");
    assert_int_equal(mkdir(p->data, 0777), 0);
    assert_int_equal(mkdir(p->store, 0777), 0);
    now = 1;
    settle_on(p->store, INT64_C(1) << 30);
    struct journal *j = open_as(p, JOURNAL_WRITE);
    CHECK_OK(journal_topic(j, K2_SV("market.raw.a"), true, &t, &err), &err);
    journal_close(j);
    return p;
}

static void free_place(struct place *p) {
    settle_on("", INT64_C(1) << 30);
    free(p->data);
    free(p->store);
    k2test_rmdir(p->dir);
    free(p);
}

static void shell(const char *fmt, const char *path) {
    char command[4200];
    snprintf(command, sizeof command, fmt, path);
    assert_int_equal(system(command), 0);
}

/* How many files below `path` are named so. */
static int count_files(const char *path, const char *pattern) {
    char command[4200], line[32];
    snprintf(command, sizeof command, "find '%s' -type f -name '%s' 2>/dev/null | wc -l", path,
             pattern);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    pclose(f);
    return atoi(line);
}

/* --- records whose content follows from their place --- */

static void value_of(int p, int64_t offset, struct k2_buf *out) {
    uint64_t state = (uint64_t)offset * 1000 + (uint64_t)p;
    size_t n = k2test_random(&state) % 400;
    for (size_t i = 0; i < n; i++)
        k2_buf_byte(out, (uint8_t)k2test_random(&state));
}

static void put(struct place *m, struct journal *j, int partition) {
    value_of(partition, m->next[partition], journal_record_begin(j, 0, partition, K2_SV("k")));
    int64_t offset = journal_record_end(j, 0);
    assert_int_equal(offset, m->next[partition]);
    assert_true(offset < MOST);
    m->times[partition][m->next[partition]++] = now;
}

static void commit(struct place *m, struct journal *j, int records) {
    now++;
    for (int i = 0; i < records; i++)
        put(m, j, i % PARTS);
    CHECK_OK(journal_commit(j, &err), &err);
}

/* Several sealed segments, and a last one with a few records. */
static struct journal *fill(struct place *m, int segments) {
    struct journal *j = open_as(m, JOURNAL_WRITE);
    for (int s = 0; s < segments; s++) {
        for (int i = 0; i < 5; i++)
            commit(m, j, 7);
        CHECK_OK(journal_seal(j, &err), &err);
    }
    commit(m, j, 3);
    return j;
}

static int check_batch(const struct place *m, const struct journal_batch *b, int64_t *at) {
    struct journal_record r;
    struct k2_buf want = {0};
    size_t cursor = 0;
    int n = 0;
    assert_int_equal(b->base_offset, at[b->partition]);
    while (journal_batch_next(b, &cursor, &r)) {
        want.n = 0;
        value_of(b->partition, r.offset, &want);
        assert_int_equal(r.value.n, want.n);
        assert_true(want.n == 0 || memcmp(r.value.p, want.p, want.n) == 0);
        assert_int_equal(b->append_ns, m->times[b->partition][r.offset]);
        at[b->partition]++;
        n++;
    }
    k2_buf_free(&want);
    return n;
}

/* Reads from these offsets on to the end; K2_OK, or the status of the failure. */
static int read_from(const struct place *m, struct journal *j, const int64_t *from) {
    struct journal_span spans[PARTS];
    struct journal_reader *r;
    struct journal_batch b;
    int64_t at[PARTS];
    int rc;
    for (int i = 0; i < PARTS; i++) {
        spans[i] = (struct journal_span){0, i, from[i], INT64_MAX};
        at[i] = from[i];
    }
    K2_TRY(journal_read(j, spans, PARTS, &r, &err));
    while ((rc = journal_next(r, &b, &err)) == 1)
        (void)check_batch(m, &b, at);
    journal_reader_close(r);
    for (int i = 0; rc == K2_OK && i < PARTS; i++)
        assert_int_equal(at[i], m->next[i]);
    return rc;
}

static void check_all(const struct place *m, struct journal *j) {
    int64_t got[PARTS], findings, records;
    CHECK_OK(read_from(m, j, m->start), &err);
    CHECK_OK(journal_ends(j, 0, got, &err), &err);
    assert_memory_equal(got, m->next, sizeof got);
    CHECK_OK(journal_starts(j, 0, got, &err), &err);
    assert_memory_equal(got, m->start, sizeof got);
    CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
    assert_int_equal(findings, 0);
}

static struct journal_tier_report tier(struct journal *j) {
    struct journal_tier_report report;
    CHECK_OK(journal_tier(j, &(struct journal_tier_options){.now_ns = now + 1}, &report, &err),
             &err);
    return report;
}

static struct journal_places places(struct journal *j) {
    struct journal_places out;
    CHECK_OK(journal_places(j, &out, &err), &err);
    return out;
}

static int64_t metric(enum k2_metric id) {
    return k2_metric_value(k2_metric(id, NULL));
}

static void remove_all(struct place *m, struct journal *j) {
    const struct journal_retention rules = {.older_than_ns = INT64_MAX};
    char stopped[256];
    int removed;
    CHECK_OK(journal_retain(j, &rules, &removed, stopped, &err), &err);
    CHECK_OK(journal_starts(j, 0, m->start, &err), &err);
}

/* --- reading --- */

/* Whoever ingests goes on without the store: what he reads when he begins stays here. */
static void the_last_checkpoint_and_what_follows_it_stay_here(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 2);
    struct journal_topic t;
    struct k2_buf value = {0};
    int64_t ns, fetches;
    CHECK_OK(journal_topic(j, K2_SV("k2.sequence"), true, &t, &err), &err);
    for (int i = 0; i < 4; i++) {
        if (i < 2) {
            (void)journal_record_begin(j, t.id, 0, K2_SV("state"));
            (void)journal_record_end(j, 0);
        }
        commit(m, j, 6);
        CHECK_OK(journal_seal(j, &err), &err);
    }
    assert_int_equal(tier(j).segments, 5); /* not that of the last checkpoint */
    assert_int_equal(places(j).local_segments, 2);
    fetches = metric(K2_METRIC_tier_fetches);
    CHECK_OK(journal_last(j, t.id, 0, &value, &ns, &err), &err);
    assert_int_equal(metric(K2_METRIC_tier_fetches), fetches);
    check_all(m, j);
    CHECK_OK(journal_topic(j, K2_SV("k2.passed"), true, &t, &err), &err);
    (void)journal_record_begin(j, t.id, 0, K2_SV("what no checkpoint covers"));
    (void)journal_record_end(j, 0);
    commit(m, j, 3);
    CHECK_OK(journal_seal(j, &err), &err);
    commit(m, j, 3);
    CHECK_OK(journal_seal(j, &err), &err);
    assert_int_equal(tier(j).segments, 1);
    assert_int_equal(places(j).local_segments, 3);
    k2_buf_free(&value);
    journal_close(j);
    free_place(m);
}

static void tiered_segments_are_read_as_before(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 4), *behind = open_as(m, JOURNAL_READ);
    check_all(m, j);
    struct journal_tier_report r = tier(j);
    assert_string_equal(r.stopped, "");
    assert_int_equal(r.segments, 4);
    assert_int_equal(count_files(m->data, "*.seg"), 1);
    assert_int_equal(count_files(m->store, "*.seg"), 4);
    struct journal_places p = places(j);
    assert_int_equal(p.tiered_segments, 4);
    assert_int_equal(p.tiered_bytes, r.bytes);
    assert_int_equal(p.local_segments, 1);
    assert_string_equal(p.url, m->store);
    assert_int_equal(tier(j).segments, 0);
    check_all(m, j);
    check_all(m, behind);
    assert_int_equal(places(j).cached_bytes, r.bytes);
    shell("rm -r '%s/journal/cache'", m->data);
    commit(m, j, 9);
    check_all(m, behind);
    journal_close(j);
    j = open_as(m, JOURNAL_WRITE);
    commit(m, j, 5);
    check_all(m, j);
    journal_close(behind);
    journal_close(j);
    free_place(m);
}

static void what_the_index_tells_is_not_fetched(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 3), *reader;
    struct journal_size sizes[PARTS], before[PARTS];
    int64_t ends[PARTS], want[PARTS];
    CHECK_OK(journal_sizes(j, 0, before, &err), &err);
    CHECK_OK(journal_ends_at(j, 0, 5, want, &err), &err);
    assert_int_equal(tier(j).segments, 3);
    int64_t fetches = metric(K2_METRIC_tier_fetches);
    reader = open_as(m, JOURNAL_READ);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(journal_sizes(i ? reader : j, 0, sizes, &err), &err);
        assert_memory_equal(sizes, before, sizeof sizes);
        CHECK_OK(journal_ends_at(i ? reader : j, 0, 5, ends, &err), &err);
        assert_memory_equal(ends, want, sizeof ends);
        for (int64_t at = 0; at < 30; at++) {
            int64_t ns;
            CHECK_OK(journal_append_at(i ? reader : j, 0, 1, at, &ns, &err), &err);
            assert_int_equal(ns, m->times[1][at]);
        }
    }
    assert_int_equal(metric(K2_METRIC_tier_fetches), fetches);
    journal_close(reader);
    journal_close(j);
    free_place(m);
}

static void a_follower_goes_on_through_segments_that_were_tiered_meanwhile(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 1), *follower = open_as(m, JOURNAL_READ);
    int64_t ends[PARTS], seen[PARTS];
    CHECK_OK(journal_ends(follower, 0, seen, &err), &err);
    for (int i = 0; i < 4; i++) {
        commit(m, j, 8);
        CHECK_OK(journal_seal(j, &err), &err);
    }
    assert_int_equal(tier(j).segments, 5);
    CHECK_OK(journal_ends(follower, 0, ends, &err), &err);
    assert_memory_equal(ends, m->next, sizeof ends);
    CHECK_OK(read_from(m, follower, seen), &err);
    journal_close(follower);
    journal_close(j);
    free_place(m);
}

static void the_cache_keeps_what_was_used_last_and_no_more_than_it_may(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 5);
    assert_int_equal(tier(j).segments, 5);
    settle_on(m->store, 1); /* one always fits */
    check_all(m, j);
    assert_int_equal(count_files(m->data, "*.seg"), 2);
    struct journal_segment_info s;
    CHECK_OK(journal_segment(j, 1, &s, &err), &err);
    settle_on(m->store, 3 * s.bytes + s.bytes / 2);
    int64_t evictions = metric(K2_METRIC_tier_evictions);
    check_all(m, j);
    assert_true(metric(K2_METRIC_tier_evictions) > evictions);
    assert_true(places(j).cached_bytes <= 3 * s.bytes + s.bytes / 2);
    int64_t hits = metric(K2_METRIC_tier_cache_hits);
    settle_on(m->store, INT64_C(1) << 30);
    check_all(m, j);
    check_all(m, j);
    assert_true(metric(K2_METRIC_tier_cache_hits) >= hits + 5);
    journal_close(j);
    free_place(m);
}

/* --- a store that is away, or not what it was --- */

static void a_store_that_is_away_is_told_and_nothing_is_passed_over(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 3);
    char *away = k2_path(m->dir, "away");
    assert_int_equal(tier(j).segments, 3);
    assert_int_equal(rename(m->store, away), 0);
    CHECK_STATUS(read_from(m, j, m->start), K2_E_IO);
    assert_true(err.retriable);
    assert_non_null(strstr(err.msg, m->store));
    assert_non_null(strstr(err.msg, "segment 0 "));
    assert_int_equal(mkdir(m->store, 0777), 0); /* the mount point without the disk */
    CHECK_STATUS(read_from(m, j, m->start), K2_E_IO);
    assert_true(err.retriable);
    struct journal_tier_report r;
    commit(m, j, 4);
    CHECK_OK(journal_seal(j, &err), &err);
    CHECK_STATUS(journal_tier(j, &(struct journal_tier_options){.now_ns = now + 1}, &r, &err),
                 K2_E_IO);
    assert_int_equal(count_files(m->store, "*"), 0);
    assert_int_equal(rmdir(m->store), 0);
    settle_on(away, INT64_C(1) << 30); /* it was moved: the configuration says where to */
    check_all(m, j);
    assert_int_equal(rename(away, m->store), 0);
    settle_on(m->store, INT64_C(1) << 30);
    check_all(m, j);
    assert_int_equal(tier(j).segments, 1);
    check_all(m, j);
    free(away);
    journal_close(j);
    free_place(m);
}

static void keep_finding(void *ctx, const char *text) {
    k2_buf_printf(ctx, "%s\n", text);
}

static void an_object_that_was_changed_or_lost_is_told_and_the_rest_is_checked(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 4);
    struct k2_buf text = {0};
    int64_t findings, records, all = m->next[0] + m->next[1] + m->next[2];
    assert_int_equal(tier(j).segments, 4);
    shell("f=$(find '%s' -name '00000000000000000000.seg') && "
          "printf x | dd of=\"$f\" bs=1 seek=100 conv=notrunc 2>/dev/null",
          m->store);
    CHECK_STATUS(read_from(m, j, m->start), K2_E_CORRUPT);
    assert_non_null(strstr(err.msg, "other bytes"));
    assert_non_null(strstr(err.msg, m->store));
    CHECK_OK(journal_verify(j, keep_finding, &text, &findings, &records, &err), &err);
    assert_int_equal(findings, 1);
    assert_non_null(strstr(k2_buf_cstr(&text), "segment 0 "));
    assert_true(records > 0 && records < all);
    shell("rm $(find '%s' -name '00000000000000000000.seg')", m->store);
    CHECK_STATUS(read_from(m, j, m->start), K2_E_CORRUPT);
    assert_non_null(strstr(err.msg, "is missing"));
    k2_buf_free(&text);
    journal_close(j);
    free_place(m);
}

static void a_damaged_segment_is_not_tiered(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 3);
    shell("printf x | dd of='%s/journal/00000000000000000000.seg' bs=1 seek=200 conv=notrunc "
          "2>/dev/null",
          m->data);
    struct journal_tier_report r = tier(j);
    assert_int_equal(r.segments, 2);
    assert_non_null(strstr(r.stopped, "damaged"));
    assert_int_equal(count_files(m->store, "00000000000000000000.seg"), 0);
    assert_int_equal(count_files(m->data, "*.seg"), 2);
    journal_close(j);
    free_place(m);
}

static void a_note_cut_or_changed_anywhere_is_refused(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 1);
    struct k2_buf whole = {0};
    char *path = k2_path(m->data, "journal/00000000000000000000.tier");
    assert_int_equal(tier(j).segments, 1);
    CHECK_OK(k2_fs_read(path, &whole, &err), &err);
    for (size_t i = 0; i < whole.n; i++) {
        CHECK_OK(k2_fs_replace(path, (struct k2_sv){(char *)whole.p, i}, &err), &err);
        CHECK_STATUS(read_from(m, j, m->start), K2_E_CORRUPT);
        whole.p[i] ^= 1;
        CHECK_OK(k2_fs_replace(path, k2_buf_view(&whole), &err), &err);
        whole.p[i] ^= 1;
        int rc = read_from(m, j, m->start);
        assert_true(rc == K2_E_CORRUPT || rc == K2_E_VERSION);
    }
    CHECK_OK(k2_fs_replace(path, k2_buf_view(&whole), &err), &err);
    check_all(m, j);
    k2_buf_free(&whole);
    free(path);
    journal_close(j);
    free_place(m);
}

/* Puts one other byte into the first segment's file below `path`, under another inode. */
static void damage(const char *path) {
    shell("f=$(find '%s' -name '00000000000000000000.seg') && cp \"$f\" \"$f.x\" && "
          "printf x | dd of=\"$f.x\" bs=1 seek=100 conv=notrunc 2>/dev/null && mv \"$f.x\" \"$f\"",
          path);
}

static void a_cached_copy_that_was_damaged_is_fetched_anew(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 3);
    char *path, *cache = k2_path(m->data, "journal/cache");
    assert_int_equal(tier(j).segments, 3);
    check_all(m, j);
    damage(cache);
    int64_t fetches = metric(K2_METRIC_tier_fetches);
    check_all(m, j);
    assert_int_equal(metric(K2_METRIC_tier_fetches), fetches + 1);
    /* In place, behind this process's back: who copies looks again. */
    shell("printf x | dd of='%s/00000000000000000000.seg' bs=1 seek=100 conv=notrunc 2>/dev/null",
          cache);
    CHECK_OK(journal_image_reach(j, "00000000000000000000.seg", &path, &err), &err);
    assert_int_equal(metric(K2_METRIC_tier_fetches), fetches + 2);
    check_all(m, j);
    free(path);
    free(cache);
    journal_close(j);
    free_place(m);
}

static void an_object_that_rotted_is_put_anew_while_the_file_is_here(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 2);
    struct journal_pin *pin;
    CHECK_OK(journal_pin(j, &pin, &err), &err); /* the oldest is in the store, and here */
    assert_int_equal(tier(j).segments, 1);
    assert_int_equal(count_files(m->data, "00000000000000000000.tier"), 1);
    damage(m->store);
    journal_unpin(pin);
    assert_int_equal(tier(j).segments, 1);
    check_all(m, j);
    journal_close(j);
    free_place(m);
}

static void a_copy_does_not_rely_on_an_object_of_the_first(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 2);
    struct journal_pin *pin;
    CHECK_OK(journal_pin(j, &pin, &err), &err);
    assert_int_equal(tier(j).segments, 1);
    struct place *copy = calloc(1, sizeof *copy);
    *copy = *m;
    copy->data = k2_path(m->dir, "copy");
    shell("cd '%s' && cp -r data copy", m->dir); /* one has its file and a note, one the note */
    journal_unpin(pin);
    struct journal *k = open_as(copy, JOURNAL_WRITE);
    assert_int_equal(tier(k).segments, 2);
    assert_int_equal(count_files(m->store, "*.seg"), 4);
    remove_all(m, j);
    assert_int_equal(tier(j).objects, 2);
    shell("rm -rf '%s/journal/cache'", copy->data);
    memcpy(copy->start, (int64_t[PARTS]){0}, sizeof copy->start);
    check_all(copy, k);
    journal_close(k);
    journal_close(j);
    free(copy->data);
    free(copy);
    free_place(m);
}

/* --- who reads keeps what he reads --- */

static void a_pinned_file_stays_and_a_pin_on_a_note_holds_retention_off(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 4);
    struct journal_pin *pin;
    char stopped[256];
    int removed;
    CHECK_OK(journal_pin(j, &pin, &err), &err);
    struct journal_tier_report r = tier(j);
    assert_int_equal(r.segments, 3);
    assert_non_null(strstr(r.stopped, "is in the store and stays here too"));
    journal_unpin(pin);
    r = tier(j);
    assert_int_equal(r.segments, 1);
    assert_string_equal(r.stopped, "");
    CHECK_OK(journal_pin(j, &pin, &err), &err);
    const struct journal_retention rules = {.older_than_ns = now};
    CHECK_OK(journal_retain(j, &rules, &removed, stopped, &err), &err);
    assert_int_equal(removed, 0);
    assert_non_null(strstr(stopped, "is being read"));
    check_all(m, j);
    journal_unpin(pin);
    CHECK_OK(journal_retain(j, &rules, &removed, stopped, &err), &err);
    assert_int_equal(removed, 4);
    journal_close(j);
    free_place(m);
}

static void a_reader_under_way_reads_on_while_its_files_go(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 4);
    struct journal_span span = {0, 0, 0, INT64_MAX};
    struct journal_reader *r;
    struct journal_batch b;
    int64_t at[PARTS] = {0};
    CHECK_OK(journal_read(j, &span, 1, &r, &err), &err);
    assert_int_equal(journal_next(r, &b, &err), 1);
    (void)check_batch(m, &b, at);
    assert_int_equal(tier(j).segments, 4);
    settle_on(m->store, 1);
    int rc;
    while ((rc = journal_next(r, &b, &err)) == 1)
        (void)check_batch(m, &b, at);
    CHECK_OK(rc, &err);
    assert_int_equal(at[0], m->next[0]);
    journal_reader_close(r);
    journal_close(j);
    free_place(m);
}

static void processes_that_want_the_same_segments_get_them(void **state) {
    (void)state;
    enum { CHILDREN = 4 };
    struct place *m = new_place();
    struct journal *j = fill(m, 6);
    pid_t children[CHILDREN];
    assert_int_equal(tier(j).segments, 6);
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct journal *mine = open_as(m, JOURNAL_READ);
        settle_on(m->store,
                  i % 2 ? 1 : INT64_C(1) << 30); /* two throw away what the others fetch */
        for (int n = 0; n < 10; n++)
            if (read_from(m, mine, m->start) != K2_OK) {
                fprintf(stderr, "%s\n", err.msg);
                _exit(1);
            }
        _exit(0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(count_files(m->data, "*.part"), 0);
    journal_close(j);
    free_place(m);
}

/* --- going from the store --- */

static void what_retention_removes_goes_from_the_store_too(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 4);
    char stopped[256];
    int removed;
    struct journal_segment_info s;
    assert_int_equal(tier(j).segments, 4);
    check_all(m, j);
    /* What killed processes leave: an object without a note, and half of one. */
    shell("cd '%s' && p=$(find . -name '00000000000000000000.seg') && d=$(dirname $p) && "
          "cp $p $d/00000000000000000001.seg && cp $p $d/00000000000000000000.seg.tmp",
          m->store);
    CHECK_OK(journal_segment(j, 2, &s, &err), &err);
    const struct journal_retention rules = {.older_than_ns = s.first_append_ns};
    CHECK_OK(journal_retain(j, &rules, &removed, stopped, &err), &err);
    assert_int_equal(removed, 2);
    CHECK_OK(journal_starts(j, 0, m->start, &err), &err);
    assert_int_equal(count_files(m->store, "*.seg"), 5);
    struct journal_tier_report r = tier(j);
    assert_int_equal(r.objects, 3);
    assert_int_equal(count_files(m->store, "*.seg*"), 2);
    assert_int_equal(count_files(m->data, "*.tier"), 2);
    check_all(m, j);
    settle_on("",
              INT64_C(1) << 30); /* no more tiering: what is there is read, and goes all the same */
    const struct journal_retention rest = {.older_than_ns = now};
    CHECK_OK(journal_retain(j, &rest, &removed, stopped, &err), &err);
    assert_int_equal(removed, 2);
    assert_int_equal(tier(j).objects, 2);
    assert_int_equal(count_files(m->store, "*.seg*"), 0);
    assert_int_equal(count_files(m->data, "*.tier"), 0);
    journal_close(j);
    free_place(m);
}

static void a_copied_directory_takes_nothing_from_the_one_it_was_copied_from(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 3), *k;
    assert_int_equal(tier(j).segments, 3);
    journal_close(j);
    struct place *copy = calloc(1, sizeof *copy);
    *copy = *m;
    copy->data = k2_path(m->dir, "copy");
    shell("cd '%s' && cp -r data copy", m->dir);
    k = open_as(copy, JOURNAL_WRITE);
    j = open_as(m, JOURNAL_WRITE);
    commit(copy, k, 9); /* the same segment, with other bytes in each */
    commit(m, j, 4);
    CHECK_OK(journal_seal(k, &err), &err);
    CHECK_OK(journal_seal(j, &err), &err);
    assert_int_equal(places(k).foreign_segments, 3);
    assert_int_equal(tier(k).segments, 4); /* those of the other one are put anew */
    assert_int_equal(places(k).foreign_segments, 0);
    assert_int_equal(tier(k).segments, 0);
    assert_int_equal(tier(j).segments, 1);
    check_all(copy, k);
    remove_all(copy, k);
    assert_int_equal(tier(k).objects, 4); /* its own; those of the other one stay */
    check_all(copy, k);
    check_all(m, j);
    shell("rm -r '%s/journal/cache'", m->data);
    check_all(m, j);
    remove_all(m, j);
    assert_int_equal(tier(j).objects, 4);
    assert_int_equal(count_files(m->store, "*.seg*"), 0);
    journal_close(k);
    journal_close(j);
    free(copy->data);
    free(copy);
    free_place(m);
}

static void a_directory_that_was_renamed_keeps_its_objects(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 2);
    assert_int_equal(tier(j).segments, 2);
    journal_close(j);
    char *moved = k2_path(m->dir, "moved");
    assert_int_equal(rename(m->data, moved), 0);
    free(m->data);
    m->data = moved;
    j = open_as(m, JOURNAL_WRITE);
    check_all(m, j);
    remove_all(m, j);
    assert_int_equal(tier(j).objects, 2);
    assert_int_equal(count_files(m->store, "*.seg*"), 0);
    journal_close(j);
    free_place(m);
}

static void a_disk_that_is_not_mounted_is_made_no_store_without_notes_either(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 1);
    struct journal_tier_report r;
    const struct journal_tier_options o = {.now_ns = INT64_MAX};
    assert_int_equal(tier(j).segments, 1);
    remove_all(m, j);
    assert_int_equal(tier(j).objects, 1);
    assert_int_equal(count_files(m->data, "*.tier"), 0);
    shell("rm -r '%s'/*", m->store);
    commit(m, j, 4);
    CHECK_OK(journal_seal(j, &err), &err);
    CHECK_STATUS(journal_tier(j, &o, &r, &err), K2_E_IO);
    assert_true(err.retriable);
    assert_int_equal(count_files(m->store, "*"), 0);
    check_all(m, j);
    journal_close(j);
    free_place(m);
}

static void a_store_inside_of_the_data_directory_is_refused(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 1);
    struct journal_tier_report r;
    char *link = k2_path(m->dir, "link");
    shell("mkdir '%s/store'", m->data);
    shell("ln -s data/store '%s/link'", m->dir);
    settle_on(link, INT64_C(1) << 30);
    for (int dry = 0; dry < 2; dry++) {
        const struct journal_tier_options o = {.now_ns = now + 1, .dry_run = dry};
        CHECK_STATUS(journal_tier(j, &o, &r, &err), K2_E_INVALID);
        assert_non_null(strstr(err.msg, "journal.tier_url: "));
        assert_non_null(strstr(err.msg, "is inside of the data directory"));
    }
    assert_int_equal(count_files(m->data, "k2-store"), 0);
    free(link);
    journal_close(j);
    free_place(m);
}

static void objects_of_a_store_that_was_moved_go_with_retention_too(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 3);
    char *moved = k2_path(m->dir, "moved");
    assert_int_equal(tier(j).segments, 3);
    assert_int_equal(rename(m->store, moved), 0);
    settle_on(moved, INT64_C(1) << 30);
    shell("rm $(find '%s' -name '00000000000000000000.seg')", moved); /* and a kill in between */
    remove_all(m, j);
    struct journal_tier_report r = tier(j);
    assert_string_equal(r.stopped, "");
    assert_int_equal(count_files(moved, "*.seg"), 0);
    assert_int_equal(count_files(m->data, "*.tier"), 0);
    free(moved);
    journal_close(j);
    free_place(m);
}

static void only_one_tiers_at_a_time(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 1);
    struct journal_tier_report r;
    struct k2_lock *lock = NULL;
    char *path = k2_path(m->data, "run/tier.lock");
    CHECK_OK(k2_lock_take(path, "a test", &lock, &err), &err);
    const struct journal_tier_options o = {.now_ns = now + 1};
    CHECK_STATUS(journal_tier(j, &o, &r, &err), K2_E_LOCKED);
    assert_non_null(strstr(err.msg, "a test"));
    k2_lock_release(lock);
    assert_int_equal(tier(j).segments, 1);
    free(path);
    journal_close(j);
    free_place(m);
}

static void what_is_due_goes_by_age_or_by_size_oldest_first(void **state) {
    (void)state;
    struct place *m = new_place();
    struct journal *j = fill(m, 5);
    struct journal_tier_report r;
    struct journal_segment_info s;
    struct journal_tier_settings by = {.url = m->store, .after_ns = 1000, .cache_bytes = 1 << 20};
    CHECK_OK(journal_tier_use(&by, &err), &err);
    assert_int_equal(tier(j).segments, 0);
    CHECK_OK(journal_segment(j, 1, &s, &err), &err);
    const struct journal_tier_options later = {.now_ns = s.last_append_ns + 1001, .dry_run = true};
    CHECK_OK(journal_tier(j, &later, &r, &err), &err);
    assert_int_equal(r.segments, 2);
    assert_int_equal(count_files(m->data, "*.tier"), 0);
    struct journal_places p = places(j);
    by.local_bytes = p.local_bytes - 1;
    CHECK_OK(journal_tier_use(&by, &err), &err);
    assert_int_equal(tier(j).segments, 1);
    assert_int_equal(count_files(m->data, "00000000000000000000.tier"), 1);
    by.local_bytes = 1;
    CHECK_OK(journal_tier_use(&by, &err), &err);
    assert_int_equal(tier(j).segments, 4);
    assert_int_equal(places(j).local_segments, 1); /* the last one, which is written to */
    check_all(m, j);
    journal_close(j);
    free_place(m);
}

/* --- anything in any order --- */

static void move_records(struct place *m, struct journal *j, uint64_t *rng) {
    switch (k2test_random(rng) % 3) {
    case 0:
        commit(m, j, 1 + (int)(k2test_random(rng) % 20));
        break;
    case 1:
        CHECK_OK(journal_seal(j, &err), &err);
        break;
    default: {
        struct journal_segment_info s;
        char stopped[256];
        int removed, count = journal_segment_count(j);
        CHECK_OK(journal_segment(j, (int)(k2test_random(rng) % (uint64_t)count), &s, &err), &err);
        const struct journal_retention rules = {.older_than_ns = s.first_append_ns};
        if (count > 6)
            CHECK_OK(journal_retain(j, &rules, &removed, stopped, &err), &err);
        CHECK_OK(journal_starts(j, 0, m->start, &err), &err);
    }
    }
}

static void move_bytes(struct place *m, struct journal *j, uint64_t *rng) {
    const struct journal_tier_settings s = {.url = m->store,
                                            .after_ns = (int64_t)(k2test_random(rng) % 20),
                                            .local_bytes = (int64_t)(k2test_random(rng) % 3) * 9000,
                                            .cache_bytes = (int64_t)(k2test_random(rng) % 20000)};
    switch (k2test_random(rng) % 4) {
    case 0:
        shell("rm -rf '%s/journal/cache'", m->data);
        break;
    case 1:
        CHECK_OK(journal_tier_use(&s, &err), &err);
        break;
    default: {
        struct journal_tier_report r;
        CHECK_OK(journal_tier(j, &(struct journal_tier_options){.now_ns = now}, &r, &err), &err);
        assert_string_equal(r.stopped, "");
    }
    }
}

static void look(const struct place *m, struct journal *j, uint64_t *rng) {
    int64_t from[PARTS];
    for (int i = 0; i < PARTS; i++) {
        uint64_t kept = (uint64_t)(m->next[i] - m->start[i]);
        from[i] = m->start[i] + (int64_t)(k2test_random(rng) % (kept + 1));
    }
    CHECK_OK(read_from(m, j, from), &err);
}

static void random_use_equals_the_model(void **state) {
    (void)state;
    uint64_t rng = k2test_seed();
    segment_bytes = 4000;
    struct place *m = new_place();
    struct journal *j = open_as(m, JOURNAL_WRITE), *reader = open_as(m, JOURNAL_READ);
    for (int i = 0; i < 600; i++) {
        uint64_t what = k2test_random(&rng) % 20;
        if (what < 9)
            move_records(m, j, &rng);
        else if (what < 15)
            move_bytes(m, what % 2 ? j : reader, &rng);
        else if (what < 19)
            look(m, what % 2 ? j : reader, &rng);
        else {
            journal_close(j);
            j = open_as(m, JOURNAL_WRITE);
        }
    }
    check_all(m, j);
    check_all(m, reader);
    int live = journal_segment_count(j);
    settle_on(m->store, 1);
    (void)tier(j);
    assert_int_equal(count_files(m->store, "*.seg*"), live - 1);
    assert_int_equal(count_files(m->data, "*.tier"), live - 1);
    journal_close(reader);
    journal_close(j);
    free_place(m);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiered_segments_are_read_as_before),
        cmocka_unit_test(what_the_index_tells_is_not_fetched),
        cmocka_unit_test(the_last_checkpoint_and_what_follows_it_stay_here),
        cmocka_unit_test(a_follower_goes_on_through_segments_that_were_tiered_meanwhile),
        cmocka_unit_test(the_cache_keeps_what_was_used_last_and_no_more_than_it_may),
        cmocka_unit_test(a_store_that_is_away_is_told_and_nothing_is_passed_over),
        cmocka_unit_test(an_object_that_was_changed_or_lost_is_told_and_the_rest_is_checked),
        cmocka_unit_test(a_damaged_segment_is_not_tiered),
        cmocka_unit_test(a_cached_copy_that_was_damaged_is_fetched_anew),
        cmocka_unit_test(an_object_that_rotted_is_put_anew_while_the_file_is_here),
        cmocka_unit_test(a_copy_does_not_rely_on_an_object_of_the_first),
        cmocka_unit_test(a_disk_that_is_not_mounted_is_made_no_store_without_notes_either),
        cmocka_unit_test(a_store_inside_of_the_data_directory_is_refused),
        cmocka_unit_test(objects_of_a_store_that_was_moved_go_with_retention_too),
        cmocka_unit_test(a_note_cut_or_changed_anywhere_is_refused),
        cmocka_unit_test(a_pinned_file_stays_and_a_pin_on_a_note_holds_retention_off),
        cmocka_unit_test(a_reader_under_way_reads_on_while_its_files_go),
        cmocka_unit_test(processes_that_want_the_same_segments_get_them),
        cmocka_unit_test(what_retention_removes_goes_from_the_store_too),
        cmocka_unit_test(a_copied_directory_takes_nothing_from_the_one_it_was_copied_from),
        cmocka_unit_test(a_directory_that_was_renamed_keeps_its_objects),
        cmocka_unit_test(only_one_tiers_at_a_time),
        cmocka_unit_test(what_is_due_goes_by_age_or_by_size_oldest_first),
        cmocka_unit_test(random_use_equals_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
