/* role/intake.h - one feed of [feed.NAME], as an agent that the feeder steps.
 *
 * Thread-safety: as agent.h; everything but intake_agent belongs to the feeder's thread.
 */
#ifndef K2_ROLE_INTAKE_H
#define K2_ROLE_INTAKE_H

#include "journal/journal.h"
#include "role/agent.h"
#include "role/intake_plan.h"

struct intake;
/* Takes the plan. */
struct intake *intake_new(struct intake_plan *plan);
void intake_free(struct intake *f);
const struct intake_plan *intake_plan(const struct intake *f);
struct agent *intake_agent(struct intake *f);

/* A piece of work, if it is due; what was read is judged but not yet durable. */
void intake_step(struct intake *f, struct ingest *g, int64_t now_ns);
int64_t intake_due(const struct intake *f); /* wall clock */
/* Its rows are numbered by counting them, or may be: its format is not known yet. */
bool intake_counts(const struct intake *f);
/* Messages that its connections brought; -1: it has no connection, or is not open. */
int64_t intake_received(const struct intake *f);
/* What was asked for elsewhere, as a raw capture, becomes what its connection brought. A failure that another try may
 * mend: it has none at the moment. */
K2_RC intake_give(struct intake *f, struct k2_sv capture, struct k2_err *err);
/* The ingest goes: lets go of the decoder, whose strings were its, and of what it believed to be read. */
void intake_detach(struct intake *f);
/* Reads all it has from the start again: what is known is dropped, what a halted channel passed over is not. */
void intake_reread(struct intake *f);
/* A feed that fails is tried again at once, also one that is down. */
void intake_hurry(struct intake *f);

#endif
