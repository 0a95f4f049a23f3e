/* Fuzz target of the sequence engine's checkpoint: the frame is made good, the body is anything; what
 * is accepted must save to the same bytes and go on judging. */
#include "feed/feed.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct k2_buf bytes = {0}, again = {0};
    uint8_t head[16] = {'K', '2', 'S', 'Q', 1}, crc[4];
    k2_put_u64(head + 8, n + 20);
    k2_buf_put(&bytes, head, sizeof head);
    k2_buf_put(&bytes, data, n);
    k2_put_u32(crc, k2_crc32c(0, bytes.p, bytes.n));
    k2_buf_put(&bytes, crc, sizeof crc);
    struct seq_engine *s = seq_engine_new((struct seq_history){0});
    if (seq_engine_restore(s, k2_buf_view(&bytes), NULL) == K2_OK) {
        struct seq_item item = {
            .exchange = K2_SV("X"), .channel = K2_SV("a"), .sequence = (int64_t)n};
        seq_engine_save(s, 0, &again);
        K2_ASSERT(k2_sv_eq(k2_buf_view(&bytes), k2_buf_view(&again)));
        (void)seq_engine_stats(s);
        K2_ASSERT(seq_judge(s, &item, 1, NULL) == K2_OK);
    }
    seq_engine_free(s);
    k2_buf_free(&bytes);
    k2_buf_free(&again);
    return 0;
}
