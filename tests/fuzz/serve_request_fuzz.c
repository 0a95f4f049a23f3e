/* Fuzz target of what the server reads of a request itself: the first byte chooses Accept, path or host. */
#include "serve/accept.h"
#include "serve/address.h"
#include "serve/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_accept(struct k2_sv text) {
    static const char *const offers[] = {"text/plain", "application/json", "text/html"};
    int best = accept_best(text, offers, 3);
    K2_ASSERT(best >= 0 && best < 3);
    K2_ASSERT(accept_best(text, offers, 1) == 0);
}

/* What is decoded is a C string that begins with '/', never longer than what was sent. */
static void try_path(struct k2_sv text) {
    struct k2_buf out = {0};
    if (uri_path(text, &out, NULL) == K2_OK) {
        K2_ASSERT(out.n > 0 && out.n <= text.n && out.p[0] == '/');
        K2_ASSERT(strlen((const char *)out.p) == out.n);
    }
    k2_buf_free(&out);
}

/* An address that is taken is written so that it is taken again, as the same. */
static void try_address(struct k2_sv text) {
    char *copy = k2_sv_dup(text);
    struct address a, b;
    (void)address_host_is_local(copy);
    if (address_parse(copy, &a, NULL) == K2_OK) {
        K2_ASSERT(address_parse(a.text, &b, NULL) == K2_OK);
        K2_ASSERT(strcmp(a.text, b.text) == 0 && a.loopback == b.loopback && a.port == b.port);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static void (*const tries[])(struct k2_sv text) = {try_accept, try_path, try_address};
    if (n > 0)
        tries[data[0] % 3]((struct k2_sv){(const char *)data + 1, n - 1});
    return 0;
}
