/* verb/up_registry.c - see up_registry.h.
 *
 * The registry of a journal in the data directory is the file beside it, which is opened without the journal: it holds no
 * segment. Of a journal on Kafka it is the copy that opening the journal makes.
 */
#include "verb/up_registry.h"

#include "base/fs.h"

#include <stdlib.h>

static int open_file(struct up_registry *u, struct k2_err *err) {
    char *dir = k2_path(u->data, "journal");
    int rc = k2_fs_mkdirs(dir, err);
    if (rc == K2_OK)
        rc = k2_registry_open(dir, &u->registry, err);
    free(dir);
    return rc;
}

static int open_copy(struct up_registry *u, struct k2_err *err) {
    K2_TRY(journal_open(u->data, JOURNAL_READ, NULL, &u->journal, err));
    u->registry = journal_registry(u->journal);
    return K2_OK;
}

int up_registry_get(struct up_registry *u, struct k2_registry **out, struct k2_err *err) {
    int rc = K2_OK;
    pthread_mutex_lock(&u->mutex);
    if (!u->registry)
        rc = journal_is_local() ? open_file(u, err) : open_copy(u, err);
    *out = u->registry;
    pthread_mutex_unlock(&u->mutex);
    return rc;
}

void up_registry_close(struct up_registry *u) {
    if (!u->journal)
        k2_registry_close(u->registry);
    journal_close(u->journal);
}
