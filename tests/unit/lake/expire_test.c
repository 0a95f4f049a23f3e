/* Expiry of snapshots: which stay, that these can be read, and that nothing of theirs goes. */
#include "lake_fixture.h"

#include "lake/manifest.h"

#include <errno.h>
#include <sys/wait.h>

#define MINUTE_NS (60 * K2_NS_PER_SEC)
#define HOUR_NS (60 * MINUTE_NS)
#define DAY_NS (24 * HOUR_NS)
/* 2100-01-01: later than the real clock, at which the table is made. */
#define START_NS (INT64_C(4102444800) * K2_NS_PER_SEC)

/* A disk that does not wait: thousands of commits are about what is named, not about power cuts. */
static int no_wait(int fd) {
    (void)fd;
    return 0;
}

static int no_wait_dir(const char *path) {
    (void)path;
    return 0;
}

static struct k2_fs_ops quick;

static void hurry(void) {
    quick = k2_fs_system;
    quick.sync = no_wait;
    quick.sync_dir = no_wait_dir;
    k2_fs_use(&quick);
}

/* A vector as long as those of a platform with a handful of venues. */
static struct lake_offsets vector_at(int32_t journal, int64_t n) {
    static const char *const topics[] = {"market.ticks.asx", "market.ticks.binance",
                                         "market.ticks.iex", "market.ticks.moex"};
    struct lake_offsets o = {.journal_id = n ? journal : 0};
    for (int i = 0; n && i < 4; i++)
        for (int32_t p = 0; p < 3; p++)
            lake_offsets_set(&o, topics[i], p, n * 1000003 + p);
    return o;
}

/* The n-th commit (from 0), at an instant, of one file. */
static int64_t commit_at(struct fixture *f, int64_t n, int64_t ns) {
    struct k2_err err = {0};
    struct lake_file file = fixture_file(f, k2_date_of(ns), n, n);
    struct lake_offsets from = vector_at(7, n), to = vector_at(7, n + 1);
    char id[40];
    int64_t snapshot = 0;
    (void)snprintf(id, sizeof id, "sink-%032lld", (long long)n);
    struct lake_append a = {
        .files = &file, .file_count = 1, .from = &from, .to = &to, .commit_id = id, .now_ns = ns};
    CHECK_OK(lake_append(f->lake, "trades", &a, &snapshot, &err), &err);
    lake_offsets_free(&from);
    lake_offsets_free(&to);
    lake_file_free(&file);
    f->commits++;
    return snapshot;
}

static struct lake_expired expire(struct fixture *f, int64_t now_ns) {
    struct k2_err err = {0};
    struct lake_expire_options o = {.now_ns = now_ns};
    struct lake_expired e;
    CHECK_OK(lake_expire(f->lake, "trades", &o, &e, &err), &err);
    return e;
}

static void print_finding(void *ctx, const char *text) {
    (void)ctx;
    print_error("%s\n", text);
}

static void expect_verified(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_verified seen;
    CHECK_OK(lake_verify(f->lake, "trades", print_finding, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
}

static int64_t orphans_of(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_orphan_options o = {.now_ns = k2_now_ns(), .dry_run = true};
    struct lake_orphans out;
    CHECK_OK(lake_remove_orphans(f->lake, NULL, &o, &out, &err), &err);
    return out.files;
}

static int64_t metadata_bytes(struct fixture *f) {
    struct lake_table *t = fixture_load(f);
    char *path;
    CHECK_OK(lake_location_path(k2_sv_of(lake_table_info(t).metadata_location), &path, NULL),
             &(struct k2_err){0});
    int64_t size = k2_fs_size(path);
    free(path);
    lake_table_free(t);
    return size;
}

static int snapshot_count(struct fixture *f) {
    struct lake_table *t = fixture_load(f);
    int n = lake_table_info(t).snapshot_count;
    lake_table_free(t);
    return n;
}

static bool has_snapshot(struct fixture *f, int64_t id) {
    struct lake_table *t = fixture_load(f);
    struct lake_snapshot s;
    bool has = lake_snapshot_find(t, id, &s, NULL) == K2_OK;
    lake_table_free(t);
    return has;
}

/* --- many --- */

#define REAL 30 /* commits; the snapshots after them name some of their manifests */
#define SNAPSHOTS 3030

struct history {
    int64_t id[SNAPSHOTS], ns[SNAPSHOTS];
};

/* Six-hourly for ten weeks, hourly for one, then one a minute for two days. */
static int64_t next_step(int n) {
    return n < 310 ? 6 * HOUR_NS : n < 470 ? HOUR_NS : MINUTE_NS;
}

static int files_of(int n) {
    return n < REAL ? n + 1 : (n - REAL) / 100 + 1;
}

/* Writes the list of snapshot n: the first manifests of the last real commit's. Gives its location. */
static char *write_list(struct fixture *f, const char *of, int n, int64_t id) {
    struct k2_err err = {0};
    struct lake_manifest_list list, few = {0};
    struct k2_buf bytes = {0};
    char name[64];
    (void)snprintf(name, sizeof name, "market_data/trades/metadata/snap-%lld.avro", (long long)id);
    char *path = k2_path(f->lake->warehouse, name);
    CHECK_OK(lake_manifest_list_load(of, &list, &err), &err);
    for (int i = 0; i < files_of(n); i++)
        lake_manifest_list_add(&few, &list.at[i]);
    CHECK_OK(lake_manifest_list_format(&few, id, 0, n + 1, &bytes, &err), &err);
    CHECK_OK(lake_file_write(path, k2_buf_view(&bytes), &err), &err);
    char *location = lake_location_of(path);
    k2_buf_free(&bytes);
    lake_manifest_list_free(&list);
    lake_manifest_list_free(&few);
    free(path);
    return location;
}

static void put_count(struct k2_json *summary, const char *key, int64_t v) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)v);
    k2_json_set(summary, key, k2_json_cstring(text));
}

/* Snapshot n as a writer would have added it, which takes too long 3,000 times. */
static void add_snapshot(struct fixture *f, struct lake_table *t, const char *list,
                         struct history *h, int n) {
    struct k2_json *all = k2_json_get(t->root, "snapshots");
    struct k2_json *s = k2_json_copy(k2_json_at(all, REAL - 1)), *entry = k2_json_object();
    struct k2_json *summary = k2_json_get(s, "summary");
    h->id[n] = 1000000 + n;
    char *location = write_list(f, list, n, h->id[n]);
    k2_json_set(s, "snapshot-id", k2_json_int(h->id[n]));
    k2_json_set(s, "parent-snapshot-id", k2_json_int(h->id[n - 1]));
    k2_json_set(s, "sequence-number", k2_json_int(n + 1));
    k2_json_set(s, "timestamp-ms", k2_json_int(h->ns[n] / K2_NS_PER_MS));
    k2_json_set(s, "manifest-list", k2_json_cstring(location));
    put_count(summary, "total-data-files", files_of(n));
    put_count(summary, "total-records", 100 * files_of(n));
    k2_json_append(all, s);
    k2_json_set(entry, "timestamp-ms", k2_json_int(h->ns[n] / K2_NS_PER_MS));
    k2_json_set(entry, "snapshot-id", k2_json_int(h->id[n]));
    k2_json_append(k2_json_get(t->root, "snapshot-log"), entry);
    free(location);
}

static void make_history(struct fixture *f, struct history *h) {
    struct k2_err err = {0};
    bool unsure;
    int64_t ns = START_NS;
    for (int n = 0; n < SNAPSHOTS; n++)
        h->ns[n] = ns += next_step(n);
    for (int n = 0; n < REAL; n++)
        h->id[n] = commit_at(f, n, h->ns[n]);
    struct lake_table *t = fixture_load(f);
    const char *list = lake_snapshot_at(t, REAL - 1).manifest_list;
    for (int n = REAL; n < SNAPSHOTS; n++)
        add_snapshot(f, t, list, h, n);
    k2_json_set(t->root, "current-snapshot-id", k2_json_int(h->id[SNAPSHOTS - 1]));
    k2_json_set(t->root, "last-sequence-number", k2_json_int(SNAPSHOTS));
    k2_json_set(k2_json_get(k2_json_get(t->root, "refs"), "main"), "snapshot-id",
                k2_json_int(h->id[SNAPSHOTS - 1]));
    lake_metadata_advance(t, ns / K2_NS_PER_MS);
    CHECK_OK(lake_metadata_swap(f->lake, t, &unsure, &err), &err);
    lake_table_free(t);
}

/* The rule once more, by search: is there a later one in the same span? */
static bool must_stay(const struct history *h, int n, int64_t now) {
    static const int64_t rules[][2] = {
        {24 * HOUR_NS, 10 * MINUTE_NS}, {7 * DAY_NS, HOUR_NS}, {90 * DAY_NS, DAY_NS}};
    if (n == SNAPSHOTS - 1 || now - h->ns[n + 1] < HOUR_NS)
        return true;
    for (int r = 0; r < 3; r++)
        if (now - h->ns[n] < rules[r][0]) {
            for (int m = n + 1; m < SNAPSHOTS; m++)
                if (h->ns[m] / rules[r][1] == h->ns[n] / rules[r][1])
                    return false;
            return true;
        }
    return false;
}

/* Those that stay are there, with the files they had; at other times, the one before is. */
static void check_travel(struct fixture *f, const struct history *h, int64_t now) {
    struct lake_table *t = fixture_load(f);
    int kept = 0, before = -1;
    for (int n = 0; n < SNAPSHOTS; n++) {
        struct k2_err err = {0};
        struct lake_snapshot s;
        struct lake_plan plan;
        bool is_there = lake_snapshot_find(t, h->id[n], &s, NULL) == K2_OK;
        if (is_there != must_stay(h, n, now))
            fail_msg("snapshot %d of %d is %s", n, SNAPSHOTS, is_there ? "there" : "gone");
        before = is_there ? n : before;
        if (before >= 0) {
            CHECK_OK(lake_snapshot_as_of(t, h->ns[n], &s, &err), &err);
            assert_int_equal(s.id, h->id[before]);
        }
        if (!is_there)
            continue;
        kept++;
        CHECK_OK(lake_plan(t, h->id[n], NULL, 0, &plan, &err), &err);
        assert_int_equal(plan.file_count, files_of(n));
        lake_plan_free(&plan);
    }
    assert_int_equal(kept, lake_table_info(t).snapshot_count);
    print_message("%d of %d snapshots stay\n", kept, SNAPSHOTS);
    lake_table_free(t);
}

static void three_thousand_snapshots_become_a_few_hundred_by_the_rule(void **state) {
    (void)state;
    hurry();
    struct fixture f = fixture_new();
    struct history *h = k2_zalloc(sizeof *h);
    make_history(&f, h);
    int64_t now = h->ns[SNAPSHOTS - 1] + MINUTE_NS, bytes = metadata_bytes(&f);
    assert_int_equal(snapshot_count(&f), SNAPSHOTS);
    expect_verified(&f);
    struct lake_expired e = expire(&f, now);
    print_message("metadata of %lld bytes became %lld\n", (long long)bytes,
                  (long long)metadata_bytes(&f));
    assert_true(bytes > 2 << 20);
    assert_true(metadata_bytes(&f) < 1 << 20);
    assert_true(snapshot_count(&f) < 500);
    assert_int_equal(e.files, e.snapshots); /* their lists: every manifest is named by others too */
    check_travel(&f, h, now);
    assert_int_equal(expire(&f, now).snapshots, 0); /* the rule is stable */
    expect_verified(&f);
    assert_int_equal(orphans_of(&f), 0);
    free(h);
    fixture_free(&f);
    k2_fs_use(NULL);
}

/* As the platform runs: commits a minute and expiry between them, so that manifests are merged too. */
static void commits_a_minute_leave_few_snapshots_and_manifests(void **state) {
    (void)state;
    hurry();
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    const int commits = 260;
    for (int n = 0; n < commits; n++) {
        (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
        if (n % 10 == 9)
            (void)expire(&f, START_NS + n * MINUTE_NS);
    }
    int most = 62 + (commits - 60) / 10;
    assert_true(snapshot_count(&f) <= most);
    struct lake_table *t = fixture_load(&f);
    for (int i = 0; i < lake_table_info(t).snapshot_count; i++) {
        struct lake_plan plan;
        struct lake_snapshot s = lake_snapshot_at(t, i);
        CHECK_OK(lake_plan(t, s.id, NULL, 0, &plan, &err), &err);
        assert_int_equal(plan.file_count, (s.timestamp_ms - START_NS / K2_NS_PER_MS) / 60000 + 1);
        assert_true(plan.manifests_total <= 100);
        lake_plan_free(&plan);
    }
    struct lake_offsets o, last = vector_at(7, commits);
    CHECK_OK(lake_table_offsets(t, &o, &err), &err);
    assert_true(lake_offsets_equal(&o, &last));
    lake_offsets_free(&o);
    lake_offsets_free(&last);
    lake_table_free(t);
    expect_verified(&f);
    assert_int_equal(orphans_of(&f), 0);
    fixture_free(&f);
    k2_fs_use(NULL);
}

/* --- what stays whatever its age --- */

static void after_ninety_days_only_the_current_one_stays(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    for (int n = 0; n < 3; n++)
        (void)commit_at(&f, n, START_NS + n * DAY_NS);
    int64_t last = commit_at(&f, 3, START_NS + 3 * DAY_NS);
    struct lake_expired e = expire(&f, START_NS + 200 * DAY_NS);
    assert_int_equal(e.before, 4);
    assert_int_equal(e.snapshots, 3);
    assert_int_equal(e.files, 3); /* their lists; the manifests are those of the last one too */
    assert_true(has_snapshot(&f, last));
    expect_verified(&f);
    fixture_free(&f);
}

static void one_that_was_current_an_hour_ago_stays(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    int64_t old = commit_at(&f, 0, START_NS);
    int64_t now = START_NS + 200 * DAY_NS;
    (void)commit_at(&f, 1, now - 59 * MINUTE_NS);
    assert_int_equal(expire(&f, now).snapshots, 0);
    assert_int_equal(expire(&f, now + 2 * MINUTE_NS).snapshots, 1);
    assert_false(has_snapshot(&f, old));
    fixture_free(&f);
}

static void put_ref(struct fixture *f, const char *name, const char *type, int64_t snapshot) {
    struct k2_err err = {0};
    bool unsure;
    struct lake_table *t = fixture_load(f);
    struct k2_json *ref = k2_json_object();
    k2_json_set(ref, "snapshot-id", k2_json_int(snapshot));
    k2_json_set(ref, "type", k2_json_cstring(type));
    k2_json_set(k2_json_get(t->root, "refs"), name, ref);
    lake_metadata_advance(t, 0);
    CHECK_OK(lake_metadata_swap(f->lake, t, &unsure, &err), &err);
    lake_table_free(t);
}

static void tags_branches_and_pins_stay(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    int64_t id[6];
    for (int n = 0; n < 6; n++)
        id[n] = commit_at(&f, n, START_NS + n * MINUTE_NS);
    put_ref(&f, "eod-2100-01-01", "tag", id[1]);
    put_ref(&f, "audit", "branch", id[2]);
    struct lake_expire_options o = {
        .now_ns = START_NS + 200 * DAY_NS, .pinned = &id[3], .pinned_count = 1};
    struct lake_expired e;
    CHECK_OK(lake_expire(f.lake, "trades", &o, &e, &err), &err);
    const bool stays[] = {false, true, true, true, false, true};
    for (int n = 0; n < 6; n++)
        assert_int_equal(has_snapshot(&f, id[n]), stays[n]);
    expect_verified(&f);
    fixture_free(&f);
}

/* The sequence engine asks the tables only if some snapshot is of another journal: archive.c. */
static void the_last_one_of_each_journal_stays(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    int64_t a = 0, b = 0;
    (void)commit_at(&f, 0, START_NS);
    a = commit_at(&f, 1, START_NS + MINUTE_NS);
    struct lake_offsets from = vector_at(7, 2), to = vector_at(8, 1);
    struct lake_append other = {
        .from = &from, .to = &to, .commit_id = "x", .now_ns = START_NS + DAY_NS};
    CHECK_OK(lake_append(f.lake, "trades", &other, &b, &err), &err);
    lake_offsets_free(&from);
    from = to;
    to = vector_at(8, 2);
    other.commit_id = "y";
    CHECK_OK(lake_append(f.lake, "trades", &other, NULL, &err), &err);
    lake_offsets_free(&from);
    lake_offsets_free(&to);
    assert_int_equal(expire(&f, START_NS + 200 * DAY_NS).snapshots, 2);
    assert_true(has_snapshot(&f, a));
    assert_false(has_snapshot(&f, b));
    expect_verified(&f);
    fixture_free(&f);
}

/* As another program leaves it: a snapshot without our vector has its ancestor's. */
static void the_ancestors_that_lead_to_a_vector_stay(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_offsets o, two = vector_at(7, 2);
    struct k2_buf text = {0};
    bool unsure;
    int64_t id[5];
    for (int n = 0; n < 5; n++)
        id[n] = commit_at(&f, n, START_NS + n * MINUTE_NS);
    struct lake_table *t = fixture_load(&f);
    const struct k2_json *all = k2_json_get(t->root, "snapshots");
    for (size_t i = 2; i < 5; i++)
        k2_json_remove(k2_json_get(k2_json_at(all, i), "summary"), LAKE_PROPERTY_OFFSETS);
    lake_offsets_format(&two, &text);
    lake_property_set(t, LAKE_PROPERTY_OFFSETS, k2_buf_view(&text));
    lake_metadata_advance(t, 0);
    CHECK_OK(lake_metadata_swap(f.lake, t, &unsure, &err), &err);
    lake_table_free(t);
    assert_int_equal(expire(&f, START_NS + 200 * DAY_NS).snapshots, 1);
    t = fixture_load(&f);
    CHECK_OK(lake_snapshot_offsets(t, id[4], &o, &err), &err);
    assert_true(lake_offsets_equal(&o, &two));
    lake_table_free(t);
    lake_offsets_free(&o);
    lake_offsets_free(&two);
    k2_buf_free(&text);
    expect_verified(&f);
    fixture_free(&f);
}

/* --- files --- */

/* Rewrites the list of a snapshot without its first manifest, as a compaction would have written it. */
static void forget_first_manifest(struct fixture *f, int64_t snapshot) {
    struct k2_err err = {0};
    struct lake_table *t = fixture_load(f);
    struct lake_snapshot s;
    struct lake_manifest_list list, rest = {0};
    struct k2_buf bytes = {0};
    char *path;
    CHECK_OK(lake_snapshot_find(t, snapshot, &s, &err), &err);
    CHECK_OK(lake_manifest_list_load(s.manifest_list, &list, &err), &err);
    for (int i = 1; i < list.n; i++)
        lake_manifest_list_add(&rest, &list.at[i]);
    CHECK_OK(lake_manifest_list_format(&rest, s.id, s.parent, s.sequence_number, &bytes, &err),
             &err);
    CHECK_OK(lake_location_path(k2_sv_of(s.manifest_list), &path, &err), &err);
    CHECK_OK(k2_fs_replace(path, k2_buf_view(&bytes), &err), &err);
    free(path);
    k2_buf_free(&bytes);
    lake_manifest_list_free(&list);
    lake_manifest_list_free(&rest);
    lake_table_free(t);
}

static int data_files(struct fixture *f) {
    char *data = k2_path(f->lake->warehouse, "market_data/trades/data/trade_date=2100-01-01");
    int n = fixture_count(data, ".parquet");
    free(data);
    return n;
}

static void data_that_only_expired_snapshots_had_goes_too(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    (void)commit_at(&f, 0, START_NS);
    int64_t middle = commit_at(&f, 1, START_NS + MINUTE_NS);
    int64_t last = commit_at(&f, 2, START_NS + 2 * MINUTE_NS);
    forget_first_manifest(&f, last);
    put_ref(&f, "before", "tag", middle); /* it still has the file */
    assert_int_equal(expire(&f, START_NS + 200 * DAY_NS).files, 1);
    assert_int_equal(data_files(&f), 3);
    struct lake_table *t = fixture_load(&f);
    struct k2_err err = {0};
    bool unsure;
    k2_json_remove(k2_json_get(t->root, "refs"), "before");
    lake_metadata_advance(t, 0);
    CHECK_OK(lake_metadata_swap(f.lake, t, &unsure, &err), &err);
    lake_table_free(t);
    struct lake_expired e = expire(&f, START_NS + 200 * DAY_NS);
    assert_int_equal(e.files, 3); /* a list, a manifest, a data file */
    assert_true(e.bytes > 12);
    assert_int_equal(data_files(&f), 2);
    assert_int_equal(orphans_of(&f), 0);
    fixture_free(&f);
}

static void a_dry_run_and_too_few_change_nothing(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    for (int n = 0; n < 5; n++)
        (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
    struct lake_expire_options o = {.now_ns = START_NS + 200 * DAY_NS, .dry_run = true};
    struct lake_expired e;
    CHECK_OK(lake_expire(f.lake, "trades", &o, &e, &err), &err);
    assert_int_equal(e.snapshots, 4);
    assert_int_equal(e.files, 4);
    assert_int_equal(snapshot_count(&f), 5);
    o.dry_run = false;
    o.least = 5;
    CHECK_OK(lake_expire(f.lake, "trades", &o, &e, &err), &err);
    assert_int_equal(e.snapshots, 0);
    assert_int_equal(snapshot_count(&f), 5);
    expect_verified(&f);
    fixture_free(&f);
}

static void a_table_that_cannot_be_read_through_is_left_alone(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_expired e;
    struct lake_snapshot s;
    char *path;
    for (int n = 0; n < 3; n++)
        (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
    struct lake_table *t = fixture_load(&f);
    CHECK_OK(lake_snapshot_find(t, lake_table_info(t).current_snapshot, &s, &err), &err);
    CHECK_OK(lake_location_path(k2_sv_of(s.manifest_list), &path, &err), &err);
    assert_int_equal(unlink(path), 0);
    struct lake_expire_options o = {.now_ns = START_NS + 200 * DAY_NS};
    CHECK_STATUS(lake_expire(f.lake, "trades", &o, &e, &err), K2_E_CORRUPT);
    assert_int_equal(snapshot_count(&f), 3);
    free(path);
    lake_table_free(t);
    fixture_free(&f);
}

static void a_table_that_forbids_it_is_left_alone(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_expired e;
    bool unsure;
    for (int n = 0; n < 3; n++)
        (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
    struct lake_table *t = fixture_load(&f);
    lake_property_set(t, "gc.enabled", K2_SV("false"));
    lake_metadata_advance(t, 0);
    CHECK_OK(lake_metadata_swap(f.lake, t, &unsure, &err), &err);
    lake_table_free(t);
    struct lake_expire_options o = {.now_ns = START_NS + 200 * DAY_NS};
    CHECK_STATUS(lake_expire(f.lake, "trades", &o, &e, &err), K2_E_UNSUPPORTED);
    assert_int_equal(snapshot_count(&f), 3);
    fixture_free(&f);
}

static int refuse_unlink(const char *path) {
    (void)path;
    errno = EIO;
    return -1;
}

/* Killed between the swap and the removal: what stays is named by nothing and found as such. */
static void files_that_could_not_be_removed_are_orphans(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    static struct k2_fs_ops stubborn;
    stubborn = k2_fs_system;
    for (int n = 0; n < 4; n++)
        (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
    stubborn.unlink = refuse_unlink;
    k2_fs_use(&stubborn);
    assert_int_equal(expire(&f, START_NS + 200 * DAY_NS).snapshots, 3);
    k2_fs_use(NULL);
    expect_verified(&f);
    assert_int_equal(orphans_of(&f), 3);
    struct lake_orphan_options o = {.now_ns = k2_now_ns() + DAY_NS, .age_ns = HOUR_NS};
    struct lake_orphans out;
    CHECK_OK(lake_remove_orphans(f.lake, NULL, &o, &out, &err), &err);
    assert_int_equal(out.old, 3);
    assert_int_equal(orphans_of(&f), 0);
    expect_verified(&f);
    fixture_free(&f);
}

static void expiry_and_commits_may_run_at_the_same_time(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    int64_t n = 0;
    for (; n < 30; n++)
        (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
    lake_close(f.lake);
    f.lake = NULL;
    pid_t child = fork();
    struct k2_err err = {0};
    CHECK_OK(lake_open(f.dir, false, &f.lake, &err), &err);
    if (child == 0) {
        for (; n < 60; n++)
            (void)commit_at(&f, n, START_NS + n * MINUTE_NS);
        _exit(0);
    }
    for (int i = 0; i < 30; i++)
        (void)expire(&f, START_NS + 200 * DAY_NS);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* Commits that came after an expiry were made later than it. */
    (void)expire(&f, START_NS + 400 * DAY_NS);
    assert_int_equal(snapshot_count(&f), 1);
    struct lake_table *t = fixture_load(&f);
    struct lake_plan plan;
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_int_equal(plan.file_count, 60);
    lake_plan_free(&plan);
    lake_table_free(t);
    expect_verified(&f);
    assert_int_equal(orphans_of(&f), 0);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_ninety_days_only_the_current_one_stays),
        cmocka_unit_test(one_that_was_current_an_hour_ago_stays),
        cmocka_unit_test(tags_branches_and_pins_stay),
        cmocka_unit_test(the_last_one_of_each_journal_stays),
        cmocka_unit_test(the_ancestors_that_lead_to_a_vector_stay),
        cmocka_unit_test(data_that_only_expired_snapshots_had_goes_too),
        cmocka_unit_test(a_dry_run_and_too_few_change_nothing),
        cmocka_unit_test(a_table_that_cannot_be_read_through_is_left_alone),
        cmocka_unit_test(a_table_that_forbids_it_is_left_alone),
        cmocka_unit_test(files_that_could_not_be_removed_are_orphans),
        cmocka_unit_test(expiry_and_commits_may_run_at_the_same_time),
        cmocka_unit_test(commits_a_minute_leave_few_snapshots_and_manifests),
        cmocka_unit_test(three_thousand_snapshots_become_a_few_hundred_by_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
