/* Frames of recorded captures, held against what a public dissector found in them: number, time, payload
 * (K2_SHARED_DATA/exchange-pcap), and against the counts of the long ones (K2_SHARED_DATA/iex-pcap). */
#include "feed/capture/frames.h"
#include "feed_helper.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/zip.h"

#include <ftw.h>
#include <inttypes.h>

static struct {
    int files, frames;
    struct k2_json *expected; /* of the file under way */
    size_t at;                /* its next frame */
} g;

static int64_t count, rejected;

static void expect_text(const char *key, const char *other, const char *got) {
    struct k2_sv text;
    struct k2_json *o = k2_json_at(g.expected, g.at), *v = k2_json_get(o, key);
    assert_true(k2_json_as_string(v ? v : k2_json_get(o, other), &text));
    assert_int_equal(text.n, strlen(got));
    assert_memory_equal(text.p, got, text.n);
}

static int check_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                       struct k2_err *err) {
    struct k2_buf hex = {0}, time = {0};
    int64_t number = 0;
    (void)state;
    (void)sink;
    (void)err;
    count++;
    if (!g.expected)
        return K2_OK;
    for (size_t i = 0; i < f->bytes.n; i++)
        k2_buf_printf(&hex, "%02x", (unsigned char)f->bytes.p[i]);
    k2_buf_printf(&time, "%" PRId64 ".%09" PRId64, f->time_ns / 1000000000,
                  f->time_ns % 1000000000);
    expect_text("udp_payload_hex", "tcp_payload_hex", k2_buf_cstr(&hex));
    expect_text("time_epoch", "time_epoch", k2_buf_cstr(&time));
    assert_true(k2_json_as_int(k2_json_get(k2_json_at(g.expected, g.at), "frame"), &number));
    assert_int_equal(f->number, number);
    k2_buf_free(&hex);
    k2_buf_free(&time);
    g.at++;
    return K2_OK;
}

static int count_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    (void)err;
    printf("%s\n", r->detail);
    rejected++;
    return K2_OK;
}

static int pass_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

static const struct feed_sink sink = {.reject = count_reject, .filtered = pass_filtered};
static const struct feed_frames_options frames_options = {.frame = check_frame,
                                                          .framing = FEED_FRAMING_SEGMENTS};

static void read_all(const char *path) {
    struct k2_buf bytes = {0};
    struct k2_err err = {0};
    size_t used;
    struct feed_frames *f = feed_frames_new(&frames_options);
    CHECK_OK(k2_fs_read(path, &bytes, &err), &err);
    CHECK_OK(feed_frames_decode(f, k2_buf_view(&bytes), true, &used, &sink, &err), &err);
    feed_frames_free(f);
    k2_buf_free(&bytes);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    struct k2_buf name = {0}, text = {0};
    struct k2_err err = {0};
    (void)st;
    (void)ftw;
    if (type != FTW_F || !k2_sv_ends(k2_sv_of(path), K2_SV(".pcap")))
        return 0;
    k2_buf_printf(&name, "%s.expected.json", path);
    if (k2_fs_exists(k2_buf_cstr(&name))) {
        CHECK_OK(k2_fs_read(k2_buf_cstr(&name), &text, &err), &err);
        CHECK_OK(k2_json_parse(k2_buf_view(&text), &g.expected, &err), &err);
    }
    g.at = 0;
    count = 0;
    read_all(path);
    assert_true(count > 0);
    if (g.expected) {
        assert_int_equal(g.at, k2_json_count(g.expected));
        g.files++;
        g.frames += (int)g.at;
    }
    k2_json_free(g.expected);
    g.expected = NULL;
    k2_buf_free(&name);
    k2_buf_free(&text);
    return 0;
}

static void every_frame_of_every_capture_is_what_the_dissector_found(void **state) {
    (void)state;
    const char *dir = shared_data();
    if (!dir)
        skip();
    char *path = k2_path(dir, "exchange-pcap");
    assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
    free(path);
    printf("%d files, %d frames\n", g.files, g.frames);
    assert_true(g.files > 0);
    assert_int_equal(rejected, 0);
}

/* The frames of a packed capture, read piece by piece. */
static int64_t frames_of(const char *dir, const char *name) {
    struct k2_buf packed = {0};
    struct k2_err err = {0};
    static uint8_t piece[50000];
    size_t made, held = 0, used;
    char *path = k2_path(dir, name);
    struct feed_frames *f = feed_frames_new(&frames_options);
    struct k2_gunzip *z = k2_gunzip_new();
    CHECK_OK(k2_fs_read(path, &packed, &err), &err);
    struct k2_sv rest = k2_buf_view(&packed);
    count = 0;
    do {
        CHECK_OK(k2_gunzip_some(z, &rest, piece + held, sizeof piece - held, &made, &err), &err);
        struct k2_sv shown = {(char *)piece, held + made};
        CHECK_OK(feed_frames_decode(f, shown, made == 0, &used, &sink, &err), &err);
        held = shown.n - used;
        memmove(piece, piece + used, held);
    } while (made > 0);
    k2_gunzip_free(z);
    feed_frames_free(f);
    k2_buf_free(&packed);
    free(path);
    return count;
}

static void long_captures_give_all_their_packets(void **state) {
    (void)state;
    const char *dir = shared_data();
    if (!dir)
        skip();
    char *iex = k2_path(dir, "iex-pcap");
    assert_int_equal(frames_of(iex, "DEEP10_20170425_first70000pkts.pcap.gz"), 70000);
    assert_int_equal(frames_of(iex, "TOPS16_20170710.pcapng.gz"), 13022);
    assert_int_equal(rejected, 0);
    free(iex);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_of_every_capture_is_what_the_dissector_found),
        cmocka_unit_test(long_captures_give_all_their_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
