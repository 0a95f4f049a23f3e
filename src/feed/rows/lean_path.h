/* feed/rows/lean_path.h - what the path of a LEAN file says of its rows.
 *
 *   [SECURITY/]MARKET/RESOLUTION/SYMBOL/YYYYMMDD_TYPE.zip/YYYYMMDD_SYMBOL_RESOLUTION_TYPE[_CONTRACT].csv
 *   [SECURITY/]MARKET/tick/SYMBOL/YYYYMMDD_TYPE.zip/YYYYMMDD_SYMBOL_TYPE_Tick.csv      equities
 *   [SECURITY/]MARKET/RESOLUTION/SYMBOL[_TYPE].zip/SYMBOL[_TYPE][_CONTRACT].csv        hour and daily
 *   [SECURITY/]MARKET/map_files/SYMBOL.csv, [SECURITY/]MARKET/factor_files/SYMBOL.csv
 *
 * (LEAN data formats; the zip and the directories may be missing: what they would say is then not known).
 * Pure functions; views point into the path or are static.
 */
#ifndef K2_FEED_LEAN_PATH_H
#define K2_FEED_LEAN_PATH_H

#include "base/buf.h"

enum lean_resolution {
    LEAN_NO_RESOLUTION,
    LEAN_TICK,
    LEAN_SECOND,
    LEAN_MINUTE,
    LEAN_HOUR,
    LEAN_DAILY
};

enum lean_type {
    LEAN_NO_TYPE,
    LEAN_TRADE,
    LEAN_QUOTE,
    LEAN_OPEN_INTEREST,
    LEAN_MAP,   /* renames */
    LEAN_FACTOR /* splits and dividends */
};

struct lean_path {
    enum lean_resolution resolution;
    enum lean_type type;
    struct k2_sv security, market; /* "equity", "usa"; empty = not said */
    struct k2_sv symbol, contract; /* "gc", "201312" or "american_call_6450000_20140606" */
    int32_t day;                   /* INT32_MIN = the rows say it */
    bool scaled;                   /* prices are dollars * 10000 */
};

/* What the file's own name says is enough for true: all but the market. */
bool lean_path_parse(struct k2_sv path, struct lean_path *out);
/* The words of the formats: "tick", "openinterest". */
const char *lean_resolution_name(enum lean_resolution resolution);
const char *lean_type_name(enum lean_type type);
int64_t lean_interval_ns(enum lean_resolution resolution); /* 0 of ticks */

/* The code of a market's exchange, as upper-case text or a name of our own, appended to out. */
void lean_exchange(struct k2_sv market, struct k2_buf *out);
/* The zone that the files of a market are written in; NULL = UTC. `exchange` where the market is not said. */
const char *lean_zone(const struct lean_path *p, struct k2_sv exchange);
/* Whether prices of this exchange's code are dollars * 10000. */
bool lean_scaled_exchange(struct k2_sv exchange);

#endif
