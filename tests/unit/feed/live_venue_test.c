/* Whole sessions against the local venue (tests/support/venue_server.py), which is written by other hands than the
 * sources: what arrives is the session without what the venue says it did not send. Skips without python3.
 *
 * k2-test: timeout=180 */
#include "live_helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { MESSAGES = 300 };

struct venue {
    char *folder;
    pid_t pid;
    int port;
    char log[256];
};

static char *slurp(const char *path) {
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    if (f) {
        size_t n = fread(text, 1, (1 << 20) - 1, f);
        text[n] = 0;
        fclose(f);
    }
    return text;
}

static bool is_there(const char *path) {
    for (int i = 0; i < 500 && access(path, F_OK) != 0; i++)
        usleep(20 * 1000);
    return access(path, F_OK) == 0;
}

static void write_session(const char *path) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 1; i <= MESSAGES; i++)
        fprintf(f, "{\"n\":%d}\n", i);
    fclose(f);
}

/* `scheme` is the option and the name in the file of ports; further arguments follow, ended by NULL. */
static void start(struct venue *v, const char *scheme, const char *const *more) {
    char server[512], session[256], ports[256], cert[256], option[16];
    const char *source = getenv("K2_SOURCE"), *arguments[32];
    v->folder = k2test_dir();
    snprintf(server, sizeof server, "%s/tests/support/venue_server.py", source ? source : ".");
    snprintf(session, sizeof session, "%s/session", v->folder);
    snprintf(ports, sizeof ports, "%s/ports", v->folder);
    snprintf(cert, sizeof cert, "%s/cert.pem", v->folder);
    snprintf(v->log, sizeof v->log, "%s/log", v->folder);
    snprintf(option, sizeof option, "--%s", scheme);
    write_session(session);
    int n = 0;
    const char *const fixed[] = {"python3", server, session,  option, "0",
                                 "--ports", ports,  "--cert", cert,   "--exit"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        arguments[n++] = fixed[i];
    while (*more && n < 31)
        arguments[n++] = *more++;
    arguments[n] = NULL;
    v->pid = fork();
    if (v->pid == 0) {
        int fd = open(v->log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        dup2(fd, 1);
        execvp("python3", (char *const *)arguments);
        _exit(127);
    }
    bool listening = is_there(ports);
    char *text = slurp(ports), name[32];
    snprintf(name, sizeof name, "\"%s\": ", scheme);
    const char *at = strstr(text, name);
    v->port = listening && at ? atoi(at + strlen(name)) : 0;
    free(text);
}

static void stop(struct venue *v) {
    kill(v->pid, SIGTERM);
    waitpid(v->pid, NULL, 0);
    k2test_rmdir(v->folder);
}

/* The numbers of the messages that came, in their order; a number may come again where one connection replaced
 * another. TCP cuts anywhere, so all frames are read as one text for each connection. */
static void read_numbers(struct live_fixture *t, int seen[MESSAGES + 1]) {
    struct k2_buf all = {0};
    for (size_t i = 0; i < t->n; i++)
        if (t->seen[i].form == LIVE_DISCONNECTED)
            k2_buf_byte(&all, '\n'); /* half a line does not go on in the next connection */
        else if (t->seen[i].form >= LIVE_STREAM)
            k2_buf_printf(&all, "%s%s", t->seen[i].text, t->seen[i].form == LIVE_TEXT ? "\n" : "");
    char *rest = NULL, *text = k2_sv_dup(k2_buf_view(&all));
    memset(seen, 0, (MESSAGES + 1) * sizeof *seen);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int n = 0, end = 0;
        if (sscanf(line, "{\"n\":%d}%n", &n, &end) == 1 && end > 0 && n >= 1 && n <= MESSAGES)
            seen[n]++;
    }
    free(text);
    k2_buf_free(&all);
}

/* Polls until the venue says that the session is over and all of it was read. */
static void run(struct live_fixture *t, struct venue *v, const char *scheme,
                struct feed_live_options *o) {
    static const char *const send[] = {"{\"subscribe\":1}\n", NULL};
    char url[64], cert[300];
    int64_t until = k2_monotonic_ns() + 60 * K2_NS_PER_SEC;
    bool done = false;
    snprintf(url, sizeof url, "%s://localhost:%d", scheme, v->port);
    snprintf(cert, sizeof cert, "%s/cert.pem", v->folder);
    o->send = send;
    o->ca_file = strcmp(scheme, "wss") == 0 ? cert : NULL;
    open_live(t, o, url);
    while (!done) {
        if (k2_monotonic_ns() > until) {
            char *log = slurp(v->log);
            fail_msg("the session does not end; %s\n%s", feed_live_state(t->live).why, log);
        }
        for (int i = 0; i < 20; i++)
            look(t, 20);
        char *log = slurp(v->log);
        done = strstr(log, "\"done\": true") && !feed_live_state(t->live).connected;
        free(log);
    }
    while (look(t, 20) > 0) {
        /* what had come before the end of the connection */
    }
}

static void check_lost(struct live_fixture *t, const struct venue *v, const int *lost) {
    int seen[MESSAGES + 1];
    read_numbers(t, seen);
    for (int i = 1; i <= MESSAGES; i++) {
        bool missing = *lost == i;
        lost += missing;
        if (missing == (seen[i] > 0)) {
            char *log = slurp(v->log);
            fail_msg("message %d came %d times\n%s", i, seen[i], log);
        }
    }
}

static void go_through(void **state, const char *scheme, const char *const *more, const int *lost,
                       struct feed_live_options o) {
    struct live_fixture *t = *state;
    struct venue v;
    start(&v, scheme, more);
    if (v.port == 0) {
        stop(&v);
        fail_msg("the venue does not listen");
    }
    run(t, &v, scheme, &o);
    check_lost(t, &v, lost);
    stop(&v);
}

/* Drops, closings with codes, half a message, refusals, junk: what is missing in the end is what was not sent. */
static const char *const hard_life[] = {
    "--subscribe",   "--do",     "20 drop",      "--do",       "60 close 1012 restarting",
    "--do",          "100 half", "--do",         "120 lose 3", "--do",
    "200 stall 0.3", "--do",     "220 burst 50", NULL};
static const int hard_life_lost[] = {100, 120, 121, 122, 0};

static void a_websocket_loses_only_what_was_not_sent(void **state) {
    go_through(state, "ws", hard_life, hard_life_lost, (struct feed_live_options){0});
}

static void so_does_one_over_tls(void **state) {
    go_through(state, "wss", hard_life, hard_life_lost, (struct feed_live_options){0});
}

static void so_does_a_stream(void **state) {
    go_through(state, "tcp", hard_life, hard_life_lost, (struct feed_live_options){0});
}

static void fragments_twice_and_wrong_order_arrive(void **state) {
    static const char *const more[] = {"--do",        "10 fragment 2", "--do",
                                       "50 twice 10", "--do",          "100 swap",
                                       "--do",        "150 ping",      NULL};
    static const int lost[] = {0};
    int seen[MESSAGES + 1];
    go_through(state, "ws", more, lost, (struct feed_live_options){0});
    read_numbers(*state, seen);
    for (int i = 1; i <= MESSAGES; i++)
        assert_int_equal(seen[i], i >= 50 && i < 60 ? 2 : 1);
}

static void junk_and_a_mute_server_are_left_and_come_back(void **state) {
    static const char *const more[] = {"--do", "50 junk 200", "--do", "150 mute 1.2", NULL};
    struct live_fixture *t = *state;
    struct feed_live_options o = {.silence_ns = 500 * K2_NS_PER_MS};
    int seen[MESSAGES + 1];
    struct venue v;
    start(&v, "ws", more);
    run(t, &v, "ws", &o);
    read_numbers(t, seen);
    assert_true(seen[1] && seen[49] && seen[MESSAGES]);
    assert_true(feed_live_state(t->live).connections >= 3);
    stop(&v);
}

static void refused_handshakes_are_tried_again(void **state) {
    static const char *const more[] = {"--do", "50 http 429 0.5", "--do", "50 drop", NULL};
    static const int lost[] = {0};
    go_through(state, "ws", more, lost, (struct feed_live_options){0});
    struct live_fixture *t = *state;
    bool told = false;
    for (size_t i = 0; i < t->n; i++)
        told = told || (t->seen[i].form == LIVE_DISCONNECTED && strstr(t->seen[i].text, "429"));
    assert_true(told);
}

static void a_change_of_connections_leaves_no_hole(void **state) {
    static const char *const more[] = {"--subscribe", "--rate", "100", "--go-on", NULL};
    static const int lost[] = {0};
    go_through(state, "wss", more, lost,
               (struct feed_live_options){.rotate_ns = 400 * K2_NS_PER_MS});
    struct live_fixture *t = *state;
    int replaced = 0;
    for (size_t i = 0; i < t->n; i++)
        replaced += t->seen[i].form == LIVE_DISCONNECTED && strstr(t->seen[i].text, "replaced");
    assert_true(replaced >= 1);
}

/* Gives why the connection to that venue failed. */
static const char *fail_to_trust(struct live_fixture *t, const char *const *more, bool trusted) {
    struct feed_live_options o = {0};
    struct venue v;
    char url[64], cert[300];
    start(&v, "wss", more);
    snprintf(url, sizeof url, "wss://localhost:%d", v.port);
    snprintf(cert, sizeof cert, "%s/cert.pem", v.folder);
    o.ca_file = trusted ? cert : NULL;
    open_live(t, &o, url);
    const struct seen *end = await(t, LIVE_DISCONNECTED, 1);
    assert_int_equal(end->connection, 0);
    stop(&v);
    return end->text;
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state) {
    static const char *const more[] = {NULL};
    assert_non_null(strstr(fail_to_trust(*state, more, false), "self-signed certificate"));
}

static void a_certificate_of_another_name_is_refused(void **state) {
    static const char *const more[] = {"--name", "venue.example", NULL};
    assert_non_null(strstr(fail_to_trust(*state, more, true), "localhost"));
}

int main(void) {
    setenv("no_proxy", "localhost,127.0.0.1", 1);
    if (system("python3 -c '' 2>/dev/null && openssl version >/dev/null 2>&1") != 0) {
        puts("skipped: there is no python3, or no openssl");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        LIVE_TEST(a_websocket_loses_only_what_was_not_sent),
        LIVE_TEST(so_does_one_over_tls),
        LIVE_TEST(so_does_a_stream),
        LIVE_TEST(fragments_twice_and_wrong_order_arrive),
        LIVE_TEST(junk_and_a_mute_server_are_left_and_come_back),
        LIVE_TEST(refused_handshakes_are_tried_again),
        LIVE_TEST(a_change_of_connections_leaves_no_hole),
        LIVE_TEST(a_certificate_that_nobody_vouches_for_is_refused),
        LIVE_TEST(a_certificate_of_another_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
