/* codec/registry.c - see registry.h.
 *
 * File schemas.json, replaced as a whole (k2_fs_replace), so a reader sees the old or the new one:
 *   {"format":1,
 *    "schemas":[TEXT, ...],                        schema id = index + 1
 *    "subjects":{"SUBJECT":[ID of version 1, ...]}}
 * Valid if and only if it parses, format is 1, and every id named exists. Ids and versions are never
 * changed or used again.
 */
#include "codec/registry.h"

#include "base/fs.h"
#include "base/json.h"

#include <stdlib.h>

enum { FORMAT = 1 };

struct k2_registry {
    char *path;
    struct k2_json *doc;
    /* Every document that was loaded: schema texts given out are borrowed from them. */
    struct k2_json **old;
    size_t old_count;
};

static struct k2_json *empty_doc(void) {
    struct k2_json *doc = k2_json_object();
    k2_json_set(doc, "format", k2_json_int(FORMAT));
    k2_json_set(doc, "schemas", k2_json_array());
    k2_json_set(doc, "subjects", k2_json_object());
    return doc;
}

static K2_RC check_doc(const struct k2_json *doc, struct k2_err *err) {
    int64_t format = 0;
    k2_json_as_int(k2_json_get(doc, "format"), &format);
    if (format > FORMAT)
        return k2_fail(err, K2_E_VERSION,
                       "format %lld is newer than this k2 knows (%d): upgrade k2",
                       (long long)format, FORMAT);
    if (format != FORMAT || k2_json_type(k2_json_get(doc, "schemas")) != K2_JSON_ARRAY ||
        k2_json_type(k2_json_get(doc, "subjects")) != K2_JSON_OBJECT)
        return k2_fail(err, K2_E_CORRUPT, "not a schema registry file");
    return K2_OK;
}

static void adopt(struct k2_registry *r, struct k2_json *doc) {
    if (r->doc) {
        r->old = k2_realloc(r->old, (r->old_count + 1) * sizeof *r->old);
        r->old[r->old_count++] = r->doc;
    }
    r->doc = doc;
}

static K2_RC load(struct k2_registry *r, struct k2_err *err) {
    struct k2_buf text = {0};
    struct k2_json *doc = NULL;
    int rc = k2_fs_read(r->path, &text, err);
    if (rc == K2_E_NOTFOUND) {
        doc = empty_doc();
        rc = K2_OK;
    } else if (rc == K2_OK) {
        rc = k2_json_parse(k2_buf_view(&text), &doc, err);
        if (rc != K2_OK)
            rc = k2_err_context(err, K2_E_CORRUPT, "%s", r->path);
        else
            rc = check_doc(doc, err);
    }
    k2_buf_free(&text);
    if (rc != K2_OK) {
        k2_json_free(doc);
        return k2_err_context(err, rc, "schema registry %s", r->path);
    }
    adopt(r, doc);
    return K2_OK;
}

int k2_registry_open(const char *dir, struct k2_registry **out, struct k2_err *err) {
    struct k2_registry *r = k2_zalloc(sizeof *r);
    r->path = k2_path(dir, "schemas.json");
    int rc = load(r, err);
    if (rc != K2_OK) {
        k2_registry_close(r);
        return rc;
    }
    *out = r;
    return K2_OK;
}

void k2_registry_close(struct k2_registry *r) {
    if (!r)
        return;
    k2_json_free(r->doc);
    for (size_t i = 0; i < r->old_count; i++)
        k2_json_free(r->old[i]);
    free(r->old);
    free(r->path);
    free(r);
}

static bool text_of(const struct k2_registry *r, int64_t id, struct k2_sv *text) {
    return id > 0 &&
           k2_json_as_string(k2_json_at(k2_json_get(r->doc, "schemas"), (size_t)id - 1), text);
}

int k2_registry_schema(struct k2_registry *r, uint32_t id, struct k2_sv *schema,
                       struct k2_err *err) {
    if (text_of(r, id, schema))
        return K2_OK;
    K2_TRY(load(r, err)); /* another process may have registered it since */
    if (text_of(r, id, schema))
        return K2_OK;
    return k2_fail(err, K2_E_NOTFOUND, "schema id %u is not in %s", id, r->path);
}

static K2_RC find_in_source(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    return k2_registry_schema(ctx, id, schema, err);
}

struct k2_schema_source k2_registry_source(struct k2_registry *r) {
    return (struct k2_schema_source){r, find_in_source};
}

void k2_registry_each(const struct k2_registry *r,
                      void (*visit)(void *ctx, struct k2_sv subject, int version, uint32_t id),
                      void *ctx) {
    void *iter = NULL;
    struct k2_sv subject;
    struct k2_json *versions;
    while (k2_json_next(k2_json_get(r->doc, "subjects"), &iter, &subject, &versions)) {
        int64_t id = 0;
        for (size_t i = 0; k2_json_as_int(k2_json_at(versions, i), &id); i++)
            visit(ctx, subject, (int)i + 1, (uint32_t)id);
    }
}

/* --- registering --- */

static int64_t id_of_text(const struct k2_registry *r, struct k2_sv schema) {
    struct k2_sv text;
    for (int64_t id = 1; text_of(r, id, &text); id++)
        if (k2_sv_eq(text, schema))
            return id;
    return 0;
}

static K2_RC check_version(const struct k2_registry *r, int64_t id, struct k2_sv schema,
                           struct k2_err *err) {
    struct k2_sv earlier;
    if (!text_of(r, id, &earlier))
        return k2_fail(err, K2_E_CORRUPT, "%s names schema id %lld, which it lacks", r->path,
                       (long long)id);
    K2_TRY_CTX(k2_schema_can_read(schema, earlier, err), err,
               "the new schema cannot read what schema id %lld wrote", (long long)id);
    K2_TRY_CTX(k2_schema_can_read(earlier, schema, err), err,
               "schema id %lld cannot read what the new schema writes", (long long)id);
    return K2_OK;
}

/* 1 = the subject has this very schema already, 0 = it is compatible with all versions. */
static int check_versions(const struct k2_registry *r, const struct k2_json *versions,
                          int64_t same_id, struct k2_sv schema, struct k2_err *err) {
    for (size_t i = 0; i < k2_json_count(versions); i++) {
        int64_t id = 0;
        k2_json_as_int(k2_json_at(versions, i), &id);
        if (id == same_id)
            return 1;
    }
    for (size_t i = 0; i < k2_json_count(versions); i++) {
        int64_t id = 0;
        k2_json_as_int(k2_json_at(versions, i), &id);
        K2_TRY(check_version(r, id, schema, err));
    }
    return 0;
}

static K2_RC store(struct k2_registry *r, struct k2_json *doc, struct k2_err *err) {
    struct k2_buf text = {0};
    k2_json_dump(doc, &text);
    int rc = k2_fs_replace(r->path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    if (rc == K2_OK)
        adopt(r, doc);
    else
        k2_json_free(doc);
    return rc;
}

static K2_RC add_version(struct k2_registry *r, const char *subject, int64_t *id,
                         struct k2_sv schema, struct k2_err *err) {
    struct k2_json *doc = k2_json_copy(r->doc);
    struct k2_json *subjects = k2_json_get(doc, "subjects");
    if (!k2_json_get(subjects, subject))
        k2_json_set(subjects, subject, k2_json_array());
    if (*id == 0) {
        k2_json_append(k2_json_get(doc, "schemas"), k2_json_string(schema));
        *id = (int64_t)k2_json_count(k2_json_get(doc, "schemas"));
    }
    k2_json_append(k2_json_get(subjects, subject), k2_json_int(*id));
    return store(r, doc, err);
}

int k2_registry_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                         uint32_t *id, struct k2_err *err) {
    char *name = k2_sv_dup(subject);
    int64_t found = id_of_text(r, schema);
    const struct k2_json *versions = k2_json_get(k2_json_get(r->doc, "subjects"), name);
    int rc = check_versions(r, versions, found, schema, err);
    if (rc == 0)
        rc = add_version(r, name, &found, schema, err);
    if (rc < 0)
        k2_err_context(err, rc, "subject %s", name);
    free(name);
    *id = (uint32_t)found;
    return rc < 0 ? rc : K2_OK;
}
