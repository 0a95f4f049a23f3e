#!/usr/bin/env bash
# k2 status: its level and exit code as things happen to a data directory; groups, topics and tables
# described; lists on a narrow terminal.
. "$(dirname "$0")/../support/e2e.sh"

level() { k2 status --format csv 2>/dev/null | grep "^$1," | cut -d, -f3; }
field() { k2 status --format csv 2>/dev/null | grep "^$1,$2," | cut -d, -f"$3"; }

# Nothing is there: down, and it says what to do. Looking makes nothing.
run 1 k2 status
has out ": down"
has err "k2 init"
[ ! -e k2-data ] || fail "looking made a data directory"
mkdir k2-data
run 1 k2 status
rmdir k2-data

# Made, and empty: healthy.
run 0 k2 init
run 0 k2 status
has out ": healthy"
has out "nothing runs"

# Rows that no table holds: healthy for a while, then degraded; the sink heals it.
run 0 k2 simulate --symbols 5 --rate 100 --seconds 10
run 0 k2 status
same "$(field table trades 9)" 1000 "records behind"
same "$(field topic market.ticks.sim 4)" 1000 "records of the topic"
run 3 env K2_STATUS_MAX_LAG=0ms k2 status
has err "degraded: table trades"
has err "k2 sink"
run 0 k2 sink --once
run 0 env K2_STATUS_MAX_LAG=0ms k2 status
same "$(field table trades 4)" 1000 "rows of the table"
same "$(field table trades 9)" 0 "nothing is behind"
same "$(field group sink 9)" 0 "nor is the group"

# A disk that is too full, by a limit that no disk meets.
run 3 env K2_STATUS_MIN_FREE=101 k2 status
has err "degraded: disk"

# Gaps and refused records are told, and no reason to be degraded.
run 0 k2 simulate --symbols 5 --rate 1000 --seconds 2 --gaps 0.01 --seed 5
echo "03/10/2014,10:00:00.000,not a price,1,0,X," >1_AAA.csv
run 0 k2 ingest asx-csv 1_AAA.csv
run 0 k2 status
has out "open gaps of"
same "$(field quarantine market.quarantine.asx 4)" 1 "refused records"
[ "$(field gaps SIM 4)" -gt 0 ] || fail "no missing numbers"

# What runs: who holds a lock; and who was killed while it held one.
mkfifo pipe
k2 ingest binance-json - <pipe 2>ingest.err &
ingest=$!
exec 9>pipe
for _ in $(seq 50); do
    k2 status >out 2>err
    grep -q "pid $ingest holds journal.lock" out && break
    sleep 0.1
done
has out "k2 ingest"
has out "pid $ingest holds journal.lock"
same "$(level process)" healthy
kill -9 $ingest
wait $ingest 2>/dev/null
exec 9>&-
run 0 k2 status
has out "pid $ingest was killed while it held journal.lock; the lock is free"
run 0 k2 simulate --symbols 1 --rate 1 --seconds 1

# Again and again: a block each time where there is no terminal, and an end on SIGTERM.
run 0 k2 status --watch --count 2
same "$(grep -c "data directory" out)" 2 "two looks"
if grep -q $'\033' out; then fail "escapes without a terminal"; fi
k2 status --watch >watched &
watch=$!
for _ in $(seq 50); do grep -q "disk of" watched && break; sleep 0.1; done
kill -TERM $watch
wait $watch
same $? 0 "exit of a watch that was ended"
run 2 k2 status --count 2
has err "--watch"
run 2 k2 statsu
has err "did you mean status?"

# Groups, topics, tables.
run 0 k2 group list --format csv
has out "sink,market.ticks.sim,0,"
run 0 k2 topic describe market.ticks.sim
has out "subject market.ticks.sim-value, version 1"
has out "3 partitions"
run 0 k2 topic describe market.ticks.sim --format csv
same "$(sed 1d out | awk -F, '{n += $4} END {print n}')" \
    "$(field topic market.ticks.sim 4)" "records of the partitions"
run 0 k2 table describe trades
has out "decimal(20, 9)"
has out "partitioning"
run 0 k2 table describe trades --show facts --format csv
has out "partitioning,trade_date"
has out "sort order,\"exchange_timestamp asc nulls-first"
has out "committed market.ticks.sim/0,"
has out "property k2.offsets,"
run 0 k2 table describe trades --format json
[ "$(grep -c '"column"' out)" -gt 20 ] || fail "no columns"

# A table that is wider than the terminal is cut to it; what is no terminal gets everything.
if command -v script >/dev/null; then
    terminal() { # terminal WIDTH COMMAND: what it prints there, in ./wide
        script -qec "stty cols $1; $2" /dev/null </dev/null | tr -d '\r' >wide
    }
    for width in 70 80 300; do
        terminal $width "k2 table list"
        sed 's/…/./g' wide | awk -v w=$width 'length($0) > w {exit 1}' ||
            fail "wider than $width: $(cat wide)"
        has wide "trades"
    done
    if grep -q "…" wide; then fail "cut at 300 columns"; fi
    terminal 70 "k2 table list"
    has wide "…"
    terminal 100 "k2 feed list" # its last column goes on in further lines
    if grep -q "…" wide; then fail "a format is cut at 100 columns"; fi
    awk 'length($0) > 100 {exit 1}' wide || fail "k2 feed list is wider than 100 columns"
    has wide "BinaryFILE"
    terminal 80 "k2 status --watch --count 2"
    has wide $'\033[H'
fi
run 0 k2 table list
if grep -q "…" out; then fail "a file was cut"; fi

# Damage: a journal that cannot be read is down.
cp -r k2-data damaged
echo "no journal" >damaged/journal/meta
run 1 k2 status --data damaged
has out "journal"
has err "down: journal"
cp -r k2-data other
head -c 8192 /dev/zero | tr '\0' x >other/catalog.db
run 1 k2 status --data other
has err "down: table"
finish
