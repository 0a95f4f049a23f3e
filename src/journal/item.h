/* journal/item.h - an event as the sequence engine sees it. */
#ifndef K2_JOURNAL_ITEM_H
#define K2_JOURNAL_ITEM_H

#include "feed/feed.h"

/* Views are borrowed from the interner. Any kind but quarantine. */
struct seq_item item_of_event(const struct k2_event *e, const struct k2_interner *in);

#endif
