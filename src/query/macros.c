/* query/macros.c - the exact companions of aggregates that DuckDB turns to DOUBLE.
 *
 *     k2_vwap(price, quantity)  sum(price * quantity) / sum(quantity), decimal(38,9)
 *     k2_avg(x)                 sum(x) / count(x), decimal(38,10)
 *
 * All arithmetic is on integers (HUGEINT): prices count 1e-9, quantities and the argument of k2_avg
 * 1e-10. The last digit is rounded half to even. Rows where an argument is NULL are left out; without
 * rows, or when the quantities sum to 0, the answer is NULL. Arguments are cast to decimal(20,9) and
 * decimal(28,10): what does not fit is an error, never a wrong number.
 *
 * The numerator of k2_vwap is kept in two sums, so that it holds about 10^29 where decimal(38,19), the
 * type of sum(price * quantity), ends at 10^19: with quantity = h * 10^10 + l, high = sum(price * h) and
 * low = sum(price * l). The quotient is (high * 10^10 + low) / quantity, divided high part first.
 */
#include "query/query_int.h"

static const char macros[] =
    /* integers behind decimals */
    "CREATE MACRO main.k2_price_units(x) AS "
    "CAST(CAST(x AS DECIMAL(20,9)) * CAST(1000000000 AS DECIMAL(10,0)) AS HUGEINT);"
    "CREATE MACRO main.k2_quantity_units(x) AS "
    "CAST(CAST(x AS DECIMAL(28,10)) * CAST(10000000000 AS DECIMAL(11,0)) AS HUGEINT);"
    /* q + r / d rounded half to even; |r| < d */
    "CREATE MACRO main.k2_half_even(q, r, d) AS "
    "CASE WHEN r > d - r OR (r = d - r AND q % 2 <> 0) THEN q + 1 "
    "WHEN -r > d + r OR (-r = d + r AND q % 2 <> 0) THEN q - 1 ELSE q END;"
    /* (high * 10^10 + low) / d; d > 0 */
    "CREATE MACRO main.k2_split_quotient(high, low, d) AS main.k2_half_even("
    "(high // d) * 10000000000 + ((high % d) * 10000000000 + low) // d, "
    "((high % d) * 10000000000 + low) % d, d);"
    "CREATE MACRO main.k2_vwap(price, quantity) AS CAST(main.k2_split_quotient("
    "sum(main.k2_price_units(price) * (main.k2_quantity_units(quantity) // 10000000000)), "
    "sum(main.k2_price_units(price) * (main.k2_quantity_units(quantity) % 10000000000)), "
    "nullif(sum(CASE WHEN price IS NOT NULL THEN main.k2_quantity_units(quantity) END), 0)) "
    "AS DECIMAL(29,0)) * CAST(0.000000001 AS DECIMAL(9,9));"
    "CREATE MACRO main.k2_avg(x) AS CAST(main.k2_half_even("
    "sum(main.k2_quantity_units(x)) // nullif(count(x), 0), "
    "sum(main.k2_quantity_units(x)) % nullif(count(x), 0), CAST(nullif(count(x), 0) AS HUGEINT)) "
    "AS DECIMAL(28,0)) * CAST(0.0000000001 AS DECIMAL(10,10))";

K2_RC query_macros_install(struct duck *d, struct k2_err *err) {
    return duck_exec(d, macros, err);
}
