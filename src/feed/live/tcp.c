/* feed/live/tcp.c - links that are plain TCP streams: a frame is what one read gave. See live_int.h. */
#include "feed/live/live_int.h"

static int step(struct live_link *k, bool *up, struct k2_err *err) {
    K2_TRY(live_stream_step(k, up, err));
    if (!*up)
        return K2_OK;
    for (char **s = k->live->send; s && *s; s++) { /* lines: a stream does not keep them apart */
        size_t n = strlen(*s);
        k2_buf_put(&k->out, *s, n);
        if (n == 0 || (*s)[n - 1] != '\n')
            k2_buf_byte(&k->out, '\n');
    }
    return live_stream_flush(k, err);
}

static int read_some(struct live_link *k, size_t max, struct k2_err *err) {
    char bytes[LIVE_READ_BYTES];
    size_t n = 1;
    while (n > 0 && !live_queue_full(&k->live->queue, max)) {
        K2_TRY(live_stream_read(k, bytes, sizeof bytes, &n, err));
        if (n > 0)
            live_push(k, LIVE_STREAM, (struct k2_sv){bytes, n}, k2_now_ns(), 0);
    }
    return K2_OK;
}

static void end(struct live_link *k, bool polite) {
    (void)polite; /* TCP says goodbye by itself */
    live_stream_end(k);
}

const struct live_ops live_tcp = {
    .begin = live_stream_begin,
    .step = step,
    .read = read_some,
    .flush = live_stream_flush,
    .end = end,
};
