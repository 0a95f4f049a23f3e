/* base/http.c - see http.h. The only file that includes the header of libcurl.
 *
 * A stream is curl's CONNECT_ONLY: name, proxy, connection and TLS are its work, the bytes after that are ours. It is
 * driven by a multi handle, so that connecting never waits; the easy handle stays in it, because curl finds the
 * connection through it. Debian's 7.88 is built without curl's own WebSocket, which was an experiment in it.
 */
#include "base/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
    HTTP_TIMEOUT_MS = 10 * 1000,
    STREAM_TIMEOUT_MS = 5 * 1000,
    MOST_REDIRECTS = 5,
    PLACE_TEXT = 300,
};
static const size_t most_answer = (size_t)16 << 20;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin_library(void) {
    K2_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* --- URLs --- */

/* What of a URL is told in messages: "https://hooks.example.com:8443". */
static void place_of(CURLU *parsed, char place[PLACE_TEXT]) {
    char *scheme = NULL, *host = NULL, *port = NULL;
    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(parsed, CURLUPART_HOST, &host, 0);
    curl_url_get(parsed, CURLUPART_PORT, &port, 0);
    snprintf(place, PLACE_TEXT, "%s://%s%s%s", scheme ? scheme : "", host ? host : "",
             port ? ":" : "", port ? port : "");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
}

static bool begins(const char *url, const char *scheme) {
    return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

static int check_url(const char *url, char place[PLACE_TEXT], struct k2_err *err) {
    if (!begins(url, "http://") && !begins(url, "https://"))
        return k2_fail(err, K2_E_INVALID,
                       "a URL begins with http:// or https://, as in https://HOST[:PORT]/PATH");
    CURLU *parsed = curl_url();
    K2_ASSERT(parsed != NULL);
    CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url, 0);
    if (code == CURLUE_OK)
        place_of(parsed, place);
    curl_url_cleanup(parsed);
    if (code != CURLUE_OK)
        return k2_fail(err, K2_E_INVALID,
                       "the URL is wrong: %s; one is https://HOST[:PORT]/PATH without blanks",
                       curl_url_strerror(code));
    return K2_OK;
}

int k2_http_check(const char *url, struct k2_err *err) {
    char place[PLACE_TEXT];
    return check_url(url, place, err);
}

/* --- handles --- */

static void set_text(CURL *c, CURLoption option, const char *text) {
    K2_ASSERT(curl_easy_setopt(c, option, text) == CURLE_OK);
}

static void set_long(CURL *c, CURLoption option, long value) {
    K2_ASSERT(curl_easy_setopt(c, option, value) == CURLE_OK);
}

/* Trust is the system's folder of certificates and, if there is one, the file; said[] gets what goes wrong. */
static CURL *make_handle(const char *url, const char *ca_file, char said[CURL_ERROR_SIZE]) {
    pthread_once(&once, begin_library);
    CURL *c = curl_easy_init();
    K2_ASSERT(c != NULL);
    said[0] = 0;
    K2_ASSERT(curl_easy_setopt(c, CURLOPT_ERRORBUFFER, said) == CURLE_OK);
    set_text(c, CURLOPT_URL, url);
    set_text(c, CURLOPT_PROTOCOLS_STR, "http,https");
    set_long(c, CURLOPT_NOSIGNAL, 1);
    set_long(c, CURLOPT_QUICK_EXIT, 1); /* closing does not wait for a name server */
    if (ca_file)
        set_text(c, CURLOPT_CAINFO, ca_file);
    return c;
}

/* Whether the same may work later, with nothing changed here. */
static bool passes(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return true;
    default:
        return false;
    }
}

static int failed(CURLcode code, const char *place, const char *said, struct k2_err *err) {
    k2_fail_(err, K2_E_IO, "%s: %s", place, said[0] ? said : curl_easy_strerror(code));
    if (err)
        err->retriable = passes(code);
    return K2_E_IO;
}

/* --- a request --- */

struct answer {
    struct k2_buf *to; /* NULL = nobody wants it */
    size_t n, most;
    bool too_long;
};

static size_t take(char *bytes, size_t size, size_t count, void *ctx) {
    struct answer *a = ctx;
    size_t n = size * count;
    if (n > a->most - a->n) {
        a->too_long = true;
        return 0;
    }
    a->n += n;
    if (a->to)
        k2_buf_put(a->to, bytes, n);
    return n;
}

static int add_header(struct curl_slist **list, const char *header, struct k2_err *err) {
    const char *colon = strchr(header, ':');
    if (!colon || colon == header || strpbrk(header, "\r\n"))
        return k2_fail(err, K2_E_INVALID,
                       "a header is 'Name: value' on one line (which one is wrong is not shown: "
                       "it may hold a password)");
    struct curl_slist *longer = curl_slist_append(*list, header);
    K2_ASSERT(longer != NULL);
    *list = longer;
    return K2_OK;
}

/* "Expect:" takes away that curl asks before it sends a body: one round trip less. */
static int make_headers(const struct k2_http_request *r, struct curl_slist **list,
                        struct k2_err *err) {
    K2_TRY(add_header(list, "Expect:", err));
    for (const char *const *h = r->headers; h && *h; h++)
        K2_TRY(add_header(list, *h, err));
    return K2_OK;
}

static void set_method(CURL *c, const struct k2_http_request *r) {
    const char *method = r->method ? r->method : r->body.n ? "POST" : "GET";
    bool post = strcmp(method, "POST") == 0;
    if (post || r->body.n) {
        K2_ASSERT(curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n) ==
                  CURLE_OK);
        set_text(c, CURLOPT_POSTFIELDS, r->body.n ? r->body.p : "");
    }
    if (strcmp(method, "HEAD") == 0)
        set_long(c, CURLOPT_NOBODY, 1);
    else if (!post && strcmp(method, "GET") != 0)
        set_text(c, CURLOPT_CUSTOMREQUEST, method);
    set_long(c, CURLOPT_POSTREDIR, CURL_REDIR_POST_301 | CURL_REDIR_POST_302);
}

static void set_limits(CURL *c, const struct k2_http_request *r) {
    set_long(c, CURLOPT_TIMEOUT_MS, r->timeout_ms > 0 ? r->timeout_ms : HTTP_TIMEOUT_MS);
    set_long(c, CURLOPT_FOLLOWLOCATION, 1);
    set_long(c, CURLOPT_MAXREDIRS, MOST_REDIRECTS);
    set_text(c, CURLOPT_REDIR_PROTOCOLS_STR, begins(r->url, "https:") ? "https" : "http,https");
    set_text(c, CURLOPT_USERAGENT, "k2/" K2_VERSION);
}

static int perform(CURL *c, struct answer *a, const char *place, const char *said, int *status,
                   struct k2_err *err) {
    K2_ASSERT(curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK);
    K2_ASSERT(curl_easy_setopt(c, CURLOPT_WRITEDATA, a) == CURLE_OK);
    size_t before = a->to ? a->to->n : 0;
    long answered = 0;
    CURLcode code = curl_easy_perform(c);
    if (code == CURLE_OK) {
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &answered);
        *status = (int)answered;
        return K2_OK;
    }
    if (a->to)
        a->to->n = before;
    if (a->too_long)
        return k2_fail(err, K2_E_RANGE, "%s: the answer is longer than %zu bytes", place, a->most);
    return failed(code, place, said, err);
}

int k2_http(const struct k2_http_request *r, int *status, struct k2_buf *answer,
            struct k2_err *err) {
    char place[PLACE_TEXT], said[CURL_ERROR_SIZE];
    *status = 0;
    K2_TRY(check_url(r->url, place, err));
    CURL *c = make_handle(r->url, r->ca_file, said);
    set_method(c, r);
    set_limits(c, r);
    struct answer a = {.to = answer, .most = r->max_answer ? r->max_answer : most_answer};
    struct curl_slist *headers = NULL;
    int rc = make_headers(r, &headers, err);
    if (rc == K2_OK) {
        K2_ASSERT(curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK);
        rc = perform(c, &a, place, said, status, err);
    }
    curl_easy_cleanup(c);
    curl_slist_free_all(headers);
    return rc;
}

/* --- a stream --- */

struct k2_stream {
    CURLM *multi;
    CURL *easy;
    bool up;
    int fd; /* -1 until it is up */
    char place[PLACE_TEXT], said[CURL_ERROR_SIZE];
};

/* Schemes that are streams, and the one that curl is told. */
static const struct {
    const char *ours, *curls;
} stream_schemes[] = {{"tcp", "http"}, {"ws", "http"}, {"wss", "https"}};

/* The URL as curl takes it; `place` names it as it was asked for. */
static int stream_url(const char *url, struct k2_buf *out, char place[PLACE_TEXT],
                      struct k2_err *err) {
    const char *rest = strstr(url, "://"), *ours = NULL, *curls = NULL;
    size_t n = rest ? (size_t)(rest - url) : 0;
    for (size_t i = 0; i < sizeof stream_schemes / sizeof stream_schemes[0]; i++)
        if (n == strlen(stream_schemes[i].ours) && begins(url, stream_schemes[i].ours)) {
            ours = stream_schemes[i].ours;
            curls = stream_schemes[i].curls;
        }
    k2_buf_printf(out, "%s%s", curls ? curls : "", curls ? rest : url);
    K2_TRY(check_url(k2_buf_cstr(out), place, err));
    if (curls) {
        char curls_place[PLACE_TEXT];
        memcpy(curls_place, place, sizeof curls_place);
        snprintf(place, PLACE_TEXT, "%s%s", ours, curls_place + strlen(curls));
    }
    return K2_OK;
}

int k2_stream_start(const char *url, const char *ca_file, int timeout_ms, struct k2_stream **out,
                    struct k2_err *err) {
    struct k2_buf text = {0};
    struct k2_stream *s = k2_zalloc(sizeof *s);
    *out = NULL;
    int rc = stream_url(url, &text, s->place, err);
    if (rc != K2_OK) {
        k2_buf_free(&text);
        free(s);
        return rc;
    }
    s->fd = -1;
    s->easy = make_handle(k2_buf_cstr(&text), ca_file, s->said);
    k2_buf_free(&text);
    set_long(s->easy, CURLOPT_CONNECT_ONLY, 1);
    set_long(s->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1); /* TLS offers no HTTP/2 then */
    set_long(s->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms > 0 ? timeout_ms : STREAM_TIMEOUT_MS);
    set_long(s->easy, CURLOPT_HTTPPROXYTUNNEL, 1);
    if (begins(url, "tcp://"))
        set_text(s->easy, CURLOPT_NOPROXY, "*");
    s->multi = curl_multi_init();
    K2_ASSERT(s->multi != NULL);
    K2_ASSERT(curl_multi_add_handle(s->multi, s->easy) == CURLM_OK);
    *out = s;
    return K2_OK;
}

static int connected(struct k2_stream *s, CURLcode code, struct k2_err *err) {
    if (code != CURLE_OK)
        return failed(code, s->place, s->said, err);
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(s->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return failed(CURLE_GOT_NOTHING, s->place, "the connection ended at once", err);
    s->fd = fd;
    s->up = true;
    return K2_OK;
}

int k2_stream_step(struct k2_stream *s, bool *up, struct k2_err *err) {
    int running = 0, left = 0;
    if (!s->up) {
        CURLMcode code = curl_multi_perform(s->multi, &running);
        if (code != CURLM_OK)
            return k2_fail(err, K2_E_IO, "%s: %s", s->place, curl_multi_strerror(code));
        const CURLMsg *told = curl_multi_info_read(s->multi, &left);
        if (told && told->msg == CURLMSG_DONE)
            K2_TRY(connected(s, told->data.result, err));
    }
    *up = s->up;
    return K2_OK;
}

int k2_stream_open(const char *url, const char *ca_file, int timeout_ms, struct k2_stream **out,
                   struct k2_err *err) {
    bool up = false;
    K2_TRY(k2_stream_start(url, ca_file, timeout_ms, out, err));
    int rc = k2_stream_step(*out, &up, err);
    while (rc == K2_OK && !up) {
        curl_multi_poll((*out)->multi, NULL, 0, 100, NULL);
        rc = k2_stream_step(*out, &up, err);
    }
    if (rc != K2_OK) {
        k2_stream_close(*out);
        *out = NULL;
    }
    return rc;
}

void k2_stream_close(struct k2_stream *s) {
    if (!s)
        return;
    curl_multi_remove_handle(s->multi, s->easy);
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    free(s);
}

int k2_stream_fd(const struct k2_stream *s) {
    return s->fd;
}

int k2_stream_read(struct k2_stream *s, void *to, size_t max, size_t *n, struct k2_err *err) {
    *n = 0;
    s->said[0] = 0;
    CURLcode code = curl_easy_recv(s->easy, to, max, n);
    if (code == CURLE_OK && *n == 0)
        return failed(CURLE_RECV_ERROR, s->place, "the other side ended the connection", err);
    if (code == CURLE_OK)
        return K2_OK;
    *n = 0;
    return code == CURLE_AGAIN ? K2_OK : failed(code, s->place, s->said, err);
}

int k2_stream_write(struct k2_stream *s, const void *bytes, size_t max, size_t *n,
                    struct k2_err *err) {
    *n = 0;
    s->said[0] = 0;
    CURLcode code = curl_easy_send(s->easy, bytes, max, n);
    if (code == CURLE_OK)
        return K2_OK;
    *n = 0;
    return code == CURLE_AGAIN ? K2_OK : failed(code, s->place, s->said, err);
}
