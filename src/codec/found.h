/* codec/found.h - what a field that this build does not know is called (inside the codec room). */
#ifndef K2_CODEC_FOUND_H
#define K2_CODEC_FOUND_H

#include "codec/added.h"
#include "codec/shape.h"

#include <stdlib.h>

/* Whether the kind's records have a field of this name. */
bool found_is_known(const struct k2_kind *kind, struct k2_sv name);
/* The name of its column: the field's, and underscores behind it as long as the table has such a column of its own. */
void found_name(const struct k2_kind *kind, struct k2_sv name, struct k2_buf *out);

#endif
