/* role/alert.h - tells people what they should look at: the steps of the ledger that page someone, as HTTP posts to
 * alert.webhook.
 *
 * Paged are a gap that is to be recovered, a gap that halts its channel, an outage that lasts longer than
 * alert.outage_after, and the end of what was paged. Each is one JSON object:
 *     {"text":"...","level":"page","id":"BINANCE/2026-03-02/BTCUSDT/trade/0/301","state":"REQUESTED","cause":"SEQUENCE",
 *      "exchange":..,"channel":..,"kind":..,"trade_date":..,"from":..,"to":..,"missing":..,"halts":false,
 *      "opened":"2026-03-02T10:00:00Z","source":..,"why":..}
 * level is "resolved" or "given up" of an end. One at a time, in order, from a thread of its own; nobody waits for it. Who does not
 * answer, or answers 429 or 5xx, is asked again after 1, 2, 4 ... 60 s, ten times; any other answer than 2xx is final. A queue
 * that is full takes no more. Thread-safety: alert_step and alert_reload from any thread.
 */
#ifndef K2_ROLE_ALERT_H
#define K2_ROLE_ALERT_H

#include "base/config.h"
#include "journal/journal.h"
#include "role/agent.h"

struct alerter;
/* data/run/alerts.sent holds what was paged and has not ended: its end is told by a later run too. */
struct alerter *alerter_new(const char *data, const struct k2_config *config);
void alerter_free(struct alerter *a); /* what was not sent is counted as dropped; NULL is fine */
void alerter_reload(struct alerter *a, const struct k2_config *config);
struct agent *alerter_agent(struct alerter *a);
/* A step of the ledger was appended. Never waits. */
void alerter_note(struct alerter *a, const struct seq_step *step);

#endif
