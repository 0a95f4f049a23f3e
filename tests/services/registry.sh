#!/usr/bin/env bash
# k2-test: timeout=600
# A schema registry of others (Apicurio) gives the ids: with the journal in the directory and on Kafka, whose records
# Confluent's client then reads through it. It stops answering in the middle, and it refuses a schema.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka registry
serve registry registry
url=$address
# That one begins with NONE.
curl -sf -X PUT -H 'Content-Type: application/json' -d '{"compatibility":"BACKWARD"}' "$url/config" >/dev/null ||
    fail "the registry takes no level"
export K2_REGISTRY_URL=$url
market=(k2 simulate -q --symbols 5 --rate 1000 --seed 5 --seconds 1)
theirs() { # theirs SUBJECT: the id of its newest version there
    curl -s "$url/subjects/$1/versions/latest" | sed 's/.*"id":\([0-9]*\).*/\1/'
}
ours() { k2 schema list --format csv | sed -n "s/^$1,[0-9]*,//p" | tail -n 1; }

# --- the journal in the directory ---

run 0 "${market[@]}" --start 2026-03-02T10:00:00Z
same "$(ours market.ticks.sim-value)" "$(theirs market.ticks.sim-value)" "the id of the trades"
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'

# It does not answer, as behind a dead network: the request takes its time, then what is known goes on.
pid=$(cat "$scratch/registry/pid")
kill -STOP "$pid"
run 0 env K2_REGISTRY_CACHE=0s "${market[@]}" --start 2026-03-02T11:00:00Z
has err 'schema registry is away'
run 0 "${market[@]}" --start 2026-03-02T12:00:00Z
run 1 "${market[@]}" --quotes --start 2026-03-02T13:00:00Z
has err 'does not answer'
run 0 k2 query -q "SELECT count(*) FROM trades"
kill -CONT "$pid"
run 0 "${market[@]}" --quotes --start 2026-03-02T13:00:00Z
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'
same "$(ours market.quotes.sim-value)" "$(theirs market.quotes.sim-value)" "the id of the quotes"

# --- it refuses: somebody has another schema there ---

curl -sf -H 'Content-Type: application/json' "$url/subjects/taken.market.ticks.sim-value/versions" \
    -d '{"schema":"{\"type\":\"record\",\"name\":\"other\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}"}' \
    >/dev/null || fail "the other schema was not taken"
serve kafka broker
broker=$address
K2_JOURNAL_URL="kafka://$broker/taken." run 1 "${market[@]}" --data taken --start 2026-03-02T10:00:00Z
has err 'refuses'

# --- the journal on Kafka: subjects have the names of the topics there ---

export K2_JOURNAL_URL="kafka://$broker/prod."
rm -rf k2-data
run 0 "${market[@]}" --quotes --start 2026-03-02T10:00:00Z
run 0 k2 sink --once
run 0 k2 reconcile
has err 'equal'
same "$(ours market.ticks.sim-value)" "$(theirs prod.market.ticks.sim-value)" "the id on Kafka"
"$tree/.deps/venv/bin/python" -W ignore - "$broker" "$url" prod.market.ticks.sim "$(value "SELECT count(*) FROM trades")" <<'END' || fail "Confluent's client cannot read it"
import sys

try:
    from confluent_kafka import DeserializingConsumer
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer
except ImportError as missing:
    print("not looked at:", missing)
    sys.exit(0)

broker, url, topic, rows = sys.argv[1:]
consumer = DeserializingConsumer({"bootstrap.servers": broker, "group.id": "judge", "auto.offset.reset": "earliest",
                                  "value.deserializer": AvroDeserializer(SchemaRegistryClient({"url": url}))})
consumer.subscribe([topic])
seen = idle = 0
while seen < int(rows) and idle < 30:
    message = consumer.poll(1)
    if message is None:
        idle += 1
        continue
    assert message.error() is None, message.error()
    row = message.value()
    assert row["exchange"] == "SIM" and row["price"] is not None, row
    seen += 1
consumer.close()
print(seen, "records read")
sys.exit(seen < int(rows))
END

# Another machine with nothing but the two URLs; the schemas come from the journal even while the registry is away.
kill -STOP "$(cat "$scratch/registry/pid")"
run 0 k2 sink --once --data elsewhere
same "$(K2_DATA=elsewhere value "SELECT count(*) FROM trades")" "$(value "SELECT count(*) FROM trades")" "another table"
kill -CONT "$(cat "$scratch/registry/pid")"
finish
