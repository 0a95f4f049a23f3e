/* feed/capture/raw.h - frames as they were received, one behind the other: a raw capture (docs/raw.md).
 *
 * What a live source receives is kept in this form before anybody decodes it, so that a decoder reads the same
 * bytes from a connection, from the journal and from a file. frames.c and venue/json_lines.c read it.
 *
 * Included by feed.h, the room's face. Thread-safety: none; one owner at a time.
 */
#ifndef K2_FEED_RAW_H
#define K2_FEED_RAW_H

#include "feed/live/live.h"

#define FEED_RAW_HEAD ((size_t)36)       /* bytes in front of those of a frame */
#define FEED_RAW_MOST ((size_t)64 << 20) /* bytes of a frame */

/* What begins a capture; a capture may follow another one in the same file. */
void feed_raw_begin(struct k2_buf *out);
/* One frame, of at most FEED_RAW_MOST bytes. */
void feed_raw_put(struct k2_buf *out, const struct feed_live_frame *f);
/* Whether these are the first bytes of a raw capture. */
bool feed_raw_is(struct k2_sv head);
bool feed_raw_may_be(struct k2_sv head); /* as far as so few bytes tell */
/* K2_E_UNSUPPORTED, with both versions, when they are those of a later version. */
K2_RC feed_raw_check_version(struct k2_sv head, struct k2_err *err);
/* What the sink is told of a datagram that came on the other line before (the same text, by its address). */
extern const char feed_raw_twin[];
/* The same for frames that tell of connections, which are no records. */
extern const char feed_raw_connected[], feed_raw_disconnected[];

/* The frames of a capture of packets (pcap, pcapng, also packed). */
K2_RC feed_raw_of_packets(const char *path,
                          K2_RC (*frame)(void *ctx, const struct feed_live_frame *f,
                                         struct k2_err *err),
                          void *ctx, struct k2_err *err);

/* --- reading --- */

struct raw_twins;
struct raw_reader { /* zeroed: at the start */
    uint64_t at;    /* offset of the first byte that is shown */
    int64_t number; /* of the last frame, from 1 */
    bool lost;      /* looking for something that can be believed */
    bool newer;     /* of a version that is not known: nothing can be */
    uint64_t passed;
    struct k2_buf shown; /* the first of the bytes that were passed over */
    char what[100];      /* was wrong */
    struct raw_twins *twins;
};

enum raw_found {
    RAW_MORE, /* nothing whole is left */
    RAW_FRAME,
    RAW_TWIN,  /* a datagram that came on the other line before */
    RAW_DAMAGE /* `what` says it, `frame.bytes` is what was there */
};

struct raw_finding {
    struct feed_live_frame frame; /* its bytes are borrowed until the next call */
    int64_t number;
    uint64_t offset; /* of its bytes in the capture */
    const char *what;
};

/* Takes the next frame off *bytes; `last`: nothing comes behind them. */
enum raw_found raw_next(struct raw_reader *r, struct k2_sv *bytes, bool last,
                        struct raw_finding *out);
void raw_reader_free(struct raw_reader *r);
/* Where it is, for feed_ops.save; and back: false when it cannot be that. */
void raw_reader_save(const struct raw_reader *r, struct k2_buf *out);
bool raw_reader_restore(struct raw_reader *r, struct k2_sv *in);

#endif
