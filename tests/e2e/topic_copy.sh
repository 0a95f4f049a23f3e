#!/usr/bin/env bash
# k2-test: timeout=120
# Topics into another journal: value for value, gone on with after a kill, compared when nothing is left to copy.
. "$(dirname "$0")/../support/e2e.sh"

market() { run 0 k2 simulate -q --symbols 5 --seconds 2 --start 2026-03-02T10:00:00Z --quotes "$@"; }
values() { # values ARGS...: partition by partition, without the time of appending
    for p in 0 1 2; do
        k2 topic tail market.ticks.sim --from start --keys --partition $p "$@" | sed 's/"appended":"[^"]*",//'
    done
}

market --rate 20K --seed 1 --gaps 0.001
run 0 k2 topic copy 'market.*' --to local:copy
has err '0 records were there and are equal'
values >ours.txt
values --data copy >theirs.txt
cmp ours.txt theirs.txt || fail "the copy's records differ"
run 0 k2 sink --once
run 0 k2 sink --once --data copy
run 0 k2 reconcile --data copy
digest="SELECT symbol, count(*), sum(price), max(exchange_timestamp_ns) FROM trades GROUP BY 1 ORDER BY 1"
same "$(k2 --data copy query --format csv "$digest")" "$(k2 query --format csv "$digest")"

# The copy catches up, and a copy of everything copies nothing.
market --rate 20K --seed 2
run 0 k2 topic copy 'market.*' --to local:copy --format csv
run 0 k2 topic copy 'market.*' --to local:copy --format csv
[ "$(cut -d , -f 4 out | sort -u | tr -d '\n')" = "0copied" ] || fail "not all was there: $(cat out)"
values >ours.txt
values --data copy >theirs.txt
cmp ours.txt theirs.txt || fail "the copy's records differ after it went on"

# Schemas of other ids: registered in another order there.
run 0 k2 topic copy market.ticks.sim --to local:other
run 0 k2 topic copy market.quotes.sim --to local:other
values --data other >theirs.txt
cmp ours.txt theirs.txt || fail "the records differ under other schema ids"

# Killed at any moment it goes on where it was.
market --rate 300K --seed 3
for after in 0.01 0.03 0.05 0.08 0.1 0.15; do
    k2 topic copy 'market.*' --to local:killed >kill.out 2>&1 & p=$!
    sleep $after
    kill -9 $p 2>>kill.err || true
    wait $p
done 2>>kill.err
run 0 k2 topic copy 'market.*' --to local:killed
run 0 k2 sink --once
run 0 k2 sink --once --data killed
same "$(k2 --data killed query --format csv "$digest")" "$(k2 query --format csv "$digest")"

# What is no copy is refused, and stays as it is.
run 0 k2 simulate -q --data killed --symbols 5 --seconds 1 --seed 77
run 0 k2 topic tail market.ticks.sim --data killed --from start --count 3
market --rate 1K --seed 4
run 3 k2 topic copy market.ticks.sim --to local:killed
has err 'something else writes to the topic there'
K2_JOURNAL_PARTITIONS=5 run 0 k2 simulate -q --data five --symbols 5 --seconds 1
run 3 k2 topic copy market.ticks.sim --to local:five
has err '3 partitions here and 5 there'
run 1 k2 topic copy market.ticks.sim --to local:k2-data
has err 'is the journal that would be copied'
run 1 k2 topic copy market.tick.sim --to local:copy
has err 'market.ticks.sim'
run 1 k2 topic copy k2.sequence --to local:copy
has err 'names places in this journal'
run 0 k2 topic copy '*' --to local:all
run 0 k2 topic list --data all --format csv
! grep -q '^k2\.' out || fail "state of this journal was copied"
run 2 k2 topic copy market.ticks.sim
has err 'say where to'
run 1 k2 topic copy market.ticks.sim --to nowhere
has err 'names no journal'

# The name of a topic that has grown means all its versions, and a version those before it.
run 0 k2 simulate -q --data grown --symbols 5 --seconds 1 --start 2026-03-02T10:00:00Z
run 0 k2 topic grow market.ticks.sim --partitions 6 --data grown
run 0 k2 simulate -q --data grown --symbols 5 --seconds 1 --start 2026-03-03T10:00:00Z
for topic in market.ticks.sim market.ticks.sim.v2; do
    rm -rf all
    run 0 k2 --data grown topic copy $topic --to local:all
    run 0 k2 --data all topic grow market.ticks.sim --verify
    run 0 k2 --data all sink --once
    same "$(k2 --data all query --format csv 'SELECT count(*) FROM trades' | tail -n 1)" 2000
    run 0 k2 --data all reconcile
done
finish
