/* base/config_named.c - sections with a name of their own, as [feed.asx]: see config.h.
 *
 * K2_FEED_ASX_RATE does not say where the name ends and the key begins, for both may hold '_'. The
 * rule: the key is the longest one that the variable ends with. A name for which that gives another
 * key than was meant is refused when the section is made, so no variable is ever read two ways.
 */
#include "base/config_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#define LONGEST_NAME 32 /* with its kind below what libinih keeps of a section's name */

const struct config_key config_named_keys[K2_CONFIG_NAMED_COUNT] = {
#define K2_CONFIG_NAMED(section, key, type, def, meaning) {#section, #key, type, def, meaning},
#include "base/config.def"
};

/* --- names --- */

const char *config_named_kind(const char *section) {
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++) {
        const char *kind = config_named_keys[i].section;
        size_t n = strlen(kind);
        if (strncmp(section, kind, n) == 0 && (section[n] == '.' || !section[n]))
            return kind;
    }
    return NULL;
}

static bool is_of(const struct config_key *k, const char *kind) {
    return strcmp(k->section, kind) == 0;
}

static bool is_name(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", s.p[i]) || !s.p[i])
            return false;
    }
    return s.n > 0 && s.n <= LONGEST_NAME;
}

static int find_key(const char *kind, const char *name) {
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++) {
        if (is_of(&config_named_keys[i], kind) && strcmp(config_named_keys[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* --- variables of the environment --- */

/* Takes the word in capital letters off the front of *s. */
static bool take_upper(struct k2_sv *s, const char *word) {
    size_t n = strlen(word);
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] != toupper((unsigned char)word[i]))
            return false;
    }
    *s = (struct k2_sv){s->p + n, s->n - n};
    return true;
}

/* Whether `s` is NAME_KEY of that key; *name becomes NAME. */
static bool ends_with_key(struct k2_sv s, const char *key, struct k2_sv *name) {
    size_t n = strlen(key);
    if (s.n < n + 2)
        return false;
    struct k2_sv tail = {s.p + s.n - n, n};
    *name = (struct k2_sv){s.p, s.n - n - 1};
    return name->p[name->n] == '_' && take_upper(&tail, key);
}

/* The key that a variable sets and the name of its section as it stands there ("ASX"), or -1. */
static int read_variable(struct k2_sv variable, struct k2_sv *name) {
    int best = -1;
    if (!take_upper(&variable, "K2_"))
        return -1;
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++) {
        const struct config_key *k = &config_named_keys[i];
        struct k2_sv rest = variable, found;
        if (take_upper(&rest, k->section) && k2_sv_take(&rest, '_') &&
            ends_with_key(rest, k->name, &found) && (best < 0 || found.n < name->n)) {
            best = i;
            *name = found;
        }
    }
    return best;
}

/* The name of a section that K2_FEED_ASX_RATE would make: "asx". */
static bool small_name(struct k2_sv name, char out[LONGEST_NAME + 1]) {
    if (name.n > LONGEST_NAME)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (islower((unsigned char)name.p[i]))
            return false;
        out[i] = (char)tolower((unsigned char)name.p[i]);
    }
    out[name.n] = 0;
    return is_name((struct k2_sv){out, name.n});
}

bool config_named_is_variable(const char *variable) {
    struct k2_sv name;
    char small[LONGEST_NAME + 1] = "";
    return read_variable(k2_sv_of(variable), &name) >= 0 && small_name(name, small);
}

/* --- sections --- */

static void drop(struct config_section *s) {
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++)
        config_value_clear(&s->values[i]);
    free(s->full);
    free(s);
}

/* That every key's variable is read back as this section's key. */
static int check_variables(const struct config_section *s, struct k2_err *err) {
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < K2_CONFIG_NAMED_COUNT; i++) {
        const struct config_key *k = &config_named_keys[i];
        struct k2_buf variable = {0};
        struct k2_sv name;
        k2_config_variable(s->full, k->name, &variable);
        int read = read_variable(k2_buf_view(&variable), &name);
        if (is_of(k, s->kind) && read != i)
            rc = k2_fail(err, K2_E_INVALID,
                         "[%s] needs another name: %s would be read as key %s of another section",
                         s->full, k2_buf_cstr(&variable), config_named_keys[read].name);
        k2_buf_free(&variable);
    }
    return rc;
}

static int set_defaults(struct config_section *s, struct k2_err *err) {
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++) {
        const struct config_key *k = &config_named_keys[i];
        if (is_of(k, s->kind))
            K2_TRY(config_value_set(&s->values[i], k, k->name, k->def, "default", err));
    }
    return K2_OK;
}

static bool same_variable(const char *a, const char *b) {
    for (; *a && (*a == *b || (strchr("_-", *a) && strchr("_-", *b))); a++, b++)
        ;
    return *a == *b;
}

/* The section of this kind and name, '_' and '-' being one, or NULL. */
static struct config_section *find_section(const struct k2_config *c, const char *kind,
                                           const char *name) {
    for (int i = 0; i < c->section_count; i++) {
        if (strcmp(c->sections[i]->kind, kind) == 0 && same_variable(c->sections[i]->name, name))
            return c->sections[i];
    }
    return NULL;
}

static int make_section(struct k2_config *c, const char *kind, const char *name,
                        struct config_section **out, struct k2_err *err) {
    struct config_section *s = k2_zalloc(sizeof *s);
    struct k2_buf full = {0};
    k2_buf_printf(&full, "%s.%s", kind, name);
    s->kind = kind;
    s->full = k2_strdup(k2_buf_cstr(&full));
    s->name = s->full + strlen(kind) + 1;
    k2_buf_free(&full);
    int rc = check_variables(s, err);
    if (rc == K2_OK)
        rc = set_defaults(s, err);
    if (rc != K2_OK) {
        drop(s);
        return rc;
    }
    size_t n = (size_t)c->section_count + 1;
    c->sections = k2_realloc(c->sections, n * sizeof(struct config_section *));
    c->sections[c->section_count++] = *out = s;
    return K2_OK;
}

void config_named_free(struct k2_config *c) {
    for (int i = 0; i < c->section_count; i++)
        drop(c->sections[i]);
    free(c->sections);
}

/* --- the file --- */

static int section_of_file(struct k2_config *c, const char *section, struct config_section **out,
                           struct k2_err *err) {
    const char *kind = config_named_kind(section);
    const char *name = section + strlen(kind) + (section[strlen(kind)] == '.');
    if (!is_name(k2_sv_of(name)))
        return k2_fail(
            err, K2_E_INVALID,
            "section [%s] needs a name, as [%s.asx]: small letters, digits, '_' and '-', "
            "at most %d",
            section, kind, LONGEST_NAME);
    *out = find_section(c, kind, name);
    if (!*out)
        return make_section(c, kind, name, out, err);
    if (strcmp((*out)->name, name) != 0)
        return k2_fail(err, K2_E_INVALID,
                       "sections [%s] and [%s] have the same environment variables; rename one",
                       (*out)->full, section);
    return K2_OK;
}

int config_named_take(struct k2_config *c, const char *section, const char *key, const char *text,
                      struct k2_err *err) {
    struct config_section *s;
    K2_TRY(section_of_file(c, section, &s, err));
    int i = find_key(s->kind, key);
    if (i < 0)
        return config_unknown_key(section, key, err);
    if (strcmp(s->values[i].origin, "file") == 0)
        return config_set_twice(section, key, err);
    struct k2_buf full = {0};
    k2_buf_printf(&full, "%s.%s", section, key);
    int rc = config_value_set(&s->values[i], &config_named_keys[i], k2_buf_cstr(&full), text,
                              "file", err);
    k2_buf_free(&full);
    return rc;
}

/* --- the environment --- */

static int take_variable(struct k2_config *c, const char *pair, struct k2_err *err) {
    const char *equals = strchr(pair, '=');
    struct k2_sv name;
    char small[LONGEST_NAME + 1] = "";
    int i = read_variable((struct k2_sv){pair, (size_t)(equals - pair)}, &name);
    if (i < 0 || !small_name(name, small))
        return K2_OK;
    const struct config_key *k = &config_named_keys[i];
    struct config_section *s = find_section(c, k->section, small);
    if (!s)
        K2_TRY(make_section(c, k->section, small, &s, err));
    struct k2_buf full = {0};
    k2_buf_printf(&full, "%s.%s", s->full, k->name);
    int rc = config_value_set(&s->values[i], k, k2_buf_cstr(&full), equals + 1, "environment", err);
    k2_buf_free(&full);
    return k2_err_context(err, rc, "environment variable %.*s", (int)(equals - pair), pair);
}

static int compare_pairs(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, since the environment has no order and the sections' shall not change from run to run. */
int config_named_environment(struct k2_config *c, struct k2_err *err) {
    size_t n = 0, most = 0;
    while (environ && environ[most])
        most++;
    char **pairs = k2_alloc((most + 1) * sizeof *pairs);
    for (size_t i = 0; i < most; i++) {
        if (strncmp(environ[i], "K2_", 3) == 0 && strchr(environ[i], '='))
            pairs[n++] = environ[i];
    }
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = config_forgive(c, take_variable(c, pairs[i], err), err);
    free(pairs);
    return rc;
}

/* --- reading --- */

/* The index-th section of the kind; asserts that there is one. */
static const struct config_section *section_at(const struct k2_config *c, const char *kind,
                                               int index) {
    for (int i = 0; i < c->section_count; i++) {
        if (strcmp(c->sections[i]->kind, kind) == 0 && index-- == 0)
            return c->sections[i];
    }
    K2_ASSERT(!"there is such a section");
    return NULL;
}

static const struct config_value *value_at(const struct k2_config *c, enum k2_config_named_key key,
                                           int index) {
    return &section_at(c, config_named_keys[key].section, index)->values[key];
}

int k2_config_named_count(const struct k2_config *c, const char *kind) {
    int n = 0;
    for (int i = 0; i < c->section_count; i++)
        n += strcmp(c->sections[i]->kind, kind) == 0;
    return n;
}

const char *k2_config_named_name(const struct k2_config *c, const char *kind, int index) {
    return section_at(c, kind, index)->name;
}

const char *k2_config_named_string(const struct k2_config *c, enum k2_config_named_key key,
                                   int index) {
    return config_value_string(value_at(c, key, index));
}

int64_t k2_config_named_int(const struct k2_config *c, enum k2_config_named_key key, int index) {
    return value_at(c, key, index)->number;
}

bool k2_config_named_bool(const struct k2_config *c, enum k2_config_named_key key, int index) {
    return value_at(c, key, index)->number != 0;
}
