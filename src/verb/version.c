/* verb/version.c - `k2 version` and `k2 help`. */
#include "verb/verbs.h"

#include "base/build.h"
#include "base/clock.h"

#include <stdlib.h>

static int run_version(struct verb_context *c, struct k2_err *err) {
    (void)c;
    (void)err;
    const char *revision = k2_build_revision();
    char calendars[17], zones[32];
    feed_calendars_version(calendars);
    k2_zone_release(zones, sizeof zones);
    printf("k2 %s%s%s\n", k2_build_version(), *revision ? " " : "", revision);
    printf("calendars %s, time zones %s\n", calendars, zones);
    return K2_OK;
}

static const char *const version_examples[] = {"k2 version", NULL};

const struct verb verb_version = {
    .name = "version",
    .summary = "print version and revision, also of calendars and time zones",
    .about = "Which session date a moment belongs to follows from both. Each file's record in the\n"
             "topic k2.sources says by which ones it was read.",
    .usage = "",
    .examples = version_examples,
    .bare = true,
    .run = run_version,
};

/* The same as `k2 VERB --help`: the words are read as the program's own. */
static int run_help(struct verb_context *c, struct k2_err *err) {
    struct verb_context about;
    char *words[8] = {NULL};
    int n = 0;
    if (verb_flag(c, "markdown")) {
        verb_help_page(stdout);
        return K2_OK;
    }
    for (; n < c->arg_count && n < 7; n++)
        words[n] = k2_strdup(c->args[n]);
    words[n] = k2_strdup("--help");
    int rc = verb_parse(&verb_root, n + 1, words, &about, err);
    if (rc == K2_OK)
        verb_help(&about, stdout);
    verb_context_fini(&about);
    for (int i = 0; i <= n; i++)
        free(words[i]);
    return rc;
}

static const struct verb_option help_options[] = {
    {"markdown", NULL, NULL, "the help of all commands, as one page of Markdown", NULL, 0}, {0}};
static const char *const help_examples[] = {"k2 help", "k2 help query",
                                            "k2 help --markdown >commands.md", NULL};

const struct verb verb_help_command = {
    .name = "help",
    .summary = "tell about a command",
    .usage = "[COMMAND...]",
    .options = help_options,
    .examples = help_examples,
    .max_args = 7,
    .bare = true,
    .run = run_help,
};
