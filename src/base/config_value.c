/* base/config_value.c - what the text of a value means: its type, and what a reference refers to.
 *
 * Each value keeps its text as written, for showing, and beside it what the text means. An error
 * never quotes a value that came from a reference, since it may be a secret.
 */
#include "base/config_int.h"

#include "base/clock.h"
#include "base/fs.h"

#include <ctype.h>
#include <stdlib.h>

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

static bool parse(enum config_type type, struct k2_sv text, int64_t *out) {
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

static const char *expected(enum config_type type) {
    static const char *const text[] = {
        [STRING] = "any text",
        [INT] = "a whole number, as 8",
        [BYTES] = "a size, as 64MB (B, KB, MB, GB, TB)",
        [SPAN] = "a span of time, as 60s (ns, us, ms, s, m, h, d, w)",
        [BOOL] = "true or false",
    };
    return text[type];
}

/* A reference is to a secret: one line. More of them is a path that was written as a reference. */
static int one_line(const char *text, struct k2_sv file, char **out, struct k2_err *err) {
    struct k2_sv line = k2_sv_trim(file);
    if (memchr(line.p ? line.p : "", '\n', line.n) || memchr(line.p ? line.p : "", 0, line.n))
        return k2_fail(
            err, K2_E_INVALID,
            "it refers to %s, which holds more than one line of text; if the path itself "
            "is meant, write it without file:",
            text);
    *out = k2_sv_dup(line);
    return K2_OK;
}

int k2_config_resolve(const char *text, char **out, struct k2_err *err) {
    *out = NULL;
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
        if (rc != K2_OK)
            k2_err_context(err, rc, "it refers to %s", text);
        else
            rc = one_line(text, k2_buf_view(&file), out, err);
        k2_buf_free(&file);
        return rc;
    }
    return K2_OK;
}

void config_value_clear(struct config_value *v) {
    free(v->text);
    free(v->resolved);
    *v = (struct config_value){0};
}

/* Where an address is asked for (keys that end in _url), file:// begins one and no reference. */
static bool is_address(const char *full, const char *text) {
    return k2_sv_ends(k2_sv_of(full), K2_SV("_url")) &&
           k2_sv_starts(k2_sv_of(text), K2_SV("file://"));
}

int config_value_set(struct config_value *v, const struct config_key *k, const char *full,
                     const char *text, const char *origin, struct k2_err *err) {
    char *resolved = NULL;
    int rc = is_address(full, text) ? K2_OK : k2_config_resolve(text, &resolved, err);
    config_value_clear(v);
    *v = (struct config_value){.text = k2_strdup(text), .resolved = resolved, .origin = origin};
    K2_TRY_CTX(rc, err, "configuration key %s", full);
    if (!parse(k->type, k2_sv_of(resolved ? resolved : text), &v->number))
        return k2_fail(err, K2_E_INVALID, "configuration key %s: %s\"%s\" is not %s", full,
                       resolved ? "what is behind " : "", text, expected(k->type));
    return K2_OK;
}

const char *config_value_string(const struct config_value *v) {
    return v->resolved ? v->resolved : v->text;
}
