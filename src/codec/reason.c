/* codec/reason.c - the reasons for quarantine as words. */
#include "codec/codec.h"

#include <stddef.h>

const char *const k2_reasons[] = {
#define K2_REASON(name, meaning) #name,
#include "codec/reasons.def"
#undef K2_REASON
    NULL};
