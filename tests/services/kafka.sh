#!/usr/bin/env bash
# k2-test: timeout=600
# The journal on a real Kafka broker: the same commands with another URL; kill -9 of writer, sink and broker; an older
# writer that comes back; a topic that was deleted and made anew. Each time journal and table hold the same rows.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
serve kafka broker
broker=$address
at() { export K2_JOURNAL_URL="kafka://$broker/$1."; } # at NAME: a journal of its own
market=(k2 simulate -q --symbols 5 --seed 5 --start 2026-03-02T10:00:00Z)
rows() { value "SELECT count(*) FROM trades"; }
exact() { # exact ROWS WHAT
    run 0 k2 sink --once
    same "$(rows)" "$1" "$2: rows"
    same "$(value "SELECT count(DISTINCT message_id) FROM trades")" "$1" "$2: no row twice"
    run 0 k2 reconcile
    has err 'equal'
}

# --- the same commands, the URL alone differs ---

say_all() { # what a user sees of a market, without times and ids
    run 0 "${market[@]}" --rate 2000 --seconds 2 --gaps 0.001 --quotes
    run 0 k2 sink --once
    k2 query --format csv "SELECT symbol, count(*), sum(quantity), max(price) FROM trades GROUP BY ALL ORDER BY ALL"
    k2 query --format csv "SELECT symbol, count(*), max(bid_price) FROM quotes GROUP BY ALL ORDER BY ALL"
    k2 gaps list --format csv | cut -d , -f 1,2,4-12 # without the time of noticing
    run 0 k2 verify
    run 0 k2 reconcile
    has err 'equal'
}
unset K2_JOURNAL_URL
say_all >local.txt
rm -rf k2-data
at same
say_all >kafka.txt
[ -s local.txt ] || fail "nothing was said"
cmp local.txt kafka.txt || fail "local and kafka differ"
run 0 k2 topic list
has out 'market.ticks.sim'
run 0 k2 topic tail market.ticks.sim
run 0 k2 group list
has out 'sink'
run 0 k2 status
has out 'healthy'

# --- another data directory, the same journal: schemas come from it ---

run 0 k2 sink --once --data other
same "$(K2_DATA=other value "SELECT count(*) FROM trades")" "$(rows)" "a second table of the same journal"

# --- the whole platform ---

rm -rf k2-data
at platform
k2 up --simulate 2000 >up.out 2>&1 & p=$!
sleep 6
run 0 k2 status
has out 'healthy'
run 0 "${market[@]}" --rate 1000 --seconds 1 # through k2 up
has out 'accepted 1000 '
kill -TERM $p
wait $p || fail "k2 up failed"
run 0 k2 reconcile
has err 'equal'
[ "$(rows)" -gt 5000 ] || fail "only $(rows) rows in six seconds"

# --- writer and sink are killed ---

rm -rf k2-data
at killed
for _ in 1 2 3 4; do
    "${market[@]}" --rate 200K --seconds 2 & p=$!
    sleep 0.$((RANDOM % 900 + 50))
    kill -9 $p 2>/dev/null
    wait $p 2>/dev/null
    k2 sink --once -q >/dev/null 2>&1 & p=$!
    sleep 0.$((RANDOM % 600 + 50))
    kill -9 $p 2>/dev/null
    wait $p 2>/dev/null
done
run 0 "${market[@]}" --rate 200K --seconds 2
exact 400000 "after kills"

# --- the broker is killed under load ---

rm -rf k2-data
at broken
"${market[@]}" --rate 200K --seconds 8 >writer.out 2>&1 & p=$!
sleep 2
"$services" kill kafka "$scratch/broker"
kill -0 $p 2>/dev/null || fail "the writer did not wait for its broker"
sleep 1
"$services" start kafka "$scratch/broker" >/dev/null || fail "the broker does not come back"
wait $p || { fail "the writer failed"; cat writer.out >&2; }
exact 1600000 "after the broker's end"

# --- a writer that was stopped comes back and finds another in its place ---

rm -rf k2-data
at fenced
"${market[@]}" --rate 200K --seconds 8 --data first >writer.out 2>&1 & p=$!
sleep 1.5
kill -STOP $p
run 0 "${market[@]}" --rate 200K --seconds 8
kill -CONT $p
wait $p && fail "the older writer was not fenced"
has writer.out 'another writer has taken over'
exact 1600000 "after fencing"

# --- a topic that was deleted and made anew is refused ---

rm -rf k2-data
at made.anew
run 0 "${market[@]}" --rate 1000 --seconds 1
exact 1000 "before"
"$tree/.deps/venv/bin/python" - "$broker" made.anew.market.ticks.sim <<'END' || fail "the topic could not be made anew"
import sys
import time
from confluent_kafka.admin import AdminClient, NewTopic

admin, topic = AdminClient({"bootstrap.servers": sys.argv[1]}), sys.argv[2]
admin.delete_topics([topic])[topic].result()
while topic in admin.list_topics().topics:
    time.sleep(0.1)
admin.create_topics([NewTopic(topic, 3, 1)])[topic].result()
END
run 1 k2 sink --once
has err 'deleted and made anew'
run 1 "${market[@]}" --rate 1000 --seconds 1
has err 'deleted and made anew'

# --- nobody there, a wrong address, a typo ---

K2_JOURNAL_URL=kafka://127.0.0.1:1 run 1 k2 topic list
has err 'no broker answered'
K2_JOURNAL_URL=kafka:// run 1 k2 topic list
has err 'names no broker'
K2_JOURNAL_URL="kafka://$broker/?no.such.property=1" run 1 k2 topic list
has err 'no.such.property'
K2_JOURNAL_URL=kafak://x run 1 k2 topic list
has err 'use local: or kafka://'

finish
