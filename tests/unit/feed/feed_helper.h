/* What the tests of decoders share: a sink that keeps everything, and a decoder fed in pieces. */
#ifndef FEED_HELPER_H
#define FEED_HELPER_H

#include "feed/feed.h"
#include "k2test.h"

struct kept {
    struct k2_event event; /* or the reject's partial */
    bool rejected, numbered, has_partial;
    char reason[24], detail[200];
    char *raw;
    size_t raw_n;
    int64_t position;
    uint64_t offset;
};

struct gathered {
    struct k2_interner *in;
    struct kept *all;
    size_t n, cap;
    int64_t events, rejects, filtered;
    char why[64]; /* of the last filtered */
    struct feed_sink sink;
};

static inline struct kept *add_kept(struct gathered *g, struct k2_sv raw, int64_t position) {
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 64;
        g->all = realloc(g->all, g->cap * sizeof *g->all);
    }
    struct kept *k = &g->all[g->n++];
    memset(k, 0, sizeof *k);
    k->raw = k2_sv_dup(raw);
    k->raw_n = raw.n;
    k->position = position;
    return k;
}

static inline int keep_event(void *ctx, const struct k2_event *e, struct k2_sv raw,
                             int64_t position, struct k2_err *err) {
    struct gathered *g = ctx;
    (void)err;
    g->events++;
    add_kept(g, raw, position)->event = *e;
    return K2_OK;
}

static inline int keep_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    struct gathered *g = ctx;
    (void)err;
    g->rejects++;
    struct kept *k = add_kept(g, r->raw, r->position);
    k->rejected = true;
    k->numbered = r->numbered;
    k->has_partial = r->partial != NULL;
    k->offset = r->offset;
    if (r->partial)
        k->event = *r->partial;
    snprintf(k->reason, sizeof k->reason, "%s", r->reason);
    snprintf(k->detail, sizeof k->detail, "%s", r->detail);
    return K2_OK;
}

static inline int keep_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct gathered *g = ctx;
    (void)err;
    g->filtered++;
    snprintf(g->why, sizeof g->why, "%s", why);
    return K2_OK;
}

static inline void gather_init(struct gathered *g) {
    *g = (struct gathered){.in = k2_interner_new()};
    g->sink = (struct feed_sink){g, keep_event, keep_reject, keep_filtered};
}

static inline void gather_free(struct gathered *g) {
    for (size_t i = 0; i < g->n; i++)
        free(g->all[i].raw);
    free(g->all);
    k2_interner_free(g->in);
}

static inline struct feed_options plain_options(const char *source) {
    return (struct feed_options){.source = k2_sv_of(source), .date = INT32_MIN};
}

/* Decodes text shown `step` bytes more at a time (0 = all at once). */
static inline void decode_text(const char *format, const struct feed_options *o, struct k2_sv text,
                               size_t step, struct gathered *g) {
    struct k2_err err = {0};
    const struct feed_ops *ops = feed_find(k2_sv_of(format));
    void *state = calloc(1, ops->state_size);
    CHECK_OK(ops->init(ops, state, o, g->in, &err), &err);
    size_t done = 0, shown = step ? 0 : text.n;
    bool last = false;
    while (!last) {
        shown = step == 0 || shown + step > text.n ? text.n : shown + step;
        last = shown == text.n;
        /* a copy of its own, so that reading beyond it is seen */
        size_t n = shown - done, used = 0;
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text.p + done, n);
        CHECK_OK(ops->decode(state, (struct k2_sv){copy, n}, last, &used, &g->sink, &err), &err);
        assert_true(used <= n);
        done += used;
        free(copy);
    }
    ops->fini(state);
    free(state);
    assert_int_equal(done, text.n);
}

/* Reads a file to its end in steps of so many bytes; gives the status. */
static inline int read_file(const char *format, const struct feed_options *o, const char *path,
                            size_t step, struct gathered *g, struct k2_err *err) {
    const struct feed_tail_options t = {.ops = feed_find(k2_sv_of(format)), .feed = *o};
    struct feed_tail *tail;
    bool idle = false;
    int rc = feed_tail_open(path, &t, g->in, &tail, err);
    if (rc != K2_OK)
        return rc;
    while (rc == K2_OK && !feed_tail_state(tail).ended)
        rc = feed_tail_step(tail, step, &g->sink, &idle, err);
    assert_true(idle || rc != K2_OK);
    feed_tail_close(tail);
    return rc;
}

static inline void decode_file(const char *format, const struct feed_options *o, const char *path,
                               struct gathered *g) {
    struct k2_err err = {0};
    CHECK_OK(read_file(format, o, path, 0, g, &err), &err);
}

/* The folder of real data, or NULL with a line that says why the test skips. */
static inline const char *shared_data(void) {
    const char *dir = getenv("K2_SHARED_DATA");
    if (!dir || access(dir, R_OK) != 0) {
        printf("SKIP: K2_SHARED_DATA does not name the folder of real data\n");
        return NULL;
    }
    return dir;
}

static inline const char *text_of(const struct gathered *g, uint32_t id) {
    static char out[4][300];
    static int turn;
    char *s = out[turn++ & 3];
    struct k2_sv v = k2_interned(g->in, id);
    if (!id)
        return "(null)";
    snprintf(s, sizeof out[0], "%.*s", K2_SV_ARG(v));
    return s;
}

#endif
