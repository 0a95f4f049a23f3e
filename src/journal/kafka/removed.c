/* journal/kafka/removed.c - notes of what was removed; see removed.h.
 *
 * NOTE. key    removed/TOPIC/PARTITION/FROM/PAGE
 *       value  JSON: to (exclusive), pages, first_ns and last_ns (of appending),
 *              digests: [kind, exchange, symbol, session date, count, least sequence, greatest, sum in hex] each,
 *              times: milliseconds and offset by turns, each less the one before: from which offset on records were
 *              appended when, so that an instant can be asked whose records are gone
 * Pages share FROM, to and the times of appending; together they hold all digests and times.
 */
#include "journal/kafka/removed.h"

#include "base/hash.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>

/* A page stays far below the megabyte that brokers take by default. */
enum { PAGE_DIGESTS = 2500, PAGE_TIMES = 10000 };

void kafka_part_free(struct kafka_part *p) {
    free(p->topic);
    free(p->digests);
    free(p->times);
    *p = (struct kafka_part){0};
}

struct journal_segment_info kafka_part_info(const struct kafka_part *p, int64_t number) {
    return (struct journal_segment_info){.number = number,
                                         .first_append_ns = p->first_ns,
                                         .last_append_ns = p->last_ns,
                                         .sealed = true,
                                         .spans = &p->span,
                                         .span_count = 1,
                                         .digests = p->digests,
                                         .digest_count = p->digest_count};
}

void kafka_parts_free(struct kafka_parts *all) {
    for (int i = 0; i < all->n; i++)
        kafka_part_free(&all->at[i]);
    free(all->at);
    *all = (struct kafka_parts){0};
}

void kafka_parts_add(struct kafka_parts *all, struct kafka_part *p) {
    all->at = k2_realloc(all->at, (size_t)(all->n + 1) * sizeof *all->at);
    all->at[all->n++] = *p;
    *p = (struct kafka_part){0};
}

static int compare(const void *pa, const void *pb) {
    const struct kafka_part *a = pa, *b = pb;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    int c = strcmp(a->topic, b->topic);
    if (c == 0)
        c = a->span.partition - b->span.partition;
    return c ? c : (a->span.from > b->span.from) - (a->span.from < b->span.from);
}

void kafka_parts_sort(struct kafka_parts *all) {
    if (all->n > 0)
        qsort(all->at, (size_t)all->n, sizeof *all->at, compare);
}

/* --- writing --- */

static int pages_for(int n, int page) {
    return (n + page - 1) / page;
}

int kafka_part_pages(const struct kafka_part *p) {
    int digests = pages_for(p->digest_count, PAGE_DIGESTS),
        times = pages_for(p->time_count, PAGE_TIMES), n = digests > times ? digests : times;
    return n > 0 ? n : 1;
}

static struct k2_json *json_of(const struct journal_digest *d) {
    char sum[33];
    struct k2_json *a = k2_json_array();
    k2_h128_hex(d->sum, sum);
    k2_json_append(a, k2_json_cstring(k2_kind(d->kind)->name));
    k2_json_append(a, k2_json_cstring(d->exchange));
    k2_json_append(a, k2_json_cstring(d->symbol));
    k2_json_append(a, k2_json_int(d->trade_date));
    k2_json_append(a, k2_json_int(d->count));
    k2_json_append(a, k2_json_int(d->min_sequence));
    k2_json_append(a, k2_json_int(d->max_sequence));
    k2_json_append(a, k2_json_cstring(sum));
    return a;
}

static struct k2_json *digests_of(const struct kafka_part *p, int page) {
    struct k2_json *list = k2_json_array();
    for (int i = page * PAGE_DIGESTS; i < p->digest_count && i < (page + 1) * PAGE_DIGESTS; i++)
        k2_json_append(list, json_of(&p->digests[i]));
    return list;
}

static struct k2_json *times_of(const struct kafka_part *p, int page) {
    struct k2_json *list = k2_json_array();
    struct kafka_time last = {0, 0};
    for (int i = page * PAGE_TIMES; i < p->time_count && i < (page + 1) * PAGE_TIMES; i++) {
        k2_json_append(list, k2_json_int(p->times[i].ms - last.ms));
        k2_json_append(list, k2_json_int(p->times[i].offset - last.offset));
        last = p->times[i];
    }
    return list;
}

void kafka_part_page(const struct kafka_part *p, int index, struct k2_buf *key,
                     struct k2_buf *value) {
    struct k2_json *v = k2_json_object();
    k2_buf_printf(key, KAFKA_REMOVED "%s/%" PRId32 "/%" PRId64 "/%d", p->topic, p->span.partition,
                  p->span.from, index);
    k2_json_set(v, "to", k2_json_int(p->span.to));
    k2_json_set(v, "pages", k2_json_int(kafka_part_pages(p)));
    k2_json_set(v, "first_ns", k2_json_int(p->first_ns));
    k2_json_set(v, "last_ns", k2_json_int(p->last_ns));
    k2_json_set(v, "digests", digests_of(p, index));
    k2_json_set(v, "times", times_of(p, index));
    k2_json_dump(v, value);
    k2_json_free(v);
}

/* --- reading --- */

struct page_key {
    struct k2_sv topic;
    int64_t partition, from, index;
};

static bool parse_key(struct k2_sv key, struct page_key *out) {
    if (!k2_sv_starts(key, K2_SV(KAFKA_REMOVED)))
        return false;
    key = (struct k2_sv){key.p + strlen(KAFKA_REMOVED), key.n - strlen(KAFKA_REMOVED)};
    out->topic = k2_sv_split(&key, '/');
    struct k2_sv partition = k2_sv_split(&key, '/'), from = k2_sv_split(&key, '/');
    return k2_sv_i64(partition, &out->partition) && k2_sv_i64(from, &out->from) &&
           k2_sv_i64(key, &out->index) && out->topic.n > 0 && out->from >= 0 &&
           out->partition >= 0 && out->partition <= INT32_MAX && out->index >= 0;
}

static bool take_text(const struct k2_json *v, char *out, size_t room) {
    struct k2_sv text;
    if (!k2_json_as_string(v, &text) || text.n >= room)
        return false;
    if (text.n > 0)
        memcpy(out, text.p, text.n);
    out[text.n] = 0;
    return true;
}

static bool take_digest(const struct k2_json *v, struct journal_digest *d) {
    struct k2_sv kind = {0}, sum = {0};
    int64_t date = 0;
    bool good = k2_json_as_string(k2_json_at(v, 0), &kind) &&
                take_text(k2_json_at(v, 1), d->exchange, sizeof d->exchange) &&
                take_text(k2_json_at(v, 2), d->symbol, sizeof d->symbol) &&
                k2_json_as_int(k2_json_at(v, 3), &date) &&
                k2_json_as_int(k2_json_at(v, 4), &d->count) &&
                k2_json_as_int(k2_json_at(v, 5), &d->min_sequence) &&
                k2_json_as_int(k2_json_at(v, 6), &d->max_sequence) &&
                k2_json_as_string(k2_json_at(v, 7), &sum) && k2_h128_parse(sum.p, sum.n, &d->sum);
    const struct k2_kind *known = good ? k2_kind_by_name(kind) : NULL;
    if (!known || date < INT32_MIN || date > INT32_MAX)
        return false;
    d->kind = known->id;
    d->trade_date = (int32_t)date;
    return true;
}

static bool take_digests(const struct k2_json *list, struct kafka_part *p) {
    size_t n = k2_json_count(list);
    p->digests = k2_realloc(p->digests, ((size_t)p->digest_count + n + 1) * sizeof *p->digests);
    for (size_t i = 0; i < n; i++, p->digest_count++)
        if (!take_digest(k2_json_at(list, i), &p->digests[p->digest_count]))
            return false;
    return true;
}

static bool take_times(const struct k2_json *list, struct kafka_part *p) {
    size_t n = k2_json_count(list) / 2;
    struct kafka_time last = {0, 0};
    p->times = k2_realloc(p->times, ((size_t)p->time_count + n + 1) * sizeof *p->times);
    for (size_t i = 0; i < n; i++) {
        struct kafka_time step;
        if (!k2_json_as_int(k2_json_at(list, 2 * i), &step.ms) ||
            !k2_json_as_int(k2_json_at(list, 2 * i + 1), &step.offset) ||
            __builtin_add_overflow(last.ms, step.ms, &last.ms) ||
            __builtin_add_overflow(last.offset, step.offset, &last.offset))
            return false;
        p->times[p->time_count++] = last;
    }
    return true;
}

static struct kafka_part *find(struct kafka_parts *all, const struct page_key *key) {
    for (int i = all->n - 1; i >= 0; i--) /* the page before this one is mostly the last */
        if (all->at[i].span.partition == key->partition && all->at[i].span.from == key->from &&
            k2_sv_eq(k2_sv_of(all->at[i].topic), key->topic))
            return &all->at[i];
    return NULL;
}

static void begin(struct kafka_part *p, const struct page_key *key) {
    kafka_part_free(p);
    p->topic = k2_sv_dup(key->topic);
    p->span.partition = (int32_t)key->partition;
    p->span.from = key->from;
}

/* The part that the page is the next of; NULL: of an older note whose first pages are gone. */
static struct kafka_part *part_for(struct kafka_parts *all, const struct page_key *key) {
    struct kafka_part *p = find(all, key), fresh = {0};
    if (key->index > 0)
        return p && p->read == key->index ? p : NULL;
    if (!p) {
        kafka_parts_add(all, &fresh);
        p = &all->at[all->n - 1];
    }
    begin(p, key);
    return p;
}

static bool take_page(const struct k2_json *v, struct kafka_part *p) {
    int64_t to, pages;
    if (!k2_json_as_int(k2_json_get(v, "to"), &to) ||
        !k2_json_as_int(k2_json_get(v, "pages"), &pages) || to <= p->span.from || pages < 1 ||
        pages > INT32_MAX || !k2_json_as_int(k2_json_get(v, "first_ns"), &p->first_ns) ||
        !k2_json_as_int(k2_json_get(v, "last_ns"), &p->last_ns))
        return false;
    if (p->read > 0 && to != p->span.to)
        return true; /* of another note: this one stays without its end */
    p->span.to = to;
    p->pages = (int)pages;
    p->read++;
    return take_digests(k2_json_get(v, "digests"), p) && take_times(k2_json_get(v, "times"), p);
}

int kafka_parts_read(struct kafka_parts *all, struct k2_sv key, struct k2_sv value,
                     struct k2_err *err) {
    struct page_key k;
    struct k2_json *v = NULL;
    if (!parse_key(key, &k))
        return k2_fail(err, K2_E_CORRUPT, "\"%.*s\" is no key of a removed part", K2_SV_ARG(key));
    K2_TRY(k2_json_parse(value, &v, err));
    struct kafka_part *p = part_for(all, &k);
    bool good = !p || take_page(v, p);
    k2_json_free(v);
    return good ? K2_OK
                : k2_fail(err, K2_E_CORRUPT, "the note %.*s breaks its form", K2_SV_ARG(key));
}
