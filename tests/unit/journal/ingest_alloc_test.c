/* Nothing allocates per event: decoder, sequence engine, Avro and journal reuse their buffers. Counted are
 * the allocations of the whole process, its sync thread included, while a file is ingested: what a file, a
 * day and a write of 256 KB cost is allowed (measured: 49 to 202), a hundredth of one per event is not.
 */
#include "journal/journal.h"
#include "k2test.h"

#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { EVENTS = 50000, MOST = 400 };

static atomic_long allocations;

/* --- counting --- */

#ifdef SANITIZED
/* Of sanitizer/allocator_interface.h, which gcc 12 does not bring along. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *p, size_t n) {
    (void)p;
    (void)n;
    atomic_fetch_add(&allocations, 1);
}

static void on_free(const volatile void *p) {
    (void)p;
}

static void count_allocations(void) {
    if (!__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free))
        fail_msg("the sanitizer has no room for our hooks");
}
#else
/* The executable's definitions stand before the C library's. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

__attribute__((visibility("default"))) void *malloc(size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(p, n);
}

static void count_allocations(void) {}
#endif

/* --- files --- */

static void put_asx(FILE *f, int day, int i) {
    fprintf(f, "03/%02d/2014,%02d:%02d:%02d.%03d,%d.%02d,%d,0,,\n", day, 10 + i / 3600000,
            i / 60000 % 60, i / 1000 % 60, i % 1000, 37 + i % 3, i % 100, 1 + i % 977);
}

static void put_binance(FILE *f, int day, int i) {
    long long ms = 1394409600000LL + day * 86400000LL + i;
    fprintf(f,
            "{\"e\":\"trade\",\"E\":%lld,\"s\":\"%s\",\"t\":%d,\"p\":\"37.%02d\",\"q\":\"0.%d\","
            "\"T\":%lld,\"m\":%s,\"M\":true}\n",
            ms, i % 2 ? "BTCUSDT" : "ETHUSDT", i / 2 + 1, i % 100, 1 + i % 977, ms,
            i % 3 ? "true" : "false");
}

static char *make_file(const char *dir, int day, int events, void (*put)(FILE *f, int day, int i)) {
    char name[64];
    snprintf(name, sizeof name, "1_BHP_201403%02d.txt", day);
    char *path = malloc(strlen(dir) + sizeof name + 2);
    sprintf(path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < events; i++)
        put(f, day, i);
    fclose(f);
    return path;
}

/* --- the test --- */

struct feeding {
    struct journal *j;
    struct ingest *g;
    char *dir;
    const char *format;
    void (*put)(FILE *f, int day, int i);
};

/* Allocations while a day of so many events is ingested. */
static long count_day(struct feeding *f, int day, int events) {
    struct k2_err err = {0};
    char *path = make_file(f->dir, day, events, f->put);
    struct feed_options o = {.date = INT32_MIN, .source = k2_sv_of(path), .symbol = K2_SV("BHP")};
    const struct feed_ops *feed = feed_find(k2_sv_of(f->format));
    int64_t accepted = ingest_stats(f->g).accepted;
    long before = atomic_load(&allocations);
    CHECK_OK(ingest_file(f->g, path, feed, &o, false, &err), &err);
    long used = atomic_load(&allocations) - before;
    assert_int_equal(ingest_stats(f->g).accepted - accepted, events);
    free(path);
    return used;
}

static void check_feed(const char *format, void (*put)(FILE *f, int day, int i)) {
    struct k2_err err = {0};
    struct feeding f = {.dir = k2test_dir(), .format = format, .put = put};
    CHECK_OK(journal_open(f.dir, JOURNAL_WRITE, NULL, &f.j, &err), &err);
    CHECK_OK(ingest_open(f.j, NULL, &f.g, &err), &err);
    count_day(&f, 10, EVENTS); /* buffers grow, topics are made */
    long few = count_day(&f, 11, EVENTS), many = count_day(&f, 12, 4 * EVENTS);
    print_message("%s: %ld allocations for %d events, %ld for %d\n", format, few, EVENTS, many,
                  4 * EVENTS);
    assert_true(few > 0); /* the counter counts */
    assert_true(few < MOST);
    assert_true(many < MOST);
    ingest_close(f.g);
    journal_close(f.j);
    k2test_rmdir(f.dir);
}

static void asx_csv_allocates_nothing_per_event(void **state) {
    (void)state;
    check_feed("asx-csv", put_asx);
}

static void binance_json_allocates_nothing_per_event(void **state) {
    (void)state;
    check_feed("binance-json", put_binance);
}

int main(void) {
    count_allocations();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asx_csv_allocates_nothing_per_event),
        cmocka_unit_test(binance_json_allocates_nothing_per_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
