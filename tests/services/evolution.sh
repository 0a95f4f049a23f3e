#!/usr/bin/env bash
# k2-test: timeout=600
# A field comes and goes on Kafka while everything runs: k2 up with a market and the sink, a consumer with the old
# reader's schema and queries, beside a producer of others (Confluent's client) that writes newer versions. The registry
# is a k2 up of its own, so that one that goes away in the midst can be tried, too. Recovery is measured and said.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka
python=$tree/.deps/venv/bin/python
"$python" -W ignore -c 'import confluent_kafka.schema_registry.avro' 2>/dev/null ||
    { echo "skipped: there is no confluent-kafka for Python here"; exit 77; }
serve kafka broker
broker=$address
running=()
# shellcheck disable=SC2154  # scratch: e2e.sh
trap 'kill "${running[@]}" 2>/dev/null; end_servers' EXIT

# --- the registry: a k2 up with a journal of its own ---

registry() { # registry [LISTEN]
    : >registry.out
    env -u K2_JOURNAL_URL -u K2_REGISTRY_URL K2_HTTP_LISTEN="${1:-127.0.0.1:0}" k2 up --data registry >registry.out 2>>registry.err &
    registry_pid=$!
    running+=("$registry_pid")
    until_true grep -q 'Ctrl-C ends it' registry.out
    url=$(sed -n 's/^ *http *\(http:[^ ]*\)$/\1/p' registry.out)
}
registry

# --- k2 on Kafka, and those that stay running ---

export K2_JOURNAL_URL="kafka://$broker/live." K2_REGISTRY_URL=$url K2_SINK_INTERVAL=1s K2_REGISTRY_CACHE=1s
topic=live.market.ticks.sim subject=live.market.ticks.sim-value
k2 up --simulate 20 >up.out 2>up.err &
running+=($!)
until_true grep -q 'Ctrl-C ends it' up.out
web=$(sed -n 's/^ *http *\(http:[^ ]*\)$/\1/p' up.out)
holds() { [ "$(value "SELECT count(*) FROM trades WHERE $1")" -ge "$2" ]; }
until_true holds true 10
k2 topic tail market.ticks.sim --from start --follow >tail.out 2>tail.err &
running+=($!)
curl -sf "$url/subjects/$subject/versions/1/schema" >v1.avsc || fail "no version 1"

# send SCHEMA FIRST COUNT FIELD=VALUE...: rows of exchange SIM, channel others, by a client that registers the schema
send() { "$python" -W ignore "$tree/tests/support/evolving_producer.py" "$broker" "$url" "$topic" "$@"; }
# read_old COUNT: a consumer whose reader's schema is version 1 reads so many rows of channel others
read_old() { "$python" -W ignore "$tree/tests/support/evolving_consumer.py" "$broker" "$url" "$topic" v1.avsc "$1"; }
metric() { curl -s "$web/metrics" | sed -n "s/^$1\(_total\)\{0,1\}\({[^}]*}\)\{0,1\} //p" | head -n 1; }

# with_fields FILE FIELD...: version 1 with these behind its fields
with_fields() {
    "$python" - "$@" <<'END'
import json, sys
schema = json.load(open("v1.avsc"))
schema["fields"] += [json.loads(f) for f in sys.argv[2:]]
json.dump(schema, open(sys.argv[1], "w"))
END
}
optional() { printf '{"name":"%s","type":["null",%s],"default":null%s}' "$1" "$2" "${3:-}"; }

# --- version 2: fields of every type that tables hold ---

with_fields v2.avsc "$(optional rumour '"string"')" "$(optional big '"long"')" "$(optional small '"int"')" \
    "$(optional yes '"boolean"')" \
    "$(optional fee '{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}')" \
    "$(optional told '{"type":"long","logicalType":"timestamp-micros"}')" \
    "$(optional settles '{"type":"int","logicalType":"date"}')" "$(optional ratio '"double"')" \
    "$(optional legs '{"type":"array","items":"long"}')"
run 0 send v2.avsc 1 50 rumour=up big=9007199254740993 small=-7 yes=true fee=1.25 told=2026-03-02T10:00:00.123456+00:00 \
    settles=2026-03-04 ratio=0.1 legs=1,2
start=$(date +%s%N)
until_true holds "rumour = 'up'" 50
echo "rows of a new version were in the table after $((($(date +%s%N) - start) / 1000000)) ms"
same "$(value "SELECT DISTINCT concat_ws(' ', big, small, yes, fee, epoch_us(told), settles, ratio, replace(legs, ',', '+')) FROM trades
    WHERE rumour IS NOT NULL")" "9007199254740993 -7 1 1.2500000000 1772445600123456 2026-03-04 0.1 [1+2]"
same "$(value "SELECT count(*) FROM trades WHERE channel <> 'others' AND rumour IS NOT NULL")" 0 "old rows"
until_true grep -q '"rumour":"up"' tail.out
run 0 read_old 50
run 0 k2 reconcile
has err 'equal'

# --- version 3: deprecated, and left empty; version 4: gone ---

with_fields v3.avsc "$(optional rumour '"string"' ',"deprecated":"2026-01-01"')" "$(optional big '"long"')"
run 0 send v3.avsc 51 10 big=3
until_true holds "channel = 'others'" 60
cp v1.avsc v4.avsc
run 0 send v4.avsc 61 10
until_true holds "channel = 'others'" 70
same "$(value "SELECT count(rumour) FROM trades")" 50 "what was said"
same "$(value "SELECT count(big) FROM trades")" 60
run 0 read_old 70

# --- an incompatible one is refused at the producer ---

sed 's/"name": "exchange_sequence_number", "type": "long"/"name": "exchange_sequence_number", "type": "string"/' v2.avsc >wrong.avsc
cmp -s v2.avsc wrong.avsc && fail "no other type was made"
run 1 send wrong.avsc 71 1
has err 'incompatible'
same "$(curl -s "$url/metrics" | sed -n 's/^k2_registry_compatibility_failures_total //p')" 1 "refusals counted"

# A k2 whose own schema does not fit writes nothing, and its source waits where it was, until the schema is put right.
printf '03/10/2014,10:00:00.000,37.5,100,0,,\n03/10/2014,10:00:01.000,37.6,200,0,,\n' >1_BHP.csv
curl -sf -H 'Content-Type: application/json' "$url/subjects/taken.market.ticks.asx-value/versions" \
    -d '{"schema":"{\"type\":\"record\",\"name\":\"trade\",\"fields\":[{\"name\":\"price\",\"type\":\"string\"}]}"}' \
    >/dev/null || fail "the other schema was not taken"
K2_JOURNAL_URL="kafka://$broker/taken." run 1 k2 ingest asx-csv 1_BHP.csv --data taken
has err 'refuses'
same "$(curl -s "$url/metrics" | sed -n 's/^k2_registry_compatibility_failures_total //p')" 2 "refusals counted"
curl -sf -X DELETE "$url/subjects/taken.market.ticks.asx-value" >/dev/null || fail "the wrong schema stays"
start=$(date +%s%N)
K2_JOURNAL_URL="kafka://$broker/taken." run 0 k2 ingest asx-csv 1_BHP.csv --data taken
has out 'read 2 = accepted 2'
echo "after a wrong schema was taken away, the rows were durable after $((($(date +%s%N) - start) / 1000000)) ms"

# --- the registry goes away: what is known goes on, what is new waits ---

with_fields v5.avsc "$(optional late '"string"')"
run 0 send v5.avsc 71 0 # registers only
id=$(curl -s "$url/subjects/$subject/versions/latest" | sed 's/.*"id":\([0-9]*\).*/\1/')
before=$(value "SELECT max(exchange_sequence_number) FROM trades WHERE channel <> 'others'")
kill -TERM "$registry_pid"
wait "$registry_pid" 2>/dev/null
grows() { [ "$(value "SELECT max(exchange_sequence_number) FROM trades WHERE channel <> 'others'")" -gt "$((before + 20))" ]; }
until_true grows
run 0 send --id "$id" v5.avsc 71 10 late=yes
until_true grep -q 'role failed and tries again.*registry' up.err
[ "$(metric k2_registry_unavailable)" -gt 0 ] || fail "nobody counts that the registry is away"
same "$(value "SELECT count(*) FROM trades WHERE channel = 'others'")" 70 "rows of a version that nobody can read yet"
start=$(date +%s%N)
listen=${url#http://}
registry "$listen"
until_true holds "channel = 'others' AND late = 'yes'" 10
echo "after the registry came back, rows of the version that waited were in the table after $((($(date +%s%N) - start) / 1000000)) ms"
run 0 k2 reconcile
has err 'equal'
run 0 read_old 80
until_true grep -q '"late":"yes"' tail.out

# --- nobody was started again ---

for pid in "${running[@]}"; do
    [ "$pid" = "$registry_pid" ] || [ "$pid" = "${running[0]}" ] || kill -0 "$pid" || fail "process $pid ended"
done
grep -q 'role stopped itself' up.err && fail "a role stopped"
finish
