/* lake/zstd.h - zstd frames from one reused compression context.
 *
 * Thread-safety: one packer, one thread.
 */
#ifndef K2_LAKE_ZSTD_H
#define K2_LAKE_ZSTD_H

#include "base/buf.h"
#include "base/err.h"

struct zstd_packer;

/* level 1..19. Gives heap memory; running out of it ends the process, as in base/buf.h. */
struct zstd_packer *zstd_packer_new(int level);
void zstd_packer_free(struct zstd_packer *p); /* NULL is fine */
/* Appends one frame that holds n bytes and their checksum, so that every reader notices damage. */
K2_RC zstd_pack(struct zstd_packer *p, const void *bytes, size_t n, struct k2_buf *out,
                struct k2_err *err);

#endif
