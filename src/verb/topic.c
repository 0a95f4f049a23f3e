/* verb/topic.c - `k2 topic list` and `describe`; tail is in tail.c. */
#include "verb/listing.h"
#include "verb/records.h"
#include "verb/verbs.h"

#include <stdlib.h>

extern const struct verb verb_topic_tail;  /* tail.c */
extern const struct verb verb_topic_apply; /* topic_apply.c */
extern const struct verb verb_topic_copy;  /* topic_copy.c */
extern const struct verb verb_topic_grow;  /* topic_grow.c */

/* Oldest kept offset and durable end of each partition; gives both arrays. */
static int bounds(struct journal *j, const struct journal_topic *t, int64_t **starts,
                  int64_t **ends, struct k2_err *err) {
    *starts = k2_zalloc((size_t)t->partitions * sizeof **starts);
    *ends = k2_zalloc((size_t)t->partitions * sizeof **ends);
    int rc = journal_starts(j, t->id, *starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, t->id, *ends, err);
    if (rc != K2_OK) {
        free(*starts);
        free(*ends);
    }
    return rc;
}

static int put_topic(struct listing *l, struct journal *j, const struct journal_topic *t,
                     struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    int64_t *starts, *ends, records = 0;
    K2_TRY(bounds(j, t, &starts, &ends, err));
    for (int32_t p = 0; p < t->partitions; p++)
        records += ends[p] - starts[p];
    free(starts);
    free(ends);
    listing_cstring(l, t->name);
    listing_cstring(l, kind ? kind->table : NULL);
    listing_number(l, t->partitions);
    listing_count(l, records);
    return K2_OK;
}

static int put_topics(struct listing *l, struct journal *j, struct k2_err *err) {
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        K2_TRY(put_topic(l, j, &t, err));
    }
    return K2_OK;
}

static void put_append_time(struct listing *l, int64_t ns) {
    if (ns > 0)
        listing_time(l, ns);
    else
        listing_null(l);
}

static void put_bytes(struct listing *l, int64_t bytes) {
    if (bytes >= 0)
        listing_bytes(l, bytes);
    else
        listing_null(l);
}

static void put_partition(struct listing *l, int32_t p, int64_t start, int64_t end,
                          const struct journal_size *size) {
    listing_number(l, p);
    listing_number(l, start);
    listing_number(l, end);
    listing_count(l, end - start);
    put_bytes(l, size->bytes);
    listing_count(l, size->segments);
    put_append_time(l, size->first_append_ns);
    put_append_time(l, size->last_append_ns);
}

static int put_partitions(struct listing *l, struct journal *j, const struct journal_topic *t,
                          struct k2_err *err) {
    int64_t *starts, *ends;
    struct journal_size *sizes;
    K2_TRY(bounds(j, t, &starts, &ends, err));
    sizes = k2_zalloc((size_t)t->partitions * sizeof *sizes);
    int rc = journal_sizes(j, t->id, sizes, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++)
        put_partition(l, t->first + p, starts[p], ends[p], &sizes[p]);
    free(starts);
    free(ends);
    free(sizes);
    return rc;
}

/* The newest schema of the topic's records. */
struct newest {
    char subject[256];
    int version;
    uint32_t id;
};

static void find_newest(void *ctx, struct k2_sv subject, int version, uint32_t id) {
    struct newest *n = ctx;
    if (k2_sv_eq(subject, k2_sv_of(n->subject))) {
        n->version = version;
        n->id = id;
    }
}

/* What of the topic is as the profile says and what is not, in a line. */
struct fits {
    int good, bad;
    struct k2_buf bad_names;
};

static void take_fit(void *ctx, const struct journal_property *p) {
    struct fits *f = ctx;
    if (p->fit == JOURNAL_FITS) {
        f->good++;
        return;
    }
    k2_buf_printf(&f->bad_names, "%s%s is %s and not %s", f->bad++ ? ", " : "", p->name, p->is,
                  p->should);
}

static K2_RC print_profile(struct journal *j, const struct journal_topic *t, struct k2_err *err) {
    const struct journal_profile *p = journal_profile(j);
    struct fits f = {0};
    int rc = journal_profile_compare(j, p, t->name, false, take_fit, &f, err);
    if (rc == K2_OK && f.bad == 0)
        printf("profile: %s, and the topic is so (%d %s)\n", p->name, f.good,
               human_word(f.good, "property", "properties"));
    else if (rc == K2_OK)
        printf("profile: %s, but %s: see k2 topic apply\n", p->name, k2_buf_cstr(&f.bad_names));
    k2_buf_free(&f.bad_names);
    return rc;
}

/* docs/CORRECTNESS_TRADEOFFS.md */
static const char *delivery_of(const struct k2_kind *kind) {
    if (!kind)
        return "at least once; for k2 itself, which knows what it has read";
    switch (kind->id) {
    case K2_KIND_VOLUME:
    case K2_KIND_PNL:
        return "exactly once: rows and places in the input in one commit";
    case K2_KIND_EXECUTION:
        return "acknowledged when journal and table hold it; what comes again is known by its id";
    default:
        return "at least once, duplicates dropped: what comes again is known by its identity";
    }
}

/* The log is one for all topics. */
static K2_RC print_places(struct journal *j, struct k2_err *err) {
    struct journal_places p;
    char local[HUMAN_TEXT], tiered[HUMAN_TEXT], cached[HUMAN_TEXT];
    K2_TRY(journal_places(j, &p, err));
    if (p.tiered_segments > 0)
        printf("places: of the whole log %s in %lld segments are here, %s in %lld segments in %s, "
               "%s of these cached here\n",
               human_bytes(p.local_bytes, local), (long long)p.local_segments,
               human_bytes(p.tiered_bytes, tiered), (long long)p.tiered_segments, p.url,
               human_bytes(p.cached_bytes, cached));
    return K2_OK;
}

/* Where it goes on, or goes on from. */
static K2_RC print_versions(struct journal *j, const struct journal_topic *t, struct k2_err *err) {
    struct journal_topic newest;
    K2_TRY(journal_topic_newest(j, t->of, false, &newest, err));
    if (t->version > 1)
        printf("versions: this is version %d of %.*s; partitions are %d to %d in rows\n",
               t->version, K2_SV_ARG(t->of), t->first, t->first + t->partitions - 1);
    if (newest.version > t->version)
        printf("versions: it goes on as %s with %d partitions; nothing is appended here any more\n",
               newest.name, newest.partitions);
    return K2_OK;
}

/* What holds for the whole topic: sentences, for people only. */
static K2_RC print_topic(struct verb_context *c, struct journal *j, const struct journal_topic *t,
                         struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    struct newest n = {.version = 0};
    char bytes[HUMAN_TEXT], span[HUMAN_TEXT];
    snprintf(n.subject, sizeof n.subject, "%.*s-value", K2_SV_ARG(t->of));
    k2_registry_each(journal_registry(j), find_newest, &n);
    printf("%s: %d partitions, for the topic's life; journal %d\n", t->name, t->partitions,
           journal_id(j));
    K2_TRY(print_versions(j, t, err));
    if (kind)
        printf("records: each is %s; k2 sink brings them to the table %s\n", kind->meaning,
               kind->table);
    printf("delivery: %s\n", delivery_of(kind));
    if (n.version > 0)
        printf("schema: subject %s, version %d, id %u\n", n.subject, n.version, n.id);
    K2_TRY(print_profile(j, t, err));
    printf("retention: journal.retention %s, journal.segment_bytes %s (k2 config show)\n",
           human_span(k2_config_int(c->config, K2_CONFIG_journal_retention), span),
           human_bytes(k2_config_int(c->config, K2_CONFIG_journal_segment_bytes), bytes));
    K2_TRY(print_places(j, err));
    printf("\n");
    return K2_OK;
}

static int list_topics(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"topic", NULL}, {"table", NULL}, {"partitions", NULL}, {"records", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 4, &l, err));
    int rc = put_topics(l, j, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static int list_partitions(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {{"partition", NULL},
                                                    {"start", NULL},
                                                    {"end", NULL},
                                                    {"records", NULL},
                                                    {"bytes", NULL},
                                                    {"segments", NULL},
                                                    {"first", "first appended (UTC)"},
                                                    {"last", "last appended (UTC)"}};
    struct listing *l;
    struct journal_topic t;
    int rc = K2_OK;
    K2_TRY(records_topic(j, c->args[0], &t, err));
    K2_TRY(listing_open(c, columns, 8, &l, err));
    if (strcmp(verb_value(c, "format"), "table") == 0 && !verb_value(c, "out"))
        rc = print_topic(c, j, &t, err);
    if (rc == K2_OK)
        rc = put_partitions(l, j, &t, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = list_topics(c, j, err);
    journal_close(j);
    return rc;
}

static int run_describe(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = list_partitions(c, j, err);
    journal_close(j);
    return rc;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const list_examples[] = {"k2 topic list", NULL};
static const char *const describe_examples[] = {"k2 topic describe market.ticks.sim", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the topics of the journal",
    .usage = "",
    .options = options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb describe = {
    .name = "describe",
    .summary = "the partitions of a topic: offsets, bytes, segments, times",
    .usage = "TOPIC",
    .about = "Offsets from start (oldest kept) up to end (exclusive) can be read. Bytes are those "
             "of the\n"
             "log, headers of batches included; segments are shared by all topics.",
    .options = options,
    .examples = describe_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_describe,
};

static const struct verb *const subs[] = {
    &list, &describe, &verb_topic_tail, &verb_topic_apply, &verb_topic_copy, &verb_topic_grow,
    NULL};

const struct verb verb_topic = {
    .name = "topic",
    .summary = "what the journal holds",
    .usage = "list|describe|tail|apply|copy|grow",
    .options = options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
