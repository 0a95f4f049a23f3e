/* feed/fast/templates.c - a file of templates compiled: FAST 1.1, sections 5 and 6.
 *
 * A previous value is named by a dictionary and a key (6.3.1). The dictionary is "global", or "template" (then that of the
 * template), "type" (that of the application type, "any" where none is said), or one of a name of its own; it is said at
 * the operator or at what is around it. The key is the field's name unless the operator says another. Equal names share
 * one slot. A static templateRef puts the other template's fields in its place (6.2.6). */
#include "feed/fast/fast.h"
#include "feed/fast/xml.h"

#include "base/intern.h"

#include <stdlib.h>

#define REF_DEEP 16
#define FIELDS_MAX 10000 /* static references among them */
#define RESET_ID                                                                                   \
    120 /* of the reset message in FIX's Session Control Protocol 1.1, where a file does not tell it */

struct compile {
    struct fast_templates *t;
    const struct fast_xml *x;
    struct k2_err *err;
    struct k2_buf keys; /* of slots: u32 size and text, in their order */
    int references;     /* to other templates that were followed */
};

struct scope { /* what elements inherit */
    const char *dictionary, *type, *template;
    int deep;
};

/* --- messages and names --- */

static int wrong(const struct compile *c, const struct fast_xml_element *e, const char *what) {
    const char *name = fast_xml_value(e, "name");
    return k2_fail(c->err, K2_E_INVALID, "line %d: <%s%s%s>: %s", e->line, e->name, name ? " " : "",
                   name ? name : "", what);
}

static bool is(const struct fast_xml_element *e, const char *name) {
    return strcmp(e->name, name) == 0;
}

static const char *keep_name(struct fast_templates *t, const char *name) {
    if (t->names_n == t->names_cap) {
        t->names_cap = t->names_cap ? t->names_cap * 2 : 64;
        t->names = k2_realloc(t->names, t->names_cap * sizeof *t->names);
    }
    return t->names[t->names_n++] = k2_strdup(name ? name : "");
}

static uint32_t number_of(const char *text) {
    int64_t v = 0;
    return text && k2_sv_i64(k2_sv_of(text), &v) && v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static int32_t add_field(struct compile *c, unsigned type, const char *name, uint32_t tag) {
    struct fast_templates *t = c->t;
    if (t->fields_n == t->fields_cap) {
        t->fields_cap = t->fields_cap ? t->fields_cap * 2 : 128;
        t->fields = k2_realloc(t->fields, t->fields_cap * sizeof *t->fields);
    }
    int32_t at = (int32_t)t->fields_n++;
    t->fields[at] = (struct fast_field){
        .type = (uint8_t)type, .name = name, .tag = tag, .slot = -1, .end = at + 1};
    return at;
}

/* --- slots --- */

static int32_t slot_of(struct compile *c, const struct scope *s, const char *key) {
    struct k2_buf name = {0};
    struct k2_sv keys = k2_buf_view(&c->keys), known;
    int32_t at = 0;
    const char *of = strcmp(s->dictionary, "template") == 0 ? s->template
                     : strcmp(s->dictionary, "type") == 0   ? s->type
                                                            : "";
    k2_buf_printf(&name, "%s%c%s%c%s", s->dictionary, 0, of, 0, key);
    while (k2_blob_next(&keys, &known) && !k2_sv_eq(known, k2_buf_view(&name)))
        at++;
    if (at == (int32_t)c->t->slots) {
        k2_blob_add(&c->keys, k2_buf_view(&name));
        c->t->slots++;
    }
    k2_buf_free(&name);
    return at;
}

/* --- initial values, section 6.3.2: S3 --- */

static bool parse_decimal(const char *text, struct fast_value *v) {
    k2_i128 number = 0;
    struct k2_sv s = k2_sv_of(text), digits = s;
    (void)k2_sv_split(&digits, '.');
    if (digits.n > 30 || k2_decimal_parse(s, 38, (int)digits.n, &number, NULL) != K2_OK)
        return false;
    int scale = (int)digits.n;
    for (; scale > 0 && number % 10 == 0; scale--)
        number /= 10;
    while (scale <= 0 && number != 0 && number % 10 == 0 && scale > -63) {
        number /= 10;
        scale--;
    }
    v->number = number;
    v->exponent = -scale;
    return number >= INT64_MIN && number <= INT64_MAX;
}

static bool parse_integer(const char *text, unsigned type, k2_i128 *out) {
    static const k2_i128 low[] = {INT32_MIN, 0, INT64_MIN, 0};
    static const k2_i128 high[] = {INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    struct k2_sv s = k2_sv_trim(k2_sv_of(text));
    if (memchr(s.p, '.', s.n) || k2_decimal_parse(s, 38, 0, out, NULL) != K2_OK)
        return false;
    return *out >= low[type] && *out <= high[type];
}

static int nibble(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Of a byte vector: pairs of hexadecimal digits. */
static bool parse_bytes(struct fast_templates *t, const char *text) {
    int high = -1;
    for (; *text; text++) {
        int n = nibble(*text);
        if (*text == ' ')
            continue;
        if (n < 0)
            return false;
        if (high >= 0)
            k2_buf_byte(&t->texts, (uint8_t)(high * 16 + n));
        high = high >= 0 ? -1 : n;
    }
    return high < 0;
}

static bool parse_value(struct fast_templates *t, unsigned type, const char *text,
                        struct fast_value *v) {
    *v = (struct fast_value){.there = FAST_ASSIGNED, .type = (uint8_t)type};
    if (type == FAST_DECIMAL)
        return parse_decimal(text, v);
    if (type < FAST_DECIMAL)
        return parse_integer(text, type, &v->number);
    v->at = (uint32_t)t->texts.n;
    bool good = true;
    if (type == FAST_BYTES)
        good = parse_bytes(t, text);
    else
        k2_buf_str(&t->texts, text);
    v->n = (uint32_t)(t->texts.n - v->at);
    return good && v->n <= FAST_MESSAGE_MAX;
}

/* --- operators --- */

static int operator_of(const struct fast_xml_element *e) {
    static const char *const names[] = {"",          "constant", "default", "copy",
                                        "increment", "delta",    "tail"};
    for (int i = FAST_CONSTANT; i <= FAST_TAIL; i++)
        if (is(e, names[i]))
            return i;
    return FAST_NONE;
}

/* S2: an operator that the type does not have; S4 and S5: a value that must be given. */
static int check_operator(const struct compile *c, const struct fast_xml_element *e,
                          const struct fast_field *f) {
    if (f->op == FAST_INCREMENT && f->type > FAST_UINT64)
        return wrong(c, e, "S2: increment is an operator of integers");
    if (f->op == FAST_TAIL && f->type < FAST_ASCII)
        return wrong(c, e, "S2: tail is an operator of strings and byte vectors");
    if (f->initial.there == FAST_ASSIGNED)
        return K2_OK;
    if (f->op == FAST_CONSTANT)
        return wrong(c, e, "S4: a constant needs a value");
    return f->op == FAST_DEFAULT && !f->optional
               ? wrong(c, e, "S5: the default of a mandatory field needs a value")
               : K2_OK;
}

/* The operator of the field `at`, if the element `of` has one among its children. `suffix` keeps apart the keys of an exponent and a
 * mantissa. */
static int take_operator(struct compile *c, int32_t at, const struct fast_xml_element *of,
                         const struct scope *around, const char *name, const char *suffix) {
    for (int32_t i = of->first; i; i = c->x->elements[i].next) {
        const struct fast_xml_element *e = &c->x->elements[i];
        int op = operator_of(e);
        if (op == FAST_NONE)
            continue;
        struct fast_field *f = &c->t->fields[at];
        if (f->op != FAST_NONE)
            return wrong(c, e, "a field has one operator");
        f->op = (uint8_t)op;
        const char *value = fast_xml_value(e, "value"), *key = fast_xml_value(e, "key"),
                   *own = fast_xml_value(e, "dictionary");
        if (value && !parse_value(c->t, f->type, value, &f->initial))
            return wrong(c, e, "S3: the value is none of the field's type");
        struct scope s = *around;
        s.dictionary = own ? own : s.dictionary;
        struct k2_buf full = {0};
        k2_buf_printf(&full, "%s%s", key ? key : name, key ? "" : suffix);
        if (op >= FAST_COPY)
            f->slot = slot_of(c, &s, k2_buf_cstr(&full));
        k2_buf_free(&full);
        K2_TRY(check_operator(c, e, f));
    }
    return K2_OK;
}

/* --- fields --- */

static int compile_children(struct compile *c, const struct fast_xml_element *of,
                            const struct scope *around);

static bool needs_bit(const struct fast_field *f) {
    if (f->op == FAST_CONSTANT || f->type == FAST_GROUP)
        return f->optional;
    return f->op == FAST_DEFAULT || f->op == FAST_COPY || f->op == FAST_INCREMENT ||
           f->op == FAST_TAIL;
}

/* Whether the fields [first, end) of one segment ask for bits of its presence map. */
static bool needs_map(const struct fast_templates *t, int32_t first, int32_t end) {
    int32_t i = first;
    while (i < end) {
        const struct fast_field *f = &t->fields[i];
        if (needs_bit(f))
            return true;
        bool inside = f->type == FAST_DECIMAL && f->apart;
        if (f->type == FAST_SEQUENCE && needs_bit(f + 1))
            return true;
        i = inside ? i + 1 : f->end;
    }
    return false;
}

static int type_of(const struct fast_xml_element *e) {
    static const struct {
        const char *name;
        int type;
    } types[] = {{"int32", FAST_INT32},      {"uInt32", FAST_UINT32},     {"int64", FAST_INT64},
                 {"uInt64", FAST_UINT64},    {"decimal", FAST_DECIMAL},   {"string", FAST_ASCII},
                 {"byteVector", FAST_BYTES}, {"sequence", FAST_SEQUENCE}, {"group", FAST_GROUP}};
    const char *charset = fast_xml_value(e, "charset");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is(e, types[i].name))
            return types[i].type == FAST_ASCII && charset && strcmp(charset, "unicode") == 0
                       ? FAST_UNICODE
                       : types[i].type;
    return -1;
}

static const struct fast_xml_element *child(const struct compile *c,
                                            const struct fast_xml_element *of, const char *name) {
    for (int32_t i = of->first; i; i = c->x->elements[i].next)
        if (is(&c->x->elements[i], name))
            return &c->x->elements[i];
    return NULL;
}

/* A part of a decimal, with its own operator or none. */
static int add_part(struct compile *c, int32_t decimal, unsigned type, const char *name,
                    const struct fast_xml_element *e, const struct scope *s) {
    const struct fast_field *of = &c->t->fields[decimal];
    const char *full = of->name, *dot = type == FAST_INT32 ? ".exponent" : ".mantissa";
    bool optional = of->optional && type == FAST_INT32;
    int32_t at = add_field(c, type, keep_name(c->t, name), 0);
    c->t->fields[at].optional = optional;
    return e ? take_operator(c, at, e, s, full, dot) : K2_OK;
}

static int compile_decimal(struct compile *c, int32_t at, const struct fast_xml_element *e,
                           const struct scope *s) {
    const struct fast_xml_element *exponent = child(c, e, "exponent"),
                                  *mantissa = child(c, e, "mantissa");
    if (!exponent && !mantissa)
        return take_operator(c, at, e, s, c->t->fields[at].name, "");
    c->t->fields[at].apart = true;
    K2_TRY(add_part(c, at, FAST_INT32, "exponent", exponent, s));
    return add_part(c, at, FAST_INT64, "mantissa", mantissa, s);
}

static int compile_length(struct compile *c, int32_t sequence, const struct fast_xml_element *e,
                          const struct scope *s) {
    const struct fast_xml_element *length = child(c, e, "length");
    const char *name = length ? fast_xml_value(length, "name") : NULL;
    const char *id = length ? fast_xml_value(length, "id") : NULL;
    bool optional = c->t->fields[sequence].optional;
    const char *of = c->t->fields[sequence].name;
    int32_t at = add_field(c, FAST_UINT32, keep_name(c->t, name), number_of(id));
    c->t->fields[at].optional = optional;
    return length ? take_operator(c, at, length, s, name ? name : of, name ? "" : ".length")
                  : K2_OK;
}

static int compile_field(struct compile *c, const struct fast_xml_element *e, int type,
                         const struct scope *around) {
    struct scope s = *around;
    const char *name = fast_xml_value(e, "name"), *presence = fast_xml_value(e, "presence"),
               *dictionary = fast_xml_value(e, "dictionary");
    if (!name)
        return wrong(c, e, "it needs a name");
    s.dictionary = dictionary ? dictionary : s.dictionary;
    int32_t at =
        add_field(c, (unsigned)type, keep_name(c->t, name), number_of(fast_xml_value(e, "id")));
    c->t->fields[at].optional = presence && strcmp(presence, "optional") == 0;
    if (type == FAST_DECIMAL)
        K2_TRY(compile_decimal(c, at, e, &s));
    else if (type == FAST_SEQUENCE)
        K2_TRY(compile_length(c, at, e, &s));
    else if (type != FAST_GROUP)
        K2_TRY(take_operator(c, at, e, &s, c->t->fields[at].name, ""));
    int32_t first = (int32_t)c->t->fields_n;
    if (type >= FAST_SEQUENCE)
        K2_TRY(compile_children(c, e, &s));
    struct fast_field *f = &c->t->fields[at];
    f->end = (int32_t)c->t->fields_n;
    f->has_map = type >= FAST_SEQUENCE && needs_map(c->t, first, f->end);
    return K2_OK;
}

static int compile_reference(struct compile *c, const struct fast_xml_element *e,
                             const struct scope *around) {
    const char *name = fast_xml_value(e, "name");
    if (!name) {
        (void)add_field(c, FAST_MESSAGE, keep_name(c->t, "templateRef"), 0);
        return K2_OK;
    }
    const char *root = fast_xml_value(&c->x->elements[0], "dictionary");
    struct scope s = {root ? root : "global", "any", name, around->deep + 1};
    if (s.deep > REF_DEEP || ++c->references > FIELDS_MAX)
        return wrong(c, e, "templates refer to each other without end");
    for (int32_t i = c->x->elements[0].first; i; i = c->x->elements[i].next) {
        const struct fast_xml_element *t = &c->x->elements[i];
        const char *of = fast_xml_value(t, "name");
        if (!is(t, "template") || !of || strcmp(of, name) != 0)
            continue;
        const char *dictionary = fast_xml_value(t, "dictionary");
        s.dictionary = dictionary ? dictionary : s.dictionary;
        return compile_children(c, t, &s);
    }
    return wrong(c, e, "D8: there is no such template");
}

/* Elements of other namespaces may stand anywhere (section 5); length and operators were taken before. */
static bool passed_over(const struct fast_xml_element *e) {
    return strchr(e->name, ':') || is(e, "typeRef") || is(e, "length") || operator_of(e);
}

static int compile_children(struct compile *c, const struct fast_xml_element *of,
                            const struct scope *around) {
    struct scope s = *around;
    const struct fast_xml_element *type = child(c, of, "typeRef");
    const char *type_name = type ? fast_xml_value(type, "name") : NULL;
    s.type = type_name ? type_name : s.type;
    for (int32_t i = of->first; i; i = c->x->elements[i].next) {
        const struct fast_xml_element *e = &c->x->elements[i];
        int field = type_of(e);
        if (c->t->fields_n > FIELDS_MAX)
            return wrong(c, e, "the templates have too many fields");
        if (field >= 0)
            K2_TRY(compile_field(c, e, field, &s));
        else if (is(e, "templateRef"))
            K2_TRY(compile_reference(c, e, &s));
        else if (!passed_over(e))
            return wrong(c, e, "S1: there is no such instruction");
    }
    return K2_OK;
}

/* --- templates --- */

static struct fast_template *add_template(struct fast_templates *t) {
    if (t->all_n == t->all_cap) {
        t->all_cap = t->all_cap ? t->all_cap * 2 : 16;
        t->all = k2_realloc(t->all, t->all_cap * sizeof *t->all);
    }
    return &t->all[t->all_n++];
}

static bool is_yes(const char *value) {
    static const char *const words[] = {"yes", "Y", "y", "T", "true", "1"};
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

static int compile_template(struct compile *c, const struct fast_xml_element *e,
                            const char *dictionary) {
    const char *name = fast_xml_value(e, "name"), *id = fast_xml_value(e, "id"),
               *own = fast_xml_value(e, "dictionary");
    int64_t number = 0;
    if (!name)
        return wrong(c, e, "it needs a name");
    if (id && (!k2_sv_i64(k2_sv_of(id), &number) || number < 0 || number > UINT32_MAX))
        return wrong(c, e, "its id is no number");
    struct scope s = {own ? own : dictionary, "any", name, 0};
    int32_t first = (int32_t)c->t->fields_n;
    K2_TRY(compile_children(c, e, &s));
    if (!id)
        return K2_OK; /* only other templates refer to it */
    *add_template(c->t) = (struct fast_template){.name = keep_name(c->t, name),
                                                 .id = (uint32_t)number,
                                                 .reset = is_yes(fast_xml_value(e, "reset")),
                                                 .first = first,
                                                 .end = (int32_t)c->t->fields_n};
    return K2_OK;
}

static int compare(const void *a, const void *b) {
    const struct fast_template *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int sort_templates(struct compile *c) {
    struct fast_templates *t = c->t;
    if (t->all_n == 0)
        return k2_fail(c->err, K2_E_INVALID, "there is no template with an id in it");
    qsort(t->all, t->all_n, sizeof *t->all, compare);
    for (size_t i = 1; i < t->all_n; i++)
        if (t->all[i].id == t->all[i - 1].id)
            return k2_fail(c->err, K2_E_INVALID, "the templates %s and %s have the same id %u",
                           t->all[i - 1].name, t->all[i].name, t->all[i].id);
    if (fast_template_of(t, RESET_ID))
        return K2_OK;
    *add_template(t) =
        (struct fast_template){.name = keep_name(t, "Reset"), .id = RESET_ID, .reset = true};
    qsort(t->all, t->all_n, sizeof *t->all, compare);
    return K2_OK;
}

static int compile_all(struct compile *c) {
    const struct fast_xml_element *root = &c->x->elements[0];
    const char *dictionary = fast_xml_value(root, "dictionary");
    if (is(root, "template")) {
        K2_TRY(compile_template(c, root, "global"));
        return sort_templates(c);
    }
    if (!is(root, "templates"))
        return wrong(c, root, "a file of templates begins with <templates>");
    for (int32_t i = root->first; i; i = c->x->elements[i].next) {
        const struct fast_xml_element *e = &c->x->elements[i];
        if (is(e, "template"))
            K2_TRY(compile_template(c, e, dictionary ? dictionary : "global"));
        else if (!passed_over(e))
            return wrong(c, e, "S1: there is no such element");
    }
    return sort_templates(c);
}

int fast_templates_parse(struct k2_sv xml, struct fast_templates **out, struct k2_err *err) {
    struct fast_xml x;
    struct compile c = {.x = &x, .err = err};
    *out = NULL;
    int rc = fast_xml_parse(xml, &x, err);
    if (rc == K2_OK) {
        c.t = k2_zalloc(sizeof *c.t);
        rc = compile_all(&c);
    }
    fast_xml_free(&x);
    k2_buf_free(&c.keys);
    if (rc == K2_OK)
        *out = c.t;
    else
        fast_templates_free(c.t);
    return rc;
}

void fast_templates_free(struct fast_templates *t) {
    if (!t)
        return;
    for (size_t i = 0; i < t->names_n; i++)
        free(t->names[i]);
    free(t->names);
    free(t->fields);
    free(t->all);
    k2_buf_free(&t->texts);
    free(t);
}

const struct fast_template *fast_template_of(const struct fast_templates *t, uint64_t id) {
    size_t low = 0, high = t->all_n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (t->all[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->all_n && t->all[low].id == id ? &t->all[low] : NULL;
}
