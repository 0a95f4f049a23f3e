/* query/prune.h - which filters each scan of a query has, read from DuckDB's plan.
 *
 * Input is the text of EXPLAIN (FORMAT json) of the query over stand-in tables (query/names.h): every
 * leaf SEQ_SCAN of the plan names its table and lists the filters that were pushed into it, with
 * constants folded. A term is used only when it is surely understood, "column op constant" or "column
 * IN (constants)"; everything else (OR over several columns, functions, casts of the column, NULL)
 * prunes nothing. The plan is equivalent to the query for any content of the tables, because it was made
 * without their statistics; so dropping files that hold no row matching a scan's filters changes nothing.
 * Thread-safety: none.
 */
#ifndef K2_QUERY_PRUNE_H
#define K2_QUERY_PRUNE_H

#include "lake/lake.h"

struct prune_literal {
    char *text; /* unquoted */
    char *type; /* what it is cast to ("DATE"); NULL = nothing */
    bool quoted;
};

struct prune_term { /* column op literal, ANDed with the others of its scan */
    char *column;
    enum lake_op op;
    int count;
    struct prune_literal *literals;
};

struct prune_scan {
    char *table; /* as the plan names it, without catalog and schema */
    int term_count;
    struct prune_term *terms;
};

struct prune_plan {
    int scan_count;
    struct prune_scan *scans;
    char *function; /* the first table function of the plan that a reader may not call; or NULL */
};

/* json = the plan; schema = the schema of the stand-in tables (scans of any other are left out). */
K2_RC prune_plan_read(struct k2_sv json, const char *schema, struct prune_plan *out,
                      struct k2_err *err);
void prune_plan_free(struct prune_plan *p);

/* One filter text of a scan ("symbol='A' AND price>3"): appends the terms understood. */
void prune_terms_read(struct k2_sv text, struct prune_scan *scan);

struct prune_filters { /* terms as the lake wants them */
    int n;
    struct lake_filter *filters;
};

/* Terms on columns that are no field of the table, and literals that do not fit the field's type,
 * are left out. Strings are borrowed from the scan. */
void prune_filters_make(const struct prune_scan *scan, const struct lake_table_info *table,
                        struct prune_filters *out);
void prune_filters_free(struct prune_filters *f);
/* "symbol='A' AND trade_date>='2014-03-10'" of those filters, for people. */
void prune_filters_print(const struct prune_scan *scan, const struct lake_table_info *table,
                         struct k2_buf *out);

#endif
