/* A segment file of any bytes: scanning, walking and finding the next frame must end, stay inside
 * the file, and agree on what is valid. The incarnation is that of the seeds. */
#include "base/fs.h"
#include "journal/backend.h"
#include "journal/local/segment.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    int64_t next, frames;
};

static int visit(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    struct seen *s = ctx;
    (void)err;
    K2_ASSERT(f->position == s->next && f->length > FRAME_HEADER);
    for (size_t i = 0, at = FRAME_HEADER; bytes && i < (size_t)f->count; i++) {
        size_t n = journal_record_size(bytes + at, f->length - at);
        K2_ASSERT(n > 0 && n <= f->length - at);
        at += n;
    }
    s->next += f->length;
    s->frames++;
    return K2_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen scanned = {0}, walked = {0};
    struct segment_file file = {"fuzz", memfd_create("fuzz", 0), 0, 7};
    enum segment_tail tail;
    struct frame f;
    bool found;
    int64_t at = 0, walk = 0;
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
    return 0;
}
