/* journal/source.h - the record of every file that was read: for files, the file is the raw data.
 *
 * Topic k2.sources: Avro {path, bytes, xxh128, format, read, accepted, time, calendars, time_zones}. The hash is of the file's bytes
 * as they are on disk, so that a later question "which bytes was this row decoded from" has an answer.
 * The last two are by which rules its session dates were made: feed_calendars_version, k2_zone_release.
 */
#ifndef K2_JOURNAL_SOURCE_H
#define K2_JOURNAL_SOURCE_H

#include "journal/journal.h"

/* Gathers the record; the caller commits. A path that is no regular file ("-") has no record. */
K2_RC source_add(struct journal *j, const char *path, const char *format, int64_t read,
                 int64_t accepted, struct k2_err *err);

#endif
