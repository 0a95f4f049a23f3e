/* base/process.c - the metrics of the process itself, from /proc; see metrics.h. */
#include "base/metrics.h"

#include "base/build.h"
#include "base/clock.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Fields of /proc/self/stat, counted from 1 as proc(5) does. */
enum { FIELD_THREADS = 20, FIELD_START = 22, FIELD_VSIZE = 23, FIELD_RSS = 24 };

static void set(enum k2_metric m, int64_t value) {
    k2_metric_set(k2_metric(m, NULL), value);
}

static int64_t ns_of(struct timeval t) {
    return (int64_t)t.tv_sec * K2_NS_PER_SEC + (int64_t)t.tv_usec * K2_NS_PER_US;
}

static void set_cpu(void) {
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) == 0)
        set(K2_METRIC_process_cpu_seconds, ns_of(u.ru_utime) + ns_of(u.ru_stime));
}

static void set_fds(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT64_MAX)
        set(K2_METRIC_process_max_fds, (int64_t)limit.rlim_cur);
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return;
    int64_t n = -3; /* ".", ".." and the descriptor of this listing */
    while (readdir(dir))
        n++;
    closedir(dir);
    set(K2_METRIC_process_open_fds, n);
}

static size_t read_text(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(out, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    out[n] = 0;
    return n;
}

/* Wall clock of the machine's start, from the line "btime N" of /proc/stat; 0 = not known. */
static int64_t boot_seconds(void) {
    FILE *file = fopen("/proc/stat", "re");
    char line[256];
    long long at = 0;
    while (file && at == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "btime ", 6) == 0)
            at = strtoll(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return at;
}

static void set_field(int field, int64_t value) {
    int64_t ticks = sysconf(_SC_CLK_TCK), boot;
    switch (field) {
    case FIELD_THREADS:
        set(K2_METRIC_process_threads, value);
        return;
    case FIELD_VSIZE:
        set(K2_METRIC_process_virtual_memory_bytes, value);
        return;
    case FIELD_RSS:
        set(K2_METRIC_process_resident_memory_bytes, value * sysconf(_SC_PAGESIZE));
        return;
    case FIELD_START:
        boot = boot_seconds();
        if (boot > 0 && ticks > 0)
            set(K2_METRIC_process_start_time_seconds, boot * K2_NS_PER_SEC +
                                                          value / ticks * K2_NS_PER_SEC +
                                                          value % ticks * (K2_NS_PER_SEC / ticks));
    }
}

/* "pid (any name) S ppid ...": the name may hold anything, so what counts begins at the last ')'. */
static void set_stat(void) {
    char text[1024];
    read_text("/proc/self/stat", text, sizeof text);
    const char *end = strrchr(text, ')');
    if (!end)
        return;
    struct k2_sv rest = k2_sv_of(end + 1);
    k2_sv_take(&rest, ' ');
    for (int field = 3; rest.n; field++) {
        int64_t value;
        if (k2_sv_i64(k2_sv_split(&rest, ' '), &value))
            set_field(field, value);
    }
}

void k2_process_metrics(void) {
    k2_metric(K2_METRIC_build, k2_build_version(), k2_build_revision(), __VERSION__, NULL);
    set_cpu();
    set_fds();
    set_stat();
}
