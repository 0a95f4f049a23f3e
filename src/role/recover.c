/* role/recover.c - see recover.h. */
#include "role/recover.h"

#include "role/backfill.h"
#include "role/jobs.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define OF_BINANCE "binance-json" /* what backfill.c writes */
enum { MOST = 256, TRIES = 5 };
static const size_t most_bytes = (size_t)4
                                 << 20; /* of a REST API's answers, before they are ingested */
#define FIRST_PAUSE (2 * K2_NS_PER_SEC) /* doubled after each try */

struct rule {                                                    /* of a feed */
    char *feed, *exchange, *given, *format, *source, *url, *key; /* given: as the section has it */
};

struct wanted { /* a gap */
    char *id, *exchange, *channel, *source;
    enum k2_kind_id kind;
    int32_t date, epoch;
    int64_t from, to, due_ns;
    int64_t next; /* the first number that was not answered yet */
    bool halts;
    int tries;
};

struct recoverer {
    char *data;
    struct feeder *feeder;
    struct agent *agent;
    bool looked; /* for what an earlier run left open */
    _Atomic bool gives_up;
    pthread_mutex_t mutex; /* guards what follows */
    struct rule *rules;
    size_t n_rules;
    int directories; /* feed.NAME.recover that the feeder follows */
    struct wanted wanted[MOST];
    size_t n;
    int64_t filled, given_up;
};

/* --- rules --- */

static void free_rules(struct rule *rules, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(rules[i].feed);
        free(rules[i].exchange);
        free(rules[i].given);
        free(rules[i].format);
        free(rules[i].source);
        free(rules[i].url);
        free(rules[i].key);
    }
    free(rules);
}

/* Without `exchange` a feed is of the one that its format begins with: binance-json is of BINANCE. */
static char *exchange_of(const char *given, const char *format) {
    char *code = k2_strdup(given[0] ? given : format);
    char *dash = given[0] ? NULL : strchr(code, '-');
    if (dash)
        *dash = 0;
    for (char *p = code; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    char *canonical = k2_sv_dup(feed_exchange_code(k2_sv_of(code)));
    free(code);
    return canonical;
}

static bool is_web(const char *recover) {
    return strncmp(recover, "http://", 7) == 0 || strncmp(recover, "https://", 8) == 0;
}

static struct rule *rules_of(const struct k2_config *c, size_t *n) {
    int feeds = k2_config_named_count(c, "feed");
    struct rule *rules = k2_zalloc(((size_t)feeds + 1) * sizeof *rules);
    *n = 0;
    for (int i = 0; i < feeds; i++) {
        const char *url = k2_config_named_string(c, K2_CONFIG_feed_recover, i);
        const char *given = k2_config_named_string(c, K2_CONFIG_feed_exchange, i);
        const char *named = k2_config_named_string(c, K2_CONFIG_feed_format, i);
        const char *format = strcmp(named, "auto") == 0 ? OF_BINANCE : named;
        if (!(is_web(url) || feed_rerequest_is(url)) ||
            !k2_config_named_bool(c, K2_CONFIG_feed_enabled, i))
            continue;
        rules[(*n)++] = (struct rule){
            .feed = k2_strdup(k2_config_named_name(c, "feed", i)),
            .exchange = exchange_of(given, format),
            .given = k2_strdup(given),
            .format = k2_strdup(format),
            .source = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_source, i)),
            .url = k2_strdup(url),
            .key = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_recover_key, i))};
    }
    return rules;
}

/* An exchange may have several feeds: the one that showed the gap comes first. The mutex is held. */
static const struct rule *rule_of(const struct recoverer *r, struct k2_sv exchange,
                                  struct k2_sv source) {
    const struct rule *found = NULL;
    for (size_t i = 0; i < r->n_rules; i++) {
        const struct rule *rule = &r->rules[i];
        if (!k2_sv_eq(k2_sv_of(rule->exchange), exchange))
            continue;
        if (k2_sv_eq(k2_sv_of(rule->source), source))
            return rule;
        found = found ? found : rule;
    }
    return found;
}

/* --- what is wanted; the mutex is held --- */

static void free_wanted(struct wanted *w) {
    free(w->id);
    free(w->exchange);
    free(w->channel);
    free(w->source);
    *w = (struct wanted){0};
}

static struct wanted *find(struct recoverer *r, const char *id) {
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->wanted[i].id, id) == 0)
            return &r->wanted[i];
    return NULL;
}

static void drop(struct recoverer *r, struct wanted *w) {
    size_t at = (size_t)(w - r->wanted);
    free_wanted(w);
    r->n--;
    memmove(w, w + 1, (r->n - at) * sizeof *w);
}

static void want(struct recoverer *r, const struct seq_step *s, const char *id) {
    if (!rule_of(r, s->exchange, s->source) || find(r, id))
        return;
    if (r->n == MOST) {
        k2_log(K2_LOG_WARN, "too many gaps wait for their recovery", "entry", id, NULL);
        return;
    }
    r->wanted[r->n++] = (struct wanted){.id = k2_strdup(id),
                                        .exchange = k2_sv_dup(s->exchange),
                                        .channel = k2_sv_dup(s->channel),
                                        .source = k2_sv_dup(s->source),
                                        .kind = s->kind,
                                        .date = s->trade_date,
                                        .epoch = s->epoch,
                                        .from = s->from,
                                        .to = s->to,
                                        .next = s->from,
                                        .halts = s->halts};
}

static bool is_request(const struct seq_step *s) {
    return s->cause == SEQ_NUMBERS &&
           (s->state == SEQ_REQUESTED ||
            (s->state == SEQ_OPENED && (s->halts || s->missing > SEQ_POLICY.halt_above)));
}

void recoverer_note(struct recoverer *r, const struct seq_step *s) {
    bool end = s->state == SEQ_FILLED || s->state == SEQ_GIVEN_UP;
    struct k2_buf name = {0};
    if (!r || (!is_request(s) && !end))
        return;
    ledger_entry_name(s, &name);
    pthread_mutex_lock(&r->mutex);
    struct wanted *w = end ? find(r, k2_buf_cstr(&name)) : NULL;
    r->filled += w && s->state == SEQ_FILLED;
    if (w)
        drop(r, w);
    else if (!end)
        want(r, s, k2_buf_cstr(&name));
    pthread_mutex_unlock(&r->mutex);
    k2_buf_free(&name);
    agent_wake(r->agent);
}

/* --- asking --- */

static bool goes_on_asking(void *ctx) {
    return !atomic_load(&((struct recoverer *)ctx)->gives_up);
}

/* The packets as the venue's server gave them, or the first of many. */
static K2_RC ask_again(struct recoverer *r, const struct rule *rule, const struct wanted *w,
                       struct k2_buf *out, int64_t *through, struct k2_err *err) {
    const struct feed_rerequest request = {.url = rule->url,
                                           .session = k2_sv_of(w->channel),
                                           .from = w->next,
                                           .to = w->to,
                                           .goes_on = goes_on_asking,
                                           .ctx = r};
    return feed_rerequest(&request, out, through, err);
}

static K2_RC fetch(struct recoverer *r, const struct rule *rule, const struct wanted *w,
                   struct k2_buf *out, int64_t *through, struct k2_err *err) {
    if (feed_rerequest_is(rule->url))
        return ask_again(r, rule, w, out, through, err);
    if (w->kind != K2_KIND_TRADE)
        return k2_fail(err, K2_E_UNSUPPORTED, "the venue's REST API has only trades");
    K2_TRY(backfill_trades(rule->url, rule->key, k2_sv_of(w->channel), w->next, w->to, most_bytes,
                           out, through, err));
    return out->n > 0 ? K2_OK
                      : k2_fail(err, K2_E_NOTFOUND, "%s has none of these numbers", rule->url);
}

/* The answer is raw data as any other: it stays. */
static K2_RC store(struct recoverer *r, const struct rule *rule, const struct wanted *w,
                   struct k2_sv bytes, char **path, struct k2_err *err) {
    char *raw = k2_path(r->data, "raw"), *dir = k2_path(raw, "recovered"), name[160];
    snprintf(name, sizeof name, "%s-%s-%" PRId64 "-%" PRId64 ".%s", rule->feed, w->channel, w->next,
             w->to, feed_rerequest_is(rule->url) ? "k2raw" : "jsonl");
    for (char *p = name; (p = strchr(p, '/')) != NULL;) /* a channel is the venue's word: no path */
        *p = '_';
    *path = k2_path(dir, name);
    int rc = k2_fs_mkdirs(dir, err);
    if (rc == K2_OK)
        rc = k2_fs_replace(*path, bytes, err);
    free(raw);
    free(dir);
    return rc;
}

static bool goes_on(void *ctx, const struct job_report *so_far) {
    struct recoverer *r = ctx;
    (void)so_far;
    return !atomic_load(&r->gives_up);
}

/* Read like any file: late fills. */
static K2_RC ingest_answer(struct recoverer *r, const struct rule *rule, const struct wanted *w,
                           struct k2_sv bytes, struct k2_err *err) {
    char *path = NULL;
    struct job_report report;
    int rc = store(r, rule, w, bytes, &path, err);
    const struct request_ingest request = {.path = path,
                                           .source = path,
                                           .format = rule->format,
                                           .exchange = rule->given[0] ? rule->given : NULL,
                                           .date = INT32_MIN};
    if (rc == K2_OK)
        rc = jobs_ingest(r->feeder, &request, -1, goes_on, r, &report, err);
    free(path);
    return rc;
}

/* Packets of a live feed belong to its decoder, which knows the symbols of the day, and to its raw topic. */
static K2_RC recover(struct recoverer *r, const struct rule *rule, struct wanted *w,
                     struct k2_err *err) {
    struct k2_buf bytes = {0};
    int64_t through;
    bool live = feed_rerequest_is(rule->url) && feed_is_live(rule->source);
    int rc = fetch(r, rule, w, &bytes, &through, err);
    if (rc == K2_OK)
        rc = live ? feeder_give(r->feeder, rule->feed, k2_buf_view(&bytes), err)
                  : ingest_answer(r, rule, w, k2_buf_view(&bytes), err);
    if (rc == K2_OK)
        w->next = through + 1;
    k2_buf_free(&bytes);
    return rc;
}

static void mark_given_up(struct recoverer *r, const struct wanted *w, const char *why) {
    const struct request_mark m = {.state = SEQ_GIVEN_UP,
                                   .exchange = w->exchange,
                                   .channel = w->channel,
                                   .kind = seq_kind_name(w->kind),
                                   .date = w->date,
                                   .epoch = w->epoch,
                                   .sequence = w->from,
                                   .actor = "recovery",
                                   .note = why};
    bool again;
    struct k2_err err = {0};
    k2_log(K2_LOG_ERROR,
           w->halts ? "a gap that halts its channel could not be recovered"
                    : "a gap could not be recovered and is given up",
           "entry", w->id, "why", why, NULL);
    if (!w->halts && jobs_mark(r->feeder, &m, &again, &err) != K2_OK)
        k2_log(K2_LOG_WARN, "the gap stays open", "entry", w->id, "why", err.msg, NULL);
}

/* What was answered is not asked for again, unless all was, and the gap is there still. */
static bool goes_further(struct wanted *w, const struct wanted *tried) {
    bool further = tried->next > w->next && tried->next <= tried->to;
    w->next = tried->next <= tried->to ? tried->next : w->from;
    return further;
}

/* After a try. What is no longer wanted was filled by it. A piece of an answer is no try, and other gaps may come before
 * the next piece. */
static void finish(struct recoverer *r, const struct wanted *tried, int rc, const char *why,
                   int64_t now_ns) {
    struct wanted last = {0};
    pthread_mutex_lock(&r->mutex);
    struct wanted *w = find(r, tried->id);
    bool further = w && goes_further(w, tried);
    bool out_of_tries = w && !further && (++w->tries >= TRIES || rc == K2_E_UNSUPPORTED);
    if (w && !out_of_tries)
        w->due_ns = further ? now_ns : now_ns + (FIRST_PAUSE << (w->tries - 1));
    if (out_of_tries) {
        last = *w;
        *w = (struct wanted){0};
        drop(r, w);
        r->given_up++;
    }
    pthread_mutex_unlock(&r->mutex);
    if (out_of_tries)
        mark_given_up(r, &last,
                      rc == K2_OK || last.next > last.from ? "what was answered does not fill it"
                                                           : why);
    free_wanted(&last);
}

/* --- the agent --- */

static struct rule copy_rule(const struct rule *from) {
    return (struct rule){k2_strdup(from->feed),   k2_strdup(from->exchange), k2_strdup(from->given),
                         k2_strdup(from->format), k2_strdup(from->source),   k2_strdup(from->url),
                         k2_strdup(from->key)};
}

static struct wanted copy_wanted(const struct wanted *from) {
    struct wanted w = *from;
    w.id = k2_strdup(from->id);
    w.exchange = k2_strdup(from->exchange);
    w.channel = k2_strdup(from->channel);
    w.source = k2_strdup(from->source);
    return w;
}

/* The one that waits longest. */
static bool next(struct recoverer *r, int64_t now_ns, struct wanted *out, struct rule **rule,
                 int64_t *rest) {
    const struct wanted *first = NULL;
    const struct rule *of_first = NULL;
    *rest = AGENT_FOREVER;
    pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i < r->n; i++) {
        const struct wanted *w = &r->wanted[i];
        const struct rule *of = rule_of(r, k2_sv_of(w->exchange), k2_sv_of(w->source));
        if (of && (!first || w->due_ns < first->due_ns)) {
            first = w;
            of_first = of;
        }
    }
    bool found = first && first->due_ns <= now_ns;
    if (found) {
        *out = copy_wanted(first);
        *rule = k2_alloc(sizeof **rule);
        **rule = copy_rule(of_first);
    } else if (first) {
        *rest = first->due_ns - now_ns;
    }
    pthread_mutex_unlock(&r->mutex);
    return found;
}

static void see_open(void *ctx, const struct seq_step *gap) {
    recoverer_note(ctx, gap);
}

static K2_RC look_once(struct recoverer *r, struct k2_err *err) {
    struct journal *j;
    struct seq_engine *engine = NULL;
    if (r->looked)
        return K2_OK;
    r->looked = true;
    K2_TRY(journal_open(r->data, JOURNAL_READ, NULL, &j, err));
    int rc = journal_sequence(j, &engine, err);
    if (rc == K2_OK)
        seq_engine_ledger(engine, see_open, r);
    seq_engine_free(engine);
    journal_close(j);
    return rc;
}

static void tell(struct recoverer *r) {
    pthread_mutex_lock(&r->mutex);
    size_t rules = r->n_rules, waiting = r->n;
    int directories = r->directories;
    int64_t filled = r->filled, given_up = r->given_up;
    pthread_mutex_unlock(&r->mutex);
    if (rules == 0 && directories > 0)
        agent_tell(r->agent, "%d %s followed for late files, and no address is asked", directories,
                   directories == 1 ? "directory is" : "directories are");
    else if (rules == 0)
        agent_tell(r->agent, "no feed says whom to ask (feed.NAME.recover)");
    else
        agent_tell(r->agent, "%zu gaps wait, %" PRId64 " filled, %" PRId64 " not recovered",
                   waiting, filled, given_up);
}

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct recoverer *r = self;
    struct wanted w = {0};
    struct rule *rule = NULL;
    struct k2_err why = {0};
    *rest = AGENT_FOREVER;
    pthread_mutex_lock(&r->mutex);
    bool idle = r->n_rules == 0;
    pthread_mutex_unlock(&r->mutex);
    if (!idle)
        K2_TRY(look_once(r, err));
    if (!idle && !atomic_load(&r->gives_up) && next(r, now_ns, &w, &rule, rest)) {
        int rc = recover(r, rule, &w, &why);
        if (!atomic_load(&r->gives_up))
            finish(r, &w, rc, why.msg, now_ns);
        *rest = 0;
        free_wanted(&w);
        free_rules(rule, 1);
    }
    tell(r);
    return K2_OK;
}

/* --- the calls --- */

struct recoverer *recoverer_new(const char *data, const struct k2_config *config,
                                struct feeder *feeder) {
    static const struct agent_ops ops = {work, NULL, 0};
    struct recoverer *r = k2_zalloc(sizeof *r);
    r->data = k2_strdup(data);
    r->feeder = feeder;
    r->agent = agent_new("recovery", &ops, r);
    pthread_mutex_init(&r->mutex, NULL);
    recoverer_reload(r, config);
    return r;
}

static int directories_of(const struct k2_config *c) {
    int n = 0;
    for (int i = 0; i < k2_config_named_count(c, "feed"); i++) {
        const char *from = k2_config_named_string(c, K2_CONFIG_feed_recover, i);
        n += from[0] && !strstr(from, "://") && k2_config_named_bool(c, K2_CONFIG_feed_enabled, i);
    }
    return n;
}

void recoverer_reload(struct recoverer *r, const struct k2_config *config) {
    size_t n;
    struct rule *rules = rules_of(config, &n);
    pthread_mutex_lock(&r->mutex);
    free_rules(r->rules, r->n_rules);
    r->rules = rules;
    r->n_rules = n;
    r->directories = directories_of(config);
    pthread_mutex_unlock(&r->mutex);
    agent_wake(r->agent);
}

void recoverer_free(struct recoverer *r) {
    if (!r)
        return;
    while (r->n > 0)
        free_wanted(&r->wanted[--r->n]);
    free_rules(r->rules, r->n_rules);
    agent_free(r->agent);
    pthread_mutex_destroy(&r->mutex);
    free(r->data);
    free(r);
}

struct agent *recoverer_agent(struct recoverer *r) {
    return r->agent;
}

void recoverer_give_up(struct recoverer *r) {
    atomic_store(&r->gives_up, true);
}
