/* feed/feed_int.h - what the room shares: files, lines, interning by memo, text that may be stored. */
#ifndef K2_FEED_FEED_INT_H
#define K2_FEED_FEED_INT_H

#include "feed/feed.h"

#include "base/archive.h"
#include "base/unpack.h"

extern const struct feed_ops feed_lobster, feed_lobster_book, feed_lean, feed_mapped;
extern const struct feed_ops feed_executions;
extern const struct feed_ops feed_lean_symbols, feed_lean_securities;
extern const struct feed_ops feed_databento_security_master, feed_databento_corporate_actions,
    feed_databento_adjustment_factors;
extern const struct feed_ops feed_asx_csv, feed_binance_json, feed_dbn;

extern const struct feed_ops feed_moex_fast, feed_fix_text;

extern const struct feed_ops feed_coinbase_json, feed_kraken_json, feed_bitstamp_json,
    feed_bybit_json, feed_okx_json, feed_deribit_json, feed_gateio_json, feed_hyperliquid_json,
    feed_huobi_json, feed_tardis_json, feed_tardis_csv;

void feed_asx_print(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);
void feed_binance_print(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);

/* What a source is that no format fits, as far as its first bytes tell; NULL: they tell nothing. */
const char *feed_unknown_why(struct k2_sv head);

/* --- events --- */

struct feed_head { /* what all kinds have in common */
    uint32_t exchange, symbol, channel;
    int32_t trade_date;
    int64_t ns, receive_ns, sequence, raw_offset; /* K2_NULL_LONG where there is none */
};

/* An event of the kind (not quarantine) with these fields, the last of its message, in epoch 0 and
 * part 0; every optional field else is null. */
void feed_event_start(struct k2_event *e, enum k2_kind_id kind, const struct feed_head *h);

/* --- the bytes of a file, plain, packed (gzip, zstd, xz), or a member of a zip archive --- */

#define FEED_EDGE 4096

struct feed_edge { /* up to FEED_EDGE bytes of a file, on one side of a place in it */
    uint8_t at[FEED_EDGE];
    size_t n;
};

/* Reads the bytes before `end`; false when they are not there. */
bool feed_edge_read(int fd, int64_t end, struct feed_edge *e);

struct feed_bytes {
    const char *name; /* for messages */
    int fd;
    bool is_stdin;
    bool grows;                   /* the caller's word: an end is the end for now */
    bool told;                    /* what it is packed with is known */
    bool whole;                   /* packed: it ended where what was packed does */
    bool at_end;                  /* the last read gave nothing */
    int64_t done, all;            /* bytes read of the file, and its size or -1 */
    struct feed_edge head, trail; /* of what was read: its start, and what lies before `done` */
    uint8_t *raw;                 /* as they are in the file */
    struct k2_sv unread;          /* part of raw that was not handed on yet */
    struct k2_unpack *unpack;     /* NULL: plain */
    struct k2_content_sum *sum;   /* of what is read, where the caller wants it; the caller's */
    struct k2_archive *archive;   /* of member, if it is one's own to close */
    struct k2_member *member;     /* then fd is -1, and done and all are bytes of it */
};

/* To be closed also after a failure. */
K2_RC feed_bytes_open(struct feed_bytes *b, const char *path, struct k2_err *err);
void feed_bytes_close(struct feed_bytes *b);
/* Appends the next piece, unpacked, of about `most` bytes at most, to out; *end when there is no more
 * (for now). On failure what was good of the piece is in out. */
K2_RC feed_bytes_next(struct feed_bytes *b, size_t most, struct k2_buf *out, bool *end,
                      struct k2_err *err);

/* The same of member i of an archive that stays open; path is ARCHIVE.zip/MEMBER. */
K2_RC feed_bytes_open_member(struct feed_bytes *b, struct k2_archive *archive, size_t i,
                             const char *path, struct k2_err *err);
/* Appends the first n bytes, unpacked, and closes b. */
K2_RC feed_bytes_head(struct feed_bytes *b, size_t n, struct k2_buf *out, struct k2_err *err);

/* After the end was met: K2_E_CORRUPT, and where, when it is inside what was packed. */
K2_RC feed_bytes_check_end(const struct feed_bytes *b, struct k2_err *err);

/* ARCHIVE.zip/MEMBER: bytes of the path that are the archive's; 0 = no part of the path is a file. */
size_t feed_archive_part(const char *path);
/* Whether the file's first bytes are those of a zip archive. */
bool feed_is_archive(const char *path);

/* --- lines of a text source, cut the same way however the bytes are cut into pieces --- */

#define FEED_LINE_MAX ((size_t)4 << 20) /* a longer line is answered as a whole, by one reject */

struct feed_lines {
    int64_t position; /* of the last line given, from 1 */
    uint64_t offset;  /* byte offset of that line in the source */
    uint64_t next;    /* byte offset behind the bytes taken */
    bool skipping;    /* in the rest of a line that was too long */
};

enum feed_line {
    FEED_LINE_MORE,    /* no whole line left */
    FEED_LINE_WHOLE,   /* without its LF; a CR before it is kept */
    FEED_LINE_TOO_LONG /* its first FEED_LINE_MAX bytes; the rest is skipped */
};

/* The length of a UTF-8 byte order mark at the start of a source, or 0. */
size_t feed_byte_order_mark(struct k2_sv head);

/* Takes the next line off *bytes; a byte order mark at the start of the source is of no line. `last`: what is left without a LF is a line too. */
enum feed_line feed_line_next(struct feed_lines *l, struct k2_sv *bytes, bool last,
                              struct k2_sv *line);
/* Where it is, for feed_ops.save; and back: false when it cannot be that. */
void feed_lines_save(const struct feed_lines *l, struct k2_buf *out);
bool feed_lines_restore(struct feed_lines *l, struct k2_sv *in);

/* --- strings --- */

/* Interns s; *memo holds the id of the last time, which is checked and not trusted: the owner of
 * the interner may have reset it since. */
static inline uint32_t feed_intern(struct k2_interner *in, uint32_t *memo, struct k2_sv s) {
    if (*memo && *memo <= k2_interner_count(in)) {
        struct k2_sv known = k2_interned(in, *memo);
        if (known.n == s.n && memcmp(known.p, s.p, s.n) == 0)
            return *memo;
    }
    return *memo = k2_intern(in, s);
}

struct feed_fault { /* why a record is refused */
    const char *reason;
    char detail[160];
};

/* The sentence `what: "text"`; of text the start, with bytes that cannot be shown as '?'. Gives -1.
 */
int feed_fault_set(struct feed_fault *f, const char *reason, const char *what, struct k2_sv text);
int feed_fault_too_long(struct feed_fault *f); /* of FEED_LINE_TOO_LONG */

/* Text that may enter a record: UTF-8 (RFC 3629) without control characters, at most `most` bytes.
 */
bool feed_text_ok(struct k2_sv s, size_t most);

#endif
