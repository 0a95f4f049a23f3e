/* feed/capture/frames.c - the frames inside a source; see frames.h.
 *
 * Bounds: a packet or frame of FRAME_MAX bytes; fragments.c, flows.c and tcp.c say theirs. Where the structure of
 * the source itself is damaged, what cannot be read is answered by one reject and passed over up to the next
 * record, block or frame that can be believed.
 */
#include "feed/capture/frames_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum form { FORM_UNKNOWN, FORM_PCAP, FORM_PCAPNG, FORM_RAW, FORM_STREAM };

struct feed_frames {
    struct feed_frames_options o;
    const struct feed_sink *sink; /* of the call under way */
    enum form form;
    uint64_t at;     /* offset of the first byte that is shown */
    uint64_t skip;   /* bytes still to come that hold nothing */
    int64_t number;  /* of the last packet, or of the last frame where there are no packets */
    bool lost;       /* looking for something that can be believed */
    uint64_t passed; /* bytes that were passed over while lost */
    struct k2_buf passed_shown;
    char what[100]; /* was wrong */
    struct capture capture;
    struct raw_reader raw;
    struct fragments *fragments;
    struct flows *flows;
};

/* --- answers --- */

const struct feed_frames_options *frames_options(const struct feed_frames *f) {
    return &f->o;
}

int64_t frames_number(const struct feed_frames *f) {
    return f->number;
}

int frames_give(struct feed_frames *f, struct k2_sv bytes, bool datagram, uint32_t flow,
                struct k2_sv flow_name, const struct place *at, struct k2_err *err) {
    const struct feed_frame frame = {.bytes = bytes,
                                     .time_ns = at->time_ns,
                                     .number = at->number,
                                     .offset = at->offset,
                                     .flow = flow,
                                     .flow_name = flow_name,
                                     .datagram = datagram};
    return f->o.frame(f->o.state, &frame, f->sink, err);
}

int frames_give_message(struct feed_frames *f, struct k2_sv bytes, uint32_t flow,
                        struct k2_sv flow_name, const struct place *at, struct k2_sv session,
                        int64_t message, struct k2_err *err) {
    const struct feed_frame frame = {.bytes = bytes,
                                     .time_ns = at->time_ns,
                                     .number = at->number,
                                     .offset = at->offset,
                                     .flow = flow,
                                     .flow_name = flow_name,
                                     .session = session,
                                     .message = message};
    return f->o.frame(f->o.state, &frame, f->sink, err);
}

int frames_refuse(struct feed_frames *f, const struct place *at, struct k2_sv raw,
                  struct k2_err *err, const char *detail, ...) {
    char text[240];
    va_list args;
    va_start(args, detail);
    vsnprintf(text, sizeof text, detail, args);
    va_end(args);
    const struct feed_reject r = {.reason = "MALFORMED",
                                  .detail = text,
                                  .raw = front(raw, FRAME_SHOWN),
                                  .position = at->number,
                                  .offset = at->offset};
    return f->sink->reject(f->sink->ctx, &r, err);
}

int frames_pass(struct feed_frames *f, const char *why, struct k2_err *err) {
    return f->sink->filtered(f->sink->ctx, why, err);
}

static struct place place_of(const struct packet *p) {
    return (struct place){p->time_ns, p->number, p->offset};
}

static int refuse_packet(struct feed_frames *f, const struct packet *p, const char *why,
                         struct k2_err *err) {
    struct place at = place_of(p);
    return frames_refuse(f, &at, p->bytes, err, "%s", why);
}

int frames_refuse_cut(struct feed_frames *f, const struct packet *p, struct k2_err *err) {
    struct place at = place_of(p);
    return frames_refuse(f, &at, p->bytes, err,
                         "the packet was cut when it was captured: %zu of its %zu bytes are there",
                         p->bytes.n, p->size);
}

/* --- packets --- */

static int lose_fragments(void *ctx, const struct fragment_lost *l, struct k2_err *err) {
    const struct place at = {K2_NULL_LONG, l->number, l->offset};
    return frames_refuse(ctx, &at, l->raw, err,
                         "not all fragments of this IP datagram came, or they do not fit together");
}

static int take_datagram(struct feed_frames *f, const struct packet *p, const struct ip *ip,
                         const struct transport *t, struct k2_err *err) {
    struct place at = place_of(p);
    struct flow_name name;
    if (t->payload.n == 0)
        return frames_pass(f, "a datagram without payload", err);
    K2_TRY(flows_datagram(f->flows, f, ip, t, &name, err));
    at.offset = t->offset;
    return frames_give(f, t->payload, true, name.id, name.text, &at, err);
}

/* The IP payload is whole, or what was captured of it. */
static int take_transport(struct feed_frames *f, const struct packet *p, const struct ip *ip,
                          struct k2_err *err) {
    struct transport t;
    const char *why = NULL;
    enum seen seen = packet_transport(ip, &t, &why);
    if (seen == SEEN_OTHER)
        return frames_pass(f, why, err);
    if (seen == SEEN_BAD)
        return refuse_packet(f, p, why, err);
    if (t.protocol == PROTOCOL_TCP && f->o.framing == FEED_FRAMING_NONE)
        return frames_pass(f, "a TCP packet: the format comes in datagrams only", err);
    if (seen == SEEN_CUT && (t.protocol == PROTOCOL_UDP || !t.payload.p))
        return frames_refuse_cut(f, p, err);
    return t.protocol == PROTOCOL_TCP ? flows_segment(f->flows, f, p, ip, &t, err)
                                      : take_datagram(f, p, ip, &t, err);
}

static int take_packet(struct feed_frames *f, const struct packet *p, struct k2_err *err) {
    struct ip ip;
    const char *why = NULL;
    bool whole = true;
    enum seen seen = packet_ip(p, &ip, &why);
    if (seen == SEEN_OTHER)
        return frames_pass(f, why, err);
    if (seen == SEEN_BAD)
        return refuse_packet(f, p, why, err);
    if (seen == SEEN_CUT && (ip.fragment || !ip.payload.p))
        return frames_refuse_cut(f, p, err);
    if (ip.fragment)
        K2_TRY(fragments_add(f->fragments, p, &ip, &whole, lose_fragments, f, err));
    return whole ? take_transport(f, p, &ip, err) : K2_OK;
}

/* --- what cannot be read --- */

static void get_lost(struct feed_frames *f, const char *what) {
    snprintf(f->what, sizeof f->what, "%s", what);
    f->lost = true;
    f->passed = 0;
    f->passed_shown.n = 0;
}

static size_t pass_over(struct feed_frames *f, struct k2_sv bytes, size_t n) {
    size_t room = FRAME_SHOWN - f->passed_shown.n;
    k2_buf_put(&f->passed_shown, bytes.p, n < room ? n : room);
    f->passed += n;
    return n;
}

/* Something can be believed again, at `at`, or the source is at its end. */
static int find_again(struct feed_frames *f, struct k2_err *err) {
    const struct place at = {K2_NULL_LONG, ++f->number, f->at - f->passed};
    f->lost = false;
    return frames_refuse(f, &at, k2_buf_view(&f->passed_shown), err,
                         "%s; %llu bytes are passed over", f->what, (unsigned long long)f->passed);
}

/* --- captures --- */

/* Looks for the next record or block; what is before it is passed over. */
static int search_capture(struct feed_frames *f, struct k2_sv bytes, bool last, size_t *used,
                          struct k2_err *err) {
    enum sound sound = SOUND_NO;
    size_t n = 0;
    while (n < bytes.n && sound == SOUND_NO) {
        struct k2_sv rest = behind(bytes, n);
        sound = f->form == FORM_PCAP ? pcap_sound(&f->capture, rest, last)
                                     : pcapng_sound(&f->capture, rest, last);
        n += sound == SOUND_NO;
    }
    if (n > 0)
        *used = pass_over(f, bytes, n);
    return n == 0 && sound == SOUND_YES ? find_again(f, err) : K2_OK;
}

static int take_found(struct feed_frames *f, struct finding *found, struct k2_err *err) {
    struct packet *p = &found->packet;
    p->number = ++f->number;
    p->offset += f->at;
    return take_packet(f, p, err);
}

static int refuse_block(struct feed_frames *f, struct k2_sv bytes, const struct finding *found,
                        struct k2_err *err) {
    const struct place at = {K2_NULL_LONG, ++f->number, f->at};
    return frames_refuse(f, &at, front(bytes, found->size), err, "%s", found->what);
}

/* One record or block; *used 0 = it is not whole yet. */
static int step_capture(struct feed_frames *f, struct k2_sv bytes, bool last, size_t *used,
                        struct k2_err *err) {
    struct finding found = {0};
    if (f->lost)
        K2_TRY(search_capture(f, bytes, last, used, err));
    if (f->lost)
        return K2_OK;
    if (f->skip > 0) {
        *used = f->skip < bytes.n ? (size_t)f->skip : bytes.n;
        f->skip -= *used;
        return K2_OK;
    }
    enum found what = f->form == FORM_PCAP ? pcap_next(&f->capture, bytes, &found)
                                           : pcapng_next(&f->capture, bytes, &found);
    if (what == FOUND_MORE)
        return K2_OK;
    if (what == FOUND_OTHER) {
        *used = found.size < bytes.n ? found.size : bytes.n;
        f->skip = found.size - *used;
        return K2_OK;
    }
    if (what == FOUND_DAMAGE && found.size == 0) {
        get_lost(f, found.what);
        *used = pass_over(f, bytes, 1);
        return K2_OK;
    }
    *used = found.size;
    return what == FOUND_PACKET ? take_found(f, &found, err) : refuse_block(f, bytes, &found, err);
}

/* --- raw captures --- */

/* All that is whole: what is found may be of no bytes, behind some that were passed over. */
static int step_raw(struct feed_frames *f, struct k2_sv bytes, bool last, size_t *used,
                    struct k2_err *err) {
    struct k2_sv rest = bytes;
    struct raw_finding r;
    enum raw_found found;
    int rc = K2_OK;
    while (rc == K2_OK && (found = raw_next(&f->raw, &rest, last, &r)) != RAW_MORE) {
        f->number = f->raw.number;
        rc = raw_frames_take(f, f->flows, found, &r, err);
    }
    *used = bytes.n - rest.n;
    return rc;
}

/* --- streams --- */

static int step_stream(struct feed_frames *f, struct k2_sv bytes, size_t *used,
                       struct k2_err *err) {
    struct piece piece;
    bool none = f->o.framing == FEED_FRAMING_NONE || f->o.framing == FEED_FRAMING_SEGMENTS;
    enum cut cut = none ? CUT_NONE : framing_cut(&f->o, bytes, &piece);
    if (cut == CUT_MORE)
        return K2_OK;
    if (cut == CUT_NONE) {
        if (!f->lost)
            get_lost(f, none ? "this is no capture (pcap, pcapng), and the format comes in packets"
                             : "no frame begins here");
        *used = pass_over(f, bytes, 1);
        return K2_OK;
    }
    if (f->lost)
        K2_TRY(find_again(f, err));
    *used = piece.size;
    const struct place at = {K2_NULL_LONG, ++f->number,
                             f->at + (uint64_t)(piece.frame.p - bytes.p)};
    return cut == CUT_FRAME ? frames_give(f, piece.frame, false, 0, K2_SV(""), &at, err)
                            : frames_pass(f, piece.why, err);
}

/* Those that the decoder's short way takes. */
static int take_run(struct feed_frames *f, struct k2_sv bytes, size_t *used, struct k2_err *err) {
    struct feed_frame next = {
        .time_ns = K2_NULL_LONG, .number = f->number + 1, .offset = f->at + 2};
    int rc = f->o.run(f->o.state, behind(bytes, *used), &next, f->sink, err);
    *used += (size_t)(next.offset - 2 - f->at);
    f->number = next.number - 1;
    f->at = next.offset - 2;
    return rc;
}

/* The short way of a sound BinaryFILE: the frames that are whole, up to the end of the session or of the bytes. */
static int take_length16(struct feed_frames *f, struct k2_sv bytes, size_t *used,
                         struct k2_err *err) {
    struct feed_frame frame = {.time_ns = K2_NULL_LONG};
    int rc = f->o.run ? take_run(f, bytes, used, err) : K2_OK;
    while (rc == K2_OK && bytes.n - *used >= 2) {
        const char *p = bytes.p + *used;
        size_t length = be16(p);
        if (length == 0 || bytes.n - *used - 2 < length)
            break;
        frame.bytes = (struct k2_sv){p + 2, length};
        frame.number = ++f->number;
        frame.offset = f->at + 2;
        rc = f->o.frame(f->o.state, &frame, f->sink, err);
        *used += 2 + length;
        f->at += 2 + length;
        if (rc == K2_OK && f->o.run)
            rc = take_run(f, bytes, used, err);
    }
    return rc;
}

/* --- the calls --- */

static enum form form_of(struct k2_sv head) {
    return feed_raw_is(head)                    ? FORM_RAW
           : head.n >= 4 && pcap_begins(head)   ? FORM_PCAP
           : head.n >= 4 && pcapng_begins(head) ? FORM_PCAPNG
                                                : FORM_STREAM;
}

bool feed_frames_is_capture(struct k2_sv head) {
    return form_of(head) != FORM_STREAM;
}

static void tell_form(struct feed_frames *f, struct k2_sv bytes, bool last) {
    if (!last && (bytes.n < 4 || (feed_raw_may_be(bytes) && !feed_raw_is(bytes))))
        return;
    f->form = form_of(bytes);
    if (f->form == FORM_STREAM)
        f->o.framing = framing_tell(f->o.framing, bytes);
}

/* Nothing comes behind the rest, which is not whole. */
static int end(struct feed_frames *f, struct k2_sv rest, struct k2_err *err) {
    const char *inside = f->form == FORM_STREAM ? "the source ends inside a frame"
                                                : "the capture ends inside a packet or block";
    if (f->form == FORM_RAW) {
        size_t used;
        K2_TRY(step_raw(f, rest, true, &used, err));
    } else if (f->lost) {
        f->at += pass_over(f, rest, rest.n);
        K2_TRY(find_again(f, err));
    } else if (rest.n > 0 || f->skip > 0) {
        const struct place at = {K2_NULL_LONG, ++f->number, f->at};
        K2_TRY(frames_refuse(f, &at, rest, err, "%s", inside));
    }
    K2_TRY(fragments_end(f->fragments, lose_fragments, f, err));
    return flows_end(f->flows, f, err);
}

int feed_frames_decode(struct feed_frames *f, struct k2_sv bytes, bool last, size_t *consumed,
                       const struct feed_sink *sink, struct k2_err *err) {
    size_t used = 1;
    int rc = K2_OK;
    *consumed = 0;
    f->sink = sink;
    if (f->form == FORM_UNKNOWN)
        tell_form(f, bytes, last);
    while (rc == K2_OK && used > 0 && *consumed < bytes.n && f->form != FORM_UNKNOWN) {
        if (f->form == FORM_STREAM && f->o.framing == FEED_FRAMING_LENGTH16 && !f->lost)
            rc = take_length16(f, bytes, consumed, err);
        if (rc != K2_OK || *consumed == bytes.n)
            break;
        struct k2_sv rest = behind(bytes, *consumed);
        used = 0;
        rc = f->form == FORM_STREAM ? step_stream(f, rest, &used, err)
             : f->form == FORM_RAW  ? step_raw(f, rest, last, &used, err)
                                    : step_capture(f, rest, last, &used, err);
        *consumed += used;
        f->at += used;
    }
    if (rc != K2_OK || !last)
        return rc;
    struct k2_sv rest = behind(bytes, *consumed);
    *consumed = bytes.n;
    return end(f, rest, err);
}

struct feed_frames *feed_frames_new(const struct feed_frames_options *o) {
    struct feed_frames *f = k2_zalloc(sizeof *f);
    K2_ASSERT(o->frame && (o->cut || o->framing != FEED_FRAMING_OWN));
    f->o = *o;
    f->fragments = fragments_new();
    f->flows = flows_new();
    return f;
}

void feed_frames_free(struct feed_frames *f) {
    if (!f)
        return;
    fragments_free(f->fragments);
    flows_free(f->flows);
    k2_buf_free(&f->capture.interfaces);
    k2_buf_free(&f->passed_shown);
    raw_reader_free(&f->raw);
    free(f);
}

/* --- the first frame --- */

struct first {
    struct k2_sv head;
    struct feed_frame frame;
    bool found;
};

/* Only what is in head as it is: other bytes are not there any more when the caller looks. */
static int keep_first(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct first *first = state;
    const char *p = f->bytes.p, *head = first->head.p;
    (void)sink;
    if (p < head || p + f->bytes.n > head + first->head.n)
        return K2_OK;
    first->frame = *f;
    first->frame.flow_name = (struct k2_sv){NULL, 0};
    first->found = true;
    return k2_fail(err, K2_E_INVALID, "enough");
}

/* A stream that only the decoder can cut: all that is there. */
static size_t cut_all(void *state, struct k2_sv bytes) {
    (void)state;
    return bytes.n;
}

bool feed_frames_first(struct k2_sv head, enum feed_framing framing, struct feed_frame *out) {
    struct first first = {.head = head};
    struct feed_frames *f = feed_frames_new(&(struct feed_frames_options){
        .frame = keep_first, .state = &first, .framing = framing, .cut = cut_all});
    size_t used;
    bool stopped = feed_frames_decode(f, head, false, &used, &feed_nobody, NULL) != K2_OK;
    feed_frames_free(f);
    *out = first.frame;
    return stopped && first.found;
}
