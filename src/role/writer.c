/* role/writer.c - what a command appends with; see role.h. */
#include "role/deriving.h"
#include "role/line.h"
#include "role/live_words.h"
#include "role/policies.h"
#include "role/role.h"

#include "base/fs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct role_writer {
    struct role_writer_options options;
    char *data;
    struct line *line;                /* to the platform that holds the journal; NULL: it is ours */
    struct job_report before, report; /* before: of the calls that ended (remote) */
    bool again;                       /* what the last answer says (remote) */
    int64_t outcome;                  /* the same, of a retry */
    struct k2_buf why;

    struct journal *journal;
    struct archive *archive;
    struct ingest *ingest;
};

/* --- the journal itself --- */

static void show_file(void *ctx, int64_t done, int64_t all) {
    struct role_writer *w = ctx;
    w->report = (struct job_report){ingest_stats(w->ingest), done, all};
    if (w->options.progress)
        w->options.progress(w->options.progress_ctx, &w->report);
}

static K2_RC open_ingest(struct role_writer *w, const char *data, const struct k2_config *config,
                         struct k2_err *err) {
    struct policies policies;
    int rc = policies_read(config, &policies, err);
    if (rc == K2_OK)
        rc = archive_open(w->journal, data, &w->archive, err);
    struct ingest_options o = {
        .archive = archive_history(w->archive),
        .batch_bytes = (size_t)k2_config_int(config, K2_CONFIG_ingest_batch_bytes),
        .progress = show_file,
        .progress_ctx = w,
        .policies = policies.all,
        .policy_count = policies.n,
        .halt_followed = policies.halt_feeds,
        .halt_others = policies.halt_files || w->options.halt,
    };
    if (rc == K2_OK)
        rc = ingest_open(w->journal, &o, &w->ingest, err);
    policies_free(&policies);
    return rc;
}

static K2_RC open_local(struct role_writer *w, const char *data, const struct k2_config *config,
                        struct k2_err *err) {
    struct journal_options o = {
        .segment_bytes = k2_config_int(config, K2_CONFIG_journal_segment_bytes),
        .partitions = journal_profile_asked(config),
        .command = w->options.command,
    };
    K2_TRY(journal_open(data, JOURNAL_WRITE, &o, &w->journal, err));
    return open_ingest(w, data, config, err);
}

struct selection {
    struct symbols *symbols;
    struct k2_sv exchange;
};

static bool wants(void *ctx, struct k2_sv symbol) {
    const struct selection *s = ctx;
    return symbols_match(s->symbols, s->exchange, symbol);
}

/* --- sources that take their time: live ones, and files at a pace --- */

#define COMMIT_MS 20 /* what was received becomes durable so soon */

static bool is_stopped(const struct role_writer *w) {
    return w->options.stop && w->options.stop(w->options.stop_ctx);
}

/* Until a step may find something. */
static void rest(const struct ingest_source *s) {
    int64_t due = ingest_source_state(s).wait_ns / K2_NS_PER_MS + 1;
    struct pollfd p = {.fd = ingest_source_fd(s), .events = POLLIN};
    (void)poll(&p, 1, p.fd < 0 && due < COMMIT_MS ? (int)due : COMMIT_MS);
}

static K2_RC run_slow(struct role_writer *w, struct ingest_source *s, struct k2_err *err) {
    enum { PIECE = 1 << 20 };
    int64_t committed = k2_monotonic_ns();
    while (!is_stopped(w) && !ingest_source_state(s).ended) {
        bool idle;
        K2_TRY(ingest_source_step(s, PIECE, &idle, err));
        int64_t now = k2_monotonic_ns();
        if (idle || now - committed >= COMMIT_MS * K2_NS_PER_MS) {
            K2_TRY(ingest_commit(w->ingest, err));
            committed = now;
            struct ingest_source_state state = ingest_source_state(s);
            show_file(w, state.done, state.all);
        }
        if (idle)
            rest(s);
    }
    return K2_OK;
}

static K2_RC slow_local(struct role_writer *w, const struct request_ingest *r,
                        const struct feed_ops *format, const struct feed_options *o,
                        struct k2_err *err) {
    struct live_words urls, send, headers;
    live_words_split(r->urls, LIVE_WORDS_SEPARATOR, &urls);
    live_words_split(r->send, LIVE_WORDS_SEPARATOR, &send);
    live_words_split(r->headers, LIVE_WORDS_SEPARATOR, &headers);
    const struct ingest_source_options so = {.feed = format,
                                             .options = *o,
                                             .halt = r->halt,
                                             .resume = !r->raw_source && feed_is_live(r->path),
                                             .speed = r->speed,
                                             .urls = urls.at,
                                             .send = send.at,
                                             .headers = headers.at,
                                             .ca_file = r->ca_file,
                                             .most_ns = r->most_ns,
                                             .raw_source = r->raw_source,
                                             .raw_from_ns = r->raw_from_ns,
                                             .raw_to_ns = r->raw_to_ns};
    struct ingest_source *s;
    int rc = ingest_source_open(w->ingest, r->path, &so, &s, err);
    if (rc == K2_OK) {
        int64_t before = ingest_stats(w->ingest).accepted;
        rc = run_slow(w, s, err);
        if (rc == K2_OK)
            rc = ingest_settle(w->ingest, err);
        if (rc == K2_OK)
            rc = ingest_source_record(s, ingest_source_state(s).read,
                                      ingest_stats(w->ingest).accepted - before, err);
        if (rc == K2_OK)
            rc = ingest_flush(w->ingest, err);
        if (rc == K2_OK)
            rc = ingest_source_leave(s, err);
        if (rc == K2_OK)
            rc = ingest_source_check_reached(s, err);
        ingest_source_close(s);
    }
    live_words_free(&urls);
    live_words_free(&send);
    live_words_free(&headers);
    return rc;
}

static K2_RC file_local(struct role_writer *w, const struct request_ingest *r, struct k2_err *err) {
    struct selection s = {.exchange = k2_sv_of(r->exchange)};
    struct feed_options o = {.exchange = s.exchange,
                             .symbol = k2_sv_of(r->symbol),
                             .date = r->date,
                             .calendar = r->calendar,
                             .mapping = k2_sv_of(r->mapping),
                             .source = k2_sv_of(r->source)};
    const struct feed_ops *format = feed_find(k2_sv_of(r->format));
    K2_ASSERT(format);
    if (r->symbols) {
        K2_TRY(symbols_parse(r->symbols, &s.symbols, err));
        o.wants = wants;
        o.wants_ctx = &s;
    }
    struct counted *counted = NULL;
    int rc = K2_OK;
    if (r->counted_from)
        rc = counted_parse(k2_sv_of(r->counted_from), &counted, err);
    if (counted) {
        o.counted = counted_find;
        o.counted_ctx = counted;
    }
    if (rc == K2_OK)
        rc = feed_is_live(r->path) || r->raw_source || r->speed > 0
                 ? slow_local(w, r, format, &o, err)
                 : ingest_file(w->ingest, r->path, format, &o, r->keep_counting, err);
    symbols_free(s.symbols);
    counted_free(counted);
    return rc;
}

static K2_RC simulate_local(struct role_writer *w, const struct sim_options *o,
                            struct k2_err *err) {
    enum { SHOWN_EVERY = 1 << 14 };
    struct sim *s;
    struct k2_event e;
    K2_TRY(sim_open(o, ingest_interner(w->ingest), &s, err));
    int rc = K2_OK;
    for (int64_t n = 0; rc == K2_OK && sim_next(s, &e); n++) {
        rc = ingest_event(w->ingest, &e, err);
        if (n % SHOWN_EVERY == 0)
            show_file(w, sim_sent_ns(s) - o->start_ns, (int64_t)(o->seconds * 1e9));
    }
    sim_close(s);
    return rc == K2_OK ? ingest_flush(w->ingest, err) : rc;
}

static K2_RC mark_local(struct role_writer *w, const struct request_mark *m, bool *again,
                        struct k2_err *err) {
    const struct seq_step which = request_mark_step(m);
    K2_TRY(ingest_mark(w->ingest, &which, m->actor, m->note, again, err));
    return ingest_flush(w->ingest, err);
}

/* --- through k2 up --- */

static void take_report(struct role_writer *w, const struct k2_json *v) {
    request_report_read(v, &w->report);
    ingest_stats_add(&w->report.stats, &w->before.stats, 1);
}

static void take_outcome(struct role_writer *w, const struct k2_json *a) {
    struct k2_sv why = {0};
    w->outcome = INGEST_RETRY_REFUSED;
    (void)k2_json_as_int(k2_json_get(a, "outcome"), &w->outcome);
    (void)k2_json_as_string(k2_json_get(a, "why"), &why);
    w->why.n = 0;
    k2_buf_sv(&w->why, why);
}

/* Reads answers until the last one. */
static K2_RC await(struct role_writer *w, struct k2_err *err) {
    for (;;) {
        struct k2_json *a;
        K2_TRY(line_receive(w->line, &a, NULL, err));
        if (!a)
            return k2_fail(
                err, K2_E_FAILED,
                "k2 up ended in the middle of the work; start it, and say it again: what "
                "was stored is recognised");
        const struct k2_json *progress = k2_json_get(a, "progress");
        if (progress) {
            take_report(w, progress);
            if (w->options.progress)
                w->options.progress(w->options.progress_ctx, &w->report);
            k2_json_free(a);
            if (!is_stopped(w))
                continue;
            w->before = w->report;
            return K2_OK; /* the line is closed, which ends the work there */
        }
        take_report(w, k2_json_get(a, "done"));
        (void)k2_json_as_bool(k2_json_get(a, "again"), &w->again);
        take_outcome(w, a);
        w->before = w->report;
        int rc = request_error_read(a, err);
        k2_json_free(a);
        return rc;
    }
}

static K2_RC ask(struct role_writer *w, struct k2_json *request, int pass, struct k2_err *err) {
    struct k2_err unsent;
    int rc = line_send(w->line, request, pass, &unsent);
    if (rc == K2_OK)
        return await(w, err);
    /* It may have answered before it hung up: that says more. */
    rc = await(w, err);
    return rc == K2_OK ? k2_fail(err, K2_E_FAILED, "%s", unsent.msg) : rc;
}

static bool is_regular(const char *path) {
    struct stat st;
    return feed_file_stat(path, &st) && S_ISREG(st.st_mode);
}

/* A pipe is opened here, because that may wait: there it would hold up every feed. */
static K2_RC pipe_remote(struct role_writer *w, const struct request_ingest *r,
                         struct k2_err *err) {
    struct request_ingest there = *r;
    there.path = NULL;
    if (strcmp(r->path, "-") == 0)
        return ask(w, request_ingest_json(&there), STDIN_FILENO, err);
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return k2_fail_errno(err, "open %s", r->path);
    int rc = ask(w, request_ingest_json(&there), fd, err);
    close(fd);
    return rc;
}

/* The platform has another working directory: every path travels in full. */
static K2_RC file_remote(struct role_writer *w, const struct request_ingest *r,
                         struct k2_err *err) {
    struct request_ingest there = *r;
    char *full;
    if (r->raw_source || feed_is_live(r->path))
        return ask(w, request_ingest_json(r), -1, err);
    if (!is_regular(r->path))
        return pipe_remote(w, r, err);
    K2_TRY(feed_file_absolute(r->path, &full, err));
    there.path = full;
    struct k2_json *request = request_ingest_json(&there);
    free(full);
    return ask(w, request, -1, err);
}

/* --- the calls --- */

int role_writer_open(const char *data, const struct k2_config *config,
                     const struct role_writer_options *o, struct role_writer **out,
                     struct k2_err *err) {
    struct role_writer *w = k2_zalloc(sizeof *w);
    struct k2_err none;
    w->options = *o;
    w->data = k2_strdup(data);
    int rc = open_local(w, data, config, err);
    if (rc == K2_E_LOCKED && line_connect(data, &w->line, &none) == K2_OK) {
        k2_err_clear(err);
        rc = K2_OK;
    }
    if (rc == K2_OK)
        *out = w;
    else
        role_writer_close(w);
    return rc;
}

void role_writer_close(struct role_writer *w) {
    if (!w)
        return;
    ingest_close(w->ingest);
    archive_close(w->archive);
    journal_close(w->journal);
    line_close(w->line);
    k2_buf_free(&w->why);
    free(w->data);
    free(w);
}

bool role_writer_is_remote(const struct role_writer *w) {
    return w->line != NULL;
}

int role_writer_file(struct role_writer *w, const struct request_ingest *file, struct k2_err *err) {
    return w->line ? file_remote(w, file, err) : file_local(w, file, err);
}

int role_writer_simulate(struct role_writer *w, const struct sim_options *o, struct k2_err *err) {
    return w->line ? ask(w, request_sim_json(o), -1, err) : simulate_local(w, o, err);
}

int role_writer_mark(struct role_writer *w, const struct request_mark *mark, bool *again,
                     struct k2_err *err) {
    if (!w->line)
        return mark_local(w, mark, again, err);
    K2_TRY(ask(w, request_mark_json(mark), -1, err));
    *again = w->again;
    return K2_OK;
}

int role_writer_retry(struct role_writer *w, const struct request_retry *r,
                      enum ingest_retried *outcome, struct k2_buf *why, struct k2_err *err) {
    if (!w->line)
        return ingest_retry(w->ingest, &r->record, outcome, why, err);
    K2_TRY(ask(w, request_retry_json(r), -1, err));
    *outcome = (enum ingest_retried)w->outcome;
    why->n = 0;
    k2_buf_sv(why, k2_buf_view(&w->why));
    return K2_OK;
}

static K2_RC executions_local(struct role_writer *w, const struct role_executions *group,
                              struct k2_json *answers, struct k2_err *err) {
    K2_TRY(executions_append(w->ingest, group, answers, err));
    K2_TRY(ingest_commit(w->ingest, err));
    return executions_into_table(w->data, w->journal, answers, err);
}

static K2_RC executions_remote(struct role_writer *w, const struct role_executions *group,
                               struct k2_json **answers, struct k2_err *err) {
    struct k2_json *a = NULL;
    K2_TRY(line_send(w->line, executions_request(group), -1, err));
    K2_TRY(line_receive(w->line, &a, NULL, err));
    if (!a)
        return k2_fail(err, K2_E_FAILED,
                       "k2 up ended before it answered; start it, and send these rows again: what "
                       "was stored is recognised");
    int rc = request_error_read(a, err);
    if (rc == K2_OK) {
        k2_json_free(*answers);
        *answers = k2_json_copy(k2_json_get(a, "done"));
    }
    k2_json_free(a);
    return rc;
}

int role_writer_executions(struct role_writer *w, const struct role_executions *group,
                           struct k2_json **answers, struct k2_err *err) {
    return w->line ? executions_remote(w, group, answers, err)
                   : executions_local(w, group, *answers, err);
}

static K2_RC derive_local(struct role_writer *w, enum derive_what what,
                          struct derive_report *report, struct k2_err *err) {
    const struct derive_past past = query_past(w->data);
    for (bool more = true; more;) {
        struct derive_report one;
        K2_TRY(ingest_derive(w->ingest, what, &past, DERIVING_PIECE, &one, &more, err));
        report->records += one.records;
        report->rows += one.rows;
    }
    return K2_OK;
}

static K2_RC derive_remote(struct role_writer *w, enum derive_what what,
                           struct derive_report *report, struct k2_err *err) {
    struct k2_json *request = k2_json_object(), *a = NULL;
    k2_json_set(request, "do", k2_json_cstring("derive"));
    k2_json_set(request, "what", k2_json_cstring(derive_name(what)));
    K2_TRY(line_send(w->line, request, -1, err));
    K2_TRY(line_receive(w->line, &a, NULL, err));
    if (!a)
        return k2_fail(err, K2_E_FAILED, "k2 up ended before it answered; say it again");
    int rc = request_error_read(a, err);
    (void)k2_json_as_int(k2_json_get(k2_json_get(a, "done"), "records"), &report->records);
    (void)k2_json_as_int(k2_json_get(k2_json_get(a, "done"), "rows"), &report->rows);
    k2_json_free(a);
    return rc;
}

int role_writer_derive(struct role_writer *w, enum derive_what what, struct derive_report *report,
                       struct k2_err *err) {
    *report = (struct derive_report){0};
    return w->line ? derive_remote(w, what, report, err) : derive_local(w, what, report, err);
}

static K2_RC grow_remote(struct role_writer *w, const char *topic, int32_t partitions,
                         struct journal_grown *out, struct k2_err *err) {
    struct k2_json *request = k2_json_object(), *a = NULL;
    int64_t version = 0, count = 0, first = 0;
    k2_json_set(request, "do", k2_json_cstring("grow"));
    k2_json_set(request, "topic", k2_json_cstring(topic));
    k2_json_set(request, "partitions", k2_json_int(partitions));
    K2_TRY(line_send(w->line, request, -1, err));
    K2_TRY(line_receive(w->line, &a, NULL, err));
    if (!a)
        return k2_fail(err, K2_E_FAILED,
                       "k2 up ended before it answered; say it again: what was begun is finished");
    int rc = request_error_read(a, err);
    const struct k2_json *done = k2_json_get(a, "done");
    (void)k2_json_as_int(k2_json_get(done, "version"), &version);
    (void)k2_json_as_int(k2_json_get(done, "partitions"), &count);
    (void)k2_json_as_int(k2_json_get(done, "first"), &first);
    (void)k2_json_as_bool(k2_json_get(done, "already"), &out->already);
    out->version = (int32_t)version;
    out->partitions = (int32_t)count;
    out->first = (int32_t)first;
    k2_json_free(a);
    return rc;
}

int role_writer_grow(struct role_writer *w, const char *topic, int32_t partitions,
                     struct journal_grown *out, struct k2_err *err) {
    *out = (struct journal_grown){0};
    return w->line ? grow_remote(w, topic, partitions, out, err)
                   : ingest_grow(w->ingest, k2_sv_of(topic), partitions, out, err);
}

int role_writer_flush(struct role_writer *w, struct k2_err *err) {
    return w->line ? K2_OK : ingest_flush(w->ingest, err);
}

struct ingest_stats role_writer_stats(const struct role_writer *w) {
    return w->line ? w->report.stats : ingest_stats(w->ingest);
}

const struct seq_engine *role_writer_sequence(const struct role_writer *w) {
    return w->line ? NULL : ingest_sequence(w->ingest);
}
