/* feed/live/queue.c - frames that wait to be handed out; see live_int.h.
 *
 * Bytes are kept by their place and become pointers when they are handed out: until then the buffer may move.
 */
#include "feed/live/live_int.h"

#include <stdlib.h>

static const size_t most_bytes = (size_t)4 << 20; /* no more is read while so many wait */

void live_queue_push(struct live_queue *q, const struct feed_live_frame *f) {
    if (q->n == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 64;
        q->items = k2_realloc(q->items, q->cap * sizeof *q->items);
    }
    q->items[q->n++] = (struct live_item){*f, q->bytes.n, f->bytes.n};
    k2_buf_sv(&q->bytes, f->bytes);
}

size_t live_queue_give(struct live_queue *q, struct feed_live_frame *frames, size_t max) {
    size_t n = 0;
    for (; n < max && q->given < q->n; n++) {
        const struct live_item *item = &q->items[q->given++];
        frames[n] = item->frame;
        frames[n].bytes = item->n ? (struct k2_sv){(const char *)q->bytes.p + item->at, item->n}
                                  : (struct k2_sv){"", 0};
    }
    return n;
}

void live_queue_clean(struct live_queue *q) {
    if (!live_queue_empty(q))
        return;
    q->n = q->given = 0;
    q->bytes.n = 0;
}

bool live_queue_full(const struct live_queue *q, size_t max) {
    return q->n - q->given >= max || q->bytes.n >= most_bytes;
}

void live_queue_free(struct live_queue *q) {
    k2_buf_free(&q->bytes);
    free(q->items);
    *q = (struct live_queue){0};
}
