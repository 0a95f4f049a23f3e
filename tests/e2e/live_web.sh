#!/usr/bin/env bash
# WebSockets as venues want them: pings and answers in text, headers of the handshake, TLS with a certificate that must
# be trusted. Who does not do as the venue wants is ended by it, and its session would not arrive.
# k2-test: timeout=300
. "$(dirname "$0")/../support/e2e.sh"
command -v openssl >/dev/null || { echo "skipped: there is no openssl"; exit 0; }
export K2_HTTP_LISTEN=127.0.0.1:0 K2_SINK_INTERVAL=1s
servers=() jobs=() up='' n=0
# shellcheck disable=SC2154  # scratch: e2e.sh
trap 'for p in "${servers[@]}" "${jobs[@]}" $up; do kill -KILL "$p" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$scratch"' EXIT

venue() { # venue NAME WORDS...: a server of the session NAME, until its ports are open
    python3 "${K2_SOURCE:?}/tests/support/venue_server.py" "$@" --exit --ports "$1.ports" >"$1.log" &
    servers+=($!)
    until_true test -e "$1.ports"
}
port() { python3 -c 'import json,sys; print(*json.load(open(sys.argv[1] + ".ports")).values())' "$1"; }
rows() { [ "$(value "SELECT count(*) FROM trades WHERE exchange = '$1'")" -eq "$2" ]; }

# --- pings in text: the session goes on for longer than the venue is patient ---
for i in $(seq 46); do # two a second
    ms=$((1723161256000 + i))
    echo "{\"arg\":{\"channel\":\"trades\",\"instId\":\"BTC-USDT\"},\"data\":[{\"instId\":\"BTC-USDT\",\"tradeId\":\"$i\",\"px\":\"100.5\",\"sz\":\"1\",\"side\":\"buy\",\"ts\":\"$ms\"}]}" >>okx
    echo "{\"jsonrpc\":\"2.0\",\"method\":\"subscription\",\"params\":{\"channel\":\"trades.BTC-PERPETUAL.raw\",\"data\":[{\"trade_seq\":$i,\"trade_id\":\"$i\",\"timestamp\":$ms,\"tick_direction\":0,\"price\":100.5,\"mark_price\":100.5,\"instrument_name\":\"BTC-PERPETUAL\",\"index_price\":100.5,\"direction\":\"buy\",\"amount\":10}]}}" >>deribit
done
venue okx --ws 0 --rate 2 --patience 18 --wants ping --answers pong
venue deribit --ws 0 --rate 2 --patience 4 --wants public/test --answers '{"jsonrpc":"2.0","id":1000000002,"result":{"version":"1.2.26"}}' \
    --asks '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}'
for name in okx deribit; do
    k2 ingest "$name-json" "ws://127.0.0.1:$(port "$name")/ws/v5/public" --exchange "${name^^}" --data "of_$name" \
        >"$name.out" 2>"$name.err" &
    jobs+=($!)
done

# A capture decodes nothing; whose pings are wanted is said with it.
cp okx raw
venue raw --ws 0 --rate 2 --patience 18 --wants ping --answers pong
k2 capture "ws://127.0.0.1:$(port raw)/" --feed okx-json --seconds 300 --out raw.k2raw --format json >raw.out 2>raw.err &
jobs+=($!)

# --- TLS: only a certificate that is trusted will do ---
binance() { # binance FILE
    for i in $(seq 40); do
        echo "{\"e\":\"trade\",\"E\":1723161256000,\"T\":1723161256000,\"s\":\"BTCUSDT\",\"t\":$i,\"p\":\"61800.5\",\"q\":\"0.1\",\"X\":\"MARKET\",\"m\":false}"
    done >"$1"
}
binance tls
binance other
venue other --ws 0 --wss 0 --cert wrong.pem --clients 9
venue tls --wss 0 --cert right.pem --rate 200 --header 'X-Api-Key: sesame'
wss=wss://localhost:$(port tls)/stream
run 1 k2 ingest binance-json "$wss" --exchange BINANCE --seconds 2
has err 'certificate'
run 1 k2 ingest binance-json "$wss" --exchange BINANCE --ca-file wrong.pem --seconds 2
has err 'certificate'
run 1 k2 ingest binance-json "$wss" --exchange BINANCE --ca-file right.pem --seconds 2
has err '401 Unauthorized'

# --- headers: from the command line and from the configuration, and shown nowhere ---
binance keyed
printf 'sesame\n' >secret
printf 'X-Other: 1\nX-Api-Key: file:secret\n' >headers
venue keyed --ws 0 --rate 200 --header 'X-Api-Key: sesame' --clients 9
ws=ws://127.0.0.1:$(port keyed)/stream
refused() { # refused TEXT WORDS...: what is wrong with the words is told, and no secret
    local text=$1
    shift
    run 1 "$@"
    has err "$text"
    grep -q sesame out err && fail "the header is shown"
}
for header in X-Api-Key:sesame 'X-Api-Key: file:secret' @headers env:WHOLE; do
    WHOLE='X-Api-Key: sesame' run 0 k2 capture "$ws" --header "$header" --seconds 0.5 --out "keyed$((++n)).k2raw"
    grep -q sesame out err "keyed$n.k2raw" && fail "the header is shown or kept"
done
run 0 k2 ingest binance-json "$ws" --exchange BINANCE --header 'X-Api-Key: file:secret' --seconds 0.5 --data keyed.data
grep -rlq sesame keyed.data out err && fail "the header is shown or kept"
refused '401 Unauthorized' k2 capture "$ws" --seconds 0.5 --out no.k2raw
refused 'a header is NAME: VALUE' k2 ingest binance-json "$ws" --exchange BINANCE --header sesame --data keyed.data
refused 'the environment has no NOT_THERE' k2 capture "$ws" --header X-Api-Key:env:NOT_THERE --out no.k2raw
refused 'only a WebSocket has headers' k2 capture tcp://127.0.0.1:9 --header X-Api-Key:sesame --out no.k2raw
refused 'no-such' k2 capture "$ws" --feed no-such --header X-Api-Key:sesame --out no.k2raw

cat >k2.ini <<END
[feed.tls]
format = binance-json
exchange = BINANCE
source = $wss
ca_file = right.pem
header = env:VENUE_KEY
END
export VENUE_KEY='X-Api-Key: sesame'
run 0 k2 config --config k2.ini
grep -q sesame out err && fail "k2 config shows the header"
k2 up --config k2.ini >up.out 2>up.err &
up=$!
until_true grep -q 'Ctrl-C ends it' up.out
until_true rows BINANCE 40
k2 status >out 2>err # its exit code tells that the session is over
grep -q sesame out err up.out up.err && fail "the header is shown"
kill -TERM "$up"
wait "$up"
same $? 0 "exit code of a stopped k2 up"
up=''
grep -rlq sesame k2-data 2>/dev/null && fail "the header is kept: $(grep -rl sesame k2-data)"
run 0 k2 reconcile

# --- a feed that is taken away: nobody will end what is open of it ---
k2 gaps list --open --format ndjson >out 2>err
has out '/tls/disconnect/'
printf '[feed.sim]\nsource = sim:\nrate = 10\n' >sim.ini
k2 up --config sim.ini >up.out 2>up.err &
up=$!
until_true grep -q 'Ctrl-C ends it' up.out
is_given_up() { k2 gaps list --format ndjson 2>/dev/null | grep '/tls/disconnect/' | grep -q '"state":"GIVEN_UP"'; }
until_true is_given_up
run 0 k2 status
k2 gaps show "$(k2 gaps list --format ndjson 2>/dev/null | sed -n 's|.*"id":"\([^"]*/tls/disconnect/[^"]*\)".*|\1|p' | head -n 1)" >out 2>err
has out 'the feed is not in the configuration any more'
kill -TERM "$up"
wait "$up"
up=''

check_header() { # check_header TEXT WORDS: what the configuration says of it
    VENUE_KEY=$1 run 1 k2 config check --config k2.ini
    has err "$2"
    grep -q sesame err out && fail "the header is shown"
}
check_header 'sesame' 'header: a header is NAME: VALUE'
check_header 'Host: sesame' "header: header Host is one of the handshake's own"

# --- what was begun above ---
for name in okx deribit raw; do
    until_true grep -q '"done"' "$name.log"
done
sleep 1
kill -INT "${jobs[@]}"
for job in "${jobs[@]}"; do wait "$job" || fail "one ended badly: $(cat okx.err deribit.err raw.err)"; done
jobs=()
has raw.out '"connections":1'
same "$(grep -c . okx)" 46
run 0 k2 ingest okx-json raw.k2raw --data of_raw
has out "accepted 46 "
for name in okx deribit; do
    grep -q unheard "$name.log" && fail "$name ended a connection that did not say what it wants"
    grep -q wanted "$name.log" || fail "$name heard nothing"
    has "$name.out" "accepted 46 + duplicates 0 + conflicts 0 + quarantined 0"
done
grep -q 'public/set_heartbeat' deribit.log || fail "Deribit was not told that heartbeats are wanted"
finish
