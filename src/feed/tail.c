/* feed/tail.c - a file with its decoder, read step by step, also while it grows.
 *
 * One buffer holds what the decoder has not taken yet. It grows while a decoder takes nothing (a line longer
 * than a step); decoders give up on a line before that becomes large.
 *
 * A followed file is looked at again when it had nothing more to give, and after every rest. It is begun anew,
 * with a decoder that knows nothing, when it is shorter than what was read, when its first bytes or those read last
 * are not what they were, or, once it is read to its end, when its path names another file. A last line without its
 * end is then refused: half a number is a number too.
 *
 * A member of a zip archive is read once to its end, without a look back; it has no marks.
 *
 * A mark, little-endian:
 *    0  u8   1 = a plain file, 2 = a packed file that was read to its end
 *    1  u64  inode
 *    9  u64  bytes read of the file
 *   17  u64  bytes the decoder took of them: where the reading goes on
 *   25  u128 XXH3 of the first min(4096, bytes read) bytes of the file
 *   41  u128 XXH3 of the last min(4096, bytes read) bytes read
 *   57  u128 XXH3 of format, exchange, symbol, date, calendar, mapping and selection
 *   73  the decoder's state (feed_ops.save) to the end
 * Valid iff the file has the inode and at least the bytes read (packed: exactly these), all three hashes agree and
 * the decoder takes its state. Recovery: a mark that is not valid is no mark; the file is read from its start.
 */
#include "feed/feed_int.h"

#include "base/clock.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY (K2_NS_PER_SEC / 5)
#define MARK_GROWS 1
#define MARK_UNPACKED 2
#define MARK_STATE 73

struct feed_tail {
    char *path, *exchange, *symbol, *calendar, *source, *selection, *mapping;
    struct feed_tail_options o; /* its strings are those above */
    struct k2_interner *in;
    void *state;
    struct feed_bytes bytes;
    bool open;    /* bytes are */
    bool regular; /* a file that can be marked */
    bool waiting; /* at its end the last time */
    bool ended;
    bool cut; /* what the decoder took last was whole only because nothing more came */
    ino_t inode;
    dev_t device;
    int64_t restarts;
    int64_t changed_ns; /* of the file, when it was looked at last */
    int64_t looked_ns;  /* monotonic: then */
    struct k2_buf held;
    struct k2_content_sum *sum; /* of what cannot be read again; else NULL */
};

static void note(struct feed_tail *t, const char *text) {
    if (t->o.note)
        t->o.note(t->o.note_ctx, t->path, text);
}

static bool is_edge(const struct feed_tail *t, int64_t end, const struct feed_edge *was) {
    struct feed_edge now;
    return feed_edge_read(t->bytes.fd, end, &now) && now.n == was->n &&
           memcmp(now.at, was->at, now.n) == 0;
}

/* Whether what was read first and last is still where it was. */
static bool is_where_it_was(const struct feed_tail *t) {
    const struct feed_bytes *b = &t->bytes;
    return is_edge(t, (int64_t)b->head.n, &b->head) && is_edge(t, b->done, &b->trail);
}

static int64_t changed_ns(const struct stat *st) {
    return st->st_mtim.tv_sec * K2_NS_PER_SEC + st->st_mtim.tv_nsec;
}

/* --- decoding --- */

static int decode_held(struct feed_tail *t, bool last, const struct feed_sink *sink,
                       struct k2_err *err) {
    size_t consumed = 0;
    int rc = t->o.ops->decode(t->state, k2_buf_view(&t->held), last, &consumed, sink, err);
    K2_ASSERT(consumed <= t->held.n);
    if (consumed)
        memmove(t->held.p, t->held.p + consumed, t->held.n - consumed);
    t->held.n -= consumed;
    return rc;
}

/* Whether the last line was one before the end made it one, decides about marks. */
static int decode_last(struct feed_tail *t, const struct feed_sink *sink, struct k2_err *err) {
    K2_TRY(decode_held(t, false, sink, err));
    t->cut = t->held.n > 0;
    return decode_held(t, true, sink, err);
}

/* *more: there was something to read. */
static int read_piece(struct feed_tail *t, size_t max_bytes, const struct feed_sink *sink,
                      bool *more, struct k2_err *err) {
    struct k2_err damage = {0};
    bool end = false;
    int damaged = feed_bytes_next(&t->bytes, max_bytes, &t->held, &end, &damage);
    bool last = damaged == K2_OK && end && (t->bytes.whole || !t->o.follow);
    /* Behind damage nothing is "last": half a line is not a line. */
    K2_TRY(last ? decode_last(t, sink, err) : decode_held(t, false, sink, err));
    if (damaged != K2_OK) {
        if (err)
            *err = damage;
        return k2_err_context(err, damaged, "%s", t->bytes.name);
    }
    t->ended = last;
    *more = !end;
    return K2_OK;
}

/* --- opening and beginning anew --- */

static void close_file(struct feed_tail *t) {
    if (t->open)
        feed_bytes_close(&t->bytes);
    t->open = false;
    t->held.n = 0;
}

/* A decoder that knows nothing yet. */
static int start_decoder(struct feed_tail *t, struct k2_err *err) {
    t->o.ops->fini(t->state);
    memset(t->state, 0, t->o.ops->state_size);
    return t->o.ops->init(t->o.ops, t->state, &t->o.feed, t->in, err);
}

static int not_followed(const struct feed_tail *t, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID, "%s is no regular file, so it cannot be followed", t->path);
}

static bool stat_open(const struct feed_tail *t, struct stat *st) {
    return t->bytes.member ? feed_file_stat(t->path, st) : fstat(t->bytes.fd, st) == 0;
}

/* Standard input, a pipe, or a descriptor that came from another process: gone when it was read. */
static void sum_what_goes(struct feed_tail *t) {
    if (!t->sum && (t->bytes.is_stdin || !t->regular || strncmp(t->path, "/dev/fd/", 8) == 0) &&
        !t->bytes.member)
        t->sum = k2_content_new();
    t->bytes.sum = t->sum;
}

static int open_file(struct feed_tail *t, struct k2_err *err) {
    struct stat st;
    if (t->o.follow && stat(t->path, &st) == 0 && !S_ISREG(st.st_mode))
        return not_followed(t, err); /* to open a pipe would wait for its writer */
    int rc = feed_bytes_open(&t->bytes, t->path, err);
    if (rc == K2_OK && !stat_open(t, &st))
        rc = k2_fail_errno(err, "look at %s", t->path);
    t->regular = rc == K2_OK && S_ISREG(st.st_mode);
    if (rc == K2_OK && t->o.follow && !t->regular)
        rc = not_followed(t, err);
    if (rc != K2_OK) {
        feed_bytes_close(&t->bytes);
        return rc;
    }
    t->bytes.grows = t->o.follow;
    t->inode = st.st_ino;
    t->device = st.st_dev;
    t->changed_ns = changed_ns(&st);
    t->open = true;
    sum_what_goes(t);
    return K2_OK;
}

/* A followed file that is not there yet is waited for. */
static int open_or_wait(struct feed_tail *t, bool *there, struct k2_err *err) {
    struct k2_err why;
    int rc = open_file(t, &why);
    *there = rc == K2_OK;
    if (rc == K2_OK || (rc == K2_E_NOTFOUND && t->o.follow))
        return K2_OK;
    if (err)
        *err = why;
    return rc;
}

/* A line without its end is no event, and nobody will end it now. */
static int leave_behind(struct feed_tail *t, const struct feed_sink *sink, struct k2_err *err) {
    const struct feed_reject r = {.reason = "MALFORMED",
                                  .detail =
                                      "the file was cut or replaced before this line had its end",
                                  .raw = k2_buf_view(&t->held),
                                  .offset = (uint64_t)t->bytes.done - t->held.n};
    return t->held.n ? sink->reject(sink->ctx, &r, err) : K2_OK;
}

static int begin_anew(struct feed_tail *t, const char *why, const struct feed_sink *sink,
                      struct k2_err *err) {
    K2_TRY(leave_behind(t, sink, err));
    close_file(t);
    t->restarts++;
    note(t, why);
    return start_decoder(t, err);
}

/* --- looking again at a file that had nothing more --- */

static bool is_replaced(const struct feed_tail *t) {
    struct stat st;
    return stat(t->path, &st) == 0 && (st.st_ino != t->inode || st.st_dev != t->device);
}

/* Overwritten with as many bytes: nothing but its time tells at once. */
static bool is_rewritten(struct feed_tail *t, const struct stat *st) {
    bool touched = changed_ns(st) != t->changed_ns;
    t->changed_ns = changed_ns(st);
    return touched && !is_where_it_was(t);
}

/* *more: it is worth reading; the file may have been closed, to be begun anew. */
static int look_again(struct feed_tail *t, const struct feed_sink *sink, bool *more,
                      struct k2_err *err) {
    struct stat st;
    if (t->bytes.member) {
        *more = !t->waiting;
        return K2_OK;
    }
    bool replaced = is_replaced(t); /* first: nothing written before that may be missed */
    if (fstat(t->bytes.fd, &st) != 0)
        return k2_fail_errno(err, "look at %s", t->path);
    t->bytes.all = st.st_size;
    *more = true;
    if (st.st_size < t->bytes.done)
        return begin_anew(t, "it became shorter: read from its start", sink, err);
    if (st.st_size > t->bytes.done && !is_where_it_was(t))
        return begin_anew(t, "it was written anew: read from its start", sink, err);
    if (st.st_size > t->bytes.done)
        return K2_OK;
    if (is_rewritten(t, &st))
        return begin_anew(t, "it was written anew: read from its start", sink, err);
    if (replaced && t->waiting)
        return begin_anew(t, "another file took its place: read from its start", sink, err);
    *more = !t->waiting; /* of a gzip file all may be read and not all be unpacked */
    return K2_OK;
}

/* When it had nothing more, and after every rest: what is read in pieces may be overwritten between two. */
static bool is_time_to_look(struct feed_tail *t) {
    int64_t now = k2_monotonic_ns();
    bool rested = t->o.follow && now - t->looked_ns >= LOOK_EVERY;
    if (!t->waiting && !rested)
        return false;
    t->looked_ns = now;
    return true;
}

int feed_tail_step(struct feed_tail *t, size_t max_bytes, const struct feed_sink *sink, bool *idle,
                   struct k2_err *err) {
    bool more = !t->ended;
    int rc = K2_OK;
    if (more && t->open && is_time_to_look(t))
        rc = look_again(t, sink, &more, err);
    if (rc == K2_OK && more && !t->open)
        rc = open_or_wait(t, &more, err);
    if (rc == K2_OK && more)
        rc = read_piece(t, max_bytes, sink, &more, err);
    t->waiting = !more;
    t->ended |= rc != K2_OK;
    *idle = !more;
    return rc;
}

/* --- marks --- */

static struct k2_h128 hash_of(const struct feed_edge *e) {
    return k2_hash128(e->at, e->n);
}

/* What decides, beside the file, which events come out of it. */
static struct k2_h128 options_hash(const struct feed_tail *t) {
    const char *const words[] = {t->o.ops->name, t->exchange, t->symbol,
                                 t->calendar,    t->mapping,  t->selection};
    struct k2_buf all = {0};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        k2_avro_put_bytes(&all, k2_sv_of(words[i]));
    k2_avro_put_long(&all, t->o.feed.date);
    struct k2_h128 h = k2_hash128(all.p, all.n);
    k2_buf_free(&all);
    return h;
}

static void put_u64(struct k2_buf *out, uint64_t v) {
    k2_put_u64(k2_buf_need(out, 8), v);
    out->n += 8;
}

static void put_hash(struct k2_buf *out, struct k2_h128 h) {
    put_u64(out, h.lo);
    put_u64(out, h.hi);
}

static bool has_hash(const char *at, struct k2_h128 h) {
    return k2_get_u64(at) == h.lo && k2_get_u64(at + 8) == h.hi;
}

/* 0 = where it is cannot be gone on from later. */
static uint8_t mark_kind(const struct feed_tail *t) {
    if (!t->open || !t->regular || t->bytes.member || t->bytes.done == 0 || !t->bytes.told ||
        !t->o.ops->save)
        return 0;
    if (t->bytes.unpack)
        return t->ended && t->bytes.whole ? MARK_UNPACKED : 0;
    return t->cut ? 0 : MARK_GROWS;
}

void feed_tail_mark(const struct feed_tail *t, struct k2_buf *out) {
    uint8_t kind = mark_kind(t);
    if (!kind)
        return;
    uint64_t done = (uint64_t)t->bytes.done;
    k2_buf_byte(out, kind);
    put_u64(out, t->inode);
    put_u64(out, done);
    put_u64(out, kind == MARK_GROWS ? done - t->held.n : done);
    put_hash(out, hash_of(&t->bytes.head));
    put_hash(out, hash_of(&t->bytes.trail));
    put_hash(out, options_hash(t));
    t->o.ops->save(t->state, out);
}

struct mark {
    uint8_t kind;
    uint64_t inode;
    int64_t done, taken;
    const char *hashes; /* head, trail, options */
    struct k2_sv state;
};

static bool parse_mark(struct k2_sv bytes, struct mark *m) {
    if (bytes.n < MARK_STATE)
        return false;
    *m = (struct mark){.kind = (uint8_t)bytes.p[0],
                       .inode = k2_get_u64(bytes.p + 1),
                       .done = (int64_t)k2_get_u64(bytes.p + 9),
                       .taken = (int64_t)k2_get_u64(bytes.p + 17),
                       .hashes = bytes.p + 25,
                       .state = {bytes.p + MARK_STATE, bytes.n - MARK_STATE}};
    return (m->kind == MARK_GROWS || m->kind == MARK_UNPACKED) && m->done > 0 && m->taken >= 0 &&
           m->taken <= m->done;
}

/* The file is open; sets its edges as they were when the mark was made. */
static bool is_marked_file(struct feed_tail *t, const struct mark *m) {
    struct feed_bytes *b = &t->bytes;
    int64_t head = m->done < FEED_EDGE ? m->done : FEED_EDGE;
    bool size = m->kind == MARK_GROWS ? b->all >= m->done : b->all == m->done;
    return t->regular && size && m->inode == t->inode &&
           has_hash(m->hashes + 32, options_hash(t)) && feed_edge_read(b->fd, head, &b->head) &&
           has_hash(m->hashes, hash_of(&b->head)) && feed_edge_read(b->fd, m->done, &b->trail) &&
           has_hash(m->hashes + 16, hash_of(&b->trail));
}

/* Goes on where the decoder was. */
static bool go_on_at(struct feed_tail *t, const struct mark *m) {
    struct feed_bytes *b = &t->bytes;
    if (!feed_edge_read(b->fd, m->taken, &b->trail) ||
        lseek(b->fd, m->taken, SEEK_SET) != m->taken || !t->o.ops->restore(t->state, m->state))
        return false;
    if (m->taken < (int64_t)b->head.n)
        b->head.n = (size_t)m->taken;
    b->done = m->taken;
    b->told = true;
    t->ended = m->kind == MARK_UNPACKED;
    return true;
}

bool feed_tail_resume(struct feed_tail *t, struct k2_sv mark) {
    struct mark m;
    bool good = parse_mark(mark, &m) && t->o.ops->restore &&
                (t->open || open_file(t, NULL) == K2_OK) && is_marked_file(t, &m) &&
                go_on_at(t, &m);
    if (!good)
        close_file(t); /* the first step opens it again */
    return good;
}

/* --- the calls --- */

static char *copy_of(struct k2_sv s) {
    return s.n ? k2_sv_dup(s) : NULL;
}

int feed_tail_open(const char *path, const struct feed_tail_options *o, struct k2_interner *in,
                   struct feed_tail **out, struct k2_err *err) {
    struct feed_tail *t = k2_zalloc(sizeof *t);
    t->path = k2_strdup(path);
    t->exchange = copy_of(feed_exchange_code(o->feed.exchange));
    t->symbol = copy_of(o->feed.symbol);
    t->source = copy_of(o->feed.source);
    t->selection = copy_of(o->selection);
    t->mapping = copy_of(o->feed.mapping);
    t->calendar = o->feed.calendar ? k2_strdup(o->feed.calendar) : NULL;
    t->o = *o;
    t->o.feed.exchange = k2_sv_of(t->exchange);
    t->o.feed.symbol = k2_sv_of(t->symbol);
    t->o.feed.source = k2_sv_of(t->source);
    t->o.feed.calendar = t->calendar;
    t->o.feed.mapping = k2_sv_of(t->mapping);
    t->in = in;
    t->state = k2_zalloc(o->ops->state_size);
    int rc = start_decoder(t, err);
    if (rc == K2_OK && !o->follow)
        rc = open_file(t, err);
    if (rc != K2_OK) {
        feed_tail_close(t);
        return rc;
    }
    *out = t;
    return K2_OK;
}

void feed_tail_close(struct feed_tail *t) {
    if (!t)
        return;
    close_file(t);
    t->o.ops->fini(t->state);
    k2_buf_free(&t->held);
    free(t->path);
    free(t->exchange);
    free(t->symbol);
    free(t->calendar);
    free(t->mapping);
    free(t->source);
    free(t->selection);
    free(t->state);
    k2_content_end(t->sum, NULL);
    free(t);
}

int feed_tail_check_end(const struct feed_tail *t, struct k2_err *err) {
    return t->open && t->waiting && !t->ended ? feed_bytes_check_end(&t->bytes, err) : K2_OK;
}

struct feed_tail_state feed_tail_state(const struct feed_tail *t) {
    int64_t done = t->open ? t->bytes.done : 0, all = t->open ? t->bytes.all : -1;
    return (struct feed_tail_state){.done = done,
                                    .all = all >= 0 && all < done ? done : all,
                                    .restarts = t->restarts,
                                    .ended = t->ended};
}

bool feed_tail_content(struct feed_tail *t, struct k2_content *out) {
    bool any = t->sum != NULL;
    k2_content_end(t->sum, out);
    t->sum = t->bytes.sum = NULL;
    return any;
}
