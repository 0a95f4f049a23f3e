/* verb/tail.c - `k2 topic tail`: records of a topic as JSON lines. */
#include "verb/records.h"
#include "verb/signals.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <inttypes.h>
#include <stdlib.h>

extern const struct verb verb_topic_tail;

#define POLL_NS (200 * K2_NS_PER_MS)

struct run {
    struct verb_context *c;
    struct journal *journal;
    struct journal_topic topic;
    struct journal_span *spans; /* one of each partition that is asked for */
    int n;
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
    r->left -= r->left > 0;
    *stop = r->left == 0 || signals_pipe_closed();
    return K2_OK;
}

/* --- where to begin --- */

static int read_partition(const struct run *r, int32_t *only, struct k2_err *err) {
    int64_t n;
    const char *word = verb_value(r->c, "partition");
    *only = -1;
    if (!word)
        return K2_OK;
    K2_TRY(words_count("partition", word, 0, &n, err));
    if (n >= r->topic.partitions)
        return k2_fail(err, K2_E_USAGE, "%s has the partitions 0 to %d, not %s", r->topic.name,
                       r->topic.partitions - 1, word);
    *only = (int32_t)n;
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
        verb_note(r->c, "%s ends at offset %lld, before --from %s", r->topic.name, (long long)last,
                  word);
}

static int find_spans(struct run *r, int64_t *starts, int64_t *ends, int64_t *from,
                      struct k2_err *err) {
    int32_t only;
    K2_TRY(read_partition(r, &only, err));
    K2_TRY(journal_starts(r->journal, r->topic.id, starts, err));
    K2_TRY(journal_ends(r->journal, r->topic.id, ends, err));
    K2_TRY(records_offsets(r->c, r->journal, &r->topic, "from", verb_value(r->c, "from"), starts,
                           ends, from, err));
    r->spans = k2_zalloc((size_t)r->topic.partitions * sizeof *r->spans);
    for (int32_t p = 0; p < r->topic.partitions; p++) {
        if (only < 0 || only == p)
            r->spans[r->n++] = (struct journal_span){r->topic.id, p, from[p], ends[p]};
    }
    note_beyond(r);
    return K2_OK;
}

/* --- printing and following --- */

static int move_on(struct run *r, int64_t *ends, struct k2_err *err) {
    K2_TRY(journal_ends(r->journal, r->topic.id, ends, err));
    for (int i = 0; i < r->n; i++) {
        r->spans[i].from = r->spans[i].to;
        r->spans[i].to = ends[r->spans[i].partition];
    }
    return K2_OK;
}

static int follow(struct run *r, int64_t *ends, struct k2_err *err) {
    while (r->left != 0 && !signals_pipe_closed() && !signals_sleep(0)) {
        journal_wait(r->journal, POLL_NS);
        K2_TRY(move_on(r, ends, err));
        K2_TRY(records_visit(r->journal, &r->topic, r->spans, r->n, print_record, r, err));
        fflush(stdout);
    }
    return K2_OK;
}

static int tail(struct run *r, struct k2_err *err) {
    size_t size = (size_t)r->topic.partitions * sizeof(int64_t);
    int64_t *starts = k2_zalloc(size), *ends = k2_zalloc(size), *from = k2_zalloc(size);
    int rc = find_spans(r, starts, ends, from, err);
    if (rc == K2_OK)
        rc = records_visit(r->journal, &r->topic, r->spans, r->n, print_record, r, err);
    if (rc == K2_OK && verb_flag(r->c, "follow")) {
        fflush(stdout);
        rc = follow(r, ends, err);
    }
    free(starts);
    free(ends);
    free(from);
    free(r->spans);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c, .left = -1, .keys = verb_flag(c, "keys")};
    const char *count = verb_value(c, "count");
    if (count)
        K2_TRY(words_count("count", count, 0, &r.left, err));
    if (verb_flag(c, "follow"))
        signals_hold();
    K2_TRY(verb_journal(c, JOURNAL_READ, &r.journal, err));
    int rc = records_topic(r.journal, c->args[0], &r.topic, err);
    if (rc == K2_OK)
        rc = tail(&r, err);
    k2_buf_free(&r.line);
    journal_close(r.journal);
    return rc;
}

static const struct verb_option options[] = {
    {"from", "WHERE", "-10", "start, end, an OFFSET, a TIME, or -N: the last N of each partition",
     NULL, 'o'},
    {"count", "N", NULL, "end after N records", NULL, 'n'},
    {"partition", "P", NULL, "only this one", NULL, 'p'},
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
