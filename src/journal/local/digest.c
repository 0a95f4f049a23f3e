/* journal/local/digest.c - what a segment holds, per exchange, symbol, kind and session date.
 *
 * Records of topics that are no event kind's (raw bytes, checkpoints) have no digest. A record that
 * cannot be decoded fails the whole segment: retention then keeps it and says why.
 */
#include "journal/local/local.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define INTERNER_BYTES (64u << 20) /* beyond it the strings seen so far are forgotten */

struct slot { /* of the open-addressing table: interned key -> digest */
    uint32_t exchange, symbol;
    int32_t trade_date, kind; /* kind -1 = free */
    int digest;
};

struct fields { /* where a kind's struct has what a digest is keyed by */
    size_t exchange, symbol, trade_date, sequence;
};

struct digester {
    struct k2_registry *registry;
    struct k2_interner *strings;
    struct k2_decoder *decoders[K2_KIND_COUNT];
    struct fields fields[K2_KIND_COUNT];
    struct slot *slots;
    size_t slot_count, used;
    struct journal_digest *digests;
    int n, cap;
};

/* --- the table --- */

static void clear_slots(struct digester *d, size_t count) {
    free(d->slots);
    d->slots = k2_alloc(count * sizeof *d->slots);
    for (size_t i = 0; i < count; i++)
        d->slots[i].kind = -1;
    d->slot_count = count;
    d->used = 0;
}

static struct slot *find_slot(struct digester *d, const struct slot *key) {
    uint64_t h = ((uint64_t)key->exchange << 32 | key->symbol) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= ((uint64_t)(uint32_t)key->trade_date << 3 | (uint32_t)key->kind) *
         UINT64_C(0xbf58476d1ce4e5b9);
    for (size_t i = (h ^ h >> 32) & (d->slot_count - 1);; i = (i + 1) & (d->slot_count - 1)) {
        struct slot *s = &d->slots[i];
        if (s->kind < 0 || (s->exchange == key->exchange && s->symbol == key->symbol &&
                            s->trade_date == key->trade_date && s->kind == key->kind))
            return s;
    }
}

static void grow_slots(struct digester *d) {
    struct slot *old = d->slots;
    size_t n = d->slot_count, used = d->used;
    d->slots = NULL;
    clear_slots(d, 2 * n);
    for (size_t i = 0; i < n; i++)
        if (old[i].kind >= 0)
            *find_slot(d, &old[i]) = old[i];
    d->used = used;
    free(old);
}

static void copy_text(char *out, size_t cap, struct k2_sv s) {
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n > 0)
        memcpy(out, s.p, n);
    out[n] = 0;
}

/* The digest of these texts, which may exist from before the strings were forgotten. */
static int digest_of(struct digester *d, const struct slot *key) {
    struct journal_digest fresh = {.kind = (enum k2_kind_id)key->kind,
                                   .trade_date = key->trade_date,
                                   .min_sequence = INT64_MAX,
                                   .max_sequence = INT64_MIN};
    copy_text(fresh.exchange, sizeof fresh.exchange, k2_interned(d->strings, key->exchange));
    copy_text(fresh.symbol, sizeof fresh.symbol, k2_interned(d->strings, key->symbol));
    for (int i = 0; i < d->n; i++)
        if (d->digests[i].kind == fresh.kind && d->digests[i].trade_date == fresh.trade_date &&
            strcmp(d->digests[i].symbol, fresh.symbol) == 0 &&
            strcmp(d->digests[i].exchange, fresh.exchange) == 0)
            return i;
    if (d->n == d->cap) {
        d->cap = d->cap ? 2 * d->cap : 64;
        d->digests = k2_realloc(d->digests, (size_t)d->cap * sizeof *d->digests);
    }
    d->digests[d->n] = fresh;
    return d->n++;
}

static struct journal_digest *look_up(struct digester *d, struct slot key) {
    struct slot *s = find_slot(d, &key);
    if (s->kind < 0) {
        key.digest = digest_of(d, &key);
        *s = key;
        if (++d->used * 2 > d->slot_count)
            grow_slots(d);
        return &d->digests[key.digest];
    }
    return &d->digests[s->digest];
}

/* --- records --- */

static size_t field_offset(const struct k2_kind *kind, const char *name) {
    int i = k2_field_by_name(kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return kind->fields[i].offset;
}

static struct k2_decoder *decoder_of(struct digester *d, enum k2_kind_id id) {
    if (d->decoders[id])
        return d->decoders[id];
    const struct k2_kind *kind = k2_kind(id);
    d->fields[id] = (struct fields){field_offset(kind, "exchange"), field_offset(kind, "symbol"),
                                    field_offset(kind, "trade_date"),
                                    field_offset(kind, "exchange_sequence_number")};
    d->decoders[id] = k2_decoder_new(kind, d->strings, k2_registry_source(d->registry));
    return d->decoders[id];
}

static int add_record(struct digester *d, enum k2_kind_id id, struct k2_sv value,
                      struct k2_err *err) {
    struct k2_event e;
    K2_TRY(k2_decode(decoder_of(d, id), value, &e, err));
    const uint8_t *at = k2_event_fields_const(&e);
    struct slot key = {.kind = (int32_t)id};
    int64_t sequence;
    memcpy(&key.exchange, at + d->fields[id].exchange, sizeof key.exchange);
    memcpy(&key.symbol, at + d->fields[id].symbol, sizeof key.symbol);
    memcpy(&key.trade_date, at + d->fields[id].trade_date, sizeof key.trade_date);
    memcpy(&sequence, at + d->fields[id].sequence, sizeof sequence);
    struct journal_digest *g = look_up(d, key);
    g->count++;
    g->min_sequence = sequence < g->min_sequence ? sequence : g->min_sequence;
    g->max_sequence = sequence > g->max_sequence ? sequence : g->max_sequence;
    g->sum = k2_h128_add(g->sum, k2_row_hash(&e, d->strings));
    return K2_OK;
}

static int add_frame(struct digester *d, enum k2_kind_id id, const struct frame *f,
                     const uint8_t *bytes, struct k2_err *err) {
    size_t at = FRAME_HEADER;
    for (int32_t i = 0; i < f->count; i++) {
        size_t key = k2_get_u32(bytes + at + 4);
        struct k2_sv value = {(const char *)bytes + at + GATHER_RECORD + key,
                              k2_get_u32(bytes + at)};
        K2_TRY_CTX(add_record(d, id, value, err), err, "topic id %d partition %d offset %" PRId64,
                   f->topic, f->partition, f->base_offset + i);
        at += GATHER_RECORD + key + value.n;
    }
    if (k2_interner_bytes(d->strings) > INTERNER_BYTES) {
        k2_interner_reset(d->strings);
        clear_slots(d, d->slot_count);
    }
    return K2_OK;
}

static int add_file(struct digester *d, const struct segment_file *file, const uint8_t *bytes,
                    size_t size, const char *const *topics, int topic_count,
                    const atomic_bool *stop, struct k2_err *err) {
    struct frame f;
    for (size_t at = 0; at < size; at += f.length) {
        if (atomic_load(stop))
            return k2_fail(err, K2_E_CANCELLED, "the journal is being closed");
        if (!journal_frame_parse(bytes + at, size - at, file->incarnation,
                                 file->number + (int64_t)at, &f) ||
            f.length > size - at || !journal_frame_intact(bytes + at, &f) || f.topic >= topic_count)
            return k2_fail(err, K2_E_CORRUPT, "%s is damaged at byte %zu", file->path, at);
        const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(topics[f.topic]));
        if (kind)
            K2_TRY(add_frame(d, kind->id, &f, bytes + at, err));
    }
    return K2_OK;
}

static void fini(struct digester *d) {
    for (int i = 0; i < K2_KIND_COUNT; i++)
        k2_decoder_free(d->decoders[i]);
    k2_interner_free(d->strings);
    k2_registry_close(d->registry);
    free(d->slots);
}

int journal_digest_segment(const char *dir, const struct segment_file *file, int64_t end,
                           const char *const *topics, int topic_count, const atomic_bool *stop,
                           struct journal_digest **out, int *n, struct k2_err *err) {
    struct digester d = {0};
    struct stat st;
    size_t size = (size_t)(end - file->number);
    if (fstat(file->fd, &st) < 0 || st.st_size < (off_t)size)
        return k2_fail(err, K2_E_CORRUPT, "%s is shorter than %zu bytes", file->path, size);
    uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (bytes == MAP_FAILED)
        return k2_fail_errno(err, "cannot map %s", file->path);
    d.strings = k2_interner_new();
    clear_slots(&d, 256);
    int rc = k2_registry_open(dir, &d.registry, err);
    if (rc == K2_OK)
        rc = add_file(&d, file, bytes, size, topics, topic_count, stop, err);
    munmap(bytes, size);
    fini(&d);
    if (rc != K2_OK) {
        free(d.digests);
        return rc;
    }
    *out = d.digests;
    *n = d.n;
    return K2_OK;
}
