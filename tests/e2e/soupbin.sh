#!/usr/bin/env bash
# k2-test: timeout=240
# A SoupBinTCP session of Nasdaq's: login, heartbeats, connections that end; what was missed meanwhile is asked for by its
# number, also by a k2 that was killed. Every message is there once, under the number that the venue gave it.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
# shellcheck source=tests/support/venue.sh
. "$tree/tests/support/venue.sh"
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 0; }

start() {
    : >up.out
    k2 up --config k2.ini >up.out 2>up.err &
    up=$!
    until_true grep -q 'Ctrl-C ends it' up.out
}
is_sent() { grep -q '"done"' server.out; }
rows() { [ "$(value "SELECT count(*) FROM book_events")" -ge "$1" ]; }

python3 - <<'PY'
import struct
def at(i): return (34200 * 10**9 + i).to_bytes(6, "big")
def order(i):
    return b"A" + struct.pack(">HH", 7, 0) + at(i) + struct.pack(">Q", i) + b"B" + struct.pack(">I", 100) + \
        b"AAPL    " + struct.pack(">I", 1500000)
messages = [order(i) for i in range(1, 2001)]
open("session", "wb").write(b"".join(struct.pack(">H", len(m)) + m for m in messages))
PY

# --- who may not, and what is no login ---
venue session --as len16 --soup 0 --login k2:secret:20261121 --rate 300 --go-on --patience 3 \
    --do '300 drop' --do '600 half' --do '700 reset' --do '1500 refuse 1'
soup=soupbintcp://127.0.0.1:$(port soup)
run 1 k2 ingest nasdaq-totalview-itch-5.0 "$soup" --exchange NASDAQ --send k2 --seconds 1 --data elsewhere
has err 'USER PASSWORD [SESSION [NUMBER]]'
run 1 k2 ingest nasdaq-totalview-itch-5.0 "$soup" --exchange NASDAQ --send 'k2 sesame' --seconds 1 --data elsewhere
has err 'not authorised'
run 1 k2 ingest nasdaq-totalview-itch-5.0 "$soup" --exchange NASDAQ --send 'k2 secret NONE' --seconds 1 --data elsewhere
has err 'there is no such session'
grep -q sesame err out && fail "the password is shown"

# --- the session, with connections that end, a venue that is silent for longer than it bears silence, and a kill ---
cat >k2.ini <<END
[sink]
interval = 1s
[feed.itch]
format = nasdaq-totalview-itch-5.0
exchange = NASDAQ
source = $soup
send = k2 secret
END
start
until_true rows 1000
kill -KILL "$up"
wait "$up" 2>/dev/null
sleep 1
start
until_true is_sent
until_true rows 2000
sed -n '/"connected": true/,$p' server.out | grep -q '"asks_from": "1"' && fail "the session was asked for from its start again"
grep -q '"asks_from": "300"' server.out || fail "the next number was not asked for: $(grep asks_from server.out)"
grep -q '"silent": true' server.out && fail "there was no heartbeat in three seconds"

# --- the venue ends the session, and begins the next one: what was received of the old one is asked for no more ---
at=$(port soup)
kill "$server"
wait "$server" 2>/dev/null
ended() { k2 gaps list --format ndjson 2>/dev/null | grep -q "$1"; }
venue session --as len16 --soup "$at" --login k2:secret:20261121 --do '1 close 1000' --do '1 refuse 600'
until_true ended 'the venue ended the session 20261121'
kill "$server"
wait "$server" 2>/dev/null
head -c $((50 * 38)) session >next
venue next --as len16 --soup "$at" --login k2:secret:20261122 --rate 300
of_next() { [ "$(value "SELECT count(*) FROM book_events WHERE channel = 'stream/20261122'")" -eq 50 ]; }
until_true of_next
grep -q '"session": "20261121", "asks_from": "2001"' server.out || fail "the old session was not asked for first"
grep -q '"session": "", "asks_from": "1"' server.out || fail "the session under way was not asked for from its start"
kill -TERM "$up"
wait "$up"
same $? 0 "exit code of a stopped k2 up"
up=''
run 0 k2 sink --once
same "$(value "SELECT count(*) FROM book_events WHERE channel = 'stream/20261121'")" 2000
same "$(value "SELECT count(*) FROM book_events WHERE exchange_sequence_number = CAST(order_id AS BIGINT) AND channel = 'stream/20261121'")" 2000
same "$(k2 gaps list --format csv | grep -c '/shared/')" 0 "gaps of numbers"
run 0 k2 quarantine list
grep -q CONFLICT out && fail "a number came twice"
run 0 k2 reconcile
finish
