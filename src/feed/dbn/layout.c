/* feed/dbn/layout.c - the records of DBN as tables: which fields, in which order; see dbn.h.
 *
 * After the public description of DBN's encoding, versions 1 to 3. Only definitions, statistics, symbol
 * mappings, errors and system messages differ between versions, and all these in size.
 */
#include "feed/dbn/dbn.h"

#include <stdio.h>

#define COLUMN 0, true
#define END                                                                                        \
    { NULL, DBN_PAD, 0, false }

/* What every level begins with. */
#define LEVEL                                                                                      \
    {"bid_px", DBN_PRICE, COLUMN}, {"ask_px", DBN_PRICE, COLUMN}, {"bid_sz", DBN_U32, COLUMN}, {   \
        "ask_sz", DBN_U32, COLUMN                                                                  \
    }

static const struct dbn_field level_counted[] = {
    LEVEL, {"bid_ct", DBN_U32, 0, false}, {"ask_ct", DBN_U32, 0, false}, END};

/* Of consolidated books: which publisher has the best price. */
static const struct dbn_field level_published[] = {LEVEL,
                                                   {"bid_pb", DBN_U16, 0, false},
                                                   {"_reserved1", DBN_PAD, 2, false},
                                                   {"ask_pb", DBN_U16, 0, false},
                                                   {"_reserved2", DBN_PAD, 2, false},
                                                   END};

static const struct dbn_field mbo[] = {{"order_id", DBN_U64, COLUMN},
                                       {"price", DBN_PRICE, COLUMN},
                                       {"size", DBN_U32, COLUMN},
                                       {"flags", DBN_U8, 0, false},
                                       {"channel_id", DBN_U8, 0, false},
                                       {"action", DBN_CHAR, COLUMN},
                                       {"side", DBN_CHAR, COLUMN},
                                       {"ts_recv", DBN_STAMP, COLUMN},
                                       {"ts_in_delta", DBN_I32, 0, false},
                                       {"sequence", DBN_U32, 0, false},
                                       END};

static const struct dbn_field trades[] = {
    {"price", DBN_PRICE, COLUMN},    {"size", DBN_U32, COLUMN},
    {"action", DBN_CHAR, COLUMN},    {"side", DBN_CHAR, COLUMN},
    {"flags", DBN_U8, 0, false},     {"depth", DBN_U8, 0, false},
    {"ts_recv", DBN_STAMP, COLUMN},  {"ts_in_delta", DBN_I32, 0, false},
    {"sequence", DBN_U32, 0, false}, END};

static const struct dbn_field mbp[] = {
    {"price", DBN_PRICE, 0, false},  {"size", DBN_U32, 0, false},
    {"action", DBN_CHAR, 0, false},  {"side", DBN_CHAR, 0, false},
    {"flags", DBN_U8, 0, false},     {"depth", DBN_U8, 0, false},
    {"ts_recv", DBN_STAMP, COLUMN},  {"ts_in_delta", DBN_I32, 0, false},
    {"sequence", DBN_U32, 0, false}, END};

static const struct dbn_field cmbp[] = {
    {"price", DBN_PRICE, 0, false},    {"size", DBN_U32, 0, false},
    {"action", DBN_CHAR, 0, false},    {"side", DBN_CHAR, 0, false},
    {"flags", DBN_U8, 0, false},       {"_reserved1", DBN_PAD, 1, false},
    {"ts_recv", DBN_STAMP, COLUMN},    {"ts_in_delta", DBN_I32, 0, false},
    {"_reserved2", DBN_PAD, 4, false}, END};

static const struct dbn_field bbo[] = {
    {"price", DBN_PRICE, 0, false},    {"size", DBN_U32, 0, false},
    {"_reserved1", DBN_PAD, 1, false}, {"side", DBN_CHAR, 0, false},
    {"flags", DBN_U8, 0, false},       {"_reserved2", DBN_PAD, 1, false},
    {"ts_recv", DBN_STAMP, COLUMN},    {"_reserved3", DBN_PAD, 4, false},
    {"sequence", DBN_U32, 0, false},   END};

static const struct dbn_field cbbo[] = {{"price", DBN_PRICE, 0, false},
                                        {"size", DBN_U32, 0, false},
                                        {"_reserved1", DBN_PAD, 1, false},
                                        {"side", DBN_CHAR, 0, false},
                                        {"flags", DBN_U8, 0, false},
                                        {"_reserved2", DBN_PAD, 1, false},
                                        {"ts_recv", DBN_STAMP, COLUMN},
                                        {"_reserved3", DBN_PAD, 8, false},
                                        END};

static const struct dbn_field ohlcv[] = {{"open", DBN_PRICE, COLUMN}, {"high", DBN_PRICE, COLUMN},
                                         {"low", DBN_PRICE, COLUMN},  {"close", DBN_PRICE, COLUMN},
                                         {"volume", DBN_U64, COLUMN}, END};

static const struct dbn_field status[] = {{"ts_recv", DBN_STAMP, COLUMN},
                                          {"action", DBN_U16, COLUMN},
                                          {"reason", DBN_U16, 0, false},
                                          {"trading_event", DBN_U16, 0, false},
                                          {"is_trading", DBN_CHAR, 0, false},
                                          {"is_quoting", DBN_CHAR, 0, false},
                                          {"is_short_sell_restricted", DBN_CHAR, 0, false},
                                          {"_reserved", DBN_PAD, 7, false},
                                          END};

static const struct dbn_field imbalance[] = {{"ts_recv", DBN_STAMP, COLUMN},
                                             {"ref_price", DBN_PRICE, COLUMN},
                                             {"auction_time", DBN_STAMP, 0, false},
                                             {"cont_book_clr_price", DBN_PRICE, COLUMN},
                                             {"auct_interest_clr_price", DBN_PRICE, COLUMN},
                                             {"ssr_filling_price", DBN_PRICE, 0, false},
                                             {"ind_match_price", DBN_PRICE, 0, false},
                                             {"upper_collar", DBN_PRICE, 0, false},
                                             {"lower_collar", DBN_PRICE, 0, false},
                                             {"paired_qty", DBN_U32, COLUMN},
                                             {"total_imbalance_qty", DBN_U32, COLUMN},
                                             {"market_imbalance_qty", DBN_U32, 0, false},
                                             {"unpaired_qty", DBN_U32, 0, false},
                                             {"auction_type", DBN_CHAR, 0, false},
                                             {"side", DBN_CHAR, COLUMN},
                                             {"auction_status", DBN_U8, 0, false},
                                             {"freeze_status", DBN_U8, 0, false},
                                             {"num_extensions", DBN_U8, 0, false},
                                             {"unpaired_side", DBN_CHAR, 0, false},
                                             {"significant_imbalance", DBN_CHAR, 0, false},
                                             {"_reserved", DBN_PAD, 1, false},
                                             END};

/* The versions differ in the width of the quantity and in what is left at the end. */
#define STATISTICS(quantity_type, rest)                                                            \
    {                                                                                              \
        {"ts_recv", DBN_STAMP, COLUMN}, {"ts_ref", DBN_STAMP, 0, false},                           \
            {"price", DBN_PRICE, COLUMN}, {"quantity", quantity_type, COLUMN},                     \
            {"sequence", DBN_U32, 0, false}, {"ts_in_delta", DBN_I32, 0, false},                   \
            {"stat_type", DBN_U16, 0, false}, {"channel_id", DBN_U16, 0, false},                   \
            {"update_action", DBN_U8, 0, false}, {"stat_flags", DBN_U8, 0, false},                 \
            {"_reserved", DBN_PAD, rest, false}, END                                               \
    }

static const struct dbn_field statistics_1[] = STATISTICS(DBN_I32, 6);
static const struct dbn_field statistics_3[] = STATISTICS(DBN_I64, 18);

static const struct dbn_field error_1[] = {{"err", DBN_TEXT, 64, false}, END};
static const struct dbn_field error_2[] = {
    {"err", DBN_TEXT, 302, false}, {"code", DBN_U8, 0, false}, {"is_last", DBN_U8, 0, false}, END};
static const struct dbn_field system_1[] = {{"msg", DBN_TEXT, 64, false}, END};
static const struct dbn_field system_2[] = {
    {"msg", DBN_TEXT, 303, false}, {"code", DBN_U8, 0, false}, END};
static const struct dbn_field mapping_1[] = {{"stype_in_symbol", DBN_TEXT, 22, false},
                                             {"stype_out_symbol", DBN_TEXT, 22, false},
                                             {"_dummy", DBN_PAD, 4, false},
                                             {"start_ts", DBN_STAMP, 0, false},
                                             {"end_ts", DBN_STAMP, 0, false},
                                             END};
static const struct dbn_field mapping_2[] = {{"stype_in", DBN_U8, 0, false},
                                             {"stype_in_symbol", DBN_TEXT, 71, false},
                                             {"stype_out", DBN_U8, 0, false},
                                             {"stype_out_symbol", DBN_TEXT, 71, false},
                                             {"start_ts", DBN_STAMP, 0, false},
                                             {"end_ts", DBN_STAMP, 0, false},
                                             END};

static const struct dbn_field definition_1[] = {{"ts_recv", DBN_STAMP, COLUMN},
                                                {"min_price_increment", DBN_PRICE, COLUMN},
                                                {"display_factor", DBN_PRICE, 0, false},
                                                {"expiration", DBN_STAMP, 0, false},
                                                {"activation", DBN_STAMP, 0, false},
                                                {"high_limit_price", DBN_PRICE, 0, false},
                                                {"low_limit_price", DBN_PRICE, 0, false},
                                                {"max_price_variation", DBN_PRICE, 0, false},
                                                {"trading_reference_price", DBN_PRICE, 0, false},
                                                {"unit_of_measure_qty", DBN_PRICE, 0, false},
                                                {"min_price_increment_amount", DBN_PRICE, 0, false},
                                                {"price_ratio", DBN_PRICE, 0, false},
                                                {"inst_attrib_value", DBN_I32, 0, false},
                                                {"underlying_id", DBN_U32, 0, false},
                                                {"raw_instrument_id", DBN_U32, 0, false},
                                                {"market_depth_implied", DBN_I32, 0, false},
                                                {"market_depth", DBN_I32, 0, false},
                                                {"market_segment_id", DBN_U32, 0, false},
                                                {"max_trade_vol", DBN_U32, 0, false},
                                                {"min_lot_size", DBN_I32, 0, false},
                                                {"min_lot_size_block", DBN_I32, 0, false},
                                                {"min_lot_size_round_lot", DBN_I32, 0, false},
                                                {"min_trade_vol", DBN_U32, 0, false},
                                                {"_reserved2", DBN_PAD, 4, false},
                                                {"contract_multiplier", DBN_I32, 0, false},
                                                {"decay_quantity", DBN_I32, 0, false},
                                                {"original_contract_size", DBN_I32, 0, false},
                                                {"_reserved3", DBN_PAD, 4, false},
                                                {"trading_reference_date", DBN_U16, 0, false},
                                                {"appl_id", DBN_I16, 0, false},
                                                {"maturity_year", DBN_U16, 0, false},
                                                {"decay_start_date", DBN_U16, 0, false},
                                                {"channel_id", DBN_U16, 0, false},
                                                {"currency", DBN_TEXT, 4, true},
                                                {"settl_currency", DBN_TEXT, 4, false},
                                                {"secsubtype", DBN_TEXT, 6, false},
                                                {"raw_symbol", DBN_TEXT, 22, true},
                                                {"group", DBN_TEXT, 21, false},
                                                {"exchange", DBN_TEXT, 5, false},
                                                {"asset", DBN_TEXT, 7, false},
                                                {"cfi", DBN_TEXT, 7, false},
                                                {"security_type", DBN_TEXT, 7, false},
                                                {"unit_of_measure", DBN_TEXT, 31, false},
                                                {"underlying", DBN_TEXT, 21, true},
                                                {"strike_price_currency", DBN_TEXT, 4, false},
                                                {"instrument_class", DBN_CHAR, 0, false},
                                                {"_reserved4", DBN_PAD, 2, false},
                                                {"strike_price", DBN_PRICE, COLUMN},
                                                {"_reserved5", DBN_PAD, 6, false},
                                                {"match_algorithm", DBN_CHAR, 0, false},
                                                {"md_security_trading_status", DBN_U8, 0, false},
                                                {"main_fraction", DBN_U8, 0, false},
                                                {"price_display_format", DBN_U8, 0, false},
                                                {"settl_price_type", DBN_U8, 0, false},
                                                {"sub_fraction", DBN_U8, 0, false},
                                                {"underlying_product", DBN_U8, 0, false},
                                                {"security_update_action", DBN_CHAR, COLUMN},
                                                {"maturity_month", DBN_U8, 0, false},
                                                {"maturity_day", DBN_U8, 0, false},
                                                {"maturity_week", DBN_U8, 0, false},
                                                {"user_defined_instrument", DBN_CHAR, 0, false},
                                                {"contract_multiplier_unit", DBN_I8, 0, false},
                                                {"flow_schedule_type", DBN_I8, 0, false},
                                                {"tick_rule", DBN_U8, 0, false},
                                                {"_dummy", DBN_PAD, 3, false},
                                                END};

static const struct dbn_field definition_2[] = {{"ts_recv", DBN_STAMP, COLUMN},
                                                {"min_price_increment", DBN_PRICE, COLUMN},
                                                {"display_factor", DBN_PRICE, 0, false},
                                                {"expiration", DBN_STAMP, 0, false},
                                                {"activation", DBN_STAMP, 0, false},
                                                {"high_limit_price", DBN_PRICE, 0, false},
                                                {"low_limit_price", DBN_PRICE, 0, false},
                                                {"max_price_variation", DBN_PRICE, 0, false},
                                                {"trading_reference_price", DBN_PRICE, 0, false},
                                                {"unit_of_measure_qty", DBN_PRICE, 0, false},
                                                {"min_price_increment_amount", DBN_PRICE, 0, false},
                                                {"price_ratio", DBN_PRICE, 0, false},
                                                {"strike_price", DBN_PRICE, COLUMN},
                                                {"inst_attrib_value", DBN_I32, 0, false},
                                                {"underlying_id", DBN_U32, 0, false},
                                                {"raw_instrument_id", DBN_U32, 0, false},
                                                {"market_depth_implied", DBN_I32, 0, false},
                                                {"market_depth", DBN_I32, 0, false},
                                                {"market_segment_id", DBN_U32, 0, false},
                                                {"max_trade_vol", DBN_U32, 0, false},
                                                {"min_lot_size", DBN_I32, 0, false},
                                                {"min_lot_size_block", DBN_I32, 0, false},
                                                {"min_lot_size_round_lot", DBN_I32, 0, false},
                                                {"min_trade_vol", DBN_U32, 0, false},
                                                {"contract_multiplier", DBN_I32, 0, false},
                                                {"decay_quantity", DBN_I32, 0, false},
                                                {"original_contract_size", DBN_I32, 0, false},
                                                {"trading_reference_date", DBN_U16, 0, false},
                                                {"appl_id", DBN_I16, 0, false},
                                                {"maturity_year", DBN_U16, 0, false},
                                                {"decay_start_date", DBN_U16, 0, false},
                                                {"channel_id", DBN_U16, 0, false},
                                                {"currency", DBN_TEXT, 4, true},
                                                {"settl_currency", DBN_TEXT, 4, false},
                                                {"secsubtype", DBN_TEXT, 6, false},
                                                {"raw_symbol", DBN_TEXT, 71, true},
                                                {"group", DBN_TEXT, 21, false},
                                                {"exchange", DBN_TEXT, 5, false},
                                                {"asset", DBN_TEXT, 7, false},
                                                {"cfi", DBN_TEXT, 7, false},
                                                {"security_type", DBN_TEXT, 7, false},
                                                {"unit_of_measure", DBN_TEXT, 31, false},
                                                {"underlying", DBN_TEXT, 21, true},
                                                {"strike_price_currency", DBN_TEXT, 4, false},
                                                {"instrument_class", DBN_CHAR, 0, false},
                                                {"match_algorithm", DBN_CHAR, 0, false},
                                                {"md_security_trading_status", DBN_U8, 0, false},
                                                {"main_fraction", DBN_U8, 0, false},
                                                {"price_display_format", DBN_U8, 0, false},
                                                {"settl_price_type", DBN_U8, 0, false},
                                                {"sub_fraction", DBN_U8, 0, false},
                                                {"underlying_product", DBN_U8, 0, false},
                                                {"security_update_action", DBN_CHAR, COLUMN},
                                                {"maturity_month", DBN_U8, 0, false},
                                                {"maturity_day", DBN_U8, 0, false},
                                                {"maturity_week", DBN_U8, 0, false},
                                                {"user_defined_instrument", DBN_CHAR, 0, false},
                                                {"contract_multiplier_unit", DBN_I8, 0, false},
                                                {"flow_schedule_type", DBN_I8, 0, false},
                                                {"tick_rule", DBN_U8, 0, false},
                                                {"_reserved", DBN_PAD, 10, false},
                                                END};

static const struct dbn_field definition_3[] = {{"ts_recv", DBN_STAMP, COLUMN},
                                                {"min_price_increment", DBN_PRICE, COLUMN},
                                                {"display_factor", DBN_PRICE, 0, false},
                                                {"expiration", DBN_STAMP, 0, false},
                                                {"activation", DBN_STAMP, 0, false},
                                                {"high_limit_price", DBN_PRICE, 0, false},
                                                {"low_limit_price", DBN_PRICE, 0, false},
                                                {"max_price_variation", DBN_PRICE, 0, false},
                                                {"unit_of_measure_qty", DBN_PRICE, 0, false},
                                                {"min_price_increment_amount", DBN_PRICE, 0, false},
                                                {"price_ratio", DBN_PRICE, 0, false},
                                                {"strike_price", DBN_PRICE, COLUMN},
                                                {"raw_instrument_id", DBN_U64, 0, false},
                                                {"leg_price", DBN_PRICE, 0, false},
                                                {"leg_delta", DBN_PRICE, 0, false},
                                                {"inst_attrib_value", DBN_I32, 0, false},
                                                {"underlying_id", DBN_U32, 0, false},
                                                {"market_depth_implied", DBN_I32, 0, false},
                                                {"market_depth", DBN_I32, 0, false},
                                                {"market_segment_id", DBN_U32, 0, false},
                                                {"max_trade_vol", DBN_U32, 0, false},
                                                {"min_lot_size", DBN_I32, 0, false},
                                                {"min_lot_size_block", DBN_I32, 0, false},
                                                {"min_lot_size_round_lot", DBN_I32, 0, false},
                                                {"min_trade_vol", DBN_U32, 0, false},
                                                {"contract_multiplier", DBN_I32, 0, false},
                                                {"decay_quantity", DBN_I32, 0, false},
                                                {"original_contract_size", DBN_I32, 0, false},
                                                {"leg_instrument_id", DBN_U32, 0, false},
                                                {"leg_ratio_price_numerator", DBN_I32, 0, false},
                                                {"leg_ratio_price_denominator", DBN_I32, 0, false},
                                                {"leg_ratio_qty_numerator", DBN_I32, 0, false},
                                                {"leg_ratio_qty_denominator", DBN_I32, 0, false},
                                                {"leg_underlying_id", DBN_U32, 0, false},
                                                {"appl_id", DBN_I16, 0, false},
                                                {"maturity_year", DBN_U16, 0, false},
                                                {"decay_start_date", DBN_U16, 0, false},
                                                {"channel_id", DBN_U16, 0, false},
                                                {"leg_count", DBN_U16, 0, false},
                                                {"leg_index", DBN_U16, 0, false},
                                                {"currency", DBN_TEXT, 4, true},
                                                {"settl_currency", DBN_TEXT, 4, false},
                                                {"secsubtype", DBN_TEXT, 6, false},
                                                {"raw_symbol", DBN_TEXT, 71, true},
                                                {"group", DBN_TEXT, 21, false},
                                                {"exchange", DBN_TEXT, 5, false},
                                                {"asset", DBN_TEXT, 11, false},
                                                {"cfi", DBN_TEXT, 7, false},
                                                {"security_type", DBN_TEXT, 7, false},
                                                {"unit_of_measure", DBN_TEXT, 31, false},
                                                {"underlying", DBN_TEXT, 21, true},
                                                {"strike_price_currency", DBN_TEXT, 4, false},
                                                {"leg_raw_symbol", DBN_TEXT, 71, false},
                                                {"instrument_class", DBN_CHAR, 0, false},
                                                {"match_algorithm", DBN_CHAR, 0, false},
                                                {"main_fraction", DBN_U8, 0, false},
                                                {"price_display_format", DBN_U8, 0, false},
                                                {"sub_fraction", DBN_U8, 0, false},
                                                {"underlying_product", DBN_U8, 0, false},
                                                {"security_update_action", DBN_CHAR, COLUMN},
                                                {"maturity_month", DBN_U8, 0, false},
                                                {"maturity_day", DBN_U8, 0, false},
                                                {"maturity_week", DBN_U8, 0, false},
                                                {"user_defined_instrument", DBN_CHAR, 0, false},
                                                {"contract_multiplier_unit", DBN_I8, 0, false},
                                                {"flow_schedule_type", DBN_I8, 0, false},
                                                {"tick_rule", DBN_U8, 0, false},
                                                {"leg_instrument_class", DBN_CHAR, 0, false},
                                                {"leg_side", DBN_CHAR, 0, false},
                                                {"_reserved", DBN_PAD, 17, false},
                                                END};

static const struct dbn_layout layouts[] = {
    {DBN_MBO, "mbo", 56, 0, false, mbo, NULL},
    {DBN_MBP_0, "mbp-0", 48, 0, false, trades, NULL},
    {DBN_MBP_1, "mbp-1", 80, 1, false, mbp, level_counted},
    {DBN_MBP_10, "mbp-10", 368, 10, false, mbp, level_counted},
    {DBN_CMBP_1, "cmbp-1", 80, 1, false, cmbp, level_published},
    {DBN_TCBBO, "tcbbo", 80, 1, false, cmbp, level_published},
    {DBN_BBO_1S, "bbo-1s", 80, 1, false, bbo, level_counted},
    {DBN_BBO_1M, "bbo-1m", 80, 1, false, bbo, level_counted},
    {DBN_CBBO_1S, "cbbo-1s", 80, 1, false, cbbo, level_published},
    {DBN_CBBO_1M, "cbbo-1m", 80, 1, false, cbbo, level_published},
    {DBN_OHLCV_DEPRECATED, "ohlcv-deprecated", 56, 0, false, ohlcv, NULL},
    {DBN_OHLCV_1S, "ohlcv-1s", 56, 0, false, ohlcv, NULL},
    {DBN_OHLCV_1M, "ohlcv-1m", 56, 0, false, ohlcv, NULL},
    {DBN_OHLCV_1H, "ohlcv-1h", 56, 0, false, ohlcv, NULL},
    {DBN_OHLCV_1D, "ohlcv-1d", 56, 0, false, ohlcv, NULL},
    {DBN_OHLCV_EOD, "ohlcv-eod", 56, 0, false, ohlcv, NULL},
    {DBN_STATUS, "status", 40, 0, false, status, NULL},
    {DBN_INSTRUMENT_DEF, "instrument-def", 360, 0, true, definition_1, NULL},
    {DBN_INSTRUMENT_DEF, "instrument-def", 400, 0, true, definition_2, NULL},
    {DBN_INSTRUMENT_DEF, "instrument-def", 520, 0, true, definition_3, NULL},
    {DBN_IMBALANCE, "imbalance", 112, 0, false, imbalance, NULL},
    {DBN_STATISTICS, "statistics", 64, 0, false, statistics_1, NULL},
    {DBN_STATISTICS, "statistics", 80, 0, false, statistics_3, NULL},
    {DBN_ERROR, "error", 80, 0, false, error_1, NULL},
    {DBN_ERROR, "error", 320, 0, false, error_2, NULL},
    {DBN_SYMBOL_MAPPING, "symbol-mapping", 80, 0, false, mapping_1, NULL},
    {DBN_SYMBOL_MAPPING, "symbol-mapping", 176, 0, false, mapping_2, NULL},
    {DBN_SYSTEM, "system", 80, 0, false, system_1, NULL},
    {DBN_SYSTEM, "system", 320, 0, false, system_2, NULL},
};
_Static_assert(sizeof layouts / sizeof *layouts == DBN_LAYOUTS, "DBN_LAYOUTS");

const struct dbn_layout *dbn_layout_at(int index) {
    return &layouts[index];
}

int dbn_layout_index(const struct dbn_layout *l) {
    return (int)(l - layouts);
}

const struct dbn_layout *dbn_layout_find(uint8_t rtype, size_t size, bool *ts_out) {
    for (size_t i = 0; i < DBN_LAYOUTS; i++)
        if (layouts[i].rtype == rtype &&
            (layouts[i].size == size || layouts[i].size + (size_t)DBN_TS_OUT == size)) {
            *ts_out = layouts[i].size != size;
            return &layouts[i];
        }
    return NULL;
}

const char *dbn_rtype_name(uint8_t rtype) {
    for (size_t i = 0; i < DBN_LAYOUTS; i++)
        if (layouts[i].rtype == rtype)
            return layouts[i].name;
    return NULL;
}

size_t dbn_field_size(const struct dbn_field *f) {
    static const uint8_t sizes[] = {[DBN_U8] = 1,    [DBN_U16] = 2,   [DBN_U32] = 4, [DBN_U64] = 8,
                                    [DBN_I8] = 1,    [DBN_I16] = 2,   [DBN_I32] = 4, [DBN_I64] = 8,
                                    [DBN_PRICE] = 8, [DBN_STAMP] = 8, [DBN_CHAR] = 1};
    return f->size ? f->size : sizes[f->type];
}

size_t dbn_field_at(const struct dbn_layout *l, const char *name) {
    size_t at = DBN_HEADER;
    for (const struct dbn_field *f = l->fields; f->name; at += dbn_field_size(f++))
        if (strcmp(f->name, name) == 0)
            return at;
    return 0;
}

struct k2_sv dbn_text(const uint8_t *at, size_t size) {
    return (struct k2_sv){(const char *)at, strnlen((const char *)at, size)};
}

static size_t count_digits(uint64_t v) {
    size_t n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

size_t dbn_u64_text(uint64_t v, char *out) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    size_t n = count_digits(v), at = n;
    for (; v >= 100; v /= 100)
        memcpy(out + (at -= 2), pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(out, pairs + 2 * v, 2);
    else
        out[0] = (char)('0' + v);
    return n;
}

static size_t i64_text(int64_t v, char *out) {
    if (v >= 0)
        return dbn_u64_text((uint64_t)v, out);
    out[0] = '-';
    return 1 + dbn_u64_text(0 - (uint64_t)v, out + 1);
}

size_t dbn_number_text(enum dbn_type type, const uint8_t *at, char *out) {
    switch (type) {
    case DBN_U8:
        return dbn_u64_text(*at, out);
    case DBN_U16:
        return dbn_u64_text(k2_get_u16(at), out);
    case DBN_U32:
        return dbn_u64_text(k2_get_u32(at), out);
    case DBN_U64:
    case DBN_STAMP:
        return dbn_u64_text(k2_get_u64(at), out);
    case DBN_I8:
        return i64_text((int8_t)*at, out);
    case DBN_I16:
        return i64_text((int16_t)k2_get_u16(at), out);
    case DBN_I32:
        return i64_text((int32_t)k2_get_u32(at), out);
    case DBN_I64:
    case DBN_PRICE:
        return i64_text((int64_t)k2_get_u64(at), out);
    case DBN_CHAR:
    case DBN_TEXT:
    case DBN_PAD:
        break;
    }
    return 0;
}
