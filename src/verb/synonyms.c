/* verb/synonyms.c - the words of other programs, and what K2 has for them.
 *
 * Who comes from kcat, psql, DuckDB, QuestDB or git types a word of theirs first. The answer to it is the
 * command to type instead, so an entry is a command line, not only the nearest word: nothing is run that
 * was not written. An entry counts only where there is no command or option of that name.
 */
#include "verb/verb.h"

#include <strings.h>
#include <unistd.h>

struct synonym {
    const char *words; /* with a blank before, between and behind them */
    const char *instead;
};

/* --- commands --- */

static const struct synonym commands[] = {
    {" tail consume kcat cat follow subscribe records ", "k2 topic tail TOPIC --follow"},
    {" topics ", "k2 topic list"},
    {" groups consumers offsets ", "k2 group list"},
    {" sql psql duckdb shell console repl exec q ", "k2 query, or k2 query \"SELECT ...\""},
    {" start run serve server daemon ", "k2 up"},
    {" stop down shutdown kill ", "Ctrl-C or SIGTERM ends k2 up; k2 status tells its pid"},
    {" import load copy insert produce read put decode ", "k2 ingest FILE"},
    {" export dump unload extract ", "k2 query \"SELECT ...\" --out FILE.parquet"},
    {" fsck validate scrub ", "k2 verify, k2 reconcile or k2 doctor"},
    {" compare diff prove proof audit ", "k2 reconcile"},
    {" ls list tables ", "k2 table list or k2 topic list"},
    {" describe desc inspect columns ", "k2 table describe TABLE"},
    {" snapshot snapshots history ", "k2 table snapshots TABLE"},
    {" files ", "k2 table files TABLE"},
    {" gaps missing sessions symbols instruments ", "k2 coverage"},
    {" resume unhalt ", "k2 halt resume ROLE; k2 halt list names them"},
    {" reload hup ", "kill -HUP PID reads the configuration again; k2 status tells the pid"},
    {" replay ", "k2 topic tail TOPIC --from TIME, or a feed with speed = 1x in k2 up"},
    {" repair mend fix ", "k2 doctor --fix; k2 restore for what is damaged"},
    {" unlock release ", "a lock ends with its process; k2 status tells who holds it"},
    {" drop delete purge truncate rm remove ",
     "rows stay as they are; k2 maintain removes what is older than journal.retention"},
    {" lag ps top health info stat state locks ", "k2 status"},
    {" metrics ", "curl http://127.0.0.1:7420/metrics, while k2 up runs"},
    {" logs log ", "k2 up writes its log to stderr; k2 up 2>FILE keeps it"},
    {" compact optimize vacuum expire prune clean cleanup gc retention ", "k2 maintain, k2 table"},
    {" bars ohlc ohlcv candles vwap ", "k2 query; docs/first-ten-minutes.md shows it"},
    {" create new setup ", "k2 init"},
    {" settings env set ", "k2 config show"},
    {" find lookup locate why explain lineage provenance ", "k2 trace MESSAGE_ID"},
    {" demo generate gen sample fake ", "k2 simulate"},
    {" feeds formats sources decoders ", "k2 feed list"},
    {" errors rejects refused dlq dead-letter deadletter ", "k2 quarantine list"},
    {" recover ", "k2 restore DEST --data NEWDIR"},
    {0}};

static const char statements[] =
    " select with from values table explain describe summarize show pivot latest ";

/* The same within a command that has commands: the first that it has. */
static const struct {
    const char *words;
    const char *subs[4];
} among[] = {
    {" ls all names get ", {"list", "show", NULL}},
    {" show desc info get inspect columns schema ", {"describe", "show", "list", NULL}},
    {" describe desc info inspect cat print view ", {"show", "list", NULL}},
    {" consume follow cat read records messages subscribe ", {"tail", NULL}},
    {" snapshot history versions ", {"snapshots", NULL}},
    {" vacuum orphans clean cleanup ", {"remove-orphans", NULL}},
    {" validate verify lint test ", {"check", "verify", NULL}},
    {" guess identify sniff ", {"detect", NULL}},
    {" lag status offsets ", {"list", NULL}},
    {" set edit new create default template ", {"init", NULL}},
    {" reprocess again replay ", {"retry", NULL}},
};

/* --- options --- */

/* By the command they stand behind; " -c" and " --csv" as they are written. */
static const struct {
    const char *verb;
    struct synonym row;
} options[] = {
    {"k2", {" -c -s --sql --query ", "k2 query \"SELECT ...\""}},
    {"k2", {" -C -t ", "k2 topic tail TOPIC"}},
    {"k2", {" -L ", "k2 topic list"}},
    {"k2", {" -P ", "k2 ingest FILE"}},
    {"k2", {" -v -V ", "k2 version"}},
    {"k2 query",
     {" -c -s --sql --command --query ", "the SQL is a word of its own: k2 query \"SELECT 1\""}},
    {"k2 query", {" -o --output ", "--out FILE"}},
    {"k2 query",
     {" --csv --json --ndjson --markdown --table -A ", "--format csv, json, ndjson or markdown"}},
    {"k2 query", {" --parquet ", "--out FILE.parquet"}},
    {"k2 query",
     {" --since --from --to --start --end ", "WHERE timestamp >= NOW() - INTERVAL '1 hour'"}},
    {"k2 query", {" -n --limit ", "LIMIT N in the SQL"}},
    {"k2 query",
     {" -d -U -h -H --host --port --dbname ", "there is no server to connect to; --data DIR"}},
    {"k2 topic", {" -t --topic ", "the topic is a word of its own: k2 topic tail TOPIC"}},
    {"k2 topic",
     {" -b --bootstrap-server --brokers --broker-list ", "there is no broker; --data DIR"}},
    {"k2 topic tail", {" -c --max-messages --limit ", "-n N"}},
    {"k2 topic tail", {" --from-beginning ", "--from start"}},
    {"k2 topic tail", {" --offset --since ", "--from WHERE"}},
    {"k2 topic tail", {" -e --exit ", "without --follow it ends by itself"}},
    {"k2 topic tail", {" -C ", "nothing: k2 topic tail only reads"}},
    {"k2 topic tail", {" -K --key ", "--keys"}},
    {"k2 topic tail", {" -J --json ", "nothing: every record is a JSON object"}},
    {"k2 up",
     {" -p --port --listen --http ",
      "K2_HTTP_LISTEN=127.0.0.1:PORT, or http.listen in the configuration"}},
    {"k2 up", {" -d --daemon --detach ", "k2 up & or a service; docs/running.md"}},
    {"k2 ingest", {" -f --file --input ", "the file is a word of its own: k2 ingest FILE"}},
    {"k2 ingest", {" -t --type --feed ", "the format is the first word: k2 ingest FORMAT FILE"}},
    {"k2 ingest",
     {" --follow --tail --watch ", "[feed.NAME] source = FILE in the configuration of k2 up"}},
    {"k2 status", {" --follow ", "--watch"}},
};

/* Of every command that takes --format. */
static const char formats[] = " --json --csv --ndjson --jsonl --markdown ";

static bool is_between_blanks(const char *words, const char *at, size_t n) {
    return at > words && at[-1] == ' ' && at[n] == ' ';
}

/* In any case of letters: SELECT is select. */
static bool holds(const char *words, const char *word) {
    for (const char *at = words; *word && (at = strcasestr(at, word)); at++) {
        if (is_between_blanks(words, at, strlen(word)))
            return true;
    }
    return false;
}

/* As written: -C is not -c. */
static bool holds_exactly(const char *words, const char *word) {
    for (const char *at = words; *word && (at = strstr(at, word)); at++) {
        if (is_between_blanks(words, at, strlen(word)))
            return true;
    }
    return false;
}

static const char *find_among(const struct verb *v, const char *word) {
    for (size_t i = 0; i < sizeof among / sizeof *among; i++) {
        for (const char *const *name = among[i].subs; holds(among[i].words, word) && *name;
             name++) {
            for (const struct verb *const *s = v->subs; *s; s++) {
                if (strcmp((*s)->name, *name) == 0)
                    return *name;
            }
        }
    }
    return NULL;
}

/* "k2 topic" is in front of "k2 topic tail", and is "k2 topic" itself. */
static bool covers(const char *verb, const char *name) {
    size_t n = strlen(verb);
    return strcmp(verb, "k2") == 0 ? strcmp(name, "k2") == 0
                                   : strncmp(verb, name, n) == 0 && (!name[n] || name[n] == ' ');
}

static bool is_sql(const char *word) {
    char first[32];
    struct k2_sv w = query_text_word(k2_sv_of(word));
    snprintf(first, sizeof first, "%.*s", (int)(w.n < 31 ? w.n : 31), w.p);
    return holds(statements, first);
}

bool verb_synonym_command(const struct verb_context *c, const char *word, struct k2_buf *out) {
    if (strcmp(c->name, "k2") != 0) {
        const char *sub = find_among(c->verb, word);
        if (sub)
            k2_buf_printf(out, "%s %s", c->name, sub);
        return sub != NULL;
    }
    for (const struct synonym *s = commands; s->words; s++) {
        if (holds(s->words, word)) {
            k2_buf_str(out, s->instead);
            return true;
        }
    }
    if (is_sql(word))
        k2_buf_str(out, "k2 query \"SELECT ...\", the statement in quotes");
    else if (access(word, F_OK) == 0)
        k2_buf_printf(out, "k2 ingest %s", word);
    return out->n > 0;
}

const char *verb_synonym_option(const struct verb_context *c, const char *word) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (covers(options[i].verb, c->name) && holds_exactly(options[i].row.words, word))
            return options[i].row.instead;
    }
    for (const struct verb_option *o = c->verb->options; o && o->name; o++) {
        if (strcmp(o->name, "format") == 0 && holds_exactly(formats, word))
            return "--format table, csv, json, ndjson or markdown";
    }
    return NULL;
}
