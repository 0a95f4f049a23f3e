/* codec/registry_schema.c - schemas with what they refer to: canonical texts and the check of compatibility. */
#include "codec/registry_int.h"

#include <stdlib.h>

enum { MOST_REFERENCES = 1000, MOST_DEEP = 64 };

/* --- references --- */

static bool has(const struct registry_refs *refs, const struct k2_schema_ref *ref) {
    for (size_t i = 0; i < refs->n; i++)
        if (refs->items[i].version == ref->version &&
            k2_sv_eq(refs->items[i].subject, ref->subject) &&
            k2_sv_eq(refs->items[i].name, ref->name))
            return true;
    return false;
}

static const struct model_schema *named_schema(const struct k2_registry *r,
                                               const struct k2_schema_ref *ref) {
    const struct model_subject *s = model_subject(&r->model, ref->subject);
    const struct model_version *v = model_version(s, ref->version);
    return v ? v->schema : NULL;
}

/* Depth first: what a schema needs stands before it. */
static int add(const struct k2_registry *r, const struct k2_schema_ref *refs, size_t n, int deep,
               struct registry_refs *out, struct k2_err *err) {
    if (deep > MOST_DEEP)
        return k2_fail(err, K2_E_RANGE, "references are more than %d deep", MOST_DEEP);
    for (size_t i = 0; i < n; i++) {
        if (has(out, &refs[i]))
            continue;
        const struct model_schema *schema = named_schema(r, &refs[i]);
        if (!schema)
            return k2_fail(err, K2_E_NOTFOUND,
                           "No schema reference found for subject \"%.*s\" and version %d",
                           K2_SV_ARG(k2_sv_shown(refs[i].subject)), refs[i].version);
        K2_TRY(add(r, schema->refs, schema->ref_count, deep + 1, out, err));
        if (out->n == MOST_REFERENCES)
            return k2_fail(err, K2_E_RANGE, "a schema may need %d others at most", MOST_REFERENCES);
        out->items = k2_realloc(out->items, (out->n + 1) * sizeof *out->items);
        out->items[out->n] = refs[i];
        out->items[out->n++].text = schema->text;
    }
    return K2_OK;
}

int registry_resolve(const struct k2_registry *r, const struct k2_schema_ref *refs, size_t n,
                     struct registry_refs *out, struct k2_err *err) {
    *out = (struct registry_refs){0};
    int rc = add(r, refs, n, 0, out, err);
    if (rc != K2_OK) {
        free(out->items);
        *out = (struct registry_refs){0};
    }
    return rc;
}

int registry_canonical(const struct k2_registry *r, const struct model_given *g, bool normalize,
                       struct k2_buf *out, struct k2_err *err) {
    struct registry_refs refs;
    K2_TRY(registry_resolve(r, g->refs, g->ref_count, &refs, err));
    const struct k2_schema_text text = {g->type, g->text, refs.items, refs.n};
    int rc =
        k2_schema_form(&text, normalize ? K2_SCHEMA_NORMALIZED : K2_SCHEMA_CANONICAL, out, err);
    free(refs.items);
    return rc;
}

/* --- compatibility --- */

static int text_of(const struct k2_registry *r, const struct model_schema *s,
                   struct k2_schema_text *out, struct k2_err *err) {
    struct registry_refs refs;
    K2_TRY(registry_resolve(r, s->refs, s->ref_count, &refs, err));
    *out = (struct k2_schema_text){s->type, s->text, refs.items, refs.n};
    return K2_OK;
}

int registry_compare(const struct k2_registry *r, const struct model_subject *s,
                     const struct model_version *only, const struct model_given *g,
                     enum k2_compat_level level, struct k2_compat_findings *out,
                     struct k2_err *err) {
    struct registry_refs refs;
    *out = (struct k2_compat_findings){0};
    K2_TRY(registry_resolve(r, g->refs, g->ref_count, &refs, err));
    const struct k2_schema_text next = {g->type, g->text, refs.items, refs.n};
    size_t count = s ? s->count : 0, n = 0;
    struct k2_schema_text *earlier = k2_zalloc((count + 1) * sizeof *earlier);
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < count; i++) {
        const struct model_version *v = &s->versions[i];
        if (only ? v == only : !v->deleted)
            rc = text_of(r, v->schema, &earlier[n++], err);
    }
    if (rc == K2_OK)
        rc = k2_compat_check(&next, earlier, n, level, out, err);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)earlier[i].refs);
    free(earlier);
    free(refs.items);
    return rc;
}
