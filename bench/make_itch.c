/* bench/make_itch.c - makes NASDAQ TotalView-ITCH 5.0 in BinaryFILE, for bench/decode.c and its peer.
 *
 * usage: make_itch FILE MESSAGES
 *
 * The mix is that of a usual day: mostly orders that are added and deleted, some executed, cancelled, replaced. Orders
 * live in a window of the last 65536; instruments are drawn with a heavy tail.
 */
#include "base/buf.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

#define STOCKS 8000
#define WINDOW 65536

static uint64_t state = 20261121;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct maker {
    struct k2_buf *out;
    uint64_t ns, orders, trades;
    uint16_t stock[WINDOW]; /* of order n, at n % WINDOW */
};

static void put(struct maker *m, uint64_t v, unsigned size) {
    for (unsigned i = size; i-- > 0;)
        k2_buf_byte(m->out, (uint8_t)(v >> (8 * i)));
}

static void put_stock(struct maker *m, unsigned stock) {
    char name[16];
    snprintf(name, sizeof name, "S%u      ", stock % 10000);
    k2_buf_put(m->out, name, 8);
}

static void begin(struct maker *m, char type, unsigned size, unsigned stock) {
    put(m, size, 2);
    put(m, (uint8_t)type, 1);
    put(m, stock, 2);
    put(m, draw() % 4 ? 0 : 2, 2);
    put(m, m->ns += draw() % 20000, 6);
}

static void put_directory(struct maker *m, unsigned stock) {
    begin(m, 'R', 39, stock);
    put_stock(m, stock);
    k2_buf_put(m->out, "QN\0\0\0dNCZ PN N\0\0\0\0N", 20);
}

static unsigned draw_stock(void) {
    uint64_t r = draw();
    return 1 + (unsigned)(r % STOCKS * (r >> 32 & 1023) / 1023 * (r >> 48 & 1023) / 1023);
}

static uint64_t draw_order(const struct maker *m) {
    uint64_t back = 1 + draw() % (WINDOW / 2);
    return back < m->orders ? m->orders - back : m->orders;
}

static void put_add(struct maker *m, char type) {
    unsigned stock = draw_stock();
    begin(m, type, type == 'F' ? 40 : type == 'P' ? 44 : 36, stock);
    put(m, type == 'P' ? 0 : 2 * ++m->orders, 8);
    m->stock[m->orders % WINDOW] = (uint16_t)stock;
    put(m, draw() & 1 ? 'B' : 'S', 1);
    put(m, 100 * (1 + draw() % 9), 4);
    put_stock(m, stock);
    put(m, 1000000 + draw() % 20000 * 100, 4);
    if (type == 'F')
        k2_buf_str(m->out, "NITE");
    if (type == 'P')
        put(m, ++m->trades, 8);
}

static void put_change(struct maker *m, char type) {
    static const struct {
        char type;
        uint8_t size;
    } sizes[] = {{'E', 31}, {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}};
    uint64_t order = draw_order(m);
    unsigned stock = m->stock[order % WINDOW], i = 0;
    while (sizes[i].type != type)
        i++;
    begin(m, type, sizes[i].size, stock);
    put(m, 2 * order, 8);
    if (type == 'U') {
        put(m, 2 * ++m->orders, 8);
        m->stock[m->orders % WINDOW] = (uint16_t)stock;
    }
    if (type != 'D')
        put(m, 100, 4);
    if (type == 'E' || type == 'C')
        put(m, ++m->trades, 8);
    if (type == 'C')
        put(m, 'Y', 1);
    if (type == 'C' || type == 'U')
        put(m, 1000000 + draw() % 20000 * 100, 4);
}

static void put_message(struct maker *m) {
    /* of 100 messages */
    static const char mix[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAFF"
                              "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"
                              "UUUUUUUUEEEEEECPXX";
    char type = mix[draw() % (sizeof mix - 1)];
    if (type == 'A' || type == 'F' || type == 'P')
        put_add(m, type);
    else
        put_change(m, type);
}

static void make(struct k2_buf *out, uint64_t messages) {
    struct maker *m = k2_zalloc(sizeof *m);
    m->out = out;
    m->ns = UINT64_C(34200000000000);
    begin(m, 'S', 12, 0);
    k2_buf_byte(out, 'O');
    for (unsigned i = 1; i <= STOCKS && i < messages; i++)
        put_directory(m, i);
    for (uint64_t i = STOCKS + 1; i < messages; i++)
        put_message(m);
    put(m, 0, 2); /* the end of the session */
    free(m);
}

int main(int argc, char **argv) {
    uint64_t messages = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    struct k2_buf bytes = {0};
    if (messages == 0) {
        fprintf(stderr, "usage: make_itch FILE MESSAGES\n");
        return 2;
    }
    make(&bytes, messages);
    FILE *f = fopen(argv[1], "wb");
    int failed = !f || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0;
    k2_buf_free(&bytes);
    return failed;
}
