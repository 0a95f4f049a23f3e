/* feed/seq_int.h - the parts of the sequence engine: remembered events, open gaps, channels. */
#ifndef K2_FEED_SEQ_INT_H
#define K2_FEED_SEQ_INT_H

#include "feed/feed.h"

/* --- remembered events (seq_set.c) ---
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

/* --- open gaps (seq_gaps.c): ranges of numbers never seen, ascending, disjoint --- */
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
bool seq_gaps_fill(struct seq_gaps *g, int32_t epoch, int64_t sequence); /* false: not in a gap */

/* --- channels (seq_channels.c) --- */
struct seq_channel {
    char *text; /* exchange and channel, one behind the other */
    uint32_t exchange_n, channel_n;
    enum k2_kind_id kind;
    int32_t trade_date;
    uint64_t hash;
    bool started;      /* the fields below say something */
    bool forgotten;    /* left out of a checkpoint: the history knows where it ended */
    int32_t epoch;     /* the latest */
    int64_t high;      /* of that epoch */
    int32_t high_part; /* the highest part of that number */
    struct seq_gaps gaps;
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
    size_t remembered; /* events in all `recent` sets */
    size_t sweep;      /* where the search for memory to give back goes on */
};

#endif
