/* role/policies.c - see policies.h. */
#include "role/policies.h"

#include <ctype.h>
#include <stdlib.h>

static K2_RC read_halt(const char *text, struct policies *out, struct k2_err *err) {
    bool all = strcmp(text, "all") == 0;
    out->halt_files = all;
    out->halt_feeds = all || strcmp(text, "feeds") == 0;
    if (out->halt_feeds || strcmp(text, "none") == 0)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "sequence.halt is feeds, all or none, not '%s'", text);
}

/* Empty: it stays as it is. */
static K2_RC read_count(const char *section, const char *key, const char *text, int64_t *out,
                        struct k2_err *err) {
    int64_t n;
    if (text[0] == 0)
        return K2_OK;
    if (!k2_sv_i64(k2_sv_of(text), &n) || n < 0)
        return k2_fail(err, K2_E_INVALID, "exchange.%s.%s takes a whole number, as 100, not '%s'",
                       section, key, text);
    *out = n;
    return K2_OK;
}

static struct k2_sv upper(const char *name) {
    char *text = k2_strdup(name);
    for (char *p = text; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return k2_sv_of(text);
}

static K2_RC read_exchange(const struct k2_config *c, int i, struct policies *out,
                           struct k2_err *err) {
    const char *name = k2_config_named_name(c, "exchange", i);
    struct ingest_policy *p = &out->all[out->n++];
    *p = (struct ingest_policy){upper(name), out->all[0].policy};
    K2_TRY(read_count(name, "log_below", k2_config_named_string(c, K2_CONFIG_exchange_log_below, i),
                      &p->policy.log_below, err));
    return read_count(name, "halt_above",
                      k2_config_named_string(c, K2_CONFIG_exchange_halt_above, i),
                      &p->policy.halt_above, err);
}

int policies_read(const struct k2_config *c, struct policies *out, struct k2_err *err) {
    int n = k2_config_named_count(c, "exchange");
    *out = (struct policies){.all = k2_zalloc(((size_t)n + 1) * sizeof *out->all), .n = 1};
    out->all[0].policy =
        (struct seq_policy){.wait_events = k2_config_int(c, K2_CONFIG_sequence_reorder_events),
                            .wait_ns = k2_config_int(c, K2_CONFIG_sequence_reorder_time),
                            .log_below = k2_config_int(c, K2_CONFIG_sequence_log_below),
                            .halt_above = k2_config_int(c, K2_CONFIG_sequence_halt_above)};
    K2_TRY(read_halt(k2_config_string(c, K2_CONFIG_sequence_halt), out, err));
    for (int i = 0; i < n; i++)
        K2_TRY(read_exchange(c, i, out, err));
    return K2_OK;
}

void policies_free(struct policies *p) {
    for (size_t i = 1; i < p->n; i++)
        free((char *)p->all[i].exchange.p);
    free(p->all);
    *p = (struct policies){0};
}
