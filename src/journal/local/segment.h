/* journal/local/segment.h - the bytes of a segment file: frames and records (specified in segment.c).
 * Internal to the room. Thread-safety: pure functions over the caller's bytes and descriptors.
 */
#ifndef K2_JOURNAL_SEGMENT_H
#define K2_JOURNAL_SEGMENT_H

#include "base/buf.h"
#include "base/err.h"

#define FRAME_HEADER 80 /* = GATHER_ROOM */
#define FRAME_KEYED 88  /* header and key id of an encrypted frame */
#define FRAME_MAX (UINT32_C(1) << 30)

struct frame {
    uint32_t length; /* of the whole frame */
    int32_t topic, partition, count;
    int64_t base_offset, append_ns, min_event_ns, max_event_ns;
    int64_t position; /* log position of the frame's first byte */
    int64_t synced;   /* log position known durable when the frame was written */
    uint64_t key;     /* id of the master key it is encrypted with; 0: it is in the clear */
};

/* Puts the header into the first FRAME_HEADER bytes, but for the checksum. */
void journal_frame_head(uint8_t *bytes, const struct frame *f, int32_t incarnation);
/* The checksum, once all f->length bytes stand there. */
void journal_frame_seal(uint8_t *bytes, const struct frame *f);
/* Reads a header; false if it cannot be the header of a frame at this log position. FRAME_KEYED bytes tell for every
 * frame. */
bool journal_frame_parse(const uint8_t *bytes, size_t n, int32_t incarnation, int64_t position,
                         struct frame *out);
/* Whether all f->length bytes are as they were written. */
bool journal_frame_intact(const uint8_t *bytes, const struct frame *f);
/* Whether `count` records fill the n bytes exactly. */
bool journal_records_fill(const uint8_t *records, size_t n, int32_t count);

/* "<dir>/<20 digits><suffix>"; gives heap memory. */
char *journal_segment_path(const char *dir, int64_t number, const char *suffix);
/* Whether the name is 20 digits and the suffix. */
bool journal_segment_name(const char *name, const char *suffix, int64_t *number);

/* What follows the last intact frame of a file. */
enum segment_tail { SEGMENT_CLEAN, SEGMENT_TORN };

/* What a scan gives each frame to; a status other than K2_OK ends it. */
struct segment_visitor {
    void *ctx;
    K2_RC (*frame)(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err);
};

struct segment_file {
    const char *path;
    int fd;
    int64_t number; /* log position of its first byte */
    int32_t incarnation;
};

/* Visits every intact frame from log position *at on, whole and checked; *at becomes the end of the
 * last one. Damage below what a later frame says was durable is K2_E_CORRUPT. */
K2_RC journal_segment_scan(const struct segment_file *file, int64_t *at, enum segment_tail *tail,
                           const struct segment_visitor *visitor, struct k2_err *err);
/* Visits the headers from *at up to `limit`, which is known to be durable. Checks no checksums and
 * reads no records (bytes is NULL). Ends early, without an error, where the file has no more
 * frames. */
K2_RC journal_segment_walk(const struct segment_file *file, int64_t *at, int64_t limit,
                           const struct segment_visitor *visitor, struct k2_err *err);
/* After damage at log position `at`: the next intact frame behind it, or -1. */
K2_RC journal_segment_resync(const struct segment_file *file, int64_t at, struct frame *out,
                             bool *found, struct k2_err *err);

#endif
