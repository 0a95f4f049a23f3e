/* codec/compat.h - schemas of three languages: are they well formed, and may one follow the other?
 *
 * Avro after the Avro 1.11 specification ("Schema Declaration", "Schema Resolution") with the verdicts of
 * the Java library; JSON Schema and Protobuf after the rules that Confluent documents for its registry
 * (docs/schemas.md has all of them). A finding is one difference that the level forbids, with the type and
 * the words that clients of such a registry know.
 * Thread-safety: pure functions.
 */
#ifndef K2_CODEC_COMPAT_H
#define K2_CODEC_COMPAT_H

#include "base/buf.h"
#include "base/err.h"

enum k2_schema_type { K2_SCHEMA_AVRO, K2_SCHEMA_JSON, K2_SCHEMA_PROTOBUF };
/* "AVRO", "JSON", "PROTOBUF"; the other way in any case of letters. */
const char *k2_schema_type_name(enum k2_schema_type type);
bool k2_schema_type_of(struct k2_sv name, enum k2_schema_type *out);

enum k2_compat_level {
    K2_COMPAT_NONE,
    K2_COMPAT_BACKWARD, /* the new schema reads what the last one wrote */
    K2_COMPAT_BACKWARD_TRANSITIVE,
    K2_COMPAT_FORWARD, /* the last schema reads what the new one writes */
    K2_COMPAT_FORWARD_TRANSITIVE,
    K2_COMPAT_FULL,
    K2_COMPAT_FULL_TRANSITIVE,
    K2_COMPAT_LEVELS
};
/* "BACKWARD_TRANSITIVE" ...; the other way in any case of letters. */
const char *k2_compat_level_name(enum k2_compat_level level);
bool k2_compat_level_of(struct k2_sv name, enum k2_compat_level *out);

/* A schema that another one names; resolved by the caller. */
struct k2_schema_ref {
    struct k2_sv
        name; /* Avro: the full name; JSON: the $ref's address; Protobuf: the import's path */
    struct k2_sv subject;
    int version;
    struct k2_sv text;
};

struct k2_schema_text {
    enum k2_schema_type type;
    struct k2_sv text;
    const struct k2_schema_ref *refs; /* all that are needed, also indirectly; dependencies first */
    size_t ref_count;
};

enum k2_schema_form {
    K2_SCHEMA_CANONICAL,  /* as clients store it: without blanks, the order of members kept */
    K2_SCHEMA_NORMALIZED, /* and full names, members sorted: two spellings of one schema are equal */
    K2_SCHEMA_PARSING     /* Avro's Parsing Canonical Form; K2_E_UNSUPPORTED for the others */
};

/* Checks that s is a schema and appends its canonical text. K2_E_INVALID says where and what;
 * K2_E_RANGE: larger or nested deeper than is read. */
K2_RC k2_schema_parse_check(const struct k2_schema_text *s, struct k2_buf *canonical,
                            struct k2_err *err);
/* The same with a choice of the form. */
K2_RC k2_schema_form(const struct k2_schema_text *s, enum k2_schema_form form, struct k2_buf *out,
                     struct k2_err *err);

struct k2_compat_finding {
    const char *type; /* READER_FIELD_MISSING_DEFAULT_VALUE, TYPE_CHANGED, FIELD_KIND_CHANGED ... */
    char *path;       /* as the Java libraries give it: /fields/2, #/properties/price, #/Trade/3 */
    char *place;      /* the same for people: Trade.price */
    char *info;       /* "reader type: STRING not compatible with writer type: INT"; may be empty */
    char *message;    /* one of Confluent's `messages` */
    size_t earlier;   /* index of the earlier schema */
    bool backward;    /* next cannot read earlier; false: earlier cannot read next */
};

struct k2_compat_findings {
    struct k2_compat_finding *items;
    size_t n;
};
void k2_compat_findings_free(struct k2_compat_findings *f);

/* Checks next against the earlier versions, oldest first. As Confluent's registry does: the level without
 * "transitive" looks at the last version only, the others go back in time and stop at the first version
 * with findings. K2_OK with no finding: compatible. An error is about a schema that cannot be read. */
K2_RC k2_compat_check(const struct k2_schema_text *next, const struct k2_schema_text *earlier,
                      size_t n, enum k2_compat_level level, struct k2_compat_findings *out,
                      struct k2_err *err);

#endif
