/* verb/decode_print.c - frames, events and rejects as `k2 decode` shows them; see decode.h. */
#include "verb/decode.h"
#include "verb/records.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

static const struct listing_column frame_columns[] = {
    {"frame", NULL}, {"path", NULL}, {"at", NULL}, {"size", NULL}, {"value", NULL}};
static const struct listing_column event_columns[] = {
    {"position", NULL}, {"offset", NULL}, {"kind", NULL}, {"column", NULL}, {"value", NULL}};

static int enough(struct decode_printer *p, struct k2_err *err) {
    p->enough = true;
    return k2_fail(err, K2_E_FAILED, "--limit is reached");
}

/* --- objects --- */

static void begin_object(struct decode_printer *p) {
    p->line.n = 0;
    if (p->format == QUERY_JSON)
        k2_buf_str(&p->line, p->totals.printed ? ",\n " : "[\n ");
}

/* What is written cannot be taken back: that the pipe is closed is an end too. */
static int end_object(struct decode_printer *p, struct k2_err *err) {
    if (p->format == QUERY_NDJSON)
        k2_buf_byte(&p->line, '\n');
    if (fwrite(p->line.p, 1, p->line.n, stdout) != p->line.n)
        return k2_fail_errno(err, "standard output cannot be written");
    return K2_OK;
}

/* Counts what was printed, in either way. */
static int printed(struct decode_printer *p, struct k2_err *err) {
    p->totals.printed++;
    return p->totals.printed == p->o.limit ? enough(p, err) : K2_OK;
}

/* --- frames --- */

static void put_times(struct k2_buf *out, int64_t ns) {
    int64_t s = ns / K2_NS_PER_SEC, rest = ns % K2_NS_PER_SEC;
    if (ns == K2_NULL_LONG)
        return;
    if (rest < 0) {
        s--;
        rest += K2_NS_PER_SEC;
    }
    k2_buf_printf(out, "\"time_ns\":\"%" PRId64 "\",\"time_epoch\":\"%" PRId64 ".%09" PRId64 "\",",
                  ns, s, rest);
}

static void put_frame(struct decode_printer *p, const struct feed_frame *f, const char *why) {
    struct k2_buf *out = &p->line;
    k2_buf_printf(out, "{\"frame\":%" PRId64 ",", f->number);
    put_times(out, f->time_ns);
    if (f->flow_name.n) {
        k2_buf_str(out, "\"flow\":");
        event_json_string(out, f->flow_name);
        k2_buf_byte(out, ',');
    }
    k2_buf_printf(out, "\"offset\":%" PRIu64 ",\"format\":", f->offset);
    event_json_string(out, k2_sv_of(p->feed));
    k2_buf_str(out, ",\"decoded\":");
    tree_json(&p->tree, out);
    if (p->o.offsets) {
        k2_buf_str(out, ",\"offsets\":");
        tree_offsets_json(&p->tree, out);
    }
    if (why) {
        k2_buf_str(out, ",\"error\":");
        event_json_string(out, k2_sv_of(why));
    }
    k2_buf_byte(out, '}');
}

struct frame_row {
    struct listing *rows;
    int64_t number;
};

static void list_field(void *ctx, struct k2_sv path, const struct tree_node *n, struct k2_sv text) {
    struct frame_row *r = ctx;
    listing_number(r->rows, r->number);
    listing_text(r->rows, path);
    listing_number(r->rows, (int64_t)n->at);
    listing_number(r->rows, (int64_t)n->size);
    listing_text(r->rows, text);
}

int decode_printer_frame(void *printer, const struct feed_frame *f, const char *why,
                         struct k2_err *err) {
    struct decode_printer *p = printer;
    p->totals.frames++;
    p->told = why != NULL;
    if (p->o.message)
        tree_groups(&p->tree, p->names);
    bool wanted = !p->o.message || tree_has_group(&p->tree, k2_sv_of(p->o.message));
    int rc = K2_OK;
    if (wanted && p->rows) {
        struct frame_row r = {p->rows, f->number};
        tree_each(&p->tree, list_field, &r);
    } else if (wanted) {
        begin_object(p);
        put_frame(p, f, why);
        rc = end_object(p, err);
    }
    tree_clear(&p->tree);
    return rc == K2_OK && wanted ? printed(p, err) : rc;
}

/* --- events --- */

static bool is_text(const struct decode_printer *p, const char *want, uint32_t id) {
    return !want || (id && k2_sv_eq(k2_interned(p->in, id), k2_sv_of(want)));
}

static bool is_message(const struct decode_printer *p, const struct k2_event *e) {
    if (!p->o.message)
        return true;
    if (e->kind != K2_KIND_MESSAGE || !e->message.message_type)
        return false;
    struct k2_sv type = k2_interned(p->in, e->message.message_type);
    (void)k2_intern(p->names, type);
    return tree_same_name(type, k2_sv_of(p->o.message));
}

/* As DBN, a kind stands for a schema: the writer knows what belongs to it. */
static bool is_wanted(const struct decode_printer *p, const struct k2_event *e) {
    const struct decode_options *o = &p->o;
    const struct k2_kind *kind = k2_kind(e->kind);
    if (!p->as_dbn && o->kind && strcasecmp(o->kind, kind->name) != 0 &&
        strcasecmp(o->kind, kind->table) != 0)
        return false;
    return is_text(p, o->exchange, e->head.exchange) && is_text(p, o->symbol, e->head.symbol) &&
           is_message(p, e);
}

static void put_event(struct decode_printer *p, const struct k2_event *e, int64_t position) {
    const struct k2_kind *kind = k2_kind(e->kind);
    int64_t offset = k2_event_raw_offset(e);
    k2_buf_printf(&p->line, "{\"kind\":\"%s\",\"position\":%" PRId64, kind->name, position);
    if (offset != K2_NULL_LONG)
        k2_buf_printf(&p->line, ",\"offset\":%" PRId64, offset);
    for (int i = 0; i < kind->field_count; i++) {
        size_t before = p->line.n;
        k2_buf_printf(&p->line, ",\"%s\":", kind->fields[i].name);
        if (!event_json_field(e, i, p->in, &p->line))
            p->line.n = before;
    }
    k2_buf_byte(&p->line, '}');
}

static void list_place(struct decode_printer *p, int64_t position, int64_t offset, const char *kind,
                       const char *column) {
    listing_number(p->rows, position);
    if (offset == K2_NULL_LONG)
        listing_null(p->rows);
    else
        listing_number(p->rows, offset);
    listing_cstring(p->rows, kind);
    listing_cstring(p->rows, column);
}

/* Texts without the quotes that they have in JSON. */
static void list_event(struct decode_printer *p, const struct k2_event *e, int64_t position) {
    const struct k2_kind *kind = k2_kind(e->kind);
    for (int i = 0; i < kind->field_count; i++) {
        const struct k2_field *f = &kind->fields[i];
        p->line.n = 0;
        if (!event_json_field(e, i, p->in, &p->line))
            continue;
        list_place(p, position, k2_event_raw_offset(e), kind->name, f->name);
        struct k2_sv text = k2_buf_view(&p->line);
        if (f->type == K2_STR || f->type == K2_BYTES)
            text = k2_interned(
                p->in, *(const uint32_t *)(const void *)((const char *)k2_event_fields_const(e) +
                                                         f->offset));
        else if (text.p[0] == '"')
            text = (struct k2_sv){text.p + 1, text.n - 2};
        listing_text(p->rows, text);
    }
}

static void begin_dbn(struct decode_printer *p, struct k2_sv exchange) {
    const struct k2_kind *kind = k2_kind_by_name(k2_sv_of(p->o.kind));
    if (!kind)
        kind = k2_kind_by_table(k2_sv_of(p->o.kind));
    const struct feed_dbn_head head = {.dataset = exchange,
                                       .kind = kind ? kind->id : K2_KIND_COUNT,
                                       .start_ns = K2_NULL_LONG,
                                       .end_ns = K2_NULL_LONG};
    p->dbn = feed_dbn_writer_new(&head, &p->line);
}

static int put_dbn(struct decode_printer *p, const struct k2_event *e, struct k2_err *err) {
    const char *why;
    p->line.n = 0;
    if (!p->dbn)
        begin_dbn(p, k2_interned(p->in, e->head.exchange));
    bool said = feed_dbn_write(p->dbn, e, p->in, &p->line, &why);
    p->left_out += !said;
    K2_TRY(end_object(p, err));
    return said ? printed(p, err) : K2_OK;
}

static int take_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                      struct k2_err *err) {
    struct decode_printer *p = ctx;
    (void)raw;
    p->totals.events[e->kind]++;
    if (!is_wanted(p, e))
        return K2_OK;
    if (p->as_dbn)
        return put_dbn(p, e, err);
    if (p->rows) {
        list_event(p, e, position);
        return printed(p, err);
    }
    begin_object(p);
    put_event(p, e, position);
    K2_TRY(end_object(p, err));
    return printed(p, err);
}

/* --- what is no event --- */

static bool wants_rejects(const struct decode_printer *p) {
    const struct decode_options *o = &p->o;
    return !o->message && !o->exchange && !o->symbol && !p->as_dbn &&
           (!o->kind || !strcmp(o->kind, "reject"));
}

static void list_reject(struct decode_printer *p, const struct feed_reject *r) {
    if (p->frames) {
        listing_number(p->rows, r->position);
        listing_cstring(p->rows, r->reason);
        listing_number(p->rows, 0);
        listing_number(p->rows, (int64_t)r->raw.n);
        listing_cstring(p->rows, r->detail);
        return;
    }
    list_place(p, r->position, (int64_t)r->offset, "reject", r->reason);
    listing_cstring(p->rows, r->detail);
}

static void put_reject(struct decode_printer *p, const struct feed_reject *r) {
    k2_buf_printf(&p->line,
                  "{\"kind\":\"reject\",\"position\":%" PRId64 ",\"offset\":%" PRIu64
                  ",\"reason\":\"%s\",\"detail\":",
                  r->position, r->offset, r->reason);
    event_json_string(&p->line, k2_sv_of(r->detail));
    k2_buf_str(&p->line, ",\"raw_hex\":\"");
    for (size_t i = 0; i < r->raw.n; i++)
        k2_buf_printf(&p->line, "%02x", (unsigned char)r->raw.p[i]);
    k2_buf_str(&p->line, "\"}");
}

/* A frame that broke its format was shown with its error. */
static int take_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    struct decode_printer *p = ctx;
    bool told = p->told;
    p->totals.rejects++;
    p->told = false;
    if (told || !wants_rejects(p))
        return K2_OK;
    if (p->rows) {
        list_reject(p, r);
        return printed(p, err);
    }
    begin_object(p);
    put_reject(p, r);
    K2_TRY(end_object(p, err));
    return printed(p, err);
}

/* Of a source that is shown by its events: whole, but nothing that would be kept. */
static int take_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct decode_printer *p = ctx;
    const struct decode_options *o = &p->o;
    bool others = o->message || o->exchange || o->symbol || p->as_dbn;
    p->totals.filtered++;
    if (p->frames || p->rows || others || (o->kind && strcmp(o->kind, "filtered") != 0))
        return K2_OK;
    begin_object(p);
    k2_buf_str(&p->line, "{\"kind\":\"filtered\",\"reason\":");
    event_json_string(&p->line, k2_sv_of(why));
    k2_buf_byte(&p->line, '}');
    K2_TRY(end_object(p, err));
    return printed(p, err);
}

/* --- a name that nothing has --- */

enum { NAMES_LOOKED = 512, NAMES_TOLD = 8 };

/* The place of the name that is near, or -1. */
static int near_name(const struct decode_printer *p, int n) {
    char given[TREE_NAME], (*rooms)[TREE_NAME] = k2_alloc((size_t)n * sizeof *rooms);
    const char **plain = k2_alloc((size_t)n * sizeof *plain);
    for (int i = 0; i < n; i++)
        plain[i] = tree_plain_name(k2_interned(p->names, (uint32_t)i + 1), rooms[i]).p;
    (void)tree_plain_name(k2_sv_of(p->o.message), given);
    const char *best = k2_nearest(given, plain, n);
    int at = -1;
    for (int i = 0; best && i < n && at < 0; i++)
        at = plain[i] == best ? i : -1;
    free(plain);
    free(rooms);
    return at;
}

void decode_printer_note_names(const struct decode_printer *p) {
    int n = (int)k2_interner_count(p->names);
    n = n > NAMES_LOOKED ? NAMES_LOOKED : n;
    if (n == 0) {
        verb_note(p->c, "no message %s: there is no message at all", p->o.message);
        return;
    }
    int at = near_name(p, n);
    struct k2_buf told = {0};
    for (int i = 0; i < n && at < 0 && i < NAMES_TOLD; i++)
        k2_buf_printf(&told, "%s%.*s", i ? ", " : "",
                      K2_SV_ARG(k2_interned(p->names, (uint32_t)i + 1)));
    if (at >= 0)
        k2_buf_sv(&told, k2_interned(p->names, (uint32_t)at + 1));
    else if (n > NAMES_TOLD)
        k2_buf_str(&told, ", ...");
    verb_note(p->c, "no message %s; %s: %s", p->o.message, at >= 0 ? "near it" : "there are",
              k2_buf_cstr(&told));
    k2_buf_free(&told);
}

/* --- begin and end --- */

int decode_printer_open(struct decode_printer *p, bool frames, struct k2_err *err) {
    p->sink = (struct feed_sink){p, take_event, take_reject, take_filtered};
    p->as_dbn = strcmp(verb_value(p->c, "format"), "dbn") == 0;
    p->format = p->as_dbn ? QUERY_TABLE : out_stdout(p->c).format;
    p->frames = frames;
    tree_init(&p->tree);
    if (p->as_dbn || p->format == QUERY_JSON || p->format == QUERY_NDJSON)
        return K2_OK;
    return listing_open(p->c, frames ? frame_columns : event_columns, 5, &p->rows, err);
}

int decode_printer_close(struct decode_printer *p, struct k2_err *err) {
    int rc = K2_OK;
    if (p->as_dbn && !p->dbn) { /* metadata without a record */
        begin_dbn(p, K2_SV(""));
        rc = end_object(p, err);
    }
    if (p->rows)
        rc = listing_close(p->rows, err);
    else if (p->format == QUERY_JSON)
        fputs(p->totals.printed ? "\n]\n" : "[]\n", stdout);
    if (rc == K2_OK && fflush(stdout) != 0)
        rc = k2_fail_errno(err, "standard output cannot be written");
    feed_dbn_writer_free(p->dbn);
    k2_buf_free(&p->line);
    tree_free(&p->tree);
    return rc;
}
