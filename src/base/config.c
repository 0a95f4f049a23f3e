/* base/config.c - see config.h.
 *
 * The three layers of the plain keys; config_named.c has the sections with names, config_value.c what
 * a text means.
 */
#include "base/config_int.h"

#include "base/fs.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>

const struct config_key config_keys[K2_CONFIG_COUNT] = {
#define K2_CONFIG(section, key, type, def, meaning) {#section, #key, type, def, meaning},
#include "base/config.def"
};

static char *full_name(const char *section, const char *key) {
    struct k2_buf full = {0};
    k2_buf_printf(&full, "%s.%s", section, key);
    char *text = k2_strdup(k2_buf_cstr(&full));
    k2_buf_free(&full);
    return text;
}

static int set(struct k2_config *c, int i, const char *text, const char *origin,
               struct k2_err *err) {
    char *full = full_name(config_keys[i].section, config_keys[i].name);
    int rc = config_value_set(&c->values[i], &config_keys[i], full, text, origin, err);
    free(full);
    return rc;
}

int config_forgive(struct k2_config *c, int rc, struct k2_err *err) {
    if (rc == K2_OK || !c->tell)
        return rc;
    c->tell(c->tell_ctx, err->msg);
    c->errors++;
    k2_err_clear(err);
    return K2_OK;
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

int config_set_twice(const char *section, const char *key, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID,
                   "configuration key %s.%s is set a second time; keep one of the two (a line that "
                   "starts with a blank continues the one above)",
                   section, key);
}

static int find_key(const char *section, const char *name) {
    for (int i = 0; i < K2_CONFIG_COUNT; i++) {
        if (strcmp(config_keys[i].section, section) == 0 && strcmp(config_keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* The plain keys, and those of a kind of section as they would be called below `section`. */
static int known_names(const char *section, char **out) {
    struct k2_sv name = k2_sv_of(section);
    k2_sv_split(&name, '.');
    int n = 0;
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        out[n++] = full_name(config_keys[i].section, config_keys[i].name);
    for (int i = 0; name.n > 0 && i < K2_CONFIG_NAMED_COUNT; i++) {
        struct k2_buf full = {0};
        k2_buf_printf(&full, "%s.%.*s", config_named_keys[i].section, K2_SV_ARG(name));
        out[n++] = full_name(k2_buf_cstr(&full), config_named_keys[i].name);
        k2_buf_free(&full);
    }
    return n;
}

int config_unknown_key(const char *section, const char *key, struct k2_err *err) {
    char *known[K2_CONFIG_COUNT + K2_CONFIG_NAMED_COUNT];
    char *full = full_name(section, key);
    int n = known_names(section, known);
    const char *nearest = k2_nearest(full, (const char *const *)known, n);
    k2_fail_(err, K2_E_INVALID, "there is no configuration key %s%s%s%s", full,
             nearest ? "; did you mean " : "; k2 config init lists them", nearest ? nearest : "",
             nearest ? "?" : "");
    for (int i = 0; i < n; i++)
        free(known[i]);
    free(full);
    return K2_E_INVALID;
}

static int take_pair(struct k2_config *c, const char *section, const char *name, const char *text,
                     struct k2_err *err) {
    if (!*section)
        return k2_fail(err, K2_E_INVALID,
                       "key %s stands before any section; put it below a line like [journal]",
                       name);
    if (config_named_kind(section))
        return config_named_take(c, section, name, text, err);
    int i = find_key(section, name);
    if (i < 0)
        return config_unknown_key(section, name, err);
    if (strcmp(c->values[i].origin, "file") == 0)
        return config_set_twice(section, name, err);
    return set(c, i, text, "file", err);
}

/* Keeps an error with its place, unless somebody was told of it. */
static void judge(struct reading *r, int rc) {
    if (rc != K2_OK)
        k2_err_context(r->err, rc, "%s line %d", r->path, r->line);
    r->rc = config_forgive(r->config, rc, r->err);
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
        judge(r, k2_fail(r->err, K2_E_INVALID,
                         "the line is longer than %d bytes; shorten it, for example by a reference "
                         "env:NAME or file:PATH",
                         size - 2));
        line.n = 0;
        if (r->rc != K2_OK)
            return NULL;
    }
    memcpy(out, line.p, line.n);
    memcpy(out + line.n, "\n", 2);
    return out;
}

static int on_pair(void *context, const char *section, const char *name, const char *text) {
    struct reading *r = context;
    judge(r, take_pair(r->config, section, name, text, r->err));
    return r->rc == K2_OK;
}

static int parse_file(struct reading *r) {
    int bad_line = ini_parse_stream(next_line, r, on_pair, r);
    if (bad_line > 0 && (r->rc == K2_OK || bad_line < r->line)) {
        int rc = k2_fail(r->err, K2_E_INVALID,
                         "%s line %d is neither [section] nor key = value nor a comment", r->path,
                         bad_line);
        return config_forgive(r->config, rc, r->err);
    }
    return r->rc;
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
        K2_TRY(set(c, i, config_keys[i].def, "default", err));
    return K2_OK;
}

void k2_config_variable(const char *section, const char *key, struct k2_buf *out) {
    size_t from = out->n;
    k2_buf_printf(out, "K2_%s_%s", section, key);
    for (size_t i = from; i < out->n; i++) {
        int byte = toupper(out->p[i]);
        out->p[i] = (uint8_t)(byte == '.' || byte == '-' ? '_' : byte);
    }
}

static int read_variable(struct k2_config *c, int i, struct k2_err *err) {
    struct k2_buf name = {0};
    k2_config_variable(config_keys[i].section, config_keys[i].name, &name);
    const char *text = getenv(k2_buf_cstr(&name));
    int rc = text ? set(c, i, text, "environment", err) : K2_OK;
    if (rc != K2_OK)
        k2_err_context(err, rc, "environment variable %s", k2_buf_cstr(&name));
    k2_buf_free(&name);
    return rc;
}

static int read_environment(struct k2_config *c, struct k2_err *err) {
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        K2_TRY(config_forgive(c, read_variable(c, i, err), err));
    return config_named_environment(c, err);
}

static K2_RC read_layers(struct k2_config *c, const char *path, struct k2_err *err) {
    K2_TRY(set_defaults(c, err));
    if (path)
        K2_TRY(read_file(path, c, err));
    return read_environment(c, err);
}

int k2_config_load_all(const char *path, void (*tell)(void *ctx, const char *text), void *ctx,
                       struct k2_config **out, int *errors, struct k2_err *err) {
    struct k2_config *c = k2_zalloc(sizeof *c);
    c->tell = tell;
    c->tell_ctx = ctx;
    int rc = read_layers(c, path, err);
    *errors = c->errors;
    if (rc == K2_OK)
        *out = c;
    else
        k2_config_free(c);
    return rc;
}

int k2_config_load(const char *path, struct k2_config **out, struct k2_err *err) {
    int none;
    return k2_config_load_all(path, NULL, NULL, out, &none, err);
}

void k2_config_free(struct k2_config *c) {
    if (!c)
        return;
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        config_value_clear(&c->values[i]);
    config_named_free(c);
    free(c);
}

const char *k2_config_string(const struct k2_config *c, enum k2_config_key key) {
    return config_value_string(&c->values[key]);
}

int64_t k2_config_int(const struct k2_config *c, enum k2_config_key key) {
    return c->values[key].number;
}
