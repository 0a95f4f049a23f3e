#!/usr/bin/env bash
# Live sources: what a server on this machine sends over WebSocket and over two lines of UDP, with connections that drop,
# stalls, bursts, losses and a k2 that is killed, is in the raw topic, and the rest of the platform names exactly what is
# missing. Nothing here is timed: what takes its time is polled for, with limits that only a hang reaches.
# k2-test: timeout=600
. "$(dirname "$0")/../support/e2e.sh"
export K2_HTTP_LISTEN=127.0.0.1:0 K2_SINK_INTERVAL=1s K2_SEQUENCE_HALT=none
up='' server=''
# shellcheck disable=SC2154  # scratch: e2e.sh
trap 'for p in $up $server; do kill -KILL "$p" 2>/dev/null; done; rm -rf "$scratch"' EXIT

start() { # start: k2 up, until it says that it runs
    : >up.out
    k2 up >up.out 2>up.err &
    up=$!
    until_true grep -q 'Ctrl-C ends it' up.out
}

stop() { # stop: by SIGTERM, and it must be a good end
    kill -TERM "$up"
    wait "$up"
    same $? 0 "exit code of a stopped k2 up"
    up=''
}

kill_up() {
    kill -KILL "$up"
    wait "$up" 2>/dev/null
    up=''
}

venue() { # venue WORDS...: the server, until its ports are open
    rm -f ports
    python3 "${K2_SOURCE:?}/tests/support/venue_server.py" "$@" --exit --ports ports >server.out &
    server=$!
    until_true test -e ports
}

port() { python3 -c 'import json,sys; print(json.load(open("ports"))[sys.argv[1]])' "$1"; }
free_udp() { # two ports that nobody has at the moment
    python3 -c '
import socket
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for one in s: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in s))'
}
rows() { [ "$(value "SELECT count(*) FROM trades WHERE symbol = '$1'")" -ge "$2" ]; }
is_connected() { # the source on port a
    k2 topic tail market.raw.binance --from start 2>/dev/null | grep '"CONNECTED"' | grep -q "127.0.0.1:$a"
}
is_sent() { grep -q '"done"' server.out; }

# trades SYMBOL N: a session of N trades, numbered from 1001
trades() {
    awk -v s="$1" -v n="$2" 'BEGIN { for (i = 1; i <= n; i++)
        printf "{\"e\":\"trade\",\"E\":%.0f,\"T\":%.0f,\"s\":\"%s\",\"t\":%d,\"p\":\"61800.%02d\",\"q\":\"0.%03d\",\"X\":\"MARKET\",\"m\":false}\n",
            1723161256000 + i, 1723161256000 + i, s, 1000 + i, i % 100, 1 + i % 900 }'
}

# accounts SYMBOL N [all]: numbers in raw, in the table and in the ledger of gaps. What was received is decoded, once, and
# what was not is named: raw = rows, and rows + missing = all up to the last one that came (with "all": the last that was
# sent), without one number in both.
accounts() {
    k2 topic tail market.raw.binance --from start >raw.json 2>/dev/null
    k2 query --quiet --format csv "SELECT exchange_sequence_number FROM trades WHERE symbol = '$1'" >rows.csv
    k2 gaps --format json >gaps.json 2>/dev/null
    python3 - "$@" <<'PY'
import json, re, sys

symbol, n = sys.argv[1], int(sys.argv[2])
of_symbol = re.compile(r'\\*"s\\*":\\*"' + symbol + r'\\*".*?\\*"t\\*":(\d+)')
raw = [int(m.group(1)) for m in of_symbol.finditer(open("raw.json").read())]
rows = [int(line) for line in open("rows.csv").read().split()[1:]]
missing = []
for gap in json.load(open("gaps.json")):
    if gap["id"].split("/")[2] == symbol and gap["state"] != "FILLED":
        missing += range(int(gap["from"]), int(gap["to"]) + 1)
assert len(rows) == len(set(rows)), "a row is there twice"
assert set(raw) == set(rows), ("raw and rows differ", sorted(set(raw) ^ set(rows)))
last = max(rows)
assert not set(rows) & set(missing), "a number is there and missing"
assert sorted(rows + missing) == list(range(1001, last + 1)), sorted(
    set(range(1001, last + 1)) - set(rows) - set(missing))
assert last == 1000 + n if sys.argv[3:] else last <= 1000 + n, last
print(len(raw), "frames,", len(rows), "rows,", len(missing), "missing")
PY
}

# --- a capture: what came is read as any other file, also after the capture was killed ---
trades CAPUSDT 40 >session
read -r a b <<<"$(free_udp)"
k2 capture "udp://127.0.0.1:$a,127.0.0.1:$b" --frames 78 --out lines.k2raw >out 2>err &
capture=$!
until_true test -s lines.k2raw
venue session --udp "127.0.0.1:$a,127.0.0.1:$b" --clients 0 --rate 500 --do '10 lose 1 a' --do '20 lose 1 b'
wait "$capture" || fail "capture ended badly: $(cat err)"
wait "$server"
server=''
run 0 k2 feed detect lines.k2raw
has out binance-json
run 0 k2 decode lines.k2raw --format ndjson
same "$(grep -c '"kind":"trade"' out)" 40
same "$(grep -c 'the same datagram came on the other line' out)" 38
run 1 k2 capture udp://127.0.0.1:"$a" --out lines.k2raw --seconds 1
has err "there already; a capture overwrites nothing: name another --out, or remove it"
head -c $(($(stat -c %s lines.k2raw) - 3)) lines.k2raw >cut.k2raw
run 0 k2 decode cut.k2raw --format ndjson
has out "the capture ends inside a frame"
run 2 k2 capture lines.k2raw

# Nobody is there: no file stays, so the next try may have its name. Nothing is sent: that is what is said of the file.
for try in 1 2; do
    run 1 k2 capture "ws://127.0.0.1:$a" --out none.k2raw --seconds 0.3
    has err "there was no connection"
    [ -e none.k2raw ] && fail "a capture without a connection left its file at try $try"
done
echo "no packets" >none.pcap
run 1 k2 capture pcap:none.pcap --out none.k2raw
[ -e none.k2raw ] && fail "what is no capture of packets left a file"
run 0 k2 capture "udp://127.0.0.1:$a" --out silent.k2raw --seconds 0.3
has err "nothing was received"
grep -q "k2 ingest" err && fail "there is nothing to be read: $(cat err)"
run 1 k2 ingest silent.k2raw --data elsewhere
has err "a raw capture in which nothing was received"
run 1 k2 feed detect silent.k2raw
has out "a raw capture in which nothing was received"
run 0 k2 ingest lines.k2raw --data elsewhere
has out "accepted 40"

# --- a file at the pace that it was recorded at ---
run 0 k2 ingest binance-json 'pcap:lines.k2raw?speed=max' --data paced
has out "accepted 40"
run 2 k2 ingest binance-json 'pcap:lines.k2raw?speed=fast' --data paced
has err "speed is max, 1x, 10x"
run 1 k2 ingest binance-json "ws://127.0.0.1:$a" --exchange BINANCE --seconds 1 --data paced # nobody listens there
has err "no connection was made"
run 0 k2 group list --data paced --format csv
same "$(grep -c '^raw' out)" 0 # a run that ended well holds nothing back
before=$(date +%s%N)
run 0 k2 ingest binance-json 'pcap:lines.k2raw?speed=0.02x' --data elsewhen # 39 ms in 1.9 s
[ $(($(date +%s%N) - before)) -ge 1900000000 ] || fail "0.02x was faster than that"
has out "accepted 40"

# --- a WebSocket that drops, stalls and bursts, and a k2 that is killed in the middle ---
trades BTCUSDT 1500 >session
venue session --ws 0 --rate 400 --go-on --do '200 lose 3' --do '350 drop' --do '500 stall 0.3' --do '600 burst 200' \
    --do '900 half' --do '1100 reset' --do '1300 fragment 20' --do '1350 swap' --do '1400 twice 5'
export K2_FEED_WS_FORMAT=binance-json K2_FEED_WS_EXCHANGE=BINANCE K2_FEED_WS_SOURCE
K2_FEED_WS_SOURCE=ws://127.0.0.1:$(port ws)/stream
start
until_true rows BTCUSDT 300
kill_up
start
until_true rows BTCUSDT 700
kill_up
start
until_true is_sent
until_true rows BTCUSDT 1000
k2 status >out 2>err # its exit code tells of the gaps
has out feed.ws
stop
server=''
run 0 k2 sink --once
accounts BTCUSDT 1500 >said 2>&1 || fail "websocket: $(cat said)"
cat said
grep -q '"state":"FILLED".*k2 was not running' <(k2 gaps --format ndjson) ||
    fail "the time without k2 is no entry of the ledger"
run 0 k2 reconcile
unset K2_FEED_WS_SOURCE K2_FEED_WS_FORMAT K2_FEED_WS_EXCHANGE

# --- two lines of UDP, with losses on each and on both ---
trades ETHUSDT 600 >session
read -r a b <<<"$(free_udp)"
k2 ingest binance-json "udp://127.0.0.1:$a,127.0.0.1:$b" --exchange BINANCE --format json >out 2>err &
ingest=$!
until_true is_connected
venue session --udp "127.0.0.1:$a,127.0.0.1:$b" --clients 0 --rate 800 --do '50 lose 20 a' --do '150 lose 30 b' \
    --do '300 lose 4 a' --do '302 lose 4 b' --do '400 burst 100'
wait "$server"
server=''
last_raw() { k2 topic tail market.raw.binance --from start 2>/dev/null | grep ETHUSDT | grep -cF 't\":1600,'; }
both_came() { [ "$(last_raw)" -eq 2 ]; }
until_true both_came
kill -INT "$ingest"
wait "$ingest"
same $? 0 "exit code of an ingest that was told to end"
run 0 k2 sink --once
accounts ETHUSDT 600 all >said 2>&1 || fail "two lines: $(cat said)"
cat said
has said " 2 missing"
run 0 k2 reconcile

# --- TCP, of which half a message is lost; a second run sees the day again and tells nothing twice ---
python3 - <<'PY'
import struct
def at(i): return (34200 * 10**9 + i).to_bytes(6, "big")
def order(i):
    return b"SA" + struct.pack(">HH", 7, 0) + at(i) + struct.pack(">Q", i) + b"B" + struct.pack(">I", 100) + \
        b"AAPL    " + struct.pack(">I", 1500000)
messages = [b"SS" + bytes(4) + at(0) + b"O"] + [order(i) for i in range(1, 50)]
open("session", "wb").write(b"".join(struct.pack(">H", len(m)) + m for m in messages))
PY
venue session --as len16 --tcp 0 --rate 400 --do '20 half'
tcp=tcp://127.0.0.1:$(port tcp)
k2 ingest nasdaq-totalview-itch-5.0 "$tcp" --exchange NASDAQ >out 2>err &
ingest=$!
until_true is_sent
wait "$server"
server=''
last_order() { k2 topic tail market.books.xnas --from start 2>/dev/null | grep -q '"order_id":"49"'; }
until_true last_order
kill -INT "$ingest"
wait "$ingest" || fail "ingest: $(cat err)"
has out "accepted 49 + duplicates 0 + conflicts 0 + quarantined 1"
run 0 k2 quarantine list
has out "ends inside a frame"
run 1 k2 ingest nasdaq-totalview-itch-5.0 "$tcp" --exchange NASDAQ --seconds 0.3 # the server is gone
has out "accepted 0 + duplicates 0 + conflicts 0 + quarantined 0"

# --- a halted channel: its raw bytes are kept all the same ---
trades XRPUSDT 400 >session
read -r a b <<<"$(free_udp)"
K2_SEQUENCE_HALT=feeds k2 ingest binance-json "udp://127.0.0.1:$a" --exchange BINANCE --seconds 4 >out 2>err &
ingest=$!
until_true is_connected
venue session --udp "127.0.0.1:$a" --clients 0 --rate 800 --do '100 lose 150'
wait "$ingest" || fail "ingest: $(cat err)"
wait "$server"
server=''
grep -q 'halted [1-9]' out || fail "the channel was not halted: $(cat out)"
same "$(k2 topic tail market.raw.binance --from start 2>/dev/null | grep -c XRPUSDT)" 250

# --- a halted channel of a feed goes on: what was received meanwhile is stored, from its raw bytes ---
trades ADAUSDT 400 >session
read -r a b <<<"$(free_udp)"
export K2_FEED_ADA_FORMAT=binance-json K2_FEED_ADA_EXCHANGE=BINANCE K2_FEED_ADA_SOURCE=udp://127.0.0.1:$a
export K2_SEQUENCE_HALT=feeds
start
is_up() { k2 topic tail market.raw.binance --from start 2>/dev/null | grep -q 'feed:ada'; }
until_true is_up
venue session --udp "127.0.0.1:$a" --clients 0 --rate 800 --do '100 lose 150'
wait "$server"
server=''
raw_of() { [ "$(k2 topic tail market.raw.binance --from start 2>/dev/null | grep -c "$1")" -eq "$2" ]; }
until_true raw_of ADAUSDT 250
until_true rows ADAUSDT 99
run 0 k2 halt resume "$(k2 halt list --format csv | sed -n 's/^\([^,]*ADAUSDT[^,]*\),.*/\1/p' | head -n 1)"
has err 'kept in the raw topic and stored from there'
until_true rows ADAUSDT 250
same "$(value "SELECT count(*) FROM trades WHERE symbol = 'ADAUSDT'")" 250
stop
run 0 k2 reconcile
run 0 k2 verify
finish
