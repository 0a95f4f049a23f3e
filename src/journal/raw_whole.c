/* journal/raw_whole.c - see raw_whole.h. */
#include "journal/raw_whole.h"

#include "base/hash.h"

#include <stdlib.h>

static uint64_t key_of(struct k2_sv channel, enum k2_kind_id kind, int32_t date) {
    uint64_t parts[3] = {k2_hash64(channel.p, channel.n), (uint64_t)kind, (uint64_t)date};
    return k2_hash64(parts, sizeof parts);
}

static bool find(struct raw_whole *w, uint64_t key) {
    if (w->last < w->n && w->cut[w->last] == key)
        return true;
    for (size_t i = 0; i < w->n; i++) {
        if (w->cut[i] != key)
            continue;
        w->last = i;
        return true;
    }
    return false;
}

void raw_whole_note(struct raw_whole *w, struct k2_sv channel, enum k2_kind_id kind, int32_t date) {
    uint64_t key = key_of(channel, kind, date);
    if (date >= w->from || find(w, key))
        return;
    w->cut = k2_realloc(w->cut, (w->n + 1) * sizeof *w->cut);
    w->cut[w->n++] = key;
}

bool raw_whole_lacks(struct raw_whole *w, const struct k2_event *e, const struct k2_interner *in) {
    if (w->n == 0 || e->head.trade_date >= w->from)
        return false;
    return find(w, key_of(k2_interned(in, e->head.channel), e->kind, e->head.trade_date));
}

void raw_whole_free(struct raw_whole *w) {
    free(w->cut);
    *w = (struct raw_whole){.from = INT32_MIN};
}
