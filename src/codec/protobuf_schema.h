/* codec/protobuf_schema.h - a .proto file as messages and enums (inside the codec room).
 *
 * After the "Protocol Buffers Language Specification" of proto2 and proto3. Options, services and
 * extension ranges are read over: they say nothing about the bytes of a message.
 */
#ifndef K2_CODEC_PROTOBUF_SCHEMA_H
#define K2_CODEC_PROTOBUF_SCHEMA_H

#include "codec/compat_int.h"

enum proto_token { PROTO_END, PROTO_WORD, PROTO_NUMBER, PROTO_STRING, PROTO_SYMBOL };

struct proto_lexer {
    const char *at, *end;
    int line;
    enum proto_token token;
    struct k2_sv text; /* of the token; a string with its quotes */
    int token_line;
    struct k2_err *err;
};
/* Moves to the next token; a text that is none is K2_E_INVALID. */
K2_RC proto_next(struct proto_lexer *l);
static inline bool proto_at(const struct proto_lexer *l, const char *text) {
    return l->token != PROTO_STRING && l->token != PROTO_END && k2_sv_eq(l->text, k2_sv_of(text));
}

enum proto_label { PROTO_PLAIN, PROTO_OPTIONAL, PROTO_REQUIRED, PROTO_REPEATED };

struct proto_type;

struct proto_use { /* a type as a field names it */
    struct k2_sv name;
    bool scalar;
    const struct proto_type *type; /* NULL of a scalar, or of a well-known type */
};

struct proto_field {
    struct proto_field *next;
    struct k2_sv name;
    struct proto_use type; /* of a map: its values */
    struct proto_use key;  /* of a map, else no name */
    enum proto_label label;
    struct k2_sv oneof; /* empty: not in one */
    int32_t tag;
    int line;
};

struct proto_file { /* the schema, or one that it refers to */
    struct k2_sv name, subject;
    int version;
    struct k2_sv package;
    bool proto3;
    struct proto_type *types;
    struct proto_import *imports;
};

struct proto_import {
    struct proto_import *next;
    struct k2_sv path;
    int line;
};

struct proto_range { /* reserved numbers */
    struct proto_range *next;
    int64_t from, to;
};

struct proto_type {
    struct proto_type *next, *types; /* beside it; inside it */
    const struct proto_file *file;
    struct k2_sv name, full; /* "Leg"; "package.Trade.Leg" */
    bool is_enum;
    int line;
    struct proto_field *fields;  /* of an enum: its constants, with tag and name */
    struct proto_field **by_tag; /* the same, sorted */
    size_t field_count;
    struct proto_field *oneofs; /* their names */
    struct proto_range *reserved;
    struct proto_field *reserved_names;
    bool allow_alias;
};

struct proto_schema {
    struct schema_arena arena;
    struct proto_file *files; /* the schema is the last one */
    size_t file_count;
    struct proto_type **names; /* every type, by full name */
    size_t name_count;
    struct k2_sv text; /* of the schema itself */
};

/* Reads s and all it imports; free in any case. */
K2_RC proto_schema_parse(const struct k2_schema_text *s, struct proto_schema *out,
                         struct k2_err *err);
void proto_schema_free(struct proto_schema *s);
/* The .proto text of what a client gave: that itself, or of a FileDescriptorProto in base64. */
K2_RC proto_text_of(struct proto_schema *s, struct k2_sv text, struct k2_sv *out,
                    struct k2_err *err);
/* One file's text into *file; its types are gathered in s->names. */
K2_RC proto_file_parse(struct proto_schema *s, struct proto_file *file, struct k2_sv text,
                       struct k2_err *err);
/* Finds what every field's type is, and checks numbers and names. */
K2_RC proto_schema_check(struct proto_schema *s, struct k2_err *err);
/* Of a schema that was checked; NULL when there is none. */
const struct proto_field *proto_field_with_tag(const struct proto_type *t, int32_t tag);
/* The text again: one statement a line, without comments. */
K2_RC proto_text_put(struct k2_sv text, struct k2_buf *out, struct k2_err *err);

#endif
