/* role/backfill.h - trades by their ids, from a venue's REST API, as the messages of its feed.
 *
 * Thread-safety: any thread.
 */
#ifndef K2_ROLE_BACKFILL_H
#define K2_ROLE_BACKFILL_H

#include "base/buf.h"
#include "base/err.h"

/* Appends to out, one JSON message a line, the trades from..to of a channel (SYMBOL, or SYMBOL@aggTrade) as far as
 * the API at `url` has them, page by page until there are `most` bytes; *through: the last number that was asked for and
 * is not to be asked for again, below `to` when there is more to ask for, or the API had no more. key: of the API, "" =
 * none. K2_E_UNSUPPORTED: the API does not have such a channel. */
K2_RC backfill_trades(const char *url, const char *key, struct k2_sv channel, int64_t from,
                      int64_t to, size_t most, struct k2_buf *out, int64_t *through,
                      struct k2_err *err);

#endif
