/* journal/marks.c - see marks.h. */
#include "journal/marks.h"

#include "journal/last_record.h"

#include "base/clock.h"
#include "base/fs.h"

#include <stdlib.h>

#define TOPIC K2_SV("k2.marks")

/* Beyond so many the oldest are dropped: of files nobody reads any more. */
enum { MOST = 1024 };

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"source_marks\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"marks\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
    "\"name\":\"source_mark\",\"fields\":[{\"name\":\"path\",\"type\":\"string\"},"
    "{\"name\":\"format\",\"type\":\"string\"},{\"name\":\"mark\",\"type\":\"bytes\"},"
    "{\"name\":\"time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}}}]}";

struct entry {
    char *path, *format;
    struct k2_buf mark;
    int64_t time_us;
};

struct marks {
    struct journal *journal;
    struct entry *all;
    size_t n;
    bool changed;
};

static void drop(struct marks *m, struct entry *e) {
    free(e->path);
    free(e->format);
    k2_buf_free(&e->mark);
    *e = m->all[--m->n];
}

static struct entry *find(const struct marks *m, const char *path, const char *format) {
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->all[i].path, path) == 0 && strcmp(m->all[i].format, format) == 0)
            return &m->all[i];
    return NULL;
}

static struct entry *add(struct marks *m, char *path, char *format) {
    m->all = k2_realloc(m->all, (m->n + 1) * sizeof *m->all);
    m->all[m->n] = (struct entry){.path = path, .format = format};
    return &m->all[m->n++];
}

/* --- reading --- */

static bool get_entry(struct marks *m, struct k2_sv *in) {
    struct k2_sv path, format, mark;
    int64_t time_us;
    if (!k2_avro_get_bytes(in, &path) || !k2_avro_get_bytes(in, &format) ||
        !k2_avro_get_bytes(in, &mark) || !k2_avro_get_long(in, &time_us))
        return false;
    char *name = k2_sv_dup(path);
    if (!feed_is_live(name) && !k2_fs_exists(name)) { /* of a file that is gone */
        free(name);
        return true;
    }
    struct entry *e = add(m, name, k2_sv_dup(format));
    k2_buf_sv(&e->mark, mark);
    e->time_us = time_us;
    return true;
}

static bool get_all(struct marks *m, struct k2_sv in) {
    int64_t left;
    for (;;) {
        if (!k2_avro_get_long(&in, &left) || left < 0)
            return false;
        if (left == 0)
            return in.n == 0;
        for (; left > 0; left--)
            if (!get_entry(m, &in))
                return false;
    }
}

int marks_open(struct journal *j, struct marks **out, struct k2_err *err) {
    struct marks *m = k2_zalloc(sizeof *m);
    struct k2_buf value = {0};
    uint32_t id;
    m->journal = j;
    int rc = last_record(j, TOPIC, &value, err);
    if (rc == K2_OK && value.n > 0)
        rc = k2_wire_schema_id(k2_buf_view(&value), &id, err);
    if (rc == K2_OK && value.n > 0 &&
        !get_all(m, (struct k2_sv){(char *)value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER}))
        rc = k2_fail(err, K2_E_CORRUPT, "the last record of topic k2.marks breaks its schema");
    k2_buf_free(&value);
    if (rc != K2_OK) {
        marks_close(m);
        return rc;
    }
    *out = m;
    return K2_OK;
}

void marks_close(struct marks *m) {
    if (!m)
        return;
    while (m->n)
        drop(m, &m->all[m->n - 1]);
    free(m->all);
    free(m);
}

struct k2_sv marks_get(const struct marks *m, const char *path, const char *format) {
    const struct entry *e = find(m, path, format);
    return e ? k2_buf_view(&e->mark) : (struct k2_sv){NULL, 0};
}

/* --- changing and writing --- */

static void drop_oldest(struct marks *m) {
    struct entry *oldest = m->all;
    for (size_t i = 1; i < m->n; i++)
        if (m->all[i].time_us < oldest->time_us)
            oldest = &m->all[i];
    drop(m, oldest);
}

void marks_set(struct marks *m, const char *path, const char *format, struct k2_sv mark) {
    struct entry *e = find(m, path, format);
    if (k2_sv_eq(mark, e ? k2_buf_view(&e->mark) : (struct k2_sv){NULL, 0}))
        return;
    m->changed = true;
    if (mark.n == 0) {
        if (e)
            drop(m, e);
        return;
    }
    if (!e)
        e = add(m, k2_strdup(path), k2_strdup(format));
    e->mark.n = 0;
    k2_buf_sv(&e->mark, mark);
    e->time_us = k2_floor_us(k2_now_ns());
    if (m->n > MOST)
        drop_oldest(m);
}

int marks_save(struct marks *m, struct k2_err *err) {
    struct journal_topic topic;
    uint32_t id;
    if (!m->changed)
        return K2_OK;
    K2_TRY(journal_topic(m->journal, TOPIC, true, &topic, err));
    K2_TRY(k2_registry_register(journal_registry(m->journal), K2_SV("k2.marks-value"),
                                k2_sv_of(schema), &id, err));
    struct k2_buf *out = journal_record_begin(m->journal, topic.id, 0, K2_SV("marks"));
    k2_wire_put_header(out, id);
    if (m->n > 0)
        k2_avro_put_long(out, (int64_t)m->n);
    for (size_t i = 0; i < m->n; i++) {
        const struct entry *e = &m->all[i];
        k2_avro_put_bytes(out, k2_sv_of(e->path));
        k2_avro_put_bytes(out, k2_sv_of(e->format));
        k2_avro_put_bytes(out, k2_buf_view(&e->mark));
        k2_avro_put_long(out, e->time_us);
    }
    k2_avro_put_long(out, 0);
    journal_record_end(m->journal, k2_now_ns());
    m->changed = false;
    return K2_OK;
}
