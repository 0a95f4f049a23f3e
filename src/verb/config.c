/* verb/config.c - `k2 config show` and `k2 config check`. */
#include "verb/listing.h"
#include "verb/verbs.h"

#include <ctype.h>

static void put_env_name(struct listing *l, const struct k2_config_entry *e) {
    struct k2_buf name = {0};
    k2_buf_printf(&name, "K2_%s_%s", e->section, e->key);
    for (size_t i = 0; i < name.n; i++)
        name.p[i] = (uint8_t)toupper(name.p[i]);
    listing_text(l, k2_buf_view(&name));
    k2_buf_free(&name);
}

static void put_entry(struct listing *l, const struct k2_config_entry *e) {
    struct k2_buf name = {0};
    k2_buf_printf(&name, "%s.%s", e->section, e->key);
    listing_text(l, k2_buf_view(&name));
    k2_buf_free(&name);
    listing_cstring(l, e->value);
    listing_cstring(l, e->origin);
    put_env_name(l, e);
    listing_cstring(l, e->meaning);
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"key", NULL}, {"value", NULL}, {"origin", NULL}, {"environment", NULL}, {"meaning", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 5, &l, err));
    for (int i = 0; i < K2_CONFIG_COUNT; i++) {
        struct k2_config_entry e = k2_config_entry(c->config, i);
        put_entry(l, &e);
    }
    return listing_close(l, err);
}

/* That the configuration was read is the check. */
static int run_check(struct verb_context *c, struct k2_err *err) {
    (void)err;
    int set = 0;
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        set += strcmp(k2_config_entry(c->config, i).origin, "default") != 0;
    printf("the configuration is good: %d keys, %d of them set\n", (int)K2_CONFIG_COUNT, set);
    return K2_OK;
}

static const struct verb_option show_options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const show_examples[] = {"k2 config show", "k2 config show --format json", NULL};
static const char *const check_examples[] = {"k2 config check",
                                             "K2_SINK_INTERVAL=5s k2 config check", NULL};

static const struct verb show = {
    .name = "show",
    .summary = "every key, its value and where that comes from",
    .usage = "",
    .options = show_options,
    .examples = show_examples,
    .run = run_show,
};

static const struct verb check = {
    .name = "check",
    .summary = "read the configuration and say what is wrong with it",
    .usage = "",
    .examples = check_examples,
    .run = run_check,
};

static const struct verb *const subs[] = {&show, &check, NULL};

const struct verb verb_config = {
    .name = "config",
    .summary = "show or check the configuration",
    .usage = "show|check",
    .about =
        "A key is set in the file of --config (INI) or by its environment variable, which wins.\n"
        "A value env:NAME or file:PATH refers to a secret and is never shown.",
    .options = show_options,
    .examples = show_examples,
    .subs = subs,
    .run = run_show,
};
