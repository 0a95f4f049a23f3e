#!/usr/bin/env bash
# k2-test: timeout=180
# A topic that grows: nothing lost, nothing twice, each symbol in order; killed at any step and gone on with; while k2 up
# runs; and what cannot grow is refused.
. "$(dirname "$0")/../support/e2e.sh"

market() { run 0 k2 simulate -q --symbols 7 --start 2026-03-02T10:00:00Z --rate 2K --seconds 1 "$@"; }
rows() { k2 query --format csv "SELECT count(*), count(DISTINCT message_id), count(DISTINCT (journal_id, exchange, journal_partition, journal_offset)) FROM trades" | tail -1; }
records() { k2 topic list --format csv | awk -F , '$1 ~ /^market.ticks.sim/ { n += $4 } END { print n }'; }

# One version: --verify proves it, and the order of what is read is the order of what was written.
market --seed 1
before=$(records)
run 0 k2 topic grow market.ticks.sim --verify --format csv
has out "market.ticks.sim,0,3,$before,7,"
run 0 k2 sink --once

# It grows: the cut is told, the topic keeps what it had, what comes goes to the next version.
run 0 k2 topic grow market.ticks.sim --partitions 5 --format csv
[ "$(awk -F , 'NR > 1 { n += $3 } END { print n }' out)" -eq "$before" ] || fail "the cut is not the end: $(cat out)"
has err 'market.ticks.sim.v2 has 5 partitions, which rows number 3 to 7'
market --seed 2
run 0 k2 topic list --format csv
has out "market.ticks.sim,trades,3,$before"
has out 'market.ticks.sim.v2,trades,5,'
total=$(records)
[ "$total" -gt "$before" ] || fail "nothing came to the new version"
run 0 k2 topic describe market.ticks.sim
has out 'it goes on as market.ticks.sim.v2'
run 0 k2 topic describe market.ticks.sim.v2
has out 'version 2 of market.ticks.sim'
has out 'subject market.ticks.sim-value'
run 0 k2 topic describe market.ticks.sim.v2 --format csv
[ "$(cut -d , -f 1 out | tr '\n' ' ')" = "partition 3 4 5 6 7 " ] || fail "$(cat out)"

# What was written again is known, wherever it was written first.
market --seed 1
market --seed 2
same "$(records)" "$total"

# The tables hold each row once, under a place of its own, and the proof covers both versions.
run 0 k2 sink --once
same "$(rows)" "$total,$total,$total"
run 0 k2 reconcile
run 0 k2 query --format csv "SELECT min(journal_partition) >= 0 AND max(journal_partition) <= 7 AND count(DISTINCT journal_partition) > 3 FROM trades"
has out true
run 0 k2 topic grow market.ticks.sim --verify --format csv
[ "$(wc -l <out)" -eq 3 ] || fail "$(cat out)"
run 0 k2 verify

# Each symbol's records come in order, from all versions by the topic's name, and follow each other in the file.
run 0 k2 topic tail market.ticks.sim --from start --keys
same "$(wc -l <out)" "$total"
python3 - out <<'PY' || fail "a symbol went back to an older version"
import json, sys
seen = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    version = r["partition"] >= 3
    assert version >= seen.get(r["key"], False), r
    seen[r["key"]] = version
assert len(seen) == 7 and all(seen.values()), seen
PY
run 0 k2 topic tail market.ticks.sim.v2 --from start --partition 3
run 2 k2 topic tail market.ticks.sim.v2 --from start --partition 2
has err 'has the partitions 3 to 7'
id=$(k2 query --format csv "SELECT message_id FROM trades WHERE journal_partition > 2 LIMIT 1" | tail -1)
run 0 k2 trace "$id"
has out 'market.ticks.sim.v2'
has out 'equal in every column'
run 0 k2 query --as-of now --format csv "SELECT count(*) FROM trades"
same "$(tail -n 1 out)" "$total"

# Growing is done once; again it changes nothing, narrower is refused, as is what cannot grow.
run 0 k2 topic grow market.ticks.sim --partitions 5
has err 'had 5 partitions already'
run 1 k2 topic grow market.ticks.sim --partitions 4
has err 'a topic only grows'
run 1 k2 topic grow k2.sequence --partitions 4
has err 'cannot grow'
run 1 k2 topic grow market.ticks.sin --partitions 4
has err 'market.ticks.sim'
run 1 k2 topic grow market.ticks.sim --partitions 5000
run 2 k2 topic grow market.ticks.sim
run 2 k2 topic grow market.ticks.sim --partitions 7 --verify

# A third version, under a platform that runs: it goes over without a restart.
platform() {
    k2 up >up.out 2>up.err & up=$!
    until_true grep -q http:// up.out
}
platform
market --seed 3
run 0 k2 topic grow market.ticks.sim --partitions 6
has err 'market.ticks.sim.v3 has 6 partitions, which rows number 8 to 13'
market --seed 4
kill -TERM $up
wait $up || fail "$(cat up.err)"
run 0 k2 topic list --format csv
grep -q 'market.ticks.sim.v3,trades,6,[1-9]' out || fail "k2 up did not go over: $(cat out)"
total=$(records)
run 0 k2 sink --once
same "$(rows)" "$total,$total,$total"
run 0 k2 reconcile
run 0 k2 topic grow market.ticks.sim --verify
has err '3 versions'

# Derived totals read one version behind the other.
run 0 k2 derive volume
run 0 k2 derive volume --verify

# Killed at any moment it is finished by the same command; tests/crash/grow_powercut_test.c takes every step.
for after in 0.002 0.004 0.006 0.008 0.011 0.014 0.018 0.023; do
    data=killed$after
    run 0 k2 simulate -q --data $data --symbols 3 --seconds 1 --rate 500 --seed 1
    k2 topic grow market.ticks.sim --data $data --partitions 4 >kill.out 2>&1 & p=$!
    sleep $after
    kill -9 $p 2>>kill.err || true
    wait $p
    run 0 k2 simulate -q --data $data --symbols 3 --seconds 1 --rate 500 --seed 2
    run 0 k2 topic grow market.ticks.sim --data $data --partitions 4
    run 0 k2 simulate -q --data $data --symbols 3 --seconds 1 --rate 500 --seed 3
    run 0 k2 topic list --data $data --format csv
    grep -q 'market.ticks.sim.v2,trades,4,[1-9]' out || fail "it did not grow: $(cat out)"
    ! grep -q v3 out || fail "it grew twice: $(cat out)"
    run 0 k2 topic grow market.ticks.sim --data $data --verify
    run 0 k2 sink --once --data $data
    run 0 k2 reconcile --data $data
    same "$(k2 --data $data query --format csv 'SELECT count(*), count(DISTINCT message_id) FROM trades' | tail -1)" 1500,1500
done 2>>kill.err
finish
