/* journal/raw_view.h - frames of a raw topic as the raw capture that a decoder reads.
 *
 * A ring of places knows at which byte of the capture each frame of the topic begins, so that what the decoder says of
 * a byte becomes a raw offset. Whoever shows frames decodes before it is full (raw_view_is_full). Bytes that a decoder
 * kept back, such as the beginning of a message of a stream, may be further back than the ring: they are taken to be at
 * its oldest place.
 * Thread-safety: none; one owner.
 */
#ifndef K2_JOURNAL_RAW_VIEW_H
#define K2_JOURNAL_RAW_VIEW_H

#include "feed/feed.h"

struct raw_place {
    uint64_t at;    /* of the frame's head in the capture */
    int64_t offset; /* in the raw topic */
};

struct raw_view {               /* zeroed: nothing was shown */
    struct k2_buf capture;      /* what the decoder has not taken yet */
    uint64_t shown;             /* bytes of the capture so far */
    struct raw_place *places;   /* ring */
    uint64_t place_n;           /* that were put so far */
    uint64_t decoded_n;         /* of these, whose frames the decoder was given */
    int64_t twins;              /* datagrams that came on both lines */
    const struct feed_sink *to; /* while it decodes */
};

/* What was shown is to be decoded before the next frame. */
bool raw_view_is_full(const struct raw_view *v);
/* The frame as the next bytes of the capture, which is not full. */
void raw_view_show(struct raw_view *v, const struct feed_live_frame *f, int64_t offset);
/* Decodes what was shown and gives it to `to`: raw offsets and positions are places in the topic. */
K2_RC raw_view_decode(struct raw_view *v, const struct feed_ops *ops, void *state,
                      const struct feed_sink *to, struct k2_err *err);
/* Forgets what was shown: the next frame begins a capture. */
void raw_view_restart(struct raw_view *v);
void raw_view_free(struct raw_view *v);

/* Where a decoder that cannot save its state begins anew, so that it knows what venues tell once a day: with the session
 * date before that of the last frame; where bytes of a stream begin the date, which may be inside a message, with the
 * connection that they came on. Offsets in the raw topic. */
struct raw_days { /* zeroed: nothing was noted */
    bool any, connected;
    int32_t day;
    int64_t from,
        before_from; /* of the session date, and of the one before; before_from -1 = there is none */
    int64_t connected_at;
};

void raw_days_note(struct raw_days *d, const struct feed_calendar *calendar,
                   const struct feed_live_frame *f, int64_t offset);
int64_t raw_days_begin(const struct raw_days *d); /* -1 = nothing was noted */

#endif
