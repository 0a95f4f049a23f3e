#!/usr/bin/env bash
# Who comes from kcat, psql, DuckDB or QuestDB types what is right there: the answer names what is right
# here, and that works.
. "$(dirname "$0")/../support/e2e.sh"

wrong() { # wrong CODE TEXT COMMAND...
    local code=$1 text=$2
    shift 2
    run "$code" "$@"
    has err "$text"
    same "$(wc -c <out)" 0 "nothing on stdout of: $*"
}

run 0 k2 simulate --seconds 3 --quotes --quiet
run 0 k2 sink --once --quiet
topic=market.ticks.sim

# Commands.
wrong 2 "instead: k2 topic tail TOPIC --follow" k2 tail
wrong 2 "instead: k2 topic tail" k2 topic consume $topic
wrong 2 "instead: k2 query" k2 sql "SELECT 1"
wrong 2 "instead: k2 query" k2 select 1
wrong 2 "instead: k2 up" k2 start
wrong 2 "instead: k2 ingest FILE" k2 import x.csv
wrong 2 "instead: k2 ingest out" k2 out
wrong 2 '--out FILE.parquet' k2 export
wrong 2 "k2 verify" k2 fsck
wrong 2 "instead: k2 table list" k2 ls
wrong 2 "instead: k2 table describe" k2 table show trades
wrong 2 "instead: k2 config show" k2 config get sink.interval
wrong 2 "did you mean ingest?" k2 ingst

# Options, and what they are here.
wrong 2 'instead: k2 query "SELECT ..."' k2 -c "SELECT 1"
wrong 2 "instead: k2 topic tail TOPIC" k2 -C -t $topic
wrong 2 "the SQL is a word of its own" k2 query -c "SELECT 1"
wrong 2 "--out FILE" k2 query -o x.csv "SELECT 1"
wrong 2 "--format csv" k2 query --csv "SELECT 1"
wrong 2 "words with blanks need quotes" k2 query SELECT 1
wrong 2 "the topic is a word of its own" k2 topic tail -t $topic
wrong 2 "instead: -n N" k2 topic tail $topic -c 1

# kcat's -f, -o and -p, and its words for the ends.
run 0 k2 topic tail $topic -o beginning -n 1 -p 0
cp out first
has first '"offset":0'
run 0 k2 topic tail $topic --from start --count 1 --partition 0
cmp -s out first || fail "-o beginning is not --from start"
run 0 k2 topic tail $topic -o -1 -p 0
same "$(wc -l <out)" 1 "the last record of a partition"
run 0 k2 topic tail $topic -o latest
same "$(wc -c <out)" 0 "nothing behind the end"
run 0 timeout --preserve-status 1 k2 topic tail -f $topic -o -1 -p 0
same "$(wc -l <out)" 1 "the last record, and then waiting"

# Names that are begun.
wrong 1 "did you mean $topic-value?" k2 schema show $topic
wrong 2 "did you mean binance-json?" k2 feed show binance

# SQL.
wrong 1 "SHOW TABLES and DESCRIBE TABLE" k2 query '\dt'
wrong 1 "SHOW TABLES and DESCRIBE TABLE" k2 query '.tables'
wrong 1 "write FROM in front of it" k2 query trades
wrong 1 "--out FILE.parquet" k2 query "COPY trades TO 'x.parquet'"
wrong 1 "rows come by k2 ingest" k2 query "INSERT INTO trades VALUES (1)"
wrong 1 "time_bucket(INTERVAL" k2 query "SELECT count() FROM ticks SAMPLE BY 1m"
wrong 1 "arg_max(price, timestamp)" k2 query "SELECT * FROM ticks LATEST ON timestamp PARTITION BY symbol"
wrong 1 "k2 table describe TABLE" k2 query "SHOW CREATE TABLE trades"
wrong 1 "exchange_timestamp in the tables" k2 query "SELECT timestamp FROM trades"
wrong 1 "quantity in trades" k2 query "SELECT volume FROM trades"
wrong 1 "SHOW TABLES lists" k2 query "SELECT * FROM orders"
grep -q "time_bucket" err && fail "advice on something else"
wrong 1 "Statements may begin with" k2 query "GRANT ALL ON trades"

# What the advice says does run.
for sql in "SHOW TABLES" "DESCRIBE trades" "FROM trades LIMIT 1" \
    "SELECT symbol, arg_max(price, timestamp) FROM ticks GROUP BY symbol" \
    "SELECT time_bucket(INTERVAL '1 minute', timestamp) AS t, count(*) FROM ticks GROUP BY ALL"; do
    run 0 k2 query "$sql"
done

# Lists have no blanks behind a row, and long names of commands do not meet what they do.
for list in "doctor" "coverage" "status" "group list" "topic list" "table --help"; do
    # shellcheck disable=SC2086
    k2 $list >out 2>err
    grep -q ' $' out && fail "a blank at the end of a line of k2 $list"
done
grep -q 'orphans  ' out || fail "k2 table --help: remove-orphans meets what it does"
finish
