/* codec/compat_int.h - shared inside the compatibility engine: limits, paths, findings. */
#ifndef K2_CODEC_COMPAT_INT_H
#define K2_CODEC_COMPAT_INT_H

#include "base/json.h"
#include "codec/compat.h"

enum {
    SCHEMA_MAX_BYTES = 1 << 20,
    SCHEMA_MAX_DEPTH = 256,     /* of declarations inside each other */
    SCHEMA_MAX_TRAIL = 1000,    /* of comparisons inside each other: types may lead in circles */
    SCHEMA_MAX_NAMES = 4096,    /* records, enums, fixed types or messages in one schema */
    SCHEMA_MAX_STEPS = 5000000, /* pairs looked at in one comparison */
    SCHEMA_MAX_FINDINGS = 1000  /* what is wrong more often is told no more */
};

/* Blocks that live and end together. */
struct schema_arena {
    void **blocks;
    size_t n, cap;
};
void *schema_arena_take(struct schema_arena *a, size_t bytes); /* zeroed */
char *schema_arena_text(struct schema_arena *a, struct k2_sv s);
void schema_arena_free(struct schema_arena *a);

/* The way to a place in a schema: steps are put at the end and cut off again. */
struct schema_path {
    struct k2_buf text;
};
size_t schema_path_enter(struct schema_path *p, struct k2_sv step); /* gives what leave needs */
size_t schema_path_enter_index(struct schema_path *p, size_t index);
void schema_path_leave(struct schema_path *p, size_t was);

/* One comparison of a reader with a writer, and where its findings go. */
struct compat_run {
    struct k2_compat_findings *out;
    size_t earlier;
    bool backward; /* the reader is the new schema */
};
static inline const char *compat_reader(const struct compat_run *r) {
    return r->backward ? "new" : "old";
}
static inline const char *compat_writer(const struct compat_run *r) {
    return r->backward ? "old" : "new";
}
/* Adds a finding; takes nothing, copies all. */
void compat_add(struct compat_run *r, const char *type, struct k2_sv path, struct k2_sv place,
                struct k2_sv info, struct k2_sv message);
/* Appends the words with "%r" and "%w" as the reader's and writer's age, and "%p" as the path. */
void compat_words(const struct compat_run *r, const char *words, struct k2_sv path,
                  struct k2_buf *out);

/* JSON text without blanks; a real number has as few digits as give it back. */
void schema_json_put(const struct k2_json *v, bool sorted, struct k2_buf *out);
void schema_json_put_string(struct k2_sv s, struct k2_buf *out);

/* The engines: K2_OK and findings, or why one of the schemas is none. */
K2_RC avro_compat_check(const struct k2_schema_text *reader, const struct k2_schema_text *writer,
                        struct compat_run *run, struct k2_err *err);
K2_RC avro_schema_form(const struct k2_schema_text *s, enum k2_schema_form form, struct k2_buf *out,
                       struct k2_err *err);
K2_RC json_compat_check(const struct k2_schema_text *reader, const struct k2_schema_text *writer,
                        struct compat_run *run, struct k2_err *err);
K2_RC json_schema_form(const struct k2_schema_text *s, enum k2_schema_form form, struct k2_buf *out,
                       struct k2_err *err);
K2_RC protobuf_compat_check(const struct k2_schema_text *reader,
                            const struct k2_schema_text *writer, struct compat_run *run,
                            struct k2_err *err);
K2_RC protobuf_schema_form(const struct k2_schema_text *s, enum k2_schema_form form,
                           struct k2_buf *out, struct k2_err *err);

#endif
