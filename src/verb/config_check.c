/* verb/config_check.c - see config_check.h. */
#include "verb/config_check.h"

#include "base/http.h"
#include "base/store.h"
#include "role/role.h"
#include "serve/serve.h"
#include "verb/listing.h"

#include <inttypes.h>

struct check {
    const struct k2_config *config;
    config_check_fn *tell;
    void *ctx;
    int errors;
};

static void tell(struct check *k, const struct k2_err *why) {
    k->errors++;
    k->tell(k->ctx, why->msg);
}

/* Numbers that have a range: others may be any, or what they are out of it for is no matter of k2 up. */
static const struct range {
    enum k2_config_key key;
    int64_t least, most;
} ranges[] = {
    {K2_CONFIG_journal_partitions, 1, 1024},
    {K2_CONFIG_journal_segment_bytes, 1, INT64_MAX},
    {K2_CONFIG_ingest_batch_bytes, 1, INT64_MAX},
    {K2_CONFIG_sink_interval, 1, INT64_MAX},
    {K2_CONFIG_sink_commit_rows, 1, INT64_MAX},
    {K2_CONFIG_maintain_interval, 1, INT64_MAX},
    {K2_CONFIG_maintain_compact_target, 1, INT64_MAX},
    {K2_CONFIG_query_memory_limit, 1, INT64_MAX},
    {K2_CONFIG_status_min_free, 0, 100},
};

static void check_range(struct check *k, const struct range *r) {
    int64_t n = k2_config_int(k->config, r->key);
    struct k2_config_entry e = k2_config_entry(k->config, (int)r->key);
    struct k2_err why;
    if (n < r->least && r->most == INT64_MAX)
        (void)k2_fail(&why, K2_E_INVALID, "%s.%s is %s, and must be above 0", e.section, e.key,
                      e.value);
    else if (n < r->least || n > r->most)
        (void)k2_fail(&why, K2_E_INVALID, "%s.%s is %s, and must be from %" PRId64 " to %" PRId64,
                      e.section, e.key, e.value, r->least, r->most);
    else
        return;
    tell(k, &why);
}

static void check_journal(struct check *k, const struct verb_context *c) {
    struct verb_context with = *c;
    struct k2_err why;
    with.config = (struct k2_config *)k->config;
    if (verb_journal_known(&with, &why) != K2_OK)
        tell(k, &why);
    if (verb_keys_known(k->config, &why) != K2_OK)
        tell(k, &why);
}

static void check_tier(struct check *k) {
    const char *url = k2_config_string(k->config, K2_CONFIG_journal_tier_url);
    struct k2_err why;
    if (!url[0] || k2_store_check(url, &why) == K2_OK)
        return;
    (void)k2_err_context(&why, why.status, "journal.tier_url");
    tell(k, &why);
}

static void check_doors(struct check *k) {
    const struct serve_options o = {
        .listen = k2_config_string(k->config, K2_CONFIG_http_listen),
        .allow_remote = k2_config_int(k->config, K2_CONFIG_http_allow_remote) != 0,
    };
    struct k2_err why;
    if (!k2_config_int(k->config, K2_CONFIG_http_enabled) || serve_check(&o, &why) == K2_OK)
        return;
    (void)k2_err_context(&why, why.status, "http.listen");
    tell(k, &why);
}

static void check_url(struct check *k, enum k2_config_key key, const char *name) {
    const char *url = k2_config_string(k->config, key);
    struct k2_err why;
    if (!url[0] || k2_http_check(url, &why) == K2_OK)
        return;
    (void)k2_err_context(&why, why.status, "%s", name);
    tell(k, &why);
}

int config_check_load(const struct verb_context *c, config_check_fn *to, void *ctx,
                      struct k2_config **out, int *errors, struct k2_err *err) {
    struct check k = {.tell = to, .ctx = ctx};
    K2_TRY(k2_config_load_all(verb_value(c, "config"), to, ctx, out, &k.errors, err));
    k.config = *out;
    check_journal(&k, c);
    check_tier(&k);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        check_range(&k, &ranges[i]);
    check_doors(&k);
    check_url(&k, K2_CONFIG_alert_webhook, "alert.webhook");
    check_url(&k, K2_CONFIG_registry_url, "registry.url");
    *errors = k.errors + role_platform_check(k.config, to, ctx);
    return K2_OK;
}

static void complain(void *ctx, const char *text) {
    struct k2_err why;
    (void)k2_fail(&why, K2_E_INVALID, "%s", text);
    verb_complain(ctx, &why);
}

int config_check_load_or_complain(const struct verb_context *c, struct k2_config **out,
                                  struct k2_err *err) {
    int errors;
    K2_TRY(config_check_load(c, complain, (void *)c, out, &errors, err));
    if (errors == 0)
        return K2_OK;
    k2_config_free(*out);
    *out = NULL;
    return k2_fail(err, K2_E_INVALID, "the configuration has %d %s", errors,
                   human_word(errors, "error", "errors"));
}
