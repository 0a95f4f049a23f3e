/* journal/image.h - the log as of one moment, as files: what a backup copies.
 *
 * Included by journal.h, the room's face. Thread-safety: as for readers (journal.h).
 */
#ifndef K2_JOURNAL_IMAGE_H
#define K2_JOURNAL_IMAGE_H

#include "base/buf.h"
#include "base/err.h"

struct journal;
struct journal_span;

struct journal_image_file {
    char *name;    /* below <data>/journal: "meta", "positions/sink", "00000000000000000000.seg" */
    int64_t bytes; /* of the file, from its beginning */
    bool fixed;    /* what these bytes are will never change, though more may follow */
    /* !fixed: the bytes themselves. The file may say something else by now. */
    struct k2_buf content;
};

struct journal_image {
    int32_t journal_id;
    int64_t end; /* log position: all below it was durable */
    int n;
    struct journal_image_file *files; /* owned; segments in log order, before all others */
    int span_count;
    struct journal_span *spans; /* of every partition: oldest kept offset, durable end; owned */
};

/* A sealed segment N.seg has an index N.idx, which lists every batch with the time it was appended: journals of one
 * journal_id whose index N.idx has the same bytes have the same segment.
 * Takes no lock. A journal put together from these files opens as this one did at that moment:
 * positions of consumers are cut to its end. The segments are there for as long as the journal is
 * pinned (journal_pin). */
K2_RC journal_image_take(struct journal *j, struct journal_image *out, struct k2_err *err);
void journal_image_free(struct journal_image *image);
/* Where the bytes of a segment of an image are when its file has gone from the directory: tiered ones are fetched.
 * Gives heap memory; the file may go again. K2_E_NOTFOUND: there is no such segment any more. */
K2_RC journal_image_reach(struct journal *j, const char *name, char **path, struct k2_err *err);

/* Whether the bytes [from, to) of a segment of an image are whole frames with the right checksums, `from` being 0 or the
 * size it had in an earlier image. K2_E_CORRUPT says where they are not; K2_E_NOTFOUND: the file is not in the directory
 * (what is tiered is compared when it is fetched). */
K2_RC journal_image_check(struct journal *j, const char *name, int64_t from, int64_t to,
                          struct k2_err *err);

#endif
