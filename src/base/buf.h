/* base/buf.h - string views and growable byte buffers.
 *
 * struct k2_sv: a view of bytes owned by somebody else; not NUL-terminated; n == 0 allows p == NULL.
 * struct k2_buf: bytes it owns. Invariants: n <= cap; p is NULL iff cap == 0; zero-initialised is
 * empty and valid. Running out of memory while growing ends the process with a message: every buffer
 * is bounded by the batch that fills it, and no caller could go on without it.
 * Thread-safety: none; one owner at a time.
 */
#ifndef K2_BASE_BUF_H
#define K2_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct k2_sv {
    const char *p;
    size_t n;
};

#define K2_SV(literal) ((struct k2_sv){(literal), sizeof(literal) - 1})
#define K2_SV_ARG(sv) (int)(sv).n, (sv).p /* for "%.*s" */

/* The first bytes of s, few enough for a message that quotes bad input. */
static inline struct k2_sv k2_sv_shown(struct k2_sv s) {
    return (struct k2_sv){s.p, s.n < 64 ? s.n : 64};
}

/* Cuts the first byte off *s if it is c. */
static inline bool k2_sv_take(struct k2_sv *s, char c) {
    if (s->n == 0 || s->p[0] != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

struct k2_sv k2_sv_of(const char *s); /* s may be NULL: empty */
bool k2_sv_eq(struct k2_sv a, struct k2_sv b);
int k2_sv_cmp(struct k2_sv a, struct k2_sv b); /* byte order, shorter first */
bool k2_sv_starts(struct k2_sv s, struct k2_sv prefix);
bool k2_sv_ends(struct k2_sv s, struct k2_sv suffix);
struct k2_sv k2_sv_trim(struct k2_sv s); /* blanks, tabs, CR and LF off both ends */
/* Cuts *rest at the first sep: returns what is before it, *rest becomes what is after it. Without a
 * sep, returns all and *rest becomes {NULL, 0}. */
struct k2_sv k2_sv_split(struct k2_sv *rest, char sep);
/* A whole decimal integer, optional minus, nothing else; false on anything else or overflow. */
bool k2_sv_i64(struct k2_sv s, int64_t *out);
char *k2_sv_dup(struct k2_sv s); /* gives a NUL-terminated heap copy */

struct k2_buf {
    uint8_t *p;
    size_t n, cap;
};

void k2_buf_free(struct k2_buf *b); /* back to empty; safe on a zeroed or freed one */
void k2_buf_grow(struct k2_buf *b, size_t more);

/* Room for `more` bytes at b->p + b->n; the caller writes there and adds to b->n. */
static inline uint8_t *k2_buf_need(struct k2_buf *b, size_t more) {
    if (b->cap - b->n < more)
        k2_buf_grow(b, more);
    return b->p + b->n;
}

static inline void k2_buf_put(struct k2_buf *b, const void *bytes, size_t n) {
    if (n == 0)
        return;
    memcpy(k2_buf_need(b, n), bytes, n);
    b->n += n;
}

static inline void k2_buf_byte(struct k2_buf *b, uint8_t byte) {
    *k2_buf_need(b, 1) = byte;
    b->n++;
}

static inline void k2_buf_sv(struct k2_buf *b, struct k2_sv s) {
    k2_buf_put(b, s.p, s.n);
}

static inline struct k2_sv k2_buf_view(const struct k2_buf *b) {
    return (struct k2_sv){(const char *)b->p, b->n};
}

void k2_buf_str(struct k2_buf *b, const char *s);
void k2_buf_printf(struct k2_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside for a terminal: control characters become escapes, \x1b as four characters; line feeds and
 * tabs too unless `lines`. */
void k2_buf_visible(struct k2_buf *b, struct k2_sv s, bool lines);
/* Ensures a NUL after the last byte (not counted in n) and returns the text; borrowed from b. */
const char *k2_buf_cstr(struct k2_buf *b);

/* malloc, calloc, realloc, strdup that end the process with a message instead of returning NULL. */
void *k2_alloc(size_t n);
void *k2_zalloc(size_t n);
void *k2_realloc(void *p, size_t n);
char *k2_strdup(const char *s);

/* Little-endian fields of our on-disk formats; unaligned addresses are fine. */
static inline void k2_put_u16(void *at, uint16_t v) {
    memcpy(at, &v, 2);
}
static inline void k2_put_u32(void *at, uint32_t v) {
    memcpy(at, &v, 4);
}
static inline void k2_put_u64(void *at, uint64_t v) {
    memcpy(at, &v, 8);
}
static inline uint16_t k2_get_u16(const void *at) {
    uint16_t v;
    memcpy(&v, at, 2);
    return v;
}
static inline uint32_t k2_get_u32(const void *at) {
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}
static inline uint64_t k2_get_u64(const void *at) {
    uint64_t v;
    memcpy(&v, at, 8);
    return v;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the on-disk formats are little-endian");

#endif
