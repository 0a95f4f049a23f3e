/* journal/local/end.h - the durable end of the log, shared with readers in other processes (end.c).
 * Internal to the room. Thread-safety: publish and get from any thread.
 */
#ifndef K2_JOURNAL_END_H
#define K2_JOURNAL_END_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct journal_end {
    char *path;
    int32_t incarnation;
    uint64_t boot; /* hash of the kernel's boot id */
    int fd;        /* -1 while there is no file */
    struct end_page *page;
};

void journal_end_init(struct journal_end *e, const char *path, int32_t incarnation);
void journal_end_fini(struct journal_end *e);
/* The writer: makes the file if need be, stores the position and marks a writer as alive. */
K2_RC journal_end_own(struct journal_end *e, int64_t position, struct k2_err *err);
void journal_end_publish(struct journal_end *e, int64_t position);
/* The position published last, of this boot and incarnation; -1 if there is none. *alive tells
 * whether a writer lives. */
int64_t journal_end_get(struct journal_end *e, bool *alive);

/* How often the end was published: taken before the end is read, it tells a later wait what the reader knew. */
uint32_t journal_end_count(struct journal_end *e);
/* Returns when the end was published since the count was `seen`, at the latest after so long; also sooner, for no reason.
 * A process that cannot see the file yet sleeps. */
void journal_end_await(const struct journal_end *e, uint32_t seen, int64_t ns);

#endif
