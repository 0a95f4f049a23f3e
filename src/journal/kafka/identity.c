/* journal/kafka/identity.c - topic PREFIXk2.journal: which journal this is, of which topics, with which schemas.
 *
 * One partition, compacted. Records, the last of a key counts:
 *   key "journal"      value: the incarnation, decimal
 *   key "topic/NAME"   value: what the cluster calls the topic (KIP-516: a topic that is made anew has another id)
 *   key "cut/NAME"     value: where the version before topic NAME ended (journal/version.h), one end a partition
 *   key "schemas"      value: the text of schemas.json (codec/registry.h)
 *   key "removed/..."  value: what retention removed (removed.c)
 * They are written in the transaction whose records need them, so no record is there without its schema.
 *
 * A topic whose id is another than the one noted was deleted and made anew: its offsets mean nothing to the tables, and
 * it is refused, never read from its beginning as if it were the same.
 */
#include "journal/kafka/kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

/* --- reading --- */

struct noted { /* what the topic says */
    char *key, *value;
};

struct notes {
    struct noted *at;
    int n;
};

static void note(struct notes *notes, struct k2_sv key, struct k2_sv value) {
    for (int i = 0; i < notes->n; i++)
        if (k2_sv_eq(k2_sv_of(notes->at[i].key), key)) {
            free(notes->at[i].value);
            notes->at[i].value = k2_sv_dup(value);
            return;
        }
    notes->at = k2_realloc(notes->at, (size_t)(notes->n + 1) * sizeof *notes->at);
    notes->at[notes->n++] = (struct noted){k2_sv_dup(key), k2_sv_dup(value)};
}

static const char *noted(const struct notes *notes, const char *key) {
    for (int i = 0; i < notes->n; i++)
        if (strcmp(notes->at[i].key, key) == 0)
            return notes->at[i].value;
    return NULL;
}

static void free_notes(struct notes *notes) {
    for (int i = 0; i < notes->n; i++) {
        free(notes->at[i].key);
        free(notes->at[i].value);
    }
    free(notes->at);
}

static char *full_name(const struct kafka *k, const char *name) {
    struct k2_buf out = {0};
    k2_buf_printf(&out, "%s%s", k->address.prefix, name);
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

/* Each part that was removed has a key of its own: they are many, and are kept apart. */
static int take_note(struct kafka *k, struct notes *notes, const struct kafka_message *m,
                     struct k2_err *err) {
    if (k2_sv_starts(m->key, K2_SV(KAFKA_REMOVED)))
        return kafka_parts_read(&k->gone, m->key, m->value, err);
    note(notes, m->key, m->value);
    return K2_OK;
}

static int read_all(struct kafka *k, struct kafka_client *c, struct notes *notes,
                    struct k2_err *err) {
    struct kafka_message m[64];
    for (int idle = 0; idle < 30; idle++) {
        int n = client_poll(c, m, 64, 1000, err);
        if (n < 0)
            return n;
        for (int i = 0; i < n; i++) {
            if (m[i].end)
                return K2_OK;
            K2_TRY(take_note(k, notes, &m[i], err));
            idle = 0;
        }
    }
    return k2_fail(err, K2_E_UNAVAILABLE, "the brokers do not give topic %s", KAFKA_JOURNAL);
}

static int read_notes(struct kafka *k, const char *topic, struct notes *notes, struct k2_err *err) {
    struct kafka_client *c;
    struct kafka_at at = {topic, 0, KAFKA_EARLIEST};
    K2_TRY(kafka_reader_take(k, &c, err));
    int rc = client_offsets(c, &at, NULL, 1, true, err);
    if (rc == K2_OK)
        rc = client_assign(c, &at, 1, err);
    if (rc == K2_OK)
        rc = read_all(k, c, notes, err);
    kafka_reader_give(k, c);
    return rc;
}

/* --- writing --- */

static int put(struct kafka *k, const char *key, struct k2_sv value, struct k2_err *err) {
    char *topic = full_name(k, KAFKA_JOURNAL);
    int rc = client_begin(k->writer, err);
    if (rc == K2_OK)
        rc = client_send(k->writer, topic, 0, k2_sv_of(key), value, -1, err);
    free(topic);
    return rc;
}

static int32_t draw(void) {
    uint32_t drawn = 0;
    while ((drawn & INT32_MAX) == 0)
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
            abort(); /* the kernel has random bytes for ever, once it has had some */
    return (int32_t)(drawn & INT32_MAX);
}

static int make_journal(struct kafka *k, struct k2_err *err) {
    char text[16];
    snprintf(text, sizeof text, "%" PRId32, draw());
    K2_TRY(put(k, "journal", k2_sv_of(text), err));
    K2_TRY(client_commit(k->writer, err));
    k->base.incarnation = (int32_t)strtol(text, NULL, 10);
    return K2_OK;
}

int kafka_identify_note(struct kafka *k, const char *key, struct k2_sv value, struct k2_err *err) {
    return put(k, key, value, err);
}

int kafka_identify_topic(struct kafka *k, const char *name, struct k2_err *err) {
    char id[KAFKA_TOPIC_ID], *full = full_name(k, name);
    struct k2_buf key = {0};
    k2_buf_printf(&key, "topic/%s", name);
    int rc = client_topic_id(k->asker, full, id, err);
    if (rc == K2_OK)
        rc = put(k, k2_buf_cstr(&key), k2_sv_of(id), err);
    k2_buf_free(&key);
    free(full);
    return rc;
}

/* --- schemas --- */

static void stamp(const char *path, int64_t out[3]) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    out[0] = there ? (int64_t)st.st_ino : 0;
    out[1] = there ? st.st_mtim.tv_sec : 0;
    out[2] = there ? st.st_mtim.tv_nsec : 0;
}

int kafka_identify_schemas(struct kafka *k, struct k2_err *err) {
    int64_t now[3];
    char *path = k2_path(k->dir, "schemas.json");
    struct k2_buf text = {0};
    int rc = K2_OK;
    stamp(path, now);
    if (memcmp(now, k->schemas_stamp, sizeof now) != 0) {
        rc = k2_fs_read(path, &text, err);
        if (rc == K2_OK)
            rc = put(k, "schemas", k2_buf_view(&text), err);
        if (rc == K2_OK)
            memcpy(k->schemas_stamp, now, sizeof now);
    }
    k2_buf_free(&text);
    free(path);
    return rc;
}

/* The file in the data directory is a copy of what the journal says. */
static int take_schemas(struct kafka *k, const char *text, struct k2_err *err) {
    char *path = k2_path(k->dir, "schemas.json");
    struct k2_buf here = {0};
    int rc = K2_OK;
    (void)!k2_fs_read(path, &here, NULL);
    if (!k2_sv_eq(k2_buf_view(&here), k2_sv_of(text)))
        rc = k2_fs_replace(path, k2_sv_of(text), err);
    stamp(path, k->schemas_stamp);
    k2_buf_free(&here);
    free(path);
    return rc;
}

/* --- the journal --- */

/* Of this journal alone: another one in the same data directory has schemas of its own. */
static int make_directory(struct kafka *k, struct k2_err *err) {
    struct k2_buf path = {0};
    k2_buf_printf(&path, "%s/kafka/%" PRId32, k->data, k->base.incarnation);
    k->dir = k2_sv_dup(k2_buf_view(&path));
    k2_buf_free(&path);
    return k2_fs_mkdirs(k->dir, err);
}

static int check_topic(struct kafka *k, const struct notes *notes, const char *name,
                       struct k2_err *err) {
    char id[KAFKA_TOPIC_ID], *full = full_name(k, name);
    struct k2_buf key = {0};
    k2_buf_printf(&key, "topic/%s", name);
    const char *known = noted(notes, k2_buf_cstr(&key));
    int rc = known ? client_topic_id(k->asker, full, id, err) : K2_OK;
    if (rc == K2_OK && known && strcmp(known, id) != 0)
        rc =
            k2_fail(err, K2_E_CONFLICT,
                    "topic %s was deleted and made anew: its offsets are not those that the tables "
                    "know. Restore it, or begin a new journal with another prefix",
                    full);
    if (rc == K2_OK && !known && k->base.mode == JOURNAL_WRITE)
        rc = kafka_identify_topic(k, name, err);
    k2_buf_free(&key);
    free(full);
    return rc;
}

/* --- cuts --- */

int kafka_cut(struct journal *journal, int32_t topic, const int64_t *cut, int n,
              struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct k2_buf key = {0}, value = {0};
    k2_buf_printf(&key, KAFKA_CUT "%s", journal_topic_at(journal, topic).name);
    for (int i = 0; i < n; i++)
        k2_buf_printf(&value, "%s%" PRId64, i > 0 ? " " : "", cut[i]);
    int rc = put(k, k2_buf_cstr(&key), k2_buf_view(&value), err);
    if (rc == K2_OK)
        rc = client_commit(k->writer, err);
    k2_buf_free(&key);
    k2_buf_free(&value);
    K2_TRY(rc);
    pthread_mutex_lock(&journal->mutex);
    journal_topic_cut(journal, topic, cut, n);
    pthread_mutex_unlock(&journal->mutex);
    return K2_OK;
}

/* Not every broker may have heard of the topic yet; a writer that did not either would append to the version before. */
static int take_cut(struct kafka *k, const char *name, const char *value, struct k2_err *err) {
    struct journal_topic t = {0};
    struct k2_sv left = k2_sv_of(value);
    int64_t cut[JOURNAL_MAX_PARTITIONS];
    int n = 0;
    K2_TRY(kafka_topic_wait(k, k2_sv_of(name), &t, err));
    while (left.n > 0)
        if (n == JOURNAL_MAX_PARTITIONS || !k2_sv_i64(k2_sv_split(&left, ' '), &cut[n++]))
            return k2_fail(err, K2_E_CORRUPT, "topic %s%s says \"%s\" is the cut before topic %s",
                           k->address.prefix, KAFKA_JOURNAL, value, name);
    pthread_mutex_lock(&k->base.mutex);
    journal_topic_cut(&k->base, t.id, cut, n);
    pthread_mutex_unlock(&k->base.mutex);
    return K2_OK;
}

static int take_cuts(struct kafka *k, const struct notes *notes, struct k2_err *err) {
    const size_t skip = strlen(KAFKA_CUT);
    for (int i = 0; i < notes->n; i++)
        if (k2_sv_starts(k2_sv_of(notes->at[i].key), K2_SV(KAFKA_CUT)))
            K2_TRY(take_cut(k, notes->at[i].key + skip, notes->at[i].value, err));
    return K2_OK;
}

static int adopt(struct kafka *k, const struct notes *notes, struct k2_err *err) {
    const char *id = noted(notes, "journal"), *schemas = noted(notes, "schemas");
    int64_t incarnation;
    if (!id && k->base.mode == JOURNAL_WRITE)
        K2_TRY(make_journal(k, err));
    else if (!id)
        return k2_fail(err, K2_E_NOTFOUND, "there is no journal at %s", k->address.text);
    else if (!k2_sv_i64(k2_sv_of(id), &incarnation) || incarnation <= 0 || incarnation > INT32_MAX)
        return k2_fail(err, K2_E_CORRUPT, "topic %s%s says \"%s\" is the journal's number",
                       k->address.prefix, KAFKA_JOURNAL, id);
    else
        k->base.incarnation = (int32_t)incarnation;
    K2_TRY(make_directory(k, err));
    if (schemas)
        K2_TRY(take_schemas(k, schemas, err));
    K2_TRY(take_cuts(k, notes, err));
    for (int32_t i = 0; i < k->base.topic_count; i++)
        K2_TRY(check_topic(k, notes, k->base.topics[i].name, err));
    return k->base.mode == JOURNAL_WRITE ? client_commit(k->writer, err) : K2_OK;
}

/* --- what was removed --- */

static bool is_gone(struct kafka *k, const struct kafka_part *p, int32_t topic,
                    const int64_t *starts) {
    return p->read == p->pages && k->base.topics[topic].partitions > p->span.partition &&
           starts[p->span.partition] >= p->span.to;
}

/* Keeps of the notes of one topic those whose records are gone, in `kept`. */
static int settle_topic(struct kafka *k, int32_t topic, struct kafka_parts *kept,
                        struct k2_err *err) {
    int64_t *starts = NULL;
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < k->gone.n; i++) {
        struct kafka_part *p = &k->gone.at[i];
        if (!p->topic || strcmp(p->topic, k->base.topics[topic].name) != 0)
            continue;
        if (!starts) {
            starts = k2_alloc((size_t)k->base.topics[topic].partitions * sizeof *starts);
            rc = kafka_starts(&k->base, topic, starts, err);
        }
        if (rc == K2_OK && is_gone(k, p, topic, starts))
            kafka_parts_add(kept, p);
    }
    free(starts);
    return rc;
}

/* A note whose records are still there is of a process that ended before it removed them. */
static int settle(struct kafka *k, struct k2_err *err) {
    struct kafka_parts kept = {0};
    int rc = K2_OK;
    for (int32_t t = 0; rc == K2_OK && t < k->base.topic_count; t++)
        rc = settle_topic(k, t, &kept, err);
    kafka_parts_free(&k->gone);
    k->gone = kept;
    kafka_parts_sort(&k->gone);
    return rc;
}

struct search {
    const char *name;
    bool found;
};

static void look(void *ctx, const struct kafka_listed *topic) {
    struct search *s = ctx;
    s->found = s->found || strcmp(topic->name, s->name) == 0;
}

static int find_or_make(struct kafka *k, const char *topic, struct k2_err *err) {
    struct search s = {topic, false};
    K2_TRY(client_topics(k->asker, look, &s, err));
    if (s.found)
        return K2_OK;
    if (k->base.mode != JOURNAL_WRITE)
        return k2_fail(err, K2_E_NOTFOUND, "there is no journal at %s", k->address.text);
    return kafka_topic_make(k, KAFKA_JOURNAL, 1, err);
}

int kafka_identify(struct kafka *k, struct k2_err *err) {
    struct notes notes = {0};
    char *topic = full_name(k, KAFKA_JOURNAL);
    int rc = find_or_make(k, topic, err);
    if (rc == K2_OK)
        rc = read_notes(k, topic, &notes, err);
    if (rc == K2_OK)
        rc = adopt(k, &notes, err);
    if (rc == K2_OK)
        rc = settle(k, err);
    free_notes(&notes);
    free(topic);
    return rc;
}
