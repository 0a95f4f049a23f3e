/* codec/lint.c - the rules; see lint.h.
 *
 * What a field is is told by the words of its name (bid_price and bidPrice are bid and price). A schema is
 * that of a market event when a field's last word is a price. What says when something was deprecated is
 * the earlier version: only what was announced there has been read by anybody.
 */
#include "codec/lint_int.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* --- findings --- */

static void add(struct k2_lint_findings *out, const char *rule, struct k2_sv place,
                const struct k2_buf *what) {
    out->items = k2_realloc(out->items, (out->n + 1) * sizeof *out->items);
    out->items[out->n++] =
        (struct k2_lint_finding){rule, k2_sv_dup(place), k2_sv_dup(k2_buf_view(what))};
}

void k2_lint_findings_free(struct k2_lint_findings *f) {
    for (size_t i = 0; i < f->n; i++) {
        free(f->items[i].place);
        free(f->items[i].what);
    }
    free(f->items);
    *f = (struct k2_lint_findings){0};
}

/* --- words of a name --- */

enum { WORD = 24 };

/* Takes the next word off *name, in small letters; longer ones are cut. False at the end. */
static bool next_word(struct k2_sv *name, char word[WORD]) {
    size_t n = 0;
    while (name->n && !isalnum((unsigned char)name->p[0]))
        (void)k2_sv_take(name, name->p[0]);
    for (bool first = true; name->n; first = false) {
        unsigned char c = (unsigned char)name->p[0];
        bool begins = isupper(c) && !first && !isupper((unsigned char)name->p[-1]);
        if (!isalnum(c) || begins)
            break;
        if (n < WORD - 1)
            word[n++] = (char)tolower(c);
        (void)k2_sv_take(name, (char)c);
    }
    word[n] = '\0';
    return n > 0;
}

static bool listed(const char *word, const char *const *list) {
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static bool has_word(struct k2_sv name, const char *const *list) {
    char word[WORD];
    while (next_word(&name, word))
        if (listed(word, list))
            return true;
    return false;
}

static bool ends_with_word(struct k2_sv name, const char *const *list) {
    char word[WORD];
    bool is = false;
    while (next_word(&name, word))
        is = listed(word, list);
    return is;
}

static const char *const price_words[] = {"price", "prices", "px",    "bid",    "bids",
                                          "ask",   "asks",   "offer", "offers", NULL};
static const char *const number_words[] = {
    "price",  "prices",   "px",         "bid",      "bids",      "ask", "asks",   "offer",
    "offers", "quantity", "qty",        "size",     "volume",    "vol", "amount", "notional",
    "open",   "high",     "low",        "close",    "last",      "mid", "vwap",   "strike",
    "settle", "premium",  "settlement", "turnover", "turnovers", NULL};
static const char *const sequence_words[] = {"sequence", "seq", "seqno", "seqnum", "ordinal", NULL};
static const char *const id_words[] = {"id", NULL};
static const char *const trade_words[] = {"trade", "update", "execution", "exec", "match", NULL};
static const char *const time_words[] = {"timestamp", "time", "ts", "datetime", "nanos", NULL};
static const char *const our_time_words[] = {
    "receive",   "received", "recv",   "ingest", "ingestion", "ingested", "process",
    "processed", "load",     "loaded", "insert", "inserted",  "created",  NULL};

/* --- rules for one schema --- */

static void check_numbers(const struct lint_fields *f, struct k2_lint_findings *out) {
    for (size_t i = 0; i < f->n; i++) {
        const struct lint_field *field = &f->list[i];
        if (!field->float_type || !has_word(field->name, number_words))
            continue;
        struct k2_buf what = {0};
        k2_buf_printf(&what,
                      "a price or quantity as %s: sums and comparisons will be wrong in the last "
                      "digits; use %s",
                      field->float_type, field->instead);
        add(out, "FLOAT_NUMBER", field->place, &what);
        k2_buf_free(&what);
    }
}

static bool is_sequence(const struct lint_field *f) {
    return has_word(f->name, sequence_words) ||
           (f->integer && has_word(f->name, trade_words) && ends_with_word(f->name, id_words));
}

static bool is_exchange_time(const struct lint_field *f) {
    return has_word(f->name, time_words) && !has_word(f->name, our_time_words);
}

static bool is_price(const struct lint_field *f) {
    return ends_with_word(f->name, price_words);
}

static bool any(const struct lint_fields *f, bool (*is)(const struct lint_field *)) {
    for (size_t i = 0; i < f->n; i++)
        if (is(&f->list[i]))
            return true;
    return false;
}

static void check_event(const struct lint_fields *f, struct k2_lint_findings *out) {
    struct k2_buf what = {0};
    if (!any(f, is_price))
        return;
    if (!any(f, is_sequence)) {
        k2_buf_str(&what, "a market event without a sequence number: gaps and duplicates cannot be "
                          "told; add the venue's number, as exchange_sequence_number, a long");
        add(out, "NO_SEQUENCE", (struct k2_sv){0}, &what);
    }
    what.n = 0;
    if (!any(f, is_exchange_time)) {
        k2_buf_str(&what, "a market event without the venue's clock: it cannot be replayed in "
                          "order; add exchange_timestamp, a long with a timestamp's logical type");
        add(out, "NO_EXCHANGE_TIME", (struct k2_sv){0}, &what);
    }
    k2_buf_free(&what);
}

/* --- rules for a change --- */

static bool is_called(const struct lint_field *f, struct k2_sv name) {
    for (size_t i = 0; i < f->alias_count; i++)
        if (k2_sv_eq(f->aliases[i], name))
            return true;
    return k2_sv_eq(f->name, name);
}

static struct k2_sv folder(const struct lint_field *f) {
    return (struct k2_sv){f->place.p, f->place.n - f->name.n};
}

/* The field that a reader of the new schema takes for this one. */
static const struct lint_field *successor(const struct lint_fields *next,
                                          const struct lint_field *old) {
    for (size_t i = 0; i < next->n; i++)
        if (k2_sv_eq(folder(&next->list[i]), folder(old)) && is_called(&next->list[i], old->name))
            return &next->list[i];
    return NULL;
}

static void check_scale(const struct lint_field *now, const struct lint_field *then,
                        struct k2_lint_findings *out) {
    struct k2_buf what = {0};
    if (then->has_scale && (!now->has_scale || now->scale != then->scale)) {
        k2_buf_printf(&what, "the scale was %lld and is ", (long long)then->scale);
        if (now->has_scale)
            k2_buf_printf(&what, "%lld", (long long)now->scale);
        else
            k2_buf_str(&what, "no longer given");
        k2_buf_str(&what, ": old and new values of the same bytes differ by powers of ten; keep it "
                          "and add a new field for the new scale");
        add(out, "SCALE_CHANGED", now->place, &what);
    }
    what.n = 0;
    if (then->has_precision && now->has_precision && now->precision != then->precision) {
        k2_buf_printf(&what,
                      "the precision was %lld and is %lld: columns made for one do not hold the "
                      "other; keep it and add a new field",
                      (long long)then->precision, (long long)now->precision);
        add(out, "PRECISION_CHANGED", now->place, &what);
    }
    k2_buf_free(&what);
}

static void check_unit(const struct lint_field *now, const struct lint_field *then,
                       struct k2_lint_findings *out) {
    if (then->unit.n == 0 || k2_sv_eq(now->unit, then->unit))
        return;
    struct k2_buf what = {0};
    k2_buf_printf(&what, "the unit was \"%.*s\" and is ", K2_SV_ARG(k2_sv_shown(then->unit)));
    if (now->unit.n)
        k2_buf_printf(&what, "\"%.*s\"", K2_SV_ARG(k2_sv_shown(now->unit)));
    else
        k2_buf_str(&what, "no longer given");
    k2_buf_str(&what, ": consumers would read new values in the old unit; keep it and add a new "
                      "field for the new unit");
    add(out, "UNIT_CHANGED", now->place, &what);
    k2_buf_free(&what);
}

static void check_removal(const struct lint_field *then, int32_t today,
                          struct k2_lint_findings *out) {
    struct k2_buf what = {0};
    int32_t since = 0;
    char date[K2_DATE_TEXT] = "";
    bool dated = then->deprecated.n && k2_date_parse(then->deprecated, &since, NULL) == K2_OK;
    bool good = dated && today >= since + K2_LINT_NOTICE_DAYS;
    if (!then->required || good)
        return;
    if (dated) {
        k2_date_format(since + K2_LINT_NOTICE_DAYS, date);
        k2_buf_printf(&what,
                      "a required field is removed that was deprecated on %.*s: it may go on %s, "
                      "%d days later",
                      K2_SV_ARG(then->deprecated), date, K2_LINT_NOTICE_DAYS);
    } else {
        k2_date_format(today, date);
        k2_buf_printf(&what,
                      "a required field is removed that was not deprecated%s: first register a "
                      "version that has it with \"deprecated\": \"%s\"; ",
                      then->deprecated.n ? " with a date" : "", date);
        k2_date_format(today + K2_LINT_NOTICE_DAYS, date);
        k2_buf_printf(&what, "then it may go on %s, %d days later", date, K2_LINT_NOTICE_DAYS);
    }
    add(out, "REMOVED_TOO_SOON", then->place, &what);
    k2_buf_free(&what);
}

static void check_change(const struct lint_fields *next, const struct lint_fields *last,
                         struct k2_lint_findings *out) {
    for (size_t i = 0; i < last->n; i++) {
        const struct lint_field *now = successor(next, &last->list[i]);
        if (now) {
            check_scale(now, &last->list[i], out);
            check_unit(now, &last->list[i], out);
        }
    }
}

static void check_removals(const struct lint_fields *next, const struct lint_fields *last,
                           int32_t today, struct k2_lint_findings *out) {
    for (size_t i = 0; i < last->n; i++)
        if (!successor(next, &last->list[i]))
            check_removal(&last->list[i], today, out);
}

/* --- fields --- */

struct lint_field *lint_fields_add(struct lint_fields *f, struct k2_sv name) {
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 64;
        f->list = k2_realloc(f->list, f->cap * sizeof *f->list);
    }
    struct k2_buf place = {0};
    struct k2_sv path = k2_buf_view(&f->path.text);
    (void)k2_sv_split(&path, '/');
    while (path.p) {
        k2_buf_sv(&place, k2_sv_split(&path, '/'));
        k2_buf_byte(&place, '.');
    }
    k2_buf_sv(&place, name);
    struct k2_sv kept = {schema_arena_text(&f->arena, k2_buf_view(&place)), place.n};
    k2_buf_free(&place);
    struct lint_field *field = &f->list[f->n++];
    *field = (struct lint_field){.place = kept, .name = {kept.p + kept.n - name.n, name.n}};
    return field;
}

void lint_fields_free(struct lint_fields *f) {
    free(f->list);
    k2_buf_free(&f->path.text);
    schema_arena_free(&f->arena);
    *f = (struct lint_fields){0};
}

/* What follows a word in a text for people, up to a blank, comma, semicolon or bracket. */
static struct k2_sv after_word(struct k2_sv text, const char *word) {
    const char *at = memmem(text.p ? text.p : "", text.n, word, strlen(word));
    if (!at)
        return (struct k2_sv){0};
    struct k2_sv rest = {at + strlen(word), text.n - (size_t)(at - text.p) - strlen(word)};
    rest = k2_sv_trim(rest);
    size_t n = 0;
    while (n < rest.n && !strchr(" \t\n,;)", rest.p[n]))
        n++;
    if (n > 0 && rest.p[n - 1] == '.')
        n--;
    return (struct k2_sv){rest.p, n};
}

void lint_field_words(struct lint_field *f, const struct k2_json *properties, const char *doc_key) {
    struct k2_sv doc = {0};
    bool deprecated = false;
    k2_json_as_string(k2_json_get(properties, doc_key), &doc);
    if (!k2_json_as_string(k2_json_get(properties, "unit"), &f->unit) && f->unit.n == 0)
        f->unit = after_word(doc, "unit:");
    if (k2_json_as_string(k2_json_get(properties, "deprecated"), &f->deprecated))
        return;
    k2_json_as_bool(k2_json_get(properties, "deprecated"), &deprecated);
    f->deprecated = after_word(doc, "deprecated since ");
    if (f->deprecated.n == 0)
        f->deprecated = after_word(doc, "Deprecated since ");
    if (f->deprecated.n == 0 && deprecated)
        f->deprecated = K2_SV("true");
}

static K2_RC fields_of(const struct k2_schema_text *s, struct lint_fields *out,
                       struct k2_err *err) {
    switch (s->type) {
    case K2_SCHEMA_AVRO:
        return lint_fields_of_avro(s, out, err);
    case K2_SCHEMA_JSON:
        return lint_fields_of_json(s, out, err);
    case K2_SCHEMA_PROTOBUF:
        break;
    }
    return lint_fields_of_protobuf(s, out, err);
}

static K2_RC both_fields(const struct k2_schema_text *next, const struct k2_schema_text *last,
                         struct lint_fields *now, struct lint_fields *then, struct k2_err *err) {
    K2_TRY(fields_of(next, now, err));
    if (!last || last->type != next->type)
        return K2_OK;
    return k2_err_context(err, fields_of(last, then, err), "the earlier schema");
}

int k2_schema_lint(const struct k2_schema_text *next, const struct k2_schema_text *last,
                   int32_t today, struct k2_lint_findings *out, struct k2_err *err) {
    struct lint_fields now = {0}, then = {0};
    int rc = both_fields(next, last, &now, &then, err);
    if (rc == K2_OK) {
        check_numbers(&now, out);
        check_event(&now, out);
        check_change(&now, &then, out);
        check_removals(&now, &then, today, out);
    }
    lint_fields_free(&now);
    lint_fields_free(&then);
    return rc;
}

int k2_schema_same_numbers(const struct k2_schema_text *next, const struct k2_schema_text *last,
                           struct k2_err *err) {
    struct lint_fields now = {0}, then = {0};
    struct k2_lint_findings found = {0};
    int rc = both_fields(next, last, &now, &then, err);
    if (rc == K2_OK)
        check_change(&now, &then, &found);
    if (found.n > 0)
        rc = k2_fail(err, K2_E_CONFLICT, "%s of field %s: %s", found.items[0].rule,
                     found.items[0].place, found.items[0].what);
    k2_lint_findings_free(&found);
    lint_fields_free(&now);
    lint_fields_free(&then);
    return rc;
}
