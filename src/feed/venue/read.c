/* feed/venue/read.c - reading the values of a message into an item; see venue.h. */
#include "feed/venue/venue.h"

#include <stdio.h>
#include <stdlib.h>

#define EXPONENT_MAX 60 /* places that a point is moved by at most */

/* --- finding one's way --- */

static bool name_is(const struct json_token *key, const char *name, size_t n) {
    if (key->escaped)
        return json_says(json_text(key), (struct k2_sv){name, n});
    return key->n == n && key->p[0] == name[0] && (n == 1 || memcmp(key->p, name, n) == 0);
}

uint32_t vj_member(const struct vj *v, uint32_t object, const char *name) {
    const struct json_token *all = v->json.all;
    size_t n = strlen(name);
    if (all[object].type != JSON_OBJECT)
        return 0;
    for (uint32_t i = vj_first(object), end = all[object].next; i < end; i = all[i + 1].next)
        if (name_is(&all[i], name, n))
            return i + 1;
    return 0;
}

static bool is_scalar(const struct json_token *t) {
    return t->type == JSON_STRING ? !t->escaped : t->type < JSON_NULL;
}

struct k2_sv vj_member_text(const struct vj *v, uint32_t object, const char *name) {
    uint32_t at = vj_member(v, object, name);
    return at && is_scalar(vj_token(v, at)) ? vj_text(v, at) : (struct k2_sv){NULL, 0};
}

bool vj_member_is(const struct vj *v, uint32_t object, const char *name, const char *text) {
    uint32_t at = vj_member(v, object, name);
    const struct json_token *t = vj_token(v, at);
    return at && t->type == JSON_STRING && name_is(t, text, strlen(text));
}

uint32_t vj_element(const struct vj *v, uint32_t array, uint32_t index) {
    if (vj_type(v, array) != JSON_ARRAY && (array || v->json.all[0].type != JSON_ARRAY))
        return 0;
    for (uint32_t i = vj_first(array); i < vj_end(v, array); i = vj_next(v, i))
        if (index-- == 0)
            return i;
    return 0;
}

bool vj_contains(struct k2_sv s, const char *part) {
    return s.n && memmem(s.p, s.n, part, strlen(part));
}

/* Whether a member of that name is there; `says`: and its value is a text. */
static bool has_member(struct k2_sv text, const char *name, bool says) {
    size_t n = strlen(name);
    for (const char *p = text.p, *end = text.p + text.n; p && p < end;) {
        p = memmem(p, (size_t)(end - p), name, n);
        if (!p)
            return false;
        const char *q = p + n;
        if (p > text.p && p[-1] == '"' && q < end && *q == '"') {
            for (q++; q < end && *q == ' '; q++)
                ;
            bool member = q < end && *q == ':';
            for (q++; q < end && *q == ' '; q++)
                ;
            if (member && (!says || (q < end && *q == '"')))
                return true;
        }
        p++;
    }
    return false;
}

bool vj_names(struct k2_sv text, const char *name) {
    return has_member(text, name, false);
}

bool vj_says(struct k2_sv text, const char *name) {
    return has_member(text, name, true);
}

struct k2_sv vj_part(struct k2_sv s, const char *key, char end) {
    const char *at = s.n ? memmem(s.p, s.n, key, strlen(key)) : NULL;
    if (!at)
        return (struct k2_sv){NULL, 0};
    at += strlen(key);
    struct k2_sv rest = {at, (size_t)(s.p + s.n - at)};
    return k2_sv_split(&rest, end);
}

/* --- faults --- */

int vj_fault(struct vj *v, const char *reason, const char *what, struct k2_sv text) {
    struct vj_item *m = &v->item;
    if (!m->bad)
        (void)feed_fault_set(&m->fault, reason, what, text);
    m->bad = true;
    return -1;
}

/* "the <column> <name> is <what>" */
static int wrong(struct vj *v, const char *reason, const char *column, const struct vj_field *f,
                 const char *what, struct k2_sv text) {
    char said[112];
    snprintf(said, sizeof said, "the %.20s %.*s %.44s", column, f->n < 40 ? f->n : 40, f->name,
             what);
    return vj_fault(v, reason, said, text);
}

/* --- an item begins --- */

/* Whether the value there is an element of a list, which is refused alone. */
static bool is_entry(const struct vj *v, const struct json_record *r, uint32_t at) {
    const char *p = vj_token(v, at)->p;
    while (p > r->raw.p && (p[-1] == ' ' || p[-1] == '\n' || p[-1] == '\r' || p[-1] == '\t'))
        p--;
    return p > r->raw.p && (p[-1] == '[' || p[-1] == ',');
}

struct vj_item *vj_begin(struct vj *v, const struct json_record *r, uint32_t at) {
    struct vj_item *m = &v->item;
    memset(m, 0, offsetof(struct vj_item, pair));
    m->record = r;
    m->raw = r->raw;
    m->offset = r->offset;
    if (at && !r->packed && is_entry(v, r, at)) {
        m->raw = vj_text(v, at);
        m->offset += (uint64_t)(m->raw.p - r->raw.p);
    }
    m->suffix = "";
    m->ns = m->number = m->first = m->previous = K2_NULL_LONG;
    for (int i = 0; i < VJ_COUNTS; i++)
        m->count[i] = K2_NULL_LONG;
    v->n_levels = v->n_level_pairs = v->compact.n = 0;
    return m;
}

void vj_symbol(struct vj *v, struct k2_sv symbol) {
    if (symbol.n && feed_text_ok(symbol, VJ_WORD_MAX))
        v->item.symbol = symbol;
    else
        (void)vj_fault(v, "MALFORMED", "the symbol is no plain text", symbol);
}

void vj_symbol_upper(struct vj *v, struct k2_sv symbol) {
    char *out = v->item.own_symbol;
    size_t n = symbol.n < VJ_WORD_MAX ? symbol.n : VJ_WORD_MAX;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(symbol.p[i] >= 'a' && symbol.p[i] <= 'z' ? symbol.p[i] - 32 : symbol.p[i]);
    vj_symbol(v, (struct k2_sv){out, n});
}

void vj_interval(struct vj *v, struct k2_sv text, int64_t unit) {
    static const struct {
        char letter;
        int64_t seconds;
    } units_of[] = {{'s', 1},     {'m', 60},     {'h', 3600},   {'H', 3600},   {'d', 86400},
                    {'D', 86400}, {'w', 604800}, {'W', 604800}, {'M', 2592000}};
    struct k2_sv digits = text;
    int64_t count;
    char last = (char)(text.n ? text.p[text.n - 1] : '0');
    for (size_t i = 0; i < sizeof units_of / sizeof *units_of; i++)
        if (last == units_of[i].letter) {
            unit = units_of[i].seconds;
            digits.n--;
        }
    if (last == 'M') /* months differ: the word is kept */
        vj_extra(v, K2_SV("interval"), text);
    if (digits.n == 0 && text.n == 1)
        count = 1; /* "D", "W", "M" */
    else if (!k2_sv_i64(digits, &count) || count < 1 || count > 100000)
        count = 0;
    v->item.interval_ns = count * unit * K2_NS_PER_SEC;
}

void vj_time_of_receipt(struct vj *v) {
    struct vj_item *m = &v->item;
    if (m->ns != K2_NULL_LONG)
        return;
    if (m->record->receive_ns == K2_NULL_LONG && v->date >= 0) {
        m->ns = v->date * K2_NS_PER_DAY;
        vj_extra(v, K2_SV("time_source"), K2_SV("date"));
        return;
    }
    if (m->record->receive_ns == K2_NULL_LONG) {
        (void)vj_fault(v, "INVALID",
                       "the message has no time, and the source does not say when it was received; "
                       "give the session date by --date",
                       m->raw);
        return;
    }
    m->ns = m->record->receive_ns;
    vj_extra(v, K2_SV("time_source"), K2_SV("receipt"));
}

/* --- numbers --- */

/* The digits of `mantissa` with the point moved by `exponent`; false if that is too far. */
static bool move_point(struct k2_sv mantissa, int64_t exponent, char out[VJ_NUMBER_TEXT],
                       size_t *n) {
    struct k2_sv fraction = mantissa;
    bool minus = k2_sv_take(&fraction, '-');
    struct k2_sv whole = k2_sv_split(&fraction, '.');
    char digits[80];
    if (whole.n + fraction.n > sizeof digits || exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
        return false;
    memcpy(digits, whole.p, whole.n);
    if (fraction.n)
        memcpy(digits + whole.n, fraction.p, fraction.n);
    int64_t have = (int64_t)(whole.n + fraction.n), point = (int64_t)whole.n + exponent;
    *n = 0;
    if (minus)
        out[(*n)++] = '-';
    for (int64_t i = point < 0 ? point : 0; i < have || i < point; i++) {
        if (i == point)
            out[(*n)++] = '.';
        out[(*n)++] = (char)(i < 0 || i >= have ? '0' : digits[i]);
    }
    return true;
}

/* Scientific notation written plainly, in `out`; K2_E_INVALID, K2_E_RANGE. */
static int write_plainly(struct k2_sv text, const char *e, char out[VJ_NUMBER_TEXT],
                         struct k2_sv *plain) {
    struct k2_sv mantissa = {text.p, (size_t)(e - text.p)};
    struct k2_sv power = {e + 1, text.n - mantissa.n - 1};
    int64_t exponent;
    k2_i128 unused;
    if (k2_decimal_parse(mantissa, 38, 19, &unused, NULL) == K2_E_INVALID)
        return K2_E_INVALID;
    if (power.n && power.p[0] == '+')
        power = (struct k2_sv){power.p + 1, power.n - 1};
    if (!k2_sv_i64(power, &exponent))
        return K2_E_INVALID;
    if (!move_point(mantissa, exponent, out, &plain->n))
        return K2_E_RANGE;
    plain->p = out;
    return K2_OK;
}

int vj_write_plainly(struct k2_sv *text, char out[VJ_NUMBER_TEXT]) {
    for (size_t i = 0; i < text->n; i++)
        if ((text->p[i] | 32) == 'e')
            return write_plainly(*text, text->p + i, out, text);
    return K2_OK;
}

static int parse_decimal(struct k2_sv text, bool price, k2_i128 *out) {
    char plainly[VJ_NUMBER_TEXT];
    int rc = vj_write_plainly(&text, plainly);
    if (rc != K2_OK)
        return rc;
    return price ? k2_decimal_parse(text, K2_PRICE_PRECISION, K2_PRICE_SCALE, out, NULL)
                 : k2_decimal_parse(text, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, out, NULL);
}

bool vj_decimal(struct vj *v, struct k2_sv text, bool price, k2_i128 *out, const char *what) {
    int rc = parse_decimal(text, price, out);
    if (rc == K2_OK && (*out >= 0 || (price && v->venue->signed_prices)))
        return true;
    (void)vj_fault(v, rc == K2_E_RANGE ? "RANGE" : "MALFORMED",
                   rc == K2_E_RANGE ? "the number has more digits than the table holds" : what,
                   text);
    return false;
}

static void read_decimal(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    bool price = f->role == VJ_PRICE;
    char what[64];
    struct vj_item *m = &v->item;
    int rc = parse_decimal(text, price, &m->decimal[f->slot]);
    if (rc == K2_OK && (m->decimal[f->slot] >= 0 || (price && v->venue->signed_prices))) {
        m->seen_decimals[f->slot] = 1;
        return;
    }
    snprintf(what, sizeof what, "%s", price ? "price" : "quantity");
    if (rc == K2_E_RANGE)
        (void)wrong(v, "RANGE", what, f, "has more digits than the table holds", text);
    else
        (void)wrong(v, "MALFORMED", what, f, "is no number", text);
}

/* A figure that does not fit its column is kept as it was written. */
static void read_figure(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    struct vj_item *m = &v->item;
    k2_i128 value;
    bool size = f->role == VJ_STAT_SIZE;
    if (text.n == 0)
        return;
    int rc = parse_decimal(text, !size, &value);
    if (rc == K2_E_INVALID)
        (void)wrong(v, "MALFORMED", "figure", f, "is no number", text);
    else if (rc != K2_OK || m->n_stats == VJ_STATS_MAX)
        vj_extra(v, (struct k2_sv){f->name, f->n}, text);
    else
        m->stat[m->n_stats++] = (struct vj_stat){{f->as, f->as_n}, size, value};
}

static void read_step(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    struct vj_item *m = &v->item;
    k2_i128 value;
    if (text.n == 0)
        return;
    int rc = parse_decimal(text, f->role == VJ_STEP, &value);
    if (rc == K2_E_INVALID)
        (void)wrong(v, "MALFORMED", "step", f, "is no number", text);
    if (rc != K2_OK) {
        vj_extra(v, (struct k2_sv){f->name, f->n}, text);
        return;
    }
    m->decimal[f->slot] = value;
    m->seen_decimals[f->slot] = 1;
}

static void read_integer(struct vj *v, const struct vj_field *f, struct k2_sv text, int64_t *out) {
    if (!k2_sv_i64(text, out) || *out < 0)
        (void)wrong(v, "MALFORMED", "number", f, "is no whole number", text);
}

static void read_number(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    struct vj_item *m = &v->item;
    int64_t value;
    if (!k2_sv_i64(text, &value) || value < (f->role == VJ_PREVIOUS ? -1 : 0)) {
        (void)wrong(v, "MALFORMED", "number", f, "is no whole number", text);
        return;
    }
    if (f->role == VJ_NUMBER)
        m->number = value;
    else if (f->role == VJ_FIRST)
        m->first = value;
    else
        m->previous = value;
    if (f->as)
        vj_extra(v, (struct k2_sv){f->as, f->as_n}, text);
}

/* --- times, texts, sides --- */

static const int64_t units[] = {K2_NS_PER_SEC, K2_NS_PER_MS, K2_NS_PER_US, 1};

static void read_time(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    int64_t ns = 0;
    bool good = f->role == VJ_TIME_ISO   ? json_time_iso(text, &ns)
                : f->slot == VJ_MS_OR_US ? json_time(text, units[text.n >= 16 ? VJ_US : VJ_MS], &ns)
                                         : json_time(text, units[f->slot], &ns);
    int64_t number;
    if (good)
        v->item.ns = ns;
    else if (f->role == VJ_TIME && k2_sv_i64(text, &number) && number >= 0)
        (void)wrong(v, "RANGE", "time", f, "is out of range", text);
    else
        (void)wrong(v, "MALFORMED", "time", f, "is no time", text);
}

static void read_side(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    static const struct {
        const char *word;
        bool sell;
    } words[] = {{"buy", false}, {"sell", true},  {"BUY", false}, {"SELL", true}, {"Buy", false},
                 {"Sell", true}, {"b", false},    {"s", true},    {"B", false},   {"A", true},
                 {"bid", false}, {"offer", true}, {"ask", true},  {"S", true},    {"0", false},
                 {"1", true},    {"Bid", false},  {"Ask", true}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (k2_sv_eq(text, k2_sv_of(words[i].word))) {
            v->item.side = words[i].sell != (f->role == VJ_MAKER) ? "SELL" : "BUY";
            return;
        }
    (void)wrong(v, "MALFORMED", "side", f, "is neither that of a buyer nor of a seller", text);
}

static void read_word(struct vj *v, const struct vj_field *f, struct k2_sv text) {
    if (!feed_text_ok(text, VJ_WORD_MAX))
        (void)wrong(v, "MALFORMED", "text", f, "is no plain text", text);
    else if (text.n)
        v->item.text[f->slot] = text;
}

/* --- extra --- */

void vj_extra(struct vj *v, struct k2_sv key, struct k2_sv value) {
    struct vj_item *m = &v->item;
    if (m->n_pairs == VJ_PAIRS_MAX)
        (void)vj_fault(v, "RANGE", "the message has more members than a record holds", key);
    else
        m->pair[m->n_pairs++] = (struct vj_pair){key, value};
}

/* JSON without the blanks between its parts, kept until the message is done. */
static struct k2_sv without_blanks(struct vj *v, struct k2_sv s) {
    size_t i = 0;
    bool inside = false;
    while (i < s.n && (uint8_t)s.p[i] >= 0x20)
        i++;
    if (i == s.n)
        return s;
    k2_buf_need(&v->compact, v->compact.n ? 0 : v->item.record->text.n);
    char *out = (char *)v->compact.p + v->compact.n;
    size_t n = 0;
    for (i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (inside && c == '\\')
            out[n++] = s.p[i++];
        else if (c == '"')
            inside = !inside;
        if (inside || (c != ' ' && c != '\t' && c != '\r' && c != '\n'))
            out[n++] = s.p[i];
    }
    v->compact.n += n;
    return (struct k2_sv){out, n};
}

static void keep_extra(struct vj *v, const struct vj_field *f, struct k2_sv name, uint32_t at) {
    const struct json_token *t = vj_token(v, at);
    struct k2_sv key = f && f->as ? (struct k2_sv){f->as, f->as_n} : name, value = json_text(t);
    if (t->type == JSON_NULL)
        return;
    if (t->type == JSON_OBJECT || t->type == JSON_ARRAY)
        value = without_blanks(v, value);
    if (!feed_text_ok(key, VJ_WORD_MAX) || !feed_text_ok(value, FEED_LINE_MAX))
        (void)vj_fault(v, "MALFORMED", "a member is no plain text", key);
    else
        vj_extra(v, key, value);
}

/* --- values --- */

static void read_maker_sold(struct vj *v, const struct vj_field *f, const struct json_token *t) {
    if (t->type != JSON_TRUE && t->type != JSON_FALSE)
        (void)wrong(v, "MALFORMED", "maker mark", f, "is neither true nor false", json_text(t));
    else
        v->item.side = t->type == JSON_TRUE ? "SELL" : "BUY";
}

static void read_text(struct vj *v, const struct vj_field *f, uint32_t at) {
    struct k2_sv text = vj_text(v, at);
    switch (f->role) {
    case VJ_SYMBOL:
        vj_symbol(v, text);
        break;
    case VJ_NUMBER:
    case VJ_FIRST:
    case VJ_PREVIOUS:
        read_number(v, f, text);
        break;
    case VJ_TIME:
    case VJ_TIME_ISO:
        read_time(v, f, text);
        v->item.keep[VJ_level_time] = at;
        break;
    case VJ_PRICE:
    case VJ_QUANTITY:
        read_decimal(v, f, text);
        break;
    case VJ_COUNT:
        read_integer(v, f, text, &v->item.count[f->slot]);
        break;
    case VJ_STEP:
    case VJ_STEP_SIZE:
        read_step(v, f, text);
        break;
    case VJ_STAT:
    case VJ_STAT_SIZE:
        read_figure(v, f, text);
        break;
    case VJ_TEXT:
        read_word(v, f, text);
        break;
    default:
        read_side(v, f, text);
    }
}

void vj_read_value(struct vj *v, const struct vj_field *f, uint32_t at) {
    static const struct vj_table nothing = {NULL, 0};
    const struct json_token *t = vj_token(v, at);
    switch (f->role) {
    case VJ_DROP:
        return;
    case VJ_EXTRA:
        keep_extra(v, f, (struct k2_sv){f->name, f->n}, at);
        return;
    case VJ_KEEP:
        v->item.keep[f->slot] = at;
        return;
    case VJ_SELLS:
        read_maker_sold(v, f, t);
        return;
    case VJ_INTO:
        if (t->type != JSON_NULL)
            vj_read(v, at, &nothing);
        return;
    default:
        break;
    }
    if (t->type == JSON_NULL)
        return;
    if (f->role == VJ_SYMBOL && (t->type != JSON_STRING || t->escaped))
        (void)vj_fault(v, "MALFORMED", "the symbol is no plain text", json_text(t));
    else if (is_scalar(t))
        read_text(v, f, at);
    else
        (void)wrong(v, "MALFORMED", "value", f, "is not a plain one", json_text(t));
}

/* --- objects and arrays by tables --- */

static const struct vj_field *find_field(const struct vj_table *t, size_t *hint,
                                         const struct json_token *key) {
    for (size_t i = 0; i < t->n; i++) {
        size_t at = *hint + i < t->n ? *hint + i : *hint + i - t->n;
        if (name_is(key, t->fields[at].name, t->fields[at].n)) {
            *hint = at + 1 < t->n ? at + 1 : 0;
            return &t->fields[at];
        }
    }
    return NULL;
}

void vj_read(struct vj *v, uint32_t object, const struct vj_table *table) {
    const struct json_token *all = v->json.all;
    uint64_t seen = 0;
    size_t hint = 0;
    if (all[object].type != JSON_OBJECT) {
        (void)vj_fault(v, "MALFORMED", "an object is wanted here", vj_text(v, object));
        return;
    }
    for (uint32_t i = vj_first(object), end = all[object].next; i < end; i = all[i + 1].next) {
        const struct vj_field *f = find_field(table, &hint, &all[i]);
        if (!f) {
            keep_extra(v, NULL, json_text(&all[i]), i + 1);
            continue;
        }
        uint64_t bit = UINT64_C(1) << ((f - table->fields) & 63);
        if (seen & bit) {
            (void)vj_fault(v, "MALFORMED", "a member is there twice", json_text(&all[i]));
            v->item.number = K2_NULL_LONG; /* which of them it is cannot be said */
            v->item.numbered = true;
            return;
        }
        seen |= bit;
        if (f->role == VJ_INTO && all[i + 1].type == JSON_OBJECT)
            vj_read(v, i + 1, table);
        else
            vj_read_value(v, f, i + 1);
    }
}

void vj_read_array(struct vj *v, uint32_t array, const struct vj_table *table) {
    size_t k = 0;
    if (vj_token(v, array)->type != JSON_ARRAY) {
        (void)vj_fault(v, "MALFORMED", "an array is wanted here", vj_text(v, array));
        return;
    }
    for (uint32_t i = vj_first(array); i < vj_end(v, array); i = vj_next(v, i), k++)
        if (k < table->n)
            vj_read_value(v, &table->fields[k], i);
    if (k < table->n)
        (void)vj_fault(v, "MALFORMED", "an array is too short", vj_text(v, array));
}
