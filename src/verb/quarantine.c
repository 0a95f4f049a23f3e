/* verb/quarantine.c - `k2 quarantine list` and `show`: records that were refused or conflict. The same record
 * decoded again: quarantine_retry.c.
 *
 * They come from the table and, beyond what it holds, from the journal: what was refused a moment ago is
 * shown before any sink ran, and what retention removed is shown still. A record is named by its place:
 * EXCHANGE/PARTITION/OFFSET, with @JOURNAL behind it when that is not the present journal.
 */
#include "verb/quarantine.h"

#include "verb/listing.h"
#include "verb/records.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <inttypes.h>
#include <stdlib.h>

int quarantine_visit(struct verb_context *c, const struct refused_filter *filter, int32_t *journal,
                     K2_RC (*each)(void *ctx, const struct refused *r, bool *stop,
                                   struct k2_err *err),
                     void *ctx, struct k2_err *err) {
    struct journal *j = NULL;
    const struct query_options o = {
        .threads = (int)k2_config_int(c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(c->config, K2_CONFIG_query_memory_limit),
    };
    int rc = verb_journal(c, JOURNAL_READ, &j, err);
    if (rc == K2_E_NOTFOUND)
        k2_err_clear(err);
    else
        K2_TRY(rc);
    *journal = j ? journal_id(j) : 0;
    rc = refused_visit(c->data, j, &o, filter, each, ctx, err);
    journal_close(j);
    return rc;
}

/* --- list --- */

struct run {
    struct verb_context *c;
    struct listing *list;
    int32_t journal; /* the present one */
    int64_t left, rows;
    bool more;                   /* than --limit */
    struct k2_interner *retried; /* the message_ids of records that were */
};

static int see_mark(void *ctx, const struct refused *rec, bool *stop, struct k2_err *err) {
    struct run *r = ctx;
    (void)stop;
    (void)err;
    if (quarantine_is_mark(rec))
        (void)k2_intern(r->retried, k2_interned(rec->in, rec->event->quarantine.conflicts_with));
    return K2_OK;
}

static bool is_retried(const struct run *r, const struct refused *rec) {
    struct k2_buf id = {0};
    k2_message_id(rec->event, rec->in, &id);
    bool yes = k2_intern_find(r->retried, k2_buf_view(&id)) != 0;
    k2_buf_free(&id);
    return yes;
}

void quarantine_put_id(const struct refused *r, int32_t journal, struct k2_buf *out) {
    struct k2_sv exchange = k2_interned(r->in, r->event->quarantine.exchange);
    k2_buf_printf(out, "%.*s/%d/%" PRId64, K2_SV_ARG(exchange), r->partition, r->offset);
    if (r->journal != journal)
        k2_buf_printf(out, "@%d", r->journal);
}

bool quarantine_is_mark(const struct refused *r) {
    return k2_sv_eq(k2_interned(r->in, r->event->quarantine.reason), K2_SV("RETRIED"));
}

static void put_id(struct run *run, const struct refused *r) {
    struct k2_buf id = {0};
    quarantine_put_id(r, run->journal, &id);
    listing_text(run->list, k2_buf_view(&id));
    k2_buf_free(&id);
}

static void put_string(struct listing *l, const struct k2_interner *in, uint32_t id) {
    if (id == 0)
        listing_null(l);
    else
        listing_text(l, k2_interned(in, id));
}

static bool wanted(const struct run *r, const struct refused *rec) {
    const char *reason = verb_value(r->c, "reason");
    if (quarantine_is_mark(rec))
        return reason && strcmp(reason, "RETRIED") == 0;
    return !reason ||
           k2_sv_eq(k2_interned(rec->in, rec->event->quarantine.reason), k2_sv_of(reason));
}

static int put_record(void *ctx, const struct refused *rec, bool *stop, struct k2_err *err) {
    struct run *r = ctx;
    const struct k2_quarantine *q = &rec->event->quarantine;
    (void)err;
    if (!wanted(r, rec))
        return K2_OK;
    r->more = *stop = r->left == 0;
    if (r->more)
        return K2_OK;
    put_id(r, rec);
    listing_time(r->list, q->exchange_timestamp_ns);
    put_string(r->list, rec->in, q->symbol);
    put_string(r->list, rec->in, q->reason);
    put_string(r->list, rec->in, q->detail);
    put_string(r->list, rec->in, q->channel);
    listing_number(r->list, q->exchange_sequence_number);
    listing_bool(r->list, is_retried(r, rec));
    r->left--;
    r->rows++;
    return K2_OK;
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"id", NULL},       {"refused", "refused (UTC)"},
        {"symbol", NULL},   {"reason", NULL},
        {"detail", NULL},   {"source", NULL},
        {"position", NULL}, {"retried", NULL}};
    struct run r = {.c = c};
    const struct refused_filter filter = {.exchange = verb_value(c, "exchange")};
    K2_TRY(words_count("limit", verb_value(c, "limit"), 1, &r.left, err));
    K2_TRY(listing_open(c, columns, 8, &r.list, err));
    r.retried = k2_interner_new();
    int rc = quarantine_visit(c, &filter, &r.journal, see_mark, &r, err);
    if (rc == K2_OK)
        rc = quarantine_visit(c, &filter, &r.journal, put_record, &r, err);
    k2_interner_free(r.retried);
    if (rc != K2_OK) {
        listing_drop(r.list);
        return rc;
    }
    if (r.rows == 0)
        words_note_exchange(c, verb_value(c, "exchange"));
    if (r.more)
        verb_note(c, "the first %s are shown; --limit shows more", verb_value(c, "limit"));
    return listing_close(r.list, err);
}

/* --- show --- */

struct shown {
    bool raw, found;
};

static int print_one(void *ctx, const struct refused *rec, bool *stop, struct k2_err *err) {
    struct shown *s = ctx;
    (void)err;
    s->found = true;
    *stop = true;
    struct k2_sv raw = k2_interned(rec->in, rec->event->quarantine.raw);
    if (s->raw) {
        fwrite(raw.p, 1, raw.n, stdout);
        return K2_OK;
    }
    struct k2_buf text = {0};
    event_json(rec->event, rec->in, &text);
    k2_buf_byte(&text, '\n');
    fwrite(text.p, 1, text.n, stdout);
    k2_buf_free(&text);
    return K2_OK;
}

static bool take_int(struct k2_sv text, int32_t *out) {
    int64_t n;
    bool good = k2_sv_i64(text, &n) && n >= 0 && n <= INT32_MAX;
    *out = good ? (int32_t)n : 0;
    return good;
}

/* EXCHANGE/PARTITION/OFFSET[@JOURNAL]; the exchange is cut out of `id`. */
static bool take_id(char *id, struct refused_filter *out) {
    char *slash = strchr(id, '/'), *at = strchr(id, '@');
    if (!slash || slash == id || (at && at < slash))
        return false;
    *slash = 0;
    struct k2_sv rest = k2_sv_of(slash + 1);
    struct k2_sv partition = k2_sv_split(&rest, '/');
    struct k2_sv offset = k2_sv_split(&rest, '@');
    out->exchange = id;
    out->one = true;
    return take_int(partition, &out->partition) && k2_sv_i64(offset, &out->offset) &&
           out->offset >= 0 && (!at || take_int(rest, &out->journal));
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    struct shown s = {.raw = verb_flag(c, "raw")};
    struct refused_filter filter = {0};
    int32_t journal;
    char *id = k2_strdup(c->args[0]);
    int rc =
        take_id(id, &filter)
            ? quarantine_visit(c, &filter, &journal, print_one, &s, err)
            : k2_fail(err, K2_E_USAGE,
                      "an ID is EXCHANGE/PARTITION/OFFSET as k2 quarantine list prints it, not "
                      "'%s'",
                      c->args[0]);
    free(id);
    if (rc == K2_OK && !s.found)
        rc = k2_fail(err, K2_E_NOTFOUND, "there is no record %s in quarantine", c->args[0]);
    return rc;
}

static const struct verb_option list_options[] = {
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"reason", "REASON", NULL, "only these: conflict, malformed, range, invalid, retried",
     k2_reasons, 0},
    {"limit", "N", "1000", "at most so many", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const struct verb_option show_options[] = {
    {"raw", NULL, NULL, "only the bytes as they came", NULL, 0}, {0}};
static const char *const list_examples[] = {
    "k2 quarantine list", "k2 quarantine list --reason CONFLICT --format json", NULL};
static const char *const show_examples[] = {"k2 quarantine show ASX/0/0",
                                            "k2 quarantine show ASX/0/0 --raw", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "what was refused, why, and where it came from",
    .usage = "",
    .options = list_options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb show = {
    .name = "show",
    .summary = "one record in full, as JSON",
    .usage = "ID",
    .options = show_options,
    .examples = show_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

static const struct verb *const subs[] = {&list, &show, &quarantine_retry, NULL};

const struct verb verb_quarantine = {
    .name = "quarantine",
    .summary = "records that were refused or conflict",
    .usage = "list|show|retry",
    .options = list_options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
