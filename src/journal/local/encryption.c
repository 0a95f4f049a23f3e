/* journal/local/encryption.c - which key a writer writes with, and which keys the segments have (docs/encryption.md).
 *
 * journal/meta keeps the key that was written with last, so that a process to which nobody gave a key does not write in
 * the clear by accident. It is durable before the first frame under that key, and its version keeps older programs out.
 */
#include "journal/local/local.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

static int64_t end_of(const struct local *j, const struct segment *s) {
    return s->sealed ? s->index.end : j->durable;
}

/* --- a writer --- */

static int check_given(const struct local *j, struct k2_err *err) {
    for (int i = 0; i < j->live.n; i++) {
        const struct journal_index *x = &j->live.at[i]->index;
        if (x->key != 0 && !journal_key_find(x->key))
            K2_TRY_CTX(journal_key_missing(x->key, err), err, "segment %020" PRId64, x->base);
    }
    return K2_OK;
}

/* Nobody may forget a key and write in the clear: that takes a word. */
static int check_meant(const struct local *j, struct k2_err *err) {
    char key[JOURNAL_KEY_TEXT];
    if (j->key != 0 || j->meta.key == 0 || journal_key_off())
        return K2_OK;
    journal_key_text(j->meta.key, key);
    return k2_fail(err, K2_E_FAILED,
                   "it is encrypted with key %s, which was not given; set journal.encryption_key, "
                   "or set it to off and the key as journal.encryption_old_keys, to go on in the "
                   "clear",
                   key);
}

static int note_key(struct local *j, struct k2_err *err) {
    char from[JOURNAL_KEY_TEXT], to[JOURNAL_KEY_TEXT];
    uint64_t before = j->meta.key;
    bool keyed = j->meta.keyed;
    if (before == j->key)
        return K2_OK;
    j->meta.key = j->key;
    j->meta.keyed = true;
    int rc = journal_meta_save(j->meta_path, &j->meta, err);
    if (rc != K2_OK) {
        j->meta.key = before;
        j->meta.keyed = keyed;
        return rc;
    }
    journal_key_text(before, from);
    journal_key_text(j->key, to);
    k2_log(K2_LOG_INFO, "journal encryption changes with the next segment", "from",
           before ? from : "none", "to", j->key ? to : "none", NULL);
    return K2_OK;
}

int journal_encryption_settle(struct local *j, struct k2_err *err) {
    j->key = journal_key_current();
    K2_TRY(check_meant(j, err));
    K2_TRY(check_given(j, err));
    K2_TRY(note_key(j, err));
    if (j->key)
        j->cipher = journal_cipher_new(j->base.incarnation);
    return K2_OK;
}

int journal_encryption_begin(struct local *j, struct k2_err *err) {
    int rc = K2_OK;
    pthread_mutex_lock(&j->base.mutex);
    const struct journal_index *x = &journal_chain_tail(j)->index;
    if (x->batch_count > 0 && x->key != j->key)
        rc = journal_seal_roll(j, err);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

/* --- what there is --- */

struct tally {
    struct journal_encryption *list;
    uint64_t *keys; /* of the list */
    int n;
};

static struct journal_encryption *entry(struct tally *t, uint64_t key) {
    for (int i = 0; i < t->n; i++)
        if (t->keys[i] == key)
            return &t->list[i];
    size_t n = (size_t)t->n + 1;
    t->list = k2_realloc(t->list, n * sizeof *t->list);
    t->keys = k2_realloc(t->keys, n * sizeof *t->keys);
    t->keys[t->n] = key;
    struct journal_encryption *e = &t->list[t->n++];
    *e = (struct journal_encryption){.given = key == 0 || journal_key_find(key)};
    if (key)
        journal_key_text(key, e->key);
    return e;
}

static int count(struct local *j, struct tally *t, struct k2_err *err) {
    K2_TRY(journal_chain_refresh(j, err));
    for (int i = 0; i < j->live.n; i++) {
        const struct segment *s = j->live.at[i];
        if (s->index.batch_count == 0)
            continue; /* nothing is written there yet */
        struct journal_encryption *e = entry(t, s->index.key);
        e->segments++;
        e->bytes += end_of(j, s) - s->index.base;
    }
    return K2_OK;
}

int local_encryption(struct journal *journal,
                     void (*visit)(void *ctx, const struct journal_encryption *e), void *ctx,
                     struct k2_err *err) {
    struct local *j = local_of(journal);
    struct tally t = {0};
    pthread_mutex_lock(&j->base.mutex);
    int rc = count(j, &t, err);
    pthread_mutex_unlock(&j->base.mutex);
    for (int i = 0; rc == K2_OK && i < t.n; i++)
        visit(ctx, &t.list[i]);
    free(t.list);
    free(t.keys);
    return rc;
}
