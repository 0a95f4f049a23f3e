/* A platform with its threads at work, and the commands that come to it over its socket. */
#include "place.h"

#include "base/log.h"
#include "crash/disk.h"
#include "role/line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define QUIET "[http]\nenabled = false\n[sink]\ninterval = 100ms\n[query]\nthreads = 1\n"

static void start(struct place *p) {
    place_open(p);
    CHECK_OK(role_platform_start(p->platform, &p->err), &p->err);
}

static void wait_for_records(struct place *p, const char *topic, int64_t n) {
    while (place_records(p, topic) < n)
        usleep(20000);
}

static void wait_for_state(struct place *p, const char *role, enum agent_state s) {
    while (place_view(p, role).state != s)
        usleep(5000);
}

/* --- commands --- */

struct command {
    struct place *place;
    const char *name; /* file */
    int rows;
    uint64_t seed;
    const char *symbol; /* of the file, where its name does not say it */
    bool counting_on;   /* --continue */
    struct ingest_stats stats;
    int rc;
    struct k2_err err;
    bool remote;
};

static int open_writer(struct command *c, struct role_writer **w) {
    const struct role_writer_options o = {.command = "k2 test"};
    return role_writer_open(c->place->data, c->place->config, &o, w, &c->err);
}

static int with_writer(struct command *c,
                       int (*work)(struct command *c, struct role_writer *w, struct k2_err *err)) {
    struct role_writer *w;
    if (open_writer(c, &w) != K2_OK)
        return c->err.status;
    c->remote = role_writer_is_remote(w);
    int rc = work(c, w, &c->err);
    if (rc == K2_OK)
        rc = role_writer_flush(w, &c->err);
    c->stats = role_writer_stats(w);
    role_writer_close(w);
    return rc;
}

static int give_file(struct command *c, struct role_writer *w, struct k2_err *err) {
    char *path = place_path(c->place, c->name);
    const struct request_ingest r = {.path = path,
                                     .source = path,
                                     .format = "asx-csv",
                                     .symbol = c->symbol,
                                     .date = INT32_MIN,
                                     .keep_counting = c->counting_on};
    int rc = role_writer_file(w, &r, err);
    free(path);
    return rc;
}

static int give_market(struct command *c, struct role_writer *w, struct k2_err *err) {
    const struct sim_options o = {.symbols = 5,
                                  .rate = 1000,
                                  .seconds = c->rows / 1000.0,
                                  .seed = c->seed,
                                  .start_ns = INT64_C(1700000000) * K2_NS_PER_SEC};
    return role_writer_simulate(w, &o, err);
}

static void *run_file(void *arg) {
    struct command *c = arg;
    c->rc = with_writer(c, give_file);
    return NULL;
}

static void *run_market(void *arg) {
    struct command *c = arg;
    c->rc = with_writer(c, give_market);
    return NULL;
}

static void expect_done(const struct command *c) {
    if (c->rc != K2_OK)
        fail_msg("%s: %s", c->name ? c->name : "market", c->err.msg);
    assert_true(c->remote);
    const struct ingest_stats *s = &c->stats;
    assert_int_equal(s->read, c->rows);
    assert_int_equal(s->accepted, c->rows);
    assert_int_equal(s->duplicates + s->conflicts + s->quarantined + s->filtered, 0);
}

static void four_commands_work_at_once_and_each_is_told_its_own_counts(void **state) {
    (void)state;
    struct place p = place_make();
    struct command c[] = {{.place = &p, .name = "1_BHP.csv", .rows = 6000},
                          {.place = &p, .name = "2_CBA.csv", .rows = 9000},
                          {.place = &p, .rows = 20000, .seed = 7},
                          {.place = &p, .rows = 15000, .seed = 8}};
    pthread_t threads[4];
    place_rows(&p, "1_BHP.csv", 0, 6000, 10);
    place_rows(&p, "2_CBA.csv", 0, 9000, 10);
    place_rows(&p, "3_RIO.csv", 0, 3000, 10);
    place_configure(&p, QUIET "[feed.rio]\nformat = asx-csv\nsource = @/3_RIO.csv\npoll = 10ms\n"
                              "[feed.sim]\nsource = sim:\nrate = 500\n");
    start(&p);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? run_file : run_market, &c[i]),
                         0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        expect_done(&c[i]);
    wait_for_records(&p, "market.ticks.asx", 18000);
    place_close(&p);
    /* The end brings the tables up to the journal. */
    place_expect(&p,
                 "SELECT symbol, count(*), count(DISTINCT message_id) FROM trades "
                 "WHERE exchange = 'ASX' GROUP BY 1 ORDER BY 1",
                 "BHP,6000,6000\nCBA,9000,9000\nRIO,3000,3000\n");
    assert_int_equal(place_records(&p, "market.ticks.asx"), 18000);
    assert_int_equal(place_records(&p, "k2.sources"), 2);
    place_free(&p);
}

static void a_file_given_again_is_all_duplicates(void **state) {
    (void)state;
    struct place p = place_make();
    struct command c = {.place = &p, .name = "1_BHP.csv", .rows = 500};
    place_rows(&p, "1_BHP.csv", 0, 500, 10);
    place_configure(&p, QUIET);
    start(&p);
    run_file(&c);
    expect_done(&c);
    run_file(&c);
    assert_int_equal(c.rc, K2_OK);
    assert_int_equal(c.stats.duplicates, 500);
    assert_int_equal(c.stats.accepted, 0);
    place_free(&p);
}

/* --- counting on after the journal --- */

/* Rows of BHP that no other file has. */
static void put_own_rows(struct place *p, const char *name, int n, int price) {
    char *path = place_path(p, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < n; i++)
        fprintf(f, "03/10/2014,10:%02d:%02d.%03d,%d.5,%d,0,,\n", i / 60000 % 60, i / 1000 % 60,
                i % 1000, price, i + 1);
    fclose(f);
    free(path);
}

#define OWN_ROWS                                                                                   \
    "SELECT count(*), count(DISTINCT message_id), count(DISTINCT exchange_sequence_number), "      \
    "max(exchange_sequence_number) FROM trades WHERE symbol = 'BHP'"

static void the_first_rows_of_an_exchange_may_be_counted_on(void **state) {
    (void)state;
    struct place p = place_make();
    struct command c = {.place = &p, .name = "1_BHP.csv", .rows = 700, .counting_on = true};
    place_rows(&p, "1_BHP.csv", 0, 700, 10);
    place_configure(&p, QUIET);
    start(&p);
    run_file(&c);
    expect_done(&c);
    run_file(&c); /* nothing is recognised: it was asked for */
    expect_done(&c);
    assert_int_equal(place_view(&p, "ingest").failures, 0);
    place_close(&p);
    place_expect(&p, OWN_ROWS, "1400,1400,1400,1400\n");
    place_free(&p);
}

/* Each is read in several pieces, and takes the number to begin with only once. */
static void files_that_count_on_at_once_lose_nothing(void **state) {
    (void)state;
    enum { FILES = 3, ROWS = 30000 };
    struct place p = place_make();
    struct command c[FILES];
    pthread_t threads[FILES];
    static const char *const names[FILES] = {"a.csv", "b.csv", "c.csv"};
    place_configure(&p, QUIET);
    start(&p);
    for (int i = 0; i < FILES; i++) {
        put_own_rows(&p, names[i], ROWS, 30 + i);
        c[i] = (struct command){
            .place = &p, .name = names[i], .rows = ROWS, .symbol = "BHP", .counting_on = true};
    }
    for (int i = 0; i < FILES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_file, &c[i]), 0);
    for (int i = 0; i < FILES; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < FILES; i++)
        expect_done(&c[i]);
    place_close(&p);
    place_expect(&p, OWN_ROWS, "90000,90000,90000,90000\n");
    assert_int_equal(place_records(&p, "market.quarantine.asx"), 0);
    place_free(&p);
}

static void a_command_that_asks_for_nonsense_is_told_so(void **state) {
    (void)state;
    struct place p = place_make();
    struct command c = {.place = &p};
    struct role_writer *w;
    place_configure(&p, QUIET);
    start(&p);
    CHECK_OK(open_writer(&c, &w), &c.err);
    const struct request_ingest unknown = {
        .path = "/dev/null", .source = "-", .format = "no-such-format", .date = INT32_MIN};
    CHECK_STATUS(role_writer_file(w, &unknown, &p.err), K2_E_INVALID);
    assert_non_null(strstr(p.err.msg, "no-such-format"));
    const struct request_ingest nothing = {
        .path = "", .source = "x", .format = "binance-json", .date = INT32_MIN};
    struct line *l;
    struct k2_json *answer;
    CHECK_OK(line_connect(p.data, &l, &p.err), &p.err);
    CHECK_OK(line_send(l, request_ingest_json(&nothing), -1, &p.err), &p.err);
    CHECK_OK(line_receive(l, &answer, NULL, &p.err), &p.err);
    CHECK_STATUS(request_error_read(answer, &p.err), K2_E_INVALID);
    assert_non_null(strstr(p.err.msg, "neither a path nor a descriptor"));
    k2_json_free(answer);
    line_close(l);
    const struct sim_options wrong = {.symbols = -5, .rate = 1, .seconds = 1};
    CHECK_STATUS(role_writer_simulate(w, &wrong, &p.err), K2_E_INVALID);
    role_writer_close(w); /* the line held out, and so does the platform */
    c = (struct command){.place = &p, .rows = 100, .seed = 1};
    run_market(&c);
    expect_done(&c);
    place_free(&p);
}

/* --- pipes --- */

struct piped {
    struct command command;
    int fd;
};

static void *run_pipe(void *arg) {
    struct piped *c = arg;
    char name[32];
    struct role_writer *w;
    snprintf(name, sizeof name, "/dev/fd/%d", c->fd);
    const struct request_ingest r = {.path = c->fd == STDIN_FILENO ? "-" : name,
                                     .source = "-",
                                     .format = "asx-csv",
                                     .symbol = "BHP",
                                     .date = INT32_MIN,
                                     .keep_counting = c->command.counting_on};
    c->command.rc = open_writer(&c->command, &w);
    if (c->command.rc != K2_OK)
        return NULL;
    c->command.remote = role_writer_is_remote(w);
    c->command.rc = role_writer_file(w, &r, &c->command.err);
    c->command.stats = role_writer_stats(w);
    role_writer_close(w);
    return NULL;
}

static void put(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* However little is in the pipe, nobody waits for it but who gave it. */
static void a_pipe_that_stalls_stops_no_feed(void **state) {
    (void)state;
    struct place p = place_make();
    struct piped c = {.command = {.place = &p, .rows = 2}};
    pthread_t thread;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    c.fd = fds[0];
    place_rows(&p, "3_RIO.csv", 0, 10, 10);
    place_configure(&p, QUIET "[feed.rio]\nformat = asx-csv\nsource = @/3_RIO.csv\npoll = 10ms\n");
    start(&p);
    assert_int_equal(pthread_create(&thread, NULL, run_pipe, &c), 0);
    wait_for_records(&p, "market.ticks.asx", 10);
    put(fds[1], "0"); /* one byte: too little to see whether it is gzip */
    usleep(100000);
    place_rows(&p, "3_RIO.csv", 10, 20, 10);
    wait_for_records(&p, "market.ticks.asx", 20);
    put(fds[1], "3/10/2014,10:00:00.000,37.5,100,0,,\n03/10/2014,10:");
    wait_for_records(&p, "market.ticks.asx", 21);
    place_rows(&p, "3_RIO.csv", 20, 30, 10);
    wait_for_records(&p, "market.ticks.asx", 31);
    put(fds[1], "00:00.001,37.5,100,0,,\n");
    close(fds[1]);
    pthread_join(thread, NULL);
    close(fds[0]);
    expect_done(&c.command);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 32);
    place_free(&p);
}

/* Of a file that counts from 1 and one that counts on the second waits for the first, whichever it is: what is half
 * read has the numbers still to come. A feed that counts waits too; one whose rows have numbers does not. */
static void expect_one_after_the_other(bool first_counts_on, bool second_counts_on) {
    struct place p = place_make();
    struct piped first = {.command = {.place = &p, .rows = 2, .counting_on = first_counts_on}};
    struct command second = {.place = &p,
                             .name = "second.csv",
                             .rows = 5,
                             .symbol = second_counts_on ? "BHP" : "CBA",
                             .counting_on = second_counts_on};
    pthread_t threads[2];
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    first.fd = fds[0];
    put_own_rows(&p, "second.csv", 5, 40);
    place_rows(&p, "3_RIO.csv", 0, 10, 10);
    place_configure(&p, QUIET "[feed.rio]\nformat = asx-csv\nsource = @/3_RIO.csv\npoll = 10ms\n"
                              "[feed.sim]\nsource = sim:\nrate = 500\n");
    start(&p);
    wait_for_records(&p, "market.ticks.asx", 10);
    assert_int_equal(pthread_create(&threads[0], NULL, run_pipe, &first), 0);
    put(fds[1], "03/10/2014,10:00:00.000,37.5,100,0,,\n");
    wait_for_records(&p, "market.ticks.asx", 11);
    assert_int_equal(pthread_create(&threads[1], NULL, run_file, &second), 0);
    place_rows(&p, "3_RIO.csv", 10, 20, 10);
    int64_t sent = place_records(&p, "market.ticks.sim");
    if (!first_counts_on)
        wait_for_records(&p, "market.ticks.asx", 21);
    wait_for_records(&p, "market.ticks.sim", sent + 200);
    assert_int_equal(place_records(&p, "market.ticks.asx"), first_counts_on ? 11 : 21);
    put(fds[1], "03/10/2014,10:00:00.001,37.5,100,0,,\n");
    close(fds[1]);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    close(fds[0]);
    expect_done(&first.command);
    expect_done(&second);
    wait_for_records(&p, "market.ticks.asx", 27);
    place_close(&p);
    place_expect(&p, OWN_ROWS, second_counts_on ? "7,7,7,7\n" : "2,2,2,2\n");
    assert_int_equal(place_records(&p, "market.quarantine.asx"), 0);
    place_free(&p);
}

static void a_file_that_counts_on_waits_for_what_counts(void **state) {
    (void)state;
    expect_one_after_the_other(false, true);
}

static void what_counts_waits_for_a_file_that_counts_on(void **state) {
    (void)state;
    expect_one_after_the_other(true, false);
    expect_one_after_the_other(true, true);
}

static void a_pipe_of_one_byte_ends(void **state) {
    (void)state;
    struct place p = place_make();
    struct piped c = {.command = {.place = &p}};
    int fds[2];
    place_configure(&p, QUIET);
    start(&p);
    for (int bytes = 0; bytes < 2; bytes++) {
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        put(fds[1], bytes ? "\n" : "");
        close(fds[1]);
        c.fd = fds[0];
        run_pipe(&c);
        close(fds[0]);
        if (c.command.rc != K2_OK)
            fail_msg("%s", c.command.err.msg);
    }
    place_free(&p);
}

/* A named pipe whose writer is gone could not even be opened again without waiting for another. */
static void standard_input_may_be_a_named_pipe_whose_writer_is_gone(void **state) {
    (void)state;
    struct place p = place_make();
    struct piped c = {.command = {.place = &p, .rows = 1}, .fd = STDIN_FILENO};
    char *path = place_path(&p, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    int in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), out = open(path, O_WRONLY | O_CLOEXEC);
    int before = dup(STDIN_FILENO);
    assert_true(in >= 0 && out >= 0 && before >= 0);
    put(out, "03/10/2014,10:00:00.000,37.5,100,0,,\n");
    close(out);
    dup2(in, STDIN_FILENO);
    place_configure(&p, QUIET);
    start(&p);
    run_pipe(&c);
    expect_done(&c.command);
    dup2(before, STDIN_FILENO);
    close(before);
    close(in);
    free(path);
    place_free(&p);
}

/* --- who goes away --- */

static struct line *ask_for_endless_market(struct place *p) {
    const struct sim_options o = {.symbols = 5,
                                  .rate = 1e6,
                                  .seconds = 1e6,
                                  .seed = 3,
                                  .start_ns = INT64_C(1700000000) * K2_NS_PER_SEC};
    struct line *l;
    CHECK_OK(line_connect(p->data, &l, &p->err), &p->err);
    CHECK_OK(line_send(l, request_sim_json(&o), -1, &p->err), &p->err);
    struct k2_json *v;
    CHECK_OK(line_receive(l, &v, NULL, &p->err), &p->err);
    assert_non_null(k2_json_get(v, "progress"));
    k2_json_free(v);
    return l;
}

static void the_job_of_a_command_that_is_gone_ends_and_its_rows_stay(void **state) {
    (void)state;
    struct place p = place_make();
    place_configure(&p, QUIET);
    start(&p);
    line_close(ask_for_endless_market(&p));
    int64_t before, now = 0;
    do { /* until it stands still */
        before = now;
        usleep(500000);
        now = place_records(&p, "market.ticks.sim");
    } while (now == 0 || now != before);
    struct command c = {.place = &p, .rows = 100, .seed = 1};
    run_market(&c);
    expect_done(&c);
    place_free(&p);
}

static void the_end_of_the_platform_ends_the_jobs_and_says_so(void **state) {
    (void)state;
    struct place p = place_make();
    struct k2_json *v;
    struct k2_err why = {0};
    place_configure(&p, QUIET);
    start(&p);
    struct line *l = ask_for_endless_market(&p);
    place_close(&p);
    int rc = K2_OK;
    while (rc == K2_OK) {
        CHECK_OK(line_receive(l, &v, NULL, &p.err), &p.err);
        if (!v)
            break;
        rc = request_error_read(v, &why);
        k2_json_free(v);
    }
    assert_int_equal(rc, K2_E_CANCELLED);
    line_close(l);
    place_free(&p);
}

static void garbage_and_half_lines_hold_nothing_up(void **state) {
    (void)state;
    struct place p = place_make();
    struct line *lines[40];
    struct k2_json *v;
    place_configure(&p, QUIET);
    start(&p);
    for (int i = 0; i < 40; i++) { /* more than are served at once */
        CHECK_OK(line_connect(p.data, &lines[i], &p.err), &p.err);
        put(line_descriptor(lines[i]), i % 2 ? "{\"do\":" : "GET / HTTP/1.1\n");
    }
    CHECK_OK(line_receive(lines[0], &v, NULL, &p.err), &p.err);
    CHECK_STATUS(request_error_read(v, &p.err), K2_E_INVALID);
    k2_json_free(v);
    for (int i = 0; i < 40; i++)
        line_close(lines[i]);
    struct k2_json *status = NULL;
    while (role_status(p.data, &status, &p.err) != K2_OK) /* until the others are gone */
        usleep(20000);
    assert_int_equal(k2_json_count(k2_json_get(status, "roles")), 6);
    k2_json_free(status);
    place_free(&p);
}

/* --- status and reload --- */

static void the_status_tells_the_roles_and_a_reload_changes_them(void **state) {
    (void)state;
    struct place p = place_make();
    struct k2_json *v;
    struct k2_sv name;
    int64_t pid;
    place_configure(&p, QUIET);
    place_open(&p);
    role_platform_set_address(p.platform, "http://127.0.0.1:1");
    CHECK_OK(role_platform_start(p.platform, &p.err), &p.err);
    CHECK_OK(role_status(p.data, &v, &p.err), &p.err);
    assert_true(k2_json_as_int(k2_json_get(v, "pid"), &pid) && pid == getpid());
    assert_true(k2_json_as_string(k2_json_get(v, "http"), &name));
    assert_true(k2_sv_eq(name, K2_SV("http://127.0.0.1:1")));
    assert_int_equal(k2_json_count(k2_json_get(v, "roles")), 6);
    k2_json_free(v);
    for (int i = 0; i < 20; i++) { /* while others look */
        place_configure(&p, i % 2 ? QUIET
                                  : QUIET "[feed.sim]\nsource = sim:\nrate = 10\n"
                                          "[feed.two]\nsource = sim:\nseed = 2\nrate = 10\n");
        role_platform_reload(p.platform, p.config);
        for (int k = 0; k < 10; k++) {
            CHECK_OK(role_status(p.data, &v, &p.err), &p.err);
            k2_json_free(v);
        }
    }
    while (place_has_role(&p, "feed.sim"))
        usleep(5000);
    place_close(&p);
    CHECK_STATUS(role_status(p.data, &v, &p.err), K2_E_NOTFOUND);
    place_free(&p);
}

/* --- a journal that is beyond repair --- */

static void damage_meta(struct place *p) {
    char *journal = k2_path(p->data, "journal"), *meta = k2_path(journal, "meta");
    FILE *f = fopen(meta, "w");
    assert_non_null(f);
    fputs("this is not what it was", f);
    fclose(f);
    free(meta);
    free(journal);
}

static void a_journal_that_cannot_be_opened_again_stops_nothing_else(void **state) {
    (void)state;
    struct place p = place_make();
    struct command c = {.place = &p, .rows = 100, .seed = 1};
    struct role_writer *w;
    struct disk *d = disk_mount(p.root);
    place_configure(&p, QUIET);
    start(&p);
    run_market(&c);
    expect_done(&c);
    CHECK_OK(open_writer(&c, &w), &c.err);
    disk_fail(d, DISK_SYNC, "*.seg", 0, EIO);
    damage_meta(&p);
    c.seed = 2;
    assert_int_not_equal(give_market(&c, w, &p.err), K2_OK); /* the sync failed */
    disk_heal(d);
    wait_for_state(&p, "ingest", AGENT_DOWN);
    assert_int_equal(give_market(&c, w, &p.err), K2_E_FAILED); /* told, not kept waiting */
    assert_non_null(strstr(p.err.msg, "fails"));
    while (place_view(&p, "sink").state ==
           AGENT_STARTING) /* on a busy machine its turn comes late */
        usleep(5000);
    role_writer_close(w);
    struct role_platform *platform = p.platform;
    p.platform = NULL;
    assert_int_not_equal(role_platform_close(platform, &p.err), K2_OK); /* and it ends */
    disk_unmount(d);
    place_free(&p);
}

/* --- retention beside everything else --- */

static void retention_removes_what_is_proven_while_jobs_run(void **state) {
    (void)state;
    struct place p = place_make();
    struct journal *j;
    struct reconcile_report report;
    struct query_engine *q;
    place_configure(&p, QUIET "[journal]\nsegment_bytes = 64KB\nretention = 1ms\n"
                              "[maintain]\ninterval = 50ms\n"
                              "[feed.sim]\nsource = sim:\nrate = 2000\n");
    start(&p);
    int removed = 0;
    for (uint64_t seed = 1; removed < 5; seed++) {
        struct command c = {.place = &p, .rows = 3000, .seed = seed % 4 + 1};
        run_market(&c); /* again and again the same: the removed rows are still known */
        if (c.rc != K2_OK)
            fail_msg("%s", c.err.msg);
        assert_int_equal(c.stats.accepted + c.stats.duplicates, 3000);
        CHECK_OK(journal_open(p.data, JOURNAL_READ, NULL, &j, &p.err), &p.err);
        removed = journal_removed_count(j);
        journal_close(j);
    }
    place_close(&p);
    CHECK_OK(query_open(p.data, NULL, &q, &p.err), &p.err);
    CHECK_OK(reconcile_run(p.data, q, NULL, NULL, &report, &p.err), &p.err);
    assert_true(reconcile_equal(&report));
    assert_int_equal(report.lag, 0);
    assert_true(report.by_digest > 0);
    reconcile_free(&report);
    query_close(q);
    place_expect(&p, "SELECT count(*) - count(DISTINCT message_id) FROM trades", "0\n");
    place_free(&p);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* failures are expected here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_commands_work_at_once_and_each_is_told_its_own_counts),
        cmocka_unit_test(a_file_given_again_is_all_duplicates),
        cmocka_unit_test(the_first_rows_of_an_exchange_may_be_counted_on),
        cmocka_unit_test(files_that_count_on_at_once_lose_nothing),
        cmocka_unit_test(a_file_that_counts_on_waits_for_what_counts),
        cmocka_unit_test(what_counts_waits_for_a_file_that_counts_on),
        cmocka_unit_test(a_command_that_asks_for_nonsense_is_told_so),
        cmocka_unit_test(a_pipe_that_stalls_stops_no_feed),
        cmocka_unit_test(a_pipe_of_one_byte_ends),
        cmocka_unit_test(standard_input_may_be_a_named_pipe_whose_writer_is_gone),
        cmocka_unit_test(the_job_of_a_command_that_is_gone_ends_and_its_rows_stay),
        cmocka_unit_test(the_end_of_the_platform_ends_the_jobs_and_says_so),
        cmocka_unit_test(garbage_and_half_lines_hold_nothing_up),
        cmocka_unit_test(the_status_tells_the_roles_and_a_reload_changes_them),
        cmocka_unit_test(a_journal_that_cannot_be_opened_again_stops_nothing_else),
        cmocka_unit_test(retention_removes_what_is_proven_while_jobs_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
