/* journal/local/image.c - see image.h.
 *
 * The order makes it one moment. First the segments, their durable ends and journal/meta, under the
 * mutex. Then what may be newer than they are without harm: schemas (a superset: an id is durable
 * before the first record that uses it), sidecars (made again if they lack), positions (only ever
 * further; what is beyond our end is cut to it). */
#include "journal/local/position.h"
#include "journal/local/tier.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ATTEMPTS 10

static struct journal_image_file *add(struct journal_image *image, const char *name) {
    size_t n = (size_t)image->n + 1;
    image->files = k2_realloc(image->files, n * sizeof *image->files);
    struct journal_image_file *f = &image->files[image->n++];
    *f = (struct journal_image_file){.name = k2_strdup(name)};
    return f;
}

static void add_content(struct journal_image *image, const char *name, struct k2_buf *content) {
    struct journal_image_file *f = add(image, name);
    f->content = *content;
    f->bytes = (int64_t)content->n;
    *content = (struct k2_buf){0};
}

/* A file that is not there is left out. */
static K2_RC add_read(struct local *j, struct journal_image *image, const char *name,
                      struct k2_err *err) {
    struct k2_buf content = {0};
    struct k2_err why = {0};
    char *path = k2_path(j->dir, name);
    int rc = k2_fs_read(path, &content, &why);
    free(path);
    if (rc == K2_OK)
        add_content(image, name, &content);
    k2_buf_free(&content);
    if (rc != K2_OK && rc != K2_E_NOTFOUND)
        return k2_fail(err, rc, "%s", why.msg);
    return K2_OK;
}

/* --- the log, mutex held --- */

static void add_segments(const struct local *j, struct journal_image *image) {
    char name[40];
    for (int i = 0; i < j->live.n; i++) {
        const struct journal_index *x = &j->live.at[i]->index;
        (void)snprintf(name, sizeof name, "%020" PRId64 ".seg", x->base);
        struct journal_image_file *f = add(image, name);
        f->bytes = (i + 1 < j->live.n ? j->live.at[i + 1]->index.base : j->durable) - x->base;
        f->fixed = true;
    }
}

static void add_spans(const struct local *j, struct journal_image *image) {
    int n = 0;
    for (int t = 0; t < j->meta.topic_count; t++)
        n += j->base.topics[t].partitions;
    image->spans = k2_alloc((size_t)(n + 1) * sizeof *image->spans);
    for (int32_t t = 0; t < j->meta.topic_count; t++)
        for (int32_t p = 0; p < j->base.topics[t].partitions; p++)
            image->spans[image->span_count++] =
                (struct journal_span){t, p, j->meta.topics[t].starts[p], j->base.topics[t].ends[p]};
}

/* meta may have been read again after the segments were listed. */
static K2_RC settle(struct local *j, struct k2_err *err) {
    for (int i = 0; i < ATTEMPTS; i++) {
        K2_TRY(journal_chain_refresh(j, err));
        if (j->live.at[0]->index.base == j->meta.first)
            return K2_OK;
    }
    return k2_fail(err, K2_E_CONFLICT, "retention changes %s all the time; try again",
                   j->meta_path);
}

static K2_RC take_log(struct local *j, struct journal_image *image, struct k2_err *err) {
    struct k2_buf meta = {0};
    K2_TRY(settle(j, err));
    image->journal_id = j->base.incarnation;
    image->end = j->durable;
    add_segments(j, image);
    add_spans(j, image);
    journal_meta_format(&j->meta, &meta);
    add_content(image, "meta", &meta);
    return K2_OK;
}

/* --- what stands beside it --- */

static K2_RC add_indexes(struct local *j, struct journal_image *image, int64_t last,
                         struct k2_err *err) {
    char **names;
    size_t n;
    int64_t number;
    int rc = K2_OK;
    K2_TRY(k2_fs_list(j->dir, &names, &n, err));
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        if (journal_segment_name(names[i], ".idx", &number) && number < last)
            rc = add_read(j, image, names[i], err);
    k2_fs_names_free(names, n);
    return rc;
}

static int64_t end_of(const struct journal_image *image, const struct journal_span *s) {
    for (int i = 0; i < image->span_count; i++)
        if (image->spans[i].topic == s->topic && image->spans[i].partition == s->partition)
            return image->spans[i].to;
    return 0; /* a topic that is younger than the image */
}

static K2_RC add_position(struct local *j, struct journal_image *image, const char *group,
                          struct k2_err *err) {
    struct journal_span *spans;
    struct k2_buf text = {0};
    struct k2_err why = {0};
    int n, kept = 0;
    char *name = k2_path("positions", group);
    int rc = local_position_load(&j->base, group, &spans, &n, &why);
    if (rc != K2_OK) { /* it is for its owner to mend: copied as it is */
        rc = add_read(j, image, name, err);
        free(name);
        return rc;
    }
    for (int i = 0; i < n; i++) {
        int64_t end = end_of(image, &spans[i]);
        if (spans[i].from > end)
            spans[i].from = end;
        if (spans[i].topic <= image->spans[image->span_count - 1].topic)
            spans[kept++] = spans[i];
    }
    journal_position_format(image->journal_id, spans, kept, &text);
    add_content(image, name, &text);
    free(spans);
    free(name);
    return K2_OK;
}

static K2_RC add_positions(struct local *j, struct journal_image *image, struct k2_err *err) {
    char *dir = k2_path(j->dir, "positions"), **names;
    size_t n;
    int rc = k2_fs_list(dir, &names, &n, err);
    free(dir);
    if (rc != K2_OK)
        return rc == K2_E_NOTFOUND ? K2_OK : rc;
    for (size_t i = 0; rc == K2_OK && i < n && image->span_count > 0; i++)
        if (!k2_sv_ends(k2_sv_of(names[i]), K2_SV(".tmp")))
            rc = add_position(j, image, names[i], err);
    k2_fs_names_free(names, n);
    return rc;
}

static K2_RC take(struct local *j, struct journal_image *image, struct k2_err *err) {
    pthread_mutex_lock(&j->base.mutex);
    int rc = take_log(j, image, err);
    int64_t last = j->live.at[j->live.n - 1]->index.base;
    pthread_mutex_unlock(&j->base.mutex);
    K2_TRY(rc);
    K2_TRY(add_read(j, image, "schemas.json", err));
    K2_TRY(add_indexes(j, image, last, err));
    return add_positions(j, image, err);
}

int local_image_reach(struct journal *journal, const char *name, char **path, struct k2_err *err) {
    const struct local *j = local_of(journal);
    int64_t number;
    int fd;
    if (!journal_segment_name(name, ".seg", &number))
        return k2_fail(err, K2_E_NOTFOUND, "%s/%s has gone", j->dir, name);
    K2_TRY(journal_tier_open_checked(j->dir, j->base.incarnation, number, &fd, path, err));
    (void)!k2_fs_close(fd, *path, NULL); /* it was only read */
    return K2_OK;
}

/* Stops a scan behind the image: what is there is being written. */
static int until_end(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    const int64_t *end = ctx;
    (void)bytes;
    return f->position < *end ? K2_OK : k2_fail(err, K2_E_EXISTS, "it is behind the image");
}

static K2_RC check_frames(const struct segment_file *file, int64_t at, int64_t end,
                          struct k2_err *err) {
    enum segment_tail tail;
    struct k2_err why = {0};
    const struct segment_visitor visitor = {&end, until_end};
    int rc = journal_segment_scan(file, &at, &tail, &visitor, &why);
    if (at >= end)
        return K2_OK;
    if (rc != K2_OK && rc != K2_E_CORRUPT)
        return k2_fail(err, rc, "%s", why.msg);
    return k2_fail(err, K2_E_CORRUPT,
                   "%s is damaged at byte %" PRId64
                   ": k2 verify names all that is damaged; take the "
                   "file from an earlier cut (k2 restore)",
                   file->path, at - file->number);
}

int local_image_check(struct journal *journal, const char *name, int64_t from, int64_t to,
                      struct k2_err *err) {
    const struct local *j = local_of(journal);
    struct segment_file file = {.incarnation = j->base.incarnation};
    if (!journal_segment_name(name, ".seg", &file.number))
        return k2_fail(err, K2_E_INVALID, "%s is no segment", name);
    char *path = k2_path(j->dir, name);
    int rc;
    file.path = path;
    file.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file.fd >= 0) {
        rc = check_frames(&file, file.number + from, file.number + to, err);
        close(file.fd);
    } else if (errno == ENOENT) {
        rc = k2_fail(err, K2_E_NOTFOUND, "%s has gone", path);
    } else {
        rc = k2_fail_errno(err, "cannot open %s", path);
    }
    free(path);
    return rc;
}

int local_image_take(struct journal *journal, struct journal_image *out, struct k2_err *err) {
    struct local *j = local_of(journal);
    *out = (struct journal_image){0};
    int rc = take(j, out, err);
    if (rc != K2_OK)
        journal_image_free(out);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "copy the journal %s", j->dir);
}
