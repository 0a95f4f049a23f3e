/* role/retain.h - one retention at a time in a data directory, from the proof to the removal.
 *
 * Internal to the room. What was proven is named by numbers that mean the same only as long as nobody else removes.
 */
#ifndef K2_ROLE_RETAIN_H
#define K2_ROLE_RETAIN_H

#include "base/fs.h"

/* K2_E_LOCKED names who is at it. */
K2_RC retain_lock(const char *data, const char *command, struct k2_lock **out, struct k2_err *err);

#endif
