/* role/jobs.c - see jobs.h. */
#include "role/jobs.h"

#include "role/live_words.h"

#include "base/fs.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define PIECE ((size_t)256 << 10)
enum { SIM_PIECE = 8192 };

/* --- counts --- */

/* The feeder's thread does one thing at a time: what others gave is judged before a job's piece, and the piece
 * before the thread turns to the next. What was counted in between is the job's. */
static K2_RC begin(struct ingest *g, struct ingest_stats *before, struct k2_err *err) {
    K2_TRY(ingest_judge(g, err));
    *before = ingest_stats(g);
    return K2_OK;
}

static K2_RC account(struct ingest *g, const struct ingest_stats *before, struct job_report *report,
                     struct k2_err *err) {
    K2_TRY(ingest_judge(g, err));
    struct ingest_stats now = ingest_stats(g);
    ingest_stats_add(&report->stats, &now, 1);
    ingest_stats_add(&report->stats, before, -1);
    return K2_OK;
}

/* --- a file --- */

struct file_job {
    const struct request_ingest *request;
    int fd;
    char path[64]; /* of fd */
    struct symbols *symbols;
    struct live_words urls, send, headers;
    struct counted *counted;
    struct ingest_source *source;
};

static bool wants(void *ctx, struct k2_sv symbol) {
    const struct file_job *j = ctx;
    return symbols_match(j->symbols, k2_sv_of(j->request->exchange), symbol);
}

static K2_RC open_source(struct file_job *j, struct ingest *g, struct k2_err *err) {
    const struct request_ingest *r = j->request;
    struct ingest_source_options o = {
        .feed = feed_find(k2_sv_of(r->format)),
        .options = {.exchange = k2_sv_of(r->exchange),
                    .symbol = k2_sv_of(r->symbol),
                    .date = r->date,
                    .calendar = r->calendar,
                    .mapping = k2_sv_of(r->mapping),
                    .source = k2_sv_of(r->source)},
        .keep_counting = r->keep_counting,
        .halt = r->halt,
    };
    if (!o.feed)
        return k2_fail(err, K2_E_INVALID, "the running k2 up does not know format '%s'", r->format);
    if (r->symbols) {
        K2_TRY(symbols_parse(r->symbols, &j->symbols, err));
        o.options.wants = wants;
        o.options.wants_ctx = j;
    }
    if (r->counted_from) {
        K2_TRY(counted_parse(k2_sv_of(r->counted_from), &j->counted, err));
        o.options.counted = counted_find;
        o.options.counted_ctx = j->counted;
    }
    live_words_split(r->urls, LIVE_WORDS_SEPARATOR, &j->urls);
    live_words_split(r->send, LIVE_WORDS_SEPARATOR, &j->send);
    live_words_split(r->headers, LIVE_WORDS_SEPARATOR, &j->headers);
    o.urls = j->urls.at;
    o.send = j->send.at;
    o.headers = j->headers.at;
    o.ca_file = r->ca_file;
    o.most_ns = r->most_ns;
    o.speed = r->speed;
    o.raw_source = r->raw_source;
    o.raw_from_ns = r->raw_from_ns;
    o.raw_to_ns = r->raw_to_ns;
    o.resume = j->fd < 0 && !r->raw_source && feed_is_live(r->path);
    return ingest_source_open(g, j->fd >= 0 ? j->path : r->path, &o, &j->source, err);
}

/* Reading a pipe that holds nothing would stop every feed. The first read wants two bytes, to see what they are. */
static bool has_nothing(const struct file_job *j) {
    struct pollfd p = {.fd = j->fd, .events = POLLIN | POLLRDHUP};
    struct stat st;
    int here = 0;
    if (j->fd < 0)
        return false;
    if (poll(&p, 1, 0) == 0)
        return true;
    bool begun = j->source && ingest_source_state(j->source).done > 0;
    if (begun || p.revents != POLLIN || fstat(j->fd, &st) != 0)
        return false;
    return (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) && ioctl(j->fd, FIONREAD, &here) == 0 &&
           here < 2;
}

static K2_RC step_file(void *self, struct journal *journal, struct ingest *g,
                       struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    struct file_job *j = self;
    (void)journal;
    if (has_nothing(j)) {
        *idle = true;
        return K2_OK;
    }
    struct ingest_stats before;
    K2_TRY(begin(g, &before, err));
    if (!j->source)
        K2_TRY(open_source(j, g, err));
    int rc = ingest_source_step(j->source, PIECE, idle, err);
    struct ingest_source_state s = ingest_source_state(j->source);
    report->done = s.done;
    report->all = s.all;
    *done = s.ended;
    if (rc == K2_OK && s.ended)
        rc = ingest_settle(g, err);
    int counted = account(g, &before, report, rc == K2_OK ? err : NULL);
    if (rc != K2_OK || counted != K2_OK || !s.ended)
        return rc == K2_OK ? counted : rc;
    K2_TRY(ingest_source_record(j->source, s.read, report->stats.accepted, err));
    K2_TRY(ingest_source_leave(j->source, err));
    return ingest_source_check_reached(j->source, err);
}

static void end_file(void *self, struct ingest *g) {
    struct file_job *j = self;
    (void)g;
    if (j->source && !ingest_source_state(j->source).ended) /* somebody said stop */
        (void)!ingest_source_leave(j->source, NULL);
    ingest_source_close(j->source);
    j->source = NULL;
    symbols_free(j->symbols);
    j->symbols = NULL;
    counted_free(j->counted);
    j->counted = NULL;
    live_words_free(&j->urls);
    live_words_free(&j->send);
    live_words_free(&j->headers);
}

int jobs_ingest(struct feeder *f, const struct request_ingest *r, int fd, jobs_watch *watch,
                void *watch_ctx, struct job_report *out, struct k2_err *err) {
    const struct feed_ops *format = feed_find(k2_sv_of(r->format));
    struct job_ops ops = {.step = step_file, .end = end_file};
    struct file_job j = {.request = r, .fd = fd};
    if (format && format->ordinal)
        ops.numbers = r->keep_counting ? JOB_COUNTED_ON : JOB_COUNTED;
    snprintf(j.path, sizeof j.path, "/dev/fd/%d", fd);
    return feeder_run(f, &ops, &j, watch, watch_ctx, out, err);
}

/* --- a simulated market --- */

struct sim_job {
    const struct sim_options *options;
    struct sim *sim;
};

static K2_RC step_sim(void *self, struct journal *journal, struct ingest *g,
                      struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    struct sim_job *j = self;
    struct ingest_stats before;
    struct k2_event e;
    (void)journal;
    (void)idle;
    K2_TRY(begin(g, &before, err));
    if (!j->sim)
        K2_TRY(sim_open(j->options, ingest_interner(g), &j->sim, err));
    for (int n = 0; n < SIM_PIECE && !*done; n++) {
        *done = !sim_next(j->sim, &e);
        if (!*done)
            K2_TRY(ingest_event(g, &e, err));
    }
    report->done = sim_sent_ns(j->sim) - j->options->start_ns;
    report->all = (int64_t)(j->options->seconds * 1e9);
    if (*done)
        K2_TRY(ingest_settle(g, err));
    return account(g, &before, report, err);
}

static void end_sim(void *self, struct ingest *g) {
    struct sim_job *j = self;
    (void)g;
    sim_close(j->sim);
    j->sim = NULL;
}

int jobs_simulate(struct feeder *f, const struct sim_options *o, jobs_watch *watch, void *watch_ctx,
                  struct job_report *out, struct k2_err *err) {
    static const struct job_ops ops = {.step = step_sim, .end = end_sim};
    struct sim_job j = {.options = o};
    return feeder_run(f, &ops, &j, watch, watch_ctx, out, err);
}

/* --- a step in the life of a gap --- */

struct mark_job {
    const struct request_mark *mark;
    bool again;
};

static K2_RC step_mark(void *self, struct journal *journal, struct ingest *g,
                       struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    struct mark_job *j = self;
    const struct seq_step which = request_mark_step(j->mark);
    (void)journal;
    (void)report;
    (void)idle;
    *done = true;
    return ingest_mark(g, &which, j->mark->actor, j->mark->note, &j->again, err);
}

static void end_mark(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int jobs_mark(struct feeder *f, const struct request_mark *m, bool *again, struct k2_err *err) {
    static const struct job_ops ops = {.step = step_mark, .end = end_mark};
    struct mark_job j = {.mark = m};
    struct job_report report;
    int rc = feeder_run(f, &ops, &j, NULL, NULL, &report, err);
    *again = j.again;
    return rc;
}

/* --- a quarantined record --- */

struct retry_job {
    const struct ingest_retry *record;
    enum ingest_retried *outcome;
    struct k2_buf *why;
};

static K2_RC step_retry(void *self, struct journal *journal, struct ingest *g,
                        struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    struct retry_job *j = self;
    struct ingest_stats before;
    (void)journal;
    (void)idle;
    *done = true;
    K2_TRY(begin(g, &before, err));
    K2_TRY(ingest_retry(g, j->record, j->outcome, j->why, err));
    return account(g, &before, report, err);
}

static void end_retry(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int jobs_retry(struct feeder *f, const struct ingest_retry *r, enum ingest_retried *outcome,
               struct k2_buf *why, struct k2_err *err) {
    static const struct job_ops ops = {.step = step_retry, .end = end_retry};
    struct retry_job j = {r, outcome, why};
    struct job_report report;
    return feeder_run(f, &ops, &j, NULL, NULL, &report, err);
}

/* --- a topic that grows --- */

struct grow_job {
    struct k2_sv topic;
    int32_t partitions;
    struct journal_grown *out;
};

static K2_RC step_grow(void *self, struct journal *journal, struct ingest *g,
                       struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    struct grow_job *j = self;
    (void)journal;
    (void)report;
    (void)idle;
    *done = true;
    return ingest_grow(g, j->topic, j->partitions, j->out, err);
}

static void end_grow(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int jobs_grow(struct feeder *f, struct k2_sv topic, int32_t partitions, struct journal_grown *out,
              struct k2_err *err) {
    static const struct job_ops ops = {.step = step_grow, .end = end_grow};
    struct grow_job j = {topic, partitions, out};
    struct job_report report;
    return feeder_run(f, &ops, &j, NULL, NULL, &report, err);
}

/* --- retention --- */

struct retain_job {
    int64_t older_than_ns, last;
    int removed;
};

static K2_RC may_go(void *ctx, const struct journal_segment_info *segment, struct k2_err *err) {
    const struct retain_job *j = ctx;
    if (segment->number <= j->last)
        return K2_OK;
    return k2_fail(err, K2_E_FAILED, "segment %lld is not yet proven", (long long)segment->number);
}

static K2_RC step_retain(void *self, struct journal *journal, struct ingest *g,
                         struct job_report *report, bool *done, bool *idle, struct k2_err *err) {
    struct retain_job *j = self;
    struct journal_retention rules = {
        .older_than_ns = j->older_than_ns, .ctx = j, .may_go = may_go};
    char stopped[256] = "";
    (void)g;
    (void)report;
    (void)idle;
    *done = true;
    return journal_retain(journal, &rules, &j->removed, stopped, err);
}

static void end_retain(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int jobs_retain(struct feeder *f, int64_t older_than_ns, int64_t last, int *removed,
                struct k2_err *err) {
    static const struct job_ops ops = {.step = step_retain, .end = end_retain};
    struct retain_job j = {older_than_ns, last, 0};
    struct job_report report;
    int rc = feeder_run(f, &ops, &j, NULL, NULL, &report, err);
    *removed = j.removed;
    return rc;
}
