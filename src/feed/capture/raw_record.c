/* feed/capture/raw_record.c - a capture of packets (pcap, pcapng) as the frames of a raw capture.
 *
 * Each conversation becomes a connection that is named by its addresses. TCP segments come in the order of their bytes;
 * where bytes are missing, the conversations end and go on as other connections, so that nobody takes what is
 * behind the hole for the next bytes. What is damaged gives no frame and ends them too.
 */
#include "feed/capture/frames.h"
#include "feed/capture/raw.h"
#include "feed/feed_int.h"

#define PIECE ((size_t)256 << 10)

struct recording {
    int (*frame)(void *ctx, const struct feed_live_frame *f, struct k2_err *err);
    void *ctx;
    struct feed_frames *frames;
    struct k2_buf connections; /* int64_t by flow; 0 = none */
    int64_t last;              /* connection */
    int64_t time_ns;
};

static int64_t *connection_of(struct recording *r, uint32_t flow) {
    size_t need = ((size_t)flow + 1) * sizeof(int64_t);
    if (r->connections.n < need) {
        size_t more = need - r->connections.n;
        memset(k2_buf_need(&r->connections, more), 0, more);
        r->connections.n = need;
    }
    return (int64_t *)(void *)r->connections.p + flow;
}

static int tell(struct recording *r, enum feed_live_form form, int64_t connection,
                struct k2_sv bytes, struct k2_err *err) {
    const struct feed_live_frame f = {
        .form = form, .bytes = bytes, .received_ns = r->time_ns, .connection = connection};
    return r->frame(r->ctx, &f, err);
}

static int take_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct recording *r = state;
    int64_t *connection = connection_of(r, f->flow);
    (void)sink;
    if (f->time_ns != K2_NULL_LONG)
        r->time_ns = f->time_ns;
    if (*connection == 0) {
        *connection = ++r->last;
        K2_TRY(tell(r, LIVE_CONNECTED, *connection, f->flow_name, err));
    }
    return tell(r, f->datagram ? LIVE_DATAGRAM : LIVE_STREAM, *connection, f->bytes, err);
}

static int take_reject(void *ctx, const struct feed_reject *why, struct k2_err *err) {
    struct recording *r = ctx;
    size_t n = r->connections.n / sizeof(int64_t);
    for (size_t flow = 0; flow < n; flow++) {
        int64_t *connection = connection_of(r, (uint32_t)flow);
        if (*connection)
            K2_TRY(tell(r, LIVE_DISCONNECTED, *connection, k2_sv_of(why->detail), err));
        *connection = 0;
    }
    return K2_OK;
}

static int take_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

static int decode(struct recording *r, struct feed_bytes *from, struct k2_err *err) {
    const struct feed_sink sink = {r, NULL, take_reject, take_filtered};
    struct k2_buf held = {0};
    bool end = false;
    int rc = K2_OK;
    while (rc == K2_OK && !end) {
        size_t used = 0;
        rc = feed_bytes_next(from, PIECE, &held, &end, err);
        if (rc == K2_OK)
            rc = feed_frames_decode(r->frames, k2_buf_view(&held), end, &used, &sink, err);
        memmove(held.p, held.p + used, held.n - used);
        held.n -= used;
    }
    k2_buf_free(&held);
    return rc;
}

int feed_raw_of_packets(const char *path,
                        int (*frame)(void *ctx, const struct feed_live_frame *f,
                                     struct k2_err *err),
                        void *ctx, struct k2_err *err) {
    struct recording r = {.frame = frame, .ctx = ctx};
    struct feed_bytes from;
    int rc = feed_bytes_open(&from, path, err);
    r.frames = feed_frames_new(&(struct feed_frames_options){
        .frame = take_frame, .state = &r, .framing = FEED_FRAMING_SEGMENTS});
    if (rc == K2_OK)
        rc = decode(&r, &from, err);
    feed_frames_free(r.frames);
    feed_bytes_close(&from);
    k2_buf_free(&r.connections);
    return rc;
}
