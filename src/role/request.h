/* role/request.h - what goes over a line (line.h): requests to a running `k2 up`, and its answers, as JSON.
 *
 *     {"do":"ingest","path":"/a/b.csv","format":"asx-csv","exchange":"ASX",...}   + a descriptor for a pipe
 *     {"do":"simulate","symbols":20,"rate":"1000",...}
 *     {"do":"retain","older_than_ns":1,"dry_run":false}
 *     {"do":"status"}
 *     {"do":"resume","role":"sink"}
 * are answered by any number of {"progress":{...}} and then one {"done":{...}} or
 * {"error":"text","status":-9,"done":{...}}: what was done before it failed.
 * Both ends are this file, so that they cannot disagree. Numbers that are not whole travel as text.
 * Thread-safety: all functions are pure.
 */
#ifndef K2_ROLE_REQUEST_H
#define K2_ROLE_REQUEST_H

#include "base/json.h"
#include "feed/feed.h"
#include "role/feeder.h"

struct request_ingest { /* strings are borrowed; NULL = not given */
    const char *path, *source, *format, *exchange, *symbol, *calendar, *symbols;
    int32_t date; /* INT32_MIN = not given */
    bool keep_counting;
};

struct k2_json *request_ingest_json(const struct request_ingest *r);
/* Borrows from v. */
K2_RC request_ingest_read(const struct k2_json *v, struct request_ingest *out, struct k2_err *err);

struct k2_json *request_sim_json(const struct sim_options *o);
K2_RC request_sim_read(const struct k2_json *v, struct sim_options *out, struct k2_err *err);

struct k2_json *request_report_json(const struct job_report *r);
void request_report_read(const struct k2_json *v, struct job_report *out);

struct k2_json *request_error_json(const struct k2_err *why);
/* K2_OK when v has no "error". */
K2_RC request_error_read(const struct k2_json *v, struct k2_err *err);

#endif
