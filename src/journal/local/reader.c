/* journal/local/reader.c - reading spans in log order.
 *
 * A reader is a list of pieces, one per segment that holds something of its spans, fixed when it is
 * made; so it needs no lock while it reads and never sees more than what was durable then. Segments
 * are mapped one after the other, and only up to their durable end: a file may be cut behind it.
 */
#include "journal/local/tier.h"
#include "journal/local/opener.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct piece {
    int64_t base, from,
        to;       /* log positions: of the file, of the first frame to look at, of the end */
    uint64_t key; /* of all its frames */
};

struct local_reader {
    struct journal_reader base;
    struct local *j;
    struct local_reader *next;  /* in j->readers */
    struct journal_span *spans; /* from advances */
    int n, unread;              /* spans; those of them with from < to */
    struct piece *pieces;
    int piece_count,
        piece; /* the one being read; others may ask for it, see journal_reader_needs */
    uint8_t *map;
    size_t map_bytes, given_back; /* bytes of the map; how many at its front are not resident */
    int64_t at;                   /* log position */
    struct journal_opener opener;
};

static struct local_reader *reader_of(struct journal_reader *r) {
    return (struct local_reader *)r; /* base is its first member */
}

/* --- planning --- */

static int check_span(struct local *j, const struct journal_span *s, struct k2_err *err) {
    if (s->topic < 0 || s->topic >= j->meta.topic_count || s->partition < 0 ||
        s->partition >= j->base.topics[s->topic].partitions)
        return k2_fail(err, K2_E_NOTFOUND, "the journal %s has no topic %d with a partition %d",
                       j->dir, s->topic, s->partition);
    int64_t start = j->meta.topics[s->topic].starts[s->partition];
    if (s->from < start)
        return k2_fail(err, K2_E_NOTFOUND,
                       "topic %s partition %d begins at offset %" PRId64
                       " now; what was before (%" PRId64 ") has been removed",
                       j->base.topics[s->topic].name, s->partition, start, s->from);
    return K2_OK;
}

static int take_spans(struct local_reader *r, const struct journal_span *spans, int n,
                      struct k2_err *err) {
    r->spans = k2_alloc((size_t)(n + 1) * sizeof *r->spans);
    for (int i = 0; i < n; i++) {
        struct journal_span s = spans[i];
        K2_TRY(check_span(r->j, &s, err));
        int64_t end = r->j->base.topics[s.topic].ends[s.partition];
        s.to = s.to < end ? s.to : end;
        if (s.from < s.to)
            r->spans[r->n++] = s;
    }
    r->unread = r->n;
    return K2_OK;
}

/* Where reading of a segment begins, or -1 if it holds nothing of the spans. */
static int64_t begin_in(const struct local_reader *r, const struct journal_index *x) {
    int64_t least = -1;
    for (int i = 0; i < r->n; i++) {
        const struct journal_span *s = &r->spans[i];
        int at = journal_index_span(x, s->topic, s->partition);
        if (at < 0 || x->spans[at].to <= s->from || x->spans[at].from >= s->to)
            continue;
        int64_t position = journal_index_find(x, at, s->from);
        if (least < 0 || position < least)
            least = position;
    }
    return least;
}

static void plan(struct local_reader *r) {
    const struct segments *live = &r->j->live;
    r->pieces = k2_alloc((size_t)live->n * sizeof *r->pieces);
    for (int i = 0; i < live->n; i++) {
        const struct journal_index *x = &live->at[i]->index;
        int64_t from = begin_in(r, x);
        if (from >= 0)
            r->pieces[r->piece_count++] = (struct piece){x->base, from, x->end, x->key};
    }
}

static int make_reader(struct local_reader *r, const struct journal_span *spans, int n,
                       struct k2_err *err) {
    K2_TRY(journal_chain_refresh(r->j, err));
    K2_TRY(take_spans(r, spans, n, err));
    plan(r);
    r->next = r->j->readers;
    r->j->readers = r;
    return K2_OK;
}

static void free_reader(struct local_reader *r) {
    if (r->map)
        munmap(r->map, r->map_bytes);
    journal_opener_fini(&r->opener);
    free(r->spans);
    free(r->pieces);
    free(r);
}

int local_read(struct journal *journal, const struct journal_span *spans, int n,
               struct journal_reader **out, struct k2_err *err) {
    struct local *j = local_of(journal);
    struct local_reader *r = k2_zalloc(sizeof *r);
    r->base.ops = &journal_local;
    r->j = j;
    r->opener.incarnation = j->base.incarnation;
    pthread_mutex_lock(&j->base.mutex);
    int rc = make_reader(r, spans, n, err);
    pthread_mutex_unlock(&j->base.mutex);
    if (rc != K2_OK)
        free_reader(r);
    else
        *out = &r->base;
    return rc;
}

void local_reader_close(struct journal_reader *reader) {
    struct local_reader *r = reader_of(reader);
    pthread_mutex_lock(&r->j->base.mutex);
    struct local_reader **at = &r->j->readers;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    pthread_mutex_unlock(&r->j->base.mutex);
    free_reader(r);
}

bool journal_reader_needs(const struct local *j, int64_t number) {
    for (const struct local_reader *r = j->readers; r; r = r->next)
        for (int i = r->piece; i < r->piece_count; i++)
            if (r->pieces[i].base == number)
                return true;
    return false;
}

/* --- reading --- */

static int map_file(struct local_reader *r, const struct piece *p, int fd, const char *path,
                    struct k2_err *err) {
    struct stat st;
    r->map_bytes = (size_t)(p->to - p->base);
    if (fstat(fd, &st) < 0 || st.st_size < p->to - p->base)
        return k2_fail(err, K2_E_CORRUPT, "%s is shorter than the %zu bytes it had", path,
                       r->map_bytes);
    void *map = mmap(NULL, r->map_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return k2_fail_errno(err, "cannot map %s", path);
    madvise(map, r->map_bytes, MADV_SEQUENTIAL);
    r->map = map;
    r->given_back = 0;
    r->at = p->from;
    return K2_OK;
}

/* Lets go of the pages behind the place of reading, so that a reader's memory does not grow to the size
 * of a segment. They stay in the page cache. */
static void give_back(struct local_reader *r) {
    const size_t step = (size_t)16 << 20; /* a multiple of every page size */
    size_t read = (size_t)(r->at - r->pieces[r->piece].base);
    if (read < r->given_back + 2 * step)
        return;
    size_t n = (read - r->given_back) / step * step;
    madvise(r->map + r->given_back, n, MADV_DONTNEED);
    r->given_back += n;
}

static int open_piece(struct local_reader *r, struct k2_err *err) {
    const struct piece *p = &r->pieces[r->piece];
    char *path;
    int fd;
    K2_TRY(journal_tier_open(r->j->dir, r->j->base.incarnation, p->base, &fd, &path, err));
    int rc = map_file(r, p, fd, path, err);
    (void)!k2_fs_close(fd, path, NULL); /* the mapping stays */
    free(path);
    return rc;
}

static void close_piece(struct local_reader *r) {
    munmap(r->map, r->map_bytes);
    r->map = NULL;
    pthread_mutex_lock(&r->j->base.mutex);
    r->piece++;
    pthread_mutex_unlock(&r->j->base.mutex);
}

/* Puts the place in front of the message: "<path>, byte N: ". */
static int damaged(const struct local_reader *r, const char *what, struct k2_err *err) {
    int64_t base = r->pieces[r->piece].base;
    char *path = journal_segment_path(r->j->dir, base, ".seg");
    int rc = k2_fail(err, K2_E_CORRUPT, "%s is damaged at byte %" PRId64 ": %s", path, r->at - base,
                     what);
    free(path);
    return rc;
}

static struct journal_span *wanted(struct local_reader *r, const struct frame *f) {
    for (int i = 0; i < r->n; i++) {
        struct journal_span *s = &r->spans[i];
        if (s->topic == f->topic && s->partition == f->partition)
            return s->from < s->to && s->from < f->base_offset + f->count && s->to > f->base_offset
                       ? s
                       : NULL;
    }
    return NULL;
}

/* Cuts the frame's records to the span, which advances. */
static void cut(struct local_reader *r, struct journal_span *s, const struct frame *f,
                struct k2_sv records, struct journal_batch *out) {
    const uint8_t *bytes = (const uint8_t *)records.p;
    int64_t first = s->from > f->base_offset ? s->from - f->base_offset : 0;
    int64_t end = s->to < f->base_offset + f->count ? s->to - f->base_offset : f->count;
    size_t at = 0, stop = records.n;
    for (int64_t i = 0; i < first; i++)
        at += journal_record_size(bytes + at, records.n - at);
    if (end < f->count) {
        stop = at;
        for (int64_t i = first; i < end; i++)
            stop += journal_record_size(bytes + stop, records.n - stop);
    }
    *out = (struct journal_batch){.topic = f->topic,
                                  .partition = f->partition,
                                  .count = (int32_t)(end - first),
                                  .base_offset = f->base_offset + first,
                                  .append_ns = f->append_ns,
                                  .records = bytes + at,
                                  .bytes = stop - at};
    s->from = f->base_offset + end;
    if (s->from >= s->to)
        r->unread--;
}

/* The records of a frame that is intact; the failure says where it is. */
static int records_of(struct local_reader *r, const struct frame *f, const uint8_t *bytes,
                      struct k2_sv *out, struct k2_err *err) {
    const struct piece *p = &r->pieces[r->piece];
    struct k2_err why = {0};
    if (f->key != p->key)
        return damaged(r, "not encrypted as the rest of the segment is", err);
    int rc = journal_opener_records(&r->opener, p->base, f, bytes, out, &why);
    if (rc == K2_E_CORRUPT)
        return damaged(r, why.msg, err);
    return rc == K2_OK ? rc
                       : k2_fail(err, rc, "%s/%020" PRId64 ".seg, byte %" PRId64 ": %s", r->j->dir,
                                 p->base, r->at - p->base, why.msg);
}

/* The next frame of the piece; 1 = a batch, 0 = not wanted. */
static int read_frame(struct local_reader *r, struct journal_batch *out, struct k2_err *err) {
    const struct piece *p = &r->pieces[r->piece];
    const uint8_t *bytes = r->map + (r->at - p->base);
    size_t left = (size_t)(p->to - r->at);
    struct frame f;
    struct k2_sv records = {0};
    if (!journal_frame_parse(bytes, left, r->j->base.incarnation, r->at, &f) || f.length > left)
        return damaged(r, "no frame begins here", err);
    struct journal_span *s = wanted(r, &f);
    if (s && !journal_frame_intact(bytes, &f))
        return damaged(r, "the checksum does not match", err);
    if (s && s->from < f.base_offset)
        return damaged(r, "offsets are missing before it", err);
    if (s)
        K2_TRY(records_of(r, &f, bytes, &records, err));
    r->at += f.length;
    if (!s)
        return 0;
    cut(r, s, &f, records, out);
    return 1;
}

int local_next(struct journal_reader *reader, struct journal_batch *batch, struct k2_err *err) {
    struct local_reader *r = reader_of(reader);
    while (r->unread > 0) {
        if (r->piece == r->piece_count)
            return k2_fail(err, K2_E_CORRUPT, "the journal %s ends before the offsets it lists",
                           r->j->dir);
        if (!r->map)
            K2_TRY(open_piece(r, err));
        give_back(r);
        if (r->at >= r->pieces[r->piece].to) {
            close_piece(r);
            continue;
        }
        int rc = read_frame(r, batch, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}
