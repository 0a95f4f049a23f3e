/* tests/judge/dbn_tool.c - what the decoder and the writer of DBN make of a stream, for dbn_judge.py.
 *
 * usage: dbn_tool fields < STREAM           each field: path, offset in the stream, size, text in hex; tabs
 *        dbn_tool write KIND < STREAM       its events as DBN; KIND is trade, quote, book_event or all
 * Frames are cut here, after the format's description, and not by the decoder.
 */
#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>

struct teller {
    char path[200];
    size_t frame; /* offset of it */
};

static void tell_open(void *ctx, const char *name, int index, size_t at) {
    struct teller *t = ctx;
    size_t n = strlen(t->path);
    (void)at;
    if (index < 0)
        snprintf(t->path + n, sizeof t->path - n, "%s.", name);
    else
        snprintf(t->path + n, sizeof t->path - n, "%s.%d.", name, index);
}

static void tell_close(void *ctx) {
    struct teller *t = ctx;
    size_t n = strlen(t->path) - 1;
    while (n > 0 && t->path[n - 1] != '.')
        n--;
    if (n > 0 && t->path[n] >= '0' && t->path[n] <= '9') /* and the name in front of the index */
        for (n--; n > 0 && t->path[n - 1] != '.';)
            n--;
    t->path[n] = 0;
}

static void tell_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                       size_t size) {
    const struct teller *t = ctx;
    if (padding)
        return;
    printf("%s%s\t%zu\t%zu\t", t->path, name, t->frame + at, size);
    for (size_t i = 0; i < text.n; i++)
        printf("%02x", (unsigned char)text.p[i]);
    putchar('\n');
}

static size_t frame_size(const uint8_t *p, size_t n) {
    size_t size = n >= 8 && memcmp(p, "DBN", 3) == 0 ? 8 + (size_t)k2_get_u32(p + 4) : 4u * p[0];
    return size == 0 || size > n ? n : size;
}

static int tell_fields(const struct k2_buf *in) {
    const struct feed_ops *ops = feed_find(K2_SV("dbn"));
    struct teller t = {0};
    const struct feed_visit visit = {&t, tell_open, tell_close, tell_field};
    struct k2_err err = {0};
    for (size_t size; t.frame < in->n; t.frame += size) {
        size = frame_size(in->p + t.frame, in->n - t.frame);
        const struct feed_frame frame = {.bytes = {(const char *)in->p + t.frame, size},
                                         .offset = t.frame};
        printf("#\t%zu\n", t.frame);
        if (ops->dissect(ops, NULL, &frame, &visit, &err) != K2_OK) {
            fprintf(stderr, "%s\n", err.msg);
            return 1;
        }
    }
    return 0;
}

struct rewriter {
    struct feed_dbn_writer *writer;
    struct k2_interner *in;
    struct k2_buf out;
};

static int rewrite_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                         struct k2_err *err) {
    struct rewriter *w = ctx;
    const char *why;
    (void)raw;
    (void)position;
    (void)err;
    if (!feed_dbn_write(w->writer, e, w->in, &w->out, &why))
        fprintf(stderr, "left out: %s\n", why);
    return K2_OK;
}

static int rewrite_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    (void)err;
    fprintf(stderr, "refused: %s\n", r->detail);
    return K2_OK;
}

static int rewrite(const struct k2_buf *in, const char *kind) {
    const struct feed_ops *ops = feed_find(K2_SV("dbn"));
    const struct k2_kind *k = k2_kind_by_name(k2_sv_of(kind));
    struct rewriter w = {.in = k2_interner_new()};
    const struct feed_dbn_head head = {.dataset = K2_SV("GLBX.MDP3"),
                                       .kind = k ? k->id : K2_KIND_COUNT,
                                       .start_ns = K2_NULL_LONG,
                                       .end_ns = K2_NULL_LONG};
    const struct feed_options o = {.source = K2_SV("stdin"), .date = INT32_MIN};
    const struct feed_sink sink = {&w, rewrite_event, rewrite_reject, NULL};
    struct k2_err err = {0};
    size_t used;
    void *state = k2_zalloc(ops->state_size);
    w.writer = feed_dbn_writer_new(&head, &w.out);
    int rc = ops->init(ops, state, &o, w.in, &err);
    if (rc == K2_OK)
        rc = ops->decode(state, k2_buf_view(in), true, &used, &sink, &err);
    fwrite(w.out.p, 1, w.out.n, stdout);
    feed_dbn_writer_free(w.writer);
    ops->fini(state);
    free(state);
    k2_interner_free(w.in);
    k2_buf_free(&w.out);
    return rc != K2_OK;
}

int main(int argc, char **argv) {
    struct k2_buf in = {0};
    size_t got;
    while ((got = fread(k2_buf_need(&in, 65536), 1, 65536, stdin)) > 0)
        in.n += got;
    int rc = 2;
    if (argc == 2 && strcmp(argv[1], "fields") == 0)
        rc = tell_fields(&in);
    else if (argc == 3 && strcmp(argv[1], "write") == 0)
        rc = rewrite(&in, argv[2]);
    k2_buf_free(&in);
    return rc;
}
