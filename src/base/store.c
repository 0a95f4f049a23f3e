/* base/store.c - which kind of store a URL names; see store.h. */
#include "base/store.h"

#include <string.h>

static const struct k2_store_ops *const kinds[] = {&k2_store_file};

/* An absolute path is file: too. */
static const struct k2_store_ops *kind_of(const char *url, struct k2_sv *place) {
    *place = k2_sv_of(url);
    if (url[0] == '/')
        return &k2_store_file;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i]->scheme);
        if (strncmp(url, kinds[i]->scheme, n) != 0)
            continue;
        *place = (struct k2_sv){url + n, place->n - n};
        return kinds[i];
    }
    return NULL;
}

int k2_store_check(const char *url, struct k2_err *err) {
    struct k2_sv place;
    const struct k2_store_ops *kind = kind_of(url, &place);
    if (strlen(url) >= K2_STORE_URL_MAX)
        return k2_fail(err, K2_E_RANGE, "the store's address is longer than %d bytes",
                       K2_STORE_URL_MAX - 1);
    if (!kind)
        return k2_fail(err, K2_E_INVALID, "\"%s\" names no store; use file:///DIR or /DIR", url);
    for (size_t i = 0; i < place.n; i++)
        if ((unsigned char)place.p[i] < ' ')
            return k2_fail(err, K2_E_INVALID, "a store's address is one line of text");
    return kind->check(url, place, err);
}

int k2_store_outside(const char *url, const char *data, struct k2_err *err) {
    struct k2_sv place;
    K2_TRY(k2_store_check(url, err));
    const struct k2_store_ops *kind = kind_of(url, &place);
    return kind->outside ? kind->outside(place, data, err) : K2_OK;
}

int k2_store_open(const char *url, bool make, struct k2_store **out, struct k2_err *err) {
    struct k2_sv place;
    K2_TRY(k2_store_check(url, err));
    const struct k2_store_ops *kind = kind_of(url, &place);
    return kind->open(place, make, out, err);
}

void k2_store_close(struct k2_store *s) {
    if (s)
        s->ops->close(s);
}

int k2_store_put(struct k2_store *s, const char *key, int fd, int64_t bytes, struct k2_err *err) {
    return s->ops->put(s, key, fd, bytes, err);
}

int k2_store_get(struct k2_store *s, const char *key, int64_t at, void *to, size_t n,
                 struct k2_err *err) {
    return s->ops->get(s, key, at, to, n, err);
}

int k2_store_size(struct k2_store *s, const char *key, int64_t *bytes, struct k2_err *err) {
    return s->ops->size(s, key, bytes, err);
}

int k2_store_list(struct k2_store *s, const char *prefix, char ***names, size_t *n,
                  struct k2_err *err) {
    return s->ops->list(s, prefix, names, n, err);
}

int k2_store_remove(struct k2_store *s, const char *key, struct k2_err *err) {
    return s->ops->remove(s, key, err);
}
