/* A segment file of any bytes: scanning, walking and finding the next frame must end, stay inside
 * the file, and agree on what is valid; what is encrypted gives whole records or none. The incarnation and the key are
 * those of the seeds. */
#include "base/fs.h"
#include "journal/backend.h"
#include "journal/local/opener.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct seen {
    int64_t next, frames;
    struct journal_opener opener;
};

static void check_records(struct k2_sv records, int32_t count) {
    size_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        size_t n = journal_record_size((const uint8_t *)records.p + at, records.n - at);
        K2_ASSERT(n > 0 && n <= records.n - at);
        at += n;
    }
    K2_ASSERT(at == records.n);
}

static int visit(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    struct seen *s = ctx;
    struct k2_sv records;
    (void)err;
    K2_ASSERT(f->position == s->next && f->length > FRAME_HEADER);
    if (bytes && journal_opener_records(&s->opener, 0, f, bytes, &records, NULL) == K2_OK)
        check_records(records, f->count);
    else
        K2_ASSERT(!bytes || f->key != 0);
    s->next += f->length;
    s->frames++;
    return K2_OK;
}

/* The first frame as if its checksum were right: what is encrypted there must stand on its own. */
static void open_unchecked(const uint8_t *data, size_t size) {
    struct journal_opener o = {.incarnation = 7};
    struct frame f;
    struct k2_sv records;
    if (journal_frame_parse(data, size, 7, 0, &f) && f.key && f.length <= size &&
        journal_opener_records(&o, 0, &f, data, &records, NULL) == K2_OK)
        check_records(records, f.count);
    journal_opener_fini(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen scanned = {.opener = {.incarnation = 7}}, walked = {0};
    struct segment_file file = {"fuzz", memfd_create("fuzz", 0), 0, 7};
    enum segment_tail tail;
    struct frame f;
    bool found;
    int64_t at = 0, walk = 0;
    K2_ASSERT(journal_use_keys(KEY, "", NULL) == K2_OK);
    open_unchecked(data, size);
    if (file.fd < 0 || write(file.fd, data, size) != (ssize_t)size)
        abort();
    int rc =
        journal_segment_scan(&file, &at, &tail, &(struct segment_visitor){&scanned, visit}, NULL);
    K2_ASSERT((rc == K2_OK || rc == K2_E_CORRUPT) && at == scanned.next && at <= (int64_t)size);
    rc = journal_segment_walk(&file, &walk, at, &(struct segment_visitor){&walked, visit}, NULL);
    K2_ASSERT(rc == K2_OK && walk == at && walked.frames == scanned.frames);
    rc = journal_segment_resync(&file, at, &f, &found, NULL);
    K2_ASSERT(rc == K2_OK && (!found || (f.position > at && f.position < (int64_t)size)));
    close(file.fd);
    journal_opener_fini(&scanned.opener);
    return 0;
}
