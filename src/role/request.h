/* role/request.h - what goes over a line (line.h): requests to a running `k2 up`, and its answers, as JSON.
 *
 *     {"do":"ingest","path":"/a/b.csv","format":"asx-csv","exchange":"ASX",...}   + a descriptor for a pipe
 *     {"do":"simulate","symbols":20,"rate":"1000",...}
 *     {"do":"mark","state":4,"exchange":"ASX","sequence":"17",...}
 *     {"do":"retain","older_than_ns":1,"dry_run":false}
 *     {"do":"retry","format":"asx-csv","raw":"68656c6c6f","position":"17",...}
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
    const char *mapping;      /* the text of the file */
    const char *counted_from; /* for counted_parse, or NULL */
    int32_t date;             /* INT32_MIN = not given */
    bool keep_counting, halt;
    /* Of a live source: lists (live_words.h) of its URLs, of what is said to it and of headers; path is the first URL. */
    const char *urls, *send, *headers, *ca_file;
    int64_t most_ns;        /* it ends after so long; 0 = never */
    double speed;           /* of a file: ingest_source_options.speed */
    const char *raw_source; /* of the raw topic of the exchange: ingest_source_options.raw_source */
    int64_t raw_from_ns, raw_to_ns;
};

struct k2_json *request_ingest_json(const struct request_ingest *r);
/* Borrows from v. */
K2_RC request_ingest_read(const struct k2_json *v, struct request_ingest *out, struct k2_err *err);

struct k2_json *request_sim_json(const struct sim_options *o);
K2_RC request_sim_read(const struct k2_json *v, struct sim_options *out, struct k2_err *err);

struct request_mark { /* a person's step in the life of a gap; strings are borrowed; NULL = none */
    enum seq_state state;
    const char *exchange, *channel, *kind; /* kind: as seq_step_word gives it */
    int32_t date, epoch;
    int64_t sequence;
    const char *actor, *note;
};

struct k2_json *request_mark_json(const struct request_mark *m);
/* Borrows from v. */
K2_RC request_mark_read(const struct k2_json *v, struct request_mark *out, struct k2_err *err);
/* The gap that is meant, borrowed. */
struct seq_step request_mark_step(const struct request_mark *m);

struct request_retry { /* struct ingest_retry, its decoder by name */
    const char *format;
    struct ingest_retry record;
    struct k2_buf raw, header; /* of request_retry_read: what the record borrows; to be freed */
};

struct k2_json *request_retry_json(const struct request_retry *r);
/* Borrows from v. */
K2_RC request_retry_read(const struct k2_json *v, struct request_retry *out, struct k2_err *err);

struct k2_json *request_report_json(const struct job_report *r);
void request_report_read(const struct k2_json *v, struct job_report *out);

struct k2_json *request_error_json(const struct k2_err *why);
/* K2_OK when v has no "error". */
K2_RC request_error_read(const struct k2_json *v, struct k2_err *err);

#endif
