/* verb/table.c - `k2 table list`, `describe`, `snapshots` and `files`; upkeep.c and compact.c have the others. */
#include "verb/listing.h"
#include "verb/table.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/fs.h"

#include <inttypes.h>

/* --- one table --- */

/* What a verb shows of the table that its first word names. */
typedef int show_table(struct verb_context *c, const struct lake_table *t, struct k2_err *err);

K2_RC table_lake_open(const struct verb_context *c, struct lake **out, struct k2_err *err) {
    int rc = lake_open(c->data, false, out, err);
    if (rc == K2_E_NOTFOUND)
        return k2_fail(err, rc, "%s holds no tables; k2 init or k2 sink --once makes them",
                       c->data);
    return rc;
}

int table_unknown(struct lake *l, const char *word, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(lake_table_names(l, &names, &n, err));
    const char *best = k2_nearest(word, (const char *const *)names, (int)n);
    (void)k2_fail(err, K2_E_NOTFOUND, "there is no table '%s'%s%s%s", word,
                  best ? "; did you mean " : "; k2 table list names them", best ? best : "",
                  best ? "?" : "");
    k2_fs_names_free(names, n);
    return K2_E_NOTFOUND;
}

const char *table_bare_name(const char *word) {
    static const char prefix[] = LAKE_NAMESPACE ".";
    return strncmp(word, prefix, sizeof prefix - 1) == 0 ? word + sizeof prefix - 1 : word;
}

static int with_table(struct verb_context *c, show_table *show, struct k2_err *err) {
    struct lake *l;
    struct lake_table *t;
    const char *name = table_bare_name(c->args[0]);
    K2_TRY(table_lake_open(c, &l, err));
    int rc = lake_table_load(l, k2_sv_of(name), &t, err);
    if (rc == K2_OK) {
        rc = show(c, t, err);
        lake_table_free(t);
    } else if (rc == K2_E_NOTFOUND) {
        rc = table_unknown(l, name, err);
    }
    lake_close(l);
    return rc;
}

static void put_optional(struct listing *l, int64_t n) {
    if (n < 0)
        listing_null(l);
    else
        listing_count(l, n);
}

static void put_columns(struct listing *l, const struct lake_table *t) {
    struct lake_table_info info = lake_table_info(t);
    const struct k2_kind *kind = k2_kind_by_table(k2_sv_of(info.name));
    for (int i = 0; i < info.field_count; i++) {
        const struct lake_field *f = &info.fields[i];
        int own = kind ? k2_field_by_id(kind, f->id) : -1;
        listing_number(l, f->id);
        listing_cstring(l, f->name);
        listing_cstring(l, f->type);
        listing_bool(l, f->required);
        listing_cstring(l, own >= 0 ? kind->fields[own].meaning : NULL);
    }
}

static int show_columns(struct verb_context *c, const struct lake_table *t, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"id", NULL}, {"column", NULL}, {"type", NULL}, {"required", NULL}, {"meaning", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 5, &l, err));
    put_columns(l, t);
    return listing_close(l, err);
}

static void put_fact(void *ctx, const char *name, struct k2_sv value) {
    struct listing *l = ctx;
    listing_cstring(l, name);
    listing_text(l, value);
}

/* The offsets that the current snapshot covers: from there the sink goes on. */
static int put_offsets(struct listing *l, const struct lake_table *t, struct k2_err *err) {
    struct lake_offsets o;
    K2_TRY(lake_table_offsets(t, &o, err));
    for (int i = 0; i < o.n; i++) {
        struct k2_buf name = {0}, end = {0};
        k2_buf_printf(&name, "committed %s/%d", o.at[i].topic, o.at[i].partition);
        k2_buf_printf(&end, "%" PRId64 " of journal %d", o.at[i].end, o.journal_id);
        put_fact(l, k2_buf_cstr(&name), k2_buf_view(&end));
        k2_buf_free(&name);
        k2_buf_free(&end);
    }
    lake_offsets_free(&o);
    return K2_OK;
}

static int show_facts(struct verb_context *c, const struct lake_table *t, struct k2_err *err) {
    static const struct listing_column columns[] = {{"fact", NULL}, {"value", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 2, &l, err));
    lake_table_facts(t, put_fact, l);
    int rc = put_offsets(l, t, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

/* For people both, unless --show chooses; for programs one list, the columns unless it says facts. */
static int show_table_of(struct verb_context *c, const struct lake_table *t, struct k2_err *err) {
    const char *show = verb_value(c, "show");
    bool people = strcmp(verb_value(c, "format"), "table") == 0 && !verb_value(c, "out");
    if (show && strcmp(show, "facts") == 0)
        return show_facts(c, t, err);
    K2_TRY(show_columns(c, t, err));
    if (show || !people)
        return K2_OK;
    putchar('\n');
    return show_facts(c, t, err);
}

static int show_snapshots(struct verb_context *c, const struct lake_table *t, struct k2_err *err) {
    static const struct listing_column columns[] = {{"snapshot", NULL},
                                                    {"committed", "committed (UTC)"},
                                                    {"operation", NULL},
                                                    {"added_rows", "added"},
                                                    {"added_files", "files"},
                                                    {"total_rows", "rows in all"},
                                                    {"total_files", "files in all"}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 7, &l, err));
    for (int i = 0; i < lake_table_info(t).snapshot_count; i++) {
        struct lake_snapshot s = lake_snapshot_at(t, i);
        listing_number(l, s.id);
        listing_time(l, s.timestamp_ms * K2_NS_PER_MS);
        listing_cstring(l, s.operation);
        put_optional(l, s.added_records);
        put_optional(l, s.added_files);
        put_optional(l, s.total_records);
        put_optional(l, s.total_files);
    }
    return listing_close(l, err);
}

static int list_files(struct verb_context *c, const struct lake_plan *plan, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"trade_date", NULL}, {"rows", NULL}, {"bytes", NULL}, {"path", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 4, &l, err));
    for (int i = 0; i < plan->file_count; i++) {
        const struct lake_file *f = &plan->files[i];
        char date[K2_DATE_TEXT];
        k2_date_format(f->trade_date, date);
        listing_cstring(l, date);
        listing_count(l, f->rows);
        listing_bytes(l, f->bytes);
        listing_cstring(l, f->path);
    }
    return listing_close(l, err);
}

static int show_files(struct verb_context *c, const struct lake_table *t, struct k2_err *err) {
    struct lake_plan plan = {0};
    int64_t snapshot = 0;
    const char *word = verb_value(c, "snapshot");
    if (word)
        K2_TRY(words_count("snapshot", word, 1, &snapshot, err));
    if (word || lake_table_info(t).current_snapshot != 0)
        K2_TRY(lake_plan(t, snapshot, NULL, 0, &plan, err));
    int rc = list_files(c, &plan, err);
    lake_plan_free(&plan);
    return rc;
}

/* --- all tables --- */

static void put_table(struct listing *l, const struct lake_table *t) {
    struct lake_table_info info = lake_table_info(t);
    struct lake_snapshot s = {0};
    bool any = info.current_snapshot != 0 &&
               lake_snapshot_find(t, info.current_snapshot, &s, NULL) == K2_OK;
    listing_cstring(l, info.name);
    put_optional(l, any ? s.total_records : 0);
    put_optional(l, any ? s.total_files : 0);
    listing_count(l, info.snapshot_count);
    if (any)
        listing_time(l, s.timestamp_ms * K2_NS_PER_MS);
    else
        listing_null(l);
    listing_cstring(l, info.location);
}

static int put_tables(struct listing *l, struct lake *lake, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(lake_table_names(lake, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        struct lake_table *t;
        rc = lake_table_load(lake, k2_sv_of(names[i]), &t, err);
        if (rc == K2_OK) {
            put_table(l, t);
            lake_table_free(t);
        }
    }
    k2_fs_names_free(names, n);
    return rc;
}

static int list_tables(struct verb_context *c, struct lake *lake, struct k2_err *err) {
    static const struct listing_column columns[] = {{"table", NULL},
                                                    {"rows", NULL},
                                                    {"files", NULL},
                                                    {"snapshots", NULL},
                                                    {"last_commit", "last commit (UTC)"},
                                                    {"location", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 6, &l, err));
    int rc = put_tables(l, lake, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct lake *l;
    K2_TRY(table_lake_open(c, &l, err));
    int rc = list_tables(c, l, err);
    lake_close(l);
    return rc;
}

static int run_describe(struct verb_context *c, struct k2_err *err) {
    return with_table(c, show_table_of, err);
}

static int run_snapshots(struct verb_context *c, struct k2_err *err) {
    return with_table(c, show_snapshots, err);
}

static int run_files(struct verb_context *c, struct k2_err *err) {
    return with_table(c, show_files, err);
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const shows[] = {"columns", "facts", NULL};
static const struct verb_option describe_options[] = {
    {"show", "WHAT", NULL, "only these: columns or facts", shows, 0}, VERB_FORMAT, VERB_OUT, {0}};
static const struct verb_option files_options[] = {
    {"snapshot", "ID", NULL, "of that snapshot instead of the current one", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const list_examples[] = {"k2 table list", NULL};
static const char *const describe_examples[] = {
    "k2 table describe trades", "k2 table describe trades --show facts --format json", NULL};
static const char *const snapshots_examples[] = {"k2 table snapshots trades", NULL};
static const char *const files_examples[] = {"k2 table files trades --format csv", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the tables, how large they are, where they are",
    .usage = "",
    .options = options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb describe = {
    .name = "describe",
    .summary = "the columns of a table, how it is laid out, its properties and offsets",
    .usage = "TABLE",
    .about =
        "Facts are partitioning, sort order, properties, locations, and the journal offsets that "
        "the\n"
        "table has committed. csv, json, ndjson and markdown show the columns, with --show facts\n"
        "the facts.",
    .options = describe_options,
    .examples = describe_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_describe,
};

static const struct verb snapshots = {
    .name = "snapshots",
    .summary = "the snapshots of a table, oldest first",
    .usage = "TABLE",
    .about = "A snapshot can be asked: k2 query ... --as-of trades@SNAPSHOT.",
    .options = options,
    .examples = snapshots_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_snapshots,
};

static const struct verb files = {
    .name = "files",
    .summary = "the data files of a table",
    .usage = "TABLE",
    .options = files_options,
    .examples = files_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_files,
};

static const struct verb *const subs[] = {&list,
                                          &describe,
                                          &snapshots,
                                          &files,
                                          &verb_table_compact,
                                          &verb_table_expire,
                                          &verb_table_orphans,
                                          NULL};

const struct verb verb_table = {
    .name = "table",
    .summary = "the Iceberg tables",
    .usage = "list|describe|snapshots|files|compact|expire|remove-orphans",
    .options = options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
