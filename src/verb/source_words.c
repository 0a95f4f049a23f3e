/* verb/source_words.c - see source_words.h. */
#include "verb/source_words.h"

#include "verb/listing.h"
#include "verb/mapping.h"

#include "base/fs.h"

#include <stdlib.h>

static bool looks_like_path(const char *word) {
    return strcmp(word, "-") == 0 || strpbrk(word, "./") != NULL || k2_fs_exists(word);
}

/* A first word that is neither a format nor a file is a format written wrong. */
static int wrong_format(const char *word, struct k2_err *err) {
    int n = feed_count();
    const char **names = k2_alloc(((size_t)n + 1) * sizeof *names);
    for (int i = 0; i < n; i++)
        names[i] = feed_at(i)->name;
    names[n] = "auto";
    const char *best = k2_nearest(word, names, n + 1);
    free(names);
    if (best)
        return k2_fail(err, K2_E_USAGE,
                       "'%s' is neither a format nor a file; did you mean %s? (k2 feed list)", word,
                       best);
    return k2_fail(err, K2_E_USAGE, "'%s' is neither a format (k2 feed list) nor a file", word);
}

/* Takes the FORMAT off the front of the arguments, if there is one. */
static int read_format(const struct verb_context *c, const struct feed_ops **feed, int *first,
                       struct k2_err *err) {
    const char *word = c->args[0];
    *feed = feed_find(k2_sv_of(word));
    if (k2_sv_ends(k2_sv_of(word), K2_SV(".layout")))
        K2_TRY(feed_load(k2_sv_of(word), feed, err));
    *first = *feed || strcmp(word, "auto") == 0;
    if (*first == 0 && !looks_like_path(word))
        return wrong_format(word, err);
    if (*first == c->arg_count)
        return k2_fail(err, K2_E_USAGE, "no SOURCE behind the format %s", word);
    return K2_OK;
}

int source_words_format(const struct verb_context *c, struct k2_buf *mapping,
                        const struct feed_ops **feed, int *first, struct k2_err *err) {
    K2_TRY(verb_mapping_take(c, mapping, feed, first, err));
    return mapping->n == 0 ? read_format(c, feed, first, err) : K2_OK;
}

static int holds_none(const char *where, bool mapped, const struct feed_ops *feed,
                      struct k2_err *err) {
    if (mapped)
        return k2_fail(err, K2_E_INVALID, "%s holds no file with the columns of the mapping",
                       where);
    if (feed)
        return k2_fail(
            err, K2_E_INVALID,
            "%s holds no file that is of %s by its first bytes; name the files, and they "
            "are read as that",
            where, feed->name);
    return k2_fail(err, K2_E_INVALID, "%s holds no file of a known format; k2 feed list", where);
}

int source_words_read(const struct verb_context *c, struct k2_buf *mapping, struct sources *out,
                      struct k2_err *err) {
    const struct feed_ops *feed;
    int first;
    K2_TRY(source_words_format(c, mapping, &feed, &first, err));
    out->mapping = k2_buf_view(mapping);
    out->parquet = true;
    for (int i = first; i < c->arg_count; i++)
        sources_add(out, c->args[i], feed);
    if (out->n == 0)
        return holds_none(c->args[first], mapping->n > 0, feed, err);
    if (out->passed_over > 0)
        verb_note(c, "%zu %s passed over: hidden or not of the format (%s)", out->passed_over,
                  human_word((int64_t)out->passed_over, "file", "files"), out->passed);
    return K2_OK;
}
