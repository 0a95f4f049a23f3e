/* verb/group.h - what the verbs about consumer groups share. */
#ifndef K2_VERB_GROUP_H
#define K2_VERB_GROUP_H

#include "verb/verb.h"

extern const struct verb verb_group_describe, verb_group_seek;

struct group_place { /* where a group is in a partition */
    struct journal_topic topic;
    int64_t start, end; /* what can be read */
    int64_t lag;        /* records that it has not read; the ends of transactions count on Kafka */
    int64_t behind_ns;  /* age of the first of them; 0 = there is none */
};

/* False: a topic or partition of the future, which this reader does not know. */
K2_RC group_place(struct journal *j, const struct journal_span *at, int64_t now_ns, bool *known,
                  struct group_place *out, struct k2_err *err);
/* Whole seconds that a group is behind. */
int64_t group_seconds(const struct group_place *p);
/* K2's own roles are members of no group: the command that is at work in the data directory for this one, or false. */
bool group_holder(const struct verb_context *c, const char *group, char out[256]);

#endif
