/* verb/mapping.h - the mapping of `k2 ingest` and `k2 decode`: --mapping FILE, or FILE.mapping in the place of
 * FORMAT. Thread-safety: none. */
#ifndef K2_VERB_MAPPING_H
#define K2_VERB_MAPPING_H

#include "feed/feed.h"
#include "verb/verb.h"

#define VERB_MAPPING                                                                               \
    {                                                                                              \
        "mapping", "FILE", NULL,                                                                   \
            "how to read any CSV or JSON lines (docs/mapping.md); "                                \
            "templates of FAST",                                                                   \
            NULL, 0                                                                                \
    }

/* The file's text with a NUL behind it, and the format that takes it. A wrong one is told. */
K2_RC verb_mapping_read(const char *path, struct k2_buf *text, const struct feed_ops **feed,
                        struct k2_err *err);
/* Without a mapping `text` stays empty and the rest as it is. Else its text with a NUL behind it, as another process
 * does not have our working directory; *feed is the format that takes it and *first the first SOURCE of the
 * arguments. A wrong mapping is told before anything is read. */
K2_RC verb_mapping_take(const struct verb_context *c, struct k2_buf *text,
                        const struct feed_ops **feed, int *first, struct k2_err *err);

/* Whether the path is that of a Parquet file, which a mapping reads as rows (query/import.h). */
bool verb_mapping_is_parquet(const char *path, const struct feed_ops *feed);

#endif
