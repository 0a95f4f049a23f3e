/* verb/quarantine_retry.c - `k2 quarantine retry`: refused records through their decoder once more.
 *
 * First all records that are meant are read, and which of them were retried before; then each goes to the writer
 * (journal/ingest.h, ingest_retry). What is accepted gets a record that says so; nothing is ever rewritten.
 */
#include "verb/quarantine.h"

#include "role/role.h"
#include "verb/listing.h"
#include "verb/mapping.h"

#include "base/fs.h"

#include <inttypes.h>
#include <stdlib.h>

enum { HEAD = 64 << 10 };

struct item { /* a record; its strings are of the run's interner */
    char *id;
    uint32_t message_id, exchange, symbol, source, raw, channel;
    int32_t date, epoch;
    int64_t position, offset, sequence;
};

struct run {
    struct verb_context *c;
    struct k2_interner *in, *retried; /* retried: message_ids */
    struct item *all;
    size_t n, cap;
    int32_t journal;
    struct k2_buf mapping;
    const struct feed_ops *format; /* NULL: told from the source */
    const struct feed_ops *
        *read_as; /* of the string ids of sources: what their records say; NULL: nothing */
    size_t sources;
    struct listing *list;
    int64_t accepted, known, refused;
};

/* --- what is meant --- */

static bool is_named(const struct run *r, const struct k2_buf *id) {
    for (int i = 0; i < r->c->arg_count; i++)
        if (k2_sv_eq(k2_buf_view(id), k2_sv_of(r->c->args[i])))
            return true;
    return r->c->arg_count == 0;
}

static bool is_meant(const struct run *r, const struct refused *rec, const struct k2_buf *id) {
    const char *reason = verb_value(r->c, "reason"), *exchange = verb_value(r->c, "exchange");
    const struct k2_quarantine *q = &rec->event->quarantine;
    if (reason && !k2_sv_eq(k2_interned(rec->in, q->reason), k2_sv_of(reason)))
        return false;
    if (exchange && !k2_sv_eq(k2_interned(rec->in, q->exchange), k2_sv_of(exchange)))
        return false;
    return is_named(r, id);
}

static uint32_t keep(struct run *r, const struct refused *rec, uint32_t text) {
    return text ? k2_intern(r->in, k2_interned(rec->in, text)) : 0;
}

static void add(struct run *r, const struct refused *rec, struct k2_buf *id) {
    const struct k2_quarantine *q = &rec->event->quarantine;
    struct k2_buf name = {0};
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->all = k2_realloc(r->all, r->cap * sizeof *r->all);
    }
    k2_message_id(rec->event, rec->in, &name);
    r->all[r->n++] =
        (struct item){.id = k2_strdup(k2_buf_cstr(id)),
                      .message_id = k2_intern(r->in, k2_buf_view(&name)),
                      .exchange = keep(r, rec, q->exchange),
                      .symbol = keep(r, rec, q->symbol),
                      .source = keep(r, rec, q->channel),
                      .raw = keep(r, rec, q->raw),
                      .channel = keep(r, rec, q->event_channel),
                      .date = q->trade_date ? q->trade_date : INT32_MIN,
                      .epoch = q->event_epoch == K2_NULL_LONG ? 0 : (int32_t)q->event_epoch,
                      .position = q->exchange_sequence_number,
                      .offset = q->raw_offset,
                      .sequence = q->event_sequence};
    k2_buf_free(&name);
}

static int take_record(void *ctx, const struct refused *rec, bool *stop, struct k2_err *err) {
    struct run *r = ctx;
    struct k2_buf id = {0};
    (void)stop;
    (void)err;
    quarantine_put_id(rec, r->journal, &id);
    if (quarantine_is_mark(rec))
        (void)k2_intern(r->retried, k2_interned(rec->in, rec->event->quarantine.conflicts_with));
    else if (is_meant(r, rec, &id))
        add(r, rec, &id);
    k2_buf_free(&id);
    return K2_OK;
}

/* --- how it is decoded --- */

/* A mapping is not in the record, so its format alone says nothing. */
static void take_source(void *ctx, const struct source_record *s, int64_t append_ns) {
    struct run *r = ctx;
    uint32_t id = k2_intern_find(r->in, s->path);
    (void)append_ns;
    /* Many things came under the name of standard input. */
    if (id && id < r->sources && !k2_sv_eq(s->format, K2_SV("mapped")) &&
        !k2_sv_eq(s->path, K2_SV("-")))
        r->read_as[id] = feed_find(s->format);
}

static K2_RC read_sources(struct run *r, struct k2_err *err) {
    struct journal *j = NULL;
    r->sources = (size_t)k2_interner_count(r->in) + 1;
    r->read_as = k2_zalloc(r->sources * sizeof(const struct feed_ops *));
    int rc = verb_journal(r->c, JOURNAL_READ, &j, err);
    if (rc == K2_E_NOTFOUND) { /* there are only tables */
        k2_err_clear(err);
        return K2_OK;
    }
    K2_TRY(rc);
    rc = source_records(j, take_source, r, err);
    journal_close(j);
    return rc;
}

/* The source's first line is what formats with column names want before any record. */
static const struct feed_ops *format_of(const struct run *r, const struct item *i,
                                        struct k2_buf *header) {
    struct k2_sv source = k2_interned(r->in, i->source), raw = k2_interned(r->in, i->raw);
    char *path = k2_sv_dup(source);
    const char *slash = strrchr(path, '/');
    struct k2_sv name = k2_sv_of(slash ? slash + 1 : path);
    struct k2_buf head = {0};
    const struct feed_ops *format = r->format ? r->format : r->read_as[i->source];
    struct stat st;
    bool there = feed_file_stat(path, &st) && S_ISREG(st.st_mode) &&
                 feed_file_head(path, HEAD, &head, NULL) == K2_OK;
    if (!format)
        format = feed_detect(name, there ? k2_buf_view(&head) : raw);
    const uint8_t *end = there && head.n ? memchr(head.p, '\n', head.n) : NULL;
    if (end && format && format->ordinal && i->position > 1)
        k2_buf_put(header, head.p, (size_t)(end - head.p) + 1);
    k2_buf_free(&head);
    free(path);
    return format;
}

static struct request_retry request_of(const struct run *r, const struct item *i,
                                       const struct feed_ops *format, const struct k2_buf *header) {
    return (struct request_retry){.format = format->name,
                                  .record = {.feed = format,
                                             .calendar = verb_value(r->c, "calendar"),
                                             .mapping = k2_buf_view(&r->mapping),
                                             .header = k2_buf_view(header),
                                             .id = k2_interned(r->in, i->message_id),
                                             .exchange = k2_interned(r->in, i->exchange),
                                             .symbol = k2_interned(r->in, i->symbol),
                                             .source = k2_interned(r->in, i->source),
                                             .raw = k2_interned(r->in, i->raw),
                                             .date = i->date,
                                             .position = i->position,
                                             .offset = i->offset,
                                             .channel = k2_interned(r->in, i->channel),
                                             .sequence = i->sequence,
                                             .epoch = i->epoch}};
}

/* --- the work --- */

static void put_line(struct run *r, const struct item *i, const char *outcome,
                     const struct k2_buf *why) {
    listing_cstring(r->list, i->id);
    listing_cstring(r->list, outcome);
    if (why->n > 0)
        listing_text(r->list, k2_buf_view(why));
    else
        listing_null(r->list);
}

static K2_RC retry_one(struct run *r, struct role_writer *w, const struct item *i,
                       struct k2_err *err) {
    static const char *const words[] = {"accepted", "was there", "refused"};
    struct k2_buf header = {0}, why = {0};
    enum ingest_retried outcome = INGEST_RETRY_REFUSED;
    const struct feed_ops *format = format_of(r, i, &header);
    int rc = K2_OK;
    if (k2_intern_find(r->retried, k2_interned(r->in, i->message_id))) {
        outcome = INGEST_RETRY_KNOWN;
        k2_buf_str(&why, "it was retried before");
    } else if (!format) {
        k2_buf_str(&why, "its format is not known; --format-of or --mapping names it");
    } else {
        struct request_retry request = request_of(r, i, format, &header);
        rc = role_writer_retry(w, &request, &outcome, &why, err);
    }
    r->accepted += outcome == INGEST_RETRY_ACCEPTED;
    r->known += outcome == INGEST_RETRY_KNOWN;
    r->refused += outcome == INGEST_RETRY_REFUSED;
    if (rc == K2_OK)
        put_line(r, i, words[outcome], &why);
    k2_buf_free(&header);
    k2_buf_free(&why);
    return rc;
}

static K2_RC retry_all(struct run *r, struct k2_err *err) {
    const struct role_writer_options o = {.command = r->c->name};
    struct role_writer *w = NULL;
    int rc = role_writer_open(r->c->data, r->c->config, &o, &w, err);
    for (size_t i = 0; rc == K2_OK && i < r->n; i++)
        rc = retry_one(r, w, &r->all[i], err);
    if (rc == K2_OK)
        rc = role_writer_flush(w, err);
    role_writer_close(w);
    return rc;
}

static K2_RC read_options(struct run *r, struct k2_err *err) {
    const char *mapping = verb_value(r->c, "mapping"), *format = verb_value(r->c, "format-of");
    bool some = r->c->arg_count > 0 || verb_value(r->c, "reason") || verb_flag(r->c, "all");
    if (!some)
        return k2_fail(err, K2_E_USAGE, "which ones? ID..., --reason REASON or --all");
    if (mapping)
        K2_TRY(verb_mapping_read(mapping, &r->mapping, &r->format, err));
    if (format)
        r->format = feed_find(k2_sv_of(format));
    if (format && !r->format)
        return k2_fail(err, K2_E_USAGE, "there is no format '%s'; k2 feed list names them", format);
    return K2_OK;
}

static K2_RC work(struct run *r, struct k2_err *err) {
    static const struct listing_column columns[] = {{"id", NULL}, {"outcome", NULL}, {"why", NULL}};
    const struct refused_filter everything = {0};
    K2_TRY(read_options(r, err));
    K2_TRY(quarantine_visit(r->c, &everything, &r->journal, take_record, r, err));
    if (r->c->arg_count > 0 && r->n < (size_t)r->c->arg_count)
        return k2_fail(err, K2_E_NOTFOUND,
                       "not all of these are in quarantine; k2 quarantine "
                       "list names what is");
    K2_TRY(read_sources(r, err));
    K2_TRY(listing_open(r->c, columns, 3, &r->list, err));
    int rc = retry_all(r, err);
    if (rc != K2_OK) {
        listing_drop(r->list);
        return rc;
    }
    K2_TRY(listing_close(r->list, err));
    verb_note(r->c,
              "%" PRId64 " accepted, %" PRId64 " were there already, %" PRId64 " refused still",
              r->accepted, r->known, r->refused);
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c, .in = k2_interner_new(), .retried = k2_interner_new()};
    int rc = work(&r, err);
    for (size_t i = 0; i < r.n; i++)
        free(r.all[i].id);
    free(r.all);
    free(r.read_as);
    k2_buf_free(&r.mapping);
    k2_interner_free(r.in);
    k2_interner_free(r.retried);
    return rc;
}

static const struct verb_option options[] = {
    {"all", NULL, NULL, "all of them", NULL, 0},
    {"reason", "REASON", NULL, "only those that were refused for it", k2_reasons, 0},
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"format-of", "FORMAT", NULL, "the records' format [told from their source]", NULL, 0},
    {"mapping", "FILE", NULL, "the mapping that their source needs: docs/mapping.md", NULL, 0},
    {"calendar", "NAME", NULL, "calendar of the session dates [the exchange's own]", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {"k2 quarantine retry --all",
                                       "k2 quarantine retry --reason MALFORMED --format csv", NULL};

const struct verb quarantine_retry = {
    .name = "retry",
    .summary = "decode refused records again, with a newer k2, calendar or mapping",
    .usage = "ID...|--reason REASON|--all",
    .about =
        "The bytes of each record go through the decoder of its format again. What is an event now "
        "is\n"
        "appended with the number that it had used up; a record of reason RETRIED says so, and the "
        "old\n"
        "one stays as it is. What is refused still, or was retried before, changes nothing. A "
        "record "
        "that\n"
        "means nothing without the packet around it is refused still: k2 ingest its source again, "
        "which\n"
        "adds what it lacked.",
    .options = options,
    .examples = examples,
    .max_args = -1,
    .run = run,
};
