/* feed/rows/mapped_cells.c - see mapped_cells.h. A JSON object is walked to its leaves, whose names are their paths:
 * data.bids[0].price. A CSV field may stand in quotes, in which "" is a quote. */
#include "feed/rows/mapped_cells.h"

#include "base/config.h"
#include "feed/venue/json_scan.h"
#include "feed/rows/rows.h"

#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 16
#define PATH_MAX_BYTES 512
#define COLUMNS_MAX 4096
#define LEAVES_MAX 4096
#define NEAR_MAX 256

void map_cells_init(struct map_cells *c, const struct mapping *m) {
    *c = (struct map_cells){.mapping = m};
    c->cell = k2_zalloc((m->n_columns + 1) * sizeof *c->cell);
}

static void free_columns(struct map_cells *c) {
    for (size_t i = 0; i < c->n_columns; i++)
        free(c->names[i]);
    free(c->names);
    free(c->slots);
    free(c->order);
    free(c->field);
    c->names = NULL;
    c->slots = c->order = NULL;
    c->field = NULL;
    c->n_columns = 0;
}

void map_cells_free(struct map_cells *c) {
    free_columns(c);
    free(c->cell);
    free(c->rest);
    k2_buf_free(&c->text);
    *c = (struct map_cells){0};
}

static void clear(struct map_cells *c) {
    for (size_t i = 0; i < c->mapping->n_columns; i++)
        c->cell[i] = (struct k2_sv){NULL, 0};
    c->n_rest = 0;
    c->text.n = 0;
}

static void move_view(struct k2_sv *v, const char *from, size_t n, const char *to) {
    if (v->p >= from && v->p <= from + n)
        v->p = to + (v->p - from);
}

/* Room for more text; views into it stay good. */
static void reserve_text(struct map_cells *c, size_t more) {
    const char *from = (const char *)c->text.p;
    if (c->text.cap - c->text.n >= more && from)
        return;
    struct k2_buf bigger = {0};
    (void)k2_buf_need(&bigger, 2 * (c->text.n + more) + 256);
    if (from)
        k2_buf_sv(&bigger, k2_buf_view(&c->text));
    const char *to = (const char *)bigger.p;
    for (size_t i = 0; from && i < c->mapping->n_columns; i++)
        move_view(&c->cell[i], from, c->text.n, to);
    for (size_t i = 0; from && i < c->n_rest; i++) {
        move_view(&c->rest[i].name, from, c->text.n, to);
        move_view(&c->rest[i].value, from, c->text.n, to);
    }
    k2_buf_free(&c->text);
    c->text = bigger;
}

/* Kept by name, each name once: most come in that order. False: it was there. */
static bool add_rest(struct map_cells *c, struct k2_sv name, struct k2_sv value) {
    size_t at = c->n_rest;
    int order = 1;
    while (at > 0 && (order = k2_sv_cmp(c->rest[at - 1].name, name)) > 0)
        at--;
    if (at > 0 && order == 0)
        return false;
    if (c->n_rest == c->cap_rest) {
        c->cap_rest = c->cap_rest ? 2 * c->cap_rest : 16;
        c->rest = k2_realloc(c->rest, c->cap_rest * sizeof *c->rest);
    }
    memmove(c->rest + at + 1, c->rest + at, (c->n_rest - at) * sizeof *c->rest);
    c->rest[at] = (struct map_pair){name, value};
    c->n_rest++;
    return true;
}

/* --- CSV --- */

/* A field in quotes at the start of *row; false when the quote does not end or something follows it. */
static bool take_quoted(struct map_cells *c, struct k2_sv *row, char delimiter,
                        struct k2_sv *field) {
    size_t start = c->text.n, i = 1;
    for (;; i++) {
        if (i >= row->n)
            return false;
        if (row->p[i] == '"' && !(i + 1 < row->n && row->p[i + 1] == '"'))
            break;
        i += row->p[i] == '"';
        k2_buf_byte(&c->text, (uint8_t)row->p[i]);
    }
    *field = (struct k2_sv){(const char *)c->text.p + start, c->text.n - start};
    row->p += i + 1;
    row->n -= i + 1;
    return row->n == 0 || row->p[0] == delimiter;
}

static void take_bare(struct k2_sv *row, char delimiter, struct k2_sv *field) {
    const char *cut = row->n ? memchr(row->p, delimiter, row->n) : NULL;
    *field = (struct k2_sv){row->p, cut ? (size_t)(cut - row->p) : row->n};
    row->p += field->n;
    row->n -= field->n;
}

/* At most `most` fields are set; *n is how many there are. */
static int split(struct map_cells *c, struct k2_sv row, struct k2_sv *field, size_t most, size_t *n,
                 struct feed_fault *f) {
    struct k2_sv whole = row, one;
    char delimiter = c->mapping->delimiter;
    reserve_text(c, row.n + 1);
    for (*n = 0;; ++*n) {
        if (row.n && row.p[0] == '"') {
            if (!take_quoted(c, &row, delimiter, &one))
                return feed_fault_set(f, "MALFORMED", "a quote does not end before a delimiter",
                                      whole);
        } else {
            take_bare(&row, delimiter, &one);
        }
        if (*n < most)
            field[*n] = one;
        if (!k2_sv_take(&row, delimiter)) {
            ++*n;
            return 0;
        }
    }
}

struct by_name { /* for qsort */
    struct k2_sv name;
    size_t column;
};

static int compare_names(const void *a, const void *b) {
    const struct by_name *x = a, *y = b;
    int order = k2_sv_cmp(x->name, y->name);
    return order ? order : (x->column > y->column) - (x->column < y->column);
}

/* A name that is there twice is told apart by its column; one without a name is its column. */
static char *name_of(const struct k2_sv *name, size_t i) {
    struct k2_buf out = {0};
    bool twice = false;
    for (size_t k = 0; k < i; k++)
        twice |= k2_sv_eq(name[k], name[i]);
    k2_buf_sv(&out, name[i]);
    if (name[i].n == 0 || twice)
        k2_buf_printf(&out, "column%zu", i + 1);
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

static void sort_columns(struct map_cells *c) {
    struct by_name *all = k2_alloc((c->n_columns + 1) * sizeof *all);
    for (size_t i = 0; i < c->n_columns; i++)
        all[i] = (struct by_name){k2_sv_of(c->names[i]), i};
    qsort(all, c->n_columns, sizeof *all, compare_names);
    for (size_t i = 0; i < c->n_columns; i++)
        c->order[i] = all[i].column;
    free(all);
}

static int check_there(const struct map_cells *c, struct k2_err *err) {
    const struct mapping *m = c->mapping;
    for (size_t s = 0; s < m->n_columns; s++) {
        bool there = false;
        const char *words[NEAR_MAX];
        int n = 0;
        for (size_t i = 0; i < c->n_columns; i++) {
            there |= c->slots[i] == s;
            if (n < NEAR_MAX)
                words[n++] = c->names[i];
        }
        if (there)
            continue;
        const char *best = k2_nearest(m->columns[s].name, words, n);
        return k2_fail(err, K2_E_INVALID,
                       "the rows have no column %s, which line %d of the mapping names%s%s%s",
                       m->columns[s].name, m->columns[s].line, best ? "; did you mean " : "",
                       best ? best : "", best ? "?" : "");
    }
    return K2_OK;
}

static int set_columns(struct map_cells *c, const struct k2_sv *name, size_t n,
                       struct k2_err *err) {
    free_columns(c);
    c->n_columns = n;
    c->names = k2_zalloc((n + 1) * sizeof *c->names);
    c->slots = k2_zalloc((n + 1) * sizeof *c->slots);
    c->order = k2_zalloc((n + 1) * sizeof *c->order);
    c->field = k2_zalloc((n + 1) * sizeof *c->field);
    for (size_t i = 0; i < n; i++) {
        c->names[i] = name_of(name, i);
        c->slots[i] = mapping_slot(c->mapping, k2_sv_of(c->names[i]));
    }
    sort_columns(c);
    return check_there(c, err);
}

int map_cells_header(struct map_cells *c, struct k2_sv line, struct k2_err *err) {
    struct k2_sv *name = k2_zalloc(COLUMNS_MAX * sizeof *name);
    struct feed_fault f;
    size_t n = 0;
    c->text.n = 0;
    int rc = K2_OK;
    if (split(c, line, name, COLUMNS_MAX, &n, &f))
        rc = k2_fail(err, K2_E_INVALID, "the header: %s", f.detail);
    else if (n > COLUMNS_MAX)
        rc = k2_fail(err, K2_E_INVALID, "the header has %zu columns, at most %d are read", n,
                     COLUMNS_MAX);
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        name[i] = k2_sv_trim(name[i]);
        if (!feed_text_ok(name[i], PATH_MAX_BYTES))
            rc = k2_fail(err, K2_E_INVALID, "the header: column %zu has no plain name", i + 1);
    }
    if (rc == K2_OK)
        rc = set_columns(c, name, n, err);
    free(name);
    return rc;
}

int map_cells_names(struct map_cells *c, struct k2_err *err) {
    const struct mapping *m = c->mapping;
    struct k2_sv *name = k2_zalloc((m->n_names + 1) * sizeof *name);
    for (size_t i = 0; i < m->n_names; i++)
        name[i] = k2_sv_of(m->names[i]);
    int rc = set_columns(c, name, m->n_names, err);
    free(name);
    return rc;
}

int map_cells_csv(struct map_cells *c, struct k2_sv line, struct feed_fault *f) {
    size_t n = 0;
    char wanted[48];
    clear(c);
    if (split(c, line, c->field, c->n_columns, &n, f))
        return -1;
    snprintf(wanted, sizeof wanted, "%zu are named", c->n_columns);
    if (n != c->n_columns)
        return feed_fault_columns(f, n, wanted);
    for (size_t k = 0; k < n; k++) {
        size_t i = c->order[k];
        if (c->slots[i] != SIZE_MAX)
            c->cell[c->slots[i]] = c->field[i];
        else if (!c->mapping->ignore_rest && c->field[i].n)
            (void)add_rest(c, k2_sv_of(c->names[i]), c->field[i]);
    }
    return 0;
}

/* --- JSON --- */

struct walk {
    struct map_cells *c;
    struct feed_fault *f;
    char path[PATH_MAX_BYTES];
    size_t n, leaves;
};

static int walk_value(struct walk *w, const struct json_value *v, int depth);

static unsigned hex4(const char *p) {
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char d = p[i];
        v = v << 4 | (unsigned)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
    }
    return v;
}

static void put_utf8(struct k2_buf *out, unsigned code) {
    if (code < 0x80) {
        k2_buf_byte(out, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        k2_buf_byte(out, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            k2_buf_byte(out, (uint8_t)(0xe0 | code >> 12));
        } else {
            k2_buf_byte(out, (uint8_t)(0xf0 | code >> 18));
            k2_buf_byte(out, (uint8_t)(0x80 | (code >> 12 & 63)));
        }
        k2_buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 63)));
    }
    k2_buf_byte(out, (uint8_t)(0x80 | (code & 63)));
}

/* Of a string that the scan has checked. Half a surrogate pair stays what it is and is then no UTF-8. */
static struct k2_sv unescape(struct map_cells *c, struct k2_sv text) {
    reserve_text(c, text.n + 4);
    size_t start = c->text.n;
    for (size_t i = 0; i < text.n; i++) {
        static const char codes[] = "bfnrt", bytes[] = "\b\f\n\r\t";
        if (text.p[i] != '\\') {
            k2_buf_byte(&c->text, (uint8_t)text.p[i]);
            continue;
        }
        char code = text.p[++i];
        const char *known = strchr(codes, code);
        if (code == 'u') {
            unsigned v = hex4(text.p + i + 1);
            i += 4;
            unsigned low = v >= 0xd800 && v < 0xdc00 && i + 6 < text.n && text.p[i + 1] == '\\' &&
                                   text.p[i + 2] == 'u'
                               ? hex4(text.p + i + 3)
                               : 0;
            if (low >= 0xdc00 && low < 0xe000) {
                v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
                i += 6;
            }
            put_utf8(&c->text, v);
        } else {
            k2_buf_byte(&c->text, (uint8_t)(known ? bytes[known - codes] : code));
        }
    }
    return (struct k2_sv){(const char *)c->text.p + start, c->text.n - start};
}

/* An unescaped text is of c->text already: its place is kept while that moves. */
static int give_leaf(struct walk *w, const struct json_value *v) {
    struct map_cells *c = w->c;
    struct k2_sv path = {w->path, w->n}, value = v->text;
    if (v->type == JSON_NULL)
        value.n = 0;
    if (v->escaped)
        value = unescape(c, value);
    if (++w->leaves > LEAVES_MAX)
        return feed_fault_set(w->f, "MALFORMED", "the object has too many values", path);
    size_t slot = mapping_slot(c->mapping, path);
    if (slot != SIZE_MAX) {
        if (c->cell[slot].p)
            return feed_fault_set(w->f, "MALFORMED", "a member is there twice", path);
        c->cell[slot] = value;
        return 0;
    }
    if (c->mapping->ignore_rest || value.n == 0)
        return 0;
    bool inside = v->escaped && value.n > 0;
    size_t value_at = inside ? (size_t)(value.p - (const char *)c->text.p) : 0;
    reserve_text(c, path.n);
    if (inside)
        value.p = (const char *)c->text.p + value_at;
    size_t at = c->text.n;
    k2_buf_sv(&c->text, path);
    struct k2_sv name = {(const char *)c->text.p + at, path.n};
    return add_rest(c, name, value)
               ? 0
               : feed_fault_set(w->f, "MALFORMED", "a member is there twice", path);
}

/* Appends to the path; false when that is too long. */
static bool go_down(struct walk *w, struct k2_sv key, long index) {
    char number[24];
    if (index >= 0)
        key = (struct k2_sv){number, (size_t)snprintf(number, sizeof number, "[%ld]", index)};
    bool dot = index < 0 && w->n > 0;
    if (w->n + key.n + dot > sizeof w->path)
        return false;
    if (dot)
        w->path[w->n++] = '.';
    if (key.n)
        memcpy(w->path + w->n, key.p, key.n);
    w->n += key.n;
    return true;
}

static int walk_object(struct walk *w, struct k2_sv text, int depth) {
    struct json_scan s = {.p = text.p, .end = text.p + text.n};
    struct k2_sv key;
    struct json_value v;
    size_t here = w->n;
    if (json_enter(&s))
        while (json_member(&s, &key, &v)) {
            if (!go_down(w, key, -1))
                return feed_fault_set(w->f, "MALFORMED", "the path of a value is too long", key);
            if (walk_value(w, &v, depth + 1))
                return -1;
            w->n = here;
        }
    return s.fault ? feed_fault_set(w->f, "MALFORMED", s.fault, text) : 0;
}

static int walk_array(struct walk *w, struct k2_sv text, int depth) {
    struct json_scan s = {.p = text.p + 1, .end = text.p + text.n - 1};
    struct json_value v;
    size_t here = w->n;
    for (long i = 0; !json_at_end(&s); i++) {
        if (i > 0 && *s.p++ != ',')
            return feed_fault_set(w->f, "MALFORMED", "a comma is missing", text);
        if (!json_value(&s, &v))
            return feed_fault_set(w->f, "MALFORMED", s.fault, text);
        if (!go_down(w, (struct k2_sv){NULL, 0}, i))
            return feed_fault_set(w->f, "MALFORMED", "the path of a value is too long", text);
        if (walk_value(w, &v, depth + 1))
            return -1;
        w->n = here;
    }
    return 0;
}

static int walk_value(struct walk *w, const struct json_value *v, int depth) {
    if (depth > DEPTH_MAX)
        return feed_fault_set(w->f, "MALFORMED", "the values are nested too deep", v->text);
    if (v->type == JSON_OBJECT)
        return walk_object(w, v->text, depth);
    return v->type == JSON_ARRAY ? walk_array(w, v->text, depth) : give_leaf(w, v);
}

int map_cells_json(struct map_cells *c, struct k2_sv line, struct feed_fault *f) {
    struct json_scan s = {.p = line.p, .end = line.p + line.n};
    struct json_value v;
    clear(c);
    if (!json_value(&s, &v) || !json_at_end(&s))
        return feed_fault_set(f, "MALFORMED", s.fault ? s.fault : "something follows the object",
                              line);
    if (v.type != JSON_OBJECT)
        return feed_fault_set(f, "MALFORMED", "the line is no JSON object", line);
    struct walk w = {.c = c, .f = f};
    return walk_value(&w, &v, 0);
}
