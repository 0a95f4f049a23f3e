/* feed/dbn/write.h - events as DBN, version 3: the metadata, then records, as bytes.
 *
 *   trade       mbp-0 (schema trades); in a stream of orders an mbo record with action T
 *   quote       mbp-1
 *   book_event  mbo, of the actions ADD, MODIFY, CANCEL, DELETE, EXECUTE and CLEAR of orders whose id is a
 *               number: EXECUTE is a fill and then a cancel; the size of DELETE is "not known"
 *   message     an mbo record that was read from DBN and is none of these
 * What the columns lack (flags, publisher, the venue's sequence) is taken from `extra` under DBN's names. An
 * instrument without a number there gets one, and a symbol mapping record tells which symbol it has before
 * its first record.
 */
#ifndef K2_FEED_DBN_WRITE_H
#define K2_FEED_DBN_WRITE_H

#include "codec/codec.h"

struct feed_dbn_head {
    struct k2_sv dataset; /* at most 16 bytes: "GLBX.MDP3"; or an exchange: "GLBX" */
    /* trade, quote or book_event: only these, and of book_event what belongs to streams of orders; any
     * other: all, and the metadata names no schema. */
    enum k2_kind_id kind;
    int64_t start_ns, end_ns; /* of the data, end exclusive; K2_NULL_LONG: not known */
};

struct feed_dbn_writer;
/* Appends the metadata. */
struct feed_dbn_writer *feed_dbn_writer_new(const struct feed_dbn_head *head, struct k2_buf *out);
void feed_dbn_writer_free(struct feed_dbn_writer *w); /* NULL is fine */
/* Appends the records of an event. False when DBN cannot say it: nothing was appended, *why in words. */
bool feed_dbn_write(struct feed_dbn_writer *w, const struct k2_event *e,
                    const struct k2_interner *in, struct k2_buf *out, const char **why);

#endif
