/* role/intake_plan.c - see intake_plan.h. */
#include "role/intake_plan.h"

#include "base/fs.h"
#include "base/http.h"
#include "role/live_words.h"

#include <inttypes.h>
#include <stdlib.h>

#define SIM "sim:"
enum { SIM_MOST_SYMBOLS = 10000, SIM_MOST_RATE = 1000000000 }; /* as feed.h has them */

void intake_plan_read(const struct k2_config *c, int i, struct intake_plan *out) {
    *out = (struct intake_plan){
        .name = k2_strdup(k2_config_named_name(c, "feed", i)),
        .format = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_format, i)),
        .source = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_source, i)),
        .exchange = k2_sv_dup(
            feed_exchange_code(k2_sv_of(k2_config_named_string(c, K2_CONFIG_feed_exchange, i)))),
        .symbol = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_symbol, i)),
        .date = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_date, i)),
        .symbols = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_symbols, i)),
        .calendar = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_calendar, i)),
        .speed = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_speed, i)),
        .mapping = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_mapping, i)),
        .urls = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_urls, i)),
        .send = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_send, i)),
        .header = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_header, i)),
        .ca_file = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_ca_file, i)),
        .recover = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_recover, i)),
        .silence = k2_strdup(k2_config_named_string(c, K2_CONFIG_feed_silence, i)),
        .sessions = k2_config_named_bool(c, K2_CONFIG_feed_sessions, i),
        .enabled = k2_config_named_bool(c, K2_CONFIG_feed_enabled, i),
        .quotes = k2_config_named_bool(c, K2_CONFIG_feed_quotes, i),
        .poll_ns = k2_config_named_int(c, K2_CONFIG_feed_poll, i),
        .sim_symbols = k2_config_named_int(c, K2_CONFIG_feed_sim_symbols, i),
        .rate = k2_config_named_int(c, K2_CONFIG_feed_rate, i),
        .seed = k2_config_named_int(c, K2_CONFIG_feed_seed, i),
    };
}

bool intake_plan_recovery(const struct k2_config *c, int i, struct intake_plan *out) {
    const char *from = k2_config_named_string(c, K2_CONFIG_feed_recover, i);
    struct k2_buf name = {0};
    if (!from[0] || strstr(from, "://"))
        return false;
    intake_plan_read(c, i, out);
    k2_buf_printf(&name, "%s.recover", out->name);
    free(out->name);
    free(out->source);
    free(out->recover);
    free(out->silence);
    out->name = k2_strdup(k2_buf_cstr(&name));
    out->source = k2_strdup(from);
    out->recover = k2_strdup("");
    out->silence = k2_strdup("0s");
    out->sessions = false;
    k2_buf_free(&name);
    return true;
}

void intake_plan_free(struct intake_plan *p) {
    free(p->mapping);
    free(p->urls);
    free(p->send);
    free(p->header);
    free(p->ca_file);
    free(p->recover);
    free(p->silence);
    free(p->name);
    free(p->format);
    free(p->source);
    free(p->exchange);
    free(p->symbol);
    free(p->date);
    free(p->symbols);
    free(p->calendar);
    free(p->speed);
    *p = (struct intake_plan){0};
}

bool intake_plan_equal(const struct intake_plan *a, const struct intake_plan *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->format, b->format) == 0 &&
           strcmp(a->source, b->source) == 0 && strcmp(a->exchange, b->exchange) == 0 &&
           strcmp(a->symbol, b->symbol) == 0 && strcmp(a->date, b->date) == 0 &&
           strcmp(a->symbols, b->symbols) == 0 && strcmp(a->calendar, b->calendar) == 0 &&
           strcmp(a->urls, b->urls) == 0 && strcmp(a->send, b->send) == 0 &&
           strcmp(a->header, b->header) == 0 && strcmp(a->ca_file, b->ca_file) == 0 &&
           strcmp(a->speed, b->speed) == 0 && strcmp(a->silence, b->silence) == 0 &&
           strcmp(a->mapping, b->mapping) == 0 && a->sessions == b->sessions &&
           a->enabled == b->enabled && a->quotes == b->quotes && a->poll_ns == b->poll_ns &&
           a->sim_symbols == b->sim_symbols && a->rate == b->rate && a->seed == b->seed;
}

/* --- single keys --- */

bool intake_plan_is_sim(const struct intake_plan *p) {
    return strncmp(p->source, SIM, strlen(SIM)) == 0;
}

int intake_plan_format(const struct intake_plan *p, const struct feed_ops **out,
                       struct k2_err *err) {
    bool told = strcmp(p->format, "auto") != 0;
    *out = told            ? feed_find(k2_sv_of(p->format))
           : p->mapping[0] ? feed_find(K2_SV("mapped"))
                           : NULL;
    if (*out || !told)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "format '%s' is not known; k2 feed list names them",
                   p->format);
}

bool intake_plan_is_live(const struct intake_plan *p) {
    return feed_is_live(p->source);
}

/* "max" is 0; "10x" is 10. */
int intake_plan_speed(const struct intake_plan *p, double *speed, struct k2_err *err) {
    char *end;
    *speed = 0;
    if (strcmp(p->speed, "max") == 0)
        return K2_OK;
    *speed = strtod(p->speed, &end);
    if (*speed > 0 && *speed <= 1e6 && strcmp(end, "x") == 0)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "speed is max, 1x, 10x ..., not '%s'", p->speed);
}

int intake_plan_date(const struct intake_plan *p, int32_t *date, struct k2_err *err) {
    *date = INT32_MIN;
    if (!p->date[0] || k2_date_parse(k2_sv_of(p->date), date, NULL) == K2_OK)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "date is a session date such as 2014-03-10, not '%s'",
                   p->date);
}

/* What an address begins with: "wss://", and also "ws:/", since nobody calls a folder "ws:". Empty: it is a path. */
static struct k2_sv scheme(const char *source) {
    size_t n = strcspn(source, ":/");
    if (n == 0 || source[n] != ':' || source[n + 1] != '/')
        return (struct k2_sv){source, 0};
    return (struct k2_sv){source, n + 1 + strspn(source + n + 1, "/")};
}

static K2_RC check_ca_file(const struct intake_plan *p, struct k2_err *err) {
    struct k2_buf text = {0};
    if (!p->ca_file[0])
        return K2_OK;
    int rc = k2_fs_read(p->ca_file, &text, err);
    if (rc == K2_OK && !strstr(k2_buf_cstr(&text), "-----BEGIN "))
        rc = k2_fail(err, K2_E_INVALID,
                     "%s holds no certificate (PEM: -----BEGIN CERTIFICATE-----)", p->ca_file);
    k2_buf_free(&text);
    return k2_err_context(err, rc, "ca_file");
}

/* Opening looks at what it is given, and connects to nobody. */
static K2_RC check_opening(const struct intake_plan *p, const struct feed_live_options *more,
                           struct k2_err *err) {
    struct k2_buf ways = {0};
    struct live_words urls;
    struct feed_live *live;
    struct feed_live_options o = *more;
    k2_buf_printf(&ways, "%s %s", p->source, p->urls);
    live_words_split(k2_buf_cstr(&ways), ' ', &urls);
    o.urls = urls.at;
    int rc = feed_live_open(&o, &live, err);
    feed_live_close(live);
    live_words_free(&urls);
    k2_buf_free(&ways);
    return rc;
}

static K2_RC check_source_address(const struct intake_plan *p, struct k2_err *err) {
    const char *const one[] = {p->source, NULL};
    struct feed_live *live;
    int rc = feed_live_open(&(struct feed_live_options){.urls = one}, &live, err);
    feed_live_close(live);
    return k2_err_context(err, rc, "source");
}

static K2_RC check_urls(const struct intake_plan *p, struct k2_err *err) {
    struct k2_err why;
    if (!p->urls[0] || check_source_address(p, &why) != K2_OK)
        return K2_OK; /* the source is told by its own check */
    return k2_err_context(err, check_opening(p, &(struct feed_live_options){0}, err), "urls");
}

/* `word` as live_words_read takes it, as the list of an option. */
static K2_RC check_words(const struct intake_plan *p, const char *word, bool headers,
                         struct k2_err *err) {
    struct k2_buf said = {0};
    struct live_words list = {0};
    struct k2_err why;
    int rc = word[0] ? live_words_read(word, &said, err) : K2_OK;
    if (rc == K2_OK && word[0] && check_opening(p, &(struct feed_live_options){0}, &why) == K2_OK) {
        live_words_split(k2_buf_cstr(&said), LIVE_WORDS_SEPARATOR, &list);
        const struct feed_live_options o = {.send = headers ? NULL : list.at,
                                            .headers = headers ? list.at : NULL};
        rc = check_opening(p, &o, err);
    }
    live_words_free(&list);
    k2_buf_free(&said);
    return k2_err_context(err, rc, headers ? "header" : "send");
}

static K2_RC check_send(const struct intake_plan *p, struct k2_err *err) {
    return check_words(p, p->send, false, err);
}

static K2_RC check_header(const struct intake_plan *p, struct k2_err *err) {
    return check_words(p, p->header, true, err);
}

static K2_RC check_live_format(const struct intake_plan *p, struct k2_err *err) {
    const struct feed_ops *format;
    if (strcmp(p->format, "auto") == 0)
        return k2_fail(err, K2_E_INVALID,
                       "format must be named: what a live source sends cannot be told before");
    K2_TRY(intake_plan_format(p, &format, err));
    K2_ASSERT(format != NULL); /* none is for auto */
    if (!format->captures)
        return k2_fail(err, K2_E_INVALID,
                       "format %s is one of files: no connection sends it; k2 feed list names "
                       "those that are received live",
                       format->name);
    struct k2_err why = {0};
    int rc = feed_live_fits(format, p->source, &why);
    if (rc == K2_OK || strstr(why.msg, format->name) == NULL)
        return K2_OK; /* what is wrong with the address is told by its own check */
    *err = why;
    return rc;
}

static K2_RC check_live_exchange(const struct intake_plan *p, struct k2_err *err) {
    if (p->exchange[0])
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "exchange must be given: it names the topic of the raw bytes");
}

static K2_RC check_live_speed(const struct intake_plan *p, struct k2_err *err) {
    if (strcmp(p->speed, "max") == 0)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "speed is of files: a live source has its own pace");
}

static K2_RC check_source(const struct intake_plan *p, struct k2_err *err) {
    struct k2_sv s = scheme(p->source);
    if (!p->source[0])
        return k2_fail(err, K2_E_INVALID, "source is not set: a file, a directory or sim:");
    if (intake_plan_is_sim(p) && strcmp(p->source, SIM) != 0)
        return k2_fail(
            err, K2_E_INVALID,
            "source '%s': behind sim: stands nothing; sim_symbols, rate, seed and quotes "
            "are keys of their own",
            p->source);
    if (s.n > 0)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "source '%.*s...': it is a file, a directory, sim:, tcp://, "
                       "soupbintcp://, udp://, ws:// or wss://",
                       K2_SV_ARG(s));
    if (k2_sv_ends(k2_sv_of(p->source), K2_SV(".parquet")))
        return k2_fail(
            err, K2_E_UNSUPPORTED,
            "source %s: a Parquet file is not followed; k2 ingest --mapping FILE.mapping "
            "reads it",
            p->source);
    return K2_OK;
}

static K2_RC check_sim_symbols(const struct intake_plan *p, struct k2_err *err) {
    if (p->sim_symbols >= 1 && p->sim_symbols <= SIM_MOST_SYMBOLS)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "sim_symbols is 1 to %d, not %" PRId64, SIM_MOST_SYMBOLS,
                   p->sim_symbols);
}

static K2_RC check_rate(const struct intake_plan *p, struct k2_err *err) {
    if (p->rate >= 1 && p->rate <= SIM_MOST_RATE)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "rate is 1 to %d events a second, not %" PRId64,
                   SIM_MOST_RATE, p->rate);
}

static K2_RC check_format(const struct intake_plan *p, struct k2_err *err) {
    const struct feed_ops *format;
    return intake_plan_format(p, &format, err);
}

static K2_RC check_speed(const struct intake_plan *p, struct k2_err *err) {
    double speed;
    return intake_plan_speed(p, &speed, err);
}

static K2_RC check_date(const struct intake_plan *p, struct k2_err *err) {
    int32_t date;
    return intake_plan_date(p, &date, err);
}

static K2_RC check_exchange(const struct intake_plan *p, struct k2_err *err) {
    if (!p->exchange[0] || k2_exchange_ok(k2_sv_of(p->exchange)))
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "exchange '%s': a code has 1 to 31 of the characters A-Z 0-9 _ -", p->exchange);
}

static K2_RC check_calendar(const struct intake_plan *p, struct k2_err *err) {
    const struct feed_calendar *calendar;
    if (!p->calendar[0])
        return K2_OK;
    K2_TRY_CTX(feed_calendar_find(k2_sv_of(p->exchange), p->calendar, &calendar, err), err,
               "calendar");
    return K2_OK;
}

/* A list in a file is read when the feed is. */
static K2_RC check_symbols(const struct intake_plan *p, struct k2_err *err) {
    struct symbols *list = NULL;
    if (!p->symbols[0] || strchr(p->symbols, '@'))
        return K2_OK;
    int rc = symbols_parse(p->symbols, &list, err);
    symbols_free(list);
    return k2_err_context(err, rc, "symbols");
}

static K2_RC check_silence(const struct intake_plan *p, struct k2_err *err) {
    int64_t ns;
    if (!p->silence[0] || (k2_span_parse(k2_sv_of(p->silence), &ns, NULL) == K2_OK && ns >= 0))
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "silence is a span of time such as 60s, or 0s, not '%s'",
                   p->silence);
}

static K2_RC check_mapping(const struct intake_plan *p, struct k2_err *err) {
    const struct feed_ops *format;
    struct k2_buf text = {0};
    int rc = intake_plan_format(p, &format, NULL);
    if (rc != K2_OK || !p->mapping[0])
        return K2_OK; /* a format that is not known is told by its own check */
    rc = k2_fs_read(p->mapping, &text, err);
    if (rc == K2_OK && strcmp(format->name, "mapped") == 0)
        rc = feed_mapping_check(k2_buf_view(&text), k2_sv_of(p->mapping), err);
    else if (rc == K2_OK && format->templates)
        rc = feed_templates_check(k2_buf_view(&text), k2_sv_of(p->mapping), err);
    else if (rc == K2_OK)
        rc = k2_fail(err, K2_E_INVALID, "the format %s takes no mapping", format->name);
    k2_buf_free(&text);
    return k2_err_context(err, rc, "mapping");
}

/* A directory may come to be; an address has to be one now. */
static K2_RC check_recover(const struct intake_plan *p, struct k2_err *err) {
    struct k2_sv s = scheme(p->recover);
    if (s.n == 0 && p->recover[0] && k2_fs_exists(p->recover) && !k2_fs_is_directory(p->recover))
        return k2_fail(err, K2_E_INVALID, "recover: %s is a file; it takes a directory",
                       p->recover);
    if (s.n == 0)
        return K2_OK;
    if (feed_rerequest_is(p->recover))
        return k2_err_context(err, feed_rerequest_check(p->recover, err), "recover");
    if (!k2_sv_eq(s, K2_SV("http://")) && !k2_sv_eq(s, K2_SV("https://")))
        return k2_fail(
            err, K2_E_INVALID,
            "recover '%.*s...': it is a directory, or an address moldudp64://HOST:PORT or "
            "http(s)://...",
            K2_SV_ARG(s));
    return k2_err_context(err, k2_http_check(p->recover, err), "recover");
}

static K2_RC check_poll(const struct intake_plan *p, struct k2_err *err) {
    return p->poll_ns > 0 ? K2_OK
                          : k2_fail(err, K2_E_INVALID, "poll must be above 0, for example 1s");
}

/* --- all of them --- */

typedef int check_fn(const struct intake_plan *p, struct k2_err *err);

int intake_plan_check(const struct intake_plan *p, void (*tell)(void *ctx, const char *text),
                      void *ctx, struct k2_err *err) {
    static check_fn *const of_files[] = {check_source,   check_format,   check_speed,   check_date,
                                         check_exchange, check_calendar, check_symbols, check_poll,
                                         check_silence,  check_mapping,  check_recover, NULL};
    static check_fn *const of_live[] = {check_live_format,    check_live_exchange, check_live_speed,
                                        check_source_address, check_urls,          check_send,
                                        check_header,         check_ca_file,       check_exchange,
                                        check_calendar,       check_symbols,       check_silence,
                                        check_mapping,        check_recover,       NULL};
    static check_fn *const of_sim[] = {check_source, check_sim_symbols, check_rate, NULL};
    check_fn *const *check = intake_plan_is_sim(p)    ? of_sim
                             : intake_plan_is_live(p) ? of_live
                                                      : of_files;
    int first = K2_OK;
    for (; *check; check++) {
        struct k2_err why = {0};
        if ((*check)(p, &why) == K2_OK)
            continue;
        (void)k2_err_context(&why, why.status, "[feed.%s]", p->name);
        if (tell)
            tell(ctx, why.msg);
        if (first == K2_OK && err)
            *err = why;
        first = first == K2_OK ? why.status : first;
    }
    return first;
}
