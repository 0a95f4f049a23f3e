/* feed/layout/set.c - the layouts that are part of the program (feeds/ of the project), and those in files.
 *
 * Their texts are in the program; one is parsed when it is first asked for, and then kept.
 */
#include "feed/layout/layout.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct loaded {
    char *path;
    struct layout *layout;
    struct loaded *next;
};

struct layout_set {
    const struct layout_text *texts;
    int n;
    struct layout **made; /* by text; NULL: not parsed yet, or broken */
    bool *broken;         /* was told, and is passed over */
};

static struct layout_set *builtin;
static struct loaded *files;

int layout_from_text(const struct layout_text *t, struct layout **out, struct k2_err *err) {
    return layout_parse((struct k2_sv){(const char *)t->text, t->n}, t->name, out, err);
}

struct layout_set *layout_set_new(const struct layout_text *texts) {
    struct layout_set *set = k2_zalloc(sizeof *set);
    set->texts = texts;
    while (texts[set->n].name)
        set->n++;
    set->made = k2_zalloc((size_t)set->n * sizeof *set->made + 1);
    set->broken = k2_zalloc((size_t)set->n * sizeof *set->broken + 1);
    return set;
}

void layout_set_free(struct layout_set *set) {
    for (int i = 0; i < set->n; i++)
        layout_free(set->made[i]);
    free(set->made);
    free(set->broken);
    free(set);
}

/* NULL where the text is broken, which is told once: one bad table must not cost the others. */
static const struct layout *parsed(struct layout_set *set, int i) {
    struct k2_err err = {0};
    if (!set->made[i] && !set->broken[i] &&
        layout_from_text(&set->texts[i], &set->made[i], &err) != K2_OK) {
        set->broken[i] = true;
        k2_log(K2_LOG_ERROR, "layout_broken", "layout", set->texts[i].name, "error", err.msg, NULL);
    }
    return set->made[i];
}

int layout_set_count(struct layout_set *set) {
    int n = 0;
    for (int i = 0; i < set->n; i++)
        n += parsed(set, i) != NULL;
    return n;
}

const struct layout *layout_set_at(struct layout_set *set, int index) {
    int n = 0;
    for (int i = 0; i < set->n; i++)
        if (parsed(set, i) && n++ == index)
            return set->made[i];
    return NULL;
}

const struct layout *layout_set_named(struct layout_set *set, struct k2_sv name) {
    for (int i = 0; i < set->n; i++)
        if (k2_sv_eq(name, k2_sv_of(set->texts[i].name)))
            return parsed(set, i);
    return NULL;
}

/* --- those of the program --- */

static struct layout_set *ours(void) {
    if (!builtin)
        builtin = layout_set_new(layout_texts);
    return builtin;
}

int layout_text_count(void) {
    int n = 0;
    while (layout_texts[n].name)
        n++;
    return n;
}

int layout_count(void) {
    pthread_mutex_lock(&lock);
    int n = layout_set_count(ours());
    pthread_mutex_unlock(&lock);
    return n;
}

const struct layout *layout_at(int index) {
    pthread_mutex_lock(&lock);
    const struct layout *l = layout_set_at(ours(), index);
    pthread_mutex_unlock(&lock);
    return l;
}

const struct layout *layout_named(struct k2_sv name) {
    pthread_mutex_lock(&lock);
    const struct layout *l = layout_set_named(ours(), name);
    pthread_mutex_unlock(&lock);
    return l;
}

/* --- versions --- */

static bool is_digit(struct k2_sv s, size_t i) {
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

/* The number at *at, without its leading zeros; *at goes behind it. */
static struct k2_sv number_at(struct k2_sv s, size_t *at) {
    while (*at < s.n && s.p[*at] == '0')
        ++*at;
    size_t first = *at;
    while (is_digit(s, *at))
        ++*at;
    return (struct k2_sv){s.p + first, *at - first};
}

bool layout_newer(struct k2_sv a, struct k2_sv b) {
    size_t i = 0, k = 0;
    while (i < a.n && k < b.n) {
        if (is_digit(a, i) && is_digit(b, k)) {
            struct k2_sv x = number_at(a, &i), y = number_at(b, &k);
            int order = x.n != y.n ? (x.n > y.n) - (x.n < y.n) : k2_sv_cmp(x, y);
            if (order)
                return order > 0;
        } else if (a.p[i++] != b.p[k++]) {
            return (unsigned char)a.p[i - 1] > (unsigned char)b.p[k - 1];
        }
    }
    return i < a.n;
}

/* --- files --- */

static int load(const char *path, struct loaded **out, struct k2_err *err) {
    struct k2_buf text = {0};
    struct layout *l = NULL;
    int rc = feed_file_head(path, (size_t)1 << 21, &text, err);
    if (rc == K2_OK)
        rc = layout_parse(k2_buf_view(&text), path, &l, err);
    k2_buf_free(&text);
    if (rc != K2_OK)
        return rc;
    *out = k2_zalloc(sizeof **out);
    **out = (struct loaded){k2_strdup(path), l, files};
    l->ops.name = (*out)->path; /* by which it is found again */
    files = *out;
    return K2_OK;
}

int layout_load(const char *path, const struct layout **out, struct k2_err *err) {
    int rc = K2_OK;
    pthread_mutex_lock(&lock);
    struct loaded *f = files;
    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    if (!f)
        rc = load(path, &f, err);
    if (rc == K2_OK)
        *out = f->layout;
    pthread_mutex_unlock(&lock);
    return rc;
}
