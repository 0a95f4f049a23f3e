/* Looking into a loaded table: its columns, snapshots, history and offset vectors. */
#include "base/clock.h"
#include "lake/lake_int.h"

struct lake_table_info lake_table_info(const struct lake_table *t) {
    return (struct lake_table_info){
        .name = t->name,
        .location = t->location,
        .metadata_location = t->metadata_location,
        .uuid = t->uuid,
        .last_updated_ms = t->last_updated_ms,
        .current_snapshot = t->current_snapshot,
        .schema_id = t->schema_id,
        .field_count = t->field_count,
        .fields = t->fields,
        .snapshot_count = t->snapshot_count,
    };
}

struct lake_snapshot lake_snapshot_at(const struct lake_table *t, int index) {
    K2_ASSERT(index >= 0 && index < t->snapshot_count);
    return t->snapshots[index];
}

static const struct lake_snapshot *find(const struct lake_table *t, int64_t id) {
    for (int i = t->snapshot_count; i-- > 0;)
        if (t->snapshots[i].id == id)
            return &t->snapshots[i];
    return NULL;
}

K2_RC lake_snapshot_find(const struct lake_table *t, int64_t id, struct lake_snapshot *out,
                         struct k2_err *err) {
    const struct lake_snapshot *s = find(t, id);
    if (!s)
        return k2_fail(err, K2_E_NOTFOUND,
                       "table %s has no snapshot %lld: it was never there or has expired", t->name,
                       (long long)id);
    *out = *s;
    return K2_OK;
}

K2_RC lake_snapshot_as_of(const struct lake_table *t, int64_t ns, struct lake_snapshot *out,
                          struct k2_err *err) {
    /* The log is in the order of the changes; clocks of several writers need not be. */
    int64_t ms = ns / K2_NS_PER_MS - (ns % K2_NS_PER_MS < 0);
    for (int i = t->log_count; i-- > 0;)
        if (t->log[i].timestamp_ms <= ms)
            return lake_snapshot_find(t, t->log[i].snapshot, out, err);
    /* The log begins after the last one that expired; before it there are those that stayed. */
    for (int i = t->snapshot_count; i-- > 0;)
        if (t->snapshots[i].timestamp_ms <= ms) {
            *out = t->snapshots[i];
            return K2_OK;
        }
    char text[K2_TIME_TEXT];
    (void)k2_time_format(ns, text);
    return k2_fail(err, K2_E_NOTFOUND, "table %s has no snapshot of %s or before", t->name, text);
}

const char *lake_snapshot_summary(const struct lake_table *t, int64_t id, const char *key) {
    struct k2_sv s;
    const struct k2_json *summary = k2_json_get(lake_metadata_snapshot(t, id), "summary");
    return k2_json_as_string(k2_json_get(summary, key), &s) ? s.p : NULL;
}

K2_RC lake_table_offsets(const struct lake_table *t, struct lake_offsets *out, struct k2_err *err) {
    *out = (struct lake_offsets){0};
    const char *text = lake_table_property(t, LAKE_PROPERTY_OFFSETS);
    if (!text)
        return K2_OK;
    K2_TRY_CTX(lake_offsets_parse(k2_sv_of(text), out, err), err, "property %s of table %s",
               LAKE_PROPERTY_OFFSETS, t->name);
    return K2_OK;
}

/* A snapshot that another program made moves no offset: what holds is its nearest ancestor's
 * vector. */
K2_RC lake_snapshot_offsets(const struct lake_table *t, int64_t snapshot, struct lake_offsets *out,
                            struct k2_err *err) {
    struct lake_snapshot first;
    K2_TRY(lake_snapshot_find(t, snapshot, &first, err));
    *out = (struct lake_offsets){0};
    const struct lake_snapshot *s = &first;
    for (int steps = 0; s && steps <= t->snapshot_count; steps++) {
        const char *text = lake_snapshot_summary(t, s->id, LAKE_PROPERTY_OFFSETS);
        if (text) {
            K2_TRY_CTX(lake_offsets_parse(k2_sv_of(text), out, err), err, "snapshot %lld",
                       (long long)s->id);
            return K2_OK;
        }
        s = find(t, s->parent);
    }
    return K2_OK;
}
