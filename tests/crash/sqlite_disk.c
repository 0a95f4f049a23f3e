/* tests/crash/sqlite_disk.c - see sqlite_disk.h. */
#include "crash/sqlite_disk.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>

struct file { /* SQLite's own file object stands behind it */
    sqlite3_file base;
    int fd; /* of base/fs.h, for changes; -1 = opened for reading, or a temporary file without name */
    bool directory_unsynced;
    char *path;
};

static sqlite3_vfs *system_vfs, disk_vfs;
static bool synchronous_ignored;

static sqlite3_file *own(sqlite3_file *f) {
    return (sqlite3_file *)((struct file *)f + 1);
}

static int sync_directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory = k2_sv_dup((struct k2_sv){path, (size_t)(slash - path)});
    int rc = k2_fs_sync_dir(directory, NULL);
    free(directory);
    return rc == K2_OK ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

/* --- of an open file --- */

static int do_close(sqlite3_file *f) {
    struct file *file = (struct file *)f;
    int rc = own(f)->pMethods->xClose(own(f));
    if (file->fd >= 0)
        (void)!k2_fs_close(file->fd, file->path, NULL);
    free(file->path);
    return rc;
}

static int do_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
    return own(f)->pMethods->xRead(own(f), to, n, at);
}

static int do_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    struct file *file = (struct file *)f;
    if (file->fd < 0)
        return own(f)->pMethods->xWrite(own(f), from, n, at);
    if (k2_fs_pwrite(file->fd, from, (size_t)n, at, file->path, NULL) == K2_OK)
        return SQLITE_OK;
    return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size) {
    struct file *file = (struct file *)f;
    if (file->fd < 0)
        return own(f)->pMethods->xTruncate(own(f), size);
    int rc = k2_fs_truncate(file->fd, size, file->path, NULL);
    return rc == K2_OK ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int do_sync(sqlite3_file *f, int flags) {
    struct file *file = (struct file *)f;
    if (file->fd < 0)
        return own(f)->pMethods->xSync(own(f), flags);
    if (k2_fs_sync(file->fd, file->path, NULL) != K2_OK)
        return SQLITE_IOERR_FSYNC;
    if (!file->directory_unsynced)
        return SQLITE_OK;
    file->directory_unsynced = false;
    return sync_directory_of(file->path);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *size) {
    return own(f)->pMethods->xFileSize(own(f), size);
}

static int do_lock(sqlite3_file *f, int level) {
    return own(f)->pMethods->xLock(own(f), level);
}

static int do_unlock(sqlite3_file *f, int level) {
    return own(f)->pMethods->xUnlock(own(f), level);
}

static int do_check_lock(sqlite3_file *f, int *out) {
    return own(f)->pMethods->xCheckReservedLock(own(f), out);
}

/* A PRAGMA comes here before SQLite looks at it; SQLITE_OK says that it was dealt with. */
static int do_control(sqlite3_file *f, int op, void *arg) {
    if (op == SQLITE_FCNTL_PRAGMA && synchronous_ignored &&
        sqlite3_stricmp(((char **)arg)[1], "synchronous") == 0)
        return SQLITE_OK;
    return own(f)->pMethods->xFileControl(own(f), op, arg);
}

static int do_sector_size(sqlite3_file *f) {
    return own(f)->pMethods->xSectorSize(own(f));
}

static int do_characteristics(sqlite3_file *f) {
    return own(f)->pMethods->xDeviceCharacteristics(own(f));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* no shared memory, so no WAL; no mapping of the file */
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_check_lock,
    .xFileControl = do_control,
    .xSectorSize = do_sector_size,
    .xDeviceCharacteristics = do_characteristics,
};

/* --- of the file system --- */

/* A file that is missing is created through base/fs.h, so that the disk knows of it. */
static int open_for_changes(struct file *file, const char *path, int flags) {
    bool missing = !k2_fs_exists(path);
    int mode = O_RDWR | (missing && (flags & SQLITE_OPEN_CREATE) ? O_CREAT : 0);
    if (k2_fs_open(path, mode, &file->fd, NULL) != K2_OK)
        return SQLITE_CANTOPEN;
    int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    file->directory_unsynced = missing && (flags & journals);
    return SQLITE_OK;
}

static int do_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out) {
    (void)vfs;
    struct file *file = (struct file *)f;
    *file = (struct file){.fd = -1};
    int rc = SQLITE_OK;
    if (path && (flags & SQLITE_OPEN_READWRITE))
        rc = open_for_changes(file, path, flags);
    if (rc == SQLITE_OK)
        rc = system_vfs->xOpen(system_vfs, path, own(f), flags & ~SQLITE_OPEN_EXCLUSIVE, out);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &methods;
        file->path = path ? k2_strdup(path) : NULL;
    } else if (file->fd >= 0) {
        (void)!k2_fs_close(file->fd, path, NULL);
    }
    return rc;
}

static int do_delete(sqlite3_vfs *vfs, const char *path, int sync_directory) {
    (void)vfs;
    if (!k2_fs_exists(path))
        return SQLITE_IOERR_DELETE_NOENT;
    if (k2_fs_unlink(path, NULL) != K2_OK)
        return SQLITE_IOERR_DELETE;
    return sync_directory ? sync_directory_of(path) : SQLITE_OK;
}

/* --- the test's side --- */

void sqlite_disk_install(void) {
    system_vfs = sqlite3_vfs_find(NULL);
    disk_vfs = *system_vfs;
    disk_vfs.zName = "k2-disk";
    disk_vfs.szOsFile = (int)sizeof(struct file) + system_vfs->szOsFile;
    disk_vfs.pNext = NULL;
    disk_vfs.xOpen = do_open;
    disk_vfs.xDelete = do_delete;
    int rc = sqlite3_vfs_register(&disk_vfs, 1);
    K2_ASSERT(rc == SQLITE_OK);
}

void sqlite_disk_ignore_synchronous(bool ignore) {
    synchronous_ignored = ignore;
}
