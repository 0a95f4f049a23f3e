/* codec/avro_json.h - any Avro record as JSON, by its schema: for looking at records that are no events. */
#ifndef K2_CODEC_AVRO_JSON_H
#define K2_CODEC_AVRO_JSON_H

#include "base/json.h"
#include "codec/avro.h"

/* Gives the JSON of a field of type bytes, or NULL: then it is the text, or {"hex": digits} if it is none. */
typedef struct k2_json *k2_avro_json_bytes_fn(struct k2_sv bytes);

/* record: Avro binary, without the wire header. Longs beyond 2^53 are strings, and so are floating point numbers, of
 * the shortest text that reads as the same; times are RFC 3339 UTC, dates YYYY-MM-DD. Gives *out, to be freed. A record
 * that breaks its schema is K2_E_CORRUPT; types by name are K2_E_UNSUPPORTED: no schema of ours has them. */
K2_RC k2_avro_json(struct k2_sv schema, struct k2_sv record, k2_avro_json_bytes_fn *bytes,
                   struct k2_json **out, struct k2_err *err);

/* One value of this type, cut off the front of *in. */
K2_RC k2_avro_json_value(const struct k2_json *type, struct k2_sv *in, struct k2_json **out,
                         struct k2_err *err);
/* The text of a float (4 bytes) or double (8), which reads as the same and is the shortest that does. */
#define K2_REAL_TEXT 40
void k2_avro_real_text(const void *bytes, bool wide, char text[K2_REAL_TEXT]);

#endif
