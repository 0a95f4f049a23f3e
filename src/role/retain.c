/* role/retain.c - journal retention as a command asks for it; see role.h. */
#include "role/line.h"
#include "role/retain.h"
#include "role/role.h"

#include "base/fs.h"

#include <stdlib.h>

/* Proven here, on a journal opened for reading; removed by the platform that holds the journal. */
static K2_RC through_platform(const char *data, struct query_engine *q, struct line *l,
                              const struct role_retention *o, struct retain_report *out,
                              struct k2_err *err) {
    struct journal *j;
    K2_TRY(journal_open(data, JOURNAL_READ, NULL, &j, err));
    int rc = retain_run(j, data, q, o->older_than_ns, 0, true, out, err);
    journal_close(j);
    if (rc != K2_OK || o->dry_run || out->removed == 0)
        return rc;
    struct k2_json *request = k2_json_object(), *answer = NULL;
    k2_json_set(request, "do", k2_json_cstring("retain"));
    k2_json_set(request, "older_than_ns", k2_json_int(o->older_than_ns));
    k2_json_set(request, "last", k2_json_int(out->last));
    K2_TRY(line_send(l, request, -1, err));
    K2_TRY(line_receive(l, &answer, NULL, err));
    int64_t removed = 0;
    rc = answer ? request_error_read(answer, err)
                : k2_fail(err, K2_E_FAILED, "k2 up ended in the middle of the work; say it again");
    if (rc == K2_OK)
        (void)k2_json_as_int(k2_json_get(k2_json_get(answer, "done"), "removed"), &removed);
    out->removed = (int)removed;
    k2_json_free(answer);
    return rc;
}

static K2_RC retain_local(const char *data, struct query_engine *q, const struct role_retention *o,
                          struct retain_report *out, struct k2_err *err) {
    const struct journal_options jo = {.command = o->command};
    struct journal *j;
    K2_TRY(journal_open(data, o->dry_run ? JOURNAL_READ : JOURNAL_WRITE, &jo, &j, err));
    int rc = retain_run(j, data, q, o->older_than_ns, 0, o->dry_run, out, err);
    journal_close(j);
    return rc;
}

int retain_lock(const char *data, const char *command, struct k2_lock **out, struct k2_err *err) {
    char *run = k2_path(data, "run"), *path = k2_path(run, "retain.lock");
    int rc = k2_fs_mkdirs(run, err);
    if (rc == K2_OK)
        rc = k2_lock_take(path, command, out, err);
    free(run);
    free(path);
    return rc;
}

static K2_RC retain(const char *data, const struct role_retention *o, struct retain_report *out,
                    struct k2_err *err) {
    struct query_engine *q;
    struct line *l;
    struct k2_err none;
    K2_TRY(query_open(data, NULL, &q, err));
    int rc = retain_local(data, q, o, out, err);
    if (rc == K2_E_LOCKED && line_connect(data, &l, &none) == K2_OK) {
        k2_err_clear(err);
        rc = through_platform(data, q, l, o, out, err);
        line_close(l);
    }
    query_close(q);
    return rc;
}

int role_retain(const char *data, const struct role_retention *o, struct retain_report *out,
                struct k2_err *err) {
    struct k2_lock *lock = NULL;
    if (!o->dry_run && k2_fs_exists(data))
        K2_TRY(retain_lock(data, o->command, &lock, err));
    int rc = retain(data, o, out, err);
    k2_lock_release(lock);
    return rc;
}
