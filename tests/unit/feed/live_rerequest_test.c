/* Messages that were missed, asked for at a re-request server that is a thread of the test. */
#include "k2test.h"

#include "base/clock.h"
#include "feed/feed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 16, FLOOD = 300000 };

#define CHECK_FAILS(call, err, status, text)                                                       \
    do {                                                                                           \
        CHECK_STATUS(call, status);                                                                \
        if (!strstr((err)->msg, text))                                                             \
            fail_msg("%s: says %s", #call, (err)->msg);                                            \
    } while (0)

struct server {
    int fd;
    char url[64];
    pthread_t thread;
    int64_t has;  /* messages up to that one; 0 = it answers nothing */
    int64_t each; /* at most so many in a packet */
    int64_t more; /* and so many behind those that were asked for */
    bool floods;  /* the first message of the answer comes again and again */
    bool ahead;   /* it begins one behind the first that is asked for */
    size_t text;  /* bytes of a message; 0 = 1 */
    _Atomic int asked;
    _Atomic bool enough; /* of a flood */
    struct {
        char session[11];
        int64_t from, count;
    } asks[MOST];
};

static uint64_t number(const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static size_t make_packet(uint8_t *p, const char *session, int64_t first, int64_t count,
                          size_t text) {
    size_t n = 20;
    memcpy(p, session, 10);
    for (int i = 0; i < 8; i++)
        p[10 + i] = (uint8_t)((uint64_t)first >> 8 * (7 - i));
    p[18] = (uint8_t)(count >> 8);
    p[19] = (uint8_t)count;
    for (int64_t i = 0; count < 0xFFFF && i < count; i++, n += 2 + text) {
        p[n] = (uint8_t)(text >> 8);
        p[n + 1] = (uint8_t)text;
        memset(p + n + 2, 'X', text);
    }
    return n;
}

static void say(const struct server *s, const struct sockaddr_in *to, const char *session,
                int64_t first, int64_t count) {
    static uint8_t p[65536];
    size_t n = make_packet(p, session, first, count, s->text ? s->text : 1);
    assert_int_equal(sendto(s->fd, p, n, 0, (const struct sockaddr *)to, sizeof *to), (ssize_t)n);
}

static void answer(struct server *s, const uint8_t *request, const struct sockaddr_in *to) {
    int64_t from = (int64_t)number(request + 10, 8), count = (int64_t)number(request + 18, 2);
    int64_t last = from + count - 1 < s->has ? from + count - 1 : s->has;
    last = (last < from + s->each - 1 ? last : from + s->each - 1) + s->more;
    if (s->asked < MOST) {
        snprintf(s->asks[s->asked].session, 11, "%.10s", (const char *)request);
        s->asks[s->asked].from = from;
        s->asks[s->asked].count = count;
    }
    s->asked++;
    /* what is no answer: another session, a heartbeat, the end of the session, a piece of a header */
    say(s, to, "OTHER     ", from, 1);
    say(s, to, "S1        ", from, 0);
    say(s, to, "S1        ", from, 0xFFFF);
    assert_int_equal(sendto(s->fd, "S1   ", 5, 0, (const struct sockaddr *)to, sizeof *to), 5);
    if (last >= from + s->ahead)
        say(s, to, "S1        ", from + s->ahead, last - from + 1 - s->ahead);
    for (int i = 0; s->floods && i < FLOOD && !s->enough; i++)
        say(s, to, "S1        ", from, 1);
}

static void *serve(void *arg) {
    struct server *s = arg;
    for (;;) {
        uint8_t request[64];
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(s->fd, request, sizeof request, 0, (struct sockaddr *)&from, &size);
        if (n != 20)
            return NULL; /* the test's own: it is over */
        answer(s, request, &from);
    }
}

static void open_server(struct server *s) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
    snprintf(s->url, sizeof s->url, "moldudp64://127.0.0.1:%d", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void close_server(struct server *s) {
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
    assert_int_equal(sendto(s->fd, "end", 3, 0, (struct sockaddr *)&a, sizeof a), 3);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* *last: the last message of a packet. */
static int packets_in(struct k2_sv capture, int64_t *last) {
    struct raw_reader r = {0};
    struct raw_finding f;
    int n = 0;
    *last = 0;
    for (; raw_next(&r, &capture, true, &f) == RAW_FRAME; n++) {
        const uint8_t *p = (const uint8_t *)f.frame.bytes.p;
        int64_t first = (int64_t)number(p + 10, 8), count = (int64_t)number(p + 18, 2);
        size_t at = 20;
        for (int64_t i = 0; i < count; i++)
            at += 2 + number(p + at, 2);
        assert_int_equal(f.frame.form, LIVE_DATAGRAM);
        assert_int_equal(at, f.frame.bytes.n); /* as many messages as its header says */
        *last = first + count - 1 > *last ? first + count - 1 : *last;
    }
    raw_reader_free(&r);
    return n;
}

static int ask(const struct server *s, int64_t from, int64_t to, int *packets, int64_t *through,
               struct k2_err *err) {
    const struct feed_rerequest r = {.url = s->url, .session = K2_SV("S1"), .from = from, .to = to};
    struct k2_buf out = {0};
    int64_t last;
    int rc = feed_rerequest(&r, &out, through, err);
    *packets = packets_in(k2_buf_view(&out), &last);
    assert_true(last <= to);
    assert_true(out.n <= 9 << 20);
    k2_buf_free(&out);
    return rc;
}

static void what_did_not_fit_is_asked_for_again(void **state) {
    (void)state;
    struct server s = {.has = 1000, .each = 8};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_OK(ask(&s, 101, 120, &packets, &through, &err), &err);
    close_server(&s);
    assert_int_equal(packets, 3);
    assert_int_equal(through, 120);
    assert_int_equal(s.asked, 3);
    assert_string_equal(s.asks[0].session, "S1        ");
    assert_int_equal(s.asks[0].from, 101);
    assert_int_equal(s.asks[0].count, 20);
    assert_int_equal(s.asks[2].from, 117);
    assert_int_equal(s.asks[2].count, 4);
}

static void who_has_half_gives_half(void **state) {
    (void)state;
    struct server s = {.has = 110, .each = 100};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_OK(ask(&s, 101, 120, &packets, &through, &err), &err);
    close_server(&s);
    assert_int_equal(packets, 1);
    assert_int_equal(through, 110);
    assert_int_equal(s.asked, 4); /* the half, and three tries for the other */
}

static void who_has_nothing_or_is_not_there_is_told(void **state) {
    (void)state;
    struct server s = {.each = 1};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_FAILS(ask(&s, 5, 9, &packets, &through, &err), &err, K2_E_NOTFOUND, "answers nothing");
    assert_int_equal(packets, 0);
    assert_int_equal(through, 4);
    close_server(&s);
    CHECK_FAILS(ask(&s, 5, 9, &packets, &through, &err), &err, K2_E_IO, "refused");
}

static void a_long_answer_comes_in_pieces(void **state) {
    (void)state;
    struct server s = {.has = INT32_MAX, .each = 60, .text = 1000};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_OK(ask(&s, 1, 1000000, &packets, &through, &err), &err);
    assert_in_range(through, 4000, 9000); /* 8 MiB, or as far as it came in five seconds */
    s.text = 1;
    s.each = 20000;
    CHECK_OK(ask(&s, 1, 1000000, &packets, &through, &err), &err);
    close_server(&s);
    assert_int_equal(through, 65534);
    assert_int_equal(packets, 4);
}

static void a_flood_is_not_kept_and_ends(void **state) {
    (void)state;
    struct server s = {.has = INT32_MAX, .each = 1, .floods = true};
    struct k2_err err;
    int packets;
    int64_t through, begun = k2_monotonic_ns();
    open_server(&s);
    CHECK_OK(ask(&s, 101, 120, &packets, &through, &err), &err);
    assert_true(k2_monotonic_ns() - begun < 10 * K2_NS_PER_SEC);
    s.enough = true;
    close_server(&s);
    assert_int_equal(packets, through - 100);
    assert_in_range(through, 101, 120);
}

static void messages_that_were_not_asked_for_are_cut_off(void **state) {
    (void)state;
    struct server s = {.has = INT32_MAX, .each = 8, .more = 10};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_OK(ask(&s, 101, 120, &packets, &through, &err), &err);
    close_server(&s);
    assert_int_equal(through, 120);
    assert_int_equal(packets, 2);
}

static void who_lacks_the_first_gives_the_others_once(void **state) {
    (void)state;
    struct server s = {.has = INT32_MAX, .each = 20, .ahead = true};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_OK(ask(&s, 101, 120, &packets, &through, &err), &err);
    close_server(&s);
    assert_int_equal(through, 100);
    assert_int_equal(packets, 1);
}

static void too_many_are_not_asked_for(void **state) {
    (void)state;
    struct server s = {.has = INT64_MAX, .each = 1000};
    struct k2_err err;
    int packets;
    int64_t through;
    open_server(&s);
    CHECK_FAILS(ask(&s, 100, 1000000000000, &packets, &through, &err), &err, K2_E_UNSUPPORTED,
                "999999999901 messages are missing, and more than 10000000 are not asked for");
    CHECK_FAILS(ask(&s, 1, INT64_MAX, &packets, &through, &err), &err, K2_E_UNSUPPORTED, "");
    close_server(&s);
    assert_int_equal(s.asked, 0);
}

static void a_channel_that_is_no_session_and_a_wrong_address_are_told(void **state) {
    (void)state;
    struct k2_err err;
    struct k2_buf out = {0};
    int64_t through;
    const struct feed_rerequest long_name = {.url = "moldudp64://127.0.0.1:1",
                                             .session = K2_SV("udp://239.1.1.1:1"),
                                             .from = 1,
                                             .to = 2};
    CHECK_FAILS(feed_rerequest(&long_name, &out, &through, &err), &err, K2_E_UNSUPPORTED,
                "no session");
    k2_buf_free(&out);
    assert_true(feed_rerequest_is("moldudp64://h:1"));
    assert_false(feed_rerequest_is("udp://h:1"));
    CHECK_OK(feed_rerequest_check("moldudp64://host.example:65535", &err), &err);
    CHECK_FAILS(feed_rerequest_check("moldudp64://host", &err), &err, K2_E_INVALID, "no port");
    CHECK_FAILS(feed_rerequest_check("moldudp64://:1", &err), &err, K2_E_INVALID, "no host");
    CHECK_FAILS(feed_rerequest_check("moldudp64://h:0", &err), &err, K2_E_INVALID, "no port");
    CHECK_FAILS(feed_rerequest_check("moldudp64://u:p@h:1", &err), &err, K2_E_INVALID, "password");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_did_not_fit_is_asked_for_again),
        cmocka_unit_test(who_has_half_gives_half),
        cmocka_unit_test(who_has_nothing_or_is_not_there_is_told),
        cmocka_unit_test(a_long_answer_comes_in_pieces),
        cmocka_unit_test(a_flood_is_not_kept_and_ends),
        cmocka_unit_test(messages_that_were_not_asked_for_are_cut_off),
        cmocka_unit_test(who_lacks_the_first_gives_the_others_once),
        cmocka_unit_test(too_many_are_not_asked_for),
        cmocka_unit_test(a_channel_that_is_no_session_and_a_wrong_address_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
