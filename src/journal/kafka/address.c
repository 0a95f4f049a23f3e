/* journal/kafka/address.c - kafka://HOST:PORT[,HOST:PORT...][/PREFIX][?PROPERTY=VALUE&...], and the clients it gives.
 *
 * PREFIX stands before the name of every topic and consumer group, so that several journals can share a cluster.
 * PROPERTY is one of librdkafka's (security.protocol, sasl.username ...); %XX in a value is a byte. `replication` is
 * ours: the replicas of topics that are made. A value env:NAME is read from the environment, file:PATH from the first
 * line of a file: a secret need not stand in an address. `token` (file:PATH or env:NAME) is ours as well: where the
 * token of SASL/OAUTHBEARER is, read again whenever the client wants a new one.
 */
#include "journal/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 32);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The byte that %XX stands for, or -1: it does not begin with one. */
static int coded(struct k2_sv s) {
    if (s.n < 3 || s.p[0] != '%' || hex(s.p[1]) < 0 || hex(s.p[2]) < 0)
        return -1;
    return 16 * hex(s.p[1]) + hex(s.p[2]);
}

static char *unescape(struct k2_sv s) {
    struct k2_buf out = {0};
    while (s.n > 0) {
        int byte = coded(s);
        size_t taken = byte < 0 ? 1 : 3;
        k2_buf_byte(&out, (uint8_t)(byte < 0 ? s.p[0] : byte));
        s = (struct k2_sv){s.p + taken, s.n - taken};
    }
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

/* env:NAME and file:PATH are replaced by what they name. */
static int resolve(char **value, struct k2_err *err) {
    struct k2_sv v = k2_sv_of(*value);
    if (k2_sv_starts(v, K2_SV("env:"))) {
        const char *named = getenv(*value + 4);
        if (!named)
            return k2_fail(err, K2_E_NOTFOUND, "the environment has no %s", *value + 4);
        free(*value);
        *value = k2_sv_dup(k2_sv_of(named));
    } else if (k2_sv_starts(v, K2_SV("file:"))) {
        struct k2_buf text = {0};
        int rc = k2_fs_read(*value + 5, &text, err);
        struct k2_sv rest = k2_buf_view(&text);
        if (rc == K2_OK) {
            free(*value);
            *value = k2_sv_dup(k2_sv_split(&rest, '\n'));
        }
        k2_buf_free(&text);
        return rc;
    }
    return K2_OK;
}

/* It is read when it is needed; a token that stood here would soon be too old. */
static int check_token(const char *value, struct k2_err *err) {
    struct k2_sv v = k2_sv_of(value);
    return k2_sv_starts(v, K2_SV("file:")) || k2_sv_starts(v, K2_SV("env:"))
               ? K2_OK
               : k2_fail(err, K2_E_INVALID, "a token is given as file:PATH or env:NAME");
}

static int add_option(struct kafka_address *a, struct k2_sv text, struct k2_err *err) {
    struct k2_sv key = k2_sv_split(&text, '=');
    int64_t number;
    if (k2_sv_eq(key, K2_SV("replication"))) {
        if (!k2_sv_i64(text, &number) || number < 1 || number > INT16_MAX)
            return k2_fail(err, K2_E_INVALID, "replication=%.*s is no number of replicas",
                           K2_SV_ARG(text));
        a->replication = (int32_t)number;
        return K2_OK;
    }
    bool token = k2_sv_eq(key, K2_SV(KAFKA_TOKEN));
    char *value = unescape(text);
    int rc = token ? check_token(value, err) : resolve(&value, err);
    if (rc != K2_OK) {
        free(value);
        return k2_err_context(err, rc, "property %.*s", K2_SV_ARG(key));
    }
    a->options = k2_realloc(a->options, (size_t)(a->option_count + 1) * sizeof *a->options);
    a->options[a->option_count++] = (struct kafka_option){k2_sv_dup(key), value};
    return K2_OK;
}

int kafka_address_parse(const char *url, struct kafka_address *out, struct k2_err *err) {
    struct k2_sv rest = k2_sv_of(url + strlen("kafka://"));
    struct k2_sv place = k2_sv_split(&rest, '?');
    struct k2_sv servers = k2_sv_split(&place, '/');
    *out = (struct kafka_address){.replication = -1};
    out->text = k2_sv_dup((struct k2_sv){url, (size_t)(servers.p + servers.n - url)});
    out->servers = k2_sv_dup(servers);
    out->prefix = k2_sv_dup(place);
    int rc = K2_OK;
    if (servers.n == 0)
        rc = k2_fail(err, K2_E_INVALID, "\"%s\" names no broker; kafka://HOST:PORT", url);
    else if (place.n > 0)
        rc = journal_name_check(place, err);
    while (rc == K2_OK && rest.n > 0)
        rc = add_option(out, k2_sv_split(&rest, '&'), err);
    return rc;
}

void kafka_address_free(struct kafka_address *a) {
    for (int i = 0; i < a->option_count; i++) {
        free((char *)(uintptr_t)a->options[i].key);
        free((char *)(uintptr_t)a->options[i].value);
    }
    free(a->options);
    free(a->text);
    free(a->servers);
    free(a->prefix);
}

/* --- clients --- */

int kafka_connect(const struct kafka *k, const struct kafka_option *more, int n,
                  struct kafka_client **out, struct k2_err *err) {
    int count = 1 + k->address.option_count + n;
    struct kafka_option *all = k2_alloc((size_t)count * sizeof *all);
    all[0] = (struct kafka_option){"bootstrap.servers", k->address.servers};
    for (int i = 0; i < n; i++)
        all[1 + i] = more[i];
    for (int i = 0; i < k->address.option_count; i++) /* last: they may say otherwise */
        all[1 + n + i] = k->address.options[i];
    int rc = client_open(all, count, out, err);
    free(all);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "%s", k->address.text);
}

static const struct kafka_option reading[] = {
    {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},   {"isolation.level", "read_committed"},
    {"enable.partition.eof", "true"}, {"check.crcs", "true"},
    {"fetch.wait.max.ms", "10"},      {"queued.max.messages.kbytes", "65536"},
};

/* The group is only a name, for which brokers may ask for an ACL: partitions are assigned by hand and offsets are never
 * committed by it. */
int kafka_connect_reader(const struct kafka *k, const struct kafka_option *more, int n,
                         struct kafka_client **out, struct k2_err *err) {
    struct k2_buf group = {0};
    struct kafka_option *all = k2_alloc((size_t)(n + 1) * sizeof *all);
    k2_buf_printf(&group, "%sk2.reader", k->address.prefix);
    all[0] = (struct kafka_option){"group.id", k2_buf_cstr(&group)};
    for (int i = 0; i < n; i++)
        all[i + 1] = more[i];
    int rc = kafka_connect(k, all, n + 1, out, err);
    k2_buf_free(&group);
    free(all);
    return rc;
}

int kafka_reader_take(struct kafka *k, struct kafka_client **out, struct k2_err *err) {
    *out = NULL;
    pthread_mutex_lock(&k->base.mutex);
    if (k->idle_count > 0)
        *out = k->idle[--k->idle_count];
    pthread_mutex_unlock(&k->base.mutex);
    if (*out)
        return K2_OK;
    return kafka_connect_reader(k, reading, (int)(sizeof reading / sizeof *reading), out, err);
}

void kafka_reader_give(struct kafka *k, struct kafka_client *c) {
    bool keep = client_assign(c, NULL, 0, NULL) == K2_OK;
    pthread_mutex_lock(&k->base.mutex);
    keep = keep && k->idle_count < KAFKA_IDLE;
    if (keep)
        k->idle[k->idle_count++] = c;
    pthread_mutex_unlock(&k->base.mutex);
    if (!keep)
        client_close(c);
}
