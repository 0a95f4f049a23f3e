#!/usr/bin/env bash
# The real servers that K2 works with at scale, on this machine and on loopback: for tests and for trying things out.
#
# usage: tools/services.sh install                 fetches what they need into .deps/services
#        tools/services.sh start kafka DIR [PORT]  starts a broker with its data in DIR; prints its HOST:PORT
#        tools/services.sh kill kafka DIR          as a power cut would (kill -9)
#        tools/services.sh stop kafka DIR          stops it
# Without PORT a free one is taken. A broker that was stopped is started again with the port it had.
set -euo pipefail
tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
services=$tree/.deps/services
kafka=$services/kafka

die() { printf 'services: error: %s\n' "$*" >&2; exit 1; }

install() {
    command -v java >/dev/null && command -v mvn >/dev/null ||
        die "java and mvn are needed; tools/bootstrap.sh --with-services installs them"
    [ -e "$kafka/complete" ] && return
    mkdir -p "$kafka"
    cp "$tree"/services/kafka/* "$kafka/"
    (cd "$kafka" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime) >&2 ||
        die "Maven could not fetch Kafka (offline?)"
    touch "$kafka/complete"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The client's pick of the heap is far too much for a test.
broker() {
    CLASSPATH="$kafka/lib/*" java -Xmx384m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dlog4j.configuration="file:$kafka/log4j.properties" "$@"
}

format() { # format DIR PORT
    sed -e "s|@DIR@|$1|; s|@PORT@|$2|; s|@CONTROLLER@|$(free_port)|" "$kafka/server.properties" >"$1/server.properties"
    sed -i "s|^controller.quorum.voters=.*|controller.quorum.voters=1@$(sed -n 's/.*CONTROLLER:\/\/\(127[0-9.:]*\).*/\1/p' "$1/server.properties")|" \
        "$1/server.properties"
    broker kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 1-22)" \
        -c "$1/server.properties" >"$1/format.log" 2>&1 || die "Kafka's storage could not be formatted: $1/format.log"
}

start_kafka() {
    [ -e "$kafka/complete" ] || die "Kafka is not here; tools/services.sh install fetches it"
    mkdir -p "$1"
    local dir port
    dir=$(cd "$1" && pwd)
    [ -e "$dir/server.properties" ] || format "$dir" "${2:-$(free_port)}"
    port=$(sed -n 's/^advertised.listeners=.*:\([0-9]*\)$/\1/p' "$dir/server.properties")
    # The log is begun anew: its last lines say whether this start succeeded.
    CLASSPATH="$kafka/lib/*" setsid java -Xmx384m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dlog4j.configuration="file:$kafka/log4j.properties" kafka.Kafka "$dir/server.properties" \
        >"$dir/log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/pid"
    local i
    for ((i = 0; i < 600; i++)); do
        grep -q 'Kafka Server started' "$dir/log" && { echo "127.0.0.1:$port"; return; }
        kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
        sleep 0.1
    done
    die "the broker did not start; see $dir/log"
}

end_kafka() { # end_kafka DIR SIGNAL
    local pid i
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill "-$2" "$pid" 2>/dev/null || true
    for ((i = 0; i < 300; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    rm -f "$1/pid"
}

case "${1-} ${2-}" in
'install ') install ;;
'start kafka') start_kafka "${3:?DIR}" "${4-}" ;;
'kill kafka') end_kafka "${3:?DIR}" KILL ;;
'stop kafka') end_kafka "${3:?DIR}" TERM ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
