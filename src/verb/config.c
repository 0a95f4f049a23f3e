/* verb/config.c - `k2 config show`, `k2 config check` and `k2 config init`. */
#include "verb/config_check.h"
#include "verb/listing.h"
#include "verb/verbs.h"

#include "base/fs.h"

static void put_env_name(struct listing *l, const struct k2_config_entry *e) {
    struct k2_buf name = {0};
    k2_config_variable(e->section, e->key, &name);
    listing_text(l, k2_buf_view(&name));
    k2_buf_free(&name);
}

/* A secret that somebody wrote out. */
static bool is_secret(const struct k2_config_entry *e) {
    static const char *const keys[] = {"encryption_key", "encryption_old_keys", "password",
                                       "recover_key", "header"};
    struct k2_sv value = k2_sv_of(e->value);
    if (value.n == 0 || strcmp(e->value, "off") == 0 || k2_sv_starts(value, K2_SV("env:")) ||
        k2_sv_starts(value, K2_SV("file:")))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(e->key, keys[i]) == 0)
            return true;
    return false;
}

/* A password may stand in the journal's address. */
static void put_value(struct listing *l, const struct k2_config_entry *e) {
    struct k2_buf shown = {0};
    if (strcmp(e->section, "journal") == 0 && strcmp(e->key, "url") == 0)
        journal_url_print(e->value, &shown);
    else if (is_secret(e))
        k2_buf_str(&shown, "***");
    else
        k2_buf_str(&shown, e->value);
    listing_text(l, k2_buf_view(&shown));
    k2_buf_free(&shown);
}

static void put_entry(struct listing *l, const struct k2_config_entry *e) {
    struct k2_buf name = {0};
    k2_buf_printf(&name, "%s.%s", e->section, e->key);
    listing_text(l, k2_buf_view(&name));
    k2_buf_free(&name);
    put_value(l, e);
    listing_cstring(l, e->origin);
    put_env_name(l, e);
    listing_cstring(l, e->meaning);
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"key", NULL}, {"value", NULL}, {"origin", NULL}, {"environment", NULL}, {"meaning", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 5, &l, err));
    for (int i = 0; i < k2_config_entry_count(c->config); i++) {
        struct k2_config_entry e = k2_config_entry(c->config, i);
        put_entry(l, &e);
    }
    return listing_close(l, err);
}

struct unknown {
    struct verb_context *c;
    int count;
};

static void on_unknown(void *context, const char *name, const char *nearest) {
    struct unknown *u = context;
    struct k2_err err = {0};
    u->count++;
    k2_fail_(&err, K2_E_INVALID, "environment variable %s is no configuration key%s%s%s", name,
             nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    verb_complain(u->c, &err);
}

static int run_check(struct verb_context *c, struct k2_err *err) {
    struct unknown unknown = {.c = c};
    k2_config_unknown_variables(on_unknown, &unknown);
    K2_TRY(config_check_load_or_complain(c, &c->config, err));
    if (unknown.count > 0)
        return k2_fail(err, K2_E_INVALID, "%d %s; unset, or correct the spelling", unknown.count,
                       human_word(unknown.count, "environment variable is unknown",
                                  "environment variables are unknown"));
    int set = 0, n = k2_config_entry_count(c->config);
    for (int i = 0; i < n; i++)
        set += strcmp(k2_config_entry(c->config, i).origin, "default") != 0;
    printf("the configuration is good: %d keys, %d of them set\n", n, set);
    return K2_OK;
}

static int run_init(struct verb_context *c, struct k2_err *err) {
    struct k2_buf text = {0};
    int rc = K2_OK;
    k2_config_template(&text);
    if (c->arg_count == 0) {
        fwrite(text.p, 1, text.n, stdout);
    } else {
        rc = k2_fs_create(c->args[0], k2_buf_view(&text), err);
        if (rc == K2_E_EXISTS)
            rc = k2_fail(err, rc, "%s exists and is left as it is; name another file", c->args[0]);
        if (rc == K2_OK)
            verb_note(c, "wrote %s; k2 config check --config %s checks it", c->args[0], c->args[0]);
    }
    k2_buf_free(&text);
    return rc;
}

static const struct verb_option show_options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const show_examples[] = {"k2 config show", "k2 config show --format json", NULL};
static const char *const check_examples[] = {"k2 config check",
                                             "K2_SINK_INTERVAL=5s k2 config check", NULL};
static const char *const init_examples[] = {"k2 config init", "k2 config init k2.ini", NULL};

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
    .about =
        "Unknown keys, values that do not fit and references to nothing are errors; so is all "
        "that\n"
        "k2 up could never work with: a feed without a source, a format that is not known, an\n"
        "address that is none. No source is opened. All errors are told, and so is an\n"
        "environment variable that begins with K2_ and that K2 does not know. What a container\n"
        "platform sets for a service called k2-something (K2_..._SERVICE_HOST, K2_..._PORT) is\n"
        "left out.",
    .examples = check_examples,
    .bare = true,
    .run = run_check,
};

static const struct verb init = {
    .name = "init",
    .summary = "print or write a file with every key and its default",
    .usage = "[FILE]",
    .about =
        "The file holds every key with its meaning and its default, commented out. A file that\n"
        "exists is never written over.",
    .examples = init_examples,
    .max_args = 1,
    .bare = true,
    .run = run_init,
};

static const struct verb *const subs[] = {&show, &check, &init, NULL};

const struct verb verb_config = {
    .name = "config",
    .summary = "show, check or begin the configuration",
    .usage = "show|check|init",
    .about =
        "A key is set in the file of --config (INI) or by its environment variable, which wins.\n"
        "A value env:NAME or file:PATH refers to a secret and is never shown. For example:\n"
        "\n"
        "  [journal]\n"
        "  retention = 30d\n"
        "\n"
        "  [feed.asx]\n"
        "  format = asx-csv\n"
        "  source = /data/asx/trades\n"
        "\n"
        "Of sections such as feed.asx there may be any number; K2_FEED_ASX_SOURCE is the same\n"
        "key in the environment.",
    .options = show_options,
    .examples = show_examples,
    .subs = subs,
    .run = run_show,
};
