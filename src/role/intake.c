/* role/intake.c - see intake.h.
 *
 * A plain file is followed; the files of a directory are read one after the other, and again when they have changed;
 * `sim:` is a market that is sent as it happens. Reading again what was read adds nothing: the marks of
 * journal/ingest.h say where to go on, and identities drop what comes twice.
 *
 * Of a directory one bad file does not keep the others from being read: when all were, the feed says which it was.
 */
#include "role/intake.h"

#include "role/intake_count.h"
#include "role/live_words.h"

#include "base/fs.h"
#include "base/log.h"
#include "feed/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PIECE ((size_t)256 << 10)
enum { SIM_PIECE = 8192 };
/* A file of a directory that did not change for so long is taken to be complete, and recorded with its hash. Even so
 * its last line is read only when it has its end: a writer may rest for long, and half a number is a number too. */
#define QUIET (10 * K2_NS_PER_SEC)
#define SIM_PAUSE                                                                                  \
    (20 * K2_NS_PER_MS) /* it sends in bursts, as venues do: each is a sync of the log */
#define LIVE_REST (5 * K2_NS_PER_MS) /* what comes meanwhile waits in the kernel */
#define SIM_SECONDS 3600.0     /* then it opens a new market; within one the rate is kept exactly */
#define SIM_BACK K2_NS_PER_SEC /* a clock set back further begins a new one too */
/* So does one set forward, or a machine that slept: what nobody traded meanwhile is not made up for. */
#define SIM_BEHIND (30 * K2_NS_PER_SEC)
enum { LIVE_JUDGED = 100 }; /* frames; the first may be answers to subscriptions, and heartbeats */
enum { WALK_SHARE = 100 };  /* of its time a feed walks through its directory for 1 % at most */

struct stamp { /* of a file as it was when it was last read */
    char *path;
    int64_t size, changed_ns;
    int64_t records, accepted; /* of it, so far */
    bool whole;                /* it was quiet by then */
    char *why;                 /* it was not read to its end; NULL = it was */
    bool final;                /* and never will be, as it is */
};

struct intake {
    struct intake_plan plan;
    struct agent *agent;
    struct ingest *ingest;      /* of the step under way */
    int64_t stepped_ns, due_ns; /* wall clock */
    struct symbols *symbols;
    struct k2_sv exchange;

    struct ingest_source *source; /* the file being read */
    bool anew;                    /* what is opened next is read from its start */
    bool cut_off;                 /* it is kept open all the same: more may come */
    bool one_of_many;             /* it is a file of a directory */
    struct stamp reading;         /* then: the file being read */
    struct stamp *read;           /* files of the directory that were read */
    size_t read_count;
    struct sources walk; /* the files of the directory as they were found */
    size_t next;         /* of them */
    int64_t walk_ns;     /* how long finding them took */
    bool empty_told;     /* that none of the files in it is of a known format */
    int bad;             /* of them, could not be read */
    char bad_why[200];   /* the first */

    struct k2_buf mapping; /* text of the plan's; read once */
    struct intake_count count;
    struct sim *sim;
    int64_t sent; /* events of the simulator */
};

/* --- files --- */

static bool wants(void *ctx, struct k2_sv symbol) {
    const struct intake *f = ctx;
    return symbols_match(f->symbols, f->exchange, symbol);
}

static K2_RC open_live(struct intake *f, struct ingest_source_options *o, struct k2_err *err) {
    const struct intake_plan *p = &f->plan;
    struct k2_buf list = {0}, lines = {0}, all = {0};
    struct live_words urls, send = {0}, headers = {0};
    k2_buf_printf(&all, "%s %s", p->source, p->urls);
    live_words_split(k2_buf_cstr(&all), ' ', &urls);
    int rc = p->send[0] ? live_words_read(p->send, &list, err) : K2_OK;
    live_words_split(k2_buf_cstr(&list), LIVE_WORDS_SEPARATOR, &send);
    o->urls = urls.at;
    o->send = send.at;
    if (rc == K2_OK && p->header[0])
        rc = live_words_read(p->header, &lines, err);
    live_words_split(k2_buf_cstr(&lines), LIVE_WORDS_SEPARATOR, &headers);
    o->headers = headers.at;
    o->follow = false;
    if (rc == K2_OK)
        rc = ingest_source_open(f->ingest, p->source, o, &f->source, err);
    live_words_free(&urls);
    live_words_free(&send);
    live_words_free(&headers);
    k2_buf_free(&list);
    k2_buf_free(&lines);
    k2_buf_free(&all);
    return rc;
}

static K2_RC read_mapping(struct intake *f, struct k2_err *err) {
    bool wanted = f->plan.mapping[0] && f->mapping.n == 0;
    return wanted ? k2_fs_read(f->plan.mapping, &f->mapping, err) : K2_OK;
}

static K2_RC open_file(struct intake *f, const char *path, const struct feed_ops *format,
                       struct k2_err *err) {
    const struct intake_plan *p = &f->plan;
    struct ingest_source_options o = {
        .feed = format,
        .options = {.exchange = f->exchange,
                    .symbol = k2_sv_of(p->symbol),
                    .calendar = p->calendar[0] ? p->calendar : NULL},
        .selection = k2_sv_of(p->symbols),
        .follow = true,
        .resume = true,
        .anew = f->anew,
    };
    K2_TRY(read_mapping(f, err));
    o.options.mapping = k2_buf_view(&f->mapping);
    K2_TRY(intake_plan_speed(p, &o.speed, err));
    K2_TRY(intake_plan_date(p, &o.options.date, err));
    if (f->plan.symbols[0] && !f->symbols)
        K2_TRY(symbols_parse(f->plan.symbols, &f->symbols, err));
    if (f->symbols) {
        o.options.wants = wants;
        o.options.wants_ctx = f;
    }
    /* The name that quarantine records keep is the one that k2 ingest gives the file too. */
    char *full = NULL;
    if (k2_fs_absolute(path, &full, NULL) == K2_OK)
        o.options.source = k2_sv_of(full);
    o.ca_file = p->ca_file[0] ? p->ca_file : NULL;
    o.feed_name = p->name;
    intake_count_begin(&f->count);
    if (intake_plan_is_live(p)) {
        free(full);
        return open_live(f, &o, err);
    }
    int rc = ingest_source_open(f->ingest, path, &o, &f->source, err);
    free(full);
    return rc;
}

/* --- directories --- */

static struct stamp stamp_of(const struct intake *f, const char *path) {
    struct stat st;
    if (!feed_file_stat(path, &st))
        return (struct stamp){.size = -1};
    int64_t changed_ns = st.st_mtim.tv_sec * K2_NS_PER_SEC + st.st_mtim.tv_nsec;
    return (struct stamp){
        .size = st.st_size, .changed_ns = changed_ns, .whole = f->stepped_ns - changed_ns > QUIET};
}

static struct stamp *find_read(struct intake *f, const char *path) {
    for (size_t i = 0; i < f->read_count; i++) {
        if (strcmp(f->read[i].path, path) == 0)
            return &f->read[i];
    }
    return NULL;
}

/* The file as it was read, if it is still like that. */
static const struct stamp *find_unchanged(struct intake *f, const char *path) {
    const struct stamp *old = find_read(f, path);
    struct stamp now = stamp_of(f, path);
    bool same = old && old->size == now.size && old->changed_ns == now.changed_ns;
    return same && old->whole >= now.whole ? old : NULL;
}

static void free_stamp(struct stamp *s) {
    free(s->path);
    free(s->why);
    *s = (struct stamp){0};
}

/* What was read counts as it was when reading began: what came later is read next time. */
static void note_read(struct intake *f) {
    struct stamp *old = find_read(f, f->reading.path);
    if (old) {
        free_stamp(old);
        *old = f->reading;
    } else {
        f->read = k2_realloc(f->read, (f->read_count + 1) * sizeof *f->read);
        f->read[f->read_count++] = f->reading;
    }
    f->reading = (struct stamp){0};
}

static void count_bad(struct intake *f, const char *path, const char *why) {
    if (f->bad++ > 0)
        return;
    bool named = strstr(why, path) != NULL;
    struct k2_buf text = {0};
    k2_buf_printf(&text, "%s%s%s", named ? "" : path, named ? "" : ": ", why);
    snprintf(f->bad_why, sizeof f->bad_why, "%.*s", (int)sizeof f->bad_why - 1, k2_buf_cstr(&text));
    k2_buf_free(&text);
}

static void close_source(struct intake *f) {
    ingest_source_close(f->source);
    f->source = NULL;
    free_stamp(&f->reading);
}

static K2_RC open_one(struct intake *f, const struct source_file *file, struct k2_err *err) {
    struct stamp now = stamp_of(f, file->path);
    now.path = k2_strdup(file->path);
    f->one_of_many = true;
    const struct stamp *old = find_read(f, file->path);
    now.records = old && old->size <= now.size ? old->records : 0;
    now.accepted = now.records ? old->accepted : 0;
    f->reading = now;
    return open_file(f, file->path, file->feed, err);
}

static void forget_walk(struct intake *f) {
    sources_free(&f->walk);
    f->next = 0;
    f->bad = 0;
}

/* Finding the files looks into each of them: it is done once for all that are new. */
static void walk(struct intake *f, const struct feed_ops *format) {
    int64_t start = k2_monotonic_ns();
    forget_walk(f);
    f->walk.mapping = k2_buf_view(&f->mapping);
    sources_add(&f->walk, f->plan.source, format);
    f->walk_ns = k2_monotonic_ns() - start;
}

/* Whether there is anything in it to read now. */
static bool is_worth_reading(struct intake *f, const struct source_file *file) {
    if (!file->feed) {
        count_bad(f, file->path, file->why.msg);
        return false;
    }
    const struct stamp *old = find_unchanged(f, file->path);
    if (old && old->why && old->final)
        count_bad(f, file->path, old->why);
    return !old || (old->why && !old->final);
}

/* The file being read failed. K2_OK: the next one may follow. */
static K2_RC pass_over(struct intake *f, const struct k2_err *why, struct k2_err *err) {
    K2_TRY(ingest_health(f->ingest, err));
    k2_log(K2_LOG_WARN, "a file of a feed was not read to its end", "feed", f->plan.name, "file",
           f->reading.path, "why", why->msg, NULL);
    count_bad(f, f->reading.path, why->msg);
    f->reading.why = k2_strdup(why->msg);
    f->reading.final = agent_is_final(why->status);
    note_read(f);
    close_source(f);
    return K2_OK;
}

/* Opens the next file that was not read as it is now; none is fine. */
static K2_RC open_next(struct intake *f, const struct feed_ops *format, struct k2_err *err) {
    if (f->next == f->walk.n)
        walk(f, format);
    while (!f->source && f->next < f->walk.n) {
        const struct source_file *file = &f->walk.at[f->next++];
        struct k2_err why = {0};
        if (is_worth_reading(f, file) && open_one(f, file, &why) != K2_OK)
            K2_TRY(pass_over(f, &why, err));
    }
    return K2_OK;
}

/* All files that can be read were. */
static K2_RC verdict(const struct intake *f, struct k2_err *err) {
    if (f->bad == 0)
        return K2_OK;
    return k2_fail(err, K2_E_FAILED, "%d of the files in %s could not be read; the first: %s",
                   f->bad, f->plan.source, f->bad_why);
}

static bool is_special(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static bool is_empty(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && st.st_size == 0;
}

static K2_RC open_source(struct intake *f, struct k2_err *err) {
    const struct feed_ops *format;
    K2_TRY(intake_plan_format(&f->plan, &format, err));
    K2_TRY(read_mapping(f, err));
    if (k2_fs_is_directory(f->plan.source))
        return open_next(f, format, err);
    if (is_special(
            f->plan
                .source)) /* to look into a pipe would wait for its writer, and all feeds with it */
        return k2_fail(err, K2_E_INVALID, "%s is no regular file, so it cannot be followed",
                       f->plan.source);
    if (!format && is_empty(f->plan.source)) { /* what it will be cannot be told yet */
        agent_tell(f->agent, "%s is empty yet", f->plan.source);
        return K2_OK;
    }
    struct sources one = {0};
    sources_add(&one, f->plan.source, format);
    int rc = K2_OK;
    if (!one.at[0].feed) {
        *err = one.at[0].why;
        rc = err->status;
    } else {
        f->one_of_many = false;
        rc = open_file(f, f->plan.source, one.at[0].feed, err);
        f->anew = false;
    }
    sources_free(&one);
    return rc;
}

/* The counts and what is behind them. */
static void tell(struct intake *f, const struct k2_buf *rest) {
    struct k2_buf text = {0};
    intake_count_text(&f->count, &text);
    agent_tell(f->agent, "%s; %s", k2_buf_cstr(&text), (const char *)rest->p);
    k2_buf_free(&text);
}

static void tell_file(struct intake *f, const struct ingest_source_state *s) {
    struct k2_buf rest = {0};
    if (f->one_of_many)
        k2_buf_printf(&rest, "file %zu of %zu, ", f->next, f->walk.n);
    if (s->all == 0)
        k2_buf_printf(&rest, "%s is empty yet", f->plan.source);
    else if (s->all > 0)
        k2_buf_printf(&rest, "%" PRId64 " of %" PRId64 " bytes of ", s->done, s->all);
    if (s->all != 0)
        k2_buf_str(&rest, f->one_of_many ? f->reading.path : f->plan.source);
    k2_buf_byte(&rest, 0);
    tell(f, &rest);
    k2_buf_free(&rest);
}

static void tell_directory(struct intake *f) {
    struct k2_buf rest = {0};
    k2_buf_printf(&rest, "%zu %s", f->walk.n, f->walk.n == 1 ? "file" : "files");
    if (f->walk.passed_over > 0)
        k2_buf_printf(&rest, ", %zu passed over (%s)", f->walk.passed_over, f->walk.passed);
    k2_buf_printf(&rest, "; %s", f->plan.source);
    k2_buf_byte(&rest, 0);
    tell(f, &rest);
    k2_buf_free(&rest);
}

static void log_unknown(struct intake *f) {
    bool none = f->walk.n == 0 && f->walk.passed_over > 0;
    if (none && !f->empty_told)
        k2_log(K2_LOG_WARN, "a directory of a feed holds no file of a known format", "feed",
               f->plan.name, "directory", f->plan.source, "files", f->walk.passed, NULL);
    f->empty_told = none;
}

/* All of its files were read. */
static K2_RC rest_from_directory(struct intake *f, int64_t *rest, struct k2_err *err) {
    f->anew = false;
    *rest = f->plan.poll_ns;
    if (*rest < f->walk_ns * WALK_SHARE)
        *rest = f->walk_ns * WALK_SHARE;
    tell_directory(f);
    log_unknown(f);
    intake_count_check(&f->count, &f->count.all, f->plan.name, f->plan.source);
    return verdict(f, err);
}

/* What other feeds gave is judged before, so that what is counted is the file's. */
static K2_RC step_counted(struct intake *f, bool *idle, struct k2_err *err) {
    K2_TRY(ingest_judge(f->ingest, err));
    struct ingest_stats before = ingest_stats(f->ingest);
    int rc = ingest_source_step(f->source, PIECE, idle, err);
    K2_TRY(ingest_judge(f->ingest, rc == K2_OK ? err : NULL));
    struct ingest_stats after = ingest_stats(f->ingest);
    intake_count_add(&f->count, &before, &after);
    f->reading.records += after.read - before.read;
    f->reading.accepted += after.accepted - before.accepted;
    intake_count_log(&f->count, f->plan.name, f->one_of_many ? f->reading.path : f->plan.source,
                     f->stepped_ns, false);
    return rc;
}

static K2_RC step_open_file(struct intake *f, bool *idle, struct k2_err *err) {
    struct k2_err why = {0};
    int rc = step_counted(f, idle, &why);
    if (rc == K2_OK || (f->one_of_many && pass_over(f, &why, NULL) == K2_OK))
        return K2_OK;
    *err = why;
    return rc;
}

/* Nothing more came for long, and what came ends inside a gzip member: that is no end. */
static K2_RC check_end(struct intake *f, struct k2_err *err) {
    struct k2_err why = {0};
    bool quiet = f->one_of_many ? f->reading.whole : stamp_of(f, f->plan.source).whole;
    if (!quiet || ingest_source_check_end(f->source, &why) == K2_OK)
        return K2_OK;
    if (f->one_of_many)
        return pass_over(f, &why, err);
    f->cut_off = true;
    return k2_fail(err, K2_E_FAILED, "%s: %s; what comes is read", f->plan.source, why.msg);
}

static K2_RC step_file(struct intake *f, int64_t *rest, struct k2_err *err) {
    bool idle = false;
    if (!f->source)
        K2_TRY(open_source(f, err));
    if (!f->source && k2_fs_is_directory(f->plan.source))
        return rest_from_directory(f, rest, err);
    *rest = f->source ? 0 : f->plan.poll_ns;
    if (!f->source)
        return K2_OK;
    K2_TRY(step_open_file(f, &idle, err));
    if (!f->source)
        return K2_OK;
    struct ingest_source_state s = ingest_source_state(f->source);
    tell_file(f, &s);
    if (idle && !s.ended && s.wait_ns == 0)
        K2_TRY(check_end(f, err));
    if (!f->source)
        return K2_OK;
    if ((s.ended || (idle && s.wait_ns == 0)) && f->one_of_many) {
        if (f->reading.whole)
            K2_TRY(ingest_source_record(f->source, f->reading.records, f->reading.accepted, err));
        note_read(f);
        close_source(f);
    } else if (s.ended || idle) {
        intake_count_check(&f->count, &f->count.source, f->plan.name, f->plan.source);
        *rest = s.wait_ns > 0 && s.wait_ns < f->plan.poll_ns ? s.wait_ns : f->plan.poll_ns;
    }
    return K2_OK;
}

/* --- live sources --- */

static void tell_live(struct intake *f) {
    struct ingest_live_state s;
    struct k2_buf rest = {0};
    if (!ingest_source_live(f->source, &s))
        return;
    k2_buf_printf(&rest, "%s",
                  s.behind           ? "decodes what was received before"
                  : s.live.connected ? "connected"
                                     : "not connected");
    if (!s.live.connected && s.live.why[0])
        k2_buf_printf(&rest, " (%s)", s.live.why);
    k2_buf_printf(&rest, ", %" PRId64 " frames, %" PRId64 " connections", s.live.frames,
                  s.live.connections);
    if (s.twins > 0)
        k2_buf_printf(&rest, ", %" PRId64 " on both lines", s.twins);
    if (s.live.dropped > 0)
        k2_buf_printf(&rest, ", %" PRId64 " DROPPED by the kernel", s.live.dropped);
    k2_buf_printf(&rest, "; %s", s.live.url);
    k2_buf_byte(&rest, 0);
    tell(f, &rest);
    k2_buf_free(&rest);
}

static K2_RC step_live(struct intake *f, int64_t *rest, struct k2_err *err) {
    const struct feed_ops *format;
    struct ingest_live_state s;
    bool idle = false;
    if (!f->source) {
        K2_TRY(intake_plan_format(&f->plan, &format, err));
        f->one_of_many = false;
        K2_TRY(open_file(f, f->plan.source, format, err));
    }
    K2_TRY(step_counted(f, &idle, err));
    tell_live(f);
    if (ingest_source_live(f->source, &s) && s.live.frames >= LIVE_JUDGED)
        intake_count_check(&f->count, &f->count.source, f->plan.name, f->plan.source);
    *rest = idle ? LIVE_REST : 0;
    return K2_OK;
}

int intake_give(struct intake *f, struct k2_sv capture, struct k2_err *err) {
    if (!f->source) {
        if (err)
            err->retriable = true;
        return k2_fail(err, K2_E_FAILED, "feed.%s is not open", f->plan.name);
    }
    K2_TRY(ingest_judge(f->ingest, err));
    struct ingest_stats before = ingest_stats(f->ingest);
    int rc = ingest_source_give(f->source, capture, err);
    K2_TRY(ingest_judge(f->ingest, rc == K2_OK ? err : NULL));
    struct ingest_stats after = ingest_stats(f->ingest);
    intake_count_add(&f->count, &before, &after);
    return rc;
}

/* --- the simulator --- */

/* An event is handed on as soon as it is made, because the interner may forget its strings. So that none is of
 * the future, the market runs behind the clock by a little more than events are apart. */
static int64_t sim_delay(const struct intake *f) {
    return K2_NS_PER_SEC / 4 + 8 * K2_NS_PER_SEC / f->plan.rate;
}

static K2_RC open_sim(struct intake *f, int64_t now_ns, struct k2_err *err) {
    struct sim_options o = {.symbols = (int)f->plan.sim_symbols,
                            .rate = (double)f->plan.rate,
                            .seconds = SIM_SECONDS,
                            .seed = (uint64_t)f->plan.seed,
                            .start_ns = now_ns - sim_delay(f),
                            .quotes = f->plan.quotes};
    return sim_open(&o, ingest_interner(f->ingest), &f->sim, err);
}

static void close_sim(struct intake *f) {
    sim_close(f->sim);
    f->sim = NULL;
}

static K2_RC step_sim(struct intake *f, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct k2_event e;
    int64_t until = now_ns - sim_delay(f);
    bool set_back = f->sim && sim_sent_ns(f->sim) > until + SIM_BACK;
    bool behind = f->sim && sim_sent_ns(f->sim) < until - SIM_BEHIND;
    if (set_back || behind)
        close_sim(f);
    if (!f->sim)
        K2_TRY(open_sim(f, now_ns, err));
    int n = 0;
    bool more = true;
    while (n < SIM_PIECE && sim_sent_ns(f->sim) <= until && (more = sim_next(f->sim, &e))) {
        K2_TRY(ingest_event(f->ingest, &e, err));
        n++;
    }
    f->sent += n;
    agent_tell(f->agent, "simulated market: %" PRId64 " events", f->sent);
    if (!more)
        close_sim(f);
    *rest = n == SIM_PIECE ? 0 : SIM_PAUSE;
    return K2_OK;
}

/* --- the agent --- */

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct intake *f = self;
    if (!f->source && !f->sim)
        K2_TRY(intake_plan_check(&f->plan, NULL, NULL, err));
    if (intake_plan_is_sim(&f->plan))
        return step_sim(f, now_ns, rest, err);
    return intake_plan_is_live(&f->plan) ? step_live(f, rest, err) : step_file(f, rest, err);
}

static void let_go(struct intake *f) {
    close_source(f);
    close_sim(f);
    f->cut_off = false;
}

static void reset(void *self) {
    struct intake *f = self;
    intake_count_log(&f->count, f->plan.name, f->plan.source, f->stepped_ns, true);
    if (!f->cut_off)
        let_go(f);
    f->cut_off = false;
}

struct intake *intake_new(struct intake_plan *plan) {
    static const struct agent_ops ops = {work, reset, 5 * K2_NS_PER_SEC};
    struct intake *f = k2_zalloc(sizeof *f);
    char name[80];
    f->plan = *plan;
    *plan = (struct intake_plan){0};
    f->exchange = k2_sv_of(f->plan.exchange);
    snprintf(name, sizeof name, "feed.%s", f->plan.name);
    f->agent = agent_new(name, &ops, f);
    return f;
}

static void forget_read(struct intake *f) {
    for (size_t i = 0; i < f->read_count; i++)
        free_stamp(&f->read[i]);
    free(f->read);
    f->read = NULL;
    f->read_count = 0;
    forget_walk(f);
}

void intake_free(struct intake *f) {
    if (!f)
        return;
    let_go(f);
    symbols_free(f->symbols);
    k2_buf_free(&f->mapping);
    forget_read(f);
    agent_free(f->agent);
    intake_plan_free(&f->plan);
    free(f);
}

const struct intake_plan *intake_plan(const struct intake *f) {
    return &f->plan;
}

struct agent *intake_agent(struct intake *f) {
    return f->agent;
}

int64_t intake_due(const struct intake *f) {
    return f->due_ns;
}

bool intake_counts(const struct intake *f) {
    const struct feed_ops *format = feed_find(k2_sv_of(f->plan.format));
    return !intake_plan_is_sim(&f->plan) && (!format || format->ordinal);
}

void intake_step(struct intake *f, struct ingest *g, int64_t now_ns) {
    bool set_back = now_ns < f->stepped_ns; /* the clock: what was due then says nothing */
    if (now_ns < f->due_ns && !set_back)
        return;
    f->ingest = g;
    f->stepped_ns = now_ns;
    int64_t rest = agent_step(f->agent, now_ns);
    f->due_ns = rest < INT64_MAX - now_ns ? now_ns + rest : INT64_MAX;
}

/* What was read last may not have become durable. */
void intake_detach(struct intake *f) {
    let_go(f);
    forget_read(f);
    f->ingest = NULL;
    f->due_ns = 0;
}

int64_t intake_received(const struct intake *f) {
    struct ingest_live_state l;
    return f->source && ingest_source_live(f->source, &l) ? l.live.frames : -1;
}

void intake_reread(struct intake *f) {
    struct k2_err why = {0};
    if (intake_plan_is_sim(&f->plan))
        return;
    if (intake_plan_is_live(&f->plan) && f->source) {
        /* The connection goes on: its raw bytes are decoded again. */
        if (ingest_source_rewind(f->source, &why) != K2_OK)
            k2_log(K2_LOG_ERROR, "what was halted is not decoded", "feed", f->plan.name, "why",
                   why.msg, NULL);
        f->due_ns = 0;
        return;
    }
    let_go(f);
    forget_read(f);
    f->anew = true;
    f->due_ns = 0;
}

void intake_hurry(struct intake *f) {
    enum agent_state s = agent_view(f->agent).state;
    if (s != AGENT_DEGRADED && s != AGENT_DOWN)
        return;
    agent_resume(f->agent);
    f->due_ns = 0;
}
