/* journal/tier.h - sealed segments of a local journal in an object store (docs/tiering.md, decision 90).
 *
 * A segment that is tiered has its bytes in the store and a small note of them beside the log; whoever reads it gets
 * them through a bounded cache, without knowing. Kafka tiers by itself: there all of this does nothing.
 * Included by journal.h, the room's face. Thread-safety: any thread.
 */
#ifndef K2_JOURNAL_TIER_H
#define K2_JOURNAL_TIER_H

#include "base/err.h"

#include <stdint.h>

struct journal;

struct journal_tier_settings {
    const char *url;     /* where to (base/store.h); "" = nothing is tiered any more */
    int64_t after_ns;    /* segments whose last record is older go */
    int64_t local_bytes; /* 0 = no limit; else the oldest go until the rest fits */
    int64_t cache_bytes; /* of fetched segments; one of them always fits */
};

/* For this process, until somebody says otherwise: nothing is tiered, and the cache has 1 GB. What is tiered already can
 * be read all the same: the notes say where it is. */
K2_RC journal_tier_use(const struct journal_tier_settings *s, struct k2_err *err);

struct journal_tier_options {
    int64_t now_ns;
    bool dry_run;
    bool (*stop)(void *ctx); /* NULL = never; asked between segments */
    void *ctx;
};

struct journal_tier_report {
    int segments, objects; /* that were tiered, or would be; that went from the store */
    int64_t bytes;         /* of the segments */
    char stopped[512];     /* why something that is due stays where it is; "" = nothing does */
};

/* Brings to the store what is due, and removes from it what retention has removed from the journal. Takes as long as
 * copying; needs no journal that is open for writing. K2_E_LOCKED names who is at it already. */
K2_RC journal_tier(struct journal *j, const struct journal_tier_options *o,
                   struct journal_tier_report *out, struct k2_err *err);

/* Where the log is. */
struct journal_places {
    int64_t local_segments, local_bytes;
    int64_t tiered_segments, tiered_bytes; /* whose bytes are in the store only */
    int64_t cached_bytes;                  /* of these, in the cache as well */
    int64_t foreign_segments; /* of these, objects of the directory that this is a copy of */
    char url[1024];           /* of the newest of them; "" without any */
};

K2_RC journal_places(struct journal *j, struct journal_places *out, struct k2_err *err);

#endif
