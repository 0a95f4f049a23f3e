/* Dissects frames by a layout, for layouts.py: each line of standard input is a frame in hex and its flow; each
 * line of output is the frame's tree as JSON, [[name, index, [children] or text], ...], a tab, and what is wrong.
 * Index: -1 = does not repeat, -2 = a field of padding. */
#include "feed/layout/layout.h"

#include <stdio.h>
#include <stdlib.h>

static bool first = true;
static int depth;

static void begin(const char *name, int index) {
    printf("%s[\"%s\",%d,", first ? "" : ",", name, index);
    first = false;
}

static void open_group(void *ctx, const char *name, int index, size_t at) {
    (void)ctx;
    (void)at;
    begin(name, index);
    putchar('[');
    first = true;
    depth++;
}

static void close_group(void *ctx) {
    (void)ctx;
    printf("]]");
    first = false;
    depth--;
}

static void put_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                      size_t size) {
    (void)ctx;
    (void)at;
    (void)size;
    begin(name, padding ? -2 : -1);
    putchar('"');
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    printf("\"]");
}

static size_t from_hex(const char *hex, size_t n, char *out) {
    for (size_t i = 0; i + 1 < n; i += 2) {
        const char pair[3] = {hex[i], hex[i + 1], 0};
        out[i / 2] = (char)strtoul(pair, NULL, 16);
    }
    return n / 2;
}

static void show(const struct feed_ops *ops, void *state, char *line) {
    static char bytes[1 << 17];
    const struct feed_visit visit = {NULL, open_group, close_group, put_field};
    struct k2_err err = {0};
    char *space = strchr(line, ' ');
    K2_ASSERT(space);
    struct k2_sv flow = k2_sv_trim(k2_sv_of(space));
    struct feed_frame f = {.time_ns = K2_NULL_LONG, .number = 1, .flow_name = flow};
    f.bytes = (struct k2_sv){bytes, from_hex(line, (size_t)(space - line), bytes)};
    first = true;
    putchar('[');
    int rc = ops->dissect(ops, state, &f, &visit, &err);
    while (depth)
        close_group(NULL);
    printf("]\t%s\n", rc == K2_OK ? "" : err.msg);
}

int main(int argc, char **argv) {
    static char line[1 << 18];
    const struct feed_ops *ops;
    struct k2_err err = {0};
    if (argc != 2 || feed_load(k2_sv_of(argv[1]), &ops, &err) != K2_OK || !ops->dissect) {
        fprintf(stderr, "layout_show: %s\n", err.msg);
        return 1;
    }
    void *state = k2_zalloc(ops->state_size);
    while (fgets(line, sizeof line, stdin))
        show(ops, state, line);
    ops->fini(state);
    free(state);
    return 0;
}
