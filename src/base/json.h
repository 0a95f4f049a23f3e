/* base/json.h - JSON text as a tree: read, built, changed, written.
 *
 * For metadata, schemas and configuration, not for feeds (lake.md §6 has the rates). Integers are
 * exact int64: one that does not fit is an error, not a double. Object members keep the order in
 * which they were read or first set, and are written in that order, so equal trees give equal text.
 * Strings may hold NUL (\u0000); member names may not. A member named twice is an error.
 *
 * Ownership: k2_json_parse, k2_json_copy and the makers give a value, to be freed by k2_json_free
 * or passed on to k2_json_set/append, which take it. What get, at and next return is borrowed from
 * the tree. NULL stands for "no such value" and every reader accepts it, so that lookups can be
 * chained. Thread-safety: none; one owner of a tree at a time.
 */
#ifndef K2_BASE_JSON_H
#define K2_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

struct k2_json;

enum k2_json_type {
    K2_JSON_MISSING, /* of the NULL pointer */
    K2_JSON_NULL,
    K2_JSON_BOOL,
    K2_JSON_INT,
    K2_JSON_REAL,
    K2_JSON_STRING,
    K2_JSON_ARRAY,
    K2_JSON_OBJECT
};

/* Any JSON value, also a bare string or number; K2_E_INVALID says line and column. */
K2_RC k2_json_parse(struct k2_sv text, struct k2_json **out, struct k2_err *err);
void k2_json_free(struct k2_json *v);
struct k2_json *k2_json_copy(const struct k2_json *v); /* deep; NULL gives NULL */
bool k2_json_equal(const struct k2_json *a,
                   const struct k2_json *b); /* member order is no difference */
/* Appends the text without blanks; non-ASCII stays UTF-8. */
void k2_json_dump(const struct k2_json *v, struct k2_buf *out);

/* --- reading --- */

enum k2_json_type k2_json_type(const struct k2_json *v);
struct k2_json *k2_json_get(const struct k2_json *object, const char *key); /* NULL if not there */
struct k2_json *k2_json_at(const struct k2_json *array, size_t index);      /* NULL if not there */
size_t k2_json_count(const struct k2_json *v); /* elements or members; 0 of anything else */
/* Members in order: *iter starts as NULL; false at the end. */
bool k2_json_next(const struct k2_json *object, void **iter, struct k2_sv *key,
                  struct k2_json **value);
/* False, and *out untouched, when the value has another type. Strings are borrowed from the tree
 * and followed by a NUL. */
bool k2_json_as_string(const struct k2_json *v, struct k2_sv *out);
bool k2_json_as_int(const struct k2_json *v, int64_t *out);
bool k2_json_as_bool(const struct k2_json *v, bool *out);

/* --- building --- */

struct k2_json *k2_json_object(void);
struct k2_json *k2_json_array(void);
struct k2_json *k2_json_string(struct k2_sv s); /* bytes that are not UTF-8 become U+FFFD */
struct k2_json *k2_json_cstring(const char *s);
struct k2_json *k2_json_int(int64_t v);
struct k2_json *k2_json_bool(bool v);
struct k2_json *k2_json_null(void);
/* Takes value; a member that exists keeps its place. The key is UTF-8 of our own. */
void k2_json_set(struct k2_json *object, const char *key, struct k2_json *value);
void k2_json_append(struct k2_json *array, struct k2_json *value); /* takes value */
void k2_json_remove(struct k2_json *object, const char *key);
void k2_json_remove_at(struct k2_json *array, size_t index);

#endif
