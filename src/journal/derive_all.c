/* journal/derive_all.c - all derivations of a running ingest, one for each exchange; see derive.h. */
#include "journal/ingest_int.h"

#include <stdlib.h>

struct derive_all {
    struct derive *at[DERIVE_COUNT][64];
    char *names[DERIVE_COUNT][64];
    int n[DERIVE_COUNT];
};

struct search {
    struct ingest *ingest;
    enum derive_what what;
    const struct derive_past *past;
    int rc;
    struct k2_err why;
};

static void open_one(void *ctx, struct k2_sv exchange) {
    struct search *s = ctx;
    struct derive_all *all = s->ingest->derived;
    int n = all->n[s->what];
    for (int i = 0; i < n; i++)
        if (k2_sv_eq(k2_sv_of(all->names[s->what][i]), exchange))
            return;
    if (s->rc == K2_OK && n == 64)
        s->rc = k2_fail(&s->why, K2_E_RANGE, "more than 64 exchanges cannot be derived");
    if (s->rc == K2_OK)
        s->rc = derive_open(s->ingest->journal, s->what, exchange, s->past, &all->at[s->what][n],
                            &s->why);
    if (s->rc != K2_OK)
        return;
    all->names[s->what][n] = k2_sv_dup(exchange);
    all->n[s->what]++;
}

static K2_RC step_all(struct ingest *g, enum derive_what what, int64_t most,
                      struct derive_report *report, bool *more, struct k2_err *err) {
    for (int i = 0; i < g->derived->n[what]; i++) {
        struct derive_report one;
        bool again;
        K2_TRY(derive_step(g->derived->at[what][i], most, &one, &again, err));
        report->records += one.records;
        report->rows += one.rows;
        *more |= again;
    }
    return K2_OK;
}

/* What a derivation that failed has gathered must not be written: the ingest is spent. */
int ingest_derive(struct ingest *g, enum derive_what what, const struct derive_past *past,
                  int64_t most, struct derive_report *report, bool *more, struct k2_err *err) {
    struct search s = {.ingest = g, .what = what, .past = past};
    struct k2_err why = {0};
    *report = (struct derive_report){0};
    *more = false;
    K2_TRY(ingest_commit(g, err));
    if (!g->derived)
        g->derived = k2_zalloc(sizeof *g->derived);
    K2_TRY(derive_exchanges(g->journal, what, open_one, &s, err));
    if (s.rc != K2_OK)
        return k2_fail(err, s.rc, "%s", s.why.msg);
    return ingest_spent(g, step_all(g, what, most, report, more, &why), &why, err);
}

void ingest_derive_close(struct ingest *g) {
    for (int what = 0; g->derived && what < DERIVE_COUNT; what++)
        for (int i = 0; i < g->derived->n[what]; i++) {
            derive_close(g->derived->at[what][i]);
            free(g->derived->names[what][i]);
        }
    free(g->derived);
}
