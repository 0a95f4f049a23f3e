/* tests/crash/cut.h - one run of the workload of crash/pipeline.h up to a power cut, and what became of its promises. */
#ifndef K2_TESTS_CUT_H
#define K2_TESTS_CUT_H

#include "crash/pipeline.h"

/* What is ignored, in which step of the workload (NULL: in all of them). */
struct mutation {
    enum disk_op op;
    const char *pattern, *step;
    bool synchronous; /* instead: PRAGMA synchronous */
};

enum outcome { HELD, LOST, COMPLETE /* and held: there was no operation at which to cut */ };

/* Runs up to the cut at that operation (0: to the end). True: the workload ended before. */
bool cut_run_until(struct pipeline *p, const struct mutation *m, int64_t cut_at);
/* A whole run. LOST: `why` (as long as pipeline's) tells which promise was broken. m NULL: nothing is ignored. */
enum outcome cut_run_once(const struct mutation *m, int64_t cut_at, uint64_t seed, char *why);

#endif
