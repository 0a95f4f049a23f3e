/* verb/progress.c - see progress.h. */
#include "verb/progress.h"

#include <stdarg.h>
#include <unistd.h>

void progress_start(struct progress *p, const struct verb_context *c) {
    *p = (struct progress){.on = !c->quiet && !c->json_logs && isatty(STDERR_FILENO) == 1,
                           .start_ns = k2_monotonic_ns()};
}

bool progress_due(struct progress *p) {
    if (!p->on)
        return false;
    int64_t now = k2_monotonic_ns();
    /* Work that ends within half a second needs no line. */
    if (now - p->start_ns < K2_NS_PER_SEC / 2 || now - p->last_ns < K2_NS_PER_SEC / 10)
        return false;
    p->last_ns = now;
    return true;
}

void progress_show(struct progress *p, const char *fmt, ...) {
    char text[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct k2_buf line = {0};
    k2_buf_visible(&line, k2_sv_of(text), false);
    fprintf(stderr, "\r\033[K%s", k2_buf_cstr(&line));
    k2_buf_free(&line);
    fflush(stderr);
    p->shown = true;
}

void progress_end(struct progress *p) {
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
