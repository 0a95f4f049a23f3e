/* feed/sources.c - see sources.h. */
#include "feed/feed_int.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define PCAP "pcap:"
#define SPEED "?speed="
#define HEAD 4096 /* bytes of a file that tell its format */

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

struct k2_sv feed_telling_name(const char *path) {
    size_t n = feed_archive_part(path);
    if (n == 0)
        return name_of(path);
    while (n > 0 && path[n - 1] != '/')
        n--;
    return k2_sv_of(path + n);
}

/* `feed`: what the file was said to be, or NULL. Gives what it is, NULL: none of ours, or not that. */
static const struct feed_ops *recognise(const struct sources *s, const struct feed_ops *feed,
                                        struct k2_sv name, struct k2_sv head) {
    if (feed && !feed->templates && s->mapping.n) {
        bool parquet = s->parquet && k2_sv_ends(name, K2_SV(".parquet"));
        return parquet || feed_mapping_fits(s->mapping, head) ? feed : NULL;
    }
    if (feed &&
        feed->table) /* a version of its own, or an older one: the newest is not what is meant */
        return feed_fits(feed, name, head) ? feed : NULL;
    const struct feed_ops *found = feed_detect(name, head);
    return feed && found != feed ? NULL : found;
}

/* Reads the head of a file. K2_OK and *found NULL: it is none of ours. */
static int look(const struct sources *s, const char *path, const struct feed_ops *feed,
                const struct feed_ops **found, struct k2_err *err) {
    struct k2_buf head = {0};
    int rc = feed_file_head(path, HEAD, &head, err);
    *found = rc == K2_OK ? recognise(s, feed, feed_telling_name(path), k2_buf_view(&head)) : NULL;
    if (rc == K2_OK && !*found)
        rc = k2_err_context(err, feed_raw_check_version(k2_buf_view(&head), err), "%s", path);
    k2_buf_free(&head);
    return rc;
}

/* A file that was named, and whose format nobody knows. */
static void say_unknown(const char *path, struct k2_err *err) {
    struct k2_buf head = {0};
    struct k2_err unread = {0};
    const char *why = feed_file_head(path, HEAD, &head, &unread) == K2_OK
                          ? feed_unknown_why(k2_buf_view(&head))
                          : NULL;
    if (why)
        (void)k2_fail(err, K2_E_INVALID, "%s: %s", path, why);
    else
        (void)k2_fail(err, K2_E_INVALID,
                      "%s is in none of the known formats; k2 feed list names them", path);
    k2_buf_free(&head);
}

static void pass_over(struct sources *s, const char *path) {
    size_t n = strlen(s->passed);
    struct k2_sv name = k2_sv_shown(name_of(path));
    s->passed_over++;
    if (n + name.n + sizeof ", , ..." <= sizeof s->passed)
        snprintf(s->passed + n, sizeof s->passed - n, "%s%.*s", n ? ", " : "", K2_SV_ARG(name));
    else if (!k2_sv_ends(k2_sv_of(s->passed), K2_SV("...")))
        snprintf(s->passed + n, sizeof s->passed - n, "%s...", n ? ", " : "");
}

/* What nobody named and nobody knows. */
static void take_unknown(struct sources *s, const char *path) {
    if (s->all)
        append(s, path);
    else
        pass_over(s, path);
}

/* --- archives --- */

/* Hidden, or what a Mac adds to what it packs. */
static bool is_aside(struct k2_sv member) {
    struct k2_sv rest = member;
    while (rest.n > 0) {
        struct k2_sv part = k2_sv_split(&rest, '/');
        if (k2_sv_starts(part, K2_SV(".")) || k2_sv_eq(part, K2_SV("__MACOSX")))
            return true;
    }
    return false;
}

/* The format of a member by its first bytes and ARCHIVE.zip/MEMBER. */
static int look_inside(const struct sources *s, struct k2_archive *a, size_t i, const char *path,
                       const struct feed_ops *feed, const struct feed_ops **found,
                       struct k2_err *err) {
    struct feed_bytes b;
    struct k2_buf head = {0};
    int rc = feed_bytes_open_member(&b, a, i, path, err);
    if (rc == K2_OK)
        rc = feed_bytes_head(&b, HEAD, &head, err);
    *found = rc == K2_OK ? recognise(s, feed, feed_telling_name(path), k2_buf_view(&head)) : NULL;
    k2_buf_free(&head);
    return rc;
}

/* `given`: the format is known to be that of this member. */
static void add_member(struct sources *s, struct k2_archive *a, size_t i, const char *archive,
                       const struct feed_ops *feed, bool given) {
    struct k2_sv member = k2_archive_name(a, i);
    struct k2_buf path = {0};
    const struct feed_ops *found = feed;
    struct k2_err why = {0};
    k2_buf_printf(&path, "%s/%.*s", archive, K2_SV_ARG(member));
    const char *full = k2_buf_cstr(&path);
    int rc = is_aside(member) ? K2_E_NOTFOUND
             : given          ? K2_OK
                              : look_inside(s, a, i, full, feed, &found, &why);
    if (why.status != K2_OK)
        append(s, full)->why = why;
    else if (rc != K2_OK)
        pass_over(s, full);
    else if (!found)
        take_unknown(s, full);
    else
        append(s, full)->feed = found;
    k2_buf_free(&path);
}

/* `named`: by the caller, and not found in a directory. A format is given for the archive's only member. */
static void add_archive(struct sources *s, const char *path, const struct feed_ops *feed,
                        bool named) {
    struct k2_archive *a;
    struct k2_err why = {0};
    if (k2_archive_open(path, &a, &why) != K2_OK) {
        append(s, path)->why = why;
        return;
    }
    bool given = named && feed && k2_archive_count(a) == 1;
    for (size_t i = 0; i < k2_archive_count(a); i++)
        add_member(s, a, i, path, feed, given);
    k2_archive_close(a);
}

/* --- files --- */

static void add_file(struct sources *s, const char *path, const struct feed_ops *feed) {
    bool piped = strcmp(path, "-") == 0;
    if (!piped && is_regular(path) && feed_is_archive(path)) {
        add_archive(s, path, feed, true);
        return;
    }
    struct source_file *f = append(s, path);
    if (!piped && !k2_fs_exists(path) && !feed_is_member(path)) {
        (void)k2_fail(&f->why, K2_E_NOTFOUND, "there is no file %s", path);
        return;
    }
    f->feed = feed;
    if (!feed && piped)
        (void)k2_fail(&f->why, K2_E_USAGE,
                      "the format of standard input cannot be told before it is read; name it: "
                      "k2 ingest FORMAT -");
    else if (!feed && look(s, path, NULL, &f->feed, &f->why) == K2_OK && !f->feed)
        say_unknown(path, &f->why);
}

/* A file found in a directory, which nobody named: only what is of a known format is meant. */
static void add_found(struct sources *s, const char *path, const struct feed_ops *feed) {
    const struct feed_ops *found;
    struct k2_err why = {0};
    if (feed_is_archive(path)) {
        add_archive(s, path, feed, false);
        return;
    }
    if (look(s, path, feed, &found, &why) != K2_OK) {
        append(s, path)->why = why;
        return;
    }
    if (!found) {
        take_unknown(s, path);
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
            pass_over(s, path); /* hidden */
        else if (is_own_directory(path))
            add_directory(s, path, feed);
        else if (is_regular(path))
            add_found(s, path, feed);
        free(path);
    }
    k2_fs_names_free(names, n);
}

/* An address that is none is not looked for among the files. */
static bool add_unknown_scheme(struct sources *s, const char *word) {
    struct k2_err why = {0};
    if (k2_fs_exists(word) || feed_live_check_scheme(word, &why) == K2_OK)
        return false;
    append(s, word)->why = why;
    return true;
}

static void add_live(struct sources *s, const char *url, const struct feed_ops *feed) {
    struct source_file *f = append(s, url);
    f->feed = feed;
    if (!feed)
        (void)k2_fail(&f->why, K2_E_USAGE,
                      "the format of a live source cannot be told before it sends; name it: "
                      "k2 ingest FORMAT %s",
                      url);
}

/* "max" is 0; "10x" is 10. */
static bool read_speed(const char *text, double *speed) {
    char *end;
    *speed = 0;
    if (strcmp(text, "max") == 0)
        return true;
    *speed = strtod(text, &end);
    return *speed > 0 && *speed <= 1e6 && strcmp(end, "x") == 0;
}

/* What is wrong with what stands behind the file's name, to every file that it is. */
static void refuse_from(struct sources *s, size_t first, const struct k2_err *why) {
    for (size_t i = first; i < s->n; i++) {
        s->at[i].feed = NULL;
        s->at[i].why = *why;
    }
}

/* FILE or FILE?speed=10x. */
static void add_paced(struct sources *s, const char *word, const struct feed_ops *feed) {
    const char *mark = k2_fs_exists(word) ? NULL : strrchr(word, '?');
    size_t before = s->n;
    double speed = 0;
    struct k2_err why = {0};
    char *path = k2_sv_dup((struct k2_sv){word, mark ? (size_t)(mark - word) : strlen(word)});
    add_file(s, path, feed);
    free(path);
    if (mark && strncmp(mark, SPEED, strlen(SPEED)) != 0)
        (void)k2_fail(&why, K2_E_USAGE,
                      "what stands behind the file is ?speed=1x, 10x or max, not '%s'", mark);
    else if (mark && !read_speed(mark + strlen(SPEED), &speed))
        (void)k2_fail(&why, K2_E_USAGE, "speed is max, 1x, 10x ..., not '%s'",
                      mark + strlen(SPEED));
    for (size_t i = before; i < s->n; i++)
        s->at[i].speed = speed;
    if (why.status != K2_OK)
        refuse_from(s, before, &why);
}

void sources_add(struct sources *s, const char *word, const struct feed_ops *feed) {
    if (strncmp(word, PCAP, strlen(PCAP)) == 0)
        add_paced(s, word + strlen(PCAP), feed);
    else if (feed_is_live(word))
        add_live(s, word, feed);
    else if (k2_fs_is_directory(word))
        add_directory(s, word, feed);
    else if (!add_unknown_scheme(s, word))
        add_file(s, word, feed);
}

void sources_free(struct sources *s) {
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i].path);
    free(s->at);
    *s = (struct sources){0};
}
