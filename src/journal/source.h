/* journal/source.h - the record of every file that was read: for files, the file is the raw data.
 *
 * Topic k2.sources: Avro {path, bytes, xxh128, format, read, accepted, time, calendars, time_zones, sha256,
 * counted_from}. The hashes are of the file's bytes as they are on disk (of a member of a zip archive: as they were
 * packed; of standard input: as they came), so that a later question "which bytes was this row decoded from" has an answer: XXH3-128 for us, SHA-256 for
 * who must prove it to others. Calendars and time_zones are by which rules its session dates were made:
 * feed_calendars_version, k2_zone_release. counted_from is of files whose rows have no numbers: counted.h. Records of
 * older versions lack the last fields.
 * Included by journal.h, the room's face.
 */
#ifndef K2_JOURNAL_SOURCE_H
#define K2_JOURNAL_SOURCE_H

#include "base/buf.h"
#include "base/content.h"
#include "base/err.h"

#define SOURCES_TOPIC "k2.sources"

struct journal;

/* Gathers the record; the caller commits. A path that is no regular file has no record. counted_from: counted_put. */
K2_RC source_add(struct journal *j, const char *path, const char *format, int64_t read,
                 int64_t accepted, struct k2_sv counted_from, struct k2_err *err);
/* The same of what cannot be read again: standard input, whose name is "-", or a pipe. */
K2_RC source_add_content(struct journal *j, const char *name, const struct k2_content *content,
                         const char *format, int64_t read, int64_t accepted,
                         struct k2_sv counted_from, struct k2_err *err);

struct source_record { /* borrowed from the record's value */
    struct k2_sv path, xxh128, format;
    struct k2_sv sha256;       /* empty: of a version that had none */
    struct k2_sv counted_from; /* for counted_parse */
    int64_t bytes, read, accepted, time_us;
};

bool source_record_read(struct k2_sv value, struct source_record *out);
typedef void source_visit(void *ctx, const struct source_record *record, int64_t append_ns);
/* Every record, in the order of their appending. */
K2_RC source_records(struct journal *j, source_visit *visit, void *ctx, struct k2_err *err);
/* K2_E_DATA, with both hashes, when the file is not the one that the record is of. */
K2_RC source_check(const char *path, const struct source_record *known, struct k2_err *err);

#endif
