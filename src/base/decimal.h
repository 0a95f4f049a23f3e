/* base/decimal.h - exact decimals: a 128-bit integer and a scale that the column fixes.
 *
 * Prices are decimal(20,9), quantities decimal(28,10) (architecture, rule "Numbers"): a value that
 * needs more digits is refused, never rounded. There is no float anywhere.
 * Thread-safety: pure functions.
 */
#ifndef K2_BASE_DECIMAL_H
#define K2_BASE_DECIMAL_H

#include "base/buf.h"
#include "base/err.h"

__extension__ typedef __int128 k2_i128;
__extension__ typedef unsigned __int128 k2_u128;

#define K2_I128_MIN ((k2_i128)((k2_u128)1 << 127))
/* The in-memory null of optional decimal fields; no decimal of 38 digits or fewer equals it. */
#define K2_NULL_DECIMAL K2_I128_MIN
/* The in-memory null of optional long fields; encoders refuse it as a value. */
#define K2_NULL_LONG INT64_MIN
#define K2_NULL_INT INT32_MIN

#define K2_PRICE_PRECISION 20
#define K2_PRICE_SCALE 9
#define K2_QUANTITY_PRECISION 28
#define K2_QUANTITY_SCALE 10
#define K2_DECIMAL_TEXT 48 /* bytes that any formatted decimal fits, NUL included */

k2_i128 k2_pow10(int exponent); /* 0 <= exponent <= 38 */

/* Parses "[-+]digits[.digits]" (a side of the point may be empty, not both; no exponent, no blanks)
 * into value * 10^scale; 0 <= scale <= precision <= 38.
 * Zeros beyond the scale are accepted; any other digit there, or more than `precision` digits in
 * all, is K2_E_RANGE; anything else malformed is K2_E_INVALID. */
K2_RC k2_decimal_parse(struct k2_sv text, int precision, int scale, k2_i128 *out,
                       struct k2_err *err);
/* Writes the value with exactly `scale` fraction digits ("12.340000000"); returns the length. */
size_t k2_decimal_format(k2_i128 value, int scale, char out[K2_DECIMAL_TEXT]);
/* As above without trailing fraction zeros ("12.34", "12"). */
size_t k2_decimal_format_short(k2_i128 value, int scale, char out[K2_DECIMAL_TEXT]);
bool k2_decimal_fits(k2_i128 value, int precision); /* |value| < 10^precision */

/* Minimal big-endian two's complement (Avro and Iceberg decimals): 1..16 bytes; returns how many. */
size_t k2_decimal_to_be(k2_i128 value, uint8_t out[16]);
/* Any length 1..16 is accepted; 0 or more than 16 bytes is refused (false). */
bool k2_decimal_from_be(const uint8_t *bytes, size_t n, k2_i128 *out);

#endif
