#!/usr/bin/env bash
# Consumer groups of a journal in a directory: who reads, how far behind in records and seconds, and reading on from
# another place.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
run 0 k2 simulate -q --symbols 5 --seed 5 --rate 1000 --seconds 1 --start 2026-03-02T10:00:00Z
run 0 k2 sink --once
run 0 k2 group describe sink --format csv
has out 'member,topic,partition,position,end,lag,lag_seconds'
same "$(awk -F , '$2 == "market.ticks.sim" { n += $4; lag += $6 } END { print n, lag }' out)" "1000 0" "position and lag"
run 1 k2 group describe nobody
has err 'there is no group nobody'
run 1 k2 group seek sink --to start --yes
has err 'the tables themselves'
run 1 k2 group seek mine --to start --yes
has err 'name a --topic'
run 2 k2 group seek mine --topic market.ticks.sim
has err '--to is missing'
run 2 k2 group seek mine --topic market.ticks.sim --to 999999 --partition 0 --dry-run
has err 'has the offsets 0 to'
run 2 k2 group seek mine --topic market.ticks.sim --to start --partition 3 --dry-run
has err 'partitions 0 to 2'
run 0 k2 group seek mine --topic market.ticks.sim --to start --dry-run
has err 'would move'
run 1 k2 group describe mine
run 2 k2 group seek mine --topic market.ticks.sim --to start
has err 'say --yes'
run 0 k2 group seek mine --topic market.ticks.sim --to start --yes
sleep 2
run 0 k2 group list --format csv
same "$(awk -F , '$1 == "mine" { lag += $5; if ($6 < 2 || $6 > 600) bad = 1 } END { print lag, bad + 0 }' out)" "1000 0" \
    "lag in records and seconds"
run 0 k2 group seek mine --to end --partition 1 --yes --format csv
run 0 k2 group describe mine --format csv
same "$(awk -F , '$3 == 1 { print $6, $7 }' out)" "0 0" "the partition that was sent to its end"
[ "$(awk -F , 'NR > 1 && $3 != 1 { n += $6 } END { print n }' out)" -gt 0 ] || fail "the other partitions moved too"
run 0 k2 group seek mine --to 2020-01-01 --yes
run 0 k2 group describe mine --format csv
same "$(awk -F , 'NR > 1 { n += $6 } END { print n }' out)" 1000 "lag from a time before all"
run 0 k2 group seek mine --to now --yes
run 0 k2 group describe mine --format csv
same "$(awk -F , 'NR > 1 { n += $6 } END { print n }' out)" 0 "lag from now"
run 0 k2 group remove mine --yes
exit $((failures > 0))
