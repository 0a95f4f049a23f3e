/* codec/avro.h - events as Avro records in the Confluent wire format.
 *
 * Wire format: byte 0 (magic), schema id (4 bytes, big-endian), Avro binary (Avro 1.11 specification,
 * "Binary Encoding"; Confluent "Wire Format"). decimal = bytes, minimal two's complement; nullable =
 * ["null", T]. Encoding and decoding with the current schema is straight-line code generated from the
 * .def tables; a record of any other registered schema is decoded by its own (writer's) schema and
 * matched by field name.
 * Thread-safety: a decoder and an interner belong to one thread; schemas are immutable.
 */
#ifndef K2_CODEC_AVRO_H
#define K2_CODEC_AVRO_H

#include "codec/event.h"

#define K2_WIRE_HEADER 5

/* Appends header and record to out. K2_E_RANGE when a value is the null mark of its type or a decimal
 * is too wide; K2_E_INVALID when a required string is id 0. On failure out is as it was. */
K2_RC k2_avro_encode(const struct k2_event *e, const struct k2_interner *in, uint32_t schema_id,
                     struct k2_buf *out, struct k2_err *err);

/* Magic byte and schema id, in front of an Avro record made with the primitives below. */
void k2_wire_put_header(struct k2_buf *b, uint32_t schema_id);
/* The schema id of a wire-format value. */
K2_RC k2_wire_schema_id(struct k2_sv value, uint32_t *id, struct k2_err *err);

/* Where a decoder finds the schema text of an id (the registry, or the Confluent-compatible service). */
struct k2_schema_source {
    void *ctx;
    /* Gives borrowed JSON text and the kind's name, valid as long as the source. */
    K2_RC (*find)(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err);
};

struct k2_decoder;
/* Decodes records of one kind into events or columns; caches what it learned about each schema id. */
struct k2_decoder *k2_decoder_new(const struct k2_kind *kind, struct k2_interner *in,
                                  struct k2_schema_source source);
void k2_decoder_free(struct k2_decoder *d);
/* value = wire-format bytes. Fields that the record does not hold are null (0 when required); what this build has no
 * field for is in e->added (codec/added.h). Strings are interned. Trailing bytes, truncation, bad branches and oversized decimals are K2_E_CORRUPT. */
K2_RC k2_decode(struct k2_decoder *d, struct k2_sv value, struct k2_event *e, struct k2_err *err);
/* The same into row `row` of columns (row < cap). Fields of class DERIVED and JOURNAL are not touched,
 * nor are columns that were dropped. What this build has no field for goes into the column that the decoder's kind has
 * for it, or else into c->added; K2_E_CONFLICT without either. */
K2_RC k2_decode_row(struct k2_decoder *d, struct k2_sv value, struct k2_columns *c, size_t row,
                    struct k2_err *err);

/* The primitives, for the few other Avro bytes of ours (manifests, checkpoints). */
void k2_avro_put_long(struct k2_buf *b, int64_t v); /* zigzag varint */
void k2_avro_put_bytes(struct k2_buf *b, struct k2_sv s);
/* False when truncated or longer than 10 bytes. */
bool k2_avro_get_long(struct k2_sv *in, int64_t *v);
bool k2_avro_get_bytes(struct k2_sv *in, struct k2_sv *s);

#endif
