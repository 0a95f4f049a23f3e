/* base/zip.h - zlib's formats behind plain functions: raw deflate (RFC 1951) of whole buffers, as
 * Avro's "deflate" codec wants it, and gzip (RFC 1952) files read as a stream.
 *
 * Input bytes are never trusted: what is damaged or cut is K2_E_CORRUPT with its position.
 * Thread-safety: pure functions; a struct k2_gunzip belongs to one thread at a time.
 */
#ifndef K2_BASE_ZIP_H
#define K2_BASE_ZIP_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the raw deflate stream of `in` to out. level 0 (store) .. 9 (smallest), -1 = zlib's own.
 */
K2_RC k2_deflate_raw(struct k2_sv in, int level, struct k2_buf *out, struct k2_err *err);
/* Appends what `in`, one whole raw deflate stream, unpacks to. More than `limit` bytes is
 * K2_E_RANGE; bytes behind the stream's end are K2_E_CORRUPT. On failure out is as it was. */
K2_RC k2_inflate_raw(struct k2_sv in, size_t limit, struct k2_buf *out, struct k2_err *err);
/* The same for the stream at the front of *in, which is taken off it: what follows is the caller's. */
K2_RC k2_inflate_raw_front(struct k2_sv *in, size_t limit, struct k2_buf *out, struct k2_err *err);

/* A gzip file unpacked piece by piece: any number of members one behind the other, each checked by
 * its CRC and length; zeros behind the last one (tape padding) are skipped, anything else is an
 * error. */
struct k2_gunzip;
struct k2_gunzip *k2_gunzip_new(void);
void k2_gunzip_free(struct k2_gunzip *g);
void k2_gunzip_reset(
    struct k2_gunzip *g); /* as new: for the next one, whatever became of the last */
/* Unpacks from the front of *in into out[0..cap) and takes what it read off *in. Returns when *in
 * is used up or out is full; on failure *produced bytes before the damage are still good. */
K2_RC k2_gunzip_some(struct k2_gunzip *g, struct k2_sv *in, uint8_t *out, size_t cap,
                     size_t *produced, struct k2_err *err);
/* Nothing more comes: K2_E_CORRUPT if that is in the middle of a member, or if there was none. */
K2_RC k2_gunzip_end(const struct k2_gunzip *g, struct k2_err *err);

bool k2_gzip_magic(struct k2_sv head); /* begins as a gzip file does */

#endif
