/* journal/local/keys.h - the master keys under which segments are encrypted (docs/encryption.md). Internal to the room.
 *
 * A key is known by its id: the first 8 bytes of the SHA-256 of its 32 bytes, shown as 16 hexadecimal digits. 0 is no key.
 * Thread-safety: journal_use_keys only before any other call; the others from any thread.
 */
#ifndef K2_JOURNAL_KEYS_H
#define K2_JOURNAL_KEYS_H

#include "base/gcm.h"

#define JOURNAL_KEY_TEXT 17 /* 16 hexadecimal digits and NUL */

uint64_t journal_key_current(void); /* under which is written; 0: in the clear */
/* Whether somebody said in words that new segments are to be in the clear. */
bool journal_key_off(void);
/* NULL: nobody gave it. */
const uint8_t *journal_key_find(uint64_t id);
/* The failure of who needs a key that nobody gave. */
K2_RC journal_key_missing(uint64_t id, struct k2_err *err);
void journal_key_text(uint64_t id, char out[JOURNAL_KEY_TEXT]);
bool journal_key_parse(struct k2_sv text, uint64_t *id);

#endif
