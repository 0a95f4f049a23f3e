/* codec/registry_model.c - see registry_model.h.
 *
 * File schemas.json, replaced as a whole (k2_fs_replace), so a reader sees the old or the new one:
 *   {"format":2,
 *    "ids":"service",                              only if a registry service gives the ids
 *    "compatibility":LEVEL, "mode":MODE,           global; only if not BACKWARD and READWRITE
 *    "schemas":[{"id":ID,"schema":TEXT[,"type":"JSON"|"PROTOBUF"]
 *                [,"references":[{"name":N,"subject":S,"version":V},...]]},...],
 *    "subjects":{"SUBJECT":{["own":true,]["compatibility":LEVEL,]["mode":MODE,]["asked":NS,]
 *                           "versions":[{"version":V,"id":ID[,"deleted":true]},...]}}}
 * Valid if and only if it parses, format is 1 or 2, ids and versions are positive and different, and every id that a
 * version names exists. A schema and its id stay for ever, also when no version names it any more: records may.
 * Format 1, which is read and becomes 2 with the next change, had
 *    "schemas":[TEXT,...]  with id = index + 1, and  "subjects":{"SUBJECT":[ID of version 1,...]}, all of them K2's own.
 */
#include "codec/registry_model.h"

#include "codec/registry.h"

#include <stdlib.h>

enum { FORMAT = 2 };

/* --- the pool --- */

static void free_schema(struct model_schema *s) {
    for (size_t i = 0; i < s->ref_count; i++) {
        free((char *)(uintptr_t)s->refs[i].name.p);
        free((char *)(uintptr_t)s->refs[i].subject.p);
    }
    free(s->refs);
    free((char *)(uintptr_t)s->text.p);
    free(s);
}

void model_pool_free(struct model_pool *p) {
    for (size_t i = 0; i < p->count; i++)
        free_schema(p->schemas[i]);
    for (size_t i = 0; i < p->name_count; i++)
        free(p->names[i]);
    free((void *)p->schemas);
    free((void *)p->names);
    *p = (struct model_pool){0};
}

/* The first schema whose id is not below. */
static size_t place_of(const struct model_pool *p, uint32_t id) {
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->schemas[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct model_schema *model_schema_by_id(const struct model_pool *p, uint32_t id) {
    size_t at = place_of(p, id);
    return at < p->count && p->schemas[at]->id == id ? p->schemas[at] : NULL;
}

static bool same_refs(const struct model_schema *s, const struct model_given *g) {
    if (s->ref_count != g->ref_count)
        return false;
    for (size_t i = 0; i < s->ref_count; i++)
        if (!k2_sv_eq(s->refs[i].name, g->refs[i].name) ||
            !k2_sv_eq(s->refs[i].subject, g->refs[i].subject) ||
            s->refs[i].version != g->refs[i].version)
            return false;
    return true;
}

const struct model_schema *model_schema_find(const struct model_pool *p,
                                             const struct model_given *g) {
    for (size_t i = 0; i < p->count; i++) {
        const struct model_schema *s = p->schemas[i];
        if (s->type == g->type && k2_sv_eq(s->text, g->text) && same_refs(s, g))
            return s;
    }
    return NULL;
}

static struct k2_sv own_copy(struct k2_sv s) {
    return (struct k2_sv){k2_sv_dup(s), s.n};
}

static struct model_schema *make_schema(uint32_t id, const struct model_given *g) {
    struct model_schema *s = k2_zalloc(sizeof *s);
    *s = (struct model_schema){.id = id, .type = g->type, .text = own_copy(g->text)};
    s->ref_count = g->ref_count;
    s->refs = g->ref_count ? k2_zalloc(g->ref_count * sizeof *s->refs) : NULL;
    for (size_t i = 0; i < g->ref_count; i++)
        s->refs[i] = (struct k2_schema_ref){.name = own_copy(g->refs[i].name),
                                            .subject = own_copy(g->refs[i].subject),
                                            .version = g->refs[i].version};
    return s;
}

const struct model_schema *model_schema_add(struct model_pool *p, uint32_t id,
                                            const struct model_given *g) {
    size_t at = place_of(p, id);
    p->schemas = k2_realloc((void *)p->schemas, (p->count + 1) * sizeof *p->schemas);
    memmove((void *)(p->schemas + at + 1), (const void *)(p->schemas + at),
            (p->count - at) * sizeof *p->schemas);
    p->count++;
    return p->schemas[at] = make_schema(id, g);
}

void model_schema_drop(struct model_pool *p, uint32_t id) {
    size_t at = place_of(p, id);
    free_schema(p->schemas[at]);
    p->count--;
    memmove((void *)(p->schemas + at), (const void *)(p->schemas + at + 1),
            (p->count - at) * sizeof *p->schemas);
}

uint32_t model_next_id(const struct model_pool *p) {
    if (p->count == 0 || p->schemas[p->count - 1]->id < INT32_MAX)
        return p->count ? p->schemas[p->count - 1]->id + 1 : 1;
    uint32_t id = 1; /* the greatest was imported: no memory holds as many as there are ids */
    while (p->schemas[id - 1]->id == id)
        id++;
    return id;
}

struct k2_sv model_name(struct model_pool *p, struct k2_sv name) {
    for (size_t i = 0; i < p->name_count; i++)
        if (k2_sv_eq(k2_sv_of(p->names[i]), name))
            return k2_sv_of(p->names[i]);
    p->names = k2_realloc((void *)p->names, (p->name_count + 1) * sizeof *p->names);
    p->names[p->name_count] = k2_sv_dup(name);
    return k2_sv_of(p->names[p->name_count++]);
}

/* --- the model --- */

void model_init(struct model *m) {
    *m = (struct model){.level = K2_COMPAT_BACKWARD, .mode = K2_REGISTRY_READWRITE};
}

void model_free(struct model *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->subjects[i].versions);
    free(m->subjects);
    model_init(m);
}

struct model_subject *model_subject(const struct model *m, struct k2_sv name) {
    for (size_t i = 0; i < m->count; i++)
        if (k2_sv_eq(m->subjects[i].name, name))
            return &m->subjects[i];
    return NULL;
}

struct model_subject *model_subject_make(struct model *m, struct model_pool *p, struct k2_sv name) {
    struct model_subject *s = model_subject(m, name);
    if (s)
        return s;
    m->subjects = k2_realloc(m->subjects, (m->count + 1) * sizeof *m->subjects);
    s = &m->subjects[m->count++];
    *s = (struct model_subject){
        .name = model_name(p, name), .level = MODEL_INHERITED, .mode = MODEL_INHERITED};
    return s;
}

void model_subject_remove(struct model *m, struct model_subject *s) {
    size_t at = (size_t)(s - m->subjects);
    free(s->versions);
    memmove(s, s + 1, (--m->count - at) * sizeof *s);
}

struct model_version *model_version(const struct model_subject *s, int version) {
    for (size_t i = 0; s && i < s->count; i++)
        if (s->versions[i].version == version)
            return &s->versions[i];
    return NULL;
}

struct model_version *model_latest(const struct model_subject *s, bool deleted) {
    for (size_t i = s ? s->count : 0; i > 0; i--)
        if (deleted || !s->versions[i - 1].deleted)
            return &s->versions[i - 1];
    return NULL;
}

void model_version_add(struct model_subject *s, int version, const struct model_schema *schema) {
    size_t at = s->count;
    s->versions = k2_realloc(s->versions, (s->count + 1) * sizeof *s->versions);
    while (at > 0 && s->versions[at - 1].version > version)
        at--;
    memmove(s->versions + at + 1, s->versions + at, (s->count - at) * sizeof *s->versions);
    s->versions[at] = (struct model_version){.version = version, .schema = schema};
    s->count++;
}

void model_version_remove(struct model_subject *s, struct model_version *v) {
    size_t at = (size_t)(v - s->versions);
    memmove(v, v + 1, (--s->count - at) * sizeof *v);
}

/* --- reading --- */

static struct k2_sv text_at(const struct k2_json *v, const char *name) {
    struct k2_sv s = {0};
    k2_json_as_string(k2_json_get(v, name), &s);
    return s;
}

static int64_t number_at(const struct k2_json *v, const char *name) {
    int64_t n = 0;
    k2_json_as_int(k2_json_get(v, name), &n);
    return n;
}

static bool flag_at(const struct k2_json *v, const char *name) {
    bool b = false;
    k2_json_as_bool(k2_json_get(v, name), &b);
    return b;
}

static int corrupt(struct k2_err *err, const char *what) {
    return k2_fail(err, K2_E_CORRUPT, "not a schema registry file: %s", what);
}

/* A schema that is known already is not taken a second time: ids never change. */
static int keep_schema(struct model_pool *p, int64_t id, const struct model_given *g,
                       struct k2_err *err) {
    if (id <= 0 || id > INT32_MAX || g->text.n == 0)
        return corrupt(err, "a schema without id or text");
    const struct model_schema *known = model_schema_by_id(p, (uint32_t)id);
    if (!known)
        model_schema_add(p, (uint32_t)id, g);
    else if (!k2_sv_eq(known->text, g->text))
        return k2_fail(err, K2_E_CORRUPT, "schema id %lld is another schema than before",
                       (long long)id);
    return K2_OK;
}

static int read_schema(const struct k2_json *v, struct model_pool *p, struct k2_err *err) {
    struct k2_json *refs = k2_json_get(v, "references");
    struct model_given g = {.text = text_at(v, "schema"), .ref_count = k2_json_count(refs)};
    struct k2_sv type = text_at(v, "type");
    struct k2_schema_ref *list = g.ref_count ? k2_zalloc(g.ref_count * sizeof *list) : NULL;
    for (size_t i = 0; i < g.ref_count; i++) {
        const struct k2_json *ref = k2_json_at(refs, i);
        list[i] = (struct k2_schema_ref){.name = text_at(ref, "name"),
                                         .subject = text_at(ref, "subject"),
                                         .version = (int)number_at(ref, "version")};
    }
    g.refs = list;
    int rc = type.n && !k2_schema_type_of(type, &g.type)
                 ? corrupt(err, "an unknown type of schema")
                 : keep_schema(p, number_at(v, "id"), &g, err);
    free(list);
    return rc;
}

static int read_version(const struct k2_json *v, const struct model_pool *p,
                        struct model_subject *s, struct k2_err *err) {
    int64_t version = number_at(v, "version"), id = number_at(v, "id");
    const struct model_schema *schema =
        id > 0 && id <= INT32_MAX ? model_schema_by_id(p, (uint32_t)id) : NULL;
    if (!schema)
        return k2_fail(err, K2_E_CORRUPT, "subject %.*s names schema id %lld, which is not there",
                       K2_SV_ARG(k2_sv_shown(s->name)), (long long)id);
    if (version <= 0 || version > INT32_MAX || model_version(s, (int)version))
        return corrupt(err, "a version without a number of its own");
    model_version_add(s, (int)version, schema);
    model_version(s, (int)version)->deleted = flag_at(v, "deleted");
    return K2_OK;
}

static int read_rules(const struct k2_json *v, int *level, int *mode, struct k2_err *err) {
    struct k2_sv word = text_at(v, "compatibility");
    enum k2_compat_level l;
    enum k2_registry_mode m;
    if (word.n && !k2_compat_level_of(word, &l))
        return corrupt(err, "an unknown compatibility level");
    if (word.n)
        *level = (int)l;
    word = text_at(v, "mode");
    if (word.n && !k2_registry_mode_of(word, &m))
        return corrupt(err, "an unknown mode");
    if (word.n)
        *mode = (int)m;
    return K2_OK;
}

static int read_subject(struct k2_sv name, const struct k2_json *v, struct model_pool *p,
                        struct model *m, struct k2_err *err) {
    struct model_subject *s = model_subject_make(m, p, name);
    const struct k2_json *versions = k2_json_get(v, "versions");
    s->own = flag_at(v, "own");
    s->asked_ns = number_at(v, "asked");
    K2_TRY(read_rules(v, &s->level, &s->mode, err));
    for (size_t i = 0; i < k2_json_count(versions); i++)
        K2_TRY(read_version(k2_json_at(versions, i), p, s, err));
    return K2_OK;
}

/* Older files have -1, the latest version: from here on the one that is the latest now. */
static void number_references(const struct model *m, const struct model_pool *p) {
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->schemas[i]->ref_count; k++) {
            struct k2_schema_ref *ref = &p->schemas[i]->refs[k];
            const struct model_version *latest =
                ref->version == -1 ? model_latest(model_subject(m, ref->subject), false) : NULL;
            if (latest)
                ref->version = latest->version;
        }
}

static int read_2(const struct k2_json *doc, struct model_pool *p, struct model *m,
                  struct k2_err *err) {
    const struct k2_json *schemas = k2_json_get(doc, "schemas");
    const struct k2_json *subjects = k2_json_get(doc, "subjects");
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *value;
    m->of_service = k2_sv_eq(text_at(doc, "ids"), K2_SV("service"));
    K2_TRY(read_rules(doc, &m->level, &m->mode, err));
    for (size_t i = 0; i < k2_json_count(schemas); i++)
        K2_TRY(read_schema(k2_json_at(schemas, i), p, err));
    while (k2_json_next(subjects, &iter, &name, &value))
        K2_TRY(read_subject(name, value, p, m, err));
    number_references(m, p);
    return K2_OK;
}

static int read_1(const struct k2_json *doc, struct model_pool *p, struct model *m,
                  struct k2_err *err) {
    const struct k2_json *schemas = k2_json_get(doc, "schemas");
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *value;
    for (size_t i = 0; i < k2_json_count(schemas); i++) {
        struct model_given g = {.type = K2_SCHEMA_AVRO};
        k2_json_as_string(k2_json_at(schemas, i), &g.text);
        K2_TRY(keep_schema(p, (int64_t)i + 1, &g, err));
    }
    while (k2_json_next(k2_json_get(doc, "subjects"), &iter, &name, &value)) {
        struct model_subject *s = model_subject_make(m, p, name);
        s->own = true;
        s->level = K2_COMPAT_FULL_TRANSITIVE;
        for (size_t i = 0; i < k2_json_count(value); i++) {
            int64_t id = 0;
            k2_json_as_int(k2_json_at(value, i), &id);
            const struct model_schema *schema =
                id > 0 && id <= INT32_MAX ? model_schema_by_id(p, (uint32_t)id) : NULL;
            if (!schema)
                return corrupt(err, "a version whose schema is not there");
            model_version_add(s, (int)i + 1, schema);
        }
    }
    return K2_OK;
}

int model_read(const struct k2_json *doc, struct model_pool *p, struct model *out,
               struct k2_err *err) {
    int64_t format = number_at(doc, "format");
    if (format > FORMAT)
        return k2_fail(err, K2_E_VERSION,
                       "format %lld is newer than this k2 knows (%d): upgrade k2",
                       (long long)format, FORMAT);
    if (format < 1 || k2_json_type(k2_json_get(doc, "schemas")) != K2_JSON_ARRAY ||
        k2_json_type(k2_json_get(doc, "subjects")) != K2_JSON_OBJECT)
        return corrupt(err, "format, schemas or subjects are missing");
    model_init(out);
    int rc = format == 1 ? read_1(doc, p, out, err) : read_2(doc, p, out, err);
    if (rc != K2_OK)
        model_free(out);
    return rc;
}

/* --- writing --- */

static struct k2_json *schema_json(const struct model_schema *s) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "id", k2_json_int(s->id));
    if (s->type != K2_SCHEMA_AVRO)
        k2_json_set(v, "type", k2_json_cstring(k2_schema_type_name(s->type)));
    k2_json_set(v, "schema", k2_json_string(s->text));
    if (s->ref_count == 0)
        return v;
    struct k2_json *refs = k2_json_array();
    for (size_t i = 0; i < s->ref_count; i++) {
        struct k2_json *ref = k2_json_object();
        k2_json_set(ref, "name", k2_json_string(s->refs[i].name));
        k2_json_set(ref, "subject", k2_json_string(s->refs[i].subject));
        k2_json_set(ref, "version", k2_json_int(s->refs[i].version));
        k2_json_append(refs, ref);
    }
    k2_json_set(v, "references", refs);
    return v;
}

static void put_rules(struct k2_json *v, int level, int mode) {
    if (level != MODEL_INHERITED)
        k2_json_set(v, "compatibility",
                    k2_json_cstring(k2_compat_level_name((enum k2_compat_level)level)));
    if (mode != MODEL_INHERITED)
        k2_json_set(v, "mode", k2_json_cstring(k2_registry_mode_name((enum k2_registry_mode)mode)));
}

static struct k2_json *subject_json(const struct model_subject *s) {
    struct k2_json *v = k2_json_object(), *versions = k2_json_array();
    if (s->own)
        k2_json_set(v, "own", k2_json_bool(true));
    put_rules(v, s->level, s->mode);
    if (s->asked_ns)
        k2_json_set(v, "asked", k2_json_int(s->asked_ns));
    for (size_t i = 0; i < s->count; i++) {
        struct k2_json *version = k2_json_object();
        k2_json_set(version, "version", k2_json_int(s->versions[i].version));
        k2_json_set(version, "id", k2_json_int(s->versions[i].schema->id));
        if (s->versions[i].deleted)
            k2_json_set(version, "deleted", k2_json_bool(true));
        k2_json_append(versions, version);
    }
    k2_json_set(v, "versions", versions);
    return v;
}

struct k2_json *model_write(const struct model *m, const struct model_pool *p) {
    struct k2_json *doc = k2_json_object(), *schemas = k2_json_array(),
                   *subjects = k2_json_object();
    k2_json_set(doc, "format", k2_json_int(FORMAT));
    if (m->of_service)
        k2_json_set(doc, "ids", k2_json_cstring("service"));
    put_rules(doc, m->level == K2_COMPAT_BACKWARD ? MODEL_INHERITED : m->level,
              m->mode == K2_REGISTRY_READWRITE ? MODEL_INHERITED : m->mode);
    for (size_t i = 0; i < p->count; i++)
        k2_json_append(schemas, schema_json(p->schemas[i]));
    for (size_t i = 0; i < m->count; i++)
        k2_json_set(subjects, m->subjects[i].name.p, subject_json(&m->subjects[i]));
    k2_json_set(doc, "schemas", schemas);
    k2_json_set(doc, "subjects", subjects);
    return doc;
}
