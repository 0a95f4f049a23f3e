/* verb/status.c - `k2 status`: what runs, what is there, how far behind it is, and a level.
 *
 * For people one small table for each part; for programs one list in which every row has the same
 * columns. With --watch the same again each second: on a terminal in place, else one block after the
 * other.
 */
#include "verb/status.h"

#include "verb/listing.h"
#include "verb/signals.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <stdlib.h>
#include <unistd.h>

#define CLEAR "\033[H\033[J" /* cursor to the top left, and nothing below it */

/* --- cells --- */

enum field { NAME, RECORDS, PIECES, BYTES, LAST, AGE, LAG, LAG_AGE, DETAIL };

static void put_span(struct listing *l, int64_t ns) {
    char text[HUMAN_TEXT];
    if (ns == HEALTH_NONE)
        listing_null(l);
    else if (listing_for_people(l))
        listing_cstring(l, human_span(ns, text));
    else
        listing_number(l, ns / K2_NS_PER_SEC);
}

static void put_count(struct listing *l, int64_t n) {
    if (n == HEALTH_NONE)
        listing_null(l);
    else
        listing_count(l, n);
}

static void put_bytes(struct listing *l, int64_t n) {
    if (n == HEALTH_NONE)
        listing_null(l);
    else
        listing_bytes(l, n);
}

static void put_time(struct listing *l, int64_t ns) {
    if (ns == HEALTH_NONE)
        listing_null(l);
    else
        listing_time(l, ns);
}

static int64_t age_of(const struct health_row *r) {
    int64_t age = r->last_ns == HEALTH_NONE ? HEALTH_NONE : k2_now_ns() - r->last_ns;
    return age < 0 && age != HEALTH_NONE ? 0 : age; /* a clock was set back */
}

static void put_field(struct listing *l, const struct health_row *r, enum field f) {
    switch (f) {
    case NAME:
        listing_cstring(l, r->name);
        break;
    case RECORDS:
        put_count(l, r->records);
        break;
    case PIECES:
        put_count(l, r->pieces);
        break;
    case BYTES:
        put_bytes(l, r->bytes);
        break;
    case LAST:
        put_time(l, r->last_ns);
        break;
    case AGE:
        put_span(l, age_of(r));
        break;
    case LAG:
        put_count(l, r->lag);
        break;
    case LAG_AGE:
        put_span(l, r->lag == 0 ? HEALTH_NONE : r->lag_ns);
        break;
    case DETAIL:
        listing_cstring(l, r->detail[0] ? r->detail : NULL);
        break;
    }
}

/* --- for people --- */

struct block { /* a table of one part */
    enum health_part part;
    int n;
    enum field fields[8];
    struct listing_column columns[8];
    const char *none; /* what is said when it has no rows; NULL = nothing */
};

static const struct block blocks[] = {
    {HEALTH_PROCESS,
     4,
     {NAME, LAST, AGE, DETAIL},
     {{"running", NULL}, {"since (UTC)", NULL}, {"for", NULL}, {"", NULL}},
     "nothing runs"},
    {HEALTH_JOURNAL,
     7,
     {NAME, RECORDS, PIECES, BYTES, LAST, AGE, DETAIL},
     {{"", NULL},
      {"records", NULL},
      {"segments", NULL},
      {"bytes", NULL},
      {"newest (UTC)", NULL},
      {"age", NULL},
      {"", NULL}},
     NULL},
    {HEALTH_TOPIC,
     5,
     {NAME, RECORDS, PIECES, LAST, AGE},
     {{"topic", NULL},
      {"records", NULL},
      {"partitions", NULL},
      {"newest (UTC)", NULL},
      {"age", NULL}},
     NULL},
    {HEALTH_QUARANTINE,
     4,
     {NAME, RECORDS, LAST, AGE},
     {{"quarantine", NULL}, {"records", NULL}, {"newest (UTC)", NULL}, {"age", NULL}},
     NULL},
    {HEALTH_TABLE,
     8,
     {NAME, RECORDS, PIECES, BYTES, LAST, AGE, LAG, LAG_AGE},
     {{"table", NULL},
      {"rows", NULL},
      {"files", NULL},
      {"bytes", NULL},
      {"last commit (UTC)", NULL},
      {"age", NULL},
      {"behind", NULL},
      {"for", NULL}},
     NULL},
    {HEALTH_GROUP,
     6,
     {NAME, LAST, AGE, LAG, LAG_AGE, DETAIL},
     {{"group", NULL},
      {"saved (UTC)", NULL},
      {"age", NULL},
      {"behind", NULL},
      {"for", NULL},
      {"", NULL}},
     NULL},
    {HEALTH_GAPS,
     4,
     {NAME, PIECES, RECORDS, DETAIL},
     {{"open gaps of", NULL}, {"gaps", NULL}, {"numbers missing", NULL}, {"", NULL}},
     NULL},
    {HEALTH_DISK, 3, {NAME, BYTES, DETAIL}, {{"disk of", NULL}, {"free", NULL}, {"", NULL}}, NULL},
};

static int print_block(const struct verb_context *c, const struct health *h, const struct block *b,
                       struct k2_err *err) {
    struct listing *l = NULL;
    for (int i = 0; i < h->n; i++) {
        if (h->rows[i].part != b->part)
            continue;
        if (!l)
            l = listing_on_stdout(c, b->columns, b->n);
        for (int f = 0; f < b->n; f++)
            put_field(l, &h->rows[i], b->fields[f]);
    }
    if (l) {
        putchar('\n');
        return listing_close(l, err);
    }
    if (b->none)
        printf("\n%s\n", b->none);
    return K2_OK;
}

/* "table trades"; the journal is just "journal". */
static const char *title(const struct health_row *r, char out[160]) {
    const char *part = health_part_word(r->part);
    bool once = strcmp(part, r->name) == 0;
    snprintf(out, 160, "%s%s%s", part, once ? "" : " ", once ? "" : r->name);
    return out;
}

static void print_finding(const char *name, const char *detail) {
    struct k2_buf line = {0};
    k2_buf_printf(&line, "  %s: ", name);
    k2_buf_visible(&line, k2_sv_of(detail), false);
    puts(k2_buf_cstr(&line));
    k2_buf_free(&line);
}

static int print_blocks(const struct verb_context *c, const struct health *h, struct k2_err *err) {
    char now[K2_TIME_TEXT], name[160];
    k2_time_format(k2_now_ns(), now);
    now[10] = ' ';
    printf("k2 %s, data directory %s, %.19s UTC: %s\n", K2_VERSION, c->data, now,
           health_level_word(h->level));
    for (int i = 0; i < h->n; i++) {
        if (h->rows[i].level != HEALTH_GOOD)
            print_finding(title(&h->rows[i], name), h->rows[i].detail);
    }
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        K2_TRY(print_block(c, h, &blocks[i], err));
    return K2_OK;
}

/* --- for programs --- */

static int print_rows(const struct verb_context *c, const struct health *h, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"part", NULL},   {"name", NULL},        {"level", NULL}, {"records", NULL},
        {"pieces", NULL}, {"bytes", NULL},       {"last", NULL},  {"age_seconds", NULL},
        {"lag", NULL},    {"lag_seconds", NULL}, {"detail", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 11, &l, err));
    for (int i = 0; i < h->n; i++) {
        listing_cstring(l, health_part_word(h->rows[i].part));
        put_field(l, &h->rows[i], NAME);
        listing_cstring(l, health_level_word(h->rows[i].level));
        for (int f = RECORDS; f <= DETAIL; f++)
            put_field(l, &h->rows[i], (enum field)f);
    }
    return listing_close(l, err);
}

/* --- both --- */

static int verdict(const struct health *h, const struct health_row *why, struct k2_err *err) {
    if (h->level == HEALTH_GOOD)
        return K2_OK;
    char name[160];
    struct k2_buf detail = {0};
    k2_buf_visible(&detail, k2_sv_of(why->detail), false);
    int rc = k2_fail(err, h->level == HEALTH_DOWN ? K2_E_FAILED : K2_E_DATA, "%s: %s: %s",
                     health_level_word(h->level), title(why, name), k2_buf_cstr(&detail));
    k2_buf_free(&detail);
    return rc;
}

/* One look, printed; gives the status that its level means. */
static int look(const struct verb_context *c, bool in_place, int *level, struct k2_err *err) {
    struct health h = {0};
    const struct health_row *why = status_look(c, &h);
    bool blocks_wanted = strcmp(verb_value(c, "format"), "table") == 0 && !verb_value(c, "out");
    fputs(in_place ? CLEAR : "", stdout);
    int rc = blocks_wanted ? print_blocks(c, &h, err) : print_rows(c, &h, err);
    fflush(stdout);
    if (rc == K2_OK)
        *level = verdict(&h, why, err);
    health_free(&h);
    return rc;
}

static int watch(const struct verb_context *c, int64_t looks, struct k2_err *err) {
    bool in_place = isatty(STDOUT_FILENO) && !verb_value(c, "out");
    int level = K2_OK;
    signals_hold();
    for (int64_t i = 0; looks < 0 || i < looks; i++) {
        if (i > 0 && signals_sleep(K2_NS_PER_SEC))
            break;
        k2_err_clear(err);
        if (i > 0 && !in_place)
            putchar('\n');
        K2_TRY(look(c, in_place, &level, err));
        if (signals_pipe_closed())
            break;
    }
    return level;
}

static int run(struct verb_context *c, struct k2_err *err) {
    int64_t looks = -1;
    int level = K2_OK;
    const char *count = verb_value(c, "count");
    if (count)
        K2_TRY(words_count("count", count, 1, &looks, err));
    if (count && !verb_flag(c, "watch"))
        return k2_fail(err, K2_E_USAGE, "--count goes with --watch");
    if (verb_flag(c, "watch"))
        return watch(c, looks, err);
    K2_TRY(look(c, false, &level, err));
    return level;
}

static const struct verb_option options[] = {
    {"watch", NULL, NULL, "again each second, until SIGINT or SIGTERM", NULL, 'w'},
    {"count", "N", NULL, "with --watch: end after N looks", NULL, 'n'},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {"k2 status", "k2 status --watch --count 2",
                                       "k2 status --format json", NULL};

const struct verb verb_status = {
    .name = "status",
    .summary = "what runs, what is there, how far behind it is",
    .usage = "[--watch]",
    .about =
        "Tells who holds the locks of the data directory; of the journal and its topics, the "
        "tables\n"
        "and the consumer groups how much they hold, how old the newest of it is and how far they\n"
        "are behind; refused records, open gaps, and the space that is left on the disk.\n"
        "\n"
        "A channel that is halted, a feed that is silent or has lost its connection, and gaps that "
        "are\n"
        "to be recovered have lines of their own, with what to do.\n"
        "\n"
        "It is healthy (exit code 0), degraded (3) when a channel is halted or a feed is out and "
        "nobody\nhas acknowledged it, when a table is behind the journal for longer\n"
        "than status.max_lag, when less of the disk is free than status.min_free percent, or when\n"
        "a part cannot be measured; and down (1) when there is no journal, or journal or tables\n"
        "cannot be read. k2 verify looks deeper: it reads every byte.",
    .options = options,
    .examples = examples,
    .data_exit = "degraded",
    .run = run,
};
