/* role/live_words.c - see live_words.h. */
#include "role/live_words.h"

#include "base/config.h"
#include "base/fs.h"

#include <stdlib.h>

void live_words_split(const char *joined, char separator, struct live_words *out) {
    *out = (struct live_words){0};
    if (!joined || !joined[0])
        return;
    size_t n = 0, most = 2;
    for (const char *p = joined; *p; p++)
        most += *p == separator;
    out->text = k2_strdup(joined);
    out->at = k2_zalloc(most * sizeof *out->at);
    for (char *p = out->text, *end; p; p = end) {
        end = strchr(p, separator);
        if (end)
            *end++ = 0;
        if (p[0])
            out->at[n++] = p;
    }
}

void live_words_free(struct live_words *w) {
    free(w->text);
    free(w->at);
    *w = (struct live_words){0};
}

void live_words_join(struct k2_buf *list, const char *text) {
    if (list->n)
        k2_buf_byte(list, LIVE_WORDS_SEPARATOR);
    k2_buf_str(list, text);
}

static void join_lines(struct k2_sv rest, struct k2_buf *list) {
    while (rest.n) {
        char *line = k2_sv_dup(k2_sv_trim(k2_sv_split(&rest, '\n')));
        if (line[0])
            live_words_join(list, line);
        free(line);
    }
}

int live_words_read(const char *word, struct k2_buf *list, struct k2_err *err) {
    struct k2_buf text = {0};
    if (word[0] != '@') {
        live_words_join(list, word);
        return K2_OK;
    }
    int rc = k2_fs_read(word + 1, &text, err);
    if (rc == K2_OK)
        join_lines(k2_buf_view(&text), list);
    k2_buf_free(&text);
    return rc;
}

static int add_header(const char *header, struct k2_buf *list, struct k2_err *err) {
    struct k2_sv value = k2_sv_of(header), name = k2_sv_split(&value, ':');
    char *told = k2_sv_dup(k2_sv_trim(value)), *secret = NULL;
    struct k2_buf whole = {0};
    int rc = k2_config_resolve(told, &secret, err);
    k2_buf_printf(&whole, "%.*s", K2_SV_ARG(name));
    if (value.p)
        k2_buf_printf(&whole, ": %s", secret ? secret : told);
    if (rc == K2_OK)
        live_words_join(list, k2_buf_cstr(&whole));
    k2_buf_free(&whole);
    free(secret);
    free(told);
    return k2_err_context(err, rc, "header %.*s", K2_SV_ARG(name));
}

int live_words_header(const char *word, struct k2_buf *list, struct k2_err *err) {
    struct k2_buf text = {0};
    struct live_words lines = {0};
    char *whole;
    int rc = k2_config_resolve(word, &whole, err);
    if (rc == K2_OK)
        rc = live_words_read(whole ? whole : word, &text, err);
    live_words_split(k2_buf_cstr(&text), LIVE_WORDS_SEPARATOR, &lines);
    for (size_t i = 0; rc == K2_OK && lines.at && lines.at[i]; i++)
        rc = add_header(lines.at[i], list, err);
    live_words_free(&lines);
    k2_buf_free(&text);
    free(whole);
    return rc;
}
