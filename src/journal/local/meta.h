/* journal/local/meta.h - what a journal knows of itself besides its records (format: meta.c).
 * Internal to the room. Thread-safety: none.
 */
#ifndef K2_JOURNAL_META_H
#define K2_JOURNAL_META_H

#include "base/buf.h"
#include "base/err.h"

struct meta_topic {
    char *name;
    int32_t partitions;
    int64_t *starts; /* oldest kept offset of each partition */
    int64_t *cut;    /* ends of the version before this one (journal/version.h); NULL = none */
    int cut_n;
};

struct meta {
    int32_t incarnation;
    int64_t first; /* number of the oldest kept segment */
    bool keyed;    /* encrypted since some time, or once: version 2 */
    uint64_t key;  /* id of the key that the last writer had; 0: none */
    struct meta_topic *topics;
    int topic_count;
};

void journal_meta_fini(struct meta *m);
struct meta_topic *journal_meta_add(struct meta *m, struct k2_sv name, int32_t partitions);

/* Gives *m, to be finished; empty on failure. */
K2_RC journal_meta_parse(struct k2_sv text, struct meta *m, struct k2_err *err);
void journal_meta_format(const struct meta *m, struct k2_buf *out);
K2_RC journal_meta_load(const char *path, struct meta *m, struct k2_err *err);
K2_RC journal_meta_save(const char *path, const struct meta *m, struct k2_err *err);

/* The two lines that frame our text files: "<word> <version>" first, "crc <8 hex digits>" last, the
 * crc32c of all before that line. Takes both off *text. */
K2_RC journal_text_open(struct k2_sv *text, const char *word, int64_t version, struct k2_err *err);
void journal_text_close(struct k2_buf *out);

#endif
