#!/usr/bin/env bash
# The journal beside its peers, each measure in turn with theirs, ROUNDS times; medians are compared (bench/journal_table.py).
#   local   blocks of records, each durable before the next: K2's journal, a bare loop of pwrite and fdatasync, Chronicle
#           Queue (msync) and RocksDB (its log synced)
#   Kafka   trades with Avro in transactions as K2 writes and reads them, and librdkafka alone, on the same broker
#   Avro    bytes of an event as Avro and as JSON, kind by kind: simulated ones, and real ones where K2_SHARED_DATA is
# What is not installed is left out with a line: tools/services.sh install, tools/services.sh install peers.
#
# usage: bench/journal.sh [local|kafka|avro ...]      (default: all)
#        environment: ROUNDS (5), COUNT (1000000 trades as fast as it goes), SECONDS_PACED (5), K2_BIN, BENCH_BIN,
#        BENCH_TMP (a folder on a real disk), K2_SHARED_DATA
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- local kafka avro
bin=${BENCH_BIN:-$PWD/build/release/bench}
k2=${K2_BIN:-$PWD/build/release/bin/k2}
export K2_DUCKDB=${K2_DUCKDB:-$PWD/.deps/duckdb/lib} K2_RDKAFKA=${K2_RDKAFKA:-$PWD/.deps/kafka/lib}
rounds=${ROUNDS:-5}
count=${COUNT:-1000000}
seconds=${SECONDS_PACED:-5}
data=${K2_SHARED_DATA:-}
tmp=$(mktemp -d "${BENCH_TMP:-$PWD/build}/journal.XXXXXX")
broker=
end() { # what went wrong is in the log
    [ $? -eq 0 ] || tail -n 5 "$tmp/log" >&2
    [ -z "$broker" ] || tools/services.sh kill kafka "$tmp/broker"
    rm -rf "$tmp"
}
trap end EXIT
out=$tmp/figures.jsonl
: >"$out"

installed() { # installed PART
    [ -e ".deps/services/$1/complete" ] && return
    echo "left out: there is no .deps/services/$1" >&2
    return 1
}

# What Chronicle asks of a Java of 17 and newer.
opens=()
for package in jdk.internal.ref sun.nio.ch; do opens+=(--add-exports "java.base/$package=ALL-UNNAMED"); done
opens+=(--add-exports jdk.unsupported/sun.misc=ALL-UNNAMED --add-exports jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED
    --add-opens jdk.compiler/com.sun.tools.javac=ALL-UNNAMED)
for package in lang lang.reflect io util; do opens+=(--add-opens "java.base/java.$package=ALL-UNNAMED"); done

log_peer() { # log_peer NAME BLOCK BLOCKS
    java "${opens[@]}" -Xmx512m -XX:+UseSerialGC -cp "$tmp/classes:.deps/services/peers/lib/*" \
        LogPeers "$1" "$tmp/$1" "$2" "$3" 1 2>>"$tmp/log" >>"$out"
    rm -rf "${tmp:?}/$1"
}

bench_local() {
    local block i peers=
    if installed peers; then
        peers='chronicle rocksdb'
        javac -nowarn -d "$tmp/classes" -cp ".deps/services/peers/lib/*" bench/LogPeers.java 2>>"$tmp/log"
    fi
    for ((i = 1; i <= rounds; i++)); do
        printf 'local: round %d of %d\n' "$i" "$rounds" >&2
        for block in 65536 262144; do
            mkdir "$tmp/local"
            "$bin/append" "$tmp/local" $block 400 1 2>>"$tmp/log" >>"$out"
            rm -rf "$tmp/local"
            for peer in $peers; do log_peer "$peer" $block 400; done
        done
    done
}

bench_kafka() {
    local i rate mode modes=(k2 idempotent transaction)
    installed kafka || return 0
    broker=$(tools/services.sh start kafka "$tmp/broker")
    for ((i = 1; i <= rounds; i++)); do
        printf 'kafka: round %d of %d\n' "$i" "$rounds" >&2
        for rate in 10000 100000 0; do
            for mode in "${modes[@]}"; do
                "$bin/kafka" "$broker" "r$i.$rate." "$tmp/k2.$i.$rate" "$mode" $((rate ? rate * seconds : count)) $rate \
                    2>>"$tmp/log" >>"$out"
            done
        done
        modes=("${modes[@]:1}" "${modes[0]}") # a broker that has run longer is faster: each is first in its turn
        for mode in k2-read fetch; do
            "$bin/kafka" "$broker" "r$i.0." "$tmp/k2.$i.0" $mode "$count" 2>>"$tmp/log" >>"$out"
        done
    done
}

bench_avro() {
    local file
    "$k2" simulate -q --quotes --seconds 5 --data "$tmp/avro" >>"$tmp/log" 2>&1
    [ -z "$data" ] || for file in "$data"/dbn/test_data.{mbo,definition,statistics,status,imbalance,ohlcv-1s,trades}.v3.dbn.zst \
        "$data"/iex-pcap/DEEP10*.pcap.gz "$data"/binance-raw/*; do
        "$k2" ingest -q --data "$tmp/avro" "$file" >>"$tmp/log" 2>&1
    done
    "$bin/avro_json" "$tmp/avro" 2>>"$tmp/log" >>"$out"
}

for part; do
    "bench_$part"
done
cp "$out" build/journal.jsonl
python3 bench/journal_table.py "$out"
