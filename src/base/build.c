/* base/build.c - see build.h. The one file that a new revision makes stale. */
#include "base/build.h"

#include "k2_git.h"

const char *k2_build_version(void) {
    return K2_VERSION;
}

const char *k2_build_revision(void) {
    return K2_GIT_REV;
}
