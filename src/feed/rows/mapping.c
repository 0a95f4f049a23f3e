/* feed/rows/mapping.c - mapping files read; see mapping.h. Words of a line are bare, "constants" or `columns`. */
#include "feed/rows/mapping.h"

#include "base/clock.h"
#include "base/config.h"
#include "feed/rows/rows.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX 64
#define REPEAT_MAX 1000
#define NEAR_MAX 64

enum quoting { BARE, CONSTANT, COLUMN };

struct word {
    struct k2_sv text;
    enum quoting quoting;
};

struct parser {
    struct mapping *m;
    struct k2_sv name;
    int line;
    struct word word[WORDS_MAX]; /* of the value */
    size_t n;
    struct map_event *event; /* of the section; NULL: the row's own keys */
    char *codes;             /* field of the section, or NULL */
    bool sectioned;          /* an [event] was begun */
    int counter;             /* of an event being repeated */
    struct k2_buf text;
};

static int fail(struct parser *p, struct k2_err *err, const char *what, struct k2_sv word) {
    return k2_fail(err, K2_E_INVALID, "%.*s line %d: %s: %.*s", K2_SV_ARG(p->name), p->line, what,
                   K2_SV_ARG(k2_sv_shown(word)));
}

/* "...; did you mean price?" */
static int fail_near(struct parser *p, struct k2_err *err, const char *what, struct k2_sv word,
                     const char *const *words, int n) {
    char *text = k2_sv_dup(k2_sv_shown(word));
    const char *best = k2_nearest(text, words, n);
    int rc = best ? k2_fail(err, K2_E_INVALID, "%.*s line %d: %s: %s; did you mean %s?",
                            K2_SV_ARG(p->name), p->line, what, text, best)
                  : fail(p, err, what, word);
    free(text);
    return rc;
}

static bool is(struct k2_sv text, const char *word) {
    return k2_sv_eq(text, k2_sv_of(word));
}

/* --- words --- */

static bool blank(char c) {
    return c == ' ' || c == '\t';
}

static int take_word(struct parser *p, struct k2_sv *rest, struct k2_err *err) {
    char quote = (char)(rest->p[0] == '"' || rest->p[0] == '`' ? rest->p[0] : 0);
    struct word *w = &p->word[p->n];
    size_t n = quote ? 1 : 0;
    while (n < rest->n && (quote ? rest->p[n] != quote : !blank(rest->p[n])))
        n++;
    if (quote && n == rest->n)
        return fail(p, err, "the quote does not end", *rest);
    *w = (struct word){{rest->p + (quote ? 1 : 0), n - (quote ? 1 : 0)},
                       quote == '"' ? CONSTANT
                       : quote      ? COLUMN
                                    : BARE};
    n += quote ? 1 : 0;
    rest->p += n;
    rest->n -= n;
    p->n++;
    return K2_OK;
}

static int split_words(struct parser *p, struct k2_sv rest, struct k2_err *err) {
    p->n = 0;
    for (;;) {
        while (rest.n && blank(rest.p[0])) {
            rest.p++;
            rest.n--;
        }
        if (rest.n == 0 || rest.p[0] == '#')
            return K2_OK;
        if (p->n == WORDS_MAX)
            return fail(p, err, "the line has too many words", rest);
        K2_TRY(take_word(p, &rest, err));
    }
}

static int want_words(struct parser *p, size_t least, size_t most, const char *what,
                      struct k2_err *err) {
    if (p->n >= least && p->n <= most)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "%.*s line %d: %s", K2_SV_ARG(p->name), p->line, what);
}

/* The text with {n} and {n+1} as numbers; a copy. */
static char *expand(struct parser *p, struct k2_sv text) {
    p->text.n = 0;
    for (size_t i = 0; i < text.n; i++) {
        struct k2_sv here = {text.p + i, text.n - i};
        bool one = k2_sv_starts(here, K2_SV("{n}")), next = k2_sv_starts(here, K2_SV("{n+1}"));
        if (one || next) {
            k2_buf_printf(&p->text, "%d", p->counter + next);
            i += one ? 2 : 4;
        } else {
            k2_buf_byte(&p->text, (uint8_t)text.p[i]);
        }
    }
    return k2_sv_dup(k2_buf_view(&p->text));
}

/* --- columns --- */

size_t mapping_slot(const struct mapping *m, struct k2_sv column) {
    for (size_t i = 0; i < m->n_columns; i++)
        if (k2_sv_eq(column, k2_sv_of(m->columns[i].name)))
            return i;
    return SIZE_MAX;
}

static size_t slot_of(struct parser *p, struct k2_sv text) {
    struct mapping *m = p->m;
    char *name = expand(p, text);
    size_t at = mapping_slot(m, k2_sv_of(name));
    if (at != SIZE_MAX) {
        free(name);
        return at;
    }
    m->columns = k2_realloc(m->columns, (m->n_columns + 1) * sizeof *m->columns);
    m->columns[m->n_columns] = (struct map_column){name, p->line};
    return m->n_columns++;
}

/* --- values --- */

/* 10, 100, ... as an exponent; -1 if it is none. */
static int power_of_ten(struct k2_sv text) {
    if (text.n == 0 || text.n > 19 || text.p[0] != '1')
        return -1;
    for (size_t i = 1; i < text.n; i++)
        if (text.p[i] != '0')
            return -1;
    return (int)text.n - 1;
}

/* The words behind the value: "/ 10000", "* 100", "zero-null", "split ;". */
static int read_modifiers(struct parser *p, size_t at, struct map_value *v, struct k2_err *err) {
    static const char *const words[] = {"/", "*", "zero-null", "split"};
    for (; at < p->n; at++) {
        struct k2_sv word = p->word[at].text;
        bool divides = is(word, "/"), times = is(word, "*");
        if (is(word, "zero-null")) {
            v->zero_null = true;
        } else if (divides || times) {
            int power = at + 1 < p->n ? power_of_ten(p->word[at + 1].text) : -1;
            if (power < 0)
                return fail(p, err, "a factor is a power of ten such as 10000", word);
            v->shift += divides ? power : -power;
            at++;
        } else if (is(word, "split")) {
            if (at + 1 == p->n || p->word[at + 1].text.n != 1)
                return fail(p, err, "split takes one character", word);
            v->split = p->word[++at].text.p[0];
        } else {
            return fail_near(p, err, "not a word that can follow a value", word, words, 4);
        }
    }
    return K2_OK;
}

static int read_value(struct parser *p, struct map_value *v, struct k2_err *err) {
    K2_TRY(want_words(p, 1, WORDS_MAX, "the value is missing: a column or a \"constant\"", err));
    if (v->from != MAP_NOT)
        return fail(p, err, "this was said before", p->word[0].text);
    *v = (struct map_value){0};
    if (p->word[0].quoting == CONSTANT) {
        v->text = expand(p, p->word[0].text);
        v->from = MAP_CONSTANT;
    } else {
        v->slot = slot_of(p, p->word[0].text);
        v->from = MAP_COLUMN;
    }
    return K2_OK;
}

static int read_plain(struct parser *p, struct map_value *v, struct k2_err *err) {
    K2_TRY(want_words(p, 1, 1, "one value is wanted: a column or a \"constant\"", err));
    return read_value(p, v, err);
}

bool mapping_lacks_date(const struct map_time *t) {
    bool day = true, time;
    if (t->unit == MAP_PATTERN)
        (void)mapping_check_pattern(t->pattern, &day, &time);
    return (t->unit >= MAP_S_OF_DAY && t->unit <= MAP_NS_OF_DAY) || !day;
}

/* `COLUMN UNIT` or `COLUMN "%Y-%m-%d"`. */
static int read_time(struct parser *p, struct map_time *t, struct k2_err *err) {
    static const char *const units[] = {"s",         "ms",        "us",        "ns", "s-of-day",
                                        "ms-of-day", "us-of-day", "ns-of-day", "iso"};
    bool day, time;
    K2_TRY(want_words(p, 2, 2,
                      "a column and its unit are wanted: s, ms, us, ns, iso, ms-of-day "
                      "or a \"%Y-%m-%d %H:%M:%S.%f\"",
                      err));
    K2_TRY(read_value(p, &t->value, err));
    struct k2_sv unit = p->word[1].text;
    if (p->word[1].quoting == CONSTANT) {
        t->unit = MAP_PATTERN;
        t->pattern = k2_sv_dup(unit);
        const char *wrong = mapping_check_pattern(t->pattern, &day, &time);
        return wrong ? fail(p, err, wrong, unit) : K2_OK;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (is(unit, units[i])) {
            t->unit = (enum map_unit)i;
            return K2_OK;
        }
    return fail_near(p, err, "not a unit of time", unit, units, 9);
}

static int read_text(struct parser *p, char **out, struct k2_err *err) {
    K2_TRY(want_words(p, 1, 1, "one word is wanted", err));
    if (*out)
        return fail(p, err, "this was said before", p->word[0].text);
    *out = k2_sv_dup(p->word[0].text);
    return K2_OK;
}

static int read_choice(struct parser *p, const char *yes, const char *no, bool *out,
                       struct k2_err *err) {
    const char *const words[] = {yes, no};
    K2_TRY(want_words(p, 1, 1, "one word is wanted", err));
    *out = is(p->word[0].text, yes);
    return *out || is(p->word[0].text, no)
               ? K2_OK
               : fail_near(p, err, "neither of the two words that can stand here", p->word[0].text,
                           words, 2);
}

/* --- the row's keys --- */

static int read_delimiter(struct parser *p, struct k2_err *err) {
    K2_TRY(want_words(p, 1, 1, "one character is wanted, or tab", err));
    struct k2_sv word = p->word[0].text;
    if (!is(word, "tab") && (word.n != 1 || word.p[0] == '"'))
        return fail(p, err, "a delimiter is one character, or tab", word);
    p->m->delimiter = (char)(is(word, "tab") ? '\t' : word.p[0]);
    return K2_OK;
}

static int read_names(struct parser *p, struct k2_err *err) {
    struct mapping *m = p->m;
    K2_TRY(want_words(p, 1, WORDS_MAX, "the names of the columns are wanted", err));
    m->names = k2_realloc(m->names, (m->n_names + p->n) * sizeof *m->names);
    for (size_t i = 0; i < p->n; i++)
        m->names[m->n_names++] = k2_sv_dup(p->word[i].text);
    return K2_OK;
}

static int read_nulls(struct parser *p, struct k2_err *err) {
    struct mapping *m = p->m;
    K2_TRY(want_words(p, 1, MAPPING_NULLS - m->n_null, "up to 8 words are wanted", err));
    for (size_t i = 0; i < p->n; i++)
        m->null[m->n_null++] = k2_sv_dup(p->word[i].text);
    return K2_OK;
}

static int read_ignored(struct parser *p, struct k2_err *err) {
    K2_TRY(want_words(p, 1, WORDS_MAX, "names of columns are wanted, or *", err));
    for (size_t i = 0; i < p->n; i++) {
        if (p->word[i].quoting == BARE && is(p->word[i].text, "*"))
            p->m->ignore_rest = true;
        else
            (void)slot_of(p, p->word[i].text);
    }
    return K2_OK;
}

static const char *const row_keys[] = {
    "format",  "delimiter", "header",   "columns", "null", "ignore",       "exchange", "symbol",
    "channel", "sequence",  "snapshot", "time",    "date", "receive_time", "zone",     "calendar"};
#define ROW_KEYS ((int)(sizeof row_keys / sizeof *row_keys))

/* *known false: it is none of these. */
static int read_row_key(struct parser *p, struct k2_sv key, bool *known, struct k2_err *err) {
    struct mapping *m = p->m;
    *known = true;
    if (is(key, "format"))
        return read_choice(p, "jsonl", "csv", &m->json, err);
    if (is(key, "delimiter"))
        return read_delimiter(p, err);
    if (is(key, "header"))
        return read_choice(p, "yes", "no", &m->header, err);
    if (is(key, "columns"))
        return read_names(p, err);
    if (is(key, "null"))
        return read_nulls(p, err);
    if (is(key, "ignore"))
        return read_ignored(p, err);
    if (is(key, "exchange"))
        return read_plain(p, &m->exchange, err);
    if (is(key, "symbol"))
        return read_plain(p, &m->symbol, err);
    if (is(key, "channel"))
        return read_plain(p, &m->channel, err);
    if (is(key, "sequence"))
        return read_plain(p, &m->sequence, err);
    if (is(key, "snapshot"))
        return read_plain(p, &m->snapshot, err);
    if (is(key, "time"))
        return read_time(p, &m->time, err);
    if (is(key, "date"))
        return read_time(p, &m->date, err);
    if (is(key, "receive_time"))
        return read_time(p, &m->receive, err);
    if (is(key, "zone"))
        return read_text(p, &m->zone, err);
    if (is(key, "calendar"))
        return read_text(p, &m->calendar, err);
    *known = false;
    return K2_OK;
}

/* --- an event's keys --- */

/* What the decoder fills in itself. */
static bool assignable(const struct k2_field *f) {
    static const char *const own[] = {"symbol", "instrument_id", "exchange_timestamp_ns",
                                      "flags",  "extra",         "trade_message_id"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(f->name, own[i]) == 0)
            return false;
    return f->cls == K2_PAYLOAD;
}

static int no_such_key(struct parser *p, struct k2_sv key, struct k2_err *err) {
    const char *words[NEAR_MAX];
    int n = 0;
    if (p->event && p->event->kinded) {
        const struct k2_kind *kind = k2_kind(p->event->kind);
        for (int i = 0; i < kind->field_count; i++)
            if (assignable(&kind->fields[i]))
                words[n++] = kind->fields[i].name;
    }
    for (int i = 0; i < ROW_KEYS; i++)
        words[n++] = row_keys[i];
    words[n++] = "kind";
    return fail_near(p, err, "there is no such key", key, words, n);
}

static int read_kind(struct parser *p, struct k2_err *err) {
    const char *names[K2_KIND_COUNT];
    int n = 0;
    K2_TRY(want_words(p, 1, 1, "the kind of the event is wanted", err));
    struct k2_sv word = p->word[0].text;
    for (int i = 0; i < K2_KIND_COUNT; i++)
        if (i != K2_KIND_QUARANTINE && i != K2_KIND_GAP)
            names[n++] = k2_kind((enum k2_kind_id)i)->name;
    const struct k2_kind *kind = k2_kind_by_name(word);
    if (!kind || kind->id == K2_KIND_QUARANTINE || kind->id == K2_KIND_GAP)
        return fail_near(p, err, "not a kind of event", word, names, n);
    if (p->event->kinded)
        return fail(p, err, "the kind was said before", word);
    p->event->kind = kind->id;
    p->event->kinded = true;
    return K2_OK;
}

static int check_constant(struct parser *p, const struct k2_field *f, const struct map_value *v,
                          struct k2_err *err) {
    struct feed_fault fault;
    k2_i128 number;
    int64_t n;
    struct k2_sv text = k2_sv_of(v->text);
    if (v->from != MAP_CONSTANT)
        return K2_OK;
    if (f->type == K2_LONG && !k2_sv_i64(text, &n) && k2_span_parse(text, &n, NULL) != K2_OK)
        return fail(p, err, "neither a whole number nor a span such as 1m", text);
    if ((f->type == K2_PRICE && feed_price(text, v->shift, &number, &fault)) ||
        (f->type == K2_QUANTITY && feed_quantity(text, v->shift, &number, &fault)))
        return fail(p, err, "not a number that fits", text);
    return K2_OK;
}

static int read_field(struct parser *p, struct k2_sv key, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind(p->event->kind);
    int i = k2_field_by_name(kind, key);
    if (i < 0 || !assignable(&kind->fields[i]))
        return no_such_key(p, key, err);
    struct map_value *v = &p->event->value[i];
    K2_TRY(read_value(p, v, err));
    K2_TRY(read_modifiers(p, 1, v, err));
    return check_constant(p, &kind->fields[i], v, err);
}

static int read_event_key(struct parser *p, struct k2_sv key, struct k2_err *err) {
    if (is(key, "kind"))
        return read_kind(p, err);
    if (!p->event->kinded)
        return k2_field_by_name(k2_kind(K2_KIND_TRADE), key) >= 0
                   ? fail(p, err, "the kind must be said before its fields", key)
                   : no_such_key(p, key, err);
    if (is(key, "when_zero") && p->event->kind == K2_KIND_BOOK_EVENT)
        return read_text(p, &p->event->zero_action, err);
    return read_field(p, key, err);
}

/* --- sections --- */

static struct map_event *add_event(struct parser *p) {
    struct mapping *m = p->m;
    m->events = k2_realloc(m->events, (m->n_events + 1) * sizeof *m->events);
    m->events[m->n_events] = (struct map_event){.line = p->line};
    return &m->events[m->n_events++];
}

/* FROM..TO */
static int read_repeat(struct parser *p, struct k2_sv range, struct map_event *e,
                       struct k2_err *err) {
    int64_t from, to;
    struct k2_sv first = k2_sv_split(&range, '.');
    if (!k2_sv_take(&range, '.') || !k2_sv_i64(first, &from) || !k2_sv_i64(range, &to) ||
        from < 0 || to < from || to - from >= REPEAT_MAX || to > 1000000)
        return fail(p, err, "a repeated event is [event FROM..TO]", first);
    e->from = (int)from;
    e->to = (int)to;
    return K2_OK;
}

static bool is_field(struct k2_sv name) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        int at = k2_field_by_name(kind, name);
        if (at >= 0 && kind->fields[at].type == K2_STR)
            return true;
    }
    return false;
}

static int read_section(struct parser *p, struct k2_sv line, struct k2_err *err) {
    static const char *const words[] = {"event", "row", "side", "exchange", "action", "status"};
    if (!k2_sv_ends(line, K2_SV("]")))
        return fail(p, err, "a section ends with ]", line);
    struct k2_sv rest = {line.p + 1, line.n - 2}, word = k2_sv_trim(k2_sv_split(&rest, ' '));
    free(p->codes);
    p->codes = NULL;
    p->event = NULL;
    rest = k2_sv_trim(rest);
    if (is(word, "row") && rest.n == 0)
        return K2_OK;
    if (is(word, "event")) {
        if (!p->sectioned && p->m->n_events)
            return fail(p, err, "an event was told of above the first [event]", line);
        p->sectioned = true;
        p->event = add_event(p);
        return rest.n ? read_repeat(p, rest, p->event, err) : K2_OK;
    }
    if (!is_field(word) || rest.n)
        return fail_near(p, err, "neither row, event nor a field of words", word, words, 6);
    p->codes = k2_sv_dup(word);
    return K2_OK;
}

static int read_code(struct parser *p, struct k2_sv key, struct k2_err *err) {
    struct mapping *m = p->m;
    K2_TRY(want_words(p, 1, 1, "the meaning of the word is wanted", err));
    if (key.n >= 2 && key.p[0] == '"' && key.p[key.n - 1] == '"')
        key = (struct k2_sv){key.p + 1, key.n - 2};
    m->codes = k2_realloc(m->codes, (m->n_codes + 1) * sizeof *m->codes);
    m->codes[m->n_codes++] =
        (struct map_code){k2_strdup(p->codes), k2_sv_dup(key), k2_sv_dup(p->word[0].text)};
    return K2_OK;
}

/* Keys of a file without sections are the row's or its one event's. */
static int read_key(struct parser *p, struct k2_sv key, struct k2_err *err) {
    bool known = false;
    if (p->codes)
        return read_code(p, key, err);
    if (!p->event || !p->sectioned)
        K2_TRY(read_row_key(p, key, &known, err));
    if (known)
        return K2_OK;
    if (!p->event && p->sectioned)
        return no_such_key(p, key, err);
    if (!p->event)
        p->event = p->m->n_events ? &p->m->events[0] : add_event(p);
    return read_event_key(p, key, err);
}

static int read_line(struct parser *p, struct k2_sv line, struct k2_err *err) {
    line = k2_sv_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return K2_OK;
    if (!feed_text_ok(line, 4096))
        return fail(p, err, "the line is not plain UTF-8", K2_SV("control characters"));
    if (line.p[0] == '[')
        return read_section(p, line, err);
    const char *equals = memchr(line.p, '=', line.n);
    if (!equals)
        return fail(p, err, "a line is KEY = VALUE or [SECTION]", line);
    struct k2_sv key = {line.p, (size_t)(equals - line.p)};
    struct k2_sv value = {equals + 1, line.n - key.n - 1};
    K2_TRY(split_words(p, value, err));
    return read_key(p, k2_sv_trim(key), err);
}

/* --- the whole file --- */

/* The lines of a repeated event once more for every other number. */
static int repeat_event(struct parser *p, struct k2_sv body, int first_line, struct k2_err *err) {
    struct map_event *e = p->event;
    if (!e || e->to == e->from)
        return K2_OK;
    int to = e->to, last_line = p->line;
    for (p->counter = e->from + 1; p->counter <= to; p->counter++) {
        struct k2_sv rest = body;
        p->event = add_event(p);
        for (p->line = first_line; rest.n; p->line++)
            K2_TRY(read_line(p, k2_sv_split(&rest, '\n'), err));
    }
    p->line = last_line;
    p->event = NULL;
    return K2_OK;
}

static int read_all(struct parser *p, struct k2_sv text, struct k2_err *err) {
    struct k2_sv rest = text, body = {text.p, 0};
    int body_line = 1;
    while (rest.n) {
        const char *start = rest.p;
        struct k2_sv line = k2_sv_split(&rest, '\n');
        p->line++;
        bool section = k2_sv_starts(k2_sv_trim(line), K2_SV("["));
        if (section) {
            body.n = (size_t)(start - body.p);
            K2_TRY(repeat_event(p, body, body_line, err));
        }
        K2_TRY(read_line(p, line, err));
        if (section) {
            body = (struct k2_sv){rest.p, 0};
            body_line = p->line + 1;
            p->counter = p->event ? p->event->from : 0;
        }
    }
    if (body.p)
        body.n = (size_t)(text.p + text.n - body.p);
    return repeat_event(p, body, body_line, err);
}

static int lacks(struct parser *p, int line, const char *what, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID, "%.*s line %d: %s", K2_SV_ARG(p->name), line, what);
}

static int check_event(struct parser *p, const struct map_event *e, struct k2_err *err) {
    if (!e->kinded)
        return lacks(p, e->line, "the event has no kind", err);
    const struct k2_kind *kind = k2_kind(e->kind);
    for (int i = 0; i < kind->field_count; i++) {
        const struct k2_field *f = &kind->fields[i];
        if (assignable(f) && f->need == K2_REQ && e->value[i].from == MAP_NOT)
            return k2_fail(err, K2_E_INVALID, "%.*s line %d: a %s needs its %s", K2_SV_ARG(p->name),
                           e->line, kind->name, f->name);
    }
    return K2_OK;
}

static int check_all(struct parser *p, struct k2_err *err) {
    struct mapping *m = p->m;
    if (m->n_events == 0)
        return lacks(p, p->line, "no event is told of: kind = trade, for example", err);
    if (m->time.value.from == MAP_NOT)
        return lacks(p, p->line, "the time is missing: time = COLUMN UNIT", err);
    if (!m->json && !m->header && m->n_names == 0)
        return lacks(p, p->line, "without a header the columns must be named: columns = a b c",
                     err);
    for (size_t i = 0; i < m->n_events; i++) {
        K2_TRY(check_event(p, &m->events[i], err));
        m->shared |= m->events[i].kind != m->events[0].kind;
    }
    struct k2_sv exchange = k2_sv_of(m->exchange.text);
    if (m->exchange.from == MAP_CONSTANT && !k2_exchange_ok(exchange))
        return fail(p, err, "an exchange has 1 to 31 of the characters A-Z 0-9 _ -", exchange);
    return K2_OK;
}

int mapping_parse(struct k2_sv text, struct k2_sv name, struct mapping **out, struct k2_err *err) {
    struct parser p = {.m = k2_zalloc(sizeof *p.m), .name = name};
    p.m->delimiter = ',';
    p.m->header = true;
    int rc = read_all(&p, text, err);
    if (rc == K2_OK)
        rc = check_all(&p, err);
    free(p.codes);
    k2_buf_free(&p.text);
    if (rc != K2_OK)
        mapping_free(p.m);
    else
        *out = p.m;
    return rc;
}

static void free_time(struct map_time *t) {
    free(t->value.text);
    free(t->pattern);
}

void mapping_free(struct mapping *m) {
    if (!m)
        return;
    struct map_value *const values[] = {&m->exchange, &m->symbol, &m->channel, &m->sequence,
                                        &m->snapshot};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        free(values[i]->text);
    free_time(&m->time);
    free_time(&m->date);
    free_time(&m->receive);
    for (size_t i = 0; i < m->n_events; i++) {
        for (size_t k = 0; k < MAPPING_FIELDS; k++)
            free(m->events[i].value[k].text);
        free(m->events[i].zero_action);
    }
    for (size_t i = 0; i < m->n_codes; i++) {
        free(m->codes[i].field);
        free(m->codes[i].code);
        free(m->codes[i].meaning);
    }
    for (size_t i = 0; i < m->n_columns; i++)
        free(m->columns[i].name);
    for (size_t i = 0; i < m->n_names; i++)
        free(m->names[i]);
    for (size_t i = 0; i < m->n_null; i++)
        free(m->null[i]);
    free(m->names);
    free(m->columns);
    free(m->codes);
    free(m->events);
    free(m->zone);
    free(m->calendar);
    free(m);
}

struct k2_sv mapping_meaning(const struct mapping *m, const char *field, struct k2_sv word) {
    bool coded = false;
    for (size_t i = 0; i < m->n_codes; i++) {
        if (strcmp(m->codes[i].field, field) != 0)
            continue;
        coded = true;
        if (k2_sv_eq(word, k2_sv_of(m->codes[i].code)))
            return k2_sv_of(m->codes[i].meaning);
    }
    return coded ? (struct k2_sv){NULL, 0} : word;
}

bool mapping_is_null(const struct mapping *m, struct k2_sv word) {
    if (word.n == 0)
        return true;
    for (size_t i = 0; i < m->n_null; i++)
        if (k2_sv_eq(word, k2_sv_of(m->null[i])))
            return true;
    return false;
}
