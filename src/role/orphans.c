/* role/orphans.c - see orphans.h. */
#include "role/orphans.h"

#include "feed/feed.h"

#include <stdlib.h>

struct orphans {
    bool (*is_fed)(void *ctx, const char *feed);
    void *ctx;
    struct seq_step *all; /* their exchange and channel are owned */
    size_t n;
};

static void take_orphan(void *ctx, const struct seq_step *gap) {
    struct orphans *o = ctx;
    char *feed = k2_sv_dup(gap->channel);
    bool orphan = gap->cause != SEQ_NUMBERS && gap->state != SEQ_GIVEN_UP && !feed_is_live(feed) &&
                  !o->is_fed(o->ctx, feed);
    if (!orphan) {
        free(feed);
        return;
    }
    o->all = k2_realloc(o->all, (o->n + 1) * sizeof *o->all);
    struct seq_step *s = &o->all[o->n++];
    *s = *gap;
    s->exchange.p = k2_sv_dup(gap->exchange);
    s->channel.p = feed;
    s->state = SEQ_GIVEN_UP;
}

/* Marking changes what is visited: they are gathered first. */
int orphans_give_up(struct ingest *g, bool (*is_fed)(void *ctx, const char *feed), void *ctx,
                    struct k2_err *err) {
    struct orphans o = {.is_fed = is_fed, .ctx = ctx};
    int rc = K2_OK;
    seq_engine_ledger(ingest_sequence(g), take_orphan, &o);
    for (size_t i = 0; i < o.n; i++) {
        bool again;
        if (rc == K2_OK)
            rc = ingest_mark(g, &o.all[i], "engine",
                             "the feed is not in the configuration any more", &again, err);
        free((char *)o.all[i].exchange.p);
        free((char *)o.all[i].channel.p);
    }
    free(o.all);
    return rc;
}
