/* role/executions.c - see executions.h. */
#include "role/executions.h"

#include "lake/lake.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A sink beside us may have much to do; its lock is asked for so often and so
 * long. */
#define LOCK_RETRY_NS (2 * K2_NS_PER_MS)
#define LOCK_WAIT_NS (120 * K2_NS_PER_SEC)
enum { COMMIT_ROWS = 16384 };

/* --- requests --- */

static void put_text(struct k2_json *v, const char *key, const char *text) {
    if (text)
        k2_json_set(v, key, k2_json_cstring(text));
}

static const char *get_text(const struct k2_json *v, const char *key) {
    struct k2_sv s;
    return k2_json_as_string(k2_json_get(v, key), &s) ? s.p : NULL;
}

/* JSON has no place for bytes that are no UTF-8: they travel as hexadecimal
 * digits then. */
static void put_bytes(struct k2_json *v, struct k2_sv text) {
    struct k2_buf hex = {0};
    struct k2_json *plain = k2_json_string(text);
    struct k2_sv back;
    if (k2_json_as_string(plain, &back) && k2_sv_eq(back, text)) {
        k2_json_set(v, "text", plain);
        return;
    }
    k2_json_free(plain);
    for (size_t i = 0; i < text.n; i++)
        k2_buf_printf(&hex, "%02x", (unsigned)(unsigned char)text.p[i]);
    k2_json_set(v, "hex", k2_json_string(k2_buf_view(&hex)));
    k2_buf_free(&hex);
}

struct k2_json *executions_request(const struct role_executions *group) {
    struct k2_json *v = k2_json_object();
    put_text(v, "do", "executions");
    put_bytes(v, group->text);
    put_text(v, "source", group->source);
    put_text(v, "exchange", group->exchange);
    put_text(v, "calendar", group->calendar);
    k2_json_set(v, "position", k2_json_int(group->position));
    k2_json_set(v, "offset", k2_json_int(group->offset));
    return v;
}

static unsigned digit(char c) {
    return c <= '9' ? (unsigned)(c - '0') & 15 : (unsigned)(c - 'a' + 10) & 15;
}

/* The digits become bytes in their own place. */
static struct k2_sv unhex(const char *text) {
    char *out = (char *)(uintptr_t)text;
    size_t n = 0;
    for (const char *p = text; p[0] && p[1]; p += 2)
        out[n++] = (char)(digit(p[0]) << 4 | digit(p[1]));
    return (struct k2_sv){text, n};
}

int executions_read(const struct k2_json *v, struct role_executions *out, struct k2_err *err) {
    const char *hex = get_text(v, "hex");
    *out = (struct role_executions){.source = get_text(v, "source"),
                                    .exchange = get_text(v, "exchange"),
                                    .calendar = get_text(v, "calendar")};
    (void)k2_json_as_int(k2_json_get(v, "position"), &out->position);
    (void)k2_json_as_int(k2_json_get(v, "offset"), &out->offset);
    if (hex)
        out->text = unhex(hex);
    else if (!k2_json_as_string(k2_json_get(v, "text"), &out->text))
        return k2_fail(err, K2_E_INVALID, "the request 'executions' lacks its text");
    return K2_OK;
}

/* --- answers --- */

static void put_view(struct k2_json *v, const char *key, struct k2_sv text) {
    if (text.n > 0)
        k2_json_set(v, key, k2_json_string(text));
}

static struct k2_json *place_json(const struct ingest_receipt *r) {
    if (r->topic.n == 0)
        return k2_json_null();
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "topic", k2_json_string(r->topic));
    k2_json_set(v, "partition", k2_json_int(r->partition));
    k2_json_set(v, "offset", k2_json_int(r->offset));
    return v;
}

static void on_receipt(void *ctx, const struct ingest_receipt *r) {
    struct k2_json *v = k2_json_object();
    put_view(v, "execution_id", r->execution_id);
    put_view(v, "message_id", r->message_id);
    if (r->kind == RECEIPT_STORED || r->kind == RECEIPT_KNOWN) {
        k2_json_set(v, "journal", place_json(r));
        if (r->kind == RECEIPT_KNOWN)
            k2_json_set(v, "duplicate", k2_json_bool(true));
    } else {
        k2_json_set(v, "line", k2_json_int(r->position));
        put_view(v, "error", r->kind == RECEIPT_FILTERED ? K2_SV("FILTERED") : r->reason);
        put_view(v, "detail", r->detail);
    }
    k2_json_append(ctx, v);
}

int executions_append(struct ingest *g, const struct role_executions *group,
                      struct k2_json *answers, struct k2_err *err) {
    const struct ingest_executions_options o = {
        .feed = {.exchange = k2_sv_of(group->exchange),
                 .date = INT32_MIN,
                 .calendar = group->calendar,
                 .source = k2_sv_of(group->source)},
        .position = group->position,
        .offset = group->offset,
        .receipt = on_receipt,
        .ctx = answers,
    };
    return ingest_executions(g, group->text, &o, err);
}

/* --- the table --- */

static K2_RC run_sink(struct journal *j, struct lake *l, const char *data, struct k2_err *err) {
    const struct sink_options o = {.only = k2_kind(K2_KIND_EXECUTION), .commit_rows = COMMIT_ROWS};
    const struct timespec pause = {0, LOCK_RETRY_NS};
    int64_t start = k2_monotonic_ns();
    for (;;) {
        int rc = sink_run(j, l, data, &o, NULL, err);
        if (rc != K2_E_LOCKED || k2_monotonic_ns() - start >= LOCK_WAIT_NS)
            return rc;
        (void)nanosleep(&pause, NULL);
    }
}

static K2_RC current_snapshot(struct lake *l, int64_t *out, struct k2_err *err) {
    struct lake_table *t;
    K2_TRY(lake_table_load(l, k2_sv_of(k2_kind(K2_KIND_EXECUTION)->table), &t, err));
    *out = lake_table_info(t).current_snapshot;
    lake_table_free(t);
    return K2_OK;
}

/* The tables that every data directory has, where this is the first command in
 * it. */
static K2_RC make_tables(struct lake *l, struct k2_err *err) {
    struct lake_table *t = NULL;
    int rc = lake_table_load(l, k2_sv_of(k2_kind(K2_KIND_TRADE)->table), &t, err);
    lake_table_free(t);
    if (rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err);
    for (int i = 0; i < K2_KINDS_FROM_THE_START; i++)
        K2_TRY(lake_table_ensure(l, k2_kind((enum k2_kind_id)i), err));
    return K2_OK;
}

static K2_RC bring_up(const char *data, struct journal *j, int64_t *snapshot, struct k2_err *err) {
    struct lake *l;
    K2_TRY(lake_open(data, true, &l, err));
    int rc = make_tables(l, err);
    if (rc == K2_OK)
        rc = run_sink(j, l, data, err);
    if (rc == K2_OK)
        rc = current_snapshot(l, snapshot, err);
    lake_close(l);
    return rc;
}

static bool is_good(const struct k2_json *answer) {
    return !k2_json_get(answer, "error");
}

int executions_into_table(const char *data, struct journal *j, struct k2_json *answers,
                          struct k2_err *err) {
    int64_t snapshot = 0;
    struct journal *own = NULL;
    if (!j)
        K2_TRY(journal_open(data, JOURNAL_READ, NULL, &own, err));
    int rc = bring_up(data, j ? j : own, &snapshot, err);
    journal_close(own);
    for (size_t i = 0; rc == K2_OK && i < k2_json_count(answers); i++)
        if (is_good(k2_json_at(answers, i)))
            k2_json_set(k2_json_at(answers, i), "snapshot_id", k2_json_int(snapshot));
    return rc;
}

/* --- in a running k2 up --- */

struct job {
    const struct role_executions *group;
    struct k2_json *answers;
};

static K2_RC step(void *self, struct journal *j, struct ingest *g, struct job_report *report,
                  bool *done, bool *idle, struct k2_err *err) {
    const struct job *job = self;
    (void)j;
    (void)report;
    (void)idle;
    *done = true;
    return executions_append(g, job->group, job->answers, err);
}

static void end(void *self, struct ingest *g) {
    (void)self;
    (void)g;
}

int executions_run(struct feeder *f, const char *data, const struct role_executions *group,
                   struct k2_json *answers, struct k2_err *err) {
    static const struct job_ops ops = {.step = step, .end = end};
    struct job job = {group, answers};
    struct job_report report;
    K2_TRY(feeder_run(f, &ops, &job, NULL, NULL, &report, err));
    return executions_into_table(data, NULL, answers, err);
}
