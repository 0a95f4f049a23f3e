/* feed/capture/twins.h - the two lines of a feed: which datagrams came on both.
 *
 * A datagram is a twin when the same bytes came on the other line and were nobody's twin yet; so a datagram that a
 * venue sends twice on each line (a heartbeat) is one twice. The datagrams of a bounded window are compared, by hash
 * and then byte by byte.
 */
#ifndef K2_FEED_TWINS_H
#define K2_FEED_TWINS_H

#include "base/buf.h"

struct raw_twins;
struct raw_twins *raw_twins_new(void);
void raw_twins_free(struct raw_twins *t); /* NULL is fine */
/* Whether it is the twin of one before; else it is remembered. */
bool raw_twins_met(struct raw_twins *t, int line, struct k2_sv bytes);

#endif
