/* feed/venue/state.c - setting up, the loop over the messages, marks, detection; see venue.h.
 *
 * The state as bytes, all Avro longs and bytes: the lines and the address of the connection, what the
 * venue's decoder remembers (four numbers and a text), then of every channel its name, exchange, date,
 * epoch and highest number, how many kinds were counted in it, and of each the kind, the last number and
 * how many events had it.
 */
#include "feed/venue/venue.h"

#include <stdio.h>
#include <stdlib.h>

/* --- setting up --- */

static int add_exchange(struct vj *v, int i, struct k2_sv code, const char *calendar,
                        struct k2_err *err) {
    v->codes[i] = k2_sv_dup(code);
    return feed_calendar_find(code, calendar, &v->calendars[i], err);
}

int vj_init(struct vj *v, const struct vj_venue *venue, const struct feed_options *o,
            struct k2_interner *in, struct k2_err *err) {
    v->venue = venue;
    v->in = in;
    v->wants = o->wants;
    v->wants_ctx = o->wants_ctx;
    v->counted = o->counted;
    v->counted_ctx = o->counted_ctx;
    v->given = o->exchange.n > 0;
    v->date = o->date;
    if (o->symbol.n)
        v->symbol = k2_sv_dup(o->symbol);
    for (int i = 0; i < VJ_CODES_MAX && venue->codes[i]; i++)
        K2_TRY(add_exchange(v, i, v->given ? o->exchange : k2_sv_of(venue->codes[i]), o->calendar,
                            err));
    return K2_OK;
}

static void forget_channels(struct vj *v) {
    for (size_t i = 0; i < v->n_channels; i++)
        free(v->channels[i].name);
    v->n_channels = v->last_channel = 0;
    if (v->n_slots)
        memset(v->slots, 0, v->n_slots * sizeof *v->slots);
}

void vj_fini(void *state) {
    struct vj *v = state;
    forget_channels(v);
    for (int i = 0; i < VJ_CODES_MAX; i++)
        free(v->codes[i]);
    free(v->symbol);
    free(v->channels);
    free(v->slots);
    free(v->levels);
    free(v->level_pairs);
    json_lines_free(&v->lines);
    json_index_free(&v->json);
    k2_buf_free(&v->blob);
    k2_buf_free(&v->name);
    k2_buf_free(&v->compact);
    k2_buf_free(&v->merged);
    memset(v, 0, sizeof *v);
}

/* --- messages --- */

static int take_message(struct vj *v, const struct json_record *r) {
    struct json_scan s = {.p = r->text.p, .end = r->text.p + r->text.n};
    if (json_index(&s, &v->json))
        return v->venue->take(v, r);
    if (k2_sv_eq(r->text, K2_SV("pong")) || k2_sv_eq(r->text, K2_SV("ping")))
        return vj_filtered(v, "a heartbeat of the connection");
    char detail[160];
    snprintf(detail, sizeof detail, "not JSON at byte %zu of the line: %s",
             (size_t)(s.p - (r->packed ? r->text.p : r->raw.p)) + 1, s.fault);
    return vj_refuse(v, r, "MALFORMED", detail);
}

int vj_decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
              const struct feed_sink *sink, struct k2_err *err) {
    struct vj *v = state;
    struct k2_sv rest = bytes;
    struct json_record r;
    enum json_line found;
    int rc = K2_OK;
    v->sink = sink;
    v->err = err;
    while (rc == K2_OK && (found = json_line_next(&v->lines, &rest, last, &r)) != JSON_LINE_MORE)
        rc = found == JSON_LINE_BAD    ? vj_refuse(v, &r, r.fault.reason, r.fault.detail)
             : found == JSON_LINE_NOTE ? vj_filtered(v, r.note)
                                       : take_message(v, &r);
    *consumed = bytes.n - rest.n;
    return rc;
}

/* --- marks --- */

static void put_channel(const struct vj_channel *c, struct k2_buf *out) {
    int64_t kinds = 0;
    for (int k = 0; k < K2_KIND_COUNT; k++)
        kinds += c->counts[k].begun;
    k2_avro_put_bytes(out, (struct k2_sv){c->name, c->n});
    k2_avro_put_long(out, c->exchange);
    k2_avro_put_long(out, c->date);
    k2_avro_put_long(out, c->epoch);
    k2_avro_put_long(out, c->high);
    k2_avro_put_long(out, kinds);
    for (int k = 0; k < K2_KIND_COUNT; k++)
        if (c->counts[k].begun) {
            k2_avro_put_long(out, k);
            k2_avro_put_long(out, c->counts[k].last);
            k2_avro_put_long(out, c->counts[k].parts);
        }
}

void vj_save(const void *state, struct k2_buf *out) {
    const struct vj *v = state;
    json_lines_save(&v->lines, out);
    for (size_t i = 0; i < sizeof v->own / sizeof *v->own; i++)
        k2_avro_put_long(out, v->own[i]);
    k2_avro_put_bytes(out, k2_sv_of(v->own_text));
    k2_avro_put_long(out, (int64_t)v->n_channels);
    for (size_t i = 0; i < v->n_channels; i++)
        put_channel(&v->channels[i], out);
}

static bool get_range(struct k2_sv *in, int64_t low, int64_t high, int64_t *out) {
    return k2_avro_get_long(in, out) && *out >= low && *out <= high;
}

static bool get_channel(struct vj *v, struct k2_sv *in) {
    struct k2_sv name;
    int64_t exchange, date, epoch, high, kinds, kind, last, parts;
    if (!k2_avro_get_bytes(in, &name) || name.n > (size_t)4 * VJ_WORD_MAX ||
        !get_range(in, 0, VJ_CODES_MAX - 1, &exchange) || !v->codes[exchange] ||
        !get_range(in, INT32_MIN, INT32_MAX, &date) || !get_range(in, 0, INT32_MAX / 2, &epoch) ||
        !k2_avro_get_long(in, &high) || !get_range(in, 0, K2_KIND_COUNT, &kinds))
        return false;
    size_t n = v->n_channels;
    struct vj_channel *c = vj_channel_named(v, name, (int)exchange, (int32_t)date);
    if (v->n_channels == n)
        return false; /* it is there twice */
    c->epoch = (int32_t)epoch;
    c->high = high;
    for (; kinds > 0; kinds--) {
        if (!get_range(in, 0, K2_KIND_COUNT - 1, &kind) ||
            !get_range(in, 0, INT64_MAX - 1, &last) || !get_range(in, 0, INT32_MAX / 2, &parts))
            return false;
        c->counts[kind] = (struct vj_count){true, last, parts};
    }
    return true;
}

static bool get_state(struct vj *v, struct k2_sv in) {
    struct k2_sv text;
    int64_t n;
    if (!json_lines_restore(&v->lines, &in))
        return false;
    for (size_t i = 0; i < sizeof v->own / sizeof *v->own; i++)
        if (!k2_avro_get_long(&in, &v->own[i]))
            return false;
    if (!k2_avro_get_bytes(&in, &text) || text.n > VJ_WORD_MAX || !feed_text_ok(text, VJ_WORD_MAX))
        return false;
    memset(v->own_text, 0, sizeof v->own_text);
    if (text.n)
        memcpy(v->own_text, text.p, text.n);
    if (!k2_avro_get_long(&in, &n) || n < 0)
        return false;
    for (; n > 0; n--)
        if (!get_channel(v, &in))
            return false;
    return in.n == 0;
}

bool vj_restore(void *state, struct k2_sv saved) {
    struct vj *v = state;
    if (get_state(v, saved))
        return true;
    json_lines_free(&v->lines);
    forget_channels(v);
    memset(v->own, 0, sizeof v->own);
    memset(v->own_text, 0, sizeof v->own_text);
    return false;
}

/* --- detection --- */

int vj_detect(const struct vj_venue *venue, struct k2_sv head, const char **why) {
    struct json_record r;
    if (!json_lines_first(head, &r))
        return 0;
    for (const char *const *host = venue->hosts; *host; host++)
        if (vj_contains(r.url, *host)) {
            *why = "the address of the venue";
            return 95;
        }
    return (r.url.n && !r.any_url) || !r.text.n ? 0 : venue->shape(r.text, why);
}
