/* query/symbol.h - SYMBOL as a user types it, against what the tables hold.
 *
 * Included by query.h, the room's face. Thread-safety: that of the engine.
 */
#ifndef K2_QUERY_SYMBOL_H
#define K2_QUERY_SYMBOL_H

#include "query/query.h"

struct symbol_name {
    char *exchange, *symbol; /* owned */
};

/* EXCHANGE.SYMBOL, or a bare SYMBOL that is of one exchange only, by the definitions and the rows of trades, quotes
 * and book_events. K2_E_USAGE: it is of several, which are listed; K2_E_NOTFOUND: of none, with the nearest ones. */
K2_RC symbol_resolve(struct query_engine *q, const char *text, struct symbol_name *out,
                     struct k2_err *err);
void symbol_name_free(struct symbol_name *s);

/* Appends a condition on the columns exchange and symbol that is true of what the list means. Exchanges go by all
 * their codes. */
void symbol_list_condition(const struct symbols *list, struct k2_buf *sql);
/* Of one exchange; empty: of all. */
void symbol_exchange_condition(struct k2_sv exchange, struct k2_buf *sql);

#endif
