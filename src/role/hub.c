/* role/hub.c - see hub.h. */
#include "role/hub.h"

#include "base/log.h"
#include "role/deriving.h"
#include "role/executions.h"
#include "role/jobs.h"
#include "role/line.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 32 };
#define IDLE_MS 60000 /* a connection that asks nothing for so long ends */
#define PAUSE_MS 100

struct hub {
    char *data;
    struct feeder *feeder;
    struct hub_hooks hooks;
    int fd, stop; /* stop: readable when it is time to end */
    _Atomic bool stopping;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the count */
    pthread_cond_t gone;
    int connections;
};

struct visit { /* one connection */
    struct hub *hub;
    struct line *line;
};

/* --- answers --- */

static struct k2_json *wrap(const char *key, struct k2_json *value) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, key, value);
    return v;
}

static bool send_progress(void *ctx, const struct job_report *so_far) {
    struct visit *v = ctx;
    if (atomic_load(&v->hub->stopping) || line_is_closed(v->line))
        return false;
    return line_send(v->line, wrap("progress", request_report_json(so_far)), -1, NULL) == K2_OK;
}

static void answer(struct visit *v, int rc, const struct k2_err *why, struct k2_json *done) {
    struct k2_json *a = rc == K2_OK ? k2_json_object() : request_error_json(why);
    if (done)
        k2_json_set(a, "done", done);
    (void)!line_send(v->line, a, -1, NULL); /* who asked may be gone */
}

/* --- requests --- */

static void do_ingest(struct visit *v, const struct k2_json *request, int fd) {
    struct request_ingest r;
    struct job_report report = {.all = -1};
    struct k2_err why = {0};
    int rc = request_ingest_read(request, &r, &why);
    if (rc == K2_OK && !r.path && fd < 0)
        rc =
            k2_fail(&why, K2_E_INVALID, "the request 'ingest' has neither a path nor a descriptor");
    if (rc == K2_OK)
        rc = jobs_ingest(v->hub->feeder, &r, fd, send_progress, v, &report, &why);
    answer(v, rc, &why, request_report_json(&report));
}

static void do_simulate(struct visit *v, const struct k2_json *request) {
    struct sim_options o;
    struct job_report report = {.all = -1};
    struct k2_err why = {0};
    int rc = request_sim_read(request, &o, &why);
    if (rc == K2_OK)
        rc = jobs_simulate(v->hub->feeder, &o, send_progress, v, &report, &why);
    answer(v, rc, &why, request_report_json(&report));
}

static void do_mark(struct visit *v, const struct k2_json *request) {
    struct request_mark m;
    struct k2_err why = {0};
    bool again = false;
    int rc = request_mark_read(request, &m, &why);
    if (rc == K2_OK)
        rc = jobs_mark(v->hub->feeder, &m, &again, &why);
    struct k2_json *a = rc == K2_OK ? k2_json_object() : request_error_json(&why);
    k2_json_set(a, "again", k2_json_bool(again));
    (void)!line_send(v->line, a, -1, NULL);
}

static void do_retry(struct visit *v, const struct k2_json *request) {
    struct request_retry r;
    struct k2_err why = {0};
    struct k2_buf text = {0};
    enum ingest_retried outcome = INGEST_RETRY_REFUSED;
    int rc = request_retry_read(request, &r, &why);
    if (rc == K2_OK)
        rc = jobs_retry(v->hub->feeder, &r.record, &outcome, &text, &why);
    struct k2_json *a = rc == K2_OK ? k2_json_object() : request_error_json(&why);
    k2_json_set(a, "outcome", k2_json_int(outcome));
    k2_json_set(a, "why", k2_json_string(k2_buf_view(&text)));
    (void)!line_send(v->line, a, -1, NULL);
    k2_buf_free(&r.raw);
    k2_buf_free(&r.header);
    k2_buf_free(&text);
}

static void do_executions(struct visit *v, const struct k2_json *request) {
    struct role_executions group;
    struct k2_err why = {0};
    struct k2_json *answers = k2_json_array();
    int rc = executions_read(request, &group, &why);
    if (rc == K2_OK)
        rc = executions_run(v->hub->feeder, v->hub->data, &group, answers, &why);
    answer(v, rc, &why, answers);
}

static bool is_waited_for(void *ctx, const struct job_report *so_far) {
    const struct visit *v = ctx;
    (void)so_far;
    return !atomic_load(&v->hub->stopping) && !line_is_closed(v->line);
}

static void do_derive(struct visit *v, const struct k2_json *request) {
    struct k2_sv word = {0};
    struct k2_err why = {0};
    struct derive_report report = {0};
    (void)k2_json_as_string(k2_json_get(request, "what"), &word);
    enum derive_what what =
        k2_sv_eq(word, k2_sv_of(derive_name(DERIVE_PNL))) ? DERIVE_PNL : DERIVE_VOLUME;
    int rc = deriving_run(v->hub->feeder, v->hub->data, what, is_waited_for, v, &report, &why);
    struct k2_json *done = wrap("records", k2_json_int(report.records));
    k2_json_set(done, "rows", k2_json_int(report.rows));
    answer(v, rc, &why, done);
}

static void do_retain(struct visit *v, const struct k2_json *request) {
    int64_t older_than = 0, last = -1;
    int removed = 0;
    struct k2_err why = {0};
    (void)k2_json_as_int(k2_json_get(request, "older_than_ns"), &older_than);
    (void)k2_json_as_int(k2_json_get(request, "last"), &last);
    int rc = jobs_retain(v->hub->feeder, older_than, last, &removed, &why);
    answer(v, rc, &why, wrap("removed", k2_json_int(removed)));
}

static void do_grow(struct visit *v, const struct k2_json *request) {
    struct k2_sv topic = {0};
    struct k2_err why = {0};
    struct journal_grown grown = {0};
    int64_t partitions = 0;
    (void)k2_json_as_string(k2_json_get(request, "topic"), &topic);
    (void)k2_json_as_int(k2_json_get(request, "partitions"), &partitions);
    bool fits = partitions > 0 && partitions <= INT32_MAX;
    int rc = jobs_grow(v->hub->feeder, topic, fits ? (int32_t)partitions : 0, &grown, &why);
    struct k2_json *done = wrap("version", k2_json_int(grown.version));
    k2_json_set(done, "partitions", k2_json_int(grown.partitions));
    k2_json_set(done, "first", k2_json_int(grown.first));
    k2_json_set(done, "already", k2_json_bool(grown.already));
    answer(v, rc, &why, done);
}

static void do_status(struct visit *v) {
    struct k2_err none = {0};
    answer(v, K2_OK, &none, v->hub->hooks.status(v->hub->hooks.ctx));
}

static void do_resume(struct visit *v, const struct k2_json *request) {
    struct k2_sv role = {0};
    struct k2_err why = {0};
    (void)k2_json_as_string(k2_json_get(request, "role"), &role);
    bool found = role.n > 0 && v->hub->hooks.resume(v->hub->hooks.ctx, role.p);
    int rc = found ? K2_OK
                   : k2_fail(&why, K2_E_NOTFOUND, "there is no role '%.*s'; k2 status names them",
                             K2_SV_ARG(role));
    answer(v, rc, &why, NULL);
}

static void refuse(struct visit *v, struct k2_sv word) {
    struct k2_err why;
    int rc =
        k2_fail(&why, K2_E_UNSUPPORTED,
                "the running k2 up does not know the request '%.*s'; is it of another version?",
                K2_SV_ARG(word));
    answer(v, rc, &why, NULL);
}

static void dispatch(struct visit *v, const struct k2_json *request, int fd) {
    struct k2_sv word = {0};
    (void)k2_json_as_string(k2_json_get(request, "do"), &word);
    if (k2_sv_eq(word, K2_SV("ingest")))
        do_ingest(v, request, fd);
    else if (k2_sv_eq(word, K2_SV("simulate")))
        do_simulate(v, request);
    else if (k2_sv_eq(word, K2_SV("mark")))
        do_mark(v, request);
    else if (k2_sv_eq(word, K2_SV("retry")))
        do_retry(v, request);
    else if (k2_sv_eq(word, K2_SV("executions")))
        do_executions(v, request);
    else if (k2_sv_eq(word, K2_SV("derive")))
        do_derive(v, request);
    else if (k2_sv_eq(word, K2_SV("retain")))
        do_retain(v, request);
    else if (k2_sv_eq(word, K2_SV("grow")))
        do_grow(v, request);
    else if (k2_sv_eq(word, K2_SV("status")))
        do_status(v);
    else if (k2_sv_eq(word, K2_SV("resume")))
        do_resume(v, request);
    else
        refuse(v, word);
}

/* --- connections --- */

/* False when the connection ends. */
static bool serve_one(struct visit *v) {
    struct k2_json *request;
    struct k2_err why = {0};
    int fd;
    int rc = line_receive(v->line, &request, &fd, &why);
    if (rc == K2_OK && !request)
        return false;
    if (rc == K2_OK)
        dispatch(v, request, fd);
    else
        answer(v, rc, &why, NULL);
    k2_json_free(request);
    if (fd >= 0)
        close(fd);
    return rc == K2_OK && !atomic_load(&v->hub->stopping);
}

/* Waits for a request, or for the end. */
static bool next_request(struct visit *v) {
    while (!atomic_load(&v->hub->stopping)) {
        struct pollfd p[] = {{.fd = line_descriptor(v->line), .events = POLLIN},
                             {.fd = v->hub->stop, .events = POLLIN}};
        int ready = line_has_more(v->line) ? 1 : poll(p, 2, IDLE_MS);
        if (ready == 0)
            return false;
        if (line_has_more(v->line) || (ready > 0 && p[0].revents))
            return !atomic_load(&v->hub->stopping);
    }
    return false;
}

static void leave(struct hub *h) {
    pthread_mutex_lock(&h->mutex);
    h->connections--;
    pthread_cond_broadcast(&h->gone);
    pthread_mutex_unlock(&h->mutex);
}

static void *visit(void *arg) {
    struct visit *v = arg;
    while (next_request(v) && serve_one(v))
        ;
    struct hub *h = v->hub;
    line_close(v->line);
    free(v);
    leave(h);
    return NULL;
}

static bool enter(struct hub *h) {
    pthread_mutex_lock(&h->mutex);
    bool room = h->connections < MOST_CONNECTIONS;
    h->connections += room;
    pthread_mutex_unlock(&h->mutex);
    return room;
}

/* Who stops in the middle of a line, or takes no answer, must not hold up the end. */
static void limit(int fd) {
    const struct timeval t = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

static void welcome(struct hub *h, int fd) {
    limit(fd);
    struct visit *v = k2_zalloc(sizeof *v);
    pthread_t thread;
    v->hub = h;
    v->line = line_new(fd);
    if (enter(h)) {
        if (pthread_create(&thread, NULL, visit, v) == 0) {
            pthread_detach(thread);
            return;
        }
        leave(h);
    }
    struct k2_err why;
    int rc =
        k2_fail(&why, K2_E_LOCKED, "k2 up serves %d commands already; try again", MOST_CONNECTIONS);
    why.retriable = true;
    answer(v, rc, &why, NULL);
    line_close(v->line);
    free(v);
}

static void *wait_for_visits(void *arg) {
    struct hub *h = arg;
    while (!atomic_load(&h->stopping)) {
        struct pollfd p[] = {{.fd = h->fd, .events = POLLIN}, {.fd = h->stop, .events = POLLIN}};
        if (poll(p, 2, -1) <= 0 || !(p[0].revents & POLLIN))
            continue;
        int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(h, fd);
        else
            poll(&p[1], 1, PAUSE_MS); /* no descriptors left: they come back */
    }
    return NULL;
}

/* --- the calls --- */

int hub_open(const char *data, struct feeder *f, const struct hub_hooks *hooks, struct hub **out,
             struct k2_err *err) {
    struct hub *h = k2_zalloc(sizeof *h);
    h->data = k2_strdup(data);
    h->feeder = f;
    h->hooks = *hooks;
    h->stop = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&h->mutex, NULL);
    pthread_cond_init(&h->gone, NULL);
    int rc = h->stop < 0 ? k2_fail_errno(err, "eventfd") : line_listen(data, &h->fd, err);
    if (rc == K2_OK && pthread_create(&h->thread, NULL, wait_for_visits, h) != 0) {
        line_unlisten(data, h->fd);
        rc = k2_fail(err, K2_E_FAILED, "the thread for other commands cannot be started");
    }
    if (rc == K2_OK) {
        *out = h;
        return K2_OK;
    }
    if (h->stop >= 0)
        close(h->stop);
    free(h->data);
    free(h);
    return rc;
}

void hub_close(struct hub *h) {
    if (!h)
        return;
    uint64_t one = 1;
    atomic_store(&h->stopping, true);
    (void)!write(h->stop, &one, sizeof one);
    pthread_join(h->thread, NULL);
    pthread_mutex_lock(&h->mutex);
    while (h->connections > 0)
        pthread_cond_wait(&h->gone, &h->mutex);
    pthread_mutex_unlock(&h->mutex);
    line_unlisten(h->data, h->fd);
    close(h->stop);
    pthread_cond_destroy(&h->gone);
    pthread_mutex_destroy(&h->mutex);
    free(h->data);
    free(h);
}
