/* journal/local/tier.c - bringing sealed segments to the object store, and removing them from it.
 *
 * ORDER, for each segment: its frames are checked; its bytes are put into the store, which makes them durable; they are
 * read back and their SHA-256 compared; the note (tier_note.c) is written durably; then the file goes. A power cut in
 * between leaves the file, or the file and the note: the next run goes on from there. An object whose note was never
 * written has the key that the next try of the same segment replaces.
 *
 * Before a file goes whose note is there already, the object is read back once more: it may have rotted meanwhile.
 *
 * A copied directory (cp -r) has notes of objects that the first one removes one day: these segments are fetched and put
 * again, below a name of its own.
 *
 * A pinned file stays (pin.c), so the oldest one may be here and there: then the file is what is read. What holds the
 * last checkpoint of the sequence engine, or is newer, stays whatever its age.
 *
 * REMOVING. Retention (retain.c) knows nothing of the store. Behind it, objects and notes of segments below `first` go:
 * by their notes, wherever these say, and by listing what has our name in the store, for what a killed process left
 * there. Names are of this very directory (tier_note.c), so a copy of it loses nothing.
 */
#include "journal/checkpoint.h"
#include "journal/local/tier.h"

#include "base/log.h"
#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOREIGN "it was put by the directory that this one was copied from"

struct due { /* a sealed segment */
    int64_t number, end, last_ns;
    struct segment *segment;
    bool needed; /* here */
};

struct tiering {
    struct local *j;
    const struct journal_tier_options *o;
    struct journal_tier_report *out;
    struct journal_tier_settings settings;
    char url[K2_STORE_URL_MAX], prefix[TIER_PREFIX];
    struct k2_store *store; /* of url; NULL until it is needed */
    int64_t first, local_bytes;
    struct k2_buf checkpoint; /* the last one */
    struct due *due;
    int due_count;
};

static void add(enum k2_metric m, int64_t n) {
    k2_metric_add(k2_metric(m, NULL), n);
}

/* The first reason is the one that is told. */
__attribute__((format(printf, 2, 3))) static void stopped(struct tiering *t, const char *fmt, ...) {
    va_list args;
    if (t->out->stopped[0])
        return;
    va_start(args, fmt);
    vsnprintf(t->out->stopped, sizeof t->out->stopped, fmt, args);
    va_end(args);
}

/* --- one segment --- */

static int ignore_frame(void *ctx, const struct frame *f, const uint8_t *bytes,
                        struct k2_err *err) {
    (void)ctx;
    (void)f;
    (void)bytes;
    (void)err;
    return K2_OK;
}

/* What is damaged stays here, where k2 verify finds it. */
static int check_frames(const struct segment_file *file, int64_t end, struct k2_err *err) {
    const struct segment_visitor visitor = {NULL, ignore_frame};
    enum segment_tail tail;
    int64_t at = file->number;
    K2_TRY(journal_segment_scan(file, &at, &tail, &visitor, err));
    if (at != end)
        return k2_fail(err, K2_E_CORRUPT, "%s is damaged at byte %" PRId64, file->path,
                       at - file->number);
    return K2_OK;
}

/* A writer is about to make the sidecars that lack. */
static void await_index(struct local *j, struct segment *s) {
    pthread_mutex_lock(&j->base.mutex);
    if (j->threads_run)
        (void)!journal_seal_digests(j, s, NULL); /* check_index tells */
    pthread_mutex_unlock(&j->base.mutex);
}

/* Digests and places must be known without the segment. */
static int check_index(const struct tiering *t, const struct due *d, struct k2_err *err) {
    struct journal_index x;
    char *path = journal_segment_path(t->j->dir, d->number, ".idx");
    int rc = journal_index_load(path, t->j->base.incarnation, d->number, &x, err);
    if (rc == K2_OK && x.end != d->end)
        rc = k2_fail(err, K2_E_CORRUPT, "%s does not fit its segment", path);
    if (rc == K2_OK)
        journal_index_fini(&x);
    free(path);
    return rc;
}

/* What the store gives back is what was put there. */
static int check_object(struct tiering *t, const struct tier_note *n, struct k2_err *err) {
    char sum[K2_SHA256_HEX];
    K2_TRY(journal_tier_sum(t->store, n->object, n->bytes, sum, err));
    if (strcmp(sum, n->sha256) == 0)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT, "%s gives other bytes of %s than were put there", t->url,
                   n->object);
}

static int upload_file(struct tiering *t, const struct due *d, const struct segment_file *file,
                       struct k2_err *err) {
    struct tier_note n = {.number = d->number, .bytes = d->end - d->number};
    memcpy(n.url, t->url, sizeof n.url);
    journal_tier_object(t->prefix, d->number, n.object);
    K2_TRY(check_frames(file, d->end, err));
    K2_TRY(journal_tier_sum_file(file->fd, file->path, n.bytes, n.sha256, err));
    K2_TRY(k2_store_put(t->store, n.object, file->fd, n.bytes, err));
    K2_TRY(check_object(t, &n, err));
    K2_TRY(journal_tier_note_save(t->j->dir, t->j->base.incarnation, &n, err));
    add(K2_METRIC_tier_segments, 1);
    add(K2_METRIC_tier_uploaded_bytes, n.bytes);
    return K2_OK;
}

static int upload(struct tiering *t, const struct due *d, struct k2_err *err) {
    char *path = journal_segment_path(t->j->dir, d->number, ".seg");
    struct segment_file file = {path, -1, d->number, t->j->base.incarnation};
    int rc = k2_fs_open(path, O_RDONLY, &file.fd, err);
    if (rc == K2_OK) {
        rc = upload_file(t, d, &file, err);
        (void)!k2_fs_close(file.fd, path, NULL); /* it was only read */
    }
    free(path);
    return rc;
}

static bool is_ours(const struct tiering *t, const struct tier_note *n) {
    return k2_sv_starts(k2_sv_of(n->object), k2_sv_of(t->prefix));
}

/* Whether an earlier run has put it into this store already, and it is there unharmed: the file goes next. An object of
 * the directory that this one was copied from does not count, for it goes with that one's retention. */
static bool is_there(struct tiering *t, const struct due *d) {
    struct tier_note n;
    return journal_tier_note_load(t->j->dir, t->j->base.incarnation, d->number, &n, NULL) ==
               K2_OK &&
           is_ours(t, &n) && n.bytes == d->end - d->number && strcmp(n.url, t->url) == 0 &&
           check_object(t, &n, NULL) == K2_OK;
}

/* *went is false when it is pinned. */
static int drop_file(struct tiering *t, const struct due *d, bool *went, struct k2_err *err) {
    struct k2_err why = {0};
    int fd, rc = K2_OK;
    char *path = journal_segment_path(t->j->dir, d->number, ".seg");
    *went = journal_pin_exclude(t->j->dir, d->number, &fd, &why) == K2_OK;
    if (*went) {
        rc = k2_fs_unlink(path, err);
        (void)!k2_fs_close(fd, path, NULL); /* nothing was written there */
    } else {
        stopped(t, "segment %" PRId64 " is in the store and stays here too: %s", d->number,
                why.msg);
    }
    free(path);
    return rc; /* a file that a power cut brings back is removed by the next run */
}

static int open_store(struct tiering *t, struct k2_err *err) {
    return t->store ? K2_OK
                    : journal_tier_store(t->j->dir, t->j->base.incarnation, t->url, &t->store, err);
}

static int tier_segment(struct tiering *t, const struct due *d, bool *went, struct k2_err *err) {
    *went = true;
    if (t->o->dry_run)
        return K2_OK;
    await_index(t->j, d->segment);
    K2_TRY(check_index(t, d, err));
    K2_TRY(open_store(t, err));
    if (!is_there(t, d))
        K2_TRY(upload(t, d, err));
    return drop_file(t, d, went, err);
}

static bool is_due(const struct tiering *t, const struct due *d) {
    return !d->needed &&
           (d->last_ns < t->o->now_ns - t->settings.after_ns ||
            (t->settings.local_bytes > 0 && t->local_bytes > t->settings.local_bytes));
}

static bool is_local(const struct tiering *t, const struct due *d) {
    char *path = journal_segment_path(t->j->dir, d->number, ".seg");
    bool local = k2_fs_exists(path);
    free(path);
    return local;
}

/* A segment without an index, or a damaged one, holds up no other. */
static int tier_due(struct tiering *t, struct k2_err *err) {
    for (int i = 0; i < t->due_count; i++) {
        const struct due *d = &t->due[i];
        struct k2_err why = {0};
        bool went = false;
        if (t->o->stop && t->o->stop(t->o->ctx))
            return K2_OK;
        if (!is_local(t, d) || !is_due(t, d))
            continue;
        int rc = tier_segment(t, d, &went, &why);
        if (rc == K2_E_NOTFOUND || rc == K2_E_CORRUPT) {
            stopped(t, "segment %" PRId64 " stays: %s", d->number, why.msg);
        } else if (rc != K2_OK) {
            if (err)
                *err = why;
            return k2_err_context(err, rc, "tier segment %" PRId64 " to %s", d->number, t->url);
        }
        if (rc != K2_OK || !went)
            continue;
        t->local_bytes -= d->end - d->number;
        t->out->segments++;
        t->out->bytes += d->end - d->number;
    }
    return K2_OK;
}

/* --- what a copy of a directory has of the first one only --- */

static void tell_staying(const char *object, const char *why) {
    k2_log(K2_LOG_WARN, "an object stays in the store", "object", object, "why", why, NULL);
}

static bool is_foreign(const struct tiering *t, const struct due *d, struct tier_note *n) {
    return !is_local(t, d) &&
           journal_tier_note_load(t->j->dir, t->j->base.incarnation, d->number, n, NULL) == K2_OK &&
           !is_ours(t, n);
}

/* Fetched, and put beside the other's object. */
static int adopt(struct tiering *t, const struct due *d, const struct tier_note *n,
                 struct k2_err *err) {
    struct segment_file file = {NULL, -1, d->number, t->j->base.incarnation};
    char *path;
    K2_TRY(open_store(t, err));
    K2_TRY(journal_tier_open_checked(t->j->dir, t->j->base.incarnation, d->number, &file.fd, &path,
                                     err));
    file.path = path;
    int rc = upload_file(t, d, &file, err);
    (void)!k2_fs_close(file.fd, path, NULL); /* it was only read */
    free(path);
    if (rc == K2_OK)
        tell_staying(n->object, FOREIGN);
    return rc;
}

/* The other one may be away, or have removed it: what is here goes on all the same. */
static void adopt_foreign(struct tiering *t) {
    for (int i = 0; i < t->due_count; i++) {
        const struct due *d = &t->due[i];
        struct tier_note n;
        struct k2_err why = {0};
        if (t->o->stop && t->o->stop(t->o->ctx))
            return;
        if (!is_foreign(t, d, &n))
            continue;
        if (!t->o->dry_run && adopt(t, d, &n, &why) != K2_OK) {
            stopped(t, "segment %" PRId64 " is only in %s as an object of another directory: %s",
                    d->number, n.url, why.msg);
            continue;
        }
        t->out->segments++;
        t->out->bytes += d->end - d->number;
    }
}

/* --- what retention removed --- */

static int remove_from(const char *url, const char *object, struct k2_err *err) {
    struct k2_store *store;
    K2_TRY(k2_store_open(url, false, &store, err));
    int rc = k2_store_remove(store, object, err);
    k2_store_close(store);
    return rc;
}

/* From the store that the note names; one that was moved is known by the configuration, as for reading. */
static int remove_object(const struct tiering *t, const struct tier_note *n, struct k2_err *err) {
    int rc = remove_from(n->url, n->object, err);
    if (rc == K2_OK || !t->url[0] || strcmp(t->url, n->url) == 0 ||
        remove_from(t->url, n->object, NULL) != K2_OK)
        return rc;
    k2_err_clear(err);
    k2_log(K2_LOG_WARN,
           "the store of a removed segment is away, and what journal.tier_url names has it no more",
           "object", n->object, "away", n->url, "has it no more", t->url, NULL);
    return K2_OK;
}

/* An object of the directory that this one is a copy of is that one's to remove. */
static int forget(struct tiering *t, int64_t number, const char *path, struct k2_err *err) {
    struct tier_note n;
    struct k2_err why = {0};
    int rc = journal_tier_note_load(t->j->dir, t->j->base.incarnation, number, &n, &why);
    bool ours = rc == K2_OK && is_ours(t, &n);
    if (ours && remove_object(t, &n, &why) != K2_OK) {
        stopped(t, "object %s of a removed segment stays in %s: %s", n.object, n.url, why.msg);
        return K2_OK;
    }
    if (!ours)
        tell_staying(rc == K2_OK ? n.object : path, rc == K2_OK ? FOREIGN : why.msg);
    t->out->objects += ours;
    return k2_fs_unlink(path, err);
}

static int forget_removed(struct tiering *t, struct k2_err *err) {
    char **names;
    size_t n;
    int64_t number;
    K2_TRY(k2_fs_list(t->j->dir, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        if (!journal_segment_name(names[i], ".tier", &number) || number >= t->first)
            continue;
        char *path = k2_path(t->j->dir, names[i]);
        rc = forget(t, number, path, err);
        free(path);
    }
    k2_fs_names_free(names, n);
    return rc;
}

/* Copies in the cache, of which nobody will ask again. */
static void clear_cache(const struct tiering *t) {
    char *cache = k2_path(t->j->dir, "cache"), **names;
    size_t n;
    int64_t number;
    if (k2_fs_list(cache, &names, &n, NULL) == K2_OK) {
        for (size_t i = 0; i < n; i++) {
            char *path = k2_path(cache, names[i]);
            if (journal_segment_name(names[i], ".seg", &number) && number < t->first)
                (void)!k2_fs_unlink(path, NULL); /* the next run tries again */
            free(path);
        }
        k2_fs_names_free(names, n);
    }
    free(cache);
}

/* Nobody else puts below our prefix: we hold the lock. */
static int sweep_store(struct tiering *t, struct k2_err *err) {
    char **names, key[TIER_PREFIX + 64];
    size_t n;
    int64_t number;
    K2_TRY(k2_store_list(t->store, t->prefix, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        bool removed = journal_segment_name(names[i], ".seg", &number) && number < t->first;
        bool half = journal_segment_name(names[i], ".seg.tmp", &number);
        if (!removed && !half)
            continue;
        snprintf(key, sizeof key, "%s/%s", t->prefix, names[i]);
        rc = k2_store_remove(t->store, key, err);
        t->out->objects += removed;
    }
    k2_fs_names_free(names, n);
    return rc;
}

static int sweep(struct tiering *t, struct k2_err *err) {
    K2_TRY(forget_removed(t, err));
    clear_cache(t);
    if (!t->url[0])
        return K2_OK;
    K2_TRY(journal_tier_outside(t->j->dir, t->url, err));
    int rc = open_store(t, err);
    if (rc == K2_OK)
        rc = sweep_store(t, err);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "look into the store %s", t->url);
}

/* --- a run --- */

static bool is_newest_of(const struct local *j, int32_t topic, int segment) {
    for (int i = j->live.n - 1; i > segment; i--) {
        const struct journal_index *x = &j->live.at[i]->index;
        for (int s = 0; s < x->span_count; s++)
            if (x->spans[s].topic == topic)
                return false;
    }
    return true;
}

/* Who begins to ingest reads the last checkpoint of the sequence engine and what is behind it: he shall not need the
 * store. */
static bool is_needed(const struct tiering *t, int segment) {
    const struct local *j = t->j;
    const struct journal_index *x = &j->live.at[segment]->index;
    for (int i = 0; i < x->span_count; i++) {
        const struct journal_span *s = &x->spans[i];
        const char *topic = j->base.topics[s->topic].name;
        if (checkpoint_covers(&t->checkpoint, topic, s->partition) < s->to)
            return true;
        if (strcmp(topic, "k2.sequence") == 0 && is_newest_of(j, s->topic, segment))
            return true;
    }
    return false;
}

static int look(struct tiering *t, struct k2_err *err) {
    struct local *j = t->j;
    pthread_mutex_lock(&j->base.mutex);
    int rc = journal_chain_refresh(j, err);
    t->first = j->meta.first;
    t->due = k2_alloc((size_t)j->live.n * sizeof *t->due);
    t->local_bytes = 0;
    for (int i = 0; i < j->live.n; i++) {
        struct segment *s = j->live.at[i];
        const struct due d = {s->index.base, s->index.end, s->index.last_ns, s, is_needed(t, i)};
        if (is_local(t, &d))
            t->local_bytes += d.end - d.number;
        if (s->sealed)
            t->due[t->due_count++] = d;
    }
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

static int run(struct tiering *t, struct k2_err *err) {
    if (t->url[0])
        K2_TRY(checkpoint_last(&t->j->base, &t->checkpoint, err));
    K2_TRY(look(t, err));
    if (!t->o->dry_run)
        K2_TRY(sweep(t, err));
    else if (t->url[0])
        K2_TRY(journal_tier_outside(t->j->dir, t->url, err)); /* sweep looks too */
    if (!t->url[0])
        return K2_OK;
    K2_TRY(tier_due(t, err));
    adopt_foreign(t);
    return K2_OK;
}

static int take_lock(const struct local *j, struct k2_lock **lock, struct k2_err *err) {
    char *path = k2_path(j->dir, "../run/tier.lock");
    int rc = k2_lock_take(path, "k2, which tiers", lock, err);
    free(path);
    return rc;
}

int local_tier(struct journal *journal, const struct journal_tier_options *o,
               struct journal_tier_report *out, struct k2_err *err) {
    struct tiering t = {.j = local_of(journal), .o = o, .out = out};
    struct k2_lock *lock = NULL;
    journal_tier_settings(&t.settings, t.url);
    journal_tier_prefix(t.j->dir, t.j->base.incarnation, t.prefix);
    if (!o->dry_run)
        K2_TRY(take_lock(t.j, &lock, err));
    int rc = run(&t, err);
    k2_store_close(t.store);
    k2_lock_release(lock);
    k2_buf_free(&t.checkpoint);
    free(t.due);
    return rc;
}

/* --- where the log is --- */

static void count(struct local *j, const struct journal_index *x, const char *prefix,
                  struct journal_places *out) {
    struct tier_note n;
    int64_t bytes = x->end - x->base;
    if (!journal_tier_holds(j->dir, x->base)) {
        out->local_segments++;
        out->local_bytes += bytes;
        return;
    }
    out->tiered_segments++;
    out->tiered_bytes += bytes;
    char *path = journal_tier_cache_path(j->dir, x->base, ".seg");
    if (k2_fs_exists(path))
        out->cached_bytes += bytes;
    free(path);
    if (journal_tier_note_load(j->dir, j->base.incarnation, x->base, &n, NULL) != K2_OK)
        return;
    memcpy(out->url, n.url, sizeof out->url);
    out->foreign_segments += !k2_sv_starts(k2_sv_of(n.object), k2_sv_of(prefix));
}

int local_places(struct journal *journal, struct journal_places *out, struct k2_err *err) {
    struct local *j = local_of(journal);
    char prefix[TIER_PREFIX];
    journal_tier_prefix(j->dir, j->base.incarnation, prefix);
    pthread_mutex_lock(&j->base.mutex);
    int rc = journal_chain_refresh(j, err);
    for (int i = 0; rc == K2_OK && i < j->live.n; i++)
        count(j, &j->live.at[i]->index, prefix, out);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}
