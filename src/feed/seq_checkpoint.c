/* feed/seq_checkpoint.c - the state of the sequence engine as bytes.
 *
 * Format, version 1, little-endian, no padding; "text" = u16 length and bytes:
 *    0  "K2SQ"
 *    4  u32 version
 *    8  u64 length of everything, from byte 0 through the checksum
 *   16  u32 floors, then each: text exchange, i32 date
 *       u32 channels, then each:
 *           text exchange, text channel, text table of the kind, i32 session date, i32 epoch,
 *           i64 highest number, i32 highest part, u32 gaps, then each: i32 epoch, i64 from, i64 to
 *  end  u32 CRC-32C of all bytes before it
 *
 * Valid iff magic, length and checksum agree and the body is read exactly to its end. Gaps ascend
 * and are disjoint. A floor says that channels of that exchange with an earlier date may have been
 * left out. Recovery: none needed, the journal behind and under the checkpoint can rebuild the
 * state; a checkpoint that is not valid is refused as a whole.
 */
#include "feed/seq_int.h"

#include <stdlib.h>

#define MAGIC "K2SQ"
#define VERSION 1
#define HEADER 16
#define SHARED "*" /* where the table of a kind stands else */
#define CRC_BYTES 4

/* --- writing --- */

static void put_u32(struct k2_buf *b, uint32_t v) {
    k2_put_u32(k2_buf_need(b, 4), v);
    b->n += 4;
}

static void put_u64(struct k2_buf *b, uint64_t v) {
    k2_put_u64(k2_buf_need(b, 8), v);
    b->n += 8;
}

static void put_text(struct k2_buf *b, struct k2_sv s) {
    K2_ASSERT(s.n <= UINT16_MAX);
    k2_put_u16(k2_buf_need(b, 2), (uint16_t)s.n);
    b->n += 2;
    k2_buf_sv(b, s);
}

static void put_channel(struct k2_buf *b, const struct seq_channel *c) {
    put_text(b, seq_channel_exchange(c));
    put_text(b, seq_channel_name(c));
    put_text(b, c->kind == SEQ_SHARED ? K2_SV(SHARED) : k2_sv_of(k2_kind(c->kind)->table));
    put_u32(b, (uint32_t)c->trade_date);
    put_u32(b, (uint32_t)c->epoch);
    put_u64(b, (uint64_t)c->high);
    put_u32(b, (uint32_t)c->high_part);
    put_u32(b, (uint32_t)c->gaps.n);
    for (size_t i = 0; i < c->gaps.n; i++) {
        put_u32(b, (uint32_t)c->gaps.all[i].epoch);
        put_u64(b, (uint64_t)c->gaps.all[i].from);
        put_u64(b, (uint64_t)c->gaps.all[i].to);
    }
}

/* The dates of an exchange, descending, each once; gives how many. */
static size_t dates_of(const struct seq_engine *s, struct k2_sv exchange, int32_t *dates) {
    size_t n = 0;
    for (size_t i = 0; i < s->channels.n; i++) {
        const struct seq_channel *c = s->channels.all[i];
        if (!c->started || !k2_sv_eq(seq_channel_exchange(c), exchange))
            continue;
        size_t at = 0;
        while (at < n && dates[at] > c->trade_date)
            at++;
        if (at < n && dates[at] == c->trade_date)
            continue;
        memmove(dates + at + 1, dates + at, (n - at) * sizeof *dates);
        dates[at] = c->trade_date;
        n++;
    }
    return n;
}

static bool is_among(struct k2_sv s, const struct k2_sv *all, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (k2_sv_eq(s, all[i]))
            return true;
    return false;
}

/* Per exchange the first date that is kept, as floors; the engine's own floors hold on. */
static struct seq_channels floors_for(const struct seq_engine *s, int keep_dates) {
    struct seq_channels floors = {0};
    int32_t *dates = k2_alloc((s->channels.n + 1) * sizeof *dates);
    for (size_t i = 0; i < s->channels.n_floors; i++)
        seq_channels_raise_floor(&floors, seq_floor_exchange(&s->channels.floors[i]),
                                 s->channels.floors[i].date);
    struct k2_sv *seen = k2_alloc((s->channels.n + 1) * sizeof *seen);
    size_t n_seen = 0;
    for (size_t i = 0; keep_dates > 0 && i < s->channels.n; i++) {
        struct k2_sv exchange = seq_channel_exchange(s->channels.all[i]);
        if (is_among(exchange, seen, n_seen))
            continue;
        seen[n_seen++] = exchange;
        if (dates_of(s, exchange, dates) > (size_t)keep_dates)
            seq_channels_raise_floor(&floors, exchange, dates[keep_dates - 1]);
    }
    free(seen);
    free(dates);
    return floors;
}

static bool kept(const struct seq_channels *floors, const struct seq_channel *c, bool trim) {
    for (size_t i = 0; trim && i < floors->n_floors; i++)
        if (k2_sv_eq(seq_floor_exchange(&floors->floors[i]), seq_channel_exchange(c)))
            return c->started && c->trade_date >= floors->floors[i].date;
    return c->started;
}

void seq_engine_save(const struct seq_engine *s, int keep_dates, struct k2_buf *out) {
    struct seq_channels floors = floors_for(s, keep_dates);
    size_t start = out->n, count_at;
    uint32_t count = 0;
    k2_buf_str(out, MAGIC);
    put_u32(out, VERSION);
    put_u64(out, 0); /* the length, when it is known */
    put_u32(out, (uint32_t)floors.n_floors);
    for (size_t i = 0; i < floors.n_floors; i++) {
        put_text(out, seq_floor_exchange(&floors.floors[i]));
        put_u32(out, (uint32_t)floors.floors[i].date);
    }
    count_at = out->n;
    put_u32(out, 0);
    for (size_t i = 0; i < s->channels.n; i++) {
        if (!kept(&floors, s->channels.all[i], keep_dates > 0))
            continue;
        put_channel(out, s->channels.all[i]);
        count++;
    }
    k2_put_u32(out->p + count_at, count);
    k2_put_u64(out->p + start + 8, out->n - start + CRC_BYTES);
    put_u32(out, k2_crc32c(0, out->p + start, out->n - start));
    seq_channels_free(&floors);
}

/* --- reading: each take_ function cuts what it reads off *in, or returns false --- */

static bool take_u32(struct k2_sv *in, uint32_t *v) {
    if (in->n < 4)
        return false;
    *v = k2_get_u32(in->p);
    *in = (struct k2_sv){in->p + 4, in->n - 4};
    return true;
}

static bool take_i32(struct k2_sv *in, int32_t *v) {
    uint32_t u;
    if (!take_u32(in, &u))
        return false;
    *v = (int32_t)u;
    return true;
}

static bool take_i64(struct k2_sv *in, int64_t *v) {
    if (in->n < 8)
        return false;
    *v = (int64_t)k2_get_u64(in->p);
    *in = (struct k2_sv){in->p + 8, in->n - 8};
    return true;
}

static bool take_text(struct k2_sv *in, struct k2_sv *s) {
    if (in->n < 2 || in->n - 2 < k2_get_u16(in->p))
        return false;
    *s = (struct k2_sv){in->p + 2, k2_get_u16(in->p)};
    *in = (struct k2_sv){s->p + s->n, in->n - 2 - s->n};
    return true;
}

/* Behind the last one, and not empty. */
static bool follows(const struct seq_gaps *gaps, const struct seq_gap *g) {
    const struct seq_gap *last = gaps->n ? &gaps->all[gaps->n - 1] : NULL;
    return g->from <= g->to &&
           (!last || g->epoch > last->epoch || (g->epoch == last->epoch && g->from > last->to));
}

static bool take_gaps(struct k2_sv *in, struct seq_gaps *gaps) {
    uint32_t n;
    if (!take_u32(in, &n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct seq_gap g = {0};
        if (!take_i32(in, &g.epoch) || !take_i64(in, &g.from) || !take_i64(in, &g.to) ||
            !follows(gaps, &g))
            return false;
        seq_gaps_open(gaps, g);
    }
    return true;
}

static bool take_channel(struct k2_sv *in, struct seq_channels *channels) {
    struct seq_key key;
    struct k2_sv table;
    if (!take_text(in, &key.exchange) || !take_text(in, &key.channel) || !take_text(in, &table) ||
        !take_i32(in, &key.trade_date))
        return false;
    const struct k2_kind *kind = k2_kind_by_table(table);
    bool shared = k2_sv_eq(table, K2_SV(SHARED));
    if (!kind && !shared)
        return false;
    key.kind = shared ? SEQ_SHARED : kind->id;
    struct seq_channel *c = seq_channels_get(channels, &key);
    if (c->started)
        return false; /* twice */
    c->started = true;
    c->forgotten = false;
    return take_i32(in, &c->epoch) && take_i64(in, &c->high) && take_i32(in, &c->high_part) &&
           take_gaps(in, &c->gaps);
}

static bool take_body(struct k2_sv *in, struct seq_channels *channels) {
    uint32_t n;
    struct k2_sv exchange;
    int32_t date;
    if (!take_u32(in, &n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!take_text(in, &exchange) || !take_i32(in, &date))
            return false;
        seq_channels_raise_floor(channels, exchange, date);
        if (channels->n_floors != i + 1)
            return false; /* twice */
    }
    if (!take_u32(in, &n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!take_channel(in, channels))
            return false;
    return in->n == 0;
}

static int check_frame(struct k2_sv bytes, struct k2_err *err) {
    if (bytes.n < HEADER + CRC_BYTES || memcmp(bytes.p, MAGIC, 4) != 0)
        return k2_fail(err, K2_E_CORRUPT, "these %zu bytes are no checkpoint of sequences",
                       bytes.n);
    if (k2_get_u32(bytes.p + 4) > VERSION)
        return k2_fail(
            err, K2_E_VERSION,
            "the checkpoint of sequences has format version %u; this build reads %d; use "
            "a newer k2",
            k2_get_u32(bytes.p + 4), VERSION);
    if (k2_get_u64(bytes.p + 8) != bytes.n ||
        k2_get_u32(bytes.p + bytes.n - CRC_BYTES) != k2_crc32c(0, bytes.p, bytes.n - CRC_BYTES))
        return k2_fail(err, K2_E_CORRUPT, "the checkpoint of sequences fails its checksum");
    return K2_OK;
}

int seq_engine_restore(struct seq_engine *s, struct k2_sv bytes, struct k2_err *err) {
    struct seq_channels channels = {0};
    K2_TRY(check_frame(bytes, err));
    struct k2_sv body = {bytes.p + HEADER, bytes.n - HEADER - CRC_BYTES};
    if (!take_body(&body, &channels)) {
        seq_channels_free(&channels);
        return k2_fail(err, K2_E_CORRUPT, "the checkpoint of sequences breaks its format");
    }
    seq_channels_free(&s->channels);
    s->channels = channels;
    s->remembered = 0;
    s->sweep = 0;
    return K2_OK;
}
