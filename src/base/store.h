/* base/store.h - objects by name in a place outside of the data directory: an object store.
 *
 * A URL says where: file:///DIR, or an absolute path, is a directory (store_file.c). Another kind of store is another
 * table of operations and one line in store.c; nothing above it knows which one it is.
 *
 * Promises: an object is there as a whole or not at all; what k2_store_put returned for survives a power cut of whoever
 * put it. Failures: K2_E_IO, retriable, when the store is away (nobody answers, not mounted, no right to it);
 * K2_E_NOTFOUND when it answers and has no such object.
 * Thread-safety: one thread per struct k2_store.
 */
#ifndef K2_BASE_STORE_H
#define K2_BASE_STORE_H

#include "base/buf.h"
#include "base/err.h"

#define K2_STORE_URL_MAX 1024

struct k2_store;

struct k2_store_ops {
    const char *scheme; /* of the URL, with its colon */
    /* K2_E_INVALID says what is wrong with what follows the scheme. Nobody is asked. */
    K2_RC (*check)(const char *url, struct k2_sv place, struct k2_err *err);
    /* K2_E_INVALID: it is in this directory of the machine, or that itself. NULL: it never is. */
    K2_RC (*outside)(struct k2_sv place, const char *dir, struct k2_err *err);
    K2_RC (*open)(struct k2_sv place, bool make, struct k2_store **out, struct k2_err *err);
    void (*close)(struct k2_store *s);
    K2_RC (*put)(struct k2_store *s, const char *key, int fd, int64_t bytes, struct k2_err *err);
    K2_RC(*get)
    (struct k2_store *s, const char *key, int64_t at, void *to, size_t n, struct k2_err *err);
    K2_RC (*size)(struct k2_store *s, const char *key, int64_t *bytes, struct k2_err *err);
    K2_RC(*list)
    (struct k2_store *s, const char *prefix, char ***names, size_t *n, struct k2_err *err);
    K2_RC (*remove)(struct k2_store *s, const char *key, struct k2_err *err);
};

struct k2_store { /* what every store has; the rest is its kind's own */
    const struct k2_store_ops *ops;
};

K2_RC k2_store_check(const char *url, struct k2_err *err);
/* K2_E_INVALID: the store is in the data directory, links followed. A directory that is not there is outside. */
K2_RC k2_store_outside(const char *url, const char *data, struct k2_err *err);
/* make: a place that holds nothing yet becomes a store; else it is away, for an empty directory is what stays of a disk
 * that is not mounted. */
K2_RC k2_store_open(const char *url, bool make, struct k2_store **out, struct k2_err *err);
void k2_store_close(struct k2_store *s); /* NULL is fine */

/* A key is PREFIX/NAME of letters, digits, '.', '_' and '-'. */

/* Keeps the first `bytes` bytes of a file under the key; one of that key is replaced. */
K2_RC k2_store_put(struct k2_store *s, const char *key, int fd, int64_t bytes, struct k2_err *err);
/* Reads the bytes [at, at + n) of an object; K2_E_CORRUPT when it has fewer. */
K2_RC k2_store_get(struct k2_store *s, const char *key, int64_t at, void *to, size_t n,
                   struct k2_err *err);
K2_RC k2_store_size(struct k2_store *s, const char *key, int64_t *bytes, struct k2_err *err);
/* The names below a prefix, also of what a killed k2_store_put left half; for k2_fs_names_free. None: *n = 0. */
K2_RC k2_store_list(struct k2_store *s, const char *prefix, char ***names, size_t *n,
                    struct k2_err *err);
K2_RC k2_store_remove(struct k2_store *s, const char *key,
                      struct k2_err *err); /* missing is fine */

extern const struct k2_store_ops k2_store_file;

#endif
