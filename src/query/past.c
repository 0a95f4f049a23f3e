/* query/past.c - see past.h. */
#include "query/query_int.h"

enum { ROWS = 1024 };

static K2_RC give(struct query_rows *rows, const struct k2_kind *kind, struct k2_interner *in,
                  void (*take)(void *ctx, const struct k2_event *e, const struct k2_interner *in),
                  void *ctx, struct k2_err *err) {
    struct k2_columns c;
    int rc;
    k2_columns_init(&c, kind, ROWS);
    while ((rc = query_rows_next(rows, &c, err)) == K2_OK && c.n > 0) {
        for (size_t row = 0; row < c.n; row++) {
            struct k2_event e;
            k2_columns_get(&c, row, &e);
            take(ctx, &e, in);
        }
        k2_interner_reset(in);
    }
    k2_columns_free(&c);
    return rc;
}

static K2_RC load(void *ctx, const struct k2_kind *kind, struct k2_sv exchange, int64_t before,
                  void (*take)(void *take_ctx, const struct k2_event *e,
                               const struct k2_interner *in),
                  void *take_ctx, struct k2_err *err) {
    struct query_engine *q;
    struct query_rows *rows;
    struct k2_buf where = {0};
    K2_TRY(query_open(ctx, NULL, &q, err));
    struct k2_interner *in = k2_interner_new();
    k2_buf_printf(&where, "lower(exchange) = '%.*s' AND journal_offset < %lld", K2_SV_ARG(exchange),
                  (long long)before);
    int rc = query_rows_open(q, kind, NULL, k2_buf_cstr(&where), in, &rows, err);
    if (rc == K2_OK) {
        rc = give(rows, kind, in, take, take_ctx, err);
        query_rows_close(rows);
    }
    k2_buf_free(&where);
    k2_interner_free(in);
    query_close(q);
    return rc;
}

struct derive_past query_past(const char *data) {
    return (struct derive_past){(void *)(uintptr_t)data, load};
}
