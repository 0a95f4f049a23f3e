/* Calendars looked up for the first time by several threads at once. */
#include "feed/feed.h"
#include "k2test.h"

#include <pthread.h>

static void *look(void *arg) {
    const struct feed_calendar *c = NULL;
    (void)arg;
    if (feed_calendar_find(K2_SV("ASX"), NULL, &c, NULL) != K2_OK)
        return NULL;
    for (int i = 0; i < 1000; i++)
        if (feed_session_date(c, i * K2_NS_PER_DAY + 14 * 3600 * K2_NS_PER_SEC) != i + 1)
            return NULL;
    return (void *)(uintptr_t)c;
}

static void threads_find_the_same_calendar(void **state) {
    (void)state;
    pthread_t threads[8];
    void *first, *other;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, NULL), 0);
    pthread_join(threads[0], &first);
    assert_non_null(first);
    for (int i = 1; i < 8; i++) {
        pthread_join(threads[i], &other);
        assert_ptr_equal(other, first);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_find_the_same_calendar)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
