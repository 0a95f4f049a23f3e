/* verb/verbs.h - every verb there is; verbs.c puts them in order. */
#ifndef K2_VERB_VERBS_H
#define K2_VERB_VERBS_H

#include "verb/verb.h"

extern const struct verb verb_config, verb_feed, verb_help_command, verb_ingest, verb_init,
    verb_quarantine, verb_query, verb_reconcile, verb_schema, verb_simulate, verb_sink,
    verb_maintain, verb_table, verb_topic, verb_verify, verb_version;

/* `k2` alone (state.c). */
K2_RC verb_state(struct verb_context *c, struct k2_err *err);

#endif
