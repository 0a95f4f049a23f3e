/* tests/crash/journal_powercut_test.c - the journal on a disk that loses power (crash/disk.h).
 * k2-test: timeout=300
 *
 * A fixed workload runs again and again; each time the power goes at another operation, and the
 * disk then holds another part of what was not synced. Afterwards the journal must open, hold every
 * record that was acknowledged or served, at its offset, with its append time, and nothing else.
 * That each sync is needed is shown by ignoring it: some cut must then lose something. The same
 * workload runs encrypted, where every writer has another key than the one before it.
 */
#include "base/fs.h"
#include "base/log.h"
#include "crash/disk.h"
#include "journal/journal.h"
#include "k2test.h"

#include <errno.h>

enum { TOPICS = 2, PARTS = 2, MOST = 400 };

static const char *const topic_names[TOPICS] = {"market.raw.a", "market.raw.b"};

struct model {
    int64_t next[TOPICS][PARTS]; /* records written, acknowledged or not */
    int64_t safe[TOPICS][PARTS]; /* acknowledged by a flush, or served to a reader */
    int64_t times[TOPICS][PARTS][MOST];
    int64_t position[2]; /* of the group: saved for certain, tried last */
    int topics;          /* acknowledged */
    int32_t id;          /* the incarnation, once the journal was opened */
};

/* What is ignored, in which part of the workload (NULL: in all of it). */
struct mutation {
    enum disk_op op;
    const char *pattern, *phases[3];
};

struct run {
    char *root, *data;
    struct disk *disk;
    struct journal *j;
    struct model m;
    const struct mutation *mutation;
    uint64_t rng;
    bool encrypted;
    char why[512]; /* what the check found */
};

static int64_t ticks;

static int64_t tick(void) {
    return ++ticks;
}

static const struct journal_options options = {
    .segment_bytes = 1500, .partitions = PARTS, .clock = tick};

#define KEY_1 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_2 "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

/* Opens it with a key and with the ones that others may have written with. */
static int open_with(struct run *r, enum journal_mode mode, const char *key, struct k2_err *err) {
    if (r->encrypted)
        K2_TRY(journal_use_keys(key, KEY_1 " " KEY_2, err));
    return journal_open(r->data, mode, &options, &r->j, err);
}

/* --- records whose content follows from their place --- */

static void value_of(int t, int p, int64_t offset, struct k2_buf *out) {
    uint64_t state = (uint64_t)offset * 1000 + (uint64_t)(t * PARTS + p);
    size_t n = k2test_random(&state) % 300;
    for (size_t i = 0; i < n; i++)
        k2_buf_byte(out, (uint8_t)k2test_random(&state));
}

static void gather(struct run *r, int records) {
    for (int i = 0; i < records; i++) {
        int t = r->m.topics > 1 ? (int)(k2test_random(&r->rng) % TOPICS) : 0;
        int p = (int)(k2test_random(&r->rng) % PARTS);
        struct k2_buf *value = journal_record_begin(r->j, t, p, K2_SV("key"));
        value_of(t, p, r->m.next[t][p], value);
        int64_t offset = journal_record_end(r->j, 0);
        assert_int_equal(offset, r->m.next[t][p]);
        r->m.times[t][p][offset] = ticks + 1;
        r->m.next[t][p]++;
        assert_true(r->m.next[t][p] < MOST);
    }
}

/* --- the workload: each part returns the status of the first call that failed --- */

static void phase(struct run *r, const char *name) {
    const struct mutation *m = r->mutation;
    disk_heal(r->disk);
    if (!m)
        return;
    bool on = !m->phases[0];
    for (int i = 0; i < 3 && m->phases[i]; i++)
        on = on || strcmp(m->phases[i], name) == 0;
    if (on)
        disk_ignore(r->disk, m->op, m->pattern, 0);
}

static int commits(struct run *r, int n) {
    for (int i = 0; i < n; i++) {
        gather(r, 1 + (int)(k2test_random(&r->rng) % 4));
        K2_TRY(journal_commit(r->j, NULL));
        memcpy(r->m.safe, r->m.next, sizeof r->m.safe);
    }
    return K2_OK;
}

/* Two writes under way, only the first one waited for. */
static int overlapped(struct run *r) {
    int64_t first, second, written[TOPICS][PARTS];
    gather(r, 3);
    K2_TRY(journal_write(r->j, &first, NULL));
    memcpy(written, r->m.next, sizeof written);
    gather(r, 3);
    K2_TRY(journal_write(r->j, &second, NULL));
    K2_TRY(journal_flush(r->j, first, NULL));
    memcpy(r->m.safe, written, sizeof written);
    return K2_OK;
}

static int make_topic(struct run *r) {
    struct journal_topic t;
    K2_TRY(journal_topic(r->j, k2_sv_of(topic_names[r->m.topics]), true, &t, NULL));
    r->m.topics++;
    return K2_OK;
}

static int save_position(struct run *r) {
    struct journal_span spans[TOPICS * PARTS];
    int n = 0;
    for (int t = 0; t < r->m.topics; t++)
        for (int p = 0; p < PARTS; p++)
            spans[n++] = (struct journal_span){t, p, r->m.safe[t][p], 0};
    r->m.position[1] = r->m.safe[0][0];
    K2_TRY(journal_position_save(r->j, "group", spans, n, NULL));
    r->m.position[0] = r->m.position[1];
    return K2_OK;
}

/* What a reader sees now must never be lost. */
static int serve(struct run *r) {
    for (int t = 0; t < r->m.topics; t++) {
        K2_TRY(journal_ends(r->j, t, r->m.safe[t], NULL));
        for (int p = 0; p < PARTS; p++)
            r->m.next[t][p] = r->m.safe[t][p];
    }
    return K2_OK;
}

/* The process ends with frames written and not flushed; another one opens the journal. */
static int restart(struct run *r, enum journal_mode mode, const char *opening) {
    phase(r, "unflushed");
    gather(r, 3);
    K2_TRY(journal_write(r->j, NULL, NULL));
    journal_close(r->j);
    r->j = NULL;
    phase(r, opening);
    K2_TRY(open_with(r, mode, KEY_2, NULL));
    return serve(r);
}

static int retain(struct run *r) {
    struct journal_retention rules = {.older_than_ns = ticks};
    char stopped[256];
    int removed;
    K2_TRY(journal_retain(r->j, &rules, &removed, stopped, NULL));
    assert_true(removed > 1);
    return K2_OK;
}

static int grow(struct run *r) {
    phase(r, "create");
    K2_TRY(open_with(r, JOURNAL_WRITE, KEY_1, NULL));
    r->m.id = journal_id(r->j);
    phase(r, "topic");
    K2_TRY(make_topic(r));
    phase(r, "append");
    K2_TRY(commits(r, 5));
    phase(r, "topic");
    K2_TRY(make_topic(r));
    phase(r, "append");
    K2_TRY(overlapped(r));
    K2_TRY(commits(r, 2));
    phase(r, "position");
    K2_TRY(save_position(r));
    phase(r, "seal");
    K2_TRY(journal_seal(r->j, NULL));
    phase(r, "append");
    return commits(r, 3);
}

static int change_owner(struct run *r) {
    K2_TRY(restart(r, JOURNAL_WRITE, "reopen"));
    phase(r, "append");
    K2_TRY(commits(r, 2));
    phase(r, "position");
    K2_TRY(save_position(r));
    phase(r, "retain");
    K2_TRY(retain(r));
    phase(r, "append");
    K2_TRY(commits(r, 2));
    K2_TRY(restart(r, JOURNAL_READ, "reader"));
    journal_close(r->j);
    r->j = NULL;
    phase(r, "reopen");
    K2_TRY(open_with(r, JOURNAL_WRITE, "off", NULL));
    K2_TRY(serve(r));
    phase(r, "append");
    return commits(r, 2);
}

static bool workload(struct run *r) {
    int rc = grow(r);
    if (rc == K2_OK)
        rc = change_owner(r);
    journal_close(r->j);
    r->j = NULL;
    return rc == K2_OK;
}

/* --- the check: false, and r->why, when a promise is broken --- */

static bool complain(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool complain(struct run *r, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

static bool check_record(struct run *r, const struct journal_batch *b,
                         const struct journal_record *record) {
    struct k2_buf want = {0};
    value_of(b->topic, b->partition, record->offset, &want);
    bool same = k2_sv_eq(k2_buf_view(&want), record->value) &&
                k2_sv_eq(record->key, K2_SV("key")) &&
                b->append_ns == r->m.times[b->topic][b->partition][record->offset];
    k2_buf_free(&want);
    return same || complain(r, "record %d/%d/%lld is not what was written", b->topic, b->partition,
                            (long long)record->offset);
}

static bool check_content(struct run *r, int t, int p, int64_t start, int64_t end) {
    struct journal_span span = {t, p, start, end};
    struct journal_reader *reader;
    struct journal_batch b;
    struct k2_err err = {0};
    int rc;
    bool good = true;
    if (journal_read(r->j, &span, 1, &reader, &err) != K2_OK)
        return complain(r, "read: %s", err.msg);
    int64_t next = start;
    while (good && (rc = journal_next(reader, &b, &err)) == 1) {
        struct journal_record record;
        size_t cursor = 0;
        while (good && journal_batch_next(&b, &cursor, &record))
            good = record.offset == next++ && check_record(r, &b, &record);
    }
    journal_reader_close(reader);
    if (good && rc < 0)
        return complain(r, "read: %s", err.msg);
    return good && (next == end || complain(r, "%d/%d ends at %lld", t, p, (long long)next));
}

static bool check_times(struct run *r, int t, const int64_t *ends) {
    for (int64_t at = 1; at <= ticks + 1; at += 3) {
        int64_t got[PARTS];
        struct k2_err err = {0};
        if (journal_ends_at(r->j, t, at, got, &err) != K2_OK)
            return complain(r, "ends at %lld: %s", (long long)at, err.msg);
        for (int p = 0; p < PARTS; p++) {
            int64_t want = 0;
            while (want < ends[p] && r->m.times[t][p][want] < at)
                want++;
            if (got[p] != want)
                return complain(r, "%d/%d at time %lld: %lld, not %lld", t, p, (long long)at,
                                (long long)got[p], (long long)want);
        }
    }
    return true;
}

static bool check_topic(struct run *r, int t) {
    struct journal_topic topic;
    struct k2_err err = {0};
    int64_t starts[PARTS], ends[PARTS];
    K2_ASSERT(t < TOPICS);
    if (journal_topic(r->j, k2_sv_of(topic_names[t]), false, &topic, &err) != K2_OK)
        return complain(r, "topic: %s", err.msg);
    if (topic.id != t || journal_starts(r->j, t, starts, &err) != K2_OK ||
        journal_ends(r->j, t, ends, &err) != K2_OK)
        return complain(r, "ends: %s", err.msg);
    for (int p = 0; p < PARTS; p++) {
        if (ends[p] < r->m.safe[t][p])
            return complain(r, "%d/%d: %lld records of %lld are left", t, p, (long long)ends[p],
                            (long long)r->m.safe[t][p]);
        if (ends[p] > r->m.next[t][p])
            return complain(r, "%d/%d: records that nobody wrote", t, p);
        if (!check_content(r, t, p, starts[p], ends[p]))
            return false;
        r->m.next[t][p] = ends[p];
    }
    return check_times(r, t, ends);
}

static bool check_position(struct run *r) {
    struct journal_span *spans;
    struct k2_err err = {0};
    int n;
    if (journal_position_load(r->j, "group", &spans, &n, &err) != K2_OK)
        return complain(r, "position: %s", err.msg);
    int64_t got = n > 0 ? spans[0].from : 0;
    free(spans);
    return got == r->m.position[0] || got == r->m.position[1] ||
           complain(r, "position %lld of %lld", (long long)got, (long long)r->m.position[0]);
}

static bool check_usable(struct run *r) {
    int64_t findings, records;
    struct k2_err err = {0};
    if (journal_verify(r->j, NULL, NULL, &findings, &records, &err) != K2_OK || findings > 0)
        return complain(r, "verify: %lld findings", (long long)findings);
    while (r->m.topics < TOPICS)
        if (make_topic(r) != K2_OK)
            return complain(r, "cannot make a topic");
    return commits(r, 2) == K2_OK || complain(r, "cannot append");
}

static bool check(struct run *r) {
    struct k2_err err = {0};
    if (open_with(r, JOURNAL_WRITE, KEY_1, &err) != K2_OK)
        return complain(r, "%s", err.msg);
    bool good = r->m.id == 0 || r->m.id == journal_id(r->j) || complain(r, "another journal");
    for (int t = 0; good && t < r->m.topics; t++)
        good = check_topic(r, t);
    /* A topic that was under way is there or is not. */
    if (good && journal_topic_count(r->j) > r->m.topics)
        r->m.topics = journal_topic_count(r->j);
    good = good && check_position(r) && check_usable(r);
    journal_close(r->j);
    r->j = NULL;
    return good;
}

/* --- runs --- */

enum outcome { HELD, LOST, COMPLETE /* and held: there was no operation at which to cut */ };

static bool encrypted; /* the runs of this test */

static enum outcome run_once(const struct mutation *mutation, int64_t cut_at, uint64_t seed,
                             char why[512]) {
    struct run *r = calloc(1, sizeof *r);
    r->root = k2test_dir();
    r->data = k2_path(r->root, "data");
    r->disk = disk_mount(r->root);
    r->mutation = mutation;
    r->rng = 7;
    r->encrypted = encrypted;
    ticks = 0;
    if (cut_at > 0)
        disk_power_off_at(r->disk, cut_at);
    bool complete = workload(r);
    disk_cut(r->disk, seed);
    enum outcome out = !check(r) ? LOST : complete ? COMPLETE : HELD;
    memcpy(why, r->why, sizeof r->why);
    disk_unmount(r->disk);
    free(r->data);
    k2test_rmdir(r->root);
    free(r);
    return out;
}

static void cut_everywhere(void) {
    char why[512];
    uint64_t seeds = k2test_seed();
    int64_t cut_at = 1;
    for (enum outcome out = HELD; out != COMPLETE; cut_at++) {
        for (uint64_t s = 0; s < 4; s++) {
            uint64_t seed = s == 0 ? 0 : k2test_random(&seeds) | 1;
            out = run_once(NULL, cut_at, seed, why);
            if (out == LOST)
                fail_msg("cut at operation %lld, seed %#llx: %s", (long long)cut_at,
                         (unsigned long long)seed, why);
            if (out == COMPLETE)
                break;
        }
    }
    print_message("%lld cut points\n", (long long)cut_at);
    assert_true(cut_at > 100);
}

static void no_cut_loses_what_was_acknowledged(void **state) {
    (void)state;
    cut_everywhere();
}

static void no_cut_loses_what_was_acknowledged_encrypted(void **state) {
    (void)state;
    struct k2_err err = {0};
    encrypted = true;
    cut_everywhere();
    encrypted = false;
    CHECK_OK(journal_use_keys("", "", &err), &err);
}

/* Whether some cut shows that the sync was needed. */
static bool is_noticed(const struct mutation *m, char why[512]) {
    uint64_t seeds = k2test_seed();
    if (run_once(m, 0, 0, why) == LOST)
        return true;
    for (uint64_t s = 0; s < 4; s++) {
        enum outcome out = HELD;
        for (int64_t cut_at = 1; out != COMPLETE; cut_at++) {
            out = run_once(m, cut_at, s == 0 ? 0 : k2test_random(&seeds) | 1, why);
            if (out == LOST)
                return true;
        }
    }
    return false;
}

static const struct mutation mutations[] = {
    {DISK_SYNC_DIR, "*/data", {NULL}},                /* the directories of the journal */
    {DISK_SYNC, "*/journal/meta.*", {NULL}},          /* content of a new meta */
    {DISK_SYNC_DIR, "*/journal", {"create"}},         /* first segment, first meta */
    {DISK_SYNC_DIR, "*/journal", {"topic"}},          /* its name: a topic */
    {DISK_SYNC, "*.seg", {"append"}},                 /* group commit */
    {DISK_SYNC_DIR, "*/journal", {"append", "seal"}}, /* names of new segments */
    {DISK_SYNC, "*.seg", {"unflushed", "reopen"}},    /* a writer recovers what was not flushed */
    {DISK_SYNC, "*.seg", {"unflushed", "reader"}},    /* a reader does */
    {DISK_SYNC, "*.idx.*", {NULL}},                   /* an index that outlives its segment */
    {DISK_SYNC_DIR, "*/journal", {"retain"}},         /* its name; starts of partitions */
    {DISK_SYNC, "*/positions/*", {NULL}},             /* content of a position */
    {DISK_SYNC_DIR, "*/positions", {NULL}},           /* its name */
};

static void every_sync_is_needed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mutations / sizeof *mutations; i++) {
        const struct mutation *m = &mutations[i];
        char why[512];
        const char *when = m->phases[0] ? m->phases[0] : "always";
        if (!is_noticed(m, why))
            fail_msg("no cut notices that sync %s is ignored (%s)", m->pattern, when);
        print_message("without sync %-22s (%s): %s\n", m->pattern, when, why);
    }
}

static void sync_failure_is_final_and_nothing_unsynced_is_served(void **state) {
    (void)state;
    struct run r = {.root = k2test_dir(), .rng = 7};
    struct k2_err err = {0};
    int64_t ends[PARTS];
    r.data = k2_path(r.root, "data");
    r.disk = disk_mount(r.root);
    ticks = 0;
    CHECK_OK(journal_open(r.data, JOURNAL_WRITE, &options, &r.j, &err), &err);
    CHECK_OK(make_topic(&r), &err);
    CHECK_OK(commits(&r, 2), &err);
    disk_fail(r.disk, DISK_SYNC, "*.seg", 0, EIO);
    gather(&r, 3);
    CHECK_STATUS(journal_commit(r.j, NULL), K2_E_IO);
    disk_heal(r.disk);
    gather(&r, 1);
    CHECK_STATUS(journal_commit(r.j, NULL), K2_E_IO);
    CHECK_OK(journal_ends(r.j, 0, ends, &err), &err);
    assert_memory_equal(ends, r.m.safe[0], sizeof ends);
    journal_close(r.j);
    CHECK_OK(journal_open(r.data, JOURNAL_READ, NULL, &r.j, &err), &err);
    CHECK_OK(journal_ends(r.j, 0, ends, &err), &err);
    assert_memory_equal(ends, r.m.safe[0], sizeof ends);
    journal_close(r.j);
    disk_unmount(r.disk);
    free(r.data);
    k2test_rmdir(r.root);
}

static void full_disk_keeps_the_records_until_there_is_room(void **state) {
    (void)state;
    struct run r = {.root = k2test_dir(), .rng = 7};
    struct k2_err err = {0};
    r.data = k2_path(r.root, "data");
    r.disk = disk_mount(r.root);
    ticks = 0;
    CHECK_OK(journal_open(r.data, JOURNAL_WRITE, &options, &r.j, &err), &err);
    CHECK_OK(make_topic(&r), &err);
    CHECK_OK(commits(&r, 2), &err);
    disk_room(r.disk, 300);
    gather(&r, 4);
    CHECK_STATUS(journal_commit(r.j, NULL), K2_E_IO);
    CHECK_STATUS(journal_commit(r.j, NULL), K2_E_IO);
    disk_room(r.disk, -1);
    for (int p = 0; p < PARTS; p++) /* the write that works has a later time */
        for (int64_t i = r.m.safe[0][p]; i < r.m.next[0][p]; i++)
            r.m.times[0][p][i] = ticks + 1;
    CHECK_OK(commits(&r, 2), &err);
    journal_close(r.j);
    disk_cut(r.disk, 0);
    if (!check(&r))
        fail_msg("%s", r.why);
    disk_unmount(r.disk);
    free(r.data);
    k2test_rmdir(r.root);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* cut tails are expected here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_loses_what_was_acknowledged),
        cmocka_unit_test(no_cut_loses_what_was_acknowledged_encrypted),
        cmocka_unit_test(every_sync_is_needed),
        cmocka_unit_test(sync_failure_is_final_and_nothing_unsynced_is_served),
        cmocka_unit_test(full_disk_keeps_the_records_until_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
