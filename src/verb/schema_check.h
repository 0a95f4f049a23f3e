/* verb/schema_check.h - `k2 schema check`, told by schema.c. */
#ifndef K2_VERB_SCHEMA_CHECK_H
#define K2_VERB_SCHEMA_CHECK_H

#include "verb/verb.h"

extern const struct verb verb_schema_check;

#endif
