#!/usr/bin/env bash
# k2-test: timeout=900
# The network between k2 up and its broker goes dark, loses answers (a commit that was done and is not heard of), and resets
# connections; two sinks work at once, one of them is stopped for a while or killed. Journal and table hold the same rows
# each time, no number is missing and none is there twice.
# shellcheck source=tests/support/services.sh
. "$(dirname "$0")/../../support/services.sh"
needs kafka

# The broker tells its clients the link's port for its own.
serve kafka broker
port=${address##*:}
"$services" stop kafka "$scratch/broker" >/dev/null
link=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -i "s|^advertised.listeners=.*|advertised.listeners=PLAINTEXT://127.0.0.1:$link|" "$scratch/broker/server.properties"
echo up >"$scratch/mode"
python3 "$tree/tests/support/link.py" "$link" "$port" "$scratch/mode" >link.out 2>&1 & linker=$!
trap 'kill $linker 2>/dev/null; end_servers' EXIT
"$services" start kafka "$scratch/broker" >/dev/null
link_is() { echo "$1" >"$scratch/mode.new" && mv "$scratch/mode.new" "$scratch/mode"; }

rows_of_journal() { k2 topic list --format csv | sed -n 's/^market.ticks.sim,trades,[0-9]*,//p'; }
flows() { # rows arrive again
    local before now
    before=$(rows_of_journal)
    sleep 1
    now=$(rows_of_journal)
    [ -n "$before" ] && [ -n "$now" ] && [ "$now" -gt $((before + 100)) ]
}
proven() {
    run 0 k2 reconcile
    has err 'equal'
    same "$(value "SELECT count(*) - count(DISTINCT message_id) FROM trades")" 0 "rows twice"
    same "$(k2 gaps list --format csv | tail -n +2)" "" "gaps"
}

echo "a link that fails"
export K2_JOURNAL_URL="kafka://127.0.0.1:$link/links." K2_SINK_INTERVAL=2s
k2 up --simulate 1000 >up.out 2>&1 & p=$!
until_true flows
for fault in "dark 15" "deaf 3" "deaf 15" "cut 1" "deaf 1" "cut 5" "dark 70" "deaf 1"; do
    echo "the link is ${fault% *} for ${fault#* } s"
    link_is "${fault% *}"
    sleep "${fault#* }"
    link_is up
    until_true flows
done
kill -TERM $p
wait $p || { fail "k2 up failed"; tail -n 20 up.out >&2; }
proven

echo "two sinks"
export K2_SINK_INTERVAL=500ms K2_SINK_COMMIT_ROWS=20000
k2 sink >one.out 2>&1 & one=$!
k2 sink >two.out 2>&1 & two=$!
for i in 1 2 3 4 5 6; do
    k2 simulate --seed "$i" --rate 20K --seconds 3 --quiet >simulate.out 2>&1 || fail "$(cat simulate.out)"
    case $i in
    1) kill -STOP $one && sleep 3 && kill -CONT $one ;;
    2)
        kill -9 $two
        wait $two 2>/dev/null
        k2 sink >two.out 2>&1 & two=$!
        ;;
    3) link_is deaf && sleep 2 && link_is up ;;
    4) kill -STOP $two && link_is dark && sleep 5 && link_is up && kill -CONT $two ;;
    5) link_is cut && sleep 1 && link_is up ;;
    esac
done
kill -TERM $one $two
wait $one || { fail "the first sink failed"; tail -n 5 one.out >&2; }
wait $two || { fail "the second sink failed"; tail -n 5 two.out >&2; }
run 0 k2 sink --once
proven
finish
