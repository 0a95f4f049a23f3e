/* feed/layout/parse.h - what the files that read a layout's text share. */
#ifndef K2_FEED_LAYOUT_PARSE_H
#define K2_FEED_LAYOUT_PARSE_H

#include "feed/layout/layout.h"

#define WORDS_MAX 160 /* of a line */

struct def_bit {
    struct k2_sv name;
    uint8_t width;
};

struct def_member { /* a line of a struct; empty views: not said */
    int line;
    enum layout_type type;
    uint8_t size, align;
    bool big, optional, untrimmed, inlined;
    struct k2_sv name;
    int32_t def; /* STRUCT: which */
    struct k2_sv scale, over, null, cond, repeat, none, length, clock, is;
    struct k2_sv key[2]; /* CHOOSE */
    LAYOUT_LIST(struct def_bit, bits);
};

struct def_line { /* `event`, `directory` */
    int line;
    struct k2_sv text;
};

struct def_struct {
    int line;
    struct k2_sv name, sized;
    struct k2_sv owner; /* of a block: the struct it is in */
    bool reset, unnumbered;
    LAYOUT_LIST(struct def_member, members);
    LAYOUT_LIST(struct def_line, lines);
};

struct def_case {
    int line;
    struct k2_sv key, in;
    int32_t def;
};

struct layout_parse {
    const char *file;
    struct k2_err *err;
    struct layout *l;
    bool failed;
    int line;
    int32_t open,
        outer;         /* the struct that lines go into; the one that a block goes back to, or -1 */
    int32_t packet[2]; /* definitions, or -1 */
    struct k2_sv sequence, channel;
    int line_of_sequence, line_of_channel;
    LAYOUT_LIST(struct def_struct, defs);
    LAYOUT_LIST(struct def_case, cases);
    LAYOUT_LIST(struct def_line, times); /* `time` lines */
    LAYOUT_LIST(struct def_line, clocks);
    LAYOUT_LIST(struct k2_sv, units);
};

/* Notes the first mistake, at p->line; gives -1. */
int layout_wrong(struct layout_parse *p, const char *what, struct k2_sv text);

/* Cuts the next word off *rest: up to a blank outside of quotes and brackets. False at the end. */
bool layout_word(struct k2_sv *rest, struct k2_sv *word);
/* The same up to `sep`, which is cut off too. */
struct k2_sv layout_split(struct k2_sv *rest, char sep);
/* A word's value: 'c', "text", a number, or, where `textual`, bare characters. */
bool layout_literal(struct k2_sv word, bool textual, int64_t *out);
/* "text" without its quotes; *ok false where it is not in quotes. */
struct k2_sv layout_unquoted(struct k2_sv word, bool *ok);
bool layout_is_name(struct k2_sv s);
bool layout_integer(struct k2_sv s, int64_t *out);

/* The node that path means, seen from node `scope`; LAYOUT_NONE. */
int32_t layout_find(const struct layout *l, int32_t scope, struct k2_sv path);
/* The same, and a mistake where there is none. */
int32_t layout_resolve(struct layout_parse *p, int32_t scope, struct k2_sv path);
bool layout_textual(const struct layout_node *n);

/* NAME{...} is cut into its name and map; without braces *map is LAYOUT_NONE. */
int layout_take_map(struct layout_parse *p, struct k2_sv *text, struct k2_sv *braces);
int32_t layout_add_map(struct layout_parse *p, struct k2_sv braces, bool textual);
int layout_take_number(struct layout_parse *p, int32_t scope, struct k2_sv text,
                       struct layout_number *out);
int layout_take_cond(struct layout_parse *p, int32_t scope, struct k2_sv text,
                     struct layout_cond *out);
/* The values of a condition whose node is set. */
int layout_take_values(struct layout_parse *p, struct k2_sv text, struct layout_cond *out);
int layout_take_size(struct layout_parse *p, int32_t scope, struct k2_sv text,
                     struct layout_size *out);

/* Makes the nodes. */
int layout_link(struct layout_parse *p);
/* The event lines of the message at node. */
int layout_link_events(struct layout_parse *p, int32_t node, const struct def_struct *d);

#endif
