/* journal/local/journal.c - opening and closing, and what segments there are.
 *
 * DIRECTORY. <data>/journal/: meta (meta.c), <20 digits>.seg (segment.c), <20 digits>.idx
 * (index.c), <20 digits>.tier (tier_note.c), cache/ (tier_cache.c), positions/<group> (position.c),
 * schemas.json (codec/registry.h). <data>/run/: journal.lock, journal.end (end.c), tier.lock.
 *
 * CREATION. Directories, the first empty segment, then journal/meta, each durable before the next:
 * a directory without a meta is no journal yet, and one whose segments hold bytes is never
 * overwritten.
 *
 * KEYS. With journal_use_keys the records are encrypted (cipher.c); what was written before stays as it is.
 */
#include "journal/local/tier.h"

#include "base/clock.h"
#include "base/datadir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#define DEFAULT_SEGMENT_BYTES (INT64_C(256) << 20)

/* --- creating --- */

static int32_t draw_incarnation(void) {
    uint32_t drawn = 0;
    while ((drawn & INT32_MAX) == 0)
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
            drawn = (uint32_t)(k2_now_ns() ^ k2_monotonic_ns());
    return (int32_t)(drawn & INT32_MAX);
}

/* Segments that hold bytes without a meta are a damaged journal, not a new one. */
static int check_empty(const struct local *j, struct k2_err *err) {
    char **names;
    size_t n;
    int64_t number;
    K2_TRY(k2_fs_list(j->dir, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        bool tiered = journal_segment_name(names[i], ".tier", &number);
        if (!tiered && !journal_segment_name(names[i], ".seg", &number))
            continue;
        char *path = k2_path(j->dir, names[i]);
        if (tiered || number != 0 || k2_fs_size(path) != 0)
            rc = k2_fail(err, K2_E_CORRUPT, "%s is missing beside %s; restore it from a copy",
                         j->meta_path, names[i]);
        free(path);
    }
    k2_fs_names_free(names, n);
    return rc;
}

static int create(const struct local *j, struct k2_err *err) {
    K2_TRY(check_empty(j, err));
    char *path = journal_segment_path(j->dir, 0, ".seg");
    int fd, rc = k2_fs_open(path, O_WRONLY | O_CREAT, &fd, err);
    if (rc == K2_OK) {
        rc = k2_fs_sync(fd, path, err);
        (void)!k2_fs_close(fd, path, NULL);
    }
    if (rc == K2_OK)
        rc = k2_fs_sync_dir(j->dir, err);
    free(path);
    K2_TRY(rc);
    struct meta m = {.incarnation = draw_incarnation()};
    return journal_meta_save(j->meta_path, &m, err);
}

/* A directory may be there and not durable: its maker was killed before it synced the parent. */
static int make_directories(const struct local *j, const char *data, const char *run,
                            struct k2_err *err) {
    char *positions = k2_path(j->dir, "positions");
    int rc = k2_fs_mkdirs(positions, err);
    free(positions);
    K2_TRY(rc);
    K2_TRY(k2_datadir_mark(data, err));
    K2_TRY(k2_fs_mkdirs(run, err));
    K2_TRY(k2_fs_sync_dir(j->dir, err));
    return k2_fs_sync_dir(data, err);
}

/* Segments that retention had given up, and replacements that never were renamed. */
static int sweep(const struct local *j, struct k2_err *err) {
    char **names;
    size_t n;
    int64_t number;
    K2_TRY(k2_fs_list(j->dir, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        bool removed = journal_segment_name(names[i], ".seg", &number) && number < j->meta.first;
        if (!removed && !k2_sv_ends(k2_sv_of(names[i]), K2_SV(".tmp")))
            continue;
        char *path = k2_path(j->dir, names[i]);
        rc = k2_fs_unlink(path, err);
        free(path);
    }
    k2_fs_names_free(names, n);
    return rc;
}

/* --- opening --- */

static int take_lock(const char *run, const char *command, struct k2_lock **lock,
                     struct k2_err *err) {
    if (*lock)
        return K2_OK;
    char *path = k2_path(run, "journal.lock");
    int rc = k2_lock_take(path, command, lock, err);
    free(path);
    return rc;
}

static int prepare_writer(struct local *j, const char *data, const char *run,
                          const struct journal_options *o, struct k2_err *err) {
    K2_TRY(make_directories(j, data, run, err));
    K2_TRY(take_lock(run, o && o->command ? o->command : "k2", o && o->lock ? o->lock : &j->lock,
                     err));
    return k2_fs_exists(j->meta_path) ? K2_OK : create(j, err);
}

/* The appender goes on where the log ends. */
static void seed_appender(struct local *j) {
    j->written = j->durable;
    j->last_append_ns = journal_chain_tail(j)->index.last_ns;
    if (j->live.n == 1 && j->retired.n > 0 &&
        j->retired.at[j->retired.n - 1]->index.last_ns > j->last_append_ns)
        j->last_append_ns = j->retired.at[j->retired.n - 1]->index.last_ns;
    for (int t = 0; t < j->meta.topic_count; t++)
        for (int p = 0; p < j->base.topics[t].partitions; p++)
            j->base.topics[t].gathers[p].next = j->base.topics[t].ends[p];
}

static int start_writer(struct local *j, struct k2_err *err) {
    K2_TRY(sweep(j, err));
    K2_TRY(journal_chain_open(j, err));
    K2_TRY(journal_encryption_settle(j, err));
    K2_TRY(journal_end_own(&j->end, j->durable, err));
    seed_appender(j);
    K2_TRY(journal_sync_start(j, err));
    return journal_encryption_begin(j, err);
}

static int open_parts(struct local *j, const char *data, const char *run,
                      const struct journal_options *o, struct k2_err *err) {
    K2_TRY(k2_datadir_check(data, err));
    if (j->base.mode == JOURNAL_WRITE)
        K2_TRY(prepare_writer(j, data, run, o, err));
    else if (!k2_fs_exists(j->meta_path))
        return k2_fail(err, K2_E_NOTFOUND, "there is no journal in %s", data);
    K2_TRY(journal_topics_load(j, err));
    j->base.incarnation = j->meta.incarnation;
    char *end = k2_path(run, "journal.end");
    journal_end_init(&j->end, end, j->base.incarnation);
    free(end);
    K2_TRY(k2_registry_open(j->dir, &j->base.registry, err));
    return j->base.mode == JOURNAL_WRITE ? start_writer(j, err) : journal_chain_open(j, err);
}

static struct local *new_journal(const char *data, enum journal_mode mode,
                                 const struct journal_options *options) {
    struct local *j = k2_zalloc(sizeof *j);
    journal_init(&j->base, &journal_local, mode, options);
    journal_profile_choose(&j->base, 1);
    j->dir = k2_path(data, "journal");
    j->meta_path = k2_path(j->dir, "meta");
    j->segment_bytes =
        options && options->segment_bytes > 0 ? options->segment_bytes : DEFAULT_SEGMENT_BYTES;
    j->clock = options && options->clock ? options->clock : k2_now_ns;
    j->fd = -1;
    j->end.fd = -1;
    pthread_cond_init(&j->work, NULL);
    pthread_cond_init(&j->sealed, NULL);
    pthread_cond_init(&j->changed, NULL);
    return j;
}

static int local_open(const char *data, const char *url, enum journal_mode mode,
                      const struct journal_options *options, struct journal **out,
                      struct k2_err *err) {
    if (strcmp(url, journal_local.scheme) != 0)
        return k2_fail(err, K2_E_INVALID,
                       "\"%s\": nothing follows local:, for the journal is in the data directory",
                       url);
    struct local *j = new_journal(data, mode, options);
    char *run = k2_path(data, "run");
    int rc = open_parts(j, data, run, options, err);
    free(run);
    if (rc != K2_OK) {
        local_close(&j->base);
        return k2_err_context(err, rc, "open the journal in %s", data);
    }
    *out = &j->base;
    return K2_OK;
}

void local_close(struct journal *journal) {
    struct local *j = local_of(journal);
    journal_sync_stop(j);
    if (j->fd >= 0)
        (void)!k2_fs_close(j->fd, j->path, NULL); /* what was flushed is durable */
    journal_end_fini(&j->end);
    journal_fini(&j->base);
    journal_meta_fini(&j->meta);
    journal_chain_close(j);
    k2_lock_release(j->lock);
    pthread_cond_destroy(&j->work);
    pthread_cond_destroy(&j->sealed);
    pthread_cond_destroy(&j->changed);
    journal_cipher_free(j->cipher);
    k2_buf_free(&j->encrypted);
    free(j->notes);
    free(j->lent);
    free(j->path);
    free(j->dir);
    free(j->meta_path);
    free(j);
}

/* --- segments --- */

int journal_segment_describe(struct local *j, struct segment *s, struct journal_segment_info *out,
                             struct k2_err *err) {
    if (s->sealed)
        K2_TRY(journal_seal_digests(j, s, err));
    const struct journal_index *x = &s->index;
    *out = (struct journal_segment_info){.number = x->base,
                                         .bytes = x->end - x->base,
                                         .first_append_ns = x->first_ns,
                                         .last_append_ns = x->last_ns,
                                         .sealed = s->sealed,
                                         .spans = x->spans,
                                         .span_count = x->span_count,
                                         .digests = x->digests,
                                         .digest_count = x->digest_count};
    if (!s->sealed) { /* its list grows: lend a copy */
        size_t bytes = (size_t)x->span_count * sizeof *x->spans;
        j->lent = k2_realloc(j->lent, bytes + 1);
        if (bytes > 0)
            memcpy(j->lent, x->spans, bytes);
        out->spans = j->lent;
    }
    return K2_OK;
}

static int count_of(struct local *j, const struct segments *list) {
    pthread_mutex_lock(&j->base.mutex);
    (void)!journal_chain_refresh(j, NULL); /* what is known stays; describing tells why */
    int n = list->n;
    pthread_mutex_unlock(&j->base.mutex);
    return n;
}

static int describe(struct local *j, const struct segments *list, int index,
                    struct journal_segment_info *out, struct k2_err *err) {
    pthread_mutex_lock(&j->base.mutex);
    int rc = index < 0 || index >= list->n
                 ? k2_fail(err, K2_E_NOTFOUND, "the journal %s has no segment at index %d", j->dir,
                           index)
                 : journal_segment_describe(j, list->at[index], out, err);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

int local_segment_count(struct journal *journal) {
    struct local *j = local_of(journal);
    return count_of(j, &j->live);
}

int local_segment(struct journal *journal, int index, struct journal_segment_info *out,
                  struct k2_err *err) {
    struct local *j = local_of(journal);
    return describe(j, &j->live, index, out, err);
}

int local_removed_count(struct journal *journal) {
    struct local *j = local_of(journal);
    return count_of(j, &j->retired);
}

int local_removed(struct journal *journal, int index, struct journal_segment_info *out,
                  struct k2_err *err) {
    struct local *j = local_of(journal);
    return describe(j, &j->retired, index, out, err);
}

const struct journal_ops journal_local = {
    .scheme = "local:",
    .open = local_open,
    .close = local_close,
    .topic = local_topic,
    .cut = local_cut,
    .write = local_write,
    .flush = local_flush,
    .commit = local_commit,
    .commit_with = local_commit_with,
    .read = local_read,
    .next = local_next,
    .reader_close = local_reader_close,
    .ends = local_ends,
    .wait = local_wait,
    .starts = local_starts,
    .ends_at = local_ends_at,
    .append_at = local_append_at,
    .pin = local_pin,
    .unpin = local_unpin,
    .position_save = local_position_save,
    .position_load = local_position_load,
    .groups = local_groups,
    .group_remove = local_group_remove,
    .group_saved_ns = local_group_saved_ns,
    .sizes = local_sizes,
    .segment_count = local_segment_count,
    .segment = local_segment,
    .removed_count = local_removed_count,
    .removed = local_removed,
    .seal = local_seal,
    .retain = local_retain,
    .verify = local_verify,
    .profile_compare = local_profile_compare,
    .image_take = local_image_take,
    .image_reach = local_image_reach,
    .image_check = local_image_check,
    .tier = local_tier,
    .places = local_places,
    .encryption = local_encryption,
};
