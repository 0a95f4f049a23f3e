/* journal/local/opener.h - the records of a frame, encrypted or not. Internal to the room. Thread-safety: one thread each. */
#ifndef K2_JOURNAL_OPENER_H
#define K2_JOURNAL_OPENER_H

#include "base/buf.h"
#include "journal/local/segment.h"

struct journal_opener { /* zeroes and the incarnation are a good one */
    int32_t incarnation;
    struct journal_cipher *cipher; /* made for the first encrypted frame */
    struct k2_buf plain;
};

void journal_opener_fini(struct journal_opener *o);
/* The records of an intact frame of the segment: where they stand, or decrypted, until the next call. Nothing of an
 * encrypted frame is given before its tag was found right. A key that nobody gave is K2_E_FAILED and named. */
K2_RC journal_opener_records(struct journal_opener *o, int64_t segment, const struct frame *f,
                             const uint8_t *bytes, struct k2_sv *records, struct k2_err *err);

#endif
