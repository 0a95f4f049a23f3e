/* tests/crash/tier_powercut_test.c - segments on their way to an object store, on a disk that loses power (crash/disk.h).
 * k2-test: timeout=300
 *
 * The same steps run again and again; each time the process is killed or the power goes at another operation. Afterwards
 * every record that was acknowledged is read, from here or from the store, and once everything was removed nothing is
 * left in the store. That each sync is needed is shown by ignoring it: some cut must then lose something.
 */
#include "base/fs.h"
#include "base/log.h"
#include "crash/disk.h"
#include "journal/journal.h"
#include "k2test.h"

enum { SEGMENTS = 3, MOST = 200 };

struct run {
    char *root, *data, *store;
    struct disk *disk;
    struct journal *j;
    int64_t safe; /* records that were acknowledged */
    char why[512];
};

struct mutation {
    enum disk_op op;
    const char *pattern;
};

static int64_t ticks;

static int64_t tick(void) {
    return ++ticks;
}

static void value_of(int64_t offset, struct k2_buf *out) {
    uint64_t state = (uint64_t)offset;
    for (size_t n = k2test_random(&state) % 300; n > 0; n--)
        k2_buf_byte(out, (uint8_t)k2test_random(&state));
}

static int open_journal(struct run *r, struct k2_err *err) {
    const struct journal_options options = {.partitions = 1, .clock = tick};
    return journal_open(r->data, JOURNAL_WRITE, &options, &r->j, err);
}

static int commit(struct run *r) {
    for (int64_t i = r->safe; i < r->safe + 3; i++) {
        value_of(i, journal_record_begin(r->j, 0, 0, K2_SV("key")));
        (void)journal_record_end(r->j, 0);
    }
    K2_TRY(journal_commit(r->j, NULL));
    r->safe += 3;
    return K2_OK;
}

static int seal(struct run *r) {
    K2_TRY(commit(r));
    return journal_seal(r->j, NULL);
}

static int tier(struct run *r, struct k2_err *err) {
    const struct journal_tier_options o = {.now_ns = INT64_MAX};
    struct journal_tier_report report;
    return journal_tier(r->j, &o, &report, err);
}

static int retain(struct run *r, int64_t older_than_ns) {
    const struct journal_retention rules = {.older_than_ns = older_than_ns};
    char stopped[256];
    int removed;
    return journal_retain(r->j, &rules, &removed, stopped, NULL);
}

/* --- the check: false, and r->why, when a promise is broken --- */

static bool complain(struct run *r, const char *what, const char *why) {
    snprintf(r->why, sizeof r->why, "%s: %.400s", what, why);
    return false;
}

static bool check_batch(const struct journal_batch *b, int64_t *next) {
    struct journal_record record;
    struct k2_buf want = {0};
    size_t cursor = 0;
    bool same = true;
    while (same && journal_batch_next(b, &cursor, &record)) {
        want.n = 0;
        value_of(record.offset, &want);
        same = record.offset == (*next)++ && k2_sv_eq(k2_buf_view(&want), record.value);
    }
    k2_buf_free(&want);
    return same;
}

static bool check_records(struct run *r) {
    struct k2_err err = {0};
    struct journal_span span = {0, 0, 0, 0};
    struct journal_reader *reader;
    struct journal_batch b;
    int rc = K2_OK;
    bool good = true;
    if (journal_starts(r->j, 0, &span.from, &err) != K2_OK ||
        journal_ends(r->j, 0, &span.to, &err) != K2_OK)
        return complain(r, "ends", err.msg);
    if (span.to < r->safe)
        return complain(r, "ends", "records were lost");
    if (journal_read(r->j, &span, 1, &reader, &err) != K2_OK)
        return complain(r, "read", err.msg);
    int64_t next = span.from;
    while (good && (rc = journal_next(reader, &b, &err)) == 1)
        good = check_batch(&b, &next);
    journal_reader_close(reader);
    if (rc < 0)
        return complain(r, "read", err.msg);
    return (good && next == span.to) || complain(r, "read", "other records than were written");
}

static bool check_intact(struct run *r) {
    int64_t findings, records;
    struct k2_err err = {0};
    if (journal_verify(r->j, NULL, NULL, &findings, &records, &err) != K2_OK)
        return complain(r, "verify", err.msg);
    return findings == 0 || complain(r, "verify", "findings");
}

/* Whatever the cut left behind: when all is removed, nothing stays in the store. */
static bool check_store(struct run *r) {
    char command[4200];
    struct k2_err err = {0};
    int64_t at = r->safe;
    if (journal_ends(r->j, 0, &at, NULL) == K2_OK)
        r->safe = at;
    if (seal(r) != K2_OK || tier(r, &err) != K2_OK || !check_records(r))
        return r->why[0] ? false : complain(r, "tier", err.msg);
    if (commit(r) != K2_OK || retain(r, INT64_MAX) != K2_OK || tier(r, &err) != K2_OK)
        return complain(r, "remove", err.msg);
    snprintf(command, sizeof command,
             "[ -z \"$(find '%s' -name '*.seg*' ; ls '%s'/journal/*.tier 2>&- )\" ]", r->store,
             r->data);
    return system(command) == 0 || complain(r, "remove", "something is left in the store");
}

static bool check(struct run *r) {
    struct k2_err err = {0};
    if (open_journal(r, &err) != K2_OK)
        return complain(r, "open", err.msg);
    bool good = check_records(r) && check_intact(r) && check_store(r);
    journal_close(r->j);
    return good;
}

/* --- the steps --- */

static int prepare(struct run *r) {
    struct journal_topic t;
    struct k2_err err = {0};
    CHECK_OK(open_journal(r, &err), &err);
    CHECK_OK(journal_topic(r->j, K2_SV("market.raw.a"), true, &t, &err), &err);
    for (int i = 0; i < SEGMENTS; i++)
        CHECK_OK(seal(r), &err);
    return commit(r);
}

static int steps(struct run *r) {
    K2_TRY(tier(r, NULL));
    if (!check_records(r)) /* fetches all of it */
        return K2_E_FAILED;
    r->why[0] = 0;
    K2_TRY(seal(r));
    K2_TRY(tier(r, NULL));
    struct journal_segment_info s;
    K2_TRY(journal_segment(r->j, 2, &s, NULL));
    K2_TRY(retain(r, s.first_append_ns));
    K2_TRY(tier(r, NULL));
    return commit(r);
}

enum outcome { HELD, LOST, COMPLETE /* and held: there was no operation at which to cut */ };

/* killed: what was done is done, as when only the process ends. */
static enum outcome run_once(const struct mutation *m, int64_t cut_at, bool killed, uint64_t seed,
                             char why[512]) {
    struct run *r = calloc(1, sizeof *r);
    struct k2_err err = {0};
    r->root = k2test_dir();
    r->data = k2_path(r->root, "data");
    r->store = k2_path(r->root, "store");
    r->disk = disk_mount(r->root);
    CHECK_OK(k2_fs_mkdirs(r->data, &err), &err);
    CHECK_OK(k2_fs_mkdirs(r->store, &err), &err);
    const struct journal_tier_settings settings = {.url = r->store, .cache_bytes = 1500};
    CHECK_OK(journal_tier_use(&settings, &err), &err);
    ticks = 0;
    CHECK_OK(prepare(r), &err);
    disk_calm(r->disk);
    if (m)
        disk_ignore(r->disk, m->op, m->pattern, 0);
    if (cut_at > 0)
        disk_power_off_at(r->disk, cut_at);
    bool complete = steps(r) == K2_OK;
    journal_close(r->j);
    if (!killed)
        disk_cut(r->disk, seed);
    disk_calm(r->disk);
    r->why[0] = 0;
    enum outcome out = !check(r) ? LOST : complete ? COMPLETE : HELD;
    memcpy(why, r->why, sizeof r->why);
    disk_unmount(r->disk);
    free(r->data);
    free(r->store);
    k2test_rmdir(r->root);
    free(r);
    return out;
}

static void no_cut_loses_a_record_or_leaves_an_object(void **state) {
    (void)state;
    char why[512];
    uint64_t seeds = k2test_seed();
    int64_t cut_at = 1;
    for (enum outcome out = HELD; out != COMPLETE; cut_at++) {
        for (uint64_t s = 0; s < 3; s++) {
            uint64_t seed = s == 0 ? 0 : k2test_random(&seeds) | 1;
            out = run_once(NULL, cut_at, false, seed, why);
            if (out == LOST)
                fail_msg("cut at operation %lld, seed %#llx: %s", (long long)cut_at,
                         (unsigned long long)seed, why);
            if (out == COMPLETE)
                break;
        }
    }
    print_message("%lld cut points\n", (long long)cut_at);
    assert_true(cut_at > 50);
}

static void no_kill_loses_a_record_or_leaves_an_object(void **state) {
    (void)state;
    char why[512];
    int64_t at = 1;
    for (enum outcome out = HELD; out != COMPLETE; at++) {
        out = run_once(NULL, at, true, 0, why);
        if (out == LOST)
            fail_msg("killed at operation %lld: %s", (long long)at, why);
    }
    assert_true(at > 50);
}

static bool is_noticed(const struct mutation *m) {
    char why[512];
    uint64_t seeds = k2test_seed();
    for (uint64_t s = 0; s < 4; s++) {
        enum outcome out = HELD;
        for (int64_t cut_at = 1; out != COMPLETE; cut_at++) {
            out = run_once(m, cut_at, false, s == 0 ? 0 : k2test_random(&seeds) | 1, why);
            if (out == LOST)
                return true;
        }
    }
    return false;
}

/* That what was fetched is synced saves another fetch and no record: a process compares a copy before it first reads it. */
static const struct mutation mutations[] = {
    {DISK_SYNC, "*/store/*.seg.tmp"}, /* an object */
    {DISK_SYNC_DIR, "*/store/?*"},    /* its name */
    {DISK_SYNC, "*.tier.*"},          /* the note of it */
    {DISK_SYNC_DIR, "*/journal"},     /* the note's name, before the file goes */
};

static void every_sync_is_needed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mutations / sizeof *mutations; i++)
        if (!is_noticed(&mutations[i]))
            fail_msg("nothing is lost without %s", mutations[i].pattern);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR + 1, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_loses_a_record_or_leaves_an_object),
        cmocka_unit_test(no_kill_loses_a_record_or_leaves_an_object),
        cmocka_unit_test(every_sync_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
