/* The decoders of crypto venues: one message of each type by hand, and what becomes of it. */
#include "feed_helper.h"

static const char *const formats[] = {"binance-json",  "coinbase-json", "kraken-json",
                                      "bitstamp-json", "bybit-json",    "okx-json",
                                      "deribit-json",  "gateio-json",   "hyperliquid-json"};
#define FORMATS (sizeof formats / sizeof *formats)

/* --- events as lines --- */

static void add_value(const struct gathered *g, const struct k2_field *f, const char *at,
                      struct k2_buf *out) {
    char text[K2_DECIMAL_TEXT];
    k2_i128 decimal;
    int64_t number;
    uint32_t id;
    if (f->type == K2_STR) {
        memcpy(&id, at, sizeof id);
        if (id)
            k2_buf_printf(out, " %s=%.*s", f->name, K2_SV_ARG(k2_interned(g->in, id)));
    } else if (f->type == K2_PRICE || f->type == K2_QUANTITY) {
        memcpy(&decimal, at, sizeof decimal);
        k2_decimal_format_short(decimal, f->type == K2_PRICE ? K2_PRICE_SCALE : K2_QUANTITY_SCALE,
                                text);
        if (decimal != K2_NULL_DECIMAL)
            k2_buf_printf(out, " %s=%s", f->name, text);
    } else if (f->type == K2_LONG && f->cls == K2_PAYLOAD) {
        memcpy(&number, at, sizeof number);
        if (number != K2_NULL_LONG)
            k2_buf_printf(out, " %s=%lld", f->name, (long long)number);
    }
}

static void add_strings(const struct gathered *g, const char *name, uint32_t id,
                        struct k2_buf *out) {
    struct k2_sv blob = k2_interned(g->in, id), s;
    if (!id)
        return;
    k2_buf_printf(out, " %s{", name);
    for (int i = 0; k2_blob_next(&blob, &s); i++)
        k2_buf_printf(out, "%s%.*s", i ? " " : "", K2_SV_ARG(s));
    k2_buf_str(out, "}");
}

/* "trade BTC-USD BTC-USD/0/7/0 1 price=1 quantity=2 extra{a b}": kind, symbol, channel/epoch/sequence/part,
 * flags and what the kind has. */
static void add_event(const struct gathered *g, const struct k2_event *e, struct k2_buf *out) {
    const struct k2_kind *kind = k2_kind(e->kind);
    const char *fields = k2_event_fields_const(e);
    uint32_t extra = 0, conditions = 0;
    int32_t flags = 0;
    for (int i = 0; i < kind->field_count; i++) {
        const struct k2_field *f = &kind->fields[i];
        if (f->id == 18)
            memcpy(&flags, fields + f->offset, sizeof flags);
        if (f->id == 19)
            memcpy(&extra, fields + f->offset, sizeof extra);
        if (f->id == 16)
            memcpy(&conditions, fields + f->offset, sizeof conditions);
    }
    k2_buf_printf(out, "%s %s %s/%d/%lld/%d %d", kind->name, text_of(g, e->head.symbol),
                  text_of(g, e->head.channel), e->head.epoch,
                  (long long)e->head.exchange_sequence_number, e->head.part, flags);
    for (int i = 0; i < kind->field_count; i++)
        if (kind->fields[i].id > 12 && kind->fields[i].id != 18)
            add_value(g, &kind->fields[i], fields + kind->fields[i].offset, out);
    add_strings(g, "conditions", conditions, out);
    add_strings(g, "extra", extra, out);
    k2_buf_str(out, "\n");
}

static void add_answers(const struct gathered *g, struct k2_buf *out) {
    for (size_t i = 0; i < g->n; i++)
        if (g->all[i].rejected)
            k2_buf_printf(out, "%s %s\n", g->all[i].reason, g->all[i].detail);
        else
            add_event(g, &g->all[i].event, out);
    if (g->filtered)
        k2_buf_printf(out, "filtered %lld %s\n", (long long)g->filtered, g->why);
}

static void check(const char *format, const char *message, const char *expected) {
    struct feed_options o = plain_options("x");
    struct gathered g;
    struct k2_buf out = {0};
    gather_init(&g);
    decode_text(format, &o, k2_sv_of(message), 0, &g);
    add_answers(&g, &out);
    if (strcmp(k2_buf_cstr(&out), expected) != 0)
        fail_msg("%s: %s\ngives\n%swanted\n%s", format, message, k2_buf_cstr(&out), expected);
    k2_buf_free(&out);
    gather_free(&g);
}

struct example {
    const char *format, *message, *expected;
    bool told; /* its shape alone tells the venue */
};

static const struct example examples[] = {
    {"binance-json",
     "{\"e\":\"depthUpdate\",\"E\":1700000000001,\"s\":\"AB\",\"U\":5,\"u\":7,\"b\":[[\"1.50\",\"2."
     "0\"]],\"a\":[[\"1.60\",\"0.000\"]]}",
     "book_event AB AB@depth/0/7/0 12 action=SET side=BUY price=1.5 quantity=2 "
     "extra{first_sequence 5}\n"
     "book_event AB AB@depth/0/7/1 5 action=DELETE side=SELL price=1.6\n"
     "",
     true},
    {"binance-json",
     "{\"e\":\"depthUpdate\",\"E\":1700000000001,\"T\":1700000000000,\"s\":\"AB\",\"U\":5,\"u\":7,"
     "\"pu\":3,\"b\":[],\"a\":[]}",
     "message AB AB@depth/0/7/0 13 message_type=depthUpdate extra{event_time 1700000000001 "
     "first_sequence 4 first_update_id 5 previous_update_id 3}\n"
     "",
     true},
    {"binance-json",
     "1700000000000000000 "
     "{\"stream\":\"abusd@depth5\",\"data\":{\"lastUpdateId\":9,\"bids\":[[\"1\",\"2\"]],\"asks\":["
     "[\"1.1\",\"3\"]]}}",
     "book_event ABUSD ABUSD@snapshot/0/9/0 10 action=CLEAR extra{time_source receipt}\n"
     "book_event ABUSD ABUSD@snapshot/0/9/1 10 action=SET side=BUY price=1 quantity=2\n"
     "book_event ABUSD ABUSD@snapshot/0/9/2 11 action=SET side=SELL price=1.1 quantity=3\n"
     "",
     true},
    {"binance-json",
     "https://fapi.binance.com/fapi/v1/depth?symbol=AB&limit=5 -> 1700000000.5: "
     "{\"lastUpdateId\":9,\"E\":1700000000002,\"T\":1700000000001,\"bids\":[[\"1\",\"2\"]],"
     "\"asks\":[]}",
     "book_event AB AB@snapshot/0/9/0 10 action=CLEAR extra{event_time 1700000000002}\n"
     "book_event AB AB@snapshot/0/9/1 11 action=SET side=BUY price=1 quantity=2\n"
     "",
     false},
    {"binance-json",
     "{\"e\":\"aggTrade\",\"E\":1,\"s\":\"AB\",\"a\":12,\"p\":\"2.5\",\"q\":\"4\",\"f\":100,\"l\":"
     "105,\"T\":1700000000000,\"m\":false,\"M\":true}",
     "trade AB AB@aggTrade/0/12/0 1 price=2.5 quantity=4 side=BUY extra{first_trade_id 100 "
     "last_trade_id 105}\n"
     "",
     true},
    {"binance-json",
     "{\"e\":\"bookTicker\",\"u\":44,\"s\":\"AB\",\"b\":\"1\",\"B\":\"2\",\"a\":\"3\",\"A\":\"4\","
     "\"T\":1700000000000,\"E\":1700000000003}",
     "quote AB AB@bookTicker/0/44/0 9 bid_price=1 bid_quantity=2 ask_price=3 ask_quantity=4 "
     "extra{event_time 1700000000003}\n"
     "",
     true},
    {"binance-json",
     "{\"stream\":\"!markPrice@arr\",\"data\":[{\"e\":\"markPriceUpdate\",\"E\":1700000000000,"
     "\"s\":\"AB\",\"p\":\"10.5\",\"i\":\"10.4\",\"P\":\"10.3\",\"r\":\"-0.0001\",\"T\":"
     "1700006400000},{\"e\":\"markPriceUpdate\",\"E\":1700000000000,\"s\":\"CD\",\"p\":\"1\",\"i\":"
     "\"2\",\"P\":\"3\",\"r\":\"\",\"T\":0}]}",
     "statistic AB AB@markPrice/0/1/0 0 statistic=MARK_PRICE price=10.5 extra{next_funding_time "
     "1700006400000}\n"
     "statistic AB AB@markPrice/0/1/1 0 statistic=INDEX_PRICE price=10.4\n"
     "statistic AB AB@markPrice/0/1/2 0 statistic=ESTIMATED_SETTLEMENT_PRICE price=10.3\n"
     "statistic AB AB@markPrice/0/1/3 1 statistic=FUNDING_RATE price=-0.0001\n"
     "statistic CD CD@markPrice/0/1/0 0 statistic=MARK_PRICE price=1 extra{next_funding_time 0}\n"
     "statistic CD CD@markPrice/0/1/1 0 statistic=INDEX_PRICE price=2\n"
     "statistic CD CD@markPrice/0/1/2 1 statistic=ESTIMATED_SETTLEMENT_PRICE price=3\n"
     "",
     true},
    {"binance-json",
     "{\"e\":\"forceOrder\",\"E\":1700000000000,\"o\":{\"s\":\"ABUSD_PERP\",\"S\":\"SELL\",\"o\":"
     "\"LIMIT\",\"f\":\"IOC\",\"q\":\"5\",\"p\":\"9.9\",\"ap\":\"9.8\",\"X\":\"FILLED\",\"l\":"
     "\"5\",\"z\":\"5\",\"T\":1700000000000}}",
     "message ABUSD_PERP ABUSD_PERP@forceOrder/0/1/0 1 message_type=forceOrder extra{average_price "
     "9.8 filled_quantity 5 last_filled_quantity 5 order_status FILLED order_type LIMIT price 9.9 "
     "quantity 5 side SELL time_in_force IOC trade_time 1700000000000}\n"
     "",
     true},
    {"binance-json",
     "wss://stream.binance.com:9443/ws <-> 1700000000.5\n"
     "{\"e\":\"kline\",\"E\":1700000060000,\"s\":\"AB\",\"k\":{\"t\":1700000000000,\"T\":"
     "1700000059999,\"s\":\"AB\",\"i\":\"1m\",\"f\":1,\"L\":2,\"o\":\"1\",\"c\":\"2\",\"h\":\"3\","
     "\"l\":\"0.5\",\"v\":\"10\",\"n\":2,\"x\":true,\"q\":\"15\",\"V\":\"4\",\"Q\":\"6\",\"B\":"
     "\"0\"}}",
     "bar AB AB@kline_1m/0/1/0 1 interval_ns=60000000000 open=1 high=3 low=0.5 close=2 volume=10 "
     "trade_count=2 extra{close_time 1700000059999 closed true event_time 1700000060000 "
     "first_trade_id 1 last_trade_id 2 quote_volume 15 taker_buy_quote_volume 6 taker_buy_volume "
     "4}\n"
     "filtered 1 a connection was opened\n"
     "",
     false},
    {"binance-json",
     "{\"e\":\"24hrTicker\",\"E\":1700000000000,\"s\":\"AB\",\"p\":\"-1\",\"P\":\"-2\",\"w\":\"5\","
     "\"x\":\"6\",\"c\":\"5.5\",\"Q\":\"1\",\"b\":\"5.4\",\"B\":\"2\",\"a\":\"5.6\",\"A\":\"3\","
     "\"o\":\"6.5\",\"h\":\"7\",\"l\":\"5\",\"v\":\"100\",\"q\":\"550\",\"O\":1,\"C\":2,\"F\":3,"
     "\"L\":4,\"n\":2}",
     "quote AB AB@24hrTicker/0/1/0 0 bid_price=5.4 bid_quantity=2 ask_price=5.6 ask_quantity=3 "
     "extra{close_time 2 first_trade_id 3 last_trade_id 4 open_time 1 price_change_percent -2}\n"
     "statistic AB AB@24hrTicker/0/1/0 0 statistic=PRICE_CHANGE price=-1\n"
     "statistic AB AB@24hrTicker/0/1/1 0 statistic=AVERAGE_PRICE price=5\n"
     "statistic AB AB@24hrTicker/0/1/2 0 statistic=PREVIOUS_CLOSE price=6\n"
     "statistic AB AB@24hrTicker/0/1/3 0 statistic=LAST price=5.5\n"
     "statistic AB AB@24hrTicker/0/1/4 0 statistic=LAST_QUANTITY quantity=1\n"
     "statistic AB AB@24hrTicker/0/1/5 0 statistic=OPEN price=6.5\n"
     "statistic AB AB@24hrTicker/0/1/6 0 statistic=HIGH price=7\n"
     "statistic AB AB@24hrTicker/0/1/7 0 statistic=LOW price=5\n"
     "statistic AB AB@24hrTicker/0/1/8 0 statistic=VOLUME quantity=100\n"
     "statistic AB AB@24hrTicker/0/1/9 0 statistic=QUOTE_VOLUME quantity=550\n"
     "statistic AB AB@24hrTicker/0/1/10 1 statistic=TRADE_COUNT quantity=2\n"
     "",
     true},
    {"coinbase-json",
     "{\"type\":\"match\",\"trade_id\":7,\"maker_order_id\":\"m\",\"taker_order_id\":\"t\","
     "\"side\":\"sell\",\"size\":\"0.5\",\"price\":\"100.25\",\"product_id\":\"BTC-USD\","
     "\"sequence\":50,\"time\":\"2023-11-14T22:13:20.000001Z\"}",
     "trade BTC-USD BTC-USD/0/7/0 1 price=100.25 quantity=0.5 side=BUY extra{maker_order_id m "
     "sequence 50 taker_order_id t}\n"
     "",
     true},
    {"coinbase-json",
     "{\"type\":\"received\",\"time\":\"2023-11-14T22:13:20Z\",\"product_id\":\"BTC-USD\","
     "\"sequence\":10,\"order_id\":\"o1\",\"size\":\"1\",\"price\":\"5\",\"side\":\"buy\",\"order_"
     "type\":\"limit\"}\n"
     "{\"type\":\"open\",\"time\":\"2023-11-14T22:13:20Z\",\"product_id\":\"BTC-USD\",\"sequence\":"
     "11,\"order_id\":\"o1\",\"price\":\"5\",\"remaining_size\":\"1\",\"side\":\"buy\"}\n"
     "{\"type\":\"match\",\"trade_id\":7,\"maker_order_id\":\"o1\",\"taker_order_id\":\"t\","
     "\"side\":\"buy\",\"size\":\"0.5\",\"price\":\"5\",\"product_id\":\"BTC-USD\",\"sequence\":12,"
     "\"time\":\"2023-11-14T22:13:20Z\"}\n"
     "{\"type\":\"change\",\"time\":\"2023-11-14T22:13:20Z\",\"product_id\":\"BTC-USD\","
     "\"sequence\":13,\"order_id\":\"o1\",\"price\":\"5\",\"new_size\":\"0.25\",\"old_size\":\"0."
     "5\",\"side\":\"buy\"}\n"
     "{\"type\":\"done\",\"time\":\"2023-11-14T22:13:20Z\",\"product_id\":\"BTC-USD\",\"sequence\":"
     "14,\"order_id\":\"o1\",\"price\":\"5\",\"remaining_size\":\"0.25\",\"side\":\"buy\","
     "\"reason\":\"canceled\"}",
     "message BTC-USD BTC-USD@full/0/10/0 5 message_type=received extra{order_id o1 order_type "
     "limit price 5 side buy size 1}\n"
     "book_event BTC-USD BTC-USD@full/0/11/0 5 action=ADD order_id=o1 side=BUY price=5 quantity=1\n"
     "trade BTC-USD BTC-USD/0/7/0 1 price=5 quantity=0.5 side=SELL extra{maker_order_id o1 "
     "sequence 12 taker_order_id t}\n"
     "book_event BTC-USD BTC-USD@full/0/12/0 5 action=EXECUTE order_id=o1 side=BUY price=5 "
     "quantity=0.5 trade_id=7 extra{taker_order_id t}\n"
     "book_event BTC-USD BTC-USD@full/0/13/0 5 action=MODIFY order_id=o1 side=BUY price=5 "
     "quantity=0.25 extra{old_size 0.5}\n"
     "book_event BTC-USD BTC-USD@full/0/14/0 5 action=DELETE order_id=o1 side=BUY price=5 "
     "quantity=0.25 extra{reason canceled}\n"
     "",
     true},
    {"coinbase-json",
     "{\"type\":\"l2update\",\"product_id\":\"BTC-USD\",\"changes\":[[\"buy\",\"5\",\"1\"],["
     "\"sell\",\"6\",\"0.0\"]],\"time\":\"2023-11-14T22:13:20Z\"}",
     "book_event BTC-USD BTC-USD@level2/0/1/0 0 action=SET side=BUY price=5 quantity=1\n"
     "book_event BTC-USD BTC-USD@level2/0/1/1 1 action=DELETE side=SELL price=6\n"
     "",
     true},
    {"coinbase-json",
     "1700000000.5: "
     "{\"type\":\"snapshot\",\"product_id\":\"BTC-USD\",\"bids\":[[\"5\",\"1\"]],\"asks\":[[\"6\","
     "\"2\"]]}",
     "book_event BTC-USD BTC-USD@level2/0/1/0 2 action=CLEAR extra{time_source receipt}\n"
     "book_event BTC-USD BTC-USD@level2/0/1/1 2 action=SET side=BUY price=5 quantity=1\n"
     "book_event BTC-USD BTC-USD@level2/0/1/2 3 action=SET side=SELL price=6 quantity=2\n"
     "",
     true},
    {"coinbase-json",
     "{\"type\":\"ticker\",\"sequence\":9,\"product_id\":\"BTC-USD\",\"price\":\"5.5\",\"open_"
     "24h\":\"5\",\"volume_24h\":\"10\",\"low_24h\":\"4\",\"high_24h\":\"6\",\"volume_30d\":\"99\","
     "\"best_bid\":\"5.4\",\"best_ask\":\"5.6\",\"side\":\"buy\",\"time\":\"2023-11-14T22:13:20Z\","
     "\"trade_id\":3,\"last_size\":\"0.1\"}",
     "quote BTC-USD BTC-USD@ticker/0/9/0 8 bid_price=5.4 ask_price=5.6 extra{side buy trade_id 3}\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/0 8 statistic=LAST price=5.5\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/1 8 statistic=OPEN price=5\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/2 8 statistic=VOLUME quantity=10\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/3 8 statistic=LOW price=4\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/4 8 statistic=HIGH price=6\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/5 8 statistic=VOLUME_30D quantity=99\n"
     "statistic BTC-USD BTC-USD@ticker/0/9/6 9 statistic=LAST_QUANTITY quantity=0.1\n"
     "",
     true},
    {"coinbase-json",
     "{\"type\":\"heartbeat\",\"sequence\":90,\"last_trade_id\":20,\"product_id\":\"BTC-USD\","
     "\"time\":\"2023-11-14T22:13:20Z\"}",
     "message BTC-USD BTC-USD@heartbeat/0/90/0 9 message_type=heartbeat extra{last_trade_id 20}\n"
     "",
     true},
    {"coinbase-json",
     "1700000000.5: "
     "{\"type\":\"status\",\"products\":[{\"id\":\"BTC-USD\",\"status\":\"online\",\"status_"
     "message\":\"\",\"base_currency\":\"BTC\"}]}",
     "trading_status BTC-USD BTC-USD@status/0/1/0 1 status=OPEN code=online extra{base_currency "
     "BTC time_source receipt}\n"
     "",
     true},
    {"coinbase-json",
     "{\"channel\":\"market_trades\",\"client_id\":\"\",\"timestamp\":\"2023-11-14T22:13:20Z\","
     "\"sequence_num\":5,\"events\":[{\"type\":\"update\",\"trades\":[{\"trade_id\":\"8\","
     "\"product_id\":\"BTC-USD\",\"price\":\"5\",\"size\":\"2\",\"side\":\"BUY\",\"time\":\"2023-"
     "11-14T22:13:20Z\"}]}]}\n"
     "{\"channel\":\"l2_data\",\"client_id\":\"\",\"timestamp\":\"2023-11-14T22:13:21Z\","
     "\"sequence_num\":6,\"events\":[{\"type\":\"update\",\"product_id\":\"BTC-USD\",\"updates\":[{"
     "\"side\":\"bid\",\"event_time\":\"2023-11-14T22:13:21Z\",\"price_level\":\"5\",\"new_"
     "quantity\":\"0\"}]}]}\n"
     "{\"channel\":\"heartbeats\",\"client_id\":\"\",\"timestamp\":\"2023-11-14T22:13:22Z\","
     "\"sequence_num\":0,\"events\":[{\"heartbeat_counter\":1}]}",
     "message * *@advanced/0/5/0 5 message_type=market_trades extra{client_id  sequence_num 5}\n"
     "trade BTC-USD BTC-USD/0/8/0 1 price=5 quantity=2 side=SELL extra{sequence_num 5}\n"
     "message * *@advanced/0/6/0 5 message_type=l2_data extra{client_id  sequence_num 6}\n"
     "book_event BTC-USD BTC-USD@level2/0/1/0 1 action=DELETE side=BUY price=5 extra{event_time "
     "2023-11-14T22:13:21Z sequence_num 6}\n"
     "message * *@advanced/1/0/0 5 message_type=heartbeats extra{client_id  events "
     "[{\"heartbeat_counter\":1}] sequence_num 0}\n"
     "",
     true},
    {"kraken-json",
     "[1,{\"as\":[[\"6.00\",\"2.10\",\"1700000001.5\"]],\"bs\":[[\"5.50\",\"1\",\"1700000000.5\"]]}"
     ",\"book-10\",\"A/B\"]",
     "book_event A/B A/B@book-10/0/1/0 2 action=CLEAR\n"
     "book_event A/B A/B@book-10/0/1/1 2 action=SET side=BUY price=5.5 quantity=1 "
     "extra{price_digits 2 timestamp 1700000000.5}\n"
     "book_event A/B A/B@book-10/0/1/2 3 action=SET side=SELL price=6 quantity=2.1 "
     "extra{price_digits 2 quantity_digits 2}\n"
     "",
     true},
    {"kraken-json",
     "[1,{\"a\":[[\"6.00\",\"0.00\",\"1700000001.5\",\"r\"]]},{\"b\":[[\"5.5\",\"3\",\"1700000001."
     "5\"]],\"c\":\"974942666\"},\"book-10\",\"A/B\"]",
     "book_event A/B A/B@book-10/0/1/0 0 action=SET side=BUY price=5.5 quantity=3 extra{checksum "
     "974942666}\n"
     "book_event A/B A/B@book-10/0/1/1 1 action=DELETE side=SELL price=6 extra{price_digits 2 "
     "quantity_digits 2 update_type r}\n"
     "",
     true},
    {"kraken-json",
     "[0,[[\"5.5\",\"1.5\",\"1700000000.123456\",\"s\",\"l\",\"\"],[\"5.6\",\"1\",\"1700000000.2\","
     "\"b\",\"m\",\"x\"]],\"trade\",\"A/B\"]",
     "trade A/B A/B@trade/0/1/0 1 price=5.5 quantity=1.5 side=SELL extra{orderType l}\n"
     "trade A/B A/B@trade/0/2/0 1 price=5.6 quantity=1 side=BUY extra{misc x orderType m}\n"
     "",
     true},
    {"kraken-json", "[0,[\"5.4\",\"5.6\",\"1700000000.5\",\"1\",\"2\"],\"spread\",\"A/B\"]",
     "quote A/B A/B@spread/0/1/0 1 bid_price=5.4 bid_quantity=1 ask_price=5.6 ask_quantity=2\n"
     "",
     true},
    {"kraken-json",
     "[0,[\"1700000010.5\",\"1700000060.0\",\"1\",\"3\",\"0.5\",\"2\",\"1.5\",\"10\",4],\"ohlc-1\","
     "\"A/B\"]",
     "bar A/B A/B@ohlc-1/0/1/0 1 interval_ns=60000000000 open=1 high=3 low=0.5 close=2 volume=10 "
     "trade_count=4 extra{vwap 1.5}\n"
     "",
     true},
    {"kraken-json",
     "{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{\"symbol\":\"A/"
     "B\",\"side\":\"buy\",\"price\":5.50,\"qty\":1e-3,\"ord_type\":\"limit\",\"trade_id\":9,"
     "\"timestamp\":\"2023-11-14T22:13:20Z\"}]}",
     "trade A/B A/B/0/9/0 1 price=5.5 quantity=0.001 side=BUY extra{ord_type limit}\n"
     "",
     true},
    {"kraken-json",
     "{\"channel\":\"book\",\"type\":\"update\",\"data\":[{\"symbol\":\"A/"
     "B\",\"bids\":[{\"price\":5.50,\"qty\":1.0}],\"asks\":[],\"checksum\":17,\"timestamp\":\"2023-"
     "11-14T22:13:20Z\"}]}",
     "book_event A/B A/B@book/0/1/0 1 action=SET side=BUY price=5.5 quantity=1 extra{checksum 17 "
     "price_digits 2 quantity_digits 1}\n"
     "",
     true},
    {"kraken-json",
     "{\"channel\":\"level3\",\"type\":\"update\",\"data\":[{\"symbol\":\"A/"
     "B\",\"bids\":[{\"event\":\"add\",\"order_id\":\"O\",\"limit_price\":5.5,\"order_qty\":1,"
     "\"timestamp\":\"2023-11-14T22:13:20Z\"}],\"asks\":[{\"event\":\"delete\",\"order_id\":\"P\","
     "\"limit_price\":6,\"order_qty\":0,\"timestamp\":\"2023-11-14T22:13:20Z\"}],\"checksum\":1}]}",
     "book_event A/B A/B@level3/0/1/0 0 action=ADD order_id=O side=BUY price=5.5 quantity=1 "
     "extra{checksum 1}\n"
     "book_event A/B A/B@level3/0/1/1 1 action=DELETE order_id=P side=SELL price=6 quantity=0\n"
     "",
     true},
    {"kraken-json",
     "{\"feed\":\"book\",\"product_id\":\"PI_AB\",\"side\":\"sell\",\"seq\":8,\"price\":34981,"
     "\"qty\":0,\"timestamp\":1700000000000}",
     "book_event PI_AB PI_AB@book/0/8/0 1 action=DELETE side=SELL price=34981\n"
     "",
     true},
    {"kraken-json",
     "{\"feed\":\"trade\",\"product_id\":\"PI_AB\",\"uid\":\"u\",\"side\":\"sell\",\"type\":"
     "\"fill\",\"seq\":6,\"time\":1700000000000,\"qty\":15000,\"price\":34969.5}",
     "trade PI_AB PI_AB/0/6/0 1 price=34969.5 quantity=15000 side=SELL conditions{fill} extra{uid "
     "u}\n"
     "",
     true},
    {"kraken-json",
     "1700000000.5: "
     "{\"connectionID\":1,\"event\":\"systemStatus\",\"status\":\"online\",\"version\":\"1\"}",
     "trading_status * *@status/0/1/0 1 status=OPEN code=online extra{connectionID 1 time_source "
     "receipt version 1}\n"
     "",
     true},
    {"kraken-json", "{\"event\":\"heartbeat\"}",
     "filtered 1 heartbeat\n"
     "",
     false},
    {"bitstamp-json",
     "{\"data\":{\"id\":7,\"timestamp\":\"1700000000\",\"amount\":0.5,\"amount_str\":\"0."
     "50000000\",\"price\":100.1,\"price_str\":\"100.10\",\"type\":1,\"microtimestamp\":"
     "\"1700000000000001\",\"buy_order_id\":1,\"sell_order_id\":2},\"channel\":\"live_trades_"
     "btcusd\",\"event\":\"trade\"}",
     "trade btcusd btcusd/0/7/0 9 price=100.1 quantity=0.5 side=SELL extra{buy_order_id 1 "
     "sell_order_id 2}\n"
     "",
     true},
    {"bitstamp-json",
     "{\"data\":{\"timestamp\":\"1700000000\",\"microtimestamp\":\"1700000000000002\",\"bids\":[["
     "\"5\",\"0.0\"]],\"asks\":[[\"6\",\"1\"]]},\"channel\":\"diff_order_book_btcusd\",\"event\":"
     "\"data\"}",
     "book_event btcusd btcusd@diff_order_book/0/1700000000000002/0 8 action=DELETE side=BUY "
     "price=5\n"
     "book_event btcusd btcusd@diff_order_book/0/1700000000000002/1 9 action=SET side=SELL price=6 "
     "quantity=1\n"
     "",
     true},
    {"bitstamp-json",
     "{\"data\":{\"timestamp\":\"1700000000\",\"microtimestamp\":\"1700000000000002\",\"bids\":[["
     "\"5\",\"1\"]],\"asks\":[]},\"channel\":\"order_book_btcusd\",\"event\":\"data\"}",
     "book_event btcusd btcusd@order_book/0/1700000000000002/0 10 action=CLEAR\n"
     "book_event btcusd btcusd@order_book/0/1700000000000002/1 11 action=SET side=BUY price=5 "
     "quantity=1\n"
     "",
     true},
    {"bitstamp-json",
     "{\"data\":{\"id\":70,\"id_str\":\"70\",\"order_type\":1,\"datetime\":\"1700000000\","
     "\"microtimestamp\":\"1700000000000003\",\"amount\":2,\"amount_str\":\"2.0\",\"price\":5,"
     "\"price_str\":\"5\"},\"channel\":\"live_orders_btcusd\",\"event\":\"order_deleted\"}",
     "book_event btcusd btcusd@live_orders/0/1/0 1 action=DELETE order_id=70 side=SELL price=5 "
     "quantity=2 extra{datetime 1700000000}\n"
     "",
     true},
    {"bitstamp-json",
     "1700000000123 trade {\"price\": 236.61000000000001, \"amount\": 1.7885566900000001, \"id\": "
     "8}",
     "trade btcusd btcusd/0/8/0 9 price=236.61 quantity=1.78855669 extra{amount 1.7885566900000001 "
     "price 236.61000000000001 time_source receipt}\n"
     "",
     false},
    {"bitstamp-json",
     "1700000000123 trade {\"price\": 236.5, \"amount\": 9.9999999999999995e-07, \"id\": 8}",
     "trade btcusd btcusd/0/8/0 9 price=236.5 quantity=0.000001 extra{amount "
     "9.9999999999999995e-07 time_source receipt}\n"
     "",
     false},
    {"bitstamp-json", "1700000000123 trade {\"price\": 236.6100000001, \"amount\": 1.5, \"id\": 8}",
     "RANGE the price price has more digits than the table holds: \"236.6100000001\"\n"
     "",
     false},
    {"bitstamp-json",
     "1700000000124 order_changed {\"price\": \"236.47\", \"amount\": \"1.78855669\", "
     "\"datetime\": \"1700000000\", \"id\": 65, \"order_type\": 0}",
     "book_event btcusd btcusd@live_orders/0/1/0 1 action=MODIFY order_id=65 side=BUY price=236.47 "
     "quantity=1.78855669 extra{datetime 1700000000 time_source receipt}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"trade.ABUSD\",\"data\":[{\"symbol\":\"ABUSD\",\"tick_direction\":\"PlusTick\","
     "\"price\":\"5.5\",\"size\":0.14,\"timestamp\":\"2023-11-14T22:13:20.000Z\",\"trade_time_ms\":"
     "\"1700000000116\",\"side\":\"Buy\",\"trade_id\":\"u-1\"}]}",
     "trade ABUSD ABUSD@trade/0/1/0 1 price=5.5 quantity=0.14 side=BUY extra{tick_direction "
     "PlusTick timestamp 2023-11-14T22:13:20.000Z trade_id u-1}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"orderBookL2_25.ABUSD\",\"type\":\"snapshot\",\"data\":[{\"price\":\"5.5\","
     "\"symbol\":\"ABUSD\",\"id\":55000,\"side\":\"Buy\",\"size\":10}],\"cross_seq\":7,\"timestamp_"
     "e6\":1700000000000001}\n"
     "{\"topic\":\"orderBookL2_25.ABUSD\",\"type\":\"delta\",\"data\":{\"delete\":[{\"price\":\"5."
     "5\",\"symbol\":\"ABUSD\",\"id\":55000,\"side\":\"Buy\"}],\"update\":[],\"insert\":[{"
     "\"price\":\"5.6\",\"symbol\":\"ABUSD\",\"id\":56000,\"side\":\"Sell\",\"size\":3.5}],"
     "\"transactTimeE6\":0},\"cross_seq\":9,\"timestamp_e6\":1700000000000002}",
     "book_event ABUSD ABUSD@orderBookL2_25/0/7/0 10 action=CLEAR\n"
     "book_event ABUSD ABUSD@orderBookL2_25/0/7/1 11 action=SET side=BUY price=5.5 quantity=10 "
     "extra{id 55000}\n"
     "book_event ABUSD ABUSD@orderBookL2_25/0/9/0 8 action=DELETE side=BUY price=5.5 extra{id "
     "55000}\n"
     "book_event ABUSD ABUSD@orderBookL2_25/0/9/1 9 action=SET side=SELL price=5.6 quantity=3.5 "
     "extra{id 56000}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"publicTrade.ABUSDT\",\"type\":\"snapshot\",\"ts\":1700000000001,\"data\":[{"
     "\"T\":1700000000000,\"s\":\"ABUSDT\",\"S\":\"Sell\",\"v\":\"0.01\",\"p\":\"5.5\",\"L\":"
     "\"PlusTick\",\"i\":\"u-2\",\"BT\":false}]}",
     "trade ABUSDT ABUSDT@trade/0/1/0 1 price=5.5 quantity=0.01 side=SELL extra{block_trade false "
     "tick_direction PlusTick trade_id u-2}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"orderbook.50.ABUSDT\",\"type\":\"snapshot\",\"ts\":1700000000000,\"data\":{"
     "\"s\":\"ABUSDT\",\"b\":[[\"5\",\"1\"]],\"a\":[],\"u\":18,\"seq\":700}}\n"
     "{\"topic\":\"orderbook.50.ABUSDT\",\"type\":\"delta\",\"ts\":1700000000001,\"data\":{\"s\":"
     "\"ABUSDT\",\"b\":[[\"5\",\"0\"]],\"a\":[[\"6\",\"1\"]],\"u\":19,\"seq\":701}}\n"
     "{\"topic\":\"orderbook.50.ABUSDT\",\"type\":\"snapshot\",\"ts\":1700000000002,\"data\":{"
     "\"s\":\"ABUSDT\",\"b\":[],\"a\":[],\"u\":1,\"seq\":702}}",
     "book_event ABUSDT ABUSDT@orderbook.50/0/18/0 14 action=CLEAR extra{seq 700}\n"
     "book_event ABUSDT ABUSDT@orderbook.50/0/18/1 15 action=SET side=BUY price=5 quantity=1\n"
     "book_event ABUSDT ABUSDT@orderbook.50/0/19/0 4 action=DELETE side=BUY price=5 extra{seq "
     "701}\n"
     "book_event ABUSDT ABUSDT@orderbook.50/0/19/1 5 action=SET side=SELL price=6 quantity=1\n"
     "book_event ABUSDT ABUSDT@orderbook.50/1/1/0 15 action=CLEAR extra{seq 702}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"tickers.ABUSDT\",\"type\":\"delta\",\"data\":{\"symbol\":\"ABUSDT\","
     "\"lastPrice\":\"5.5\",\"fundingRate\":\"-0.0002\",\"bid1Price\":\"5.4\",\"bid1Size\":\"2\"},"
     "\"cs\":24,\"ts\":1700000000000}",
     "statistic ABUSDT ABUSDT@tickers/0/1/0 0 statistic=LAST price=5.5 extra{cross_seq 24}\n"
     "statistic ABUSDT ABUSDT@tickers/0/1/1 0 statistic=FUNDING_RATE price=-0.0002\n"
     "statistic ABUSDT ABUSDT@tickers/0/1/2 0 statistic=BID_PRICE price=5.4\n"
     "statistic ABUSDT ABUSDT@tickers/0/1/3 1 statistic=BID_QUANTITY quantity=2\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"tickers.AB-1JAN24-5-C\",\"type\":\"snapshot\",\"ts\":1700000000000,\"data\":{"
     "\"symbol\":\"AB-1JAN24-5-C\",\"bidPrice\":\"0\",\"bidSize\":\"0\",\"askPrice\":\"5\","
     "\"askSize\":\"1\",\"delta\":\"0.5\"}}",
     "quote AB-1JAN24-5-C AB-1JAN24-5-C@tickers/0/1/0 1 ask_price=5 ask_quantity=1 extra{delta "
     "0.5}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"kline.5.ABUSDT\",\"data\":[{\"start\":1700000000000,\"end\":1700000299999,"
     "\"interval\":\"5\",\"open\":\"1\",\"close\":\"2\",\"high\":\"3\",\"low\":\"0.5\",\"volume\":"
     "\"4\",\"turnover\":\"8\",\"confirm\":false,\"timestamp\":1700000001000}],\"ts\":"
     "1700000001000,\"type\":\"snapshot\"}",
     "bar ABUSDT ABUSDT@kline.5/0/1/0 1 interval_ns=300000000000 open=1 high=3 low=0.5 close=2 "
     "volume=4 extra{confirm false end 1700000299999 timestamp 1700000001000 turnover 8}\n"
     "",
     true},
    {"bybit-json",
     "{\"topic\":\"allLiquidation.ABUSDT\",\"type\":\"snapshot\",\"ts\":1700000000000,\"data\":[{"
     "\"T\":1700000000000,\"s\":\"ABUSDT\",\"S\":\"Sell\",\"v\":\"20\",\"p\":\"0.04\"}]}",
     "message ABUSDT ABUSDT@allLiquidation/0/1/0 1 message_type=allLiquidation extra{S Sell T "
     "1700000000000 p 0.04 v 20}\n"
     "",
     true},
    {"bybit-json", "{\"success\":true,\"ret_msg\":\"\",\"conn_id\":\"x\",\"op\":\"subscribe\"}",
     "filtered 1 other message\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"trades\",\"instId\":\"A-B\"},\"data\":[{\"instId\":\"A-B\","
     "\"tradeId\":\"30\",\"px\":\"5.5\",\"sz\":\"0.1\",\"side\":\"sell\",\"ts\":\"1700000000000\","
     "\"count\":\"3\"}]}",
     "trade A-B A-B/0/30/0 9 price=5.5 quantity=0.1 side=SELL extra{count 3 first_sequence 28}\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"books\",\"instId\":\"A-B\"},\"action\":\"snapshot\",\"data\":[{"
     "\"asks\":[[\"6\",\"2\",\"0\",\"4\"]],\"bids\":[[\"5.50\",\"1.0\",\"0\",\"2\"]],\"ts\":"
     "\"1700000000000\",\"checksum\":-855196043,\"prevSeqId\":-1,\"seqId\":10}]}\n"
     "{\"arg\":{\"channel\":\"books\",\"instId\":\"A-B\"},\"action\":\"update\",\"data\":[{"
     "\"asks\":[[\"6\",\"0\",\"0\",\"0\"]],\"bids\":[],\"ts\":\"1700000000100\",\"checksum\":5,"
     "\"prevSeqId\":10,\"seqId\":15}]}\n"
     "{\"arg\":{\"channel\":\"books\",\"instId\":\"A-B\"},\"action\":\"update\",\"data\":[{"
     "\"asks\":[],\"bids\":[],\"ts\":\"1700000000200\",\"checksum\":0,\"prevSeqId\":15,\"seqId\":"
     "15}]}",
     "book_event A-B A-B@books/0/10/0 14 action=CLEAR extra{checksum -855196043}\n"
     "book_event A-B A-B@books/0/10/1 14 action=SET side=BUY price=5.5 quantity=1 order_count=2 "
     "extra{price_digits 2 quantity_digits 1}\n"
     "book_event A-B A-B@books/0/10/2 15 action=SET side=SELL price=6 quantity=2 order_count=4\n"
     "book_event A-B A-B@books/0/15/0 13 action=DELETE side=SELL price=6 order_count=0 "
     "extra{checksum 5 first_sequence 11}\n"
     "filtered 1 nothing changed\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"bbo-tbt\",\"instId\":\"A-B\"},\"data\":[{\"asks\":[[\"6\",\"2\","
     "\"0\",\"4\"]],\"bids\":[[\"5\",\"1\",\"0\",\"2\"]],\"ts\":\"1700000000000\",\"seqId\":77}]}",
     "quote A-B A-B@bbo-tbt/0/77/0 9 bid_price=5 bid_quantity=1 ask_price=6 ask_quantity=2 "
     "extra{ask_order_count 4 bid_order_count 2}\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"tickers\",\"instId\":\"A-B\"},\"data\":[{\"instType\":\"SPOT\","
     "\"instId\":\"A-B\",\"last\":\"5.5\",\"lastSz\":\"0.1\",\"askPx\":\"6\",\"askSz\":\"1\","
     "\"bidPx\":\"5\",\"bidSz\":\"2\",\"open24h\":\"4\",\"ts\":\"1700000000000\"}]}",
     "quote A-B A-B@tickers/0/1/0 0 bid_price=5 bid_quantity=2 ask_price=6 ask_quantity=1 "
     "extra{instType SPOT}\n"
     "statistic A-B A-B@tickers/0/1/0 0 statistic=LAST price=5.5\n"
     "statistic A-B A-B@tickers/0/1/1 0 statistic=LAST_QUANTITY quantity=0.1\n"
     "statistic A-B A-B@tickers/0/1/2 1 statistic=OPEN price=4\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"candle1H\",\"instId\":\"A-B\"},\"data\":[[\"1700000000000\",\"1\","
     "\"3\",\"0.5\",\"2\",\"10\",\"20\",\"30\",\"1\"]]}",
     "bar A-B A-B@candle1H/0/1/0 1 interval_ns=3600000000000 open=1 high=3 low=0.5 close=2 "
     "volume=10 extra{confirm 1 quote_volume 30 volume_currency 20}\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"funding-rate\",\"instId\":\"A-B-SWAP\"},\"data\":[{\"fundingRate\":"
     "\"0.0001\",\"fundingTime\":\"1700000000000\",\"instId\":\"A-B-SWAP\",\"ts\":"
     "\"1700000000000\"}]}",
     "statistic A-B-SWAP A-B-SWAP@funding-rate/0/1/0 1 statistic=FUNDING_RATE price=0.0001 "
     "extra{fundingTime 1700000000000}\n"
     "",
     true},
    {"okx-json", "{\"event\":\"subscribe\",\"arg\":{\"channel\":\"trades\",\"instId\":\"A-B\"}}",
     "filtered 1 an answer\n"
     "",
     true},
    {"deribit-json",
     "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"trades.X-PERP."
     "raw\",\"data\":[{\"trade_seq\":30,\"trade_id\":\"ETH-1\",\"timestamp\":1700000000000,\"tick_"
     "direction\":2,\"price\":-0.5,\"mark_price\":1.5,\"instrument_name\":\"X-PERP\",\"direction\":"
     "\"sell\",\"amount\":10.0}]}}",
     "trade X-PERP X-PERP/0/30/0 1 price=-0.5 quantity=10 side=SELL extra{mark_price 1.5 "
     "tick_direction 2 trade_id ETH-1}\n"
     "",
     true},
    {"deribit-json",
     "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"book.X-PERP.raw\","
     "\"data\":{\"type\":\"snapshot\",\"timestamp\":1700000000000,\"instrument_name\":\"X-PERP\","
     "\"change_id\":5,\"bids\":[[\"new\",5.5,10.0]],\"asks\":[]}}}\n"
     "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"book.X-PERP.raw\","
     "\"data\":{\"type\":\"change\",\"timestamp\":1700000000001,\"prev_change_id\":5,\"instrument_"
     "name\":\"X-PERP\",\"change_id\":9,\"bids\":[[\"delete\",5.5,0.0]],\"asks\":[[\"new\",6.0,3.0]"
     "]}}}",
     "book_event X-PERP X-PERP@book.raw/0/5/0 14 action=CLEAR\n"
     "book_event X-PERP X-PERP@book.raw/0/5/1 15 action=SET side=BUY price=5.5 quantity=10\n"
     "book_event X-PERP X-PERP@book.raw/0/9/0 12 action=DELETE side=BUY price=5.5 "
     "extra{first_sequence 6 prev_change_id 5}\n"
     "book_event X-PERP X-PERP@book.raw/0/9/1 5 action=SET side=SELL price=6 quantity=3\n"
     "",
     true},
    {"deribit-json",
     "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"quote.X-PERP\","
     "\"data\":{\"timestamp\":1700000000000,\"instrument_name\":\"X-PERP\",\"best_bid_price\":5.5,"
     "\"best_bid_amount\":1.0,\"best_ask_price\":null,\"best_ask_amount\":0.0}}}",
     "quote X-PERP X-PERP@quote/0/1/0 1 bid_price=5.5 bid_quantity=1\n"
     "",
     true},
    {"deribit-json",
     "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"ticker.X-PERP."
     "raw\",\"data\":{\"timestamp\":1700000000000,\"stats\":{\"volume\":869.0,\"low\":null,"
     "\"high\":6.5},\"state\":\"open\",\"open_interest\":12.0,\"mark_price\":5.51,\"last_price\":5."
     "5,\"instrument_name\":\"X-PERP\",\"greeks\":{\"vega\":0.20072},\"current_funding\":1.2e-7,"
     "\"best_bid_price\":5.4,\"best_bid_amount\":1.0,\"best_ask_price\":5.6,\"best_ask_amount\":2."
     "0,\"interest_value\":0.0028213400122472977}}}",
     "quote X-PERP X-PERP@ticker/0/1/0 0 bid_price=5.4 bid_quantity=1 ask_price=5.6 ask_quantity=2 "
     "extra{interest_value 0.0028213400122472977 state open vega 0.20072}\n"
     "statistic X-PERP X-PERP@ticker/0/1/0 0 statistic=VOLUME quantity=869\n"
     "statistic X-PERP X-PERP@ticker/0/1/1 0 statistic=HIGH price=6.5\n"
     "statistic X-PERP X-PERP@ticker/0/1/2 0 statistic=OPEN_INTEREST quantity=12\n"
     "statistic X-PERP X-PERP@ticker/0/1/3 0 statistic=MARK_PRICE price=5.51\n"
     "statistic X-PERP X-PERP@ticker/0/1/4 0 statistic=LAST price=5.5\n"
     "statistic X-PERP X-PERP@ticker/0/1/5 1 statistic=FUNDING_RATE price=0.00000012\n"
     "",
     true},
    {"deribit-json",
     "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"chart.trades.X-"
     "PERP.15\",\"data\":{\"tick\":1700000000000,\"open\":1.0,\"high\":3.0,\"low\":0.5,\"close\":2."
     "0,\"volume\":10.5,\"cost\":20.0}}}",
     "bar X-PERP X-PERP@chart.15/0/1/0 1 interval_ns=900000000000 open=1 high=3 low=0.5 close=2 "
     "volume=10.5 extra{cost 20.0}\n"
     "",
     true},
    {"deribit-json", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}",
     "filtered 1 other message\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"spot.trades\",\"event\":\"update\",\"result\":{\"id\":816,"
     "\"create_time\":1700000000,\"create_time_ms\":\"1700000000708.2642\",\"side\":\"sell\","
     "\"currency_pair\":\"A_B\",\"amount\":\"0.20\",\"price\":\"121.58\"}}",
     "trade A_B A_B/0/816/0 9 price=121.58 quantity=0.2 side=SELL extra{create_time 1700000000}\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"futures.trades\",\"event\":\"update\",\"result\":[{"
     "\"size\":-108,\"id\":27753479,\"create_time\":1700000000,\"create_time_ms\":1700000000123,"
     "\"price\":\"96.4\",\"contract\":\"A_USD\"}]}",
     "trade A_USD A_USD/0/27753479/0 9 price=96.4 quantity=108 side=SELL extra{create_time "
     "1700000000}\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"spot.book_ticker\",\"event\":\"update\",\"result\":{\"t\":"
     "1700000000001,\"u\":48,\"s\":\"A_B\",\"b\":\"5\",\"B\":\"1\",\"a\":\"6\",\"A\":\"2\"}}",
     "quote A_B A_B@book_ticker/0/48/0 9 bid_price=5 bid_quantity=1 ask_price=6 ask_quantity=2\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"spot.order_book_update\",\"event\":\"update\",\"result\":{"
     "\"t\":1700000000001,\"e\":\"depthUpdate\",\"E\":1700000000,\"s\":\"A_B\",\"U\":48,\"u\":50,"
     "\"b\":[[\"5\",\"0\"]],\"a\":[[\"6\",\"1\"]]}}",
     "book_event A_B A_B@order_book_update/0/50/0 12 action=DELETE side=BUY price=5 "
     "extra{event_time 1700000000 first_sequence 48}\n"
     "book_event A_B A_B@order_book_update/0/50/1 5 action=SET side=SELL price=6 quantity=1\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"futures.order_book_update\",\"event\":\"update\","
     "\"result\":{\"t\":1700000000001,\"s\":\"A_USD\",\"U\":51,\"u\":51,\"b\":[{\"p\":\"5\",\"s\":"
     "3}],\"a\":[]}}",
     "book_event A_USD A_USD@order_book_update/0/51/0 5 action=SET side=BUY price=5 quantity=3\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"spot.order_book\",\"event\":\"update\",\"result\":{\"t\":"
     "1700000000001,\"lastUpdateId\":60,\"s\":\"A_B\",\"bids\":[[\"5\",\"1\"]],\"asks\":[[\"6\","
     "\"2\"]]}}",
     "book_event A_B A_B@order_book/0/60/0 10 action=CLEAR\n"
     "book_event A_B A_B@order_book/0/60/1 10 action=SET side=BUY price=5 quantity=1\n"
     "book_event A_B A_B@order_book/0/60/2 11 action=SET side=SELL price=6 quantity=2\n"
     "",
     true},
    {"gateio-json",
     "https://api.gateio.ws/api/v4/spot/order_book?currency_pair=A_B&limit=1 -> 1700000000.5: "
     "{\"id\":60,\"current\":1700000000001,\"update\":1700000000000,\"asks\":[[\"6\",\"2\"]],"
     "\"bids\":[]}",
     "book_event A_B A_B@snapshot/0/60/0 10 action=CLEAR extra{update 1700000000000}\n"
     "book_event A_B A_B@snapshot/0/60/1 11 action=SET side=SELL price=6 quantity=2\n"
     "",
     false},
    {"gateio-json",
     "{\"time\":1700000000,\"time_ms\":1700000000123,\"channel\":\"spot.tickers\",\"event\":"
     "\"update\",\"result\":{\"currency_pair\":\"A_B\",\"last\":\"5.5\",\"lowest_ask\":\"6\","
     "\"highest_bid\":\"5\",\"change_percentage\":\"1\",\"base_volume\":\"10\",\"quote_volume\":"
     "\"2.048263365803126\",\"high_24h\":\"7\",\"low_24h\":\"4\"}}",
     "quote A_B A_B@tickers/0/1/0 0 bid_price=5 ask_price=6 extra{change_percentage 1 quote_volume "
     "2.048263365803126}\n"
     "statistic A_B A_B@tickers/0/1/0 0 statistic=LAST price=5.5\n"
     "statistic A_B A_B@tickers/0/1/1 0 statistic=VOLUME quantity=10\n"
     "statistic A_B A_B@tickers/0/1/2 0 statistic=HIGH price=7\n"
     "statistic A_B A_B@tickers/0/1/3 1 statistic=LOW price=4\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"spot.candlesticks\",\"event\":\"update\",\"result\":{"
     "\"t\":\"1700000000\",\"v\":\"1\",\"c\":\"2\",\"h\":\"3\",\"l\":\"0.5\",\"o\":\"1\",\"n\":"
     "\"1m_A_B\"}}",
     "bar A_B A_B@candlesticks_1m/0/1/0 1 interval_ns=60000000000 open=1 high=3 low=0.5 close=2 "
     "volume=1\n"
     "",
     true},
    {"hyperliquid-json",
     "{\"channel\":\"trades\",\"data\":[{\"coin\":\"BTC\",\"side\":\"A\",\"px\":\"105056.0\","
     "\"sz\":\"0.002\",\"time\":1700000000000,\"hash\":\"0x1\",\"tid\":12,\"users\":[\"0xa\","
     "\"0xb\"]}]}",
     "trade BTC BTC@trades/0/1/0 1 price=105056 quantity=0.002 side=SELL extra{hash 0x1 tid 12 "
     "users [\"0xa\",\"0xb\"]}\n"
     "",
     true},
    {"hyperliquid-json",
     "{\"channel\":\"l2Book\",\"data\":{\"coin\":\"BTC\",\"levels\":[[{\"n\":5,\"px\":\"105.0\","
     "\"sz\":\"3.5\"}],[{\"n\":1,\"px\":\"106.0\",\"sz\":\"1\"}]],\"time\":1700000000000}}",
     "book_event BTC BTC@l2Book/0/1/0 2 action=CLEAR\n"
     "book_event BTC BTC@l2Book/0/1/1 2 action=SET side=BUY price=105 quantity=3.5 order_count=5\n"
     "book_event BTC BTC@l2Book/0/1/2 3 action=SET side=SELL price=106 quantity=1 order_count=1\n"
     "",
     true},
    {"hyperliquid-json",
     "{\"channel\":\"bbo\",\"data\":{\"coin\":\"BTC\",\"time\":1700000000000,\"bbo\":[{\"px\":"
     "\"105.0\",\"sz\":\"3.5\",\"n\":2},null]}}",
     "quote BTC BTC@bbo/0/1/0 1 bid_price=105 bid_quantity=3.5 extra{bid_order_count 2}\n"
     "",
     true},
    {"hyperliquid-json",
     "1700000000000000000 "
     "{\"channel\":\"activeAssetCtx\",\"data\":{\"coin\":\"BTC\",\"ctx\":{\"funding\":\"0.00001\","
     "\"openInterest\":\"7\",\"markPx\":\"105\",\"impactPxs\":[\"104\",\"106\"]}}}",
     "statistic BTC BTC@assetCtx/0/1/0 0 statistic=FUNDING_RATE price=0.00001 extra{impactPxs "
     "[\"104\",\"106\"] time_source receipt}\n"
     "statistic BTC BTC@assetCtx/0/1/1 0 statistic=OPEN_INTEREST quantity=7\n"
     "statistic BTC BTC@assetCtx/0/1/2 1 statistic=MARK_PRICE price=105\n"
     "",
     true},
    {"hyperliquid-json",
     "1700000000000000000 "
     "{\"channel\":\"allMids\",\"data\":{\"mids\":{\"BTC\":\"105.5\",\"@142\":\"80907.5\"}}}",
     "statistic BTC BTC@allMids/0/1/0 1 statistic=MID_PRICE price=105.5 extra{time_source "
     "receipt}\n"
     "statistic @142 @142@allMids/0/1/0 1 statistic=MID_PRICE price=80907.5 extra{time_source "
     "receipt}\n"
     "",
     true},
    {"hyperliquid-json",
     "{\"channel\":\"candle\",\"data\":{\"t\":1700000000000,\"T\":1700000059999,\"s\":\"BTC\","
     "\"i\":\"1m\",\"o\":\"1\",\"c\":\"2\",\"h\":\"3\",\"l\":\"0.5\",\"v\":\"10\",\"n\":4}}",
     "bar BTC BTC@candle_1m/0/1/0 1 interval_ns=60000000000 open=1 high=3 low=0.5 close=2 "
     "volume=10 trade_count=4 extra{close_time 1700000059999}\n"
     "",
     true},
    {"okx-json",
     "{\"arg\":{\"channel\":\"books\",\"instId\":\"A-B\"},\"action\":\"update\",\"data\":[{"
     "\"asks\":[[\"6\",\"x\",\"0\",\"0\"]],\"bids\":[],\"ts\":\"1700000000100\",\"checksum\":5,"
     "\"prevSeqId\":10,\"seqId\":15}]}",
     "MALFORMED the quantity of a level is no number: \"x\"\n"
     "",
     true},
    {"gateio-json",
     "{\"time\":1700000000,\"channel\":\"futures.trades\",\"event\":\"update\",\"result\":[{"
     "\"size\":1,\"id\":1,\"create_time_ms\":1700000000123,\"price\":\"96.4\",\"contract\":\"A_"
     "USD\"},{\"size\":1,\"id\":2,\"create_time_ms\":1700000000123,\"price\":\"1.23456789012\","
     "\"contract\":\"A_USD\"},{\"size\":1,\"id\":3,\"create_time_ms\":1700000000123,\"price\":\"96."
     "4\",\"contract\":\"A_USD\"}]}",
     "trade A_USD A_USD/0/1/0 9 price=96.4 quantity=1 side=BUY\n"
     "RANGE the price price has more digits than the table holds: \"1.23456789012\"\n"
     "trade A_USD A_USD/0/3/0 9 price=96.4 quantity=1 side=BUY\n"
     "",
     true},
};

static void each_type_of_message_becomes_what_it_is(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(examples[i].format, examples[i].message, examples[i].expected);
}

/* --- what holds for all of them --- */

static void the_shape_of_a_message_tells_its_venue(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const char *why = NULL, *best = "";
        int sure = 49;
        for (size_t k = 0; k < FORMATS; k++) {
            const struct feed_ops *ops = feed_find(k2_sv_of(formats[k]));
            int found = ops->detect(ops, K2_SV("x"), k2_sv_of(examples[i].message), &why);
            if (found > sure) {
                sure = found;
                best = ops->name;
            }
        }
        if (examples[i].told && strcmp(best, examples[i].format) != 0)
            fail_msg("%s is taken for %s", examples[i].message, best);
    }
}

static void every_message_gives_the_same_however_it_is_contained(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct k2_buf text = {0};
        struct k2_sv message = k2_sv_of(examples[i].message), line;
        if (message.p[0] != '{' && message.p[0] != '[')
            continue;
        k2_buf_str(&text, "wss://nowhere/x <-> 1500000000.5\n");
        while (message.n) {
            line = k2_sv_split(&message, '\n');
            k2_buf_printf(&text, "wss://nowhere/x <- 1500000000.5: {}\n1700000000.25: %.*s\n",
                          K2_SV_ARG(line));
        }
        struct feed_options o = plain_options("x");
        struct gathered plain, cryptofeed;
        gather_init(&plain);
        gather_init(&cryptofeed);
        decode_text(examples[i].format, &o, k2_sv_of(examples[i].message), 0, &plain);
        decode_text(examples[i].format, &o, k2_buf_view(&text), 7, &cryptofeed);
        assert_int_equal(plain.events, cryptofeed.events);
        for (size_t k = 0; k < plain.n; k++) {
            struct k2_h128 a = k2_payload_hash(&plain.all[k].event, plain.in);
            struct k2_h128 b = k2_payload_hash(&cryptofeed.all[k].event, cryptofeed.in);
            assert_int_equal(k2_h128_cmp(a, b), 0);
            assert_int_equal(cryptofeed.all[k].event.head.receive_timestamp_ns,
                             INT64_C(1700000000250000000));
        }
        gather_free(&plain);
        gather_free(&cryptofeed);
        k2_buf_free(&text);
    }
}

/* Stopped after any message and gone on in another decoder, numbers and epochs are the same. */
static void a_decoder_goes_on_where_another_one_stopped(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct feed_ops *ops = feed_find(k2_sv_of(examples[i].format));
        struct feed_options o = plain_options("x");
        struct k2_buf text = {0}, saved = {0}, once = {0}, twice = {0};
        struct k2_err err = {0};
        struct gathered g, whole;
        size_t used;
        k2_buf_printf(&text, "%s\n%s\n", examples[i].message, examples[i].message);
        struct k2_sv all = k2_buf_view(&text);
        gather_init(&g);
        gather_init(&whole);
        decode_text(ops->name, &o, all, 0, &whole);
        void *a = calloc(1, ops->state_size), *b = calloc(1, ops->state_size);
        CHECK_OK(ops->init(ops, a, &o, g.in, &err), &err);
        CHECK_OK(ops->decode(a, (struct k2_sv){all.p, all.n / 2}, false, &used, &g.sink, &err),
                 &err);
        ops->save(a, &saved);
        CHECK_OK(ops->init(ops, b, &o, g.in, &err), &err);
        assert_true(ops->restore(b, k2_buf_view(&saved)));
        all = (struct k2_sv){all.p + used, all.n - used};
        CHECK_OK(ops->decode(b, all, true, &used, &g.sink, &err), &err);
        add_answers(&whole, &once);
        add_answers(&g, &twice);
        assert_string_equal(k2_buf_cstr(&once), k2_buf_cstr(&twice));
        for (size_t n = 0; n < saved.n; n++) { /* a piece of a state is none */
            void *c = calloc(1, ops->state_size);
            CHECK_OK(ops->init(ops, c, &o, g.in, &err), &err);
            assert_false(ops->restore(c, (struct k2_sv){(const char *)saved.p, n}));
            ops->fini(c);
            free(c);
        }
        ops->fini(a);
        ops->fini(b);
        free(a);
        free(b);
        gather_free(&g);
        gather_free(&whole);
        k2_buf_free(&text);
        k2_buf_free(&saved);
        k2_buf_free(&once);
        k2_buf_free(&twice);
    }
}

static void damages_are_answered_and_what_is_refused_says_why(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int turn = 0; turn < 20000; turn++) {
        const struct example *x =
            &examples[k2test_random(&seed) % (sizeof examples / sizeof *examples)];
        char *text = k2_strdup(x->message);
        size_t n = strlen(text);
        struct feed_options o = plain_options("x");
        struct gathered g;
        for (int i = 0; i < 2; i++)
            text[k2test_random(&seed) % n] =
                "{}[]\":,\\u01\n -e.t\xff\x01"[k2test_random(&seed) % 19];
        gather_init(&g);
        decode_text(x->format, &o, (struct k2_sv){text, n}, 0, &g);
        assert_true(g.events + g.rejects + g.filtered > 0);
        for (size_t k = 0; k < g.n; k++)
            assert_true(!g.all[k].rejected || (*g.all[k].detail && g.all[k].raw_n > 0));
        gather_free(&g);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_of_message_becomes_what_it_is),
        cmocka_unit_test(the_shape_of_a_message_tells_its_venue),
        cmocka_unit_test(every_message_gives_the_same_however_it_is_contained),
        cmocka_unit_test(a_decoder_goes_on_where_another_one_stopped),
        cmocka_unit_test(damages_are_answered_and_what_is_refused_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
