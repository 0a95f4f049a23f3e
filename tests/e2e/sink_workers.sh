#!/usr/bin/env bash
# k2-test: timeout=240
# Several workers bring what one brings; killed at any moment they lose and double nothing, and two sinks at once neither.
. "$(dirname "$0")/../support/e2e.sh"

rows="SELECT count(*), sum(price), sum(quantity), max(journal_offset) FROM trades"

run 0 k2 simulate --symbols 30 --rate 100K --seconds 9 --quiet
cp -r k2-data one
K2_SINK_WORKERS=1 run 0 k2 --data one sink --once
K2_SINK_WORKERS=3 run 0 k2 sink --once
same "$(value "$rows")" "$(k2 --data one query --format csv "$rows" | tail -n 1)"
[ "$(k2 table list --format csv | sed -n 's/^trades,[0-9]*,\([0-9]*\),.*/\1/p')" -gt 1 ] ||
    fail "three workers wrote one file"
run 0 k2 reconcile
run 0 k2 verify

# Killed while files are written and while a snapshot is committed.
rm -rf k2-data
run 0 k2 simulate --symbols 30 --rate 100K --seconds 9 --quiet
export K2_SINK_WORKERS=3 K2_SINK_COMMIT_ROWS=60000
for after in 0.05 0.1 0.15 0.2 0.25 0.3; do
    k2 sink --once >sink.out 2>&1 &
    sink=$!
    sleep $after
    kill -9 $sink 2>>kill.err || true
    wait $sink || true
done
run 0 k2 sink --once
run 0 k2 reconcile
has err "journal and tables are equal: 900,000 rows"

# Two at once: one has the lock, the other waits and finds nothing left to do.
rm -rf k2-data
run 0 k2 simulate --symbols 30 --rate 100K --seconds 6 --quiet
k2 sink --once >first.out 2>&1 &
first=$!
run 0 k2 sink --once
wait $first || fail "$(cat first.out)"
run 0 k2 reconcile
has err "journal and tables are equal: 600,000 rows"

# Strings that are too many for one set: the set ends early, and the rest follows.
rm -rf k2-data
python3 -c 'for i in range(30000): print("{\"n\": %d, \"x\": \"%s\"" % (i, "y" * 3300))' >bad.json
run 0 k2 ingest -q binance-json bad.json
K2_SINK_COMMIT_ROWS=1000000 run 0 timeout 60 k2 sink --once
same "$(value "SELECT count(*) FROM quarantine")" 30000
run 0 k2 reconcile
finish
