/* journal/local/cipher.c - see cipher.h.
 *
 * ENVELOPE. Behind the header of a frame or an index, in front of the ciphertext; docs/encryption.md says why.
 *    0   8  id of the master key, as it is shown (big-endian)
 *    8  12  nonce of the wrapping, random
 *   20  32  the data key, encrypted under the master key: AES-256-GCM
 *   52  16  tag of that. Bound to it: "K2 data key", incarnation (4 bytes), number of the segment (8 bytes)
 *   68   8  how many texts this data key had encrypted before this one
 *   76      the ciphertext, then its tag of 16 bytes. Its nonce: 4 zeros and the 8 bytes before. Bound to it: everything
 *           from byte 8 of the header to the end of the envelope. Bytes 0 to 7 are magic and checksum of the ciphertext
 *
 * WHY NO NONCE REPEATS. A data key is drawn by the process that writes, for one segment, and is known in the clear to that
 * process alone; it counts what it seals, and a count is used up even if the write fails. So bytes that were torn off and
 * written anew, by this process or the next one, are under another nonce or another key. A nonce that follows from the
 * place in the log would not do: the place is written a second time after a full disk or a power cut.
 */
#include "journal/local/cipher.h"

#include <stdlib.h>

#define ID 8
#define WRAPPED (K2_GCM_NONCE + K2_GCM_KEY + K2_GCM_TAG)
#define COUNT_AT (ID + WRAPPED)
#define BOUND_FROM 8 /* of the header: behind magic and checksum */

struct journal_cipher {
    struct k2_gcm *gcm;
    int32_t incarnation;
    /* The data key that gcm has, so that frames that share one are not unwrapped each. */
    bool has_key;
    int64_t segment;
    uint64_t master;
    uint8_t envelope[COUNT_AT];
    bool ours;      /* drawn here: only then may it seal */
    uint64_t count; /* of the texts sealed */
};

struct journal_cipher *journal_cipher_new(int32_t incarnation) {
    struct journal_cipher *c = k2_zalloc(sizeof *c);
    c->gcm = k2_gcm_new();
    c->incarnation = incarnation;
    return c;
}

void journal_cipher_free(struct journal_cipher *c) {
    if (c)
        k2_gcm_free(c->gcm);
    free(c);
}

uint64_t journal_cipher_key(const uint8_t envelope[8]) {
    uint64_t id = 0;
    for (int i = 0; i < ID; i++)
        id = id << 8 | envelope[i];
    return id;
}

/* --- the data key --- */

struct place { /* what a data key is bound to */
    char bytes[11 + 4 + 8];
};

static struct place place_of(const struct journal_cipher *c, int64_t segment) {
    struct place p;
    memcpy(p.bytes, "K2 data key", 11);
    k2_put_u32(p.bytes + 11, (uint32_t)c->incarnation);
    k2_put_u64(p.bytes + 15, (uint64_t)segment);
    return p;
}

static void take(struct journal_cipher *c, uint64_t master, int64_t segment, bool ours) {
    c->has_key = true;
    c->master = master;
    c->segment = segment;
    c->ours = ours;
    c->count = 0;
}

static void wrap(struct journal_cipher *c, const uint8_t *master, int64_t segment,
                 const uint8_t key[K2_GCM_KEY]) {
    struct place p = place_of(c, segment);
    uint8_t *nonce = c->envelope + ID;
    k2_gcm_key(c->gcm, master);
    k2_gcm_seal(c->gcm, nonce, (struct k2_sv){p.bytes, sizeof p.bytes},
                (struct k2_sv){(const char *)key, K2_GCM_KEY}, nonce + K2_GCM_NONCE);
}

static int draw(struct journal_cipher *c, uint64_t master, int64_t segment, struct k2_err *err) {
    const uint8_t *bytes = journal_key_find(master);
    uint8_t key[K2_GCM_KEY];
    if (!bytes)
        return journal_key_missing(master, err);
    c->has_key = false;
    K2_TRY(k2_random_bytes(key, sizeof key, err));
    K2_TRY(k2_random_bytes(c->envelope + ID, K2_GCM_NONCE, err));
    for (int i = 0; i < ID; i++)
        c->envelope[i] = (uint8_t)(master >> (56 - 8 * i));
    wrap(c, bytes, segment, key);
    k2_gcm_key(c->gcm, key);
    k2_wipe(key, sizeof key);
    take(c, master, segment, true);
    return K2_OK;
}

static int unwrap(struct journal_cipher *c, int64_t segment, const uint8_t *envelope,
                  struct k2_err *err) {
    uint64_t master = journal_cipher_key(envelope);
    const uint8_t *bytes = journal_key_find(master), *nonce = envelope + ID;
    struct place p = place_of(c, segment);
    uint8_t key[K2_GCM_KEY];
    if (!bytes)
        return journal_key_missing(master, err);
    c->has_key = false;
    k2_gcm_key(c->gcm, bytes);
    if (!k2_gcm_open(c->gcm, nonce, (struct k2_sv){p.bytes, sizeof p.bytes},
                     (struct k2_sv){(const char *)nonce + K2_GCM_NONCE, K2_GCM_KEY + K2_GCM_TAG},
                     key))
        return k2_fail(err, K2_E_CORRUPT, "its data key is not what was stored for this segment");
    k2_gcm_key(c->gcm, key);
    k2_wipe(key, sizeof key);
    memcpy(c->envelope, envelope, sizeof c->envelope);
    take(c, master, segment, false);
    return K2_OK;
}

/* --- texts --- */

static void nonce_of(uint64_t count, uint8_t nonce[K2_GCM_NONCE]) {
    memset(nonce, 0, K2_GCM_NONCE);
    k2_put_u64(nonce + 4, count);
}

static struct k2_sv bound(const uint8_t *bytes, size_t at) {
    return (struct k2_sv){(const char *)bytes + BOUND_FROM, at + CIPHER_ENVELOPE - BOUND_FROM};
}

int journal_cipher_seal(struct journal_cipher *c, uint64_t key, int64_t segment, uint8_t *bytes,
                        size_t at, struct k2_sv text, struct k2_err *err) {
    uint8_t nonce[K2_GCM_NONCE];
    if (!c->has_key || !c->ours || c->segment != segment || c->master != key)
        K2_TRY(draw(c, key, segment, err));
    memcpy(bytes + at, c->envelope, COUNT_AT);
    k2_put_u64(bytes + at + COUNT_AT, c->count);
    nonce_of(c->count++, nonce);
    k2_gcm_seal(c->gcm, nonce, bound(bytes, at), text, bytes + at + CIPHER_ENVELOPE);
    return K2_OK;
}

int journal_cipher_open(struct journal_cipher *c, int64_t segment, const uint8_t *bytes, size_t at,
                        size_t n, uint8_t *text, struct k2_err *err) {
    const uint8_t *envelope = bytes + at;
    uint8_t nonce[K2_GCM_NONCE];
    if (n < at + CIPHER_MORE)
        return k2_fail(err, K2_E_CORRUPT, "it is too short for something encrypted");
    if (!c->has_key || c->segment != segment ||
        memcmp(c->envelope, envelope, sizeof c->envelope) != 0)
        K2_TRY(unwrap(c, segment, envelope, err));
    nonce_of(k2_get_u64(envelope + COUNT_AT), nonce);
    struct k2_sv sealed = {(const char *)envelope + CIPHER_ENVELOPE, n - at - CIPHER_ENVELOPE};
    if (!k2_gcm_open(c->gcm, nonce, bound(bytes, at), sealed, text))
        return k2_fail(err, K2_E_CORRUPT,
                       "what is encrypted there was changed or is of another "
                       "place");
    return K2_OK;
}
