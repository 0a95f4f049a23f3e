/* feed/live/soupbin.h - SoupBinTCP: which numbers the bytes of a stream have.
 *
 * Included by feed.h, the room's face. Thread-safety: none; one owner at a time.
 */
#ifndef K2_FEED_LIVE_SOUPBIN_H
#define K2_FEED_LIVE_SOUPBIN_H

#include "base/buf.h"

enum { FEED_SOUP_SESSION = 10, FEED_SOUP_ANSWER = 30 };

struct feed_soup { /* zeroed: nothing is known */
    char session[FEED_SOUP_SESSION + 1];
    int64_t next; /* number of the next sequenced message in it; 0 = not known */
    /* Of the present connection: */
    bool accepted, ended; /* the login; the session, by the venue */
    char rejected;        /* why: 'A' not authorised, 'S' no such session; 0 = it was not */
    char head[3];         /* of the present packet: its length, its type */
    size_t head_n, left;  /* left: bytes of it that are still to come */
    char answer[FEED_SOUP_ANSWER];
    size_t answer_n;
};

void feed_soup_begin(struct feed_soup *s);                    /* a connection was made */
void feed_soup_take(struct feed_soup *s, struct k2_sv bytes); /* its next bytes, cut anywhere */
/* "SESSION NUMBER" of a login that was accepted: the payload of its packet. False: it is none. */
bool feed_soup_accepted(struct k2_sv answer, char session[FEED_SOUP_SESSION + 1], int64_t *next);

#endif
