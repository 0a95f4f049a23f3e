/* query/health.h - how a data directory is: journal, tables, groups, gaps, disk, and a level.
 *
 * A look reads what is there and changes nothing; it never fails: what cannot be read is a row of level
 * DOWN that says why. Numbers that a row has no use for are HEALTH_NONE.
 * Included by query.h, the room's face. Thread-safety: one thread per struct health.
 */
#ifndef K2_QUERY_HEALTH_H
#define K2_QUERY_HEALTH_H

#include "base/err.h"

#include <stdint.h>

enum health_part {
    HEALTH_PROCESS, /* what runs; rows of the caller, who knows the roles */
    HEALTH_JOURNAL,
    HEALTH_TOPIC,
    HEALTH_TABLE,
    HEALTH_GROUP,      /* of consumers */
    HEALTH_QUARANTINE, /* a topic of refused records */
    HEALTH_GAPS,       /* of an exchange; and halts, outages, gaps to be recovered, one by one */
    HEALTH_DISK,
    HEALTH_PARTS
};

enum health_level { HEALTH_GOOD, HEALTH_DEGRADED, HEALTH_DOWN };

#define HEALTH_NONE INT64_MIN

struct health_row {
    enum health_part part;
    enum health_level level;
    char name[128];
    char detail[1024]; /* a sentence; "" = nothing to add */
    int64_t records;   /* gaps: the numbers that are missing */
    int64_t pieces;    /* journal: segments; topic: partitions; table: data files; gaps: how many */
    int64_t bytes;     /* on the disk; disk: free bytes */
    int64_t last_ns;   /* newest append, last commit, position saved, lock taken */
    int64_t lag;       /* records not yet in the table, not yet read by the group */
    int64_t lag_ns;    /* age of the oldest of them */
};

struct health_limits {
    int64_t max_lag_ns;       /* of a table */
    int64_t min_free_percent; /* of the disk */
    int64_t now_ns;
};

struct health {
    int n;
    struct health_row *rows; /* owned; by part */
    enum health_level level; /* the worst of the rows */
};

const char *health_level_word(enum health_level level); /* "healthy", "degraded", "down" */
const char *health_part_word(enum health_part part);    /* "journal", ... */
/* A new row without numbers; borrowed until the next one. `level` of the row is taken into account by
 * health_weigh. */
struct health_row *health_add(struct health *h, enum health_part part, const char *name);
/* Adds what the directory holds to *h (zeroed, or with rows of the caller). */
void health_look(const char *data, const struct health_limits *limits, struct health *h);
/* Sets h->level from the rows; gives the row that decided it, or NULL when all is well. */
const struct health_row *health_weigh(struct health *h);
void health_free(struct health *h);

#endif
