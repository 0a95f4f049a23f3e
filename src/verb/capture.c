/* verb/capture.c - `k2 capture`: what a live source sends, as it came, into a file. */
#include "role/role.h"
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/signals.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/datadir.h"
#include "base/fs.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define SYNC_EVERY K2_NS_PER_SEC
#define LOOK_EVERY_MS 100 /* for the end */
enum { FRAMES_AT_ONCE = 256, URLS_MOST = 16 };

struct run {
    struct verb_context *c;
    struct progress progress;
    struct feed_live *live;
    char *path;
    int fd;
    int64_t size, synced_ns, start_ns;
    int64_t most_frames, most_ns; /* INT64_MAX = no limit */
    int64_t frames, bytes, connections;
    struct k2_buf out;
};

/* --- the words --- */

static int read_limits(struct run *r, struct k2_err *err) {
    const char *seconds = verb_value(r->c, "seconds"), *frames = verb_value(r->c, "frames");
    double s = 0;
    r->most_frames = r->most_ns = INT64_MAX;
    if (frames)
        K2_TRY(words_count("frames", frames, 1, &r->most_frames, err));
    if (!seconds)
        return K2_OK;
    K2_TRY(words_real("seconds", seconds, &s, err));
    if (s <= 0 || s > 1e9)
        return k2_fail(err, K2_E_USAGE, "--seconds is above 0 and at most 10^9, not %s", seconds);
    r->most_ns = (int64_t)(s * 1e9);
    return K2_OK;
}

/* The URL as part of a file's name: letters and digits stay. */
static void put_name(struct k2_buf *out, const char *url) {
    bool dash = false;
    for (const char *p = url; *p && p < url + 60; p++) {
        if (isalnum((unsigned char)*p) || *p == '.')
            k2_buf_byte(out, (uint8_t)*p);
        else if (!dash && p != url)
            k2_buf_byte(out, '-');
        dash = !isalnum((unsigned char)*p) && *p != '.';
    }
}

/* raw/ws-host-path-20260302T100000.123Z.k2raw in the data directory. */
static int default_path(struct run *r, struct k2_err *err) {
    char time[K2_TIME_TEXT];
    struct k2_buf name = {0};
    char *dir = k2_path(r->c->data, "raw");
    put_name(&name, r->c->args[0]);
    k2_time_format(r->c->now_ns, time);
    k2_buf_byte(&name, '-');
    for (const char *p = time; *p; p++)
        if (*p != '-' && *p != ':')
            k2_buf_byte(&name, (uint8_t)*p);
    k2_buf_str(&name, ".k2raw");
    r->path = k2_path(dir, k2_buf_cstr(&name));
    int rc = k2_fs_mkdirs(dir, err);
    if (rc == K2_OK)
        rc = k2_datadir_mark(r->c->data, err);
    free(dir);
    k2_buf_free(&name);
    return rc;
}

static int open_file(struct run *r, struct k2_err *err) {
    const char *out = verb_value(r->c, "out");
    if (!out)
        K2_TRY(default_path(r, err));
    else
        r->path = k2_strdup(out);
    K2_TRY(out_check_directory(r->path, err));
    if (k2_fs_exists(r->path))
        return k2_fail(err, K2_E_EXISTS,
                       "%s is there already; a capture overwrites nothing: name another --out, or "
                       "remove it",
                       r->path);
    K2_TRY(k2_fs_open(r->path, O_WRONLY | O_CREAT | O_EXCL, &r->fd, err));
    feed_raw_begin(&r->out);
    return K2_OK;
}

static int read_words(struct run *r, struct k2_buf *send, struct k2_buf *headers,
                      struct k2_err *err) {
    const char *word;
    for (int i = 0; (word = verb_value_at(r->c, "send", i)) != NULL; i++)
        K2_TRY(live_words_read(word, send, err));
    for (int i = 0; (word = verb_value_at(r->c, "header", i)) != NULL; i++)
        K2_TRY(live_words_header(word, headers, err));
    return K2_OK;
}

/* What comes is not decoded: the format only says which pings and answers the venue wants. */
static int check_feed(const char *feed, const char *url, struct k2_err *err) {
    const struct feed_ops *ops;
    if (!feed)
        return K2_OK;
    K2_TRY_CTX(feed_load(k2_sv_of(feed), &ops, err), err, "--feed");
    return feed_live_fits(ops, url, err);
}

static int open_live(struct run *r, struct k2_err *err) {
    const char *urls[URLS_MOST + 1] = {NULL}, *feed = verb_value(r->c, "feed");
    struct k2_buf said = {0}, lines = {0};
    struct live_words send = {0}, headers = {0};
    if (r->c->arg_count > URLS_MOST)
        return k2_fail(err, K2_E_USAGE, "at most %d URLs of a source, not %d", URLS_MOST,
                       r->c->arg_count);
    for (int i = 0; i < r->c->arg_count; i++)
        urls[i] = r->c->args[i];
    int rc = read_words(r, &said, &lines, err);
    live_words_split(k2_buf_cstr(&said), LIVE_WORDS_SEPARATOR, &send);
    live_words_split(k2_buf_cstr(&lines), LIVE_WORDS_SEPARATOR, &headers);
    const struct feed_live_options o = {.urls = urls,
                                        .send = send.at,
                                        .headers = headers.at,
                                        .format = feed,
                                        .ca_file = verb_value(r->c, "ca-file")};
    if (rc == K2_OK)
        rc = check_feed(feed, urls[0], err);
    if (rc == K2_OK)
        rc = feed_live_open(&o, &r->live, err);
    live_words_free(&send);
    live_words_free(&headers);
    k2_buf_free(&said);
    k2_buf_free(&lines);
    return rc;
}

/* --- the file --- */

static int write_out(struct run *r, bool sync, struct k2_err *err) {
    int64_t now = k2_monotonic_ns();
    if (r->out.n)
        K2_TRY(k2_fs_pwrite(r->fd, r->out.p, r->out.n, r->size, r->path, err));
    r->size += (int64_t)r->out.n;
    r->out.n = 0;
    if (!sync && now - r->synced_ns < SYNC_EVERY)
        return K2_OK;
    r->synced_ns = now;
    return k2_fs_sync(r->fd, r->path, err);
}

/* Limits count what the venue sent, not the beginnings and ends of connections. */
static int put_frame(struct run *r, const struct feed_live_frame *f, struct k2_err *err) {
    if (f->bytes.n > FEED_RAW_MOST)
        return k2_fail(err, K2_E_RANGE, "a frame of %zu bytes is too long for a capture",
                       f->bytes.n);
    bool content = f->form != LIVE_CONNECTED && f->form != LIVE_DISCONNECTED;
    if (content && r->frames == r->most_frames)
        return K2_OK;
    r->connections += f->form == LIVE_CONNECTED;
    r->frames += content;
    r->bytes += content ? (int64_t)f->bytes.n : 0;
    feed_raw_put(&r->out, f);
    return K2_OK;
}

/* --- the work --- */

static void show(struct run *r) {
    char bytes[HUMAN_TEXT], frames[HUMAN_TEXT];
    if (!progress_due(&r->progress))
        return;
    struct feed_live_state s = feed_live_state(r->live);
    human_bytes(r->bytes, bytes);
    human_count(r->frames, frames);
    if (s.connected)
        progress_show(&r->progress, "%s frames, %s from %s", frames, bytes, s.url);
    else
        progress_show(&r->progress, "%s frames, %s; not connected%s%s", frames, bytes,
                      s.why[0] ? ": " : "", s.why);
}

static bool is_over(const struct run *r) {
    return r->frames >= r->most_frames || k2_monotonic_ns() - r->start_ns >= r->most_ns;
}

static int poll_once(struct run *r, struct k2_err *err) {
    struct feed_live_frame frames[FRAMES_AT_ONCE];
    size_t n;
    int64_t left = (r->most_ns - (k2_monotonic_ns() - r->start_ns)) / K2_NS_PER_MS + 1;
    int wait = left < LOOK_EVERY_MS ? (int)left : LOOK_EVERY_MS;
    K2_TRY(feed_live_poll(r->live, wait, frames, FRAMES_AT_ONCE, &n, err));
    for (size_t i = 0; i < n; i++)
        K2_TRY(put_frame(r, &frames[i], err));
    return write_out(r, false, err);
}

static int record_live(struct run *r, struct k2_err *err) {
    K2_TRY(open_live(r, err));
    K2_TRY(open_file(r, err));
    signals_hold();
    r->start_ns = r->synced_ns = k2_monotonic_ns();
    progress_start(&r->progress, r->c);
    int rc = K2_OK;
    while (rc == K2_OK && !is_over(r) && !signals_sleep(0)) {
        rc = poll_once(r, err);
        show(r);
    }
    progress_end(&r->progress);
    return rc;
}

static int on_frame(void *ctx, const struct feed_live_frame *f, struct k2_err *err) {
    struct run *r = ctx;
    K2_TRY(put_frame(r, f, err));
    return r->out.n < (size_t)1 << 20 ? K2_OK : write_out(r, false, err);
}

static int record_packets(struct run *r, const char *path, struct k2_err *err) {
    if (r->c->arg_count > 1)
        return k2_fail(err, K2_E_USAGE, "one pcap: file at a time");
    if (!k2_fs_exists(path))
        return k2_fail(err, K2_E_NOTFOUND, "there is no file %s", path);
    K2_TRY(open_file(r, err));
    return feed_raw_of_packets(path, on_frame, r, err);
}

static int report(struct run *r, struct k2_err *err) {
    static const struct listing_column columns[] = {{"file", NULL},    {"frames", NULL},
                                                    {"bytes", NULL},   {"connections", NULL},
                                                    {"dropped", NULL}, {"file_bytes", NULL}};
    int64_t dropped = r->live ? feed_live_state(r->live).dropped : 0;
    if (r->connections == 0)
        return k2_fail(err, K2_E_FAILED, "there was no connection: %s",
                       r->live ? feed_live_state(r->live).why : "the file holds no packets");
    struct listing *l = listing_on_stdout(r->c, columns, 6);
    listing_cstring(l, r->path);
    listing_count(l, r->frames);
    listing_bytes(l, r->bytes);
    listing_count(l, r->connections);
    listing_count(l, dropped);
    listing_bytes(l, r->size);
    K2_TRY(listing_close(l, err));
    if (dropped > 0)
        verb_note(r->c,
                  "dropped: datagrams that the kernel threw away, because they came faster than "
                  "they were read");
    if (r->frames == 0)
        verb_note(r->c, "nothing was received: the file holds no message");
    else
        verb_note(r->c, "k2 decode and k2 ingest read it as any other file");
    return K2_OK;
}

/* Nothing came, not even a connection: a file that holds nothing would only be in the way of the next try. */
static int close_file(struct run *r, struct k2_err *err) {
    struct k2_err second;
    int rc = k2_fs_close(r->fd, r->path, err);
    if (r->connections == 0 && r->frames == 0) {
        int removed = k2_fs_unlink(r->path, rc == K2_OK ? err : &second);
        rc = rc == K2_OK ? removed : rc;
    }
    return rc;
}

static int record(struct run *r, struct k2_err *err) {
    const char *source = r->c->args[0];
    bool packets = strncmp(source, "pcap:", 5) == 0;
    if (!packets && !feed_is_live(source))
        return k2_fail(err, K2_E_USAGE,
                       "'%s' is no live source: tcp://, soupbintcp://, udp://, ws://, wss:// or "
                       "pcap:FILE",
                       source);
    K2_TRY(read_limits(r, err));
    int rc = packets ? record_packets(r, source + 5, err) : record_live(r, err);
    struct k2_err second;
    if (r->fd >= 0) { /* what came before a failure is kept */
        int written = write_out(r, true, rc == K2_OK ? err : &second);
        rc = rc == K2_OK ? written : rc;
    }
    return rc == K2_OK ? report(r, err) : rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c, .fd = -1};
    int rc = record(&r, err);
    if (r.fd >= 0) {
        struct k2_err second;
        int closed = close_file(&r, rc == K2_OK ? err : &second);
        rc = rc == K2_OK ? closed : rc;
    }
    feed_live_close(r.live);
    k2_buf_free(&r.out);
    free(r.path);
    return rc;
}

static const struct verb_option options[] = {
    {"out", "FILE", NULL, "write there instead of raw/ in the data directory", NULL, 0},
    {"seconds", "S", NULL, "end after so long", NULL, 0},
    {"frames", "N", NULL, "end after so many frames", NULL, 0},
    {"send", "TEXT", NULL, "say this after connecting, such as a subscription; @FILE: its lines",
     NULL, 0},
    {"feed", "FORMAT", NULL, "what comes is of this feed: its venue gets the pings that it wants",
     NULL, 0},
    {"header", "NAME:VALUE", NULL,
     "a WebSocket: a header of the handshake; VALUE may be env:NAME or file:PATH", NULL, 0},
    {"ca-file", "FILE", NULL, "certificates to trust beside the system's", NULL, 0},
    VERB_FORMAT,
    {0}};

static const char *const examples[] = {
    "k2 capture udp://127.0.0.1:26400 --seconds 0.2",
    "k2 capture udp://127.0.0.1:26400,127.0.0.1:26401 --seconds 0.2 --out lines.k2raw",
    NULL,
};

const struct verb verb_capture = {
    .name = "capture",
    .summary = "record what a live source sends, undecoded",
    .usage = "SOURCE...",
    .about =
        "A SOURCE is tcp://HOST:PORT, soupbintcp://HOST:PORT (SoupBinTCP, with its login and\n"
        "heartbeats; docs/raw.md), udp://GROUP:PORT[,GROUP:PORT][@INTERFACE] (two are the lines\n"
        "A and B), ws:// or wss://, or pcap:FILE. Several URLs are ways to the same source: the\n"
        "first that works is used, and the next one when it ends. Without --feed a WebSocket gets\n"
        "the pings of RFC 6455 only, and some venues end such a connection (docs/raw.md).\n"
        "\n"
        "The file holds every frame as it came, with when and on which line and connection,\n"
        "until SIGINT, --seconds or --frames. k2 feed detect, k2 decode and k2 ingest read it\n"
        "as any other file; docs/raw.md has the bytes. A capture that is killed is good up to\n"
        "its last second.",
    .options = options,
    .examples = examples,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
