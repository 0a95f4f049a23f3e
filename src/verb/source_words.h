/* verb/source_words.h - the words `[FORMAT] SOURCE...` of `k2 ingest` and `k2 decode`. Thread-safety: none. */
#ifndef K2_VERB_SOURCE_WORDS_H
#define K2_VERB_SOURCE_WORDS_H

#include "feed/feed.h"
#include "verb/verb.h"

/* The arguments as sources with their formats; the text of a mapping (verb/mapping.h), if one is said, to `mapping`.
 * What is wrong with one source is left in its entry; K2_E_USAGE or K2_E_INVALID when there is none at all. */
K2_RC source_words_read(const struct verb_context *c, struct k2_buf *mapping, struct sources *out,
                        struct k2_err *err);

/* Only the FORMAT, or the mapping, before a SOURCE: *feed is NULL when none is said or it is auto, *first is the index of the
 * first SOURCE. */
K2_RC source_words_format(const struct verb_context *c, struct k2_buf *mapping,
                          const struct feed_ops **feed, int *first, struct k2_err *err);

#endif
