/* codec/added.h - fields that came later, by name: those that this build knows, and those it finds in records.
 *
 * A kind's table has ids up to K2_LATE_ID for what it began with. What is added later has an id from there on, and is
 * the same field wherever it has the same name: a program that knows it and one that only finds it in a writer's schema
 * give it the same column (lake/added.c) and the same share of a row's hash. So a table that an older program filled is
 * proved by a newer one, and the other way round.
 *
 * What is found in a record travels with the event as one interned blob (k2_event.added): name and value in turn, a
 * value being its enum k2_type in one byte and the bytes of its hash: LONG STAMP INT DATE as i64 LE, PRICE QUANTITY
 * as i128 LE of the unscaled value, STR BYTES as they are, LIST MAP as their blob. Nulls are left out.
 */
#ifndef K2_CODEC_ADDED_H
#define K2_CODEC_ADDED_H

#include "codec/event.h"

/* The hash of one late field: XXH3 of name, a zero byte, 'i' (integers), 'd' (decimals) or 's' (the rest), value. */
struct k2_h128 k2_added_hash(struct k2_sv name, enum k2_type type, struct k2_sv value);
/* The sum over a blob; whatever its order. */
struct k2_h128 k2_added_sum(struct k2_sv blob);

/* Appends one value, which is not null: of the C type that its enum k2_type has. */
void k2_added_put(struct k2_buf *blob, struct k2_sv name, enum k2_type type, const void *value,
                  const struct k2_interner *in);
/* Whether it is the null of its type. */
bool k2_value_is_null(enum k2_type type, const void *value);
/* Sets a value to the null of its type. */
void k2_value_set_null(enum k2_type type, void *value);

struct k2_added { /* one value of a blob; what its type has no use for is 0 */
    struct k2_sv name, text;
    enum k2_type type;
    int64_t number;
    k2_i128 decimal;
};
/* Cuts the first value off *blob; false at its end. */
bool k2_added_next(struct k2_sv *blob, struct k2_added *out);

/* --- kinds with more fields than this build knows --- */

struct k2_field_list { /* fields with names and meanings of their own; no offsets */
    struct k2_field *items;
    int n;
};
void k2_field_list_add(struct k2_field_list *list, const struct k2_field *f);
void k2_field_list_free(struct k2_field_list *list);

/* The fields of a writer's schema that the kind lacks: optional, PAYLOAD, id 0 where the schema gives none between
 * K2_LATE_ID and K2_FOUND_ID. Appended to *out. K2_E_UNSUPPORTED: a type that no column can hold. */
K2_RC k2_found_fields(const struct k2_kind *kind, struct k2_sv writer_schema,
                      struct k2_field_list *out, struct k2_err *err);
/* A copy of the kind with these fields behind its own (copied, too), for columns only: events have no place for them.
 * Free it. */
K2_RC k2_kind_widen(const struct k2_kind *kind, const struct k2_field_list *found,
                    struct k2_kind **out, struct k2_err *err);
void k2_kind_narrow(struct k2_kind *wide); /* frees it; NULL is fine */
/* The share of a row of such a kind's columns in its hashes. */
struct k2_h128 k2_columns_found_sum(const struct k2_columns *c, size_t row,
                                    const struct k2_interner *in);

#endif
