/* role/agent.h - one role of a running platform: work in bounded steps, on a thread of its own or by hand.
 *
 * A step that fails is tried again after 1, 2, 4 ... seconds, a minute at most, and the agent is DEGRADED meanwhile. A
 * failure that no trying mends (damaged data, a refused version) stops it: it is DOWN, says why, and works
 * again after agent_resume. Nothing else stops an agent, and an agent stops nothing else.
 * Thread-safety: agent_step belongs to whoever drives the agent, its thread or a test; all else may be
 * called from any thread.
 */
#ifndef K2_ROLE_AGENT_H
#define K2_ROLE_AGENT_H

#include "base/clock.h"

enum agent_state { AGENT_STARTING, AGENT_UP, AGENT_DEGRADED, AGENT_DOWN };

const char *agent_state_name(enum agent_state s); /* "starting", "up", "degraded", "down" */

#define AGENT_FOREVER INT64_MAX

struct agent_view {
    char name[64];
    enum agent_state state;
    int64_t since_ns; /* wall clock, of the state */
    char why[256];    /* the failure of a state that is not up */
    char detail[256]; /* what it does, in the agent's own words */
    int64_t failures; /* since it was made */
};

struct agent_ops {
    /* One bounded step. *rest: nothing needs doing for so long unless agent_wake is called; 0 = again at
     * once. */
    K2_RC (*work)(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err);
    /* After a failure: lets go of what may be broken, so that the next step starts anew. May be NULL. */
    void (*reset)(void *self);
    int64_t longest_pause; /* between two tries; 0 = 60 s */
};

/* Trying again cannot mend these: bytes that are wrong, or of a version that is not ours. */
bool agent_is_final(int rc);

struct agent;
/* self is borrowed. The name is kept. */
struct agent *agent_new(const char *name, const struct agent_ops *ops, void *self);
void agent_free(struct agent *a); /* stopped; NULL is fine */

/* One step with its bookkeeping; gives how long to rest. now_ns: wall clock. */
int64_t agent_step(struct agent *a, int64_t now_ns);

K2_RC agent_start(struct agent *a, struct k2_err *err);
void agent_stop(struct agent *a); /* ends after the step under way; fine if it never started */
void agent_wake(struct agent *a);
void agent_resume(struct agent *a); /* tries at once again, also when it is down */

/* What the agent says of itself. */
void agent_tell(struct agent *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct agent_view agent_view(struct agent *a);

#endif
