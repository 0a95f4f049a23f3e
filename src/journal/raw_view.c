/* journal/raw_view.c - see raw_view.h. */
#include "journal/raw_view.h"

#include <stdlib.h>

enum {
    PLACES = 1 << 16,
    AT_ONCE = PLACES / 4, /* frames; the rest of the ring is for what a decoder keeps back */
    POSITION_BITS = 40
};

/* The frame that holds the byte. */
static struct raw_place place_of(const struct raw_view *v, uint64_t at) {
    uint64_t low = v->place_n > PLACES ? v->place_n - PLACES : 0, high = v->place_n;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (v->places[middle % PLACES].at <= at)
            low = middle;
        else
            high = middle;
    }
    return v->places[low % PLACES];
}

static K2_RC on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                      struct k2_err *err) {
    const struct raw_view *v = ctx;
    struct k2_event own = *e;
    int64_t at = k2_event_raw_offset(e);
    if (at != K2_NULL_LONG) {
        at = place_of(v, (uint64_t)at).offset;
        k2_event_set_raw_offset(&own, at);
        position = at + 1;
    }
    return v->to->event(v->to->ctx, &own, raw, position, err);
}

/* The place in the topic, because the decoder's own numbers begin anew with each run. Records behind the first in a
 * frame are told apart by their byte in it, in the upper bits: a position is of one record. */
static K2_RC on_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    const struct raw_view *v = ctx;
    struct feed_reject own = *r;
    struct raw_place p = place_of(v, r->offset);
    int64_t byte = (int64_t)(r->offset - p.at) - (int64_t)FEED_RAW_HEAD;
    own.offset = (uint64_t)p.offset;
    own.position = p.offset + 1 + (byte > 0 ? byte << POSITION_BITS : 0);
    return v->to->reject(v->to->ctx, &own, err);
}

static K2_RC on_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct raw_view *v = ctx;
    v->twins += why == feed_raw_twin;
    if (why == feed_raw_connected || why == feed_raw_disconnected)
        return K2_OK; /* nothing was sent that could be a record */
    return v->to->filtered(v->to->ctx, why, err);
}

bool raw_view_is_full(const struct raw_view *v) {
    return v->place_n - v->decoded_n >= AT_ONCE;
}

void raw_view_show(struct raw_view *v, const struct feed_live_frame *f, int64_t offset) {
    K2_ASSERT(!raw_view_is_full(v));
    if (!v->places)
        v->places = k2_alloc(PLACES * sizeof *v->places);
    if (v->shown == 0) {
        feed_raw_begin(&v->capture);
        v->shown = v->capture.n;
    }
    size_t before = v->capture.n;
    v->places[v->place_n++ % PLACES] = (struct raw_place){v->shown, offset};
    feed_raw_put(&v->capture, f);
    v->shown += v->capture.n - before;
}

int raw_view_decode(struct raw_view *v, const struct feed_ops *ops, void *state,
                    const struct feed_sink *to, struct k2_err *err) {
    const struct feed_sink sink = {v, on_event, on_reject, on_filtered};
    size_t used = 0;
    if (v->capture.n == 0)
        return K2_OK;
    v->to = to;
    v->decoded_n = v->place_n;
    int rc = ops->decode(state, k2_buf_view(&v->capture), false, &used, &sink, err);
    K2_ASSERT(used <= v->capture.n);
    if (used)
        memmove(v->capture.p, v->capture.p + used, v->capture.n - used);
    v->capture.n -= used;
    return rc;
}

void raw_view_restart(struct raw_view *v) {
    v->capture.n = 0;
    v->shown = v->place_n = v->decoded_n = 0;
}

void raw_view_free(struct raw_view *v) {
    k2_buf_free(&v->capture);
    free(v->places);
}

/* --- where sessions begin --- */

void raw_days_note(struct raw_days *d, const struct feed_calendar *calendar,
                   const struct feed_live_frame *f, int64_t offset) {
    int32_t day = feed_session_date(calendar, f->received_ns);
    if (f->form == LIVE_CONNECTED) {
        d->connected = true;
        d->connected_at = offset;
    }
    if (d->any && day <= d->day)
        return;
    d->before_from = d->any ? d->from : -1;
    d->from = f->form == LIVE_STREAM && d->connected ? d->connected_at : offset;
    d->day = day;
    d->any = true;
}

/* A connection may be older than the session date before. */
int64_t raw_days_begin(const struct raw_days *d) {
    if (!d->any)
        return -1;
    return d->before_from >= 0 && d->before_from < d->from ? d->before_from : d->from;
}
