/* codec/json_compat.c - does one JSON Schema take what another allows? Kinds, and the plain ones of them.
 *
 * The differences and which of them break are those that Confluent's registry documents for JSON Schema
 * (docs/schemas.md lists them), with its strict policy. Only what breaks is told.
 *
 * Pairs of nodes are compared once and remembered. A pair that is met inside itself is first taken to be
 * compatible; if that was done, all is compared again with what is now known to be incompatible, until nothing
 * more is learned. The last time findings are told.
 */
#include "codec/json_compat.h"

#include <stdio.h>
#include <stdlib.h>

enum verdict { UNKNOWN, OPEN, GOOD, BAD, BAD_OPEN };
enum { MOST_ROUNDS = 16 };

/* --- findings --- */

enum words {
    KEYWORD_ADDED,
    MORE,
    LESS,
    CHANGED,
    FEWER_ELEMENTS,
    MORE_ELEMENTS,
    TYPE_DIFFERS,
    ADDED_TO_OPEN,
    REQUIRED_ADDED,
    REMOVED_FROM_CLOSED,
    REMOVED_UNCOVERED,
    ADDED_UNCOVERED
};

static const char *const sentences[] = {
    [KEYWORD_ADDED] = "The keyword at path '%p' in the %r schema is not present in the %w schema",
    [MORE] = "The value at path '%p' in the %r schema is more than its value in the %w schema",
    [LESS] = "The value at path '%p' in the %r schema is less than its value in the %w schema",
    [CHANGED] = "The value at path '%p' is different between the %r and %w schema",
    [FEWER_ELEMENTS] = "An array or combined type at path '%p' has fewer elements in the %r schema "
                       "than the %w schema",
    [MORE_ELEMENTS] = "An array or combined type at path '%p' has more elements in the %r schema "
                      "than the %w schema",
    [TYPE_DIFFERS] = "A type at path '%p' is different between the %r schema and the %w schema",
    [ADDED_TO_OPEN] = "The %r schema has an open content model and has a property or item at path "
                      "'%p' which is missing in the %w schema",
    [REQUIRED_ADDED] = "The %r schema has an unopen content model and has a required property at "
                       "path '%p' which is missing in the %w schema",
    [REMOVED_FROM_CLOSED] = "The %r has a closed content model and is missing a property or item "
                            "present at path '%p' in the %w schema",
    [REMOVED_UNCOVERED] = "A property or item is missing in the %r schema but present at path '%p' "
                          "in the %w schema and is not covered by its partially open content model",
    [ADDED_UNCOVERED] = "The %r schema has a property or item at path '%p' which is missing in the "
                        "%w schema and is not covered by its partially open content model",
};

/* By the end of a type's name; the first that fits. */
static const struct {
    const char *end;
    enum words words;
} endings[] = {
    {"REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", REQUIRED_ADDED},
    {"ADDED_TO_OPEN_CONTENT_MODEL", ADDED_TO_OPEN},
    {"REMOVED_FROM_CLOSED_CONTENT_MODEL", REMOVED_FROM_CLOSED},
    {"REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", REMOVED_UNCOVERED},
    {"ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", ADDED_UNCOVERED},
    {"DEPENDENCY_ARRAY_EXTENDED", MORE_ELEMENTS},
    {"PRODUCT_TYPE_EXTENDED", MORE_ELEMENTS},
    {"NOT_TYPE_EXTENDED", MORE_ELEMENTS},
    {"ENUM_ARRAY_CHANGED", TYPE_DIFFERS},
    {"COMBINED_TYPE_SUBSCHEMAS_CHANGED", TYPE_DIFFERS},
    {"COMBINED_TYPE_CHANGED", TYPE_DIFFERS},
    {"TYPE_CHANGED", TYPE_DIFFERS},
    {"SUM_TYPE_NARROWED", FEWER_ELEMENTS},
    {"TYPE_NARROWED", TYPE_DIFFERS},
    {"_NARROWED", FEWER_ELEMENTS},
    {"_ADDED", KEYWORD_ADDED},
    {"_REMOVED", KEYWORD_ADDED}, /* "additionalProperties": false is there */
    {"_INCREASED", MORE},
    {"_EXPANDED", MORE},
    {"_DECREASED", LESS},
    {"_CHANGED", CHANGED},
};

static const char *sentence_of(const char *type) {
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (k2_sv_ends(k2_sv_of(type), k2_sv_of(endings[i].end)))
            return sentences[endings[i].words];
    return sentences[CHANGED];
}

/* "#/properties/legs/items/properties/price" is price of legs to people. */
static void put_place(struct k2_sv path, struct k2_buf *out) {
    struct k2_sv word = {0};
    bool named = false;
    k2_sv_split(&path, '/');
    while (path.p) {
        word = k2_sv_split(&path, '/');
        if (named) {
            if (out->n)
                k2_buf_byte(out, '.');
            k2_buf_sv(out, word);
        }
        named = !named && k2_sv_eq(word, K2_SV("properties"));
    }
}

bool json_tell(struct json_compare *c, const char *type) {
    if (c->quiet || c->run->out->n >= SCHEMA_MAX_FINDINGS)
        return false;
    struct k2_buf path = {0}, place = {0}, message = {0};
    k2_buf_str(&path, c->path.text.n ? "#" : "#/");
    k2_buf_sv(&path, k2_buf_view(&c->path.text));
    put_place(k2_buf_view(&path), &place);
    k2_buf_printf(&message, "{errorType:\"%s\", description:\"", type);
    compat_words(c->run, sentence_of(type), k2_buf_view(&path), &message);
    k2_buf_str(&message, "'}"); /* closed by the other quote, as clients know it */
    compat_add(c->run, type, k2_buf_view(&path), k2_buf_view(&place), (struct k2_sv){0},
               k2_buf_view(&message));
    k2_buf_free(&path);
    k2_buf_free(&place);
    k2_buf_free(&message);
    return false;
}

bool json_tell_at(struct json_compare *c, const char *step, const char *type) {
    size_t was = schema_path_enter(&c->path, k2_sv_of(step));
    json_tell(c, type);
    schema_path_leave(&c->path, was);
    return false;
}

struct json_node *json_reader_node(struct json_compare *c, const struct json_node *r,
                                   const struct k2_json *json) {
    return json_node_of(c->reader, r->doc, json);
}

struct json_node *json_writer_node(struct json_compare *c, const struct json_node *w,
                                   const struct k2_json *json) {
    return json_node_of(c->writer, w->doc, json);
}

bool json_would_read(struct json_compare *c, struct json_node *r, struct json_node *w) {
    c->quiet++;
    bool good = json_can_read(c, r, w);
    c->quiet--;
    return good;
}

/* --- numbers and limits --- */

static double as_double(const struct k2_json *v) {
    struct k2_buf text = {0};
    k2_json_dump(v, &text);
    double value = strtod(k2_buf_cstr(&text), NULL);
    k2_buf_free(&text);
    return value;
}

int json_number_order(const struct k2_json *a, const struct k2_json *b) {
    int64_t i, j;
    if (k2_json_as_int(a, &i) && k2_json_as_int(b, &j))
        return (i > j) - (i < j);
    double x = as_double(a), y = as_double(b);
    return (x > y) - (x < y);
}

static bool check_limit(struct json_compare *c, struct json_pair p, const struct json_limit *l) {
    const struct k2_json *r = k2_json_get(p.r->json, l->word), *w = k2_json_get(p.w->json, l->word);
    if (!json_is_number(r))
        return true;
    if (!json_is_number(w))
        return json_tell_at(c, l->word, l->added);
    int order = json_number_order(r, w);
    if (l->upper ? order < 0 : order > 0)
        return json_tell_at(c, l->word, l->tighter);
    return true;
}

bool json_limits_can_read(struct json_compare *c, struct json_pair p,
                          const struct json_limit *limits, size_t n) {
    bool good = true;
    for (size_t i = 0; i < n; i++)
        good &= check_limit(c, p, &limits[i]);
    return good;
}

/* A number as digits and a power of ten; false: more than is compared exactly. */
static bool exact(const struct k2_json *v, int64_t *digits, int *exponent) {
    struct k2_buf text = {0};
    schema_json_put(v, false, &text);
    struct k2_sv rest = k2_buf_view(&text), mantissa = k2_sv_split(&rest, 'e');
    struct k2_buf plain = {0};
    int64_t power = 0;
    *exponent = 0;
    for (size_t i = 0, dot = 0; i < mantissa.n; i++) {
        if (mantissa.p[i] == '.') {
            dot = 1;
        } else {
            k2_buf_byte(&plain, (uint8_t)mantissa.p[i]);
            *exponent -= (int)dot;
        }
    }
    if (rest.n && rest.p[0] == '+')
        k2_sv_take(&rest, '+');
    bool good = k2_sv_i64(k2_buf_view(&plain), digits) &&
                (!rest.p || (k2_sv_i64(rest, &power) && power > -400 && power < 400));
    *exponent += (int)power;
    k2_buf_free(&text);
    k2_buf_free(&plain);
    return good;
}

/* Whether a is a multiple of b: 1, 0, or -1 where that is not told exactly. */
static int is_multiple(const struct k2_json *a, const struct k2_json *b) {
    int64_t x, y;
    int ex, ey;
    if (!exact(a, &x, &ex) || !exact(b, &y, &ey) || y == 0)
        return -1;
    while (ex > ey && x <= INT64_MAX / 10 && x >= INT64_MIN / 10) {
        x *= 10;
        ex--;
    }
    while (ey > ex && y <= INT64_MAX / 10 && y >= INT64_MIN / 10) {
        y *= 10;
        ey--;
    }
    if (ex != ey)
        return -1;
    return y == -1 || x % y == 0;
}

static bool check_multiple(struct json_compare *c, struct json_pair p) {
    const struct k2_json *r = k2_json_get(p.r->json, "multipleOf");
    const struct k2_json *w = k2_json_get(p.w->json, "multipleOf");
    if (!json_is_number(r))
        return true;
    if (!json_is_number(w))
        return json_tell_at(c, "multipleOf", "MULTIPLE_OF_ADDED");
    if (json_number_order(r, w) == 0 || (is_multiple(r, w) != 1 && is_multiple(w, r) == 1))
        return true;
    return json_tell_at(c, "multipleOf",
                        is_multiple(r, w) == 1 ? "MULTIPLE_OF_EXPANDED" : "MULTIPLE_OF_CHANGED");
}

static bool numbers(struct json_compare *c, struct json_pair p) {
    static const struct json_limit limits[] = {
        {"maximum", "MAXIMUM_ADDED", "MAXIMUM_DECREASED", true},
        {"minimum", "MINIMUM_ADDED", "MINIMUM_INCREASED", false},
        {"exclusiveMaximum", "EXCLUSIVE_MAXIMUM_ADDED", "EXCLUSIVE_MAXIMUM_DECREASED", true},
        {"exclusiveMinimum", "EXCLUSIVE_MINIMUM_ADDED", "EXCLUSIVE_MINIMUM_INCREASED", false},
    };
    bool good = json_limits_can_read(c, p, limits, sizeof limits / sizeof *limits);
    good &= check_multiple(c, p);
    if (p.r->integer && !p.w->integer)
        good = json_tell(c, "TYPE_NARROWED");
    return good;
}

static bool strings(struct json_compare *c, struct json_pair p) {
    static const struct json_limit limits[] = {
        {"maxLength", "MAX_LENGTH_ADDED", "MAX_LENGTH_DECREASED", true},
        {"minLength", "MIN_LENGTH_ADDED", "MIN_LENGTH_INCREASED", false},
    };
    bool good = json_limits_can_read(c, p, limits, sizeof limits / sizeof *limits);
    const struct k2_json *r = k2_json_get(p.r->json, "pattern"),
                         *w = k2_json_get(p.w->json, "pattern");
    if (r && !w)
        good = json_tell_at(c, "pattern", "PATTERN_ADDED");
    else if (r && !k2_json_equal(r, w))
        good = json_tell_at(c, "pattern", "PATTERN_CHANGED");
    return good;
}

/* --- enum and const --- */

static int by_text(const void *a, const void *b) {
    return k2_sv_cmp(k2_buf_view(a), k2_buf_view(b));
}

static struct k2_buf *sorted_values(const struct k2_json *list) {
    size_t n = k2_json_count(list);
    struct k2_buf *texts = k2_zalloc((n + 1) * sizeof *texts);
    for (size_t i = 0; i < n; i++)
        schema_json_put(k2_json_at(list, i), true, &texts[i]);
    qsort(texts, n, sizeof *texts, by_text);
    return texts;
}

static void free_values(struct k2_buf *texts, size_t n) {
    for (size_t i = 0; i < n; i++)
        k2_buf_free(&texts[i]);
    free(texts);
}

static bool all_in(const struct k2_buf *these, size_t n, const struct k2_buf *those, size_t m) {
    for (size_t i = 0; i < n; i++)
        if (!bsearch(&these[i], those, m, sizeof *those, by_text))
            return false;
    return true;
}

static bool enums(struct json_compare *c, struct json_pair p) {
    const struct k2_json *r = k2_json_get(p.r->json, "enum"), *w = k2_json_get(p.w->json, "enum");
    size_t n = k2_json_count(r), m = k2_json_count(w);
    struct k2_buf *ours = sorted_values(r), *theirs = sorted_values(w);
    bool good = all_in(theirs, m, ours, n), narrowed = all_in(ours, n, theirs, m);
    free_values(ours, n);
    free_values(theirs, m);
    if (good)
        return true;
    return json_tell_at(c, "enum", narrowed ? "ENUM_ARRAY_NARROWED" : "ENUM_ARRAY_CHANGED");
}

static bool consts(struct json_compare *c, struct json_pair p) {
    if (k2_json_equal(k2_json_get(p.r->json, "const"), k2_json_get(p.w->json, "const")))
        return true;
    return json_tell_at(c, "const", "ENUM_ARRAY_CHANGED");
}

/* What must not match is the other way round. */
static bool nots(struct json_compare *c, struct json_pair p) {
    size_t was = schema_path_enter(&c->path, K2_SV("not"));
    struct json_schema *reader = c->reader;
    struct json_node *r = json_reader_node(c, p.r, k2_json_get(p.r->json, "not"));
    struct json_node *w = json_writer_node(c, p.w, k2_json_get(p.w->json, "not"));
    c->reader = c->writer;
    c->writer = reader;
    bool good = json_would_read(c, w, r);
    c->writer = c->reader;
    c->reader = reader;
    if (!good)
        json_tell(c, "NOT_TYPE_EXTENDED");
    schema_path_leave(&c->path, was);
    return good;
}

/* --- kinds --- */

static bool same_kind(struct json_compare *c, struct json_pair p) {
    switch (p.r->kind) {
    case JSON_STRINGS:
        return strings(c, p);
    case JSON_NUMBERS:
        return numbers(c, p);
    case JSON_OBJECTS:
        return json_objects_can_read(c, p);
    case JSON_ARRAYS:
        return json_arrays_can_read(c, p);
    case JSON_ENUM:
        return enums(c, p);
    case JSON_CONST:
        return consts(c, p);
    case JSON_NOT:
        return nots(c, p);
    case JSON_COMBINED:
        return json_combined_can_read(c, p);
    case JSON_EMPTY:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_REFERENCE:
    case JSON_BOOLEANS:
    case JSON_NULLS:
    case JSON_IF:
        break;
    }
    return true;
}

/* One alternative of the reader is enough, or the only one of an allOf. */
static bool one_of_reader(struct json_compare *c, const struct json_node *r, struct json_node *w) {
    if (r->sub_count != 1 && r->criterion == JSON_ALL_OF)
        return false;
    for (size_t i = 0; i < r->sub_count; i++)
        if (json_would_read(c, r->subs[i], w))
            return true;
    return false;
}

/* One demand of the writer is enough, or its only alternative. */
static bool one_of_writer(struct json_compare *c, struct json_node *r, const struct json_node *w) {
    if (w->sub_count != 1 && w->criterion != JSON_ALL_OF)
        return false;
    for (size_t i = 0; i < w->sub_count; i++)
        if (json_would_read(c, r, w->subs[i]))
            return true;
    return false;
}

static bool both_bytes(const struct json_pair p) {
    struct k2_sv r, w;
    return k2_json_as_string(k2_json_get(p.r->json, "connect.type"), &r) &&
           k2_json_as_string(k2_json_get(p.w->json, "connect.type"), &w) &&
           k2_sv_eq(r, K2_SV("bytes")) && k2_sv_eq(w, K2_SV("bytes"));
}

static bool kinds(struct json_compare *c, struct json_node *r, struct json_node *w) {
    bool r_combined = r->kind == JSON_COMBINED, w_combined = w->kind == JSON_COMBINED;
    struct json_pair p = {r, w};
    if (r_combined && !w_combined && one_of_reader(c, r, w))
        return true;
    if (w_combined && !r_combined && one_of_writer(c, r, w))
        return true;
    if (r->kind == w->kind)
        return same_kind(c, p);
    if (w->kind == JSON_FALSE || r->kind == JSON_EMPTY || r->kind == JSON_TRUE || both_bytes(p))
        return true;
    return json_tell(c, "TYPE_CHANGED");
}

/* --- pairs --- */

static bool within_bounds(struct json_compare *c) {
    if (c->rc == K2_OK && (c->depth == SCHEMA_MAX_TRAIL || c->steps++ > SCHEMA_MAX_STEPS))
        c->rc = k2_fail(c->err, K2_E_RANGE,
                        "the schemas lead deeper than %d into each other, or %d pairs of them are "
                        "not enough to tell",
                        SCHEMA_MAX_TRAIL, SCHEMA_MAX_STEPS);
    return c->rc == K2_OK;
}

static bool compare_pair(struct json_compare *c, struct json_node *r, struct json_node *w) {
    bool known = schema_pairs_get(&c->verdicts, r, w) == BAD;
    schema_pairs_set(&c->verdicts, r, w, known ? BAD_OPEN : OPEN);
    c->depth++;
    bool good = kinds(c, r, w);
    c->depth--;
    c->learned += !good && !known;
    schema_pairs_set(&c->verdicts, r, w, good && !known ? GOOD : BAD);
    return good;
}

bool json_can_read(struct json_compare *c, struct json_node *r, struct json_node *w) {
    if (!r || !within_bounds(c)) /* nothing is asked */
        return true;
    if (!w)
        return json_tell(c, "SCHEMA_ADDED");
    r = json_node_meant(c->reader, r);
    w = json_node_meant(c->writer, w);
    switch ((enum verdict)schema_pairs_get(&c->verdicts, r, w)) {
    case GOOD:
        return true;
    case OPEN:
        c->assumed = true;
        return true;
    case BAD_OPEN:
        return false;
    case BAD:
        if (c->quiet || c->run->out->n >= SCHEMA_MAX_FINDINGS)
            return false;
        break;
    case UNKNOWN:
        break;
    }
    return compare_pair(c, r, w);
}

/* What was compatible under an assumption is looked at again. */
static void forget_good(struct json_compare *c) {
    for (size_t i = 0; i < c->verdicts.cap; i++)
        if (c->verdicts.slots[i].value == GOOD)
            c->verdicts.slots[i].value = UNKNOWN;
}

static void compare_all(struct json_compare *c) {
    size_t before;
    c->quiet = 1;
    for (int round = 0; round < MOST_ROUNDS && c->rc == K2_OK; round++) {
        before = c->learned;
        c->assumed = false;
        json_can_read(c, c->reader->root, c->writer->root);
        if (!c->assumed || c->learned == before)
            break;
        forget_good(c);
    }
    c->quiet = 0;
    json_can_read(c, c->reader->root, c->writer->root);
}

int json_compat_check(const struct k2_schema_text *reader, const struct k2_schema_text *writer,
                      struct compat_run *run, struct k2_err *err) {
    struct json_schema r, w = {0};
    int rc = json_schema_parse(reader, &r, err);
    k2_err_context(err, rc, "the %s schema", compat_reader(run));
    if (rc == K2_OK) {
        rc = json_schema_parse(writer, &w, err);
        k2_err_context(err, rc, "the %s schema", compat_writer(run));
        if (rc == K2_OK) {
            struct json_compare c = {.run = run, .err = err, .reader = &r, .writer = &w};
            compare_all(&c);
            rc = c.rc;
            schema_pairs_free(&c.verdicts);
            k2_buf_free(&c.path.text);
        }
        json_schema_free(&w);
    }
    json_schema_free(&r);
    return rc;
}
