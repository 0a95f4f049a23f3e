/* role/watch.c - see watch.h. */
#include "role/watch.h"

#include <stdio.h>
#include <stdlib.h>

#define SILENCE_OF_A_CONNECTION (60 * K2_NS_PER_SEC)
#define SESSIONS_EVERY (60 * K2_NS_PER_SEC)
#define GRACE (K2_NS_PER_DAY / 2) /* after a session's end: its file may come by night */
#define WAIT_MOST (K2_NS_PER_SEC)
enum { DAYS = 8 }; /* that are looked back */

struct watch {
    const struct intake_plan *plan;
    char exchange[32]; /* "" = not known before the first event */
    int64_t silence_ns;
    int64_t heard_ns;    /* the last record, or when the watch began */
    int64_t sessions_ns; /* when sessions were looked at last */
    bool may_be_out;     /* a SILENCE may be open, also from an earlier run */
};

static int64_t silence_of(const struct intake_plan *p) {
    int64_t ns;
    if (k2_span_parse(k2_sv_of(p->silence), &ns, NULL) == K2_OK && ns >= 0)
        return ns;
    return strstr(p->source, "://") ? SILENCE_OF_A_CONNECTION : 0;
}

struct watch *watch_new(const struct intake_plan *plan, int64_t now_ns) {
    struct watch *w = k2_zalloc(sizeof *w);
    w->plan = plan;
    w->silence_ns = intake_plan_is_sim(plan) ? 0 : silence_of(plan);
    w->heard_ns = now_ns;
    w->may_be_out = true;
    snprintf(w->exchange, sizeof w->exchange, "%s", plan->exchange);
    return w;
}

void watch_free(struct watch *w) {
    free(w);
}

const struct intake_plan *watch_plan(const struct watch *w) {
    return w->plan;
}

/* NULL: around the clock, as far as is known. */
static const struct feed_calendar *calendar_of(const struct watch *w) {
    const struct feed_calendar *c;
    const char *name = w->plan->calendar[0] ? w->plan->calendar : NULL;
    return feed_calendar_find(k2_sv_of(w->exchange), name, &c, NULL) == K2_OK ? c : NULL;
}

/* --- silence --- */

/* Since when the exchange has been in session without a break; false when it is not. */
static bool in_session(const struct watch *w, int64_t now_ns, int64_t *since_ns) {
    const struct feed_calendar *c = calendar_of(w);
    struct feed_hours h;
    *since_ns = INT64_MIN;
    if (!c || (!feed_calendar_zone(c)))
        return true;
    if (!feed_calendar_hours(c, feed_session_date(c, now_ns), &h) || now_ns < h.open_ns ||
        now_ns >= h.close_ns || (now_ns >= h.break_start_ns && now_ns < h.break_end_ns))
        return false;
    *since_ns =
        now_ns >= h.break_end_ns && h.break_end_ns > h.break_start_ns ? h.break_end_ns : h.open_ns;
    return true;
}

static K2_RC end_silence(const struct watch *w, struct ingest *g, int64_t now_ns,
                         struct k2_err *err) {
    const struct ingest_outage o = {.cause = SEQ_SILENCE,
                                    .exchange = k2_sv_of(w->exchange),
                                    .feed = k2_sv_of(w->plan->name),
                                    .at_ns = now_ns};
    return ingest_outage_over(g, &o, err);
}

/* What began before the exchange was known is of none. */
static K2_RC hear(struct watch *w, struct ingest *g, int64_t now_ns, struct k2_err *err) {
    w->heard_ns = now_ns;
    if (w->may_be_out)
        K2_TRY(end_silence(w, g, now_ns, err));
    if (!w->plan->exchange[0])
        snprintf(w->exchange, sizeof w->exchange, "%.*s", K2_SV_ARG(ingest_exchange(g)));
    if (w->may_be_out)
        K2_TRY(end_silence(w, g, now_ns, err));
    w->may_be_out = false;
    return K2_OK;
}

static K2_RC look_for_silence(struct watch *w, struct ingest *g, int64_t now_ns,
                              struct k2_err *err) {
    int64_t since;
    if (w->silence_ns == 0 || !in_session(w, now_ns, &since))
        return K2_OK;
    int64_t from = since > w->heard_ns ? since : w->heard_ns;
    if (now_ns - from < w->silence_ns)
        return K2_OK;
    const struct ingest_outage o = {.cause = SEQ_SILENCE,
                                    .exchange = k2_sv_of(w->exchange),
                                    .feed = k2_sv_of(w->plan->name),
                                    .at_ns = from,
                                    .source = k2_sv_of(w->plan->source),
                                    .why = K2_SV("nothing came while the exchange is in session")};
    w->may_be_out = true;
    return ingest_outage(g, &o, err);
}

/* --- sessions --- */

struct seen {
    const char *exchange;
    int32_t first; /* of the days */
    bool day[DAYS];
};

static void see(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                enum k2_kind_id kind, int32_t epoch, int64_t high) {
    struct seen *s = ctx;
    (void)channel;
    (void)kind;
    (void)epoch;
    (void)high;
    if (trade_date >= s->first && trade_date < s->first + DAYS &&
        k2_sv_eq(exchange, k2_sv_of(s->exchange)))
        s->day[trade_date - s->first] = true;
}

static bool ended_long_ago(const struct feed_calendar *c, int32_t date, int64_t now_ns) {
    struct feed_hours h;
    return feed_calendar_hours(c, date, &h) && now_ns - h.close_ns > GRACE;
}

static K2_RC look_for_sessions(struct watch *w, struct ingest *g, int64_t now_ns,
                               struct k2_err *err) {
    const struct feed_calendar *c = calendar_of(w);
    struct ingest_outage o = {.cause = SEQ_SESSION,
                              .exchange = k2_sv_of(w->exchange),
                              .feed = k2_sv_of(w->plan->name),
                              .source = k2_sv_of(w->plan->source),
                              .why = K2_SV("the session has ended, and nothing of it came")};
    if (!c || !w->exchange[0] || !w->plan->sessions || intake_plan_is_sim(w->plan))
        return K2_OK;
    struct seen s = {.exchange = w->exchange, .first = feed_session_date(c, now_ns) - DAYS + 1};
    seq_engine_channels(ingest_sequence(g), see, &s);
    bool began = false;
    for (int i = 0; i < DAYS; i++) {
        struct feed_hours h = {0};
        o.date = s.first + i;
        o.at_ns = feed_calendar_hours(c, o.date, &h) && !s.day[i] ? h.open_ns : now_ns;
        if (s.day[i])
            K2_TRY(ingest_outage_over(g, &o, err));
        else if (began && ended_long_ago(c, o.date, now_ns))
            K2_TRY(ingest_outage(g, &o, err));
        began |= s.day[i];
    }
    return K2_OK;
}

/* --- the calls --- */

int watch_step(struct watch *w, struct ingest *g, bool came, int64_t now_ns, struct k2_err *err) {
    bool set_back = now_ns < w->heard_ns || now_ns < w->sessions_ns; /* the clock */
    if (set_back)
        w->heard_ns = w->sessions_ns = now_ns;
    K2_TRY(came ? hear(w, g, now_ns, err) : look_for_silence(w, g, now_ns, err));
    if (now_ns - w->sessions_ns < SESSIONS_EVERY)
        return K2_OK;
    w->sessions_ns = now_ns;
    return look_for_sessions(w, g, now_ns, err);
}

int64_t watch_rest(const struct watch *w, int64_t now_ns) {
    int64_t due = w->sessions_ns + SESSIONS_EVERY;
    if (w->silence_ns > 0 && w->heard_ns + w->silence_ns < due)
        due = w->heard_ns + w->silence_ns;
    if (due > now_ns)
        return due - now_ns;
    return w->silence_ns > 0 ? WAIT_MOST : SESSIONS_EVERY;
}
