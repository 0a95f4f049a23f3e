/* verb/doctor.c - `k2 doctor`: checks, each finding with what mends it. */
#include "verb/doctor.h"
#include "verb/verbs.h"

#include "base/datadir.h"
#include "base/fs.h"

#include <inttypes.h>
#include <stdarg.h>

/* --- lines --- */

static void put(struct doctor *d, const char *check, const char *state, const char *what,
                const char *fix) {
    listing_cstring(d->list, check);
    listing_cstring(d->list, state);
    listing_cstring(d->list, what);
    listing_cstring(d->list, fix);
}

void doctor_good(struct doctor *d, const char *check, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    put(d, check, "ok", text, NULL);
}

void doctor_bad(struct doctor *d, const char *check, const char *what, const char *fix) {
    put(d, check, "finding", what, fix);
    d->findings++;
}

void doctor_act(struct doctor *d, const char *check, const char *state, const char *what) {
    put(d, check, state, what, NULL);
}

/* --- the run --- */

static K2_RC examine(struct doctor *d, struct k2_err *err) {
    struct k2_err why = {0};
    int rc = k2_datadir_expect(d->c->data, &why);
    if (rc == K2_E_IO || (rc != K2_OK && !k2_fs_exists(d->c->data))) {
        *err = why;
        return rc;
    }
    if (rc != K2_OK) {
        doctor_check_host(d);
        doctor_bad(d, "data directory", why.msg, "name it with --data DIR or K2_DATA");
        return K2_OK;
    }
    if (verb_flag(d->c, "fix"))
        K2_TRY(doctor_mend(d, err));
    doctor_check_host(d);
    doctor_check_data(d);
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"check", NULL}, {"state", NULL}, {"what", NULL}, {"fix", NULL}};
    struct doctor d = {.c = c};
    K2_TRY(listing_open(c, columns, 4, &d.list, err));
    int rc = examine(&d, err);
    if (rc != K2_OK) {
        listing_drop(d.list);
        return rc;
    }
    K2_TRY(listing_close(d.list, err));
    if (d.findings > 0)
        return k2_fail(err, K2_E_DATA, "%d %s", d.findings,
                       human_word(d.findings, "finding", "findings"));
    return K2_OK;
}

static const struct verb_option options[] = {
    {"fix", NULL, NULL, "mend what is safe to mend: a directory that was moved or copied", NULL, 0},
    {"dry-run", NULL, NULL, "with --fix: say what would be done", NULL, 0},
    {"yes", NULL, NULL, "with --fix: do not ask", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {"k2 doctor", "k2 doctor --format json",
                                       "k2 doctor --fix --dry-run", "k2 doctor --fix --yes", NULL};

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "look for what is wrong with machine, configuration and data directory",
    .usage = "[--fix]",
    .about =
        "Each finding comes with what mends it. --fix rewrites the metadata of tables whose data\n"
        "directory was moved or copied, so that they name the files here; nothing else is "
        "changed.\n"
        "Contents are not read: that is for k2 verify and k2 reconcile.",
    .options = options,
    .examples = examples,
    .data_exit = "there are findings",
    .bare = true,
    .run = run,
};
