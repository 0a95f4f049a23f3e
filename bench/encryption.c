/* bench/encryption.c - what encrypting the journal costs: the same records appended and read, in the clear and encrypted,
 * in turn.
 *
 * append: blocks of 256 KB over three partitions, each written, and one sync at the end, so that the disk's part is small.
 * commit: the same with a sync for each block. read: all of it through journal_next, from the page cache. cpu: of the
 * process, nanoseconds for each KB. Medians over the rounds.
 *
 * Usage: encryption DIRECTORY [megabytes a round, default 256] [rounds, default 5]
 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "journal/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { VALUE = 120, PARTITIONS = 3, BLOCK = 262144, MOST = 64 };

struct figures {
    int64_t append_mb_s, append_cpu, commit_mb_s, read_mb_s, read_cpu;
};

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "encryption: %s\n", err->msg);
    exit(1);
}

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

static int64_t mb_s(int64_t bytes, int64_t ns) {
    return bytes * 1000 / (ns / 1000 + 1) / 1000;
}

static struct journal *open_journal(const char *dir, enum journal_mode mode, int32_t *topic) {
    struct journal *j;
    struct journal_topic t;
    struct k2_err err;
    check(journal_open(dir, mode, NULL, &j, &err), &err);
    check(journal_topic(j, K2_SV("bench"), mode == JOURNAL_WRITE, &t, &err), &err);
    *topic = t.id;
    return j;
}

static void gather(struct journal *j, int32_t topic) {
    static const char value[VALUE] = "a record of the usual size, whose content does not matter";
    for (int32_t p = 0; journal_pending_bytes(j) < BLOCK; p = (p + 1) % PARTITIONS) {
        struct k2_buf *out = journal_record_begin(j, topic, p, K2_SV("ASX.BHP"));
        k2_buf_put(out, value, sizeof value);
        journal_record_end(j, 1);
    }
}

/* Gives the nanoseconds it took, and the processor's in *cpu. */
static int64_t append(const char *dir, int64_t bytes, bool sync_each, int64_t *cpu) {
    struct k2_err err;
    int32_t topic;
    struct journal *j = open_journal(dir, JOURNAL_WRITE, &topic);
    int64_t start = k2_monotonic_ns(), used = cpu_ns();
    for (int64_t done = 0; done < bytes; done += BLOCK) {
        gather(j, topic);
        check(sync_each ? journal_commit(j, &err) : journal_write(j, NULL, &err), &err);
    }
    check(journal_commit(j, &err), &err);
    int64_t took = k2_monotonic_ns() - start;
    *cpu = cpu_ns() - used;
    journal_close(j);
    return took;
}

static int64_t read_all(const char *dir, int64_t *cpu) {
    struct k2_err err;
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_span spans[PARTITIONS];
    int32_t topic;
    int rc;
    struct journal *j = open_journal(dir, JOURNAL_READ, &topic);
    for (int32_t p = 0; p < PARTITIONS; p++)
        spans[p] = (struct journal_span){topic, p, 0, INT64_MAX};
    int64_t start = k2_monotonic_ns(), used = cpu_ns();
    check(journal_read(j, spans, PARTITIONS, &r, &err), &err);
    do
        rc = journal_next(r, &b, &err);
    while (rc == 1);
    check(rc, &err);
    int64_t took = k2_monotonic_ns() - start;
    *cpu = cpu_ns() - used;
    journal_reader_close(r);
    journal_close(j);
    return took;
}

static void remove_all(const char *dir) {
    char **names;
    size_t n;
    struct k2_err err;
    check(k2_fs_list(dir, &names, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        char *path = k2_path(dir, names[i]);
        if (k2_fs_is_directory(path))
            remove_all(path);
        else
            check(k2_fs_unlink(path, &err), &err);
        free(path);
    }
    k2_fs_names_free(names, n);
    if (rmdir(dir) != 0) {
        perror(dir);
        exit(1);
    }
}

static struct figures run(const char *root, bool encrypted, int64_t bytes) {
    struct k2_err err;
    struct figures f;
    char dir[4096];
    int64_t cpu;
    snprintf(dir, sizeof dir, "%s/journal_bench", root);
    check(journal_use_keys(encrypted ? KEY : "", "", &err), &err);
    f.append_mb_s = mb_s(bytes, append(dir, bytes, false, &cpu));
    f.append_cpu = cpu * 1024 / bytes;
    f.read_mb_s = mb_s(bytes, read_all(dir, &cpu));
    f.read_cpu = cpu * 1024 / bytes;
    remove_all(dir);
    f.commit_mb_s = mb_s(bytes / 4, append(dir, bytes / 4, true, &cpu));
    remove_all(dir);
    return f;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static long long median(const struct figures *f, int n, size_t at) {
    int64_t v[MOST];
    for (int i = 0; i < n; i++)
        memcpy(&v[i], (const char *)&f[i] + at, sizeof v[i]);
    qsort(v, (size_t)n, sizeof *v, compare);
    return v[n / 2];
}

static void print(const char *name, const struct figures *f, int n) {
    printf("{\"stage\":\"encryption\",\"journal\":\"%s\",\"append_mb_s\":%lld,"
           "\"append_cpu_ns_kb\":%lld,\"commit_mb_s\":%lld,\"read_mb_s\":%lld,"
           "\"read_cpu_ns_kb\":%lld}\n",
           name, median(f, n, offsetof(struct figures, append_mb_s)),
           median(f, n, offsetof(struct figures, append_cpu)),
           median(f, n, offsetof(struct figures, commit_mb_s)),
           median(f, n, offsetof(struct figures, read_mb_s)),
           median(f, n, offsetof(struct figures, read_cpu)));
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: encryption DIRECTORY [megabytes a round] [rounds]\n");
        return 2;
    }
    k2_log_setup(K2_LOG_WARN, false);
    int64_t bytes = (argc > 2 ? atoll(argv[2]) : 256) << 20;
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    if (rounds < 1 || rounds > MOST)
        rounds = 5;
    struct figures plain[MOST], encrypted[MOST];
    for (int i = 0; i < rounds; i++) {
        plain[i] = run(argv[1], false, bytes);
        encrypted[i] = run(argv[1], true, bytes);
    }
    print("in the clear", plain, rounds);
    print("encrypted", encrypted, rounds);
    return 0;
}
