/* bench/avro_json.c - how many bytes an event is as an Avro record, as it stands in the journal, and as the JSON that K2
 * prints of it (fields without a value left out, decimals as strings), kind by kind.
 *
 * Usage: avro_json DATA, a data directory with a journal; one JSON line for each kind that it holds
 */
#include "journal/journal.h"
#include "verb/records.h"

#include <stdio.h>
#include <stdlib.h>

struct sizes {
    int64_t rows, avro, json;
};

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "avro_json: %s\n", err->msg);
    exit(1);
}

static void measure(struct journal *j, const struct journal_topic *t, const struct k2_kind *kind,
                    struct k2_interner *in, struct sizes *s) {
    struct k2_err err;
    struct journal_reader *r;
    struct journal_batch b;
    struct k2_buf text = {0};
    struct k2_decoder *d = k2_decoder_new(kind, in, k2_registry_source(journal_registry(j)));
    for (int32_t p = 0; p < t->partitions; p++) {
        int more;
        check(journal_read(j, &(struct journal_span){t->id, p, 0, INT64_MAX}, 1, &r, &err), &err);
        while ((more = journal_next(r, &b, &err)) > 0) {
            struct journal_record record;
            struct k2_event e;
            for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); s->rows++) {
                check(k2_decode(d, record.value, &e, &err), &err);
                text.n = 0;
                event_json(&e, in, &text);
                s->avro += (int64_t)record.value.n - K2_WIRE_HEADER;
                s->json += (int64_t)text.n;
            }
        }
        check(more, &err);
        journal_reader_close(r);
    }
    k2_decoder_free(d);
    k2_buf_free(&text);
}

int main(int argc, char **argv) {
    struct k2_err err;
    struct journal *j;
    struct sizes sizes[K2_KIND_COUNT] = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: avro_json DATA\n");
        return 2;
    }
    check(journal_open(argv[1], JOURNAL_READ, NULL, &j, &err), &err);
    struct k2_interner *in = k2_interner_new();
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t.name));
        if (kind)
            measure(j, &t, kind, in, &sizes[kind->id]);
    }
    for (int id = 0; id < K2_KIND_COUNT; id++)
        if (sizes[id].rows > 0)
            printf("{\"stage\":\"avro_json\",\"kind\":\"%s\",\"rows\":%lld,\"avro\":%lld,"
                   "\"json\":%lld}\n",
                   k2_kind((enum k2_kind_id)id)->name, (long long)sizes[id].rows,
                   (long long)sizes[id].avro, (long long)sizes[id].json);
    k2_interner_free(in);
    journal_close(j);
    return 0;
}
