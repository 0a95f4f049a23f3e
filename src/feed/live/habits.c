/* feed/live/habits.c - what venues want to be told on a WebSocket, beyond the pings of RFC 6455; see live_int.h.
 *
 * By the venues' documentation of their public streams:
 *   OKX          "The connection will break automatically if the subscription is not established or data has not been
 *                pushed for more than 30 seconds": the text ping, answered by the text pong
 *   Bybit v5     "we recommend that you send the ping heartbeat packet every 20 seconds": {"op":"ping"}, answered by the same
 *                with pong; without traffic "the connection will be cut off after 10 minutes"
 *   Kraken       v2 {"method":"ping"}, v1 {"event":"ping"}: "Clients can ping the server to verify connection is alive", that
 *                is, they need not; the server's own heartbeats come each second, but only where something is subscribed.
 *                Futures: "Send a ping at least every 60 seconds to keep the connection open": one of RFC 6455
 *   Deribit      public/set_heartbeat (its interval "not less than 10" seconds; 30 to 60 are recommended), then each
 *                test_request must be answered by public/test: "If your software fails to do so, the API server will
 *                immediately close the connection"
 *   Gate.io v4   {"time","channel":"spot.ping"}, of futures and options with their own word; its server sends pings of
 *                RFC 6455 beside them
 *   Hyperliquid  {"method":"ping"}, answered by {"channel":"pong"}: ends connections to which it had nothing to send for
 *                60 seconds
 *   Bitstamp     {"event":"bts:heartbeat"}, answered by the same: whether the connection works; nothing ends without it
 *   Huobi (HTX)  a {"ping":N} "every 5s", packed by gzip, "should response with a matching pong": {"pong":N}, in version 2
 *                {"action":"ping",...} by the same with pong; without one "within two ping period [...] the connection will
 *                be closed"
 * Binance and Coinbase want nothing: Binance sends pings of RFC 6455, which wslay answers.
 */
#include "feed/live/live_int.h"

#include <stdio.h>

#define EVERY (15 * K2_NS_PER_SEC)

/* The first that fits is a format's. */
static const struct {
    const char *format, *part; /* part: in the URL; NULL = in any */
    struct live_habit habit;
} habits[] = {
    {"okx-json", NULL, {.every_ns = EVERY, .beat = "ping"}},
    {"bybit-json", NULL, {.every_ns = 20 * K2_NS_PER_SEC, .beat = "{\"op\":\"ping\"}"}},
    {"kraken-json", "futures", {.every_ns = EVERY}},
    {"kraken-json", "/v2", {.every_ns = EVERY, .beat = "{\"method\":\"ping\"}"}},
    {"kraken-json", NULL, {.every_ns = EVERY, .beat = "{\"event\":\"ping\"}"}},
    {"deribit-json",
     NULL,
     {.hello = "{\"jsonrpc\":\"2.0\",\"id\":1000000001,\"method\":\"public/set_heartbeat\","
               "\"params\":{\"interval\":30}}",
      .question = "\"test_request\"",
      .answer = "{\"jsonrpc\":\"2.0\",\"id\":1000000002,\"method\":\"public/test\","
                "\"params\":{}}"}},
    {"gateio-json", "fx-ws", {.every_ns = EVERY, .timed = "futures.ping"}},
    {"gateio-json", "/futures", {.every_ns = EVERY, .timed = "futures.ping"}},
    {"gateio-json", "op-ws", {.every_ns = EVERY, .timed = "options.ping"}},
    {"gateio-json", NULL, {.every_ns = EVERY, .timed = "spot.ping"}},
    {"hyperliquid-json", NULL, {.every_ns = EVERY, .beat = "{\"method\":\"ping\"}"}},
    {"huobi-json", NULL, {.question = "\"ping\""}},
    {"bitstamp-json", NULL, {.every_ns = EVERY, .beat = "{\"event\":\"bts:heartbeat\"}"}},
};

const struct live_habit *live_habit_of(const char *format, const char *url) {
    for (size_t i = 0; format && i < sizeof habits / sizeof *habits; i++)
        if (strcmp(habits[i].format, format) == 0 &&
            (!habits[i].part || strstr(url, habits[i].part)))
            return &habits[i].habit;
    return NULL;
}

/* What is packed and longer than this is no question, and is not unpacked for nothing. */
enum { LONGEST_PACKED = 96 };

static bool unpack(struct k2_sv packed, struct k2_gunzip **g, char text[LIVE_ANSWER]) {
    size_t n = 0;
    if (packed.n > LONGEST_PACKED || !k2_gzip_magic(packed))
        return false;
    if (!*g)
        *g = k2_gunzip_new();
    k2_gunzip_reset(*g);
    bool whole = k2_gunzip_some(*g, &packed, (uint8_t *)text, LIVE_ANSWER - 1, &n, NULL) == K2_OK &&
                 k2_gunzip_end(*g, NULL) == K2_OK;
    text[n] = 0;
    return whole;
}

bool live_habit_answer(const struct live_habit *h, struct k2_sv message, struct k2_gunzip **g,
                       char answer[LIVE_ANSWER]) {
    char text[LIVE_ANSWER];
    if (!h || !h->question || message.n == 0)
        return false;
    if (!h->answer && !unpack(message, g, text))
        return false;
    if (!h->answer)
        message = k2_sv_of(text);
    const char *at = memmem(message.p, message.n, h->question, strlen(h->question));
    if (!at || message.n >= LIVE_ANSWER)
        return false;
    if (h->answer)
        snprintf(answer, LIVE_ANSWER, "%s", h->answer);
    else
        snprintf(answer, LIVE_ANSWER, "%.*s\"pong\"%s", (int)(at - text), text,
                 at + strlen(h->question));
    return true;
}
