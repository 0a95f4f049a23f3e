/* journal/local/chain.c - all segments of a journal: opening, recovering, following.
 *
 * The live segments hold the log from meta.first on, without a hole, up to the durable end; every
 * frame that enters an index is checked to continue its partition. A segment that has a successor
 * is durable as a whole, because a successor is only made after everything before it was synced. So
 * only the last one needs recovery, by the rules of segment.c:
 *  - a writer cuts its torn tail, syncs it (a killed process may have left frames in the page cache
 *    only), and owns the shared end from then on;
 *  - a reader beside a living writer goes up to the shared end and not further;
 *  - a reader without a writer takes the valid prefix and syncs it before it serves it.
 */
#include "journal/local/tier.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* --- the lists --- */

static void push(struct segments *list, struct segment *s) {
    list->at = k2_realloc(list->at, (size_t)(list->n + 1) * sizeof(struct segment *));
    list->at[list->n++] = s;
}

static void free_segments(struct segments *list) {
    for (int i = 0; i < list->n; i++) {
        journal_index_fini(&list->at[i]->index);
        free(list->at[i]);
    }
    free(list->at);
    *list = (struct segments){0};
}

struct segment *journal_chain_push(struct local *j, int64_t number) {
    struct segment *s = k2_zalloc(sizeof *s);
    journal_index_init(&s->index, number);
    if (j->live.n > 0) /* append times never fall */
        s->index.last_ns = journal_chain_tail(j)->index.last_ns;
    push(&j->live, s);
    return s;
}

void journal_chain_retire(struct local *j) {
    push(&j->retired, j->live.at[0]);
    j->live.n--;
    memmove(j->live.at, j->live.at + 1, (size_t)j->live.n * sizeof(struct segment *));
}

/* Sets the lists aside; a caller may hold a segment still. */
static void forget(struct local *j) {
    for (int i = 0; i < j->live.n; i++)
        push(&j->lost, j->live.at[i]);
    for (int i = 0; i < j->retired.n; i++)
        push(&j->lost, j->retired.at[i]);
    j->live.n = j->retired.n = 0;
    journal_topics_reset(j);
}

void journal_chain_close(struct local *j) {
    free_segments(&j->live);
    free_segments(&j->retired);
    free_segments(&j->lost);
}

/* --- taking frames in --- */

static int check_partition(struct local *j, int32_t topic, int32_t partition, int64_t offset,
                           struct k2_err *err) {
    if (topic >= j->meta.topic_count)
        K2_TRY(journal_topics_reload(j, err));
    if (topic >= j->meta.topic_count || partition >= j->base.topics[topic].partitions)
        return k2_fail(err, K2_E_CORRUPT, "topic %d partition %d is not in %s", topic, partition,
                       j->meta_path);
    if (offset != j->base.topics[topic].ends[partition])
        return k2_fail(err, K2_E_CORRUPT,
                       "topic %s partition %d goes on at offset %" PRId64 " instead of %" PRId64,
                       j->base.topics[topic].name, partition, offset,
                       j->base.topics[topic].ends[partition]);
    return K2_OK;
}

int journal_chain_add(struct local *j, const struct frame *f, struct k2_err *err) {
    struct journal_index *x = &journal_chain_tail(j)->index;
    K2_TRY(check_partition(j, f->topic, f->partition, f->base_offset, err));
    if (f->append_ns < x->last_ns)
        return k2_fail(err, K2_E_CORRUPT, "the append time falls");
    if (x->batch_count > 0 && f->key != x->key)
        return k2_fail(err, K2_E_CORRUPT, "not encrypted as the rest of the segment is");
    journal_index_add(x, f);
    j->base.topics[f->topic].ends[f->partition] = f->base_offset + f->count;
    return K2_OK;
}

static int visit(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    (void)bytes;
    return journal_chain_add(ctx, f, err);
}

static int open_segment(const struct local *j, int64_t number, int flags, struct segment_file *file,
                        char **path, struct k2_err *err) {
    int fd = -1, rc;
    if (flags == O_RDONLY) {
        rc = journal_tier_open(j->dir, j->base.incarnation, number, &fd, path, err);
    } else {
        *path = journal_segment_path(j->dir, number, ".seg");
        rc = k2_fs_open(*path, flags, &fd, err);
    }
    if (rc != K2_OK) {
        free(*path);
        *path = NULL;
    }
    *file = (struct segment_file){*path, fd, number, j->base.incarnation};
    return rc;
}

static void close_segment(struct segment_file *file, char *path) {
    (void)!k2_fs_close(file->fd, path, NULL); /* what had to be durable was synced */
    free(path);
}

/* --- sealed segments --- */

static int take_spans(struct local *j, const struct journal_index *x, struct k2_err *err) {
    for (int i = 0; i < x->span_count; i++) {
        const struct journal_span *s = &x->spans[i];
        K2_TRY(check_partition(j, s->topic, s->partition, s->from, err));
        j->base.topics[s->topic].ends[s->partition] = s->to;
    }
    return K2_OK;
}

/* From its headers, when there is no sidecar yet or it is damaged. */
static int walk_sealed(struct local *j, struct segment *s, int64_t end, struct k2_err *err) {
    struct segment_file file;
    char *path;
    const struct segment_visitor visitor = {j, visit};
    int64_t at = s->index.base;
    K2_TRY(open_segment(j, s->index.base, O_RDONLY, &file, &path, err));
    int rc = journal_segment_walk(&file, &at, end, &visitor, err);
    if (rc == K2_OK && at != end)
        rc = k2_fail(err, K2_E_CORRUPT,
                     "%s is damaged at byte %" PRId64 " and has no index; restore it from a copy",
                     path, at - s->index.base);
    close_segment(&file, path);
    return rc;
}

static int load_sealed(struct local *j, int64_t number, int64_t end, struct k2_err *err) {
    struct segment *s = journal_chain_push(j, number);
    char *path = journal_segment_path(j->dir, number, ".idx");
    struct k2_err why = {0};
    int rc = journal_index_load(path, j->base.incarnation, number, &s->index, &why);
    s->sealed = true;
    if (rc == K2_OK && s->index.end == end) {
        s->sidecar = SIDECAR_SAVED;
        k2_buf_free(&s->index.batches); /* the segment has them too */
        rc = take_spans(j, &s->index, err);
    } else if (rc == K2_E_VERSION) {
        rc = k2_fail(err, rc, "%s", why.msg);
    } else {
        if (rc != K2_E_NOTFOUND)
            k2_log(K2_LOG_WARN, "journal index is made again", "file", path, "why", why.msg, NULL);
        journal_index_fini(&s->index);
        rc = walk_sealed(j, s, end, err);
    }
    free(path);
    return rc;
}

static void load_retired(struct local *j, int64_t number) {
    char *path = journal_segment_path(j->dir, number, ".idx");
    struct segment *s = k2_zalloc(sizeof *s);
    struct k2_err why = {0};
    if (journal_index_load(path, j->base.incarnation, number, &s->index, &why) == K2_OK) {
        s->sealed = true;
        s->sidecar = SIDECAR_SAVED;
        k2_buf_free(&s->index.batches); /* read again when a time falls into it */
        push(&j->retired, s);
    } else {
        k2_log(K2_LOG_WARN, "journal index of a removed segment is lost", "file", path, "why",
               why.msg, NULL);
        free(s);
    }
    free(path);
}

/* --- the last segment --- */

static int below_acknowledged(const char *path, int64_t number, int64_t at, int64_t known,
                              struct k2_err *err) {
    return k2_fail(err, K2_E_CORRUPT,
                   "%s is damaged at byte %" PRId64 ", but all up to byte %" PRId64
                   " had been durable; nothing was cut, restore the file from a copy",
                   path, at - number, known - number);
}

/* Leaves the last file open for appending, exactly as long as its frames, and durable. */
static int recover_tail(struct local *j, struct k2_err *err) {
    struct journal_index *x = &journal_chain_tail(j)->index;
    const struct segment_visitor visitor = {j, visit};
    struct segment_file file;
    enum segment_tail tail;
    bool alive;
    int64_t at = x->base, known = journal_end_get(&j->end, &alive);
    K2_TRY(open_segment(j, x->base, O_RDWR, &file, &j->path, err));
    j->fd = file.fd;
    j->base_position = x->base;
    K2_TRY(journal_segment_scan(&file, &at, &tail, &visitor, err));
    if (at < known)
        return below_acknowledged(j->path, x->base, at, known, err);
    int64_t size = k2_fs_size(j->path);
    if (size != at - x->base) {
        char bytes[32];
        snprintf(bytes, sizeof bytes, "%" PRId64, size - (at - x->base));
        if (tail == SEGMENT_TORN)
            k2_log(K2_LOG_WARN, "journal tail was torn and is cut", "file", j->path, "bytes", bytes,
                   NULL);
        K2_TRY(k2_fs_truncate(j->fd, at - x->base, j->path, err));
    }
    K2_TRY(k2_fs_sync(j->fd, j->path, err));
    /* A process that was killed may have made or renamed files here without syncing the names. */
    return k2_fs_sync_dir(j->dir, err);
}

/* --- a reader follows --- */

/* Goes on to the file that begins at `at`, if there is one. */
static bool next_file(struct local *j, int64_t at) {
    char *path = journal_segment_path(j->dir, at, ".seg");
    bool there = at > journal_chain_tail(j)->index.base &&
                 (k2_fs_exists(path) || journal_tier_holds(j->dir, at));
    free(path);
    if (!there)
        return false;
    journal_chain_tail(j)->sealed = true;
    journal_chain_push(j, at);
    return true;
}

/* Beside a writer: up to its durable end. */
static int follow(struct local *j, int64_t limit, struct k2_err *err) {
    const struct segment_visitor visitor = {j, visit};
    while (journal_chain_tail(j)->index.end < limit) {
        struct journal_index *x = &journal_chain_tail(j)->index;
        struct segment_file file;
        char *path;
        int64_t at = x->end;
        K2_TRY(open_segment(j, x->base, O_RDONLY, &file, &path, err));
        int rc = journal_segment_walk(&file, &at, limit, &visitor, err);
        if (rc == K2_OK && at < limit && !next_file(j, at))
            rc = below_acknowledged(path, file.number, at, limit, err);
        close_segment(&file, path);
        K2_TRY(rc);
    }
    return K2_OK;
}

/* Without a writer: the valid prefix of one file, synced. */
static int recover_file(struct local *j, int64_t known, struct k2_err *err) {
    struct journal_index *x = &journal_chain_tail(j)->index;
    const struct segment_visitor visitor = {j, visit};
    struct segment_file file;
    enum segment_tail tail;
    char *path;
    int64_t from = x->end, at = from;
    K2_TRY(open_segment(j, x->base, O_RDONLY, &file, &path, err));
    int rc = journal_segment_scan(&file, &at, &tail, &visitor, err);
    if (rc == K2_OK && at != from)
        rc = k2_fs_sync(file.fd, path, err);
    if (rc == K2_OK && at < known && !next_file(j, at))
        rc = below_acknowledged(path, file.number, at, known, err);
    close_segment(&file, path);
    if (rc != K2_OK && at != from) /* frames were taken in that may not be durable */
        j->failed = *(err ? err : &(struct k2_err){.status = rc});
    return rc;
}

static int recover_view(struct local *j, int64_t known, struct k2_err *err) {
    for (;;) {
        const struct segment *s = journal_chain_tail(j);
        K2_TRY(recover_file(j, known, err));
        if (s == journal_chain_tail(j) && !next_file(j, s->index.end))
            return K2_OK;
    }
}

static int catch_up(struct local *j, struct k2_err *err) {
    bool alive;
    int64_t known = journal_end_get(&j->end, &alive);
    K2_TRY(alive && known >= 0 ? follow(j, known, err) : recover_view(j, known, err));
    j->durable = journal_chain_tail(j)->index.end;
    return K2_OK;
}

/* --- opening --- */

struct listing {
    int64_t *segments, *indexes;
    size_t segment_count, index_count;
};

/* Whether the segment of an index is kept, as a file or a note. While it goes to the store, a listing may pass both. */
static bool is_kept(const struct local *j, int64_t number) {
    char *path = journal_segment_path(j->dir, number, ".seg");
    bool kept = journal_tier_holds(j->dir, number) || k2_fs_exists(path);
    free(path);
    return kept;
}

static int list(struct local *j, struct listing *out, struct k2_err *err) {
    char **names;
    size_t n;
    *out = (struct listing){0};
    K2_TRY(k2_fs_list(j->dir, &names, &n, err));
    out->segments = k2_alloc((n + 1) * sizeof *out->segments);
    out->indexes = k2_alloc((n + 1) * sizeof *out->indexes);
    for (size_t i = 0; i < n; i++) { /* in the order of their numbers */
        int64_t number = -1;
        bool index = journal_segment_name(names[i], ".idx", &number);
        if (index && number < j->meta.first)
            out->indexes[out->index_count++] = number;
        bool segment = journal_segment_name(names[i], ".seg", &number) ||
                       journal_segment_name(names[i], ".tier", &number);
        if (number < j->meta.first || !(segment || (index && is_kept(j, number))))
            continue;
        if (out->segment_count == 0 || out->segments[out->segment_count - 1] != number)
            out->segments[out->segment_count++] = number;
    }
    k2_fs_names_free(names, n);
    return K2_OK;
}

static int load_list(struct local *j, const struct listing *found, struct k2_err *err) {
    if (found->segment_count == 0 || found->segments[0] != j->meta.first)
        return k2_fail(err, K2_E_CORRUPT,
                       "%s/%020" PRId64 ".seg is missing; restore it from a copy", j->dir,
                       j->meta.first);
    for (size_t i = 0; i + 1 < found->segment_count; i++)
        K2_TRY(load_sealed(j, found->segments[i], found->segments[i + 1], err));
    for (size_t i = 0; i < found->index_count; i++)
        load_retired(j, found->indexes[i]);
    journal_chain_push(j, found->segments[found->segment_count - 1]);
    return K2_OK;
}

static int load(struct local *j, struct k2_err *err) {
    struct listing found;
    K2_TRY(list(j, &found, err));
    int rc = load_list(j, &found, err);
    free(found.segments);
    free(found.indexes);
    K2_TRY(rc);
    K2_TRY(j->base.mode == JOURNAL_WRITE ? recover_tail(j, err) : catch_up(j, err));
    j->durable = journal_chain_tail(j)->index.end;
    return K2_OK;
}

/* A reader's directory may change between journal/meta and the listing: retention in another
 * process. It shows as a changed meta. */
int journal_chain_open(struct local *j, struct k2_err *err) {
    for (int attempt = 0;; attempt++) {
        int64_t first = j->meta.first;
        int rc = load(j, err);
        if (rc == K2_OK || j->base.mode == JOURNAL_WRITE || attempt == 5)
            return rc;
        K2_TRY(journal_topics_reload(j, err));
        if (j->meta.first == first)
            return rc;
        forget(j);
    }
}

int journal_chain_refresh(struct local *j, struct k2_err *err) {
    if (j->base.mode == JOURNAL_WRITE)
        return K2_OK;
    if (j->failed.status != K2_OK)
        return k2_fail(err, j->failed.status, "%s", j->failed.msg);
    K2_TRY(journal_topics_reload(j, err));
    if (journal_chain_tail(j)->index.base < j->meta.first) { /* far behind: its place is gone */
        forget(j);
        return journal_chain_open(j, err);
    }
    while (j->live.at[0]->index.base < j->meta.first)
        journal_chain_retire(j);
    return catch_up(j, err);
}
