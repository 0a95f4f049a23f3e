/* verb/listing.c - see listing.h.
 *
 * Cells are kept as text in one buffer: a table's widths are known only at its end, and lists are
 * short. Formats that need no widths could stream, but nothing here is long enough to care; what is
 * (topic tail, query) prints itself.
 */
#include "verb/listing.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NARROWEST 12 /* a column of text is not cut below this */
#define WRAPPED                                                                                    \
    36 /* the last column goes on in further lines, when these have so many characters */

enum cell_type { NOTHING, TEXT, NUMBER, TRUTH };

struct cell {
    enum cell_type type;
    size_t at, n; /* in the text */
};

struct listing {
    const struct listing_column *columns;
    int width;
    struct out_file out;
    struct k2_buf text, cells; /* cells: of struct cell */
};

static size_t cell_count(const struct listing *l) {
    return l->cells.n / sizeof(struct cell);
}

static struct cell cell_at(const struct listing *l, size_t i) {
    struct cell c;
    memcpy(&c, l->cells.p + i * sizeof c, sizeof c);
    return c;
}

static struct k2_sv text_of(const struct listing *l, struct cell c) {
    return (struct k2_sv){(const char *)l->text.p + c.at, c.n};
}

static struct listing *start(struct out_file out, const struct listing_column *columns, int n) {
    struct listing *l = k2_zalloc(sizeof *l);
    l->columns = columns;
    l->width = n;
    l->out = out;
    return l;
}

int listing_open(const struct verb_context *c, const struct listing_column *columns, int n,
                 struct listing **out, struct k2_err *err) {
    struct out_file file;
    K2_TRY(out_open(c, &file, err));
    if (file.parquet)
        return k2_fail(err, K2_E_USAGE,
                       "%s: lists are not written as Parquet, only results of k2 query", file.path);
    *out = start(file, columns, n);
    return K2_OK;
}

struct listing *listing_on_stdout(const struct verb_context *c,
                                  const struct listing_column *columns, int n) {
    return start(out_stdout(c), columns, n);
}

void listing_drop(struct listing *l) {
    if (!l)
        return;
    out_drop(&l->out);
    k2_buf_free(&l->text);
    k2_buf_free(&l->cells);
    free(l);
}

bool listing_for_people(const struct listing *l) {
    return l->out.format == QUERY_TABLE || l->out.format == QUERY_MARKDOWN;
}

/* --- cells --- */

static void put(struct listing *l, enum cell_type type, struct k2_sv text) {
    struct cell c = {type, l->text.n, text.n};
    k2_buf_sv(&l->text, text);
    k2_buf_put(&l->cells, &c, sizeof c);
}

void listing_text(struct listing *l, struct k2_sv text) {
    put(l, TEXT, text);
}

void listing_cstring(struct listing *l, const char *text) {
    put(l, text ? TEXT : NOTHING, k2_sv_of(text));
}

void listing_number(struct listing *l, int64_t n) {
    char digits[HUMAN_TEXT];
    snprintf(digits, sizeof digits, "%" PRId64, n);
    put(l, NUMBER, k2_sv_of(digits));
}

void listing_count(struct listing *l, int64_t n) {
    char text[HUMAN_TEXT];
    if (listing_for_people(l))
        put(l, NUMBER, k2_sv_of(human_count(n, text)));
    else
        listing_number(l, n);
}

void listing_bytes(struct listing *l, int64_t n) {
    char text[HUMAN_TEXT];
    if (listing_for_people(l))
        put(l, NUMBER, k2_sv_of(human_bytes(n, text)));
    else
        listing_number(l, n);
}

void listing_time(struct listing *l, int64_t ns) {
    char text[K2_TIME_TEXT];
    size_t n = k2_time_format(ns, text);
    if (listing_for_people(l)) { /* "2026-03-02 10:00:00.123" */
        text[10] = ' ';
        n = 23;
    }
    put(l, TEXT, (struct k2_sv){text, n});
}

void listing_bool(struct listing *l, bool yes) {
    put(l, TRUTH,
        listing_for_people(l) ? k2_sv_of(yes ? "yes" : "no") : k2_sv_of(yes ? "true" : "false"));
}

void listing_null(struct listing *l) {
    put(l, NOTHING, (struct k2_sv){0});
}

/* --- for people --- */

static const char *head(const struct listing *l, int column) {
    const struct listing_column *c = &l->columns[column];
    return c->head && listing_for_people(l) ? c->head : c->name;
}

/* Columns a terminal needs for UTF-8 text: its characters, each one wide. */
static size_t shown_width(struct k2_sv s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((uint8_t)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void pad(FILE *to, size_t n) {
    while (n-- > 0)
        fputc(' ', to);
}

/* Control characters would break the line and could talk to the terminal. */
static void print_safe(FILE *to, struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        fputc(c < ' ' || c == 0x7f ? '?' : c, to);
    }
}

static void print_padded(FILE *to, struct k2_sv s, size_t width, bool right, bool last) {
    size_t n = shown_width(s);
    size_t space = n < width ? width - n : 0;
    if (right)
        pad(to, space);
    print_safe(to, s);
    if (!right && !last)
        pad(to, space);
}

static size_t column_width(const struct listing *l, int column) {
    size_t width = strlen(head(l, column));
    for (size_t i = (size_t)column; i < cell_count(l); i += (size_t)l->width) {
        size_t n = shown_width(text_of(l, cell_at(l, i)));
        width = n > width ? n : width;
    }
    return width;
}

/* A column is set to the right when it holds numbers. */
static bool is_numeric(const struct listing *l, int column) {
    bool any = false;
    for (size_t i = (size_t)column; i < cell_count(l); i += (size_t)l->width) {
        enum cell_type type = cell_at(l, i).type;
        if (type == TEXT || type == TRUTH)
            return false;
        any |= type == NUMBER;
    }
    return any;
}

struct shape { /* of a column of a table */
    size_t width;
    bool right;
};

/* Columns of the terminal that the table goes to; 0 when it goes elsewhere. */
static size_t terminal_width(const struct listing *l) {
    struct winsize size;
    int fd = l->out.to == stdout ? fileno(stdout) : -1;
    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
        return 0;
    return size.ws_col;
}

/* The widest column of text that may be cut; -1 = none. */
static int widest_text(const struct listing *l, const struct shape *shapes) {
    int widest = -1;
    for (int i = 0; i < l->width; i++) {
        size_t least = strlen(head(l, i)) > NARROWEST ? strlen(head(l, i)) : NARROWEST;
        if (shapes[i].right || shapes[i].width <= least)
            continue;
        if (widest < 0 || shapes[i].width > shapes[widest].width)
            widest = i;
    }
    return widest;
}

/* The column that becomes narrower; -1 = none. The last one, as long as its texts can be read in lines of so few. */
static int next_narrower(const struct listing *l, const struct shape *shapes) {
    int last = l->width - 1;
    return !shapes[last].right && shapes[last].width > WRAPPED ? last : widest_text(l, shapes);
}

/* Makes columns of text narrower until the table fits. Numbers are never cut: where they alone are too wide,
 * the terminal breaks the lines. */
static void fit(const struct listing *l, struct shape *shapes) {
    size_t most = terminal_width(l), all = 0;
    for (int i = 0; i < l->width; i++)
        all += shapes[i].width + (i ? 2 : 0);
    while (most > 0 && all > most) {
        int i = next_narrower(l, shapes);
        if (i < 0)
            return;
        shapes[i].width--;
        all--;
    }
}

/* The first characters of s, and an ellipsis, as wide as its column. */
static void print_cut(FILE *to, struct k2_sv s, size_t width) {
    size_t n = 0;
    for (size_t seen = 0; n < s.n; n++) {
        seen += ((uint8_t)s.p[n] & 0xc0) != 0x80;
        if (seen == width)
            break;
    }
    print_safe(to, (struct k2_sv){s.p, n});
    fputs("…", to);
}

/* Takes what fits into a line off the front: whole words, where a blank is in reach. */
static struct k2_sv take_line(struct k2_sv *s, size_t width) {
    size_t n = 0, seen = 0, blank = 0;
    for (; n < s->n; n++) {
        seen += ((uint8_t)s->p[n] & 0xc0) != 0x80;
        if (seen > width)
            break;
        if (s->p[n] == ' ')
            blank = n;
    }
    if (n < s->n && s->p[n] == ' ')
        blank = n;
    size_t end = n < s->n && blank > 0 ? blank : n, next = end;
    struct k2_sv line = {s->p, end};
    while (next < s->n && s->p[next] == ' ')
        next++;
    *s = (struct k2_sv){s->p + next, s->n - next};
    return line;
}

/* The text of the last column, in as many lines as it takes; the column begins behind `indent`. */
static void print_wrapped(FILE *to, struct k2_sv s, size_t width, size_t indent) {
    print_safe(to, take_line(&s, width));
    while (s.n > 0) {
        fputc('\n', to);
        pad(to, indent);
        print_safe(to, take_line(&s, width));
    }
}

static void print_aligned(const struct listing *l, int column, const struct shape *shapes,
                          struct k2_sv s, bool last) {
    size_t indent = 0;
    for (int i = 0; i < column; i++)
        indent += shapes[i].width + 2;
    if (column == l->width - 1 && !shapes[column].right && shapes[column].width >= WRAPPED)
        print_wrapped(l->out.to, s, shapes[column].width, indent);
    else if (shown_width(s) > shapes[column].width)
        print_cut(l->out.to, s, shapes[column].width);
    else
        print_padded(l->out.to, s, shapes[column].width, shapes[column].right, last);
    fputs(last ? "\n" : "  ", l->out.to);
}

/* No blanks behind the last text of a row. */
static void print_row(const struct listing *l, const struct k2_sv *texts,
                      const struct shape *shapes) {
    int last = l->width - 1;
    while (last > 0 && texts[last].n == 0)
        last--;
    for (int i = 0; i <= last; i++)
        print_aligned(l, i, shapes, texts[i], i == last);
}

static void print_table(const struct listing *l) {
    size_t width = (size_t)l->width;
    struct shape *shapes = k2_zalloc(width * sizeof *shapes);
    struct k2_sv *texts = k2_zalloc(width * sizeof *texts);
    for (int i = 0; i < l->width; i++) {
        shapes[i] = (struct shape){column_width(l, i), is_numeric(l, i)};
        texts[i] = k2_sv_of(head(l, i));
    }
    fit(l, shapes);
    print_row(l, texts, shapes);
    for (size_t first = 0; first < cell_count(l); first += width) {
        for (size_t i = 0; i < width; i++)
            texts[i] = text_of(l, cell_at(l, first + i));
        print_row(l, texts, shapes);
    }
    free(texts);
    free(shapes);
}

static void print_markdown_text(FILE *to, struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '|' || s.p[i] == '<' || s.p[i] == '*') /* no column, no HTML, nothing bold */
            fputc('\\', to);
        print_safe(to, (struct k2_sv){s.p + i, 1});
    }
}

static void print_markdown(const struct listing *l) {
    FILE *to = l->out.to;
    for (int i = 0; i < l->width; i++)
        fprintf(to, "%s %s |", i ? "" : "|", head(l, i));
    fputs("\n|", to);
    for (int i = 0; i < l->width; i++)
        fputs(is_numeric(l, i) ? " ---: |" : " --- |", to);
    for (size_t i = 0; i < cell_count(l); i++) {
        fputs(i % (size_t)l->width == 0 ? "\n| " : " ", to);
        print_markdown_text(to, text_of(l, cell_at(l, i)));
        fputs(" |", to);
    }
    fputc('\n', to);
}

/* --- for programs --- */

/* RFC 4180: quoted when it holds a comma, a quote or a line break. */
static void print_csv_field(FILE *to, struct k2_sv s) {
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++)
        quoted |= s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
    if (quoted)
        fputc('"', to);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            fputc('"', to);
        fputc(s.p[i], to);
    }
    if (quoted)
        fputc('"', to);
}

static void print_csv(const struct listing *l) {
    FILE *to = l->out.to;
    for (int i = 0; i < l->width; i++)
        fprintf(to, "%s%s", i ? "," : "", l->columns[i].name);
    fputc('\n', to);
    for (size_t i = 0; i < cell_count(l); i++) {
        print_csv_field(to, text_of(l, cell_at(l, i)));
        fputc((i + 1) % (size_t)l->width == 0 ? '\n' : ',', to);
    }
}

static struct k2_json *json_number(struct k2_sv s) {
    int64_t n = 0;
    (void)k2_sv_i64(s, &n); /* we wrote it */
    bool exact = n <= INT64_C(1) << 53 && n >= -(INT64_C(1) << 53);
    return exact ? k2_json_int(n) : k2_json_string(s);
}

static struct k2_json *json_cell(const struct listing *l, struct cell c) {
    struct k2_sv s = text_of(l, c);
    switch (c.type) {
    case NOTHING:
        return k2_json_null();
    case NUMBER:
        return json_number(s);
    case TRUTH:
        return k2_json_bool(k2_sv_eq(s, K2_SV("true")));
    case TEXT:
        break;
    }
    return k2_json_string(s);
}

static void print_json_row(const struct listing *l, size_t row, struct k2_buf *line) {
    struct k2_json *object = k2_json_object();
    for (int i = 0; i < l->width; i++)
        k2_json_set(object, l->columns[i].name,
                    json_cell(l, cell_at(l, row * (size_t)l->width + (size_t)i)));
    k2_json_dump(object, line);
    k2_json_free(object);
}

static void print_json(const struct listing *l, bool array) {
    size_t rows = cell_count(l) / (size_t)l->width;
    struct k2_buf text = {0};
    k2_buf_str(&text, array ? "[" : "");
    for (size_t row = 0; row < rows; row++) {
        print_json_row(l, row, &text);
        if (!array)
            k2_buf_byte(&text, '\n');
        else if (row + 1 < rows)
            k2_buf_str(&text, ",\n ");
    }
    k2_buf_str(&text, array ? "]\n" : "");
    fwrite(text.p, 1, text.n, l->out.to);
    k2_buf_free(&text);
}

int listing_close(struct listing *l, struct k2_err *err) {
    K2_ASSERT(cell_count(l) % (size_t)l->width == 0);
    switch (l->out.format) {
    case QUERY_TABLE:
        print_table(l);
        break;
    case QUERY_MARKDOWN:
        print_markdown(l);
        break;
    case QUERY_CSV:
        print_csv(l);
        break;
    case QUERY_JSON:
    case QUERY_NDJSON:
        print_json(l, l->out.format == QUERY_JSON);
        break;
    }
    l->out.rows = (int64_t)(cell_count(l) / (size_t)l->width);
    int rc = out_close(&l->out, err);
    listing_drop(l);
    return rc;
}
