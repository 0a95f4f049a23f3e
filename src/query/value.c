/* query/value.c - one value as text.
 *
 * Decimals print all digits of their scale. Times are RFC 3339 with as many fraction digits as the type
 * holds (timestamptz: six and a Z; timestamp: six and no zone). A double prints the fewest digits that
 * give it back. Bytes are hexadecimal. Lists, structs and maps print as JSON everywhere. In JSON,
 * decimals and integers beyond 2^53 are strings, because most readers would round them.
 */
#include "query/query_int.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* --- numbers --- */

k2_i128 query_value_integer(const struct duck_vector *v, uint64_t row) {
    switch (v->type->id) {
    case DUCK_BOOL:
    case DUCK_UINT8:
        return ((const uint8_t *)v->data)[row];
    case DUCK_INT8:
        return ((const int8_t *)v->data)[row];
    case DUCK_INT16:
        return ((const int16_t *)v->data)[row];
    case DUCK_UINT16:
        return ((const uint16_t *)v->data)[row];
    case DUCK_INT32:
    case DUCK_DATE:
        return ((const int32_t *)v->data)[row];
    case DUCK_UINT32:
        return ((const uint32_t *)v->data)[row];
    case DUCK_UINT64:
        return ((const uint64_t *)v->data)[row];
    case DUCK_DECIMAL:
        if (v->type->width == 2)
            return ((const int16_t *)v->data)[row];
        if (v->type->width == 4)
            return ((const int32_t *)v->data)[row];
        if (v->type->width == 8)
            return ((const int64_t *)v->data)[row];
        break;
    case DUCK_HUGEINT:
    case DUCK_UHUGEINT:
    case DUCK_UUID:
        break;
    default:
        return ((const int64_t *)v->data)[row];
    }
    k2_i128 wide;
    memcpy(&wide, (const char *)v->data + row * sizeof wide, sizeof wide);
    return wide;
}

static void put_unsigned(struct k2_buf *out, k2_u128 n) {
    char text[48], *p = text + sizeof text;
    do
        *--p = (char)('0' + (int)(n % 10));
    while (n /= 10);
    k2_buf_put(out, p, (size_t)(text + sizeof text - p));
}

static void put_integer(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    k2_i128 n = query_value_integer(v, row);
    if (v->type->id == DUCK_UHUGEINT) {
        put_unsigned(out, (k2_u128)n);
        return;
    }
    if (n < 0)
        k2_buf_byte(out, '-');
    put_unsigned(out, n < 0 ? -(k2_u128)n : (k2_u128)n);
}

static void put_decimal(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    char text[K2_DECIMAL_TEXT];
    size_t n = k2_decimal_format(query_value_integer(v, row), v->type->scale, text);
    k2_buf_put(out, text, n);
}

/* The shortest of the forms that reads back as the same number. */
static void put_double(struct k2_buf *out, double d, bool single) {
    char text[40];
    if (isnan(d) || isinf(d)) {
        k2_buf_str(out, isnan(d) ? "nan" : d < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, d);
        double back = strtod(text, NULL);
        if (single ? (float)back == (float)d : back == d)
            break;
    }
    k2_buf_str(out, text);
    if (!strpbrk(text, ".e"))
        k2_buf_str(out, ".0");
}

static double double_of(const struct duck_vector *v, uint64_t row) {
    return v->type->id == DUCK_FLOAT ? (double)((const float *)v->data)[row]
                                     : ((const double *)v->data)[row];
}

/* --- times --- */

static void put_date(struct k2_buf *out, int32_t days) {
    if (days == INT32_MAX || days == -INT32_MAX) {
        k2_buf_str(out, days > 0 ? "infinity" : "-infinity");
        return;
    }
    int year, month, day;
    k2_civil_from_days(days, &year, &month, &day);
    k2_buf_printf(out, "%s%04d-%02d-%02d", year < 0 ? "-" : "", abs(year), month, day);
}

static void put_clock(struct k2_buf *out, int64_t units, int64_t per_second, int digits) {
    int64_t seconds = units / per_second;
    k2_buf_printf(out, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                  (int)(seconds % 60));
    if (digits)
        k2_buf_printf(out, ".%0*" PRId64, digits, units % per_second);
}

static void put_stamp(struct k2_buf *out, int64_t t, int64_t per_second, int digits,
                      const char *zone) {
    if (t == INT64_MAX || t == -INT64_MAX) {
        k2_buf_str(out, t > 0 ? "infinity" : "-infinity");
        return;
    }
    int64_t per_day = per_second * 86400;
    int64_t days = t / per_day - (t % per_day < 0);
    put_date(out, (int32_t)days);
    k2_buf_byte(out, 'T');
    put_clock(out, t - days * per_day, per_second, digits);
    k2_buf_str(out, zone);
}

static void put_part(struct k2_buf *out, size_t from, int64_t n, const char *unit) {
    if (n)
        k2_buf_printf(out, "%s%" PRId64 " %s%s", out->n > from ? " " : "", n, unit,
                      n == 1 || n == -1 ? "" : "s");
}

struct interval { /* as DuckDB stores it */
    int32_t months, days;
    int64_t micros;
};

static void put_interval(struct k2_buf *out, const struct interval *i) {
    size_t from = out->n;
    put_part(out, from, i->months / 12, "year");
    put_part(out, from, i->months % 12, "month");
    put_part(out, from, i->days, "day");
    if (i->micros || out->n == from) {
        k2_buf_str(out, out->n > from ? " " : "");
        k2_buf_str(out, i->micros < 0 ? "-" : "");
        put_clock(out, i->micros < 0 ? -i->micros : i->micros, 1000000,
                  i->micros % 1000000 ? 6 : 0);
    }
}

static void put_uuid(struct k2_buf *out, k2_u128 n) {
    n ^= (k2_u128)1 << 127; /* stored with the sign bit turned, so that it sorts */
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            k2_buf_byte(out, '-');
        k2_buf_printf(out, "%02x", (unsigned)(n >> (120 - 8 * i)) & 0xff);
    }
}

static void put_hex(struct k2_buf *out, struct k2_sv bytes) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.n; i++) {
        k2_buf_byte(out, (uint8_t)digits[(unsigned char)bytes.p[i] >> 4]);
        k2_buf_byte(out, (uint8_t)digits[bytes.p[i] & 15]);
    }
}

/* --- any value --- */

static struct k2_sv label_of(const struct duck_vector *v, uint64_t row) {
    uint32_t i = v->type->width == 1   ? ((const uint8_t *)v->data)[row]
                 : v->type->width == 2 ? ((const uint16_t *)v->data)[row]
                                       : ((const uint32_t *)v->data)[row];
    return k2_sv_of(i < (uint32_t)v->type->count ? v->type->names[i] : "");
}

static bool is_nested(enum duck_type_id id) {
    return id == DUCK_LIST || id == DUCK_ARRAY || id == DUCK_STRUCT || id == DUCK_MAP;
}

static void put_moment(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    int64_t t = ((const int64_t *)v->data)[row];
    switch (v->type->id) {
    case DUCK_TIMESTAMPTZ:
        put_stamp(out, t, 1000000, 6, "Z");
        break;
    case DUCK_TIMESTAMP:
        put_stamp(out, t, 1000000, 6, "");
        break;
    case DUCK_TIMESTAMP_NS:
        put_stamp(out, t, 1000000000, 9, "");
        break;
    case DUCK_TIMESTAMP_MS:
        put_stamp(out, t, 1000, 3, "");
        break;
    case DUCK_TIMESTAMP_S:
        put_stamp(out, t, 1, 0, "");
        break;
    default:
        put_clock(out, t, 1000000, 6);
    }
}

void query_value_text(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    if (duck_is_null(v, row) || v->type->id == DUCK_NULL) {
        k2_buf_str(out, "NULL");
        return;
    }
    switch (v->type->id) {
    case DUCK_BOOL:
        k2_buf_str(out, query_value_integer(v, row) ? "true" : "false");
        break;
    case DUCK_FLOAT:
    case DUCK_DOUBLE:
        put_double(out, double_of(v, row), v->type->id == DUCK_FLOAT);
        break;
    case DUCK_DECIMAL:
        put_decimal(out, v, row);
        break;
    case DUCK_DATE:
        put_date(out, ((const int32_t *)v->data)[row]);
        break;
    case DUCK_TIME:
    case DUCK_TIMESTAMP_S:
    case DUCK_TIMESTAMP_MS:
    case DUCK_TIMESTAMP:
    case DUCK_TIMESTAMP_NS:
    case DUCK_TIMESTAMPTZ:
        put_moment(out, v, row);
        break;
    case DUCK_INTERVAL:
        put_interval(out, (const struct interval *)v->data + row);
        break;
    case DUCK_VARCHAR:
        k2_buf_sv(out, duck_string(v, row));
        break;
    case DUCK_BLOB:
        put_hex(out, duck_string(v, row));
        break;
    case DUCK_UUID:
        put_uuid(out, (k2_u128)query_value_integer(v, row));
        break;
    case DUCK_ENUM:
        k2_buf_sv(out, label_of(v, row));
        break;
    case DUCK_LIST:
    case DUCK_ARRAY:
    case DUCK_STRUCT:
    case DUCK_MAP:
        query_value_json(out, v, row);
        break;
    default:
        put_integer(out, v, row);
    }
}

/* --- JSON --- */

void query_json_string(struct k2_buf *out, struct k2_sv s) {
    k2_buf_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            k2_buf_byte(out, '\\');
        if (c == '\n')
            k2_buf_str(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            k2_buf_printf(out, "\\u%04x", c);
        else
            k2_buf_byte(out, c);
    }
    k2_buf_byte(out, '"');
}

static void json_list(struct k2_buf *out, const struct duck_vector *child, uint64_t from,
                      uint64_t n) {
    k2_buf_byte(out, '[');
    for (uint64_t i = 0; i < n; i++) {
        k2_buf_str(out, i ? "," : "");
        query_value_json(out, child, from + i);
    }
    k2_buf_byte(out, ']');
}

/* Keys are strings in JSON: others become their text. */
static void json_key(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    struct k2_buf text = {0};
    query_value_text(&text, v, row);
    query_json_string(out, k2_buf_view(&text));
    k2_buf_byte(out, ':');
    k2_buf_free(&text);
}

static void json_map(struct k2_buf *out, const struct duck_vector *v, struct duck_span span) {
    k2_buf_byte(out, '{');
    for (uint64_t i = span.offset; i < span.offset + span.length; i++) {
        k2_buf_str(out, i > span.offset ? "," : "");
        json_key(out, &v->children[0], i);
        query_value_json(out, &v->children[1], i);
    }
    k2_buf_byte(out, '}');
}

static void json_struct(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    k2_buf_byte(out, '{');
    for (int i = 0; i < v->type->count; i++) {
        k2_buf_str(out, i ? "," : "");
        query_json_string(out, k2_sv_of(v->type->names[i]));
        k2_buf_byte(out, ':');
        query_value_json(out, &v->children[i], row);
    }
    k2_buf_byte(out, '}');
}

static void json_nested(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    struct duck_span span = {0};
    switch (v->type->id) {
    case DUCK_LIST:
        span = ((const struct duck_span *)v->data)[row];
        json_list(out, &v->children[0], span.offset, span.length);
        break;
    case DUCK_ARRAY:
        span.length = (uint64_t)v->type->array_size;
        json_list(out, &v->children[0], row * span.length, span.length);
        break;
    case DUCK_MAP:
        json_map(out, v, ((const struct duck_span *)v->data)[row]);
        break;
    default:
        json_struct(out, v, row);
    }
}

/* Is the JSON form the bare text? Else it is a string of that text. */
static bool is_bare(const struct duck_vector *v, uint64_t row) {
    const k2_i128 safe = (k2_i128)1 << 53;
    enum duck_type_id id = v->type->id;
    if (id == DUCK_BOOL)
        return true;
    if (id == DUCK_FLOAT || id == DUCK_DOUBLE)
        return isfinite(double_of(v, row));
    if (id > DUCK_UHUGEINT)
        return false;
    k2_i128 n = query_value_integer(v, row);
    bool negative_wrap = id == DUCK_UHUGEINT && n < 0;
    return !negative_wrap && n <= safe && n >= -safe;
}

void query_value_json(struct k2_buf *out, const struct duck_vector *v, uint64_t row) {
    if (duck_is_null(v, row) || v->type->id == DUCK_NULL) {
        k2_buf_str(out, "null");
    } else if (is_nested(v->type->id)) {
        json_nested(out, v, row);
    } else if (v->type->id == DUCK_VARCHAR) {
        query_json_string(out, duck_string(v, row));
    } else if (is_bare(v, row)) {
        query_value_text(out, v, row);
    } else {
        struct k2_buf text = {0};
        query_value_text(&text, v, row);
        query_json_string(out, k2_buf_view(&text));
        k2_buf_free(&text);
    }
}

K2_RC query_value_check(const char *column, const struct duck_type *t, struct k2_err *err) {
    if (t->id == DUCK_UNKNOWN)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "column %s has a type that cannot be printed: cast it to VARCHAR in the SQL",
                       column);
    for (int i = 0; t->children && i < t->count; i++)
        K2_TRY(query_value_check(column, &t->children[i], err));
    return K2_OK;
}
