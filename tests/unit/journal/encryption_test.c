/* The local journal with encryption: what stands in the files, who can read it, what is refused. */
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "journal/journal.h"
#include "journal/local/cipher.h"
#include "journal/local/index.h"
#include "k2test.h"

#include <errno.h>

#define KEY_1 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_2 "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define SECRET "ASX.BHP at 42.17"

enum { PARTS = 2 };

static void use(const char *current, const char *old) {
    struct k2_err err = {0};
    CHECK_OK(journal_use_keys(current, old, &err), &err);
}

static uint64_t id_of(const char *key) {
    use(key, "");
    return journal_key_current();
}

static struct journal *open_as(const char *dir, enum journal_mode mode) {
    const struct journal_options options = {.segment_bytes = 4000, .partitions = PARTS};
    struct journal *j;
    struct k2_err err = {0};
    CHECK_OK(journal_open(dir, mode, &options, &j, &err), &err);
    return j;
}

static void make_topic(struct journal *j) {
    struct journal_topic t;
    struct k2_err err = {0};
    CHECK_OK(journal_topic(j, K2_SV("market.raw.a"), true, &t, &err), &err);
}

/* Records of each partition are numbered: number and secret. */
static void put(struct journal *j, int partition, int64_t number) {
    struct k2_buf *b = journal_record_begin(j, 0, partition, K2_SV(SECRET));
    k2_buf_put(b, &number, sizeof number);
    k2_buf_str(b, SECRET);
    assert_int_equal(journal_record_end(j, 0), number);
}

static void commit(struct journal *j) {
    struct k2_err err = {0};
    CHECK_OK(journal_commit(j, &err), &err);
}

/* Both partitions get the numbers [from, to), so many a batch. */
static void put_all(struct journal *j, int64_t from, int64_t to, int64_t each) {
    for (int64_t i = from; i < to; i++) {
        for (int p = 0; p < PARTS; p++)
            put(j, p, i);
        if ((i - from) % each == each - 1 || i + 1 == to)
            commit(j);
    }
}

static void check_record(const struct journal_record *r) {
    int64_t number;
    assert_int_equal(r->value.n, sizeof number + sizeof SECRET - 1);
    memcpy(&number, r->value.p, sizeof number);
    assert_int_equal(number, r->offset);
    assert_memory_equal(r->value.p + sizeof number, SECRET, sizeof SECRET - 1);
    assert_true(k2_sv_eq(r->key, K2_SV(SECRET)));
}

/* Reads [from, to) of both partitions; what comes must be what was written. *n: how many. */
static int read_all(struct journal *j, int64_t from, int64_t to, int64_t *n, struct k2_err *err) {
    const struct journal_span spans[PARTS] = {{0, 0, from, to}, {0, 1, from, to}};
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_record record;
    int rc;
    *n = 0;
    K2_TRY(journal_read(j, spans, PARTS, &r, err));
    while ((rc = journal_next(r, &b, err)) == 1)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); ++*n)
            check_record(&record);
    journal_reader_close(r);
    return rc;
}

static void expect(struct journal *j, int64_t from, int64_t to) {
    struct k2_err err = {0};
    int64_t n;
    CHECK_OK(read_all(j, from, to, &n, &err), &err);
    assert_int_equal(n, PARTS * (to - from));
}

static char *segment(const char *dir, int index) {
    struct journal *j = open_as(dir, JOURNAL_READ);
    struct journal_segment_info info;
    struct k2_err err = {0};
    char name[64];
    CHECK_OK(journal_segment(j, index, &info, &err), &err);
    snprintf(name, sizeof name, "journal/%020lld.seg", (long long)info.number);
    journal_close(j);
    return k2_path(dir, name);
}

static void load(const char *path, struct k2_buf *out) {
    struct k2_err err = {0};
    out->n = 0;
    CHECK_OK(k2_fs_read(path, out, &err), &err);
}

static void store(const char *path, const struct k2_buf *bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->p, 1, bytes->n, f), bytes->n);
    assert_int_equal(fclose(f), 0);
}

/* How many files of the journal hold the text. */
static int files_with(const char *dir, const char *text) {
    char **names, *journal = k2_path(dir, "journal");
    size_t n;
    int found = 0;
    struct k2_err err = {0};
    CHECK_OK(k2_fs_list(journal, &names, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        struct k2_buf bytes = {0};
        char *path = k2_path(journal, names[i]);
        if (!k2_fs_is_directory(path)) {
            load(path, &bytes);
            found += bytes.n > 0 && memmem(bytes.p, bytes.n, text, strlen(text)) != NULL;
        }
        k2_buf_free(&bytes);
        free(path);
    }
    k2_fs_names_free(names, n);
    free(journal);
    return found;
}

/* --- what stands there --- */

static void nothing_of_a_record_stands_in_the_files(void **state) {
    (void)state;
    for (int encrypted = 0; encrypted < 2; encrypted++) {
        char *dir = k2test_dir();
        use(encrypted ? KEY_1 : "", "");
        struct journal *j = open_as(dir, JOURNAL_WRITE);
        make_topic(j);
        put_all(j, 0, 200, 7);
        expect(j, 0, 200);
        journal_close(j);
        if (encrypted)
            assert_int_equal(files_with(dir, SECRET), 0);
        else
            assert_true(files_with(dir, SECRET) > 1);
        assert_int_equal(files_with(dir, "market.raw.a"), 1); /* names of topics stay readable */
        k2test_rmdir(dir);
    }
}

static void readers_of_any_span_beside_the_writer_see_what_was_written(void **state) {
    (void)state;
    char *dir = k2test_dir();
    uint64_t rng = k2test_seed();
    use(KEY_1, "");
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    make_topic(j);
    struct journal *reader = open_as(dir, JOURNAL_READ);
    for (int64_t end = 0; end < 400;) {
        int64_t more = 1 + (int64_t)(k2test_random(&rng) % 30);
        put_all(j, end, end + more, 1 + (int64_t)(k2test_random(&rng) % 9));
        end += more;
        int64_t from = (int64_t)(k2test_random(&rng) % (uint64_t)end);
        int64_t to = from + (int64_t)(k2test_random(&rng) % (uint64_t)(end - from + 1));
        expect(reader, from, to);
        expect(j, from, to);
    }
    int64_t findings, records;
    struct k2_err err = {0};
    CHECK_OK(journal_verify(reader, NULL, NULL, &findings, &records, &err), &err);
    assert_int_equal(findings, 0);
    journal_close(reader);
    journal_close(j);
    k2test_rmdir(dir);
}

/* --- what is refused --- */

/* A journal of two segments, the first one sealed and with its index. */
static char *two_segments(struct k2_buf *bytes, char **path) {
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    make_topic(j);
    put_all(j, 0, 6, 2);
    CHECK_OK(journal_seal(j, &err), &err);
    put_all(j, 6, 8, 2);
    journal_close(j);
    *path = segment(dir, 0);
    load(*path, bytes);
    return dir;
}

static void put_checksum(uint8_t *frame) {
    k2_put_u32(frame + 4, k2_crc32c(0, frame + 8, k2_get_u32(frame + 8) - 8));
}

/* Nothing but what was written is ever given, and not all of it: something is refused. */
static int refuse(const char *dir, struct k2_err *err) {
    const struct journal_options options = {0};
    struct journal *j;
    int64_t n = 0;
    int rc = journal_open(dir, JOURNAL_READ, &options, &j, err);
    if (rc != K2_OK)
        return rc;
    rc = read_all(j, 0, 6, &n, err);
    journal_close(j);
    assert_true(rc < 0);
    assert_true(n < PARTS * 6);
    return rc;
}

static void any_flipped_bit_is_refused_also_with_the_checksum_put_right(void **state) {
    (void)state;
    struct k2_buf bytes = {0}, changed = {0};
    struct k2_err err = {0};
    uint64_t rng = k2test_seed();
    char *path;
    use(KEY_1, "");
    char *dir = two_segments(&bytes, &path);
    size_t first = k2_get_u32(bytes.p + 8);
    for (size_t at = 0; at < bytes.n; at++) {
        uint8_t bit = (uint8_t)(1 << k2test_random(&rng) % 8);
        for (int mended = 0; mended < 2; mended++) {
            changed.n = 0;
            k2_buf_put(&changed, bytes.p, bytes.n);
            changed.p[at] ^= bit;
            if (mended && (at < 4 || (at >= 8 && at < 12) || at >= first))
                continue; /* magic, length, other frames */
            if (mended)
                put_checksum(changed.p);
            if (mended && at < 8)
                continue; /* the checksum itself */
            store(path, &changed);
            int rc = refuse(dir, &err);
            if (rc != K2_E_CORRUPT && rc != K2_E_FAILED)
                fail_msg("byte %zu: %s", at, err.msg);
        }
    }
    store(path, &bytes);
    struct journal *j = open_as(dir, JOURNAL_READ);
    expect(j, 0, 8);
    journal_close(j);
    k2_buf_free(&bytes);
    k2_buf_free(&changed);
    free(path);
    k2test_rmdir(dir);
}

static void bit_flips_are_found_by_verify(void **state) {
    (void)state;
    struct k2_buf bytes = {0};
    struct k2_err err = {0};
    int64_t findings, records;
    char *path;
    use(KEY_1, "");
    char *dir = two_segments(&bytes, &path);
    size_t frame = k2_get_u32(bytes.p + 8);
    bytes.p[frame - 1] ^= 1; /* the tag of the first frame */
    for (int mended = 0; mended < 2; mended++) {
        if (mended)
            put_checksum(bytes.p);
        store(path, &bytes);
        struct journal *j = open_as(dir, JOURNAL_READ);
        CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
        assert_true(findings > 0);
        journal_close(j);
    }
    k2_buf_free(&bytes);
    free(path);
    k2test_rmdir(dir);
}

/* As somebody would who can write the files: partition, places, times and checksum are put right. */
static void move(uint8_t *to, const uint8_t *from, size_t n, const uint8_t *was) {
    uint8_t header[80];
    memcpy(header, was, sizeof header);
    memmove(to, from, n);
    memcpy(to, header, sizeof header);
    put_checksum(to);
}

static void a_batch_in_another_place_is_refused(void **state) {
    (void)state;
    struct k2_buf bytes = {0}, changed = {0};
    struct k2_err err = {0};
    char *path;
    use(KEY_1, "");
    char *dir = two_segments(&bytes, &path);
    size_t n = k2_get_u32(bytes.p + 8);
    assert_int_equal(k2_get_u32(bytes.p + n + 8), n); /* frames of the same size */
    k2_buf_put(&changed, bytes.p, bytes.n);
    move(changed.p, bytes.p + 2 * n, n, bytes.p); /* a later one of the same partition */
    store(path, &changed);
    CHECK_STATUS(refuse(dir, &err), K2_E_CORRUPT);
    /* The first frame of the next segment, whose data key is its own. */
    struct k2_buf next = {0};
    char *second = segment(dir, 1);
    load(second, &next);
    memcpy(changed.p, bytes.p, bytes.n);
    assert_int_equal(k2_get_u32(next.p + 8), n);
    move(changed.p, next.p, n, bytes.p);
    store(path, &changed);
    CHECK_STATUS(refuse(dir, &err), K2_E_CORRUPT);
    free(second);
    k2_buf_free(&next);
    k2_buf_free(&bytes);
    k2_buf_free(&changed);
    free(path);
    k2test_rmdir(dir);
}

static void a_data_key_is_of_one_segment_of_one_journal(void **state) {
    (void)state;
    uint64_t key = id_of(KEY_1);
    uint8_t bytes[8 + CIPHER_MORE + sizeof SECRET] = {0}, text[sizeof SECRET];
    struct k2_err err = {0};
    struct journal_cipher *c = journal_cipher_new(7);
    CHECK_OK(journal_cipher_seal(c, key, 5, bytes, 8, K2_SV(SECRET "\0"), &err), &err);
    journal_cipher_free(c);
    for (int32_t incarnation = 7; incarnation <= 8; incarnation++)
        for (int64_t number = 5; number <= 6; number++) {
            c = journal_cipher_new(incarnation);
            int rc = journal_cipher_open(c, number, bytes, 8, sizeof bytes, text, &err);
            assert_int_equal(rc, incarnation == 7 && number == 5 ? K2_OK : K2_E_CORRUPT);
            journal_cipher_free(c);
        }
}

static void the_same_batch_of_another_journal_is_refused(void **state) {
    (void)state;
    struct k2_buf ours = {0}, theirs = {0};
    struct k2_err err = {0};
    char *path, *other_path;
    use(KEY_1, "");
    char *dir = two_segments(&ours, &path), *other = two_segments(&theirs, &other_path);
    size_t n = k2_get_u32(ours.p + 8);
    uint32_t incarnation = k2_get_u32(ours.p + 28);
    memcpy(ours.p, theirs.p, n);
    k2_put_u32(ours.p + 28, incarnation);
    put_checksum(ours.p);
    store(path, &ours);
    CHECK_STATUS(refuse(dir, &err), K2_E_CORRUPT);
    free(path);
    free(other_path);
    k2_buf_free(&ours);
    k2_buf_free(&theirs);
    k2test_rmdir(dir);
    k2test_rmdir(other);
}

static void a_batch_in_the_clear_among_encrypted_ones_is_refused(void **state) {
    (void)state;
    struct k2_buf bytes = {0};
    struct k2_err err = {0};
    int64_t findings, records;
    char *path;
    use(KEY_1, "");
    char *dir = two_segments(&bytes, &path);
    uint8_t *f = bytes.p; /* its length stays: one record fills it */
    uint32_t n = k2_get_u32(f + 8);
    k2_put_u16(f + 14, 0);
    k2_put_u32(f + 24, 1);
    k2_put_u32(f + 80, n - 80 - 8);
    k2_put_u32(f + 84, 0);
    put_checksum(f);
    store(path, &bytes);
    CHECK_STATUS(refuse(dir, &err), K2_E_CORRUPT);
    struct journal *j = open_as(dir, JOURNAL_READ);
    CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
    assert_true(findings > 0);
    journal_close(j);
    free(path);
    k2_buf_free(&bytes);
    k2test_rmdir(dir);
}

/* --- nonces --- */

static struct {
    struct k2_buf used; /* envelope and count of each frame that was ever written, 76 bytes each */
    int64_t room;       /* bytes until a write fails; negative: no limit */
} spy;

/* Keeps what identifies the nonce of every frame, also of one that is overwritten or torn later. */
static ssize_t spying_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    const uint8_t *frame = bytes;
    if (n >= 156 && memcmp(frame, "K2B1", 4) == 0) {
        assert_int_equal(k2_get_u32(frame + 8), n); /* frames are written whole */
        k2_buf_put(&spy.used, frame + 80, CIPHER_ENVELOPE);
    }
    if (spy.room >= 0 && (int64_t)n > spy.room) {
        errno = ENOSPC;
        return -1;
    }
    spy.room -= spy.room >= 0 ? (int64_t)n : 0;
    return k2_fs_system.pwrite(fd, bytes, n, at);
}

static int by_bytes(const void *a, const void *b) {
    return memcmp(a, b, CIPHER_ENVELOPE);
}

static void no_nonce_is_used_twice_under_a_key(void **state) {
    (void)state;
    struct k2_fs_ops ops = k2_fs_system;
    char *dir = k2test_dir();
    uint64_t rng = k2test_seed();
    int64_t next = 0, failures = 0;
    ops.pwrite = spying_pwrite;
    k2_fs_use(&ops);
    spy.room = -1;
    use(KEY_1, "");
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    make_topic(j);
    for (int i = 0; i < 300; i++) {
        struct k2_err err = {0};
        for (int p = 0; p < PARTS; p++)
            put(j, p, next);
        next++;
        if (k2test_random(&rng) % 4 == 0)
            spy.room = (int64_t)(k2test_random(&rng) % 300); /* full: some frames get there */
        if (journal_commit(j, &err) == K2_OK)
            continue;
        failures++;
        spy.room = -1;
        if (k2test_random(&rng) % 2 == 0) { /* others follow in the same place */
            put(j, 0, next);
            put(j, 1, next);
            next++;
            commit(j);
        } else { /* killed and begun anew; what was gathered is gone */
            int64_t ends[PARTS];
            journal_close(j);
            j = open_as(dir, JOURNAL_WRITE);
            CHECK_OK(journal_ends(j, 0, ends, &err), &err);
            if (ends[0] != ends[1]) /* only one frame of the two had got there */
                put(j, ends[0] < ends[1] ? 0 : 1, ends[0] < ends[1] ? ends[0] : ends[1]);
            next = ends[0] > ends[1] ? ends[0] : ends[1];
            commit(j);
        }
    }
    expect(j, 0, next);
    journal_close(j);
    k2_fs_use(NULL);
    size_t n = spy.used.n / CIPHER_ENVELOPE;
    qsort(spy.used.p, n, CIPHER_ENVELOPE, by_bytes);
    for (size_t i = 1; i < n; i++)
        if (by_bytes(spy.used.p + (i - 1) * CIPHER_ENVELOPE, spy.used.p + i * CIPHER_ENVELOPE) == 0)
            fail_msg("a nonce was used twice, after %lld failures", (long long)failures);
    assert_true(n > 600 && failures > 20);
    k2_buf_free(&spy.used);
    k2test_rmdir(dir);
}

/* --- keys --- */

static void note_finding(void *ctx, const char *text) {
    snprintf(ctx, 1200, "%s", text);
}

static void a_key_that_was_not_given_is_named_and_nothing_is_called_damaged(void **state) {
    (void)state;
    struct k2_buf bytes = {0};
    struct k2_err err = {0};
    int64_t n, findings, records;
    char *path, id[JOURNAL_KEY_TEXT], text[1200] = "";
    journal_key_text(id_of(KEY_1), id);
    char *dir = two_segments(&bytes, &path);
    static const char *const others[] = {"", KEY_2};
    for (int i = 0; i < 2; i++) {
        struct journal *j;
        use(others[i], "");
        CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_FAILED);
        assert_non_null(strstr(err.msg, id));
        j = open_as(dir, JOURNAL_READ); /* its shape can be looked at */
        CHECK_STATUS(read_all(j, 0, 8, &n, &err), K2_E_FAILED);
        assert_int_equal(n, 0);
        assert_non_null(strstr(err.msg, id));
        assert_null(strstr(err.msg, "damaged"));
        CHECK_OK(journal_verify(j, note_finding, text, &findings, &records, &err), &err);
        assert_int_equal(findings, 1);
        assert_int_equal(records, PARTS * 8);
        assert_non_null(strstr(text, id));
        struct journal_segment_info info;
        CHECK_STATUS(journal_segment(j, 0, &info, &err), K2_E_FAILED); /* its digests */
        assert_non_null(strstr(err.msg, id));
        journal_close(j);
    }
    use(KEY_1, "");
    struct journal *j = open_as(dir, JOURNAL_WRITE);
    expect(j, 0, 8);
    journal_close(j);
    free(path);
    k2_buf_free(&bytes);
    k2test_rmdir(dir);
}

struct seen {
    struct journal_encryption list[4];
    int n;
};

static void note_encryption(void *ctx, const struct journal_encryption *e) {
    struct seen *s = ctx;
    assert_true(s->n < 4);
    s->list[s->n++] = *e;
}

static struct seen encryption_of(const char *dir) {
    struct journal *j = open_as(dir, JOURNAL_READ);
    struct k2_err err = {0};
    struct seen s = {0};
    CHECK_OK(journal_encryption(j, note_encryption, &s, &err), &err);
    journal_close(j);
    return s;
}

static void a_key_begins_a_new_segment_and_the_old_ones_stay_readable(void **state) {
    (void)state;
    char *dir = k2test_dir(), first[JOURNAL_KEY_TEXT], second[JOURNAL_KEY_TEXT];
    static const char *const steps[][2] = {
        {"", ""}, {KEY_1, ""}, {KEY_2, KEY_1}, {"off", KEY_1 ", " KEY_2}};
    journal_key_text(id_of(KEY_1), first);
    journal_key_text(id_of(KEY_2), second);
    for (int i = 0; i < 4; i++) {
        use(steps[i][0], steps[i][1]);
        struct journal *j = open_as(dir, JOURNAL_WRITE);
        if (i == 0)
            make_topic(j);
        put_all(j, 10 * i, 10 * i + 10, 10);
        expect(j, 0, 10 * i + 10);
        journal_close(j);
    }
    struct seen s = encryption_of(dir);
    assert_int_equal(s.n, 3);
    assert_string_equal(s.list[0].key, "");
    assert_int_equal(s.list[0].segments, 2);
    assert_string_equal(s.list[1].key, first);
    assert_int_equal(s.list[1].segments, 1);
    assert_true(s.list[1].given && s.list[1].bytes > 400);
    assert_string_equal(s.list[2].key, second);
    use("", KEY_2);
    s = encryption_of(dir);
    assert_false(s.list[1].given);
    assert_true(s.list[2].given);
    k2test_rmdir(dir);
}

static void without_a_word_nobody_writes_in_the_clear(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *j;
    use(KEY_1, "");
    j = open_as(dir, JOURNAL_WRITE); /* nothing was written yet, but it was to be encrypted */
    make_topic(j);
    journal_close(j);
    use("", "");
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_FAILED);
    use("", KEY_1); /* to read with is not to write with */
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_FAILED);
    assert_non_null(strstr(err.msg, "off"));
    use("off", KEY_1);
    j = open_as(dir, JOURNAL_WRITE);
    put_all(j, 0, 2, 1);
    journal_close(j);
    use("", ""); /* it is in the clear since then */
    j = open_as(dir, JOURNAL_WRITE);
    expect(j, 0, 2);
    journal_close(j);
    k2test_rmdir(dir);
}

static void a_key_that_is_none_is_refused_and_not_quoted(void **state) {
    (void)state;
    static const char *const bad[] = {
        "0123", KEY_1 "00", "hunter2",
        "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
    struct k2_err err = {0};
    use(KEY_1, "");
    uint64_t before = journal_key_current();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(journal_use_keys(bad[i], "", &err), K2_E_INVALID);
        assert_null(strstr(err.msg, bad[i]));
        CHECK_STATUS(journal_use_keys("", bad[i], &err), K2_E_INVALID);
        CHECK_STATUS(journal_check_keys(bad[i], "", &err), K2_E_INVALID);
        assert_null(strstr(err.msg, bad[i]));
    }
    assert_true(journal_key_current() == before); /* what was refused changed nothing */
    CHECK_OK(journal_check_keys(KEY_2, KEY_1 "," KEY_2 "  ", &err), &err);
    use(" " KEY_1 "\n", "");
    assert_true(journal_key_current() == before);
}

/* --- the index --- */

static struct journal_digest digest_of(const char *symbol) {
    struct journal_digest d = {.exchange = "ASX", .count = 3, .min_sequence = 1, .max_sequence = 3};
    snprintf(d.symbol, sizeof d.symbol, "%s", symbol);
    return d;
}

static void an_index_tells_no_symbols_and_is_refused_when_it_was_changed(void **state) {
    (void)state;
    struct journal_digest digests[] = {digest_of("BHP"), digest_of("CBA")};
    struct journal_index x, back;
    struct k2_buf bytes = {0};
    struct k2_err err = {0};
    uint64_t key = id_of(KEY_1);
    const struct frame f = {.length = 500, .count = 3, .append_ns = 5, .key = key};
    journal_index_init(&x, 0);
    journal_index_add(&x, &f);
    x.digests = digests;
    x.digest_count = 2;
    CHECK_OK(journal_index_encode(&x, 7, &bytes, &err), &err);
    assert_null(memmem(bytes.p, bytes.n, "BHP", 3));
    CHECK_OK(journal_index_decode(k2_buf_view(&bytes), 7, 0, &back, &err), &err);
    assert_true(back.key == key && back.digested && back.digest_count == 2);
    assert_string_equal(back.digests[1].symbol, "CBA");
    journal_index_fini(&back);
    size_t sealed = 72 + (size_t)k2_get_u64(bytes.p + 64); /* what follows is bound to nothing */
    for (size_t bit = 0; bit < 8 * sealed; bit++) {
        bytes.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        k2_put_u32(bytes.p + 4, k2_crc32c(0, bytes.p + 8, bytes.n - 8));
        int rc = journal_index_decode(k2_buf_view(&bytes), 7, 0, &back, &err);
        /* Another key's id is a key that is lacking, and no digest comes of it. */
        if (rc == K2_OK && !back.locked && bit / 8 >= 8)
            fail_msg("bit %zu is not noticed", bit);
        if (rc == K2_OK)
            assert_true(back.digest_count == 0 || bit / 8 < 8);
        journal_index_fini(&back);
        bytes.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        k2_put_u32(bytes.p + 4, k2_crc32c(0, bytes.p + 8, bytes.n - 8));
    }
    use(KEY_2, "");
    CHECK_OK(journal_index_decode(k2_buf_view(&bytes), 7, 0, &back, &err), &err);
    assert_true(back.locked && !back.digested && back.span_count == 1);
    bytes.n = 0;
    CHECK_STATUS(journal_index_encode(&back, 7, &bytes, &err), K2_E_FAILED);
    journal_index_fini(&back);
    x.digests = NULL;
    journal_index_fini(&x);
    k2_buf_free(&bytes);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* damage is expected here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_a_record_stands_in_the_files),
        cmocka_unit_test(readers_of_any_span_beside_the_writer_see_what_was_written),
        cmocka_unit_test(any_flipped_bit_is_refused_also_with_the_checksum_put_right),
        cmocka_unit_test(bit_flips_are_found_by_verify),
        cmocka_unit_test(a_batch_in_another_place_is_refused),
        cmocka_unit_test(a_data_key_is_of_one_segment_of_one_journal),
        cmocka_unit_test(the_same_batch_of_another_journal_is_refused),
        cmocka_unit_test(a_batch_in_the_clear_among_encrypted_ones_is_refused),
        cmocka_unit_test(no_nonce_is_used_twice_under_a_key),
        cmocka_unit_test(a_key_that_was_not_given_is_named_and_nothing_is_called_damaged),
        cmocka_unit_test(a_key_begins_a_new_segment_and_the_old_ones_stay_readable),
        cmocka_unit_test(without_a_word_nobody_writes_in_the_clear),
        cmocka_unit_test(a_key_that_is_none_is_refused_and_not_quoted),
        cmocka_unit_test(an_index_tells_no_symbols_and_is_refused_when_it_was_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
