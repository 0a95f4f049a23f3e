#include "role/line.h"

#include "base/fs.h"
#include "k2test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

struct two_ends {
    char *dir, *data;
    int listening;
    struct line *server, *client;
};

/* A data directory whose path is longer than a socket's may be. */
static char *long_directory(const char *dir) {
    struct k2_buf path = {0};
    struct k2_err err = {0};
    k2_buf_str(&path, dir);
    for (int i = 0; i < 8; i++)
        k2_buf_str(&path, "/a-directory-with-a-long-name");
    char *run = k2_path(k2_buf_cstr(&path), "run");
    CHECK_OK(k2_fs_mkdirs(run, &err), &err);
    free(run);
    char *data = k2_sv_dup(k2_buf_view(&path));
    k2_buf_free(&path);
    assert_true(strlen(data) > sizeof((struct sockaddr_un *)NULL)->sun_path);
    return data;
}

static void open_two_ends(struct two_ends *t) {
    struct k2_err err = {0};
    t->dir = k2test_dir();
    t->data = long_directory(t->dir);
    CHECK_OK(line_listen(t->data, &t->listening, &err), &err);
    CHECK_OK(line_connect(t->data, &t->client, &err), &err);
    int fd = accept4(t->listening, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    t->server = line_new(fd);
}

static void close_two_ends(struct two_ends *t) {
    line_close(t->client);
    line_close(t->server);
    line_unlisten(t->data, t->listening);
    free(t->data);
    k2test_rmdir(t->dir);
}

static struct k2_json *word(const char *text) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "do", k2_json_cstring(text));
    return v;
}

static void expect_word(struct line *l, const char *text, int *fd) {
    struct k2_json *v;
    struct k2_err err = {0};
    struct k2_sv got;
    CHECK_OK(line_receive(l, &v, fd, &err), &err);
    assert_non_null(v);
    assert_true(k2_json_as_string(k2_json_get(v, "do"), &got));
    assert_true(k2_sv_eq(got, k2_sv_of(text)));
    k2_json_free(v);
}

static void raw(struct line *l, const char *bytes) {
    assert_int_equal(write(line_descriptor(l), bytes, strlen(bytes)), strlen(bytes));
}

static void a_path_longer_than_a_socket_allows_is_fine(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_err err = {0};
    open_two_ends(&t);
    CHECK_OK(line_send(t.client, word("status"), -1, &err), &err);
    expect_word(t.server, "status", NULL);
    CHECK_OK(line_send(t.server, word("done"), -1, &err), &err);
    expect_word(t.client, "done", NULL);
    close_two_ends(&t);
}

static void only_the_owner_may_connect(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct stat st;
    mode_t before = umask(0);
    open_two_ends(&t);
    umask(before);
    char *run = k2_path(t.data, "run"), *path = k2_path(run, "k2.sock");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
    free(run);
    close_two_ends(&t);
}

static void a_descriptor_goes_along_with_its_line(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_err err = {0};
    int pipes[2], first, second, got;
    char text[8] = "";
    open_two_ends(&t);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    CHECK_OK(line_send(t.client, word("plain"), -1, &err), &err);
    expect_word(t.server, "plain", &first);
    CHECK_OK(line_send(t.client, word("with"), pipes[0], &err), &err);
    expect_word(t.server, "with", &got);
    assert_int_equal(first, -1);
    assert_true(got >= 0 && got != pipes[0]);
    assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
    close(pipes[0]); /* it is ours no more */
    assert_int_equal(write(pipes[1], "hello", 5), 5);
    assert_int_equal(read(got, text, sizeof text), 5);
    assert_string_equal(text, "hello");
    CHECK_OK(line_send(t.client, word("plain"), -1, &err), &err);
    expect_word(t.server, "plain", &second);
    assert_int_equal(second, -1);
    close(got);
    close(pipes[1]);
    close_two_ends(&t);
}

static int count_descriptors(void) {
    char **names;
    size_t n;
    struct k2_err err;
    CHECK_OK(k2_fs_list("/proc/self/fd", &names, &n, &err), &err);
    k2_fs_names_free(names, n);
    return (int)n;
}

/* Sent by who means ill: all but the last are closed at once. */
static void two_descriptors_with_one_line_do_not_pile_up(void **state) {
    (void)state;
    struct two_ends t = {0};
    int got, both[2];
    open_two_ends(&t);
    assert_int_equal(pipe2(both, O_CLOEXEC), 0);
    union {
        char bytes[CMSG_SPACE(sizeof both)];
        struct cmsghdr align;
    } control = {{0}};
    char text[] = "{\"do\":\"two\"}\n";
    struct iovec part = {text, strlen(text)};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof both);
    memcpy(CMSG_DATA(h), both, sizeof both);
    int before = count_descriptors();
    assert_true(sendmsg(line_descriptor(t.client), &m, 0) > 0);
    expect_word(t.server, "two", &got);
    assert_true(got >= 0);
    close(got);
    assert_int_equal(count_descriptors(), before);
    close(both[0]);
    close(both[1]);
    close_two_ends(&t);
}

/* Nobody asked for it: the next to ask gets it, or line_close closes it. */
static void a_descriptor_that_nobody_takes_is_closed(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_err err = {0};
    int pipes[2];
    char byte;
    open_two_ends(&t);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(line_send(t.client, word("with"), pipes[1], &err), &err);
        expect_word(t.server, "with", NULL);
    }
    close(pipes[1]);
    line_close(t.server);
    t.server = NULL;
    assert_int_equal(read(pipes[0], &byte, 1), 0); /* the last writing end is gone */
    close(pipes[0]);
    close_two_ends(&t);
}

static void lines_arrive_whole_however_they_are_cut(void **state) {
    (void)state;
    struct two_ends t = {0};
    open_two_ends(&t);
    raw(t.client, "{\"do\":\"a\"}\n{\"do\":\"b\"}\n{\"do\"");
    expect_word(t.server, "a", NULL);
    assert_true(line_has_more(t.server));
    expect_word(t.server, "b", NULL);
    assert_false(line_has_more(t.server));
    raw(t.client, ":\"c\"}\n");
    expect_word(t.server, "c", NULL);
    close_two_ends(&t);
}

static void half_a_line_is_the_end_and_no_request(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_json *v = NULL;
    struct k2_err err = {0};
    open_two_ends(&t);
    raw(t.client, "{\"do\":\"ingest\",\"path\":\"/etc");
    assert_false(line_is_closed(t.server));
    line_close(t.client);
    t.client = NULL;
    assert_true(line_is_closed(t.server));
    CHECK_OK(line_receive(t.server, &v, NULL, &err), &err);
    assert_null(v);
    close_two_ends(&t);
}

static void garbage_is_an_error_and_the_next_line_is_read(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_json *v = NULL;
    open_two_ends(&t);
    raw(t.client, "GET / HTTP/1.1\n\xff\xfe\n\n{\"do\":\"a\"}\n");
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(line_receive(t.server, &v, NULL, NULL), K2_E_INVALID);
        assert_null(v);
    }
    expect_word(t.server, "a", NULL);
    close_two_ends(&t);
}

static void *write_without_end(void *arg) {
    static const char block[65536] = {[0 ... 65535] = 'x'};
    struct line *l = arg;
    while (send(line_descriptor(l), block, sizeof block, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

static void a_line_without_end_is_refused(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_json *v = NULL;
    pthread_t thread;
    open_two_ends(&t);
    assert_int_equal(pthread_create(&thread, NULL, write_without_end, t.client), 0);
    CHECK_STATUS(line_receive(t.server, &v, NULL, NULL), K2_E_INVALID);
    line_close(t.server);
    t.server = NULL;
    pthread_join(thread, NULL);
    close_two_ends(&t);
}

static void *send_much(void *arg) {
    struct line *l = arg;
    char *text = malloc(1 << 20);
    memset(text, 'y', 1 << 20);
    text[(1 << 20) - 1] = 0;
    for (int i = 0; i < 8; i++)
        (void)!line_send(l, word(text), -1, NULL);
    free(text);
    return NULL;
}

static void a_large_line_waits_for_its_reader(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_err err = {0};
    pthread_t thread;
    open_two_ends(&t);
    assert_int_equal(pthread_create(&thread, NULL, send_much, t.client), 0);
    for (int i = 0; i < 8; i++) {
        struct k2_json *v;
        struct k2_sv got;
        CHECK_OK(line_receive(t.server, &v, NULL, &err), &err);
        assert_true(k2_json_as_string(k2_json_get(v, "do"), &got));
        assert_int_equal(got.n, (1 << 20) - 1);
        k2_json_free(v);
    }
    pthread_join(thread, NULL);
    close_two_ends(&t);
}

static void sending_to_one_that_is_gone_fails_without_a_signal(void **state) {
    (void)state;
    struct two_ends t = {0};
    open_two_ends(&t);
    line_close(t.server);
    t.server = NULL;
    int rc = K2_OK;
    for (int i = 0; i < 3 && rc == K2_OK; i++)
        rc = line_send(t.client, word("status"), -1, NULL);
    assert_int_equal(rc, K2_E_IO);
    close_two_ends(&t);
}

static void where_nobody_listens_nothing_runs(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct line *l;
    CHECK_STATUS(line_connect(dir, &l, NULL), K2_E_NOTFOUND); /* not even a run directory */
    char *run = k2_path(dir, "run");
    CHECK_OK(k2_fs_mkdirs(run, NULL), &(struct k2_err){0});
    CHECK_STATUS(line_connect(dir, &l, NULL), K2_E_NOTFOUND);
    free(run);
    k2test_rmdir(dir);
}

static void a_socket_that_a_killed_process_left_is_taken_over(void **state) {
    (void)state;
    struct two_ends t = {0};
    struct k2_err err = {0};
    struct line *l;
    open_two_ends(&t);
    close(t.listening); /* as the end of a process does: the name stays */
    line_close(t.server);
    t.server = NULL;
    CHECK_STATUS(line_connect(t.data, &l, NULL), K2_E_NOTFOUND);
    CHECK_OK(line_listen(t.data, &t.listening, &err), &err);
    CHECK_OK(line_connect(t.data, &l, &err), &err);
    line_close(l);
    close_two_ends(&t);
}

static void after_the_end_the_name_is_gone(void **state) {
    (void)state;
    char *dir = k2test_dir(), *run = k2_path(dir, "run"), **names;
    struct k2_err err = {0};
    size_t n;
    int fd;
    CHECK_OK(k2_fs_mkdirs(run, &err), &err);
    CHECK_OK(line_listen(dir, &fd, &err), &err);
    line_unlisten(dir, fd);
    CHECK_OK(k2_fs_list(run, &names, &n, &err), &err);
    assert_int_equal(n, 0);
    k2_fs_names_free(names, n);
    free(run);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_longer_than_a_socket_allows_is_fine),
        cmocka_unit_test(only_the_owner_may_connect),
        cmocka_unit_test(a_descriptor_goes_along_with_its_line),
        cmocka_unit_test(two_descriptors_with_one_line_do_not_pile_up),
        cmocka_unit_test(a_descriptor_that_nobody_takes_is_closed),
        cmocka_unit_test(lines_arrive_whole_however_they_are_cut),
        cmocka_unit_test(half_a_line_is_the_end_and_no_request),
        cmocka_unit_test(garbage_is_an_error_and_the_next_line_is_read),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(a_large_line_waits_for_its_reader),
        cmocka_unit_test(sending_to_one_that_is_gone_fails_without_a_signal),
        cmocka_unit_test(where_nobody_listens_nothing_runs),
        cmocka_unit_test(a_socket_that_a_killed_process_left_is_taken_over),
        cmocka_unit_test(after_the_end_the_name_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
