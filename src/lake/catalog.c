/* The catalog: catalog.db, an SQLite database in the layout of pyiceberg's SqlCatalog and of
 * Iceberg's JDBC catalog (schema version 1). The only file that includes sqlite3.h.
 *
 *   iceberg_tables(catalog_name, table_namespace, table_name, metadata_location,
 *                  previous_metadata_location, iceberg_type)       one row a table
 *   iceberg_namespace_properties(catalog_name, namespace, property_key, property_value)
 *   PRAGMA user_version = 1                                        our format version
 *
 * A row is valid if its metadata_location names a complete metadata file: whoever writes it has
 * synced that file, everything it names and their directory before. Recovery is SQLite's own: a
 * rollback journal (journal_mode DELETE, not WAL, so that the catalog is one file that can be
 * copied and read from read-only places) with synchronous EXTRA, which also syncs the directory
 * after the journal is unlinked: without it a power cut could bring the journal back and undo a
 * commit that was acknowledged. */
#include "base/fs.h"
#include "lake/lake_int.h"

#include <sqlite3.h>
#include <stdlib.h>

#define CATALOG_VERSION 1
#define BUSY_MS 15000

struct lake_catalog {
    sqlite3 *db;
    char *path;
};

static const char tables_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS iceberg_tables ("
    "catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,"
    "table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000),"
    "previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),"
    "PRIMARY KEY (catalog_name, table_namespace, table_name));"
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties ("
    "catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL,"
    "property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL,"
    "PRIMARY KEY (catalog_name, namespace, property_key));"
    "INSERT OR IGNORE INTO iceberg_namespace_properties VALUES"
    "('" LAKE_CATALOG_NAME "', '" LAKE_NAMESPACE "', 'exists', 'true');"
    "PRAGMA user_version = 1;"
    "COMMIT;";

/* Fills err with what SQLite says. */
static int fail(struct lake_catalog *c, const char *doing, struct k2_err *err) {
    int code = sqlite3_errcode(c->db);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        int rc = k2_fail(err, K2_E_LOCKED,
                         "%s in catalog %s: another process kept it locked for %d s; try again",
                         doing, c->path, BUSY_MS / 1000);
        if (err)
            err->retriable = true;
        return rc;
    }
    bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return k2_fail(err, damaged ? K2_E_CORRUPT : K2_E_IO, "%s in catalog %s: %s", doing, c->path,
                   sqlite3_errmsg(c->db));
}

static K2_RC prepare(struct lake_catalog *c, const char *sql, sqlite3_stmt **out,
                     struct k2_err *err) {
    if (sqlite3_prepare_v2(c->db, sql, -1, out, NULL) != SQLITE_OK)
        return fail(c, "prepare a statement", err);
    return K2_OK;
}

static void bind(sqlite3_stmt *s, int at, struct k2_sv text) {
    int rc = sqlite3_bind_text(s, at, text.p ? text.p : "", (int)text.n, SQLITE_TRANSIENT);
    K2_ASSERT(rc == SQLITE_OK);
}

/* --- opening --- */

static K2_RC version(struct lake_catalog *c, int *out, struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c, "PRAGMA user_version", &s, err));
    int step = sqlite3_step(s);
    *out = step == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
    int rc = step == SQLITE_ROW ? K2_OK : fail(c, "read the version", err);
    sqlite3_finalize(s);
    return rc;
}

/* A database without tables is what a process leaves that was killed while making the catalog. */
static K2_RC check_made(struct lake_catalog *c, struct k2_err *err) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(c->db, "SELECT 1 FROM iceberg_tables", -1, &s, NULL) == SQLITE_OK) {
        sqlite3_finalize(s);
        return K2_OK;
    }
    if (sqlite3_errcode(c->db) != SQLITE_ERROR)
        return fail(c, "look for the catalog's tables", err);
    return k2_fail(err, K2_E_NOTFOUND,
                   "catalog %s is empty: whoever made it did not end; k2 init or k2 sink makes it "
                   "again",
                   c->path);
}

static K2_RC set_up(struct lake_catalog *c, bool create, struct k2_err *err) {
    (void)sqlite3_busy_timeout(c->db, BUSY_MS);
    if (sqlite3_exec(c->db, "PRAGMA synchronous = EXTRA", NULL, NULL, NULL) != SQLITE_OK)
        return fail(c, "set durability", err);
    int found;
    K2_TRY(version(c, &found, err));
    if (found > CATALOG_VERSION)
        return k2_fail(err, K2_E_VERSION,
                       "catalog %s has format version %d, this build knows %d: use a newer k2",
                       c->path, found, CATALOG_VERSION);
    if (found == CATALOG_VERSION)
        return K2_OK;
    if (!create)
        return check_made(c, err);
    if (sqlite3_exec(c->db, tables_sql, NULL, NULL, NULL) == SQLITE_OK)
        return K2_OK;
    int rc = fail(c, "create the catalog's tables", err);
    (void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

K2_RC lake_catalog_open(const char *path, bool create, struct lake_catalog **out,
                        struct k2_err *err) {
    if (!create && !k2_fs_exists(path))
        return k2_fail(err, K2_E_NOTFOUND,
                       "there are no tables yet (no catalog %s): k2 sink --once makes them of what "
                       "the journal "
                       "holds; or the path is wrong",
                       path);
    struct lake_catalog *c = k2_zalloc(sizeof *c);
    c->path = k2_strdup(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    int rc = K2_OK;
    if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK)
        rc = fail(c, "open", err);
    if (rc == K2_OK)
        rc = set_up(c, create, err);
    if (rc != K2_OK) {
        lake_catalog_close(c);
        return rc;
    }
    *out = c;
    return K2_OK;
}

void lake_catalog_close(struct lake_catalog *c) {
    if (!c)
        return;
    (void)sqlite3_close(c->db);
    free(c->path);
    free(c);
}

/* --- rows --- */

K2_RC lake_catalog_get(struct lake_catalog *c, struct k2_sv table, char **location,
                       struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ?1"
                   " AND table_namespace = ?2 AND table_name = ?3"
                   " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)",
                   &s, err));
    bind(s, 1, K2_SV(LAKE_CATALOG_NAME));
    bind(s, 2, K2_SV(LAKE_NAMESPACE));
    bind(s, 3, table);
    int step = sqlite3_step(s), rc = K2_OK;
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    if (text)
        *location = k2_strdup(text);
    else if (step == SQLITE_ROW)
        rc = k2_fail(err, K2_E_CORRUPT, "catalog %s has no metadata location for table %.*s",
                     c->path, K2_SV_ARG(table));
    else if (step == SQLITE_DONE)
        rc = k2_fail(err, K2_E_NOTFOUND, "there is no table %s.%.*s in catalog %s", LAKE_NAMESPACE,
                     K2_SV_ARG(table), c->path);
    else
        rc = fail(c, "look for a table", err);
    sqlite3_finalize(s);
    return rc;
}

K2_RC lake_catalog_insert(struct lake_catalog *c, const char *table, const char *location,
                          struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name,"
                   " metadata_location, iceberg_type) VALUES (?1, ?2, ?3, ?4, 'TABLE')",
                   &s, err));
    bind(s, 1, K2_SV(LAKE_CATALOG_NAME));
    bind(s, 2, K2_SV(LAKE_NAMESPACE));
    bind(s, 3, k2_sv_of(table));
    bind(s, 4, k2_sv_of(location));
    int step = sqlite3_step(s), rc = K2_OK;
    if (step == SQLITE_CONSTRAINT)
        rc = k2_fail(err, K2_E_EXISTS, "table %s.%s exists already", LAKE_NAMESPACE, table);
    else if (step != SQLITE_DONE)
        rc = fail(c, "create a table", err);
    sqlite3_finalize(s);
    return rc;
}

K2_RC lake_catalog_swap(struct lake_catalog *c, const char *table, const char *from, const char *to,
                        struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "UPDATE iceberg_tables SET metadata_location = ?5,"
                   " previous_metadata_location = ?4 WHERE catalog_name = ?1"
                   " AND table_namespace = ?2 AND table_name = ?3 AND metadata_location = ?4",
                   &s, err));
    bind(s, 1, K2_SV(LAKE_CATALOG_NAME));
    bind(s, 2, K2_SV(LAKE_NAMESPACE));
    bind(s, 3, k2_sv_of(table));
    bind(s, 4, k2_sv_of(from));
    bind(s, 5, k2_sv_of(to));
    int step = sqlite3_step(s), rc = K2_OK;
    if (step != SQLITE_DONE)
        rc = fail(c, "commit", err);
    else if (sqlite3_changes(c->db) != 1)
        rc = k2_fail(err, K2_E_CONFLICT, "table %s.%s was changed by another writer",
                     LAKE_NAMESPACE, table);
    sqlite3_finalize(s);
    return rc;
}

/* The first column of each row of a statement, in order; ends the statement. */
static K2_RC texts(struct lake_catalog *c, sqlite3_stmt *s, char ***out, size_t *n,
                   struct k2_err *err) {
    char **list = NULL;
    size_t count = 0;
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        list = k2_realloc(list, (count + 1) * sizeof *list);
        list[count++] = k2_strdup(text ? text : "");
    }
    int rc = step == SQLITE_DONE ? K2_OK : fail(c, "list the tables", err);
    sqlite3_finalize(s);
    if (rc != K2_OK) {
        k2_fs_names_free(list, count);
        return rc;
    }
    *out = list;
    *n = count;
    return K2_OK;
}

K2_RC lake_catalog_names(struct lake_catalog *c, char ***names, size_t *n, struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "SELECT table_name FROM iceberg_tables WHERE catalog_name = ?1"
                   " AND table_namespace = ?2 AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
                   " ORDER BY table_name",
                   &s, err));
    bind(s, 1, K2_SV(LAKE_CATALOG_NAME));
    bind(s, 2, K2_SV(LAKE_NAMESPACE));
    return texts(c, s, names, n, err);
}

K2_RC lake_catalog_locations(struct lake_catalog *c, char ***locations, size_t *n,
                             struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "SELECT metadata_location FROM iceberg_tables"
                   " WHERE iceberg_type = 'TABLE' OR iceberg_type IS NULL"
                   " ORDER BY catalog_name, table_namespace, table_name",
                   &s, err));
    return texts(c, s, locations, n, err);
}

/* --- all rows at once --- */

void lake_catalog_rows_free(struct lake_catalog_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(rows[i].space);
        free(rows[i].table);
        free(rows[i].location);
    }
    free(rows);
}

static char *column(sqlite3_stmt *s, int at) {
    const char *text = (const char *)sqlite3_column_text(s, at);
    return k2_strdup(text ? text : "");
}

K2_RC lake_catalog_rows(struct lake_catalog *c, struct lake_catalog_row **rows, size_t *n,
                        struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "SELECT table_namespace, table_name, metadata_location FROM iceberg_tables"
                   " WHERE catalog_name = ?1 AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
                   " ORDER BY table_namespace, table_name",
                   &s, err));
    bind(s, 1, K2_SV(LAKE_CATALOG_NAME));
    struct lake_catalog_row *list = NULL;
    size_t count = 0;
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        list = k2_realloc(list, (count + 1) * sizeof *list);
        list[count++] = (struct lake_catalog_row){column(s, 0), column(s, 1), column(s, 2)};
    }
    int rc = step == SQLITE_DONE ? K2_OK : fail(c, "list the tables", err);
    sqlite3_finalize(s);
    if (rc != K2_OK) {
        lake_catalog_rows_free(list, count);
        return rc;
    }
    *rows = list;
    *n = count;
    return K2_OK;
}

static K2_RC move_row(struct lake_catalog *c, const struct lake_catalog_row *row, const char *to,
                      struct k2_err *err) {
    sqlite3_stmt *s;
    K2_TRY(prepare(c,
                   "UPDATE iceberg_tables SET metadata_location = ?5,"
                   " previous_metadata_location = NULL WHERE catalog_name = ?1"
                   " AND table_namespace = ?2 AND table_name = ?3 AND metadata_location = ?4",
                   &s, err));
    bind(s, 1, K2_SV(LAKE_CATALOG_NAME));
    bind(s, 2, k2_sv_of(row->space));
    bind(s, 3, k2_sv_of(row->table));
    bind(s, 4, k2_sv_of(row->location));
    bind(s, 5, k2_sv_of(to));
    int step = sqlite3_step(s), rc = K2_OK;
    if (step != SQLITE_DONE)
        rc = fail(c, "move a table", err);
    else if (sqlite3_changes(c->db) != 1)
        rc = k2_fail(err, K2_E_CONFLICT, "table %s.%s was changed by another writer", row->space,
                     row->table);
    sqlite3_finalize(s);
    return rc;
}

static K2_RC statement(struct lake_catalog *c, const char *sql, const char *doing,
                       struct k2_err *err) {
    if (sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return K2_OK;
    return fail(c, doing, err);
}

K2_RC lake_catalog_move(struct lake_catalog *c, const struct lake_catalog_row *rows,
                        char *const *to, size_t n, bool *unsure, struct k2_err *err) {
    *unsure = false;
    K2_TRY(statement(c, "BEGIN IMMEDIATE", "begin to move the tables", err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        if (to[i])
            rc = move_row(c, &rows[i], to[i], err);
    if (rc == K2_OK) {
        rc = statement(c, "COMMIT", "commit", err);
        *unsure = rc != K2_OK && rc != K2_E_LOCKED;
    }
    if (rc != K2_OK)
        (void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* The bytes are taken inside of the transaction that read the rows. */
static K2_RC serialize(struct lake_catalog *c, struct k2_buf *bytes, struct k2_err *err) {
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(c->db, "main", &size, 0);
    if (!image)
        return k2_fail(err, K2_E_IO, "catalog %s cannot be copied: %s", c->path,
                       sqlite3_errmsg(c->db));
    k2_buf_put(bytes, image, (size_t)size);
    sqlite3_free(image);
    return K2_OK;
}

K2_RC lake_catalog_image(struct lake_catalog *c, struct k2_buf *bytes,
                         struct lake_catalog_row **rows, size_t *n, struct k2_err *err) {
    K2_TRY(statement(c, "BEGIN", "begin to copy", err));
    int rc = lake_catalog_rows(c, rows, n, err);
    if (rc == K2_OK) {
        rc = serialize(c, bytes, err);
        if (rc != K2_OK)
            lake_catalog_rows_free(*rows, *n);
    }
    (void)sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL);
    return rc;
}

K2_RC lake_catalog_check(struct lake_catalog *c, void (*finding)(void *ctx, const char *text),
                         void *ctx, struct k2_err *err) {
    sqlite3_stmt *s;
    int step;
    K2_TRY(prepare(c, "PRAGMA integrity_check", &s, err));
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        if (text && strcmp(text, "ok") != 0)
            finding(ctx, text);
    }
    int rc = step == SQLITE_DONE ? K2_OK : fail(c, "check the pages", err);
    sqlite3_finalize(s);
    return rc;
}
