/* role/intake_plan.h - what a section [feed.NAME] asks for, and whether that can work.
 *
 * Thread-safety: one owner at a time.
 */
#ifndef K2_ROLE_INTAKE_PLAN_H
#define K2_ROLE_INTAKE_PLAN_H

#include "base/config.h"
#include "feed/feed.h"

struct intake_plan {
    char *mapping;                        /* path of a mapping file; "" = none */
    char *urls, *send, *header, *ca_file; /* of a live source */
    char *recover;                        /* a directory or an address; "" = nobody is asked */
    char *silence;                        /* a span; "" = as the source is */
    char *name, *format, *source, *exchange, *symbol, *date, *symbols, *calendar, *speed;
    bool enabled, quotes, sessions;
    int64_t poll_ns, sim_symbols, rate, seed;
};

void intake_plan_read(const struct k2_config *c, int index, struct intake_plan *out);
/* The directory that late files of the feed appear in (feed.NAME.recover) as a feed of its own, NAME.recover; false
 * when there is none. */
bool intake_plan_recovery(const struct k2_config *c, int index, struct intake_plan *out);
void intake_plan_free(struct intake_plan *p);
bool intake_plan_equal(const struct intake_plan *a, const struct intake_plan *b);

bool intake_plan_is_sim(const struct intake_plan *p);
bool intake_plan_is_live(const struct intake_plan *p);
/* *out NULL: auto. */
K2_RC intake_plan_format(const struct intake_plan *p, const struct feed_ops **out,
                         struct k2_err *err);
K2_RC intake_plan_speed(const struct intake_plan *p, double *speed, struct k2_err *err);
/* INT32_MIN when none is given. */
K2_RC intake_plan_date(const struct intake_plan *p, int32_t *date, struct k2_err *err);

/* Everything that would keep the feed from ever working and can be told without opening its source; each is
 * told in words that begin with the key. The error is the first of them. tell NULL = nobody is told. */
K2_RC intake_plan_check(const struct intake_plan *p, void (*tell)(void *ctx, const char *text),
                        void *ctx, struct k2_err *err);

#endif
