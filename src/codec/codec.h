/* codec/codec.h - the face of the codec room: event model, Avro codec, schema registry. */
#ifndef K2_CODEC_CODEC_H
#define K2_CODEC_CODEC_H

#include "codec/avro.h"
#include "codec/avro_json.h"
#include "codec/compat.h"
#include "codec/event.h"
#include "codec/lint.h"
#include "codec/registry.h"
#include "codec/subjects.h"

#endif
