/* Fuzz target of raw captures. The first byte says how the rest becomes one: as it is, behind the eight bytes of the
 * start, or as the bytes of frames that are written for it and damaged in one place. Whole and in pieces it must give the
 * same, and no byte may be lost. */
#include <stdlib.h>

#include "feed/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
    uint64_t sum, answers;
};

static void add(struct seen *s, enum raw_found found, const struct raw_finding *f) {
    const struct feed_live_frame *r = &f->frame;
    uint64_t h = r->bytes.n ? k2_hash64(r->bytes.p, r->bytes.n) : 0;
    h ^= f->offset ^ (uint64_t)f->number << 32 ^ (uint64_t)found << 60;
    if (found == RAW_DAMAGE)
        h ^= k2_hash64(f->what, strlen(f->what));
    else
        h ^= (uint64_t)r->received_ns ^ (uint64_t)r->connection ^ (uint64_t)r->form << 8 ^
             (uint64_t)r->line;
    s->sum = s->sum * UINT64_C(1099511628211) + h;
    s->answers++;
}

static struct seen ask(struct k2_sv text, size_t step) {
    struct seen seen = {0};
    struct raw_reader r = {0};
    struct raw_finding f;
    enum raw_found found;
    size_t done = 0, shown = 0;
    bool last = false;
    while (!last) {
        shown = step == 0 || text.n - shown <= step ? text.n : shown + step;
        last = shown == text.n;
        size_t room = shown - done;
        char *copy = malloc(room ? room : 1);
        memcpy(copy, text.p + done, room);
        struct k2_sv rest = {copy, room};
        while ((found = raw_next(&r, &rest, last, &f)) != RAW_MORE)
            add(&seen, found, &f);
        done += room - rest.n;
        free(copy);
    }
    K2_ASSERT(done == text.n);
    raw_reader_free(&r);
    return seen;
}

static void write_frames(const uint8_t *data, size_t n, struct k2_buf *out) {
    while (n > 3) {
        size_t size = data[0] < n - 3 ? data[0] : n - 3;
        const struct feed_live_frame f = {.form = (enum feed_live_form)(data[1] % 6),
                                          .line = data[1] >> 7,
                                          .received_ns = data[2],
                                          .connection = data[2] >> 4,
                                          .bytes = {(const char *)data + 3, size}};
        feed_raw_put(out, &f);
        data += 3 + size;
        n -= 3 + size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct k2_buf out = {0};
    if (n < 3)
        return 0;
    if (data[0] & 1)
        feed_raw_begin(&out);
    if (data[0] & 2)
        write_frames(data + 3, n - 3, &out);
    else
        k2_buf_put(&out, data + 3, n - 3);
    if (out.n == 0)
        return 0;
    out.p[data[1] * out.n / 256] ^= data[2];
    struct seen whole = ask(k2_buf_view(&out), 0);
    struct seen pieces = ask(k2_buf_view(&out), (data[0] >> 2) + 1u);
    K2_ASSERT(whole.sum == pieces.sum && whole.answers == pieces.answers);
    k2_buf_free(&out);
    return 0;
}
