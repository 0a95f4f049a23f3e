/* base/config.h - configuration: config.def, then the INI file, then the environment.
 *
 * Key section.key is overridden by K2_SECTION_KEY. A key that config.def lacks is an error that names
 * the nearest one. A value "env:NAME" or "file:PATH" is a reference to a secret, resolved on load and
 * shown as the reference, never as its value. Sections named "feed.NAME" are left for their owner.
 * Sizes are a count and B, KB, MB, GB or TB, by 1024; spans are as k2_span_parse reads them.
 * Thread-safety: immutable after k2_config_load.
 */
#ifndef K2_BASE_CONFIG_H
#define K2_BASE_CONFIG_H

#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

enum k2_config_key {
#define K2_CONFIG(section, key, type, def, meaning) K2_CONFIG_##section##_##key,
#include "base/config.def"
#undef K2_CONFIG
    K2_CONFIG_COUNT
};

struct k2_config;

/* path NULL: no file. A file that is named and missing is an error. Gives *out, to be freed. */
K2_RC k2_config_load(const char *path, struct k2_config **out, struct k2_err *err);
void k2_config_free(struct k2_config *c);
const char *k2_config_string(const struct k2_config *c, enum k2_config_key key); /* borrowed */
/* BYTES in bytes, SPAN in ns, BOOL 0/1 */
int64_t k2_config_int(const struct k2_config *c, enum k2_config_key key);

struct k2_config_entry {
    const char *section, *key, *value, *origin /* "default", "file", "environment" */, *meaning;
};
/* index: 0..K2_CONFIG_COUNT-1 */
struct k2_config_entry k2_config_entry(const struct k2_config *c, int index);

/* The nearest of n words to `word` by edit distance, or NULL if none is near: for "did you mean". */
const char *k2_nearest(const char *word, const char *const *words, int n);

#endif
