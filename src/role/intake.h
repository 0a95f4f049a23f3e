/* role/intake.h - one feed of [feed.NAME], as an agent that the feeder steps.
 *
 * Thread-safety: as agent.h; everything but intake_agent belongs to the feeder's thread.
 */
#ifndef K2_ROLE_INTAKE_H
#define K2_ROLE_INTAKE_H

#include "base/config.h"
#include "journal/journal.h"
#include "role/agent.h"

struct intake_plan { /* a section of the configuration */
    char *name, *format, *source, *exchange, *symbols, *calendar, *speed;
    bool enabled, quotes;
    int64_t poll_ns, sim_symbols, rate, seed;
};

void intake_plan_read(const struct k2_config *c, int index, struct intake_plan *out);
void intake_plan_free(struct intake_plan *p);
bool intake_plan_equal(const struct intake_plan *a, const struct intake_plan *b);

struct intake;
/* Takes the plan. */
struct intake *intake_new(struct intake_plan *plan);
void intake_free(struct intake *f);
const struct intake_plan *intake_plan(const struct intake *f);
struct agent *intake_agent(struct intake *f);

/* A piece of work, if it is due; what was read is judged but not yet durable. */
void intake_step(struct intake *f, struct ingest *g, int64_t now_ns);
int64_t intake_due(const struct intake *f); /* wall clock */
/* The ingest goes: lets go of the decoder, whose strings were its, and of what it believed to be read. */
void intake_detach(struct intake *f);
/* A feed that fails is tried again at once, also one that is down. */
void intake_hurry(struct intake *f);

#endif
