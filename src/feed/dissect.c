/* feed/dissect.c - see dissect.h: a decoder around another one, that cuts a source into frames and has each of them
 * told instead of decoded. */
#include "feed/capture/frames.h"

#include <stdlib.h>

struct dissection {
    const struct feed_dissector *d;
    struct feed_frames *frames;
    void *state; /* of d->of */
};

static int take_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct dissection *s = state;
    const struct feed_dissector *d = s->d;
    struct k2_err why = {0};
    int rc = d->of->dissect(d->of, s->state, f, d->visit, &why);
    K2_TRY(d->frame(d->ctx, f, rc == K2_OK ? NULL : why.msg, err));
    if (rc == K2_OK)
        return K2_OK;
    const struct feed_reject r = {.reason = "MALFORMED",
                                  .detail = why.msg,
                                  .raw = f->bytes,
                                  .position = f->number,
                                  .offset = f->offset};
    return sink->reject(sink->ctx, &r, err);
}

static size_t cut(void *state, struct k2_sv bytes) {
    struct dissection *s = state;
    const struct feed_ops *of = s->d->of;
    return of->cut_by ? of->cut_by(s->state, bytes) : of->cut(of, bytes);
}

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    struct dissection *s = state;
    s->d = self->table;
    s->state = k2_zalloc(s->d->of->state_size);
    enum feed_framing framing = s->d->of->framing;
    s->frames = feed_frames_new(&(struct feed_frames_options){
        .frame = take_frame, .state = s, .framing = framing, .cut = cut});
    return s->d->of->init(s->d->of, s->state, o, in, err);
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct dissection *s = state;
    return feed_frames_decode(s->frames, bytes, last, consumed, sink, err);
}

static void fini(void *state) {
    struct dissection *s = state;
    feed_frames_free(s->frames);
    if (s->state)
        s->d->of->fini(s->state);
    free(s->state);
    *s = (struct dissection){0};
}

void feed_dissector_init(struct feed_dissector *d, const struct feed_ops *of,
                         const struct feed_visit *visit,
                         K2_RC (*frame)(void *ctx, const struct feed_frame *f, const char *why,
                                        struct k2_err *err),
                         void *ctx) {
    *d = (struct feed_dissector){.of = of, .visit = visit, .frame = frame, .ctx = ctx};
    d->ops = (struct feed_ops){.name = of->name,
                               .title = of->title,
                               .numbering = of->numbering,
                               .facts = of->facts,
                               .table = d,
                               .state_size = sizeof(struct dissection),
                               .detect = of->detect,
                               .init = init,
                               .decode = decode,
                               .fini = fini};
}
