#!/usr/bin/env bash
# k2-test: timeout=400
# Programs of others read our topics on Kafka through the registry that `k2 up` serves: kcat, a Kafka Connect worker with
# a file behind it, a Kafka Streams program. Where a registry of others is installed it gives the ids, and a worker reads
# through that one too, with that registry's own converter. What they have read is what SQL says of the same market.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../support/services.sh"
needs kafka ecosystem
command -v javac >/dev/null || { echo "skipped: there is no javac; tools/bootstrap.sh --with-services installs it"; exit 77; }
jars=$tree/.deps/services/ecosystem/lib
javac -d classes -cp "$jars/*" "$tree"/tests/support/ecosystem/*.java || exit 1
jvm() {
    java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j.configuration="file:$tree/services/kafka/log4j.properties" \
        -cp "classes:$jars/*" "$@"
}
sql() { k2 query --quiet --format csv "$1" | tail -n +2; }
equal() { # equal WHO: what it has seen is wanted
    [ -s wanted.txt ] || fail "$1: there is nothing to compare with"
    cmp wanted.txt seen.txt || fail "$1: not what SQL says"
}

serve kafka broker
broker=$address
apicurio=
if [ -e "$tree/.deps/services/registry/complete" ]; then
    serve registry registry
    apicurio=${address%/apis/*}
    export K2_REGISTRY_URL=$address
fi
export K2_JOURNAL_URL="kafka://$broker/eco."
run 0 k2 simulate -q --symbols 7 --rate 1000 --seconds 4 --seed 11 --start 2026-03-02T10:00:00Z
k2 up >up.log 2>&1 & up=$!
worker=
trap 'kill $up $worker 2>/dev/null; end_servers' EXIT
until_true grep -q 'in another terminal' up.log
url=$(sed -n 's/^  http *//p' up.log)
holds() { [ "$(value "SELECT count(*) FROM trades")" = "$1" ]; }
until_true holds 4000

# --- kcat: keys and places, and the id of the schema, that stands before each value ---

if command -v kcat >/dev/null; then
    id=$(curl -sf "$url/subjects/market.ticks.sim-value/versions/latest" | sed 's/.*"id":\([0-9]*\).*/\1/')
    sql "SELECT exchange || '.' || symbol, journal_partition, journal_offset, '0$id' FROM trades" | sort >wanted.txt
    run 0 kcat -q -b "$broker" -C -t eco.market.ticks.sim -o beginning -e -X isolation.level=read_committed \
        -s value='>bI' -f '%k,%p,%o,%s\n'
    sort out >seen.txt
    equal kcat
else
    echo "not looked at: kcat is missing"
fi

# --- a Kafka Connect worker writes symbols, numbers, prices and quantities into a file ---

# work NAME CONVERTER: the converter's properties come on stdin.
work() {
    cat >"$1.worker"
    cat >>"$1.worker" <<END
value.converter=$2
key.converter=org.apache.kafka.connect.storage.StringConverter
bootstrap.servers=$broker
consumer.auto.offset.reset=earliest
consumer.isolation.level=read_committed
offset.storage.file.filename=$scratch/$1.offsets
plugin.discovery=only_scan
listeners=http://127.0.0.1:0
END
    cat >"$1.sink" <<END
name=$1
connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector
tasks.max=1
topics.regex=eco\\\\.market\\\\.ticks\\\\..*
file=$scratch/$1.txt
transforms=columns
transforms.columns.type=org.apache.kafka.connect.transforms.ReplaceField\$Value
transforms.columns.include=symbol,exchange_sequence_number,price,quantity
END
    jvm org.apache.kafka.connect.cli.ConnectStandalone "$1.worker" "$1.sink" >"$1.log" 2>&1 & worker=$!
    until_true written "$1.txt"
    kill $worker
    wait $worker
    worker=
    sql "SELECT 'Struct{symbol=' || symbol || ',exchange_sequence_number=' || exchange_sequence_number ||
        ',price=' || price || ',quantity=' || quantity || '}' AS line FROM trades" | tr -d '"' | sort >wanted.txt
    sort "$1.txt" >seen.txt
    equal "Kafka Connect, $1"
}
written() { [ "$(wc -l <"$1")" -ge 4000 ]; }

work ours WireConverter <<END
value.converter.schema.registry.url=$url
END
if [ -n "$apicurio" ]; then
    work theirs io.apicurio.registry.utils.converter.AvroConverter <<END
value.converter.apicurio.registry.url=$apicurio/apis/registry/v2
value.converter.apicurio.registry.as-confluent=true
value.converter.apicurio.registry.use-id=contentId
END
else
    echo "not looked at: there is no registry of others here"
fi

# --- a Kafka Streams program adds up the volume of each symbol ---

sql "SELECT symbol, count(*), sum(quantity) FROM trades GROUP BY ALL ORDER BY symbol" >wanted.txt
run 0 jvm VolumeOfSymbols "$broker" "$url" 'eco\.market\.ticks\..*' 4000 "$scratch/streams"
grep '^[A-Z]*,' out >seen.txt
equal 'Kafka Streams'
finish
