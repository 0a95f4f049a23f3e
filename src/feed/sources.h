/* feed/sources.h - the SOURCE words of `k2 ingest` as a list of files with their formats.
 *
 * Included by feed.h, the room's face. Thread-safety: none; one owner at a time.
 */
#ifndef K2_FEED_SOURCES_H
#define K2_FEED_SOURCES_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

struct feed_ops;

struct source_file {
    char *path;                  /* "-" = standard input */
    const struct feed_ops *feed; /* NULL: could not be told; `why` says it */
    double speed;                /* of pcap:FILE?speed=10x; 0 = as fast as it goes */
    struct k2_err why;
};

struct sources {
    struct k2_sv mapping; /* given with the format mapped: tells which files fit; borrowed */
    bool parquet;         /* Parquet files are read with it too */
    bool all;             /* files of directories and archives that are of no known format too */
    struct source_file *at;
    size_t n;
    size_t passed_over; /* files of directories that are hidden or not of the format */
    char passed[160];   /* the names of the first of them: "a.txt, b.pdf, ..." */
};

/* Adds a word: a file, or every file of a known format below a directory, in byte order of the path. A zip archive is
 * as a directory: each of its members is a file ARCHIVE.zip/MEMBER; a feed that is given is that of its only member.
 * pcap:FILE?speed=10x is that file, at the pace that it was recorded at, or a multiple; max is as fast as it goes.
 * feed NULL = look at each file. What is wrong with a file is left in its entry. */
void sources_add(struct sources *s, const char *word, const struct feed_ops *feed);
void sources_free(struct sources *s);

#endif
