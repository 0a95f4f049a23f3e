/* tests/k2test.h - what every unit test needs beside cmocka.
 *
 * Test names are sentences: torn_tail_is_cut_and_never_served. Property tests take their seed from
 * K2_SEED, print it when they fail, and use k2test_random (splitmix64).
 */
#ifndef K2TEST_H
#define K2TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

/* Fails the test with the message of err unless rc is K2_OK. */
#define CHECK_OK(call, err)                                                                        \
    do {                                                                                           \
        int check_rc_ = (call);                                                                    \
        if (check_rc_ != K2_OK)                                                                    \
            fail_msg("%s: %s: %s", #call, k2_status_name(check_rc_), (err)->msg);                  \
    } while (0)
#define CHECK_STATUS(call, status)                                                                 \
    do {                                                                                           \
        int check_rc_ = (call);                                                                    \
        if (check_rc_ != (status))                                                                 \
            fail_msg("%s: got %s, expected %s", #call, k2_status_name(check_rc_),                  \
                     k2_status_name(status));                                                      \
    } while (0)

static inline uint64_t k2test_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t k2test_seed(void) {
    const char *s = getenv("K2_SEED");
    return s ? strtoull(s, NULL, 0) : UINT64_C(20261121);
}

/* A fresh directory under TMPDIR; give it back to k2test_rmdir. */
static inline char *k2test_dir(void) {
    const char *base = getenv("TMPDIR");
    char *path = malloc(4096);
    snprintf(path, 4096, "%s/k2test.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path))
        fail_msg("mkdtemp %s failed", path);
    return path;
}

static inline void k2test_rmdir(char *path) {
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        fail_msg("%s failed", command);
    free(path);
}

#endif
