/* Offset vectors and their JSON text {"journal":N,"topics":{"NAME":[end of partition 0, 1, ...]}}.
 *
 * The text is what snapshots and tables carry. It is canonical: topics in byte order, each array as
 * long as its highest partition asks, -1 for a partition below that which was never read. */
#include "base/json.h"
#include "lake/lake_int.h"

#include <stdlib.h>

#define MAX_PARTITION 100000 /* of a topic; a larger number in a text is damage */

static int compare(const struct lake_offset *o, struct k2_sv topic, int32_t partition) {
    int c = k2_sv_cmp(k2_sv_of(o->topic), topic);
    return c ? c : (o->partition > partition) - (o->partition < partition);
}

/* The index of the first element that is not before (topic, partition). */
static int lower_bound(const struct lake_offsets *o, struct k2_sv topic, int32_t partition) {
    int low = 0, high = o->n;
    while (low < high) {
        int mid = low + (high - low) / 2;
        if (compare(&o->at[mid], topic, partition) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void set(struct lake_offsets *o, struct k2_sv topic, int32_t partition, int64_t end) {
    int i = lower_bound(o, topic, partition);
    if (i == o->n || compare(&o->at[i], topic, partition) != 0) {
        o->at = k2_realloc(o->at, ((size_t)o->n + 1) * sizeof *o->at);
        memmove(&o->at[i + 1], &o->at[i], (size_t)(o->n - i) * sizeof *o->at);
        o->n++;
        o->at[i] = (struct lake_offset){.partition = partition};
        memcpy(o->at[i].topic, topic.p, topic.n);
    }
    o->at[i].end = end;
}

void lake_offsets_set(struct lake_offsets *o, const char *topic, int32_t partition, int64_t end) {
    struct k2_sv name = k2_sv_of(topic);
    K2_ASSERT(name.n < sizeof o->at->topic && partition >= 0 && partition <= MAX_PARTITION);
    set(o, name, partition, end);
}

int64_t lake_offsets_get(const struct lake_offsets *o, const char *topic, int32_t partition) {
    struct k2_sv name = k2_sv_of(topic);
    int i = lower_bound(o, name, partition);
    return i < o->n && compare(&o->at[i], name, partition) == 0 ? o->at[i].end : 0;
}

void lake_offsets_free(struct lake_offsets *o) {
    free(o->at);
    *o = (struct lake_offsets){0};
}

static bool covers(const struct lake_offsets *a, const struct lake_offsets *b) {
    for (int i = 0; i < a->n; i++)
        if (a->at[i].end != lake_offsets_get(b, a->at[i].topic, a->at[i].partition))
            return false;
    return true;
}

bool lake_offsets_equal(const struct lake_offsets *a, const struct lake_offsets *b) {
    return a->journal_id == b->journal_id && covers(a, b) && covers(b, a);
}

/* --- text --- */

void lake_offsets_format(const struct lake_offsets *o, struct k2_buf *out) {
    struct k2_json *root = k2_json_object(), *topics = k2_json_object(), *list = NULL;
    for (int i = 0; i < o->n; i++) {
        const struct lake_offset *at = &o->at[i];
        if (i == 0 || strcmp(at->topic, o->at[i - 1].topic) != 0) {
            list = k2_json_array();
            k2_json_set(topics, at->topic, list);
        }
        while (k2_json_count(list) < (size_t)at->partition)
            k2_json_append(list, k2_json_int(-1));
        k2_json_append(list, k2_json_int(at->end));
    }
    k2_json_set(root, "journal", k2_json_int(o->journal_id));
    k2_json_set(root, "topics", topics);
    k2_json_dump(root, out);
    k2_json_free(root);
}

static K2_RC read_topic(struct k2_sv name, const struct k2_json *ends, struct lake_offsets *o,
                        struct k2_err *err) {
    if (k2_json_type(ends) != K2_JSON_ARRAY || k2_json_count(ends) > MAX_PARTITION)
        return k2_fail(err, K2_E_CORRUPT, "it is not a list of partitions");
    if (name.n == 0 || name.n >= sizeof o->at->topic)
        return k2_fail(err, K2_E_CORRUPT, "its name is empty or too long");
    for (size_t p = 0; p < k2_json_count(ends); p++) {
        int64_t end;
        if (!k2_json_as_int(k2_json_at(ends, p), &end) || end < -1)
            return k2_fail(err, K2_E_CORRUPT, "partition %zu has no valid end", p);
        if (end >= 0)
            set(o, name, (int32_t)p, end);
    }
    return K2_OK;
}

static K2_RC read_root(const struct k2_json *root, struct lake_offsets *o, struct k2_err *err) {
    int64_t journal = lake_json_int(root, "journal", -1);
    const struct k2_json *topics = k2_json_get(root, "topics");
    if (journal < 0 || journal > INT32_MAX || k2_json_type(topics) != K2_JSON_OBJECT)
        return k2_fail(err, K2_E_CORRUPT, "journal or topics is missing or malformed");
    o->journal_id = (int32_t)journal;
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *ends;
    while (k2_json_next(topics, &iter, &name, &ends))
        K2_TRY_CTX(read_topic(name, ends, o, err), err, "topic %.*s", K2_SV_ARG(name));
    return K2_OK;
}

K2_RC lake_offsets_parse(struct k2_sv text, struct lake_offsets *out, struct k2_err *err) {
    struct lake_offsets o = {0};
    struct k2_json *root;
    int rc = k2_json_parse(text, &root, err);
    if (rc == K2_OK) {
        rc = read_root(root, &o, err);
        k2_json_free(root);
    } else {
        rc = k2_fail(err, K2_E_CORRUPT, "it is not JSON");
    }
    if (rc != K2_OK) {
        lake_offsets_free(&o);
        return k2_err_context(err, rc, "offset vector %.*s", (int)(text.n < 200 ? text.n : 200),
                              text.p ? text.p : "");
    }
    *out = o;
    return K2_OK;
}
