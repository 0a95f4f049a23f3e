/* verb/tail.c - `k2 topic tail`: records of a topic as JSON lines. */
#include "verb/records.h"
#include "verb/signals.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <inttypes.h>
#include <stdlib.h>

extern const struct verb verb_topic_tail;

#define POLL_NS (200 * K2_NS_PER_MS)
#define RETRY_NS K2_NS_PER_SEC

struct run {
    struct verb_context *c;
    struct journal *journal;
    struct journal_topic *topics; /* the versions of the topic, or the one that is named */
    int topic_count;
    bool all_versions;
    int32_t only;               /* this partition, as rows have it; -1 = all */
    struct journal_span *spans; /* one of each partition that is asked for */
    int n;
    int64_t *
        done; /* by partition as rows have it: behind the last record that was printed; 0 = none was */
    int32_t done_count;
    int64_t left; /* records still to print; -1 = all */
    bool keys;
    struct k2_buf line;
};

static void put_head(const struct run *r, const struct record *rec, struct k2_buf *line) {
    char time[K2_TIME_TEXT];
    k2_time_format(rec->append_ns, time);
    k2_buf_printf(line, "{\"partition\":%d,\"offset\":%" PRId64 ",\"appended\":\"%s\"",
                  rec->partition, rec->offset, time);
    if (r->keys) {
        k2_buf_str(line, ",\"key\":");
        event_json_string(line, rec->key);
    }
}

/* What cannot be decoded is at least measured, and says why. */
static void put_own(const struct run *r, const struct record *rec, struct k2_buf *line) {
    struct k2_buf value = {0};
    struct k2_err why = {0};
    if (own_json(r->journal, rec->value, &value, &why) == K2_OK) {
        k2_buf_str(line, ",\"value\":");
        k2_buf_sv(line, k2_buf_view(&value));
    } else {
        k2_buf_printf(line, ",\"bytes\":%zu,\"unreadable\":", rec->value.n);
        event_json_string(line, k2_sv_of(why.msg));
    }
    k2_buf_free(&value);
}

static int print_record(void *ctx, const struct record *rec, bool *stop, struct k2_err *err) {
    struct run *r = ctx;
    (void)err;
    if (r->left == 0) {
        *stop = true;
        return K2_OK;
    }
    r->line.n = 0;
    put_head(r, rec, &r->line);
    if (rec->event) {
        k2_buf_str(&r->line, ",\"value\":");
        event_json(rec->event, rec->in, &r->line);
    } else {
        put_own(r, rec, &r->line);
    }
    k2_buf_str(&r->line, "}\n");
    fwrite(r->line.p, 1, r->line.n, stdout);
    r->done[rec->partition] = rec->offset + 1;
    r->left -= r->left > 0;
    *stop = r->left == 0 || signals_pipe_closed();
    return K2_OK;
}

/* --- where to begin --- */

static int read_partition(struct run *r, struct k2_err *err) {
    const struct journal_topic *first = &r->topics[0], *last = &r->topics[r->topic_count - 1];
    int64_t n;
    const char *word = verb_value(r->c, "partition");
    r->only = -1;
    if (!word)
        return K2_OK;
    K2_TRY(words_count("partition", word, 0, &n, err));
    if (n < first->first || n >= last->first + last->partitions)
        return k2_fail(err, K2_E_USAGE, "%s has the partitions %d to %d, not %s", first->name,
                       first->first, last->first + last->partitions - 1, word);
    r->only = (int32_t)n;
    return K2_OK;
}

/* Without a word it would look as if the topic held nothing. */
static void note_beyond(const struct run *r) {
    const char *word = verb_value(r->c, "from");
    int64_t number, last = 0;
    for (int i = 0; i < r->n; i++) {
        if (r->spans[i].from < r->spans[i].to)
            return;
        last = r->spans[i].to > last ? r->spans[i].to : last;
    }
    if (k2_sv_i64(k2_sv_of(word), &number) && number > last)
        verb_note(r->c, "%s ends at offset %lld, before --from %s", r->topics[0].name,
                  (long long)last, word);
}

static void make_room(struct run *r, const struct journal_topic *t) {
    int32_t n = t->first + t->partitions;
    if (n <= r->done_count)
        return;
    r->done = k2_realloc(r->done, (size_t)n * sizeof *r->done);
    memset(r->done + r->done_count, 0, (size_t)(n - r->done_count) * sizeof *r->done);
    r->done_count = n;
}

/* room: three offsets for each partition. */
static int add_topic(struct run *r, const struct journal_topic *t, const char *from, int64_t *room,
                     struct k2_err *err) {
    int64_t *starts = room, *ends = starts + t->partitions, *at = ends + t->partitions;
    K2_TRY(journal_starts(r->journal, t->id, starts, err));
    K2_TRY(journal_ends(r->journal, t->id, ends, err));
    K2_TRY(records_offsets(r->c, r->journal, t, "from", from, starts, ends, at, err));
    make_room(r, t);
    for (int32_t p = 0; p < t->partitions; p++) {
        if (r->only >= 0 && r->only != t->first + p)
            continue;
        r->spans = k2_realloc(r->spans, (size_t)(r->n + 1) * sizeof *r->spans);
        r->spans[r->n++] = (struct journal_span){t->id, p, at[p], ends[p]};
    }
    return K2_OK;
}

/* The newest version first: what its end holds was appended after everything of those before. */
static int add_topics(struct run *r, int begin, const char *from, struct k2_err *err) {
    for (int i = r->topic_count - 1; i >= begin; i--) {
        int64_t *room = k2_zalloc(3 * (size_t)r->topics[i].partitions * sizeof *room);
        int rc = add_topic(r, &r->topics[i], from, room, err);
        free(room);
        K2_TRY(rc);
    }
    return K2_OK;
}

/* --- printing and following --- */

/* What may pass by itself, such as a registry that is away when a schema is new, ends nobody who follows. */
static bool may_pass(const struct run *r, int rc, const struct k2_err *err, bool *told) {
    if (rc == K2_OK || !err->retriable || !verb_flag(r->c, "follow"))
        return false;
    if (!*told)
        verb_note(r->c, "waits: %s", err->msg);
    *told = true;
    return true;
}

/* Behind what was printed. */
static void step_over(struct run *r) {
    for (int i = 0; i < r->n; i++) {
        struct journal_span *s = &r->spans[i];
        int64_t done = r->done[journal_topic_at(r->journal, s->topic).first + s->partition];
        s->from = done > s->from ? done : s->from;
    }
}

static int print_spans(struct run *r, struct k2_err *err) {
    bool told = false;
    int rc;
    while (may_pass(
        r, rc = records_visit(r->journal, &r->topics[0], r->spans, r->n, print_record, r, err), err,
        &told)) {
        fflush(stdout);
        if (signals_sleep(RETRY_NS))
            return K2_OK;
        k2_err_clear(err);
        step_over(r);
    }
    return rc;
}

static int move_on(struct run *r, const struct journal_topic *t, struct k2_err *err) {
    int64_t *ends = k2_zalloc((size_t)t->partitions * sizeof *ends);
    int rc = journal_ends(r->journal, t->id, ends, err);
    for (int i = 0; rc == K2_OK && i < r->n; i++) {
        if (r->spans[i].topic != t->id)
            continue;
        r->spans[i].from = r->spans[i].to;
        r->spans[i].to = ends[r->spans[i].partition];
    }
    free(ends);
    return rc;
}

static int move_all_on(struct run *r, int known, struct k2_err *err) {
    K2_TRY(add_topics(r, known, "start", err));
    for (int i = known - 1; i >= 0; i--)
        K2_TRY(move_on(r, &r->topics[i], err));
    return K2_OK;
}

/* A version that was made meanwhile is followed from its beginning. */
static int take_more(struct run *r, struct k2_err *err) {
    struct journal_topic *now;
    int n, known = r->topic_count;
    if (r->all_versions) {
        K2_TRY(journal_versions(r->journal, r->topics[0].of, &now, &n, err));
        free(r->topics);
        r->topics = now;
        r->topic_count = n;
    }
    return move_all_on(r, known, err);
}

static int follow(struct run *r, struct k2_err *err) {
    while (r->left != 0 && !signals_pipe_closed() && !signals_sleep(0)) {
        journal_wait(r->journal, POLL_NS);
        K2_TRY(take_more(r, err));
        K2_TRY(print_spans(r, err));
        fflush(stdout);
    }
    return K2_OK;
}

static int tail(struct run *r, struct k2_err *err) {
    K2_TRY(read_partition(r, err));
    K2_TRY(add_topics(r, 0, verb_value(r->c, "from"), err));
    note_beyond(r);
    K2_TRY(print_spans(r, err));
    if (!verb_flag(r->c, "follow"))
        return K2_OK;
    fflush(stdout);
    return follow(r, err);
}

/* The name of a topic is that of all its versions; that of a later version names it alone. */
static int find_topics(struct run *r, struct k2_err *err) {
    struct journal_topic t;
    K2_TRY(records_topic(r->journal, r->c->args[0], &t, err));
    r->all_versions = t.version == 1;
    if (r->all_versions)
        return journal_versions(r->journal, t.of, &r->topics, &r->topic_count, err);
    r->topics = k2_alloc(sizeof t);
    r->topics[0] = t;
    r->topic_count = 1;
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c, .left = -1, .keys = verb_flag(c, "keys")};
    const char *count = verb_value(c, "count");
    if (count)
        K2_TRY(words_count("count", count, 0, &r.left, err));
    if (verb_flag(c, "follow"))
        signals_hold();
    K2_TRY(verb_journal(c, JOURNAL_READ, &r.journal, err));
    int rc = find_topics(&r, err);
    if (rc == K2_OK)
        rc = tail(&r, err);
    k2_buf_free(&r.line);
    free(r.done);
    free(r.spans);
    free(r.topics);
    journal_close(r.journal);
    return rc;
}

static const struct verb_option options[] = {
    {"from", "WHERE", "-10", "start, end, an OFFSET, a TIME, or -N: the last N of each partition",
     NULL, 'o'},
    {"count", "N", NULL, "end after N records", NULL, 'n'},
    {"partition", "P", NULL, "only this one, as rows number it", NULL, 'p'},
    {"keys", NULL, NULL, "print the records' keys too", NULL, 0},
    {"follow", NULL, NULL, "wait for more, until SIGINT or SIGTERM", NULL, 'f'},
    {0}};

static const char *const examples[] = {
    "k2 topic tail market.ticks.sim",
    "k2 topic tail market.ticks.sim --from start --count 3 --partition 0 --keys",
    "k2 topic tail market.ticks.sim --from -1h --count 5",
    "k2 topic tail k2.sources",
    NULL,
};

const struct verb verb_topic_tail = {
    .name = "tail",
    .summary = "records of a topic, one JSON object a line",
    .usage = "TOPIC",
    .options = options,
    .examples = examples,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
