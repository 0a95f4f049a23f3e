/* feed/rows/mapping.h - a mapping file: how rows of CSV or JSON become events. docs/mapping.md is its manual.
 *
 *   # trades of Tardis
 *   kind = trade
 *   exchange = exchange            a bare word is a column (JSON: a path such as data.bids[0].price)
 *   symbol = "XBTUSD"              text in quotes is itself
 *   time = timestamp us            column and unit
 *   price = price / 10000          exact: the factor is a power of ten
 *   [side]                         what the words of a field mean
 *   sell = SELL
 *   [event 0..4]                   one event of each row for every n; {n} and {n+1} in values
 *   kind = book_event
 *
 * Thread-safety: immutable once parsed.
 */
#ifndef K2_FEED_MAPPING_H
#define K2_FEED_MAPPING_H

#include "codec/event.h"

#define MAPPING_FIELDS K2_MAX_FIELDS
#define MAPPING_NULLS 8

enum map_source { MAP_NOT, MAP_COLUMN, MAP_CONSTANT };

struct map_value {
    enum map_source from;
    size_t slot; /* MAP_COLUMN: in mapping.columns */
    char *text;  /* MAP_CONSTANT */
    int shift;   /* a number is text * 10^-shift */
    bool zero_null;
    char split; /* of a list; 0 = it is one word */
};

enum map_unit {
    MAP_S,
    MAP_MS,
    MAP_US,
    MAP_NS, /* since 1970 */
    MAP_S_OF_DAY,
    MAP_MS_OF_DAY,
    MAP_US_OF_DAY,
    MAP_NS_OF_DAY,
    MAP_ISO,
    MAP_PATTERN
};

struct map_time {
    struct map_value value;
    enum map_unit unit;
    char *pattern; /* %Y %m %d %b %H %M %S %f */
};

struct map_code {
    char *field, *code, *meaning;
};

struct map_event {
    enum k2_kind_id kind;
    bool kinded;                            /* kind was said */
    int line;                               /* where it begins */
    int from, to;                           /* of [event FROM..TO]; 0, 0 where there is one */
    struct map_value value[MAPPING_FIELDS]; /* by field of the kind */
    char *zero_action; /* `when_zero`: the action of a book event whose quantity is 0 */
};

struct map_column {
    char *name;
    int line; /* that names it first */
};

struct mapping {
    bool json, header, ignore_rest;
    char delimiter;
    struct map_value exchange, symbol, channel, sequence, snapshot;
    struct map_time time, date, receive;
    char *zone, *calendar;
    char *null[MAPPING_NULLS];
    size_t n_null;
    struct map_event *events; /* repeated ones written out */
    size_t n_events;
    struct map_code *codes;
    size_t n_codes;
    struct map_column *columns; /* that are assigned or ignored: the rest is extra */
    size_t n_columns;
    char **names; /* `columns`: of a CSV without a header */
    size_t n_names;
    bool shared; /* events of more than one kind */
};

/* `name` is for messages: "name line 3: ...". Gives *out. */
K2_RC mapping_parse(struct k2_sv text, struct k2_sv name, struct mapping **out, struct k2_err *err);
void mapping_free(struct mapping *m); /* NULL is fine */
/* Slot of a column, or SIZE_MAX when it is not assigned. */
size_t mapping_slot(const struct mapping *m, struct k2_sv column);
/* What a word of the field means: the code's meaning, or the word itself where the field has no codes; empty
 * where it has codes, and this is none. */
struct k2_sv mapping_meaning(const struct mapping *m, const char *field, struct k2_sv word);
bool mapping_is_null(const struct mapping *m, struct k2_sv word);
/* Whether the unit needs a date beside it. */
bool mapping_lacks_date(const struct map_time *t);

/* --- times (mapping_time.c) --- */

/* ns since 1970 of the units that say all; ns since midnight of the others. False: it is no such time. */
bool mapping_epoch(struct k2_sv text, enum map_unit unit, int64_t *ns);
struct map_moment {
    bool has_day, has_time;
    int32_t day;
    int64_t of_day;
};
bool mapping_match(struct k2_sv text, const char *pattern, struct map_moment *out);
/* NULL, or what is wrong with the pattern; what it gives. */
const char *mapping_check_pattern(const char *pattern, bool *day, bool *time);

#endif
