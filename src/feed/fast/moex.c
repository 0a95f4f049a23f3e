/* feed/fast/moex.c - market data of the Moscow Exchange's derivatives market (FORTS, once RTS) in FAST 1.1, decoded by
 * the templates that the venue publishes ("RTS FAST Gate", templates.xml), which are given with --mapping. What the
 * messages mean is in fix/market.h: their fields have FIX's tags.
 *
 *   file      messages behind each other, as in the datagrams but without their preamble; where one is at fault the next
 *             Reset (template 120) is searched
 *   capture   a datagram is one or more messages, with or without the preamble of four bytes that repeats MsgSeqNum; the
 *             previous values of a datagram are its own
 *
 * A feed numbers its messages for itself, and messages do not say which feed they are of: X is of "incremental", W of
 * "snapshot", d and BP of "instruments", all others of the feed that the flow was found to be before. A flow is known by
 * its address, so that a connection that is made again is of the same feed. Until it is found, what comes is of
 * "session", of each address for itself: numbers of different feeds are nobody's gap. The number of a snapshot begins again with each cycle, behind a SequenceReset: the epoch is the time of day
 * of its first message.
 */
#include "feed/capture/frames.h"
#include "feed/fast/fast.h"
#include "feed/fix/market.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define FLOWS 256 /* of which it is remembered what they are; all others share the last place */
#define NUMBER_TEXT 80

enum stream { SESSION, INCREMENTAL, SNAPSHOT, INSTRUMENTS };

struct flow {
    uint64_t key; /* of its address; without one its number */
    enum stream stream;
};

struct moex {
    struct feed_frames *frames;
    struct fast_templates *templates;
    struct fast_decoder decoder;
    struct fix_market market;
    bool shown, faulty; /* the message was cut out and decoded; it is at fault */
    bool lost;          /* what follows is passed over, up to a Reset */
    struct flow flows[FLOWS];
    size_t flows_n, flow_last;
    struct fix_field *fields;
    size_t fields_cap;
    struct k2_buf texts, channel, keys, name;
    const struct feed_frame *frame;
};

/* --- values as text --- */

/* Of mantissa and exponent, without a point where there is no fraction. */
static size_t print_decimal(k2_i128 mantissa, int exponent, char out[NUMBER_TEXT * 2]) {
    char digits[K2_DECIMAL_TEXT];
    if (exponent < 0 && exponent >= -38)
        return k2_decimal_format_short(mantissa, -exponent, out);
    size_t n = k2_decimal_format_short(mantissa, 0, digits);
    if (exponent < 0) { /* below what a decimal holds: as it is on the wire */
        memcpy(out, digits, n);
        return n + (size_t)snprintf(out + n, NUMBER_TEXT, "e%d", exponent);
    }
    memcpy(out, digits, n);
    for (int i = 0; mantissa != 0 && i < exponent; i++)
        out[n++] = '0';
    return n;
}

static void put_hex(struct k2_buf *out, struct k2_sv bytes) {
    for (size_t i = 0; i < bytes.n; i++)
        k2_buf_printf(out, "%02x", (unsigned)(unsigned char)bytes.p[i]);
}

/* Appends it to out. */
static void put_value(const struct moex *s, const struct fast_value *v, struct k2_buf *out) {
    char room[NUMBER_TEXT * 2];
    if (v->type == FAST_BYTES)
        put_hex(out, fast_text(&s->decoder, v));
    else if (v->type > FAST_DECIMAL)
        k2_buf_sv(out, fast_text(&s->decoder, v));
    else
        k2_buf_put(out, room, print_decimal(v->number, v->exponent, room));
}

/* --- a message as fields --- */

struct flatten { /* where it is in the groups of the message */
    int deep, entries_deep;
    int32_t entry;
    bool first; /* only first elements of groups are around it */
};

/* Names of fields inside groups: "InstrumentLegs.0.LegSymbol". */
static void open_group(struct moex *s, const struct fast_cell *c, struct flatten *at) {
    const struct fast_field *f = &s->templates->fields[c->field];
    bool entries = at->deep == 0 && f->type == FAST_SEQUENCE &&
                   ((f + 1)->tag == FIX_NO_ENTRIES || strcmp((f + 1)->name, "NoMDEntries") == 0);
    at->deep++;
    if (entries) {
        at->entry = c->index;
        at->entries_deep = at->deep;
        return;
    }
    if (f->type == FAST_MESSAGE)
        return;
    k2_buf_str(&s->name, f->name);
    k2_buf_byte(&s->name, '.');
    if (c->index >= 0)
        k2_buf_printf(&s->name, "%d.", c->index);
}

static void close_group(struct moex *s, const struct fast_cell *c, struct flatten *at) {
    const struct fast_field *f = &s->templates->fields[c->field];
    if (at->deep == at->entries_deep) {
        at->entry = -1;
        at->entries_deep = 0;
    } else if (f->type != FAST_MESSAGE) {
        size_t dots = c->index >= 0 ? 2 : 1;
        while (s->name.n && dots) {
            s->name.n--;
            dots -= s->name.n == 0 || s->name.p[s->name.n - 1] == '.';
        }
    }
    at->deep--;
}

static struct fix_field *next_field(struct moex *s, size_t n) {
    if (n == s->fields_cap) {
        s->fields_cap = s->fields_cap ? s->fields_cap * 2 : 256;
        s->fields = k2_realloc(s->fields, s->fields_cap * sizeof *s->fields);
    }
    return &s->fields[n];
}

/* Texts and names move while they are gathered: their places are kept in the pointers' stead until all are there. */
static void add_field(struct moex *s, const struct fast_cell *c, const struct flatten *at,
                      size_t *n) {
    const struct fast_field *f = &s->templates->fields[c->field];
    if (c->value.there != FAST_ASSIGNED || f->type == FAST_SEQUENCE || !*f->name)
        return;
    struct fix_field *out = next_field(s, (*n)++);
    size_t text = s->texts.n, key = s->keys.n;
    bool nested = s->name.n > 0;
    put_value(s, &c->value, &s->texts);
    *out = (struct fix_field){.tag = f->tag, .entry = at->entry};
    out->text = (struct k2_sv){NULL, s->texts.n - text};
    out->key = (struct k2_sv){f->name, strlen(f->name)};
    if (nested) {
        k2_buf_sv(&s->keys, k2_buf_view(&s->name));
        k2_buf_str(&s->keys, f->name);
        out->key = (struct k2_sv){NULL, s->keys.n - key};
        if (!k2_sv_ends(k2_buf_view(&s->name), K2_SV(".0.")))
            out->tag = 0;
    }
}

static void place_texts(struct moex *s, size_t n) {
    const char *text = (const char *)s->texts.p, *key = (const char *)s->keys.p;
    for (size_t i = 0; i < n; i++) {
        s->fields[i].text.p = text;
        text += s->fields[i].text.n;
        if (s->fields[i].key.p)
            continue;
        s->fields[i].key.p = key;
        key += s->fields[i].key.n;
    }
}

static size_t flatten(struct moex *s) {
    struct flatten at = {.entry = -1};
    size_t n = 0;
    s->texts.n = s->keys.n = s->name.n = 0;
    (void)k2_buf_need(&s->texts, 1);
    (void)k2_buf_need(&s->keys, 1);
    for (size_t i = 0; i < s->decoder.n; i++) {
        const struct fast_cell *c = &s->decoder.cells[i];
        if (c->is == FAST_OPEN)
            open_group(s, c, &at);
        else if (c->is == FAST_CLOSE)
            close_group(s, c, &at);
        else
            add_field(s, c, &at, &n);
    }
    place_texts(s, n);
    return n;
}

/* --- messages to events --- */

static struct k2_sv field_of(const struct moex *s, size_t n, uint32_t tag) {
    for (size_t i = 0; i < n; i++)
        if (s->fields[i].tag == tag)
            return s->fields[i].text;
    return (struct k2_sv){NULL, 0};
}

/* Mostly it is that of the message before. */
static struct flow *flow_of(struct moex *s) {
    struct k2_sv name = s->frame->flow_name;
    uint64_t key = name.n ? k2_hash64(name.p, name.n) : s->frame->flow;
    if (s->flow_last < s->flows_n && s->flows[s->flow_last].key == key)
        return &s->flows[s->flow_last];
    for (s->flow_last = 0; s->flow_last < s->flows_n; s->flow_last++)
        if (s->flows[s->flow_last].key == key)
            return &s->flows[s->flow_last];
    if (s->flows_n < FLOWS)
        s->flows_n++;
    s->flow_last = s->flows_n - 1;
    s->flows[s->flow_last].key = key;
    return &s->flows[s->flow_last];
}

static enum stream stream_of(struct moex *s, struct k2_sv type) {
    enum stream *known = &flow_of(s)->stream;
    if (k2_sv_eq(type, K2_SV("X")))
        *known = INCREMENTAL;
    else if (k2_sv_eq(type, K2_SV("W")))
        *known = SNAPSHOT;
    else if (k2_sv_eq(type, K2_SV("d")) || k2_sv_eq(type, K2_SV("BP")))
        *known = INSTRUMENTS;
    return *known;
}

/* "RTS@incremental", "RTS@session udp://239.195.1.1:9001"; empty where the sender is no text. */
static void name_channel(struct moex *s, struct k2_sv sender, enum stream stream) {
    static const char *const names[] = {"session", "incremental", "snapshot", "instruments"};
    struct k2_sv flow = s->frame->flow_name;
    s->channel.n = 0;
    if (sender.n && !feed_text_ok(sender, 64))
        return;
    k2_buf_sv(&s->channel, sender);
    k2_buf_printf(&s->channel, "@%s", names[stream]);
    if (stream == SESSION && flow.n && feed_text_ok(flow, 128))
        k2_buf_printf(&s->channel, " %.*s", K2_SV_ARG(flow));
    else if (stream == SESSION && flow.n)
        k2_buf_printf(&s->channel, " %u", s->frame->flow);
}

static struct fix_message message_of(struct moex *s, struct k2_sv raw, uint64_t offset) {
    size_t n = flatten(s);
    enum stream stream = stream_of(s, field_of(s, n, FIX_MSG_TYPE));
    name_channel(s, field_of(s, n, FIX_SENDER), stream);
    return (struct fix_message){
        .fields = s->fields,
        .n = n,
        .channel = k2_buf_view(&s->channel),
        .stamped = stream != INCREMENTAL,
        .name = s->decoder.template ? s->decoder.template->name : NULL,
        .raw = raw,
        .position = s->frame->number,
        .receive_ns = s->frame->time_ns,
        .offset = offset,
    };
}

static int take_message(struct moex *s, struct k2_sv raw, uint64_t offset, size_t size,
                        const struct feed_sink *sink, struct k2_err *err) {
    const struct fast_decoder *d = &s->decoder;
    if (size && d->template->reset && d->n == 0)
        return sink->filtered(sink->ctx, "a Reset of the decoder", err);
    struct fix_message m = message_of(s, raw, offset);
    if (size)
        return fix_market_take(&s->market, &m, sink, err);
    struct feed_fault fault = {.reason = "MALFORMED"};
    snprintf(fault.detail, sizeof fault.detail, "%s, at byte %zu of the message",
             d->why ? d->why : "the datagram ends inside a message", d->why ? d->why_at : d->size);
    return fix_market_refuse(&s->market, &m, &fault, sink, err);
}

/* --- frames --- */

/* Whether a message of a template that is known begins here. */
static bool begins(const struct moex *s, const uint8_t *p, size_t n) {
    size_t at = 0;
    uint64_t id = 0;
    while (at < n && !(p[at] & 0x80u))
        at++;
    if (n == 0 || !(p[0] & 0x40u))
        return false;
    for (at++; at < n && id <= UINT32_MAX; at++) {
        id = id << 7 | (p[at] & 0x7fu);
        if (p[at] & 0x80u)
            return fast_template_of(s->templates, id) != NULL;
    }
    return false;
}

static int take_datagram(struct moex *s, const struct feed_frame *f, const struct feed_sink *sink,
                         struct k2_err *err) {
    const uint8_t *p = (const uint8_t *)f->bytes.p;
    size_t n = f->bytes.n, size = 1, at = 0;
    if (!begins(s, p, n) && n > 4 && begins(s, p + 4, n - 4))
        at = 4;
    if (at >= n)
        return sink->filtered(sink->ctx, "an empty datagram", err);
    fast_decoder_reset(&s->decoder);
    for (int rc = K2_OK; at < n && size; at += size) {
        size = fast_decode(&s->decoder, p + at, n - at);
        struct k2_sv raw = {f->bytes.p + at, size ? size : n - at};
        rc = take_message(s, raw, f->offset + at, size, sink, err);
        if (rc != K2_OK)
            return rc;
    }
    return K2_OK;
}

static int take_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct moex *s = state;
    s->frame = f;
    if (!s->shown)
        return take_datagram(s, f, sink, err);
    s->shown = false;
    return take_message(s, f->bytes, f->offset, s->faulty ? 0 : f->bytes.n, sink, err);
}

/* Where behind `from` a Reset begins: a presence map with the one bit of the template, and its identifier. */
static size_t find_reset(const struct moex *s, struct k2_sv bytes, size_t from) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    for (size_t i = from; i + 1 < bytes.n; i++) {
        const uint8_t *found = memchr(p + i, 0xc0, bytes.n - 1 - i);
        if (!found)
            break;
        i = (size_t)(found - p);
        const struct fast_template *t =
            p[i + 1] & 0x80u ? fast_template_of(s->templates, p[i + 1] & 0x7fu) : NULL;
        if (t && t->reset)
            return i;
    }
    return SIZE_MAX;
}

/* Bytes of the message that begins here; of one at fault all up to the next Reset. */
static size_t cut(void *state, struct k2_sv bytes) {
    struct moex *s = state;
    if (s->lost && find_reset(s, (struct k2_sv){bytes.p, bytes.n < 2 ? bytes.n : 2}, 0) != 0)
        return bytes.n < 2 ? 0 : SIZE_MAX;
    s->lost = false;
    size_t size = fast_decode(&s->decoder, (const uint8_t *)bytes.p, bytes.n);
    s->faulty = size == 0;
    s->shown = size > 0;
    if (size || s->decoder.more)
        return size;
    size = find_reset(s, bytes, 1);
    s->shown = size != SIZE_MAX;
    s->lost = !s->shown;
    return size;
}

/* --- the decoder --- */

static void make_decoder(struct moex *s) {
    if (s->templates && !s->decoder.t)
        fast_decoder_init(&s->decoder, s->templates);
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct moex *s = state;
    if (!o->mapping.n)
        return k2_fail(err, K2_E_USAGE,
                       "the format %s needs the venue's templates: --mapping templates.xml",
                       self->name);
    K2_TRY(fix_market_init(&s->market, o, K2_SV("RTSX"), in, err));
    K2_TRY(fast_templates_parse(o->mapping, &s->templates, err));
    make_decoder(s);
    s->frames = feed_frames_new(&(struct feed_frames_options){
        .frame = take_frame, .state = s, .framing = FEED_FRAMING_OWN, .cut = cut});
    return K2_OK;
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct moex *s = state;
    return feed_frames_decode(s->frames, bytes, last, consumed, sink, err);
}

static void fini(void *state) {
    struct moex *s = state;
    feed_frames_free(s->frames);
    fast_decoder_free(&s->decoder);
    fast_templates_free(s->templates);
    fix_market_fini(&s->market);
    free(s->fields);
    k2_buf_free(&s->texts);
    k2_buf_free(&s->channel);
    k2_buf_free(&s->keys);
    k2_buf_free(&s->name);
    *s = (struct moex){0};
}

/* --- showing --- */

static void show_field(struct moex *s, const struct fast_cell *c, size_t before,
                       const struct feed_visit *visit) {
    const struct fast_field *f = &s->templates->fields[c->field];
    if (!*f->name)
        return;
    s->texts.n = 0;
    if (c->value.there == FAST_ASSIGNED)
        put_value(s, &c->value, &s->texts);
    visit->field(visit->ctx, f->name, k2_buf_view(&s->texts), false, before + c->at, c->size);
}

static void show_cells(struct moex *s, size_t before, const struct feed_visit *visit) {
    int open = 0;
    for (size_t i = 0; i < s->decoder.n; i++) {
        const struct fast_cell *c = &s->decoder.cells[i];
        const struct fast_field *f = &s->templates->fields[c->field];
        if (c->is == FAST_OPEN) {
            bool inner = f->type == FAST_MESSAGE && c->index >= 0;
            visit->open(visit->ctx, inner ? s->templates->all[c->index].name : f->name,
                        inner ? -1 : c->index, before + c->at);
            open++;
        } else if (c->is == FAST_CLOSE) {
            visit->close(visit->ctx);
            open--;
        } else {
            show_field(s, c, before, visit);
        }
    }
    for (; open > 0; open--)
        visit->close(visit->ctx);
}

static void show_message(struct moex *s, size_t before, const struct feed_visit *visit) {
    const struct fast_template *t = s->decoder.template;
    if (!t)
        return;
    s->texts.n = 0;
    visit->open(visit->ctx, t->name, -1, before);
    k2_buf_printf(&s->texts, "%u", t->id);
    visit->field(visit->ctx, "template", k2_buf_view(&s->texts), false, before, 0);
    show_cells(s, before, visit);
    visit->close(visit->ctx);
}

static int fault_of(const struct moex *s, size_t before, struct k2_err *err) {
    const struct fast_decoder *d = &s->decoder;
    return k2_fail(err, K2_E_INVALID, "%s, at byte %zu of the frame",
                   d->why ? d->why : "the datagram ends inside a message",
                   before + (d->why ? d->why_at : d->size));
}

static int dissect(const struct feed_ops *self, void *state, const struct feed_frame *f,
                   const struct feed_visit *visit, struct k2_err *err) {
    struct moex *s = state;
    const uint8_t *p = (const uint8_t *)f->bytes.p;
    size_t n = f->bytes.n, at = 0;
    (void)self;
    if (!s->templates)
        return k2_fail(err, K2_E_INVALID, "there are no templates");
    if (s->shown) {
        s->shown = false;
        show_message(s, 0, visit);
        return s->faulty ? fault_of(s, 0, err) : K2_OK;
    }
    if (!begins(s, p, n) && n > 4 && begins(s, p + 4, n - 4))
        at = 4;
    fast_decoder_reset(&s->decoder);
    while (at < n) {
        size_t size = fast_decode(&s->decoder, p + at, n - at);
        show_message(s, at, visit);
        if (!size)
            return fault_of(s, at, err);
        at += size;
    }
    return K2_OK;
}

/* --- telling what a source is --- */

/* A Reset of the Session Control Protocol, and behind it a message that says its template. */
static bool begins_with_reset(struct k2_sv bytes) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    return bytes.n >= 4 && p[0] == 0xc0 && p[1] == 0xf8 && (p[2] & 0x40u);
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    struct feed_frame f;
    (void)self;
    (void)file_name;
    bool bare = begins_with_reset(head); /* messages one behind the other, in no capture */
    if (!bare && !feed_frames_first(head, FEED_FRAMING_OWN, &f))
        return 0;
    struct k2_sv bytes = bare ? head : f.bytes;
    if (!bare && f.datagram && bytes.n > 4 && !begins_with_reset(bytes))
        bytes = (struct k2_sv){bytes.p + 4, bytes.n - 4}; /* behind its number */
    if (!begins_with_reset(bytes))
        return 0;
    *why = "it begins with a Reset of FAST's Session Control Protocol";
    return 80;
}

static const struct feed_fact facts[] = {
    {"specification", "document",
     "FAST 1.1; Moscow Exchange: Market Data Multicast FIX/FAST Platform of the derivatives "
     "market"},
    {"file name", "any", "all that is needed comes from the messages"},
    {"templates", "--mapping templates.xml",
     "the file of templates that the venue publishes; any FAST 1.1 "
     "templates whose fields have FIX's tags"},
    {"frame", "message",
     "a file is messages behind each other; a datagram of a capture one or more, with or without "
     "a preamble of four bytes"},
    {"book_event", "MDEntryType 0, 1",
     "of X: SET and DELETE of a level; with OrderID, or with MDEntryID and no MDPriceLevel, ADD, "
     "MODIFY and DELETE of "
     "an order; of W: CLEAR, then what stands"},
    {"book_event", "MDEntryType J", "CLEAR"},
    {"trade", "MDEntryType 2", "exchange_timestamp_ns is MDEntryDate and MDEntryTime"},
    {"correction", "MDEntryType 2", "where MDUpdateAction is 1 (CORRECT) or 2 (CANCEL)"},
    {"auction", "MDEntryType A", "imbalance_quantity"},
    {"statistic", "other MDEntryType",
     "OPEN, CLOSE, SETTLEMENT, HIGH, LOW, VOLUME and more; others MDENTRY_ and the type"},
    {"instrument", "SecurityDefinition", "and SecurityDefinitionUpdateReport (MODIFY)"},
    {"trading_status", "SecurityStatus", "SecurityTradingStatus; TradingSessionStatus: symbol *"},
    {"message", "all others", "Heartbeat, SequenceReset, News, Logon, Logout"},
    {"other", "MsgSeqNum",
     "exchange_sequence_number; channels RTS@incremental, RTS@snapshot, RTS@instruments; "
     "RTS@session and the address "
     "until the feed is known"},
    {"other", "SequenceReset",
     "the next message begins an epoch; of a snapshot it is the time of day of its start"},
    {"other", "SendingTime", "exchange_timestamp_ns of all but trades and statistics"},
    {"other", "SecurityID",
     "symbol where Symbol is missing: as SecurityDefinition named it, else itself"},
    {"other", "Reset", "is filtered; a message at fault is refused up to the next Reset"},
    {0},
};

const struct feed_ops feed_moex_fast = {
    .name = "moex-fast",
    .title = "Moscow Exchange derivatives, FAST 1.1 by the venue's templates",
    .numbering = "MsgSeqNum counts the messages of a feed; their entries are parts",
    .facts = facts,
    .state_size = sizeof(struct moex),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .dissect = dissect,
    .captures = true,
    .framing = FEED_FRAMING_OWN,
    .cut_by = cut,
    .templates = true,
};

int feed_templates_check(struct k2_sv text, struct k2_sv name, struct k2_err *err) {
    struct fast_templates *t;
    K2_TRY_CTX(fast_templates_parse(text, &t, err), err, "%.*s", K2_SV_ARG(name));
    fast_templates_free(t);
    return K2_OK;
}
