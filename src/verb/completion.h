/* verb/completion.h - what the scripts of `k2 completion` are made of: the tables of the verbs, as facts
 * about words that any shell can be told.
 */
#ifndef K2_VERB_COMPLETION_H
#define K2_VERB_COMPLETION_H

#include "verb/verb.h"

enum completion_kind {                  /* what may stand somewhere */
                       COMPLETION_NONE, /* nothing that we know */
                       COMPLETION_WORDS,
                       COMPLETION_FILES,
                       COMPLETION_DIRS,
                       COMPLETION_TOPICS,
                       COMPLETION_TABLES,
                       COMPLETION_SUBJECTS,
                       COMPLETION_FORMATS,   /* of feeds, and files */
                       COMPLETION_EXCHANGES, /* known codes */
                       COMPLETION_COMMANDS,  /* of the program */
                       COMPLETION_KINDS
};

struct completion {
    enum completion_kind kind;
    const char *words; /* COMPLETION_WORDS: separated by blanks; borrowed until the next call */
};

struct completion completion_of_option(const struct verb_option *o, struct k2_buf *scratch);
struct completion completion_of_args(const struct verb *v, struct k2_buf *scratch);

/* Visits the program and every verb below it; path is "", "topic", "topic tail" ... */
void completion_each(void (*visit)(void *ctx, const char *path, const struct verb *v), void *ctx);

/* 'text', as shells quote. */
void completion_quote(struct k2_buf *out, const char *text);

void completion_bash(struct k2_buf *out);
void completion_zsh(struct k2_buf *out);
void completion_fish(struct k2_buf *out);

#endif
