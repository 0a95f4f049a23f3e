/* query/prune.c - the filters of a plan; see query/prune.h.
 *
 * Text of one entry of "Filters", as DuckDB 1.5 prints it:
 *     item   = term { " AND " term }
 *     term   = [ "optional: " ] column op literal
 *            | [ "optional: " ] column " IN (" literal { ", " literal } ")"
 *            | anything else, such as "(exchange IS NOT NULL)" or "(year(d) = 2014)"
 *     op     = "=" "<" "<=" ">" ">="
 *     literal = number | quoted, quotes doubled [ "::" type name ]
 * An OR outside parentheses makes the whole item one alternative: it is understood only when every
 * alternative is "column = literal" of the same column (the same as IN).
 * DuckDB breaks a text at newlines, those inside of literals too, into several entries: an entry with an
 * odd number of quotes is a piece of such a literal, and then the scan's filters are not used at all.
 */
#include "query/prune.h"

#include "base/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* --- terms --- */

static void free_literals(struct prune_literal *literals, int n) {
    for (int i = 0; i < n; i++) {
        free(literals[i].text);
        free(literals[i].type);
    }
    free(literals);
}

static void free_term(struct prune_term *t) {
    free(t->column);
    free_literals(t->literals, t->count);
}

static struct k2_sv drop(struct k2_sv s, size_t n) {
    return (struct k2_sv){s.p + n, s.n - n};
}

static bool take(struct k2_sv *s, const char *prefix) {
    size_t n = strlen(prefix);
    if (s->n < n || memcmp(s->p, prefix, n) != 0)
        return false;
    *s = drop(*s, n);
    return true;
}

static bool take_name(struct k2_sv *s, struct k2_sv *name) {
    size_t n = 0;
    while (n < s->n && (isalnum((unsigned char)s->p[n]) || s->p[n] == '_'))
        n++;
    *name = (struct k2_sv){s->p, n};
    if (n == 0 || isdigit((unsigned char)s->p[0]))
        return false;
    *s = drop(*s, n);
    return true;
}

static bool take_op(struct k2_sv *s, enum lake_op *op) {
    static const struct {
        const char *text;
        enum lake_op op;
    } ops[] = {{"<=", LAKE_LE}, {">=", LAKE_GE}, {"=", LAKE_EQ}, {"<", LAKE_LT}, {">", LAKE_GT}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (take(s, ops[i].text)) {
            *op = ops[i].op;
            return true;
        }
    return false;
}

static bool take_string(struct k2_sv *s, struct k2_buf *text) {
    if (!take(s, "'"))
        return false;
    while (s->n) {
        if (take(s, "''"))
            k2_buf_byte(text, '\'');
        else if (take(s, "'"))
            return true;
        else {
            k2_buf_byte(text, (uint8_t)s->p[0]);
            *s = drop(*s, 1);
        }
    }
    return false;
}

static bool take_number(struct k2_sv *s, struct k2_buf *text) {
    size_t n = 0;
    while (n < s->n &&
           (isdigit((unsigned char)s->p[n]) || s->p[n] == '.' || (n == 0 && s->p[n] == '-')))
        n++;
    k2_buf_put(text, s->p, n);
    *s = drop(*s, n);
    return n > 0;
}

/* The type name behind "::": words of capitals, ended by anything else. */
static char *take_type(struct k2_sv *s) {
    static const char *const types[] = {"TIMESTAMP WITH TIME ZONE", "DATE"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (take(s, types[i]))
            return k2_strdup(types[i]);
    return NULL;
}

static bool take_literal(struct k2_sv *s, struct prune_literal *out) {
    struct k2_buf text = {0};
    *out = (struct prune_literal){.quoted = s->n && s->p[0] == '\''};
    bool ok = out->quoted ? take_string(s, &text) : take_number(s, &text);
    if (ok && take(s, "::")) {
        out->type = take_type(s);
        ok = out->type != NULL;
    }
    out->text = k2_sv_dup(k2_buf_view(&text));
    ok = ok && memchr(out->text, 0, text.n) == NULL;
    k2_buf_free(&text);
    if (!ok)
        free(out->text), free(out->type);
    return ok;
}

static void add_literal(struct prune_term *t, struct prune_literal literal) {
    t->literals = k2_realloc(t->literals, (size_t)(t->count + 1) * sizeof *t->literals);
    t->literals[t->count++] = literal;
}

static bool take_list(struct k2_sv *s, struct prune_term *t) {
    do {
        struct prune_literal literal;
        if (!take_literal(s, &literal))
            return false;
        add_literal(t, literal);
    } while (take(s, ", "));
    return take(s, ")");
}

/* Reads one term that is understood; on false *s may stand anywhere. */
static bool take_term(struct k2_sv *s, struct prune_term *t) {
    struct k2_sv name;
    *t = (struct prune_term){0};
    take(s, "optional: ");
    if (!take_name(s, &name))
        return false;
    bool ok;
    if (take(s, " IN (")) {
        t->op = LAKE_IN;
        ok = take_list(s, t);
    } else {
        struct prune_literal literal;
        ok = take_op(s, &t->op) && take_literal(s, &literal);
        if (ok)
            add_literal(t, literal);
    }
    t->column = k2_sv_dup(name);
    if (!ok)
        free_term(t);
    return ok;
}

/* --- items --- */

/* Cuts at the next separator outside quotes and parentheses; false when they do not balance. */
static bool next_part(struct k2_sv *rest, const char *separator, struct k2_sv *part) {
    int depth = 0;
    bool in_quotes = false;
    *part = *rest;
    for (size_t i = 0; i < rest->n; i++) {
        char c = rest->p[i];
        struct k2_sv at = drop(*rest, i);
        if (c == '\'')
            in_quotes = !in_quotes;
        else if (in_quotes)
            continue;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth < 0)
            return false;
        else if (depth == 0 && take(&at, separator)) {
            part->n = i;
            *rest = at;
            return true;
        }
    }
    *rest = (struct k2_sv){NULL, 0};
    return depth == 0 && !in_quotes;
}

static void add_term(struct prune_scan *scan, struct prune_term term) {
    size_t n = (size_t)scan->term_count + 1;
    scan->terms = k2_realloc(scan->terms, n * sizeof *scan->terms);
    scan->terms[scan->term_count++] = term;
}

static bool whole_term(struct k2_sv text, struct prune_term *t) {
    if (!take_term(&text, t))
        return false;
    if (text.n == 0)
        return true;
    free_term(t);
    return false;
}

static void move_literals(struct prune_term *from, struct prune_term *to) {
    for (int i = 0; i < from->count; i++)
        add_literal(to, from->literals[i]);
    free(from->literals);
    free(from->column);
}

/* "a = 1 OR a = 2" as IN; false when any alternative is something else. */
static bool read_alternatives(struct k2_sv text, struct prune_term *all) {
    *all = (struct prune_term){0};
    take(&text, "optional: ");
    bool ok = true;
    while (ok && text.p) {
        struct k2_sv part;
        struct prune_term one;
        ok = next_part(&text, " OR ", &part) && whole_term(part, &one);
        if (!ok)
            break;
        if (!all->column) {
            *all = one;
            all->op = one.op == LAKE_EQ ? LAKE_IN : one.op;
            ok = all->op == LAKE_IN;
        } else if ((one.op == LAKE_EQ || one.op == LAKE_IN) &&
                   strcmp(one.column, all->column) == 0) {
            move_literals(&one, all);
        } else {
            free_term(&one);
            ok = false;
        }
    }
    if (!ok)
        free_term(all);
    return ok;
}

static bool has_or(struct k2_sv text) {
    struct k2_sv part;
    bool balanced = next_part(&text, " OR ", &part);
    return !balanced || text.p != NULL;
}

void prune_terms_read(struct k2_sv text, struct prune_scan *scan) {
    struct prune_term term;
    if (has_or(text)) {
        if (read_alternatives(text, &term))
            add_term(scan, term);
        return;
    }
    while (text.p) {
        struct k2_sv part;
        if (!next_part(&text, " AND ", &part))
            return;
        if (whole_term(part, &term))
            add_term(scan, term);
    }
}

/* --- plan --- */

static bool even_quotes(struct k2_sv s) {
    size_t quotes = 0;
    for (size_t i = 0; i < s.n; i++)
        quotes += s.p[i] == '\'';
    return quotes % 2 == 0;
}

static bool all_whole(const struct k2_json *filters) {
    struct k2_sv s;
    for (size_t i = 0; i < k2_json_count(filters); i++)
        if (!k2_json_as_string(k2_json_at(filters, i), &s) || !even_quotes(s))
            return false;
    return true;
}

static void read_filters(const struct k2_json *filters, struct prune_scan *scan) {
    struct k2_sv s;
    if (k2_json_as_string(filters, &s)) {
        prune_terms_read(s, scan);
        return;
    }
    for (size_t i = 0; all_whole(filters) && i < k2_json_count(filters); i++)
        if (k2_json_as_string(k2_json_at(filters, i), &s))
            prune_terms_read(s, scan);
}

/* The table functions that a reader may call: they touch no file and change no state. */
static bool is_harmless(struct k2_sv function) {
    static const char *const names[] = {"SEQ_SCAN",
                                        "RANGE",
                                        "GENERATE_SERIES",
                                        "UNNEST",
                                        "REPEAT",
                                        "REPEAT_ROW",
                                        "JSON_EACH",
                                        "JSON_TREE",
                                        "SUMMARY",
                                        "ICU_CALENDAR_NAMES",
                                        "PG_TIMEZONE_NAMES",
                                        "TEST_ALL_TYPES",
                                        "SQL_AUTO_COMPLETE",
                                        "UNNEST_ROWS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (function.n == strlen(names[i]) && strncasecmp(function.p, names[i], function.n) == 0)
            return true;
    if (k2_sv_eq(function, K2_SV("DUCKDB_SECRETS")) || k2_sv_eq(function, K2_SV("DUCKDB_LOGS")))
        return false;
    return k2_sv_starts(function, K2_SV("DUCKDB_")) || k2_sv_starts(function, K2_SV("PRAGMA_"));
}

/* The plan quotes names that are words of its SQL too: "statistics". */
static struct k2_sv unquoted(struct k2_sv name) {
    if (name.n > 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
        return (struct k2_sv){name.p + 1, name.n - 2};
    return name;
}

static void read_scan(const struct k2_json *info, const char *schema, struct prune_plan *plan) {
    struct k2_sv catalog, table;
    if (!k2_json_as_string(k2_json_get(info, "Table"), &table))
        return;
    catalog = k2_sv_split(&table, '.');
    if (!k2_sv_eq(k2_sv_split(&table, '.'), k2_sv_of(schema)) || !table.n || !catalog.n)
        return;
    size_t n = (size_t)plan->scan_count + 1;
    plan->scans = k2_realloc(plan->scans, n * sizeof *plan->scans);
    struct prune_scan *scan = &plan->scans[plan->scan_count++];
    *scan = (struct prune_scan){.table = k2_sv_dup(unquoted(table))};
    read_filters(k2_json_get(info, "Filters"), scan);
}

static void read_node(const struct k2_json *node, const char *schema, struct prune_plan *plan) {
    struct k2_sv function;
    const struct k2_json *info = k2_json_get(node, "extra_info");
    if (!plan->function && k2_json_as_string(k2_json_get(info, "Function"), &function) &&
        !is_harmless(function))
        plan->function = k2_sv_dup(function);
    read_scan(info, schema, plan);
    const struct k2_json *children = k2_json_get(node, "children");
    for (size_t i = 0; i < k2_json_count(children); i++)
        read_node(k2_json_at(children, i), schema, plan);
}

K2_RC prune_plan_read(struct k2_sv json, const char *schema, struct prune_plan *out,
                      struct k2_err *err) {
    struct k2_json *tree;
    *out = (struct prune_plan){0};
    K2_TRY_CTX(k2_json_parse(json, &tree, err), err, "the plan of the query");
    for (size_t i = 0; i < k2_json_count(tree); i++)
        read_node(k2_json_at(tree, i), schema, out);
    k2_json_free(tree);
    return K2_OK;
}

void prune_plan_free(struct prune_plan *p) {
    for (int i = 0; i < p->scan_count; i++) {
        for (int k = 0; k < p->scans[i].term_count; k++)
            free_term(&p->scans[i].terms[k]);
        free(p->scans[i].terms);
        free(p->scans[i].table);
    }
    free(p->scans);
    free(p->function);
    *p = (struct prune_plan){0};
}
