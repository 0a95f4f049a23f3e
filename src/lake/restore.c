/* lake/restore.c - a cut read back: into a new data directory, or only to check it; see backup.h.
 *
 * ORDER. The directory is marked first (base/datadir.h), so that nobody opens what is not whole; then
 * the files, each synced; then their directories; then the tables are made be at home; last the mark
 * becomes that of an ordinary directory. A restore that was killed leaves a marked directory.
 */
#include "base/datadir.h"
#include "lake/backup_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* --- verifying --- */

struct damage {    /* a part that cannot be read, and the cuts that need it */
    uint32_t part; /* in `seen`; 0 = the description of the cut itself */
    char *path, *why;
    struct k2_buf cuts; /* "A, B" */
    char last[BACKUP_ID_TEXT];
    int cut_count;
};

struct checking {
    const char *dest;
    struct backup_findings *f;
    struct k2_interner *seen; /* parts that were read */
    struct damage *damages;
    size_t damage_count;
    int64_t done, all;
};

/* A cut may need a part in several places. */
static void add_cut(struct damage *d, const char *id) {
    if (strcmp(d->last, id) == 0)
        return;
    k2_buf_printf(&d->cuts, "%s%s", d->cut_count++ ? ", " : "", id);
    snprintf(d->last, sizeof d->last, "%s", id);
}

static void add_damage(struct checking *c, uint32_t part, const char *id, const char *path,
                       const struct k2_err *why) {
    c->damages = k2_realloc(c->damages, (c->damage_count + 1) * sizeof *c->damages);
    struct damage *d = &c->damages[c->damage_count++];
    *d = (struct damage){
        .part = part, .path = path ? k2_strdup(path) : NULL, .why = k2_strdup(why->msg)};
    add_cut(d, id);
}

static struct damage *find_damage(struct checking *c, uint32_t part) {
    for (size_t i = 0; i < c->damage_count; i++)
        if (c->damages[i].part == part)
            return &c->damages[i];
    return NULL;
}

static void check_part(struct checking *c, const char *id, const char *path,
                       const struct backup_part *p) {
    struct k2_sv key = {(const char *)p, sizeof *p};
    uint32_t part = k2_intern_find(c->seen, key);
    struct damage *known = part ? find_damage(c, part) : NULL;
    struct k2_err why = {0};
    if (known)
        add_cut(known, id);
    if (part)
        return;
    part = k2_intern(c->seen, key);
    c->f->parts++;
    if (backup_store_read(c->dest, p, NULL, NULL, &why) != K2_OK)
        add_damage(c, part, id, path, &why);
}

static void check_file(struct checking *c, const char *id, const struct backup_file *f) {
    for (int i = 0; i < f->part_count; i++) {
        c->done += f->parts[i].bytes;
        check_part(c, id, f->path, &f->parts[i]);
        if (c->f->progress)
            c->f->progress(c->f->ctx, c->done, c->all);
    }
}

static void check_cut(struct checking *c, const char *id) {
    struct backup_cut cut;
    struct k2_err why = {0};
    if (backup_cut_load(c->dest, id, &cut, &why) != K2_OK) {
        add_damage(c, 0, id, NULL, &why);
        return;
    }
    c->all += cut.bytes_total;
    for (int i = 0; i < cut.file_count; i++)
        check_file(c, id, &cut.files[i]);
    backup_cut_free(&cut);
}

static void report(const struct checking *c, struct damage *d) {
    struct k2_buf text = {0};
    k2_buf_printf(&text, "%s %s: %s%s%s", d->cut_count == 1 ? "cut" : "cuts", k2_buf_cstr(&d->cuts),
                  d->path ? d->path : "", d->path ? ": " : "", d->why);
    c->f->findings++;
    c->f->objects += d->path != NULL;
    if (c->f->finding)
        c->f->finding(c->f->ctx, k2_buf_cstr(&text));
    k2_buf_free(&text);
}

static void report_all(struct checking *c) {
    for (size_t i = 0; i < c->damage_count; i++) {
        report(c, &c->damages[i]);
        free(c->damages[i].path);
        free(c->damages[i].why);
        k2_buf_free(&c->damages[i].cuts);
    }
    free(c->damages);
}

int backup_verify(const char *dest, const char *id, struct backup_findings *f, struct k2_err *err) {
    struct checking c = {.dest = dest, .f = f};
    char **ids;
    size_t n, found = 0;
    K2_TRY(backup_cuts(dest, &ids, &n, err));
    c.seen = k2_interner_new();
    for (size_t i = 0; i < n; i++)
        if (!id || strcmp(ids[i], id) == 0) {
            check_cut(&c, ids[i]);
            found++;
        }
    report_all(&c);
    k2_interner_free(c.seen);
    k2_fs_names_free(ids, n);
    if (id && found == 0)
        return k2_fail(err, K2_E_NOTFOUND, "backup %s has no cut %s", dest, id);
    return K2_OK;
}

/* --- restoring --- */

struct restoring {
    const char *dest;
    const struct backup_options *options;
    char *data; /* absolute */
    struct k2_interner *directories;
    int64_t done, all;
};

struct target {
    struct restoring *restoring;
    const char *path;
    int fd;
    int64_t at;
};

static int write_piece(void *ctx, const void *bytes, size_t n, struct k2_err *err) {
    struct target *t = ctx;
    K2_TRY(k2_fs_pwrite(t->fd, bytes, n, t->at, t->path, err));
    t->at += (int64_t)n;
    struct restoring *r = t->restoring;
    r->done += (int64_t)n;
    if (r->options->progress)
        r->options->progress(r->options->progress_ctx, r->done, r->all);
    return K2_OK;
}

static K2_RC write_parts(struct target *t, const struct backup_file *f, struct k2_err *err) {
    for (int i = 0; i < f->part_count; i++)
        K2_TRY(backup_store_read(t->restoring->dest, &f->parts[i], write_piece, t, err));
    return k2_fs_sync(t->fd, t->path, err);
}

static K2_RC make_parent(struct restoring *r, const char *path, struct k2_err *err) {
    const char *slash = strrchr(path, '/');
    struct k2_sv directory = {path, (size_t)(slash - path)};
    if (k2_intern_find(r->directories, directory))
        return K2_OK;
    (void)k2_intern(r->directories, directory);
    char *text = k2_sv_dup(directory);
    int rc = k2_fs_mkdirs(text, err);
    free(text);
    return rc;
}

static K2_RC restore_file(struct restoring *r, const struct backup_file *f, struct k2_err *err) {
    char *path = k2_path(r->data, f->path);
    struct target t = {.restoring = r, .path = path, .fd = -1};
    int rc = make_parent(r, path, err);
    if (rc == K2_OK)
        rc = k2_fs_open(path, O_WRONLY | O_CREAT | O_EXCL, &t.fd, err);
    if (rc == K2_OK) {
        rc = write_parts(&t, f, err);
        int closed = k2_fs_close(t.fd, path, rc == K2_OK ? err : NULL);
        rc = rc == K2_OK ? closed : rc;
    }
    free(path);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "restore %s", f->path);
}

static K2_RC sync_directories(const struct restoring *r, struct k2_err *err) {
    for (uint32_t i = 1; i <= k2_interner_count(r->directories); i++) {
        char *path = k2_sv_dup(k2_interned(r->directories, i));
        int rc = k2_fs_sync_dir(path, err);
        free(path);
        K2_TRY(rc);
    }
    return K2_OK;
}

static K2_RC come_home(const struct restoring *r, struct k2_err *err) {
    struct lake_relocation moved;
    char *path = k2_path(r->data, "catalog.db");
    bool tables = k2_fs_exists(path);
    free(path);
    if (!tables)
        return K2_OK;
    return lake_relocate(r->data, &(struct lake_relocate_options){.all = true}, &moved, err);
}

static K2_RC fill(struct restoring *r, const struct backup_cut *cut, struct k2_err *err) {
    r->all = cut->bytes_total;
    for (int i = 0; i < cut->file_count; i++)
        K2_TRY(restore_file(r, &cut->files[i], err));
    K2_TRY(sync_directories(r, err));
    return come_home(r, err);
}

static K2_RC check_empty(const char *data, struct k2_err *err) {
    char **names;
    size_t n;
    if (!k2_fs_exists(data))
        return K2_OK;
    K2_TRY(k2_fs_list(data, &names, &n, err));
    k2_fs_names_free(names, n);
    if (n == 0)
        return K2_OK;
    return k2_fail(err, K2_E_EXISTS, "%s is not empty: restore into a new directory", data);
}

static K2_RC restore(struct restoring *r, const struct backup_cut *cut, const char *data,
                     struct k2_err *err) {
    K2_TRY(k2_fs_mkdirs(data, err));
    K2_TRY(k2_fs_absolute(data, &r->data, err));
    K2_TRY(lake_path_check(r->data, err));
    K2_TRY(k2_datadir_restoring(r->data, err));
    K2_TRY(fill(r, cut, err));
    return k2_datadir_restored(r->data, err);
}

int backup_restore(const char *dest, const char *id, const char *data,
                   const struct backup_options *o, struct k2_err *err) {
    struct restoring r = {.dest = dest, .options = o};
    struct backup_cut cut;
    K2_TRY(check_empty(data, err));
    K2_TRY(backup_cut_load(dest, id, &cut, err));
    r.directories = k2_interner_new();
    int rc = o->dry_run ? K2_OK : restore(&r, &cut, data, err);
    k2_interner_free(r.directories);
    free(r.data);
    backup_cut_free(&cut);
    return rc;
}
