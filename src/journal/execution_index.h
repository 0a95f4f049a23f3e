/* journal/execution_index.h - which executions the journal holds, by their ids
 * (execution.h). */
#ifndef K2_JOURNAL_EXECUTION_INDEX_H
#define K2_JOURNAL_EXECUTION_INDEX_H

#include "journal/journal.h"

struct execution_place {
    int32_t topic, partition;
    int64_t offset;
};

struct execution_known {
    struct k2_h128 payload;
    struct execution_place place; /* topic -1: it is not in the journal any more */
};

struct execution_index;

/* Reads the journal. archive: of what retention deleted; load may be NULL. */
K2_RC execution_index_open(struct journal *j, struct seq_history archive,
                           struct execution_index **out, struct k2_err *err);
void execution_index_close(struct execution_index *x); /* NULL is fine */
/* The execution that has the id of e, or else its number; *found false: none
 * has. */
K2_RC execution_index_find(struct execution_index *x, const struct k2_event *e,
                           const struct k2_interner *in, struct execution_known *out, bool *found,
                           struct k2_err *err);
void execution_index_add(struct execution_index *x, const struct k2_event *e,
                         const struct k2_interner *in, const struct execution_known *known);

#endif
