/* Fuzz target of what live sources read themselves: addresses, and the answers to WebSocket handshakes. The first byte
 * says which. */
#include "feed/live/live_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void fuzz_url(struct k2_sv bytes) {
    struct live_url u;
    struct k2_err err = {0};
    char *text = k2_sv_dup(bytes); /* ends at its first NUL, as an argument does */
    int rc = live_url_parse(text, &u, &err);
    K2_ASSERT((rc == K2_OK) == (u.text != NULL));
    K2_ASSERT(rc == K2_OK || (rc == K2_E_INVALID && err.msg[0]));
    K2_ASSERT(rc != K2_OK || feed_is_live(text));
    for (const char *c = rc == K2_OK && u.path ? u.path : ""; *c; c++)
        K2_ASSERT(*c > ' ' && *c <= '~'); /* nothing that ends a line of the request */
    live_url_free(&u);
    free(text);
}

static void fuzz_answer(struct k2_sv bytes) {
    struct k2_err err = {0};
    size_t head = 0, cut_head = 0;
    int rc = live_handshake_answer(bytes, KEY, &head, &err);
    K2_ASSERT(head <= bytes.n && (rc == K2_OK || (head == 0 && err.msg[0])));
    /* What is a good answer is one however it arrives. */
    if (rc == K2_OK && head > 0 && bytes.n > 1) {
        struct k2_sv cut = {bytes.p, head - 1};
        K2_ASSERT(live_handshake_answer(cut, KEY, &cut_head, &err) == K2_OK && cut_head == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct k2_sv rest = {(const char *)data + 1, n - 1};
    if (n == 0)
        return 0;
    if (data[0] & 1)
        fuzz_url(rest);
    else
        fuzz_answer(rest);
    return 0;
}
