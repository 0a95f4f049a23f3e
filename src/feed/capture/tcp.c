/* feed/capture/tcp.c - one direction of a TCP connection (RFC 9293) as a stream of frames.
 *
 * Bytes are taken in the order of their sequence numbers. What was taken before is dropped; what comes early waits,
 * at most WAITING_MAX segments and WAITING_BYTES of a flow, WAITING_ALL of all flows. Where that is not enough, what
 * is missing is given up by one reject and the flow is cut anew from the first segment behind the hole: a frame is
 * then expected to begin where a segment does. The same holds for a capture that begins inside a connection: its
 * segments are passed over until one begins with a frame.
 */
#include "feed/capture/frames_int.h"

#include <inttypes.h>
#include <stdlib.h>

#define WAITING_MAX 256
#define WAITING_BYTES ((size_t)1 << 20)
#define WAITING_ALL ((size_t)32 << 20)
#define JUMP ((int32_t)1 << 24) /* so far back nothing is sent again: the numbers began anew */

struct tcp_held {
    uint32_t sequence;
    bool fin;
    struct place at;
    size_t n;
    char *bytes;
};

struct mark { /* from this byte of `held` on, the bytes are in the source from offset on */
    size_t at;
    uint64_t offset;
};

struct segment {
    uint32_t sequence;
    bool fin;
    struct place at;
    struct k2_sv bytes;
};

/* --- what is held: the start of a frame --- */

static size_t mark_count(const struct tcp *t) {
    return t->marks.n / sizeof(struct mark);
}

static struct mark mark_at(const struct tcp *t, size_t i) {
    struct mark m;
    memcpy(&m, t->marks.p + i * sizeof m, sizeof m);
    return m;
}

static uint64_t offset_of(const struct tcp *t, size_t at) {
    size_t i = mark_count(t) - 1;
    while (i > 0 && mark_at(t, i).at > at)
        i--;
    return mark_at(t, i).offset + (at - mark_at(t, i).at);
}

static void hold(struct tcp *t, struct k2_sv bytes, uint64_t offset) {
    const struct mark m = {t->held.n, offset};
    k2_buf_put(&t->marks, &m, sizeof m);
    k2_buf_sv(&t->held, bytes);
}

static void drop_held(struct tcp *t) {
    t->held.n = 0;
    t->marks.n = 0;
}

/* Takes the first n bytes off what is held. What is left came with the last segment: before it there was not
 * one whole frame. */
static void drop_front(struct tcp *t, size_t n) {
    struct k2_sv rest = behind(k2_buf_view(&t->held), n);
    if (rest.n == 0) {
        drop_held(t);
        return;
    }
    uint64_t offset = offset_of(t, n);
    memmove(t->held.p, rest.p, rest.n);
    t->held.n = rest.n;
    t->marks.n = 0;
    const struct mark m = {0, offset};
    k2_buf_put(&t->marks, &m, sizeof m);
}

/* --- cutting --- */

/* A frame, with the number that the login gave to the first of them. */
static int give_frame(struct tcp *t, struct feed_frames *f, struct flow_name name,
                      struct k2_sv frame, const struct place *place, struct k2_err *err) {
    if (t->message == 0)
        return frames_give(f, frame, false, name.id, name.text, place, err);
    return frames_give_message(f, frame, name.id, name.text, place, k2_sv_of(t->session),
                               t->message++, err);
}

/* Answers the pieces at the front of `bytes`; *used of them. `offset`: of bytes, or held's marks if held. */
static int cut_pieces(struct tcp *t, struct feed_frames *f, struct flow_name name,
                      const struct segment *s, struct k2_sv bytes, bool held, size_t *used,
                      struct k2_err *err) {
    struct piece piece;
    enum cut cut;
    *used = 0;
    while ((cut = framing_cut(frames_options(f), behind(bytes, *used), &piece)) == CUT_FRAME ||
           cut == CUT_PASSED) {
        size_t at = (size_t)(piece.frame.p - bytes.p);
        struct place place = s->at;
        place.offset = held ? offset_of(t, at) : s->at.offset + at;
        t->synced = true;
        *used += piece.size;
        if (piece.login.n)
            (void)feed_soup_accepted(piece.login, t->session, &t->message);
        K2_TRY(cut == CUT_FRAME ? give_frame(t, f, name, piece.frame, &place, err)
                                : frames_pass(f, piece.why, err));
    }
    if (cut != CUT_NONE)
        return K2_OK;
    struct place place = s->at;
    place.offset = held ? offset_of(t, *used) : s->at.offset + *used;
    struct k2_sv rest = behind(bytes, *used);
    *used = bytes.n;
    if (!t->synced)
        return frames_pass(f, "a TCP segment that does not begin with a frame", err);
    t->synced = false;
    return frames_refuse(f, &place, rest, err, "no frame begins here in the flow %.*s",
                         K2_SV_ARG(name.text));
}

static int add_bytes(struct tcp *t, struct feed_frames *f, struct flow_name name,
                     const struct segment *s, struct k2_err *err) {
    size_t used;
    if (t->held.n == 0) {
        K2_TRY(cut_pieces(t, f, name, s, s->bytes, false, &used, err));
        if (used < s->bytes.n)
            hold(t, behind(s->bytes, used), s->at.offset + used);
        return K2_OK;
    }
    hold(t, s->bytes, s->at.offset);
    K2_TRY(cut_pieces(t, f, name, s, k2_buf_view(&t->held), true, &used, err));
    if (used > 0)
        drop_front(t, used);
    return K2_OK;
}

/* No more bytes will come behind what is held. */
static int end_held(struct tcp *t, struct feed_frames *f, struct flow_name name,
                    const struct place *at, struct k2_err *err) {
    if (t->held.n == 0)
        return K2_OK;
    struct place place = *at;
    place.offset = offset_of(t, 0);
    int rc = frames_refuse(f, &place, k2_buf_view(&t->held), err,
                           "the flow %.*s ends inside a frame", K2_SV_ARG(name.text));
    drop_held(t);
    return rc;
}

/* A segment that begins at the next byte or before it. */
static int take(struct tcp *t, struct feed_frames *f, struct flow_name name, struct segment s,
                struct k2_err *err) {
    uint32_t old = t->next - s.sequence;
    if (old >= s.bytes.n && s.bytes.n > 0)
        return frames_pass(f, "a TCP segment that was sent again", err);
    if (s.bytes.n > 0) {
        t->next = s.sequence + (uint32_t)s.bytes.n;
        s.bytes = behind(s.bytes, old);
        s.at.offset += old;
        K2_TRY(add_bytes(t, f, name, &s, err));
    }
    if (!s.fin)
        return K2_OK;
    t->next++;
    return end_held(t, f, name, &s.at, err);
}

/* --- segments that came early --- */

static void take_first(struct tcp *t, struct tcp_held *h) {
    *h = t->waiting[0];
    t->waiting_n--;
    t->waiting_bytes -= h->n;
    *t->waiting_all -= h->n;
    memmove(t->waiting, t->waiting + 1, t->waiting_n * sizeof *t->waiting);
}

static int take_waiting(struct tcp *t, struct feed_frames *f, struct flow_name name,
                        struct k2_err *err) {
    int rc = K2_OK;
    while (rc == K2_OK && t->waiting_n > 0 && (int32_t)(t->waiting[0].sequence - t->next) <= 0) {
        struct tcp_held h;
        take_first(t, &h);
        rc = take(t, f, name, (struct segment){h.sequence, h.fin, h.at, {h.bytes, h.n}}, err);
        free(h.bytes);
    }
    return rc;
}

/* Where the next frame begins is not known any more. */
static void lose_place(struct tcp *t, uint32_t next) {
    t->message = 0;
    drop_held(t);
    t->synced = false;
    t->next = next;
}

/* There are segments that wait for bytes that will not come. */
static int give_up_hole(struct tcp *t, struct feed_frames *f, struct flow_name name,
                        struct k2_err *err) {
    struct place at = t->waiting[0].at;
    uint32_t next = t->waiting[0].sequence;
    if (t->held.n > 0)
        at.offset = offset_of(t, 0);
    K2_TRY(frames_refuse(f, &at, k2_buf_view(&t->held), err,
                         "%" PRIu32 " bytes are missing in the flow %.*s, with the frames in them",
                         next - t->next, K2_SV_ARG(name.text)));
    lose_place(t, next);
    return take_waiting(t, f, name, err);
}

static int wait(struct tcp *t, struct feed_frames *f, struct flow_name name,
                const struct segment *s, struct k2_err *err) {
    size_t i = t->waiting_n;
    while (i > 0 && (int32_t)(t->waiting[i - 1].sequence - s->sequence) > 0)
        i--;
    if (i > 0 && t->waiting[i - 1].sequence == s->sequence && t->waiting[i - 1].n >= s->bytes.n)
        return frames_pass(f, "a TCP segment that was sent again", err);
    if (!t->waiting)
        t->waiting = k2_alloc((WAITING_MAX + 1) * sizeof *t->waiting);
    memmove(t->waiting + i + 1, t->waiting + i, (t->waiting_n - i) * sizeof *t->waiting);
    t->waiting[i] = (struct tcp_held){s->sequence, s->fin, s->at, s->bytes.n, k2_sv_dup(s->bytes)};
    t->waiting_n++;
    t->waiting_bytes += s->bytes.n;
    *t->waiting_all += s->bytes.n;
    bool full = t->waiting_n > WAITING_MAX || t->waiting_bytes > WAITING_BYTES ||
                *t->waiting_all > WAITING_ALL;
    return full ? give_up_hole(t, f, name, err) : K2_OK;
}

/* --- segments as they come --- */

/* Not all of its bytes were captured: the frames in it are lost with it. */
static int take_cut(struct tcp *t, struct feed_frames *f, struct flow_name name,
                    const struct packet *p, uint32_t sequence, size_t said, struct k2_err *err) {
    uint32_t end = sequence + (uint32_t)said;
    if ((int32_t)(end - t->next) <= 0)
        return frames_pass(f, "a TCP segment that was sent again", err);
    K2_TRY(frames_refuse_cut(f, p, err));
    if ((int32_t)(sequence - t->next) > 0)
        return K2_OK; /* it may come again */
    lose_place(t, end);
    return take_waiting(t, f, name, err);
}

static int begin_anew(struct tcp *t, struct feed_frames *f, struct flow_name name,
                      const struct segment *s, struct k2_err *err) {
    K2_TRY(tcp_end(t, f, name, err));
    lose_place(t, s->sequence);
    return take(t, f, name, *s, err);
}

bool tcp_is_new(const struct tcp *t, const struct transport *s) {
    return s->syn && t->started && s->sequence != t->syn;
}

static void start(struct tcp *t, const struct transport *s, uint32_t first) {
    t->started = true;
    t->next = first;
    t->syn = s->syn ? s->sequence : first - 1;
}

int tcp_segment(struct tcp *t, struct feed_frames *f, struct flow_name name, const struct packet *p,
                const struct transport *s, struct k2_err *err) {
    struct segment seg = {
        s->sequence + (s->syn ? 1 : 0), s->fin, {p->time_ns, p->number, s->offset}, s->payload};
    if (!t->started)
        start(t, s, seg.sequence);
    if (s->rst)
        return tcp_end(t, f, name, err);
    if (s->payload.n < s->said)
        return take_cut(t, f, name, p, seg.sequence, s->said, err);
    if (s->payload.n == 0 && !s->fin)
        return frames_pass(f, "a TCP packet without payload", err);
    int32_t ahead = (int32_t)(seg.sequence - t->next);
    if (ahead < -JUMP)
        return begin_anew(t, f, name, &seg, err);
    if (ahead > 0)
        return wait(t, f, name, &seg, err);
    K2_TRY(take(t, f, name, seg, err));
    return take_waiting(t, f, name, err);
}

int tcp_end(struct tcp *t, struct feed_frames *f, struct flow_name name, struct k2_err *err) {
    struct place at = {.time_ns = K2_NULL_LONG};
    while (t->waiting_n > 0)
        K2_TRY(give_up_hole(t, f, name, err));
    at.number = frames_number(f);
    return end_held(t, f, name, &at, err);
}

int tcp_bytes(struct tcp *t, struct feed_frames *f, struct flow_name name, const struct place *at,
              struct k2_sv bytes, struct k2_err *err) {
    const struct segment s = {.at = *at, .bytes = bytes};
    if (!t->started)
        t->started = t->synced = true;
    return add_bytes(t, f, name, &s, err);
}

void tcp_free(struct tcp *t) {
    for (size_t i = 0; i < t->waiting_n; i++)
        free(t->waiting[i].bytes);
    if (t->waiting_all)
        *t->waiting_all -= t->waiting_bytes;
    free(t->waiting);
    k2_buf_free(&t->held);
    k2_buf_free(&t->marks);
    *t = (struct tcp){0};
}
