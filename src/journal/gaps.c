/* journal/gaps.c - the gaps that are open now, for who only reads the journal.
 *
 * The sequence engine's state is restored as an ingest restores it: the last checkpoint, then the log
 * behind it, judged again. Nothing is kept of it and nothing is written.
 */
#include "journal/checkpoint.h"
#include "journal/journal.h"

int journal_sequence(struct journal *j, struct seq_engine **out, struct k2_err *err) {
    struct seq_engine *engine = seq_engine_new((struct seq_history){0});
    int rc = checkpoint_restore(j, engine, err);
    if (rc == K2_OK)
        *out = engine;
    else
        seq_engine_free(engine);
    return k2_err_context(err, rc, "looking for open gaps");
}

int journal_gaps(struct journal *j,
                 void (*gap)(void *ctx, struct k2_sv exchange, int32_t trade_date,
                             struct k2_sv channel, enum k2_kind_id kind, int32_t epoch,
                             int64_t from, int64_t to),
                 void *ctx, struct k2_err *err) {
    struct seq_engine *engine = NULL;
    K2_TRY(journal_sequence(j, &engine, err));
    seq_engine_gaps(engine, gap, ctx);
    seq_engine_free(engine);
    return K2_OK;
}
