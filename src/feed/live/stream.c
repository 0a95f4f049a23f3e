/* feed/live/stream.c - what tcp.c and websocket.c share; see live_int.h. */
#include "feed/live/live_int.h"

int live_stream_begin(struct live_link *k, struct k2_err *err) {
    return k2_stream_start(k->url->target, k->live->ca_file, LIVE_CONNECT_MS, &k->stream, err);
}

int live_stream_step(struct live_link *k, bool *up, struct k2_err *err) {
    K2_TRY(k2_stream_step(k->stream, up, err));
    if (*up && !k->watched) {
        K2_TRY(live_watch(k->live, k2_stream_fd(k->stream), false, false, err));
        k->watched = true;
    }
    return K2_OK;
}

int live_stream_read(struct live_link *k, void *to, size_t max, size_t *n, struct k2_err *err) {
    K2_TRY(k2_stream_read(k->stream, to, max, n, err));
    if (*n > 0) {
        k->heard_ns = k2_monotonic_ns();
        k->asked = false;
    }
    return K2_OK;
}

int live_stream_flush(struct live_link *k, struct k2_err *err) {
    size_t n = 1;
    while (k->out_at < k->out.n && n > 0) {
        K2_TRY(k2_stream_write(k->stream, k->out.p + k->out_at, k->out.n - k->out_at, &n, err));
        k->out_at += n;
    }
    bool writing = k->out_at < k->out.n;
    if (!writing)
        k->out.n = k->out_at = 0;
    if (writing != k->writing)
        K2_TRY(live_watch(k->live, k2_stream_fd(k->stream), true, writing, err));
    k->writing = writing;
    return K2_OK;
}

void live_stream_end(struct live_link *k) {
    if (k->watched)
        live_unwatch(k->live, k2_stream_fd(k->stream));
    k->watched = k->writing = false;
    k2_stream_close(k->stream);
    k->stream = NULL;
    k2_buf_free(&k->out);
    k->out_at = 0;
}
