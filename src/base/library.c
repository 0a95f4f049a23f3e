/* base/library.c - see library.h. */
#include "base/library.h"

#include "base/buf.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static void *try_open(const char *dir, const char *file, struct k2_buf *tried) {
    struct k2_buf name = {0};
    k2_buf_str(&name, dir);
    if (file)
        k2_buf_printf(&name, "/%s", file);
    const char *path = k2_buf_cstr(&name);
    void *handle = NULL;
    if (access(path, F_OK) == 0)
        handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        k2_buf_printf(tried, "%s%s (%s)", tried->n ? ", " : "", path,
                      access(path, F_OK) == 0 ? dlerror() : "not there");
    k2_buf_free(&name);
    return handle;
}

/* The directory of the file that holds this code: the program, or libk2.so. */
static bool own_directory(char out[PATH_MAX]) {
    static const char here;
    Dl_info info;
    bool found = dladdr(&here, &info) && info.dli_fname && strchr(info.dli_fname, '/') &&
                 realpath(info.dli_fname, out);
    if (!found && !realpath("/proc/self/exe", out))
        return false;
    *strrchr(out, '/') = 0;
    return true;
}

static void *find(const char *file, const char *variable, const char *built, struct k2_buf *tried) {
    void *handle = NULL;
    const char *named = getenv(variable);
    if (named && *named) {
        handle = try_open(named, NULL, tried);
        return handle ? handle : try_open(named, file, tried);
    }
    char dir[PATH_MAX];
    if (own_directory(dir)) {
        struct k2_buf lib = {0};
        k2_buf_printf(&lib, "../lib/%s", file);
        handle = try_open(dir, k2_buf_cstr(&lib), tried);
        k2_buf_free(&lib);
        if (!handle)
            handle = try_open(dir, file, tried);
    }
    if (!handle && built)
        handle = try_open(built, file, tried);
    return handle;
}

int k2_library_open(const char *file, const char *variable, const char *built, void **handle,
                    struct k2_err *err) {
    struct k2_buf tried = {0};
    *handle = find(file, variable, built, &tried);
    int rc = K2_OK;
    if (!*handle)
        rc = k2_fail(err, K2_E_NOTFOUND,
                     "%s could not be loaded; searched: %s. Put %s there or set %s to it", file,
                     k2_buf_cstr(&tried), file, variable);
    k2_buf_free(&tried);
    return rc;
}
