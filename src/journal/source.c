/* journal/source.c - see source.h. */
#include "journal/source.h"

#include "journal/journal.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"source_file\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"path\",\"type\":\"string\"},{\"name\":\"bytes\",\"type\":\"long\"},"
    "{\"name\":\"xxh128\",\"type\":\"string\"},{\"name\":\"format\",\"type\":\"string\"},"
    "{\"name\":\"read\",\"type\":\"long\"},{\"name\":\"accepted\",\"type\":\"long\"},"
    "{\"name\":\"time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"calendars\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"time_zones\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"sha256\",\"type\":\"string\",\"default\":\"\"},"
    "{\"name\":\"counted_from\",\"type\":\"string\",\"default\":\"\"}]}";

static void hash_piece(void *ctx, struct k2_sv piece) {
    k2_content_add(ctx, piece);
}

/* Read, not mapped: a file that becomes shorter meanwhile would kill the process. */
static bool hash_bytes(int fd, struct k2_content_sum *h) {
    char *piece = k2_alloc(PIECE);
    ssize_t got;
    while ((got = read(fd, piece, PIECE)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            hash_piece(h, (struct k2_sv){piece, (size_t)got});
    free(piece);
    return got == 0;
}

/* Opening a pipe must not wait for a writer. */
static bool hash_regular(const char *path, struct k2_content_sum *h) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return false;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && hash_bytes(fd, h);
    close(fd);
    return good;
}

/* False when it is no regular file or member of an archive, or cannot be read any more. */
static bool hash_file(const char *path, struct k2_content *out) {
    struct k2_content_sum *h = k2_content_new();
    bool good = feed_is_member(path) ? feed_member_each(path, hash_piece, h, NULL) == K2_OK
                                     : hash_regular(path, h);
    k2_content_end(h, out);
    return good;
}

static void put_rules(struct k2_buf *out) {
    char calendars[17], zones[32];
    feed_calendars_version(calendars);
    k2_zone_release(zones, sizeof zones);
    k2_avro_put_bytes(out, k2_sv_of(calendars));
    k2_avro_put_bytes(out, k2_sv_of(zones));
}

static void put_record(struct k2_buf *out, struct k2_sv path, const struct k2_content *content,
                       const char *format, int64_t read, int64_t accepted,
                       struct k2_sv counted_from) {
    k2_avro_put_bytes(out, path);
    k2_avro_put_long(out, content->bytes);
    k2_avro_put_bytes(out, k2_sv_of(content->xxh128));
    k2_avro_put_bytes(out, k2_sv_of(format));
    k2_avro_put_long(out, read);
    k2_avro_put_long(out, accepted);
    k2_avro_put_long(out, k2_floor_us(k2_now_ns()));
    put_rules(out);
    k2_avro_put_bytes(out, k2_sv_of(content->sha256));
    k2_avro_put_bytes(out, counted_from);
}

int source_add_content(struct journal *j, const char *name, const struct k2_content *content,
                       const char *format, int64_t read, int64_t accepted,
                       struct k2_sv counted_from, struct k2_err *err) {
    struct k2_sv key = k2_sv_of(name);
    struct journal_topic t;
    uint32_t id = 0;
    K2_TRY(journal_topic(j, K2_SV(SOURCES_TOPIC), true, &t, err));
    K2_TRY(k2_registry_register(journal_registry(j), K2_SV(SOURCES_TOPIC "-value"),
                                k2_sv_of(schema), &id, err));
    struct k2_buf *out = journal_record_begin(j, t.id, journal_partition(&t, key), key);
    k2_wire_put_header(out, id);
    put_record(out, key, content, format, read, accepted, counted_from);
    journal_record_end(j, k2_now_ns());
    return K2_OK;
}

int source_add(struct journal *j, const char *path, const char *format, int64_t read,
               int64_t accepted, struct k2_sv counted_from, struct k2_err *err) {
    struct k2_content content;
    char *absolute;
    if (!hash_file(path, &content) || feed_file_absolute(path, &absolute, NULL) != K2_OK)
        return K2_OK;
    int rc = source_add_content(j, absolute, &content, format, read, accepted, counted_from, err);
    free(absolute);
    return rc;
}

/* Fields were added at the end, so older records lack the last ones. */
bool source_record_read(struct k2_sv value, struct source_record *out) {
    struct k2_sv skipped;
    *out = (struct source_record){0};
    if (value.n < K2_WIRE_HEADER)
        return false;
    struct k2_sv in = {value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER};
    if (!k2_avro_get_bytes(&in, &out->path) || !k2_avro_get_long(&in, &out->bytes) ||
        !k2_avro_get_bytes(&in, &out->xxh128) || !k2_avro_get_bytes(&in, &out->format) ||
        !k2_avro_get_long(&in, &out->read) || !k2_avro_get_long(&in, &out->accepted) ||
        !k2_avro_get_long(&in, &out->time_us))
        return false;
    for (int i = 0; i < 2 && in.n > 0; i++)
        if (!k2_avro_get_bytes(&in, &skipped))
            return false;
    return (in.n == 0 || k2_avro_get_bytes(&in, &out->sha256)) &&
           (in.n == 0 || k2_avro_get_bytes(&in, &out->counted_from));
}

int source_records(struct journal *j, source_visit *visit, void *ctx, struct k2_err *err) {
    struct journal_topic t;
    struct journal_reader *r = NULL;
    struct journal_batch b;
    struct journal_record record;
    struct source_record fields;
    if (journal_topic(j, K2_SV(SOURCES_TOPIC), false, &t, NULL) != K2_OK)
        return K2_OK;
    int64_t *starts = k2_alloc((size_t)t.partitions * sizeof *starts);
    struct journal_span *spans = k2_alloc((size_t)t.partitions * sizeof *spans);
    int rc = journal_starts(j, t.id, starts, err);
    for (int32_t p = 0; p < t.partitions; p++)
        spans[p] = (struct journal_span){t.id, p, rc == K2_OK ? starts[p] : 0, INT64_MAX};
    if (rc == K2_OK)
        rc = journal_read(j, spans, t.partitions, &r, err);
    free(starts);
    free(spans);
    K2_TRY(rc);
    while ((rc = journal_next(r, &b, err)) > 0)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);)
            if (source_record_read(record.value, &fields))
                visit(ctx, &fields, b.append_ns);
    journal_reader_close(r);
    return rc;
}

static K2_RC differs(const char *path, const struct source_record *known, const char *hash,
                     struct k2_sv then, const char *now, struct k2_err *err) {
    char time[K2_TIME_TEXT];
    k2_time_format(known->time_us * K2_NS_PER_US, time);
    return k2_fail(err, K2_E_DATA, "%s is not what was read on %s: its %s was %.*s and is %s", path,
                   time, hash, K2_SV_ARG(then), now);
}

int source_check(const char *path, const struct source_record *known, struct k2_err *err) {
    struct k2_content now;
    if (!hash_file(path, &now))
        return k2_fail(err, K2_E_IO, "%s cannot be read", path);
    if (known->sha256.n > 0)
        return k2_sv_eq(known->sha256, k2_sv_of(now.sha256))
                   ? K2_OK
                   : differs(path, known, "SHA-256", known->sha256, now.sha256, err);
    return k2_sv_eq(known->xxh128, k2_sv_of(now.xxh128))
               ? K2_OK
               : differs(path, known, "XXH3-128", known->xxh128, now.xxh128, err);
}
