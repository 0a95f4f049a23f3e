/* bench/append.c - durable append beside its limit.
 *
 * The journal gathers blocks of records over three partitions and commits each (journal_commit: written and
 * synced before it returns). The limit is a bare loop of pwrite and fdatasync of blocks of the same size into
 * a growing file, which is the journal's file strategy. Both are run in turn, several rounds; the ratio is
 * of medians. Latencies are of one commit: from the call to durable.
 *
 * Usage: append DIRECTORY [block bytes, default 262144] [blocks a round, default 400] [rounds, default 5]
 */
#include "base/clock.h"
#include "base/hist.h"
#include "journal/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { VALUE = 120, PARTITIONS = 3, MOST_ROUNDS = 64 };

struct round {
    int64_t wall_ns, cpu_ns, bytes, records;
    uint64_t p50, p99;
};

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "append: %s\n", err->msg);
    exit(1);
}

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

static void gather_block(struct journal *j, int32_t topic, size_t block, int64_t *records) {
    static const char value[VALUE] = "a record of the usual size, whose content does not matter";
    for (int32_t p = 0; journal_pending_bytes(j) < block; p = (p + 1) % PARTITIONS, ++*records) {
        struct k2_buf *out = journal_record_begin(j, topic, p, K2_SV("ASX.BHP"));
        k2_buf_put(out, value, sizeof value);
        journal_record_end(j, *records);
    }
}

static struct round run_journal(const char *dir, size_t block, int blocks) {
    struct k2_err err;
    struct journal *j;
    struct journal_topic t;
    struct k2_hist *h = k2_zalloc(sizeof *h);
    struct round r = {0};
    check(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    check(journal_topic(j, K2_SV("bench"), true, &t, &err), &err);
    int64_t cpu = cpu_ns();
    for (int i = 0; i < blocks; i++) {
        int64_t start = k2_monotonic_ns();
        gather_block(j, t.id, block, &r.records);
        r.bytes += (int64_t)journal_pending_bytes(j);
        int64_t commit = k2_monotonic_ns();
        check(journal_commit(j, &err), &err);
        int64_t now = k2_monotonic_ns();
        k2_hist_record(h, (uint64_t)(now - commit));
        r.wall_ns += now - start;
    }
    r.cpu_ns = cpu_ns() - cpu;
    r.p50 = k2_hist_quantile(h, 0.5);
    r.p99 = k2_hist_quantile(h, 0.99);
    journal_close(j);
    free(h);
    return r;
}

static struct round run_bare(const char *dir, size_t block, int blocks) {
    char path[4096];
    snprintf(path, sizeof path, "%s/bare", dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    char *bytes = k2_alloc(block);
    memset(bytes, 'x', block);
    struct k2_hist *h = k2_zalloc(sizeof *h);
    struct round r = {0};
    int64_t cpu = cpu_ns();
    for (int i = 0; i < blocks; i++) {
        int64_t start = k2_monotonic_ns();
        if (pwrite(fd, bytes, block, r.bytes) != (ssize_t)block || fdatasync(fd) != 0) {
            perror(path);
            exit(1);
        }
        int64_t took = k2_monotonic_ns() - start;
        k2_hist_record(h, (uint64_t)took);
        r.bytes += (int64_t)block;
        r.wall_ns += took;
    }
    r.cpu_ns = cpu_ns() - cpu;
    r.p50 = k2_hist_quantile(h, 0.5);
    r.p99 = k2_hist_quantile(h, 0.99);
    close(fd);
    unlink(path);
    free(bytes);
    free(h);
    return r;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t *v, int n) {
    qsort(v, (size_t)n, sizeof *v, compare);
    return v[n / 2];
}

struct medians {
    int64_t mb_s, p50_us, p99_us, cpu_ms;
};

static struct medians medians_of(const struct round *r, int n) {
    int64_t rate[MOST_ROUNDS], p50[MOST_ROUNDS], p99[MOST_ROUNDS], cpu[MOST_ROUNDS];
    for (int i = 0; i < n; i++) {
        rate[i] = r[i].bytes * 1000 / (r[i].wall_ns / 1000000 + 1) / 1000000;
        p50[i] = (int64_t)r[i].p50 / 1000;
        p99[i] = (int64_t)r[i].p99 / 1000;
        cpu[i] = r[i].cpu_ns / 1000000;
    }
    return (struct medians){median(rate, n), median(p50, n), median(p99, n), median(cpu, n)};
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: append DIRECTORY [block bytes] [blocks] [rounds]\n");
        return 2;
    }
    size_t block = argc > 2 ? (size_t)atoll(argv[2]) : 262144;
    int blocks = argc > 3 ? atoi(argv[3]) : 400, rounds = argc > 4 ? atoi(argv[4]) : 5;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        rounds = 5;
    struct round ours[MOST_ROUNDS], bare[MOST_ROUNDS];
    for (int i = 0; i < rounds; i++) {
        ours[i] = run_journal(argv[1], block, blocks);
        bare[i] = run_bare(argv[1], block, blocks);
    }
    struct medians m = medians_of(ours, rounds), b = medians_of(bare, rounds);
    printf("{\"stage\":\"durable_append\",\"block\":%zu,\"journal_mb_s\":%lld,\"bare_mb_s\":%lld,"
           "\"ratio_percent\":%lld,\"journal_p50_us\":%lld,\"bare_p50_us\":%lld,"
           "\"journal_p99_us\":%lld,\"bare_p99_us\":%lld,\"p99_ratio_percent\":%lld,"
           "\"journal_cpu_ms\":%lld,\"bare_cpu_ms\":%lld,\"records_per_s\":%lld}\n",
           block, (long long)m.mb_s, (long long)b.mb_s, (long long)(m.mb_s * 100 / (b.mb_s + 1)),
           (long long)m.p50_us, (long long)b.p50_us, (long long)m.p99_us, (long long)b.p99_us,
           (long long)(m.p99_us * 100 / (b.p99_us + 1)), (long long)m.cpu_ms, (long long)b.cpu_ms,
           (long long)(ours[0].records * 1000 / (ours[0].wall_ns / 1000000 + 1)));
    return 0;
}
