/* verb/mapping.c - see mapping.h. */
#include "verb/mapping.h"

#include "base/fs.h"

int verb_mapping_take(const struct verb_context *c, struct k2_buf *text,
                      const struct feed_ops **feed, int *first, struct k2_err *err) {
    const char *path = verb_value(c, "mapping"), *word = c->args[0];
    bool named = path && strcmp(word, "mapped") == 0;
    bool instead = !path && k2_sv_ends(k2_sv_of(word), K2_SV(".mapping"));
    if (instead)
        path = word;
    if (!path)
        return K2_OK;
    K2_TRY(k2_fs_read(path, text, err));
    K2_TRY(feed_mapping_check(k2_buf_view(text), k2_sv_of(path), err));
    (void)k2_buf_cstr(text);
    *feed = feed_find(K2_SV("mapped"));
    *first = named || instead;
    if (*first == c->arg_count)
        return k2_fail(err, K2_E_USAGE, "no SOURCE behind %s", word);
    return K2_OK;
}
