/* journal/source.c - see source.h. */
#include "journal/source.h"

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
    "{\"name\":\"time_zones\",\"type\":\"string\",\"default\":\"\"}]}";

/* Read, not mapped: a file that becomes shorter meanwhile would kill the process. */
static bool hash_bytes(int fd, int64_t *bytes, struct k2_h128 *hash) {
    struct k2_hasher *h = k2_hasher_new();
    uint8_t *piece = k2_alloc(PIECE);
    ssize_t got;
    *bytes = 0;
    while ((got = read(fd, piece, PIECE)) > 0 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        k2_hasher_add(h, piece, (size_t)got);
        *bytes += got;
    }
    free(piece);
    *hash = k2_hasher_end(h);
    return got == 0;
}

/* False when it is no regular file, or cannot be read any more. Opening a pipe must not wait for a writer. */
static bool hash_file(const char *path, int64_t *bytes, struct k2_h128 *hash) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return false;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && hash_bytes(fd, bytes, hash);
    close(fd);
    return good;
}

static void put_rules(struct k2_buf *out) {
    char calendars[17], zones[32];
    feed_calendars_version(calendars);
    k2_zone_release(zones, sizeof zones);
    k2_avro_put_bytes(out, k2_sv_of(calendars));
    k2_avro_put_bytes(out, k2_sv_of(zones));
}

int source_add(struct journal *j, const char *path, const char *format, int64_t read,
               int64_t accepted, struct k2_err *err) {
    int64_t bytes;
    struct k2_h128 hash;
    char *absolute, hex[33];
    if (!hash_file(path, &bytes, &hash) || k2_fs_absolute(path, &absolute, NULL) != K2_OK)
        return K2_OK;
    k2_h128_hex(hash, hex);
    struct journal_topic t;
    uint32_t id = 0;
    int rc = journal_topic(j, K2_SV("k2.sources"), true, &t, err);
    if (rc == K2_OK)
        rc = k2_registry_register(journal_registry(j), K2_SV("k2.sources-value"), k2_sv_of(schema),
                                  &id, err);
    if (rc == K2_OK) {
        struct k2_sv key = k2_sv_of(absolute);
        struct k2_buf *out = journal_record_begin(j, t.id, journal_partition(&t, key), key);
        k2_wire_put_header(out, id);
        k2_avro_put_bytes(out, key);
        k2_avro_put_long(out, bytes);
        k2_avro_put_bytes(out, k2_sv_of(hex));
        k2_avro_put_bytes(out, k2_sv_of(format));
        k2_avro_put_long(out, read);
        k2_avro_put_long(out, accepted);
        int64_t now = k2_now_ns();
        k2_avro_put_long(out, k2_floor_us(now));
        put_rules(out);
        journal_record_end(j, now);
    }
    free(absolute);
    return rc;
}
