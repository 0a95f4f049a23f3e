/* base/log.h - log lines on stderr: key=value text or one JSON object a line.
 *
 * k2_log(K2_LOG_WARN, "gap", "exchange", "ASX", "from", "17", NULL): an event name and pairs of
 * NUL-terminated strings, ended by NULL. Secrets never go in. Thread-safety: any thread; one line is
 * one write(2).
 */
#ifndef K2_BASE_LOG_H
#define K2_BASE_LOG_H

#include <stdbool.h>

enum k2_log_level { K2_LOG_DEBUG, K2_LOG_INFO, K2_LOG_WARN, K2_LOG_ERROR };

void k2_log_setup(enum k2_log_level least, bool json); /* before threads start */
void k2_log(enum k2_log_level level, const char *event, ...) __attribute__((sentinel));

#endif
