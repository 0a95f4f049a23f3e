/* feed/venue/emit.c - an item becomes events, or one reject; see venue.h. */
#include "feed/venue/venue.h"

#include <stdlib.h>

/* --- the blob of extra --- */

static int pair_cmp(const struct vj_pair *a, const struct vj_pair *b) {
    return k2_sv_cmp(a->key, b->key);
}

/* Few, and often in order: by insertion. False: a key is there twice. */
static bool sort_pairs(struct vj_pair *p, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct vj_pair moved = p[i];
        size_t at = i;
        int order = 1;
        for (; at > 0 && (order = pair_cmp(&moved, &p[at - 1])) < 0; at--)
            p[at] = p[at - 1];
        p[at] = moved;
        if (order == 0)
            return false;
    }
    return true;
}

static uint32_t intern_pairs(struct vj *v, const struct vj_pair *p, size_t n) {
    if (n == 0)
        return 0;
    v->blob.n = 0;
    for (size_t i = 0; i < n; i++) {
        k2_blob_add(&v->blob, p[i].key);
        k2_blob_add(&v->blob, p[i].value);
    }
    return feed_intern(v->in, &v->extra_id, k2_buf_view(&v->blob));
}

/* --- channels --- */

static struct k2_sv channel_name(struct vj *v) {
    const struct vj_item *m = &v->item;
    if (!*m->suffix)
        return m->symbol;
    v->name.n = 0;
    k2_buf_sv(&v->name, m->symbol);
    k2_buf_str(&v->name, m->suffix);
    k2_buf_sv(&v->name, m->suffix_more);
    return k2_buf_view(&v->name);
}

static int32_t date_of(const struct vj *v) {
    const struct vj_item *m = &v->item;
    return m->ns == K2_NULL_LONG ? INT32_MIN : feed_session_date(v->calendars[m->exchange], m->ns);
}

static bool is_channel(const struct vj_channel *c, struct k2_sv name, int exchange, int32_t date) {
    return c->date == date && c->exchange == exchange && c->n == name.n &&
           memcmp(c->name, name.p, name.n) == 0;
}

static size_t slot_of(const struct vj *v, struct k2_sv name, int exchange, int32_t date) {
    size_t mask = v->n_slots - 1;
    size_t at =
        (size_t)(k2_hash64(name.p, name.n) ^ (uint64_t)(uint32_t)date * 31 ^ (uint64_t)exchange) &
        mask;
    while (v->slots[at] && !is_channel(&v->channels[v->slots[at] - 1], name, exchange, date))
        at = (at + 1) & mask;
    return at;
}

static void grow_slots(struct vj *v) {
    free(v->slots);
    v->n_slots = v->n_slots ? v->n_slots * 2 : 64;
    v->slots = k2_zalloc(v->n_slots * sizeof *v->slots);
    for (size_t i = 0; i < v->n_channels; i++) {
        const struct vj_channel *c = &v->channels[i];
        v->slots[slot_of(v, (struct k2_sv){c->name, c->n}, c->exchange, c->date)] =
            (uint32_t)(i + 1);
    }
}

struct vj_channel *vj_channel_named(struct vj *v, struct k2_sv name, int exchange, int32_t date) {
    if (v->last_channel < v->n_channels &&
        is_channel(&v->channels[v->last_channel], name, exchange, date))
        return &v->channels[v->last_channel];
    if (2 * (v->n_channels + 1) > v->n_slots)
        grow_slots(v);
    size_t at = slot_of(v, name, exchange, date);
    if (!v->slots[at]) {
        if (v->n_channels == v->cap_channels) {
            v->cap_channels = v->cap_channels ? v->cap_channels * 2 : 16;
            v->channels = k2_realloc(v->channels, v->cap_channels * sizeof *v->channels);
        }
        v->channels[v->n_channels++] = (struct vj_channel){.name = k2_sv_dup(name),
                                                           .n = name.n,
                                                           .exchange = exchange,
                                                           .date = date,
                                                           .high = K2_NULL_LONG};
        v->slots[at] = (uint32_t)v->n_channels;
    }
    v->last_channel = v->slots[at] - 1;
    return &v->channels[v->last_channel];
}

struct vj_channel *vj_channel(struct vj *v) {
    const struct vj_item *m = &v->item;
    if (!m->symbol.n || m->ns == K2_NULL_LONG)
        return NULL;
    return vj_channel_named(v, channel_name(v), m->exchange, date_of(v));
}

/* The next ordinal of the item's channel and this kind. */
static int64_t next_ordinal(struct vj *v, enum k2_kind_id kind) {
    const struct vj_item *m = &v->item;
    struct vj_channel *c = vj_channel(v);
    struct vj_count *count = &c->counts[kind];
    if (!count->begun && v->counted)
        count->last = v->counted(v->counted_ctx, k2_sv_of(v->codes[m->exchange]),
                                 (struct k2_sv){c->name, c->n}, kind, c->date);
    count->begun = true;
    return ++count->last;
}

/* A sparse number may come again with another message: its parts go on. */
static void place_among_equals(struct vj *v, enum k2_kind_id kind, size_t events) {
    struct vj_item *m = &v->item;
    struct vj_count *count = &vj_channel(v)->counts[kind];
    if (!count->begun || count->last != m->number || count->parts > INT32_MAX / 2)
        *count = (struct vj_count){true, m->number, 0};
    m->part = count->parts;
    count->parts += (int64_t)events;
}

/* --- events --- */

/* The number for `events` events of this kind. */
static int64_t number_of(struct vj *v, enum k2_kind_id kind, size_t events) {
    struct vj_item *m = &v->item;
    bool known = m->symbol.n && m->ns != K2_NULL_LONG;
    m->part = 0;
    if (m->number == K2_NULL_LONG)
        return known && !m->numbered ? next_ordinal(v, kind) : 0;
    if (m->sparse && known)
        place_among_equals(v, kind, events);
    return m->number;
}

static void start(struct vj *v, struct k2_event *e, enum k2_kind_id kind, int64_t number) {
    const struct vj_item *m = &v->item;
    struct feed_head head = {
        .exchange =
            feed_intern(v->in, &v->exchange_id[m->exchange], k2_sv_of(v->codes[m->exchange])),
        .trade_date = date_of(v),
        .ns = m->ns == K2_NULL_LONG ? 0 : m->ns,
        .receive_ns = m->record->receive_ns,
        .sequence = number,
        .raw_offset = (int64_t)m->record->offset,
    };
    if (m->symbol.n) {
        head.symbol = head.channel = feed_intern(v->in, &v->symbol_id, m->symbol);
        if (*m->suffix)
            head.channel = feed_intern(v->in, &v->channel_id, channel_name(v));
    }
    feed_event_start(e, kind, &head);
    e->head.epoch = m->epoch;
    e->head.part = (int32_t)m->part;
}

static uint32_t side_id(struct vj *v, const char *side) {
    return side ? feed_intern(v->in, &v->side_id[side[0] == 'S'], k2_sv_of(side)) : 0;
}

static uint32_t text_id(struct vj *v, enum vj_text which) {
    struct k2_sv s = v->item.text[which];
    return s.n ? feed_intern(v->in, &v->text_id[which], s) : 0;
}

static uint32_t condition_list(struct vj *v) {
    if (!v->item.text[VJ_condition].n)
        return 0;
    v->blob.n = 0;
    k2_blob_add(&v->blob, v->item.text[VJ_condition]);
    return feed_intern(v->in, &v->condition_id, k2_buf_view(&v->blob));
}

static int32_t flags_of(const struct vj_item *m, bool first, bool last) {
    bool spans = m->sparse || (first && m->first != K2_NULL_LONG && m->first < m->number);
    return (int32_t)(m->flags | (last ? K2_FLAG_LAST : 0u) | (m->shared ? K2_FLAG_SHARED : 0u) |
                     (spans && m->number != K2_NULL_LONG ? K2_FLAG_SPAN : 0u));
}

static int send(struct vj *v, const struct k2_event *e) {
    const struct json_record *r = v->item.record;
    return v->sink->event(v->sink->ctx, e, r->raw, r->position, v->err);
}

/* --- what is not an event --- */

int vj_filtered(struct vj *v, const char *why) {
    return v->sink->filtered(v->sink->ctx, why, v->err);
}

int vj_each(struct vj *v, const struct json_record *r, uint32_t array,
            int (*take)(struct vj *v, const struct json_record *r, uint32_t at)) {
    int rc = K2_OK;
    if (vj_token(v, array)->type != JSON_ARRAY || vj_first(array) == vj_end(v, array))
        return vj_filtered(v, "a message without data");
    for (uint32_t i = vj_first(array); i < vj_end(v, array) && rc == K2_OK; i = vj_next(v, i))
        rc = take(v, r, i);
    return rc;
}

static int refuse_item(struct vj *v, enum k2_kind_id kind) {
    struct vj_item *m = &v->item;
    struct k2_event partial;
    bool known = m->symbol.n && m->ns != K2_NULL_LONG;
    struct feed_reject reject = {
        .reason = m->fault.reason,
        .detail = m->fault.detail,
        .raw = m->raw,
        .position = m->record->position,
        .offset = m->offset,
        .numbered = known && !m->sparse && (!m->numbered || m->number != K2_NULL_LONG),
    };
    if (m->symbol.n) {
        start(v, &partial, kind, number_of(v, kind, 1));
        reject.partial = &partial;
    }
    return v->sink->reject(v->sink->ctx, &reject, v->err);
}

int vj_refuse(struct vj *v, const struct json_record *r, const char *reason, const char *detail) {
    struct k2_event partial;
    struct feed_reject reject = {.reason = reason,
                                 .detail = detail,
                                 .raw = r->raw,
                                 .position = r->position,
                                 .offset = r->offset};
    if (v->given) {
        (void)vj_begin(v, r, 0);
        start(v, &partial, K2_KIND_MESSAGE, 0);
        partial.head.trade_date = INT32_MIN;
        reject.partial = &partial;
    }
    return v->sink->reject(v->sink->ctx, &reject, v->err);
}

/* What every item must have. */
static void identify(struct vj *v) {
    const struct vj_item *m = &v->item;
    if (!m->symbol.n)
        (void)vj_fault(v, "MALFORMED", "the message names no symbol", m->raw);
    if (m->ns == K2_NULL_LONG)
        (void)vj_fault(v, "MALFORMED", "the message has no time", m->raw);
    if (m->numbered && m->number == K2_NULL_LONG)
        (void)vj_fault(v, "MALFORMED", "the number that the venue gives such messages is missing",
                       m->raw);
}

/* True: `rc` is the answer, nothing more is to be done. */
static bool answered(struct vj *v, enum k2_kind_id kind, int *rc) {
    struct vj_item *m = &v->item;
    identify(v);
    if (m->first != K2_NULL_LONG && m->number != K2_NULL_LONG && m->first > m->number)
        (void)vj_fault(v, "MALFORMED", "the first number is above the last", m->raw);
    if (!sort_pairs(m->pair, m->n_pairs))
        (void)vj_fault(v, "MALFORMED", "a member is there twice", m->raw);
    if (m->symbol.n && v->wants && !v->wants(v->wants_ctx, m->symbol)) {
        if (m->number == K2_NULL_LONG && m->ns != K2_NULL_LONG && !m->numbered)
            (void)next_ordinal(v, kind);
        *rc = vj_filtered(v, "symbol not wanted");
        return true;
    }
    if (m->bad)
        *rc = refuse_item(v, kind);
    return m->bad;
}

static void need(struct vj *v, enum vj_decimal column, const char *what) {
    if (!v->item.seen_decimals[column])
        (void)vj_fault(v, "MALFORMED", what, v->item.raw);
}

/* --- one kind each --- */

/* The first of the numbers, where it is not the number itself. Before the pairs are sorted. */
static void tell_first(struct vj *v, char text[24]) {
    struct vj_item *m = &v->item;
    if (m->previous != K2_NULL_LONG && m->first == K2_NULL_LONG && m->previous >= 0 &&
        m->number != K2_NULL_LONG && m->previous < m->number)
        m->first = m->previous + 1;
    if (m->first == K2_NULL_LONG || m->number == K2_NULL_LONG || m->first >= m->number)
        return;
    char *end = text + 24, *at = end;
    for (int64_t n = m->first; n || at == end; n /= 10)
        *--at = (char)('0' + n % 10);
    vj_extra(v, K2_SV("first_sequence"), (struct k2_sv){at, (size_t)(end - at)});
}

int vj_trade(struct vj *v) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    char first[24];
    int rc;
    identify(v);
    need(v, VJ_price, "the trade has no price");
    need(v, VJ_quantity, "the trade has no quantity");
    tell_first(v, first);
    if (answered(v, K2_KIND_TRADE, &rc))
        return rc;
    start(v, &e, K2_KIND_TRADE, number_of(v, K2_KIND_TRADE, 1));
    e.trade.price = m->decimal[VJ_price] ? m->decimal[VJ_price] : K2_NULL_DECIMAL;
    e.trade.quantity = m->decimal[VJ_quantity];
    e.trade.side = side_id(v, m->side);
    e.trade.conditions = condition_list(v);
    e.trade.extra = intern_pairs(v, m->pair, m->n_pairs);
    e.trade.flags = flags_of(m, true, true);
    return send(v, &e);
}

static k2_i128 column(const struct vj_item *m, enum vj_decimal which) {
    return m->seen_decimals[which] ? m->decimal[which] : K2_NULL_DECIMAL;
}

/* A side that nobody is on: no price, or price and quantity 0. */
static bool absent(k2_i128 price, k2_i128 quantity) {
    return price == K2_NULL_DECIMAL || (price == 0 && quantity == 0);
}

static void set_quote(const struct vj_item *m, struct k2_quote *q) {
    q->bid_price = column(m, VJ_bid_price);
    q->bid_quantity = column(m, VJ_bid_quantity);
    q->ask_price = column(m, VJ_ask_price);
    q->ask_quantity = column(m, VJ_ask_quantity);
    if (absent(q->bid_price, q->bid_quantity))
        q->bid_price = q->bid_quantity = K2_NULL_DECIMAL;
    if (absent(q->ask_price, q->ask_quantity))
        q->ask_price = q->ask_quantity = K2_NULL_DECIMAL;
}

static int send_quote(struct vj *v) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    start(v, &e, K2_KIND_QUOTE, number_of(v, K2_KIND_QUOTE, 1));
    set_quote(m, &e.quote);
    e.quote.extra = intern_pairs(v, m->pair, m->n_pairs);
    e.quote.flags = flags_of(m, true, m->n_stats == 0);
    return send(v, &e);
}

static int send_figures(struct vj *v, bool with_extra) {
    struct vj_item *m = &v->item;
    int64_t number = number_of(v, K2_KIND_STATISTIC, m->n_stats);
    int rc = K2_OK;
    for (size_t i = 0; i < m->n_stats && rc == K2_OK; i++) {
        struct k2_event e;
        start(v, &e, K2_KIND_STATISTIC, number);
        e.head.part += (int32_t)i;
        e.statistic.statistic = k2_intern(v->in, m->stat[i].name);
        if (m->stat[i].size)
            e.statistic.quantity = m->stat[i].value;
        else
            e.statistic.price = m->stat[i].value;
        if (with_extra && i == 0)
            e.statistic.extra = intern_pairs(v, m->pair, m->n_pairs);
        e.statistic.flags = flags_of(m, i == 0, i + 1 == m->n_stats);
        rc = send(v, &e);
    }
    return rc;
}

int vj_quote_and_figures(struct vj *v, struct k2_sv type) {
    struct vj_item *m = &v->item;
    bool quote = m->seen_decimals[VJ_bid_price] || m->seen_decimals[VJ_ask_price];
    enum k2_kind_id kind = quote ? K2_KIND_QUOTE : K2_KIND_STATISTIC;
    int rc;
    if (!quote && m->n_stats == 0)
        return vj_message(v, type);
    if (answered(v, kind, &rc))
        return rc;
    if (quote)
        rc = send_quote(v);
    else
        rc = K2_OK;
    return rc == K2_OK && m->n_stats ? send_figures(v, !quote) : rc;
}

int vj_bar(struct vj *v) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    int rc;
    identify(v);
    need(v, VJ_open, "the bar has no open");
    need(v, VJ_close, "the bar has no close");
    if (m->interval_ns <= 0)
        (void)vj_fault(v, "MALFORMED", "the bar's interval is not known", m->text[VJ_interval]);
    if (answered(v, K2_KIND_BAR, &rc))
        return rc;
    start(v, &e, K2_KIND_BAR, number_of(v, K2_KIND_BAR, 1));
    e.bar.interval_ns = m->interval_ns;
    e.bar.open = column(m, VJ_open);
    e.bar.high = column(m, VJ_high);
    e.bar.low = column(m, VJ_low);
    e.bar.close = column(m, VJ_close);
    e.bar.volume = column(m, VJ_volume);
    e.bar.trade_count = m->count[VJ_trade_count];
    e.bar.extra = intern_pairs(v, m->pair, m->n_pairs);
    e.bar.flags = flags_of(m, true, true);
    return send(v, &e);
}

int vj_message(struct vj *v, struct k2_sv type) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    char first[24];
    int rc;
    tell_first(v, first);
    if (!feed_text_ok(type, VJ_WORD_MAX))
        (void)vj_fault(v, "MALFORMED", "the type of the message is no plain text", type);
    if (answered(v, K2_KIND_MESSAGE, &rc))
        return rc;
    start(v, &e, K2_KIND_MESSAGE, number_of(v, K2_KIND_MESSAGE, 1));
    e.message.message_type = k2_intern(v->in, type);
    e.message.extra = intern_pairs(v, m->pair, m->n_pairs);
    e.message.flags = flags_of(m, true, true);
    return send(v, &e);
}

int vj_instrument(struct vj *v) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    int rc;
    if (answered(v, K2_KIND_INSTRUMENT, &rc))
        return rc;
    start(v, &e, K2_KIND_INSTRUMENT, number_of(v, K2_KIND_INSTRUMENT, 1));
    struct k2_instrument *i = &e.instrument;
    i->action = feed_intern(v->in, &v->action_id, K2_SV("DEFINE"));
    i->venue_id = text_id(v, VJ_venue_id);
    i->name = text_id(v, VJ_name);
    i->instrument_type = text_id(v, VJ_instrument_type);
    i->currency = text_id(v, VJ_currency);
    i->tick_size = column(m, VJ_tick_size);
    i->lot_size = column(m, VJ_lot_size);
    i->multiplier = column(m, VJ_multiplier);
    i->underlying = text_id(v, VJ_underlying);
    i->strike_price = column(m, VJ_strike_price);
    i->expiration = text_id(v, VJ_expiration);
    i->extra = intern_pairs(v, m->pair, m->n_pairs);
    i->flags = flags_of(m, true, true);
    return send(v, &e);
}

int vj_status(struct vj *v) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    int rc;
    identify(v);
    if (!m->text[VJ_status].n)
        (void)vj_fault(v, "MALFORMED", "the message says no state", m->raw);
    if (answered(v, K2_KIND_TRADING_STATUS, &rc))
        return rc;
    struct k2_sv code = m->text[VJ_status];
    bool open = k2_sv_eq(code, K2_SV("online")) || k2_sv_eq(code, K2_SV("open"));
    start(v, &e, K2_KIND_TRADING_STATUS, number_of(v, K2_KIND_TRADING_STATUS, 1));
    e.trading_status.status = k2_intern(v->in, open ? K2_SV("OPEN") : K2_SV("OTHER"));
    e.trading_status.reason = text_id(v, VJ_reason);
    e.trading_status.code = text_id(v, VJ_status);
    e.trading_status.extra = intern_pairs(v, m->pair, m->n_pairs);
    e.trading_status.flags = flags_of(m, true, true);
    return send(v, &e);
}

/* --- books --- */

static void set_level(struct vj *v, const struct vj_level *l, struct k2_book_event *b) {
    b->action = feed_intern(v->in, &v->action_id, k2_sv_of(l->action));
    b->side = side_id(v, l->sell ? "SELL" : "BUY");
    b->price = l->price;
    b->quantity = l->quantity;
    b->order_count = l->order_count;
    if (l->order_id.n)
        b->order_id = feed_intern(v->in, &v->text_id[VJ_order_id], l->order_id);
    if (l->trade_id.n)
        b->trade_id = feed_intern(v->in, &v->text_id[VJ_trade_id], l->trade_id);
}

static int send_clear(struct vj *v, int64_t number, bool last) {
    struct vj_item *m = &v->item;
    struct k2_event e;
    start(v, &e, K2_KIND_BOOK_EVENT, number);
    e.book_event.action = k2_intern(v->in, K2_SV("CLEAR"));
    e.book_event.extra = intern_pairs(v, m->pair, m->n_pairs);
    e.book_event.flags = flags_of(m, true, last);
    return send(v, &e);
}

/* What one event of a book has: what its level says beyond the columns, the level's own time where it is
 * another one than the message's, and with the first event what the message says. False: a key is there
 * twice. */
static bool gather_pairs(struct vj *v, const struct vj_level *l, bool with_message) {
    const struct vj_item *m = &v->item;
    size_t most = VJ_PAIRS_MAX + l->n_pairs + 1;
    v->merged.n = 0;
    struct vj_pair *p = (struct vj_pair *)(void *)k2_buf_need(&v->merged, most * sizeof *p);
    size_t n = l->n_pairs;
    if (n)
        memcpy(p, v->level_pairs + l->pairs, n * sizeof *p);
    if (l->time.n && l->ns != m->ns)
        p[n++] = (struct vj_pair){K2_SV("timestamp"), l->time};
    if (with_message) {
        memcpy(p + n, m->pair, m->n_pairs * sizeof *p);
        n += m->n_pairs;
    }
    v->merged.n = n;
    return sort_pairs(p, n);
}

static uint32_t level_extra(struct vj *v, const struct vj_level *l, bool first) {
    if (l->n_pairs == 0 && !l->time.n && !(first && v->item.n_pairs))
        return 0;
    (void)gather_pairs(v, l, first);
    return intern_pairs(v, (struct vj_pair *)(void *)v->merged.p, v->merged.n);
}

static bool pairs_are_good(struct vj *v, bool snapshot) {
    for (size_t i = 0; i < v->n_levels; i++)
        if (v->levels[i].n_pairs && !gather_pairs(v, &v->levels[i], i == 0 && !snapshot))
            return false;
    return true;
}

int vj_book(struct vj *v, bool snapshot, const char *type) {
    struct vj_item *m = &v->item;
    char first[24];
    int rc;
    if (!snapshot && v->n_levels == 0 && !m->bad)
        return vj_message(v, k2_sv_of(type));
    m->flags |= snapshot ? K2_FLAG_SNAPSHOT : 0;
    tell_first(v, first);
    if (!pairs_are_good(v, snapshot))
        (void)vj_fault(v, "MALFORMED", "a member is there twice", m->raw);
    if (answered(v, K2_KIND_BOOK_EVENT, &rc))
        return rc;
    int64_t number = number_of(v, K2_KIND_BOOK_EVENT, v->n_levels + snapshot);
    if (snapshot)
        rc = send_clear(v, number, v->n_levels == 0);
    else
        rc = K2_OK;
    for (size_t i = 0; i < v->n_levels && rc == K2_OK; i++) {
        struct k2_event e;
        start(v, &e, K2_KIND_BOOK_EVENT, number);
        e.head.part += (int32_t)(i + snapshot);
        set_level(v, &v->levels[i], &e.book_event);
        e.book_event.extra = level_extra(v, &v->levels[i], i == 0 && !snapshot);
        e.book_event.flags = flags_of(m, i == 0 && !snapshot, i + 1 == v->n_levels);
        rc = send(v, &e);
    }
    return rc;
}
