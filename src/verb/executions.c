/* verb/executions.c - see executions.h.
 *
 * A source is read in groups: what has come so far, as whole lines, goes down
 * together, and what comes meanwhile is the next group. So one row alone waits
 * for one commit, and a thousand at once wait for one too.
 */
#include "verb/executions.h"

#include "verb/listing.h"

#include "base/fs.h"
#include "base/hist.h"
#include "role/role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 1 << 20, LONGEST_LINE = 5 << 20 };

struct source {
    const char *path;
    char *name; /* for quarantine records */
    int fd;
    struct k2_buf bytes;   /* read, and not sent yet */
    struct k2_buf header;  /* of a CSV, with its line feed */
    int64_t lines, offset; /* sent */
    bool begun, ended;
    bool skipping; /* the rest of a line that was too long */
};

struct run {
    struct verb_context *c;
    struct role_writer *writer;
    struct k2_hist latency;
    int64_t stored, duplicates, refused, groups;
};

/* --- reading --- */

static K2_RC fill(struct source *s, struct k2_err *err) {
    ssize_t got;
    do {
        got = read(s->fd, k2_buf_need(&s->bytes, PIECE), PIECE);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return k2_fail_errno(err, "read %s", s->path);
    s->bytes.n += (size_t)got;
    s->ended = got == 0;
    return K2_OK;
}

/* How many bytes are whole lines; all of them at the end, or when a line is too long to be one. */
static size_t whole_lines(const struct source *s) {
    const uint8_t *lf = s->bytes.n ? memrchr(s->bytes.p, '\n', s->bytes.n) : NULL;
    if (lf && !s->ended)
        return (size_t)(lf - s->bytes.p) + 1;
    return s->ended || s->bytes.n > LONGEST_LINE ? s->bytes.n : 0;
}

static void drop_front(struct source *s, size_t n) {
    s->offset += (int64_t)n;
    memmove(s->bytes.p, s->bytes.p + n, s->bytes.n - n);
    s->bytes.n -= n;
}

/* Of a line that was too long the beginning was refused, and the rest is no row. */
static void skip_rest(struct source *s) {
    const uint8_t *lf = s->bytes.n ? memchr(s->bytes.p, '\n', s->bytes.n) : NULL;
    drop_front(s, lf ? (size_t)(lf - s->bytes.p) + 1 : s->bytes.n);
    s->lines += lf != NULL;
    s->skipping = !lf;
}

static int64_t count_lines(struct k2_sv text) {
    int64_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

/* Of a CSV, line 1: every group but the first is sent with it. */
static void keep_header(struct source *s, struct k2_sv text) {
    size_t first = k2_sv_starts(text, K2_SV("\xef\xbb\xbf")) ? 3 : 0;
    while (first < text.n && (text.p[first] == ' ' || text.p[first] == '\t'))
        first++;
    if (first < text.n && text.p[first] == '{')
        return;
    const char *lf = memchr(text.p, '\n', text.n);
    k2_buf_sv(&s->header, (struct k2_sv){text.p, lf ? (size_t)(lf - text.p) + 1 : text.n});
}

static int open_source(struct source *s, struct k2_err *err) {
    bool from_stdin = strcmp(s->path, "-") == 0;
    if (!from_stdin && feed_is_packed(s->path))
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "%s is packed; executions are read as they are: unpack it into "
                       "k2 ingest executions -",
                       s->path);
    s->fd = from_stdin ? STDIN_FILENO : open(s->path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        return k2_fail_errno(err, "open %s", s->path);
    if (from_stdin || k2_fs_absolute(s->path, &s->name, NULL) != K2_OK)
        s->name = k2_strdup(s->path);
    return K2_OK;
}

static void close_source(struct source *s) {
    if (s->fd > STDIN_FILENO)
        close(s->fd);
    k2_buf_free(&s->bytes);
    k2_buf_free(&s->header);
    free(s->name);
}

/* --- answering --- */

static void print_answer(struct run *r, const struct k2_json *answer, int64_t took_ns) {
    struct k2_buf line = {0};
    bool good = !k2_json_get(answer, "error"), again = k2_json_get(answer, "duplicate") != NULL;
    r->stored += good && !again;
    r->duplicates += again;
    r->refused += !good;
    k2_json_dump(answer, &line);
    line.n--; /* the closing brace */
    if (good)
        k2_hist_record(&r->latency, (uint64_t)took_ns);
    k2_buf_printf(&line, ",\"latency_ms\":%lld.%03lld}\n", (long long)(took_ns / K2_NS_PER_MS),
                  (long long)(took_ns / 1000 % 1000));
    (void)fwrite(line.p, 1, line.n, stdout);
    k2_buf_free(&line);
}

static K2_RC send_group(struct run *r, struct source *s, struct k2_sv text, int64_t came_ns,
                        struct k2_err *err) {
    struct k2_buf with = {0};
    struct k2_json *answers = k2_json_array();
    bool headed = s->begun && s->header.n > 0;
    if (headed)
        k2_buf_sv(&with, k2_buf_view(&s->header));
    k2_buf_sv(&with, text);
    const struct role_executions group = {.text = k2_buf_view(&with),
                                          .source = s->name,
                                          .exchange = verb_value(r->c, "exchange"),
                                          .calendar = verb_value(r->c, "calendar"),
                                          .position = s->lines - headed,
                                          .offset =
                                              s->offset - (headed ? (int64_t)s->header.n : 0)};
    int rc = role_writer_executions(r->writer, &group, &answers, err);
    int64_t took = k2_monotonic_ns() - came_ns;
    for (size_t i = 0; rc == K2_OK && i < k2_json_count(answers); i++)
        print_answer(r, k2_json_at(answers, i), took);
    k2_json_free(answers);
    k2_buf_free(&with);
    r->groups++;
    if (rc == K2_OK && fflush(stdout) != 0)
        return k2_fail_errno(err, "the answers cannot be written");
    return rc;
}

static K2_RC send_lines(struct run *r, struct source *s, struct k2_err *err) {
    int64_t came = k2_monotonic_ns();
    if (s->skipping)
        skip_rest(s);
    size_t n = whole_lines(s);
    struct k2_sv text = {(const char *)s->bytes.p, n};
    if (n == 0)
        return K2_OK;
    if (!s->begun)
        keep_header(s, text);
    K2_TRY(send_group(r, s, text, came, err));
    s->begun = true;
    s->lines += count_lines(text);
    s->skipping = text.p[n - 1] != '\n' && !s->ended;
    drop_front(s, n);
    return K2_OK;
}

static K2_RC read_all(struct run *r, struct source *s, struct k2_err *err) {
    K2_TRY(open_source(s, err));
    while (!s->ended) {
        K2_TRY(fill(s, err));
        K2_TRY(send_lines(r, s, err));
    }
    return K2_OK;
}

/* --- the run --- */

static double ms(uint64_t ns) {
    return (double)ns / 1e6;
}

static void sum_up(const struct run *r) {
    long long acknowledged = r->stored + r->duplicates;
    verb_note(r->c,
              "%lld acknowledged, %lld of them known before, %lld refused; %lld "
              "groups; latency "
              "p50 %.1f ms, p99 %.1f ms, max %.1f ms",
              acknowledged, (long long)r->duplicates, (long long)r->refused, (long long)r->groups,
              ms(k2_hist_quantile(&r->latency, 0.5)), ms(k2_hist_quantile(&r->latency, 0.99)),
              ms(r->latency.max));
}

bool verb_executions_wanted(const struct sources *sources) {
    for (size_t i = 0; i < sources->n; i++) {
        const struct feed_ops *feed = sources->at[i].feed;
        if (feed && strcmp(feed->name, "executions") == 0)
            return true;
    }
    return false;
}

/* What is given of k2 ingest's options must mean something here. */
static K2_RC check_options(const struct verb_context *c, struct k2_err *err) {
    for (int i = 0; i < c->given_count; i++) {
        const struct verb_option *o = c->given[i].option;
        bool good = strcmp(o->name, "exchange") == 0 || strcmp(o->name, "calendar") == 0;
        for (const struct verb_option *g = verb_general; !good && g->name; g++)
            good = g == o;
        if (!good)
            return k2_fail(err, K2_E_USAGE,
                           "--%s says nothing of executions; of k2 ingest's options --exchange and "
                           "--calendar do",
                           o->name);
    }
    return K2_OK;
}

static K2_RC check(const struct sources *sources, struct k2_err *err) {
    for (size_t i = 0; i < sources->n; i++) {
        const struct source_file *s = &sources->at[i];
        if (!s->feed) /* run_sources tells why */
            continue;
        if (strcmp(s->feed->name, "executions") != 0 || feed_is_live(s->path))
            return k2_fail(err, K2_E_USAGE,
                           "%s: executions are read from files and - only, and not "
                           "together with "
                           "other formats",
                           s->path);
    }
    return K2_OK;
}

/* A source that fails is told, and the others go on. */
static int run_source(struct run *r, const struct source_file *of) {
    struct source s = {.path = of->path, .fd = -1};
    struct k2_err err = of->why;
    int rc = of->feed ? read_all(r, &s, &err) : of->why.status;
    close_source(&s);
    if (rc != K2_OK) {
        (void)k2_err_context(&err, rc, "%s", of->path);
        verb_complain(r->c, &err);
    }
    return rc;
}

static K2_RC run_sources(struct run *r, const struct sources *sources, struct k2_err *err) {
    int failed = 0;
    for (size_t i = 0; i < sources->n; i++)
        failed += run_source(r, &sources->at[i]) != K2_OK;
    sum_up(r);
    if (failed > 0)
        return k2_fail(err, K2_E_FAILED, "%d %s could not be read to the end", failed,
                       human_word(failed, "source", "sources"));
    if (r->refused > 0)
        return k2_fail(err, K2_E_DATA,
                       "%lld rows were refused and are kept in quarantine (k2 "
                       "quarantine list)",
                       (long long)r->refused);
    return K2_OK;
}

int verb_executions_run(struct verb_context *c, const struct sources *sources, struct k2_err *err) {
    const struct role_writer_options o = {.command = c->name};
    struct run *r = k2_zalloc(sizeof *r);
    r->c = c;
    int rc = check_options(c, err);
    if (rc == K2_OK)
        rc = check(sources, err);
    if (rc == K2_OK)
        rc = verb_journal_known(c, err);
    if (rc == K2_OK)
        rc = role_writer_open(c->data, c->config, &o, &r->writer, err);
    if (rc == K2_OK)
        rc = run_sources(r, sources, err);
    role_writer_close(r->writer);
    free(r);
    return rc;
}
