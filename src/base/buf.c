/* base/buf.c - see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct k2_sv k2_sv_of(const char *s) {
    return (struct k2_sv){s, s ? strlen(s) : 0};
}

bool k2_sv_eq(struct k2_sv a, struct k2_sv b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int k2_sv_cmp(struct k2_sv a, struct k2_sv b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool k2_sv_starts(struct k2_sv s, struct k2_sv prefix) {
    return s.n >= prefix.n && k2_sv_eq((struct k2_sv){s.p, prefix.n}, prefix);
}

bool k2_sv_ends(struct k2_sv s, struct k2_sv suffix) {
    return s.n >= suffix.n && k2_sv_eq((struct k2_sv){s.p + (s.n - suffix.n), suffix.n}, suffix);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct k2_sv k2_sv_trim(struct k2_sv s) {
    while (s.n && is_blank(s.p[0]))
        s.p++, s.n--;
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct k2_sv k2_sv_split(struct k2_sv *rest, char sep) {
    struct k2_sv s = *rest;
    const char *at = s.n ? memchr(s.p, sep, s.n) : NULL;
    if (!at) {
        *rest = (struct k2_sv){NULL, 0};
        return s;
    }
    size_t n = (size_t)(at - s.p);
    *rest = (struct k2_sv){at + 1, s.n - n - 1};
    return (struct k2_sv){s.p, n};
}

bool k2_sv_i64(struct k2_sv s, int64_t *out) {
    size_t i = s.n && s.p[0] == '-';
    if (i == s.n)
        return false;
    int64_t v = 0;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        int digit = s.p[i] - '0';
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, digit, &v)) /* negative: INT64_MIN has no positive twin */
            return false;
    }
    if (s.p[0] != '-' && __builtin_sub_overflow((int64_t)0, v, &v))
        return false;
    *out = v;
    return true;
}

char *k2_sv_dup(struct k2_sv s) {
    char *copy = k2_alloc(s.n + 1);
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = 0;
    return copy;
}

static void *or_die(void *p, size_t n) {
    if (p || n == 0)
        return p;
    fprintf(stderr, "k2: out of memory: %zu bytes refused\n", n);
    abort();
}

void *k2_alloc(size_t n) {
    return or_die(malloc(n ? n : 1), n);
}

void *k2_zalloc(size_t n) {
    return or_die(calloc(1, n ? n : 1), n);
}

void *k2_realloc(void *p, size_t n) {
    return or_die(realloc(p, n ? n : 1), n);
}

char *k2_strdup(const char *s) {
    return k2_sv_dup(k2_sv_of(s));
}

void k2_buf_free(struct k2_buf *b) {
    free(b->p);
    *b = (struct k2_buf){0};
}

void k2_buf_grow(struct k2_buf *b, size_t more) {
    size_t cap = b->cap ? b->cap : 256;
    while (cap - b->n < more)
        cap *= 2;
    b->p = k2_realloc(b->p, cap);
    b->cap = cap;
}

void k2_buf_str(struct k2_buf *b, const char *s) {
    k2_buf_put(b, s, strlen(s));
}

void k2_buf_printf(struct k2_buf *b, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        vsnprintf((char *)k2_buf_need(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void k2_buf_visible(struct k2_buf *b, struct k2_sv s, bool lines) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool stays = lines && (c == '\n' || c == '\t');
        if (stays || (c >= ' ' && c != 0x7f))
            k2_buf_byte(b, c);
        else if (c == '\n' || c == '\t')
            k2_buf_str(b, c == '\n' ? "\\n" : "\\t");
        else
            k2_buf_printf(b, "\\x%02x", c);
    }
}

const char *k2_buf_cstr(struct k2_buf *b) {
    *k2_buf_need(b, 1) = 0;
    return (const char *)b->p;
}
