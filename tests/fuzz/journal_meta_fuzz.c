/* journal/meta, positions and notes of tiered segments of any text, with a right crc line behind it: what is
 * accepted means the same when it is written and read again. */
#include "journal/local/position.h"
#include "journal/local/tier.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_meta(struct k2_sv text) {
    struct k2_buf once = {0}, twice = {0};
    struct meta m;
    if (journal_meta_parse(text, &m, NULL) != K2_OK)
        return;
    journal_meta_format(&m, &once);
    journal_meta_fini(&m);
    K2_ASSERT(journal_meta_parse(k2_buf_view(&once), &m, NULL) == K2_OK);
    journal_meta_format(&m, &twice);
    K2_ASSERT(k2_sv_eq(k2_buf_view(&once), k2_buf_view(&twice)));
    journal_meta_fini(&m);
    k2_buf_free(&once);
    k2_buf_free(&twice);
}

static void check_note(struct k2_sv text) {
    struct k2_buf once = {0}, twice = {0};
    struct tier_note n;
    if (journal_tier_note_parse(text, 7, 0, &n, NULL) != K2_OK)
        return;
    K2_ASSERT(!strstr(n.object, ".."));
    journal_tier_note_format(&n, 7, &once);
    K2_ASSERT(journal_tier_note_parse(k2_buf_view(&once), 7, 0, &n, NULL) == K2_OK);
    journal_tier_note_format(&n, 7, &twice);
    K2_ASSERT(k2_sv_eq(k2_buf_view(&once), k2_buf_view(&twice)));
    k2_buf_free(&once);
    k2_buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct k2_buf text = {0};
    struct journal_span *spans;
    int n;
    k2_buf_put(&text, data, size);
    journal_text_close(&text);
    check_meta(k2_buf_view(&text));
    check_note(k2_buf_view(&text));
    if (journal_position_parse(k2_buf_view(&text), 7, &spans, &n, NULL) == K2_OK)
        free(spans);
    k2_buf_free(&text);
    return 0;
}
