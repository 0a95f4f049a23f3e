/* verb/decode.h - what `k2 decode` is made of: the fields of a frame as a tree, and what prints. */
#ifndef K2_VERB_DECODE_H
#define K2_VERB_DECODE_H

#include "verb/listing.h"

/* --- decode_tree.c: the fields of a frame --- */

struct tree_node {
    const char *name;
    int index; /* of a repeated group; else -1 */
    bool group;
    size_t text, text_n;      /* of a field: its text in `texts` */
    size_t at, size;          /* on the wire, from the start of the frame */
    size_t first, last, next; /* children of a group, and the next sibling; 0 = none */
};

struct tree {
    struct k2_buf nodes, texts; /* nodes: of struct tree_node; the one at 0 is the frame */
    size_t open[32];            /* the groups that are open, outermost first */
    int depth;
    struct feed_visit visit; /* builds it */
};

void tree_init(struct tree *t);
void tree_free(struct tree *t);
void tree_clear(struct tree *t); /* for the next frame */
/* A group that occurs once is an object, one that is repeated an array of objects. */
void tree_json(const struct tree *t, struct k2_buf *out);
/* The same tree with [at, size] for each field. */
void tree_offsets_json(const struct tree *t, struct k2_buf *out);
/* Every field from left to right; path is "message[2].messageheader.messagetype". */
void tree_each(const struct tree *t,
               void (*field)(void *ctx, struct k2_sv path, const struct tree_node *n,
                             struct k2_sv text),
               void *ctx);
#define TREE_NAME 256
/* A name in small letters, without underscores and the "message" that most of them end in: AddOrder and
 * add_order_message are both addorder. */
struct k2_sv tree_plain_name(struct k2_sv name, char room[static TREE_NAME]);
bool tree_same_name(struct k2_sv name, struct k2_sv given);
bool tree_has_group(const struct tree *t, struct k2_sv name);
void tree_groups(const struct tree *t, struct k2_interner *out); /* the names of all */

/* --- decode_print.c --- */

struct decode_options {
    const char *kind, *exchange, *symbol, *message; /* --where; NULL = any */
    int64_t limit;                                  /* -1 = none */
    bool offsets;                                   /* of frames */
};

struct decode_totals {
    int64_t frames, rejects, filtered, printed;
    int64_t events[K2_KIND_COUNT];
};

struct decode_printer {
    const struct verb_context *c;
    struct decode_options o;
    struct decode_totals totals;
    struct k2_interner *in;
    struct k2_interner *names; /* with --where message=: those that there are */
    enum query_format format;
    const char *feed;     /* name of the format of the source under way */
    struct listing *rows; /* table, csv, markdown: a row for each field */
    struct k2_buf line;
    struct tree tree;
    bool as_dbn;                 /* --format dbn: its events as DBN */
    struct feed_dbn_writer *dbn; /* NULL: nothing was written yet */
    int64_t left_out;            /* events that DBN cannot say */
    bool frames;                 /* every source is told by frames */
    bool told;                   /* the frame's error was shown, so its reject is not */
    bool enough; /* --limit is reached: what comes back from the calls is no failure */
    struct feed_sink sink;
};

/* `frames`: whether sources are told frame by frame, else by their events. */
K2_RC decode_printer_open(struct decode_printer *p, bool frames, struct k2_err *err);
K2_RC decode_printer_frame(void *printer, const struct feed_frame *f, const char *why,
                           struct k2_err *err);
/* --where message= kept nothing: the name that is near, or those that there are. */
void decode_printer_note_names(const struct decode_printer *p);
/* Ends the output; after a failure too. */
K2_RC decode_printer_close(struct decode_printer *p, struct k2_err *err);

#endif
