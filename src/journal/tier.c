/* journal/tier.c - what a process was told of tiers, and the calls of tier.h. */
#include "journal/backend.h"

#include "base/store.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char url[K2_STORE_URL_MAX];
static int64_t after_ns, local_bytes, cache_bytes = INT64_C(1) << 30;

int journal_tier_use(const struct journal_tier_settings *s, struct k2_err *err) {
    if (s->url[0])
        K2_TRY(k2_store_check(s->url, err));
    pthread_mutex_lock(&mutex);
    memcpy(url, s->url, strlen(s->url) + 1);
    after_ns = s->after_ns;
    local_bytes = s->local_bytes;
    cache_bytes = s->cache_bytes;
    pthread_mutex_unlock(&mutex);
    return K2_OK;
}

void journal_tier_settings(struct journal_tier_settings *out, char *place) {
    pthread_mutex_lock(&mutex);
    memcpy(place, url, sizeof url);
    *out = (struct journal_tier_settings){place, after_ns, local_bytes, cache_bytes};
    pthread_mutex_unlock(&mutex);
}

int journal_tier(struct journal *j, const struct journal_tier_options *o,
                 struct journal_tier_report *out, struct k2_err *err) {
    *out = (struct journal_tier_report){0};
    return j->ops->tier ? j->ops->tier(j, o, out, err) : K2_OK;
}

int journal_places(struct journal *j, struct journal_places *out, struct k2_err *err) {
    *out = (struct journal_places){0};
    return j->ops->places ? j->ops->places(j, out, err) : K2_OK;
}
