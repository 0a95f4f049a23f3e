#!/usr/bin/env bash
# k2-test: timeout=1200
# A cluster of three brokers and three controllers loses one part after another while k2 up writes, sinks and answers. After
# each fault: how long no row became durable. At the end journal and table hold the same rows, no number is missing.
# The table it prints is the one of docs/FAILURE_RECOVERY.md.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../../support/services.sh"
needs kafka
cluster=$scratch/cluster
python=$tree/.deps/venv/bin/python
serve cluster cluster
brokers=$address
trap 'umount "$scratch/full" 2>/dev/null; end_servers' EXIT
export K2_JOURNAL_URL="kafka://$brokers/faults." K2_JOURNAL_PROFILE=production K2_SINK_INTERVAL=5s
broker() { "$services" "$1" kafka "$cluster/$2" >/dev/null; } # broker start|kill|stop NODE

# The broker that leads partition 0 of the trades.
leader() {
    "$python" - "$brokers" <<'END'
import sys
from confluent_kafka.admin import AdminClient

topic = AdminClient({"bootstrap.servers": sys.argv[1]}).list_topics(timeout=30).topics["faults.market.ticks.sim"]
print(topic.partitions[0].leader)
END
}

rows_of_journal() { k2 topic list --format csv | sed -n 's/^market.ticks.sim,trades,[0-9]*,//p'; }
flows() { # rows arrive again
    local before now
    before=$(rows_of_journal)
    sleep 1
    now=$(rows_of_journal)
    [ -n "$before" ] && [ "$now" -gt $((before + 200)) ]
}

marks=()
# fault NAME COMMAND...: rows flow before it, and again after it.
fault() {
    local name=$1
    shift
    until_true flows
    marks+=("$(date -u +%FT%T.%NZ)|$name")
    echo "fault: $name"
    "$@"
    until_true flows
}

two_die() { broker kill 1; broker kill 2; sleep 20; broker start 1; broker start 2; }
paused() { local pid; pid=$(cat "$cluster/$1/pid"); kill -STOP "$pid"; sleep 25; kill -CONT "$pid"; }
rolling() { local n; for n in 1 2 3; do broker stop $n; broker start $n; done; }
controllers() { # each of them in turn, so that the active one is among them
    local n
    for n in c1 c2 c3; do broker kill $n; sleep 5; broker start $n; done
}
full_disk() { # the newest broker's, which then stops by itself
    local n=3
    broker stop $n
    mkdir -p "$scratch/full"
    mount -t tmpfs -o size=256m none "$scratch/full" || return
    cp -a "$cluster/$n/data/." "$scratch/full/"
    sed -i "s|^log.dirs=.*|log.dirs=$scratch/full|" "$cluster/$n/server.properties"
    broker start $n
    head -c 300m /dev/zero >"$scratch/full/zeros" 2>/dev/null
    sleep 20
    rm -f "$scratch/full/zeros"
    broker kill $n
    broker start $n
}

k2 up --simulate 2000 >up.out 2>&1 & p=$!
until_true flows
fault "leader killed" broker kill "$(leader)"
for n in 1 2 3; do [ -e "$cluster/$n/pid" ] || broker start $n; done
fault "two brokers of three killed, back after 20 s" two_die
fault "leader paused for 25 s" paused "$(leader)"
fault "rolling restart" rolling
fault "controllers killed, one after the other" controllers
if mount -t tmpfs -o size=1m none /mnt 2>/dev/null; then
    umount /mnt
    fault "disk of one broker full" full_disk
else
    echo "left out: a disk that is full, for which a file system must be mounted"
fi
until_true flows
kill -TERM $p
wait $p || { fail "k2 up failed"; tail -n 20 up.out >&2; }
marks+=("$(date -u +%FT%T.%NZ)|end")

run 0 k2 reconcile
has err 'equal'
same "$(k2 gaps list --format csv | tail -n +2)" "" "gaps"
same "$(value "SELECT count(*) - count(DISTINCT message_id) FROM trades")" 0 "rows twice"
echo "| fault | longest time without a durable row |"
echo "| --- | ---: |"
for ((i = 0; i + 1 < ${#marks[@]}; i++)); do
    from=${marks[i]%%|*} to=${marks[i + 1]%%|*}
    echo "| ${marks[i]#*|} | $(value "SELECT round(max(ms) / 1000.0, 1) FROM (
        SELECT epoch_ms(t) - lag(epoch_ms(t)) OVER (ORDER BY t) AS ms, t
        FROM (SELECT DISTINCT ingest_timestamp AS t FROM trades)) WHERE t >= '$from' AND t < '$to'") s |"
done
finish
