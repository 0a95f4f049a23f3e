/* An index file of any bytes: what is accepted is encoded to the same bytes again, or under another data key. The checksum
 * is put right first, so that the lists behind it are reached. The key is that of the seeds. */
#include "base/hash.h"
#include "journal/local/index.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    K2_ASSERT(journal_use_keys(KEY, "", NULL) == K2_OK);
    struct k2_buf bytes = {0}, again = {0};
    struct journal_index x;
    k2_buf_put(&bytes, data, size);
    if (size >= 8)
        k2_put_u32(bytes.p + 4, k2_crc32c(0, bytes.p + 8, size - 8));
    if (journal_index_decode(k2_buf_view(&bytes), 7, 0, &x, NULL) == K2_OK) {
        int rc = journal_index_encode(&x, 7, &again, NULL);
        K2_ASSERT(rc == (x.locked ? K2_E_FAILED : K2_OK));
        K2_ASSERT(x.locked || again.n <= bytes.n); /* varints may have been longer than need be */
        for (int i = 0; i < x.span_count; i++) {
            int64_t at = journal_index_find(&x, i, x.spans[i].to - 1);
            K2_ASSERT(at >= x.base && at < x.end);
        }
        journal_index_fini(&x);
    }
    k2_buf_free(&bytes);
    k2_buf_free(&again);
    return 0;
}
