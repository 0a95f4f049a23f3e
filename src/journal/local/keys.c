/* journal/local/keys.c - see keys.h.
 *
 * The keys belong to the process, as the journal's URL does (journal.c): whoever opens a journal reads it with them. They
 * arrive as text, 64 hexadecimal digits each; the configuration has resolved where they come from.
 */
#include "journal/local/keys.h"

#include "base/sha256.h"
#include "journal/journal.h"

#include <inttypes.h>
#include <stdio.h>

enum { MOST = 64 };

struct key {
    uint64_t id;
    uint8_t bytes[K2_GCM_KEY];
};

struct ring {
    struct key keys[MOST];
    int n;
    uint64_t current;
    bool off;
};

static struct ring ring;

/* --- text --- */

static int nibble(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool from_hex(struct k2_sv text, uint8_t *out, size_t n) {
    if (text.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = nibble(text.p[2 * i]), low = nibble(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static uint64_t id_of(const uint8_t key[K2_GCM_KEY]) {
    char hex[K2_SHA256_HEX];
    uint8_t bytes[8];
    struct k2_sha256 *s = k2_sha256_new();
    uint64_t id = 0;
    k2_sha256_add(s, key, K2_GCM_KEY);
    k2_sha256_end(s, hex);
    K2_ASSERT(from_hex((struct k2_sv){hex, 2 * sizeof bytes}, bytes, sizeof bytes));
    for (size_t i = 0; i < sizeof bytes; i++)
        id = id << 8 | bytes[i];
    return id;
}

void journal_key_text(uint64_t id, char out[JOURNAL_KEY_TEXT]) {
    snprintf(out, JOURNAL_KEY_TEXT, "%016" PRIx64, id);
}

bool journal_key_parse(struct k2_sv text, uint64_t *id) {
    uint8_t bytes[8];
    *id = 0;
    if (!from_hex(text, bytes, sizeof bytes))
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        *id = *id << 8 | bytes[i];
    return *id != 0;
}

/* --- the ring --- */

/* The text is never quoted: it may be a key with a slip in it. */
static int add(struct ring *r, struct k2_sv text, uint64_t *id, struct k2_err *err) {
    struct key k;
    if (!from_hex(text, k.bytes, sizeof k.bytes))
        return k2_fail(err, K2_E_INVALID,
                       "a key of the journal is 64 hexadecimal digits, as of openssl rand -hex 32; "
                       "this is %zu bytes of something else",
                       text.n);
    k.id = *id = id_of(k.bytes);
    int at = 0;
    while (at < r->n && r->keys[at].id != k.id)
        at++;
    if (at == MOST || k.id == 0) {
        k2_wipe(&k, sizeof k);
        return k.id == 0 ? k2_fail(err, K2_E_INVALID, "this key cannot be used; draw another one")
                         : k2_fail(err, K2_E_RANGE, "more than %d keys of the journal", MOST);
    }
    r->keys[at] = k;
    r->n += at == r->n;
    k2_wipe(&k, sizeof k);
    return K2_OK;
}

static bool is_gap(char c) {
    return c == ' ' || c == '\t' || c == ',' || c == '\n';
}

static int add_old(struct ring *r, struct k2_sv rest, struct k2_err *err) {
    uint64_t id;
    while (rest.n > 0) {
        struct k2_sv word = {rest.p, 0};
        while (word.n < rest.n && !is_gap(rest.p[word.n]))
            word.n++;
        if (word.n > 0)
            K2_TRY(add(r, word, &id, err));
        size_t used = word.n < rest.n ? word.n + 1 : word.n;
        rest = (struct k2_sv){rest.p + used, rest.n - used};
    }
    return K2_OK;
}

static int fill(struct ring *r, const char *current, const char *old, struct k2_err *err) {
    struct k2_sv key = k2_sv_trim(k2_sv_of(current));
    r->off = k2_sv_eq(key, K2_SV("off"));
    if (key.n > 0 && !r->off)
        K2_TRY_CTX(add(r, key, &r->current, err), err, "journal.encryption_key");
    K2_TRY_CTX(add_old(r, k2_sv_of(old), err), err, "journal.encryption_old_keys");
    return K2_OK;
}

static bool same(const struct ring *a, const struct ring *b) {
    bool equal = a->n == b->n && a->current == b->current && a->off == b->off;
    for (int i = 0; equal && i < a->n; i++)
        equal = a->keys[i].id == b->keys[i].id;
    return equal;
}

int journal_check_keys(const char *current, const char *old, struct k2_err *err) {
    struct ring fresh = {.n = 0};
    int rc = fill(&fresh, current, old, err);
    k2_wipe(&fresh, sizeof fresh);
    return rc;
}

int journal_use_keys(const char *current, const char *old, struct k2_err *err) {
    struct ring fresh = {.n = 0};
    int rc = fill(&fresh, current, old, err);
    if (rc == K2_OK && !same(&ring, &fresh)) /* else others may be reading it */
        ring = fresh;
    k2_wipe(&fresh, sizeof fresh);
    return rc;
}

uint64_t journal_key_current(void) {
    return ring.current;
}

bool journal_key_off(void) {
    return ring.off;
}

const uint8_t *journal_key_find(uint64_t id) {
    for (int i = 0; i < ring.n; i++)
        if (ring.keys[i].id == id)
            return ring.keys[i].bytes;
    return NULL;
}

int journal_key_missing(uint64_t id, struct k2_err *err) {
    char wanted[JOURNAL_KEY_TEXT], given[JOURNAL_KEY_TEXT];
    journal_key_text(id, wanted);
    journal_key_text(ring.current, given);
    if (ring.current == 0)
        return k2_fail(err, K2_E_FAILED,
                       "it is encrypted with key %s, which was not given; set "
                       "journal.encryption_key, or journal.encryption_old_keys",
                       wanted);
    return k2_fail(err, K2_E_FAILED,
                   "it is encrypted with key %s, which was not given (the key given is %s); add "
                   "it to journal.encryption_old_keys",
                   wanted, given);
}
