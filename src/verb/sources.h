/* verb/sources.h - the SOURCE words of `k2 ingest` as a list of files with their formats. */
#ifndef K2_VERB_SOURCES_H
#define K2_VERB_SOURCES_H

#include "verb/verb.h"

struct source {
    char *path;                  /* "-" = standard input */
    const struct feed_ops *feed; /* NULL: could not be told; `why` says it */
    struct k2_err why;
};

struct sources {
    struct source *at;
    size_t n;
    size_t passed_over; /* files of directories whose format is none of ours */
};

/* Adds a word: a file, or every file of a known format below a directory, in byte order of the path.
 * feed NULL = look at each file. What is wrong with a file is left in its entry. */
void sources_add(struct sources *s, const char *word, const struct feed_ops *feed);
void sources_free(struct sources *s);

#endif
