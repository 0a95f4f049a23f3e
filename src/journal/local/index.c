/* journal/local/index.c - the index of a segment and its sidecar file journal/<20 digits>.idx.
 *
 * FILE. Little-endian; lists follow each other without gaps.
 *    0  4  magic "K2I1"                       4  4  crc32c of bytes 8 .. end of the file
 *    8  4  format version: 1, or 2           12  4  incarnation of the journal
 *   16  8  the segment's number              24  8  log position of its end
 *   32  8  first append time, ns             40  8  last append time, ns
 *   48  4  number of spans                   52  4  number of digests
 *   56  8  number of batches
 *   64     spans: i32 topic, i32 partition, i64 from, i64 to
 *          digests: i32 kind, i32 session date, i64 count, i64 least sequence, i64 greatest
 * sequence, u64 low and u64 high half of the sum, u16 length and exchange, u16 length and symbol
 *          batches: every frame in log order as four zigzag varints: span, records, length of the
 *                   frame, append time less the one before (the first: less the first append time)
 *
 * VERSION 2 is that of an encrypted segment: the digests, which name symbols, are encrypted with the same master key.
 *   64  8  length of what follows it
 *   72     envelope, ciphertext of the digests, tag (cipher.c), then spans and batches
 *
 * VALIDITY. Magic, version, incarnation, number and checksum are right, and the batches add up to
 * the spans, the end and the last append time. An index that is missing or invalid is made again
 * from the segment. It is written once the segment is sealed.
 *
 * LIFE. The index stays when its segment goes: its batches tell, to the record, which offsets were
 * appended before a given time, for ever; about 10 bytes a batch. From the batches all offsets and
 * places follow, so the sparse marks for seeking are not in the file.
 */
#include "journal/local/index.h"

#include "journal/local/cipher.h"

#include "base/fs.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdlib.h>

#define INDEX_VERSION 2
#define INDEX_HEADER 64
#define SEALED_AT 72
#define SPAN_BYTES 24
#define DIGEST_BYTES 48 /* without the strings */
#define MARK_EVERY (64 << 10)

static const char magic[4] = {'K', '2', 'I', '1'};

/* --- in memory --- */

void journal_index_init(struct journal_index *x, int64_t base) {
    *x = (struct journal_index){.base = base, .end = base};
}

void journal_index_fini(struct journal_index *x) {
    for (int i = 0; i < x->span_count; i++)
        free(x->marks[i].at);
    free(x->spans);
    free(x->marks);
    free(x->digests);
    k2_buf_free(&x->batches);
    journal_index_init(x, x->base);
}

int journal_index_span(const struct journal_index *x, int32_t topic, int32_t partition) {
    for (int i = 0; i < x->span_count; i++)
        if (x->spans[i].topic == topic && x->spans[i].partition == partition)
            return i;
    return -1;
}

static int add_span(struct journal_index *x, const struct journal_span *span) {
    size_t n = (size_t)x->span_count + 1;
    x->spans = k2_realloc(x->spans, n * sizeof *x->spans);
    x->marks = k2_realloc(x->marks, n * sizeof *x->marks);
    x->spans[x->span_count] = *span;
    x->marks[x->span_count] = (struct index_marks){0};
    return x->span_count++;
}

static void add_mark(struct index_marks *m, int64_t offset, int64_t position) {
    if (m->n > 0 && position - m->at[m->n - 1].position < MARK_EVERY)
        return;
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 8;
        m->at = k2_realloc(m->at, (size_t)m->cap * sizeof *m->at);
    }
    m->at[m->n++] = (struct index_mark){offset, position};
}

void journal_index_add(struct journal_index *x, const struct frame *f) {
    int i = journal_index_span(x, f->topic, f->partition);
    if (i < 0)
        i = add_span(
            x, &(struct journal_span){f->topic, f->partition, f->base_offset, f->base_offset});
    if (x->batch_count++ == 0) {
        x->first_ns = x->last_ns = f->append_ns;
        x->key = f->key;
    }
    k2_avro_put_long(&x->batches, i);
    k2_avro_put_long(&x->batches, f->count);
    k2_avro_put_long(&x->batches, f->length);
    k2_avro_put_long(&x->batches, f->append_ns - x->last_ns);
    add_mark(&x->marks[i], f->base_offset, f->position);
    x->spans[i].to = f->base_offset + f->count;
    x->last_ns = f->append_ns;
    x->end = f->position + f->length;
}

int64_t journal_index_find(const struct journal_index *x, int span, int64_t offset) {
    const struct index_marks *m = &x->marks[span];
    int low = 0, high = m->n; /* the answer is in [low, high) */
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (m->at[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return m->n ? m->at[low].position : x->base;
}

void journal_index_cursor_init(struct index_cursor *c, const struct journal_index *x) {
    *c = (struct index_cursor){.index = x,
                               .rest = k2_buf_view(&x->batches),
                               .position = x->base,
                               .append_ns = x->first_ns};
    c->next = k2_alloc((size_t)(x->span_count + 1) * sizeof *c->next);
    for (int i = 0; i < x->span_count; i++)
        c->next[i] = x->spans[i].from;
}

void journal_index_cursor_fini(struct index_cursor *c) {
    free(c->next);
    c->next = NULL;
}

int journal_index_cursor_next(struct index_cursor *c, struct index_batch *out) {
    if (c->rest.n == 0)
        return 0;
    int64_t span, count, length, later;
    if (!k2_avro_get_long(&c->rest, &span) || !k2_avro_get_long(&c->rest, &count) ||
        !k2_avro_get_long(&c->rest, &length) || !k2_avro_get_long(&c->rest, &later))
        return -1;
    if (span < 0 || span >= c->index->span_count || count < 1 || count > INT32_MAX ||
        length <= FRAME_HEADER || length > FRAME_MAX || later < 0 ||
        later > c->index->last_ns - c->append_ns || c->next[span] > INT64_MAX - count ||
        length > c->index->end - c->position)
        return -1;
    c->append_ns += later;
    *out = (struct index_batch){(int)span,   (int32_t)count, c->next[span],
                                c->position, c->append_ns,   (uint32_t)length};
    c->next[span] += count;
    c->position += length;
    return 1;
}

/* --- encoding --- */

static void put_i32(struct k2_buf *out, int32_t v) {
    k2_put_u32(k2_buf_need(out, 4), (uint32_t)v);
    out->n += 4;
}

static void put_i64(struct k2_buf *out, int64_t v) {
    k2_put_u64(k2_buf_need(out, 8), (uint64_t)v);
    out->n += 8;
}

static void put_text(struct k2_buf *out, const char *text) {
    size_t n = strlen(text);
    k2_put_u16(k2_buf_need(out, 2), (uint16_t)n);
    out->n += 2;
    k2_buf_put(out, text, n);
}

static void put_digest(struct k2_buf *out, const struct journal_digest *d) {
    put_i32(out, (int32_t)d->kind);
    put_i32(out, d->trade_date);
    put_i64(out, d->count);
    put_i64(out, d->min_sequence);
    put_i64(out, d->max_sequence);
    put_i64(out, (int64_t)d->sum.lo);
    put_i64(out, (int64_t)d->sum.hi);
    put_text(out, d->exchange);
    put_text(out, d->symbol);
}

static void put_digests(const struct journal_index *x, struct k2_buf *out) {
    for (int i = 0; i < x->digest_count; i++)
        put_digest(out, &x->digests[i]);
}

static void put_spans(const struct journal_index *x, struct k2_buf *out) {
    for (int i = 0; i < x->span_count; i++) {
        put_i32(out, x->spans[i].topic);
        put_i32(out, x->spans[i].partition);
        put_i64(out, x->spans[i].from);
        put_i64(out, x->spans[i].to);
    }
}

/* start: where the file begins in out. */
static int put_sealed(const struct journal_index *x, int32_t incarnation, size_t start,
                      struct k2_buf *out, struct k2_err *err) {
    if (x->locked)
        return journal_key_missing(x->key, err);
    struct k2_buf plain = {0};
    struct journal_cipher *c = journal_cipher_new(incarnation);
    put_digests(x, &plain);
    size_t n = CIPHER_MORE + plain.n;
    put_i64(out, (int64_t)n);
    (void)k2_buf_need(out, n);
    int rc = journal_cipher_seal(c, x->key, x->base, out->p + start, SEALED_AT, k2_buf_view(&plain),
                                 err);
    if (rc == K2_OK)
        out->n += n;
    journal_cipher_free(c);
    k2_buf_free(&plain);
    return rc;
}

int journal_index_encode(const struct journal_index *x, int32_t incarnation, struct k2_buf *out,
                         struct k2_err *err) {
    size_t start = out->n;
    k2_buf_put(out, magic, sizeof magic);
    put_i32(out, 0);
    put_i32(out, x->key ? INDEX_VERSION : 1);
    put_i32(out, incarnation);
    put_i64(out, x->base);
    put_i64(out, x->end);
    put_i64(out, x->first_ns);
    put_i64(out, x->last_ns);
    put_i32(out, x->span_count);
    put_i32(out, x->digest_count);
    put_i64(out, x->batch_count);
    if (x->key)
        K2_TRY(put_sealed(x, incarnation, start, out, err));
    put_spans(x, out);
    if (!x->key)
        put_digests(x, out);
    k2_buf_sv(out, k2_buf_view(&x->batches));
    k2_put_u32(out->p + start + 4, k2_crc32c(0, out->p + start + 8, out->n - start - 8));
    return K2_OK;
}

int journal_index_save(const char *path, int32_t incarnation, const struct journal_index *x,
                       struct k2_err *err) {
    struct k2_buf out = {0};
    int rc = journal_index_encode(x, incarnation, &out, err);
    if (rc == K2_OK)
        rc = k2_fs_replace(path, k2_buf_view(&out), err);
    k2_buf_free(&out);
    return rc;
}

/* --- decoding --- */

static const uint8_t *take(struct k2_sv *in, size_t n) {
    if (in->n < n)
        return NULL;
    const uint8_t *at = (const uint8_t *)in->p;
    in->p += n;
    in->n -= n;
    return at;
}

static bool get_text(struct k2_sv *in, char *out, size_t cap) {
    const uint8_t *length = take(in, 2);
    if (!length || k2_get_u16(length) >= cap)
        return false;
    size_t n = k2_get_u16(length);
    const uint8_t *text = take(in, n);
    if (!text)
        return false;
    memcpy(out, text, n);
    out[n] = 0;
    return true;
}

static bool get_digest(struct k2_sv *in, struct journal_digest *d) {
    const uint8_t *p = take(in, DIGEST_BYTES);
    if (!p || k2_get_u32(p) >= K2_KIND_COUNT)
        return false;
    *d = (struct journal_digest){
        .kind = (enum k2_kind_id)k2_get_u32(p),
        .trade_date = (int32_t)k2_get_u32(p + 4),
        .count = (int64_t)k2_get_u64(p + 8),
        .min_sequence = (int64_t)k2_get_u64(p + 16),
        .max_sequence = (int64_t)k2_get_u64(p + 24),
        .sum = {k2_get_u64(p + 32), k2_get_u64(p + 40)},
    };
    return get_text(in, d->exchange, sizeof d->exchange) &&
           get_text(in, d->symbol, sizeof d->symbol);
}

static bool get_spans(struct k2_sv *in, uint32_t n, struct journal_index *x) {
    if (n > in->n / SPAN_BYTES)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = take(in, SPAN_BYTES);
        struct journal_span s = {(int32_t)k2_get_u32(p), (int32_t)k2_get_u32(p + 4),
                                 (int64_t)k2_get_u64(p + 8), (int64_t)k2_get_u64(p + 16)};
        if (s.topic < 0 || s.partition < 0 || s.from < 0 || s.to <= s.from)
            return false;
        add_span(x, &s);
    }
    return true;
}

static bool get_digests(struct k2_sv *in, uint32_t n, struct journal_index *x) {
    if (n > in->n / DIGEST_BYTES)
        return false;
    x->digests = k2_alloc((n + 1) * sizeof *x->digests);
    for (uint32_t i = 0; i < n; i++, x->digest_count++)
        if (!get_digest(in, &x->digests[i]))
            return false;
    x->digested = true;
    return true;
}

/* Checks that the packed list adds up to the rest, and makes the marks from it. */
static bool replay_batches(struct journal_index *x) {
    struct index_cursor c;
    struct index_batch b;
    int rc;
    int64_t n = 0;
    journal_index_cursor_init(&c, x);
    while ((rc = journal_index_cursor_next(&c, &b)) == 1) {
        add_mark(&x->marks[b.span], b.offset, b.position);
        n++;
    }
    bool good = rc == 0 && n == x->batch_count && c.position == x->end;
    good = good && (n == 0 || c.append_ns == x->last_ns);
    for (int i = 0; i < x->span_count; i++)
        good = good && c.next[i] == x->spans[i].to;
    journal_index_cursor_fini(&c);
    return good;
}

static int malformed(struct k2_err *err) {
    return k2_fail(err, K2_E_CORRUPT, "its lists do not add up");
}

static int decrypt_digests(struct k2_sv sealed, int32_t incarnation, uint32_t n,
                           struct journal_index *x, struct k2_err *err) {
    struct journal_cipher *c = journal_cipher_new(incarnation);
    size_t size = sealed.n - SEALED_AT - CIPHER_MORE;
    uint8_t *plain = k2_alloc(size + 1);
    int rc =
        journal_cipher_open(c, x->base, (const uint8_t *)sealed.p, SEALED_AT, sealed.n, plain, err);
    struct k2_sv in = {(const char *)plain, size};
    if (rc == K2_OK && (!get_digests(&in, n, x) || in.n != 0))
        rc = malformed(err);
    journal_cipher_free(c);
    free(plain);
    return rc;
}

/* whole: the file; *in goes past what is encrypted. */
static int get_sealed(struct k2_sv whole, struct k2_sv *in, int32_t incarnation, uint32_t n,
                      struct journal_index *x, struct k2_err *err) {
    const uint8_t *length = take(in, 8);
    if (!length || k2_get_u64(length) < CIPHER_MORE || k2_get_u64(length) > in->n)
        return malformed(err);
    const uint8_t *envelope = take(in, k2_get_u64(length));
    x->key = journal_cipher_key(envelope);
    if (x->key == 0)
        return malformed(err);
    x->locked = !journal_key_find(x->key);
    if (x->locked)
        return K2_OK;
    whole.n = SEALED_AT + k2_get_u64(length);
    return decrypt_digests(whole, incarnation, n, x, err);
}

static int get_index(struct k2_sv in, int32_t incarnation, struct journal_index *x,
                     struct k2_err *err) {
    struct k2_sv whole = in;
    const uint8_t *p = take(&in, INDEX_HEADER);
    bool sealed = k2_get_u32(p + 8) == INDEX_VERSION;
    uint32_t digests = k2_get_u32(p + 52);
    x->end = (int64_t)k2_get_u64(p + 24);
    x->first_ns = (int64_t)k2_get_u64(p + 32);
    x->last_ns = (int64_t)k2_get_u64(p + 40);
    x->batch_count = (int64_t)k2_get_u64(p + 56);
    if (x->end < x->base || x->first_ns < 0 || x->last_ns < x->first_ns)
        return malformed(err);
    if (sealed)
        K2_TRY(get_sealed(whole, &in, incarnation, digests, x, err));
    if (!get_spans(&in, k2_get_u32(p + 48), x) || (!sealed && !get_digests(&in, digests, x)))
        return malformed(err);
    k2_buf_sv(&x->batches, in);
    return replay_batches(x) ? K2_OK : malformed(err);
}

int journal_index_decode(struct k2_sv bytes, int32_t incarnation, int64_t base,
                         struct journal_index *x, struct k2_err *err) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    journal_index_init(x, base);
    if (bytes.n < INDEX_HEADER || memcmp(p, magic, sizeof magic) != 0)
        return k2_fail(err, K2_E_CORRUPT, "not a segment index");
    if (k2_get_u32(p + 4) != k2_crc32c(0, p + 8, bytes.n - 8))
        return k2_fail(err, K2_E_CORRUPT, "the checksum does not match");
    if (k2_get_u32(p + 8) > INDEX_VERSION)
        return k2_fail(err, K2_E_VERSION, "format version %u is newer than this k2 (%d)",
                       k2_get_u32(p + 8), INDEX_VERSION);
    if (k2_get_u32(p + 12) != (uint32_t)incarnation || (int64_t)k2_get_u64(p + 16) != base)
        return k2_fail(err, K2_E_CORRUPT, "it belongs to another segment");
    int rc = get_index(bytes, incarnation, x, err);
    if (rc != K2_OK)
        journal_index_fini(x);
    return rc;
}

int journal_index_load(const char *path, int32_t incarnation, int64_t base, struct journal_index *x,
                       struct k2_err *err) {
    struct k2_buf bytes = {0};
    journal_index_init(x, base);
    int rc = k2_fs_read(path, &bytes, err);
    if (rc == K2_OK) {
        rc = journal_index_decode(k2_buf_view(&bytes), incarnation, base, x, err);
        if (rc != K2_OK)
            rc = k2_err_context(err, rc, "index %s", path);
    }
    k2_buf_free(&bytes);
    return rc;
}
