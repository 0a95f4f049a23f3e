/* The decoders of crypto venues on real captures: every line is answered, and what the venues themselves say of
 * their books (checksums over the digits of the best levels) comes out of the events. */
#include "feed_helper.h"

/* --- a book of texts --- */

#define LEVELS 6000
#define BOOKS 64

struct level {
    k2_i128 price;
    char price_text[K2_DECIMAL_TEXT], quantity_text[K2_DECIMAL_TEXT];
};
struct book {
    char name[80];
    struct level side[2][LEVELS]; /* bids and asks, by rising price */
    size_t n[2];
    char checksum[24]; /* of the message at hand; empty = it has none */
};
struct books {
    struct book *all[BOOKS];
    size_t n;
    int64_t compared, wrong;
};

static bool find_extra(const struct gathered *g, uint32_t extra, const char *name,
                       struct k2_sv *out) {
    struct k2_sv blob = k2_interned(g->in, extra), key;
    while (extra && k2_blob_next(&blob, &key) && k2_blob_next(&blob, out))
        if (k2_sv_eq(key, k2_sv_of(name)))
            return true;
    return false;
}

/* The text of a number as the venue sent it. */
static void write_number(const struct gathered *g, const struct k2_book_event *e, k2_i128 value,
                         int scale, const char *digits, char out[K2_DECIMAL_TEXT]) {
    struct k2_sv said;
    int64_t n;
    if (!find_extra(g, e->extra, digits, &said)) {
        k2_decimal_format_short(value, scale, out);
        return;
    }
    assert_true(k2_sv_i64(said, &n) && n > 0);
    size_t length = k2_decimal_format(value, scale, out), point = length - (size_t)scale;
    for (; (int64_t)(length - point) < n; length++)
        out[length] = '0';
    out[point + (size_t)n] = 0;
}

static struct book *book_of(struct books *b, const char *name) {
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->all[i]->name, name) == 0)
            return b->all[i];
    assert_true(b->n < BOOKS);
    struct book *made = calloc(1, sizeof *made);
    snprintf(made->name, sizeof made->name, "%s", name);
    return b->all[b->n++] = made;
}

static void set_level(struct book *b, int side, const struct level *l, bool gone) {
    struct level *all = b->side[side];
    size_t at = 0, n = b->n[side];
    while (at < n && all[at].price < l->price)
        at++;
    bool there = at < n && all[at].price == l->price;
    if (gone && there)
        memmove(all + at, all + at + 1, (n - at - 1) * sizeof *all);
    b->n[side] -= gone && there;
    if (gone)
        return;
    assert_true(n < LEVELS);
    if (!there)
        memmove(all + at + 1, all + at, (n - at) * sizeof *all);
    b->n[side] += !there;
    all[at] = *l;
}

static void apply(struct book *b, const struct gathered *g, const struct k2_book_event *e) {
    const char *action = text_of(g, e->action);
    struct k2_sv checksum;
    struct level l = {.price = e->price};
    if (e->part == 0)
        b->checksum[0] = 0;
    if (find_extra(g, e->extra, "checksum", &checksum))
        snprintf(b->checksum, sizeof b->checksum, "%.*s", K2_SV_ARG(checksum));
    if (strcmp(action, "CLEAR") == 0) {
        b->n[0] = b->n[1] = 0;
        return;
    }
    bool gone = strcmp(action, "DELETE") == 0;
    write_number(g, e, e->price, K2_PRICE_SCALE, "price_digits", l.price_text);
    if (!gone)
        write_number(g, e, e->quantity, K2_QUANTITY_SCALE, "quantity_digits", l.quantity_text);
    set_level(b, strcmp(text_of(g, e->side), "SELL") == 0, &l, gone);
}

/* CRC-32 of IEEE 802.3, bit by bit. */
static uint32_t crc32_of(const char *text) {
    uint32_t crc = ~0u;
    for (; *text; text++) {
        crc ^= (uint8_t)*text;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static const struct level *best(const struct book *b, int side, size_t i) {
    if (i >= b->n[side])
        return NULL;
    return side == 0 ? &b->side[0][b->n[0] - 1 - i] : &b->side[1][i];
}

/* Without the point and the zeros in front. */
static void add_digits(struct k2_buf *out, const char *text) {
    bool front = true;
    for (; *text; text++) {
        front = front && (*text == '0' || *text == '.');
        if (!front && *text != '.')
            k2_buf_byte(out, (uint8_t)*text);
    }
}

/* The ten best asks, then the ten best bids. */
static void kraken_text(const struct book *b, struct k2_buf *out) {
    for (int side = 1; side >= 0; side--)
        for (size_t i = 0; i < 10 && best(b, side, i); i++) {
            add_digits(out, best(b, side, i)->price_text);
            add_digits(out, best(b, side, i)->quantity_text);
        }
}

/* The 25 best, bid and ask in turn, with colons between. */
static void okx_text(const struct book *b, struct k2_buf *out) {
    for (size_t i = 0; i < 25; i++)
        for (int side = 0; side < 2; side++)
            if (best(b, side, i))
                k2_buf_printf(out, "%s%s:%s", out->n ? ":" : "", best(b, side, i)->price_text,
                              best(b, side, i)->quantity_text);
}

static void compare(struct books *all, const struct book *b, bool is_signed,
                    void (*text)(const struct book *, struct k2_buf *)) {
    struct k2_buf out = {0};
    char expected[24];
    text(b, &out);
    uint32_t crc = crc32_of(k2_buf_cstr(&out));
    if (is_signed)
        snprintf(expected, sizeof expected, "%d", (int32_t)crc);
    else
        snprintf(expected, sizeof expected, "%u", crc);
    all->compared++;
    all->wrong += strcmp(expected, b->checksum) != 0;
    k2_buf_free(&out);
}

static void check_sums(const struct gathered *g, bool is_signed,
                       void (*text)(const struct book *, struct k2_buf *), int64_t expected) {
    struct books all = {0};
    for (size_t i = 0; i < g->n; i++) {
        const struct k2_book_event *e = &g->all[i].event.book_event;
        if (g->all[i].event.kind != K2_KIND_BOOK_EVENT)
            continue;
        struct book *b = book_of(&all, text_of(g, e->symbol));
        apply(b, g, e);
        if (e->flags & K2_FLAG_LAST && b->checksum[0])
            compare(&all, b, is_signed, text);
    }
    assert_int_equal(all.compared, expected);
    assert_int_equal(all.wrong, 0);
    for (size_t i = 0; i < all.n; i++)
        free(all.all[i]);
}

/* --- captures --- */

static void read_capture(const char *dir, const char *name, const char *format,
                         struct gathered *g) {
    char path[4096];
    struct k2_buf head = {0};
    struct k2_err err = {0};
    const char *why;
    gather_init(g);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_OK(feed_file_head(path, 4096, &head, &err), &err);
    const struct feed_ops *ops = feed_find(k2_sv_of(format));
    assert_true(ops->detect(ops, k2_sv_of(path), k2_buf_view(&head), &why) >= 85);
    struct feed_options o = plain_options(path);
    decode_file(format, &o, path, g);
    k2_buf_free(&head);
}

static int64_t count(const struct gathered *g, enum k2_kind_id kind) {
    int64_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += !g->all[i].rejected && g->all[i].event.kind == kind;
    return n;
}

/* Messages that events of the kind came of. */
static int64_t messages(const struct gathered *g, enum k2_kind_id kind, bool snapshots) {
    int64_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += !g->all[i].rejected && g->all[i].event.kind == kind &&
             g->all[i].event.head.part == 0 &&
             (snapshots || !(g->all[i].event.book_event.flags & K2_FLAG_SNAPSHOT));
    return n;
}

static void checksums_of_kraken_come_out_of_the_events(void **state) {
    (void)state;
    const char *dir = shared_data();
    struct gathered g;
    if (!dir)
        skip();
    read_capture(dir, "crypto-raw-cryptofeed/KRAKEN.ws.50.0.gz", "kraken-json", &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(messages(&g, K2_KIND_BOOK_EVENT, true), 4279);
    check_sums(&g, false, kraken_text, 4269);
    gather_free(&g);
}

static void checksums_of_okx_come_out_of_the_events(void **state) {
    (void)state;
    const char *dir = shared_data();
    struct gathered g;
    if (!dir)
        skip();
    read_capture(dir, "crypto-raw-cryptofeed/OKX.ws.1.0.gz", "okx-json", &g);
    assert_int_equal(g.rejects, 0);
    check_sums(&g, true, okx_text, 290);
    gather_free(&g);
}

static const struct {
    const char *name, *format;
    int64_t trades, quotes, diffs; /* diffs: messages that change a book */
    int64_t refused;               /* they have numbers of more digits than the tables */
} captures[] = {
    {"BINANCE.ws.1.0.gz", "binance-json", 2, 84, 177, 0},
    {"BINANCE_FUTURES.ws.1.0.gz", "binance-json", 91, 613, 764, 0},
    {"COINBASE.ws.28.0.gz", "coinbase-json", 107, 107, 9719, 0},
    {"KRAKEN.ws.48.0.gz", "kraken-json", 10, 0, 0, 0},
    {"KRAKEN.ws.49.0.gz", "kraken-json", 0, 18, 0, 0},
    {"BITSTAMP.ws.1.0.gz", "bitstamp-json", 10, 0, 717, 0},
    {"BYBIT.ws.25.0.gz", "bybit-json", 101, 0, 3252, 0},
    {"BYBIT.ws.26.0.gz", "bybit-json", 150, 0, 1016, 0},
    {"OKX.ws.1.0.gz", "okx-json", 74, 28, 287, 0},
    {"DERIBIT.ws.1.0.gz", "deribit-json", 0, 89, 36, 0},
    {"GATEIO.ws.1.0.gz", "gateio-json", 9, 22, 172, 0},
    {"HUOBI.ws.44.0.gz", "huobi-json", 72, 0, 0, 130},
};

static void captures_are_decoded_whole_and_the_engine_finds_no_gap(void **state) {
    (void)state;
    const char *dir = shared_data();
    if (!dir)
        skip();
    for (size_t i = 0; i < sizeof captures / sizeof *captures; i++) {
        struct gathered g;
        struct k2_err err = {0};
        char name[200];
        snprintf(name, sizeof name, "crypto-raw-cryptofeed/%s", captures[i].name);
        read_capture(dir, name, captures[i].format, &g);
        struct seq_engine *s = seq_engine_new((struct seq_history){0});
        int64_t judged = 0;
        for (size_t k = 0; k < g.n; k++) {
            if (g.all[k].rejected && !g.all[k].numbered)
                continue;
            judged++;
            struct seq_item item = seq_item_of(&g.all[k].event, g.in);
            CHECK_OK(seq_judge(s, &item, 1, &err), &err);
        }
        struct seq_stats stats = seq_engine_stats(s);
        seq_engine_free(s);
        int64_t trades = count(&g, K2_KIND_TRADE), quotes = count(&g, K2_KIND_QUOTE);
        int64_t diffs = messages(&g, K2_KIND_BOOK_EVENT, false);
        if (g.rejects != captures[i].refused || trades != captures[i].trades ||
            quotes != captures[i].quotes || diffs != captures[i].diffs ||
            stats.verdicts[SEQ_NEW] != judged)
            fail_msg("%s: %lld rejects, %lld trades, %lld quotes, %lld diffs, %lld new of %zu",
                     name, (long long)g.rejects, (long long)trades, (long long)quotes,
                     (long long)diffs, (long long)stats.verdicts[SEQ_NEW], g.n);
        gather_free(&g);
    }
}

static void hyperliquid_books_have_twenty_levels_a_side(void **state) {
    (void)state;
    const char *dir = shared_data();
    struct gathered g;
    if (!dir)
        skip();
    read_capture(dir, "hyperliquid-raw/btcusd_20250126.gz", "hyperliquid-json", &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.all[g.n - 1].position, 55);
    assert_int_equal(count(&g, K2_KIND_BOOK_EVENT) % 41, 0);
    gather_free(&g);
}

/* --- orders of Bitstamp --- */

static FILE *open_packed(const char *command, const char *dir, const char *name) {
    char line[4096];
    snprintf(line, sizeof line, "%s '%s/bitstamp-l3/%s' 2>/dev/null", command, dir, name);
    return popen(line, "r");
}

static void read_log(const char *dir, struct gathered *g) {
    struct k2_buf text = {0};
    FILE *f = open_packed("xz -dc", dir, "2015-05-01.log.xz");
    size_t n;
    while ((n = fread(k2_buf_need(&text, 1 << 16), 1, 1 << 16, f)) > 0)
        text.n += n;
    pclose(f);
    struct feed_options o = plain_options("2015-05-01.log");
    gather_init(g);
    if (text.n)
        decode_text("bitstamp-json", &o, k2_buf_view(&text), 100000, g);
    k2_buf_free(&text);
}

static int64_t actions(const struct gathered *g, const char *action) {
    int64_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->all[i].event.kind == K2_KIND_BOOK_EVENT &&
             strcmp(text_of(g, g->all[i].event.book_event.action), action) == 0;
    return n;
}

/* Whether there is a trade of this price and quantity within a second of the time. */
static bool traded(const struct gathered *g, int64_t ms, k2_i128 price, k2_i128 quantity) {
    for (size_t i = 0; i < g->n; i++) {
        const struct k2_trade *t = &g->all[i].event.trade;
        int64_t away = t->exchange_timestamp_ns / K2_NS_PER_MS - ms;
        if (g->all[i].event.kind == K2_KIND_TRADE && away > -1000 && away < 1000 &&
            t->price == price && t->quantity == quantity)
            return true;
    }
    return false;
}

static void
orders_of_bitstamp_are_all_there_and_the_published_trades_are_among_the_trades(void **state) {
    (void)state;
    const char *dir = shared_data();
    struct gathered g;
    char line[300];
    int64_t published = 0, found = 0;
    if (!dir)
        skip();
    read_log(dir, &g);
    if (g.n == 0) {
        printf("SKIP: xz is not there\n");
        gather_free(&g);
        skip();
    }
    assert_int_equal(g.rejects + g.filtered, 0);
    assert_int_equal(actions(&g, "ADD"), 24894);
    assert_int_equal(actions(&g, "MODIFY"), 602);
    assert_int_equal(actions(&g, "DELETE"), 24918);
    assert_int_equal(actions(&g, "CLEAR"), 5011);
    assert_int_equal(count(&g, K2_KIND_TRADE), 575);
    FILE *f = open_packed("gzip -dc", dir, "expected_trades.csv.gz");
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        struct k2_sv rest = k2_sv_of(line), time = k2_sv_split(&rest, ','),
                     price_text = k2_sv_split(&rest, ','), volume = k2_sv_split(&rest, ',');
        int64_t ms;
        k2_i128 price, quantity;
        assert_true(k2_sv_i64(time, &ms));
        assert_int_equal(k2_decimal_parse(price_text, 20, K2_PRICE_SCALE, &price, NULL), K2_OK);
        assert_int_equal(k2_decimal_parse(volume, 28, 2, &quantity, NULL), K2_OK); /* of 1e-8 */
        published++;
        found += traded(&g, ms, price, quantity);
    }
    pclose(f);
    assert_int_equal(published, 482);
    printf("published trades found: %lld of %lld\n", (long long)found, (long long)published);
    assert_int_equal(found, 481); /* the one left differs by 1e-8 from its message */
    gather_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_of_kraken_come_out_of_the_events),
        cmocka_unit_test(checksums_of_okx_come_out_of_the_events),
        cmocka_unit_test(captures_are_decoded_whole_and_the_engine_finds_no_gap),
        cmocka_unit_test(hyperliquid_books_have_twenty_levels_a_side),
        cmocka_unit_test(
            orders_of_bitstamp_are_all_there_and_the_published_trades_are_among_the_trades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
