/* bench/forgotten.c - what is sent and forgotten: log lines, which are written and never synced, and counts in memory, which
 * are gone with the process unless somebody asked for them before. For bench/delivery.sh, which takes the time of the whole.
 *
 * Usage: forgotten log|counter ROWS; log lines go to stderr as all of K2's
 */
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_row(int64_t i) {
    char symbol[24], sequence[24], price[24], quantity[24];
    snprintf(symbol, sizeof symbol, "S%" PRId64, i % 20);
    snprintf(sequence, sizeof sequence, "%" PRId64, i / 20 + 1);
    snprintf(price, sizeof price, "%" PRId64 ".5", 100 + i % 10);
    snprintf(quantity, sizeof quantity, "%" PRId64, 1 + i % 9);
    k2_log(K2_LOG_INFO, "trade", "symbol", symbol, "sequence", sequence, "price", price, "quantity",
           quantity, NULL);
}

/* The series is looked up by its label each time, as where a row is counted. */
static void count_row(int64_t i) {
    static const char *const exchanges[] = {"ASX", "BINANCE", "KRAKEN", "COINBASE"};
    k2_metric_add(k2_metric(K2_METRIC_ingest_accepted, exchanges[i % 4], NULL), 1);
}

int main(int argc, char **argv) {
    if (argc != 3 || (strcmp(argv[1], "log") != 0 && strcmp(argv[1], "counter") != 0)) {
        fprintf(stderr, "usage: forgotten log|counter ROWS\n");
        return 2;
    }
    for (int64_t i = 0; i < atoll(argv[2]); i++)
        if (argv[1][0] == 'l')
            log_row(i);
        else
            count_row(i);
    return 0;
}
