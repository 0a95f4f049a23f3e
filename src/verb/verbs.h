/* verb/verbs.h - every verb there is; verbs.c puts them in order. */
#ifndef K2_VERB_VERBS_H
#define K2_VERB_VERBS_H

#include "verb/verb.h"

extern const struct verb verb_derive;
extern const struct verb verb_check, verb_symbol;
extern const struct verb verb_backup, verb_capture, verb_completion, verb_config, verb_coverage,
    verb_decode, verb_doctor, verb_redecode, verb_feed, verb_gaps, verb_group, verb_halt,
    verb_help_command, verb_ingest, verb_init, verb_quarantine, verb_query, verb_reconcile,
    verb_restore, verb_schema, verb_simulate, verb_sink, verb_status, verb_trace, verb_maintain,
    verb_table, verb_topic, verb_up, verb_verify, verb_version;

/* `k2` alone (state.c). */
K2_RC verb_state(struct verb_context *c, struct k2_err *err);

#endif
