/* feed/live/fit.c - whether a format can be received over a kind of connection; see feed.h. */
#include "feed/feed.h"
#include "feed/live/live_int.h"

static bool comes_in_soupbin(enum feed_framing framing) {
    return framing == FEED_FRAMING_SOUPBIN || framing == FEED_FRAMING_NASDAQ;
}

/* What reads frames has a framing; text formats cut their lines themselves. Segments of a capture are frames, but the
 * bytes that a connection gives are cut anywhere. */
static int fits_stream(const struct feed_ops *ops, const char *url, struct k2_err *err) {
    if (!ops->dissect ||
        (ops->framing != FEED_FRAMING_NONE && ops->framing != FEED_FRAMING_SEGMENTS))
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "%s: format %s is published over UDP only: there is no TCP form of it that says "
                   "where its packets end; use udp://",
                   url, ops->name);
}

static int fits(const struct feed_ops *ops, enum live_scheme scheme, const char *url,
                struct k2_err *err) {
    if (!ops->captures)
        return k2_fail(err, K2_E_INVALID,
                       "%s: format %s is one of files: it does not read what connections send", url,
                       ops->name);
    if (scheme == LIVE_SOUP && !comes_in_soupbin(ops->framing))
        return k2_fail(err, K2_E_INVALID, "%s: format %s does not come in SoupBinTCP", url,
                       ops->name);
    return scheme == LIVE_TCP ? fits_stream(ops, url, err) : K2_OK;
}

void feed_live_schemes(const struct feed_ops *ops, struct k2_buf *out) {
    enum live_scheme scheme;
    const char *prefix;
    size_t before = out->n;
    for (int i = 0; (prefix = live_scheme_at(i, &scheme)) != NULL; i++)
        if (fits(ops, scheme, prefix, NULL) == K2_OK)
            k2_buf_printf(out, "%s%s", out->n > before ? ", " : "", prefix);
}

int feed_live_fits(const struct feed_ops *ops, const char *url, struct k2_err *err) {
    struct live_url u;
    K2_TRY(live_url_parse(url, &u, err));
    enum live_scheme scheme = u.scheme;
    live_url_free(&u);
    return fits(ops, scheme, url, err);
}
