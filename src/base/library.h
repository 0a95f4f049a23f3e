/* base/library.h - shared libraries that are opened when they are first needed, and where they are looked for.
 *
 * Thread-safety: pure but for the process's list of loaded libraries, which the loader guards.
 */
#ifndef K2_BASE_LIBRARY_H
#define K2_BASE_LIBRARY_H

#include "base/err.h"

/* Opens `file`: where the environment variable `variable` says (the file or its folder), else beside the program or
 * library that holds this code, in ../lib of it, or in `built`, the folder it was built with (NULL = none). *handle is
 * never closed. K2_E_NOTFOUND tells where it was looked for. */
K2_RC k2_library_open(const char *file, const char *variable, const char *built, void **handle,
                      struct k2_err *err);

#endif
