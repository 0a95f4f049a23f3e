/** @file
 * k2.h - the public C API of libk2: SQL over a K2 data directory, results as Arrow.
 *
 *     k2_handle *k2 = NULL;
 *     char error[1024];
 *     struct ArrowArrayStream stream; // from a header with Arrow's C stream interface
 *     if (k2_open("./k2-data", &k2, error, sizeof error) != 0 ||
 *         k2_query_arrow(k2, "SELECT symbol, price FROM trades LIMIT 10", NULL, 0, NULL, &stream,
 *                        error, sizeof error) != 0) {
 *         fprintf(stderr, "%s\n", error);
 *     } else {
 *         ... stream.get_schema, stream.get_next ...
 *         stream.release(&stream);
 *     }
 *     k2_close(k2);
 *
 * Results: every function that can fail returns 0, or a negative number that does not change between
 * versions (K2_ERR_*), and then writes what happened and what to do about it into `error`, as
 * NUL-terminated UTF-8 cut to error_size. `error` may be NULL.
 *
 * Units: prices and quantities are decimal128 (exact), exchange_timestamp and the like are
 * timestamp[us, UTC], columns named *_ns are int64 nanoseconds since 1970 UTC.
 *
 * Ownership: what an out parameter gives belongs to the caller: a handle until k2_close, a stream until
 * its release callback is called. Input is borrowed during the call.
 *
 * Threads: a handle and its stream belong to one thread at a time; k2_cancel may be called from any
 * thread between k2_open and k2_close. Different handles are independent of each other.
 *
 * Caveats: a handle has one stream at a time: the next k2_query_arrow, or k2_close, ends the rows of the
 * stream before it (its get_next then fails with a message; it is still to be released). A handle reads:
 * statements that write, read other files or change settings are refused. libduckdb.so is loaded by
 * the first k2_open: from $K2_DUCKDB, else from beside libk2.so.
 */
#ifndef K2_K2_H
#define K2_K2_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef K2_API
#define K2_API __attribute__((visibility("default")))
#endif

/** An open data directory; made by k2_open, ended by k2_close. */
typedef struct k2_handle k2_handle;
struct ArrowArrayStream; /* arrow.apache.org/docs/format/CStreamInterface.html */

/** What a function returns that failed; done is 0. */
enum k2_error {
    K2_ERR_FAILED = -1,      /**< anything else */
    K2_ERR_INVALID = -2,     /**< the SQL, a parameter or a time is malformed */
    K2_ERR_NOTFOUND = -3,    /**< no such directory, table, column or snapshot; no libduckdb */
    K2_ERR_UNSUPPORTED = -4, /**< refused: SQL here only reads K2's tables */
    K2_ERR_CANCELLED = -5,   /**< k2_cancel was called */
    K2_ERR_NOMEM = -6,       /**< over the memory limit */
    K2_ERR_CORRUPT = -7      /**< stored data fails its checks */
};

/** A value for $name in the SQL; its text is cast by context, as '5' is. */
struct k2_param {
    const char *name;  /**< without the $ */
    const char *value; /**< its text, never NULL */
};

/** Opens a data directory for reading.
 *
 * @param data        the directory; NULL: $K2_DATA, else ./k2-data
 * @param out         gets the handle; NULL after a failure
 * @param error       gets what happened and what to do about it; may be NULL
 * @param error_size  bytes that `error` has room for
 * @return 0, or one of enum k2_error
 */
K2_API int k2_open(const char *data, k2_handle **out, char *error, size_t error_size);

/** Runs one or more statements; the stream has the rows of the last.
 *
 * @param k2           an open handle; its stream before this one ends
 * @param sql          the statements; they can only read
 * @param params       values for the statements' $names; NULL if there are none
 * @param param_count  how many
 * @param as_of        NULL: now. Else a time ("2014-03-10T10:00:00Z", a date, "-1h", "yesterday"; UTC): the
 *                     rows that were durable in the journal before it, exactly; or "table@snapshot-id"
 * @param out          gets the stream, of the Arrow C stream interface; for the caller to release
 * @param error        gets what happened and what to do about it; may be NULL
 * @param error_size   bytes that `error` has room for
 * @return 0, or one of enum k2_error
 */
K2_API int k2_query_arrow(k2_handle *k2, const char *sql, const struct k2_param *params,
                          int param_count, const char *as_of, struct ArrowArrayStream *out,
                          char *error, size_t error_size);

/** Stops the query that runs now, if one does: it fails with K2_ERR_CANCELLED. Any thread.
 *
 * @param k2  an open handle
 */
K2_API void k2_cancel(k2_handle *k2);

/** Closes the handle, and ends its stream.
 *
 * @param k2  a handle; NULL is fine
 */
K2_API void k2_close(k2_handle *k2);

/** Tells the version of the library.
 *
 * @return static text, as "0.1.0"
 */
K2_API const char *k2_version(void);

#ifdef __cplusplus
}
#endif
#endif
