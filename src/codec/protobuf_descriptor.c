/* codec/protobuf_descriptor.c - a FileDescriptorProto in base64, as some clients register schemas, as a .proto text.
 *
 * The message's fields are those of google/protobuf/descriptor.proto; what is written is what the comparison and
 * a reader need: syntax, package, imports, messages, enums, reserved numbers and services. Options are left out but
 * for deprecated, packed and allow_alias. The text is then read like any other, so nothing is trusted here.
 */
#include "codec/protobuf_schema.h"

#include <stdlib.h>

struct wire {
    const uint8_t *p, *end;
    bool bad;
};

struct part { /* one field of a message of the wire */
    uint32_t number;
    uint64_t value;     /* of a varint */
    struct k2_sv bytes; /* of what has a length */
};

struct writer {
    struct k2_buf *out;
    bool proto3, bad;
    int depth;
};

static uint64_t varint(struct wire *w) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->p == w->end)
            break;
        uint8_t b = *w->p++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    w->bad = true;
    return 0;
}

static struct wire wire_of(struct k2_sv s) {
    const uint8_t *p = (const uint8_t *)(s.p ? s.p : "");
    return (struct wire){.p = p, .end = p + s.n};
}

static void take(struct wire *w, size_t n, struct part *out) {
    if ((size_t)(w->end - w->p) < n) {
        w->bad = true;
        return;
    }
    out->bytes = (struct k2_sv){(const char *)w->p, n};
    w->p += n;
}

/* The next field; false at the end, or where it is none. */
static bool next_part(struct wire *w, struct part *out) {
    *out = (struct part){0};
    if (w->p == w->end || w->bad)
        return false;
    uint64_t tag = varint(w);
    out->number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case 0:
        out->value = varint(w);
        break;
    case 1:
        take(w, 8, out);
        break;
    case 2:
        out->value = varint(w);
        take(w, out->value > SCHEMA_MAX_BYTES ? SIZE_MAX : (size_t)out->value, out);
        break;
    case 5:
        take(w, 4, out);
        break;
    default:
        w->bad = true;
    }
    return !w->bad;
}

/* The last field of that number; an empty one if there is none. */
static struct part part_of(struct k2_sv message, uint32_t number) {
    struct wire w = wire_of(message);
    struct part p, found = {0};
    while (next_part(&w, &p))
        if (p.number == number)
            found = p;
    return found;
}

/* Whether all of a message can be read. */
static bool is_whole(struct k2_sv message) {
    struct wire w = wire_of(message);
    struct part p;
    while (next_part(&w, &p))
        ;
    return !w.bad;
}

/* --- text --- */

static void put(struct writer *w, const char *s) {
    k2_buf_str(w->out, s);
}

static void put_quoted(struct writer *w, struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        w->bad |= s.p[i] == '"' || s.p[i] == '\\' || (unsigned char)s.p[i] < ' ';
    put(w, "\"");
    k2_buf_sv(w->out, s);
    put(w, "\"");
}

static void put_each(struct writer *w, struct k2_sv message, uint32_t number,
                     void (*write)(struct writer *w, struct k2_sv one)) {
    struct wire in = wire_of(message);
    struct part p;
    while (next_part(&in, &p) && !w->bad)
        if (p.number == number)
            write(w, p.bytes);
}

/* FieldDescriptorProto: name 1, number 3, label 4, type 5, type_name 6, options 8, oneof_index 9,
 * proto3_optional 17. */
static void put_type(struct writer *w, struct k2_sv field) {
    static const char *const types[] = {"",         "double",   "float",   "int64",  "uint64",
                                        "int32",    "fixed64",  "fixed32", "bool",   "string",
                                        "",         "",         "bytes",   "uint32", "",
                                        "sfixed32", "sfixed64", "sint32",  "sint64"};
    struct k2_sv name = part_of(field, 6).bytes;
    uint64_t type = part_of(field, 5).value;
    if (name.n)
        k2_buf_sv(w->out, name);
    else if (type < sizeof types / sizeof *types && types[type][0])
        put(w, types[type]);
    else
        w->bad = true;
}

static void put_field_end(struct writer *w, struct k2_sv field) {
    struct k2_sv options = part_of(field, 8).bytes;
    struct part packed = part_of(options, 2);
    bool deprecated = part_of(options, 3).value != 0;
    put(w, " ");
    k2_buf_sv(w->out, part_of(field, 1).bytes);
    k2_buf_printf(w->out, " = %lld", (long long)(int32_t)part_of(field, 3).value);
    if (packed.number)
        k2_buf_printf(w->out, " [packed = %s%s]", packed.value ? "true" : "false",
                      deprecated ? ", deprecated = true" : "");
    else if (deprecated)
        put(w, " [deprecated = true]");
    put(w, ";\n");
}

static struct k2_sv last_name(struct k2_sv path) {
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '.')
        n--;
    return n > 0 ? (struct k2_sv){path.p + n, path.n - n} : path;
}

/* MessageOptions.map_entry */
static bool is_map_entry(struct k2_sv message) {
    return part_of(part_of(message, 7).bytes, 7).value != 0;
}

/* The message inside this one that stands for a map's entries; empty if the field is no map. */
static struct k2_sv map_entry(struct k2_sv message, struct k2_sv field) {
    struct k2_sv name = last_name(part_of(field, 6).bytes);
    struct wire in = wire_of(message);
    struct part p;
    while (name.n && next_part(&in, &p))
        if (p.number == 3 && is_map_entry(p.bytes) && k2_sv_eq(part_of(p.bytes, 1).bytes, name))
            return p.bytes;
    return (struct k2_sv){0};
}

static void put_map(struct writer *w, struct k2_sv entry) {
    struct wire in = wire_of(entry);
    struct part p;
    struct k2_sv key = {0}, value = {0};
    while (next_part(&in, &p)) {
        if (p.number == 2 && part_of(p.bytes, 3).value == 1)
            key = p.bytes;
        else if (p.number == 2)
            value = p.bytes;
    }
    put(w, "map<");
    put_type(w, key);
    put(w, ", ");
    put_type(w, value);
    put(w, ">");
}

static void put_field(struct writer *w, struct k2_sv message, struct k2_sv field, bool in_oneof) {
    static const char *const labels[] = {"", "optional ", "required ", "repeated "};
    uint64_t label = part_of(field, 4).value;
    struct k2_sv entry = map_entry(message, field);
    bool implied = in_oneof || (w->proto3 && label == 1 && !part_of(field, 17).value);
    if (entry.n) {
        put_map(w, entry);
    } else {
        put(w, implied || label > 3 ? "" : labels[label]);
        put_type(w, field);
    }
    put_field_end(w, field);
}

/* --- messages --- */

struct placed { /* a field, and which oneof it is in, or -1 */
    struct k2_sv field;
    int64_t oneof;
};

static size_t place_fields(struct k2_sv message, struct placed *list) {
    struct wire in = wire_of(message);
    struct part p;
    size_t n = 0;
    while (n < SCHEMA_MAX_NAMES && next_part(&in, &p)) {
        if (p.number != 2)
            continue;
        struct part oneof = part_of(p.bytes, 9);
        bool in_one = oneof.number && !part_of(p.bytes, 17).value;
        list[n++] = (struct placed){p.bytes, in_one ? (int64_t)(int32_t)oneof.value : -1};
    }
    return n;
}

static void put_oneof(struct writer *w, struct k2_sv message, const struct placed *list, size_t n,
                      struct k2_sv name, int64_t index) {
    bool open = false;
    for (size_t i = 0; i < n; i++) {
        if (list[i].oneof != index)
            continue;
        if (!open) {
            put(w, "oneof ");
            k2_buf_sv(w->out, name);
            put(w, " {\n");
        }
        open = true;
        put_field(w, message, list[i].field, true);
    }
    put(w, open ? "}\n" : "");
}

static void put_fields(struct writer *w, struct k2_sv message) {
    struct placed *list = k2_alloc(SCHEMA_MAX_NAMES * sizeof *list);
    size_t n = place_fields(message, list);
    struct wire in = wire_of(message);
    struct part p;
    for (size_t i = 0; i < n; i++)
        if (list[i].oneof < 0)
            put_field(w, message, list[i].field, false);
    for (int64_t index = 0; index < SCHEMA_MAX_NAMES && next_part(&in, &p);) {
        if (p.number != 8)
            continue;
        put_oneof(w, message, list, n, part_of(p.bytes, 1).bytes, index);
        index++;
    }
    w->bad |= n == SCHEMA_MAX_NAMES;
    free(list);
}

/* Ranges of messages end before their last number, those of enums with it. */
static void put_reserved(struct writer *w, struct k2_sv type, uint32_t ranges, uint32_t names,
                         int past) {
    struct wire in = wire_of(type);
    struct part p;
    while (next_part(&in, &p)) {
        if (p.number == ranges)
            k2_buf_printf(w->out, "reserved %lld to %lld;\n",
                          (long long)(int32_t)part_of(p.bytes, 1).value,
                          (long long)(int32_t)part_of(p.bytes, 2).value - past);
        if (p.number == names) {
            put(w, "reserved ");
            put_quoted(w, p.bytes);
            put(w, ";\n");
        }
    }
}

static void put_constant(struct writer *w, struct k2_sv value) {
    k2_buf_sv(w->out, part_of(value, 1).bytes);
    k2_buf_printf(w->out, " = %lld;\n", (long long)(int32_t)part_of(value, 2).value);
}

static void put_enum(struct writer *w, struct k2_sv type) {
    w->bad |= !is_whole(type);
    put(w, "enum ");
    k2_buf_sv(w->out, part_of(type, 1).bytes);
    put(w, " {\n");
    if (part_of(part_of(type, 3).bytes, 2).value)
        put(w, "option allow_alias = true;\n");
    put_each(w, type, 2, put_constant);
    put_reserved(w, type, 4, 5, 0);
    put(w, "}\n");
}

static void put_message(struct writer *w, struct k2_sv type) {
    if (is_map_entry(type))
        return;
    w->bad |= !is_whole(type) || w->depth == SCHEMA_MAX_DEPTH;
    if (w->bad)
        return;
    w->depth++;
    put(w, "message ");
    k2_buf_sv(w->out, part_of(type, 1).bytes);
    put(w, " {\n");
    put_fields(w, type);
    put_each(w, type, 3, put_message);
    put_each(w, type, 4, put_enum);
    put_reserved(w, type, 9, 10, 1);
    put(w, "}\n");
    w->depth--;
}

static void put_method(struct writer *w, struct k2_sv method) {
    put(w, "rpc ");
    k2_buf_sv(w->out, part_of(method, 1).bytes);
    put(w, part_of(method, 5).value ? " (stream " : " (");
    k2_buf_sv(w->out, part_of(method, 2).bytes);
    put(w, part_of(method, 6).value ? ") returns (stream " : ") returns (");
    k2_buf_sv(w->out, part_of(method, 3).bytes);
    put(w, ");\n");
}

static void put_service(struct writer *w, struct k2_sv service) {
    put(w, "service ");
    k2_buf_sv(w->out, part_of(service, 1).bytes);
    put(w, " {\n");
    put_each(w, service, 2, put_method);
    put(w, "}\n");
}

static void put_import(struct writer *w, struct k2_sv path) {
    put(w, "import ");
    put_quoted(w, path);
    put(w, ";\n");
}

static void put_file(struct writer *w, struct k2_sv file) {
    struct k2_sv package = part_of(file, 2).bytes;
    w->bad = !is_whole(file);
    w->proto3 = k2_sv_eq(part_of(file, 12).bytes, K2_SV("proto3"));
    put(w, w->proto3 ? "syntax = \"proto3\";\n" : "syntax = \"proto2\";\n");
    if (package.n) {
        put(w, "package ");
        k2_buf_sv(w->out, package);
        put(w, ";\n");
    }
    put_each(w, file, 3, put_import);
    put_each(w, file, 4, put_message);
    put_each(w, file, 5, put_enum);
    put_each(w, file, 6, put_service);
}

/* --- base64 --- */

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Base64 and nothing else: no .proto file is, for it needs a ';' or a '{'. */
static bool decode(struct k2_sv text, struct k2_buf *out) {
    uint32_t bits = 0;
    int have = 0;
    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        int d = digit(text.p[i]);
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            k2_buf_byte(out, (uint8_t)(bits >> have));
        }
    }
    return out->n > 0;
}

int proto_text_of(struct proto_schema *s, struct k2_sv text, struct k2_sv *out,
                  struct k2_err *err) {
    struct k2_buf bytes = {0}, proto = {0};
    struct writer w = {.out = &proto};
    *out = text;
    int rc = K2_OK;
    if (decode(k2_sv_trim(text), &bytes)) {
        put_file(&w, k2_buf_view(&bytes));
        *out = (struct k2_sv){schema_arena_text(&s->arena, k2_buf_view(&proto)), proto.n};
        if (w.bad)
            rc = k2_fail(err, K2_E_INVALID,
                         "neither a .proto text nor a FileDescriptorProto in "
                         "base64");
    }
    k2_buf_free(&bytes);
    k2_buf_free(&proto);
    return rc;
}
