/* journal/local/position.c - the files journal/positions/<group>: how far a consumer has read.
 *
 * FILE. Text, replaced as a whole and durably:
 *   k2-positions 1
 *   incarnation <of the journal>
 *   <topic id> <partition> <next offset to read>     one line each
 *   crc <crc32c of every byte before this line>
 * VALIDITY. The version is 1, the crc matches, the incarnation is the journal's: offsets of another
 * journal mean nothing here (K2_E_CONFLICT).
 */
#include "journal/local/position.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#define POSITION_VERSION 1

static char *group_path(const struct local *j, const char *group) {
    char *dir = k2_path(j->dir, "positions"), *path = k2_path(dir, group);
    free(dir);
    return path;
}

/* --- the text --- */

static bool parse_line(struct k2_sv line, struct journal_span *out) {
    int64_t topic, partition, from;
    if (!k2_sv_i64(k2_sv_split(&line, ' '), &topic) ||
        !k2_sv_i64(k2_sv_split(&line, ' '), &partition) || !k2_sv_i64(line, &from))
        return false;
    if (topic < 0 || topic > INT32_MAX || partition < 0 || partition > INT32_MAX || from < 0)
        return false;
    *out = (struct journal_span){(int32_t)topic, (int32_t)partition, from, from};
    return true;
}

static int parse_lines(struct k2_sv text, struct journal_span **spans, int *n, struct k2_err *err) {
    while (text.n > 0) {
        *spans = k2_realloc(*spans, (size_t)(*n + 1) * sizeof **spans);
        if (!parse_line(k2_sv_split(&text, '\n'), &(*spans)[*n]))
            return k2_fail(err, K2_E_CORRUPT, "a line is malformed");
        ++*n;
    }
    return K2_OK;
}

int journal_position_parse(struct k2_sv text, int32_t incarnation, struct journal_span **spans,
                           int *n, struct k2_err *err) {
    int64_t found;
    *spans = NULL;
    *n = 0;
    K2_TRY(journal_text_open(&text, "k2-positions", POSITION_VERSION, err));
    struct k2_sv line = k2_sv_split(&text, '\n');
    if (!k2_sv_eq(k2_sv_split(&line, ' '), K2_SV("incarnation")) || !k2_sv_i64(line, &found))
        return k2_fail(err, K2_E_CORRUPT, "a line is malformed");
    if (found != incarnation)
        return k2_fail(err, K2_E_CONFLICT,
                       "its positions are of journal %" PRId64 ", this is journal %d; remove it to "
                       "begin anew",
                       found, incarnation);
    int rc = parse_lines(text, spans, n, err);
    if (rc != K2_OK) {
        free(*spans);
        *spans = NULL;
        *n = 0;
    }
    return rc;
}

void journal_position_format(int32_t incarnation, const struct journal_span *spans, int n,
                             struct k2_buf *out) {
    k2_buf_printf(out, "k2-positions %d\nincarnation %d\n", POSITION_VERSION, incarnation);
    for (int i = 0; i < n; i++)
        k2_buf_printf(out, "%d %d %" PRId64 "\n", spans[i].topic, spans[i].partition,
                      spans[i].from);
    journal_text_close(out);
}

/* --- the calls --- */

int local_position_save(struct journal *journal, const char *group,
                        const struct journal_span *spans, int n, struct k2_err *err) {
    struct local *j = local_of(journal);
    struct k2_buf text = {0};
    char *path = group_path(j, group);
    journal_position_format(j->base.incarnation, spans, n, &text);
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    free(path);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "save the position of group %s", group);
}

int local_position_load(struct journal *journal, const char *group, struct journal_span **spans,
                        int *n, struct k2_err *err) {
    struct local *j = local_of(journal);
    struct k2_buf text = {0};
    struct k2_err why = {0};
    char *path = group_path(j, group);
    int rc = k2_fs_read(path, &text, &why);
    if (rc == K2_E_NOTFOUND)
        rc = K2_OK;
    else if (rc == K2_OK)
        rc = journal_position_parse(k2_buf_view(&text), j->base.incarnation, spans, n, &why);
    if (rc != K2_OK)
        rc = k2_fail(err, rc, "%s: %s", path, why.msg);
    k2_buf_free(&text);
    free(path);
    return rc;
}

/* A replacement that was never renamed is no group. */
static bool is_group(const char *name) {
    return !k2_sv_ends(k2_sv_of(name), K2_SV(".tmp")) && journal_group_check(name, NULL) == K2_OK;
}

int local_groups(struct journal *journal, char ***names, size_t *n, struct k2_err *err) {
    struct local *j = local_of(journal);
    char *dir = k2_path(j->dir, "positions");
    int rc = k2_fs_list(dir, names, n, err);
    free(dir);
    K2_TRY(rc);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        if (is_group((*names)[i]))
            (*names)[kept++] = (*names)[i];
        else
            free((*names)[i]);
    }
    *n = kept;
    return K2_OK;
}

int local_group_remove(struct journal *journal, const char *group, struct k2_err *err) {
    struct local *j = local_of(journal);
    char *path = group_path(j, group), *dir = k2_path(j->dir, "positions");
    int rc = k2_fs_unlink(path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync_dir(dir, err);
    free(path);
    free(dir);
    return rc;
}

int64_t local_group_saved_ns(const struct journal *journal, const char *group) {
    const struct local *j = local_of(journal);
    struct stat st;
    char *path = group_path(j, group);
    bool there = stat(path, &st) == 0;
    free(path);
    return there ? st.st_mtim.tv_sec * K2_NS_PER_SEC + st.st_mtim.tv_nsec : -1;
}
