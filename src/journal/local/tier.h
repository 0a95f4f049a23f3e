/* journal/local/tier.h - segments whose bytes are in an object store: notes, cache, opening.
 * Internal to the room. Thread-safety: any thread; what they share is on the disk.
 */
#ifndef K2_JOURNAL_LOCAL_TIER_H
#define K2_JOURNAL_LOCAL_TIER_H

#include "base/sha256.h"
#include "base/store.h"
#include "journal/local/local.h"

#define TIER_PREFIX 40 /* "<incarnation>-<16 hex digits>" */
#define TIER_OBJECT (TIER_PREFIX + 32)

/* --- tier_note.c --- */

struct tier_note {
    int64_t number, bytes;
    char sha256[K2_SHA256_HEX];
    char object[TIER_OBJECT]; /* its key */
    char url[K2_STORE_URL_MAX];
};

/* What our objects are called: of this directory and of no copy of it. */
void journal_tier_prefix(const char *dir, int32_t incarnation, char out[TIER_PREFIX]);
void journal_tier_object(const char *prefix, int64_t number, char out[TIER_OBJECT]);
/* K2_E_NOTFOUND: the segment was never tiered. */
K2_RC journal_tier_note_load(const char *dir, int32_t incarnation, int64_t number,
                             struct tier_note *out, struct k2_err *err);
K2_RC journal_tier_note_save(const char *dir, int32_t incarnation, const struct tier_note *note,
                             struct k2_err *err);
/* The same from and to memory. */
void journal_tier_note_format(const struct tier_note *n, int32_t incarnation, struct k2_buf *out);
K2_RC journal_tier_note_parse(struct k2_sv text, int32_t incarnation, int64_t number,
                              struct tier_note *out, struct k2_err *err);

/* --- tier_cache.c --- */

char *journal_tier_cache_path(const char *dir, int64_t number, const char *suffix);
/* Whether the segment's bytes are in the store only. */
bool journal_tier_holds(const char *dir, int64_t number);
/* A segment that can be read, wherever its bytes are; *path names the file. K2_E_NOTFOUND: retention has removed it;
 * K2_E_IO, retriable: the store is away. */
K2_RC journal_tier_open(const char *dir, int32_t incarnation, int64_t number, int *fd, char **path,
                        struct k2_err *err);
/* The same, and a cached copy is compared with its note whoever did so before: for who keeps the bytes. */
K2_RC journal_tier_open_checked(const char *dir, int32_t incarnation, int64_t number, int *fd,
                                char **path, struct k2_err *err);
/* SHA-256 of an open file's first bytes; K2_E_CORRUPT: it has fewer. */
K2_RC journal_tier_sum_file(int fd, const char *path, int64_t bytes, char out[K2_SHA256_HEX],
                            struct k2_err *err);
/* SHA-256 of an object's first bytes. */
K2_RC journal_tier_sum(struct k2_store *store, const char *object, int64_t bytes,
                       char out[K2_SHA256_HEX], struct k2_err *err);

/* --- tier_stores.c --- */

/* Opens what journal.tier_url names, and remembers it; a place that never was a store of this directory is made one. */
K2_RC journal_tier_store(const char *dir, int32_t incarnation, const char *url,
                         struct k2_store **out, struct k2_err *err);
/* K2_E_INVALID: the store would be in the data directory. */
K2_RC journal_tier_outside(const char *dir, const char *url, struct k2_err *err);

/* --- tier.c --- */

K2_RC local_tier(struct journal *journal, const struct journal_tier_options *o,
                 struct journal_tier_report *out, struct k2_err *err);
K2_RC local_places(struct journal *journal, struct journal_places *out, struct k2_err *err);

#endif
