/* feed/capture/frames.h - the frames inside a source, for decoders of datagrams and of framed messages.
 *
 * Such a decoder has no `decode` of its own: it keeps a struct feed_frames in its state and gives
 * feed_frames_decode the function that takes one frame. What the bytes are in is told by their first ones:
 *   pcap       classic pcap, both byte orders, micro- and nanoseconds (libpcap's savefile format)
 *   pcapng     section, interface, enhanced and simple packet blocks (the IETF draft)
 *              both: Ethernet (802.1Q and 802.1ad tags), Linux cooked, loopback and raw IP; IPv4 with
 *              fragments put together, IPv6; UDP datagrams, TCP flows in the order of their bytes
 *   raw        a raw capture (raw.h): datagrams and messages as they came, streams as a flow of each connection; a
 *              datagram that came on the other line before is filtered
 *   else       what the decoder says it comes in without a capture around it: enum feed_framing
 * Damaged packets are answered by one reject each and never stop the source: so is one that was cut when it was
 * captured, a datagram whose fragments did not all come, a hole in a TCP flow. Packets that can be no frame (ARP, a
 * TCP acknowledgement) are answered by `filtered`.
 *
 * The number of a frame is that of its packet in the capture (of the last one it needed), also when several frames of
 * a TCP flow end in one packet; in a file that is no capture frames are counted. Its time is that packet's.
 */
#ifndef K2_FEED_FRAMES_H
#define K2_FEED_FRAMES_H

#include "feed/feed.h"

/* Takes one frame; answers each unit in it by exactly one callback of the sink. */
typedef K2_RC feed_frame_fn(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                            struct k2_err *err);
/* The short way through a plain file of FEED_FRAMING_LENGTH16: answers frames from the start of `bytes`, where they are
 * with their lengths, as feed_frame_fn does, for as long as it likes. `next` has the number, the offset and the time of
 * the first one, and then those of the first that was not answered. */
typedef K2_RC feed_run_fn(void *state, struct k2_sv bytes, struct feed_frame *next,
                          const struct feed_sink *sink, struct k2_err *err);
/* Bytes of the frame that begins at `bytes`: 0 = more are needed to tell, SIZE_MAX = it is none. */
typedef size_t feed_cut_fn(void *state, struct k2_sv bytes);

struct feed_frames_options {
    feed_frame_fn *frame;
    feed_run_fn *run; /* or NULL */
    void *state;      /* of all functions */
    enum feed_framing framing;
    feed_cut_fn *cut; /* FEED_FRAMING_OWN */
};

struct feed_frames;
struct feed_frames *feed_frames_new(const struct feed_frames_options *o);
void feed_frames_free(struct feed_frames *f); /* NULL is fine */
/* As feed_ops.decode. */
K2_RC feed_frames_decode(struct feed_frames *f, struct k2_sv bytes, bool last, size_t *consumed,
                         const struct feed_sink *sink, struct k2_err *err);

/* Whether a source that begins so (8 bytes tell) is a capture, and no plain file. */
bool feed_frames_is_capture(struct k2_sv head);

/* For detect: the first frame whose bytes are inside `head` (the start of a source) as they are, borrowed from it;
 * its flow_name is empty. False when there is no whole one. Of FEED_FRAMING_OWN, which only the decoder can cut, it is
 * all bytes of the plain file or segment. */
bool feed_frames_first(struct k2_sv head, enum feed_framing framing, struct feed_frame *out);

#endif
