/* journal/raw_whole.h - which session dates a raw topic keeps from their beginning on.
 *
 * What a venue does not number is numbered by its place among the events of its channel, kind and session date
 * (feed_options.counted). A decoder that begins anew counts from 1: of a date whose first frames retention has deleted
 * that gives other numbers than the first time. What such a decoder counts of it is told apart here.
 * Thread-safety: none; one owner.
 */
#ifndef K2_JOURNAL_RAW_WHOLE_H
#define K2_JOURNAL_RAW_WHOLE_H

#include "feed/feed.h"

struct raw_whole {   /* from INT32_MIN, else zeroed: all dates are whole */
    int32_t from;    /* session date: this one and later ones are whole */
    uint64_t *cut;   /* hashes of channel, kind and date: counted, and not whole */
    size_t n, last;  /* last: the one that was found last */
    int64_t dropped; /* for the owner's use */
};

/* A decoder begins to count events of that channel, kind and session date from 1. */
void raw_whole_note(struct raw_whole *w, struct k2_sv channel, enum k2_kind_id kind, int32_t date);
/* Whether the event's number is a count from 1 that did not begin at the first one. */
bool raw_whole_lacks(struct raw_whole *w, const struct k2_event *e, const struct k2_interner *in);
void raw_whole_free(struct raw_whole *w); /* all dates are whole again */

#endif
