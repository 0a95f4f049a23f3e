/* journal/raw_decode.h - what a raw topic keeps of a source, decoded once more.
 *
 * The frames of one source that were received in [from_ns, to_ns), in the order of their receipt, through a decoder
 * that begins anew. It is shown what was received from the session date before that of from_ns on (raw_view.h, raw_days),
 * so that it knows what venues tell once a day, such as directories of symbols; what it says of that is not heard.
 * Events that a decoder counts, of a session date whose beginning the topic does not keep, end it (raw_whole.h).
 * Raw offsets and positions are places in the topic, as they were when the source was live.
 * Included by journal.h, the room's face. Thread-safety: one thread each.
 */
#ifndef K2_JOURNAL_RAW_DECODE_H
#define K2_JOURNAL_RAW_DECODE_H

#include "feed/feed.h"

struct journal;

struct raw_source {
    char *key;             /* "feed:NAME", or its address and what is said to it */
    char *url;             /* of its last connection; "" = not known */
    int64_t frames, bytes; /* without the beginnings and ends of connections */
    int64_t first_ns, last_ns;
};

/* The sources that the raw topic of an exchange holds, for raw_sources_free. K2_E_NOTFOUND: there is no such topic. */
K2_RC raw_sources(struct journal *j, struct k2_sv exchange, struct raw_source **out, size_t *n,
                  struct k2_err *err);
void raw_sources_free(struct raw_source *sources, size_t n);

struct raw_frame { /* a record of a raw topic, owned */
    char topic[96];
    char *source;
    int64_t offset, received_ns, connection;
    bool line_b;
    const char *form; /* "DATAGRAM", ... */
    struct k2_buf bytes;
};

/* The frame at an offset of some raw topic that was received at this nanosecond; *found false: none is kept. */
K2_RC raw_frame_find(struct journal *j, int64_t offset, int64_t received_ns, struct raw_frame *out,
                     bool *found, struct k2_err *err);
void raw_frame_free(struct raw_frame *f); /* zeroed is fine */

struct raw_decode;

struct raw_decode_options {
    const char *source; /* its key; copied */
    int64_t from_ns, to_ns;
    const struct feed_ops *feed; /* that reads captures */
    struct feed_options options; /* borrowed until it is closed; its exchange is the topic's */
};

/* As much as is durable now: what is received later is not of it. Strings of events are interned in `in`. */
K2_RC raw_decode_open(struct journal *j, const struct raw_decode_options *o, struct k2_interner *in,
                      struct raw_decode **out, struct k2_err *err);
/* A piece of it; *ended: there is no more. */
K2_RC raw_decode_step(struct raw_decode *d, const struct feed_sink *sink, bool *ended,
                      struct k2_err *err);
struct raw_decode_state {
    int64_t done, all; /* records of the topic */
    int64_t frames;    /* of the source in the time that was asked for */
};
struct raw_decode_state raw_decode_state(const struct raw_decode *d);
void raw_decode_close(struct raw_decode *d); /* NULL is fine */

#endif
