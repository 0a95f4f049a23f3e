#!/usr/bin/env bash
# Simulated market -> journal -> tables -> SQL -> proof, and everything again adds nothing.
. "$(dirname "$0")/../support/e2e.sh"

sim=(k2 simulate --symbols 5 --rate 2K --seconds 10 --seed 7 --start 2026-03-02T10:00:00Z --quotes
    --duplicates 2% --out-of-order 0.01 --gaps 0.001)

# The one number of a key in the summary's JSON.
number() { sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p" out; }

run 0 "${sim[@]}" --format json
read=$(number read) accepted=$(number accepted) duplicates=$(number duplicates)
same "$read" $((accepted + duplicates + $(number conflicts) + $(number quarantined) + $(number filtered)))
[ "$duplicates" -gt 0 ] || fail "no duplicates were made"
[ "$(number gaps)" -gt 0 ] || fail "no gaps were made"
[ "$(number out_of_order)" -gt 0 ] || fail "nothing came out of order"
same "$(number conflicts)" 0

# Not in the tables yet: the query says so, and what brings them.
run 0 k2 init
run 0 k2 query "SELECT count(*) FROM trades"
has err "k2 sink --once"
run 0 k2
has out "k2 sink --once"

run 0 k2 sink --once --format json
same "$(number rows)" "$((accepted + $(value "SELECT count(*) FROM gaps")))" "rows sunk"
run 0 k2 sink --once
has out "everything already"
run 0 k2 query "SELECT count(*) FROM trades"
same "$(wc -c <err)" 0 "no notice when nothing is missing"
same "$(value "SELECT (SELECT count(*) FROM trades) + (SELECT count(*) FROM quotes)")" "$accepted"
same "$(value "SELECT count(DISTINCT message_id) FROM trades")" "$(value "SELECT count(*) FROM trades")"
same "$(value "SELECT count(DISTINCT symbol) FROM trades WHERE symbol = 'AAPL'")" 1
run 0 k2 reconcile --out proof.json
has err "are equal"
has out "AAPL"
python3 -m json.tool proof.json >/dev/null || fail "proof.json is not JSON"
run 0 k2 verify

# The same run again: all duplicates, no row, no commit.
run 0 "${sim[@]}" --format json
same "$(number read)" "$read"
same "$(number accepted)" 0
same "$(number duplicates)" "$read"
snapshots=$(k2 table snapshots trades --format csv)
run 0 k2 sink --once
same "$(k2 table snapshots trades --format csv)" "$snapshots"

# Other rows come, and the old snapshot still answers as before.
before=$(value "SELECT count(*) FROM trades")
snapshot=$(tail -n 1 <<<"$snapshots" | cut -d , -f 1)
run 0 k2 simulate --seconds 2 --seed 8
run 0 k2 sink --once
after=$(value "SELECT count(*) FROM trades")
[ "$after" -gt "$before" ] || fail "no new rows: $before, $after"
same "$(k2 query --format csv "SELECT count(*) FROM trades" --as-of "trades@$snapshot" | tail -n 1)" "$before"
run 0 k2 query "SELECT timestamp, symbol, price, volume FROM market_data.ticks
    WHERE symbol = 'AAPL' AND timestamp >= NOW() - INTERVAL '1 hour'
    ORDER BY timestamp DESC LIMIT 1000" --format csv
[ "$(wc -l <out)" -gt 1 ] || fail "the last hour is empty after k2 simulate"

# Formats, files, parameters.
run 0 k2 query 'SELECT $a AS a' --param a=x=y --format json
has out '"x=y"'
echo "SELECT count(*) AS n FROM trades" >q.sql
run 0 k2 query -f q.sql --out n.csv
same "$(tail -n 1 n.csv)" "$after"
run 0 k2 query --out n.parquet - <q.sql
same "$(head -c 4 n.parquet)" PAR1
echo old >keep.csv
run 1 k2 query "SELECT nonsense FROM trades" --out keep.csv
same "$(cat keep.csv)" old "a failed query leaves the file"
run 0 k2 query --explain "SELECT * FROM trades WHERE trade_date = '2026-03-02'" --format csv
same "$(tail -n 1 out | cut -d , -f 4)" 1 "one of the files is read"
run 0 k2 query --explain "SELECT * FROM trades WHERE trade_date = '1999-01-01'" --format csv
same "$(tail -n 1 out | cut -d , -f 4)" 0 "no file is read"

# Several processes may read while one writes.
k2 simulate --seconds 30 --rate 20K --seed 9 --quiet >/dev/null &
writer=$!
run 0 k2 query "SELECT count(*) FROM trades"
run 0 k2 topic tail market.ticks.sim --count 1
wait $writer || fail "the writer failed"
run 0 k2 sink --once
run 0 k2 reconcile
finish
