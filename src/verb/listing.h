/* verb/listing.h - the one printer of lists: rows of cells as table, csv, json, ndjson or markdown.
 *
 * The caller names the columns, then gives the cells row by row; the printer knows when a row is full.
 * For people (table, markdown) sizes are rounded and counts have thousands separators; for programs
 * (csv, json, ndjson) everything is exact. A table that is wider than its terminal has its widest texts
 * cut, with an ellipsis; elsewhere nothing is ever cut. JSON is one array of objects; longs beyond 2^53 are strings.
 */
#ifndef K2_VERB_LISTING_H
#define K2_VERB_LISTING_H

#include "verb/verb.h"

struct listing_column {
    const char *name; /* in csv and json */
    const char *head; /* for people; NULL = the name */
};

struct listing;

/* To stdout in the format of --format, or to the file of --out, if the verb has these options. The
 * columns are borrowed until the end. */
K2_RC listing_open(const struct verb_context *c, const struct listing_column *columns, int n,
                   struct listing **out, struct k2_err *err);
/* The same for a verb whose --out is something else. */
struct listing *listing_on_stdout(const struct verb_context *c,
                                  const struct listing_column *columns, int n);
bool listing_for_people(const struct listing *l);
void listing_text(struct listing *l, struct k2_sv text);
void listing_cstring(struct listing *l, const char *text); /* NULL = null */
void listing_count(struct listing *l, int64_t n);          /* 12,345 for people */
void listing_number(struct listing *l, int64_t n);         /* ids and offsets: digits only */
void listing_bytes(struct listing *l, int64_t n);          /* 1.2 MB for people */
void listing_time(struct listing *l, int64_t ns);          /* to the ms for people */
void listing_bool(struct listing *l, bool yes);
void listing_null(struct listing *l);
/* Ends the list and frees it. A row that is not full is our own bug (asserted). */
K2_RC listing_close(struct listing *l, struct k2_err *err);
void listing_drop(struct listing *l); /* after an error: frees it; NULL is fine */

/* Where --out and --format send results. A file appears under its name only when it is complete. */
struct out_file {
    FILE *to; /* stdout, or the file */
    enum query_format format;
    bool parquet; /* --out x.parquet: `to` is NULL, the caller writes `path` */
    const char *path;
    char *partial;                     /* NULL: `path` is written in place */
    const struct verb_context *teller; /* says how many rows are in the file; NULL = nobody */
    int64_t rows;
};

struct out_file out_stdout(const struct verb_context *c); /* --format only */
K2_RC out_open(const struct verb_context *c, struct out_file *out, struct k2_err *err);
/* K2_E_NOTFOUND when the file that a command is to write has no directory to be in. */
K2_RC out_check_directory(const char *path, struct k2_err *err);
K2_RC out_close(struct out_file *out, struct k2_err *err);
void out_drop(struct out_file *out); /* after an error */

/* For sentences: "12,345", "1.2 MB", "3.4 s". */
#define HUMAN_TEXT 32
const char *human_count(int64_t n, char out[HUMAN_TEXT]);
/* The word, or words, that go with a count: human_word(n, "row", "rows"). */
const char *human_word(int64_t n, const char *one, const char *many);
const char *human_bytes(int64_t n, char out[HUMAN_TEXT]);
const char *human_span(int64_t ns, char out[HUMAN_TEXT]);

#endif
