/* role/executions.h - executions that are acknowledged only when the journal
 * and the table both hold them.
 *
 * Rows come in groups. A group is decoded and appended, the journal is
 * committed, the table `executions` is brought up to the journal's end, and
 * only then every row is answered, in the order of the rows:
 *
 *     {"execution_id":"E1","message_id":"...","journal":{"topic":"...","partition":0,"offset":7},"snapshot_id":17}
 *     {"execution_id":"E1",...,"duplicate":true}                     the same
 * was there before
 *     {"execution_id":"E1","line":4,"error":"CONFLICT","detail":"..."}
 *
 * While k2 up runs, its thread for the journal appends, and the group goes to
 * it over a line (line.h):
 *     {"do":"executions","text":"...","source":"/a/b.csv","position":"0","offset":"0","exchange":"XNAS"}
 * is answered by {"done":[...]}.
 */
#ifndef K2_ROLE_EXECUTIONS_H
#define K2_ROLE_EXECUTIONS_H

#include "base/json.h"
#include "role/feeder.h"

struct role_executions { /* a group; strings are borrowed, NULL = not given */
    struct k2_sv text;   /* whole lines; of a CSV its header comes first */
    const char *source, *exchange, *calendar;
    int64_t position, offset; /* lines and bytes of the source before the text */
};

struct k2_json *executions_request(const struct role_executions *group);
/* Borrows from v. */
K2_RC executions_read(const struct k2_json *v, struct role_executions *out, struct k2_err *err);

/* Appends to the ingest; the answers, an array, are true once it is committed.
 */
K2_RC executions_append(struct ingest *g, const struct role_executions *group,
                        struct k2_json *answers, struct k2_err *err);
/* Brings the table up to the journal and says in each answer which snapshot
 * holds it. j: NULL = it is opened for the moment. */
K2_RC executions_into_table(const char *data, struct journal *j, struct k2_json *answers,
                            struct k2_err *err);
/* All of it, of a running k2 up; any thread. */
K2_RC executions_run(struct feeder *f, const char *data, const struct role_executions *group,
                     struct k2_json *answers, struct k2_err *err);

#endif
