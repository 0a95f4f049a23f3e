/* Datagrams: one line and two, groups, the kernel's times and the kernel's drops. */
#include "live_helper.h"

#include <net/if.h>

/* A port that nobody uses now. */
static int free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static int sender(const char *host, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct ip_mreqn out = {.imr_ifindex = (int)if_nametoindex("lo")};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void open_udp(struct live_fixture *t, const char *a, int port_a, const char *b, int port_b,
                     const char *interface) {
    struct feed_live_options o = {0};
    char url[128];
    int n = snprintf(url, sizeof url, "udp://%s:%d", a, port_a);
    if (b)
        n += snprintf(url + n, sizeof url - (size_t)n, ",%s:%d", b, port_b);
    snprintf(url + n, sizeof url - (size_t)n, "%s", interface);
    open_live(t, &o, url);
    look(t, 0);
    if (t->n != 1 || t->seen[0].form != LIVE_CONNECTED)
        print_message("%s\n", feed_live_state(t->live).why);
}

static void datagrams_are_frames_with_the_kernels_time(void **state) {
    struct live_fixture *t = *state;
    int port = free_port();
    open_udp(t, "127.0.0.1", port, NULL, 0, "");
    usleep(
        200 *
        1000); /* the first socket that asks for times has the kernel begin to take them, a moment later */
    int64_t before = k2_now_ns();
    int fd = sender("127.0.0.1", port);
    say(fd, "one", 3);
    say(fd, "", 0); /* an empty one is one too */
    say(fd, "three", 5);
    int64_t after = k2_now_ns();
    usleep(20 * 1000); /* read late: the times are those of receipt all the same */
    await(t, LIVE_DATAGRAM, 3);
    assert_int_equal(t->n, 4);
    static const char *const expected[] = {"one", "", "three"};
    for (size_t i = 1; i < 4; i++) {
        assert_string_equal(t->seen[i].text, expected[i - 1]);
        assert_in_range(t->seen[i].received_ns, before, after);
        assert_int_equal(t->seen[i].line, 0);
        assert_int_equal(t->seen[i].connection, 1);
    }
    close(fd);
}

static void two_lines_come_in_the_order_of_receipt(void **state) {
    struct live_fixture *t = *state;
    int port_a = free_port(), port_b = free_port();
    open_udp(t, "127.0.0.1", port_a, "127.0.0.1", port_b, "");
    int a = sender("127.0.0.1", port_a), b = sender("127.0.0.1", port_b);
    char number[16];
    for (int i = 0; i < 200; i++) {
        snprintf(number, sizeof number, "%d", i);
        say(i % 3 ? b : a, number, strlen(number));
    }
    t->max = 256;
    await(t, LIVE_DATAGRAM, 200);
    int last[2] = {-1, -1};
    for (size_t i = 1; i < t->n; i++) {
        int value = atoi(t->seen[i].text);
        assert_int_equal(t->seen[i].line, value % 3 != 0);
        assert_true(value > last[t->seen[i].line]);
        last[t->seen[i].line] = value;
    }
    for (size_t i = 2; i < 100; i++) /* within one round */
        assert_true(t->seen[i].received_ns >= t->seen[i - 1].received_ns);
    close(a);
    close(b);
}

static void the_largest_datagram_is_whole(void **state) {
    enum { LARGEST = 65507 };
    struct live_fixture *t = *state;
    int port = free_port();
    open_udp(t, "127.0.0.1", port, NULL, 0, "");
    char *bytes = malloc(LARGEST);
    for (size_t i = 0; i < LARGEST; i++)
        bytes[i] = (char)(i * 7);
    int fd = sender("127.0.0.1", port);
    say(fd, bytes, LARGEST);
    const struct seen *s = await(t, LIVE_DATAGRAM, 1);
    assert_int_equal(s->n, LARGEST);
    assert_memory_equal(s->text, bytes, LARGEST);
    free(bytes);
    close(fd);
}

static void what_the_kernel_threw_away_is_counted(void **state) {
    enum { SENT = 150 * 1000 };
    struct live_fixture *t = *state;
    struct feed_live_frame frames[256];
    int port = free_port();
    size_t n;
    open_udp(t, "127.0.0.1", port, NULL, 0, "");
    int fd = sender("127.0.0.1", port);
    for (int i = 0; i < SENT; i++)
        say(fd, "x", 1);
    do
        CHECK_OK(feed_live_poll(t->live, 10, frames, 256, &n, &t->err), &t->err);
    while (n > 0);
    for (int i = 0; i < 2;
         i++) { /* the kernel tells of drops with the next datagram, and each after it */
        say(fd, "x", 1);
        CHECK_OK(feed_live_poll(t->live, 5000, frames, 256, &n, &t->err), &t->err);
    }
    struct feed_live_state s = feed_live_state(t->live);
    assert_int_equal(s.frames + s.dropped, SENT + 2);
    assert_true(s.dropped > 0);
    assert_true(s.buffer > 0);
    close(fd);
}

static void a_group_is_joined_on_its_interface(void **state) {
    struct live_fixture *t = *state;
    int port = free_port();
    open_udp(t, "239.255.77.1", port, "239.255.77.2", port, "@lo");
    if (t->seen[0].form != LIVE_CONNECTED)
        skip(); /* the message was printed: no multicast on this machine */
    struct ip_mreqn others = {.imr_ifindex = (int)if_nametoindex("lo")};
    int listener = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "239.255.77.3", &others.imr_multiaddr);
    assert_int_equal(setsockopt(listener, IPPROTO_IP, IP_ADD_MEMBERSHIP, &others, sizeof others),
                     0);
    int a = sender("239.255.77.1", port), b = sender("239.255.77.2", port),
        other = sender("239.255.77.3", port);
    say(other, "of a group that others joined", 29);
    say(a, "from a", 6);
    say(b, "from b", 6);
    await(t, LIVE_DATAGRAM, 2);
    look(t, 20);
    assert_int_equal(t->n, 3);
    assert_string_equal(t->seen[1].text, "from a");
    assert_int_equal(t->seen[1].line, 0);
    assert_string_equal(t->seen[2].text, "from b");
    assert_int_equal(t->seen[2].line, 1);
    close(a);
    close(b);
    close(other);
    close(listener);
}

static void silence_is_no_end_of_datagrams(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {.silence_ns = 10 * K2_NS_PER_MS};
    char url[64];
    snprintf(url, sizeof url, "udp://127.0.0.1:%d", free_port());
    open_live(t, &o, url);
    look(t, 0);
    for (int i = 0; i < 5; i++)
        look(t, 20);
    assert_int_equal(t->n, 1);
    assert_true(feed_live_state(t->live).connected);
}

static void what_cannot_be_listened_to_is_tried_again(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    char url[64];
    int port = free_port();
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int holder = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(holder, (struct sockaddr *)&a, sizeof a), 0);
    snprintf(url, sizeof url, "udp://127.0.0.1:%d", port);
    open_live(t, &o, url);
    look(t, 0);
    assert_int_equal(t->seen[0].form, LIVE_DISCONNECTED);
    assert_non_null(strstr(t->seen[0].text, "cannot listen: Address already in use"));
    close(holder);
    await(t, LIVE_CONNECTED, 1);
}

static void an_interface_that_is_not_there_is_named(void **state) {
    struct live_fixture *t = *state;
    struct feed_live_options o = {0};
    char url[] = "udp://239.255.77.1:31999@nosuch0";
    open_live(t, &o, url);
    look(t, 0);
    assert_non_null(strstr(feed_live_state(t->live).why, "there is no interface 'nosuch0'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE_TEST(datagrams_are_frames_with_the_kernels_time),
        LIVE_TEST(two_lines_come_in_the_order_of_receipt),
        LIVE_TEST(the_largest_datagram_is_whole),
        LIVE_TEST(what_the_kernel_threw_away_is_counted),
        LIVE_TEST(a_group_is_joined_on_its_interface),
        LIVE_TEST(silence_is_no_end_of_datagrams),
        LIVE_TEST(what_cannot_be_listened_to_is_tried_again),
        LIVE_TEST(an_interface_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
