/* What is said of a source that no format fits. */
#include "feed_helper.h"

#include "capture_helper.h"
#include "feed/feed_int.h"

static const char *why_of_datagram(const void *payload, size_t n) {
    static struct k2_buf capture;
    struct maker m = {.link = 1};
    struct k2_buf b = {0};
    k2_buf_put(&b, payload, n);
    make_pcap(&m);
    wrap_udp(&b, 1000, 2000);
    wrap_ip4(&b, 17, 1, 0);
    wrap_ethernet(&b, 0x0800, 0);
    make_packet(&m, k2_buf_view(&b));
    capture.n = 0;
    k2_buf_sv(&capture, k2_buf_view(&m.out));
    k2_buf_free(&b);
    k2_buf_free(&m.out);
    return feed_unknown_why(k2_buf_view(&capture));
}

static void says(const void *payload, size_t n, const char *words) {
    const char *why = why_of_datagram(payload, n);
    assert_non_null(why);
    if (!strstr(why, words))
        fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void heartbeats_name_how_they_are_carried_and_who_may_be_meant(void **state) {
    (void)state;
    says("SESSION001\0\0\0\0\0\0\0\5\0\0", 20, "MoldUDP64");
    says("SESSION001\0\0\0\0\0\0\0\5\xff\xff", 20, "MoldUDP64");
    says("\x08\0\0\x01\0\0\0\0", 8, "Cboe");
    says("\x10\0\x01\0\x05\0\0\0\0\0\0\0\0\0\0\0", 16, "NYSE's packet");
    says("\0\x10\x01\0\0\0\0\x05\0\0\0\0\0\0\0\0", 16, "NYSE's packet");
    says("\0\x0e\0\x02\0\0\0\0\0\0\0\0\0\0\0\0", 16, "Ultra");
    says("\x05\x0b\0\0\0\x05\0\0\0\0\1\x65\0\0\0\0", 16, "iMpact");
    says("\0\x0c\0\0\0\0\1\1\0\0\0\1", 12, "OTC Link");
    says("\0\1H", 3, "SoupBinTCP");
}

static void a_capture_with_messages_is_no_heartbeat(void **state) {
    (void)state;
    assert_null(why_of_datagram("SESSION001\0\0\0\0\0\0\0\5\0\1", 20));
    assert_null(why_of_datagram("\x08\0\1\x01\0\0\0\0", 8));
    assert_null(why_of_datagram("x", 1));
}

static void a_raw_capture_without_a_message_is_told_from_one_with(void **state) {
    static const char nothing[] = "a raw capture in which nothing was received";
    struct k2_buf b = {0};
    (void)state;
    feed_raw_begin(&b);
    assert_string_equal(feed_unknown_why(k2_buf_view(&b)), nothing);
    feed_raw_put(&b,
                 &(struct feed_live_frame){.form = LIVE_CONNECTED, .bytes = K2_SV("udp://a:1")});
    assert_string_equal(feed_unknown_why(k2_buf_view(&b)), nothing);
    feed_raw_put(&b, &(struct feed_live_frame){.form = LIVE_DISCONNECTED, .bytes = K2_SV("end")});
    assert_string_equal(feed_unknown_why(k2_buf_view(&b)), nothing);
    assert_null(
        feed_unknown_why((struct k2_sv){(char *)b.p, b.n - 1})); /* what it ends in is not known */
    feed_raw_put(&b, &(struct feed_live_frame){.form = LIVE_DATAGRAM, .bytes = K2_SV("?")});
    assert_null(feed_unknown_why(k2_buf_view(&b)));
    k2_buf_free(&b);
}

static void messages_of_an_account_are_no_market_data(void **state) {
    (void)state;
    const char *why = feed_unknown_why(K2_SV("[{\"symbol\":\"AB\",\"clientOrderId\": \"x\"}]"));
    assert_non_null(why);
    assert_non_null(strstr(why, "no market data"));
    assert_null(feed_unknown_why(K2_SV("[{\"symbol\":\"AB\",\"price\":\"orderId\"}]")));
    assert_null(feed_unknown_why(K2_SV("orderId,price\n1,2\n")));
    assert_string_equal(feed_unknown_why(K2_SV("")), "it is empty");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heartbeats_name_how_they_are_carried_and_who_may_be_meant),
        cmocka_unit_test(a_capture_with_messages_is_no_heartbeat),
        cmocka_unit_test(a_raw_capture_without_a_message_is_told_from_one_with),
        cmocka_unit_test(messages_of_an_account_are_no_market_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
