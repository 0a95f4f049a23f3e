/* verb/schema_register.h - `k2 schema register` and `k2 schema compatibility`. */
#ifndef K2_VERB_SCHEMA_REGISTER_H
#define K2_VERB_SCHEMA_REGISTER_H

#include "verb/verb.h"

extern const struct verb verb_schema_register, verb_schema_compatibility;

#endif
