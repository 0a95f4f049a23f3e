/* journal/local/append.c - writing gathered records as frames.
 *
 * Records were gathered behind room for a frame header, so a frame is written from where its records were encoded:
 * nothing is copied. With a key they are encrypted into one buffer that is used for frame after frame; what was gathered stays
 * as it is, for a write that fails. local_write writes the frames of all partitions one behind the other. If that fails (disk full) the records stay gathered and the call
 * may be repeated: what it left in the file is overwritten then, or cut at the next opening.
 */
#include "journal/local/observe.h"

#include "base/clock.h"

#include <stdlib.h>

/* --- writing --- */

/* The bytes of the frame of what a partition gathered. */
static size_t length_of(const struct local *j, const struct gather *g) {
    return g->bytes.n + (j->key ? CIPHER_MORE : 0);
}

static int check_sizes(const struct local *j, struct k2_err *err) {
    for (int i = 0; i < j->base.dirty_count; i++)
        if (length_of(j, j->base.dirty[i]) > FRAME_MAX)
            return k2_fail(
                err, K2_E_RANGE,
                "a batch of %zu bytes is too large for the journal (most: %u); write more "
                "often",
                j->base.dirty[i]->bytes.n, FRAME_MAX);
    return K2_OK;
}

static int64_t append_time(const struct local *j) {
    int64_t now = j->clock();
    return now > j->last_append_ns ? now : j->last_append_ns;
}

/* The frame of what a partition gathered. */
static struct frame frame_of(const struct local *j, const struct gather *g, int64_t position,
                             int64_t append_ns, int64_t synced) {
    return (struct frame){.length = (uint32_t)length_of(j, g),
                          .topic = g->topic,
                          .partition = g->partition,
                          .count = g->count,
                          .base_offset = g->base_offset,
                          .append_ns = append_ns,
                          .min_event_ns = g->min_event_ns,
                          .max_event_ns = g->max_event_ns,
                          .position = position,
                          .synced = synced,
                          .key = j->key};
}

/* The whole frame in *out: where it was gathered, or encrypted. */
static int make_frame(struct local *j, struct gather *g, const struct frame *f, uint8_t **out,
                      struct k2_err *err) {
    *out = g->bytes.p;
    if (j->key) {
        j->encrypted.n = 0;
        *out = k2_buf_need(&j->encrypted, f->length);
    }
    journal_frame_head(*out, f, j->base.incarnation);
    if (j->key)
        K2_TRY(journal_cipher_seal(
            j->cipher, j->key, j->base_position, *out, FRAME_HEADER,
            (struct k2_sv){(const char *)g->bytes.p + FRAME_HEADER, g->bytes.n - FRAME_HEADER},
            err));
    journal_frame_seal(*out, f);
    return K2_OK;
}

/* Writes every gathered batch from log position *at on. */
static int write_frames(struct local *j, int64_t *at, int64_t synced, struct k2_err *err) {
    int64_t now = append_time(j);
    for (int i = 0; i < j->base.dirty_count; i++) {
        struct gather *g = j->base.dirty[i];
        if (g->count == 0)
            continue;
        struct frame f = frame_of(j, g, *at, now, synced);
        uint8_t *bytes;
        K2_TRY(make_frame(j, g, &f, &bytes, err));
        K2_TRY(k2_fs_pwrite(j->fd, bytes, f.length, *at - j->base_position, j->path, err));
        *at += f.length;
    }
    j->last_append_ns = now;
    return K2_OK;
}

static void note_frame(struct local *j, const struct frame *f) {
    if (j->note_count == j->note_cap) {
        j->note_cap = j->note_cap ? 2 * j->note_cap : 64;
        j->notes = k2_realloc(j->notes, j->note_cap * sizeof *j->notes);
    }
    j->notes[j->note_count++] = *f;
}

/* The frames are in the page cache: they await their sync, and gathering begins anew. */
static void hand_over(struct local *j, int64_t synced, int64_t end) {
    int64_t records = 0, batches = 0, at = j->written;
    for (int i = 0; i < j->base.dirty_count; i++) {
        const struct gather *g = j->base.dirty[i];
        if (g->count == 0)
            continue;
        struct frame f = frame_of(j, g, at, j->last_append_ns, synced);
        note_frame(j, &f);
        records += g->count;
        batches++;
        at += f.length;
    }
    journal_gather_clear(&j->base);
    journal_observe_write(records, batches, end - j->written);
    j->written = end;
}

/* Makes room: what is known durable comes back in *synced. */
static int prepare(struct local *j, int64_t *synced, struct k2_err *err) {
    int rc = j->failed.status ? k2_fail(err, j->failed.status, "%s", j->failed.msg) : K2_OK;
    if (rc == K2_OK && j->written - j->base_position >= j->segment_bytes)
        rc = journal_seal_roll(j, err);
    *synced = j->durable;
    return rc;
}

/* `wake`: the sync thread is to sync it; otherwise the caller will. */
static int write_pending(struct local *j, int64_t *position, bool wake, struct k2_err *err) {
    K2_ASSERT(!j->base.open);
    int64_t synced;
    if (j->base.mode != JOURNAL_WRITE)
        return k2_fail(err, K2_E_INVALID, "the journal %s is open for reading only", j->dir);
    K2_TRY(check_sizes(j, err));
    pthread_mutex_lock(&j->base.mutex);
    int rc = prepare(j, &synced, err);
    int64_t at = j->written;
    pthread_mutex_unlock(&j->base.mutex);
    if (rc == K2_OK)
        rc = write_frames(j, &at, synced, err);
    if (rc != K2_OK) {
        k2_err_context(err, rc, "append to the journal");
        return rc;
    }
    pthread_mutex_lock(&j->base.mutex);
    hand_over(j, synced, at);
    if (wake && j->durable < j->written)
        pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->base.mutex);
    if (position)
        *position = at;
    return K2_OK;
}

int local_write(struct journal *journal, int64_t *position, struct k2_err *err) {
    struct local *j = local_of(journal);
    return write_pending(j, position, true, err);
}

int local_flush(struct journal *journal, int64_t position, struct k2_err *err) {
    struct local *j = local_of(journal);
    pthread_mutex_lock(&j->base.mutex);
    int rc = journal_sync_wait(j, position, err);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

int local_commit(struct journal *journal, struct k2_err *err) {
    struct local *j = local_of(journal);
    int64_t position;
    K2_TRY(write_pending(j, &position, false, err));
    return local_flush(journal, position, err);
}

int local_commit_with(struct journal *journal, const char *group, const struct journal_span *spans,
                      int n, struct k2_err *err) {
    K2_TRY(local_commit(journal, err));
    return local_position_save(journal, group, spans, n, err);
}
