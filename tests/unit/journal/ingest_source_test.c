/* Sources read step by step: whatever is appended, stepped, flushed, killed or cut from its power in between, the
 * journal holds in the end what one reading of the file gives. Seed in K2_SEED. */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/fs.h"
#include "crash/disk.h"
#include "k2test.h"

#define ROUNDS 25

static const char *const formats[] = {"asx-csv", "binance-json"};

/* --- what a journal holds --- */

struct content {
    int64_t records;
    struct k2_h128 sum; /* of identities and payloads of events and refused records */
};

static void add_record(struct content *c, const struct k2_event *e, const struct k2_interner *in) {
    struct k2_buf id = {0};
    k2_message_id(e, in, &id);
    if (e->kind != K2_KIND_QUARANTINE) { /* whose payload has the time of the refusal */
        struct k2_h128 payload = k2_payload_hash(e, in);
        k2_buf_put(&id, &payload, sizeof payload);
    }
    c->sum = k2_h128_add(c->sum, k2_hash128(id.p, id.n));
    c->records++;
    k2_buf_free(&id);
}

static void read_topic(struct journal *j, const struct journal_topic *t, struct content *c) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    struct journal_span spans[64];
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_record record;
    struct k2_err err;
    if (!kind || kind->id == K2_KIND_GAP) /* whether a hole is one depends on when was flushed */
        return;
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d = k2_decoder_new(kind, in, k2_registry_source(journal_registry(j)));
    for (int32_t p = 0; p < t->partitions; p++)
        spans[p] = (struct journal_span){t->id, p, 0, INT64_MAX};
    CHECK_OK(journal_read(j, spans, t->partitions, &r, &err), &err);
    while (journal_next(r, &b, &err) > 0)
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);) {
            struct k2_event e;
            CHECK_OK(k2_decode(d, record.value, &e, &err), &err);
            add_record(c, &e, in);
        }
    journal_reader_close(r);
    k2_decoder_free(d);
    k2_interner_free(in);
}

static struct content content_of(const char *data) {
    struct content c = {0};
    struct journal *j;
    struct k2_err err;
    CHECK_OK(journal_open(data, JOURNAL_READ, NULL, &j, &err), &err);
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        read_topic(j, &t, &c);
    }
    journal_close(j);
    return c;
}

/* --- files --- */

static void put_asx(struct k2_buf *out, int i, uint64_t *rng) {
    static const char *const bad[] = {"03/10/2014,xx", "", ",,,,", "03/11/2014,25:00:00,1,1,1,1"};
    if (i == 0)
        k2_buf_str(out, "Date,Time,Price,Volume,Q,V,X\r\n");
    uint64_t r = k2test_random(rng);
    int day = 10 + i / 40 + (r % 16 == 0), second = i % 60;
    if (r % 11 == 0)
        k2_buf_str(out, bad[r / 11 % 4]);
    else if (r % 3 == 0)
        k2_buf_printf(out, "03/%02d/2014,10:00:%02d.123,37.%d,37.9,%d,20", day, second, i % 9,
                      i + 1);
    else
        k2_buf_printf(out, "03/%02d/2014,10:00:%02d.123,37.5,%d,0,X,", day, second, 1 + i % 7);
    k2_buf_str(out, r % 2 ? "\n" : "\r\n");
}

static void put_binance(struct k2_buf *out, int i, uint64_t *rng) {
    static const char *const symbols[] = {"BTCUSDT", "ETHUSDT"};
    uint64_t r = k2test_random(rng);
    if (r % 13 == 0)
        k2_buf_str(out, "{\"e\":\"trade\",");
    else
        k2_buf_printf(
            out,
            "{\"e\":\"trade\",\"E\":1,\"s\":\"%s\",\"t\":%d,\"p\":\"1.5\",\"q\":\"%d\",\"T\":%lld,"
            "\"m\":true,\"M\":true}",
            symbols[r / 13 % 2], i + 1 + (int)(r % 4), 1 + i % 3, 1772445600000LL + i * 40000000LL);
    k2_buf_byte(out, '\n');
}

/* Lines of a venue; of the last one perhaps only a part. */
static void make_lines(int format, uint64_t *rng, struct k2_buf *out) {
    int n = 20 + (int)(k2test_random(rng) % 150);
    for (int i = 0; i < n; i++)
        (format == 0 ? put_asx : put_binance)(out, i, rng);
}

static void write_at(const char *path, const char *mode, const void *bytes, size_t n) {
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* --- a run that can be killed --- */

struct run {
    char *dir, *data, *path[2];
    struct k2_buf text[2];
    size_t written[2]; /* of text that is in the file */
    struct disk *disk; /* under the data directory */
    struct journal *j;
    struct ingest *g;
    struct ingest_source *s[2];
    uint64_t rng;
    int64_t bytes; /* read from the files, over all lives */
    int notes;
};

static uint64_t any(struct run *r, uint64_t n) {
    return k2test_random(&r->rng) % n;
}

static void count_note(void *ctx, const char *path, const char *text) {
    (void)path;
    struct run *r = ctx;
    r->notes += strncmp(text, "goes on at byte", 15) == 0;
}

static void start(struct run *r) {
    struct k2_err err;
    struct journal_options jo = {.segment_bytes = 20000};
    struct ingest_options o = {.batch_bytes = 2000, .note = count_note, .note_ctx = r};
    CHECK_OK(journal_open(r->data, JOURNAL_WRITE, &jo, &r->j, &err), &err);
    CHECK_OK(ingest_open(r->j, &o, &r->g, &err), &err);
    for (int i = 0; i < 2; i++) {
        struct ingest_source_options so = {
            .feed = feed_find(k2_sv_of(formats[i])),
            .options = {.date = INT32_MIN, .source = k2_sv_of(r->path[i])},
            .follow = true,
            .resume = true};
        CHECK_OK(ingest_source_open(r->g, r->path[i], &so, &r->s[i], &err), &err);
    }
}

static void stop(struct run *r) {
    r->bytes += ingest_stats(r->g).bytes;
    for (int i = 0; i < 2; i++)
        ingest_source_close(r->s[i]);
    ingest_close(r->g);
    journal_close(r->j);
}

static void append_some(struct run *r, int i) {
    size_t left = r->text[i].n - r->written[i];
    size_t n = (size_t)any(r, 600);
    n = n < left ? n : left;
    write_at(r->path[i], "ab", r->text[i].p + r->written[i], n);
    r->written[i] += n;
}

static bool step(struct run *r, int i, size_t most) {
    struct k2_err err;
    bool idle;
    CHECK_OK(ingest_source_step(r->s[i], most, &idle, &err), &err);
    return idle;
}

/* The power goes at some operation of what follows, and comes back. */
static void lose_power(struct run *r) {
    bool idle;
    int rc = K2_OK;
    disk_power_off_at(r->disk, 1 + (int64_t)any(r, 8));
    for (int i = 0; rc == K2_OK && i < 20; i++) {
        rc = ingest_source_step(r->s[any(r, 2)], 300, &idle, NULL);
        if (rc == K2_OK && any(r, 2))
            rc = any(r, 2) ? ingest_flush(r->g, NULL) : ingest_commit(r->g, NULL);
    }
    stop(r);
    disk_cut(r->disk, any(r, 1000));
    start(r);
}

static void act(struct run *r) {
    struct k2_err err;
    int i = (int)any(r, 2);
    switch (any(r, 13)) {
    case 0:
    case 1:
    case 2:
        append_some(r, i);
        break;
    case 3:
        CHECK_OK(ingest_commit(r->g, &err), &err);
        break;
    case 4:
        CHECK_OK(ingest_flush(r->g, &err), &err);
        break;
    case 5: /* killed, at times with its power */
        stop(r);
        if (any(r, 2))
            disk_cut(r->disk, any(r, 1000));
        start(r);
        break;
    case 6:
        lose_power(r);
        break;
    default:
        (void)step(r, i, 1 + (size_t)any(r, 500));
    }
}

static void finish(struct run *r) {
    struct k2_err err;
    for (int i = 0; i < 2; i++) {
        write_at(r->path[i], "ab", r->text[i].p + r->written[i], r->text[i].n - r->written[i]);
        while (!step(r, i, 1000))
            ;
    }
    CHECK_OK(ingest_flush(r->g, &err), &err);
    stop(r);
}

static struct content read_once(struct run *r) {
    struct k2_err err;
    char *data = k2_path(r->dir, "once");
    struct journal *j;
    struct ingest *g;
    CHECK_OK(journal_open(data, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    for (int i = 0; i < 2; i++) {
        struct feed_options o = {.date = INT32_MIN, .source = k2_sv_of(r->path[i])};
        CHECK_OK(ingest_file(g, r->path[i], feed_find(k2_sv_of(formats[i])), &o, false, &err),
                 &err);
    }
    assert_true(ingest_stats(g).quarantined > 0);
    ingest_close(g);
    journal_close(j);
    struct content c = content_of(data);
    free(data);
    return c;
}

static void set_up(struct run *r, uint64_t seed) {
    static const char *const names[] = {"7078_BHP.csv", "trades.json"};
    *r = (struct run){.dir = k2test_dir(), .rng = seed};
    r->data = k2_path(r->dir, "data");
    assert_int_equal(mkdir(r->data, 0700), 0);
    r->disk = disk_mount(r->data);
    for (int i = 0; i < 2; i++) {
        r->path[i] = k2_path(r->dir, names[i]);
        make_lines(i, &r->rng, &r->text[i]);
    }
    start(r); /* the files are not there yet */
}

static void tear_down(struct run *r) {
    disk_unmount(r->disk);
    for (int i = 0; i < 2; i++) {
        free(r->path[i]);
        k2_buf_free(&r->text[i]);
    }
    free(r->data);
    k2test_rmdir(r->dir);
}

static void whatever_happens_in_between_the_journal_holds_what_one_reading_gives(void **state) {
    (void)state;
    int resumed = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct run r;
        set_up(&r, k2test_seed() + round);
        for (int i = 0; i < 200; i++)
            act(&r);
        finish(&r);
        struct content got = content_of(r.data), want = read_once(&r);
        if (got.records != want.records || k2_h128_cmp(got.sum, want.sum) != 0)
            fail_msg("K2_SEED=%llu: %lld records instead of %lld",
                     (unsigned long long)(k2test_seed() + round), (long long)got.records,
                     (long long)want.records);
        resumed += r.notes;
        tear_down(&r);
    }
    assert_true(resumed > ROUNDS);
}

/* --- what a restart costs, and what makes a mark void --- */

static void after_a_flush_a_restart_reads_nothing_again(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    set_up(&r, 5);
    for (int i = 0; i < 2; i++) {
        write_at(r.path[i], "ab", r.text[i].p, r.text[i].n);
        while (!step(&r, i, 1 << 16))
            ;
    }
    CHECK_OK(ingest_flush(r.g, &err), &err);
    stop(&r);
    assert_int_equal(r.bytes, r.text[0].n + r.text[1].n);
    disk_cut(r.disk, 0);
    for (int again = 0; again < 3; again++) {
        start(&r);
        assert_true(step(&r, 0, 1000) && step(&r, 1, 1000));
        assert_int_equal(ingest_stats(r.g).read, 0);
        assert_int_equal(ingest_stats(r.g).bytes, 0);
        stop(&r);
    }
    assert_int_equal(r.notes, 6);
    tear_down(&r);
}

/* The same file in another place, or another content behind the same name, is read from its start. */
static void a_file_that_is_not_the_marked_one_is_read_from_its_start(void **state) {
    (void)state;
    static const char *const changes[] = {
        "cp trades.json copy && mv copy trades.json",
        "truncate -s -1 trades.json && printf x >>trades.json",
        "printf x | dd of=trades.json conv=notrunc status=none",
        "truncate -s -10 trades.json",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct run r;
        struct k2_err err;
        char command[5000];
        set_up(&r, 5);
        write_at(r.path[1], "ab", r.text[1].p, r.text[1].n);
        while (!step(&r, 1, 1 << 16))
            ;
        CHECK_OK(ingest_flush(r.g, &err), &err);
        stop(&r);
        snprintf(command, sizeof command, "cd '%s' && %s", r.dir, changes[i]);
        assert_int_equal(system(command), 0);
        r.notes = 0;
        start(&r);
        while (!step(&r, 1, 1 << 16))
            ;
        assert_int_equal(r.notes, 0);
        assert_true(ingest_stats(r.g).read > 10);
        stop(&r);
        tear_down(&r);
    }
}

static void other_options_or_another_selection_void_the_mark(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    set_up(&r, 6);
    write_at(r.path[0], "ab", r.text[0].p, r.text[0].n);
    while (!step(&r, 0, 1 << 16))
        ;
    CHECK_OK(ingest_flush(r.g, &err), &err);
    struct ingest_source_options plain = {.feed = feed_find(K2_SV("asx-csv")),
                                          .options = {.date = INT32_MIN},
                                          .follow = true,
                                          .resume = true},
                                 other[4] = {plain, plain, plain, plain};
    other[1].options.symbol = K2_SV("CBA");
    other[2].options.calendar = "utc";
    other[3].selection = K2_SV("B*");
    for (int i = 0; i < 4; i++) {
        struct ingest_source *s;
        CHECK_OK(ingest_source_open(r.g, r.path[0], &other[i], &s, &err), &err);
        assert_int_equal(ingest_source_state(s).done > 0, i == 0);
        ingest_source_close(s);
        /* its own mark again, which a close has replaced */
        CHECK_OK(ingest_flush(r.g, &err), &err);
    }
    stop(&r);
    tear_down(&r);
}

/* --- files that change under the source --- */

static void a_file_replaced_truncated_or_written_anew_is_read_from_its_start(void **state) {
    (void)state;
    static const char
        one[] = "03/10/2014,10:00:00.000,37.5,1,0,,\n",
        two[] = "03/11/2014,10:00:00.000,37.5,2,0,,\n03/11/2014,10:00:01.000,37.5,2,0,,\n",
        three[] = "03/12/2014,10:00:00.000,37.5,3,0,,\n";
    struct run r;
    struct k2_err err;
    char command[5000];
    set_up(&r, 7);
    write_at(r.path[0], "wb", one, sizeof one - 1);
    (void)(step(&r, 0, 1000) + step(&r, 0, 1000));
    /* replaced, while a last line without its end is still held */
    write_at(r.path[0], "ab", "03/10/2014,10:00:05", 19);
    assert_false(step(&r, 0, 1000));
    snprintf(command, sizeof command, "mv '%s' '%s/old'", r.path[0], r.dir);
    assert_int_equal(system(command), 0);
    assert_true(step(&r, 0, 1000)); /* nothing there: waits */
    write_at(r.path[0], "wb", two, sizeof two - 1);
    while (!step(&r, 0, 1000))
        ;
    assert_int_equal(ingest_source_state(r.s[0]).restarts, 1);
    /* truncated */
    write_at(r.path[0], "wb", three, sizeof three - 1);
    while (!step(&r, 0, 1000))
        ;
    assert_int_equal(ingest_source_state(r.s[0]).restarts, 2);
    /* written anew and longer than before when it is looked at */
    write_at(r.path[0], "wb", two, sizeof two - 1);
    while (!step(&r, 0, 1000))
        ;
    assert_int_equal(ingest_source_state(r.s[0]).restarts, 3);
    assert_int_equal(ingest_source_state(r.s[0]).done, sizeof two - 1);
    CHECK_OK(ingest_flush(r.g, &err), &err);
    struct ingest_stats t = ingest_stats(r.g);
    assert_int_equal(t.accepted, 4);
    assert_int_equal(t.duplicates, 2);
    assert_int_equal(t.quarantined, 1); /* the line that had no end */
    assert_int_equal(t.conflicts, 0);
    stop(&r);
    tear_down(&r);
}

static void a_gzip_file_is_read_once_to_its_end_also_while_it_arrives(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    struct k2_buf packed = {0};
    char command[5000], packed_path[4200];
    set_up(&r, 8);
    snprintf(packed_path, sizeof packed_path, "%s/packed.csv.gz", r.dir);
    write_at(r.path[0], "wb", r.text[0].p, r.text[0].n);
    snprintf(command, sizeof command, "gzip -c '%s' >'%s'", r.path[0], packed_path);
    assert_int_equal(system(command), 0);
    CHECK_OK(k2_fs_read(packed_path, &packed, &err), &err);
    assert_int_equal(unlink(packed_path), 0);
    struct ingest_source_options so = {.feed = feed_find(K2_SV("asx-csv")),
                                       .options = {.date = INT32_MIN, .symbol = K2_SV("BHP")},
                                       .follow = true,
                                       .resume = true};
    struct ingest_source *s;
    bool idle = false;
    CHECK_OK(ingest_source_open(r.g, packed_path, &so, &s, &err), &err);
    for (size_t at = 0; at < packed.n; at += 100) { /* as a slow copy brings it */
        write_at(packed_path, "ab", packed.p + at, packed.n - at < 100 ? packed.n - at : 100);
        do
            CHECK_OK(ingest_source_step(s, 1000, &idle, &err), &err);
        while (!idle);
        assert_int_equal(ingest_source_state(s).ended, at + 100 >= packed.n);
    }
    CHECK_OK(ingest_flush(r.g, &err), &err);
    int64_t packed_read = ingest_stats(r.g).read;
    ingest_source_close(s);
    while (!step(&r, 0, 1000)) /* the same lines, from the plain file */
        ;
    CHECK_OK(ingest_flush(r.g, &err), &err);
    assert_int_equal(ingest_stats(r.g).read, 2 * packed_read);
    assert_true(ingest_stats(r.g).duplicates > 0);
    CHECK_OK(ingest_source_open(r.g, packed_path, &so, &s, &err), &err);
    assert_true(ingest_source_state(s).ended); /* its mark says that it was read */
    ingest_source_close(s);
    k2_buf_free(&packed);
    stop(&r);
    tear_down(&r);
}

/* A file that is not followed ends with its last line, whole or not: what may go on has no mark. */
static void a_last_line_that_only_the_end_made_whole_has_no_mark(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    set_up(&r, 12);
    char *path = k2_path(r.dir, "8_CBA.csv");
    struct ingest_source_options so = {
        .feed = feed_find(K2_SV("asx-csv")), .options = {.date = INT32_MIN}, .resume = true};
    static const char *const texts[] = {"03/10/2014,10:00:00.000,37.5,1,0,,\n",
                                        "03/10/2014,10:00:00.000,37.5,1,0,,\n"
                                        "03/10/2014,10:00:01.000,37.5,1,0,,"};
    for (int i = 0; i < 2; i++) {
        bool idle = false;
        write_at(path, "wb", texts[i], strlen(texts[i]));
        for (int again = 0; again < 2; again++) {
            struct ingest_source *s;
            CHECK_OK(ingest_source_open(r.g, path, &so, &s, &err), &err);
            bool resumed = ingest_source_state(s).done > 0;
            assert_int_equal(resumed, i == 0 ? again : again == 0);
            while (!ingest_source_state(s).ended)
                CHECK_OK(ingest_source_step(s, 1000, &idle, &err), &err);
            ingest_source_close(s);
            CHECK_OK(ingest_flush(r.g, &err), &err);
        }
    }
    assert_int_equal(ingest_stats(r.g).accepted, 2);
    assert_int_equal(ingest_stats(r.g).conflicts, 0);
    free(path);
    stop(&r);
    tear_down(&r);
}

/* --- speed --- */

static void with_a_speed_events_come_at_their_time_and_held_ones_are_read_again(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    set_up(&r, 9);
    char *path = k2_path(r.dir, "capture.json");
    r.text[1].n = 0;
    for (int i = 0; i < 11; i++) /* 100 ms apart */
        k2_buf_printf(&r.text[1],
                      "{\"e\":\"trade\",\"E\":1,\"s\":\"BTCUSDT\",\"t\":%d,\"p\":\"1.5\",\"q\":"
                      "\"1\",\"T\":%lld,"
                      "\"m\":true,\"M\":true}\n",
                      i + 1, 1772445600000LL + i * 100LL);
    write_at(path, "wb", r.text[1].p, r.text[1].n);
    struct ingest_source_options so = {.feed = feed_find(K2_SV("binance-json")),
                                       .options = {.date = INT32_MIN},
                                       .resume = true,
                                       .speed = 10};
    struct ingest_source *s;
    int64_t begin, read;
    bool idle;
    CHECK_OK(ingest_source_open(r.g, path, &so, &s, &err), &err);
    CHECK_OK(ingest_source_step(s, 1 << 16, &idle, &err), &err);
    read = ingest_stats(r.g).read;
    assert_true(idle && read >= 1 && read < 11);
    assert_false(ingest_source_state(s).ended);
    assert_in_range(ingest_source_state(s).wait_ns, 1, 10 * K2_NS_PER_MS);
    /* closed with events held: what was given stays, the rest is read again */
    ingest_source_close(s);
    CHECK_OK(ingest_flush(r.g, &err), &err);
    assert_int_equal(ingest_stats(r.g).accepted, read);
    CHECK_OK(ingest_source_open(r.g, path, &so, &s, &err), &err);
    begin = k2_monotonic_ns();
    while (!ingest_source_state(s).ended) {
        CHECK_OK(ingest_source_step(s, 1 << 16, &idle, &err), &err);
        int64_t given = ingest_stats(r.g).read - read, took = k2_monotonic_ns() - begin;
        assert_true(took >= (given - 1) * 10 * K2_NS_PER_MS);
        if (idle)
            usleep((useconds_t)(ingest_source_state(s).wait_ns / 1000));
    }
    assert_true(k2_monotonic_ns() - begin >= 100 * K2_NS_PER_MS);
    CHECK_OK(ingest_flush(r.g, &err), &err);
    assert_int_equal(ingest_stats(r.g).accepted, 11);
    assert_int_equal(ingest_stats(r.g).duplicates, read);
    ingest_source_close(s);
    free(path);
    stop(&r);
    tear_down(&r);
}

/* --- failures --- */

/* The log refuses: from then on nothing is judged and no checkpoint says what the log does not hold. */
static void an_ingest_whose_journal_failed_is_spent_and_another_one_loses_nothing(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    bool idle;
    int rc = K2_OK;
    set_up(&r, 10);
    write_at(r.path[0], "wb", r.text[0].p, r.text[0].n);
    write_at(r.path[1], "wb", r.text[1].p, r.text[1].n);
    r.written[0] = r.text[0].n;
    r.written[1] = r.text[1].n;
    disk_room(r.disk, 3000);
    while (rc == K2_OK) {
        rc = ingest_source_step(r.s[0], 1000, &idle, &err);
        if (rc == K2_OK && idle)
            rc = ingest_flush(r.g, &err);
    }
    disk_room(r.disk, -1);
    CHECK_STATUS(ingest_health(r.g, &err), rc);
    CHECK_STATUS(ingest_source_step(r.s[1], 1000, &idle, &err), rc);
    CHECK_STATUS(ingest_flush(r.g, &err), rc);
    CHECK_STATUS(ingest_commit(r.g, &err), rc);
    stop(&r);
    start(&r);
    finish(&r);
    struct content got = content_of(r.data), want = read_once(&r);
    assert_int_equal(got.records, want.records);
    assert_int_equal(k2_h128_cmp(got.sum, want.sum), 0);
    tear_down(&r);
}

static void what_excludes_each_other_is_refused_and_a_failed_source_fails_alone(void **state) {
    (void)state;
    struct run r;
    struct k2_err err;
    struct ingest_source *s;
    bool idle;
    set_up(&r, 11);
    struct ingest_source_options so = {.feed = feed_find(K2_SV("asx-csv")),
                                       .options = {.date = INT32_MIN, .symbol = K2_SV("BHP")},
                                       .follow = true,
                                       .keep_counting = true};
    CHECK_STATUS(ingest_source_open(r.g, r.path[0], &so, &s, &err), K2_E_INVALID);
    so.keep_counting = false;
    so.speed = -1;
    CHECK_STATUS(ingest_source_open(r.g, r.path[0], &so, &s, &err), K2_E_INVALID);
    so.speed = 0;
    CHECK_OK(ingest_source_open(r.g, "/dev/null", &so, &s, &err), &err);
    CHECK_STATUS(ingest_source_step(s, 1000, &idle, &err), K2_E_INVALID);
    assert_true(ingest_source_state(s).ended);
    CHECK_OK(ingest_health(r.g, &err), &err);
    ingest_source_close(s);
    so.follow = false;
    CHECK_STATUS(ingest_source_open(r.g, r.path[0], &so, &s, &err), K2_E_NOTFOUND);
    finish(&r);
    tear_down(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_in_between_the_journal_holds_what_one_reading_gives),
        cmocka_unit_test(after_a_flush_a_restart_reads_nothing_again),
        cmocka_unit_test(a_file_that_is_not_the_marked_one_is_read_from_its_start),
        cmocka_unit_test(other_options_or_another_selection_void_the_mark),
        cmocka_unit_test(a_file_replaced_truncated_or_written_anew_is_read_from_its_start),
        cmocka_unit_test(a_gzip_file_is_read_once_to_its_end_also_while_it_arrives),
        cmocka_unit_test(a_last_line_that_only_the_end_made_whole_has_no_mark),
        cmocka_unit_test(with_a_speed_events_come_at_their_time_and_held_ones_are_read_again),
        cmocka_unit_test(an_ingest_whose_journal_failed_is_spent_and_another_one_loses_nothing),
        cmocka_unit_test(what_excludes_each_other_is_refused_and_a_failed_source_fails_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
