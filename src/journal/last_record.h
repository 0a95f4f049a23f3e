/* journal/last_record.h - topics whose last record of partition 0 says it all. */
#ifndef K2_JOURNAL_LAST_RECORD_H
#define K2_JOURNAL_LAST_RECORD_H

#include "journal/journal.h"

/* The offset of the last record of a partition; -1 = it has none. */
K2_RC journal_last_offset(struct journal *j, int32_t topic, int32_t partition, int64_t *offset,
                          struct k2_err *err);
/* Appends its value to out; out stays as it is when there is none. */
K2_RC last_record(struct journal *j, struct k2_sv topic, struct k2_buf *out, struct k2_err *err);

#endif
