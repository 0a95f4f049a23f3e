/* verb/quarantine.c - `k2 quarantine list` and `show`: records that were refused or conflict.
 *
 * They are read from the journal, so what was refused a moment ago is shown before any sink ran. A
 * record is named by its place there: EXCHANGE/PARTITION/OFFSET.
 */
#include "verb/listing.h"
#include "verb/records.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

struct run {
    struct verb_context *c;
    struct journal *journal;
    struct listing *list;
    int64_t left;
};

/* "ASX" from "market.quarantine.asx". */
static void put_exchange(struct k2_buf *out, const char *topic) {
    const char *dot = strrchr(topic, '.');
    for (const char *p = dot ? dot + 1 : topic; *p; p++)
        k2_buf_byte(out, (uint8_t)toupper((unsigned char)*p));
}

static void put_id(struct listing *l, const struct record *r) {
    struct k2_buf id = {0};
    put_exchange(&id, r->topic->name);
    k2_buf_printf(&id, "/%d/%" PRId64, r->partition, r->offset);
    listing_text(l, k2_buf_view(&id));
    k2_buf_free(&id);
}

static void put_string(struct listing *l, const struct k2_interner *in, uint32_t id) {
    if (id == 0)
        listing_null(l);
    else
        listing_text(l, k2_interned(in, id));
}

static bool wanted(const struct run *r, const struct record *rec) {
    const char *reason = verb_value(r->c, "reason");
    return !reason ||
           k2_sv_eq(k2_interned(rec->in, rec->event->quarantine.reason), k2_sv_of(reason));
}

static int put_record(void *ctx, const struct record *rec, bool *stop, struct k2_err *err) {
    struct run *r = ctx;
    const struct k2_quarantine *q = &rec->event->quarantine;
    (void)err;
    if (r->left == 0) {
        *stop = true;
        return K2_OK;
    }
    if (!wanted(r, rec))
        return K2_OK;
    put_id(r->list, rec);
    listing_time(r->list, q->exchange_timestamp_ns);
    put_string(r->list, rec->in, q->symbol);
    put_string(r->list, rec->in, q->reason);
    put_string(r->list, rec->in, q->detail);
    put_string(r->list, rec->in, q->channel);
    listing_number(r->list, q->exchange_sequence_number);
    r->left--;
    *stop = r->left == 0;
    return K2_OK;
}

/* One span for each partition of a topic, all that it keeps. */
static int whole_topic(struct journal *j, const struct journal_topic *t, struct journal_span **out,
                       struct k2_err *err) {
    int64_t *starts = k2_zalloc((size_t)t->partitions * sizeof *starts);
    int rc = journal_starts(j, t->id, starts, err);
    *out = NULL;
    if (rc == K2_OK) {
        *out = k2_zalloc((size_t)t->partitions * sizeof **out);
        for (int32_t p = 0; p < t->partitions; p++)
            (*out)[p] = (struct journal_span){t->id, p, starts[p], INT64_MAX};
    }
    free(starts);
    return rc;
}

static int list_topic(struct run *r, const struct journal_topic *t, struct k2_err *err) {
    struct journal_span *spans;
    K2_TRY(whole_topic(r->journal, t, &spans, err));
    int rc = records_visit(r->journal, t, spans, t->partitions, put_record, r, err);
    free(spans);
    return rc;
}

static bool is_quarantine(const struct journal_topic *t, const char *exchange) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    const char *dot = strrchr(t->name, '.');
    return kind && kind->id == K2_KIND_QUARANTINE &&
           (!exchange || strcasecmp(dot ? dot + 1 : t->name, exchange) == 0);
}

static int list_topics(struct run *r, struct k2_err *err) {
    for (int32_t i = 0; i < journal_topic_count(r->journal); i++) {
        struct journal_topic t = journal_topic_at(r->journal, i);
        if (is_quarantine(&t, verb_value(r->c, "exchange")))
            K2_TRY(list_topic(r, &t, err));
    }
    return K2_OK;
}

static int list_all(struct run *r, struct k2_err *err) {
    static const struct listing_column columns[] = {{"id", NULL},      {"refused", "refused (UTC)"},
                                                    {"symbol", NULL},  {"reason", NULL},
                                                    {"detail", NULL},  {"source", NULL},
                                                    {"position", NULL}};
    K2_TRY(words_count("limit", verb_value(r->c, "limit"), 1, &r->left, err));
    K2_TRY(listing_open(r->c, columns, 7, &r->list, err));
    int rc = list_topics(r, err);
    if (rc != K2_OK) {
        listing_drop(r->list);
        return rc;
    }
    if (r->left == 0)
        verb_note(r->c, "the first %s are shown; --limit shows more", verb_value(r->c, "limit"));
    return listing_close(r->list, err);
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    K2_TRY(verb_journal(c, JOURNAL_READ, &r.journal, err));
    int rc = list_all(&r, err);
    journal_close(r.journal);
    return rc;
}

/* --- show --- */

struct shown {
    bool raw, found;
};

static int print_one(void *ctx, const struct record *rec, bool *stop, struct k2_err *err) {
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

/* EXCHANGE/PARTITION/OFFSET */
static int find_place(struct journal *j, const char *id, struct journal_topic *t,
                      struct journal_span *span, struct k2_err *err) {
    struct k2_sv rest = k2_sv_of(id);
    struct k2_sv exchange = k2_sv_split(&rest, '/');
    int64_t partition, offset;
    if (!k2_sv_i64(k2_sv_split(&rest, '/'), &partition) || !k2_sv_i64(rest, &offset))
        return k2_fail(err, K2_E_USAGE,
                       "an ID is EXCHANGE/PARTITION/OFFSET as k2 quarantine list "
                       "prints it, not '%s'",
                       id);
    struct k2_buf name = {0};
    k2_topic_name(k2_kind(K2_KIND_QUARANTINE), exchange, &name);
    int rc = journal_topic(j, k2_buf_view(&name), false, t, err);
    k2_buf_free(&name);
    if (rc != K2_OK || partition < 0 || partition >= t->partitions || offset < 0)
        return k2_fail(err, K2_E_NOTFOUND, "there is no record %s in quarantine", id);
    *span = (struct journal_span){t->id, (int32_t)partition, offset, offset + 1};
    return K2_OK;
}

static int show_one(struct verb_context *c, struct journal *j, struct k2_err *err) {
    struct journal_topic t;
    struct journal_span span;
    struct shown s = {.raw = verb_flag(c, "raw")};
    K2_TRY(find_place(j, c->args[0], &t, &span, err));
    K2_TRY(records_visit(j, &t, &span, 1, print_one, &s, err));
    if (!s.found)
        return k2_fail(err, K2_E_NOTFOUND, "there is no record %s in quarantine", c->args[0]);
    return K2_OK;
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = show_one(c, j, err);
    journal_close(j);
    return rc;
}

static const struct verb_option list_options[] = {
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"reason", "REASON", NULL, "only these: CONFLICT, MALFORMED, RANGE", NULL, 0},
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

static const struct verb *const subs[] = {&list, &show, NULL};

const struct verb verb_quarantine = {
    .name = "quarantine",
    .summary = "records that were refused or conflict",
    .usage = "list|show",
    .options = list_options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
