/* verb/records.h - records of a journal topic, decoded, for the verbs that show them. */
#ifndef K2_VERB_RECORDS_H
#define K2_VERB_RECORDS_H

#include "verb/verb.h"

struct record {
    const struct journal_topic *topic;
    int32_t partition;
    int64_t offset, append_ns;
    struct k2_sv key, value;
    const struct k2_event *event; /* NULL: a topic of our own, see own_json */
    const struct k2_interner *in; /* of the event's strings */
};

/* Visits the records of spans of one topic in log order. The visitor sets *stop to end early. */
K2_RC records_visit(struct journal *j, const struct journal_topic *t,
                    const struct journal_span *spans, int n,
                    K2_RC (*visit)(void *ctx, const struct record *r, bool *stop,
                                   struct k2_err *err),
                    void *ctx, struct k2_err *err);

/* A topic by name; an unknown one is an error with the nearest name. */
K2_RC records_topic(struct journal *j, const char *name, struct journal_topic *out,
                    struct k2_err *err);

/* For every partition of a topic the offset that the word of an option means: start, end, an OFFSET, a TIME, or -N, so
 * many before the end. starts and ends: what can be read. */
K2_RC records_offsets(const struct verb_context *c, struct journal *j,
                      const struct journal_topic *t, const char *option, const char *word,
                      const int64_t *starts, const int64_t *ends, int64_t *from,
                      struct k2_err *err);

/* The event as a JSON object: the fields of its record. Decimals, and longs beyond 2^53, as strings. */
void event_json(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);
/* Appends the JSON of one field (index in its kind's table); false, and nothing, when it has no value or is none of
 * the record. */
bool event_json_field(const struct k2_event *e, int field, const struct k2_interner *in,
                      struct k2_buf *out);
/* Appends the JSON of a record of our own topics, which carry their schema's id as events do. */
K2_RC own_json(struct journal *j, struct k2_sv value, struct k2_buf *out, struct k2_err *err);
/* A JSON string of any bytes; what is not UTF-8 becomes U+FFFD. */
void event_json_string(struct k2_buf *out, struct k2_sv s);

#endif
