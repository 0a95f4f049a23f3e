/* lake/ocf.h - Avro object container files, as Iceberg uses them for manifests.
 *
 * Our own framing instead of libavro's: libavro drops field ids and file metadata when it writes
 * (lake.md §4), and reading by the writer's schema is a page of code.
 * Thread-safety: none; a reader belongs to one thread. Input bytes are never trusted.
 */
#ifndef K2_LAKE_OCF_H
#define K2_LAKE_OCF_H

#include "base/buf.h"
#include "base/err.h"

/* --- writing --- */

struct lake_ocf_pair {
    const char *key;
    struct k2_sv value;
};

/* Appends a whole file: header with the schema and the pairs, then `records` (count of them,
 * encoded) as one deflate block. */
K2_RC lake_ocf_write(const char *schema, const struct lake_ocf_pair *pairs, int n,
                     struct k2_sv records, int64_t count, struct k2_buf *out, struct k2_err *err);

/* --- reading --- */

/* What a reader wants: the leaf at a dotted path ("data_file.lower_bounds.key") by a number of its
 * own. Arrays, maps and unions add nothing to the path, but an Avro map's keys are at ".key" and
 * its values at ".value", as in Iceberg's arrays of key-value records. A wanted record is announced
 * by its own number before its fields. 0 = not wanted. */
struct lake_ocf_visitor {
    void *ctx;
    int (*tag)(void *ctx, const char *path);
    /* A wanted leaf that is not null. Booleans, ints, longs and enum indices come in `number`;
     * strings, bytes, fixed, float and double (raw) in `bytes`, borrowed. False: the value is not
     * acceptable. */
    bool (*leaf)(void *ctx, int tag, int64_t number, struct k2_sv bytes);
    /* After each record. */
    K2_RC (*record)(void *ctx, struct k2_err *err);
    /* For who changes files, else NULL: a wanted leaf that is not null as it is encoded, after
     * `leaf`; all bytes of a record, before `record`. Borrowed. */
    bool (*encoded)(void *ctx, int tag, struct k2_sv bytes);
    void (*whole)(void *ctx, struct k2_sv record);
};

struct lake_ocf_schema; /* compiled */

/* A reader keeps the schema it compiled last: files that one writer wrote share it. */
struct lake_ocf_reader {
    struct k2_buf text; /* of the compiled schema */
    struct lake_ocf_schema *schema;
    struct k2_buf block;
};

void lake_ocf_reader_free(struct lake_ocf_reader *r);
/* Walks all records of a file. Damage is K2_E_CORRUPT, an unknown codec K2_E_UNSUPPORTED. */
K2_RC lake_ocf_read(struct lake_ocf_reader *r, struct k2_sv file, const struct lake_ocf_visitor *v,
                    struct k2_err *err);

/* --- changing --- */

struct lake_ocf_editor {
    void *ctx;
    int (*tag)(void *ctx, const char *path); /* as in struct lake_ocf_visitor */
    /* Gets a wanted leaf that is not null, as it is encoded, and appends what stands in its place. */
    K2_RC (*edit)(void *ctx, int tag, struct k2_sv encoded, struct k2_buf *out, struct k2_err *err);
};

/* Appends the file with other values in some leaves. Schema, metadata pairs and every other byte of
 * the records stay as their writer put them, whoever that was. */
K2_RC lake_ocf_edit(struct k2_sv file, const struct lake_ocf_editor *e, struct k2_buf *out,
                    struct k2_err *err);

/* --- shared by ocf.c and ocf_walk.c --- */

K2_RC lake_ocf_compile(struct k2_sv text, const struct lake_ocf_visitor *v,
                       struct lake_ocf_schema **out, struct k2_err *err);
void lake_ocf_schema_free(struct lake_ocf_schema *s);
/* Takes one record off *in. */
K2_RC lake_ocf_walk(const struct lake_ocf_schema *s, const struct lake_ocf_visitor *v,
                    struct k2_sv *in, struct k2_err *err);

#endif
