/* query/temp.c - where an engine spills what memory does not hold: <data>/run/tmp/query-PID-N.
 *
 * DuckDB makes the directory when it needs it; the engine removes it when it closes. What a killed
 * process left is removed by the next engine that opens, when no process of that id lives.
 * Nothing here must survive a power cut, so nothing is synced. */
#include "query/query_int.h"

#include "base/fs.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    remove(path);
    return 0;
}

static void remove_tree(const char *path) {
    if (access(path, F_OK) == 0)
        nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#define LEFT_SECONDS 3600

static bool is_left_behind(const char *name, const char *path) {
    int pid;
    struct stat st;
    if (sscanf(name, "query-%d-", &pid) != 1 || pid <= 0 || stat(path, &st) != 0)
        return false;
    return st.st_mtime + LEFT_SECONDS < time(NULL) && kill(pid, 0) != 0 && errno == ESRCH;
}

static void sweep(const char *dir) {
    char **names;
    size_t n;
    if (k2_fs_list(dir, &names, &n, NULL) != K2_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        char *path = k2_path(dir, names[i]);
        if (is_left_behind(names[i], path))
            remove_tree(path);
        free(path);
    }
    k2_fs_names_free(names, n);
}

char *query_temp_make(const char *data) {
    static atomic_int serial;
    char name[64];
    char *dir = k2_path(data, "run/tmp"), *path = NULL;
    if (k2_fs_mkdirs(dir, NULL) == K2_OK) {
        sweep(dir);
        snprintf(name, sizeof name, "query-%d-%d", (int)getpid(), atomic_fetch_add(&serial, 1));
        path = k2_path(dir, name);
    }
    free(dir);
    return path;
}

void query_temp_remove(char *path) {
    if (path)
        remove_tree(path);
    free(path);
}
