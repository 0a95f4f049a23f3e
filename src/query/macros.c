/* query/macros.c - the exact companions of aggregates that DuckDB turns to DOUBLE.
 *
 *     k2_vwap(price, quantity)  sum(price * quantity) / sum(quantity), decimal(38,9)
 *     k2_avg(x)                 sum(x) / count(x), decimal(38,10)
 *
 * The last digit is rounded half to even. Rows where an argument is NULL are left out; without rows, or when
 * the quantities sum to 0, the answer is NULL. Arguments are cast to decimal(20,9) and decimal(28,10):
 * what does not fit is an error, never a wrong number.
 *
 * Cost: DuckDB divides 128-bit integers bit by bit, more than 1 us each. So row by row there is no division:
 * sums are of decimals, and only a group's sums become the integers behind them (HUGEINT: prices count
 * 1e-9, quantities 1e-10, their products 1e-19), of which one quotient is taken.
 *
 * The numerator of k2_vwap holds about 10^28, where decimal(38,19), the type of sum(price * quantity), ends
 * at 10^19. Prices below 10^9 fit 64 bits, where a division is cheap: price = whole + rest, and whole *
 * quantity is summed at scale 10, rest * quantity (rest at most 0.5) at scale 19. For the few prices beyond, a
 * row's product is kept in two sums of integers: quantity = h * 10^10 + l, price * h and price * l. A group's
 * quotient is (high * 10^10 + low) / quantity, divided high part first.
 */
#include "query/query_int.h"

static const char macros[] =
    /* integers behind decimals: of a row, by arithmetic; of a group, by its text, whatever its scale */
    "CREATE MACRO main.k2_price_units(x) AS "
    "CAST(CAST(x AS DECIMAL(20,9)) * CAST(1000000000 AS DECIMAL(10,0)) AS HUGEINT);"
    "CREATE MACRO main.k2_quantity_units(x) AS "
    "CAST(CAST(x AS DECIMAL(28,10)) * CAST(10000000000 AS DECIMAL(11,0)) AS HUGEINT);"
    "CREATE MACRO main.k2_sum_units(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);"
    /* q + r / d rounded half to even; |r| < d */
    "CREATE MACRO main.k2_half_even(q, r, d) AS "
    "CASE WHEN r > d - r OR (r = d - r AND q % 2 <> 0) THEN q + 1 "
    "WHEN -r > d + r OR (-r = d + r AND q % 2 <> 0) THEN q - 1 ELSE q END;"
    /* (high * 10^10 + low) / d; d > 0 */
    "CREATE MACRO main.k2_split_quotient(high, low, d) AS main.k2_half_even("
    "(high // d) * 10000000000 + ((high % d) * 10000000000 + low) // d, "
    "((high % d) * 10000000000 + low) % d, d);"
    /* the same with any d but 0 */
    "CREATE MACRO main.k2_signed_quotient(high, low, d) AS main.k2_split_quotient("
    "high * sign(d), low * sign(d), abs(d));"
    /* a price of 64 bits, else NULL; its two parts */
    "CREATE MACRO main.k2_short_price(price) AS "
    "TRY_CAST(CAST(price AS DECIMAL(20,9)) AS DECIMAL(18,9));"
    "CREATE MACRO main.k2_whole(price) AS CAST(main.k2_short_price(price) AS DECIMAL(10,0));"
    "CREATE MACRO main.k2_rest(price) AS "
    "CAST(main.k2_short_price(price) - main.k2_whole(price) AS DECIMAL(9,9));"
    "CREATE MACRO main.k2_is_long(price) AS "
    "price IS NOT NULL AND main.k2_short_price(price) IS NULL;"
    /* the four sums of a group, in units of 1e-10, 1e-19, 1e-9 and 1e-19 */
    "CREATE MACRO main.k2_whole_sum(price, quantity) AS coalesce(main.k2_sum_units("
    "sum(main.k2_whole(price) * CAST(quantity AS DECIMAL(28,10)))), 0);"
    "CREATE MACRO main.k2_rest_sum(price, quantity) AS coalesce(main.k2_sum_units("
    "sum(main.k2_rest(price) * CAST(quantity AS DECIMAL(28,10)))), 0);"
    "CREATE MACRO main.k2_long_high(price, quantity) AS coalesce("
    "sum(CASE WHEN main.k2_is_long(price) THEN main.k2_price_units(price) * "
    "(main.k2_quantity_units(quantity) // 10000000000) END), 0);"
    "CREATE MACRO main.k2_long_low(price, quantity) AS coalesce("
    "sum(CASE WHEN main.k2_is_long(price) THEN main.k2_price_units(price) * "
    "(main.k2_quantity_units(quantity) % 10000000000) END), 0);"
    "CREATE MACRO main.k2_vwap(price, quantity) AS CAST(main.k2_signed_quotient("
    "main.k2_long_high(price, quantity) + main.k2_whole_sum(price, quantity) // 10 + "
    "main.k2_rest_sum(price, quantity) // 10000000000, "
    "main.k2_long_low(price, quantity) + main.k2_whole_sum(price, quantity) % 10 * 1000000000 + "
    "main.k2_rest_sum(price, quantity) % 10000000000, "
    "nullif(main.k2_sum_units(sum(CASE WHEN price IS NOT NULL THEN "
    "CAST(quantity AS DECIMAL(28,10)) END)), 0)) "
    "AS DECIMAL(29,0)) * CAST(0.000000001 AS DECIMAL(9,9));"
    "CREATE MACRO main.k2_avg(x) AS CAST(main.k2_half_even("
    "main.k2_sum_units(sum(CAST(x AS DECIMAL(28,10)))) // nullif(count(x), 0), "
    "main.k2_sum_units(sum(CAST(x AS DECIMAL(28,10)))) % nullif(count(x), 0), "
    "CAST(nullif(count(x), 0) AS HUGEINT)) AS DECIMAL(28,0)) * CAST(0.0000000001 AS "
    "DECIMAL(10,10))";

K2_RC query_macros_install(struct duck *d, struct k2_err *err) {
    return duck_exec(d, macros, err);
}
