/* feed/layout/extra.c - what a message has beyond an event's columns, as a map of texts, sorted by key. */
#include "feed/layout/state.h"

#include <stdlib.h>

struct entry {
    uint32_t key, key_n, text, text_n; /* in s->keys */
};

static struct k2_sv key_of(const struct layout_state *s, const struct layout_leaf *leaf) {
    return (struct k2_sv){(const char *)s->l->names.p + leaf->name, leaf->name_n};
}

/* As it may be stored; text that is none, in hex. False: there is nothing in it. */
static bool text_of(struct layout_state *s, int32_t node, const struct layout_slot *v, char *room,
                    struct k2_sv *out) {
    struct layout_walk *w = &s->walk;
    if (!v->there || v->null)
        return false;
    w->spare.n = 0;
    *out = layout_print(w, node, v, room);
    if (layout_text_blank(*out))
        return false;
    for (size_t i = 0; i < out->n; i++) {
        unsigned char c = (unsigned char)out->p[i];
        if ((c >= ' ' && c <= '~') || feed_text_ok(*out, 65535))
            continue;
        w->spare.n = 0;
        for (uint32_t k = 0; k < v->n; k++)
            k2_buf_printf(&w->spare, "%02x", w->p[v->at + k]);
        *out = k2_buf_view(&w->spare);
        break;
    }
    return true;
}

/* k2_blob_add of both, in one go. */
void layout_extra_pair(struct k2_buf *b, struct k2_sv key, struct k2_sv text) {
    uint8_t *p = k2_buf_need(b, key.n + text.n + 8);
    k2_put_u32(p, (uint32_t)key.n);
    memcpy(p + 4, key.p, key.n);
    k2_put_u32(p + 4 + key.n, (uint32_t)text.n);
    memcpy(p + 8 + key.n, text.p, text.n);
    b->n += key.n + text.n + 8;
}

void layout_extra_field(struct layout_state *s, struct k2_sv key, int32_t node) {
    char room[LAYOUT_TEXT_MAX];
    struct k2_sv text;
    if (text_of(s, node, &s->walk.slot[node], room, &text))
        layout_extra_pair(&s->blob, key, text);
}

static void put_leaves(struct layout_state *s, uint32_t first, uint32_t count) {
    char room[LAYOUT_TEXT_MAX];
    struct k2_sv text;
    for (uint32_t i = first; i < first + count; i++) {
        const struct layout_leaf *leaf = &s->l->leaves[i];
        const struct layout_node *n = &s->l->nodes[leaf->node];
        const struct layout_slot *v = &s->walk.slot[leaf->node];
        if (s->taken[leaf->node] == s->taking || n->framing || !v->there || v->null)
            continue;
        if (layout_is_integer(n))
            text = layout_print_integer(n, v->raw, room);
        else if (!text_of(s, leaf->node, v, room, &text))
            continue;
        layout_extra_pair(&s->blob, key_of(s, leaf), text);
    }
}

/* --- with repeated fields, whose keys have their places in them --- */

/* struct.0.field; inline structs have no name. */
static void put_name(struct layout_state *s, int32_t node, const uint16_t *index, int *level) {
    const struct layout_node *n = &s->l->nodes[node];
    if (n->unit || n->type == LAYOUT_CHOOSE || n->parent < 0)
        return;
    size_t before = s->keys.n;
    put_name(s, n->parent, index, level);
    bool message = s->l->nodes[n->parent].type == LAYOUT_CHOOSE;
    if (message || n->inlined)
        return;
    if (s->keys.n > before)
        k2_buf_byte(&s->keys, '.');
    k2_buf_sv(&s->keys, n->name);
    if (n->repeated && *level < LAYOUT_DEEP)
        k2_buf_printf(&s->keys, ".%u", index[(*level)++]);
}

static void put_entry(struct layout_state *s, struct entry e, struct k2_sv text) {
    e.text = (uint32_t)s->keys.n;
    e.text_n = (uint32_t)text.n;
    k2_buf_sv(&s->keys, text);
    k2_buf_put(&s->text, &e, sizeof e);
}

static void put_traced(struct layout_state *s, const struct layout_trace *t) {
    char room[LAYOUT_TEXT_MAX];
    struct k2_sv text;
    int level = 0;
    if (!text_of(s, t->node, &t->slot, room, &text))
        return;
    struct entry e = {.key = (uint32_t)s->keys.n};
    put_name(s, t->node, t->index, &level);
    e.key_n = (uint32_t)s->keys.n - e.key;
    put_entry(s, e, text);
}

static int compare(const void *a, const void *b, void *keys) {
    const struct entry *x = a, *y = b;
    const char *text = keys;
    return k2_sv_cmp((struct k2_sv){text + x->key, x->key_n},
                     (struct k2_sv){text + y->key, y->key_n});
}

static void put_rest(struct layout_state *s) {
    const struct layout_walk *w = &s->walk;
    if (!w->rest_n)
        return;
    struct entry e = {.key = (uint32_t)s->keys.n, .key_n = 4};
    k2_buf_str(&s->keys, "rest");
    e.text = (uint32_t)s->keys.n;
    for (size_t i = 0; i < w->rest_n; i++)
        k2_buf_printf(&s->keys, "%02x", w->p[w->rest_at + i]);
    e.text_n = (uint32_t)s->keys.n - e.text;
    k2_buf_put(&s->text, &e, sizeof e);
}

/* The map in s->blob together with the entries in s->text, sorted. */
static void merge(struct layout_state *s) {
    struct k2_sv blob = k2_buf_view(&s->blob), key, text;
    while (k2_blob_next(&blob, &key) && k2_blob_next(&blob, &text)) {
        struct entry e = {.key = (uint32_t)s->keys.n, .key_n = (uint32_t)key.n};
        k2_buf_sv(&s->keys, key);
        put_entry(s, e, text);
    }
    size_t n = s->text.n / sizeof(struct entry);
    struct entry *e = (struct entry *)(void *)s->text.p;
    qsort_r(e, n, sizeof *e, compare, s->keys.p);
    s->blob.n = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)s->keys.p;
        struct k2_sv name = {at + e[i].key, e[i].key_n};
        if (i && k2_sv_eq(name, (struct k2_sv){at + e[i - 1].key, e[i - 1].key_n}))
            continue;
        k2_blob_add(&s->blob, name);
        k2_blob_add(&s->blob, (struct k2_sv){at + e[i].text, e[i].text_n});
    }
}

uint32_t layout_extra(struct layout_state *s, uint32_t first, uint32_t count, uint32_t *memo,
                      bool traced) {
    const struct layout_walk *w = &s->walk;
    s->blob.n = 0;
    put_leaves(s, first, count);
    if (traced && (w->traced || w->rest_n)) {
        s->keys.n = s->text.n = 0;
        for (size_t i = 0; i < w->traced; i++)
            put_traced(s, &w->trace[i]);
        put_rest(s);
        merge(s);
    }
    return s->blob.n ? feed_intern(s->in, memo, k2_buf_view(&s->blob)) : 0;
}
