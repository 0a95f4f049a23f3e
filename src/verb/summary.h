/* verb/summary.h - the account that ingest and simulate close with. */
#ifndef K2_VERB_SUMMARY_H
#define K2_VERB_SUMMARY_H

#include "verb/verb.h"

struct summary {
    struct ingest_stats stats;
    int64_t sources, failed; /* files read, and those of them that failed */
    int64_t took_ns;
    const struct seq_engine *sequence; /* for the gaps that are open afterwards; borrowed */
};

/* In sentences for --format table, else one row. */
K2_RC summary_print(const struct verb_context *c, const struct summary *s, struct k2_err *err);

#endif
