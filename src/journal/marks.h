/* journal/marks.h - where the sources stand that are read step by step, for going on after a restart.
 *
 * One record of the topic k2.marks holds all of them, so only its last record is ever read: Avro {marks: array of
 * {path, format, mark, time}}, where mark is feed_tail_mark's. The caller sees to it that a mark is written only
 * when everything read before it is durable; a mark that is lost costs a reading from the start and nothing else.
 */
#ifndef K2_JOURNAL_MARKS_H
#define K2_JOURNAL_MARKS_H

#include "journal/journal.h"

struct marks;
/* Reads them. */
K2_RC marks_open(struct journal *j, struct marks **out, struct k2_err *err);
void marks_close(struct marks *m); /* NULL is fine */
/* Empty if there is none; borrowed until the next marks_set. */
struct k2_sv marks_get(const struct marks *m, const char *path, const char *format);
/* mark empty = there is none any more. */
void marks_set(struct marks *m, const char *path, const char *format, struct k2_sv mark);
/* Gathers the record if anything changed since the last time; the caller commits. */
K2_RC marks_save(struct marks *m, struct k2_err *err);

#endif
