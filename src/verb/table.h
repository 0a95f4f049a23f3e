/* verb/table.h - what the verbs about tables share. */
#ifndef K2_VERB_TABLE_H
#define K2_VERB_TABLE_H

#include "verb/verb.h"

/* Of k2 table, in upkeep.c and compact.c. */
extern const struct verb verb_table_expire, verb_table_orphans, verb_table_compact;

K2_RC table_lake_open(const struct verb_context *c, struct lake **out, struct k2_err *err);
/* K2_E_NOTFOUND, with the nearest name. */
int table_unknown(struct lake *l, const char *word, struct k2_err *err);
const char *table_bare_name(const char *word); /* the word without the namespace in front */

/* What k2 maintain does of it: all tables, in sentences on stdout. No tables: nothing. */
K2_RC table_upkeep(const struct verb_context *c, bool dry_run, struct k2_err *err);

#endif
