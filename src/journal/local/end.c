/* journal/local/end.c - the file run/journal.end: up to where the log is durable.
 *
 * FILE. 64 bytes, little-endian, mapped by the writer and by readers of other processes:
 *    0  4  magic "K2E1"                       4  4  incarnation of the journal
 *    8  8  hash of the kernel's boot id      16  8  log position up to which all is durable
 *   24  4  number of publications, which a follower sleeps on (futex(2), shared between processes)
 *   28     zeros
 * The writer stores the position (release) after each sync, counts it and wakes who sleeps; readers load it (acquire).
 * While a
 * writer lives it holds an OFD lock on the file, which a reader can test without taking it: the
 * writer's own lock (run/journal.lock) could only be tested by taking it, which might make a
 * starting writer fail.
 *
 * VALIDITY. Magic, incarnation and boot are right. The page is never synced: it is shared memory
 * with a name. After a power cut or a reboot the boot differs and the file says nothing.
 *
 * RECOVERY. Within one boot what was published is durable for certain, so a log that ends below it
 * is damaged (segment.c). A reader that finds no living writer recovers the log's end itself.
 */
#include "journal/local/end.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define END_BYTES 64
#define END_MAGIC UINT32_C(0x3145324b) /* "K2E1" */

struct end_page {
    _Atomic uint32_t magic;
    _Atomic int32_t incarnation;
    _Atomic uint64_t boot;
    _Atomic int64_t position;
    _Atomic uint32_t publications;
};

static uint64_t boot_hash(void) {
    struct k2_buf id = {0};
    uint64_t hash = 0;
    if (k2_fs_read("/proc/sys/kernel/random/boot_id", &id, NULL) == K2_OK)
        hash = k2_hash64(id.p, id.n);
    k2_buf_free(&id);
    return hash;
}

void journal_end_init(struct journal_end *e, const char *path, int32_t incarnation) {
    *e = (struct journal_end){
        .path = k2_strdup(path), .incarnation = incarnation, .boot = boot_hash(), .fd = -1};
}

void journal_end_fini(struct journal_end *e) {
    if (!e->path)
        return;
    if (e->page)
        munmap(e->page, END_BYTES);
    if (e->fd >= 0)
        (void)!k2_fs_close(e->fd, e->path, NULL); /* nothing in it must survive */
    free(e->path);
    *e = (struct journal_end){.fd = -1};
}

static bool map(struct journal_end *e, int protection) {
    struct stat st;
    if (fstat(e->fd, &st) < 0 || st.st_size < END_BYTES)
        return false;
    void *page = mmap(NULL, END_BYTES, protection, MAP_SHARED, e->fd, 0);
    if (page == MAP_FAILED)
        return false;
    e->page = page;
    return true;
}

/* Whether this process can see the file; looks for it again each time. */
static bool attach(struct journal_end *e) {
    if (e->page)
        return true;
    if (e->fd < 0 && k2_fs_open(e->path, O_RDONLY, &e->fd, NULL) != K2_OK)
        return false;
    if (map(e, PROT_READ))
        return true;
    (void)!k2_fs_close(e->fd, e->path, NULL);
    e->fd = -1;
    return false;
}

int journal_end_own(struct journal_end *e, int64_t position, struct k2_err *err) {
    if (e->page)
        munmap(e->page, END_BYTES);
    if (e->fd >= 0)
        (void)!k2_fs_close(e->fd, e->path, NULL);
    e->page = NULL;
    e->fd = -1;
    K2_TRY(k2_fs_open(e->path, O_RDWR | O_CREAT, &e->fd, err));
    K2_TRY(k2_fs_truncate(e->fd, END_BYTES, e->path, err));
    if (!map(e, PROT_READ | PROT_WRITE))
        return k2_fail_errno(err, "cannot map %s", e->path);
    atomic_store(&e->page->magic, 0); /* says nothing while it changes */
    atomic_store(&e->page->boot, e->boot);
    atomic_store(&e->page->incarnation, e->incarnation);
    atomic_store(&e->page->position, position);
    atomic_store(&e->page->magic, END_MAGIC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(e->fd, F_OFD_SETLK, &lock) < 0)
        return k2_fail_errno(err, "cannot lock %s", e->path);
    return K2_OK;
}

void journal_end_publish(struct journal_end *e, int64_t position) {
    atomic_store_explicit(&e->page->position, position, memory_order_release);
    atomic_fetch_add(&e->page->publications, 1);
    (void)syscall(SYS_futex, &e->page->publications, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t journal_end_count(struct journal_end *e) {
    return attach(e) ? atomic_load(&e->page->publications) : 0;
}

void journal_end_await(const struct journal_end *e, uint32_t seen, int64_t ns) {
    struct timespec timeout = {ns / K2_NS_PER_SEC, ns % K2_NS_PER_SEC};
    if (!e->page)
        (void)nanosleep(&timeout, NULL);
    else
        (void)syscall(SYS_futex, &e->page->publications, FUTEX_WAIT, seen, &timeout, NULL, 0);
}

int64_t journal_end_get(struct journal_end *e, bool *alive) {
    *alive = false;
    if (!attach(e))
        return -1;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    *alive = fcntl(e->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (atomic_load(&e->page->magic) != END_MAGIC ||
        atomic_load(&e->page->incarnation) != e->incarnation ||
        atomic_load(&e->page->boot) != e->boot)
        return -1;
    return atomic_load_explicit(&e->page->position, memory_order_acquire);
}
