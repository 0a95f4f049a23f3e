/* feed/symbols.c - see symbols.h. */
#include "feed/feed.h"

#include "base/fs.h"

#include <fnmatch.h>
#include <stdlib.h>

struct entry {
    char *exchange; /* NULL = any */
    char *pattern;
};

struct symbols {
    struct k2_buf entries; /* of struct entry */
};

static size_t count(const struct symbols *s) {
    return s->entries.n / sizeof(struct entry);
}

static struct entry at(const struct symbols *s, size_t i) {
    struct entry e;
    memcpy(&e, s->entries.p + i * sizeof e, sizeof e);
    return e;
}

void symbols_split(struct k2_sv word, struct k2_sv *exchange, struct k2_sv *symbol) {
    struct k2_sv rest = word;
    struct k2_sv first = k2_sv_split(&rest, '.');
    *exchange = (struct k2_sv){NULL, 0};
    *symbol = word;
    if (rest.n == 0 || !feed_exchange_known(first))
        return;
    *exchange = first;
    *symbol = rest;
}

bool symbols_split_other(struct k2_sv word, struct k2_sv *exchange, struct k2_sv *symbol) {
    *symbol = word;
    *exchange = k2_sv_split(symbol, '.');
    return symbol->n > 0 && k2_exchange_ok(*exchange) && !feed_exchange_known(*exchange);
}

static void add(struct symbols *s, struct k2_sv word) {
    struct k2_sv exchange, pattern;
    symbols_split(word, &exchange, &pattern);
    struct entry e = {.exchange = exchange.n ? k2_sv_dup(exchange) : NULL,
                      .pattern = k2_sv_dup(pattern)};
    k2_buf_put(&s->entries, &e, sizeof e);
}

static int add_file(struct symbols *s, const char *path, struct k2_err *err) {
    struct k2_buf text = {0};
    int rc = k2_fs_read(path, &text, err);
    struct k2_sv rest = k2_buf_view(&text);
    while (rc == K2_OK && rest.n > 0) {
        struct k2_sv line = k2_sv_trim(k2_sv_split(&rest, '\n'));
        if (line.n > 0 && line.p[0] != '#')
            add(s, line);
    }
    k2_buf_free(&text);
    return rc == K2_OK ? K2_OK : k2_err_context(err, rc, "the list @%s", path);
}

static int add_word(struct symbols *s, struct k2_sv word, struct k2_err *err) {
    if (word.n > 1 && word.p[0] == '@') {
        char *path = k2_sv_dup((struct k2_sv){word.p + 1, word.n - 1});
        int rc = add_file(s, path, err);
        free(path);
        return rc;
    }
    if (word.n > 0)
        add(s, word);
    return K2_OK;
}

int symbols_parse(const char *list, struct symbols **out, struct k2_err *err) {
    struct symbols *s = k2_zalloc(sizeof *s);
    struct k2_sv rest = k2_sv_of(list);
    int rc = K2_OK;
    while (rc == K2_OK && rest.n > 0)
        rc = add_word(s, k2_sv_trim(k2_sv_split(&rest, ',')), err);
    if (rc == K2_OK && count(s) == 0)
        rc = k2_fail(err, K2_E_USAGE, "the list of symbols '%s' is empty", list);
    if (rc != K2_OK) {
        symbols_free(s);
        return rc;
    }
    *out = s;
    return K2_OK;
}

void symbols_free(struct symbols *s) {
    if (!s)
        return;
    for (size_t i = 0; i < count(s); i++) {
        free(at(s, i).exchange);
        free(at(s, i).pattern);
    }
    k2_buf_free(&s->entries);
    free(s);
}

void symbols_text(const struct symbols *s, struct k2_buf *out) {
    for (size_t i = 0; i < count(s); i++) {
        struct entry e = at(s, i);
        if (i > 0)
            k2_buf_str(out, ",");
        if (e.exchange)
            k2_buf_printf(out, "%s.", e.exchange);
        k2_buf_str(out, e.pattern);
    }
}

bool symbols_at(const struct symbols *s, size_t i, struct k2_sv *exchange, struct k2_sv *pattern) {
    if (i >= count(s))
        return false;
    struct entry e = at(s, i);
    *exchange = k2_sv_of(e.exchange);
    *pattern = k2_sv_of(e.pattern);
    return true;
}

static bool is_other(const struct entry *e, struct k2_sv exchange, const char *name) {
    struct k2_sv other, pattern;
    return !e->exchange && symbols_split_other(k2_sv_of(e->pattern), &other, &pattern) &&
           (exchange.n == 0 || k2_sv_eq(exchange, other)) && fnmatch(pattern.p, name, 0) == 0;
}

bool symbols_match(const struct symbols *s, struct k2_sv exchange, struct k2_sv symbol) {
    char name[256];
    if (symbol.n >= sizeof name)
        return false;
    memcpy(name, symbol.p, symbol.n);
    name[symbol.n] = 0;
    for (size_t i = 0; i < count(s); i++) {
        struct entry e = at(s, i);
        bool here =
            !e.exchange || exchange.n == 0 ||
            k2_sv_eq(feed_exchange_code(exchange), feed_exchange_code(k2_sv_of(e.exchange)));
        if ((here && fnmatch(e.pattern, name, 0) == 0) || is_other(&e, exchange, name))
            return true;
    }
    return false;
}
