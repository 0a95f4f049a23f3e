/* feed/feed.h - from a venue's bytes to events.
 *
 * A decoder is a pure function: bytes in, events out; it owns no file, no socket, no clock and
 * allocates nothing per event. A new venue is one file (or folder) with one `const struct feed_ops`
 * and one line in feed/feeds.c. Beside the decoders: the calendar (session dates), the sequence
 * engine (sequence.h's part below), the sources (file.c) and the simulator.
 *
 * Every unit a source holds (a line, a message entry) is answered by exactly one callback: event,
 * reject or filtered, so that read = accepted + duplicates + conflicts + quarantined + filtered.
 */
#ifndef K2_FEED_FEED_H
#define K2_FEED_FEED_H

#include "base/clock.h"
#include "base/content.h"
#include "codec/codec.h"

#include <sys/stat.h>

/* --- calendars --- */

struct feed_calendar; /* of one exchange; immutable */
/* Known exchanges are a table in calendar.c (zone, roll time of the session date, version). name
 * NULL is the exchange's own; another exchange's code is that one's. An unknown exchange is
 * K2_E_NOTFOUND unless name is "utc". Borrowed, lives as long as the process. Safe from any thread.
 */
K2_RC feed_calendar_find(struct k2_sv exchange, const char *name, const struct feed_calendar **out,
                         struct k2_err *err);
int32_t feed_session_date(const struct feed_calendar *c, int64_t utc_ns);
const struct k2_zone *feed_calendar_zone(const struct feed_calendar *c); /* NULL is UTC */
const char *feed_calendar_version(const struct feed_calendar *c);
/* The rules of all calendars together, 16 hex digits: another one when any of them changes. */
void feed_calendars_version(char out[17]);
/* Whether the exchange has a session on that date. Those in UTC trade every day; for the others holidays are
 * known as holidays.h says, and where they are not every Monday to Friday counts. */
bool feed_calendar_session(const struct feed_calendar *c, int32_t date);

struct feed_hours { /* of a session, UTC; early closes are in it */
    int64_t open_ns, close_ns;
    int64_t break_start_ns, break_end_ns; /* equal: there is none */
};
/* False when there is no session on that date. */
bool feed_calendar_hours(const struct feed_calendar *c, int32_t date, struct feed_hours *out);
/* The code under which events of the exchange are stored: the code itself, but for those by which an exchange is
 * called elsewhere (NASDAQ is XNAS), so that one instrument has one code. Borrowed, or the text itself. */
struct k2_sv feed_exchange_code(struct k2_sv exchange);
/* Whether there is an exchange of that code. */
bool feed_exchange_known(struct k2_sv exchange);
/* Known exchange codes, for splitting EXCHANGE.SYMBOL; NULL-terminated. */
const char *const *feed_exchanges(void);

/* --- decoders --- */

struct feed_reject {
    const char *reason;             /* MALFORMED, RANGE, ... : static text */
    const char *detail;             /* a sentence; borrowed for the call */
    struct k2_sv raw;               /* the bytes as they came */
    int64_t position;               /* line or message number in the source, from 1 */
    uint64_t offset;                /* byte offset in the source */
    const struct k2_event *partial; /* what could be read: exchange, symbol, date; or NULL */
    /* exchange_sequence_number of partial is known and is consumed by this record; so are its channel, epoch
     * and, on a channel that all kinds share, K2_FLAG_SHARED in its flags. */
    bool numbered;
};

struct feed_sink { /* where a decoder sends what it finds; a callback's failure ends the decoding */
    void *ctx;
    K2_RC(*event)
    (void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position, struct k2_err *err);
    K2_RC (*reject)(void *ctx, const struct feed_reject *r, struct k2_err *err);
    K2_RC (*filtered)(void *ctx, const char *why, struct k2_err *err);
};

/* Who does not listen: for bytes that are decoded only for what they teach the decoder. Its reject and filtered serve
 * those who want events alone. */
extern const struct feed_sink feed_nobody;

struct feed_options {
    struct k2_sv exchange; /* empty = the format says, or its default */
    struct k2_sv symbol;   /* from the file name, where the format needs it */
    int32_t date;          /* session date given from outside; INT32_MIN = the format says */
    const char *calendar;  /* NULL = the exchange's own; "utc" */
    struct k2_sv source;   /* path or address, for messages */
    struct k2_sv mapping;  /* the text of the mapping file, for "mapped"; of templates, for FAST */
    /* Only these symbols are kept, NULL = all; the rest is answered by `filtered`. */
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    /* Ordinal feeds: the number to go on counting after (--continue), asked once for each kind and
     * session date that turns up; NULL or 0 = from the start. */
    int64_t (*counted)(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date);
    void *counted_ctx;
};

/* A line of `k2 feed show`: what it tells of ("file name", "line", an event kind), the name it has in the
 * source, and the text. A "line" is a line as the venue sends it, its text gives one event. */
struct feed_fact {
    const char *what, *name, *text;
};

/* --- frames: what a feed sends at a time (a datagram, a framed message of a stream) --- */

struct feed_frame {
    struct k2_sv bytes; /* its payload; borrowed for the call */
    int64_t time_ns;    /* when it was captured, K2_NULL_LONG where its source does not say */
    int64_t number;     /* place in the source, from 1 */
    uint64_t offset;    /* of the payload in the source */
    uint32_t flow; /* which conversation it belongs to, from 0 in the order of their turning up */
    struct k2_sv flow_name; /* "udp://239.1.2.3:26400"; empty where there is only one */
    bool datagram; /* the payload of one; else it was cut out of a stream (TCP, plain file) */
    /* SoupBinTCP whose login was seen: its session, borrowed, and the number of this message in it; 0 = not known. */
    struct k2_sv session;
    int64_t message;
};

/* How frames are cut out of a TCP flow, or of a file that is no capture. */
enum feed_framing {
    FEED_FRAMING_NONE,     /* there is no such form: only captures of datagrams */
    FEED_FRAMING_LENGTH16, /* u16 big-endian length, then so many bytes: NASDAQ BinaryFILE */
    FEED_FRAMING_SOUPBIN, /* SoupBinTCP: u16 big-endian length, packet type, payload; frames are the
                              payloads of sequenced data packets ('S') */
    FEED_FRAMING_NASDAQ, /* SOUPBIN in TCP flows; a file is one of the two above, which its start tells */
    FEED_FRAMING_OWN,     /* `cut` says where a frame ends */
    FEED_FRAMING_SEGMENTS /* TCP: each segment is one, as a datagram is; no form of a file */
};

struct
    feed_visit { /* the fields of a frame: a tree, told from left to right; names as in the table */
    void *ctx;
    /* A group of fields begins; `index` from 0 where it repeats, else -1. `at` is its first byte. */
    void (*open)(void *ctx, const char *name, int index, size_t at);
    void (*close)(void *ctx);
    /* One field: `text` is how it prints, `size` bytes at `at`. `padding`: bytes without a meaning. */
    void (*field)(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                  size_t size);
};

struct feed_ops {
    const char *name;              /* "asx-csv" */
    const char *title;             /* one line for `k2 feed list` */
    const char *numbering;         /* where the sequence comes from, in a sentence */
    const struct feed_fact *facts; /* ended by one without what */
    const void
        *table; /* what a decoder that is driven by tables reads (layout/layout.h); else NULL */
    bool
        captures; /* it reads captures of every kind (feed/capture/frames.h), and so what connections send */
    bool ordinal;      /* the feed numbers nothing: sequences are counted over its lines */
    size_t state_size; /* the caller allocates the private state, zeroed */
    /* 0 = not this format .. 100 = certain, from the file's name and its first bytes; above 0 with the
     * reason in words. */
    int (*detect)(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why);
    K2_RC(*init)
    (const struct feed_ops *self, void *state, const struct feed_options *o, struct k2_interner *in,
     struct k2_err *err);
    /* Decodes what is whole in `bytes` and gives how many were consumed; the rest is shown again
     * with more behind it. `last`: nothing more will come. Strings of events are interned in `in`.
     */
    K2_RC(*decode)
    (void *state, struct k2_sv bytes, bool last, size_t *consumed, const struct feed_sink *sink,
     struct k2_err *err);
    void (*fini)(void *state); /* safe on a zeroed state */
    /* Both or neither. The state as bytes, appended to out, at what was consumed so far; and back, after
     * init with the same options, in any process: false when the bytes are no state of this decoder,
     * which is then as init left it. Without them a file is always read from its start. */
    void (*save)(const void *state, struct k2_buf *out);
    bool (*restore)(void *state, struct k2_sv saved);
    /* For `k2 decode`: every field of a frame as the venue sent it, told to `visit` in the order of the wire.
     * The state is that of init, or zeroed. K2_E_INVALID: the frame breaks the format; what was told before is
     * good. NULL where the format has no frames: its events are all there is to show. */
    K2_RC(*dissect)
    (const struct feed_ops *self, void *state, const struct feed_frame *frame,
     const struct feed_visit *visit, struct k2_err *err);
    /* With dissect: how the frames are cut; `cut` with FEED_FRAMING_OWN: bytes of the frame that begins at `bytes`, 0 =
     * more are needed to tell, SIZE_MAX = it is none. */
    enum feed_framing framing;
    size_t (*cut)(const struct feed_ops *self, struct k2_sv bytes);
    /* The same in its place, where it takes the state of init to tell. */
    size_t (*cut_by)(void *state, struct k2_sv bytes);
    bool templates; /* what feed_options.mapping holds is the venue's FAST templates */
};

const struct feed_ops *feed_find(struct k2_sv name); /* NULL if there is none */
/* The same; a name that ends in .layout is a file with a layout (docs/layouts.md), and what is wrong with it
 * is told. K2_E_NOTFOUND: there is no such format. */
K2_RC feed_load(struct k2_sv name, const struct feed_ops **out, struct k2_err *err);
/* Whether a live source at the URL can bring the format. K2_E_INVALID says why not. */
K2_RC feed_live_fits(const struct feed_ops *ops, const char *url, struct k2_err *err);
/* The schemes of the connections that can bring it, "tcp://, udp://". */
void feed_live_schemes(const struct feed_ops *ops, struct k2_buf *out);
const struct feed_ops *feed_detect(struct k2_sv file_name, struct k2_sv head);
/* Whether a file is of this format, though another one may fit it as well or better. */
bool feed_fits(const struct feed_ops *ops, struct k2_sv file_name, struct k2_sv head);
/* The same, and how sure and why; *why is set also when it is none. */
const struct feed_ops *feed_detect_why(struct k2_sv file_name, struct k2_sv head, int *sure,
                                       const char **why);
int feed_count(void);
const struct feed_ops *feed_at(int index);

/* Whether the text is a mapping file (docs/mapping.md); `name` is for messages. K2_E_INVALID with its line. */
K2_RC feed_mapping_check(struct k2_sv text, struct k2_sv name, struct k2_err *err);
/* The same of a file of FAST templates (XML). */
K2_RC feed_templates_check(struct k2_sv text, struct k2_sv name, struct k2_err *err);
/* Whether a file that begins so has the mapping's columns in it: its header, or else its first row. */
bool feed_mapping_fits(struct k2_sv text, struct k2_sv head);

/* --- a file read step by step, also one that grows --- */

struct feed_tail;
struct feed_tail_options {
    const struct feed_ops *ops;
    struct feed_options feed; /* strings are copied, the rest is borrowed */
    /* Without: read to its end, once. With: a plain file is never at its end; what it gains is read by
     * later steps. It need not be there yet. A file that became shorter, was written anew or was replaced
     * by another one under its name is read from its start. A packed file is read once to its end. */
    bool follow;
    struct k2_sv selection; /* what `feed.wants` was made from, for marks; copied */
    /* Told in words what happened to the file; NULL = nobody. `text` is borrowed for the call. */
    void (*note)(void *ctx, const char *path, const char *text);
    void *note_ctx;
};

/* Strings of events are interned in `in`. */
K2_RC feed_tail_open(const char *path, const struct feed_tail_options *o, struct k2_interner *in,
                     struct feed_tail **out, struct k2_err *err);
void feed_tail_close(struct feed_tail *t); /* NULL is fine */
/* Reads at most max_bytes (of the file as it is on disk; of a packed file about so many unpacked) and
 * decodes what is whole. *idle: there is nothing more at the moment. An error ends the source. */
K2_RC feed_tail_step(struct feed_tail *t, size_t max_bytes, const struct feed_sink *sink,
                     bool *idle, struct k2_err *err);
struct feed_tail_state {
    int64_t done, all; /* bytes read of the file as it is now, and its size (-1 = not known) */
    int64_t restarts;  /* times it was begun again from its start */
    bool ended;        /* nothing will ever come: no step is needed any more */
};
struct feed_tail_state feed_tail_state(const struct feed_tail *t);
/* Of what cannot be read again (standard input, a pipe): what all of it was, to be asked once, when it has ended. False: it
 * is a file. */
bool feed_tail_content(struct feed_tail *t, struct k2_content *out);
/* After an idle step of a followed file: K2_E_CORRUPT, and where, when a gzip file ends inside a member. It is
 * still being written, or it was cut off: only time tells. */
K2_RC feed_tail_check_end(const struct feed_tail *t, struct k2_err *err);
/* Where it is, as bytes for feed_tail_resume, appended to out; nothing is appended where it cannot be
 * gone on later (gzip, standard input, decoders that cannot save, nothing read yet). Format in tail.c. */
void feed_tail_mark(const struct feed_tail *t, struct k2_buf *out);
/* Before the first step: goes on at a mark of an earlier run. False, and from the start, unless the file is
 * the one that the mark was made of (inode, size, bytes at the start and before the mark), and format and
 * options are what they were. */
bool feed_tail_resume(struct feed_tail *t, struct k2_sv mark);

/* A path ARCHIVE.zip/MEMBER names a member of a zip archive, wherever a file is read here. */
bool feed_is_member(const char *path);
/* What tells a format of a path: its last part, of a member with the archive in front. */
struct k2_sv feed_telling_name(const char *path);
/* As k2_fs_absolute, also of a member; gives heap memory. */
K2_RC feed_file_absolute(const char *path, char **out, struct k2_err *err);
/* As stat, also of a member: its own size, all else of its archive. */
bool feed_file_stat(const char *path, struct stat *st);
/* Every byte of a member as it was packed, piece by piece; what is packed in it too stays so. K2_E_CORRUPT: it is damaged. */
K2_RC feed_member_each(const char *path, void (*take)(void *ctx, struct k2_sv piece), void *ctx,
                       struct k2_err *err);
/* Whether the path is that of a packed file or of a member, by its name. */
bool feed_is_packed(const char *path);

/* The first bytes of a file, decompressed, for feed_detect; appends to out. */
K2_RC feed_file_head(const char *path, size_t n, struct k2_buf *out, struct k2_err *err);

/* The other way, for `k2 simulate --print`: an event as the venue would have sent it, one line.
 * What the format has no place for is left out (binance-json keeps milliseconds; asx-csv also, and
 * neither symbol nor number). Kinds that the format lacks print nothing. */
bool feed_can_print(struct k2_sv format);
void feed_print_event(struct k2_sv format, const struct k2_event *e, const struct k2_interner *in,
                      struct k2_buf *out);

/* --- the sequence engine: gap, duplicate, conflict, out of order, reset --- */

/* In the place of a kind: the numbers of the channel count the messages of all kinds (K2_FLAG_SHARED), so
 * (epoch, sequence, part) is unique on it over all kinds. */
#define SEQ_SHARED K2_KIND_COUNT

/* Executions are known by their ids (journal/execution.h), and what is derived counts its own updates: their numbers
 * tell nothing of what is missing. */
static inline bool seq_judges(enum k2_kind_id kind) {
    return kind != K2_KIND_EXECUTION && kind != K2_KIND_VOLUME && kind != K2_KIND_PNL;
}
/* Of an event: its kind, or SEQ_SHARED. */
enum k2_kind_id seq_kind_of(enum k2_kind_id kind, int64_t flags);
/* "trade", or "shared". */
const char *seq_kind_name(enum k2_kind_id kind);

enum seq_verdict {
    SEQ_NEW,          /* next in line, or the first of its channel */
    SEQ_GAP,          /* new, and numbers between it and what was seen are missing */
    SEQ_OUT_OF_ORDER, /* new, fills (part of) an open gap */
    SEQ_RESET,        /* new, first of a later epoch */
    SEQ_DUPLICATE,    /* same identity and payload as an event before: to be dropped */
    SEQ_CONFLICT,     /* same identity, other payload: to quarantine */
    SEQ_HALTED,       /* not judged: its channel is halted. It will be new when it comes again */
    SEQ_VERDICTS
};

struct seq_item { /* one event to judge */
    struct k2_sv exchange, channel;
    enum k2_kind_id kind; /* or SEQ_SHARED */
    int32_t trade_date, epoch, part;
    int64_t sequence;
    int64_t
        span; /* so many numbers before it are used up by it too; INT64_MAX = all (K2_FLAG_SPAN) */
    struct k2_h128 payload;
    /* A rejected record: its number is used up, nothing is stored, nothing can conflict with it: an
     * event that comes later with this number is new. Verdict SEQ_DUPLICATE: the number is not above
     * the highest and in no gap, so nothing changes. */
    bool consumed_only;
    /* With consumed_only: an event that nobody asked for; its span may be any. Verdict SEQ_DUPLICATE: none of its numbers was
     * missing. */
    bool passed;
    /* For the ledger, of an event that shows a gap: the venue's time of it, where it is in its source
     * (K2_NULL_LONG = not known), and whether the gap may halt the channel. */
    bool halts;
    int64_t time_ns, raw_offset;
    struct k2_sv source;
    enum seq_verdict verdict; /* out */
    int64_t gap_from, gap_to; /* out, SEQ_GAP: missing numbers [from, to] */
};

/* Of an event of any kind. Views are borrowed from the interner. */
struct seq_item seq_item_of(const struct k2_event *e, const struct k2_interner *in);

struct seq_known { /* an event that was accepted before */
    int64_t sequence;
    int32_t epoch, part;
    struct k2_h128 payload;
};

/* Order of the events of a channel: epoch, sequence, part. */
int seq_known_cmp(const struct seq_known *a, const struct seq_known *b);

/* Where the engine looks for what it no longer remembers. */
struct seq_history {
    void *ctx;
    /* Every accepted event of the channel (SEQ_SHARED: of all kinds) with lo <= sequence <= hi, in any order,
     * put by calling `put`. Called at most once per channel and batch, before anything of the batch is judged. NULL: what is forgotten is
     * then new. */
    K2_RC(*load)
    (void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
     enum k2_kind_id kind, int64_t lo, int64_t hi,
     void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx, struct k2_err *err);
    /* The last accepted event of the channel, by seq_known_cmp; *found false when there is none. Asked once
     * of a channel of a session date that a restored checkpoint left out (keep_dates). NULL: load is asked for
     * all numbers instead, INT64_MIN..INT64_MAX. */
    K2_RC(*last)
    (void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
     enum k2_kind_id kind, struct seq_known *last, bool *found, struct k2_err *err);
};

struct seq_engine;
struct seq_engine *seq_engine_new(struct seq_history history);
void seq_engine_free(struct seq_engine *s);
/* From now on the history is asked for the last event of a channel that the engine has never seen: for when
 * there were events before those that the engine was rebuilt from. */
void seq_engine_ask_unknown(struct seq_engine *s);
/* After a restart: restore the checkpoint, then judge what the log holds behind it (verdicts
 * ignored); without a checkpoint, the whole log. A channel that is then unknown is taken to be new.
 * Judges a batch in order. On failure (of the history) nothing of the batch is judged. Items that
 * repeat a number are compared with what is remembered (recent events of the channel) or, older,
 * with the history: one load per channel and batch, never per event. */
K2_RC seq_judge(struct seq_engine *s, struct seq_item *items, size_t n, struct k2_err *err);

/* sum >= 0 and the numbers of a gap [from, to]; INT64_MAX when that is too many. */
int64_t seq_missing_add(int64_t sum, int64_t from, int64_t to);

struct seq_stats {
    int64_t verdicts[SEQ_VERDICTS];
    int64_t gaps_open, missing; /* open gaps now, and the numbers they lack */
};
struct seq_stats seq_engine_stats(const struct seq_engine *s);
/* Highest sequence of a channel's latest epoch, or 0 when unknown (ordinal feeds: --continue). */
int64_t seq_engine_high(const struct seq_engine *s, struct k2_sv exchange, int32_t trade_date,
                        struct k2_sv channel, enum k2_kind_id kind);
typedef void seq_gap_visit(void *ctx, struct k2_sv exchange, int32_t trade_date,
                           struct k2_sv channel, enum k2_kind_id kind, int32_t epoch, int64_t from,
                           int64_t to);
/* Visits every open gap. */
void seq_engine_gaps(const struct seq_engine *s, seq_gap_visit *gap, void *ctx);
/* The gaps that are open now are older ones from here on; and how many of these are open still. */
void seq_engine_age_gaps(struct seq_engine *s);
int64_t seq_engine_older_gaps(const struct seq_engine *s);
/* Visits every open gap that is not an older one. */
void seq_engine_new_gaps(const struct seq_engine *s, seq_gap_visit *gap, void *ctx);
/* Visits every channel that has begun: its latest epoch, and the highest number of that. */
void seq_engine_channels(const struct seq_engine *s,
                         void (*channel)(void *ctx, struct k2_sv exchange, int32_t trade_date,
                                         struct k2_sv channel, enum k2_kind_id kind, int32_t epoch,
                                         int64_t high),
                         void *ctx);

/* --- its ledger of gaps, and what is done about them ---
 *
 * Missing numbers are a gap once their time to come late is over: so many events of the channel, or so much
 * time. Each change in a gap's life is a step, which the caller takes and stores. A gap that is filled before it
 * is one leaves no step. */

struct seq_policy {
    int64_t wait_events, wait_ns;
    int64_t log_below; /* a gap of fewer numbers is only told; one of more is to be recovered */
    int64_t
        halt_above; /* one of more than this halts its channel instead, if it may (seq_item.halts): what is
                         * beyond its highest number is SEQ_HALTED until the gap is filled or given up */
};
#define SEQ_POLICY ((struct seq_policy){4096, 100 * K2_NS_PER_MS, 10, 100})
/* Of an exchange; empty: of all that have none of their own, before SEQ_POLICY. */
void seq_engine_set_policy(struct seq_engine *s, struct k2_sv exchange,
                           const struct seq_policy *policy);
/* The time of what is judged from now on. What has waited long enough becomes a gap. */
void seq_engine_set_time(struct seq_engine *s, int64_t now_ns);
/* Whether missing numbers wait for what comes late: seq_engine_set_time is due after a while. */
bool seq_engine_waits(const struct seq_engine *s);
/* Nothing more will come: what waits becomes gaps. */
void seq_engine_settle(struct seq_engine *s);

enum seq_state { SEQ_OPENED, SEQ_REQUESTED, SEQ_FILLED, SEQ_GIVEN_UP, SEQ_ACKNOWLEDGED };
const char *seq_state_name(enum seq_state state); /* "OPENED" */

/* Why there is an entry: missing numbers (a gap), or one of the outages below. */
enum seq_cause { SEQ_NUMBERS, SEQ_SILENCE, SEQ_SESSION, SEQ_DISCONNECT, SEQ_CAUSES };
const char *seq_cause_name(enum seq_cause cause); /* "SEQUENCE", as column `cause` has it */

struct seq_step {
    enum seq_cause cause;
    struct k2_sv exchange, channel; /* of an outage: the feed's name in the place of the channel */
    enum k2_kind_id kind;           /* or SEQ_SHARED */
    int32_t trade_date, epoch;
    int64_t from, to, missing; /* missing: how many of [from, to] still are */
    enum seq_state state;
    bool halts; /* the channel is halted by it */
    int64_t time_ns, opened_ns, raw_offset;
    struct k2_sv source; /* of the event that showed it; of SEQ_OPENED only */
    struct k2_sv why;    /* of an outage, in words */
};

/* What stands for the kind in names of entries: "trade", "shared", or "silence", "session", "disconnect". */
const char *seq_step_word(const struct seq_step *s);
bool seq_step_read_word(struct k2_sv word, struct seq_step *out); /* sets kind and cause */

/* The steps since they were taken last, in order; borrowed until the next call that judges or settles. */
size_t seq_engine_steps(const struct seq_engine *s, const struct seq_step **steps);
void seq_engine_steps_taken(struct seq_engine *s);
/* Steps of people: the gap that holds number `from` is given up or acknowledged. False: there is no such gap.
 * *again: it was already, and there is no new step. */
bool seq_engine_mark(struct seq_engine *s, const struct seq_step *which, bool *again);
/* While the log is judged again after a restart nothing becomes a gap by itself: the steps that were stored are
 * told, each after the events before it. What was not stored then becomes a step when replay ends. */
void seq_engine_replay(struct seq_engine *s, bool on);
void seq_engine_told(struct seq_engine *s, const struct seq_step *step);
/* Visits every gap that is open, as a step: its last state, what is missing, whether it halts its channel. */
void seq_engine_ledger(const struct seq_engine *s,
                       void (*gap)(void *ctx, const struct seq_step *gap), void *ctx);

/* --- outages: what a feed did not send, told by time and not by numbers ---
 *
 * An outage is in the ledger as a gap is. `from` is when it began and `to` when it ended, ns UTC; to and
 * missing are K2_NULL_LONG while it is open. A feed has one SILENCE and one DISCONNECT at a time, and one SESSION for
 * each session date. */

/* Begins one: cause, exchange, channel, trade_date, from, opened_ns, source, why. False: it is open already. */
bool seq_engine_outage(struct seq_engine *s, const struct seq_step *which);
/* Ends it at which->to. False: none is open. */
bool seq_engine_outage_over(struct seq_engine *s, const struct seq_step *which);
bool seq_engine_is_out(const struct seq_engine *s, const struct seq_step *which);

/* The state as bytes (a checkpoint), and back; format in sequence/checkpoint.c, versioned. Only the newest
 * `keep_dates` session dates of each exchange are kept; 0 = all. */
/* Channels with open gaps are kept too.
 * `out` is appended to; the events themselves are not kept: repeats after a restart ask the
 * history. */
void seq_engine_save(const struct seq_engine *s, int keep_dates, struct k2_buf *out);
/* Replaces the state; on failure it is as it was. */
K2_RC seq_engine_restore(struct seq_engine *s, struct k2_sv bytes, struct k2_err *err);

/* --- the simulator --- */

struct sim_options {
    int symbols; /* 1..10000; AAPL is always the first */
    double rate; /* events per second of simulated time */
    double seconds;
    uint64_t seed;
    int64_t start_ns;
    double gaps, duplicates, out_of_order; /* probabilities per event, 0..1: never sent, sent again
                                              a little later, sent a few events late */
    bool quotes;                           /* quotes beside the trades */
};

struct sim;
/* Exactly round(rate * seconds) events are numbered, all within the time; the faults leave the
 * market itself as it is. A market that looks real: heavy-tailed activity per symbol, clustered
 * arrivals, prices on a tick grid that mean-revert around a random walk. Same options, same events,
 * to the bit: integers only. Its channel is "sim-<hash of the options>", exchange SIM, calendar
 * UTC. */
K2_RC sim_open(const struct sim_options *o, struct k2_interner *in, struct sim **out,
               struct k2_err *err);
void sim_close(struct sim *s);
/* The next event in the order of sending; false when the time is over. */
bool sim_next(struct sim *s, struct k2_event *e);
int64_t sim_sent_ns(const struct sim *s); /* simulated time of the last event's sending */
/* The last event's number as a venue gives it that counts each symbol and kind for itself, from 1: what
 * `k2 simulate --print` writes, because decoders of such venues take it for that. */
int64_t sim_symbol_number(const struct sim *s);

#include "feed/capture/raw.h"
#include "feed/dbn/write.h"
#include "feed/dissect.h"
#include "feed/live/live.h"
#include "feed/live/rerequest.h"
#include "feed/sources.h"
#include "feed/symbols.h"

#endif
