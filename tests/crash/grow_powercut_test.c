/* tests/crash/grow_powercut_test.c - a topic that grows, on a disk that loses power at any moment (crash/disk.h).
 * k2-test: timeout=300
 *
 * A fixed workload appends, grows, appends, is restarted, grows again. Each time the power goes at another operation.
 * Afterwards every record that was acknowledged is where it was, a growth that was acknowledged stands, one that was not
 * either stands or was never begun as far as writers are concerned, and the same call finishes it; the order of each key
 * over the versions is proven. That the cut must be durable before anything is appended behind it is shown by ignoring
 * the sync of what notes it.
 */
#include "base/fs.h"
#include "base/log.h"
#include "crash/disk.h"
#include "journal/journal.h"
#include "k2test.h"

enum { KEYS = 4, MOST = 200, ONE = 1000000000 };

#define TOPIC K2_SV("market.ticks.sim")

static const int32_t widths[] = {2, 3, 7}; /* partitions of each version */

struct place {
    int32_t version, partition;
    int64_t offset;
};

struct run {
    char *root, *data;
    struct disk *disk;
    struct journal *j;
    struct k2_interner *in;
    struct place all[MOST]; /* where record i, which has the number i + 1, was put */
    int count, safe;        /* records; those that were acknowledged */
    int32_t versions;       /* acknowledged */
    bool ignores;
    char why[512];
};

static int64_t ticks;

static int64_t tick(void) {
    return ++ticks;
}

static const struct journal_options options = {
    .segment_bytes = 1500, .partitions = 2, .clock = tick};

/* --- the workload: each part returns the status of the first call that failed --- */

static void fill(struct run *r, int key, struct k2_event *e) {
    char symbol[8];
    snprintf(symbol, sizeof symbol, "S%d", key);
    k2_event_blank(e, K2_KIND_TRADE);
    e->kind = K2_KIND_TRADE;
    e->trade.exchange = k2_intern(r->in, K2_SV("SIM"));
    e->trade.symbol = e->trade.channel = k2_intern(r->in, k2_sv_of(symbol));
    e->trade.trade_date = 20514;
    e->trade.exchange_sequence_number = r->count + 1;
    e->trade.price = ONE;
    e->trade.quantity = ONE;
}

static int append(struct run *r) {
    struct journal_topic t;
    struct k2_event e;
    struct k2_buf key = {0};
    uint32_t schema;
    K2_TRY(journal_topic_newest(r->j, TOPIC, true, &t, NULL));
    K2_TRY(k2_registry_register(journal_registry(r->j), K2_SV("market.ticks.sim-value"),
                                k2_sv_of(k2_kind(K2_KIND_TRADE)->avro_schema), &schema, NULL));
    fill(r, r->count % KEYS, &e);
    k2_event_key(&e, r->in, &key);
    int32_t p = journal_partition(&t, k2_buf_view(&key));
    struct k2_buf *out = journal_record_begin(r->j, t.id, p, k2_buf_view(&key));
    int rc = k2_avro_encode(&e, r->in, schema, out, NULL);
    assert_int_equal(rc, K2_OK);
    r->all[r->count++] = (struct place){t.version, p, journal_record_end(r->j, 0)};
    k2_buf_free(&key);
    return K2_OK;
}

static int commits(struct run *r, int n) {
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++)
            K2_TRY(append(r));
        K2_TRY(journal_commit(r->j, NULL));
        r->safe = r->count;
    }
    return K2_OK;
}

static int grow(struct run *r) {
    struct journal_grown g;
    if (r->ignores)
        disk_ignore(r->disk, DISK_SYNC_DIR, "*/journal", 0);
    K2_TRY(append(r)); /* belongs to the version before */
    K2_TRY(journal_grow(r->j, TOPIC, widths[r->versions], &g, NULL));
    disk_heal(r->disk);
    r->safe = r->count;
    r->versions++;
    return K2_OK;
}

static int steps(struct run *r) {
    K2_TRY(journal_open(r->data, JOURNAL_WRITE, &options, &r->j, NULL));
    K2_TRY(commits(r, 2));
    r->versions = 1;
    K2_TRY(grow(r));
    K2_TRY(commits(r, 2));
    journal_close(r->j);
    r->j = NULL;
    K2_TRY(journal_open(r->data, JOURNAL_WRITE, &options, &r->j, NULL));
    K2_TRY(commits(r, 1));
    K2_TRY(grow(r));
    return commits(r, 2);
}

static bool workload(struct run *r) {
    int rc = steps(r);
    journal_close(r->j);
    r->j = NULL;
    return rc == K2_OK;
}

/* --- the check: false, and r->why, when a promise is broken --- */

static bool complain(struct run *r, const char *what, const char *more) {
    snprintf(r->why, sizeof r->why, "%.100s %.400s", what, more);
    return false;
}

static bool check_records(struct run *r, const struct journal_topic *all, int n) {
    struct k2_err err = {0};
    for (int v = 0; v < n; v++) {
        int64_t ends[16];
        if (journal_ends(r->j, all[v].id, ends, &err) != K2_OK)
            return complain(r, "ends:", err.msg);
        for (int i = 0; i < r->safe; i++)
            if (r->all[i].version == v + 1 && r->all[i].offset >= ends[r->all[i].partition])
                return complain(r, "a record that was acknowledged is gone from", all[v].name);
    }
    for (int i = 0; i < r->safe; i++)
        if (r->all[i].version > n)
            return complain(r, "a version with acknowledged records is gone", "");
    return true;
}

static bool check_proof(struct run *r, int want) {
    struct journal_version_proof *p;
    struct k2_err err = {0};
    int n;
    if (journal_versions_prove(r->j, TOPIC, NULL, NULL, &p, &n, &err) != K2_OK)
        return complain(r, "proof:", err.msg);
    bool good = n == want || complain(r, "another number of versions", "");
    for (int i = 0; i < n; i++)
        if (p[i].behind + p[i].misplaced + p[i].overtaken + p[i].late > 0)
            good = complain(r, "the order is broken", "");
    free(p);
    return good;
}

/* The growth that was under way is finished, and what comes next goes behind it. */
static bool check_usable(struct run *r) {
    struct journal_grown g = {0};
    struct k2_err err = {0};
    int32_t newest = r->versions;
    while (newest < 3) {
        if (journal_grow(r->j, TOPIC, widths[newest], &g, &err) != K2_OK)
            return complain(r, "grow:", err.msg);
        if (g.version < newest)
            return complain(r, "it went back to an older version", "");
        newest = g.version < 3 && !g.already ? g.version : newest + 1;
    }
    r->count = MOST - 10; /* higher numbers than any that may be there */
    return commits(r, 2) == K2_OK || complain(r, "cannot append", "");
}

static bool check(struct run *r) {
    struct k2_err err = {0};
    struct journal_topic *all = NULL, newest;
    int n = 0;
    if (journal_open(r->data, JOURNAL_WRITE, &options, &r->j, &err) != K2_OK)
        return complain(r, "open:", err.msg);
    int rc = journal_versions(r->j, TOPIC, &all, &n, &err);
    bool good =
        rc == K2_OK || (rc == K2_E_NOTFOUND && r->safe == 0) || complain(r, "versions:", err.msg);
    if (rc == K2_OK) {
        good = good && check_records(r, all, n);
        good = good && journal_topic_newest(r->j, TOPIC, false, &newest, &err) == K2_OK &&
               (newest.version >= r->versions || complain(r, "a growth is gone", ""));
        good = good && check_proof(r, n) && check_usable(r) && check_proof(r, 3);
    }
    free(all);
    journal_close(r->j);
    r->j = NULL;
    return good;
}

/* --- runs --- */

enum outcome { HELD, LOST, COMPLETE };

static enum outcome run_once(bool ignores, int64_t cut_at, uint64_t seed, char why[512]) {
    struct run *r = calloc(1, sizeof *r);
    r->root = k2test_dir();
    r->data = k2_path(r->root, "data");
    r->disk = disk_mount(r->root);
    r->in = k2_interner_new();
    r->ignores = ignores;
    ticks = 0;
    if (cut_at > 0)
        disk_power_off_at(r->disk, cut_at);
    bool complete = workload(r);
    disk_cut(r->disk, seed);
    enum outcome out = !check(r) ? LOST : complete ? COMPLETE : HELD;
    memcpy(why, r->why, sizeof r->why);
    disk_unmount(r->disk);
    k2_interner_free(r->in);
    free(r->data);
    k2test_rmdir(r->root);
    free(r);
    return out;
}

static void no_cut_breaks_a_growth_or_the_order_of_a_key(void **state) {
    (void)state;
    char why[512];
    uint64_t seeds = k2test_seed();
    int64_t cut_at = 1;
    for (enum outcome out = HELD; out != COMPLETE; cut_at++) {
        for (uint64_t s = 0; s < 3 && out != COMPLETE; s++) {
            uint64_t seed = s == 0 ? 0 : k2test_random(&seeds) | 1;
            out = run_once(false, cut_at, seed, why);
            if (out == LOST)
                fail_msg("cut at operation %lld, seed %#llx: %s", (long long)cut_at,
                         (unsigned long long)seed, why);
        }
    }
    print_message("%lld cut points\n", (long long)cut_at);
    assert_true(cut_at > 40);
}

static void a_cut_that_was_not_synced_is_noticed(void **state) {
    (void)state;
    char why[512];
    enum outcome out = HELD;
    for (int64_t cut_at = 1; out == HELD; cut_at++)
        out = run_once(true, cut_at, 0, why);
    assert_int_equal(out, LOST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_breaks_a_growth_or_the_order_of_a_key),
        cmocka_unit_test(a_cut_that_was_not_synced_is_noticed),
    };
    k2_log_setup(K2_LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
