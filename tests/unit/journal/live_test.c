/* Live sources: what is received is in the raw topic before it is decoded, is decoded once, and after a kill what was
 * not decoded is. The venue is this process, which sends datagrams to itself. */
#include "journal/raw.h"
#include "journal/raw_view.h"
#include "k2test.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct place {
    char *dir;
    struct journal *j;
    struct ingest *g;
    struct ingest_source *s;
    uint16_t ports[2];
    char url[80];
    bool halts, anew; /* of the source */
    struct k2_err err;
};

static void open_place(struct place *p) {
    CHECK_OK(journal_open(p->dir, JOURNAL_WRITE, NULL, &p->j, &p->err), &p->err);
    CHECK_OK(ingest_open(p->j, NULL, &p->g, &p->err), &p->err);
}

static uint16_t free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static struct place make_place(void) {
    struct place p = {.dir = k2test_dir(), .ports = {free_port(), free_port()}};
    snprintf(p.url, sizeof p.url, "udp://127.0.0.1:%u,127.0.0.1:%u", p.ports[0], p.ports[1]);
    open_place(&p);
    return p;
}

static int open_format(struct place *p, const char *format, const char *exchange, double speed) {
    const struct ingest_source_options o = {
        .feed = feed_find(k2_sv_of(format)),
        .options = {.exchange = k2_sv_of(exchange), .date = INT32_MIN},
        .resume = true,
        .anew = p->anew,
        .halt = p->halts,
        .speed = speed};
    return ingest_source_open(p->g, p->url, &o, &p->s, &p->err);
}

static int open_source(struct place *p, const char *exchange, double speed) {
    return open_format(p, "binance-json", exchange, speed);
}

static void restart(struct place *p) {
    ingest_source_close(p->s);
    p->s = NULL;
    ingest_close(p->g);
    journal_close(p->j);
    open_place(p);
}

static void free_place(struct place *p) {
    ingest_source_close(p->s);
    ingest_close(p->g);
    journal_close(p->j);
    k2test_rmdir(p->dir);
}

static size_t trade(int id, char out[200]) {
    return (size_t)snprintf(out, 200,
                            "{\"e\":\"trade\",\"E\":1723161256322,\"T\":1723161256322,"
                            "\"s\":\"BTCUSDT\",\"t\":%d,\"p\":\"61800.30\",\"q\":\"0.006\","
                            "\"X\":\"MARKET\",\"m\":false}",
                            id);
}

static void send_bytes(const struct place *p, int line, struct k2_sv bytes) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(p->ports[line])};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sendto(fd, bytes.p, bytes.n, 0, (struct sockaddr *)&a, sizeof a),
                     (ssize_t)bytes.n);
    close(fd);
}

static void send_trade(const struct place *p, int line, int id) {
    char text[200];
    size_t n = trade(id, text);
    send_bytes(p, line, (struct k2_sv){text, n});
}

static struct ingest_live_state state_of(const struct place *p) {
    struct ingest_live_state s;
    assert_true(ingest_source_live(p->s, &s));
    return s;
}

/* Steps until so many frames were received, and all before them are decoded. */
static void receive(struct place *p, int64_t frames) {
    for (int i = 0; i < 5000; i++) {
        bool idle;
        CHECK_OK(ingest_source_step(p->s, 1 << 20, &idle, &p->err), &p->err);
        struct ingest_live_state s = state_of(p);
        if (idle && s.live.connected && !s.behind && s.live.frames >= frames)
            break;
        if (idle)
            usleep(1000);
    }
    assert_int_equal(state_of(p).live.frames, frames);
    CHECK_OK(ingest_judge(p->g, &p->err), &p->err);
}

static struct journal_reader *read_topic(struct place *p, const char *name) {
    struct journal_topic t;
    struct journal_reader *r;
    struct journal_span spans[8];
    CHECK_OK(journal_topic(p->j, k2_sv_of(name), false, &t, &p->err), &p->err);
    for (int32_t i = 0; i < t.partitions; i++)
        spans[i] = (struct journal_span){t.id, i, 0, INT64_MAX};
    CHECK_OK(journal_read(p->j, spans, t.partitions, &r, &p->err), &p->err);
    return r;
}

/* The raw topic as text: form, line and bytes of each frame, by its offset. */
static int read_raw(struct place *p, char frames[64][256]) {
    struct journal_reader *r = read_topic(p, "market.raw.binance");
    struct journal_batch b;
    struct journal_record record;
    int n = 0;
    while (journal_next(r, &b, &p->err) > 0)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct feed_live_frame f;
            struct k2_sv source;
            assert_true(raw_topic_frame(record.value, &source, &f));
            assert_int_equal(record.offset, n);
            snprintf(frames[n++], 256, "%d %d %.*s", (int)f.form, f.line, K2_SV_ARG(f.bytes));
        }
    journal_reader_close(r);
    return n;
}

static void frames_are_kept_and_rows_point_to_them(void **state) {
    (void)state;
    struct place p = make_place();
    char frames[64][256];
    CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
    receive(&p, 0);
    for (int id = 1; id <= 5; id++)
        send_trade(&p, 0, id);
    for (int id = 2; id <= 6; id++)
        send_trade(&p, 1, id);
    receive(&p, 10);
    struct ingest_stats s = ingest_stats(p.g);
    assert_int_equal(s.accepted, 6);
    assert_int_equal(s.duplicates, 0);
    assert_int_equal(s.filtered, 4); /* twins; that a connection was made is no record */
    assert_int_equal(state_of(&p).twins, 4);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    assert_int_equal(read_raw(&p, frames), 11);
    struct journal_reader *r = read_topic(&p, "market.ticks.binance");
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d =
        k2_decoder_new(k2_kind(K2_KIND_TRADE), in, k2_registry_source(journal_registry(p.j)));
    struct journal_batch b;
    struct journal_record record;
    int rows = 0;
    while (journal_next(r, &b, &p.err) > 0)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); rows++) {
            struct k2_event e;
            char want[200];
            CHECK_OK(k2_decode(d, record.value, &e, &p.err), &p.err);
            trade((int)e.trade.exchange_sequence_number, want);
            assert_in_range(e.trade.raw_offset, 0, 10);
            assert_non_null(strstr(frames[e.trade.raw_offset], want));
            assert_true(e.trade.receive_timestamp_ns > 0);
        }
    assert_int_equal(rows, 6);
    k2_decoder_free(d);
    k2_interner_free(in);
    journal_reader_close(r);
    free_place(&p);
}

enum { MANY = 70000 }; /* more than 65,536, which the ring of places holds */

static void give_many(struct place *p) {
    struct k2_buf capture = {0};
    feed_raw_begin(&capture);
    for (int id = 1; id <= MANY; id++) {
        char text[200];
        const struct k2_sv bytes = {text, trade(id, text)};
        const struct feed_live_frame f = {
            .form = LIVE_DATAGRAM, .bytes = bytes, .received_ns = k2_now_ns()};
        feed_raw_put(&capture, &f);
    }
    CHECK_OK(ingest_source_give(p->s, k2_buf_view(&capture), &p->err), &p->err);
    k2_buf_free(&capture);
    CHECK_OK(ingest_judge(p->g, &p->err), &p->err);
}

/* The first frame, at offset 0, tells of the connection, so the frame of a trade is at its number. */
static void each_row_of_a_long_answer_points_to_its_own_frame(void **state) {
    (void)state;
    struct place p = make_place();
    CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
    receive(&p, 0);
    give_many(&p);
    assert_int_equal(ingest_stats(p.g).accepted, MANY);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    struct journal_reader *r = read_topic(&p, "market.ticks.binance");
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d =
        k2_decoder_new(k2_kind(K2_KIND_TRADE), in, k2_registry_source(journal_registry(p.j)));
    struct journal_batch b;
    struct journal_record record;
    int rows = 0;
    while (journal_next(r, &b, &p.err) > 0)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); rows++) {
            struct k2_event e;
            CHECK_OK(k2_decode(d, record.value, &e, &p.err), &p.err);
            assert_int_equal(e.trade.raw_offset, e.trade.exchange_sequence_number);
        }
    assert_int_equal(rows, MANY);
    k2_decoder_free(d);
    k2_interner_free(in);
    journal_reader_close(r);
    free_place(&p);
}

static void put_raw(struct place *p, const char *url, enum feed_live_form form, const char *text) {
    struct raw_topic t;
    const struct feed_live_frame f = {
        .form = form, .bytes = k2_sv_of(text), .received_ns = 1723161256000000000, .connection = 1};
    CHECK_OK(raw_topic_open(p->j, K2_SV("BINANCE"), true, &t, &p->err), &p->err);
    (void)raw_topic_append(&t, k2_sv_of(url), &f);
}

/* As after a kill between the receipt and the decoding. */
static void what_was_received_and_not_decoded_is_decoded_first(void **state) {
    (void)state;
    struct place p = make_place();
    char text[200];
    CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
    receive(&p, 0);
    send_trade(&p, 0, 1);
    receive(&p, 1);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    restart(&p);
    put_raw(&p, p.url, LIVE_CONNECTED, p.url);
    trade(2, text);
    put_raw(&p, p.url, LIVE_DATAGRAM, text);
    trade(77, text);
    put_raw(&p, "udp://127.0.0.1:9", LIVE_DATAGRAM, text); /* another source's */
    trade(3, text);
    put_raw(&p, p.url, LIVE_DATAGRAM, text);
    CHECK_OK(journal_commit(p.j, &p.err), &p.err);
    restart(&p);
    CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
    assert_true(state_of(&p).behind);
    receive(&p, 0);
    struct ingest_stats s = ingest_stats(p.g);
    assert_int_equal(s.accepted, 2);
    assert_int_equal(s.duplicates, 0); /* it went on at its mark */
    assert_int_equal(s.gaps, 0);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    restart(&p);
    CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
    receive(&p, 0);
    assert_int_equal(ingest_stats(p.g).accepted + ingest_stats(p.g).duplicates, 0);
    free_place(&p);
}

/* A venue that numbers nothing: who takes a datagram of line B for a new one counts it. */
static void what_came_on_one_line_is_no_other_event_after_a_restart(void **state) {
    (void)state;
    struct place p = make_place();
    const struct k2_sv bid =
        K2_SV("{\"channel\":\"bbo\",\"data\":{\"coin\":\"BTC\",\"time\":1732003200123,"
              "\"bbo\":[{\"px\":\"91000.0\",\"sz\":\"0.5\",\"n\":2},null]}}");
    CHECK_OK(open_format(&p, "hyperliquid-json", "HYPERLIQUID", 0), &p.err);
    receive(&p, 0);
    send_bytes(&p, 0, bid);
    receive(&p, 1);
    assert_int_equal(ingest_stats(p.g).accepted, 1);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    restart(&p);
    CHECK_OK(open_format(&p, "hyperliquid-json", "HYPERLIQUID", 0), &p.err);
    receive(&p, 0);
    send_bytes(&p, 1, bid);
    receive(&p, 1);
    assert_int_equal(ingest_stats(p.g).accepted, 0);
    assert_int_equal(state_of(&p).twins, 1);
    send_bytes(&p, 1, bid); /* the venue says it again */
    receive(&p, 2);
    assert_int_equal(ingest_stats(p.g).accepted, 1);
    free_place(&p);
}

/* MoldUDP64 with a seconds message and an order of ASX's ITCH, numbered from 2n - 1. */
static size_t packet(int n, char out[128]) {
    uint8_t *at = (uint8_t *)out;
    memset(out, 0, 128);
    memcpy(at, "1567326030", 10);
    at[17] = (uint8_t)(2 * n - 1);
    at[19] = 2; /* messages */
    at[21] = 5;
    at[22] = 'T';
    uint32_t second = __builtin_bswap32((uint32_t)(1567494517 + n));
    memcpy(at + 23, &second, 4);
    at[29] = 'A';
    at[33] = (uint8_t)n; /* ns */
    at[39] = 77;
    at[40] = 'B';
    at[48] = (uint8_t)n; /* order id */
    at[56] = 1;
    at[60] = 42;
    at[68] = 9;
    at[28] = 40; /* 1 + 4 + 2 + 4 + 1 + 8 + 8 + 4 + 8 */
    return 29 + 40;
}

static void send_packet(const struct place *p, int n) {
    char bytes[128];
    size_t size = packet(n, bytes);
    send_bytes(p, 0, (struct k2_sv){bytes, size});
}

/* A decoder without a saved state sees the frames of the day again, and what it says of them is not heard again. */
static void a_decoder_that_cannot_save_begins_the_day_anew(void **state) {
    (void)state;
    struct place p = make_place();
    CHECK_OK(open_format(&p, "asx-ntp-itch-1.05", "ASX", 0), &p.err);
    receive(&p, 0);
    for (int n = 1; n <= 3; n++)
        send_packet(&p, n);
    receive(&p, 3);
    struct ingest_stats s = ingest_stats(p.g);
    assert_int_equal(s.quarantined, 0);
    assert_int_equal(s.accepted, 6);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    restart(&p);
    CHECK_OK(open_format(&p, "asx-ntp-itch-1.05", "ASX", 0), &p.err);
    receive(&p, 0);
    send_packet(&p, 4);
    receive(&p, 1);
    s = ingest_stats(p.g);
    assert_int_equal(s.accepted, 2);
    assert_int_equal(s.duplicates, 0);
    assert_int_equal(s.gaps + s.conflicts + s.quarantined, 0);
    free_place(&p);
}

/* As an earlier run received it, so many days ago, on a connection that is none of this process. */
static void put_frame(struct place *p, enum feed_live_form form, int days_ago, struct k2_sv bytes) {
    struct raw_topic t;
    const struct feed_live_frame f = {.form = form,
                                      .bytes = bytes,
                                      .received_ns = k2_now_ns() - days_ago * K2_NS_PER_DAY,
                                      .connection = 7};
    CHECK_OK(raw_topic_open(p->j, K2_SV("XNAS"), true, &t, &p->err), &p->err);
    (void)raw_topic_append(&t, k2_sv_of(p->url), &f);
    CHECK_OK(journal_commit(p->j, &p->err), &p->err);
}

/* Fields with '|' behind each. */
static void put_fix(struct place *p, int days_ago, const char *fields) {
    struct k2_buf b = {0};
    unsigned sum = 0;
    k2_buf_printf(&b, "8=FIX.4.4|9=%zu|%s", strlen(fields), fields);
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] = b.p[i] == '|' ? 1 : b.p[i];
        sum += b.p[i];
    }
    k2_buf_printf(&b, "10=%03u\1", sum & 255u);
    put_frame(p, LIVE_DATAGRAM, days_ago, k2_buf_view(&b));
    k2_buf_free(&b);
}

/* Decodes what is in the topic and gives what came of it. */
static struct ingest_stats run_over_topic(struct place *p, const char *format) {
    CHECK_OK(open_format(p, format, "NASDAQ", 0), &p->err);
    receive(p, 0);
    struct ingest_stats s = ingest_stats(p->g);
    CHECK_OK(ingest_flush(p->g, &p->err), &p->err);
    return s;
}

static void check_symbol(struct place *p, const char *want) {
    struct journal_reader *r = read_topic(p, "market.ticks.xnas");
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d =
        k2_decoder_new(k2_kind(K2_KIND_TRADE), in, k2_registry_source(journal_registry(p->j)));
    struct journal_batch b;
    struct journal_record record;
    int rows = 0;
    while (journal_next(r, &b, &p->err) > 0)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); rows++) {
            struct k2_event e;
            CHECK_OK(k2_decode(d, record.value, &e, &p->err), &p->err);
            struct k2_sv symbol = k2_interned(in, e.trade.symbol);
            assert_int_equal(symbol.n, strlen(want));
            assert_memory_equal(symbol.p, want, symbol.n);
        }
    assert_int_equal(rows, 1);
    k2_decoder_free(d);
    k2_interner_free(in);
    journal_reader_close(r);
}

/* Killed between the definition, late on one session date, and its use on the next one. */
static void what_was_told_the_session_before_is_known_after_a_restart(void **state) {
    (void)state;
    struct place p = make_place();
    put_frame(&p, LIVE_CONNECTED, 1, K2_SV("udp://10.0.0.1:1"));
    put_fix(&p, 1, "35=d|34=1|49=X|52=20240808-12:00:00.000|55=ABC|48=77|");
    put_fix(&p, 0, "35=0|34=1|49=X|52=20240809-12:00:00.000|");
    struct ingest_stats s = run_over_topic(&p, "fix-text");
    assert_int_equal(s.accepted, 2);
    assert_int_equal(s.quarantined, 0);
    restart(&p);
    put_fix(&p, 0,
            "35=X|34=2|49=X|52=20240809-12:00:01.000|268=1|279=0|269=2|48=77|270=1|271=2|"
            "273=12:00:01.000|");
    s = run_over_topic(&p, "fix-text");
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.duplicates + s.conflicts + s.quarantined + s.gaps, 0);
    check_symbol(&p, "ABC");
    free_place(&p);
}

/* SoupBinTCP with a system event of ITCH 5.0, whose time, read as the start of a packet, would be of 4096 bytes. */
#define SOUP "\0\15SS\0\0\0\0\20\0S\0\0\0O"
#define CUT 8

static struct k2_sv soup(size_t from, size_t to) {
    static const char bytes[] = SOUP SOUP SOUP;
    return (struct k2_sv){bytes + from, to - from};
}

/* Session dates begin inside messages, and the numbers are the places since the connection was made. */
static void a_stream_goes_on_over_session_dates_and_restarts(void **state) {
    const size_t one = sizeof SOUP - 1;
    (void)state;
    struct place p = make_place();
    put_frame(&p, LIVE_CONNECTED, 3, K2_SV("tcp://10.0.0.1:1"));
    put_frame(&p, LIVE_STREAM, 3, soup(0, one + CUT));
    put_frame(&p, LIVE_STREAM, 2, soup(one + CUT, 2 * one + CUT));
    put_frame(&p, LIVE_STREAM, 1, soup(2 * one + CUT, 3 * one));
    struct ingest_stats s = run_over_topic(&p, "nasdaq-totalview-itch-5.0");
    assert_int_equal(s.quarantined, 0);
    assert_int_equal(s.accepted, 3);
    restart(&p);
    put_frame(&p, LIVE_STREAM, 0, soup(0, one));
    s = run_over_topic(&p, "nasdaq-totalview-itch-5.0");
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.duplicates + s.conflicts + s.quarantined + s.gaps, 0);
    free_place(&p);
}

static void frames_that_would_be_decoded_again_are_kept_by_retention(void **state) {
    (void)state;
    struct place p = make_place();
    struct journal_retention all = {.older_than_ns = INT64_MAX};
    char stopped[256] = "", text[200];
    int removed = 0;
    CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
    receive(&p, 0);
    trade(1, text);
    put_raw(&p, p.url, LIVE_DATAGRAM, text);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    CHECK_OK(journal_seal(p.j, &p.err), &p.err);
    CHECK_OK(journal_retain(p.j, &all, &removed, stopped, &p.err), &p.err);
    assert_int_equal(removed, 0);
    assert_non_null(strstr(stopped, "raw.binance."));
    free_place(&p);
}

static int64_t raw_start(struct place *p, const char *exchange) {
    struct raw_topic t;
    int64_t start, end;
    CHECK_OK(raw_topic_open(p->j, k2_sv_of(exchange), false, &t, &p->err), &p->err);
    CHECK_OK(raw_topic_range(&t, &start, &end, &p->err), &p->err);
    return start;
}

static void flush_and_seal(struct place *p) {
    CHECK_OK(ingest_flush(p->g, &p->err), &p->err);
    CHECK_OK(journal_seal(p->j, &p->err), &p->err);
}

static void retain_nothing(struct place *p) {
    struct journal_retention all = {.older_than_ns = INT64_MAX};
    char stopped[256];
    int removed;
    CHECK_OK(journal_retain(p->j, &all, &removed, stopped, &p->err), &p->err);
}

static void keep_step(void *ctx, const struct seq_step *gap) {
    if (gap->cause == SEQ_NUMBERS)
        *(struct seq_step *)ctx = *gap;
}

static void give_up(struct place *p) {
    struct seq_step gap = {0};
    bool again;
    seq_engine_ledger(ingest_sequence(p->g), keep_step, &gap);
    assert_true(gap.halts);
    gap.state = SEQ_GIVEN_UP;
    CHECK_OK(ingest_mark(p->g, &gap, "test", NULL, &again, &p->err), &p->err);
}

/* 1001 and 1002, frames 4 and 5, come while their channel is halted, then another channel goes on. */
static void halt_and_go_on(struct place *p) {
    p->halts = true;
    CHECK_OK(open_source(p, "BINANCE", 0), &p->err);
    receive(p, 0);
    send_trade(p, 0, 1);
    send_trade(p, 0, 2);
    send_trade(p, 0, 1000);
    receive(p, 3);
    flush_and_seal(p);
    send_trade(p, 0, 1001);
    send_trade(p, 0, 1002);
    receive(p, 5);
    assert_int_equal(ingest_stats(p->g).halted, 2);
    flush_and_seal(p);
    send_bytes(p, 0,
               K2_SV("{\"e\":\"trade\",\"E\":1723161256322,\"T\":1723161256322,\"s\":\"ETHUSDT\","
                     "\"t\":7,\"p\":\"2600.30\",\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":false}"));
    receive(p, 6);
    flush_and_seal(p);
    restart(p);
    CHECK_OK(open_source(p, "BINANCE", 0), &p->err);
    receive(p, 0);
    assert_int_equal(ingest_stats(p->g).accepted, 0);
}

static void what_a_halted_channel_passed_over_is_kept_until_it_goes_on(void **state) {
    (void)state;
    for (int run = 0; run < 2; run++) {
        struct place p = make_place();
        halt_and_go_on(&p);
        retain_nothing(&p);
        assert_in_range(raw_start(&p, "BINANCE"), 0, 4);
        give_up(&p);
        if (run == 0) {
            CHECK_OK(ingest_source_rewind(p.s, &p.err), &p.err);
        } else { /* killed before it was */
            CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
            restart(&p);
            CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
        }
        receive(&p, 0);
        assert_int_equal(ingest_stats(p.g).accepted, 2);
        assert_int_equal(ingest_stats(p.g).conflicts, 0);
        CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
        restart(&p);
        CHECK_OK(open_source(&p, "BINANCE", 0), &p.err);
        receive(&p, 0);
        assert_int_equal(ingest_stats(p.g).accepted + ingest_stats(p.g).duplicates, 0);
        free_place(&p);
    }
}

static void send_bids(const struct place *p, int from, int to) {
    for (int i = from; i <= to; i++) {
        char text[200];
        int n = snprintf(text, sizeof text,
                         "{\"channel\":\"bbo\",\"data\":{\"coin\":\"BTC\",\"time\":1732003200123,"
                         "\"bbo\":[{\"px\":\"%d.0\",\"sz\":\"0.5\",\"n\":2},null]}}",
                         91000 + i);
        send_bytes(p, 0, (struct k2_sv){text, (size_t)n});
    }
}

/* Five events of a venue that numbers nothing, of which the topic keeps the last two. */
static struct place cut_place(void) {
    struct place p = make_place();
    CHECK_OK(open_format(&p, "hyperliquid-json", "HYPERLIQUID", 0), &p.err);
    receive(&p, 0);
    send_bids(&p, 1, 3);
    receive(&p, 3);
    flush_and_seal(&p);
    restart(&p);
    CHECK_OK(open_format(&p, "hyperliquid-json", "HYPERLIQUID", 0), &p.err);
    receive(&p, 0);
    send_bids(&p, 4, 5);
    receive(&p, 2);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    retain_nothing(&p);
    assert_int_equal(raw_start(&p, "HYPERLIQUID"), 4);
    return p;
}

static void of_a_cut_session_date_nothing_is_counted_again(void **state) {
    (void)state;
    struct place p = cut_place();
    CHECK_OK(ingest_source_rewind(p.s, &p.err), &p.err);
    receive(&p, 2);
    send_bids(&p, 6, 6);
    receive(&p, 3);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    struct ingest_stats s = ingest_stats(p.g);
    assert_int_equal(s.accepted, 3);
    assert_int_equal(s.conflicts + s.duplicates + s.gaps, 0);
    restart(&p);
    p.anew = true; /* nobody knows what was counted before */
    CHECK_OK(open_format(&p, "hyperliquid-json", "HYPERLIQUID", 0), &p.err);
    receive(&p, 0);
    send_bids(&p, 7, 7);
    receive(&p, 1);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    s = ingest_stats(p.g);
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.conflicts, 0);
    assert_int_equal(s.missing, 3); /* 4 to 6 were not decoded again: their places may be others */
    free_place(&p);
}

static void a_cut_session_date_that_is_counted_is_not_decoded_again(void **state) {
    (void)state;
    struct place p = cut_place();
    struct k2_interner *in = k2_interner_new();
    struct raw_decode_options o = {
        .source = p.url,
        .from_ns = INT64_MIN,
        .to_ns = INT64_MAX,
        .feed = feed_find(K2_SV("hyperliquid-json")),
        .options = {.exchange = K2_SV("HYPERLIQUID"), .date = INT32_MIN}};
    struct raw_decode *d;
    bool ended = false;
    int rc = K2_OK;
    CHECK_OK(raw_decode_open(p.j, &o, in, &d, &p.err), &p.err);
    while (rc == K2_OK && !ended)
        rc = raw_decode_step(d, &feed_nobody, &ended, &p.err);
    assert_int_equal(rc, K2_E_FAILED);
    assert_non_null(strstr(p.err.msg, "2024-11-19"));
    assert_non_null(strstr(p.err.msg, "places"));
    raw_decode_close(d);
    k2_interner_free(in);
    free_place(&p);
}

/* Two records in one frame that are the same bytes are two records, also after they were decoded again. */
static void refused_records_of_a_frame_are_told_apart(void **state) {
    (void)state;
    struct place p = make_place();
    CHECK_OK(open_format(&p, "nasdaq-totalview-itch-5.0", "NASDAQ", 0), &p.err);
    receive(&p, 0);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    restart(&p);
    struct raw_topic t;
    CHECK_OK(raw_topic_open(p.j, K2_SV("XNAS"), true, &t, &p.err), &p.err);
    const struct feed_live_frame f = {.form = LIVE_STREAM,
                                      .bytes = {"\0\4S\1\2\3\0\4S\1\2\3", 12},
                                      .received_ns = 1723161256000000000,
                                      .connection = 1};
    (void)raw_topic_append(&t, k2_sv_of(p.url), &f);
    CHECK_OK(journal_commit(p.j, &p.err), &p.err);
    restart(&p);
    CHECK_OK(open_format(&p, "nasdaq-totalview-itch-5.0", "NASDAQ", 0), &p.err);
    for (int run = 0; run < 2; run++) {
        receive(&p, 0);
        struct ingest_stats s = ingest_stats(p.g);
        assert_int_equal(s.quarantined, 2 * (run + 1));
        assert_int_equal(s.requarantined, 2 * run);
        CHECK_OK(ingest_source_rewind(p.s, &p.err), &p.err);
    }
    receive(&p, 0);
    CHECK_OK(ingest_flush(p.g, &p.err), &p.err);
    restart(&p);
    CHECK_OK(open_format(&p, "nasdaq-totalview-itch-5.0", "NASDAQ", 0), &p.err);
    receive(&p, 0);
    assert_int_equal(ingest_stats(p.g).quarantined, 0);
    free_place(&p);
}

static void what_cannot_work_is_refused_in_words(void **state) {
    (void)state;
    struct place p = make_place();
    CHECK_STATUS(open_source(&p, "", 0), K2_E_INVALID);
    assert_non_null(strstr(p.err.msg, "exchange"));
    CHECK_STATUS(open_source(&p, "BINANCE", 2), K2_E_INVALID);
    assert_non_null(strstr(p.err.msg, "pace"));
    free_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_kept_and_rows_point_to_them),
        cmocka_unit_test(each_row_of_a_long_answer_points_to_its_own_frame),
        cmocka_unit_test(what_was_received_and_not_decoded_is_decoded_first),
        cmocka_unit_test(what_came_on_one_line_is_no_other_event_after_a_restart),
        cmocka_unit_test(a_decoder_that_cannot_save_begins_the_day_anew),
        cmocka_unit_test(what_was_told_the_session_before_is_known_after_a_restart),
        cmocka_unit_test(a_stream_goes_on_over_session_dates_and_restarts),
        cmocka_unit_test(frames_that_would_be_decoded_again_are_kept_by_retention),
        cmocka_unit_test(what_a_halted_channel_passed_over_is_kept_until_it_goes_on),
        cmocka_unit_test(of_a_cut_session_date_nothing_is_counted_again),
        cmocka_unit_test(a_cut_session_date_that_is_counted_is_not_decoded_again),
        cmocka_unit_test(refused_records_of_a_frame_are_told_apart),
        cmocka_unit_test(what_cannot_work_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
