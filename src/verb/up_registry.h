/* verb/up_registry.h - the schema registry that `k2 up` shows at its HTTP door. */
#ifndef K2_VERB_UP_REGISTRY_H
#define K2_VERB_UP_REGISTRY_H

#include "journal/journal.h"

#include <pthread.h>

struct up_registry { /* opened by the first request, for none may come */
    const char *data;
    pthread_mutex_t mutex;
    struct journal *journal; /* of a journal on Kafka, whose copy it is; else NULL */
    struct k2_registry *registry;
};

K2_RC up_registry_get(struct up_registry *u, struct k2_registry **out, struct k2_err *err);
void up_registry_close(struct up_registry *u);

#endif
