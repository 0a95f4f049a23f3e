/* verb/records.c - see records.h. */
#include "verb/records.h"
#include "verb/words.h"

struct walk {
    struct journal_reader *reader;
    struct k2_decoder *decoder; /* NULL: values that are not events */
    struct k2_interner *in;
    struct k2_event event; /* the last one decoded */
    K2_RC (*visit)(void *ctx, const struct record *r, bool *stop, struct k2_err *err);
    void *ctx;
    bool stop;
};

static int visit_one(struct walk *w, struct record *r, struct k2_err *err) {
    if (w->decoder) {
        K2_TRY_CTX(k2_decode(w->decoder, r->value, &w->event, err), err,
                   "%s partition %d offset %lld", r->topic->name, r->partition,
                   (long long)r->offset);
        r->event = &w->event;
    }
    return w->visit(w->ctx, r, &w->stop, err);
}

static int visit_batch(struct walk *w, const struct journal_topic *t, const struct journal_batch *b,
                       struct k2_err *err) {
    struct journal_record from;
    size_t cursor = 0;
    while (!w->stop && journal_batch_next(b, &cursor, &from)) {
        struct record r = {.topic = t,
                           .partition = b->row_partition,
                           .offset = from.offset,
                           .append_ns = b->append_ns,
                           .key = from.key,
                           .value = from.value,
                           .in = w->in};
        K2_TRY(visit_one(w, &r, err));
    }
    k2_interner_reset(w->in);
    return K2_OK;
}

static int visit_all(struct walk *w, const struct journal_topic *t, struct k2_err *err) {
    while (!w->stop) {
        struct journal_batch batch;
        int got = journal_next(w->reader, &batch, err);
        if (got <= 0)
            return got;
        K2_TRY(visit_batch(w, t, &batch, err));
    }
    return K2_OK;
}

int records_visit(struct journal *j, const struct journal_topic *t,
                  const struct journal_span *spans, int n,
                  K2_RC (*visit)(void *ctx, const struct record *r, bool *stop, struct k2_err *err),
                  void *ctx, struct k2_err *err) {
    struct walk w = {.visit = visit, .ctx = ctx};
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    K2_TRY(journal_read(j, spans, n, &w.reader, err));
    w.in = k2_interner_new();
    if (kind)
        w.decoder = k2_decoder_new(kind, w.in, k2_registry_source(journal_registry(j)));
    int rc = visit_all(&w, t, err);
    if (w.decoder)
        k2_decoder_free(w.decoder);
    k2_interner_free(w.in);
    journal_reader_close(w.reader);
    return rc;
}

int records_topic(struct journal *j, const char *name, struct journal_topic *out,
                  struct k2_err *err) {
    if (journal_topic(j, k2_sv_of(name), false, out, NULL) == K2_OK)
        return K2_OK;
    const char *names[256];
    int n = 0;
    for (; n < journal_topic_count(j) && n < 256; n++)
        names[n] = journal_topic_at(j, n).name;
    const char *best = k2_nearest(name, names, n);
    return k2_fail(err, K2_E_NOTFOUND, "there is no topic '%s'%s%s%s", name,
                   best ? "; did you mean " : "; k2 topic list names them", best ? best : "",
                   best ? "?" : "");
}

/* --- a place by a word --- */

static int64_t within(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

/* Ours first, then those of Kafka's tools. */
static const char *const start_words[] = {"start", "beginning", "earliest", NULL};
static const char *const end_words[] = {"end", "latest", NULL};

static bool is_one_of(struct k2_sv word, const char *const *words) {
    for (; *words; words++) {
        if (k2_sv_eq(word, k2_sv_of(*words)))
            return true;
    }
    return false;
}

int records_offsets(const struct verb_context *c, struct journal *j, const struct journal_topic *t,
                    const char *option, const char *word, const int64_t *starts,
                    const int64_t *ends, int64_t *from, struct k2_err *err) {
    struct k2_sv text = k2_sv_of(word);
    int64_t number, ns;
    bool counted = k2_sv_i64(text, &number);
    bool start = is_one_of(text, start_words);
    for (int32_t p = 0; p < t->partitions; p++) {
        if (start)
            from[p] = starts[p];
        else if (counted && number < 0)
            from[p] = within(ends[p] + number, starts[p], ends[p]);
        else if (counted)
            from[p] = within(number, starts[p], ends[p]);
        else
            from[p] = ends[p];
    }
    if (counted || start || is_one_of(text, end_words))
        return K2_OK;
    K2_TRY(words_time(c, option, word, NULL, &ns, err));
    K2_TRY(journal_ends_at(j, t->id, ns, from, err));
    for (int32_t p = 0; p < t->partitions; p++)
        from[p] = within(from[p], starts[p], ends[p]); /* older records may be gone */
    return K2_OK;
}
