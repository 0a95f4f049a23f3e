/* journal/local/cipher.h - encrypting frames and indexes, each under a data key that stands beside it (cipher.c).
 * Internal to the room. Thread-safety: one thread each.
 */
#ifndef K2_JOURNAL_CIPHER_H
#define K2_JOURNAL_CIPHER_H

#include "journal/local/keys.h"

#define CIPHER_ENVELOPE 76 /* in front of the ciphertext */
#define CIPHER_MORE (CIPHER_ENVELOPE + K2_GCM_TAG)

struct journal_cipher;
struct journal_cipher *journal_cipher_new(int32_t incarnation);
void journal_cipher_free(struct journal_cipher *c); /* NULL is fine */

/* bytes[0..at) is a header, which stays readable and is bound to what follows, but for its first 8 bytes. Writes the
 * envelope, the ciphertext of `text` and the tag behind it: CIPHER_MORE + text.n bytes. What is sealed for the same
 * segment one after the other shares a data key; never a nonce. */
K2_RC journal_cipher_seal(struct journal_cipher *c, uint64_t key, int64_t segment, uint8_t *bytes,
                          size_t at, struct k2_sv text, struct k2_err *err);
/* The reverse: bytes[0..n) into n - at - CIPHER_MORE bytes. A key that was not given is K2_E_FAILED and named; K2_E_CORRUPT
 * and zeros if a bit differs from what was sealed for this place. */
K2_RC journal_cipher_open(struct journal_cipher *c, int64_t segment, const uint8_t *bytes,
                          size_t at, size_t n, uint8_t *text, struct k2_err *err);
/* The id of the master key that an envelope names. */
uint64_t journal_cipher_key(const uint8_t envelope[8]);

#endif
