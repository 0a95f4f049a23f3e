/* base/datadir.h - what a data directory says of itself, in its file `format`.
 *
 * Thread-safety: all functions, from any thread and process.
 */
#ifndef K2_BASE_DATADIR_H
#define K2_BASE_DATADIR_H

#include "base/err.h"

#define K2_DATADIR_FORMAT 1

/* Whoever opens a data directory asks first. K2_E_VERSION: a newer k2 wrote it; K2_E_INVALID: a
 * restore into it did not end; K2_E_CORRUPT: the file says something else. A directory without the
 * file (or no directory at all) is fine: it counts as format 1. */
K2_RC k2_datadir_check(const char *data, struct k2_err *err);
/* Whether there is a data directory at all, for commands that only look; the error says what is there instead.
 * K2_E_NOTFOUND: nothing, or an empty directory; K2_E_INVALID: a file, or a directory that holds something else. */
K2_RC k2_datadir_expect(const char *data, struct k2_err *err);
/* Whoever makes a data directory, which exists, writes the file, durably; one that is there stays.
 * K2_E_EXISTS: the directory holds something else. */
K2_RC k2_datadir_mark(const char *data, struct k2_err *err);
/* Until the restore ends, nobody opens it; k2_datadir_restored makes it an ordinary directory. */
K2_RC k2_datadir_restoring(const char *data, struct k2_err *err);
K2_RC k2_datadir_restored(const char *data, struct k2_err *err);

#endif
