/* query/reconcile_json.c - the proof as a file that others can read; see reconcile.h. */
#include "query/query.h"

#include "base/clock.h"
#include "base/json.h"

static struct k2_json *side_json(const struct reconcile_side *s) {
    char hex[33];
    k2_h128_hex(s->checksum, hex);
    struct k2_json *j = k2_json_object();
    k2_json_set(j, "rows", k2_json_int(s->rows));
    k2_json_set(j, "min_sequence", k2_json_int(s->min_sequence));
    k2_json_set(j, "max_sequence", k2_json_int(s->max_sequence));
    k2_json_set(j, "checksum", k2_json_cstring(hex));
    return j;
}

static struct k2_json *line_json(const struct reconcile_line *l) {
    char date[K2_DATE_TEXT];
    k2_date_format(l->trade_date, date);
    struct k2_json *j = k2_json_object();
    k2_json_set(j, "table", k2_json_cstring(l->kind->table));
    k2_json_set(j, "exchange", k2_json_cstring(l->exchange));
    k2_json_set(j, "symbol", k2_json_cstring(l->symbol));
    k2_json_set(j, "trade_date", k2_json_cstring(date));
    k2_json_set(j, "journal", side_json(&l->journal));
    k2_json_set(j, "table_side", side_json(&l->table));
    k2_json_set(j, "missing", k2_json_int(l->missing));
    k2_json_set(j, "extra", k2_json_int(l->extra));
    k2_json_set(j, "changed", k2_json_int(l->changed));
    k2_json_set(j, "by_digest", k2_json_int(l->by_digest));
    return j;
}

void reconcile_json(const struct reconcile_report *r, int64_t now_ns, struct k2_buf *out) {
    char when[K2_TIME_TEXT];
    k2_time_format(now_ns, when);
    struct k2_json *j = k2_json_object(), *lines = k2_json_array();
    k2_json_set(j, "proof", k2_json_cstring("k2 reconcile 1"));
    k2_json_set(j, "time", k2_json_cstring(when));
    k2_json_set(j, "journal_id", k2_json_int(r->journal_id));
    k2_json_set(j, "equal", k2_json_bool(reconcile_equal(r)));
    k2_json_set(j, "compared", k2_json_int(r->compared));
    k2_json_set(j, "missing", k2_json_int(r->missing));
    k2_json_set(j, "extra", k2_json_int(r->extra));
    k2_json_set(j, "changed", k2_json_int(r->changed));
    k2_json_set(j, "by_digest", k2_json_int(r->by_digest));
    k2_json_set(j, "other_journal", k2_json_int(r->other_journal));
    k2_json_set(j, "lag", k2_json_int(r->lag));
    k2_json_set(j, "first_difference", k2_json_cstring(r->first));
    for (int i = 0; i < r->line_count; i++)
        k2_json_append(lines, line_json(&r->lines[i]));
    k2_json_set(j, "lines", lines);
    k2_json_dump(j, out);
    k2_buf_byte(out, '\n');
    k2_json_free(j);
}
