/* feed/sequence/seq_int.h - the parts of the sequence engine: remembered events, open gaps, channels. */
#ifndef K2_FEED_SEQ_INT_H
#define K2_FEED_SEQ_INT_H

#include "feed/feed.h"

/* --- remembered events (set.c) ---
 * In order of arrival, with an index by (epoch, sequence, part) that is only made when something is
 * looked up: a channel in order never needs it. No identity is in it twice. */
struct seq_set {
    struct seq_known *all;
    size_t n, cap;
    uint32_t *slots; /* place in `all` + 1; 0 = free; NULL = no index */
    size_t n_slots;  /* a power of two, at least 2 n */
};

void seq_set_free(struct seq_set *s); /* back to empty */
void seq_set_add(struct seq_set *s, const struct seq_known *k);
const struct seq_known *seq_set_find(struct seq_set *s, int32_t epoch, int64_t sequence,
                                     int32_t part);
void seq_set_keep_last(struct seq_set *s, size_t n);

/* --- open gaps (gaps.c): ranges of numbers never seen, ascending, disjoint --- */
struct seq_gap {
    int32_t epoch;
    int64_t from, to; /* both missing */
    bool older;       /* open since before seq_engine_age_gaps */
};

struct seq_gaps {
    struct seq_gap *all;
    size_t n, cap;
};

void seq_gaps_free(struct seq_gaps *g);
/* The caller knows that nothing of it is in the list. */
void seq_gaps_open(struct seq_gaps *g, struct seq_gap gap);
bool seq_gaps_have(const struct seq_gaps *g, int32_t epoch, int64_t sequence);
/* How many of [from, to] are in the list. */
int64_t seq_gaps_count(const struct seq_gaps *g, int32_t epoch, int64_t from, int64_t to);
bool seq_gaps_fill(struct seq_gaps *g, int32_t epoch, int64_t sequence); /* false: not in a gap */
/* Fills what is missing of [from, to]. */
void seq_gaps_fill_range(struct seq_gaps *g, int32_t epoch, int64_t from, int64_t to);

/* --- the ledger of a channel (holes.c): what is missing, as it was found, ascending, disjoint; each open gap
 * above is within one of these --- */
struct seq_hole {
    int32_t epoch;
    int64_t from, to, missing;
    int64_t time_ns, raw_offset, opened_ns; /* as in struct seq_step */
    char *source;                           /* may be NULL */
    bool opened;                            /* without: it waits for what comes late */
    bool requested, given_up, acknowledged;
    bool may_halt, halts;
};

struct seq_holes {
    struct seq_hole *all; /* missing 0: it is gone */
    size_t n, cap, gone;
};

struct seq_wait { /* a hole that is not opened */
    int32_t epoch;
    int64_t from;
    uint64_t found_at; /* `judged` of the channel */
    int64_t found_ns;
};

struct seq_queue { /* of such, first come first; some may be filled meanwhile */
    struct seq_wait *all;
    size_t head, n, cap; /* those from head on */
};

void seq_holes_free(struct seq_holes *h);
/* Its source is taken over. The caller knows that it meets no other. */
struct seq_hole *seq_holes_add(struct seq_holes *h, const struct seq_hole *hole);
/* The one that holds the number, or NULL. Borrowed until the next add or remove. */
struct seq_hole *seq_holes_find(const struct seq_holes *h, int32_t epoch, int64_t sequence);
/* The last one that has a number of [from, to], or NULL. */
struct seq_hole *seq_holes_find_in(const struct seq_holes *h, int32_t epoch, int64_t from,
                                   int64_t to);
void seq_holes_remove(struct seq_holes *h, struct seq_hole *hole);
/* Gives the places of the removed ones back, so that a hole over their ranges can be added. */
void seq_holes_tidy(struct seq_holes *h);

/* --- the numbers that were seen of an epoch, but for its gaps (spans.c) --- */
struct seq_span {
    int32_t epoch;
    int64_t first, high;
};

struct seq_spans { /* by epoch */
    struct seq_span *all;
    size_t n, cap;
};

void seq_spans_free(struct seq_spans *s);
struct seq_span *seq_spans_find(const struct seq_spans *s, int32_t epoch); /* NULL: none */
void seq_spans_add(struct seq_spans *s, struct seq_span span);

/* --- what a feed did not send and no number tells (outages.c) --- */
struct seq_outage {
    enum seq_cause cause;
    char *exchange, *channel, *source, *why;
    int32_t trade_date;
    int64_t from, opened_ns;
    bool given_up, acknowledged;
    bool over; /* it goes with its last step */
};

struct seq_outages {
    struct seq_outage *all;
    size_t n, cap;
};

#define SEQ_LONGEST_TEXT ((size_t)1024) /* of source and why; the rest is cut off */

void seq_outages_free(struct seq_outages *all);
struct seq_outage *seq_outages_add(struct seq_outages *all, const struct seq_step *s);
struct seq_outage *seq_outages_find(const struct seq_outages *all, const struct seq_step *s);
void seq_outages_tidy(struct seq_outages *all); /* those that are over go */

/* --- channels (channels.c) --- */
struct seq_channel {
    char *text; /* exchange and channel, one behind the other */
    uint32_t exchange_n, channel_n;
    enum k2_kind_id kind;
    int32_t trade_date;
    uint64_t hash;
    bool started;   /* the fields below say something */
    bool forgotten; /* left out of a checkpoint: the history knows where it ended */
    bool
        partial; /* what was seen before is not all here: it may be anything at or below the highest */
    bool halted;           /* by a gap: nothing is taken beyond the highest number */
    bool resumed;          /* from a halt: the numbers passed over meanwhile halt it no more */
    int32_t epoch;         /* the latest */
    int64_t first;         /* the lowest number of that epoch */
    int64_t high;          /* the highest */
    int32_t high_part;     /* the highest part of that number */
    struct seq_spans past; /* the epochs before */
    struct seq_gaps gaps;
    struct seq_holes holes;
    struct seq_queue queue;
    uint64_t judged, due; /* items so far; and at how many the first hole that waits is due */
    struct seq_set recent;
    /* of the batch at hand */
    uint64_t batch; /* its number */
    bool asks;      /* some of [ask_lo, ask_hi] may be known to the history */
    int64_t ask_lo, ask_hi;
    struct seq_set loaded;
};

struct seq_floor { /* channels of an exchange before this date may have been forgotten */
    char *exchange;
    size_t exchange_n;
    int32_t date;
};

static inline struct k2_sv seq_floor_exchange(const struct seq_floor *f) {
    return (struct k2_sv){f->exchange, f->exchange_n};
}

struct seq_channels {
    struct seq_channel **all; /* in order of appearance */
    size_t n, cap;
    uint32_t *slots; /* place in `all` + 1 */
    size_t n_slots;
    struct seq_floor *floors;
    size_t n_floors;
    bool ask_unknown; /* channels made from now on may be known to the history */
};

struct seq_key {
    struct k2_sv exchange, channel;
    enum k2_kind_id kind;
    int32_t trade_date;
};

void seq_channels_free(struct seq_channels *c);
struct k2_sv seq_channel_exchange(const struct seq_channel *c);
struct k2_sv seq_channel_name(const struct seq_channel *c);
bool seq_channel_is(const struct seq_channel *c, const struct seq_key *k);
/* Borrowed until the channels are freed; find gives NULL if there is none. */
struct seq_channel *seq_channels_find(const struct seq_channels *c, const struct seq_key *k);
struct seq_channel *seq_channels_get(struct seq_channels *c, const struct seq_key *k);
void seq_channels_raise_floor(struct seq_channels *c, struct k2_sv exchange, int32_t date);

struct seq_engine {
    struct seq_history history;
    struct seq_channels channels;
    int64_t verdicts[SEQ_VERDICTS];
    uint64_t batch;
    struct seq_channel **of_item; /* of the batch at hand */
    size_t cap_items;
    struct seq_channel **touched; /* channels of the batch at hand, each once */
    size_t n_touched, cap_touched;
    struct { /* of an exchange; the first of all others */
        char *exchange;
        struct seq_policy policy;
    } * policies;
    size_t n_policies;
    int64_t now_ns;
    bool replays;
    size_t waiting; /* holes of all channels that are not opened */
    struct seq_step *steps;
    size_t n_steps, cap_steps;
    struct seq_outages outages;
    size_t remembered; /* events in all `recent` sets */
    size_t sweep;      /* where the search for memory to give back goes on */
};

/* --- what becomes of gaps (ledger.c) --- */
void seq_ledger_free(struct seq_engine *s);
/* The numbers [from, to] are missing, as the item shows. */
void seq_ledger_found(struct seq_engine *s, struct seq_channel *c, const struct seq_item *i,
                      int64_t from, int64_t to, bool may_halt);
/* The number, which was missing, has come. */
void seq_ledger_filled(struct seq_engine *s, struct seq_channel *c, const struct seq_item *i);
/* Those of [from, to] that were missing have come, and are in no gap any more. */
void seq_ledger_covered(struct seq_engine *s, struct seq_channel *c, int32_t epoch, int64_t from,
                        int64_t to);
/* Opens the holes of the channel that waited for enough events. */
void seq_ledger_due(struct seq_engine *s, struct seq_channel *c);
/* All holes that are not opened begin to wait now. */
void seq_ledger_wait_anew(struct seq_engine *s);
/* A step for the caller; its strings live until it is taken, but for the source of a gap, which is copied. */
void seq_ledger_queue(struct seq_engine *s, const struct seq_step *step);

/* --- outages among all this --- */
bool seq_outages_mark(struct seq_engine *s, const struct seq_step *which, bool *again);
void seq_outages_told(struct seq_engine *s, const struct seq_step *step);
void seq_outages_visit(const struct seq_outages *all,
                       void (*gap)(void *ctx, const struct seq_step *gap), void *ctx);

#endif
