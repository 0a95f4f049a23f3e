/* base/err.c - see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *meaning;
    int exit_code;
} statuses[K2_STATUS_COUNT] = {
#define K2_STATUS(name, exit_code, meaning) {#name, meaning, exit_code},
#include "base/status.def"
#undef K2_STATUS
};

static int index_of(int status) {
    int i = -1 - status;
    return i >= 0 && i < K2_STATUS_COUNT ? i : -1;
}

static bool is_retriable(int status) {
    return status == K2_E_LOCKED || status == K2_E_CONFLICT;
}

static void set(struct k2_err *err, int status, const char *fmt, va_list args) {
    err->status = status;
    err->retriable = is_retriable(status);
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
}

void k2_fail_(struct k2_err *err, int status, const char *fmt, ...) {
    if (err) {
        va_list args;
        va_start(args, fmt);
        set(err, status, fmt, args);
        va_end(args);
    }
}

void k2_fail_errno_(struct k2_err *err, const char *fmt, ...) {
    int saved = errno;
    if (err) {
        va_list args;
        va_start(args, fmt);
        set(err, K2_E_IO, fmt, args);
        va_end(args);
        size_t n = strlen(err->msg);
        char text[128];
        snprintf(err->msg + n, sizeof err->msg - n, ": %s",
                 strerror_r(saved, text, sizeof text)); /* the GNU variant: returns the text */
        err->retriable = saved == EAGAIN || saved == EINTR;
    }
    errno = saved;
}

int k2_err_context(struct k2_err *err, int status, const char *fmt, ...) {
    if (!err || status == K2_OK)
        return status;
    char context[sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    size_t n = strlen(context), have = strlen(err->msg);
    if (n + 2 + have >= sizeof err->msg) { /* the cause matters more than its context */
        size_t room = sizeof err->msg - 1 - have;
        n = room > 2 ? room - 2 : 0;
        if (n == 0)
            return status;
    }
    memmove(err->msg + n + 2, err->msg, have + 1);
    memcpy(err->msg, context, n);
    memcpy(err->msg + n, ": ", 2);
    return status;
}

void k2_err_clear(struct k2_err *err) {
    if (err)
        *err = (struct k2_err){0};
}

const char *k2_status_name(int status) {
    int i = index_of(status);
    return status == K2_OK ? "OK" : i < 0 ? "UNKNOWN" : statuses[i].name;
}

const char *k2_status_meaning(int status) {
    int i = index_of(status);
    return status == K2_OK ? "done" : i < 0 ? "unknown status" : statuses[i].meaning;
}

int k2_status_exit_code(int status) {
    int i = index_of(status);
    return status == K2_OK ? 0 : i < 0 ? 1 : statuses[i].exit_code;
}

void k2_panic(const char *file, int line, const char *cond) {
    fprintf(stderr, "k2: bug: %s:%d: %s does not hold; please report it with this line\n", file,
            line, cond);
    abort();
}
