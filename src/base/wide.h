/* base/wide.h - sums of price * quantity: exact integers of 256 bits, and their decimal text.
 *
 * A price has 9 decimals and a quantity 10, so a product has 19. A product of two columns has at most 48 digits: 10^28 of
 * them fit.
 * Thread-safety: pure functions.
 */
#ifndef K2_BASE_WIDE_H
#define K2_BASE_WIDE_H

#include "base/decimal.h"

#define K2_WIDE_TEXT 96 /* bytes that any formatted value fits, NUL included */
#define K2_NOTIONAL_SCALE (K2_PRICE_SCALE + K2_QUANTITY_SCALE)

struct k2_wide { /* two's complement, least significant word first */
    uint64_t word[4];
};

struct k2_wide k2_wide_product(k2_i128 a, k2_i128 b);
struct k2_wide k2_wide_add(struct k2_wide a, struct k2_wide b); /* mod 2^256 */
struct k2_wide k2_wide_sub(struct k2_wide a, struct k2_wide b);
int k2_wide_sign(struct k2_wide a); /* -1, 0, 1 */
bool k2_wide_equal(struct k2_wide a, struct k2_wide b);
/* value * 10^-scale without trailing zeros: "-12.5", "0"; returns the length. 0 <= scale <= 38 */
size_t k2_wide_format(struct k2_wide value, int scale, char out[K2_WIDE_TEXT]);
/* The other way; K2_E_INVALID: it is no decimal, or has more than `scale` decimals or 76 digits. */
K2_RC k2_wide_parse(struct k2_sv text, int scale, struct k2_wide *out, struct k2_err *err);

#endif
