/* Manifest lists: an Avro container file <table>/metadata/snap-<snapshot>-<uuid>.avro with one
 * record a manifest (schema in manifest_schema.h) and file metadata snapshot-id,
 * parent-snapshot-id, sequence-number, format-version. Written once, never changed.
 *
 * Validity: as a container file (ocf.c), and every record has a path, a length and a spec. */
#include "codec/codec.h"
#include "lake/manifest.h"
#include "lake/manifest_schema.h"

#include <stdio.h>
#include <stdlib.h>

void lake_manifest_free(struct lake_manifest *m) {
    for (int i = 0; i < m->summary_count; i++) {
        free(m->summaries[i].lower.p);
        free(m->summaries[i].upper.p);
    }
    free(m->summaries);
    free(m->location);
    *m = (struct lake_manifest){0};
}

void lake_manifest_list_free(struct lake_manifest_list *list) {
    for (int i = 0; i < list->n; i++)
        lake_manifest_free(&list->at[i]);
    free(list->at);
    *list = (struct lake_manifest_list){0};
}

void lake_manifest_list_add(struct lake_manifest_list *list, struct lake_manifest *m) {
    if ((list->n & (list->n - 1)) == 0) /* full: room for 1, 2, 4, 8 ... */
        list->at = k2_realloc(list->at, (list->n ? 2 * (size_t)list->n : 1) * sizeof *list->at);
    list->at[list->n++] = *m;
    *m = (struct lake_manifest){0};
}

static int64_t live(int64_t added, int64_t existing) {
    return added < 0 || existing < 0 ? -1 : added + existing;
}

int64_t lake_manifest_live_files(const struct lake_manifest *m) {
    return live(m->added_files, m->existing_files);
}

int64_t lake_manifest_live_rows(const struct lake_manifest *m) {
    return live(m->added_rows, m->existing_rows);
}

/* --- reading --- */

enum tag {
    NONE,
    PATH,
    LENGTH,
    SPEC,
    CONTENT,
    SEQUENCE,
    MIN_SEQUENCE,
    SNAPSHOT,
    ADDED_FILES,
    EXISTING_FILES,
    DELETED_FILES,
    ADDED_ROWS,
    EXISTING_ROWS,
    DELETED_ROWS,
    KEY_METADATA,
    SUMMARY,
    CONTAINS_NULL,
    CONTAINS_NAN,
    LOWER,
    UPPER
};

static const struct {
    const char *path;
    enum tag tag;
} paths[] = {{"manifest_path", PATH},
             {"manifest_length", LENGTH},
             {"partition_spec_id", SPEC},
             {"content", CONTENT},
             {"sequence_number", SEQUENCE},
             {"min_sequence_number", MIN_SEQUENCE},
             {"added_snapshot_id", SNAPSHOT},
             /* Version 1 says data_files where version 2 says files. */
             {"added_files_count", ADDED_FILES},
             {"added_data_files_count", ADDED_FILES},
             {"existing_files_count", EXISTING_FILES},
             {"existing_data_files_count", EXISTING_FILES},
             {"deleted_files_count", DELETED_FILES},
             {"deleted_data_files_count", DELETED_FILES},
             {"added_rows_count", ADDED_ROWS},
             {"existing_rows_count", EXISTING_ROWS},
             {"deleted_rows_count", DELETED_ROWS},
             {"key_metadata", KEY_METADATA},
             {"partitions", SUMMARY},
             {"partitions.contains_null", CONTAINS_NULL},
             {"partitions.contains_nan", CONTAINS_NAN},
             {"partitions.lower_bound", LOWER},
             {"partitions.upper_bound", UPPER}};

struct reading {
    struct lake_manifest row;
    struct lake_manifest_list *list;
};

static const struct lake_manifest unsaid = {.length = -1,
                                            .spec_id = -1,
                                            .added_files = -1,
                                            .existing_files = -1,
                                            .deleted_files = -1,
                                            .added_rows = -1,
                                            .existing_rows = -1,
                                            .deleted_rows = -1};

static int tag_of(void *ctx, const char *path) {
    (void)ctx;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(path, paths[i].path) == 0)
            return (int)paths[i].tag;
    return NONE;
}

static void set_blob(struct lake_blob *b, struct k2_sv bytes) {
    free(b->p);
    b->n = (int64_t)bytes.n;
    b->p = k2_sv_dup(bytes);
}

static bool summary_leaf(struct lake_manifest *m, int tag, int64_t number, struct k2_sv bytes) {
    if (tag == SUMMARY) {
        if (m->summary_count == 1000) /* of a spec's fields; a real one has a handful */
            return false;
        size_t n = (size_t)m->summary_count + 1;
        m->summaries = k2_realloc(m->summaries, n * sizeof *m->summaries);
        m->summaries[m->summary_count++] =
            (struct lake_summary){.contains_nan = -1, .lower.n = -1, .upper.n = -1};
        return true;
    }
    if (m->summary_count == 0)
        return false;
    struct lake_summary *s = &m->summaries[m->summary_count - 1];
    if (tag == CONTAINS_NULL)
        s->contains_null = number != 0;
    else if (tag == CONTAINS_NAN)
        s->contains_nan = (int)number;
    else
        set_blob(tag == LOWER ? &s->lower : &s->upper, bytes);
    return true;
}

static bool count_leaf(struct lake_manifest *m, int tag, int64_t number) {
    int64_t *counts[] = {&m->added_files, &m->existing_files, &m->deleted_files,
                         &m->added_rows,  &m->existing_rows,  &m->deleted_rows};
    *counts[tag - ADDED_FILES] = number;
    return number >= 0;
}

static bool leaf(void *ctx, int tag, int64_t number, struct k2_sv bytes) {
    struct lake_manifest *m = &((struct reading *)ctx)->row;
    switch (tag) {
    case PATH:
        free(m->location);
        m->location = k2_sv_dup(bytes);
        return bytes.n > 0 && !memchr(bytes.p, 0, bytes.n);
    case LENGTH:
        m->length = number;
        return number >= 0;
    case SPEC:
        m->spec_id = (int)number;
        return number >= 0 && number <= INT32_MAX;
    case CONTENT:
        m->content = (int)number;
        return number == 0 || number == 1;
    case SEQUENCE:
        m->sequence = number;
        return number >= 0;
    case MIN_SEQUENCE:
        m->min_sequence = number;
        return number >= 0;
    case SNAPSHOT:
        m->added_snapshot = number;
        return true;
    case KEY_METADATA:
        m->encrypted = true;
        return true;
    default:
        return tag >= SUMMARY ? summary_leaf(m, tag, number, bytes) : count_leaf(m, tag, number);
    }
}

static K2_RC end_record(void *ctx, struct k2_err *err) {
    struct reading *r = ctx;
    if (!r->row.location || r->row.length < 0 || r->row.spec_id < 0)
        return k2_fail(err, K2_E_CORRUPT, "a record of it lacks path, length or partition spec");
    lake_manifest_list_add(r->list, &r->row);
    r->row = unsaid;
    return K2_OK;
}

K2_RC lake_manifest_list_parse(struct k2_sv bytes, struct lake_manifest_list *out,
                               struct k2_err *err) {
    struct lake_manifest_list list = {0};
    struct reading reading = {.row = unsaid, .list = &list};
    struct lake_ocf_visitor v = {
        .ctx = &reading, .tag = tag_of, .leaf = leaf, .record = end_record};
    struct lake_ocf_reader reader = {0};
    int rc = lake_ocf_read(&reader, bytes, &v, err);
    lake_ocf_reader_free(&reader);
    lake_manifest_free(&reading.row);
    if (rc != K2_OK) {
        lake_manifest_list_free(&list);
        return rc;
    }
    *out = list;
    return K2_OK;
}

K2_RC lake_manifest_list_load(const char *location, struct lake_manifest_list *out,
                              struct k2_err *err) {
    struct k2_buf bytes = {0};
    int rc = lake_file_read(location, &bytes, err);
    if (rc == K2_OK)
        rc = lake_manifest_list_parse(k2_buf_view(&bytes), out, err);
    k2_buf_free(&bytes);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "manifest list %s", location);
}

/* --- writing --- */

static void put_optional(struct k2_buf *b, const struct lake_blob *blob) {
    k2_avro_put_long(b, blob->n >= 0);
    if (blob->n >= 0)
        k2_avro_put_bytes(b, (struct k2_sv){blob->p, (size_t)blob->n});
}

static void put_summaries(struct k2_buf *b, const struct lake_manifest *m) {
    k2_avro_put_long(b, 1);
    if (m->summary_count)
        k2_avro_put_long(b, m->summary_count);
    for (int i = 0; i < m->summary_count; i++) {
        const struct lake_summary *s = &m->summaries[i];
        k2_buf_byte(b, s->contains_null);
        k2_avro_put_long(b, s->contains_nan >= 0);
        if (s->contains_nan >= 0)
            k2_buf_byte(b, s->contains_nan != 0);
        put_optional(b, &s->lower);
        put_optional(b, &s->upper);
    }
    k2_avro_put_long(b, 0);
}

/* The counts are said: commit.c refuses lists that lack them, since 0 would let readers skip the
 * manifest. */
static void put_row(struct k2_buf *b, const struct lake_manifest *m) {
    k2_avro_put_bytes(b, k2_sv_of(m->location));
    const int64_t numbers[] = {m->length,      m->spec_id,        m->content,
                               m->sequence,    m->min_sequence,   m->added_snapshot,
                               m->added_files, m->existing_files, m->deleted_files,
                               m->added_rows,  m->existing_rows,  m->deleted_rows};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        k2_avro_put_long(b, numbers[i]);
    put_summaries(b, m);
    k2_avro_put_long(b, 0); /* key_metadata */
}

K2_RC lake_manifest_list_format(const struct lake_manifest_list *list, int64_t snapshot,
                                int64_t parent, int64_t sequence, struct k2_buf *out,
                                struct k2_err *err) {
    struct k2_buf records = {0};
    char id[24], parent_id[24], sequence_text[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)snapshot);
    (void)snprintf(parent_id, sizeof parent_id, "%lld", (long long)parent);
    (void)snprintf(sequence_text, sizeof sequence_text, "%lld", (long long)sequence);
    const struct lake_ocf_pair pairs[] = {
        {"snapshot-id", k2_sv_of(id)},
        {"parent-snapshot-id", k2_sv_of(parent ? parent_id : "null")},
        {"sequence-number", k2_sv_of(sequence_text)},
        {"format-version", K2_SV("2")}};
    for (int i = 0; i < list->n; i++)
        put_row(&records, &list->at[i]);
    int rc = lake_ocf_write(LAKE_LIST_SCHEMA, pairs, 4, k2_buf_view(&records), list->n, out, err);
    k2_buf_free(&records);
    return rc;
}
