/* verb/run.c - from main's arguments to the exit code: parse, set up, run, report. */
#include "verb/verb.h"

#include "role/role.h"
#include "verb/signals.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

void verb_print_line(FILE *to, const char *before, const char *text) {
    struct k2_buf line = {0};
    k2_buf_visible(&line, k2_sv_of(text), true);
    fprintf(to, "%s: %s\n", before, k2_buf_cstr(&line));
    k2_buf_free(&line);
}

static void say(const struct verb_context *c, enum k2_log_level level, const char *text) {
    fflush(stdout); /* where both go to one place, results stay in front of what is said of them */
    if (c->json_logs)
        k2_log(level, level == K2_LOG_ERROR ? "error" : "note", "command", c->name, "message", text,
               NULL);
    else
        verb_print_line(stderr, c->name, text);
}

void verb_note(const struct verb_context *c, const char *fmt, ...) {
    if (c->quiet)
        return;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    say(c, K2_LOG_INFO, text);
}

const char *verb_bringer(const struct verb_context *c) {
    return role_runs(c->data) ? "the next commit of k2 up" : "k2 sink --once";
}

void verb_complain(const struct verb_context *c, const struct k2_err *err) {
    say(c, K2_LOG_ERROR, err->msg);
}

int verb_journal_known(const struct verb_context *c, struct k2_err *err) {
    const struct journal_profile *p;
    enum journal_producer producer;
    struct k2_err why = {0};
    K2_TRY_CTX(
        journal_profile_find(k2_config_string(c->config, K2_CONFIG_journal_profile), &p, err), err,
        "journal.profile");
    K2_TRY_CTX(journal_producer_find(k2_config_string(c->config, K2_CONFIG_journal_producer),
                                     &producer, err),
               err, "journal.producer");
    if (journal_url_check(k2_config_string(c->config, K2_CONFIG_journal_url), &why) == K2_OK)
        return K2_OK;
    /* The value as written: behind a reference there may be a secret. */
    struct k2_buf shown = {0};
    journal_url_print(k2_config_entry(c->config, K2_CONFIG_journal_url).value, &shown);
    int rc = k2_fail(err, why.status, "journal.url is '%s': use local: or kafka://HOST:PORT",
                     k2_buf_cstr(&shown));
    k2_buf_free(&shown);
    return rc;
}

/* A key in the file would lie beside what it encrypts. */
static int check_reference(const struct k2_config *config, enum k2_config_key key,
                           struct k2_err *err) {
    struct k2_config_entry e = k2_config_entry(config, (int)key);
    struct k2_sv value = k2_sv_of(e.value);
    if (value.n == 0 || k2_sv_eq(value, K2_SV("off")) || k2_sv_starts(value, K2_SV("env:")) ||
        k2_sv_starts(value, K2_SV("file:")))
        return K2_OK;
    return k2_fail(err, K2_E_INVALID, "%s.%s is given as env:NAME or file:PATH, never as itself",
                   e.section, e.key);
}

/* A reference that could not be read stands for itself; who checks the configuration was told why. */
static const char *keys_of(const struct k2_config *config, enum k2_config_key key) {
    struct k2_sv value = k2_sv_of(k2_config_string(config, key));
    bool unread = k2_sv_starts(value, K2_SV("env:")) || k2_sv_starts(value, K2_SV("file:"));
    return unread ? "" : value.p;
}

int verb_keys_known(const struct k2_config *config, struct k2_err *err) {
    K2_TRY(check_reference(config, K2_CONFIG_journal_encryption_key, err));
    K2_TRY(check_reference(config, K2_CONFIG_journal_encryption_old_keys, err));
    return journal_check_keys(keys_of(config, K2_CONFIG_journal_encryption_key),
                              keys_of(config, K2_CONFIG_journal_encryption_old_keys), err);
}

int verb_use_tier(const struct k2_config *config, struct k2_err *err) {
    const struct journal_tier_settings tier = {
        .url = k2_config_string(config, K2_CONFIG_journal_tier_url),
        .after_ns = k2_config_int(config, K2_CONFIG_journal_tier_after),
        .local_bytes = k2_config_int(config, K2_CONFIG_journal_local_bytes),
        .cache_bytes = k2_config_int(config, K2_CONFIG_journal_cache_bytes),
    };
    K2_TRY_CTX(journal_tier_use(&tier, err), err, "journal.tier_url");
    return K2_OK;
}

int verb_use(const struct k2_config *config, struct k2_err *err) {
    const struct k2_registry_service service = {
        .url = k2_config_string(config, K2_CONFIG_registry_url),
        .user = k2_config_string(config, K2_CONFIG_registry_user),
        .password = k2_config_string(config, K2_CONFIG_registry_password),
        .ca_file = k2_config_string(config, K2_CONFIG_registry_ca_file),
        .cache_ns = k2_config_int(config, K2_CONFIG_registry_cache),
    };
    K2_TRY(k2_registry_use(&service, err));
    K2_TRY(verb_use_tier(config, err));
    K2_TRY(verb_keys_known(config, err));
    K2_TRY(journal_use_keys(k2_config_string(config, K2_CONFIG_journal_encryption_key),
                            k2_config_string(config, K2_CONFIG_journal_encryption_old_keys), err));
    return journal_use(k2_config_string(config, K2_CONFIG_journal_url), err);
}

int verb_journal(const struct verb_context *c, enum journal_mode mode, struct journal **out,
                 struct k2_err *err) {
    K2_TRY(verb_journal_known(c, err));
    struct journal_options o = {
        .segment_bytes = k2_config_int(c->config, K2_CONFIG_journal_segment_bytes),
        .partitions = journal_profile_asked(c->config),
        .command = c->name,
    };
    int rc = journal_open(c->data, mode, &o, out, err);
    if (rc == K2_E_NOTFOUND && journal_is_local())
        return k2_fail(err, rc, "%s holds no journal; k2 ingest or k2 simulate makes one", c->data);
    return rc;
}

/* What the verb wrote to stdout has to arrive: a full disk is an error, a closed pipe is not. */
static int flush_output(struct k2_err *err) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return K2_OK;
    return k2_fail_errno(err, "standard output cannot be written");
}

/* k2 config shows what is written, right or wrong. */
static int load_config(struct verb_context *c, struct k2_err *err) {
    K2_TRY(k2_config_load(verb_value(c, "config"), &c->config, err));
    if (k2_sv_starts(k2_sv_of(c->name), K2_SV("k2 config")))
        return K2_OK;
    K2_TRY(verb_journal_known(c, err));
    K2_TRY(journal_use_profile(k2_config_string(c->config, K2_CONFIG_journal_profile), err));
    K2_TRY(journal_use_producer(k2_config_string(c->config, K2_CONFIG_journal_producer), err));
    return verb_use(c->config, err);
}

static int run(struct verb_context *c, struct k2_err *err) {
    /* A command says what it did on stdout; the stages' own lines are for services (sink, up) and for
     * programs that read the log. */
    k2_log_setup(c->json_logs && !c->quiet ? K2_LOG_INFO : K2_LOG_WARN, c->json_logs);
    if (c->help) {
        verb_help(c, stdout);
        return flush_output(err);
    }
    if (!c->verb->bare)
        K2_TRY(load_config(c, err));
    K2_TRY(c->verb->run(c, err));
    return flush_output(err);
}

static int report(const struct verb_context *c, int status, const struct k2_err *err) {
    if (status == K2_OK)
        return 0;
    if (signals_pipe_closed() && k2_status_exit_code(status) == 1)
        return 0; /* nobody reads on: what is left to say was not wanted */
    verb_complain(c, err);
    if (status == K2_E_USAGE && !c->json_logs)
        fprintf(stderr, "%s --help tells more\n", c->name);
    return k2_status_exit_code(status);
}

int verb_main(int argc, char *const *argv) {
    signals_setup();
    struct verb_context c;
    struct k2_err err = {0};
    int status = verb_parse(&verb_root, argc > 0 ? argc - 1 : 0, argv + 1, &c, &err);
    if (status == K2_OK)
        status = run(&c, &err);
    fflush(stdout); /* results before the error, if both go to one place */
    int code = report(&c, status, &err);
    verb_context_fini(&c);
    return code;
}
