/* verb/verify.c - `k2 verify`: every checksum and every reference, from the journal to the Parquet
 * pages. */
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/verbs.h"

#include "base/fs.h"

#include <inttypes.h>

#define ROWS 65536

struct run {
    struct verb_context *c;
    struct listing *list;
    struct progress progress;
    const char *part; /* what is being checked: "journal", a table */
    int64_t findings;
};

static void found(void *ctx, const char *text) {
    struct run *r = ctx;
    listing_cstring(r->list, r->part);
    listing_bool(r->list, false);
    listing_cstring(r->list, text);
    r->findings++;
}

static void good(struct run *r, const char *fmt, int64_t n) {
    char text[160], count[HUMAN_TEXT];
    snprintf(text, sizeof text, fmt, human_count(n, count));
    listing_cstring(r->list, r->part);
    listing_bool(r->list, true);
    listing_cstring(r->list, text);
}

/* A part that cannot even be opened is a finding like any other. */
static void found_error(struct run *r, const struct k2_err *why) {
    found(r, why->msg);
}

static int check_journal(struct run *r, struct k2_err *err) {
    struct journal *j;
    int64_t findings = 0, records = 0;
    r->part = "journal";
    int rc = verb_journal(r->c, JOURNAL_READ, &j, err);
    if (rc == K2_E_NOTFOUND)
        return rc;
    if (rc == K2_OK) {
        rc = journal_verify(j, found, r, &findings, &records, err);
        journal_close(j);
    }
    if (rc != K2_OK)
        found_error(r, err);
    else if (findings == 0)
        good(r, "records with the right checksum: %s", records);
    return K2_OK;
}

static int64_t rows_said(struct lake *l, const char *table) {
    struct lake_table *t;
    if (lake_table_load(l, k2_sv_of(table), &t, NULL) != K2_OK)
        return -1;
    struct lake_table_info info = lake_table_info(t);
    struct lake_snapshot s;
    int64_t rows = 0;
    if (info.current_snapshot != 0)
        rows =
            lake_snapshot_find(t, info.current_snapshot, &s, NULL) == K2_OK ? s.total_records : -1;
    lake_table_free(t);
    return rows;
}

/* Reads every column of every row: a page that does not decode is found here. */
static int read_rows(struct query_engine *q, const struct k2_kind *kind, int64_t *rows,
                     struct k2_err *err) {
    struct k2_interner *in = k2_interner_new();
    struct query_rows *reader = NULL;
    struct k2_columns columns;
    k2_columns_init(&columns, kind, ROWS);
    *rows = 0;
    int rc = query_rows_open(q, kind, NULL, NULL, in, &reader, err);
    while (rc == K2_OK) {
        rc = query_rows_next(reader, &columns, err);
        if (rc != K2_OK || columns.n == 0)
            break;
        *rows += (int64_t)columns.n;
        k2_interner_reset(in);
    }
    query_rows_close(reader);
    k2_columns_free(&columns);
    k2_interner_free(in);
    return rc;
}

static void check_data(struct run *r, struct lake *l, struct query_engine *q,
                       const struct k2_kind *kind) {
    struct k2_err why = {0};
    int64_t rows, said = rows_said(l, kind->table);
    if (read_rows(q, kind, &rows, &why) != K2_OK) {
        found_error(r, &why);
        return;
    }
    if (said >= 0 && said != rows) {
        char text[96];
        snprintf(text, sizeof text, "the snapshot says %" PRId64 " %s, its files hold %" PRId64,
                 said, human_word(said, "row", "rows"), rows);
        found(r, text);
        return;
    }
    good(r, "rows read in every column: %s", rows);
}

static void check_table(struct run *r, struct lake *l, struct query_engine *q, const char *table) {
    struct k2_err why = {0};
    struct lake_verified seen = {0};
    r->part = table;
    if (lake_verify(l, table, found, r, &seen, &why) != K2_OK) {
        found_error(r, &why);
        return;
    }
    if (seen.findings > 0)
        return;
    good(r, "files that are there as referenced: %s", seen.files);
    if (seen.unchecked > 0)
        good(r, "data files without a checksum of their own, looked at by reading only: %s",
             seen.unchecked);
    const struct k2_kind *kind = k2_kind_by_table(k2_sv_of(table));
    if (kind)
        check_data(r, l, q, kind);
}

/* What a killed writer left is no damage, but space. */
static void note_orphans(struct run *r, struct lake *l) {
    struct lake_orphan_options o = {.now_ns = r->c->now_ns, .dry_run = true};
    struct lake_orphans out;
    char text[160], count[HUMAN_TEXT], bytes[HUMAN_TEXT];
    if (lake_remove_orphans(l, NULL, &o, &out, NULL) != K2_OK || out.files == 0)
        return; /* what it cannot read is a finding already */
    snprintf(text, sizeof text, "files that no table names: %s (%s); k2 maintain removes old ones",
             human_count(out.files, count), human_bytes(out.bytes, bytes));
    listing_cstring(r->list, "warehouse");
    listing_bool(r->list, true);
    listing_cstring(r->list, text);
}

static int check_tables(struct run *r, struct lake *l, struct k2_err *err) {
    char **names;
    size_t n;
    struct query_engine *q;
    K2_TRY(lake_table_names(l, &names, &n, err));
    int rc = query_open(r->c->data, NULL, &q, err);
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        if (progress_due(&r->progress))
            progress_show(&r->progress, "table %s", names[i]);
        check_table(r, l, q, names[i]);
    }
    if (rc == K2_OK)
        query_close(q);
    k2_fs_names_free(names, n);
    return rc;
}

static int check_lake(struct run *r, struct k2_err *err) {
    struct lake *l;
    int rc = lake_open(r->c->data, false, &l, err);
    if (rc == K2_E_NOTFOUND)
        return K2_OK; /* nothing was sunk yet */
    K2_TRY(rc);
    rc = check_tables(r, l, err);
    if (rc == K2_OK)
        note_orphans(r, l);
    lake_close(l);
    return rc;
}

static int check_all(struct run *r, struct k2_err *err) {
    progress_start(&r->progress, r->c);
    int rc = check_journal(r, err);
    if (rc == K2_OK)
        rc = check_lake(r, err);
    progress_end(&r->progress);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"part", NULL}, {"good", NULL}, {"finding", NULL}};
    struct run r = {.c = c};
    K2_TRY(listing_open(c, columns, 3, &r.list, err));
    int rc = check_all(&r, err);
    if (rc != K2_OK) {
        listing_drop(r.list);
        return rc;
    }
    K2_TRY(listing_close(r.list, err));
    if (r.findings > 0)
        return k2_fail(err, K2_E_DATA, "%" PRId64 " %s", r.findings,
                       human_word(r.findings, "finding", "findings"));
    return K2_OK;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 verify", "k2 verify --format json", NULL};

const struct verb verb_verify = {
    .name = "verify",
    .summary = "check every checksum and reference",
    .usage = "",
    .about =
        "Of the journal every byte; of each table the metadata, the manifests, the files they\n"
        "name, and every row of the current snapshot. A missing table is k2 reconcile's to find.",
    .options = options,
    .examples = examples,
    .data_exit = "something is damaged or missing",
    .run = run,
};
