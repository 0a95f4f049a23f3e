/* verb/doctor.h - what the checks of `k2 doctor` share. Thread-safety: one thread. */
#ifndef K2_VERB_DOCTOR_H
#define K2_VERB_DOCTOR_H

#include "verb/listing.h"

struct doctor {
    struct verb_context *c;
    struct listing *list;
    int findings;
    bool moved; /* the tables cannot be opened for that reason */
};

/* A line that says all is well. */
void doctor_good(struct doctor *d, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A line about what is wrong, and what mends it. */
void doctor_bad(struct doctor *d, const char *check, const char *what, const char *fix);
/* A line about an act: state is "fixed" or "would fix". */
void doctor_act(struct doctor *d, const char *check, const char *state, const char *what);

/* doctor_host.c: the machine, the process, the configuration. */
void doctor_check_host(struct doctor *d);
/* doctor_data.c: the data directory. */
void doctor_check_data(struct doctor *d);
/* Makes moved tables be at home, or tells what that would change. */
K2_RC doctor_mend(struct doctor *d, struct k2_err *err);

#endif
