/* role/line.h - the line between `k2 up` and the other commands: JSON, one value a line, on a Unix socket.
 *
 * The socket is run/k2.sock of the data directory, for its owner only. A command sends one request and
 * reads answers until one has the member "done" or "error"; then it may send the next. A file descriptor can go with
 * a line (standard input of `k2 ingest -`); of lines that are sent without waiting for answers it may come with
 * an earlier one.
 * Thread-safety: a line belongs to one thread at a time.
 */
#ifndef K2_ROLE_LINE_H
#define K2_ROLE_LINE_H

#include "base/json.h"

#include <stdint.h>

struct line;

/* Listens; takes over the name that a killed process left. The caller holds run/up.lock. */
K2_RC line_listen(const char *data, int *fd, struct k2_err *err);
void line_unlisten(const char *data, int fd);
/* K2_E_NOTFOUND: nobody listens there. */
K2_RC line_connect(const char *data, struct line **out, struct k2_err *err);
/* Takes a connected socket. */
struct line *line_new(int fd);
void line_close(struct line *l); /* NULL is fine */

/* v is freed. pass: a descriptor to send along, or -1; it stays the caller's. */
K2_RC line_send(struct line *l, struct k2_json *v, int pass, struct k2_err *err);
/* *out is NULL when the other end has closed. got (may be NULL): a descriptor that came along, the
 * caller's, or -1. Waits without limit. */
K2_RC line_receive(struct line *l, struct k2_json **out, int *got, struct k2_err *err);
/* The other end has closed, or is gone. Does not wait. */
bool line_is_closed(struct line *l);
/* For poll: readable when a line may have come, unless one is here already. */
int line_descriptor(const struct line *l);
bool line_has_more(const struct line *l);

#endif
