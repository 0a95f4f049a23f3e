/* Totals by several threads: those of a model, one symbol being a thousand times busier than the others; also where
 * somebody wrote records with keys that are not their symbols'. */
#include "base/log.h"
#include "journal/journal.h"
#include "k2test.h"

enum { SYMBOLS = 40, DAY = 20000 };

struct world {
    char *dir;
    struct journal *journal;
    struct journal_topic topic;
    struct k2_interner *in;
    uint32_t schema, seed;
    int64_t trades[SYMBOLS], quantity[SYMBOLS]; /* the model */
};

static void begin(struct world *w) {
    struct k2_err err = {0};
    *w = (struct world){.dir = k2test_dir(), .in = k2_interner_new(), .seed = 5};
    CHECK_OK(journal_open(w->dir, JOURNAL_WRITE, NULL, &w->journal, &err), &err);
    CHECK_OK(journal_topic(w->journal, K2_SV("market.ticks.sim"), true, &w->topic, &err), &err);
    CHECK_OK(k2_registry_register(journal_registry(w->journal), K2_SV("market.ticks.sim-value"),
                                  k2_sv_of(k2_kind(K2_KIND_TRADE)->avro_schema), &w->schema, &err),
             &err);
}

static void end(struct world *w) {
    journal_close(w->journal);
    k2_interner_free(w->in);
    k2test_rmdir(w->dir);
}

static struct k2_event trade(struct world *w, int symbol, int64_t quantity) {
    struct k2_event e;
    char name[8];
    snprintf(name, sizeof name, "S%d", symbol);
    k2_event_blank(&e, K2_KIND_TRADE);
    e.kind = K2_KIND_TRADE;
    e.head.exchange = k2_intern(w->in, K2_SV("SIM"));
    e.head.symbol = k2_intern(w->in, k2_sv_of(name));
    e.head.channel = k2_intern(w->in, K2_SV("1"));
    e.head.trade_date = DAY;
    assert_int_equal(k2_decimal_parse(K2_SV("1"), 38, K2_PRICE_SCALE, &e.trade.price, NULL), K2_OK);
    assert_int_equal(k2_decimal_parse(K2_SV("1"), 38, K2_QUANTITY_SCALE, &e.trade.quantity, NULL),
                     K2_OK);
    e.trade.quantity *= quantity;
    return e;
}

/* key NULL: the symbol's. */
static void append(struct world *w, int symbol, const char *key) {
    struct k2_err err = {0};
    struct k2_buf own = {0};
    int64_t quantity = 1 + w->trades[symbol] % 9;
    struct k2_event e = trade(w, symbol, quantity);
    k2_event_key(&e, w->in, &own);
    struct k2_sv chosen = key ? k2_sv_of(key) : k2_buf_view(&own);
    struct k2_buf *out =
        journal_record_begin(w->journal, w->topic.id, journal_partition(&w->topic, chosen), chosen);
    CHECK_OK(k2_avro_encode(&e, w->in, w->schema, out, &err), &err);
    journal_record_end(w->journal, DAY);
    k2_buf_free(&own);
    w->trades[symbol]++;
    w->quantity[symbol] += quantity;
}

static void append_many(struct world *w, int n) {
    struct k2_err err = {0};
    for (int i = 0; i < n; i++) {
        w->seed = w->seed * 1664525 + 1013904223;
        uint32_t r = w->seed >> 8;
        append(w, r % 1000 ? 0 : 1 + (int)(r / 1000 % (SYMBOLS - 1)), NULL);
    }
    CHECK_OK(journal_commit(w->journal, &err), &err);
}

struct check {
    struct world *world;
    int symbols;
};

static void check_total(void *ctx, const struct k2_event *e, const struct k2_interner *in) {
    struct check *c = ctx;
    int64_t symbol;
    k2_i128 one;
    struct k2_sv name = k2_interned(in, e->head.symbol), digits = {name.p + 1, name.n - 1};
    assert_true(k2_sv_i64(digits, &symbol));
    assert_int_equal(k2_decimal_parse(K2_SV("1"), 38, K2_QUANTITY_SCALE, &one, NULL), K2_OK);
    assert_int_equal(e->volume.trade_count, c->world->trades[symbol]);
    assert_true(e->volume.quantity == one * c->world->quantity[symbol]);
    c->symbols++;
}

static void check_totals(struct world *w, const struct derive *d) {
    struct check c = {w, 0};
    int wanted = 0;
    for (int i = 0; i < SYMBOLS; i++)
        wanted += w->trades[i] > 0;
    derive_totals(d, check_total, &c);
    assert_int_equal(c.symbols, wanted);
}

static void step_all(struct derive *d, int64_t records) {
    struct k2_err err = {0};
    struct derive_report report;
    int64_t sum = 0;
    for (bool more = true; more; sum += report.records)
        CHECK_OK(derive_step(d, 60000, &report, &more, &err), &err);
    assert_int_equal(sum, records);
}

static void totals_are_those_of_one_thread(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct world w;
    struct derive *d;
    begin(&w);
    CHECK_OK(derive_open(w.journal, DERIVE_VOLUME, K2_SV("sim"), NULL, &d, &err), &err);
    for (int round = 0; round < 3; round++) {
        append_many(&w, 100000);
        step_all(d, 100000);
        check_totals(&w, d);
        append_many(&w, 100); /* too few for threads */
        step_all(d, 100);
        check_totals(&w, d);
    }
    derive_close(d);
    CHECK_OK(derive_open(w.journal, DERIVE_VOLUME, K2_SV("sim"), NULL, &d, &err), &err);
    check_totals(&w, d);
    step_all(d, 0);
    derive_close(d);
    end(&w);
}

static void keys_of_somebody_else_are_counted_once_too(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct world w;
    struct derive *d;
    begin(&w);
    CHECK_OK(derive_open(w.journal, DERIVE_VOLUME, K2_SV("sim"), NULL, &d, &err), &err);
    append_many(&w, 30000);
    step_all(d, 30000);
    for (int i = 0; i < 200; i++) /* keys that spread one symbol over all lanes, and none */
        append(&w, i % 3, i % 2 ? "" : i % 4 ? "SIM.S7" : "SIM.S8");
    append_many(&w, 30000);
    step_all(d, 30200);
    check_totals(&w, d);
    derive_close(d);
    CHECK_OK(derive_open(w.journal, DERIVE_VOLUME, K2_SV("sim"), NULL, &d, &err), &err);
    check_totals(&w, d);
    append_many(&w, 30000);
    step_all(d, 30000);
    check_totals(&w, d);
    derive_close(d);
    end(&w);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_those_of_one_thread),
        cmocka_unit_test(keys_of_somebody_else_are_counted_once_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
