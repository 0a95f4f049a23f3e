/* base/unpack.h - what a file is packed with, told by its first bytes, and its bytes unpacked as a stream.
 *
 * Input bytes are never trusted: what is damaged or cut is K2_E_CORRUPT with its position.
 * Thread-safety: pure functions; a struct k2_unpack belongs to one thread at a time.
 */
#ifndef K2_BASE_UNPACK_H
#define K2_BASE_UNPACK_H

#include "base/buf.h"
#include "base/err.h"

enum k2_packing {
    K2_PACKING_UNTOLD, /* the bytes may begin one, more are needed */
    K2_PACKING_NONE,
    K2_PACKING_GZIP,
    K2_PACKING_ZSTD,
    K2_PACKING_XZ,
    K2_PACKING_ZIP /* an archive of files: base/archive.h */
};

/* By the magic bytes, else by the name's end: a file called .gz is gzip even if its start is damaged, since its
 * bytes would make no sense unpacked. `whole`: there is nothing behind head, so it is told. */
enum k2_packing k2_packing_of(struct k2_sv head, struct k2_sv name, bool whole);
/* "gzip"; "plain" of none. */
const char *k2_packing_name(enum k2_packing p);
/* The file name without the end that its packing has: "a.csv.zst" is "a.csv". */
struct k2_sv k2_packing_stem(struct k2_sv name);

/* Of gzip, zstd or xz. */
struct k2_unpack;
struct k2_unpack *k2_unpack_new(enum k2_packing p);
void k2_unpack_free(struct k2_unpack *u); /* NULL is fine */
/* Unpacks from the front of *in into out[0..cap) and takes what it read off *in. Returns when *in is used up or out
 * is full; on failure *produced bytes before the damage are still good. */
K2_RC k2_unpack_some(struct k2_unpack *u, struct k2_sv *in, uint8_t *out, size_t cap,
                     size_t *produced, struct k2_err *err);
/* Nothing more comes: K2_E_CORRUPT if that is in the middle of what was packed, or if there was nothing. */
K2_RC k2_unpack_end(const struct k2_unpack *u, struct k2_err *err);

#endif
