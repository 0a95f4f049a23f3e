/* feed/layout/lines.c - the event and directory lines of a message, compiled; docs/layouts.md, Events. */
#include "feed/layout/parse.h"

#include <stdlib.h>

struct lines { /* of one message */
    struct layout_parse *p;
    int32_t node;  /* the message */
    int32_t scope; /* where names are looked up from: it, or the item of `each` */
};

static struct layout *of(const struct lines *s) {
    return s->p->l;
}

static bool take_prefix(struct k2_sv *s, struct k2_sv prefix) {
    if (!k2_sv_starts(*s, prefix))
        return false;
    *s = (struct k2_sv){s->p + prefix.n, s->n - prefix.n};
    return true;
}

/* --- numbers that scale --- */

static int column_of(struct lines *s, struct k2_sv name) {
    struct layout *l = of(s);
    for (int i = 0; i < l->columns; i++)
        if (k2_sv_eq(l->column[i], name))
            return i;
    if (l->columns == LAYOUT_COLUMNS || !layout_is_name(name))
        return layout_wrong(s->p, "a directory has at most four numbers, named a-z 0-9 _", name);
    l->column[l->columns] = name;
    return l->columns++;
}

/* NAME:ID is of a directory with a name; *text becomes the ID. */
static int directory_of(struct lines *s, struct k2_sv *text, uint8_t *out) {
    struct layout *l = of(s);
    struct k2_sv rest = *text, name = layout_split(&rest, ':');
    *out = 0;
    if (!rest.p)
        return 0;
    *text = rest;
    for (int i = 1; i <= l->directories_named; i++)
        if (k2_sv_eq(l->directory[i], name)) {
            *out = (uint8_t)i;
            return 0;
        }
    if (l->directories_named + 1 == LAYOUT_DIRECTORIES || !layout_is_name(name))
        return layout_wrong(s->p, "there are at most two directories with a name (a-z 0-9 _)",
                            name);
    l->directory[++l->directories_named] = name;
    *out = (uint8_t)l->directories_named;
    return 0;
}

/* @id.column; a path may itself have points: the last one counts. */
static int take_column(struct lines *s, struct k2_sv text, int32_t *id, int64_t *column) {
    const char *dot = memrchr(text.p, '.', text.n);
    size_t at = dot ? (size_t)(dot - text.p) : 0;
    if (!dot)
        return layout_wrong(s->p, "it is told as @ID.COLUMN", text);
    *id = layout_resolve(s->p, s->scope, (struct k2_sv){text.p, at});
    *column = column_of(s, (struct k2_sv){dot + 1, text.n - at - 1});
    return *id < 0 || *column < 0 ? -1 : 0;
}

static int take_by(struct lines *s, struct k2_sv text, struct layout_number *out) {
    if (!k2_sv_take(&text, '@'))
        return layout_take_number(s->p, s->scope, text, out);
    *out = (struct layout_number){.from = LAYOUT_FROM_DIRECTORY, .map = LAYOUT_NONE};
    if (directory_of(s, &text, &out->directory))
        return -1;
    return take_column(s, text, &out->node, &out->number);
}

/* --- terms --- */

static bool plain_decimal(struct k2_sv s, struct layout_term *t) {
    k2_i128 v;
    const char *dot = memchr(s.p, '.', s.n);
    int scale = dot ? (int)(s.n - (size_t)(dot - s.p) - 1) : 0;
    if (scale > 9 || k2_decimal_parse(s, 18, scale, &v, NULL) != K2_OK)
        return false;
    t->is_number = true;
    t->number = (int64_t)v;
    t->number_scale = (uint8_t)scale;
    return true;
}

static bool is_constant(struct k2_sv s) {
    char c = (char)(s.n ? s.p[0] : '"');
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '"';
}

static int take_constant(struct lines *s, struct k2_sv text, struct layout_term *t) {
    bool quoted;
    t->make = LAYOUT_MAKE_TEXT;
    t->text = layout_unquoted(text, &quoted);
    t->memo = of(s)->memos++;
    if (!quoted && memchr("-0123456789", text.p[0], 11) && !plain_decimal(text, t))
        return layout_wrong(s->p, "this is no number", text);
    return 0;
}

static void take_date(struct k2_sv *text, struct layout_term *t) {
    static const struct {
        struct k2_sv prefix;
        enum layout_date date;
    } dates[] = {{{"date(", 5}, LAYOUT_DATE_YMD},
                 {{"date_days(", 10}, LAYOUT_DATE_DAYS},
                 {{"date_s(", 7}, LAYOUT_DATE_S},
                 {{"date_ms(", 8}, LAYOUT_DATE_MS},
                 {{"date_ns(", 8}, LAYOUT_DATE_NS}};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        if (text->n && text->p[text->n - 1] == ')' && take_prefix(text, dates[i].prefix)) {
            t->date = dates[i].date;
            text->n--;
            return;
        }
}

/* Bytes of the item in front of the field; all of them have fixed sizes and are always there. */
static int offset_in(struct lines *s, int32_t item, int32_t field, uint32_t *out) {
    const struct layout_node *nodes = of(s)->nodes;
    *out = 0;
    for (int32_t i = item + 1; i < field;) {
        const struct layout_node *n = &nodes[i];
        bool inside = n->end > field;
        if (n->type == LAYOUT_CHOOSE || n->repeated || n->cond >= 0 || n->length.set || n->align ||
            n->optional)
            return layout_wrong(s->p, "the items have no fixed size", n->name);
        *out += n->type == LAYOUT_STRUCT ? 0 : n->size;
        i = inside || n->type == LAYOUT_STRUCT ? i + 1 : n->end;
    }
    return 0;
}

/* group[index].field */
static int take_indexed(struct lines *s, struct k2_sv text, struct layout_term *t) {
    struct k2_sv rest = text, group = k2_sv_split(&rest, '['), index = k2_sv_split(&rest, ']');
    t->group = layout_resolve(s->p, s->node, group);
    t->index = layout_resolve(s->p, s->scope, index);
    if (t->group < 0 || t->index < 0)
        return -1;
    if (!k2_sv_take(&rest, '.') || !of(s)->nodes[t->group].repeated)
        return layout_wrong(s->p, "it is told as GROUP[INDEX].FIELD, of a repeated struct", text);
    t->node = layout_find(of(s), t->group, rest);
    if (t->node <= t->group || t->node >= of(s)->nodes[t->group].end)
        return layout_wrong(s->p, "there is no field", rest);
    return offset_in(s, t->group, t->node, &t->offset);
}

static int take_field(struct lines *s, struct k2_sv text, struct layout_term *t) {
    struct k2_sv braces, digits = text;
    int64_t n;
    if (memchr(text.p, '[', text.n))
        return take_indexed(s, text, t);
    if (layout_take_map(s->p, &text, &braces))
        return -1;
    digits = text;
    struct k2_sv name = layout_split(&digits, '%');
    if (digits.p) {
        if (!k2_sv_i64(digits, &n) || n < 1 || n > 18)
            return layout_wrong(s->p, "behind % comes how many digits", text);
        t->digits = (uint8_t)n;
    }
    t->node = layout_resolve(s->p, s->scope, name);
    if (t->node < 0)
        return -1;
    if (of(s)->nodes[t->node].type == LAYOUT_STRUCT || of(s)->nodes[t->node].type == LAYOUT_CHOOSE)
        return layout_wrong(s->p, "this is a struct and no field", name);
    if (!braces.p)
        return 0;
    t->map = layout_add_map(s->p, braces, layout_textual(&of(s)->nodes[t->node]));
    t->memo = of(s)->memos;
    of(s)->memos += t->map >= 0 ? of(s)->maps[t->map].count : 0;
    return t->map < 0 ? -1 : 0;
}

/* FIELD~N, FIELD/N, FIELD^N */
static int take_scaling(struct lines *s, struct k2_sv *text, struct layout_term *t) {
    for (const char *op = "~/^"; *op; op++) {
        struct k2_sv rest = *text, left = layout_split(&rest, *op);
        if (!rest.p)
            continue;
        t->scaling = *op;
        *text = left;
        return take_by(s, rest, &t->by);
    }
    return 0;
}

static int add_term(struct lines *s, struct k2_sv text) {
    struct layout_term t = {
        .node = LAYOUT_NONE, .map = LAYOUT_NONE, .index = LAYOUT_NONE, .group = LAYOUT_NONE};
    int rc = 0;
    if (is_constant(text)) {
        rc = take_constant(s, text, &t);
    } else if (take_scaling(s, &text, &t)) {
        rc = -1;
    } else if (k2_sv_starts(text, K2_SV("@")) && memchr(text.p, '[', text.n)) {
        t.make = LAYOUT_MAKE_SYMBOL;
        rc = take_indexed(s, (struct k2_sv){text.p + 1, text.n - 1}, &t);
    } else if (k2_sv_take(&text, '@')) {
        rc = directory_of(s, &text, &t.directory);
        t.node = layout_find(of(s), s->scope, text);
        t.make = LAYOUT_MAKE_SYMBOL;
        if (!rc && t.node < 0) {
            t.make = LAYOUT_MAKE_COLUMN;
            rc = take_column(s, text, &t.node, &t.number);
        }
    } else {
        bool call = k2_sv_ends(text, K2_SV(")"));
        t.raw = call && take_prefix(&text, K2_SV("raw("));
        t.as_signed = call && take_prefix(&text, K2_SV("signed("));
        text.n -= t.raw || t.as_signed;
        take_date(&text, &t);
        rc = text.n ? take_field(s, text, &t) : layout_wrong(s->p, "a value is missing", text);
    }
    *LAYOUT_ADD(of(s), terms) = t;
    return rc;
}

/* The terms of a value: joined by +, or a list in brackets. */
static int take_value(struct lines *s, struct k2_sv text, uint32_t *first, uint32_t *count,
                      bool *list) {
    *list = text.n > 1 && text.p[0] == '[' && text.p[text.n - 1] == ']';
    char sep = *list ? ',' : '+';
    if (*list)
        text = (struct k2_sv){text.p + 1, text.n - 2};
    *first = of(s)->terms_n;
    do
        if (add_term(s, k2_sv_trim(layout_split(&text, sep))))
            return -1;
    while (text.p);
    *count = of(s)->terms_n - *first;
    return 0;
}

/* --- times --- */

static bool take_unit(struct k2_sv *text, int64_t *unit) {
    static const struct {
        struct k2_sv prefix;
        int64_t unit;
    } units[] = {{{"ns(", 3}, 1},
                 {{"us(", 3}, K2_NS_PER_US},
                 {{"ms(", 3}, K2_NS_PER_MS},
                 {{"s(", 2}, K2_NS_PER_SEC}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text->n && text->p[text->n - 1] == ')' && take_prefix(text, units[i].prefix)) {
            *unit = units[i].unit;
            text->n--;
            return true;
        }
    return false;
}

static int take_clock_term(struct lines *s, struct k2_sv name, struct layout_time_term *t) {
    t->what = 'c';
    for (int i = 0; i < of(s)->clocks; i++)
        if (name.n == 0 || k2_sv_eq(name, of(s)->clock[i].name)) {
            t->clock = i;
            return 0;
        }
    return layout_wrong(s->p, "there is no clock", name);
}

/* 0, -1 = a mistake, 1 = a field is not in this message and `may_lack`. */
static int take_time_term(struct lines *s, struct k2_sv text, bool may_lack,
                          struct layout_time_term *t) {
    *t = (struct layout_time_term){.node = LAYOUT_NONE};
    if (k2_sv_eq(text, K2_SV("midnight"))) {
        t->what = 'm';
        return 0;
    }
    if (k2_sv_eq(text, K2_SV("clock")))
        return take_clock_term(s, K2_SV(""), t);
    if (take_prefix(&text, K2_SV("clock.")))
        return take_clock_term(s, text, t);
    if (!take_unit(&text, &t->unit))
        return layout_wrong(s->p, "a time is a sum of ns(F) us(F) ms(F) s(F) midnight clock", text);
    t->what = 'f';
    t->node = may_lack ? layout_find(of(s), s->scope, text) : layout_resolve(s->p, s->scope, text);
    if (t->node < 0)
        return may_lack ? 1 : -1;
    return 0;
}

static int add_time(struct lines *s, struct k2_sv text, bool may_lack) {
    struct layout_time time = {.first = of(s)->time_terms_n};
    text = k2_sv_trim(text);
    do {
        struct layout_time_term t;
        int rc = take_time_term(s, layout_split(&text, '+'), may_lack, &t);
        if (rc) {
            of(s)->time_terms_n = time.first;
            return rc < 0 ? -1 : 0;
        }
        *LAYOUT_ADD(of(s), time_terms) = t;
    } while (text.p);
    time.count = of(s)->time_terms_n - time.first;
    *LAYOUT_ADD(of(s), times) = time;
    return 0;
}

/* Behind what the event says itself, the lines of the head. */
static int add_head_times(struct lines *s) {
    int line = s->p->line;
    for (uint32_t i = 0; i < s->p->times_n; i++) {
        s->p->line = s->p->times[i].line;
        if (add_time(s, s->p->times[i].text, true))
            return -1;
    }
    s->p->line = line;
    return 0;
}

/* --- extra --- */

static bool has_content(const struct layout_node *n) {
    return n->type <= LAYOUT_BYTES || n->type == LAYOUT_BITS;
}

static void name_of(struct layout *l, int32_t node, int32_t top, struct k2_buf *out) {
    const struct layout_node *n = &l->nodes[node];
    if (node == top || node < 0)
        return;
    size_t before = out->n;
    if (l->nodes[n->parent].type != LAYOUT_CHOOSE)
        name_of(l, n->parent, top, out);
    else
        name_of(l, l->nodes[n->parent].parent, top, out);
    if (l->nodes[n->parent].type == LAYOUT_CHOOSE || n->inlined)
        return;
    if (out->n > before)
        k2_buf_byte(out, '.');
    k2_buf_sv(out, n->name);
}

static struct k2_sv leaf_name(const struct layout *l, const struct layout_leaf *leaf) {
    return (struct k2_sv){(const char *)l->names.p + leaf->name, leaf->name_n};
}

struct leaves { /* where fields that no column took are gathered */
    struct layout *l;
    int32_t unit, message;
    int32_t item; /* of `each`: its fields are named from it on */
    uint32_t first;
};

static struct layout_leaf name_leaf(struct layout *l, int32_t node, int32_t from) {
    struct layout_leaf leaf = {.node = node, .name = (uint32_t)l->names.n};
    name_of(l, node, from, &l->names);
    leaf.name_n = (uint32_t)l->names.n - leaf.name;
    return leaf;
}

/* A field of an item that is named as one of the message is named from the message on. */
static void add_leaf(struct leaves *v, int32_t node) {
    struct layout *l = v->l;
    struct layout_leaf leaf = name_leaf(l, node, v->item >= 0 ? v->item : v->unit);
    for (uint32_t i = v->first; i < l->leaves_n && v->item >= 0; i++)
        if (k2_sv_eq(leaf_name(l, &l->leaves[i]), leaf_name(l, &leaf))) {
            leaf = name_leaf(l, node, v->unit);
            break;
        }
    *LAYOUT_ADD(l, leaves) = leaf;
}

/* Structs around the message are still being made: what is there so far is theirs. */
static int32_t end_of(const struct layout *l, int32_t node) {
    return l->nodes[node].end ? l->nodes[node].end : (int32_t)l->nodes_n;
}

/* The message itself says what its key was. */
static bool is_its_key(const struct layout *l, int32_t message, int32_t field) {
    for (int32_t i = message; i > 0; i = l->nodes[i].parent) {
        const struct layout_node *choose = &l->nodes[l->nodes[i].parent];
        if (l->nodes[i].one_key && (choose->key[0] == field || choose->key[1] == field))
            return true;
    }
    return false;
}

/* The fields below `top` that do not repeat; of a choose only the way to the message. */
static void add_leaves(struct leaves *v, int32_t top) {
    struct layout *l = v->l;
    for (int32_t i = top + 1; i < end_of(l, top); i = end_of(l, i)) {
        const struct layout_node *n = &l->nodes[i];
        if (n->type == LAYOUT_STRUCT && !n->repeated)
            add_leaves(v, i);
        else if (n->type == LAYOUT_CHOOSE) {
            for (int32_t c = i + 1; c < end_of(l, i); c = end_of(l, c))
                if (v->message >= c && v->message < end_of(l, c))
                    add_leaves(v, c);
        } else if (has_content(n) && !n->framing && (!n->in_items || v->item >= 0) &&
                   !is_its_key(l, v->message, i)) {
            add_leaf(v, i);
        }
    }
}

static int compare_leaves(const void *a, const void *b, void *names) {
    const struct layout_leaf *x = a, *y = b;
    const char *text = names;
    return k2_sv_cmp((struct k2_sv){text + x->name, x->name_n},
                     (struct k2_sv){text + y->name, y->name_n});
}

static int32_t unit_above(const struct layout *l, int32_t node) {
    while (node > 0 && !l->nodes[node].unit)
        node = l->nodes[node].parent;
    return node;
}

static void add_extra(struct lines *s, int32_t each, uint32_t *first, uint32_t *count) {
    struct layout *l = of(s);
    struct leaves v = {.l = l,
                       .unit = unit_above(l, s->node),
                       .message = s->node,
                       .item = LAYOUT_NONE,
                       .first = l->leaves_n};
    *first = l->leaves_n;
    add_leaves(&v, v.unit);
    v.item = each;
    if (each >= 0)
        add_leaves(&v, each);
    *count = l->leaves_n - *first;
    if (*count)
        qsort_r(l->leaves + *first, *count, sizeof *l->leaves, compare_leaves, l->names.p);
}

/* --- lines --- */

static int take_when(struct lines *s, struct k2_sv *rest) {
    struct k2_sv word;
    struct layout_cond c;
    if (!layout_word(rest, &word))
        return layout_wrong(s->p, "behind when comes a condition", word);
    if (layout_take_cond(s->p, s->scope, word, &c))
        return -1;
    *LAYOUT_ADD(of(s), conds) = c;
    return 0;
}

static bool column_ok(const struct k2_kind *kind, int field) {
    static const char *const ours[] = {"extra", "flags", "instrument_id", "exchange_timestamp_ns"};
    const struct k2_field *f = field >= 0 ? &kind->fields[field] : NULL;
    if (!f || f->cls != K2_PAYLOAD)
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(f->name, ours[i]) == 0)
            return false;
    return true;
}

static int add_assign(struct lines *s, struct layout_event *e, struct k2_sv key,
                      struct k2_sv value) {
    const struct k2_kind *kind = k2_kind(e->kind);
    struct layout_assign a = {.field = k2_field_by_name(kind, key)};
    if (k2_sv_eq(key, K2_SV("time")))
        return add_time(s, value, false);
    if (k2_sv_eq(key, K2_SV("flags"))) {
        e->flags |= K2_FLAG_SNAPSHOT;
        return k2_sv_eq(value, K2_SV("SNAPSHOT")) ? 0
                                                  : layout_wrong(s->p, "flags are SNAPSHOT", value);
    }
    if (!column_ok(kind, a.field))
        return layout_wrong(s->p, "the kind has no such column", key);
    if (take_value(s, value, &a.first, &a.count, &a.list))
        return -1;
    if (a.list != (kind->fields[a.field].type == K2_LIST))
        return layout_wrong(s->p, "a list in brackets is for conditions, and only it", key);
    a.column = &kind->fields[a.field];
    *LAYOUT_ADD(of(s), assigns) = a;
    return 0;
}

static int check_required(struct lines *s, const struct layout_event *e) {
    const struct k2_kind *kind = k2_kind(e->kind);
    for (int f = 0; f < kind->field_count; f++) {
        bool there = kind->fields[f].need != K2_REQ || !column_ok(kind, f) ||
                     strcmp(kind->fields[f].name, "symbol") == 0;
        for (uint32_t i = 0; i < e->assign_count && !there; i++)
            there = of(s)->assigns[e->assign + i].field == f;
        if (!there)
            return layout_wrong(s->p, "the event needs the column", k2_sv_of(kind->fields[f].name));
    }
    return 0;
}

/* Fields of structs that repeat inside the item are not its own. */
static void mark_each(struct layout_node *nodes, int32_t item) {
    nodes[item].each = true;
    for (int32_t i = item + 1; i < nodes[item].end; i = nodes[i].repeated ? nodes[i].end : i + 1)
        nodes[i].each = !nodes[i].repeated;
}

static int take_each(struct lines *s, struct k2_sv *rest, struct layout_event *e) {
    struct k2_sv word = {NULL, 0};
    (void)layout_word(rest, &word);
    e->each = layout_resolve(s->p, s->node, word);
    if (e->each < 0)
        return -1;
    if (!of(s)->nodes[e->each].repeated || e->each < s->node)
        return layout_wrong(s->p, "each is for a repeated struct of the message", word);
    s->scope = e->each;
    mark_each(of(s)->nodes, e->each);
    return 0;
}

static int take_columns(struct lines *s, struct k2_sv rest, struct layout_event *e) {
    struct k2_sv word;
    e->assign = of(s)->assigns_n;
    e->conds = of(s)->conds_n;
    e->times = of(s)->times_n;
    while (layout_word(&rest, &word)) {
        struct k2_sv value = word, key = layout_split(&value, '=');
        int rc = k2_sv_eq(word, K2_SV("when")) ? take_when(s, &rest)
                 : value.p                     ? add_assign(s, e, key, value)
                           : layout_wrong(s->p, "a column is told as COLUMN=VALUE", word);
        if (rc)
            return -1;
    }
    e->assign_count = of(s)->assigns_n - e->assign;
    e->cond_count = of(s)->conds_n - e->conds;
    return check_required(s, e);
}

static int take_event(struct lines *s, struct k2_sv rest) {
    struct layout_event e = {.each = LAYOUT_NONE};
    struct k2_sv word = {NULL, 0}, before;
    (void)layout_word(&rest, &word);
    const struct k2_kind *kind = k2_kind_by_name(word);
    if (!kind || kind->id == K2_KIND_QUARANTINE || kind->id == K2_KIND_GAP)
        return layout_wrong(s->p, "there is no kind of event", word);
    e.kind = kind->id;
    before = rest;
    s->scope = s->node;
    if (!layout_word(&rest, &word) || !k2_sv_eq(word, K2_SV("each")))
        rest = before;
    else if (take_each(s, &rest, &e))
        return -1;
    if (take_columns(s, rest, &e) || add_head_times(s))
        return -1;
    e.time_count = of(s)->times_n - e.times;
    add_extra(s, e.each, &e.extra, &e.extra_count);
    *LAYOUT_ADD(of(s), events) = e;
    return 0;
}

static int take_directory_value(struct lines *s, struct k2_sv word, struct layout_directory *d) {
    struct k2_sv value = word, key = layout_split(&value, '=');
    uint32_t first, count;
    bool list;
    if (!value.p || take_value(s, value, &first, &count, &list))
        return layout_wrong(s->p, "a directory is told as: directory ID symbol=FIELD", word);
    if (list || count != 1)
        return layout_wrong(s->p, "a directory holds single values", word);
    if (k2_sv_eq(key, K2_SV("symbol"))) {
        d->symbol = first;
        return 0;
    }
    int column = column_of(s, key);
    if (column >= 0)
        d->column[column] = first;
    return column < 0 ? -1 : 0;
}

static int take_directory(struct lines *s, struct k2_sv rest, bool forget) {
    struct layout_directory d = {.symbol = UINT32_MAX, .forget = forget};
    struct k2_sv word = {NULL, 0};
    memset(d.column, 0xff, sizeof d.column);
    s->scope = s->node;
    (void)layout_word(&rest, &word);
    if (directory_of(s, &word, &d.directory))
        return -1;
    d.id = layout_resolve(s->p, s->node, word);
    d.conds = of(s)->conds_n;
    if (d.id < 0)
        return -1;
    while (layout_word(&rest, &word))
        if (k2_sv_eq(word, K2_SV("when")) ? take_when(s, &rest) : take_directory_value(s, word, &d))
            return -1;
    d.cond_count = of(s)->conds_n - d.conds;
    *LAYOUT_ADD(of(s), directories) = d;
    return 0;
}

/* Events first: what a directory forgets behind them they still know. */
static int take_line(struct lines *s, struct k2_sv text, bool events) {
    struct k2_sv rest = text, word = {NULL, 0};
    (void)layout_word(&rest, &word);
    if (events != k2_sv_eq(word, K2_SV("event")))
        return 0;
    return events ? take_event(s, rest) : take_directory(s, rest, k2_sv_eq(word, K2_SV("forget")));
}

static int take_lines(struct lines *s, const struct def_struct *d, bool events) {
    for (uint32_t i = 0; i < d->lines_n; i++) {
        s->p->line = d->lines[i].line;
        if (take_line(s, d->lines[i].text, events))
            return -1;
    }
    return 0;
}

static void set_clocks(struct lines *s, const struct def_struct *d, struct layout_program *g) {
    for (int i = 0; i < of(s)->clocks; i++) {
        struct k2_sv path = of(s)->clock[i].field, message = k2_sv_split(&path, '.');
        g->clock_node[i] = LAYOUT_NONE;
        if (!k2_sv_eq(message, d->name))
            continue;
        g->clock_node[i] = layout_find(of(s), s->node, path);
        if (g->clock_node[i] >= 0)
            of(s)->nodes[g->clock_node[i]].sets_clock = (int8_t)i;
    }
}

int layout_link_events(struct layout_parse *p, int32_t node, const struct def_struct *d) {
    struct lines s = {.p = p, .node = node, .scope = node};
    struct layout *l = p->l;
    struct layout_program g = {.reset = d->reset, .unnumbered = d->unnumbered, .name = d->name};
    g.memo = l->memos++;
    g.directories = l->directories_n;
    if (take_lines(&s, d, false))
        return -1;
    g.directory_count = l->directories_n - g.directories;
    g.events = l->events_n;
    if (take_lines(&s, d, true))
        return -1;
    g.event_count = l->events_n - g.events;
    for (uint32_t i = 0; i < g.event_count; i++)
        g.each = g.each || l->events[g.events + i].each >= 0;
    s.scope = node;
    g.times = l->times_n;
    if (add_head_times(&s))
        return -1;
    g.time_count = l->times_n - g.times;
    add_extra(&s, LAYOUT_NONE, &g.extra, &g.extra_count);
    set_clocks(&s, d, &g);
    *LAYOUT_ADD(l, programs) = g;
    l->nodes[node].program = (int32_t)l->programs_n - 1;
    return 0;
}
