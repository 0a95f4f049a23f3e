/* codec/compat.c - levels, findings and which engine speaks which language; see compat.h. */
#include "codec/compat_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char *const type_names[] = {"AVRO", "JSON", "PROTOBUF"};
static const char *const level_names[K2_COMPAT_LEVELS] = {
    "NONE", "BACKWARD",       "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE",
    "FULL", "FULL_TRANSITIVE"};

static int index_of(struct k2_sv name, const char *const *names, int n) {
    for (int i = 0; i < n; i++)
        if (strlen(names[i]) == name.n && strncasecmp(names[i], name.p, name.n) == 0)
            return i;
    return -1;
}

const char *k2_schema_type_name(enum k2_schema_type type) {
    return type_names[type];
}

bool k2_schema_type_of(struct k2_sv name, enum k2_schema_type *out) {
    int i = index_of(name, type_names, 3);
    if (i >= 0)
        *out = (enum k2_schema_type)i;
    return i >= 0;
}

const char *k2_compat_level_name(enum k2_compat_level level) {
    return level_names[level];
}

bool k2_compat_level_of(struct k2_sv name, enum k2_compat_level *out) {
    int i = index_of(name, level_names, K2_COMPAT_LEVELS);
    if (i >= 0)
        *out = (enum k2_compat_level)i;
    return i >= 0;
}

/* --- arena and path --- */

void *schema_arena_take(struct schema_arena *a, size_t bytes) {
    if (a->n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 64;
        a->blocks = k2_realloc(a->blocks, a->cap * sizeof *a->blocks);
    }
    return a->blocks[a->n++] = k2_zalloc(bytes ? bytes : 1);
}

char *schema_arena_text(struct schema_arena *a, struct k2_sv s) {
    char *text = schema_arena_take(a, s.n + 1);
    if (s.n)
        memcpy(text, s.p, s.n);
    return text;
}

void schema_arena_free(struct schema_arena *a) {
    for (size_t i = 0; i < a->n; i++)
        free(a->blocks[i]);
    free(a->blocks);
    *a = (struct schema_arena){0};
}

size_t schema_path_enter(struct schema_path *p, struct k2_sv step) {
    size_t was = p->text.n;
    k2_buf_byte(&p->text, '/');
    k2_buf_sv(&p->text, step);
    return was;
}

size_t schema_path_enter_index(struct schema_path *p, size_t index) {
    size_t was = p->text.n;
    k2_buf_printf(&p->text, "/%zu", index);
    return was;
}

void schema_path_leave(struct schema_path *p, size_t was) {
    p->text.n = was;
}

/* --- findings --- */

void compat_add(struct compat_run *r, const char *type, struct k2_sv path, struct k2_sv place,
                struct k2_sv info, struct k2_sv message) {
    struct k2_compat_findings *f = r->out;
    f->items = k2_realloc(f->items, (f->n + 1) * sizeof *f->items);
    f->items[f->n++] = (struct k2_compat_finding){
        .type = type,
        .path = k2_sv_dup(path),
        .place = k2_sv_dup(place),
        .info = k2_sv_dup(info),
        .message = k2_sv_dup(message),
        .earlier = r->earlier,
        .backward = r->backward,
    };
}

void compat_words(const struct compat_run *r, const char *words, struct k2_sv path,
                  struct k2_buf *out) {
    for (; *words; words++) {
        if (*words != '%') {
            k2_buf_byte(out, (uint8_t)*words);
            continue;
        }
        words++;
        if (*words == 'p')
            k2_buf_sv(out, path);
        else
            k2_buf_str(out, *words == 'r' ? compat_reader(r) : compat_writer(r));
    }
}

void k2_compat_findings_free(struct k2_compat_findings *f) {
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i].path);
        free(f->items[i].place);
        free(f->items[i].info);
        free(f->items[i].message);
    }
    free(f->items);
    *f = (struct k2_compat_findings){0};
}

/* --- forms --- */

int k2_schema_form(const struct k2_schema_text *s, enum k2_schema_form form, struct k2_buf *out,
                   struct k2_err *err) {
    if (s->text.n > SCHEMA_MAX_BYTES)
        return k2_fail(err, K2_E_RANGE, "a schema of %zu bytes is larger than %d, the most allowed",
                       s->text.n, SCHEMA_MAX_BYTES);
    if (form == K2_SCHEMA_PARSING && s->type != K2_SCHEMA_AVRO)
        return k2_fail(err, K2_E_UNSUPPORTED, "only Avro has a Parsing Canonical Form");
    switch (s->type) {
    case K2_SCHEMA_AVRO:
        return avro_schema_form(s, form, out, err);
    case K2_SCHEMA_JSON:
        return json_schema_form(s, form, out, err);
    case K2_SCHEMA_PROTOBUF:
        break;
    }
    return protobuf_schema_form(s, form, out, err);
}

int k2_schema_parse_check(const struct k2_schema_text *s, struct k2_buf *canonical,
                          struct k2_err *err) {
    return k2_schema_form(s, K2_SCHEMA_CANONICAL, canonical, err);
}

/* --- the check --- */

static K2_RC can_read(const struct k2_schema_text *reader, const struct k2_schema_text *writer,
                      struct compat_run *run, struct k2_err *err) {
    switch (reader->type) {
    case K2_SCHEMA_AVRO:
        return avro_compat_check(reader, writer, run, err);
    case K2_SCHEMA_JSON:
        return json_compat_check(reader, writer, run, err);
    case K2_SCHEMA_PROTOBUF:
        break;
    }
    return protobuf_compat_check(reader, writer, run, err);
}

static void other_type(struct compat_run *run) {
    compat_add(run, "SCHEMA_TYPE_CHANGED", K2_SV("/"), K2_SV(""), K2_SV(""),
               K2_SV("Incompatible because of different schema type"));
}

static K2_RC check_pair(const struct k2_schema_text *next, const struct k2_schema_text *earlier,
                        bool forward, bool backward, struct compat_run *run, struct k2_err *err) {
    run->backward = true;
    if (next->type != earlier->type) {
        other_type(run);
        return K2_OK;
    }
    if (forward) {
        run->backward = false;
        K2_TRY(can_read(earlier, next, run, err));
    }
    if (backward) {
        run->backward = true;
        K2_TRY(can_read(next, earlier, run, err));
    }
    return K2_OK;
}

int k2_compat_check(const struct k2_schema_text *next, const struct k2_schema_text *earlier,
                    size_t n, enum k2_compat_level level, struct k2_compat_findings *out,
                    struct k2_err *err) {
    bool backward = level == K2_COMPAT_BACKWARD || level == K2_COMPAT_BACKWARD_TRANSITIVE;
    bool forward = level == K2_COMPAT_FORWARD || level == K2_COMPAT_FORWARD_TRANSITIVE;
    bool all = level == K2_COMPAT_BACKWARD_TRANSITIVE || level == K2_COMPAT_FORWARD_TRANSITIVE ||
               level == K2_COMPAT_FULL_TRANSITIVE;
    if (level == K2_COMPAT_FULL || level == K2_COMPAT_FULL_TRANSITIVE)
        backward = forward = true;
    if (level == K2_COMPAT_NONE)
        return K2_OK;
    for (size_t i = n; i > 0 && (all || i == n) && out->n == 0; i--) {
        struct compat_run run = {.out = out, .earlier = i - 1};
        K2_TRY(check_pair(next, &earlier[i - 1], forward, backward, &run, err));
    }
    return K2_OK;
}
