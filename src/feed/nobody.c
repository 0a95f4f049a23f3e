/* feed/nobody.c - feed_nobody of feed.h: who does not listen. */
#include "feed/feed.h"

static K2_RC pass_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                        struct k2_err *err) {
    (void)ctx;
    (void)e;
    (void)raw;
    (void)position;
    (void)err;
    return K2_OK;
}

static K2_RC pass_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    (void)r;
    (void)err;
    return K2_OK;
}

static K2_RC pass_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

const struct feed_sink feed_nobody = {NULL, pass_event, pass_reject, pass_filtered};
