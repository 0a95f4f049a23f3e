/* feed/rows/mapped.c - rows of any CSV or JSON by a mapping file (mapping.h); docs/mapping.md is the manual.
 *
 * A row gives one event for each [event] of the mapping that has a value in it. What no key of the mapping
 * names is the first event's extra.
 *
 * Numbering: the column that `sequence` names; without it the row's place among the rows of its exchange,
 * channel and session date, from 1: for each kind, or for all where a row gives events of several kinds.
 */
#include "feed/rows/mapped_cells.h"
#include "feed/rows/mapping.h"
#include "feed/rows/rows.h"

#include <stdlib.h>

#define WORD_MAX 256
#define EXTRA_MAX 65536
#define EXCHANGES_MAX 32

struct venue { /* an exchange that the rows named, and its calendar */
    char *code;
    const struct feed_calendar *calendar;
};

struct mapped {
    struct feed_rows rows; /* first: feed_rows_decode */
    struct mapping *mapping;
    struct map_cells cells;
    char *calendar;
    struct k2_zone *zone;
    int32_t day; /* from outside; INT32_MIN = none */
    struct venue venue[EXCHANGES_MAX];
    size_t n_venues;
    uint32_t word_id[MAPPING_FIELDS];
    struct k2_buf code;   /* the row's exchange in capitals */
    struct k2_buf header; /* line 1, of a CSV that has one */
};

/* --- values --- */

/* Empty: there is none. */
static struct k2_sv text_of(const struct mapped *m, const struct map_value *v) {
    struct k2_sv none = {NULL, 0};
    if (v->from == MAP_CONSTANT)
        return k2_sv_of(v->text);
    if (v->from == MAP_NOT)
        return none;
    struct k2_sv cell = k2_sv_trim(m->cells.cell[v->slot]);
    return mapping_is_null(m->mapping, cell) ? none : cell;
}

static struct k2_sv word_of_side(struct k2_sv word) {
    static const struct {
        const char *word, *side;
    } known[] = {{"buy", "BUY"},   {"b", "BUY"},     {"bid", "BUY"},  {"bids", "BUY"},
                 {"sell", "SELL"}, {"s", "SELL"},    {"ask", "SELL"}, {"a", "SELL"},
                 {"asks", "SELL"}, {"offer", "SELL"}};
    char lower[8];
    size_t n = 0;
    for (; n < word.n && n < sizeof lower; n++)
        lower[n] = (char)(word.p[n] >= 'A' && word.p[n] <= 'Z' ? word.p[n] | 32 : word.p[n]);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n == word.n && k2_sv_eq((struct k2_sv){lower, n}, k2_sv_of(known[i].word)))
            return k2_sv_of(known[i].side);
    return (struct k2_sv){NULL, 0};
}

/* A side is BUY or SELL, of a bar BID or ASK; codes of the mapping come first. */
static struct k2_sv meaning(const struct mapped *m, const struct k2_field *f, enum k2_kind_id kind,
                            struct k2_sv word) {
    struct k2_sv meant = mapping_meaning(m->mapping, f->name, word);
    bool coded = meant.p != word.p;
    return !coded && strcmp(f->name, "side") == 0 && kind != K2_KIND_BAR ? word_of_side(word)
                                                                         : meant;
}

static int set_word(struct mapped *m, const struct k2_field *f, enum k2_kind_id kind,
                    struct k2_sv text, uint32_t *out, struct feed_fault *fault) {
    struct k2_sv word = meaning(m, f, kind, text);
    if (word.n == 0)
        return feed_fault_set(fault, "INVALID", f->name, text);
    if (!feed_text_ok(word, WORD_MAX))
        return feed_fault_set(fault, "MALFORMED", "the text is not plain UTF-8 or too long", text);
    *out = feed_intern(m->rows.in, &m->word_id[f->offset / 4 % MAPPING_FIELDS], word);
    return 0;
}

static int set_list(struct mapped *m, const struct map_value *v, struct k2_sv text, uint32_t *out,
                    struct feed_fault *fault) {
    if (!feed_text_ok(text, WORD_MAX))
        return feed_fault_set(fault, "MALFORMED", "the text is not plain UTF-8 or too long", text);
    while (text.n) {
        struct k2_sv word = text;
        if (v->split)
            word = k2_sv_split(&text, v->split);
        else
            text.n = 0;
        if (word.n)
            feed_list_add(&m->rows, word);
    }
    *out = feed_list_take(&m->rows);
    return 0;
}

static int set_long(struct k2_sv text, int64_t *out, struct feed_fault *fault) {
    if ((!k2_sv_i64(text, out) && k2_span_parse(text, out, NULL) != K2_OK) || *out == K2_NULL_LONG)
        return feed_fault_set(fault, "MALFORMED", "not a whole number", text);
    return 0;
}

static int set_field(struct mapped *m, const struct k2_field *f, enum k2_kind_id kind,
                     const struct map_value *v, struct k2_sv text, void *out,
                     struct feed_fault *fault) {
    k2_i128 *number = out;
    int bad = 0;
    switch (f->type) {
    case K2_STR:
        return set_word(m, f, kind, text, out, fault);
    case K2_LIST:
        return set_list(m, v, text, out, fault);
    case K2_LONG:
        return set_long(text, out, fault);
    case K2_PRICE:
        bad = feed_price(text, v->shift, number, fault);
        break;
    case K2_QUANTITY:
        bad = feed_quantity(text, v->shift, number, fault);
        break;
    case K2_MAP:
    case K2_INT:
    case K2_DATE:
    case K2_STAMP:
    case K2_BYTES:
        return 0; /* no key of a mapping */
    }
    if (!bad && v->zero_null && *number == 0)
        *number = K2_NULL_DECIMAL;
    return bad;
}

/* --- time --- */

static int not_a_time(struct k2_sv text, struct feed_fault *f) {
    return feed_fault_set(f, "MALFORMED", "not a time as the mapping says", text);
}

/* "2026-03-02...": a word such as "now" or "-1h" is no time of a row. */
static bool is_iso(struct k2_sv text) {
    return text.n >= 10 && text.p[4] == '-' && text.p[0] >= '0' && text.p[0] <= '9';
}

static int read_date(const struct mapped *m, int32_t *day, struct feed_fault *f) {
    const struct map_time *t = &m->mapping->date;
    struct map_moment moment = {0};
    struct k2_sv text = text_of(m, &t->value);
    *day = m->day;
    if (t->value.from == MAP_NOT)
        return *day != INT32_MIN
                   ? 0
                   : feed_fault_set(f, "INVALID", "the row does not say its date", text);
    if (t->unit == MAP_ISO)
        return k2_date_parse(text, day, NULL) == K2_OK ? 0 : not_a_time(text, f);
    if (!mapping_match(text, t->pattern, &moment))
        return not_a_time(text, f);
    *day = moment.day;
    return 0;
}

static int read_of_day(const struct mapped *m, const struct map_time *t, struct k2_sv text,
                       int32_t *day, int64_t *of_day, struct feed_fault *f) {
    struct map_moment moment = {0};
    if (t->unit != MAP_PATTERN) {
        if (!mapping_epoch(text, t->unit, of_day))
            return not_a_time(text, f);
        return read_date(m, day, f);
    }
    if (!mapping_match(text, t->pattern, &moment))
        return not_a_time(text, f);
    *of_day = moment.of_day;
    *day = moment.day;
    return moment.has_day ? 0 : read_date(m, day, f);
}

/* Also with hours alone as offset from UTC, as databases print it: "2026-03-02 10:00:00.5+11". */
static bool parse_iso(const struct mapped *m, struct k2_sv text, int64_t *ns) {
    char full[48];
    bool hours = text.n > 16 && text.n < sizeof full - 3 &&
                 (text.p[text.n - 3] == '+' || text.p[text.n - 3] == '-');
    if (!is_iso(text))
        return false;
    if (hours) {
        memcpy(full, text.p, text.n);
        memcpy(full + text.n, ":00", 3);
        text = (struct k2_sv){full, text.n + 3};
    }
    return k2_time_parse(text, 0, m->zone, ns, NULL) == K2_OK;
}

static int read_time(struct mapped *m, const struct map_time *t, int64_t *ns,
                     struct feed_fault *f) {
    struct k2_sv text = text_of(m, &t->value);
    int32_t day = 0;
    int64_t of_day = 0;
    if (text.n == 0)
        return feed_fault_set(f, "INVALID", "the time is missing", text);
    if (t->unit < MAP_S_OF_DAY)
        return mapping_epoch(text, t->unit, ns) ? 0 : not_a_time(text, f);
    if (t->unit == MAP_ISO)
        return parse_iso(m, text, ns) ? 0 : not_a_time(text, f);
    if (read_of_day(m, t, text, &day, &of_day, f))
        return -1;
    *ns = feed_clock_utc(&m->rows.clock, day, of_day);
    return 0;
}

/* --- who, when, which number --- */

static const struct feed_calendar *calendar_of(struct mapped *m, struct k2_sv code) {
    for (size_t i = 0; i < m->n_venues; i++)
        if (k2_sv_eq(code, k2_sv_of(m->venue[i].code)))
            return m->venue[i].calendar;
    const struct feed_calendar *found;
    if (m->n_venues == EXCHANGES_MAX ||
        feed_calendar_find(code, m->calendar, &found, NULL) != K2_OK)
        return NULL;
    m->venue[m->n_venues++] = (struct venue){k2_sv_dup(code), found};
    return found;
}

/* A code of the mapping, else the word in capitals. */
static int read_exchange(struct mapped *m, struct feed_row *row, struct feed_fault *f) {
    if (m->rows.exchange)
        return 0;
    struct k2_sv text = text_of(m, &m->mapping->exchange);
    struct k2_sv meant = mapping_meaning(m->mapping, "exchange", text);
    m->code.n = 0;
    if (meant.n == 0)
        meant = text;
    for (size_t i = 0; i < meant.n; i++) {
        char c = meant.p[i];
        k2_buf_byte(&m->code, (uint8_t)(c >= 'a' && c <= 'z' ? c - 32 : c));
    }
    struct k2_sv code = feed_exchange_code(k2_buf_view(&m->code));
    if (!k2_exchange_ok(code))
        return feed_fault_set(f, text.n ? "MALFORMED" : "INVALID", "not the code of an exchange",
                              text);
    m->rows.calendar = calendar_of(m, code);
    if (!m->rows.calendar)
        return feed_fault_set(f, "INVALID",
                              "no calendar is known for the exchange; calendar = utc in the "
                              "mapping takes UTC dates",
                              text);
    row->exchange = code;
    return 0;
}

static int read_word(const struct mapped *m, const struct map_value *v, const char *what,
                     struct k2_sv *out, struct feed_fault *f) {
    struct k2_sv text = text_of(m, v);
    if (text.n == 0)
        return feed_fault_set(f, "INVALID", what, text);
    if (!feed_text_ok(text, WORD_MAX))
        return feed_fault_set(f, "MALFORMED", "the text is not plain UTF-8 or too long", text);
    *out = text;
    return 0;
}

static int read_number(struct mapped *m, struct feed_row *row, struct feed_fault *f) {
    if (m->mapping->sequence.from == MAP_NOT)
        return 0;
    struct k2_sv text = text_of(m, &m->mapping->sequence);
    if (!k2_sv_i64(text, &row->number) || row->number < 0)
        return feed_fault_set(f, text.n ? "MALFORMED" : "INVALID", "not a sequence number", text);
    row->numbered = true;
    return 0;
}

static int identify(struct mapped *m, struct feed_row *row, struct feed_fault *f) {
    const struct mapping *map = m->mapping;
    int64_t ns = K2_NULL_LONG;
    if (read_exchange(m, row, f) ||
        (!m->rows.symbol && read_word(m, &map->symbol, "the symbol is missing", &row->symbol, f)))
        return -1;
    row->channel = row->symbol;
    if (map->channel.from != MAP_NOT &&
        read_word(m, &map->channel, "the channel is missing", &row->channel, f))
        return -1;
    if (read_time(m, &map->time, &ns, f))
        return -1;
    feed_rows_moment_utc(&m->rows, row, ns);
    if (read_number(m, row, f))
        return -1;
    return map->receive.value.from == MAP_NOT ? 0
                                              : read_time(m, &map->receive, &row->receive_ns, f);
}

/* --- events --- */

/* Whether one of its columns has a value; true of one that has no columns. */
static bool has_value(const struct mapped *m, const struct map_event *e) {
    bool columns = false;
    for (size_t i = 0; i < MAPPING_FIELDS; i++) {
        if (e->value[i].from != MAP_COLUMN)
            continue;
        columns = true;
        if (text_of(m, &e->value[i]).n)
            return true;
    }
    return !columns;
}

static void set_flags(const struct mapped *m, struct k2_event *e, int32_t flag) {
    const struct k2_kind *kind = k2_kind(e->kind);
    int i = k2_field_by_name(kind, K2_SV("flags"));
    struct k2_sv says = text_of(m, &m->mapping->snapshot);
    if (k2_sv_eq(says, K2_SV("true")) || k2_sv_eq(says, K2_SV("True")) ||
        k2_sv_eq(says, K2_SV("1")) || k2_sv_eq(says, K2_SV("yes")))
        *(int32_t *)(void *)((char *)k2_event_fields(e) + kind->fields[i].offset) |= flag;
}

static int read_event(struct mapped *m, struct feed_row *row, const struct map_event *e,
                      struct feed_fault *f) {
    const struct k2_kind *kind = k2_kind(e->kind);
    struct k2_event *out = feed_rows_event(&m->rows, row, e->kind);
    char *fields = k2_event_fields(out);
    for (int i = 0; i < kind->field_count; i++) {
        const struct map_value *v = &e->value[i];
        const struct k2_field *field = &kind->fields[i];
        struct k2_sv text = text_of(m, v);
        if (v->from == MAP_NOT)
            continue;
        if (text.n == 0 && field->need == K2_REQ)
            return feed_fault_set(f, "INVALID", "a value that the event needs is missing",
                                  k2_sv_of(field->name));
        if (text.n && set_field(m, field, e->kind, v, text, fields + field->offset, f))
            return -1;
    }
    if (e->zero_action && out->book_event.quantity == 0) {
        out->book_event.action = k2_intern(m->rows.in, k2_sv_of(e->zero_action));
        out->book_event.quantity = K2_NULL_DECIMAL;
    }
    set_flags(m, out, K2_FLAG_SNAPSHOT);
    return 0;
}

static int read_rest(struct mapped *m, struct feed_fault *f) {
    const struct map_cells *c = &m->cells;
    for (size_t i = 0; i < c->n_rest; i++) {
        if (!feed_text_ok(c->rest[i].name, (size_t)2 * WORD_MAX) ||
            !feed_text_ok(c->rest[i].value, EXTRA_MAX))
            return feed_fault_set(f, "MALFORMED", "the text is not plain UTF-8 or too long",
                                  c->rest[i].value);
        feed_map_add(&m->rows, c->rest[i].name, c->rest[i].value);
    }
    feed_rows_extra(&m->rows);
    return 0;
}

static int read_row(void *state, struct feed_rows *r, struct feed_row *row, struct feed_fault *f) {
    struct mapped *m = state;
    const struct mapping *map = m->mapping;
    if (map->json ? map_cells_json(&m->cells, row->raw, f) : map_cells_csv(&m->cells, row->raw, f))
        return -1;
    if (identify(m, row, f))
        return -1;
    for (size_t i = 0; i < map->n_events; i++)
        if (has_value(m, &map->events[i]) && read_event(m, row, &map->events[i], f))
            return -1;
    if (r->n == 0)
        return feed_fault_set(f, "INVALID", "no event has a value in the row", row->raw);
    return read_rest(m, f);
}

/* --- the decoder --- */

static bool is_first(void *state, struct k2_sv line) {
    (void)state;
    (void)line;
    return true;
}

/* The first line, as soon as it is whole. */
static int take_header(struct mapped *m, struct k2_sv bytes, bool last, struct k2_err *err) {
    const char *lf = bytes.n ? memchr(bytes.p, '\n', bytes.n) : NULL;
    struct k2_sv line = {bytes.p, lf ? (size_t)(lf - bytes.p) : bytes.n};
    if (!lf && (!last || line.n == 0))
        return K2_OK;
    size_t mark = feed_byte_order_mark(line);
    line = k2_sv_trim((struct k2_sv){line.p + mark, line.n - mark});
    k2_buf_sv(&m->header, line);
    return map_cells_header(&m->cells, line, err);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct mapped *m = state;
    bool header = !m->mapping->json && m->mapping->header;
    *consumed = 0;
    if (header && m->rows.lines.position == 0 && !m->cells.names) {
        K2_TRY(take_header(m, bytes, last, err));
        if (!m->cells.names && !last)
            return K2_OK;
    }
    return feed_rows_decode(state, bytes, last, consumed, sink, read_row, header ? is_first : NULL,
                            err);
}

/* --- setting up --- */

static int need_outside(const struct mapped *m, const struct feed_options *o, struct k2_err *err) {
    const struct mapping *map = m->mapping;
    const char *lacks = NULL;
    if (map->exchange.from == MAP_NOT && o->exchange.n == 0)
        lacks = "exchange; give --exchange or exchange = in the mapping";
    else if (map->symbol.from == MAP_NOT && o->symbol.n == 0)
        lacks = "symbol; give --symbol or symbol = in the mapping";
    else if (mapping_lacks_date(&map->time) && map->date.value.from == MAP_NOT &&
             o->date == INT32_MIN)
        lacks = "date; give --date or date = in the mapping";
    if (lacks)
        return k2_fail(err, K2_E_INVALID, "neither mapping nor options say the %s", lacks);
    return K2_OK;
}

/* What is the same for all rows. */
static int set_constants(struct mapped *m, const struct feed_options *o, struct k2_err *err) {
    const struct mapping *map = m->mapping;
    const char *exchange = map->exchange.from == MAP_CONSTANT ? map->exchange.text : NULL;
    const char *symbol = map->symbol.from == MAP_CONSTANT ? map->symbol.text : NULL;
    if (o->exchange.n)
        m->rows.exchange = k2_sv_dup(o->exchange);
    else if (exchange)
        m->rows.exchange = k2_sv_dup(feed_exchange_code(k2_sv_of(exchange)));
    if (o->symbol.n)
        m->rows.symbol = k2_sv_dup(o->symbol);
    else if (symbol)
        m->rows.symbol = k2_strdup(symbol);
    if (m->rows.symbol)
        m->rows.channel =
            k2_strdup(map->channel.from == MAP_CONSTANT ? map->channel.text : m->rows.symbol);
    const char *calendar = o->calendar ? o->calendar : map->calendar;
    m->calendar = calendar ? k2_strdup(calendar) : NULL;
    return m->rows.exchange
               ? feed_calendar_find(k2_sv_of(m->rows.exchange), m->calendar, &m->rows.calendar, err)
               : K2_OK;
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct mapped *m = state;
    (void)self;
    if (o->mapping.n == 0)
        return k2_fail(err, K2_E_INVALID, "mapped: no mapping is given; --mapping FILE names one");
    feed_rows_init(&m->rows, o, in);
    K2_TRY(mapping_parse(o->mapping, K2_SV("the mapping"), &m->mapping, err));
    map_cells_init(&m->cells, m->mapping);
    m->day = o->date;
    m->rows.shared = m->mapping->shared;
    m->rows.kind = m->mapping->events[0].kind;
    K2_TRY(need_outside(m, o, err));
    K2_TRY(set_constants(m, o, err));
    if (m->mapping->zone)
        K2_TRY(k2_zone_load(m->mapping->zone, &m->zone, err));
    m->rows.clock.zone = m->zone;
    return m->mapping->json || m->mapping->header ? K2_OK : map_cells_names(&m->cells, err);
}

static void fini(void *state) {
    struct mapped *m = state;
    feed_rows_fini(&m->rows);
    if (m->mapping)
        map_cells_free(&m->cells);
    mapping_free(m->mapping);
    k2_zone_free(m->zone);
    for (size_t i = 0; i < m->n_venues; i++)
        free(m->venue[i].code);
    free(m->calendar);
    k2_buf_free(&m->code);
    k2_buf_free(&m->header);
    *m = (struct mapped){0};
}

/* The length of the header, the header, the rows. */
static void save(const void *state, struct k2_buf *out) {
    const struct mapped *m = state;
    k2_avro_put_long(out, (int64_t)m->header.n);
    k2_buf_sv(out, k2_buf_view(&m->header));
    feed_rows_save(&m->rows, out);
}

static bool restore_header(struct mapped *m, struct k2_sv line) {
    k2_buf_sv(&m->header, line);
    return line.n == 0 || map_cells_header(&m->cells, line, NULL) == K2_OK;
}

static bool restore(void *state, struct k2_sv saved) {
    struct mapped *m = state;
    int64_t n;
    bool header = !m->mapping->json && m->mapping->header;
    if (!k2_avro_get_long(&saved, &n) || n < 0 || (uint64_t)n > saved.n || (n > 0 && !header))
        return false;
    struct k2_sv line = {saved.p, (size_t)n}, rows = {saved.p + n, saved.n - (size_t)n};
    if (restore_header(m, line) && feed_rows_restore(&m->rows, rows))
        return true;
    if (header) {
        m->header.n = 0;
        map_cells_free(&m->cells);
        map_cells_init(&m->cells, m->mapping);
    }
    return false;
}

/* Only a mapping says what is a row. */
static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    (void)self;
    (void)file_name;
    (void)head;
    *why = "a mapping must be given";
    return 0;
}

static const struct feed_fact facts[] = {
    {"file name", "any",
     "k2 ingest --mapping FILE SOURCE; docs/mapping.md tells how to write FILE"},
    {"line", "CSV or JSON", "one row or object a line, as the mapping says"},
    {"any kind", "columns of the mapping", "the columns of the table; every other one: extra"},
    {"other", "a row that the mapping does not fit", "goes to quarantine"},
    {0},
};

const struct feed_ops feed_mapped = {
    .name = "mapped",
    .title = "Any CSV or JSON lines, by a mapping file",
    .numbering = "the column that the mapping names, else the row's place, from 1",
    .facts = facts,
    .ordinal = true,
    .state_size = sizeof(struct mapped),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .save = save,
    .restore = restore,
};

int feed_mapping_check(struct k2_sv text, struct k2_sv name, struct k2_err *err) {
    struct mapping *m = NULL;
    int rc = mapping_parse(text, name, &m, err);
    mapping_free(m);
    return rc;
}

static bool has_a_cell(const struct map_cells *c, const struct mapping *m) {
    for (size_t i = 0; i < m->n_columns; i++)
        if (c->cell[i].n)
            return true;
    return false;
}

/* `whole`: the line has its end. */
static bool fits(const struct mapping *m, struct map_cells *c, struct k2_sv line, bool whole) {
    struct feed_fault fault;
    if (m->json && !whole)
        return k2_sv_starts(line, K2_SV("{"));
    if (m->json)
        return map_cells_json(c, line, &fault) == 0 && has_a_cell(c, m);
    if (m->header)
        return map_cells_header(c, line, NULL) == K2_OK;
    return map_cells_names(c, NULL) == K2_OK && map_cells_csv(c, line, &fault) == 0;
}

bool feed_mapping_fits(struct k2_sv text, struct k2_sv head) {
    struct mapping *m = NULL;
    struct map_cells cells;
    size_t mark = feed_byte_order_mark(head);
    struct k2_sv rest = {head.p + mark, head.n - mark};
    struct k2_sv line = k2_sv_trim(k2_sv_split(&rest, '\n'));
    if (line.n == 0 || mapping_parse(text, K2_SV("the mapping"), &m, NULL) != K2_OK)
        return false;
    map_cells_init(&cells, m);
    bool good = fits(m, &cells, line, rest.p != NULL);
    map_cells_free(&cells);
    mapping_free(m);
    return good;
}
