/* query/damage.c - see damage.h.
 *
 * What DuckDB says of a flipped bit reads like a fault of the file ("TProtocolException: Invalid
 * data", "Failed to read file ..."), but also like a fault of a value ("Invalid unicode detected in
 * value construction"), so its words decide only how long we look. Names and types of the SQL were
 * checked over empty stand-ins before the first file was opened, so an error about those does not
 * come here. */
#include "query/damage.h"

#include "base/clock.h"
#include "base/fs.h"

#include <stdlib.h>

/* How long a failed statement may be held up: when it looks like damage, and otherwise. */
#define SUSPECT_NS (10 * K2_NS_PER_SEC)
#define OTHER_NS K2_NS_PER_SEC

void query_reads_add(struct query_reads *r, const struct lake_file *const *files, int n) {
    if (r->n + n > r->room) {
        r->room = r->n + n;
        r->at = k2_realloc(r->at, (size_t)r->room * sizeof *r->at);
    }
    for (int i = 0; i < n; i++)
        r->at[r->n++] = (struct query_read){k2_strdup(files[i]->path), files[i]->bytes};
}

void query_reads_free(struct query_reads *r) {
    for (int i = 0; i < r->n; i++)
        free(r->at[i].path);
    free(r->at);
    *r = (struct query_reads){0};
}

/* Whether the file is there as its manifest says. */
static bool has_size(const struct query_read *f, struct k2_err *why) {
    int64_t size = k2_fs_size(f->path);
    if (size == f->bytes)
        return true;
    if (size < 0)
        (void)k2_fail(why, K2_E_CORRUPT, "data file %s is missing", f->path);
    else
        (void)k2_fail(why, K2_E_CORRUPT, "data file %s has %lld bytes, %lld were written", f->path,
                      (long long)size, (long long)f->bytes);
    return false;
}

static bool have_sizes(const struct query_reads *r, struct k2_err *why) {
    for (int i = 0; i < r->n; i++)
        if (!has_size(&r->at[i], why))
            return false;
    return true;
}

/* The first file whose checksum is wrong, as far as there is time to look, into `why`. *unproven:
 * how many carry none. */
static bool have_checksums(const struct query_reads *r, int64_t limit_ns,
                           const atomic_bool *cancelled, int *unproven, struct k2_err *why) {
    int64_t end = k2_monotonic_ns() + limit_ns;
    for (int i = 0; i < r->n; i++) {
        bool checked;
        if (atomic_load(cancelled) || k2_monotonic_ns() > end)
            return true;
        int rc = parquet_check(r->at[i].path, &checked, why);
        if (rc == K2_E_CORRUPT)
            return false;
        *unproven += rc == K2_OK && !checked;
    }
    return true;
}

static bool is_suspect(int rc, const char *said) {
    return (rc != K2_E_INVALID && rc != K2_E_RANGE) || strstr(said, "file ") ||
           strstr(said, "arquet");
}

/* Whether nothing speaks against the files. */
static bool are_sound(const struct query_reads *r, int rc, const char *said,
                      const atomic_bool *cancelled, struct k2_err *why) {
    int unproven = 0;
    bool suspect = is_suspect(rc, said);
    if (!have_sizes(r, why) ||
        !have_checksums(r, suspect ? SUSPECT_NS : OTHER_NS, cancelled, &unproven, why))
        return false;
    if (unproven == 0 || (rc != K2_E_FAILED && !strstr(said, "Failed to read file")))
        return true;
    (void)k2_fail(why, K2_E_CORRUPT, "a data file cannot be read, of %d without a checksum",
                  unproven);
    return false;
}

int query_reads_blame(const struct query_reads *r, int rc, const atomic_bool *cancelled,
                      struct k2_err *err) {
    struct k2_err said = {0}, why = {0};
    if (rc == K2_OK || rc == K2_E_CANCELLED || rc == K2_E_NOMEM)
        return rc;
    if (err)
        said = *err;
    if (are_sound(r, rc, said.msg, cancelled, &why))
        return rc;
    return k2_fail(err, K2_E_CORRUPT,
                   "%s; k2 verify finds all that is damaged (the engine says: %s)", why.msg,
                   said.msg);
}
