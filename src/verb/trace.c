/* verb/trace.c - `k2 trace`: the life of one row, as a tree for people or as JSON.
 *
 * What is told is built once, as JSON; the tree is printed from it, so the two cannot differ.
 */
#include "verb/records.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>

#define RAW_SHOWN 400 /* bytes of a raw record */
#define OTHERS_SHOWN 5

static const char *const formats[] = {"tree", "json", NULL};

/* --- what is told --- */

static void set_text(struct k2_json *o, const char *key, const char *text) {
    k2_json_set(o, key, k2_json_cstring(text));
}

static void set_number(struct k2_json *o, const char *key, int64_t n) {
    char digits[24];
    bool exact = n <= INT64_C(1) << 53 && n >= -(INT64_C(1) << 53);
    snprintf(digits, sizeof digits, "%" PRId64, n);
    k2_json_set(o, key, exact ? k2_json_int(n) : k2_json_cstring(digits));
}

static void set_time(struct k2_json *o, const char *key, int64_t ns) {
    char text[K2_TIME_TEXT];
    k2_time_format(ns, text);
    set_text(o, key, text);
}

static void set_bool(struct k2_json *o, const char *key, bool yes) {
    k2_json_set(o, key, k2_json_bool(yes));
}

/* A copy without the members that are null. */
static struct k2_json *without_nulls(const struct k2_json *object) {
    struct k2_json *out = k2_json_object(), *value;
    void *iter = NULL;
    struct k2_sv key;
    while (k2_json_next(object, &iter, &key, &value)) {
        if (k2_json_type(value) != K2_JSON_NULL)
            k2_json_set(out, key.p, k2_json_copy(value));
    }
    return out;
}

/* The record's fields, as k2 topic tail prints them. */
static int tell_fields(const struct trace_report *r, struct k2_json *root, struct k2_err *err) {
    struct k2_buf text = {0};
    struct k2_json *fields;
    event_json(&r->rows[0].event, r->in, &text);
    int rc = k2_json_parse(k2_buf_view(&text), &fields, err);
    k2_buf_free(&text);
    if (rc == K2_OK)
        k2_json_set(root, "fields", fields);
    return rc;
}

static struct k2_json *digest_json(const struct journal_digest *d) {
    struct k2_json *o = k2_json_object();
    char hex[33];
    k2_h128_hex(d->sum, hex);
    set_number(o, "rows", d->count);
    set_number(o, "min_sequence", d->min_sequence);
    set_number(o, "max_sequence", d->max_sequence);
    set_text(o, "checksum", hex);
    return o;
}

static const char *proof_of(const struct trace_report *r) {
    const struct trace_journal *j = &r->journal;
    if (!r->rows[0].in_table)
        return "not in the table yet; k2 sink --once brings it";
    if (j->state == TRACE_FOREIGN)
        return "written by another journal, whose records are not here to compare with";
    if (j->state == TRACE_REMOVED)
        return "the record is gone by retention, which proved its digest against the table before";
    return j->same ? "record and table row are equal in every column"
                   : "RECORD AND TABLE ROW DIFFER; k2 reconcile tells more";
}

static void place_of(const struct trace_report *r, int32_t *partition, int64_t *offset,
                     int32_t *journal) {
    switch (r->rows[0].event.kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        *partition = r->rows[0].event.name.journal_partition;                                      \
        *offset = r->rows[0].event.name.journal_offset;                                            \
        *journal = r->rows[0].event.name.journal_id;                                               \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
}

static void tell_journal(const struct trace_report *r, struct k2_json *root) {
    static const char *const states[] = {"kept", "removed by retention", "another journal"};
    const struct trace_journal *j = &r->journal;
    struct k2_json *o = k2_json_object();
    int32_t partition = 0, id = 0;
    int64_t offset = 0;
    char file[40];
    place_of(r, &partition, &offset, &id);
    set_text(o, "topic", j->topic);
    set_number(o, "partition", partition);
    set_number(o, "offset", offset);
    set_number(o, "journal", id);
    set_text(o, "record", states[j->state]);
    set_time(o, "appended", j->append_ns);
    if (j->state == TRACE_KEPT) {
        set_number(o, "schema", j->schema_id);
        set_number(o, "bytes", j->bytes);
    }
    if (j->segment >= 0) {
        snprintf(file, sizeof file, "journal/%020" PRId64 ".seg", j->segment);
        set_text(o, "segment", file);
        set_bool(o, "sealed", j->sealed);
    }
    if (j->digested)
        k2_json_set(o, "digest", digest_json(&j->digest));
    k2_json_set(root, "journal", o);
}

static struct k2_json *snapshots_json(const struct trace_table *t) {
    struct k2_json *o = k2_json_object();
    if (t->brought != 0) {
        set_number(o, "brought_by", t->brought);
        set_time(o, "committed", t->brought_ms * K2_NS_PER_MS);
        set_bool(o, "or_an_expired_one", t->older_gone);
    }
    set_number(o, "containing", t->holding);
    set_number(o, "kept", t->snapshots);
    set_number(o, "current", t->current);
    return o;
}

static void tell_table(const struct trace_report *r, struct k2_json *root) {
    const struct trace_table *t = &r->table;
    struct k2_json *o = k2_json_object();
    set_text(o, "name", k2_kind(r->rows[0].event.kind)->table);
    set_bool(o, "holds_it", r->rows[0].in_table);
    if (t->file) {
        set_text(o, "file", t->file);
        set_number(o, "row", t->row);
        set_number(o, "rows_in_file", t->file_rows);
        set_number(o, "row_group", t->row_group);
        set_number(o, "row_groups", t->row_groups);
    }
    if (r->rows[0].in_table)
        k2_json_set(o, "snapshots", snapshots_json(t));
    k2_json_set(root, "table", o);
}

/* UTF-8 without control characters; JSON changes what is none. */
static bool is_text(struct k2_sv s) {
    struct k2_json *as_json = k2_json_string(s);
    struct k2_sv clean = {0};
    bool text = k2_json_as_string(as_json, &clean) && k2_sv_eq(clean, s);
    for (size_t i = 0; text && i < s.n; i++) {
        uint8_t c = (uint8_t)s.p[i];
        text = c != 0x7f && (c >= ' ' || c == '\t' || c == '\r' || c == '\n');
    }
    k2_json_free(as_json);
    return text;
}

/* As "raw" where it is text, else as "raw_hex". */
static void set_raw(struct k2_json *o, const struct k2_buf *raw) {
    struct k2_sv text = k2_sv_trim(k2_buf_view(raw)), bytes = k2_buf_view(raw);
    struct k2_buf hex = {0};
    if (text.n > 0 && is_text(text)) {
        text.n = text.n < RAW_SHOWN ? text.n : RAW_SHOWN;
        k2_json_set(o, "raw", k2_json_string(text));
        return;
    }
    for (size_t i = 0; i < bytes.n && i < RAW_SHOWN; i++)
        k2_buf_printf(&hex, "%02x", (unsigned)(uint8_t)bytes.p[i]);
    if (hex.n > 0)
        k2_json_set(o, "raw_hex", k2_json_string(k2_buf_view(&hex)));
    k2_buf_free(&hex);
}

static const char *proof_of_file(const struct trace_source *s) {
    return s->verified ? "the raw bytes decode to this row"
                       : "by its place in the journal only: the bytes were not compared";
}

static const char *now_of(const struct trace_source *s) {
    if (strcmp(s->path, "-") == 0)
        return "standard input, which is not kept";
    return s->there ? "there, of the same size" : "gone, or of another size";
}

static struct k2_json *file_json(const struct trace_source *s) {
    struct k2_json *o = k2_json_object();
    set_text(o, "path", s->path);
    set_text(o, "format", s->format);
    set_number(o, "bytes", s->bytes);
    set_text(o, "xxh128", s->hash);
    if (s->sha256[0])
        set_text(o, "sha256", s->sha256);
    set_number(o, "read", s->read);
    set_number(o, "accepted", s->accepted);
    set_time(o, "ingested", s->time_us * K2_NS_PER_US);
    set_text(o, "now", now_of(s));
    set_raw(o, &s->raw);
    set_text(o, "proof", proof_of_file(s));
    return o;
}

/* Files that are known not to have brought it, or to be decoded to something else now. */
static struct k2_json *others_json(const struct trace_report *r) {
    struct k2_json *o = k2_json_object(), *paths = k2_json_array();
    for (int i = 0; i < r->other_count && i < OTHERS_SHOWN; i++)
        k2_json_append(paths, k2_json_string(k2_sv_of(r->others[i])));
    set_text(o, "path", "unknown");
    set_number(o, "other_files", r->other_count);
    k2_json_set(o, "others", paths);
    set_text(
        o, "proof",
        "the bytes at its place in each of these files decode to something else: it came from a "
        "source without a record, or the decoder was changed (k2 "
        "redecode)");
    return o;
}

static struct k2_json *frame_json(const struct raw_frame *f) {
    struct k2_json *o = k2_json_object();
    set_text(o, "topic", f->topic);
    set_number(o, "offset", f->offset);
    set_text(o, "source", f->source);
    set_time(o, "received", f->received_ns);
    set_number(o, "connection", f->connection);
    set_text(o, "line", f->line_b ? "B" : "A");
    set_text(o, "form", f->form);
    set_number(o, "bytes", (int64_t)f->bytes.n);
    set_raw(o, &f->bytes);
    set_text(o, "proof", "frame and row were received at the same nanosecond");
    return o;
}

static void tell_source(const struct trace_report *r, struct k2_json *root) {
    if (r->live)
        k2_json_set(root, "source", frame_json(&r->frame));
    else if (r->source.path)
        k2_json_set(root, "source", file_json(&r->source));
    else if (r->other_count > 0)
        k2_json_set(root, "source", others_json(r));
    else
        set_text(
            root, "source",
            "no file is recorded: simulated, from a pipe, of another journal, or live and removed "
            "by retention");
}

static void tell_links(const struct trace_report *r, struct k2_json *root) {
    struct k2_json *list = k2_json_array();
    for (int i = 0; i < r->link_count; i++) {
        struct k2_json *o = k2_json_object();
        set_text(o, "id", r->links[i].id);
        set_text(o, "reason", r->links[i].reason);
        set_text(o, "detail", r->links[i].detail);
        set_time(o, "refused", r->links[i].time_ns);
        k2_json_append(list, o);
    }
    k2_json_set(root, "quarantined", list);
}

static int tell(const struct trace_report *r, struct k2_json *root, struct k2_err *err) {
    struct k2_buf id = {0};
    k2_message_id(&r->rows[0].event, r->in, &id);
    k2_json_set(root, "message_id", k2_json_string(k2_buf_view(&id)));
    k2_buf_free(&id);
    K2_TRY(tell_fields(r, root, err));
    tell_source(r, root);
    tell_journal(r, root);
    tell_table(r, root);
    set_text(root, "proof", proof_of(r));
    tell_links(r, root);
    return K2_OK;
}

/* --- the tree --- */

/* Control characters could talk to the terminal. */
static void print_safe(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        putchar((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static void print_leaf(const struct k2_json *v) {
    struct k2_sv text;
    struct k2_buf dumped = {0};
    if (k2_json_as_string(v, &text)) {
        print_safe(text);
    } else {
        k2_json_dump(v, &dumped);
        print_safe(k2_buf_view(&dumped));
    }
    k2_buf_free(&dumped);
    putchar('\n');
}

static bool is_branch(const struct k2_json *v) {
    return k2_json_count(v) > 0 && k2_json_type(v) == K2_JSON_OBJECT;
}

static size_t key_width(const struct k2_json *object) {
    void *iter = NULL;
    struct k2_sv key;
    struct k2_json *value;
    size_t width = 0;
    while (k2_json_next(object, &iter, &key, &value))
        width = key.n > width ? key.n : width;
    return width;
}

static void print_object(const struct k2_json *object, const char *prefix);

static void print_child(struct k2_sv key, size_t width, const struct k2_json *value,
                        const char *prefix, bool last) {
    char below[64];
    printf("%s%s %.*s", prefix, last ? "└─" : "├─", K2_SV_ARG(key));
    snprintf(below, sizeof below, "%s%s", prefix, last ? "   " : "│  ");
    if (is_branch(value)) {
        putchar('\n');
        print_object(value, below);
        return;
    }
    printf("%*s", (int)(width - key.n + 2), "");
    if (k2_json_type(value) == K2_JSON_ARRAY && k2_json_count(value) == 0)
        puts("none");
    else
        print_leaf(value);
}

static void print_object(const struct k2_json *object, const char *prefix) {
    void *iter = NULL;
    struct k2_sv key;
    struct k2_json *value;
    size_t left = k2_json_count(object), width = key_width(object);
    while (k2_json_next(object, &iter, &key, &value))
        print_child(key, width, value, prefix, left-- == 1);
}

/* Elements of lists become branches of their own: "quarantined 1", "quarantined 2". */
static struct k2_json *with_lists_named(const struct k2_json *root) {
    struct k2_json *out = k2_json_object(), *value;
    void *iter = NULL;
    struct k2_sv key;
    while (k2_json_next(root, &iter, &key, &value)) {
        size_t n = k2_json_type(value) == K2_JSON_ARRAY ? k2_json_count(value) : 0;
        for (size_t i = 0; i < n; i++) {
            char name[64];
            snprintf(name, sizeof name, "%.*s %zu", K2_SV_ARG(key), i + 1);
            k2_json_set(out, name, k2_json_copy(k2_json_at(value, i)));
        }
        if (n == 0)
            k2_json_set(out, key.p, k2_json_copy(value));
    }
    return out;
}

static void print_tree(struct k2_json *root) {
    struct k2_sv id = {0};
    (void)k2_json_as_string(k2_json_get(root, "message_id"), &id);
    print_safe(id);
    putchar('\n');
    k2_json_remove(root, "message_id");
    k2_json_set(root, "fields", without_nulls(k2_json_get(root, "fields")));
    struct k2_json *named = with_lists_named(root);
    print_object(named, "");
    k2_json_free(named);
}

static void print_json(const struct k2_json *root) {
    struct k2_buf text = {0};
    k2_json_dump(root, &text);
    k2_buf_byte(&text, '\n');
    fwrite(text.p, 1, text.n, stdout);
    k2_buf_free(&text);
}

static int print_one(const struct verb_context *c, const struct trace_report *r,
                     struct k2_err *err) {
    struct k2_json *root = k2_json_object();
    int rc = tell(r, root, err);
    if (rc == K2_OK && strcmp(verb_value(c, "format"), "json") == 0)
        print_json(root);
    else if (rc == K2_OK)
        print_tree(root);
    k2_json_free(root);
    return rc;
}

/* --- the answers that are not one row --- */

static int none_found(const struct verb_context *c, const struct trace_id *id, bool tables,
                      const struct trace_report *r, struct k2_err *err) {
    char where[128], records[32];
    if (id->channel)
        snprintf(where, sizeof where, "table %s", id->kind->table);
    else
        snprintf(where, sizeof where, "tables trades and quotes");
    snprintf(records, sizeof records, "%" PRId64, r->looked_at);
    words_note_exchange(c, id->exchange);
    return k2_fail(err, K2_E_NOTFOUND,
                   "there is no row %s: looked into %s%s, and at %s journal records that no table "
                   "holds yet",
                   c->args[0], where, tables ? "" : " (none is there)", records);
}

static struct k2_json *candidates_json(const struct trace_report *r) {
    struct k2_json *list = k2_json_array();
    for (int i = 0; i < r->row_count; i++) {
        struct k2_buf id = {0};
        k2_message_id(&r->rows[i].event, r->in, &id);
        k2_json_append(list, k2_json_string(k2_buf_view(&id)));
        k2_buf_free(&id);
    }
    return list;
}

/* Several rows answer to the id: they are listed, whole, for the next call. */
static int list_candidates(const struct verb_context *c, const struct trace_report *r,
                           struct k2_err *err) {
    struct k2_json *list = candidates_json(r);
    if (strcmp(verb_value(c, "format"), "json") == 0)
        print_json(list);
    for (size_t i = 0; strcmp(verb_value(c, "format"), "json") != 0 && i < k2_json_count(list); i++)
        print_leaf(k2_json_at(list, i));
    k2_json_free(list);
    return k2_fail(err, K2_E_USAGE, "%s names %s%d rows; use one of the message ids above",
                   c->args[0], r->row_count == TRACE_ROWS ? "at least " : "", r->row_count);
}

/* --- the work --- */

static int answer(const struct verb_context *c, const struct trace_id *id, bool tables,
                  const struct trace_report *r, struct k2_err *err) {
    if (r->row_count == 0)
        return none_found(c, id, tables, r, err);
    return r->row_count > 1 ? list_candidates(c, r, err) : print_one(c, r, err);
}

/* K2_OK with *out NULL when there is nothing of the kind. */
static int none_if_missing(int rc, struct k2_err *err) {
    if (rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err);
    return K2_OK;
}

static int trace(const struct verb_context *c, const struct trace_id *id, struct k2_err *err) {
    struct query_engine *q = NULL;
    struct journal *j = NULL;
    struct trace_report r;
    struct query_options o = {
        .threads = (int)k2_config_int(c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(c->config, K2_CONFIG_query_memory_limit),
    };
    K2_TRY(none_if_missing(verb_journal(c, JOURNAL_READ, &j, err), err));
    int rc = none_if_missing(query_open(c->data, &o, &q, err), err);
    if (rc == K2_OK && !j && !q)
        rc = k2_fail(err, K2_E_NOTFOUND, "%s holds no data; k2 ingest or k2 simulate brings some",
                     c->data);
    else if (rc == K2_OK)
        rc = trace_run(q, j, id, &r, err);
    if (rc == K2_OK) {
        rc = answer(c, id, q != NULL, &r, err);
        trace_free(&r);
    }
    query_close(q);
    journal_close(j);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct trace_id id;
    K2_TRY(trace_parse(c->args[0], &id, err));
    int rc = trace(c, &id, err);
    trace_id_free(&id);
    return rc;
}

static const struct verb_option options[] = {
    {"format", "FORMAT", "tree", "tree or json", formats, 0}, {0}};
static const char *const examples[] = {"k2 trace ASX.BHP.1",
                                       "k2 trace \"$(k2 query -q --format csv \"SELECT message_id "
                                       "FROM trades LIMIT 1\" | tail -n 1)\"",
                                       NULL};

const struct verb verb_trace = {
    .name = "trace",
    .summary = "one row's life: source, journal record, data file, snapshots, proof",
    .usage = "MESSAGE_ID",
    .about = "MESSAGE_ID is the printed identity, EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQUENCE/PART, "
             "as the\n"
             "column message_id has it; or its short form EXCHANGE.SYMBOL.SEQUENCE. When the short "
             "form\n"
             "names several rows, their identities are listed and the exit code is 2.\n"
             "\n"
             "It tells the row's fields; the file it was decoded from, and whether the bytes there "
             "still\n"
             "give this row, or the frame that a live source received;\n"
             "where its record stands in "
             "the journal; which data file, row group "
             "and row\n"
             "hold it in the table; which snapshot brought it and how many contain it; whether "
             "record and\n"
             "row are equal; and the quarantined records that name it.",
    .options = options,
    .examples = examples,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
