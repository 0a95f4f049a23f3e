/* bench/follow.c - how long after a commit the followers in other processes have the record.
 *
 * One process appends a record and commits, at a fixed pace; N others follow its journal (journal_wait). Of each commit two times
 * are kept: from its durability in the writer to each follower's hands, and the journal_commit itself. The limit beside it, in
 * the same process and pace: a byte through a pipe to each of N sleeping processes, which is the cheapest way to wake one.
 *
 * Usage: follow DIRECTORY [followers, default 4] [commits, default 2000] [pace in microseconds, default 1000]
 */
#include "base/clock.h"
#include "base/hist.h"
#include "journal/journal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FOLLOWERS = 64 };

/* Shared by all processes. */
struct board {
    _Atomic int ready;
    _Atomic int64_t told[1]; /* when record n was durable; then room for n */
};

struct run {
    const char *dir;
    int followers;
    int64_t commits, pace_ns;
    struct board *board;
    int64_t *seen; /* [follower][commit], shared */
};

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "follow: %s\n", err->msg);
    _exit(1);
}

static void *shared(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

static void pause_until(int64_t ns) {
    const struct timespec t = {ns / K2_NS_PER_SEC, ns % K2_NS_PER_SEC};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* --- the journal --- */

static void follow(const struct run *r, int self) {
    struct k2_err err;
    struct journal *j;
    int64_t seen = 0, end;
    check(journal_open(r->dir, JOURNAL_READ, NULL, &j, &err), &err);
    atomic_fetch_add(&r->board->ready, 1);
    while (seen < r->commits) {
        check(journal_ends(j, 0, &end, &err), &err);
        for (int64_t now = k2_monotonic_ns(); seen < end; seen++)
            r->seen[self * r->commits + seen] = now;
        if (seen < r->commits)
            journal_wait(j, K2_NS_PER_SEC);
    }
    journal_close(j);
    _exit(0);
}

static void append(const struct run *r, struct k2_hist *commits) {
    const struct journal_options o = {.partitions = 1};
    struct k2_err err;
    struct journal *j;
    check(journal_open(r->dir, JOURNAL_WRITE, &o, &j, &err), &err);
    while (atomic_load(&r->board->ready) < r->followers)
        pause_until(k2_monotonic_ns() + K2_NS_PER_MS);
    int64_t next = k2_monotonic_ns();
    for (int64_t n = 0; n < r->commits; n++, next += r->pace_ns) {
        pause_until(next);
        int64_t start = k2_monotonic_ns();
        k2_buf_put(journal_record_begin(j, 0, 0, K2_SV("ASX.BHP")), &n, sizeof n);
        (void)journal_record_end(j, n);
        check(journal_commit(j, &err), &err);
        int64_t now = k2_monotonic_ns();
        atomic_store(&r->board->told[n], now);
        k2_hist_record(commits, (uint64_t)(now - start));
    }
    journal_close(j);
}

static void make_journal(const char *dir) {
    const struct journal_options o = {.partitions = 1};
    struct k2_err err;
    struct journal *j;
    struct journal_topic t;
    check(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    check(journal_topic(j, K2_SV("bench"), true, &t, &err), &err);
    journal_close(j);
}

/* --- the limit --- */

static void sleep_on_pipe(const struct run *r, int self, int in) {
    char byte;
    atomic_fetch_add(&r->board->ready, 1);
    for (int64_t n = 0; n < r->commits && read(in, &byte, 1) == 1; n++)
        r->seen[self * r->commits + n] = k2_monotonic_ns();
    _exit(0);
}

static void ring(const struct run *r, const int *out) {
    while (atomic_load(&r->board->ready) < r->followers)
        pause_until(k2_monotonic_ns() + K2_NS_PER_MS);
    int64_t next = k2_monotonic_ns();
    for (int64_t n = 0; n < r->commits; n++, next += r->pace_ns) {
        pause_until(next);
        atomic_store(&r->board->told[n], k2_monotonic_ns());
        for (int i = 0; i < r->followers; i++)
            if (write(out[i], "x", 1) != 1)
                abort();
    }
}

/* --- figures --- */

/* A follower may have the record before journal_commit has returned: that is no time at all. */
static void gather(const struct run *r, struct k2_hist *wakes) {
    for (int64_t i = 0; i < r->followers * r->commits; i++) {
        int64_t took = r->seen[i] - atomic_load(&r->board->told[i % r->commits]);
        k2_hist_record(wakes, (uint64_t)(took > 0 ? took : 0));
    }
}

static double us(const struct k2_hist *h, double q) {
    return (double)k2_hist_quantile(h, q) / 1000;
}

static void print(const char *what, const struct k2_hist *h) {
    printf("%-34s p50 %8.1f us   p99 %8.1f us   p99.9 %8.1f us\n", what, us(h, 0.5), us(h, 0.99),
           us(h, 0.999));
}

static void wait_all(const pid_t *pids, int n) {
    for (int i = 0; i < n; i++) {
        int status;
        if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
            exit(1);
    }
}

static void run_journal(struct run *r, struct k2_hist *commits, struct k2_hist *wakes) {
    pid_t pids[MOST_FOLLOWERS];
    atomic_store(&r->board->ready, 0);
    make_journal(r->dir);
    for (int i = 0; i < r->followers; i++)
        if ((pids[i] = fork()) == 0)
            follow(r, i);
    append(r, commits);
    wait_all(pids, r->followers);
    gather(r, wakes);
}

static void run_pipes(struct run *r, struct k2_hist *wakes) {
    pid_t pids[MOST_FOLLOWERS];
    int out[MOST_FOLLOWERS], ends[2];
    atomic_store(&r->board->ready, 0);
    for (int i = 0; i < r->followers; i++) {
        if (pipe(ends) != 0)
            abort();
        out[i] = ends[1];
        if ((pids[i] = fork()) == 0)
            sleep_on_pipe(r, i, ends[0]);
    }
    ring(r, out);
    wait_all(pids, r->followers);
    gather(r, wakes);
}

static int64_t number(int argc, char **argv, int at, int64_t otherwise, int64_t most) {
    int64_t n = argc > at ? strtoll(argv[at], NULL, 10) : otherwise;
    return n < 1 || n > most ? otherwise : n;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: follow DIRECTORY [followers] [commits] [pace in microseconds]\n");
        return 2;
    }
    struct run r = {.dir = argv[1],
                    .followers = (int)number(argc, argv, 2, 4, MOST_FOLLOWERS),
                    .commits = number(argc, argv, 3, 2000, 10000000),
                    .pace_ns = number(argc, argv, 4, 1000, 10000000) * K2_NS_PER_US};
    r.board = shared(sizeof *r.board + (size_t)r.commits * sizeof(int64_t));
    r.seen = shared((size_t)r.followers * (size_t)r.commits * sizeof(int64_t));
    struct k2_hist *commits = k2_zalloc(sizeof *commits), *wakes = k2_zalloc(sizeof *wakes),
                   *pipes = k2_zalloc(sizeof *pipes);
    run_journal(&r, commits, wakes);
    run_pipes(&r, pipes);
    print("journal_commit", commits);
    print("durable to the followers' hands", wakes);
    print("limit: a byte through a pipe", pipes);
    free(commits);
    free(wakes);
    free(pipes);
    return 0;
}
