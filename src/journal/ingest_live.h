/* journal/ingest_live.h - a live source (feed/live/live.h) with its decoder, for ingest_source.c.
 *
 * What is received goes to the raw topic first (journal/raw.h), then the same frames to the decoder, in the form of a
 * raw capture. When it begins, frames that an earlier run received and did not decode are decoded before anything new
 * is received: a mark says how far the decoding was.
 */
#ifndef K2_JOURNAL_INGEST_LIVE_H
#define K2_JOURNAL_INGEST_LIVE_H

#include "journal/ingest_int.h"

struct ingest_live;

/* `url` is the first of the source's, `key` what it is known by in the topic, which is that of o->options.exchange. Strings
 * are copied. */
K2_RC ingest_live_open(struct ingest *g, const char *url, const char *key,
                       const struct ingest_source_options *o, struct ingest_live **out,
                       struct k2_err *err);
/* Something that came of its frames since the last mark was not stored, because its channel is halted: what the mark
 * stands for is kept by retention, and decoded again with the next rewind, or by a later run. */
void ingest_live_hold(struct ingest_live *l);
/* Its frames are decoded again before anything new is received: from where the first was passed over, with the decoder's
 * state of then; where none was that this run knows of, all that the topic holds, by a decoder that begins anew. What was
 * decoded before is dropped as duplicates. */
K2_RC ingest_live_rewind(struct ingest_live *l, struct k2_err *err);
/* Frames of a raw capture as if the connection had brought them: what was asked for elsewhere. To the raw topic, and to
 * the same decoder, which knows the symbols. */
K2_RC ingest_live_give(struct ingest_live *l, struct k2_sv capture, struct k2_err *err);
void ingest_live_close(struct ingest_live *l); /* NULL is fine */
/* Takes what has come, at most about max_bytes of it. */
K2_RC ingest_live_step(struct ingest_live *l, size_t max_bytes, bool *idle, struct k2_err *err);

/* Format in ingest_live.c; nothing is appended where there is nothing to go on from. */
void ingest_live_mark(struct ingest_live *l, struct k2_buf *out);
/* Before the first step of a source that resumes; false: there is no good mark, and all its frames that the topic holds
 * are decoded. */
bool ingest_live_resume(struct ingest_live *l, struct k2_sv mark);

/* At its end: its group goes, if all that it received is decoded. What comes later to its topic is not its concern; a
 * later run goes on at its mark all the same, with what retention left. */
K2_RC ingest_live_leave(struct ingest_live *l, struct k2_err *err);

struct ingest_live_state ingest_live_state(const struct ingest_live *l);
int ingest_live_fd(const struct ingest_live *l);

#endif
