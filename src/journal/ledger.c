/* journal/ledger.c - see ledger.h. */
#include "journal/ledger.h"

#include "base/clock.h"

#include <inttypes.h>

enum {
    STEPS = 10,        /* room for those of one kind in `part` */
    FIRST_OUTAGE = 100 /* place of the causes behind those of the kinds */
};

static int32_t place_of(const struct seq_step *s) {
    if (s->cause != SEQ_NUMBERS)
        return FIRST_OUTAGE + (int32_t)s->cause;
    return s->kind == SEQ_SHARED ? 0 : (int32_t)s->kind + 1;
}

static int32_t part_of(const struct seq_step *s) {
    int32_t place = place_of(s);
    return (int32_t)s->state + STEPS * place;
}

static void put_pair(struct k2_buf *blob, const char *key, struct k2_sv value) {
    if (value.n == 0)
        return;
    k2_blob_add(blob, k2_sv_of(key));
    k2_blob_add(blob, value);
}

/* Keys are in order. */
static uint32_t extra_of(const struct seq_step *s, const char *note, struct k2_interner *in) {
    struct k2_buf blob = {0};
    if (s->state == SEQ_OPENED && s->halts)
        put_pair(&blob, "halts", K2_SV("yes"));
    put_pair(&blob, "note", k2_sv_of(note));
    put_pair(&blob, "source", s->source);
    put_pair(&blob, "why", s->why);
    uint32_t id = blob.n ? k2_intern(in, k2_buf_view(&blob)) : 0;
    k2_buf_free(&blob);
    return id;
}

struct k2_event ledger_event(const struct seq_step *s, const char *actor, const char *note,
                             int64_t now_ns, struct k2_interner *in) {
    struct k2_event e;
    int64_t midnight = s->trade_date * K2_NS_PER_DAY;
    k2_event_blank(&e, K2_KIND_GAP);
    struct k2_gap *g = &e.gap;
    g->exchange = k2_intern(in, s->exchange);
    g->symbol = k2_intern(in, K2_SV("*"));
    g->channel = k2_intern(in, s->channel);
    g->trade_date = s->trade_date;
    g->exchange_timestamp_ns = s->time_ns == K2_NULL_LONG ? midnight : s->time_ns;
    g->receive_timestamp_ns = now_ns;
    g->exchange_sequence_number = s->from;
    g->epoch = s->epoch;
    g->part = part_of(s);
    g->state = k2_intern(in, k2_sv_of(seq_state_name(s->state)));
    g->cause = k2_intern(in, k2_sv_of(seq_cause_name(s->cause)));
    g->event_kind = s->kind == SEQ_SHARED ? 0 : k2_intern(in, k2_sv_of(k2_kind(s->kind)->name));
    g->gap_to = s->to;
    g->missing = s->missing;
    g->actor = k2_intern(in, k2_sv_of(actor));
    g->opened_ns = s->opened_ns;
    g->flags = K2_FLAG_LAST;
    g->extra = extra_of(s, note, in);
    g->raw_offset = s->state == SEQ_OPENED ? s->raw_offset : K2_NULL_LONG;
    return e;
}

static struct k2_sv value_of(struct k2_sv blob, const char *key) {
    struct k2_sv k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key)))
            return v;
    return (struct k2_sv){0};
}

/* Of the place in part. False: it is none of ours. */
static bool read_place(int32_t place, struct seq_step *out) {
    if (place > FIRST_OUTAGE && place < FIRST_OUTAGE + SEQ_CAUSES) {
        out->cause = (enum seq_cause)(place - FIRST_OUTAGE);
        out->kind = SEQ_SHARED;
        return true;
    }
    out->kind = place ? (enum k2_kind_id)(place - 1) : SEQ_SHARED;
    return place >= 0 && place <= K2_KIND_COUNT;
}

bool ledger_step(const struct k2_event *e, const struct k2_interner *in, struct seq_step *out) {
    const struct k2_gap *g = &e->gap;
    struct k2_sv extra = k2_interned(in, g->extra);
    int32_t state = g->part % STEPS;
    *out = (struct seq_step){.exchange = k2_interned(in, g->exchange),
                             .channel = k2_interned(in, g->channel),
                             .trade_date = g->trade_date,
                             .epoch = g->epoch,
                             .from = g->exchange_sequence_number,
                             .to = g->gap_to,
                             .missing = g->missing,
                             .halts = value_of(extra, "halts").n > 0,
                             .time_ns = g->exchange_timestamp_ns,
                             .opened_ns = g->opened_ns,
                             .raw_offset = g->raw_offset,
                             .source = value_of(extra, "source"),
                             .why = value_of(extra, "why")};
    if (g->part < 0 || state > SEQ_ACKNOWLEDGED || !read_place(g->part / STEPS, out))
        return false;
    out->state = (enum seq_state)state;
    return out->cause != SEQ_NUMBERS || (g->gap_to != K2_NULL_LONG && g->gap_to >= out->from);
}

/* --- names --- */

static void put_escaped(struct k2_buf *out, struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' || s.p[i] == '/')
            k2_buf_printf(out, "%%%02X", (unsigned)(unsigned char)s.p[i]);
        else
            k2_buf_byte(out, (uint8_t)s.p[i]);
    }
}

void ledger_channel_name(const struct seq_step *gap, struct k2_buf *out) {
    char date[K2_DATE_TEXT];
    k2_date_format(gap->trade_date, date);
    put_escaped(out, gap->exchange);
    k2_buf_printf(out, "/%s/", date);
    put_escaped(out, gap->channel);
    k2_buf_printf(out, "/%s", seq_step_word(gap));
}

void ledger_entry_name(const struct seq_step *gap, struct k2_buf *out) {
    ledger_channel_name(gap, out);
    k2_buf_printf(out, "/%d/%" PRId64, gap->epoch, gap->from);
}
