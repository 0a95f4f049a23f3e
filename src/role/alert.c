/* role/alert.c - see alert.h. */
#include "role/alert.h"

#include "base/fs.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 5000
enum { MOST = 256, MOST_SENT = 1024, TRIES = 10 };

struct alert {
    char *id, *body;
    bool page;      /* else: that it is over */
    bool tried;     /* it may have arrived */
    int64_t due_ns; /* wall clock */
};

struct alerter {
    struct agent *agent;
    pthread_mutex_t mutex; /* guards what follows */
    char *url;
    int64_t outage_after_ns;
    struct alert queue[MOST]; /* in order of coming */
    size_t n;
    char *path;            /* of the file that holds `sent`, an ID a line */
    char *sent[MOST_SENT]; /* IDs of what was paged and has not ended; the oldest goes */
    size_t n_sent;
    int tries; /* of the first that is due */
    struct k2_series *count_sent, *count_failed, *count_dropped;
};

static void free_alert(struct alert *a) {
    free(a->id);
    free(a->body);
    *a = (struct alert){0};
}

/* --- what is said --- */

static void set_text(struct k2_json *v, const char *key, struct k2_sv text) {
    if (text.n > 0)
        k2_json_set(v, key, k2_json_string(text));
}

static void set_number(struct k2_json *v, const char *key, int64_t n) {
    if (n != K2_NULL_LONG)
        k2_json_set(v, key, k2_json_int(n));
}

static void set_time(struct k2_json *v, const char *key, int64_t ns) {
    char text[K2_TIME_TEXT];
    k2_time_format(ns, text);
    k2_json_set(v, key, k2_json_cstring(text));
}

static void put_sentence(const struct seq_step *s, const char *id, struct k2_buf *out) {
    if (s->state == SEQ_FILLED || s->state == SEQ_GIVEN_UP)
        k2_buf_printf(out, "K2: %s is %s", id, s->state == SEQ_FILLED ? "over" : "given up");
    else if (s->cause != SEQ_NUMBERS)
        k2_buf_printf(out, "K2: %s: %.*s", id, K2_SV_ARG(s->why));
    else
        k2_buf_printf(out, "K2: %s lacks %" PRId64 " of its numbers %" PRId64 " to %" PRId64 "%s",
                      id, s->missing, s->from, s->to,
                      s->halts ? "; its channel is halted (k2 halt list)" : "");
}

static void set_numbers(struct k2_json *v, const struct seq_step *s) {
    bool outage = s->cause != SEQ_NUMBERS;
    if (outage)
        set_time(v, "began", s->from);
    if (outage && s->to != K2_NULL_LONG)
        set_time(v, "ended", s->to);
    if (outage)
        return;
    set_number(v, "from", s->from);
    set_number(v, "to", s->to);
    set_number(v, "missing", s->missing);
    k2_json_set(v, "halts", k2_json_bool(s->halts));
}

static char *body_of(const struct seq_step *s, const char *id, bool page) {
    struct k2_json *v = k2_json_object();
    struct k2_buf text = {0}, out = {0};
    char date[K2_DATE_TEXT];
    k2_date_format(s->trade_date, date);
    put_sentence(s, id, &text);
    set_text(v, "text", k2_buf_view(&text));
    k2_json_set(v, "level",
                k2_json_cstring(page                     ? "page"
                                : s->state == SEQ_FILLED ? "resolved"
                                                         : "given up"));
    k2_json_set(v, "id", k2_json_cstring(id));
    k2_json_set(v, "state", k2_json_cstring(seq_state_name(s->state)));
    k2_json_set(v, "cause", k2_json_cstring(seq_cause_name(s->cause)));
    set_text(v, "exchange", s->exchange);
    set_text(v, "channel", s->channel);
    k2_json_set(v, "kind", k2_json_cstring(seq_step_word(s)));
    k2_json_set(v, "trade_date", k2_json_cstring(date));
    set_numbers(v, s);
    set_time(v, "opened", s->opened_ns);
    set_text(v, "source", s->source);
    set_text(v, "why", s->why);
    k2_json_dump(v, &out);
    k2_json_free(v);
    char *body = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&text);
    k2_buf_free(&out);
    return body;
}

/* --- the queue; the mutex is held --- */

static void put(struct alerter *a, const struct seq_step *s, const char *id, bool page,
                int64_t due_ns) {
    if (a->n == MOST) {
        k2_metric_add(a->count_dropped, 1);
        return;
    }
    a->queue[a->n++] = (struct alert){
        .id = k2_strdup(id), .body = body_of(s, id, page), .page = page, .due_ns = due_ns};
}

static void take_out(struct alerter *a, size_t at) {
    free_alert(&a->queue[at]);
    a->n--;
    memmove(a->queue + at, a->queue + at + 1, (a->n - at) * sizeof *a->queue);
}

static bool is_sent(const struct alerter *a, const char *id) {
    for (size_t i = 0; i < a->n_sent; i++)
        if (strcmp(a->sent[i], id) == 0)
            return true;
    return false;
}

static void forget_sent(struct alerter *a, const char *id) {
    for (size_t i = 0; i < a->n_sent; i++) {
        if (strcmp(a->sent[i], id) != 0)
            continue;
        free(a->sent[i]);
        a->n_sent--;
        memmove(a->sent + i, a->sent + i + 1, (a->n_sent - i) * sizeof *a->sent);
        return;
    }
}

static void remember_sent(struct alerter *a, const char *id) {
    forget_sent(a, id);
    if (a->n_sent == MOST_SENT)
        forget_sent(a, a->sent[0]);
    a->sent[a->n_sent++] = k2_strdup(id);
}

/* So that the end of what was paged is told also by a later run. */
static void save_sent(const struct alerter *a) {
    struct k2_buf text = {0};
    struct k2_err err = {0};
    for (size_t i = 0; i < a->n_sent; i++)
        k2_buf_printf(&text, "%s\n", a->sent[i]);
    if (k2_fs_replace(a->path, k2_buf_view(&text), &err) != K2_OK)
        k2_log(K2_LOG_WARN, "which alerts were sent is not kept", "why", err.msg, NULL);
    k2_buf_free(&text);
}

static void load_sent(struct alerter *a) {
    struct k2_buf text = {0};
    if (!k2_fs_exists(a->path) || k2_fs_read(a->path, &text, NULL) != K2_OK)
        return;
    for (struct k2_sv rest = k2_buf_view(&text); rest.n;) {
        char *id = k2_sv_dup(k2_sv_split(&rest, '\n'));
        if (id[0])
            remember_sent(a, id);
        free(id);
    }
    k2_buf_free(&text);
}

static size_t find(const struct alerter *a, const char *id, bool page) {
    size_t i = 0;
    while (i < a->n && (a->queue[i].page != page || strcmp(a->queue[i].id, id) != 0))
        i++;
    return i;
}

/* It is over. Who was told, or may have been, is told; a page that nobody saw goes. */
static void end(struct alerter *a, const struct seq_step *s, const char *id) {
    size_t page = find(a, id, true);
    if (page < a->n && !a->queue[page].tried)
        take_out(a, page);
    else if (a->url[0] && (page < a->n || is_sent(a, id)) && find(a, id, false) == a->n)
        put(a, s, id, false, 0);
}

static bool is_page(const struct seq_step *s) {
    return s->state == SEQ_REQUESTED ||
           (s->state == SEQ_OPENED && (s->halts || s->cause != SEQ_NUMBERS));
}

void alerter_note(struct alerter *a, const struct seq_step *s) {
    bool page = is_page(s), over = s->state == SEQ_FILLED || s->state == SEQ_GIVEN_UP;
    struct k2_buf name = {0};
    if (!page && !over)
        return;
    ledger_entry_name(s, &name);
    const char *id = k2_buf_cstr(&name);
    pthread_mutex_lock(&a->mutex);
    if (a->url[0] && page)
        put(a, s, id, true,
            s->cause == SEQ_NUMBERS || s->cause == SEQ_SESSION ? 0 : s->from + a->outage_after_ns);
    else if (over)
        end(a, s, id);
    pthread_mutex_unlock(&a->mutex);
    k2_buf_free(&name);
    agent_wake(a->agent);
}

/* --- sending --- */

/* The first that is due, out of the queue's reach; false: none is. *rest: how long until one is. */
static bool next(struct alerter *a, int64_t now_ns, struct alert *out, char **url, int64_t *rest) {
    bool found = false;
    *rest = AGENT_FOREVER;
    pthread_mutex_lock(&a->mutex);
    for (size_t i = 0; !found && i < a->n; i++) {
        struct alert *q = &a->queue[i];
        found = q->due_ns <= now_ns;
        if (found)
            *out = (struct alert){k2_strdup(q->id), k2_strdup(q->body), q->page, true, q->due_ns};
        else if (q->due_ns - now_ns < *rest)
            *rest = q->due_ns - now_ns;
        q->tried |= found;
    }
    *url = found ? k2_strdup(a->url) : NULL;
    pthread_mutex_unlock(&a->mutex);
    return found;
}

static K2_RC post(const char *url, const struct alert *alert, bool *again, struct k2_err *err) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const struct k2_http_request r = {.url = url,
                                      .method = "POST",
                                      .headers = headers,
                                      .body = k2_sv_of(alert->body),
                                      .timeout_ms = TIMEOUT_MS};
    int status = 0, rc = k2_http(&r, &status, NULL, err);
    *again = rc != K2_OK ? err->retriable : status == 429 || status >= 500;
    if (rc == K2_OK && (status < 200 || status > 299))
        return k2_fail(err, K2_E_IO, "alert.webhook answered %d", status);
    return rc;
}

static void finish(struct alerter *a, const struct alert *alert, bool good) {
    pthread_mutex_lock(&a->mutex);
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->queue[i].body, alert->body) == 0) {
            take_out(a, i);
            break;
        }
    }
    a->tries = 0;
    if (good && alert->page)
        remember_sent(a, alert->id);
    else if (!alert->page)
        forget_sent(a, alert->id);
    if (good || !alert->page)
        save_sent(a);
    pthread_mutex_unlock(&a->mutex);
    k2_metric_add(good ? a->count_sent : a->count_failed, 1);
}

static K2_RC send_one(struct alerter *a, struct alert *alert, const char *url, struct k2_err *err) {
    bool again = false;
    struct k2_err why = {0};
    int rc = post(url, alert, &again, &why);
    if (rc != K2_OK && again && ++a->tries < TRIES) {
        *err = why;
        return rc;
    }
    if (rc != K2_OK)
        k2_log(K2_LOG_ERROR, "an alert could not be sent", "entry", alert->id, "why", why.msg,
               NULL);
    finish(a, alert, rc == K2_OK);
    return K2_OK;
}

static void tell(struct alerter *a) {
    pthread_mutex_lock(&a->mutex);
    bool off = !a->url[0];
    size_t waiting = a->n;
    pthread_mutex_unlock(&a->mutex);
    if (off)
        agent_tell(a->agent, "alert.webhook is not set");
    else
        agent_tell(a->agent, "%" PRId64 " sent, %" PRId64 " failed, %zu waiting",
                   k2_metric_value(a->count_sent), k2_metric_value(a->count_failed), waiting);
}

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct alerter *a = self;
    struct alert alert = {0};
    char *url = NULL;
    int rc = K2_OK;
    if (next(a, now_ns, &alert, &url, rest)) {
        rc = send_one(a, &alert, url, err);
        *rest = 0;
    }
    free_alert(&alert);
    free(url);
    tell(a);
    return rc;
}

/* --- the calls --- */

struct alerter *alerter_new(const char *data, const struct k2_config *config) {
    static const struct agent_ops ops = {work, NULL, 0};
    struct alerter *a = k2_zalloc(sizeof *a);
    char *run = k2_path(data, "run");
    a->path = k2_path(run, "alerts.sent");
    free(run);
    load_sent(a);
    a->agent = agent_new("alerts", &ops, a);
    pthread_mutex_init(&a->mutex, NULL);
    a->count_sent = k2_metric(K2_METRIC_alerts_sent, NULL);
    a->count_failed = k2_metric(K2_METRIC_alerts_failed, NULL);
    a->count_dropped = k2_metric(K2_METRIC_alerts_dropped, NULL);
    alerter_reload(a, config);
    return a;
}

void alerter_reload(struct alerter *a, const struct k2_config *config) {
    pthread_mutex_lock(&a->mutex);
    free(a->url);
    a->url = k2_strdup(k2_config_string(config, K2_CONFIG_alert_webhook));
    a->outage_after_ns = k2_config_int(config, K2_CONFIG_alert_outage_after);
    pthread_mutex_unlock(&a->mutex);
    agent_wake(a->agent);
}

void alerter_free(struct alerter *a) {
    if (!a)
        return;
    k2_metric_add(a->count_dropped, (int64_t)a->n);
    while (a->n > 0)
        free_alert(&a->queue[--a->n]);
    while (a->n_sent > 0)
        free(a->sent[--a->n_sent]);
    free(a->path);
    free(a->url);
    agent_free(a->agent);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

struct agent *alerter_agent(struct alerter *a) {
    return a->agent;
}
