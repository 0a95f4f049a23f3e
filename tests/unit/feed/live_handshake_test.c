/* The beginning of a WebSocket (RFC 6455 section 4.1): what is asked, and which answers are taken. */
#include "k2test.h"

#include "feed/live/live_int.h"

/* Key and answer of RFC 6455 section 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void the_key_of_the_rfc_gives_its_answer(void **state) {
    char accept[29];
    (void)state;
    live_handshake_accept(KEY, accept);
    assert_string_equal(accept, ACCEPT);
}

static void every_key_is_sixteen_random_bytes(void **state) {
    char one[LIVE_KEY_TEXT], two[LIVE_KEY_TEXT];
    (void)state;
    live_handshake_key(one);
    live_handshake_key(two);
    assert_int_equal(strlen(one), 24);
    assert_int_equal(
        strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), 22);
    assert_string_equal(one + 22, "==");
    assert_string_not_equal(one, two);
}

static void the_request_names_host_path_and_key(void **state) {
    struct live_url u;
    struct k2_err err = {0};
    struct k2_buf out = {0};
    (void)state;
    CHECK_OK(live_url_parse("ws://venue.example:8080/ws?x=1", &u, &err), &err);
    live_handshake_request(&u, KEY, NULL, &out);
    const char *text = k2_buf_cstr(&out);
    assert_ptr_equal(strstr(text, "GET /ws?x=1 HTTP/1.1\r\nHost: venue.example:8080\r\n"), text);
    assert_non_null(strstr(text, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(text, "\r\nSec-WebSocket-Key: " KEY "\r\n"));
    assert_non_null(strstr(text, "\r\nSec-WebSocket-Version: 13\r\n"));
    assert_string_equal(text + out.n - 4, "\r\n\r\n");
    k2_buf_free(&out);
    live_url_free(&u);
}

static void headers_of_ones_own_are_sent_and_replace_only_the_user_agent(void **state) {
    char *const headers[] = {"X-Api-Key: 12:34", "user-agent: mine", NULL};
    struct live_url u;
    struct k2_err err = {0};
    struct k2_buf out = {0};
    (void)state;
    CHECK_OK(live_url_parse("ws://venue.example/ws", &u, &err), &err);
    live_handshake_request(&u, KEY, headers, &out);
    const char *text = k2_buf_cstr(&out);
    assert_non_null(strstr(text, "\r\nX-Api-Key: 12:34\r\nuser-agent: mine\r\n\r\n"));
    assert_null(strstr(text, "User-Agent"));
    k2_buf_free(&out);
    live_url_free(&u);
}

static void headers_that_would_break_the_request_are_refused_without_their_value(void **state) {
    static const char *const bad[] = {"",
                                      "X-Key",
                                      ": secret",
                                      "X Key: secret",
                                      "X-Key:  ",
                                      "Host: secret",
                                      "connection: secret",
                                      "Sec-WebSocket-Key: secret",
                                      "X: secret\r\nY: secret"};
    struct k2_err err = {0};
    (void)state;
    CHECK_OK(live_handshake_header("Authorization: Bearer secret", &err), &err);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(live_handshake_header(bad[i], &err), K2_E_INVALID);
        assert_null(strstr(err.msg, "secret"));
    }
}

#define GOOD                                                                                       \
    "HTTP/1.1 101 Switching Protocols\r\nUPGRADE: WebSocket\r\n"                                   \
    "connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n"

static int answer(const char *text, size_t n, size_t *head, struct k2_err *err) {
    /* A copy of just those bytes: reading behind them is seen by the sanitizer. */
    char *copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    int rc = live_handshake_answer((struct k2_sv){copy, n}, KEY, head, err);
    free(copy);
    return rc;
}

static void a_good_answer_is_taken_wherever_it_is_cut(void **state) {
    struct k2_err err = {0};
    size_t head, n = strlen(GOOD);
    (void)state;
    for (size_t cut = 0; cut < n; cut++) {
        CHECK_OK(answer(GOOD, cut, &head, &err), &err);
        assert_int_equal(head, 0);
    }
    CHECK_OK(answer(GOOD "\x81\x02hi", n + 4, &head, &err), &err);
    assert_int_equal(head, n);
}

static void other_answers_say_what_is_wrong(void **state) {
    static const struct {
        const char *text;
        int status;
        const char *says;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", K2_E_INVALID, "its answer begins with 'SSH-2.0-OpenSSH"},
        {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n\r\n", K2_E_IO,
         "the server refuses the WebSocket: 429 Too Many Requests"},
        {"HTTP/1.1 301 Moved\r\nLocation: wss://new.example/ws\r\n\r\n", K2_E_IO,
         "301 Moved, which has moved to wss://new.example/ws: use that URL"},
        {"HTTP/1.1 1010 Odd\r\n\r\n", K2_E_IO, "refuses"},
        {"HTTP/1.1\r\n\r\n", K2_E_INVALID, "its answer is 'HTTP/1.1'"},
        {"HTTP/1.0 101 Old\r\n\r\n", K2_E_INVALID, "its answer is 'HTTP/1.0 101 Old'"},
        {"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         K2_E_INVALID, "its Upgrade header is"},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: "
         "close\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         K2_E_INVALID, "its Connection header is 'close'"},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", K2_E_INVALID,
         "its Sec-WebSocket-Accept does not answer our key"},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
         K2_E_INVALID, "does not answer our key"},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: "
         "Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
         "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         K2_E_INVALID, "an extension that was not offered: 'permessage-deflate'"},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: "
         "Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: soap\r\n\r\n",
         K2_E_INVALID, "a subprotocol that was not offered: 'soap'"},
        {"HTTP/1.1 101 X\r\nno colon\r\n\r\n", K2_E_INVALID, "this is no header: 'no colon'"},
        {"HTTP/1.1 503 \x1b[31mred\r\n\r\n", K2_E_IO, "503 \\x1b[31mred"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct k2_err err = {0};
        size_t head = 0;
        int rc = answer(cases[i].text, strlen(cases[i].text), &head, &err);
        if (rc != cases[i].status || !strstr(err.msg, cases[i].says) || head)
            fail_msg("case %zu gave %s: %s", i, k2_status_name(rc), err.msg);
    }
}

static void an_endless_head_is_given_up(void **state) {
    struct k2_err err = {0};
    struct k2_buf b = {0};
    size_t head;
    (void)state;
    k2_buf_str(&b, "HTTP/1.1 101 X\r\n");
    while (b.n <= 16 << 10)
        k2_buf_str(&b, "X-Padding: abcdefghijklmnopqrstuvwxyz\r\n");
    CHECK_STATUS(answer((const char *)b.p, b.n, &head, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "longer than 16 KB"));
    k2_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_rfc_gives_its_answer),
        cmocka_unit_test(every_key_is_sixteen_random_bytes),
        cmocka_unit_test(the_request_names_host_path_and_key),
        cmocka_unit_test(headers_of_ones_own_are_sent_and_replace_only_the_user_agent),
        cmocka_unit_test(headers_that_would_break_the_request_are_refused_without_their_value),
        cmocka_unit_test(a_good_answer_is_taken_wherever_it_is_cut),
        cmocka_unit_test(other_answers_say_what_is_wrong),
        cmocka_unit_test(an_endless_head_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
