/* codec/json_compat_arrays.c - JSON arrays: one schema for all items, or one for each of the first ones.
 *
 * What follows the first ones is open, closed or partially open as with an object's properties. From
 * 2019-09 on "prefixItems" are the first ones and "items" is what follows them.
 */
#include "codec/json_compat.h"

static bool is_false(const struct k2_json *v) {
    bool truth;
    return k2_json_as_bool(v, &truth) && !truth;
}

/* One side's array, in the words of the drafts up to 7. */
struct items {
    const struct k2_json *all;         /* every item */
    const struct k2_json *list;        /* the first ones */
    const struct k2_json *additional;  /* a schema for what follows them */
    bool closed;                       /* nothing follows */
    const struct k2_json *unevaluated; /* NULL, or what may follow if nothing is said */
};

static struct items items_of(const struct json_node *n) {
    struct items i = {0};
    const struct k2_json *items = k2_json_get(n->json, "items");
    const struct k2_json *rest = k2_json_get(n->json, "additionalItems");
    if (n->doc->latest && k2_json_type(items) != K2_JSON_ARRAY) {
        i.list = k2_json_get(n->json, "prefixItems");
        rest = items;
        if (k2_json_count(i.list) == 0 && k2_json_type(items) == K2_JSON_OBJECT) {
            i.all = items;
            rest = NULL;
        }
    } else if (k2_json_type(items) == K2_JSON_ARRAY) {
        i.list = items;
    } else {
        i.all = items;
    }
    i.closed = is_false(rest) && !i.all;
    i.additional = k2_json_type(rest) == K2_JSON_OBJECT ? rest : NULL;
    i.unevaluated = n->doc->latest ? k2_json_get(n->json, "unevaluatedItems") : NULL;
    return i;
}

static bool is_open(const struct items *i) {
    const struct k2_json *rest = i->unevaluated;
    if (i->closed || i->additional)
        return false;
    return !rest || (k2_json_type(rest) == K2_JSON_BOOL && !is_false(rest)) ||
           (k2_json_type(rest) == K2_JSON_OBJECT && k2_json_count(rest) == 0);
}

static const struct k2_json *covering(const struct items *i) {
    if (i->additional || i->closed)
        return i->additional;
    const struct k2_json *rest = i->unevaluated;
    return k2_json_type(rest) == K2_JSON_OBJECT && k2_json_count(rest) > 0 ? rest : NULL;
}

static bool removed(struct json_compare *c, struct json_pair p, const struct items *r,
                    const struct k2_json *schema) {
    const struct k2_json *cover = covering(r);
    if (is_open(r))
        return true;
    if (!cover)
        return is_false(schema) || json_tell(c, "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL");
    if (json_can_read(c, json_reader_node(c, p.r, cover), json_writer_node(c, p.w, schema)))
        return true;
    return json_tell(c, "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL");
}

static bool added(struct json_compare *c, struct json_pair p, const struct items *w,
                  const struct k2_json *schema) {
    const struct k2_json *cover = covering(w);
    struct json_node *r = json_reader_node(c, p.r, schema);
    if (is_open(w))
        return r->kind == JSON_EMPTY || r->kind == JSON_TRUE ||
               json_tell(c, "ITEM_ADDED_TO_OPEN_CONTENT_MODEL");
    if (!cover || json_can_read(c, r, json_writer_node(c, p.w, cover)))
        return true;
    return json_tell(c, "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL");
}

static bool first_items(struct json_compare *c, struct json_pair p, const struct items *r,
                        const struct items *w) {
    size_t n = k2_json_count(r->list), m = k2_json_count(w->list);
    bool good = true;
    size_t was = schema_path_enter(&c->path, K2_SV("items"));
    for (size_t i = 0; i < n || i < m; i++) {
        size_t inner = schema_path_enter_index(&c->path, i);
        const struct k2_json *ours = k2_json_at(r->list, i), *theirs = k2_json_at(w->list, i);
        if (!ours)
            good &= removed(c, p, r, theirs);
        else if (!theirs)
            good &= added(c, p, w, ours);
        else
            good &=
                json_can_read(c, json_reader_node(c, p.r, ours), json_writer_node(c, p.w, theirs));
        schema_path_leave(&c->path, inner);
    }
    schema_path_leave(&c->path, was);
    return good;
}

static bool all_items(struct json_compare *c, struct json_pair p, const struct items *r,
                      const struct items *w) {
    size_t was = schema_path_enter(&c->path, K2_SV("items"));
    bool good =
        json_can_read(c, json_reader_node(c, p.r, r->all), json_writer_node(c, p.w, w->all));
    schema_path_leave(&c->path, was);
    return good;
}

static bool additional(struct json_compare *c, struct json_pair p, const struct items *r,
                       const struct items *w) {
    size_t was = schema_path_enter(&c->path, K2_SV("additionalItems"));
    bool good = true;
    if (r->closed && !w->closed)
        good = json_tell(c, "ADDITIONAL_ITEMS_REMOVED");
    else if (r->additional && !w->closed && !w->additional)
        good = json_tell(c, "ADDITIONAL_ITEMS_NARROWED");
    else if (r->additional && w->additional)
        good = json_can_read(c, json_reader_node(c, p.r, r->additional),
                             json_writer_node(c, p.w, w->additional));
    schema_path_leave(&c->path, was);
    return good;
}

static bool unevaluated(struct json_compare *c, struct json_pair p, const struct items *r,
                        const struct items *w) {
    if (!r->unevaluated || (w->unevaluated && is_false(w->unevaluated)))
        return true;
    size_t was = schema_path_enter(&c->path, K2_SV("unevaluatedItems"));
    struct json_node *reader = json_reader_node(c, p.r, r->unevaluated);
    struct json_node *writer = json_writer_node(c, p.w, w->unevaluated);
    bool all = reader->kind == JSON_EMPTY || reader->kind == JSON_TRUE, good = true;
    bool any = !writer || writer->kind == JSON_EMPTY || writer->kind == JSON_TRUE;
    if (is_false(r->unevaluated))
        good = json_tell(c, "UNEVALUATED_ITEMS_REMOVED");
    else if (any && (!all || !writer))
        good = json_tell(c, "UNEVALUATED_ITEMS_NARROWED");
    else if (!all)
        good = json_can_read(c, reader, writer);
    schema_path_leave(&c->path, was);
    return good;
}

static bool unique(struct json_compare *c, struct json_pair p) {
    bool r = false, w = false;
    k2_json_as_bool(k2_json_get(p.r->json, "uniqueItems"), &r);
    k2_json_as_bool(k2_json_get(p.w->json, "uniqueItems"), &w);
    return !r || w || json_tell_at(c, "uniqueItems", "UNIQUE_ITEMS_ADDED");
}

/* From 2019-09 on "contains" alone asks for one. */
static int64_t least_contained(const struct json_node *n) {
    int64_t least = n->doc->latest && k2_json_get(n->json, "contains") ? 1 : -1;
    if (k2_json_get(n->json, "contains") || !n->doc->latest)
        k2_json_as_int(k2_json_get(n->json, "minContains"), &least);
    return least;
}

static bool contained(struct json_compare *c, struct json_pair p) {
    static const struct json_limit most = {"maxContains", "MAX_CONTAINS_ADDED",
                                           "MAX_CONTAINS_DECREASED", true};
    int64_t r = least_contained(p.r), w = least_contained(p.w);
    bool good = json_limits_can_read(c, p, &most, 1);
    if (r >= 0 && w < 0)
        good = json_tell_at(c, "minContains", "MIN_CONTAINS_ADDED");
    else if (r > w)
        good = json_tell_at(c, "minContains", "MIN_CONTAINS_INCREASED");
    return good;
}

bool json_arrays_can_read(struct json_compare *c, struct json_pair p) {
    static const struct json_limit limits[] = {
        {"maxItems", "MAX_ITEMS_ADDED", "MAX_ITEMS_DECREASED", true},
        {"minItems", "MIN_ITEMS_ADDED", "MIN_ITEMS_INCREASED", false},
    };
    struct items r = items_of(p.r), w = items_of(p.w);
    bool good = all_items(c, p, &r, &w);
    good &= first_items(c, p, &r, &w);
    good &= additional(c, p, &r, &w);
    good &= unevaluated(c, p, &r, &w);
    good &= json_limits_can_read(c, p, limits, sizeof limits / sizeof *limits);
    good &= unique(c, p);
    good &= contained(c, p);
    return good;
}
