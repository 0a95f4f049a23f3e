/* feed/sources.c - see sources.h. */
#include "feed/feed.h"

#include "base/fs.h"

#include <stdlib.h>
#include <sys/stat.h>

#define HEAD 4096 /* bytes of a file that tell its format */

static bool is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_regular(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Links to directories are not followed: they may lead back to where the walk came from. */
static bool is_own_directory(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static struct source_file *append(struct sources *s, const char *path) {
    s->at = k2_realloc(s->at, (s->n + 1) * sizeof *s->at);
    s->at[s->n] = (struct source_file){.path = k2_strdup(path)};
    return &s->at[s->n++];
}

static struct k2_sv name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return k2_sv_of(slash ? slash + 1 : path);
}

/* Reads the head of a file. K2_OK and *feed NULL: it is none of ours. */
static int look(const char *path, const struct feed_ops **feed, struct k2_err *err) {
    struct k2_buf head = {0};
    int rc = feed_file_head(path, HEAD, &head, err);
    *feed = rc == K2_OK ? feed_detect(name_of(path), k2_buf_view(&head)) : NULL;
    k2_buf_free(&head);
    return rc;
}

static void add_file(struct sources *s, const char *path, const struct feed_ops *feed) {
    struct source_file *f = append(s, path);
    bool piped = strcmp(path, "-") == 0;
    if (!piped && !k2_fs_exists(path)) {
        (void)k2_fail(&f->why, K2_E_NOTFOUND, "there is no file %s", path);
        return;
    }
    f->feed = feed;
    if (!feed && piped)
        (void)k2_fail(&f->why, K2_E_USAGE,
                      "the format of standard input cannot be told before it is read; name it: "
                      "k2 ingest FORMAT -");
    else if (!feed && look(path, &f->feed, &f->why) == K2_OK && !f->feed)
        (void)k2_fail(&f->why, K2_E_INVALID,
                      "%s is in none of the known formats; k2 feed list names them", path);
}

/* A file found in a directory, which nobody named: only what is of a known format is meant. */
static void add_found(struct sources *s, const char *path, const struct feed_ops *feed) {
    const struct feed_ops *found;
    struct k2_err why = {0};
    if (look(path, &found, &why) != K2_OK) {
        append(s, path)->why = why;
        return;
    }
    if (!found || (feed && found != feed)) {
        s->passed_over++;
        return;
    }
    append(s, path)->feed = found;
}

static void add_directory(struct sources *s, const char *dir, const struct feed_ops *feed) {
    char **names;
    size_t n;
    struct k2_err why = {0};
    if (k2_fs_list(dir, &names, &n, &why) != K2_OK) {
        append(s, dir)->why = why;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char *path = k2_path(dir, names[i]);
        if (names[i][0] == '.')
            s->passed_over++; /* hidden */
        else if (is_own_directory(path))
            add_directory(s, path, feed);
        else if (is_regular(path))
            add_found(s, path, feed);
        free(path);
    }
    k2_fs_names_free(names, n);
}

void sources_add(struct sources *s, const char *word, const struct feed_ops *feed) {
    if (is_directory(word))
        add_directory(s, word, feed);
    else
        add_file(s, word, feed);
}

void sources_free(struct sources *s) {
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i].path);
    free(s->at);
    *s = (struct sources){0};
}
