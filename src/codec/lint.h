/* codec/lint.h - what a schema of market data should not do, though its language allows it.
 *
 * Rules (docs/schemas.md tells them with examples):
 *   FLOAT_NUMBER      a price or a quantity in binary floating point
 *   NO_SEQUENCE       a market event without the venue's number
 *   NO_EXCHANGE_TIME  a market event without the venue's clock
 *   SCALE_CHANGED, PRECISION_CHANGED, UNIT_CHANGED  the same field means another number than before
 *   REMOVED_TOO_SOON  a required field is gone without 30 days of notice
 * Thread-safety: pure functions.
 */
#ifndef K2_CODEC_LINT_H
#define K2_CODEC_LINT_H

#include "codec/compat.h"

enum { K2_LINT_NOTICE_DAYS = 30 };

struct k2_lint_finding {
    const char *rule;
    char *place; /* "legs.price"; empty: the schema itself */
    char *what;  /* what is wrong and what to do */
};

struct k2_lint_findings {
    struct k2_lint_finding *items;
    size_t n;
};
void k2_lint_findings_free(struct k2_lint_findings *f);

/* Looks at next, and at what changed since `last` (NULL: there is none); `today` is a date. */
K2_RC k2_schema_lint(const struct k2_schema_text *next, const struct k2_schema_text *last,
                     int32_t today, struct k2_lint_findings *out, struct k2_err *err);
/* K2_E_CONFLICT when a field of next means another number than in `last`: another scale, precision or unit.
 * For records that K2 writes itself, where a row would then hold another price. */
K2_RC k2_schema_same_numbers(const struct k2_schema_text *next, const struct k2_schema_text *last,
                             struct k2_err *err);

#endif
