/* verb/doctor_data.c - the checks of the data directory, and the one thing that is mended. */
#include "verb/doctor.h"

#include "base/datadir.h"
#include "base/fs.h"
#include "base/store.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MOVED "moved directory"
#define SPACE_SEGMENTS 4                       /* room for so many segments is asked for */
#define AHEAD_NS (INT64_C(60) * K2_NS_PER_SEC) /* that the journal may be ahead of the clock */
#define LAG_INTERVALS 10 /* of sink.interval, until waiting rows are a finding */

static int64_t config_of(const struct doctor *d, enum k2_config_key key, int64_t otherwise) {
    return d->c->config ? k2_config_int(d->c->config, key) : otherwise;
}

/* --- the directory --- */

static void check_access(struct doctor *d) {
    static const char *const names[] = {".", "journal", "warehouse", "run", "catalog.db"};
    int found = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = k2_path(d->c->data, names[i]);
        if (access(path, F_OK) == 0 && access(path, R_OK | W_OK) != 0) {
            char text[512];
            snprintf(text, sizeof text, "%s: %s", path, strerror(errno));
            doctor_bad(d, "permissions", text,
                       "run as its owner, or chown it; reading alone works too");
            found++;
        }
        free(path);
    }
    if (found == 0)
        doctor_good(d, "permissions", "%s can be read and written", d->c->data);
}

static void check_space(struct doctor *d) {
    struct statvfs fs;
    char a[HUMAN_TEXT], b[HUMAN_TEXT], text[160];
    if (statvfs(d->c->data, &fs) != 0)
        return;
    int64_t room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    int64_t want =
        SPACE_SEGMENTS * config_of(d, K2_CONFIG_journal_segment_bytes, INT64_C(256) << 20);
    if (room < want) {
        snprintf(text, sizeof text, "%s are free, and %d segments of the journal take %s",
                 human_bytes(room, a), SPACE_SEGMENTS, human_bytes(want, b));
        doctor_bad(d, "space", text, "make room: k2 maintain removes what the tables hold");
    } else if (fs.f_files > 0 && fs.f_favail < 1000) {
        snprintf(text, sizeof text, "only %lld more files can be made", (long long)fs.f_favail);
        doctor_bad(d, "space", text, "remove files from that file system");
    } else {
        doctor_good(d, "space", "%s are free", human_bytes(room, a));
    }
}

static bool check_format(struct doctor *d) {
    struct k2_err why = {0};
    int rc = k2_datadir_check(d->c->data, &why);
    if (rc == K2_OK)
        doctor_good(d, "format", "version %d", K2_DATADIR_FORMAT);
    else
        doctor_bad(d, "format", why.msg,
                   rc == K2_E_VERSION ? "use the k2 that wrote it, or a newer one"
                                      : "restore the directory from a backup");
    return rc == K2_OK;
}

/* The text of a lock names who took it last; a clean end empties it. */
static void check_lock(struct doctor *d, const char *name) {
    struct k2_buf text = {0};
    char *run = k2_path(d->c->data, "run"), *path = k2_path(run, name);
    int pid = 0;
    if (k2_fs_read(path, &text, NULL) == K2_OK && sscanf(k2_buf_cstr(&text), "pid %d", &pid) == 1) {
        struct k2_sv who = k2_sv_trim(k2_buf_view(&text));
        bool alive = pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
        doctor_good(d, "locks", alive ? "%s: held by %.*s" : "%s: left by %.*s, blocks nobody",
                    name, K2_SV_ARG(who));
    }
    k2_buf_free(&text);
    free(path);
    free(run);
}

static void check_locks(struct doctor *d) {
    char *run = k2_path(d->c->data, "run"), **names;
    size_t n;
    if (k2_fs_list(run, &names, &n, NULL) == K2_OK) {
        for (size_t i = 0; i < n; i++)
            if (k2_sv_ends(k2_sv_of(names[i]), K2_SV(".lock")))
                check_lock(d, names[i]);
        k2_fs_names_free(names, n);
    }
    free(run);
}

/* --- the journal --- */

static void check_journal_clock(struct doctor *d, int64_t last_ns) {
    char text[160], last[K2_TIME_TEXT];
    if (last_ns <= d->c->now_ns + AHEAD_NS)
        return;
    (void)k2_time_format(last_ns, last);
    snprintf(text, sizeof text, "the journal's last records are of %s, which is still to come",
             last);
    doctor_bad(d, "clock", text, "set the clock; append times stay at that value until then");
}

static int64_t last_append(struct journal *j) {
    struct journal_segment_info s;
    for (int i = journal_segment_count(j); i-- > 0;)
        if (journal_segment(j, i, &s, NULL) == K2_OK && s.span_count > 0)
            return s.last_append_ns;
    return 0;
}

static void describe_journal(struct doctor *d, struct journal *j, int64_t last_ns) {
    char time[K2_TIME_TEXT] = "never";
    if (last_ns > 0)
        (void)k2_time_format(last_ns, time);
    int topics = journal_topic_count(j), segments = journal_segment_count(j);
    doctor_good(d, "journal", "%d %s, %d %s, %d removed; last append %s", topics,
                human_word(topics, "topic", "topics"), segments,
                human_word(segments, "segment", "segments"), journal_removed_count(j), time);
}

static void find_encrypted(void *ctx, const struct journal_encryption *e) {
    bool *any = ctx;
    *any |= e->key[0] != 0;
}

static void tell_encryption(void *ctx, const struct journal_encryption *e) {
    struct doctor *d = ctx;
    char text[160], bytes[HUMAN_TEXT];
    (void)human_bytes(e->bytes, bytes);
    if (!e->key[0]) {
        doctor_good(d, "encryption", "%d %s (%s) in the clear", e->segments,
                    human_word(e->segments, "segment", "segments"), bytes);
        return;
    }
    snprintf(text, sizeof text, "%d %s (%s) encrypted with key %s", e->segments,
             human_word(e->segments, "segment", "segments"), bytes, e->key);
    if (e->given)
        doctor_good(d, "encryption", "%s", text);
    else
        doctor_bad(d, "encryption", text,
                   "that key was not given: set journal.encryption_key, or add it to "
                   "journal.encryption_old_keys");
}

/* Says nothing where nobody asked for it. */
static void check_encryption(struct doctor *d, struct journal *j) {
    bool any = k2_config_string(d->c->config, K2_CONFIG_journal_encryption_key)[0] != 0;
    (void)!journal_encryption(j, find_encrypted, &any, NULL); /* it could be read just now */
    if (any)
        (void)!journal_encryption(j, tell_encryption, d, NULL);
}

/* Live sources that were killed and not started again. */
static void check_groups(struct doctor *d, struct journal *j) {
    char **names, text[320], since[K2_TIME_TEXT], until[K2_TIME_TEXT];
    size_t n;
    if (journal_groups(j, &names, &n, NULL) != K2_OK)
        return; /* k2 group list tells why */
    for (size_t i = 0; i < n; i++) {
        int64_t left = journal_group_left_ns(j, names[i], d->c->now_ns);
        if (left == 0)
            continue;
        k2_time_format(left, since);
        k2_time_format(left + JOURNAL_LIVE_GROUP_HOLDS, until);
        snprintf(text, sizeof text,
                 "%.80s: its source is not at work since %.19s; retention keeps what it has not "
                 "read until %.10s",
                 names[i], since, until);
        doctor_bad(d, "groups", text, "start the source again, or k2 group remove");
    }
    k2_fs_names_free(names, n);
}

static const char *tier_url(const struct doctor *d) {
    return d->c->config ? k2_config_string(d->c->config, K2_CONFIG_journal_tier_url) : "";
}

/* The store of the notes, or as the configuration says where it was moved to, as for who reads. */
static int open_store(const struct doctor *d, char *url, size_t room, struct k2_err *err) {
    struct k2_store *store;
    const char *now = tier_url(d);
    int rc = k2_store_open(url, false, &store, err);
    if (rc != K2_OK && now[0] && strcmp(now, url) != 0 &&
        k2_store_open(now, false, &store, NULL) == K2_OK) {
        snprintf(url, room, "%s", now);
        rc = K2_OK;
    }
    if (rc == K2_OK)
        k2_store_close(store);
    return rc;
}

static void check_tier_url(struct doctor *d) {
    struct k2_err why = {0};
    const char *url = tier_url(d);
    if (!url[0] || k2_store_outside(url, d->c->data, &why) != K2_E_INVALID)
        return;
    (void)k2_err_context(&why, why.status, "journal.tier_url");
    doctor_bad(d, "tier", why.msg, "make a directory elsewhere, and name it in journal.tier_url");
}

static void check_foreign(struct doctor *d, const struct journal_places *p) {
    char text[256];
    if (p->foreign_segments == 0)
        return;
    snprintf(text, sizeof text,
             "%" PRId64 " segments are in the store only as objects of the directory that this one "
             "was copied from, whose retention removes them",
             p->foreign_segments);
    doctor_bad(d, "tier", text,
               "k2 maintain with journal.tier_url puts its own there; k2 backup holds all, too");
}

/* Segments in an object store are no use while it is away. */
static void check_places(struct doctor *d, struct journal *j) {
    struct journal_places p;
    struct k2_err why = {0};
    char local[HUMAN_TEXT], tiered[HUMAN_TEXT];
    check_tier_url(d);
    if (journal_places(j, &p, &why) != K2_OK) {
        doctor_bad(d, "tier", why.msg, "k2 verify tells more");
        return;
    }
    if (p.tiered_segments == 0)
        return;
    check_foreign(d, &p);
    if (open_store(d, p.url, sizeof p.url, &why) != K2_OK) {
        doctor_bad(d, "tier", why.msg,
                   "bring the store back: its segments cannot be read until then");
        return;
    }
    doctor_good(d, "tier", "%s of the journal are here, %s in %s",
                human_bytes(p.local_bytes, local), human_bytes(p.tiered_bytes, tiered), p.url);
}

/* Gives the time of the last append; 0 = none. */
static int64_t check_journal(struct doctor *d) {
    struct journal *j;
    struct k2_err why = {0};
    int rc = journal_open(d->c->data, JOURNAL_READ, NULL, &j, &why);
    if (rc == K2_E_NOTFOUND) {
        doctor_good(d, "journal", "nothing was ingested yet");
        return 0;
    }
    if (rc != K2_OK) {
        doctor_bad(d, "journal", why.msg,
                   journal_is_local()
                       ? "k2 verify tells more; restore it from a backup"
                       : "start the brokers, or correct journal.url (docs/kafka.md)");
        return 0;
    }
    int64_t last = last_append(j);
    describe_journal(d, j, last);
    check_journal_clock(d, last);
    check_groups(d, j);
    check_places(d, j);
    check_encryption(d, j);
    journal_close(j);
    return last;
}

/* --- the tables --- */

struct moved {
    struct doctor *d;
    const char *state; /* NULL: only count */
    int tables;
    char from[512];
};

static void on_moved(void *ctx, const char *table, const char *from) {
    struct moved *m = ctx;
    char text[640];
    m->tables++;
    snprintf(m->from, sizeof m->from, "%s", from);
    if (!m->state)
        return;
    snprintf(text, sizeof text, "table %s: from %s", table, from);
    doctor_act(m->d, MOVED, m->state, text);
}

/* A directory without tables, or one whose catalog cannot be read, has no moved ones. */
static int count_moved(struct doctor *d, struct moved *m) {
    struct lake_relocation r;
    const struct lake_relocate_options o = {.dry_run = true, .table = on_moved, .ctx = m};
    *m = (struct moved){.d = d};
    return lake_relocate(d->c->data, &o, &r, NULL) == K2_OK ? m->tables : 0;
}

static void check_moved(struct doctor *d) {
    struct moved m;
    char text[640];
    if (count_moved(d, &m) == 0) {
        doctor_good(d, MOVED, "the tables are where they were written");
        return;
    }
    d->moved = true;
    snprintf(text, sizeof text, "%d tables name files in %s: it was copied or moved", m.tables,
             m.from);
    doctor_bad(d, MOVED, text, "k2 doctor --fix");
}

static void on_page(void *ctx, const char *text) {
    doctor_bad(ctx, "catalog", text, "restore catalog.db from a backup");
}

/* That what the current snapshot names is there, by name and size. */
static bool check_files(struct doctor *d, const char *name, const struct lake_table *t) {
    struct lake_plan plan;
    struct k2_err why = {0};
    char text[640], path[400] = "";
    int bad = 0;
    if (lake_table_info(t).current_snapshot == 0)
        return true;
    if (lake_plan(t, 0, NULL, 0, &plan, &why) != K2_OK) {
        doctor_bad(d, "tables", why.msg, "k2 verify tells more; restore it from a backup");
        return false;
    }
    for (int i = 0; i < plan.file_count; i++) {
        const struct lake_file *f = &plan.files[i];
        if (k2_fs_size(f->path) != f->bytes && bad++ == 0)
            snprintf(path, sizeof path, "%.*s", (int)sizeof path - 1, f->path);
    }
    if (bad > 0) {
        snprintf(text, sizeof text,
                 "table %.60s: %d of %d data files are missing or of another size, the first: %s",
                 name, bad, plan.file_count, path);
        doctor_bad(d, "tables", text, "k2 verify names them all; restore them from a backup");
    }
    lake_plan_free(&plan);
    return bad == 0;
}

static void check_tables(struct doctor *d, struct lake *l) {
    char **names;
    size_t n, good = 0;
    struct k2_err why = {0};
    if (lake_table_names(l, &names, &n, &why) != K2_OK) {
        doctor_bad(d, "tables", why.msg, "k2 verify tells more");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct lake_table *t;
        if (lake_table_load(l, k2_sv_of(names[i]), &t, &why) != K2_OK) {
            doctor_bad(d, "tables", why.msg, "k2 verify tells more; restore it from a backup");
            continue;
        }
        good += check_files(d, names[i], t);
        lake_table_free(t);
    }
    k2_fs_names_free(names, n);
    if (good == n)
        doctor_good(d, "tables", "%zu %s can be opened, and their files are there", n,
                    human_word((int64_t)n, "table", "tables"));
}

/* True when there are tables that can be asked. */
static bool check_lake(struct doctor *d) {
    struct lake *l;
    struct k2_err why = {0};
    int before = d->findings, rc = lake_open(d->c->data, false, &l, &why);
    if (rc == K2_E_NOTFOUND) {
        doctor_good(d, "catalog", "there are no tables yet");
        return true;
    }
    if (rc != K2_OK) {
        doctor_bad(d, "catalog", why.msg, "k2 verify tells more; restore it from a backup");
        return false;
    }
    if (lake_catalog_verify(l, on_page, d, &why) != K2_OK)
        doctor_bad(d, "catalog", why.msg, "restore catalog.db from a backup");
    else if (d->findings == before)
        doctor_good(d, "catalog", "every page is as it should be");
    check_tables(d, l);
    lake_close(l);
    return d->findings == before;
}

static void check_lag(struct doctor *d, int64_t last_append_ns) {
    struct query_lag lag[K2_KIND_COUNT];
    struct k2_err why = {0};
    int n = 0;
    int64_t rows = 0;
    char count[HUMAN_TEXT], span[HUMAN_TEXT], text[160];
    if (query_lag(d->c->data, lag, K2_KIND_COUNT, &n, &why) != K2_OK) {
        doctor_bad(d, "lag", why.msg, "k2 verify tells more");
        return;
    }
    for (int i = 0; i < n; i++)
        rows += lag[i].rows;
    int64_t age = d->c->now_ns - last_append_ns;
    if (rows == 0 ||
        age < LAG_INTERVALS * config_of(d, K2_CONFIG_sink_interval, 60 * K2_NS_PER_SEC)) {
        doctor_good(d, "lag", "%s rows are not yet in the tables", human_count(rows, count));
        return;
    }
    snprintf(text, sizeof text, "%s rows are not in the tables, the last for %s",
             human_count(rows, count), human_span(age, span));
    doctor_bad(d, "lag", text, "k2 sink --once, or let k2 sink run");
}

void doctor_check_data(struct doctor *d) {
    check_access(d);
    check_space(d);
    if (!check_format(d))
        return;
    check_locks(d);
    int64_t last = check_journal(d);
    check_moved(d);
    if (!d->moved && check_lake(d) && last > 0)
        check_lag(d, last);
}

/* --- mending --- */

static K2_RC confirm(const struct doctor *d, const struct moved *m, struct k2_err *err) {
    if (verb_flag(d->c, "yes") || verb_flag(d->c, "dry-run"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE,
                       "it rewrites the metadata of %d tables: say --yes, or --dry-run to see them",
                       m->tables);
    fprintf(stderr, "Rewrite the metadata of %d tables, from %s to %s? [y/N] ", m->tables, m->from,
            d->c->data);
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was changed");
}

int doctor_mend(struct doctor *d, struct k2_err *err) {
    struct moved m;
    struct lake_relocation r;
    K2_TRY(k2_datadir_check(d->c->data, err));
    if (count_moved(d, &m) == 0)
        return K2_OK;
    K2_TRY(confirm(d, &m, err));
    bool dry = verb_flag(d->c, "dry-run");
    m.state = dry ? "would fix" : "fixed";
    const struct lake_relocate_options o = {.dry_run = dry, .table = on_moved, .ctx = &m};
    return lake_relocate(d->c->data, &o, &r, err);
}
