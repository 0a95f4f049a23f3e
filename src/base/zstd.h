/* base/zstd.h - zstd (RFC 8878): frames from one reused compression context, and files of frames read as a stream.
 *
 * Input bytes are never trusted: what is damaged or cut is K2_E_CORRUPT with its position.
 * Thread-safety: one packer or unpacker, one thread.
 */
#ifndef K2_BASE_ZSTD_H
#define K2_BASE_ZSTD_H

#include "base/buf.h"
#include "base/err.h"

struct zstd_packer;

/* level 1..19. Gives heap memory; running out of it ends the process, as in base/buf.h. */
struct zstd_packer *zstd_packer_new(int level);
void zstd_packer_free(struct zstd_packer *p); /* NULL is fine */
/* Appends one frame that holds n bytes and their checksum, so that every reader notices damage. */
K2_RC zstd_pack(struct zstd_packer *p, const void *bytes, size_t n, struct k2_buf *out,
                struct k2_err *err);

/* A file of frames, unpacked piece by piece; as struct k2_gunzip (base/zip.h). A frame that wants a window of more
 * than 128 MiB is refused. */
struct k2_unzstd;
struct k2_unzstd *k2_unzstd_new(void);
void k2_unzstd_free(struct k2_unzstd *u); /* NULL is fine */
K2_RC k2_unzstd_some(struct k2_unzstd *u, struct k2_sv *in, uint8_t *out, size_t cap,
                     size_t *produced, struct k2_err *err);
K2_RC k2_unzstd_end(const struct k2_unzstd *u, struct k2_err *err);

#endif
