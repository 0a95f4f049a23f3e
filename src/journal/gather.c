/* journal/gather.c - records on their way into the log, and the same bytes on their way out.
 *
 * RECORD. u32 value bytes, u32 key bytes (both little-endian), key, value. Each partition gathers its records behind
 * room for a header, so that a backend can write them from where they were encoded.
 */
#include "journal/backend.h"

#include <stdlib.h>

static void begin_batch(struct journal *j, struct gather *g, int32_t topic, int32_t partition) {
    g->topic = topic;
    g->partition = partition;
    g->base_offset = g->next;
    g->min_event_ns = INT64_MAX;
    g->max_event_ns = INT64_MIN;
    k2_buf_need(&g->bytes, GATHER_ROOM);
    g->bytes.n = GATHER_ROOM;
    j->dirty = k2_realloc(j->dirty, (size_t)(j->dirty_count + 1) * sizeof(struct gather *));
    j->dirty[j->dirty_count++] = g;
}

struct k2_buf *journal_record_begin(struct journal *j, int32_t topic, int32_t partition,
                                    struct k2_sv key) {
    K2_ASSERT(j->mode == JOURNAL_WRITE && !j->open);
    K2_ASSERT(topic >= 0 && topic < j->topic_count);
    K2_ASSERT(partition >= 0 && partition < j->topics[topic].partitions);
    struct gather *g = &j->topics[topic].gathers[partition];
    if (g->count == 0 && g->bytes.n == 0)
        begin_batch(j, g, topic, partition);
    j->open = g;
    j->open_at = g->bytes.n;
    j->open_key = key.n;
    k2_buf_need(&g->bytes, GATHER_RECORD);
    g->bytes.n += GATHER_RECORD;
    k2_buf_sv(&g->bytes, key);
    return &g->bytes;
}

int64_t journal_record_end(struct journal *j, int64_t event_ns) {
    struct gather *g = j->open;
    K2_ASSERT(g);
    uint8_t *record = g->bytes.p + j->open_at;
    k2_put_u32(record, (uint32_t)(g->bytes.n - j->open_at - GATHER_RECORD - j->open_key));
    k2_put_u32(record + 4, (uint32_t)j->open_key);
    if (event_ns < g->min_event_ns)
        g->min_event_ns = event_ns;
    if (event_ns > g->max_event_ns)
        g->max_event_ns = event_ns;
    g->count++;
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
        if (j->dirty[i]->count > 0)
            n += j->dirty[i]->bytes.n;
    return n;
}

void journal_gather_clear(struct journal *j) {
    for (int i = 0; i < j->dirty_count; i++) {
        j->dirty[i]->bytes.n = 0;
        j->dirty[i]->count = 0;
    }
    j->dirty_count = 0;
}

void journal_gather_free(struct journal *j) {
    for (int t = 0; t < j->topic_count; t++) {
        for (int p = 0; j->topics[t].gathers && p < j->topics[t].partitions; p++)
            k2_buf_free(&j->topics[t].gathers[p].bytes);
        free(j->topics[t].gathers);
        free(j->topics[t].ends);
        free(j->topics[t].cut);
    }
    free(j->topics);
    free(j->dirty);
}

/* --- out --- */

size_t journal_record_size(const uint8_t *bytes, size_t n) {
    if (n < GATHER_RECORD)
        return 0;
    size_t size = GATHER_RECORD + (size_t)k2_get_u32(bytes) + k2_get_u32(bytes + 4);
    return size <= n ? size : 0;
}

bool journal_batch_next(const struct journal_batch *b, size_t *cursor, struct journal_record *out) {
    /* Low 32 bits: byte position; above: number of records before. A batch is at most 1 GB. */
    size_t at = *cursor & UINT32_MAX, ordinal = *cursor >> 32;
    if (at >= b->bytes)
        return false;
    const uint8_t *record = b->records + at;
    size_t value = k2_get_u32(record), key = k2_get_u32(record + 4);
    const char *bytes = (const char *)record + GATHER_RECORD;
    *out = (struct journal_record){
        {bytes, key}, {bytes + key, value}, b->base_offset + (int64_t)ordinal};
    *cursor = (ordinal + 1) << 32 | (at + GATHER_RECORD + key + value);
    return true;
}
