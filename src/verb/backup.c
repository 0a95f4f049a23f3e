/* verb/backup.c - `k2 backup`, `k2 backup list`, `k2 backup verify` and `k2 restore`. */
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/fs.h"

#include <inttypes.h>

static void show(void *ctx, int64_t done, int64_t all) {
    struct progress *p = ctx;
    if (!progress_due(p))
        return;
    char a[HUMAN_TEXT], b[HUMAN_TEXT];
    progress_show(p, "%s of %s", human_bytes(done, a), human_bytes(all, b));
}

/* --- one line a cut --- */

static const struct listing_column cut_columns[] = {{"cut", NULL},
                                                    {"time", "time (UTC)"},
                                                    {"journal_id", "journal"},
                                                    {"journal_end", "journal end"},
                                                    {"files", NULL},
                                                    {"bytes", NULL},
                                                    {"bytes_new", "new"}};
#define CUT_COLUMNS 7

static void put_cut(struct listing *l, const struct backup_cut *cut) {
    listing_cstring(l, cut->id);
    listing_time(l, cut->time_ns);
    listing_number(l, cut->journal_id);
    listing_number(l, cut->journal_end);
    listing_count(l, cut->file_count);
    listing_bytes(l, cut->bytes_total);
    listing_bytes(l, cut->bytes_new);
}

/* --- backup --- */

static K2_RC print_cut(const struct verb_context *c, const struct backup_cut *cut,
                       struct k2_err *err) {
    struct listing *l;
    K2_TRY(listing_open(c, cut_columns, CUT_COLUMNS, &l, err));
    put_cut(l, cut);
    return listing_close(l, err);
}

static int run_backup(struct verb_context *c, struct k2_err *err) {
    struct progress p;
    struct backup_cut cut;
    progress_start(&p, c);
    const struct backup_options o = {
        .dry_run = verb_flag(c, "dry-run"), .progress = show, .progress_ctx = &p};
    int rc = backup_take(c->data, c->args[0], &o, &cut, err);
    progress_end(&p);
    K2_TRY(rc);
    if (o.dry_run)
        verb_note(c, "nothing was written; `new` is what it would be at most");
    rc = print_cut(c, &cut, err);
    backup_cut_free(&cut);
    return rc;
}

/* --- list --- */

static K2_RC list_cut(struct listing *l, const char *dest, const char *id, struct k2_err *err) {
    struct backup_cut cut;
    K2_TRY(backup_cut_load(dest, id, &cut, err));
    put_cut(l, &cut);
    backup_cut_free(&cut);
    return K2_OK;
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    char **ids;
    size_t n;
    struct listing *l;
    K2_TRY(backup_cuts(c->args[0], &ids, &n, err));
    int rc = listing_open(c, cut_columns, CUT_COLUMNS, &l, err);
    if (rc == K2_OK) {
        for (size_t i = 0; rc == K2_OK && i < n; i++)
            rc = list_cut(l, c->args[0], ids[i], err);
        if (rc == K2_OK)
            rc = listing_close(l, err);
        else
            listing_drop(l);
    }
    k2_fs_names_free(ids, n);
    return rc;
}

/* --- which cut --- */

/* The newest cut at or before the instant. */
static K2_RC cut_before(const char *dest, int64_t ns, char **ids, size_t n, size_t *at,
                        struct k2_err *err) {
    for (size_t i = n; i-- > 0;) {
        struct backup_cut cut;
        K2_TRY(backup_cut_load(dest, ids[i], &cut, err));
        bool before = cut.time_ns <= ns;
        backup_cut_free(&cut);
        *at = i;
        if (before)
            return K2_OK;
    }
    return k2_fail(err, K2_E_NOTFOUND, "backup %s has no cut that old; the first is %s", dest,
                   ids[0]);
}

static K2_RC choose(const struct verb_context *c, const char *word, char **ids, size_t n,
                    size_t *at, struct k2_err *err) {
    int64_t ns = 0;
    if (n == 0)
        return k2_fail(err, K2_E_NOTFOUND, "backup %s has no cut", c->args[0]);
    *at = n - 1;
    if (strcmp(word, "latest") == 0)
        return K2_OK;
    for (*at = 0; *at < n; ++*at)
        if (strcmp(ids[*at], word) == 0)
            return K2_OK;
    K2_TRY(words_time(c, "cut", word, NULL, &ns, err));
    return cut_before(c->args[0], ns, ids, n, at, err);
}

static K2_RC find_cut(const struct verb_context *c, const char *word, char id[BACKUP_ID_TEXT],
                      struct k2_err *err) {
    char **ids;
    size_t n, at = 0;
    K2_TRY(backup_cuts(c->args[0], &ids, &n, err));
    int rc = choose(c, word, ids, n, &at, err);
    if (rc == K2_OK)
        snprintf(id, BACKUP_ID_TEXT, "%s", ids[at]);
    k2_fs_names_free(ids, n);
    return rc;
}

/* --- verify --- */

struct verifying {
    struct listing *list;
    struct progress progress;
};

static void found(void *ctx, const char *text) {
    struct verifying *v = ctx;
    listing_bool(v->list, false);
    listing_cstring(v->list, text);
}

static void show_verify(void *ctx, int64_t done, int64_t all) {
    show(&((struct verifying *)ctx)->progress, done, all);
}

static int run_verify(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {{"good", NULL}, {"finding", NULL}};
    char id[BACKUP_ID_TEXT];
    struct verifying v;
    struct backup_findings f = {.finding = found, .progress = show_verify, .ctx = &v};
    if (c->arg_count > 1)
        K2_TRY(find_cut(c, c->args[1], id, err));
    K2_TRY(listing_open(c, columns, 2, &v.list, err));
    progress_start(&v.progress, c);
    int rc = backup_verify(c->args[0], c->arg_count > 1 ? id : NULL, &f, err);
    progress_end(&v.progress);
    if (rc != K2_OK) {
        listing_drop(v.list);
        return rc;
    }
    if (f.findings == 0) {
        char text[96], count[HUMAN_TEXT];
        snprintf(text, sizeof text, "pieces with the right checksum: %s",
                 human_count(f.parts, count));
        listing_bool(v.list, true);
        listing_cstring(v.list, text);
    }
    K2_TRY(listing_close(v.list, err));
    if (f.objects > 0)
        verb_note(c,
                  "what mends it: remove the objects named above, as far as they are there, and "
                  "run k2 backup %s again; the new cut is whole, and an older one too whose files "
                  "have not changed since (verify again)",
                  c->args[0]);
    if (f.findings > 0)
        return k2_fail(err, K2_E_DATA, "%" PRId64 " %s", f.findings,
                       human_word(f.findings, "finding", "findings"));
    return K2_OK;
}

/* --- restore --- */

static int run_restore(struct verb_context *c, struct k2_err *err) {
    char id[BACKUP_ID_TEXT], bytes[HUMAN_TEXT];
    struct progress p;
    struct backup_cut cut;
    K2_TRY(find_cut(c, verb_value(c, "cut"), id, err));
    K2_TRY(backup_cut_load(c->args[0], id, &cut, err));
    int64_t total = cut.bytes_total;
    backup_cut_free(&cut);
    progress_start(&p, c);
    const struct backup_options o = {
        .dry_run = verb_flag(c, "dry-run"), .progress = show, .progress_ctx = &p};
    int rc = backup_restore(c->args[0], id, c->data, &o, err);
    progress_end(&p);
    K2_TRY(rc);
    printf("cut %s %s %s, %s\n", id, o.dry_run ? "would be restored to" : "is restored to", c->data,
           human_bytes(total, bytes));
    if (!o.dry_run)
        verb_note(c, "every checksum was right; k2 verify and k2 reconcile prove the rest");
    return K2_OK;
}

/* --- the tables --- */

static const struct verb_option backup_options[] = {
    {"dry-run", NULL, NULL, "say what would be copied, write nothing", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const struct verb_option list_options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const struct verb_option restore_options[] = {
    {"cut", "CUT|TIME", "latest", "a cut, or the newest at or before a time", NULL, 0},
    {"dry-run", NULL, NULL, "say what would be restored, write nothing", NULL, 0},
    {0}};

static const char *const backup_examples[] = {"k2 backup ./backup", "k2 backup --dry-run ./backup",
                                              "k2 backup list ./backup", NULL};
static const char *const list_examples[] = {"k2 backup list ./backup", NULL};
static const char *const verify_examples[] = {"k2 backup verify ./backup",
                                              "k2 backup verify ./backup latest", NULL};
static const char *const restore_examples[] = {"k2 restore ./backup --data ./restored",
                                               "k2 restore ./backup --cut now --data ./as-of-now",
                                               NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the cuts of a backup, oldest first",
    .usage = "DEST",
    .options = list_options,
    .examples = list_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_list,
};

static const struct verb verify = {
    .name = "verify",
    .summary = "read every piece of a backup and check it",
    .usage = "DEST [CUT|TIME]",
    .about =
        "Of all cuts, when none is named. Each piece is read once, however many cuts share it.",
    .options = list_options,
    .examples = verify_examples,
    .data_exit = "something is damaged or missing",
    .min_args = 1,
    .max_args = 2,
    .run = run_verify,
};

static const struct verb *const subs[] = {&list, &verify, NULL};

const struct verb verb_backup = {
    .name = "backup",
    .summary = "copy the data directory as of one moment, while it is in use",
    .usage = "DEST | list DEST | verify DEST [CUT|TIME]",
    .about =
        "A cut holds the catalog, every file that the tables' kept snapshots name, and the "
        "journal\n"
        "up to what was durable. Ingest and sink go on, retention waits for the journal's copy.\n"
        "What DEST has already is not copied again. A backup that was killed leaves no cut.\n"
        "What is copied of the journal is checked; all else is by k2 verify.\n"
        "A DEST named list or verify is written ./list.",
    .options = backup_options,
    .examples = backup_examples,
    .data_exit = "a file of the data directory is damaged",
    .subs = subs,
    .min_args = 1,
    .max_args = 1,
    .run = run_backup,
};

const struct verb verb_restore = {
    .name = "restore",
    .summary = "make a data directory from a backup",
    .usage = "DEST [--cut CUT|TIME] --data NEWDIR",
    .about = "NEWDIR must be empty or not there. Every checksum is checked, and the tables are "
             "rewritten\n"
             "to be at home in it. Until it has ended no other command opens NEWDIR.",
    .options = restore_options,
    .examples = restore_examples,
    .data_exit = "the backup is damaged",
    .min_args = 1,
    .max_args = 1,
    .run = run_restore,
};
