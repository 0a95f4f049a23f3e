/* Decoding FIX text and FAST takes no memory once it runs: the same message again allocates nothing. */
#include "feed/feed.h"
#include "k2test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static long allocations;

#ifndef SANITIZED
/* The executable's definitions stand before the C library's. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

__attribute__((visibility("default"))) void *malloc(size_t n) {
    allocations++;
    return __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
    allocations++;
    return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n) {
    allocations++;
    return __libc_realloc(p, n);
}
#endif

enum { WARM = 20000, MEASURED = 20000 };

static int64_t events;

static int see_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                     struct k2_err *err) {
    (void)ctx;
    (void)e;
    (void)raw;
    (void)position;
    (void)err;
    events++;
    return K2_OK;
}

static int see_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    return k2_fail(err, K2_E_FAILED, "%s", r->detail);
}

static int see_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

/* The allocations of decoding the message MEASURED times, after it was decoded WARM times. */
static long measure(const char *format, const char *mapping, struct k2_sv message) {
    const struct feed_ops *ops = feed_find(k2_sv_of(format));
    const struct feed_sink sink = {NULL, see_event, see_reject, see_filtered};
    const struct feed_options o = {
        .source = K2_SV("a"), .date = INT32_MIN, .mapping = k2_sv_of(mapping)};
    struct k2_interner *in = k2_interner_new();
    void *state = calloc(1, ops->state_size);
    struct k2_err err = {0};
    long before = 0;
    events = 0;
    CHECK_OK(ops->init(ops, state, &o, in, &err), &err);
    for (int i = 0; i < WARM + MEASURED; i++) {
        size_t used;
        if (i == WARM)
            before = allocations;
        CHECK_OK(ops->decode(state, message, false, &used, &sink, &err), &err);
        assert_int_equal(used, message.n);
    }
    long taken = allocations - before;
    assert_int_equal(events, 2 * (WARM + MEASURED));
    ops->fini(state);
    free(state);
    k2_interner_free(in);
    return taken;
}

static void fix_text_allocates_nothing(void **state) {
    (void)state;
    assert_int_equal(
        measure("fix-text", "",
                K2_SV("8=FIX.4.4|9=134|35=X|34=4|49=LSE|56=ME|52=20250303-10:00:00.123|268=2|279=0|"
                      "269=2|55=VOD|270=71.25|271=500|277=A B|279=0|269=0|55=VOD|270=71.2|271=30|"
                      "10=153|\n")),
        0);
}

static void fast_allocates_nothing(void **state) {
    static const char templates[] =
        "<templates><template name='X' id='1'>"
        "<string name='MessageType' id='35'><constant value='X'/></string>"
        "<string name='SenderCompID' id='49'><constant value='RTS'/></string>"
        "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'><copy "
        "value='20130801142437941'/></uInt64><sequence name='MDEntries'>"
        "<length name='NoMDEntries' id='268'/><string name='MDEntryType' id='269'><copy/></string>"
        "<string name='Symbol' id='55'><delta value='RIU3'/></string>"
        "<decimal name='MDEntryPx' id='270'/></sequence></template></templates>";
    (void)state;
    assert_int_equal(
        measure("moex-fast", templates,
                K2_SV("\xc0\xf8\xc0\x81\x85\x82\xc0\xb0\x80\x80\x80\x85\x80\x80\x80\x80\x86")),
        0);
}

int main(void) {
#ifdef SANITIZED
    printf("SKIP: a sanitizer has its own malloc\n");
    return 77;
#endif
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(fix_text_allocates_nothing),
        cmocka_unit_test(fast_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
