/* feed/holidays.h - on which dates a market has a session, and from when to when.
 *
 * The rules are those of the exchanges' published calendars; days that follow no rule (mourning, storms, an
 * outage) are listed. They hold from 2012 on; before that they are the same rules, without the listed days.
 * Pure functions of the date; safe from any thread.
 */
#ifndef K2_FEED_HOLIDAYS_H
#define K2_FEED_HOLIDAYS_H

#include "base/clock.h"

struct market; /* the rules of one market */

/* By the zone and whether the session date rolls before midnight; NULL: no rules are known. */
const struct market *market_of(const char *zone, bool rolls);
/* date in days since 1970. */
bool market_session(const struct market *m, int32_t date);

struct market_hours { /* seconds after local midnight of the session date; open may be below 0 */
    int32_t open, close;
    int32_t break_start, break_end; /* equal: there is none */
};
/* Of a date that has a session. */
struct market_hours market_hours_of(const struct market *m, int32_t date);

#endif
