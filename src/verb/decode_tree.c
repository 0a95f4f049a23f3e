/* verb/decode_tree.c - the fields of a frame as a tree; see decode.h. */
#include "verb/decode.h"
#include "verb/records.h"

#include <ctype.h>

#define DEEP ((int)(sizeof((struct tree *)NULL)->open / sizeof(size_t)))

static struct tree_node *node_at(const struct tree *t, size_t i) {
    return (struct tree_node *)(void *)t->nodes.p + i;
}

static size_t add(struct tree *t, const struct tree_node *n) {
    size_t i = t->nodes.n / sizeof *n;
    k2_buf_put(&t->nodes, n, sizeof *n);
    return i;
}

/* Adds a node to the group that is open. */
static size_t add_child(struct tree *t, const struct tree_node *n) {
    size_t i = add(t, n);
    struct tree_node *group = node_at(t, t->open[t->depth < DEEP ? t->depth : DEEP - 1]);
    if (group->last)
        node_at(t, group->last)->next = i;
    else
        group->first = i;
    group->last = i;
    return i;
}

/* --- being told --- */

/* A group deeper than any format has is told as part of the one around it. */
static void open_group(void *ctx, const char *name, int index, size_t at) {
    struct tree *t = ctx;
    if (t->depth + 1 >= DEEP) {
        t->depth++;
        return;
    }
    const struct tree_node n = {.name = name, .index = index, .group = true, .at = at};
    size_t i = add_child(t, &n);
    t->open[++t->depth] = i;
}

static void close_group(void *ctx) {
    struct tree *t = ctx;
    t->depth -= t->depth > 0;
}

static void add_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                      size_t size) {
    struct tree *t = ctx;
    (void)padding;
    const struct tree_node n = {
        .name = name, .index = -1, .text = t->texts.n, .text_n = text.n, .at = at, .size = size};
    k2_buf_sv(&t->texts, text);
    add_child(t, &n);
}

void tree_clear(struct tree *t) {
    static const struct tree_node frame = {.name = "", .index = -1, .group = true};
    t->nodes.n = 0;
    t->texts.n = 0;
    t->depth = 0;
    t->open[0] = add(t, &frame);
}

void tree_init(struct tree *t) {
    *t = (struct tree){
        .visit = {.ctx = t, .open = open_group, .close = close_group, .field = add_field}};
    tree_clear(t);
}

void tree_free(struct tree *t) {
    k2_buf_free(&t->nodes);
    k2_buf_free(&t->texts);
}

/* --- as JSON --- */

static struct k2_sv text_of(const struct tree *t, const struct tree_node *n) {
    return (struct k2_sv){(const char *)t->texts.p + n->text, n->text_n};
}

static bool is_named(const struct tree *t, size_t i, const char *name) {
    return strcmp(node_at(t, i)->name, name) == 0;
}

/* The next sibling behind i with the same name, or 0. */
static size_t next_named(const struct tree *t, size_t i, const char *name) {
    do
        i = node_at(t, i)->next;
    while (i && !is_named(t, i, name));
    return i;
}

static bool is_first_named(const struct tree *t, size_t group, size_t i) {
    size_t first = node_at(t, group)->first;
    const char *name = node_at(t, i)->name;
    return first == i || (!is_named(t, first, name) && next_named(t, first, name) == i);
}

typedef void put_field(const struct tree *t, const struct tree_node *n, struct k2_buf *out);

static void put_text(const struct tree *t, const struct tree_node *n, struct k2_buf *out) {
    event_json_string(out, text_of(t, n));
}

static void put_place(const struct tree *t, const struct tree_node *n, struct k2_buf *out) {
    (void)t;
    k2_buf_printf(out, "[%zu,%zu]", n->at, n->size);
}

static void put_group(const struct tree *t, size_t group, put_field *put, struct k2_buf *out);

static void put_node(const struct tree *t, size_t i, put_field *put, struct k2_buf *out) {
    if (node_at(t, i)->group)
        put_group(t, i, put, out);
    else
        put(t, node_at(t, i), out);
}

/* All of a name in one array, so that no name is twice in an object. */
static void put_array(const struct tree *t, size_t i, put_field *put, struct k2_buf *out) {
    const char *name = node_at(t, i)->name;
    char before = '[';
    for (; i; i = next_named(t, i, name)) {
        k2_buf_byte(out, (uint8_t)before);
        put_node(t, i, put, out);
        before = ',';
    }
    k2_buf_byte(out, ']');
}

/* Recursion as deep as DEEP. */
static void put_group(const struct tree *t, size_t group, put_field *put, struct k2_buf *out) {
    const char *before = "";
    k2_buf_byte(out, '{');
    for (size_t i = node_at(t, group)->first; i; i = node_at(t, i)->next) {
        const char *name = node_at(t, i)->name;
        if (!is_first_named(t, group, i))
            continue;
        k2_buf_str(out, before);
        event_json_string(out, k2_sv_of(name));
        k2_buf_byte(out, ':');
        if (next_named(t, i, name))
            put_array(t, i, put, out);
        else
            put_node(t, i, put, out);
        before = ",";
    }
    k2_buf_byte(out, '}');
}

void tree_json(const struct tree *t, struct k2_buf *out) {
    put_group(t, 0, put_text, out);
}

void tree_offsets_json(const struct tree *t, struct k2_buf *out) {
    put_group(t, 0, put_place, out);
}

/* --- field by field --- */

struct each {
    const struct tree *t;
    void (*field)(void *ctx, struct k2_sv path, const struct tree_node *n, struct k2_sv text);
    void *ctx;
    struct k2_buf path;
};

static void each_of(struct each *e, size_t group) {
    for (size_t i = node_at(e->t, group)->first; i; i = node_at(e->t, i)->next) {
        const struct tree_node *n = node_at(e->t, i);
        size_t before = e->path.n;
        k2_buf_printf(&e->path, "%s%s", before ? "." : "", n->name);
        if (n->index >= 0)
            k2_buf_printf(&e->path, "[%d]", n->index);
        if (n->group)
            each_of(e, i);
        else
            e->field(e->ctx, k2_buf_view(&e->path), n, text_of(e->t, n));
        e->path.n = before;
    }
}

void tree_each(const struct tree *t,
               void (*field)(void *ctx, struct k2_sv path, const struct tree_node *n,
                             struct k2_sv text),
               void *ctx) {
    struct each e = {.t = t, .field = field, .ctx = ctx};
    each_of(&e, 0);
    k2_buf_free(&e.path);
}

#define MESSAGE K2_SV("message")

struct k2_sv tree_plain_name(struct k2_sv name, char room[static TREE_NAME]) {
    size_t n = 0;
    for (size_t i = 0; i < name.n && n < TREE_NAME - 1; i++)
        if (name.p[i] != '_')
            room[n++] = (char)tolower((unsigned char)name.p[i]);
    struct k2_sv plain = {room, n};
    if (n > MESSAGE.n && k2_sv_ends(plain, MESSAGE))
        plain.n -= MESSAGE.n;
    room[plain.n] = 0;
    return plain;
}

bool tree_same_name(struct k2_sv name, struct k2_sv given) {
    char a[TREE_NAME], b[TREE_NAME];
    return k2_sv_eq(tree_plain_name(name, a), tree_plain_name(given, b));
}

bool tree_has_group(const struct tree *t, struct k2_sv name) {
    for (size_t i = 1; i < t->nodes.n / sizeof(struct tree_node); i++)
        if (node_at(t, i)->group && tree_same_name(k2_sv_of(node_at(t, i)->name), name))
            return true;
    return false;
}

void tree_groups(const struct tree *t, struct k2_interner *out) {
    for (size_t i = 1; i < t->nodes.n / sizeof(struct tree_node); i++)
        if (node_at(t, i)->group)
            (void)k2_intern(out, k2_sv_of(node_at(t, i)->name));
}
