/* lake/backup_int.h - what the files of the backup share. Internal to the room. */
#ifndef K2_LAKE_BACKUP_INT_H
#define K2_LAKE_BACKUP_INT_H

#include "base/fs.h"
#include "lake/lake_int.h"

/* --- backup_store.c: content by checksum --- */

struct backup_store {
    char *dest;
    bool dry_run;
    struct k2_lock *lock;
    bool touched[256]; /* directories of objects whose names may not be durable yet */
};

K2_RC backup_store_check(const char *dest, struct k2_err *err); /* DEST is a backup of ours */
/* For writing: makes DEST, takes its lock, removes what a killed backup left half. */
K2_RC backup_store_open(const char *dest, bool dry_run, struct backup_store *out,
                        struct k2_err *err);
void backup_store_close(struct backup_store *s);
/* Whether DEST has the part, by name and size. */
bool backup_store_has(const char *dest, const struct backup_part *p);
/* Keeps these bytes; *fresh: they were not there. */
K2_RC backup_store_put(struct backup_store *s, struct k2_sv bytes, struct backup_part *out,
                       bool *fresh, struct k2_err *err);
/* The same for the bytes [from, to) of a file. K2_E_NOTFOUND: there is no such file; K2_E_CORRUPT:
 * it is shorter. */
K2_RC backup_store_copy(struct backup_store *s, const char *path, int64_t from, int64_t to,
                        struct backup_part *out, bool *fresh, struct k2_err *err);
/* How many of the parts, from the first on, are the beginning of the file as it is now: their bytes are read there and
 * hashed. Errors as above. */
K2_RC backup_store_match(const char *path, const struct backup_part *parts, int n, int *same,
                         struct k2_err *err);
/* Makes the names of all that was put durable. */
K2_RC backup_store_sync(struct backup_store *s, struct k2_err *err);
/* Reads a part and gives it piece by piece; K2_E_CORRUPT when it is missing or not what it was. */
typedef int (*backup_piece_fn)(void *ctx, const void *bytes, size_t n, struct k2_err *err);
K2_RC backup_store_read(const char *dest, const struct backup_part *p, backup_piece_fn fn,
                        void *ctx, struct k2_err *err);

/* --- backup_cut.c: descriptions --- */

void backup_id_format(int64_t ns, char out[BACKUP_ID_TEXT]);
/* Takes nothing; the file is copied, parts too. */
void backup_cut_add(struct backup_cut *cut, const struct backup_file *f);
K2_RC backup_cut_save(const char *dest, const struct backup_cut *cut, struct k2_err *err);

#endif
