/* tests/crash/disk.c - see disk.h.
 *
 * MODEL. A file is a node: its durable bytes and the list of changes since. Two maps lead from
 * paths to nodes: what is there now (the real directory) and what is durable; between them stands
 * the ordered list of pending name changes. A rename is one change with two paths, so it happens or
 * does not. A cut replays by chance a part of the pending changes onto the durable state and writes
 * the result out.
 */
#include "crash/disk.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define MAX_FDS 4096
#define MAX_FAULTS 16

struct change { /* of a file's content */
    bool is_truncate;
    int64_t at; /* or the new size */
    size_t n;
    uint8_t *bytes;
};

struct node {
    bool is_directory;
    struct k2_buf durable;
    struct change *changes;
    size_t change_count;
};

struct entry {
    char *path;
    struct node *node;
};

struct names {
    struct entry *at;
    size_t n;
};

struct name_change { /* in directory `dir`: `gone` no longer, `path` is now `node`; each may be NULL
                      */
    char *dir, *gone, *path;
    struct node *node;
};

struct fault {
    enum disk_op op;
    char *pattern;
    int64_t n, seen;
    int error; /* 0 = ignore */
};

struct disk {
    char *root;
    pthread_mutex_t mutex;
    struct node **nodes;
    size_t node_count;
    struct names now, durable;
    struct name_change *pending;
    size_t pending_count;
    struct entry fds[MAX_FDS];
    struct fault faults[MAX_FAULTS];
    int fault_count;
    int64_t counts[DISK_OPS + 1], power_off_at, room;
};

static struct disk *mounted;

/* --- names --- */

static struct entry *find(struct names *names, const char *path) {
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->at[i].path, path) == 0)
            return &names->at[i];
    return NULL;
}

static void set_name(struct names *names, const char *path, struct node *node) {
    struct entry *e = find(names, path);
    if (!e) {
        names->at = k2_realloc(names->at, (names->n + 1) * sizeof *names->at);
        e = &names->at[names->n++];
        e->path = k2_strdup(path);
    }
    e->node = node;
}

static void drop_name(struct names *names, const char *path) {
    struct entry *e = find(names, path);
    if (!e)
        return;
    free(e->path);
    *e = names->at[--names->n];
}

static char *parent_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return k2_sv_dup((struct k2_sv){path, slash ? (size_t)(slash - path) : 0});
}

static void add_pending(struct disk *d, const char *gone, const char *path, struct node *node) {
    d->pending = k2_realloc(d->pending, (d->pending_count + 1) * sizeof *d->pending);
    d->pending[d->pending_count++] =
        (struct name_change){parent_of(path ? path : gone), gone ? k2_strdup(gone) : NULL,
                             path ? k2_strdup(path) : NULL, node};
}

static void free_pending(struct name_change *c) {
    free(c->dir);
    free(c->gone);
    free(c->path);
}

static void make_durable(struct disk *d, const struct name_change *c) {
    if (c->gone)
        drop_name(&d->durable, c->gone);
    if (c->path)
        set_name(&d->durable, c->path, c->node);
}

static bool is_inside(const struct disk *d, const char *path) {
    size_t n = strlen(d->root);
    return strncmp(path, d->root, n) == 0 && path[n] == '/';
}

static struct node *new_node(struct disk *d, bool is_directory) {
    struct node *node = k2_zalloc(sizeof *node);
    node->is_directory = is_directory;
    d->nodes = k2_realloc(d->nodes, (d->node_count + 1) * sizeof(struct node *));
    d->nodes[d->node_count++] = node;
    return node;
}

/* The node at the path; one that was there before us is durable as it is. NULL if there is none. */
static struct node *node_at(struct disk *d, const char *path) {
    struct entry *e = find(&d->now, path);
    struct stat st;
    if (e)
        return e->node;
    if (stat(path, &st) < 0)
        return NULL;
    struct node *node = new_node(d, S_ISDIR(st.st_mode));
    if (!node->is_directory && k2_fs_read(path, &node->durable, NULL) != K2_OK)
        abort();
    set_name(&d->now, path, node);
    set_name(&d->durable, path, node);
    return node;
}

/* --- content --- */

static void add_change(struct node *node, bool is_truncate, int64_t at, const void *bytes,
                       size_t n) {
    node->changes = k2_realloc(node->changes, (node->change_count + 1) * sizeof *node->changes);
    struct change *c = &node->changes[node->change_count++];
    *c = (struct change){is_truncate, at, n, NULL};
    if (n > 0) {
        c->bytes = k2_alloc(n);
        memcpy(c->bytes, bytes, n);
    }
}

static void resize(struct k2_buf *b, size_t n) {
    if (n > b->n) {
        k2_buf_need(b, n - b->n);
        memset(b->p + b->n, 0, n - b->n);
    }
    b->n = n;
}

static void write_range(struct k2_buf *b, const struct change *c, size_t from, size_t to) {
    size_t end = (size_t)c->at + to;
    if (from == to)
        return;
    if (b->n < end)
        resize(b, end);
    memcpy(b->p + c->at + from, c->bytes + from, to - from);
}

static void apply(struct k2_buf *b, const struct change *c) {
    if (c->is_truncate)
        resize(b, (size_t)c->at);
    else
        write_range(b, c, 0, c->n);
}

static void clear_changes(struct node *node) {
    for (size_t i = 0; i < node->change_count; i++)
        free(node->changes[i].bytes);
    free(node->changes);
    node->changes = NULL;
    node->change_count = 0;
}

static void sync_node(struct node *node) {
    for (size_t i = 0; i < node->change_count; i++)
        apply(&node->durable, &node->changes[i]);
    clear_changes(node);
}

/* --- faults --- */

enum verdict { GO, PRETEND, REFUSE };

static enum verdict judge(struct disk *d, enum disk_op op, const char *path) {
    d->counts[op]++;
    d->counts[DISK_OPS]++;
    if (d->power_off_at > 0 && d->counts[DISK_OPS] >= d->power_off_at) {
        errno = EIO;
        return REFUSE;
    }
    for (int i = 0; i < d->fault_count; i++) {
        struct fault *f = &d->faults[i];
        if (f->op != op || fnmatch(f->pattern, path, 0) != 0 || (++f->seen != f->n && f->n != 0))
            continue;
        errno = f->error;
        return f->error ? REFUSE : PRETEND;
    }
    return GO;
}

/* --- the operations --- */

static int do_open(struct disk *d, const char *path, int flags, mode_t mode) {
    bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
    if (changes && judge(d, DISK_OPEN, path) == REFUSE)
        return -1;
    struct node *node = node_at(d, path);
    int fd = k2_fs_system.open(path, flags, mode);
    if (fd < 0 || fd >= MAX_FDS)
        return fd;
    if (!node) {
        node = new_node(d, false);
        set_name(&d->now, path, node);
        add_pending(d, NULL, path, node);
    } else if (flags & O_TRUNC) {
        add_change(node, true, 0, NULL, 0);
    }
    free(d->fds[fd].path);
    d->fds[fd] = (struct entry){k2_strdup(path), node};
    return fd;
}

static ssize_t do_write(struct disk *d, struct entry *e, int fd, const void *bytes, size_t n,
                        off_t at) {
    if (judge(d, DISK_WRITE, e->path) == REFUSE)
        return -1;
    if (d->room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (d->room > 0 && n > (size_t)d->room)
        n = (size_t)d->room;
    ssize_t done = k2_fs_system.pwrite(fd, bytes, n, at);
    if (done > 0) {
        add_change(e->node, false, at, bytes, (size_t)done);
        d->room -= d->room > 0 ? done : 0;
    }
    return done;
}

static int do_truncate(struct disk *d, struct entry *e, int fd, off_t size) {
    if (judge(d, DISK_TRUNCATE, e->path) == REFUSE)
        return -1;
    int rc = k2_fs_system.truncate(fd, size);
    if (rc == 0)
        add_change(e->node, true, size, NULL, 0);
    return rc;
}

static int do_sync(struct disk *d, struct entry *e) {
    enum verdict v = judge(d, DISK_SYNC, e->path);
    if (v == GO)
        sync_node(e->node);
    return v == REFUSE ? -1 : 0;
}

static int do_rename(struct disk *d, const char *from, const char *to) {
    if (judge(d, DISK_RENAME, to) == REFUSE)
        return -1;
    struct node *node = node_at(d, from);
    (void)node_at(d, to);
    int rc = k2_fs_system.rename(from, to);
    if (rc == 0) {
        drop_name(&d->now, from);
        set_name(&d->now, to, node);
        add_pending(d, from, to, node);
    }
    return rc;
}

static int do_unlink(struct disk *d, const char *path) {
    if (judge(d, DISK_UNLINK, path) == REFUSE)
        return -1;
    (void)node_at(d, path);
    int rc = k2_fs_system.unlink(path);
    if (rc == 0) {
        drop_name(&d->now, path);
        add_pending(d, path, NULL, NULL);
    }
    return rc;
}

static int do_mkdir(struct disk *d, const char *path, mode_t mode) {
    if (judge(d, DISK_MKDIR, path) == REFUSE)
        return -1;
    int rc = k2_fs_system.mkdir(path, mode);
    if (rc == 0) {
        struct node *node = new_node(d, true);
        set_name(&d->now, path, node);
        add_pending(d, NULL, path, node);
    }
    return rc;
}

static int do_sync_dir(struct disk *d, const char *path) {
    enum verdict v = judge(d, DISK_SYNC_DIR, path);
    if (v != GO)
        return v == REFUSE ? -1 : 0;
    size_t left = 0;
    for (size_t i = 0; i < d->pending_count; i++) {
        struct name_change *c = &d->pending[i];
        if (strcmp(c->dir, path) == 0) {
            make_durable(d, c);
            free_pending(c);
        } else {
            d->pending[left++] = *c;
        }
    }
    d->pending_count = left;
    return 0;
}

/* --- the table under base/fs.h: locks, and passes on what is not ours --- */

static struct entry *entry_of(int fd) {
    return fd >= 0 && fd < MAX_FDS && mounted->fds[fd].path ? &mounted->fds[fd] : NULL;
}

#define LOCKED(type, call)                                                                         \
    pthread_mutex_lock(&mounted->mutex);                                                           \
    type result = (call);                                                                          \
    int saved = errno;                                                                             \
    pthread_mutex_unlock(&mounted->mutex);                                                         \
    errno = saved;                                                                                 \
    return result

static int disk_open(const char *path, int flags, mode_t mode) {
    LOCKED(int, is_inside(mounted, path) ? do_open(mounted, path, flags, mode)
                                         : k2_fs_system.open(path, flags, mode));
}

static ssize_t disk_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    LOCKED(ssize_t, entry_of(fd) ? do_write(mounted, entry_of(fd), fd, bytes, n, at)
                                 : k2_fs_system.pwrite(fd, bytes, n, at));
}

static int disk_truncate(int fd, off_t size) {
    LOCKED(int, entry_of(fd) ? do_truncate(mounted, entry_of(fd), fd, size)
                             : k2_fs_system.truncate(fd, size));
}

static int disk_sync(int fd) {
    LOCKED(int, entry_of(fd) ? do_sync(mounted, entry_of(fd)) : k2_fs_system.sync(fd));
}

static int close_fd(int fd) {
    struct entry *e = entry_of(fd);
    if (e) {
        free(e->path);
        *e = (struct entry){NULL, NULL};
    }
    return k2_fs_system.close(fd);
}

static int disk_close(int fd) {
    LOCKED(int, close_fd(fd));
}

static int disk_rename(const char *from, const char *to) {
    LOCKED(int,
           is_inside(mounted, to) ? do_rename(mounted, from, to) : k2_fs_system.rename(from, to));
}

static int disk_unlink(const char *path) {
    LOCKED(int, is_inside(mounted, path) ? do_unlink(mounted, path) : k2_fs_system.unlink(path));
}

static int disk_mkdir(const char *path, mode_t mode) {
    LOCKED(int, is_inside(mounted, path) ? do_mkdir(mounted, path, mode)
                                         : k2_fs_system.mkdir(path, mode));
}

static int disk_sync_dir(const char *path) {
    LOCKED(int, is_inside(mounted, path) || strcmp(path, mounted->root) == 0
                    ? do_sync_dir(mounted, path)
                    : k2_fs_system.sync_dir(path));
}

static const struct k2_fs_ops disk_table = {
    .open = disk_open,
    .pwrite = disk_pwrite,
    .truncate = disk_truncate,
    .sync = disk_sync,
    .close = disk_close,
    .rename = disk_rename,
    .unlink = disk_unlink,
    .mkdir = disk_mkdir,
    .sync_dir = disk_sync_dir,
};

/* --- the power cut --- */

static uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Each sector on its own, and by chance the new length without the bytes. */
static void tear(struct k2_buf *image, const struct change *c, uint64_t *rng) {
    for (size_t from = 0; from < c->n;) {
        size_t to = from + SECTOR - (size_t)(c->at + (int64_t)from) % SECTOR;
        to = to < c->n ? to : c->n;
        if (next_random(rng) & 1)
            write_range(image, c, from, to);
        from = to;
    }
    size_t end = (size_t)c->at + c->n;
    if ((next_random(rng) & 1) && image->n < end)
        resize(image, end);
}

/* What is left of a file: its durable bytes and, by seed, a part of what was pending. */
static void settle_node(struct node *node, uint64_t seed, uint64_t *rng) {
    enum { NOTHING, ALL, PREFIX, SECTORS, WAYS };
    uint64_t way = seed ? next_random(rng) % WAYS : NOTHING;
    size_t prefix = node->change_count ? next_random(rng) % (node->change_count + 1) : 0;
    for (size_t i = 0; i < node->change_count; i++) {
        const struct change *c = &node->changes[i];
        if (way == ALL || (way == PREFIX && i < prefix))
            apply(&node->durable, c);
        else if ((way == PREFIX && i == prefix) || way == SECTORS) {
            if (!c->is_truncate)
                tear(&node->durable, c, rng);
            else if (next_random(rng) & 1)
                apply(&node->durable, c);
        }
    }
    clear_changes(node);
}

/* By seed, of each directory a prefix of its pending names, or any of them. */
static void settle_names(struct disk *d, uint64_t seed, uint64_t *rng) {
    bool in_order = next_random(rng) & 1;
    for (size_t i = 0; i < d->pending_count; i++) {
        struct name_change *c = &d->pending[i];
        bool kept = seed && (next_random(rng) & 3) != 0;
        for (size_t k = 0; in_order && kept && k < i;
             k++) /* one lost before it in the same directory? */
            kept = !(d->pending[k].node == NULL && d->pending[k].gone == NULL) ||
                   strcmp(d->pending[k].dir, c->dir) != 0;
        if (kept) {
            make_durable(d, c);
            continue;
        }
        free(c->gone);
        free(c->path);
        c->gone = c->path = NULL; /* marks it as lost */
        c->node = NULL;
    }
    for (size_t i = 0; i < d->pending_count; i++)
        free_pending(&d->pending[i]);
    d->pending_count = 0;
}

static bool is_reachable(struct disk *d, const char *path) {
    char *dir = parent_of(path);
    bool there = strcmp(dir, d->root) == 0 || !is_inside(d, dir) ||
                 ((find(&d->durable, dir) || !find(&d->now, dir)) && is_reachable(d, dir));
    free(dir);
    return there;
}

static void remove_tree(const char *path) {
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0)
        abort();
}

static void write_out(const struct entry *e) {
    struct stat st;
    if (e->node->is_directory) {
        if (stat(e->path, &st) < 0 && mkdir(e->path, 0777) < 0)
            abort();
        return;
    }
    unlink(e->path); /* mappings of the old file keep the old file */
    FILE *f = fopen(e->path, "wb");
    const struct k2_buf *b = &e->node->durable;
    if (!f || (b->n > 0 && fwrite(b->p, b->n, 1, f) != 1) || fclose(f) != 0)
        abort();
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void forget(struct names *names) {
    for (size_t i = 0; i < names->n; i++)
        free(names->at[i].path);
    free(names->at);
    *names = (struct names){0};
}

/* Makes the real directory equal to the durable names and bytes. */
static void restore(struct disk *d) {
    if (d->durable.n > 0)
        qsort(d->durable.at, d->durable.n, sizeof *d->durable.at, by_path);
    struct names left = {0};
    for (size_t i = 0; i < d->durable.n; i++)
        if (is_reachable(d, d->durable.at[i].path))
            set_name(&left, d->durable.at[i].path, d->durable.at[i].node);
    for (size_t i = 0; i < d->now.n; i++)
        if (!find(&left, d->now.at[i].path))
            remove_tree(d->now.at[i].path);
    for (size_t i = 0; i < left.n; i++) /* sorted: a directory before what is in it */
        write_out(&left.at[i]);
    forget(&d->now);
    forget(&d->durable);
    for (size_t i = 0; i < left.n; i++) {
        set_name(&d->now, left.at[i].path, left.at[i].node);
        set_name(&d->durable, left.at[i].path, left.at[i].node);
    }
    forget(&left);
}

static void heal(struct disk *d) {
    for (int i = 0; i < d->fault_count; i++)
        free(d->faults[i].pattern);
    d->fault_count = 0;
}

static void calm(struct disk *d) {
    heal(d);
    memset(d->counts, 0, sizeof d->counts);
    d->power_off_at = 0;
    d->room = -1;
}

void disk_cut(struct disk *d, uint64_t seed) {
    uint64_t rng = seed;
    pthread_mutex_lock(&d->mutex);
    settle_names(d, seed, &rng);
    for (size_t i = 0; i < d->node_count; i++)
        settle_node(d->nodes[i], seed, &rng);
    restore(d);
    calm(d);
    pthread_mutex_unlock(&d->mutex);
}

/* --- the test's side --- */

struct disk *disk_mount(const char *root) {
    struct disk *d = k2_zalloc(sizeof *d);
    d->root = k2_strdup(root);
    d->room = -1;
    pthread_mutex_init(&d->mutex, NULL);
    mounted = d;
    k2_fs_use(&disk_table);
    return d;
}

void disk_unmount(struct disk *d) {
    k2_fs_use(NULL);
    mounted = NULL;
    calm(d);
    for (size_t i = 0; i < d->node_count; i++) {
        clear_changes(d->nodes[i]);
        k2_buf_free(&d->nodes[i]->durable);
        free(d->nodes[i]);
    }
    for (size_t i = 0; i < d->pending_count; i++)
        free_pending(&d->pending[i]);
    for (int i = 0; i < MAX_FDS; i++)
        free(d->fds[i].path);
    forget(&d->now);
    forget(&d->durable);
    free(d->nodes);
    free(d->pending);
    free(d->root);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

int64_t disk_count(struct disk *d, enum disk_op op) {
    pthread_mutex_lock(&d->mutex);
    int64_t n = d->counts[op];
    pthread_mutex_unlock(&d->mutex);
    return n;
}

void disk_power_off_at(struct disk *d, int64_t n) {
    pthread_mutex_lock(&d->mutex);
    d->power_off_at = d->counts[DISK_OPS] + n;
    pthread_mutex_unlock(&d->mutex);
}

static void add_fault(struct disk *d, enum disk_op op, const char *pattern, int64_t n, int error) {
    pthread_mutex_lock(&d->mutex);
    K2_ASSERT(d->fault_count < MAX_FAULTS);
    d->faults[d->fault_count++] = (struct fault){op, k2_strdup(pattern), n, 0, error};
    pthread_mutex_unlock(&d->mutex);
}

void disk_fail(struct disk *d, enum disk_op op, const char *pattern, int64_t n, int error) {
    add_fault(d, op, pattern, n, error);
}

void disk_ignore(struct disk *d, enum disk_op op, const char *pattern, int64_t n) {
    K2_ASSERT(op == DISK_SYNC || op == DISK_SYNC_DIR);
    add_fault(d, op, pattern, n, 0);
}

void disk_room(struct disk *d, int64_t bytes) {
    pthread_mutex_lock(&d->mutex);
    d->room = bytes;
    pthread_mutex_unlock(&d->mutex);
}

void disk_heal(struct disk *d) {
    pthread_mutex_lock(&d->mutex);
    heal(d);
    pthread_mutex_unlock(&d->mutex);
}

void disk_calm(struct disk *d) {
    pthread_mutex_lock(&d->mutex);
    calm(d);
    pthread_mutex_unlock(&d->mutex);
}
