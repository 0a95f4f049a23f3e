#!/usr/bin/env bash
# k2-test: timeout=300
# A topic that grows on a real Kafka broker, as it does in a directory: a topic of its own for each version, the cut noted in
# the journal's own topic, a writer that still runs is fenced, kill -9 at any moment, order proven, no row twice.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address
at() { # at NAME: a journal of its own, and no table that holds another's rows
    rm -rf k2-data
    export K2_JOURNAL_URL="kafka://$broker/$1."
}
market() { run 0 k2 simulate -q --symbols 7 --start 2026-03-02T10:00:00Z --rate 500 --seconds 1 "$@"; }
exact() { # exact ROWS [ARGS...]
    local rows=$1
    shift
    run 0 k2 sink --once "$@"
    same "$(k2 "$@" query --format csv "SELECT count(*), count(DISTINCT message_id), count(DISTINCT (journal_partition, journal_offset)) FROM trades" | tail -n 1)" "$rows,$rows,$rows"
    run 0 k2 reconcile "$@"
    has err 'equal'
}

at grown
market --seed 1
run 0 k2 sink --once
run 0 k2 topic grow market.ticks.sim --partitions 5 --format csv
[ "$(wc -l <out)" -eq 4 ] || fail "not a cut for each of three partitions: $(cat out)"
has err 'market.ticks.sim.v2 has 5 partitions, which rows number 3 to 7'
market --seed 2
market --seed 1
market --seed 2
exact 1000
run 0 k2 topic list --format csv
has out 'market.ticks.sim.v2,trades,5,'
run 0 k2 topic grow market.ticks.sim --verify
has err '1,000 records in 2 versions of market.ticks.sim'

# Each symbol's records, read by the topic's name, come version by version and rise.
run 0 k2 topic tail market.ticks.sim --from start --keys
python3 - out <<'PY' || fail "a symbol is out of order"
import json, sys
seen = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    now = (r["partition"] >= 3, r["offset"])
    before = seen.get(r["key"], (False, -1))
    assert now > before, (before, r)
    seen[r["key"]] = now
assert len(seen) == 7 and all(v for v, _ in seen.values()), seen
PY

# A second data directory finds the versions in the journal alone; a table of it has the same rows.
exact 1000 --data other
run 0 k2 topic grow market.ticks.sim --verify --data other
run 0 k2 topic grow market.ticks.sim --partitions 5 --data other
has err 'had 5 partitions already'
run 0 k2 topic apply --profile dev --dry-run --format csv
! grep -q '^market.ticks.sim' out || fail "partitions that were asked for are to be changed: $(cat out)"


# A platform elsewhere is fenced by the growth, stops, and goes on with the new version when it is begun again.
K2_JOURNAL_URL="kafka://$broker/grown." k2 up --data elsewhere --simulate 200 >up.out 2>up.err & up=$!
until_true grep -q http:// up.out
sleep 3
run 0 k2 topic grow market.ticks.sim --partitions 6
has err 'market.ticks.sim.v3 has 6 partitions'
until_true sh -c 'k2 topic list --format csv | grep -q "market.ticks.sim.v3,trades,6,[1-9]" || grep -q "taken over" up.err'
kill -TERM $up
wait $up
market --seed 5
run 0 k2 topic list --format csv
grep -q 'market.ticks.sim.v3,trades,6,[1-9]' out || fail "nothing went to version 3: $(cat out)"
run 0 k2 topic grow market.ticks.sim --verify
has err '3 versions'
run 0 k2 sink --once
run 0 k2 reconcile

# The platform of the same directory goes over without a restart.
at running
market --seed 1
k2 up --data running >running.out 2>running.err & up=$!
until_true grep -q http:// running.out
run 0 k2 topic grow market.ticks.sim --partitions 4 --data running
market --seed 2 --data running
kill -TERM $up
wait $up || fail "$(cat running.err)"
exact 1000 --data running
run 0 k2 topic grow market.ticks.sim --verify --data running

# Killed at any moment it is finished by the same command.
for after in 0.3 0.6 0.9 1.2; do
    at killed$after
    market --seed 1
    k2 topic grow market.ticks.sim --partitions 4 >kill.out 2>&1 & p=$!
    sleep $after
    kill -9 $p 2>>kill.err || true
    wait $p
    market --seed 2
    run 0 k2 topic grow market.ticks.sim --partitions 4
    market --seed 3
    run 0 k2 topic list --format csv
    grep -q 'market.ticks.sim.v2,trades,4,[1-9]' out || fail "it did not grow: $(cat out)"
    ! grep -q 'v3' out || fail "it grew twice: $(cat out)"
    run 0 k2 topic grow market.ticks.sim --verify
    exact 1500
done 2>>kill.err
finish
