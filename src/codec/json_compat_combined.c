/* codec/json_compat_combined.c - allOf, anyOf and oneOf against each other.
 *
 * Each schema of the smaller side needs one of its own on the other side that it agrees with: a matching
 * of two sets, grown along alternating paths. A oneOf or anyOf may gain alternatives, an allOf may lose
 * demands.
 */
#include "codec/json_compat.h"

#include <stdlib.h>

/* The subschemas without those that are there already. */
static size_t distinct(const struct json_node *n, struct json_node **out) {
    size_t count = 0;
    for (size_t i = 0; i < n->sub_count; i++) {
        size_t j = 0;
        while (j < count &&
               !(out[j]->kind == n->subs[i]->kind && out[j]->integer == n->subs[i]->integer &&
                 out[j]->criterion == n->subs[i]->criterion &&
                 k2_json_equal(out[j]->json, n->subs[i]->json)))
            j++;
        if (j == count)
            out[count++] = n->subs[i];
    }
    return count;
}

static bool criteria_changed(const struct json_node *r, const struct json_node *w) {
    bool one_r = r->sub_count == 1, one_w = w->sub_count == 1;
    if (r->criterion == w->criterion || r->criterion == JSON_ANY_OF)
        return false;
    return !(one_r && one_w) && !(one_w && r->criterion == JSON_ONE_OF) &&
           !(one_r && w->criterion == JSON_ALL_OF);
}

struct matching {
    size_t n, m;      /* the writer's schemas, the reader's */
    const bool *edge; /* n x m */
    size_t *partner;  /* of each of the reader's: 1 + one of the writer's, or 0 */
    bool *visited;    /* of the reader's, in this search */
};

/* Finds a partner for the writer's schema i, moving others where they can go elsewhere. */
static bool augment(struct matching *k, size_t i) {
    for (size_t j = 0; j < k->m; j++) {
        if (!k->edge[i * k->m + j] || k->visited[j])
            continue;
        k->visited[j] = true;
        if (k->partner[j] == 0 || augment(k, k->partner[j] - 1)) {
            k->partner[j] = i + 1;
            return true;
        }
    }
    return false;
}

static size_t matched(const bool *edge, size_t n, size_t m) {
    struct matching k = {.n = n, .m = m, .edge = edge};
    size_t count = 0;
    k.partner = k2_zalloc((m + 1) * sizeof *k.partner);
    k.visited = k2_alloc(m + 1);
    for (size_t i = 0; i < n; i++) {
        memset(k.visited, 0, m);
        count += augment(&k, i);
    }
    free(k.partner);
    free(k.visited);
    return count;
}

static bool subschemas_agree(struct json_compare *c, struct json_node **r, size_t m,
                             struct json_node **w, size_t n) {
    bool *edge = k2_alloc(n * m + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            edge[i * m + j] = json_would_read(c, r[j], w[i]);
    size_t count = matched(edge, n, m);
    free(edge);
    return count >= (n < m ? n : m) || json_tell(c, "COMBINED_TYPE_SUBSCHEMAS_CHANGED");
}

bool json_combined_can_read(struct json_compare *c, struct json_pair p) {
    if (criteria_changed(p.r, p.w))
        return json_tell(c, "COMBINED_TYPE_CHANGED");
    struct json_node **r = k2_alloc((p.r->sub_count + 1) * sizeof(struct json_node *));
    struct json_node **w = k2_alloc((p.w->sub_count + 1) * sizeof(struct json_node *));
    size_t m = distinct(p.r, r), n = distinct(p.w, w);
    bool good = true;
    if (n < m && p.r->criterion == JSON_ALL_OF)
        good = json_tell(c, "PRODUCT_TYPE_EXTENDED");
    else if (n > m && p.w->criterion != JSON_ALL_OF)
        good = json_tell(c, "SUM_TYPE_NARROWED");
    good &= subschemas_agree(c, r, m, w, n);
    free(r);
    free(w);
    return good;
}
