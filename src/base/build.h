/* base/build.h - which build this is. Thread-safety: constants. */
#ifndef K2_BASE_BUILD_H
#define K2_BASE_BUILD_H

const char *k2_build_version(void);  /* "0.1.0" */
const char *k2_build_revision(void); /* of git; "" when built outside of a git tree */

#endif
