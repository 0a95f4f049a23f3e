/* query/groups.c - how many row groups of the files the filters of a query leave, for --explain.
 *
 * DuckDB skips a row group when the minimum and maximum of a column in the file's footer rule a pushed
 * filter out, and does not say how often. The same test is made here, in SQL over parquet_metadata(). A
 * literal or a bound that is not of the column's type, and a column that the file has under an older
 * name, rule nothing out. A row group is left out when it is in every scan of the table.
 */
#include "query/query_int.h"

/* lit < min OR lit > max and its like: no value between the bounds can match. */
static void put_ruled_out(struct k2_buf *sql, enum lake_op op, const struct prune_literal *l,
                          const char *type) {
    static const char *const tests[] = {[LAKE_EQ] = "(v < lo OR v > hi)",
                                        [LAKE_LT] = "lo >= v",
                                        [LAKE_LE] = "lo > v",
                                        [LAKE_GT] = "hi <= v",
                                        [LAKE_GE] = "hi < v",
                                        [LAKE_IN] = "(v < lo OR v > hi)"};
    for (const char *p = tests[op]; *p; p++) {
        if (*p == 'v') {
            k2_buf_str(sql, "TRY_CAST(");
            query_text_literal(sql, k2_sv_of(l->text));
            k2_buf_printf(sql, " AS %s)", type);
        } else if (*p == 'l' || *p == 'h') {
            k2_buf_printf(sql, "TRY_CAST(stats_%s_value AS %s)", *p == 'l' ? "min" : "max", type);
            p++;
        } else {
            k2_buf_byte(sql, (uint8_t)*p);
        }
    }
}

static void put_term(struct k2_buf *sql, const struct prune_term *t, const char *type) {
    k2_buf_str(sql, " OR (path_in_schema = ");
    query_text_literal(sql, k2_sv_of(t->column));
    for (int i = 0; i < t->count; i++) {
        k2_buf_str(sql, " AND ");
        put_ruled_out(sql, t->op, &t->literals[i], type);
    }
    k2_buf_byte(sql, ')');
}

/* The condition on a column chunk under which its row group holds nothing for a scan. */
static int put_scan(struct k2_buf *sql, const struct prune_scan *scan,
                    const struct lake_table_info *table, struct k2_err *err) {
    k2_buf_str(sql, " AND coalesce(bool_or(false");
    for (int i = 0; i < scan->term_count; i++)
        for (int k = 0; k < table->field_count; k++) {
            const struct lake_field *field = &table->fields[k];
            if (strcmp(field->name, scan->terms[i].column) != 0)
                continue;
            struct k2_buf type = {0};
            int rc = query_sql_type(k2_sv_of(field->type), &type, err);
            put_term(sql, &scan->terms[i], k2_buf_cstr(&type));
            k2_buf_free(&type);
            K2_TRY(rc);
        }
    k2_buf_str(sql, "), false)");
    return K2_OK;
}

static int put_query(struct k2_buf *sql, const struct query_source *source,
                     const struct prune_plan *plan, const struct lake_file *const *files, int n,
                     struct k2_err *err) {
    struct lake_table_info info = lake_table_info(source->table);
    k2_buf_str(sql, "SELECT count(*), count(*) FILTER (NOT nothing) FROM (SELECT true");
    for (int i = 0; i < plan->scan_count; i++)
        if (strcmp(plan->scans[i].table, source->name) == 0)
            K2_TRY(put_scan(sql, &plan->scans[i], &info, err));
    k2_buf_str(sql, " AS nothing FROM parquet_metadata([");
    for (int i = 0; i < n; i++) {
        k2_buf_str(sql, i ? ", " : "");
        query_text_literal(sql, k2_sv_of(files[i]->path));
    }
    k2_buf_str(sql, "]) GROUP BY file_name, row_group_id)");
    return K2_OK;
}

static int read_counts(struct query_engine *q, const char *sql, struct query_scan *scan,
                       struct k2_err *err) {
    struct duck_stmt *s;
    struct duck_result *rows = NULL;
    const struct duck_vector *columns;
    uint64_t n = 0;
    K2_TRY(duck_prepare(q->duck, sql, &s, err));
    int rc = duck_execute(s, &rows, err);
    if (rc == K2_OK)
        rc = duck_next(rows, &n, &columns, err);
    if (rc == K2_OK && n == 1) {
        scan->row_groups_total = (int64_t)query_value_integer(&columns[0], 0);
        scan->row_groups_read = (int64_t)query_value_integer(&columns[1], 0);
    }
    duck_result_free(rows);
    duck_stmt_free(s);
    return rc;
}

K2_RC query_groups_count(struct query_engine *q, const struct query_source *source,
                         const struct prune_plan *plan, const struct lake_file *const *files, int n,
                         struct query_scan *scan, struct k2_err *err) {
    if (n == 0)
        return K2_OK;
    struct k2_buf sql = {0};
    int rc = put_query(&sql, source, plan, files, n, err);
    if (rc == K2_OK)
        rc = read_counts(q, k2_buf_cstr(&sql), scan, err);
    k2_buf_free(&sql);
    return rc;
}
