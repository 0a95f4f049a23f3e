/* The addresses of live sources: what is taken, and what is said of what is not. */
#include "k2test.h"

#include "feed/live/live_int.h"

#include <arpa/inet.h>

static void parse(const char *text, struct live_url *u) {
    struct k2_err err = {0};
    CHECK_OK(live_url_parse(text, u, &err), &err);
    assert_string_equal(u->text, text);
}

static void a_stream_has_a_host_and_a_port(void **state) {
    struct live_url u;
    (void)state;
    parse("tcp://feed.example.com:9001", &u);
    assert_int_equal(u.scheme, LIVE_TCP);
    assert_string_equal(u.target, "tcp://feed.example.com:9001");
    live_url_free(&u);
    parse("tcp://[::1]:9001", &u);
    assert_string_equal(u.target, "tcp://[::1]:9001");
    live_url_free(&u);
}

static void a_websocket_has_a_path_and_may_have_a_port(void **state) {
    struct live_url u;
    (void)state;
    parse("wss://stream.binance.com:9443/stream?streams=btcusdt@trade/ethusdt@trade", &u);
    assert_int_equal(u.scheme, LIVE_WSS);
    assert_string_equal(u.target, "wss://stream.binance.com:9443");
    assert_string_equal(u.host, "stream.binance.com:9443");
    assert_string_equal(u.path, "/stream?streams=btcusdt@trade/ethusdt@trade");
    live_url_free(&u);
    parse("WS://localhost", &u);
    assert_int_equal(u.scheme, LIVE_WS);
    assert_string_equal(u.target, "ws://localhost");
    assert_string_equal(u.host, "localhost");
    assert_string_equal(u.path, "/");
    live_url_free(&u);
    parse("ws://localhost?a=b", &u);
    assert_string_equal(u.path, "/?a=b");
    live_url_free(&u);
}

static void datagrams_have_one_or_two_lines_and_an_interface(void **state) {
    struct live_url u;
    (void)state;
    parse("udp://233.54.12.111:26477,233.86.230.111:26478@eth0.100", &u);
    assert_int_equal(u.scheme, LIVE_UDP);
    assert_int_equal(u.n_lines, 2);
    assert_int_equal(ntohl(u.lines[0].sin_addr.s_addr), 0xe9360c6f);
    assert_int_equal(ntohs(u.lines[0].sin_port), 26477);
    assert_int_equal(ntohl(u.lines[1].sin_addr.s_addr), 0xe956e66f);
    assert_int_equal(ntohs(u.lines[1].sin_port), 26478);
    assert_string_equal(u.interface, "eth0.100");
    live_url_free(&u);
    parse("udp://0.0.0.0:5000", &u);
    assert_int_equal(u.n_lines, 1);
    assert_string_equal(u.interface, "");
    live_url_free(&u);
}

static void what_is_wrong_is_named_with_the_right_form(void **state) {
    static const struct {
        const char *url, *says;
    } cases[] = {
        {"", "is no live source"},
        {"http://example.com", "is no live source"},
        {"tcp:/h:1", "is no live source"},
        {"tcp://host", "'host' names no port; the form is tcp://HOST:PORT"},
        {"tcp://", "names no host; the form is tcp://HOST:PORT"},
        {"tcp://:9000", "names no host"},
        {"tcp://host:", "'' is no port, which is a number from 1 to 65535"},
        {"tcp://host:0", "'0' is no port"},
        {"tcp://host:65536", "'65536' is no port"},
        {"tcp://host:+80", "'+80' is no port"},
        {"tcp://host:80x", "'80x' is no port"},
        {"tcp://host:1:2", "'1:2' is no port"},
        {"tcp://host:1/path", "'/path' is a path, which a TCP stream has not"},
        {"tcp://ho st:1", "is no host"},
        {"tcp://-host:1", "is no host"},
        {"tcp://host..com:1", "is no host"},
        {"tcp://10.1.2:1", "is no host"},
        {"tcp://10.1.2.256:1", "is no host"},
        {"tcp://[::1", "is no [IPv6 ADDRESS]:PORT"},
        {"tcp://[fe80::x]:9", "is no [IPv6 ADDRESS]:PORT"},
        {"tcp://[::1]9", "is no [IPv6 ADDRESS]:PORT"},
        {"tcp://[::1]", "names no port"},
        {"ws://host/a b", "has a blank or a character that a URL must write as %XX"},
        {"ws://host/\r\nX: y", "has a blank"},
        {"ws://host/a\xc3\xa4", "has a blank"},
        {"ws://host/a#b", "has a fragment"},
        {"wss://host:99999/", "is no port"},
        {"udp://239.1.1.1", "'239.1.1.1' names no port; the form is udp://GROUP:PORT[,GROUP:PORT]"},
        {"udp://group:5000", "'group' is no IPv4 address: a multicast group"},
        {"udp://239.1.1:5000", "is no IPv4 address"},
        {"udp://239.1.1.1:1,239.1.1.2:2,239.1.1.3:3", "'239.1.1.3:3' is a third line"},
        {"udp://239.1.1.1:1,239.1.1.1:1", "names the same line twice"},
        {"udp://239.1.1.1:1,", "is no IPv4 address"},
        {"udp://239.1.1.1:1@", "'' is no interface, which is a name (eth0) or its IPv4 address"},
        {"udp://239.1.1.1:1@interface-with-a-long-name", "is no interface"},
        {"udp://239.1.1.1:1@../x", "is no interface"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct live_url u;
        struct k2_err err = {0};
        int rc = live_url_parse(cases[i].url, &u, &err);
        if (rc != K2_E_INVALID || !strstr(err.msg, cases[i].says))
            fail_msg("'%s' gave %s: %s", cases[i].url, k2_status_name(rc), err.msg);
        assert_null(u.text);
    }
}

static void a_password_is_refused_and_not_repeated(void **state) {
    struct live_url u;
    struct k2_err err = {0};
    (void)state;
    CHECK_STATUS(live_url_parse("wss://me:secret@host/path", &u, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "a name or a password"));
    assert_null(strstr(err.msg, "secret"));
}

static void a_source_is_live_by_its_scheme(void **state) {
    (void)state;
    assert_true(feed_is_live("tcp://x:1"));
    assert_true(feed_is_live("udp://"));
    assert_true(feed_is_live("wss://x"));
    assert_true(feed_is_live("Ws://x"));
    assert_false(feed_is_live("/data/tcp://x"));
    assert_false(feed_is_live("https://x"));
    assert_false(feed_is_live("tcp"));
    assert_false(feed_is_live(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_has_a_host_and_a_port),
        cmocka_unit_test(a_websocket_has_a_path_and_may_have_a_port),
        cmocka_unit_test(datagrams_have_one_or_two_lines_and_an_interface),
        cmocka_unit_test(what_is_wrong_is_named_with_the_right_form),
        cmocka_unit_test(a_password_is_refused_and_not_repeated),
        cmocka_unit_test(a_source_is_live_by_its_scheme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
