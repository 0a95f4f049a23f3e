/* verb/out.c - where results go: stdout, or the file that --out names.
 *
 * A regular file is written under a name of its own beside the target and renamed when it is complete,
 * so a failed command leaves the old file as it was. Anything else (/dev/stdout, a pipe) is written in
 * place. These files are exports, not part of the data directory: they are not synced.
 */
#include "verb/listing.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const struct verb_context *c, const char *name) {
    for (const struct verb_option *o = c->verb->options; o && o->name; o++) {
        if (strcmp(o->name, name) == 0)
            return true;
    }
    return false;
}

static bool format_named(const char *word, enum query_format *f) {
    for (int i = 0; verb_formats[i]; i++) {
        if (strcasecmp(verb_formats[i], word) == 0) {
            *f = (enum query_format)i;
            return true;
        }
    }
    return false;
}

/* The format that the end of a path gives. */
static bool format_of(const char *path, enum query_format *f) {
    const char *dot = strrchr(path, '.');
    if (!dot || strchr(dot, '/'))
        return false;
    if (strcasecmp(dot, ".md") == 0)
        return format_named("markdown", f);
    return format_named(strcasecmp(dot, ".jsonl") == 0 ? "ndjson" : dot + 1, f);
}

static bool is_parquet(const char *path) {
    size_t n = strlen(path);
    return n > 8 && strcasecmp(path + n - 8, ".parquet") == 0;
}

int out_check_directory(const char *path, struct k2_err *err) {
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return K2_OK;
    char *directory = k2_sv_dup((struct k2_sv){path, (size_t)(slash - path)});
    int rc = k2_fs_is_directory(directory)
                 ? K2_OK
                 : k2_fail(err, K2_E_NOTFOUND, "there is no directory %s", directory);
    free(directory);
    return rc;
}

static int open_file(struct out_file *o, struct k2_err *err) {
    struct stat st;
    bool in_place = stat(o->path, &st) == 0 && !S_ISREG(st.st_mode);
    const char *name = o->path;
    if (!in_place) {
        struct k2_buf b = {0};
        k2_buf_printf(&b, "%s.partial-%ld", o->path, (long)getpid());
        o->partial = k2_strdup(k2_buf_cstr(&b));
        k2_buf_free(&b);
        name = o->partial;
    }
    o->to = fopen(name, "we");
    return o->to ? K2_OK : k2_fail_errno(err, "%s cannot be written", name);
}

struct out_file out_stdout(const struct verb_context *c) {
    struct out_file out = {.to = stdout};
    if (has(c, "format"))
        (void)format_named(verb_value(c, "format"), &out.format); /* the parser checked it */
    return out;
}

int out_open(const struct verb_context *c, struct out_file *out, struct k2_err *err) {
    *out = out_stdout(c);
    out->path = has(c, "out") ? verb_value(c, "out") : NULL;
    if (!out->path)
        return K2_OK;
    K2_TRY(out_check_directory(out->path, err));
    out->teller = c;
    out->parquet = is_parquet(out->path);
    if (out->parquet) {
        out->to = NULL;
        return K2_OK;
    }
    if (!verb_value_at(c, "format", 0) && !format_of(out->path, &out->format))
        return k2_fail(err, K2_E_USAGE,
                       "--out %s does not end in .csv, .json, .ndjson or .md%s; add --format",
                       out->path, strcmp(c->name, "k2 query") == 0 ? ", or .parquet" : "");
    int rc = open_file(out, err);
    if (rc != K2_OK)
        out_drop(out);
    return rc;
}

static void tell_rows(const struct out_file *o) {
    char rows[HUMAN_TEXT];
    verb_note(o->teller, "%s %s in %s", human_count(o->rows, rows),
              human_word(o->rows, "row", "rows"), o->path);
}

int out_close(struct out_file *o, struct k2_err *err) {
    int rc = K2_OK;
    if (o->to && o->to != stdout) {
        bool bad = ferror(o->to) != 0;
        errno = bad ? EIO : 0;
        if (fclose(o->to) != 0 || bad)
            rc = k2_fail_errno(err, "%s cannot be written", o->path);
        else if (o->partial && rename(o->partial, o->path) != 0)
            rc = k2_fail_errno(err, "%s cannot be written", o->path);
        o->to = NULL;
        if (rc == K2_OK && o->teller)
            tell_rows(o);
    }
    out_drop(o);
    return rc;
}

void out_drop(struct out_file *o) {
    if (o->to && o->to != stdout)
        fclose(o->to);
    if (o->partial)
        unlink(o->partial); /* gone already if it was renamed */
    free(o->partial);
    *o = (struct out_file){0};
}
