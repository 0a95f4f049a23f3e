/* Raw captures: what goes in comes out, however it is cut; what is damaged is refused once; frames.c and json_lines.c
 * read them. */
#include "feed_helper.h"

#include "feed/capture/frames.h"
#include "feed/capture/twins.h"
#include "feed/feed_int.h"

#include <inttypes.h>

static struct feed_live_frame frame_of(enum feed_live_form form, int64_t connection, int line,
                                       struct k2_sv bytes) {
    static int64_t now = 1700000000000000000;
    return (struct feed_live_frame){
        .form = form, .bytes = bytes, .received_ns = now++, .line = line, .connection = connection};
}

static void put(struct k2_buf *out, enum feed_live_form form, int64_t connection, int line,
                const char *text) {
    struct feed_live_frame f = frame_of(form, connection, line, k2_sv_of(text));
    if (out->n == 0)
        feed_raw_begin(out);
    feed_raw_put(out, &f);
}

/* --- the container --- */

static void log_found(struct k2_buf *log, enum raw_found found, const struct raw_finding *f) {
    if (found == RAW_DAMAGE) {
        k2_buf_printf(log, "%" PRId64 " @%" PRIu64 " damage, %zu bytes: %s\n", f->number, f->offset,
                      f->frame.bytes.n, f->what);
        return;
    }
    k2_buf_printf(log, "%" PRId64 " @%" PRIu64 " %d line %d connection %" PRId64 " t=%" PRId64 " ",
                  f->number, f->offset, (int)f->frame.form, f->frame.line, f->frame.connection,
                  f->frame.received_ns);
    k2_buf_sv(log, f->frame.bytes);
    k2_buf_str(log, found == RAW_TWIN ? " twin\n" : "\n");
}

/* Reads in pieces of random sizes up to `most`; 0 = at once. Half-way the reader is saved and restored. */
static void read_all(struct k2_sv bytes, size_t most, uint64_t seed, bool change,
                     struct k2_buf *log) {
    struct raw_reader r = {0};
    size_t done = 0, shown = 0;
    while (shown < bytes.n || most == 0) {
        size_t more = most ? 1 + (size_t)(k2test_random(&seed) >> 8) % most : bytes.n;
        shown = bytes.n - shown <= more ? bytes.n : shown + more;
        char *copy = malloc(shown - done + 1); /* its end is the end that may be read */
        memcpy(copy, bytes.p + done, shown - done);
        struct k2_sv rest = {copy, shown - done};
        struct raw_finding f;
        enum raw_found found;
        while ((found = raw_next(&r, &rest, shown == bytes.n, &f)) != RAW_MORE)
            log_found(log, found, &f);
        done = shown - rest.n;
        free(copy);
        if (change && shown > bytes.n / 2) {
            struct k2_buf saved = {0};
            raw_reader_save(&r, &saved);
            struct k2_sv in = k2_buf_view(&saved);
            assert_true(raw_reader_restore(&r, &in) && in.n == 0);
            k2_buf_free(&saved);
            change = false;
        }
        if (most == 0)
            break;
    }
    assert_int_equal(done, bytes.n);
    raw_reader_free(&r);
}

static const char *answers(struct k2_sv bytes) {
    static struct k2_buf whole;
    uint64_t seed = k2test_seed();
    whole.n = 0;
    read_all(bytes, 0, 0, false, &whole);
    for (size_t most = 1; most < 400; most = most * 3 + 1) {
        struct k2_buf pieces = {0};
        read_all(bytes, most, seed, false, &pieces);
        assert_string_equal(k2_buf_cstr(&pieces), k2_buf_cstr(&whole));
        k2_buf_free(&pieces);
    }
    return k2_buf_cstr(&whole);
}

static void frames_come_out_as_they_went_in(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 50; round++) {
        struct k2_buf out = {0}, want = {0};
        uint64_t offset = 8;
        feed_raw_begin(&out);
        for (int64_t n = (int64_t)(k2test_random(&seed) % 12), i = 1; i <= n; i++) {
            char bytes[200];
            size_t size = (size_t)(k2test_random(&seed) >> 20) % sizeof bytes;
            for (size_t k = 0; k < size; k++)
                bytes[k] = (char)('A' + (k2test_random(&seed) >> 30) % 26);
            /* All of one line: none can be a twin. */
            struct feed_live_frame f =
                frame_of((enum feed_live_form)(k2test_random(&seed) % 6), (int64_t)round << 40, 1,
                         (struct k2_sv){bytes, size});
            feed_raw_put(&out, &f);
            offset += 36;
            log_found(&want, RAW_FRAME,
                      &(struct raw_finding){.frame = f, .number = i, .offset = offset});
            offset += size;
        }
        assert_string_equal(answers(k2_buf_view(&out)), want.n ? k2_buf_cstr(&want) : "");
        k2_buf_free(&out);
        k2_buf_free(&want);
    }
}

static void a_reader_goes_on_where_it_was_saved(void **state) {
    (void)state;
    struct k2_buf out = {0}, whole = {0}, pieces = {0};
    for (int i = 0; i < 20; i++)
        put(&out, LIVE_TEXT, 1, 0, "a message");
    read_all(k2_buf_view(&out), 0, 0, false, &whole);
    read_all(k2_buf_view(&out), 50, 1, true, &pieces);
    assert_string_equal(k2_buf_cstr(&pieces), k2_buf_cstr(&whole));
    k2_buf_free(&out);
    k2_buf_free(&whole);
    k2_buf_free(&pieces);
}

static int count(const char *log, const char *what) {
    int n = 0;
    for (const char *at = log; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

static void a_frame_whose_bytes_are_damaged_is_refused_alone(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_TEXT, 1, 0, "first");
    put(&out, LIVE_TEXT, 1, 0, "second");
    put(&out, LIVE_TEXT, 1, 0, "third");
    out.p[8 + 36 + 5 + 36 + 2] ^= 1;
    const char *log = answers(k2_buf_view(&out));
    assert_int_equal(count(log, "\n"), 3);
    assert_non_null(strstr(log, "first\n"));
    assert_non_null(strstr(log, "2 @85 damage, 6 bytes: the frame's bytes are not those of its "
                                "checksum\n"));
    assert_non_null(strstr(log, "third\n"));
    k2_buf_free(&out);
}

static void behind_a_damaged_head_the_next_frame_is_found(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_TEXT, 1, 0, "first");
    put(&out, LIVE_TEXT, 1, 0, "second, with KKK2fr in it");
    put(&out, LIVE_TEXT, 1, 0, "third");
    out.p[8 + 36 + 5 + 10] ^= 1;
    const char *log = answers(k2_buf_view(&out));
    assert_int_equal(count(log, "\n"), 3);
    assert_non_null(strstr(
        log, "2 @49 damage, 61 bytes: no frame begins here; 61 bytes are passed over\n3 @146 "));
    k2_buf_free(&out);
}

static void a_capture_that_was_cut_off_says_so(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_TEXT, 1, 0, "first");
    put(&out, LIVE_TEXT, 1, 0, "second");
    size_t first = 8 + 36 + 5;
    for (size_t n = first + 1; n < out.n; n++) {
        const char *log = answers((struct k2_sv){(char *)out.p, n});
        assert_int_equal(count(log, "\n"), 2);
        assert_int_equal(count(log, "damage"), 1);
        assert_non_null(strstr(log, "the capture ends inside a frame"));
    }
    assert_int_equal(count(answers((struct k2_sv){(char *)out.p, first}), "damage"), 0);
    k2_buf_free(&out);
}

static void captures_can_be_put_one_behind_the_other(void **state) {
    (void)state;
    struct k2_buf one = {0}, two = {0};
    put(&one, LIVE_TEXT, 1, 0, "first");
    put(&two, LIVE_TEXT, 1, 0, "second");
    k2_buf_sv(&one, k2_buf_view(&two));
    const char *log = answers(k2_buf_view(&one));
    assert_int_equal(count(log, "\n"), 2);
    assert_int_equal(count(log, "damage"), 0);
    k2_buf_free(&one);
    k2_buf_free(&two);
}

static void a_newer_version_is_refused_as_a_whole(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_TEXT, 1, 0, "first");
    put(&out, LIVE_TEXT, 1, 0, "second");
    out.p[7] = 2;
    const char *log = answers(k2_buf_view(&out));
    assert_int_equal(count(log, "\n"), 1);
    assert_non_null(strstr(log, "a raw capture of version 2; this K2 reads version 1; "));
    struct k2_err err;
    assert_int_equal(feed_raw_check_version(k2_buf_view(&out), &err), K2_E_UNSUPPORTED);
    out.p[7] = 1;
    CHECK_OK(feed_raw_check_version(k2_buf_view(&out), &err), &err);
    k2_buf_free(&out);
}

/* Whatever is broken: no crash, and all frames that were not touched are found. */
static void damage_costs_no_frame_but_the_damaged_ones(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 200; round++) {
        struct k2_buf out = {0};
        for (int i = 0; i < 8; i++)
            put(&out, LIVE_BINARY, 1, 0, "some bytes of a frame");
        size_t frame = 36 + strlen("some bytes of a frame");
        bool touched[8] = {false};
        for (uint64_t damage = k2test_random(&seed) % 4; damage > 0; damage--) {
            size_t at = 8 + (size_t)(k2test_random(&seed) >> 10) % (out.n - 8);
            out.p[at] ^= (uint8_t)(1 + k2test_random(&seed) % 255);
            touched[(at - 8) / frame] = true;
        }
        const char *log = answers(k2_buf_view(&out));
        int good = 0;
        for (int i = 0; i < 8; i++)
            good += !touched[i];
        /* The same byte may have been changed back. */
        assert_true(count(log, "some bytes of a frame\n") >= good);
        k2_buf_free(&out);
    }
}

/* --- two lines --- */

static bool met(struct raw_twins *t, int line, const char *text) {
    return raw_twins_met(t, line, k2_sv_of(text));
}

static void a_datagram_of_the_other_line_is_a_twin_once(void **state) {
    (void)state;
    struct raw_twins *t = raw_twins_new();
    assert_false(met(t, 0, "one"));
    assert_true(met(t, 1, "one"));
    assert_false(met(t, 1, "one")); /* the venue said it again */
    assert_true(met(t, 0, "one"));
    assert_false(met(t, 1, "two"));
    assert_false(met(t, 1, "two"));
    assert_true(met(t, 0, "two"));
    assert_true(met(t, 0, "two"));
    assert_false(met(t, 0, "two"));
    assert_false(met(t, 0, ""));
    raw_twins_free(t);
}

static void the_window_of_twins_is_bounded(void **state) {
    (void)state;
    struct raw_twins *t = raw_twins_new();
    char text[4000];
    memset(text, 'x', sizeof text);
    assert_false(met(t, 1, "b"));
    for (int i = 0; i < 20000; i++) {
        snprintf(text, 32, "%d", i);
        text[strlen(text)] = ' ';
        assert_false(raw_twins_met(t, 0, (struct k2_sv){text, i & 1 ? sizeof text : 40}));
    }
    /* The last ones are known, the first are not any more. */
    snprintf(text, 32, "%d", 19998);
    text[strlen(text)] = ' ';
    assert_true(raw_twins_met(t, 1, (struct k2_sv){text, 40}));
    snprintf(text, 32, "%d", 10);
    text[strlen(text)] = ' ';
    assert_false(raw_twins_met(t, 1, (struct k2_sv){text, 40}));
    raw_twins_free(t);
}

static struct raw_twins *restarted(struct raw_twins *t, size_t *saved) {
    struct k2_buf bytes = {0};
    struct raw_twins *out = raw_twins_new();
    raw_twins_save(t, &bytes);
    raw_twins_free(t);
    struct k2_sv in = k2_buf_view(&bytes);
    assert_true(raw_twins_restore(out, &in));
    assert_int_equal(in.n, 0);
    *saved = bytes.n;
    k2_buf_free(&bytes);
    return out;
}

static void twins_know_each_other_over_a_restart(void **state) {
    (void)state;
    size_t saved;
    struct raw_twins *t = raw_twins_new();
    assert_false(met(t, 0, "one"));
    assert_false(met(t, 1, "two"));
    assert_false(met(t, 0, "three"));
    assert_true(met(t, 1, "three"));
    t = restarted(t, &saved);
    assert_true(met(t, 1, "one"));
    assert_false(met(t, 1, "one"));
    assert_false(met(t, 1, "two")); /* of the same line */
    assert_true(met(t, 0, "two"));
    assert_false(met(t, 1, "three"));
    for (int i = 0; i < 5000; i++) {
        char text[32];
        snprintf(text, sizeof text, "datagram %d", i);
        assert_false(met(t, 0, text));
    }
    t = restarted(t, &saved);
    assert_in_range(saved, 1024, 1024 * 30);
    assert_true(met(t, 1, "datagram 4999"));
    assert_true(met(t, 1, "datagram 3976"));
    assert_false(met(t, 1, "datagram 3975"));
    raw_twins_free(t);
}

/* As the first version wrote it: offset, number, four figures of what was lost and two texts of it. */
static void a_reader_is_restored_from_what_was_saved_without_twins(void **state) {
    (void)state;
    struct raw_reader r = {0};
    struct k2_buf old = {0};
    for (int i = 0; i < 5; i++)
        k2_avro_put_long(&old, i == 0 ? 44 : i == 1 ? 1 : 0);
    k2_avro_put_bytes(&old, (struct k2_sv){NULL, 0});
    k2_avro_put_bytes(&old, (struct k2_sv){NULL, 0});
    struct k2_sv in = k2_buf_view(&old);
    assert_true(raw_reader_restore(&r, &in));
    assert_int_equal(in.n, 0);
    assert_int_equal(r.at, 44);
    assert_int_equal(r.number, 1);
    old.n = 0;
    k2_avro_put_long(&old, -3); /* of a version that is not known */
    k2_avro_put_long(&old, 44);
    in = k2_buf_view(&old);
    assert_false(raw_reader_restore(&r, &in));
    raw_reader_free(&r);
    k2_buf_free(&old);
}

/* --- frames --- */

static int log_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                     struct k2_err *err) {
    (void)sink;
    (void)err;
    k2_buf_printf(state, "%" PRId64 " %s%u %.*s|%.*s|\n", f->number, f->datagram ? "d" : "s",
                  f->flow, K2_SV_ARG(f->flow_name), K2_SV_ARG(f->bytes));
    return K2_OK;
}

static int log_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)err;
    k2_buf_printf(ctx, "%" PRId64 " reject %s\n", r->position, r->detail);
    return K2_OK;
}

static int log_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)err;
    k2_buf_printf(ctx, "filtered %s\n", why);
    return K2_OK;
}

static const char *frames_of(struct k2_buf *out, enum feed_framing framing) {
    static struct k2_buf log;
    const struct feed_sink sink = {&log, NULL, log_reject, log_filtered};
    log.n = 0;
    for (size_t step = out->n; step > 0; step = step > 40 ? 7 : 0) {
        struct feed_frames *f = feed_frames_new(
            &(struct feed_frames_options){.frame = log_frame, .state = &log, .framing = framing});
        struct k2_err err = {0};
        struct k2_buf before = log;
        size_t done = 0, shown = 0;
        log = (struct k2_buf){0};
        while (shown < out->n) {
            size_t used;
            shown = out->n - shown <= step ? out->n : shown + step;
            CHECK_OK(feed_frames_decode(f, (struct k2_sv){(char *)out->p + done, shown - done},
                                        shown == out->n, &used, &sink, &err),
                     &err);
            done += used;
        }
        if (before.n)
            assert_string_equal(k2_buf_cstr(&log), k2_buf_cstr(&before));
        k2_buf_free(&before);
        feed_frames_free(f);
    }
    k2_buf_free(out);
    return k2_buf_cstr(&log);
}

static void datagrams_and_messages_are_frames_as_they_are(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_CONNECTED, 1, 0, "udp://224.0.0.1:1,224.0.0.2:1");
    put(&out, LIVE_DATAGRAM, 1, 0, "one");
    put(&out, LIVE_DATAGRAM, 1, 1, "one");
    put(&out, LIVE_DATAGRAM, 1, 1, "two");
    put(&out, LIVE_BINARY, 2, 0, "three");
    assert_string_equal(frames_of(&out, FEED_FRAMING_NONE),
                        "filtered a connection was made\n"
                        "2 d0 udp://224.0.0.1:1,224.0.0.2:1|one|\n"
                        "filtered the same datagram came on the other line\n"
                        "4 d0 udp://224.0.0.1:1,224.0.0.2:1|two|\n"
                        "5 s1 |three|\n");
}

static void streams_are_cut_by_the_framing_each_for_itself(void **state) {
    (void)state;
    struct k2_buf out = {0};
    struct feed_live_frame half = frame_of(LIVE_STREAM, 1, 0, (struct k2_sv){"\0\5he", 4});
    put(&out, LIVE_CONNECTED, 1, 0, "tcp://a:1");
    feed_raw_put(&out, &half);
    put(&out, LIVE_CONNECTED, 2, 0, "tcp://b:1");
    half = frame_of(LIVE_STREAM, 2, 0, (struct k2_sv){"\0\3two\0\1", 7});
    feed_raw_put(&out, &half);
    put(&out, LIVE_STREAM, 1, 0, "llo");
    put(&out, LIVE_DISCONNECTED, 2, 0, "gone");
    put(&out, LIVE_DISCONNECTED, 1, 0, "gone");
    assert_string_equal(frames_of(&out, FEED_FRAMING_LENGTH16),
                        "filtered a connection was made\n"
                        "filtered a connection was made\n"
                        "4 s1 tcp://b:1|two|\n"
                        "5 s0 tcp://a:1|hello|\n"
                        "6 reject the flow tcp://b:1 ends inside a frame\n"
                        "filtered a connection ended\n"
                        "filtered a connection ended\n");
}

static void bytes_of_a_stream_are_refused_where_only_datagrams_are_read(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_STREAM, 1, 0, "x");
    assert_string_equal(frames_of(&out, FEED_FRAMING_NONE),
                        "1 reject bytes of a stream, and the format comes in datagrams only\n");
}

/* Also where the last piece is what shows that a frame can be believed. */
static void behind_damage_all_frames_are_given_however_they_are_cut(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_DATAGRAM, 1, 0, "three");
    put(&out, LIVE_DATAGRAM, 1, 0, "");
    out.p[8 + 10] ^= 1;
    assert_string_equal(frames_of(&out, FEED_FRAMING_NONE),
                        "1 reject no frame begins here; 41 bytes are passed over\n"
                        "filtered a frame without bytes\n");
}

static void what_cannot_be_read_is_one_reject_also_at_the_end(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_DATAGRAM, 1, 0, "one");
    out.p[7] = 9;
    assert_string_equal(frames_of(&out, FEED_FRAMING_NONE),
                        "1 reject a raw capture of version 9; this K2 reads version 1; 47 bytes "
                        "are passed over\n");
}

/* --- messages of venues --- */

#define TRADE(id)                                                                                  \
    "{\"e\":\"trade\",\"E\":1723161256322,\"T\":1723161256322,\"s\":\"BTCUSDT\",\"t\":" id         \
    ",\"p\":\"61800.30\",\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":false}"

static void a_text_message_is_received_when_its_frame_says(void **state) {
    (void)state;
    struct k2_buf out = {0};
    put(&out, LIVE_CONNECTED, 1, 0, "wss://somewhere/stream");
    struct feed_live_frame f = frame_of(LIVE_TEXT, 1, 0, K2_SV(TRADE("5")));
    feed_raw_put(&out, &f);
    put(&out, LIVE_DATAGRAM, 1, 0, "1723161256999888777 " TRADE("6")); /* of a recording */
    put(&out, LIVE_STREAM, 2, 0, "1723161256999888777 " TRADE("7") "\n{\"e\":");
    put(&out, LIVE_TEXT, 1, 0, "not json");
    put(&out, LIVE_DISCONNECTED, 2, 0, "gone");
    const char *why;
    int sure;
    const struct feed_ops *ops = feed_detect_why(K2_SV("x"), k2_buf_view(&out), &sure, &why);
    assert_string_equal(ops->name, "binance-json");
    for (size_t step = 0; step < 50; step += 7) {
        struct gathered g;
        const struct feed_options o = plain_options("x");
        gather_init(&g);
        decode_text("binance-json", &o, k2_buf_view(&out), step, &g);
        assert_int_equal(g.events, 3);
        assert_int_equal(g.rejects, 2);
        assert_int_equal(g.filtered, 1);
        assert_int_equal(g.all[0].event.trade.receive_timestamp_ns, f.received_ns);
        assert_int_equal(g.all[1].event.trade.receive_timestamp_ns, f.received_ns + 1);
        assert_int_equal(g.all[2].event.trade.receive_timestamp_ns, f.received_ns + 2);
        assert_int_equal(g.all[0].position, 2);
        assert_int_equal(g.all[0].event.trade.raw_offset, 8 + 36 + 22 + 36);
        assert_int_equal(g.all[2].event.trade.exchange_sequence_number, 7);
        assert_string_equal(g.all[4].detail, "the connection ended inside a line");
        gather_free(&g);
    }
    k2_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(a_reader_goes_on_where_it_was_saved),
        cmocka_unit_test(a_frame_whose_bytes_are_damaged_is_refused_alone),
        cmocka_unit_test(behind_a_damaged_head_the_next_frame_is_found),
        cmocka_unit_test(a_capture_that_was_cut_off_says_so),
        cmocka_unit_test(captures_can_be_put_one_behind_the_other),
        cmocka_unit_test(a_newer_version_is_refused_as_a_whole),
        cmocka_unit_test(damage_costs_no_frame_but_the_damaged_ones),
        cmocka_unit_test(a_datagram_of_the_other_line_is_a_twin_once),
        cmocka_unit_test(the_window_of_twins_is_bounded),
        cmocka_unit_test(twins_know_each_other_over_a_restart),
        cmocka_unit_test(a_reader_is_restored_from_what_was_saved_without_twins),
        cmocka_unit_test(datagrams_and_messages_are_frames_as_they_are),
        cmocka_unit_test(streams_are_cut_by_the_framing_each_for_itself),
        cmocka_unit_test(bytes_of_a_stream_are_refused_where_only_datagrams_are_read),
        cmocka_unit_test(behind_damage_all_frames_are_given_however_they_are_cut),
        cmocka_unit_test(what_cannot_be_read_is_one_reject_also_at_the_end),
        cmocka_unit_test(a_text_message_is_received_when_its_frame_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
