/* feed/sequence/checkpoint.c - the state of the sequence engine as bytes.
 *
 * Format, version 3, little-endian, no padding; "text" = u16 length and bytes:
 *    0  "K2SQ"
 *    4  u32 version
 *    8  u64 length of everything, from byte 0 through the checksum
 *   16  u32 floors, then each: text exchange, i32 date
 *       u32 channels, then each:
 *           text exchange, text channel, text table of the kind or *, i32 session date, i32 epoch,
 *           i64 highest number, i32 highest part, u32 gaps, then each: i32 epoch, i64 from, i64 to
 *           i64 lowest number, u8 bits: 1 partial, 2 resumed
 *           u32 earlier epochs, then each: i32 epoch, i64 lowest, i64 highest number
 *           u32 holes, then each: i32 epoch, i64 from, i64 to, i64 time, i64 raw offset,
 *               i64 time of opening, u8 bits: 1 opened, 2 requested, 4 given up, 8 acknowledged,
 *               16 may halt, 32 halts; text source
 *       u32 outages, then each: u8 cause (enum seq_cause), text exchange, text feed, i32 session date, i64 from,
 *           i64 time of opening, u8 bits: 1 given up, 2 acknowledged; text source, text why
 *  end  u32 CRC-32C of all bytes before it
 * Version 2 has no outages.
 * Version 1 lacks the lines of a channel from its lowest number on: such a channel is partial, and each of its
 * gaps is a hole that is not opened.
 *
 * Valid iff magic, length and checksum agree and the body is read exactly to its end. Gaps, epochs and holes
 * ascend and are disjoint; each gap is within a hole and each hole has a gap. A floor says that channels of that
 * exchange with an earlier date may have been left out. Recovery: none needed, the journal behind and under the checkpoint can rebuild the
 * state; a checkpoint that is not valid is refused as a whole.
 */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

#define MAGIC "K2SQ"
#define VERSION 3
#define HEADER 16
#define SHARED "*" /* where the table of a kind stands else */

enum { OUT_GIVEN_UP = 1, OUT_ACKNOWLEDGED = 2, ALL_OF_AN_OUTAGE = 3 };
enum { PARTIAL = 1, RESUMED = 2, ALL_OF_A_CHANNEL = 3 };
enum {
    OPENED = 1,
    REQUESTED = 2,
    GIVEN_UP = 4,
    ACKNOWLEDGED = 8,
    MAY_HALT = 16,
    HALTS = 32,
    ALL_OF_A_HOLE = 63
};
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

static void put_i64(struct k2_buf *b, int64_t v) {
    put_u64(b, (uint64_t)v);
}

static void put_text(struct k2_buf *b, struct k2_sv s) {
    K2_ASSERT(s.n <= UINT16_MAX);
    k2_put_u16(k2_buf_need(b, 2), (uint16_t)s.n);
    b->n += 2;
    k2_buf_sv(b, s);
}

static void put_hole(struct k2_buf *b, const struct seq_hole *h) {
    put_u32(b, (uint32_t)h->epoch);
    put_i64(b, h->from);
    put_i64(b, h->to);
    put_i64(b, h->time_ns);
    put_i64(b, h->raw_offset);
    put_i64(b, h->opened_ns);
    k2_buf_byte(b, (uint8_t)((h->opened ? OPENED : 0) | (h->requested ? REQUESTED : 0) |
                             (h->given_up ? GIVEN_UP : 0) | (h->acknowledged ? ACKNOWLEDGED : 0) |
                             (h->may_halt ? MAY_HALT : 0) | (h->halts ? HALTS : 0)));
    put_text(b, k2_sv_of(h->source));
}

static void put_ledger(struct k2_buf *b, const struct seq_channel *c) {
    put_i64(b, c->first);
    k2_buf_byte(b, (uint8_t)((c->partial ? PARTIAL : 0) | (c->resumed ? RESUMED : 0)));
    put_u32(b, (uint32_t)c->past.n);
    for (size_t i = 0; i < c->past.n; i++) {
        put_u32(b, (uint32_t)c->past.all[i].epoch);
        put_i64(b, c->past.all[i].first);
        put_i64(b, c->past.all[i].high);
    }
    put_u32(b, (uint32_t)(c->holes.n - c->holes.gone));
    for (size_t i = 0; i < c->holes.n; i++)
        if (c->holes.all[i].missing > 0)
            put_hole(b, &c->holes.all[i]);
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
    put_ledger(b, c);
}

static void put_outages(struct k2_buf *b, const struct seq_outages *all) {
    size_t at = b->n;
    uint32_t count = 0;
    put_u32(b, 0);
    for (size_t i = 0; i < all->n; i++) {
        const struct seq_outage *o = &all->all[i];
        if (o->over)
            continue;
        k2_buf_byte(b, (uint8_t)o->cause);
        put_text(b, k2_sv_of(o->exchange));
        put_text(b, k2_sv_of(o->channel));
        put_u32(b, (uint32_t)o->trade_date);
        put_i64(b, o->from);
        put_i64(b, o->opened_ns);
        k2_buf_byte(b, (uint8_t)((o->given_up ? OUT_GIVEN_UP : 0) |
                                 (o->acknowledged ? OUT_ACKNOWLEDGED : 0)));
        put_text(b, k2_sv_of(o->source));
        put_text(b, k2_sv_of(o->why));
        count++;
    }
    k2_put_u32(b->p + at, count);
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
            return c->started && (c->trade_date >= floors->floors[i].date || c->gaps.n > 0);
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
    put_outages(out, &s->outages);
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

static bool take_byte(struct k2_sv *in, unsigned *v) {
    if (in->n < 1)
        return false;
    *v = (unsigned char)in->p[0];
    *in = (struct k2_sv){in->p + 1, in->n - 1};
    return true;
}

static bool take_text(struct k2_sv *in, struct k2_sv *s) {
    if (in->n < 2 || in->n - 2 < k2_get_u16(in->p))
        return false;
    *s = (struct k2_sv){in->p + 2, k2_get_u16(in->p)};
    *in = (struct k2_sv){s->p + s->n, in->n - 2 - s->n};
    return true;
}

/* As it is kept in memory. */
static bool take_words(struct k2_sv *in, size_t most, struct k2_sv *s) {
    return take_text(in, s) && s->n <= most && (s->n == 0 || !memchr(s->p, 0, s->n));
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

static bool take_spans(struct k2_sv *in, struct seq_channel *c) {
    uint32_t n;
    if (!take_u32(in, &n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct seq_span s;
        if (!take_i32(in, &s.epoch) || !take_i64(in, &s.first) || !take_i64(in, &s.high) ||
            s.first > s.high || s.epoch >= c->epoch ||
            (i > 0 && s.epoch <= c->past.all[i - 1].epoch))
            return false;
        seq_spans_add(&c->past, s);
    }
    return true;
}

/* Behind the last one. */
static bool take_hole(struct k2_sv *in, struct seq_channel *c) {
    struct seq_hole h = {.missing = 1}; /* counted when all are here */
    const struct seq_hole *last = c->holes.n ? &c->holes.all[c->holes.n - 1] : NULL;
    struct k2_sv source;
    unsigned bits;
    if (!take_i32(in, &h.epoch) || !take_i64(in, &h.from) || !take_i64(in, &h.to) ||
        !take_i64(in, &h.time_ns) || !take_i64(in, &h.raw_offset) || !take_i64(in, &h.opened_ns) ||
        !take_byte(in, &bits) || bits > ALL_OF_A_HOLE || !take_words(in, UINT16_MAX, &source))
        return false;
    if (h.from > h.to ||
        (last && (h.epoch < last->epoch || (h.epoch == last->epoch && h.from <= last->to))))
        return false;
    h.opened = bits & OPENED;
    h.requested = bits & REQUESTED;
    h.given_up = bits & GIVEN_UP;
    h.acknowledged = bits & ACKNOWLEDGED;
    h.may_halt = bits & MAY_HALT;
    h.halts = bits & HALTS;
    h.source = source.n ? k2_sv_dup(source) : NULL;
    c->halted |= h.halts;
    seq_holes_add(&c->holes, &h);
    return true;
}

/* Each gap is within a hole, and each hole has one. */
static bool count_missing(struct seq_channel *c) {
    for (size_t i = 0, k = 0; i < c->holes.n; i++) {
        struct seq_hole *h = &c->holes.all[i];
        int64_t missing = 0;
        for (; k < c->gaps.n && c->gaps.all[k].epoch == h->epoch && c->gaps.all[k].from <= h->to;
             k++) {
            if (c->gaps.all[k].from < h->from || c->gaps.all[k].to > h->to)
                return false;
            missing = seq_missing_add(missing, c->gaps.all[k].from, c->gaps.all[k].to);
        }
        if (missing == 0 || (i + 1 == c->holes.n && k < c->gaps.n))
            return false;
        h->missing = missing;
    }
    return c->holes.n > 0 || c->gaps.n == 0;
}

static bool take_ledger(struct k2_sv *in, struct seq_channel *c) {
    unsigned bits;
    uint32_t n;
    if (!take_i64(in, &c->first) || c->first > c->high || !take_byte(in, &bits) ||
        bits > ALL_OF_A_CHANNEL || !take_spans(in, c) || !take_u32(in, &n))
        return false;
    c->partial = bits & PARTIAL;
    c->resumed = bits & RESUMED;
    for (uint32_t i = 0; i < n; i++)
        if (!take_hole(in, c))
            return false;
    return count_missing(c);
}

static void make_ledger(struct seq_channel *c) {
    c->partial = true;
    c->first = INT64_MIN;
    for (size_t i = 0; i < c->gaps.n; i++) {
        const struct seq_gap *g = &c->gaps.all[i];
        const struct seq_hole h = {.epoch = g->epoch,
                                   .from = g->from,
                                   .to = g->to,
                                   .missing = seq_missing_add(0, g->from, g->to),
                                   .time_ns = K2_NULL_LONG,
                                   .raw_offset = K2_NULL_LONG};
        seq_holes_add(&c->holes, &h);
    }
}

static bool take_channel(struct k2_sv *in, uint32_t version, struct seq_channels *channels) {
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
    if (!take_i32(in, &c->epoch) || !take_i64(in, &c->high) || !take_i32(in, &c->high_part) ||
        !take_gaps(in, &c->gaps))
        return false;
    if (version > 1)
        return take_ledger(in, c);
    make_ledger(c);
    return true;
}

static bool take_outage(struct k2_sv *in, struct seq_outages *all) {
    struct seq_step s = {0};
    unsigned cause, bits;
    if (!take_byte(in, &cause) || cause == SEQ_NUMBERS || cause >= SEQ_CAUSES ||
        !take_words(in, UINT16_MAX, &s.exchange) || !take_words(in, UINT16_MAX, &s.channel) ||
        !take_i32(in, &s.trade_date) || !take_i64(in, &s.from) || !take_i64(in, &s.opened_ns) ||
        !take_byte(in, &bits) || bits > ALL_OF_AN_OUTAGE ||
        !take_words(in, SEQ_LONGEST_TEXT, &s.source) || !take_words(in, SEQ_LONGEST_TEXT, &s.why))
        return false;
    s.cause = (enum seq_cause)cause;
    if (seq_outages_find(all, &s))
        return false; /* twice */
    struct seq_outage *o = seq_outages_add(all, &s);
    o->given_up = bits & OUT_GIVEN_UP;
    o->acknowledged = bits & OUT_ACKNOWLEDGED;
    return true;
}

static bool take_outages(struct k2_sv *in, struct seq_outages *all) {
    uint32_t n;
    if (!take_u32(in, &n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!take_outage(in, all))
            return false;
    return true;
}

static bool take_body(struct k2_sv *in, uint32_t version, struct seq_channels *channels) {
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
        if (!take_channel(in, version, channels))
            return false;
    return true;
}

static bool take_all(struct k2_sv *in, uint32_t version, struct seq_channels *channels,
                     struct seq_outages *outages) {
    return take_body(in, version, channels) && (version < 3 || take_outages(in, outages)) &&
           in->n == 0;
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
    struct seq_outages outages = {0};
    K2_TRY(check_frame(bytes, err));
    struct k2_sv body = {bytes.p + HEADER, bytes.n - HEADER - CRC_BYTES};
    if (!take_all(&body, k2_get_u32(bytes.p + 4), &channels, &outages)) {
        seq_channels_free(&channels);
        seq_outages_free(&outages);
        return k2_fail(err, K2_E_CORRUPT, "the checkpoint of sequences breaks its format");
    }
    seq_engine_steps_taken(s); /* their strings are of the channels that were */
    seq_channels_free(&s->channels);
    seq_outages_free(&s->outages);
    s->channels = channels;
    s->outages = outages;
    s->remembered = 0;
    s->sweep = 0;
    seq_ledger_wait_anew(s);
    return K2_OK;
}
