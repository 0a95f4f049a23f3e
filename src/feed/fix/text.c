/* feed/fix/text.c - FIX as tag=value text (FIX 4.0 to 5.0, FIXT 1.1, volume 2, "FIX syntax"), from files: messages one a
 * line or behind each other, and logs with something in front of each message.
 *
 * A message is 8=BeginString, 9=BodyLength, its fields, 10=CheckSum, with a SOH behind each of them, or the '|' that tools
 * show in its stead. BodyLength counts the bytes behind its own field up to the 10=; CheckSum is the sum of all bytes before
 * the 10=, modulo 256, the '|' taken as SOH. A message in which one of them is wrong is refused. What stands in front of
 * it in its line is passed over, but for a time that says its zone (20250301-14:30:00.123, which FIX engines write in UTC,
 * RFC 3339, or ns since 1970): it is receive_timestamp_ns.
 *
 * Entries begin at each repetition of the first tag behind NoMDEntries (268). A session is numbered by itself: SenderCompID
 * and TargetCompID are the channel.
 */
#include "feed/capture/frames.h"
#include "feed/fix/market.h"

#include <stdio.h>
#include <stdlib.h>

#define WINDOW ((size_t)1 << 20) /* a message with what is in front of it is not longer */
#define SOH '\1'
#define CHECK_SUM_SIZE 6 /* 10=123 */

struct text {
    struct fix_market market;
    struct fix_field *fields;
    size_t fields_cap;
    struct k2_buf channel;
    int64_t position;
    uint64_t offset;                /* of the bytes at hand */
    struct feed_frames *frames;     /* of a capture */
    const struct feed_frame *frame; /* NULL: the source is a file of text */
    bool begun, captured;
    char (*numbers)[12]; /* names of tags that have none, while they are shown */
    const struct feed_sink *sink;
    struct k2_err *err;
};

struct found { /* a message, or what should be one */
    struct k2_sv raw;
    char separator;
    struct feed_fault fault;
};

enum what { MORE, MESSAGE };

static struct k2_sv part(struct k2_sv s, size_t from, size_t to) {
    return (struct k2_sv){s.p + from, to - from};
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Where `what` begins in s, or SIZE_MAX. */
static size_t find(struct k2_sv s, struct k2_sv what) {
    const char *at = s.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

static size_t find_byte(struct k2_sv s, char c) {
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

/* --- where a message ends --- */

static unsigned sum_of(struct k2_sv s, char separator) {
    unsigned sum = 0;
    for (size_t i = 0; i < s.n; i++)
        sum += s.p[i] == separator ? (unsigned char)SOH : (unsigned char)s.p[i];
    return sum & 255u;
}

static bool is_check_sum(struct k2_sv s) {
    return s.n >= CHECK_SUM_SIZE && memcmp(s.p, "10=", 3) == 0 && is_digit(s.p[3]) &&
           is_digit(s.p[4]) && is_digit(s.p[5]);
}

/* What is at fault ends behind its CheckSum, at the end of its line, or where another message begins. */
static size_t end_of_fault(struct k2_sv s, char separator) {
    for (size_t i = 5; i < s.n; i++) {
        struct k2_sv rest = part(s, i, s.n);
        if (*rest.p == '\n' || k2_sv_starts(rest, K2_SV("8=FIX")))
            return i;
        if (s.p[i - 1] == separator && is_check_sum(rest))
            return i + CHECK_SUM_SIZE;
    }
    return SIZE_MAX;
}

/* The separator behind the last field may be missing at the end of a line. */
static size_t with_separator(struct k2_sv s, size_t end, char separator) {
    return end < s.n && s.p[end] == separator ? end + 1 : end;
}

/* 8=FIX.4.4 | 9=123 | : 1 = read, 0 = the bytes end, -1 = it is no start of a message. */
static int read_start(struct k2_sv s, char *separator, size_t *check_sum) {
    size_t at = 5, length = 0;
    while (
        at < s.n && at < 16 &&
        (is_digit(s.p[at]) || s.p[at] == '.' || s.p[at] == 'T' || s.p[at] == 'S' || s.p[at] == 'P'))
        at++;
    if (at >= s.n)
        return 0;
    *separator = s.p[at];
    if (*separator != SOH && *separator != '|')
        return -1;
    at++;
    for (size_t i = 0; i < 2; i++, at++) {
        if (at >= s.n)
            return 0;
        if (s.p[at] != "9="[i])
            return -1;
    }
    for (; at < s.n && is_digit(s.p[at]) && length < WINDOW; at++)
        length = length * 10 + (size_t)(s.p[at] - '0');
    if (at >= s.n)
        return 0;
    *check_sum = at + 1 + length;
    return s.p[at] == *separator && s.p[at - 1] != '=' && length < WINDOW ? 1 : -1;
}

static void blame(struct found *f, const char *what) {
    f->fault.reason = "MALFORMED";
    snprintf(f->fault.detail, sizeof f->fault.detail, "%s", what);
}

static void check_sum(struct found *f, struct k2_sv s, size_t end) {
    unsigned is = sum_of(part(s, 0, end), f->separator);
    unsigned said = (unsigned)(s.p[end + 3] - '0') * 100 + (unsigned)(s.p[end + 4] - '0') * 10 +
                    (unsigned)(s.p[end + 5] - '0');
    if (is == said)
        return;
    f->fault.reason = "MALFORMED";
    snprintf(f->fault.detail, sizeof f->fault.detail, "CheckSum is %03u, its bytes make %03u", said,
             is);
}

/* The message at fault that begins at s. */
static enum what take_fault(struct k2_sv s, bool all, struct found *f) {
    size_t end = end_of_fault(s, f->separator);
    if (end == SIZE_MAX && !all)
        return MORE;
    end = end == SIZE_MAX ? s.n : end;
    if (end == s.n && !all)
        return MORE; /* a separator may follow */
    f->raw = part(s, 0, with_separator(s, end, f->separator));
    return MESSAGE;
}

/* The message that begins at s; `all`: there is no more of it. */
static enum what take_message(struct k2_sv s, bool all, struct found *f) {
    size_t end = 0;
    int start = read_start(s, &f->separator, &end);
    if (start == 0 && !all)
        return MORE;
    if (start != 1) {
        blame(f, "it does not begin with BeginString and BodyLength");
        return take_fault(s, all, f);
    }
    size_t need = end + CHECK_SUM_SIZE + 1;
    if (need > s.n && !all && need <= WINDOW)
        return MORE;
    bool there = end + CHECK_SUM_SIZE <= s.n && s.p[end - 1] == f->separator;
    if (!there || !is_check_sum(part(s, end, s.n))) {
        blame(f, "BodyLength does not end at its CheckSum");
        return take_fault(s, all, f);
    }
    check_sum(f, s, end);
    f->raw = part(s, 0, with_separator(s, end + CHECK_SUM_SIZE, f->separator));
    return MESSAGE;
}

/* --- fields --- */

static struct fix_field *add_field(struct text *s, size_t n) {
    if (n == s->fields_cap) {
        s->fields_cap = s->fields_cap ? s->fields_cap * 2 : 256;
        s->fields = k2_realloc(s->fields, s->fields_cap * sizeof *s->fields);
    }
    return &s->fields[n];
}

/* The field that holds as many bytes as the one before it says, whatever they are: volume 2, "data" fields. */
static uint32_t data_field(uint32_t length) {
    static const uint32_t pairs[][2] = {{90, 91},   {93, 89},   {95, 96},   {212, 213},
                                        {348, 349}, {350, 351}, {352, 353}, {354, 355},
                                        {356, 357}, {358, 359}, {360, 361}, {362, 363},
                                        {364, 365}, {445, 446}, {618, 619}, {621, 622}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] == length)
            return pairs[i][1];
    return 0;
}

static bool read_tag(struct k2_sv s, uint32_t *tag, size_t *size) {
    uint64_t v = 0;
    size_t i = 0;
    while (i < s.n && i < 10 && is_digit(s.p[i]))
        v = v * 10 + (uint64_t)(s.p[i++] - '0');
    *tag = (uint32_t)v;
    *size = i + 1;
    return i > 0 && i < s.n && s.p[i] == '=' && v > 0 && v <= UINT32_MAX;
}

struct groups {     /* of the entries */
    uint32_t first; /* tag that each of them begins with; 0 = not known yet */
    int32_t entry;
    int64_t said; /* -1 = there is no NoMDEntries */
};

static void place_field(struct fix_field *out, struct groups *g) {
    if (g->said >= 0 && !g->first)
        g->first = out->tag;
    if (g->said > 0 && out->tag == g->first)
        g->entry++;
    out->entry = out->tag == FIX_CHECK_SUM ? -1 : g->entry;
    int64_t said;
    if (out->tag == FIX_NO_ENTRIES && g->said < 0 && k2_sv_i64(out->text, &said) && said >= 0)
        g->said = said;
}

/* Gives how many there are; what follows a fault is left out. */
static size_t read_fields(struct text *s, struct found *f) {
    struct groups g = {.entry = -1, .said = -1};
    struct k2_sv rest = f->raw;
    size_t n = 0;
    int64_t length = -1; /* of the data field that follows */
    uint32_t data = 0;
    while (rest.n) {
        uint32_t tag;
        size_t at;
        if (!read_tag(rest, &tag, &at)) {
            size_t end = find_byte(rest, f->separator);
            if (!f->fault.reason)
                (void)feed_fault_set(&f->fault, "MALFORMED", "this is no field",
                                     part(rest, 0, end < rest.n ? end : rest.n));
            break;
        }
        struct k2_sv value = part(rest, at, rest.n);
        size_t end = find_byte(value, f->separator);
        if (data == tag && length >= 0 && (uint64_t)length < value.n &&
            value.p[length] == f->separator)
            end = (size_t)length;
        end = end == SIZE_MAX ? value.n : end;
        struct fix_field *out = add_field(s, n++);
        struct k2_sv name = fix_tag_name(tag);
        *out = (struct fix_field){.tag = tag, .text = part(value, 0, end)};
        out->key = name.n ? name : part(rest, 0, at - 1);
        place_field(out, &g);
        data = data_field(tag);
        if (data && !k2_sv_i64(out->text, &length))
            length = -1;
        rest = end < value.n ? part(value, end + 1, value.n) : (struct k2_sv){NULL, 0};
    }
    if (g.said >= 0 && g.entry + 1 != g.said && !f->fault.reason) {
        f->fault.reason = "MALFORMED";
        snprintf(f->fault.detail, sizeof f->fault.detail,
                 "NoMDEntries says %lld, there are %d entries", (long long)g.said, g.entry + 1);
    }
    return n;
}

/* --- messages --- */

/* The time in front of a message, where it says of which zone it is. */
static int64_t receipt_of(struct k2_sv before) {
    struct k2_sv rest = k2_sv_trim(before), word = k2_sv_split(&rest, ' ');
    int64_t ns;
    while (word.n && (word.p[word.n - 1] == ':' || word.p[word.n - 1] == ','))
        word.n--;
    if (word.n == 19 && k2_sv_i64(word, &ns) && ns > 0)
        return ns;
    if (word.n >= 17 && word.n < 40 && word.p[8] == '-' && fix_stamp(word, &ns))
        return ns;
    if (word.n >= 20 && word.n < 40 && word.p[word.n - 1] == 'Z' &&
        k2_time_parse(word, 0, NULL, &ns, NULL) == K2_OK)
        return ns;
    return K2_NULL_LONG;
}

static struct k2_sv value_of(const struct text *s, size_t n, uint32_t tag) {
    for (size_t i = 0; i < n; i++)
        if (s->fields[i].tag == tag)
            return s->fields[i].text;
    return (struct k2_sv){NULL, 0};
}

static int64_t next_position(struct text *s) {
    return s->position = s->frame ? s->frame->number : s->position + 1;
}

static int send_message(struct text *s, struct found *f, struct k2_sv before, uint64_t offset) {
    size_t n = read_fields(s, f);
    struct k2_sv sender = value_of(s, n, FIX_SENDER), target = value_of(s, n, FIX_TARGET);
    s->channel.n = 0;
    k2_buf_sv(&s->channel, sender);
    if (target.n) {
        k2_buf_byte(&s->channel, '-');
        k2_buf_sv(&s->channel, target);
    }
    if (!f->fault.reason && !feed_text_ok(k2_buf_view(&s->channel), 255))
        (void)feed_fault_set(&f->fault, "MALFORMED", "SenderCompID and TargetCompID are no names",
                             k2_buf_view(&s->channel));
    if (f->fault.reason && !feed_text_ok(k2_buf_view(&s->channel), 255))
        s->channel.n = 0;
    const struct fix_message m = {.fields = s->fields,
                                  .n = n,
                                  .channel = k2_buf_view(&s->channel),
                                  .raw = f->raw,
                                  .position = next_position(s),
                                  .receive_ns = s->frame ? s->frame->time_ns : receipt_of(before),
                                  .offset = offset};
    return f->fault.reason ? fix_market_refuse(&s->market, &m, &f->fault, s->sink, s->err)
                           : fix_market_take(&s->market, &m, s->sink, s->err);
}

/* A line in which no message begins: of a log, or one that lost its start. */
static int send_line(struct text *s, struct k2_sv line, uint64_t offset) {
    if (k2_sv_trim(line).n == 0)
        return K2_OK;
    int64_t position = next_position(s);
    if (line.n < WINDOW && find(line, K2_SV("35=")) == SIZE_MAX)
        return s->sink->filtered(s->sink->ctx, "a line of the log without a message", s->err);
    const struct feed_reject r = {.reason = "MALFORMED",
                                  .detail = "no message begins in this line",
                                  .raw = line,
                                  .position = position,
                                  .offset = offset};
    return s->sink->reject(s->sink->ctx, &r, s->err);
}

/* Takes the next message or line; *used 0 = it is not whole. */
static int step(struct text *s, struct k2_sv bytes, bool last, size_t *used) {
    bool all = last || bytes.n >= WINDOW;
    struct k2_sv window = part(bytes, 0, bytes.n < WINDOW ? bytes.n : WINDOW);
    size_t line = find_byte(window, '\n'), start = find(window, K2_SV("8=FIX"));
    struct found f = {0};
    *used = 0;
    if (start == SIZE_MAX || line < start) {
        if (line == SIZE_MAX && !all)
            return K2_OK;
        size_t n = line == SIZE_MAX ? window.n : line;
        *used = line == SIZE_MAX ? n : n + 1;
        return send_line(s, part(window, 0, n), s->offset);
    }
    if (take_message(part(window, start, window.n), all, &f) == MORE)
        return K2_OK;
    *used = start + f.raw.n;
    return send_message(s, &f, part(window, 0, start), s->offset + start);
}

/* --- captures --- */

/* A datagram, or what `cut` cut out of a TCP flow: nothing more of it will come. */
static int take_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct text *s = state;
    int rc = K2_OK;
    size_t used = 1;
    s->sink = sink;
    s->err = err;
    s->frame = f;
    s->offset = f->offset;
    for (size_t at = 0; rc == K2_OK && used && at < f->bytes.n; at += used) {
        rc = step(s, part(f->bytes, at, f->bytes.n), true, &used);
        s->offset += used;
    }
    return rc;
}

static size_t with_line_end(struct k2_sv s, size_t end) {
    if (end < s.n && s.p[end] == '\r')
        end++;
    return end < s.n && s.p[end] == '\n' ? end + 1 : end;
}

/* Up to the end of a message that is whole, also where its last separator did not come yet; a line without one. */
static size_t cut(void *state, struct k2_sv bytes) {
    struct k2_sv window = part(bytes, 0, bytes.n < WINDOW ? bytes.n : WINDOW);
    size_t line = find_byte(window, '\n'), start = find(window, K2_SV("8=FIX"));
    struct found f = {0};
    (void)state;
    if (start == SIZE_MAX || line < start)
        return line != SIZE_MAX ? line + 1 : bytes.n < WINDOW ? 0 : WINDOW;
    struct k2_sv rest = part(window, start, window.n);
    if (take_message(rest, bytes.n >= WINDOW, &f) == MESSAGE)
        return with_line_end(window, start + f.raw.n);
    (void)take_message(rest, true, &f);
    return f.fault.reason ? 0 : start + f.raw.n;
}

/* --- the decoder --- */

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct text *s = state;
    (void)self;
    s->frames = feed_frames_new(&(struct feed_frames_options){
        .frame = take_frame, .state = s, .framing = FEED_FRAMING_OWN, .cut = cut});
    return fix_market_init(&s->market, o, K2_SV(""), in, err);
}

static int decode_text(struct text *s, struct k2_sv bytes, bool last, size_t *consumed) {
    size_t used = 1;
    int rc = K2_OK;
    for (*consumed = 0; rc == K2_OK && used && *consumed < bytes.n; *consumed += used) {
        rc = step(s, part(bytes, *consumed, bytes.n), last, &used);
        s->offset += used;
    }
    return rc;
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct text *s = state;
    s->sink = sink;
    s->err = err;
    *consumed = 0;
    if (!s->begun && bytes.n < 8 && !last)
        return K2_OK;
    s->captured = s->begun ? s->captured : feed_frames_is_capture(bytes);
    s->begun = true;
    return s->captured ? feed_frames_decode(s->frames, bytes, last, consumed, sink, err)
                       : decode_text(s, bytes, last, consumed);
}

static void fini(void *state) {
    struct text *s = state;
    feed_frames_free(s->frames);
    fix_market_fini(&s->market);
    free(s->fields);
    free(s->numbers);
    k2_buf_free(&s->channel);
    *s = (struct text){0};
}

/* --- showing --- */

/* Of a tag that has no name its number, which stays until the next frame is shown. */
static const char *name_of(struct text *s, size_t i) {
    const struct fix_field *f = &s->fields[i];
    if (fix_tag_name(f->tag).n)
        return f->key.p;
    snprintf(s->numbers[i], sizeof s->numbers[i], "%u", f->tag);
    return s->numbers[i];
}

/* Entries are groups; all other fields stand one behind the other, as they are on the wire. */
static void show_fields(struct text *s, size_t n, struct k2_sv bytes,
                        const struct feed_visit *visit) {
    int32_t entry = -1;
    s->numbers = k2_realloc(s->numbers, (n + 1) * sizeof *s->numbers);
    for (size_t i = 0; i < n; i++) {
        const struct fix_field *f = &s->fields[i];
        size_t at = (size_t)(f->text.p - bytes.p);
        if (f->entry != entry && entry >= 0)
            visit->close(visit->ctx);
        if (f->entry != entry && f->entry >= 0)
            visit->open(visit->ctx, "MDEntries", f->entry, at);
        entry = f->entry;
        visit->field(visit->ctx, name_of(s, i), f->text, false, at, f->text.n);
    }
    if (entry >= 0)
        visit->close(visit->ctx);
}

static int dissect(const struct feed_ops *self, void *state, const struct feed_frame *frame,
                   const struct feed_visit *visit, struct k2_err *err) {
    struct text *s = state;
    struct k2_sv bytes = frame->bytes;
    size_t start = find(bytes, K2_SV("8=FIX"));
    struct found f = {0};
    (void)self;
    if (start == SIZE_MAX)
        return find(bytes, K2_SV("35=")) == SIZE_MAX
                   ? K2_OK
                   : k2_fail(err, K2_E_INVALID, "no message begins in this line");
    (void)take_message(part(bytes, start, bytes.n), true, &f);
    size_t n = read_fields(s, &f);
    show_fields(s, n, bytes, visit);
    return f.fault.reason ? k2_fail(err, K2_E_INVALID, "%s", f.fault.detail) : K2_OK;
}

/* A message that begins in the first lines: 8=FIX, 9=, 35=. */
static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    size_t start = find(head, K2_SV("8=FIX"));
    char separator = 0;
    size_t end;
    (void)self;
    (void)file_name;
    if (start == SIZE_MAX || read_start(part(head, start, head.n), &separator, &end) != 1)
        return 0;
    struct k2_sv rest = part(head, start, head.n);
    (void)k2_sv_split(&rest, separator);
    size_t type = find_byte(rest, separator);
    if (type == SIZE_MAX || !k2_sv_starts(part(rest, type + 1, rest.n), K2_SV("35=")))
        return 0;
    *why = "a FIX message begins in it: BeginString, BodyLength, MsgType";
    return 90;
}

static const struct feed_fact facts[] = {
    {"specification", "document",
     "FIX 4.0 to 4.4, 5.0 to 5.0 SP2 over FIXT 1.1; tag=value encoding"},
    {"file name", "any", "all that is needed comes from the messages"},
    {"file", "separator",
     "SOH, or | in its stead; messages one a line or behind each other, with anything in front of "
     "them in their line"},
    {"line", "trade",
     "8=FIX.4.4|9=139|35=X|34=4|49=LSE|56=ME|52=20250303-10:00:00.123|268=1|279=0|269=2|55=VOD|270="
     "71.25|271=500|273=10:00:00.100|277=A B|5797=1|1003=77|30=XLON|10=222|"},
    {"book_event", "269=0, 1",
     "of X: SET and DELETE of a level; with OrderID, or with MDEntryID and no MDPriceLevel, ADD, "
     "MODIFY and DELETE of "
     "an order; of W: CLEAR, then what stands"},
    {"book_event", "269=J", "CLEAR"},
    {"trade", "269=2",
     "exchange_timestamp_ns is MDEntryDate and MDEntryTime; AggressorSide, else Side"},
    {"correction", "269=2", "where MDUpdateAction is 1 (CORRECT) or 2 (CANCEL)"},
    {"auction", "269=A", "imbalance_quantity"},
    {"statistic", "269=3 to 9, B, C, ...",
     "INDEX, OPEN, CLOSE, SETTLEMENT, HIGH, LOW, VWAP, VOLUME, OPEN_INTEREST and "
     "more; others MDENTRY_ and the type"},
    {"instrument", "35=d", "SecurityDefinition"},
    {"trading_status", "35=f, h", "SecurityStatus; TradingSessionStatus: symbol *"},
    {"message", "all others", "Logon, Heartbeat, SequenceReset, News and more, with their fields"},
    {"other", "34", "exchange_sequence_number; 49-56 is the channel"},
    {"other", "35=A 141=Y, 35=4",
     "the numbers begin again: an epoch; with 123=Y the message stands for all numbers "
     "up to 36"},
    {"other", "43=Y",
     "the message as it was sent first, so it is a duplicate: 122 is its SendingTime"},
    {"other", "52", "exchange_timestamp_ns of all but trades and statistics; 60 where it is there"},
    {"other", "49", "exchange, where it is the code of one that is known; else --exchange"},
    {"other", "9, 10", "checked: a message in which they are wrong goes to quarantine"},
    {0},
};

const struct feed_ops feed_fix_text = {
    .name = "fix-text",
    .title = "FIX 4.0 to 5.0 market data as tag=value text, also from logs",
    .numbering = "MsgSeqNum (34) of the session, for all kinds together",
    .facts = facts,
    .state_size = sizeof(struct text),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .dissect = dissect,
    .captures = true,
    .framing = FEED_FRAMING_OWN,
    .cut_by = cut,
};
