/* base/config.h - configuration: config.def, then the INI file, then the environment.
 *
 * Key section.key is overridden by K2_SECTION_KEY. A key that config.def lacks is an error that names
 * the nearest one. A value "env:NAME" or "file:PATH" of any type is a reference, usually to a secret:
 * it is resolved on load (a file: one line, blanks off both ends) and shown as the reference, never as
 * its value. Sizes are a count and B, KB, MB, GB or TB, by 1024; spans are as k2_span_parse reads them.
 *
 * Named sections: of a section such as [feed.asx] there may be any number, each with a name of its
 * own: small letters, digits, '_' and '-', at most 32. K2_FEED_ASX_RATE overrides key rate of
 * [feed.asx], '-' being written '_' too, and makes the section if the file lacks it. A name that the
 * environment would read as another one (feed.a_sim: K2_FEED_A_SIM_SYMBOLS is sim_symbols of feed.a)
 * is refused.
 * Thread-safety: immutable after k2_config_load.
 */
#ifndef K2_BASE_CONFIG_H
#define K2_BASE_CONFIG_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

enum k2_config_key {
#define K2_CONFIG(section, key, type, def, meaning) K2_CONFIG_##section##_##key,
#include "base/config.def"
    K2_CONFIG_COUNT
};

enum k2_config_named_key {
#define K2_CONFIG_NAMED(section, key, type, def, meaning) K2_CONFIG_##section##_##key,
#include "base/config.def"
    K2_CONFIG_NAMED_COUNT
};

struct k2_config;

/* path NULL: no file. A file that is named and missing is an error. Gives *out, to be freed. */
K2_RC k2_config_load(const char *path, struct k2_config **out, struct k2_err *err);
/* The same, but tells every error and reads on: what is wrong is left as it was before. *errors is their
 * number. It fails only when the file itself cannot be read. */
K2_RC k2_config_load_all(const char *path, void (*tell)(void *ctx, const char *text), void *ctx,
                         struct k2_config **out, int *errors, struct k2_err *err);
void k2_config_free(struct k2_config *c);
/* What "env:NAME" or "file:PATH" refers to, to be freed; *out NULL: the text is no reference. */
K2_RC k2_config_resolve(const char *text, char **out, struct k2_err *err);
const char *k2_config_string(const struct k2_config *c, enum k2_config_key key); /* borrowed */
/* BYTES in bytes, SPAN in ns, BOOL 0/1 */
int64_t k2_config_int(const struct k2_config *c, enum k2_config_key key);

/* The sections of a kind ("feed"): those of the file in its order, then those that only the environment
 * has, by name. index: 0..k2_config_named_count-1; the key is one of that kind (asserted). */
int k2_config_named_count(const struct k2_config *c, const char *kind);
const char *k2_config_named_name(const struct k2_config *c, const char *kind,
                                 int index); /* "asx" */
const char *k2_config_named_string(const struct k2_config *c, enum k2_config_named_key key,
                                   int index); /* borrowed */
int64_t k2_config_named_int(const struct k2_config *c, enum k2_config_named_key key, int index);
bool k2_config_named_bool(const struct k2_config *c, enum k2_config_named_key key, int index);

struct k2_config_entry {
    const char *section, *key, *value, *origin /* "default", "file", "environment" */, *meaning;
};
/* All that is set: index 0..K2_CONFIG_COUNT-1 are the plain keys, what follows is the named sections',
 * whose section is "feed.asx". */
int k2_config_entry_count(const struct k2_config *c);
struct k2_config_entry k2_config_entry(const struct k2_config *c, int index);
/* Appends the environment variable of a key: "feed.asx", "rate" is K2_FEED_ASX_RATE. */
void k2_config_variable(const char *section, const char *key, struct k2_buf *out);

/* The environment variables that begin with K2_ and are neither a key's nor known otherwise, nor what
 * a container platform sets for a service called k2-something: calls `on` for each. */
typedef void k2_config_unknown_fn(void *context, const char *name,
                                  const char *nearest /* or NULL */);
void k2_config_unknown_variables(k2_config_unknown_fn *on, void *context);

/* A configuration file with every key, its meaning and its default, all of it commented out. */
void k2_config_template(struct k2_buf *out);

/* The nearest of n words to `word` by edit distance, large and small letters being one, or NULL if none is
 * near: for "did you mean". */
const char *k2_nearest(const char *word, const char *const *words, int n);

#endif
