/* verb/doctor_host.c - the checks that need no data: configuration, limits, clock, zones, library. */
#include "verb/config_check.h"
#include "verb/doctor.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timex.h>

#define OPEN_FILES_LEAST 256
#define CLOCK_LEAST INT64_C(1735689600) /* 2025: nothing of ours was built before */

/* --- configuration --- */

struct unknown {
    struct doctor *d;
    int count;
};

static void on_unknown(void *ctx, const char *name, const char *nearest) {
    struct unknown *u = ctx;
    char text[256];
    snprintf(text, sizeof text, "environment variable %.64s is not known%s%s%s", name,
             nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    doctor_bad(u->d, "configuration", text,
               "correct it or unset it; k2 config show lists the names");
    u->count++;
}

static void on_error(void *ctx, const char *text) {
    doctor_bad(ctx, "configuration", text, "mend that key, then k2 config check");
}

static void check_config(struct doctor *d) {
    struct k2_err why = {0};
    struct unknown unknown = {d, 0};
    int errors = 0;
    if (config_check_load(d->c, on_error, d, &d->c->config, &errors, &why) != K2_OK) {
        on_error(d, why.msg);
        return;
    }
    (void)!verb_use(d->c->config, NULL); /* told above */
    int set = 0, n = k2_config_entry_count(d->c->config);
    for (int i = 0; i < n; i++)
        set += strcmp(k2_config_entry(d->c->config, i).origin, "default") != 0;
    k2_config_unknown_variables(on_unknown, &unknown);
    if (unknown.count == 0 && errors == 0)
        doctor_good(d, "configuration", "%d keys, %d of them set", n, set);
}

/* --- the process --- */

static void check_open_files(struct doctor *d) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur >= OPEN_FILES_LEAST) {
        doctor_good(d, "open files", "%lld allowed", (long long)limit.rlim_cur);
        return;
    }
    char text[96];
    snprintf(text, sizeof text, "only %lld open files are allowed", (long long)limit.rlim_cur);
    doctor_bad(d, "open files", text, "ulimit -n 1024");
}

static void check_clock(struct doctor *d) {
    struct timex t = {0};
    int state = adjtimex(&t);
    if (d->c->now_ns < CLOCK_LEAST * K2_NS_PER_SEC) {
        char now[K2_TIME_TEXT], text[96];
        (void)k2_time_format(d->c->now_ns, now);
        snprintf(text, sizeof text, "it says %s", now);
        doctor_bad(d, "clock", text, "set the clock; run a time service (chrony, ntpd)");
        return;
    }
    doctor_good(d, "clock", "%s",
                state < 0 || state == TIME_ERROR
                    ? "plausible; the kernel does not say that it is synchronised"
                    : "plausible and synchronised");
}

/* Every exchange that the feeds know and whose calendar needs a zone. */
static void check_zones(struct doctor *d) {
    static const char *const exchanges[] = {"ASX", "BINANCE"};
    struct k2_err why = {0};
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        const struct feed_calendar *calendar;
        if (feed_calendar_find(k2_sv_of(exchanges[i]), NULL, &calendar, &why) != K2_OK) {
            doctor_bad(d, "time zones", why.msg, "install the system's time zone data (tzdata)");
            return;
        }
    }
    char calendars[17], release[32];
    feed_calendars_version(calendars);
    k2_zone_release(release, sizeof release);
    doctor_good(d, "time zones", "release %s; calendars %s", release, calendars);
}

static void check_library(struct doctor *d) {
    char version[64];
    struct k2_err why = {0};
    if (query_library(version, sizeof version, &why) == K2_OK)
        doctor_good(d, "SQL engine", "DuckDB %s", version);
    else
        doctor_bad(d, "SQL engine", why.msg, "set K2_DUCKDB to libduckdb.so of version 1.5");
}

void doctor_check_host(struct doctor *d) {
    check_config(d);
    check_open_files(d);
    check_clock(d);
    check_zones(d);
    check_library(d);
}
