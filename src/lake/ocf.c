/* Avro object container files (Avro 1.11 specification, "Object Container Files").
 *
 *   0      4   magic "Obj" 0x01
 *   4      -   metadata: an Avro map of bytes, with "avro.schema" (JSON) and "avro.codec"
 *   -     16   sync marker
 *   then blocks: record count (long), byte count (long), that many bytes (encoded records, packed
 *   by the codec), sync marker
 *
 * Validity: each block ends with the sync marker of the header, and its records use up its bytes
 * exactly. Recovery: none; a manifest that breaks this is corrupt as a whole.
 * The format lets a writer choose the marker. Ours is a checksum: XXH3-128 of the two XXH3-128
 * hashes of what stands before the marker and of the block's counts and bytes; the metadata pair
 * "k2.checksum" = "xxh3-128" says so, and reading such a file checks it.
 * We write one block, codec deflate (level 6): DuckDB cannot read zstandard (lake.md §4). We read
 * null and deflate. */
#include "lake/ocf.h"

#include "base/hash.h"
#include "base/zip.h"
#include "codec/codec.h"
#include "lake/lake_int.h"

#define SYNC_BYTES 16
#define CHECKSUM_KEY "k2.checksum"
#define DEFLATE_LEVEL 6
#define ZLIB_TAIL 4 /* Python's writers leave a part of zlib's checksum behind the raw stream */
#define BLOCK_LIMIT ((size_t)512 << 20) /* unpacked; a merged manifest of ours has a few MB */

static const char magic[4] = {'O', 'b', 'j', 1};

/* --- writing --- */

static void put_pair(struct k2_buf *out, const char *key, struct k2_sv value) {
    k2_avro_put_bytes(out, k2_sv_of(key));
    k2_avro_put_bytes(out, value);
}

/* head: from the magic to before the marker; block: its counts and bytes, empty without a block. */
static void checksum(struct k2_sv head, struct k2_sv block, uint8_t out[SYNC_BYTES]) {
    struct k2_h128 parts[2] = {k2_hash128(head.p, head.n), k2_hash128(block.p, block.n)};
    struct k2_h128 h = k2_hash128(parts, sizeof parts);
    memcpy(out, &h, SYNC_BYTES);
}

/* Metadata pairs of a writer's own, encoded. */
struct pairs {
    struct k2_buf bytes;
    int n;
};

static void put_header(struct k2_sv schema, const struct pairs *pairs, struct k2_buf *out) {
    k2_buf_put(out, magic, sizeof magic);
    k2_avro_put_long(out, pairs->n + 3);
    put_pair(out, "avro.schema", schema);
    put_pair(out, "avro.codec", K2_SV("deflate"));
    put_pair(out, CHECKSUM_KEY, K2_SV("xxh3-128"));
    k2_buf_sv(out, k2_buf_view(&pairs->bytes));
    k2_avro_put_long(out, 0);
}

static K2_RC put_file(struct k2_sv schema, const struct pairs *pairs, struct k2_sv records,
                      int64_t count, struct k2_buf *out, struct k2_err *err) {
    struct k2_buf head = {0}, packed = {0}, block = {0};
    uint8_t marker[SYNC_BYTES];
    int rc = count ? k2_deflate_raw(records, DEFLATE_LEVEL, &packed, err) : K2_OK;
    if (rc == K2_OK) {
        put_header(schema, pairs, &head);
        if (count) {
            k2_avro_put_long(&block, count);
            k2_avro_put_bytes(&block, k2_buf_view(&packed));
        }
        checksum(k2_buf_view(&head), k2_buf_view(&block), marker);
        k2_buf_sv(out, k2_buf_view(&head));
        k2_buf_put(out, marker, SYNC_BYTES);
        k2_buf_sv(out, k2_buf_view(&block));
        if (count)
            k2_buf_put(out, marker, SYNC_BYTES);
    }
    k2_buf_free(&head);
    k2_buf_free(&packed);
    k2_buf_free(&block);
    return rc;
}

K2_RC lake_ocf_write(const char *schema, const struct lake_ocf_pair *pairs, int n,
                     struct k2_sv records, int64_t count, struct k2_buf *out, struct k2_err *err) {
    struct pairs own = {.n = n};
    for (int i = 0; i < n; i++)
        put_pair(&own.bytes, pairs[i].key, pairs[i].value);
    int rc = put_file(k2_sv_of(schema), &own, records, count, out, err);
    k2_buf_free(&own.bytes);
    return rc;
}

/* --- reading --- */

struct header {
    struct k2_sv schema, codec, sync;
    bool checksummed;     /* the marker is a checksum of ours */
    struct pairs *others; /* NULL, or what gets all other pairs */
};

static void put_other(struct pairs *others, struct k2_sv key, struct k2_sv value) {
    k2_avro_put_bytes(&others->bytes, key);
    k2_avro_put_bytes(&others->bytes, value);
    others->n++;
}

static bool read_pair(struct k2_sv *in, struct header *h) {
    struct k2_sv key, value;
    if (!k2_avro_get_bytes(in, &key) || !k2_avro_get_bytes(in, &value))
        return false;
    if (k2_sv_eq(key, K2_SV("avro.schema")))
        h->schema = value;
    else if (k2_sv_eq(key, K2_SV("avro.codec")))
        h->codec = value;
    else if (k2_sv_eq(key, K2_SV(CHECKSUM_KEY)))
        h->checksummed = k2_sv_eq(value, K2_SV("xxh3-128"));
    else if (h->others)
        put_other(h->others, key, value);
    return true;
}

/* An Avro map comes in blocks; a negative count is followed by the block's size in bytes. */
static bool read_metadata(struct k2_sv *in, struct header *h) {
    int64_t count, bytes;
    for (;;) {
        if (!k2_avro_get_long(in, &count))
            return false;
        if (count == 0)
            return true;
        if (count == INT64_MIN || (count < 0 && !k2_avro_get_long(in, &bytes)))
            return false;
        for (int64_t i = count < 0 ? -count : count; i > 0; i--)
            if (!read_pair(in, h))
                return false;
    }
}

static K2_RC read_header(struct k2_sv *in, struct header *h, struct k2_err *err) {
    *h = (struct header){.others = h->others};
    if (!k2_sv_starts(*in, (struct k2_sv){magic, sizeof magic}))
        return k2_fail(err, K2_E_CORRUPT, "it does not begin as an Avro container file");
    *in = (struct k2_sv){in->p + sizeof magic, in->n - sizeof magic};
    if (!read_metadata(in, h) || in->n < SYNC_BYTES || h->schema.n == 0)
        return k2_fail(err, K2_E_CORRUPT, "its Avro header is cut or has no schema");
    h->sync = (struct k2_sv){in->p, SYNC_BYTES};
    *in = (struct k2_sv){in->p + SYNC_BYTES, in->n - SYNC_BYTES};
    if (h->codec.n == 0 || k2_sv_eq(h->codec, K2_SV("null")) ||
        k2_sv_eq(h->codec, K2_SV("deflate")))
        return K2_OK;
    return k2_fail(err, K2_E_UNSUPPORTED,
                   "it is packed with %.*s; this build reads null and deflate: set the table's "
                   "property write.avro.compression-codec to gzip in the program that wrote it",
                   K2_SV_ARG(h->codec));
}

/* Takes one block off *in; its records are in *data. */
static K2_RC read_block(struct lake_ocf_reader *r, const struct header *h, struct k2_sv *in,
                        int64_t *count, struct k2_sv *data, struct k2_err *err) {
    if (!k2_avro_get_long(in, count) || *count < 0 || !k2_avro_get_bytes(in, data))
        return k2_fail(err, K2_E_CORRUPT, "a block of it is cut");
    if (!k2_sv_starts(*in, h->sync))
        return k2_fail(err, K2_E_CORRUPT, "a block of it does not end with the sync marker");
    *in = (struct k2_sv){in->p + SYNC_BYTES, in->n - SYNC_BYTES};
    if (!k2_sv_eq(h->codec, K2_SV("deflate")))
        return K2_OK;
    r->block.n = 0;
    K2_TRY_CTX(k2_inflate_raw_front(data, BLOCK_LIMIT, &r->block, err), err,
               "unpack a block of it");
    if (data->n > ZLIB_TAIL)
        return k2_fail(err, K2_E_CORRUPT, "a block of it has %zu bytes behind its deflate stream",
                       data->n);
    *data = k2_buf_view(&r->block);
    return K2_OK;
}

static K2_RC use_schema(struct lake_ocf_reader *r, struct k2_sv text,
                        const struct lake_ocf_visitor *v, struct k2_err *err) {
    if (r->schema && k2_sv_eq(k2_buf_view(&r->text), text))
        return K2_OK;
    lake_ocf_schema_free(r->schema);
    r->schema = NULL;
    K2_TRY(lake_ocf_compile(text, v, &r->schema, err));
    r->text.n = 0;
    k2_buf_sv(&r->text, text);
    return K2_OK;
}

/* rest: what follows the header's marker. */
static K2_RC check_sum(struct k2_sv file, struct k2_sv rest, const struct header *h,
                       struct k2_err *err) {
    if (!h->checksummed)
        return K2_OK;
    struct k2_sv head = {file.p, file.n - rest.n - SYNC_BYTES}, block = rest;
    uint8_t marker[SYNC_BYTES];
    block.n -= block.n < SYNC_BYTES ? block.n : SYNC_BYTES;
    checksum(head, block, marker);
    if (memcmp(marker, h->sync.p, SYNC_BYTES) != 0)
        return k2_fail(err, K2_E_CORRUPT, "its checksum does not match its bytes");
    return K2_OK;
}

static K2_RC read_file(struct lake_ocf_reader *r, struct k2_sv file,
                       const struct lake_ocf_visitor *v, struct header *h, struct k2_err *err) {
    struct k2_sv whole = file;
    K2_TRY(read_header(&file, h, err));
    K2_TRY(check_sum(whole, file, h, err));
    K2_TRY(use_schema(r, h->schema, v, err));
    while (file.n) {
        int64_t count;
        struct k2_sv data;
        K2_TRY(read_block(r, h, &file, &count, &data, err));
        for (; count > 0; count--) {
            if (data.n == 0)
                return k2_fail(err, K2_E_CORRUPT, "a block of it has fewer records than it says");
            const char *from = data.p;
            K2_TRY(lake_ocf_walk(r->schema, v, &data, err));
            if (v->whole)
                v->whole(v->ctx, (struct k2_sv){from, (size_t)(data.p - from)});
            K2_TRY(v->record(v->ctx, err));
        }
        if (data.n)
            return k2_fail(err, K2_E_CORRUPT, "a block of it has bytes behind its records");
    }
    return K2_OK;
}

K2_RC lake_ocf_read(struct lake_ocf_reader *r, struct k2_sv file, const struct lake_ocf_visitor *v,
                    struct k2_err *err) {
    struct header h = {0};
    return read_file(r, file, v, &h, err);
}

void lake_ocf_reader_free(struct lake_ocf_reader *r) {
    lake_ocf_schema_free(r->schema);
    k2_buf_free(&r->text);
    k2_buf_free(&r->block);
    *r = (struct lake_ocf_reader){0};
}

/* --- changing --- */

struct edit { /* of one leaf of the record in hand */
    struct k2_sv was;
    size_t to; /* where its replacement ends in `put` */
};

struct editing {
    const struct lake_ocf_editor *editor;
    struct k2_buf edits, put; /* edits: of struct edit */
    struct k2_buf records;
    int64_t count;
    struct k2_err *err;
    int status; /* of an edit that failed */
};

static int edit_tag(void *ctx, const char *path) {
    const struct editing *e = ctx;
    return e->editor->tag(e->editor->ctx, path);
}

static bool accept_leaf(void *ctx, int tag, int64_t number, struct k2_sv bytes) {
    (void)ctx, (void)tag, (void)number, (void)bytes;
    return true;
}

static bool edit_leaf(void *ctx, int tag, struct k2_sv encoded) {
    struct editing *e = ctx;
    e->status = e->editor->edit(e->editor->ctx, tag, encoded, &e->put, e->err);
    struct edit edit = {encoded, e->put.n};
    k2_buf_put(&e->edits, &edit, sizeof edit);
    return e->status == K2_OK;
}

/* What lies between the changed leaves stays. */
static void splice(void *ctx, struct k2_sv record) {
    struct editing *e = ctx;
    const char *at = record.p;
    size_t from = 0;
    for (size_t i = 0; i < e->edits.n; i += sizeof(struct edit)) {
        struct edit edit;
        memcpy(&edit, e->edits.p + i, sizeof edit);
        k2_buf_put(&e->records, at, (size_t)(edit.was.p - at));
        k2_buf_put(&e->records, e->put.p + from, edit.to - from);
        at = edit.was.p + edit.was.n;
        from = edit.to;
    }
    k2_buf_put(&e->records, at, (size_t)(record.p + record.n - at));
    e->edits.n = e->put.n = 0;
}

static K2_RC count_record(void *ctx, struct k2_err *err) {
    (void)err;
    struct editing *e = ctx;
    e->count++;
    return K2_OK;
}

static K2_RC edit_file(struct lake_ocf_reader *r, struct editing *e, struct pairs *others,
                       struct k2_sv file, struct k2_buf *out, struct k2_err *err) {
    struct header h = {.others = others};
    struct k2_err walk_err = {0};
    const struct lake_ocf_visitor v = {.ctx = e,
                                       .tag = edit_tag,
                                       .leaf = accept_leaf,
                                       .record = count_record,
                                       .encoded = edit_leaf,
                                       .whole = splice};
    int rc = read_file(r, file, &v, &h, &walk_err);
    if (e->status != K2_OK) /* the editor said why */
        return e->status;
    if (rc != K2_OK) {
        if (err)
            *err = walk_err;
        return rc;
    }
    return put_file(h.schema, others, k2_buf_view(&e->records), e->count, out, err);
}

K2_RC lake_ocf_edit(struct k2_sv file, const struct lake_ocf_editor *editor, struct k2_buf *out,
                    struct k2_err *err) {
    struct lake_ocf_reader r = {0};
    struct editing e = {.editor = editor, .err = err};
    struct pairs others = {0};
    int rc = edit_file(&r, &e, &others, file, out, err);
    lake_ocf_reader_free(&r);
    k2_buf_free(&e.edits);
    k2_buf_free(&e.put);
    k2_buf_free(&e.records);
    k2_buf_free(&others.bytes);
    return rc;
}
