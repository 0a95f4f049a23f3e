/* feed/capture/twins.h - the two lines of a feed: which datagrams came on both.
 *
 * A datagram is a twin when the same bytes came on the other line and were nobody's twin yet; so a datagram that a
 * venue sends twice on each line (a heartbeat) is one twice. The datagrams of a bounded window are compared, by hash
 * and then byte by byte. Over a restart those that were waiting for their twin are remembered.
 */
#ifndef K2_FEED_TWINS_H
#define K2_FEED_TWINS_H

#include "base/buf.h"

struct raw_twins;
struct raw_twins *raw_twins_new(void);
void raw_twins_free(struct raw_twins *t); /* NULL is fine */
/* Whether it is the twin of one before; else it is remembered. */
bool raw_twins_met(struct raw_twins *t, int line, struct k2_sv bytes);
/* What is nobody's twin yet, of that the newest, as bytes appended to out (NULL: none); and back into a new one: false
 * when it cannot be that. */
void raw_twins_save(const struct raw_twins *t, struct k2_buf *out);
bool raw_twins_restore(struct raw_twins *t, struct k2_sv *in);

#endif
