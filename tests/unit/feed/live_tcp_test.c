/* TCP sources, and what all sources that are connections have in common: being made again, waits, failing over. */
#include "live_helper.h"

static struct live_fixture *connect_to(void **state, int port, const char *const *send) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {.send = send};
    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    open_live(t, &o, url);
    return t;
}

static void bytes_arrive_between_a_beginning_and_an_end(void **state) {
    int port, server = listen_on_loopback(&port);
    struct live_fixture *t = connect_to(state, port, NULL);
    int64_t before = k2_now_ns();
    int peer = accept_one(t, server);
    say(peer, "hello", 5);
    assert_string_equal(await(t, LIVE_STREAM, 1)->text, "hello");
    assert_true(feed_live_state(t->live).connected);
    close(peer);
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_non_null(strstr(end->text, "the other side ended the connection"));
    assert_int_equal(t->n, 3);
    assert_int_equal(t->seen[0].form, LIVE_CONNECTED);
    assert_non_null(strstr(t->seen[0].text, "tcp://127.0.0.1:"));
    for (size_t i = 0; i < t->n; i++) {
        assert_int_equal(t->seen[i].connection, 1);
        assert_in_range(t->seen[i].received_ns, before, k2_now_ns());
    }
    struct feed_live_state s = feed_live_state(t->live);
    assert_false(s.connected);
    assert_int_equal(s.frames, 1);
    assert_int_equal(s.bytes, 5);
    assert_true(s.next_try_ns > before);
    close(server);
}

static void what_has_to_be_said_is_said_on_each_connection(void **state) {
    static const char *const send[] = {"login k2\n", "subscribe all\n", NULL};
    int port, server = listen_on_loopback(&port);
    struct live_fixture *t = connect_to(state, port, send);
    char heard[128];
    for (int i = 1; i <= 3; i++) {
        int peer = accept_one(t, server);
        hear(t, peer, "all\n", heard, sizeof heard);
        assert_string_equal(heard, "login k2\nsubscribe all\n");
        close(peer);
        assert_int_equal(await(t, LIVE_DISCONNECTED, i)->connection, i);
    }
    close(server);
}

static void all_bytes_come_in_their_order(void **state) {
    enum { ALL = 3 << 20 };
    int port, server = listen_on_loopback(&port);
    struct live_fixture *t = connect_to(state, port, NULL);
    uint64_t seed = k2test_seed(), sent = 0, got = 0;
    uint8_t *bytes = malloc(ALL);
    for (size_t i = 0; i < ALL; i++)
        bytes[i] = (uint8_t)k2test_random(&seed);
    int peer = accept_one(t, server);
    t->max = 2; /* so that polls leave frames behind */
    while (got < ALL) {
        ssize_t n = sent < ALL ? send(peer, bytes + sent, ALL - sent, MSG_DONTWAIT) : 0;
        sent += n > 0 ? (uint64_t)n : 0;
        size_t from = t->n;
        look(t, 5);
        for (size_t i = from; i < t->n; i++) {
            if (t->seen[i].form != LIVE_STREAM)
                continue;
            assert_memory_equal(t->seen[i].text, bytes + got, t->seen[i].n);
            got += t->seen[i].n;
        }
    }
    free(bytes);
    close(peer);
    close(server);
}

static void a_server_that_is_not_there_is_a_frame_and_a_state(void **state) {
    int port, server = listen_on_loopback(&port);
    close(server);
    struct live_fixture *t = connect_to(state, port, NULL);
    const struct seen *end = await(t, LIVE_DISCONNECTED, 2);
    assert_int_equal(end->connection, 0);
    assert_non_null(strstr(end->text, "onnect"));
    struct feed_live_state s = feed_live_state(t->live);
    assert_false(s.connected);
    assert_int_equal(s.connections, 0);
    assert_string_equal(s.why, end->text);
}

static void waits_between_tries_double(void **state) {
    int port, server = listen_on_loopback(&port);
    close(server);
    struct live_fixture *t = connect_to(state, port, NULL);
    await(t, LIVE_DISCONNECTED, 5);
    /* 100, 200, 400, 800 ms, of each at least the half and never more */
    for (int i = 1; i < 5; i++) {
        int64_t wait = t->seen[i].received_ns - t->seen[i - 1].received_ns;
        int64_t most = (K2_NS_PER_MS * 100) << (i - 1);
        assert_true(wait >= most / 2);
        assert_true(wait < most + 5 * K2_NS_PER_SEC); /* a busy machine is late */
    }
}

static void the_next_url_is_tried_when_one_fails(void **state) {
    int dead, port, server = listen_on_loopback(&dead);
    close(server);
    server = listen_on_loopback(&port);
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    char urls[128];
    snprintf(urls, sizeof urls, "tcp://127.0.0.1:%d tcp://localhost:%d", dead, port);
    open_live(t, &o, urls);
    int peer = accept_one(t, server);
    say(peer, "x", 1);
    await(t, LIVE_STREAM, 1);
    assert_int_equal(t->seen[0].form, LIVE_DISCONNECTED);
    assert_int_equal(t->seen[1].form, LIVE_CONNECTED);
    assert_non_null(strstr(t->seen[1].text, "tcp://localhost:"));
    assert_string_equal(feed_live_state(t->live).url, t->seen[1].text);
    close(peer);
    close(server);
}

static void silence_ends_a_connection(void **state) {
    int port, server = listen_on_loopback(&port);
    struct live_fixture *t = *state;
    struct feed_live_options o = {.silence_ns = K2_NS_PER_SEC};
    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    open_live(t, &o, url);
    int peer = accept_one(t, server);
    for (int i = 0; i < 4; i++) { /* it is heard, so it stays */
        await(t, LIVE_CONNECTED, 1);
        say(peer, "x", 1);
        await(t, LIVE_STREAM, i + 1);
        look(t, 400);
        assert_true(feed_live_state(t->live).connected);
    }
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_non_null(strstr(end->text, "nothing was received for"));
    close(peer);
    close(server);
}

/* Whoever has more to do than this source waits on its descriptor and not in the poll. */
static void the_descriptor_tells_when_a_poll_gives_something(void **state) {
    int port, server = listen_on_loopback(&port);
    struct live_fixture *t = connect_to(state, port, NULL);
    struct pollfd p = {.fd = feed_live_fd(t->live), .events = POLLIN};
    int64_t until = k2_monotonic_ns() + PATIENCE;
    while (t->n < 1 && k2_monotonic_ns() < until) {
        poll(&p, 1, 1000);
        look(t, 0);
    }
    int peer = accept_one(t, server);
    look(t, 0);
    assert_int_equal(poll(&p, 1, 50), 0); /* nothing is there */
    t->max = 1;
    say(peer, "a", 1);
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(look(t, 0), 1);
    close(peer);
    assert_int_equal(poll(&p, 1, 5000), 1);
    close(server);
}

static void options_that_contradict_the_urls_are_refused(void **state) {
    static const char *const mixed[] = {"tcp://h:1", "udp://239.1.1.1:1", NULL};
    static const char *const udp[] = {"udp://239.1.1.1:1", NULL};
    static const char *const tcp[] = {"tcp://h:1", NULL};
    static const char *const web[] = {"ws://h", "wss://h", NULL};
    static const char *const none[] = {NULL};
    static const char *const send[] = {"x", NULL};
    struct k2_err err = {0};
    struct feed_live *l;
    (void)state;
    CHECK_STATUS(feed_live_open(&(struct feed_live_options){.urls = none}, &l, &err), K2_E_INVALID);
    CHECK_STATUS(feed_live_open(&(struct feed_live_options){0}, &l, &err), K2_E_INVALID);
    CHECK_STATUS(feed_live_open(&(struct feed_live_options){.urls = mixed}, &l, &err),
                 K2_E_INVALID);
    assert_non_null(strstr(err.msg, "of one kind"));
    CHECK_STATUS(feed_live_open(&(struct feed_live_options){.urls = udp, .send = send}, &l, &err),
                 K2_E_INVALID);
    CHECK_STATUS(feed_live_open(&(struct feed_live_options){.urls = tcp, .rotate_ns = 1}, &l, &err),
                 K2_E_INVALID);
    CHECK_STATUS(
        feed_live_open(&(struct feed_live_options){.urls = tcp, .silence_ns = -1}, &l, &err),
        K2_E_INVALID);
    assert_null(l);
    CHECK_OK(feed_live_open(&(struct feed_live_options){.urls = web}, &l, &err), &err);
    feed_live_close(l);
    feed_live_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE_TEST(bytes_arrive_between_a_beginning_and_an_end),
        LIVE_TEST(what_has_to_be_said_is_said_on_each_connection),
        LIVE_TEST(all_bytes_come_in_their_order),
        LIVE_TEST(a_server_that_is_not_there_is_a_frame_and_a_state),
        LIVE_TEST(waits_between_tries_double),
        LIVE_TEST(the_next_url_is_tried_when_one_fails),
        LIVE_TEST(silence_ends_a_connection),
        LIVE_TEST(the_descriptor_tells_when_a_poll_gives_something),
        cmocka_unit_test(options_that_contradict_the_urls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
