#!/usr/bin/env bash
# k2-test: timeout=240
# Messages that a live feed missed are asked for at the venue: a MoldUDP64 re-request server that drops, has half, and is
# silent. What it answers is stored once; what it has not is given up, or keeps its channel halted.
tree=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/e2e.sh
. "$tree/tests/support/e2e.sh"
# shellcheck source=tests/support/venue.sh
. "$tree/tests/support/venue.sh"
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 0; }

free_udp() { # a port that nobody has at the moment
    python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
start() {
    : >up.out
    k2 up --config k2.ini >up.out 2>up.err &
    up=$!
    until_true grep -q 'Ctrl-C ends it' up.out
}
stop() {
    kill -TERM "$up"
    wait "$up"
    same $? 0 "exit code of a stopped k2 up"
    up=''
}
state_of() { k2 gaps list --format csv | awk -F , -v id="/shared/0/$1" 'index($1, id) { print $2 }'; }
is() { [ "$(state_of "$1")" = "$2" ]; }
is_sent() { grep -q '"done"' server.out; }
has_rows() { [ "$(value "SELECT count(*) FROM book_events")" -ge "$1" ]; }

# A session of Nasdaq ITCH: orders of AAPL, and the execution of each, which names the stock by its number only.
python3 - <<'PY'
import struct
def at(i): return (34200 * 10**9 + i).to_bytes(6, "big")
def order(i):
    return b"A" + struct.pack(">HH", 7, 0) + at(i) + struct.pack(">Q", i) + b"B" + struct.pack(">I", 100) + \
        b"AAPL    " + struct.pack(">I", 1500000)
def executed(i):
    return b"E" + struct.pack(">HH", 7, 0) + at(i) + struct.pack(">QIQ", i - 1, 100, i)
def directory():
    return b"R" + struct.pack(">HH", 7, 0) + at(0) + b"AAPL    QN" + struct.pack(">I", 100) + b"NCZ PN1N" + \
        struct.pack(">I", 0) + b"N"
messages = [b"S" + struct.pack(">HH", 0, 0) + at(0) + b"O", directory()]
messages += [order(i) if i % 2 else executed(i) for i in range(3, 1201)]
open("session", "wb").write(b"".join(struct.pack(">H", len(m)) + m for m in messages))
PY

# --- 20 are missing (asked for), 5 (only logged), 200 (their channel is halted, and goes on), 30 of which it has none,
# 40 of which it has half ---
udp=$(free_udp)
venue session --as len16 --mold 20261121A --udp "127.0.0.1:$udp" --rerequest 0 --clients 0 --rate 300 \
    --do '1 stall 4' --do '101 lose 20' --do '101 answer silent 1' --do '201 lose 5' --do '300 lose 200' \
    --do '640 stall 4' --do '650 answer until 720' --do '700 lose 40'
cat >k2.ini <<END
[sequence]
reorder_events = 10
[sink]
interval = 1s
[feed.itch]
format = nasdaq-totalview-itch-5.0
exchange = NASDAQ
source = udp://127.0.0.1:$udp
recover = moldudp64://127.0.0.1:$(port rerequest)
END
start
until_true is_sent
until_true is 101 FILLED
until_true is 300 FILLED
same "$(state_of 201)" OPENED "a small gap is only logged"
until_true is 700 GIVEN_UP
grep -q '"rerequest": "20261121A", "number": 101, "count": 20' server.out || fail "the first request"
grep -q '"rerequest": "20261121A", "number": 111, "count": 10' server.out || fail "what did not fit is asked for again"
grep -q '"number": 201,' server.out && fail "a small gap was asked for"
id=$(k2 gaps list --format csv | cut -d , -f 1 | grep '/shared/0/700$')
run 0 k2 gaps show "$id" --format csv
has out 'GIVEN_UP,20,recovery'
has out 'does not fill it'
until_true has_rows 1173
stop
run 0 k2 sink --once
# 1200 without 5 that were too few to ask for, and 20 that nobody has; each once, the late ones under their symbol too, which
# only the directory at the start of the session tells of executions.
same "$(value "SELECT count(*) FROM book_events")" 1173
same "$(value "SELECT count(DISTINCT exchange_sequence_number) FROM book_events")" 1173
same "$(value "SELECT count(*) FROM book_events WHERE symbol = 'AAPL'")" 1173
run 0 k2 halt list --format csv
same "$(sed 1d out | wc -l)" 0 "the channel goes on"
run 0 k2 reconcile
run 0 k2 verify
finish
