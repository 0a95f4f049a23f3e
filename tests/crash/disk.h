/* tests/crash/disk.h - a disk that can lose power.
 *
 * disk_mount puts itself under base/fs.h. Every change is made to the real files at once, so that
 * reads and mmap see it, but nothing is really synced: the disk keeps what a power cut may leave
 * behind.
 *  - Content of a file is durable up to its last sync; what was written or cut since is pending.
 *  - A name (create, rename, unlink, mkdir) is durable after sync_dir of its directory; until then
 * it is pending. Of the pending names of one directory a prefix survives, as journaling file
 * systems have it, or any part, as POSIX allows.
 *  - disk_cut undoes what is pending: all of it (seed 0) or, by seed, all but a random part: whole
 *    writes, or single sectors of 512 bytes, with or without the file's new length.
 * Files below the root that existed before are durable as they are when first touched. Bytes that
 * do not pass through base/fs.h (a shared mapping, SQLite) are not known to it: of a file that it
 * knows, a cut leaves what it knows; other files stay.
 *
 * One disk at a time. Thread-safety: all functions. A test closes what it opened before disk_cut.
 */
#ifndef K2_TESTS_DISK_H
#define K2_TESTS_DISK_H

#include <stdint.h>

enum disk_op {
    DISK_OPEN, /* only of those that may create or cut a file */
    DISK_WRITE,
    DISK_TRUNCATE,
    DISK_SYNC,
    DISK_RENAME,
    DISK_UNLINK,
    DISK_MKDIR,
    DISK_SYNC_DIR,
    DISK_OPS
};

struct disk;

struct disk *disk_mount(const char *root); /* an existing directory */
void disk_unmount(struct disk *d);         /* the files stay as they are */

/* The power goes: the directory becomes what the disk would hold. Faults are forgotten. */
void disk_cut(struct disk *d, uint64_t seed);

/* Operations that change anything, counted since disk_mount or disk_calm; of one kind or (DISK_OPS)
 * of all. */
int64_t disk_count(struct disk *d, enum disk_op op);
/* From the n-th operation on (1 = the next) nothing changes any more; every call fails with EIO. */
void disk_power_off_at(struct disk *d, int64_t n);
/* The n-th operation (0: each) of this kind on a path that matches (fnmatch, '*' also matches '/')
 * fails with `error`. */
void disk_fail(struct disk *d, enum disk_op op, const char *pattern, int64_t n, int error);
/* The same, but it succeeds and does nothing: for DISK_SYNC and DISK_SYNC_DIR, to prove that a test
 * notices a sync that is missing. */
void disk_ignore(struct disk *d, enum disk_op op, const char *pattern, int64_t n);
/* Room for so many bytes more; then short writes and ENOSPC. Negative: no limit. */
void disk_room(struct disk *d, int64_t bytes);
/* Forgets what disk_fail and disk_ignore asked for. */
void disk_heal(struct disk *d);
/* Forgets all faults and counts from 0. */
void disk_calm(struct disk *d);

#endif
