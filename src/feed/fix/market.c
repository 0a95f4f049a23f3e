/* feed/fix/market.c - see market.h: sessions, numbers, epochs, and what becomes of a message. */
#include "feed/fix/market.h"

#include <stdlib.h>

/* --- channels --- */

static bool is_channel(const struct fix_channel *c, struct k2_sv name, int32_t date) {
    return c->date == date && c->n == name.n && memcmp(c->name, name.p, name.n) == 0;
}

/* There are few, and mostly it is the one of the message before. */
static struct fix_channel *channel_of(struct fix_market *m, struct k2_sv name, int32_t date) {
    if (m->channel_last < m->channels_n && is_channel(&m->channels[m->channel_last], name, date))
        return &m->channels[m->channel_last];
    for (m->channel_last = 0; m->channel_last < m->channels_n; m->channel_last++)
        if (is_channel(&m->channels[m->channel_last], name, date))
            return &m->channels[m->channel_last];
    if (m->channels_n == m->channels_cap) {
        m->channels_cap = m->channels_cap ? m->channels_cap * 2 : 8;
        m->channels = k2_realloc(m->channels, m->channels_cap * sizeof *m->channels);
    }
    m->channels[m->channels_n] =
        (struct fix_channel){.name = k2_sv_dup(name), .n = name.n, .date = date};
    return &m->channels[m->channels_n++];
}

/* Milliseconds since the midnight before the session date's day: they rise over the session. Of a cycle that was not
 * seen from its first number it is before its first message, so that the next cycle keeps its own. */
static int32_t stamp_of(const struct fix_market *m) {
    const struct fix_channel *c = m->channel;
    int64_t ms = (m->ns - (int64_t)(m->date - 1) * K2_NS_PER_DAY) / K2_NS_PER_MS;
    ms -= !c->begun && m->number > 1;
    if (c->begun && ms <= c->epoch)
        ms = c->epoch + 1;
    return ms < 0 || ms > INT32_MAX ? 0 : (int32_t)ms;
}

static bool is_type(const struct fix_market *m, const char *type) {
    return k2_sv_eq(fix_look(m, FIX_MSG_TYPE), k2_sv_of(type));
}

static bool is_set(const struct fix_market *m, uint32_t tag) {
    return k2_sv_eq(fix_look(m, tag), K2_SV("Y"));
}

/* FIXT 1.1, volume 2: a Logon with ResetSeqNumFlag begins the numbers again, with its own. */
static void begin_epoch(struct fix_market *m) {
    struct fix_channel *c = m->channel;
    if (is_type(m, "A") && is_set(m, FIX_RESET_SEQ_NUM) && !m->possdup)
        c->resets = true;
    if (m->m->stamped && (!c->begun || c->resets))
        c->epoch = stamp_of(m);
    else if (c->begun && c->resets)
        c->epoch++;
    c->begun = true;
    c->resets = false;
}

/* SequenceReset (4): NewSeqNo is the number of the next message. With GapFillFlag, or ahead, it stands for the numbers in
 * between; else the numbers begin again behind it. */
static void take_sequence_reset(struct fix_market *m) {
    int64_t next;
    if (!is_type(m, "4") || !k2_sv_i64(fix_look(m, FIX_NEW_SEQ_NO), &next))
        return;
    if (next > m->number + 1) {
        m->first = m->number;
        m->number = next - 1;
    } else if (next <= m->number && !is_set(m, FIX_GAP_FILL) && !m->possdup) {
        m->channel->resets = true;
    }
}

/* --- what every event of a message has --- */

static int tell_exchange(struct fix_market *m) {
    struct k2_sv sender = fix_look(m, FIX_SENDER);
    if (*m->exchange) {
        m->code = k2_sv_of(m->exchange);
        m->of = m->calendar;
        return 0;
    }
    if (!k2_exchange_ok(sender) ||
        feed_calendar_find(sender, m->calendar_name, &m->of, NULL) != K2_OK)
        return feed_fault_set(&m->fault, "INVALID",
                              "the sender is no exchange that is known; name it with --exchange",
                              sender);
    m->code = sender;
    return 0;
}

static int read_time(struct fix_market *m) {
    struct k2_sv s = fix_look(m, FIX_SENDING_TIME), first = fix_look(m, FIX_ORIG_SENDING_TIME);
    m->possdup = is_set(m, FIX_POSS_DUP);
    if (m->possdup && fix_stamp(first, &m->ns))
        return 0;
    return fix_stamp(s, &m->ns)
               ? 0
               : feed_fault_set(&m->fault, "INVALID", "SendingTime is missing or no time", s);
}

/* 0, or -1 with m->fault. */
static int identify(struct fix_market *m) {
    struct k2_sv number = fix_look(m, FIX_SEQ_NUM);
    m->channel = NULL;
    m->first = K2_NULL_LONG;
    if (tell_exchange(m) || read_time(m))
        return -1;
    m->date = feed_session_date(m->of, m->ns);
    if (!k2_sv_i64(number, &m->number) || m->number < 0)
        return feed_fault_set(&m->fault, "INVALID", "MsgSeqNum is missing or no number", number);
    if (!m->m->channel.n)
        return feed_fault_set(&m->fault, "INVALID", "it has no SenderCompID", m->m->channel);
    m->channel = channel_of(m, m->m->channel, m->date);
    begin_epoch(m);
    take_sequence_reset(m);
    return 0;
}

static bool is_given(struct k2_sv symbol) {
    return symbol.n > 0 && !k2_sv_eq(symbol, K2_SV("[N/A]")) && feed_text_ok(symbol, 255);
}

/* Symbol, the symbol of SecurityID, SecurityDesc, SecurityID itself; empty: none of them is there. */
static struct k2_sv symbol_of(struct fix_market *m) {
    struct k2_sv symbol = fix_look(m, FIX_SYMBOL), id = fix_look(m, FIX_SECURITY_ID),
                 name = fix_look(m, FIX_SECURITY_DESC);
    int64_t number;
    if (is_given(symbol))
        return fix_take(m, FIX_SYMBOL);
    if (k2_sv_i64(id, &number)) {
        const struct layout_known *k = layout_ids_find(&m->symbols, (uint64_t)number);
        if (k)
            return layout_known_symbol(k);
    }
    if (is_given(name))
        return name;
    return is_given(id) ? id : (struct k2_sv){NULL, 0};
}

static void learn_symbol(struct fix_market *m) {
    struct k2_sv symbol = fix_look(m, FIX_SYMBOL);
    int64_t number;
    if (is_given(symbol) && k2_sv_i64(fix_look(m, FIX_SECURITY_ID), &number))
        layout_known_name(layout_ids_add(&m->symbols, (uint64_t)number), symbol);
}

static struct feed_head head_of(struct fix_market *m, struct k2_sv symbol) {
    return (struct feed_head){
        .exchange = feed_intern(m->in, &m->exchange_id, m->code),
        .symbol = feed_intern(m->in, &m->symbol_id, symbol),
        .channel = feed_intern(m->in, &m->channel_id, m->m->channel),
        .trade_date = m->date,
        .ns = m->ns,
        .receive_ns = m->m->receive_ns,
        .sequence = m->number,
        .raw_offset = (int64_t)m->m->offset,
    };
}

/* --- events --- */

/* Columns of the event's end, which every kind has in a place of its own. */
static void set_tail(struct k2_event *e, int32_t flags, uint32_t extra) {
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)
#define K2_MARKET_KIND(name, NAME, table, topic, meaning)                                          \
    case K2_KIND_##NAME:                                                                           \
        e->name.flags = flags;                                                                     \
        e->name.extra = extra;                                                                     \
        break;
#include "codec/kinds.def"
#undef K2_KIND
#undef K2_MARKET_KIND
    case K2_KIND_QUARANTINE:
    case K2_KIND_COUNT:
        K2_ASSERT(!"a market's kind");
    }
}

static int refuse_event(struct fix_market *m, const struct k2_event *partial) {
    const struct feed_reject reject = {.reason = m->fault.reason,
                                       .detail = m->fault.detail,
                                       .raw = m->m->raw,
                                       .position = m->m->position,
                                       .offset = m->m->offset,
                                       .partial = partial,
                                       .numbered = m->channel != NULL};
    return m->sink->reject(m->sink->ctx, &reject, m->err);
}

/* What has a column, or is of no event but of the session's framing. */
static void take_framing(struct fix_market *m, const struct k2_event *e) {
    static const uint32_t tags[] = {FIX_SEQ_NUM,     FIX_SENDER,    FIX_TARGET,
                                    FIX_BODY_LENGTH, FIX_CHECK_SUM, FIX_NO_ENTRIES};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        (void)fix_take(m, tags[i]);
    if (m->possdup) {
        (void)fix_take(m, FIX_POSS_DUP);
        (void)fix_take(m, FIX_SENDING_TIME);
    }
    if (e->head.exchange_timestamp_ns == m->ns)
        (void)fix_take(m, m->possdup ? FIX_ORIG_SENDING_TIME : FIX_SENDING_TIME);
}

static int send(struct fix_market *m, struct k2_event *e, struct k2_sv symbol, bool snapshot,
                bool last) {
    int32_t flags = K2_FLAG_SHARED | (snapshot ? K2_FLAG_SNAPSHOT : 0) | (last ? K2_FLAG_LAST : 0) |
                    (m->first != K2_NULL_LONG ? K2_FLAG_SPAN : 0);
    e->head.epoch = m->channel->epoch;
    e->head.part = m->part++;
    take_framing(m, e);
    set_tail(e, flags, fix_extra(m));
    if (m->fault.reason)
        return refuse_event(m, e);
    if (m->wants && !m->wants(m->wants_ctx, symbol))
        return m->sink->filtered(m->sink->ctx, "symbol not wanted", m->err);
    return m->sink->event(m->sink->ctx, e, m->m->raw, m->m->position, m->err);
}

static void begin_event(struct fix_market *m, size_t from, size_t to) {
    m->from = from;
    m->to = to;
    m->taking++;
    m->fault.reason = NULL;
}

/* Entries that do not say their symbol go on with that of the entry before (FIX 4.2, MarketDataIncrementalRefresh). */
static int take_entry(struct fix_market *m, bool snapshot, bool last) {
    struct k2_event e;
    struct k2_sv symbol = symbol_of(m);
    if (!symbol.n)
        symbol = m->symbol_before;
    m->symbol_before = symbol;
    if (!symbol.n)
        (void)feed_fault_set(&m->fault, "INVALID", "an entry has neither Symbol nor SecurityID",
                             fix_look(m, FIX_ENTRY_TYPE));
    const struct feed_head head = head_of(m, symbol);
    fix_entry_event(m, &e, &head, snapshot);
    return send(m, &e, symbol, snapshot, last);
}

static size_t end_of_entry(const struct fix_market *m, size_t from) {
    size_t to = from;
    while (to < m->entries_end && m->m->fields[to].entry == m->m->fields[from].entry)
        to++;
    return to;
}

/* Whether the snapshot holds the book: then it is empty before. */
static bool tells_book(const struct fix_market *m) {
    for (size_t i = m->entries_at; i < m->entries_end; i++) {
        const struct fix_field *f = &m->m->fields[i];
        if (f->tag == FIX_ENTRY_TYPE && f->text.n == 1 && (*f->text.p == '0' || *f->text.p == '1'))
            return true;
    }
    return false;
}

static int send_clear(struct fix_market *m) {
    struct k2_event e;
    begin_event(m, 0, 0);
    struct k2_sv symbol = symbol_of(m);
    if (!symbol.n)
        return K2_OK; /* each entry is refused for it */
    const struct feed_head head = head_of(m, symbol);
    feed_event_start(&e, K2_KIND_BOOK_EVENT, &head);
    e.book_event.action = feed_intern(m->in, &m->memo[2], K2_SV("CLEAR"));
    return send(m, &e, symbol, true, false);
}

static int take_entries(struct fix_market *m, bool snapshot) {
    int rc = snapshot && tells_book(m) ? send_clear(m) : K2_OK;
    for (size_t at = m->entries_at; at < m->entries_end && rc == K2_OK;) {
        size_t to = end_of_entry(m, at);
        begin_event(m, at, to);
        rc = take_entry(m, snapshot, to == m->entries_end);
        at = to;
    }
    return rc;
}

static uint32_t message_type(struct fix_market *m) {
    const char *name = m->m->name ? m->m->name : fix_type_name(fix_look(m, FIX_MSG_TYPE));
    if (!name)
        return fix_take_text(m, FIX_MSG_TYPE, &m->memo[0]);
    (void)fix_take(m, FIX_MSG_TYPE);
    return feed_intern(m->in, &m->memo[0], k2_sv_of(name));
}

static int take_other(struct fix_market *m) {
    struct k2_event e;
    bool defines = is_type(m, "d");
    begin_event(m, 0, 0);
    if (defines)
        learn_symbol(m);
    struct k2_sv symbol = symbol_of(m);
    if (!symbol.n)
        symbol = K2_SV("*");
    const struct feed_head head = head_of(m, symbol);
    if ((defines || is_type(m, "BP")) && *symbol.p != '*')
        fix_instrument_event(m, &e, &head);
    else if (is_type(m, "f"))
        fix_security_status_event(m, &e, &head);
    else if (is_type(m, "h"))
        fix_session_status_event(m, &e, &head);
    else {
        feed_event_start(&e, K2_KIND_MESSAGE, &head);
        e.message.message_type = message_type(m);
        if (!e.message.message_type && !m->fault.reason)
            (void)feed_fault_set(&m->fault, "INVALID", "it has no MsgType", K2_SV(""));
    }
    return send(m, &e, symbol, false, true);
}

/* --- messages --- */

static void aim(struct fix_market *m, const struct fix_message *message,
                const struct feed_sink *sink, struct k2_err *err) {
    m->m = message;
    m->sink = sink;
    m->err = err;
    m->from = m->to = m->entries_at = m->entries_end = 0;
    m->part = 0;
    m->symbol_before = (struct k2_sv){NULL, 0};
    m->fault.reason = NULL;
    while (m->entries_at < message->n && message->fields[m->entries_at].entry < 0)
        m->entries_at++;
    m->entries_end = m->entries_at;
    for (size_t i = m->entries_at; i < message->n; i++)
        if (message->fields[i].entry >= 0)
            m->entries_end = i + 1;
    if (message->n > m->taken_cap) {
        m->taken_cap = message->n * 2;
        m->taken = k2_realloc(m->taken, m->taken_cap * sizeof *m->taken);
        memset(m->taken, 0, m->taken_cap * sizeof *m->taken);
        m->pairs = k2_realloc(m->pairs, (m->taken_cap + 1) * sizeof *m->pairs);
    }
}

/* With what is known of its number. */
static int refuse_message(struct fix_market *m) {
    struct k2_event partial;
    const struct feed_fault fault = m->fault;
    if (!m->channel && !*m->exchange)
        return refuse_event(m, NULL);
    begin_event(m, 0, 0);
    m->fault = fault;
    struct k2_sv symbol = symbol_of(m);
    const struct feed_head head = {
        .exchange = feed_intern(m->in, &m->exchange_id, m->code),
        .symbol = symbol.n ? feed_intern(m->in, &m->symbol_id, symbol) : 0,
        .channel = m->channel ? feed_intern(m->in, &m->channel_id, m->m->channel) : 0,
        .trade_date = m->channel ? m->date : INT32_MIN,
        .ns = m->channel ? m->ns : 0,
        .receive_ns = m->m->receive_ns,
        .sequence = m->channel ? m->number : 0,
        .raw_offset = (int64_t)m->m->offset,
    };
    feed_event_start(&partial, K2_KIND_MESSAGE, &head);
    partial.message.flags = K2_FLAG_SHARED | K2_FLAG_LAST;
    partial.head.epoch = m->channel ? m->channel->epoch : 0;
    return refuse_event(m, &partial);
}

int fix_market_take(struct fix_market *m, const struct fix_message *message,
                    const struct feed_sink *sink, struct k2_err *err) {
    aim(m, message, sink, err);
    if (identify(m))
        return refuse_message(m);
    bool snapshot = is_type(m, "W");
    if (m->entries_end > m->entries_at && (snapshot || is_type(m, "X")))
        return take_entries(m, snapshot);
    return take_other(m);
}

int fix_market_refuse(struct fix_market *m, const struct fix_message *message,
                      const struct feed_fault *fault, const struct feed_sink *sink,
                      struct k2_err *err) {
    aim(m, message, sink, err);
    (void)identify(m);
    m->fault = *fault;
    return refuse_message(m);
}

/* --- the state --- */

int fix_market_init(struct fix_market *m, const struct feed_options *o, struct k2_sv exchange,
                    struct k2_interner *in, struct k2_err *err) {
    *m = (struct fix_market){.in = in, .wants = o->wants, .wants_ctx = o->wants_ctx};
    m->exchange = k2_sv_dup(o->exchange.n ? o->exchange : exchange);
    m->calendar_name = o->calendar ? k2_strdup(o->calendar) : NULL;
    (void)k2_buf_need(&m->blob, 1024);
    (void)k2_buf_need(&m->text, 64);
    if (!*m->exchange)
        return K2_OK;
    return feed_calendar_find(k2_sv_of(m->exchange), o->calendar, &m->calendar, err);
}

void fix_market_fini(struct fix_market *m) {
    for (size_t i = 0; i < m->channels_n; i++)
        free(m->channels[i].name);
    layout_ids_free(&m->symbols);
    free(m->channels);
    free(m->exchange);
    free(m->calendar_name);
    free(m->pairs);
    free(m->taken);
    k2_buf_free(&m->blob);
    k2_buf_free(&m->text);
    *m = (struct fix_market){0};
}
