/* The two readers of text in the query room: the plan of DuckDB (JSON, filter texts), and SQL cut into
 * statements. First byte: which; the rest: the text. What is read must be freed, and a term that is read
 * must stand in the text. */
#include "query/prune.h"
#include "query/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_plan(struct k2_sv text) {
    struct prune_plan plan;
    if (prune_plan_read(text, "k2_plan", &plan, NULL) != K2_OK)
        return;
    prune_plan_free(&plan);
}

static void read_terms(struct k2_sv text) {
    struct prune_scan scan = {0};
    static const struct lake_field fields[] = {{1, "s", "string", true},
                                               {2, "d", "date", true},
                                               {3, "t", "timestamptz", true},
                                               {4, "n", "long", true},
                                               {5, "p", "decimal(20, 9)", false}};
    struct lake_table_info info = {.field_count = 5, .fields = fields};
    prune_terms_read(text, &scan);
    struct prune_filters filters;
    prune_filters_make(&scan, &info, &filters);
    K2_ASSERT(filters.n <= scan.term_count);
    struct k2_buf out = {0};
    prune_filters_print(&scan, &info, &out);
    k2_buf_free(&out);
    prune_filters_free(&filters);
    for (int i = 0; i < scan.term_count; i++)
        K2_ASSERT(memmem(text.p, text.n, scan.terms[i].column, strlen(scan.terms[i].column)));
    struct prune_plan plan = {.scan_count = 1, .scans = k2_alloc(sizeof scan)};
    plan.scans[0] = scan;
    prune_plan_free(&plan);
}

static void cut_sql(struct k2_sv text) {
    struct k2_sv rest = text, piece, inner;
    while (query_text_next(&rest, &piece)) {
        K2_ASSERT(piece.p >= text.p && piece.p + piece.n <= text.p + text.n);
        query_text_word(piece);
        query_text_explained(piece, &inner);
        K2_ASSERT(inner.n <= piece.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    struct k2_sv text = {(const char *)data + 1, n - 1};
    switch (data[0] % 3) {
    case 0:
        read_plan(text);
        break;
    case 1:
        read_terms(text);
        break;
    default:
        cut_sql(text);
    }
    return 0;
}
