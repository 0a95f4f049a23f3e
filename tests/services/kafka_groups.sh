#!/usr/bin/env bash
# k2-test: timeout=300
# Consumer groups on Kafka: members that share a topic cooperatively, positions, lag, and a seek that waits for nobody to
# read; a topic of 500 partitions, written, read and proven.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address
export K2_JOURNAL_URL="kafka://$broker/groups."
run 0 k2 simulate -q --symbols 20 --seed 5 --rate 1000 --seconds 1 --start 2026-03-02T10:00:00Z

cat >member.py <<'END'
import sys
import time
from confluent_kafka import Consumer

consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": "groups.k2.mine", "client.id": sys.argv[2],
                     "isolation.level": "read_committed", "auto.offset.reset": "earliest",
                     "partition.assignment.strategy": "cooperative-sticky", "enable.auto.commit": False})
consumer.subscribe(["groups.market.ticks.sim"])
end = time.time() + 60
while time.time() < end:
    m = consumer.poll(0.2)
    if m is not None and not m.error():
        consumer.commit(m, asynchronous=False)
END
python=$tree/.deps/venv/bin/python
"$python" member.py "$broker" first & one=$!
"$python" member.py "$broker" second & two=$!
shared() { k2 group describe mine --format csv | awk -F , '{ split($1, m, " "); seen[m[1]] = 1 } END { exit !(seen["first"] && seen["second"]) }'; }
until_true shared
until_true sh -c 'k2 group describe mine --format csv | awk -F , "NR > 1 { if (\$6 > 1) exit 1 }"' # the end of a transaction
run 1 k2 group seek mine --to start --yes
has err 'reads for group mine: stop it first'
kill -TERM $one $two
wait $one $two
left() { k2 group describe mine --format csv >left.out && ! grep -q -e ^first -e ^second left.out; }
until_true left
run 0 k2 group seek mine --to start --yes
run 0 k2 group describe mine --format csv
[ "$(awk -F , 'NR > 1 { n += $6 } END { print n }' out)" -ge 1000 ] || fail "the group did not go back"
run 0 k2 group list --format csv
has out 'lag_seconds'
run 0 k2 group seek mine --to end --partition 0 --yes
run 0 k2 group remove mine --yes

# --- 500 partitions ---

rm -rf k2-data
export K2_JOURNAL_URL="kafka://$broker/many." K2_JOURNAL_PARTITIONS=500
run 0 k2 simulate --symbols 2000 --seed 6 --rate 200K --seconds 2 --start 2026-03-02T10:00:00Z
grep took out
run 0 k2 topic list --format csv
has out 'market.ticks.sim,trades,500,'
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'
same "$(value "SELECT count(*) FROM trades")" 400000 "rows of 500 partitions"
finish
