/* feed/rows/mapped_known.c - formats of JSON lines that a mapping says all about, so that they need none of the user's.
 *
 * Databento's reference data (databento.com/docs, "Reference": security master, corporate actions, adjustment
 * factors), one record a line. The moment of an event is that of its record (ts_record, ts_created): what was known
 * when. From when it holds (ts_effective, event_date, ex_date) is kept in extra, as is every other field.
 * A factor has up to 15 decimals, more than a price holds: it stays text, exactly as it was sent.
 *
 * A row is numbered among the rows of its listing (of factors: its security) and date of the record.
 */
#include "feed/feed_int.h"

#include <stdio.h>
#include <stdlib.h>

struct known { /* the state: that of the format "mapped" */
    void *mapped;
};

struct format {
    const struct feed_ops *ops;
    const char *mapping;
    const char *keys[4]; /* that only its records have together */
    const char *why;
};

#define COMMON                                                                                     \
    "format = jsonl\n"                                                                             \
    "exchange = operating_mic\n"                                                                   \
    "symbol = local_code\n"                                                                        \
    "calendar = utc\n"

static const struct format formats[] = {
    {&feed_databento_security_master,
     COMMON "kind = instrument\n"
            "channel = listing_id\n"
            "time = ts_record iso\n"
            "action = \"DEFINE\"\n"
            "venue_id = listing_id\n"
            "name = issuer_name\n"
            "instrument_type = security_type\n"
            "currency = trading_currency\n"
            "lot_size = lot_size\n",
     {"ts_record", "ts_effective", "listing_id", "operating_mic"},
     "a record of Databento's security master"},
    {&feed_databento_corporate_actions,
     COMMON "kind = message\n"
            "channel = listing_id\n"
            "time = ts_record iso\n"
            "message_type = event\n",
     {"ts_record", "event_unique_id", "event_date_label", "operating_mic"},
     "a record of Databento's corporate actions"},
    {&feed_databento_adjustment_factors,
     COMMON "kind = statistic\n"
            "channel = security_id\n"
            "time = ts_created iso\n"
            "statistic = \"ADJUSTMENT_FACTOR\"\n",
     {"security_id", "ex_date", "factor", "operating_mic"},
     "a record of Databento's adjustment factors"},
};
#define FORMATS (sizeof formats / sizeof *formats)

static const struct format *format_of(const struct feed_ops *ops) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].ops == ops)
            return &formats[i];
    return NULL;
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct known *k = state;
    struct feed_options with = *o;
    with.mapping = k2_sv_of(format_of(self)->mapping);
    k->mapped = k2_zalloc(feed_mapped.state_size);
    return feed_mapped.init(&feed_mapped, k->mapped, &with, in, err);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct known *k = state;
    return feed_mapped.decode(k->mapped, bytes, last, consumed, sink, err);
}

static void fini(void *state) {
    struct known *k = state;
    if (k->mapped)
        feed_mapped.fini(k->mapped);
    free(k->mapped);
    k->mapped = NULL;
}

static void save(const void *state, struct k2_buf *out) {
    const struct known *k = state;
    feed_mapped.save(k->mapped, out);
}

static bool restore(void *state, struct k2_sv saved) {
    struct known *k = state;
    return feed_mapped.restore(k->mapped, saved);
}

static bool has_key(struct k2_sv line, const char *key) {
    char quoted[32];
    size_t n = (size_t)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    return memmem(line.p, line.n, quoted, n) != NULL;
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    const struct format *f = format_of(self);
    struct k2_sv line = k2_sv_split(&head, '\n');
    (void)file_name;
    if (line.n == 0 || line.p[0] != '{')
        return 0;
    for (size_t i = 0; i < sizeof f->keys / sizeof *f->keys; i++)
        if (!has_key(line, f->keys[i]))
            return 0;
    *why = f->why;
    return 96;
}

#define FACTS_OF_ALL                                                                               \
    {"file name", "any", "JSON lines"}, {"all", "operating_mic, local_code", "exchange, symbol"},  \
        {"all", "every other field", "extra, as it was sent"},                                     \
        {"other", "a row that lacks one of these", "goes to quarantine"}, {                        \
        0                                                                                          \
    }

static const struct feed_fact master_facts[] = {
    {"specification", "document", "Databento: Security master API, JSON as it is downloaded"},
    {"instrument", "ts_record", "exchange_timestamp; extra: ts_effective, from when on it holds"},
    {"instrument", "listing_id", "venue_id, channel"},
    {"instrument", "issuer_name, security_type, trading_currency, lot_size",
     "name, instrument_type, currency, lot_size"},
    FACTS_OF_ALL};

static const struct feed_fact action_facts[] = {
    {"specification", "document", "Databento: Corporate actions API, JSON as it is downloaded"},
    {"message", "ts_record", "exchange_timestamp; extra: event_date, ex_date, ..."},
    {"message", "event", "message_type: DIV, RSPLT, ..."},
    {"message", "listing_id", "channel"},
    FACTS_OF_ALL};

static const struct feed_fact factor_facts[] = {
    {"specification", "document", "Databento: Adjustment factors API, JSON as it is downloaded"},
    {"statistic", "ts_created", "exchange_timestamp; extra: ex_date, from when on it holds"},
    {"statistic", "factor", "ADJUSTMENT_FACTOR; extra: factor, with all its digits"},
    {"statistic", "security_id", "channel"},
    FACTS_OF_ALL};

#define OPS(called, says, what)                                                                    \
    {                                                                                              \
        .name = (called), .title = (says),                                                         \
        .numbering = "the row's place among the rows of its listing and date, from 1",             \
        .facts = (what), .ordinal = true, .state_size = sizeof(struct known), .detect = detect,    \
        .init = init, .decode = decode, .fini = fini, .save = save, .restore = restore,            \
    }

const struct feed_ops feed_databento_security_master =
    OPS("databento-security-master", "Databento security master (JSON lines)", master_facts);
const struct feed_ops feed_databento_corporate_actions =
    OPS("databento-corporate-actions", "Databento corporate actions (JSON lines)", action_facts);
const struct feed_ops feed_databento_adjustment_factors =
    OPS("databento-adjustment-factors", "Databento adjustment factors (JSON lines)", factor_facts);
