/* journal/source.c - see source.h. */
#include "journal/source.h"

#include "base/clock.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"source_file\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"path\",\"type\":\"string\"},{\"name\":\"bytes\",\"type\":\"long\"},"
    "{\"name\":\"xxh128\",\"type\":\"string\"},{\"name\":\"format\",\"type\":\"string\"},"
    "{\"name\":\"read\",\"type\":\"long\"},{\"name\":\"accepted\",\"type\":\"long\"},"
    "{\"name\":\"time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";

/* False when it is no regular file, or cannot be read any more. */
static bool hash_file(const char *path, int64_t *bytes, struct k2_h128 *hash) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (good) {
        *bytes = st.st_size;
        *hash = k2_hash128("", 0);
        if (st.st_size > 0) {
            void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
            good = map != MAP_FAILED;
            if (good) {
                *hash = k2_hash128(map, (size_t)st.st_size);
                munmap(map, (size_t)st.st_size);
            }
        }
    }
    if (fd >= 0)
        close(fd);
    return good;
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
        journal_record_end(j, now);
    }
    free(absolute);
    return rc;
}
