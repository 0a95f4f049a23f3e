#!/usr/bin/env bash
# The real servers that K2 works with at scale, on this machine and on loopback: for tests and for trying things out.
#
# usage: tools/services.sh install                 fetches what they need into .deps/services, and programs of others that
#                                                  read our topics: Kafka Connect and Kafka Streams
#        tools/services.sh install peers          and durable logs of others, for bench/journal.sh
#        tools/services.sh start kafka DIR [PORT]  starts a broker with its data in DIR; prints its HOST:PORT
#        tools/services.sh kill kafka DIR          as a power cut would (kill -9)
#        tools/services.sh stop kafka DIR          stops it
#        tools/services.sh start kafka-secure DIR  a broker with TLS, SASL and ACLs: prints its HOST:PORT and that of the
#                                                  administrator, who needs no password; certificates and passwords are in DIR
#        tools/services.sh start kafka3 DIR        a cluster of three, in DIR/1 to DIR/3, each of which can be killed alone;
#                                                  prints all of them. kill and stop as above
#        tools/services.sh start cluster DIR       the same with three controllers beside them, in DIR/c1 to DIR/c3
#        tools/services.sh start registry DIR [PORT]  a schema registry (Apicurio) that keeps what it knows in memory; prints
#                                                  its URL. kill and stop as above
# Without PORT a free one is taken. A broker that was stopped is started again with the port it had.
set -euo pipefail
tree=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
services=$tree/.deps/services
kafka=$services/kafka
registry=$services/registry
ecosystem=$services/ecosystem

die() { printf 'services: error: %s\n' "$*" >&2; exit 1; }
not_formatted() { # not_formatted LOG
    tail -n 5 "$1" >&2
    die "Kafka's storage could not be formatted: $1"
}

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

# java21: the path of a Java that is 21 or newer; nothing if there is none. K2_JAVA names one.
java21() {
    local java
    for java in ${K2_JAVA:-} java /usr/lib/jvm/*/bin/java; do
        [ "$("$java" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p')" -ge 21 ] 2>/dev/null || continue
        echo "$java"
        return
    done
}

install_registry() {
    [ ! -e "$registry/complete" ] || return 0
    [ -n "$(java21)" ] || {
        echo "services: no Java 21 or newer, so no schema registry: its tests will be skipped" >&2
        return 0
    }
    mkdir -p "$registry"
    cp "$tree"/services/registry/* "$registry/"
    (cd "$registry" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=. -DexcludeTransitive=true) >&2 ||
        die "Maven could not fetch the schema registry (offline?)"
    tar -xzf "$registry"/apicurio-registry-app-*.tar.gz -C "$registry"
    rm "$registry"/apicurio-registry-app-*.tar.gz
    touch "$registry/complete"
}

# Not a server, and one test needs it: where it cannot be fetched the servers are installed all the same.
install_ecosystem() {
    [ ! -e "$ecosystem/complete" ] || return 0
    mkdir -p "$ecosystem"
    cp "$tree"/services/ecosystem/* "$ecosystem/"
    (cd "$ecosystem" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime) >&2 || {
        echo "services: Maven could not fetch Kafka Connect and Kafka Streams (offline?): their test will be skipped" >&2
        return 0
    }
    touch "$ecosystem/complete"
}

install_peers() {
    [ ! -e "$services/peers/complete" ] || return 0
    mkdir -p "$services/peers"
    cp "$tree"/services/peers/* "$services/peers/"
    (cd "$services/peers" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime) >&2 ||
        die "Maven could not fetch Chronicle Queue and RocksDB (offline?)"
    touch "$services/peers/complete"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The client's pick of the heap is far too much for a test.
broker() {
    CLASSPATH="$kafka/lib/*" java -Xmx384m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dlog4j.configuration="file:$kafka/log4j.properties" "$@"
}

# No '-' and no '_': an id that begins with '-' would be an option to the storage tool.
cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c 1-22; }

prepare() { # prepare DIR NODE PORT CONTROLLER VOTERS REPLICAS: the properties of a node
    local insync=1
    [ "$6" -lt 3 ] || insync=2
    mkdir -p "$1"
    sed -e "s|@DIR@|$1|; s|@NODE@|$2|; s|@PORT@|$3|g; s|@CONTROLLER@|$4|; s|@VOTERS@|$5|" \
        -e "s|@REPLICAS@|$6|; s|@INSYNC@|$insync|" "$tree/services/kafka/server.properties" >"$1/server.properties"
}

format_storage() { # format_storage DIR ID: empty, of a cluster
    broker kafka.tools.StorageTool format -t "$2" -c "$1/server.properties" >"$1/format.log" 2>&1 ||
        not_formatted "$1/format.log"
}

# format DIR NODE PORT CONTROLLER VOTERS REPLICAS ID: the broker's properties, and its empty storage
format() {
    prepare "$1" "$2" "$3" "$4" "$5" "$6"
    format_storage "$1" "$7"
}

format_one() { # format_one DIR PORT
    local controller
    controller=$(free_port)
    format "$1" 1 "$2" "$controller" "1@127.0.0.1:$controller" 1 "$(cluster_id)"
}

format_three() { # format_three DIR
    local n id controller voters=
    local -a controllers
    id=$(cluster_id)
    for n in 1 2 3; do
        controller=$(free_port)
        controllers[n]=$controller
        voters+=${voters:+,}$n@127.0.0.1:$controller
    done
    for n in 1 2 3; do format "$1/$n" "$n" "$(free_port)" "${controllers[n]}" "$voters" 3 "$id"; done
}

# role DIR controller|broker CONTROLLER: a node that is only this
role() {
    if [ "$2" = controller ]; then
        sed -i -e "s|^listeners=.*|listeners=CONTROLLER://127.0.0.1:$3|" -e '/^advertised.listeners=/d' "$1/server.properties"
    else
        sed -i -e 's|^\(listeners=[^,]*\),.*|\1|' "$1/server.properties"
    fi
    sed -i -e "s|^process.roles=.*|process.roles=$2|" "$1/server.properties"
}

format_cluster() { # format_cluster DIR
    local n id voters=
    local -a ports
    id=$(cluster_id)
    for n in 1 2 3; do
        ports[n]=$(free_port)
        voters+=${voters:+,}10$n@127.0.0.1:${ports[n]}
    done
    for n in 1 2 3; do
        prepare "$1/c$n" "10$n" 0 "${ports[n]}" "$voters" 3
        role "$1/c$n" controller "${ports[n]}"
        prepare "$1/$n" "$n" "$(free_port)" "${ports[1]}" "$voters" 3
        role "$1/$n" broker "${ports[1]}"
        format_storage "$1/c$n" "$id"
        format_storage "$1/$n" "$id"
    done
}

port_of() { sed -n 's/^advertised.listeners=.*:\([0-9]*\)$/\1/p' "$1/server.properties"; }

# The log is begun anew: its last lines say whether this start succeeded.
launch() { # launch DIR
    : >"$1/log"
    CLASSPATH="$kafka/lib/*" setsid java -Xmx384m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dlog4j.configuration="file:$kafka/log4j.properties" kafka.Kafka "$1/server.properties" \
        >"$1/log" 2>&1 </dev/null 9>&- &
    echo $! >"$1/pid"
}

await() { # await DIR: the broker answers
    local i
    for ((i = 0; i < 900; i++)); do
        grep -q 'Kafka Server started' "$1/log" && return
        kill -0 "$(cat "$1/pid")" 2>/dev/null || break
        sleep 0.1
    done
    die "the broker did not start; see $1/log"
}

own_dir() { # own_dir DIR: made, and with its whole path
    [ -e "$kafka/complete" ] || die "Kafka is not here; tools/services.sh install fetches it"
    mkdir -p "$1"
    (cd "$1" && pwd)
}

start_kafka() {
    local dir
    dir=$(own_dir "$1")
    [ -e "$dir/server.properties" ] || format_one "$dir" "${2:-$(free_port)}"
    launch "$dir"
    await "$dir"
    echo "127.0.0.1:$(port_of "$dir")"
}

word() { head -c 12 /dev/urandom | base64 | tr '+/' 'ab'; }

certificates() { # certificates DIR: DIR/ca.pem, and DIR/broker.pem with key, certificate and CA, as the broker wants them
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=k2-test-ca -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout "$1/broker.key" -out "$1/broker.csr" 2>/dev/null
    openssl x509 -req -days 3650 -in "$1/broker.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -out "$1/broker.crt" \
        -extfile <(echo 'subjectAltName=IP:127.0.0.1') 2>/dev/null
    openssl pkcs8 -topk8 -nocrypt -in "$1/broker.key" >"$1/broker.pem"
    cat "$1/broker.crt" "$1/ca.pem" >>"$1/broker.pem"
}

# The passwords of the users k2, guest and plain are in DIR/USER.password.
format_secure() { # format_secure DIR
    local controller port user
    controller=$(free_port)
    port=$(free_port)
    certificates "$1"
    for user in k2 guest plain; do (umask 077 && word >"$1/$user.password"); done
    sed -e "s|@DIR@|$1|; s|@NODE@|1|; s|@PORT@|$port|g; s|@CONTROLLER@|$controller|; s|@VOTERS@|1@127.0.0.1:$controller|" \
        -e "s|@REPLICAS@|1|; s|@INSYNC@|1|; /^listeners=/d; /^advertised.listeners=/d; /^listener.security.protocol.map=/d" \
        "$tree/services/kafka/server.properties" >"$1/server.properties"
    sed -e "s|@DIR@|$1|; s|@PORT@|$port|g; s|@SECURE@|$(free_port)|g; s|@CONTROLLER@|$controller|; s|@PLAIN@|$(cat "$1/plain.password")|" \
        "$tree/services/kafka/secure.properties" >>"$1/server.properties"
    broker kafka.tools.StorageTool format -t "$(cluster_id)" -c "$1/server.properties" \
        --add-scram "SCRAM-SHA-512=[name=k2,password=$(cat "$1/k2.password")]" \
        --add-scram "SCRAM-SHA-512=[name=guest,password=$(cat "$1/guest.password")]" >"$1/format.log" 2>&1 ||
        not_formatted "$1/format.log"
}

start_secure() { # prints the clients' HOST:PORT and the administrator's
    local dir
    dir=$(own_dir "$1")
    [ -e "$dir/server.properties" ] || format_secure "$dir"
    launch "$dir"
    await "$dir"
    sed -n 's|^advertised.listeners=PLAINTEXT://\([^,]*\),SASL_SSL://\(.*\)$|\2 \1|p' "$dir/server.properties"
}

start_kafka3() {
    local dir n all=
    dir=$(own_dir "$1")
    [ -e "$dir/3/server.properties" ] || format_three "$dir"
    for n in 1 2 3; do launch "$dir/$n"; done
    for n in 1 2 3; do
        await "$dir/$n"
        all+=${all:+,}127.0.0.1:$(port_of "$dir/$n")
    done
    echo "$all"
}

start_cluster() {
    local dir n all=
    dir=$(own_dir "$1")
    [ -e "$dir/3/server.properties" ] || format_cluster "$dir"
    for n in c1 c2 c3 1 2 3; do launch "$dir/$n"; done
    for n in c1 c2 c3; do await "$dir/$n"; done
    for n in 1 2 3; do
        await "$dir/$n"
        all+=${all:+,}127.0.0.1:$(port_of "$dir/$n")
    done
    echo "$all"
}

start_registry() { # start_registry DIR PORT
    [ -e "$registry/complete" ] || die "there is no schema registry here; tools/services.sh install fetches it"
    local i port=${2:-$(free_port)} run
    mkdir -p "$1"
    run=$(find "$registry" -name quarkus-run.jar)
    # Its second door is open to other machines unless it is told not to be.
    QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT=$port QUARKUS_MANAGEMENT_HOST=127.0.0.1 \
        QUARKUS_MANAGEMENT_PORT=$(free_port) APICURIO_STORAGE_KIND=sql APICURIO_STORAGE_SQL_KIND=h2 \
        setsid "$(java21)" -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -jar "$run" \
        >"$1/log" 2>&1 </dev/null 9>&- &
    echo $! >"$1/pid"
    for ((i = 0; i < 1200; i++)); do
        curl -sf "http://127.0.0.1:$port/apis/ccompat/v7/subjects" >/dev/null && {
            echo "http://127.0.0.1:$port/apis/ccompat/v7"
            return
        }
        kill -0 "$(cat "$1/pid")" 2>/dev/null || break
        sleep 0.1
    done
    die "the schema registry did not start; see $1/log"
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

# end_all SIGNAL DIR...: at once, since one that is left waits for the others
end_all() {
    local signal=$1 dir
    shift
    for dir; do kill "-$signal" "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null || true; done
    for dir; do end_kafka "$dir" "$signal"; done
}

case "${1-} ${2-}" in
'install ') install && install_registry && install_ecosystem ;;
'install peers') install_peers ;;
'start kafka') start_kafka "${3:?DIR}" "${4-}" ;;
'kill kafka') end_kafka "${3:?DIR}" KILL ;;
'stop kafka') end_kafka "${3:?DIR}" TERM ;;
'start kafka-secure') start_secure "${3:?DIR}" ;;
'kill kafka-secure') end_kafka "${3:?DIR}" KILL ;;
'stop kafka-secure') end_kafka "${3:?DIR}" TERM ;;
'start registry') start_registry "${3:?DIR}" "${4-}" ;;
'kill registry') end_kafka "${3:?DIR}" KILL ;;
'stop registry') end_kafka "${3:?DIR}" TERM ;;
'start kafka3') start_kafka3 "${3:?DIR}" ;;
'kill kafka3') end_all KILL "${3:?DIR}"/[123] ;;
'stop kafka3') end_all TERM "${3:?DIR}"/[123] ;;
'start cluster') start_cluster "${3:?DIR}" ;;
'kill cluster') end_all KILL "${3:?DIR}"/[123] "$3"/c[123] ;;
'stop cluster') end_all TERM "${3:?DIR}"/[123] && end_all TERM "$3"/c[123] ;;
*) sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
