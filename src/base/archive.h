/* base/archive.h - the members of a zip archive, each read as a stream.
 *
 * An archive is not trusted: a damaged member is K2_E_CORRUPT, one that is encrypted or packed in a way that is
 * not known K2_E_INVALID. One that would unpack to more than BOMB_TIMES its size (and BOMB_FREE bytes) is taken for a
 * zip bomb: K2_E_RANGE, before anything is unpacked; so is an archive whose members together do.
 * Thread-safety: an archive and its members belong to one thread at a time.
 */
#ifndef K2_BASE_ARCHIVE_H
#define K2_BASE_ARCHIVE_H

#include "base/buf.h"
#include "base/err.h"

#define ARCHIVE_BOMB_TIMES 500
#define ARCHIVE_BOMB_FREE (INT64_C(64) << 20)

struct k2_archive;
K2_RC k2_archive_open(const char *path, struct k2_archive **out, struct k2_err *err);
void k2_archive_close(struct k2_archive *a); /* NULL is fine */

/* Members that are files and no directories, in the order of the archive. */
size_t k2_archive_count(const struct k2_archive *a);
struct k2_sv k2_archive_name(const struct k2_archive *a, size_t i); /* borrowed */
int64_t k2_archive_size(const struct k2_archive *a, size_t i);      /* unpacked */
/* K2_E_NOTFOUND: there is none of that name. */
K2_RC k2_archive_find(const struct k2_archive *a, struct k2_sv name, size_t *i, struct k2_err *err);

struct k2_member;
/* The archive must stay open. */
K2_RC k2_member_open(struct k2_archive *a, size_t i, struct k2_member **out, struct k2_err *err);
void k2_member_close(struct k2_member *m); /* NULL is fine */
/* The next bytes, at most cap; *n 0 = it ended, and its checksum is right. */
K2_RC k2_member_read(struct k2_member *m, uint8_t *out, size_t cap, size_t *n, struct k2_err *err);

#endif
