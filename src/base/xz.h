/* base/xz.h - files of the .xz format read as a stream.
 *
 * Input bytes are never trusted: what is damaged or cut is K2_E_CORRUPT with its position.
 * Thread-safety: one unpacker, one thread.
 */
#ifndef K2_BASE_XZ_H
#define K2_BASE_XZ_H

#include "base/buf.h"
#include "base/err.h"

/* Any number of xz streams one behind the other, each checked by what it brings (CRC, SHA-256), with padding of
 * zeros between them; as struct k2_gunzip (base/zip.h). One that wants more than 256 MiB of memory is refused. */
struct k2_unxz;
struct k2_unxz *k2_unxz_new(void);
void k2_unxz_free(struct k2_unxz *u); /* NULL is fine */
K2_RC k2_unxz_some(struct k2_unxz *u, struct k2_sv *in, uint8_t *out, size_t cap, size_t *produced,
                   struct k2_err *err);
K2_RC k2_unxz_end(const struct k2_unxz *u, struct k2_err *err);

#endif
