/* verb/config_check.h - a configuration with everything that is wrong with it, not only the first.
 *
 * Thread-safety: one thread.
 */
#ifndef K2_VERB_CONFIG_CHECK_H
#define K2_VERB_CONFIG_CHECK_H

#include "verb/verb.h"

typedef void config_check_fn(void *ctx, const char *text);

/* Reads the configuration of --config and the environment; tells of each error: what cannot be read, and what k2 up
 * could never work with (values out of their range, feeds, address, journal). *errors is their number. It fails only
 * when the file itself cannot be read. */
K2_RC config_check_load(const struct verb_context *c, config_check_fn *tell, void *ctx,
                        struct k2_config **out, int *errors, struct k2_err *err);
/* The same, each error a line on stderr; K2_E_INVALID when there are any. */
K2_RC config_check_load_or_complain(const struct verb_context *c, struct k2_config **out,
                                    struct k2_err *err);

#endif
