/* query/names.c - the names a query may use: a view per table of the catalog.
 *
 * For the table trades there are in DuckDB
 *     k2_plan.trades       an empty table with the columns of the table's current schema
 *     market_data.trades   the view that queries read: those columns, and message_id computed
 *     market_data.ticks    the friendly view over trades: timestamp, symbol, price, volume, the rest
 * and the views of derived.c.
 * The view reads k2_plan.trades while a statement is planned, and read_parquet(files) while it runs,
 * where columns are found by their Iceberg field id: a column that a file lacks is null, one that was
 * renamed is found. Iceberg types this engine has no equal for are K2_E_UNSUPPORTED.
 */
#include "query/query_int.h"
#include "query/text.h"

#include "base/fs.h"

#include <stdlib.h>

/* --- types --- */

static const struct {
    const char *iceberg, *sql;
} plain_types[] = {
    {"string", "VARCHAR"},
    {"long", "BIGINT"},
    {"int", "INTEGER"},
    {"boolean", "BOOLEAN"},
    {"float", "FLOAT"},
    {"double", "DOUBLE"},
    {"date", "DATE"},
    {"time", "TIME"},
    {"timestamptz", "TIMESTAMPTZ"},
    {"timestamp", "TIMESTAMP"},
    {"timestamp_ns", "TIMESTAMP_NS"},
    {"binary", "BLOB"},
    {"uuid", "UUID"},
};

static struct k2_sv between(struct k2_sv s, size_t front) {
    return (struct k2_sv){s.p + front, s.n - front - 1};
}

static int map_type(struct k2_sv inside, struct k2_buf *out, struct k2_err *err) {
    /* The key of a map is a plain type: the first comma ends it. */
    struct k2_sv value = inside;
    struct k2_sv key = k2_sv_split(&value, ',');
    k2_buf_str(out, "MAP(");
    K2_TRY(query_sql_type(k2_sv_trim(key), out, err));
    k2_buf_str(out, ", ");
    K2_TRY(query_sql_type(k2_sv_trim(value), out, err));
    k2_buf_byte(out, ')');
    return K2_OK;
}

K2_RC query_sql_type(struct k2_sv iceberg, struct k2_buf *out, struct k2_err *err) {
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++)
        if (k2_sv_eq(iceberg, k2_sv_of(plain_types[i].iceberg))) {
            k2_buf_str(out, plain_types[i].sql);
            return K2_OK;
        }
    if (k2_sv_starts(iceberg, K2_SV("decimal(")) || k2_sv_starts(iceberg, K2_SV("DECIMAL("))) {
        k2_buf_sv(out, iceberg);
        return K2_OK;
    }
    if (k2_sv_starts(iceberg, K2_SV("list<")) && k2_sv_ends(iceberg, K2_SV(">"))) {
        K2_TRY(query_sql_type(between(iceberg, 5), out, err));
        k2_buf_str(out, "[]");
        return K2_OK;
    }
    if (k2_sv_starts(iceberg, K2_SV("map<")) && k2_sv_ends(iceberg, K2_SV(">")))
        return map_type(between(iceberg, 4), out, err);
    return k2_fail(err, K2_E_UNSUPPORTED, "the query engine cannot read the Iceberg type %.*s",
                   K2_SV_ARG(iceberg));
}

/* --- views --- */

static bool has_column(const struct lake_table_info *info, const char *name) {
    for (int i = 0; i < info->field_count; i++)
        if (strcmp(info->fields[i].name, name) == 0)
            return true;
    return false;
}

static void put_escaped(struct k2_buf *sql, const char *column) {
    k2_buf_printf(sql, "replace(replace(\"%s\", '%%', '%%25'), '/', '%%2F')", column);
}

/* The printed identity, as k2_message_id writes it. */
static void put_message_id(struct k2_buf *sql, const struct k2_kind *kind) {
    k2_buf_str(sql, ", ");
    put_escaped(sql, "exchange");
    k2_buf_str(sql, " || '/' || CAST(trade_date AS VARCHAR) || '/' || ");
    put_escaped(sql, "channel");
    k2_buf_printf(sql,
                  " || '/%s/' || CAST(epoch AS VARCHAR) || '/' || "
                  "CAST(exchange_sequence_number AS VARCHAR) || '/' || CAST(part AS VARCHAR) "
                  "AS message_id",
                  kind->name);
}

static void put_view(struct k2_buf *sql, const struct query_source *s, struct k2_sv from) {
    k2_buf_str(sql, "CREATE OR REPLACE VIEW " LAKE_NAMESPACE ".");
    query_text_name(sql, s->name);
    k2_buf_str(sql, " AS SELECT *");
    if (s->kind)
        put_message_id(sql, s->kind);
    k2_buf_str(sql, " FROM ");
    k2_buf_sv(sql, from);
    if (s->row_filter)
        k2_buf_printf(sql, " WHERE %s", s->row_filter);
}

static bool is_renamed_in_ticks(const char *column) {
    return strcmp(column, "exchange_timestamp") == 0 || strcmp(column, "symbol") == 0 ||
           strcmp(column, "price") == 0 || strcmp(column, "quantity") == 0;
}

/* ticks: the columns people ask for first, then everything else under its own name. */
static void put_ticks(struct k2_buf *sql, const struct lake_table_info *info) {
    k2_buf_str(sql, "CREATE OR REPLACE VIEW " LAKE_NAMESPACE ".ticks AS SELECT "
                    "exchange_timestamp AS \"timestamp\", symbol, price, quantity AS volume");
    for (int i = 0; i < info->field_count; i++)
        if (!is_renamed_in_ticks(info->fields[i].name)) {
            k2_buf_str(sql, ", ");
            query_text_name(sql, info->fields[i].name);
        }
    k2_buf_str(sql, ", message_id FROM " LAKE_NAMESPACE ".trades");
}

static int put_columns(struct k2_buf *sql, const struct lake_table_info *info, struct k2_err *err) {
    for (int i = 0; i < info->field_count; i++) {
        k2_buf_str(sql, i ? ", " : "");
        query_text_name(sql, info->fields[i].name);
        k2_buf_byte(sql, ' ');
        K2_TRY_CTX(query_sql_type(k2_sv_of(info->fields[i].type), sql, err), err,
                   "table %s, column %s", info->name, info->fields[i].name);
    }
    return K2_OK;
}

static void put_plan_table(struct k2_buf *sql, const char *name) {
    k2_buf_str(sql, QUERY_PLAN_SCHEMA ".");
    query_text_name(sql, name);
}

static int make_stand_in(struct query_engine *q, const struct query_source *s, const char *shape,
                         struct k2_err *err) {
    struct lake_table_info info = lake_table_info(s->table);
    struct k2_buf sql = {0}, from = {0};
    put_plan_table(&from, s->name);
    k2_buf_str(&sql, "CREATE OR REPLACE TABLE ");
    k2_buf_sv(&sql, k2_buf_view(&from));
    k2_buf_printf(&sql, " (%s);", shape);
    put_view(&sql, s, k2_buf_view(&from));
    if (strcmp(s->name, "trades") == 0 && has_column(&info, "quantity")) {
        k2_buf_byte(&sql, ';');
        put_ticks(&sql, &info);
    }
    int rc = duck_exec(q->duck, k2_buf_cstr(&sql), err);
    k2_buf_free(&from);
    k2_buf_free(&sql);
    return rc;
}

static struct query_known *known_table(struct query_engine *q, const char *name) {
    for (int i = 0; i < q->known_count; i++)
        if (strcmp(q->known[i].name, name) == 0)
            return &q->known[i];
    size_t n = (size_t)q->known_count + 1;
    q->known = k2_realloc(q->known, n * sizeof *q->known);
    struct query_known *k = &q->known[q->known_count++];
    *k = (struct query_known){.name = k2_strdup(name)};
    return k;
}

/* Makes the stand-in of a table, unless the one that is there has the same columns. */
static int ensure_stand_in(struct query_engine *q, const struct query_source *s,
                           struct k2_err *err) {
    struct lake_table_info info = lake_table_info(s->table);
    struct k2_buf shape = {0};
    int rc = put_columns(&shape, &info, err);
    struct query_known *known = known_table(q, s->name);
    if (rc == K2_OK && (!known->shape || strcmp(known->shape, k2_buf_cstr(&shape)) != 0)) {
        rc = make_stand_in(q, s, k2_buf_cstr(&shape), err);
        if (rc == K2_OK) {
            free(known->shape);
            known->shape = k2_strdup(k2_buf_cstr(&shape));
        }
    }
    k2_buf_free(&shape);
    return rc;
}

/* --- files --- */

static int put_schema(struct k2_buf *sql, const struct lake_table_info *info, struct k2_err *err) {
    k2_buf_str(sql, "MAP {");
    for (int i = 0; i < info->field_count; i++) {
        struct k2_buf type = {0};
        k2_buf_printf(sql, "%s%d: {name: ", i ? ", " : "", info->fields[i].id);
        query_text_literal(sql, k2_sv_of(info->fields[i].name));
        int rc = query_sql_type(k2_sv_of(info->fields[i].type), &type, err);
        k2_buf_printf(sql, ", type: '%s', default_value: NULL}", k2_buf_cstr(&type));
        k2_buf_free(&type);
        K2_TRY(rc);
    }
    k2_buf_byte(sql, '}');
    return K2_OK;
}

K2_RC query_put_files(struct k2_buf *sql, const struct query_source *s,
                      const struct lake_file *const *files, int n, struct k2_err *err) {
    struct lake_table_info info = lake_table_info(s->table);
    k2_buf_str(sql, "read_parquet([");
    for (int i = 0; i < n; i++) {
        k2_buf_str(sql, i ? ", " : "");
        query_text_literal(sql, k2_sv_of(files[i]->path));
    }
    k2_buf_str(sql, "], hive_partitioning=false, schema=");
    K2_TRY(put_schema(sql, &info, err));
    k2_buf_byte(sql, ')');
    return K2_OK;
}

K2_RC query_view_files(struct query_engine *q, const struct query_source *s,
                       const struct lake_file *const *files, int n, struct k2_err *err) {
    struct k2_buf from = {0}, sql = {0};
    int rc = K2_OK;
    if (n == 0)
        put_plan_table(&from, s->name);
    else
        rc = query_put_files(&from, s, files, n, err);
    put_view(&sql, s, k2_buf_view(&from));
    if (rc == K2_OK)
        rc = duck_exec(q->duck, k2_buf_cstr(&sql), err);
    k2_buf_free(&from);
    k2_buf_free(&sql);
    return rc;
}

/* --- sources --- */

/* Words of statements that look at the catalog itself, and so at every table. */
static bool asks_for_names(struct k2_sv sql) {
    static const char *const words[] = {"show", "describe", "information_schema", "duckdb_",
                                        "pg_",  "pragma_",  "query_table",        "sqlite_"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (query_text_mentions(sql, words[i]))
            return true;
    return false;
}

static bool is_mentioned(struct k2_sv sql, const char *table) {
    return query_text_mentions(sql, table) ||
           (strcmp(table, "trades") == 0 && query_text_mentions(sql, "ticks")) ||
           query_derived_reads(sql, table);
}

static int load_source(struct query_engine *q, const char *name, struct query_sources *out,
                       struct k2_err *err) {
    struct lake_table *table;
    K2_TRY(lake_table_load(q->lake, k2_sv_of(name), &table, err));
    out->at = k2_realloc(out->at, (size_t)(out->n + 1) * sizeof *out->at);
    struct query_source *s = &out->at[out->n++];
    *s = (struct query_source){.name = k2_strdup(name), .table = table};
    s->kind = k2_kind_by_table(k2_sv_of(name));
    s->snapshot = lake_table_info(table).current_snapshot;
    return ensure_stand_in(q, s, err);
}

K2_RC query_sources_load(struct query_engine *q, struct k2_sv sql, bool all,
                         struct query_sources *out, struct k2_err *err) {
    char **names;
    size_t n;
    *out = (struct query_sources){.all = all || asks_for_names(sql)};
    K2_TRY(lake_table_names(q->lake, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; i < n && rc == K2_OK; i++)
        if (out->all || is_mentioned(sql, names[i]))
            rc = load_source(q, names[i], out, err);
    k2_fs_names_free(names, n);
    if (rc == K2_OK)
        rc = query_derived_make(q, sql, out, err);
    if (rc != K2_OK)
        query_sources_free(out);
    return rc;
}

void query_sources_free(struct query_sources *s) {
    for (int i = 0; i < s->n; i++) {
        free(s->at[i].name);
        free(s->at[i].row_filter);
        lake_table_free(s->at[i].table);
    }
    free(s->at);
    *s = (struct query_sources){0};
}

struct query_source *query_source_find(const struct query_sources *s, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->at[i].name, name) == 0)
            return &s->at[i];
    return NULL;
}
