/* journal/derive.h - totals derived from the journal, each input record counted exactly once.
 *
 *     volume   market.ticks.X and market.corrections.X  ->  market.derived.volume.X
 *              of each symbol and session date: trades, quantity, price * quantity
 *     pnl      market.executions.X                      ->  market.derived.pnl.X
 *              of each account and symbol: position, realised profit first in first out, fees
 *
 * A derivation of one exchange reads what was appended behind its positions, and writes one record for each total that
 * changed, with the new values; the last record of a total is the truth.
 *
 * EXACTLY ONCE. All records of a batch go to partition 0 of the output topic, so they are one frame of a local journal
 * and one transaction on Kafka: seen whole or not at all. The last of them has the positions of the input in its extra
 * ("positions": "market.ticks.asx/0=17 ..."). Totals and positions are both read from the output topic when a derivation
 * begins, so they cannot disagree, whatever was killed when. Who derives is the journal's one writer: a second one is
 * refused (local: the lock; Kafka: fenced). The positions are also those of the consumer group derive.volume.X, in the
 * same transaction on Kafka; on a local journal they are for people and for retention, which waits for them.
 * Included by journal.h, the room's face. Thread-safety: as the appender.
 */
#ifndef K2_JOURNAL_DERIVE_H
#define K2_JOURNAL_DERIVE_H

#include "codec/codec.h"

struct journal;
struct journal_span;
struct derive;

enum derive_what { DERIVE_VOLUME, DERIVE_PNL, DERIVE_COUNT };
const char *derive_name(enum derive_what what); /* "volume" */
/* The kind of the records that come out. */
const struct k2_kind *derive_kind(enum derive_what what);

/* Rows of the output that retention deleted from the journal: visits those of the exchange before the offset, in any
 * order. NULL = nobody has them, and a journal that lacks some is K2_E_UNSUPPORTED. */
struct derive_past {
    void *ctx;
    K2_RC(*load)
    (void *ctx, const struct k2_kind *kind, struct k2_sv exchange, int64_t before,
     void (*take)(void *take_ctx, const struct k2_event *e, const struct k2_interner *in),
     void *take_ctx, struct k2_err *err);
};

/* Visits the exchanges that have an input; the text is borrowed for the call. */
K2_RC derive_exchanges(struct journal *j, enum derive_what what,
                       void (*visit)(void *ctx, struct k2_sv exchange), void *ctx,
                       struct k2_err *err);
/* Reads totals and positions. exchange: as in the topic's name, lower case. past is copied; what it points to must outlive
 * the derivation. The symbols are shared out among threads, one a processor, where there is much to read (lanes.h). */
K2_RC derive_open(struct journal *j, enum derive_what what, struct k2_sv exchange,
                  const struct derive_past *past, struct derive **out, struct k2_err *err);
void derive_close(struct derive *d); /* NULL is fine */

struct derive_report {
    int64_t records; /* of the input */
    int64_t rows;    /* totals that changed */
};
/* Reads at most about so many records and commits what follows of them; *more: there is more to read. */
K2_RC derive_step(struct derive *d, int64_t most, struct derive_report *report, bool *more,
                  struct k2_err *err);

/* The same for all exchanges, with what an ingest was given so far; it keeps their totals until it is closed. After a
 * failure it is spent. */
struct ingest;
K2_RC ingest_derive(struct ingest *g, enum derive_what what, const struct derive_past *past,
                    int64_t most, struct derive_report *report, bool *more, struct k2_err *err);

/* The totals as they are, each as the event of its last row. */
void derive_totals(const struct derive *d,
                   void (*visit)(void *ctx, const struct k2_event *e, const struct k2_interner *in),
                   void *ctx);
/* Up to where the input is in them; borrowed until the next step. */
const struct journal_span *derive_positions(const struct derive *d, int *n);

#endif
