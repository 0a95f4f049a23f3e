/* The flat form of messages gives what walking them gives: the same events of random packets, good and bad. */
#include "feed/layout/flat.h"
#include "feed/layout/state.h"
#include "feed_helper.h"

static const char tape[] =
    "layout tape-1.0\ntitle T\nexchange ASX\norder big\n"
    "sequence header.sequence each message restarts\nchannel \"line\" header.line\n"
    "time s(seconds)+ns(nanoseconds)\ntime s(header.seconds)\n"
    "struct header\n  u8 line\n  u32 sequence\n  u32 seconds\n  u8 count\n"
    "struct message_header\n  u8 length\n  char type\n"
    "struct message sized=message_header.length\n  message_header\n  choose message_header.type\n"
    "packet\n  header\n  message repeat=header.count none=255\n"
    "message 'R' directory_message\n  u16 id\n  text4 symbol\n  u8 decimals\n"
    "  directory id symbol=symbol decimals=decimals\n"
    "  event instrument action=DEFINE symbol=symbol venue_id=id\n"
    "message 'A' add_message\n  u32 seconds null=0\n  u32 nanoseconds\n  u16 id\n  char side\n"
    "  u64 order\n  i32 price scale=3\n  u16 quantity null=max\n  bits8 flags a:1 b:3 c:4\n"
    "  directory orders:order symbol=@id price=price\n"
    "  event book_event action=ADD symbol=@id side=side{B:BUY,S:SELL} order_id=order \\\n"
    "    price=price quantity=quantity level=flags.c when flags.b!=7\n"
    "message 'E','e' execute_message\n  u64le order\n  i16le quantity\n  text4 note\n  char one\n"
    "  char two\n  digits3 number\n  i24 rest scale=2 null=min\n"
    "  event book_event action=EXECUTE symbol=@orders:order order_id=order quantity=quantity \\\n"
    "    trade_id=number\n"
    "  event trade symbol=@orders:order price=@orders:order.price~3 quantity=quantity \\\n"
    "    conditions=[one,two] when number\n"
    "  forget orders:order when quantity=1\n"
    "message 'L' long_message\n  text8 name\n  i64 price\n  u64 size\n  u8 kind\n"
    "  event trade symbol=name price=price~9 quantity=size venue=kind{1:ONE,2:TWO,*:OTHER}\n"
    "  event statistic symbol=name statistic=kind{1:OPEN,2:CLOSE} price=price~4 when kind!=9\n";

struct packet {
    char bytes[600];
    size_t n;
};

static void put(struct packet *p, uint64_t v, unsigned size) {
    for (unsigned i = size; i-- > 0;)
        p->bytes[p->n++] = (char)(v >> (8 * i));
}

static void put_text(struct packet *p, uint64_t *seed, unsigned size) {
    static const char letters[] = "AB  \0x";
    for (unsigned i = 0; i < size; i++)
        p->bytes[p->n++] = letters[k2test_random(seed) % (k2test_random(seed) % 4 ? 3 : 6)];
}

/* Mostly small, so that ids meet; sometimes anything. */
static uint64_t number(uint64_t *seed) {
    uint64_t v = k2test_random(seed);
    return v % 16 == 0 ? k2test_random(seed) : v % 16 == 1 ? UINT64_MAX : (v >> 8) % 5;
}

static void put_add(struct packet *p, uint64_t *seed) {
    put(p, k2test_random(seed) % 8 ? 1567494517 : 0, 4);
    put(p, number(seed), 4);
    put(p, number(seed), 2);
    put(p, (uint64_t) "BSBSx"[k2test_random(seed) % 5], 1);
    put(p, number(seed), 8);
    put(p, number(seed), 4);
    put(p, number(seed), 2);
    put(p, k2test_random(seed), 1);
}

static void put_execute(struct packet *p, uint64_t *seed) {
    put(p, __builtin_bswap64(number(seed)), 8);
    put(p, __builtin_bswap16((uint16_t)number(seed)), 2);
    put_text(p, seed, 6);
    const char *digits = &" 1  42 -7   +1x"[k2test_random(seed) % 13];
    for (int i = 0; i < 3; i++)
        put(p, (uint64_t)digits[i], 1);
    put(p, number(seed), 3);
}

static void put_message(struct packet *p, uint64_t *seed) {
    size_t at = p->n;
    char type = "AAAEEeRL?"[k2test_random(seed) % 9];
    put(p, 0, 1);
    put(p, (uint64_t)type, 1);
    if (type == 'A') {
        put_add(p, seed);
    } else if (type == 'E' || type == 'e') {
        put_execute(p, seed);
    } else if (type == 'R') {
        put(p, number(seed), 2);
        put_text(p, seed, 4);
        put(p, k2test_random(seed) % 4, 1);
    } else if (type == 'L') {
        put_text(p, seed, 8);
        put(p, number(seed), 8);
        put(p, number(seed), 8);
        put(p, number(seed) % 11, 1);
    }
    p->bytes[at] = (char)(p->n - at - (k2test_random(seed) % 40 == 0));
}

static void make_packet(struct packet *p, uint64_t *seed, uint32_t *sequence) {
    unsigned count = (unsigned)(k2test_random(seed) % 6);
    p->n = 0;
    put(p, k2test_random(seed) % 2, 1);
    put(p, *sequence, 4);
    put(p, 1567494517, 4);
    put(p, count, 1);
    for (unsigned i = 0; i < count; i++)
        put_message(p, seed);
    if (k2test_random(seed) % 30 == 0)
        p->n -= k2test_random(seed) % p->n;
    *sequence += count;
}

struct run {
    struct gathered g;
    struct layout_state *state;
};

static void start(struct run *r, const struct layout *l, bool flat, int32_t date) {
    struct k2_err err = {0};
    struct feed_options o = plain_options("-");
    o.date = date;
    gather_init(&r->g);
    r->state = k2_zalloc(l->ops.state_size);
    CHECK_OK(l->ops.init(&l->ops, r->state, &o, r->g.in, &err), &err);
    if (!flat)
        r->state->walk.flat = NULL;
}

/* A copy of its own, so that reading beyond it is seen. */
static void send(struct run *r, const struct packet *p) {
    struct k2_err err = {0};
    char *exact = malloc(p->n ? p->n : 1);
    memcpy(exact, p->bytes, p->n);
    struct feed_frame f = {.time_ns = INT64_C(1567498463000000000),
                           .number = 1,
                           .offset = 77,
                           .datagram = true,
                           .flow_name = K2_SV("udp://1"),
                           .bytes = {exact, p->n}};
    CHECK_OK(layout_frame(r->state, &f, &r->g.sink, &err), &err);
    free(exact);
}

static void compare(const struct run *a, const struct run *b) {
    assert_int_equal(a->g.filtered, b->g.filtered);
    assert_int_equal(a->g.n, b->g.n);
    for (size_t i = 0; i < a->g.n; i++) {
        const struct kept *x = &a->g.all[i], *y = &b->g.all[i];
        assert_int_equal(x->rejected, y->rejected);
        assert_string_equal(x->detail, y->detail);
        assert_int_equal(x->raw_n, y->raw_n);
        assert_memory_equal(x->raw, y->raw, x->raw_n);
        assert_int_equal(x->position, y->position);
        assert_int_equal(x->event.kind, y->event.kind);
        struct k2_h128 p = k2_row_hash(&x->event, a->g.in), q = k2_row_hash(&y->event, b->g.in);
        assert_memory_equal(&p, &q, sizeof p);
        assert_int_equal(k2_event_raw_offset(&x->event), k2_event_raw_offset(&y->event));
        assert_true(x->event.head.exchange_timestamp == y->event.head.exchange_timestamp);
    }
}

/* As ingest does it between batches. */
static void empty(struct run *r) {
    for (size_t i = 0; i < r->g.n; i++)
        free(r->g.all[i].raw);
    r->g.n = 0;
    k2_interner_reset(r->g.in);
}

static void stop(struct run *r, const struct layout *l) {
    l->ops.fini(r->state);
    free(r->state);
    gather_free(&r->g);
}

static void flat_and_walked_messages_give_the_same_events(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct layout *l;
    struct run flat, walked;
    struct packet p;
    uint64_t seed = k2test_seed();
    uint32_t sequence = 5;
    CHECK_OK(layout_parse(k2_sv_of(tape), "t", &l, &err), &err);
    assert_int_equal(l->flat->messages_n, 4);
    start(&flat, l, true, INT32_MIN);
    start(&walked, l, false, INT32_MIN);
    for (int i = 0; i < 20000; i++) {
        make_packet(&p, &seed, &sequence);
        send(&flat, &p);
        send(&walked, &p);
        if (i % 100 == 99) {
            compare(&flat, &walked);
            empty(&flat);
            empty(&walked);
        }
    }
    assert_true(flat.g.events > 10000 && flat.g.rejects > 100 && flat.state->flat_units > 10000);
    assert_int_equal(walked.state->flat_units, 0);
    stop(&flat, l);
    stop(&walked, l);
    layout_free(l);
}

/* --- files of messages without numbers --- */

static const char file[] =
    "layout file-1.0\ntitle T\nexchange ASX\norder big\nframing nasdaq\n"
    "sequence packet_header.sequence each message unless=0\n"
    "time midnight+ns(timestamp)\nunit message\n"
    "struct packet_header\n  u64 sequence\n  u8 count\n"
    "struct header\n  char type\n"
    "struct message  sized=rest\n  header\n  choose header.type\n"
    "packet\n  packet_header\n"
    "packet tcp\n  message inline\n"
    "message 'R' directory_message\n  u16 id\n  u48 timestamp\n  text8 symbol\n"
    "  directory id symbol=symbol\n  event instrument action=DEFINE symbol=symbol venue_id=id\n"
    "message 'A' add_message\n  u16 id\n  u16 number\n  u48 timestamp\n  u64 order\n  char side\n"
    "  u32 shares\n  text8 stock\n  u32 price scale=4\n"
    "  event book_event action=ADD symbol=stock order_id=order side=side{B:BUY,S:SELL} \\\n"
    "    quantity=shares price=price\n"
    "message 'D' delete_message\n  u16 id\n  u16 number\n  u48 timestamp\n  u64 order\n"
    "  event book_event action=DELETE symbol=@id order_id=order\n"
    "message 'F' noted_message\n  u16 id\n  u48 timestamp\n  i64 order\n  text4 note\n  char mark\n"
    "  u32 level\n  event trade symbol=@id price=level quantity=level\n";

static void put_file_message(struct packet *p, uint64_t *seed, int i) {
    static const uint64_t orders[] = {0, 9, 10, 99999999, 100000000, UINT64_C(9999999999999999)};
    char type = "RAADDDF?"[k2test_random(seed) % (i < 40 ? 1 : 8)];
    uint64_t order = k2test_random(seed) % 3 ? k2test_random(seed) % 2000000000
                                             : orders[k2test_random(seed) % 6] + number(seed) % 9;
    size_t at = p->n;
    put(p, 0, 2);
    put(p, (uint8_t)type, 1);
    put(p, k2test_random(seed) % 30, 2);
    if (type == 'A' || type == 'D')
        put(p, k2test_random(seed) % 3, 2);
    put(p, UINT64_C(34200000000000) + (uint64_t)i * UINT64_C(50000000), 6);
    if (type != 'R')
        put(p, order, 8);
    if (type == 'A') {
        put(p, (uint64_t) "BSBSx"[k2test_random(seed) % 5], 1);
        put(p, number(seed), 4);
    }
    if (type == 'A' || type == 'R')
        put_text(p, seed, 8);
    if (type == 'F')
        put_text(p, seed, 5);
    if (type == 'A' || type == 'F')
        put(p, number(seed), 4);
    if (k2test_random(seed) % 90 == 0) /* it is too long */
        put(p, 0, 1);
    p->bytes[at + 1] = (char)(p->n - at - 2);
}

/* Shows so many bytes more as they came; what is not taken is shown again. */
static void show(struct run *r, const struct layout *l, struct k2_buf *bytes, bool last) {
    struct k2_err err = {0};
    size_t used;
    char *exact = malloc(bytes->n ? bytes->n : 1);
    memcpy(exact, bytes->p, bytes->n);
    CHECK_OK(
        l->ops.decode(r->state, (struct k2_sv){exact, bytes->n}, last, &used, &r->g.sink, &err),
        &err);
    free(exact);
    memmove(bytes->p, bytes->p + used, bytes->n - used);
    bytes->n -= used;
}

static void a_file_that_is_run_through_and_one_that_is_walked_give_the_same_events(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct layout *l;
    struct run flat, walked;
    struct k2_buf left[2] = {{0}, {0}};
    uint64_t seed = k2test_seed();
    CHECK_OK(layout_parse(k2_sv_of(file), "t", &l, &err), &err);
    assert_non_null(l->flat->stream[1]);
    start(&flat, l, true, 20514);
    start(&walked, l, false, 20514);
    for (int i = 0; i < 60000; i++) {
        struct packet p = {.n = 0};
        put_file_message(&p, &seed, i);
        if (i + 1 == 60000)
            put(&p, 0, 2);
        k2_buf_put(&left[0], p.bytes, p.n);
        k2_buf_put(&left[1], p.bytes, p.n);
        if (k2test_random(&seed) % 40 && i + 1 < 60000)
            continue;
        show(&flat, l, &left[0], i + 1 == 60000);
        show(&walked, l, &left[1], i + 1 == 60000);
        compare(&flat, &walked);
        if (k2test_random(&seed) % 3 == 0) {
            empty(&flat);
            empty(&walked);
        }
    }
    assert_true(flat.g.events > 30000 && flat.g.rejects > 100 && flat.state->flat_units > 30000);
    assert_true(flat.state->in_stream && walked.state->flat_units == 0);
    stop(&flat, l);
    stop(&walked, l);
    k2_buf_free(&left[0]);
    k2_buf_free(&left[1]);
    layout_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_and_walked_messages_give_the_same_events),
        cmocka_unit_test(a_file_that_is_run_through_and_one_that_is_walked_give_the_same_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
