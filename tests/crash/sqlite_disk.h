/* tests/crash/sqlite_disk.h - SQLite's files on the disk that loses power (crash/disk.h).
 *
 * sqlite_disk_install makes a VFS the default one. It reads, locks and names as SQLite's own does, but
 * every change of a file goes through base/fs.h, and so through the disk of the test: what SQLite did
 * not sync, a cut forgets or tears. As SQLite's unix VFS does, it syncs the directory of a new rollback
 * journal with the journal's first sync, and after a removal when SQLite asks for it.
 * Only rollback journals; a database in WAL mode cannot be opened through it.
 * Thread-safety: none; install before the first database is opened.
 */
#ifndef K2_TESTS_SQLITE_DISK_H
#define K2_TESTS_SQLITE_DISK_H

#include <stdbool.h>

void sqlite_disk_install(void);
/* PRAGMA synchronous does nothing from now on: databases stay at SQLite's default, FULL. */
void sqlite_disk_ignore_synchronous(bool ignore);

#endif
