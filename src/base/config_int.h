/* base/config_int.h - between config.c, config_value.c and config_named.c: what a key is and what it
 * is set to. Nobody else includes this.
 */
#ifndef K2_BASE_CONFIG_INT_H
#define K2_BASE_CONFIG_INT_H

#include "base/config.h"

enum config_type { STRING, INT, BYTES, SPAN, BOOL };

struct config_key {
    const char *section, *name;
    enum config_type type;
    const char *def, *meaning;
};

struct config_value {
    char *text;         /* as written */
    char *resolved;     /* NULL unless text is a reference */
    int64_t number;     /* of any type but STRING */
    const char *origin; /* NULL: not set yet */
};

/* One [kind.name]. values: of all named keys, filled only where the key is of this kind. */
struct config_section {
    const char *kind;
    char *full;       /* "feed.asx" */
    const char *name; /* "asx", inside full */
    struct config_value values[K2_CONFIG_NAMED_COUNT];
};

struct k2_config {
    struct config_value values[K2_CONFIG_COUNT];
    struct config_section **sections;
    int section_count;
    /* While it is read: who is told of errors, so that reading goes on; NULL = the first one ends it. */
    void (*tell)(void *ctx, const char *text);
    void *tell_ctx;
    int errors;
};

extern const struct config_key config_keys[K2_CONFIG_COUNT];
extern const struct config_key config_named_keys[K2_CONFIG_NAMED_COUNT];

/* --- config.c --- */

/* What becomes of an error: K2_OK when somebody was told of it, else rc. */
K2_RC config_forgive(struct k2_config *c, int rc, struct k2_err *err);
K2_RC config_unknown_key(const char *section, const char *key, struct k2_err *err);
K2_RC config_set_twice(const char *section, const char *key, struct k2_err *err);

/* --- config_value.c --- */

/* full: the key's name for the message, "journal.url". */
K2_RC config_value_set(struct config_value *v, const struct config_key *k, const char *full,
                       const char *text, const char *origin, struct k2_err *err);
void config_value_clear(struct config_value *v);
const char *config_value_string(const struct config_value *v);

/* --- config_named.c --- */

/* The kind that "feed.asx" or "feed" is of, or NULL. */
const char *config_named_kind(const char *section);
/* A pair of the file below [section], which is of some kind. */
K2_RC config_named_take(struct k2_config *c, const char *section, const char *key, const char *text,
                        struct k2_err *err);
K2_RC config_named_environment(struct k2_config *c, struct k2_err *err);
/* Whether an environment variable is a key of a named section. */
bool config_named_is_variable(const char *variable);
void config_named_free(struct k2_config *c);

#endif
