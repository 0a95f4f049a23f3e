/* lake/backup.h - cuts of a live data directory, kept in a directory of their own.
 *
 * A cut is the whole data directory as of one moment, though ingest, sink and retention go on:
 * catalog and metadata with every file they name, and the journal up to a durable end that is at or
 * behind what the tables hold. Nothing of the data directory is changed, and no writer waits.
 *
 * DEST holds each piece of content once, named by its checksum (backup_store.c), and one description
 * per cut (backup_cut.c), written last: a backup that was killed leaves no cut. What an earlier cut
 * has of a file that cannot have changed is neither read nor copied again; what it has of a segment that
 * may have changed is read there, and copied again from where it did.
 * Included by lake.h, the room's face. Thread-safety: one thread; one process writes to a DEST at a
 * time (a lock in it), any number read.
 */
#ifndef K2_LAKE_BACKUP_H
#define K2_LAKE_BACKUP_H

#include "base/err.h"
#include "base/hash.h"

#include <stdint.h>

#define BACKUP_ID_TEXT 24 /* "20261121T070107.123Z", NUL included */

struct backup_part { /* a piece of a file */
    struct k2_h128 sum;
    int64_t bytes;
};

struct backup_file {
    char *path;    /* below the data directory */
    int64_t bytes; /* of all parts */
    /* The first `bytes` bytes of the file of this name in this journal's directory never change. */
    bool fixed;
    int part_count;
    struct backup_part *parts; /* in order; owned */
};

struct backup_table {
    char *name;       /* "trades" */
    int64_t snapshot; /* 0 = none */
    char *offsets;    /* JSON text of the vector (lake_offsets_format) */
};

struct backup_cut {
    char id[BACKUP_ID_TEXT];
    int64_t time_ns;
    int32_t journal_id;  /* 0 = there was no journal */
    int64_t journal_end; /* log position */
    int64_t bytes_total, bytes_new;
    int file_count, table_count;
    struct backup_file *files;
    struct backup_table *tables;
};

struct backup_options {
    bool dry_run; /* bytes_new is then at most that much; nothing is written */
    void (*progress)(void *ctx, int64_t done, int64_t all);
    void *progress_ctx;
};

/* Takes a cut of the data directory into DEST, which is made on first use. Gives the cut, to be
 * freed. A source file that has not the size its metadata says is K2_E_CORRUPT, and so is damage in
 * what is copied of a segment. */
K2_RC backup_take(const char *data, const char *dest, const struct backup_options *o,
                  struct backup_cut *out, struct k2_err *err);
/* The ids of the cuts, oldest first; for k2_fs_names_free. DEST must be a backup. */
K2_RC backup_cuts(const char *dest, char ***ids, size_t *n, struct k2_err *err);
K2_RC backup_cut_load(const char *dest, const char *id, struct backup_cut *out, struct k2_err *err);
void backup_cut_free(struct backup_cut *cut);

struct backup_findings {
    void (*finding)(void *ctx, const char *text);
    void (*progress)(void *ctx, int64_t done, int64_t all);
    void *ctx;
    int64_t findings, parts; /* counted */
    int64_t
        objects; /* of the findings: pieces in objects/, each told with all the cuts that need it */
};

/* Reads every piece of the cuts (id NULL = of all) once and compares its checksum. The findings are told at the
 * end. */
K2_RC backup_verify(const char *dest, const char *id, struct backup_findings *f,
                    struct k2_err *err);

/* Fills `data`, a directory that is empty or not there, with the cut, checks every checksum on the
 * way, and makes its tables be at home there. Until it has ended nobody can open the directory. */
K2_RC backup_restore(const char *dest, const char *id, const char *data,
                     const struct backup_options *o, struct k2_err *err);

#endif
