/* feed/capture/raw_frames.c - the frames of a raw capture (raw.h) as frames of a source: datagrams and whole messages as
 * they are, the bytes of streams as flows, one for each connection. */
#include "feed/capture/frames_int.h"

/* Whole as it came: a datagram, or a message of a WebSocket. */
static int take_whole(struct feed_frames *f, struct flows *flows, const struct feed_live_frame *r,
                      const struct place *at, struct k2_err *err) {
    struct flow_name name;
    if (r->bytes.n == 0)
        return frames_pass(f, "a frame without bytes", err);
    K2_TRY(flows_connection(flows, f, r->connection, K2_SV(""), &name, err));
    return frames_give(f, r->bytes, r->form == LIVE_DATAGRAM, name.id, name.text, at, err);
}

static int take_stream(struct feed_frames *f, struct flows *flows, const struct feed_live_frame *r,
                       const struct place *at, struct k2_err *err) {
    if (frames_options(f)->framing == FEED_FRAMING_NONE)
        return frames_refuse(f, at, r->bytes, err,
                             "bytes of a stream, and the format comes in datagrams only");
    return r->bytes.n ? flows_stream(flows, f, r->connection, at, r->bytes, err)
                      : frames_pass(f, "a frame without bytes", err);
}

static int take_beginning(struct feed_frames *f, struct flows *flows,
                          const struct feed_live_frame *r, struct k2_err *err) {
    struct flow_name name;
    /* Who was killed did not write that it ended. */
    K2_TRY(flows_disconnect(flows, f, r->connection, err));
    K2_TRY(flows_connection(flows, f, r->connection, r->bytes, &name, err));
    return frames_pass(f, feed_raw_connected, err);
}

static int take_end(struct feed_frames *f, struct flows *flows, const struct feed_live_frame *r,
                    struct k2_err *err) {
    K2_TRY(flows_disconnect(flows, f, r->connection, err));
    return frames_pass(f, feed_raw_disconnected, err);
}

int raw_frames_take(struct feed_frames *f, struct flows *flows, enum raw_found found,
                    const struct raw_finding *r, struct k2_err *err) {
    const struct place at = {r->frame.received_ns, r->number, r->offset};
    const struct place nowhen = {K2_NULL_LONG, r->number, r->offset};
    if (found == RAW_TWIN)
        return frames_pass(f, feed_raw_twin, err);
    if (found == RAW_DAMAGE)
        return frames_refuse(f, &nowhen, r->frame.bytes, err, "%s", r->what);
    switch (r->frame.form) {
    case LIVE_CONNECTED:
        return take_beginning(f, flows, &r->frame, err);
    case LIVE_DISCONNECTED:
        return take_end(f, flows, &r->frame, err);
    case LIVE_STREAM:
        return take_stream(f, flows, &r->frame, &at, err);
    case LIVE_DATAGRAM:
    case LIVE_TEXT:
    case LIVE_BINARY:
        break;
    }
    return take_whole(f, flows, &r->frame, &at, err);
}
