/* verb/compact.c - `k2 table compact`: few large data files in place of many small ones. */
#include "verb/listing.h"
#include "verb/signals.h"
#include "verb/table.h"
#include "verb/words.h"

#include <stdatomic.h>
#include <unistd.h>

struct compacting {
    struct listing *listing;
    atomic_bool stopped;
};

static K2_RC confirm(const struct verb_context *c, struct k2_err *err) {
    if (verb_flag(c, "yes") || verb_flag(c, "dry-run"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE,
                       "it writes data files anew: say --yes, or --dry-run to see which");
    fprintf(stderr, "Merge small data files into large ones? [y/N] ");
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was changed");
}

/* So that a wrong name is told before anything is asked. */
static K2_RC check_table(const struct verb_context *c, const char *name, struct k2_err *err) {
    struct lake *l;
    struct lake_table *t;
    K2_TRY(table_lake_open(c, &l, err));
    int rc = name ? lake_table_load(l, k2_sv_of(name), &t, err) : K2_OK;
    if (name && rc == K2_OK)
        lake_table_free(t);
    else if (rc == K2_E_NOTFOUND)
        rc = table_unknown(l, name, err);
    lake_close(l);
    return rc;
}

static K2_RC read_options(const struct verb_context *c, struct compact_options *o,
                          struct k2_err *err) {
    const char *date = verb_value(c, "date"), *size = verb_value(c, "target-size");
    if (date && verb_flag(c, "all"))
        return k2_fail(err, K2_E_USAGE, "--date names one partition and --all means every one");
    if (date && k2_date_parse(k2_sv_of(date), &o->trade_date, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--date %s is not a date as 2026-03-02", date);
    o->target_bytes = k2_config_int(c->config, K2_CONFIG_maintain_compact_target);
    if (size)
        K2_TRY(words_bytes("target-size", size, &o->target_bytes, err));
    if (o->target_bytes < 1 << 20)
        return k2_fail(err, K2_E_USAGE, "--target-size must be 1MB or more");
    o->table = c->arg_count > 0 ? table_bare_name(c->args[0]) : NULL;
    o->has_date = date != NULL;
    o->eager = date || verb_flag(c, "all");
    o->dry_run = verb_flag(c, "dry-run");
    o->now_ns = c->now_ns;
    return K2_OK;
}

static void put_done(void *ctx, const struct compact_done *d) {
    struct compacting *k = ctx;
    char date[K2_DATE_TEXT];
    k2_date_format(d->trade_date, date);
    listing_cstring(k->listing, d->table);
    listing_cstring(k->listing, date);
    listing_count(k->listing, d->rows);
    listing_count(k->listing, d->files_before);
    listing_count(k->listing, d->files_after);
    listing_bytes(k->listing, d->bytes_before);
    if (d->bytes_after < 0)
        listing_null(k->listing);
    else
        listing_bytes(k->listing, d->bytes_after);
}

static bool is_stopped(void *ctx) {
    struct compacting *k = ctx;
    return atomic_load(&k->stopped);
}

static void stop(void *ctx) {
    struct compacting *k = ctx;
    atomic_store(&k->stopped, true);
}

static K2_RC compact(struct verb_context *c, struct compacting *k, struct compact_options *o,
                     struct compact_report *r, struct k2_err *err) {
    o->stop = is_stopped;
    o->each = put_done;
    o->ctx = k;
    signals_hold(); /* before any thread starts */
    struct signals_watch *watch = signals_watch(stop, k);
    int rc = compact_run(c->data, NULL, o, r, err);
    signals_unwatch(watch);
    return rc;
}

static void tell(const struct verb_context *c, const struct compact_report *r) {
    if (r->merges == 0)
        verb_note(c, "there is nothing to merge");
    else if (verb_flag(c, "dry-run"))
        verb_note(c, "nothing was changed: say --yes to do it");
    else
        verb_note(c, "%d files became %d; the old ones stay until their snapshots expire",
                  r->files_before, r->files_after);
}

static int run(struct verb_context *c, struct k2_err *err) {
    static const struct listing_column columns[] = {{"table", NULL},
                                                    {"trade_date", NULL},
                                                    {"rows", NULL},
                                                    {"files_before", "files"},
                                                    {"files_after", "into"},
                                                    {"bytes_before", "bytes"},
                                                    {"bytes_after", "bytes now"}};
    struct compact_options o = {0};
    struct compact_report r;
    struct compacting k = {0};
    K2_TRY(read_options(c, &o, err));
    K2_TRY(check_table(c, o.table, err));
    K2_TRY(confirm(c, err));
    K2_TRY(listing_open(c, columns, 7, &k.listing, err));
    int rc = compact(c, &k, &o, &r, err);
    if (rc != K2_OK && r.merges == 0) {
        listing_drop(k.listing);
        return rc;
    }
    int closed = listing_close(k.listing, rc == K2_OK ? err : NULL);
    tell(c, &r);
    return rc == K2_OK ? closed : rc;
}

static const struct verb_option options[] = {
    {"date", "DATE", NULL, "only the partition of this trade_date, as far as it can be", NULL, 0},
    {"all", NULL, NULL, "every partition as far as it can be, not only where it pays", NULL, 0},
    {"target-size", "SIZE", NULL, "size of a large file instead of maintain.compact_target", NULL,
     0},
    {"dry-run", NULL, NULL, "say what would be merged, change nothing", NULL, 0},
    {"yes", NULL, NULL, "do not ask", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {"k2 table compact --dry-run",
                                       "k2 table compact trades --all --yes", NULL};

const struct verb verb_table_compact = {
    .name = "compact",
    .summary = "merge small data files of a partition into large ones",
    .usage = "[TABLE]",
    .about = "Rows stay the same, and so do the journal offsets: count and checksum over every\n"
             "column of the new files are compared with the old ones before the commit. The old\n"
             "files stay on disk for the snapshots that have them.\n"
             "Without --date or --all what k2 up does each round: eight files of a size become\n"
             "one, and what nothing was added to for an hour is merged as far as it can be.",
    .options = options,
    .examples = examples,
    .data_exit = "the merged files would not hold the rows of the old ones, or one is damaged",
    .max_args = 1,
    .run = run,
};
