/* feed/live/websocket.c - links that are WebSockets; see live_int.h. The only file that includes wslay's header.
 *
 * wslay knows the frames of RFC 6455 (lengths, masks, fragments, UTF-8, closing, answers to pings); the bytes come from
 * a k2_stream. Messages are put together here, in a buffer that stays, and not in wslay, which allocates for each.
 */
#include "feed/live/live_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <wslay/wslay.h>

/* A server that takes nothing but asks for much (pings) would fill our memory with answers. */
static const size_t most_unsent = (size_t)1 << 20;

struct live_ws {
    wslay_event_context_ptr frames;
    char key[LIVE_KEY_TEXT];
    bool open;        /* the handshake is done */
    struct k2_buf in; /* received, from in_at on not yet taken by wslay */
    size_t in_at;     /* of the handshake: always 0 */
    struct k2_buf message;
    uint8_t opcode;   /* of the message */
    bool whole, data; /* the present frame: the last of its message; no control frame */
    bool close;       /* it is a closing */
    int64_t received_ns;
    size_t max;                     /* of the present read */
    struct k2_err lost;             /* why the connection ended below wslay */
    struct k2_buf goodbye;          /* of the closing frame: a code (2 bytes), and why */
    const struct live_habit *habit; /* of the venue; NULL = it has none */
    struct k2_gunzip *gunzip;       /* for its questions */
    bool asked;                     /* by the venue, which waits for the answer */
    char answer[LIVE_ANSWER];
};

/* --- what wslay asks for --- */

static ssize_t receive(wslay_event_context_ptr c, uint8_t *to, size_t max, int flags, void *ctx) {
    struct live_link *k = ctx;
    struct live_ws *w = k->ws;
    (void)flags;
    size_t n = w->in.n - w->in_at;
    if (n == 0 && !live_queue_full(&k->live->queue, w->max)) {
        w->in.n = w->in_at = 0;
        if (live_stream_read(k, k2_buf_need(&w->in, LIVE_READ_BYTES), LIVE_READ_BYTES, &n,
                             &w->lost) != K2_OK) {
            wslay_event_set_error(c, WSLAY_ERR_CALLBACK_FAILURE);
            return -1;
        }
        w->in.n = n;
        w->received_ns = k2_now_ns();
    }
    if (n == 0) {
        wslay_event_set_error(c, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    n = n < max ? n : max;
    memcpy(to, w->in.p + w->in_at, n);
    w->in_at += n;
    return (ssize_t)n;
}

static ssize_t send_some(wslay_event_context_ptr c, const uint8_t *bytes, size_t n, int flags,
                         void *ctx) {
    struct live_link *k = ctx;
    (void)flags;
    if (k->out.n - k->out_at > most_unsent) {
        wslay_event_set_error(c, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    k2_buf_put(&k->out, bytes, n);
    return (ssize_t)n;
}

static int make_mask(wslay_event_context_ptr c, uint8_t *to, size_t n, void *ctx) {
    (void)c;
    (void)ctx;
    return getrandom(to, n, 0) == (ssize_t)n ? 0 : -1;
}

static void frame_starts(wslay_event_context_ptr c,
                         const struct wslay_event_on_frame_recv_start_arg *arg, void *ctx) {
    struct live_link *k = ctx;
    struct live_ws *w = k->ws;
    w->data = !wslay_is_ctrl_frame(arg->opcode);
    w->whole = arg->fin;
    w->close = arg->opcode == WSLAY_CONNECTION_CLOSE;
    if (w->data && arg->opcode != WSLAY_CONTINUATION_FRAME) {
        w->opcode = arg->opcode;
        w->message.n = 0;
    }
    /* wslay knows such a limit, but not over fragments when it does not keep them. */
    if (w->data && arg->payload_length > k->live->max_frame - w->message.n) {
        wslay_event_queue_close(c, WSLAY_CODE_MESSAGE_TOO_BIG, NULL, 0);
        wslay_event_shutdown_read(c);
    }
}

static void frame_goes_on(wslay_event_context_ptr c,
                          const struct wslay_event_on_frame_recv_chunk_arg *arg, void *ctx) {
    struct live_ws *w = ((struct live_link *)ctx)->ws;
    (void)c;
    if (w->data)
        k2_buf_put(&w->message, arg->data, arg->data_length);
    else if (w->close)
        k2_buf_put(&w->goodbye, arg->data, arg->data_length);
}

static void frame_ends(wslay_event_context_ptr c, void *ctx) {
    struct live_link *k = ctx;
    struct live_ws *w = k->ws;
    (void)c;
    if (!w->data || !w->whole)
        return;
    live_push(k, w->opcode == WSLAY_TEXT_FRAME ? LIVE_TEXT : LIVE_BINARY, k2_buf_view(&w->message),
              w->received_ns, 0);
    w->asked |= live_habit_answer(w->habit, k2_buf_view(&w->message), &w->gunzip, w->answer);
    w->message.n = 0;
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = receive,
    .send_callback = send_some,
    .genmask_callback = make_mask,
    .on_frame_recv_start_callback = frame_starts,
    .on_frame_recv_chunk_callback = frame_goes_on,
    .on_frame_recv_end_callback = frame_ends,
};

/* --- beginning --- */

static int begin(struct live_link *k, struct k2_err *err) {
    struct live_ws *w = k->ws = k2_zalloc(sizeof *w);
    w->habit = live_habit_of(k->live->format, k->url->text);
    K2_ASSERT(wslay_event_context_client_init(&w->frames, &callbacks, k) == 0);
    wslay_event_config_set_no_buffering(w->frames, 1);
    k->up_ns = k2_monotonic_ns() + LIVE_CONNECT_MS * K2_NS_PER_MS; /* until it is up: its limit */
    return live_stream_begin(k, err);
}

static int ask(struct live_link *k, struct k2_err *err) {
    if (k->ws->key[0])
        return K2_OK;
    live_handshake_key(k->ws->key);
    live_handshake_request(k->url, k->ws->key, k->live->headers, &k->out);
    return live_stream_flush(k, err);
}

static int hear_answer(struct live_link *k, struct k2_err *err) {
    struct live_ws *w = k->ws;
    size_t n = 0;
    K2_TRY(live_stream_read(k, k2_buf_need(&w->in, LIVE_READ_BYTES), LIVE_READ_BYTES, &n, err));
    w->in.n += n;
    w->received_ns = k2_now_ns();
    K2_TRY(live_handshake_answer(k2_buf_view(&w->in), w->key, &w->in_at, err));
    w->open = w->in_at > 0;
    if (!w->open && k2_monotonic_ns() > k->up_ns)
        return k2_fail(err, K2_E_IO, "the server did not answer the WebSocket handshake in %d ms",
                       LIVE_CONNECT_MS);
    return K2_OK;
}

static int queue(struct live_ws *w, uint8_t opcode, const char *text, struct k2_err *err) {
    struct wslay_event_msg m = {opcode, (const uint8_t *)text, strlen(text)};
    if (wslay_event_queue_msg(w->frames, &m) != 0)
        return k2_fail(err, K2_E_IO, "the WebSocket takes no more to send");
    return K2_OK;
}

static int flush(struct live_link *k, struct k2_err *err) {
    if (wslay_event_send(k->ws->frames) != 0)
        return k2_fail(err, K2_E_IO, "the WebSocket cannot send");
    if (k->out.n - k->out_at + wslay_event_get_queued_msg_length(k->ws->frames) > most_unsent)
        return k2_fail(err, K2_E_IO, "the server takes nothing of what is sent to it");
    return live_stream_flush(k, err);
}

static int step(struct live_link *k, bool *up, struct k2_err *err) {
    bool connected = false;
    *up = false;
    K2_TRY(live_stream_step(k, &connected, err));
    if (!connected)
        return K2_OK;
    K2_TRY(ask(k, err));
    K2_TRY(live_stream_flush(k, err));
    K2_TRY_CTX(hear_answer(k, err), err, "%s", k->url->text);
    if (!k->ws->open)
        return K2_OK;
    if (k->ws->habit && k->ws->habit->hello)
        K2_TRY(queue(k->ws, WSLAY_TEXT_FRAME, k->ws->habit->hello, err));
    for (char **s = k->live->send; s && *s; s++)
        K2_TRY(queue(k->ws, WSLAY_TEXT_FRAME, *s, err));
    *up = true;
    return flush(k, err);
}

/* --- while it is there --- */

/* Read from the frame itself: wslay takes the later codes 1012 to 1014, which venues send, for errors. */
static int closed_by_server(const struct live_ws *w, struct k2_err *err) {
    struct k2_buf why = {0};
    const uint8_t *code = w->goodbye.p;
    if (w->goodbye.n < 2)
        return k2_fail(err, K2_E_IO, "the server closed the WebSocket and gave no reason");
    k2_buf_visible(&why, (struct k2_sv){(const char *)code + 2, w->goodbye.n - 2}, false);
    int rc = k2_fail(err, K2_E_IO, "the server closed the WebSocket with code %d%s%s",
                     code[0] << 8 | code[1], why.n ? ": " : "", k2_buf_cstr(&why));
    k2_buf_free(&why);
    return rc;
}

/* The codes that wslay closes with when the server breaks the rules (RFC 6455 section 7.4.1). */
static int closed_by_us(const struct live_link *k, struct k2_err *err) {
    unsigned code = wslay_event_get_status_code_sent(k->ws->frames);
    if (code == WSLAY_CODE_MESSAGE_TOO_BIG)
        return k2_fail(err, K2_E_RANGE, "a message is longer than the limit of %zu bytes",
                       k->live->max_frame);
    if (code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA)
        return k2_fail(err, K2_E_IO, "a text message of the server is no UTF-8");
    return k2_fail(err, K2_E_IO, "the server breaks the rules of WebSocket frames (RFC 6455)");
}

static int read_some(struct live_link *k, size_t max, struct k2_err *err) {
    struct live_ws *w = k->ws;
    w->max = max;
    int failed = wslay_event_recv(w->frames);
    if (w->asked && !failed) /* goes out with the flush that follows each read */
        K2_TRY(queue(w, WSLAY_TEXT_FRAME, w->answer, err));
    w->asked = false;
    if (failed == WSLAY_ERR_CALLBACK_FAILURE)
        return k2_fail(err, w->lost.status, "%s", w->lost.msg);
    if (failed)
        return k2_fail(err, K2_E_IO, "the WebSocket cannot receive (wslay: %d)", failed);
    if (wslay_event_get_read_enabled(w->frames))
        return K2_OK;
    (void)!flush(k, NULL); /* our closing frame: whether it arrives does not matter */
    return w->close ? closed_by_server(w, err) : closed_by_us(k, err);
}

static int ping(struct live_link *k, struct k2_err *err) {
    K2_TRY(queue(k->ws, WSLAY_PING, "k2", err));
    return flush(k, err);
}

/* More often where silence is to be noticed sooner. */
static int64_t beat_ns(const struct live_link *k) {
    const struct live_habit *h = k->ws->habit;
    int64_t half = k->live->silence_ns / 2;
    return h && h->every_ns > half ? half : h ? h->every_ns : 0;
}

static int beat(struct live_link *k, struct k2_err *err) {
    const struct live_habit *h = k->ws->habit;
    char text[128];
    if (!h->beat && !h->timed)
        return ping(k, err);
    snprintf(text, sizeof text, "{\"time\":%lld,\"channel\":\"%s\"}",
             (long long)(k2_now_ns() / K2_NS_PER_SEC), h->timed ? h->timed : "");
    K2_TRY(queue(k->ws, WSLAY_TEXT_FRAME, h->beat ? h->beat : text, err));
    return flush(k, err);
}

static void end(struct live_link *k, bool polite) {
    struct live_ws *w = k->ws;
    if (w && polite && k->phase == LIVE_UP) {
        wslay_event_queue_close(w->frames, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        (void)!flush(k, NULL); /* it ends either way */
    }
    live_stream_end(k);
    if (!w)
        return;
    wslay_event_context_free(w->frames);
    k2_buf_free(&w->in);
    k2_buf_free(&w->message);
    k2_buf_free(&w->goodbye);
    k2_gunzip_free(w->gunzip);
    free(w);
    k->ws = NULL;
}

const struct live_ops live_websocket = {
    .begin = begin,
    .step = step,
    .read = read_some,
    .flush = flush,
    .ping = ping,
    .beat = beat,
    .beat_ns = beat_ns,
    .end = end,
    .silence_ns = 30 * K2_NS_PER_SEC,
};
