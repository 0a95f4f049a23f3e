/* verb/shell_history.c - what was typed, kept in $XDG_STATE_HOME/k2/history.
 *
 * Format: UTF-8 text, one entry a line, oldest first; a newline inside of an entry is written as byte 0x01.
 * Every entry is appended with one write() of its own, so that several shells can share the file; a line
 * that is longer than LONGEST, or the part of one that a full disk left, is harmless. When there are
 * more than 2 * KEEP entries at start, the file is replaced by the last KEEP. Mode 0600: statements may
 * hold what is nobody else's business.
 *
 * This is a convenience and no data: it is not synced, and what goes wrong here is not told.
 */
#include "verb/shell.h"

#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP ((size_t)5000)
#define LONGEST (64 << 10)
#define NEWLINE 0x01

struct history_file {
    int fd;
    char *last; /* an entry that repeats it is not written again */
};

/* $XDG_STATE_HOME/k2, else ~/.local/state/k2; NULL without a home. */
static char *directory(void) {
    struct k2_buf path = {0};
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && state[0] == '/')
        k2_buf_printf(&path, "%s/k2", state);
    else if (home && home[0] == '/')
        k2_buf_printf(&path, "%s/.local/state/k2", home);
    char *dir = path.n ? k2_strdup(k2_buf_cstr(&path)) : NULL;
    k2_buf_free(&path);
    return dir;
}

static int open_private(const char *path, int flags) {
    int fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && fchmod(fd, 0600) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static size_t count_lines(struct k2_sv text) {
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

static void drop_lines(struct k2_sv *text, size_t n) {
    while (n-- > 0)
        k2_sv_split(text, '\n');
}

static bool write_all(int fd, struct k2_sv bytes) {
    return write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n;
}

static void replace(const char *path, struct k2_sv bytes) {
    struct k2_buf name = {0};
    k2_buf_printf(&name, "%s.%ld", path, (long)getpid());
    const char *partial = k2_buf_cstr(&name);
    int fd = open_private(partial, O_WRONLY | O_TRUNC);
    bool good = fd >= 0 && write_all(fd, bytes);
    if (fd >= 0)
        good &= close(fd) == 0;
    if (!good || rename(partial, path) != 0)
        unlink(partial);
    k2_buf_free(&name);
}

static void give(struct k2_sv line, void (*each)(void *ctx, const char *entry), void *ctx) {
    char *entry = k2_sv_dup(line);
    for (char *p = entry; *p; p++)
        if (*p == NEWLINE)
            *p = '\n';
    if (*entry)
        each(ctx, entry);
    free(entry);
}

static void load(const char *path, void (*each)(void *ctx, const char *entry), void *ctx) {
    struct k2_buf text = {0};
    if (k2_fs_read(path, &text, NULL) == K2_OK) {
        struct k2_sv rest = k2_buf_view(&text);
        size_t n = count_lines(rest);
        if (n > KEEP)
            drop_lines(&rest, n - KEEP);
        if (n > 2 * KEEP)
            replace(path, rest);
        while (rest.n)
            give(k2_sv_split(&rest, '\n'), each, ctx);
    }
    k2_buf_free(&text);
}

void history_open(void (*each)(void *ctx, const char *entry), void *ctx,
                  struct history_file **out) {
    *out = NULL;
    char *dir = directory();
    if (!dir)
        return;
    char *path = k2_path(dir, "history");
    load(path, each, ctx);
    int fd = k2_fs_mkdirs(dir, NULL) == K2_OK ? open_private(path, O_WRONLY | O_APPEND) : -1;
    if (fd >= 0) {
        *out = k2_zalloc(sizeof **out);
        (*out)->fd = fd;
    }
    free(path);
    free(dir);
}

void history_add(struct history_file *h, const char *entry) {
    size_t n = strlen(entry);
    if (!h || n == 0 || n > LONGEST || (h->last && strcmp(h->last, entry) == 0))
        return;
    free(h->last);
    h->last = k2_strdup(entry);
    struct k2_buf line = {0};
    for (size_t i = 0; i < n; i++)
        k2_buf_byte(&line, entry[i] == '\n' ? NEWLINE : (uint8_t)entry[i]);
    k2_buf_byte(&line, '\n');
    (void)write_all(h->fd, k2_buf_view(&line));
    k2_buf_free(&line);
}

void history_close(struct history_file *h) {
    if (!h)
        return;
    close(h->fd);
    free(h->last);
    free(h);
}
