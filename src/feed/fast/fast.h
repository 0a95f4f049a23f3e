/* feed/fast/fast.h - FAST 1.1 (FIX Adapted for STreaming): templates, and messages decoded by them.
 *
 * The specification is "FAST Specification, Version 1.x.1" of FIX Protocol Limited; sections are named beside what
 * they say. A file of templates is compiled once into a flat array of fields, depth first; a message is decoded by
 * walking over it. What comes out is a flat array of cells in the order of the wire.
 * Errors: static ones (S) are those of the template file; dynamic (D) and reportable ones (R) are faults of the
 * message that has them.
 */
#ifndef K2_FEED_FAST_FAST_H
#define K2_FEED_FAST_FAST_H

#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"

/* A datagram holds no more; what claims to be longer is no message. */
#define FAST_MESSAGE_MAX ((size_t)1 << 16)

enum fast_type {
    FAST_INT32,
    FAST_UINT32,
    FAST_INT64,
    FAST_UINT64,
    FAST_DECIMAL,
    FAST_ASCII,
    FAST_UNICODE,
    FAST_BYTES,
    FAST_SEQUENCE,
    FAST_GROUP,
    FAST_MESSAGE /* dynamic templateRef: any template, with an identifier of its own */
};

enum fast_operator { /* section 6.3 */
                     FAST_NONE,
                     FAST_CONSTANT,
                     FAST_DEFAULT,
                     FAST_COPY,
                     FAST_INCREMENT,
                     FAST_DELTA,
                     FAST_TAIL
};

enum fast_there { FAST_UNDEFINED, FAST_EMPTY, FAST_ASSIGNED }; /* of a previous value, 6.3.1 */

struct fast_value {
    uint8_t there; /* enum fast_there; of a field FAST_EMPTY is absent */
    uint8_t type;  /* of the field that it was assigned by */
    int32_t exponent;
    k2_i128 number; /* integer or mantissa */
    uint32_t at, n; /* text: in the decoder's texts, of an initial value in the templates' */
};

struct fast_field {
    uint8_t type, op; /* enum fast_type, enum fast_operator */
    bool optional;
    bool
        apart; /* a decimal whose exponent and mantissa (the next two fields) have operators of their own */
    bool has_map; /* of the elements of a sequence, or of a group: they begin with a presence map */
    const char *name;
    uint32_t tag;              /* its id, where that is a number; 0 = none */
    int32_t slot;              /* of its previous value; -1 = it needs none */
    int32_t end;               /* index behind its last descendant */
    struct fast_value initial; /* FAST_UNDEFINED: none is given */
};

struct fast_template {
    const char *name;
    uint32_t id;
    bool reset; /* all previous values are undefined from it on */
    int32_t first, end;
};

struct fast_templates {
    struct fast_field *fields;
    size_t fields_n, fields_cap;
    struct fast_template *all; /* sorted by id */
    size_t all_n, all_cap;
    size_t slots;
    struct k2_buf texts; /* of initial values */
    char **names;
    size_t names_n, names_cap;
};

/* K2_E_INVALID with the line, when the file breaks the specification. Gives *out. */
K2_RC fast_templates_parse(struct k2_sv xml, struct fast_templates **out, struct k2_err *err);
void fast_templates_free(struct fast_templates *t); /* NULL is fine */
/* NULL = there is none. */
const struct fast_template *fast_template_of(const struct fast_templates *t, uint64_t id);

/* --- messages --- */

enum fast_cell_is { FAST_FIELD, FAST_OPEN, FAST_CLOSE };

struct fast_cell {
    uint8_t is;
    int32_t field; /* index; of an opened message (FAST_MESSAGE) its template is `index` */
    int32_t index; /* of an element of a sequence, from 0; -1 of a group */
    uint32_t at, size;
    struct fast_value value;
};

struct fast_decoder {
    const struct fast_templates *t;
    struct fast_value *slots, *before;      /* previous values, and those before the message */
    int64_t last_template, template_before; /* -1 = undefined */
    struct k2_buf texts, spare;
    struct fast_cell *cells;
    size_t n, cap;
    const struct fast_template *template; /* of the message decoded last */
    const uint8_t *bytes;                 /* the message while it is decoded */
    size_t size, at;
    const char *why; /* the fault, and its byte */
    size_t why_at;
    bool more; /* it is that the bytes end */
    int depth;
};

void fast_decoder_init(struct fast_decoder *d, const struct fast_templates *t);
void fast_decoder_free(struct fast_decoder *d);
/* All previous values are undefined from here on (section 6.3.1). */
void fast_decoder_reset(struct fast_decoder *d);
/* One message; gives its size. 0 = it is not whole (d->more) or at fault (d->why); the previous values are then what
 * they were, and the cells are those before the fault. */
size_t fast_decode(struct fast_decoder *d, const uint8_t *bytes, size_t n);
struct k2_sv fast_text(const struct fast_decoder *d, const struct fast_value *v);

/* --- read.c: transfer encodings, section 10.6. False: there is a fault, which d->why tells, or d->more --- */

struct fast_map {   /* a presence map, from its first bit */
    size_t at, end; /* bytes of the message */
    unsigned bit;   /* of the byte at `at`, from 0 */
};

bool fast_fault(struct fast_decoder *d, const char *why);
bool fast_read_map(struct fast_decoder *d, struct fast_map *map);
bool fast_map_next(struct fast_decoder *d, struct fast_map *map); /* the next bit */
bool fast_map_done(struct fast_decoder *d, struct fast_map *map);
/* *null: it is, which only `nullable` ones can be. */
bool fast_read_uint(struct fast_decoder *d, bool nullable, bool *null, k2_i128 *out);
bool fast_read_int(struct fast_decoder *d, bool nullable, bool *null, k2_i128 *out);
/* Appended to d->texts; out->at and out->n. */
bool fast_read_ascii(struct fast_decoder *d, bool nullable, bool *null, struct fast_value *out);
bool fast_read_bytes(struct fast_decoder *d, bool nullable, bool *null, struct fast_value *out);

#endif
