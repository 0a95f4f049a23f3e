/* lake/backup_cut.c - descriptions of cuts.
 *
 * FILE. DEST/cuts/<id>.json; the id is the cut's time in UTC, so the order of names is that of time.
 *   {"format":1,
 *    "cut":"20261121T070107.123Z", "time":"2026-11-21T07:01:07.123000000Z",
 *    "journal_id":N, "journal_end":LOG POSITION,
 *    "bytes_total":N, "bytes_new":N,
 *    "tables":[{"table":"trades","snapshot":ID,"offsets":{...}}],
 *    "files":[{"path":"journal/meta","bytes":N,"fixed":false,
 *              "parts":[{"bytes":N,"checksum":"<32 hex digits>"}]}],
 *    "checksum":"<XXH3-128 of this text without this member>"}
 *
 * VALIDITY. It parses, format is 1 (a newer one is K2_E_VERSION), the checksum is right, paths stay
 * below the data directory, a file has the bytes of its parts. Recovery: none needed, the file is
 * replaced as a whole after everything that it names is durable.
 */
#include "base/clock.h"
#include "lake/backup_int.h"

#include <stdio.h>
#include <stdlib.h>

#define FORMAT 1

/* "2026-11-21T07:01:07.123..." without what file names do not like. */
void backup_id_format(int64_t ns, char out[BACKUP_ID_TEXT]) {
    char text[K2_TIME_TEXT];
    (void)k2_time_format(ns, text);
    char *to = out;
    for (int i = 0; i < 23; i++)
        if (text[i] != '-' && text[i] != ':')
            *to++ = text[i];
    *to++ = 'Z';
    *to = 0;
}

void backup_cut_add(struct backup_cut *cut, const struct backup_file *f) {
    if ((cut->file_count & (cut->file_count - 1)) == 0) { /* full: room for 1, 2, 4, 8 ... */
        size_t room = cut->file_count ? 2 * (size_t)cut->file_count : 1;
        cut->files = k2_realloc(cut->files, room * sizeof *cut->files);
    }
    struct backup_file *to = &cut->files[cut->file_count++];
    size_t n = (size_t)f->part_count * sizeof *f->parts;
    *to = *f;
    to->path = k2_strdup(f->path);
    to->parts = k2_alloc(n + 1);
    if (n)
        memcpy(to->parts, f->parts, n);
}

void backup_cut_free(struct backup_cut *cut) {
    for (int i = 0; i < cut->file_count; i++) {
        free(cut->files[i].path);
        free(cut->files[i].parts);
    }
    for (int i = 0; i < cut->table_count; i++) {
        free(cut->tables[i].name);
        free(cut->tables[i].offsets);
    }
    free(cut->files);
    free(cut->tables);
    *cut = (struct backup_cut){0};
}

/* --- writing --- */

static struct k2_json *part_json(const struct backup_part *p) {
    char hex[33];
    struct k2_json *o = k2_json_object();
    k2_h128_hex(p->sum, hex);
    k2_json_set(o, "bytes", k2_json_int(p->bytes));
    k2_json_set(o, "checksum", k2_json_cstring(hex));
    return o;
}

static struct k2_json *file_json(const struct backup_file *f) {
    struct k2_json *o = k2_json_object(), *parts = k2_json_array();
    for (int i = 0; i < f->part_count; i++)
        k2_json_append(parts, part_json(&f->parts[i]));
    k2_json_set(o, "path", k2_json_cstring(f->path));
    k2_json_set(o, "bytes", k2_json_int(f->bytes));
    k2_json_set(o, "fixed", k2_json_bool(f->fixed));
    k2_json_set(o, "parts", parts);
    return o;
}

static struct k2_json *table_json(const struct backup_table *t) {
    struct k2_json *o = k2_json_object(), *offsets = NULL;
    k2_json_set(o, "table", k2_json_cstring(t->name));
    k2_json_set(o, "snapshot", k2_json_int(t->snapshot));
    if (k2_json_parse(k2_sv_of(t->offsets), &offsets, NULL) == K2_OK)
        k2_json_set(o, "offsets", offsets);
    return o;
}

static void seal(struct k2_json *root) {
    struct k2_buf text = {0};
    char hex[33];
    k2_json_remove(root, "checksum");
    k2_json_dump(root, &text);
    k2_h128_hex(k2_hash128(text.p, text.n), hex);
    k2_json_set(root, "checksum", k2_json_cstring(hex));
    k2_buf_free(&text);
}

static struct k2_json *cut_json(const struct backup_cut *cut) {
    char time[K2_TIME_TEXT];
    struct k2_json *o = k2_json_object(), *files = k2_json_array(), *tables = k2_json_array();
    for (int i = 0; i < cut->file_count; i++)
        k2_json_append(files, file_json(&cut->files[i]));
    for (int i = 0; i < cut->table_count; i++)
        k2_json_append(tables, table_json(&cut->tables[i]));
    (void)k2_time_format(cut->time_ns, time);
    k2_json_set(o, "format", k2_json_int(FORMAT));
    k2_json_set(o, "cut", k2_json_cstring(cut->id));
    k2_json_set(o, "time", k2_json_cstring(time));
    k2_json_set(o, "journal_id", k2_json_int(cut->journal_id));
    k2_json_set(o, "journal_end", k2_json_int(cut->journal_end));
    k2_json_set(o, "bytes_total", k2_json_int(cut->bytes_total));
    k2_json_set(o, "bytes_new", k2_json_int(cut->bytes_new));
    k2_json_set(o, "tables", tables);
    k2_json_set(o, "files", files);
    seal(o);
    return o;
}

static char *cut_path(const char *dest, const char *id) {
    struct k2_buf b = {0};
    k2_buf_printf(&b, "%s/cuts/%s.json", dest, id);
    char *path = k2_strdup(k2_buf_cstr(&b));
    k2_buf_free(&b);
    return path;
}

int backup_cut_save(const char *dest, const struct backup_cut *cut, struct k2_err *err) {
    struct k2_json *root = cut_json(cut);
    struct k2_buf text = {0};
    char *path = cut_path(dest, cut->id);
    k2_json_dump(root, &text);
    k2_buf_byte(&text, '\n');
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    k2_json_free(root);
    free(path);
    return rc;
}

/* --- reading --- */

static bool text_of(const struct k2_json *o, const char *key, struct k2_sv *out) {
    return k2_json_as_string(k2_json_get(o, key), out) && !memchr(out->p, 0, out->n);
}

static bool count_of(const struct k2_json *o, const char *key, int64_t *out) {
    return k2_json_as_int(k2_json_get(o, key), out) && *out >= 0;
}

/* Relative, and without a step upwards: a restore writes there. */
static bool plain_path(struct k2_sv path) {
    while (path.n) {
        struct k2_sv step = k2_sv_split(&path, '/');
        if (step.n == 0 || k2_sv_eq(step, K2_SV(".")) || k2_sv_eq(step, K2_SV("..")))
            return false;
    }
    return true;
}

static bool read_part(const struct k2_json *o, struct backup_part *p) {
    struct k2_sv hex;
    return count_of(o, "bytes", &p->bytes) && text_of(o, "checksum", &hex) &&
           k2_h128_parse(hex.p, hex.n, &p->sum);
}

static bool read_parts(const struct k2_json *list, struct backup_file *f) {
    int64_t bytes = 0;
    size_t n = k2_json_count(list);
    f->parts = k2_alloc((n + 1) * sizeof *f->parts);
    for (size_t i = 0; i < n; i++) {
        if (!read_part(k2_json_at(list, i), &f->parts[i]) || f->parts[i].bytes > INT64_MAX - bytes)
            return false;
        bytes += f->parts[i].bytes;
    }
    f->part_count = (int)n;
    return bytes == f->bytes;
}

static bool read_file(const struct k2_json *o, struct backup_cut *cut) {
    struct backup_file f = {0};
    struct k2_sv path;
    if (!text_of(o, "path", &path) || path.n == 0 || !plain_path(path) ||
        !count_of(o, "bytes", &f.bytes) || !k2_json_as_bool(k2_json_get(o, "fixed"), &f.fixed))
        return false;
    bool good = read_parts(k2_json_get(o, "parts"), &f);
    if (good) {
        f.path = k2_sv_dup(path);
        backup_cut_add(cut, &f);
        free(f.path);
    }
    free(f.parts);
    return good;
}

static bool read_table(const struct k2_json *o, struct backup_table *t) {
    struct k2_sv name;
    struct k2_buf offsets = {0};
    if (!text_of(o, "table", &name) || !count_of(o, "snapshot", &t->snapshot))
        return false;
    k2_json_dump(k2_json_get(o, "offsets"), &offsets);
    t->name = k2_sv_dup(name);
    t->offsets = k2_sv_dup(k2_buf_view(&offsets));
    k2_buf_free(&offsets);
    return true;
}

static bool read_lists(const struct k2_json *root, struct backup_cut *cut) {
    const struct k2_json *files = k2_json_get(root, "files"), *tables = k2_json_get(root, "tables");
    size_t n = k2_json_count(tables);
    cut->tables = k2_zalloc((n + 1) * sizeof *cut->tables);
    for (size_t i = 0; i < n; i++, cut->table_count++)
        if (!read_table(k2_json_at(tables, i), &cut->tables[i]))
            return false;
    for (size_t i = 0; i < k2_json_count(files); i++)
        if (!read_file(k2_json_at(files, i), cut))
            return false;
    return true;
}

static bool read_head(const struct k2_json *root, struct backup_cut *cut) {
    struct k2_sv id, time;
    int64_t journal;
    if (!text_of(root, "cut", &id) || id.n >= BACKUP_ID_TEXT || !text_of(root, "time", &time) ||
        k2_time_parse(time, 0, NULL, &cut->time_ns, NULL) != K2_OK ||
        !count_of(root, "journal_id", &journal) || journal > INT32_MAX)
        return false;
    (void)snprintf(cut->id, sizeof cut->id, "%.*s", K2_SV_ARG(id));
    cut->journal_id = (int32_t)journal;
    return count_of(root, "journal_end", &cut->journal_end) &&
           count_of(root, "bytes_total", &cut->bytes_total) &&
           count_of(root, "bytes_new", &cut->bytes_new);
}

static bool check_seal(struct k2_json *root) {
    struct k2_sv was;
    if (!text_of(root, "checksum", &was))
        return false;
    char *kept = k2_sv_dup(was);
    seal(root);
    bool same = text_of(root, "checksum", &was) && k2_sv_eq(was, k2_sv_of(kept));
    free(kept);
    return same;
}

static K2_RC parse(struct k2_sv text, struct backup_cut *out, struct k2_err *err) {
    struct k2_json *root;
    int64_t format;
    if (k2_json_parse(text, &root, err) != K2_OK)
        return k2_fail(err, K2_E_CORRUPT, "it is not JSON");
    int rc = K2_OK;
    if (!k2_json_as_int(k2_json_get(root, "format"), &format) || format < 1)
        rc = k2_fail(err, K2_E_CORRUPT, "it names no format version");
    else if (format > FORMAT)
        rc = k2_fail(err, K2_E_VERSION,
                     "its format version %lld is newer than this k2 (%d): use a newer k2",
                     (long long)format, FORMAT);
    else if (!check_seal(root))
        rc = k2_fail(err, K2_E_CORRUPT, "its checksum does not match");
    else if (!read_head(root, out) || !read_lists(root, out))
        rc = k2_fail(err, K2_E_CORRUPT, "a member of it is missing or malformed");
    k2_json_free(root);
    return rc;
}

int backup_cut_load(const char *dest, const char *id, struct backup_cut *out, struct k2_err *err) {
    struct k2_buf text = {0};
    *out = (struct backup_cut){0};
    K2_TRY(backup_store_check(dest, err));
    if (strchr(id, '/'))
        return k2_fail(err, K2_E_INVALID, "\"%s\" is no name of a cut", id);
    char *path = cut_path(dest, id);
    int rc = k2_fs_read(path, &text, err);
    if (rc == K2_E_NOTFOUND)
        rc = k2_fail(err, rc, "backup %s has no cut %s; k2 backup list %s shows them", dest, id,
                     dest);
    else if (rc == K2_OK && (rc = parse(k2_buf_view(&text), out, err)) != K2_OK)
        rc = k2_err_context(err, rc, "cut %s", path);
    k2_buf_free(&text);
    free(path);
    if (rc != K2_OK)
        backup_cut_free(out);
    return rc;
}

int backup_cuts(const char *dest, char ***ids, size_t *n, struct k2_err *err) {
    K2_TRY(backup_store_check(dest, err));
    char *dir = k2_path(dest, "cuts");
    size_t kept = 0;
    int rc = k2_fs_list(dir, ids, n, err);
    free(dir);
    if (rc == K2_E_NOTFOUND) { /* it was killed before its first cut */
        *ids = NULL;
        *n = 0;
        k2_err_clear(err);
        return K2_OK;
    }
    K2_TRY(rc);
    for (size_t i = 0; i < *n; i++) {
        char *name = (*ids)[i];
        size_t length = strlen(name);
        if (k2_sv_ends(k2_sv_of(name), K2_SV(".json"))) {
            name[length - 5] = 0;
            (*ids)[kept++] = name;
        } else {
            free(name);
        }
    }
    *n = kept;
    return K2_OK;
}
