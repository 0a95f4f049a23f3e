/* journal/ingest_outage.c - entries of the ledger that no number tells: see ingest.h and feed.h (outages). */
#include "journal/ingest_int.h"

#include "base/clock.h"

static int32_t date_of(struct k2_sv exchange, int64_t ns) {
    const struct feed_calendar *c;
    if (feed_calendar_find(exchange, NULL, &c, NULL) != K2_OK)
        return (int32_t)(ns / K2_NS_PER_DAY);
    return feed_session_date(c, ns);
}

static struct seq_step step_of(const struct ingest_outage *o) {
    struct k2_sv exchange = o->exchange.n ? o->exchange : K2_SV("UNKNOWN");
    return (struct seq_step){.cause = o->cause,
                             .exchange = exchange,
                             .channel = o->feed,
                             .trade_date =
                                 o->cause == SEQ_SESSION ? o->date : date_of(exchange, o->at_ns),
                             .from = o->at_ns,
                             .to = o->at_ns,
                             .opened_ns = k2_now_ns(),
                             .source = o->source,
                             .why = o->why};
}

int ingest_outage(struct ingest *g, const struct ingest_outage *o, struct k2_err *err) {
    const struct seq_step which = step_of(o);
    struct k2_err why = {0};
    K2_TRY(ingest_health(g, err));
    if (!seq_engine_outage(g->engine, &which))
        return K2_OK;
    return ingest_spent(g, ingest_store_steps(g, "engine", NULL, &why), &why, err);
}

int ingest_outage_over(struct ingest *g, const struct ingest_outage *o, struct k2_err *err) {
    const struct seq_step which = step_of(o);
    struct k2_err why = {0};
    K2_TRY(ingest_health(g, err));
    if (!seq_engine_outage_over(g->engine, &which))
        return K2_OK;
    return ingest_spent(g, ingest_store_steps(g, "engine", NULL, &why), &why, err);
}

bool ingest_is_out(const struct ingest *g, const struct ingest_outage *o) {
    const struct seq_step which = step_of(o);
    return seq_engine_is_out(g->engine, &which);
}

int ingest_disconnect(struct ingest *g, struct k2_sv exchange, struct k2_sv feed, struct k2_sv url,
                      struct k2_sv why, int64_t at_ns, struct k2_err *err) {
    const struct ingest_outage o = {.cause = SEQ_DISCONNECT,
                                    .exchange = exchange,
                                    .feed = feed,
                                    .at_ns = at_ns,
                                    .source = url,
                                    .why = why};
    return ingest_outage(g, &o, err);
}

int ingest_connect(struct ingest *g, struct k2_sv exchange, struct k2_sv feed, int64_t at_ns,
                   struct k2_err *err) {
    const struct ingest_outage o = {
        .cause = SEQ_DISCONNECT, .exchange = exchange, .feed = feed, .at_ns = at_ns};
    return ingest_outage_over(g, &o, err);
}
