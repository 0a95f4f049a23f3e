/* verb/upkeep.c - `k2 table expire` and `k2 table remove-orphans`, and both for `k2 maintain`. */
#include "verb/listing.h"
#include "verb/table.h"
#include "verb/words.h"

#include "base/fs.h"

#include <inttypes.h>
#include <unistd.h>

static K2_RC confirm(const struct verb_context *c, const char *what, struct k2_err *err) {
    if (verb_flag(c, "yes") || verb_flag(c, "dry-run"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE,
                       "it removes %s: say --yes, or --dry-run to see what would go", what);
    fprintf(stderr, "Remove %s? [y/N] ", what);
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was removed");
}

/* --- expiry --- */

/* Gets each table with what went. */
typedef void expired_fn(void *ctx, const char *table, const struct lake_expired *e);

/* A table that forbids it is told about and passed over. */
static K2_RC expire_one(const struct verb_context *c, struct lake *l, const char *table,
                        bool dry_run, expired_fn *fn, void *ctx, struct k2_err *err) {
    struct lake_expire_options o = {.now_ns = c->now_ns, .dry_run = dry_run};
    struct lake_expired e;
    int rc = lake_expire(l, table, &o, &e, err);
    if (rc == K2_E_UNSUPPORTED) {
        verb_complain(c, err);
        k2_err_clear(err);
        return K2_OK;
    }
    if (rc == K2_OK)
        fn(ctx, table, &e);
    return rc;
}

static K2_RC expire_all(const struct verb_context *c, struct lake *l, bool dry_run, expired_fn *fn,
                        void *ctx, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(lake_table_names(l, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = expire_one(c, l, names[i], dry_run, fn, ctx, err);
    k2_fs_names_free(names, n);
    return rc;
}

static void put_expired(void *ctx, const char *table, const struct lake_expired *e) {
    struct listing *l = ctx;
    listing_cstring(l, table);
    listing_count(l, e->before);
    listing_count(l, e->snapshots);
    listing_count(l, e->files);
    listing_bytes(l, e->bytes);
}

static K2_RC list_expired(struct verb_context *c, struct lake *lake, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"table", NULL}, {"snapshots", NULL}, {"expired", NULL}, {"files", NULL}, {"bytes", NULL}};
    bool dry_run = verb_flag(c, "dry-run");
    struct listing *l;
    K2_TRY(listing_open(c, columns, 5, &l, err));
    int rc = c->arg_count
                 ? expire_one(c, lake, table_bare_name(c->args[0]), dry_run, put_expired, l, err)
                 : expire_all(c, lake, dry_run, put_expired, l, err);
    if (rc == K2_OK)
        rc = listing_close(l, err);
    else
        listing_drop(l);
    return rc;
}

/* --- orphans --- */

static K2_RC orphan_age(const struct verb_context *c, int64_t *age_ns, struct k2_err *err) {
    *age_ns = k2_config_int(c->config, K2_CONFIG_maintain_orphan_age);
    const char *given = verb_value(c, "older-than");
    return given ? words_span("older-than", given, age_ns, err) : K2_OK;
}

static void put_orphan(void *ctx, const char *path, int64_t bytes, int64_t changed_ns) {
    struct listing *l = ctx;
    listing_cstring(l, path);
    listing_bytes(l, bytes);
    listing_time(l, changed_ns);
}

static void note_orphans(const struct verb_context *c, const struct lake_orphans *o, bool dry_run) {
    char bytes[HUMAN_TEXT];
    verb_note(c, "%" PRId64 " %s (%s) %s; %" PRId64 " younger %s", o->old,
              human_word(o->old, "file", "files"), human_bytes(o->old_bytes, bytes),
              dry_run ? "would go" : "removed", o->files - o->old,
              human_word(o->files - o->old, "one stays", "ones stay"));
}

static K2_RC list_orphans(struct verb_context *c, struct lake *lake, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"file", NULL}, {"bytes", NULL}, {"changed", "changed (UTC)"}};
    struct lake_orphan_options o = {.now_ns = c->now_ns, .dry_run = verb_flag(c, "dry-run")};
    struct lake_orphans out;
    struct listing *l;
    K2_TRY(orphan_age(c, &o.age_ns, err));
    K2_TRY(listing_open(c, columns, 3, &l, err));
    o.each = put_orphan;
    o.ctx = l;
    int rc =
        lake_remove_orphans(lake, c->arg_count ? table_bare_name(c->args[0]) : NULL, &o, &out, err);
    if (rc != K2_OK) {
        listing_drop(l);
        return rc;
    }
    K2_TRY(listing_close(l, err));
    note_orphans(c, &out, o.dry_run);
    return K2_OK;
}

/* --- for k2 maintain --- */

static void add_expired(void *ctx, const char *table, const struct lake_expired *e) {
    struct lake_expired *sum = ctx;
    (void)table;
    sum->before += e->before;
    sum->snapshots += e->snapshots;
    sum->files += e->files;
    sum->bytes += e->bytes;
}

static K2_RC upkeep(const struct verb_context *c, struct lake *l, bool dry_run,
                    struct k2_err *err) {
    struct lake_expired e = {0};
    struct lake_orphans out;
    char bytes[HUMAN_TEXT];
    struct lake_orphan_options o = {.now_ns = c->now_ns,
                                    .age_ns =
                                        k2_config_int(c->config, K2_CONFIG_maintain_orphan_age),
                                    .dry_run = dry_run};
    K2_TRY(expire_all(c, l, dry_run, add_expired, &e, err));
    printf("%d of %d %s %s, with %" PRId64 " %s (%s)\n", e.snapshots, e.before,
           human_word(e.before, "snapshot", "snapshots"), dry_run ? "would expire" : "expired",
           e.files, human_word(e.files, "file", "files"), human_bytes(e.bytes, bytes));
    K2_TRY(lake_remove_orphans(l, NULL, &o, &out, err));
    printf("%" PRId64 " %s that no table names (%s) %s; %" PRId64 " younger %s\n", out.old,
           human_word(out.old, "file", "files"), human_bytes(out.old_bytes, bytes),
           dry_run ? "would go" : "removed", out.files - out.old,
           human_word(out.files - out.old, "one stays", "ones stay"));
    return K2_OK;
}

K2_RC table_upkeep(const struct verb_context *c, bool dry_run, struct k2_err *err) {
    struct lake *l;
    int rc = lake_open(c->data, false, &l, err);
    if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        return K2_OK;
    }
    K2_TRY(rc);
    rc = upkeep(c, l, dry_run, err);
    lake_close(l);
    return rc;
}

/* --- the verbs --- */

static K2_RC with_lake(struct verb_context *c, const char *what,
                       K2_RC (*act)(struct verb_context *c, struct lake *l, struct k2_err *err),
                       struct k2_err *err) {
    struct lake *l;
    K2_TRY(confirm(c, what, err));
    K2_TRY(table_lake_open(c, &l, err));
    int rc = act(c, l, err);
    if (rc == K2_E_NOTFOUND && c->arg_count)
        rc = table_unknown(l, table_bare_name(c->args[0]), err);
    lake_close(l);
    return rc;
}

static K2_RC run_expire(struct verb_context *c, struct k2_err *err) {
    return with_lake(c, "old snapshots", list_expired, err);
}

static K2_RC run_orphans(struct verb_context *c, struct k2_err *err) {
    return with_lake(c, "files that no table names", list_orphans, err);
}

#define DRY_RUN                                                                                    \
    { "dry-run", NULL, NULL, "say what would go, remove nothing", NULL, 0 }
#define YES                                                                                        \
    { "yes", NULL, NULL, "do not ask", NULL, 0 }

static const struct verb_option expire_options[] = {DRY_RUN, YES, VERB_FORMAT, VERB_OUT, {0}};
static const struct verb_option orphan_options[] = {
    {"older-than", "SPAN", NULL, "instead of maintain.orphan_age (k2 config show)", NULL, 0},
    DRY_RUN,
    YES,
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const expire_examples[] = {"k2 table expire --dry-run",
                                              "k2 table expire trades --yes", NULL};
static const char *const orphan_examples[] = {
    "k2 table remove-orphans --dry-run", "k2 table remove-orphans --older-than 2d --yes", NULL};

const struct verb verb_table_expire = {
    .name = "expire",
    .summary = "thin out old snapshots, and remove what only they need",
    .usage = "[TABLE]",
    .about =
        "Every snapshot of the last hour stays; then the last one of each 10 minutes for a day,\n"
        "of each hour for a week, of each day for 90 days. The current one, those that tags and\n"
        "branches name and the last one of each journal stay whatever their age. Rows are not\n"
        "touched: as-of queries go by the journal, and are as exact as before.",
    .options = expire_options,
    .examples = expire_examples,
    .max_args = 1,
    .run = run_expire,
};

const struct verb verb_table_orphans = {
    .name = "remove-orphans",
    .summary = "remove files that no table names: what killed writers left",
    .usage = "[TABLE]",
    .about = "Only files that were not changed for maintain.orphan_age, or --older-than, go. If\n"
             "anything that a table names is missing or cannot be read, nothing does.",
    .options = orphan_options,
    .examples = orphan_examples,
    .max_args = 1,
    .run = run_orphans,
};
