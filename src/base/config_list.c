/* base/config_list.c - the keys as lists: what is set, what the environment has beside it, and a file
 * to begin with.
 */
#include "base/config_int.h"

#include <stdlib.h>
#include <unistd.h>

/* --- what is set --- */

static int keys_of(const char *kind) {
    int n = 0;
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++)
        n += strcmp(config_named_keys[i].section, kind) == 0;
    return n;
}

int k2_config_entry_count(const struct k2_config *c) {
    int n = K2_CONFIG_COUNT;
    for (int i = 0; i < c->section_count; i++)
        n += keys_of(c->sections[i]->kind);
    return n;
}

/* The index-th key among those of the section's kind. */
static struct k2_config_entry section_entry(const struct config_section *s, int index) {
    int i = 0;
    while (strcmp(config_named_keys[i].section, s->kind) != 0 || index-- > 0)
        i++;
    const struct config_key *k = &config_named_keys[i];
    const struct config_value *v = &s->values[i];
    return (struct k2_config_entry){s->full, k->name, v->text, v->origin, k->meaning};
}

struct k2_config_entry k2_config_entry(const struct k2_config *c, int index) {
    K2_ASSERT(index >= 0 && index < k2_config_entry_count(c));
    if (index < K2_CONFIG_COUNT) {
        const struct config_key *k = &config_keys[index];
        const struct config_value *v = &c->values[index];
        return (struct k2_config_entry){k->section, k->name, v->text, v->origin, k->meaning};
    }
    int i = 0;
    for (index -= K2_CONFIG_COUNT; index >= keys_of(c->sections[i]->kind); i++)
        index -= keys_of(c->sections[i]->kind);
    return section_entry(c->sections[i], index);
}

/* --- what else the environment has --- */

static const char *const other_variables[] = {
#define K2_CONFIG_VARIABLE(name, meaning) #name,
#include "base/config.def"
};

struct names {
    char **at;
    int n;
};

static void add_name(struct names *names, const char *section, const char *key) {
    struct k2_buf text = {0};
    k2_config_variable(section, key, &text);
    names->at = k2_realloc(names->at, (size_t)(names->n + 1) * sizeof *names->at);
    names->at[names->n++] = k2_strdup(k2_buf_cstr(&text));
    k2_buf_free(&text);
}

static struct names known_names(void) {
    struct names names = {0};
    for (int i = 0; i < K2_CONFIG_COUNT; i++)
        add_name(&names, config_keys[i].section, config_keys[i].name);
    for (size_t i = 0; i < sizeof other_variables / sizeof *other_variables; i++) {
        names.at = k2_realloc(names.at, (size_t)(names.n + 1) * sizeof *names.at);
        names.at[names.n++] = k2_strdup(other_variables[i]);
    }
    return names;
}

/* For K2_FEED_MY_ASX_SORCE: every key of a feed behind FEED_MY and behind FEED_MY_ASX. */
static void add_named(struct names *names, const char *variable) {
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++) {
        struct k2_buf prefix = {0};
        k2_config_variable(config_named_keys[i].section, "", &prefix); /* "K2_FEED_" */
        struct k2_sv rest = k2_sv_of(variable);
        if (k2_sv_starts(rest, k2_buf_view(&prefix))) {
            const char *cut = strchr(variable + prefix.n, '_');
            for (; cut; cut = strchr(cut + 1, '_')) {
                char *section =
                    k2_sv_dup((struct k2_sv){variable + 3, (size_t)(cut - variable - 3)});
                add_name(names, section, config_named_keys[i].name);
                free(section);
            }
        }
        k2_buf_free(&prefix);
    }
}

/* K2_WEB_SERVICE_HOST, K2_WEB_PORT, K2_WEB_PORT_80_TCP_ADDR: from a service called k2-web. */
static bool is_of_a_service(const char *variable) {
    struct k2_sv s = k2_sv_of(variable);
    return strstr(variable, "_SERVICE_HOST") || strstr(variable, "_SERVICE_PORT") ||
           strstr(variable, "_PORT_") || k2_sv_ends(s, K2_SV("_PORT"));
}

static bool is_among(const struct names *names, const char *variable) {
    for (int i = 0; i < names->n; i++) {
        if (strcmp(names->at[i], variable) == 0)
            return true;
    }
    return false;
}

static void check_variable(const char *variable, k2_config_unknown_fn *on, void *context) {
    if (config_named_is_variable(variable))
        return;
    struct names names = known_names();
    if (!is_among(&names, variable)) {
        add_named(&names, variable);
        on(context, variable, k2_nearest(variable, (const char *const *)names.at, names.n));
    }
    for (int i = 0; i < names.n; i++)
        free(names.at[i]);
    free(names.at);
}

void k2_config_unknown_variables(k2_config_unknown_fn *on, void *context) {
    for (char **pair = environ; pair && *pair; pair++) {
        const char *equals = strchr(*pair, '=');
        if (strncmp(*pair, "K2_", 3) != 0 || !equals)
            continue;
        char *variable = k2_sv_dup((struct k2_sv){*pair, (size_t)(equals - *pair)});
        if (!is_of_a_service(variable))
            check_variable(variable, on, context);
        free(variable);
    }
}

/* --- a file to begin with --- */

static void put_key(struct k2_buf *out, const struct config_key *k) {
    k2_buf_printf(out, "# %s\n#%s =%s%s\n", k->meaning, k->name, *k->def ? " " : "", k->def);
}

static void put_plain(struct k2_buf *out) {
    const char *section = "";
    for (int i = 0; i < K2_CONFIG_COUNT; i++) {
        if (strcmp(section, config_keys[i].section) != 0) {
            section = config_keys[i].section;
            k2_buf_printf(out, "\n[%s]\n", section);
        }
        put_key(out, &config_keys[i]);
    }
}

static void put_named(struct k2_buf *out) {
    const char *kind = "";
    for (int i = 0; i < K2_CONFIG_NAMED_COUNT; i++) {
        if (strcmp(kind, config_named_keys[i].section) != 0) {
            kind = config_named_keys[i].section;
            k2_buf_str(out, "\n# Any number of these, each with a name of its own (a-z, 0-9, _ and "
                            "-).\n# In the environment ");
            k2_config_variable(kind, "name_key", out);
            k2_buf_printf(out, ", in capital letters.\n#[%s.name]\n", kind);
        }
        put_key(out, &config_named_keys[i]);
    }
}

void k2_config_template(struct k2_buf *out) {
    k2_buf_str(out,
               "# Configuration of K2: every key, what it means and its default. Take the # off\n"
               "# a key to set it. The environment wins over this file: K2_SECTION_KEY.\n"
               "# A value env:NAME or file:PATH refers to a secret; it is never shown.\n"
               "# Sizes: B, KB, MB, GB, TB. Spans: ns, us, ms, s, m, h, d, w.\n");
    put_plain(out);
    put_named(out);
}
