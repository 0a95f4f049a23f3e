/* lake/sort.h - the order of rows in a data file: (exchange_timestamp, exchange_sequence_number,
 * symbol, channel, epoch, part), within one trade_date.
 */
#ifndef K2_LAKE_SORT_H
#define K2_LAKE_SORT_H

#include "codec/codec.h"

/* A permutation of the rows of a batch, grouped by trade_date (ascending) and in file order inside. */
struct sort_order {
    uint32_t *rows; /* c->n row numbers */
    int group_count;
    struct sort_group {
        int32_t trade_date;
        size_t from, to; /* in rows */
        bool identity;   /* rows[i] == i throughout: the columns can be used as they are */
    } * groups;
    void *scratch; /* for merging; kept between batches */
    size_t cap;
};

/* Sorts c (kind with the identity columns) into order, reusing its memory. */
void sort_columns(struct sort_order *order, const struct k2_columns *c,
                  const struct k2_interner *in);
void sort_order_free(struct sort_order *order);

/* Values of a column in the order of n row numbers; size: 4, 8 or 16 bytes each. */
void sort_gather(void *to, const void *from, const uint32_t *rows, size_t n, size_t size);

#endif
