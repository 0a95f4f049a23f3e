/* verb/mapping.c - see mapping.h. */
#include "verb/mapping.h"

#include "base/fs.h"

/* The format that the file is for: XML is a file of FAST templates. */
static int feed_of(struct k2_sv text, const char *path, const struct feed_ops **feed,
                   struct k2_err *err) {
    size_t mark = k2_sv_starts(text, K2_SV("\xef\xbb\xbf")) ? 3 : 0;
    struct k2_sv start = k2_sv_trim((struct k2_sv){text.p + mark, text.n - mark});
    bool templates = start.n && *start.p == '<';
    *feed = feed_find(templates ? K2_SV("moex-fast") : K2_SV("mapped"));
    return templates ? feed_templates_check(text, k2_sv_of(path), err)
                     : feed_mapping_check(text, k2_sv_of(path), err);
}

int verb_mapping_read(const char *path, struct k2_buf *text, const struct feed_ops **feed,
                      struct k2_err *err) {
    K2_TRY(k2_fs_read(path, text, err));
    K2_TRY(feed_of(k2_buf_view(text), path, feed, err));
    (void)k2_buf_cstr(text);
    return K2_OK;
}

int verb_mapping_take(const struct verb_context *c, struct k2_buf *text,
                      const struct feed_ops **feed, int *first, struct k2_err *err) {
    const char *path = verb_value(c, "mapping"), *word = c->args[0];
    bool instead = !path && k2_sv_ends(k2_sv_of(word), K2_SV(".mapping"));
    if (instead)
        path = word;
    if (!path)
        return K2_OK;
    K2_TRY(verb_mapping_read(path, text, feed, err));
    const struct feed_ops *named = instead ? NULL : feed_find(k2_sv_of(word));
    *feed = named && named->templates && (*feed)->templates ? named : *feed;
    *first = named == *feed || instead;
    if (*first == c->arg_count)
        return k2_fail(err, K2_E_USAGE, "no SOURCE behind %s", word);
    return K2_OK;
}

bool verb_mapping_is_parquet(const char *path, const struct feed_ops *feed) {
    return feed && strcmp(feed->name, "mapped") == 0 &&
           k2_sv_ends(k2_sv_of(path), K2_SV(".parquet"));
}
