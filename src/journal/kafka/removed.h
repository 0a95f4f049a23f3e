/* journal/kafka/removed.h - parts of partitions that retention has removed, or is about to: their digests and times.
 *
 * A part is proven against the tables, noted in the journal's own topic, and only then deleted. So a note may be there
 * whose records are too (the process ended in between): it counts once its partition begins behind it.
 * Internal to the folder. Thread-safety: the notes of a journal belong to the thread that removes.
 */
#ifndef K2_JOURNAL_KAFKA_REMOVED_H
#define K2_JOURNAL_KAFKA_REMOVED_H

#include "journal/journal.h"

#define KAFKA_REMOVED "removed/" /* how the keys of notes begin */

struct kafka_time { /* records from this offset on were appended then, up to the next one */
    int64_t ms, offset;
};

struct kafka_part {
    char *topic;              /* without the journal's prefix */
    struct journal_span span; /* its topic is set when it is asked for */
    int64_t first_ns, last_ns;
    struct journal_digest *digests;
    int digest_count;
    struct kafka_time *times;
    int time_count;
    int pages, read; /* of its note; read < pages: it is not whole */
};

struct kafka_parts {
    struct kafka_part *at;
    int n;
};

void kafka_part_free(struct kafka_part *p);
/* As one segment that was sealed, by a number; it borrows from the part. */
struct journal_segment_info kafka_part_info(const struct kafka_part *p, int64_t number);
void kafka_parts_free(struct kafka_parts *all);
void kafka_parts_add(struct kafka_parts *all, struct kafka_part *p); /* takes its contents over */
void kafka_parts_sort(struct kafka_parts *all);                      /* by time of appending */

/* A note has several pages where one record would become too large. Page `index` as key and value. */
int kafka_part_pages(const struct kafka_part *p);
void kafka_part_page(const struct kafka_part *p, int index, struct k2_buf *key,
                     struct k2_buf *value);
/* Reads a page, in the order of the log: the first one of a part begins it anew. K2_E_CORRUPT: it is none. */
K2_RC kafka_parts_read(struct kafka_parts *all, struct k2_sv key, struct k2_sv value,
                       struct k2_err *err);

#endif
