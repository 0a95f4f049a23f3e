/* Fuzz target of the sequence engine's checkpoint: the frame is made good, the body is anything; what
 * is accepted must save to the same bytes, or, of an earlier version, to bytes that do, and go on judging. */
#include "feed/feed.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct k2_buf framed(uint8_t version, const uint8_t *body, size_t n) {
    struct k2_buf bytes = {0};
    uint8_t head[16] = {'K', '2', 'S', 'Q', version}, crc[4];
    k2_put_u64(head + 8, n + 20);
    k2_buf_put(&bytes, head, sizeof head);
    k2_buf_put(&bytes, body, n);
    k2_put_u32(crc, k2_crc32c(0, bytes.p, bytes.n));
    k2_buf_put(&bytes, crc, sizeof crc);
    return bytes;
}

/* What it saves, or nothing when it is refused. */
static struct k2_buf saved(const struct k2_buf *bytes, int64_t sequence) {
    struct k2_buf again = {0};
    struct seq_engine *s = seq_engine_new((struct seq_history){0});
    if (seq_engine_restore(s, k2_buf_view(bytes), NULL) == K2_OK) {
        struct seq_item item = {
            .exchange = K2_SV("X"), .channel = K2_SV("a"), .sequence = sequence, .halts = true};
        seq_engine_save(s, 0, &again);
        (void)seq_engine_stats(s);
        K2_ASSERT(seq_judge(s, &item, 1, NULL) == K2_OK);
        seq_engine_settle(s);
    }
    seq_engine_free(s);
    return again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    for (uint8_t version = 1; version <= 3; version++) {
        struct k2_buf bytes = framed(version, data, n), once = saved(&bytes, (int64_t)n);
        struct k2_buf twice = once.n ? saved(&once, (int64_t)n) : (struct k2_buf){0};
        K2_ASSERT(k2_sv_eq(k2_buf_view(&once), k2_buf_view(&twice)));
        K2_ASSERT(version < 3 || once.n == 0 || k2_sv_eq(k2_buf_view(&bytes), k2_buf_view(&once)));
        k2_buf_free(&bytes);
        k2_buf_free(&once);
        k2_buf_free(&twice);
    }
    return 0;
}
