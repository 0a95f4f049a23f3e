/* The decoders of crypto venues: one message of each type by hand, and what becomes of it. */
#include "feed_helper.h"

static const char *const formats[] = {
    "binance-json", "coinbase-json", "kraken-json",      "bitstamp-json", "bybit-json", "okx-json",
    "deribit-json", "gateio-json",   "hyperliquid-json", "huobi-json",    "tardis-json"};
#define FORMATS (sizeof formats / sizeof *formats)

/* --- events as lines --- */

static void add_value(const struct gathered *g, const struct k2_field *f, const char *at,
                      struct k2_buf *out) {
    char text[K2_DECIMAL_TEXT];
    k2_i128 decimal;
    int64_t number;
    uint32_t id;
    if (f->type == K2_STR) {
        memcpy(&id, at, sizeof id);
        if (id)
            k2_buf_printf(out, " %s=%.*s", f->name, K2_SV_ARG(k2_interned(g->in, id)));
    } else if (f->type == K2_PRICE || f->type == K2_QUANTITY) {
        memcpy(&decimal, at, sizeof decimal);
        k2_decimal_format_short(decimal, f->type == K2_PRICE ? K2_PRICE_SCALE : K2_QUANTITY_SCALE,
                                text);
        if (decimal != K2_NULL_DECIMAL)
            k2_buf_printf(out, " %s=%s", f->name, text);
    } else if (f->type == K2_LONG && f->cls == K2_PAYLOAD) {
        memcpy(&number, at, sizeof number);
        if (number != K2_NULL_LONG)
            k2_buf_printf(out, " %s=%lld", f->name, (long long)number);
    }
}

static void add_strings(const struct gathered *g, const char *name, uint32_t id,
                        struct k2_buf *out) {
    struct k2_sv blob = k2_interned(g->in, id), s;
    if (!id)
        return;
    k2_buf_printf(out, " %s{", name);
    for (int i = 0; k2_blob_next(&blob, &s); i++)
        k2_buf_printf(out, "%s%.*s", i ? " " : "", K2_SV_ARG(s));
    k2_buf_str(out, "}");
}

/* "trade BTC-USD BTC-USD/0/7/0 1 price=1 quantity=2 extra{a b}": kind, symbol, channel/epoch/sequence/part,
 * flags and what the kind has. */
static void add_event(const struct gathered *g, const struct k2_event *e, struct k2_buf *out) {
    const struct k2_kind *kind = k2_kind(e->kind);
    const char *fields = k2_event_fields_const(e);
    uint32_t extra = 0, conditions = 0;
    int32_t flags = 0;
    for (int i = 0; i < kind->field_count; i++) {
        const struct k2_field *f = &kind->fields[i];
        if (f->id == 18)
            memcpy(&flags, fields + f->offset, sizeof flags);
        if (f->id == 19)
            memcpy(&extra, fields + f->offset, sizeof extra);
        if (f->id == 16)
            memcpy(&conditions, fields + f->offset, sizeof conditions);
    }
    k2_buf_printf(out, "%s %s %s/%d/%lld/%d %d", kind->name, text_of(g, e->head.symbol),
                  text_of(g, e->head.channel), e->head.epoch,
                  (long long)e->head.exchange_sequence_number, e->head.part, flags);
    for (int i = 0; i < kind->field_count; i++)
        if (kind->fields[i].id > 12 && kind->fields[i].id != 18)
            add_value(g, &kind->fields[i], fields + kind->fields[i].offset, out);
    add_strings(g, "conditions", conditions, out);
    add_strings(g, "extra", extra, out);
    k2_buf_str(out, "\n");
}

static void add_answers(const struct gathered *g, struct k2_buf *out) {
    for (size_t i = 0; i < g->n; i++)
        if (g->all[i].rejected)
            k2_buf_printf(out, "%s %s\n", g->all[i].reason, g->all[i].detail);
        else
            add_event(g, &g->all[i].event, out);
    if (g->filtered)
        k2_buf_printf(out, "filtered %lld %s\n", (long long)g->filtered, g->why);
}

static void check(const char *format, const char *message, const char *expected) {
    struct feed_options o = plain_options("x");
    struct gathered g;
    struct k2_buf out = {0};
    gather_init(&g);
    decode_text(format, &o, k2_sv_of(message), 0, &g);
    add_answers(&g, &out);
    if (strcmp(k2_buf_cstr(&out), expected) != 0)
        fail_msg("%s: %s\ngives\n%swanted\n%s", format, message, k2_buf_cstr(&out), expected);
    k2_buf_free(&out);
    gather_free(&g);
}

struct example {
    const char *format, *message, *expected;
    bool told; /* its shape alone tells the venue */
};

static const struct example examples[] = {
#include "venue_examples/binance.inc"
#include "venue_examples/coinbase.inc"
#include "venue_examples/kraken.inc"
#include "venue_examples/bitstamp.inc"
#include "venue_examples/bybit.inc"
#include "venue_examples/okx.inc"
#include "venue_examples/deribit.inc"
#include "venue_examples/gateio.inc"
#include "venue_examples/hyperliquid.inc"
#include "venue_examples/huobi.inc"
#include "venue_examples/tardis.inc"
#include "venue_examples/answers.inc"
#include "venue_examples/rest.inc"
};

static void each_type_of_message_becomes_what_it_is(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check(examples[i].format, examples[i].message, examples[i].expected);
}

/* --- what holds for all of them --- */

static void the_shape_of_a_message_tells_its_venue(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const char *why = NULL, *best = "";
        int sure = 49;
        for (size_t k = 0; k < FORMATS; k++) {
            const struct feed_ops *ops = feed_find(k2_sv_of(formats[k]));
            int found = ops->detect(ops, K2_SV("x"), k2_sv_of(examples[i].message), &why);
            if (found > sure) {
                sure = found;
                best = ops->name;
            }
        }
        if (examples[i].told && strcmp(best, examples[i].format) != 0)
            fail_msg("%s is taken for %s", examples[i].message, best);
    }
}

static void every_message_gives_the_same_however_it_is_contained(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct k2_buf text = {0};
        struct k2_sv message = k2_sv_of(examples[i].message), line;
        if (message.p[0] != '{' && message.p[0] != '[')
            continue;
        k2_buf_str(&text, "wss://nowhere/x <-> 1500000000.5\n");
        while (message.n) {
            line = k2_sv_split(&message, '\n');
            k2_buf_printf(&text, "wss://nowhere/x <- 1500000000.5: {}\n1700000000.25: %.*s\n",
                          K2_SV_ARG(line));
        }
        struct feed_options o = plain_options("x");
        struct gathered plain, cryptofeed;
        gather_init(&plain);
        gather_init(&cryptofeed);
        decode_text(examples[i].format, &o, k2_sv_of(examples[i].message), 0, &plain);
        decode_text(examples[i].format, &o, k2_buf_view(&text), 7, &cryptofeed);
        assert_int_equal(plain.events, cryptofeed.events);
        for (size_t k = 0; k < plain.n; k++) {
            struct k2_h128 a = k2_payload_hash(&plain.all[k].event, plain.in);
            struct k2_h128 b = k2_payload_hash(&cryptofeed.all[k].event, cryptofeed.in);
            assert_int_equal(k2_h128_cmp(a, b), 0);
            assert_int_equal(cryptofeed.all[k].event.head.receive_timestamp_ns,
                             INT64_C(1700000000250000000));
        }
        gather_free(&plain);
        gather_free(&cryptofeed);
        k2_buf_free(&text);
    }
}

/* Stopped after any message and gone on in another decoder, numbers and epochs are the same. */
static void a_decoder_goes_on_where_another_one_stopped(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct feed_ops *ops = feed_find(k2_sv_of(examples[i].format));
        struct feed_options o = plain_options("x");
        struct k2_buf text = {0}, saved = {0}, once = {0}, twice = {0};
        struct k2_err err = {0};
        struct gathered g, whole;
        size_t used;
        k2_buf_printf(&text, "%s\n%s\n", examples[i].message, examples[i].message);
        struct k2_sv all = k2_buf_view(&text);
        gather_init(&g);
        gather_init(&whole);
        decode_text(ops->name, &o, all, 0, &whole);
        void *a = calloc(1, ops->state_size), *b = calloc(1, ops->state_size);
        CHECK_OK(ops->init(ops, a, &o, g.in, &err), &err);
        CHECK_OK(ops->decode(a, (struct k2_sv){all.p, all.n / 2}, false, &used, &g.sink, &err),
                 &err);
        ops->save(a, &saved);
        CHECK_OK(ops->init(ops, b, &o, g.in, &err), &err);
        assert_true(ops->restore(b, k2_buf_view(&saved)));
        all = (struct k2_sv){all.p + used, all.n - used};
        CHECK_OK(ops->decode(b, all, true, &used, &g.sink, &err), &err);
        add_answers(&whole, &once);
        add_answers(&g, &twice);
        assert_string_equal(k2_buf_cstr(&once), k2_buf_cstr(&twice));
        for (size_t n = 0; n < saved.n; n++) { /* a piece of a state is none */
            void *c = calloc(1, ops->state_size);
            CHECK_OK(ops->init(ops, c, &o, g.in, &err), &err);
            assert_false(ops->restore(c, (struct k2_sv){(const char *)saved.p, n}));
            ops->fini(c);
            free(c);
        }
        ops->fini(a);
        ops->fini(b);
        free(a);
        free(b);
        gather_free(&g);
        gather_free(&whole);
        k2_buf_free(&text);
        k2_buf_free(&saved);
        k2_buf_free(&once);
        k2_buf_free(&twice);
    }
}

static void damages_are_answered_and_what_is_refused_says_why(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int turn = 0; turn < 20000; turn++) {
        const struct example *x =
            &examples[k2test_random(&seed) % (sizeof examples / sizeof *examples)];
        char *text = k2_strdup(x->message);
        size_t n = strlen(text);
        struct feed_options o = plain_options("x");
        struct gathered g;
        for (int i = 0; i < 2; i++)
            text[k2test_random(&seed) % n] =
                "{}[]\":,\\u01\n -e.t\xff\x01"[k2test_random(&seed) % 19];
        gather_init(&g);
        decode_text(x->format, &o, (struct k2_sv){text, n}, 0, &g);
        assert_true(g.events + g.rejects + g.filtered > 0);
        for (size_t k = 0; k < g.n; k++)
            assert_true(!g.all[k].rejected || (*g.all[k].detail && g.all[k].raw_n > 0));
        gather_free(&g);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_of_message_becomes_what_it_is),
        cmocka_unit_test(the_shape_of_a_message_tells_its_venue),
        cmocka_unit_test(every_message_gives_the_same_however_it_is_contained),
        cmocka_unit_test(a_decoder_goes_on_where_another_one_stopped),
        cmocka_unit_test(damages_are_answered_and_what_is_refused_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
