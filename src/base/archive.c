/* base/archive.c - see archive.h. The only file that knows libzip. */
#include "base/archive.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <zip.h>

struct entry {
    zip_uint64_t index;
    int64_t size, packed;
    const char *name; /* libzip's */
};

struct k2_archive {
    zip_t *zip;
    char *path;
    struct entry *at;
    size_t n;
};

struct k2_member {
    const struct entry *entry;
    zip_file_t *file;
    int64_t made;
};

static bool is_bomb(int64_t size, int64_t packed) {
    return size > ARCHIVE_BOMB_FREE && size / ARCHIVE_BOMB_TIMES > packed;
}

static int bomb(struct k2_err *err, const char *path, const char *name, int64_t size,
                int64_t packed) {
    return k2_fail(err, K2_E_RANGE,
                   "%s%s%s: %lld bytes would unpack to %lld: it is taken for a zip bomb", path,
                   *name ? "/" : "", name, (long long)packed, (long long)size);
}

static int add_entry(struct k2_archive *a, zip_uint64_t index, struct k2_err *err) {
    zip_stat_t s;
    if (zip_stat_index(a->zip, index, 0, &s) != 0 || !(s.valid & ZIP_STAT_NAME) ||
        !(s.valid & ZIP_STAT_SIZE) || !(s.valid & ZIP_STAT_COMP_SIZE) || s.size > INT64_MAX ||
        s.comp_size > INT64_MAX)
        return k2_fail(err, K2_E_CORRUPT, "%s: member %llu of the zip archive: %s", a->path,
                       (unsigned long long)index + 1, zip_strerror(a->zip));
    if (k2_sv_ends(k2_sv_of(s.name), K2_SV("/")))
        return K2_OK;
    a->at[a->n++] = (struct entry){index, (int64_t)s.size, (int64_t)s.comp_size, s.name};
    return K2_OK;
}

static int add_entries(struct k2_archive *a, struct k2_err *err) {
    struct stat st;
    zip_int64_t n = zip_get_num_entries(a->zip, 0);
    a->at = k2_zalloc(((size_t)n + 1) * sizeof *a->at);
    int64_t all = 0;
    for (zip_int64_t i = 0; i < n; i++)
        K2_TRY(add_entry(a, (zip_uint64_t)i, err));
    for (size_t i = 0; i < a->n; i++)
        if (__builtin_add_overflow(all, a->at[i].size, &all))
            all = INT64_MAX;
    if (stat(a->path, &st) != 0)
        return k2_fail_errno(err, "look at %s", a->path);
    return is_bomb(all, st.st_size) ? bomb(err, a->path, "", all, st.st_size) : K2_OK;
}

int k2_archive_open(const char *path, struct k2_archive **out, struct k2_err *err) {
    int why = 0;
    struct k2_archive *a = k2_zalloc(sizeof *a);
    a->path = k2_strdup(path);
    a->zip = zip_open(path, ZIP_RDONLY, &why);
    int rc = K2_OK;
    if (!a->zip) {
        zip_error_t said;
        zip_error_init_with_code(&said, why);
        rc = k2_fail(err, why == ZIP_ER_NOENT ? K2_E_NOTFOUND : K2_E_CORRUPT,
                     "%s cannot be read as a zip archive: %s", path, zip_error_strerror(&said));
        zip_error_fini(&said);
    }
    if (rc == K2_OK)
        rc = add_entries(a, err);
    if (rc != K2_OK) {
        k2_archive_close(a);
        return rc;
    }
    *out = a;
    return K2_OK;
}

void k2_archive_close(struct k2_archive *a) {
    if (!a)
        return;
    if (a->zip)
        zip_discard(a->zip);
    free(a->at);
    free(a->path);
    free(a);
}

size_t k2_archive_count(const struct k2_archive *a) {
    return a->n;
}

struct k2_sv k2_archive_name(const struct k2_archive *a, size_t i) {
    return k2_sv_of(a->at[i].name);
}

int64_t k2_archive_size(const struct k2_archive *a, size_t i) {
    return a->at[i].size;
}

int k2_archive_find(const struct k2_archive *a, struct k2_sv name, size_t *i, struct k2_err *err) {
    for (*i = 0; *i < a->n; ++*i)
        if (k2_sv_eq(name, k2_archive_name(a, *i)))
            return K2_OK;
    return k2_fail(err, K2_E_NOTFOUND, "there is no file %s/%.*s: the archive has no such member",
                   a->path, K2_SV_ARG(name));
}

int k2_member_open(struct k2_archive *a, size_t i, struct k2_member **out, struct k2_err *err) {
    const struct entry *e = &a->at[i];
    if (is_bomb(e->size, e->packed))
        return bomb(err, a->path, e->name, e->size, e->packed);
    zip_file_t *file = zip_fopen_index(a->zip, e->index, 0);
    if (!file) {
        int code = zip_error_code_zip(zip_get_error(a->zip));
        bool foreign =
            code == ZIP_ER_NOPASSWD || code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_ENCRNOTSUPP;
        return k2_fail(err, foreign ? K2_E_INVALID : K2_E_CORRUPT, "%s/%s cannot be read: %s",
                       a->path, e->name, zip_strerror(a->zip));
    }
    struct k2_member *m = k2_zalloc(sizeof *m);
    *m = (struct k2_member){e, file, 0};
    *out = m;
    return K2_OK;
}

void k2_member_close(struct k2_member *m) {
    if (!m)
        return;
    zip_fclose(m->file);
    free(m);
}

int k2_member_read(struct k2_member *m, uint8_t *out, size_t cap, size_t *n, struct k2_err *err) {
    const char *why = NULL;
    zip_int64_t got = zip_fread(m->file, out, cap);
    *n = got > 0 ? (size_t)got : 0;
    m->made += (int64_t)*n;
    if (got < 0)
        why = zip_file_strerror(m->file);
    else if (m->made > m->entry->size || (got == 0 && cap > 0 && m->made < m->entry->size))
        why = "it is not as long as the archive says";
    if (!why)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT,
                   "the member of the zip archive is damaged after %lld unpacked bytes: %s",
                   (long long)m->made, why);
}
