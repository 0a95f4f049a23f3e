/* verb/state.c - `k2` alone: the state of the data directory, and three commands that follow. */
#include "role/role.h"
#include "verb/listing.h"
#include "verb/verbs.h"

#include "base/datadir.h"
#include "base/fs.h"

#include <stdlib.h>

struct state {
    bool journal, tables, empty;
    int64_t waiting; /* journal rows that no table holds */
    struct query_lag lag[K2_KIND_COUNT];
    int lag_count;
};

static int64_t waiting_of(const struct state *s, const char *table) {
    for (int i = 0; i < s->lag_count; i++) {
        if (strcmp(s->lag[i].table, table) == 0)
            return s->lag[i].rows;
    }
    return 0;
}

static void put_table(struct listing *l, const struct lake_table *t, const char *name,
                      struct state *s) {
    struct lake_table_info info = lake_table_info(t);
    struct lake_snapshot snap;
    listing_cstring(l, name);
    if (info.current_snapshot != 0 &&
        lake_snapshot_find(t, info.current_snapshot, &snap, NULL) == K2_OK) {
        listing_count(l, snap.total_records);
        listing_count(l, snap.total_files);
        listing_time(l, snap.timestamp_ms * K2_NS_PER_MS);
        s->empty &= snap.total_records == 0;
    } else {
        listing_count(l, 0);
        listing_count(l, 0);
        listing_null(l);
    }
    listing_count(l, waiting_of(s, name));
}

static int list_tables(struct lake *lake, struct listing *l, struct state *s, struct k2_err *err) {
    char **names;
    size_t n;
    int rc = lake_table_names(lake, &names, &n, err);
    if (rc != K2_OK)
        return rc;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        struct lake_table *t;
        rc = lake_table_load(lake, k2_sv_of(names[i]), &t, err);
        if (rc != K2_OK)
            break;
        put_table(l, t, names[i], s);
        lake_table_free(t);
    }
    s->tables = n > 0;
    k2_fs_names_free(names, n);
    return rc;
}

static int print_tables(struct verb_context *c, struct state *s, struct k2_err *err) {
    static const struct listing_column columns[] = {{"table", NULL},
                                                    {"rows", NULL},
                                                    {"files", NULL},
                                                    {"last commit (UTC)", NULL},
                                                    {"not yet in it", NULL}};
    struct lake *lake;
    struct listing *l;
    int rc = lake_open(c->data, false, &lake, err);
    if (rc == K2_E_NOTFOUND)
        return K2_OK;
    K2_TRY(rc);
    rc = listing_open(c, columns, 5, &l, err);
    if (rc == K2_OK) {
        rc = list_tables(lake, l, s, err);
        if (rc == K2_OK)
            rc = listing_close(l, err);
        else
            listing_drop(l);
    }
    lake_close(lake);
    return rc;
}

static void look_at_journal(const struct verb_context *c, struct state *s) {
    struct journal *j;
    s->journal = verb_journal(c, JOURNAL_READ, &j, NULL) == K2_OK;
    if (!s->journal)
        return;
    journal_close(j);
    if (query_lag(c->data, s->lag, K2_KIND_COUNT, &s->lag_count, NULL) != K2_OK)
        s->lag_count = 0;
    for (int i = 0; i < s->lag_count; i++)
        s->waiting += s->lag[i].rows;
}

static void print_next(const struct verb_context *c, const struct state *s) {
    static const char *const running[] = {
        "k2 status                what runs, and how far behind it is",
        "k2 query                 a shell for SQL; or k2 query \"SELECT ...\"",
        "k2 reconcile             prove that journal and tables are equal"};
    static const char *const none[] = {"k2 simulate              a market to try things on",
                                       "k2 ingest FILE...        your own data; k2 feed list",
                                       "k2 up --simulate 1000    all of it, running"};
    static const char *const journal[] = {
        "k2 sink --once           bring the tables up to the journal",
        "k2 topic list            what the journal holds", "k2 query --help"};
    static const char *const tables[] = {
        "k2 query \"SELECT symbol, count(*) FROM trades GROUP BY ALL\"",
        "k2 reconcile             prove that journal and tables are equal",
        "k2 table snapshots trades"};
    const char *const *next = role_runs(c->data) ? running
                              : s->waiting > 0   ? journal
                              : s->empty         ? none
                                                 : tables;
    puts("\nnext:");
    for (int i = 0; i < 3; i++)
        printf("  %s\n", next[i]);
    puts("\nk2 --help lists all commands.");
}

int verb_state(struct verb_context *c, struct k2_err *err) {
    if (verb_flag(c, "version"))
        return verb_version.run(c, err);
    struct state s = {.empty = true};
    int rc = k2_datadir_expect(c->data, err);
    if (rc != K2_OK && rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err);
    printf("k2 %s, data directory %s%s\n", K2_VERSION, c->data,
           rc == K2_OK             ? ""
           : k2_fs_exists(c->data) ? " (empty)"
                                   : " (not there yet)");
    look_at_journal(c, &s);
    K2_TRY(print_tables(c, &s, err));
    if (!s.tables && s.waiting > 0) {
        char rows[HUMAN_TEXT];
        printf("no tables yet; the journal holds %s %s for them\n", human_count(s.waiting, rows),
               human_word(s.waiting, "row", "rows"));
    }
    print_next(c, &s);
    return K2_OK;
}
