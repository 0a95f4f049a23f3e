#!/usr/bin/env bash
# k2-test: timeout=120
# What gaps lack is asked for by itself: from a REST API, and from a directory of late files; a halted channel goes on;
# who does not answer is given up, with the reason in the ledger; and somebody is told.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"

trades() { # trades SYMBOL FROM TO
    local i
    for ((i = $2; i <= $3; i++)); do
        printf '{"e":"trade","E":1772445600000,"s":"%s","t":%d,"p":"1.5","q":"2","T":%d,"m":true,"M":true}\n' \
            "$1" "$i" $((1772445600000 + i))
    done
}

# A venue's API that has the trades of all but NONEUSDT, ten at a time; and a page for alerts.
cat >venue.py <<'END'
import http.server, json, sys, urllib.parse

class Venue(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        q = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        with open("asked", "a") as f:
            print(self.path, self.headers.get("X-MBX-APIKEY"), file=f)
        if url.path != "/venue/api/v3/historicalTrades" or q["symbol"] == "NONEUSDT":
            return self.answer(404, b"{}")
        first = int(q["fromId"])
        rows = [{"id": i, "price": "1.5", "qty": "2", "quoteQty": "3", "time": 1772445600000 + i,
                 "isBuyerMaker": True, "isBestMatch": True}
                for i in range(first, first + min(10, int(q["limit"])))]
        self.answer(200, json.dumps(rows).encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("alerts", "ab") as f:
            f.write(body + b"\n")
        self.answer(200, b"")

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Venue)
with open("port.new", "w") as f:
    print(server.server_port, file=f)
import os
os.rename("port.new", "port")
server.serve_forever()
END
python3 venue.py &
venue=$!
for _ in $(seq 100); do
    [ -f port ] && break
    sleep 0.1
done
port=$(cat port)

wait_for() { # wait_for WHAT COMMAND...
    local what=$1 i
    shift
    for ((i = 0; i < 300; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "$what"
}
state_of() { k2 gaps list --format csv | awk -F , -v id="$1" 'index($1, id) { print $2 }'; }
is() { [ "$(state_of "$1")" = "$2" ]; }

mkdir feeds late
cat >k2.ini <<END
[alert]
webhook = http://127.0.0.1:$port/alerts
[sequence]
reorder_events = 10
[feed.rest]
format = binance-json
exchange = BINANCE
source = $PWD/feeds/rest.json
recover = http://127.0.0.1:$port/venue
recover_key = the-key
poll = 100ms
[feed.files]
format = binance-json
exchange = BITSTAMP
source = $PWD/feeds/files.json
recover = $PWD/late
poll = 100ms
END
{ trades BTCUSDT 1 300; trades BTCUSDT 321 1000; trades ETHUSDT 1 20; trades ETHUSDT 221 400; } >feeds/rest.json
{ trades NONEUSDT 1 100; trades NONEUSDT 131 300; } >>feeds/rest.json
{ trades LTCUSD 1 50; trades LTCUSD 71 300; } >feeds/files.json
k2 up --config k2.ini >up.out 2>up.log &
up=$!

# --- from the API: a gap, a halt, and one that it does not have ---

wait_for "the gap is filled" is BTCUSDT/trade/0/301 FILLED
wait_for "the halt is filled" is ETHUSDT/trade/0/21 FILLED
same "$(k2 halt list --format csv 2>/dev/null | sed 1d | wc -l)" 0 "the channel goes on"
grep -q 'symbol=BTCUSDT&fromId=301&limit=20 the-key' asked || fail "the first request"
wait_for "it is given up" is NONEUSDT/trade/0/101 GIVEN_UP
id=$(k2 gaps list --format csv | grep NONEUSDT | cut -d , -f 1)
run 0 k2 gaps show "$id" --format csv
has out 'GIVEN_UP,30,recovery'
has out 'answered 404'

# --- from files that appear ---

wait_for "asked for" is LTCUSD/trade/0/51 REQUESTED
trades LTCUSD 40 80 >late/replay.json.new
mv late/replay.json.new late/replay.json
wait_for "late files fill it" is LTCUSD/trade/0/51 FILLED

# --- somebody was told, and told when it was over ---

for id in BTCUSDT ETHUSDT LTCUSD; do
    wait_for "page of $id" grep -q "\"level\":\"page\".*$id" alerts
    wait_for "end of $id" grep -q "\"level\":\"resolved\".*$id" alerts
done
kill "$up"
wait "$up"
kill "$venue"
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM trades WHERE symbol = 'BTCUSDT'")" 1000
same "$(value "SELECT count(*) FROM trades WHERE symbol = 'LTCUSD'")" 300
same "$(value "SELECT count(*) FROM trades WHERE symbol = 'ETHUSDT'")" 400 "what was passed over while it was halted is there too"
run 0 k2 reconcile
[ -f k2-data/raw/recovered/rest-BTCUSDT-301-320.jsonl ] || fail "what was answered is kept"
finish
