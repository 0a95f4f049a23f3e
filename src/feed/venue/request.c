/* feed/venue/request.c - what the request of an answer says that the answer does not: its address, or options; see
 * venue.h. */
#include "feed/venue/venue.h"

#include <stdio.h>

struct k2_sv vj_path_part(struct k2_sv url, int n) {
    struct k2_sv path = k2_sv_split(&url, '?');
    for (;; n--) {
        size_t at = path.n;
        while (at && path.p[at - 1] != '/')
            at--;
        if (n == 0 || at == 0)
            return n ? (struct k2_sv){NULL, 0} : (struct k2_sv){path.p + at, path.n - at};
        path.n = at - 1;
    }
}

void vj_symbol_asked(struct vj *v, struct k2_sv in_url) {
    if (in_url.n)
        vj_symbol(v, in_url);
    else if (v->symbol)
        vj_symbol(v, k2_sv_of(v->symbol));
    else
        (void)vj_fault(v, "INVALID", "the answer does not name its symbol: give it by --symbol",
                       v->item.raw);
}

int64_t vj_step_between(const struct vj *v, uint32_t list, const char *member, int64_t unit) {
    uint32_t a = vj_element(v, list, 0), b = vj_element(v, list, 1);
    int64_t from, to;
    if (!a || !b)
        return 0;
    a = member ? vj_member(v, a, member) : vj_type(v, a) == JSON_ARRAY ? vj_element(v, a, 0) : a;
    b = member ? vj_member(v, b, member) : vj_type(v, b) == JSON_ARRAY ? vj_element(v, b, 0) : b;
    if (!a || !b || !json_time(vj_text(v, a), unit, &from) || !json_time(vj_text(v, b), unit, &to))
        return 0;
    return to > from ? to - from : from - to;
}

void vj_interval_asked(struct vj *v, struct k2_sv said, int64_t seconds, int64_t step) {
    if (said.n && feed_text_ok(said, VJ_WORD_MAX)) {
        v->item.suffix_more = said;
        vj_interval(v, said, seconds);
    } else {
        v->item.interval_ns = step;
    }
}

void vj_bar_asked(struct vj *v, const char *name, struct k2_sv said, int64_t seconds,
                  int64_t step) {
    struct vj_item *m = &v->item;
    struct k2_sv asked = m->record->answer ? vj_path_part(m->record->url, 0) : k2_sv_of(name);
    if (!asked.n || asked.n > VJ_WORD_MAX / 2 || !feed_text_ok(asked, VJ_WORD_MAX))
        asked = k2_sv_of(name);
    vj_interval_asked(v, said, seconds, step);
    bool length = m->suffix_more.n > 0 && m->suffix_more.n < VJ_WORD_MAX / 4;
    snprintf(m->own_symbol, sizeof m->own_symbol, "%.*s%s%.*s", K2_SV_ARG(asked), length ? "_" : "",
             length ? (int)m->suffix_more.n : 0, length ? m->suffix_more.p : "");
    m->suffix = "@rest-";
    m->suffix_more = k2_sv_of(m->own_symbol);
}
