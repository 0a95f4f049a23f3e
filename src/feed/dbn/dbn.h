/* feed/dbn/dbn.h - what the files of the decoder of Databento's DBN share.
 *
 * A DBN stream is metadata and then records, all little-endian; a fragment is records alone. Records
 * begin with the header (16 bytes)
 *    0 length u8          of the whole record, in units of 4 bytes
 *    1 rtype u8           which record it is
 *    2 publisher_id u16   dataset and venue
 *    4 instrument_id u32
 *    8 ts_event u64       the venue's clock, ns since 1970 UTC
 * and may end with ts_out u64, the clock of the gateway that sent them, where the metadata says so. Versions
 * differ in the sizes of few records, so rtype and length tell the layout. Prices are i64 in units of 1e-9;
 * the greatest i64 is "no price", the greatest u64 "no time".
 */
#ifndef K2_FEED_DBN_H
#define K2_FEED_DBN_H

#include "feed/feed_int.h"

#define DBN_HEADER 16 /* bytes of a record's header */
#define DBN_TS_OUT 8
#define DBN_NO_PRICE INT64_MAX
#define DBN_NO_TIME UINT64_MAX
#define DBN_SYMBOL_MAX 71 /* bytes of a symbol, NUL included, from version 2 on */
#define DBN_FLAG_LAST 128 /* last record of an event of the venue */
#define DBN_FLAG_SNAPSHOT 32

enum dbn_rtype {
    DBN_MBP_0 = 0x00, /* trades */
    DBN_MBP_1 = 0x01, /* mbp-1, tbbo */
    DBN_MBP_10 = 0x0a,
    DBN_OHLCV_DEPRECATED = 0x11,
    DBN_STATUS = 0x12,
    DBN_INSTRUMENT_DEF = 0x13,
    DBN_IMBALANCE = 0x14,
    DBN_ERROR = 0x15,
    DBN_SYMBOL_MAPPING = 0x16,
    DBN_SYSTEM = 0x17,
    DBN_STATISTICS = 0x18,
    DBN_OHLCV_1S = 0x20,
    DBN_OHLCV_1M = 0x21,
    DBN_OHLCV_1H = 0x22,
    DBN_OHLCV_1D = 0x23,
    DBN_OHLCV_EOD = 0x24,
    DBN_MBO = 0xa0,
    DBN_CMBP_1 = 0xb1,
    DBN_CBBO_1S = 0xc0,
    DBN_CBBO_1M = 0xc1,
    DBN_TCBBO = 0xc2,
    DBN_BBO_1S = 0xc3,
    DBN_BBO_1M = 0xc4
};

/* --- layouts (layout.c) --- */

enum dbn_type {
    DBN_U8,
    DBN_U16,
    DBN_U32,
    DBN_U64,
    DBN_I8,
    DBN_I16,
    DBN_I32,
    DBN_I64,
    DBN_PRICE, /* i64, 1e-9 */
    DBN_STAMP, /* u64, ns since 1970 */
    DBN_CHAR,  /* one letter, 0 = none */
    DBN_TEXT,  /* up to the first NUL */
    DBN_PAD
};

struct dbn_field {
    const char *name;
    enum dbn_type type;
    uint16_t size; /* of DBN_TEXT and DBN_PAD; else 0, the type says it */
    bool column;   /* the event that the record becomes has a column for it */
};

struct dbn_layout {
    enum dbn_rtype rtype;
    const char *name; /* of the record type */
    uint16_t size;
    uint8_t levels;                 /* price levels behind the fields */
    bool max_is_none;               /* a number that is the greatest of its type is no number */
    const struct dbn_field *fields; /* behind the header, ended by one without name */
    const struct dbn_field *level;  /* of each price level, ended likewise */
};

#define DBN_LAYOUTS 29
/* NULL: no layout of that rtype has this size, with (*ts_out) or without ts_out behind it. */
const struct dbn_layout *dbn_layout_find(uint8_t rtype, size_t size, bool *ts_out);
const struct dbn_layout *dbn_layout_at(int index); /* < DBN_LAYOUTS */
int dbn_layout_index(const struct dbn_layout *l);
const char *dbn_rtype_name(uint8_t rtype); /* NULL: not known */
size_t dbn_field_size(const struct dbn_field *f);
/* Byte of the field in its record, 0 if there is none of that name. */
size_t dbn_field_at(const struct dbn_layout *l, const char *name);
/* Text up to the first NUL of `size` bytes. */
struct k2_sv dbn_text(const uint8_t *at, size_t size);
/* The number of a field of a number's type as text of at most DBN_NUMBER_TEXT bytes; gives its length. */
#define DBN_NUMBER_TEXT 22
size_t dbn_number_text(enum dbn_type type, const uint8_t *at, char *out);
size_t dbn_u64_text(uint64_t v, char *out);

/* --- maps of what has no column (extra.c) --- */

#define DBN_KEY 32

struct dbn_step { /* one field that goes into the map */
    uint16_t at, size;
    uint8_t type; /* enum dbn_type */
    uint8_t key_n;
    bool is_ts_out, is_leg;
    const char *name;
    uint8_t key[DBN_KEY]; /* the name as it is in a map: u32 length and text */
};

struct dbn_plan { /* steps sorted by name, as maps are */
    struct dbn_step *steps;
    int n;
    size_t most;      /* bytes of the longest map */
    uint16_t at_legs; /* where the record counts its legs; 0: it has none */
};

struct dbn_plans { /* of a layout: what has no column, what has none in its trade, and everything */
    struct dbn_plan rest, trade, all;
};

void dbn_plans_make(struct dbn_plans plans[DBN_LAYOUTS]);
void dbn_plans_free(struct dbn_plans plans[DBN_LAYOUTS]);
/* The fields of the record as the blob of a map; what is not said is left out. */
int dbn_extra_blob(const struct dbn_layout *l, const struct dbn_plan *plan, const uint8_t *record,
                   bool ts_out, struct k2_buf *blob, struct feed_fault *c);

/* --- publishers (publisher.c) --- */

struct dbn_publisher {
    const char *dataset, *venue; /* "OPRA.PILLAR", "XCBO" */
};

const struct dbn_publisher *dbn_publisher(uint16_t id); /* NULL: not known */
/* The first publisher whose dataset is the exchange's; 0 if there is none. */
uint16_t dbn_publisher_of(struct k2_sv exchange);

/* --- metadata (meta.c) --- */

struct dbn_interval { /* which symbol an instrument id stands for, from one day to before another */
    uint32_t instrument;
    int32_t from, to; /* days since 1970 */
    uint32_t symbol;  /* place of its text in `texts` */
    uint8_t symbol_n;
};

struct dbn_named { /* what a symbol mapping record told */
    uint32_t instrument, symbol;
    uint8_t symbol_n; /* 0: the place is free */
};

struct dbn_symbols {
    struct dbn_interval *all; /* of the metadata, sorted by instrument, from */
    size_t n, cap;
    struct dbn_named *named; /* open addressing; goes before the metadata */
    size_t n_named, named_cap;
    struct k2_buf texts;
};

struct dbn_meta {
    uint8_t version; /* 0: none was read */
    uint16_t schema; /* UINT16_MAX: several */
    char dataset[17];
    uint8_t stype_in, stype_out;
    bool ts_out;
};

#define DBN_SCHEMA_TBBO 3
#define DBN_META_PREFIX 8 /* "DBN", version u8, length u32 of what follows */
#define DBN_META_FIXED 100
#define DBN_META_MOST ((size_t)1 << 30)

bool dbn_meta_begins(struct k2_sv bytes); /* "DBN" and a version that is known */
/* Bytes of the metadata with its prefix, whose DBN_META_PREFIX bytes are there. */
size_t dbn_meta_size(struct k2_sv bytes);
/* Of whole metadata. On failure nothing of it is good. */
int dbn_meta_read(struct k2_sv bytes, struct dbn_meta *m, struct dbn_symbols *s,
                  struct feed_fault *c);
K2_RC dbn_meta_dissect(struct k2_sv bytes, const struct feed_visit *v, struct k2_err *err);
const char *dbn_schema_name(uint16_t schema); /* NULL: not known */

/* Empty where no symbol is known for the instrument on that day. Borrowed until the symbols change. */
struct k2_sv dbn_symbol_find(const struct dbn_symbols *s, uint32_t instrument, int32_t day);
/* From now on the instrument stands for this symbol on every day (a symbol mapping record). False when it
 * did so before. */
bool dbn_symbol_set(struct dbn_symbols *s, uint32_t instrument, struct k2_sv symbol);
void dbn_symbols_free(struct dbn_symbols *s);

/* --- streams: whose record it is, and its number (stream.c) --- */

struct dbn_market { /* a dataset with a venue in it */
    uint16_t publisher;
    char exchange[32], dataset[32], venue[8]; /* venue: empty where it is the exchange itself */
    const struct feed_calendar *calendar;     /* NULL: none is known */
    uint32_t exchange_id, venue_id;           /* memos */
    int64_t minute;                           /* the last one asked for, and its session date */
    int32_t date;
};

struct dbn_counter { /* of one kind on one UTC day in one session */
    enum k2_kind_id kind;
    int32_t day, date;
    int64_t last;
};

struct dbn_stream { /* the records of one rtype, publisher and instrument */
    uint64_t key;
    int32_t day;         /* UTC day of its last record */
    uint32_t generation; /* of the symbols that `symbol` was taken from */
    struct dbn_market *market;
    bool wanted;
    uint8_t channel_n, symbol_n;
    char channel[96], symbol[DBN_SYMBOL_MAX];
    uint32_t channel_id, symbol_id; /* memos */
    struct dbn_counter *counters;
    uint32_t n_counters;
    uint8_t *levels; /* of mbp-10: as the last record of the day told them; NULL = none yet */
};

struct dbn {
    struct k2_interner *in;
    struct feed_options options;
    char *exchange, *calendar; /* by option, or NULL */
    struct dbn_plans plans[DBN_LAYOUTS];
    struct dbn_meta meta;
    struct dbn_symbols symbols;
    uint32_t generation; /* of the symbols */
    struct dbn_market **markets;
    size_t n_markets;
    struct dbn_stream **table; /* open addressing */
    size_t n_streams, cap;     /* a power of two */
    struct dbn_stream *last;
    int64_t position; /* of the last record, from 1 */
    uint64_t offset;  /* of what is decoded now, in the source */
    bool lost;        /* where records begin is not known any more */
    struct k2_buf blob;
    uint32_t words[64]; /* memos of fixed texts, enum dbn_word */
    uint32_t order_id, extra_id, text_id;
};

struct dbn_record {
    const uint8_t *p;
    const struct dbn_layout *layout; /* NULL: rtype is not known */
    bool ts_out;
    struct k2_sv raw;
    struct dbn_stream *stream;
    int64_t ns, receive_ns;
    int32_t date;
};

/* The stream of a record whose index time is known. K2_E_NOTFOUND: no calendar is known. */
K2_RC dbn_stream_find(struct dbn *d, const uint8_t *header, int64_t index_ns,
                      struct dbn_stream **out, struct k2_err *err);
int32_t dbn_session_date(struct dbn_market *m, int64_t ns);
int64_t dbn_next_number(struct dbn *d, struct dbn_stream *s, enum k2_kind_id kind, int32_t date);
void dbn_streams_free(struct dbn *d);

/* --- records to events --- */

enum dbn_word { /* texts of columns that come from a list; dbn_words in record.c */
                DBN_BUY,
                DBN_SELL,
                DBN_NONE,
                DBN_ADD,
                DBN_MODIFY,
                DBN_CANCEL,
                DBN_CLEAR,
                DBN_SET,
                DBN_DELETE,
                DBN_DEFINE,
                DBN_WORDS
};

/* Ids of the interner hold until something is sent: the receiver may empty it. */
uint32_t dbn_word(struct dbn *d, enum dbn_word word);
/* Starts an event of the record: identity, times, venue. dbn_start gives it the next number of its kind. */
void dbn_start_as(struct dbn *d, const struct dbn_record *r, enum k2_kind_id kind, int64_t number,
                  struct k2_event *e);
void dbn_start(struct dbn *d, const struct dbn_record *r, enum k2_kind_id kind, struct k2_event *e);
int dbn_extra(struct dbn *d, const struct dbn_record *r, const struct dbn_plan *plan, uint32_t *id,
              struct feed_fault *c);
static inline const struct dbn_plans *dbn_plans_of(const struct dbn *d,
                                                   const struct dbn_record *r) {
    return &d->plans[dbn_layout_index(r->layout)];
}
uint32_t dbn_venue(struct dbn *d, const struct dbn_record *r);
k2_i128 dbn_price(const uint8_t *at);
/* BUY of 'B', SELL of 'A', null of 'N'. */
int dbn_side(struct dbn *d, char letter, uint32_t *id, struct feed_fault *c);
int dbn_quantity(uint64_t v, k2_i128 *out, struct feed_fault *c);
K2_RC dbn_send(struct dbn *d, const struct dbn_record *r, const struct k2_event *e,
               const struct feed_sink *sink, struct k2_err *err);
/* The record is refused; its number of this kind is used up. */
K2_RC dbn_refuse(struct dbn *d, const struct dbn_record *r, enum k2_kind_id kind,
                 const struct feed_fault *c, const struct feed_sink *sink, struct k2_err *err);
K2_RC dbn_take_message(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                       struct k2_err *err);
/* Answers a record whose stream is known and wanted. */
K2_RC dbn_take_record(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                      struct k2_err *err);
/* Definitions, statistics, status, imbalances (figures.c). */
K2_RC dbn_take_figure(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                      struct k2_err *err);

#endif
