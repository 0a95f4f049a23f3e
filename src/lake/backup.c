/* lake/backup.c - taking a cut; see backup.h.
 *
 * ORDER. First the journal is pinned (journal_pin): what retention removed until then the tables hold
 * already, and it removes nothing more until the segments are copied. Then the catalog, as one image,
 * and at once everything small that its tables name (metadata, lists, manifests): those go soon when
 * a sink commits. Then the journal's image: its durable end is at or behind the tables' offsets,
 * because those were read before. Then the segments, and last the data files.
 *
 * Data files are not pinned: that would have to be written into the source, and a killed backup would
 * leave it there. Instead, when a file has gone before it was copied (an expiry, a removal of old
 * metadata), the whole cut is begun anew. What was copied is in the store already, so the next attempt
 * copies only what is new.
 */
#include "base/clock.h"
#include "journal/journal.h"
#include "lake/backup_int.h"
#include "lake/reach.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ATTEMPTS 10

struct pending { /* a file that is yet to be copied */
    char *path;  /* below the data directory */
    int64_t bytes;
    bool fixed;
};

struct taking {
    const struct backup_options *options;
    char *data; /* absolute */
    struct backup_store store;
    struct backup_cut last, cut; /* last: the newest cut before, of the same journal */
    struct k2_interner *known,
        *named;                 /* paths in `last`, at id - 1; paths in `cut` and `pending` */
    struct k2_interner *sealed; /* paths of segments that cannot have changed since `last` */
    struct lake *lake;          /* NULL: there are no tables */
    struct journal *journal;    /* NULL: there is none */
    struct pending *pending;
    size_t pending_count;
    int64_t pending_bytes, copied;
    bool again; /* the source changed under our hands: begin anew */
};

/* --- files of the cut --- */

static const struct backup_file *known(const struct taking *t, const char *path) {
    uint32_t id = k2_intern_find(t->known, k2_sv_of(path));
    return id ? &t->last.files[id - 1] : NULL;
}

static void add_file(struct taking *t, const struct backup_file *f) {
    t->cut.bytes_total += f->bytes;
    backup_cut_add(&t->cut, f);
}

static K2_RC add_content(struct taking *t, const char *path, struct k2_sv bytes, bool fixed,
                         struct k2_err *err) {
    struct backup_part part;
    bool fresh;
    K2_TRY(backup_store_put(&t->store, bytes, &part, &fresh, err));
    if (fresh)
        t->cut.bytes_new += part.bytes;
    (void)k2_intern(t->named, k2_sv_of(path));
    add_file(t, &(struct backup_file){.path = (char *)(uintptr_t)path,
                                      .bytes = part.bytes,
                                      .fixed = fixed,
                                      .part_count = bytes.n > 0,
                                      .parts = &part});
    return K2_OK;
}

static void add_pending(struct taking *t, const char *path, int64_t bytes, bool fixed) {
    size_t n = t->pending_count;
    if ((n & (n - 1)) == 0)
        t->pending = k2_realloc(t->pending, (n ? 2 * n : 1) * sizeof *t->pending);
    t->pending[t->pending_count++] = (struct pending){k2_strdup(path), bytes, fixed};
    t->pending_bytes += bytes;
    (void)k2_intern(t->named, k2_sv_of(path));
}

static bool is_named(const struct taking *t, const char *path) {
    return k2_intern_find(t->named, k2_sv_of(path)) != 0;
}

/* --- the tables --- */

/* The path below the data directory, or NULL when it is not there. */
static const char *below(const struct taking *t, const char *path) {
    size_t n = strlen(t->data);
    return strncmp(path, t->data, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static K2_RC reached(void *ctx, const struct lake_reached *file, struct k2_err *err) {
    struct taking *t = ctx;
    const char *path = below(t, file->path);
    if (!path)
        return k2_fail(err, K2_E_UNSUPPORTED, "%s lies outside of the data directory", file->path);
    if (is_named(t, path))
        return K2_OK;
    if (file->has_content)
        return add_content(t, path, file->content, true, err);
    add_pending(t, path, file->bytes >= 0 ? file->bytes : k2_fs_size(file->path), true);
    return K2_OK;
}

static K2_RC describe_table(struct taking *t, const struct lake_catalog_row *row,
                            struct k2_sv metadata, struct k2_err *err) {
    struct k2_buf vector = {0};
    struct lake_table *table;
    struct lake_offsets offsets;
    K2_TRY(lake_metadata_parse(metadata, row->table, row->location, &table, err));
    int rc = lake_table_offsets(table, &offsets, err);
    if (rc == K2_OK) {
        size_t n = (size_t)t->cut.table_count + 1;
        lake_offsets_format(&offsets, &vector);
        t->cut.tables = k2_realloc(t->cut.tables, n * sizeof *t->cut.tables);
        t->cut.tables[t->cut.table_count++] = (struct backup_table){
            k2_strdup(row->table), table->current_snapshot, k2_sv_dup(k2_buf_view(&vector))};
        lake_offsets_free(&offsets);
        k2_buf_free(&vector);
    }
    lake_table_free(table);
    return rc;
}

static K2_RC gather_ours(struct taking *t, const struct lake_catalog_row *row, const char *path,
                         struct k2_err *err) {
    struct k2_buf metadata = {0};
    int rc = k2_fs_read(path, &metadata, err);
    if (rc == K2_OK && strcmp(row->space, LAKE_NAMESPACE) == 0)
        rc = describe_table(t, row, k2_buf_view(&metadata), err);
    k2_buf_free(&metadata);
    if (rc == K2_OK)
        rc = lake_reach(row->location, reached, t, err);
    if (rc == K2_E_NOTFOUND) /* a later commit or an expiry removed it */
        t->again = true;
    return rc;
}

/* A table that somebody keeps elsewhere on purpose is not in this directory, and so not in the cut. */
static K2_RC gather_table(struct taking *t, const struct lake_catalog_row *row,
                          struct k2_err *err) {
    char *path;
    K2_TRY(lake_location_path(k2_sv_of(row->location), &path, err));
    int rc = below(t, path) ? gather_ours(t, row, path, err) : K2_OK;
    free(path);
    return rc;
}

static K2_RC gather_tables(struct taking *t, struct k2_err *err) {
    struct k2_buf bytes = {0};
    struct lake_catalog_row *rows;
    size_t n;
    if (!t->lake)
        return K2_OK;
    int rc = lake_catalog_image(t->lake->catalog, &bytes, &rows, &n, err);
    if (rc == K2_OK) {
        rc = add_content(t, "catalog.db", k2_buf_view(&bytes), false, err);
        for (size_t i = 0; rc == K2_OK && i < n; i++)
            rc = gather_table(t, &rows[i], err);
        lake_catalog_rows_free(rows, n);
    }
    k2_buf_free(&bytes);
    return rc;
}

/* --- the journal --- */

/* An index lists the append time of every batch of its segment (journal/image.h): while it is what it was in the last
 * cut, the segment is too. */
static void note_sealed(struct taking *t, const char *path) {
    const struct backup_file *is = &t->cut.files[t->cut.file_count - 1], *was = known(t, path);
    struct k2_sv stem = k2_sv_of(path);
    if (!was || !k2_sv_ends(stem, K2_SV(".idx")) || is->part_count != 1 || was->part_count != 1 ||
        is->bytes != was->bytes || k2_h128_cmp(is->parts[0].sum, was->parts[0].sum) != 0)
        return;
    struct k2_buf segment = {0};
    k2_buf_printf(&segment, "%.*s.seg", (int)(stem.n - strlen(".idx")), path);
    (void)k2_intern(t->sealed, k2_buf_view(&segment));
    k2_buf_free(&segment);
}

static K2_RC gather_file(struct taking *t, const struct journal_image_file *f, struct k2_err *err) {
    char *path = k2_path("journal", f->name);
    int rc = K2_OK;
    if (f->fixed)
        add_pending(t, path, f->bytes, true);
    else
        rc = add_content(t, path, k2_buf_view(&f->content), false, err);
    if (rc == K2_OK && !f->fixed)
        note_sealed(t, path);
    free(path);
    return rc;
}

static K2_RC gather_journal(struct taking *t, struct k2_err *err) {
    struct journal_image image;
    if (!t->journal)
        return K2_OK;
    K2_TRY(journal_image_take(t->journal, &image, err));
    t->cut.journal_id = image.journal_id;
    t->cut.journal_end = image.end;
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < image.n; i++)
        rc = gather_file(t, &image.files[i], err);
    journal_image_free(&image);
    return rc;
}

/* --- raw --- */

/* Files of `directory` (below the data directory) and its directories, as they are. */
static K2_RC gather_directory(struct taking *t, const char *directory, struct k2_err *err) {
    char *path = k2_path(t->data, directory), **names;
    size_t n;
    int rc = k2_fs_list(path, &names, &n, err);
    free(path);
    if (rc != K2_OK)
        return rc == K2_E_NOTFOUND ? K2_OK : rc;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        struct stat st;
        char *inner = k2_path(directory, names[i]), *whole = k2_path(t->data, inner);
        bool there = lstat(whole, &st) == 0;
        if (there && S_ISDIR(st.st_mode))
            rc = gather_directory(t, inner, err);
        else if (there && S_ISREG(st.st_mode))
            add_pending(t, inner, st.st_size, false);
        free(whole);
        free(inner);
    }
    k2_fs_names_free(names, n);
    return rc;
}

/* --- copying --- */

static void show(struct taking *t, int64_t more) {
    t->copied += more;
    if (t->options->progress)
        t->options->progress(t->options->progress_ctx, t->copied, t->pending_bytes);
}

static bool is_segment(const struct pending *p) {
    return p->fixed && k2_sv_starts(k2_sv_of(p->path), K2_SV("journal/"));
}

/* How many parts of an earlier cut are the beginning of this file. The names of the lake's files are drawn by lot and
 * never come again; those of segments do: a directory that was restored to an older cut goes on with other bytes. */
static K2_RC count_same(const struct taking *t, const struct pending *p,
                        const struct backup_file *before, int *n, struct k2_err *err) {
    *n = before->part_count;
    if (!is_segment(p) || k2_intern_find(t->sealed, k2_sv_of(p->path)))
        return K2_OK;
    struct k2_err why = {0};
    char *path = k2_path(t->data, p->path);
    int rc = backup_store_match(path, before->parts, before->part_count, n, &why);
    free(path);
    if (rc == K2_OK || rc == K2_E_NOTFOUND) /* tiered since the last cut: taken whole */
        return K2_OK;
    return k2_fail(err, rc, "%s", why.msg);
}

/* The parts of an earlier cut that are the beginning of this file. */
static K2_RC reuse(const struct taking *t, const struct pending *p, struct backup_file *f,
                   struct k2_err *err) {
    int n;
    const struct backup_file *before = p->fixed ? known(t, p->path) : NULL;
    if (!before || !before->fixed || before->bytes > p->bytes)
        return K2_OK;
    for (int i = 0; i < before->part_count; i++)
        if (!backup_store_has(t->store.dest, &before->parts[i]))
            return K2_OK;
    K2_TRY(count_same(t, p, before, &n, err));
    for (; f->part_count < n; f->part_count++) {
        f->parts[f->part_count] = before->parts[f->part_count];
        f->bytes += before->parts[f->part_count].bytes;
    }
    return K2_OK;
}

/* A segment that is tiered: through the journal, which fetches it. */
static K2_RC copy_tiered(struct taking *t, const struct pending *p, const struct backup_file *f,
                         struct backup_part *part, bool *fresh, struct k2_err *err) {
    char *path;
    K2_TRY(journal_image_reach(t->journal, p->path + strlen("journal/"), &path, err));
    int rc = backup_store_copy(&t->store, path, f->bytes, p->bytes, part, fresh, err);
    free(path);
    return rc;
}

/* A damaged segment would make a cut that can be restored and not read. */
static K2_RC copy_local(struct taking *t, const struct pending *p, const struct backup_file *f,
                        struct backup_part *part, bool *fresh, struct k2_err *err) {
    if (t->journal && is_segment(p) && !t->options->dry_run)
        K2_TRY(
            journal_image_check(t->journal, p->path + strlen("journal/"), f->bytes, p->bytes, err));
    char *path = k2_path(t->data, p->path);
    int rc = backup_store_copy(&t->store, path, f->bytes, p->bytes, part, fresh, err);
    free(path);
    return rc;
}

static K2_RC copy_rest(struct taking *t, const struct pending *p, struct backup_file *f,
                       struct k2_err *err) {
    bool fresh;
    struct backup_part *part = &f->parts[f->part_count];
    int rc = copy_local(t, p, f, part, &fresh, err);
    if (rc == K2_E_NOTFOUND && t->journal && k2_sv_starts(k2_sv_of(p->path), K2_SV("journal/")))
        rc = copy_tiered(t, p, f, part, &fresh, err);
    if (rc == K2_E_NOTFOUND)
        t->again = true;
    K2_TRY(rc);
    f->part_count++;
    f->bytes += part->bytes;
    if (fresh)
        t->cut.bytes_new += part->bytes;
    return K2_OK;
}

static K2_RC copy(struct taking *t, const struct pending *p, struct k2_err *err) {
    const struct backup_file *before = known(t, p->path);
    size_t room = before ? (size_t)before->part_count + 1 : 1;
    struct backup_file f = {
        .path = p->path, .fixed = p->fixed, .parts = k2_zalloc(room * sizeof *f.parts)};
    int rc = reuse(t, p, &f, err);
    if (rc == K2_OK && f.bytes < p->bytes)
        rc = copy_rest(t, p, &f, err);
    if (rc == K2_OK)
        add_file(t, &f);
    free(f.parts);
    show(t, p->bytes);
    return rc;
}

/* --- the whole --- */

static void forget(struct taking *t) {
    for (size_t i = 0; i < t->pending_count; i++)
        free(t->pending[i].path);
    free(t->pending);
    t->pending = NULL;
    t->pending_count = 0;
    t->pending_bytes = t->copied = 0;
    backup_cut_free(&t->cut);
    k2_interner_reset(t->named);
    k2_interner_reset(t->sealed);
}

static K2_RC copy_range(struct taking *t, size_t from, size_t to, struct k2_err *err) {
    for (size_t i = from; i < to; i++)
        K2_TRY(copy(t, &t->pending[i], err));
    return K2_OK;
}

/* With the journal pinned. *tables: how many of the pending files are data files, and not yet copied. */
static K2_RC gather_pinned(struct taking *t, size_t *tables, struct k2_err *err) {
    K2_TRY(gather_tables(t, err));
    *tables = t->pending_count;
    K2_TRY(gather_journal(t, err));
    return copy_range(t, *tables, t->pending_count, err);
}

static K2_RC gather(struct taking *t, struct k2_err *err) {
    struct journal_pin *pin = NULL;
    size_t tables = 0;
    if (t->journal)
        K2_TRY(journal_pin(t->journal, &pin, err));
    int rc = gather_pinned(t, &tables, err);
    journal_unpin(pin);
    K2_TRY(rc);
    K2_TRY(copy_range(t, 0, tables, err));
    size_t raw = t->pending_count;
    K2_TRY(gather_directory(t, "raw", err));
    return copy_range(t, raw, t->pending_count, err);
}

static K2_RC take(struct taking *t, struct k2_err *err) {
    int rc = K2_OK;
    int64_t fresh = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        fresh += t->cut.bytes_new;
        forget(t);
        t->again = false;
        t->cut.time_ns = k2_now_ns();
        rc = gather(t, err);
        if (rc == K2_OK || !t->again)
            break;
    }
    t->cut.bytes_new += fresh;
    if (rc != K2_OK && t->again)
        return k2_err_context(err, rc, "the directory changed %d times while it was copied",
                              ATTEMPTS);
    return rc;
}

/* Two cuts may be taken in one millisecond. */
static K2_RC name_cut(struct taking *t, struct k2_err *err) {
    char **ids;
    size_t n;
    backup_id_format(t->cut.time_ns, t->cut.id);
    if (!k2_fs_exists(t->store.dest))
        return K2_OK; /* a dry run */
    K2_TRY(backup_cuts(t->store.dest, &ids, &n, err));
    for (size_t i = 0; i < n; i++)
        while (strcmp(ids[i], t->cut.id) == 0) {
            t->cut.time_ns += K2_NS_PER_MS;
            backup_id_format(t->cut.time_ns, t->cut.id);
        }
    k2_fs_names_free(ids, n);
    return K2_OK;
}

static K2_RC load_last(struct taking *t, struct k2_err *err) {
    char **ids;
    size_t n;
    if (!k2_fs_exists(t->store.dest))
        return K2_OK;
    K2_TRY(backup_cuts(t->store.dest, &ids, &n, err));
    int rc = K2_E_CORRUPT; /* an unreadable description only costs copying */
    for (size_t i = n; i-- > 0 && rc == K2_E_CORRUPT;)
        rc = backup_cut_load(t->store.dest, ids[i], &t->last, err);
    k2_fs_names_free(ids, n);
    if (rc == K2_E_CORRUPT)
        rc = K2_OK;
    if (t->journal && t->last.journal_id != journal_id(t->journal))
        backup_cut_free(&t->last); /* the same names mean other bytes there */
    for (int i = 0; i < t->last.file_count; i++)
        if (k2_intern(t->known, k2_sv_of(t->last.files[i].path)) != (uint32_t)i + 1)
            return k2_fail(err, K2_E_CORRUPT, "cut %s names %s twice", t->last.id,
                           t->last.files[i].path);
    return rc;
}

static K2_RC if_there(int rc, struct k2_err *err) {
    if (rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err);
    return K2_OK;
}

static K2_RC open_source(struct taking *t, const char *data, struct k2_err *err) {
    K2_TRY(k2_fs_absolute(data, &t->data, err));
    K2_TRY(if_there(journal_open(data, JOURNAL_READ, NULL, &t->journal, err), err));
    K2_TRY(if_there(lake_open(data, false, &t->lake, err), err));
    if (!t->journal && !t->lake)
        return k2_fail(err, K2_E_NOTFOUND, "%s holds neither a journal nor tables", data);
    return K2_OK;
}

/* DEST inside of the source would be a backup that dies with it. */
static K2_RC check_apart(const struct taking *t, const char *dest, struct k2_err *err) {
    struct k2_buf path = {0};
    char *whole = NULL;
    k2_buf_str(&path, dest);
    while (k2_fs_absolute(k2_buf_cstr(&path), &whole, NULL) != K2_OK) { /* its nearest parent */
        const char *text = k2_buf_cstr(&path), *slash = strrchr(text, '/');
        if (strcmp(text, ".") == 0 || strcmp(text, "/") == 0)
            break;
        path.n = slash ? (size_t)(slash - text) : 0;
        if (path.n == 0)
            k2_buf_str(&path, slash ? "/" : ".");
    }
    size_t n = strlen(t->data);
    bool inside = whole && strncmp(whole, t->data, n) == 0 && (whole[n] == '/' || whole[n] == 0);
    k2_buf_free(&path);
    free(whole);
    if (!inside)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "%s lies in the data directory %s: choose a place outside",
                   dest, t->data);
}

static K2_RC run(struct taking *t, const char *data, const char *dest, struct k2_err *err) {
    K2_TRY(open_source(t, data, err));
    K2_TRY(check_apart(t, dest, err));
    K2_TRY(backup_store_open(dest, t->options->dry_run, &t->store, err));
    K2_TRY(load_last(t, err));
    K2_TRY(take(t, err));
    K2_TRY(name_cut(t, err));
    if (t->options->dry_run)
        return K2_OK;
    K2_TRY(backup_store_sync(&t->store, err));
    return backup_cut_save(dest, &t->cut, err);
}

int backup_take(const char *data, const char *dest, const struct backup_options *o,
                struct backup_cut *out, struct k2_err *err) {
    struct taking t = {.options = o,
                       .known = k2_interner_new(),
                       .named = k2_interner_new(),
                       .sealed = k2_interner_new()};
    int rc = run(&t, data, dest, err);
    *out = (struct backup_cut){0};
    if (rc == K2_OK) {
        *out = t.cut;
        t.cut = (struct backup_cut){0};
    }
    forget(&t);
    backup_cut_free(&t.last);
    k2_interner_free(t.known);
    k2_interner_free(t.named);
    k2_interner_free(t.sealed);
    backup_store_close(&t.store);
    lake_close(t.lake);
    journal_close(t.journal);
    free(t.data);
    return rc;
}
