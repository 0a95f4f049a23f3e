/* base/config.c - see config.h.
 *
 * Each key keeps its text as written, for showing, and beside it what the text means. An error
 * never quotes a value that came from a reference, since it may be a secret.
 */
#include "base/config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>

enum type { STRING, INT, BYTES, SPAN, BOOL };

static const struct key {
    const char *section, *name;
    const char *full; /* "section.name" */
    enum type type;
    const char *def, *meaning;
} keys[K2_CONFIG_COUNT] = {
#define K2_CONFIG(section, key, type, def, meaning)                                                \
    {#section, #key, #section "." #key, type, def, meaning},
#include "base/config.def"
#undef K2_CONFIG
};

struct value {
    char *text;     /* as written */
    char *resolved; /* NULL unless text is a reference */
    int64_t number; /* of any type but STRING */
    const char *origin;
};

struct k2_config {
    struct value values[K2_CONFIG_COUNT];
};

/* --- what a text means --- */

static bool parse_bytes(struct k2_sv text, int64_t *out) {
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    struct k2_sv count = {text.p, 0};
    while (count.n < text.n && isdigit((unsigned char)text.p[count.n]))
        count.n++;
    struct k2_sv unit = {text.p + count.n, text.n - count.n};
    int64_t n;
    if (!k2_sv_i64(count, &n))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (k2_sv_eq(unit, k2_sv_of(units[i])))
            return !__builtin_mul_overflow(n, INT64_C(1) << (10 * i), out);
    }
    return false;
}

static bool parse_bool(struct k2_sv text, int64_t *out) {
    *out = k2_sv_eq(text, K2_SV("true"));
    return *out || k2_sv_eq(text, K2_SV("false"));
}

static bool parse(enum type type, struct k2_sv text, int64_t *out) {
    switch (type) {
    case STRING:
        return true;
    case INT:
        return k2_sv_i64(text, out) && *out >= 0; /* none of ours counts below nothing */
    case BYTES:
        return parse_bytes(text, out);
    case SPAN:
        return k2_span_parse(text, out, NULL) == K2_OK && *out >= 0;
    case BOOL:
        return parse_bool(text, out);
    }
    return false;
}

static const char *expected(enum type type) {
    static const char *const text[] = {
        [STRING] = "any text",
        [INT] = "a whole number, as 8",
        [BYTES] = "a size, as 64MB (B, KB, MB, GB, TB)",
        [SPAN] = "a span of time, as 60s (ns, us, ms, s, m, h, d, w)",
        [BOOL] = "true or false",
    };
    return text[type];
}

/* Gives what "env:NAME" or "file:PATH" refers to; *out stays NULL for a text that is no reference.
 */
static int resolve(const char *text, char **out, struct k2_err *err) {
    if (strncmp(text, "env:", 4) == 0) {
        const char *value = getenv(text + 4);
        if (!value)
            return k2_fail(err, K2_E_NOTFOUND,
                           "it refers to %s, but the environment has no %s; set it", text,
                           text + 4);
        *out = k2_strdup(value);
    } else if (strncmp(text, "file:", 5) == 0) {
        struct k2_buf file = {0};
        int rc = k2_fs_read(text + 5, &file, err);
        if (rc == K2_OK)
            *out = k2_sv_dup(k2_sv_trim(k2_buf_view(&file)));
        k2_buf_free(&file);
        K2_TRY_CTX(rc, err, "it refers to %s", text);
    }
    return K2_OK;
}

static void clear(struct value *v) {
    free(v->text);
    free(v->resolved);
    *v = (struct value){0};
}

static int set(struct value *v, const struct key *k, const char *text, const char *origin,
               struct k2_err *err) {
    clear(v);
    v->text = k2_strdup(text);
    v->origin = origin;
    K2_TRY_CTX(resolve(text, &v->resolved, err), err, "configuration key %s", k->full);
    if (!parse(k->type, k2_sv_of(v->resolved ? v->resolved : text), &v->number))
        return k2_fail(err, K2_E_INVALID, "configuration key %s: %s\"%s\" is not %s", k->full,
                       v->resolved ? "what is behind " : "", text, expected(k->type));
    return K2_OK;
}

/* --- the nearest word --- */

#define LONGEST 64 /* longer words are near nothing */

/* Levenshtein's distance, row by row. */
static size_t distance(const char *a, const char *b) {
    size_t row[LONGEST + 1], na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

const char *k2_nearest(const char *word, const char *const *words, int n) {
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* from here on it is another word, not a slip */
    for (int i = 0; i < n; i++) {
        size_t d = distance(word, words[i]);
        if (d < best) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest;
}

/* --- the file --- */

struct reading {
    const char *path;
    struct k2_sv rest; /* what libinih has not asked for yet */
    int line;          /* the one it has asked for last */
    struct k2_config *config;
    int rc; /* of the first key that failed; nothing is read after it */
    struct k2_err *err;
};

static int find_key(const char *section, const char *name) {
    for (int i = 0; i < K2_CONFIG_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

static int unknown_key(const char *section, const char *name, struct k2_err *err) {
    const char *known[K2_CONFIG_COUNT];
    struct k2_buf full = {0};
    if (!*section)
        return k2_fail(err, K2_E_INVALID,
                       "key %s stands before any section; put it below a line like [journal]",
                       name);
    k2_buf_printf(&full, "%s.%s", section, name);
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        known[i] = keys[i].full;
    const char *nearest = k2_nearest(k2_buf_cstr(&full), known, K2_CONFIG_COUNT);
    int rc =
        k2_fail(err, K2_E_INVALID, "there is no configuration key %s%s%s%s", k2_buf_cstr(&full),
                nearest ? "; did you mean " : "; k2 config show lists them", nearest ? nearest : "",
                nearest ? "?" : "");
    k2_buf_free(&full);
    return rc;
}

static int take_pair(struct k2_config *c, const char *section, const char *name, const char *text,
                     struct k2_err *err) {
    if (strncmp(section, "feed.", 5) == 0)
        return K2_OK;
    int i = find_key(section, name);
    if (i < 0)
        return unknown_key(section, name, err);
    if (strcmp(c->values[i].origin, "file") == 0)
        return k2_fail(err, K2_E_INVALID,
                       "configuration key %s is set a second time; keep one of the two (a line "
                       "that starts with a blank continues the one above)",
                       keys[i].full);
    return set(&c->values[i], &keys[i], text, "file", err);
}

/* Gives libinih the next line, as fgets does. It would take the tail of a line that is too long for
 * its buffer as a line of its own, without a word: so such a line is refused. */
static char *next_line(char *out, int size, void *context) {
    struct reading *r = context;
    if (r->rc != K2_OK || r->rest.n == 0)
        return NULL;
    struct k2_sv line = k2_sv_split(&r->rest, '\n');
    r->line++;
    if (line.n + 2 > (size_t)size) {
        r->rc = k2_fail(r->err, K2_E_INVALID,
                        "the line is longer than %d bytes; shorten it, for example by a reference "
                        "env:NAME or file:PATH",
                        size - 2);
        return NULL;
    }
    memcpy(out, line.p, line.n);
    memcpy(out + line.n, "\n", 2);
    return out;
}

static int on_pair(void *context, const char *section, const char *name, const char *text) {
    struct reading *r = context;
    r->rc = take_pair(r->config, section, name, text, r->err);
    return r->rc == K2_OK;
}

static int parse_file(struct reading *r) {
    int bad_line = ini_parse_stream(next_line, r, on_pair, r);
    if (bad_line > 0 && (r->rc == K2_OK || bad_line < r->line))
        return k2_fail(r->err, K2_E_INVALID,
                       "%s line %d is neither [section] nor key = value nor a comment", r->path,
                       bad_line);
    return r->rc == K2_OK ? K2_OK : k2_err_context(r->err, r->rc, "%s line %d", r->path, r->line);
}

static int read_file(const char *path, struct k2_config *c, struct k2_err *err) {
    struct k2_buf file = {0};
    int rc = k2_fs_read(path, &file, err);
    if (rc != K2_OK)
        rc = k2_err_context(err, rc, "configuration");
    else
        rc = parse_file(
            &(struct reading){.path = path, .rest = k2_buf_view(&file), .config = c, .err = err});
    k2_buf_free(&file);
    return rc;
}

/* --- the three layers --- */

static int set_defaults(struct k2_config *c, struct k2_err *err) {
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        K2_TRY(set(&c->values[i], &keys[i], keys[i].def, "default", err));
    return K2_OK;
}

static int read_environment(struct k2_config *c, struct k2_err *err) {
    for (int i = 0; i < K2_CONFIG_COUNT; i++) {
        char name[128] = "K2_";
        size_t n = 3;
        for (const char *p = keys[i].full; *p && n + 1 < sizeof name; p++)
            name[n++] = (char)(*p == '.' ? '_' : toupper((unsigned char)*p));
        const char *text = getenv(name);
        if (text)
            K2_TRY_CTX(set(&c->values[i], &keys[i], text, "environment", err), err,
                       "environment variable %s", name);
    }
    return K2_OK;
}

int k2_config_load(const char *path, struct k2_config **out, struct k2_err *err) {
    struct k2_config *c = k2_zalloc(sizeof *c);
    int rc = set_defaults(c, err);
    if (rc == K2_OK && path)
        rc = read_file(path, c, err);
    if (rc == K2_OK)
        rc = read_environment(c, err);
    if (rc != K2_OK) {
        k2_config_free(c);
        return rc;
    }
    *out = c;
    return K2_OK;
}

void k2_config_free(struct k2_config *c) {
    if (!c)
        return;
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        clear(&c->values[i]);
    free(c);
}

const char *k2_config_string(const struct k2_config *c, enum k2_config_key key) {
    const struct value *v = &c->values[key];
    return v->resolved ? v->resolved : v->text;
}

int64_t k2_config_int(const struct k2_config *c, enum k2_config_key key) {
    return c->values[key].number;
}

struct k2_config_entry k2_config_entry(const struct k2_config *c, int index) {
    K2_ASSERT(index >= 0 && index < K2_CONFIG_COUNT);
    const struct key *k = &keys[index];
    const struct value *v = &c->values[index];
    return (struct k2_config_entry){k->section, k->name, v->text, v->origin, k->meaning};
}
