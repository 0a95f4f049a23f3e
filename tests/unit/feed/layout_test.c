/* What a layout makes of packets: fields as they are told, and events. */
#include "feed/layout/layout.h"
#include "feed_helper.h"

static const char tape[] =
    "layout tape-1.0\ntitle T\nexchange ASX\norder big\n"
    "sequence header.sequence each message restarts\nchannel \"line\" header.line\n"
    "clock timestamp seconds_message.second\ntime clock+ns(nanoseconds)\n"
    "struct header\n  u8 line\n  u32 sequence\n  u8 count\n"
    "struct message_header\n  u8 length\n  char type\n"
    "struct leg\n  u8 id\n  i16le ratio\n"
    "struct message sized=message_header.length\n  message_header\n  choose message_header.type\n"
    "packet\n  header\n  message repeat=header.count none=255\n"
    "message 'T' seconds_message\n  u32 second\n"
    "message 'H' heartbeat\n  unnumbered\n"
    "message 'X' reset_message\n  reset\n"
    "message 'R' directory_message\n  u16 id\n  text4 symbol\n  u8 decimals\n"
    "  directory id symbol=symbol decimals=decimals\n"
    "  event instrument action=DEFINE symbol=symbol venue_id=id\n"
    "message 'A' add_message\n  u32 nanoseconds clock=timestamp\n  u16 id\n  char side\n"
    "  u32 order\n  i32 price\n  u16 quantity null=max\n  bits8 flags a:1 b:3 c:4\n"
    "  event book_event action=ADD symbol=@id side=side{B:BUY,S:SELL} order_id=order \\\n"
    "    price=price~@id.decimals quantity=quantity when side!='Q'\n"
    "message 'L' legs_message\n  u16 id\n  u8 n\n  leg repeat=n\n  text note length=rest\n"
    "  event trade each leg symbol=@id quantity=ratio when leg.ratio!=0\n";

struct run {
    struct layout *l;
    struct gathered g;
    void *state;
};

static void start(struct run *r, const char *text) {
    struct k2_err err = {0};
    struct feed_options o = plain_options("-");
    gather_init(&r->g);
    CHECK_OK(layout_parse(k2_sv_of(text), "t", &r->l, &err), &err);
    r->state = k2_zalloc(r->l->ops.state_size);
    CHECK_OK(r->l->ops.init(&r->l->ops, r->state, &o, r->g.in, &err), &err);
}

static void finish(struct run *r) {
    r->l->ops.fini(r->state);
    free(r->state);
    layout_free(r->l);
    gather_free(&r->g);
}

/* A copy of its own, so that reading beyond it is seen. */
static void send_at(struct run *r, const char *bytes, size_t n, int64_t ns) {
    struct k2_err err = {0};
    struct feed_frame f = {.time_ns = ns, .number = 1, .flow_name = K2_SV("udp://1")};
    char *copy = k2_alloc(n + 1);
    memcpy(copy, bytes, n);
    char *exact = k2_sv_dup((struct k2_sv){copy, n});
    f.bytes = (struct k2_sv){exact, n};
    CHECK_OK(layout_frame(r->state, &f, &r->g.sink, &err), &err);
    free(exact);
    free(copy);
}

#define SEND(r, bytes) send_at((r), (bytes), sizeof(bytes) - 1, INT64_C(1567498463000000000))

static const struct k2_head *head_of(const struct run *r, size_t i) {
    return &r->g.all[i].event.head;
}

static const char *extra_of(const struct run *r, uint32_t id) {
    static char out[400];
    struct k2_sv blob = k2_interned(r->g.in, id), s;
    out[0] = 0;
    while (id && k2_blob_next(&blob, &s))
        snprintf(out + strlen(out), sizeof out - strlen(out), "%.*s ", K2_SV_ARG(s));
    return out;
}

#define DIRECTORY                                                                                  \
    "\x09R\x00\x07"                                                                                \
    "BHP \x02"
#define ADD                                                                                        \
    "\x14"                                                                                         \
    "A\x00\x00\x00\x05\x00\x07"                                                                    \
    "B\x00\x00\x00\x63\xff\xff\xff\x38\x00\x0a\x35"

static void fields_become_columns_and_the_rest_is_extra(void **state) {
    (void)state;
    struct run r;
    start(&r, tape);
    SEND(&r, "\x01\x00\x00\x00\x0a\x03" DIRECTORY "\x06T\x5d\x6e\x11\x75" ADD);
    assert_int_equal(r.g.events, 3);
    const struct k2_book_event *b = &r.g.all[2].event.book_event;
    assert_int_equal(r.g.all[2].event.kind, K2_KIND_BOOK_EVENT);
    assert_string_equal(text_of(&r.g, b->symbol), "BHP");
    assert_string_equal(text_of(&r.g, b->channel), "line/1");
    assert_string_equal(text_of(&r.g, b->order_id), "99");
    assert_string_equal(text_of(&r.g, b->side), "BUY");
    assert_true(b->price == -2 * k2_pow10(9) && b->quantity == 10 * k2_pow10(10));
    assert_int_equal(b->exchange_sequence_number, 12);
    assert_true(b->exchange_timestamp_ns == INT64_C(1567494517000000005));
    assert_int_equal(b->flags, K2_FLAG_SHARED | K2_FLAG_LAST);
    assert_string_equal(extra_of(&r, b->extra), "flags 53 id 7 ");
    finish(&r);
}

static void an_id_that_is_not_known_stays_a_number_and_its_price_goes_to_extra(void **state) {
    (void)state;
    struct run r;
    start(&r, tape);
    SEND(&r, "\x01\x00\x00\x00\x0a\x01" ADD);
    const struct k2_book_event *b = &r.g.all[0].event.book_event;
    assert_string_equal(text_of(&r.g, b->symbol), "7");
    assert_true(b->price == K2_NULL_DECIMAL);
    assert_non_null(strstr(extra_of(&r, b->extra), "price -200 "));
    assert_true(b->exchange_timestamp_ns ==
                INT64_C(1567498463000000000)); /* no clock: the capture's */
    finish(&r);
}

static void each_item_is_an_event_and_what_has_none_a_message(void **state) {
    (void)state;
    struct run r;
    start(&r, tape);
    SEND(&r, "\x01\x00\x00\x00\x0a\x01\x0fL\x00\x07\x03\x01\x02\x00\x02\xff\xff\x03\x00\x00z");
    assert_int_equal(r.g.events, 3);
    assert_true(r.g.all[0].event.trade.quantity == 2 * k2_pow10(10));
    assert_true(r.g.all[1].event.trade.quantity == -1 * k2_pow10(10));
    assert_string_equal(extra_of(&r, r.g.all[0].event.trade.extra), "id 7 leg.id 1 note z ");
    assert_int_equal(r.g.all[2].event.kind, K2_KIND_MESSAGE);
    for (int i = 0; i < 3; i++)
        assert_true(head_of(&r, (size_t)i)->part == i &&
                    head_of(&r, (size_t)i)->exchange_sequence_number == 10);
    assert_int_equal(r.g.all[0].event.trade.flags & K2_FLAG_LAST, 0);
    assert_int_equal(r.g.all[2].event.message.flags & K2_FLAG_LAST, K2_FLAG_LAST);
    finish(&r);
}

/* The unit is one struct, with nothing to choose in it; its length is its second field. */
static void items_of_a_unit_without_types_are_events_too(void **state) {
    (void)state;
    static const char levels[] =
        "layout levels-1.0\ntitle T\nexchange ASX\norder big\nunit update\n"
        "sequence number each packet\nchannel \"one\"\n"
        "struct level\n  char side\n  u16 price\n"
        "struct update sized=length\n  u8 id\n  u8 length\n  u8 n\n  level repeat=n\n"
        "  event book_event each level action=SET symbol=id side=side{B:BUY,S:SELL} price=price\n"
        "packet\n  u8 number\n  update repeat=rest\n";
    struct run r;
    start(&r, levels);
    SEND(&r, "\x01\x07\x09\x02"
             "B\x00\x05S\x00\x06");
    SEND(&r, "\x02\x07\x06\x01" /* a shorter one behind a longer one */
             "B\x00\x07");
    assert_int_equal(r.g.rejects, 0);
    assert_int_equal(r.g.events, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(r.g.all[i].event.kind, K2_KIND_BOOK_EVENT);
    assert_true(r.g.all[2].event.book_event.price == (k2_i128)7 * 1000000000);
    finish(&r);
}

static void a_message_of_unknown_type_is_kept_and_the_next_ones_go_on(void **state) {
    (void)state;
    struct run r;
    start(&r, tape);
    SEND(&r, "\x01\x00\x00\x00\x0a\x02\x04?\x12\x34\x02X");
    assert_int_equal(r.g.events, 2);
    const struct k2_message *m = &r.g.all[0].event.message;
    assert_string_equal(text_of(&r.g, m->message_type), "unknown ?");
    assert_string_equal(extra_of(&r, m->extra), "message_header.type ? rest 1234 ");
    assert_string_equal(text_of(&r.g, r.g.all[1].event.message.message_type), "reset_message");
    finish(&r);
}

static void a_reset_begins_an_epoch_once_and_so_does_a_number_one(void **state) {
    (void)state;
    struct run r;
    start(&r, tape);
    SEND(&r, "\x01\x00\x00\x00\x0a\x01\x02X");
    SEND(&r, "\x01\x00\x00\x00\x05\x01\x02?");
    SEND(&r, "\x01\x00\x00\x00\x06\x01\x02?");
    SEND(&r, "\x01\x00\x00\x00\x01\x01\x02?");
    static const int epochs[] = {0, 1, 1, 2};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(head_of(&r, i)->epoch, epochs[i]);
    finish(&r);
}

static void heartbeats_and_empty_packets_are_filtered(void **state) {
    (void)state;
    struct run r;
    start(&r, tape);
    SEND(&r, "\x01\x00\x00\x00\x0a\xff");
    SEND(&r, "\x01\x00\x00\x00\x0a\x01\x02H");
    SEND(&r, "\x01\x00\x00\x00\x0a\x01\x02?");
    assert_int_equal(r.g.filtered, 2);
    assert_int_equal(r.g.events, 1);
    finish(&r);
}

static void a_damaged_packet_is_refused_once_behind_its_good_messages(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool numbered;
        const char *why;
    } bad[] = {
        {"\x01\x00\x00", 3, false, "ends inside a field"},
        {"\x01\x00\x00\x00\x0a\x02\x02?", 8, false, "fewer of a struct"},
        {"\x01\x00\x00\x00\x0a\x02\x02?\x01?", 10, true, "shorter than its first fields"},
        {"\x01\x00\x00\x00\x0a\x02\x02?\x09?", 10, true, "longer than what it is in"},
        {"\x01\x00\x00\x00\x0a\x01\x02?zz", 10, false, "belong to no message"},
        {"\x01\x00\x00\x00\x0a\x01\x05T\x01\x02\x03", 11, true, "ends inside a field"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct run r;
        start(&r, tape);
        send_at(&r, bad[i].bytes, bad[i].n, INT64_C(1567498463000000000));
        assert_int_equal(r.g.rejects, 1);
        const struct kept *k = &r.g.all[r.g.n - 1];
        assert_string_equal(k->reason, "MALFORMED");
        assert_int_equal(k->numbered, bad[i].numbered);
        if (!strstr(k->detail, bad[i].why))
            fail_msg("%zu: %s", i, k->detail);
        finish(&r);
    }
}

static void a_value_that_its_column_cannot_hold_is_refused_with_its_number(void **state) {
    (void)state;
    struct run r;
    start(&r, "layout t\ntitle T\nexchange ASX\norder big\nsequence n each packet\n"
              "struct message sized=rest\n  u64 price scale=10\n  event trade price=price\n"
              "packet\n  u8 n\n  message\n");
    SEND(&r, "\x05\x00\x00\x00\x00\x00\x00\x00\x0b");
    assert_int_equal(r.g.rejects, 1);
    assert_string_equal(r.g.all[0].reason, "RANGE");
    assert_true(r.g.all[0].numbered && head_of(&r, 0)->exchange_sequence_number == 5);
    SEND(&r, "\x06\x00\x00\x00\x00\x00\x00\x00\x0a");
    assert_true(r.g.all[1].event.trade.price == 1);
    finish(&r);
}

static const char sbe[] =
    "layout t\ntitle T\nexchange ASX\norder little\n"
    "struct size\n  u8 block\n  u8 n\nstruct item\n  u8 a\n  u16 b\n"
    "struct items\n  size\n  item repeat=size.n size=size.block\n"
    "struct message sized=length\n  u8 length\n  u8 block\n  char type\n  choose type\n"
    "packet\n  message repeat=rest\n"
    "message 'A' one\n  block block\n  u8 x\n  u16 y\n  end\n  items\n"
    "  event trade each items.item quantity=a price=items.item[x].a\n";

static void blocks_of_other_versions_are_read_by_their_sizes(void **state) {
    (void)state;
    struct run r;
    start(&r, sbe);
    SEND(&r, "\x0b\x03"
             "A\x02\x07\x00\x01\x02\x04\x05"
             "x"); /* items of 1 byte, no b; a byte behind */
    SEND(&r, "\x11\x04"
             "A\x01\x07\x00\xee\x04\x02\x04\x05\x00\xee\x06\x07\x00\xee");
    assert_int_equal(r.g.rejects, 0);
    assert_int_equal(r.g.events, 4);
    assert_true(r.g.all[0].event.trade.quantity == 4 * k2_pow10(10));
    assert_true(r.g.all[0].event.trade.price == 5 * k2_pow10(9));
    assert_true(r.g.all[3].event.trade.quantity == 6 * k2_pow10(10));
    assert_true(r.g.all[3].event.trade.price == 4 * k2_pow10(9));
    finish(&r);
}

struct told {
    char text[600];
};

static void told_open(void *ctx, const char *name, int index, size_t at) {
    struct told *t = ctx;
    snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%s.%d@%zu{", name, index,
             at);
}

static void told_close(void *ctx) {
    struct told *t = ctx;
    size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "} ");
}

static void told_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                       size_t size) {
    struct told *t = ctx;
    snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%s=%.*s@%zu+%zu%s ",
             name, K2_SV_ARG(text), at, size, padding ? "!" : "");
}

static const char *told_of(const struct layout *l, void *state, const char *bytes, size_t n) {
    static struct told t;
    const struct feed_visit visit = {&t, told_open, told_close, told_field};
    struct feed_frame f = {.bytes = {bytes, n}, .flow_name = K2_SV("udp://1")};
    struct k2_err err = {0};
    t.text[0] = 0;
    if (l->ops.dissect(&l->ops, state, &f, &visit, &err) != K2_OK) {
        size_t told = strlen(t.text);
        snprintf(t.text + told, sizeof t.text - told, "%.200s", err.msg);
    }
    return t.text;
}

static void every_field_is_told_in_the_order_of_the_wire(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct layout *l;
    CHECK_OK(layout_parse(K2_SV("layout t\ntitle T\nexchange ASX\norder big\n"
                                "struct message\n  i24 a scale=2\n  text4 b\n  bits8 c x:1 y:7\n"
                                "  pad1 d\n  u8 e if=c.x=1\n  u8 f optional\n  digits3 g optional\n"
                                "packet\n  message repeat=rest\n"),
                          "t", &l, &err),
             &err);
    void *s = k2_zalloc(l->ops.state_size);
    assert_string_equal(told_of(l, s,
                                "\xff\xff\x85"
                                "AB  \x05\x00\x09\x08-12",
                                14),
                        "message.0@0{a=-1.23@0+3 b=AB@3+4 c.-1@7{x=1@7+0 y=2@7+0 } d=00@8+1! "
                        "e=9@9+1 f=8@10+1 g=-12@11+3 } ");
    assert_string_equal(told_of(l, s, "\x00\x00\x00    \x04\x00", 9),
                        "message.0@0{a=0@0+3 b=@3+4 c.-1@7{x=0@7+0 y=2@7+0 } d=00@8+1! } ");
    assert_string_equal(told_of(l, s, "\x00\x00", 2),
                        "message.0@0{it ends inside a field, at byte 0 of the frame");
    l->ops.fini(s);
    free(s);
    layout_free(l);
}

/* Each message once, by its name alone; no row for the unit that only chooses one, nor for the unknown. */
static void each_message_is_a_fact_by_its_name(void **state) {
    (void)state;
    static const char *const told[][2] = {{"seconds_message", "message, or what is inside it"},
                                          {"heartbeat", "filtered"},
                                          {"reset_message", "message, or what is inside it"},
                                          {"directory_message", "instrument"},
                                          {"add_message", "book_event"},
                                          {"legs_message", "trade"}};
    struct run r;
    size_t n = 0;
    start(&r, tape);
    for (const struct feed_fact *f = r.l->facts; f->what; f++) {
        if (strcmp(f->what, "message") != 0)
            continue;
        assert_true(n < sizeof told / sizeof *told);
        assert_string_equal(f->name, told[n][0]);
        assert_string_equal(f->text, told[n++][1]);
    }
    assert_int_equal(n, sizeof told / sizeof *told);
    finish(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_become_columns_and_the_rest_is_extra),
        cmocka_unit_test(an_id_that_is_not_known_stays_a_number_and_its_price_goes_to_extra),
        cmocka_unit_test(each_item_is_an_event_and_what_has_none_a_message),
        cmocka_unit_test(items_of_a_unit_without_types_are_events_too),
        cmocka_unit_test(a_message_of_unknown_type_is_kept_and_the_next_ones_go_on),
        cmocka_unit_test(a_reset_begins_an_epoch_once_and_so_does_a_number_one),
        cmocka_unit_test(heartbeats_and_empty_packets_are_filtered),
        cmocka_unit_test(a_damaged_packet_is_refused_once_behind_its_good_messages),
        cmocka_unit_test(a_value_that_its_column_cannot_hold_is_refused_with_its_number),
        cmocka_unit_test(blocks_of_other_versions_are_read_by_their_sizes),
        cmocka_unit_test(every_field_is_told_in_the_order_of_the_wire),
        cmocka_unit_test(each_message_is_a_fact_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
