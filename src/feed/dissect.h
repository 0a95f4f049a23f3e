/* feed/dissect.h - the frames of a source, each told field by field: for `k2 decode`.
 *
 * Included by feed.h, the room's face. Thread-safety: none; one owner at a time.
 */
#ifndef K2_FEED_DISSECT_H
#define K2_FEED_DISSECT_H

struct feed_dissector {
    struct feed_ops ops; /* to be read with, as by feed_tail_open; it gives no events */
    /* What is looked through the fields of; set by feed_dissector_init. */
    const struct feed_ops *of;
    const struct feed_visit *visit;
    /* Called after the fields of each frame were told to `visit`; `why`: where it broke the format, else NULL. Then a
     * reject follows. */
    K2_RC (*frame)(void *ctx, const struct feed_frame *f, const char *why, struct k2_err *err);
    void *ctx;
};

/* of->dissect is there. Points to itself, so it is not to be copied. */
void feed_dissector_init(struct feed_dissector *d, const struct feed_ops *of,
                         const struct feed_visit *visit,
                         K2_RC (*frame)(void *ctx, const struct feed_frame *f, const char *why,
                                        struct k2_err *err),
                         void *ctx);

#endif
