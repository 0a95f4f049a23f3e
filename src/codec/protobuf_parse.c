/* codec/protobuf_parse.c - the grammar of a .proto file (language specification of proto2 and proto3).
 *
 * Words are read once, from front to back. Statements that say nothing about bytes (options, services,
 * extensions) are read over with their brackets balanced.
 */
#include "codec/protobuf_schema.h"

#include <stdlib.h>

struct parse {
    struct proto_lexer l;
    struct proto_schema *s;
    struct proto_file *file;
    int depth;
    int ranges;
    struct proto_field **last_list, **last_end; /* where the last member was put */
    int last_count;
};

enum { MOST_RANGES = 65536 };

#define bad(p, ...) (k2_fail_((p)->l.err, K2_E_INVALID, __VA_ARGS__), at(p), K2_E_INVALID)

static void at(struct parse *p) {
    k2_err_context(p->l.err, K2_E_INVALID, "line %d", p->l.token_line);
}

/* --- words --- */

static K2_RC expect(struct parse *p, const char *symbol) {
    if (!proto_at(&p->l, symbol))
        return bad(p, "'%s' is expected, not '%.*s'", symbol, K2_SV_ARG(k2_sv_shown(p->l.text)));
    return proto_next(&p->l);
}

static K2_RC take_word(struct parse *p, struct k2_sv *out) {
    if (p->l.token != PROTO_WORD)
        return bad(p, "a name is expected, not '%.*s'", K2_SV_ARG(k2_sv_shown(p->l.text)));
    *out = p->l.text;
    return proto_next(&p->l);
}

/* a.b.c or .a.b.c; the words may stand apart, so they are put together. */
static K2_RC take_path(struct parse *p, struct k2_sv *out) {
    struct k2_buf text = {0};
    struct k2_sv word = {0};
    int rc = K2_OK;
    if (proto_at(&p->l, ".")) {
        k2_buf_byte(&text, '.');
        rc = proto_next(&p->l);
    }
    while (rc == K2_OK) {
        rc = take_word(p, &word);
        if (rc != K2_OK)
            break;
        k2_buf_sv(&text, word);
        if (!proto_at(&p->l, "."))
            break;
        k2_buf_byte(&text, '.');
        rc = proto_next(&p->l);
    }
    char *kept = schema_arena_text(&p->s->arena, k2_buf_view(&text));
    *out = (struct k2_sv){kept, text.n};
    k2_buf_free(&text);
    return rc;
}

static K2_RC take_integer(struct parse *p, int64_t *out) {
    bool negative = proto_at(&p->l, "-");
    char text[32] = "", *end;
    if (negative)
        K2_TRY(proto_next(&p->l));
    if (p->l.token != PROTO_NUMBER || p->l.text.n >= sizeof text)
        return bad(p, "a number is expected, not '%.*s'", K2_SV_ARG(k2_sv_shown(p->l.text)));
    memcpy(text, p->l.text.p, p->l.text.n);
    *out = strtoll(text, &end, 0);
    if (*end || *out > UINT32_MAX)
        return bad(p, "'%s' is no number of a field, or too large", text);
    if (negative)
        *out = -*out;
    return proto_next(&p->l);
}

/* A string's text without its quotes; escapes are no part of what is read here. */
static K2_RC take_string(struct parse *p, struct k2_sv *out) {
    if (p->l.token != PROTO_STRING)
        return bad(p, "a string is expected, not '%.*s'", K2_SV_ARG(k2_sv_shown(p->l.text)));
    *out = (struct k2_sv){p->l.text.p + 1, p->l.text.n - 2};
    return proto_next(&p->l);
}

/* Reads over all up to the end of a statement: a ';' outside of brackets, or a block's end. */
static K2_RC skip_statement(struct parse *p) {
    int open = 0;
    for (;;) {
        if (p->l.token == PROTO_END)
            return bad(p, "the file ends within a statement");
        bool symbol = p->l.token == PROTO_SYMBOL;
        bool opens = symbol && strchr("{[(", p->l.text.p[0]);
        bool closes = symbol && strchr("}])", p->l.text.p[0]);
        bool block = symbol && p->l.text.p[0] == '}', end = proto_at(&p->l, ";");
        open += opens ? 1 : closes ? -1 : 0;
        if (open < 0)
            return bad(p, "'%c' closes nothing", p->l.text.p[0]);
        K2_TRY(proto_next(&p->l));
        if (open == 0 && (end || block))
            return K2_OK;
    }
}

/* "[deprecated = true, (rule) = {...}]" if it is there. */
static K2_RC skip_options(struct parse *p) {
    int open = 0;
    if (!proto_at(&p->l, "["))
        return K2_OK;
    do {
        if (p->l.token == PROTO_END)
            return bad(p, "the file ends within options");
        if (p->l.token == PROTO_SYMBOL)
            open += strchr("{[", p->l.text.p[0]) ? 1 : strchr("}]", p->l.text.p[0]) ? -1 : 0;
        K2_TRY(proto_next(&p->l));
    } while (open > 0);
    return K2_OK;
}

/* --- fields --- */

/* Appends one to a type's list; goes on from where the last one went, if it was to the same list. */
static K2_RC new_field(struct parse *p, struct proto_field **list, struct proto_field **out) {
    struct proto_field **end = p->last_list == list ? p->last_end : list;
    int n = p->last_list == list ? p->last_count : 0;
    for (; *end && n < SCHEMA_MAX_NAMES; n++)
        end = &(*end)->next;
    if (n == SCHEMA_MAX_NAMES)
        return k2_fail(p->l.err, K2_E_RANGE, "line %d: more than %d members of one type",
                       p->l.token_line, SCHEMA_MAX_NAMES);
    *out = *end = schema_arena_take(&p->s->arena, sizeof **out);
    (*out)->line = p->l.token_line;
    p->last_list = list;
    p->last_end = end;
    p->last_count = n;
    return K2_OK;
}

/* Appends one that has a name only. */
static K2_RC new_name(struct parse *p, struct proto_field **list, struct k2_sv name) {
    struct proto_field *f;
    K2_TRY(new_field(p, list, &f));
    f->name = name;
    return K2_OK;
}

static K2_RC parse_body(struct parse *p, struct proto_type *m);

static K2_RC new_type(struct parse *p, struct proto_type *parent, struct proto_type **out) {
    struct proto_schema *s = p->s;
    if (s->name_count == SCHEMA_MAX_NAMES)
        return k2_fail(p->l.err, K2_E_RANGE, "a schema declares more than %d types",
                       SCHEMA_MAX_NAMES);
    struct proto_type *t = schema_arena_take(&s->arena, sizeof *t);
    struct proto_type **list = parent ? &parent->types : &p->file->types;
    t->file = p->file;
    t->line = p->l.token_line;
    K2_TRY(take_word(p, &t->name));
    struct k2_sv scope = parent ? parent->full : p->file->package;
    char *full = schema_arena_take(&s->arena, scope.n + t->name.n + 2);
    if (scope.n) {
        memcpy(full, scope.p, scope.n);
        full[scope.n] = '.';
    }
    size_t cut = scope.n ? scope.n + 1 : 0;
    memcpy(full + cut, t->name.p, t->name.n);
    t->full = (struct k2_sv){full, cut + t->name.n};
    while (*list)
        list = &(*list)->next;
    *list = s->names[s->name_count++] = t;
    *out = t;
    return K2_OK;
}

static K2_RC take_tag(struct parse *p, struct proto_field *f) {
    int64_t tag;
    K2_TRY(expect(p, "="));
    K2_TRY(take_integer(p, &tag));
    if (tag < 1 || tag > 536870911 || (tag >= 19000 && tag <= 19999))
        return bad(p, "%lld is no number of a field: 1 to 536870911 without 19000 to 19999",
                   (long long)tag);
    f->tag = (int32_t)tag;
    return skip_options(p);
}

/* "group Leg = 1 { ... }": a message and a field of it. */
static K2_RC parse_group(struct parse *p, struct proto_type *m, struct proto_field *f) {
    struct proto_type *type;
    K2_TRY(new_type(p, m, &type));
    f->name = f->type.name = type->name;
    K2_TRY(take_tag(p, f));
    return parse_body(p, type);
}

static K2_RC parse_map(struct parse *p, struct proto_field *f) {
    K2_TRY(expect(p, "<"));
    K2_TRY(take_word(p, &f->key.name));
    K2_TRY(expect(p, ","));
    K2_TRY(take_path(p, &f->type.name));
    return expect(p, ">");
}

static K2_RC take_label(struct parse *p, enum proto_label *label) {
    static const char *const labels[] = {"", "optional", "required", "repeated"};
    *label = PROTO_PLAIN;
    for (int i = PROTO_OPTIONAL; i <= PROTO_REPEATED; i++) {
        if (proto_at(&p->l, labels[i])) {
            *label = (enum proto_label)i;
            return proto_next(&p->l);
        }
    }
    return K2_OK;
}

/* `m` gets the messages of groups; NULL at the file's top. */
static K2_RC parse_field(struct parse *p, struct proto_type *m, struct proto_field **list,
                         struct k2_sv oneof) {
    struct proto_field *f;
    K2_TRY(new_field(p, list, &f));
    f->oneof = oneof;
    K2_TRY(take_label(p, &f->label));
    if (proto_at(&p->l, "group")) {
        K2_TRY(proto_next(&p->l));
        return parse_group(p, m, f);
    }
    K2_TRY(take_path(p, &f->type.name));
    if (k2_sv_eq(f->type.name, K2_SV("map")) && proto_at(&p->l, "<"))
        K2_TRY(parse_map(p, f));
    K2_TRY(take_word(p, &f->name));
    K2_TRY(take_tag(p, f));
    return expect(p, ";");
}

/* --- what is inside of messages and enums --- */

static K2_RC parse_oneof(struct parse *p, struct proto_type *m) {
    struct k2_sv name;
    K2_TRY(take_word(p, &name));
    K2_TRY(new_name(p, &m->oneofs, name));
    K2_TRY(expect(p, "{"));
    while (!proto_at(&p->l, "}")) {
        if (proto_at(&p->l, ";"))
            K2_TRY(proto_next(&p->l));
        else if (proto_at(&p->l, "option"))
            K2_TRY(skip_statement(p));
        else
            K2_TRY(parse_field(p, m, &m->fields, name));
    }
    return proto_next(&p->l);
}

static K2_RC take_range(struct parse *p, struct proto_type *t) {
    if (p->ranges++ == MOST_RANGES)
        return k2_fail(p->l.err, K2_E_RANGE, "more than %d ranges are reserved", MOST_RANGES);
    struct proto_range *r = schema_arena_take(&p->s->arena, sizeof *r);
    K2_TRY(take_integer(p, &r->from));
    r->to = r->from;
    if (proto_at(&p->l, "to")) {
        K2_TRY(proto_next(&p->l));
        if (proto_at(&p->l, "max")) {
            r->to = INT32_MAX;
            K2_TRY(proto_next(&p->l));
        } else {
            K2_TRY(take_integer(p, &r->to));
        }
    }
    r->next = t->reserved;
    t->reserved = r;
    return K2_OK;
}

static K2_RC parse_reserved(struct parse *p, struct proto_type *t) {
    for (;;) {
        struct k2_sv name = {0};
        if (p->l.token == PROTO_STRING)
            K2_TRY(take_string(p, &name));
        else if (p->l.token == PROTO_WORD) /* editions write them without quotes */
            K2_TRY(take_word(p, &name));
        else
            K2_TRY(take_range(p, t));
        if (name.p)
            K2_TRY(new_name(p, &t->reserved_names, name));
        if (!proto_at(&p->l, ","))
            return expect(p, ";");
        K2_TRY(proto_next(&p->l));
    }
}

static K2_RC parse_constant(struct parse *p, struct proto_type *t) {
    struct proto_field *f;
    int64_t value;
    K2_TRY(new_field(p, &t->fields, &f));
    K2_TRY(take_word(p, &f->name));
    K2_TRY(expect(p, "="));
    K2_TRY(take_integer(p, &value));
    if (value < INT32_MIN || value > INT32_MAX)
        return bad(p, "%lld does not fit a constant of 32 bits", (long long)value);
    f->tag = (int32_t)value;
    K2_TRY(skip_options(p));
    return expect(p, ";");
}

static K2_RC parse_enum(struct parse *p, struct proto_type *parent) {
    struct proto_type *t;
    K2_TRY(proto_next(&p->l));
    K2_TRY(new_type(p, parent, &t));
    t->is_enum = true;
    K2_TRY(expect(p, "{"));
    while (!proto_at(&p->l, "}")) {
        if (proto_at(&p->l, ";")) {
            K2_TRY(proto_next(&p->l));
        } else if (proto_at(&p->l, "option")) {
            K2_TRY(proto_next(&p->l));
            t->allow_alias |= proto_at(&p->l, "allow_alias");
            K2_TRY(skip_statement(p));
        } else if (proto_at(&p->l, "reserved")) {
            K2_TRY(proto_next(&p->l));
            K2_TRY(parse_reserved(p, t));
        } else {
            K2_TRY(parse_constant(p, t));
        }
    }
    return proto_next(&p->l);
}

static K2_RC parse_extend(struct parse *p, struct proto_type *m) {
    struct k2_sv ignored;
    struct proto_field *fields = NULL;
    p->last_list = NULL; /* this list lives here, where another may have lived */
    K2_TRY(take_path(p, &ignored));
    K2_TRY(expect(p, "{"));
    while (!proto_at(&p->l, "}")) {
        if (proto_at(&p->l, ";"))
            K2_TRY(proto_next(&p->l));
        else
            K2_TRY(parse_field(p, m, &fields, (struct k2_sv){0}));
    }
    return proto_next(&p->l);
}

static K2_RC parse_message(struct parse *p, struct proto_type *parent) {
    struct proto_type *m;
    K2_TRY(new_type(p, parent, &m));
    return parse_body(p, m);
}

/* Whether the current word begins a statement, not a field whose type or name is that word: the next
 * character tells, for a keyword is followed by a name, a string, a number or a bracket. */
static bool keyword(struct parse *p, const char *word) {
    return proto_at(&p->l, word) && p->l.at < p->l.end && *p->l.at != '.' && *p->l.at != '=';
}

static K2_RC parse_member(struct parse *p, struct proto_type *m) {
    if (proto_at(&p->l, ";"))
        return proto_next(&p->l);
    if (keyword(p, "option") || keyword(p, "extensions"))
        return skip_statement(p);
    if (keyword(p, "enum"))
        return parse_enum(p, m);
    if (keyword(p, "message")) {
        K2_TRY(proto_next(&p->l));
        return parse_message(p, m);
    }
    if (keyword(p, "oneof")) {
        K2_TRY(proto_next(&p->l));
        return parse_oneof(p, m);
    }
    if (keyword(p, "reserved")) {
        K2_TRY(proto_next(&p->l));
        return parse_reserved(p, m);
    }
    if (keyword(p, "extend")) {
        K2_TRY(proto_next(&p->l));
        return parse_extend(p, m);
    }
    return parse_field(p, m, &m->fields, (struct k2_sv){0});
}

static K2_RC parse_body(struct parse *p, struct proto_type *m) {
    if (p->depth == SCHEMA_MAX_DEPTH)
        return k2_fail(p->l.err, K2_E_RANGE, "messages are nested deeper than %d",
                       SCHEMA_MAX_DEPTH);
    p->depth++;
    K2_TRY(expect(p, "{"));
    while (!proto_at(&p->l, "}"))
        K2_TRY(parse_member(p, m));
    p->depth--;
    return proto_next(&p->l);
}

/* --- the file --- */

static K2_RC parse_import(struct parse *p) {
    struct proto_import *i = schema_arena_take(&p->s->arena, sizeof *i);
    i->line = p->l.token_line;
    if (proto_at(&p->l, "public") || proto_at(&p->l, "weak"))
        K2_TRY(proto_next(&p->l));
    K2_TRY(take_string(p, &i->path));
    i->next = p->file->imports;
    p->file->imports = i;
    return expect(p, ";");
}

static K2_RC parse_syntax(struct parse *p) {
    struct k2_sv word;
    K2_TRY(expect(p, "="));
    K2_TRY(take_string(p, &word));
    p->file->proto3 = k2_sv_eq(word, K2_SV("proto3"));
    if (!p->file->proto3 && !k2_sv_eq(word, K2_SV("proto2")))
        return bad(p, "the syntax is \"proto2\" or \"proto3\", not \"%.*s\"",
                   K2_SV_ARG(k2_sv_shown(word)));
    return expect(p, ";");
}

static K2_RC parse_statement(struct parse *p) {
    struct k2_sv word = p->l.text;
    if (proto_at(&p->l, "enum"))
        return parse_enum(p, NULL);
    if (proto_at(&p->l, "option") || proto_at(&p->l, "service") || proto_at(&p->l, "edition"))
        return skip_statement(p);
    bool known = p->l.token == PROTO_WORD;
    K2_TRY(proto_next(&p->l));
    if (k2_sv_eq(word, K2_SV(";")))
        return K2_OK;
    if (known && k2_sv_eq(word, K2_SV("syntax")))
        return parse_syntax(p);
    if (known && k2_sv_eq(word, K2_SV("import")))
        return parse_import(p);
    if (known && k2_sv_eq(word, K2_SV("message")))
        return parse_message(p, NULL);
    if (known && k2_sv_eq(word, K2_SV("extend")))
        return parse_extend(p, NULL);
    if (known && k2_sv_eq(word, K2_SV("package"))) {
        K2_TRY(take_path(p, &p->file->package));
        return expect(p, ";");
    }
    return bad(p, "'%.*s' begins no statement of a .proto file", K2_SV_ARG(k2_sv_shown(word)));
}

int proto_file_parse(struct proto_schema *s, struct proto_file *file, struct k2_sv text,
                     struct k2_err *err) {
    const char *begin = text.p ? text.p : "";
    struct parse p = {
        .l = {.at = begin, .end = begin + text.n, .line = 1, .err = err}, .s = s, .file = file};
    K2_TRY(proto_next(&p.l));
    if (p.l.token == PROTO_END)
        return k2_fail(err, K2_E_INVALID, "the file is empty");
    while (p.l.token != PROTO_END)
        K2_TRY(parse_statement(&p));
    return K2_OK;
}
