/* tests/judge/parquet_write.c - writes random Parquet files and what is in them, for
 * parquet_judge.py.
 *
 * Usage: parquet_write DIR SEED. Each sample is DIR/NAME.parquet and DIR/NAME.json: columns with
 * their values (numbers as decimal text, text as hex, null as null), the writer's metrics and
 * splits.
 */
#include "lake/parquet.h"

#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MOST 96

static uint64_t state;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n) {
    return draw() % n;
}

enum nulls { REQUIRED, NO_NULLS, ALL_NULL, SOME_NULL, RUNS_OF_NULLS, NULLS_COUNT };

struct column {
    struct parquet_column def;
    enum nulls nulls;
    unsigned spread; /* bits of numbers; distinct values of text, 0 = all distinct */
    bool rising;
    char name[32];
    struct k2_sv *texts; /* what the ids of text columns stand for; p NULL is null */
    void *values;
};

struct sample {
    const char *name;
    size_t rows, group_rows, page_rows, batch; /* batch 0: random sizes */
    int sort[2];
    int n;
    struct column columns[COLUMNS_MOST];
};

static bool is_text(enum parquet_type type) {
    return type <= PARQUET_MAP;
}

static size_t size_of(enum parquet_type type) {
    static const size_t sizes[] = {4, 4, 4, 4, 4, 4, 8, 8, 16};
    return sizes[type];
}

static struct column *add(struct sample *s, enum parquet_type type, enum nulls nulls,
                          enum parquet_encoding encoding, unsigned spread) {
    if (s->n == COLUMNS_MOST)
        abort();
    struct column *c = &s->columns[s->n];
    c->nulls = nulls;
    c->spread = spread;
    snprintf(c->name, sizeof c->name, "c%d", s->n);
    c->def = (struct parquet_column){.field_id = s->n + 1,
                                     .element_id = 200 + s->n + 1,
                                     .value_id = 400 + s->n + 1,
                                     .type = type,
                                     .optional = nulls != REQUIRED,
                                     .precision = 20,
                                     .scale = 9,
                                     .encoding = encoding};
    s->n++;
    return c;
}

static bool is_null(const struct column *c, size_t row) {
    switch (c->nulls) {
    case ALL_NULL:
        return true;
    case SOME_NULL:
        return below(10) < 3;
    case RUNS_OF_NULLS:
        return row / 700 % 2 == 1;
    default:
        return false;
    }
}

/* --- values ---------------------------------------------------------------------------------- */

static int64_t random_integer(const struct column *c, size_t row, unsigned width) {
    unsigned bits = c->spread < width ? c->spread : width;
    uint64_t v = bits == 0 ? 0 : draw() >> (64 - bits);
    if (c->rising)
        return (int64_t)(row * 1000 + v % 1000);
    if (row % 1000 < 200)
        v = bits; /* repeats */
    else if (below(500) == 0)
        v = bits < width ? 0 : UINT64_C(1) << (width - 1); /* the least value of the type */
    int64_t signed_v = width == 32 ? (int32_t)(uint32_t)v : (int64_t)v;
    return bits < width && draw() % 2 ? -signed_v : signed_v;
}

static k2_i128 random_decimal(const struct column *c) {
    k2_u128 most = (k2_u128)k2_pow10(c->def.precision) - 1;
    k2_u128 v = ((k2_u128)draw() << 64 | draw()) % (most + 1);
    uint64_t kind = below(20);
    if (c->spread)
        v = v % ((k2_u128)1 << c->spread);
    if (kind == 0 && c->spread == 0)
        v = most;
    if (v > most)
        v = most;
    return draw() % 2 ? -(k2_i128)v : (k2_i128)v;
}

static void put_point(struct k2_buf *b) {
    static const char *const points[] = {
        "a", "Z", "0", "\x7f", "é", "߿", "€", "日", "퟿", "￿", "😀", "\x01", "\xf4\x8f\xbf\xbf"};
    k2_buf_str(b, points[below(sizeof points / sizeof *points)]);
}

static void random_text(const struct column *c, struct k2_buf *b) {
    b->n = 0;
    if (c->spread)
        state = below(c->spread) * 7919 + (uint64_t)c->def.field_id; /* few texts: few seeds */
    size_t n = below(8) == 0 ? below(120) : below(12);
    if (c->spread == 1)
        n = 5;
    for (size_t i = 0; i < n; i++) {
        if (c->def.type == PARQUET_BINARY)
            k2_buf_byte(b, (uint8_t)(draw() % 3 ? 0xff : draw()));
        else
            put_point(b);
    }
    if (c->spread == 0)
        k2_buf_printf(b, "%llx", (unsigned long long)draw());
}

static void random_blob(const struct column *c, struct k2_buf *blob) {
    struct k2_buf text = {0};
    blob->n = 0;
    size_t items = below(4) == 0 ? 0 : below(50) == 0 ? below(60) : below(4);
    for (size_t i = 0; i < items; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%03zu", i);
        if (c->def.type == PARQUET_MAP)
            k2_blob_add(blob, k2_sv_of(key));
        random_text(c, &text);
        k2_blob_add(blob, k2_buf_view(&text));
    }
    k2_buf_free(&text);
}

static void fill_texts(struct column *c, size_t rows) {
    struct k2_buf b = {0};
    uint64_t keep = draw();
    c->texts = k2_zalloc(rows * sizeof *c->texts);
    for (size_t i = 0; i < rows; i++) {
        state = keep + i;
        if (is_null(c, i))
            continue;
        bool nested = c->def.type == PARQUET_LIST || c->def.type == PARQUET_MAP;
        if (nested)
            random_blob(c, &b);
        else
            random_text(c, &b);
        c->texts[i] = (struct k2_sv){k2_sv_dup(k2_buf_view(&b)), b.n};
    }
    state = keep * 31 + rows;
    k2_buf_free(&b);
}

static void fill_numbers(struct column *c, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        bool null = is_null(c, i);
        switch (c->def.type) {
        case PARQUET_DECIMAL:
            ((k2_i128 *)c->values)[i] = null ? K2_NULL_DECIMAL : random_decimal(c);
            break;
        case PARQUET_INT32:
        case PARQUET_DATE:
            ((int32_t *)c->values)[i] = null ? K2_NULL_INT : (int32_t)random_integer(c, i, 32);
            if (!null && c->def.optional && ((int32_t *)c->values)[i] == K2_NULL_INT)
                ((int32_t *)c->values)[i] = INT32_MAX;
            break;
        default:
            ((int64_t *)c->values)[i] = null ? K2_NULL_LONG : random_integer(c, i, 64);
            if (!null && c->def.optional && ((int64_t *)c->values)[i] == K2_NULL_LONG)
                ((int64_t *)c->values)[i] = INT64_MAX;
        }
    }
}

static void fill(struct sample *s) {
    for (int i = 0; i < s->n; i++) {
        struct column *c = &s->columns[i];
        c->def.name = c->name;
        c->values = k2_zalloc(s->rows * size_of(c->def.type));
        if (is_text(c->def.type))
            fill_texts(c, s->rows);
        else
            fill_numbers(c, s->rows);
    }
}

/* --- samples ---------------------------------------------------------------------------------- */

static void add_integers(struct sample *s) {
    static const unsigned spreads[] = {0, 1, 3, 8, 13, 15, 27, 31, 32, 33, 48, 57, 62, 64};
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++)
        add(s, PARQUET_INT64, (enum nulls)(i % NULLS_COUNT), PARQUET_AUTO, spreads[i]);
    add(s, PARQUET_INT64, REQUIRED, PARQUET_AUTO, 10)->rising = true;
    add(s, PARQUET_INT64, SOME_NULL, PARQUET_PLAIN, 40);
    add(s, PARQUET_INT64, REQUIRED, PARQUET_PLAIN, 64);
    add(s, PARQUET_INT64, SOME_NULL, PARQUET_DICTIONARY, 9);
    add(s, PARQUET_INT64, REQUIRED, PARQUET_DICTIONARY, 64);
    add(s, PARQUET_INT64, ALL_NULL, PARQUET_DELTA, 64);
    add(s, PARQUET_TIMESTAMP_US, REQUIRED, PARQUET_DELTA, 44)->rising = true;
    add(s, PARQUET_TIMESTAMP_US, RUNS_OF_NULLS, PARQUET_AUTO, 44);
    for (unsigned i = 0; i < 3; i++) {
        add(s, PARQUET_INT32, (enum nulls)(2 * i), (enum parquet_encoding)(1 + i), 32);
        add(s, PARQUET_INT32, REQUIRED, (enum parquet_encoding)(1 + i), 5);
        add(s, PARQUET_DATE, (enum nulls)(i + 1), (enum parquet_encoding)(1 + i), 12);
        add(s, PARQUET_INT32, SOME_NULL, (enum parquet_encoding)(1 + i), 20);
    }
}

static void add_decimals(struct sample *s) {
    static const int precisions[] = {1, 2, 9, 18, 19, 20, 28, 38};
    for (unsigned i = 0; i < 16; i++) {
        struct column *c = add(s, PARQUET_DECIMAL, (enum nulls)(i % NULLS_COUNT),
                               i % 2 ? PARQUET_PLAIN : PARQUET_AUTO, 0);
        c->def.precision = precisions[i / 2];
        c->def.scale = c->def.precision / 2;
    }
    add(s, PARQUET_DECIMAL, SOME_NULL, PARQUET_DICTIONARY, 6);
    add(s, PARQUET_DECIMAL, REQUIRED, PARQUET_AUTO, 66);
}

static void add_texts(struct sample *s) {
    static const unsigned spreads[] = {1, 2, 37, 1000, 0};
    for (unsigned i = 0; i < 5; i++) {
        add(s, PARQUET_STRING, (enum nulls)i, PARQUET_AUTO, spreads[i]);
        add(s, PARQUET_STRING, (enum nulls)((i + 3) % NULLS_COUNT), PARQUET_PLAIN, spreads[i]);
        add(s, PARQUET_BINARY, (enum nulls)((i + 1) % NULLS_COUNT), PARQUET_AUTO, spreads[i]);
        add(s, PARQUET_LIST, (enum nulls)i, i % 2 ? PARQUET_AUTO : PARQUET_PLAIN, spreads[i]);
        add(s, PARQUET_MAP, (enum nulls)i, i % 2 ? PARQUET_PLAIN : PARQUET_AUTO, spreads[i]);
        add(s, PARQUET_LIST, (enum nulls)((i + 3) % NULLS_COUNT), PARQUET_AUTO, spreads[i]);
    }
}

/* Every type, encoding and pattern of nulls. */
static void make_all(struct sample *s) {
    add(s, PARQUET_MAP, SOME_NULL, PARQUET_AUTO, 3); /* two leaves before the sort columns */
    add_integers(s);
    add_decimals(s);
    add_texts(s);
    s->sort[0] = 15;
    s->sort[1] = 21;
}

/* More distinct values than a dictionary takes. */
static void make_large(struct sample *s) {
    add(s, PARQUET_DECIMAL, REQUIRED, PARQUET_AUTO, 0);
    add(s, PARQUET_DECIMAL, SOME_NULL, PARQUET_AUTO, 15);
    add(s, PARQUET_STRING, SOME_NULL, PARQUET_AUTO, 0);
    add(s, PARQUET_STRING, REQUIRED, PARQUET_AUTO, 40000);
    add(s, PARQUET_INT64, SOME_NULL, PARQUET_DICTIONARY, 60);
    add(s, PARQUET_LIST, SOME_NULL, PARQUET_AUTO, 0);
    s->sort[0] = s->sort[1] = 0;
}

/* --- output ----------------------------------------------------------------------------------- */

static void print_hex(FILE *f, struct k2_sv s) {
    fputc('"', f);
    for (size_t i = 0; i < s.n; i++)
        fprintf(f, "%02x", (uint8_t)s.p[i]);
    fputc('"', f);
}

static void print_blob(FILE *f, struct k2_sv blob) {
    struct k2_sv item;
    const char *comma = "";
    fputc('[', f);
    while (k2_blob_next(&blob, &item)) {
        fputs(comma, f);
        print_hex(f, item);
        comma = ",";
    }
    fputc(']', f);
}

static void print_value(FILE *f, const struct column *c, size_t row) {
    char text[K2_DECIMAL_TEXT];
    switch (c->def.type) {
    case PARQUET_STRING:
    case PARQUET_BINARY:
    case PARQUET_LIST:
    case PARQUET_MAP:
        if (!c->texts[row].p)
            fputs("null", f);
        else if (c->def.type == PARQUET_STRING || c->def.type == PARQUET_BINARY)
            print_hex(f, c->texts[row]);
        else
            print_blob(f, c->texts[row]);
        return;
    case PARQUET_DECIMAL:
        k2_decimal_format(((k2_i128 *)c->values)[row], 0, text);
        fputs(((k2_i128 *)c->values)[row] == K2_NULL_DECIMAL ? "null" : text, f);
        return;
    case PARQUET_INT32:
    case PARQUET_DATE:
        if (((int32_t *)c->values)[row] == K2_NULL_INT && c->def.optional)
            fputs("null", f);
        else
            fprintf(f, "%d", ((int32_t *)c->values)[row]);
        return;
    default:
        if (((int64_t *)c->values)[row] == K2_NULL_LONG && c->def.optional)
            fputs("null", f);
        else
            fprintf(f, "%lld", (long long)((int64_t *)c->values)[row]);
    }
}

static void print_metrics(FILE *f, const struct parquet_info *info) {
    fprintf(f, "\"info_rows\":%lld,\"bytes\":%lld,\"splits\":[", (long long)info->rows,
            (long long)info->bytes);
    for (int i = 0; i < info->split_count; i++)
        fprintf(f, "%s%lld", i ? "," : "", (long long)info->splits[i]);
    fprintf(f, "],\"metrics\":[");
    for (int i = 0; i < info->metric_count; i++) {
        const struct parquet_metrics *m = &info->metrics[i];
        fprintf(f, "%s{\"field_id\":%d,\"size\":%lld,\"values\":%lld,\"nulls\":%lld,\"lower\":",
                i ? "," : "", m->field_id, (long long)m->column_size, (long long)m->value_count,
                (long long)m->null_count);
        if (m->lower_n >= 0)
            print_hex(f, (struct k2_sv){(const char *)m->lower, (size_t)m->lower_n});
        fputs(m->lower_n >= 0 ? ",\"upper\":" : "null,\"upper\":", f);
        if (m->upper_n >= 0)
            print_hex(f, (struct k2_sv){(const char *)m->upper, (size_t)m->upper_n});
        fputs(m->upper_n >= 0 ? "}" : "null}", f);
    }
    fputs("],", f);
}

static void print_sample(FILE *f, const struct sample *s, const struct parquet_info *info) {
    static const char *const types[] = {"string", "binary", "list",      "map",    "int32",
                                        "date",   "int64",  "timestamp", "decimal"};
    fprintf(f, "{\"rows\":%zu,\"group_rows\":%zu,\"page_rows\":%zu,\"sort\":[%d,%d],", s->rows,
            s->group_rows, s->page_rows, s->sort[0], s->sort[1]);
    print_metrics(f, info);
    fprintf(f, "\"columns\":[");
    for (int i = 0; i < s->n; i++) {
        const struct column *c = &s->columns[i];
        fprintf(f,
                "%s{\"name\":\"%s\",\"type\":\"%s\",\"optional\":%s,\"field_id\":%d,"
                "\"precision\":%d,\"scale\":%d,\"encoding\":%d,\"spread\":%u,\"values\":[",
                i ? ",\n" : "", c->name, types[c->def.type], c->def.optional ? "true" : "false",
                c->def.field_id, c->def.precision, c->def.scale, (int)c->def.encoding, c->spread);
        for (size_t row = 0; row < s->rows; row++) {
            fputs(row ? "," : "", f);
            print_value(f, c, row);
        }
        fputs("]}", f);
    }
    fputs("]}\n", f);
}

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "parquet_write: %s\n", err->msg);
    exit(1);
}

/* Interns the texts of a batch in an order of its own: ids never mean the same twice. */
static void intern_batch(struct sample *s, struct k2_interner *in, size_t at, size_t n) {
    k2_interner_reset(in);
    k2_intern(in, K2_SV("never used"));
    for (int i = 0; i < s->n; i++) {
        struct column *c = &s->columns[i];
        if (!is_text(c->def.type))
            continue;
        for (size_t k = n; k-- > 0;) {
            struct k2_sv text = c->texts[at + k];
            ((uint32_t *)c->values)[at + k] = text.p ? k2_intern(in, text) : 0;
        }
    }
}

static void write_batches(struct sample *s, struct parquet_writer *w) {
    struct k2_err err;
    struct k2_interner *in = k2_interner_new();
    for (size_t at = 0, n; at < s->rows; at += n) {
        const void *data[COLUMNS_MOST];
        n = s->batch ? s->batch : 1 + below(below(4) ? 900 : 5000);
        n = n < s->rows - at ? n : s->rows - at;
        intern_batch(s, in, at, n);
        for (int i = 0; i < s->n; i++)
            data[i] = (char *)s->columns[i].values + at * size_of(s->columns[i].def.type);
        check(parquet_write(w, data, n, in, &err), &err);
    }
    k2_interner_free(in);
}

static void write_sample(struct sample *s, const char *dir) {
    struct k2_err err;
    struct parquet_writer *w;
    struct parquet_column columns[COLUMNS_MOST];
    char path[4096];
    fill(s);
    for (int i = 0; i < s->n; i++)
        columns[i] = s->columns[i].def;
    struct parquet_options options = {.row_group_rows = s->group_rows,
                                      .page_rows = s->page_rows,
                                      .sort_columns = s->sort,
                                      .sort_count = 2,
                                      .created_by = "k2 version 0.0.1"};
    snprintf(path, sizeof path, "%s/%s.parquet", dir, s->name);
    check(parquet_open(path, columns, s->n, &options, &w, &err), &err);
    write_batches(s, w);
    check(parquet_close(w, &err), &err);
    snprintf(path, sizeof path, "%s/%s.json", dir, s->name);
    FILE *f = fopen(path, "w");
    if (!f)
        exit(1);
    struct parquet_info info = parquet_info(w);
    print_sample(f, s, &info);
    if (fclose(f) != 0)
        exit(1);
    parquet_free(w);
    for (int i = 0; i < s->n; i++) {
        for (size_t row = 0; s->columns[i].texts && row < s->rows; row++)
            free((char *)(uintptr_t)s->columns[i].texts[row].p);
        free(s->columns[i].texts);
        free(s->columns[i].values);
    }
}

int main(int argc, char **argv) {
    static struct sample samples[] = {
        {.name = "random", .rows = 5003, .group_rows = 2000, .page_rows = 300},
        {.name = "whole", .rows = 4096, .group_rows = 1024, .page_rows = 1024, .batch = 4096},
        {.name = "small", .rows = 40, .group_rows = 7, .page_rows = 2, .batch = 1},
        {.name = "one", .rows = 1, .group_rows = 1000, .page_rows = 1000, .batch = 1},
        {.name = "none", .rows = 0, .group_rows = 1000, .page_rows = 1000, .batch = 1},
        {.name = "large", .rows = 90000, .group_rows = 80000, .page_rows = 20480, .batch = 33333},
    };
    if (argc != 3)
        return 2;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        state = strtoull(argv[2], NULL, 0) * 1000 + i;
        if (strcmp(samples[i].name, "large") == 0)
            make_large(&samples[i]);
        else
            make_all(&samples[i]);
        write_sample(&samples[i], argv[1]);
    }
    return 0;
}
