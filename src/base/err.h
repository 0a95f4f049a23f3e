/* base/err.h - how K2 reports failure.
 *
 * A function that can fail returns K2_RC: 0 (K2_OK) or a negative enum k2_status. Its last parameter
 * is a struct k2_err on the caller's stack (NULL is allowed everywhere); the callee fills it with
 * what happened, to which thing, and what to do. Each level that knows more puts its own context in
 * front (K2_TRY_CTX), so that an operator reads the chain of causes from left to right.
 *
 * Bugs are asserted (K2_ASSERT, on in release too); bad input is never a bug: it is returned.
 * Thread-safety: a k2_err belongs to one thread at a time; nothing here is shared.
 */
#ifndef K2_BASE_ERR_H
#define K2_BASE_ERR_H

#include <stdbool.h>

enum k2_status_index {
#define K2_STATUS(name, exit_code, meaning) K2_INDEX_##name,
#include "base/status.def"
#undef K2_STATUS
    K2_STATUS_COUNT
};

enum k2_status {
    K2_OK = 0,
#define K2_STATUS(name, exit_code, meaning) K2_E_##name = -1 - K2_INDEX_##name,
#include "base/status.def"
#undef K2_STATUS
};

struct k2_err {
    int status;     /* an enum k2_status; 0 while nothing failed */
    bool retriable; /* the same call may succeed later without any change */
    char msg[1024]; /* NUL-terminated, no trailing newline */
};

/* The return type of every function that can fail; ignoring it is a compile warning. */
#define K2_RC __attribute__((warn_unused_result)) int

/* Fills err (if not NULL) and yields status, so that `return k2_fail(err, K2_E_IO, ...)` reads well.
 * Macros, so that compilers see that the result is the status given and never 0. */
#define k2_fail(err, status, ...) (k2_fail_((err), (status), __VA_ARGS__), (status))
void k2_fail_(struct k2_err *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As k2_fail with K2_E_IO, and appends ": " and the text of errno as it was at the call. */
#define k2_fail_errno(err, ...) (k2_fail_errno_((err), __VA_ARGS__), K2_E_IO)
void k2_fail_errno_(struct k2_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "context: " in front of the message of a failed call; returns status unchanged. K2_OK: does
 * nothing, so that a call's result can be passed through. */
int k2_err_context(struct k2_err *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void k2_err_clear(struct k2_err *err);

const char *k2_status_name(int status);    /* "CORRUPT"; "OK" for 0; never NULL */
const char *k2_status_meaning(int status); /* the sentence of status.def */
int k2_status_exit_code(int status);       /* the process exit code a verb ends with */

/* Returns the status of a failed call to the caller of the enclosing function. */
#define K2_TRY(call)                                                                               \
    do {                                                                                           \
        int k2_try_rc_ = (call);                                                                   \
        if (k2_try_rc_ != K2_OK)                                                                   \
            return k2_try_rc_;                                                                     \
    } while (0)

/* As K2_TRY, with context put in front of the message: K2_TRY_CTX(f(x, err), err, "open %s", path). */
#define K2_TRY_CTX(call, err, ...)                                                                 \
    do {                                                                                           \
        int k2_try_rc_ = (call);                                                                   \
        if (k2_try_rc_ != K2_OK) {                                                                 \
            k2_err_context((err), k2_try_rc_, __VA_ARGS__);                                        \
            return k2_try_rc_;                                                                     \
        }                                                                                          \
    } while (0)

/* A broken invariant of our own: prints file, line and condition to stderr and aborts. */
#define K2_ASSERT(cond) ((cond) ? (void)0 : k2_panic(__FILE__, __LINE__, #cond))
void k2_panic(const char *file, int line, const char *cond) __attribute__((noreturn));

#endif
