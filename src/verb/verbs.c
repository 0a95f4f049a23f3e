/* verb/verbs.c - the table of verbs: a new one is its file and a line here and in verbs.h. The order is
 * the one of `k2 --help`: as data passes them, then what tells about it, then the rest. */
#include "verb/verbs.h"

static const struct verb *const subs[] = {
    &verb_init,       &verb_up,           &verb_ingest,   &verb_capture, &verb_decode,
    &verb_redecode,   &verb_simulate,     &verb_sink,     &verb_derive,  &verb_query,
    &verb_reconcile,  &verb_verify,       &verb_maintain, &verb_backup,  &verb_restore,
    &verb_feed,       &verb_topic,        &verb_group,    &verb_table,   &verb_schema,
    &verb_quarantine, &verb_gaps,         &verb_status,   &verb_doctor,  &verb_coverage,
    &verb_symbol,     &verb_check,        &verb_trace,    &verb_halt,    &verb_config,
    &verb_completion, &verb_help_command, &verb_version,  NULL,
};

static const struct verb_option options[] = {
    {"version", NULL, NULL, "the same as k2 version", NULL, 0}, {0}};
static const char *const examples[] = {"k2", "k2 ingest --help", NULL};

const struct verb verb_root = {
    .name = "k2",
    .summary = "market data: feeds to a durable journal, to Iceberg tables, to SQL",
    .usage = "[COMMAND]",
    .about = "Alone it prints the state of the data directory and what to do next.",
    .options = options,
    .examples = examples,
    .data_exit = "the data is not as it should be (each command's --help says when)",
    .subs = subs,
    .run = verb_state,
};
