/* query/print.c - results as text: table, CSV, JSON, NDJSON, Markdown.
 *
 * CSV: RFC 4180 with a header and LF line ends; NULL is empty, an empty string is "". JSON: one array,
 * an object a line; names that occur twice get _2, _3. Table and Markdown are for people: control
 * characters are shown as escapes, so that data cannot steer a terminal; the widths of a table come from
 * its first rows, at most SAMPLE_ROWS of them, which are kept in memory until they are known. On a
 * terminal a table is made to fit (fit.c), and rows beyond max_rows are counted, for COUNT_NS at most.
 */
#include "query/query_int.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

#define SAMPLE_ROWS 10000
#define COUNT_NS (K2_NS_PER_SEC / 2)
#define ELLIPSIS "\xe2\x80\xa6"

struct printer {
    struct query_result *result;
    FILE *out;
    struct k2_buf line; /* text not yet written */
    const struct query_look *look;
    int64_t rows;
    int64_t more; /* rows beyond look->max_rows that were counted */
    bool counted; /* and there are no others */
    /* table and Markdown */
    struct k2_buf cells; /* the sample: each cell's text, NUL-terminated */
    struct query_fit *fit;
    int hidden;  /* columns left out */
    bool *right; /* numbers are aligned to the right */
    bool laid_out;
    int name_width; /* lines: of the longest name */
    char **keys;    /* JSON: names, each once */
};

struct format { /* how one format prints; NULL members do nothing */
    void (*begin)(struct printer *p);
    void (*row)(struct printer *p, const struct duck_vector *columns, uint64_t row);
    void (*end)(struct printer *p);
};

static void write_out(struct printer *p) {
    if (p->line.n)
        fwrite(p->line.p, 1, p->line.n, p->out);
    p->line.n = 0;
}

/* --- CSV --- */

static void csv_cell(struct k2_buf *out, struct k2_sv s) {
    bool quote = s.n == 0;
    for (size_t i = 0; i < s.n && !quote; i++)
        quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
    if (!quote) {
        k2_buf_sv(out, s);
        return;
    }
    k2_buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            k2_buf_byte(out, '"');
        k2_buf_byte(out, (uint8_t)s.p[i]);
    }
    k2_buf_byte(out, '"');
}

static void csv_begin(struct printer *p) {
    for (int c = 0; c < p->result->columns; c++) {
        k2_buf_str(&p->line, c ? "," : "");
        csv_cell(&p->line, k2_sv_of(p->result->names[c]));
    }
    k2_buf_byte(&p->line, '\n');
}

static void csv_row(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    for (int c = 0; c < p->result->columns; c++) {
        k2_buf_str(&p->line, c ? "," : "");
        if (duck_is_null(&columns[c], row) || columns[c].type->id == DUCK_NULL)
            continue;
        p->cells.n = 0;
        query_value_text(&p->cells, &columns[c], row);
        csv_cell(&p->line, k2_buf_view(&p->cells));
    }
    k2_buf_byte(&p->line, '\n');
}

/* --- JSON --- */

static void json_object(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    k2_buf_byte(&p->line, '{');
    for (int c = 0; c < p->result->columns; c++) {
        k2_buf_str(&p->line, c ? "," : "");
        query_json_string(&p->line, k2_sv_of(p->keys[c]));
        k2_buf_byte(&p->line, ':');
        query_value_json(&p->line, &columns[c], row);
    }
    k2_buf_byte(&p->line, '}');
}

static void json_row(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    k2_buf_str(&p->line, p->rows ? ",\n" : "[\n");
    json_object(p, columns, row);
}

static void json_end(struct printer *p) {
    k2_buf_str(&p->line, p->rows ? "\n]\n" : "[]\n");
}

static void ndjson_row(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    json_object(p, columns, row);
    k2_buf_byte(&p->line, '\n');
}

/* --- table and Markdown --- */

static int columns_wide(const char *text) {
    int n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

/* A cell's text with control characters made visible; `bar`: the column mark of Markdown too. */
static void put_visible(struct k2_buf *out, struct k2_sv s, bool bar) {
    for (size_t from = 0, to; from < s.n; from = to + 1) {
        const char *mark = bar ? memchr(s.p + from, '|', s.n - from) : NULL;
        to = mark ? (size_t)(mark - s.p) : s.n;
        k2_buf_visible(out, (struct k2_sv){s.p + from, to - from}, false);
        if (mark)
            k2_buf_str(out, "\\|");
    }
}

static void put_cell(struct k2_buf *out, const struct duck_vector *v, uint64_t row, bool bar) {
    struct k2_buf text = {0};
    query_value_text(&text, v, row);
    put_visible(out, k2_buf_view(&text), bar);
    k2_buf_byte(out, 0);
    k2_buf_free(&text);
}

static bool is_number(enum duck_type_id id) {
    return id > DUCK_BOOL && id <= DUCK_DECIMAL;
}

static void pad(struct k2_buf *out, int n) {
    for (int i = 0; i < n; i++)
        k2_buf_byte(out, ' ');
}

/* The first `n` characters of a UTF-8 text. */
static void put_front(struct k2_buf *out, const char *text, int n) {
    for (; *text; text++) {
        n -= (*text & 0xc0) != 0x80;
        if (n < 0)
            break;
        k2_buf_byte(out, (uint8_t)*text);
    }
}

static void put_padded(struct printer *p, const char *text, int c, bool last) {
    int space = p->fit[c].width - columns_wide(text);
    if (p->right[c])
        pad(&p->line, space);
    if (space < 0 && p->look->width && !p->fit[c].whole) {
        put_front(&p->line, text, p->fit[c].width - 1);
        k2_buf_str(&p->line, ELLIPSIS);
    } else {
        k2_buf_str(&p->line, text);
    }
    if (!p->right[c] && !last)
        pad(&p->line, space);
}

/* What stands between the columns, and instead of those left out: true when column c is shown. */
static bool table_column(struct printer *p, int c, const char *gap) {
    bool hidden = p->fit[c].hidden;
    bool again = hidden && c > 0 && p->fit[c - 1].hidden;
    if (!again && c > 0)
        k2_buf_str(&p->line, "  ");
    if (hidden && !again)
        k2_buf_str(&p->line, gap);
    return !hidden;
}

static void table_line(struct printer *p, const char *cells) {
    for (int c = 0; c < p->result->columns; c++) {
        if (table_column(p, c, ELLIPSIS))
            put_padded(p, cells, c, c + 1 == p->result->columns);
        cells += strlen(cells) + 1;
    }
    k2_buf_byte(&p->line, '\n');
}

static void table_rule(struct printer *p) {
    for (int c = 0; c < p->result->columns; c++)
        if (table_column(p, c, "-"))
            for (int i = 0; i < p->fit[c].width; i++)
                k2_buf_byte(&p->line, '-');
    k2_buf_byte(&p->line, '\n');
}

static void markdown_line(struct printer *p, const char *cells) {
    k2_buf_byte(&p->line, '|');
    for (int c = 0; c < p->result->columns; c++) {
        k2_buf_byte(&p->line, ' ');
        put_padded(p, cells, c, false);
        k2_buf_str(&p->line, " |");
        cells += strlen(cells) + 1;
    }
    k2_buf_byte(&p->line, '\n');
}

static void markdown_rule(struct printer *p) {
    k2_buf_byte(&p->line, '|');
    for (int c = 0; c < p->result->columns; c++) {
        for (int i = 0; i < p->fit[c].width + 1; i++)
            k2_buf_byte(&p->line, '-');
        k2_buf_str(&p->line, p->right[c] ? ":|" : "-|");
    }
    k2_buf_byte(&p->line, '\n');
}

static void widen(struct printer *p, const char *cells) {
    for (int c = 0; c < p->result->columns; c++) {
        int n = columns_wide(cells);
        if (n > p->fit[c].width)
            p->fit[c].width = n;
        cells += strlen(cells) + 1;
    }
}

static void names_line(struct printer *p, bool bar, struct k2_buf *out) {
    for (int c = 0; c < p->result->columns; c++) {
        put_visible(out, k2_sv_of(p->result->names[c]), bar);
        k2_buf_byte(out, 0);
    }
}

typedef void line_fn(struct printer *p, const char *cells);

/* Writes header and sample, now that the widths are known. */
static void lay_out(struct printer *p, line_fn *line, void (*rule)(struct printer *), bool bar) {
    struct k2_buf names = {0};
    names_line(p, bar, &names);
    const char *header = k2_buf_cstr(&names);
    widen(p, header);
    for (int c = 0; c < p->result->columns; c++)
        if (p->fit[c].width < 3)
            p->fit[c].width = 3;
    if (p->look->width && !bar)
        p->hidden = query_fit(p->fit, p->result->columns, p->look->width);
    line(p, header);
    rule(p);
    k2_buf_free(&names);
    const char *cells = (const char *)p->cells.p, *end = cells + p->cells.n;
    while (cells < end) {
        line(p, cells);
        for (int c = 0; c < p->result->columns; c++)
            cells += strlen(cells) + 1;
    }
    p->laid_out = true;
    p->cells.n = 0;
}

static void aligned_row(struct printer *p, const struct duck_vector *columns, uint64_t row,
                        line_fn *line, void (*rule)(struct printer *), bool bar) {
    size_t from = p->cells.n;
    for (int c = 0; c < p->result->columns; c++)
        put_cell(&p->cells, &columns[c], row, bar);
    const char *cells = (const char *)p->cells.p + from;
    if (!p->laid_out) {
        widen(p, cells);
        if (p->rows + 1 >= SAMPLE_ROWS)
            lay_out(p, line, rule, bar);
        return;
    }
    line(p, cells);
    p->cells.n = 0;
}

static void table_row(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    aligned_row(p, columns, row, table_line, table_rule, false);
}

static void put_hint(struct k2_buf *out, const char *hint) {
    if (hint)
        k2_buf_printf(out, ": %s", hint);
}

/* "(2 rows)", "(1000 of 52000 rows: .maxrows N shows more; 9 of 24 columns: ...)" */
static void put_totals(struct printer *p) {
    if (p->more)
        k2_buf_printf(&p->line, "(%" PRId64 " of %s%" PRId64 " rows", p->rows,
                      p->counted ? "" : "more than ", p->rows + p->more - !p->counted);
    else
        k2_buf_printf(&p->line, "(%" PRId64 " row%s", p->rows, p->rows == 1 ? "" : "s");
    if (p->more)
        put_hint(&p->line, p->look->more_rows);
    if (p->hidden) {
        int columns = p->result->columns;
        k2_buf_printf(&p->line, "; %d of %d columns", columns - p->hidden, columns);
        put_hint(&p->line, p->look->more_columns);
    }
    k2_buf_str(&p->line, ")\n");
}

static void table_end(struct printer *p) {
    if (!p->laid_out)
        lay_out(p, table_line, table_rule, false);
    put_totals(p);
}

/* --- a line for each column --- */

static void lines_begin(struct printer *p) {
    for (int c = 0; c < p->result->columns; c++) {
        struct k2_buf name = {0};
        put_visible(&name, k2_sv_of(p->result->names[c]), false);
        int n = columns_wide(k2_buf_cstr(&name));
        if (n > p->name_width)
            p->name_width = n;
        k2_buf_free(&name);
    }
}

static void lines_row(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    for (int c = 0; c < p->result->columns; c++) {
        p->cells.n = 0;
        put_visible(&p->cells, k2_sv_of(p->result->names[c]), false);
        pad(&p->line, p->name_width - columns_wide(k2_buf_cstr(&p->cells)));
        k2_buf_sv(&p->line, k2_buf_view(&p->cells));
        k2_buf_str(&p->line, " = ");
        p->cells.n = 0;
        put_cell(&p->cells, &columns[c], row, false);
        k2_buf_put(&p->line, p->cells.p, p->cells.n - 1);
        k2_buf_byte(&p->line, '\n');
    }
    k2_buf_byte(&p->line, '\n');
}

static void markdown_row(struct printer *p, const struct duck_vector *columns, uint64_t row) {
    aligned_row(p, columns, row, markdown_line, markdown_rule, true);
}

static void markdown_end(struct printer *p) {
    if (!p->laid_out)
        lay_out(p, markdown_line, markdown_rule, true);
}

static const struct format formats[] = {
    [QUERY_TABLE] = {NULL, table_row, table_end},
    [QUERY_CSV] = {csv_begin, csv_row, NULL},
    [QUERY_JSON] = {NULL, json_row, json_end},
    [QUERY_NDJSON] = {NULL, ndjson_row, NULL},
    [QUERY_MARKDOWN] = {NULL, markdown_row, markdown_end},
};

static const struct format lines = {lines_begin, lines_row, put_totals};

/* --- the printer --- */

static int times_before(const struct query_result *r, int column) {
    int n = 0;
    for (int i = 0; i < column; i++)
        n += strcmp(r->names[i], r->names[column]) == 0;
    return n;
}

static void open_printer(struct printer *p) {
    struct query_result *r = p->result;
    size_t n = (size_t)r->columns + 1;
    p->fit = k2_zalloc(n * sizeof *p->fit);
    p->right = k2_zalloc(n * sizeof *p->right);
    p->keys = k2_zalloc(n * sizeof *p->keys);
    for (int c = 0; c < r->columns; c++) {
        struct k2_buf key = {0};
        int before = times_before(r, c);
        k2_buf_str(&key, r->names[c]);
        if (before)
            k2_buf_printf(&key, "_%d", before + 1);
        p->keys[c] = k2_strdup(k2_buf_cstr(&key));
        k2_buf_free(&key);
        enum duck_type_id id = duck_column_type(r->rows, c)->id;
        p->right[c] = is_number(id);
        p->fit[c].whole = id <= DUCK_TIMESTAMPTZ;
    }
}

static void close_printer(struct printer *p) {
    for (int c = 0; c < p->result->columns; c++)
        free(p->keys[c]);
    free(p->keys);
    free(p->fit);
    free(p->right);
    k2_buf_free(&p->cells);
    k2_buf_free(&p->line);
}

/* Counts what is left out. When that takes long, or is cancelled, what was shown stands all the same. */
static void count_more(struct printer *p) {
    uint64_t n = 1;
    const struct duck_vector *columns;
    int64_t until = k2_monotonic_ns() + COUNT_NS;
    while (n && k2_monotonic_ns() < until) {
        if (query_result_next(p->result, &n, &columns, NULL) != K2_OK)
            return;
        p->more += (int64_t)n;
    }
    p->counted = n == 0;
}

static int print_rows(struct printer *p, const struct format *f, struct k2_err *err) {
    uint64_t n = 1;
    const struct duck_vector *columns;
    int64_t most = p->look->max_rows > 0 ? p->look->max_rows : INT64_MAX;
    while (n && !ferror(p->out)) {
        K2_TRY(query_result_next(p->result, &n, &columns, err));
        uint64_t row = 0;
        for (; row < n && p->rows < most; row++, p->rows++)
            f->row(p, columns, row);
        write_out(p);
        if (row < n) {
            p->more = (int64_t)(n - row);
            count_more(p);
            break;
        }
    }
    return K2_OK;
}

static int check_columns(const struct query_result *r, struct k2_err *err) {
    if (!r->rows)
        return k2_fail(err, K2_E_INVALID,
                       "the rows of this result are gone: they were read, or another query ran");
    for (int c = 0; c < r->columns; c++)
        K2_TRY(query_value_check(r->names[c], duck_column_type(r->rows, c), err));
    return K2_OK;
}

K2_RC query_print(struct query_result *r, enum query_format f, int64_t max_rows, FILE *out,
                  int64_t *rows, struct k2_err *err) {
    struct query_look look = {.format = f, .max_rows = f == QUERY_TABLE ? max_rows : 0};
    return query_show(r, &look, out, rows, err);
}

K2_RC query_show(struct query_result *r, const struct query_look *look, FILE *out, int64_t *rows,
                 struct k2_err *err) {
    struct printer p = {.result = r, .out = out, .look = look};
    const struct format *f = look->lines ? &lines : &formats[look->format];
    K2_TRY(check_columns(r, err));
    open_printer(&p);
    if (f->begin)
        f->begin(&p);
    int rc = print_rows(&p, f, err);
    if (rc == K2_OK && f->end)
        f->end(&p);
    write_out(&p);
    if (rc == K2_OK && (fflush(out) != 0 || ferror(out)))
        rc = k2_fail_errno(err, "writing the result");
    if (rows)
        *rows = p.rows;
    query_result_end(r);
    close_printer(&p);
    return rc;
}
