/* feed/unknown.c - what a source is whose format nobody knows: a raw capture without a message, a capture of heartbeats
 * only, which says how it is carried but not what, or messages of a user's own account, which are no market data.
 *
 * Heartbeats: MoldUDP64 1.00 (message count 0; 0xffff ends a session), Cboe's sequenced unit header (length 8, count 0),
 * NYSE's packet header (XDP Common 2.1: packet size, delivery flag 1), that of the NYSE Ultra feeds (message type 2), ICE
 * iMpact's multicast header (0 messages), OTC Link's packet header (0 messages), SoupBinTCP 3.00 (packet type H).
 */
#include "feed/capture/frames.h"
#include "feed/venue/venue.h"

/* --- heartbeats --- */

static unsigned big(const char *p, int n) {
    unsigned v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

static bool is_mold(struct k2_sv s) {
    return s.n == 20 && (big(s.p + 18, 2) == 0 || big(s.p + 18, 2) == 0xffff);
}

static bool is_pitch(struct k2_sv s) {
    return s.n >= 8 && big(s.p, 2) == 0x0800 && s.p[2] == 0;
}

/* Sizes and counts are of either byte order: XDP is little-endian, Pillar of options big-endian. */
static bool is_nyse(struct k2_sv s) {
    return s.n >= 16 && (big(s.p, 2) == 16 || big(s.p, 2) == 0x1000) && s.p[2] == 1;
}

static bool is_ultra(struct k2_sv s) {
    return s.n >= 16 && big(s.p, 2) == 14 && big(s.p + 2, 2) == 2;
}

static bool is_impact(struct k2_sv s) {
    return s.n == 16 && big(s.p, 2) != 0 && big(s.p + 6, 2) == 0 && big(s.p + 8, 2) == 0;
}

static bool is_otc(struct k2_sv s) {
    return s.n >= 12 && big(s.p, 2) == 12 && big(s.p + 2, 2) == 0;
}

static bool is_soup(struct k2_sv s) {
    return s.n == 3 && big(s.p, 2) == 1 && s.p[2] == 'H';
}

static const struct {
    bool (*is)(struct k2_sv payload);
    const char *why;
} heartbeats[] = {
    {is_mold, "a capture that begins with a heartbeat of MoldUDP64, which does not say what it "
              "carries: name the format, one of asx-, ise- or nasdaq-..."},
    {is_pitch, "a capture that begins with a heartbeat of Cboe's unit header, which does not say "
               "what it carries: name the format, one of cboe-..."},
    {is_nyse, "a capture that begins with a heartbeat of NYSE's packet header, which does not say "
              "what it carries: name the format, one of nyse- or arca-..."},
    {is_ultra, "a capture that begins with a heartbeat of NYSE's Ultra feeds, which does not say "
               "what it carries: name the format, as nyse-openbook-ultra-..."},
    {is_otc, "a capture that begins with a packet of OTC Link without messages, which does not say "
             "what it carries: name the format, as otc-link-ats-..."},
    {is_soup, "a capture that begins with a heartbeat of SoupBinTCP, which does not say what it "
              "carries: name the format, one of asx- or nasdaq-..."},
    {is_impact, "a capture that begins with a packet of ICE iMpact without messages: name the "
                "format, as ice-impact-..."},
};

static const char *heartbeat(struct k2_sv head) {
    struct feed_frame f;
    if (head.n < 8 || !feed_frames_is_capture(head) ||
        !feed_frames_first(head, FEED_FRAMING_SEGMENTS, &f))
        return NULL;
    for (size_t i = 0; i < sizeof heartbeats / sizeof *heartbeats; i++)
        if (heartbeats[i].is(f.bytes))
            return heartbeats[i].why;
    return NULL;
}

/* --- connections on which nothing came --- */

/* As far as `head` is all of it: behind more of them something may have come. */
static bool is_silent(struct k2_sv head) {
    struct raw_reader r = {0};
    struct raw_finding f;
    bool silent = feed_raw_is(head);
    enum raw_found found = RAW_FRAME;
    while (silent && (found = raw_next(&r, &head, false, &f)) != RAW_MORE)
        silent = found == RAW_FRAME &&
                 (f.frame.form == LIVE_CONNECTED || f.frame.form == LIVE_DISCONNECTED);
    raw_reader_free(&r);
    return silent && head.n == 0;
}

/* --- a user's own account --- */

static bool is_account(struct k2_sv head) {
    static const char *const members[] = {
        "clOrdId",      "ordId",          "order_id",   "orderId",         "clientOrderId",
        "clientAlgoId", "cl_ord_id",      "cliOrdId",   "client_order_id", "ordertxid",
        "opentm",       "assetPositions", "openOrders", "fills",           "filled",
        "withdrawable", "balances"};
    struct k2_sv text = k2_sv_trim(head);
    if (!text.n || (text.p[0] != '{' && text.p[0] != '['))
        return false;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (vj_names(text, members[i]))
            return true;
    return false;
}

const char *feed_unknown_why(struct k2_sv head) {
    if (head.n == 0)
        return "it is empty";
    if (is_silent(head))
        return "a raw capture in which nothing was received";
    const char *why = heartbeat(head);
    if (why)
        return why;
    return is_account(head) ? "no market data: orders, fills or balances of an account" : NULL;
}
