#!/usr/bin/env bash
# Readers that stop early, stops by signal, and a second writer.
. "$(dirname "$0")/../support/e2e.sh"

run 0 k2 simulate --seconds 20 --rate 5K --seed 1
run 0 k2 sink --once

# head ends first: no error, no message, under pipefail too.
for words in "query --format csv 'SELECT * FROM trades'" "topic tail market.ticks.sim --from start" \
    "simulate --print binance-json --seconds 60"; do
    eval "k2 $words" 2>err | head -n 1 >out
    same "${PIPESTATUS[*]}" "0 0" "k2 $words | head"
    same "$(wc -c <err)" 0 "silence of k2 $words | head"
    same "$(wc -l <out)" 1
done

# A full disk is an error.
run 1 bash -c 'k2 config show >/dev/full'
has err "standard output cannot be written"

# Ctrl-C cancels a query that would take for ever; --timeout too.
started=$SECONDS
k2 query --timeout 60s "SELECT count(*) FROM trades a, trades b, trades c" >out 2>err &
pid=$!
sleep 1
kill -INT $pid
wait $pid
same $? 1 "exit code of a cancelled query"
has err "cancel"
[ $((SECONDS - started)) -lt 30 ] || fail "the signal did not cancel the query, the time limit did"
run 1 k2 query --timeout 300ms "SELECT count(*) FROM trades a, trades b, trades c"

# The sink loop commits what comes and stops cleanly.
K2_SINK_INTERVAL=1s k2 sink >sink.out 2>sink.err &
pid=$!
run 0 k2 simulate --seconds 2 --seed 2
for _ in $(seq 20); do
    sleep 0.5
    k2 query "SELECT count(*) FROM trades" 2>&1 | grep -q lacks || break
done
kill -TERM $pid
wait $pid
same $? 0 "exit code of a stopped sink"
has sink.err "stopped"
run 0 k2 query "SELECT count(*) FROM trades"
same "$(wc -c <err)" 0 "the loop brought all rows"

# Two writers: the second is told who holds the journal. A killed one does not block.
k2 simulate --seconds 600 --rate 50K --seed 3 >/dev/null 2>&1 &
pid=$!
sleep 1
run 1 k2 simulate --seconds 1
has err "$pid"
kill -KILL $pid
wait $pid 2>/dev/null
run 0 k2 simulate --seconds 1
run 0 k2 sink --once
run 0 k2 reconcile
finish
