/* journal/append.c - gathering records and writing them as frames.
 *
 * Each partition gathers its records behind room for a frame header, so a frame is written from
 * where its records were encoded: nothing is copied. journal_write writes the frames of all
 * partitions one behind the other. If that fails (disk full) the records stay gathered and the call
 * may be repeated: what it left in the file is overwritten then, or cut at the next opening.
 */
#include "journal/observe.h"

#include "base/clock.h"

#include <stdlib.h>

/* --- gathering --- */

static void begin_batch(struct journal *j, struct gather *g, int32_t topic, int32_t partition) {
    g->frame = (struct frame){.topic = topic,
                              .partition = partition,
                              .base_offset = g->next,
                              .min_event_ns = INT64_MAX,
                              .max_event_ns = INT64_MIN};
    k2_buf_need(&g->bytes, FRAME_HEADER);
    g->bytes.n = FRAME_HEADER;
    j->dirty = k2_realloc(j->dirty, (size_t)(j->dirty_count + 1) * sizeof(struct gather *));
    j->dirty[j->dirty_count++] = g;
}

struct k2_buf *journal_record_begin(struct journal *j, int32_t topic, int32_t partition,
                                    struct k2_sv key) {
    K2_ASSERT(j->mode == JOURNAL_WRITE && !j->open);
    K2_ASSERT(topic >= 0 && topic < j->meta.topic_count);
    K2_ASSERT(partition >= 0 && partition < j->topics[topic].partitions);
    struct gather *g = &j->topics[topic].gathers[partition];
    if (g->frame.count == 0 && g->bytes.n == 0)
        begin_batch(j, g, topic, partition);
    j->open = g;
    j->open_at = g->bytes.n;
    j->open_key = key.n;
    k2_buf_need(&g->bytes, FRAME_RECORD);
    g->bytes.n += FRAME_RECORD;
    k2_buf_sv(&g->bytes, key);
    return &g->bytes;
}

int64_t journal_record_end(struct journal *j, int64_t event_ns) {
    struct gather *g = j->open;
    K2_ASSERT(g);
    uint8_t *record = g->bytes.p + j->open_at;
    k2_put_u32(record, (uint32_t)(g->bytes.n - j->open_at - FRAME_RECORD - j->open_key));
    k2_put_u32(record + 4, (uint32_t)j->open_key);
    if (event_ns < g->frame.min_event_ns)
        g->frame.min_event_ns = event_ns;
    if (event_ns > g->frame.max_event_ns)
        g->frame.max_event_ns = event_ns;
    g->frame.count++;
    j->open = NULL;
    return g->next++;
}

void journal_record_abort(struct journal *j) {
    K2_ASSERT(j->open);
    j->open->bytes.n = j->open_at;
    j->open = NULL;
}

size_t journal_pending_bytes(const struct journal *j) {
    size_t n = 0;
    for (int i = 0; i < j->dirty_count; i++)
        if (j->dirty[i]->frame.count > 0)
            n += j->dirty[i]->bytes.n;
    return n;
}

/* --- writing --- */

static int check_sizes(const struct journal *j, struct k2_err *err) {
    for (int i = 0; i < j->dirty_count; i++)
        if (j->dirty[i]->bytes.n > FRAME_MAX)
            return k2_fail(
                err, K2_E_RANGE,
                "a batch of %zu bytes is too large for the journal (most: %u); write more "
                "often",
                j->dirty[i]->bytes.n, FRAME_MAX);
    return K2_OK;
}

static int64_t append_time(const struct journal *j) {
    int64_t now = j->clock();
    return now > j->last_append_ns ? now : j->last_append_ns;
}

/* Writes every gathered batch from log position *at on. */
static int write_frames(struct journal *j, int64_t *at, int64_t synced, struct k2_err *err) {
    int64_t now = append_time(j);
    for (int i = 0; i < j->dirty_count; i++) {
        struct gather *g = j->dirty[i];
        if (g->frame.count == 0)
            continue;
        g->frame.length = (uint32_t)g->bytes.n;
        g->frame.append_ns = now;
        g->frame.position = *at;
        g->frame.synced = synced;
        journal_frame_seal(g->bytes.p, &g->frame, j->incarnation);
        K2_TRY(k2_fs_pwrite(j->fd, g->bytes.p, g->bytes.n, *at - j->base, j->path, err));
        *at += g->frame.length;
    }
    j->last_append_ns = now;
    return K2_OK;
}

static void note_frame(struct journal *j, const struct frame *f) {
    if (j->note_count == j->note_cap) {
        j->note_cap = j->note_cap ? 2 * j->note_cap : 64;
        j->notes = k2_realloc(j->notes, j->note_cap * sizeof *j->notes);
    }
    j->notes[j->note_count++] = *f;
}

/* The frames are in the page cache: they await their sync, and gathering begins anew. */
static void hand_over(struct journal *j, int64_t at) {
    int64_t records = 0, batches = 0;
    for (int i = 0; i < j->dirty_count; i++) {
        struct gather *g = j->dirty[i];
        records += g->frame.count;
        batches += g->frame.count > 0;
        if (g->frame.count > 0)
            note_frame(j, &g->frame);
        g->bytes.n = 0;
        g->frame.count = 0;
    }
    j->dirty_count = 0;
    journal_observe_write(records, batches, at - j->written);
    j->written = at;
}

/* Makes room: what is known durable comes back in *synced. */
static int prepare(struct journal *j, int64_t *synced, struct k2_err *err) {
    int rc = j->failed.status ? k2_fail(err, j->failed.status, "%s", j->failed.msg) : K2_OK;
    if (rc == K2_OK && j->written - j->base >= j->segment_bytes)
        rc = journal_seal_roll(j, err);
    *synced = j->durable;
    return rc;
}

/* `wake`: the sync thread is to sync it; otherwise the caller will. */
static int write_pending(struct journal *j, int64_t *position, bool wake, struct k2_err *err) {
    K2_ASSERT(!j->open);
    int64_t synced;
    if (j->mode != JOURNAL_WRITE)
        return k2_fail(err, K2_E_INVALID, "the journal %s is open for reading only", j->dir);
    K2_TRY(check_sizes(j, err));
    pthread_mutex_lock(&j->mutex);
    int rc = prepare(j, &synced, err);
    int64_t at = j->written;
    pthread_mutex_unlock(&j->mutex);
    if (rc == K2_OK)
        rc = write_frames(j, &at, synced, err);
    if (rc != K2_OK) {
        k2_err_context(err, rc, "append to the journal");
        return rc;
    }
    pthread_mutex_lock(&j->mutex);
    hand_over(j, at);
    if (wake && j->durable < j->written)
        pthread_cond_signal(&j->work);
    pthread_mutex_unlock(&j->mutex);
    if (position)
        *position = at;
    return K2_OK;
}

int journal_write(struct journal *j, int64_t *position, struct k2_err *err) {
    return write_pending(j, position, true, err);
}

int journal_flush(struct journal *j, int64_t position, struct k2_err *err) {
    pthread_mutex_lock(&j->mutex);
    int rc = journal_sync_wait(j, position, err);
    pthread_mutex_unlock(&j->mutex);
    return rc;
}

int journal_commit(struct journal *j, struct k2_err *err) {
    int64_t position;
    K2_TRY(write_pending(j, &position, false, err));
    return journal_flush(j, position, err);
}
