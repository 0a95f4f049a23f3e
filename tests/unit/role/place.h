/* tests/unit/role/place.h - a directory with a platform in it, whose clock the test turns and whose agents
 * it steps. The files that feeds read are made of numbered ASX rows, so that one that is missing or there
 * twice is seen in the journal's counts.
 */
#ifndef PLACE_H
#define PLACE_H

#include "k2test.h"

#include "base/clock.h"
#include "base/fs.h"
#include "journal/journal.h"
#include "role/role.h"

enum { PLACE_INGEST, PLACE_SINK, PLACE_MAINTENANCE };

struct place {
    char *root, *data, *ini; /* data and ini are below root */
    struct k2_config *config;
    struct role_platform *platform;
    int64_t now_ns;
    struct k2_err err;
};

static inline struct place place_make(void) {
    struct place p = {.root = k2test_dir(), .now_ns = k2_now_ns()};
    p.data = k2_path(p.root, "data");
    p.ini = k2_path(p.root, "k2.ini");
    return p;
}

static inline char *place_path(const struct place *p, const char *name) {
    return k2_path(p->root, name);
}

/* Reads a configuration; '@' in it is the test's directory. */
static inline void place_configure(struct place *p, const char *text) {
    FILE *f = fopen(p->ini, "w");
    assert_non_null(f);
    for (; *text; text++) {
        if (*text == '@')
            fputs(p->root, f);
        else
            fputc(*text, f);
    }
    fclose(f);
    k2_config_free(p->config);
    CHECK_OK(k2_config_load(p->ini, &p->config, &p->err), &p->err);
}

static inline void place_open(struct place *p) {
    CHECK_OK(role_platform_open(p->data, p->config, &p->platform, &p->err), &p->err);
}

static inline void place_close(struct place *p) {
    struct role_platform *platform = p->platform;
    p->platform = NULL;
    CHECK_OK(role_platform_close(platform, &p->err), &p->err);
}

static inline void place_free(struct place *p) {
    if (p->platform)
        place_close(p);
    k2_config_free(p->config);
    free(p->data);
    free(p->ini);
    k2test_rmdir(p->root);
}

static inline struct agent_view place_view(struct place *p, const char *name) {
    struct agent_view views[16];
    int n = role_platform_views(p->platform, views, 16);
    for (int i = 0; i < n; i++)
        if (strcmp(views[i].name, name) == 0)
            return views[i];
    fail_msg("no role %s", name);
    return views[0];
}

static inline bool place_has_role(struct place *p, const char *name) {
    struct agent_view views[16];
    int n = role_platform_views(p->platform, views, 16);
    bool found = false;
    for (int i = 0; i < n; i++)
        found |= strcmp(views[i].name, name) == 0;
    return found;
}

/* One step of an agent; gives how long it wants to rest. */
static inline int64_t place_step(struct place *p, int index) {
    return agent_step(role_platform_agent(p->platform, index), p->now_ns);
}

/* The ingest's steps until it has nothing to do at this time. */
static inline void place_feed(struct place *p) {
    for (int i = 0; i < 10000; i++)
        if (place_step(p, PLACE_INGEST) > 0)
            return;
    fail_msg("the ingest never rests");
}

static inline void place_pass(struct place *p, int64_t seconds) {
    p->now_ns += seconds * K2_NS_PER_SEC;
    place_feed(p);
}

/* A commit of the sink, whenever the last one was. */
static inline void place_sink(struct place *p) {
    p->now_ns += 3600 * K2_NS_PER_SEC;
    place_step(p, PLACE_SINK);
    assert_int_equal(place_view(p, "sink").state, AGENT_UP);
}

/* --- what is fed --- */

/* Appends (or, from 0, writes) rows [from, to) of a day: row i is trade number i + 1 of its file. */
static inline void place_rows(struct place *p, const char *name, int from, int to, int day) {
    char *path = place_path(p, name);
    FILE *f = fopen(path, from == 0 ? "w" : "a");
    assert_non_null(f);
    for (int i = from; i < to; i++)
        fprintf(f, "03/%02d/2014,10:%02d:%02d.%03d,37.%02d,%d,0,,\n", day, i / 60000 % 60,
                i / 1000 % 60, i % 1000, i % 100, i + 1);
    fclose(f);
    free(path);
}

static inline void place_text(struct place *p, const char *name, const char *text) {
    char *path = place_path(p, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

/* --- what came of it --- */

/* Records that were ever in a topic. */
static inline int64_t place_records(struct place *p, const char *topic) {
    struct journal *j;
    struct journal_topic t;
    int64_t ends[64], sum = 0;
    CHECK_OK(journal_open(p->data, JOURNAL_READ, NULL, &j, &p->err), &p->err);
    if (journal_topic(j, k2_sv_of(topic), false, &t, NULL) == K2_OK) {
        CHECK_OK(journal_ends(j, t.id, ends, &p->err), &p->err);
        for (int i = 0; i < t.partitions; i++)
            sum += ends[i];
    }
    journal_close(j);
    return sum;
}

/* The rows of a question, as CSV without its header; to be freed. */
static inline char *place_ask(struct place *p, const char *sql) {
    const struct query_options options = {.threads = 1};
    const struct query_request request = {.sql = k2_sv_of(sql)};
    struct query_engine *q;
    struct query_result *result;
    char *text = NULL;
    size_t n = 0;
    CHECK_OK(query_open(p->data, &options, &q, &p->err), &p->err);
    CHECK_OK(query_run(q, &request, &result, &p->err), &p->err);
    FILE *out = open_memstream(&text, &n);
    CHECK_OK(query_print(result, QUERY_CSV, 0, out, NULL, &p->err), &p->err);
    fclose(out);
    query_result_free(result);
    query_close(q);
    const char *body = strchr(text, '\n');
    char *rows = strdup(body ? body + 1 : "");
    free(text);
    return rows;
}

static inline void place_expect(struct place *p, const char *sql, const char *rows) {
    char *got = place_ask(p, sql);
    assert_string_equal(got, rows);
    free(got);
}

#endif
