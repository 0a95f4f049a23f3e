/* journal/local/tier_cache.c - reading a segment whose bytes are in the store.
 *
 * DIRECTORY. journal/cache/
 *   <20 digits>.seg    a segment as it was fetched; the time of its last use is that of its change
 *   <20 digits>.part   one that is being fetched, by the process that holds its lock (flock)
 *
 * A segment is fetched as a whole, its SHA-256 compared with the note, synced, and only then named; so what has the name
 * is right, after a power cut too. Processes that want the same one wait for the first. What was not used for longest
 * goes when the cache is full. A process that opens a copy for the first time compares its SHA-256 again, and fetches
 * anew what was damaged on this disk. Who has it open or mapped reads on, for the bytes stay until then. Nothing here is
 * needed: the directory may be removed at any time.
 */
#include "journal/local/tier.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)
#define SLOW_NS (5 * K2_NS_PER_SEC) /* a fetch tells how far it is as often as that */
#define ATTEMPTS 8                  /* of a segment that moves while it is opened */

static void add(enum k2_metric m, int64_t n) {
    k2_metric_add(k2_metric(m, NULL), n);
}

static char *cache_directory(const char *dir) {
    return k2_path(dir, "cache");
}

char *journal_tier_cache_path(const char *dir, int64_t number, const char *suffix) {
    char *cache = cache_directory(dir), *path = journal_segment_path(cache, number, suffix);
    free(cache);
    return path;
}

bool journal_tier_holds(const char *dir, int64_t number) {
    char *file = journal_segment_path(dir, number, ".seg");
    char *note = journal_segment_path(dir, number, ".tier");
    bool holds = k2_fs_exists(note) && !k2_fs_exists(file);
    free(file);
    free(note);
    return holds;
}

/* --- what was not used for longest goes --- */

struct cached {
    char *path;
    int64_t bytes, used_ns;
};

static int by_use(const void *a, const void *b) {
    const struct cached *x = a, *y = b;
    return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

/* What is left of a fetch whose process was killed goes at once; one under way is locked. */
static void drop_part(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)!k2_fs_unlink(path, NULL);
    close(fd);
}

static size_t list_cached(const char *cache, struct cached **out, int64_t *bytes) {
    char **names;
    size_t n, kept = 0;
    *bytes = 0;
    *out = NULL;
    if (k2_fs_list(cache, &names, &n, NULL) != K2_OK)
        return 0;
    *out = k2_alloc((n + 1) * sizeof **out);
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        char *path = k2_path(cache, names[i]);
        if (k2_sv_ends(k2_sv_of(names[i]), K2_SV(".seg")) && stat(path, &st) == 0) {
            int64_t used = st.st_mtim.tv_sec * K2_NS_PER_SEC + st.st_mtim.tv_nsec;
            (*out)[kept++] = (struct cached){path, st.st_size, used};
            *bytes += st.st_size;
            continue;
        }
        if (k2_sv_ends(k2_sv_of(names[i]), K2_SV(".part")))
            drop_part(path);
        free(path);
    }
    k2_fs_names_free(names, n);
    qsort(*out, kept, sizeof **out, by_use);
    return kept;
}

static void evict(const char *dir, const char *keep, int64_t limit) {
    char *cache = cache_directory(dir);
    struct cached *list;
    int64_t bytes;
    size_t n = list_cached(cache, &list, &bytes);
    for (size_t i = 0; i < n; i++) {
        if (bytes > limit && strcmp(list[i].path, keep) != 0 &&
            k2_fs_unlink(list[i].path, NULL) == K2_OK) {
            bytes -= list[i].bytes;
            add(K2_METRIC_tier_evictions, 1);
        }
        free(list[i].path);
    }
    free(list);
    free(cache);
}

/* --- fetching --- */

struct fetch {
    const char *dir;
    const struct tier_note *note;
    int64_t told_ns;
};

static void tell(struct fetch *f, int64_t done) {
    char segment[24], percent[8];
    if (k2_monotonic_ns() - f->told_ns < SLOW_NS)
        return;
    f->told_ns = k2_monotonic_ns();
    snprintf(segment, sizeof segment, "%" PRId64, f->note->number);
    snprintf(percent, sizeof percent, "%d%%", (int)(done / (f->note->bytes / 100 + 1)));
    k2_log(K2_LOG_WARN, "journal segment is being fetched", "segment", segment, "from",
           f->note->url, "done", percent, NULL);
}

/* Every piece of an object in order; to a file where fd >= 0. */
static int read_object(struct k2_store *store, const char *object, int64_t bytes, struct fetch *f,
                       int fd, char sum[K2_SHA256_HEX], struct k2_err *err) {
    uint8_t *room = k2_alloc(PIECE);
    struct k2_sha256 *h = k2_sha256_new();
    int rc = K2_OK;
    for (int64_t at = 0; rc == K2_OK && at < bytes;) {
        size_t n = bytes - at < (int64_t)PIECE ? (size_t)(bytes - at) : PIECE;
        rc = k2_store_get(store, object, at, room, n, err);
        if (rc == K2_OK && f)
            rc = k2_fs_pwrite(fd, room, n, at, "the journal's cache", err);
        if (rc == K2_OK)
            k2_sha256_add(h, room, n);
        at += (int64_t)n;
        if (f)
            tell(f, at);
    }
    k2_sha256_end(h, sum);
    free(room);
    return rc;
}

int journal_tier_sum(struct k2_store *store, const char *object, int64_t bytes,
                     char out[K2_SHA256_HEX], struct k2_err *err) {
    return read_object(store, object, bytes, NULL, -1, out, err);
}

static int fetch_from(struct fetch *f, const char *url, int fd, struct k2_err *err) {
    const struct tier_note *n = f->note;
    char sum[K2_SHA256_HEX];
    struct k2_store *store = NULL;
    K2_TRY(k2_store_open(url, false, &store, err));
    int rc = read_object(store, n->object, n->bytes, f, fd, sum, err);
    k2_store_close(store);
    if (rc == K2_OK && strcmp(sum, n->sha256) != 0)
        rc = k2_fail(err, K2_E_CORRUPT, "object %s has other bytes than were put there", n->object);
    if (rc ==
        K2_E_NOTFOUND) /* the store is there, and the object is not: trying again does not help */
        rc = k2_fail(err, K2_E_CORRUPT, "object %s is missing", n->object);
    return rc;
}

/* The store that the note names; a store that was moved is known by the configuration. */
static int fetch(struct fetch *f, int fd, struct k2_err *err) {
    struct journal_tier_settings s;
    char url[K2_STORE_URL_MAX];
    journal_tier_settings(&s, url);
    struct k2_err why = {0};
    int rc = fetch_from(f, f->note->url, fd, &why);
    if (rc != K2_OK && url[0] && strcmp(url, f->note->url) != 0 &&
        fetch_from(f, url, fd, NULL) == K2_OK)
        return K2_OK;
    if (rc == K2_OK)
        return K2_OK;
    add(K2_METRIC_tier_failures, 1);
    if (err)
        *err = why;
    return k2_err_context(err, rc, "segment %" PRId64 " of the journal %s is tiered to %s",
                          f->note->number, f->dir, f->note->url);
}

/* --- the file of a segment in the cache --- */

int journal_tier_sum_file(int fd, const char *path, int64_t bytes, char out[K2_SHA256_HEX],
                          struct k2_err *err) {
    uint8_t *room = k2_alloc(PIECE);
    struct k2_sha256 *h = k2_sha256_new();
    int rc = K2_OK;
    for (int64_t at = 0; rc == K2_OK && at < bytes;) {
        size_t ask = bytes - at < (int64_t)PIECE ? (size_t)(bytes - at) : PIECE;
        ssize_t got = pread(fd, room, ask, at);
        if (got > 0) {
            k2_sha256_add(h, room, (size_t)got);
            at += got;
        } else if (got == 0) {
            rc = k2_fail(err, K2_E_CORRUPT, "%s ends too early", path);
        } else if (errno != EINTR) {
            rc = k2_fail_errno(err, "cannot read %s", path);
        }
    }
    k2_sha256_end(h, out);
    free(room);
    return rc;
}

/* Copies that this process has compared with their notes. One that another pushes out of its place is compared again. */
struct seen {
    dev_t device;
    ino_t inode;
    char sha256[K2_SHA256_HEX];
};

static pthread_mutex_t seen_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct seen seen[1024];

static struct seen *seen_at(const struct stat *st) {
    return &seen[(uint64_t)st->st_ino % (sizeof seen / sizeof *seen)];
}

static bool was_seen(const struct stat *st, const struct tier_note *note) {
    const struct seen *s = seen_at(st);
    pthread_mutex_lock(&seen_mutex);
    bool was =
        s->inode == st->st_ino && s->device == st->st_dev && strcmp(s->sha256, note->sha256) == 0;
    pthread_mutex_unlock(&seen_mutex);
    return was;
}

static void see(const struct stat *st, const struct tier_note *note) {
    struct seen *s = seen_at(st);
    pthread_mutex_lock(&seen_mutex);
    s->device = st->st_dev;
    s->inode = st->st_ino;
    memcpy(s->sha256, note->sha256, sizeof s->sha256);
    pthread_mutex_unlock(&seen_mutex);
}

/* `always`: also what this process has compared before. */
static bool is_whole(int fd, const char *path, const struct tier_note *note, bool always) {
    char sum[K2_SHA256_HEX];
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_size != note->bytes)
        return false;
    if (!always && was_seen(&st, note))
        return true;
    if (journal_tier_sum_file(fd, path, note->bytes, sum, NULL) != K2_OK ||
        strcmp(sum, note->sha256) != 0)
        return false;
    see(&st, note);
    return true;
}

/* -1: it is not there as it should be. */
static int open_cached(const char *path, const struct tier_note *note, bool always) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (!is_whole(fd, path, note, always)) {
        close(fd);
        return -1;
    }
    (void)!futimens(fd, NULL); /* who may not is no owner, and the cache is not his to keep */
    return fd;
}

static bool is_named(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

/* Waits for who fetches the same segment. */
static int lock_part(const char *path, int *fd, struct k2_err *err) {
    for (;;) {
        int rc;
        K2_TRY(k2_fs_open(path, O_RDWR | O_CREAT, fd, err));
        do
            rc = flock(*fd, LOCK_EX);
        while (rc < 0 && errno == EINTR);
        if (rc < 0) {
            rc = k2_fail_errno(err, "cannot lock %s", path);
            (void)!k2_fs_close(*fd, path, NULL);
            return rc;
        }
        if (is_named(*fd, path))
            return K2_OK;
        (void)!k2_fs_close(*fd, path, NULL); /* it was renamed or removed meanwhile */
    }
}

static int fill_part(struct fetch *f, int fd, const char *part, const char *path,
                     struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    struct stat st;
    K2_TRY(k2_fs_truncate(fd, 0, part, err));
    K2_TRY(fetch(f, fd, err));
    K2_TRY(k2_fs_sync(fd, part, err));
    K2_TRY(k2_fs_rename(part, path, err));
    if (fstat(fd, &st) == 0)
        see(&st, f->note);
    add(K2_METRIC_tier_fetches, 1);
    add(K2_METRIC_tier_fetched_bytes, f->note->bytes);
    k2_metric_record(k2_metric(K2_METRIC_tier_fetch_seconds, NULL), k2_monotonic_ns() - start);
    return K2_OK;
}

/* With the part locked. */
static int fetch_locked(const char *dir, const struct tier_note *note, int part_fd,
                        const char *part, const char *path, int *fd, struct k2_err *err) {
    struct fetch f = {dir, note, k2_monotonic_ns()};
    *fd = open_cached(path, note, true); /* another process was faster */
    if (*fd < 0 && k2_fs_exists(path))
        k2_log(K2_LOG_WARN, "a cached journal segment is damaged and fetched anew", "file", path,
               NULL);
    int rc = *fd >= 0 ? K2_OK : fill_part(&f, part_fd, part, path, err);
    if (rc == K2_OK && *fd < 0)
        *fd = dup(part_fd);
    if (rc == K2_OK && *fd < 0)
        rc = k2_fail_errno(err, "cannot open %s", path);
    if (is_named(part_fd, part))
        (void)!k2_fs_unlink(part, NULL); /* the next fetch removes it else */
    return rc;
}

static int fetch_cached(const char *dir, const struct tier_note *note, const char *path, int *fd,
                        struct k2_err *err) {
    struct journal_tier_settings s;
    char url[K2_STORE_URL_MAX];
    char *cache = cache_directory(dir), *part = journal_tier_cache_path(dir, note->number, ".part");
    int part_fd = -1;
    int rc = k2_fs_mkdirs(cache, err);
    if (rc == K2_OK)
        rc = lock_part(part, &part_fd, err);
    if (rc == K2_OK) {
        rc = fetch_locked(dir, note, part_fd, part, path, fd, err);
        (void)!k2_fs_close(part_fd, part, NULL); /* all of it was synced */
    }
    free(cache);
    free(part);
    K2_TRY(rc);
    journal_tier_settings(&s, url);
    evict(dir, path, s.cache_bytes);
    return K2_OK;
}

/* --- opening --- */

static int open_tiered(const char *dir, int32_t incarnation, int64_t number, bool always, int *fd,
                       char **path, struct k2_err *err) {
    struct tier_note note;
    K2_TRY(journal_tier_note_load(dir, incarnation, number, &note, err));
    *path = journal_tier_cache_path(dir, number, ".seg");
    *fd = open_cached(*path, &note, always);
    if (*fd >= 0) {
        add(K2_METRIC_tier_cache_hits, 1);
        return K2_OK;
    }
    int rc = fetch_cached(dir, &note, *path, fd, err);
    if (rc != K2_OK) {
        free(*path);
        *path = NULL;
    }
    return rc;
}

/* The note is there before the file goes, and the file before the note: whoever finds neither looks once more. */
static int open_any(const char *dir, int32_t incarnation, int64_t number, bool always, int *fd,
                    char **path, struct k2_err *err) {
    for (int i = 0; i < ATTEMPTS; i++) {
        *path = journal_segment_path(dir, number, ".seg");
        /* By the door to the disk: who recovers the log's end syncs this descriptor. */
        bool there = k2_fs_exists(*path);
        int rc = there ? k2_fs_open(*path, O_RDONLY, fd, err) : K2_OK;
        if (there && rc == K2_OK)
            return K2_OK;
        if (rc != K2_OK && !k2_fs_exists(*path)) /* it went to the store meanwhile */
            rc = K2_OK;
        free(*path);
        *path = NULL;
        if (rc == K2_OK)
            rc = open_tiered(dir, incarnation, number, always, fd, path, err);
        if (rc != K2_E_NOTFOUND)
            return rc;
    }
    return k2_fail(err, K2_E_NOTFOUND,
                   "%s/%020" PRId64 ".seg was removed by retention while it was to be read", dir,
                   number);
}

int journal_tier_open(const char *dir, int32_t incarnation, int64_t number, int *fd, char **path,
                      struct k2_err *err) {
    return open_any(dir, incarnation, number, false, fd, path, err);
}

int journal_tier_open_checked(const char *dir, int32_t incarnation, int64_t number, int *fd,
                              char **path, struct k2_err *err) {
    return open_any(dir, incarnation, number, true, fd, path, err);
}
