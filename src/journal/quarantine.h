/* journal/quarantine.h - records that were refused, kept with everything needed to try them again. */
#ifndef K2_JOURNAL_QUARANTINE_H
#define K2_JOURNAL_QUARANTINE_H

#include "journal/journal.h"

struct quarantine;

struct quarantine_record {
    struct k2_sv exchange; /* empty = unknown */
    struct k2_sv symbol;   /* empty = unknown */
    struct k2_sv kind;     /* the kind it would have been; empty = unknown */
    struct k2_sv channel;  /* of the number it used up; empty = not numbered */
    int64_t sequence;      /* that number, when there is a channel */
    int32_t epoch;         /* of that number */
    bool shared;           /* the channel's numbers are those of all kinds */
    bool spans;            /* its numbers rise with holes that mean nothing */
    int32_t trade_date; /* INT32_MIN = unknown: stored as 1970-01-01, the same at every reading */
    struct k2_sv source;
    int64_t position; /* line or message number */
    int64_t offset;   /* byte offset in the source, K2_NULL_LONG = unknown */
    struct k2_sv reason, detail, conflicts_with, raw;
};

/* archive: where records are looked up that this journal no longer holds; load may be NULL. */
struct quarantine *quarantine_new(struct journal *j, struct seq_history archive);
void quarantine_free(struct quarantine *q);
/* Gathers the record for its topic, unless the same bytes of the same place are there already (*stored =
 * false): a source that is read again adds nothing. now_ns is the time of the refusal. */
K2_RC quarantine_add(struct quarantine *q, const struct quarantine_record *r, int64_t now_ns,
                     bool *stored, struct k2_err *err);

#endif
