/* journal/journal.c - the calls of journal.h, handed to the backend that the journal's URL names.
 *
 * What is the same in every backend is here: which topics are known, the rule for partitions, names.
 */
#include "journal/backend.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>
#include <time.h>

#define LEFT_NS                                                                                    \
    (600 * K2_NS_PER_SEC) /* a live source that did not save its group for so long is not at work */

static const struct journal_ops *const backends[] = {&journal_local, &journal_kafka};

/* Of every journal that is opened without a URL of its own. */
static char default_url[1024] = "local:";

/* --- opening --- */

static const struct journal_ops *backend_of(struct k2_sv url) {
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (k2_sv_starts(url, k2_sv_of(backends[i]->scheme)))
            return backends[i];
    return NULL;
}

int journal_url_check(const char *url, struct k2_err *err) {
    if (!backend_of(k2_sv_of(url)))
        return k2_fail(err, K2_E_INVALID,
                       "\"%.*s\" names no journal; use local: or kafka://HOST:PORT",
                       (int)strcspn(url, "?"), url);
    if (strlen(url) >= sizeof default_url)
        return k2_fail(err, K2_E_RANGE, "the journal's address is longer than %zu bytes",
                       sizeof default_url - 1);
    return K2_OK;
}

int journal_use(const char *url, struct k2_err *err) {
    K2_TRY(journal_url_check(url, err));
    memcpy(default_url, url, strlen(url) + 1);
    return K2_OK;
}

/* Whether a property's value is nobody's business. */
static bool is_secret(struct k2_sv key, struct k2_sv value) {
    static const char *const words[] = {"password", "secret", "token", "key.pem", "jaas"};
    if (k2_sv_starts(value, K2_SV("env:")) || k2_sv_starts(value, K2_SV("file:")))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(key.p, key.n, words[i], strlen(words[i])))
            return true;
    return false;
}

void journal_url_print(const char *url, struct k2_buf *out) {
    struct k2_sv rest = k2_sv_of(url), place = k2_sv_split(&rest, '?');
    k2_buf_sv(out, place);
    for (const char *before = "?"; rest.n > 0; before = "&") {
        struct k2_sv value = k2_sv_split(&rest, '&'), key = k2_sv_split(&value, '=');
        k2_buf_printf(out, "%s%.*s=", before, K2_SV_ARG(key));
        k2_buf_sv(out, is_secret(key, value) ? K2_SV("***") : value);
    }
}

bool journal_is_local(void) {
    return backend_of(k2_sv_of(default_url)) == &journal_local;
}

int journal_open(const char *data, enum journal_mode mode, const struct journal_options *options,
                 struct journal **out, struct k2_err *err) {
    const char *url = options && options->url ? options->url : default_url;
    if (options && options->partitions > JOURNAL_MAX_PARTITIONS)
        return k2_fail(err, K2_E_RANGE, "%d partitions are too many (most: %d)",
                       options->partitions, JOURNAL_MAX_PARTITIONS);
    K2_TRY(journal_url_check(url, err));
    return backend_of(k2_sv_of(url))->open(data, url, mode, options, out, err);
}

void journal_init(struct journal *j, const struct journal_ops *ops, enum journal_mode mode,
                  const struct journal_options *options) {
    j->ops = ops;
    j->mode = mode;
    j->partitions = options ? options->partitions : 0; /* 0: see journal_profile_choose */
    pthread_mutex_init(&j->mutex, NULL);
}

void journal_fini(struct journal *j) {
    journal_gather_free(j);
    k2_registry_close(j->registry);
    pthread_mutex_destroy(&j->mutex);
}

void journal_close(struct journal *j) {
    if (j)
        j->ops->close(j);
}

int32_t journal_id(const struct journal *j) {
    return j->incarnation;
}

struct k2_registry *journal_registry(struct journal *j) {
    return j->registry;
}

/* --- topics --- */

static bool name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

int journal_name_check(struct k2_sv name, struct k2_err *err) {
    bool good = name.n >= 1 && name.n <= 249;
    for (size_t i = 0; good && i < name.n; i++)
        good = name_byte(name.p[i]);
    if (!good)
        return k2_fail(err, K2_E_INVALID,
                       "the topic name \"%.*s\" is not 1 to 249 of A-Z a-z 0-9 . _ -",
                       (int)(name.n > 300 ? 300 : name.n), name.n ? name.p : "");
    return K2_OK;
}

int journal_group_check(const char *group, struct k2_err *err) {
    if (group[0] == '.' || strlen(group) > 200)
        return k2_fail(err, K2_E_INVALID, "\"%s\" is no name for a consumer group", group);
    return journal_name_check(k2_sv_of(group), err);
}

void journal_topic_add(struct journal *j, const char *name, int32_t partitions,
                       const int64_t *starts) {
    size_t n = (size_t)partitions;
    j->topics = k2_realloc(j->topics, (size_t)(j->topic_count + 1) * sizeof *j->topics);
    struct topic *t = &j->topics[j->topic_count++];
    *t = (struct topic){.name = name, .partitions = partitions};
    t->ends = k2_alloc(n * sizeof *t->ends);
    memcpy(t->ends, starts, n * sizeof *t->ends);
    journal_version_place(j, j->topic_count - 1);
    if (j->mode != JOURNAL_WRITE)
        return;
    t->gathers = k2_zalloc(n * sizeof *t->gathers);
    for (size_t p = 0; p < n; p++)
        t->gathers[p].next = starts[p];
}

int32_t journal_topic_find(const struct journal *j, struct k2_sv name) {
    for (int32_t i = 0; i < j->topic_count; i++)
        if (k2_sv_eq(k2_sv_of(j->topics[i].name), name))
            return i;
    return -1;
}

struct journal_topic journal_topic_of(const struct journal *j, int32_t id) {
    const struct topic *t = &j->topics[id];
    return (struct journal_topic){id,         t->partitions, t->name,
                                  t->version, t->first,      (struct k2_sv){t->name, t->of_n}};
}

void journal_topic_cut(struct journal *j, int32_t topic, const int64_t *cut, int n) {
    struct topic *t = &j->topics[topic];
    if (t->cut || n <= 0)
        return;
    t->cut = k2_alloc((size_t)n * sizeof *t->cut);
    memcpy(t->cut, cut, (size_t)n * sizeof *t->cut);
    t->cut_n = n;
}

int journal_topic(struct journal *j, struct k2_sv name, bool create, struct journal_topic *out,
                  struct k2_err *err) {
    return j->ops->topic(j, name, create, out, err);
}

int32_t journal_topic_count(struct journal *j) {
    pthread_mutex_lock(&j->mutex);
    int32_t n = j->topic_count;
    pthread_mutex_unlock(&j->mutex);
    return n;
}

struct journal_topic journal_topic_at(struct journal *j, int32_t id) {
    pthread_mutex_lock(&j->mutex);
    K2_ASSERT(id >= 0 && id < j->topic_count);
    struct journal_topic t = journal_topic_of(j, id);
    pthread_mutex_unlock(&j->mutex);
    return t;
}

int32_t journal_partition(const struct journal_topic *t, struct k2_sv key) {
    return k2_kafka_partition(key.p, key.n, t->partitions);
}

/* --- appending and reading --- */

int journal_write(struct journal *j, int64_t *position, struct k2_err *err) {
    return j->ops->write(j, position, err);
}

int journal_flush(struct journal *j, int64_t position, struct k2_err *err) {
    return j->ops->flush(j, position, err);
}

int journal_commit(struct journal *j, struct k2_err *err) {
    return j->ops->commit(j, err);
}

int journal_commit_with(struct journal *j, const char *group, const struct journal_span *spans,
                        int n, struct k2_err *err) {
    K2_TRY(journal_group_check(group, err));
    return j->ops->commit_with(j, group, spans, n, err);
}

int journal_read(struct journal *j, const struct journal_span *spans, int n,
                 struct journal_reader **out, struct k2_err *err) {
    K2_TRY(j->ops->read(j, spans, n, out, err));
    (*out)->journal = j;
    return K2_OK;
}

int journal_next(struct journal_reader *r, struct journal_batch *batch, struct k2_err *err) {
    int got = r->ops->next(r, batch, err);
    if (got > 0)
        batch->row_partition = journal_topic_at(r->journal, batch->topic).first + batch->partition;
    return got;
}

void journal_reader_close(struct journal_reader *r) {
    if (r)
        r->ops->reader_close(r);
}

int journal_ends(struct journal *j, int32_t topic, int64_t *ends, struct k2_err *err) {
    return j->ops->ends(j, topic, ends, err);
}

void journal_wait(struct journal *j, int64_t ns) {
    const struct timespec t = {ns / K2_NS_PER_SEC, ns % K2_NS_PER_SEC};
    if (j->ops->wait)
        j->ops->wait(j, ns);
    else
        (void)nanosleep(&t, NULL);
}

int journal_starts(struct journal *j, int32_t topic, int64_t *starts, struct k2_err *err) {
    return j->ops->starts(j, topic, starts, err);
}

int journal_ends_at(struct journal *j, int32_t topic, int64_t append_ns_before, int64_t *ends,
                    struct k2_err *err) {
    return j->ops->ends_at(j, topic, append_ns_before, ends, err);
}

int journal_pin(struct journal *j, struct journal_pin **out, struct k2_err *err) {
    return j->ops->pin(j, out, err);
}

void journal_unpin(struct journal_pin *p) {
    if (p)
        p->ops->unpin(p);
}

/* --- consumer groups --- */

int journal_position_save(struct journal *j, const char *group, const struct journal_span *spans,
                          int n, struct k2_err *err) {
    K2_TRY(journal_group_check(group, err));
    return j->ops->position_save(j, group, spans, n, err);
}

int journal_position_load(struct journal *j, const char *group, struct journal_span **spans, int *n,
                          struct k2_err *err) {
    *spans = NULL;
    *n = 0;
    K2_TRY(journal_group_check(group, err));
    return j->ops->position_load(j, group, spans, n, err);
}

int journal_groups(struct journal *j, char ***names, size_t *n, struct k2_err *err) {
    return j->ops->groups(j, names, n, err);
}

int journal_group_remove(struct journal *j, const char *group, struct k2_err *err) {
    K2_TRY(journal_group_check(group, err));
    if (journal_group_saved_ns(j, group) < 0)
        return k2_fail(err, K2_E_NOTFOUND, "there is no group %s; k2 group list", group);
    return j->ops->group_remove(j, group, err);
}

int journal_group_members(struct journal *j, const char *group,
                          void (*visit)(void *ctx, const struct journal_member *m), void *ctx,
                          struct k2_err *err) {
    K2_TRY(journal_group_check(group, err));
    return j->ops->members ? j->ops->members(j, group, visit, ctx, err) : K2_OK;
}

int64_t journal_group_saved_ns(const struct journal *j, const char *group) {
    return j->ops->group_saved_ns(j, group);
}

int64_t journal_group_left_ns(const struct journal *j, const char *group, int64_t now_ns) {
    int64_t saved = journal_group_saved_ns(j, group);
    bool live = k2_sv_starts(k2_sv_of(group), K2_SV("raw."));
    return live && saved > 0 && now_ns - saved > LEFT_NS ? saved : 0;
}

/* --- what is known of the log --- */

int journal_sizes(struct journal *j, int32_t topic, struct journal_size *sizes,
                  struct k2_err *err) {
    return j->ops->sizes(j, topic, sizes, err);
}

int journal_segment_count(struct journal *j) {
    return j->ops->segment_count(j);
}

int journal_segment(struct journal *j, int index, struct journal_segment_info *out,
                    struct k2_err *err) {
    return j->ops->segment(j, index, out, err);
}

int journal_removed_count(struct journal *j) {
    return j->ops->removed_count(j);
}

int journal_removed(struct journal *j, int index, struct journal_segment_info *out,
                    struct k2_err *err) {
    return j->ops->removed(j, index, out, err);
}

int journal_seal(struct journal *j, struct k2_err *err) {
    return j->ops->seal(j, err);
}

int journal_retain(struct journal *j, const struct journal_retention *r, int *removed,
                   char stopped[256], struct k2_err *err) {
    return j->ops->retain(j, r, removed, stopped, err);
}

int journal_verify(struct journal *j, void (*finding)(void *ctx, const char *text), void *ctx,
                   int64_t *findings, int64_t *records, struct k2_err *err) {
    return j->ops->verify(j, finding, ctx, findings, records, err);
}

int journal_encryption(struct journal *j,
                       void (*visit)(void *ctx, const struct journal_encryption *e), void *ctx,
                       struct k2_err *err) {
    return j->ops->encryption ? j->ops->encryption(j, visit, ctx, err) : K2_OK;
}

int journal_image_take(struct journal *j, struct journal_image *out, struct k2_err *err) {
    return j->ops->image_take(j, out, err);
}

int journal_image_reach(struct journal *j, const char *name, char **path, struct k2_err *err) {
    if (!j->ops->image_reach)
        return k2_fail(err, K2_E_NOTFOUND, "%s has gone", name);
    return j->ops->image_reach(j, name, path, err);
}

int journal_image_check(struct journal *j, const char *name, int64_t from, int64_t to,
                        struct k2_err *err) {
    return j->ops->image_check ? j->ops->image_check(j, name, from, to, err) : K2_OK;
}

void journal_image_free(struct journal_image *image) {
    for (int i = 0; i < image->n; i++) {
        free(image->files[i].name);
        k2_buf_free(&image->files[i].content);
    }
    free(image->files);
    free(image->spans);
    *image = (struct journal_image){0};
}
