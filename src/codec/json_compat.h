/* codec/json_compat.h - shared by the parts that compare JSON Schemas (inside the codec room).
 *
 * `writer` is the original and `reader` its update: every value that the writer's schema allows must be one
 * that the reader's allows, as far as the keywords tell.
 */
#ifndef K2_CODEC_JSON_COMPAT_H
#define K2_CODEC_JSON_COMPAT_H

#include "codec/json_schema.h"

struct json_compare {
    struct compat_run *run;
    struct k2_err *err;
    int rc;
    struct json_schema *reader, *writer;
    struct schema_pairs verdicts;
    struct schema_path path;
    int quiet, depth;
    size_t steps;
    bool assumed;   /* a pair was met inside itself and taken to be compatible */
    size_t learned; /* pairs found incompatible so far */
};

/* Both sides of one place. */
struct json_pair {
    const struct json_node *r, *w;
};

/* Each gives false, and tells its findings, where the reader does not take all that the writer allows. */
bool json_can_read(struct json_compare *c, struct json_node *r, struct json_node *w);
bool json_objects_can_read(struct json_compare *c, struct json_pair p);
bool json_arrays_can_read(struct json_compare *c, struct json_pair p);
bool json_combined_can_read(struct json_compare *c, struct json_pair p);

/* Tells one finding at the path, or one step below it; gives false. */
bool json_tell(struct json_compare *c, const char *type);
bool json_tell_at(struct json_compare *c, const char *step, const char *type);

/* The schemas of a keyword on either side; NULL where there is none. */
struct json_node *json_reader_node(struct json_compare *c, const struct json_node *r,
                                   const struct k2_json *json);
struct json_node *json_writer_node(struct json_compare *c, const struct json_node *w,
                                   const struct k2_json *json);
/* Whether it can, found out without telling. */
bool json_would_read(struct json_compare *c, struct json_node *r, struct json_node *w);

/* Less than, equal to, greater than 0: two numbers; integers exactly. */
int json_number_order(const struct k2_json *a, const struct k2_json *b);
static inline bool json_is_number(const struct k2_json *v) {
    return k2_json_type(v) == K2_JSON_INT || k2_json_type(v) == K2_JSON_REAL;
}

/* A limit such as "maxLength": findings ADDED, and MORE or LESS where that is what breaks. */
struct json_limit {
    const char *word;
    const char *added;
    const char *tighter;
    bool upper; /* a smaller value is the tighter one */
};
bool json_limits_can_read(struct json_compare *c, struct json_pair p,
                          const struct json_limit *limits, size_t n);

#endif
