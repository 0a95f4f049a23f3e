/* codec/found.h - what a field that this build does not know is called (inside the codec room). */
#ifndef K2_CODEC_FOUND_H
#define K2_CODEC_FOUND_H

#include "codec/added.h"
#include "codec/shape.h"

#include <stdlib.h>

/* Whether the kind's records have a field of this name. */
bool found_is_known(const struct k2_kind *kind, struct k2_sv name);
/* The name of its column: the field's, and underscores behind it as long as the table has such a column of its own.
 * K2_E_UNSUPPORTED: another field, whether a schema has it or not, would have the same column. So no two fields ever share
 * one, in whatever versions they are. */
K2_RC found_column(const struct k2_kind *kind, struct k2_sv name, struct k2_buf *out,
                   struct k2_err *err);
/* K2_E_UNSUPPORTED: no column can hold the field's type. shape: NULL if shape_of had none. */
K2_RC found_no_type(struct k2_sv name, const struct shape *shape, struct k2_err *err);

#endif
