/* WebSocket sources (RFC 6455). The server's frames are written by hand here, byte by byte, so that the library that
 * reads them is not judged by itself. */
#include "live_helper.h"

#include "feed/live/live_int.h"

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

/* A frame of a server; lengths of all three kinds. */
static void send_frame(int fd, int first, const void *bytes, size_t n) {
    uint8_t head[10] = {(uint8_t)first};
    size_t head_n = 2;
    if (n < 126) {
        head[1] = (uint8_t)n;
    } else {
        int size = n < 65536 ? 2 : 8;
        head[1] = size == 2 ? 126 : 127;
        for (int i = 0; i < size; i++)
            head[head_n++] = (uint8_t)((uint64_t)n >> 8 * (size - 1 - i));
    }
    say(fd, head, head_n);
    say(fd, bytes, n);
}

static void send_text(int fd, const char *text) {
    send_frame(fd, FIN | TEXT, text, strlen(text));
}

/* A frame of the client, which has to be masked; gives its opcode. */
static int hear_frame(struct live_fixture *t, int fd, char *to, size_t max) {
    int64_t until = k2_monotonic_ns() + PATIENCE;
    uint8_t head[6];
    while (recv(fd, head, sizeof head, MSG_DONTWAIT | MSG_PEEK) < (ssize_t)sizeof head) {
        if (k2_monotonic_ns() > until)
            fail_msg("the source sends no frame");
        look(t, 1);
    }
    assert_int_equal(recv(fd, head, sizeof head, 0), sizeof head);
    size_t n = head[1] & 127U;
    assert_int_equal(head[1] & 128, 128);
    assert_true(n < 126 && n < max);
    assert_int_equal(head[0] & 0xf0, FIN);
    if (n > 0)
        assert_int_equal(recv(fd, to, n, MSG_WAITALL), n);
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(to[i] ^ head[2 + i % 4]);
    to[n] = 0;
    return head[0] & 15;
}

static void open_web(struct live_fixture *t, struct feed_live_options *o, int port) {
    char url[64];
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/feed?x=1", port);
    open_live(t, o, url);
}

static void shake_hands(int peer, const char *request, const char *more) {
    char key[LIVE_KEY_TEXT], accept[29], answer[512];
    const char *at = strstr(request, "Sec-WebSocket-Key: ");
    assert_non_null(at);
    snprintf(key, sizeof key, "%.24s", at + 19);
    live_handshake_accept(key, accept);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n%s",
                     accept, more);
    say(peer, answer, (size_t)n);
}

static void answer_handshake(struct live_fixture *t, int peer, const char *more) {
    char request[1024];
    hear(t, peer, "\r\n\r\n", request, sizeof request);
    assert_ptr_equal(strstr(request, "GET /feed?x=1 HTTP/1.1\r\n"), request);
    shake_hands(peer, request, more);
}

static int accept_web(struct live_fixture *t, int server, int count) {
    int peer = accept_one(t, server);
    answer_handshake(t, peer, "");
    await(t, LIVE_CONNECTED, count);
    return peer;
}

static void messages_are_frames_text_and_binary(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int64_t before = k2_now_ns();
    int peer = accept_web(t, server, 1);
    send_text(peer, "{\"price\":\"1.5\"}");
    send_frame(peer, FIN | BINARY, "\0\1\2\xff", 4);
    send_frame(peer, FIN | TEXT, "", 0);
    await(t, LIVE_TEXT, 2);
    assert_int_equal(t->n, 4);
    assert_string_equal(t->seen[1].text, "{\"price\":\"1.5\"}");
    assert_int_equal(t->seen[2].form, LIVE_BINARY);
    assert_int_equal(t->seen[2].n, 4);
    assert_memory_equal(t->seen[2].text, "\0\1\2\xff", 4);
    assert_int_equal(t->seen[3].n, 0);
    for (size_t i = 0; i < t->n; i++)
        assert_in_range(t->seen[i].received_ns, before, k2_now_ns());
    close(peer);
    close(server);
}

static void messages_of_any_length_arrive_whole_however_they_are_cut(void **state) {
    static const size_t sizes[] = {1, 125, 126, 127, 65535, 65536, 300000};
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *bytes = malloc(sizes[i]);
        memset(bytes, 'a' + (int)i, sizes[i]);
        size_t third = sizes[i] / 3;
        send_frame(peer, TEXT, bytes, third); /* in three fragments, with a ping between them */
        look(t, 1);
        send_frame(peer, FIN | PING, "p", 1);
        send_frame(peer, 0, bytes + third, third);
        look(t, 1);
        send_frame(peer, FIN | 0, bytes + 2 * third, sizes[i] - 2 * third);
        const struct seen *s = await(t, LIVE_TEXT, (int)i + 1);
        assert_int_equal(s->n, sizes[i]);
        assert_memory_equal(s->text, bytes, sizes[i]);
        free(bytes);
    }
    close(peer);
    close(server);
}

static void messages_right_behind_the_handshake_are_not_lost(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int peer = accept_one(t, server);
    answer_handshake(t, peer,
                     "\x81\x05"
                     "first"
                     "\x81\x06"
                     "second");
    await(t, LIVE_TEXT, 2);
    assert_int_equal(t->seen[0].form, LIVE_CONNECTED);
    assert_string_equal(t->seen[1].text, "first");
    assert_string_equal(t->seen[2].text, "second");
    close(peer);
    close(server);
}

static void subscriptions_are_messages_on_each_connection(void **state) {
    static const char *const send[] = {"{\"op\":\"subscribe\"}", "{\"op\":\"more\"}", NULL};
    struct live_fixture *t = *state;
    struct feed_live_options o = {.send = send};
    int port, server = listen_on_loopback(&port);
    char text[128];
    open_web(t, &o, port);
    for (int i = 1; i <= 2; i++) {
        int peer = accept_web(t, server, i);
        assert_int_equal(hear_frame(t, peer, text, sizeof text), TEXT);
        assert_string_equal(text, send[0]);
        assert_int_equal(hear_frame(t, peer, text, sizeof text), TEXT);
        assert_string_equal(text, send[1]);
        close(peer);
        await(t, LIVE_DISCONNECTED, i);
    }
    close(server);
}

static void a_ping_is_answered_with_its_own_words(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    char text[128];
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    send_frame(peer, FIN | PING, "are you there", 13);
    assert_int_equal(hear_frame(t, peer, text, sizeof text), PONG);
    assert_string_equal(text, "are you there");
    close(peer);
    close(server);
}

static void a_silent_server_is_pinged_and_then_given_up(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {.silence_ns = K2_NS_PER_SEC};
    int port, server = listen_on_loopback(&port);
    char text[128];
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    for (int i = 0; i < 3; i++) { /* as long as it answers it may have nothing to say */
        assert_int_equal(hear_frame(t, peer, text, sizeof text), PING);
        send_frame(peer, FIN | PONG, text, strlen(text));
    }
    assert_int_equal(t->n, 1);
    assert_int_equal(hear_frame(t, peer, text, sizeof text), PING);
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_non_null(strstr(end->text, "nor an answer to a ping"));
    close(peer);
    close(server);
}

/* What each venue wants is in live/habits.c; here it is due sooner, because silence is to be noticed sooner. */
static void venues_hear_the_ping_that_they_want(void **state) {
    static const struct {
        const char *format, *path, *said;
    } cases[] = {
        {"okx-json", "", "ping"},
        {"bybit-json", "", "{\"op\":\"ping\"}"},
        {"kraken-json", "", "{\"event\":\"ping\"}"},
        {"kraken-json", "v2", "{\"method\":\"ping\"}"},
        {"gateio-json", "", ",\"channel\":\"spot.ping\"}"},
        {"gateio-json", "futures/usdt", ",\"channel\":\"futures.ping\"}"},
        {"hyperliquid-json", "", "{\"method\":\"ping\"}"},
        {"bitstamp-json", "", "{\"event\":\"bts:heartbeat\"}"},
    };
    struct live_fixture *t = *state;
    char url[64], said[128], request[1024];
    int port, server = listen_on_loopback(&port);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct feed_live_options o = {.silence_ns = K2_NS_PER_SEC, .format = cases[i].format};
        snprintf(url, sizeof url, "ws://127.0.0.1:%d/%s", port, cases[i].path);
        open_live(t, &o, url);
        int peer = accept_one(t, server);
        hear(t, peer, "\r\n\r\n", request, sizeof request);
        shake_hands(peer, request, "");
        await(t, LIVE_CONNECTED, (int)i + 1);
        for (int twice = 0; twice < 2; twice++) {
            while (hear_frame(t, peer, said, sizeof said) != TEXT) /* pings of RFC 6455 go on */
                ;
            assert_non_null(strstr(said, cases[i].said));
            assert_string_equal(strstr(said, cases[i].said), cases[i].said);
            send_text(peer, "{}");
        }
        close(peer);
        feed_live_close(t->live);
        t->live = NULL;
    }
    close(server);
}

static void venues_that_want_nothing_hear_no_text(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {.silence_ns = K2_NS_PER_SEC, .format = "binance-json"};
    char said[128];
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    assert_int_equal(hear_frame(t, peer, said, sizeof said), PING);
    await(t, LIVE_DISCONNECTED, 1);
    assert_int_equal(recv(peer, said, sizeof said, MSG_DONTWAIT), 0); /* nothing, then the end */
    close(peer);
    close(server);
}

static void a_question_of_the_venue_is_answered(void **state) {
    static const char *const send[] = {"{\"subscribe\":1}", NULL};
    struct live_fixture *t = *state;
    struct feed_live_options o = {.send = send, .format = "deribit-json"};
    char said[128];
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    assert_int_equal(hear_frame(t, peer, said, sizeof said), TEXT);
    assert_non_null(strstr(said, "\"public/set_heartbeat\",\"params\":{\"interval\":30}"));
    assert_int_equal(hear_frame(t, peer, said, sizeof said), TEXT);
    assert_string_equal(said, send[0]);
    send_text(peer,
              "{\"jsonrpc\":\"2.0\",\"method\":\"heartbeat\",\"params\":{\"type\":\"heartbeat\"}}");
    send_text(
        peer,
        "{\"jsonrpc\":\"2.0\",\"method\":\"heartbeat\",\"params\":{\"type\":\"test_request\"}}");
    assert_int_equal(hear_frame(t, peer, said, sizeof said), TEXT);
    assert_non_null(strstr(said, "\"public/test\""));
    send_frame(peer, FIN | PING, "end", 3);
    assert_int_equal(hear_frame(t, peer, said, sizeof said), PONG); /* and that was all */
    close(peer);
    close(server);
}

/* The bytes are what gzip makes of {"ping":1492420473027} and {"action":"ping","data":{"ts":1492420473027}}. */
static void a_question_that_is_packed_is_answered_with_its_own_words(void **state) {
    static const char one[] = {
        (char)0x1f, (char)0x8b, (char)0x08, (char)0x00, (char)0x00, (char)0x00, (char)0x00,
        (char)0x00, (char)0x02, (char)0x03, (char)0xab, (char)0x56, (char)0x2a, (char)0xc8,
        (char)0xcc, (char)0x4b, (char)0x57, (char)0xb2, (char)0x32, (char)0x34, (char)0xb1,
        (char)0x34, (char)0x32, (char)0x31, (char)0x32, (char)0x30, (char)0x31, (char)0x37,
        (char)0x36, (char)0x30, (char)0x32, (char)0xaf, (char)0x05, (char)0x00, (char)0x6c,
        (char)0x9f, (char)0xbb, (char)0x7a, (char)0x16, (char)0x00, (char)0x00, (char)0x00};
    static const char two[] = {
        (char)0x1f, (char)0x8b, (char)0x08, (char)0x00, (char)0x00, (char)0x00, (char)0x00,
        (char)0x00, (char)0x02, (char)0x03, (char)0xab, (char)0x56, (char)0x4a, (char)0x4c,
        (char)0x2e, (char)0xc9, (char)0xcc, (char)0xcf, (char)0x53, (char)0xb2, (char)0x52,
        (char)0x2a, (char)0xc8, (char)0xcc, (char)0x4b, (char)0x57, (char)0xd2, (char)0x51,
        (char)0x4a, (char)0x49, (char)0x2c, (char)0x49, (char)0x54, (char)0xb2, (char)0xaa,
        (char)0x56, (char)0x2a, (char)0x29, (char)0x56, (char)0xb2, (char)0x32, (char)0x34,
        (char)0xb1, (char)0x34, (char)0x32, (char)0x31, (char)0x32, (char)0x30, (char)0x31,
        (char)0x37, (char)0x36, (char)0x30, (char)0x32, (char)0xaf, (char)0xad, (char)0x05,
        (char)0x00, (char)0x26, (char)0x50, (char)0x84, (char)0xfc, (char)0x2d, (char)0x00,
        (char)0x00, (char)0x00};
    struct live_fixture *t = *state;
    struct feed_live_options o = {.format = "huobi-json"};
    char said[128];
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    send_frame(peer, FIN | BINARY, one, sizeof one);
    assert_int_equal(hear_frame(t, peer, said, sizeof said), TEXT);
    assert_string_equal(said, "{\"pong\":1492420473027}");
    send_frame(peer, FIN | BINARY, one, sizeof one - 3); /* damaged: not a question */
    send_frame(peer, FIN | BINARY, two, sizeof two);
    assert_int_equal(hear_frame(t, peer, said, sizeof said), TEXT);
    assert_string_equal(said, "{\"action\":\"pong\",\"data\":{\"ts\":1492420473027}}");
    close(peer);
    close(server);
}

/* Answers to pings would gather in our memory. */
static void a_server_that_only_asks_and_never_reads_is_left(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    uint8_t pings[127 * 64];
    int64_t until = k2_monotonic_ns() + PATIENCE;
    for (int i = 0; i < 64; i++) {
        memset(pings + i * 127, 'p', 127);
        pings[i * 127] = FIN | PING;
        pings[i * 127 + 1] = 125;
    }
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    size_t at = 0;
    while (t->n < 2 && k2_monotonic_ns() < until) {
        ssize_t n = 1;
        while (n > 0 && t->n < 2) {
            n = send(peer, pings + at, sizeof pings - at, MSG_DONTWAIT | MSG_NOSIGNAL);
            at = n > 0 ? (at + (size_t)n) % sizeof pings : at;
        }
        look(t, 0);
    }
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_non_null(strstr(end->text, "takes nothing of what is sent to it"));
    close(peer);
    close(server);
}

static void a_handshake_without_an_answer_is_given_up(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int64_t before = k2_monotonic_ns();
    int peer = accept_one(t, server);
    say(peer, "HTTP/1.1 101 Swi", 16);
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_non_null(strstr(end->text, "did not answer the WebSocket handshake in 5000 ms"));
    assert_true(k2_monotonic_ns() - before >= 4900 * K2_NS_PER_MS);
    close(peer);
    close(server);
}

static void a_closing_is_answered_and_its_reason_told(void **state) {
    static const struct {
        const char *payload, *says;
        size_t n;
    } cases[] = {
        {"\x03\xe9going away", "with code 1001: going away", 12},
        {"\x03\xf4restart", "with code 1012: restart", 9}, /* newer than RFC 6455 */
        {"\x0f\xa0", "with code 4000", 2},
        {"", "gave no reason", 0},
    };
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    char text[128];
    open_web(t, &o, port);
    for (int i = 0; i < 4; i++) {
        int peer = accept_web(t, server, i + 1);
        send_text(peer, "last");
        send_frame(peer, FIN | CLOSE, cases[i].payload, cases[i].n);
        assert_int_equal(hear_frame(t, peer, text, sizeof text), CLOSE);
        assert_string_equal(await(t, LIVE_TEXT, i + 1)->text, "last");
        const struct seen *end = await(t, LIVE_DISCONNECTED, i + 1);
        if (!strstr(end->text, cases[i].says))
            fail_msg("'%s' and not '%s'", end->text, cases[i].says);
        close(peer);
    }
    close(server);
}

static void a_server_that_breaks_the_rules_is_left(void **state) {
    static const struct {
        const char *bytes, *says;
        size_t n;
    } cases[] = {
        {"\x83\x01x", "breaks the rules", 3},         /* opcode 3 */
        {"\xc1\x01x", "breaks the rules", 3},         /* a reserved bit */
        {"\x80\x01x", "breaks the rules", 3},         /* goes on with nothing */
        {"\x81\x81\0\0\0\0x", "breaks the rules", 7}, /* a mask */
        {"\x09\x01x", "breaks the rules", 3},         /* a ping in fragments */
        {"\x89\x7e\0\x7e", "breaks the rules", 4},    /* a ping that is too long */
        {"\x81\x02\xc3\x28", "is no UTF-8", 4},
        {"\x82\x7f\0\0\0\0\0\0\x10\1x", "breaks the rules",
         11}, /* a length of 8 bytes that fits 2 */
        {"\x82\x7e\x10\1x", "longer than the limit of 4096 bytes", 5},
    };
    struct live_fixture *t = *state;
    int port, server = listen_on_loopback(&port);
    for (int i = 0; i < 9; i++) { /* each with a source of its own: after failures they wait */
        struct feed_live_options o = {.max_frame = 4096};
        open_web(t, &o, port);
        int peer = accept_web(t, server, i + 1);
        say(peer, cases[i].bytes, cases[i].n);
        const struct seen *end = await(t, LIVE_DISCONNECTED, i + 1);
        if (!strstr(end->text, cases[i].says))
            fail_msg("case %d: '%s' and not '%s'", i, end->text, cases[i].says);
        close(peer);
        feed_live_close(t->live);
        t->live = NULL;
    }
    close(server);
}

static void fragments_together_are_not_longer_than_the_limit(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {.max_frame = 4096};
    int port, server = listen_on_loopback(&port);
    char bytes[2049];
    memset(bytes, 'x', sizeof bytes);
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    send_frame(peer, TEXT, bytes, 2048);
    send_frame(peer, FIN | 0, bytes, 2048);
    assert_int_equal(await(t, LIVE_TEXT, 1)->n, 4096);
    send_frame(peer, TEXT, bytes, 2048);
    send_frame(peer, FIN | 0, bytes, 2049);
    assert_non_null(strstr(await(t, LIVE_DISCONNECTED, 1)->text, "longer than the limit"));
    close(peer);
    close(server);
}

static void half_a_message_is_no_message(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int peer = accept_web(t, server, 1);
    say(peer,
        "\x81\x0a"
        "half",
        6);
    look(t, 10);
    close(peer);
    await(t, LIVE_DISCONNECTED, 1);
    peer = accept_web(t, server, 2);
    send_text(peer, "whole");
    assert_string_equal(await(t, LIVE_TEXT, 1)->text, "whole");
    close(peer);
    close(server);
}

static void a_refused_handshake_is_told_in_the_servers_words(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    int port, server = listen_on_loopback(&port);
    char request[1024];
    open_web(t, &o, port);
    int peer = accept_one(t, server);
    hear(t, peer, "\r\n\r\n", request, sizeof request);
    static const char answer[] = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
    say(peer, answer, sizeof answer - 1);
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_non_null(strstr(end->text, "429 Too Many Requests"));
    assert_int_equal(end->connection, 0);
    close(peer);
    close(server);
}

static void one_connection_takes_the_place_of_another_without_a_hole(void **state) {
    static const char *const send[] = {"subscribe", NULL};
    struct live_fixture *t = *state;
    struct feed_live_options o = {.send = send, .rotate_ns = 1500 * K2_NS_PER_MS};
    int port, server = listen_on_loopback(&port);
    char text[128] = "";
    open_web(t, &o, port);
    int old = accept_web(t, server, 1);
    hear_frame(t, old, text, sizeof text);
    send_text(old, "1");
    await(t, LIVE_TEXT, 1);
    int new = accept_web(t, server, 2);
    hear_frame(t, new, text, sizeof text);
    assert_string_equal(text, "subscribe");
    send_text(old, "2"); /* both are there */
    send_text(new, "2");
    await(t, LIVE_TEXT, 3);
    int64_t both = k2_monotonic_ns();
    assert_int_equal(hear_frame(t, old, text, sizeof text), CLOSE);
    assert_int_equal((uint8_t)text[0] << 8 | (uint8_t)text[1], 1000);
    assert_true(k2_monotonic_ns() - both > 300 * K2_NS_PER_MS); /* for a while */
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_int_equal(end->connection, 1);
    assert_non_null(strstr(end->text, "replaced"));
    send_text(new, "3");
    const struct seen *last = await(t, LIVE_TEXT, 4);
    assert_string_equal(last->text, "3");
    assert_int_equal(last->connection, 2);
    assert_true(feed_live_state(t->live).connected);
    close(old);
    close(new);
    close(server);
}

static void an_old_connection_that_dies_early_is_replaced_at_once(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {.rotate_ns = 100 * K2_NS_PER_MS};
    int port, server = listen_on_loopback(&port);
    open_web(t, &o, port);
    int old = accept_web(t, server, 1);
    int new = accept_web(t, server, 2);
    close(old);
    assert_int_equal(await(t, LIVE_DISCONNECTED, 1)->connection, 1);
    assert_true(feed_live_state(t->live).connected);
    send_text(new, "on");
    assert_int_equal(await(t, LIVE_TEXT, 1)->connection, 2);
    assert_int_equal(feed_live_state(t->live).connections, 2);
    close(new);
    close(server);
}

int main(void) {
    setenv("no_proxy", "localhost,127.0.0.1", 1);
    const struct CMUnitTest tests[] = {
        LIVE_TEST(messages_are_frames_text_and_binary),
        LIVE_TEST(messages_of_any_length_arrive_whole_however_they_are_cut),
        LIVE_TEST(messages_right_behind_the_handshake_are_not_lost),
        LIVE_TEST(subscriptions_are_messages_on_each_connection),
        LIVE_TEST(a_ping_is_answered_with_its_own_words),
        LIVE_TEST(a_silent_server_is_pinged_and_then_given_up),
        LIVE_TEST(venues_hear_the_ping_that_they_want),
        LIVE_TEST(venues_that_want_nothing_hear_no_text),
        LIVE_TEST(a_question_of_the_venue_is_answered),
        LIVE_TEST(a_question_that_is_packed_is_answered_with_its_own_words),
        LIVE_TEST(a_server_that_only_asks_and_never_reads_is_left),
        LIVE_TEST(a_handshake_without_an_answer_is_given_up),
        LIVE_TEST(a_closing_is_answered_and_its_reason_told),
        LIVE_TEST(a_server_that_breaks_the_rules_is_left),
        LIVE_TEST(fragments_together_are_not_longer_than_the_limit),
        LIVE_TEST(half_a_message_is_no_message),
        LIVE_TEST(a_refused_handshake_is_told_in_the_servers_words),
        LIVE_TEST(one_connection_takes_the_place_of_another_without_a_hole),
        LIVE_TEST(an_old_connection_that_dies_early_is_replaced_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
