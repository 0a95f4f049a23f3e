/* verb/init.c - `k2 init`: journal and tables of a data directory, made if they are missing. */
#include "verb/listing.h"
#include "verb/verbs.h"

static int make_journal(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_WRITE, &j, err));
    journal_close(j);
    return K2_OK;
}

static int make_tables(struct lake *l, struct k2_err *err) {
    for (int i = 0; i < K2_KIND_COUNT; i++) { /* who asks for them gets all */
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        K2_TRY_CTX(lake_table_ensure(l, kind, err), err, "table %s", kind->table);
    }
    return K2_OK;
}

static int list_tables(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {{"table", NULL}, {"holds", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 2, &l, err));
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        struct k2_buf name = {0};
        k2_buf_printf(&name, "%s.%s", LAKE_NAMESPACE, kind->table);
        listing_text(l, k2_buf_view(&name));
        k2_buf_free(&name);
        listing_cstring(l, kind->meaning);
    }
    return listing_close(l, err);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct lake *l;
    K2_TRY(make_journal(c, err));
    K2_TRY(lake_open(c->data, true, &l, err));
    int rc = make_tables(l, err);
    lake_close(l);
    K2_TRY(rc);
    verb_note(c, "%s is ready", c->data);
    return list_tables(c, err);
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 init", "k2 init --data ./other", NULL};

const struct verb verb_init = {
    .name = "init",
    .summary = "make journal and tables in the data directory",
    .usage = "",
    .about = "What is there already stays as it is. The other commands do the same on first use.",
    .options = options,
    .examples = examples,
    .run = run,
};
