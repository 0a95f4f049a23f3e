/* journal/local/tier_stores.c - the file journal/stores: which places were stores of this directory once.
 *
 * FILE. Text, replaced as a whole and durably (base/fs.h):
 *
 *   k2-stores 1                format version
 *   url file:///mnt/k2         a store; one line for each
 *   crc 1a2b3c4d               crc32c of every byte before this line
 *
 * WHY. A directory that is no store is made one only the first time: later an empty one is what stays of a disk that is
 * not mounted. Notes do not tell it for ever, because retention removes them. The line is there before the first object.
 */
#include "journal/local/tier.h"

#include <stdlib.h>

#define STORES_VERSION 1

static int read_stores(const char *path, struct k2_buf *file, struct k2_sv *lines,
                       struct k2_err *err) {
    struct k2_err why = {0};
    int rc = k2_fs_read(path, file, &why);
    *lines = k2_buf_view(file);
    if (rc == K2_E_NOTFOUND) { /* nothing was tiered yet, or by a k2 that did not write it */
        *lines = K2_SV("");
        return K2_OK;
    }
    if (rc == K2_OK)
        rc = journal_text_open(lines, "k2-stores", STORES_VERSION, &why);
    if (rc == K2_OK)
        return K2_OK;
    if (err)
        *err = why;
    return k2_err_context(err, rc, "%s, which lists stores (remove it while the store is mounted)",
                          path);
}

static bool has_line(struct k2_sv lines, const char *url) {
    while (lines.n > 0) {
        struct k2_sv line = k2_sv_split(&lines, '\n');
        if (k2_sv_eq(k2_sv_split(&line, ' '), K2_SV("url")) && k2_sv_eq(line, k2_sv_of(url)))
            return true;
    }
    return false;
}

/* Of a directory whose first segments went before that file was known. */
static bool has_note(const char *dir, int32_t incarnation, const char *url) {
    char **names;
    size_t n;
    int64_t number;
    bool found = false;
    if (k2_fs_list(dir, &names, &n, NULL) != K2_OK)
        return true; /* who cannot tell makes no store */
    for (size_t i = 0; !found && i < n; i++) {
        struct tier_note note;
        found = journal_segment_name(names[i], ".tier", &number) &&
                journal_tier_note_load(dir, incarnation, number, &note, NULL) == K2_OK &&
                strcmp(note.url, url) == 0;
    }
    k2_fs_names_free(names, n);
    return found;
}

static int remember(const char *path, struct k2_sv lines, const char *url, struct k2_err *err) {
    struct k2_buf text = {0};
    k2_buf_printf(&text, "k2-stores %d\n%.*surl %s\n", STORES_VERSION, (int)lines.n, lines.p, url);
    journal_text_close(&text);
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    return rc;
}

/* Remembered behind the opening: a power cut in between leaves a store without objects, and no place that can never
 * become one. */
static int open_known(const char *dir, int32_t incarnation, const char *path, const char *url,
                      struct k2_store **out, struct k2_err *err) {
    struct k2_buf file = {0};
    struct k2_sv lines;
    int rc = read_stores(path, &file, &lines, err);
    bool listed = rc == K2_OK && has_line(lines, url);
    if (rc == K2_OK)
        rc = k2_store_open(url, !listed && !has_note(dir, incarnation, url), out, err);
    if (rc == K2_OK && !listed) {
        rc = remember(path, lines, url, err);
        if (rc != K2_OK) {
            k2_store_close(*out);
            *out = NULL;
        }
    }
    k2_buf_free(&file);
    return rc;
}

int journal_tier_store(const char *dir, int32_t incarnation, const char *url, struct k2_store **out,
                       struct k2_err *err) {
    char *path = k2_path(dir, "stores");
    int rc = open_known(dir, incarnation, path, url, out, err);
    free(path);
    return rc;
}

int journal_tier_outside(const char *dir, const char *url, struct k2_err *err) {
    const char *end = strrchr(dir, '/');
    char *data = end ? k2_sv_dup((struct k2_sv){dir, (size_t)(end - dir)}) : k2_strdup(".");
    int rc = k2_store_outside(url, data, err);
    if (rc == K2_OK)
        rc = k2_store_outside(url, dir, err); /* a link to another disk may be there */
    free(data);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "journal.tier_url");
}
