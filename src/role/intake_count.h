/* role/intake_count.h - what a feed has read and what became of it: in words for the status, and in the log what
 * nobody would look for there.
 *
 * Thread-safety: one owner at a time.
 */
#ifndef K2_ROLE_INTAKE_COUNT_H
#define K2_ROLE_INTAKE_COUNT_H

#include "journal/journal.h"

struct intake_count {
    struct ingest_stats all;     /* since the feed began */
    struct ingest_stats source;  /* of the file that is being read, since it was opened */
    struct ingest_stats unheard; /* refused, and not in the log yet */
    int64_t logged_ns;           /* when a line was written last; 0 = never */
    bool nothing_told;           /* that nothing is kept */
};

void intake_count_begin(struct intake_count *c); /* another file */
/* What the ingest counted between the two is the feed's. */
void intake_count_add(struct intake_count *c, const struct ingest_stats *before,
                      const struct ingest_stats *after);
/* Writes what was refused to the log: at once the first time, then at most every ten seconds. `last`: now. */
void intake_count_log(struct intake_count *c, const char *feed, const char *path, int64_t now_ns,
                      bool last);
/* At an end: a line in the log, once, when all that `n` counts was filtered or refused. */
void intake_count_check(struct intake_count *c, const struct ingest_stats *n, const char *feed,
                        const char *path);
/* "9757 read, 0 kept, 9757 filtered since the start" */
void intake_count_text(const struct intake_count *c, struct k2_buf *out);

#endif
