/* journal/counted.c - see counted.h. */
#include "journal/counted.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "feed/feed.h"

#include <stdlib.h>

#define TOO_MANY "\"too many\""

struct start {
    struct k2_h128 key;
    char *exchange, *channel;
    enum k2_kind_id kind;
    int32_t date;
    int64_t last;
};

struct counted {
    struct start *at;
    size_t n, cap;
    bool too_many;
};

static struct k2_h128 key_of(struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                             int32_t date) {
    struct k2_buf text = {0};
    k2_buf_printf(&text, "%d/%d/%zu/", (int)kind, (int)date, exchange.n);
    k2_buf_sv(&text, exchange);
    k2_buf_sv(&text, channel);
    struct k2_h128 key = k2_hash128(text.p, text.n);
    k2_buf_free(&text);
    return key;
}

struct counted *counted_new(void) {
    return k2_zalloc(sizeof(struct counted));
}

void counted_free(struct counted *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++) {
        free(c->at[i].exchange);
        free(c->at[i].channel);
    }
    free(c->at);
    free(c);
}

void counted_add(struct counted *c, struct k2_sv exchange, struct k2_sv channel,
                 enum k2_kind_id kind, int32_t date, int64_t last) {
    if (c->n == COUNTED_MOST) {
        c->too_many = true;
        return;
    }
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 8;
        c->at = k2_realloc(c->at, c->cap * sizeof *c->at);
    }
    c->at[c->n++] = (struct start){.key = key_of(exchange, channel, kind, date),
                                   .exchange = k2_sv_dup(exchange),
                                   .channel = k2_sv_dup(channel),
                                   .kind = kind,
                                   .date = date,
                                   .last = last};
}

int64_t counted_find(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                     int32_t date) {
    const struct counted *c = ctx;
    struct k2_h128 key = key_of(exchange, channel, kind, date);
    for (size_t i = 0; i < c->n; i++)
        if (k2_h128_cmp(c->at[i].key, key) == 0)
            return c->at[i].last;
    return 0;
}

/* --- as text --- */

static struct k2_json *start_json(const struct start *s) {
    char date[K2_DATE_TEXT];
    struct k2_json *v = k2_json_array();
    k2_date_format(s->date, date);
    k2_json_append(v, k2_json_cstring(s->exchange));
    k2_json_append(v, k2_json_cstring(s->channel));
    k2_json_append(v, k2_json_cstring(seq_kind_name(s->kind)));
    k2_json_append(v, k2_json_cstring(date));
    k2_json_append(v, k2_json_int(s->last));
    return v;
}

void counted_put(const struct counted *c, struct k2_buf *out) {
    if (c->too_many)
        k2_buf_str(out, TOO_MANY);
    if (c->too_many || c->n == 0)
        return;
    struct k2_json *all = k2_json_array();
    for (size_t i = 0; i < c->n; i++)
        k2_json_append(all, start_json(&c->at[i]));
    k2_json_dump(all, out);
    k2_json_free(all);
}

static bool read_start(const struct k2_json *v, struct counted *c) {
    struct k2_sv text[4];
    int32_t date;
    int64_t last;
    for (size_t i = 0; i < 4; i++)
        if (!k2_json_as_string(k2_json_at(v, i), &text[i]))
            return false;
    bool all = k2_sv_eq(text[2], k2_sv_of(seq_kind_name(SEQ_SHARED)));
    const struct k2_kind *kind = all ? NULL : k2_kind_by_name(text[2]);
    if ((!all && !kind) || k2_date_parse(text[3], &date, NULL) != K2_OK ||
        !k2_json_as_int(k2_json_at(v, 4), &last))
        return false;
    counted_add(c, text[0], text[1], kind ? kind->id : SEQ_SHARED, date, last);
    return true;
}

int counted_parse(struct k2_sv text, struct counted **out, struct k2_err *err) {
    struct k2_json *all = NULL;
    *out = counted_new();
    if (text.n == 0)
        return K2_OK;
    bool good = !k2_sv_eq(text, K2_SV(TOO_MANY)) && k2_json_parse(text, &all, NULL) == K2_OK &&
                k2_json_type(all) == K2_JSON_ARRAY;
    for (size_t i = 0; good && i < k2_json_count(all); i++)
        good = read_start(k2_json_at(all, i), *out);
    k2_json_free(all);
    if (good)
        return K2_OK;
    counted_free(*out);
    *out = NULL;
    return k2_fail(
        err, K2_E_INVALID,
        "its rows were counted on after what the journal held then (--continue), and its "
        "record does not say from which numbers: they cannot be told apart again");
}
