/* journal/raw.h - what live sources received, before anybody decoded it: topic market.raw.EXCHANGE.
 *
 * A record is a frame (feed/live/live.h). Its value is Avro {source, connection, line, form, received_ns, bytes}, where
 * source is "feed:NAME", or of k2 ingest the address and a hash of what is said to it; its key is the exchange, so that all frames of a topic are in one
 * partition, in the order of their receipt. raw_offset of a row that came from a live source is the offset of the frame
 * it is from.
 */
#ifndef K2_JOURNAL_RAW_H
#define K2_JOURNAL_RAW_H

#include "feed/feed.h"
#include "journal/journal.h"

struct raw_topic {
    struct journal *journal;
    struct journal_topic topic;
    int32_t partition;
    uint32_t schema;
    char exchange[32];
};

/* market.raw.EXCHANGE, in lower case; appended to out. */
void raw_topic_name(struct k2_sv exchange, struct k2_buf *out);
/* create: of who writes; else K2_E_NOTFOUND where nothing was received yet. */
K2_RC raw_topic_open(struct journal *j, struct k2_sv exchange, bool create, struct raw_topic *out,
                     struct k2_err *err);
/* Gathers the record and gives its offset; the caller commits. */
int64_t raw_topic_append(struct raw_topic *t, struct k2_sv source, const struct feed_live_frame *f);
/* The oldest frame that is kept, and the durable end. */
K2_RC raw_topic_range(struct raw_topic *t, int64_t *start, int64_t *end, struct k2_err *err);
/* A frame of a record's value, borrowed from it. False: it breaks the schema. */
bool raw_topic_frame(struct k2_sv value, struct k2_sv *source, struct feed_live_frame *f);
const char *raw_form_name(enum feed_live_form form);

#endif
