/* Configurations of the platforms that tests step by hand, and what most tests ask of the tables. */
#ifndef PLATFORM_HELPER_H
#define PLATFORM_HELPER_H

#include "place.h"

#define QUIET "[http]\nenabled = false\n"
#define ASX QUIET "[feed.asx]\nformat = asx-csv\nsource = @/1_BHP.csv\n"
#define BHP_DAYS                                                                                   \
    "SELECT trade_date, count(*), count(DISTINCT message_id), sum(quantity)::BIGINT "              \
    "FROM trades WHERE symbol = 'BHP' GROUP BY 1 ORDER BY 1"

/* Longer than a file is taken to be still written after a change. */
enum { QUIET_SECONDS = 15 };

static inline void make_folder(struct place *p) {
    char *path = place_path(p, "in");
    assert_int_equal(mkdir(path, 0777), 0);
    free(path);
}

#endif
