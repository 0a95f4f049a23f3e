/* journal/local/observe.c - see observe.h. */
#include "journal/local/observe.h"

#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>

struct number {
    char text[24];
};

static struct number number(int64_t n) {
    struct number out;
    snprintf(out.text, sizeof out.text, "%" PRId64, n);
    return out;
}

static void add(enum k2_metric m, int64_t n) {
    k2_metric_add(k2_metric(m, NULL), n);
}

static void set(enum k2_metric m, int64_t value) {
    k2_metric_set(k2_metric(m, NULL), value);
}

static void set_end(const struct local *j, int32_t topic, int32_t partition, int64_t end) {
    k2_metric_set(k2_metric(K2_METRIC_journal_end_offset, j->base.topics[topic].name,
                            number(partition).text, NULL),
                  end);
}

static void set_size(const struct local *j) {
    set(K2_METRIC_journal_position_bytes, j->durable);
    set(K2_METRIC_journal_segments, j->live.n);
}

void journal_observe_open(const struct local *j) {
    for (int t = 0; t < j->meta.topic_count; t++)
        for (int32_t p = 0; p < j->base.topics[t].partitions; p++)
            set_end(j, t, p, j->base.topics[t].ends[p]);
    set_size(j);
    k2_log(K2_LOG_INFO, "journal is open for writing", "journal", number(j->base.incarnation).text,
           "position", number(j->durable).text, "segments", number(j->live.n).text, NULL);
}

void journal_observe_write(int64_t records, int64_t batches, int64_t bytes) {
    add(K2_METRIC_journal_records, records);
    add(K2_METRIC_journal_batches, batches);
    add(K2_METRIC_journal_written_bytes, bytes);
}

void journal_observe_frame(const struct local *j, const struct frame *f) {
    set_end(j, f->topic, f->partition, f->base_offset + f->count);
}

void journal_observe_sync(const struct local *j, int64_t took_ns) {
    k2_metric_record(k2_metric(K2_METRIC_journal_sync_seconds, NULL), took_ns);
    set_size(j);
}

void journal_observe_seal(const struct local *j, const struct segment *s) {
    set_size(j);
    k2_log(K2_LOG_INFO, "journal segment is sealed", "journal", number(j->base.incarnation).text,
           "segment", number(s->index.base).text, "bytes",
           number(s->index.end - s->index.base).text, NULL);
}

void journal_observe_removed(const struct local *j, const struct journal_index *segment) {
    add(K2_METRIC_retention_segments, 1);
    add(K2_METRIC_retention_removed_bytes, segment->end - segment->base);
    set_size(j);
    k2_log(K2_LOG_INFO, "journal segment is removed", "journal", number(j->base.incarnation).text,
           "segment", number(segment->base).text, "bytes",
           number(segment->end - segment->base).text, NULL);
}
